"""The server under load and under attack by size and slowness; its end; its log."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from rag import index as indexes
from rag.encoders import BundledEncoder
from rag.errors import IndexMissing, QuestionError
from rag.index import Index
from rag.web import asking, bounds, logs, page, protocol
from rag.web import server as web
from rag.web.cards import escaped
from rag.web.collection import Collection
from rag.web.places import Busy, Gone, Places
from rag.web.texts import EN, RU
from tests.browser_help import QUESTIONS

# Gradio's queue sums up its own timings with an argument that pandas has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:The copy keyword is deprecated")

SEEDS = Path(__file__).resolve().parent.parent / "seeds"
MEBIBYTE = 2**20


class Slow:
    """Stands for an index whose answers take until they are let go."""

    def __init__(self) -> None:
        self.store = SimpleNamespace(entries={})
        self.asked, self.let_go = threading.Semaphore(0), threading.Event()

    def warm_up(self) -> None: ...

    def info(self) -> dict[str, Any]:
        return {"documents": 1, "passages": 1, "model": {"name": "a model"}}

    def document(self, path: str) -> None:
        raise QuestionError(path)

    def ask(self, *_: object, **__: object) -> None:
        self.asked.release()
        assert self.let_go.wait(20)
        raise IndexMissing("it is over")


@pytest.fixture
def slow() -> Slow:
    return Slow()


def asked(url: str, question: str, language: str = "en") -> dict[str, Any]:
    """What the page's script posts to ask."""
    config = httpx.get(f"{url}/config").json()
    (box,) = [each["id"] for each in config["components"] if each["props"].get("elem_id") == "snoska"]
    data = {"question": question, "language": language}
    return {"data": data, "component_id": box, "fn_name": "ask", "session_hash": "test"}


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


# --- the log ---


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Callable[[logging.Logger], list[str]]:
    """The lines of a log, from now on."""

    def of(log: logging.Logger) -> list[str]:
        written: list[str] = []
        handler = logging.Handler()
        monkeypatch.setattr(handler, "emit", lambda record: written.append(record.getMessage()))
        monkeypatch.setattr(log, "handlers", [handler])
        return written

    return of


def test_the_log_has_a_line_for_each_request_and_no_question(
    idle: str, lines: Callable[[logging.Logger], list[str]]
) -> None:
    written = lines(logs.requests)
    httpx.get(f"{idle}/?q=a+secret")
    httpx.post(f"{idle}/gradio_api/call/ask", json={"data": ["a secret"]})
    httpx.get(f"{idle}/%0a%7B%22status%22:200%7D%1b[31m{'x' * 500}", headers={"x-forwarded-for": "6.6.6.6"})
    deadline = time.monotonic() + 20
    while len(written) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert "secret" not in "".join(written)
    assert [line for line in written if "\n" in line or "\x1b" in line] == []
    told = [json.loads(line) for line in written]
    assert [(each["method"], each["path"][:20], each["status"]) for each in told] == [
        ("GET", "/", 200),
        ("POST", "/gradio_api/call/ask", 200),
        ("GET", '/\n{"status":200}\x1b[31', 404),
    ]
    assert {each["client"] for each in told} == {"127.0.0.1"}
    assert max(len(each["path"]) for each in told) == 200
    assert set(told[0]) == {"time", "method", "path", "status", "ms", "bytes", "client"}


@pytest.mark.model
def test_questions_are_written_down_where_that_is_asked_for(
    seed_index: Index, serve_app: Callable[..., str], lines: Callable[[logging.Logger], list[str]]
) -> None:
    url, question = serve_app(Collection(lambda _: seed_index)), QUESTIONS["ru"]
    written = lines(logs.questions)
    httpx.post(f"{url}/gradio_api/component_server", json=asked(url, f" {question}\u2028\x85{{}}\n"), timeout=60)
    event = httpx.post(f"{url}/gradio_api/call/ask", json={"data": [question]}).json()["event_id"]
    httpx.get(f"{url}/gradio_api/call/ask/{event}", timeout=60)
    event = httpx.post(f"{url}/gradio_api/call/search", json={"data": ["экзафлопс"]}).json()["event_id"]
    httpx.get(f"{url}/gradio_api/call/search/{event}", timeout=60)
    told = [json.loads(line) for line in written]
    assert [(each["by"], each["question"], each.get("verdict")) for each in told] == [
        ("page", f"{question} {{}}", "found"),
        ("ask", question, "found"),
        ("search", "экзафлопс", None),
    ]
    assert [line for line in written if not line.isascii() or "\n" in line] == []


@pytest.mark.parametrize("given", [{}, {"SNOSKA_LOG_REQUESTS": "on"}, {"SNOSKA_LOG_QUESTIONS": "on"}], ids=str)
def test_each_log_is_written_only_where_its_setting_says_so(tmp_path: Path, given: dict[str, str]) -> None:
    code = (
        "import logging\nlogging.basicConfig(level=logging.DEBUG)\nfrom rag.settings import Settings\n"
        "from rag.web import logs\nlogs.follow(Settings.from_environment())\n"
        "logs._line(logs.requests, of='requests')\nlogs.write_question('page', 'questions')\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SNOSKA_")}
    told = subprocess.run([sys.executable, "-c", code], env={**environment, **given}, capture_output=True, text=True)
    lines = [line for line in told.stderr.splitlines() if "requests" in line or "questions" in line]
    assert (told.returncode, [next(k for k in ("requests", "questions") if k in line) for line in lines]) == (
        0,
        [name.removeprefix("SNOSKA_LOG_").lower() for name in given],
    )


# --- load ---


def loaded(
    users: int, seconds: float, encoder: BundledEncoder, folder: Path, serve_app: Callable[..., str]
) -> tuple[list[float], list[str], int, list[float]]:
    """Users who ask without a pause while the collection changes twice.

    Gives the seconds of each answer, what went wrong, how many documents there are afterwards, and the process's memory
    in MiB at each third.
    """
    documents = folder / "documents"
    shutil.copytree(SEEDS, documents)
    memory: list[float] = []

    def changes(stop: threading.Event) -> Generator[bool]:
        yield True
        for number in range(2):
            stop.wait(seconds / 3)
            memory.append(resident())
            (documents / f"new {number}.txt").write_text(f"Город Тестовск {number} основан в 1723 году.\n", "utf-8")
            yield True

    def renew(opened: Index, changed: bool, progress: Any) -> Index:
        return opened.updated(documents, progress=progress) if changed else opened

    collection = Collection(
        lambda progress: indexes.build(documents, folder / "index", encoder=encoder, progress=progress), changes, renew
    )
    url = serve_app(collection)
    before = collection.index().info()["documents"]
    bodies = [asked(url, question, language) for language, question in QUESTIONS.items()]
    took: list[float] = []
    wrong: list[str] = []

    async def user(number: int, until: float) -> None:
        async with httpx.AsyncClient(timeout=60) as client:
            while time.monotonic() < until:
                begun = time.monotonic()
                answer = await client.post(f"{url}/gradio_api/component_server", json=bodies[number % len(bodies)])
                took.append(time.monotonic() - begun)
                if answer.status_code != 200 or "около 500 компаний" not in answer.text:
                    wrong.append(f"{answer.status_code} {answer.text[:200]}")

    async def all_users() -> None:
        until = time.monotonic() + seconds
        await asyncio.gather(*(user(number, until) for number in range(users)))

    asyncio.run(all_users())
    deadline = time.monotonic() + 60
    while collection.index().info()["documents"] < before + 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    memory.append(resident())
    return took, wrong, collection.index().info()["documents"] - before, memory


def resident() -> float:
    """This process's memory in MiB; 0 where the system does not tell it so."""
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MEBIBYTE if status.exists() else 0.0


@pytest.mark.model
@pytest.mark.slow
def test_readers_are_answered_while_the_collection_is_rebuilt_twice(
    encoder: BundledEncoder, tmp_path: Path, serve_app: Callable[..., str]
) -> None:
    took, wrong, new, _ = loaded(8, 10, encoder, tmp_path, serve_app)
    assert (wrong, new) == ([], 2)
    assert len(took) >= 8


@pytest.mark.model
@pytest.mark.soak
def test_32_readers_are_answered_for_a_minute(
    encoder: BundledEncoder, tmp_path: Path, serve_app: Callable[..., str]
) -> None:
    """Prints how long they waited, which is the machine's affair; that nothing fails and memory stays level is ours."""
    took, wrong, new, memory = loaded(32, 60, encoder, tmp_path, serve_app)
    p95 = statistics.quantiles(took, n=20)[-1]
    print(f"{len(took)} answers, p50 {statistics.median(took):.2f} s, p95 {p95:.2f} s, memory {memory} MiB")  # noqa: T201
    assert (wrong, new) == ([], 2)
    assert memory[-1] < 1.2 * memory[0] + 50
