"""Real footnotes for a document of python-docx, which writes none: the part, its relationship, styles and settings.

ECMA-376 part 1, 17.11. The two notes that hold the separating lines have the numbers that Word gives them, -1 and 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from docx.enum.style import WD_STYLE_TYPE
from docx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import XmlPart
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Pt
from docx.styles.style import CharacterStyle, ParagraphStyle
from docx.text.paragraph import Paragraph

if TYPE_CHECKING:
    from docx.document import Document

TEXT, MARK = "footnote text", "footnote reference"  # Word's own names of the styles, which it translates
BOOKMARK = "_RefSnoska{number}"  # around a mark, hidden in Word's lists by its underscore
EMPTY = (
    f'<w:footnotes {nsdecls("w")}><w:footnote w:type="separator" w:id="-1"><w:p><w:r><w:separator/></w:r></w:p>'
    '</w:footnote><w:footnote w:type="continuationSeparator" w:id="0"><w:p><w:r><w:continuationSeparator/></w:r></w:p>'
    "</w:footnote></w:footnotes>"
)


class Footnotes:
    """The footnotes of one document, numbered from 1 in the order in which they are added."""

    def __init__(self, document: Document) -> None:
        self._part = XmlPart(
            PackURI("/word/footnotes.xml"), CONTENT_TYPE.WML_FOOTNOTES, parse_xml(EMPTY), document.part.package
        )
        document.part.relate_to(self._part, RELATIONSHIP_TYPE.FOOTNOTES)
        self._count = 0
        self._text = document.styles.add_style(TEXT, WD_STYLE_TYPE.PARAGRAPH, builtin=True)
        self._mark = document.styles.add_style(MARK, WD_STYLE_TYPE.CHARACTER, builtin=True)
        self._text.base_style = document.styles["Normal"]
        _form(self._text, self._mark)
        _announce(document)

    def add(self, paragraph: Paragraph) -> tuple[int, Paragraph]:
        """Puts the next footnote's mark at the paragraph's end; gives its number and the note's own
        paragraph, to be written in."""
        self._count += 1
        begin, end = OxmlElement("w:bookmarkStart"), OxmlElement("w:bookmarkEnd")
        for edge in (begin, end):
            edge.set(qn("w:id"), str(self._count))
        begin.set(qn("w:name"), BOOKMARK.format(number=self._count))
        paragraph._p.append(begin)
        self._reference(paragraph, "w:footnoteReference", self._count)
        paragraph._p.append(end)
        note, inside = OxmlElement("w:footnote"), OxmlElement("w:p")
        note.set(qn("w:id"), str(self._count))
        note.append(inside)
        self._part.element.append(note)
        text = Paragraph(inside, paragraph.part)
        text._p.style = self._text.style_id  # by its name it would be looked up among all, each time
        self._reference(text, "w:footnoteRef")
        text.add_run(" ")
        return self._count, text

    def repeat(self, paragraph: Paragraph, number: int) -> None:
        """Puts a footnote's mark once more: a field that shows the number and jumps to it (17.16.5.40)."""
        field = OxmlElement("w:fldSimple")
        field.set(qn("w:instr"), f" NOTEREF {BOOKMARK.format(number=number)} \\f \\h ")
        run = paragraph.add_run(str(number), style=self._mark)
        run._r.addprevious(field)
        field.append(run._r)
        paragraph._p.append(field)

    def _reference(self, paragraph: Paragraph, tag: str, number: int | None = None) -> None:
        run = paragraph.add_run()
        run._r.style = self._mark.style_id
        mark = OxmlElement(tag)
        if number is not None:
            mark.set(qn("w:id"), str(number))
        run._r.append(mark)


def _form(text: object, mark: object) -> None:
    if isinstance(text, ParagraphStyle):
        text.font.size = Pt(9)
        text.paragraph_format.space_after = Pt(2)
        text.paragraph_format.line_spacing = 1.0
    if isinstance(mark, CharacterStyle):
        mark.font.superscript = True


def _announce(document: Document) -> None:
    """Names the separating notes in the settings, where Word looks for them."""
    settings = document.settings.element
    told = OxmlElement("w:footnotePr")
    for number in ("-1", "0"):
        note = OxmlElement("w:footnote")
        note.set(qn("w:id"), number)
        told.append(note)
    after = settings.find(qn("w:compat"))  # the schema fixes the order of the settings
    if after is None:
        settings.append(told)
    else:
        after.addprevious(told)
