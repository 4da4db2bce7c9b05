"""OpenDocument (.odt, .odp, .ods): text, slides (a page each) and sheets.

Notes and text boxes follow the paragraph that they belong to. Deletions on record, comments, headers, footers and
tables of contents are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from rag.errors import DocumentError
from rag.readers import archive, office, sheets
from rag.readers.office import Element, attribute, child, children, local
from rag.readers.source import CELL_GAP, Draft, Source

NAME = re.compile(r"application/(?:vnd\.oasis\.opendocument|vnd\.sun\.xml|x-vnd\.oasis\.opendocument)\.([\w-]+)")
GONE = {
    "tracked-changes", "annotation", "annotation-end", "sequence-decls", "forms", "title", "desc", "note-citation",
    "table-of-content", "alphabetical-index", "illustration-index", "table-index", "ruby-text", "number",
    "settings", "header-decl", "footer-decl", "date-time-decl", "event-listeners", "shapes", "hidden-text",
    "dde-connection-decls", "variable-decls", "user-field-decls", "calculation-settings", "content-validations",
}  # fmt: skip
SHAPES = {
    "text-box", "custom-shape", "rect", "ellipse", "circle", "polygon", "polyline", "path", "line", "connector",
    "caption", "regular-polygon", "measure",
}  # fmt: skip
FURNITURE = {"page-number", "footer", "header", "date-time"}  # of a slide, by their presentation class
UNITS = {"cm": 10.0, "mm": 1.0, "in": 25.4, "pt": 25.4 / 72, "pc": 25.4 / 6, "px": 25.4 / 96}  # in millimetres
LENGTH = re.compile(r"(-?[\d.]+)([a-z]{2})")
SAME_LINE = 6.0  # millimetres; shapes whose tops differ by less stand side by side
SPACES = {"s", "tab", "line-break"}  # white space, which is folded in any case


def read(data: bytes) -> Source:
    """The document's text; raises DocumentError with the reason where it cannot be read."""
    with archive.open(data) as entries:
        _check(entries)
        root = archive.xml(entries.read("content.xml"), "content.xml")
        meta = office.spare_part(entries, "meta.xml", [])
    reader = _Reader()
    body = child(root, "body")
    for content in children(body):
        kind = local(content)
        if kind == "presentation":
            reader.slides(content)
        elif kind == "spreadsheet":
            _sheets(reader.draft, content)
        else:
            reader.blocks(content)
    values = {local(each): (each.text or "").strip() for each in children(meta, "meta")}
    date = office.date(values.get("creation-date")) or office.date(values.get("date"))
    return reader.draft.source(office.own_title(values.get("title")), date, values.get("language") or None)


def _check(entries: archive.Entries) -> None:
    """Raises DocumentError where the archive is no OpenDocument file, or its entries are encrypted."""
    kind = entries.read("mimetype")[:100].decode("ascii", "replace") if "mimetype" in entries else ""
    if "[Content_Types].xml" in entries:
        raise DocumentError("the file's name is wrong, it is a Microsoft Office file: name it .docx, .pptx or .xlsx")
    if "epub" in kind:
        raise DocumentError("the file's name is wrong, it is a book: name it .epub")
    manifest = entries.read("META-INF/manifest.xml") if "META-INF/manifest.xml" in entries else b""
    if b"encryption-data" in manifest or "encrypted-package" in entries:
        raise DocumentError(archive.PASSWORD)


@dataclass(slots=True)
class _Line:
    """A paragraph's text, with what stands in it and is told after it."""

    pieces: list[str] = field(default_factory=list)
    after: list[Element] = field(default_factory=list)  # containers of blocks: notes and text boxes


class _Reader:
    """Writes the body's blocks into a draft."""

    def __init__(self) -> None:
        self.draft = Draft()

    def blocks(self, container: Element | None) -> None:
        """The headings, paragraphs, lists and tables of a container."""
        for element in children(container):
            name = local(element)
            if name in ("p", "h"):
                self._paragraph(element, "h")
            elif name == "table":
                self._table(element)
            elif name not in GONE:
                self.blocks(element)

    def slides(self, presentation: Element) -> None:
        """Each slide's title, its other text in the order of reading, and its notes."""
        for slide in presentation:
            if local(slide) != "page":
                continue
            self.draft.page()
            shapes = [each for each in slide if local(each) not in GONE | {"notes"}]
            for shape in sorted_shapes(shapes):
                self._shape(shape)
            for shape in children(slide, "notes"):
                self._shape(shape)

    def _shape(self, shape: Element) -> None:
        role = attribute(shape, "class")
        if role in FURNITURE or attribute(shape, "placeholder") == "true":
            return
        if role == "title":
            line = _Line()
            for paragraph in shape.iter("{*}p"):
                self._inline(paragraph, line)
                line.pieces.append(" ")
            self.draft.add("".join(line.pieces), "heading")
        elif local(shape) == "g":
            for each in sorted_shapes([each for each in shape if local(each) not in GONE]):
                self._shape(each)
        else:
            self.blocks(shape)

    def _paragraph(self, paragraph: Element, heading: str) -> None:
        line = _Line()
        self._inline(paragraph, line)
        self.draft.add("".join(line.pieces), "heading" if local(paragraph) == heading else "paragraph")
        for container in line.after:
            self.blocks(container)

    def _table(self, table: Element) -> None:
        grid = [[cell for cell in row if local(cell) == "table-cell"] for row in _rows(table)]
        if all(len(cells) <= 1 for cells in grid):  # a frame around text, not a table
            for cell in (cell for cells in grid for cell in cells):
                self.blocks(cell)
            return
        for row in _rows(table):
            line = _Line()
            cells = [self._cell(cell, line) for cell in _visible_cells(row)]
            self.draft.add(CELL_GAP.join(cells), "row")
            for container in line.after:
                self.blocks(container)

    def _cell(self, cell: Element, line: _Line) -> str:
        """A cell's paragraphs as one text; tables within it are told after the row."""
        pieces: list[str] = []
        for element in _cell_blocks(cell):
            if local(element) == "table":
                line.after.append([element])
            else:
                inner = _Line(after=line.after)
                self._inline(element, inner)
                pieces.append("".join(inner.pieces))
        return " ".join(" ".join(pieces).split())

    def _inline(self, parent: Element, line: _Line) -> None:
        line.pieces.append(office.cleaned(parent.text or ""))
        for element in parent:
            name = local(element)
            if name in SPACES:
                line.pieces.append(" ")
            elif name == "note":
                line.after.append(child(element, "note-body"))
            elif name in SHAPES:
                line.after.append(element)
            elif name not in GONE:
                self._inline(element, line)
            line.pieces.append(office.cleaned(element.tail or ""))


def sorted_shapes(shapes: list[Element]) -> list[Element]:
    """Shapes as they are read: the title, then from top to bottom, and from left to right where they stand in line."""
    tops = {id(shape): (_length(shape, "y"), _length(shape, "x")) for shape in shapes}
    titles = [shape for shape in shapes if attribute(shape, "class") == "title"]
    return titles + office.reading_order(
        [shape for shape in shapes if attribute(shape, "class") != "title"], lambda shape: tops[id(shape)], SAME_LINE
    )


def _length(shape: Element, name: str) -> float:
    """An edge of a shape in millimetres; a group stands where its first shape does."""
    match = LENGTH.fullmatch(attribute(shape, name) or "")
    if match:
        try:
            return float(match[1]) * UNITS.get(match[2], 1.0)
        except ValueError:
            return 0.0
    first = next(iter(shape), None) if local(shape) == "g" else None
    return 0.0 if first is None else _length(first, name)


def _rows(table: Element) -> Iterator[Element]:
    for element in table:
        if local(element) == "table-row":
            yield element
        elif local(element) in ("table-rows", "table-header-rows", "table-row-group"):
            yield from _rows(element)


def _visible_cells(row: Element) -> Iterator[Element]:
    """A row's cells, without those that a wide one covers; beside a tall one stands an empty cell."""
    covered = 0
    for cell in row:
        if local(cell) == "table-cell":
            covered = _count(cell, "number-columns-spanned") - 1
            yield cell
        elif local(cell) == "covered-table-cell":
            if not covered:
                yield cell
            covered = max(0, covered - 1)


def _cell_blocks(cell: Element) -> Iterator[Element]:
    for element in cell:
        if local(element) in ("p", "h", "table"):
            yield element
        elif local(element) not in GONE:
            yield from _cell_blocks(element)


def _sheets(draft: Draft, spreadsheet: Element) -> None:
    counter = sheets.Counter()
    for table in spreadsheet:
        if local(table) == "table":
            sheets.write(draft, _sheet(table, counter))


def _sheet(table: Element, counter: sheets.Counter) -> sheets.Sheet:
    """A sheet's cells, those that are repeated in each place; a million empty ones at a sheet's end are not."""
    sheet = sheets.Sheet(attribute(table, "name") or "")
    number = 0
    for element in _rows(table):
        row: sheets.Row = {}
        column = 0
        for cell in element:
            if local(cell) not in ("table-cell", "covered-table-cell"):
                continue
            value, times = _cell_value(cell), _count(cell, "number-columns-repeated")
            if value is not None and value.text:
                counter.check(len(row) + times)
                row |= dict.fromkeys(range(column, column + times), value)
                down, across = _count(cell, "number-rows-spanned"), _count(cell, "number-columns-spanned")
                if down > 1 or across > 1:
                    sheet.merges.append(sheets.Merge(number, column, number + down - 1, column + across - 1))
            column += times
        times = _count(element, "number-rows-repeated")
        for place in range(number, number + times) if row else ():
            counter.add(len(row))
            sheet.rows[place] = row
        number += times
    return sheet


def _count(element: Element, name: str) -> int:
    value = attribute(element, name) or ""
    return max(1, int(value)) if value.isdecimal() and len(value) < 10 else 1


def _cell_value(cell: Element) -> sheets.Cell | None:
    """What a cell shows, a number without the marks between its thousands and a date as YYYY-MM-DD."""
    shown = " ".join("".join(_visible(paragraph)) for paragraph in cell if local(paragraph) == "p")
    kind = attribute(cell, "value-type")
    if kind == "date":
        return sheets.Cell((attribute(cell, "date-value") or "").replace("T00:00:00", "").replace("T", " "), False)
    if kind in ("float", "currency"):
        return sheets.Cell(sheets.number_as_shown(attribute(cell, "value") or "", shown), False)
    text = " ".join(office.cleaned(shown).split())
    return sheets.Cell(text, kind not in ("percentage", "time", "boolean")) if text else None


def _visible(paragraph: Element) -> Iterator[str]:
    yield paragraph.text or ""
    for element in paragraph:
        if local(element) in SPACES:
            yield " "
        elif local(element) not in GONE:
            yield from _visible(element)
        yield element.tail or ""
