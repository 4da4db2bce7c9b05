"""A folder of documents and its mapped index, built with the small encoders."""

from __future__ import annotations

from pathlib import Path

import rag
from rag.index import check
from rag.settings import Settings
from rag.stores import files
from rag.stores.mapped import MappedStore
from tests.small_encoder import SmallEncoder, SmallSecond

ROOT = Path(__file__).resolve().parent.parent
MAPPED = Settings(mapped_from=2, ocr=())


class Folder:
    """A folder of documents and its index, mapped, built with the small encoders."""

    def __init__(self, path: Path) -> None:
        self.documents, self.index = path / "documents", path / "index"
        self.documents.mkdir()

    def put(self, name: str, text: str) -> None:
        (self.documents / name).write_text(text, encoding="utf-8")

    def build(self, rebuild: bool = False, settings: Settings = MAPPED) -> dict[str, int]:
        """What the build counts, zeros left out."""
        encoder = SmallEncoder(second=SmallSecond())
        report = rag.build(self.documents, self.index, encoder=encoder, settings=settings, rebuild=rebuild).report
        assert report is not None
        assert encoder.second is not None
        assert report.embedded_texts == len(encoder.encoded)
        names = ("added", "changed", "removed", "renamed", "unchanged", "embedded_texts")
        assert report.documents == len(self.open().store.entries)
        assert report.passages == check(self.index)["passages"] == len(self.texts())
        return {name: getattr(report, name) for name in names if getattr(report, name)}

    def open(self) -> rag.Index:
        return rag.open(self.index, encoder=SmallEncoder(second=SmallSecond()))

    def texts(self) -> list[str]:
        store = self.open().store
        return sorted(store.passage(int(number)).text for number in store.everyone())

    def shape(self) -> list[tuple[int, int]]:
        """Of each segment, how many documents it has and how many of them are dead; none of an index in memory."""
        store = self.open().store
        segments = store.segments if isinstance(store, MappedStore) else []
        return [(len(segment.documents), len(segment.dead)) for segment in segments]

    def parts(self) -> set[str]:
        return {path.name for path in (self.index / files.PARTS).iterdir()}
