"""Where a span of a document's text stands on its pages: one rectangle a line, to be drawn over the page."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import NamedTuple

from rag.types import Word

SAME_LINE = 0.5  # of the lower word's height: words that share so much of it stand side by side


class Rectangle(NamedTuple):
    """On page ``page``, from 1; the edges in points (1/72 inch) from the left and the top of the page as shown."""

    page: int
    left: float
    top: float
    right: float
    bottom: float


def rectangles(words: Sequence[Word], start: int, end: int) -> tuple[Rectangle, ...]:
    """The places of the words, given in order, that ``[start, end)`` touches, those side by side put together.

    A word that is touched counts whole. The rectangles come in the order of the text.
    """
    if end <= start:
        return ()
    found: list[Rectangle] = []
    first = bisect.bisect_right(words, start, key=lambda word: word.end)
    for word in words[first : bisect.bisect_left(words, end, key=lambda word: word.start)]:
        place = Rectangle(word.page, word.left, word.top, word.right, word.bottom)
        if found and _side_by_side(found[-1], place):
            found[-1] = _around(found[-1], place)
        else:
            found.append(place)
    return tuple(found)


def _side_by_side(one: Rectangle, other: Rectangle) -> bool:
    """Whether ``other`` goes on in the line of ``one``."""
    if one.page != other.page:
        return False
    heights = (one.bottom - one.top, other.bottom - other.top)
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    near = other.left - one.right < 3 * max(heights)  # farther off, and it is another column's or cell's
    return shared > SAME_LINE * min(heights) and other.left >= one.left and near


def _around(one: Rectangle, other: Rectangle) -> Rectangle:
    return Rectangle(
        one.page,
        min(one.left, other.left),
        min(one.top, other.top),
        max(one.right, other.right),
        max(one.bottom, other.bottom),
    )
