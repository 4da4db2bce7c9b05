"""The login page: a form that needs no script, in the reader's language, in the page's design."""

from __future__ import annotations

from functools import cache
from importlib import resources
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from rag.web.cards import escaped
from rag.web.guard import HEADERS
from rag.web.parts import OWN
from rag.web.texts import LANGUAGES, texts

STYLE = f"{OWN}login.css"
STYLES = ("fonts.css", "colours.css", "login.css")
POLICY = (
    "default-src 'none'; style-src 'self'; font-src 'self'; img-src data:; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'"
)
NAMES = {"ru": "Русский", "en": "English"}


def page(request: Request, after: str, wait: int | None = None) -> Response:
    """The form; ``after`` is the query of the page that the reader wanted.

    After a wrong password ``wait`` is given: the seconds that the reader has to wait before the next try, or 0.
    """
    asked = request.query_params.get("language", "")
    language = asked if asked in LANGUAGES else spoken(request.headers.get("accept-language", ""))
    said = texts(language)
    other = "en" if language == "ru" else "ru"
    switch = f"login?{urlencode({'language': other, 'next': after})}"
    message = ""
    if wait is not None:
        told = said["login.wait"].format(seconds=wait) if wait else said["login.wrong"]
        message = f'<p id="wrong" role="alert">{escaped(told)}</p>'
    body = f"""<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escaped(said["login"])} — {escaped(said["name"])}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="login.css">
</head>
<body>
<header>
<p class="wordmark">{escaped(said["name"])}<sup aria-hidden="true">1</sup></p>
<a href="{escaped(switch)}" lang="{other}">{NAMES[other]}</a>
</header>
<main>
<h1>{escaped(said["login.lead"])}</h1>
<form method="post" action="login?language={language}">
<input type="hidden" name="next" value="{escaped(after)}">
<input type="text" name="username" value="snoska" autocomplete="username" hidden>
<label for="password">{escaped(said["login.password"])}</label>
<div class="box">
<input id="password" name="password" type="password" autocomplete="current-password" required autofocus
{'aria-invalid="true" aria-describedby="wrong"' if message else ""}>
<button>{escaped(said["login"])}</button>
</div>
{message}
</form>
</main>
</body>
</html>
"""
    headers = {
        **HEADERS,
        "Content-Security-Policy": POLICY,
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",  # with none at all a browser names no origin when it sends the form
        "Vary": "Accept-Language",
    }
    if wait:
        headers["Retry-After"] = str(wait)
    return HTMLResponse(body, 200 if wait is None else 429 if wait else 403, headers)


def spoken(accepted: str) -> str:
    """The first of the page's languages in an ``Accept-Language`` header, which browsers send best first."""
    for each in accepted.split(",")[:20]:
        code = each.strip()[:2].lower()
        if code in LANGUAGES:
            return code
    return "en"


@cache
def style() -> str:
    """The page's colours, and the form's own style."""
    assets = resources.files("rag.web").joinpath("assets")
    return "".join(assets.joinpath(name).read_text(encoding="utf-8") for name in STYLES)
