"""The index on disk, as files: parts named by their content, a manifest that names the parts, a pointer to it.

All bytes of an index go through :mod:`rag.durable`; committing is the atomic replacement of the pointer. The layout is
written down in ``docs/index-format.md``.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from rag import durable
from rag.durable import TEMPORARY, NewFile
from rag.errors import IndexBusy, IndexDamaged, IndexMismatch, IndexMissing, IndexUnusable
from rag.types import Json

FORMAT = 2  # of the layout; any other is refused, with what to do
POINTER = "CURRENT"
PARTS = "parts"
LOCK = ".lock"
PART_NAME = re.compile(r"[0-9a-f]{32}(\.[a-z]+)+")
REBUILD = "run 'snoska build --rebuild'"
FULL = {errno.ENOSPC, *({errno.EDQUOT} if hasattr(errno, "EDQUOT") else ())}  # Windows knows no quota by this number
LOCKLESS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}  # of flock; a lock by a file outlives its process

# What taking apart a value raises that is not what was written, though its checksum holds: a forged one, or a fault.
MISREAD = (
    ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, SyntaxError, TypeError, ValueError,
    zlib.error,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """A file of the index: its name under ``parts/``, its size in bytes and its content's SHA-256."""

    file: str
    size: int
    sha256: str

    @classmethod
    def from_json(cls, value: Json) -> Part:
        """Raises IndexDamaged where the value names no part: nothing else leads into the index's folder."""
        try:
            part = cls(value["file"], value["size"], value["sha256"])
            if PART_NAME.fullmatch(part.file) and type(part.size) is int and part.size >= 0:
                return part
        except (KeyError, TypeError) as error:
            raise IndexDamaged(f"{value!r:.60} names no part of an index: {REBUILD}") from error
        raise IndexDamaged(f"{part.file!r:.60} is no part's name: {REBUILD}")

    def to_json(self) -> Json:
        return {"file": self.file, "size": self.size, "sha256": self.sha256}


@contextlib.contextmanager
def understood(role: str) -> Iterator[None]:
    """Raises IndexDamaged that names ``role`` where what it holds is not what such a part holds; a decorator, too."""
    try:
        yield
    except MISREAD as error:
        told = f"{role}: it holds what no such part holds ({type(error).__name__})"
        raise IndexDamaged(f"{told}: {REBUILD}") from error


@contextlib.contextmanager
def builder_lock(folder: Path) -> Iterator[None]:
    """Held while the index is written; the system drops it with the process. Raises IndexBusy where it is taken."""
    lock = FileLock(folder / LOCK, timeout=0, fallback_to_soft=False)
    with writing(folder):
        durable.make_folder(folder)
        try:
            lock.acquire()
        except Timeout as error:
            raise IndexBusy(f"another process is building {folder}: wait until it has finished") from error
    try:
        yield
    finally:
        lock.release()


def write_part(folder: Path, data: bytes, ending: str) -> Part:
    """Stores ``data`` under a name made from its hash; a part that is there already is not written again."""
    digest = hashlib.sha256(data).hexdigest()
    part = Part(f"{digest[:32]}.{ending}", len(data), digest)
    target = folder / PARTS / part.file
    if not _holds(target, part):
        write(target, data)
    return part


def read_part(folder: Path, part: Part, role: str) -> bytes:
    """The part's bytes, verified; raises IndexDamaged naming the part where they are not those written."""
    path = folder / PARTS / part.file
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise IndexDamaged(f"{role}: {path} is missing: {REBUILD}") from error
    except OSError as error:
        raise IndexDamaged(f"{role}: {path} cannot be read ({error.strerror}): {REBUILD}") from error
    if len(data) != part.size or _hash(data) != part.sha256:
        raise IndexDamaged(f"{role}: {path} differs from its checksum: {REBUILD}")
    return data


def commit(folder: Path, manifest: Json) -> None:
    """Makes the manifest's generation the current one: its bytes first, then the pointer, each made durable.

    Whatever a killed build has left half done is made durable too: parts that are found and not written again, their
    folder's place in the index's, and the index's own.
    """
    part = write_part(folder, to_bytes(manifest), "manifest.json")
    with writing(folder):
        durable.sync_folder(folder / PARTS)
        durable.sync_folder(folder)
        with contextlib.suppress(PermissionError):  # a folder that may only be passed through cannot be opened
            durable.sync_folder(folder.absolute().parent)
    write(folder / POINTER, to_bytes({"format": FORMAT, "manifest": part.to_json()}))


def current(folder: Path) -> tuple[Part, Json]:
    """The current manifest and the part that holds it; raises as its two halves do.

    Whoever holds no lock may find the manifest swept meanwhile: :func:`rag.stores.opening.open_store` tries again.
    """
    part = pointed(folder)
    return part, read_manifest(folder, part)


def read_manifest(folder: Path, part: Part) -> Json:
    """The manifest that a part holds. Raises IndexDamaged."""
    try:
        manifest: Json = json.loads(read_part(folder, part, "manifest"))
        if {"model", "analysis"} <= manifest.keys() and ("parts" in manifest or "segments" in manifest):
            return manifest
    except (ValueError, AttributeError, RecursionError) as error:
        raise IndexDamaged(f"manifest: {part.file} is no manifest: {REBUILD}") from error
    raise IndexDamaged(f"manifest: {part.file} is no manifest: {REBUILD}")


def pointed(folder: Path) -> Part:
    """The part that holds the current manifest.

    Raises IndexMissing, IndexMismatch (a newer or an older format) or IndexDamaged.
    """
    try:
        pointer = json.loads((folder / POINTER).read_bytes())
    except FileNotFoundError as error:
        raise IndexMissing(f"there is no index in {folder}: run 'snoska build' first") from error
    except NotADirectoryError as error:
        raise IndexMissing(f"{folder} is not a folder: name the folder of an index") from error
    except OSError as error:
        raise IndexMissing(f"the index in {folder} cannot be read ({error.strerror}): allow reading it") from error
    except (ValueError, RecursionError) as error:
        raise IndexDamaged(f"pointer: {folder / POINTER} is damaged: {REBUILD}") from error
    version = pointer.get("format") if isinstance(pointer, dict) else None
    if not isinstance(version, int):
        raise IndexDamaged(f"pointer: {folder / POINTER} is damaged: {REBUILD}")
    if version != FORMAT:
        remedy = "use a newer Snoska" if version > FORMAT else "run 'snoska build'"
        raise IndexMismatch(f"the index in {folder} has format {version}, this Snoska reads {FORMAT}: {remedy}")
    try:
        return Part.from_json(pointer["manifest"])
    except (KeyError, TypeError, IndexDamaged) as error:
        raise IndexDamaged(f"pointer: {folder / POINTER} is damaged: {REBUILD}") from error


def is_outdated(folder: Path) -> bool:
    """Whether the index in the folder has an older format, so that a build makes it anew."""
    try:
        version = json.loads((folder / POINTER).read_bytes())["format"]
    except (OSError, ValueError, RecursionError, LookupError, TypeError):
        return False
    return isinstance(version, int) and version < FORMAT


def sweep(folder: Path, keep: Iterable[str]) -> None:
    """Removes the parts that are not in ``keep``, and temporary files that a crash has left."""
    wanted = set(keep)
    for path in [*(folder / PARTS).iterdir(), *folder.iterdir()]:  # what is not ours is left alone
        is_ours = path.name.startswith(TEMPORARY) or (path.parent.name == PARTS and PART_NAME.fullmatch(path.name))
        if is_ours and path.name not in wanted and path.is_file():
            with writing(path.parent), contextlib.suppress(PermissionError):  # Windows keeps what is mapped, till later
                durable.disk.remove(path)


def write(target: Path, data: bytes) -> None:
    """Writes a file whole or not at all. Raises IndexUnusable where the system does not let it."""
    with writing(target.parent), NewFile(target.parent) as new:
        new.write(data)
        new.put(target)


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Tells what the system does not let be done to the folder as IndexUnusable."""
    try:
        yield
    except OSError as error:
        raise unwritable(folder, error) from error


def unwritable(folder: Path, error: OSError) -> IndexUnusable:
    """The error that says what is wrong with the folder, and what to do."""
    if isinstance(error, FileExistsError | NotADirectoryError):
        return IndexUnusable(f"{folder} is not a folder: name the folder of an index")
    return IndexUnusable(f"{folder} cannot be written ({error.strerror}): {remedy(error)}, or name another --index")


def remedy(error: OSError) -> str:
    """What to do, where a folder cannot be written."""
    known = {
        **dict.fromkeys(FULL, "make room there"),
        errno.EIO: "see to its disk, which fails",
        **dict.fromkeys(LOCKLESS, "use a file system with locks"),
    }
    return known.get(error.errno or 0, "allow it")


def _holds(path: Path, part: Part) -> bool:
    """Whether the file holds what the part does. One that cannot be read does not."""
    try:
        return path.stat().st_size == part.size and _hash(path.read_bytes()) == part.sha256
    except OSError:
        return False


def to_bytes(value: Json) -> bytes:
    """JSON in one form only, so that equal values have equal hashes."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8")


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
