"""PowerPoint (.pptx, .pptm, .potx, .ppsx): each slide is a page: its title, its text as it is read, and its notes.

Hidden slides are read too; slide numbers, dates, footers and what only stands on a master are not.
"""

from __future__ import annotations

from collections.abc import Iterator

from rag.errors import DocumentError
from rag.readers import archive, office
from rag.readers.office import Element, attribute, child, children, local
from rag.readers.source import CELL_GAP, Draft, Source

MAX_SLIDES = 5_000
TITLES = ("title", "ctrTitle")
FURNITURE = {"dt", "ftr", "hdr", "sldNum", "sldImg"}  # kinds of placeholders that repeat from slide to slide
GONE = {"Fallback", "nvGrpSpPr", "grpSpPr", "extLst"}
SAME_LINE = 228_600.0  # EMU, a quarter of an inch; shapes whose tops differ by less stand side by side

Place = tuple[float, float]  # top and left, in EMU


def read(data: bytes) -> Source:
    """The slides' text; raises DocumentError with the reason where it cannot be read."""
    draft = Draft()
    missing: list[str] = []
    with archive.open(data) as entries:
        name, root = office.main_part(entries, "presentation")
        parts = office.relations(entries, name)
        slides = [parts.get(office.relation_id(each)) for each in children(root, "sldIdLst")]
        if len(slides) > MAX_SLIDES:
            raise DocumentError(f"more than {MAX_SLIDES:,} slides: split the presentation")
        layouts: dict[str, dict[str, Place]] = {}
        for number, slide in enumerate(slides, start=1):
            draft.page()
            try:
                if slide is None:
                    raise DocumentError("the file holds no such slide")
                _Slide(entries, slide[1], layouts, draft).write()
            except DocumentError as error:
                missing.append(f"slide {number}: {error}")
        properties = office.properties(entries)
    if missing and not draft.source().blocks:
        raise DocumentError(missing[0])
    return draft.source(properties.title, properties.date, properties.language, tuple(missing))


class _Slide:
    """One slide: its shapes and what it refers to."""

    def __init__(self, entries: archive.Entries, part: str, layouts: dict[str, dict[str, Place]], draft: Draft) -> None:
        self._entries = entries
        self._root = archive.xml(entries.read(part), part)
        self._parts = office.relations(entries, part)
        related = dict(self._parts.values())
        self._notes = related.get("notesSlide")
        self._draft = draft
        layout = related.get("slideLayout", "")
        if layout not in layouts:
            layouts[layout] = _places(office.part(entries, layout))
        self._inherited = layouts[layout]

    def write(self) -> None:
        """Appends the slide's blocks, the notes last."""
        tree = child(self._root, "cSld", "spTree")
        shapes = list(_shapes(tree))
        titles = [shape for shape in shapes if _role(shape) in TITLES]
        for shape in titles:
            self._draft.add(" ".join(_paragraphs(child(shape, "txBody"))), "heading")
        self._write(shape for shape in self._sorted(shapes) if shape not in titles)
        notes = office.part(self._entries, self._notes) if self._notes else None
        for shape in _shapes(child(notes, "cSld", "spTree")):
            if _role(shape) == "body":
                self._write([shape])

    def _write(self, shapes: Iterator[Element] | list[Element]) -> None:
        for shape in shapes:
            name = local(shape)
            if _role(shape) in FURNITURE:
                continue
            if name == "grpSp":
                self._write(self._sorted(list(_shapes(shape))))
            elif name == "graphicFrame":
                self._table(child(shape, "graphic", "graphicData", "tbl"))
                self._diagram(child(shape, "graphic", "graphicData", "relIds"))
            else:
                for paragraph in _paragraphs(child(shape, "txBody")):
                    self._draft.add(paragraph)

    def _table(self, table: Element | None) -> None:
        for row in children(table):
            if local(row) == "tr":
                cells = (cell for cell in row if local(cell) == "tc")
                self._draft.add(CELL_GAP.join(" ".join(_paragraphs(child(cell, "txBody"))) for cell in cells), "row")

    def _diagram(self, references: Element | None) -> None:
        """The texts of a SmartArt diagram, which stand in a part of their own."""
        number = attribute(references, "dm") if references is not None else None
        _, target = self._parts.get(number or "", ("", ""))
        for point in children(office.part(self._entries, target), "ptLst"):
            if point.get("type", "node") == "node":
                for paragraph in _paragraphs(child(point, "t")):
                    self._draft.add(paragraph)

    def _sorted(self, shapes: list[Element]) -> list[Element]:
        return office.reading_order(shapes, self._place, SAME_LINE)

    def _place(self, shape: Element) -> Place:
        own = _own_place(shape)
        return own or self._inherited.get(_key(shape), self._inherited.get(_role(shape), (0.0, 0.0)))


def _shapes(tree: Element | None) -> Iterator[Element]:
    """The shapes of a slide or group, those in alternative content too."""
    for element in children(tree):
        name = local(element)
        if name in ("AlternateContent", "Choice"):
            yield from _shapes(element)
        elif name not in GONE:
            yield element


def _placeholder(shape: Element) -> Element | None:
    for kind in ("nvSpPr", "nvGraphicFramePr", "nvPicPr"):
        found = child(shape, kind, "nvPr", "ph")
        if found is not None:
            return found
    return None


def _role(shape: Element) -> str:
    """The kind of placeholder that a shape fills; empty where it is none."""
    placeholder = _placeholder(shape)
    return "" if placeholder is None else placeholder.get("type", "body")


def _key(shape: Element) -> str:
    placeholder = _placeholder(shape)
    return "" if placeholder is None else "#" + placeholder.get("idx", "")


def _own_place(shape: Element) -> Place | None:
    for path in (("spPr", "xfrm", "off"), ("xfrm", "off"), ("grpSpPr", "xfrm", "off")):
        offset = child(shape, *path)
        if offset is not None:
            return _number(offset.get("y", "")), _number(offset.get("x", ""))
    return None


def _number(value: str) -> float:
    return float(value) if value.lstrip("-").isdecimal() else 0.0


def _places(layout: Element | None) -> dict[str, Place]:
    """Where a layout puts its placeholders, by number and by kind."""
    places: dict[str, Place] = {}
    for shape in _shapes(child(layout, "cSld", "spTree")):
        place = _own_place(shape)
        if place and _placeholder(shape) is not None:
            places[_key(shape)] = place
            places.setdefault(_role(shape), place)
    return places


def _paragraphs(body: Element | None) -> Iterator[str]:
    for paragraph in children(body):
        if local(paragraph) == "p":
            text = office.cleaned("".join(_pieces(paragraph)))
            if folded := " ".join(text.split()):
                yield folded


def _pieces(parent: Element) -> Iterator[str]:
    for element in parent:
        name = local(element)
        if name == "t":
            yield element.text or ""
        elif name in ("br", "tab"):
            yield " "
        elif name == "fld" and element.get("type", "").startswith("slidenum"):
            continue
        elif name not in GONE:
            yield from _pieces(element)
