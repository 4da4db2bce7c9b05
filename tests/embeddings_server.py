"""A local server that speaks OpenAI's ``/v1/embeddings``, with the faults that a test asks for."""

from __future__ import annotations

import base64
import json
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from rag.types import Json, Matrix
from tests.local_server import serving

WAIT = 30  # seconds that the server waits for a test at most

Embed = Callable[[list[str]], Matrix]


@dataclass
class Reply:
    """An answer other than the right one; ``trickles``: its bytes come one by one; ``waits``: it does not come.

    Both last until the test is over.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    closes: bool = False  # the connection, without an answer
    trickles: bool = False
    waits: bool = False


@dataclass
class ServedModel:
    """``url`` is the API's; ``embed`` is the model, in which each text has its prompt already. ``replies`` are given
    first, one a request; ``most`` is how many texts it takes at a time. ``asked`` holds what it was asked."""

    embed: Embed
    url: str = ""
    replies: list[Reply] = field(default_factory=list)
    always: Reply | None = None
    most: int = 32
    changed: Callable[[Json], Json] = lambda answer: answer
    as_numbers: bool = False
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def texts(self) -> list[str]:
        """All that it was sent, in order."""
        return [text for asked in self.asked for text in asked["input"]]

    def reply(self, texts: Sequence[str]) -> Reply:
        with self.lock:
            if self.always or self.replies:
                return self.always or self.replies.pop(0)
            if len(texts) > self.most:
                return refusal(413, f"batch size {len(texts)} > maximum allowed batch size {self.most}")
            rows = self.embed(list(texts))
        made = [row.tolist() if self.as_numbers else coded(row) for row in rows]
        data = [{"object": "embedding", "index": i, "embedding": each} for i, each in enumerate(made)]
        return Reply(body=json.dumps(self.changed({"object": "list", "model": "it", "data": data})).encode())


def coded(row: Any) -> str:
    """A vector in base64, as OpenAI's clients ask for it."""
    return base64.b64encode(row.astype("<f4").tobytes()).decode()


def refusal(status: int, words: str, **headers: str) -> Reply:
    """As Text Embeddings Inference and vLLM say it."""
    return Reply(status, json.dumps({"error": {"message": words, "type": "Validation"}}).encode(), headers)


@contextmanager
def served_model(embed: Embed) -> Iterator[ServedModel]:
    """Serves on a free port while this lasts."""
    model = ServedModel(embed)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with model.lock:
                model.asked.append({**asked, "path": self.path})
                model.headers.append({name.lower(): value for name, value in self.headers.items()})
            reply = model.reply(asked["input"])
            if reply.waits:
                model.over.wait(WAIT)
            if reply.closes or reply.waits:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            try:
                self._write(reply)
            except OSError:
                self.close_connection = True  # the client has given up

        def _write(self, reply: Reply) -> None:
            if not reply.trickles:
                self.wfile.write(reply.body)
                return
            for at in range(len(reply.body)):
                self.wfile.write(reply.body[at : at + 1])
                if model.over.wait(0.02):
                    return

        def log_message(self, *_: object) -> None: ...

    class Server(ThreadingHTTPServer):
        def handle_error(self, *told: Any) -> None:
            if not isinstance(sys.exception(), OSError):  # a client that has given up is no error
                super().handle_error(*told)

    with serving(Server(("127.0.0.1", 0), Handler), model.over.set) as url:
        model.url = f"{url}/v1"
        yield model
