"""What every reader gives, and the decoding that text formats share."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from rag.errors import DocumentError
from rag.types import Block

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins as UTF-16's mark does
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True, slots=True)
class Source:
    """A file's extracted text, its blocks in order, and what its own metadata says (None where it says nothing)."""

    text: str
    blocks: tuple[Block, ...]
    pages: tuple[int, ...] = ()
    title: str | None = None
    date: str | None = None
    language: str | None = None


def decode(data: bytes) -> str:
    """Bytes to text: UTF-8, or UTF-16 or UTF-32 with its mark. Raises DocumentError where it is none of them."""
    mark, encoding = next((each for each in BYTE_ORDER_MARKS if data.startswith(each[0])), (b"", "utf-8"))
    if encoding == "utf-8" and b"\0" in data:
        raise DocumentError("not a text file: it holds NUL bytes")
    return _strictly(data[len(mark) :], encoding)


def _strictly(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise DocumentError(f"not {encoding.upper()} text (byte {error.start}): save it as UTF-8") from error
