"""A ranking to the probability that the answer is in it.

A logistic regression over readable features; its coefficients lie in ``calibration.json`` beside this file, written
by ``benchmarks/calibration.py``, which also prints how well they do, cross-validated by document.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

from rag.answer import Reading
from rag.protocols import Store
from rag.retriever import Question, Ranking
from rag.text import stems
from rag.types import Vector, Verdict

NEAREST = 20  # of the first passages: those that the gaps between encoders' scores are taken among
FITTED_SIZES = (13, 240)  # passages; outside of them the size counts as the nearer of the two


@dataclass(frozen=True, slots=True)
class Thresholds:
    """``found`` from the upper probability on, ``not_found`` below the lower one, ``unsure`` between them."""

    found: float
    not_found: float


@dataclass(frozen=True, slots=True)
class Confidence:
    """The probability that the ranking answers the question, and what that makes of it."""

    probability: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic regression over :func:`features`, and thresholds for an answer in the question's own language and
    in another.

    ``probability = 1 / (1 + exp(-(intercept + sum of weight * feature)))``.
    """

    intercept: float
    weights: Mapping[str, float]
    same: Thresholds
    cross: Thresholds

    @classmethod
    @cache
    def bundled(cls) -> Calibration:
        """The one that the package ships, fitted for the bundled model."""
        return cls.from_json(json.loads(resources.files("rag").joinpath("calibration.json").read_text("utf-8")))

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> Calibration:
        """As ``calibration.json`` holds it; raises ValueError where a weight is for no feature."""
        weights, limits = value["weights"], value["thresholds"]
        if not isinstance(weights, dict) or set(weights) != set(FEATURES) or not isinstance(limits, dict):
            raise ValueError(f"the calibration's weights are not for the features {', '.join(FEATURES)}")
        return cls(
            intercept=float(str(value["intercept"])),
            weights=weights,
            same=Thresholds(**limits["same"]),
            cross=Thresholds(**limits["cross"]),
        )

    def judge(self, store: Store, question: Question, ranking: Ranking, reading: Reading | None) -> Confidence:
        """How sure it is that the ranking's first passages answer the question; ``reading`` is of the first.

        An empty ranking, or a question without a word, is not found with probability 0.
        """
        if reading is None or len(ranking) == 0 or not question.stems:
            return Confidence(0.0, "not_found")
        values = features(store, question, ranking, reading)
        probability = sigmoid(self.intercept + sum(self.weights[name] * values[name] for name in FEATURES))
        limits = self.same if values["same_language"] else self.cross
        if probability >= limits.found:
            return Confidence(probability, "found")
        return Confidence(probability, "unsure" if probability >= limits.not_found else "not_found")


FEATURES = (
    "same_language",
    "standardised",
    "best_standardised",
    "standardised_gap",
    "score_gap",
    "runner_up_gap",
    "centred_gap",
    "second_gap",
    "token_match",
    "sentence",
    "lexical",
    "coverage",
    "question_length",
    "collection_size",
)


def features(store: Store, question: Question, ranking: Ranking, reading: Reading) -> dict[str, float]:
    """What the probability is made from, about the ranking's first passage unless said otherwise.

    - ``same_language``: 1 where it is in the question's language
    - ``standardised``: its vector score, in standard deviations over its language's mean; ``best_standardised`` the
      highest of all passages; ``standardised_gap`` the highest in its language less the 5th highest there
    - ``score_gap``: its fused score less that of the 3rd passage; ``runner_up_gap`` of the next in its language
    - ``centred_gap``: its centred vector score less the highest other in its language, among the first ``NEAREST``;
      ``second_gap`` the same by the second encoder, 0 where it is in the question's language
    - ``token_match``: how well one of its sentences meets all of the question; see :class:`rag.answer.Reading`
    - ``sentence``, ``lexical``: its best sentence's cosine, its bounded lexical score
    - ``coverage``: the share of the question's idf weight whose stems it holds
    - ``question_length``: ln(1 + stems); ``collection_size``: ln(passages), within the sizes that were fitted
    """
    language = ranking.languages[0]
    own = ranking.languages == language
    alike = np.sort(ranking.standardised[own])[::-1]
    first = store.passage(int(ranking.passages[0]))
    near = ranking.passages[:NEAREST][own[:NEAREST]]
    centre, second = question.centre, question.second if language != question.language else None
    smallest, largest = FITTED_SIZES
    return {
        "same_language": float(language == question.language),
        "standardised": float(ranking.standardised[0]),
        "best_standardised": float(ranking.standardised.max()),
        "standardised_gap": float(alike[0] - alike[min(4, len(alike) - 1)]),
        "score_gap": float(ranking.fused[0] - ranking.fused[min(2, len(ranking) - 1)]),
        "runner_up_gap": _gap(ranking.fused[own]),
        "centred_gap": 0.0 if centre is None else _gap(store.centred_scores(question.vector, near, centre)),
        "second_gap": 0.0 if second is None else _gap(store.second_scores(second, near)),
        "token_match": reading.match,
        "sentence": float(ranking.sentence[0]),
        "lexical": float(ranking.lexical[0]),
        "coverage": store.coverage(tuple(dict.fromkeys(question.stems)), stems(first.text)),
        "question_length": math.log1p(len(question.stems)),
        "collection_size": math.log(min(max(ranking.searched, smallest), largest)),
    }


def _gap(scores: Vector) -> float:
    """How far the first stands above the highest of the others, below 0 where it does not; 0 where it is alone."""
    return float(scores[0] - scores[1:].max()) if len(scores) > 1 else 0.0


def sigmoid(value: float) -> float:
    """The logistic function, without overflow."""
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))
