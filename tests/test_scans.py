"""Scanned pages in a build: read by OCR where it is there, named as skipped where it is not, and then tried again."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pypdfium2 as pdfium
import pytest

import rag
from rag.errors import NothingToIndex
from rag.readers import ocr
from rag.readers.pages.scanned import ScannedPage, ScannedWord
from rag.reading import scans
from rag.reading.scans import Scan, unread
from rag.settings import Settings
from rag.types import Skipped
from tests.small_encoder import SmallEncoder

DATA = Path(__file__).parent / "data" / "pdf"
SAID = "Комиссия одобрила план развития порта Актау."
ABSENT = "Tesseract is missing: install it"


class Folder:
    """A folder of documents with its index, and settings whose cache is its own."""

    def __init__(self, path: Path) -> None:
        self.documents, self.index = path / "documents", path / "index"
        self.documents.mkdir()
        self.settings = Settings(cache=path / "cache")

    def build(self, settings: Settings | None = None) -> rag.Index:
        return rag.build(self.documents, self.index, settings=settings or self.settings, encoder=SmallEncoder())

    def recognise(self, name: str, page: int) -> None:
        """Puts into the cache what OCR would make of the page."""
        sha256 = hashlib.sha256((self.documents / name).read_bytes()).hexdigest()
        words = [
            ScannedWord(word, 70.0 + 60 * i, 100.0, 125.0 + 60 * i, 112.0, 95.0, 0)
            for i, word in enumerate(SAID.split())
        ]
        scans._keep(Scan("", name, sha256, page), ScannedPage(595.0, 842.0, tuple(words)).to_json(), self.settings)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.setattr(ocr, "available", lambda: None)
    return Folder(tmp_path)


def with_a_scan(path: Path) -> None:
    """A PDF of a page of text and a scanned one."""
    whole = pdfium.PdfDocument.new()
    for name in ("letters-kk.pdf", "scan-ru.pdf"):
        with pdfium.PdfDocument(DATA / name) as source:
            whole.import_pages(source, pages=[0])
    whole.save(path)
    whole.close()


def test_a_citation_from_ocr_says_so_and_where_it_stands(folder: Folder) -> None:
    shutil.copy(DATA / "scan-ru.pdf", folder.documents)
    folder.recognise("scan-ru.pdf", 1)
    index = folder.build()
    [citation] = index.search("план развития порта")
    assert (citation.quote, citation.page, citation.ocr) == (SAID, 1, True)
    [place] = index.rectangles("scan-ru.pdf", citation.start, citation.end)
    assert (place.page, place.left, place.right) == (1, 70.0, 425.0)


@pytest.mark.parametrize(
    ("absent", "settings", "reason"),
    [
        (ABSENT, Settings(), f"page 1: a scan; {ABSENT}"),
        (None, Settings(ocr=()), "page 1: a scan, which is not read: SNOSKA_OCR is off"),
    ],
    ids=["no-tesseract", "off"],
)
def test_a_scan_that_is_not_read_is_skipped_with_the_reason(
    absent: str | None, settings: Settings, reason: str, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ocr, "available", lambda: absent)
    shutil.copy(DATA / "scan-ru.pdf", folder.documents)
    with pytest.raises(NothingToIndex, match=reason):
        folder.build(settings)
    (folder.documents / "a.txt").write_text("Текст.", encoding="utf-8")
    report = folder.build(settings).report
    assert report is not None
    assert (report.documents, report.skipped) == (1, (Skipped("scan-ru.pdf", reason),))


def test_a_document_with_unread_pages_is_tried_again(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    with_a_scan(folder.documents / "mixed.pdf")
    monkeypatch.setattr(ocr, "available", lambda: ABSENT)
    first = folder.build()
    assert first.report is not None
    assert first.report.skipped == (Skipped("mixed.pdf", f"page 2: a scan; {ABSENT}"),)
    assert first.document("mixed.pdf").scanned == ()
    monkeypatch.setattr(ocr, "available", lambda: None)
    folder.recognise("mixed.pdf", 2)
    second = folder.build()
    assert second.report is not None
    assert (second.report.unchanged, second.report.embedded_texts, second.report.skipped) == (1, 1, ())
    assert second.document("mixed.pdf").scanned == (2,)
    assert [(hit.page, hit.ocr) for hit in second.search("план развития порта", k=1)] == [(2, True)]


def test_a_damaged_page_in_the_cache_is_read_again(folder: Folder) -> None:
    scan = Scan("", "a.pdf", "0" * 64, 1)
    scans._keep(scan, '{"width": 1}', folder.settings)
    assert scans._cached(scan, folder.settings) is None


def test_unread_pages_are_told_by_reason_in_ranges() -> None:
    assert unread({3: "a scan", 1: "a scan", 2: "a scan", 9: "a scan", 5: "too slow"}) == (
        "pages 1-3, 9: a scan",
        "page 5: too slow",
    )
