"""Numbers and dates in a sentence, each in a form that is the same in Russian and English.

``1 700``, ``1,700`` and ``1700`` are one number, ``0,5 млн`` and ``500 thousand`` too, and so are ``five`` and 5;
``25.11.2025`` says the same as ``November 25, 2025``. The word for one is no number: it is too often an article.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from rag.readers.dates import MONTH_NUMBERS, written

Value = Decimal | str  # a number; or "month 11", "day of the week 2", "3.2.1"


class Fact(NamedTuple):
    """What a text states: ``text[start:end]`` writes it, and may be read as any of ``readings``."""

    start: int
    end: int
    readings: frozenset[Value]


_MAGNITUDES = (
    (r"тыс(?:яч\w*)?|thousands?|мың", 10**3),
    (r"млн|миллион\w*|millions?|mln", 10**6),
    (r"млрд|миллиард\w*|billions?|bn", 10**9),
    (r"трлн|триллион\w*|trillions?", 10**12),
)
_SCALE = re.compile("|".join(f"(?P<s{zeros}>{words})" for words, zeros in _MAGNITUDES), re.IGNORECASE)
_SPACE = "[ \u00a0\u202f\u2009]"
_NUMBER = re.compile(
    rf"(?<![\w.,])(?P<grouped>\d{{1,3}}(?:{_SPACE}\d{{3}})+(?:[.,]\d+)?(?!{_SPACE}?\d)"  # 1 700; 1 700,5
    r"|\d+(?:[.,'’]\d+)*)"
    rf"(?:{_SPACE}?(?P<scale>{'|'.join(words for words, _ in _MAGNITUDES)})\b\.?)?",
    re.IGNORECASE,
)
_THOUSANDS = re.compile(r"\d{1,3}(?:([.,'’])\d{3})(?:\1\d{3})*")

_TEN = "ь|и|ью"
_NUMERALS = (
    (r"two|дв(?:а|е|ух|ум|умя)|двое|екі", 2),
    (r"three|тр(?:и|[её]х|[её]м|емя)|трое|үш", 3),
    (r"four|четыр(?:е|[её]х|[её]м|ьмя)|төрт", 4),
    (rf"five|пят(?:{_TEN})|бес", 5),
    (rf"six|шест(?:{_TEN})|алты", 6),
    (r"seven|семь|семи|жеті", 7),
    (r"eight|восемь(?:ю)?|восьми|сегіз", 8),
    (rf"nine|девят(?:{_TEN})|тоғыз", 9),
    (rf"ten|десят(?:{_TEN})", 10),
    (rf"eleven|одиннадцат(?:{_TEN})", 11),
    (rf"twelve|двенадцат(?:{_TEN})", 12),
    (rf"thirteen|тринадцат(?:{_TEN})", 13),
    (rf"fourteen|четырнадцат(?:{_TEN})", 14),
    (rf"fifteen|пятнадцат(?:{_TEN})", 15),
    (rf"sixteen|шестнадцат(?:{_TEN})", 16),
    (rf"seventeen|семнадцат(?:{_TEN})", 17),
    (rf"eighteen|восемнадцат(?:{_TEN})", 18),
    (rf"nineteen|девятнадцат(?:{_TEN})", 19),
    (rf"twenty|двадцат(?:{_TEN})", 20),
    (rf"thirty|тридцат(?:{_TEN})", 30),
    (r"forty|сорока?", 40),
    (r"fifty|пятьдесят|пятидесяти", 50),
    (r"sixty|шестьдесят|шестидесяти", 60),
    (r"seventy|семьдесят|семидесяти", 70),
    (r"eighty|восемьдесят|восьмидесяти", 80),
    (r"ninety|девяност[оа]", 90),
    (r"hundred|сто", 100),
    (r"двести|двухсот", 200),
    (r"триста|тр[её]хсот", 300),
    (r"четыреста|четыр[её]хсот", 400),
    (r"пятьсот|пятисот", 500),
    (r"шестьсот|шестисот", 600),
    (r"семьсот|семисот", 700),
    (r"восемьсот|восьмисот", 800),
    (r"девятьсот|девятисот", 900),
    (r"thousands?|тысяч[аиу]?", 1000),
    (r"million|миллион(?:а|ов)?", 10**6),
    (r"billion|миллиард(?:а|ов)?", 10**9),
)
_NUMERAL = "|".join(words for words, _ in _NUMERALS)
_ORDINAL = "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth"
_WORDS = re.compile(
    rf"\b(?:{_NUMERAL})(?:(?:[\s-]|(?<=hundred|housand)\sand\s)(?:{_NUMERAL}))*\b(?![\s-](?:{_ORDINAL})\b)",
    re.IGNORECASE,
)
_VALUES = [(re.compile(words, re.IGNORECASE), value) for words, value in _NUMERALS]

_WEEK = (
    r"monday|понедельник\w*", r"tuesday|вторник\w*", r"wednesday|сред[уаые]", r"thursday|четверг\w*",
    r"friday|пятниц\w*", r"saturday|суббот\w*", r"sunday|воскресень\w*",
)  # fmt: skip
_WEEKDAYS = [re.compile(rf"\b(?:{names})\b", re.IGNORECASE) for names in _WEEK]
# These are months only beside a day, where they are read with it: «Сен-Жак». So are "may" and "march" in small letters.
_SHORT = re.compile(r"(?:янв|фев|мар|апр|авг|сен|окт|ноя|дек|jan|feb|mar|apr|jun|jul|aug|sep|oct|nov|dec)\w?\.?")
_ROMAN = re.compile(r"\b(?=[IVXLCDM]+\b)M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})\b")
_ROMAN_DIGITS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def facts(text: str) -> list[Fact]:
    """The numbers and dates that the text states, in the order in which they stand."""
    found = list(_dates(text))
    text = _without(text, found)
    months = list(_named(text))
    text = _without(text, months)
    numbers = list(_numbers(text))
    return sorted([*found, *months, *numbers, *_in_words(_without(text, numbers))])


def values(text: str) -> frozenset[Value]:
    """Everything that the text's numbers and dates may be read as, Roman ones too: «XVIII век» is the 18th century."""
    return frozenset[Value]().union(
        *(fact.readings for fact in facts(text)), map(_roman, filter(None, _ROMAN.findall(text)))
    )


def _roman(digits: str) -> Decimal:
    each = [_ROMAN_DIGITS[digit] for digit in digits]
    return Decimal(sum(-a if a < b else a for a, b in zip(each, [*each[1:], 0], strict=True)))


def _dates(text: str) -> Iterator[Fact]:
    """A date says its day, its month and its year."""
    for start, end, date in written(text):
        year, month, day = map(int, date.split("-"))
        for reading in (Decimal(day), f"month {month}", Decimal(year)):
            yield Fact(start, end, frozenset([reading]))


def _named(text: str) -> Iterator[Fact]:
    for number, names in enumerate(MONTH_NUMBERS, start=1):
        for match in re.finditer(rf"\b{names.pattern}", text, re.IGNORECASE):
            if match[0] not in ("may", "march") and not _SHORT.fullmatch(match[0].casefold()):
                yield Fact(match.start(), match.end(), frozenset([f"month {number}"]))
    for number, names in enumerate(_WEEKDAYS, start=1):
        for match in names.finditer(text):
            yield Fact(match.start(), match.end(), frozenset([f"day of the week {number}"]))


def _numbers(text: str) -> Iterator[Fact]:
    for match in _NUMBER.finditer(text):
        scale = Decimal(_scale(match["scale"]))
        readings = (each * scale if isinstance(each, Decimal) else each for each in _readings(match["grouped"]))
        yield Fact(match.start(), match.end(), frozenset(readings))


def _readings(digits: str) -> Iterator[Value]:
    """``1,700`` is 1700 in English and 1.7 in Russian: both."""
    digits = re.sub(_SPACE, "", digits)
    if digits.isdigit():
        yield Decimal(digits)
        return
    if _THOUSANDS.fullmatch(digits):
        yield Decimal(re.sub(r"\D", "", digits))
    whole, mark, fraction = re.fullmatch(r"(.*)([.,'’])(\d+)", digits).groups()  # type: ignore[union-attr]  # it has one
    if whole.isdigit() and mark in ".,":
        yield Decimal(f"{whole}.{fraction}")
    elif _THOUSANDS.fullmatch(whole) and mark not in whole:
        yield Decimal(f"{re.sub(r'[^0-9]', '', whole)}.{fraction}")
    else:
        yield digits  # a section's number, or an address


def _scale(word: str | None) -> int:
    match = _SCALE.fullmatch(word or "")
    return int(match.lastgroup[1:]) if match and match.lastgroup else 1


def _in_words(text: str) -> Iterator[Fact]:
    for match in _WORDS.finditer(text):
        yield Fact(match.start(), match.end(), frozenset([Decimal(_value(match[0]))]))


def _value(words: str) -> int:
    """two hundred and five thousand: 205000."""
    total = current = 0
    for word in re.split(r"[\s-]+(?:and\s+)?", words):
        value = next(value for pattern, value in _VALUES if pattern.fullmatch(word))
        if value >= 1000:
            total, current = total + (current or 1) * value, 0
        elif value == 100 and 0 < current < 10:
            current *= value
        else:
            current += value
    return total + current


def _without(text: str, found: list[Fact]) -> str:
    """The text with what is taken blanked out, so that offsets stay."""
    signs = list(text)
    for fact in found:
        signs[fact.start : fact.end] = "_" * (fact.end - fact.start)
    return "".join(signs)
