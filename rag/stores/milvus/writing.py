"""Rows to Milvus, and out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rag.stores.milvus.layout import DOCUMENTS, PASSAGES, SENTENCES, STEM, Names, grams, listed
from rag.stores.milvus.server import Server
from rag.types import Json

BATCH = 4 * 2**20  # bytes sent at a time; Milvus takes 64 MB
NUMBER = 8  # bytes of an integer field


def upsert(server: Server, collection: str, rows: Sequence[Json]) -> int:
    """Writes rows, some megabytes at a time; about how many bytes they hold."""
    waiting: list[Json] = []
    size = total = 0
    for row in rows:
        waiting.append(row)
        size += sum(map(_size, row.values()))
        if size >= BATCH:
            server.upsert(collection, waiting)
            waiting, size, total = [], 0, total + size
    if waiting:
        server.upsert(collection, waiting)
    return total + size


def _size(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, int | float):
        return NUMBER
    return int(getattr(value, "nbytes", NUMBER * len(value)))


def term_rows(run: int, counts: Mapping[tuple[str, str], int]) -> list[Json]:
    """Rows that say by how much more passages have each (token, stem) than before."""
    return [
        {
            "key": f"{run}/{token}",
            "run": run,
            "token": token,
            "stem": stem[:STEM],
            "count": count,
            "grams": grams(stem[:STEM]),
        }
        for (token, stem), count in sorted(counts.items())
    ]


def delete(server: Server, names: Names, made: int, documents: Sequence[int]) -> None:
    """Deletes all rows of these documents."""
    for at in range(0, len(documents), 1_000):
        for kind in (PASSAGES, SENTENCES, DOCUMENTS):
            where = f"document in {listed(documents[at : at + 1_000])}"
            server.delete(names.data(made, kind), filter=where)
