"""The confidence: its features and the regression's arithmetic, whatever the coefficients are."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rag.calibration
from rag.answer import Reading
from rag.calibration import FEATURES, FITTED_SIZES, Calibration, Confidence, Thresholds, features, sigmoid
from rag.retriever import Question, Ranking
from rag.stores.local import LocalStore
from rag.types import Centre, Span, Vector
from tests.small_store import small_store

READING = Reading(Span(0, 5), match=0.75)


def vector(*values: float) -> Vector:
    return np.array(values, dtype=np.float32)


@pytest.fixture
def store() -> LocalStore:
    return small_store([("ru", "Закон принят."), ("en", "The law passed."), ("ru", "Дождь."), ("ru", "Снег и град.")])


@pytest.fixture
def question() -> Question:
    return Question("Закон о налоге", "ru", np.zeros(64, dtype=np.float32), ("закон", "о", "налог", "закон"))


@pytest.fixture
def ranking() -> Ranking:
    """The Russian passage 0 first, then the English one, which stands out more, then two Russian ones."""
    return Ranking(
        passages=np.array([0, 1, 2, 3], dtype=np.int64),
        languages=np.array(["ru", "en", "ru", "ru"]),
        score=vector(9, 8, 7, 6),
        fused=vector(0.5, 0.4, 0.2, 0.1),
        paragraph=vector(0.8, 0.9, 0.7, 0.7),
        sentence=vector(0.875, 0.9, 0.7, 0.7),
        lexical=vector(0.25, 0, 0, 0),
        standardised=vector(2.5, 3, 1, -1),
        searched=100,
    )


def calibration(intercept: float = 0, **weights: float) -> Calibration:
    return Calibration(intercept, dict.fromkeys(FEATURES, 0.0) | weights, Thresholds(0.75, 0.5), Thresholds(0.9, 0.25))


# -- the features


def test_features_are_about_the_first_passage(store: LocalStore, question: Question, ranking: Ranking) -> None:
    found = features(store, question, ranking, READING)
    # «закон» stands in one passage of four, «о» and «налог» in none; each counts once.
    one, none = math.log(1 + 3.5 / 1.5), math.log(1 + 4.5 / 0.5)
    assert tuple(found) == FEATURES
    assert found == pytest.approx(
        {
            "same_language": 1,
            "standardised": 2.5,
            "best_standardised": 3,
            "standardised_gap": 2.5 - -1,  # to the last, for there are no five in its language
            "score_gap": 0.5 - 0.2,
            "runner_up_gap": 0.5 - 0.2,  # to the next in its language
            "centred_gap": 0,
            "second_gap": 0,
            "token_match": 0.75,
            "sentence": 0.875,
            "lexical": 0.25,
            "coverage": one / (one + 2 * none),
            "question_length": math.log(5),
            "collection_size": math.log(100),
        }
    )


def test_features_of_a_lone_passage_in_another_language(
    store: LocalStore, question: Question, ranking: Ranking
) -> None:
    alone = replace(ranking.take(np.array([1])), searched=1)
    found = features(store, question, alone, READING)
    assert (found["same_language"], found["standardised_gap"], found["score_gap"], found["coverage"]) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("order", "centred", "second"),
    [
        pytest.param([0, 1, 2, 3], 0.5 - 0.25, 0, id="same_language"),
        pytest.param([2, 0, 1, 3], 0.25 - 0.5, 0, id="another_stands_above"),
        pytest.param([1, 4, 0, 2], 0.75 - 0.5, 0.5 - 0.75, id="other_language"),
        pytest.param([1, 0, 2, 3], 0, 0, id="alone_in_its_language"),
    ],
)
def test_gaps_are_to_the_best_other_of_the_first_passages_language(
    question: Question,
    ranking: Ranking,
    order: list[int],
    centred: float,
    second: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts = [("ru", "Закон принят."), ("en", "The law."), ("ru", "Дождь."), ("ru", "Снег."), ("en", "Rain.")]
    store = small_store(texts)
    monkeypatch.setattr(store, "centred_scores", lambda _, ids, __: vector(0.5, 0.75, 0.25, 0, 0.5)[ids])
    monkeypatch.setattr(store, "second_scores", lambda _, ids: vector(0, 0.5, 0, 0, 0.75)[ids])
    asked = replace(question, centre=Centre(vector(0), vector(0)), second=vector(1))
    ranked = replace(ranking, passages=np.array(order), languages=np.array([texts[number][0] for number in order]))
    found = features(store, asked, ranked, READING)
    assert (found["centred_gap"], found["second_gap"]) == (centred, second)


@pytest.mark.parametrize(
    ("searched", "counted"),
    [(0, FITTED_SIZES[0]), (FITTED_SIZES[0], FITTED_SIZES[0]), (50, 50), (10**6, FITTED_SIZES[1])],
)
def test_collection_size_stays_within_what_was_fitted(
    store: LocalStore, question: Question, ranking: Ranking, searched: int, counted: int
) -> None:
    found = features(store, question, replace(ranking, searched=searched), READING)
    assert found["collection_size"] == pytest.approx(math.log(counted))


# -- the regression


@pytest.mark.parametrize(
    ("value", "probability"),
    [(0, 0.5), (math.log(3), 0.75), (-math.log(3), 0.25), (1000, 1), (-1000, 0), (-1e308, 0)],
)
def test_sigmoid_never_overflows(value: float, probability: float) -> None:
    assert sigmoid(value) == pytest.approx(probability)


def test_probability_is_the_sigmoid_of_the_weighted_features(
    store: LocalStore, question: Question, ranking: Ranking
) -> None:
    judged = calibration(-2, sentence=4, lexical=-2, same_language=math.log(3) - 1).judge(
        store, question, ranking, READING
    )
    # -2 + 4 * .875 - 2 * .25 + ln 3 - 1 = ln 3
    assert judged.probability == pytest.approx(0.75)


@pytest.mark.parametrize("first", [0, 1], ids=["same_language", "other_language"])
@pytest.mark.parametrize("probability", [0.2, 0.3, 0.6, 0.8, 0.95])
def test_thresholds_are_those_of_the_first_passages_language(
    store: LocalStore, question: Question, ranking: Ranking, first: int, probability: float
) -> None:
    limits = Thresholds(0.75, 0.5) if first == 0 else Thresholds(0.9, 0.25)
    verdict = "found" if probability >= limits.found else "unsure" if probability >= limits.not_found else "not_found"
    model = calibration(math.log(probability / (1 - probability)))
    judged = model.judge(store, question, ranking.take(np.array([first])), READING)
    assert judged.probability == pytest.approx(probability)
    assert judged.verdict == verdict


@pytest.mark.parametrize(
    ("limits", "verdict"),
    [
        pytest.param(Thresholds(0.5, 0.1), "found", id="at_the_upper"),
        pytest.param(Thresholds(0.6, 0.5), "unsure", id="at_the_lower"),
        pytest.param(Thresholds(0.6, 0.51), "not_found", id="below_both"),
    ],
)
def test_threshold_itself_counts_as_reached(
    store: LocalStore, question: Question, ranking: Ranking, limits: Thresholds, verdict: str
) -> None:
    assert replace(calibration(), same=limits).judge(store, question, ranking, READING) == Confidence(0.5, verdict)  # type: ignore[arg-type]  # one of three


def test_nothing_ranked_or_no_word_asked_is_not_found(store: LocalStore, question: Question, ranking: Ranking) -> None:
    model = calibration(100)
    nothing = ranking.take(np.array([], dtype=np.int64))
    assert model.judge(store, question, nothing, None) == Confidence(0.0, "not_found")
    assert model.judge(store, replace(question, stems=()), ranking, READING) == Confidence(0.0, "not_found")


# -- the file


def test_bundled_calibration_has_a_weight_for_every_feature_and_thresholds_in_order() -> None:
    text = (Path(rag.calibration.__file__).parent / "calibration.json").read_text(encoding="utf-8")
    bundled = Calibration.bundled()
    assert bundled == Calibration.from_json(json.loads(text))
    assert Calibration.bundled() is bundled
    assert set(bundled.weights) == set(FEATURES)
    assert all(math.isfinite(weight) for weight in (bundled.intercept, *bundled.weights.values()))
    for limits in (bundled.same, bundled.cross):
        assert 0 < limits.not_found < limits.found < 1


@pytest.mark.parametrize(
    ("part", "value"),
    [
        pytest.param("weights", {"sentence": 1.0}, id="a_weight_is_missing"),
        pytest.param("weights", dict.fromkeys((*FEATURES, "mood"), 1.0), id="a_weight_for_nothing"),
        pytest.param("weights", None, id="no_weights"),
        pytest.param("thresholds", [0.5, 0.1], id="no_thresholds"),
    ],
)
def test_calibration_for_other_features_is_refused(part: str, value: Any) -> None:
    limits = {"found": 0.7, "not_found": 0.1}
    good = {"intercept": 1, "weights": dict.fromkeys(FEATURES, 1.0), "thresholds": {"same": limits, "cross": limits}}
    assert Calibration.from_json(good).cross == Thresholds(0.7, 0.1)
    with pytest.raises(ValueError, match=r"^the calibration's weights are not for the features same_language, "):
        Calibration.from_json(good | {part: value})
