"""Files named .doc: many hold RTF or the newer format, which are read; the old binary one names its remedy."""

from __future__ import annotations

from rag.readers import docx, rtf
from rag.readers.source import Source


def read(data: bytes) -> Source:
    """The text of what the file really is; raises DocumentError with the reason where it cannot be read."""
    return rtf.read(data) if data.startswith(rtf.START) else docx.read(data)
