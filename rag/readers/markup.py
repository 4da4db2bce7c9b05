"""The blocks of an HTML tree: what HTML pages and books share.

Paragraphs, headings, list items and preformatted text come out as blocks in the order of the source, rows of tables
as rows. The tree is walked and never recursed into, so that nesting costs no stack.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html.entities import html5 as entities
from typing import Any

from lxml import etree

from rag.errors import DocumentError
from rag.readers import archive
from rag.readers.office import cleaned
from rag.readers.plain import paragraphs
from rag.readers.source import CELL_GAP, Draft

Element = Any  # lxml ships no types
Skips = Callable[[Element], bool]


def word_set(listed: str) -> frozenset[str]:
    """The words of a list written with spaces."""
    return frozenset(listed.split())


HEADINGS = frozenset(f"h{level}" for level in range(1, 7))
BLOCKS = HEADINGS | word_set(
    "address article aside blockquote body caption center dd details dir div dl dt fieldset figcaption figure footer"
    " form header hgroup hr legend li main menu nav ol p pre section summary table tbody td tfoot th thead tr ul"
    " html optgroup"
)
# What is never prose, wherever it stands.
NO_TEXT = word_set(
    "head script style noscript template svg math button input select textarea datalist option label iframe object"
    " embed canvas audio video dialog map applet noframes frameset progress meter"
)
HIDING = re.compile(r"(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
LAYOUT_CELL = 500  # characters; a longer cell is a column of the page rather than a value
XHTML = "http://www.w3.org/1999/xhtml"
HEAD = 4096  # characters in which a page names its name space
XML_DECLARATION = re.compile(r"(?:(?<!\s)\s++)?<\?xml[^<>]*\?>")
ENTITY = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)(\w{2,31});")
SPACES = re.compile(r"[\s\x1f]+")


def parse(text: str) -> tuple[Element, bool]:
    """The root of a page's tree, and whether it was cut off for nesting too deeply (2,048 levels). No network, no DTD.

    Raises DocumentError where there is nothing to parse.
    """
    if XHTML in text[:HEAD] and (strict := _strict(text)) is not None:
        return strict, False
    parser = etree.HTMLParser(
        encoding="utf-8",
        no_network=True,
        remove_comments=True,
        remove_pis=True,
        huge_tree=True,  # 2,048 levels rather than 256, which pages with unclosed tags pass; HTML defines no entities
    )
    try:
        root = etree.fromstring(text.replace("\0", "").encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError as error:
        raise DocumentError("the file holds no HTML: name it by what it is") from error
    if root is None:
        raise DocumentError("the file holds no HTML: name it by what it is")
    return root, any(entry.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT for entry in parser.error_log)


def _strict(text: str) -> Element | None:
    """The tree of XHTML that is well-formed; None for the rest, which browsers read as HTML too.

    Only so does ``<title/>`` end where it ends: in HTML the whole page would be its title.
    """
    named = ENTITY.sub(lambda match: entities.get(f"{match[1]};", match[0]), XML_DECLARATION.sub("", text, count=1))
    try:
        root = archive.xml(named.encode("utf-8", "replace"), "the page")
    except DocumentError:
        return None
    for element in root.iter("{*}*"):
        element.tag = etree.QName(element).localname.lower()
    return root


def is_hidden(element: Element) -> bool:
    """Whether the element is not shown as the page opens."""
    if element.get("hidden") is not None or element.get("aria-hidden") == "true":
        return True
    style = element.get("style")
    return style is not None and HIDING.search(style) is not None


def is_unseen(element: Element) -> bool:
    """Whether the element is no prose of its own, or not shown as the page opens."""
    return element.tag in NO_TEXT or is_hidden(element)


def write(root: Element, draft: Draft, skips: Skips = is_unseen) -> None:
    """Adds the blocks below ``root`` to the draft, those in elements that ``skips`` names aside."""
    writer = _Writer(draft)
    walk = etree.iterwalk(root, events=("start", "end"))
    skipped: Element | None = None
    for event, element in walk:
        if event == "start":
            if skips(element):
                skipped = element
                walk.skip_subtree()
                writer.skip(element)
                continue
            writer.start(element)
            writer.text(element.text)
            continue
        if element is skipped:
            skipped = None
        else:
            writer.end(element)
        if element is not root:
            writer.text(element.tail)
    writer.flush()


class _Writer:
    """The block in the making: what has been read since the last one ended."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._pieces: list[str] = []
        self._headings = self._pre = 0  # how many of them are open
        self._tables: list[bool] = []  # of the open tables, whether their rows are rows
        self._cells: list[str] = []
        self._in_cell = False  # of a table whose rows are rows

    def start(self, element: Element) -> None:
        tag = element.tag
        if tag == "br":
            self._pieces.append("\n")
        elif tag in BLOCKS:
            self._break()
        if tag in ("td", "th") and self._tables and self._tables[-1]:
            self._in_cell = True
        elif tag in HEADINGS:
            self._headings += 1
        elif tag == "pre":
            self._pre += 1
        elif tag == "table":
            self.flush()
            self._tables.append(is_data(element))

    def end(self, element: Element) -> None:
        tag = element.tag
        if tag in ("td", "th") and self._in_cell:
            self._in_cell = False
            self._cells.append(SPACES.sub(" ", "".join(self._pieces)).strip())
            self._pieces.clear()
        elif tag == "tr" and self._cells:
            self._draft.add(cleaned(CELL_GAP.join(self._cells)).strip(), "row")
            self._cells.clear()
        elif tag in BLOCKS:
            self._break()
        if tag in HEADINGS:
            self._headings -= 1
        elif tag == "pre":
            self._pre -= 1
        elif tag == "table":
            self._tables.pop()

    def skip(self, element: Element) -> None:
        """Passes over an element that is left out; one between two words stands for a space."""
        if element.tag in BLOCKS:
            self._break()
        else:
            self._pieces.append(" " if element.tag in ("button", "input", "select", "label") else "")

    def text(self, text: str | None) -> None:
        if text:
            self._pieces.append(text if self._pre else SPACES.sub(" ", text))

    def flush(self) -> None:
        """Ends the block in the making."""
        text = cleaned("".join(self._pieces))
        self._pieces.clear()
        if not text.strip():
            return
        if self._headings:
            self._draft.add(text, "heading")
        elif self._pre:
            self._draft.add_lines(text)
        else:  # a line feed is a <br>: two of them end a paragraph, one does where lines are whole
            for block in paragraphs(text):
                self._draft.add(text[block.start : block.end])

    def _break(self) -> None:
        if self._in_cell:
            self._pieces.append(" ")
        else:
            self.flush()


def is_data(table: Element) -> bool:
    """Whether a table holds values in rows, rather than the page's parts in places."""
    if table.get("role") in ("presentation", "none") or table.find(".//table") is not None:
        return False
    widths = [sum(cell.tag in ("td", "th") for cell in row) for row in table.iter("tr")]
    if max(widths, default=0) < 2:
        return False
    if table.find(".//th") is not None:
        return True
    return len(widths) > 1 and not any(
        len(SPACES.sub(" ", "".join(cell.itertext()))) > LAYOUT_CELL
        or any(cell.find(f".//{tag}") is not None for tag in HEADINGS)
        for cell in table.iter("td")
    )
