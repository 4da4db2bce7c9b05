"""Answers as JSON, in the shapes that scripts rely on."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, get_args

from rag.errors import QuestionError
from rag.types import Answer, BuildReport, Citation, Copy, Json, Note, NoteKind, Scores, Verdict

LARGEST = 10**6  # of a score, all of which are small; JSON as Python reads it knows Infinity and NaN
T = TypeVar("T")

_CODE = re.compile(r"[A-Za-z0-9-]{0,35}")  # BCP 47; empty where no language was told


def answer_json(answer: Answer) -> Json:
    """The object that ``ask --json`` prints and the web API's ``/ask`` returns."""
    return {
        "question": answer.question,
        "language": answer.language,
        "answer": {
            "verdict": answer.verdict,
            "found": answer.found,
            "confidence": answer.confidence,
            "text": answer.text,
            "citation": answer.citation,
        },
        "citations": [citation_json(citation) for citation in answer.citations],
        "notes": [dataclasses.asdict(note) for note in answer.notes],
    }


def search_json(query: str, hits: Sequence[Citation]) -> Json:
    """The object that ``search --json`` prints."""
    return {"query": query, "hits": [citation_json(hit) for hit in hits]}


def citation_json(citation: Citation) -> Json:
    """One citation or hit."""
    value = dataclasses.asdict(citation)
    value["highlight"] = list(citation.highlight)
    value["also_in"] = [dataclasses.asdict(copy) for copy in citation.also_in]
    return value


def report_json(report: BuildReport) -> Json:
    """The object that ``build --json`` prints."""
    value = dataclasses.asdict(report)
    del value["is_shown"]
    return {**value, "skipped": [dataclasses.asdict(each) for each in report.skipped]}


def answer_from_json(value: object) -> Answer:
    """The answer that :func:`answer_json` gave, from what a page sends back; unknown keys are passed over.

    Raises QuestionError where it is none.
    """
    try:
        whole = _of(dict, value)
        told = _of(dict, whole["answer"])
        answer = Answer(
            question=_said(whole["question"]),
            language=_code(whole["language"]),
            verdict=_one_of(Verdict, told["verdict"]),
            confidence=_number(told["confidence"]),
            text=_maybe(_said, told["text"]),
            citation=_maybe(_whole, told["citation"]),
            citations=tuple(_citation(_of(dict, each)) for each in _of(list, whole["citations"])),
            notes=tuple(_note(_of(dict, each)) for each in _of(list, whole.get("notes", []))),
        )
        if answer.citation is not None and not 1 <= answer.citation <= len(answer.citations):
            raise ValueError(answer.citation)
    except (KeyError, TypeError, ValueError) as error:
        raise QuestionError("this is no answer as the page gives it: ask the question again") from error
    return answer


def _citation(value: dict[str, Any]) -> Citation:
    quote = _said(value["quote"])
    start, end = (_of(int, each) for each in _of(list, value["highlight"]))
    if not 0 <= start <= end <= len(quote):
        raise ValueError(value["highlight"])
    scores = _of(dict, value["scores"])
    return Citation(
        rank=_of(int, value["rank"]),
        document=_said(value["document"]),
        title=_said(value["title"]),
        date=_maybe(_said, value["date"]),
        language=_code(value["language"]),
        page=_maybe(_whole, value["page"]),
        paragraph=_of(int, value["paragraph"]),
        start=_of(int, value["start"]),
        end=_of(int, value["end"]),
        quote=quote,
        highlight=(start, end),
        score=_number(value["score"]),
        scores=Scores(*(_number(scores[field.name]) for field in dataclasses.fields(Scores))),
        also_in=tuple(_copy(_of(dict, each)) for each in _of(list, value["also_in"])),
        ocr=_of(bool, value.get("ocr", False)),
    )


def _copy(value: dict[str, Any]) -> Copy:
    return Copy(_said(value["document"]), _of(int, value["start"]), _of(int, value["end"]))


def _note(value: dict[str, Any]) -> Note:
    return Note(_one_of(NoteKind, value["kind"]), _said(value["typed"]), _said(value["meant"]))


def _of(kind: type[T], value: object) -> T:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"{value!r:.60} is no {kind.__name__}")
    return value


def _maybe(read: Callable[[object], T], value: object) -> T | None:
    return None if value is None else read(value)


def _whole(value: object) -> int:
    return _of(int, value)


def _said(value: object) -> str:
    """A text; a lone surrogate, which is no character, becomes a question mark."""
    return _of(str, value).encode("utf-8", "replace").decode("utf-8")


def _code(value: object) -> str:
    """A language's code, which files say as it stands."""
    if not _CODE.fullmatch(code := _of(str, value)):
        raise ValueError(code)
    return code


def _one_of(kind: Any, value: object) -> Any:
    if value not in get_args(kind):
        raise ValueError(value)
    return value


def _number(value: object) -> float:
    number = _of(int, value) if isinstance(value, int) else _of(float, value)
    if not -LARGEST <= number <= LARGEST:  # nor is NaN
        raise ValueError(f"{number!r:.60} is no score")
    return float(number)


def report_text(report: BuildReport) -> str:
    """What a build did, in one line."""
    changes = {
        "added": report.added,
        "changed": report.changed,
        "removed": report.removed,
        "renamed": report.renamed,
        "unchanged": report.unchanged,
        "skipped": len(report.skipped),
    }
    told = ", ".join(f"{count} {what}" for what, count in changes.items() if count)
    held = f"{report.documents} documents, {report.passages} passages{f' ({told})' if told else ''}"
    awaited = "" if report.is_shown else "; shown when the other parts are finished"
    return f"{held} in {report.seconds:.1f} s{awaited}"
