"""Questions to ranked passages, with the small encoder and with hand-made vectors."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest

from rag import fusion
from rag.retriever import Question, rank
from rag.stores.local import LocalStore
from rag.text import language, stems
from rag.types import Filters, Matrix, Mode
from tests.small_encoder import SmallEncoder
from tests.small_store import small_store

ENCODER = SmallEncoder()
TEXTS = [
    ("ru", "Казахстан и ОАЭ подписали протокол. Следующее заседание пройдет в Абу-Даби."),
    ("ru", "В стране работает около 500 компаний с эмиратским участием."),
    ("en", "Kazakhstan and the UAE signed the protocol. The next meeting takes place in Abu Dhabi."),
    ("en", "About 500 companies with Emirati participation operate in the country."),
    ("ru", "Дожди в Алматы прекратились. Снег выпал в горах."),
]
BOTH = pytest.mark.parametrize(
    ("question", "passage"),
    [
        pytest.param("Где пройдет следующее заседание?", 0, id="ru"),
        pytest.param("How many companies have Emirati participation?", 3, id="en"),
    ],
)


@pytest.fixture(scope="module")
def store() -> LocalStore:
    return small_store(TEXTS, ENCODER)


def ask(text: str) -> Question:
    return Question(text, language(text), ENCODER.encode_queries([text])[0], tuple(stems(text)))


# -- ranking


@BOTH
@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical", "rrf"])
def test_right_passage_is_first_in_every_mode(store: LocalStore, question: str, passage: int, mode: Mode) -> None:
    ranking = rank(store, ask(question), mode)
    assert ranking.passages[0] == passage
    assert ranking.languages[0] == TEXTS[passage][0]
    assert ranking.score.tolist() == sorted(ranking.score.tolist(), reverse=True)


@BOTH
def test_parts_of_the_scores_are_the_stores_own_and_fuse_as_fusion_says(
    store: LocalStore, question: str, passage: int
) -> None:
    asked = ask(question)
    ranking = rank(store, asked)
    exact = store.vector_scores(asked.vector, ranking.passages)
    assert sorted(ranking.passages) == [0, 1, 2, 3, 4]
    assert ranking.paragraph == pytest.approx(exact.paragraph)
    assert ranking.sentence == pytest.approx(exact.sentence)
    assert ranking.lexical == pytest.approx(store.lexical_scores(asked.stems, ranking.passages))
    fused = fusion.hybrid(ranking.standardised, ranking.lexical, ranking.languages == asked.language)
    assert ranking.score == pytest.approx(fused)
    assert ranking.score.tolist() == ranking.fused.tolist()
    assert (len(ranking), ranking.searched) == (5, 5)


def test_each_mode_scores_by_its_own_leg_and_keeps_the_fused_score(store: LocalStore) -> None:
    asked = ask("протокол заседания Abu Dhabi")
    dense, lexical, rrf = rank(store, asked, "dense"), rank(store, asked, "lexical"), rank(store, asked, "rrf")
    assert dense.score.tolist() == dense.paragraph.tolist()
    assert lexical.score.tolist() == lexical.lexical.tolist()
    assert rrf.score == pytest.approx(fusion.reciprocal_ranks(rrf.paragraph, rrf.lexical))
    hybrid = rank(store, asked)
    fused = dict(zip(hybrid.passages.tolist(), hybrid.score.tolist(), strict=True))
    for other in (dense, lexical, rrf):
        assert other.fused.tolist() == [fused[number] for number in other.passages.tolist()]


def test_lexical_mode_holds_only_passages_that_share_a_word(store: LocalStore) -> None:
    assert rank(store, ask("снег"), "lexical").passages.tolist() == [4]
    assert len(rank(store, ask("xylophone"), "lexical")) == 0


def test_equal_passages_stand_in_order_of_their_numbers() -> None:
    store = small_store([("ru", "Закон принят.")] * 4, ENCODER)
    for mode in ("hybrid", "dense", "lexical", "rrf"):
        assert rank(store, ask("закон"), mode).passages.tolist() == [0, 1, 2, 3]


def test_question_without_words_is_ranked_by_its_vector_alone(store: LocalStore) -> None:
    ranking = rank(store, ask("😀?"))
    assert len(ranking) == 5
    assert ranking.lexical.tolist() == [0] * 5


def test_every_language_sends_its_candidates_however_large_another_is() -> None:
    same = Question("", "ru", np.array([1, 0], dtype=np.float32), ())
    near, far = [1, 0], [0, 1]
    vectors = np.array([near] * 600 + [far], dtype=np.float32)
    store = small_store([("ru", "а")] * 600 + [("en", "a")], vectors=vectors)
    found = rank(store, same, "dense").passages
    assert (len(found), found[-1]) == (501, 600)


# -- filters and masks


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        pytest.param(Filters(), [0, 1, 2, 3, 4], id="all"),
        pytest.param(Filters(language="en"), [2, 3], id="language"),
        pytest.param(Filters(document="[13].*"), [1, 3], id="document"),
        pytest.param(Filters(type="txt", since="2025-01-02", until="2025-01-04"), [1, 2, 3], id="type_and_dates"),
        pytest.param(Filters(language="ru", document="4.txt"), [4], id="one"),
        pytest.param(Filters(type="pdf"), [], id="none"),
    ],
)
@pytest.mark.parametrize("mode", ["hybrid", "dense", "rrf"])
def test_filters_say_which_passages_may_answer(
    store: LocalStore, filters: Filters, expected: list[int], mode: Mode
) -> None:
    ranking = rank(store, ask("протокол"), mode, filters)
    assert sorted(ranking.passages) == expected
    assert ranking.searched == len(expected)


def test_filter_leaves_the_scores_as_they_are(store: LocalStore) -> None:
    whole, part = rank(store, ask("протокол")), rank(store, ask("протокол"), filters=Filters(document="4.txt"))
    assert part.score.tolist() == whole.score[whole.passages == 4].tolist()


@BOTH
def test_masked_passage_is_out_of_the_ranking_and_of_the_statistics(
    store: LocalStore, question: str, passage: int
) -> None:
    whole, masked = rank(store, ask(question)), rank(store, ask(question), without=[passage])
    assert sorted(masked.passages) == sorted({0, 1, 2, 3, 4} - {passage})
    assert masked.searched == 4
    alike = masked.languages == TEXTS[passage][0]
    before = dict(zip(whole.passages.tolist(), whole.standardised.tolist(), strict=True))
    assert all(z > before[n] for n, z in zip(masked.passages[alike], masked.standardised[alike], strict=True))


def test_masking_a_whole_language_or_everything_leaves_the_rest(store: LocalStore) -> None:
    assert sorted(rank(store, ask("протокол"), without=[2, 3]).passages) == [0, 1, 4]
    nothing = rank(store, ask("протокол"), without=range(5))
    assert (len(nothing), nothing.searched) == (0, 0)


# -- a minority among passages of another language

DIMENSION, MAJORITY, QUESTIONS = 64, 120, 40
TOPICS = slice(8, None)  # the first places hold what all texts share, and what the languages do


def texts_of(language_place: int, topics: Matrix) -> Matrix:
    """Unit vectors such as a multilingual model gives: unrelated texts at .84 in one language and at .80 across two,
    give or take .02."""
    vectors = np.zeros((len(topics), DIMENSION), dtype=np.float32)
    vectors[:, 0], vectors[:, language_place] = np.sqrt(0.80), np.sqrt(0.04)
    vectors[:, TOPICS] = np.sqrt(0.16) * topics
    return vectors


def units(random: np.random.Generator, count: int) -> Matrix:
    rows = random.standard_normal((count, DIMENSION - TOPICS.start))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def minority_ranks(question: str, minority: str, size: int, mode: Mode) -> Iterator[int]:
    """The ranks, from 0, of the only answer, which is one of ``size`` passages in the minority's language."""
    random = np.random.default_rng(size)
    majority = "ru" if minority == "en" else "en"
    places = {"ru": 1, "en": 2}
    likeness = 0.75 if question == minority else 0.5  # the answer at 5 and 4 deviations over the mean, as measured
    while True:
        many, few, noise = units(random, MAJORITY), units(random, size), units(random, size)
        vectors = np.concatenate([texts_of(places[majority], many), texts_of(places[minority], few)])
        store = small_store([(majority, "а")] * MAJORITY + [(minority, "a")] * size, vectors=vectors)
        topics = likeness * few + np.sqrt(1 - likeness**2) * noise
        for number, asked in enumerate(texts_of(places[question], topics)):
            unit = np.asarray(asked / np.linalg.norm(asked), dtype=np.float32)
            found = rank(store, Question("", question, unit, ()), mode).passages
            yield int(np.flatnonzero(found == MAJORITY + number)[0])


def found_in_ten(question: str, minority: str, size: int, mode: Mode = "hybrid") -> float:
    ranks = list(islice(minority_ranks(question, minority, size, mode), QUESTIONS))
    return sum(rank < 10 for rank in ranks) / QUESTIONS


@pytest.mark.parametrize("size", [1, 5, 20, MAJORITY])
@pytest.mark.parametrize("minority", ["ru", "en"])
@pytest.mark.parametrize("question", ["ru", "en"])
def test_answer_in_the_minority_language_is_among_the_first_ten(question: str, minority: str, size: int) -> None:
    assert found_in_ten(question, minority, size) >= 0.9


@pytest.mark.parametrize(("question", "minority"), [("ru", "en"), ("en", "ru")], ids=["ru", "en"])
def test_standardising_finds_in_the_other_language_what_raw_cosines_do_not(question: str, minority: str) -> None:
    assert found_in_ten(question, minority, 20, "dense") < 0.9 <= found_in_ten(question, minority, 20)


@pytest.mark.parametrize("language", ["ru", "en"])
def test_without_shrinkage_a_lone_passage_would_be_lost(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fusion, "SHRINKAGE", 0)
    assert found_in_ten(language, language, 1) == 0
