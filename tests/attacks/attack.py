"""What the attack tests share: the payloads in ``payloads/``, a client that sends what no browser would.

A payload file holds one payload a line, ``#`` lines apart; ``\\xNN`` and ``\\uNNNN`` in it are characters, all else is
as it stands, and words in braces, such as ``{secret}``, are put in by the test.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gradio
import httpx
from fastapi import FastAPI
from starlette.routing import BaseRoute

from rag.web import page
from tests.small_page import ChangingPage

PAYLOADS = Path(__file__).parent / "payloads"
SECRET = "The secret that lies beside the documents, and that nobody may read."
SECRET_FILE = "secret.txt"
WEB = Path(page.__file__).parent
LOOKED_AT = re.compile(
    r"""(?:query_params|given|body|form|asked|self)\.(?:get|number|span)\(\s*"(\w+)"(?:, "(\w+)")?"""
)  # how our code looks for a parameter
COMPONENT = "/gradio_api/component_server"  # what the page's script calls our functions by
PATIENCE = 30  # seconds for an answer; nothing waits so long where all is well
ESCAPE = re.compile(r"\\x([0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})")


def payloads(name: str, **words: object) -> list[str]:
    """The payloads of ``payloads/NAME.txt``."""
    lines = (PAYLOADS / f"{name}.txt").read_text("utf-8").splitlines()
    kept = [line for line in lines if line and not line.startswith("#")]
    return [ESCAPE.sub(lambda found: chr(int(found[1] or found[2], 16)), filled(line, words)) for line in kept]


def requests(name: str, **words: object) -> list[dict[str, Any]]:
    """The objects of ``payloads/NAME.json``."""
    found: list[dict[str, Any]] = json.loads(filled((PAYLOADS / f"{name}.json").read_text("utf-8"), words))
    return found


def filled(text: str, words: Mapping[str, object]) -> str:
    for word, value in words.items():
        text = text.replace("{" + word + "}", str(value))
    return text


@dataclass(frozen=True)
class Reply:
    """What came back: ``headers`` in small letters, in their order."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str:
        return ", ".join(value for each, value in self.headers if each == name)


class _Connection(http.client.HTTPConnection):
    """Sends any path as it stands: http.client would refuse some, and httpx would tidy them up."""

    def _validate_path(self, url: str) -> None: ...

    def _encode_request(self, request: str) -> bytes:
        return request.encode("utf-8", "surrogatepass")


class Attacker:
    """One connection to a server, which is opened again where the server has closed it."""

    def __init__(self, url: str) -> None:
        self.url, self._port = url, urlsplit(url).port
        self._connection = _Connection("127.0.0.1", self._port, timeout=PATIENCE)
        self._box = 0

    def read_stream(self, target: str) -> Reply:
        """A stream of Gradio's, up to the end of what it tells of."""
        lines = []
        with httpx.stream("GET", self.url + target, timeout=PATIENCE) as answer:
            for line in answer.iter_lines():
                lines.append(line)
                if "process_completed" in line or ("/call/" in target and lines[0].startswith("event:") and not line):
                    break
        return Reply(answer.status_code, tuple(answer.headers.items()), "\n".join(lines).encode())

    def send(self, method: str, target: str, body: object = None, headers: Mapping[str, str] | None = None) -> Reply:
        """Sends a request; a body that is no text or bytes is sent as JSON. Streams that do not end are not read."""
        sent = {"host": f"127.0.0.1:{self._port}", "content-type": "application/json", **(headers or {})}
        data = body if isinstance(body, bytes | str) or body is None else json.dumps(body)
        data = data.encode("utf-8") if isinstance(data, str) else data
        for attempt in (1, 2):
            try:
                self._connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
                for name, value in sent.items():
                    self._connection.putheader(name, value.encode("utf-8", "surrogatepass"))
                self._connection.putheader("content-length", str(len(data or b"")))
                self._connection.endheaders(data)
                answer = self._connection.getresponse()
                break
            except (http.client.RemoteDisconnected, ConnectionError):
                self._connection.close()
                if attempt == 2:
                    raise
        is_stream = (answer.getheader("content-type") or "").startswith("text/event-stream")
        content = b"" if is_stream else answer.read()
        if is_stream:
            self._connection.close()
        return Reply(answer.status, tuple((name.lower(), value) for name, value in answer.getheaders()), content)

    def box(self) -> dict[str, Any]:
        """The component whose functions the page's script calls."""
        config = json.loads(self.send("GET", "/config").body)
        return next(each for each in config["components"] if each["props"].get("elem_id") == "snoska")

    def functions(self) -> list[str]:
        """Their names."""
        return list(self.box()["props"]["server_fns"])

    def called(self, name: str, data: object) -> dict[str, object]:
        """What the script posts to call one."""
        self._box = self._box or self.box()["id"]
        return {"data": data, "component_id": self._box, "fn_name": name, "session_hash": "attacker"}

    def call(self, name: str, data: object) -> Any:
        return json.loads(self.send("POST", COMPONENT, self.called(name, data)).body)

    def close(self) -> None:
        self._connection.close()


def routes(app: FastAPI) -> Iterator[tuple[str, BaseRoute]]:
    """Each path that the app has a route for, Gradio's own too: a new one is attacked without being named."""
    yield from _walked(app.router.routes, "")


def _walked(found: Sequence[BaseRoute], prefix: str) -> Iterator[tuple[str, BaseRoute]]:
    for route in found:
        inner = getattr(route, "original_router", None)  # FastAPI's router within a router
        if inner is not None:
            yield from _walked(inner.routes, prefix)
        elif isinstance(below := getattr(route, "routes", None), list):
            yield from _walked(below, prefix + getattr(route, "path", ""))
        else:
            yield prefix + str(getattr(route, "path", "")), route


def parameters(app: FastAPI) -> list[str]:
    """The names of all that requests may hold: what our own code looks at, and what Gradio's routes declare."""
    own = (name for file in WEB.glob("*.py") for found in LOOKED_AT.findall(file.read_text("utf-8")) for name in found)
    declared = (
        field.alias
        for _, route in routes(app)
        if (dependant := getattr(route, "dependant", None)) is not None
        for field in dependant.query_params
    )
    return sorted({name for name in (*own, *declared) if name})


class Canary:
    """A server that counts who asks it for anything."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/canary"
        self._asked = 0

    @property
    def asked(self) -> int:
        while True:
            try:
                self._listener.accept()[0].close()
                self._asked += 1
            except BlockingIOError:
                return self._asked

    def close(self) -> None:
        self._listener.close()


class Opened:
    """The files that this process opens while it watches; Python lets no audit hook be taken out again."""

    def __init__(self) -> None:
        self._paths: set[str] | None = None
        self._thread: int | None = None
        sys.addaudithook(self._hear)

    def _hear(self, event: str, given: tuple[Any, ...]) -> None:
        paths = self._paths
        if self._thread not in (None, threading.get_ident()):
            return
        if event == "open" and paths is not None and isinstance(given[0], str | bytes):
            paths.add(os.fsdecode(given[0]))

    @contextmanager
    def watched(self, thread: int | None = None) -> Iterator[set[str]]:
        """Those that are opened meanwhile, by one thread or by any."""
        self._thread = thread
        self._paths = paths = set()
        try:
            yield paths
        finally:
            self._paths = None


def strangers(paths: set[str], site: ChangingPage) -> list[str]:
    """The files that are none of the documents, of the index, of the programs; pages of other tests open theirs."""
    programs = [sys.prefix, sys.base_prefix, Path(gradio.__file__).parent, WEB.parent, "/etc/mime.types", "/dev/null"]
    programs += ["/usr/lib/python3", "/usr/local/lib/python3"]
    known = [Path(each).resolve() for each in (site.documents, site.index, *programs)]
    place, *_, others = site.documents.parents[1:3]
    # What has no folder in it was opened within one that was opened before, following no link: see originals.py.
    found = {path: Path(path).resolve() for path in paths if "/" in path}
    return [
        path
        for path, file in found.items()
        if not any(file.is_relative_to(each) for each in known)
        and (file.is_relative_to(place) or not file.is_relative_to(others))
    ]
