"""A build of an index that Milvus keeps, of a whole folder or of one share of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from rag.embedding import embed
from rag.folder import File
from rag.intake import Taken
from rag.protocols import Encoder
from rag.stores.entry import Entry
from rag.stores.milvus.draft import Draft
from rag.stores.milvus.layout import PASSAGES, SENTENCES, quoted
from rag.stores.milvus.rows import Head, Stored
from rag.types import Json, Matrix, Passage, ProgressCallback, Skipped, Vector

BATCH = 1_000  # passages that are embedded and written at a time, which is what a broken build loses
KEYS = 500  # texts whose vectors are asked for at a time
WRITTEN = 2_000_000  # keys of a first build that are remembered, so that Milvus is asked for repeated texts only,
BEGINNING = 8  # and bytes of each: some 150 MB
ROWS = 4 * KEYS  # that are fetched for them at most: a text that all documents repeat has a row in each


class Unkept:
    """No vectors wait in a folder: what a broken build has embedded is in Milvus."""

    def vectors(self, encoder: str) -> dict[bytes, Vector]:
        """None."""
        return {}

    def add(self, encoder: str, keys: Sequence[bytes], vectors: Matrix) -> None:
        """Keeps nothing."""


class RemoteGrowth:
    """A share of the next generation in Milvus, as it is made; as :class:`rag.growth.Growth`."""

    def __init__(self, draft: Draft, encoder: Callable[[], Encoder], progress: ProgressCallback) -> None:
        self._draft, self._encoder, self._progress = draft, encoder, progress
        self._old = {head.entry.path: head for head in draft.heads()}
        self._kept: dict[int, Head] = {}
        self._held: list[Taken] = []
        self._resumed: list[Head] = []
        self.texts, self.seconds = 0, 0.0
        self.entries: dict[str, Entry] = {}
        self.old_entries = {path: head.entry for path, head in self._old.items()}
        left = draft.left()
        self._left = {head.entry.path: head for head in left if head.whole}
        self._broken = [head for head in left if self._left.get(head.entry.path) is not head]
        self._has_vectors = bool(self._old or self._left)
        self._written: set[bytes] = set()  # beginnings of the keys that this build has written

    @property
    def has_second(self) -> bool:
        """Whether the vectors of a second encoder are kept too."""
        return bool(self._draft.model["second"])

    def vectors_of(self, keys: Sequence[bytes], second: bool = False) -> dict[bytes, Vector]:
        """The stored vectors of these texts, of whatever generation; Milvus is asked for those only that it may have.

        What lies beyond ``ROWS`` and ``WRITTEN`` is embedded again, to the same vector.
        """
        found: dict[bytes, Vector] = {}
        if not self._has_vectors:
            keys = [key for key in keys if key[:BEGINNING] in self._written]
        draft, field = self._draft, "second" if second else "vector"
        for kind in (SENTENCES,) if second else (SENTENCES, PASSAGES):
            left = [key for key in keys if key not in found]
            for at in range(0, len(left), KEYS):
                where = f"key in [{','.join(quoted(key.hex()) for key in left[at : at + KEYS])}]"
                collection, wanted = draft.reading.collection(kind), ["key", field]
                for row in draft.server.query(collection, filter=where, output_fields=wanted, limit=ROWS):
                    found[bytes.fromhex(row["key"])] = np.asarray(row[field], dtype=np.float32)
        return found

    def keep(self, found: Iterable[File]) -> list[File]:
        """Takes over what Milvus holds of these files, under their names now; returns the files to be read."""
        by_content: dict[Any, list[Head]] = {}
        for head in (*self._old.values(), *self._left.values()):
            if not head.entry.missing:
                by_content.setdefault(head.entry.content, []).append(head)
        wanted = []
        for file in found:
            places = by_content.get(file.content)
            if not places:
                wanted.append(file)
                continue
            own = next((head for head in places if (head.entry.path, head.entry.name) == (file.path, file.name)), None)
            if own is None:
                self.add(self._taken(places[0]).under(file))
            else:
                self._keep(own)
        return wanted

    def damaged(self, path: str) -> Taken | None:
        """What is indexed under the path of a document of which something could not be read, which is tried again."""
        head = self._left.get(path) or self._old.get(path)
        return self._taken(head) if head and head.entry.missing else None

    def add_all(self, taken: Iterable[Taken]) -> None:
        """Takes documents in."""
        for each in taken:
            self.add(each)

    def add(self, taken: Taken) -> None:
        """Takes a document in; one that is as it was stays where it is."""
        path = taken.entry.path
        for head in (self._left.get(path), self._old.get(path)):
            if head is not None and head.entry == taken.entry and head.entry.missing:
                self._keep(head)
                return
        self.entries[path] = taken.entry
        self._held.append(taken)
        if sum(len(each.passages) for each in self._held) >= BATCH:
            self._write()

    def finish(self, skipped: Sequence[Skipped], about: Json) -> Json | None:
        """The manifest of the index, once all shares are finished; None until then."""
        if self._held:
            self._write()
        for head in self._resumed:
            self._draft.tally.add(self._draft.reading.stored(head))
        unwanted = [head for head in self._left.values() if head.number not in self._kept]
        self._draft.drop([*unwanted, *self._broken])
        dead = [head for head in self._old.values() if head.number not in self._kept]
        own = [{"file": each.file, "reason": each.reason} for each in skipped if self._draft.in_share(each.file)]
        return self._draft.finish(dead, own, about)

    def _keep(self, head: Head) -> None:
        if head.version == self._draft.generation and head.number not in self._kept:
            self._resumed.append(head)
        self._kept[head.number] = head
        self.entries[head.entry.path] = head.entry

    def _taken(self, head: Head) -> Taken:
        stored = self._draft.reading.stored(head)
        return Taken(stored.entry, stored.document, stored.passages, stored.words)

    def _write(self) -> None:
        """Embeds what is held and writes it."""
        held = sorted(self._held, key=lambda each: each.entry.path)
        found: list[Passage] = [passage for each in held for passage in each.passages]
        embedded = embed(found, self, Unkept(), self._encoder, self._progress)
        self.texts, self.seconds = self.texts + embedded.texts, self.seconds + embedded.seconds
        documents = [Stored(each.entry, each.document, each.passages, each.words) for each in held]
        self._draft.put(documents, embedded.first, embedded.second)
        self._held = []
        if not self._has_vectors:
            room = WRITTEN - len(self._written)
            self._written.update(key[:BEGINNING] for key in itertools.islice(embedded.first, room))
