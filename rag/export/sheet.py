"""Answers as a workbook (XLSX): a sheet of questions with their answers, a sheet of all the passages.

Every text is stored as text: one that begins as a formula (``=``, ``+``, ``-``, ``@``) runs nothing in any program.
"""

from __future__ import annotations

import datetime
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from rag.export.sound import FORMULA, sound
from rag.export.words import Words, made, words
from rag.types import Answer, Citation

MAX_CELL = 32_767  # characters, by the format: Excel calls a file with a longer one damaged
CERTAIN = 0.99  # an estimate is never certain, as on the page
LINE = 15.0  # points
MAX_HEIGHT = 300.0  # points, of the 409 that the format allows: a row must fit on the screen
WRAPPED = Alignment(vertical="top", wrap_text=True)
TOP = Alignment(vertical="top")

Cell = str | int | float | datetime.date | None

ANSWERS = (
    ("column.number", 6), ("question", 44), ("verdict", 18), ("confidence", 14), ("answer", 64), ("column.title", 36),
    ("column.document", 28), ("column.date", 12), ("column.page", 10), ("column.paragraph", 10), ("column.quote", 80),
)  # fmt: skip
PASSAGES = (
    ("column.number", 6), ("question", 44), ("column.rank", 8), ("column.sentence", 64), ("column.title", 36),
    ("column.document", 28), ("column.date", 12), ("column.page", 10), ("column.paragraph", 10), ("column.language", 8),
    ("column.quote", 80), ("column.also", 28),
)  # fmt: skip


def sheet(answers: Sequence[tuple[str, Answer | str]], collection: str, today: datetime.date, language: str) -> bytes:
    """The workbook; of a question that could not be answered its reason stands in the answer's place.

    ``language`` is the headings' own.
    """
    said = words(language)
    book = Workbook(write_only=True)
    _fill(book.create_sheet(said["answers"]), ANSWERS, said, _answers(answers, said))
    _fill(book.create_sheet(said["passages"]), PASSAGES, said, _passages(answers))
    book.properties.title = said["batch"]
    book.properties.creator = "Snoska"
    book.properties.description = sound(made(today, collection, language))
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def _answers(answers: Iterable[tuple[str, Answer | str]], said: Words) -> Iterator[list[Cell]]:
    for number, (question, answer) in enumerate(answers, start=1):
        if isinstance(answer, str):
            yield [number, question, None, None, answer]
            continue
        row: list[Cell] = [number, question, said[answer.verdict], min(answer.confidence, CERTAIN), answer.text]
        if answer.citation is not None:
            cited = answer.citations[answer.citation - 1]
            row += [*_place(cited), cited.quote]
        yield row


def _passages(answers: Iterable[tuple[str, Answer | str]]) -> Iterator[list[Cell]]:
    for number, (question, answer) in enumerate(answers, start=1):
        for each in () if isinstance(answer, str) else answer.citations:
            sentence, copies = each.quote[slice(*each.highlight)], "\n".join(copy.document for copy in each.also_in)
            yield [number, question, each.rank, sentence, *_place(each), each.language, each.quote, copies or None]


def _place(citation: Citation) -> list[Cell]:
    return [citation.title, citation.document, _day(citation.date), citation.page, citation.paragraph]


def _day(date: str | None) -> datetime.date | str | None:
    try:
        return datetime.date.fromisoformat(date) if date else None
    except ValueError:
        return date


def _fill(page: Worksheet, columns: Sequence[tuple[str, int]], said: Words, rows: Iterable[list[Cell]]) -> None:
    for number, (_, width) in enumerate(columns):
        page.column_dimensions[chr(ord("A") + number)].width = width
    page.freeze_panes = "A2"
    page.page_setup.orientation, page.page_setup.fitToHeight = "landscape", 0
    page.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)  # its width on a printed page
    heads = [_cell(page, said[name]) for name, _ in columns]
    for head in heads:
        head.font = Font(bold=True)
    page.append(heads)
    for number, row in enumerate(rows, start=2):
        page.row_dimensions[number].height = _height(row, columns)
        page.append([_cell(page, value) for value in row])


def _height(row: Sequence[Cell], columns: Sequence[tuple[str, int]]) -> float:
    """A row's height in points: not every program finds it from the wrapped text."""
    lines = (
        sum(1 + len(line) // width for line in value.split("\n"))
        for value, (_, width) in zip(row, columns, strict=False)
        if isinstance(value, str)
    )
    return min(LINE * max(lines, default=1), MAX_HEIGHT)


def _cell(page: Worksheet, value: Cell) -> Any:
    """A cell with its value; texts as texts, whatever they begin with, cut where the format ends."""
    if not isinstance(value, str):
        cell = WriteOnlyCell(page, value)
        cell.alignment = TOP
        if isinstance(value, float):
            cell.number_format = "0%"
        return cell
    text = sound(value)
    cell = WriteOnlyCell(page, text if len(text) <= MAX_CELL else f"{text[: MAX_CELL - 1]}…")
    cell.data_type = "s"  # openpyxl takes a text that begins with = for a formula
    cell.quotePrefix = FORMULA.match(text) is not None  # so that it stays one when it is edited or saved as CSV
    cell.alignment = WRAPPED
    return cell
