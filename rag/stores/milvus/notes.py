"""Values that are larger than a field: JSON, deflated, in pieces; and collections of such values by their names."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

from rag.errors import IndexDamaged
from rag.stores.milvus.layout import PIECE, quoted
from rag.stores.milvus.server import Server
from rag.types import Json

NOWHERE = [1.0, 0.0]  # Milvus wants a vector in every row


def pack(data: bytes) -> list[str]:
    """The bytes as texts that fit into a field each; at least one."""
    text = base64.b64encode(zlib.compress(data)).decode("ascii")
    return [text[at : at + PIECE] for at in range(0, len(text), PIECE)]


def unpack(pieces: Iterable[str], what: str) -> bytes:
    """What :func:`pack` packed, the pieces in order; raises IndexDamaged naming ``what`` where they are not whole."""
    try:
        return zlib.decompress(base64.b64decode("".join(pieces), validate=True))
    except (ValueError, zlib.error) as error:
        raise IndexDamaged(f"{what} is not whole in Milvus: run 'snoska build --rebuild'") from error


class Notes:
    """JSON values by their names, in a collection of their own; a value is seen whole or not at all."""

    def __init__(self, server: Server, collection: str) -> None:
        self._server, self._collection = server, collection

    def read(self) -> dict[str, Any]:
        """All values, as they were when this was called."""
        pieces: dict[str, dict[int, str]] = {}
        for row in self._server.rows(self._collection, 'key != ""', ["key", "name", "data"]):
            pieces.setdefault(row["name"], {})[int(row["key"].rpartition("/")[2])] = row["data"]
        found = {}
        for name, own in pieces.items():
            count, _, first = own.get(0, "0:").partition(":")
            if count != "0" and all(at in own for at in range(int(count))):
                found[name] = json.loads(unpack([first, *(own[at] for at in range(1, int(count)))], name))
        return found

    def write(self, name: str, value: Any, seconds: float = 0) -> None:
        """Keeps a value; the first piece, which counts the others, comes last. ``seconds``: how long a server that is
        away is waited for, 0 for as long as the settings say."""
        pieces = pack(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8"))
        pieces[0] = f"{len(pieces)}:{pieces[0]}"
        rows = [
            {"key": f"{name}/{at}", "name": name, "data": piece, "place": NOWHERE} for at, piece in enumerate(pieces)
        ]
        for row in reversed(rows):
            self._server.upsert(self._collection, [row], seconds=seconds)

    def forget(self, names: Sequence[str]) -> None:
        """Drops these values."""
        for name in names:
            self._server.delete(self._collection, filter=f"name == {quoted(name)}")


def read_manifest(server: Server, collection: str) -> Json:
    """The manifest that a collection holds; raises IndexDamaged where there is none."""
    try:
        manifest: Json = Notes(server, collection).read()["manifest"]
    except KeyError as error:
        raise IndexDamaged(f"{collection} holds no manifest: run 'snoska build --rebuild'") from error
    return manifest
