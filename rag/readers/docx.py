"""Word (.docx, .docm, .dotx): paragraphs, headings and table rows in the order of the text.

Notes and text boxes follow the paragraph that they belong to. Deletions on record, comments, hidden text, headers,
footers and tables of contents are left out. A page's number is known only to the program that lays the text out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from rag.readers import archive, office
from rag.readers.office import Element, attribute, child, children, is_on, local
from rag.readers.source import CELL_GAP, Draft, Source

HEADING = re.compile(r"(heading|заголовок|тақырып|title|subtitle|название|подзаголовок)\b", re.IGNORECASE)
TITLE = re.compile(r"title|название|заголовок", re.IGNORECASE)
CONTENTS = re.compile(r"(toc|оглавление|contents) ?\d|table of figures", re.IGNORECASE)
BODY_LEVEL = 9  # the outline level of what is no heading
MAX_STYLES = 50  # a style's ancestors; a chain that bites its tail ends here
GONE = {
    "del",
    "moveFrom",
    "pPr",
    "rPr",
    "sdtPr",
    "sdtEndPr",
    "tblPr",
    "tblGrid",
    "Fallback",
    "rt",
    "instrText",
    "delText",
}
NOTES = {"footnoteReference": "footnotes", "endnoteReference": "endnotes"}
SPACES = {"tab", "ptab", "br", "cr"}
# Adobe's Symbol font from A and from a, in which older files write Greek letters.
SYMBOL = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ", strict=True)) | dict(
    zip("abcdefghijklmnopqrstuvwxyz", "αβχδεφγηιϕκλμνοπθρστυϖωξψζ", strict=True)
)


def read(data: bytes) -> Source:
    """The document's text; raises DocumentError with the reason where it cannot be read."""
    missing: list[str] = []
    with archive.open(data) as entries:
        name, root = office.main_part(entries, "document")
        kinds = dict(office.relations(entries, name).values())
        styles = _styles(office.spare_part(entries, kinds.get("styles", ""), missing))
        notes = {kind: _notes(office.spare_part(entries, kinds.get(kind, ""), missing)) for kind in NOTES.values()}
        properties = office.properties(entries)
    reader = _Reader(styles, notes)
    reader.blocks(child(root, "body"))
    if "aFChunk" in kinds:
        missing.append("a document within the document: save it in one piece")
    title = properties.title or reader.title
    return reader.draft.source(title, properties.date, properties.language, tuple(missing))


@dataclass(frozen=True, slots=True)
class _Style:
    """What a paragraph style makes of its paragraphs."""

    heading: bool = False
    title: bool = False
    contents: bool = False


@dataclass(slots=True)
class _Line:
    """A paragraph's text, with what stands in it and is told after it."""

    pieces: list[str] = field(default_factory=list)
    after: list[Element] = field(default_factory=list)  # containers of blocks: notes and text boxes


class _Reader:
    """Writes the body's blocks into a draft."""

    def __init__(self, styles: dict[str, _Style], notes: dict[str, dict[str, Element]]) -> None:
        self.draft = Draft()
        self.title: str | None = None
        self._styles = styles
        self._notes = notes
        self._joined = ""  # the text of a paragraph whose end is deleted on record, so that the next goes on with it

    def blocks(self, container: Element | None) -> None:
        """The paragraphs and tables of a container, and of what wraps some of them."""
        for element in children(container):
            name = local(element)
            if name == "p":
                self._paragraph(element)
            elif name == "tbl":
                self._table(element)
            elif name == "sdt":
                if not _is_contents(element) and not _is_placeholder(element):
                    self.blocks(child(element, "sdtContent"))
            elif name not in GONE:
                self.blocks(element)

    def _paragraph(self, paragraph: Element) -> None:
        line = _Line()
        self._inline(paragraph, line)
        text = self._joined + "".join(line.pieces)
        self._joined = ""
        if child(paragraph, "pPr", "rPr", "del") is not None:
            self._joined = text
        else:
            style = self._style(paragraph)
            if not style.contents:
                if style.title and self.title is None:
                    self.title = " ".join(text.split()) or None
                self.draft.add(text, "heading" if style.heading else "paragraph")
        for container in line.after:
            self.blocks(container)

    def _table(self, table: Element) -> None:
        rows = [row for row in _wrapped(table, "tr") if child(row, "trPr", "del") is None]
        grid = [list(_wrapped(row, "tc")) for row in rows]
        if all(len(cells) <= 1 for cells in grid):  # a frame around text, not a table
            for cell in (cell for cells in grid for cell in cells):
                self.blocks(cell)
            return
        for cells in grid:
            line = _Line()
            self.draft.add(CELL_GAP.join(self._cell(cell, line) for cell in cells), "row")
            for container in line.after:
                self.blocks(container)

    def _cell(self, cell: Element, line: _Line) -> str:
        """A cell's paragraphs as one text; tables within it are told after the row."""
        pieces: list[str] = []
        for element in _cell_blocks(cell):
            if local(element) == "p":
                inner = _Line(after=line.after)
                self._inline(element, inner)
                pieces.append("".join(inner.pieces))
            else:
                line.after.append([element])
        return " ".join(" ".join(pieces).split())

    def _inline(self, parent: Element, line: _Line) -> None:
        """The text of a paragraph, a run or what wraps runs."""
        for element in parent:
            name = local(element)
            if name == "t":
                line.pieces.append(office.cleaned(element.text or ""))
            elif name in SPACES:
                line.pieces.append(" ")
            elif name == "noBreakHyphen":
                line.pieces.append("\u2011")
            elif name == "sym":
                line.pieces.append(_symbol(element))
            elif name == "r":
                if not is_on(child(element, "rPr", "vanish")):
                    self._inline(element, line)
            elif name == "txbxContent":
                line.after.append(element)
            elif name in NOTES:
                note = self._notes[NOTES[name]].pop(attribute(element, "id") or "", None)
                if note is not None:  # told once: a damaged note may refer to itself
                    line.after.append(note)
            elif name not in GONE and not (name == "sdt" and _is_placeholder(element)):
                self._inline(element, line)

    def _style(self, paragraph: Element) -> _Style:
        own = child(paragraph, "pPr", "pStyle")
        style = self._styles.get((attribute(own, "val") if own is not None else None) or "", _Style())
        level = _outline(child(paragraph, "pPr"))
        return style if level is None else _Style(level < BODY_LEVEL, style.title, style.contents)


def _styles(root: Element | None) -> dict[str, _Style]:
    """Paragraph styles by id. A style without an outline level of its own has that of the style it is based on."""
    elements = {attribute(each, "styleId") or "": each for each in children(root) if local(each) == "style"}
    return {key: _resolved(element, elements) for key, element in elements.items()}


def _resolved(element: Element, elements: dict[str, Element]) -> _Style:
    name = _value(element, "name")
    ancestor: Element | None = element
    for _ in range(MAX_STYLES):
        if ancestor is None:
            break
        level = _outline(child(ancestor, "pPr"))
        if level is not None:
            return _Style(level < BODY_LEVEL, bool(TITLE.fullmatch(name)), bool(CONTENTS.match(name)))
        if HEADING.match(_value(ancestor, "name")):
            return _Style(True, bool(TITLE.fullmatch(name)))
        ancestor = elements.get(_value(ancestor, "basedOn"))
    return _Style(contents=bool(CONTENTS.match(name)))


def _value(element: Element, name: str) -> str:
    found = child(element, name)
    return (attribute(found, "val") if found is not None else None) or ""


def _outline(properties: Element | None) -> int | None:
    level = child(properties, "outlineLvl")
    value = attribute(level, "val") if level is not None else None
    return int(value) if value and value.isdecimal() else None


def _notes(root: Element | None) -> dict[str, Element]:
    """Footnotes or endnotes by id, without the lines that separate them from the text."""
    return {attribute(each, "id") or "": each for each in children(root) if attribute(each, "type") in (None, "normal")}


def _wrapped(parent: Element, name: str) -> Iterator[Element]:
    """The children of that name, those in content controls too."""
    for element in parent:
        if local(element) == name:
            yield element
        elif local(element) in ("sdt", "sdtContent", "customXml", "ins", "moveTo"):
            yield from _wrapped(element, name)


def _cell_blocks(cell: Element) -> Iterator[Element]:
    for element in cell:
        if local(element) in ("p", "tbl"):
            yield element
        elif local(element) not in GONE and not (local(element) == "sdt" and _is_placeholder(element)):
            yield from _cell_blocks(element)


def _is_contents(control: Element) -> bool:
    gallery = child(control, "sdtPr", "docPartObj", "docPartGallery")
    return gallery is not None and attribute(gallery, "val") == "Table of Contents"


def _is_placeholder(control: Element) -> bool:
    """Whether a content control shows its "click here to write" and no text."""
    return is_on(child(control, "sdtPr", "showingPlcHdr"))


def _symbol(element: Element) -> str:
    """A character of a symbol font; those of picture fonts mean nothing as text."""
    try:
        code = int(attribute(element, "char") or "", 16)
    except ValueError:
        return ""
    letter = chr(code - 0xF000) if 0xF000 <= code <= 0xF0FF else chr(code) if 0 < code < 0xD800 else ""
    if (attribute(element, "font") or "").lower() == "symbol":
        return SYMBOL.get(letter, letter if letter.isascii() else "")
    return letter if code < 0xD800 else ""
