"""An index in a folder: what is written is what is opened, damage is named, a commit is atomic."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import rag
from rag.durable import TEMPORARY
from rag.errors import IndexBusy, IndexDamaged, IndexMismatch, IndexMissing, IndexUnusable
from rag.stores import files
from rag.stores.local import LocalStore
from rag.stores.opening import open_store
from tests.small_encoder import SmallEncoder

RU = "Комиссия подписала протокол.\n\nСледующее заседание пройдет в Абу-Даби. Его дата не названа."
EN = "The commission signed a protocol.\n\nThe next meeting will be held in Abu Dhabi."


@pytest.fixture
def built(tmp_path: Path) -> Path:
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "ru.txt").write_text(RU, encoding="utf-8")
    (documents / "en.txt").write_text(EN, encoding="utf-8")
    rag.build(documents, tmp_path / "index", encoder=SmallEncoder())
    return tmp_path


def ask_all(index: Path) -> list[object]:
    opened = rag.open(index, encoder=SmallEncoder())
    return [opened.search(question) for question in ("Где пройдет заседание?", "Who signed the protocol?")]


def parts(index: Path) -> list[Path]:
    return sorted((index / files.PARTS).iterdir())


def test_a_reopened_index_gives_equal_answers(built: Path) -> None:
    assert ask_all(built / "index") == ask_all(built / "index")
    store = open_store(built / "index")
    assert [passage.text for passage in store.passages] == [*EN.split("\n\n"), *RU.split("\n\n")]
    assert store.languages() == {"en": 2, "ru": 2}


def test_a_text_that_stands_twice_has_one_vector(built: Path) -> None:
    store = open_store(built / "index")
    # six texts: three passages of one sentence, one passage of two and its sentences
    assert store.dense.vectors.ntotal == 6
    assert np.allclose(np.linalg.norm(store.dense.rows(np.arange(6)), axis=1), 1)


def test_every_part_is_named_by_its_content(built: Path) -> None:
    for path in parts(built / "index"):
        assert path.name.split(".")[0] == files._hash(path.read_bytes())[:32]


@pytest.mark.parametrize("damage", ["flipped", "cut", "emptied", "removed"])
def test_damage_to_any_part_is_named_before_the_part_is_used(built: Path, damage: str) -> None:
    index = built / "index"
    for path in parts(index):
        whole = path.read_bytes()
        match damage:
            case "flipped":
                path.write_bytes(
                    whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 1]) + whole[len(whole) // 2 + 1 :]
                )
            case "cut":
                path.write_bytes(whole[:-1])
            case "emptied":
                path.write_bytes(b"")
            case _:
                path.unlink()
        with pytest.raises(IndexDamaged, match=path.name):
            open_store(index)
        path.write_bytes(whole)
    open_store(index)


@pytest.mark.parametrize(
    ("pointer", "error", "words"),
    [
        (b"", IndexDamaged, "CURRENT is damaged"),
        (b"[1]", IndexDamaged, "CURRENT is damaged"),
        (b'{"format": 2}', IndexDamaged, "CURRENT is damaged"),
        (b"[" * 100_000, IndexDamaged, "CURRENT is damaged"),
        (b'{"format": 2, "manifest": {"file": 5, "size": 1, "sha256": ""}}', IndexDamaged, "CURRENT is damaged"),
        (b'{"format": 99, "manifest": {}}', IndexMismatch, "use a newer Snoska"),
        (b'{"format": 1}', IndexMismatch, "run 'snoska build'$"),
    ],
    ids=["empty", "a list", "no manifest", "nested", "no name", "newer", "older"],
)
def test_a_strange_pointer_is_told_from_a_newer_format(
    built: Path, pointer: bytes, error: type[Exception], words: str
) -> None:
    (built / "index" / files.POINTER).write_bytes(pointer)
    with pytest.raises(error, match=words):
        open_store(built / "index")


def test_a_pointer_that_leads_out_of_the_index_is_refused(built: Path) -> None:
    secret = built / "secret.json"
    secret.write_text("{}", encoding="utf-8")
    pointer = {
        "format": files.FORMAT,
        "manifest": {"file": "../../secret.json", "size": 2, "sha256": files._hash(b"{}")},
    }
    (built / "index" / files.POINTER).write_text(json.dumps(pointer), encoding="utf-8")
    with pytest.raises(IndexDamaged):
        open_store(built / "index")


def test_an_index_of_an_older_format_is_made_anew_by_a_build(built: Path) -> None:
    index = built / "index"
    before = ask_all(index)
    (index / files.POINTER).write_text('{"format": 1, "manifest": {}}', encoding="utf-8")
    report = rag.build(built / "documents", index, encoder=SmallEncoder()).report
    assert report is not None
    assert (report.added, report.embedded_texts) == (2, 6)
    assert ask_all(index) == before


def test_a_missing_index_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match="run 'snoska build' first"):
        open_store(tmp_path / "nowhere")


def test_another_model_is_refused_in_a_sentence(built: Path) -> None:
    with pytest.raises(IndexMismatch, match="built with another model"):
        rag.open(built / "index", encoder=SmallEncoder(dimension=16))


def test_a_second_builder_is_told_to_wait(built: Path) -> None:
    with files.builder_lock(built / "index"), pytest.raises(IndexBusy, match="wait until it has finished"):
        rag.build(built / "documents", built / "index", encoder=SmallEncoder())


def test_a_crash_before_the_pointer_leaves_the_old_generation(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = built / "index"
    before = ask_all(index)
    (built / "documents" / "new.txt").write_text("Сенегал организует конференцию ООН.", encoding="utf-8")

    def crash(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(files, "commit", crash)
        with pytest.raises(OSError, match="no space"):
            rag.build(built / "documents", index, encoder=SmallEncoder())
    assert ask_all(index) == before
    rag.build(built / "documents", index, encoder=SmallEncoder())
    assert ask_all(index) != before


def test_two_generations_are_kept_and_older_ones_swept(built: Path) -> None:
    index, document = built / "index", built / "documents" / "ru.txt"
    manifests = lambda: {path.name for path in parts(index) if path.name.endswith("manifest.json")}  # noqa: E731
    first = manifests()
    (index / files.PARTS / f"{TEMPORARY}left").write_bytes(b"by a crash")
    for text in ("Второе.", "Третье."):
        document.write_text(text, encoding="utf-8")
        rag.build(built / "documents", index, encoder=SmallEncoder())
    assert len(manifests()) == 2
    assert not first & manifests()
    assert not list(index.rglob(f"{TEMPORARY}*"))


def test_a_reader_that_meets_a_sweep_takes_the_new_generation(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index, document = built / "index", built / "documents" / "ru.txt"
    load, calls = LocalStore.load.__func__, []  # type: ignore[attr-defined]

    def swept_once(cls: type[LocalStore], folder: Path, part: files.Part, manifest: object) -> LocalStore:
        calls.append(manifest)
        if len(calls) == 1:
            document.write_text("Новый текст документа.", encoding="utf-8")
            rag.build(built / "documents", folder, encoder=SmallEncoder())
            raise IndexDamaged("a part is missing")
        store: LocalStore = load(cls, folder, part, manifest)
        return store

    def patched_load(folder: Path, part: files.Part, manifest: object) -> LocalStore:
        return swept_once(LocalStore, folder, part, manifest)

    monkeypatch.setattr(LocalStore, "load", patched_load)
    assert "Новый текст документа." in [passage.text for passage in open_store(index).passages]


def test_a_pointer_to_a_part_that_is_no_manifest_is_refused_and_rebuilt(built: Path) -> None:
    index = built / "index"
    other = next(path for path in parts(index) if path.name.endswith("document.json"))
    data = other.read_bytes()
    manifest = {"file": other.name, "size": len(data), "sha256": files._hash(data)}
    (index / files.POINTER).write_text(json.dumps({"format": files.FORMAT, "manifest": manifest}), encoding="utf-8")
    with pytest.raises(IndexDamaged, match="is no manifest"):
        open_store(index)
    rag.build(built / "documents", index, encoder=SmallEncoder(), rebuild=True)
    assert len(ask_all(index)) == 2


def test_what_is_not_of_the_index_is_left_alone(built: Path) -> None:
    index = built / "index"
    (index / files.PARTS / "mine").mkdir()
    (index / files.PARTS / "notes.txt").write_text("mine", encoding="utf-8")
    (built / "documents" / "ru.txt").write_text("Новое.", encoding="utf-8")
    rag.build(built / "documents", index, encoder=SmallEncoder())
    assert (index / files.PARTS / "mine").is_dir()
    assert (index / files.PARTS / "notes.txt").exists()


def test_a_place_that_cannot_be_written_is_named(built: Path) -> None:
    taken = built / "a file"
    taken.write_text("mine", encoding="utf-8")
    for place in (taken, taken / "index"):
        with pytest.raises(IndexUnusable, match=r"is not a folder: name the folder|allow it, or name another"):
            rag.build(built / "documents", place, encoder=SmallEncoder())
    assert taken.read_text(encoding="utf-8") == "mine"


def test_others_may_read_the_index(built: Path) -> None:
    assert all(path.stat().st_mode & 0o044 for path in parts(built / "index"))
