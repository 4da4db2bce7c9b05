"""Old Excel workbooks (.xls), and newer ones named so: the values that were last computed, hidden sheets too."""

from __future__ import annotations

import io

import xlrd
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900

from rag.errors import DocumentError
from rag.readers import archive, office, sheets, xlsx
from rag.readers.source import Draft, Source

DAMAGED = "the file is damaged: open it in a spreadsheet program and save it as .xlsx"
WORKBOOKS = tuple(f"{name}\0".encode("utf-16-le") for name in ("Workbook", "Book"))  # the streams that hold one


def read(data: bytes) -> Source:
    """The workbook's rows; raises DocumentError with the reason where it cannot be read."""
    if data.startswith(b"PK"):
        return xlsx.read(data)
    if not data.startswith(archive.OLE) or not any(name in data for name in WORKBOOKS):
        raise DocumentError(archive.other_kind(data))
    draft = Draft()
    try:
        book = xlrd.open_workbook(file_contents=data, logfile=io.StringIO(), formatting_info=True, on_demand=True)
        counter = sheets.Counter()
        for number in range(book.nsheets):
            sheets.write(draft, _sheet(book, book.sheet_by_index(number), counter))
            book.unload_sheet(number)
    except DocumentError:
        raise
    except Exception as error:  # xlrd meets damage with whatever its code runs into
        raise DocumentError(archive.PASSWORD if "encrypted" in str(error) else DAMAGED) from error
    return draft.source()


def _sheet(book: xlrd.book.Book, held: xlrd.sheet.Sheet, counter: sheets.Counter) -> sheets.Sheet:
    sheet = sheets.Sheet(held.name)
    sheet.merges = [sheets.Merge(top, left, below - 1, right - 1) for top, below, left, right in held.merged_cells]
    for number in range(held.nrows):
        cells = ((column, _cell(book, cell)) for column, cell in enumerate(held.row(number)))
        row = {column: cell for column, cell in cells if cell is not None and cell.text}
        if row:
            counter.add(len(row))
            sheet.rows[number] = row
    return sheet


def _cell(book: xlrd.book.Book, cell: xlrd.sheet.Cell) -> sheets.Cell | None:
    if cell.ctype == xlrd.XL_CELL_TEXT:
        return sheets.Cell(" ".join(office.cleaned(cell.value).split()), True)
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return sheets.Cell("TRUE" if cell.value else "FALSE", False)
    if cell.ctype in (xlrd.XL_CELL_NUMBER, xlrd.XL_CELL_DATE):
        code = book.format_map[book.xf_list[cell.xf_index].format_key].format_str
        epoch = CALENDAR_MAC_1904 if book.datemode else CALENDAR_WINDOWS_1900
        return sheets.Cell(xlsx.shown(repr(cell.value), xlsx.number_format(code), epoch), False)
    return None
