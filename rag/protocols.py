"""The Protocols at Snoska's seams: what embeds texts, and what keeps an index."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rag.address import Place
from rag.types import (
    Centre,
    Document,
    Filters,
    Ids,
    Json,
    Listed,
    Matrix,
    Passage,
    TokenStates,
    Vector,
    VectorScores,
    Word,
)


class SecondEncoder(Protocol):
    """Sentences and questions to unit vectors of another kind, to be asked about passages in another language."""

    @property
    def dimension(self) -> int: ...

    def encode_sentences(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Matrix:
        """float32 (len(texts), dimension), rows of length 1; ``progress`` hears how many are done."""

    def encode_questions(self, texts: Sequence[str]) -> Matrix:
        """float32 (len(texts), dimension), rows of length 1."""


class Encoder(Protocol):
    """Texts to unit vectors, for documents and for queries (models such as E5 tell them apart)."""

    @property
    def name(self) -> str:
        """The model's name as a person would write it."""

    @property
    def fingerprint(self) -> str:
        """Changes when the vectors would: the weights' hash, the prompts and the dimension."""

    @property
    def dimension(self) -> int: ...

    @property
    def second(self) -> SecondEncoder | None:
        """The encoder that is asked beside this one across languages, where there is one."""

    @property
    def centre(self) -> Centre | None:
        """The means of its vectors, where they are known."""

    @property
    def max_tokens(self) -> int:
        """The longest text, in tokens, that is read whole, the prompt and special tokens already taken off."""

    def warm_up(self) -> None:
        """Loads now what else waits until it is needed, for a process that will answer many questions."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """The length of each text in tokens, without the prompt and special tokens."""

    def encode_documents(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Matrix:
        """float32 (len(texts), dimension), rows of length 1; ``progress`` hears how many are done."""

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """float32 (len(texts), dimension), rows of length 1."""

    def encode_query(self, text: str) -> tuple[Vector, TokenStates | None]:
        """The question's vector, of length 1, and the states of its tokens; None where this encoder does not give
        them."""

    def document_states(self, text: str) -> TokenStates | None:
        """The states of the passage's tokens; None where this encoder does not give them."""


class Store(Protocol):
    """One opened generation of an index. Passages go by their numbers, of which some may be missing; ``allowed``,
    in order, restricts a search. Several threads may ask at once."""

    @property
    def manifest(self) -> Json:
        """What is written of the generation: its number, model, analysis, time, passages and skipped files."""

    @property
    def place(self) -> Place:
        """Where the index is kept."""

    @property
    def is_current(self) -> bool:
        """Whether no newer generation has been made."""

    @property
    def has_second(self) -> bool:
        """Whether a second encoder has made vectors of the sentences too."""

    @property
    def disk_bytes(self) -> int:
        """How much the generation takes on disk."""

    @property
    def entries(self) -> Mapping[str, Any]:
        """What is kept of each document's file, by the document's path, in order."""

    def listed(self) -> Iterator[Listed]:
        """What is known of each document, without reading any, in no order."""

    def verify_all(self) -> None:
        """Reads everything; raises IndexDamaged naming what is not as it was written."""

    def without(self, passages: Collection[int]) -> Store:
        """The index as if no passage had the words of these; their numbers stay, and are the caller's to leave out."""

    def everyone(self) -> Ids:
        """The numbers of all passages, in order."""

    def languages(self) -> Mapping[str, int]:
        """The passages' languages and how many passages each has."""

    def languages_of(self, passages: Ids) -> NDArray[np.str_]:
        """(len(passages),): the passages' languages."""

    def sample(self, language: str) -> Ids:
        """Up to a few hundred of the language's passages, the same at every call, to take statistics from."""

    def select(self, filters: Filters) -> Ids | None:
        """The passages whose documents pass the filters; None where all do."""

    def dense_candidates(self, question: Vector, count: int, language: str, allowed: Ids | None) -> Ids:
        """The language's passages that own its ``count`` vectors nearest to the question."""

    def lexical_candidates(self, stems: Sequence[str], count: int, allowed: Ids | None) -> Ids:
        """At most ``count`` passages with the highest bounded scores above 0."""

    def vector_scores(self, question: Vector, passages: Ids) -> VectorScores:
        """The passages' exact cosines with the question."""

    def centred_scores(self, question: Vector, passages: Ids, centre: Centre) -> Vector:
        """float32 (len(passages),): the mean of the paragraph's and the best sentence's cosines, all centred."""

    def second_scores(self, question: Vector, passages: Ids) -> Vector:
        """float32 (len(passages),): the second encoder's cosine with each passage's best sentence."""

    def sentence_scores(self, question: Vector, passage: int) -> Vector:
        """float32 (sentences,): the cosine of each of the passage's sentences."""

    def lexical_scores(self, stems: Sequence[str], passages: Ids) -> Vector:
        """float32 (len(passages),): bounded scores in [0, 1]."""

    def coverage(self, query: Sequence[str], stems: Iterable[str]) -> float:
        """The share of the query's idf weight whose terms are among ``stems``, in [0, 1]."""

    def knows(self, stem: str) -> bool:
        """Whether any passage has this stem."""

    def nearest(self, stem: str) -> str:
        """The stem of the collection that an unknown one is misspelt for; itself where there is none."""

    def holding(self, phrase: str) -> Ids:
        """The passages in which the phrase stands verbatim."""

    def passage(self, number: int) -> Passage: ...

    def document(self, path: str) -> Document: ...

    def words(self, path: str) -> tuple[Word, ...]:
        """Where the document's words stand on its pages, in order; none where its format has no pages."""
