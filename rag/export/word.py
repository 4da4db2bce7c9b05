"""Answers as Word documents (DOCX) whose sources are real footnotes, written by python-docx.

A passage stands in one paragraph of the document, however many lines it has, so that it is copied whole; its answering
sentence is marked. Each run says which language it is in, for the proofing tools.
"""

from __future__ import annotations

import datetime
import io
from collections.abc import Sequence

import docx
from docx.document import Document
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor
from docx.styles.style import ParagraphStyle
from docx.table import _Row
from docx.text.paragraph import Paragraph
from docx.text.run import Run

from rag.export.footnotes import Footnotes
from rag.export.sound import closed, sound
from rag.export.words import made, remarks, source, spoken, sureness, words
from rag.types import Answer, Citation

TYPEFACE = "Times New Roman"  # every system has it or its metric twin, with Cyrillic
SOFT = RGBColor(0x59, 0x59, 0x59)  # 7 : 1 on white
MARK = "FFF0B3"  # the page's mark on paper; Word's own highlighter knows only loud colours
PLACES = {"ru": "ru-RU", "en": "en-GB", "kk": "kk-KZ", "de": "de-DE", "fr": "fr-FR", "es": "es-ES", "ar": "ar-SA"}
RIGHT_TO_LEFT = {"ar", "fa", "he", "ur"}
COLUMNS = (Cm(1.2), Cm(6.3), Cm(9.5))  # of the table of answers: number, question, answer
MAX_TITLE = 255  # characters of a core property, by the format


def word(answer: Answer, collection: str, today: datetime.date, page: str = "en") -> bytes:
    """The answer with its footnote, then the passages with theirs; ``page`` is the page's language."""
    language = spoken(answer.language, page)
    said, pen = words(language), _Pen(language, answer.question)
    pen.write(pen.paragraph("Heading 1"), answer.question, answer.language)
    pen.verdict(pen.paragraph("Subtitle"), answer)
    noted = None
    if answer.text is not None and answer.citation is not None:
        place = pen.paragraph("Quote")
        cited = answer.citations[answer.citation - 1]
        pen.write(place, closed(answer.text), cited.language)
        noted = pen.note(place, cited)
    for remark in remarks(answer, said):
        pen.write(pen.paragraph(), remark, language)
    if answer.citations:
        pen.write(pen.paragraph("Heading 2"), said["sources" if answer.found else "nearest"], language)
    for citation in answer.citations:
        pen.passage(citation, noted if citation.rank == answer.citation else None)
    return pen.finished(collection, today)


def table(answers: Sequence[tuple[str, Answer | str]], collection: str, today: datetime.date, language: str) -> bytes:
    """Questions with their answers as a table, the sources in footnotes; of a question that could not be answered its
    reason stands in the answer's place. ``language`` is the document's own."""
    said = words(language)
    pen = _Pen(language, said["batch"])
    pen.write(pen.paragraph("Heading 1"), said["batch"], language)
    grid = pen.document.add_table(rows=1, cols=len(COLUMNS), style="Table Grid")
    grid.autofit = False
    for column, width in zip(grid.columns, COLUMNS, strict=True):
        column.width = width
    pen.head(grid.rows[0], [said["column.number"], said["question"], said["answer"]])
    for number, (question, answer) in enumerate(answers, start=1):
        pen.row(grid.add_row(), number, question, answer)
    pen.paragraph()
    return pen.finished(collection, today)


class _Pen:
    """Writes one document in a language of its own."""

    def __init__(self, language: str, title: str) -> None:
        self.document: Document = docx.Document()
        self._language, self._said = language, words(language)
        self._notes = Footnotes(self.document)
        self._close = self.document.styles["No Spacing"].style_id
        _set_up(self.document, language)
        properties = self.document.core_properties
        properties.title = sound(title)[:MAX_TITLE]
        properties.author = properties.comments = ""  # python-docx's own stand there
        properties.language = PLACES[language]

    def paragraph(self, style: str | None = None) -> Paragraph:
        return self.document.add_paragraph(style=style)

    def write(self, place: Paragraph, text: str, language: str, marked: bool = False) -> Run:
        """Adds text of a language, its lines and bidirectional marks kept within it."""
        run = place.add_run(sound(text))
        told = OxmlElement("w:lang")
        told.set(qn("w:val"), PLACES.get(language, language or PLACES[self._language]))
        properties = run._r.get_or_add_rPr()
        if marked:
            ground = OxmlElement("w:shd")
            for name, value in (("val", "clear"), ("color", "auto"), ("fill", MARK)):
                ground.set(qn(f"w:{name}"), value)
            properties.append(ground)
        if language in RIGHT_TO_LEFT:
            run.font.rtl = True
            told.set(qn("w:bidi"), told.get(qn("w:val"), ""))
        properties.append(told)
        return run

    def verdict(self, place: Paragraph, answer: Answer) -> None:
        self.write(place, self._said[answer.verdict], self._language).bold = True
        self.write(place, f" · {sureness(answer, self._said)}", self._language)

    def passage(self, citation: Citation, noted: int | None) -> None:
        """The passage under its title, the answering sentence marked; ``noted`` is its footnote, where it has one."""
        start, end = citation.highlight
        heading = self.paragraph("Heading 3")
        self.write(heading, f"{citation.rank}. ", self._language)
        self.write(heading, source(citation, self._language).title, citation.language)
        place = self.paragraph("Body Text")
        for text, marked in ((citation.quote[:start], False), (citation.quote[start:end], True)):
            if text:
                self.write(place, text, citation.language, marked)
        self.write(place, closed(citation.quote)[end:], citation.language)
        if noted is None:
            self.note(place, citation)
        else:
            self._notes.repeat(place, noted)

    def note(self, place: Paragraph, citation: Citation) -> int:
        """A footnote that says whence the passage comes; gives its number."""
        told = source(citation, self._language)
        number, note = self._notes.add(place)
        if told.title:
            self.write(note, f"{told.title} ", citation.language)
        self.write(note, told.document, citation.language).font.no_proof = True
        self.write(note, f", {told.facts}.", self._language)
        return number

    def head(self, row: _Row, names: Sequence[str]) -> None:
        told = OxmlElement("w:tblHeader")  # on every page anew
        row._tr.get_or_add_trPr().append(told)
        for cell, name, width in zip(row.cells, names, COLUMNS, strict=True):
            cell.width = width
            self.write(self._placed(cell.paragraphs[0]), name, self._language).bold = True

    def row(self, row: _Row, number: int, question: str, answer: Answer | str) -> None:
        cells = row.cells
        for cell, width in zip(cells, COLUMNS, strict=True):
            cell.width = width
        self.write(self._placed(cells[0].paragraphs[0]), str(number), self._language)
        self.write(
            self._placed(cells[1].paragraphs[0]),
            question,
            self._language if isinstance(answer, str) else answer.language,
        )
        place = self._placed(cells[2].paragraphs[0])
        if isinstance(answer, str):
            self.write(place, answer, self._language).italic = True
            return
        if answer.text is not None and answer.citation is not None:
            cited = answer.citations[answer.citation - 1]
            self.write(place, closed(answer.text), cited.language)
            self.note(place, cited)
            place = self._placed(cells[2].add_paragraph())
        self.verdict(place, answer)

    def _placed(self, place: Paragraph) -> Paragraph:
        """A paragraph of a cell; its style is named by its id: by name it would be looked up each time."""
        place._p.style = self._close
        return place

    def finished(self, collection: str, today: datetime.date) -> bytes:
        place = self.paragraph("Caption")
        self.write(place, made(today, collection, self._language), self._language)
        data = io.BytesIO()
        self.document.save(data)
        return data.getvalue()


def _set_up(document: Document, language: str) -> None:
    """A4, one typeface, quiet headings: python-docx's template is an American letter in blue."""
    for rel in [each for each in document.part.package.rels.values() if each.reltype.endswith("/thumbnail")]:
        del document.part.package.rels[rel.rId]  # the picture of an empty page
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2)
    section.top_margin = section.bottom_margin = Cm(2)
    forms = {
        "Normal": (11, False, None, 6),
        "Heading 1": (16, True, None, 4),
        "Heading 2": (13, True, None, 4),
        "Heading 3": (11, True, None, 2),
        "Subtitle": (11, False, SOFT, 8),
        "Quote": (14, False, None, 8),
        "Body Text": (11, False, None, 6),
        "No Spacing": (10, False, None, 0),
        "Caption": (9, False, SOFT, 0),
    }
    for name, (size, bold, colour, after) in forms.items():
        style = document.styles[name]
        if isinstance(style, ParagraphStyle):
            _form(style, Pt(size), bold, colour, Pt(after))
    mode = document.settings.element.find(f".//{qn('w:compatSetting')}[@{qn('w:name')}='compatibilityMode']")
    if mode is not None:
        mode.set(qn("w:val"), "15")  # Word 2013 and later: no "compatibility mode" in the title
    default = document.styles.element.find(f".//{qn('w:rPrDefault')}//{qn('w:lang')}")
    if default is not None:
        default.set(qn("w:val"), PLACES[language])


def _form(style: ParagraphStyle, size: Pt, bold: bool, colour: RGBColor | None, after: Pt) -> None:
    font = style.font
    font.name, font.size, font.bold, font.italic = TYPEFACE, size, bold, False
    font.color.rgb = colour or RGBColor(0, 0, 0)
    fonts = style.element.rPr.rFonts
    for spacing in style.element.rPr.findall(qn("w:spacing")):
        style.element.rPr.remove(spacing)
    for kind in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{kind}"), None)  # a theme's font would go before the named one
    fonts.set(qn("w:cs"), TYPEFACE)
    style.paragraph_format.space_after = after
    style.paragraph_format.line_spacing = 1.15
