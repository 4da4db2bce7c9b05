"""Vectors of some passages, side by side, to be multiplied at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rag.types import Ids, Matrix, Vector


class Gathered:
    """Vectors of passages and of their sentences, and where each passage's sentences begin."""

    def __init__(self, paragraphs: Matrix, sentences: Matrix, starts: Ids) -> None:
        self.paragraphs, self.sentences, self._starts = paragraphs, sentences, starts

    @classmethod
    def of(cls, paragraphs: Sequence[Vector], sentences: Sequence[Matrix], dimension: int) -> Gathered:
        starts = np.cumsum([0, *(len(each) for each in sentences)])[:-1]
        nothing = np.empty((0, dimension), dtype=np.float32)
        if not sentences:
            return cls(nothing, nothing, starts)
        return cls(np.stack(paragraphs) if paragraphs else nothing, np.concatenate(sentences), starts)

    def best(self, cosines: Vector) -> Vector:
        """Of each passage's sentences the highest."""
        if len(self._starts) == 0:
            return np.empty(0, dtype=np.float32)
        return np.asarray(np.maximum.reduceat(cosines, self._starts), dtype=np.float32)
