"""What builders tell each other through Milvus: who is building what, and what of a generation is finished."""

from __future__ import annotations

import contextlib
import os
import random
import re
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rag.errors import ConfigurationError, IndexBusy, IndexUnusable, RagError
from rag.stores.milvus.layout import Names, create_notes
from rag.stores.milvus.notes import Notes
from rag.stores.milvus.server import Server
from rag.types import Json

MOST = 10_000  # shares
LEASE = 120.0  # seconds after which a builder that has said nothing counts as gone
RENEW = LEASE / 4  # what it is doing may take far longer: reading scans, or embedding a thousand passages
AGAIN = 5.0  # seconds that saying so may take, and after which it is tried again where the server is away
PATIENCE = 3600.0  # seconds that others are waited for who begin or publish a generation, which counts all of its rows
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
        found = re.fullmatch(r"(\d{1,5})/(\d{1,5})", text, re.ASCII)  # Python reads no number of thousands of digits
        number, of = (int(found[1]), int(found[2])) if found else (0, 0)
        if not (number <= of and 0 < of <= MOST):
            raise ConfigurationError(f"--shard {text!r:.40} names no part: write it as 1/4, of at most {MOST:,}")
        return cls(number % of, of)

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
        own = {"host": socket.gethostname(), "place": _place(), "pid": os.getpid()}
        self._me: Json = {**own, "token": secrets.token_hex(8)}
        self._said: dict[str, float] = {}  # when each lease that is held was last said to be
        self._lapsed = False
        self._saying = threading.Lock()

    @contextlib.contextmanager
    def held(self, share: Share, kind: str) -> Iterator[None]:
        """Held while this part is built; others may build other parts of as many, of the same kind: one of another
        would begin a generation of its own in the place of this one."""
        self._me["kind"] = kind
        over = threading.Event()
        renewing = threading.Thread(target=self._renew, args=(over,), name="lease", daemon=True)
        self._say(share.lease)
        try:
            for name, holder in self._others("busy/"):
                where = f"{holder['host']} is building {self._address}"
                if name == share.lease or name.rpartition("/")[2] != str(share.of):
                    raise IndexBusy(f"{where}: wait until it has finished")
                if holder.get("kind") != kind:
                    raise IndexBusy(
                        f"{where} with another model, version or --rebuild: give all parts the same, or wait"
                    )
            renewing.start()
            yield
        finally:
            over.set()
            if renewing.ident is not None:
                renewing.join()
            self._unsay(share.lease)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Held for a moment; waits for others that hold it."""
        until = time.monotonic() + PATIENCE
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

    def require(self, share: Share) -> None:
        """Raises IndexBusy where this builder could not say for so long that it is alive, asleep or cut off, that
        another may have taken its part over, or finished it."""
        if self._lapsed or time.time() - self._said[share.lease] > LEASE:
            raise IndexBusy(
                f"this build could not reach {self._address} for {LEASE:.0f} seconds, and another may have taken it"
                " over: build again, what is written is kept"
            )

    def _renew(self, over: threading.Event) -> None:
        """Says now and then that this builder is alive, whatever else it is at."""
        pause = RENEW
        while not over.wait(pause):
            pause = RENEW
            for lease in list(self._said):
                try:
                    self._say(lease, again=True, seconds=AGAIN)
                except RagError:  # the server is away: the builder itself tells of it
                    pause = min(AGAIN, RENEW)

    def _say(self, lease: str, again: bool = False, seconds: float = 0) -> None:
        """Whoever says that he holds a lease, and sees then that nobody else says so, does; ``again``: where it is
        still held; ``seconds`` as for :meth:`Notes.write`."""
        with self._saying:
            if again and lease not in self._said:
                return
            _HELD.add((lease, self._me["token"]))
            now = time.time()
            self.notes.write(f"{lease}:{self._me['token']}", {**self._me, "at": now}, seconds)
            self._lapsed = self._lapsed or now - self._said.get(lease, now) > LEASE
            self._said[lease] = now

    def _unsay(self, lease: str) -> None:
        with self._saying:
            _HELD.discard((lease, self._me["token"]))
            self._said.pop(lease, None)
            with contextlib.suppress(
                IndexUnusable
            ):  # the server is away: the lease runs out, or is this dead process's
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


def _place() -> str:
    """Where a process's number means this process: on one machine since it was started, and in one container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()


def _alive(lease: str, holder: Json) -> bool:
    """Whether the builder may still be at work: one of this machine whose process has ended is not, nor is one of this
    process that has failed where the server was away."""
    if abs(time.time() - holder["at"]) > LEASE:
        return False
    if holder.get("place") != _place():
        return True
    if holder["pid"] == os.getpid():
        return (lease, holder["token"]) in _HELD
    return not Path("/proc/self").exists() or Path(f"/proc/{holder['pid']}").exists()
