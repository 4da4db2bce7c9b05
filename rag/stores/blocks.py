"""Large parts of an index, mapped into memory: a block is verified when it is first touched, and not before.

On disk such a part is its content and then the SHA-256 of each of its blocks; the part's own checksum, in the
manifest, is the SHA-256 of those. So opening reads a two-thousandth of the part, and nothing is used unverified.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import mmap
import os
import weakref
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rag.durable import NewFile
from rag.errors import IndexDamaged
from rag.stores.files import PARTS, REBUILD, Part, writing
from rag.types import Ids

BLOCK = 2**16  # bytes; a question touches some hundred blocks the first time, which is some hundredths of a second
WIDE = 512  # bytes: a vector; what is narrower is small as a whole
DIGEST = hashlib.sha256().digest_size
RESIDENT = 2**28  # bytes: a part no larger is read from its mapping throughout, in a fifth of the time
OPEN_FILES = 10_240  # each mapped part counts as one; systems allow 256 or 1,024 until a process asks for more


class BlockWriter:
    """Writes a mapped part piece by piece; :attr:`part` says what it is once the ``with`` block has ended well.

    Raises IndexUnusable where the system does not let it.
    """

    def __init__(self, folder: Path, ending: str) -> None:
        self._folder, self._ending = folder / PARTS, ending
        self._part: Part | None = None

    def __enter__(self) -> BlockWriter:
        with writing(self._folder):
            self._new = NewFile(self._folder)
        self._held, self._digests, self.size = bytearray(), bytearray(), 0
        return self

    def write(self, data: bytes | memoryview) -> None:
        """Appends bytes."""
        self._held += data
        self.size += len(data)
        whole = len(self._held) - len(self._held) % BLOCK
        if whole:
            self._put(bytes(memoryview(self._held)[:whole]))
            del self._held[:whole]

    def write_array(self, array: NDArray[Any]) -> None:
        """Appends an array's bytes, row by row, lowest byte first."""
        little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        self.write(little.tobytes())

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        with writing(self._folder), self._new:
            if kind is None:
                self._finish()

    @property
    def part(self) -> Part:
        if self._part is None:
            raise RuntimeError("a part has no name before it is written")
        return self._part

    def _put(self, data: bytes) -> None:
        with writing(self._folder):
            self._new.write(data)
        for start in range(0, len(data), BLOCK):
            self._digests += hashlib.sha256(data[start : start + BLOCK]).digest()

    def _finish(self) -> None:
        if self._held:
            self._put(bytes(self._held))
        self._new.write(self._digests)
        sha256 = hashlib.sha256(self._digests).hexdigest()
        part = Part(f"{sha256[:32]}.{self._ending}", self.size, sha256)
        self._new.put(self._folder / part.file, same=True)
        self._part = part


class Blocks:
    """A mapped part, opened: its size and its blocks' checksums are verified, its blocks as they are touched.

    Safe for several threads. A part of one block is read, not mapped. Raises IndexDamaged naming the part.
    """

    def __init__(self, folder: Path, part: Part, role: str) -> None:
        self.path, self.size, self._role = folder / PARTS / part.file, part.size, role
        count = -(-part.size // BLOCK)
        try:
            with self.path.open("rb") as stream:
                whole = os.fstat(stream.fileno()).st_size
                if whole != part.size + count * DIGEST:
                    raise IndexDamaged(f"{role}: {self.path} has another size than was written: {REBUILD}")
                self._map = _mapped(stream.fileno(), whole) if count > 1 else stream.read()
                stream.seek(part.size)
                self._digests = stream.read()
        except FileNotFoundError as error:
            raise IndexDamaged(f"{role}: {self.path} is missing: {REBUILD}") from error
        except OSError as error:
            raise IndexDamaged(f"{role}: {self.path} cannot be read ({error.strerror}): {REBUILD}") from error
        if hashlib.sha256(self._digests).hexdigest() != part.sha256:
            raise self.damaged()
        self._unread = np.ones(count, dtype=bool)
        self._left = count
        self._file: int | None = None

    def file(self) -> int | None:
        """A descriptor to read the part by, which verifying it then does too; None where the system reads no places."""
        if self._file is None and hasattr(os, "preadv"):
            self._file = os.open(self.path, os.O_RDONLY)
            weakref.finalize(self, os.close, self._file)
        return self._file

    def verify(self, start: int, stop: int) -> None:
        """Sees to it that the bytes ``[start, stop)`` are those written."""
        if self._left and start < stop:
            self._verify(np.arange(start // BLOCK, (stop - 1) // BLOCK + 1))

    def verify_rows(self, rows: Ids, width: int) -> None:
        """Sees to it that these rows of ``width`` bytes are those written."""
        if self._left and len(rows):
            starts = np.asarray(rows, dtype=np.int64) * width
            firsts, lasts = starts // BLOCK, (starts + width - 1) // BLOCK
            self._verify(np.unique(np.concatenate([firsts, lasts])) if width <= BLOCK else _between(firsts, lasts))

    def verify_all(self) -> None:
        """Sees to it that all bytes are those written."""
        self.verify(0, self.size)

    def array(self, dtype: DTypeLike, width: int = 0) -> NDArray[Any]:
        """The content as an array (rows,) or (rows, width), mapped and not verified: see :class:`Column`."""
        flat = np.frombuffer(
            self._map, dtype=np.dtype(dtype).newbyteorder("<"), count=self.size // np.dtype(dtype).itemsize
        )
        return flat.reshape(-1, width) if width else flat

    def bytes(self, start: int = 0, stop: int | None = None) -> bytes:
        """The bytes ``[start, stop)``, verified."""
        stop = self.size if stop is None else stop
        self.verify(start, stop)
        return bytes(self._map[start:stop])

    def _verify(self, blocks: NDArray[np.int64]) -> None:
        for block in blocks[self._unread[blocks]].tolist():
            start, stop = block * BLOCK, min((block + 1) * BLOCK, self.size)
            data = (
                memoryview(self._map)[start:stop] if self._file is None else os.pread(self._file, stop - start, start)
            )
            if hashlib.sha256(data).digest() != self._digests[block * DIGEST : (block + 1) * DIGEST]:
                raise self.damaged()
            self._unread[block] = False
        self._left = int(self._unread.any())

    def damaged(self) -> IndexDamaged:
        """The error that names this part."""
        return IndexDamaged(f"{self._role}: {self.path} differs from its checksum: {REBUILD}")


class Column:
    """A mapped part as an array of rows, of which those asked for are verified and copied.

    Wide rows of a large part are read from the file rather than from its mapping: each page that is touched there, and
    fifteen around it, would count as this process's memory.
    """

    def __init__(self, blocks: Blocks, dtype: DTypeLike, width: int = 0) -> None:
        self._blocks, self._rows = blocks, blocks.array(dtype, width)
        self._bytes = np.dtype(dtype).itemsize * max(1, width)
        self._file = blocks.file() if self._bytes >= WIDE and blocks.size > RESIDENT else None

    def __len__(self) -> int:
        return len(self._rows)

    def take(self, rows: Ids) -> NDArray[Any]:
        """These rows, in the order given."""
        self._blocks.verify_rows(rows, self._bytes)
        return self._rows[rows] if self._file is None else self._read(self._file, np.asarray(rows, dtype=np.int64))

    def _read(self, file: int, rows: Ids) -> NDArray[Any]:
        """These rows from the file, neighbours at once."""
        found = np.empty((len(rows), *self._rows.shape[1:]), dtype=self._rows.dtype)
        if len(rows) == 0:
            return found
        target = memoryview(found.data).cast("B")
        starts = np.flatnonzero(np.diff(rows, prepend=rows[0] - 2) != 1)
        stops = [*starts[1:].tolist(), len(rows)]
        places = (rows[starts] * self._bytes).tolist()
        for start, stop, place in zip((starts * self._bytes).tolist(), stops, places, strict=True):
            piece = target[start : stop * self._bytes]
            if os.preadv(file, [piece], place) != len(piece):  # it was cut off since it was opened
                raise self._blocks.damaged()
        return found

    def slice(self, start: int, stop: int) -> NDArray[Any]:
        """The rows ``[start, stop)``, without a copy."""
        self._blocks.verify(start * self._bytes, stop * self._bytes)
        return self._rows[start:stop]

    def all(self) -> NDArray[Any]:
        """All rows, without a copy."""
        return self.slice(0, len(self))


def _mapped(file: int, size: int) -> mmap.mmap:
    _allow_open_files()
    return mmap.mmap(file, size, access=mmap.ACCESS_READ)


@functools.cache
def _allow_open_files() -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # Windows has none, and no such limit

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
        if soft not in (resource.RLIM_INFINITY, wanted) and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _between(firsts: NDArray[np.int64], lasts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.unique(np.concatenate([np.arange(a, b + 1) for a, b in zip(firsts, lasts, strict=True)]))
