"""FictionBook 2, in which much of what is read in Russian is kept: one XML file a book."""

from __future__ import annotations

from rag.errors import DocumentError
from rag.readers import archive
from rag.readers.markup import Element, is_unseen, write
from rag.readers.office import child, local
from rag.readers.source import Draft, Source

# Its elements as the HTML ones that they are like; what is not listed has the name that it has in HTML.
LIKE_HTML = {"title": "h2", "subtitle": "h3", "v": "p", "text-author": "p", "empty-line": "hr"}


def read(data: bytes) -> Source:
    """The book's bodies, notes last; raises DocumentError where it is no FictionBook or breaks a limit."""
    root = archive.xml(data, "the book")
    if local(root) != "FictionBook":
        raise DocumentError("the file is no FictionBook: name it by what it is")
    about = child(root, "description", "title-info")
    date = child(about, "date")
    draft = Draft()
    for body in [element for element in root if local(element) == "body"]:
        for element in body.iter("{*}*"):
            element.tag = LIKE_HTML.get(local(element), local(element))
        write(body, draft, is_unseen)
    return draft.source(
        title=_text(child(about, "book-title")),
        date=None if date is None else date.get("value") or _text(date),
        language=_text(child(about, "lang")),
    )


def _text(element: Element | None) -> str | None:
    return None if element is None else " ".join("".join(element.itertext()).split()) or None
