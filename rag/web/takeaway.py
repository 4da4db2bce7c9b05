"""Taking an answer away: as a Word document, as Markdown, through the clipboard.

The page sends back the answer that it shows, so that the file holds exactly that, whatever the collection has become.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import quote

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rag.errors import QuestionError
from rag.export import answer_from_json
from rag.export.markdown import markdown
from rag.export.rich import rich
from rag.export.sound import file_name
from rag.export.word import word
from rag.types import Answer, Json
from rag.web.collection import Collection
from rag.web.parts import OWN, Part
from rag.web.posted import posted

MAX_BYTES = 2 * 2**20  # of an answer: five passages are some ten thousand; a page can ask for no more
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

Write = Callable[[Answer, str, datetime.date, str], bytes]
KINDS: Mapping[str, tuple[str, Write]] = {
    "docx": (DOCX, word),
    "md": ("text/markdown; charset=utf-8", lambda *answer: markdown(*answer).encode("utf-8")),
}


def part(collection: Collection) -> Part:
    """An answer as a file, and for the clipboard."""

    async def file(request: Request) -> Response:
        kind = request.path_params["kind"]
        if kind not in KINDS:
            raise HTTPException(404, "no such kind of file")
        answer, page = _given(await posted(request, MAX_BYTES))
        media_type, write = KINDS[kind]
        today = datetime.datetime.now().astimezone().date()
        data = await to_thread.run_sync(partial(write, answer, name_of(collection), today, page))
        return attachment(data, media_type, file_name(answer.question, kind))

    async def copy(request: Request) -> Response:
        html, text = rich(*_given(await posted(request, MAX_BYTES)))
        return JSONResponse({"html": html, "text": text})

    return Part(
        routes=[
            Route(f"{OWN}takeaway/copy", copy, methods=["POST"]),
            Route(f"{OWN}takeaway/{{kind}}", file, methods=["POST"]),
        ]
    )


def name_of(collection: Collection) -> str:
    """What the collection is called: as its folder of documents, where that is known."""
    return collection.documents.resolve().name if collection.documents is not None else ""


def attachment(data: bytes, media_type: str, name: str) -> Response:
    """A file to be saved under a name, which may be in Cyrillic (RFC 6266, RFC 8187)."""
    ending = name.rpartition(".")[2]
    return Response(
        data,
        media_type=media_type,
        headers={
            "Content-Disposition": f"attachment; filename=\"snoska.{ending}\"; filename*=UTF-8''{quote(name, safe='')}",
            "Cache-Control": "no-store",
        },
    )


def _given(body: Json) -> tuple[Answer, str]:
    """The answer that the page sent, and the page's language."""
    try:
        return answer_from_json(body.get("result")), str(body.get("language"))
    except QuestionError as error:
        raise HTTPException(400, str(error)) from error
