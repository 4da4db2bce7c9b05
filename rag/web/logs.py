"""What the server writes down where it is asked to: a line of JSON for each request, and one for each question.

Neither is written unless its setting says so, whatever the program around the server logs.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.settings import Settings
from rag.text import clean
from rag.types import Answer

requests = logging.getLogger("snoska.requests")
questions = logging.getLogger("snoska.questions")
for each in (requests, questions):
    each.propagate = False  # a program's own logging, set to INFO, must not get them unasked
    each.setLevel(logging.INFO)

_ORDERS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")
LONGEST = 200  # characters of a path that are written


def follow(settings: Settings) -> None:
    """Sends the lines that the settings ask for to stderr, each as it is, for who collects them."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    for log, is_asked_for in ((requests, settings.log_requests), (questions, settings.log_questions)):
        log.handlers = [handler] if is_asked_for else []


class Lines(logging.Formatter):
    """One line a record, whatever names and messages hold; a traceback's follow it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's own name
        return " ".join(_shown(super().formatMessage(record)).split("\n"))

    def formatException(self, error: Any) -> str:  # noqa: N802
        return _shown(super().formatException(error))


def _shown(text: str) -> str:
    """The text without what would begin a line of its own somewhere or order a terminal about."""
    return _ORDERS.sub("\ufffd", text)


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
            _line(
                requests,
                method=scope["method"],
                path=scope["path"][:LONGEST],
                status=status or None,
                ms=round(1000 * (time.monotonic() - begun)),
                bytes=size,
                client=client[0] if client else None,
            )


def write_question(by: str, question: str, answer: Answer | None = None) -> None:
    """One line for a question that was answered; ``by`` is where it came from: the page, the API's ask, a list …"""
    found = {"verdict": answer.verdict, "confidence": round(answer.confidence, 3)} if answer is not None else {}
    _line(questions, by=by, question=clean(question), **found)


def _line(log: logging.Logger, **told: object) -> None:
    if log.handlers:
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        log.info("%s", json.dumps({"time": at, **told}))  # in ASCII: no letter of a path can look like another line
