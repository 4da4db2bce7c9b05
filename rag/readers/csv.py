"""Tables as text (.csv, .tsv): each row with its columns' names."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterator

from rag.readers import office, sheets
from rag.readers.encodings import decode
from rag.readers.source import Draft, Source

DELIMITERS = ";\t,|"  # a comma also stands within numbers and prose, so that others go first where they do as well
SAMPLE = 50  # records; enough to tell the delimiter by
MAX_LINES = 1000  # of a record; more come of a quotation mark that is never closed
HINT = re.compile(r"sep=(.)\r?\n")  # Excel's own way to say it
NUMBER = re.compile(r"[-+−]?(?=[\s.,'%]*+\d)[\d\s.,'%]++")
DAY = re.compile(r"\d{4}-\d\d-\d\d|\d{1,2}[./]\d{1,2}[./]\d{2,4}")


def read(data: bytes) -> Source:
    """The table's rows; raises DocumentError with the reason where they cannot be read."""
    decoded = decode(data)
    text = decoded.text
    hint = HINT.match(text)
    if hint:
        text = text[hint.end() :]
    sheet = sheets.Sheet("")
    counter = sheets.Counter()
    for number, record in enumerate(_records(text, hint[1] if hint else _delimiter(text))):
        row = {column: _cell(value) for column, value in enumerate(record) if value.strip()}
        if row:
            counter.add(len(row))
            sheet.rows[number] = row
    draft = Draft()
    sheets.write(draft, sheet)
    return draft.source(missing=decoded.missing)


def _delimiter(text: str) -> str:
    """The character that cuts the most records into the same number of cells."""
    best, most = ",", 0
    for delimiter in DELIMITERS:
        records = itertools.islice(_records(text, delimiter), SAMPLE)
        widths = Counter(len(record) for record in records if len(record) > 1)
        agreeing = max(widths.values(), default=0)
        if agreeing > most:
            best, most = delimiter, agreeing
    return best


def _records(text: str, delimiter: str) -> Iterator[list[str]]:
    """The table's records; a line whose quotation mark is not closed stands by itself, as it is."""
    lines = io.StringIO(text, newline="").readlines()  # as the csv module wants it: a cell may hold any line ends
    start = 0
    while start < len(lines):
        reader = csv.reader(itertools.islice(lines, start, None), delimiter=delimiter)
        done = 0
        try:
            for record in reader:
                if reader.line_num - done > MAX_LINES:
                    break
                done = reader.line_num
                yield record
        except csv.Error:  # a cell of more than 131,072 characters, the module's own limit
            pass
        start += done
        if start < len(lines):
            yield lines[start].rstrip("\r\n").split(delimiter)
            start += 1


def _cell(value: str) -> sheets.Cell:
    text = " ".join(office.cleaned(value).split())
    return sheets.Cell(text, not (NUMBER.fullmatch(text) or DAY.fullmatch(text)))
