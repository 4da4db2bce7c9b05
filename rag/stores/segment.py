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

import numpy as np
from numpy.typing import NDArray

from rag.lexical_mapped import MappedLeg
from rag.stores.blocks import Blocks, Column
from rag.stores.entry import Entry
from rag.stores.files import Part
from rag.stores.segment_vectors import SegmentVectors
from rag.stores.segment_writer import KINDS
from rag.types import Block, Document, Ids, Json, Passage, Span

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
        self.dense = SegmentVectors(self._blocks, self._columns, self.languages, self.passages, self.rows)

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
        if not spans:
            raise ValueError("a passage without a sentence")
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

    def languages_of(self, passages: Ids) -> NDArray[np.str_]:
        """(len(passages),): the passages' languages."""
        names = np.array(self.languages, dtype=np.str_)
        return names[self._columns["languages"].take(passages).astype(np.int64)]

    @functools.cached_property
    def alive(self) -> NDArray[np.bool_]:
        """(passages,): which passages' documents are not dead."""
        alive = np.ones(self.passages, dtype=bool)
        for number in self.dead:
            alive[self.passages_of(number)] = False
        return alive

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
