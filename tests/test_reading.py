"""Reading in other processes: what a file does to its reader costs that file only."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag import folder as folders
from rag.errors import DocumentError
from rag.reading import read_all
from rag.reading.pool import Pool
from rag.reading.process import Process
from rag.reading.worker import receive, send
from rag.settings import Settings
from rag.types import Progress, Skipped

HERE = "tests.worker_of_bad_readers"
DAMAGE = "it is damaged, or takes more than 1024 MB of memory"


@pytest.fixture
def process() -> Iterator[Process]:
    with Process(3, 1024, HERE) as process:
        yield process


def ask(process: Process, folder: Path, what: str) -> str:
    file = folder / f"{what}.bad"
    file.write_text(what)
    text: str = process.ask({"file": str(file), "path": file.name})["document"]["text"]
    return text


def pid(process: Process, folder: Path) -> int:
    return int(ask(process, folder, "works").split()[1])


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("dies", rf"it ends the process that reads it \(signal SIGABRT\): {DAMAGE}"),
        ("exits", rf"it ends the process that reads it \(status 0\): {DAMAGE}"),
        ("hangs", "it takes more than 3 s to read: split it, or raise SNOSKA_READ_SECONDS"),
        ("grows", "it takes more than 1024 MB of memory to read: split it"),
    ],
)
def test_what_costs_the_process_is_told_and_the_next_file_is_read(
    what: str, reason: str, process: Process, tmp_path: Path
) -> None:
    first = pid(process, tmp_path)
    with pytest.raises(DocumentError, match=f"^{reason}$"):
        ask(process, tmp_path, what)
    assert pid(process, tmp_path) != first


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("nests", "it is nested too deeply to be read"),
        ("fails", r"its reader failed \(KeyError: 'a fault of the reader'\): please report it"),
    ],
)
def test_what_the_process_outlives_is_told(what: str, reason: str, process: Process, tmp_path: Path) -> None:
    first = pid(process, tmp_path)
    with pytest.raises(DocumentError, match=f"^{reason}$"):
        ask(process, tmp_path, what)
    assert pid(process, tmp_path) == first


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_a_hanging_reader_started_ends_with_it(process: Process, tmp_path: Path) -> None:
    first = pid(process, tmp_path)
    with pytest.raises(DocumentError):
        ask(process, tmp_path, "hangs")
    deadline = time.monotonic() + 20
    while str(first) in sessions():  # who is killed needs a moment to go
        assert time.monotonic() < deadline
        time.sleep(0.05)


def sessions() -> set[str]:
    """The sessions of all processes that are not over."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            stat = path.read_text().rpartition(")")[2]
            if not stat.startswith(" Z"):
                found.add(stat.split()[3])
    return found


def test_a_process_whose_parent_goes_away_ends() -> None:
    child = subprocess.Popen([sys.executable, "-m", HERE, "3", "1024"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.communicate(timeout=20)
    assert child.returncode == 0


def test_a_process_that_cannot_start_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    with (
        Process(20, 1024, "tests.no_such_module") as process,
        pytest.raises(RuntimeError, match=r"files cannot be read: .python -m tests\.no_such_module 60 1024"),
    ):
        ask(process, tmp_path, "works")


def test_messages_hold_what_names_of_files_hold(tmp_path: Path) -> None:
    path = tmp_path / "messages"
    sent = {"file": os.fsdecode(b"/\xef\xf0\xe8\xea\xe0\xe7.txt"), "text": "Сноска 𝄞\0"}
    with path.open("wb") as stream:
        send(stream, sent)
        send(stream, {})
        stream.write(b"\1")
    with path.open("rb") as stream:
        assert [receive(stream), receive(stream), receive(stream)] == [sent, {}, None]


def test_answers_come_in_the_order_of_the_requests(tmp_path: Path) -> None:
    names = [f"{number:02}.txt" for number in range(20)]
    for name in names:
        (tmp_path / name).write_text(f"Text of {name}.")
    with Pool(20, 60, 1024) as pool:
        answers = list(pool.run({"file": str(tmp_path / name), "path": name} for name in names))
    texts = [answer["document"]["text"] for answer in answers if not isinstance(answer, DocumentError)]
    assert texts == [f"Text of {name}." for name in names]


def test_equal_files_are_read_once_and_each_is_a_document(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt", "c.md"):
        (tmp_path / name).write_text("Сто сорок компаний работают в стране.")
    (tmp_path / "empty.txt").write_text("")
    files, _ = folders.scan(tmp_path, 2**20)
    told: list[Progress] = []
    read, skipped = read_all(files, {"": tmp_path}, Settings(), told.append)
    assert [(file.path, reading.document.path, reading.document.type) for file, reading in read] == [
        ("a.txt", "a.txt", "txt"),
        ("b.txt", "b.txt", "txt"),
        ("c.md", "c.md", "md"),
    ]
    assert skipped == [Skipped("empty.txt", "the file is empty")]
    assert told == [Progress("reading", done, 3) for done in range(4)]


def test_a_file_that_went_away_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Text.")
    files, _ = folders.scan(tmp_path, 2**20)
    (tmp_path / "a.txt").unlink()
    assert read_all(files, {"": tmp_path}, Settings()) == (
        [],
        [Skipped("a.txt", "cannot be read: No such file or directory")],
    )


def test_a_file_changed_since_it_was_found_has_the_hash_of_what_was_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Old text.")
    files, _ = folders.scan(tmp_path, 2**20)
    (tmp_path / "a.txt").write_text("New text.")
    now, _ = folders.scan(tmp_path, 2**20)
    [(file, reading)], _ = read_all(files, {"": tmp_path}, Settings())
    assert (file, reading.document.text) == (now[0], "New text.")


def test_an_interrupted_build_does_not_wait_for_a_file_that_hangs(tmp_path: Path) -> None:
    (tmp_path / "a.bad").write_text("hangs")

    def interrupted() -> None:
        with Pool(1, 600, 1024, HERE) as pool:
            pool.run([{"file": str(tmp_path / "a.bad"), "path": "a.bad"}])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
