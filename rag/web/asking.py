"""What the page asks of the collection: an answer as HTML, and how far the collection is."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from rag.errors import RagError
from rag.export import answer_json
from rag.index import MAX_QUESTION
from rag.types import Json
from rag.web import cards
from rag.web.collection import Collection, Status
from rag.web.parts import Part
from rag.web.texts import Texts, error_text, texts

log = logging.getLogger(__name__)

SHOWN = 5  # citations on the page


def part(collection: Collection) -> Part:
    """Asking, and how far the collection is."""

    def ask(data: object) -> Json:
        given = data if isinstance(data, Mapping) else {}
        question, said = given.get("question"), texts(given.get("language"))
        if not isinstance(question, str):
            question = ""
        try:
            index = collection.index()
            with collection.turns:
                answer = index.ask(question, SHOWN)
        except Exception as error:  # the page's edge: a reader sees one sentence, never a traceback
            if not isinstance(error, RagError):
                log.exception("a question could not be answered")
            message = error_text(error, said, question, MAX_QUESTION)
            return {"answer": cards.error_html(message, question[:MAX_QUESTION]), "citations": ""}
        return {
            "answer": cards.answer_html(answer, question, said),
            "citations": cards.citations_html(answer, said),
            "result": answer_json(answer),
        }

    async def status(data: object) -> Json:  # async: answered at once, even where all threads wait for the model
        language = data.get("language") if isinstance(data, Mapping) else None
        return {**status_json(collection.status(), language), "changes": collection.is_open_to_changes}

    return Part(functions=[ask, status])


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
