"""A segment's vectors: those of chosen passages, and those nearest to a question.

Few rows are looked at one by one; of many, the inverted lists of their language (:mod:`rag.inverted`) are.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import faiss
import numpy as np
from numpy.typing import NDArray

from rag.inverted import AVAILABLE, InvertedIndex
from rag.stores.blocks import Blocks, Column
from rag.stores.bounds import check_rising
from rag.stores.keys import Keys
from rag.types import Centre, Ids, Matrix, Vector, VectorScores

EXACT_PASSAGES = 2_000  # a filter that leaves no more of them is answered exactly, without a search


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """Vectors of some passages, in memory: ``vectors`` (rows, dimension), the row of each passage and of each of their
    sentences, and where each passage's sentences begin (passages + 1,)."""

    vectors: Matrix
    passages: Ids
    sentences: Ids
    offsets: Ids

    def scores(self, question: Vector) -> VectorScores:
        """Their cosines with the question."""
        cosines = self.vectors @ question
        sentence = cosines[self.sentences]
        best = np.maximum.reduceat(sentence, self.offsets[:-1]) if len(sentence) else sentence
        return VectorScores(cosines[self.passages], best)

    def centred_scores(self, question: Vector, centre: Centre) -> Vector:
        """The mean of each passage's and its best sentence's cosines, all centred (passages,)."""
        cosines = centre.cosines(self.vectors, question)
        sentence = cosines[self.sentences]
        best = np.maximum.reduceat(sentence, self.offsets[:-1]) if len(sentence) else sentence
        return np.asarray((cosines[self.passages] + best) / 2, dtype=np.float32)

    def best_sentences(self, question: Vector) -> Vector:
        """The cosine of each passage's best sentence (passages,)."""
        sentence = (self.vectors @ question)[self.sentences]
        return np.asarray(np.maximum.reduceat(sentence, self.offsets[:-1]) if len(sentence) else sentence)


class Mask:
    """Which passages of a segment may be found: ``passages`` (passages,). It keeps what a search makes of it."""

    def __init__(self, passages: NDArray[np.bool_]) -> None:
        self.passages = passages
        self.chosen: dict[int, Ids] = {}
        self.selectors: dict[int, faiss.IDSelector] = {}


class SegmentVectors:
    """The vectors of an opened segment; several threads may use it. Languages go by their number in the segment."""

    def __init__(
        self,
        blocks: Mapping[str, Blocks],
        columns: Mapping[str, Column],
        languages: Sequence[str],
        passages: int,
        rows: int,
    ) -> None:
        self._blocks, self._columns, self._languages = blocks, columns, languages
        self._rows = rows
        self.has_second = "second" in columns
        self._everyone = Mask(np.ones(passages, dtype=bool))
        self._lists: dict[int, InvertedIndex] = {}

    def gathered(self, passages: Ids) -> Gathered:
        """The passages' vectors and their sentences', to be asked about."""
        own = self._columns["rows"].take(passages).astype(np.int64)
        rows, offsets = self._sentence_rows(passages)
        unique, where = np.unique(np.concatenate([own, rows]), return_inverse=True)
        return Gathered(self._float(unique), where[: len(own)], where[len(own) :], offsets)

    def gathered_second(self, passages: Ids) -> Gathered:
        """The second encoder's vectors of the passages' sentences; the passages themselves have none."""
        rows, offsets = self._sentence_rows(passages)
        unique, where = np.unique(rows, return_inverse=True)
        vectors = floats(self._columns["second"].take(unique))
        return Gathered(vectors, where[:0], where, offsets)

    def sentence_scores(self, question: Vector, passage: int) -> Vector:
        """The cosine of each of the passage's sentences."""
        rows, _ = self._sentence_rows(np.array([passage]))
        scores: Vector = self._float(rows) @ question
        return scores

    def nearest(self, question: Vector, count: int, language: str, mask: Mask | None) -> tuple[Vector, Vector, Ids]:
        """About the ``count`` rows of the language nearest to the question: their cosines, best first, and the
        passages that use them, with the cosine by which each was found (a passage may come several times).

        ``mask``: only rows of these passages; None where all may be found.
        """
        nothing = np.empty(0, dtype=np.float32)
        if language not in self._languages:
            return nothing, nothing, np.empty(0, dtype=np.int64)
        number = self._languages.index(language)
        scores, rows = self._nearest(question, count, number, mask)
        passages, uses = self.owners(rows)
        own = self._columns["languages"].take(passages) == number
        if mask is not None:
            own &= mask.passages[passages]
        return scores, np.repeat(scores, uses)[own], passages[own]

    def _nearest(self, question: Vector, count: int, number: int, mask: Mask | None) -> tuple[Vector, Ids]:
        lists = self._inverted(number)
        if lists is not None and mask is None:
            return lists.search(question, count)
        if mask is not None and len(chosen := self._chosen(number, mask)) <= EXACT_PASSAGES:
            rows = self.rows_of(chosen)
            scores = self._float(rows) @ question
            best = np.argsort(-scores, kind="stable")[:count]
            return scores[best], rows[best]
        selector = self._selector(number, mask or self._everyone)
        if lists is not None:
            return lists.search(question, count, selector)
        parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]  # its stub knows no arguments
        found, near = self._flat.search(question[None, :], min(count, self._rows), params=parameters)
        return found[0][near[0] >= 0], near[0][near[0] >= 0]

    @functools.cached_property
    def _flat(self) -> faiss.Index:
        """All rows, to be looked at one by one: for a segment too small for lists, and never more than some 100 MB."""
        vectors = self._columns["vectors"].all()
        index = faiss.IndexScalarQuantizer(vectors.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        faiss.copy_array_to_vector(vectors.view(np.uint8).ravel(), index.codes)
        index.ntotal, index.is_trained = len(vectors), True
        return index

    def _chosen(self, number: int, mask: Mask) -> Ids:
        """The passages of the language that may be found."""
        if number not in mask.chosen:
            mask.chosen[number] = np.flatnonzero(mask.passages & (self._columns["languages"].all() == number))
        return mask.chosen[number]

    def _selector(self, number: int, mask: Mask) -> faiss.IDSelector:
        """The rows of the passages of the language that may be found."""
        if number not in mask.selectors:
            wanted = np.zeros(len(mask.passages), dtype=bool)
            wanted[self._chosen(number, mask)] = True
            bounds, owners = self._columns["ownerbounds"].all(), self._columns["owners"].all()
            if len(bounds) != self._rows + 1:
                raise ValueError(f"bounds of {len(bounds) - 1} rows, not {self._rows}")
            check_rising(bounds, len(owners))
            used = np.repeat(np.arange(self._rows), np.diff(bounds))
            rows = np.zeros(self._rows, dtype=bool)
            rows[used[wanted[owners]]] = True
            mask.selectors[number] = faiss.IDSelectorBitmap(  # its wrapper keeps the array
                np.packbits(rows, bitorder="little")  # type: ignore[call-arg, arg-type]
            )
        return mask.selectors[number]

    def owners(self, rows: Ids) -> tuple[Ids, Ids]:
        """The passages that use the rows, one row after another, and how many use each."""
        owners = self._columns["owners"]
        first, last = self._columns["ownerbounds"].take(np.concatenate([rows, rows + 1])).reshape(2, -1)
        return owners.take(_ranges(first, last)).astype(np.int64), last - first

    def rows_of(self, passages: Ids) -> Ids:
        """The rows that the passages and their sentences use, each once, in order."""
        own = self._columns["rows"].take(passages).astype(np.int64)
        return np.unique(np.concatenate([own, self._sentence_rows(passages)[0]]))

    def _sentence_rows(self, passages: Ids) -> tuple[Ids, Ids]:
        """The rows of the passages' sentences, one after another, and where each passage's begin (passages + 1,)."""
        bounds = self._columns["bounds"]
        first, last = bounds.take(passages)[:, 0], bounds.take(passages + 1)[:, 0]
        rows = self._columns["sentences"].take(_ranges(first, last))[:, 2].astype(np.int64)
        return rows, np.concatenate([[0], np.cumsum(last - first)]).astype(np.int64)

    def _inverted(self, number: int) -> InvertedIndex | None:
        if AVAILABLE and f"lists-{number}" in self._blocks and number not in self._lists:
            lists = self._blocks[f"lists-{number}"]
            self._lists[number] = InvertedIndex(
                self._blocks[f"trained-{number}"].bytes(),
                lists.array(np.uint8),
                Column(self._blocks[f"sizes-{number}"], np.uint64).all(),
                lists.verify,
            )
        return self._lists.get(number)

    def _float(self, rows: Ids) -> Matrix:
        return floats(self._columns["vectors"].take(rows))

    # -- for the builder

    def rows_of_texts(self, keys: Keys) -> Ids:
        """The row of the text with each key, -1 where there is none."""
        if self._rows == 0:
            return np.full(len(keys), -1, dtype=np.int64)
        order, known = self._columns["keyorder"].all(), self._columns["keys"].all()
        at = np.minimum(np.searchsorted(known, keys, sorter=order), self._rows - 1)
        rows = order[at].astype(np.int64)
        return np.where(known[rows] == keys, rows, -1)

    def vectors(self, rows: Ids) -> Matrix:
        """float32 (len(rows), dimension): unit vectors."""
        return _unit(self._float(rows))

    def second_vectors(self, rows: Ids) -> Matrix:
        """float32 (len(rows), the second encoder's dimension) of rows that sentences use."""
        return _unit(floats(self._columns["second"].take(rows)))

    def has_second_of(self, rows: Ids) -> NDArray[np.bool_]:
        """Which of the rows the second encoder has a vector of."""
        return (rows >= 0) & (rows < (len(self._columns["second"]) if self.has_second else 0))


def floats(halves: NDArray[np.float16]) -> Matrix:
    """float32 of finite halves, seven times faster than numpy's own: the bits are moved to their places in a float,
    whose exponent is then off by 112 (Giesen, "half_to_float_fast", 2012)."""
    bits = halves.view(np.int16).astype(np.int32)
    bits <<= 13
    bits &= np.int32(-0x70002000)  # the sign, which was copied to four bits, once
    moved: Matrix = bits.view(np.float32)
    moved *= np.float32(2.0**112)
    return moved


def _ranges(first: Ids, last: Ids) -> Ids:
    """The numbers of ``[first[i], last[i])``, one range after another."""
    counts = last - first
    if len(counts) and counts.min() < 0:
        raise ValueError("a range that ends before it begins")
    ends = np.cumsum(counts)
    return np.repeat(first - ends + counts, counts) + np.arange(ends[-1] if len(ends) else 0)


def _unit(rows: Matrix) -> Matrix:
    """Half precision has 11 bits: its "unit" rows are off by up to some ten-thousandths."""
    norms = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-12))
    return np.asarray(rows / norms, dtype=np.float32)
