"""Disks that fail, and small collections to build on them: what the tests of docs/guarantees.md share."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rag
from rag import durable, embedding, growth, reading
from rag.durable import Disk
from rag.errors import DocumentError, IndexMissing
from rag.reading.worker import answer
from rag.settings import Settings
from rag.stores import compaction, files
from rag.types import Json
from tests.small_encoder import SmallEncoder, SmallSecond

FEEDBACK = "feedback.jsonl"  # what lies beside an index and is a user's: no build may touch it
NOTHING = memoryview(b"")
QUESTIONS = ("Где пройдет заседание?", "Who signed the protocol?", "Документ под номером 3", "Отчёт о работе")


class Counting(Disk):
    """Counts the steps and takes them, fsync aside: what the system holds outlives a killed process."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def before(self, step: str, file: int = -1, data: memoryview = NOTHING) -> None:
        """Is called before each step is taken; ``data`` is what is about to be written to ``file``."""
        self.steps.append(step)

    def make_folder(self, folder: Path) -> None:
        self.before("make_folder")
        super().make_folder(folder)

    def create(self, folder: Path, prefix: str) -> tuple[int, Path]:
        self.before("create")
        return super().create(folder, prefix)

    def write(self, file: int, data: memoryview) -> int:
        self.before("write", file, data)
        return super().write(file, data)

    def sync(self, file: int) -> None:
        self.before("sync")

    def rename(self, source: Path, target: Path) -> None:
        self.before("rename")
        super().rename(source, target)

    def remove(self, file: Path) -> None:
        self.before("remove")
        super().remove(file)

    def remove_folder(self, folder: Path) -> None:
        self.before("remove_folder")
        super().remove_folder(folder)

    def sync_folder(self, folder: Path) -> None:
        self.before("sync_folder")


class Killing(Counting):
    """Kills the process at a step; in the middle of it where it is a write."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self._at = at

    def before(self, step: str, file: int = -1, data: memoryview = NOTHING) -> None:
        if len(self.steps) == self._at:
            if step == "write":
                os.write(file, data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        super().before(step)


class Refusing(Counting):
    """Fails with an error at a step, half of it done where it is a write; ``lasting``: and at all steps of ``kinds``
    from there on, as a full disk does."""

    def __init__(self, at: int, number: int, lasting: bool = False, kinds: Iterable[str] = ("write", "create")) -> None:
        super().__init__()
        self._at, self._number, self._lasting, self._kinds = at, number, lasting, set(kinds)

    def before(self, step: str, file: int = -1, data: memoryview = NOTHING) -> None:
        number = len(self.steps)
        super().before(step)
        if number == self._at or (self._lasting and number > self._at and step in self._kinds):
            if step == "write":
                os.write(file, data[: len(data) // 2])
            raise OSError(self._number, os.strerror(self._number))


class Short(Counting):
    """Takes at most 100 bytes of what it is given to write, as the system may."""

    def write(self, file: int, data: memoryview) -> int:
        return super().write(file, data[:100])


class Here:
    """In the place of :class:`rag.reading.pool.Pool`: reads in this process, which no index's byte depends on, and
    says of each document where its words stand, so that there are parts for that too."""

    def __init__(self, *_: object) -> None: ...

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_: object) -> None: ...

    def run(self, requests: Iterable[Json]) -> Iterator[Json | DocumentError]:
        for request in requests:
            yield {**answer(request), "words": [(0, 5, 1, 1.0, 2.0, float(len(request["path"])), 4.0)]}


def make_small(put: Callable[[object, str, Any], None] = setattr) -> None:
    """Small runs and segments that are merged early, so that a small build takes every way."""
    put(embedding, "RUN", 4)
    put(growth, "SEGMENT", 3)
    put(compaction, "FACTOR", 3)
    put(reading, "Pool", Here)


@dataclass(frozen=True)
class Case:
    """A build to be interrupted: the folder of documents, the index before it, and how it is made.

    ``old`` and ``new`` are the answers of the index before, None where there is none, and after.
    """

    name: str
    documents: Path
    before: Path
    settings: Settings
    rebuild: bool = False
    old: Any = field(default=None, compare=False)
    new: Any = field(default=None, compare=False)

    def copy(self, place: Path) -> Path:
        """The index as it is before, in a place of its own."""
        shutil.rmtree(place, ignore_errors=True)
        if self.before.exists():
            shutil.copytree(self.before, place)
        return place

    def build(self, index: Path, disk: Disk | None = None, rebuild: bool | None = None) -> rag.BuildReport:
        """Builds the index on a disk; the true one again afterwards."""
        durable.disk = disk or Counting()
        try:
            again = self.rebuild if rebuild is None else rebuild
            built = rag.build(self.documents, index, encoder=small(), settings=self.settings, rebuild=again)
        finally:
            durable.disk = Disk()
        assert built.report is not None
        return built.report

    def steps(self, place: Path) -> list[str]:
        """The steps of the whole build, by their names."""
        disk = Counting()
        self.build(self.copy(place), disk)
        return disk.steps

    def is_whole(self, index: Path) -> bool:
        """Opens what a fault has left, sees to it that the old or the new generation answers, builds once more, and
        sees to it that the new one does, that nothing is left over and nothing of the user's gone; whether the new
        one answered at once."""
        found = answers(index)
        assert found in (self.old, self.new)
        self.build(index, rebuild=False)
        assert answers(index) == self.new
        assert left_over(index) == set()
        assert users_own(index) == users_own(self.before)
        return bool(found == self.new)


def small() -> SmallEncoder:
    return SmallEncoder(second=SmallSecond())


def answers(index: Path) -> Any:
    """What the index answers: its documents and their words, and the passages found, by questions; None where there
    is none."""
    try:
        opened = rag.open(index, encoder=small())
    except IndexMissing:
        return None
    documents = {path: (opened.document(path), opened.store.words(path)) for path in sorted(opened.store.entries)}
    found = [[(c.document, c.start, c.end, c.quote) for c in opened.search(question, 20)] for question in QUESTIONS]
    return documents, [sorted(own) for own in found]


def left_over(index: Path) -> set[str]:
    """The files in the index that are of no use: neither named by this generation or the one before, nor the user's."""
    _, wanted = named(index, json.loads((index / files.POINTER).read_bytes())["manifest"]["file"])
    kept = {files.POINTER, files.LOCK, *wanted, *users_own(index)}
    found = {path.relative_to(index).as_posix() for path in index.rglob("*") if path.is_file()}
    assert wanted <= found
    folders = {path.name for path in index.iterdir() if path.is_dir()} - {files.PARTS, "uploads"}
    return (found - kept) | folders


def named(index: Path, manifest: str, before: bool = True) -> tuple[Json, set[str]]:
    """The manifest and the paths of all parts that it names, with those of the one before."""
    value = json.loads((index / files.PARTS / manifest).read_bytes())
    previous = value.pop("previous")
    found = {f"{files.PARTS}/{manifest}", *(f"{files.PARTS}/{name}" for name in _files(value))}
    if previous and before:
        found |= named(index, previous["file"], before=False)[1]
    return value, found


def _files(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and {"file", "sha256", "size"} <= value.keys():
        yield value["file"]
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _files(each)


def users_own(index: Path) -> Mapping[str, bytes]:
    """The uploads and what visitors have said, by path."""
    own = [index / FEEDBACK, *(index / "uploads").rglob("*")]
    return {path.relative_to(index).as_posix(): path.read_bytes() for path in own if path.is_file()}


def put(folder: Path, texts: Mapping[str, str | None]) -> None:
    """Writes documents; None removes one."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).unlink() if text is None else (folder / name).write_text(text, encoding="utf-8")


FIRST = {
    "ru.txt": "Комиссия подписала протокол.\n\nСледующее заседание пройдет в Абу-Даби. Его дата не названа.",
    "en.txt": "The commission signed a protocol.\n\nThe next meeting will be held in Abu Dhabi.",
    "3.txt": "Документ под номером 3.",
}
CHANGE = {
    "ru.txt": "Комиссия подписала протокол.\n\nЗаседание пройдет в Дакаре 2 декабря.",
    "en.txt": None,
    "4.txt": "Документ под номером 4.",
}
MORE = {f"{number}.txt": f"Новый протокол под номером {number}.\n\nЗаседание {number}." for number in range(5, 9)}


def make_case(name: str, place: Path) -> Case:
    """The build called so, its index before made in a place: ``first``, ``update`` and ``rebuild`` of a small index,
    ``growth`` of a mapped one whose segments are merged, ``start`` of a mapped one."""
    mapped = name in ("growth", "start")
    settings = Settings(mapped_from=2 if mapped else 10_000, ocr=())
    case = Case(name, place / "documents", place / "before", settings)
    put(case.documents, FIRST)
    if name not in ("first", "start"):
        put(case.before / "uploads", {"отчёт.txt": "Отчёт о работе за год."})
        put(case.before, {FEEDBACK: '{"question": "Где?"}\n'})
        case.build(case.before)
        if name == "growth":
            put(case.documents, {"0.txt": "Документ под номером 0."})
            case.build(case.before)
            put(case.documents, MORE)
        put(case.documents, CHANGE)
    old = answers(case.before)
    case = Case(name, case.documents, case.before, settings, name == "rebuild", old)
    case.build(case.copy(place / "after"))
    new = answers(place / "after")
    assert new != old
    return Case(name, case.documents, case.before, settings, case.rebuild, old, new)


CASES = ("first", "update", "rebuild", "start", "growth")
ERRORS = {"full": errno.ENOSPC, "failing": errno.EIO, "read-only": errno.EROFS}
