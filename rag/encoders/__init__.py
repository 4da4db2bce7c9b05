"""Texts to unit vectors: the only place that imports torch, and lazily.

``load_encoder()`` gives the encoder that the settings name. The bundled model on a processor has two runtimes: a light
one for questions (``bundled.py``, :mod:`rag.light`), which a command loads in half a second, and torch for the many
texts of a build (``bert.py``). Any other model, and any other device, goes by sentence-transformers (``sentence.py``).
Where the settings name an embeddings server, documents go there (``served.py``, ``server.py``).
``model_fingerprint()`` names what an index was built with and loads nothing, so that opening one is quick.
"""

from rag.encoders.bundled import BundledEncoder
from rag.encoders.models import Prompts, model_fingerprint, model_prompts
from rag.encoders.sentence import SentenceEncoder
from rag.encoders.served import ServedEncoder
from rag.encoders.server import EmbeddingsServer
from rag.encoders.texts import token_batches
from rag.protocols import Encoder
from rag.settings import Settings
from rag.weights import bundled_model_folder

__all__ = [
    "BundledEncoder",
    "Prompts",
    "SentenceEncoder",
    "ServedEncoder",
    "bundled_model_folder",
    "load_encoder",
    "model_fingerprint",
    "token_batches",
]


SERVED_NAME = "multilingual-e5-small"  # what the bundled model is asked for by, where no other name is set


def load_encoder(settings: Settings | None = None) -> Encoder:
    """The encoder that the settings name, as the facade takes it.

    Raises ModelError where it cannot be had, ConfigurationError where its embeddings server has no usable address.
    """
    settings = settings or Settings.from_environment()
    local = _local(settings)
    if settings.embeddings_url is None:
        return local
    server = EmbeddingsServer.configured(settings, settings.model or SERVED_NAME, local.dimension)
    return ServedEncoder(local, server, model_prompts(settings))


def _local(settings: Settings) -> Encoder:
    if settings.model is None and settings.device in (None, "cpu") and settings.runtime == "light":
        return BundledEncoder.load(settings)
    return SentenceEncoder.load(settings)
