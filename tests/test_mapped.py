"""A mapped store answers as one in memory does over the same documents, in one segment or several, and if some of it
is dead."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

import rag
from rag.lexical import K1, B, idf
from rag.settings import Settings
from rag.stores import mapped as mapped_module
from rag.stores import segment_vectors as segment_module
from rag.stores import segment_writer
from rag.stores.local import LocalStore
from rag.stores.mapped import MappedStore
from rag.text import stems
from rag.types import Centre, Filters, Ids, Vector, Word
from tests.small_encoder import SmallEncoder, SmallSecond
from tests.small_mapped import Twins, some_texts, twins

HALF = 2e-3  # half precision, in a cosine
QUESTIONS = ["заседание комиссии о бюджете города", "What did the council decide about the bridge?", "1023 школа"]
ENCODER = SmallEncoder(second=SmallSecond())


def vector_of(question: str) -> Vector:
    return np.asarray(ENCODER.encode_queries([question])[0])


def built(folder: Path, texts: dict[str, str], mapped_from: int = 10**6) -> rag.Index:
    for path, text in texts.items():
        (folder / "documents" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "documents" / path).write_text(text, encoding="utf-8")
    settings = Settings(mapped_from=mapped_from, ocr=())
    return rag.build(folder / "documents", folder / "index", encoder=ENCODER, settings=settings)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> tuple[LocalStore, LocalStore]:
    """Thirty documents in memory, and ten others."""
    texts = some_texts(1, 29) | {"1/dashes.txt": "— — —\n\nЗаседание комиссии закрыто. Заседание комиссии закрыто."}
    pair = [built(tmp_path_factory.mktemp("small"), each).store for each in (texts, some_texts(2, 10))]
    assert isinstance(pair[0], LocalStore)
    assert isinstance(pair[1], LocalStore)
    return pair[0], pair[1]


WAYS = ["one segment", "three segments", "inverted lists", "dead documents"]


@pytest.fixture(scope="module", params=WAYS)
def same(
    request: pytest.FixtureRequest, stores: tuple[LocalStore, LocalStore], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Twins]:
    local, others = stores
    with pytest.MonkeyPatch.context() as patched:
        if request.param == "inverted lists":
            patched.setattr(segment_writer, "INVERTED_FROM", 60)
            patched.setattr(segment_module, "EXACT_PASSAGES", 3)
        patched.setattr(mapped_module, "COMMON", 1.0)  # no stem is left out: tested by itself
        dead = others if request.param == "dead documents" else None
        words = {"1/07.txt": [Word(0, 5, 1, 1.0, 2.0, 3.0, 4.0)]}
        yield twins(tmp_path_factory.mktemp("mapped"), local, 1 if request.param in WAYS[0::2] else 3, dead, words)


def lists(store: MappedStore) -> int:
    return sum(role.startswith("lists-") for segment in store.segments for role in segment.parts)


def test_documents_and_passages_are_the_same(same: Twins) -> None:
    store, local = same.mapped, same.local
    assert lists(store) in (0, 2)  # none, or one of each language
    assert store.everyone().tolist() == np.flatnonzero(same.local_of >= 0).tolist()
    assert [store.passage(number) for number in store.everyone()] == [
        local.passage(number) for number in same.local_of[store.everyone()]
    ]
    assert list(store.entries) == list(local.entries)
    for path, entry in store.entries.items():
        assert store.document(path) == local.document(path)
        assert (entry.sha256, entry.content, entry.part) == (
            local.entries[path].sha256,
            local.entries[path].content,
            None,
        )
        assert store.words(path) == ((Word(0, 5, 1, 1.0, 2.0, 3.0, 4.0),) if path == "1/07.txt" else ())
    assert (store.has_second, store.languages()) == (True, local.languages())
    store.verify_all()
    assert store.disk_bytes == sum(part.size for segment in store.segments for part in segment.parts.values())


@pytest.mark.parametrize("question", QUESTIONS)
def test_vector_scores_are_the_same_within_half_precision(same: Twins, question: str) -> None:
    vector, second = vector_of(question), SmallSecond().encode_questions([question])[0]
    for some in (same.mapped.everyone(), same.mapped.everyone()[::-3], same.mapped.everyone()[:0]):
        ids = same.local_of[some]
        ours, theirs = same.mapped.vector_scores(vector, some), same.local.vector_scores(vector, ids)
        assert ours.paragraph == pytest.approx(theirs.paragraph, abs=HALF)
        assert ours.sentence == pytest.approx(theirs.sentence, abs=HALF)
        assert [kind.dtype for kind in (ours.paragraph, ours.sentence)] == ["f4", "f4"]
        for number, own, best in zip(some.tolist(), ids.tolist(), ours.sentence.tolist(), strict=True):
            each, exact = same.mapped.sentence_scores(vector, number), same.local.sentence_scores(vector, own)
            assert each == pytest.approx(exact, abs=HALF)
            assert best == pytest.approx(each.max(), abs=1e-6)
        centre = Centre(vector / 2, vector_of("среднее") / 2)
        centred = same.mapped.centred_scores(vector, some, centre)
        assert centred == pytest.approx(same.local.centred_scores(vector, ids, centre), abs=10 * HALF)
        assert same.mapped.second_scores(second, some) == pytest.approx(same.local.second_scores(second, ids), abs=HALF)


def in_segments(same: Twins, query: Sequence[str]) -> list[float]:
    """BM25 by its formula, over all that the segments hold, each passage's length against its own segment's mean."""
    owners = [segment for segment in same.mapped.segments for _ in range(segment.passages)]
    own = [stems(same.mapped.passage(number).text) for number in range(len(owners))]
    mean = {
        id(s): statistics.mean([len(each) for each, of in zip(own, owners, strict=True) if of is s]) for s in owners
    }
    size = len(same.local.passages)
    weights = [idf(size, min(size, sum(stem in each for each in own))) for stem in query]
    found = []
    for each, of in zip(own, owners, strict=True):
        norm = K1 * (1 - B + B * len(each) / mean[id(of)])
        shares = [each.count(stem) / (each.count(stem) + norm) for stem in query]
        found.append(float(np.dot(weights, shares)) / sum(weights))
    return found


@pytest.mark.parametrize("question", [*QUESTIONS, "мост мост река", "синхрофазотрон"])
def test_words_are_scored_the_same(same: Twins, question: str) -> None:
    query, store, everyone = stems(question), same.mapped, same.mapped.everyone()
    scores = store.lexical_scores(query, everyone)
    assert scores == pytest.approx(np.array(in_segments(same, query))[everyone], abs=1e-5)
    found = store.lexical_candidates(query, 7, None)
    ranked = everyone[np.lexsort((everyone, -scores))][: min(7, int((scores > 0).sum()))]
    assert found.tolist() == ranked.tolist()
    if len(store.segments) == 1:
        ids = same.local_of[everyone]
        assert scores == pytest.approx(same.local.lexical_scores(query, ids), abs=1e-6)
        assert same.to_local(found) == same.local.lexical_candidates(query, 7, None).tolist()
        assert store.coverage(query, query[:1]) == pytest.approx(same.local.coverage(query, query[:1]))
    assert store.coverage(query, query) == pytest.approx(1)
    assert store.lexical_scores([], everyone).tolist() == [0] * len(everyone)


def test_stems_are_known_and_misspelt_ones_guessed_the_same(same: Twins) -> None:
    for stem in (*stems("комисия протакол бриж comission protocl мост синхрофазотрон"), "x1", "a"):
        assert same.mapped.knows(stem) == same.local.knows(stem)
        assert same.mapped.nearest(stem) == same.local.nearest(stem)
    assert same.mapped.nearest("комисс") == "комисс"


def test_phrases_are_held_by_the_same_passages(same: Twins) -> None:
    one = same.local.passage(17).text.split(". ")[1]
    for phrase in (one, "Заседание комиссии закрыто", "пункт под номером", "«— —»", "нет такой фразы", "item number"):
        assert same.to_local(same.mapped.holding(phrase)) == sorted(
            same.local.holding(phrase).tolist(), key=lambda n: list(same.local_of).index(n)
        )
    assert same.mapped.holding("Заседание комиссии закрыто").tolist() != []


FILTERS = [
    Filters(language="en"),
    Filters(document="1/0*", type="txt"),
    Filters(document="1/17.txt"),
    Filters(type="pdf"),
    Filters(since="2020-01-01"),
]


def near(same: Twins, vector: Vector, count: int, language: str, allowed: Ids | None) -> tuple[set[int], set[int]]:
    """Local numbers that must be found, and those that may be: half precision leaves the order of equals open."""
    ids = same.local.dense_candidates(vector, count, language, allowed)
    own = np.array([i for i, p in enumerate(same.local.passages) if p.language == language], np.int64)
    own = own if allowed is None else np.intersect1d(own, allowed)
    best = {int(i): float(same.local.dense.rows(_rows(same.local, int(i))).dot(vector).max()) for i in own}
    least = min((best[int(i)] for i in ids), default=2.0)
    return {i for i in best if best[i] > least + HALF}, {i for i in best if best[i] >= least - HALF}


def _rows(store: LocalStore, number: int) -> Ids:
    leg = store.dense
    rows = [leg.paragraph_rows[number], *leg.sentence_rows[leg.bounds[number] : leg.bounds[number + 1]]]
    return np.array(rows, dtype=np.int64)


@pytest.mark.parametrize("filters", [Filters(), *FILTERS], ids=str)
def test_filters_leave_the_same_passages_and_the_same_candidates(same: Twins, filters: Filters) -> None:
    ours, theirs = same.mapped.select(filters), same.local.select(filters)
    assert (ours is None) == (theirs is None)
    if ours is not None and theirs is not None:
        assert sorted(same.local_of[ours].tolist()) == theirs.tolist()
        assert ours.tolist() == sorted(ours.tolist())
    one = None if theirs is None else theirs[:1]
    for few, allowed in ((ours, theirs), (None if ours is None else ours[same.local_of[ours] == one], one)):
        for question in QUESTIONS:
            for language in same.local.languages():
                must, may = near(same, vector_of(question), 20, language, allowed)
                found = same.to_local(same.mapped.dense_candidates(vector_of(question), 20, language, few))
                assert found is not None
                assert must <= set(found) <= may
            words = same.mapped.lexical_candidates(stems(question), 5, few)
            if len(same.mapped.segments) == 1:
                assert same.to_local(words) == same.local.lexical_candidates(stems(question), 5, allowed).tolist()
            assert few is None or set(words.tolist()) <= set(few.tolist())


def test_the_same_sample_of_each_language_is_drawn(same: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    for language, size in same.local.languages().items():
        assert same.mapped.sample(language).tolist() == [
            number for number in same.mapped.everyone() if same.mapped.passage(number).language == language
        ]
        assert len(same.mapped.sample(language)) == size
        monkeypatch.setattr(mapped_module, "SAMPLE", 7)
        fresh = MappedStore(same.mapped.folder, None, same.mapped.manifest, same.mapped.segments)
        assert len(fresh.sample(language)) == len(range(0, size, -(-size // 7)))
        monkeypatch.undo()


def test_a_common_stem_proposes_nothing_where_a_rarer_one_does(same: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped_module, "COMMON", 0.1)
    everyone = {int(n): set(stems(same.mapped.passage(n).text)) for n in same.mapped.everyone()}
    [rare] = stems("закрыто")
    [common] = stems("пункт")
    found = same.mapped.lexical_candidates([rare, common], 500, None)
    assert found.tolist() == [number for number in found.tolist() if rare in everyone[number]]
    assert len(found) == 1
    assert len(same.mapped.lexical_candidates([common], 500, None)) == sum(common in own for own in everyone.values())
