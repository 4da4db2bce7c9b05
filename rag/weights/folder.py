"""The folder of the bundled model in the user's cache, in the form of sentence-transformers."""

from __future__ import annotations

from pathlib import Path

from rag.errors import ModelError
from rag.settings import Settings
from rag.weights.contents import write_contents
from rag.weights.file import WEIGHTS_SHA256, checked_bytes, read_weights, weights_path
from rag.weights.made import made

FOLDER_NAME = f"multilingual-e5-small-q4-0.3.0-{WEIGHTS_SHA256[:12]}"
RECIPE = 1  # raised when the same weights would give other files, so that a folder of the old recipe is remade


def bundled_model_folder(settings: Settings | None = None) -> Path:
    """The bundled model as a sentence-transformers folder under ``settings.cache``, made where needed.

    Making takes about 5 s and 490 MB of disk; see :func:`rag.weights.made.made`. A weights file that the settings name
    is checked even when the folder is there already: a wrong setting is told, not passed over.

    Raises ModelError where the weights are missing or damaged, or the cache cannot be written.
    """
    settings = settings or Settings.from_environment()
    if settings.weights is not None:
        checked_bytes(settings.weights)
    source = {"recipe": RECIPE, "weights": WEIGHTS_SHA256}
    try:
        return made(
            settings.cache / FOLDER_NAME,
            source,
            lambda folder: write_contents(folder, read_weights(weights_path(settings))),
        )
    except OSError as error:
        raise ModelError(
            f"cannot make the bundled model in {settings.cache} ({error}): "
            "set SNOSKA_CACHE to a folder that can be written and has 600 MB free"
        ) from error
