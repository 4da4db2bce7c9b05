"""The collection that the page answers from: made ready, and kept current, in the background, while the page is up."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from rag import index as indexes
from rag import watch
from rag.address import Place
from rag.errors import IndexBusy, RagError
from rag.folder import UPLOADS, Roots
from rag.index import Index
from rag.settings import Settings
from rag.types import Progress, ProgressCallback
from rag.web.listing import Listings
from rag.web.permission import Rule, is_here
from rag.web.samples import Samples, samples
from rag.web.turns import Turns

log = logging.getLogger(__name__)

State = Literal["building", "loading", "ready", "failed"]
Prepare = Callable[[ProgressCallback], Index]
Changes = Callable[[threading.Event], Generator[bool]]  # see rag.watch.changes; the first comes before anything is made
Renew = Callable[[Index, bool, ProgressCallback], Index]  # the index, and whether the documents have changed
Rebuild = Callable[[Index | None, ProgressCallback], Index]  # the index that answers, where there is one

BUSY_WAIT = 1.0  # seconds between looks at an index that another process is building
STOP_WAIT = 3.0  # seconds for a step to end: a model that is being loaded cannot be stopped within
RETRY_AFTER = 3.0  # seconds before a reader's visit starts another attempt, so that a failure is not tried in a loop


@dataclass(frozen=True, slots=True)
class Status:
    """How far the collection is. The counts are those of a ready one; ``samples`` by the page's language.

    A ready one with ``progress`` is being brought up to date; with ``error`` that went wrong. It answers as before.
    """

    state: State
    progress: Progress | None = None
    error: Exception | None = None
    documents: int = 0
    passages: int = 0
    samples: Samples | None = None
    model: str = ""
    hosts: tuple[str, ...] = ()  # other machines that take part


class _Stopped(Exception):
    """The server is stopping: nothing more is made."""


def _hosts(kept: Place) -> tuple[str, ...]:
    """The other machines that take part: the one that keeps the index, and the one that embeds its documents."""
    embeds = Settings.from_environment().embeddings_url
    hosts = ["" if isinstance(kept, Path) else kept.host.strip("[]"), urlsplit(embeds or "").hostname or ""]
    return tuple(host for host in dict.fromkeys(hosts) if host and not is_here(host))


def _never(_: threading.Event) -> Generator[bool]:
    yield False


class Collection:
    """An index that is made by ``prepare`` in a thread of its own, and made anew by ``renew`` at each turn of
    ``changes``; questions are answered from the last one that is whole.

    ``folder`` is the index's, ``documents`` the folder it is made of, where they are known; ``rebuild`` makes it anew
    where that is asked for; ``rule`` says who may change it by the page; ``hosts`` are other machines that take part.
    """

    def __init__(
        self,
        prepare: Prepare,
        changes: Changes = _never,
        renew: Renew = lambda index, changed, progress: index,
        documents: Path | None = None,
        folder: Path | None = None,
        rebuild: Rebuild | None = None,
        rule: Rule = "off",
        hosts: tuple[str, ...] = (),
    ) -> None:
        self.turns, self.listings = Turns(), Listings()
        self.documents, self.folder, self.rule = documents, folder, rule
        self._hosts = hosts
        self._prepare, self._changes, self._renew, self._rebuild = prepare, changes, renew, rebuild
        self._turn = self._rebuild_turn = self._done = 0  # the last turn that was asked for, and the last one made
        self._lock = threading.Lock()
        self._settled = threading.Event()
        self._status = Status("building")
        self._index: Index | None = None
        self._error: Exception | None = None
        self._failed_at = 0.0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @classmethod
    def at(cls, index: Place, documents: Path | None = None, rule: Rule = "off") -> Collection:
        """The index, kept current with ``documents`` where they are given, else with what others build.

        One in Milvus has no folder, so that nothing is uploaded to it, and nothing kept of what visitors say.
        """
        folder, hosts = index if isinstance(index, Path) else None, _hosts(index)
        if documents is None:
            return cls(
                lambda _: indexes.open(index),
                watch.ticks,
                lambda opened, changed, progress: opened.latest(),
                folder=folder,
                rule=rule,
                hosts=hosts,
            )
        return cls(
            lambda progress: indexes.build(documents, index, progress=progress),
            lambda stop: watch.changes(documents, stop, index),
            lambda opened, changed, progress: (
                opened.updated(documents, progress=progress) if changed else opened.latest()
            ),
            documents,
            folder,
            lambda opened, progress: (
                opened.updated(documents, rebuild=True, progress=progress)
                if opened is not None
                else indexes.build(documents, index, rebuild=True, progress=progress)
            ),
            rule,
            hosts,
        )

    @property
    def roots(self) -> Roots:
        """Where the documents' files are, by what their paths begin with; waits for the first index.

        Where the index is served without its documents, only what was uploaded to it is at hand.
        """
        known = {"": self.documents} if self.documents is not None else {}
        place = self.index().store.place
        uploads = place / UPLOADS if isinstance(place, Path) else None
        return {**known, f"{UPLOADS}/": uploads} if uploads is not None and uploads.is_dir() else known

    @property
    def is_in_folder(self) -> bool:
        """Whether the index is kept in a folder, as far as is known."""
        return self._index is None or isinstance(self._index.store.place, Path)

    @property
    def is_open_to_changes(self) -> bool:
        """Whether anybody may change it by the page: each request is looked at besides."""
        return self.documents is not None and self.rule != "off"

    def start(self) -> None:
        """Begins to make the collection ready; returns at once."""
        if self._thread is not None:
            self._thread.join()  # the attempt that failed is over but for its last line
        self._settled.clear()
        self._status = Status("building")
        self._thread = threading.Thread(target=self._run, name="collection", daemon=True)
        self._thread.start()

    def stop(self) -> bool:
        """Gives up what is being made; whether it ended within some seconds. What is on disk stays whole."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(STOP_WAIT)
        return self._thread is None or not self._thread.is_alive()

    def status(self) -> Status:
        """How far it is; where a failure is some seconds old, it is tried once more."""
        with self._lock:
            status = self._status
            if status.state == "failed" and time.monotonic() - self._failed_at > RETRY_AFTER:
                self.start()
            return status

    def renew(self, rebuild: bool = False) -> int:
        """Asks for a turn now, which brings the index up to date, or makes it anew; the turn's number.

        Its documents must be known.
        """
        with self._lock:
            self._turn += 1
            if rebuild:
                self._rebuild_turn = self._turn
            if self._status.state == "failed":
                self.start()
            return self._turn

    def is_done(self, turn: int) -> bool:
        """Whether a turn that was asked for has been made, well or not: its error is then in the status."""
        return self._done >= turn or self._thread is None or not self._thread.is_alive()

    def opened(self) -> Index | None:
        """The newest index that is whole, where there is one; does not wait."""
        return self._index

    def index(self) -> Index:
        """The newest index that is whole; waits for the first. Raises what made it fail."""
        self._settled.wait()
        if self._index is None:
            error = self._error or RuntimeError("the collection settled with neither an index nor an error")
            raise error.with_traceback(None)
        return self._index

    def _run(self) -> None:
        turn = self._turn
        try:
            with contextlib.closing(self._changes(self._stopping)) as changes:
                next(changes, None)  # from here on none is missed
                self._adopt(self._prepared())
                self._done = turn
                self._settled.set()
                self._offer_samples()
                turns = (changed or self._turn > self._done for changed in changes)
                watch.follow(turns, self._bring_up_to_date, lambda error: log.warning("%s", error))
        except _Stopped:
            log.info("stopped before the collection was %s", "ready" if self._index is None else "up to date")
        except Exception as error:  # a thread's edge: it is kept for those who ask, and logged
            self._error, self._failed_at, self._done = error, time.monotonic(), turn
            self._status = Status("failed", error=error) if self._index is None else replace(self._status, error=error)
            if isinstance(error, RagError):
                log.error("%s", error)
            else:
                log.exception("the collection cannot be made ready")
        finally:
            self._settled.set()

    def _prepared(self) -> Index:
        """The first index; waits where another process builds it."""
        while True:
            try:
                if self._rebuild is not None and self._rebuild_turn > self._done:
                    return self._rebuild(None, self._report)
                return self._prepare(self._report)
            except IndexBusy:
                self._stopping.wait(BUSY_WAIT)
                self._check()

    def _bring_up_to_date(self, changed: bool) -> None:
        """Takes a newer index, where there is one, in place of the one that answers."""
        index, turn, ready = self.index(), self._turn, replace(self._status, progress=None, error=None)

        def show(progress: Progress) -> None:
            self._show(replace(ready, progress=progress))

        try:
            if self._rebuild is not None and self._rebuild_turn > self._done:
                newer = self._rebuild(index, show)
            else:
                newer = self._renew(index, changed, show)
        except RagError as error:
            self._status = replace(ready, error=error)
            self._done = self._done if isinstance(error, IndexBusy) else turn
            raise
        if newer.store is not index.store:
            self._adopt(newer)
        elif changed:  # by nothing that the index holds
            self._status = ready
        self._done = turn
        if newer.store is not index.store:
            self._offer_samples()

    def _adopt(self, index: Index) -> None:
        """Answers from this index from now on; its model is loaded first."""
        self._check()
        if self._index is None:
            self._status = Status("loading")
        index.warm_up()
        about = index.info()
        self._index = index
        self._status = Status(
            "ready",
            documents=about["documents"],
            passages=about["passages"],
            samples=self._status.samples,
            model=about["model"]["name"],
            hosts=self._hosts,
        )
        log.info("ready: %d documents, %d passages", about["documents"], about["passages"])

    def _offer_samples(self) -> None:
        """Adds sample questions to a collection that answers already, and does without where they cannot be made."""
        try:
            self._status = replace(self._status, samples=samples(self.index(), self._stopping.is_set))
        except Exception:  # a thread's edge: the collection is none the worse for it
            log.exception("no sample questions could be made")

    def _check(self) -> None:
        if self._stopping.is_set():
            raise _Stopped

    def _report(self, progress: Progress) -> None:
        self._show(Status("building", progress=progress))

    def _show(self, status: Status) -> None:
        self._check()
        self._status = status
