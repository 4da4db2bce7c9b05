"""The collection that the page answers from: made ready in the background, while the page is already up."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

from rag import index as indexes
from rag.errors import IndexBusy, QuestionError, RagError
from rag.index import Index
from rag.types import Progress, ProgressCallback

log = logging.getLogger(__name__)

State = Literal["building", "loading", "ready", "failed"]
Prepare = Callable[[ProgressCallback], Index]
Samples = Mapping[str, Sequence[str]]

BUSY_WAIT = 1.0  # seconds between looks at an index that another process is building
STOP_WAIT = 3.0  # seconds for a step to end: a model that is being loaded cannot be stopped within
RETRY_AFTER = 3.0  # seconds before a reader's visit starts another attempt, so that a failure is not tried in a loop


@dataclass(frozen=True, slots=True)
class Status:
    """How far the collection is. The counts are those of a ready one; ``samples`` by the page's language."""

    state: State
    progress: Progress | None = None
    error: Exception | None = None
    documents: int = 0
    passages: int = 0
    samples: Samples | None = None
    model: str = ""


class _Stopped(Exception):
    """The server is stopping: nothing more is made."""


class Collection:
    """An index that is opened, and built where need be, by ``prepare`` in a thread of its own."""

    def __init__(self, prepare: Prepare) -> None:
        self._prepare = prepare
        self._lock = threading.Lock()
        self._settled = threading.Event()
        self._status = Status("building")
        self._index: Index | None = None
        self._error: Exception | None = None
        self._failed_at = 0.0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @classmethod
    def at(cls, index: Path, documents: Path | None = None) -> Collection:
        """The index in a folder; brought up to date with ``documents`` first, where they are given."""

        def prepare(progress: ProgressCallback) -> Index:
            if documents is None:
                return indexes.open(index)
            while True:
                try:
                    return indexes.build(documents, index, progress=progress)
                except IndexBusy:
                    time.sleep(BUSY_WAIT)

        return cls(prepare)

    def start(self) -> None:
        """Begins to make the collection ready; returns at once."""
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

    def index(self) -> Index:
        """The index, once it is ready; waits for it. Raises what made it fail."""
        self._settled.wait()
        if self._index is None:
            error = self._error or RuntimeError("the collection settled with neither an index nor an error")
            raise error.with_traceback(None)
        return self._index

    def _run(self) -> None:
        try:
            index = self._prepare(self._report)
            self._check()
            self._status = Status("loading")
            index.warm_up()
            about = index.info()
            self._status = Status(
                "ready",
                documents=about["documents"],
                passages=about["passages"],
                samples=samples(index),
                model=about["model"]["name"],
            )
            self._index = index
            log.info("ready: %d documents, %d passages", about["documents"], about["passages"])
        except _Stopped:
            log.info("stopped before the collection was ready")
        except Exception as error:  # a thread's edge: it is kept for those who ask, and logged
            self._error, self._failed_at = error, time.monotonic()
            self._status = Status("failed", error=error)
            if isinstance(error, RagError):
                log.error("%s", error)
            else:
                log.exception("the collection cannot be made ready")
        finally:
            self._settled.set()

    def _check(self) -> None:
        if self._stopping.is_set():
            raise _Stopped

    def _report(self, progress: Progress) -> None:
        self._check()
        self._status = Status("building", progress=progress)


def samples(index: Index) -> Samples:
    """Sample questions about the first document that has some and is in the collection, by language."""
    known = json.loads(resources.files("rag.web").joinpath("samples.json").read_text(encoding="utf-8"))
    for document, questions in known.items():
        try:
            index.document(document)
        except QuestionError:
            continue
        return dict(questions)
    return {}
