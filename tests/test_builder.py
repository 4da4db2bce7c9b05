"""An index kept up to date with a folder: only what is new costs anything."""

from __future__ import annotations

import os
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

import rag
from rag import embedding
from rag.errors import ConfigurationError, DocumentError, NothingToIndex
from rag.reading.pool import Pool
from rag.settings import Settings
from rag.types import Filters, Json, Matrix, Progress
from tests.small_encoder import SmallEncoder, SmallSecond

ROOT = Path(__file__).resolve().parent.parent


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

    def open(self) -> rag.Index:
        return rag.open(self.index, encoder=SmallEncoder())

    def texts(self) -> list[str]:
        return [passage.text for passage in self.open().store.passages]


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
    (folder.documents / "photo.raw").write_bytes(b"\xff\xd8")
    folder.put("long.txt", "слово " * 300_000)
    report = folder.build(settings=Settings(max_file_bytes=2**20))
    assert {skipped.file: skipped.reason for skipped in report.skipped} == {
        "empty.txt": "the file is empty",
        "spaces.txt": "the file holds no text",
        "zeros.txt": "not a text file: it holds NUL bytes",
        "photo.raw": "no reader for .raw: save it in a format that is read, such as .pdf, .docx or .txt",
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
    with pytest.raises(NothingToIndex, match=r"supported are \.csv, "):
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


# -- sidecars


def test_a_sidecar_describes_its_document_and_reembeds_nothing(folder: Folder) -> None:
    folder.put("a.txt.meta.json", '{"title": "Отчёт", "date": "2025-11-25", "language": "kk"}')
    assert counts(folder.build()) == {"changed": 1, "unchanged": 1}
    described = folder.open().document("a.txt")
    assert (described.title, described.date, described.language) == ("Отчёт", "2025-11-25", "kk")
    assert counts(folder.build()) == {"unchanged": 2}
    folder.put("a.txt.meta.json", '{"date": "2025-11-26"}')
    assert counts(folder.build()) == {"changed": 1, "unchanged": 1}
    assert folder.open().document("a.txt").date == "2025-11-26"
    (folder.documents / "a.txt.meta.json").unlink()
    assert counts(folder.build()) == {"changed": 1, "unchanged": 1}
    assert folder.open().document("a.txt").date is None


def test_a_sidecar_that_is_not_valid_is_told_of_its_document_which_is_indexed(folder: Folder) -> None:
    folder.put("b.meta.json", '{"date": "вчера"}')
    for _ in range(2):  # and it is told as long as it is so
        [skipped] = folder.build().skipped
        assert skipped.file == "b.txt"
        assert skipped.reason.startswith("its sidecar .meta.json is not valid: its date 'вчера'")
    assert len(folder.texts()) == 3


# -- what is read


class Unasked(SmallEncoder):
    """Fails the test that has anything embedded or counted."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        raise AssertionError(f"asked to count {texts!r}")

    def encode_documents(self, texts: Sequence[str], progress: Callable[[int], None] = lambda _: None) -> Matrix:
        raise AssertionError(f"asked to embed {texts!r}")


def test_a_file_of_which_no_more_can_be_read_than_before_does_not_ask_the_model(folder: Folder) -> None:
    folder.put("a.txt", "слово " * 200)  # so long that its tokens are counted
    folder.put("a.txt.meta.json", '{"date": "вчера"}')
    before = folder.build()
    assert [each.file for each in before.skipped] == ["a.txt"]
    again = rag.build(folder.documents, folder.index, encoder=Unasked())
    assert again.report is not None
    assert (again.report.unchanged, again.report.skipped) == (2, before.skipped)
    assert again.info()["generation"] == 2
    folder.put("a.txt.meta.json", '{"date": "2025-11-25"}')
    assert (folder.build().changed, folder.open().document("a.txt").date) == (1, "2025-11-25")


class Readings:
    """Counts the files that are read, by their paths."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths: list[str] = []
        run = Pool.run

        def counted(pool: Pool, requests: Iterable[Json]) -> Iterator[Json | DocumentError]:
            known = list(requests)
            self.paths += [request["path"] for request in known]
            return run(pool, known)

        monkeypatch.setattr(Pool, "run", counted)


def test_a_file_that_lies_twice_is_read_once_and_indexed_under_both_paths(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Readings(monkeypatch)
    folder.put("c.txt", "Третий документ.")
    folder.put("копии/c.txt", "Третий документ.")
    folder.put("копии/другая.txt", "Третий документ.")
    assert counts(folder.build()) == {"added": 3, "unchanged": 2, "embedded_texts": 1}
    assert read.paths == ["c.txt"]
    [hit] = folder.open().search("Третий документ", 1)
    assert (hit.document, [copy.document for copy in hit.also_in]) == ("c.txt", ["копии/c.txt", "копии/другая.txt"])


def test_a_copy_and_a_renamed_file_are_not_read(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Readings(monkeypatch)
    (folder.documents / "a.txt").rename(folder.documents / "новое имя.txt")
    folder.put("копия.txt", "The first paragraph.")
    assert counts(folder.build()) == {"added": 1, "renamed": 1, "unchanged": 1}
    assert read.paths == []
    assert sorted(folder.open().store.documents) == ["b.txt", "копия.txt", "новое имя.txt"]


@pytest.mark.skipif(os.name != "posix", reason="links as POSIX has them")
def test_links_inside_the_folder_are_read_once(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Readings(monkeypatch)
    folder.put("c.txt", "Третий документ.")
    (folder.documents / "hard.txt").hardlink_to(folder.documents / "c.txt")
    (folder.documents / "soft.txt").symlink_to("c.txt")
    (folder.documents / "loop").symlink_to(folder.documents, target_is_directory=True)
    report = folder.build()
    assert (report.added, report.embedded_texts, read.paths) == (3, 1, ["c.txt"])
    assert [skipped.file for skipped in report.skipped] == ["loop/"]


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes")
def test_a_name_in_an_old_encoding_is_shown_decoded_and_kept_as_it_is(folder: Folder) -> None:
    raw = os.fsdecode("Протокол заседания.txt".encode("cp1251"))
    (folder.documents / raw).write_text("Третий документ.", encoding="utf-8")
    for expected in ({"added": 1, "unchanged": 2, "embedded_texts": 1}, {"unchanged": 3}):
        assert counts(folder.build()) == expected
        index = folder.open()
        assert index.search("Третий документ", 1)[0].document == "Протокол заседания.txt"
        entry = index.store.entries["Протокол заседания.txt"]
        assert (folder.documents / entry.source).read_text(encoding="utf-8") == "Третий документ."
    (folder.documents / raw).rename(folder.documents / "Протокол заседания.txt")
    assert counts(folder.build()) == {"unchanged": 3}
    assert folder.open().store.entries["Протокол заседания.txt"].source == "Протокол заседания.txt"


def test_a_document_is_found_by_its_name_composed_or_not(folder: Folder) -> None:
    decomposed = unicodedata.normalize("NFD", "Йод.txt")
    folder.put(decomposed, "Третий документ.")
    folder.build()
    for glob in (decomposed, unicodedata.normalize("NFC", "Й*.txt")):
        [hit] = folder.open().search("документ", filters=Filters(document=glob))
        assert hit.document == unicodedata.normalize("NFC", decomposed)


# -- interrupted builds


@dataclass(frozen=True)
class Failing(SmallEncoder):
    """Fails when it is asked for a text that holds a word."""

    word: str = ""

    def encode_documents(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Matrix:
        if any(self.word in text for text in texts):
            raise MemoryError(self.word)
        return super().encode_documents(texts, progress)


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """Twelve documents of one sentence each, of which four are embedded at a time."""
    monkeypatch.setattr(embedding, "RUN", 4)
    folder = Folder(tmp_path)
    for number in range(12):
        folder.put(f"{number:02}.txt", f"Документ под номером {number}.")
    return folder


def interrupted(folder: Folder, word: str = "номером 9") -> SmallEncoder:
    """Builds until the encoder comes upon the word; gives the encoder."""
    encoder = Failing(word=word)
    with pytest.raises(MemoryError):
        rag.build(folder.documents, folder.index, encoder=encoder)
    return encoder


def test_an_interrupted_build_goes_on_where_it_stopped(many: Folder) -> None:
    first = interrupted(many)
    second = SmallEncoder()
    report = rag.build(many.documents, many.index, encoder=second).report
    assert report is not None
    assert first.encoded == [f"Документ под номером {number}." for number in range(8)]
    assert second.encoded == [f"Документ под номером {number}." for number in range(8, 12)]
    assert counts(report) == {"added": 12, "embedded_texts": 4}
    assert not (many.index / "pending").exists()
    plain = rag.build(many.documents, many.index.with_name("plain"), encoder=SmallEncoder())
    question = "Документ под номером 3"
    assert many.open().search(question) == plain.search(question)


def test_a_killed_build_goes_on_where_it_stopped(many: Folder) -> None:
    script = f"""
import os, rag
from rag import embedding, readers
from tests.small_encoder import SmallEncoder

class Killed(SmallEncoder):
    def encode_documents(self, texts, progress=None):
        if any("номером 9" in text for text in texts):
            os.kill(os.getpid(), 9)
        return super().encode_documents(texts, progress)

embedding.RUN = 4
rag.build({str(many.documents)!r}, {str(many.index)!r}, encoder=Killed())
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, timeout=120, check=False)
    assert done.returncode == -9, done.stderr.decode()
    assert counts(many.build()) == {"added": 12, "embedded_texts": 4}


def test_both_encoders_go_on_where_they_stopped(many: Folder) -> None:
    with pytest.raises(MemoryError):
        rag.build(many.documents, many.index, encoder=Failing(word="номером 9", second=SmallSecond()))
    encoder = SmallEncoder(second=SmallSecond())
    rag.build(many.documents, many.index, encoder=encoder)
    assert encoder.second is not None
    assert len(encoder.encoded) == len(encoder.second.encoded) == 4


def test_pending_vectors_that_are_damaged_are_not_used(many: Folder) -> None:
    interrupted(many)
    [one, other] = (many.index / "pending").iterdir()
    one.write_bytes(one.read_bytes()[:-1])
    report = rag.build(many.documents, many.index, encoder=SmallEncoder()).report
    assert report is not None
    assert report.embedded_texts == 8
    assert not other.exists()


def test_pending_vectors_of_another_model_are_not_used(many: Folder) -> None:
    interrupted(many)
    encoder = SmallEncoder(dimension=16)
    rag.build(many.documents, many.index, encoder=encoder)
    assert len(encoder.encoded) == 12


def test_rebuild_uses_nothing_that_is_pending(many: Folder) -> None:
    interrupted(many)
    assert counts(many.build(rebuild=True)) == {"added": 12, "embedded_texts": 12}


def test_embedding_is_told_in_passages_and_files(many: Folder) -> None:
    heard = list[Progress]()
    many.build(progress=heard.append)
    told = [(step.done, step.total, step.files_done, step.files) for step in heard if step.stage == "embedding"]
    assert list(dict.fromkeys(told)) == [(done, 12, done, 12) for done in (0, 4, 8, 12)]
