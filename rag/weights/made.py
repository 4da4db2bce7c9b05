"""Folders made from a package's data: made once, under a lock, whole or not at all, and made again where damaged."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rag.durable import sync_folder
from rag.errors import ModelError

log = logging.getLogger(__name__)

MANIFEST = "snoska.json"  # written last: a folder without it is half made
PATIENCE_S = 300.0  # making takes seconds; only a hung process holds the lock for longer

Source = dict[str, Any]


def made(target: Path, source: Source, write: Callable[[Path], None]) -> Path:
    """``target``, filled by ``write`` where it is not there, damaged, or made from another ``source``.

    ``write`` gets an empty folder beside the target, which takes its place when all of it is on disk. Two processes
    may call this at once: one makes, the other waits. What a folder holds is known by each file's size and time, as
    make and git know theirs; where only the time differs, as in a copied cache, by its SHA-256, taken when it was made.

    Raises ModelError where another process holds the lock for too long, and OSError as writing does.
    """
    if _is_intact(target, source):
        return target
    from filelock import FileLock, Timeout

    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(target.with_name(f"{target.name}.lock"), timeout=PATIENCE_S):
            if not _is_intact(target, source):  # another process may have made it while this one waited
                _make(target, source, write)
    except Timeout as error:
        raise ModelError(f"another process has been making {target} for {PATIENCE_S:.0f} s: end it, or wait") from error
    return target


def _make(target: Path, source: Source, write: Callable[[Path], None]) -> None:
    """Writes beside ``target`` and renames, so that a folder of that name is always whole. Call under the lock."""
    log.info("making the bundled model in %s", target)
    for left_over in target.parent.glob(f"{target.name}.*.tmp"):
        shutil.rmtree(left_over)
    new = target.with_name(f"{target.name}.new.tmp")
    try:
        _write_whole(new, source, write)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)  # on a full disk, 490 MB matter
        raise
    if target.exists():
        log.info("the model folder %s is damaged or of an older recipe: it is replaced", target)
        old = target.with_name(f"{target.name}.old.tmp")
        target.rename(old)
        new.rename(target)
        shutil.rmtree(old)
    else:
        new.rename(target)
    sync_folder(target.parent)


def _write_whole(folder: Path, source: Source, write: Callable[[Path], None]) -> None:
    folder.mkdir()
    write(folder)
    for file in _files(folder):
        whole = int(file.stat().st_mtime)  # seconds: archives and container images keep no finer times
        os.utime(file, (whole, whole))
    manifest = {**source, "files": {file.relative_to(folder).as_posix(): _stamp(file) for file in _files(folder)}}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
    for file in _files(folder):
        _sync(file)


def _is_intact(folder: Path, source: Source) -> bool:
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        if {name: manifest[name] for name in source} != source:
            return False
        return all(_is_same(folder / name, stamp) for name, stamp in manifest["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.debug("%s is not an intact model folder: %r", folder, error)
        return False


def _is_same(file: Path, stamp: dict[str, Any]) -> bool:
    found = file.stat()
    if found.st_size != stamp["size"]:
        return False
    return bool(found.st_mtime_ns == stamp["mtime_ns"]) or _sha256(file) == stamp["sha256"]


def _stamp(file: Path) -> dict[str, Any]:
    found = file.stat()
    return {"size": found.st_size, "mtime_ns": found.st_mtime_ns, "sha256": _sha256(file)}


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sync(file: Path) -> None:
    with file.open("rb+") as stream:
        os.fsync(stream.fileno())
