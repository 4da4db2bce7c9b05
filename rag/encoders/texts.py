"""Texts made ready for a model: cleaned, cut, counted and put into batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from rag.types import Matrix

CHARACTERS_PER_TOKEN = 64  # far above any piece of a vocabulary: what lies beyond is cut off anyway
COUNT_AT_ONCE = 100_000  # characters; a tokenizer keeps about 200 bytes for each token


def token_batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Texts' numbers, longest first, in batches that hold at most ``budget`` tokens when padded (or one text)."""
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if batch and lengths[batch[0]] * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def clean(text: str) -> str:
    """Lone surrogates, which no tokenizer takes, become U+FFFD."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def shorten(text: str, characters: int) -> str:
    """Cuts a text that is beyond any limit of tokens, after folding the white space that makes no token."""
    return text if len(text) <= characters else " ".join(text.split())[:characters]


def split_long(text: str) -> Iterator[str]:
    """Parts to count one by one, cut at spaces, where tokens end too: the counts add up."""
    start = 0
    while len(text) - start > COUNT_AT_ONCE:
        space = text.rfind(" ", start + 1, start + COUNT_AT_ONCE)
        end = space if space > 0 else start + COUNT_AT_ONCE
        yield text[start:end]
        start = end
    yield text[start:]


def to_unit(rows: Matrix) -> Matrix:
    """The rows brought to length 1, in place."""
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-12))
    return rows
