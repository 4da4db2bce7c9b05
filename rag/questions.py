"""Judged questions from a file a person wrote: JSON Lines, CSV or XLSX, all with the same columns.

| column | holds |
| --- | --- |
| id | any text, once in a file; the row's number where it is missing |
| question | the question |
| language | its language, ISO 639-1; told from the question where it is missing |
| relevant | `[{"document": "report.pdf", "quote": "words of the passage that answers"}]`; `[]` or an empty cell where the collection does not hold the answer. In a table it is a cell of JSON, or two columns, `document` and `quote` |
| answer | the answer in words, for people; may be missing |

A row that cannot be used is a :class:`Problem` with its file and line, and the rest goes on.
"""  # noqa: E501  # a table's row is one line

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import EvaluationError
from rag.rows import MAX_BYTES, Cells, Row, Unusable, csv_cells, json_lines, json_value, text_of, xlsx_cells
from rag.text import clean, language

NAMED = 3  # problems in the error where no row could be used
COLUMNS = ("id", "question", "language", "relevant", "document", "quote", "answer")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]+)*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Relevant:
    """Where an answer stands: the passage of ``document`` that contains ``quote``."""

    document: str
    quote: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A question with what answers it; ``relevant`` is empty where the collection does not hold the answer.

    ``where`` is the file and line that it comes from, as ``questions.jsonl:12``.
    """

    id: str
    question: str
    language: str
    relevant: tuple[Relevant, ...]
    answer: str | None
    where: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a row, and where: ``questions.jsonl:12``."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


def load(path: str | Path) -> tuple[list[Judged], list[Problem]]:
    """The questions of a file in their order, and the rows that could not be used.

    Raises EvaluationError where the file cannot be read or no row of it can be used.
    """
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise EvaluationError(f"{path} has the ending {path.suffix!r}: give one of {', '.join(READERS)}")
    questions: dict[str, Judged] = {}
    problems: list[Problem] = []
    for line, row in reader(_content(path), path.name):
        where = f"{path.name}:{line}"
        try:
            judged = _judged(row, line, where)
            if judged.id in questions:
                raise Unusable(f"the id {judged.id!r} is taken by {questions[judged.id].where}: give it another")
            questions[judged.id] = judged
        except Unusable as error:
            problems.append(Problem(where, str(error)))
    if not questions:
        told = "; ".join(str(problem) for problem in problems[:NAMED]) or "it has no rows"
        raise EvaluationError(f"no question in {path} can be used: {told}")
    return list(questions.values()), problems


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise EvaluationError(f"{path} is larger than {MAX_BYTES // 2**20} MB: split it")
        return path.read_bytes()
    except OSError as error:
        raise EvaluationError(f"{path} cannot be read: {error.strerror}") from error


def _judged(row: Mapping[str, Any], line: int, where: str) -> Judged:
    if "error" in row and isinstance(row["error"], Unusable):
        raise row["error"]
    question = text_of(row, "question")
    if not clean(question):
        raise Unusable("'question' is empty")
    relevant = tuple(_relevant(row))
    stated = text_of(row, "language")
    if stated and not LANGUAGE.fullmatch(stated):
        raise Unusable(f"'language' is {stated!r}: write a code such as en or ru, or leave it out")
    return Judged(
        id=text_of(row, "id") or str(line),
        question=question,
        language=stated.lower() or language(question),
        relevant=tuple(dict.fromkeys(relevant)),
        answer=text_of(row, "answer") or None,
        where=where,
    )


def _relevant(row: Mapping[str, Any]) -> Iterator[Relevant]:
    if "relevant" not in row and "document" not in row:
        raise Unusable("'relevant' is missing: write [] where the collection does not hold the answer")
    value = row.get("relevant")
    if isinstance(value, str):
        value = json_value(value, "'relevant'") if value.strip() else None
    if value is None and (text_of(row, "document") or text_of(row, "quote")):
        value = [{"document": row.get("document"), "quote": row.get("quote")}]
    if not isinstance(value, list | None):
        raise Unusable("'relevant' is no list")
    for number, item in enumerate(value or [], start=1):
        if not isinstance(item, dict):
            raise Unusable(f"'relevant' {number} is not an object with 'document' and 'quote'")
        document, quote = text_of(item, "document"), text_of(item, "quote")
        if not document or not quote:
            raise Unusable(f"'relevant' {number} has no {'quote' if document else 'document'}")
        yield Relevant(document, quote)


def _table(rows: Iterable[Cells], name: str) -> Iterator[Row]:
    """The rows under the header, by the header's names; empty rows are none."""
    header: list[str] | None = None
    for line, cells in rows:
        if not any(cell not in (None, "") for cell in cells):
            continue
        if header is None:
            header = [str(cell or "").strip().casefold() for cell in cells]
            if "question" not in header or not {"relevant", "document"} & set(header):
                known = ", ".join(COLUMNS)
                raise EvaluationError(f"{name} has no columns 'question' and 'relevant': its first row names {known}")
        elif isinstance(cells[0], Unusable):
            yield line, {"error": cells[0]}
        else:
            filled = [*cells, *[None] * (len(header) - len(cells))]  # a row may end before its last columns
            yield line, {column: cell for column, cell in zip(header, filled, strict=False) if column}


def _xlsx(data: bytes, name: str) -> Iterator[Row]:
    yield from _table(xlsx_cells(data, name), name)


def _csv(data: bytes, name: str) -> Iterator[Row]:
    yield from _table(csv_cells(data), name)


def _json_lines(data: bytes, _: str) -> Iterator[Row]:
    yield from json_lines(data)


READERS: Mapping[str, Callable[[bytes, str], Iterator[Row]]] = {
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json_lines,
    ".csv": _csv,
    ".tsv": _csv,
    ".xlsx": _xlsx,
}
