"""The written answer beside the cited one, where an endpoint is configured: streamed as lines of JSON.

``{"tail": "…"}`` is the sentence that is being written, ``{"sentence": {…}}`` one that is whole and checked,
``{"failed": "…"}`` the reason why there is no more, ``{"done": true}`` the end. A reader who leaves ends the request.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Send

from rag.errors import GenerationError, QuestionError, RagError
from rag.generation.endpoint import Endpoint
from rag.generation.support import Sentence
from rag.generation.writer import write
from rag.settings import Settings
from rag.types import Answer, Json
from rag.web.asking import SHOWN, filters_of
from rag.web.collection import Collection
from rag.web.guard import WRITING
from rag.web.parts import Part
from rag.web.posted import posted

log = logging.getLogger(__name__)

AT_ONCE = 4  # answers that are written side by side: the model's server is most often one machine
MAX_BODY = 64 * 2**10  # bytes; a question has 4,000 characters at most


def part(collection: Collection) -> Part:
    """The page's script asks for the model's name, which is empty where none is configured, and posts to the route.

    Raises ConfigurationError where the environment names an endpoint that cannot be used.
    """
    endpoint = Endpoint.configured(Settings.from_environment())

    async def generation(_: object) -> Json:
        return {"model": endpoint.model, "host": endpoint.elsewhere} if endpoint is not None else {"model": ""}

    if endpoint is None:
        return Part(functions=[generation])
    return Part(functions=[generation], routes=[Route(WRITING, _Writing(collection, endpoint), methods=["POST"])])


class _Writing:
    """The route; an ASGI app."""

    def __init__(self, collection: Collection, endpoint: Endpoint) -> None:
        self._collection, self._endpoint, self._running = collection, endpoint, 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        try:
            response = await self._response(request)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _response(self, request: Request) -> Response:
        given = await posted(request, MAX_BODY)
        if not isinstance(given.get("question"), str):
            return PlainTextResponse("send a question\n", 400)
        headers = {
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
        }  # a proxy before the page must not collect it
        return _Lines(self._lines(given), media_type="application/x-ndjson", headers=headers)

    async def _lines(self, given: Json) -> AsyncGenerator[str]:
        self._running += 1
        try:
            if self._running > AT_ONCE:
                yield _line({"failed": "busy"})
                return
            async with aclosing(self._written(given)) as lines:
                async for line in lines:
                    yield _line(line)
        except GenerationError as error:
            if error.kind not in ("not_found", "nothing"):
                log.warning("%s", error)
            yield _line({"failed": error.kind})
        except RagError as error:
            if not isinstance(error, QuestionError):  # whose message may hold what was asked
                log.warning("%s", error)
            yield _line({"failed": "unexpected"})
        except Exception:  # the page's edge: the passages stay, and a reader sees one sentence
            log.exception("no answer could be written")
            yield _line({"failed": "unexpected"})
        finally:
            self._running -= 1

    async def _written(self, given: Json) -> AsyncGenerator[Json]:
        index = await asyncio.to_thread(self._collection.index)
        filters, literal = filters_of(given.get("filters")), given.get("literal") is True
        answer = await asyncio.to_thread(index.ask, given["question"], SHOWN, filters=filters, literal=literal)
        if passages(answer) != given.get("passages"):  # its footnotes would lead to other cards than those on show
            yield {"failed": "changed"}
            return
        async with aclosing(write(answer, index.encoder, self._endpoint)) as parts:
            async for part in parts:
                yield {"sentence": part.json()} if isinstance(part, Sentence) else {"tail": part.text}
        yield {"done": True}


class _Lines(StreamingResponse):
    """Closes what it sends as soon as the reader has gone, and with it the request to the model."""

    body_iterator: AsyncGenerator[str]

    async def stream_response(self, send: Send) -> None:
        async with aclosing(self.body_iterator):
            await super().stream_response(send)


def passages(answer: Answer) -> Sequence[Sequence[Any]]:
    """What the cards are known by, in their order."""
    return [[citation.document, citation.start, citation.end] for citation in answer.citations]


def _line(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"
