"""A deterministic small encoder: the same text gives the same vector, and texts that share stems are near."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from rag.text import stems
from rag.types import Centre, Matrix, TokenStates, Vector


@dataclass(frozen=True)
class SmallSecond:
    """A second encoder that knows which numbers a text holds, in any language."""

    dimension: int = 16
    encoded: list[str] = field(default_factory=list, compare=False)

    def encode_sentences(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Matrix:
        self.encoded.extend(texts)
        if progress is not None:
            progress(len(texts))
        return self.encode_questions(texts)

    def encode_questions(self, texts: Sequence[str]) -> Matrix:
        rows = np.full((len(texts), self.dimension), 0.01, dtype=np.float32)
        for row, text in enumerate(texts):
            for number in (word for word in stems(text) if word.isdigit()):
                rows[row, int(number) % self.dimension] += 1
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


@dataclass(frozen=True)
class SmallEncoder:
    """A bag of stems hashed into ``dimension`` signed buckets; a token is a word.

    It knows no language: question and passage are near where they share words. ``encoded`` holds every text that
    was embedded as a document, in order, so that a test can tell what was embedded anew.
    """

    dimension: int = 64
    max_tokens: int = 512
    encoded: list[str] = field(default_factory=list, compare=False)
    second: SmallSecond | None = None
    centre: Centre | None = None

    @property
    def name(self) -> str:
        return f"small-{self.dimension}"

    @property
    def fingerprint(self) -> str:
        return f"{self.name}-{self.max_tokens}"

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def encode_documents(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Matrix:
        self.encoded.extend(texts)
        vectors = self._vectors(texts)
        if progress:
            progress(len(texts))
        return vectors

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        return self._vectors(texts)

    def encode_query(self, text: str) -> tuple[Vector, TokenStates | None]:
        return self._vectors([text])[0], None

    def warm_up(self) -> None: ...

    def document_states(self, text: str) -> TokenStates | None:
        return None

    def _vectors(self, texts: Sequence[str]) -> Matrix:
        rows = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for stem in stems(text):
                bucket, sign = self._place(stem)
                row[bucket] += sign
            if not row.any():  # no words, or signs that cancel out
                row[self._place(text)[0]] = 1
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)

    def _place(self, text: str) -> tuple[int, int]:
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        number = int.from_bytes(digest, "big")
        return number // 2 % self.dimension, 1 if number % 2 else -1
