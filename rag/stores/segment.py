"""A segment as it is read: documents, passages, vectors and words, from mapped parts, as far as they are touched.

Passages go by their number within the segment, from 0. What the parts hold is written in
:mod:`rag.stores.segment_writer`.
"""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from rag.inverted import InvertedIndex
from rag.lexical_mapped import MappedLeg
from rag.stores.blocks import Blocks, Column
from rag.stores.files import Part
from rag.stores.local import Entry
from rag.stores.segment_writer import KINDS, Keys
from rag.types import Block, Document, Ids, Json, Matrix, Passage, Span, Vector, VectorScores

EXACT_PASSAGES = 2_000  # a filter that leaves no more of them is answered exactly, without a search
COLUMNS: Mapping[str, tuple[Any, int]] = {
    "blocks": (np.int32, 3),
    "passages": (np.int32, 6),
    "languages": (np.uint16, 0),
    "bounds": (np.int64, 2),
    "sentences": (np.int32, 3),
    "rows": (np.int32, 0),
    "owners": (np.int32, 0),
    "ownerbounds": (np.int64, 0),
    "keys": ("S16", 0),
    "keyorder": (np.int32, 0),
    "stems": (np.int32, 0),
    "scores": (np.float32, 0),
    "scored": (np.int32, 0),
    "columns": (np.int64, 0),
}


class Segment:
    """An opened segment. Several threads may use one; all methods raise IndexDamaged where a part is not as written.

    ``dead`` are the numbers of the documents that have been removed or replaced since it was written.
    """

    def __init__(self, folder: Path, value: Json, dimension: int, second: int) -> None:
        self.passages, self.rows = int(value["passages"]), int(value["rows"])
        self.languages: list[str] = value["languages"]
        self.dead: list[int] = value["dead"]
        self.parts = {role: Part.from_json(part) for role, part in value["parts"].items()}
        self._blocks = {role: Blocks(folder, part, role) for role, part in self.parts.items()}
        columns = {**COLUMNS, "vectors": (np.float16, dimension), "second": (np.float16, second)}
        self._columns = {role: Column(self._blocks[role], *columns[role]) for role in columns if role in self._blocks}
        self.documents: list[Json] = json.loads(self._blocks["documents"].bytes())
        self.has_second = "second" in self.parts
        self._lists: dict[int, InvertedIndex] = {}
        self._selectors: dict[str, faiss.IDSelector] = {}

    def without(self, dead: list[int]) -> Segment:
        """The same segment with these documents dead, and no others; the two share what is open."""
        other = copy.copy(self)
        other.dead = dead
        other.__dict__.pop("alive", None)
        return other

    def verify_all(self) -> None:
        """Reads every byte of the segment."""
        for blocks in self._blocks.values():
            blocks.verify_all()

    # -- documents and passages

    @functools.cached_property
    def entries(self) -> list[Entry]:
        """What the manifest of a small index says of each document, in order, the dead ones included."""
        return [Entry.from_json(value["entry"]) for value in self.documents]

    def document(self, number: int) -> Document:
        """The document with this number."""
        value = self.documents[number]
        first, count = value["blocks"]
        return Document(
            path=value["entry"]["path"],
            text=self._text(value["text"], value["bytes"]),
            blocks=tuple(
                Block(a, b, KINDS[k]) for a, b, k in self._columns["blocks"].slice(first, first + count).tolist()
            ),
            title=value["title"],
            language=value["language"],
            type=value["type"],
            date=value["date"],
            pages=tuple(value["pages"]),
            scanned=tuple(value["scanned"]),
        )

    def words(self, number: int) -> bytes:
        """Where the document's words stand on its pages, packed by :func:`rag.records.words_to_bytes`."""
        start, size = self.documents[number]["words"]
        return self._blocks["words"].bytes(start, start + size)

    def living(self) -> Iterator[tuple[int, Json]]:
        """The documents that are not dead, with their numbers, in order."""
        dead = set(self.dead)
        return ((number, value) for number, value in enumerate(self.documents) if number not in dead)

    def passages_of(self, number: int) -> range:
        """The numbers of the document's passages."""
        first, count = self.documents[number]["passages"]
        return range(first, first + count)

    @functools.cached_property
    def firsts(self) -> Ids:
        """The number of each document's first passage (documents,)."""
        return np.array([value["passages"][0] for value in self.documents], dtype=np.int64)

    def passage(self, number: int) -> Passage:
        """The passage with this number."""
        start, end, paragraph, page, at, size = self._columns["passages"].slice(number, number + 1)[0].tolist()
        document = self.documents[int(np.searchsorted(self.firsts, number, side="right")) - 1]
        (first, _), (last, _) = self._columns["bounds"].slice(number, number + 2).tolist()
        spans = self._columns["sentences"].slice(first, last)[:, :2].tolist()
        return Passage(
            document=document["entry"]["path"],
            start=start,
            end=end,
            text=self._text(document["text"] + at, size),
            paragraph=paragraph,
            page=page or None,
            language=self.languages[int(self._columns["languages"].slice(number, number + 1)[0])],
            sentences=tuple(Span(*span) for span in spans),
        )

    def stems(self, number: int) -> list[str]:
        """The passage's stems, in order."""
        (_, first), (_, last) = self._columns["bounds"].slice(number, number + 2).tolist()
        return [self.vocabulary[stem] for stem in self._columns["stems"].slice(first, last).tolist()]

    def _text(self, start: int, size: int) -> str:
        return self._blocks["text"].bytes(start, start + size).decode("utf-8", "surrogatepass")

    def in_language(self, language: str) -> NDArray[np.bool_]:
        """(passages,): which passages are in the language, the dead ones included."""
        if language not in self.languages:
            return np.zeros(self.passages, dtype=bool)
        own: NDArray[np.bool_] = self._columns["languages"].all() == self.languages.index(language)
        return own

    @functools.cached_property
    def alive(self) -> NDArray[np.bool_]:
        """(passages,): which passages' documents are not dead."""
        alive = np.ones(self.passages, dtype=bool)
        for number in self.dead:
            alive[self.passages_of(number)] = False
        return alive

    # -- vectors

    def vector_scores(self, question: Vector, passages: Ids) -> VectorScores:
        """The passages' exact cosines with the question."""
        own = self._columns["rows"].take(passages).astype(np.int64)
        rows, offsets = self._sentence_rows(passages)
        unique, where = np.unique(np.concatenate([own, rows]), return_inverse=True)
        cosines = (self._columns["vectors"].take(unique).astype(np.float32) @ question)[where]
        sentence = cosines[len(own) :]
        best = np.maximum.reduceat(sentence, offsets[:-1]) if len(passages) else sentence
        return VectorScores(cosines[: len(own)], best.astype(np.float32), _first_best(sentence, best, offsets))

    def second_scores(self, question: Vector, passages: Ids) -> Vector:
        """The second encoder's cosine with each passage's best sentence."""
        if len(passages) == 0:
            return np.empty(0, dtype=np.float32)
        rows, offsets = self._sentence_rows(passages)
        unique, where = np.unique(rows, return_inverse=True)
        cosines = (self._columns["second"].take(unique).astype(np.float32) @ question)[where]
        return np.asarray(np.maximum.reduceat(cosines, offsets[:-1]), dtype=np.float32)

    def sentence_scores(self, question: Vector, passage: int) -> Vector:
        """The cosine of each of the passage's sentences."""
        rows, _ = self._sentence_rows(np.array([passage]))
        scores: Vector = self._columns["vectors"].take(rows).astype(np.float32) @ question
        return scores

    def nearest(
        self, question: Vector, count: int, language: str, allowed: NDArray[np.bool_] | None
    ) -> tuple[Vector, Vector, Ids]:
        """About the ``count`` rows of the language nearest to the question: their cosines, best first, and the
        passages that use them, with the cosine by which each was found (a passage may come several times).

        ``allowed`` (passages,): only rows of these passages.
        """
        wanted = self.in_language(language) if allowed is None else self.in_language(language) & allowed
        passages = np.flatnonzero(wanted)
        if len(passages) == 0:
            return np.empty(0, np.float32), np.empty(0, np.float32), np.empty(0, np.int64)
        scores, rows = self._nearest_rows(question, count, language, passages, wanted, allowed is None)
        owners = self._columns["owners"]
        bounds = self._columns["ownerbounds"].take(np.concatenate([rows, rows + 1])).reshape(2, -1)
        of = np.concatenate([owners.slice(a, b) for a, b in bounds.T.tolist()]).astype(np.int64)
        each = np.repeat(scores, bounds[1] - bounds[0])
        return scores, each[wanted[of]], of[wanted[of]]

    def _nearest_rows(
        self, question: Vector, count: int, language: str, passages: Ids, wanted: NDArray[np.bool_], all_of_it: bool
    ) -> tuple[Vector, Ids]:
        if len(passages) <= EXACT_PASSAGES:
            rows = self._rows_of(passages)
            scores = self._columns["vectors"].take(rows).astype(np.float32) @ question
            best = np.argsort(-scores, kind="stable")[:count]
            return scores[best], rows[best]
        number = self.languages.index(language)
        selector = None if all_of_it and not self.dead else _selector(self._uses(wanted))
        if f"lists-{number}" in self.parts:
            return self._inverted(number).search(question, count, selector)
        if selector is None and len(self.languages) > 1:
            selector = self._speaking(language)
        parameters = faiss.SearchParameters(sel=selector) if selector else None  # type: ignore[call-arg]
        found, rows = self._flat.search(question[None, :], min(count, self.rows), params=parameters)
        return found[0][rows[0] >= 0], rows[0][rows[0] >= 0]

    @functools.cached_property
    def _flat(self) -> faiss.Index:
        """All rows, to be looked at one by one: for a segment too small for lists, and never more than some 100 MB."""
        vectors = self._columns["vectors"].all()
        index = faiss.IndexScalarQuantizer(vectors.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        faiss.copy_array_to_vector(vectors.view(np.uint8).ravel(), index.codes)
        index.ntotal, index.is_trained = len(vectors), True
        return index

    def _speaking(self, language: str) -> faiss.IDSelector:
        if language not in self._selectors:
            self._selectors[language] = _selector(self._uses(self.in_language(language)))
        return self._selectors[language]

    def _rows_of(self, passages: Ids) -> Ids:
        own = self._columns["rows"].take(passages).astype(np.int64)
        return np.unique(np.concatenate([own, self._sentence_rows(passages)[0]]))

    def _uses(self, wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(rows,): which rows a wanted passage uses."""
        used = np.repeat(np.arange(self.rows), np.diff(self._columns["ownerbounds"].all()))
        uses = np.zeros(self.rows, dtype=bool)
        uses[used[wanted[self._columns["owners"].all()]]] = True
        return uses

    def _sentence_rows(self, passages: Ids) -> tuple[Ids, Ids]:
        """The rows of the passages' sentences, one after another, and where each passage's begin (passages + 1,)."""
        bounds = self._columns["bounds"]
        starts, stops = bounds.take(passages)[:, 0], bounds.take(passages + 1)[:, 0]
        counts = stops - starts
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        sentences = np.repeat(starts - offsets[:-1], counts) + np.arange(offsets[-1])
        return self._columns["sentences"].take(sentences)[:, 2].astype(np.int64), offsets

    def _inverted(self, number: int) -> InvertedIndex:
        if number not in self._lists:
            lists = self._blocks[f"lists-{number}"]
            self._lists[number] = InvertedIndex(
                self._blocks[f"trained-{number}"].bytes(),
                lists.array(np.uint8),
                Column(self._blocks[f"sizes-{number}"], np.uint64).all(),
                lists.verify,
            )
        return self._lists[number]

    def rows_of_texts(self, keys: Keys) -> Ids:
        """The row of the text with each key, -1 where there is none."""
        if self.rows == 0:
            return np.full(len(keys), -1, dtype=np.int64)
        order, known = self._columns["keyorder"].all(), self._columns["keys"].all()
        at = np.minimum(np.searchsorted(known, keys, sorter=order), self.rows - 1)
        rows = order[at].astype(np.int64)
        return np.where(known[rows] == keys, rows, -1)

    def vectors(self, rows: Ids) -> Matrix:
        """float32 (len(rows), dimension): unit vectors."""
        return _unit(self._columns["vectors"].take(rows).astype(np.float32))

    def second_vectors(self, rows: Ids) -> Matrix:
        """float32 (len(rows), the second encoder's dimension) of rows that sentences use."""
        return _unit(self._columns["second"].take(rows).astype(np.float32))

    def has_second_of(self, rows: Ids) -> NDArray[np.bool_]:
        """Which of the rows the second encoder has a vector of."""
        return (rows >= 0) & (rows < (len(self._columns["second"]) if self.has_second else 0))

    # -- words

    @functools.cached_property
    def vocabulary(self) -> list[str]:
        words: list[str] = json.loads(self._blocks["vocabulary"].bytes())
        return words

    @functools.cached_property
    def lexical(self) -> MappedLeg:
        """BM25 over the segment's passages."""
        words = {word: number for number, word in enumerate(self.vocabulary)}
        columns = self._columns
        return MappedLeg(words, columns["scores"], columns["scored"], columns["columns"].all(), self.passages)


def _first_best(scores: Vector, best: Vector, offsets: Ids) -> Ids:
    """The first of each group's scores that equals the group's best, counted from the group's first (groups,)."""
    counts = np.diff(offsets)
    hits = np.flatnonzero(scores == np.repeat(best, counts))
    groups = np.searchsorted(offsets, hits, side="right") - 1
    _, first = np.unique(groups, return_index=True)
    return (hits[first] - offsets[:-1]).astype(np.int64)


def _selector(rows: NDArray[np.bool_]) -> faiss.IDSelector:
    return faiss.IDSelectorBitmap(np.packbits(rows, bitorder="little"))  # type: ignore[call-arg, arg-type]  # keeps it


def _unit(rows: Matrix) -> Matrix:
    """Half precision has 11 bits: its "unit" rows are off by up to some ten-thousandths."""
    norms = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-12))
    return np.asarray(rows / norms, dtype=np.float32)
