"""Files that visitors upload: kept in a private folder of the index, under names that cannot leave it.

A file is written under a temporary name, which is hidden, made durable, and then renamed: it is there whole or not at
all.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import threading
import time
import unicodedata
from pathlib import Path

from rag.durable import sync_folder
from rag.folder import UPLOADS
from rag.readers import READERS, file_type

MAX_FILES = 2_000  # that are kept; a larger collection is a folder of documents
NAME_BYTES = 200  # of UTF-8: systems allow 255, and a number may follow
PRIVATE = 0o700
TEMPORARY = ".new-"
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
    """The files uploaded to an index; several may come at once. ``documents`` is the user's own folder."""

    def __init__(self, index: Path, documents: Path, max_bytes: int) -> None:
        self.folder, self.max_bytes = index / UPLOADS, max_bytes
        self._own = documents / UPLOADS
        self._lock = threading.Lock()

    def names(self) -> dict[str, str]:
        """The files that are kept, by their names composed."""
        try:
            with os.scandir(self.folder) as entries:
                return {
                    unicodedata.normalize("NFC", entry.name): entry.name
                    for entry in entries
                    if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False)
                }
        except FileNotFoundError:
            return {}

    def receive(self, given: str, size: int | None) -> Receiving:
        """Begins to take a file of this name in, of ``size`` bytes where that is known. Raises Refused."""
        name = kept_name(given)
        if size is not None and size > self.max_bytes:
            raise Refused("large", 413)
        if self._own.is_dir():
            raise Refused("clash", 409)
        if len(self.names()) >= MAX_FILES:
            raise Refused("number", 409)
        with self._lock:
            self._make_folder()
            return Receiving(self, name)

    def remove(self, document: str) -> None:
        """Deletes the file of a document that was uploaded. Raises Refused where there is none."""
        name = self.names().get(document.removeprefix(f"{UPLOADS}/")) if document.startswith(f"{UPLOADS}/") else None
        if name is None:
            raise Refused("gone", 404)
        with self._lock:
            (self.folder / name).unlink(missing_ok=True)
            sync_folder(self.folder)
            with contextlib.suppress(OSError):  # it is not empty
                self.folder.rmdir()

    def keep(self, temporary: Path, name: str) -> str:
        """Gives a whole file its name, with a number where it is taken; the document's path."""
        with self._lock:
            taken = {each.casefold() for each in self.names()}
            free, number, ending = name, 1, f".{file_type(name)}"
            while free.casefold() in taken:
                number += 1
                free = f"{name[: -len(ending)]} ({number}){name[-len(ending) :]}"
            temporary.rename(self.folder / free)
        sync_folder(self.folder)
        return f"{UPLOADS}/{free}"

    def _make_folder(self) -> None:
        self.folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        self.folder.chmod(PRIVATE)
        sync_folder(self.folder.parent)
        for left in self.folder.glob(f"{TEMPORARY}*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - left.stat().st_mtime > ABANDONED:
                    left.unlink()


class Receiving:
    """A file that is being uploaded; used as a context, at whose end nothing is left of one that is not kept."""

    def __init__(self, uploads: Uploads, name: str) -> None:
        self._uploads, self._name, self._size = uploads, name, 0
        handle, path = tempfile.mkstemp(prefix=TEMPORARY, dir=uploads.folder)
        self._path, self._stream = Path(path), os.fdopen(handle, "wb")

    def __enter__(self) -> Receiving:
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.close()
        self._path.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """Takes the next bytes; raises Refused where they are too many."""
        self._size += len(data)
        if self._size > self._uploads.max_bytes:
            raise Refused("large", 413)
        self._stream.write(data)

    def finish(self) -> str:
        """Keeps the file; the path of its document. Raises Refused where it is empty."""
        if not self._size:
            raise Refused("empty", 422)
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        return self._uploads.keep(self._path, self._name)
