"""Documents and passages as JSON: what a part of the index holds, and what a reading process answers."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from rag.types import Block, Document, Json, Passage, Span, Word

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
    """The document that :func:`document_json` wrote, under the path it has now."""
    return Document(
        path=path,
        text=value["text"],
        blocks=tuple(Block(*block) for block in value["blocks"]),
        title=value["title"] or _name(path),
        language=value["language"],
        type=value["type"],
        date=value["date"],
        pages=tuple(value["pages"]),
        scanned=tuple(value["scanned"]),
    )


def passages_json(passages: Sequence[Passage]) -> list[Any]:
    """A document's passages, without their texts: those are slices of the document's."""
    return [[p.start, p.end, p.paragraph, p.page, p.language, p.sentences] for p in passages]


def passages_from_json(document: Document, value: Sequence[Any]) -> list[Passage]:
    """The document's passages as :func:`passages_json` wrote them."""
    return [
        Passage(
            document=document.path,
            start=start,
            end=end,
            text=document.text[start:end],
            paragraph=paragraph,
            page=page,
            language=language,
            sentences=tuple(Span(*span) for span in spans),
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
    """The words that :func:`words_to_bytes` packed."""
    if not data:
        return ()
    table = np.frombuffer(zlib.decompress(data), dtype="<i4").reshape(-1, len(Word._fields))
    return tuple(Word(*row[:3], *(edge / TENTHS for edge in row[3:])) for row in table.tolist())


def _name(path: str) -> str:
    return path.rsplit("/", 1)[-1]
