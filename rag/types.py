"""The values that flow through Snoska, all frozen.

Offsets are counted in characters of a document's extracted text, end exclusive, so that
``document.text[start:end]`` is the thing itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]  # (rows, dimension)
Vector = NDArray[np.float32]  # (n,)
Ids = NDArray[np.int64]  # (n,) passage numbers
Json = dict[str, Any]

Mode = Literal["hybrid", "dense", "lexical", "rrf"]
NoteKind = Literal["layout", "phrase", "spelling"]
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
class Listed:
    """What an index tells of a document without reading it.

    ``passages`` is how many it has; ``read`` when it was read (UTC, ``2025-11-25T09:30:00Z``), empty where that was not
    noted; ``missing`` what of it could not be read, and why. The rest is as :class:`Document` has it.
    """

    path: str
    title: str
    language: str
    type: str
    date: str | None
    passages: int
    read: str
    missing: tuple[str, ...]


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
    ``ocr``: the text of its page was read from a picture, and may hold mistakes of reading.
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
    ocr: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """What was made of a question. ``layout``: ``typed`` on the wrong keyboard layout is asked as ``meant``;
    ``phrase``: no passage holds the quoted phrase ``typed``, so that it was not asked for, and ``meant`` is empty;
    ``spelling``: the word ``typed``, which no document holds, was taken for ``meant``, which stands in a citation."""

    kind: NoteKind
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
    """What a build did. ``documents`` and ``passages`` count what the index holds afterwards; where ``is_shown`` is
    false, what the part holds that was built, of an index that shows it when all parts are finished."""

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
    is_shown: bool = True


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


@dataclass(frozen=True, slots=True, eq=False)
class Centre:
    """An encoder's mean question and mean document, (dimension,): what all its vectors share says nothing about which
    fits which."""

    question: Vector
    document: Vector

    def cosines(self, rows: Matrix, question: Vector) -> Vector:
        """float32 (len(rows),): of the unit rows and the unit question, the means taken off both."""
        asked = question - self.question
        products = rows @ np.stack([asked, self.document], axis=1)  # no row is moved: a unit row's length then follows
        squares = 1 - 2 * products[:, 1] + self.document @ self.document
        lengths = np.sqrt(np.maximum(squares, 0)) * np.linalg.norm(asked)
        return np.asarray((products[:, 0] - self.document @ asked) / np.maximum(lengths, 1e-9), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class VectorScores:
    """Cosines of some passages with a question: the paragraph's and its best sentence's, of shape (passages,)."""

    paragraph: Vector
    sentence: Vector
