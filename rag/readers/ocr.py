"""Pages that are pictures, read by Tesseract: the extra ``ocr`` and the program itself, found at run time.

One page at a time and on one core, so that several can be read side by side in processes of their own.
"""

from __future__ import annotations

import importlib.util
import math
import os
import shutil
from collections.abc import Sequence

import pypdfium2 as pdfium
from PIL import Image

from rag.errors import DocumentError
from rag.readers import image, pdf
from rag.readers.pages.scanned import ScannedPage, ScannedWord

LANGUAGES = ("rus", "kaz", "eng")  # in this order: the first has the last word where scripts look alike
DPI = 300  # Tesseract is trained for it
POINTS = 72  # to the inch
MAX_PIXELS = 40_000_000  # A3 at 300 dpi has 17 million; a larger page is read at fewer dpi
ENOUGH = 1.4  # times DPI, or as little below it: a picture so close is read as it is
TIMEOUT = 120  # seconds for one page, after which Tesseract is stopped
REMEDY = "install tesseract-ocr with rus, kaz and eng, and Snoska with its extra ocr"


def available() -> str | None:
    """What is missing to read scans, and what to install; None where nothing is."""
    if importlib.util.find_spec("pytesseract") is None:
        return f"the Python package pytesseract is missing: {REMEDY}"
    if shutil.which("tesseract") is None:
        return f"Tesseract is missing: {REMEDY}"
    if not languages():
        return f"Tesseract has none of its languages {', '.join(LANGUAGES)}: {REMEDY}"
    return None


def languages() -> tuple[str, ...]:
    """Those of ``LANGUAGES`` that Tesseract has, in their order."""
    import pytesseract

    installed = set(pytesseract.get_languages())
    return tuple(language for language in LANGUAGES if language in installed)


def recognise(data: bytes, page: int, wanted: Sequence[str] = LANGUAGES) -> ScannedPage:
    """The words of page ``page``, from 1, of a PDF or a picture; raises DocumentError where it cannot be read."""
    is_pdf = pdf.MARK in data[: pdf.MARK_WITHIN]
    picture, dpi = _page(data, page) if is_pdf else image.frame(data, page)
    scale = min(DPI / dpi, (MAX_PIXELS / (picture.width * picture.height)) ** 0.5)
    if not 1 / ENOUGH < scale < ENOUGH:
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        picture, dpi = picture.resize(size, Image.Resampling.LANCZOS), dpi * scale
    return recognise_picture(picture, dpi, wanted)


def _page(data: bytes, number: int) -> tuple[Image.Image, float]:
    """A PDF's page as a picture, and its pixels an inch."""
    document = pdf.opened(data)
    try:
        page = document[number - 1]
        width, height = page.get_size()
        if not (0 < width < math.inf and 0 < height < math.inf):
            raise DocumentError("the page has no size")
        dpi = min(DPI, POINTS * (MAX_PIXELS / (width * height)) ** 0.5)
        return page.render(scale=dpi / POINTS, grayscale=True).to_pil(), dpi
    except pdfium.PdfiumError as error:
        raise DocumentError("the page is damaged and cannot be shown") from error
    finally:
        document.close()


def recognise_picture(picture: Image.Image, dpi: float, wanted: Sequence[str] = LANGUAGES) -> ScannedPage:
    """The words of a picture that holds ``dpi`` pixels an inch; raises DocumentError where Tesseract fails."""
    import pytesseract

    os.environ["OMP_THREAD_LIMIT"] = "1"  # several pages are read at once, each by a Tesseract of its own
    installed = languages()
    chosen = [language for language in wanted if language in installed]
    if not chosen:
        raise DocumentError(f"Tesseract has none of {', '.join(wanted)}: {REMEDY}")
    try:
        found = pytesseract.image_to_data(
            picture,
            lang="+".join(chosen),
            config=f"--dpi {round(dpi)}",
            output_type=pytesseract.Output.DICT,
            timeout=TIMEOUT,
        )
    except (pytesseract.TesseractError, RuntimeError, OSError, ValueError) as error:
        raise DocumentError(f"Tesseract failed: {' '.join(str(error).split())[:200]}") from error
    scale = POINTS / dpi
    words: list[ScannedWord] = []
    lines: dict[tuple[int, ...], int] = {}
    for number, text in enumerate(found.get("text", ())):
        if not text.strip():
            continue
        key = tuple(int(found[level][number]) for level in ("block_num", "par_num", "line_num"))
        left, top = found["left"][number] * scale, found["top"][number] * scale
        words.append(
            ScannedWord(
                text.strip(),
                round(left, 2),
                round(top, 2),
                round(left + found["width"][number] * scale, 2),
                round(top + found["height"][number] * scale, 2),
                float(found["conf"][number]),
                lines.setdefault(key, len(lines)),
            )
        )
    return ScannedPage(picture.width * scale, picture.height * scale, tuple(words))
