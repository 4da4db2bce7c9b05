"""What OCR made of one page, as values and as JSON, and as a page whose lines become paragraphs as others do."""

from __future__ import annotations

import itertools
import json
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import NamedTuple

from rag.readers.pages import columns
from rag.readers.pages.lookalikes import in_one_script
from rag.readers.pages.marks import Frame, Mark, Page

NOISE = 5.0  # per cent: a word of less confidence is a speck, a line, a signature
SIGN_NOISE = 40.0  # and one without letters or digits of less than this
BULLETS = set(".°*·®©¢•@")  # what a list's bullet is taken for
LARGE = 1.4  # times the page's usual height of a line: a heading; less is the wobble of recognition


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
            return cls(float(values["width"]), float(values["height"]), words)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a scanned page: {text[:40]!r}") from error


def as_page(number: int, scanned: ScannedPage) -> Page:
    """The recognised page without its noise, its letters in one script a word, ready to be put together."""
    lines = [
        [word for word in group if not _is_noise(word)]
        for _, group in itertools.groupby(scanned.words, key=lambda word: word.line)
    ]
    lines = [line for line in lines if line]
    if not lines:
        return Page(number, scanned.width, scanned.height, [])
    usual = statistics.median(_height(line) for line in lines)
    marks = (mark for line in lines for mark in _marks(line, usual))
    return Page(number, scanned.width, scanned.height, [Frame(0, columns.lines(marks))])


def _is_noise(word: ScannedWord) -> bool:
    has_sense = any(map(str.isalnum, word.text))
    return word.confidence < (NOISE if has_sense else SIGN_NOISE)


def _height(line: Iterable[ScannedWord]) -> float:
    return statistics.median(sorted(word.bottom - word.top for word in line)[-3:])


def _marks(line: list[ScannedWord], usual: float) -> Iterable[Mark]:
    """The line's words, all of one height and size: the heights of words depend on their letters."""
    height = _height(line)
    size = round(usual * (round(2 * height / usual) / 2 if height > LARGE * usual else 1), 1)
    middle = statistics.median((word.top + word.bottom) / 2 for word in line)
    texts = in_one_script([word.text for word in line])
    if len(texts) > 1 and texts[0] in BULLETS:
        texts[0] = "•"
    for word, text in zip(line, texts, strict=True):
        yield Mark(text, word.left, middle - size / 2, word.right, middle + size / 2, size)
