"""Files that visitors upload: kept in a private folder of the index, under names that cannot leave it.

A file is written as those of the index are (:mod:`rag.durable`), under a temporary name, which is hidden: it is there
whole or not at all.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
import unicodedata
from pathlib import Path

from rag import durable
from rag.durable import PRIVATE, TEMPORARY, NewFile
from rag.folder import UPLOADS
from rag.readers import READERS, file_type

MAX_FILES = 2_000  # that are kept; a larger collection is a folder of documents
NAME_BYTES = 200  # of UTF-8: systems allow 255, and a number may follow
OWNERS = 0o700  # of the folder, which nobody else may list
ABANDONED = 3600.0  # seconds without a byte, after which a temporary file is one that a crash has left

FORBIDDEN = re.compile(r'[<>:"|?*]')  # by Windows; a colon would name a stream there, the others are a glob's
UNSEEN = ("Cc", "Cf", "Cs")  # control and format characters, such as those that turn the line's direction
DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(?=\.| *$| +\.)", re.IGNORECASE)


class Refused(Exception):  # named for what happened, as the house's errors are
    """A file that is not kept; ``reason`` is the key of the sentence that says why, ``status`` HTTP's."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.reason, self.status = reason, status


def kept_name(given: str) -> str:
    """The name under which a file called ``given`` is kept: as it reads, but one that any system takes, and that leads
    nowhere. Raises Refused where no reader reads files of its ending."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", given))[-1]
    seen = "".join(sign for sign in last if sign.isspace() or unicodedata.category(sign) not in UNSEEN)
    name = FORBIDDEN.sub("_", " ".join(seen.split())).lstrip(".~$ ").rstrip(". ")
    kind = file_type(name)
    if kind not in READERS:
        raise Refused("type", 415)
    if DEVICES.match(name):
        name = f"_{name}"
    ending = name[-len(kind) - 1 :]
    stem = name[: -len(ending)].encode("utf-8")[: NAME_BYTES - len(ending)].decode("utf-8", "ignore").rstrip(". ")
    return stem + ending


class Uploads:
    """The files uploaded to an index; several may come at once, all to one object. ``documents`` is the user's own
    folder, ``max_bytes`` are one file's, ``max_total`` those of all together."""

    def __init__(self, index: Path, documents: Path, max_bytes: int, max_total: int) -> None:
        self.folder, self.max_bytes, self.max_total = index / UPLOADS, max_bytes, max_total
        self._own = documents / UPLOADS
        self._lock = threading.Lock()  # of the folder; it is held as long as the disk takes
        self._coming: list[int] = []  # the bytes that are held free for each file that is being received
        self._counting = threading.Lock()  # of these, which the server's loop takes too

    def names(self) -> dict[str, str]:
        """The files that are kept, by their names composed."""
        return {unicodedata.normalize("NFC", name): name for name in self._kept()}

    def receive(self, given: str, size: int | None) -> Receiving:
        """Begins to take a file of this name in, of ``size`` bytes where that is known. Raises Refused, and OSError
        as its methods do."""
        name = kept_name(given)
        most = self.max_bytes if size is None else size
        if most > self.max_bytes:
            raise Refused("large", 413)
        if self._own.is_dir():
            raise Refused("clash", 409)
        with self._lock:
            kept = self._kept()
            with self._counting:
                coming = list(self._coming)
            if len(kept) + len(coming) >= MAX_FILES:
                raise Refused("number", 409)
            if sum(kept.values()) + sum(coming) + most > self.max_total:
                raise Refused("room", 409)
            self._make_folder()
            receiving = Receiving(self, name, most)
            with self._counting:
                self._coming.append(most)
            return receiving

    def remove(self, document: str) -> None:
        """Deletes the file of a document that was uploaded. Raises Refused where there is none."""
        name = self.names().get(document.removeprefix(f"{UPLOADS}/")) if document.startswith(f"{UPLOADS}/") else None
        if name is None:
            raise Refused("gone", 404)
        with self._lock:
            durable.disk.remove(self.folder / name)
            durable.sync_folder(self.folder)
            with contextlib.suppress(OSError):  # it is not empty
                durable.disk.remove_folder(self.folder)

    def keep(self, new: NewFile, name: str) -> str:
        """Gives a whole file its name, with a number where it is taken; the document's path."""
        with self._lock:
            taken = {each.casefold() for each in self.names()}
            free, number, ending = name, 1, f".{file_type(name)}"
            while free.casefold() in taken:
                number += 1
                free = f"{name[: -len(ending)]} ({number}){name[-len(ending) :]}"
            new.put(self.folder / free)
        return f"{UPLOADS}/{free}"

    def over(self, most: int) -> None:
        """A file that was received, or broke off, holds no bytes free any more."""
        with self._counting:
            self._coming.remove(most)

    def _kept(self) -> dict[str, int]:
        """The files that are kept, as they are called, with their bytes."""
        kept = {}
        with contextlib.suppress(FileNotFoundError), os.scandir(self.folder) as entries:
            for entry in entries:
                if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False):
                    with contextlib.suppress(FileNotFoundError):  # it was removed just now
                        kept[entry.name] = entry.stat(follow_symlinks=False).st_size
        return kept

    def _make_folder(self) -> None:
        durable.make_folder(self.folder)
        self.folder.chmod(OWNERS)
        durable.sync_folder(self.folder.parent)  # an upload before this one may have been killed before it came to that
        for left in self.folder.glob(f"{TEMPORARY}*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - left.stat().st_mtime > ABANDONED:
                    durable.disk.remove(left)


class Receiving:
    """A file that is being uploaded, of at most ``most`` bytes; used as a context, at whose end nothing is left of one
    that is not kept. Its methods raise OSError where the disk does not take it."""

    def __init__(self, uploads: Uploads, name: str, most: int) -> None:
        self._uploads, self._name, self._most, self._size = uploads, name, most, 0
        self._new = NewFile(uploads.folder, mode=PRIVATE)

    def __enter__(self) -> Receiving:
        return self

    def __exit__(self, *error: object) -> None:
        self._new.discard()
        self._uploads.over(self._most)

    def write(self, data: bytes) -> None:
        """Takes the next bytes; raises Refused where they are too many."""
        self._size += len(data)
        if self._size > self._most:
            raise Refused("large", 413)
        self._new.write(data)

    def finish(self) -> str:
        """Keeps the file; the path of its document. Raises Refused where it is empty."""
        if not self._size:
            raise Refused("empty", 422)
        self._new.seal()  # before the others are kept waiting
        return self._uploads.keep(self._new, self._name)
