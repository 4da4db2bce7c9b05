"""The dense leg: one vector for each paragraph and one for each of its sentences, in FAISS.

Equal texts share one row, so nothing is embedded or stored twice: a passage of one sentence has one vector, and so
has a sentence that stands in twenty documents. All vectors have length 1, so that inner product is cosine.
"""

from __future__ import annotations

from collections.abc import Callable

import faiss
import numpy as np
from numpy.typing import NDArray

from rag.types import Centre, Ids, Matrix, Vector, VectorScores

Rows = NDArray[np.int32]


class DenseLeg:
    """Rows of unit vectors and which passage each belongs to.

    ``paragraph_rows`` (passages,) holds each passage's own row; ``sentence_rows[bounds[i]:bounds[i + 1]]`` the rows
    of passage ``i``'s sentences, in order, at least one. ``second`` holds a second encoder's vectors of the rows that
    sentences use, which come before all others.
    """

    def __init__(
        self,
        vectors: faiss.Index,
        paragraph_rows: Rows,
        sentence_rows: Rows,
        bounds: Rows,
        second: faiss.Index | None = None,
    ) -> None:
        if len(bounds) != len(paragraph_rows) + 1 or bounds[-1] != len(sentence_rows):
            raise ValueError(f"bounds {len(bounds)} do not fit {len(paragraph_rows)} passages")
        if len(sentence_rows) and max(paragraph_rows.max(), sentence_rows.max()) >= vectors.ntotal:
            raise ValueError(f"a row lies beyond the {vectors.ntotal} vectors")
        if second is not None and len(sentence_rows) and sentence_rows.max() >= second.ntotal:
            raise ValueError(f"a sentence's row lies beyond the {second.ntotal} vectors of the second encoder")
        self.vectors, self.second = vectors, second
        self.paragraph_rows, self.sentence_rows, self.bounds = paragraph_rows, sentence_rows, bounds
        self._owners = _owners(paragraph_rows, sentence_rows, bounds, vectors.ntotal)

    def __len__(self) -> int:
        return len(self.paragraph_rows)

    def candidates(self, question: Vector, count: int, allowed: Ids | None = None) -> Ids:
        """The passages that own the ``count`` rows nearest to the question, in order of their numbers.

        ``allowed``: search among these passages only.
        """
        count = min(count, self.vectors.ntotal)
        if count == 0 or (allowed is not None and len(allowed) == 0):
            return np.empty(0, dtype=np.int64)
        parameters = None if allowed is None else faiss.SearchParameters(sel=self._selector(allowed))  # type: ignore[call-arg]  # its stub knows no arguments
        _, rows = self.vectors.search(question[None, :], count, params=parameters)
        found = self._passages_of(rows[0][rows[0] >= 0])
        return found if allowed is None else np.intersect1d(found, allowed)

    def scores(self, question: Vector, passages: Ids) -> VectorScores:
        """The cosines of ``passages`` with the question, exactly."""
        paragraph, sentence, offsets = self._cosines(passages, lambda rows: rows @ question)
        return VectorScores(paragraph, np.maximum.reduceat(sentence, offsets[:-1]))

    def centred_scores(self, question: Vector, passages: Ids, centre: Centre) -> Vector:
        """float32 (passages,): the mean of the paragraph's and the best sentence's cosines, all centred, exactly."""
        paragraph, sentence, offsets = self._cosines(passages, lambda rows: centre.cosines(rows, question))
        return np.asarray((paragraph + np.maximum.reduceat(sentence, offsets[:-1])) / 2, dtype=np.float32)

    def second_scores(self, question: Vector, passages: Ids) -> Vector:
        """float32 (passages,): the second encoder's cosine with each passage's best sentence, exactly."""
        if self.second is None:
            raise ValueError("this index has no vectors of a second encoder")
        if len(passages) == 0:
            return np.empty(0, dtype=np.float32)
        sentences, offsets = self._sentences_of(passages)
        unique, where = np.unique(self.sentence_rows[sentences].astype(np.int64), return_inverse=True)
        cosines = (np.asarray(self.second.reconstruct_batch(unique), dtype=np.float32) @ question)[where]
        return np.asarray(np.maximum.reduceat(cosines, offsets[:-1]), dtype=np.float32)

    def sentence_scores(self, question: Vector, passage: int) -> Vector:
        """float32 (sentences of the passage,): each sentence's cosine with the question."""
        rows = self.sentence_rows[self.bounds[passage] : self.bounds[passage + 1]]
        scores: Vector = self.rows(rows.astype(np.int64)) @ question
        return scores

    def rows(self, rows: Ids) -> Matrix:
        """float32 (len(rows), dimension): these rows' vectors."""
        if len(rows) == 0:
            return np.empty((0, self.vectors.d), dtype=np.float32)
        return np.asarray(self.vectors.reconstruct_batch(rows), dtype=np.float32)

    def _cosines(self, passages: Ids, cosines: Callable[[Matrix], Vector]) -> tuple[Vector, Vector, Ids]:
        """Of the passages' paragraphs, of their sentences one after another, and where each passage's begin."""
        sentences, offsets = self._sentences_of(passages)
        rows = np.concatenate([self.paragraph_rows[passages], self.sentence_rows[sentences]]).astype(np.int64)
        unique, where = np.unique(rows, return_inverse=True)
        found = cosines(self.rows(unique))[where]
        return found[: len(passages)], found[len(passages) :], offsets

    def _sentences_of(self, passages: Ids) -> tuple[Ids, Ids]:
        """The passages' sentences, one after another, and where each passage's begin (passages + 1,)."""
        starts, stops = self.bounds[passages], self.bounds[passages + 1]
        sentences = np.concatenate([np.arange(a, b) for a, b in zip(starts, stops, strict=True)] or [starts])
        return sentences.astype(np.int64), np.concatenate([[0], np.cumsum(stops - starts)]).astype(np.int64)

    def _passages_of(self, rows: Ids) -> Ids:
        passages, bounds = self._owners
        return np.unique(np.concatenate([passages[bounds[row] : bounds[row + 1]] for row in rows]))

    def _selector(self, passages: Ids) -> faiss.IDSelector:
        wanted = np.zeros(self.vectors.ntotal, dtype=bool)
        wanted[self.paragraph_rows[passages]] = True
        for start, stop in zip(self.bounds[passages], self.bounds[passages + 1], strict=True):
            wanted[self.sentence_rows[start:stop]] = True
        return faiss.IDSelectorBatch(np.flatnonzero(wanted))


def flat_index(vectors: Matrix) -> faiss.Index:
    """An exact inner-product index over the rows of ``vectors``."""
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(np.ascontiguousarray(vectors, dtype=np.float32))
    return index


def _owners(paragraphs: Rows, sentences: Rows, bounds: Rows, rows: int) -> tuple[Ids, Ids]:
    """For each row the passages that use it, as a flat list and its bounds (rows + 1,)."""
    numbers = np.arange(len(paragraphs), dtype=np.int64)
    used = np.concatenate([paragraphs, sentences])
    by = np.concatenate([numbers, np.repeat(numbers, np.diff(bounds))])
    order = np.argsort(used, kind="stable")
    counts = np.bincount(used, minlength=rows) if len(used) else np.zeros(rows, dtype=np.int64)
    return by[order], np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
