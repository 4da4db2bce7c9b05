"""What is read of an index in Milvus row by row: documents, passages with their vectors, the vocabulary."""

from __future__ import annotations

import json
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from rag import lexical
from rag.errors import IndexDamaged
from rag.stores.entry import Entry
from rag.stores.files import REBUILD
from rag.stores.milvus.layout import (
    DOCUMENTS,
    PASSAGE_BITS,
    PASSAGES,
    SENTENCE_BITS,
    SENTENCES,
    TERMS,
    Names,
    grams,
    listed,
    quoted,
)
from rag.stores.milvus.layout import token as token_of
from rag.stores.milvus.notes import unpack
from rag.stores.milvus.rows import BODY, HEAD, WORDS, Head, Stored, passage_from, sentence_numbers, stored_from
from rag.stores.milvus.server import MANY, Server
from rag.types import Json, Listed, Matrix, Passage, Vector

K = TypeVar("K")
V = TypeVar("V")
ROWS_KEPT = 4_096  # passages with their vectors: some 40 MB for the bundled model
DOCUMENTS_KEPT = 64
TERMS_KEPT = 50_000
HEAD_FIELDS = ["document", "version", "data", "passages", "whole"]
MISSPELT = 300  # stems with the most pairs of letters in common, among which the one meant is looked for


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A passage as it is scored: its own vector, its sentences' (sentences, dimension), its stems' tokens counted."""

    passage: Passage | None
    language: str
    vector: Vector
    sentences: Matrix
    tokens: Mapping[str, int]
    length: int


class Kept(Generic[K, V]):
    """The values used last, of which so many are kept; several threads may ask."""

    def __init__(self, size: int) -> None:
        self._size, self._lock, self._values = size, threading.Lock(), OrderedDict[K, V]()

    def get(self, keys: Iterable[K]) -> dict[K, V]:
        with self._lock:
            found = {key: self._values[key] for key in keys if key in self._values}
            for key in found:
                self._values.move_to_end(key)
        return found

    def put(self, values: Mapping[K, V]) -> None:
        with self._lock:
            self._values.update(values)
            while len(self._values) > self._size:
                self._values.popitem(last=False)


class Reading:
    """One generation's rows. ``seen`` is the expression that names what belongs to it."""

    def __init__(self, server: Server, names: Names, manifest: Json) -> None:
        self.server, self.names, self.manifest = server, names, manifest
        self.seen = seen(manifest)
        self._rows = Kept[int, Row](ROWS_KEPT)
        self._seconds = Kept[int, Matrix](ROWS_KEPT)
        self._documents = Kept[int, Stored](DOCUMENTS_KEPT)
        self._heads = Kept[str, Head](ROWS_KEPT)
        self._counts = Kept[str, int](TERMS_KEPT)

    def collection(self, kind: str) -> str:
        return self.names.data(self.manifest["set"], kind)

    # -- documents

    def heads(self, where: str = "") -> Iterator[Head]:
        """The documents that an expression names, all of them where it is empty."""
        expression = f'part == "{HEAD}" and {where or self.seen}'
        for row in self.server.rows(self.collection(DOCUMENTS), expression, HEAD_FIELDS):
            yield head_of(row)

    def listed(self) -> Iterator[Listed]:
        """What is known of each document, as :meth:`rag.protocols.Store.listed`."""
        fields = [*HEAD_FIELDS, "document_language", "type", "date"]
        where = f'part == "{HEAD}" and {self.seen}'
        for row in self.server.rows(self.collection(DOCUMENTS), where, fields):
            head = head_of(row)
            entry, about = head.entry, (row["document_language"], row["type"], row["date"] or None)
            yield Listed(entry.path, head.title, *about, head.passages, entry.read, entry.missing)

    def head(self, path: str) -> Head | None:
        """The document with this path."""
        return self._one_head(f"path == {quoted(path)} and {self.seen}")

    def _one_head(self, where: str) -> Head | None:
        """The document that an expression names, by one call instead of an iterator's four."""
        expression = f'part == "{HEAD}" and {where}'
        found = self.server.query(self.collection(DOCUMENTS), filter=expression, output_fields=HEAD_FIELDS)
        return head_of(found[0]) if found else None

    def known_head(self, path: str) -> Head:
        """The document with this path, kept; raises IndexDamaged where it is missing."""
        head = self._heads.get([path]).get(path) or self.head(path)
        if head is None:
            raise IndexDamaged(f"document {path} is missing in {self.server.address}: {REBUILD}")
        self._heads.put({path: head})
        return head

    def stored(self, head: Head) -> Stored:
        """A document with its text and passages, and where its words stand; raises IndexDamaged."""
        known = self._documents.get([head.number]).get(head.number)
        if known is None:
            pieces: dict[str, dict[int, str]] = {BODY: {}, WORDS: {}}
            where = f'document == {head.number} and part != "{HEAD}"'
            for row in self.server.rows(self.collection(DOCUMENTS), where, ["part", "piece", "data"]):
                pieces[row["part"]][row["piece"]] = row["data"]
            body, placed = ([own[at] for at in sorted(own)] for own in (pieces[BODY], pieces[WORDS]))
            what = f"document {head.entry.path}"
            known = stored_from(head.entry, unpack(body, what), unpack(placed, what) if placed else b"")
            self._documents.put({head.number: known})
        return known

    # -- passages

    def rows(self, numbers: Sequence[int]) -> dict[int, Row]:
        """The passages with these numbers, with their vectors."""
        found = self._rows.get(numbers)
        missing = [number for number in numbers if number not in found]
        fields = ["number", "path", "language", "start", "end", "paragraph", "page", "spans", "text", "stems", "length"]
        for at in range(0, len(missing), MANY // 8):
            some = missing[at : at + MANY // 8]
            own = self.server.query(self.collection(PASSAGES), ids=some, output_fields=[*fields, "vector"])
            passages = {row["number"]: passage_from(row) for row in own}
            sentences = self._vectors(self._counted(passages, some), "vector")
            made = {
                row["number"]: Row(
                    passages[row["number"]],
                    row["language"],
                    np.asarray(row["vector"], dtype=np.float32),
                    sentences[row["number"]],
                    Counter(row["stems"].split()),
                    row["length"],
                )
                for row in own
            }
            if len(made) < len(some):
                raise IndexDamaged(f"{len(some) - len(made)} passages are missing in {self.server.address}: {REBUILD}")
            self._rows.put(made)
            found |= made
        return found

    def texts(self, numbers: Sequence[int]) -> Iterator[tuple[int, str, set[str]]]:
        """These passages' numbers, texts and tokens, without their vectors, many at a time."""
        for at in range(0, len(numbers), MANY // 8):
            some = numbers[at : at + MANY // 8]
            own = self.server.query(self.collection(PASSAGES), ids=some, output_fields=["number", "text", "stems"])
            for row in sorted(own, key=lambda row: row["number"]):
                text = row["text"] or self.passage(row["number"]).text  # one that is too long for its row
                yield row["number"], text, set(row["stems"].split())

    def passage(self, number: int) -> Passage:
        """A passage: of its row where that is here already, else of its document, whose others are asked for next."""
        row = self._rows.get([number]).get(number)
        if row is not None and row.passage is not None:
            return row.passage
        own = number >> PASSAGE_BITS
        stored = self._documents.get([own]).get(own)
        if stored is None:
            head = self._one_head(f"document == {own}")
            if head is None:
                raise IndexDamaged(f"a document is missing in {self.server.address}: {REBUILD}")
            stored = self.stored(head)
        return stored.passages[number & (1 << PASSAGE_BITS) - 1]

    def seconds(self, numbers: Sequence[int]) -> dict[int, Matrix]:
        """The second encoder's vectors of the passages' sentences."""
        found = self._seconds.get(numbers)
        missing = [number for number in numbers if number not in found]
        for at in range(0, len(missing), MANY // 8):
            some = missing[at : at + MANY // 8]
            rows = self.rows(some)
            made = self._vectors([(number, len(row.sentences)) for number, row in rows.items()], "second")
            self._seconds.put(made)
            found |= made
        return found

    def _counted(self, passages: Mapping[int, Passage | None], numbers: Sequence[int]) -> list[tuple[int, int]]:
        """How many sentences each has; those of a passage too long for its row are counted by Milvus."""
        counted = [(number, len(passage.sentences)) for number, passage in passages.items() if passage is not None]
        long = [number for number in numbers if number in passages and passages[number] is None]
        return counted + [(n, self.server.count(self.collection(SENTENCES), f"passage == {n}")) for n in long]

    def _vectors(self, passages: Sequence[tuple[int, int]], field: str) -> dict[int, Matrix]:
        """A vector field of the passages' sentences, (sentences, dimension) of each."""
        by_number: dict[int, Any] = {}
        numbers = sentence_numbers(passages)
        for at in range(0, len(numbers), MANY):
            some = numbers[at : at + MANY]
            for row in self.server.query(self.collection(SENTENCES), ids=some, output_fields=["number", field]):
                by_number[row["number"]] = row[field]
        if len(by_number) < len(numbers):
            missing = len(numbers) - len(by_number)
            raise IndexDamaged(f"{missing} sentences are missing in {self.server.address}: {REBUILD}")
        return {
            number: np.array([by_number[number << SENTENCE_BITS | at] for at in range(count)], dtype=np.float32)
            for number, count in passages
        }

    # -- words

    def counts(self, stems: Iterable[str]) -> dict[str, int]:
        """How many passages have each of these stems."""
        wanted = {token_of(stem): stem for stem in stems}
        found = self._counts.get(wanted)
        missing = [token for token in wanted if token not in found]
        if missing:
            made = dict.fromkeys(missing, 0)
            where = f"token in [{','.join(map(quoted, missing))}] and run in {listed(self.manifest['runs'])}"
            for row in self.server.query(self.collection(TERMS), filter=where, output_fields=["token", "count"]):
                made[row["token"]] += row["count"]
            self._counts.put(made)
            found |= made
        return {stem: found[token] for token, stem in wanted.items()}

    def like(self, stem: str) -> list[str]:
        """Known stems that share the most pairs of letters with this one."""
        found = self.server.search(
            self.collection(TERMS),
            data=[grams(stem)],
            anns_field="grams",
            limit=MISSPELT,
            filter=f"run in {listed(self.manifest['runs'])}",
            output_fields=["stem"],
            search_params={"metric_type": "IP"},
        )
        near = dict.fromkeys(hit["entity"]["stem"] for hit in found[0])
        known = self.counts(near)
        return lexical.correct(other for other in near if known[other] > 0)


def seen(manifest: Json) -> str:
    """The expression that names a generation's rows: what was written up to it, and is not dead."""
    dead = manifest["dead"]
    return f"version <= {manifest['generation']}" + (f" and document not in {listed(map(int, dead))}" if dead else "")


def head_of(row: Mapping[str, Any]) -> Head:
    value = json.loads(unpack([row["data"]], f"document {row['document']}"))
    entry = Entry.from_json(value["entry"])
    return Head(row["document"], row["version"], entry, row["passages"], bool(row["whole"]), value["title"])
