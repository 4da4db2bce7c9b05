"""A few passages in one language beside many in the other: are questions answered that only they answer?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import xquad

import rag
from rag.evaluate import Collection
from rag.measures import DEPTH
from rag.questions import Judged
from rag.retriever import rank

DRAWS = {1: 120, 5: 24, 20: 6}  # of minorities of so many passages: each passage is drawn about once
WHOLE = 120  # all passages of the language, whose copies in the other then stay in the collection
SEED = 20_251_125
HEAD = ["", "other language asks: R@10", "R@1", "own language asks: R@10", "R@1", "questions"]


def table(data: xquad.Data, index: rag.Index) -> dict[str, list[str]]:
    """A row for each language and size; ``index`` holds both languages."""
    rows = {}
    for minority in xquad.LANGUAGES:
        other = next(language for language in xquad.LANGUAGES if language != minority)
        for count in (*DRAWS, WHOLE):
            cells: list[str] = []
            beside, asked = 0, 0
            for language in (other, minority):
                sizes, ranks = zip(*_answered(data, index, minority, language, count), strict=True)
                found = [np.mean([0 < each <= DEPTH for each in ranks]), np.mean([each == 1 for each in ranks])]
                cells += [f"{value:.3f}" for value in found]
                beside, asked = max(sizes), len(ranks)
            rows[f"{count} {minority} beside {beside}"] = [*cells, str(asked)]
    return rows


def _answered(
    data: xquad.Data, index: rag.Index, minority: str, language: str, count: int
) -> Iterator[tuple[int, int]]:
    """For each question in ``language`` that a drawn minority answers: the size of the majority beside it, and the
    rank of the answer, 0 where it is not among the first.
    """
    collection = Collection(index)
    answers: dict[int, list[Judged]] = {}
    copies: dict[int, set[int]] = {}
    for judged in data.mixed(language):
        own, other = sorted(
            (number for item in judged.relevant for number in collection.passages(item)),
            key=lambda number: index.store.passages[number].language != minority,
        )[:2]
        answers.setdefault(own, []).append(judged)
        copies.setdefault(own, set()).add(other)
    majority = [number for number, each in enumerate(index.store.passages) if each.language != minority]
    for drawn in _draws(sorted(answers), count):
        removed = set() if count == WHOLE else {copy for number in drawn for copy in copies[number]}
        beside = [number for number in majority if number not in removed]
        small = xquad.part(index, [*drawn, *beside])
        for place, number in enumerate(drawn):
            for judged in answers[number]:
                found = rank(small.store, small.understand(judged.question)).passages[:DEPTH]
                at = np.flatnonzero(found == place)
                yield len(beside), int(at[0]) + 1 if len(at) else 0


def _draws(numbers: Sequence[int], count: int) -> list[list[int]]:
    """Sets of ``count`` of the numbers, in rounds that take every number once; all of them at once for ``WHOLE``."""
    if count == WHOLE:
        return [list(numbers)]
    random = np.random.default_rng(SEED)
    drawn: list[list[int]] = []
    while len(drawn) < DRAWS[count]:
        shuffled = [int(number) for number in random.permutation(numbers)]
        drawn += [shuffled[i : i + count] for i in range(0, len(shuffled) - count + 1, count)]
    return drawn[: DRAWS[count]]
