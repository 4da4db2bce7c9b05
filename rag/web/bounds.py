"""What one request may take: bytes, time, and a place among those that run. It stands before the password."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.web.access import LOGIN, OPEN
from rag.web.guard import HEADERS, HEARTBEAT
from rag.web.permission import is_here
from rag.web.sessions import network

MOST = 256  # requests that run or wait side by side
PAGES = 1_000  # open pages, each of which keeps a stream of Gradio's
SHARE = 2  # a client has at most one part in so many of the requests, so that none shuts the others out
PAGES_SHARE = 4  # and of the pages, each of which has a second connection at times: of these a client has a quarter too
SMALL = 2**20  # bytes of a request to Gradio: a question has some 4,000 characters
UPLOAD = 2**20  # bytes around an uploaded file
PATIENCE = 20.0  # seconds that a body may take,
LOGIN_PATIENCE = 5.0  # that of a login, which is some bytes and comes before the password
RATE = 2**14  # and a second more for each of so many bytes
SOON = "2"  # seconds after which one who is told that the server is busy may come again


class Bounds:
    """ASGI middleware: ends a request that is too large (413), too slow (408) or one too many (503)."""

    def __init__(self, app: ASGIApp, max_file_bytes: int) -> None:
        self._app, self._largest = app, max_file_bytes + UPLOAD
        self._running: dict[bool, Counter[str]] = {False: Counter(), True: Counter()}  # by client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        is_page = path.startswith(HEARTBEAT)
        limit = SMALL if path.startswith("/gradio_api/") else self._largest
        running, client = self._running[is_page], _client(scope)
        most, share = (PAGES, PAGES_SHARE) if is_page else (MOST, SHARE)
        is_open = path in OPEN  # answered at once; what watches over the server would start it anew
        if not is_open and (running.total() >= most or (client and running[client] >= most // share)):
            await _refused(503, "the server is busy")(scope, receive, send)
            return
        if _length(scope) > limit:
            await _refused(413, f"more than {limit} bytes")(scope, receive, send)
            return
        if is_open:
            await self._bounded(scope, _Body(receive, limit, PATIENCE), send)
            return
        running[client] += 1
        try:
            await self._bounded(scope, _Body(receive, limit, LOGIN_PATIENCE if path == LOGIN else PATIENCE), send)
        finally:
            running[client] -= 1
            if not running[client]:
                del running[client]

    async def _bounded(self, scope: Scope, body: _Body, send: Send) -> None:
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            if body.refused is not None and not started:
                return  # what the app says of a body that broke off is not to the point
            if message["type"] == "http.response.start":
                started = True
                if message["status"] == 503:
                    MutableHeaders(scope=message).setdefault("Retry-After", SOON)
            await send(message)

        try:
            await self._app(scope, body.receive, answer)
        except Exception:
            if body.refused is None or started:
                raise
        if body.refused is not None and not started:
            await body.refused(scope, body.receive, send)


class _Body:
    """A request's body, up to a size and for a time; then the client is said to have gone, and ``refused`` is set."""

    def __init__(self, receive: Receive, limit: int, patience: float) -> None:
        self._receive, self._limit, self._patience = receive, limit, patience
        self._begun, self._size, self._more = time.monotonic(), 0, True
        self.refused: PlainTextResponse | None = None

    async def receive(self) -> Message:
        if self.refused is not None:
            return {"type": "http.disconnect"}
        if not self._more:
            return await self._receive()
        left = self._begun + self._patience + self._size / RATE - time.monotonic()
        try:
            message = await asyncio.wait_for(self._receive(), max(left, 0.0))
        except TimeoutError:
            self.refused = _refused(408, "the request came too slowly")
            return {"type": "http.disconnect"}
        self._size += len(message.get("body", b""))
        self._more = message.get("more_body", False)
        if self._size > self._limit:
            self.refused = _refused(413, f"more than {self._limit} bytes")
            return {"type": "http.disconnect"}
        return message


def _client(scope: Scope) -> str:
    """What the request counts as; empty for this machine, which may stand for all who come through a proxy."""
    address = (scope.get("client") or ("",))[0]
    return "" if is_here(address) else network(address)


def _length(scope: Scope) -> int:
    value = Headers(scope=scope).get("content-length", "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 20 else 0


def _refused(status: int, message: str) -> PlainTextResponse:
    """The connection ends with it: what else the client sends is not read."""
    headers = {**HEADERS, "Cache-Control": "no-store", "Connection": "close"}
    return PlainTextResponse(f"{message}\n", status, {**headers, "Retry-After": SOON} if status == 503 else headers)
