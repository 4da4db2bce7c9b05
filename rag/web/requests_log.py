"""One line of JSON for each request: enough to see what the server does, and nothing of what was asked."""

from __future__ import annotations

import json
import logging
import sys
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

LONGEST = 200  # characters of a path that are written


def write_requests() -> None:
    """Sends the lines to stderr, each as it is, for who collects them."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.INFO)


class RequestsLog:
    """ASGI middleware. A path is written without its query, which holds questions; JSON's escapes keep it one line."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status, size = time.monotonic(), 0, 0

        async def counted(message: Message) -> None:
            nonlocal status, size
            status = message.get("status", status)
            size += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            client = scope.get("client")
            line = {
                "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "method": scope["method"],
                "path": scope["path"][:LONGEST],
                "status": status or None,
                "ms": round(1000 * (time.monotonic() - begun)),
                "bytes": size,
                "client": client[0] if client else None,
            }
            log.info("%s", json.dumps(line))
