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

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import EvaluationError
from rag.text import clean, language

MAX_BYTES = 256 * 2**20  # a questions file is written by people; one larger than this is another file
NAMED = 3  # problems in the error where no row could be used
COLUMNS = ("id", "question", "language", "relevant", "document", "quote", "answer")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]+)*", re.IGNORECASE)

Row = tuple[int, Mapping[str, Any]]  # the line it begins on, from 1, and its cells


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


class _Unusable(Exception):
    """A row that cannot be used; the message says why."""


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
                raise _Unusable(f"the id {judged.id!r} is taken by {questions[judged.id].where}: give it another")
            questions[judged.id] = judged
        except _Unusable as error:
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
    if "error" in row and isinstance(row["error"], _Unusable):
        raise row["error"]
    question = _text(row, "question")
    if not clean(question):
        raise _Unusable("'question' is empty")
    relevant = tuple(_relevant(row))
    stated = _text(row, "language")
    if stated and not LANGUAGE.fullmatch(stated):
        raise _Unusable(f"'language' is {stated!r}: write a code such as en or ru, or leave it out")
    return Judged(
        id=_text(row, "id") or str(line),
        question=question,
        language=stated.lower() or language(question),
        relevant=tuple(dict.fromkeys(relevant)),
        answer=_text(row, "answer") or None,
        where=where,
    )


def _relevant(row: Mapping[str, Any]) -> Iterator[Relevant]:
    if "relevant" not in row and "document" not in row:
        raise _Unusable("'relevant' is missing: write [] where the collection does not hold the answer")
    value = row.get("relevant")
    if isinstance(value, str):
        value = _json(value, "'relevant'") if value.strip() else None
    if value is None and (_text(row, "document") or _text(row, "quote")):
        value = [{"document": row.get("document"), "quote": row.get("quote")}]
    if not isinstance(value, list | None):
        raise _Unusable("'relevant' is no list")
    for number, item in enumerate(value or [], start=1):
        if not isinstance(item, dict):
            raise _Unusable(f"'relevant' {number} is not an object with 'document' and 'quote'")
        document, quote = _text(item, "document"), _text(item, "quote")
        if not document or not quote:
            raise _Unusable(f"'relevant' {number} has no {'quote' if document else 'document'}")
        yield Relevant(document, quote)


def _text(row: Mapping[str, Any], name: str) -> str:
    """A cell as text without spaces around it; numbers as they are written."""
    value = row.get(name)
    if isinstance(value, list | dict | bool):
        raise _Unusable(f"{name!r} is {json.dumps(value, ensure_ascii=False)[:60]}, not a text")
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # a spreadsheet keeps the id 7 as 7.0
    return "" if value is None else str(value).encode("utf-8", "replace").decode("utf-8").strip()


def _json(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else type(error).__name__
        raise _Unusable(f"{what} is not JSON ({reason})") from error


def _json_lines(data: bytes, name: str) -> Iterator[Row]:
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if line.strip():
            yield number, _object(line)


def _object(line: bytes) -> Mapping[str, Any]:
    try:
        value = _json(line.decode("utf-8"), "the line")
    except UnicodeDecodeError as error:
        return {"error": _Unusable(f"the line is not UTF-8 (byte {error.start + 1})")}
    except _Unusable as error:
        return {"error": error}
    return value if isinstance(value, dict) else {"error": _Unusable("the line is not a JSON object")}


def _csv(data: bytes, name: str) -> Iterator[Row]:
    text = _decoded(data)
    header = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)  # a Russian spreadsheet separates by semicolons
    csv.field_size_limit(MAX_BYTES)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    yield from _table(_numbered(reader), name)


def _numbered(reader: Any) -> Iterator[tuple[int, list[Any]]]:
    """Each row with the line it begins on; a cell may run over several lines."""
    while True:
        line = reader.line_num + 1
        try:
            yield line, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, [_Unusable(f"the line is not CSV ({error})")]


def _decoded(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1251", "replace")  # what a Russian spreadsheet writes


def _xlsx(data: bytes, name: str) -> Iterator[Row]:
    import openpyxl  # lazily: only here

    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # a stated size may be false
        rows = [list(row) for row in sheet.iter_rows(values_only=True)]
    except (OSError, ValueError, KeyError, IndexError, SyntaxError, zipfile.BadZipFile) as error:
        raise EvaluationError(f"{name} is not a readable XLSX workbook: save it again, or as CSV") from error
    yield from _table(enumerate(rows, start=1), name)


def _table(rows: Iterable[tuple[int, list[Any]]], name: str) -> Iterator[Row]:
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
        elif isinstance(cells[0], _Unusable):
            yield line, {"error": cells[0]}
        else:
            filled = [*cells, *[None] * (len(header) - len(cells))]  # a row may end before its last columns
            yield line, {column: cell for column, cell in zip(header, filled, strict=False) if column}


READERS: Mapping[str, Callable[[bytes, str], Iterator[Row]]] = {
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json_lines,
    ".csv": _csv,
    ".tsv": _csv,
    ".xlsx": _xlsx,
}
