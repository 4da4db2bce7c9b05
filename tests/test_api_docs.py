"""The examples of docs/api.md, run against the served seeds: what they print is what the page says they print."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from rag.errors import ConfigurationError
from rag.index import Index
from rag.web import page
from rag.web.collection import Collection

pytestmark = [
    pytest.mark.model,
    # Gradio's queue sums up its own timings with an argument that pandas has deprecated.
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),
]

DOCS = Path(__file__).resolve().parent.parent / "docs" / "api.md"
ADDRESS = "http://127.0.0.1:7860"
EXAMPLE = re.compile(r"^```(python|sh)\n((?:(?!```).)*)```\n\n```text\n(.*?)^```$", re.DOTALL | re.MULTILINE)
MCP = "/gradio_api/mcp"


class Example(NamedTuple):
    language: str
    code: str
    printed: str


EXAMPLES = [Example(*match.groups()) for match in EXAMPLE.finditer(DOCS.read_text("utf-8"))]


@pytest.fixture(scope="module")
def server(seed_index: Index, serve_app: Callable[[Collection], str]) -> str:
    """The page over seeds/ with its MCP tools; its URL."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNOSKA_MCP", "on")
        collection = Collection(lambda _: seed_index)
        url = serve_app(collection)
        collection.index()
    return url


def test_every_example_says_what_it_prints() -> None:
    untold = DOCS.read_text("utf-8").replace("```sh\npip install", "")  # the one block that installs
    assert len(EXAMPLES) == len(re.findall(r"^```(?:python|sh)$", untold, re.MULTILINE)) == 6


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: " ".join(example.code.split())[:40])
def test_an_example_prints_what_the_docs_say(server: str, example: Example, tmp_path: Path) -> None:
    program = {"python": sys.executable, "sh": shutil.which("sh")}[example.language]
    if example.language == "sh" and shutil.which("curl") is None:
        pytest.skip("the example needs curl: apt-get install curl")
    assert program
    assert ADDRESS in example.code
    ran = subprocess.run(
        [program, "-"],
        input=example.code.replace(ADDRESS, server),
        capture_output=True,
        encoding="utf-8",
        cwd=tmp_path,
        check=False,
        timeout=120,
    )
    assert (ran.stdout, ran.returncode) == (example.printed, 0), ran.stderr


# --- the tools ---


def rpc(url: str, method: str, **headers: str) -> httpx.Response:
    accept = {"accept": "application/json, text/event-stream"}
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {}}
    return httpx.post(url, json=body, headers=accept | headers, timeout=60)


@pytest.mark.parametrize("address", [MCP, f"{MCP}/"], ids=["plain", "slash"])
def test_the_tools_are_ask_and_search_with_every_argument_described(server: str, address: str) -> None:
    reply = rpc(server + address, "tools/list")
    line = next(line for line in reply.text.splitlines() if line.startswith("data: "))
    tools = httpx.Response(200, text=line.removeprefix("data: ")).json()["result"]["tools"]
    assert [tool["name"] for tool in tools] == ["ask", "search"]
    for tool in tools:
        assert len(tool["description"]) > 100
        undescribed = [name for name, kind in tool["inputSchema"]["properties"].items() if not kind.get("description")]
        assert undescribed == []
    assert [tool["inputSchema"]["required"] for tool in tools] == [["question"], ["query"]]
    assert tools[1]["inputSchema"]["properties"]["mode"]["enum"] == ["hybrid", "dense", "lexical", "rrf"]


def test_a_page_of_another_origin_cannot_use_the_tools(server: str) -> None:
    assert rpc(server + MCP, "tools/list", origin="https://example.com").status_code == 403
    assert rpc(server + MCP, "tools/list", origin="null").status_code == 403
    assert rpc(server + MCP, "tools/list", origin=server).status_code == 200


def test_a_call_is_answered_here_whatever_address_the_request_names(server: str, no_network: list[str]) -> None:
    headers = {"x-forwarded-host": "example.org", "accept": "application/json, text/event-stream"}
    call = {"name": "search", "arguments": {"query": "экзафлопсная инфраструктура", "k": 1}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    reply = httpx.post(server + MCP, json=body, headers=headers, timeout=60)
    assert reply.status_code == 200
    assert httpx.post(server + MCP, json=body, headers={**headers, "host": "example.com"}).status_code == 421
    assert '"isError":false' in reply.text
    assert "экзафлопсн" in reply.text
    assert no_network == []


@pytest.mark.parametrize("name", ["path", "url", "orig_name"])
@pytest.mark.parametrize("wrapped", [False, True], ids=["alone", "in a list"])
def test_a_tool_takes_no_file_and_no_address(
    server: str, no_network: list[str], tmp_path: Path, name: str, wrapped: bool
) -> None:
    """Gradio would copy the one, and fetch the other, to its temporary folder before the function runs."""
    secret = tmp_path / "secret.txt"
    secret.write_text("canary of MCP", "utf-8")
    value = {"path": str(secret), "meta": {"_type": "gradio.FileData"}} | {name: str(secret)}
    if name == "url":
        value = {**value, "path": "http://192.0.2.7/x", "url": "http://192.0.2.7/x"}
    call = {"name": "ask", "arguments": {"question": [value] if wrapped else value, "document": "data:text/plain,x"}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    headers = {"accept": "application/json, text/event-stream"}
    before = set(Path(tempfile.gettempdir()).glob("gradio/**/*"))
    reply = httpx.post(server + MCP, json=body, headers=headers, timeout=60)
    assert '"isError":true' in reply.text
    assert "canary" not in reply.text
    assert set(Path(tempfile.gettempdir()).glob("gradio/**/*")) == before
    assert no_network == []


@pytest.mark.parametrize(
    "path",
    [f"{MCP}/sse", f"{MCP}/schema", f"{MCP}/messages/", f"{MCP}/http"],
    ids=lambda path: path.rpartition("mcp/")[2],
)
def test_gradios_other_addresses_of_mcp_are_not_there(server: str, path: str) -> None:
    assert httpx.get(server + path).status_code == 404
    assert rpc(server + path, "tools/list").status_code == 404


def test_a_browser_that_opens_the_address_gets_no_page_of_gradios(server: str) -> None:
    assert httpx.get(server + MCP).status_code == 405


def test_the_tools_are_off_until_they_are_switched_on(
    seed_index: Index, serve_app: Callable[[Collection], str]
) -> None:
    url = serve_app(Collection(lambda _: seed_index))
    assert rpc(url + MCP, "tools/list").status_code == 404


def test_without_the_extra_the_setting_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNOSKA_MCP", "on")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"^SNOSKA_MCP=on needs the extra mcp: pip install "):
        page.create_app(Collection(lambda _: None))  # type: ignore[arg-type, return-value]
