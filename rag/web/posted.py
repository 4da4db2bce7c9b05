"""What a script of the page posts: one JSON object, from this page, of a bounded size."""

from __future__ import annotations

import json
from typing import cast

from starlette.exceptions import HTTPException
from starlette.requests import Request

from rag.types import Json
from rag.web.guard import same_origin


async def posted(request: Request, limit: int) -> Json:
    """The request's object, of at most ``limit`` bytes.

    Raises HTTPException: 403 where another site's page sends it, 415 where it is not called JSON (no other site may say
    so without asking first), 413 where it is longer, 400 where it is no object.
    """
    if not same_origin(request.headers):
        raise HTTPException(403, "asked by another site's page")
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "send application/json")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise HTTPException(413, f"more than {limit} bytes")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "no JSON") from error
    if not isinstance(value, dict):
        raise HTTPException(400, "no JSON object")
    return cast(Json, value)
