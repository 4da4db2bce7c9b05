"""A segment is written: documents one by one, then their vectors, then what finds them.

A segment is a run of documents that is never changed. Its parts, all mapped (:mod:`rag.stores.blocks`), by role:

| role | rows |
| --- | --- |
| documents | JSON: what is known of each document, and where its text, blocks and passages begin |
| text | the documents' texts in UTF-8, one after another |
| blocks | int32 (blocks, 3): start, end, kind |
| words | where the documents' words stand on their pages, packed by :func:`rag.records.words_to_bytes` |
| passages | int32 (passages, 6): start, end, paragraph, page or 0; first byte and bytes in the document's text |
| languages | uint16 (passages,): the passage's language, a number in the segment's list of them |
| bounds | int64 (passages + 1, 2): the passage's first sentence and first stem |
| sentences | int32 (sentences, 3): start, end, row of vectors |
| rows | int32 (passages,): the passage's own row of vectors |
| owners, ownerbounds | int32 (uses,), int64 (rows + 1,): the passages that use each row |
| keys, keyorder | 16 bytes (rows,), int32 (rows,): each row's text's hash, and the rows in the order of their hashes |
| vectors, second | float16 (rows, dimension): unit vectors; the second encoder's of the rows that sentences use |
| vocabulary, stems | JSON list; int32 (stems,): each passage's stems, numbers in the vocabulary |
| scores, scored, columns | float32 and int32 (postings,), int64 (words + 1,): bm25s's columns |
| trained-L, lists-L, sizes-L | the inverted lists of the rows that language number L uses, where there are many |
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from rag import inverted, lexical_mapped
from rag.stores.blocks import Blocks, BlockWriter
from rag.stores.entry import Entry
from rag.stores.files import Part
from rag.stores.keys import KEY_BYTES, Keys, text_key
from rag.text import stems
from rag.types import BlockKind, Document, Ids, Json, Matrix, Passage

KINDS: tuple[BlockKind, ...] = get_args(BlockKind)
STREAMED = ("text", "blocks", "passages", "stems", "words")  # written as the documents come
GATHERED = 8192  # rows of vectors copied at a time: 6 MB
INVERTED_FROM = 100_000  # rows of a language, from which on lists are faster than looking at every row; docs/scale.md

Vectors = Callable[[Keys], Matrix]


class SegmentWriter:
    """Takes documents, then writes the segment; what is written without :meth:`finish` is swept by the next build."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with ExitStack() as opened:
            self._writers = {role: opened.enter_context(BlockWriter(folder, f"{role}.bin")) for role in STREAMED}
            self._open = opened.pop_all()
        self._documents: list[Json] = []
        self._languages: dict[str, int] = {}
        self._words: dict[str, int] = {}
        self._paragraph_keys, self._sentence_keys = bytearray(), bytearray()
        self._sentence_spans: list[NDArray[np.int32]] = []
        self._bounds = [(0, 0)]
        self._blocks = 0
        self._passage_languages = array("H")

    def __len__(self) -> int:
        """How many passages it has taken."""
        return len(self._passage_languages)

    def __enter__(self) -> SegmentWriter:
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)

    def add(
        self,
        entry: Entry,
        document: Document,
        passages: Sequence[Passage],
        words: bytes = b"",
        known: Sequence[Sequence[str]] | None = None,
    ) -> None:
        """Appends a document with its passages, and where its words stand, packed.

        ``known`` are the passages' stems, where somebody has made them before.
        """
        blocks = np.array([(b.start, b.end, KINDS.index(b.kind)) for b in document.blocks], np.int32).reshape(-1, 3)
        text = document.text.encode("utf-8", "surrogatepass")
        self._documents.append(
            {
                "entry": replace(entry, part=None, words=None).to_json(),
                "title": document.title,
                "language": document.language,
                "type": document.type,
                "date": document.date,
                "pages": list(document.pages),
                "scanned": list(document.scanned),
                "text": self._writers["text"].size,
                "bytes": len(text),
                "blocks": [self._blocks, len(blocks)],
                "passages": [len(self), len(passages)],
                "words": [self._writers["words"].size, len(words)],
            }
        )
        self._writers["words"].write(words)
        self._writers["text"].write(text)
        self._writers["blocks"].write_array(blocks)
        self._blocks += len(blocks)
        places = _places(document.text, passages)
        rows = [(p.start, p.end, p.paragraph, p.page or 0, *place) for p, place in zip(passages, places, strict=True)]
        self._writers["passages"].write_array(np.array(rows, np.int32).reshape(-1, 6))
        for passage, own in zip(passages, known or (stems(p.text) for p in passages), strict=True):
            self._add(passage, own)

    def _add(self, passage: Passage, own: Sequence[str]) -> None:
        numbers = [self._words.setdefault(stem, len(self._words)) for stem in own]
        self._writers["stems"].write_array(np.array(numbers, np.int32))
        self._passage_languages.append(self._languages.setdefault(passage.language, len(self._languages)))
        self._paragraph_keys += text_key(passage.text)
        self._sentence_keys += b"".join(map(text_key, passage.sentence_texts))
        self._sentence_spans.append(np.array(passage.sentences, np.int32).reshape(-1, 2))
        sentences, words = self._bounds[-1]
        self._bounds.append((sentences + len(passage.sentences), words + len(numbers)))

    def finish(self, vectors: Vectors, second: Vectors | None) -> Json:
        """Writes the vectors of the documents' texts and what finds them; returns what the manifest says of the
        segment. ``vectors`` gives float32 (n, dimension) for n texts' keys, ``second`` the second encoder's."""
        keys, sentence_rows, own_rows, spoken = _rows(bytes(self._sentence_keys), bytes(self._paragraph_keys))
        bounds = np.array(self._bounds, np.int64)
        languages = np.array(self._passage_languages, np.uint16)
        spans = np.concatenate(self._sentence_spans or [np.empty((0, 2), np.int32)])
        owners, owner_bounds = _owners(own_rows, sentence_rows, bounds[:, 0], len(keys))
        self._open.close()
        arrays: dict[str, NDArray[Any]] = {
            "languages": languages,
            "bounds": bounds,
            "sentences": np.column_stack([spans, sentence_rows]).astype(np.int32),
            "rows": own_rows.astype(np.int32),
            "owners": owners,
            "ownerbounds": owner_bounds,
            "keys": keys.view(np.uint8),
            "keyorder": np.argsort(keys, kind="stable").astype(np.int32),
        }
        parts = {role: writer.part for role, writer in self._writers.items()}
        parts |= {role: self._write(role, [array]) for role, array in arrays.items()}
        parts |= {
            role: self._write(role, [np.frombuffer(json.dumps(value).encode("ascii"), np.uint8)])
            for role, value in (("documents", self._documents), ("vocabulary", list(self._words)))
        }
        parts["vectors"] = self._write("vectors", (vectors(some).astype(np.float16) for some in _chunks(keys)))
        if second:
            parts["second"] = self._write(
                "second", (second(some).astype(np.float16) for some in _chunks(keys[:spoken]))
            )
        parts |= self._columns(parts["stems"], bounds[:, 1])
        parts |= self._lists(languages, owners, owner_bounds, parts["vectors"], len(keys))
        return {
            "passages": len(self),
            "documents": len(self._documents),
            "rows": len(keys),
            "languages": list(self._languages),
            "parts": {role: part.to_json() for role, part in parts.items()},
            "dead": [],
        }

    def _write(self, role: str, pieces: Sequence[NDArray[Any]] | Iterator[NDArray[Any]]) -> Part:
        with BlockWriter(self._folder, f"{role.partition('-')[0]}.bin") as writer:
            for piece in pieces:
                writer.write_array(piece)
        return writer.part

    def _columns(self, written: Part, bounds: Ids) -> dict[str, Part]:
        numbers = Blocks(self._folder, written, "stems").array(np.int32)
        scores, passages, columns = lexical_mapped.columns(numbers, bounds, len(self._words))
        return {
            "scores": self._write("scores", [scores]),
            "scored": self._write("scored", [passages]),
            "columns": self._write("columns", [columns]),
        }

    def _lists(
        self, languages: NDArray[np.uint16], owners: NDArray[np.int32], owner_bounds: Ids, vectors: Part, rows: int
    ) -> dict[str, Part]:
        """The inverted lists of each language that has many rows."""
        parts: dict[str, Part] = {}
        if rows < INVERTED_FROM or not inverted.AVAILABLE:
            return parts
        used = np.repeat(np.arange(rows), np.diff(owner_bounds))
        matrix = Blocks(self._folder, vectors, "vectors").array(np.float16).reshape(rows, -1)
        for number in range(len(self._languages)):
            own = np.unique(used[languages[owners] == number])
            if len(own) < INVERTED_FROM:
                continue
            lists = inverted.list_count(len(own))
            sample = own[:: max(1, len(own) // (lists * inverted.PER_CENTROID))]
            trained = inverted.train(matrix[sample].astype(np.float32), lists)
            writer = inverted.ListWriter(trained)
            for start in range(0, len(own), inverted.CHUNK):
                some = own[start : start + inverted.CHUNK]
                writer.add(matrix[some].astype(np.float32), some)
            sizes = []
            with BlockWriter(self._folder, "lists.bin") as out:
                for size, data in writer.lists():
                    sizes.append(size)
                    out.write(data)
            parts[f"trained-{number}"] = self._write("trained", [np.frombuffer(trained, np.uint8)])
            parts[f"lists-{number}"] = out.part
            parts[f"sizes-{number}"] = self._write("sizes", [np.array(sizes, np.uint64)])
        return parts


def _places(text: str, passages: Sequence[Passage]) -> Iterator[tuple[int, int]]:
    """Where each passage begins in the text's UTF-8, and how many bytes it has; they come in order."""
    characters = at = 0
    for passage in passages:
        at += len(text[characters : passage.start].encode("utf-8", "surrogatepass"))
        characters = passage.start
        yield at, len(passage.text.encode("utf-8", "surrogatepass"))


def _rows(sentences: bytes, paragraphs: bytes) -> tuple[Keys, Ids, Ids, int]:
    """The rows of vectors for these texts' keys: their keys, the row of each sentence and of each paragraph, and how
    many rows sentences use. Those come first, each group in the order in which its texts first occur."""
    spoken, sentence_rows = _numbered(np.frombuffer(sentences, f"S{KEY_BYTES}"))
    own = np.frombuffer(paragraphs, f"S{KEY_BYTES}")
    order = np.argsort(spoken, kind="stable")
    at = np.minimum(np.searchsorted(spoken[order], own), len(spoken) - 1)
    shared = order[at]
    is_shared = spoken[shared] == own
    others, other_rows = _numbered(own[~is_shared])
    paragraph_rows = shared.copy()
    paragraph_rows[~is_shared] = other_rows + len(spoken)
    return np.concatenate([spoken, others]), sentence_rows, paragraph_rows, len(spoken)


def _numbered(keys: Keys) -> tuple[Keys, Ids]:
    """The different keys in the order in which they first occur, and each key's number among them."""
    different, first, number = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return different[order], rank[number]


def _owners(paragraphs: Ids, sentences: Ids, bounds: Ids, rows: int) -> tuple[NDArray[np.int32], Ids]:
    """For each row the passages that use it, as a flat list and its bounds (rows + 1,)."""
    numbers = np.arange(len(paragraphs), dtype=np.int32)
    used = np.concatenate([paragraphs, sentences])
    by = np.concatenate([numbers, np.repeat(numbers, np.diff(bounds))])
    order = np.argsort(used, kind="stable")
    counts = np.bincount(used, minlength=rows)
    return by[order], np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _chunks(keys: Keys) -> Iterator[Keys]:
    return (keys[start : start + GATHERED] for start in range(0, len(keys), GATHERED))
