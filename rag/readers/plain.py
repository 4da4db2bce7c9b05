"""Plain text: paragraphs are set apart by blank lines, or stand one on a line.

A file with no blank line between its paragraphs is common in press archives; there every line is a paragraph.
Hard-wrapped text is told apart by its lines: they are short and do not end as sentences do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.readers.encodings import decode
from rag.readers.source import Source
from rag.types import Block

BLANK_LINES = re.compile(r"\n(?:[^\S\n]*+\n)++")  # begins at a line's end, so that a run of spaces is read once
EDGES = "".join(filter(str.isspace, map(chr, range(0x3001)))) + "\0\u200b\ufeff"  # white space, and what looks empty
SENTENCE_END = re.compile(r"[.!?…:;][\"'»”’)\]]*$")
WRAP_WIDTH = 100  # text wrapped by hand or by a mail program is narrower; a line wider than this was typed whole


def read(data: bytes) -> Source:
    """The text as it is, byte-order mark aside; raises DocumentError where it is not text."""
    decoded = decode(data)
    return Source(decoded.text, tuple(paragraphs(decoded.text)), missing=decoded.missing)


def paragraphs(text: str, start: int = 0, end: int | None = None) -> Iterator[Block]:
    """The paragraphs of ``text[start:end]``, trimmed, none empty."""
    end = len(text) if end is None else end
    position = start
    for gap in BLANK_LINES.finditer(text, start, end):
        yield from _lines_or_whole(text, position, gap.start())
        position = gap.end()
    yield from _lines_or_whole(text, position, end)


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """``[start, end)`` without the white space (and NULs) at its edges."""
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip(EDGES)), start + len(piece.rstrip(EDGES))


def _lines_or_whole(text: str, start: int, end: int) -> Iterator[Block]:
    spans = [span for span in _line_spans(text, start, end) if span[0] < span[1]]
    if not spans:
        return
    if _is_wrapped([text[a:b] for a, b in spans]):
        spans = [(spans[0][0], spans[-1][1])]
    for a, b in spans:
        yield Block(a, b)


def _line_spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    position = start
    while position <= end:
        stop = text.find("\n", position, end)
        stop = end if stop < 0 else stop
        yield trimmed(text, position, stop)
        position = stop + 1


def _is_wrapped(lines: list[str]) -> bool:
    """Whether the lines are one paragraph broken for width: narrow, and mostly broken in mid-sentence."""
    if len(lines) < 2 or max(map(len, lines)) > WRAP_WIDTH:
        return False
    broken = sum(1 for line in lines[:-1] if not SENTENCE_END.search(line))
    return 2 * broken >= len(lines) - 1
