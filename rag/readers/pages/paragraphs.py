"""Lines in reading order to paragraphs: by indent, spacing, a short last line, a change of font, a list's marks."""

from __future__ import annotations

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rag.readers.pages.columns import Region
from rag.readers.pages.hyphens import HYPHENS
from rag.readers.pages.marks import Line
from rag.types import BlockKind

INDENT = 0.8  # times the font's size: a first line's indent is wider, a ragged margin's wobble narrower
OTHER_SIZE = 0.12  # the share by which sizes differ that are meant to
WIDE_GAP = 1.2  # times the usual distance of lines: space between paragraphs
SLACK = 0.4  # times the font's size, over the next line's first word: so much room would have held it
EDGE_LINES = 10  # fewer lines in a column do not show its margins
HEADING_SIZE = 1.12  # times the text's size
HEADING_LENGTH = 200  # characters
BOLD_HEADING_LENGTH = 120
NOTE_MARK = 3  # letters: a note's number or asterisk
FINAL = re.compile(r"[.!?…:;][\"'»”’)\]]*$")
SENTENCE_END = re.compile(r"[.!?…][\"'»”’)\]]*$")
BULLET = re.compile(r"[•▪◦·‣○●■□➢✓]\s?")
ITEM = re.compile(r"(?:[–—*-]|\(?\d{1,3}(?:\.\d{1,2})*[.)]|\(?[a-zа-яё]\)|\d{1,2}(?:\.\d{1,2})+)\s")


@dataclass(slots=True)
class Paragraph:
    """Lines that belong together, each with its page's number and the quarters by which its frame is turned."""

    kind: BlockKind
    lines: list[tuple[int, int, Line]]
    flow: Flow  # of its last line


@dataclass(frozen=True, slots=True)
class Flow:
    """The lines of one column on one page, and where its text begins and ends across."""

    page: int
    turn: int
    lines: list[Line]
    left: float
    right: float
    foot: float  # where the lowest line of the column ends, on the page where it reaches lowest


class Setting:
    """What is usual in this document: its font size, the distance of its lines, its columns' margins."""

    def __init__(self, regions: Sequence[tuple[int, int, int, Region]]) -> None:
        """``regions`` come with their page's number, its width in points, and their frame's turn."""
        sizes: Counter[float] = Counter()
        gaps: dict[float, Counter[float]] = defaultdict(Counter)
        edges: dict[tuple[object, ...], list[Line]] = defaultdict(list)
        for page, width, turn, region in regions:
            edges[self._key(page, width, turn, region)].extend(line for line in region.lines if not line.cells)
            for line in region.lines:
                sizes[line.size] += len(line.text)
            for one, other in pairwise(region.lines):
                if one.size == other.size and other.bottom > one.bottom:
                    gaps[one.size][round(2 * (other.bottom - one.bottom)) / 2] += 1
        self.size = max(sizes, key=lambda size: (sizes[size], size), default=0.0)
        self._leading = {size: min(counts, key=lambda gap: (-counts[gap], gap)) for size, counts in gaps.items()}
        self._feet = {key: max(line.bottom for line in lines) for key, lines in edges.items() if lines}
        self._edges = {key: _edges(lines) for key, lines in edges.items() if len(lines) >= EDGE_LINES}

    def flow(self, page: int, width: int, turn: int, region: Region) -> Flow:
        key = self._key(page, width, turn, region)
        left, right = self._edges.get(key) or _edges([line for line in region.lines if not line.cells])
        return Flow(page, turn, region.lines, left, right, self._feet.get(key, 0.0))

    def leading(self, line: Line) -> float:
        return min(self._leading.get(line.size, 1.5 * line.size), 2.5 * line.size)

    @staticmethod
    def _key(page: int, width: int, turn: int, region: Region) -> tuple[object, ...]:
        return region.place, page % 2, width, turn  # left and right pages of a book have other margins


def _edges(lines: Sequence[Line]) -> tuple[float, float]:
    """Where the lines begin, most of them, and where the long ones end."""
    if not lines:
        return 0.0, 0.0
    lefts = Counter(round(line.left) for line in lines)
    rights = sorted(line.right for line in lines)
    long = rights[-1] if len(rights) < EDGE_LINES else rights[int(0.95 * len(rights))]
    return float(min(lefts, key=lambda left: (-lefts[left], left))), long


def paragraphs(flows: Sequence[Flow], setting: Setting) -> Iterator[Paragraph]:
    """The paragraphs in order; what stands between the two parts of one, notes at a page's foot, comes before it."""
    held: list[Paragraph] = []
    for flow in flows:
        for number, group in enumerate(_groups(flow, setting)):
            lines = [(flow.page, flow.turn, line) for line in group]
            before = _continued(held, flow, group, setting) if number == 0 else None
            if before is not None:
                held.append(held.pop(held.index(before)))
                before.lines.extend(lines)
                before.flow = flow
                continue
            kind: BlockKind = "row" if group[0].cells else "heading" if _is_heading(group, setting) else "paragraph"
            if kind == "paragraph" and number:  # the pages before can no longer go on
                yield from held[:-1]
                held = held[-1:]
            held.append(Paragraph(kind, lines, flow))
    yield from held


def _continued(held: Sequence[Paragraph], flow: Flow, group: Sequence[Line], setting: Setting) -> Paragraph | None:
    """The paragraph on the column or page before that goes on in ``group``, its first lines."""
    first = group[0]
    if first.rest_of:
        return held[-1] if held and held[-1].kind == "row" else None
    if first.cells or flow.turn or _begins_item(first) or _is_heading(group, setting):
        return None
    for paragraph in reversed(held):
        page, turn, last = paragraph.lines[-1]
        if paragraph.kind != "paragraph" or turn or page < flow.page - 1:
            return None
        if last.size == first.size and last.fixed == first.fixed:
            return paragraph if _runs_over(paragraph.flow, last, first, flow) else None
    return None


def _runs_over(before: Flow, last: Line, first: Line, flow: Flow) -> bool:
    text = last.text
    if _is_cut(last):
        return True
    stands_in = first.left > flow.left + INDENT * first.size
    if stands_in and first.text[:1].isupper():
        return False
    if FINAL.search(text):  # a full line at the foot of a page more often ends a sentence than a paragraph
        is_lowest = last.bottom >= before.foot - 2 * last.size
        return bool(SENTENCE_END.search(text)) and is_lowest and not stands_in and not _is_short(last, first, before)
    return first.text[:1].islower() or not first.bold


def _groups(flow: Flow, setting: Setting) -> Iterator[list[Line]]:
    group: list[Line] = []
    for number, line in enumerate(flow.lines):
        following = flow.lines[number + 1] if number + 1 < len(flow.lines) else None
        if group and _parts(group, line, following, flow, setting):
            yield group
            group = []
        group.append(line)
    if group:
        yield group


def _parts(group: Sequence[Line], line: Line, following: Line | None, flow: Flow, setting: Setting) -> bool:
    """Whether a new paragraph begins with ``line``."""
    last, em = group[-1], line.size
    if last.cells or line.cells:
        return True
    step = line.bottom - last.bottom
    if _is_cut(last) and not line.fixed and 0 < step < 2 * setting.leading(last) and line.text[0].isalpha():
        return False
    if step <= 0 or step > max(WIDE_GAP * setting.leading(last), setting.leading(last) + 1):
        return True
    if abs(line.size - last.size) > OTHER_SIZE * last.size or line.fixed != last.fixed:
        return True
    if line.fixed:
        return False
    if BULLET.match(line.text) or (_begins_item(line) and (FINAL.search(last.text) or _is_short(last, line, flow))):
        return True
    if _is_centred(last, flow) and _is_centred(line, flow):
        return last.bold != line.bold
    if _is_short(last, line, flow):
        return True
    shift = line.left - last.left
    if shift > INDENT * em:
        return not _hangs(group, line, following)
    if shift < -INDENT * em:
        return len(group) > 1  # a first line stands in; after it, a line farther out begins something else
    return False


def _is_cut(line: Line) -> bool:
    """Whether the line ends inside a word."""
    text = line.marks[-1].text
    return text[-1] in HYPHENS and text[-2:-1].isalpha()


def _is_short(last: Line, line: Line, flow: Flow) -> bool:
    """Whether the next line's first word had room in the last one: the paragraph ended there."""
    word = line.marks[0]
    return last.right + (word.right - word.left) + (0.25 + SLACK) * line.size < flow.right


def _is_centred(line: Line, flow: Flow) -> bool:
    aside = min(line.left - flow.left, flow.right - line.right)
    return aside > 1.5 * line.size and abs(line.middle - (flow.left + flow.right) / 2) < 0.6 * line.size


def _hangs(group: Sequence[Line], line: Line, following: Line | None) -> bool:
    """Whether the line stands in because the paragraph's first line hangs out: an item's mark, a list of names."""
    if len(group) > 1:
        return False
    first = group[0]
    if len(first.marks) > 1 and (_begins_item(first) or len(first.marks[0].text) <= NOTE_MARK):
        return abs(line.left - first.marks[1].left) < INDENT * line.size
    ragged = abs(following.left - line.left) if following else 0.0
    return ragged < 1 and following is not None and not SENTENCE_END.search(first.text)


def _begins_item(line: Line) -> bool:
    text = line.text
    return bool(BULLET.match(text) or ITEM.match(text))


def _is_heading(group: Sequence[Line], setting: Setting) -> bool:
    text = " ".join(line.text for line in group)
    if len(text) > HEADING_LENGTH or not any(map(str.isalpha, text)) or group[0].fixed:
        return False
    if statistics.median(line.size for line in group) >= HEADING_SIZE * setting.size:
        return True
    bold = all(line.bold for line in group) and group[0].size >= 0.95 * setting.size
    return bold and len(text) <= BOLD_HEADING_LENGTH and not re.search(r"[.;:,!?…]$", text)
