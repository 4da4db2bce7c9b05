"""The readers, one a format: a file's bytes to a :class:`Document`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from rag import text as words
from rag.errors import DocumentError
from rag.readers import metadata
from rag.readers.source import Source
from rag.types import Document, Word

if TYPE_CHECKING:
    from rag.readers.pages.scanned import ScannedPage


class Reader(Protocol):
    """What each module of this package that reads a format offers."""

    def read(self, data: bytes) -> Source:
        """The file's text and metadata; raises DocumentError with the reason where it cannot be read."""


class PageReader(Protocol):
    """What a module that reads pages offers, some of which may be scans."""

    def read(self, data: bytes, scans: Mapping[int, ScannedPage] | None = None) -> Source:
        """As a reader's, with what OCR has made of some pages."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A file as read: its document, and the parts of its :class:`Source` that are no part of the document."""

    document: Document
    words: tuple[Word, ...] = ()
    scans: tuple[int, ...] = ()
    missing: tuple[str, ...] = ()


# A file's ending -> the module that reads it, imported at the first such file: some of them load large libraries.
READERS = {
    "txt": "plain",
    "text": "plain",
    "md": "markdown",
    "markdown": "markdown",
    "html": "html",
    "htm": "html",
    "xhtml": "html",
    "epub": "epub",
    "fb2": "fb2",
    "docx": "docx",
    "docm": "docx",
    "dotx": "docx",
    "dotm": "docx",
    "doc": "doc",
    "rtf": "rtf",
    "odt": "odf",
    "ott": "odf",
    "odp": "odf",
    "otp": "odf",
    "ods": "odf",
    "ots": "odf",
    "pptx": "pptx",
    "pptm": "pptx",
    "potx": "pptx",
    "ppsx": "pptx",
    "ppt": "ppt",
    "xlsx": "xlsx",
    "xlsm": "xlsx",
    "xltx": "xlsx",
    "xls": "xls",
    "pdf": "pdf",
    "png": "image",
    "jpg": "image",
    "jpeg": "image",
    "tif": "image",
    "tiff": "image",
    "csv": "csv",
    "tsv": "csv",
}


ARCHIVES = ("zip", "rar", "7z", "tar", "gz", "tgz", "bz2", "xz")


def file_type(path: str) -> str:
    """The ending of the file's name, lower case and without the dot; empty where there is none."""
    name = path.rsplit("/", 1)[-1]
    return name.rsplit(".", 1)[1].lower() if "." in name[1:] else ""


def read(data: bytes, path: str, scans: Mapping[str, str] | None = None) -> Reading:
    """What the file ``path`` holds; raises DocumentError with the reason where it cannot be read.

    ``scans`` are pages, by their numbers in decimal, that OCR has read: the JSON of ``ScannedPage``.
    """
    kind = file_type(path)
    if kind not in READERS:
        raise DocumentError(_unknown(kind))
    if not data:
        raise DocumentError("the file is empty")
    source = metadata.without_date_line(_source(kind, data, scans))
    if not source.blocks and not source.scans:
        raise DocumentError("the file holds no text")
    document = Document(
        path=path,
        text=source.text,
        blocks=source.blocks,
        title=metadata.title(source, path),
        language=metadata.language_code(source.language) or words.language(source.text),
        type=kind,
        date=metadata.date(source, path),
        pages=source.pages,
        scanned=source.scanned,
    )
    return Reading(document, source.words, source.scans, source.missing)


def _source(kind: str, data: bytes, scans: Mapping[str, str] | None) -> Source:
    if not scans:
        return _reader(kind).read(data)
    from rag.readers.pages.scanned import ScannedPage

    pages = {int(number): ScannedPage.from_json(text) for number, text in scans.items()}
    module: PageReader = import_module(f"rag.readers.{READERS[kind]}")
    return module.read(data, pages)


def _reader(kind: str) -> Reader:
    module: Reader = import_module(f"rag.readers.{READERS[kind]}")
    return module


def _unknown(kind: str) -> str:
    if not kind:
        return "no reader for files without an ending: give it that of its format"
    if kind in ARCHIVES:
        return f"no reader for .{kind}: unpack the archive"
    return f"no reader for .{kind}: save it in a format that is read, such as .pdf, .docx or .txt"


def supported() -> str:
    """The endings that can be read, as a phrase."""
    return "supported are " + ", ".join("." + kind for kind in sorted(READERS))
