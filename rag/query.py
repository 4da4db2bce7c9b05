"""A question as typed to a question as meant: keyboard layout, capitals, quoted phrases, words that may be misspelt.

The wrong keyboard layout («rjvbccbz» for «комиссия») is recognised by the model's own tokenizer, which knows the words
of a hundred languages as one or two tokens and breaks gibberish into many. On the development questions a question
typed right has at most 0.65 of the tokens of its swapped form, one typed in the wrong layout at least 1.54 times as
many.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Prefix

from rag.errors import QuestionError
from rag.text import normalize, stems, tokens
from rag.types import Filters, Note

MAX_QUESTION = 4_000  # characters; the model reads some 2,000 of them, and a longer text is a document
LATIN = "`qwertyuiop[]asdfghjkl;'zxcvbnm,.~QWERTYUIOP{}ASDFGHJKL:\"ZXCVBNM<>"
CYRILLIC = "ёйцукенгшщзхъфывапролджэячсмитьбюЁЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ"
TO_CYRILLIC = str.maketrans(LATIN, CYRILLIC)
TO_LATIN = str.maketrans(CYRILLIC, LATIN)
WRONG_LAYOUT = 1.25  # times as many tokens as the swapped form: between 0.65, typed right, and 1.54, typed wrong
WORD_GAIN = 3  # tokens; a word typed right never loses this many by swapping, 2 at most
STRANGE = 3  # tokens; of the seed's words with one letter wrong three quarters have as many, of right ones a fifth
ENDING = 1  # letters in which the shorter of two forms of a word may differ from the longer
CERTAIN_GAIN = 2  # tokens, of a whole question; «МФЦА» loses 1 as "VAWF"
OPENERS, CLOSERS = '"«»„“”(', '?!."«»„“”)'  # what stands around a word
# Guillemets are left out: in Russian every name stands in them, in whatever case the sentence wants.
PHRASE = re.compile(r"\"([^\"]+)\"|“([^“”]+)”")

CountTokens = Callable[[Sequence[str]], list[int]]
Knows = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Meaning:
    """A question as meant: its text, the phrases that must appear verbatim, and what was changed.

    ``strange`` holds the stems of words that the model does not know whole: only they may be misspelt.
    """

    text: str
    strange: frozenset[str]
    phrases: tuple[str, ...]
    notes: tuple[Note, ...]


def understand(typed: str, count_tokens: CountTokens, knows: Knows, literal: bool = False) -> Meaning:
    """What was meant by a question; ``knows`` says of a stem whether the collection holds it.

    A ``literal`` one is meant as it is typed: its layout is right, and none of its words is misspelt.
    """
    text = typed if literal else _in_the_right_layout(typed, count_tokens, knows)
    notes = (Note("layout", typed, text),) if text != typed else ()
    phrases = tuple(" ".join(filter(None, found)).strip() for found in PHRASE.findall(text))
    text = _calm(text)
    strange = frozenset[str]() if literal else _strange(text, count_tokens)
    return Meaning(text, strange, tuple(each for each in phrases if tokens(each)), notes)


def respelt(words: Mapping[str, str], quotes: Sequence[str]) -> tuple[Note, ...]:
    """What misspelt words were taken for, in the form that stands in one of the quotations; ``words`` has their stems.

    Words that differ in their last letters alone are no two words, but forms whose stems Snowball cuts apart
    («Сенегала», «Сенегалом»).
    """
    quoted = [word for quote in quotes for word in tokens(quote)] if words else []
    meant = {typed: next((word for word in quoted if stem in stems(word)), typed) for typed, stem in words.items()}
    return tuple(
        Note("spelling", typed, word)
        for typed, word in meant.items()
        if Prefix.similarity(typed, word) < min(len(typed), len(word)) - ENDING
    )


def checked(filters: Filters) -> Filters:
    """The filters in one form: codes and endings in small letters, without a dot, empty ones as none.

    Raises QuestionError where a date is none, or the dates leave no day.
    """
    for name in ("since", "until"):
        value = getattr(filters, name) or None
        try:
            if value is not None and datetime.date.fromisoformat(value).isoformat() != value:
                raise ValueError(value)
        except ValueError as error:
            raise QuestionError(f"{name} {value!r} is not a date: write it as 2025-11-25", "date") from error
    if filters.since and filters.until and filters.since > filters.until:
        raise QuestionError(f"no day is since {filters.since} and until {filters.until}: swap them", "days")
    return Filters(
        language=(filters.language or "").lower() or None,
        document=filters.document or None,
        type=(filters.type or "").lower().removeprefix(".") or None,
        since=filters.since or None,
        until=filters.until or None,
    )


def swapped(text: str) -> str:
    """The text as the same keys give it in the other layout; the script of most of its letters says which that is."""
    cyrillic = sum(sign in CYRILLIC for sign in text if sign.isalpha())
    latin = sum(sign in LATIN for sign in text if sign.isalpha())
    return text.translate(TO_LATIN if cyrillic > latin else TO_CYRILLIC)


def holds(text: str, phrase: str) -> bool:
    """Whether the phrase stands in the text: white space folded, case, ё and the kind of quotes and dashes aside."""
    return _folded(phrase) in _folded(text)


def _strange(text: str, count_tokens: CountTokens) -> frozenset[str]:
    words = text.split()
    broken = (word for word, pieces in zip(words, count_tokens(words), strict=True) if pieces >= STRANGE)
    return frozenset(stem for word in broken for stem in stems(word))


def _in_the_right_layout(typed: str, count_tokens: CountTokens, knows: Knows) -> str:
    words = [word for word in typed.split() if any(map(str.isalpha, word))]
    bare = [word.lstrip(OPENERS).rstrip(CLOSERS) for word in words]
    other = [swapped(word) for word in bare]
    lengths = count_tokens([*bare, *other])
    here, there = lengths[: len(bare)], lengths[len(bare) :]
    if _is_wrong(bare, other, sum(here), sum(there), knows):
        return " ".join(_with_edges(word, swapped) for word in typed.split())
    wrong = {
        word
        for word, inner, changed, a, b in zip(words, bare, other, here, there, strict=True)
        if a - b >= WORD_GAIN and not _all_known([inner], knows) and changed.isalpha()
    }
    return " ".join(_with_edges(word, swapped) if word in wrong else word for word in typed.split())


def _is_wrong(bare: list[str], other: list[str], here: int, there: int, knows: Knows) -> bool:
    if here > WRONG_LAYOUT * there and not _any_known(bare, knows):
        return here - there >= CERTAIN_GAIN or _all_known(other, knows)
    return False


def _any_known(words: list[str], knows: Knows) -> bool:
    return any(knows(stem) for word in words for stem in stems(word))


def _all_known(words: list[str], knows: Knows) -> bool:
    return all(any(knows(stem) for stem in stems(word)) for word in words)


def _with_edges(word: str, change: Callable[[str], str]) -> str:
    """The word changed, but for the quotes before it and the punctuation after it."""
    start = len(word) - len(word.lstrip('"«„“('))
    end = len(word.rstrip('?!."«»“”)'))
    return word[:start] + change(word[start:end]) + word[end:] if start < end else word


def _calm(text: str) -> str:
    """A question all in capitals in small letters, which is how the model knows its words."""
    return text.lower() if text.isupper() and len(text.split()) > 1 else text


def _folded(text: str) -> str:
    return " ".join(normalize(text).split())
