"""The report's three plots, as inline SVG drawn by hand: a plotting library would outweigh everything else installed.

Every function gives a whole ``<svg>`` element; every text in it is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 640, 330
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 16, 62
COLOURS = {"hybrid": "#1d5fa8", "dense": "#d9822b", "lexical": "#7a8694", "rrf": "#a3477f"}
PLAIN = "#1d5fa8"
TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def bars(groups: Sequence[str], series: Mapping[str, Sequence[float | None]], label: str) -> str:
    """Values in [0, 1]: for each group one bar of each series, in the order given; None draws no bar."""
    parts = [_grid(label), *_legend(list(series))]
    room = (WIDTH - LEFT - RIGHT) / max(len(groups), 1)
    width = min(0.8 * room / max(len(series), 1), 44)
    for at, group in enumerate(groups):
        middle = LEFT + (at + 0.5) * room
        parts.append(_text(middle, HEIGHT - BOTTOM + 16, group, "middle"))
        for number, (name, values) in enumerate(series.items()):
            value = values[at]
            if value is None:
                continue
            left = middle + (number - len(series) / 2) * width
            parts.append(_bar(left, width, value, _colour(name), f"{name}, {group}: {value:.3f}"))
            if width >= 26:
                parts.append(_text(left + width / 2, _y(value) - 3, f"{value:.3f}", "middle", "small"))
    return _svg(parts, f"{label} by language pair and mode")


def reliability(points: Sequence[tuple[float, float, int]], label: str, across: str) -> str:
    """The reliability diagram: (mean confidence, share that was right, count) of each bin against the diagonal.

    A point's area goes by its count.
    """
    parts = [_grid(label), _axis(across, [(_x(tick), f"{tick:.1f}") for tick in TICKS])]
    parts.append(f'<path class="guide" d="M{_x(0):.1f} {_y(0):.1f}L{_x(1):.1f} {_y(1):.1f}"/>')
    most = max((count for _, _, count in points), default=1)
    places = [(_x(confidence), _y(share)) for confidence, share, _ in points]
    parts.append(_line(places, PLAIN))
    for (x, y), (confidence, share, count) in zip(places, points, strict=True):
        told = f"confidence {confidence:.2f}, right {share:.2f}, {count} asked"
        radius = 3 + 7 * math.sqrt(count / most)
        shape = f'cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{PLAIN}" fill-opacity=".6"'
        parts.append(f"<circle {shape}>{_title(told)}</circle>")
    return _svg(parts, f"{label} by {across}")


def latency(series: Mapping[str, Sequence[float]], label: str, across: str) -> str:
    """For each series, which share of its times, in milliseconds, is at most so long; the axis is logarithmic."""
    times = [time for values in series.values() for time in values if time > 0]
    low = math.floor(math.log10(min(times, default=1)))
    high = max(math.ceil(math.log10(max(times, default=10))), low + 1)

    def x(time: float) -> float:
        return _x((math.log10(max(time, 10.0**low)) - low) / (high - low))

    ticks = [(x(k * 10.0**power), f"{k * 10.0**power:g}") for power in range(low, high) for k in (1, 2, 5)]
    parts = [_grid(label), _axis(across, [*ticks, (x(10.0**high), f"{10.0**high:g}")]), *_legend(list(series))]
    for name, values in series.items():
        ordered = sorted(values)
        steps = [(x(time), _y(rank / len(ordered))) for rank, time in enumerate(ordered, start=1)]
        parts.append(_line(steps, _colour(name), name))
    return _svg(parts, f"{label} by {across}")


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _colour(name: str) -> str:
    return COLOURS.get(name, PLAIN)


def _svg(parts: Sequence[str], label: str) -> str:
    head = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">'
    return head + "".join(parts) + "</svg>"


def _grid(label: str) -> str:
    lines = "".join(
        f'<path class="grid" d="M{LEFT} {_y(tick):.1f}H{WIDTH - RIGHT}"/>'
        + _text(LEFT - 6, _y(tick) + 4, f"{tick:.1f}", "end", "small")
        for tick in TICKS
    )
    middle = (TOP + HEIGHT - BOTTOM) / 2
    turned = f'<text transform="translate(14 {middle:.0f}) rotate(-90)" text-anchor="middle">{escape(label)}</text>'
    return lines + turned


def _axis(label: str, ticks: Sequence[tuple[float, str]]) -> str:
    marks = "".join(_text(x, HEIGHT - BOTTOM + 15, told, "middle", "small") for x, told in ticks)
    return marks + _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM + 34, label, "middle")


def _legend(names: Sequence[str]) -> list[str]:
    if len(names) < 2:
        return []
    parts = []
    for number, name in enumerate(names):
        x = LEFT + 90 * number
        parts.append(f'<rect x="{x}" y="{HEIGHT - 14}" width="10" height="10" fill="{_colour(name)}"/>')
        parts.append(_text(x + 14, HEIGHT - 5, name, "start", "small"))
    return parts


def _bar(left: float, width: float, value: float, colour: str, told: str) -> str:
    top = _y(value)
    shape = f'x="{left + 1:.1f}" y="{top:.1f}" width="{width - 2:.1f}" height="{_y(0) - top:.1f}"'
    return f'<rect {shape} fill="{colour}">{_title(told)}</rect>'


def _line(points: Sequence[tuple[float, float]], colour: str, told: str = "") -> str:
    if not points:
        return ""
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2">{_title(told) if told else ""}</path>'


def _text(x: float, y: float, text: str, anchor: str, kind: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{escape(text)}</text>'


def _title(told: str) -> str:
    return f"<title>{escape(told)}</title>"
