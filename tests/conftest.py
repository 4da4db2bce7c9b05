"""What the tests share: the real model, loaded once, and a wall before the network."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest

from rag.encoders import SentenceEncoder
from rag.settings import Settings


@pytest.fixture(scope="session")
def encoder() -> SentenceEncoder:
    """The bundled model, as a user's first run would load it; shared, so tests must not change it."""
    return SentenceEncoder.load(Settings.from_environment({}))


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Refuses every look-up and connection but to this machine; the list holds what was tried."""
    tried: list[str] = []
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def check(host: Any) -> None:
        if not _is_this_machine(host):
            tried.append(str(host))
            raise OSError(f"the test blocks the network: {host}")

    def guarded(method: Any) -> Any:
        def call(self: socket.socket, address: Any) -> Any:
            if self.family != getattr(socket, "AF_UNIX", None):
                check(address[0])
            return method(self, address)

        return call

    def look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        check(host)
        return getaddrinfo(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded(connect))
    monkeypatch.setattr(socket.socket, "connect_ex", guarded(connect_ex))
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return tried


def _is_this_machine(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
