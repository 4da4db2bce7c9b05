"""The server's log: a line for each request, and a question only where that is asked for."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from rag.index import Index
from rag.web import logs
from rag.web.collection import Collection
from tests.browser_help import QUESTIONS
from tests.slow_index import Slow, asked

# Gradio's queue sums up its own timings with an argument that pandas has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:The copy keyword is deprecated")


@pytest.fixture(scope="module")
def idle(serve_app: Callable[..., str]) -> str:
    return serve_app(Collection(lambda _: Slow()))  # type: ignore[arg-type, return-value]


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
