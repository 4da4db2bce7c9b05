"""What pdfium says of one page: its words with their places and fonts, and whether it is a picture of text."""

from __future__ import annotations

import ctypes
import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from rag.readers.pages import columns
from rag.readers.pages.marks import Frame, Mark, Page, in_frame

Box = tuple[float, float, float, float]

SOFT_HYPHEN = "\u00ad"
LINE_END_HYPHENS = {0x02, 0xFFFE}  # what pdfium makes of the hyphen of a word that goes on in the next line
NOTHING = {0x00, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF}
LIGATURES = {ord(c): unicodedata.normalize("NFKC", c) for c in "ﬀﬁﬂﬃﬄﬅﬆ"}
BOLD_NAME = re.compile(rb"bold|black|heavy|demi|SF[BS]X|CMB|CMSSBX", re.IGNORECASE)
BOLD_WEIGHT = 600
FIXED_PITCH = 1  # bit of a font's flags
FIXED_NAME = re.compile(rb"mono|courier|consol|typewriter|SFTT|CMTT|menlo", re.IGNORECASE)
APART = 0.45  # of a letter's height: letters farther apart belong to two words, though no space is drawn
SIZE_STEP = 0.25  # points: a font's size is rounded to it, since one font may come out as 9.96 and 9.97
LATIN1_LETTERS = re.compile("[À-ÿ]")
MAX_CHARACTERS = 200_000  # on one page; the densest printed ones hold some 20,000
MAX_SIZE = 1e6  # points; a page of 350 metres
MAX_OBJECTS = 5_000  # looked at for pictures
MAX_MARKS = 8  # looked at on one piece of text: tags in tags
EDGE = 0.15  # of the page's height: what is marked as no part of the text and stands there is a running head
FEW_LETTERS = 100  # on a scan: a stamp, a page number, "scanned by"
HARDLY_ANY = 20
COVERED = 0.5  # of the page by pictures: a scan even where some letters stand on it
PICTURE = 0.03  # of the page: less is a logo
DRAWN = 300  # outlines on a page without any letter: its text may have been turned into shapes
RAISED = {ord(plain): ord(raised) for plain, raised in zip("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹", strict=True)}
HAIR = 0.05  # of a letter's height: narrower, and nothing is drawn
SMALL = 0.8  # of the word's size: a raised number
GARBAGE = 0.3  # of the characters without meaning: a font that does not say which letters its shapes are


class Unreadable(Exception):
    """What is wrong with a page, in a clause."""


@dataclass(frozen=True, slots=True)
class Look:
    """How the letters of one piece of text are set."""

    size: float
    bold: bool
    fixed: bool
    font: int
    turn: int
    artifact: bool  # the file itself says that it is no part of the text


def read(page: pdfium.PdfPage, number: int) -> tuple[Page, bool]:
    """The page's words, and whether it should be read as a scan: it shows a picture, or its letters mean nothing."""
    sheet = _Sheet(page)
    textpage = page.get_textpage()
    try:
        found = list(_Words(textpage, sheet))
    finally:
        textpage.close()
    text = "".join(mark.text for _, mark in found)
    garbage = sum(map(_means_nothing, text)) > GARBAGE * len(text)
    if garbage:
        found = []
    elif 2 * len(LATIN1_LETTERS.findall(text)) > sum(map(str.isalpha, text)):
        found = [(turn, mark._replace(text=_as_cyrillic(mark.text))) for turn, mark in found]
    frames = [
        Frame(turn, columns.lines(mark for its, mark in found if its == turn))
        for turn in sorted({turn for turn, _ in found})
    ]
    is_scan = garbage or _shows_a_picture(page, sheet, sum(map(str.isalpha, text)))
    return Page(number, sheet.width, sheet.height, frames), is_scan


class _Sheet:
    """The page as it is shown: cropped, turned, counted from its left and top."""

    def __init__(self, page: pdfium.PdfPage) -> None:
        media, crop = page.get_mediabox(), page.get_cropbox()
        left, bottom, right, top = _overlap(_upright(crop), _upright(media)) or _upright(media)
        self.box = (left, bottom, right, top)
        self.quarters = page.get_rotation() // 90 % 4
        width, height = right - left, top - bottom
        if not (0 < width < MAX_SIZE and 0 < height < MAX_SIZE):
            raise Unreadable("it has no size")
        self.width, self.height = (height, width) if self.quarters % 2 else (width, height)

    def shown(self, box: Box) -> Box:
        """Left, top, right, bottom on the page as shown, of left, bottom, right, top in the page's own space."""
        x0, y0, x1, y1 = self.box
        left, bottom, right, top = box
        if self.quarters == 1:
            return bottom - y0, left - x0, top - y0, right - x0
        if self.quarters == 2:
            return x1 - right, bottom - y0, x1 - left, top - y0
        if self.quarters == 3:
            return y1 - top, x1 - right, y1 - bottom, x1 - left
        return left - x0, y1 - top, right - x0, y1 - bottom


def _upright(box: Box) -> Box:
    return min(box[0], box[2]), min(box[1], box[3]), max(box[0], box[2]), max(box[1], box[3])


def _overlap(one: Box, other: Box) -> Box | None:
    box = max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])
    return box if box[0] < box[2] and box[1] < box[3] else None


class _Words:
    """The words of a page in the order in which it draws them, each with the quarters by which it stands turned."""

    def __init__(self, textpage: pdfium.PdfTextPage, sheet: _Sheet) -> None:
        self._page = textpage.raw
        self._count = textpage.count_chars()
        self._sheet = sheet
        self._looks: dict[int, Look] = {}
        self._fonts: dict[bytes, int] = {}
        if self._count > MAX_CHARACTERS:
            raise Unreadable(f"more than {MAX_CHARACTERS:,} characters")

    def __iter__(self) -> Iterator[tuple[int, Mark]]:
        letters: list[int] = []
        boxes: list[Box] = []
        first = 0
        rect = raw.FS_RECTF()
        for index in range(self._count):
            code = raw.FPDFText_GetUnicode(self._page, index)
            if code in NOTHING:
                continue
            if code not in LINE_END_HYPHENS and chr(code).isspace():
                if letters:
                    yield from self._word(letters, boxes, first)
                letters, boxes = [], []
                continue
            raw.FPDFText_GetLooseCharBox(self._page, index, rect)
            box = (rect.left, rect.bottom, rect.right, rect.top)
            if letters and (_apart(boxes[-1], box) or self._begins_cell(letters, code, index)):
                yield from self._word(letters, boxes, first)
                letters, boxes = [], []
            if not letters:
                first = index
            elif code in RAISED and box[1] > boxes[-1][1] and self._is_small(index, first):
                code = RAISED[code]
            elif code in LINE_END_HYPHENS and box[2] - box[0] < HAIR * (box[3] - box[1]):
                code = ord(SOFT_HYPHEN)  # not to be seen: the word goes on beside it
            letters.append(code)
            boxes.append(box)
        if letters:
            yield from self._word(letters, boxes, first)

    def _begins_cell(self, letters: list[int], code: int, index: int) -> bool:
        """Whether a capital right after a small letter or a stop begins a piece of text of its own, and goes on in no
        word: the cells of a table may touch. Where every letter is such a piece, that says nothing."""
        if len(letters) < 2 or not chr(code).isupper() or not (chr(letters[-1]).islower() or letters[-1] == ord(".")):
            return False
        drawn = [
            ctypes.cast(raw.FPDFText_GetTextObject(self._page, index - back), ctypes.c_void_p) for back in range(3)
        ]
        return drawn[0].value != drawn[1].value == drawn[2].value

    def _word(self, letters: list[int], boxes: list[Box], first: int) -> Iterator[tuple[int, Mark]]:
        text = _text(letters)
        look = self._look(first)
        sheet = self._sheet
        left, top, right, bottom = sheet.shown(
            (min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes))
        )
        at_edge = bottom < EDGE * sheet.height or top > (1 - EDGE) * sheet.height
        seen = 0 <= left + right <= 2 * sheet.width and 0 <= top + bottom <= 2 * sheet.height
        if text and seen and not (look.artifact and at_edge):
            edges = in_frame((left, top, right, bottom), (sheet.width, sheet.height), look.turn)
            yield look.turn, Mark(text, *edges, look.size, look.bold, look.fixed, look.font)

    def _is_small(self, index: int, first: int) -> bool:
        """Whether a letter is a good deal smaller than its word's first: a note's number, a power."""
        return self._look(index).size < SMALL * self._look(first).size

    def _look(self, index: int) -> Look:
        pointer = raw.FPDFText_GetTextObject(self._page, index)
        key = ctypes.cast(pointer, ctypes.c_void_p).value or 0
        if key not in self._looks:
            self._looks[key] = self._new_look(index)
        return self._looks[key]

    def _new_look(self, index: int) -> Look:
        matrix = raw.FS_MATRIX()
        raw.FPDFText_GetMatrix(self._page, index, matrix)
        size = raw.FPDFText_GetFontSize(self._page, index) * (math.hypot(matrix.c, matrix.d) or 1.0)
        angle = math.degrees(math.atan2(matrix.b, matrix.a))  # counter-clockwise, in the page's own space
        flags = ctypes.c_int()
        name = ctypes.create_string_buffer(128)
        raw.FPDFText_GetFontInfo(self._page, index, name, len(name), flags)
        weight = raw.FPDFText_GetFontWeight(self._page, index)
        return Look(
            size=max(SIZE_STEP, round(abs(size) / SIZE_STEP) * SIZE_STEP),
            bold=weight >= BOLD_WEIGHT or bool(BOLD_NAME.search(name.value)),
            fixed=bool(flags.value & FIXED_PITCH) or bool(FIXED_NAME.search(name.value)),
            font=self._fonts.setdefault(name.value, len(self._fonts)),
            artifact=_is_artifact(raw.FPDFText_GetTextObject(self._page, index)),
            turn=(self._sheet.quarters - round(angle / 90)) % 4,
        )


def _is_artifact(thing: Any) -> bool:
    """Whether a tagged PDF marks this piece of a page as ``/Artifact <</Type ...>>``: no part of the text."""
    for number in range(min(raw.FPDFPageObj_CountMarks(thing), MAX_MARKS) if thing else 0):
        mark = raw.FPDFPageObj_GetMark(thing, number)
        name, length = (ctypes.c_ushort * 16)(), ctypes.c_ulong()
        known = raw.FPDFPageObjMark_GetName(mark, name, ctypes.sizeof(name), length)
        is_artifact = known and bytes(name)[: length.value].decode("utf-16-le", "replace").rstrip("\0") == "Artifact"
        if is_artifact and raw.FPDFPageObjMark_GetParamValueType(mark, b"Type") == raw.FPDF_OBJECT_NAME:
            return True
    return False


def _apart(one: Box, other: Box) -> bool:
    across = max(one[0], other[0]) - min(one[2], other[2])
    along = max(one[1], other[1]) - min(one[3], other[3])
    height = max(min(one[3] - one[1], other[3] - other[1]), min(one[2] - one[0], other[2] - other[0]))
    return max(across, along) > APART * height


def _text(codes: list[int]) -> str:
    units = b"".join(
        (0x2D if code in LINE_END_HYPHENS else code).to_bytes(2 if code < 0x10000 else 4, "little")
        if code < 0x10000
        else chr(code).encode("utf-16-le")
        for code in codes
    )
    text = units.decode("utf-16-le", "replace").translate(LIGATURES)
    body = text[:-1].replace(SOFT_HYPHEN, "") + text[-1:]  # one at the end may part a word between two lines
    if any(map(unicodedata.combining, body)):
        body = unicodedata.normalize("NFC", body)
    return "".join(c for c in body if unicodedata.category(c) != "Cc")


def _means_nothing(character: str) -> bool:
    return character == "\ufffd" or unicodedata.category(character) in ("Co", "Cn")


def _as_cyrillic(text: str) -> str:
    """A word of a font that says its Cyrillic letters are those which windows-1252 has at their places."""
    try:
        return text.encode("cp1252").decode("cp1251")
    except UnicodeError:
        return text


def _shows_a_picture(page: pdfium.PdfPage, sheet: _Sheet, letters: int) -> bool:
    if letters >= FEW_LETTERS:
        return False
    covered, drawn = 0.0, 0
    for thing in islice(page.get_objects(max_depth=3), MAX_OBJECTS):
        if thing.type == raw.FPDF_PAGEOBJ_IMAGE:
            box = _overlap(thing.get_bounds(), sheet.box)
            covered += (box[2] - box[0]) * (box[3] - box[1]) if box else 0.0
        elif thing.type == raw.FPDF_PAGEOBJ_PATH:
            drawn += 1
    share = covered / (sheet.width * sheet.height)
    return share >= (COVERED if letters >= HARDLY_ANY else PICTURE) or (letters == 0 and drawn >= DRAWN)
