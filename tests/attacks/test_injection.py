"""Nothing that comes in adds a header to an answer, a line to the log, or an order to a terminal."""

from __future__ import annotations

import http.client
import json
import logging
import re
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

import rag
from rag.terminal import json_line, shown
from rag.web import logs
from rag.web.download import disposition
from tests.attacks.attack import COMPONENT, PATIENCE, Attacker, Reply, payloads
from tests.small_encoder import SmallEncoder
from tests.small_page import ChangingPage

# Gradio's queue sums up its own timings with an argument that pandas has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:The copy keyword is deprecated")

TRIED = payloads("headers")
HEADERS = (
    "user-agent", "referer", "accept-language", "cookie", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto",
    "x-forwarded-prefix", "forwarded", "via", "range", "if-none-match", "origin",
)  # fmt: skip
KNOWN = {
    "accept-ranges", "allow", "cache-control", "connection", "content-disposition", "content-encoding",
    "content-length", "content-security-policy", "content-type", "cross-origin-opener-policy",
    "cross-origin-resource-policy", "date", "etag", "last-modified", "permissions-policy", "referrer-policy",
    "retry-after", "transfer-encoding", "vary", "x-accel-buffering", "x-content-type-options", "x-frame-options",
}  # fmt: skip
LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def wrong(reply: Reply) -> list[str]:
    """What of an answer's headers nobody meant."""
    odd = [f"{name}: {value}" for name, value in reply.headers if name not in KNOWN or LINE.search(value)]
    return [*odd, *(f"{name} twice" for name in KNOWN if [each for each, _ in reply.headers].count(name) > 1)]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The log as a terminal or a file would get it: the requests, and what the server says besides."""
    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    plain, ours = Kept(), Kept()
    plain.setFormatter(logging.Formatter("%(message)s"))
    ours.setFormatter(logs.Lines("%(levelname)s %(name)s: %(message)s"))
    monkeypatch.setattr(logs.requests, "handlers", [plain])
    root, level = logging.getLogger(), logging.getLogger("rag").level
    root.addHandler(ours)
    logging.getLogger("rag").setLevel(logging.INFO)
    yield lines
    root.removeHandler(ours)
    logging.getLogger("rag").setLevel(level)


def wait_for(is_written: Callable[[], bool]) -> None:
    """A line of the log is written once its answer is sent."""
    deadline = time.monotonic() + PATIENCE
    while not is_written() and time.monotonic() < deadline:
        time.sleep(0.01)


def test_no_header_is_added_and_the_log_has_a_line_a_request(
    site: ChangingPage, attacker: Attacker, written: list[str]
) -> None:
    answer = attacker.call("ask", {"question": "What does the report say?"})["result"]
    wait_for(lambda: any(COMPONENT in line for line in written))
    written.clear()
    sent, odd = 0, []
    for payload in TRIED:
        asked = f"zqx {payload}"  # no other line of the log holds this word
        value = quote(asked, safe="")
        replies = [
            attacker.send("GET", f"/?q={value}"),
            attacker.send("GET", f"/snoska/{value}"),
            attacker.send("GET", f"/snoska/source/file?document={value}"),
            attacker.send("POST", f"/snoska/upload?name={value}", b"x"),
            attacker.send("POST", f"/snoska/remove?document={value}"),
            attacker.send(
                "POST", COMPONENT, attacker.called("ask", {"question": asked, "filters": {"document": asked}})
            ),
            attacker.send("POST", "/gradio_api/call/ask", {"data": [asked]}),
            attacker.send("POST", "/snoska/takeaway/md", {"result": {**answer, "question": asked}}),
            attacker.send("POST", "/snoska/takeaway/docx", {"result": {**answer, "question": asked}}),
            attacker.send("POST", "/snoska/batch/start", {"text": asked, "name": asked}),
        ]
        sent += len(replies)
        odd += [(payload, each) for reply in replies for each in wrong(reply)]
    print(f"{len(TRIED)} payloads, {sent} requests, {len(written)} lines")
    assert odd == []
    wait_for(lambda: sum(line.startswith("{") for line in written) >= sent)
    assert len([json.loads(line) for line in written if line.startswith("{")]) == sent
    assert [line for line in written if LINE.search(line)] == []
    assert [line for line in written if "zqx" in line and '"path": "/snoska/zqx' not in line] == []


@pytest.mark.parametrize("name", HEADERS)
def test_a_requests_header_comes_back_in_none(name: str, attacker: Attacker, written: list[str]) -> None:
    answered = 0
    for payload in TRIED:
        for path in ("/", "/snoska/health", "/snoska/source/file?document=report.txt", "/assets/x"):
            try:
                reply = attacker.send("GET", path, headers={name: f"zqx {payload}"})
            except (ValueError, http.client.BadStatusLine, ConnectionError):  # our own client sends no line break
                attacker.close()
                continue
            answered += 1
            assert wrong(reply) == []
            assert "zqx" not in reply.text
            assert reply.status in (200, 206, 304, 400, 403, 404, 416)
    assert answered > 2 * len(TRIED)
    assert [line for line in written if "zqx" in line or LINE.search(line)] == []


@pytest.mark.parametrize("origin", payloads("origins", here="127.0.0.1"), ids=ascii)
def test_an_origin_that_is_none_is_another_site(origin: str, attacker: Attacker, written: list[str]) -> None:
    for method, path in (("GET", "/"), ("GET", "/config"), ("POST", COMPONENT), ("POST", "/snoska/batch/start")):
        reply = attacker.send(method, path, b"{}" if method == "POST" else None, {"origin": origin})
        assert (reply.status, reply.text) == (403, "asked by another site's page\n")
    assert [line for line in written if not line.startswith("{")] == []


@pytest.mark.parametrize("host", ["", *payloads("hosts", here="127.0.0.1")], ids=ascii)
def test_no_other_host_is_taken_for_ours(host: str, attacker: Attacker) -> None:
    reply = attacker.send("GET", "/config", headers={"host": host})
    assert reply.status in (400, 421)
    assert "evil" not in reply.text


@pytest.mark.parametrize("payload", TRIED, ids=ascii)
def test_a_files_name_stays_within_its_header(payload: str) -> None:
    told = disposition(f"press/{payload}.txt")
    assert re.fullmatch(r"attachment; filename=\"[ !#-\[\]-~]*\"; filename\*=UTF-8''[\w.~%-]*", told, re.ASCII)
    assert not LINE.search(told)


@pytest.mark.parametrize("payload", TRIED, ids=ascii)
def test_a_line_of_the_servers_own_log_stays_one(payload: str) -> None:
    record = logging.LogRecord("rag.web", logging.INFO, __file__, 1, "uploaded %s", (payload,), None)
    assert not LINE.search(logs.Lines("%(levelname)s %(name)s: %(message)s").format(record))


@pytest.mark.parametrize("payload", TRIED, ids=ascii)
def test_a_terminal_gets_no_order(payload: str) -> None:
    assert [sign for sign in shown(payload) if unicodedata.category(sign) == "Cc" and sign not in "\n\t"] == []
    told = json_line({"text": payload})
    assert [sign for sign in told if unicodedata.category(sign) == "Cc"] == []
    assert json.loads(told) == {"text": payload}


@pytest.mark.skipif(sys.platform == "win32", reason="no such names there")
def test_the_commands_print_no_order_that_a_document_holds(tmp_path: Path) -> None:
    documents, orders = tmp_path / "documents", "\x1b]0;evil\x07 \x9b31m \x1b[2J"
    documents.mkdir()
    (documents / f"report {orders}.txt").write_text(f"The report of {orders} the port.", "utf-8")
    (documents / f"empty {orders}\nINFO: evil.txt").write_text("", "utf-8")
    index = tmp_path / "index"
    rag.build(documents, index, encoder=SmallEncoder())
    for command in (["info"], ["build", str(documents)]):
        ran = subprocess.run(
            [sys.executable, "-c", "from rag.cli import main; main()", *command, "--index", str(index)],
            capture_output=True, encoding="utf-8", check=False,
        )  # fmt: skip
        told = ran.stdout + ran.stderr
        assert "evil" in told
        assert [sign for sign in told if unicodedata.category(sign) == "Cc" and sign not in "\n\r"] == []
        assert [line for line in told.splitlines() if line.startswith("INFO")] == []
