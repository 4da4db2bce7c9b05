"""A document's title and date where its format says neither.

The archive that the first collection comes from puts `` date 2025-11-25 `` before a document's first word: that is
metadata, not prose, and no passage holds it.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import replace

from rag import text as words
from rag.readers.source import Source
from rag.sentences import sentences
from rag.types import Block

DATE_LINE = re.compile(r"\s*date:?[ \t]+(\d{4}-\d{2}-\d{2})(?=\s|$)[^\S\n]*", re.IGNORECASE)
LANGUAGE_TAG = re.compile(r"([A-Za-z]{2})(?:[-_]\w+)*")
TITLE_LENGTH = 90  # characters; one line of a citation card


def without_date_line(source: Source) -> Source:
    """The source with a leading date line read as its date and taken out of its first block."""
    match = DATE_LINE.match(source.text)
    date = iso_date(match[1]) if match else None
    if match is None or date is None:
        return source
    blocks = tuple(_after(block, match.end(), source.text) for block in source.blocks)
    left = tuple(block for block in blocks if block.start < block.end)
    return replace(source, blocks=left, date=source.date or date)


def iso_date(value: str | None) -> str | None:
    """``value`` if it begins with a date that exists, as ``YYYY-MM-DD``; otherwise None."""
    try:
        return datetime.date.fromisoformat((value or "")[:10]).isoformat()
    except ValueError:
        return None


def language_code(value: str | None) -> str | None:
    """The ISO 639-1 code in ``ru``, ``RU`` or ``en-US``; None where ``value`` is written otherwise."""
    match = LANGUAGE_TAG.fullmatch(value or "")
    return match[1].lower() if match else None


def title(source: Source, path: str) -> str:
    """The source's own title, else its first sentence, shortened; a text without one goes by its file's name."""
    if source.title and (own := words.shorten(source.title, TITLE_LENGTH)):
        return own
    for block in source.blocks:
        for start, end in sentences(source.text[block.start : block.end], block.start):
            if line := words.shorten(source.text[start:end].lstrip("-–—•* "), TITLE_LENGTH):
                return line
    return path.rsplit("/", 1)[-1]


def _after(block: Block, start: int, text: str) -> Block:
    if block.start >= start:
        return block
    start = min(start, block.end)
    piece = text[start : block.end]
    return Block(start + len(piece) - len(piece.lstrip()), block.end, block.kind)
