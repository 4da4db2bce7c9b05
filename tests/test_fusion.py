"""Fusion on hand-computed numbers; the measured constants are held still, for they may be measured anew."""

from __future__ import annotations

import numpy as np
import pytest

from rag import fusion
from rag.types import Vector


@pytest.fixture(autouse=True)
def constants(monkeypatch: pytest.MonkeyPatch) -> None:
    fixed = {"LEXICAL_WEIGHT": 0.25, "SPREAD": 0.025, "CROSS_FACTOR": 1.25, "SHRINKAGE": 60, "RANK_CONSTANT": 60,
             "CENTRED_WEIGHT": 0.3, "SECOND_WEIGHT": 0.1}  # fmt: skip
    for name, value in fixed.items():
        monkeypatch.setattr(fusion, name, value)


def vector(*values: float) -> Vector:
    return np.array(values, dtype=np.float32)


def around(mean: float, spread: float, count: int) -> Vector:
    """``count`` scores with this mean and standard deviation."""
    return vector(*[mean - spread, mean + spread] * (count // 2))


def test_vector_score_is_the_mean_of_paragraph_and_best_sentence() -> None:
    score = fusion.vector_score(vector(0.8, 0.6), vector(0.9, -0.2))
    assert score == pytest.approx([0.85, 0.2])
    assert score.dtype == np.float32


@pytest.mark.parametrize(
    ("question", "ru", "en"),
    [
        # ru has 60 samples, so half a say: prior .84 as measured; deviation .5 * .02 + .5 * .024.
        # en has 20, so a quarter: prior .84 - .04 = .80, mean .25 * .76 + .75 * .80; .25 * .02 + .75 * .022.
        pytest.param("ru", (0.84, 0.022), (0.79, 0.0215), id="ru"),
        # The other way round: ru is the other language, so en is expected at .84 + .04 = .88: .25 * .76 + .75 * .88.
        pytest.param("en", (0.84, 0.021), (0.85, 0.023), id="en"),
        # Both are other languages to the question: no offset between them: en .25 * .76 + .75 * .84.
        pytest.param("kk", (0.84, 0.021), (0.82, 0.0215), id="kk"),
    ],
)
def test_statistics_shrink_toward_what_the_question_expects(
    question: str, ru: tuple[float, float], en: tuple[float, float]
) -> None:
    samples = {"ru": around(0.84, 0.02, 60), "en": around(0.76, 0.02, 20)}
    found = fusion.statistics(samples, {"ru": 600, "en": 20}, question)
    assert (found["ru"].mean, found["ru"].deviation) == pytest.approx(ru)
    assert (found["en"].mean, found["en"].deviation) == pytest.approx(en)


def test_a_lone_passage_is_compared_with_the_other_language_and_not_with_itself() -> None:
    samples = {"ru": around(0.84, 0.02, 60), "en": vector(0.88)}
    alone = fusion.statistics(samples, {"ru": 60, "en": 1}, "ru")["en"]
    assert alone.mean == pytest.approx(0.88 / 61 + 0.80 * 60 / 61)
    assert alone.deviation == pytest.approx(0.022 * 60 / 61)


def test_statistics_of_equally_large_languages_do_not_depend_on_their_order() -> None:
    ru, en = around(0.84, 0.02, 10), around(0.76, 0.02, 10)
    one = fusion.statistics({"ru": ru, "en": en}, {"ru": 10, "en": 10}, "en")
    other = fusion.statistics({"en": en, "ru": ru}, {"en": 10, "ru": 10}, "en")
    assert one == other


def test_standard_score_counts_deviations_over_the_mean() -> None:
    scores = fusion.standardise(vector(0.9, 0.8, 0.5), vector(0.84, 0.84, 0.5), vector(0.02, 0.02, 0))
    assert scores == pytest.approx([3, -2, 0], abs=1e-4)


@pytest.mark.parametrize(
    ("centred", "second", "expected"),
    [
        pytest.param(3.0, 5.0, 0.6 * 2 + 0.3 * 3 + 0.1 * 5, id="both"),
        pytest.param(3.0, None, (0.6 * 2 + 0.3 * 3) / 0.9, id="no_second_encoder"),
        pytest.param(None, 5.0, (0.6 * 2 + 0.1 * 5) / 0.7, id="no_means"),
        pytest.param(None, None, 2.0, id="neither"),
    ],
)
def test_across_languages_what_there_is_shares_the_say(
    centred: float | None, second: float | None, expected: float
) -> None:
    given = [None if value is None else vector(value) for value in (centred, second)]
    assert fusion.across(vector(2), *given) == pytest.approx([expected])


def test_hybrid_adds_the_lexical_score_and_lifts_the_other_language() -> None:
    score = fusion.hybrid(vector(4, 4, -2), vector(0, 0.4, 0), np.array([True, False, True]))
    assert score == pytest.approx([0.1, 0.125 + 0.1, -0.05])


@pytest.mark.parametrize(
    ("scores", "ranks"),
    [
        pytest.param([0.9, 0.1, 0.5], [1, 3, 2], id="distinct"),
        pytest.param([3, 1, 3, 2], [1.5, 4, 1.5, 3], id="tied_first"),
        pytest.param([0, 0, 0, 0], [2.5, 2.5, 2.5, 2.5], id="all_tied"),
        pytest.param([5], [1], id="one"),
        pytest.param([], [], id="none"),
    ],
)
def test_equal_scores_share_their_mean_rank(scores: list[float], ranks: list[float]) -> None:
    assert fusion.mean_ranks(vector(*scores)).tolist() == ranks


def test_reciprocal_rank_fusion_sums_over_the_legs() -> None:
    fused = fusion.reciprocal_ranks(vector(0.9, 0.8, 0.7), vector(0, 0, 5))
    assert fused == pytest.approx([1 / 61 + 1 / 62.5, 1 / 62 + 1 / 62.5, 1 / 63 + 1 / 61])


def test_order_is_from_the_best_with_ties_by_passage_number() -> None:
    ids = np.array([5, 9, 3, 1], dtype=np.int64)
    assert fusion.order(vector(1, 2, 2, -1), ids).tolist() == [2, 1, 0, 3]
