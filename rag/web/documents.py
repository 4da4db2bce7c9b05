"""The collection on the page: what is in it, what was skipped, and, where that is allowed, changing it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rag.folder import UPLOADS
from rag.readers import READERS
from rag.settings import Settings
from rag.types import Json, Listed
from rag.web import permission
from rag.web.collection import Collection
from rag.web.parts import OWN, Part
from rag.web.texts import Texts, error_text, texts
from rag.web.texts.documents import REASONS
from rag.web.uploads import Receiving, Refused, Uploads

log = logging.getLogger(__name__)

AT_ONCE = 50  # documents, or skipped files, that are sent to the page at a time
PIECE = 2**20  # bytes of an upload that are written together
Change = Callable[[Request], Awaitable[Json]]


def part(collection: Collection) -> Part:
    """The list of documents, uploads, removal and rebuilding."""
    desk = Desk(collection)

    def documents(data: object) -> Json:  # plain functions: Gradio marks what it may call, which no method lets it
        return desk.documents(data)

    def skipped(data: object) -> Json:
        return desk.skipped(data)

    def turn(data: object) -> Json:
        return desk.turn(data)

    return Part(
        functions=[documents, skipped, turn],
        routes=[desk.route("upload", desk.upload), desk.route("remove", desk.remove), desk.route("renew", desk.renew)],
    )


class Desk:
    """Where documents are looked up, taken in and given back."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        settings = Settings.from_environment()
        self._max_bytes, self._max_total = settings.max_file_bytes, settings.max_uploads_bytes
        self._kept: Uploads | None = None

    # -- what the script calls

    def documents(self, data: object) -> Json:
        """A page of the documents that fit a search, in an order; and who may change what."""
        given = data if isinstance(data, Mapping) else {}
        said = texts(given.get("language"))
        index = self._collection.opened()
        limits = {"bytes": self._max_bytes, "room": self._max_total}
        about = {"closed": self._closed(said), **limits, "endings": sorted(READERS)}
        if index is None:
            return {**about, "rows": [], "total": 0, "all": 0, "start": 0, "skipped": 0}
        listing = self._collection.listings.of(index.store)
        query, sort = str(given.get("query") or "")[:200], str(given.get("sort") or "title")
        found = listing.select(query, sort, bool(given.get("reverse")))
        start = _start(given.get("start"), len(found))
        return {
            **about,
            "rows": [_row(each, said) for each in found[start : start + AT_ONCE]],
            "total": len(found),
            "all": len(listing.documents),
            "start": start,
            "skipped": len(index.store.manifest["skipped"]),
        }

    def skipped(self, data: object) -> Json:
        """A page of the files that were skipped, with the reasons."""
        given = data if isinstance(data, Mapping) else {}
        said, index = texts(given.get("language")), self._collection.opened()
        every = index.store.manifest["skipped"] if index is not None else []
        start = _start(given.get("start"), len(every))
        rows = [
            {**each, "kind": _kind(each["reason"], said), "uploaded": _is_uploaded(each["file"])}
            for each in every[start : start + AT_ONCE]
        ]
        return {"rows": rows, "total": len(every), "start": start}

    def turn(self, data: object) -> Json:
        """Whether a turn that was asked for is over; then what became of some documents, else how far it is."""
        given = data if isinstance(data, Mapping) else {}
        said, status = texts(given.get("language")), self._collection.status()
        number, asked = given.get("turn"), given.get("documents")
        if isinstance(number, int) and not self._collection.is_done(number):
            step = status.progress
            is_known = step is not None and f"status.{step.stage}" in said
            text = said[f"status.{step.stage}"].format(done=step.done, total=step.total) if step and is_known else ""
            return {"done": False, "text": text or said["documents.waiting"]}
        texts_asked = [each for each in asked if isinstance(each, str)] if isinstance(asked, list) else []
        paths = [each.encode("utf-8", "replace").decode("utf-8") for each in texts_asked[:AT_ONCE]]
        error = error_text(status.error, said) if status.error is not None else ""
        return {"done": True, "error": error, "results": {path: self._became(path, error, said) for path in paths}}

    def _became(self, path: str, error: str, said: Texts) -> Json:
        index = self._collection.opened()
        entry = index.store.entries.get(path) if index is not None else None
        if entry is not None and not error:
            text = "; ".join(entry.missing)
            return {"state": "part" if text else "read", "text": text, "kind": _kind(text, said)}
        every = index.store.manifest["skipped"] if index is not None else []
        reason = next((each["reason"] for each in every if each["file"] == path), "")
        if reason and not error:
            return {"state": "skipped", "text": reason, "kind": _kind(reason, said)}
        return {"state": "failed", "text": error or said["documents.nothing"], "kind": ""}

    # -- what changes the collection

    def route(self, name: str, change: Change) -> Route:
        """An address of this part, which answers with an object; what may not be is refused, and why."""

        async def answer(request: Request) -> Response:
            said = texts(request.query_params.get("language"))
            try:
                self._check(request)
                return JSONResponse(await change(request))
            except Refused as error:
                limit = self._max_total if error.reason == "room" else self._max_bytes
                text = said[f"refused.{error.reason}"].format(limit=f"{limit / 2**20:g}")
                return JSONResponse({"error": error.reason, "text": text}, error.status)
            except ClientDisconnect:
                return JSONResponse({"error": "cut", "text": said["refused.cut"]}, 400)
            except OSError:
                log.exception("the collection cannot be changed")
                return JSONResponse({"error": "disk", "text": said["refused.disk"]}, 507 if name == "upload" else 500)

        return Route(OWN + name, answer, methods=["POST"])

    async def upload(self, request: Request) -> Json:
        """Takes in one file, the request's body, under the ``name`` asked for."""
        length = request.headers.get("content-length", "")
        size = int(length) if length.isdecimal() else None
        begin = partial(self._uploads().receive, request.query_params.get("name", ""), size)
        with await to_thread.run_sync(begin) as receiving:
            await self._take(request, receiving)
            document = await to_thread.run_sync(receiving.finish)
        log.info("uploaded %s", document)
        return {"document": document, "turn": self._collection.renew()}

    async def _take(self, request: Request, receiving: Receiving) -> None:
        held = bytearray()
        async for chunk in request.stream():
            held += chunk
            if len(held) >= PIECE:
                await to_thread.run_sync(receiving.write, bytes(held))
                held.clear()
        await to_thread.run_sync(receiving.write, bytes(held))

    async def remove(self, request: Request) -> Json:
        """Deletes an uploaded file; the index then forgets its ``document``."""
        document, index, uploads = request.query_params.get("document", ""), self._collection.opened(), self._uploads()
        if index is not None and set(index.store.entries) == {document} and len(uploads.names()) < 2:
            raise Refused("last", 409)
        await to_thread.run_sync(uploads.remove, document)
        log.info("removed %s", document)
        return {"document": document, "turn": self._collection.renew()}

    async def renew(self, request: Request) -> Json:
        """Brings the index up to date now, or starts over."""
        return {"turn": self._collection.renew(rebuild=request.query_params.get("rebuild") == "1")}

    def _check(self, request: Request) -> None:
        """Raises Refused where this request may change nothing."""
        if not permission.is_own(request):
            raise Refused("foreign", 403)
        if self._collection.documents is None:
            raise Refused("closed", 403)
        if not permission.may_change(self._collection.rule, request):
            raise Refused("off", 403)

    def _closed(self, said: Texts) -> str:
        """Why nobody may change the collection; empty where somebody may."""
        if self._collection.documents is None:
            return said["refused.closed"]
        return said["refused.off"] if self._collection.rule == "off" else ""

    def _uploads(self) -> Uploads:
        if self._collection.folder is None or self._collection.documents is None:
            raise Refused("closed", 403)
        if self._kept is None:  # one for all requests, since it knows which files come at once
            self._kept = Uploads(self._collection.folder, self._collection.documents, self._max_bytes, self._max_total)
        return self._kept


def _row(each: Listed, said: Texts) -> Json:
    row: dict[str, Any] = {
        "document": each.path,
        "title": each.title,
        "date": each.date,
        "language": said.get(f"language.{each.language}", each.language),
        "type": each.type,
        "passages": each.passages,
        "read": each.read,
        "missing": list(each.missing),
        "uploaded": _is_uploaded(each.path),
    }
    return row


def _is_uploaded(path: str) -> bool:
    return path.startswith(f"{UPLOADS}/")


def _kind(reason: str, said: Texts) -> str:
    """In the page's language what kind of reason it is, where that is known; it itself is in English."""
    key = next((key for key, pattern in REASONS.items() if pattern.search(reason)), "")
    return said[f"reason.{key}"] if key else ""


def _start(given: object, total: int) -> int:
    """Where a page begins that holds the number given, or the last one there is."""
    wanted = given if isinstance(given, int) and not isinstance(given, bool) else 0
    return max(0, min(wanted, total - 1)) // AT_ONCE * AT_ONCE
