"""Files that come into being whole or not at all, and last: every byte of an index is written here, of uploads and of
what visitors say too.

The order is that of every careful writer (Pillai and others, "All File Systems Are Not Created Equal", 2014): the bytes
to a file of another name, fsync, rename, fsync of the folder. ``docs/guarantees.md`` says what follows from it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from pathlib import Path
from types import TracebackType

TEMPORARY = ".new-"  # a name's beginning: what a crash leaves under it is swept by the next build
READABLE = 0o644  # a server may run as another user than the builder; temporary files are private by default
PRIVATE = 0o600  # what visitors have brought is their server's only


class Disk:
    """The steps that change files, one method each. All raise OSError."""

    def make_folder(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)

    def create(self, folder: Path, prefix: str) -> tuple[int, Path]:
        """A new file under a temporary name, open for writing: its descriptor and its path."""
        file, name = tempfile.mkstemp(prefix=prefix, dir=folder)
        return file, Path(name)

    def write(self, file: int, data: memoryview) -> int:
        """How many of the bytes the system has taken; it need not take all."""
        return os.write(file, data)

    def sync(self, file: int) -> None:
        os.fsync(file)

    def rename(self, source: Path, target: Path) -> None:
        source.replace(target)

    def remove(self, file: Path) -> None:
        file.unlink(missing_ok=True)

    def remove_folder(self, folder: Path) -> None:
        folder.rmdir()

    def sync_folder(self, folder: Path) -> None:
        if os.name != "posix":  # Windows makes a rename durable by itself and cannot open a folder
            return
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


disk = Disk()  # the tests of docs/guarantees.md put another in its place, which fails at a step; nothing else does


class NewFile:
    """A file in the making, in a folder that is made where it is missing; :meth:`put` gives it its name.

    Its temporary name begins with ``prefix``; whoever gives another one sweeps what a crash leaves under it. ``mode``:
    who may read it. A context manager: what has not been put by the end of the block is removed. All methods but
    :meth:`discard` raise OSError.
    """

    def __init__(self, folder: Path, prefix: str = TEMPORARY, mode: int = READABLE) -> None:
        make_folder(folder)
        self._folder, self._mode = folder, mode
        self._file, self._path = disk.create(folder, prefix)
        self._is_open, self._is_left = True, True

    def __enter__(self) -> NewFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.discard()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Appends the bytes, all of them."""
        left = memoryview(data).cast("B")
        while left:
            taken = disk.write(self._file, left)
            if taken == 0:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            left = left[taken:]

    def seal(self) -> None:
        """Makes the bytes durable, which takes time for many; none can be written after that."""
        if self._is_open:
            self._path.chmod(self._mode)
            disk.sync(self._file)
            self._close()

    def put(self, target: Path, same: bool = False) -> None:
        """Makes the file durable under its name. ``same``: one that is there already holds the same bytes."""
        self.seal()
        try:
            disk.rename(self._path, target)
            self._is_left = False
        except PermissionError:  # Windows keeps what is there already, while it is mapped
            if not (same and target.exists()):
                raise
        disk.sync_folder(self._folder)

    def discard(self) -> None:
        """Removes what has not been put."""
        with contextlib.suppress(OSError):  # it is of no use any more; the next build sweeps it
            self._close()
        if self._is_left:
            with contextlib.suppress(OSError):
                disk.remove(self._path)

    def _close(self) -> None:
        if self._is_open:
            self._is_open = False
            os.close(self._file)


def make_folder(folder: Path) -> None:
    """Makes the folder, and those above it, where they are missing, each to last. Raises OSError."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        disk.make_folder(each)
        disk.sync_folder(each.parent)


def sync_folder(folder: Path) -> None:
    """Makes the folder's entries durable, so that a rename in it survives a crash. Raises OSError."""
    disk.sync_folder(folder)
