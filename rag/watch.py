"""Telling when a folder changes, and keeping an index current with it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path

from watchfiles import watch

from rag.errors import IndexBusy, NothingToIndex, RagError
from rag.ignore import RULES, is_hidden, is_temporary

log = logging.getLogger(__name__)

TICK = 0.5  # seconds: how soon a stop is noticed, and how long a folder is quiet before it counts as changed
LONGEST = 30.0  # seconds that changes may go on before they are told all the same
POLL = 2.0  # seconds between two looks at a folder whose changes the system does not tell
BUSY_AGAIN = 1.0  # seconds before another try where another process builds
FAILED_AGAIN = 30.0  # seconds before another try where a disk is full, say


def changes(folder: Path, stop: threading.Event, leave_out: Path) -> Generator[bool]:
    """True whenever the folder's documents may have changed and are quiet again, False every half second meanwhile.

    The first is True, and comes as soon as no change can be missed any more. A folder that is gone is waited for: that
    it went is told, and that it came. Changes of ``leave_out``, the index, of hidden and of temporary files are none.
    Ends when ``stop`` is set.
    """
    polling: bool | None = None  # as watchfiles sees fit: it polls where the system offers nothing better
    while not stop.is_set():
        was = _identity(folder)
        if was is None:
            yield True
            while _identity(folder) is None:
                if stop.wait(TICK):
                    return
                yield False
            continue
        try:
            yield from _watched(folder.resolve(), was, stop, leave_out.resolve(), polling)
        except RuntimeError as error:  # watchfiles cannot tell of a file whose name is not UTF-8: it did change
            log.debug("the folder is watched anew: %s", error)
            stop.wait(TICK)
        except FileNotFoundError:  # it went just now
            continue
        except OSError as error:
            if polling:
                raise
            log.warning("%s is looked through every %g s, as the system does not watch it: %s", folder, POLL, error)
            polling = True


def ticks(stop: threading.Event) -> Generator[bool]:
    """False every half second, until ``stop`` is set: for an index whose documents are not known."""
    yield False
    while not stop.wait(TICK):
        yield False


def follow(changed: Iterable[bool], renew: Callable[[bool], None], told: Callable[[RagError], None]) -> None:
    """Calls ``renew`` at each turn, with whether the documents changed since it last went well.

    An error is told, once while it stays the same, and tried again after the next change, or after a while; where there
    is nothing to index, only after a change.
    """
    owed, not_before, last = False, 0.0, ""
    for change in changed:
        if not change and time.monotonic() < not_before:
            continue
        owed = owed or change
        try:
            renew(owed)
            owed, not_before, last = False, 0.0, ""
        except RagError as error:
            if str(error) != last:
                told(error)
            last = str(error)
            owed = owed and not isinstance(error, NothingToIndex)
            not_before = time.monotonic() + (BUSY_AGAIN if isinstance(error, IndexBusy) else FAILED_AGAIN * owed)


def _watched(
    root: Path, identity: tuple[int, int], stop: threading.Event, leave_out: Path, polling: bool | None
) -> Iterator[bool]:
    """The changes of one folder, until it is another one or gone."""
    step = round(TICK * 1000)
    seen = watch(
        root,
        watch_filter=lambda _, path: _matters(path, root, leave_out),
        debounce=round(LONGEST * 1000),
        step=step,
        rust_timeout=step,
        yield_on_timeout=True,
        stop_event=stop,
        force_polling=polling,
        poll_delay_ms=round(POLL * 1000),
        ignore_permission_denied=True,
    )
    is_first = True
    for found in seen:
        if _identity(root) != identity:
            return
        yield is_first or bool(found)
        is_first = False


def _matters(path: str, root: Path, leave_out: Path) -> bool:
    place = Path(path)
    if place == root or not place.is_relative_to(root) or place.is_relative_to(leave_out):
        return False  # that the folder itself went is seen by its identity
    *folders, name = place.relative_to(root).parts
    if any(is_hidden(part) for part in folders):
        return False
    return name == RULES or not (is_hidden(name) or (is_temporary(name) and not place.is_dir()))


def _identity(folder: Path) -> tuple[int, int] | None:
    """What tells a folder from another one of its name; None where there is none."""
    try:
        about = folder.stat()
    except OSError:
        return None
    return about.st_dev, about.st_ino
