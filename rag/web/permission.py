"""Who may change the collection by the page: decided for each request, on the server."""

from __future__ import annotations

import ipaddress
from typing import Literal
from urllib.parse import urlsplit

from starlette.requests import Request

from rag.web.guard import same_origin

Rule = Literal["on", "off", "here"]  # "here": only for a browser on the machine that serves the page

# What a proxy adds: behind one, a request that seems to come from this machine may come from anywhere.
FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
OLD = "1.0"  # the HTTP of a bare nginx, which adds nothing and calls us by our own address; no browser's


def rule(setting: str, host: str) -> Rule:
    """The rule that the setting SNOSKA_CHANGES makes for a server that listens on ``host``."""
    if setting == "auto":
        return "here" if is_here(host) else "off"
    return "on" if setting == "on" else "off"


def is_here(host: str) -> bool:
    """Whether a host's name or address is this machine's own, which no other can reach."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def may_change(rule: Rule, request: Request) -> bool:
    """Whether the rule lets this request change the collection, wherever it comes from.

    Under "here" the page must have been opened by this machine's own name: a foreign name that was made to lead here
    (DNS rebinding) is none.
    """
    if rule != "here":
        return rule == "on"
    if request.scope.get("http_version") == OLD:
        return False
    client = request.client.host if request.client else ""
    return is_here(client) and is_here(_host(request)) and not any(name in request.headers for name in FORWARDED)


def is_own(request: Request) -> bool:
    """Whether a request comes from this page rather than from another site's; what is no browser has no site."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    return site == "same-origin" and same_origin(request.headers)


def _host(request: Request) -> str:
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""
