"""EPUB books: the chapters in the order of the spine, without the tables of contents."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from rag.errors import DocumentError
from rag.readers import archive, encodings
from rag.readers.markup import Element, is_unseen, parse, write
from rag.readers.office import attribute, local
from rag.readers.source import Draft, Source

CONTAINER = "META-INF/container.xml"
ENCRYPTION = "META-INF/encryption.xml"
# Fonts alone are encrypted so, in books that anybody may read.
FONT_ALGORITHMS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
PAGES = ("application/xhtml+xml", "text/html", "text/x-oeb1-document", "application/x-dtbook+xml")
CONTENTS = frozenset(("toc", "landmarks", "page-list", "loi", "lot", "index"))
ROLES = ("navigation", "doc-toc", "doc-pagelist", "doc-index")
MOSTLY = 0.5  # of its text: a page of so many links is a table of contents where the book calls it one


@dataclass(frozen=True, slots=True)
class Book:
    """What the package document says: the chapters' entries in order, those called a table of contents, metadata."""

    chapters: tuple[str, ...]
    contents: frozenset[str]
    title: str | None
    date: str | None
    language: str | None


def read(data: bytes) -> Source:
    """The book's text; raises DocumentError where it is none, is damaged, protected or breaks a limit."""
    with archive.open(data) as entries:
        names = _names(entries)
        _refuse_protected(entries)
        book = _book(entries, names)
        draft, missing = Draft(), []
        for name in book.chapters:
            try:
                _add(entries.read(names.get(name, name)), draft, may_be_contents=name in book.contents)
            except DocumentError as error:
                missing.append(f"{name}: {error}")
        if missing and len(missing) == len(book.chapters):
            raise DocumentError(f"no chapter of the book can be read ({missing[0]}): copy or save it again")
    return draft.source(book.title, book.date, book.language, tuple(missing))


def _names(entries: archive.Entries) -> dict[str, str]:
    """Each entry by its name, and by the name that its bytes spell where the archive does not say that it is UTF-8."""
    names = {}
    for name in entries.names:
        try:
            names[encodings.decode_name(name.encode("cp437"))] = name
        except UnicodeEncodeError:
            continue  # it was UTF-8, and said so
    return names | {name: name for name in entries.names}


def _refuse_protected(entries: archive.Entries) -> None:
    if ENCRYPTION not in entries:
        return
    for element in archive.xml(entries.read(ENCRYPTION), ENCRYPTION).iter("{*}EncryptionMethod"):
        if attribute(element, "Algorithm") not in FONT_ALGORITHMS and local(element.getparent()) == "EncryptedData":
            raise DocumentError("the book is protected against copying (DRM): get it without protection")


def _book(entries: archive.Entries, names: dict[str, str]) -> Book:
    container = archive.xml(entries.read(CONTAINER), CONTAINER)
    path = next((found for each in container.iter("{*}rootfile") if (found := attribute(each, "full-path"))), None)
    if path is None:
        raise DocumentError("the file is incomplete: it names no package document")
    package = archive.xml(entries.read(names.get(path, path)), path)
    items = {each.get("id"): each for each in package.iter("{*}item") if each.get("href")}
    order = [items[each.get("idref")] for each in package.iter("{*}itemref") if each.get("idref") in items]
    chapters = [
        _resolved(item.get("href"), path)
        for item in order
        if item.get("media-type", PAGES[0]) in PAGES and "nav" not in item.get("properties", "").split()
    ]
    if not chapters:
        raise DocumentError("the book has no chapters: copy or save it again")
    called = (each.get("href", "") for each in package.iter("{*}reference") if each.get("type") == "toc")
    return Book(
        chapters=tuple(dict.fromkeys(chapters)),
        contents=frozenset(_resolved(href, path) for href in called),
        title=next(_stated(package, "title"), None),
        date=next(_dates(package), None),
        language=next(_stated(package, "language"), None),
    )


def _resolved(href: str, package: str) -> str:
    """The entry that a reference of the package document names."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(package), unquote(urlsplit(href).path)))


def _stated(package: Element, name: str) -> Iterator[str]:
    texts = (" ".join("".join(each.itertext()).split()) for each in package.iter(f"{{*}}{name}"))
    return (text for text in texts if text)


def _dates(package: Element) -> Iterator[str]:
    """The dates that the book states, that of its publication first and that of its last change last."""
    dated = [(attribute(each, "event") or "", each.text) for each in package.iter("{*}date") if each.text]
    yield from (text for event, text in sorted(dated, key=lambda each: each[0] != "publication"))
    yield from (
        each.text for each in package.iter("{*}meta") if each.get("property") == "dcterms:modified" and each.text
    )


def _add(data: bytes, draft: Draft, may_be_contents: bool) -> None:
    root, _ = parse(encodings.decode(data).text)
    if may_be_contents and _is_contents(root):
        return
    write(root, draft, lambda element: is_unseen(element) or _lists_contents(element))


def _lists_contents(element: Element) -> bool:
    kind = element.get("{http://www.idpf.org/2007/ops}type") or element.get("epub:type") or ""
    return element.tag == "nav" or element.get("role") in ROLES or not CONTENTS.isdisjoint(kind.split())


def _is_contents(root: Element) -> bool:
    body = root.find(".//body")
    text = sum(len(piece.strip()) for piece in (root if body is None else body).itertext())
    linked = sum(len(piece.strip()) for link in root.iter("a") for piece in link.itertext())
    return linked > MOSTLY * text
