"""Which generation is the current one, what it consists of, and what is left over once there is another.

A manifest names the one before it, so that any later build can tell what is still wanted.
"""

from __future__ import annotations

import json
from pathlib import Path

from rag import durable
from rag.errors import IndexDamaged, IndexMismatch, IndexMissing
from rag.stores import files
from rag.stores.entry import Entry
from rag.stores.files import Part
from rag.types import Json


def publish(folder: Path, manifest: Json) -> None:
    """Makes the manifest's generation the current one; :func:`tidy` then removes what is not wanted any more."""
    previous = _current(folder)
    files.commit(folder, {**manifest, "previous": previous[0].to_json() if previous else None})


def tidy(folder: Path) -> None:
    """Removes what neither the current generation nor the one before names: of older ones, and what a crash has left.

    The pointer is made to last before that: a build that was killed may have renamed it and no more, and one that finds
    nothing new does not write it again. Raises as :func:`rag.stores.files.current` does, and IndexUnusable where the
    system does not let it.
    """
    with files.writing(folder):
        durable.sync_folder(folder)
    part, manifest = files.current(folder)
    keep = _names(part, manifest)
    if manifest.get("previous"):
        before = Part.from_json(manifest["previous"])
        try:
            keep |= _names(before, json.loads(files.read_part(folder, before, "manifest")))
        except IndexDamaged:  # of what is gone or damaged nothing is wanted
            keep.add(before.file)
    files.sweep(folder, keep)


def names_of_current(folder: Path) -> set[str]:
    """The files that the current generation consists of; none where there is no readable generation."""
    current = _current(folder)
    return _names(*current) if current else set()


def _current(folder: Path) -> tuple[Part, Json] | None:
    try:
        return files.current(folder)
    except (IndexMissing, IndexDamaged, IndexMismatch):
        return None


def _names(part: Part, manifest: Json) -> set[str]:
    values = [*manifest.get("parts", {}).values()]
    values += [value for segment in manifest.get("segments", ()) for value in segment["parts"].values()]
    parts = [part for entry in map(Entry.from_json, manifest.get("documents", ())) for part in entry.parts]
    return {part.file, *(each.file for each in parts), *(value["file"] for value in values)}
