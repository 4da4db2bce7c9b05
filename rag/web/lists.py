"""Lists of questions that visitors bring, read one at a time in a process of its own, which can be killed."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import anyio
import anyio.to_thread

from rag.batch import Asked, Passed
from rag.errors import DocumentError
from rag.reading.pool import Pool
from rag.types import Json

WORKER = "rag.batch_worker"
SECONDS = 20  # for one list; one of a thousand questions takes a hundredth of one
WAITING = 8  # lists that are read or wait for it: each holds some megabytes, and most are read in a moment


class Busy(Exception):  # named for what is wrong, as the house has it
    """As many lists wait as may."""


@dataclass(frozen=True, slots=True)
class Listed:
    """How many questions a list has, the first of them, and the lines that were passed over."""

    count: int
    asked: Sequence[Asked]
    passed: Sequence[Passed]


class Lists:
    """Reads lists. ``megabytes`` is the memory that reading one may take."""

    def __init__(self, megabytes: int, seconds: int = SECONDS) -> None:
        self._megabytes, self._seconds = megabytes, seconds
        self._limiter = anyio.CapacityLimiter(1)
        self._waiting = 0

    async def read(self, body: Json, most: int) -> Listed:
        """What a script sent: a text that was typed, or a file; of its questions ``most`` at most.

        Raises DocumentError where it cannot be read within the limits, Busy where too many wait.
        """
        if self._waiting >= WAITING:
            raise Busy
        request = {**_sent(body), "most": most}
        self._waiting += 1
        try:
            return await anyio.to_thread.run_sync(self._listed, request, limiter=self._limiter)
        finally:
            self._waiting -= 1

    def _listed(self, request: Json) -> Listed:
        with Pool(1, self._seconds, self._megabytes, WORKER) as pool:
            [answer] = pool.run([request])
        if isinstance(answer, DocumentError):
            raise answer
        return Listed(
            answer["count"],
            [Asked(question, line) for question, line in answer["asked"]],
            [Passed(line, reason) for line, reason in answer["passed"]],
        )


def _sent(body: Json) -> Json:
    """The file's name and bytes, in base64."""
    if isinstance(text := body.get("text"), str):
        return {"name": "list.txt", "content": base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")}
    return {"name": str(body.get("name")), "content": body.get("content")}
