"""What watches over the server asks for: whether it is up, and whether it can answer. No password, nothing secret."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rag.web.collection import Collection
from rag.web.parts import OWN, Part

HEALTH, READY = f"{OWN}health", f"{OWN}ready"
NO_STORE = {"Cache-Control": "no-store"}
SOON = "2"  # seconds after which to ask again


def part(collection: Collection) -> Part:
    """``health`` says that the server is up; ``ready`` with 200 that there is an index to answer from, else 503."""

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "up"}, headers=NO_STORE)

    async def ready(_: Request) -> Response:
        state = collection.status().state
        if state == "ready":
            return JSONResponse({"status": "ready"}, headers=NO_STORE)
        return JSONResponse({"status": state}, 503, {**NO_STORE, "Retry-After": SOON})

    return Part(routes=[Route(HEALTH, health), Route(READY, ready)])
