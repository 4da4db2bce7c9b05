"""What builders tell each other through Milvus: who is building what, and what of a generation is finished."""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rag.errors import ConfigurationError, IndexBusy, IndexUnusable
from rag.stores.milvus.layout import Names, create_notes
from rag.stores.milvus.notes import Notes
from rag.stores.milvus.server import Server
from rag.types import Json

MOST = 10_000  # shares
LEASE = 120.0  # seconds after which a builder that has said nothing counts as gone
RENEW = LEASE / 4
PAUSE = (0.05, 0.4)  # seconds between looks at a lease that is held for a moment; by chance, so that one comes first
BEGIN = "begin"  # held while a draft is begun or published


@dataclass(frozen=True, slots=True)
class Share:
    """Which part of the documents a build takes: part ``number`` of ``of``, from 0."""

    number: int = 0
    of: int = 1

    @classmethod
    def parse(cls, text: str) -> Share:
        """Of ``i/n``, i from 1 to n, or from 0 as job arrays count: 0 and n are the same part. Raises
        ConfigurationError."""
        number, _, of = text.partition("/")
        if not (number.isdecimal() and of.isdecimal() and int(number) <= int(of) and 0 < int(of) <= MOST):
            raise ConfigurationError(f"--shard {text!r:.40} names no part: write it as 1/4, of at most {MOST:,}")
        return cls(int(number) % int(of), int(of))

    @property
    def lease(self) -> str:
        return f"busy/{self.number}/{self.of}"

    def done(self, generation: int) -> str:
        return f"done/{generation}/{self.number}"


class State:
    """The builders' notes of one index. Raises IndexBusy where another builder is at work."""

    def __init__(self, server: Server, names: Names) -> None:
        create_notes(server, names.state)
        self.notes, self._address = Notes(server, names.state), server.address
        self._me: Json = {"host": socket.gethostname(), "pid": os.getpid(), "token": secrets.token_hex(8)}
        self._renewed = 0.0

    @contextlib.contextmanager
    def held(self, share: Share) -> Iterator[None]:
        """Held while this part is built; others may build other parts of as many."""
        self._say(share.lease)
        try:
            for name, holder in self._others("busy/"):
                if name == share.lease or name.rpartition("/")[2] != str(share.of):
                    where = f"{holder['host']} is building {self._address}"
                    raise IndexBusy(f"{where}: wait until it has finished")
            yield
        finally:
            self._unsay(share.lease)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Held for a moment; waits for others that hold it."""
        until = time.monotonic() + LEASE
        self._say(BEGIN)
        try:
            while others := self._others(BEGIN):
                self._unsay(BEGIN)
                if time.monotonic() > until:
                    raise IndexBusy(f"{others[0][1]['host']} is building {self._address}: try again later")
                time.sleep(random.uniform(*PAUSE))
                self._say(BEGIN)
            yield
        finally:
            self._unsay(BEGIN)

    def renew(self, share: Share) -> None:
        """Says that this builder is alive, now and then."""
        if time.monotonic() - self._renewed > RENEW:
            self._say(share.lease)

    def _say(self, lease: str) -> None:
        """Whoever says that he holds a lease, and sees then that nobody else says so, does."""
        self._renewed = time.monotonic()
        _HELD.add((lease, self._me["token"]))
        self.notes.write(f"{lease}:{self._me['token']}", {**self._me, "at": time.time()})

    def _unsay(self, lease: str) -> None:
        _HELD.discard((lease, self._me["token"]))
        with contextlib.suppress(IndexUnusable):  # the server is away: the lease runs out, or is this dead process's
            self.notes.forget([f"{lease}:{self._me['token']}"])

    def _others(self, start: str) -> list[tuple[str, Json]]:
        """The leases whose names begin so, and who else holds them."""
        held = ((name.partition(":")[0], holder) for name, holder in self.notes.read().items() if ":" in name)
        return [
            (name, holder)
            for name, holder in held
            if name.startswith(start) and holder["token"] != self._me["token"] and _alive(name, holder)
        ]


_HELD: set[tuple[str, str]] = set()  # leases and tokens of this process


def _alive(lease: str, holder: Json) -> bool:
    """Whether the builder may still be at work: one of this machine whose process has ended is not, nor is one of this
    process that has failed where the server was away."""
    if abs(time.time() - holder["at"]) > LEASE:
        return False
    if holder["host"] == socket.gethostname() and holder["pid"] == os.getpid():
        return (lease, holder["token"]) in _HELD
    if holder["host"] != socket.gethostname() or not Path("/proc/self").exists():
        return True
    return Path(f"/proc/{holder['pid']}").exists()
