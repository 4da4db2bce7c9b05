"""The tokenizer of one short text, out of the pieces that it could hold.

The whole tokenizer has 250,002 pieces, which take two thirds of a second and 250 MB to load. A text of a few hundred
characters holds a few hundred of them. These are looked up by the hashes of all its substrings in a table that the
system maps into memory, and the same tokenizer is put together with them alone: it finds the same best path, since a
piece that is not in the text is on none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.types import Ids
from rag.weights.contents import SPECIALS, assembled, normalisation_table, normaliser

FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd, its bits well mixed: 2^64 over the golden ratio
_SPECIAL = re.compile("|".join(map(re.escape, SPECIALS)))  # a text is taken apart at them first

Hashes = NDArray[np.uint64]


def write_pieces(folder: Path, pieces: Sequence[tuple[str, float]]) -> None:
    """Fills ``folder`` with what :class:`Pieces` reads; raises ValueError where two pieces have one hash."""
    texts = [text for text, _ in pieces]
    hashes = np.array([_hash(text) for text in texts], dtype=np.uint64)
    order = np.argsort(hashes)
    if len(np.unique(hashes)) != len(hashes):
        raise ValueError("two pieces have the same hash: change the factor")
    encoded = [text.encode() for text in texts]
    np.save(folder / "hashes.npy", hashes[order])
    np.save(folder / "order.npy", order.astype(np.int32))
    np.save(folder / "scores.npy", np.array([score for _, score in pieces]))
    np.save(folder / "bounds.npy", np.cumsum([0, *map(len, encoded)], dtype=np.int64))
    np.save(folder / "texts.npy", np.frombuffer(b"".join(encoded), dtype=np.uint8))
    np.save(folder / "longest.npy", np.array(max(map(len, texts))))
    np.save(folder / "normaliser.npy", np.frombuffer(normalisation_table(), dtype=np.uint8))


class Pieces:
    """Texts to tokens, numbered as the whole tokenizer numbers them."""

    def __init__(self, folder: Path) -> None:
        names = ("hashes", "order", "scores", "bounds", "texts", "normaliser")
        held = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in names}
        self._hashes, self._order, self._scores = held["hashes"], held["order"], held["scores"]
        self._bounds, self._texts = held["bounds"], held["texts"]
        self._normaliser = normaliser(held["normaliser"].tobytes())
        self._lowest = int(np.argmin(self._scores))  # an unknown letter counts less than the rarest piece
        self._longest = int(np.load(folder / "longest.npy", allow_pickle=False))  # characters
        self._fixed = [*range(len(SPECIALS) - 1), len(self._scores) - 1]  # the special pieces: <mask> is the last

    def encode(self, texts: Sequence[str]) -> list[tuple[Any, Ids]]:
        """The tokenizer's encoding of each text, and the ids of its tokens, which stand in place of its own."""
        numbers = list(dict.fromkeys([*self._fixed, self._lowest, *self._held(texts)]))
        tokenizer = assembled([(self._text(i), float(self._scores[i])) for i in numbers], self._normaliser)
        own = np.array(numbers, dtype=np.int64)
        return [(marked, own[marked.ids]) for marked in map(tokenizer.encode, texts)]

    def _held(self, texts: Sequence[str]) -> list[int]:
        """The pieces that are substrings of the texts as they are normalised."""
        parts = (self._normaliser.normalize_str(part) for text in texts for part in _SPECIAL.split(text))
        whole = "".join("▁" + part.replace(" ", "▁") for part in parts)
        signs = np.frombuffer(whole.encode("utf-32-le"), dtype=np.uint32).astype(np.uint64) + 1
        found: set[tuple[int, str]] = set()
        hashes: Hashes = np.zeros(len(signs), dtype=np.uint64)
        for length in range(1, min(self._longest, len(signs)) + 1):
            hashes = hashes[: len(signs) - length + 1] * FACTOR + signs[length - 1 :]
            at = np.minimum(np.searchsorted(self._hashes, hashes), len(self._hashes) - 1)
            for start in np.flatnonzero(self._hashes[at] == hashes).tolist():
                found.add((int(self._order[at[start]]), whole[start : start + length]))
        return sorted(number for number, piece in found if self._text(number) == piece)

    def _text(self, number: int) -> str:
        return str(self._texts[self._bounds[number] : self._bounds[number + 1]].tobytes(), "utf-8")


def _hash(text: str) -> int:
    found = 0
    for sign in text:
        found = (found * int(FACTOR) + ord(sign) + 1) % 2**64  # so that a leading NUL counts
    return found
