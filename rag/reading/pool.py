"""Several reading processes, and the threads that wait for them."""

from __future__ import annotations

import os
import queue
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from rag.errors import DocumentError
from rag.reading.process import Process
from rag.types import Json


class Pool:
    """Up to ``size`` reading processes, as many as the processor has cores at most; a context manager."""

    def __init__(self, size: int, seconds: int, megabytes: int) -> None:
        self._processes = [Process(seconds, megabytes) for _ in range(max(1, min(size, cores())))]
        self._idle: queue.SimpleQueue[Process] = queue.SimpleQueue()
        for process in self._processes:
            self._idle.put(process)
        self._threads = ThreadPoolExecutor(len(self._processes), thread_name_prefix="reading")

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)
        for process in self._processes:
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
