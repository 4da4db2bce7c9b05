"""Vectors that a build has computed and not committed yet, so that the next one need not compute them again.

Each file under ``pending/`` is a run of vectors of one model, named by the hash of its content; a file that is damaged
or of another model counts as none. A build that ends well leaves none behind.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Sequence, Set
from pathlib import Path

import numpy as np

from rag import durable
from rag.durable import TEMPORARY
from rag.stores import files
from rag.stores.keys import KEY_BYTES, split_keys
from rag.types import Matrix, Vector

FOLDER = "pending"
NAME = re.compile(r"[0-9a-f]{32}\.vectors")


class Pending:
    """The pending vectors of an index and of one model, by its fingerprint. The caller holds the builder's lock."""

    def __init__(self, index: Path, fingerprint: str) -> None:
        self._folder, self._fingerprint = index / FOLDER, fingerprint
        self._keys: dict[Path, frozenset[bytes]] = {}  # of the files read or written

    def vectors(self, encoder: str) -> dict[bytes, Vector]:
        """What is there of the encoder ``first`` or ``second``: texts' keys and their vectors."""
        found: dict[bytes, Vector] = {}
        for path in self._files():
            read = self._read(path, encoder)
            if read:
                self._keys[path] = frozenset(read)
            found.update(read)
        return found

    def add(self, encoder: str, keys: Sequence[bytes], vectors: Matrix) -> None:
        """Keeps the vectors of the texts with these keys; raises IndexUnusable where they cannot be written."""
        head = {"model": self._fingerprint, "encoder": encoder, "rows": len(keys), "dimension": vectors.shape[1]}
        data = json.dumps(head).encode() + b"\n" + b"".join(keys) + np.ascontiguousarray(vectors, "<f4").tobytes()
        path = self._folder / f"{_name(data)}.vectors"
        files.write(path, data)
        self._keys[path] = frozenset(keys)

    def drop(self, keys: Set[bytes]) -> None:
        """Removes the files of which all texts are among these, which are now kept elsewhere."""
        for path in [path for path, own in self._keys.items() if own <= keys]:
            del self._keys[path]
            with contextlib.suppress(OSError):
                durable.disk.remove(path)

    def clear(self) -> None:
        """Removes them all, those of other models too."""
        with contextlib.suppress(OSError):  # what cannot be removed is ignored again by the next build
            for path in self._folder.iterdir():
                if NAME.fullmatch(path.name) or path.name.startswith(TEMPORARY):
                    durable.disk.remove(path)
            durable.disk.remove_folder(self._folder)

    def _files(self) -> list[Path]:
        with contextlib.suppress(OSError):
            return sorted(path for path in self._folder.iterdir() if NAME.fullmatch(path.name))
        return []

    def _read(self, path: Path, encoder: str) -> dict[bytes, Vector]:
        try:
            data = path.read_bytes()
        except OSError:
            return {}
        if path.name != f"{_name(data)}.vectors":
            return {}
        line, _, body = data.partition(b"\n")
        head = json.loads(line)  # it is as it was written: its hash says so
        if (head["model"], head["encoder"]) != (self._fingerprint, encoder):
            return {}
        count = head["rows"]
        keys = split_keys(body[: count * KEY_BYTES])
        rows = np.frombuffer(body, "<f4", offset=count * KEY_BYTES).reshape(count, head["dimension"])
        return dict(zip(keys, rows.astype(np.float32), strict=True))


def _name(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
