"""Files named .ppt: some hold the newer format, which is read; the old binary one names its remedy."""

from __future__ import annotations

from rag.readers import pptx
from rag.readers.source import Source


def read(data: bytes) -> Source:
    """The text of what the file really is; raises DocumentError with the reason where it cannot be read."""
    return pptx.read(data)
