"""Texts to unit vectors: the only place that imports torch, and lazily.

``load_encoder()`` gives the encoder that the settings name. The bundled model on a processor has two runtimes: a light
one for questions (``bundled.py``, :mod:`rag.light`), which a command loads in half a second, and torch for the many
texts of a build (``bert.py``). Any other model, and any other device, goes by sentence-transformers (``sentence.py``).
``model_fingerprint()`` names what an index was built with and loads nothing, so that opening one is quick.
"""

from rag.encoders.bundled import BundledEncoder
from rag.encoders.models import Prompts, model_fingerprint
from rag.encoders.sentence import SentenceEncoder
from rag.encoders.texts import token_batches
from rag.protocols import Encoder
from rag.settings import Settings
from rag.weights import bundled_model_folder

__all__ = [
    "BundledEncoder",
    "Prompts",
    "SentenceEncoder",
    "bundled_model_folder",
    "load_encoder",
    "model_fingerprint",
    "token_batches",
]


def load_encoder(settings: Settings | None = None) -> Encoder:
    """The encoder that the settings name, as the facade takes it; raises ModelError where it cannot be had."""
    settings = settings or Settings.from_environment()
    if settings.model is None and settings.device in (None, "cpu") and settings.runtime == "light":
        return BundledEncoder.load(settings)
    return SentenceEncoder.load(settings)
