"""How the work for a text grows with its length: processor time, so that a busy machine changes little.

Most texts are settled by one short run. What takes long there is run again at two lengths of which one is four times
the other, more than once: linear work takes four times as long, quadratic 16 times.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SHORT = 4_000  # characters
FACTOR = 4
LINEAR = 8  # times as long for FACTOR times the text: between 4 and 16
QUICK = (
    0.004  # seconds for SHORT, within which work in the square of it cannot be done: 8 million steps of 1 ns or more
)
PATIENCE = 1.0  # seconds for one run, before it is called endless
TRIES = 3  # before a text is said to be too dear: each run may have been disturbed


class Endless(Exception):
    """A run that was broken off."""


@contextmanager
def _broken_off(seconds: float) -> Iterator[None]:
    """Raises Endless in what takes more processor time; ``re`` looks for signals while it matches."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def stop(_: int, __: FrameType | None) -> None:
        raise Endless

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def seconds(run: Callable[[str], object], text: str) -> float:
    """Of this thread's processor time; infinity for an endless run."""
    begun = time.thread_time()
    try:
        with _broken_off(PATIENCE):
            run(text)
    except Endless:
        return float("inf")
    return time.thread_time() - begun


def grown(before: str, unit: str, after: str, length: int) -> str:
    return before + unit * max(1, length // len(unit)) + after


def growth(run: Callable[[str], object], before: str, unit: str, after: str, short: int = SHORT) -> float:
    """How many times as long FACTOR times the text takes; FACTOR at once where ``short`` takes next to nothing.

    About 4 is linear, 16 quadratic, infinity endless. The least of some tries, if they are needed.
    """
    least = float("inf")
    for _ in range(TRIES):
        high = seconds(run, grown(before, unit, after, short))
        if high < QUICK:
            return FACTOR
        low = seconds(run, grown(before, unit, after, short // FACTOR))
        if low == float("inf"):
            return low
        low = min(low, seconds(run, grown(before, unit, after, short // FACTOR)))
        least = min(least, high / low)
        if least < LINEAR:
            break
    return least
