"""What the model writes, as it comes: whole sentences with their footnotes, and the sentence that is not whole yet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from rag.sentences import sentences
from rag.text import clean

_MARK = r"\[\s*\^?\d{1,4}(?:\s*[,;–-]\s*\^?\d{1,4})*\s*\]"
# Each begins where a run of spaces or of full stops does, and gives none of it back: no run is read twice.
_FOOTNOTE = re.compile(rf"(?<!\s)\s*+{_MARK}")
_AFTER_END = re.compile(  # «…said. [1]»: the mark belongs to what was said
    rf"(?<![.!?…])([.!?…]++[\"'»”’)]*+)((?:\s*+{_MARK})+)"
)
_RANGE = re.compile(r"(\d{1,4})\s*[–-]\s*\^?(\d{1,4})")
_OPEN = re.compile(r"\[[^\]\n]{0,20}\Z")  # a footnote of which more may come
_LISTED = re.compile(r"\A(?:[-*•–—]\s+|#+\s+|\d{1,2}[.)]\s+)")


class Drafted(NamedTuple):
    """A sentence as the model wrote it, its footnotes taken out: ``footnotes`` are the numbers, each once."""

    text: str
    footnotes: tuple[int, ...]


class Draft:
    """Takes the model's text piece by piece, and gives each sentence once it is whole."""

    def __init__(self) -> None:
        self._rest = ""
        self.length = 0

    @property
    def tail(self) -> str:
        """The sentence that is not whole yet, on one line."""
        return clean(self._rest)

    def feed(self, piece: str) -> list[Drafted]:
        """The sentences that are whole by now: another one has begun after each."""
        self._rest += piece
        self.length += len(piece)
        settled = self._rest[: _last_space(self._rest)]
        if opened := _OPEN.search(settled):
            settled = settled[: opened.start()]
        whole = _split(settled)[:-1]
        if not whole:
            return []
        self._rest = self._rest[whole[-1][1] :]
        return [drafted for text, _ in whole if (drafted := taken_apart(text))]

    def finish(self) -> list[Drafted]:
        """What is left; the model has ended."""
        left, self._rest = _split(self._rest), ""
        return [drafted for text, _ in left if (drafted := taken_apart(text))]


def taken_apart(sentence: str) -> Drafted | None:
    """A sentence without its footnotes, list marks and emphasis, and these footnotes; None where nothing is left."""
    numbers = dict.fromkeys(number for mark in re.findall(_MARK, sentence) for number in _numbers(mark))
    text = clean(_FOOTNOTE.sub("", sentence)).replace("**", "").replace("__", "")
    text = _LISTED.sub("", text).strip()
    return Drafted(text, tuple(numbers)) if any(sign.isalnum() for sign in text) else None


def _split(text: str) -> list[tuple[str, int]]:
    """The sentences, footnotes within them, and where in ``text`` each ends."""
    moved = _AFTER_END.sub(lambda match: match[2] + match[1], text)  # as long as before: offsets stay
    return [(moved[span.start : span.end], span.end) for span in sentences(moved)]


def _numbers(mark: str) -> Iterator[int]:
    for part in re.split(r"[,;]", mark.strip("[] \t\n")):
        if span := _RANGE.search(part):
            yield from range(int(span[1]), min(int(span[2]), int(span[1]) + 20) + 1)
        else:
            yield int(re.sub(r"\D", "", part))


def _last_space(text: str) -> int:
    """Before the last word, which may not be whole."""
    return max((i for i in range(len(text) - 1, max(-1, len(text) - 400), -1) if text[i].isspace()), default=0)
