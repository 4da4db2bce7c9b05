"""Near-copies: the same release republished is one citation, with the other places listed under it.

Two passages are near-copies where their stems' shingles overlap by most (Broder, "On the resemblance and containment
of documents", 1997) and they hold the same numbers in the same order: a report of another year is not a copy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from rag.protocols import Store
from rag.text import stems
from rag.types import Copy, Ids, Passage

SHINGLE = 3  # stems
RESEMBLANCE = 0.8  # Jaccard; a changed byline or a dropped clause stays above it in a paragraph
LOOK_AHEAD = 3  # how many times the wanted count is looked through: copies score alike, so they stand close by
NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Group:
    """A passage's position in the ranking, where its near-copies stand, and their positions."""

    position: int
    copies: tuple[Copy, ...]
    folded: tuple[int, ...] = ()


def fold(store: Store, ranked: Ids, count: int) -> list[Group]:
    """The first ``count`` passages of the ranking that are no near-copies of a better one."""
    kept: list[tuple[int, _Print, list[int]]] = []
    for position, number in enumerate(ranked[: max(LOOK_AHEAD * count, count + 10)]):
        passage = store.passage(int(number))
        print_ = _Print.of(passage)
        original = next((folded for _, other, folded in kept if print_.resembles(other)), None)
        if original is not None:
            original.append(position)
        elif len(kept) < count:
            kept.append((position, print_, []))
    return [
        Group(position, _places(store, ranked[np.array(folded, dtype=np.int64)]), tuple(folded))
        for position, _, folded in kept
    ]


def _places(store: Store, numbers: Ids) -> tuple[Copy, ...]:
    passages = [store.passage(int(number)) for number in numbers]
    return tuple(Copy(passage.document, passage.start, passage.end) for passage in passages)


@dataclass(frozen=True, slots=True)
class _Print:
    numbers: tuple[str, ...]
    shingles: frozenset[tuple[str, ...]]

    @classmethod
    def of(cls, passage: Passage) -> _Print:
        words = stems(passage.text)
        count = max(1, len(words) - SHINGLE + 1) if words else 0  # a passage without words resembles nothing
        shingles = frozenset(tuple(words[i : i + SHINGLE]) for i in range(count))
        return cls(tuple(NUMBER.findall(passage.text)), shingles)

    def resembles(self, other: _Print) -> bool:
        if self.numbers != other.numbers:
            return False
        union = len(self.shingles | other.shingles)
        return union > 0 and len(self.shingles & other.shingles) >= RESEMBLANCE * union
