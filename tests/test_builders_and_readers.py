"""Several processes and one index: one builds at a time, and readers see one generation throughout. Indexes of other
formats, and the documents, which nothing writes to."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE

import pytest

import rag
from rag import durable
from rag.errors import IndexBusy, IndexMismatch, IndexUnusable
from rag.index import check
from rag.readers import ocr
from rag.settings import Settings
from rag.stores import files
from rag.stores.files import Part
from tests.faults import Counting, answers, left_over, make_small, put, small
from tests.killed import ROOT

DATA = Path(__file__).parent / "data"
INDEXES = DATA / "indexes"
DOCUMENTS = {  # of the indexes in INDEXES
    "ru.txt": "Комиссия подписала протокол.\n\nСледующее заседание пройдет в Абу-Даби. Его дата не названа.",
    "en.txt": "The commission signed a protocol.\n\nThe next meeting will be held in Abu Dhabi.",
}
each_kind = pytest.mark.parametrize("mapped_from", [10_000, 2], ids=["in memory", "mapped"])


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    make_small(monkeypatch.setattr)


# -- builders

BUILDER = """
import sys, rag
from tests.faults import make_small, small
from rag.settings import Settings
make_small()
def wait(step):
    if step.stage == "embedding":
        print("building", flush=True)
        sys.stdin.readline()
rag.build(sys.argv[1], sys.argv[2], encoder=small(), settings=Settings(ocr=()), progress=wait)
"""


@pytest.fixture
def builder(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process in the middle of a build."""
    put(tmp_path / "documents", DOCUMENTS)
    command = [sys.executable, "-c", BUILDER, tmp_path / "documents", tmp_path / "index"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"building\n"
        yield process
        process.kill()


def test_a_second_builder_says_who_is_first_and_a_killed_one_s_lock_is_free(
    builder: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    documents, index = tmp_path / "documents", tmp_path / "index"
    with pytest.raises(IndexBusy, match=r"another process is building .*: wait until it has finished"):
        rag.build(documents, index, encoder=small())
    builder.kill()
    builder.wait()
    assert (index / files.LOCK).exists()
    report = rag.build(documents, index, encoder=small()).report
    assert report is not None
    assert (report.added, left_over(index)) == (2, set())


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
@pytest.mark.skipif(sys.platform == "win32", reason="its locks are other ones")
def test_where_there_is_no_lock_that_goes_with_its_process_nothing_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    import fcntl

    def missing(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", missing)
    put(tmp_path / "documents", DOCUMENTS)
    told = f"cannot be written ({os.strerror(number)}): use a file system with locks, or name another --index"
    with pytest.raises(IndexUnusable, match=f"{re.escape(told)}$"):
        rag.build(tmp_path / "documents", tmp_path / "index", encoder=small())
    assert not (tmp_path / "index" / files.POINTER).exists()


# -- readers


def generation(number: int) -> dict[str, str]:
    return {f"{at}.txt": f"Документ {at} из поколения {number}.\n\nВторой абзац {number}." for at in range(4)}


def read_all(opened: rag.Index) -> set[str]:
    """The numbers of the generations that the index's texts and answers are of."""
    store = opened.store
    texts = [opened.document(path).text for path in store.entries]
    quotes = [citation.quote for citation in opened.search("документ из поколения", 20)]
    numbers = [text.removesuffix(".").rsplit(" ", 1)[-1] for text in [*texts, *quotes]]
    assert len(texts) == 4
    assert all(store.words(path) for path in store.entries)
    return set(numbers)


READER = """
import sys
from pathlib import Path
import rag
from tests.faults import small
from tests.test_builders_and_readers import read_all
index, last = Path(sys.argv[1]), -1
first = rag.open(index, encoder=small())
while last < int(sys.argv[2]):
    (number,) = map(int, read_all(rag.open(index, encoder=small())))
    assert number >= last, (number, last)
    if number > last:
        print(number, flush=True)
    last = number
    assert read_all(first) == {"0"}, "an index that is open stays as it was opened"
"""
MEETING, ANEW = 5, 7  # after each fifth build the readers are waited for; each seventh is a rebuild


@each_kind
@pytest.mark.parametrize("builds", [20, pytest.param(50, marks=pytest.mark.soak)])
def test_readers_in_other_processes_see_one_generation_while_many_are_built(
    tmp_path: Path, mapped_from: int, builds: int
) -> None:
    documents, index, settings = tmp_path / "documents", tmp_path / "index", Settings(mapped_from=mapped_from, ocr=())

    def build(number: int) -> None:
        put(documents, generation(number))
        rag.build(documents, index, encoder=small(), settings=settings, rebuild=number % ANEW == 0)

    def meet(reader: subprocess.Popen[str], number: int) -> None:
        """Waits until the reader has seen this generation."""
        assert reader.stdout is not None
        for line in reader.stdout:
            if int(line) == number:
                return
        raise AssertionError(reader.communicate()[1])

    command = [sys.executable, "-c", READER, index, str(builds)]
    with contextlib.ExitStack() as held:
        held.callback(setattr, durable, "disk", durable.disk)
        durable.disk = Counting()
        build(0)
        readers = [
            held.enter_context(subprocess.Popen(command, cwd=ROOT, text=True, stdout=PIPE, stderr=PIPE)) for _ in "12"
        ]
        for reader in readers:
            held.callback(reader.kill)
            meet(reader, 0)
        for number in range(1, builds + 1):
            build(number)
            if number % MEETING == 0:
                for reader in readers:
                    meet(reader, number)
        assert [(*reader.communicate(), reader.returncode) for reader in readers] == [("", "", 0)] * 2
    assert left_over(index) == set()


@each_kind
def test_a_reader_that_finds_the_manifest_swept_begins_again(
    tmp_path: Path, mapped_from: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents, index, settings = tmp_path / "documents", tmp_path / "index", Settings(mapped_from=mapped_from, ocr=())
    read_part = files.read_part

    def build(number: int) -> None:
        put(documents, generation(number))
        rag.build(documents, index, encoder=small(), settings=settings)

    def late(folder: Path, part: Part, role: str) -> bytes:
        monkeypatch.setattr(files, "read_part", read_part)
        build(1)
        build(2)
        assert not (folder / files.PARTS / part.file).exists()  # the manifest that the pointer named just now
        return read_part(folder, part, role)

    build(0)
    monkeypatch.setattr(files, "read_part", late)
    assert read_all(rag.open(index, encoder=small())) == {"2"}


# -- formats


@pytest.mark.parametrize("name", ["format-2", "format-2-mapped"])
def test_an_index_of_this_format_made_before_is_opened_as_it_is(tmp_path: Path, name: str) -> None:
    index = tmp_path / "index"
    put(tmp_path / "documents", DOCUMENTS)
    zipfile.ZipFile(INDEXES / f"index-{name}.zip").extractall(index)
    assert check(index)["documents"] == 2
    found = answers(index)
    assert found is not None
    assert sorted(found[0]) == ["en.txt", "ru.txt"]
    report = rag.build(tmp_path / "documents", index, encoder=small()).report
    assert report is not None
    assert (report.unchanged, report.embedded_texts) == (2, 0)


def test_an_index_of_the_format_before_is_told_and_made_anew_by_a_build(tmp_path: Path) -> None:
    index = tmp_path / "index"
    put(tmp_path / "documents", DOCUMENTS)
    zipfile.ZipFile(INDEXES / "index-format-1.zip").extractall(index)
    with pytest.raises(IndexMismatch, match=r"has format 1, this Snoska reads 2: run 'snoska build'$"):
        check(index)
    report = rag.build(tmp_path / "documents", index, encoder=small()).report
    assert report is not None
    assert (report.added, left_over(index)) == (2, set())


def test_an_index_of_a_newer_format_is_refused_and_not_touched(tmp_path: Path) -> None:
    index = tmp_path / "index"
    put(tmp_path / "documents", DOCUMENTS)
    rag.build(tmp_path / "documents", index, encoder=small())
    pointer = {**json.loads((index / files.POINTER).read_bytes()), "format": 3, "and": "more"}
    (index / files.POINTER).write_bytes(files.to_bytes(pointer))
    before = {path: path.read_bytes() for path in index.rglob("*") if path.is_file()}
    for attempt in (check, lambda at: rag.build(tmp_path / "documents", at, encoder=small())):
        with pytest.raises(IndexMismatch, match="has format 3, this Snoska reads 2: use a newer Snoska"):
            attempt(index)
    assert {path: path.read_bytes() for path in index.rglob("*") if path.is_file()} == before


# -- documents

WATCHED = """
import functools, sys
from pathlib import Path
import rag
from rag import reading
from rag.durable import Disk
from rag.reading.pool import Pool
from tests.faults import make_case, make_small, small
from tests.watched import watch
place, changed = Path(sys.argv[1]), []
make_small()
cases = [make_case(name, place / name) for name in ("update", "growth")]
documents = [place / "documents", *(case.documents for case in cases)]
watch(tuple(map(str, documents)), changed.append)
for case in cases:
    for rebuild in (False, True):
        case.build(case.before, Disk(), rebuild=rebuild)
reading.Pool = functools.partial(Pool, module="tests.watched")
built = rag.build(documents[0], place / "index", encoder=small())
print(built.report.documents, sorted(each.file for each in built.report.skipped), changed)
for case in cases:
    (case.documents / "probe").write_bytes(b"")
print(len(changed))
"""


def stamps(folder: Path) -> dict[str, object]:
    """What any change of a file or folder changes, by whichever process."""
    found = {}
    for path in (folder, *sorted(folder.rglob("*"))):
        about = path.stat()
        content = path.read_bytes() if path.is_file() else sorted(each.name for each in path.iterdir())
        found[path.name] = (content, about.st_mode, about.st_ino, about.st_mtime_ns, about.st_ctime_ns)
    return found


def test_no_build_opens_a_document_for_writing(tmp_path: Path) -> None:
    documents, log = tmp_path / "documents", tmp_path / "log"
    put(
        documents,
        {**DOCUMENTS, "page.html": "<p>Страница.</p>", "table.csv": "Имя;Год\nСовет;2025\n", "a.md": "# Итоги"},
    )
    for path in (*(DATA / "office").iterdir(), DATA / "pdf" / "heads-en.pdf", DATA / "pdf" / "scan-ru.png"):
        shutil.copy(path, documents)
    log.touch()
    before = stamps(documents)
    environment = {**os.environ, "WATCHED": str(tmp_path), "WATCHED_LOG": str(log)}
    command = [sys.executable, "-c", WATCHED, tmp_path]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    skipped = ["old.doc", *(["scan-ru.png"] if ocr.available() else []), "secret.xlsx"]  # old, unread, protected
    assert done.stdout.splitlines() == [f"{17 - len(skipped)} {skipped} []", "2"]  # the last is the hook's own check
    changes = set(log.read_text("utf-8").splitlines())
    assert changes == {f"open {tmp_path / 'probe'}"}  # by the reading processes, each of which proves its hook so
    assert stamps(documents) == before
