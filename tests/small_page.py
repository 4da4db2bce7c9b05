"""A page over a folder of documents that may be changed, with the small encoder."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import rag
from rag.folder import UPLOADS
from rag.types import Json
from rag.web.collection import Collection
from rag.web.permission import Rule
from tests.small_encoder import SmallEncoder

PATIENCE = 60  # seconds until what must come counts as missing; nothing waits so long where all is well


class ChangingPage:
    """A served page, its folder of documents and its index."""

    def __init__(
        self, path: Path, serve_app: Callable[[Collection], str], rule: Rule = "here", encoder: Any = None
    ) -> None:
        self.documents, self.index = path / "documents", path / "index"
        self.documents.mkdir(exist_ok=True)
        self.put("отчёт.txt", "Отчёт о работе комиссии за 2025 год.")
        encoder = encoder or SmallEncoder()
        with pytest.MonkeyPatch.context() as patch:
            build = rag.index.build
            patch.setattr("rag.index.build", lambda *places, **options: build(*places, encoder=encoder, **options))
            self.collection = Collection.at(self.index, self.documents, rule)
            self.url = serve_app(self.collection)
            self.collection.index()

    def put(self, name: str, text: str) -> None:
        target = self.documents / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def post(self, name: str, /, content: Any = b"", headers: Any = None, **values: str) -> httpx.Response:
        return httpx.post(
            f"{self.url}/snoska/{name}", params=values, content=content, headers=headers, timeout=PATIENCE
        )

    def upload(self, name: str, text: str) -> Json:
        """Uploads a file and waits until the index has it, or has skipped it."""
        return self.wait(self.post("upload", text.encode(), name=name).json())

    def wait(self, reply: Json) -> Json:
        for _ in range(20 * PATIENCE):
            if self.collection.is_done(reply["turn"]):
                return reply
            time.sleep(0.05)
        raise AssertionError("the collection was not brought up to date")

    def uploaded(self) -> list[str]:
        """Everything that lies in the folder of uploads, what is hidden too."""
        folder = self.index / UPLOADS
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def found(self) -> list[str]:
        return sorted(self.collection.index().store.entries)
