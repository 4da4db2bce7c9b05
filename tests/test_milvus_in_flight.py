"""Milvus killed while a call is under way: before it has read what it was asked, and after it has done it, when the
answer is lost. The call is made again, and the answers are those of an index that was never disturbed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import rag
from rag.index import check
from rag.settings import Settings
from rag.stores.milvus import publishing
from rag.stores.milvus.server import Server
from tests.forwarder import Passes, forwarding
from tests.milvus_server import MilvusServer, running
from tests.small_encoder import SmallEncoder, SmallSecond
from tests.small_mapped import some_texts

SETTINGS = Settings(ocr=(), milvus_seconds=30)
QUESTIONS = ("заседание комиссии о бюджете города", "What did the council decide about the bridge?", "106 школа")
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, END_STREAM = 1, 1  # a frame's type, and the flag of a call's last one
UNDER_WAY = 20.0  # seconds for a call to come to be under way


class Watched:
    """A server behind a forwarder, which counts calls by HTTP/2's frames: each begins with HEADERS, and its answer
    ends with them. ``loses``: no answer is passed on."""

    def __init__(self, server: MilvusServer) -> None:
        self.server, self.port = server, 0
        self.asked = self.answered = 0
        self.loses = False

    def url(self, name: str) -> str:
        return f"milvus://127.0.0.1:{self.port}/{name}"

    def connected(self) -> Passes:
        """Looks at one connection."""
        waiting = {True: b"", False: b""}

        def passes(data: bytes, upward: bool) -> bytes:
            frames = (waiting[upward] + data).removeprefix(PREFACE)
            while len(frames) >= 9 and len(frames) >= (size := 9 + int.from_bytes(frames[:3], "big")):
                self.asked += upward and frames[3] == HEADERS
                self.answered += not upward and frames[3] == HEADERS and frames[4] & END_STREAM
                frames = frames[size:]
            waiting[upward] = frames
            return b"" if self.loses and not upward else data

        return passes


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with running(tmp_path_factory.mktemp("watched") / "milvus") as server:
        watched = Watched(server)
        with forwarding(server.port, connected=watched.connected) as watched.port:
            yield watched


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared, so tests must not change them."""
    folder = tmp_path_factory.mktemp("documents")
    for path, text in some_texts(1, 8).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def right(documents: Path, tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    """The answers of an index in a folder."""
    return answers(build(documents, str(tmp_path_factory.mktemp("right") / "index")))


def build(documents: Path, index: str) -> rag.Index:
    encoder = SmallEncoder(second=SmallSecond())
    return rag.build(documents, index, encoder=encoder, settings=SETTINGS)


def answers(index: rag.Index) -> list[object]:
    return [(index.ask(question), index.search(question)) for question in QUESTIONS]


class Crashes:
    """Crashes the server in the next call of each of these methods of a kind of collection, in the way that is named:
    it is ``frozen`` before the call, or the ``answer`` is lost; once the call is under way it is killed, and started
    again."""

    def __init__(self, watched: Watched, way: str, calls: list[tuple[str, str]]) -> None:
        self.watched, self.way, self.left = watched, way, list(calls)
        self._pool = ThreadPoolExecutor(1)
        self._killing: Future[None] | None = None

    def before(self, method: str, collection: str) -> None:
        """Called before each call to Milvus, in the thread that makes it."""
        if self.left and method == self.left[0][0] and collection.endswith(self.left[0][1]):
            self.left.pop(0)
            if self._killing is not None:
                self._killing.result()
            watched = self.watched
            if self.way == "frozen":
                watched.server.freeze()
            else:
                watched.loses = True
            self._killing = self._pool.submit(self._kill, watched.asked, watched.answered)

    def _kill(self, asked: int, answered: int) -> None:
        watched, until = self.watched, time.monotonic() + UNDER_WAY
        while watched.asked == asked if self.way == "frozen" else watched.answered == answered:
            assert time.monotonic() < until, "no call is under way"
            time.sleep(0.01)
        assert self.way != "frozen" or watched.answered == answered
        watched.server.kill()
        watched.loses = False
        watched.server.start()

    def over(self) -> None:
        """Waits for the last one; all must have been."""
        self._pool.shutdown()
        if self._killing is not None:
            self._killing.result()
        assert self.left == []


@contextmanager
def crashing(patched: pytest.MonkeyPatch, watched: Watched, way: str, *calls: tuple[str, str]) -> Iterator[None]:
    crashes, call = Crashes(watched, way, list(calls)), Server._call

    def hooked(self: Server, method: str, *given: Any, **named: Any) -> Any:
        crashes.before(method, str(given[0]) if given else "")
        return call(self, method, *given, **named)

    with patched.context() as patch:
        patch.setattr(Server, "_call", hooked)
        yield
        crashes.over()


each_way = pytest.mark.parametrize("way", ["frozen", "answer"])


@pytest.fixture(scope="module")
def asked(watched: Watched, documents: Path) -> str:
    """The address of an index that was never disturbed when it was built."""
    build(documents, watched.url("asked"))
    return watched.url("asked")


@each_way
def test_a_question_under_way_is_asked_again(
    watched: Watched, asked: str, right: list[object], monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    opened = rag.open(asked, encoder=SmallEncoder(second=SmallSecond()), settings=SETTINGS)
    with crashing(monkeypatch, watched, way, ("query", "_terms"), ("search", "_passages")):
        assert answers(opened) == right


@each_way
def test_writing_and_showing_go_on_where_the_server_was_killed_in_them(
    watched: Watched, documents: Path, right: list[object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str
) -> None:
    index, own = watched.url(way), tmp_path / "documents"
    shutil.copytree(documents, own)
    with crashing(monkeypatch, watched, way, ("upsert", "_passages"), ("create_alias", "_m1")):
        built = build(own, index)
    assert answers(built) == right
    (own / "1" / "00.md").write_text("Новый текст о заводе.", encoding="utf-8")
    (own / "1" / "01.txt").unlink()
    with crashing(monkeypatch, watched, way, ("alter_alias", "_m2")):
        changed = build(own, index)
    expected = build(own, str(tmp_path / "right"))
    assert answers(changed) == answers(expected)
    assert changed.info()["generation"] == 2
    assert check(index)["passages"] == expected.info()["passages"]


def test_sealing_goes_on_where_the_server_was_killed_in_it(
    watched: Watched, documents: Path, right: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frozen only: once a flush is answered, milvus-lite writes its index files in the background, and one that is
    cut off there cannot be loaded any more."""
    monkeypatch.setattr(publishing, "SEALED", 5)
    with crashing(monkeypatch, watched, "frozen", ("flush", "_passages")):
        assert answers(build(documents, watched.url("sealed"))) == right
