"""bm25s, by columns on disk, ranks as rank-bm25 does in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rag.lexical import LexicalLeg, best, idf
from rag.lexical_mapped import MappedLeg, columns
from rag.types import Vector

STEMS = st.lists(st.sampled_from("абвгдеж"), max_size=12)


class Rows:
    """Rows that are in memory."""

    def __init__(self, rows: NDArray[np.generic]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def slice(self, start: int, stop: int) -> NDArray[np.generic]:
        return self._rows[start:stop]


def leg_of(passages: Sequence[Sequence[str]]) -> MappedLeg:
    words = {stem: number for number, stem in enumerate(dict.fromkeys(stem for each in passages for stem in each))}
    numbers = np.array([words[stem] for each in passages for stem in each], dtype=np.int32)
    bounds = np.cumsum([0, *map(len, passages)]).astype(np.int64)
    scores, found, starts = columns(numbers, bounds, len(words))
    return MappedLeg(words, Rows(scores), Rows(found), starts, len(passages))


def bounded(leg: MappedLeg, query: Sequence[str]) -> Vector:
    weights = {stem: n * idf(leg.size, leg.frequency(stem)) for stem, n in Counter(query).items()}
    bound = sum(weights.values())
    everyone = np.arange(leg.size)
    scores, some = leg.scores(weights), leg.scores_of(everyone, weights)
    assert some == pytest.approx(scores, abs=1e-6)
    return scores / np.float32(bound) if bound else scores


@given(st.lists(STEMS, max_size=12), st.lists(st.sampled_from("абвгдежя"), max_size=8))
@settings(max_examples=150, deadline=None)
def test_both_give_the_same_scores(passages: list[list[str]], query: list[str]) -> None:
    exact = LexicalLeg.of(passages).scores(query)
    assert bounded(leg_of(passages), query) == pytest.approx(exact, abs=1e-5)


@pytest.mark.parametrize(
    "query",
    [["закон"], ["закон", "закон", "суд"], ["суд", "закон", "закон"], ["налог", "прав"], ["налог"], []],
    ids=["one", "twice", "twice, later", "an unknown one", "unknown only", "none"],
)
def test_both_rank_alike(query: list[str]) -> None:
    passages = [["закон", "о", "суд"], ["закон", "закон", "и", "прав", "о", "прав"], [], ["суд"], ["о", "и"], []]
    ours, theirs = bounded(leg_of(passages), query), LexicalLeg.of(passages).scores(query)
    assert best(ours, 10).tolist() == best(theirs, 10).tolist()
    assert ours == pytest.approx(theirs, abs=1e-6)


def test_some_passages_scores_are_those_of_all() -> None:
    leg = leg_of([["a"], ["b"], ["a", "b"], []])
    assert leg.scores_of(np.array([3, 2, 0]), {"a": 1.0}).tolist() == leg.scores({"a": 1.0})[[3, 2, 0]].tolist()
    assert leg.scores_of(np.empty(0, np.int64), {"a": 1.0}).tolist() == []
    assert leg.scores_of(np.array([1]), {"unknown": 1.0}).tolist() == [0]


def test_a_column_is_scaled_to_the_weight_that_is_asked() -> None:
    leg = leg_of([["a"], ["b"], ["a"]])
    passages, scores = leg.column("a", idf(3, 2))
    assert passages.tolist() == [0, 2]
    assert leg.column("a", 5 * idf(3, 2))[1] == pytest.approx(5 * scores)
    assert [each.tolist() for each in leg.column("c", 1.0)] == [[], []]


def test_passages_without_words_have_empty_columns() -> None:
    leg = leg_of([[], []])
    assert leg.scores({"a": 1.0}).tolist() == [0, 0]
    assert leg.frequency("a") == 0
