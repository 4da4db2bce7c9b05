"""A generation of an index in Milvus that is being written, by one builder or by several.

Its rows carry its number, so that no reader sees them; each builder that has finished its share leaves a note, and the
last one makes the manifest and lets the alias lead to it. What a broken build has written whole is taken over.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from rag.errors import IndexDamaged
from rag.stores.milvus import publishing
from rag.stores.milvus.layout import (
    DATA,
    DOCUMENTS,
    PASSAGES,
    SENTENCES,
    TERMS,
    Names,
    create,
    require,
    token,
)
from rag.stores.milvus.notes import read_manifest
from rag.stores.milvus.reading import Reading, seen
from rag.stores.milvus.rows import Head, Stored, document_rows, passage_rows
from rag.stores.milvus.server import Server
from rag.stores.milvus.state import Share, State
from rag.stores.milvus.writing import delete, term_rows, upsert
from rag.text import stems
from rag.types import Json, Vector


@dataclasses.dataclass(slots=True)
class Tally:
    """What a share of a build adds to the index, less what it takes away."""

    documents: int = 0
    passages: int = 0
    sentences: int = 0
    stems: int = 0
    bytes: int = 0
    languages: Counter[str] = dataclasses.field(default_factory=Counter)
    holders: Counter[str] = dataclasses.field(default_factory=Counter)  # stem -> passages that have it

    def add(self, stored: Stored, sign: int = 1, found: Sequence[Sequence[str]] | None = None) -> None:
        """Counts a document; ``sign`` -1 takes it away. ``found`` are its passages' stems, where they are known."""
        self.documents += sign
        for passage, words in zip(
            stored.passages, found or [stems(passage.text) for passage in stored.passages], strict=True
        ):
            self.passages += sign
            self.sentences += sign * len(passage.sentences)
            self.stems += sign * len(words)
            self.languages[passage.language] += sign
            for word in dict.fromkeys(words):
                self.holders[word] += sign

    def to_json(self) -> Json:
        """Without the stems, which have rows of their own."""
        counted = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        del counted["holders"]
        return counted


class Draft:
    """A share of the next generation. ``base`` is the manifest it goes on from, None where nothing is taken over."""

    def __init__(
        self, server: Server, names: Names, state: State, share: Share, note: Json, base: Json | None, model: Json
    ) -> None:
        self.server, self.names, self.state, self.share = server, names, state, share
        self.note, self.base, self.model = note, base, model
        self.generation: int = note["generation"]
        reading = {"generation": self.generation, "set": note["set"], "runs": base["runs"] if base else [], "dead": {}}
        self.reading = Reading(server, names, reading)
        self.tally = Tally()
        self._place = 0  # of the next document among this share's

    # -- beginning

    @classmethod
    def begin(
        cls, server: Server, names: Names, state: State, share: Share, made: str, model: Json, rebuild: bool
    ) -> Draft:
        """The draft of the next generation: the one that another share's builder has begun, or a broken build, where
        it is of the same kind; else a new one. The caller holds the share."""
        with state.alone():
            current = current_manifest(server, names)
            base = None if rebuild or current is None or current["made"] != made else current
            generation = current["generation"] + 1 if current else 1
            note: Json = {
                "generation": generation,
                "set": base["set"] if base else generation,
                "made": made,
                "of": share.of,
                "first": base["next"] if base else 0,
            }
            values = state.notes.read()
            left = values.get("draft")
            if left != note or (rebuild and share.of == 1):
                if left is not None and left["generation"] >= generation:  # else it was published, but not forgotten
                    abandon(server, names, left)
                publishing.forget(state.notes, values)
            state.notes.forget([share.done(generation)])  # of a build of this part that the others did not follow
            create(server, names, note["set"], model["dimension"], model["second"])
            if left != note or (rebuild and share.of == 1):
                state.notes.write("draft", note)
        return cls(server, names, state, share, note, base, model)

    def in_share(self, path: str) -> bool:
        """Whether the document with this path is this share's: by a hash of the path, the same on every machine."""
        digest = hashlib.blake2b(path.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest, "big") % self.share.of == self.share.number

    def heads(self) -> Iterator[Head]:
        """This share's documents in the generation that is gone on from."""
        if self.base is not None:
            yield from (head for head in self.reading.heads(seen(self.base)) if self.in_share(head.entry.path))

    def left(self) -> list[Head]:
        """This share's documents that a broken build of this generation has begun to write."""
        found = self.reading.heads(f"version == {self.generation}")
        own = [head for head in found if self.in_share(head.entry.path)]
        places = ((head.number - self.note["first"] - self.share.number) // self.share.of for head in own)
        self._place = max(places, default=-1) + 1
        return own

    # -- writing

    def put(
        self, documents: Sequence[Stored], first: Mapping[bytes, Vector], second: Mapping[bytes, Vector] | None
    ) -> None:
        """Writes documents; a build that breaks leaves each whole, or known not to be."""
        self.state.require(self.share)
        numbers = range(self._place, self._place + len(documents))
        heads, bodies, passages, sentences = [], [], [], []
        for place, stored in zip(numbers, documents, strict=True):
            number = self.note["first"] + self.share.number + place * self.share.of
            head, body = document_rows(number, self.generation, stored)
            heads.append(head)
            bodies += body
            found = []
            for row, own, words in passage_rows(number, self.generation, stored, first, second):
                passages.append(row)
                sentences += own
                found.append(words)
            self.tally.add(stored, found=found)
        self._place += len(documents)
        self._upsert(DOCUMENTS, heads)
        for kind, rows in ((DOCUMENTS, bodies), (PASSAGES, passages), (SENTENCES, sentences)):
            self.tally.bytes += self._upsert(kind, rows)
        self.tally.bytes += self._upsert(DOCUMENTS, [{**head, "whole": 1} for head in heads])

    def drop(self, heads: Sequence[Head]) -> None:
        """Deletes documents that no generation has yet."""
        delete(self.server, self.names, self.note["set"], [head.number for head in heads])

    def finish(self, dead: Sequence[Head], skipped: Sequence[Json], about: Json) -> Json | None:
        """Ends this share: ``dead`` are the documents of the last generation that it leaves out. The manifest of the
        new generation where this was the last share and something has changed, of the last one where nothing has;
        None where other shares are awaited."""
        self.state.require(self.share)
        for head in dead:
            self.tally.add(self.reading.stored(head), -1)
        run = self.generation << 16 | self.share.number
        terms = self.reading.collection(TERMS)
        self.server.delete(terms, filter=f"run == {run}")
        counted = {(token(stem), stem): count for stem, count in self.tally.holders.items() if count}
        self.tally.bytes += self._upsert(TERMS, term_rows(run, counted))
        done = {
            "tally": self.tally.to_json(),
            "dead": [head.number for head in dead],
            "skipped": list(skipped),
            "runs": [run] if counted else [],
            "next": self.note["first"] + self._place * self.share.of,
        }
        self.state.notes.write(self.share.done(self.generation), done)
        require = functools.partial(self.state.require, self.share)
        with self.state.alone():
            return publishing.publish(
                self.server, self.names, self.state.notes, self.note, self.base, self.model, about, require
            )

    def _upsert(self, kind: str, rows: Sequence[Json]) -> int:
        return upsert(self.server, self.reading.collection(kind), rows)


def current_manifest(server: Server, names: Names) -> Json | None:
    """The manifest that the alias leads to; None where there is none yet. Raises IndexMismatch or IndexDamaged."""
    collection = server.behind(names.name)
    if collection is None:
        if server.exists(names.name):
            require(server, names.name)
            raise IndexDamaged(f"{names.name} is a collection, not an alias: name another --index")
        return None
    require(server, collection)
    return read_manifest(server, collection)


def abandon(server: Server, names: Names, note: Json) -> None:
    """Deletes what a build has written that is not gone on with."""
    made, generation = note["set"], note["generation"]
    if made == generation:
        for kind in DATA:
            server.drop_collection(names.data(made, kind))
        return
    for kind in (PASSAGES, SENTENCES, DOCUMENTS):
        server.delete(names.data(made, kind), filter=f"version == {generation}")
    low, high = generation << 16, generation + 1 << 16
    server.delete(names.data(made, TERMS), filter=f"run >= {low} and run < {high}")
