"""What OCR made of one page, as values and as JSON, and as a page whose lines become paragraphs as others do."""

from __future__ import annotations

import itertools
import json
import math
import re
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import NamedTuple

from rag.readers.pages import columns
from rag.readers.pages.lookalikes import in_one_script
from rag.readers.pages.marks import Frame, Mark, Page

NOISE = 5.0  # per cent: a short word of less confidence is a speck, a line, a signature,
NOISE_LETTERS = 3  # and so long is it at most; longer ones are misread words, better kept than lost
SIGN_NOISE = 40.0  # and one without letters or digits of less than this
BULLETS = set(".°*·®©¢•@“”„")  # what a list's bullet is taken for
# The parts of a font's size that small letters take, and what others reach above and below them, in common fonts.
SMALL_LETTER, ASCENT, DESCENT, SHORT_DESCENT = 0.46, 0.24, 0.22, 0.12
UP = re.compile("[A-ZА-ЯЁӘҒҚҢӨҰҮҺІ0-9bdfhkltбёйфі/()!?№%]")
DOWN = re.compile("[gjpqyруфұү()/]")
SHORT_DOWN = re.compile("[дцщқңQДЦЩ,;]")
LARGE = 1.25  # times the page's usual height of a line: a heading; less is the wobble of recognition


class ScannedWord(NamedTuple):
    """A word as recognised: points from the left and top of the page as shown, confidence in per cent."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    confidence: float
    line: int  # the same for the words of one line


@dataclass(frozen=True, slots=True)
class ScannedPage:
    """A page as recognised; its words in reading order, its size in points."""

    width: float
    height: float
    words: tuple[ScannedWord, ...]

    def to_json(self) -> str:
        """One line of JSON, for a cache."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> ScannedPage:
        """The page that ``to_json`` wrote; raises ValueError where it is something else."""
        try:
            values = json.loads(text)
            words = tuple(
                ScannedWord(str(text), float(left), float(top), float(right), float(bottom), float(sure), int(line))
                for text, left, top, right, bottom, sure, line in values["words"]
            )
            page = cls(float(values["width"]), float(values["height"]), words)
        except (KeyError, TypeError, RecursionError, OverflowError) as error:
            raise ValueError(f"not a scanned page: {text[:40]!r}") from error
        numbers = [page.width, page.height]
        numbers += (side for word in words for side in (word.left, word.top, word.right, word.bottom, word.confidence))
        if not all(map(math.isfinite, numbers)):
            raise ValueError(f"a scanned page with a side that is no number: {text[:40]!r}")
        return page


def as_page(number: int, scanned: ScannedPage) -> Page:
    """The recognised page without its noise, its letters in one script a word, ready to be put together."""
    lines = [
        [word for word in group if not _is_noise(word)]
        for _, group in itertools.groupby(scanned.words, key=lambda word: word.line)
    ]
    lines = [line for line in lines if line]
    if not lines:
        return Page(number, scanned.width, scanned.height, [])
    usual = statistics.median(_size(line) for line in lines)
    marks = (mark for line in lines for mark in _marks(line, usual))
    return Page(number, scanned.width, scanned.height, [Frame(0, columns.lines(marks))])


def _is_noise(word: ScannedWord) -> bool:
    letters = sum(map(str.isalnum, word.text))
    return word.confidence < (NOISE if letters else SIGN_NOISE) and letters <= NOISE_LETTERS


def _size(line: Iterable[ScannedWord]) -> float:
    """The size of the line's font, from its words' heights: each is as high as its letters reach up and down."""
    return statistics.median((word.bottom - word.top) / _reach(word.text) for word in line)


def _reach(text: str) -> float:
    """The height of the word's shape, as a part of its font's size."""
    up = ASCENT if UP.search(text) else 0.0
    return SMALL_LETTER + up + _depth(text)


def _depth(text: str) -> float:
    """How far the word reaches below the line, as a part of its font's size."""
    return DESCENT if DOWN.search(text) else SHORT_DESCENT if SHORT_DOWN.search(text) else 0.0


def _marks(line: list[ScannedWord], usual: float) -> Iterable[Mark]:
    """The line's words, all of one height and size."""
    ratio = _size(line) / usual
    size = round(usual * (max(1.5, round(2 * ratio) / 2) if ratio > LARGE else 1), 1)
    base = statistics.median(word.bottom - _depth(word.text) * size for word in line)
    bottom = base + DESCENT * size
    texts = in_one_script([word.text for word in line])
    if len(texts) > 1 and texts[0] in BULLETS:
        texts[0] = "•"
    for word, text in zip(line, texts, strict=True):
        yield Mark(text, word.left, bottom - size, word.right, bottom, size)
