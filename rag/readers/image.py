"""Pictures of pages: PNG, JPEG, and TIFF with a page a frame. All their text comes from OCR."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from dataclasses import replace

from PIL import Image, ImageOps

from rag.errors import DocumentError
from rag.readers.pages.assemble import assemble
from rag.readers.pages.marks import Page
from rag.readers.pages.scanned import ScannedPage, as_page
from rag.readers.source import Source

FORMATS = ("PNG", "JPEG", "TIFF")
MAX_PIXELS = 120_000_000  # A3 at 600 dpi has 70 million
MAX_FRAMES = 1_000
DPI = range(100, 1_201)  # what a scanner says; anything else is a default that means nothing
PAGE_INCHES = 8.27  # the short side of A4, which a picture that does not say its size is taken for
DAMAGED = "not a PNG, JPEG or TIFF picture, or a damaged one: open it in a viewer and save it anew"


def read(data: bytes, scans: Mapping[int, ScannedPage] | None = None) -> Source:
    """The text that OCR has found in ``scans``; the frames that it has not read. Raises DocumentError."""
    count = _count(data)
    known = {number: page for number, page in (scans or {}).items() if 1 <= number <= count}
    pages = [
        as_page(number, known[number]) if number in known else Page(number, 0, 0, []) for number in range(1, count + 1)
    ]
    return replace(
        assemble(pages),
        scanned=tuple(sorted(known)),
        scans=tuple(number for number in range(1, count + 1) if number not in known),
    )


def frame(data: bytes, number: int, mode: str = "L") -> tuple[Image.Image, float]:
    """The frame ``number``, from 1, upright, and its pixels an inch; in shades of grey, or in ``RGB``.

    Raises DocumentError.
    """
    try:
        with _opened(data) as picture:
            picture.seek(number - 1)
            _check(picture)
            dpi = _dpi(picture)
            ImageOps.exif_transpose(picture, in_place=True)  # a copy of the largest takes half the memory there is
            return _on_white(picture, mode), dpi
    except (DocumentError, MemoryError):
        raise
    except Exception as error:  # Pillow's decoders raise whatever damaged data make of them
        raise DocumentError(DAMAGED) from error


def _on_white(picture: Image.Image, mode: str) -> Image.Image:
    """The picture in a mode without transparency, what is transparent in it white."""
    if "transparency" in picture.info:
        picture = picture.convert("RGBA")
    plain = picture.convert(mode)
    if "A" in picture.getbands():
        white = Image.new(mode, picture.size, "white")
        white.paste(plain, mask=picture.getchannel("A"))
        return white
    return plain


def _count(data: bytes) -> int:
    try:
        with _opened(data) as picture:
            _check(picture)
            count = getattr(picture, "n_frames", 1) if picture.format == "TIFF" else 1
    except (DocumentError, MemoryError):
        raise
    except Exception as error:  # as above
        raise DocumentError(DAMAGED) from error
    if count > MAX_FRAMES:
        raise DocumentError(f"{count:,} frames, more than {MAX_FRAMES:,}: split it")
    return count


def _opened(data: bytes) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # its size is checked here
        try:
            return Image.open(io.BytesIO(data), formats=FORMATS)
        except Image.DecompressionBombError as error:  # from some 180 million pixels on
            raise DocumentError(f"more than {MAX_PIXELS:,} pixels: scan it with fewer") from error


def _check(picture: Image.Image) -> None:
    if picture.width * picture.height > MAX_PIXELS:
        raise DocumentError(f"{picture.width} x {picture.height} pixels, more than {MAX_PIXELS:,}: scan it with fewer")


def _dpi(picture: Image.Image) -> float:
    said = picture.info.get("dpi", (0, 0))[0]
    return float(said) if round(said) in DPI else max(72.0, min(picture.size) / PAGE_INCHES)
