"""Tables as text (.csv, .tsv): each row with its columns' names."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterable

from rag.errors import DocumentError
from rag.readers import office, sheets
from rag.readers.source import Draft, Source, decode

DELIMITERS = ";\t,|"  # a comma also stands within numbers and prose, so that others go first where they do as well
SAMPLE = 50  # records; enough to tell the delimiter by
HINT = re.compile(r"sep=(.)\r?\n")  # Excel's own way to say it
NUMBER = re.compile(r"[-+−]?[\d\s.,'%]*\d[\d\s.,'%]*")
DAY = re.compile(r"\d{4}-\d\d-\d\d|\d{1,2}[./]\d{1,2}[./]\d{2,4}")


def read(data: bytes) -> Source:
    """The table's rows; raises DocumentError with the reason where they cannot be read."""
    text = decode(data)
    hint = HINT.match(text)
    delimiter = hint[1] if hint else _delimiter(text)
    sheet = sheets.Sheet("")
    counter = sheets.Counter()
    try:
        for number, record in enumerate(csv.reader(_lines(text[hint.end() :] if hint else text), delimiter=delimiter)):
            row = {column: _cell(value) for column, value in enumerate(record) if value.strip()}
            if row:
                counter.add(len(row))
                sheet.rows[number] = row
    except csv.Error as error:
        raise DocumentError("a cell is far too long: close its quotation mark, or save the table again") from error
    draft = Draft()
    sheets.write(draft, sheet)
    return draft.source()


def _delimiter(text: str) -> str:
    """The character that cuts the most records into the same number of cells."""
    best, most = ",", 0
    for delimiter in DELIMITERS:
        try:
            records = list(itertools.islice(csv.reader(_lines(text), delimiter=delimiter), SAMPLE))
        except csv.Error:
            continue
        widths = Counter(len(record) for record in records if len(record) > 1)
        agreeing = max(widths.values(), default=0)
        if agreeing > most:
            best, most = delimiter, agreeing
    return best


def _lines(text: str) -> Iterable[str]:
    return io.StringIO(text, newline="")  # as the csv module wants it: a cell may hold line ends of any kind


def _cell(value: str) -> sheets.Cell:
    text = " ".join(office.cleaned(value).split())
    return sheets.Cell(text, not (NUMBER.fullmatch(text) or DAY.fullmatch(text)))
