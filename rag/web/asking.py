"""What the page asks of the collection: an answer as HTML, where it may look for it, and how far the collection is."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping

import anyio.to_thread
import gradio as gr

from rag.errors import QuestionError, RagError
from rag.export import answer_json
from rag.query import MAX_QUESTION
from rag.types import Filters, Json
from rag.web import cards
from rag.web.collection import Collection, Status
from rag.web.logs import write_question
from rag.web.parts import Part
from rag.web.places import Busy, Gone, Places
from rag.web.texts import Texts, error_text, texts

log = logging.getLogger(__name__)

SHOWN = 5  # citations on the page
OFFERED = 12  # documents to pick from: what fits under a field


def part(collection: Collection) -> Part:
    """Asking, where to look, and how far the collection is."""

    waiting = Places()

    async def ask(data: object, request: gr.Request) -> Json:
        given = data if isinstance(data, Mapping) else {}
        try:
            async with waiting.place(request.is_disconnected):
                return await anyio.to_thread.run_sync(answered, data)
        except Gone:
            return {}  # nobody is there to read it
        except Busy:
            question = str(given.get("question"))[:MAX_QUESTION]
            return {"answer": cards.error_html(texts(given.get("language"))["error.many"], question), "citations": ""}

    def answered(data: object) -> Json:
        given = data if isinstance(data, Mapping) else {}
        question, said = given.get("question"), texts(given.get("language"))
        if not isinstance(question, str):
            question = ""
        filters = filters_of(given.get("filters"))
        try:
            index, literal = collection.index(), given.get("literal") is True
            with collection.turns:
                answer = index.ask(question, SHOWN, filters=filters, literal=literal)
            write_question("page", question, answer)
        except Exception as error:  # the page's edge: a reader sees one sentence, never a traceback
            if not isinstance(error, RagError):
                log.exception("a question could not be answered")
            elif not isinstance(error, QuestionError):  # whose message may hold the question
                log.warning("%s", error)
            return {"answer": cards.error_html(error_text(error, said), question[:MAX_QUESTION]), "citations": ""}
        return {
            "answer": cards.answer_html(answer, question, said, filtered=filters != Filters()),
            "citations": cards.citations_html(answer, said),
            "result": answer_json(answer),
        }

    def places(data: object) -> Json:
        given = data if isinstance(data, Mapping) else {}
        wanted, index = given.get("document"), collection.opened()
        if index is None:
            return {"languages": [], "types": [], "documents": []}
        said, listing = texts(given.get("language")), collection.listings.of(index.store)
        found = listing.select(wanted[:MAX_QUESTION] if isinstance(wanted, str) else "", "document", False)
        return {
            "languages": [
                {"code": code, "name": said.get(f"language.{code}", code)} for code in index.store.languages()
            ],
            "types": list(listing.types),
            "documents": [{"path": each.path, "title": each.title} for each in found[:OFFERED]],
        }

    async def status(data: object) -> Json:  # async: answered at once, even where all threads wait for the model
        language = data.get("language") if isinstance(data, Mapping) else None
        return {**status_json(collection.status(), language), "changes": collection.is_open_to_changes}

    return Part(functions=[ask, places, status])


def filters_of(given: object) -> Filters:
    """The filters that a script sent; what is no text is left out."""
    values = given if isinstance(given, Mapping) else {}
    names = [field.name for field in dataclasses.fields(Filters)]
    return Filters(**{name: values[name] for name in names if isinstance(values.get(name), str) and values[name]})


def status_json(status: Status, language: object) -> Json:
    """The collection's state, told in the page's language, and the sample questions in it."""
    said = texts(language)
    samples = (status.samples or {}).get(language if isinstance(language, str) else "en", ())
    told = said["model.hosts" if status.hosts else "model"]
    model = told.format(model=status.model, hosts=", ".join(status.hosts)) if status.model else ""
    return {
        "state": status.state,
        "text": _status_text(status, said),
        "samples": [dataclasses.asdict(sample) for sample in samples],
        "model": model,
    }


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
