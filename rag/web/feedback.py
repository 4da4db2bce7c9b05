"""What visitors say of an answer, kept beside the index as a questions file for ``snoska eval``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import cast, get_args

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rag.errors import QuestionError, RagError
from rag.export import answer_from_json
from rag.feedback import Feedback, Judgement
from rag.settings import Settings
from rag.types import Json
from rag.web import permission
from rag.web.collection import Collection
from rag.web.parts import OWN, Part
from rag.web.posted import posted
from rag.web.takeaway import MAX_BYTES
from rag.web.texts import texts


def part(collection: Collection) -> Part:
    """Looking what was said of a question, and saying it."""
    setting = Settings.from_environment().feedback

    def is_welcome(request: Request) -> bool:
        if not collection.is_in_folder:  # what is said is kept beside the index
            return False
        if setting != "auto":
            return setting == "on"
        return permission.may_change(collection.rule, request)

    def kept() -> Feedback:
        return Feedback(Path(str(collection.index().store.place)))

    async def look(request: Request) -> Response:
        question = str((await posted(request, MAX_BYTES)).get("question"))
        if not is_welcome(request):
            return JSONResponse({"welcome": False})
        said = await to_thread.run_sync(lambda: kept().said_of(question))
        judgement, rank = said or (None, None)
        return JSONResponse({"welcome": True, "judgement": judgement, "rank": rank})

    async def say(request: Request) -> Response:
        body = await posted(request, MAX_BYTES)
        if not is_welcome(request):
            raise HTTPException(403, "nothing is kept of what visitors say")
        try:
            return JSONResponse({"kept": await to_thread.run_sync(partial(_keep, kept(), body))})
        except QuestionError as error:
            raise HTTPException(400, str(error)) from error
        except RagError:
            return JSONResponse({"error": texts(body.get("language"))["feedback.unwritable"]})

    return Part(
        routes=[
            Route(f"{OWN}feedback/look", look, methods=["POST"]),
            Route(f"{OWN}feedback/say", say, methods=["POST"]),
        ]
    )


def _keep(kept: Feedback, body: Json) -> str | None:
    """Keeps a judgement, or takes one back; tells where it is kept."""
    answer, judgement, rank = answer_from_json(body.get("result")), body.get("judgement"), body.get("rank")
    if judgement is None:
        kept.withdraw(answer.question)
        return None
    if judgement not in get_args(Judgement):
        raise QuestionError(f"{judgement!r:.20} is no judgement: give one of {', '.join(get_args(Judgement))}")
    passage = rank if isinstance(rank, int) else None
    return kept.judge(answer, cast(Judgement, judgement), passage, filtered=body.get("filtered") is not False)
