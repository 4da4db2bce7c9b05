"""What a reader made of a file, in a form to compare; and zip archives to give to readers."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

from rag.readers.source import Source
from rag.types import Document


def blocks(read: Source | Document) -> list[tuple[str, str]]:
    """The kind and the text of each block."""
    return [(block.kind, read.text[block.start : block.end]) for block in read.blocks]


def kinds(read: Source | Document) -> list[tuple[str, str]]:
    """The text and the kind of each block."""
    return [(text, kind) for kind, text in blocks(read)]


def texts(read: Source | Document) -> list[str]:
    return [text for _, text in blocks(read)]


def packed(entries: Mapping[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive of these entries."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", compression) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return memory.getvalue()
