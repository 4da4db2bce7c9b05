"""A local server that speaks the protocol of OpenAI-compatible endpoints, by a script."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.local_server import serving

WAIT = 30  # seconds that the server waits for a test at most

Step = bytes | threading.Event  # what is sent next, or what is waited for first


@dataclass
class Script:
    """What the server answers with; ``dies``: it closes the connection without the end that HTTP asks for."""

    steps: Sequence[Step]
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "text/event-stream; charset=utf-8"})
    dies: bool = False


@dataclass
class ScriptedModel:
    """``url`` is the endpoint's; ``asked`` what it was asked, ``headers`` with which headers, ``gone`` is set when a
    client has left before the end."""

    url: str = ""
    script: Script = field(default_factory=lambda: Script([]))
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)

    def writes(self, *pieces: str, dies: bool = False) -> None:
        """The answer in these pieces, one event each."""
        self.script = Script(events(*pieces, ended=not dies), dies=dies)

    @property
    def passages(self) -> str:
        """What the user's message of the last request holds."""
        return str(self.asked[-1]["messages"][-1]["content"])


def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    data = json.dumps({"object": "chat.completion.chunk", "choices": [choice]}, ensure_ascii=False)
    return f"data: {data}\n\n".encode()


def events(*pieces: str, ended: bool = True) -> list[Step]:
    """As vLLM, llama.cpp and Ollama send them: the role first, the reason of the end, the counts, the mark."""
    usage = b'data: {"object": "chat.completion.chunk", "choices": [], "usage": {"total_tokens": 9}}\n\n'
    end = [event({}, "stop"), usage, b"data: [DONE]\n\n"] if ended else []
    return [event({"role": "assistant", "content": ""}), *(event({"content": piece}) for piece in pieces), *end]


def cut(steps: Iterable[Step], size: int) -> list[Step]:
    """The same bytes in packets of ``size``, whatever they cut in two."""
    whole = b"".join(step for step in steps if isinstance(step, bytes))
    return [whole[i : i + size] for i in range(0, len(whole), size)]


@contextmanager
def scripted_model() -> Iterator[ScriptedModel]:
    """Serves on a free port while this lasts."""
    model = ScriptedModel()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            model.asked.append(json.loads(body))
            model.headers.append({name.lower(): value for name, value in self.headers.items()})
            model.paths.append(self.path)
            script = model.script
            self.send_response(script.status)
            for name, value in {**script.headers, "Transfer-Encoding": "chunked", "Connection": "close"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.close_connection = True
            try:
                for step in script.steps:
                    if isinstance(step, threading.Event):
                        self._wait(step)
                    else:
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(step), step))
                        self.wfile.flush()
                if not script.dies:
                    self.wfile.write(b"0\r\n\r\n")
            except OSError:
                model.gone.set()

        def do_GET(self) -> None:
            model.paths.append(self.path)
            self.send_error(404)

        def _wait(self, step: threading.Event) -> None:
            """Meanwhile the connection is watched: a client that leaves is noticed."""
            self.connection.settimeout(0.02)
            for _ in range(WAIT * 50):
                if step.is_set():
                    break
                try:
                    if self.connection.recv(1) == b"":
                        raise ConnectionResetError
                except TimeoutError:
                    continue
            self.connection.settimeout(WAIT)

        def log_message(self, *_: object) -> None: ...

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as url:
        model.url = f"{url}/v1"
        yield model
