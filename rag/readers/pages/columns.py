"""A page's lines in reading order: columns one after the other, what spans them in its place, tables by rows."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rag.readers.pages import tables
from rag.readers.pages.marks import Line, Mark, rows, same_row

WORD_GAP = 1.1  # times the font's size: wider than most spaces in justified text, narrower than most gutters
SEVERAL = -1  # in place of a font's number: the word is set in more than one
TOUCH = 0.12  # the same: letters nearer than this belong to one word
HARD_TOUCH = 0.04  # and in one font, nearer than this: cells of a table may stand close
LOOK_BACK = 12  # pieces drawn before, among which the rest of a line may be
COLUMN_LINES = 3  # fewer lines side by side are no columns
LAST_LINES, LONG_COLUMN = 2, 8  # though next to a column so long, so few may be one
COLUMN_LETTERS = 10  # the median line of a column is longer than line numbers and marginal marks
PROSE_LETTERS = 25  # and where the file draws line by line across the page, longer than a table's cells,
PROSE_FILL = 0.8  # as wide as the column, since prose is set to a width,
PROSE_LINES = 8  # and more than a table's rows
SAME_EDGE = 3.0  # points between the left edges of lines that begin at one margin
MAX_GUTTERS = 12  # margins tried on one page: a page has a handful of columns
MAX_DEPTH = 4  # columns in columns


@dataclass(slots=True)
class Region:
    """Lines that follow one another down the page; ``place`` is the same for regions of the same column."""

    place: str
    lines: list[Line]


def lines(marks: Iterable[Mark]) -> list[Line]:
    """Words, in the order in which the file draws them, to lines or the pieces of lines in one column."""
    found: list[list[Mark]] = []
    for mark in marks:
        if found and _goes_on(found[-1][-1], mark):
            found[-1].append(mark)
        else:
            found.append([mark])
    whole: list[Line] = []
    for order, group in enumerate(found):
        line = Line(group, order)
        for other in [other for other in whole[-LOOK_BACK:] if same_row(other, line)]:
            if _meet(other, line):
                whole.remove(other)
                line = Line(_interwoven(other.marks, line.marks), other.order)
        whole.append(line)
    return whole


def _meet(one: Line, other: Line) -> bool:
    """Whether two pieces are one, drawn in two turns: letters that a font lacks are left out, and drawn afterwards."""
    hardly = tables.HAIR * max(one.size, other.size)
    if one.left + hardly < other.right and other.left + hardly < one.right:
        return True
    first, then = (one.marks[-1], other.marks[0]) if one.left < other.left else (other.marks[-1], one.marks[0])
    return len({mark.font for mark in (*one.marks, *other.marks)}) > 1 and _touch(first, then)


def _touch(first: Mark, then: Mark) -> bool:
    same_font = first.font == then.font != SEVERAL
    return then.left - first.right < (HARD_TOUCH if same_font else TOUCH) * max(first.size, then.size)


def _interwoven(one: Sequence[Mark], other: Sequence[Mark]) -> list[Mark]:
    """The words of both from left to right; those of one and of the other that touch are pieces of one word."""
    woven: list[Mark] = []
    last = 0
    for side, mark in sorted([(0, mark) for mark in one] + [(1, mark) for mark in other], key=lambda it: it[1].left):
        if woven and side != last and _touch(woven[-1], mark):
            before = woven.pop()
            mark = before._replace(
                text=before.text + mark.text,
                top=min(before.top, mark.top),
                right=max(before.right, mark.right),
                bottom=max(before.bottom, mark.bottom),
                font=SEVERAL,
            )
        woven.append(mark)
        last = side
    return woven


def _goes_on(last: Mark, mark: Mark) -> bool:
    size = max(last.size, mark.size)
    return same_row(last, mark) and -TOUCH * size <= mark.left - last.right <= WORD_GAP * size


def regions(found: Sequence[Line], place: str = "") -> list[Region]:
    """The lines in reading order, whole: pieces of a line in one column put together, rows of tables with cells."""
    pieces = _columns(list(found), place)
    return [Region(region.place, tables.whole_lines(region.lines)) for region in pieces]


def _columns(found: list[Line], place: str) -> list[Region]:
    if len(found) < 2 * COLUMN_LINES or len(place) >= MAX_DEPTH:
        return [Region(place, found)]
    bands = max(
        (_bands(found, gutter) for gutter in _gutters(found)),
        key=lambda bands: sum(len(left) + len(right) for left, right in bands if right),
        default=[],
    )
    if not any(right for _, right in bands):
        return [Region(place, found)]
    pieces: list[Region] = []
    for left, right in bands:
        if not right:
            pieces.append(Region(place, left))
        else:
            pieces.extend(_columns(left, place + "l") + _columns(right, place + "r"))
    return pieces


def _gutters(found: Sequence[Line]) -> list[float]:
    """Where the right column may begin: the left edges that several lines share, most lines first."""
    first = min(line.left for line in found)
    edges = Counter(round(line.left) for line in found if line.left > first + 4 * line.size)
    shared = Counter({edge: sum(edges[edge + near] for near in (-2, -1, 0, 1, 2)) for edge in edges})
    return [edge for edge, count in shared.most_common(MAX_GUTTERS) if count >= LAST_LINES]


def _bands(found: Sequence[Line], gutter: float) -> list[tuple[list[Line], list[Line]]]:
    """The page cut from the top down: bands of two columns, and between them lines in one (with none at the right)."""
    bands: list[tuple[list[Line], list[Line]]] = []
    held: list[Line] = []
    for line in [*sorted(found, key=lambda line: (line.top, line.left)), None]:
        if line is not None and (line.right <= gutter - 1 or line.left >= gutter - SAME_EDGE):
            held.append(line)
            continue
        _add_band(bands, held, gutter)
        held = []
        if line is not None:
            _add_plain(bands, [line])
    return bands


def _add_band(bands: list[tuple[list[Line], list[Line]]], held: list[Line], gutter: float) -> None:
    left = [line for line in held if line.right <= gutter - 1]
    right = [line for line in held if line.left >= gutter - SAME_EDGE]
    if not _are_columns(left, right):
        _add_plain(bands, held)
        return
    # the end of a paragraph that spans the columns, above or below them, is narrow enough to look like the left one
    above = [left[0]] if bands and left[0].bottom <= min(line.top for line in right) and _close(bands, left[0]) else []
    drawn_last, lowest = max(line.order for line in right), max(line.bottom for line in right)
    below = [line for line in left if line.order > drawn_last and line.top >= lowest]
    _add_plain(bands, above)
    bands.append(([line for line in left if line not in above and line not in below], right))
    _add_plain(bands, below)


def _close(bands: Sequence[tuple[list[Line], list[Line]]], line: Line) -> bool:
    """Whether the line goes on with a paragraph in one column right above it."""
    last, right = bands[-1]
    return not right and last[-1].size == line.size and 0 <= line.top - last[-1].bottom < 0.8 * line.size


def _add_plain(bands: list[tuple[list[Line], list[Line]]], found: list[Line]) -> None:
    if found and bands and not bands[-1][1]:
        bands[-1][0].extend(found)
    elif found:
        bands.append((list(found), []))


def _are_columns(left: Sequence[Line], right: Sequence[Line]) -> bool:
    """Whether the two stand as columns of prose side by side, and not as cells of a table."""
    if not left or not right:
        return False
    returns = _returns(left, right)
    is_last = returns == 0 and len(left) >= LONG_COLUMN  # the last page's right column may be all but empty
    needed = LAST_LINES if is_last else COLUMN_LINES
    shared = min(left[-1].bottom, right[-1].bottom) - max(left[0].top, right[0].top)
    if min(len(left), len(right)) < needed or shared < needed * min(line.size for line in left):
        return False
    sides = [rows(left), rows(right)]
    letters = min(statistics.median(sum(len(piece.text) for piece in row) for row in side) for side in sides)
    if returns == 0:
        return letters >= COLUMN_LETTERS
    fill = min(
        statistics.median(row[-1].right - row[0].left for row in side)
        / max(1.0, max(row[-1].right for row in side) - min(row[0].left for row in side))
        for side in sides
    )
    fewer = min(map(len, sides))
    one_by_one = fewer >= PROSE_LINES and returns >= 0.5 * fewer
    return one_by_one and letters >= PROSE_LETTERS and fill >= PROSE_FILL and not _ends_lines(sides[0])


def _returns(left: Sequence[Line], right: Sequence[Line]) -> int:
    """How often the file, as it draws, comes back from the right to go on at the left: never in columns."""
    drawn = sorted([(line.order, 0) for line in left] + [(line.order, 1) for line in right])
    sides = [side for _, side in drawn]
    while sides and sides[-1] == 0 and len(sides) > len(drawn) - COLUMN_LINES:
        sides.pop()  # a page number, drawn after all else
    back = sum(1 for one, other in pairwise(sides) if one > other)
    return back if sides[0] == 0 else back - 1  # a file may draw the right column first


def _ends_lines(side: Sequence[Sequence[Line]]) -> bool:
    """Whether most lines end as cells or sentences do: a column of prose breaks off in mid-sentence."""
    return 2 * sum(row[-1].text[-1] in ".!?;:" for row in side) > len(side)
