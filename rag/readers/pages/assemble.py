"""Pages of words to a source: its text, blocks, pages, and where every word stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from rag.readers.pages import columns, furniture, paragraphs, tables
from rag.readers.pages.columns import Region
from rag.readers.pages.hyphens import HYPHENS, SOFT_HYPHEN, Joiner
from rag.readers.pages.marks import Mark, Page, on_page, same_row
from rag.readers.pages.paragraphs import Flow, Paragraph, Setting
from rag.readers.source import CELL_GAP, Draft, Source
from rag.types import Word

ADDRESS = re.compile(r"(?:https?://|www\.|^~?/)(?=\S)")
GOES_ON = ("/", "_", "=", "&", "?")  # how an address ends that goes on in the next line
DASH = re.compile(r"[^\W_][–—]$")  # no space before it, and so none after it: 1998–1999, Kaz–UAE
Placed = tuple[int, int, Mark]  # a word with its page's number and its frame's turn


def assemble(pages: Sequence[Page]) -> Source:
    """The text of ``pages``, numbered from 1 without a gap, running heads left out. Takes the pages apart."""
    furniture.without(pages)
    sizes = {page.number: page for page in pages}
    regions = [
        (page.number, round(page.width), frame.turn, region)
        for page in pages
        for frame in page.frames
        for region in columns.regions(frame.lines)
        if region.lines
    ]
    _join_tables([region for *_, region in regions])
    setting = Setting(regions)
    flows: list[Flow] = [setting.flow(*place) for place in regions]
    joiner = Joiner(_uncut(flows))
    draft = Draft()
    words: list[Word] = []
    starts: dict[int, int] = {}
    for paragraph in paragraphs.paragraphs(flows, setting):
        _add(draft, paragraph, joiner, sizes, words, starts)
    source = draft.source()
    return replace(source, words=tuple(words), pages=_page_offsets(starts, len(pages), len(source.text)))


def _join_tables(regions: Sequence[Region]) -> None:
    """Gives cells to the rows that a table, which ends one region, has at the top of the next."""
    for one, other in pairwise(regions):
        if one.lines[-1].cells:
            other.lines = tables.go_on(one.lines, other.lines)


def _uncut(flows: Iterable[Flow]) -> Iterator[str]:
    """The words that no line's end cuts."""
    after_hyphen = False
    for mark in (mark for flow in flows for line in flow.lines for mark in line.marks):
        cut = mark.text[-1] in HYPHENS
        if not cut and not after_hyphen:
            yield mark.text
        after_hyphen = cut


def _add(
    draft: Draft,
    paragraph: Paragraph,
    joiner: Joiner,
    pages: dict[int, Page],
    words: list[Word],
    starts: dict[int, int],
) -> None:
    """Adds the paragraph to the draft, its words and its pages' starts to theirs."""
    cells = list(_cells(paragraph))
    pieces: list[str] = []
    spans: list[tuple[int, int, Placed]] = []
    length = 0
    for cell in cells:
        for text, placed, gap in _glued(cell, joiner):
            gap = gap if cell[0] is not placed or not pieces else CELL_GAP
            pieces += [gap if pieces else "", text]
            length += len(gap) if len(pieces) > 2 else 0
            spans.append((length, length + len(text), placed))
            length += len(text)
    start = draft.add("".join(pieces), paragraph.kind)
    if start is None:
        return
    for first, end, (number, turn, mark) in spans:
        edges = (round(edge, 2) for edge in on_page(mark, pages[number], turn))
        words.append(Word(start + first, start + end, number, *edges))
        starts[number] = min(starts.get(number, start + first), start + first)


def _cells(paragraph: Paragraph) -> Iterator[list[Placed]]:
    """The words of each cell of a row; of the paragraph, where it is none."""
    if paragraph.kind == "row":
        page, turn, row = paragraph.lines[0]
        cells = [[(page, turn, mark) for mark in cell] for cell in row.cells]
        for page, turn, rest in paragraph.lines[1:]:
            for column, cell in zip(rest.rest_of, rest.cells, strict=True):
                cells[column] += [(page, turn, mark) for mark in cell]
        yield from cells
    else:
        yield [(page, turn, mark) for page, turn, line in paragraph.lines for mark in line.marks]


def _glued(cell: Sequence[Placed], joiner: Joiner) -> Iterator[tuple[str, Placed, str]]:
    """Each word as it is to be read, and what comes before it: a space, or nothing inside a word cut in two."""
    gap = " "
    for number, placed in enumerate(cell):
        text = placed[2].text
        following = cell[number + 1] if number + 1 < len(cell) else None
        after = " "
        if following and text[-1] in HYPHENS and text[-2:-1].isalnum() and _next_line(placed, following):
            after = ""
            if not joiner.keeps(text, following[2].text):
                text = text[:-1]
        elif following and _goes_on(placed[2], following[2]) and _next_line(placed, following):
            after = ""
        text = text.replace(SOFT_HYPHEN, "")
        if text:
            yield text, placed, gap
            gap = after


def _goes_on(last: Mark, first: Mark) -> bool:
    """Whether two words with a dash between them, or an address, are cut between two lines."""
    dashed = DASH.search(last.text) is not None and first.text[0].isalnum()
    return dashed or (not last.fixed and last.text.endswith(GOES_ON) and ADDRESS.search(last.text) is not None)


def _next_line(one: Placed, other: Placed) -> bool:
    return one[0] != other[0] or other[2].left < one[2].right or not same_row(one[2], other[2])


def _page_offsets(starts: dict[int, int], count: int, length: int) -> tuple[int, ...]:
    """The offset at which each page starts; a page without text starts where the next one does."""
    offsets: list[int] = []
    following = length
    for number in range(count, 0, -1):
        following = min(following, starts.get(number, following))
        offsets.append(following)
    return tuple(reversed(offsets))
