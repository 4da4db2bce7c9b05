"""Rows of a file that a person wrote: JSON Lines, CSV or XLSX, each with the line it begins on, from 1.

A row that cannot be read is there all the same: an object with the key ``error``, or a single cell, that holds an
:class:`Unusable`.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from rag.errors import EvaluationError

MAX_BYTES = 256 * 2**20  # a questions file is written by people; one larger than this is another file

MAX_COLUMNS = 100  # of a workbook: one cell far to the right makes the row as long as that
MAX_ROWS = 100_000  # of a workbook; a false number of a row would bring as many empty ones with it
MAX_CELLS = 2_000_000  # of a workbook: some 20,000 rows with all columns, or 300,000 with those that are known
# What openpyxl raises where a workbook is none.
UNREADABLE = (
    ArithmeticError, AttributeError, LookupError, OSError, EOFError, RuntimeError, SyntaxError, TypeError, ValueError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip

Row = tuple[int, Mapping[str, Any]]  # its line, and its cells by name
Cells = tuple[int, list[Any]]  # its line, and its cells in order


class Unusable(Exception):
    """A row that cannot be used; the message says why."""


def json_value(text: str, what: str) -> Any:
    """JSON's value; raises Unusable that names ``what`` the text is."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else type(error).__name__
        raise Unusable(f"{what} is not JSON ({reason})") from error


def json_lines(data: bytes) -> Iterator[Row]:
    """The objects of a JSON Lines file, empty lines passed over."""
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if line.strip():
            yield number, _object(line)


def _object(line: bytes) -> Mapping[str, Any]:
    try:
        value = json_value(line.decode("utf-8"), "the line")
    except UnicodeDecodeError as error:
        return {"error": Unusable(f"the line is not UTF-8 (byte {error.start + 1})")}
    except Unusable as error:
        return {"error": error}
    return value if isinstance(value, dict) else {"error": Unusable("the line is not a JSON object")}


def csv_cells(data: bytes) -> Iterator[Cells]:
    """The rows of a CSV file, whatever separates its cells; also ``;`` and tabs."""
    text = decoded(data)
    header = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)  # a Russian spreadsheet separates by semicolons
    csv.field_size_limit(MAX_BYTES)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    yield from _numbered(reader)


def _numbered(reader: Any) -> Iterator[Cells]:
    """Each row with the line it begins on; a cell may run over several lines."""
    while True:
        line = reader.line_num + 1
        try:
            yield line, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, [Unusable(f"the line is not CSV ({error})")]


def decoded(data: bytes) -> str:
    """The text of a file by a spreadsheet or an editor: UTF-8, UTF-16 or windows-1251."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1251", "replace")  # what a Russian spreadsheet writes


def xlsx_cells(data: bytes, name: str) -> Iterator[Cells]:
    """The rows of a workbook's first sheet; raises EvaluationError where it cannot be read."""
    import openpyxl  # lazily: only here

    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # a stated size may be false
        filled, cells = [], 0
        for line, row in enumerate(sheet.iter_rows(max_col=MAX_COLUMNS, values_only=True), start=1):
            if any(cell is not None for cell in row):
                filled.append((line, list(row)))
                cells += len(row)
            if cells > MAX_CELLS or line > MAX_ROWS:
                raise EvaluationError(f"{name} has too many rows or cells: leave only the questions in it")
    except UNREADABLE as error:
        raise EvaluationError(f"{name} is not a readable XLSX workbook: save it again, or as CSV") from error
    yield from filled


def text_of(row: Mapping[str, Any], name: str) -> str:
    """A cell as text without spaces around it; numbers as they are written."""
    value = row.get(name)
    if isinstance(value, list | dict | bool):
        raise Unusable(f"{name!r} is {json.dumps(value, ensure_ascii=False)[:60]}, not a text")
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # a spreadsheet keeps the id 7 as 7.0
    return "" if value is None else str(value).encode("utf-8", "replace").decode("utf-8").strip()
