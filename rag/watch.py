"""Telling when a folder changes, and keeping an index current with it."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path

from watchfiles import watch

from rag.address import Place
from rag.errors import IndexBusy, NothingToIndex, RagError
from rag.folder import UPLOADS
from rag.ignore import RULES, is_hidden, is_temporary

log = logging.getLogger(__name__)

FORCE = "WATCHFILES_FORCE_POLLING"  # watchfiles' own, for network drives
TICK = 0.5  # seconds: how soon a stop is noticed, and how long a folder is quiet before it counts as changed
LONGEST = 30.0  # seconds that changes may go on before they are told all the same
POLL = 2.0  # seconds between two looks at a folder whose changes the system does not tell
BUSY_AGAIN = 1.0  # seconds before another try where another process builds
FAILED_AGAIN = 30.0  # seconds before another try where a disk is full, say


def changes(folder: Path, stop: threading.Event, index: Place) -> Generator[bool]:
    """True whenever the documents of the folder, or those uploaded to the index, may have changed; False every half
    second meanwhile.

    What is uploaded comes and goes whole, so that a look at each turn tells, and nothing is waited for. The rest is
    as :func:`folder_changes` says, which leaves the index out.
    """
    kept = index if isinstance(index, Path) else folder / ".snoska"  # hidden, and passed over: one in Milvus has none
    uploads = kept / UPLOADS
    before = _look(uploads)
    with contextlib.closing(folder_changes(folder, stop, kept)) as changed:
        for change in changed:
            now = _look(uploads)
            yield change or now != before
            before = now


def folder_changes(folder: Path, stop: threading.Event, leave_out: Path) -> Generator[bool]:
    """True whenever the folder's documents may have changed and are quiet again, False every half second meanwhile.

    The first is True, and comes as soon as no change can be missed any more. A folder that is gone is waited for: that
    it went is told, and that it came. Changes of ``leave_out``, the index, of hidden and of temporary files are none.
    Ends when ``stop`` is set.
    """
    polls = os.environ.get(FORCE, "").lower() not in ("", "0", "false", "disable", "disabled")
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
            polls = polls or _holds_linked_folder(folder)
            yield from (_polled if polls else _watched)(folder.resolve(), was, stop, leave_out.resolve())
        except FileNotFoundError:  # it went just now
            continue
        except (RuntimeError, OSError) as error:
            # A limit of the system; or a name that is not UTF-8, of which watchfiles cannot tell, be it only opened:
            # each build would cause the next.
            if polls:
                raise
            log.warning("%s is looked through every %g s, as the system does not watch it: %s", folder, POLL, error)
            polls = True


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


def _watched(root: Path, identity: tuple[int, int], stop: threading.Event, leave_out: Path) -> Iterator[bool]:
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
        poll_delay_ms=round(POLL * 1000),
        ignore_permission_denied=True,
    )
    is_first = True
    for found in seen:
        if _identity(root) != identity:
            return
        yield is_first or bool(found)
        is_first = False


def _polled(root: Path, identity: tuple[int, int], stop: threading.Event, leave_out: Path) -> Iterator[bool]:
    """As :func:`_watched`, by looking: links are not followed, and names may be any bytes."""
    told = before = _look(root, leave_out)
    yield True
    looked = began = time.monotonic()
    while not stop.wait(TICK) and _identity(root) == identity:
        if time.monotonic() - looked < POLL:
            yield False
            continue
        now, is_late = _look(root, leave_out), time.monotonic() - began > LONGEST
        is_change = now != told and (now == before or is_late)
        if is_change or now == told:
            told, began = now, time.monotonic()
        before, looked = now, time.monotonic()
        yield is_change


def _look(root: Path, leave_out: Path | None = None) -> dict[str, tuple[int, int, int]]:
    """What tells each file and folder that matters from a changed one, by its path."""
    found: dict[str, tuple[int, int, int]] = {}
    waiting = [str(root)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if not is_hidden(entry.name) and Path(entry.path) != leave_out:
                            waiting.append(entry.path)
                            found[entry.path] = 0, 0, entry.inode()
                    elif _matters(entry.path, root, leave_out):
                        about = entry.stat(follow_symlinks=False)
                        found[entry.path] = about.st_mtime_ns, about.st_size, about.st_ino
        except OSError:  # what cannot be listed, or went just now, holds nothing to see
            continue
    return found


def _holds_linked_folder(folder: Path) -> bool:
    """Whether a link leads to a folder: watchfiles would follow it, be it to the whole disk."""
    return any(Path(place, name).is_symlink() for place, folders, _ in os.walk(folder) for name in folders)


def _matters(path: str, root: Path, leave_out: Path | None) -> bool:
    place = Path(path)
    if place == root or not place.is_relative_to(root) or (leave_out and place.is_relative_to(leave_out)):
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
