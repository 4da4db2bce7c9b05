"""Answers as JSON, in the shapes that scripts rely on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from rag.types import Answer, BuildReport, Citation, Json


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
    return {**dataclasses.asdict(report), "skipped": [dataclasses.asdict(each) for each in report.skipped]}
