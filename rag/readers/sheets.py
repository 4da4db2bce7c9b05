"""What the formats of sheets share: a row becomes ``Column: value; Column: value``, the names from the header row."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import NamedTuple

from rag.errors import DocumentError
from rag.readers.source import CELL_GAP, Draft

MAX_CELLS = 1_000_000  # of a file; they take some 400 MB while it is read, and a reader has 1 GB
MAX_ROWS = 300_000  # of a file; each is a block of its own
MAX_TEXT = 30_000_000  # characters of a file's rows; cells refer to one long text as often as they like
HEADER_REACH = 30  # rows; a title and notes stand above a header, not pages of them
HEADER_ROWS = 3  # below the first, where names stand under a wide one
HEADER_SHARE = 0.7  # of a header's cells that are labels; a row of data has more numbers than that
MAX_NAME = 120  # characters; a longer cell is prose, and no column's name
LABEL = re.compile(r"(?:19|20)\d\d|\d{4}-\d\d-\d\d")  # the years and days that head columns; one alone heads none
MAX_DIGITS = 15  # that a double holds exactly; what follows them is rounding
MAX_EXPONENT = 21  # larger numbers are left as 1E+30


class Cell(NamedTuple):
    """What a cell shows, and whether that is words and no number or date."""

    text: str
    is_words: bool


Row = dict[int, Cell]  # column, from 0 -> what is there


class Merge(NamedTuple):
    """Cells shown as one, rows and columns counted from 0, both ends inclusive."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(slots=True)
class Sheet:
    """A sheet's cells that are not empty: row, from 0, in order -> its cells."""

    name: str
    rows: dict[int, Row] = field(default_factory=dict)
    merges: list[Merge] = field(default_factory=list)


class Counter:
    """Raises DocumentError once a file has more cells or rows than can be read."""

    def __init__(self) -> None:
        self._cells = self._rows = 0

    def add(self, cells: int) -> None:
        """Counts a row of so many cells, before it is kept."""
        self.check(cells)
        self._cells += cells
        self._rows += 1

    def check(self, cells: int) -> None:
        """Raises DocumentError where one more row of so many cells would be too much."""
        if self._cells + cells > MAX_CELLS or self._rows >= MAX_ROWS:
            raise DocumentError(f"more than {MAX_ROWS:,} rows or {MAX_CELLS:,} cells: split the table")


def write(draft: Draft, sheet: Sheet) -> None:
    """Appends the sheet's name, where it has one, and its rows; the header stands in each row and not by itself. Raises
    DocumentError, no row appended, where they would make the text longer than can be read.
    """
    if not sheet.rows:
        return
    _fill_down(sheet)
    banners = {merge.top for merge in sheet.merges if merge.right > merge.left}
    header = _header(sheet)
    names = _joined([_spread(sheet, number) for number in header])
    written = (len(names.get(column, "")) + len(row[column].text) for row in sheet.rows.values() for column in row)
    if draft.length + sum(written) > MAX_TEXT:
        raise DocumentError(f"more than {MAX_TEXT:,} characters: split the table")
    draft.add(sheet.name, "heading")
    for number, row in sheet.rows.items():
        cells = [(names.get(column), row[column].text) for column in sorted(row)]
        if not header or number < header[0] or (len(cells) == 1 and number in banners):
            draft.add(CELL_GAP.join(text for _, text in cells), "row" if len(cells) > 1 else "paragraph")
        elif number > header[-1]:
            draft.add("; ".join(f"{name}: {text}" if name else text for name, text in cells), "row")


def _fill_down(sheet: Sheet) -> None:
    """Says a value that stands beside several rows in each of them."""
    for merge in sheet.merges:
        cell = sheet.rows.get(merge.top, {}).get(merge.left)
        below = range(merge.top + 1, merge.bottom + 1)
        if cell is not None and len(below) <= len(sheet.rows):
            for number in below:
                if number in sheet.rows:
                    sheet.rows[number] = dict(sorted({merge.left: cell, **sheet.rows[number]}.items()))


def _header(sheet: Sheet) -> list[int]:
    """The numbers of the rows that name the columns; none where no row does."""
    numbers = list(sheet.rows)
    spread = {number: _spread(sheet, number) for number in numbers[:HEADER_REACH]}
    widest = max(map(len, spread.values()))
    wide = (number for number, row in spread.items() if len(set(row.values())) > 1 and 2 * len(row) >= widest)
    top = next(wide, None)
    if top is None or not _is_header(sheet.rows[top]):
        return []
    below = numbers[numbers.index(top) + 1 :][:HEADER_ROWS]
    merges = [merge for merge in sheet.merges if merge.top == top]
    bottom = max((merge.bottom for merge in merges), default=top)
    if bottom == top and below and any(m.right > m.left for m in merges) and _is_header(sheet.rows[below[0]]):
        bottom = below[0]  # names stand under a wide one
    header = [top, *(number for number in below if number <= bottom)]
    return header if header[-1] < numbers[-1] else []


def _is_header(row: Row) -> bool:
    words = sum(1 for cell in row.values() if cell.is_words)
    labels = sum(1 for cell in row.values() if not cell.is_words and LABEL.fullmatch(cell.text))
    named = words + (labels if labels > 1 else 0)
    return words > 0 and named >= HEADER_SHARE * len(row) and all(len(cell.text) <= MAX_NAME for cell in row.values())


def _spread(sheet: Sheet, number: int) -> dict[int, str]:
    """A row's texts, those of wide cells in each column that they stand over."""
    row = {column: cell.text for column, cell in sheet.rows[number].items()}
    for merge in sheet.merges:
        if merge.top == number and merge.left in row and merge.right - merge.left < len(sheet.rows) + HEADER_REACH:
            row |= dict.fromkeys(range(merge.left, merge.right + 1), row[merge.left])
    return row


def _joined(rows: list[dict[int, str]]) -> dict[int, str]:
    """The columns' names from the header's rows, from the top down, each text once."""
    names: dict[int, list[str]] = {}
    for row in rows:
        for column, text in row.items():
            if text not in names.setdefault(column, []):
                names[column].append(text)
    return {column: " ".join(texts).rstrip(" :") for column, texts in names.items()}


def plain_number(value: str, decimals: int | None = None) -> str:
    """A number in plain digits, rounded to ``decimals`` where they are given; itself where it is no number."""
    try:
        number = Decimal(value)
        if not number.is_finite() or abs(number.adjusted()) > MAX_EXPONENT:
            return value
        if len(number.as_tuple().digits) > MAX_DIGITS:
            number = Decimal(f"{number:.{MAX_DIGITS}g}")
        if decimals is not None:
            return f"{number.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP):f}"
    except InvalidOperation:
        return value
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def number_as_shown(value: str, shown: str) -> str:
    """The number with as many decimals as it is shown with, in plain digits, whatever marks stand between them."""
    digits = re.sub(r"\D", "", shown)
    if shown and not digits:
        return shown  # TRUE, or whatever the format says instead of the number
    if shown.isdecimal() and shown.lstrip("0") == plain_number(value):
        return shown  # an identifier filled with zeros
    for decimals in range(MAX_DIGITS):
        rounded = plain_number(value, decimals)
        if re.sub(r"\D", "", rounded) == digits:
            return rounded
    return plain_number(value)
