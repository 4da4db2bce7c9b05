"""The values that flow through Snoska, all frozen, and the Protocols at its seams.

Offsets are counted in characters of a document's extracted text, end exclusive, so that
``document.text[start:end]`` is the thing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]  # (rows, dimension)
Vector = NDArray[np.float32]  # (n,)
Ids = NDArray[np.int64]  # (n,) passage numbers
Json = dict[str, Any]

Mode = Literal["hybrid", "dense", "lexical", "rrf"]
Verdict = Literal["found", "unsure", "not_found"]
BlockKind = Literal["paragraph", "heading", "row"]


class Span(NamedTuple):
    """Characters ``[start, end)`` of a document's text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Block:
    """What a reader takes for one paragraph, heading or table row of the source."""

    start: int
    end: int
    kind: BlockKind = "paragraph"


class Word(NamedTuple):
    """Where a word of a document's text, ``text[start:end]``, stands on a page.

    ``page`` counts from 1; the edges are in points (1/72 inch) from the left and the top of the page as it is shown.
    """

    start: int
    end: int
    page: int
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Document:
    """A file as read: its text and what is known about it.

    ``path`` is relative to the collection's folder, with ``/``; it is the ``document`` of a citation.
    ``pages`` holds the offset at which each page starts, empty where the format has no pages; ``scanned`` are the
    pages, from 1, whose text comes from OCR.
    ``date`` is ISO 8601 (``YYYY-MM-DD``) or None. ``type`` is the file's ending, lower case, without the dot.
    """

    path: str
    text: str
    blocks: tuple[Block, ...]
    title: str
    language: str
    type: str
    date: str | None = None
    pages: tuple[int, ...] = ()
    scanned: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """A citable piece of a document: ``document.text[start:end] == text``.

    ``paragraph`` is the number, from 1, of the source paragraph in which ``start`` lies; ``page`` likewise,
    None where there are no pages. ``sentences`` are offsets into the document's text, in order.
    """

    document: str
    start: int
    end: int
    text: str
    paragraph: int
    page: int | None
    language: str
    sentences: tuple[Span, ...]

    @property
    def sentence_texts(self) -> tuple[str, ...]:
        """The sentences themselves, in order."""
        return tuple(self.text[start - self.start : end - self.start] for start, end in self.sentences)


@dataclass(frozen=True, slots=True)
class Scores:
    """The parts of a passage's score: two cosines and the bounded lexical score in [0, 1]; higher is better."""

    paragraph: float
    sentence: float
    lexical: float


@dataclass(frozen=True, slots=True)
class Copy:
    """Where a near-copy of a cited passage stands."""

    document: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Citation:
    """A passage found for a question, quoted verbatim: the public form of a hit.

    ``quote == text[start:end]`` of the document; ``quote[highlight[0]:highlight[1]]`` is its best sentence,
    in the first citation of an answer the sentence that answers, or that one and the one before it.
    """

    rank: int
    document: str
    title: str
    date: str | None
    language: str
    page: int | None
    paragraph: int
    start: int
    end: int
    quote: str
    highlight: tuple[int, int]
    score: float
    scores: Scores
    also_in: tuple[Copy, ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """What was made of a question. ``layout``: ``typed`` on the wrong keyboard layout is asked as ``meant``;
    ``phrase``: no passage holds the quoted phrase ``typed``, so that it was not asked for, and ``meant`` is empty."""

    kind: Literal["layout", "phrase"]
    typed: str
    meant: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a question. ``text`` is verbatim from ``citations[citation - 1].quote``, or None.

    ``question`` is the question as typed, control characters and spaces aside, ``notes`` what was made of it.
    """

    question: str
    language: str
    verdict: Verdict
    confidence: float
    text: str | None
    citation: int | None
    citations: tuple[Citation, ...]
    notes: tuple[Note, ...] = ()

    @property
    def found(self) -> bool:
        return self.verdict != "not_found"


@dataclass(frozen=True, slots=True)
class Filters:
    """Which documents may answer; an empty filter lets all through. Dates are ISO 8601, both ends inclusive."""

    language: str | None = None
    document: str | None = None  # a glob over the document's path
    type: str | None = None
    since: str | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was left out, with the reason."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did. ``documents`` and ``passages`` count what the index holds afterwards."""

    documents: int
    passages: int
    added: int
    changed: int
    removed: int
    renamed: int
    unchanged: int
    seconds: float
    embed_seconds: float
    embedded_texts: int
    skipped: tuple[Skipped, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of a long job. ``stage`` is ``reading``, ``embedding`` or ``writing``; ``done`` of ``total``.

    They count files, and passages where these are embedded: ``files_done`` of ``files`` are then whole.
    """

    stage: str
    done: int
    total: int
    files_done: int = 0
    files: int = 0


ProgressCallback = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, eq=False)
class TokenStates:
    """The last hidden states of a text's tokens, each read in the whole text's context.

    ``vectors`` are of shape (tokens, dimension), of any length; ``starts`` (tokens,) are the characters at which the
    tokens begin, never falling. Prompts and special tokens are left out.
    """

    vectors: Matrix
    starts: Ids


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
    def max_tokens(self) -> int:
        """The longest text, in tokens, that is read whole, the prompt and special tokens already taken off."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """The length of each text in tokens, without the prompt and special tokens."""

    def encode_documents(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Matrix:
        """float32 (len(texts), dimension), rows of length 1; ``progress`` hears how many are done."""

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """float32 (len(texts), dimension), rows of length 1."""

    def query_states(self, text: str) -> TokenStates | None:
        """The states of the question's tokens; None where this encoder does not give them."""

    def document_states(self, text: str) -> TokenStates | None:
        """The states of the passage's tokens; None where this encoder does not give them."""


@dataclass(frozen=True, slots=True)
class VectorScores:
    """Cosines of some passages with a question: the paragraph's, its best sentence's, and which sentence that is
    (from 0). All of shape (passages,)."""

    paragraph: Vector
    sentence: Vector
    best_sentence: Ids


class Store(Protocol):
    """One opened generation of an index. Passages go by their numbers, of which some may be missing; ``allowed``,
    in order, restricts a search. Several threads may ask at once."""

    @property
    def manifest(self) -> Json:
        """What is written of the generation: its number, model, analysis, time, passages and skipped files."""

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

    def verify_all(self) -> None:
        """Reads everything; raises IndexDamaged naming what is not as it was written."""

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
