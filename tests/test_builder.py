"""An index kept up to date with a folder: only what is new costs anything."""

from __future__ import annotations

from pathlib import Path

import pytest

import rag
from rag.errors import ConfigurationError, NothingToIndex
from rag.settings import Settings
from rag.types import Progress
from tests.small_encoder import SmallEncoder


class Folder:
    """A folder of documents and its index, built with the small encoder."""

    def __init__(self, path: Path) -> None:
        self.documents, self.index = path / "documents", path / "index"
        self.documents.mkdir()

    def put(self, name: str, text: str) -> None:
        target = self.documents / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def build(self, **options: object) -> rag.BuildReport:
        report = rag.build(self.documents, self.index, encoder=SmallEncoder(), **options).report  # type: ignore[arg-type]
        assert report is not None
        return report

    def texts(self) -> list[str]:
        return [passage.text for passage in rag.open(self.index, encoder=SmallEncoder()).store.passages]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path)
    folder.put("a.txt", "Первый абзац документа.\n\nВторой абзац документа.")
    folder.put("b.txt", "The first paragraph.")
    folder.build()
    return folder


def counts(report: rag.BuildReport) -> dict[str, int]:
    names = ("added", "changed", "removed", "renamed", "unchanged", "embedded_texts")
    return {name: getattr(report, name) for name in names if getattr(report, name)}


def test_nothing_changed_writes_nothing(folder: Folder) -> None:
    before = (folder.index / "CURRENT").stat().st_mtime_ns
    assert counts(folder.build()) == {"unchanged": 2}
    assert (folder.index / "CURRENT").stat().st_mtime_ns == before


def test_changed_file_is_reembedded_and_the_rest_is_kept(folder: Folder) -> None:
    folder.put("a.txt", "Первый абзац документа.\n\nДругой абзац документа.")
    assert counts(folder.build()) == {"changed": 1, "unchanged": 1, "embedded_texts": 1}
    assert folder.texts() == ["Первый абзац документа.", "Другой абзац документа.", "The first paragraph."]


def test_renamed_file_reembeds_nothing(folder: Folder) -> None:
    (folder.documents / "a.txt").rename(folder.documents / "Отчёт за 2025 год.txt")
    assert counts(folder.build()) == {"renamed": 1, "unchanged": 1}
    index = rag.open(folder.index, encoder=SmallEncoder())
    assert index.search("Первый абзац документа", 1)[0].document == "Отчёт за 2025 год.txt"


def test_a_title_that_was_the_files_name_follows_a_rename(folder: Folder) -> None:
    folder.put("x.txt", "—")
    folder.build()
    (folder.documents / "x.txt").rename(folder.documents / "y.txt")
    folder.build()
    assert rag.open(folder.index, encoder=SmallEncoder()).document("y.txt").title == "y.txt"


def test_removed_file_is_gone_from_the_answers(folder: Folder) -> None:
    (folder.documents / "b.txt").unlink()
    assert counts(folder.build()) == {"removed": 1, "unchanged": 1}
    assert "The first paragraph." not in folder.texts()


def test_new_file_with_known_text_embeds_nothing(folder: Folder) -> None:
    folder.put("под папкой/c.md", "The first paragraph.")
    assert counts(folder.build()) == {"added": 1, "unchanged": 2}


def test_rebuild_starts_over(folder: Folder) -> None:
    assert counts(folder.build(rebuild=True)) == {"added": 2, "embedded_texts": 3}


def test_rebuild_mends_a_damaged_index(folder: Folder) -> None:
    (folder.index / "CURRENT").write_bytes(b"damaged")
    folder.build(rebuild=True)
    assert len(folder.texts()) == 3


def test_another_model_makes_everything_anew(folder: Folder) -> None:
    report = rag.build(folder.documents, folder.index, encoder=SmallEncoder(dimension=16)).report
    assert report is not None
    assert counts(report) == {"added": 2, "embedded_texts": 3}


def test_skipped_files_are_listed_with_their_reasons_and_the_rest_is_indexed(folder: Folder) -> None:
    folder.put("empty.txt", "")
    folder.put("spaces.txt", " \n\t\n ")
    (folder.documents / "zeros.txt").write_bytes(bytes(1000))
    (folder.documents / "photo.jpg").write_bytes(b"\xff\xd8")
    folder.put("long.txt", "слово " * 300_000)
    report = folder.build(settings=Settings(max_file_bytes=2**20))
    assert {skipped.file: skipped.reason for skipped in report.skipped} == {
        "empty.txt": "the file is empty",
        "spaces.txt": "the file holds no text",
        "zeros.txt": "not a text file: it holds NUL bytes",
        "photo.jpg": "no reader for .jpg: supported are .markdown, .md, .text, .txt",
        "long.txt": "3.1 MB is over the limit of 1 MB: split it, or raise SNOSKA_MAX_FILE_MB",
    }
    assert report.documents == 2
    assert [skip["file"] for skip in rag.open(folder.index, encoder=SmallEncoder()).info()["skipped"]] == [
        skipped.file for skipped in report.skipped
    ]


def test_a_file_that_can_no_longer_be_read_leaves_the_index(folder: Folder) -> None:
    (folder.documents / "b.txt").write_bytes(b"\xff\xfe\xfa" * 3)
    report = folder.build()
    assert counts(report) == {"removed": 1, "unchanged": 1}
    assert [skipped.file for skipped in report.skipped] == ["b.txt"]


def test_an_emptied_folder_keeps_the_index_and_says_so(folder: Folder) -> None:
    for path in folder.documents.iterdir():
        path.unlink()
    with pytest.raises(NothingToIndex, match=r"supported are \.markdown, \.md, \.text, \.txt"):
        folder.build()
    assert len(folder.texts()) == 3


def test_the_index_may_lie_inside_the_folder_but_not_be_it(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Один абзац.", encoding="utf-8")
    inside = tmp_path / "index"
    for _ in range(2):
        report = rag.build(tmp_path, inside, encoder=SmallEncoder()).report
        assert report is not None
        assert (report.documents, report.skipped) == (1, ())
    with pytest.raises(ConfigurationError, match="cannot hold both"):
        rag.build(tmp_path, tmp_path, encoder=SmallEncoder())


def test_progress_goes_through_the_stages(tmp_path: Path) -> None:
    folder, heard = Folder(tmp_path), list[Progress]()
    folder.put("a.txt", "Один абзац.")
    folder.build(progress=heard.append)
    assert list(dict.fromkeys(step.stage for step in heard)) == ["reading", "embedding", "writing"]
    assert all(heard[i].done <= heard[i].total for i in range(len(heard)))
