"""Scanned pages: each goes through OCR in a reading process of its own, once for as long as its file stays the same."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.errors import DocumentError
from rag.readers.pages.scanned import ScannedPage
from rag.reading.pool import Pool
from rag.settings import Settings
from rag.types import Json

CACHE = "ocr"


@dataclass(frozen=True, slots=True)
class Scan:
    """A page, from 1, of a file with this hash that holds a picture and no text."""

    file: str
    path: str
    sha256: str
    page: int


def recognised(
    scans: Sequence[Scan], pool: Pool, settings: Settings, progress: Callable[[int], None]
) -> dict[Scan, str | DocumentError]:
    """What OCR makes of each scan, as JSON of a :class:`rag.readers.pages.scanned.ScannedPage`, or why it has not been
    read; ``progress`` hears how many are done."""
    reason = _unavailable(settings)
    if reason:
        return dict.fromkeys(scans, DocumentError(reason))
    cached = {scan: text for scan in scans if (text := _cached(scan, settings)) is not None}
    todo = [scan for scan in scans if scan not in cached]
    found: dict[Scan, str | DocumentError] = {**cached}
    for done, (scan, answer) in enumerate(zip(todo, pool.run(_requests(todo, settings)), strict=True)):
        progress(len(cached) + done)
        found[scan] = answer if isinstance(answer, DocumentError) else answer["page"]
        if not isinstance(answer, DocumentError):
            _keep(scan, answer["page"], settings)
    progress(len(scans))
    return found


def unread(reasons: Mapping[int, str]) -> tuple[str, ...]:
    """``page 3: …`` or ``pages 3-5, 9: …`` for pages that were not read, by their reasons."""
    by_reason: dict[str, list[int]] = {}
    for page, reason in sorted(reasons.items()):
        by_reason.setdefault(reason, []).append(page)
    return tuple(f"{'pages' if len(pages) > 1 else 'page'} {_ranges(pages)}: {why}" for why, pages in by_reason.items())


def _ranges(pages: Sequence[int]) -> str:
    runs: list[list[int]] = []
    for page in pages:
        if runs and page == runs[-1][-1] + 1:
            runs[-1].append(page)
        else:
            runs.append([page])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def _unavailable(settings: Settings) -> str | None:
    if not settings.ocr:
        return "a scan, which is not read: SNOSKA_OCR is off"
    from rag.readers import ocr

    missing = ocr.available()
    return f"a scan; {missing}" if missing else None


def _requests(scans: Sequence[Scan], settings: Settings) -> Iterator[Json]:
    return ({"file": scan.file, "path": scan.path, "page": scan.page, "languages": settings.ocr} for scan in scans)


def _place(scan: Scan, settings: Settings) -> Path:
    return settings.cache / CACHE / f"{scan.sha256}-{scan.page}-{'+'.join(settings.ocr)}.json"


def _cached(scan: Scan, settings: Settings) -> str | None:
    try:
        text = _place(scan, settings).read_text("utf-8")
        ScannedPage.from_json(text)
    except (OSError, ValueError):
        return None
    return text


def _keep(scan: Scan, page: str, settings: Settings) -> None:
    """In the cache, where it can be written: elsewhere the page is read again by the next build that needs it."""
    place = _place(scan, settings)
    temporary = place.with_suffix(f".{os.getpid()}")
    with contextlib.suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(page, "utf-8")
        temporary.replace(place)
