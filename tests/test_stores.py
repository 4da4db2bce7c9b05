"""One suite for every kind of store: an index in memory, one in segments on disk, and one that a real Milvus keeps."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
import pytest

import rag
from rag.encoders import BundledEncoder
from rag.errors import IndexMismatch, IndexMissing, NothingToIndex, QuestionError
from rag.index import check, info
from rag.settings import Settings
from rag.text import stems
from rag.types import Centre, Citation, Filters
from tests import small_town
from tests.browser_help import QUESTIONS as SEED_QUESTIONS
from tests.milvus_server import MilvusServer
from tests.small_encoder import SmallEncoder, SmallSecond
from tests.small_mapped import some_texts

ROOT = Path(__file__).resolve().parent.parent
SEEDS, XQUAD = ROOT / "seeds", ROOT.parent / "shared" / "eval" / "xquad"
HALF = 2e-3  # half precision of a mapped index, in a cosine
ENCODER = SmallEncoder(second=SmallSecond())
KINDS = {"memory": Settings(ocr=()), "mapped": Settings(ocr=(), mapped_from=2), "milvus": Settings(ocr=())}
QUESTIONS = [
    "заседание комиссии о бюджете города",
    "What did the council decide about the bridge?",
    "1023 школа",
    "комисия и протакол",
    '"Пункт под номером" завод',
    "vjcn b htrf",
    "???",
]
FILTERS = [
    Filters(),
    Filters(language="en"),
    Filters(document="1/0*", type="txt"),
    Filters(document="1/1[357].txt"),
    Filters(document="1/17.txt"),
    Filters(type="pdf"),
    Filters(since="2020-01-01"),
    Filters(until="2030-01-01"),
]
names = (f"suite_{number}" for number in count())


class Place:
    """A folder of documents, and the address of its index."""

    def __init__(self, documents: Path, index: str, settings: Settings) -> None:
        self.documents, self.index, self.settings = documents, index, settings
        documents.mkdir(parents=True, exist_ok=True)

    def put(self, name: str, text: str) -> None:
        (self.documents / name).parent.mkdir(parents=True, exist_ok=True)
        (self.documents / name).write_text(text, encoding="utf-8")

    def build(self, **options: bool) -> dict[str, int]:
        """What the build counts, zeros left out."""
        encoder = SmallEncoder(second=SmallSecond())
        report = rag.build(self.documents, self.index, encoder=encoder, settings=self.settings, **options).report
        assert report is not None
        assert report.embedded_texts == len(encoder.encoded)
        about = check(self.index)
        assert (report.documents, report.passages) == (about["documents"], about["passages"])
        counted = ("added", "changed", "removed", "renamed", "unchanged", "embedded_texts")
        return {name: getattr(report, name) for name in counted if getattr(report, name)}

    def open(self) -> rag.Index:
        return rag.open(self.index, encoder=ENCODER, settings=self.settings)

    def texts(self) -> list[str]:
        store = self.open().store
        return sorted(store.passage(int(number)).text for number in store.everyone())


@pytest.fixture(scope="module", params=list(KINDS))
def make(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, milvus: MilvusServer
) -> Callable[[], Place]:
    """Makes a place for an index of one kind."""

    def place() -> Place:
        folder = tmp_path_factory.mktemp("store")
        index = milvus.url(next(names)) if request.param == "milvus" else str(folder / "index")
        return Place(folder / "documents", index, KINDS[request.param])

    return place


@pytest.fixture
def place(make: Callable[[], Place]) -> Place:
    """Two documents of three passages."""
    place = make()
    place.put("a.txt", "Первый абзац документа.\n\nВторой абзац документа.")
    place.put("b.txt", "The first paragraph.")
    assert place.build() == {"added": 2, "embedded_texts": 3}
    return place


def filled(place: Place) -> rag.Index:
    for path, text in some_texts(1, 18).items():
        place.put(path, text)
    place.put("1/dashes.txt", "— — —\n\nЗаседание комиссии закрыто. Заседание комиссии закрыто.")
    place.put("1/07.txt.meta.json", '{"date": "2025-11-26"}')
    place.build()
    return place.open()


@pytest.fixture(scope="module")
def index(make: Callable[[], Place]) -> rag.Index:
    """Nineteen documents."""
    return filled(make())


@pytest.fixture(scope="module")
def same(tmp_path_factory: pytest.TempPathFactory) -> rag.Index:
    """The same documents in memory, which says what is right."""
    folder = tmp_path_factory.mktemp("right")
    return filled(Place(folder / "documents", str(folder / "index"), KINDS["memory"]))


@pytest.fixture(scope="module")
def near(index: rag.Index) -> float:
    """How far scores may be from those of an index in memory."""
    return HALF if "segments" in index.store.manifest else 2e-6


@pytest.fixture(scope="module")
def pairs(index: rag.Index, same: rag.Index) -> tuple[np.ndarray, np.ndarray]:
    """All passages, by their numbers in the index and in memory."""
    at = {(p.document, p.start): n for n, p in enumerate(same.store.passage(n) for n in range(len(numbers(same))))}
    own = index.store.everyone()
    places = [index.store.passage(int(number)) for number in own]
    return own, np.array([at[passage.document, passage.start] for passage in places], dtype=np.int64)


def numbers(index: rag.Index) -> list[int]:
    return index.store.everyone().tolist()


def cited(hits: list[Citation] | tuple[Citation, ...], near: float) -> list[object]:
    return [
        (hit.document, hit.start, hit.end, hit.highlight, hit.also_in, pytest.approx(hit.score, abs=near))
        for hit in hits
    ]


# -- the same answers


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical", "rrf"])
def test_the_same_passages_in_the_same_order(
    index: rag.Index, same: rag.Index, near: float, question: str, mode: rag.types.Mode
) -> None:
    ours, theirs = index.search(question, 10, mode=mode), same.search(question, 10, mode=mode)
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert one.score == pytest.approx(other.score, abs=near * 10)
    if near < HALF:  # rounded scores would else change places
        assert cited(ours, near) == cited(theirs, near)


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_same_answer(index: rag.Index, same: rag.Index, near: float, question: str) -> None:
    ours, theirs = index.ask(question), same.ask(question)
    assert (ours.verdict, ours.text, ours.notes) == (theirs.verdict, theirs.text, theirs.notes)
    assert ours.confidence == pytest.approx(theirs.confidence, abs=max(10 * near, 1e-4))


@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_filters_leave_the_same_passages(
    index: rag.Index, same: rag.Index, pairs: tuple[np.ndarray, np.ndarray], filters: Filters
) -> None:
    ours, theirs = index.store.select(filters), same.store.select(filters)
    assert (ours is None) == (theirs is None)
    if ours is not None and theirs is not None:
        local = dict(zip(pairs[0].tolist(), pairs[1].tolist(), strict=True))
        assert sorted(local[number] for number in ours.tolist()) == theirs.tolist()
        assert ours.tolist() == sorted(ours.tolist())
    for question in QUESTIONS[:3]:
        found, right = (each.search(question, 5, filters=filters) for each in (index, same))
        assert {hit.document for hit in found} == {hit.document for hit in right}
        assert len(found) == len(right)


def test_a_masked_passage_is_out_of_everything(
    index: rag.Index, same: rag.Index, pairs: tuple[np.ndarray, np.ndarray], near: float
) -> None:
    own, local = pairs
    for question in QUESTIONS[:3]:
        first = index.store.everyone()[::5]
        ours = index.without(first.tolist()).ask(question)
        theirs = same.without([int(local[own.tolist().index(n)]) for n in first.tolist()]).ask(question)
        assert ours.confidence == pytest.approx(theirs.confidence, abs=max(10 * near, 1e-4))
        assert [hit.start for hit in ours.citations[:1]] == [hit.start for hit in theirs.citations[:1]]


def test_scores_are_the_same(
    index: rag.Index, same: rag.Index, pairs: tuple[np.ndarray, np.ndarray], near: float
) -> None:
    for question in QUESTIONS[:3]:
        vector, second = ENCODER.encode_queries([question])[0], SmallSecond().encode_questions([question])[0]
        centre = Centre(vector / 2, ENCODER.encode_queries(["среднее"])[0] / 2)
        for own, local in (pairs, (pairs[0][::-3], pairs[1][::-3]), (pairs[0][:0], pairs[1][:0])):
            ours, theirs = index.store.vector_scores(vector, own), same.store.vector_scores(vector, local)
            assert ours.paragraph == pytest.approx(theirs.paragraph, abs=near)
            assert ours.sentence == pytest.approx(theirs.sentence, abs=near)
            centred = index.store.centred_scores(vector, own, centre)
            assert centred == pytest.approx(same.store.centred_scores(vector, local, centre), abs=10 * near)
            seconds = index.store.second_scores(second, own)
            assert seconds == pytest.approx(same.store.second_scores(second, local), abs=near)
            words = index.store.lexical_scores(stems(question), own)
            assert words == pytest.approx(same.store.lexical_scores(stems(question), local), abs=2e-6)
            assert index.store.languages_of(own).tolist() == same.store.languages_of(local).tolist()
    assert index.store.lexical_scores([], pairs[0]).tolist() == [0] * len(pairs[0])


def test_stems_are_known_and_misspelt_ones_guessed_the_same(index: rag.Index, same: rag.Index) -> None:
    for stem in (*stems("комисия протакол бриж comission protocl мост синхрофазотрон"), "x1", "a", "комисс"):
        assert index.store.knows(stem) == same.store.knows(stem)
        assert index.store.nearest(stem) == same.store.nearest(stem)
    query = stems("заседание комиссии синхрофазотрон")
    assert index.store.coverage(query, query[:1]) == pytest.approx(same.store.coverage(query, query[:1]))


def test_phrases_are_held_by_the_same_passages(
    index: rag.Index, same: rag.Index, pairs: tuple[np.ndarray, np.ndarray]
) -> None:
    local = dict(zip(pairs[0].tolist(), pairs[1].tolist(), strict=True))
    for phrase in ("Заседание комиссии закрыто", "пункт под номером", "нет такой фразы", "item number"):
        held = index.store.holding(phrase).tolist()
        assert sorted(local[number] for number in held) == same.store.holding(phrase).tolist()


def test_documents_are_the_same(index: rag.Index, same: rag.Index) -> None:
    assert list(index.store.entries) == list(same.store.entries)
    for path, entry in same.store.entries.items():
        assert index.store.document(path) == same.store.document(path)
        assert index.store.entries[path].content == entry.content
        assert index.store.words(path) == same.store.words(path)
    listed = [
        sorted((each.path, each.title, each.date, each.passages) for each in i.store.listed()) for i in (index, same)
    ]
    assert listed[0] == listed[1]
    assert index.store.languages() == same.store.languages()
    assert index.store.has_second
    with pytest.raises(QuestionError, match="holds no document"):
        index.document("nowhere.txt")


# -- the same answers with the model that users have


@pytest.mark.model
def test_the_bundled_model_finds_the_same_first_ten_in_a_folder_and_in_milvus(
    encoder: BundledEncoder, milvus: MilvusServer, tmp_path: Path
) -> None:
    documents, questions = tmp_path / "documents", [*small_town.QUESTIONS, *SEED_QUESTIONS.values()]
    shutil.copytree(SEEDS, documents)
    for name, text in small_town.TEXTS.items():
        (documents / name).write_text(text, encoding="utf-8")
    if XQUAD.is_dir():
        shutil.copy(XQUAD / "ru" / "article-00.ru.txt", documents)
        for language in ("ru", "en"):
            lines = (XQUAD / f"{language}-questions.ru-documents.jsonl").read_text("utf-8").splitlines()
            questions += [json.loads(line)["question"] for line in lines[:6]]
    settings = Settings(ocr=())
    kept, remote = (
        rag.build(documents, index, encoder=encoder, settings=settings)
        for index in (tmp_path / "index", milvus.url(next(names)))
    )
    assert len(questions) >= 22
    for question in questions:
        ours, theirs = remote.search(question, 10), kept.search(question, 10)
        assert len(theirs) == 10
        assert cited(ours, 1e-5) == cited(theirs, 1e-5), question


# -- changes


def test_nothing_changed_makes_no_generation(place: Place) -> None:
    before = place.open()
    assert place.build() == {"unchanged": 2}
    assert before.store.is_current
    assert before.latest() is before


def test_a_changed_document_is_embedded_in_part_and_the_rest_is_kept(place: Place) -> None:
    place.put("b.txt", "The first paragraph.\n\nAnd another.")
    assert place.build() == {"changed": 1, "unchanged": 1, "embedded_texts": 1}
    assert place.open().document("b.txt").text == "The first paragraph.\n\nAnd another."
    assert place.texts()[:2] == ["And another.", "The first paragraph."]
    assert len(place.texts()) == 4


def test_a_renamed_document_embeds_nothing_and_is_found_under_its_name_only(place: Place) -> None:
    (place.documents / "a.txt").rename(place.documents / "новое имя.txt")
    assert place.build() == {"renamed": 1, "unchanged": 1}
    assert sorted(place.open().store.entries) == ["b.txt", "новое имя.txt"]
    assert [hit.document for hit in place.open().search("первый абзац", 2)] == ["новое имя.txt"] * 2


def test_a_removed_document_is_gone(place: Place) -> None:
    (place.documents / "b.txt").unlink()
    assert place.build() == {"removed": 1, "unchanged": 1}
    assert place.texts() == ["Второй абзац документа.", "Первый абзац документа."]
    assert place.open().store.languages() == {"ru": 2}
    assert not place.open().store.knows(stems("paragraph")[0])


def test_copies_are_indexed_under_every_name_and_embedded_once(place: Place) -> None:
    place.put("c.txt", "Третий документ.")
    place.put("d.txt", "Третий документ.")
    place.put("e.txt", "The first paragraph.")
    assert place.build() == {"added": 3, "unchanged": 2, "embedded_texts": 1}
    [hit] = place.open().search("третий документ", 1, filters=Filters(language="ru"))
    assert (hit.document, [copy.document for copy in hit.also_in]) == ("c.txt", ["d.txt"])
    (place.documents / "c.txt").unlink()
    assert place.build() == {"removed": 1, "unchanged": 4}
    assert sorted(place.open().store.entries) == ["a.txt", "b.txt", "d.txt", "e.txt"]


def test_a_sidecar_describes_its_document_and_embeds_nothing(place: Place) -> None:
    place.put("a.txt.meta.json", '{"date": "2025-11-26"}')
    assert place.build() == {"changed": 1, "unchanged": 1}
    assert place.open().document("a.txt").date == "2025-11-26"
    assert place.build() == {"unchanged": 2}


def test_a_rebuilt_index_is_made_of_nothing_old(place: Place) -> None:
    opened = place.open()
    before = opened.ask("первый абзац")
    assert place.build(rebuild=True) == {"added": 2, "embedded_texts": 3}
    assert opened.latest().ask("первый абзац") == before


def test_an_old_reader_is_answered_while_a_newer_generation_is_made(place: Place) -> None:
    old = place.open()
    expected = place.open().ask("первый абзац")
    place.put("a.txt", "Совсем другой текст.")
    place.build()
    assert old.ask("первый абзац") == expected
    assert not old.store.is_current
    assert old.latest().ask("другой текст").citations[0].quote == "Совсем другой текст."


def test_a_folder_without_a_document_leaves_the_index_as_it_is(place: Place) -> None:
    for path in place.documents.iterdir():
        path.unlink()
    with pytest.raises(NothingToIndex):
        place.build()
    assert place.open().store.languages() == {"en": 1, "ru": 2}


def test_an_index_that_is_not_there_and_one_of_another_model_are_told_apart(place: Place) -> None:
    with pytest.raises(IndexMissing, match="run 'snoska build' first"):
        info(place.index + "_nowhere")
    with pytest.raises(IndexMismatch, match="another model"):
        rag.open(place.index, encoder=SmallEncoder(dimension=16), settings=place.settings)
    narrow = rag.build(place.documents, place.index, encoder=SmallEncoder(dimension=16), settings=place.settings)
    assert narrow.report is not None
    assert narrow.report.added == 2
    assert [hit.document for hit in narrow.search("первый абзац", 1)] == ["a.txt"]
