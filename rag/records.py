"""Documents and passages as JSON: what a part of the index holds, and what a reading process answers."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, get_args

import numpy as np

from rag.types import Block, BlockKind, Document, Json, Passage, Span, Word

MOST_WORDS = 2**28  # bytes unpacked: ten million words, which no file within the limits of reading has
TENTHS = 10  # a word's edges are kept in tenths of a point, finer than any screen shows them


def document_json(document: Document) -> Json:
    """The document without its path. A title that is only the file's name is left out, so that it follows a rename."""
    return {
        "text": document.text,
        "blocks": [[block.start, block.end, block.kind] for block in document.blocks],
        "title": "" if document.title == _name(document.path) else document.title,
        "language": document.language,
        "type": document.type,
        "date": document.date,
        "pages": list(document.pages),
        "scanned": list(document.scanned),
    }


def document_from_json(path: str, value: Json) -> Document:
    """The document that :func:`document_json` wrote, under the path it has now.

    Raises ValueError, TypeError or KeyError where the value is none: it may come from an index that others made.
    """
    text = _text(value["text"])
    blocks = tuple(Block(*_span(start, end, len(text)), kind) for start, end, kind in value["blocks"])
    if any(block.kind not in get_args(BlockKind) for block in blocks):
        raise ValueError("a block of no kind")
    return Document(
        path=path,
        text=text,
        blocks=blocks,
        title=_text(value["title"]) or _name(path),
        language=_text(value["language"]),
        type=_text(value["type"]),
        date=None if value["date"] is None else _text(value["date"]),
        pages=tuple(_span(page, len(text), len(text)).start for page in value["pages"]),
        scanned=tuple(map(_number, value["scanned"])),
    )


def passages_json(passages: Sequence[Passage]) -> list[Any]:
    """A document's passages, without their texts: those are slices of the document's."""
    return [[p.start, p.end, p.paragraph, p.page, p.language, p.sentences] for p in passages]


def passages_from_json(document: Document, value: Sequence[Any]) -> list[Passage]:
    """The document's passages as :func:`passages_json` wrote them; raises as :func:`document_from_json` does."""
    length = len(document.text)
    return [
        Passage(
            document=document.path,
            start=_span(start, end, length).start,
            end=end,
            text=document.text[start:end],
            paragraph=_number(paragraph),
            page=None if page is None else _number(page),
            language=_text(language),
            sentences=tuple(_span(a, b, length) for a, b in spans),
        )
        for start, end, paragraph, page, language, spans in value
    ]


def words_to_bytes(words: Sequence[Word]) -> bytes:
    """Where a document's words stand, packed: int32 (words, 7), edges in tenths of a point, deflated; no words take no
    bytes."""
    if not words:
        return b""
    table = np.array(words, dtype=np.float64).reshape(-1, len(Word._fields))
    table[:, 3:] *= TENTHS
    return zlib.compress(np.rint(table).astype("<i4").tobytes())


def words_from_bytes(data: bytes) -> tuple[Word, ...]:
    """The words that :func:`words_to_bytes` packed; raises ValueError or zlib.error where the data are none."""
    if not data:
        return ()
    unpacking = zlib.decompressobj()
    unpacked = unpacking.decompress(data, MOST_WORDS)
    if not unpacking.eof:
        raise ValueError(f"words of more than {MOST_WORDS >> 20} MB, or cut short")
    table = np.frombuffer(unpacked, dtype="<i4").reshape(-1, len(Word._fields))
    return tuple(Word(*row[:3], *(edge / TENTHS for edge in row[3:])) for row in table.tolist())


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**31:
        raise ValueError(f"{value!r:.40} is no number here")
    return value


def _span(start: object, end: object, length: int) -> Span:
    """The two as a span of a text so long."""
    span = Span(_number(start), _number(end))
    if not span.start <= span.end <= length:
        raise ValueError(f"{span} lies outside of {length} characters")
    return span


def _name(path: str) -> str:
    return path.rsplit("/", 1)[-1]
