"""Several reading processes, and the threads that wait for them.

A process that a pool has done with is kept for the next one, since starting it takes longer than reading most files.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from rag.errors import DocumentError
from rag.reading.process import WORKER, Process
from rag.types import Json

_SPARE: list[Process] = []


def _spare(seconds: int, megabytes: int, module: str) -> Process:
    """A process with these limits that nobody uses, or a new one."""
    for process in list(_SPARE):
        if process.fits(seconds, megabytes, module):
            with contextlib.suppress(ValueError):  # another thread was faster
                _SPARE.remove(process)
                return process
    return Process(seconds, megabytes, module)


@atexit.register
def _end_spare() -> None:
    while _SPARE:
        _SPARE.pop().end()


class Pool:
    """Up to ``size`` reading processes, as many as the processor has cores at most; a context manager."""

    def __init__(self, size: int, seconds: int, megabytes: int, module: str = WORKER) -> None:
        count = max(1, min(size, cores()))
        self._processes = [_spare(seconds, megabytes, module) for _ in range(count)]
        self._idle: queue.SimpleQueue[Process] = queue.SimpleQueue()
        for process in self._processes:
            self._idle.put(process)
        self._threads = ThreadPoolExecutor(len(self._processes), thread_name_prefix="reading")

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        if kind is not None:  # what is being read is not wanted any more
            for process in self._processes:
                process.kill()
        self._threads.shutdown()
        for process in self._processes:
            if kind is None:
                _SPARE.append(process)
            else:
                process.end()

    def run(self, requests: Iterable[Json]) -> Iterator[Json | DocumentError]:
        """The answer to each request, or why there is none, in the requests' order as they come in."""
        return self._threads.map(self._ask, requests)

    def _ask(self, request: Json) -> Json | DocumentError:
        process = self._idle.get()
        try:
            return process.ask(request)
        except DocumentError as error:
            return error
        finally:
            self._idle.put(process)


def cores() -> int:
    """The processor's cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
