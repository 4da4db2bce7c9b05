"""Many questions at once: a list that a person wrote, in; the answers in its order, out.

A list is a text with a question a line, or a table (CSV, XLSX, JSON Lines) with a column ``question`` or ``вопрос``;
the questions files of :mod:`rag.questions` are such tables. A table without that heading is taken as a list, too.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal

from rag.errors import DocumentError, EvaluationError, QuestionError
from rag.query import MAX_QUESTION
from rag.readers import archive
from rag.rows import Cells, Unusable, csv_cells, decoded, json_lines, text_of, xlsx_cells
from rag.text import clean
from rag.types import Answer

if TYPE_CHECKING:
    from rag.index import Index  # which the process that reads lists does not load

SHOWN = 5  # citations of each answer, as on the page
MAX_INFLATED = 32 * 2**20  # bytes of a workbook unpacked: some thousand questions are a hundredth of it
MAX_PASSED = 10_000  # lines that hold no question: with more of them, a file is no list of questions
HEADINGS = {"question", "questions", "вопрос", "вопросы"}
NUMBERED = re.compile(r"\s*(?:\d{1,4}[.)]|[-–—•*])\s+")  # as lists are typed
TABLES = (".csv", ".tsv")
ENDINGS = (".txt", ".md", *TABLES, ".xlsx", ".jsonl", ".ndjson", ".json")

Reason = Literal["empty", "too_long", "unreadable"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and the line of the list on which it begins, from 1."""

    question: str
    line: int


@dataclass(frozen=True, slots=True)
class Passed:
    """A line that is passed over, and why."""

    line: int
    reason: Reason


def read(data: bytes, name: str) -> tuple[list[Asked], list[Passed]]:
    """The questions of a list in their order, and the lines that hold none that can be asked.

    ``name`` is the file's. Raises EvaluationError where it cannot be read.
    """
    asked: list[Asked] = []
    passed: list[Passed] = []
    for line, found in _found(data, name):
        if len(passed) > MAX_PASSED:
            raise EvaluationError(
                f"{name} has more than {MAX_PASSED:,} lines without a question: save the questions alone"
            )
        text = found if isinstance(found, str) else ""
        if isinstance(found, Unusable):
            passed.append(Passed(line, "unreadable"))
        elif not clean(text):
            passed.append(Passed(line, "empty"))
        elif len(clean(text)) > MAX_QUESTION:
            passed.append(Passed(line, "too_long"))
        else:
            asked.append(Asked(clean(text), line))
    return asked, passed


def answer_each(index: Index, questions: Sequence[str]) -> Iterator[Answer | QuestionError]:
    """The answers in the questions' order, as they are there; the error of a question that cannot be asked."""
    for question in questions:
        try:
            yield index.ask(question, SHOWN)
        except QuestionError as error:
            yield error


def answer_all(
    index: Index, questions: Sequence[str], progress: Callable[[int, int], None] = lambda done, total: None
) -> list[Answer | QuestionError]:
    """All the answers of :func:`answer_each`; ``progress`` is told how many of how many are there, after each."""
    answers: list[Answer | QuestionError] = []
    for answer in answer_each(index, questions):
        answers.append(answer)
        progress(len(answers), len(questions))
    return answers


def _found(data: bytes, name: str) -> Iterator[tuple[int, str | Unusable]]:
    """What stands in each line of the list where a question should."""
    ending = PurePath(name).suffix.lower()
    if ending not in ENDINGS:
        raise EvaluationError(f"{name} has the ending {ending!r}: give one of {', '.join(ENDINGS)}")
    if ending == ".xlsx":
        _check(data, name)
        yield from _column(list(xlsx_cells(data, name)))
    elif ending in TABLES and HEADINGS & {_heading(cell) for _, cells in csv_cells(data) for cell in cells[:50]}:
        yield from _column(list(csv_cells(data)))
    elif ending in (".jsonl", ".ndjson", ".json"):
        for line, row in json_lines(data):
            error = row.get("error")
            yield line, error if isinstance(error, Unusable) else _text(row.get("question"))
    else:
        yield from _lines(decoded(data))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if clean(line):
            yield number, line[mark.end() :] if (mark := NUMBERED.match(line)) else line


def _column(rows: list[Cells]) -> Iterator[tuple[int, str | Unusable]]:
    """The column of questions, under its heading; the first one with a text where none is headed so."""
    filled = [(line, cells) for line, cells in rows if any(cell not in (None, "") for cell in cells)]
    if not filled:
        return
    headings = [_heading(cell) for cell in filled[0][1]]
    place = next((place for place, heading in enumerate(headings) if heading in HEADINGS), None)
    for line, cells in filled[place is not None :]:
        if isinstance(cells[0], Unusable):
            yield line, cells[0]
        elif place is not None:
            yield line, _text(cells[place]) if place < len(cells) else ""
        else:
            yield line, next((_text(cell) for cell in cells if isinstance(cell, str) and clean(cell)), "")


def _heading(cell: object) -> str:
    return cell.strip().casefold() if isinstance(cell, str) else ""


def _text(value: Any) -> str | Unusable:
    try:
        return text_of({"question": value}, "question")
    except Unusable as error:
        return error


def _check(data: bytes, name: str) -> None:
    """Raises EvaluationError where a workbook is damaged or grows beyond its limits when it is unpacked."""
    try:
        with archive.open(data) as entries:
            size = sum(entry.file_size for entry in zipfile.ZipFile(io.BytesIO(data)).infolist())
            if size > MAX_INFLATED:
                raise EvaluationError(f"{name} unpacks to more than {MAX_INFLATED >> 20} MB: save the questions alone")
            for entry in entries.names:  # each within the archive's own limits, of which openpyxl has none
                entries.read(entry)
    except DocumentError as error:
        raise EvaluationError(f"{name}: {error}") from error
