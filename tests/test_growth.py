"""A mapped index grows by what is new, and is made anew in parts only."""

from __future__ import annotations

from pathlib import Path

import pytest

import rag
from rag.settings import Settings
from rag.stores import compaction, segment_writer
from rag.stores.compaction import tiers
from rag.stores.local import LocalStore
from rag.stores.mapped import MappedStore
from rag.types import Filters
from tests.small_encoder import SmallEncoder, SmallSecond
from tests.small_folder import MAPPED, Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Two documents of three passages, mapped."""
    folder = Folder(tmp_path)
    folder.put("a.txt", "Первый абзац документа.\n\nВторой абзац документа.")
    folder.put("b.txt", "The first paragraph.")
    assert folder.build() == {"added": 2, "embedded_texts": 3}
    assert folder.shape() == [(2, 0)]
    return folder


# -- from memory to disk


def test_an_index_is_mapped_once_it_is_large_and_stays_so(tmp_path: Path) -> None:
    folder, settings = Folder(tmp_path), Settings(mapped_from=2, ocr=())
    folder.put("a.txt", "Первый абзац документа.\n\nВторой абзац документа.")
    assert folder.build(settings=settings) == {"added": 1, "embedded_texts": 2}
    assert isinstance(folder.open().store, LocalStore)
    folder.put("b.txt", "The first paragraph.\n\nВторой абзац документа.")
    assert folder.build(settings=settings) == {"added": 1, "unchanged": 1, "embedded_texts": 1}
    assert folder.shape() == [(2, 0)]
    (folder.documents / "b.txt").unlink()
    assert folder.build(settings=settings) == {"removed": 1, "unchanged": 1}
    assert folder.shape() == [(1, 0)]
    assert folder.texts() == ["Второй абзац документа.", "Первый абзац документа."]


def test_an_index_in_memory_is_mapped_by_the_setting_alone(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.put("a.txt", "Первый абзац документа.\n\nВторой абзац документа. Его второе предложение.")
    folder.put("b.txt", "The first paragraph.")
    folder.build(settings=Settings(mapped_from=3, ocr=()))
    in_memory = folder.open().search("второй абзац")
    assert folder.build() == {"unchanged": 2}
    assert folder.shape() == [(2, 0)]
    assert [(hit.document, hit.quote, hit.highlight) for hit in folder.open().search("второй абзац")] == [
        (hit.document, hit.quote, hit.highlight) for hit in in_memory
    ]


# -- what changes


def test_nothing_changed_writes_nothing(folder: Folder) -> None:
    before = (folder.index / "CURRENT").stat().st_mtime_ns, folder.parts()
    assert folder.build() == {"unchanged": 2}
    assert ((folder.index / "CURRENT").stat().st_mtime_ns, folder.parts()) == before


def test_a_changed_document_is_a_segment_more_and_the_old_one_dead(folder: Folder) -> None:
    folder.put("b.txt", "The first paragraph.\n\nAnd another.")
    assert folder.build() == {"changed": 1, "unchanged": 1, "embedded_texts": 1}
    assert folder.open().document("b.txt").text == "The first paragraph.\n\nAnd another."
    assert folder.texts()[:2] == ["And another.", "The first paragraph."]
    assert len(folder.texts()) == 4


def test_a_renamed_document_embeds_nothing_and_is_found_under_its_name_only(folder: Folder) -> None:
    (folder.documents / "a.txt").rename(folder.documents / "новое имя.txt")
    assert folder.build() == {"renamed": 1, "unchanged": 1}
    assert sorted(folder.open().store.entries) == ["b.txt", "новое имя.txt"]
    assert [hit.document for hit in folder.open().search("первый абзац", 2)] == ["новое имя.txt"] * 2


def test_a_removed_document_is_gone(folder: Folder) -> None:
    (folder.documents / "b.txt").unlink()
    assert folder.build() == {"removed": 1, "unchanged": 1}
    assert folder.texts() == ["Второй абзац документа.", "Первый абзац документа."]
    assert folder.open().store.languages() == {"ru": 2}


def test_copies_are_indexed_under_every_name_and_embedded_once(folder: Folder) -> None:
    folder.put("c.txt", "Третий документ.")
    folder.put("d.txt", "Третий документ.")
    folder.put("e.txt", "The first paragraph.")
    assert folder.build() == {"added": 3, "unchanged": 2, "embedded_texts": 1}
    [hit] = folder.open().search("третий документ", 1, filters=Filters(language="ru"))
    assert (hit.document, [copy.document for copy in hit.also_in]) == ("c.txt", ["d.txt"])
    (folder.documents / "c.txt").unlink()
    assert folder.build() == {"removed": 1, "unchanged": 4}
    assert sorted(folder.open().store.entries) == ["a.txt", "b.txt", "d.txt", "e.txt"]


def test_a_sidecar_describes_its_document_and_embeds_nothing(folder: Folder) -> None:
    folder.put("a.txt.meta.json", '{"date": "2025-11-26"}')
    assert folder.build() == {"changed": 1, "unchanged": 1}
    assert folder.open().document("a.txt").date == "2025-11-26"
    assert folder.build() == {"unchanged": 2}


def answers(index: rag.Index) -> list[list[tuple[str, str, float]]]:
    questions = ("протокол о бюджете", "решение суда", "first paragraph", "срок 2 дня")
    return [[(hit.document, hit.quote, hit.score) for hit in index.search(question, 20)] for question in questions]


@pytest.mark.parametrize("merged", [True, False], ids=["merged", "in segments"])
def test_a_grown_index_answers_as_a_fresh_one(folder: Folder, monkeypatch: pytest.MonkeyPatch, merged: bool) -> None:
    for number in range(6):
        folder.put(f"{number}.txt", f"Протокол номер {number} о бюджете.\n\nРешение {number}. Срок {number} дня.")
    folder.build()
    folder.put("3.txt", "Протокол номер 3 отменён решением суда.")
    (folder.documents / "4.txt").rename(folder.documents / "перенос.txt")
    (folder.documents / "5.txt").unlink()
    if merged:
        monkeypatch.setattr(compaction, "FACTOR", 2)
    folder.build()
    assert folder.shape() == ([(7, 0)] if merged else [(2, 0), (2, 0), (3, 0)])
    encoder = SmallEncoder(second=SmallSecond())
    index = folder.index.with_name("fresh")
    fresh = answers(rag.build(folder.documents, index, encoder=encoder, settings=MAPPED))
    grown = answers(folder.open())
    if merged:
        assert grown == fresh
    for ours, theirs in zip(grown, fresh, strict=True):  # lengths of passages are compared within a segment
        assert {hit[:2]: pytest.approx(hit[2], abs=0.05) for hit in ours} == {hit[:2]: hit[2] for hit in theirs}


# -- segments made one


@pytest.mark.parametrize(
    ("sizes", "alive", "expected"),
    [
        pytest.param([], [], [], id="none"),
        pytest.param([1, 999, 1000, 5, 5, 5, 5], [1, 999, 1000, 5, 5, 5, 5], [], id="seven small ones"),
        pytest.param([5] * 8, [5] * 8, [[0, 1, 2, 3, 4, 5, 6, 7]], id="eight small ones"),
        pytest.param([7999, *[5] * 7], [7999, *[5] * 7], [[0, 1, 2, 3, 4, 5, 6, 7]], id="of one size yet"),
        pytest.param([8000, *[5] * 7], [8000, *[5] * 7], [], id="of two sizes"),
        pytest.param([5, *[8000] * 8], [5, *[8000] * 8], [[1, 2, 3, 4, 5, 6, 7, 8]], id="eight larger ones"),
        pytest.param([20_000] * 50, [20_000] * 50, [list(range(50))], id="a first build's"),
        pytest.param([100, 100, 100], [100, 70, 69], [[2]], id="much of one is dead"),
        pytest.param([10_000] * 8, [7_000] * 8, [[0, 1, 2, 3, 4, 5, 6, 7]], id="what lives counts"),
        pytest.param([100] * 8, [100] * 7 + [0], [[7]], id="all of one is dead"),
        pytest.param([0] * 8, [0] * 8, [[0, 1, 2, 3, 4, 5, 6, 7]], id="without a passage"),
    ],
)
def test_which_segments_are_made_one(sizes: list[int], alive: list[int], expected: list[list[int]]) -> None:
    assert tiers(sizes, alive) == expected


def test_segments_are_made_one_when_there_are_enough(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "FACTOR", 3)
    shapes = []
    for number in range(5):
        folder.put(f"{number}.txt", f"Документ под номером {number}.")
        assert folder.build() == {"added": 1, "unchanged": 2 + number, "embedded_texts": 1}
        shapes.append(folder.shape())
    assert shapes == [[(2, 0), (1, 0)], [(4, 0)], [(4, 0), (1, 0)], [(6, 0)], [(6, 0), (1, 0)]]
    assert len(folder.texts()) == 8


def test_dead_documents_never_come_out_and_are_left_behind_when_they_are_many(folder: Folder) -> None:
    for number in range(4):
        folder.put(f"{number}.txt", f"Устаревший документ под номером {number}.")
    folder.build()
    assert folder.shape() == [(2, 0), (4, 0)]
    folder.put("0.txt", "Обновлённый документ.")
    folder.build()
    assert folder.shape() == [(2, 0), (4, 1), (1, 0)]
    old = "Устаревший документ под номером 0"
    index = folder.open()
    found = [hit.quote for hit in index.search(old, 20)] + [hit.quote for hit in index.search(f"«{old}»", 20)]
    assert [quote for quote in found if quote.startswith(old)] == []
    assert index.store.holding(old).tolist() == []
    masked = index.without([int(index.store.everyone()[0])]).ask(old)
    assert "Обновлённый документ." in [hit.quote for hit in masked.citations]  # its number is beyond their count
    folder.put("1.txt", "И этот обновлён.")
    folder.build()
    assert folder.shape() == [(2, 0), (1, 0), (1, 0), (2, 0)]


def test_a_reader_of_an_old_generation_is_answered_while_newer_ones_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment_writer, "INVERTED_FROM", 5)  # lists too, which are opened at the first question
    folder = Folder(tmp_path)
    names = ("Первый", "Второй", "Третий", "Пятый", "Шестой")
    folder.put("a.txt", "\n\n".join(f"{name} абзац документа." for name in names))
    folder.put("b.txt", "The first paragraph.")
    folder.build()
    old = folder.open()
    assert isinstance(old.store, MappedStore)
    assert [role for role in old.store.segments[0].parts if role.startswith("lists")] == ["lists-0"]
    texts = {name for name in folder.parts() if name.endswith("text.bin")}
    expected = folder.open().ask("первый абзац")
    for number in range(3):
        folder.put("a.txt", f"Совсем другой текст, номер {number}.")
        folder.put("b.txt", f"Another text, number {number}.")
        folder.build()
    assert not folder.parts() & texts
    assert old.ask("первый абзац") == expected
    assert not old.store.is_current
    assert old.latest().ask("другой текст").citations[0].quote == "Совсем другой текст, номер 2."
