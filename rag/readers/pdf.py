"""PDF: its text in reading order, by pdfium. Pages that are pictures are named, and read from what OCR made of them.

pdfium is not to be used from two threads; a file is read in a process of its own.
"""

from __future__ import annotations

import ctypes
import datetime
import re
from collections.abc import Mapping
from dataclasses import replace

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from rag import text as words
from rag.errors import DocumentError
from rag.readers import archive
from rag.readers.pages import glyphs
from rag.readers.pages.assemble import assemble
from rag.readers.pages.marks import Page
from rag.readers.pages.scanned import ScannedPage, as_page
from rag.readers.source import Source

MAX_PAGES = 5_000  # the longest books have some 3,000
MAX_CHARACTERS = 12_000_000  # three times War and Peace in both languages; a word takes some 500 bytes while read
NO_TITLE = re.compile(
    r"untitled.*|без имени.*|безымянный.*|документ\s*\d*|document\s*\d*|слайд \d+|slide \d+|powerpoint presentation"
    r"|презентация powerpoint|title|layout \d+|книга\s*\d*|book\s*\d*|about:blank|(?:https?|file)://\S*|\W*"
    r"|microsoft \w+ [-–] .*|.*\.(?:docx?|rtf|odt|txt|pdf|pptx?|xlsx?|html?|indd|qxd|cdr|tex|dvi|md|tmp|p65|wpd)",
    re.IGNORECASE,
)
PDF_DATE = re.compile(r"(?:D:)?(\d{4})(\d{2})?(\d{2})?")
YEARS = range(1985, 2100)  # clocks that were never set say 1970 or 1980
MARK, MARK_WITHIN = b"%PDF-", 1024  # bytes: where readers look for it
NO_PAGES = "a PDF without pages, or a damaged one: open it in a PDF viewer and save it anew"
REASONS = {
    raw.FPDF_ERR_PASSWORD: "it is protected by a password: save it without one",
    raw.FPDF_ERR_SECURITY: "it is encrypted in a way that is not supported: save it without encryption",
    raw.FPDF_ERR_FORMAT: "not a PDF, or a damaged one: open it in a PDF viewer and save it anew",
}


def read(data: bytes, scans: Mapping[int, ScannedPage] | None = None) -> Source:
    """The text, without running heads; ``scans`` are pages that OCR has read, which take its words.

    Raises DocumentError where the file is damaged, protected, empty or endless.
    """
    document = opened(data)
    try:
        return _source(document, scans or {})
    finally:
        document.close()


def opened(data: bytes) -> pdfium.PdfDocument:
    """The document, with at least one page and at most ``MAX_PAGES``; raises DocumentError."""
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        # pdfium leaves the error of the file before where it has none for this one
        code = error.err_code if b"/Encrypt" in data else raw.FPDF_ERR_FORMAT
        if code == raw.FPDF_ERR_FORMAT and MARK not in data[:MARK_WITHIN]:
            raise DocumentError(archive.other_kind(data)) from error
        raise DocumentError(REASONS.get(code, REASONS[raw.FPDF_ERR_FORMAT])) from error
    count = len(document)
    if 0 < count <= MAX_PAGES:
        return document
    document.close()
    if not count:
        raise DocumentError(NO_PAGES)
    raise DocumentError(f"{count:,} pages, more than {MAX_PAGES:,}: split it")


def _source(document: pdfium.PdfDocument, scans: Mapping[int, ScannedPage]) -> Source:
    pages: list[Page] = []
    unread: list[int] = []
    missing: list[str] = []
    characters = 0
    for number in range(1, len(document) + 1):
        if number in scans:
            pages.append(as_page(number, scans[number]))
            continue
        try:
            page, is_scan = _page(document, number)
        except (pdfium.PdfiumError, glyphs.Unreadable) as error:
            missing.append(
                f"page {number}: {error if isinstance(error, glyphs.Unreadable) else 'its content is damaged'}"
            )
            page, is_scan = Page(number, 0, 0, []), False
        pages.append(page)
        if is_scan:
            unread.append(number)
        characters += sum(len(mark.text) for frame in page.frames for line in frame.lines for mark in line.marks)
        if characters > MAX_CHARACTERS:
            raise DocumentError(f"more than {MAX_CHARACTERS:,} characters: split it")
    source = assemble(pages)
    return replace(
        source,
        title=_title(document),
        date=_date(document),
        language=_language(document, source.text),
        scans=tuple(unread),
        scanned=tuple(sorted(number for number in scans if number <= len(document))),
        missing=tuple(missing),
    )


def _page(document: pdfium.PdfDocument, number: int) -> tuple[Page, bool]:
    page = document[number - 1]
    try:
        return glyphs.read(page, number)
    finally:
        page.close()


def _metadata(document: pdfium.PdfDocument, key: str) -> str:
    try:
        value: str = document.get_metadata_value(key)
    except UnicodeDecodeError:
        return ""
    return value


def _title(document: pdfium.PdfDocument) -> str | None:
    title = " ".join(_metadata(document, "Title").replace("\0", " ").replace("\u00ad", "").split())
    return None if NO_TITLE.fullmatch(title) or "\ufffd" in title else title


def _date(document: pdfium.PdfDocument) -> str | None:
    match = PDF_DATE.match(_metadata(document, "CreationDate"))
    if not match or int(match[1]) not in YEARS:
        return None
    try:
        return datetime.date(int(match[1]), int(match[2] or 1), int(match[3] or 1)).isoformat()
    except ValueError:
        return None


def _language(document: pdfium.PdfDocument, text: str) -> str | None:
    """The language that the file says it is in; English, which programs say by default, only if it looks so."""
    length = raw.FPDFCatalog_GetLanguage(document.raw, None, 0)
    if not 2 < length <= 100:  # bytes of UTF-16 with the closing NUL; a language's tag is short
        return None
    buffer = (ctypes.c_ushort * (length // 2))()
    raw.FPDFCatalog_GetLanguage(document.raw, buffer, length)
    said = bytes(buffer).decode("utf-16-le", "replace").rstrip("\0")
    return None if said.lower().startswith("en") and words.language(text) != "en" else said or None
