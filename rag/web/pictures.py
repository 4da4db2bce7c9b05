"""Pages as pictures, made when they are looked at, in processes that can be killed, and kept while there is room."""

from __future__ import annotations

import base64
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.to_thread

from rag.errors import DocumentError
from rag.readers.showing import Shown
from rag.reading.pool import Pool

WIDTHS = (600, 900, 1200, 1600, 2000, 2600)  # pixels: few, so that a page that was made once serves most screens
KEPT = 64 * 2**20  # bytes of pictures; a page takes some 100 to 500 KB
AT_ONCE = 2  # pages that are made side by side; others wait
WAITING = 32  # pages that may wait: more is no reader
TYPE = "image/webp"
SECONDS = 20  # for one page; most take a tenth of one


@dataclass(frozen=True, slots=True)
class Page:
    """A page, from 1, of the file with this hash, in one of ``WIDTHS``."""

    sha256: str
    number: int
    width: int


class Pictures:
    """Makes and keeps pictures of pages. ``megabytes`` is the memory that making one may take."""

    def __init__(self, megabytes: int, kept: int = KEPT, seconds: int = SECONDS) -> None:
        self._megabytes, self._room, self._seconds = megabytes, kept, seconds
        self._kept: OrderedDict[Page, Shown] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()
        self._limiter = anyio.CapacityLimiter(AT_ONCE)
        self._waiting = 0

    async def shown(self, page: Page, file: Path) -> Shown:
        """The page's picture. Raises DocumentError where the file is not that of the page's hash any more, where it
        cannot be shown within the limits, or where too many pages are waited for."""
        kept = self._found(page)
        if kept is not None:
            return kept
        if self._waiting >= WAITING:
            raise DocumentError("too many pages are asked for at once: wait a little")
        self._waiting += 1
        try:
            return await anyio.to_thread.run_sync(self._made, page, file, limiter=self._limiter)
        finally:
            self._waiting -= 1

    def _made(self, page: Page, file: Path) -> Shown:
        kept = self._found(page)
        if kept is not None:  # made while this one waited
            return kept
        request = {"file": str(file), "page": page.number, "pixels": page.width, "sha256": page.sha256}
        with Pool(1, self._seconds, self._megabytes) as pool:
            [answer] = pool.run([request])
        if isinstance(answer, DocumentError):
            raise answer
        made = Shown(base64.b64decode(answer["picture"]), answer["width"], answer["height"])
        self._keep(page, made)
        return made

    def _found(self, page: Page) -> Shown | None:
        with self._lock:
            if page in self._kept:
                self._kept.move_to_end(page)
            return self._kept.get(page)

    def _keep(self, page: Page, shown: Shown) -> None:
        with self._lock:
            self._size += len(shown.picture) - len(self._kept[page].picture if page in self._kept else b"")
            self._kept[page] = shown
            while self._size > self._room:
                self._size -= len(self._kept.popitem(last=False)[1].picture)


def width(wanted: int) -> int:
    """The narrowest of ``WIDTHS`` that is enough, or the widest."""
    return next((each for each in WIDTHS if each >= wanted), WIDTHS[-1])
