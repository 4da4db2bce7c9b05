"""Draws the plots of docs/scale.md from the tables that stand in it, so that the two say the same.

    python benchmarks/plots.py [docs/scale.md]

Writes SVG files beside it: no library, no script, no font of its own.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

WIDTH, HEIGHT = 640, 340
LEFT, RIGHT, TOP, BOTTOM = 64, 150, 32, 48
COLOURS = ("#1d5fa8", "#d9822b", "#3d8f5f", "#a3477f")
SIZES = {"ask ms p50": "ask, half", "p95": "ask, 95 %", "search ms p50": "search alone"}
SPACE = {"MB on disk": "disk", "RSS MB": "resident", "anonymous MB": "of it anonymous"}

Points = Sequence[tuple[float, float]]


def main() -> None:
    page = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/scale.md")
    if not page.is_file():
        sys.exit(f"there is no {page}: name docs/scale.md")
    tables = tables_of(page.read_text("utf-8"))
    grown = next(table for table in tables if "ask ms p50" in table)
    curve = next(table for table in tables if "lists" in table)
    passages = grown["passages"]
    plots = {
        "time": plot({told: pairs(passages, grown[name]) for name, told in SIZES.items()}, "passages", "ms"),
        "space": plot({told: pairs(passages, grown[name]) for name, told in SPACE.items()}, "passages", "MB"),
        "recall": plot({"recall@10": pairs(curve["search ms p50"], curve["recall@10"])}, "ms a search", "recall@10"),
    }
    for name, drawn in plots.items():
        page.with_name(f"{page.stem}-{name}.svg").write_text(drawn, "utf-8")


def tables_of(text: str) -> list[dict[str, list[float]]]:
    """Each Markdown table whose cells are numbers: its columns by their names."""
    tables, rows = [], list[list[str]]()
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        elif rows:
            head, _, *body = rows
            columns = zip(*([number(cell) for cell in row] for row in body), strict=True)
            tables.append(dict(zip(head, map(list, columns), strict=True)))
            rows = []
    return tables


def number(cell: str) -> float:
    try:
        return float(cell.replace(",", "").strip("* "))
    except ValueError:
        return math.nan


def pairs(across: Sequence[float], up: Sequence[float]) -> Points:
    return list(zip(across, up, strict=True))


def plot(series: Mapping[str, Points], across: str, up: str) -> str:
    """An SVG of lines through points; axes are logarithmic, those of shares from their least."""
    is_share = up.startswith("recall")
    x = scale([a for points in series.values() for a, _ in points], LEFT, WIDTH - RIGHT, logarithmic=True)
    y = scale([b for points in series.values() for _, b in points], HEIGHT - BOTTOM, TOP, logarithmic=not is_share)
    parts = [f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>']
    for value, place in y.ticks:
        parts.append(f'<path d="M{LEFT} {place:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(text(LEFT - 8, place + 4, f"{value:g}" if is_share else f"{value:,g}", "end"))
    for value, place in x.ticks:
        parts.append(text(place, HEIGHT - BOTTOM + 18, f"{value:,.0f}", "middle"))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, across, "middle"))
    parts.append(text(LEFT - 8, 14, up, "end" if len(up) < 8 else "middle"))
    for (name, points), colour in zip(series.items(), COLOURS, strict=False):
        places = [(x(a), y(b)) for a, b in points]
        line = "L".join(f"{a:.1f} {b:.1f}" for a, b in places)
        parts.append(f'<path d="M{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{colour}"/>' for a, b in places]
        parts.append(text(places[-1][0] + 8, places[-1][1] + 4, name, "start", colour))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
    return f'{head} font-size="12">{"".join(parts)}</svg>\n'


class scale:  # noqa: N801  # a function with ticks
    """From values to places between two edges, with round values to mark."""

    def __init__(self, values: Sequence[float], first: float, last: float, logarithmic: bool) -> None:
        self._form = math.log10 if logarithmic else float
        low, high = self._form(min(values)), self._form(max(values))
        if logarithmic and high - low > 1:
            low, high = math.floor(low), math.ceil(high)
        self._low, self._step = low, (last - first) / ((high - low) or 1)
        self._first = first
        if not logarithmic:
            round_values = [low + (high - low) * part / 4 for part in range(5)]
        elif high - low > 1:
            round_values = [10.0**power for power in range(int(low), int(high) + 1)]
        else:
            round_values = [10.0 ** (low + (high - low) * part / 3) for part in range(4)]
        self.ticks = [(round(value, 3), self(value)) for value in round_values]

    def __call__(self, value: float) -> float:
        return self._first + (self._form(value) - self._low) * self._step


def text(x: float, y: float, told: str, anchor: str, colour: str = "#333") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(told)}</text>'


if __name__ == "__main__":
    main()
