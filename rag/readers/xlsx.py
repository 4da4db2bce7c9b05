"""Excel workbooks (.xlsx, .xlsm, .xltx): the values that were last computed, a row at a time, hidden sheets too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900, from_excel

from rag.errors import DocumentError
from rag.readers import archive, office, sheets
from rag.readers.office import Element, attribute, child, children, local
from rag.readers.source import Draft, Source

REFERENCE = re.compile(r"([A-Z]{1,3})([1-9]\d{0,6})")
NO_DIGITS = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\[\]]*\]')  # of a number format: literals, spacing, colours, conditions
DIGITS = re.compile(r"(?P<whole>[0#?, ]*)(?:\.(?P<fixed>0*)(?P<optional>[#?]*))?")
ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")  # a character that XML cannot hold, as Excel writes it


class Format(NamedTuple):
    """What a number format does to a number, as far as it is followed."""

    is_date: bool = False
    percent: bool = False
    decimals: int | None = None  # None: as many as there are
    optional: int = 0  # decimals that are shown only where they are not 0
    width: int = 0  # to which zeros fill an identifier such as 000123


def read(data: bytes) -> Source:
    """The workbook's rows; raises DocumentError with the reason where it cannot be read."""
    draft = Draft()
    missing: list[str] = []
    with archive.open(data) as entries:
        name, workbook = office.main_part(entries, "workbook")
        parts = office.relations(entries, name)
        kinds = dict(parts.values())
        book = _Book(
            _shared(entries, kinds.get("sharedStrings", "")),
            _formats(office.spare_part(entries, kinds.get("styles", ""), missing)),
            office.is_on_value(child(workbook, "workbookPr"), "date1904"),
        )
        for element in children(workbook, "sheets"):
            kind, target = parts.get(office.relation_id(element), ("worksheet", "such sheet"))
            if kind == "worksheet":
                try:
                    sheets.write(draft, book.sheet(entries, target, attribute(element, "name") or ""))
                except DocumentError as error:
                    missing.append(f"sheet {attribute(element, 'name')}: {error}")
        properties = office.properties(entries)
    if missing and not draft.source().blocks:
        raise DocumentError(missing[0])
    return draft.source(properties.title, properties.date, properties.language, tuple(missing))


class _Book:
    """What the sheets of a workbook share: their strings, formats and calendar, and the count of their cells."""

    def __init__(self, strings: list[sheets.Cell], formats: list[Format], mac: bool) -> None:
        self._strings = strings
        self._formats = formats
        self._epoch = CALENDAR_MAC_1904 if mac else CALENDAR_WINDOWS_1900
        self._counter = sheets.Counter()

    def sheet(self, entries: archive.Entries, part: str, name: str) -> sheets.Sheet:
        """The sheet's cells; raises DocumentError."""
        sheet = sheets.Sheet(name)
        following = 0
        for element in entries.stream(part, "row", "mergeCell"):
            if local(element) == "mergeCell":
                sheet.merges.extend(_merge(element.get("ref", "")))
                continue
            number = element.get("r", "")
            following = int(number) if number.isdecimal() and len(number) < 8 else following + 1
            row = dict(self._cells(element))
            if row:
                self._counter.add(len(row))
                sheet.rows[following - 1] = row
        sheet.rows = dict(sorted(sheet.rows.items()))
        return sheet

    def _cells(self, row: Element) -> Iterator[tuple[int, sheets.Cell]]:
        column = -1
        for cell in row:
            place = REFERENCE.fullmatch(cell.get("r", ""))
            column = _column(place[1]) if place else column + 1
            value = self._value(cell) if local(cell) == "c" else None
            if value is not None and value.text:
                yield column, value

    def _value(self, cell: Element) -> sheets.Cell | None:
        kind = cell.get("t", "n")
        if kind == "inlineStr":
            return _words(_text(child(cell, "is")))
        held = child(cell, "v")
        value = "" if held is None else (held.text or "").strip()
        if not value or kind == "e":
            return None
        if kind == "s":
            return self._strings[int(value)] if value.isdecimal() and int(value) < len(self._strings) else None
        if kind == "str":
            return _words(_unescaped(value))
        if kind == "b":
            return sheets.Cell("TRUE" if value == "1" else "FALSE", False)
        if kind == "d":
            return sheets.Cell(value.removesuffix("T00:00:00").replace("T", " "), False)
        style = cell.get("s", "")
        known = style.isdecimal() and int(style) < len(self._formats)
        return sheets.Cell(shown(value, self._formats[int(style)] if known else Format(), self._epoch), False)


def shown(value: str, form: Format, epoch: object = CALENDAR_WINDOWS_1900) -> str:
    """A number as its cell shows it, but in plain digits; a date as YYYY-MM-DD."""
    if form.is_date:
        try:
            moment = from_excel(float(value), epoch)
        except (ValueError, OverflowError, TypeError):
            return sheets.plain_number(value)
        return str(moment).removesuffix(" 00:00:00").partition(".")[0]
    if form.percent:
        try:
            value = repr(float(value) * 100)
        except ValueError:
            return value
    text = sheets.plain_number(value, form.decimals)
    if form.optional and "." in text:
        kept = len(text) - form.optional
        text = (text[:kept] + text[kept:].rstrip("0")).rstrip(".")
    return text.zfill(form.width) + ("%" if form.percent else "")


@lru_cache(maxsize=1000)
def number_format(code: str) -> Format:
    """What a format's code, such as ``# ##0.00`` or ``DD.MM.YYYY``, does to a number above 0."""
    if is_date_format(code):
        return Format(is_date=True)
    digits = NO_DIGITS.sub("", code).partition(";")[0]
    match = next((match for match in DIGITS.finditer(digits) if match[0].strip()), None)
    if match is None or "E" in digits.upper() or match["whole"].rstrip(" ").endswith(","):
        return Format(percent="%" in digits)
    fixed, optional = len(match["fixed"] or ""), len(match["optional"] or "")
    zeros = match["whole"].strip()
    width = len(zeros) if len(zeros) > 1 and set(zeros) == {"0"} and not fixed + optional else 0
    return Format(False, "%" in digits, fixed + optional, optional, width)


def _formats(styles: Element | None) -> list[Format]:
    """The formats of cells by their style's number."""
    if styles is None:
        return []
    codes = dict(BUILTIN_FORMATS)
    for each in children(styles, "numFmts"):
        number = each.get("numFmtId", "")
        if number.isdecimal():
            codes[int(number)] = each.get("formatCode", "")
    numbers = (each.get("numFmtId", "") for each in children(styles, "cellXfs"))
    return [number_format(codes.get(int(number), "General") if number.isdecimal() else "General") for number in numbers]


def _shared(entries: archive.Entries, part: str) -> list[sheets.Cell]:
    """The strings that cells refer to by number, as cells."""
    return [_words(_text(each)) for each in entries.stream(part, "si")] if part in entries else []


def _text(element: Element | None) -> str:
    """A rich string's text, without the reading aids of East Asian ones."""
    pieces: list[str] = []
    for each in children(element):
        if local(each) == "t":
            pieces.append(each.text or "")
        elif local(each) == "r":
            pieces.extend(run.text or "" for run in each if local(run) == "t")
    return _unescaped("".join(pieces))


def _unescaped(text: str) -> str:
    return ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


def _words(text: str) -> sheets.Cell:
    return sheets.Cell(" ".join(office.cleaned(text).split()), True)


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _merge(reference: str) -> Iterator[sheets.Merge]:
    first, _, last = reference.partition(":")
    start, end = REFERENCE.fullmatch(first), REFERENCE.fullmatch(last)
    if start and end:
        yield sheets.Merge(int(start[2]) - 1, _column(start[1]), int(end[2]) - 1, _column(end[1]))
