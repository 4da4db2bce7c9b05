"""The server under load and under attack by size and slowness; its end."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import secrets
import shutil
import socket
import statistics
import threading
import time
from collections.abc import Awaitable, Callable, Generator
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from rag import index as indexes
from rag.encoders import BundledEncoder
from rag.index import Index
from rag.types import BuildReport, ProgressCallback
from rag.web import asking, bounds, page, protocol
from rag.web import server as web
from rag.web.access import OPEN
from rag.web.cards import escaped
from rag.web.collection import Collection
from rag.web.places import Busy, Gone, Places
from rag.web.texts import EN, RU
from tests.browser_help import QUESTIONS
from tests.slow_index import Slow, asked
from tests.small_town import TEXTS

# Gradio's queue sums up its own timings with an argument that pandas has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:The copy keyword is deprecated")

SEEDS = Path(__file__).resolve().parent.parent / "seeds"
MEBIBYTE = 2**20


@pytest.fixture
def slow() -> Slow:
    return Slow()


# --- places ---


async def _never() -> bool:
    return False


async def _always() -> bool:
    return True


def test_those_who_wait_come_in_their_order_and_no_more_than_may_wait() -> None:
    order: list[int] = []

    async def visit(places: Places, number: int) -> None:
        async with places.place(_never):
            order.append(number)
            await asyncio.sleep(0)

    async def scene() -> list[Any]:
        places = Places(1, 3)
        return await asyncio.gather(*(visit(places, number) for number in range(6)), return_exceptions=True)

    told = asyncio.run(scene())
    assert order == [0, 1, 2, 3]
    assert [type(each) for each in told] == [type(None)] * 4 + [Busy] * 2


def test_who_has_gone_frees_the_place() -> None:
    async def scene() -> None:
        places = Places(1, 1)
        async with places.place(_never):
            with pytest.raises(Gone):
                async with places.place(_always):
                    pytest.fail("it came in beside the first")
        async with places.place(_never):  # and the next one comes in at once
            pass
        assert places._taken == 0

    asyncio.run(scene())


@pytest.mark.parametrize(("language", "said"), [("ru", RU), ("en", EN)], ids=["ru", "en"])
def test_one_too_many_is_told_so_on_the_page(
    slow: Slow, serve_app: Callable[..., str], monkeypatch: pytest.MonkeyPatch, language: str, said: dict[str, str]
) -> None:
    monkeypatch.setattr(asking, "Places", lambda: Places(1, 0))
    url = serve_app(Collection(lambda _: slow))  # type: ignore[arg-type, return-value]
    body = asked(url, "first", language)
    first = threading.Thread(target=httpx.post, args=(f"{url}/gradio_api/component_server",), kwargs={"json": body})
    first.start()
    assert slow.asked.acquire(timeout=20)
    told = httpx.post(f"{url}/gradio_api/component_server", json=asked(url, "second", language))
    slow.let_go.set()
    first.join()
    assert said["error.many"] in told.json()["answer"]
    again = httpx.post(f"{url}/gradio_api/component_server", json=body)
    assert said["error.many"] not in again.json()["answer"]


class Watched(Places):
    """One runs and one waits; tells who has taken a place, and who has given it up while waiting."""

    def __init__(self) -> None:
        super().__init__(1, 1)
        self.came, self.left = threading.Semaphore(0), threading.Semaphore(0)

    async def _wait(self, gone: Callable[[], Awaitable[bool]]) -> None:
        self.came.release()
        try:
            await super()._wait(gone)
        except Gone:
            self.left.release()
            raise


def test_a_client_that_goes_away_while_it_waits_frees_its_place(
    slow: Slow, serve_app: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    places = Watched()
    monkeypatch.setattr(asking, "Places", lambda: places)
    url = serve_app(Collection(lambda _: slow))  # type: ignore[arg-type, return-value]
    post = functools.partial(httpx.post, f"{url}/gradio_api/component_server", timeout=30)
    host, port = url.removeprefix("http://").split(":")
    body = json.dumps(asked(url, "second"))
    head = f"POST /gradio_api/component_server HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
    with futures.ThreadPoolExecutor(2) as clients:
        try:
            first = clients.submit(post, json=asked(url, "first"))
            assert places.came.acquire(timeout=20)
            assert slow.asked.acquire(timeout=20)
            with socket.create_connection((host, int(port)), timeout=20) as second:
                second.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
                assert places.came.acquire(timeout=20)
                assert EN["error.many"] in post(json=asked(url, "third")).json()["answer"]
            assert places.left.acquire(timeout=20)
            fourth = clients.submit(post, json=asked(url, "fourth"))
            assert places.came.acquire(timeout=20)
            assert not first.done()
        finally:
            slow.let_go.set()
        answers = [each.result().json()["answer"] for each in (first, fourth)]
    assert [escaped(EN["error.missing"]) in answer for answer in answers] == [True, True]
    assert slow.questions == ["first", "fourth"]  # nothing was looked for on behalf of who had gone


def test_one_call_of_the_api_too_many_is_told_to_come_again(
    slow: Slow, serve_app: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "AT_ONCE", 1)
    monkeypatch.setattr(page, "WAITING", 1)
    url = serve_app(Collection(lambda _: slow))  # type: ignore[arg-type, return-value]

    def call(question: str) -> httpx.Response:
        return httpx.post(f"{url}/gradio_api/call/ask", json={"data": [question]}, timeout=30)

    taken = [call("first")]
    assert slow.asked.acquire(timeout=20)  # it runs, and is out of the queue
    taken.append(call("second"))
    refused = call("third")
    slow.let_go.set()
    assert [each.status_code for each in (*taken, refused)] == [200, 200, 503]
    assert refused.headers["retry-after"] == bounds.SOON
    assert refused.json() == {"detail": "Queue is full. Max size is 1 and size is 1."}
    for each in taken:
        told = httpx.get(f"{url}/gradio_api/call/ask/{each.json()['event_id']}", timeout=30)
        assert "it is over" in told.text
    assert call("fourth").status_code == 200
    assert slow.asked.acquire(timeout=20)
    assert slow.asked.acquire(timeout=20)
    assert slow.questions == ["first", "second", "fourth"]


# --- size, slowness ---


@pytest.fixture(scope="module")
def idle(serve_app: Callable[..., str]) -> str:
    return serve_app(Collection(lambda _: Slow()))  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize(
    "path", ["/gradio_api/component_server", "/gradio_api/queue/join", "/gradio_api/call/ask", "/gradio_api/run/ask"]
)
@pytest.mark.parametrize("chunked", [False, True], ids=["told", "untold"])
def test_a_body_that_is_too_large_is_refused(idle: str, path: str, chunked: bool) -> None:
    pieces = (b" " * 2**16 for _ in range(40))
    answer = httpx.post(idle + path, content=pieces if chunked else b"".join(pieces))
    assert (answer.status_code, answer.text) == (413, f"more than {MEBIBYTE} bytes\n")
    assert httpx.get(f"{idle}/snoska/health").status_code == 200


def talk(url: str, sent: bytes) -> bytes:
    """All that the server answers to some bytes, until it closes."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(sent.replace(b"HOST", f"{host}:{port}".encode()))
        answer = b""
        try:
            while piece := connection.recv(2**16):
                answer += piece
        except ConnectionResetError:
            pass
        return answer


def test_a_body_that_does_not_come_is_waited_for_no_longer(idle: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "PATIENCE", 0.2)
    head = b"POST /gradio_api/component_server HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\n"
    answer = talk(idle, head + b"Content-Length: 100\r\n\r\n{")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET / HTTP/1.1\r\nHost: HOST\r\nX-Slow:", b"GET /snoska/health HTTP/1.1\r\nHost: HOST\r\n\r\nGET / HT"],
    ids=["nothing", "headers", "a second request"],
)
def test_headers_that_do_not_end_are_waited_for_no_longer(
    idle: str, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(protocol, "HEADERS", 0.3)
    answer = talk(idle, sent)
    assert answer.count(b"HTTP/1.1 ") == sent.count(b"health")


def test_who_takes_nothing_of_an_answer_is_waited_for_no_longer(idle: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lost, ends = threading.Event(), protocol.Patient.connection_lost
    monkeypatch.setattr(protocol, "STALLED", 0.3)
    monkeypatch.setattr(protocol.Patient, "connection_lost", lambda self, error: (ends(self, error), lost.set()))
    host, port = idle.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"GET /config HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode() * 400)  # some 20 MB
        assert lost.wait(20)
    assert httpx.get(f"{idle}/snoska/health").status_code == 200


def test_one_request_too_many_is_told_to_come_again(idle: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST", 0)
    answer = httpx.get(f"{idle}/config")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, bounds.SOON)
    for path in OPEN:  # or what watches over the server would start it anew
        assert httpx.get(idle + path).status_code == 200
    monkeypatch.undo()
    assert httpx.get(f"{idle}/config").status_code == 200


# --- the end ---


def test_a_server_that_is_stopped_finishes_what_runs(slow: Slow) -> None:
    listener = web.listen("127.0.0.1", 0)
    server = web.Server(page.create_app(Collection(lambda _: slow)))  # type: ignore[arg-type, return-value]
    running = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    running.start()
    url = web.address(listener)
    body, answers = asked(url, "last"), []
    last = threading.Thread(
        target=lambda: answers.append(httpx.post(f"{url}/gradio_api/component_server", json=body, timeout=30))
    )
    last.start()
    assert slow.asked.acquire(timeout=20)
    server.should_exit = True
    slow.let_go.set()
    last.join()
    running.join(timeout=20)
    listener.close()
    assert not running.is_alive()
    assert escaped(EN["error.missing"]) in answers[0].json()["answer"]


# --- load ---


CHANGES = (False, True, True)  # a document comes each time; whether the index is made anew then, or brought up to date


@dataclass
class Load:
    """What came of it: seconds of each answer, what went wrong, the builds, and MiB of memory around them."""

    took: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    built: list[BuildReport] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def check(self) -> None:
        """Each document was read, and each text embedded, again where the index was made anew, and only there."""
        begun, all_texts = len(TEXTS) + 1, self.built[0].embedded_texts
        assert self.wrong == []
        assert [(each.documents, each.added, each.unchanged) for each in self.built] == [
            (begun, begun, 0),
            *(
                (begun + number, begun + number, 0) if anew else (begun + number, 1, begun + number - 1)
                for number, anew in enumerate(CHANGES, start=1)
            ),
        ]
        assert [each.embedded_texts for each in self.built[1:]] == [
            all_texts + number if anew else 1 for number, anew in enumerate(CHANGES, start=1)
        ]


def loaded(users: int, seconds: float, encoder: BundledEncoder, folder: Path, serve_app: Callable[..., str]) -> Load:
    """Users who ask without a pause until documents have come and the index has been made anew twice."""
    documents, load = folder / "documents", Load()
    shutil.copytree(SEEDS, documents)
    for name, text in TEXTS.items():
        (documents / name).write_text(text, encoding="utf-8")

    def noted(index: Index) -> Index:
        assert index.report is not None
        load.built.append(index.report)
        return index

    def changes(stop: threading.Event) -> Generator[bool]:
        yield True
        begun = time.monotonic()
        for number, anew in enumerate(CHANGES):
            due = begun + seconds * (number + 1) / (len(CHANGES) + 1)
            stop.wait(max(due - time.monotonic(), 0))
            load.memory.append(resident())
            (documents / f"new {number}.txt").write_text(f"Город Тестовск {number} основан в 1723 году.\n", "utf-8")
            if anew:
                collection.renew(rebuild=True)
            yield True

    def prepare(progress: ProgressCallback) -> Index:
        return noted(indexes.build(documents, folder / "index", encoder=encoder, progress=progress))

    def renew(opened: Index, changed: bool, progress: ProgressCallback) -> Index:
        return noted(opened.updated(documents, progress=progress)) if changed else opened

    def rebuild(opened: Index | None, progress: ProgressCallback) -> Index:
        assert opened is not None
        return noted(opened.updated(documents, rebuild=True, progress=progress))

    collection = Collection(prepare, changes, renew, documents, rebuild=rebuild)
    url = serve_app(collection)
    collection.index()
    bodies = [asked(url, question, language) for language, question in QUESTIONS.items()]

    async def user(number: int, until: float) -> None:
        async with httpx.AsyncClient(timeout=60) as client:
            while time.monotonic() < until or (len(load.built) <= len(CHANGES) and time.monotonic() < until + 60):
                begun = time.monotonic()
                body = {**bodies[number % len(bodies)], "session_hash": secrets.token_hex(8)}  # as a new page has
                answer = await client.post(f"{url}/gradio_api/component_server", json=body)
                load.took.append(time.monotonic() - begun)
                if answer.status_code != 200 or "около 500 компаний" not in answer.text:
                    load.wrong.append(f"{answer.status_code} {answer.text[:200]}")

    async def all_users() -> None:
        until = time.monotonic() + seconds
        await asyncio.gather(*(user(number, until) for number in range(users)))

    asyncio.run(all_users())
    load.memory.append(resident())
    return load


def resident() -> float:
    """This process's memory in MiB; 0 where the system does not tell it so."""
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MEBIBYTE if status.exists() else 0.0


@pytest.mark.model
@pytest.mark.slow
def test_readers_are_answered_while_the_collection_is_rebuilt_twice(
    encoder: BundledEncoder, tmp_path: Path, serve_app: Callable[..., str]
) -> None:
    load = loaded(8, 10, encoder, tmp_path, serve_app)
    load.check()
    assert len(load.took) >= 8


@pytest.mark.model
@pytest.mark.soak
def test_32_readers_are_answered_for_a_minute(
    encoder: BundledEncoder, tmp_path: Path, serve_app: Callable[..., str]
) -> None:
    """Prints how long they waited, which is the machine's affair; that nothing fails and memory stays level is ours."""
    load = loaded(32, 60, encoder, tmp_path, serve_app)
    p50, p95 = statistics.median(load.took), statistics.quantiles(load.took, n=20)[-1]
    print(f"{len(load.took)} answers, p50 {p50:.2f} s, p95 {p95:.2f} s, memory {load.memory} MiB")  # noqa: T201
    load.check()
    assert load.memory[-1] < 1.2 * load.memory[0] + 50
