"""A mapped index at work: asked by several threads, damaged, let go, and with documents out of the ordinary."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rag
from rag import growth
from rag.errors import IndexDamaged
from rag.index import check
from rag.settings import Settings
from rag.stores import segment_vectors as segment_module
from rag.stores import segment_writer
from rag.stores.entry import Entry
from rag.stores.files import PARTS
from rag.stores.keys import Keys, key_list, text_key
from rag.stores.mapped import MappedStore
from rag.stores.segment import Segment
from rag.stores.segment_writer import SegmentWriter
from rag.types import Block, Document, Filters, Json, Matrix, Passage, Span
from tests.small_encoder import SmallEncoder, SmallSecond
from tests.small_mapped import some_texts

QUESTIONS = ["заседание комиссии о бюджете города", "What did the council decide?", "школа «мост река»", "мостт"]
FILTERS = [Filters(), Filters(document="1/0*"), Filters(document="1/17.txt"), Filters(language="en")]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An index in three segments with inverted lists, of thirty documents."""
    folder = tmp_path_factory.mktemp("served")
    for path, text in some_texts(1, 30).items():
        (folder / "documents" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "documents" / path).write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(growth, "SEGMENT", 50)
        patched.setattr(segment_writer, "INVERTED_FROM", 40)
        patched.setattr(segment_module, "EXACT_PASSAGES", 3)
        encoder = SmallEncoder(second=SmallSecond())
        rag.build(folder / "documents", folder / "index", encoder=encoder, settings=Settings(mapped_from=10, ocr=()))
        yield folder / "index"


def opened(index: Path) -> rag.Index:
    return rag.open(index, encoder=SmallEncoder(second=SmallSecond()))


def segments_of(store: object) -> list[Segment]:
    assert isinstance(store, MappedStore)
    return store.segments


def asks(index: rag.Index) -> list[Callable[[], Any]]:
    """What may be asked of an index, each a call of its own."""
    store = index.store
    some = [lambda q=q, f=f: index.ask(q, filters=f) for q in QUESTIONS for f in FILTERS]
    more = [lambda p=p: (store.document(p), store.words(p)) for p in store.entries]
    return [*some, *more, lambda: [store.passage(int(number)) for number in store.everyone()]]


def test_the_index_is_what_these_tests_mean(index: Path) -> None:
    found = segments_of(opened(index).store)
    assert [segment.passages >= 50 for segment in found] == [True, True, False]
    assert all({"lists-0", "lists-1", "second"} <= segment.parts.keys() for segment in found[:2])
    assert check(index)["passages"] == sum(segment.passages for segment in found) == 120


def test_several_threads_are_answered_as_one_is(index: Path) -> None:
    expected = [ask() for ask in asks(opened(index))]
    fresh = opened(index)  # whose caches all threads fill at once
    begin = threading.Barrier(6)

    def everything(first: int) -> list[Any]:
        calls = asks(fresh)
        order = [(first + at) % len(calls) for at in range(len(calls))]
        begin.wait(timeout=60)
        answers = {at: calls[at]() for at in order}
        return [answers[at] for at in range(len(calls))]

    with ThreadPoolExecutor(6) as pool:
        for answers in pool.map(everything, range(0, 60, 10)):
            assert answers == expected


# -- damage


def roles() -> list[str]:
    names = ["documents", "text", "blocks", "passages", "languages", "bounds", "sentences", "rows", "owners", "scored"]
    names += ["ownerbounds", "keys", "keyorder", "vectors", "second", "vocabulary", "stems", "scores", "columns"]
    return [*names, "trained-0", "lists-0", "sizes-0"]


def flipped(path: Path, at: int) -> Callable[[], None]:
    """Flips a bit, by another file in the place: others have the old one mapped. Gives what puts it back."""
    whole = path.read_bytes()

    def put(data: bytes) -> None:
        path.with_suffix(".new").write_bytes(data)
        path.with_suffix(".new").replace(path)

    put(whole[:at] + bytes([whole[at] ^ 64]) + whole[at + 1 :])
    return lambda: put(whole)


@pytest.mark.parametrize("place", ["first", "middle", "last"])
@pytest.mark.parametrize("role", roles())
def test_damage_is_named_by_check_and_never_answered_from(index: Path, role: str, place: str) -> None:
    sound = asks(opened(index))
    segment = segments_of(opened(index).store)[0]
    part = segment.parts[role]
    restore = flipped(index / PARTS / part.file, {"first": 0, "middle": part.size // 2, "last": part.size - 1}[place])
    try:
        with pytest.raises(IndexDamaged, match=f"^{role}: .*{part.file} differs from its checksum: run 'snoska build"):
            check(index)
        if role == "documents":  # which opening reads
            with pytest.raises(IndexDamaged, match=f"^{role}: .*{part.file}"):
                opened(index)
            return
        told = [_answer(ask) for ask in asks(opened(index))]
        assert all(own is None or own == ask() for ask, own in zip(sound, told, strict=True))
        assert (None in told) == (role not in ("keys", "keyorder", "stems"))  # which only a build reads
    finally:
        restore()
    check(index)


def _answer(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except IndexDamaged:
        return None


@pytest.mark.parametrize("role", roles())
def test_a_missing_part_is_named_at_open(index: Path, role: str) -> None:
    path = index / PARTS / segments_of(opened(index).store)[1].parts[role].file
    aside = path.with_suffix(".aside")
    path.rename(aside)
    try:
        with pytest.raises(IndexDamaged, match=f"{role}: .*{path.name} is missing"):
            opened(index)
    finally:
        aside.rename(path)


# -- letting go


def test_a_store_is_let_go_with_its_last_user(index: Path) -> None:
    asked = opened(index)
    for ask in asks(asked):
        ask()
    store, segment = weakref.ref(asked.store), weakref.ref(segments_of(asked.store)[0])
    lists = weakref.ref(segments_of(asked.store)[0].dense._inverted(0))
    gc.disable()  # what is left to the collector keeps gigabytes mapped meanwhile
    try:
        del asked, ask
        assert (store(), segment(), lists()) == (None, None, None)
    finally:
        gc.enable()
    assert len([ask() for ask in asks(opened(index))]) > 30  # and what the next ones map is theirs


# -- documents out of the ordinary


def passage_of(path: str, text: str, language: str = "ru") -> Passage:
    return Passage(path, 0, len(text), text, 1, None, language, (Span(0, len(text)),))


def store_of(folder: Path, texts: list[tuple[str, str]], dead: list[int] | None = None) -> MappedStore:
    """One segment of documents of one passage each, or of none where the text is empty, of these languages."""
    known = {text_key(text): SmallEncoder().encode_documents([text])[0] for _, text in texts}

    def vectors(keys: Keys) -> Matrix:
        return np.stack([known[key] for key in key_list(keys)])

    with SegmentWriter(folder) as writer:
        for number, (language, text) in enumerate(texts):
            path = f"{number}.txt"
            document = Document(path, text, (Block(0, len(text)),) if text else (), path, language, "txt")
            writer.add(Entry(path, f"{number:064}", None), document, [passage_of(path, text, language)] if text else [])
        value: Json = {**writer.finish(vectors, None), "dead": dead or []}
    counts = {language: sum(own == language for own, text in texts if text) for language, _ in texts}
    manifest = {"model": {"dimension": 64, "second": 0}, "languages": counts, "segments": [value]}
    return MappedStore(folder, None, manifest, [Segment(folder, value, 64, 0)])


def test_a_segment_without_a_passage_holds_its_documents(tmp_path: Path) -> None:
    store = store_of(tmp_path, [("ru", ""), ("en", "")])
    question = SmallEncoder().encode_queries(["что"])[0]
    nothing = np.empty(0, dtype=np.int64)
    assert list(store.entries) == ["0.txt", "1.txt"]
    assert store.document("1.txt").text == ""
    assert store.everyone().tolist() == store.holding("что").tolist() == []
    assert store.dense_candidates(question, 5, "ru", None).tolist() == []
    assert store.lexical_candidates(["что"], 5, None).tolist() == []
    assert store.vector_scores(question, nothing).sentence.tolist() == []
    assert store.lexical_scores(["что"], nothing).tolist() == []
    assert store.vectors_of([text_key("что")]) == {}
    assert (store.knows("что"), store.nearest("чтооо")) == (False, "чтооо")


def test_documents_without_passages_stand_between_those_with_some(tmp_path: Path) -> None:
    store = store_of(tmp_path, [("ru", ""), ("ru", "Один."), ("ru", ""), ("ru", ""), ("ru", "Два."), ("ru", "")])
    assert [store.passage(number).document for number in (0, 1)] == ["1.txt", "4.txt"]
    assert store.select(Filters(document="[2-4].txt")).tolist() == [1]  # type: ignore[union-attr]


def test_more_languages_than_a_byte_counts_are_told_apart(tmp_path: Path) -> None:
    codes = [a + b for a in "abcdefghijklmnopqrst" for b in "abcdefghijklmnop"]
    store = store_of(tmp_path, [(code, f"слово {code}") for code in codes])
    assert [store.passage(number).language for number in (0, 255, 256, 319)] == [codes[n] for n in (0, 255, 256, 319)]
    assert store.sample(codes[256]).tolist() == [256]
    assert store.sample(codes[0]).tolist() == [0]


def test_what_is_all_dead_is_not_found(tmp_path: Path) -> None:
    store = store_of(tmp_path, [("ru", "Первое слово."), ("ru", "Второе слово.")], dead=[0, 1])
    question = SmallEncoder().encode_queries(["слово"])[0]
    assert store.dense_candidates(question, 5, "ru", None).tolist() == []
    assert store.lexical_candidates(["слов"], 5, None).tolist() == []
    assert store.holding("слово").tolist() == store.everyone().tolist() == []
    assert list(store.entries) == []


def test_letters_beyond_the_basic_plane_keep_their_places(tmp_path: Path) -> None:
    text = "𝔘𝔫𝔦 и 𠮷 — «ё»."
    store = store_of(tmp_path, [("ru", "𠮷𠮷𠮷."), ("ru", text)])
    assert store.passage(1).text == text
    assert store.holding("и 𠮷").tolist() == [1]
