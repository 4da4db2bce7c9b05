"""The source view: a document opened at a place, its pages as pictures or its text, and its file to download."""

from __future__ import annotations

import bisect
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from rag.errors import DocumentError, QuestionError, RagError
from rag.folder import Roots
from rag.index import Index
from rag.readers import READERS
from rag.readers.showing import Shown
from rag.settings import Settings
from rag.stores.entry import Entry
from rag.types import Document, Json, Span
from rag.web import originals, pictures, reading
from rag.web.collection import Collection
from rag.web.download import Download
from rag.web.parts import OWN, Part
from rag.web.pictures import Page, Pictures
from rag.web.reading import NOTHING, Marked
from rag.web.texts import Texts, error_text, texts

log = logging.getLogger(__name__)

LONGEST = 20_000  # characters that are marked at most: a passage has some 2,000
SHOWN = {"pdf", "image"}  # the readers of the files whose pages can be shown
NOTES = {"changed": "source.changed", "gone": "source.gone", "away": "source.away"}
HEADERS = {"Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin"}


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a document of the collection; ``missing`` where the document does not have the one asked for."""

    index: Index
    document: Document
    entry: Entry
    marked: Marked
    missing: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """What the script asks for, whatever it sends: ``given`` is its object, ``said`` are the page's texts."""

    given: Mapping[str, object]
    said: Texts

    @classmethod
    def of(cls, data: object) -> Asked:
        given = data if isinstance(data, Mapping) else {}
        return cls(given, texts(given.get("language")))

    def number(self, name: str) -> int | None:
        """A whole number, not below 0."""
        value = self.given.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None

    def span(self, start: str, end: str) -> Span | None:
        """A span with something in it."""
        first, last = self.number(start), self.number(end)
        return Span(first, last) if first is not None and last is not None and first < last else None

    def place(self, collection: Collection) -> Place:
        """Raises QuestionError where the collection holds no such document, and what made the collection fail."""
        path = self.given.get("document")
        index = collection.index()
        document = index.document(path if isinstance(path, str) else "")
        passage = self.span("start", "end")
        is_there = passage is not None and passage.end <= len(document.text)
        marked = NOTHING if passage is None or not is_there else _at_most(passage)
        sentence = self.span("from", "to") or NOTHING
        missing = not is_there and self.given.get("start") is not None
        return Place(index, document, index.store.entries[document.path], Marked(marked, sentence), missing)


def part(collection: Collection) -> Part:
    """Showing where a citation stands."""
    made = Pictures(Settings.from_environment().read_megabytes)

    def told(asked: Asked, tell: Callable[[Place], Json]) -> Json:
        """What is told of the place, or what is wrong."""
        try:
            return tell(asked.place(collection))
        except QuestionError:
            return {"error": asked.said["source.unknown"]}
        except RagError as error:
            return {"error": error_text(error, asked.said)}

    def source(data: object) -> Json:
        """The document: what it is, whether its file is as it was, where on its pages the passage stands."""
        asked = Asked.of(data)
        return told(asked, lambda place: source_json(place, collection.roots, asked.said))

    def source_text(data: object) -> Json:
        """A window of the text: around the passage, or the one ``after`` or ``before`` an offset."""
        asked = Asked.of(data)
        return told(asked, lambda place: _text(place, asked))

    async def source_page(data: object) -> Json:
        """A page: its picture's width in pixels, the page's size in points, and its text for who does not see it."""
        asked = Asked.of(data)
        number, pixels = asked.number("page") or 0, pictures.width(asked.number("pixels") or 0)
        page = await anyio.to_thread.run_sync(told, asked, lambda place: _page(place, number, asked.said))
        if "error" in page:
            return page
        shown = await picture(str(asked.given.get("document")), str(asked.given.get("sha256")), number, pixels)
        if shown is None:
            return {**page, "error": asked.said["source.no_picture"]}
        return {**page, "pixels": pixels, "width": shown.width, "height": shown.height}

    async def picture(path: str, sha256: str, number: int, pixels: int) -> Shown | None:
        """The picture of a page of the document, if its file is the one with this hash."""
        found = await anyio.to_thread.run_sync(entry, path)
        file = originals.place(found, collection.roots) if found is not None else None
        if found is None or file is None or found.sha256 != sha256 or number == 0:
            return None
        try:
            return await made.shown(Page(sha256, number, pixels), Path(*file))
        except DocumentError as error:
            log.warning("page %d of %s cannot be shown: %s", number, path, error)
            return None

    def entry(path: str) -> Entry | None:
        try:
            return collection.index().store.entries.get(path)
        except RagError:
            return None

    async def page_file(request: Request) -> Response:
        given = request.query_params
        number, pixels = _number(given.get("page", "")), _number(given.get("pixels", ""))
        known = pixels in pictures.WIDTHS
        shown = await picture(given.get("document", ""), given.get("sha256", ""), number, pixels) if known else None
        return Response(shown.picture, media_type=pictures.TYPE, headers=HEADERS) if shown else _nothing()

    def document_file(request: Request) -> Response:
        """A document's file as it is now, to be kept and never to be shown by the browser."""
        found = entry(request.query_params.get("document", ""))
        stream = originals.opened(found, collection.roots) if found is not None else None
        return Download(stream, found.path) if found is not None and stream is not None else _nothing()

    return Part(
        functions=[source, source_text, source_page],
        routes=[Route(f"{OWN}source/page", page_file), Route(f"{OWN}source/file", document_file)],
    )


def source_json(place: Place, roots: Roots, said: Texts) -> Json:
    """What the source view shows of a document around its text or its pages.

    ``pages`` is 0 where only the text can be shown; ``rectangles`` are
    ``[page, left, top, right, bottom, whether of the sentence]``, in points from the left and top of the page as shown.
    """
    document, entry = place.document, place.entry
    state = originals.state(entry, roots)
    notes = [said[NOTES[state]]] if state != "same" else []
    notes += [said["source.no_place"]] if place.missing else []
    has_pages = state == "same" and READERS.get(document.type) in SHOWN
    rectangles = _rectangles(place) if has_pages else []
    first = bisect.bisect_right(document.pages, place.marked.passage.start)
    return {
        "document": document.path,
        "title": document.title,
        "language": document.language,
        "state": state,
        "notes": notes,
        "sha256": entry.sha256,
        "file": state in ("same", "changed"),
        "pages": len(document.pages) if has_pages else 0,
        "page": rectangles[0][0] if rectangles else max(1, first),
        "rectangles": rectangles,
    }


def _rectangles(place: Place) -> list[list[float]]:
    path, (passage, sentence) = place.document.path, (place.marked.passage, place.marked.sentence)
    found = []
    for span, is_sentence in ((passage, False), (sentence, True)):
        within = Span(max(span.start, passage.start), min(span.end, passage.end))
        found += [[*each, is_sentence] for each in place.index.rectangles(path, *within)]
    return found


def _text(place: Place, asked: Asked) -> Json:
    document, length = place.document, len(place.document.text)
    after, before = asked.number("after"), asked.number("before")
    if after is not None:
        window = reading.after(document, min(after, length))
    elif before is not None:
        window = reading.before(document, min(before, length))
    else:
        window = reading.around(document, place.marked.passage)
    html = reading.html(document, window, place.marked, asked.said)
    return {"html": html, "start": window.start, "end": window.end, "length": length}


def _page(place: Place, number: int, said: Texts) -> Json:
    document = place.document
    html = reading.html(document, reading.page_span(document, number), place.marked, said)
    return {
        "page": number,
        "label": said["source.page_of"].format(page=number, pages=len(document.pages)),
        "html": html,
    }


def _at_most(span: Span) -> Span:
    return Span(span.start, min(span.end, span.start + LONGEST))


def _number(text: str) -> int:
    """A number in the decimal digits of ASCII, or 0."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _nothing() -> Response:
    return PlainTextResponse("not found\n", 404, HEADERS)
