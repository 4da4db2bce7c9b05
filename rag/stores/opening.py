"""An index of any kind: in a folder, small and in memory or large and mapped; or in Milvus."""

from __future__ import annotations

from pathlib import Path

from rag.address import Place
from rag.errors import IndexDamaged, IndexMissing
from rag.protocols import Store
from rag.settings import Settings
from rag.stores import files
from rag.stores.local import LocalStore
from rag.stores.mapped import MappedStore
from rag.stores.milvus.store import MilvusStore
from rag.types import Json

ATTEMPTS = 10  # a builder may sweep the generation that a reader is opening; the reader then takes the new one


def open_place(place: Place, settings: Settings) -> Store:
    """The current generation of the index that is kept there; raises as the two openings do."""
    return open_store(place) if isinstance(place, Path) else MilvusStore.open(place, settings)


def open_store(folder: Path) -> LocalStore | MappedStore:
    """The current generation. A small one is verified as a whole, of a large one what opening reads.

    Raises IndexMissing, IndexMismatch or IndexDamaged, each naming the part and the remedy.
    """
    for _ in range(ATTEMPTS):
        part = files.pointed(folder)
        try:
            manifest = files.read_manifest(folder, part)
            _check(manifest)
            return (MappedStore if "segments" in manifest else LocalStore).load(folder, part, manifest)
        except IndexDamaged:
            if files.pointed(folder) == part:
                raise
    raise IndexMissing(f"the index in {folder} changes faster than it can be opened: try again")


@files.understood("manifest")
def _check(manifest: Json) -> None:
    """Raises IndexDamaged where the manifest lacks what every kind of index says of itself."""
    model = manifest["model"]
    numbers = [manifest["passages"], manifest["generation"], model["dimension"], model.get("second", 0)]
    texts = [manifest["built"], model["name"], model["fingerprint"]]
    texts += [said for skipped in manifest["skipped"] for said in (skipped["file"], skipped["reason"])]
    if not all(type(number) is int and 0 <= number < 2**31 for number in numbers):
        raise TypeError("a count that is none")
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a text that is none")
