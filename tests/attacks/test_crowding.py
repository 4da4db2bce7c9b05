"""One client alone, with no password, can take no more than its share of what the server has for all."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from rag.web import bounds, protocol
from rag.web.access import LOGIN, OPEN, Rules
from rag.web.bounds import Bounds
from rag.web.collection import Collection
from rag.web.guard import HEARTBEAT
from rag.web.server import CONNECTIONS
from tests.slow_index import Slow
from tests.test_access import PASSWORD
from tests.test_service import talk

ONE, TWO, THREE = "203.0.113.1", "203.0.113.2", "2001:db8:1:2::1"


class Crowd:
    """Requests that stay as long as the test wants, through :class:`rag.web.bounds.Bounds`."""

    def __init__(self) -> None:
        self._end = asyncio.Event()
        self._bounds = Bounds(self._app, 1)
        self._tasks: list[asyncio.Task[int]] = []

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] not in OPEN:
            await self._end.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def _ask(self, client: str, path: str) -> int:
        told: list[int] = []

        async def send(message: Any) -> None:
            told.append(message.get("status"))

        scope = {"type": "http", "path": path, "client": (client, 1), "headers": []}
        await self._bounds(scope, asyncio.Event().wait, send)  # type: ignore[arg-type]
        return told[0]

    async def come(self, client: str, path: str = LOGIN) -> int | None:
        """The status that a request is answered with at once; None where it stays."""
        task = asyncio.create_task(self._ask(client, path))
        self._tasks.append(task)
        await asyncio.sleep(0)
        return task.result() if task.done() else None

    async def go(self) -> None:
        self._end.set()
        await asyncio.gather(*self._tasks)
        self._end.clear()


@pytest.mark.parametrize("path", [LOGIN, "/", f"{HEARTBEAT}x"])
def test_one_client_takes_its_part_of_the_places_and_others_have_the_rest(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, places in (("MOST", 8), ("PAGES", 16)):
        monkeypatch.setattr(bounds, name, places)

    async def scene() -> None:
        crowd = Crowd()
        assert [await crowd.come(ONE, path) for _ in range(6)] == [None] * 4 + [503] * 2
        assert [await crowd.come(f"2001:db8:1:2::{number}", path) for number in range(5)] == [None] * 4 + [503]
        if path.startswith(HEARTBEAT):
            assert [await crowd.come("127.0.0.1", path) for _ in range(9)] == [None] * 8 + [503]
        assert await crowd.come(TWO, path) == 503  # all places are taken
        assert [await crowd.come(TWO, each) for each in OPEN] == [200, 200]
        await crowd.go()
        assert [await crowd.come(ONE, path) for _ in range(5)] == [None] * 4 + [503]
        await crowd.go()

    asyncio.run(scene())


def test_the_pages_that_one_client_may_open_have_connections_enough() -> None:
    """Each keeps a stream, and asks beside it."""
    assert 2 * (bounds.PAGES // bounds.PAGES_SHARE) <= CONNECTIONS // protocol.SHARE


def test_who_comes_through_this_machine_may_be_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST", 8)

    async def scene() -> None:
        crowd = Crowd()
        assert [await crowd.come("127.0.0.1") for _ in range(9)] == [None] * 8 + [503]
        await crowd.go()

    asyncio.run(scene())


def test_a_login_that_does_not_come_is_waited_for_a_shorter_time(
    serve_app: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = serve_app(Collection(lambda _: Slow()), Rules(PASSWORD))  # type: ignore[arg-type, return-value]
    monkeypatch.setattr(bounds, "LOGIN_PATIENCE", 0.2)
    head = f"POST {LOGIN} HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    answer = talk(url, f"{head}Content-Length: 100\r\n\r\npassword=".encode())
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert bounds.LOGIN_PATIENCE < bounds.PATIENCE


def test_one_client_opens_no_connections_without_end(
    serve_app: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = serve_app(Collection(lambda _: Slow()))  # type: ignore[arg-type, return-value]
    host, port = url.removeprefix("http://").split(":")
    monkeypatch.setattr(protocol, "SHARE", 1_000)  # of 2,000 connections
    assert httpx.get(f"{url}/snoska/health").status_code == 200  # this machine may
    monkeypatch.setattr(protocol, "is_here", lambda _: False)
    opened = [socket.create_connection((host, int(port)), timeout=20) for _ in range(2)]
    third = socket.create_connection((host, int(port)), timeout=20)
    with third, contextlib.suppress(ConnectionResetError):
        assert third.recv(1) == b""
    opened.pop().close()
    opened[0].sendall(f"GET /snoska/health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert opened[0].recv(2**12).startswith(b"HTTP/1.1 200 ")
    opened[0].close()
    for _ in range(500):  # the server hears of it a moment later
        try:
            assert httpx.get(f"{url}/snoska/health").status_code == 200
            break
        except httpx.TransportError:
            continue
    else:
        pytest.fail("the places of connections that were closed are not free again")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", ""),
        ("::1", ""),
        (ONE, ONE),
        (THREE, "2001:db8:1:2::/64"),
        ("10.1.2.3", ""),
        ("fd00::7", ""),
        ("", ""),
    ],
)
def test_a_proxy_stands_for_many(address: str, expected: str) -> None:
    patient = object.__new__(protocol.Patient)
    patient.config = type("Config", (), {"forwarded_allow_ips": ["10.0.0.0/8", "fd00::7"]})()
    assert patient._counted_as(address) == expected
