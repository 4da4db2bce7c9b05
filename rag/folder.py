"""A folder of documents against what is indexed: what is new, changed, gone, renamed or the same.

Files are told apart by the SHA-256 of their bytes, so that a touched file is not read again and a renamed one is
recognised.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rag.errors import DocumentError, NothingToIndex
from rag.readers import file_type
from rag.types import Skipped

TEMPORARY_PREFIXES = (".", "~$", "~")  # hidden files; the lock files of word processors
TEMPORARY_SUFFIXES = ("~", ".tmp", ".part", ".crdownload", ".swp")


@dataclass(frozen=True, slots=True)
class File:
    """A file found: its path relative to the folder, with ``/``, and the SHA-256 of its bytes, in hexadecimal."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do so that the index holds what the folder holds. ``renamed`` maps the new path to the old."""

    added: tuple[File, ...]
    changed: tuple[File, ...]
    removed: tuple[str, ...]
    renamed: Mapping[str, str]
    unchanged: tuple[File, ...]


def scan(folder: Path, max_bytes: int, leave_out: Path | None = None) -> tuple[list[File], list[Skipped]]:
    """The folder's files, in order of their paths, and those that cannot be taken, with the reason.

    Hidden and temporary files are passed over, so is ``leave_out`` (the index, where it lies inside), and links
    that lead out of the folder are skipped. Raises NothingToIndex where the folder cannot be listed.
    """
    root = _checked(folder)
    files: list[File] = []
    skipped: list[Skipped] = []
    for path in _walk(root, leave_out.resolve() if leave_out else None, skipped):
        name = _name(path, root)
        try:
            files.append(File(_storable(name), _sha256(path, root, max_bytes)))
        except DocumentError as error:
            skipped.append(Skipped(_printable(name), str(error)))
    return sorted(files, key=lambda file: file.path), skipped


def compare(files: list[File], indexed: Mapping[str, str]) -> Plan:
    """The plan that takes ``indexed`` (path -> SHA-256) to ``files``."""
    here = {file.path: file for file in files}
    gone = {path: sha for path, sha in indexed.items() if path not in here}
    by_content: dict[tuple[str, str], list[str]] = {}
    for path in sorted(gone, reverse=True):
        by_content.setdefault((gone[path], file_type(path)), []).append(path)
    new = [file for file in files if file.path not in indexed]
    renamed = {file.path: old.pop() for file in new if (old := by_content.get((file.sha256, file_type(file.path))))}
    taken = set(renamed.values())
    return Plan(
        added=tuple(file for file in new if file.path not in renamed),
        changed=tuple(f for f in files if f.path in indexed and indexed[f.path] != f.sha256),
        removed=tuple(path for path in sorted(gone) if path not in taken),
        renamed=renamed,
        unchanged=tuple(f for f in files if indexed.get(f.path) == f.sha256),
    )


def _checked(folder: Path) -> Path:
    try:
        if not folder.exists():
            raise NothingToIndex(f"there is no folder {folder}: name the folder that holds the documents")
        if not folder.is_dir():
            raise NothingToIndex(f"{folder} is a file: name the folder that holds it")
        return folder.resolve()
    except OSError as error:
        raise NothingToIndex(f"{str(folder)[:60]} is no folder ({error.strerror}): name the folder") from error


def _walk(root: Path, leave_out: Path | None, skipped: list[Skipped]) -> Iterator[Path]:
    """Every candidate file below ``root``; folders that are links are not entered, unreadable ones are skipped."""

    def refuse(error: OSError) -> None:
        name = Path(error.filename)
        if name == root:
            raise NothingToIndex(f"the folder {name} cannot be listed ({error.strerror}): allow reading it") from error
        skipped.append(Skipped(_printable(_name(name, root)) + "/", f"cannot be listed: {error.strerror}"))

    for folder, folders, names in os.walk(root, onerror=refuse):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if _is_wanted(name) and here / name != leave_out)
        links = [_name(here / name, root) for name in folders if (here / name).is_symlink()]
        skipped += [Skipped(_printable(link) + "/", "a link to a folder is not followed") for link in links]
        yield from (here / name for name in sorted(names) if _is_wanted(name))


def _is_wanted(name: str) -> bool:
    return not name.startswith(TEMPORARY_PREFIXES) and not name.lower().endswith(TEMPORARY_SUFFIXES)


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _printable(name: str) -> str:
    return name.encode("utf-8", "replace").decode()


def _storable(name: str) -> str:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DocumentError("the file's name is not valid UTF-8: rename it") from error
    return name


def _sha256(path: Path, root: Path, max_bytes: int) -> str:
    try:
        if not path.resolve().is_relative_to(root):
            raise DocumentError("a link that leads out of the folder")
        if not path.is_file():
            raise DocumentError("not a regular file")
        if (size := path.stat().st_size) > max_bytes:
            raise DocumentError(
                f"{size / 2**20:.1f} MB is over the limit of {max_bytes / 2**20:g} MB: split it, or raise"
                " SNOSKA_MAX_FILE_MB"
            )
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DocumentError(f"cannot be read: {error.strerror}") from error
    except RuntimeError as error:  # a circle of links, as Python before 3.13 tells it
        raise DocumentError("not a regular file") from error
