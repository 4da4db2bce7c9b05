"""A document's text as HTML, a window of it at a time: its blocks, with the passage and its sentence set off.

Pure functions. The passage is not in ``<mark>``, which is the answering sentence's in a card.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.types import Block, Document, Span
from rag.web.cards import escaped
from rag.web.texts import Texts

WINDOW = 12_000  # characters: some five pages, a tenth of a second in a browser
NOTHING = Span(0, 0)


@dataclass(frozen=True, slots=True)
class Marked:
    """What is set off in a text: a passage, and in it the sentence that answers; empty spans are nothing."""

    passage: Span = NOTHING
    sentence: Span = NOTHING


def around(document: Document, span: Span) -> Span:
    """The window of the text with the span in its midst; of a long span, with its beginning."""
    half = WINDOW // 2
    end = min(span.end, span.start + WINDOW)
    return Span(_begun(document, span.start - half), _ended(document, end + half))


def after(document: Document, at: int) -> Span:
    """The window that begins at ``at``."""
    return Span(at, _ended(document, at + WINDOW))


def before(document: Document, at: int) -> Span:
    """The window that ends at ``at``."""
    return Span(_begun(document, at - WINDOW), at)


def page_span(document: Document, page: int) -> Span:
    """A page's text, up to a window; nothing where there is no such page."""
    if not 1 <= page <= len(document.pages):
        return NOTHING
    start = document.pages[page - 1]
    end = document.pages[page] if page < len(document.pages) else len(document.text)
    return Span(start, min(end, start + WINDOW))


def html(document: Document, window: Span, marked: Marked, said: Texts) -> str:
    """The blocks in the window, as far as they lie in it, table rows in tables."""
    parts: list[str] = []
    in_table = False
    for block in _blocks(document, window):
        is_row = block.kind == "row"
        if is_row != in_table:
            parts.append('<div class="table"><table>' if is_row else "</table></div>")
            in_table = is_row
        parts.append(_block(document, block, window, marked, said))
    return "".join(parts) + "</table></div>" * in_table


def _block(document: Document, block: Block, window: Span, marked: Marked, said: Texts) -> str:
    start, end = max(block.start, window.start), min(block.end, window.end)
    if block.kind == "row":
        cells = "".join(
            f'<td dir="auto">{_text(document, cell, marked, said)}</td>' for cell in _cells(document.text, start, end)
        )
        return f"<tr>{cells}</tr>"
    text = _text(document, Span(start, end), marked, said)
    if block.kind == "heading":
        return f'<p class="heading" role="heading" aria-level="3" dir="auto">{text}</p>'
    return f'<p dir="auto">{text}</p>'


def _cells(text: str, start: int, end: int) -> Iterator[Span]:
    """The row's cells, which stand between tabs."""
    while (tab := text.find("\t", start, end)) >= 0:
        yield Span(start, tab)
        start = tab + 1
    yield Span(start, end)


def _text(document: Document, span: Span, marked: Marked, said: Texts) -> str:
    """The text of a span, cut where something that is set off begins or ends; page numbers where pages begin."""
    pages = document.pages
    begun = range(bisect.bisect_left(pages, span.start), bisect.bisect_left(pages, span.end))
    turns = {pages[number]: number + 1 for number in begun}  # of pages without text, the last
    edges = {span.start, span.end, *turns, *marked.passage, *marked.sentence}
    cuts = sorted(edge for edge in edges if span.start <= edge <= span.end)
    parts = []
    for start, end in itertools.pairwise(cuts):
        if start in turns:
            label = escaped(said["page"].format(page=turns[start]))
            parts.append(f'<span class="turn" data-page="{label}"></span>')
        text = escaped(document.text[start:end])
        kind = _kind(start, marked)
        parts.append(f'<span class="{kind}">{text}</span>' if kind else text)
    return "".join(parts)


def _kind(at: int, marked: Marked) -> str:
    if not marked.passage.start <= at < marked.passage.end:
        return ""
    return "cited said" if marked.sentence.start <= at < marked.sentence.end else "cited"


def _blocks(document: Document, window: Span) -> Sequence[Block]:
    """Those that the window touches."""
    first = bisect.bisect_right(document.blocks, window.start, key=lambda block: block.end)
    last = bisect.bisect_left(document.blocks, window.end, key=lambda block: block.start)
    return document.blocks[first:last]


def _begun(document: Document, at: int) -> int:
    """Where a window that is to begin at ``at`` begins: with the block there, unless that is a long one."""
    if at <= 0:
        return 0
    found = _blocks(document, Span(at, at + 1))
    return found[0].start if found and at - found[0].start <= WINDOW else at


def _ended(document: Document, at: int) -> int:
    """The same of where it is to end."""
    if at >= len(document.text):
        return len(document.text)
    found = _blocks(document, Span(at, at + 1))
    return found[0].end if found and found[0].end - at <= WINDOW else at
