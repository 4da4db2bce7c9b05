"""Rows of tables among the lines of a column: only where cells stand clearly one below the other."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from rag.readers.pages.marks import Line, Mark, rows

MIN_ROWS = {2: 3}  # columns -> rows of at least two cells; two aligned lines of two pieces can be chance
MIN_ROWS_ELSE = 2
STRAY_ROWS = 0.1  # the share of rows whose pieces may fall outside the columns
ROW_GAP = 1.5  # times the font's size: a table's lines stand no farther apart than this, its rows' padding included
LINE_GAP = 0.8  # the same for the lines of one cell
CELL_GAP = 1.1  # times the font's size: a gap so wide is between cells, or in a justified line
SOME_GAP = 0.45  # times the font's size: wider than a space, enough between cells where a column begins
ALIKE = 0.75  # the narrowest space of a justified line to its widest
CELL_LINES = 4  # lines of a cell that may stand alone between rows of several pieces
ITEM = re.compile(r"[•▪◦·‣○●■□➢–—*-]|\(?\d{1,3}[.)]|\(?\w[.)]|\d{1,2}(?:\.\d{1,2})+\.?")


def whole_lines(pieces: Sequence[Line]) -> list[Line]:
    """The lines from the top down, the pieces of each put together, the rows of tables with their cells."""
    stacked = _split_at_columns([_without_marks_apart(row) for row in rows(pieces)])
    edge = max((piece.right for piece in pieces), default=0.0)
    found: list[Line] = []
    start = 0
    while start < len(stacked):
        run = _run(stacked, start)
        if cells := _table(stacked[start : start + run], edge):
            found.extend(cells)
            start += run
        else:
            found.append(_joined(stacked[start]))
            start += 1
    return found


def go_on(last: Line, lines: Sequence[Line]) -> list[Line]:
    """The lines at the top of a page, those first ones with cells that go on with the table that ends in ``last``."""
    starts = [min(mark.left for mark in cell) for cell in last.cells]
    found = list(lines)
    for number, line in enumerate(lines):
        cells = _cells_at(line, starts)
        if line.cells or len(cells) < 2:
            break
        found[number] = Line(line.marks, line.order, cells)
    return found


def _cells_at(line: Line, starts: Sequence[float]) -> list[list[Mark]]:
    """The line's words by the columns, of which the first is held; none where a gap is not one between columns."""
    cells: list[list[Mark]] = []
    for mark in line.marks:
        gap = mark.left - cells[-1][-1].right if cells else SOME_GAP * mark.size
        at_start = any(abs(mark.left - start) < 2 for start in starts)
        if at_start and gap >= SOME_GAP * mark.size:
            cells.append([])
        elif not cells or gap > CELL_GAP * mark.size:
            return []
        cells[-1].append(mark)
    return cells


def _joined(row: Sequence[Line]) -> Line:
    return row[0] if len(row) == 1 else Line([mark for piece in row for mark in piece.marks], row[0].order)


def _without_marks_apart(row: list[Line]) -> list[Line]:
    """The row with a list item's mark put to the item: the space after it is wide, and yet no cell ends there."""
    if len(row) > 1 and ITEM.fullmatch(row[0].text):
        return [Line([*row[0].marks, *row[1].marks], row[0].order), *row[2:]]
    return row


def _split_at_columns(stacked: Sequence[list[Line]]) -> list[list[Line]]:
    """The rows, their pieces also parted at narrow gaps where pieces of the rows around begin."""
    found: list[list[Line]] = []
    for number, row in enumerate(stacked):
        if len(row) < 2:
            found.append(row)
            continue
        around = [other for other in stacked[max(0, number - 4) : number + 5] if other is not row]
        starts = Counter(round(piece.left) for other in around for piece in other[1:])
        edges = [start for start, count in starts.items() if count > 1]
        found.append([part for piece in row for part in _parted(piece, edges)] if edges else row)
    return found


def _parted(piece: Line, edges: Sequence[int]) -> list[Line]:
    parts: list[list[Mark]] = [[]]
    for mark in piece.marks:
        gap = mark.left - parts[-1][-1].right if parts[-1] else 0.0
        if gap > SOME_GAP * mark.size and any(abs(mark.left - edge) < 1.5 for edge in edges):
            parts.append([])
        parts[-1].append(mark)
    return [Line(part, piece.order) for part in parts] if len(parts) > 1 else [piece]


def _run(stacked: Sequence[Sequence[Line]], start: int) -> int:
    """How many rows from ``start`` on may be one table: rows of several pieces, and cells alone that go on below."""
    end, last = start, start
    while end < len(stacked) and (end == start or _gap(stacked[end - 1], stacked[end]) <= _room(stacked[end])):
        alone = stacked[end][0] if len(stacked[end]) == 1 else None
        if alone is not None and (end == start or end - last > CELL_LINES or _spans(alone, stacked[start:end])):
            break
        end += 1
        if alone is None or alone.left > stacked[start][0].right:  # what ends in the first column may be text below
            last = end
    return last - start


def _room(row: Sequence[Line]) -> float:
    return (ROW_GAP if len(row) > 1 else LINE_GAP) * row[0].size


def _gap(above: Sequence[Line], below: Sequence[Line]) -> float:
    return min(line.top for line in below) - max(line.bottom for line in above)


def _spans(line: Line, table: Sequence[Sequence[Line]]) -> bool:
    """Whether the line runs over a gap between the columns: it stands below the table, or is prose."""
    columns = _column_edges([piece for row in table if len(row) > 1 for piece in row])
    return sum(1 for left, right in columns if line.left < right and line.right > left) > 1


def _column_edges(pieces: Sequence[Line]) -> list[tuple[float, float]]:
    """The columns: the pieces' widths laid over one another."""
    edges: list[tuple[float, float]] = []
    for piece in sorted(pieces, key=lambda piece: piece.left):
        if edges and piece.left < edges[-1][1]:
            edges[-1] = (edges[-1][0], max(edges[-1][1], piece.right))
        else:
            edges.append((piece.left, piece.right))
    return edges


def _table(stacked: Sequence[Sequence[Line]], edge: float) -> list[Line]:
    """The rows of the table that these lines are; none where they are no table."""
    several = [row for row in stacked if len(row) > 1]
    edges = _column_edges([piece for row in several for piece in row])
    if len(edges) < 2 or len(several) < MIN_ROWS.get(len(edges), MIN_ROWS_ELSE):
        return []
    if 2 * sum(_is_justified(row, edge) for row in several) > len(several):
        return []
    stray = sum(1 for row in several if len({_column(piece, edges) for piece in row}) < len(row))
    filled = sum(1 for c in range(len(edges)) if 2 * sum(_holds(row, c, edges) for row in several) >= len(several))
    if stray > STRAY_ROWS * len(several) or filled < 2:
        return []
    pieces = sorted((piece for row in stacked for piece in row), key=lambda piece: (piece.order, piece.left))
    return [_row(cells) for cells in _rows_of_cells(pieces, edges)]


def _is_justified(row: Sequence[Line], edge: float) -> bool:
    """Whether the row is a line of prose drawn out to the column's edge: its spaces are wide, but all alike."""
    marks = [mark for piece in row for mark in piece.marks]
    marks = marks[1:] if len(marks) > 2 and ITEM.fullmatch(marks[0].text) else marks
    gaps = [other.left - one.right for one, other in pairwise(marks)]
    return row[-1].right > edge - 1.5 and min(gaps) > ALIKE * max(gaps)


def _column(piece: Line, edges: Sequence[tuple[float, float]]) -> int:
    return min(range(len(edges)), key=lambda c: max(edges[c][0] - piece.middle, piece.middle - edges[c][1]))


def _holds(row: Sequence[Line], column: int, edges: Sequence[tuple[float, float]]) -> bool:
    return any(_column(piece, edges) == column for piece in row)


def _rows_of_cells(pieces: Sequence[Line], edges: Sequence[tuple[float, float]]) -> Iterator[dict[int, list[Line]]]:
    """The pieces as the file draws them, cell by cell: one farther left, or clear below, begins a new row."""
    cells: dict[int, list[Line]] = {}
    last = -1
    for piece in pieces:
        column = _column(piece, edges)
        lowest = max((line.bottom for cell in cells.values() for line in cell), default=piece.top)
        same_cell = column == last and piece.top - cells[column][-1].bottom <= LINE_GAP * piece.size
        if cells and not same_cell and (column <= last or piece.top >= lowest):
            yield cells
            cells = {}
        cells.setdefault(column, []).append(piece)
        last = column
    if cells:
        yield cells


def _row(cells: dict[int, list[Line]]) -> Line:
    in_order: list[list[Mark]] = [[mark for line in cells[c] for mark in line.marks] for c in sorted(cells)]
    first = next(iter(cells.values()))[0]
    return Line([mark for cell in in_order for mark in cell], first.order, in_order)
