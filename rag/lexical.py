"""The lexical leg: BM25 over stems, bounded to [0, 1] so that it can be added to cosines.

rank-bm25 does the counting and scoring; its idf is replaced by Lucene's, ``ln(1 + (N - df + 0.5) / (df + 0.5))``,
which is never negative (rank-bm25's own gives 0 to a term in half of the documents, and to every term in a
collection of two).

The bounded score divides BM25 by the most that the query could score, ``sum of idf(t) * (k1 + 1)`` over its terms,
where a term unknown to the collection counts with the idf of a term in no document. It reads as the share of the
query's weight that the passage matches, and is near 0 where query and passage are in different languages, so that a
leg with nothing to say stays silent. (Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid
Retrieval", 2022: a convex combination with a theoretical bound.)
"""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence

import numpy as np
from rank_bm25 import BM25Okapi
from rapidfuzz import process
from rapidfuzz.distance import OSA

from rag.types import Ids, Vector

K1 = 1.5  # rank-bm25's defaults, which RETRIEVAL's measurements used
B = 0.75
SHORTEST_MISSPELT = 5  # letters; shorter stems are near too many others
TWO_EDITS = 9  # letters, from which on two edits still leave little doubt


class LuceneBM25(BM25Okapi):  # type: ignore[misc]  # rank-bm25 has no types
    """BM25 with Lucene's idf."""

    def _calc_idf(self, nd: dict[str, int]) -> None:
        self.holders = nd  # of each term: how many passages hold it
        self.idf = {term: idf(self.corpus_size, frequency) for term, frequency in nd.items()}

    def without(self, passages: Collection[int]) -> LuceneBM25:
        """As if these passages were not there, but that the others keep their places."""
        left = self.corpus_size - len(passages)
        gone = Counter(term for number in passages for term in self.doc_freqs[number])
        other = copy.copy(self)
        other.holders = {term: count - gone[term] for term, count in self.holders.items() if count > gone[term]}
        other.idf = {term: idf(left, count) for term, count in other.holders.items()}
        other.avgdl = (sum(self.doc_len) - sum(self.doc_len[number] for number in passages)) / max(left, 1)
        return other


def idf(documents: int, frequency: int) -> float:
    """Lucene's inverse document frequency: non-negative, highest where ``frequency`` is 0."""
    return math.log(1 + (documents - frequency + 0.5) / (frequency + 0.5))


class LexicalLeg:
    """BM25 over the passages' stems; passage ``i`` is the i-th list given."""

    def __init__(self, bm25: LuceneBM25 | None, size: int, masked: int = 0) -> None:
        self._bm25 = bm25
        self.size = size
        self._unknown = idf(size - masked, 0)
        self._stems = correct(bm25.idf) if bm25 else []

    @classmethod
    def of(cls, passages: Sequence[Sequence[str]]) -> LexicalLeg:
        """The leg over ``passages``, each a list of stems; some may be empty."""
        has_words = any(passages)
        return cls(LuceneBM25(passages, k1=K1, b=B) if has_words else None, len(passages))

    def without(self, passages: Collection[int]) -> LexicalLeg:
        """The leg as if the collection did not hold these passages: their words are unknown where no other has them.

        Passages keep their numbers; the scores of those that are left out mean nothing.
        """
        return LexicalLeg(self._bm25 and self._bm25.without(passages), self.size, len(passages))

    def weight(self, stem: str) -> float:
        """The stem's idf in this collection; that of a term in no passage where it is unknown."""
        return float(self._bm25.idf.get(stem, self._unknown)) if self._bm25 else self._unknown

    def knows(self, stem: str) -> bool:
        """Whether any passage has this stem."""
        return self._bm25 is not None and stem in self._bm25.idf

    def nearest(self, stem: str) -> str:
        """The known stem that an unknown one is misspelt for, else itself; see :func:`nearest`."""
        return stem if self.knows(stem) else nearest(stem, self._stems, self.weight)

    def scores(self, stems: Sequence[str]) -> Vector:
        """float32 (passages,): the bounded score of each for a query of these stems, in [0, 1], higher is better."""
        bound = sum(self.weight(stem) for stem in stems) * (K1 + 1)
        if self._bm25 is None or bound == 0:
            return np.zeros(self.size, dtype=np.float32)
        known = [stem for stem in stems if stem in self._bm25.idf]
        return np.asarray(self._bm25.get_scores(known) / bound, dtype=np.float32)

    def coverage(self, query: Sequence[str], stems: Iterable[str]) -> float:
        """The share of the query's weight whose terms are among ``stems``, in [0, 1]; see :func:`coverage`."""
        return coverage(query, stems, self.weight)


def coverage(query: Sequence[str], stems: Iterable[str], weight: Callable[[str], float]) -> float:
    """The share of the query's weight whose terms are among ``stems``, in [0, 1]: the bounded score of a short text,
    with neither term frequency nor length counted."""
    total = sum(map(weight, query))
    present = set(stems)
    return sum(weight(stem) for stem in query if stem in present) / total if total else 0.0


def correct(stems: Iterable[str]) -> list[str]:
    """Those of the known stems that a misspelt one may be meant for."""
    return [stem for stem in stems if len(stem) >= SHORTEST_MISSPELT - 1]


def nearest(stem: str, known: Sequence[str], weight: Callable[[str], float]) -> str:
    """The known stem that an unknown one is misspelt for: one edit away, or two in a long word; else itself.

    An edit is a letter put in, left out, changed, or swapped with its neighbour (Damerau and Levenshtein). Of several
    at one distance it is the one of the least ``weight``, the most frequent.
    """
    if len(stem) < SHORTEST_MISSPELT or not stem.isalpha():
        return stem
    edits = 1 if len(stem) < TWO_EDITS else 2
    near = process.extract(stem, known, scorer=OSA.distance, score_cutoff=edits, limit=None)
    return min(((distance, weight(other), other) for other, distance, _ in near), default=(0, 0.0, stem))[2]


def best(scores: Vector, count: int, allowed: Ids | None = None) -> Ids:
    """The passages with the highest scores above 0, at most ``count``, best first; ties by passage number."""
    ids = np.arange(len(scores)) if allowed is None else allowed
    ids = ids[scores[ids] > 0]
    if 0 < count < len(ids):  # a common word is in most passages: sorting them all takes longer than scoring them
        ids = ids[scores[ids] >= np.partition(scores[ids], -count)[-count]]
    order = np.lexsort((ids, -scores[ids]))
    return ids[order[:count]].astype(np.int64)
