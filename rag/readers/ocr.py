"""Pages that are pictures, read by Tesseract, a program that is found at run time.

It is given a picture and gives a table through pipes, so that one that is stopped leaves no files behind, and no
Python package is needed: the extra ``ocr`` is empty, and stays for those who name it. One page at a time and on one
core, so that several can be read side by side in processes of their own.
"""

from __future__ import annotations

import csv
import io
import math
import os
import shutil
import subprocess
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
MAX_SIDE = 32_767  # pixels; Tesseract takes no longer ones
ENOUGH = 1.4  # times DPI, or as little below it: a picture so close is read as it is
TIMEOUT = 120  # seconds for one page, after which Tesseract is stopped
REMEDY = "install tesseract-ocr with rus, kaz and eng"
PROGRAM = "tesseract"


def available() -> str | None:
    """What is missing to read scans, and what to install; None where nothing is."""
    if shutil.which(PROGRAM) is None:
        return f"Tesseract is missing: {REMEDY}"
    try:
        found = languages()
    except DocumentError as error:
        return f"{error}: {REMEDY}"
    if not found:
        return f"Tesseract has none of its languages {', '.join(LANGUAGES)}: {REMEDY}"
    return None


def languages() -> tuple[str, ...]:
    """Those of ``LANGUAGES`` that Tesseract has, in their order."""
    installed = set(_run("--list-langs").decode(errors="replace").split())
    return tuple(language for language in LANGUAGES if language in installed)


def recognise(data: bytes, page: int, wanted: Sequence[str] = LANGUAGES) -> ScannedPage:
    """The words of page ``page``, from 1, of a PDF or a picture; raises DocumentError where it cannot be read."""
    is_pdf = pdf.MARK in data[: pdf.MARK_WITHIN]
    picture, dpi = _page(data, page) if is_pdf else image.frame(data, page)
    scale = min(DPI / dpi, _largest(*picture.size))
    if not 1 / ENOUGH < scale < ENOUGH:
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        picture, dpi = picture.resize(size, Image.Resampling.LANCZOS), dpi * scale
    return recognise_picture(picture, dpi, wanted)


def _largest(width: float, height: float) -> float:
    """By how much a page may be enlarged, or must be made smaller, to have as many pixels as can be read."""
    return min(math.sqrt(MAX_PIXELS / (width * height)), MAX_SIDE / max(width, height))


def _page(data: bytes, number: int) -> tuple[Image.Image, float]:
    """A PDF's page as a picture, and its pixels an inch."""
    document = pdf.opened(data)
    try:
        page = document[number - 1]
        width, height = page.get_size()
        if not (0 < width < math.inf and 0 < height < math.inf):
            raise DocumentError("the page has no size")
        dpi = min(DPI, POINTS * _largest(width, height))
        return page.render(scale=dpi / POINTS, grayscale=True).to_pil(), dpi
    except pdfium.PdfiumError as error:
        raise DocumentError("the page is damaged and cannot be shown") from error
    finally:
        document.close()


def recognise_picture(picture: Image.Image, dpi: float, wanted: Sequence[str] = LANGUAGES) -> ScannedPage:
    """The words of a picture that holds ``dpi`` pixels an inch; raises DocumentError where Tesseract fails."""
    installed = languages()
    chosen = [language for language in wanted if language in installed]
    if not chosen:
        raise DocumentError(f"Tesseract has none of {', '.join(wanted)}: {REMEDY}")
    shown = io.BytesIO()
    picture.convert("L").save(shown, "PPM")  # not packed: it is read at once
    output = _run("stdin", "stdout", "-l", "+".join(chosen), "--dpi", str(round(dpi)), "tsv", given=shown.getvalue())
    rows = csv.DictReader(io.StringIO(output.decode(errors="replace")), delimiter="\t", quoting=csv.QUOTE_NONE)
    scale = POINTS / dpi
    words: list[ScannedWord] = []
    lines: dict[tuple[int, ...], int] = {}
    for row in rows:
        text = (row["text"] or "").strip()
        if not text:
            continue
        key = tuple(int(row[level]) for level in ("block_num", "par_num", "line_num"))
        left, top = int(row["left"]) * scale, int(row["top"]) * scale
        words.append(
            ScannedWord(
                text,
                round(left, 2),
                round(top, 2),
                round(left + int(row["width"]) * scale, 2),
                round(top + int(row["height"]) * scale, 2),
                float(row["conf"]),
                lines.setdefault(key, len(lines)),
            )
        )
    return ScannedPage(picture.width * scale, picture.height * scale, tuple(words))


def _run(*options: str, given: bytes = b"") -> bytes:
    """What Tesseract writes, having been given some bytes to read; raises DocumentError where it fails."""
    one_thread = {**os.environ, "OMP_THREAD_LIMIT": "1"}  # several pages are read at once, each by one of its own
    try:
        done = subprocess.run(
            [PROGRAM, *options], input=given, capture_output=True, timeout=TIMEOUT, env=one_thread, check=True
        )
    except subprocess.TimeoutExpired as error:
        raise DocumentError(f"Tesseract takes more than {TIMEOUT} s for a page") from error
    except subprocess.CalledProcessError as error:
        told = " ".join(error.stderr.decode(errors="replace").split())[:200]
        raise DocumentError(f"Tesseract failed: {told or f'status {error.returncode}'}") from error
    except OSError as error:
        raise DocumentError(f"Tesseract cannot be started: {error.strerror}") from error
    return done.stdout
