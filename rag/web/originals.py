"""The files that documents were read from: found below the collection's folders, and nowhere else.

A document is known by its path, which the index holds; what a reader sends is never made into a name of a file.
The rules are those of :mod:`rag.folder`: a link to a file is followed within its folder, a linked folder is not.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import sys
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Literal

from rag.folder import Roots
from rag.ignore import is_hidden
from rag.stores.entry import Entry

State = Literal["same", "changed", "gone", "away"]  # "away": the collection does not have its documents' folder


def place(entry: Entry, roots: Roots) -> tuple[Path, str] | None:
    """The folder that holds a document's file, and the file's name below it; None where there is no such folder.

    The disk is not looked at: of the roots whose beginning the document's path has, the longest is taken. Nor is there
    a folder for a name that could mean something outside of it, as an index that others made may hold.
    """
    beginning = max((each for each in roots if entry.path.startswith(each)), key=len, default=None)
    name = entry.source.removeprefix(beginning or "")
    return (roots[beginning], name) if beginning is not None and _is_plain(name) else None


def state(entry: Entry, roots: Roots) -> State:
    """Whether a document's file is as it was when it was read."""
    if place(entry, roots) is None:
        return "away"
    stream = opened(entry, roots)
    if stream is None:
        return "gone"
    with stream:
        try:
            return "same" if hashlib.file_digest(stream, "sha256").hexdigest() == entry.sha256 else "changed"
        except OSError:  # a network drive, say, that goes while it is read
            return "gone"


def opened(entry: Entry, roots: Roots) -> io.BufferedReader | None:
    """A document's file, opened for reading; None where there is none that may be read."""
    found = place(entry, roots)
    if found is None:
        return None
    try:
        return _opened(*found)
    except (OSError, RuntimeError):  # the second is what Python 3.11 makes of a circle of links
        return None


def _is_plain(name: str) -> bool:
    """Whether a name can only mean something below its folder, and nothing that is hidden there."""
    parts = name.split("/")
    if "\0" in name or PurePosixPath(name).is_absolute() or any(part in ("", ".", "..") for part in parts):
        return False
    if sys.platform == "win32" and ("\\" in name or PureWindowsPath(name).drive or ":" in name):
        return False
    return not any(map(is_hidden, parts))


def _opened(folder: Path, name: str) -> io.BufferedReader:
    """Raises OSError where there is no regular file of this name, or where a link leads out of the folder."""
    root = folder.resolve(strict=True)
    parent = (root / name).parent
    if parent.resolve(strict=True) != parent:
        raise PermissionError(f"{parent} is a link to a folder")
    file = (root / name).resolve(strict=True)
    if not file.is_relative_to(root):
        raise PermissionError(f"{root / name} leads out of the folder")
    stream = os.fdopen(_descriptor(root, file), "rb")
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.close()
        raise PermissionError(f"{file} is not a regular file")
    return stream


def _descriptor(root: Path, file: Path) -> int:
    """Opens a file below ``root`` by the path found, step by step, so that no link put there meanwhile is followed."""
    if sys.platform == "win32":
        return os.open(file, os.O_RDONLY | os.O_BINARY)
    *folders, name = file.relative_to(root).parts
    here = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for folder in folders:
            above, here = (
                here,
                os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here),
            )
            os.close(above)
        # Without waiting: a pipe in the file's place would never open.
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=here)
    finally:
        os.close(here)
