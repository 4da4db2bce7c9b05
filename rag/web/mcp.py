"""The API's two functions as tools of the Model Context Protocol (MCP), by Gradio's server of it.

What is Snoska's own here: only the streamable HTTP transport is offered, a result is JSON, and a call is answered in
this process. Gradio's way is an HTTP call to the address that the request names, which a stranger could point
elsewhere.
"""

from __future__ import annotations

import copy
import importlib.util
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import gradio as gr
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from rag.errors import ConfigurationError
from rag.web.guard import MCP, same_origin


def checked() -> None:
    """Raises ConfigurationError where the extra ``mcp`` is not installed."""
    if importlib.util.find_spec("mcp") is None:
        raise ConfigurationError(
            "SNOSKA_MCP=on needs the extra mcp: pip install -c constraints.txt -e '.[mcp]', or set SNOSKA_MCP=off"
        )


class Tools:
    """The tools of one app; an ASGI app at :data:`rag.web.guard.MCP`."""

    def __init__(self, blocks: gr.Blocks) -> None:
        from gradio.mcp import GradioMCPServer

        class Server(GradioMCPServer):
            def get_block_fn_from_endpoint_name(self, endpoint_name: str) -> Any:
                """The function behind a tool, out of the queue: that is reached through HTTP only."""
                found = copy.copy(super().get_block_fn_from_endpoint_name(endpoint_name))
                if found is not None:
                    found.queue = False
                return found

            def postprocess_output_data(self, data: Any, root_url: str) -> list[Any]:
                """JSON; Gradio would write what Python prints."""
                texts = [json.dumps(each, ensure_ascii=False) for each in data]
                return [self.types.TextContent(type="text", text=text) for text in texts]

        self._server = Server(blocks)

    def routes(self) -> Iterator[Route]:
        """The one address, with and without a slash."""
        yield from (Route(address, self) for address in (MCP, f"{MCP}/"))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While this lasts, calls are answered; once only."""
        async with self._server.manager.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not same_origin(Headers(scope=scope)):  # MCP asks for it: a page elsewhere must not use a reader's tools
            await PlainTextResponse("this page is not Snoska's\n", 403)(scope, receive, send)
        elif scope["method"] != "POST":  # nothing is kept between calls: there is no stream to GET, nothing to DELETE
            await PlainTextResponse("POST only\n", 405, {"Allow": "POST"})(scope, receive, send)
        else:
            await self._server.manager.handle_request(scope, receive, send)
