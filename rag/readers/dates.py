"""Dates as people write them in Russian, English and Kazakh, and which of them is a document's own.

A document's own date stands at its head: on a line of its own, perhaps with the place or the number
(«Астана, 25 ноября 2025 года», «от 25 ноября 2025 г. № 123»), or in the title or the opening of the text. What is
told of later, what another document is cited by and what is long past are other dates.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rag.types import Block

SOFT = "(?:[ьею]|ём|ем|я)"  # the endings of январь and its like
HARD = "(?:а|е|у|ом)?"
MONTHS = (
    rf"январ{SOFT}|янв|қаңтар\w*|january|jan",
    rf"феврал{SOFT}|февр?|ақпан\w*|february|feb",
    rf"март{HARD}|мар|наурыз\w*|march|mar",
    rf"апрел{SOFT}|апр|сәуір\w*|april|apr",
    r"ма[йяею]|маем|мамыр\w*|may",
    rf"июн{SOFT}|маусым\w*|june|jun",
    rf"июл{SOFT}|шілде\w*|july|jul",
    rf"август{HARD}|авг|тамыз\w*|august|aug",
    rf"сентябр{SOFT}|сент?|қыркүйек\w*|қыркүйег\w*|september|sept?",
    rf"октябр{SOFT}|окт|қазан\w*|october|oct",
    rf"ноябр{SOFT}|нояб?|қараша\w*|november|nov",
    rf"декабр{SOFT}|дек|желтоқсан\w*|december|dec",
)
MONTH = "(?:" + "|".join(MONTHS) + r")\b\.?"
DAY = r"(?:[«\"“„]\s?)?(?<!\d)(?P<{0}>\d{{1,2}})(?:st|nd|rd|th|-?го|-?е)?(?:\s?[»\"”“])?"
YEAR = r"(?P<{0}>(?:19|20)\d\d)(?!\d|-\d)"
SPACE = r"[^\S\n]{1,3}"
IN_YEAR = r"(?:[^\S\n]?(?:года|году|год|г|жыл(?:ы|ғы)?|ж)\b\.?)?"
WRITTEN = re.compile(
    r"(?<![\d.:/-])(?:"
    r"(?P<y1>(?:19|20)\d\d)-(?P<m1>\d\d)-(?P<d1>\d\d)(?!\d|-\d)"
    rf"|(?P<d2>\d{{1,2}})\.(?P<m2>\d{{1,2}})\.{YEAR.format('y2')}(?!\.\d){IN_YEAR}"
    rf"|(?<![–—]){DAY.format('d3')}{SPACE}(?:of{SPACE})?(?P<m3>{MONTH}),?{SPACE}{YEAR.format('y3')}{IN_YEAR}"
    rf"|(?P<m4>\b{MONTH}){SPACE}(?P<d4>\d{{1,2}})(?:st|nd|rd|th)?,?{SPACE}{YEAR.format('y4')}"
    rf"|{YEAR.format('y5')}{SPACE}(?:жыл(?:ғы|дың)?|ж\.){SPACE}(?P<d5>\d{{1,2}}){SPACE}(?P<m5>{MONTH})"
    r")",
    re.IGNORECASE,
)
MONTH_NUMBERS = [re.compile(names + r"\b", re.IGNORECASE) for names in (f"(?:{month})" for month in MONTHS)]
IN_NAME = re.compile(
    r"(?<![^\W_])(?:(?P<y>(?:19|20)\d\d)(?P<s>[-_. ]?)(?P<m>\d\d)(?P=s)(?P<d>\d\d)"
    r"|(?P<dd>\d\d)(?P<t>[-_. ])(?P<mm>\d\d)(?P=t)(?P<yy>(?:19|20)\d\d))(?![^\W_])"
)
# What may stand on a line beside a date and leave it a date line: a place, a number, a time, a label.
# Words are possessive: taken apart in every way, a line of hyphens would cost half a second.
NAME = r"[A-ZА-ЯЁӘҒҚҢӨҰҮҺІ][\w.-]++(?: [\w.-]++){0,2}"
TOWN = rf"(?:г|гор|город|с|пос)\b\.?\s?{NAME}|{NAME},|{NAME}\s+(?:қ\.|қаласы,?)"
LABEL = (
    r"(?i:(?:от|дата(?: публикации)?|опубликовано|публикация|обновлено|date|dated|published(?: on)?|posted(?: on)?"
    r"|updated(?: on)?|жарияланған күні)\b)"
)
NUMBER = r"(?:№|N|No\.?)\s?[\w/–-]++"
TIME = r"(?:(?:в|at)\s)?\d\d?[:.]\d\d(?:[:.]\d\d)?"
BESIDE = re.compile(
    rf"\W*(?:(?:{TOWN})\W*)?(?:{NUMBER}\s+)?(?:{LABEL}\W*)?\0[\s,;|()–—-]*(?:{NUMBER}\W*)?(?:{TIME}\W*)?"
    rf"(?:(?:г\.|қ\.)?\s?{NAME})?\W*"
)
HEAD_BLOCKS, HEAD_LENGTH = 4, 500  # a title, a label or two, and the opening
LINE_LENGTH = 100  # characters; a longer line is a sentence
# Before a date, these say that it is another document's, an end of a span of time, or the day that somebody was born.
OF = frozenset(("от", "dated", "of"))
SPAN = frozenset(("с", "со", "до", "по", "к", "на", "since", "until", "till", "by", "before", "after", "from", "to"))
LIFE = re.compile(r"\b(?:рожд|родил|основан|born|founded|established)\w*$", re.IGNORECASE)
# «Приказ министра от 25 ноября 2025 года» is of that day, «О внесении изменений в приказ от …» is not.
OWN = re.compile(
    r"\W*(?:приказ|постановлени|распоряжени|указ|решени|протокол|закон|письм|справк|отч[её]т|доклад|пресс-релиз"
    r"|order|decree|decision|minutes|resolution|letter|act|law|report|memorandum|press release|бұйры|қаулы|жарлы)",
    re.IGNORECASE,
)
MAX_READ = 200_000  # characters in which later dates are looked for, some 80 pages
LATER = 366  # days; a text that tells of a date so much later was not written on the earlier one


class Written(NamedTuple):
    """A date and the characters of the text that write it; ``date`` is ISO 8601."""

    start: int
    end: int
    date: str


def written(text: str, start: int = 0, end: int | None = None) -> Iterator[Written]:
    """The dates that exist in ``text[start:end]``, in order, of the years 1900 to 2099."""
    for match in WRITTEN.finditer(text, start, len(text) if end is None else end):
        number = next(number for number in "12345" if match[f"y{number}"])
        day, month, year = match[f"d{number}"], match[f"m{number}"], match[f"y{number}"]
        if date := _existing(year, month if month.isdigit() else str(_month(month)), day):
            yield Written(match.start(), match.end(), date)


def stated(value: str | None) -> str | None:
    """The date in a value that is meant as one: ``2025-11-25T10:00``, ``25.11.2025``, ``Tue, 25 Nov 2025``."""
    value = (value or "").strip()[:LINE_LENGTH]
    if match := re.match(r"(\d{4})-?(\d\d)-?(\d\d)(?!\d)", value):
        return _existing(*match.groups())
    return next((each.date for each in written(value)), None)


def in_name(path: str) -> str | None:
    """The date in a file's name: 2025-11-25, 20251125, 25.11.2025."""
    for match in IN_NAME.finditer(path.rsplit("/", 1)[-1]):
        found = _existing(match["y"] or match["yy"], match["m"] or match["mm"], match["d"] or match["dd"])
        if found:
            return found
    return None


def is_date_line(line: str) -> bool:
    """Whether a line is a date, with no more than a place, a number, a time or a label beside it."""
    return _line_date(line) is not None


def on_own_line(text: str, blocks: Sequence[Block]) -> str | None:
    """The date that stands on a line of its own in the document's head."""
    for block in _head(blocks):
        for line in text[block.start : block.end].split("\n"):
            if date := _line_date(line):
                return date
    return None


def in_opening(text: str, blocks: Sequence[Block]) -> str | None:
    """The earliest date in the document's head, unless it is another document's or the text tells of a later one."""
    for block in _head(blocks):
        for found in written(text, block.start, min(block.end, blocks[0].start + HEAD_LENGTH)):
            if _is_others(text, block, found):
                continue
            latest = max(each.date for each in written(text, end=MAX_READ))
            return found.date if _days(latest) - _days(found.date) <= LATER else None
    return None


def _is_others(text: str, block: Block, found: Written) -> bool:
    """Whether the date is another document's, an end of a span of time, or a person's."""
    before = text[block.start : found.start].rstrip()
    word = before.rsplit(None, 1)[-1].casefold() if before else ""
    if word in OF and OWN.match(before):
        return False
    return word in OF | SPAN or LIFE.search(before, max(0, len(before) - 20)) is not None


def _head(blocks: Sequence[Block]) -> Iterator[Block]:
    return (block for block in blocks[:HEAD_BLOCKS] if block.start - blocks[0].start < HEAD_LENGTH)


def _line_date(line: str) -> str | None:
    line = line.strip()
    if len(line) > LINE_LENGTH:
        return None
    for found in written(line):
        if BESIDE.fullmatch(line[: found.start] + "\0" + line[found.end :]):
            return found.date
    return None


def _existing(year: str, month: str, day: str) -> str | None:
    try:
        return datetime.date(int(year), int(month), int(day)).isoformat() if 1900 <= int(year) <= 2100 else None
    except ValueError:
        return None


def _month(name: str) -> int:
    return next((number for number, names in enumerate(MONTH_NUMBERS, start=1) if names.match(name)), 0)


def _days(date: str) -> int:
    return datetime.date.fromisoformat(date).toordinal()
