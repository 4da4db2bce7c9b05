"""Which sentence of a passage answers the question: numpy only, no words of any language.

A conditional logistic regression over the passage's sentences. Besides the cosines that the index holds it takes the
states of the passage's tokens, made in one pass over the whole passage, so that each sentence is read in its context:
one that says «he» or «the building» is found by what stands before it. The coefficients lie in ``answer.json`` beside
this file, written by ``benchmarks/answer_sentence.py``, which also prints how well they do, cross-validated.
"""

from __future__ import annotations

import bisect
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

from rag.passages import FINAL_PUNCTUATION
from rag.protocols import Encoder, Store
from rag.retriever import Question
from rag.types import Document, Ids, Matrix, Passage, Span, TokenStates, Vector

FEATURES = (
    "cosine_gap",
    "before",
    "after",
    "best_cosine",
    "length",
    "opening",
    "token_gap",
    "pool_gap",
    "wins",
)
ABSENT = -0.2  # the cosine of a sentence without tokens: cut off by the model's limit
COSINES, STATES = 40, 10  # bring the gaps between cosines, and between centred states, to the size of the others
LENGTH = 100  # characters
BOTH = 400  # characters: the longest that a sentence and the one before it may be together, to be one answer

USUAL_MATCH = 0.46  # of first passages; the mean that benchmarks/calibration.py prints

# What a sentence begins with that speaks of the one before it.
_POINTS_BACK = re.compile(
    r"\W*(?:"
    r"он|она|оно|они|его|её|ее|их|ему|ей|им|это|этот|эта|эти|этого|этой|этому|этим|этих|там|тогда|такой|такая|такое|такие"
    r"|he|she|it|they|his|her|its|their|this|that|these|those|then|such"
    r")\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, eq=False)
class Means:
    """The mean states of passages' and of questions' tokens, (dimension,): without them all tokens look alike."""

    passage: Vector
    question: Vector


@dataclass(frozen=True, slots=True)
class Reading:
    """What one look into a passage tells: ``answer`` is where the answering sentence, or two, stand in its text.

    ``match`` says how well one sentence meets all of the question: the mean of the question tokens' best centred
    cosines, of the sentence where it is highest. Without token states it is what is usual, so that it speaks neither
    for the passage nor against it.
    """

    answer: Span
    match: float = USUAL_MATCH


@dataclass(frozen=True, slots=True, eq=False)
class AnswerSentence:
    """Chooses the sentence whose sum of weight * feature is highest; see :func:`features`."""

    weights: Mapping[str, float]
    means: Means

    @classmethod
    @cache
    def bundled(cls) -> AnswerSentence:
        """The one that the package ships, fitted for the bundled model."""
        return cls.from_json(json.loads(resources.files("rag").joinpath("answer.json").read_text("utf-8")))

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> AnswerSentence:
        """As ``answer.json`` holds it; raises ValueError where a weight is for no feature."""
        weights, means = value["weights"], value["means"]
        if not isinstance(weights, dict) or set(weights) != set(FEATURES) or not isinstance(means, dict):
            raise ValueError(f"the answer's weights are not for the features {', '.join(FEATURES)}")
        return cls(weights, Means(*(np.array(means[name], dtype=np.float32) for name in ("passage", "question"))))

    def read(self, store: Store, encoder: Encoder, question: Question, number: int) -> Reading:
        """Where the answer stands in the passage with this number, by one forward pass of the passage.

        The sentence with the highest cosine where the encoder gives no states.
        """
        passage = store.passage(number)
        sentences = within(passage)
        cosines = store.sentence_scores(question.vector, number).tolist()
        able = answering(store.document(passage.document), passage)
        asked, read = question.states, encoder.document_states(passage.text)
        if asked is None or read is None or len(asked.starts) == 0 or len(read.starts) == 0:
            return Reading(with_context(passage.text, sentences, max(able, key=cosines.__getitem__)))
        scores = self.scores(cosines, sentences, asked, read)
        return Reading(
            with_context(passage.text, sentences, max(able, key=scores.__getitem__)),
            match=float(token_matches(sentences, asked, read, self.means).mean(axis=0).max()),
        )

    def choose(
        self, cosines: Sequence[float], sentences: Sequence[Span], question: TokenStates, passage: TokenStates
    ) -> int:
        """The number, from 0, of the answering sentence; the first of those that stand alike.

        ``cosines`` are of the sentences' own vectors with the question's; ``sentences`` are offsets into the passage.
        """
        return int(np.argmax(self.scores(cosines, sentences, question, passage)))

    def scores(
        self, cosines: Sequence[float], sentences: Sequence[Span], question: TokenStates, passage: TokenStates
    ) -> list[float]:
        """The sum of weight * feature of each sentence; higher is better."""
        rows = features(cosines, sentences, question, passage, self.means)
        return [sum(self.weights[name] * row[name] for name in FEATURES) for row in rows]


def features(
    cosines: Sequence[float],
    sentences: Sequence[Span],
    question: TokenStates,
    passage: TokenStates,
    means: Means,
) -> list[dict[str, float]]:
    """What each sentence is chosen by; gaps are to the highest of the passage's sentences, so at most 0.

    - ``cosine_gap``: of the cosine; ``best_cosine``: 1 where there is none; ``before``, ``after``: how far the
      neighbour's cosine lies above
    - ``length``: ln(1 + characters / 100); ``opening``: 1 for the first sentence
    - ``token_gap``: of the question tokens' best cosines with the sentence's tokens, in the mean weighted by how far
      each tells the sentences apart; ``wins``: the share of question tokens whose best is in the sentence
    - ``pool_gap``: of the cosine between the means of the question's and the sentence's tokens
    """
    count = len(cosines)
    best = token_matches(sentences, question, passage, means)
    states = _unit(passage.vectors - means.passage)
    owner = sentence_of(passage.starts, sentences)
    pooled = np.zeros((count, states.shape[1]), dtype=np.float32)
    for number in set(owner.tolist()):
        pooled[number] = _unit(states[owner == number].mean(axis=0))
    telling = np.maximum(best.max(axis=1) - np.median(best, axis=1), 0)
    tokens = best.T @ telling / max(float(telling.sum()), 1e-6)
    pool = pooled @ _unit(_unit(question.vectors - means.question).mean(axis=0))
    wins = (best >= best.max(axis=1, keepdims=True) - 1e-6).mean(axis=0)
    top = max(cosines)
    return [
        {
            "cosine_gap": COSINES * (cosines[i] - top),
            "before": COSINES * (cosines[i - 1] - cosines[i]) if i else 0.0,
            "after": COSINES * (cosines[i + 1] - cosines[i]) if i + 1 < count else 0.0,
            "best_cosine": float(cosines[i] == top),
            "length": math.log1p((sentences[i].end - sentences[i].start) / LENGTH),
            "opening": float(i == 0),
            "token_gap": STATES * float(tokens[i] - tokens.max()),
            "pool_gap": STATES * float(pool[i] - pool.max()),
            "wins": float(wins[i]),
        }
        for i in range(count)
    ]


def token_matches(sentences: Sequence[Span], question: TokenStates, passage: TokenStates, means: Means) -> Matrix:
    """float32 (question tokens, sentences): each question token's highest centred cosine with the sentence's tokens."""
    similar = _unit(question.vectors - means.passage) @ _unit(passage.vectors - means.passage).T
    owner = sentence_of(passage.starts, sentences)
    best = np.full((len(similar), len(sentences)), ABSENT, dtype=np.float32)
    for number in set(owner.tolist()):
        best[:, number] = similar[:, owner == number].max(axis=1)
    return best


def sentence_of(starts: Ids, sentences: Sequence[Span]) -> Ids:
    """int64 (len(starts),): the last sentence, from 0, that begins at or before each token."""
    first = [sentence.start for sentence in sentences]
    return np.maximum(np.searchsorted(first, starts, side="right") - 1, 0).astype(np.int64)


def answering(document: Document, passage: Passage) -> Sequence[int]:
    """The numbers of the sentences that may be the answer: headings are none.

    They are what the format marks so; in a document where nothing is marked, what does not end as a sentence does.
    """
    everything = range(len(passage.sentences))
    if any(block.kind == "heading" for block in document.blocks):
        starts = [block.start for block in document.blocks]
        kinds = [document.blocks[bisect.bisect_right(starts, a) - 1].kind for a, _ in passage.sentences]
        return [i for i in everything if kinds[i] != "heading"] or everything
    prose = [i for i in everything if FINAL_PUNCTUATION.search(document.text, *passage.sentences[i])]
    return prose or everything


def within(passage: Passage) -> list[Span]:
    """The passage's sentences as offsets into its own text."""
    return [Span(start - passage.start, end - passage.start) for start, end in passage.sentences]


def with_context(text: str, sentences: Sequence[Span], chosen: int) -> Span:
    """The sentence; with the one before it where it only makes sense after that one, and both are short."""
    start, end = sentences[chosen]
    if chosen and _POINTS_BACK.match(text, start, end) and end - sentences[chosen - 1].start < BOTH:
        return Span(sentences[chosen - 1].start, end)
    return Span(start, end)


def _unit(rows: Matrix) -> Matrix:
    length = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.maximum(length, 1e-9), dtype=np.float32)
