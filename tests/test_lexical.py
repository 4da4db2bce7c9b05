"""The lexical leg: BM25 with Lucene's idf, bounded to [0, 1], on hand-computed numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.lexical import LexicalLeg, best, idf
from rag.text import stems

STEMS = st.lists(st.sampled_from("abcdef"), max_size=12)
RUSSIAN = ["Закон о суде", "Закон, закон и право о праве", ""]  # stems: закон о суд; закон закон и прав о прав
ENGLISH = ["The act", "The act of the acting", ""]


@pytest.mark.parametrize(
    ("documents", "frequency", "expected"),
    [
        pytest.param(3, 0, math.log(8), id="in_none"),
        pytest.param(3, 1, math.log(8 / 3), id="in_one"),
        pytest.param(4, 2, math.log(2), id="in_half"),
        pytest.param(3, 3, math.log(8 / 7), id="in_all"),
        pytest.param(2, 1, math.log(2), id="in_one_of_two"),
        pytest.param(1, 1, math.log(4 / 3), id="in_the_only_one"),
    ],
)
def test_idf_is_lucenes_and_never_negative(documents: int, frequency: int, expected: float) -> None:
    assert idf(documents, frequency) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("a", "b", "c", "unknown"),
    [pytest.param("закон", "суд", "прав", "налог", id="ru"), pytest.param("law", "court", "right", "tax", id="en")],
)
def test_bounded_score_is_the_share_of_the_querys_weight(a: str, b: str, c: str, unknown: str) -> None:
    leg = LexicalLeg.of([[a, b], [a, a, c, c], []])  # 2 stems a passage on average
    # A stem once in a passage of average length gives idf * 2.5 / (1 + 1.5) = idf, of idf * 2.5 at most.
    # Twice in a passage of twice that length: 2 * 2.5 / (2 + 1.5 * (0.25 + 0.75 * 2)) = 5 / 4.625.
    twice = 5 / 4.625
    weight_a, weight_b = math.log(1.6), math.log(8 / 3)  # in two passages and in one of three
    assert leg.scores([a]) == pytest.approx([0.4, twice / 2.5, 0])
    assert leg.scores([b]) == pytest.approx([0.4, 0, 0])
    assert leg.scores([a, b]) == pytest.approx([0.4, weight_a * twice / (2.5 * (weight_a + weight_b)), 0])
    assert leg.scores([b, unknown]) == pytest.approx([weight_b / (2.5 * (weight_b + math.log(8))), 0, 0])
    assert leg.scores([a, a, b])[0] == pytest.approx(0.4)
    assert leg.scores([b]).dtype == np.float32


@pytest.mark.parametrize("texts", [RUSSIAN, ENGLISH], ids=["ru", "en"])
def test_inflected_words_match_by_their_stems(texts: list[str]) -> None:
    leg = LexicalLeg.of([stems(text) for text in texts])
    query = stems("законов" if texts is RUSSIAN else "acts")
    assert list(leg.scores(query) > 0) == [True, True, False]


def test_question_in_another_language_scores_nothing() -> None:
    leg = LexicalLeg.of([stems(text) for text in RUSSIAN])
    assert leg.scores(stems("Which law is about the court?")).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    "passages",
    [
        pytest.param([], id="no_passage"),
        pytest.param([[]], id="an_empty_one"),
        pytest.param([[], [], []], id="empty_ones"),
    ],
)
def test_leg_without_a_word_scores_zero(passages: list[list[str]]) -> None:
    leg = LexicalLeg.of(passages)
    assert leg.scores(["a"]).tolist() == [0.0] * len(passages)
    assert leg.scores([]).tolist() == [0.0] * len(passages)
    assert best(leg.scores(["a"]), 5).tolist() == []


def test_a_collection_of_one_or_two_passages_is_searched_as_any_other() -> None:
    assert LexicalLeg.of([["закон"]]).scores(["закон"]) == pytest.approx([0.4])
    assert LexicalLeg.of([["закон"], ["суд"]]).scores(["закон"]) == pytest.approx([0.4, 0])


@settings(deadline=None)  # the machine may be busy
@given(st.lists(STEMS, max_size=6), st.lists(st.sampled_from("abcdefgh"), max_size=8))
def test_bounded_score_lies_between_0_and_1_and_is_0_only_without_a_shared_stem(
    passages: list[list[str]], query: list[str]
) -> None:
    scores = LexicalLeg.of(passages).scores(query)
    assert scores.shape == (len(passages),)
    assert ((scores >= 0) & (scores < 1)).all()
    assert (scores > 0).tolist() == [bool(set(passage) & set(query)) for passage in passages]


def test_coverage_is_the_share_of_the_querys_weight_that_is_present() -> None:
    leg = LexicalLeg.of([["a", "b"], ["a"], ["c"]])
    weight_a, weight_b, weight_x = math.log(1.6), math.log(8 / 3), math.log(8)
    assert leg.coverage(["a", "b", "x"], ["b", "b", "z"]) == pytest.approx(weight_b / (weight_a + weight_b + weight_x))
    assert leg.coverage(["a", "x"], ["x", "a"]) == pytest.approx(1)
    assert leg.coverage(["a"], []) == 0
    assert leg.coverage([], ["a"]) == 0


@pytest.mark.parametrize(
    ("count", "allowed", "expected"),
    [
        pytest.param(9, None, [3, 1, 4, 0], id="ties_by_number"),
        pytest.param(2, None, [3, 1], id="first_two"),
        pytest.param(9, [4, 0, 2], [4, 0], id="allowed"),
        pytest.param(9, [2], [], id="allowed_without_a_match"),
        pytest.param(9, [], [], id="none_allowed"),
        pytest.param(0, None, [], id="none_wanted"),
    ],
)
def test_best_are_those_above_zero_in_order(count: int, allowed: list[int] | None, expected: list[int]) -> None:
    scores = np.array([0.1, 0.5, 0, 0.9, 0.5], dtype=np.float32)
    ids = None if allowed is None else np.array(allowed, dtype=np.int64)
    found = best(scores, count, ids)
    assert found.tolist() == expected
    assert found.dtype == np.int64


@given(st.lists(STEMS, min_size=1, max_size=6), st.lists(st.sampled_from("abcdefg"), max_size=5), st.data())
@settings(max_examples=60, deadline=None)
def test_without_passages_the_rest_score_as_if_they_had_never_been_there(
    passages: list[list[str]], query: list[str], data: st.DataObject
) -> None:
    gone = data.draw(st.sets(st.integers(0, len(passages) - 1)))
    kept = [number for number in range(len(passages)) if number not in gone]
    leg, rest = LexicalLeg.of(passages).without(gone), LexicalLeg.of([passages[number] for number in kept])
    assert leg.scores(query)[kept] == pytest.approx(rest.scores(query), abs=1e-6)
    assert [leg.weight(stem) for stem in query] == pytest.approx([rest.weight(stem) for stem in query])
    assert [leg.knows(stem) for stem in query] == [rest.knows(stem) for stem in query]
    assert leg.coverage(query, "abc") == pytest.approx(rest.coverage(query, "abc"))
