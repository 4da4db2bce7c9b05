"""Markdown: the text as written, with headings, paragraphs, list items, table rows and code told apart."""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

from rag.readers.encodings import decode
from rag.readers.plain import paragraphs, trimmed
from rag.readers.source import Source
from rag.types import Block, BlockKind

# A line of dashes before an empty line is a rule across the page and no front matter: Pandoc's way to tell.
FRONT_MATTER = re.compile(r"---[ \t]*\r?\n(?![ \t]*\r?\n)(.*?\n)?---[ \t]*(?:\r?\n|$)", re.DOTALL)
FRONT_FIELD = re.compile(r"^(title|date|language|lang)[ \t]*:(.+)$", re.MULTILINE | re.IGNORECASE)
HEADING_MARKS = re.compile(r"^#{1,6}[ \t]+|(?<![ \t])[ \t]++#++$|\n[=-]+[ \t]*$")
KINDS: dict[str, BlockKind] = {
    "heading_open": "heading",
    "paragraph_open": "paragraph",
    "tr_open": "row",
    "fence": "paragraph",
    "code_block": "paragraph",
    "html_block": "paragraph",
}
MAX_NESTING = 20  # markdown-it's own default guards its recursion; deeper quotes and lists are read as text
# What may stand between blocks: rules, list marks, a table's line of dashes, definitions of links.
NO_TEXT = re.compile(r"(?:[\W_]|\d{1,9}[.)](?!\w))*+|[ \t>]*+\[[^\]\n]*+\]:.*", re.DOTALL)


def read(data: bytes) -> Source:
    """The file's own text, markup included, so that a quotation is verbatim; raises DocumentError."""
    decoded = decode(data)
    text = decoded.text
    front = FRONT_MATTER.match(text)
    body = front.end() if front else 0
    fields = {name.lower(): _unquoted(value.strip()) for name, value in FRONT_FIELD.findall(front[0])} if front else {}
    blocks = tuple(_blocks(text, body))
    return Source(
        text=text,
        blocks=blocks,
        title=fields.get("title") or _first_heading(text, blocks),
        date=fields.get("date"),
        language=fields.get("language") or fields.get("lang"),
        missing=decoded.missing,
    )


def _blocks(text: str, body: int) -> Iterator[Block]:
    lines = _line_starts(text, body)
    parser = MarkdownIt("commonmark", {"maxNesting": MAX_NESTING}).enable("table").disable("inline")
    reached = body
    for token in parser.parse(_parsable(text[body:])):
        span = _span(token, lines, text)
        if span is None or span[0] < reached or span[0] == span[1]:
            continue
        yield from _between(text, reached, span[0])
        yield Block(*span, KINDS[token.type])
        reached = span[1]
    yield from _between(text, reached, len(text))


def _between(text: str, start: int, end: int) -> Iterator[Block]:
    """The paragraphs that the parser passed over: those in quotes and lists too deep for it."""
    return (block for block in paragraphs(text, start, end) if not NO_TEXT.fullmatch(text, block.start, block.end))


def _parsable(text: str) -> str:
    # markdown-it counts \r\n as one line and replaces NUL; lone \r would shift the count of lines
    return text.replace("\r\n", "\n").replace("\r", " ")


def _span(token: Token, lines: list[int], text: str) -> tuple[int, int] | None:
    if token.type not in KINDS or token.map is None:
        return None
    first, last = token.map
    return trimmed(text, lines[min(first, len(lines) - 1)], lines[min(last, len(lines) - 1)])


def _line_starts(text: str, body: int) -> list[int]:
    starts = [body]
    starts += [match.end() for match in re.compile("\n").finditer(text, body)]
    return [*starts, len(text)]


def _first_heading(text: str, blocks: tuple[Block, ...]) -> str | None:
    for block in blocks:
        if block.kind == "heading":
            return HEADING_MARKS.sub("", text[block.start : block.end]).strip() or None
    return None


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value
