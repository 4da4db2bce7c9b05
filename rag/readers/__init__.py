"""The readers, one a format: a file's bytes to a :class:`Document`."""

from __future__ import annotations

from collections.abc import Callable

from rag import text as words
from rag.errors import DocumentError
from rag.readers import markdown, metadata, plain
from rag.readers.source import Source
from rag.types import Document

Reader = Callable[[bytes], Source]

READERS: dict[str, Reader] = {
    "txt": plain.read,
    "text": plain.read,
    "md": markdown.read,
    "markdown": markdown.read,
}


def file_type(path: str) -> str:
    """The ending of the file's name, lower case and without the dot; empty where there is none."""
    name = path.rsplit("/", 1)[-1]
    return name.rsplit(".", 1)[1].lower() if "." in name[1:] else ""


def read(data: bytes, path: str) -> Document:
    """The document that the file ``path`` holds; raises DocumentError with the reason where it cannot be read."""
    kind = file_type(path)
    reader = READERS.get(kind)
    if reader is None:
        raise DocumentError(f"no reader for {'.' + kind if kind else 'files without an ending'}: {supported()}")
    if not data:
        raise DocumentError("the file is empty")
    source = metadata.without_date_line(reader(data))
    if not source.blocks:
        raise DocumentError("the file holds no text")
    return Document(
        path=path,
        text=source.text,
        blocks=source.blocks,
        title=metadata.title(source, path),
        language=metadata.language_code(source.language) or words.language(source.text),
        type=kind,
        date=metadata.iso_date(source.date),
        pages=source.pages,
    )


def supported() -> str:
    """The endings that can be read, as a phrase."""
    return "supported are " + ", ".join("." + kind for kind in sorted(READERS))
