"""Who is logged in, and who has guessed wrong: both in bounded memory, both gone when the server stops."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

AGE = 7 * 24 * 3600  # seconds that a session lasts
MOST = 10_000  # sessions, and clients that have guessed wrong; the oldest are forgotten first
FREE = 5  # wrong guesses before a client has to wait
FIRST = 8.0  # seconds that it waits then
LONGEST = 600  # seconds that it waits at most between two
FORGOTTEN = 3600  # seconds after the last wrong guess


class Sessions:
    """Random tokens, of which only hashes are kept."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends: OrderedDict[bytes, float] = OrderedDict()

    def begin(self) -> str:
        """A new session's token."""
        token = secrets.token_urlsafe(32)
        self._ends[_digest(token)] = self._clock() + AGE
        while len(self._ends) > MOST:
            self._ends.popitem(last=False)
        return token

    def has(self, token: str) -> bool:
        """Whether the token is one of a session that goes on. It is looked up by its hash, so time tells nothing."""
        digest = _digest(token)
        if self._ends.get(digest, 0.0) > self._clock():
            return True
        self._ends.pop(digest, None)
        return False

    def end(self, token: str) -> None:
        """Ends a session, if it is one."""
        self._ends.pop(_digest(token), None)


class Guesses:
    """How long each client has to wait before its next guess: twice as long after each wrong one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()  # how many, and when the last one was

    def wait(self, client: str) -> float:
        """Seconds, 0 where it may guess."""
        count, last = self._counted(network(client))
        delay = min(FIRST * 2.0 ** min(count - FREE, 20), LONGEST) if count >= FREE else 0.0
        return max(0.0, last + delay - self._clock())

    def add(self, client: str) -> None:
        """Counts a guess as wrong: before it is checked, so that guessing side by side gains nothing."""
        whose = network(client)
        self._wrong[whose] = (self._counted(whose)[0] + 1, self._clock())
        self._wrong.move_to_end(whose)
        while len(self._wrong) > MOST:
            self._wrong.popitem(last=False)

    def forgive(self, client: str) -> None:
        """Forgets the wrong guesses of a client that has guessed right."""
        self._wrong.pop(network(client), None)

    def _counted(self, whose: str) -> tuple[int, float]:
        count, last = self._wrong.get(whose, (0, 0.0))
        return (count, last) if self._clock() - last < FORGOTTEN else (0, 0.0)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def network(client: str) -> str:
    """What a client counts as: its address; of version 6, its /64, all of which one customer has."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client[:64]
    return client if address.version == 4 else str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
