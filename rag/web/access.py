"""Who gets in: by which host's name, from which page, with which password. It stands before everything else.

A browser logs in on a page of its own and keeps a cookie; a program sends the password with each request (HTTP Basic).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
import re
import secrets
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, urlsplit

import anyio
from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.errors import ConfigurationError
from rag.settings import Settings
from rag.types import Json
from rag.web import login
from rag.web.guard import HEADERS, same_origin
from rag.web.health import HEALTH, READY
from rag.web.parts import OWN, Part
from rag.web.password import Password
from rag.web.permission import is_here
from rag.web.sessions import AGE, Guesses, Sessions

OPEN = frozenset({HEALTH, READY})  # asked by what watches over the server, which has no password
LOGIN, LOGOUT, FONTS = f"{OWN}login", f"{OWN}logout", f"{OWN}fonts/"
COOKIE = "snoska"
MAX_FORM = 16 * 2**10  # bytes: a password of a thousand characters, encoded
CHECKS = 2  # passwords that are checked side by side: each takes 32 MiB and a processor
QUEUED = 16  # checks that wait; beyond it one is told to come again
_HOST = re.compile(r"([\w.-]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?", re.ASCII)
NO_STORE = {**HEADERS, "Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may come in. ``hosts`` are names, in small letters, that the server is reached by; ``prefix`` is the path
    that a proxy puts it under."""

    password: Password | None = None
    hosts: frozenset[str] = frozenset()
    prefix: str = ""

    @classmethod
    def configured(cls, settings: Settings, host: str, no_auth: bool = False) -> Rules:
        """The rules for a server that listens on the address ``host``.

        Raises ConfigurationError where other machines reach it and neither a password nor ``no_auth`` is set.
        """
        password = _password(settings)
        if password is not None and no_auth:
            raise ConfigurationError("a password is set and logging in is off: take one of the two settings away")
        if password is None and not no_auth and not is_here(host):
            raise ConfigurationError(
                f"other machines can reach {host}: set SNOSKA_PASSWORD_HASH to what 'snoska password' prints,"
                " or let everyone in with --no-auth or SNOSKA_AUTH=off"
            )
        return cls(password, settings.hosts, settings.root_path)

    def knows(self, host: str, server: str) -> bool:
        """Whether a request may call the server by this ``Host``.

        By a name of his own that he makes lead here (DNS rebinding), a stranger's page could read ours as its own. No
        such name is an address or localhost. Where nothing is set, a password is enough: his page has no session.
        """
        if not _HOST.fullmatch(host):  # Gradio writes it into the page's own addresses
            return False
        try:
            name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        except ValueError:
            return False
        if name in self.hosts or is_here(name):
            return True
        if is_here(server) or self.hosts:
            return False
        return _is_address(name) or (self.password is not None and name != "")


def part(rules: Rules) -> Part:
    """Tells the page whether there is anything to log out of."""

    async def access(_: object) -> Json:
        return {"login": rules.password is not None}

    return Part(functions=[access])


class Access:
    """ASGI middleware: answers who may not come in, lets the others through."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app, self._rules, self._password = app, rules, rules.password
        self._sessions, self._guesses = Sessions(), Guesses()
        self._secret, self._known = secrets.token_bytes(32), b""  # the hash of the password that fitted, once one did
        self._checks, self._waiting = anyio.Semaphore(CHECKS), 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # the page has none
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http" or scope["path"] in OPEN:
            await self._app(scope, receive, send)
            return
        try:
            response = await self._refused(Request(scope, receive))
        except ClientDisconnect:
            return
        await (response or self._app)(scope, receive, send)

    async def _refused(self, request: Request) -> Response | None:
        """The answer to who may not come in, or is about to; None for who may."""
        if not self._rules.knows(request.headers.get("host", ""), (request.scope.get("server") or ("",))[0]):
            return _told(421, "the server is not known by this name: SNOSKA_HOSTS lists those that it has")
        if not is_own(request):
            return _told(403, "asked by another site's page")
        if self._password is None:
            return None
        path = request.scope["path"]
        if path.startswith(FONTS):  # the login page's too; they are free
            return None
        if path == login.STYLE:
            return Response(login.style(), media_type="text/css", headers={**HEADERS, "Cache-Control": "no-cache"})
        if path == LOGIN:
            return await self._login(request)
        if path == LOGOUT:
            return self._logout(request) if request.method == "POST" else _told(405, "POST only")
        if self._sessions.has(request.cookies.get(COOKIE, "")):
            return None
        if "authorization" in request.headers:
            return await self._basic(request)
        if path == "/" and request.method in ("GET", "HEAD"):
            return _sent_to(f".{LOGIN}?next={quote(request.url.query, safe='')}")
        return _unknown(request)

    async def _login(self, request: Request) -> Response:
        if request.method != "POST":
            if self._sessions.has(request.cookies.get(COOKIE, "")):
                return _sent_to(_back(request.query_params.get("next", "")))
            return login.page(request, request.query_params.get("next", ""))
        form = await _form(request)
        if form is None:
            return _told(413, "this is no password")
        client, password, after = _client(request), form.get("password", ""), form.get("next", "")
        wait = await self._checked(client, password)
        if wait is not None:
            return login.page(request, after, wait)
        response = _sent_to(_back(after))
        response.set_cookie(COOKIE, self._sessions.begin(), AGE, **self._kept(request))
        return response

    def _logout(self, request: Request) -> Response:
        self._sessions.end(request.cookies.get(COOKIE, ""))
        response = _sent_to(f".{LOGIN.removeprefix(OWN.rstrip('/'))}")
        response.delete_cookie(COOKIE, **self._kept(request))
        response.headers["Clear-Site-Data"] = '"cache"'
        return response

    def _kept(self, request: Request) -> Json:
        """How a browser keeps the cookie: from scripts, from other sites, and from networks where it came encrypted."""
        secure = request.url.scheme == "https"
        return {"path": f"{self._rules.prefix}/", "secure": secure, "httponly": True, "samesite": "strict"}

    async def _basic(self, request: Request) -> Response | None:
        kind, _, given = request.headers["authorization"].partition(" ")
        try:
            _, _, password = base64.b64decode(given, validate=True).decode("utf-8").partition(":")
        except (binascii.Error, UnicodeDecodeError):
            password = ""
        if kind.lower() != "basic" or not password:
            return _unknown(request)
        if secrets.compare_digest(self._digest(password), self._known):
            return None
        wait = await self._checked(_client(request), password)
        if wait is None:
            return None
        if wait:
            return _told(429, f"too many wrong passwords: wait {wait} s", {"Retry-After": str(wait)})
        return _unknown(request)

    async def _checked(self, client: str, password: str) -> int | None:
        """None where the password fits; else the seconds to wait before the next guess, 0 after a first wrong one."""
        if self._password is None or self._waiting >= QUEUED:
            return 1
        if wait := self._guesses.wait(client):
            return int(wait) + 1
        self._guesses.add(client)
        self._waiting += 1
        try:
            async with self._checks:
                fits = await to_thread.run_sync(self._password.fits, password)
        finally:
            self._waiting -= 1
        if not fits:
            return 0
        self._guesses.forgive(client)
        self._known = self._digest(password)
        return None

    def _digest(self, password: str) -> bytes:
        return hashlib.blake2b(password.encode("utf-8", "surrogatepass"), key=self._secret).digest()


def is_own(request: Request) -> bool:
    """Whether a request comes from a page of ours, from a program, or is a visit by a link from elsewhere.

    What a browser says of the site (``Sec-Fetch-Site``) it says over https and on this machine only; the origin, with
    every request that can change something.
    """
    site = request.headers.get("sec-fetch-site", "same-origin")
    if site == "same-origin":
        return same_origin(request.headers)
    is_visit = request.method in ("GET", "HEAD") and request.headers.get("sec-fetch-mode") == "navigate"
    return (site == "none" or is_visit) and same_origin(request.headers)


def _password(settings: Settings) -> Password | None:
    if settings.password_hash is not None:
        return Password.read(settings.password_hash, "SNOSKA_PASSWORD_HASH")
    if settings.password_file is None:
        return None
    try:
        text = settings.password_file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"SNOSKA_PASSWORD_FILE={settings.password_file} cannot be read: {error}") from error
    return Password.read(text, f"the text in SNOSKA_PASSWORD_FILE={settings.password_file}")


async def _form(request: Request) -> dict[str, str] | None:
    """The fields of the login form; None where it is none, or too long."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_FORM:
            return None
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=None)
    return {name: values[0] for name, values in fields.items()}


def _client(request: Request) -> str:
    return request.client.host if request.client else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _back(query: str) -> str:
    """The page with this query: nothing else can be named, so that a login leads to no other site."""
    return f"../?{quote(query, safe='=&%+')}" if query else "../"


def _sent_to(address: str) -> Response:
    return RedirectResponse(address, 303, NO_STORE)


def _unknown(request: Request) -> Response:
    """401; a program is told how to log in. A browser is not: it would ask in a window of its own."""
    is_browser = request.headers.get("user-agent", "").startswith("Mozilla/")
    challenge = {} if is_browser else {"WWW-Authenticate": 'Basic realm="Snoska", charset="UTF-8"'}
    return _told(401, "log in first", challenge)


def _told(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(f"{message}\n", status, {**NO_STORE, **(headers or {})})
