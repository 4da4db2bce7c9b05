"""A document's blocks to passages: the pieces that are indexed and cited.

A passage is a paragraph. A heading, or a stub that does not end as a sentence does, goes with what follows it on its
page; a paragraph longer than the model reads is split at sentence ends.
"""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from rag import text as words
from rag.sentences import sentences
from rag.types import Block, Document, Passage, Span

STUB_LENGTH = 80  # characters; a shorter line without final punctuation is a heading or a label, not a paragraph
FINAL_PUNCTUATION = re.compile(r"[.!?…;؟۔][\"'»”’)\]*_]*$")
OWN_LANGUAGE_LENGTH = 40  # characters; a shorter passage is taken to be in its document's language
UNDETERMINED = "und"  # ISO 639-2: a text without letters, such as a table's row of numbers
WORD = re.compile(r"\S+")
WORDS_AT_ONCE = 10_000  # for the tokenizer, which takes some hundred bytes a word

CountTokens = Callable[[Sequence[str]], list[int]]


def passages(document: Document, count_tokens: CountTokens, max_tokens: int) -> tuple[Passage, ...]:
    """The document's passages in order; ``document.text[p.start:p.end] == p.text`` for each.

    ``count_tokens`` gives the length of each text in the model's tokens, of which it reads ``max_tokens``.
    """
    counter = _Counter(count_tokens, max_tokens)
    groups = _groups(document, counter)
    return tuple(
        _passage(document, spans, number)
        for number, blocks in groups
        for spans in _fitting(list(_sentences(document, blocks, counter)), document.text, counter)
    )


class _Counter:
    """Token lengths, asked of the tokenizer only where the length in characters leaves doubt."""

    def __init__(self, count_tokens: CountTokens, max_tokens: int) -> None:
        self.count_tokens = count_tokens
        self.max_tokens = max_tokens

    def lengths(self, texts: Sequence[str]) -> list[int]:
        return self.count_tokens(texts) if texts else []

    def fits(self, text: str) -> bool:
        # a token is at least a character, normalisation (ﷺ) aside, which halves the shortcut's reach
        return 2 * len(text) <= self.max_tokens or self.lengths([text])[0] <= self.max_tokens


def _groups(document: Document, counter: _Counter) -> Iterator[tuple[int, list[Block]]]:
    """Blocks that belong together, each group with its first paragraph's number."""
    held: list[Block] = []
    for number, block in enumerate(document.blocks, start=1):
        if held and (
            _page(document, block.start) != _page(document, held[0].start)  # it is cited to the page it begins on
            or (counter.fits(_text(document, block)) and not counter.fits(_text(document, held[0], block)))
        ):
            yield number - len(held), held
            held = []
        held.append(block)
        if not _leads(document, block):
            yield number - len(held) + 1, held
            held = []
    if held:
        yield len(document.blocks) - len(held) + 1, held


def _text(document: Document, first: Block, last: Block | None = None) -> str:
    return document.text[first.start : (last or first).end]


def _leads(document: Document, block: Block) -> bool:
    """Whether the block only makes sense with what follows it."""
    text = _text(document, block)
    is_stub = len(text) < STUB_LENGTH and not FINAL_PUNCTUATION.search(text)
    return block.kind == "heading" or (block.kind == "paragraph" and is_stub)


def _sentences(document: Document, blocks: Iterable[Block], counter: _Counter) -> Iterator[Span]:
    """The sentences of the blocks, those longer than the model reads cut at white space."""
    for block in blocks:
        for span in sentences(document.text[block.start : block.end], block.start):
            yield from _cut(document.text, span, counter)


def _cut(text: str, span: Span, counter: _Counter) -> Iterator[Span]:
    if counter.fits(text[span.start : span.end]):
        yield span
        return
    pieces = (
        Span(start, min(start + counter.max_tokens, word.end()))
        for word in WORD.finditer(text, span.start, span.end)
        for start in range(word.start(), word.end(), counter.max_tokens)
    )
    while some := list(itertools.islice(pieces, WORDS_AT_ONCE)):
        for group in _packed(some, counter.lengths([text[a:b] for a, b in some]), counter.max_tokens):
            yield Span(group[0].start, group[-1].end)


def _fitting(spans: list[Span], text: str, counter: _Counter) -> Iterator[list[Span]]:
    if not spans:
        return
    if counter.fits(text[spans[0].start : spans[-1].end]):
        yield spans
        return
    stops = [*(span.start for span in spans[1:]), spans[-1].end]  # what stands between two sentences counts too
    lengths = counter.lengths([text[span.start : stop] for span, stop in zip(spans, stops, strict=True)])
    yield from _packed(spans, lengths, counter.max_tokens)


def _packed(spans: Sequence[Span], lengths: Sequence[int], budget: int) -> Iterator[list[Span]]:
    """Neighbouring spans, as many together as the budget holds, at least one."""
    group: list[Span] = []
    used = 0
    for span, length in zip(spans, lengths, strict=True):
        if group and used + length > budget:
            yield group
            group, used = [], 0
        group.append(span)
        used += length
    if group:
        yield group


def _passage(document: Document, spans: Sequence[Span], first: int) -> Passage:
    start, end = spans[0].start, spans[-1].end
    text = document.text[start:end]
    return Passage(
        document=document.path,
        start=start,
        end=end,
        text=text,
        paragraph=_paragraph(document, start, first),
        page=_page(document, start),
        language=_language(text, document),
        sentences=tuple(spans),
    )


def _page(document: Document, start: int) -> int | None:
    return bisect.bisect_right(document.pages, start) or None


def _language(text: str, document: Document) -> str:
    own = words.language(text) if len(text) >= OWN_LANGUAGE_LENGTH else UNDETERMINED
    return document.language if own == UNDETERMINED else own


def _paragraph(document: Document, start: int, first: int) -> int:
    """The number of the block in which ``start`` lies, looking on from block number ``first``."""
    number = first
    while number < len(document.blocks) and document.blocks[number].start <= start:
        number += 1
    return number
