"""A file to be kept: the headers that make every browser store it under its name and never show it."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from typing import BinaryIO
from urllib.parse import quote

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

CHUNK = 2**18  # bytes that are read at once
LONGEST = 120  # characters of a name: 240 bytes in Cyrillic, and systems take 255
RESERVED = frozenset('<>:"/\\|?*')  # in names on Windows
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class Download(StreamingResponse):
    """An open file, sent as it is from its beginning and closed in the end; ``path`` is the document's."""

    def __init__(self, stream: BinaryIO, path: str) -> None:
        self._stream = stream
        size = os.fstat(stream.fileno()).st_size
        headers = {**HEADERS, "Content-Disposition": disposition(path), "Content-Length": str(size)}
        super().__init__(_chunks(stream, size), media_type="application/octet-stream", headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._stream:
            await super().__call__(scope, receive, send)


def disposition(path: str) -> str:
    """``Content-Disposition`` for the file at this path: its name in ASCII, and as RFC 5987 (now 8187) spells it."""
    name = safe_name(path)
    plain = "".join(c if c.isascii() else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def safe_name(path: str) -> str:
    """The name at the end of the path, without what a system cannot keep and what would make it look like another:
    control characters, those that turn the direction of writing, dots and spaces at its ends."""
    shown = "".join(_safe(c) for c in path.rsplit("/", 1)[-1]).strip(". ")
    stem, dot, ending = shown.rpartition(".")
    room = LONGEST - len(dot + ending)
    return (stem[:room] + dot + ending if dot and room > 0 else shown[:LONGEST]) or "document"


def _safe(character: str) -> str:
    unsafe = character in RESERVED or unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return "_" if unsafe else character


def _chunks(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """As many bytes as were announced, or fewer, which the client then notices, where the file becomes shorter."""
    while size > 0 and (chunk := stream.read(min(CHUNK, size))):
        size -= len(chunk)
        yield chunk
