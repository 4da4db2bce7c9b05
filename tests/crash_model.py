"""A file system that keeps, over a loss of power, only what it was made to keep: a log of what was done to it, and
every way in which the machine may come up again.

The model is the weakest that POSIX allows (after ALICE: Pillai and others, "All File Systems Are Not Created Equal",
2014): a file's bytes last once it is fsynced, before that any beginning of them may be there; a folder's entries
(what was made, renamed, removed) last once the folder is fsynced, before that any of them may be lost, each by itself.
A rename alone is never half done.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rag.durable import Disk

Files = dict[str, bytes]  # a state of the disk: what each file holds, by its path
NEVER = 10**9
FOLDER = -1  # in the place of a file's number, where an entry is a folder


@dataclass(frozen=True, slots=True)
class Entry:
    """A change of a folder's entries: ``name`` is ``file`` from now on, or is not there (None); ``source`` is gone."""

    folder: str
    name: str
    file: int | None
    source: str = ""


@dataclass
class Log(Disk):
    """Does what it is told, fsync aside, and writes it down; at step ``stop`` the process is as if killed."""

    stop: int = NEVER
    operations: list[tuple[Literal["write", "sync", "entry", "sync_folder"], object]] = field(default_factory=list)
    _numbers: dict[Path, int] = field(default_factory=dict)
    _open: dict[int, int] = field(default_factory=dict)

    def _note(self, kind: Literal["write", "sync", "entry", "sync_folder"], what: object) -> None:
        if len(self.operations) >= self.stop:
            raise Killed
        self.operations.append((kind, what))

    def make_folder(self, folder: Path) -> None:
        self._note("entry", Entry(str(folder.parent), folder.name, FOLDER))
        super().make_folder(folder)

    def create(self, folder: Path, prefix: str) -> tuple[int, Path]:
        if len(self.operations) >= self.stop:
            raise Killed
        file, path = super().create(folder, prefix)
        number = self._numbers[path] = self._open[file] = len(self.operations)
        self._note("entry", Entry(str(folder), path.name, number))
        return file, path

    def write(self, file: int, data: memoryview) -> int:
        self._note("write", (self._open[file], bytes(data)))
        return super().write(file, data)

    def sync(self, file: int) -> None:
        self._note("sync", self._open[file])

    def rename(self, source: Path, target: Path) -> None:
        self._note("entry", Entry(str(target.parent), target.name, self._numbers[source], source.name))
        super().rename(source, target)
        self._numbers[target] = self._numbers.pop(source)

    def remove(self, file: Path) -> None:
        if file.exists():
            self._note("entry", Entry(str(file.parent), file.name, None))
        super().remove(file)

    def remove_folder(self, folder: Path) -> None:
        self._note("entry", Entry(str(folder.parent), folder.name, None))
        super().remove_folder(folder)

    def sync_folder(self, folder: Path) -> None:
        self._note("sync_folder", str(folder))


class Killed(BaseException):
    """In the place of SIGKILL: nothing that would tidy up has any effect any more, since every step raises it."""


class Crashes:
    """The disk as it may be found after a loss of power, at each moment of a log that began with these files."""

    def __init__(self, root: Path, before: Mapping[str, bytes], log: Log, seed: int) -> None:
        self._root, self._log, self._drawn = str(root), log, random.Random(seed)
        self._data: dict[int, bytes] = {}
        self._lasting: dict[int, int] = {}
        self._entries: dict[str, dict[str, int]] = {self._root: {}}
        self._waiting: list[Entry] = []
        for number, (path, data) in enumerate(before.items(), start=-len(before) - 1):
            self._data[number], self._lasting[number] = data, len(data)
            place = root / path
            self._entries.setdefault(str(place.parent), {})[place.name] = number
            for folder in place.parents:
                if str(folder) == self._root:
                    break
                self._entries.setdefault(str(folder.parent), {})[folder.name] = FOLDER

    def states(self, samples: int) -> Iterator[tuple[int, Files]]:
        """How many operations had been done, and what is found: all of it, nothing that may be lost, each change lost
        or kept alone, and ``samples`` drawn at random."""
        yield 0, self._found((), 0.0)
        for number, (kind, what) in enumerate(self._log.operations, start=1):
            self._do(kind, what)
            waiting = range(len(self._waiting))
            for keep in (set(waiting), set[int](), *({at} for at in waiting), *(set(waiting) - {at} for at in waiting)):
                yield number, self._found([self._waiting[at] for at in sorted(keep)], 0.0)
            for _ in range(samples):
                some = [each for each in self._waiting if self._drawn.random() < 0.5]
                yield number, self._found(some, self._drawn.random())

    def _do(self, kind: str, what: object) -> None:
        match kind, what:
            case "write", (int(file), bytes(data)):
                self._data[file] = self._data.get(file, b"") + data
            case "sync", int(file):
                self._lasting[file] = len(self._data.get(file, b""))
            case "entry", Entry() as entry:
                self._waiting.append(entry)
            case "sync_folder", str(folder):
                for each in self._waiting:
                    if each.folder == folder:
                        _apply(self._entries, each)
                self._waiting = [each for each in self._waiting if each.folder != folder]

    def _found(self, kept: Sequence[Entry], part: float) -> Files:
        """The disk with these changes kept, and so much of what was written and not fsynced."""
        entries = {folder: dict(own) for folder, own in self._entries.items()}
        for each in kept:
            _apply(entries, each)
        found: Files = {}

        def walk(folder: str, path: str) -> None:
            for name, file in entries.get(folder, {}).items():
                if file == FOLDER:
                    walk(f"{folder}{os.sep}{name}", f"{path}{name}/")
                else:
                    data, lasting = self._data.get(file, b""), self._lasting.get(file, 0)
                    found[f"{path}{name}"] = data[: lasting + int(part * (len(data) - lasting))]

        walk(self._root, "")
        return found


def _apply(entries: dict[str, dict[str, int]], change: Entry) -> None:
    own = entries.setdefault(change.folder, {})
    own.pop(change.source, None)
    if change.file is None:
        own.pop(change.name, None)
    else:
        own[change.name] = change.file
