"""Many questions at once on the page: a list in, its answers as they come, and as files."""

from __future__ import annotations

import datetime
import logging
from functools import partial

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rag.batch import ENDINGS
from rag.errors import DocumentError, QuestionError
from rag.export.sheet import sheet
from rag.export.sound import file_name
from rag.export.word import table
from rag.export.words import source
from rag.settings import Settings
from rag.types import Answer, Json
from rag.web.collection import Collection
from rag.web.jobs import MAX_QUESTIONS, Job, Jobs
from rag.web.lists import Busy, Lists
from rag.web.parts import OWN, Part
from rag.web.posted import posted
from rag.web.takeaway import DOCX, attachment, name_of
from rag.web.texts import Texts, error_text, texts

log = logging.getLogger(__name__)

MAX_BYTES = 6 * 2**20  # of a list as it is sent: a thousand of the longest questions in Cyrillic are 8 MB, and nobody's
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
WRITERS = {"xlsx": (XLSX, sheet), "docx": (DOCX, table)}
NAMED = 50  # lines passed over that are named, of however many
ROWS = 100  # answers that are sent to the page at a time


def part(collection: Collection) -> Part:
    """Bringing a list, looking how far it is, ending it, taking its answers away."""
    jobs, lists = Jobs(collection), Lists(Settings.from_environment().read_megabytes)

    async def start(request: Request) -> Response:
        body = await posted(request, MAX_BYTES)
        said = texts(body.get("language"))
        try:
            given = await lists.read(body, MAX_QUESTIONS)
        except DocumentError:
            return _told(said["batch.unreadable"].format(endings=", ".join(ENDINGS)))
        except Busy:
            return _told(said["batch.busy"])
        except (RuntimeError, OSError):  # the process that reads does not start
            log.exception("a list of questions is not read")
            return _told(said["batch.unread"])
        if not given.count:
            return _told(said["batch.empty"])
        if given.count > MAX_QUESTIONS:
            return _told(said["batch.too_many"].format(count=given.count, limit=MAX_QUESTIONS))
        job = jobs.add(given.asked, given.passed)
        return _told(said["batch.busy"]) if job is None else JSONResponse({"id": job.id})

    async def look(request: Request) -> Response:
        body = await posted(request, MAX_BYTES)
        job = jobs.get(str(body.get("id")))
        if job is None:
            return JSONResponse({"state": "gone"})
        since = body.get("since")
        return JSONResponse(
            _state(jobs, job, since if isinstance(since, int) and since >= 0 else 0, body.get("language"))
        )

    async def cancel(request: Request) -> Response:
        job = jobs.get(str((await posted(request, MAX_BYTES)).get("id")))
        if job is not None:
            jobs.cancel(job)
        return JSONResponse({})

    async def file(request: Request) -> Response:
        kind, job = request.path_params["kind"], jobs.get(request.path_params["id"])
        if job is None or kind not in WRITERS:
            raise HTTPException(404, "these answers are no longer kept")
        media_type, write = WRITERS[kind]
        language = "ru" if request.query_params.get("language") == "ru" else "en"
        today = datetime.datetime.now().astimezone().date()
        said = texts(language)
        rows = [
            (asked.question, _answer(answer, said))
            for asked, answer in zip(job.questions, list(job.answers), strict=False)
        ]
        data = await to_thread.run_sync(partial(write, rows, name_of(collection), today, language))
        return attachment(data, media_type, file_name(f"{said['batch.file']} {today.isoformat()}", kind))

    return Part(
        routes=[
            Route(f"{OWN}batch/start", start, methods=["POST"]),
            Route(f"{OWN}batch/look", look, methods=["POST"]),
            Route(f"{OWN}batch/cancel", cancel, methods=["POST"]),
            Route(f"{OWN}batch/{{id}}/{{kind}}", file),
        ],
        stop=jobs.stop,
    )


def _told(message: str) -> Response:
    return JSONResponse({"error": message})


def _state(jobs: Jobs, job: Job, since: int, language: object) -> Json:
    """How far the list is, and its answers from number ``since`` on, in the page's language."""
    said = texts(language)
    answers = list(job.answers)[since : since + ROWS]
    left = job.seconds_left(jobs.now())
    return {
        "state": job.state,
        "before": jobs.before(job) if job.state == "waiting" else 0,
        "done": len(job.answers),
        "total": len(job.questions),
        "left": None if left is None else round(left),
        "error": error_text(job.error, said) if job.error is not None else None,
        "passed": len(job.passed),
        "reasons": [said[f"batch.passed.{each.reason}"].format(line=each.line) for each in job.passed[:NAMED]],
        "rows": [
            _row(number, job.questions[number].question, answer, said, "ru" if language == "ru" else "en")
            for number, answer in enumerate(answers, start=since)
        ],
    }


def _row(number: int, question: str, answer: Answer | QuestionError, said: Texts, language: str) -> Json:
    if isinstance(answer, QuestionError):
        return {"number": number + 1, "question": question, "verdict": "error", "told": said["batch.unasked"]}
    cited = answer.citations[answer.citation - 1] if answer.citation is not None else None
    return {
        "number": number + 1,
        "question": question,
        "verdict": answer.verdict,
        "told": said[answer.verdict],
        "percent": min(round(100 * answer.confidence), 99),
        "text": answer.text,
        "source": source(cited, language).line if cited is not None else None,
    }


def _answer(answer: Answer | QuestionError, said: Texts) -> Answer | str:
    return said["batch.unasked"] if isinstance(answer, QuestionError) else answer
