"""A question's vector and stems to the ranked passages of a store.

Both legs propose candidates, the dense one within each language so that no language crowds another out; every
candidate is then scored exactly by both, fused, and ranked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from rag import fusion
from rag.protocols import Store
from rag.types import Centre, Filters, Ids, Mode, Note, TokenStates, Vector

DENSE_CANDIDATES = 500  # vectors a language; about five fall on one passage, so some hundred passages
LEXICAL_CANDIDATES = 200  # passages
EVERYTHING = Filters()


@dataclass(frozen=True, slots=True)
class Question:
    """A question as the store is asked it. ``vector`` has length 1, ``stems`` may be empty.

    ``among``: the passages that hold its quoted phrases, None where it has none. ``second`` is the second encoder's
    vector, None where there is no such encoder or nothing to ask it about. ``centre`` holds the means of the model's
    vectors, ``states`` the question's tokens', where the model gives them. ``respelt`` maps misspelt words to the stems
    that they were taken for.
    """

    typed: str
    language: str
    vector: Vector
    stems: tuple[str, ...]
    second: Vector | None = None
    centre: Centre | None = None
    states: TokenStates | None = None
    among: Ids | None = None
    notes: tuple[Note, ...] = ()
    respelt: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ranking:
    """Passages from best to worst, with the parts of their scores: all arrays are of shape (passages,).

    ``score`` is the mode's, ``fused`` the hybrid's. ``standardised`` says how many standard deviations of its
    language's vector scores a passage stands above their mean. ``searched`` counts the
    passages that could have been found.
    """

    passages: Ids
    languages: NDArray[np.str_]
    score: Vector
    fused: Vector
    paragraph: Vector
    sentence: Vector
    lexical: Vector
    standardised: Vector
    searched: int

    def __len__(self) -> int:
        return len(self.passages)

    def take(self, positions: Ids) -> Ranking:
        """The ranking of these positions only, in the order given."""
        arrays = {name: getattr(self, name)[positions] for name in self.__slots__ if name != "searched"}
        return replace(self, **arrays)


def rank(
    store: Store,
    question: Question,
    mode: Mode = "hybrid",
    filters: Filters = EVERYTHING,
    without: Collection[int] = (),
) -> Ranking:
    """The store's candidates for the question, ranked.

    ``without`` leaves out passages as if the collection did not hold them: out of the statistics too, or a passage
    that is not there would give itself away by the deviation it causes.
    """
    masked = np.array(sorted(without), dtype=np.int64)
    allowed = _allowed(store, question, filters, masked)
    ids = _candidates(store, question, allowed)
    cosines = store.vector_scores(question.vector, ids)
    lexical = store.lexical_scores(question.stems, ids)
    languages = store.languages_of(ids)
    vectors = fusion.vector_score(cosines.paragraph, cosines.sentence)
    standardised = _standardised(store, question, languages, vectors, masked)
    cross = np.flatnonzero(languages != question.language)
    if len(cross):
        centred, second = _others(store, question, ids[cross], languages[cross], masked)
        standardised[cross] = fusion.across(standardised[cross], centred, second)
    fused = fusion.hybrid(standardised, lexical, languages == question.language)
    match mode:
        case "hybrid":
            score = fused
        case "dense":
            score = cosines.paragraph
        case "lexical":
            score = lexical
        case "rrf":
            score = fusion.reciprocal_ranks(cosines.paragraph, lexical)
        case _:
            assert_never(mode)
    ranking = Ranking(
        passages=ids,
        languages=languages,
        score=score,
        fused=fused,
        paragraph=cosines.paragraph,
        sentence=cosines.sentence,
        lexical=lexical,
        standardised=standardised,
        searched=sum(store.languages().values()) if allowed is None else len(allowed),
    ).take(fusion.order(score, ids))
    return ranking.take(np.flatnonzero(ranking.score > 0)) if mode == "lexical" else ranking


def _allowed(store: Store, question: Question, filters: Filters, masked: Ids) -> Ids | None:
    allowed = store.select(filters)
    if question.among is not None:
        allowed = question.among if allowed is None else np.intersect1d(allowed, question.among)
    if len(masked) == 0:
        return allowed
    return np.setdiff1d(store.everyone() if allowed is None else allowed, masked)


def _candidates(store: Store, question: Question, allowed: Ids | None) -> Ids:
    dense = [
        store.dense_candidates(question.vector, DENSE_CANDIDATES, language, allowed) for language in store.languages()
    ]
    lexical = store.lexical_candidates(question.stems, LEXICAL_CANDIDATES, allowed)
    return np.unique(np.concatenate([*dense, lexical])).astype(np.int64)


def _standardised(
    store: Store, question: Question, languages: NDArray[np.str_], vectors: Vector, masked: Ids
) -> Vector:
    """The vector scores as standard scores within each passage's language."""

    def score(passages: Ids) -> Vector:
        cosines = store.vector_scores(question.vector, passages)
        return fusion.vector_score(cosines.paragraph, cosines.sentence)

    return _within_language(store, question, languages, vectors, masked, score, fusion.VECTOR_PRIOR)


def _others(
    store: Store, question: Question, ids: Ids, languages: NDArray[np.str_], masked: Ids
) -> tuple[Vector | None, Vector | None]:
    """The centred vector scores and the second encoder's, as standard scores; None where the model has none."""

    def standard(score: Callable[[Ids], Vector], prior: fusion.Prior) -> Vector:
        return _within_language(store, question, languages, score(ids), masked, score, prior)

    vector, centre, second = question.vector, question.centre, question.second
    return (
        None if centre is None else standard(lambda p: store.centred_scores(vector, p, centre), fusion.CENTRED_PRIOR),
        None if second is None else standard(lambda p: store.second_scores(second, p), fusion.SECOND_PRIOR),
    )


def _within_language(
    store: Store,
    question: Question,
    languages: NDArray[np.str_],
    scores: Vector,
    masked: Ids,
    score: Callable[[Ids], Vector],
    prior: fusion.Prior,
) -> Vector:
    """Standard scores by the statistics of the whole language, whatever a filter leaves of it: a few passages have
    none of their own. ``score`` gives the scores of the passages that the statistics are taken from."""
    samples = {language: store.sample(language) for language in store.languages()}
    if len(masked):
        samples = {language: np.setdiff1d(sample, masked) for language, sample in samples.items()}
    samples = {language: sample for language, sample in samples.items() if len(sample)}
    if len(scores) == 0 or not samples:
        return scores
    sizes = {language: size for language, size in store.languages().items() if language in samples}
    known = {language: score(sample) for language, sample in samples.items()}
    by_language = fusion.statistics(known, sizes, question.language, prior)
    mean = np.array([by_language[language].mean for language in languages], dtype=np.float32)
    deviation = np.array([by_language[language].deviation for language in languages], dtype=np.float32)
    return fusion.standardise(scores, mean, deviation)
