"""What is posted as JSON: by a script of the page, one object of a bounded size; to Gradio, whatever JSON is."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn, cast

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.types import Json
from rag.web.calls import Calls
from rag.web.guard import HEADERS, same_origin

DEEPEST = 32  # lists and objects within each other; what the page sends has six, and what walks through more may fail
GRADIO = "/gradio_api/"


async def posted(request: Request, limit: int) -> Json:
    """The request's object, of at most ``limit`` bytes.

    Raises HTTPException: 403 where another site's page sends it, 415 where it is not called JSON (no other site may say
    so without asking first), 413 where it is longer, 400 where it is no object.
    """
    if not same_origin(request.headers):
        raise HTTPException(403, "asked by another site's page")
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "send application/json")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise HTTPException(413, f"more than {limit} bytes")
    try:
        value = loaded(bytes(body))
    except ValueError as error:
        raise HTTPException(400, "no JSON") from error
    if not isinstance(value, dict):
        raise HTTPException(400, "no JSON object")
    return cast(Json, value)


def loaded(body: bytes) -> Any:
    """JSON's value, by the letter. Raises ValueError where it is none, no UTF-8, holds a number that is none, or is too
    deep."""
    try:
        text = body.decode("utf-8")  # Python's json takes halves of pairs as they are, and UTF-16
        value = json.loads(text, parse_float=_finite, parse_constant=_none)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level if isinstance(outer, dict | list) for inner in _within(outer)]
    if level:
        raise ValueError("nested too deeply")
    return value


def _within(outer: Any) -> list[Any]:
    return [each for each in (outer.values() if isinstance(outer, dict) else outer) if isinstance(each, dict | list)]


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text:.20} is no number")
    return number


def _none(name: str) -> NoReturn:
    raise ValueError(f"{name} is no value of JSON")


class Posted:
    """ASGI middleware: what is posted to Gradio is read first, and refused where it is no JSON that can be told again
    (400) or names what is not there: of such Gradio makes an error of the server's."""

    def __init__(self, app: ASGIApp, calls: Calls) -> None:
        self._app, self._calls = app, calls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith(GRADIO):
            await self._app(scope, receive, send)
            return
        body, more = bytearray(), True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        try:
            value = loaded(bytes(body)) if body else None
        except ValueError:
            await _refused(400, "no JSON")(scope, receive, send)
            return
        if refusal := self._calls.refusal(scope["path"], value):
            await _refused(*refusal)(scope, receive, send)
            return
        whole = _told_again(bytes(body), value)
        await self._app(scope, _again(whole, receive), send)


def _refused(status: int, reason: str) -> PlainTextResponse:
    return PlainTextResponse(f"{reason}\n", status, {**HEADERS, "Cache-Control": "no-store"})


def _told_again(body: bytes, value: Any) -> bytes:
    """The same JSON; half a pair of surrogates, which cannot be sent back, is left out."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "ignore") if b"\\ud" in body.lower() else body


def _again(body: bytes, receive: Receive) -> Receive:
    """What has been read, in one piece, and then whatever else comes."""
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def wrapped() -> Message:
        return left.pop() if left else await receive()

    return wrapped
