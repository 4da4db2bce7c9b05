"""Scores in, one ranking out: pure functions.

A passage's vector score is the mean of two cosines, its paragraph's and its best sentence's. It is standardised
within the passage's language, because a multilingual model prefers the question's own language so strongly that the
right passage in another one drowns; then the bounded lexical score is added. Rank fusion is here only to be compared
with: where one leg has nothing to say its ranks are noise, and rank fusion gives them half of the say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.types import Ids, Vector

# Measured on the development half of XQuAD (docs/evaluation.md); all are flat around these values.
LEXICAL_WEIGHT = 0.25  # of the bounded score beside a cosine; the same from 0.15 to 0.30
SPREAD = 0.025  # what one standard deviation is worth beside the lexical score: about its size in cosines
CROSS_FACTOR = 1.25  # across languages the right passage stands 4 deviations above the mean, within one 5
SHRINKAGE = 60  # passages; a language with this many trusts its own statistics half
# Of the standardised score across languages; the rest is the plain vector score's.
CENTRED_WEIGHT = 0.25  # of the centred vector score; the same from 0.20 to 0.35
SECOND_WEIGHT = 0.175  # of the second encoder's; the same from 0.15 to 0.20
RANK_CONSTANT = 60  # reciprocal rank fusion's k: Cormack, Clarke and Büttcher, 2009


@dataclass(frozen=True, slots=True)
class Prior:
    """What is expected of the scores of unrelated passages: how much lower they are in a language other than the
    question's, and their standard deviation in the question's language and in another."""

    offset: float
    deviation: float
    cross_deviation: float


VECTOR_PRIOR = Prior(offset=-0.04, deviation=0.024, cross_deviation=0.022)
CENTRED_PRIOR = Prior(offset=-0.153, deviation=0.087, cross_deviation=0.077)
SECOND_PRIOR = Prior(offset=-0.004, deviation=0.085, cross_deviation=0.078)


@dataclass(frozen=True, slots=True)
class Statistics:
    """The vector scores of a language's passages for one question: their mean and standard deviation."""

    mean: float
    deviation: float


def vector_score(paragraph: Vector, sentence: Vector) -> Vector:
    """The mean of the paragraph's and the best sentence's cosines."""
    return np.asarray((paragraph + sentence) / 2, dtype=np.float32)


def statistics(
    samples: Mapping[str, Vector], sizes: Mapping[str, int], question_language: str, prior: Prior = VECTOR_PRIOR
) -> dict[str, Statistics]:
    """Each language's statistics for this question, shrunk toward a prior by n / (n + SHRINKAGE).

    ``samples`` holds the vector scores of some of each language's passages, ``sizes`` how many passages it has.
    The prior mean is this question's mean over the largest language, moved by what a question expects of another
    language; with no shrinkage a language of a few passages would be compared only with itself.
    """
    largest = max(sizes, key=lambda language: (sizes[language], language))
    anchor = float(samples[largest].mean()) - (0.0 if largest == question_language else prior.offset)
    shrunk = {}
    for language, sample in samples.items():
        same = language == question_language
        weight = len(sample) / (len(sample) + SHRINKAGE)
        mean = anchor if same else anchor + prior.offset
        deviation = prior.deviation if same else prior.cross_deviation
        shrunk[language] = Statistics(
            mean=weight * float(sample.mean()) + (1 - weight) * mean,
            deviation=weight * float(sample.std()) + (1 - weight) * deviation,
        )
    return shrunk


def standardise(scores: Vector, mean: Vector, deviation: Vector) -> Vector:
    """Standard scores: how many of its language's deviations each passage stands over its language's mean."""
    return np.asarray((scores - mean) / np.maximum(deviation, 1e-6), dtype=np.float32)


def across(plain: Vector, centred: Vector | None, second: Vector | None) -> Vector:
    """One standard score of passages in another language than the question's, from the plain vector scores', the
    centred ones' and the second encoder's: their weighted mean, of those there are."""
    weighted = ((1 - CENTRED_WEIGHT - SECOND_WEIGHT, plain), (CENTRED_WEIGHT, centred), (SECOND_WEIGHT, second))
    there = [(weight, scores) for weight, scores in weighted if scores is not None]
    total = sum(weight for weight, _ in there)
    return np.asarray(sum(weight * scores for weight, scores in there) / total, dtype=np.float32)


def hybrid(standardised: Vector, lexical: Vector, same_language: NDArray[np.bool_]) -> Vector:
    """The fused score: the standardised vector score, worth SPREAD a deviation, and the bounded lexical score.

    ``same_language`` says of each passage whether it is in the question's language; one that is not gets a factor
    for the lower peak of its vector scores, and for the lexical score that it cannot have.
    """
    factor = np.where(same_language, 1.0, CROSS_FACTOR)
    return np.asarray(SPREAD * factor * standardised + LEXICAL_WEIGHT * lexical, dtype=np.float32)


def reciprocal_ranks(*legs: Vector) -> Vector:
    """Reciprocal rank fusion of the legs' scores; equal scores share their mean rank."""
    return np.asarray(np.sum([1 / (RANK_CONSTANT + mean_ranks(leg)) for leg in legs], axis=0), dtype=np.float32)


def mean_ranks(scores: Vector) -> Vector:
    """Ranks from 1, the highest score first; ties get the mean of the ranks they take up."""
    _, inverse, counts = np.unique(-scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse], dtype=np.float32)


def order(scores: Vector, ids: Ids) -> Ids:
    """Positions from the best score to the worst; ties by passage number."""
    return np.lexsort((ids, -scores)).astype(np.int64)
