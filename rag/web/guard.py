"""What stands before Gradio: only the addresses that the page and the API need, and a strict content policy.

Gradio serves more than Snoska uses (uploads, files, proxies, run history, code generation); what is not in the lists
below is answered with 404. Its page names other hosts in its metadata, which is taken out.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.web.parts import EARLY, OWN, SCRIPTS, STYLE

PAGES = frozenset({"/", "/config", "/theme.css", "/favicon.ico", "/manifest.json", "/robots.txt"})
API = frozenset(
    f"/gradio_api/{name}"
    for name in (
        "info", "openapi.json", "theme.css", "app_id", "startup-events", "login_check", "user",
        "queue/join", "queue/data", "queue/status", "cancel", "reset", "component_server", "mcp",
    )
)  # fmt: skip
WRITING = f"{OWN}write"  # streams the written answer
MCP = "/gradio_api/mcp"  # answered where SNOSKA_MCP=on
HEARTBEAT = "/gradio_api/heartbeat/"  # a stream that an open page keeps
FIXED = ("/assets/", "/static/", "/svelte/")  # files of Gradio's, the same for everyone
FOLDERS = (OWN, *FIXED, HEARTBEAT)
TOOLS = re.compile(r"/gradio_api/(call/(v2/)?|run/)(ask|search)(/[\w-]*)?/?", re.ASCII)  # those of api.py

MISLEADING = frozenset({b"x-forwarded-host", b"x-forwarded-proto", b"x-gradio-server"})

ELSEWHERE = re.compile(r'<meta\s+(?:property|name)="(?:og|twitter):[^"]*"\s+content="[^"]*"\s*/>\s*')
LINKS = f'<link rel="stylesheet" href=".{STYLE}"><script type="module" src=".{OWN}{EARLY}"></script>' + "".join(
    f'<link rel="modulepreload" href=".{OWN}{name}">' for name in SCRIPTS if name != EARLY
)  # the scripts are fetched side by side, not each when another imports it
MANIFEST = re.compile(r'<link rel="manifest"[^<>]*>\s*')  # an installable app is not offered

# Gradio compiles its templates (unsafe-eval) and sets styles on elements; its inline scripts carry the nonce, so that
# no script or handler that came in with a text runs.
POLICY = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'self';"
    " form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def allowed(path: str) -> bool:
    """Whether an address is one that the page or the API needs."""
    if ".." in path:
        return False
    return path in PAGES or path.removesuffix("/") in API or path.startswith(FOLDERS) or bool(TOOLS.fullmatch(path))


def same_origin(headers: Headers) -> bool:
    """Whether a request comes from a page of ours, or from no page at all: programs name no origin."""
    origin = headers.get("origin")
    try:
        return origin is None or urlsplit(origin).netloc == headers.get("host")
    except ValueError:  # it is no address, as http://[ is none
        return False


class Guard:
    """ASGI middleware: lets through what is allowed, adds the headers, cleans the page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = _as_asked(scope)
        if not allowed(scope["path"]):
            await PlainTextResponse("not found\n", 404, HEADERS)(scope, receive, send)
            return
        if Headers(scope=scope).get("content-type", "").startswith("multipart/"):  # Gradio would keep files for a while
            await PlainTextResponse("files are sent in no form\n", 415, HEADERS)(scope, receive, send)
            return
        if scope["path"] in PAGES:  # their queries are the script's; Gradio would look for files by some of their names
            scope = {**scope, "query_string": b""}
        if scope["path"] == "/":
            await self._app(_uncompressed(scope), receive, _Page(send))
        else:
            if scope["path"].startswith((HEARTBEAT, WRITING)):
                receive = _until(scope["app"].state.closing, receive)
            await self._answered(scope, receive, _with_headers(send, not scope["path"].startswith(FIXED)))

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except RuntimeError as error:
            # Gradio begins a stream before it notices that there is no such session; a page of traceback tells no more.
            if not isinstance(error.__cause__, HTTPException):
                raise
            await send({"type": "http.response.body", "body": b""})


def _as_asked(scope: Scope) -> Scope:
    """Without the headers by which anyone could tell Gradio another address of the page, or that it is encrypted.

    What a proxy says of that has been read by the server, where the proxy is one that is believed.
    """
    kept = [(name, value) for name, value in scope["headers"] if name not in MISLEADING]
    if len(kept) == len(scope["headers"]):
        return scope
    return {**scope, "headers": [*kept, (b"via", b"1.1 proxy")]}  # that there is a proxy is still to be seen


def _until(closing: asyncio.Event, receive: Receive) -> Receive:
    """Tells a stream that its client has gone once the server closes; it has no end of its own, or a late one."""

    async def wrapped() -> Message:
        message, closed = asyncio.ensure_future(receive()), asyncio.ensure_future(closing.wait())
        try:
            await asyncio.wait((message, closed), return_when=asyncio.FIRST_COMPLETED)
            return message.result() if message.done() else {"type": "http.disconnect"}
        finally:
            message.cancel()
            closed.cancel()

    return wrapped


def _with_headers(send: Send, answers: bool) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
            headers.setdefault("Cache-Control", "no-store" if answers else "no-cache")
        await send(message)

    return wrapped


class _Page:
    """Collects the page, takes out what names other hosts and gives its scripts their nonce."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message = {}
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        nonce = secrets.token_urlsafe(16)
        body = clean(self._body.decode("utf-8"), nonce).encode("utf-8") if self._body else b""
        headers = MutableHeaders(scope=self._start)
        headers.update({**HEADERS, "Content-Security-Policy": POLICY.format(nonce=nonce), "Cache-Control": "no-store"})
        if body:
            headers["Content-Length"] = str(len(body))
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": body})


def clean(page: str, nonce: str) -> str:
    """Gradio's page without what names other hosts; its scripts with the nonce; our style and scripts linked."""
    page = MANIFEST.sub("", ELSEWHERE.sub("", page)).replace("</head>", f"{LINKS}</head>", 1)
    return page.replace("<script", f'<script nonce="{nonce}"')


def _uncompressed(scope: Scope) -> Scope:
    headers = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
    return {**scope, "headers": headers}
