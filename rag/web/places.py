"""How many questions are answered side by side, how many wait, and that who has gone waits no more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

AT_ONCE = 4  # questions answered side by side: more only share the processor's cores
WAITING = 64  # that wait, some seconds' worth; beyond it one is told to come again
LOOK = 0.25  # seconds between two looks whether who waits is still there


class Busy(Exception):  # named for what is wrong, as the house has it
    """As many wait as may."""


class Gone(Exception):
    """Who waited has left."""


class Places:
    """First come, first served."""

    def __init__(self, at_once: int = AT_ONCE, waiting: int = WAITING) -> None:
        self._most, self._taken = at_once + waiting, 0
        self._turn = asyncio.Semaphore(at_once)

    @asynccontextmanager
    async def place(self, gone: Callable[[], Awaitable[bool]]) -> AsyncIterator[None]:
        """Waits for a place and keeps it; raises Busy where too many wait already, Gone where the client left."""
        if self._taken >= self._most:
            raise Busy
        self._taken += 1
        try:
            await self._wait(gone)
            try:
                yield
            finally:
                self._turn.release()
        finally:
            self._taken -= 1

    async def _wait(self, gone: Callable[[], Awaitable[bool]]) -> None:
        turn = asyncio.ensure_future(self._turn.acquire())
        try:
            while not (await asyncio.wait((turn,), timeout=LOOK))[0]:
                if await gone():
                    raise Gone
        except BaseException:
            if not turn.cancel() and turn.done() and not turn.cancelled():  # it came in the same moment
                self._turn.release()
            raise
