"""The files that the light runtime reads, in the user's cache beside the bundled model: made once, kept by stamps.

What they are made from is verified by SHA-256 when they are made; each start compares sizes and times alone, which
takes no reading (:func:`rag.weights.made.made`). The tables are written as they are read, so that the system maps
them and a question touches only the pages of its own words.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from rag.errors import ModelError
from rag.light.network import exact_network, fast_network
from rag.light.pieces import write_pieces
from rag.light.second import write_parts
from rag.settings import Settings
from rag.universal import SHA256, WEIGHTS, verified
from rag.weights.contents import write_tokenizer
from rag.weights.file import WEIGHTS_SHA256, checked_bytes, read_weights, weights_path
from rag.weights.made import Source, made

RECIPE = 2  # raised when the same weights would give other files; two versions of Snoska have a folder each
LIGHT_NAME = f"multilingual-e5-small-q4-0.3.0-{WEIGHTS_SHA256[:12]}-light-{RECIPE}"
SECOND_NAME = f"universal-sentence-encoder-0.2.1-{SHA256[WEIGHTS][:12]}-light-{RECIPE}"


def light_folder(settings: Settings) -> Path:
    """The bundled model's network, word embeddings and tokenizer: 180 MB, made in seconds where they are not there.

    Raises ModelError where the weights are missing or damaged, or the cache cannot be written.
    """
    if settings.weights is not None:
        checked_bytes(settings.weights)

    def write(folder: Path) -> None:
        weights = read_weights(weights_path(settings))
        (folder / "exact.onnx").write_bytes(exact_network(weights))
        (folder / "fast.onnx").write_bytes(fast_network(weights))
        np.save(folder / "words.npy", weights.words)
        at, types = (weights.tensors[f"embeddings.{name}_embeddings.weight"] for name in ("position", "token_type"))
        np.save(folder / "positions.npy", at + types[0])  # all tokens are of the first type
        write_tokenizer(folder / "tokenizer.json", weights.pieces)
        write_pieces(folder, weights.pieces)

    return _made(settings, LIGHT_NAME, {"recipe": RECIPE, "weights": WEIGHTS_SHA256}, write)


def second_folder(settings: Settings) -> Path:
    """The second encoder's parts, unpacked: 85 MB, made in a second; raises ModelError as :func:`light_folder`."""
    return _made(settings, SECOND_NAME, {"recipe": RECIPE, **SHA256}, lambda folder: write_parts(verified(), folder))


def _made(settings: Settings, name: str, source: Source, write: Callable[[Path], None]) -> Path:
    try:
        return made(settings.cache / name, source, write)
    except OSError as error:
        raise ModelError(
            f"cannot make the bundled model in {settings.cache} ({error}): "
            "set SNOSKA_CACHE to a folder that can be written and has 600 MB free"
        ) from error
