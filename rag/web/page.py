"""The page and the web API, as a Gradio app: thin functions over the collection."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib import resources
from typing import Any, cast, get_args

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported

import gradio as gr
from fastapi import FastAPI, Response
from gradio.events import api as gradio_api
from gradio.themes.utils.fonts import Font

from rag.errors import QuestionError, RagError
from rag.export import answer_json, search_json
from rag.index import MAX_QUESTION
from rag.text import clean
from rag.types import Filters, Json, Mode
from rag.web import cards
from rag.web.collection import Collection, Status
from rag.web.guard import STYLE, Guard
from rag.web.texts import LANGUAGES, Texts, error_text, texts

log = logging.getLogger(__name__)

SHOWN = 5  # citations on the page
AT_ONCE = 4  # calls of the API that run side by side; the others wait in Gradio's queue
WAITING = 64  # calls in the queue; beyond it the API says that it is busy


def create_app(collection: Collection) -> FastAPI:
    """The web app over a collection, which is started with it. Raises nothing: errors are shown on the page."""

    style = _file("style.css") + _file("cards.css")

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        collection.start()
        yield

    app = FastAPI(title="Snoska", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.state.closing = asyncio.Event()  # set by the server when it stops
    app.add_middleware(Guard)
    app.add_api_route(STYLE, lambda: Response(style, media_type="text/css", headers={"Cache-Control": "no-cache"}))
    return cast(
        FastAPI,
        gr.mount_gradio_app(
            app,
            _blocks(collection),
            path="/",
            footer_links=[],
            run_history=False,
            show_error=False,
            allowed_paths=[],
            max_file_size=0,
            enable_monitoring=False,
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            theme=gr.themes.Base(font=[Font("sans-serif")], font_mono=[Font("monospace")]),
        ),
    )


def _blocks(collection: Collection) -> gr.Blocks:
    with _Blocks(title="Snoska", analytics_enabled=False, fill_width=True) as blocks:
        gr.HTML(
            _file("shell.html"),
            elem_id="snoska",
            js_on_load=_file("page.js"),
            apply_default_css=False,
            server_functions=_page_functions(collection),
            texts={language: dict(said) for language, said in LANGUAGES.items()},
        )
        _api(collection)
    return cast(gr.Blocks, blocks.queue(max_size=WAITING, default_concurrency_limit=AT_ONCE))


class _Blocks(gr.Blocks):
    """Blocks whose API lets a plain HTTP call leave out the arguments that have a default."""

    def validate_inputs(self, block_fn: Any, inputs: list[Any]) -> None:
        inputs.extend(block.value for block in block_fn.inputs[len(inputs) :])


def _page_functions(collection: Collection) -> list[Any]:
    """What page.js calls: each takes one object and gives one."""

    def ask(data: object) -> Json:
        given = data if isinstance(data, Mapping) else {}
        question, said = given.get("question"), texts(given.get("language"))
        if not isinstance(question, str):
            question = ""
        try:
            answer = collection.index().ask(question, SHOWN)
        except Exception as error:  # the page's edge: a reader sees one sentence, never a traceback
            if not isinstance(error, RagError):
                log.exception("a question could not be answered")
            message = error_text(error, said, question, MAX_QUESTION)
            return {"answer": cards.error_html(message, question[:MAX_QUESTION]), "citations": ""}
        return {"answer": cards.answer_html(answer, question, said), "citations": cards.citations_html(answer, said)}

    async def status(data: object) -> Json:  # async: answered at once, even where all threads wait for the model
        language = data.get("language") if isinstance(data, Mapping) else None
        return status_json(collection.status(), language)

    return [ask, status]


def status_json(status: Status, language: object) -> Json:
    """The collection's state, told in the page's language, and the sample questions in it."""
    said = texts(language)
    questions = (status.samples or {}).get(language if isinstance(language, str) else "en", ())
    model = said["model"].format(model=status.model) if status.model else ""
    return {"state": status.state, "text": _status_text(status, said), "samples": list(questions), "model": model}


def _status_text(status: Status, said: Texts) -> str:
    if status.state == "ready":
        ready = said["status.ready"].format(documents=status.documents, passages=status.passages)
        if status.error is not None:
            return f"{ready} · {said['status.stale']} {error_text(status.error, said)}"
        return f"{ready} · {said['status.renewing']}" if status.progress is not None else ready
    if status.error is not None:
        return error_text(status.error, said)
    if status.progress is not None and f"status.{status.progress.stage}" in said:
        step = status.progress
        return said[f"status.{step.stage}"].format(done=step.done, total=step.total)
    return said[f"status.{status.state}"]


def _api(collection: Collection) -> None:
    def ask(
        question: str,
        language: str | None = None,
        document: str | None = None,
        type: str | None = None,
        since: str | None = None,
        until: str | None = None,
        k: int = 5,
    ) -> dict[str, Any]:
        """The answer to a question with its citations; the filters are about the documents."""
        with _ToldToClients():
            filters = _filters(language=language, document=document, type=type, since=since, until=until)
            return answer_json(collection.index().ask(_text(question), _count(k), filters=filters))

    def search(
        query: str,
        k: int = 10,
        mode: str = "hybrid",
        language: str | None = None,
        document: str | None = None,
        type: str | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> dict[str, Any]:
        """The passages that fit a query best."""
        with _ToldToClients():
            filters = _filters(language=language, document=document, type=type, since=since, until=until)
            hits = collection.index().search(_text(query), _count(k), mode=_mode(mode), filters=filters)
            return search_json(clean(query), hits)

    gradio_api(ask, api_name="ask")
    gradio_api(search, api_name="search")


class _ToldToClients:
    """Turns a RagError into Gradio's error, whose message reaches the client; others stay unexplained there."""

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, RagError):
            raise gr.Error(str(error), print_exception=False) from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise QuestionError(f"the question is {value!r:.40}: send a text")
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise QuestionError(f"k is {value!r:.40}: send a whole number")
    return value


def _mode(value: str) -> Mode:
    if value not in get_args(Mode):
        raise QuestionError(f"mode is {value!r:.40}: send one of {', '.join(get_args(Mode))}")
    return cast(Mode, value)


def _filters(**given: object) -> Filters:
    for name, value in given.items():
        if value is not None and not isinstance(value, str):
            raise QuestionError(f"{name} is {value!r:.40}: send a text or nothing")
    return Filters(**{name: value or None for name, value in given.items()})  # type: ignore[arg-type]  # checked above


def _file(name: str) -> str:
    return resources.files("rag.web").joinpath(name).read_text(encoding="utf-8")
