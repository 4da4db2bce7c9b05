"""Running heads, footers and page numbers: what stands at the edge of many pages, and is no part of the text."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from rag.readers.pages.marks import Line, Page, rows

EDGE_ROWS = 3  # rows at the top and at the bottom that a running head may take
MIN_PAGES = 3  # a line on one or two pages may be text
SAME_HEIGHT = 3.0  # points by which the place of a running head may differ from page to page
SHARE = 0.5  # of the pages: a place at which so many have a line with their number is that of page numbers
PIECE_SHARE = 0.25  # of the pages: a piece of a line on so many makes the line a running head: the book's title
NUMBER = re.compile(r"\b(?:\d{1,5}|[ivxlc]{1,7})\b")
PAGE_NUMBER = re.compile(
    r"[\W_]*(?:(?:page|стр(?:аница|\.)?|с\.|бет)\s*)?(\d{1,5})(?:\s*(?:/|из|of)\s*(\d{1,5}))?[\W_]*", re.IGNORECASE
)
ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}

Numbering = tuple[str, int, int, int]  # the edge, the grid and its step for the height, the number less the page's
Seen = dict[tuple[str, str], dict[int, float]]  # an edge and what stands there -> the pages, and where on each


def without(pages: Sequence[Page]) -> None:
    """Takes the running heads, footers and page numbers out of the pages."""
    whole: Seen = defaultdict(dict)
    pieces: Seen = defaultdict(dict)
    alone: dict[str, dict[int, float]] = defaultdict(dict)
    numbered: Counter[Numbering] = Counter()
    for page in pages:
        for side, row in _edge_rows(page):
            for pattern in _patterns(_text(row), page.number):
                whole[side, pattern][page.number] = row[0].top
            if NUMBER.fullmatch(_text(row)):
                alone[side][page.number] = row[0].top
            for piece in row if len(row) > 1 else ():
                pieces[side, piece.text][page.number] = row[0].top
            numbered.update(_numberings(page, side, row))
    alike = _alike_edges(pages) if len(pages) == 2 else set()
    share = max(MIN_PAGES, SHARE * len(pages))
    piece_share = max(MIN_PAGES, PIECE_SHARE * len(pages))

    def is_furniture(page: Page, side: str, row: Sequence[Line]) -> bool:
        text, top = _text(row), row[0].top
        match = PAGE_NUMBER.fullmatch(text)
        if match and match.groups() == (str(page.number), str(len(pages))):
            return True
        repeats = max(_repeats(whole[side, pattern], top) for pattern in _patterns(text, page.number))
        if repeats >= MIN_PAGES or (repeats == len(pages) == 2 and side not in alike):
            return True
        if NUMBER.fullmatch(text) and _repeats(alone[side], top) >= MIN_PAGES:
            return True
        if len(row) > 1 and any(_repeats(pieces[side, piece.text], top) >= piece_share for piece in row):
            return True
        counts = [numbered[key] for key in _numberings(page, side, row)]
        on_both = match is not None and len(pages) == 2 in counts
        return on_both or any(count >= share for count in counts)

    for page in pages:
        for edge in ("top", "bottom"):
            for row in [row for side, row in _edge_rows(page) if side == edge]:
                if not is_furniture(page, edge, row):
                    break
                page.frames[0].lines = [line for line in page.frames[0].lines if all(line is not it for it in row)]


def _edge_rows(page: Page) -> Iterator[tuple[str, list[Line]]]:
    """The outermost rows, from each edge inwards."""
    if not page.frames or page.frames[0].turn:
        return
    stacked = rows(page.frames[0].lines)
    half = page.height / 2
    for row in stacked[:EDGE_ROWS]:
        if row[0].bottom < half:
            yield "top", row
    for row in reversed(stacked[-EDGE_ROWS:]):
        if row[0].top > half:
            yield "bottom", row


def _alike_edges(pages: Sequence[Page]) -> set[str]:
    """The edges at which all the outer rows of two pages are the same: two copies of a form, and no running heads."""
    texts = [[(side, _text(row)) for side, row in _edge_rows(page)] for page in pages]
    shared = Counter(side for side, text in texts[0] if (side, text) in texts[1])
    return {side for side, count in shared.items() if count >= EDGE_ROWS}


def _text(row: Sequence[Line]) -> str:
    return " ".join(line.text for line in row)


def _patterns(text: str, page: int) -> set[str]:
    """The text as it is, and with each of its numbers told as by how much it is ahead of the page's own count."""
    patterns = {text}
    for number in NUMBER.finditer(text):
        ahead = _value(number[0]) - page
        patterns.add(f"{text[: number.start()]}\0{ahead}\0{text[number.end() :]}")
    return patterns


def _value(number: str) -> int:
    if number.isdigit():
        return int(number)
    values = [ROMAN[letter] for letter in number]
    return sum(-one if one < other else one for one, other in zip(values, [*values[1:], 0], strict=True))


def _repeats(seen: dict[int, float], top: float) -> int:
    return sum(1 for its in seen.values() if abs(its - top) <= SAME_HEIGHT)


def _numberings(page: Page, side: str, row: Sequence[Line]) -> Iterator[Numbering]:
    """The place, and by how much the number at the row's edge is ahead of the page's own count, if one is there."""
    words = _text(row).split()
    for word in {words[0], words[-1]}:
        if match := PAGE_NUMBER.fullmatch(word):
            for grid in (0, 1):  # two grids of heights, half a step apart: places that are near share a step in one
                yield side, grid, int(row[0].top / (2 * SAME_HEIGHT) + grid / 2), int(match[1]) - page.number
