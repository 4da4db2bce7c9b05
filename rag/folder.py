"""A folder of documents against what is indexed: what is new, changed, gone, renamed or the same.

Files are told apart by the SHA-256 of their bytes, so that a touched file is not read again and a renamed one is
recognised. A sidecar, ``X.meta.json``, is part of the document beside it. What was uploaded on the page lies in the
index, in a folder of its own, and is indexed with the rest, under ``uploads/``.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rag.errors import DocumentError, NothingToIndex
from rag.ignore import Rules, is_hidden, is_temporary
from rag.readers import file_type
from rag.readers.encodings import decode_name
from rag.types import Skipped

SIDECAR = ".meta.json"
UPLOADS = "uploads"  # the folder within the index, and the first part of its documents' paths
KEPT = "this name is kept for what is uploaded on the page: rename the folder, or remove what was uploaded"

Roots = Mapping[str, Path]  # the folders that documents lie in, by what their paths begin with: "", "uploads/"

Content = tuple[str, str, str]  # what a document follows from: its SHA-256, its ending, its sidecar's SHA-256


@dataclass(frozen=True, slots=True)
class File:
    """A file found. ``path`` is relative to the folder, with ``/``, as it is shown and cited: Unicode, composed.

    ``sha256`` is that of its bytes, in hexadecimal, ``sidecar_sha256`` that of its sidecar's, empty where it has none.
    ``name`` and ``sidecar`` are what the system calls the two, relative to the folder; ``name`` is empty where it is
    the path. All three begin with the folder's prefix, where there are several folders.
    """

    path: str
    sha256: str
    name: str = ""
    sidecar: str = ""
    sidecar_sha256: str = ""

    @property
    def source(self) -> str:
        """What to open, relative to the folder."""
        return self.name or self.path

    @property
    def content(self) -> Content:
        return self.sha256, file_type(self.path), self.sidecar_sha256


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do so that the index holds what the folder holds. ``renamed`` maps the new path to the old."""

    added: tuple[File, ...]
    changed: tuple[File, ...]
    removed: tuple[str, ...]
    renamed: Mapping[str, str]
    unchanged: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """A file as listed: where it is, what it is called, and its path as it is shown."""

    place: Path
    name: str
    path: str


def roots(documents: Path, index: Path) -> Roots:
    """The folder of documents, and that of what was uploaded to the index, where there is one."""
    uploads = index / UPLOADS
    return {"": documents, f"{UPLOADS}/": uploads} if uploads.is_dir() else {"": documents}


def place(roots: Roots, source: str) -> Path:
    """The file that a :attr:`File.source` names."""
    prefix = max(filter(source.startswith, roots), key=len)
    return roots[prefix] / source.removeprefix(prefix)


def scan_all(roots: Roots, max_bytes: int, leave_out: Path | None = None) -> tuple[list[File], list[Skipped]]:
    """What :func:`scan` says of several folders as one.

    Where a folder's own subfolder has the name that another one goes by, the subfolder is skipped.
    """
    files: list[File] = []
    skipped: list[Skipped] = []
    for prefix, folder in roots.items():
        found, left = scan(folder, max_bytes, leave_out)
        others = tuple(other for other in roots if other != prefix and other.startswith(prefix))
        taken = {other for other in others if any(each.path.startswith(other) for each in found)}
        files += [_under(prefix, each) for each in found if not each.path.startswith(others)]
        skipped += [Skipped(prefix + each.file, each.reason) for each in left if not each.file.startswith(others)]
        skipped += [Skipped(other, KEPT) for other in sorted(taken)]
    return sorted(files, key=lambda file: file.path), skipped


def _under(prefix: str, file: File) -> File:
    name, sidecar = (each and prefix + each for each in (file.name, file.sidecar))
    return replace(file, path=prefix + file.path, name=name, sidecar=sidecar)


def scan(folder: Path, max_bytes: int, leave_out: Path | None = None) -> tuple[list[File], list[Skipped]]:
    """The folder's documents, in order of their paths, and the files that cannot be taken, with the reason.

    Passed over are hidden and temporary files, ``leave_out`` (the index, where it lies inside), and what the rules in
    ``.snoskaignore`` name; links that lead out of the folder are skipped. Raises NothingToIndex where the folder
    cannot be listed, ConfigurationError where rules cannot be used.
    """
    root = checked(folder)
    files: list[File] = []
    skipped: list[Skipped] = []
    found = _apart(list(_walk(root, leave_out.resolve() if leave_out else None, skipped)))
    sidecars = {each.path[: -len(SIDECAR)]: each for each in found if each.path.lower().endswith(SIDECAR)}
    hashes: dict[str, str] = {}
    for base, sidecar in sidecars.items():
        try:
            hashes[base] = _sha256(sidecar.place, root, max_bytes)
        except DocumentError as error:
            skipped.append(Skipped(sidecar.path, str(error)))
    described = set()
    for each in found:
        if each.path.lower().endswith(SIDECAR):
            continue
        base = next((base for base in (each.path, _stem(each.path)) if base in sidecars), "")
        described.add(base)
        try:
            sha256 = _sha256(each.place, root, max_bytes)
        except DocumentError as error:
            skipped.append(Skipped(each.path, str(error)))
            continue
        sidecar_name = sidecars[base].name if base in hashes else ""
        name = each.name if each.name != each.path else ""
        files.append(File(each.path, sha256, name, sidecar_name, hashes.get(base, "")))
    idle = (sidecars[base].path for base in sorted(hashes.keys() - described))
    skipped += [Skipped(path, "it describes no document: none of its name lies beside it") for path in idle]
    return sorted(files, key=lambda file: file.path), skipped


def compare(files: Sequence[File], indexed: Mapping[str, Content]) -> Plan:
    """The plan that takes ``indexed`` (path -> content) to ``files``."""
    here = {file.path for file in files}
    gone = {path: content for path, content in indexed.items() if path not in here}
    by_content: dict[Content, list[str]] = {}
    for path in sorted(gone, reverse=True):
        by_content.setdefault(gone[path], []).append(path)
    new = [file for file in files if file.path not in indexed]
    renamed = {file.path: old.pop() for file in new if (old := by_content.get(file.content))}
    taken = set(renamed.values())
    return Plan(
        added=tuple(file for file in new if file.path not in renamed),
        changed=tuple(f for f in files if f.path in indexed and indexed[f.path] != f.content),
        removed=tuple(path for path in sorted(gone) if path not in taken),
        renamed=renamed,
        unchanged=tuple(f for f in files if indexed.get(f.path) == f.content),
    )


def checked(folder: Path) -> Path:
    """The folder, its links followed; raises NothingToIndex where there is none."""
    try:
        if not folder.exists():
            raise NothingToIndex(f"there is no folder {folder}: name the folder that holds the documents")
        if not folder.is_dir():
            raise NothingToIndex(f"{folder} is a file: name the folder that holds it")
        return folder.resolve()
    except OSError as error:
        raise NothingToIndex(f"{str(folder)[:60]} is no folder ({error.strerror}): name the folder") from error


def _walk(root: Path, leave_out: Path | None, skipped: list[Skipped]) -> Iterator[_Found]:
    """Every candidate file below ``root``; folders that are links are not entered, unreadable ones are skipped."""
    waiting = [(root, "", "", Rules())]
    while waiting:
        folder, name, path, above = waiting.pop()
        try:
            with os.scandir(folder) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except OSError as error:
            if folder == root:
                raise NothingToIndex(
                    f"the folder {root} cannot be listed ({error.strerror}): allow reading it"
                ) from error
            skipped.append(Skipped(path, f"cannot be listed: {error.strerror}"))
            continue
        rules = above.within(folder, path)
        for entry in entries:
            shown = path + _shown(entry.name)
            is_folder = _is_folder(entry)
            if is_hidden(entry.name) or rules.ignore(shown + "/" * is_folder) or folder / entry.name == leave_out:
                continue
            if not is_folder:
                if not is_temporary(entry.name):
                    yield _Found(folder / entry.name, name + entry.name, shown)
            elif entry.is_symlink():
                skipped.append(Skipped(shown + "/", "a link to a folder is not followed"))
            else:
                waiting.append((folder / entry.name, f"{name}{entry.name}/", f"{shown}/", rules))


def _apart(found: list[_Found]) -> list[_Found]:
    """The files with a path each: of those whose names are shown alike, all but one get a number.

    The one whose name is written so keeps it, the others follow in the order of their bytes.
    """
    taken = {each.path for each in found}
    kept: set[str] = set()
    apart = []
    for each in sorted(found, key=lambda each: (each.path, each.name != each.path, os.fsencode(each.name))):
        path, number = each.path, 1
        while path in kept or (number > 1 and path in taken):
            number += 1
            path = _numbered(each.path, number)
        kept.add(path)
        apart.append(_Found(each.place, each.name, path))
    return apart


def _numbered(path: str, number: int) -> str:
    """``a/отчёт (2).txt``: the ending stays, as it says how the file is read."""
    stem = _stem(path)
    return f"{stem} ({number}){path[len(stem) :]}"


def _stem(path: str) -> str:
    """The path without its last ending."""
    return path.rpartition(".")[0] if file_type(path) else path


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a circle of links, which is no file either
        return False


def _shown(name: str) -> str:
    """A file's name as a reader sees it: decoded where it is not UTF-8, and composed, as macOS does not write it."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        name = decode_name(os.fsencode(name))
    return unicodedata.normalize("NFC", name)


def _sha256(path: Path, root: Path, max_bytes: int) -> str:
    try:
        if path.is_symlink() and not path.exists():
            raise DocumentError("a link that leads nowhere")
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
