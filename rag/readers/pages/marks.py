"""The values that the steps from a page's words to its paragraphs share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Mark(NamedTuple):
    """A word as it is printed: no white space in it; its edges in points from the left and top of its frame."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float  # of the font, in points
    bold: bool = False
    fixed: bool = False  # every letter as wide as the next: code
    font: int = 0  # which of the page's fonts


@dataclass(slots=True)
class Line:
    """Words side by side, left to right; ``order`` is its place among the lines as the file draws them.

    A row of a table holds its words in ``cells``, one list a cell; ``rest_of`` are the numbers of the cells in which
    the row before it, cut by a page's end, goes on in them.
    """

    marks: list[Mark]
    order: int = 0
    cells: list[list[Mark]] = field(default_factory=list)
    rest_of: tuple[int, ...] = ()
    left: float = field(init=False)
    right: float = field(init=False)
    top: float = field(init=False)
    bottom: float = field(init=False)
    size: float = field(init=False)
    bold: bool = field(init=False)
    fixed: bool = field(init=False)

    def __post_init__(self) -> None:
        main = _main_size(self.marks)
        measured = [mark for mark in self.marks if mark.size == main]  # no drop cap, no note's number
        self.left = min(mark.left for mark in self.marks)
        self.right = max(mark.right for mark in self.marks)
        usual = Counter({(mark.bottom, mark.top): 0 for mark in measured})  # another font may reach lower
        for mark in measured:
            usual[mark.bottom, mark.top] += len(mark.text)
        self.bottom, self.top = max(usual, key=lambda edges: (usual[edges], edges))
        self.size = main
        self.bold = all(mark.bold or not _has_letter(mark.text) for mark in self.marks) and self.marks[0].bold
        self.fixed = all(mark.fixed for mark in self.marks)

    @property
    def text(self) -> str:
        return " ".join(mark.text for mark in self.marks)

    @property
    def middle(self) -> float:
        return (self.left + self.right) / 2


@dataclass(slots=True)
class Frame:
    """The words of a page that read in one direction, upright once the page is turned.

    ``turn`` counts the quarters, clockwise, by which they stand turned on the page as it is shown.
    """

    turn: int
    lines: list[Line]


@dataclass(slots=True)
class Page:
    """A page's words: those that stand upright as the page is shown, then those that stand turned."""

    number: int  # from 1
    width: float
    height: float
    frames: list[Frame]


def same_row(one: Mark | Line, other: Mark | Line) -> bool:
    """Whether the two stand side by side: the lower one's height overlaps the other's by half."""
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    return shared >= 0.5 * min(one.bottom - one.top, other.bottom - other.top)


def rows(lines: Sequence[Line]) -> list[list[Line]]:
    """The lines that stand side by side, from the top down, each row from left to right."""
    found: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: (line.top + line.bottom, line.left)):
        if found and same_row(found[-1][0], line):
            found[-1].append(line)
        else:
            found.append([line])
    for row in found:
        row.sort(key=lambda line: line.left)
    return found


def on_page(mark: Mark, page: Page, turn: int) -> tuple[float, float, float, float]:
    """Left, top, right and bottom on the page as it is shown, of a mark in a frame turned by ``turn`` quarters."""
    left, top, right, bottom = mark.left, mark.top, mark.right, mark.bottom
    if turn == 1:
        return page.width - bottom, left, page.width - top, right
    if turn == 2:
        return page.width - right, page.height - bottom, page.width - left, page.height - top
    if turn == 3:
        return top, page.height - right, bottom, page.height - left
    return left, top, right, bottom


def in_frame(
    box: tuple[float, float, float, float], page_size: tuple[float, float], turn: int
) -> tuple[float, float, float, float]:
    """The other way: the edges on the page as shown to those in a frame turned by ``turn`` quarters."""
    (left, top, right, bottom), (width, height) = box, page_size
    if turn == 1:
        return top, width - right, bottom, width - left
    if turn == 2:
        return width - right, height - bottom, width - left, height - top
    if turn == 3:
        return height - bottom, left, height - top, right
    return left, top, right, bottom


def _main_size(marks: Sequence[Mark]) -> float:
    sizes: Counter[float] = Counter()
    for mark in marks:
        sizes[mark.size] += len(mark.text)
    return max(sizes, key=lambda size: (sizes[size], size))


def _has_letter(text: str) -> bool:
    return any(map(str.isalpha, text))
