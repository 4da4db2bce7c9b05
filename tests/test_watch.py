"""Keeping an index current with its folder: what is a change, the command that watches, the page."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import rag
from rag import watch
from rag.errors import IndexBusy, IndexUnusable, NothingToIndex, RagError
from rag.stores import files
from rag.types import Matrix
from rag.web import asking, collection
from rag.web.collection import Collection
from rag.web.texts import EN
from tests.small_encoder import SmallEncoder

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60  # seconds until what must come counts as missing; nothing waits so long where all is well


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "TICK", 0.1)
    monkeypatch.setattr(watch, "POLL", 0.1)


class Watched:
    """A folder that is watched in a thread, until the test ends."""

    def __init__(self, folder: Path, leave_out: Path) -> None:
        self.folder, self._stop = folder, threading.Event()
        self._heard: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, args=(leave_out,))
        self._thread.start()

    def _run(self, leave_out: Path) -> None:
        with contextlib.closing(watch.changes(self.folder, self._stop, leave_out)) as changes:
            for changed in changes:
                self._heard.put(changed)

    def changed(self) -> bool:
        """Waits for a change; True, or fails."""
        while not self._heard.get(timeout=PATIENCE):
            pass
        return True

    def is_quiet(self) -> bool:
        """Whether nothing changes for some turns: one that has begun to be gathered would be told in them."""
        return not any(self._heard.get(timeout=PATIENCE) for _ in range(8))

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


@pytest.fixture(params=["told by the system", "polled"])
def watched(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """A watched folder, where the system tells of changes and where it does not."""
    if request.param == "polled":
        monkeypatch.setenv("WATCHFILES_FORCE_POLLING", "1")
    folder = tmp_path / "документы"
    (folder / "index").mkdir(parents=True)
    (folder / "a.txt").write_text("x")
    watched = Watched(folder, folder / "index")
    assert watched.changed()  # the first comes by itself
    yield watched
    watched.stop()


def test_a_file_that_comes_changes_moves_or_goes_is_a_change(watched: Watched) -> None:
    folder = watched.folder
    assert watched.is_quiet()
    (folder / "новый.txt").write_text("x")
    assert watched.changed()
    assert watched.is_quiet()
    (folder / "новый.txt").write_text("другое")
    assert watched.changed()
    assert watched.is_quiet()
    (folder / "новый.txt").rename(folder / "b.txt")
    assert watched.changed()
    assert watched.is_quiet()
    (folder / "b.txt").unlink()
    assert watched.changed()


def test_folders_and_rules_are_watched_too(watched: Watched) -> None:
    (watched.folder / "новая папка.tmp").mkdir()
    assert watched.changed()
    assert watched.is_quiet()
    (watched.folder / "новая папка.tmp" / "c.txt").write_text("x")
    assert watched.changed()
    assert watched.is_quiet()
    (watched.folder / ".snoskaignore").write_text("*.md")
    assert watched.changed()


def test_the_index_hidden_and_temporary_files_are_no_change(watched: Watched) -> None:
    for name in ("index/CURRENT", ".a.txt.swp", "~$a.docx", "b.part"):
        (watched.folder / name).write_text("x")
    (watched.folder / ".git").mkdir()
    (watched.folder / ".git" / "HEAD").write_text("x")
    (watched.folder / "a.txt").read_text()
    assert watched.is_quiet()


def test_what_is_uploaded_to_the_index_is_a_change(watched: Watched) -> None:
    uploads = watched.folder / "index" / "uploads"
    uploads.mkdir()
    (uploads / ".new-upload").write_text("x")
    assert watched.is_quiet()
    (uploads / ".new-upload").rename(uploads / "отчёт.txt")
    assert watched.changed()
    assert watched.is_quiet()
    (uploads / "отчёт.txt").unlink()
    assert watched.changed()


def test_a_folder_that_goes_is_waited_for(watched: Watched) -> None:
    shutil.rmtree(watched.folder)
    assert watched.changed()
    assert watched.is_quiet()
    watched.folder.mkdir()
    assert watched.changed()
    assert watched.is_quiet()
    (watched.folder / "b.txt").write_text("x")
    assert watched.changed()


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes")
def test_a_name_that_is_not_utf8_is_a_change_too_and_the_watch_goes_on(watched: Watched) -> None:
    letter = watched.folder / os.fsdecode("Отчёт.txt".encode("cp1251"))
    letter.write_text("x")
    assert watched.changed()
    (watched.folder / "b.txt").write_text("x")
    assert watched.changed()
    assert watched.is_quiet()
    letter.read_text()  # as a build does
    assert watched.is_quiet()
    letter.write_text("другое")
    assert watched.changed()


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes")
def test_a_folder_whose_name_is_not_utf8_is_watched_from_the_start(tmp_path: Path) -> None:
    archive = tmp_path / os.fsdecode("Архив".encode("cp1251"))
    archive.mkdir()
    (archive / "a.txt").write_text("x")
    (tmp_path / "circle.txt").symlink_to("circle.txt")
    watched = Watched(tmp_path, tmp_path / "index")
    assert watched.changed()
    (archive / "a.txt").read_text()
    assert watched.is_quiet()
    (archive / "b.txt").write_text("x")
    assert watched.changed()
    watched.stop()


@pytest.mark.skipif(os.name != "posix", reason="links as POSIX has them")
def test_a_link_to_the_whole_disk_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "everything").symlink_to("/")
    watched = Watched(tmp_path, tmp_path / "index")
    assert watched.changed()
    (tmp_path / "a.txt").write_text("x")
    assert watched.changed()
    watched.stop()


def test_where_the_system_watches_no_more_folders_they_are_polled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def limited(*paths: Path, **options: Any) -> Any:
        raise OSError("OS file watch limit reached.")

    monkeypatch.setattr(watch, "watch", limited)
    watched = Watched(tmp_path, tmp_path / "index")
    assert watched.changed()
    (tmp_path / "a.txt").write_text("x")
    assert watched.changed()
    watched.stop()


# -- following


def followed(monkeypatch: pytest.MonkeyPatch, turns: list[bool], outcomes: list[RagError | None]) -> list[object]:
    """What ``renew`` was called with and which errors were told, a second a turn."""
    heard: list[object] = []
    now = [0.0]

    def changes() -> Iterator[bool]:
        for turn in turns:
            now[0] += 1
            yield turn

    def renew(changed: bool) -> None:
        heard.append(changed)
        outcome = outcomes.pop(0) if outcomes else None
        if outcome is not None:
            raise outcome

    monkeypatch.setattr(watch, "FAILED_AGAIN", 3.0)
    monkeypatch.setattr(watch, "time", SimpleNamespace(monotonic=lambda: now[0]))  # the module's, not everybody's
    watch.follow(changes(), renew, lambda error: heard.append(str(error)))
    return heard


def test_a_build_that_failed_is_tried_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    full = IndexUnusable("the disk is full")
    turns = [True, False, False, False, False, False, False, False]
    assert followed(monkeypatch, turns, [full, full]) == [True, "the disk is full", True, True, False]


def test_a_change_is_tried_at_once_where_the_last_build_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    full = IndexUnusable("the disk is full")
    assert followed(monkeypatch, [True, True, False], [full]) == [True, "the disk is full", True, False]


def test_a_busy_index_is_tried_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = IndexBusy("busy")
    assert followed(monkeypatch, [True, False, False, False], [busy, busy]) == [True, "busy", True, True, False]


def test_an_empty_folder_is_tried_again_after_a_change_only(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = NothingToIndex("nothing")
    assert followed(monkeypatch, [True, False, True, False], [nothing, None, nothing]) == [
        *(True, "nothing", False),
        *(True, "nothing", False),
    ]


# -- the command


@contextlib.contextmanager
def command(tmp_path: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """``snoska build --watch`` over ``tmp_path/documents``, with the small encoder, in a process of its own."""
    script = """
import sys
from rag import encoders, index
from rag.cli import main
from tests.small_encoder import SmallEncoder
index.load_encoder = lambda settings: SmallEncoder()
index.model_fingerprint = lambda settings: SmallEncoder().fingerprint
sys.argv = ["snoska", "build", *sys.argv[1:]]
main()
"""
    arguments = [str(tmp_path / "documents"), "-i", str(tmp_path / "documents" / "index"), "--watch", *options]
    process = subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    timer = threading.Timer(PATIENCE, process.kill)
    timer.start()
    try:
        yield process
    finally:
        timer.cancel()
        process.kill()
        process.communicate()


def line(stream: Any, beginning: str = "") -> str:
    """The next line that begins so."""
    for text in stream:
        if text.startswith(beginning):
            return str(text)
    raise AssertionError(f"the stream ended without {beginning!r}")


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_build_watch_prints_one_object_a_build_until_it_is_stopped(tmp_path: Path, ending: signal.Signals) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "a.txt").write_text("Первый документ.", encoding="utf-8")
    with command(tmp_path, "--json") as process:
        first = json.loads(line(process.stdout))
        assert (first["documents"], first["added"], first["embedded_texts"]) == (1, 1, 1)
        (documents / "b.txt").write_text("Второй документ.", encoding="utf-8")
        second = json.loads(line(process.stdout))
        assert (second["documents"], second["added"], second["embedded_texts"]) == (2, 1, 1)
        process.send_signal(ending)
        rest, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, rest) == (0, "")
    assert "Traceback" not in errors
    assert [passage.text for passage in rag.open(documents / "index", encoder=SmallEncoder()).store.passages] == [
        "Первый документ.",
        "Второй документ.",
    ]


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_build_watch_says_nothing_of_a_build_that_changes_nothing(tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "a.txt").write_text("Первый документ.", encoding="utf-8")
    with command(tmp_path) as process:
        line(process.stdout, "1 documents")
        (documents / "a.txt").touch()
        time.sleep(3)  # as long as a build takes
        (documents / "b.txt").write_text("Второй документ.", encoding="utf-8")
        assert line(process.stdout).startswith("2 documents, 2 passages (1 added, 1 unchanged)")


def test_build_watch_tells_an_error_and_goes_on(tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "a.txt").write_text("Первый документ.", encoding="utf-8")
    with command(tmp_path) as process:
        assert line(process.stdout).startswith("1 documents, 1 passages (1 added) in ")
        (documents / ".snoskaignore").write_text("!\n")
        assert line(process.stderr, "snoska: ") == (
            "snoska: .snoskaignore, line 1: '!' is no pattern: correct or remove it\n"
        )
        (documents / ".snoskaignore").write_text("нет такого\n", encoding="utf-8")
        assert line(process.stdout).startswith("1 documents, 1 passages (1 unchanged) in ")
        documents.rename(tmp_path / "elsewhere")
        assert line(process.stderr, "snoska: ").startswith(f"snoska: there is no folder {documents}: ")
        (tmp_path / "elsewhere").rename(documents)
        assert line(process.stdout).startswith("1 documents, 1 passages (1 unchanged) in ")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


# -- the page's collection


@dataclass(frozen=True)
class Slow(SmallEncoder):
    """Waits, where it is asked for new documents, until it may go on."""

    may: threading.Event = field(default_factory=threading.Event, compare=False)
    asked: threading.Event = field(default_factory=threading.Event, compare=False)

    def encode_documents(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Matrix:
        self.asked.set()
        assert self.may.wait(PATIENCE)
        return super().encode_documents(texts, progress)


class Page:
    """A collection over a folder of documents, turned by hand: ``turn(True)`` says that the documents changed."""

    def __init__(self, path: Path, encoder: SmallEncoder) -> None:
        self.documents, self.index = path / "documents", path / "index"
        self.documents.mkdir()
        self.put("a.txt", "Первый документ.")
        self._turns: queue.SimpleQueue[bool | None] = queue.SimpleQueue()
        self._taken = threading.Semaphore(0)
        self._is_first = True
        self.collection = Collection(
            lambda progress: rag.build(self.documents, self.index, encoder=encoder, progress=progress),
            self._changes,
            lambda index, changed, progress: (
                index.updated(self.documents, progress=progress) if changed else index.latest()
            ),
        )
        self.collection.start()

    def put(self, name: str, text: str) -> None:
        (self.documents / name).write_text(text, encoding="utf-8")

    def _changes(self, stop: threading.Event) -> Generator[bool]:
        yield True
        while not stop.is_set():
            self._taken.release()
            turn = self._turns.get(timeout=PATIENCE)
            if turn is None:
                return
            yield turn

    def turn(self, changed: bool, wait: bool = True) -> None:
        if self._is_first:
            assert self._taken.acquire(timeout=PATIENCE)
            self._is_first = False
        self._turns.put(changed)
        if wait:
            self.wait()

    def wait(self) -> None:
        assert self._taken.acquire(timeout=PATIENCE)

    def found(self) -> list[str]:
        return [hit.document for hit in self.collection.index().search("документ")]

    def told(self) -> str:
        return str(asking.status_json(self.collection.status(), "en")["text"])

    def end(self) -> None:
        self._turns.put(None)
        assert self.collection.stop()


def test_a_page_answers_from_the_old_generation_until_the_new_one_is_whole(tmp_path: Path) -> None:
    encoder = Slow()
    encoder.may.set()
    shown = Page(tmp_path, encoder)
    assert shown.found() == ["a.txt"]
    encoder.may.clear()
    encoder.asked.clear()
    shown.put("b.txt", "Второй документ.")
    shown.turn(True, wait=False)
    assert encoder.asked.wait(PATIENCE)
    assert shown.found() == ["a.txt"]
    assert shown.told() == f"Documents: 1 · passages: 1 · {EN['status.renewing']}"
    assert shown.collection.status().state == "ready"
    encoder.may.set()
    shown.wait()
    assert shown.found() == ["a.txt", "b.txt"]
    assert shown.told() == "Documents: 2 · passages: 2"
    shown.end()


def test_a_page_whose_documents_cannot_be_indexed_says_so_and_answers_as_before(tmp_path: Path) -> None:
    shown = Page(tmp_path, SmallEncoder())
    assert shown.found() == ["a.txt"]
    (shown.documents / "a.txt").unlink()
    shown.turn(True)
    stale = f"Documents: 1 · passages: 1 · {EN['status.stale']} {EN['error.nothing']}"
    assert (shown.told(), shown.found()) == (stale, ["a.txt"])
    shown.turn(False)
    assert shown.told() == stale
    shown.put("b.txt", "Второй документ.")
    shown.turn(True)
    assert (shown.told(), shown.found()) == ("Documents: 1 · passages: 1", ["b.txt"])
    shown.end()


def test_a_page_waits_while_another_builds_and_then_takes_what_it_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "BUSY_AGAIN", 0.0)
    shown = Page(tmp_path, SmallEncoder())
    assert shown.found() == ["a.txt"]
    shown.put("b.txt", "Второй документ.")
    with files.builder_lock(shown.index):
        shown.turn(True)
        assert shown.told() == f"Documents: 1 · passages: 1 · {EN['status.stale']} {EN['error.busy']}"
    rag.build(shown.documents, shown.index, encoder=SmallEncoder())
    shown.turn(False)
    assert (shown.told(), shown.found()) == ("Documents: 2 · passages: 2", ["a.txt", "b.txt"])
    shown.end()


def test_a_page_without_documents_opens_what_others_build(tmp_path: Path) -> None:
    encoder = SmallEncoder()
    shown = Page(tmp_path, encoder)
    assert shown.found() == ["a.txt"]
    shown.put("b.txt", "Второй документ.")
    rag.build(shown.documents, shown.index, encoder=SmallEncoder())
    before = shown.collection.index()
    shown.turn(False)
    assert shown.found() == ["a.txt", "b.txt"]
    assert [hit.document for hit in before.search("документ")] == ["a.txt"]  # who holds the old one may go on
    assert encoder.encoded == ["Первый документ."]
    shown.end()


def test_a_stopped_page_gives_up_its_rebuild(tmp_path: Path) -> None:
    shown = Page(tmp_path, SmallEncoder())
    assert shown.found() == ["a.txt"]
    shown.put("b.txt", "Второй документ.")
    shown.collection._stopping.set()
    shown.turn(True, wait=False)
    assert shown.collection.stop()
    assert rag.open(shown.index, encoder=SmallEncoder()).store.documents.keys() == {"a.txt"}


def test_a_stopped_page_does_not_wait_for_another_builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "BUSY_WAIT", float(PATIENCE))
    tried = threading.Event()

    def busy(_: object) -> rag.Index:
        tried.set()
        raise IndexBusy("busy")

    waiting = Collection(busy)
    waiting.start()
    assert tried.wait(PATIENCE)
    assert waiting.stop()


def test_the_pages_own_collection_follows_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = rag.build

    def small(*places: Path, **options: Any) -> rag.Index:
        return built(*places, encoder=SmallEncoder(), **options)

    monkeypatch.setattr("rag.index.build", small)
    (tmp_path / "a.txt").write_text("Первый документ.", encoding="utf-8")
    follows = Collection.at(tmp_path / "index", tmp_path)
    follows.start()
    assert len(follows.index().search("документ")) == 1
    (tmp_path / "b.txt").write_text("Второй документ.", encoding="utf-8")
    arrived = threading.Event()
    for _ in range(10 * PATIENCE):
        if follows.status().documents == 2 or arrived.wait(0.1):
            break
    assert len(follows.index().search("документ")) == 2
    assert follows.stop()
