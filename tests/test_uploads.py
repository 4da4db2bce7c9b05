"""What was uploaded to an index is indexed with the folder of documents, and kept by whatever rewrites the index."""

from __future__ import annotations

from pathlib import Path

import pytest

import rag
from rag.errors import ConfigurationError
from rag.folder import KEPT, UPLOADS, place, roots
from rag.settings import Settings
from rag.stores import files
from rag.types import Skipped
from tests.small_encoder import SmallEncoder
from tests.test_builder import Folder, counts

each_kind = pytest.mark.parametrize("mapped_from", [10_000, 1], ids=["in memory", "mapped"])


class Uploaded(Folder):
    """A folder of documents with an index that something was uploaded to."""

    def upload(self, name: str, text: str) -> Path:
        target = self.index / UPLOADS / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return target

    def documents_found(self) -> list[str]:
        return sorted(self.open().store.entries)


@pytest.fixture
def folder(tmp_path: Path) -> Uploaded:
    folder = Uploaded(tmp_path)
    folder.put("a.txt", "Первый документ.")
    folder.upload("Отчёт.txt", "Отчёт о работе.")
    return folder


@each_kind
def test_uploads_are_indexed_with_the_folder_and_followed_as_it_is(folder: Uploaded, mapped_from: int) -> None:
    settings = Settings(mapped_from=mapped_from)
    assert counts(folder.build(settings=settings)) == {"added": 2, "embedded_texts": 2}
    assert folder.documents_found() == ["a.txt", "uploads/Отчёт.txt"]
    assert counts(folder.build(settings=settings)) == {"unchanged": 2}
    upload = folder.upload("Отчёт.txt", "Другой отчёт.")
    assert counts(folder.build(settings=settings)) == {"changed": 1, "unchanged": 1, "embedded_texts": 1}
    upload = upload.rename(upload.with_name("Итоги.txt"))
    assert counts(folder.build(settings=settings)) == {"renamed": 1, "unchanged": 1}
    assert folder.documents_found() == ["a.txt", "uploads/Итоги.txt"]
    upload.unlink()
    assert counts(folder.build(settings=settings)) == {"removed": 1, "unchanged": 1}
    assert folder.documents_found() == ["a.txt"]


def test_a_file_that_moves_from_the_uploads_into_the_folder_is_not_read_again(folder: Uploaded) -> None:
    folder.build()
    (folder.index / UPLOADS / "Отчёт.txt").rename(folder.documents / "Отчёт.txt")
    assert counts(folder.build()) == {"renamed": 1, "unchanged": 1}
    assert folder.documents_found() == ["a.txt", "Отчёт.txt"]


def test_a_rebuild_and_the_sweeps_keep_the_uploads(folder: Uploaded) -> None:
    folder.build()
    assert counts(folder.build(rebuild=True)) == {"added": 2, "embedded_texts": 2}
    files.sweep(folder.index, keep=())
    assert (folder.index / UPLOADS / "Отчёт.txt").read_text(encoding="utf-8") == "Отчёт о работе."


def test_an_upload_that_cannot_be_read_is_skipped_with_its_reason(folder: Uploaded) -> None:
    folder.upload("пусто.txt", "")
    assert folder.build().skipped == (Skipped("uploads/пусто.txt", "the file is empty"),)


def test_uploads_may_be_all_there_is(folder: Uploaded) -> None:
    (folder.documents / "a.txt").unlink()
    folder.build()
    assert folder.documents_found() == ["uploads/Отчёт.txt"]


def test_the_index_may_lie_within_the_folder_of_documents(tmp_path: Path) -> None:
    folder = Uploaded(tmp_path)
    folder.index = folder.documents / "index"
    folder.put("a.txt", "Первый документ.")
    folder.upload("b.txt", "Второй документ.")
    folder.build()
    assert folder.documents_found() == ["a.txt", "uploads/b.txt"]


def test_a_folder_of_the_uploads_name_is_indexed_until_something_is_uploaded(tmp_path: Path) -> None:
    folder = Uploaded(tmp_path)
    folder.put("a.txt", "Первый документ.")
    folder.put("uploads/own.txt", "Свой документ.")
    folder.put("uploads/empty.txt", "")
    assert [each.file for each in folder.build().skipped] == ["uploads/empty.txt"]
    assert folder.documents_found() == ["a.txt", "uploads/own.txt"]
    folder.upload("b.txt", "Второй документ.")
    report = folder.build()
    assert report.skipped == (Skipped("uploads/", KEPT),)
    assert counts(report) == {"added": 1, "removed": 1, "unchanged": 1, "embedded_texts": 1}
    assert folder.documents_found() == ["a.txt", "uploads/b.txt"]


def test_the_folder_of_uploads_cannot_be_the_folder_of_documents(folder: Uploaded) -> None:
    with pytest.raises(ConfigurationError, match="cannot hold both the documents and the index"):
        rag.build(folder.index / UPLOADS, folder.index, encoder=SmallEncoder())


def test_a_sidecar_and_a_name_that_is_not_composed_are_found_among_the_uploads(folder: Uploaded) -> None:
    folder.upload("и\u0306.txt", "Йод.")  # й, as macOS writes it
    folder.upload("и\u0306.meta.json", '{"title": "Йод"}')
    folder.build()
    assert folder.open().document("uploads/й.txt").title == "Йод"
    source = folder.open().store.entries["uploads/й.txt"].source
    assert place(roots(folder.documents, folder.index), source).read_text(encoding="utf-8") == "Йод."
