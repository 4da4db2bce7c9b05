"""A page of a PDF or of pictures as a picture for a screen."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import pypdfium2 as pdfium
from PIL import Image

from rag.errors import DocumentError
from rag.readers import image, pdf

POINTS = 72  # to the inch
MAX_PIXELS = 16_000_000  # 48 MB in colour; an A4 page at the largest width has 9 million
MAX_SIDE = 16_000  # pixels; WebP holds 16,383
SMALLEST = 0.01  # points: a page without size has no picture
FORMAT, QUALITY = "WEBP", 90  # half the bytes of PNG, in the same time, and letters stay sharp


@dataclass(frozen=True, slots=True)
class Shown:
    """A page as a WebP picture, and the page's size in points, by which places on it are given."""

    picture: bytes
    width: float
    height: float


def show(data: bytes, number: int, width: int) -> Shown:
    """Page ``number``, from 1, of a PDF or a picture, ``width`` pixels wide, or less where it would be too high.

    Raises DocumentError where there is no such page, or where it is damaged.
    """
    is_pdf = pdf.MARK in data[: pdf.MARK_WITHIN]
    picture, size = _page(data, number, width) if is_pdf else _frame(data, number, width)
    stream = io.BytesIO()
    picture.convert("RGB").save(stream, FORMAT, quality=QUALITY, method=0)
    return Shown(stream.getvalue(), *size)


def _page(data: bytes, number: int, width: int) -> tuple[Image.Image, tuple[float, float]]:
    document = pdf.opened(data)
    try:
        if not 1 <= number <= len(document):
            raise DocumentError(f"there is no page {number}")
        page = document[number - 1]
        size = page.get_size()
        if not all(SMALLEST < side < math.inf for side in size):
            raise DocumentError("the page has no size")
        return page.render(scale=_scale(size, width)).to_pil(), size
    except pdfium.PdfiumError as error:
        raise DocumentError("the page is damaged and cannot be shown") from error
    finally:
        document.close()


def _frame(data: bytes, number: int, width: int) -> tuple[Image.Image, tuple[float, float]]:
    picture, dpi = image.frame(data, number, "RGB")
    size = picture.width * POINTS / dpi, picture.height * POINTS / dpi
    scale = _scale(picture.size, width)
    if scale < 1:  # the browser enlarges as well
        pixels = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        picture = picture.resize(pixels, Image.Resampling.LANCZOS, reducing_gap=2.0)
    return picture, size


def _scale(size: tuple[float, float], width: int) -> float:
    """What makes the page so wide, within the limits."""
    return min(width / size[0], math.sqrt(MAX_PIXELS / (size[0] * size[1])), MAX_SIDE / max(size))
