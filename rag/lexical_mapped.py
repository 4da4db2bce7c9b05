"""The lexical leg for large collections: bm25s's scores, term by term, in arrays that need not be in memory.

rank-bm25 walks every passage for every term; bm25s computes each term's score in each passage once, when the index
is written, so that a question adds up a few columns. Its idf is Lucene's too, its score that of :mod:`rag.lexical`
without the factor ``k1 + 1``, which its bound does not have either: bounded, the two are the same.

An index in several segments has several such legs. Each column is then scaled from its segment's idf to that of the
whole collection; lengths go on being compared with the segment's mean, until segments are merged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, overload

import numpy as np
from bm25s import BM25
from numpy.typing import NDArray

from rag.lexical import K1, B, idf
from rag.types import Ids, Vector

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


class Rows(Protocol):
    """An array of which only what is asked for need be in memory."""

    def __len__(self) -> int: ...

    def slice(self, start: int, stop: int) -> NDArray[Any]:
        """The rows ``[start, stop)``."""


class _Passages(Sequence[NDArray[np.int32]]):
    """The stems of each passage, as numbers, cut out of one array."""

    def __init__(self, stems: Ints, bounds: Ids) -> None:
        self._stems, self._bounds = stems, bounds

    def __len__(self) -> int:
        return len(self._bounds) - 1

    @overload
    def __getitem__(self, at: int) -> NDArray[np.int32]: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[NDArray[np.int32]]: ...
    def __getitem__(self, at: int | slice) -> NDArray[np.int32] | Sequence[NDArray[np.int32]]:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        if at >= len(self):
            raise IndexError(at)
        return self._stems[self._bounds[at] : self._bounds[at + 1]]


def columns(stems: Ints, bounds: Ids, words: int) -> tuple[Floats, Ints, Ids]:
    """bm25s's arrays for passages whose stems are ``stems[bounds[i]:bounds[i + 1]]``, numbers below ``words``: scores
    and passages (postings,), and where each stem's begin (words + 1,)."""
    if len(stems) == 0:
        return np.empty(0, np.float32), np.empty(0, np.int32), np.zeros(words + 1, np.int64)
    bm25 = BM25(k1=K1, b=B, method="lucene")
    made = bm25.build_index_from_ids(range(words), _Passages(stems, bounds), show_progress=False)
    scores: Floats = np.asarray(made["data"], dtype=np.float32)
    return scores, np.asarray(made["indices"], dtype=np.int32), np.asarray(made["indptr"], dtype=np.int64)


class MappedLeg:
    """One segment's columns. ``bounds`` (words + 1,) says where each word's begin in ``scores`` and ``passages``."""

    def __init__(self, words: Mapping[str, int], scores: Rows, passages: Rows, bounds: Ids, size: int) -> None:
        self.words, self.size = words, size
        self._scores, self._passages, self._bounds = scores, passages, bounds

    def frequency(self, stem: str) -> int:
        """How many passages have the stem."""
        word = self.words.get(stem)
        return 0 if word is None else int(self._bounds[word + 1] - self._bounds[word])

    def column(self, stem: str, weight: float) -> tuple[Ints, Floats]:
        """The passages that have the stem, in order, and its score in each where its idf is ``weight``."""
        word = self.words.get(stem)
        if word is None:
            return np.empty(0, np.int32), np.empty(0, np.float32)
        start, stop = int(self._bounds[word]), int(self._bounds[word + 1])
        own = idf(self.size, stop - start)
        scores: Floats = self._scores.slice(start, stop)
        if not math.isclose(own, weight):
            scores = scores * np.float32(weight / own)
        return self._passages.slice(start, stop), scores

    def scores(self, weights: Mapping[str, float]) -> Vector:
        """float32 (passages,): BM25, without the factor ``k1 + 1``, for stems with these idfs."""
        total = np.zeros(self.size, dtype=np.float32)
        for stem, weight in weights.items():
            passages, scores = self.column(stem, weight)
            total[passages] += scores  # a passage is in a column once
        return total

    def scores_of(self, passages: Ids, weights: Mapping[str, float]) -> Vector:
        """float32 (len(passages),): the same of these passages only."""
        total = np.zeros(len(passages), dtype=np.float32)
        for stem, weight in weights.items():
            column, scores = self.column(stem, weight)
            if len(column):
                at = np.minimum(np.searchsorted(column, passages), len(column) - 1)
                total += np.where(column[at] == passages, scores[at], np.float32(0))
        return total
