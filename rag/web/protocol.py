"""HTTP as uvicorn speaks it, and an end to clients that send their headers, or take their answer, too slowly, or that
open connections without end."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from rag.web.permission import is_here
from rag.web.sessions import network

HEADERS = 10.0  # seconds that a connection may be open, or a further request begun, without its headers' end
SHARE = 4  # a client has at most one connection in so many: fewer than the files that systems let a process open
STALLED = 60.0  # seconds that an answer may wait for a client that takes nothing of it


class Patient(H11Protocol):
    """uvicorn's protocol, whose patience has an end."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._headers: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._whose = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._whose = self._counted_as(self.client[0] if self.client else "")
        if self._whose and self.limit_concurrency is not None:
            theirs = [each for each in self.connections if getattr(each, "_whose", "") == self._whose]
            if len(theirs) > self.limit_concurrency // SHARE:
                transport.abort()
                return
        self._headers = self.loop.call_later(HEADERS, transport.abort)

    def _counted_as(self, address: str) -> str:
        """What a client counts as; empty for this machine and for proxies, which stand for all who come by them."""
        try:
            peer = ipaddress.ip_address(address)
        except ValueError:
            return ""
        proxies = self.config.forwarded_allow_ips or ()
        if is_here(address) or any(peer in ipaddress.ip_network(each) for each in proxies):
            return ""
        return network(address)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        waits = self.conn.their_state is h11.IDLE and self.conn.our_state is h11.IDLE
        if not waits and self._headers is not None:
            self._headers.cancel()
            self._headers = None
        elif waits and self._headers is None:
            self._headers = self.loop.call_later(HEADERS, self.transport.abort)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self._stalled or self.loop.call_later(STALLED, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._headers, self._stalled):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)
