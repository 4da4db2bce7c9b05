"""What visitors bring, uploads and judgements, on a disk that is full or fails, in a process that is killed, and over a
loss of power: a file is there whole or as it was before, and nothing else is left."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from rag import durable
from rag.durable import Disk
from rag.errors import IndexUnusable
from rag.feedback import KNOWN, OPEN, Feedback
from rag.folder import UPLOADS
from rag.types import Answer
from rag.web.uploads import Uploads
from tests.crash_model import Crashes, Files, Killed, Log
from tests.faults import ERRORS, Counting, Refusing
from tests.test_disk_errors import EVERYTHING, REMEDIES

FILE = f"{UPLOADS}/a.txt"
ANSWER = Answer("Где?", "ru", "not_found", 0.1, None, None, ())
SAID = b'{"id": "mine", "question": "?", "relevant": []}\n'


def upload(index: Path) -> None:
    with Uploads(index, index / "nowhere", 100, 1_000).receive("a.txt", None) as receiving:
        receiving.write(b"second ")
        receiving.write(b"and last")
        receiving.finish()


def judge(index: Path) -> None:
    Feedback(index).judge(ANSWER, "none")


@dataclasses.dataclass(frozen=True)
class Visit:
    """What lies in an index, what a visitor does, and what lies there then, the day of a judgement aside."""

    old: Files
    do: Callable[[Path], None]
    new: Files

    def place(self, folder: Path) -> Path:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return lay(folder, self.old)


FIRST = Visit({}, upload, {FILE: b"second and last"})
SECOND = Visit({FILE: b"first"}, upload, {FILE: b"first", f"{UPLOADS}/a (2).txt": b"second and last"})
JUDGED = Visit({KNOWN: SAID}, judge, {KNOWN: SAID + "Где? none\n".encode()})
each_visit = pytest.mark.parametrize("visit", [FIRST, SECOND, JUDGED], ids=["first upload", "upload", "judgement"])


def lay(folder: Path, files: Files) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def found(index: Path) -> Files:
    """What is seen of what visitors brought."""
    paths = [*(index / UPLOADS).glob("[!.]*"), index / KNOWN, index / OPEN]
    held = {path.relative_to(index).as_posix(): path.read_bytes() for path in paths if path.exists()}
    return {name: b"".join(map(short, data.splitlines(True))) for name, data in held.items()}


def short(line: bytes) -> bytes:
    """A judgement of ours, without its day."""
    if not line.startswith(b'{"id": "f-'):
        return line
    value = json.loads(line)
    return f"{value['question']} {value['judgement']}\n".encode()


def hidden(index: Path) -> list[str]:
    """What a crash has left."""
    return [path.name for path in index.rglob(".*") if path.name != ".feedback.lock"]


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Callable[[Disk], None]:
    """Puts a disk in the true one's place, until the test ends."""
    return lambda disk: monkeypatch.setattr(durable, "disk", disk)


@pytest.mark.parametrize("kind", ERRORS)
@each_visit
def test_a_disk_that_fails_at_any_step_leaves_the_files_as_they_were_or_as_they_were_to_be(
    visit: Visit, kind: str, tmp_path: Path, on: Callable[[Disk], None]
) -> None:
    counted = Counting()
    on(counted)
    index = visit.place(tmp_path / "index")
    visit.do(index)
    assert (found(index), hidden(index)) == (visit.new, [])
    kinds = ("make_folder", "create", "write") if kind == "full" else EVERYTHING
    tried = [at for at, step in enumerate(counted.steps) if step in kinds]
    for at in tried:
        index = visit.place(tmp_path / "index")
        on(Refusing(at, ERRORS[kind], kind != "failing", kinds))
        with pytest.raises((OSError, IndexUnusable)) as told:
            visit.do(index)
        if visit.do is judge:
            line = rf"[^\n]+ cannot be written \({re.escape(os.strerror(ERRORS[kind]))}\): {REMEDIES[kind]}"
            assert re.fullmatch(line, str(told.value))
        else:
            assert isinstance(told.value, OSError)
            assert told.value.errno == ERRORS[kind]
        assert found(index) in (visit.old, visit.new)
        if kind != "read-only":  # where nothing can be removed
            assert hidden(index) == []
    assert len(tried) > 1


@each_visit
def test_killed_at_any_step_the_file_is_whole_or_not_there_and_the_next_one_clears_up(
    visit: Visit, tmp_path: Path, on: Callable[[Disk], None]
) -> None:
    log = Log()
    on(log)
    visit.do(visit.place(tmp_path / "index"))
    left = 0
    for stop in range(len(log.operations)):
        index = visit.place(tmp_path / "index")
        on(Log(stop))
        with pytest.raises(Killed):
            visit.do(index)
        assert found(index) in (visit.old, visit.new)
        for name in hidden(index):
            left += 1
            for path in index.rglob(name):
                os.utime(path, (0, 0))  # an upload may be in the making for an hour
        on(Counting())
        visit.do(index)
        assert hidden(index) == []
    assert left > 2


@each_visit
def test_what_was_kept_lasts_over_a_loss_of_power(visit: Visit, tmp_path: Path, on: Callable[[Disk], None]) -> None:
    root, log = visit.place(tmp_path / "index"), Log()
    on(log)
    visit.do(root)
    states = list(Crashes(root, visit.old, log, seed=7).states(2))
    for number, state in states:
        shutil.rmtree(tmp_path / "state", ignore_errors=True)
        now = found(lay(tmp_path / "state", state))
        assert now in (visit.old, visit.new), (number, log.operations[number - 1])
        if number == len(log.operations):
            assert now == visit.new
    assert len(states) > 20


@pytest.mark.skipif(os.name != "posix", reason="files have no such permissions there")
@each_visit
def test_what_visitors_bring_is_the_servers_only(visit: Visit, tmp_path: Path) -> None:
    index = visit.place(tmp_path / "index")
    visit.do(index)
    (path,) = [index / name for name, data in visit.new.items() if visit.old.get(name) != data]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
