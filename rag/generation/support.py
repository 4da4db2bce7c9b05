"""Whether the passages that a sentence cites support it: its numbers and names, and its meaning.

Nothing here proves a sentence true. It strikes what plainly has no support: a footnote that leads nowhere, a number,
a date or a name that the cited passages do not have, a meaning far from all that they say. ``benchmarks/support.py``
prints how much each check lets through, and what it strikes wrongly.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from rag.generation.draft import Drafted
from rag.generation.facts import Value, facts, values
from rag.generation.names import Words, candidates, is_cyrillic, names
from rag.protocols import Encoder
from rag.sentences import sentences
from rag.types import Citation, Json, Matrix

Reason = Literal["footnote", "link", "number", "name", "meaning"]

# What would lead elsewhere, or fetch from there, where the text is taken for Markdown or HTML.
_LINK = re.compile(r"://|\bwww\.|\]\s?\(|\]:|<[a-z/!]", re.IGNORECASE)

# Cosines of vectors with their mean taken off, both texts embedded as questions; by benchmarks/support.py.
MEANING = 0.40
NAME = 0.44


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the written answer. ``reason`` says why it is not supported, ``detail`` which number or name."""

    text: str
    citations: tuple[int, ...]
    supported: bool
    reason: Reason | None = None
    detail: str = ""

    def json(self) -> Json:
        """As ``ask --json --generate`` gives it."""
        return {
            "text": self.text,
            "citations": list(self.citations),
            "supported": self.supported,
            "reason": self.reason,
            "detail": self.detail,
        }


class Support:
    """The passages that may be cited, by their ranks."""

    def __init__(self, citations: Sequence[Citation], encoder: Encoder) -> None:
        self._passages = {citation.rank: _Passage(citation.quote, encoder) for citation in citations}
        self._encoder = encoder

    def check(self, drafted: Drafted) -> Sentence:
        """The sentence, supported by all that it cites together, or struck for the first reason found."""
        cited = [self._passages[number] for number in drafted.footnotes if number in self._passages]
        reason, detail = self._trouble(drafted, cited)
        known = tuple(number for number in drafted.footnotes if number in self._passages)
        return Sentence(drafted.text, known, reason is None, reason, detail)

    def _trouble(self, drafted: Drafted, cited: Sequence[_Passage]) -> tuple[Reason | None, str]:
        if not cited or len(cited) < len(drafted.footnotes):
            return "footnote", ""
        if found := _LINK.search(drafted.text):
            return "link", found[0]
        stated = frozenset[Value]().union(*(passage.values for passage in cited))
        if wrong := [fact for fact in facts(drafted.text) if not fact.readings & stated]:
            return "number", drafted.text[wrong[0].start : wrong[0].end]
        dated = [(fact.start, fact.end) for fact in facts(drafted.text)]
        text = drafted.text
        for start, end in dated:  # November is no name
            text = text[:start] + text[start:end].lower() + text[end:]
        for name in names(text):
            if not any(passage.has(name) for passage in cited):
                return "name", name
        if not any(passage.means(drafted.text) for passage in cited):
            return "meaning", ""
        return None, ""


class _Passage:
    """What one passage can be held to say; each part is made when it is first asked for."""

    def __init__(self, text: str, encoder: Encoder) -> None:
        self._text, self._encoder = text, encoder
        self._named: dict[bool, Matrix | None] = {}

    @cached_property
    def values(self) -> frozenset[Value]:
        return values(self._text)

    @cached_property
    def _words(self) -> Words:
        return Words(self._text)

    @cached_property
    def _meanings(self) -> Matrix | None:
        spans = sentences(self._text)
        return centred(self._encoder, [*(self._text[start:end] for start, end in spans), self._text])

    def has(self, name: str) -> bool:
        """Whether the name stands in the passage; in the other script, as it sounds or as the encoder knows it."""
        return self._words.has(name) or self._has_translated(name)

    def means(self, sentence: str) -> bool:
        """Whether any sentence of the passage, or all of it, is near in meaning; taken for granted where the encoder's
        mean is not known, since the thresholds are of the bundled one."""
        asked = centred(self._encoder, [sentence])
        return asked is None or self._meanings is None or float((self._meanings @ asked[0]).max()) >= MEANING

    def _has_translated(self, name: str) -> bool:
        script = not is_cyrillic(name)
        if script not in self._named:
            written = candidates(self._text, cyrillic=script)
            self._named[script] = centred(self._encoder, written) if written else None
        rows, asked = self._named[script], centred(self._encoder, [name])
        return rows is not None and asked is not None and float((rows @ asked[0]).max()) >= NAME


def centred(encoder: Encoder, texts: Sequence[str]) -> Matrix | None:
    """float32 (len(texts), dimension): the texts as questions, their mean taken off, of length 1; None where the
    encoder's mean is not known. Embedded all as questions they are of one kind, as the model asks for texts that are
    compared with their like, and no torch is loaded."""
    if encoder.centre is None:
        return None
    rows = encoder.encode_queries(texts) - encoder.centre.question
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), dtype=np.float32)
