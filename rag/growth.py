"""A build of an index that is too large to be written anew each time: what is new becomes segments of their own.

A segment is written when it is full; an interrupted build leaves those it has finished where the next one finds them.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rag import durable
from rag.embedding import embed
from rag.errors import IndexDamaged
from rag.folder import File
from rag.intake import Taken
from rag.protocols import Encoder
from rag.records import words_from_bytes, words_to_bytes
from rag.stores import compaction, files
from rag.stores.compaction import Model
from rag.stores.entry import Entry
from rag.stores.files import Part
from rag.stores.keys import Keys, key_list
from rag.stores.local import LocalStore
from rag.stores.mapped import MappedStore
from rag.stores.pending import Pending
from rag.stores.segment import Segment
from rag.stores.segment_writer import SegmentWriter
from rag.types import Json, Matrix, Passage, ProgressCallback, Vector

SEGMENT = 20_000  # passages, of which a build holds so many in memory
UNFINISHED = "UNFINISHED"  # names the part that lists the segments of a build that has not ended


class Growth:
    """The next generation of a mapped index, as it is made; the caller holds the builder's lock.

    ``previous`` is the last one, mapped or not, or None; ``left`` are the segments of an interrupted build that
    :func:`unfinished` has found to be ``made`` the same way.
    """

    def __init__(
        self,
        index: Path,
        made: str,
        previous: LocalStore | MappedStore | None,
        left: Iterable[Json],
        pending: Pending,
        encoder: Callable[[], Encoder],
        progress: ProgressCallback,
    ) -> None:
        self._index, self._made, self._encoder, self._progress = index, made, encoder, progress
        self._previous, self._pending = previous, pending
        self._model = _model(previous, encoder)
        mapped = previous if isinstance(previous, MappedStore) else None
        self._values: list[Json] = list(mapped.manifest["segments"]) if mapped else []
        self._segments = list(mapped.segments) if mapped else []
        self._old = len(self._segments)
        for value in left:
            with contextlib.suppress(IndexDamaged):  # swept with what a smaller index has not named: made again
                self._append(value)
        self._kept: dict[int, set[int]] = {at: set() for at in range(len(self._segments))}
        self._damaged: dict[str, tuple[int, int]] = {}
        self._held: list[Taken] = []
        self._waiting = 0  # passages of those held
        self._stored = previous if isinstance(previous, LocalStore) else None
        self.texts, self.seconds = 0, 0.0
        self.entries: dict[str, Entry] = {}

    @property
    def has_second(self) -> bool:
        """Whether the vectors of a second encoder are kept too."""
        return bool(self._model.second)

    def vectors_of(self, keys: Sequence[bytes], second: bool = False) -> dict[bytes, Vector]:
        """The stored vectors of these texts, of the last generation and of what has been written since."""
        found = self._stored.vectors_of(keys, second) if self._stored else {}
        left = [key for key in keys if key not in found]
        return found | compaction.stored(self._segments, left, second)

    def keep(self, found: Iterable[File]) -> list[File]:
        """Takes over what the segments hold of these files, under their names now; returns the files to be read.

        Documents of which something could not be read are among those: what was missing may be there now.
        """
        by_content: dict[Any, list[tuple[int, int]]] = {}
        for at, segment in enumerate(self._segments):
            for number, _ in segment.living():
                entry = segment.entries[number]
                if entry.missing:
                    self._damaged[entry.path] = at, number
                else:
                    by_content.setdefault(entry.content, []).append((at, number))
        wanted = []
        for file in found:
            places = by_content.get(file.content)
            if not places:
                wanted.append(file)
                continue
            own = next((place for place in places if self._is(place, file)), None)
            if own is None:
                self.add(self._taken(places[0]).under(file))
            else:
                self._kept[own[0]].add(own[1])
                self.entries[file.path] = self._segments[own[0]].entries[own[1]]
        return wanted

    def damaged(self, path: str) -> Taken | None:
        """What is indexed under the path of a document of which something could not be read, which is tried again."""
        place = self._damaged.get(path)
        return self._taken(place) if place else None

    def add_all(self, taken: Iterable[Taken]) -> None:
        """Takes documents in."""
        for each in taken:
            self.add(each)

    def add(self, taken: Taken) -> None:
        """Takes a document in; one that is as it was stays where it is."""
        place = self._damaged.get(taken.entry.path)
        if place and self._segments[place[0]].entries[place[1]] == taken.entry:
            self._kept[place[0]].add(place[1])
            self.entries[taken.entry.path] = taken.entry
            return
        self.entries[taken.entry.path] = taken.entry
        self._held.append(taken)
        self._waiting += len(taken.passages)
        if self._waiting >= SEGMENT:
            self._write()

    def finish(self, about: Json) -> None:
        """Makes the generation current, unless it is the last one again. ``about``: what else the manifest says."""
        if self._held:
            self._write()
        self._bury()
        self._merge()
        last = self._previous.manifest if isinstance(self._previous, MappedStore) else {}
        if (last.get("segments"), last.get("skipped")) != (self._values, about["skipped"]):
            model = {**about["model"], "dimension": self._model.dimension, "second": self._model.second}
            compaction.commit(self._index, self._segments, self._values, {**about, "model": model})

    def passages(self) -> int:
        """How many passages the generation has, once finished."""
        return sum(int(segment.alive.sum()) for segment in self._segments)

    def _is(self, place: tuple[int, int], file: File) -> bool:
        entry = self._segments[place[0]].entries[place[1]]
        return (entry.path, entry.name) == (file.path, file.name) and place[1] not in self._kept[place[0]]

    def _taken(self, place: tuple[int, int]) -> Taken:
        segment, number = self._segments[place[0]], place[1]
        return Taken(
            segment.entries[number],
            segment.document(number),
            tuple(segment.passage(each) for each in segment.passages_of(number)),
            words_from_bytes(segment.words(number)),
        )

    def _write(self) -> None:
        """Embeds what is held and writes it as a segment."""
        held = sorted(self._held, key=lambda each: each.entry.path)
        found: list[Passage] = [passage for each in held for passage in each.passages]
        embedded = embed(found, self, self._pending, self._encoder, self._progress)
        self.texts, self.seconds = self.texts + embedded.texts, self.seconds + embedded.seconds
        with SegmentWriter(self._index) as writer:
            for each in held:
                writer.add(each.entry, each.document, each.passages, words_to_bytes(each.words))
            value = writer.finish(_lookup(embedded.first), _lookup(embedded.second) if embedded.second else None)
        self._append(value)
        self._held, self._waiting = [], 0
        state = files.to_bytes({"made": self._made, "segments": self._values[self._old :]})
        part = files.write_part(self._index, state, "unfinished.json")
        files.write(self._index / UNFINISHED, files.to_bytes(part.to_json()))
        self._pending.drop(embedded.first.keys())

    def _append(self, value: Json) -> None:
        self._segments.append(Segment(self._index, value, self._model.dimension, self._model.second))
        self._values.append(value)

    def _bury(self) -> None:
        """Marks dead what is not kept; a segment without a living document goes."""
        values, segments = [], []
        for at, (value, segment) in enumerate(zip(self._values, self._segments, strict=True)):
            kept = self._kept.get(at, set(range(len(segment.documents))))
            dead = sorted(set(range(len(segment.documents))) - kept)
            if kept:
                values.append({**value, "dead": dead})
                segments.append(segment.without(dead))
        self._values, self._segments = values, segments

    def _merge(self) -> None:
        while due := self._due():
            numbers = due[0]
            merged = compaction.merged(self._index, [self._segments[number] for number in numbers], self._model)
            for number in sorted(numbers, reverse=True):
                del self._values[number], self._segments[number]
            self._append(merged)

    def _due(self) -> list[list[int]]:
        sizes = [segment.passages for segment in self._segments]
        return compaction.tiers(sizes, [int(segment.alive.sum()) for segment in self._segments])


def _model(previous: LocalStore | MappedStore | None, encoder: Callable[[], Encoder]) -> Model:
    if isinstance(previous, MappedStore):
        return Model(previous.manifest["model"]["dimension"], previous.manifest["model"]["second"])
    if isinstance(previous, LocalStore):
        return Model(previous.manifest["model"]["dimension"], previous.second_dimension)
    model = encoder()
    return Model(model.dimension, model.second.dimension if model.second else 0)


def unfinished(index: Path, made: str) -> list[Json]:
    """The segments that an interrupted build has left, as a manifest would have them; none where they were made
    another way, or the list of them is not as it was written."""
    try:
        part = Part.from_json(json.loads((index / UNFINISHED).read_bytes()))
        state = json.loads(files.read_part(index, part, "unfinished"))
    except (OSError, ValueError, RecursionError, IndexDamaged):
        return []
    segments: list[Json] = state["segments"] if state["made"] == made else []
    return segments


def forget(index: Path) -> None:
    """Lets go what an interrupted build has left, for it to be swept. Raises IndexUnusable where it cannot."""
    with files.writing(index):
        durable.disk.remove(index / UNFINISHED)


def _lookup(vectors: dict[bytes, Vector]) -> Callable[[Keys], Matrix]:
    return lambda keys: np.stack([vectors[key] for key in key_list(keys)])
