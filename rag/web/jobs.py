"""Lists of questions that are being answered: one at a time, in a thread of its own, kept for an hour.

A list is known by a number that nobody can guess, so that only who brought it sees it; it goes on when its page is
closed or reloaded.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rag.batch import Asked, Passed, answer_each
from rag.errors import QuestionError
from rag.types import Answer
from rag.web.collection import Collection
from rag.web.logs import write_question

log = logging.getLogger(__name__)

State = Literal["waiting", "running", "done", "cancelled", "failed"]

MAX_QUESTIONS = 1_000  # of a list: minutes on a small collection, about an hour on the largest
MAX_JOBS = 20  # kept at a time: with five passages an answer some 100 MB
KEPT = 3600.0  # seconds after the end: long enough for lunch, short enough that strangers' questions do not pile up


@dataclass(slots=True, eq=False)
class Job:
    """A list and its answers so far, ``answers[i]`` to ``questions[i]``."""

    questions: Sequence[Asked]
    passed: Sequence[Passed]
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    state: State = "waiting"
    answers: list[Answer | QuestionError] = field(default_factory=list)
    error: Exception | None = None
    started: float = 0.0
    ended: float = 0.0
    cancelled: bool = False

    @property
    def is_over(self) -> bool:
        return self.state not in ("waiting", "running")

    def seconds_left(self, now: float) -> float | None:
        """By the pace so far; None before the first answer."""
        if self.state != "running" or not self.answers:
            return None
        return (now - self.started) / len(self.answers) * (len(self.questions) - len(self.answers))


class Jobs:
    """The lists of one server."""

    def __init__(self, collection: Collection, clock: Callable[[], float] = time.monotonic) -> None:
        self._collection, self._clock = collection, clock
        self._jobs: dict[str, Job] = {}  # in the order in which they came
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, questions: Sequence[Asked], passed: Sequence[Passed]) -> Job | None:
        """Puts a list at the queue's end; None where too many wait already."""
        with self._lock:
            self._sweep()
            over = [job for job in self._jobs.values() if job.is_over]
            if len(self._jobs) >= MAX_JOBS:
                if not over:
                    return None
                del self._jobs[min(over, key=lambda job: job.ended).id]
            job = Job(questions, passed)
            self._jobs[job.id] = job
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="lists of questions", daemon=True)
                self._thread.start()
            return job

    def get(self, id: str) -> Job | None:
        """The list with that number; None where there is none, or its hour is over."""
        with self._lock:
            self._sweep()
            return self._jobs.get(id)

    def before(self, job: Job) -> int:
        """How many lists go before one that waits."""
        with self._lock:
            ahead = list(self._jobs.values())
            ahead = ahead[: ahead.index(job)] if job in ahead else []
            return sum(not each.is_over for each in ahead)

    def cancel(self, job: Job) -> None:
        """Ends a list after the question that is being answered; its answers stay."""
        with self._lock:
            job.cancelled = True
            if job.state == "waiting":
                self._end(job, "cancelled")

    def stop(self) -> None:
        """Cancels all that is under way; waits for the question that is being answered."""
        with self._lock:
            for job in self._jobs.values():
                job.cancelled = True
            thread = self._thread
        if thread is not None:
            thread.join(5.0)  # seconds, as the server's grace

    def now(self) -> float:
        return self._clock()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            try:
                self._answer(job)
                self._end(job, "cancelled" if job.cancelled else "done")
            except Exception as error:  # a thread's edge: it is kept for who asks, and logged
                log.exception("a list of questions could not be answered")
                job.error = error
                self._end(job, "failed")

    def _next(self) -> Job | None:
        """The first that waits, taken; where there is none, the thread is to end."""
        with self._lock:
            for job in self._jobs.values():
                if job.state == "waiting":
                    if job.cancelled:
                        self._end(job, "cancelled")
                        continue
                    job.state, job.started = "running", self._clock()
                    return job
            self._thread = None
            return None

    def _answer(self, job: Job) -> None:
        index = self._collection.index()  # one generation for the whole list
        job.started = self._clock()
        answers = answer_each(index, [asked.question for asked in job.questions])
        while not job.cancelled:
            self._collection.turns.wait()
            answer = next(answers, None)
            if answer is None:
                return
            if isinstance(answer, Answer):
                write_question("list", answer.question, answer)
            job.answers.append(answer)

    def _end(self, job: Job, state: State) -> None:
        job.ended, job.state = self._clock(), state

    def _sweep(self) -> None:
        """Drops what is over for an hour."""
        now = self._clock()
        for job in [job for job in self._jobs.values() if job.is_over and now - job.ended > KEPT]:
            del self._jobs[job.id]
