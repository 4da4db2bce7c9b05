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
HAIR = 0.04  # the same: cells without padding may reach into one another so far
ALIKE = 0.75  # the narrowest space of a justified line to its widest
CELL_LINES = 4  # lines of a cell that may stand alone between rows of several pieces
DRAWN_OUT = 0.5  # points: a line drawn out in a cell without padding ends so near to the next column
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


def go_on(before: Sequence[Line], lines: Sequence[Line]) -> list[Line]:
    """The lines at the top of a page or column, before which a table's row stands last: those that go on with the
    table have cells, and the first, where it is the rest of that row, says of which cells."""
    last = before[-1]
    shift = min(line.left for line in lines) - min(line.left for line in before)
    starts = [min(mark.left for mark in cell) + shift for cell in last.cells]
    found = list(lines)
    for number, line in enumerate(lines):
        cells = [] if line.cells else _cells_at(line, starts)
        if len(cells) < 2 or (len(cells) == 2 and _widest_gap(cells) <= CELL_GAP * line.size):
            break
        found[number] = Line(line.marks, line.order, cells)
    edges = [*starts[1:], max(line.right for line in before) + shift]
    below = next((line.cells for line in found[1:2]), [])
    columns = _rest_of(last, found[0], list(zip(starts, edges, strict=True)), shift, len(below))
    if columns:
        found[0] = Line(found[0].marks, found[0].order, found[0].cells or [found[0].marks], columns)
    return found


def _rest_of(
    last: Line, line: Line, columns: Sequence[tuple[float, float]], shift: float, below: int
) -> tuple[int, ...]:
    """The cells of the row ``last`` that go on in ``line``, as a row does over the end of a page; none if it is a row.

    ``columns`` are their edges, and ``below`` counts the cells of the line that follows.
    """
    found: list[int] = []
    any_cut = False
    for cell in line.cells or [line.marks]:
        left, right = cell[0].left, cell[-1].right
        column = next((c for c, (start, end) in enumerate(columns) if start - 2 < left and right < end + 2), None)
        if column is None or not any(c.isalpha() for mark in cell for c in mark.text):
            return ()
        end = last.cells[column][-1]
        is_cut = end.text[-1] in "-\u2010\u00ad" and end.text[-2:-1].isalpha()
        had_room = end.right + shift + SOME_GAP * end.size + cell[0].right - left < columns[column][1]
        if had_room and not is_cut:
            return ()
        any_cut |= is_cut
        found.append(column)
    in_other_cells = len(found) < len(last.cells) <= below
    return tuple(found) if len(set(found)) == len(found) and (any_cut or in_other_cells) else ()


def _widest_gap(cells: Sequence[Sequence[Mark]]) -> float:
    return max(other[0].left - one[-1].right for one, other in pairwise(cells))


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
    hair = HAIR * line.size
    return sum(1 for left, right in columns if line.left + hair < right and line.right > left + hair) > 1


def _column_edges(pieces: Sequence[Line]) -> list[tuple[float, float]]:
    """The columns: the pieces' widths laid over one another."""
    edges: list[tuple[float, float]] = []
    for piece in sorted(pieces, key=lambda piece: piece.left):
        if edges and piece.left + HAIR * piece.size < edges[-1][1]:
            edges[-1] = (edges[-1][0], max(edges[-1][1], piece.right))
        else:
            edges.append((piece.left, piece.right))
    return edges


def _table(stacked: Sequence[Sequence[Line]], edge: float) -> list[Line]:
    """The rows of the table that these lines are; none where they are no table."""
    several = [row for row in stacked if len(row) > 1]
    edges = _without_drawn_out(_column_edges([piece for row in several for piece in row]), several)
    if len(edges) < 2 or len(several) < MIN_ROWS.get(len(edges), MIN_ROWS_ELSE):
        return []
    if 2 * sum(_is_justified(row, edge) for row in several) > len(several):
        return []
    stray = sum(1 for row in several if _strays(row, edges, several, edge))
    filled = sum(1 for c in range(len(edges)) if 2 * sum(_holds(row, c, edges) for row in several) >= len(several))
    if stray > STRAY_ROWS * len(several) or filled < 2:
        return []
    pieces = sorted((piece for row in stacked for piece in row), key=lambda piece: (piece.order, piece.left))
    return [_row(cells) for cells in _rows_of_cells(pieces, edges)]


def _without_drawn_out(
    edges: Sequence[tuple[float, float]], several: Sequence[Sequence[Line]]
) -> list[tuple[float, float]]:
    """The columns, less those that are the end of a drawn out line in a cell: in one row, up to the next column."""
    found: list[tuple[float, float]] = []
    for number, (left, right) in enumerate(edges):
        following = edges[number + 1][0] if number + 1 < len(edges) else None
        alone = sum(_holds(row, number, edges) for row in several) == 1
        if found and alone and following is not None and following - right < DRAWN_OUT:
            found[-1] = (found[-1][0], right)
        else:
            found.append((left, right))
    return found


def _strays(
    row: Sequence[Line], edges: Sequence[tuple[float, float]], stacked: Sequence[Sequence[Line]], edge: float
) -> bool:
    """Whether pieces stand side by side in one column, and are not a line drawn out to where the cell ends: where
    another row's line ends too, or the next column begins, or the text around the table ends."""
    for column, cell in _by_column(row, edges).items():
        right = cell[-1].right
        ends = [piece.right for other in stacked if other is not row for piece in other]
        ends += [edge, *(left for left, _ in edges[column + 1 : column + 2])]
        if len(cell) > 1 and not (_is_justified(cell, right) and any(abs(end - right) < DRAWN_OUT for end in ends)):
            return True
    return False


def _by_column(row: Sequence[Line], edges: Sequence[tuple[float, float]]) -> dict[int, list[Line]]:
    cells: dict[int, list[Line]] = {}
    for piece in row:
        cells.setdefault(_column(piece, edges), []).append(piece)
    return cells


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
