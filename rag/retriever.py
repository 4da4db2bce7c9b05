"""A question's vector and stems to the ranked passages of a store.

Both legs propose candidates, the dense one within each language so that no language crowds another out; every
candidate is then scored exactly by both, fused, and ranked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

import numpy as np

from rag import fusion
from rag.types import Ids, Mode, Store, Vector

DENSE_CANDIDATES = 500  # vectors a language; about five fall on one passage, so some hundred passages
LEXICAL_CANDIDATES = 200  # passages


@dataclass(frozen=True, slots=True)
class Question:
    """A question as the store is asked it. ``vector`` has length 1, ``stems`` may be empty."""

    text: str
    language: str
    vector: Vector
    stems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ranking:
    """Passages from best to worst, with the parts of their scores: all arrays are of shape (passages,).

    ``standardised`` says how many standard deviations of its language's vector scores a passage stands above their
    mean; ``best_sentence`` is the sentence, from 0, whose cosine is highest.
    """

    passages: Ids
    score: Vector
    paragraph: Vector
    sentence: Vector
    lexical: Vector
    standardised: Vector
    best_sentence: Ids

    def __len__(self) -> int:
        return len(self.passages)

    def take(self, positions: Ids | Sequence[int] | slice) -> Ranking:
        """The ranking of these positions only, in the order given."""
        return Ranking(*(getattr(self, name)[positions] for name in self.__slots__))


def rank(store: Store, question: Question, mode: Mode = "hybrid", allowed: Ids | None = None) -> Ranking:
    """The store's candidates for the question, ranked; among ``allowed`` only, where given."""
    ids = _candidates(store, question, list(store.languages()), allowed)
    cosines = store.vector_scores(question.vector, ids)
    lexical = store.lexical_scores(question.stems, ids)
    own = [store.passage(int(number)).language for number in ids]
    vectors = fusion.vector_score(cosines.paragraph, cosines.sentence)
    standardised = _standardised(store, question, own, vectors, allowed)
    match mode:
        case "hybrid":
            same = np.array([language == question.language for language in own], dtype=np.bool_)
            score = fusion.hybrid(standardised, lexical, same)
        case "dense":
            score = cosines.paragraph
        case "lexical":
            score = lexical
        case "rrf":
            score = fusion.reciprocal_ranks(cosines.paragraph, lexical)
        case _:
            assert_never(mode)
    ranking = Ranking(ids, score, cosines.paragraph, cosines.sentence, lexical, standardised, cosines.best_sentence)
    ranking = ranking.take(fusion.order(score, ids))
    return ranking.take(np.flatnonzero(ranking.score > 0)) if mode == "lexical" else ranking


def _candidates(store: Store, question: Question, languages: Sequence[str], allowed: Ids | None) -> Ids:
    dense = [store.dense_candidates(question.vector, DENSE_CANDIDATES, language, allowed) for language in languages]
    lexical = store.lexical_candidates(question.stems, LEXICAL_CANDIDATES, allowed)
    return np.unique(np.concatenate([*dense, lexical])).astype(np.int64)


def _standardised(
    store: Store, question: Question, languages: Sequence[str], vectors: Vector, allowed: Ids | None
) -> Vector:
    """The vector scores as standard scores within each passage's language."""
    sizes = dict(store.languages())
    samples = {}
    for language in sizes:
        sample = store.sample(language)
        if allowed is not None and 2 * len(kept := np.intersect1d(sample, allowed)) >= len(sample):
            sample = kept  # a narrow filter leaves too few to take statistics from; then the whole language's serve
        cosines = store.vector_scores(question.vector, sample)
        samples[language] = fusion.vector_score(cosines.paragraph, cosines.sentence)
    by_language = fusion.statistics(samples, sizes, question.language)
    mean = np.array([by_language[language].mean for language in languages], dtype=np.float32)
    deviation = np.array([by_language[language].deviation for language in languages], dtype=np.float32)
    return fusion.standardise(vectors, mean, deviation)
