"""What Microsoft's zip-based formats share: parts and how they refer to each other, and the core properties."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from rag.errors import DocumentError
from rag.readers import archive

Element = Any  # lxml ships no types

# What is never seen (soft hyphens, byte-order marks, spaces without width) is dropped, ligatures are written out.
CLEANED: dict[int, str | None] = dict.fromkeys(map(ord, "\xad\ufeff\u200b\u2060"))
CLEANED |= {0xFB00 + offset: text for offset, text in enumerate(("ff", "fi", "fl", "ffi", "ffl", "st", "st"))}
# Titles that a program or its template gives, and no person.
NO_TITLE = re.compile(
    r"microsoft (office )?(word|excel|powerpoint)\b.*|(word|powerpoint) (document|presentation)|presentation ?\d*|"
    r"презентация ?(microsoft )?(powerpoint)? ?\d*|документ (microsoft )?word|"
    r"(untitled|без названия|document|документ) ?\d*|slide ?1|слайд ?1|пустая страница|blank",
    re.IGNORECASE,
)
TEMPLATE_DATES = {"2013-12-23", "2013-01-27"}  # python-docx's and python-pptx's own templates, left as they are
EPOCH = "1980-02-01"  # what is older was set by a program without a clock
OFF = ("0", "false", "off")
KINDS = {
    "document": "a Word document: name it .docx",
    "presentation": "a presentation: name it .pptx",
    "workbook": "a spreadsheet: name it .xlsx",
}


@dataclass(frozen=True, slots=True)
class Properties:
    """A file's own title, date and language, None where it says nothing of use."""

    title: str | None = None
    date: str | None = None
    language: str | None = None


def local(element: Element) -> str:
    """An element's name without its name space, of which strict and transitional files have different ones."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def attribute(element: Element, name: str) -> str | None:
    """The value of the first attribute of that local name."""
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), None)


def child(element: Element | None, *path: str) -> Element | None:
    """The first child, or child's child, of these local names."""
    for name in path:
        if element is None:
            return None
        element = next((each for each in element if local(each) == name), None)
    return element


def children(element: Element | None, *path: str) -> Iterator[Element]:
    """What stands in an element, or in its child, or child's child, of these local names."""
    found = child(element, *path)
    return iter(()) if found is None else iter(found)


def is_on(element: Element | None) -> bool:
    """Whether a switch such as ``<w:vanish/>`` is there and not set to false."""
    return element is not None and attribute(element, "val") not in OFF


def is_on_value(element: Element | None, name: str) -> bool:
    """Whether an attribute is there and set."""
    value = attribute(element, name) if element is not None else None
    return value is not None and value not in OFF


def cleaned(text: str) -> str:
    """The text without what is never seen, its ligatures written out."""
    return text.translate(CLEANED)


def part(entries: archive.Entries, name: str) -> Element | None:
    """The root of an XML part; None where there is none."""
    return archive.xml(entries.read(name), name) if name in entries else None


def spare_part(entries: archive.Entries, name: str, missing: list[str]) -> Element | None:
    """A part without which the text can be read; where it cannot itself, ``missing`` says so."""
    try:
        return part(entries, name)
    except DocumentError as error:
        missing.append(f"{posixpath.basename(name)}: {error}")
        return None


def relations(entries: archive.Entries, source: str) -> dict[str, tuple[str, str]]:
    """What a part refers to within the archive: relation id -> (kind, part's name). ``source`` is "" for the file."""
    folder, name = posixpath.split(source)
    root = part(entries, posixpath.join(folder, "_rels", f"{name}.rels"))
    found = {}
    for each in children(root):
        target = each.get("Target")
        if target and each.get("TargetMode") != "External":
            full = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
            found[each.get("Id", "")] = (each.get("Type", "").rpartition("/")[2], full)
    return found


def relation_id(element: Element) -> str:
    """The id of the relation that an element names: the one in a name space, where it has an id of its own too."""
    return next((value for key, value in element.attrib.items() if key.startswith("{") and key.endswith("}id")), "")


def related(entries: archive.Entries, source: str, kind: str) -> list[str]:
    """The parts of a kind that a part refers to."""
    return [target for each, target in relations(entries, source).values() if each == kind]


def main_part(entries: archive.Entries, kind: str) -> tuple[str, Element]:
    """The name and root of the file's main part, a ``document``, ``presentation`` or ``workbook``."""
    if "mimetype" in entries:
        raise DocumentError("the file's name is wrong, it is an OpenDocument or EPUB file: give it its own ending")
    name = next(iter(related(entries, "", "officeDocument")), None)
    if name is None:
        raise DocumentError("the file is not what its name says, or is incomplete: its main part is not named")
    root = archive.xml(entries.read(name), name)
    if local(root) != kind:
        known = KINDS.get(local(root))
        raise DocumentError(f"the file's name is wrong, it is {known}" if known else f"{name} is no {kind}")
    return name, root


def properties(entries: archive.Entries) -> Properties:
    """The core properties, without what a template left in them."""
    unread: list[str] = []  # metadata only: no text is missed with it
    root = next((spare_part(entries, name, unread) for name in related(entries, "", "core-properties")), None)
    values = {local(each): (each.text or "").strip() for each in children(root)}
    dates = (date(values.get("created")), date(values.get("modified")))
    programs = (spare_part(entries, name, unread) for name in related(entries, "", "extended-properties"))
    program = child(next(programs, None), "Application")
    # LibreOffice writes its own language where the author has given none.
    own_language = program is None or not (program.text or "").startswith("LibreOffice")
    language = values.get("language") if own_language else None
    return Properties(own_title(values.get("title")), dates[0] or dates[1], language or None)


def own_title(value: str | None) -> str | None:
    """The title, unless it is empty, a template's, or a file's name."""
    title = " ".join(cleaned(value or "").split())
    return None if not title or NO_TITLE.fullmatch(title) or re.search(r"\.\w{3,4}$", title) else title


def date(value: str | None) -> str | None:
    """The day of a moment in ISO 8601, unless a template or a clock that was not set gave it."""
    day = (value or "")[:10]
    return day if day > EPOCH and day not in TEMPLATE_DATES else None


def reading_order(
    shapes: list[Element], place: Callable[[Element], tuple[float, float]], same_line: float
) -> list[Element]:
    """Shapes from top to bottom, and from left to right where their tops differ by less than ``same_line``.

    ``place`` gives a shape's top and left.
    """
    lines: list[list[Element]] = []
    for shape in sorted(shapes, key=place):
        if lines and place(shape)[0] - place(lines[-1][0])[0] < same_line:
            lines[-1].append(shape)
        else:
            lines.append([shape])
    return [shape for line in lines for shape in sorted(line, key=lambda shape: place(shape)[1])]
