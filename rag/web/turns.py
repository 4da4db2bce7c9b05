"""Who goes first where the processor is one: a person who waits for an answer, before a list of questions."""

from __future__ import annotations

import threading

PATIENCE = 2.0  # seconds after which a list takes its turn all the same: a busy server must not starve it


class Turns:
    """Entered (``with turns:``) by each question that a person waits for; a list waits between its questions."""

    def __init__(self) -> None:
        self._waiting = 0
        self._changed = threading.Condition()

    def __enter__(self) -> None:
        with self._changed:
            self._waiting += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._waiting -= 1
            self._changed.notify_all()

    def wait(self) -> None:
        """Returns when nobody waits for an answer, or after some seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting == 0, PATIENCE)
