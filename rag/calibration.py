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

from rag.retriever import Question, Ranking
from rag.types import Verdict

DEPTHS = (1, 4, 9)  # the 2nd, 5th and 10th passage: how far the first stands out


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic regression over :func:`features` and the two thresholds between the three verdicts.

    ``probability = 1 / (1 + exp(-(intercept + sum of weight * feature)))``.
    """

    intercept: float
    weights: Mapping[str, float]
    found: float
    not_found: float

    @classmethod
    @cache
    def bundled(cls) -> Calibration:
        """The one that the package ships, fitted for the bundled model."""
        value = json.loads(resources.files("rag").joinpath("calibration.json").read_text(encoding="utf-8"))
        return cls(value["intercept"], value["weights"], value["found"], value["not_found"])

    def confidence(self, question: Question, ranking: Ranking, language: str) -> float:
        """The probability, in (0, 1), that the ranking's first passages answer the question.

        ``language`` is the first passage's. An empty ranking or a question without a word has probability 0.
        """
        if len(ranking) == 0 or not question.stems:
            return 0.0
        values = features(question, ranking, language)
        return sigmoid(self.intercept + sum(self.weights[name] * values[name] for name in self.weights))

    def verdict(self, confidence: float) -> Verdict:
        """``found`` from the upper threshold on, ``not_found`` below the lower one, ``unsure`` between them."""
        if confidence >= self.found:
            return "found"
        return "unsure" if confidence >= self.not_found else "not_found"


def features(question: Question, ranking: Ranking, language: str) -> dict[str, float]:
    """What the probability is made from; none depends on the collection's size by more than its logarithm."""
    z = np.sort(ranking.standardised)[::-1]
    values = {
        "score": float(ranking.score[0]),
        "standardised": float(z[0]),
        "paragraph": float(ranking.paragraph[0]),
        "sentence": float(ranking.sentence[0]),
        "lexical": float(ranking.lexical[0]),
        "best_lexical": float(ranking.lexical.max()),
        "length": math.log1p(len(question.stems)),
        "same_language": float(question.language == language),
    }
    for depth in DEPTHS:
        other = min(depth, len(ranking) - 1)
        values[f"score_gap_{depth + 1}"] = float(ranking.score[0] - ranking.score[other])
        values[f"standardised_gap_{depth + 1}"] = float(z[0] - z[other])
    return values


def sigmoid(value: float) -> float:
    """The logistic function, without overflow."""
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))
