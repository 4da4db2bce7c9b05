"""The page and the web API, as a Gradio app: thin functions over the collection."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import resources
from typing import Any, cast

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported

import gradio as gr
from fastapi import FastAPI
from gradio.themes.utils.fonts import Font
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rag.settings import Settings
from rag.web import access, api, asking, batch, documents, feedback, generation, health, mcp, source, takeaway
from rag.web.access import Access, Rules
from rag.web.bounds import Bounds
from rag.web.calls import Calls
from rag.web.collection import Collection
from rag.web.guard import Guard
from rag.web.logs import RequestsLog
from rag.web.parts import OWN, SCRIPTS, STYLE, Part
from rag.web.posted import Posted
from rag.web.texts import LANGUAGES

AT_ONCE = 4  # calls of the API that run side by side; the others wait in Gradio's queue
WAITING = 64  # calls in the queue; beyond it the API says that it is busy
ASSETS = resources.files("rag.web").joinpath("assets")
PARTS = (asking, batch, documents, feedback, generation, health, source, takeaway)  # in the order in which they stand
STYLES = (
    "fonts.css",
    "colours.css",
    "style.css",
    "form.css",
    "answer.css",
    "cards.css",
)  # of the whole page, before the parts' own
START = f"""
import(new URL(".{OWN}page.js", document.baseURI)).then((page) => page.start({{ element, props, server }}));
"""


def create_app(collection: Collection, rules: Rules | None = None) -> FastAPI:
    """The web app over a collection, which is started with it; what goes wrong with that is shown on the page.

    ``rules`` say who may come in; without any, whoever calls it by an address or this machine's own name.

    Raises ConfigurationError where the environment holds a setting that cannot be used.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        collection.start()
        async with AsyncExitStack() as stack:
            if tools is not None:
                await stack.enter_async_context(tools.running())
            yield
        for part in parts:
            part.stop()

    settings, rules = Settings.from_environment(), rules or Rules()
    if settings.mcp:
        mcp.checked()
    parts = [*(each.part(collection) for each in PARTS), access.part(rules)]
    blocks = _blocks(collection, parts)
    tools = mcp.Tools(blocks) if settings.mcp else None
    app = FastAPI(title="Snoska", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.state.closing = asyncio.Event()  # set by the server when it stops
    app.add_middleware(Posted, calls=Calls(blocks))
    app.add_middleware(Guard)
    app.add_middleware(Access, rules=rules)  # each one added stands before the last
    app.add_middleware(Bounds, max_file_bytes=settings.max_file_bytes)
    app.add_middleware(RequestsLog)
    app.router.routes.extend([*_assets(), *(route for part in parts for route in part.routes)])
    app.router.routes.extend(tools.routes() if tools is not None else ())
    return cast(
        FastAPI,
        gr.mount_gradio_app(
            app,
            blocks,
            path="/",
            root_path=rules.prefix or None,
            footer_links=[],
            run_history=False,
            show_error=False,
            allowed_paths=[],
            max_file_size=0,
            enable_monitoring=False,
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            theme=gr.themes.Base(font=[Font("sans-serif")], font_mono=[Font("monospace")]),
        ),
    )


def _blocks(collection: Collection, parts: Sequence[Part]) -> gr.Blocks:
    with _Blocks(title="Snoska", analytics_enabled=False, fill_width=True) as blocks:
        gr.HTML(
            _file("shell.html") + _of_parts("html"),
            elem_id="snoska",
            js_on_load=START,
            apply_default_css=False,
            server_functions=[function for part in parts for function in part.functions],
            texts={language: dict(said) for language, said in LANGUAGES.items()},
        )
        api.add(collection)
    return cast(gr.Blocks, blocks.queue(max_size=WAITING, default_concurrency_limit=AT_ONCE))


class _Blocks(gr.Blocks):
    """Blocks whose API takes plain values, and lets a plain HTTP call leave out those that have a default."""

    def validate_inputs(self, block_fn: Any, inputs: list[Any]) -> None:
        # An object may name a file or an address, which Gradio would copy or fetch before anything of ours runs.
        if any(isinstance(each, dict | list) for each in inputs):
            raise api.Told("an argument is a list or an object: send texts, numbers, true, false or nothing")
        inputs.extend(block.value for block in block_fn.inputs[len(inputs) :])


def _assets() -> Iterator[Route]:
    """The page's scripts and fonts, each at its own address, and its styles as one."""
    for name in SCRIPTS:
        yield _asset(OWN + name, _file(name).encode("utf-8"), "text/javascript")
    yield _asset(STYLE, ("".join(map(_file, STYLES)) + _of_parts("css")).encode("utf-8"), "text/css")
    for font in ASSETS.joinpath("fonts").iterdir():
        if font.name.endswith(".woff2"):
            yield _asset(f"{OWN}fonts/{font.name}", font.read_bytes(), "font/woff2", "max-age=604800")


def _asset(address: str, content: bytes, media_type: str, kept: str = "no-cache") -> Route:
    def serve(_: Request) -> Response:
        return Response(content, media_type=media_type, headers={"Cache-Control": kept})

    return Route(address, serve)


def _of_parts(ending: str) -> str:
    """What the parts bring under their own names: their markup, their style."""
    names = [f"{part.__name__.rpartition('.')[2]}.{ending}" for part in PARTS]
    return "".join(_file(name) for name in names if ASSETS.joinpath(name).is_file())


def _file(name: str) -> str:
    return ASSETS.joinpath(name).read_text(encoding="utf-8")
