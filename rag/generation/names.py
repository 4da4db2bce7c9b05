"""Names in a sentence, and whether a passage has them: by stem in one script, by sound across Latin and Cyrillic.

A name is made of words with a capital letter, the one that opens the sentence aside, unless it has two capitals.
Across the scripts «Токаев» is Tokayev and «Казахстане» is Kazakhstan: both are brought to a rough Latin skeleton, in
which few letters may differ. What is translated (Germany, UN) is left to the encoder; see ``support.py``.
"""

from __future__ import annotations

import re
import unicodedata

from rapidfuzz.distance import Levenshtein

from rag.text import normalize, stems, tokens

STEM, SHARED = (
    5,
    0.75,
)  # the beginning that two forms of a name share, in letters and of the longer: no Австрия, Австралия
ACROSS = 0.7  # of a skeleton's letters; benchmarks/support.py prints what this lets through

_WORD = re.compile(r"[^\W\d_][\w'’]*(?:-[^\W_][\w'’]*)*")
_OPENING = re.compile(r"(?:\A|[.!?…]\s+)\W*\Z")  # stands before a word that opens a sentence
_JOINT = re.compile(r"\s|\s(?:of|of the|de)\s|(?<=\b\w)\.\s?")  # «J. Smith» is one name too
_ROMAN = re.compile("[IVXLCDM]{1,8}")  # a number
_CYRILLIC = re.compile("[\u0400-\u052f]")
_SMALL = frozenset(
    ["a", "an", "and", "as", "at", "by", "for", "from", "i", "in", "of", "on", "or", "the", "to", "with"]
)

_SOUNDS = dict(zip("абвгдеёзийклмнопрстуфхыэәғқңөұүһі", "abvgdeeziiklmnoprstufgieagknouugi", strict=True)) | {
    **dict.fromkeys("цчшщ", "s"), "ж": "z", "ю": "iu", "я": "ia", "ъ": "", "ь": "",
}  # fmt: skip
_SPELLINGS = (
    ("tsch", "s"), ("shch", "s"), ("sch", "s"), ("tch", "s"), ("sh", "s"), ("ch", "s"), ("ts", "s"), ("tz", "s"),
    ("kh", "g"), ("zh", "z"), ("dj", "z"), ("ph", "f"), ("th", "t"), ("ck", "k"), ("qu", "kv"), ("ee", "i"),
    ("oo", "u"), ("ou", "u"),
    ("ce", "se"), ("ci", "si"), ("cy", "si"), ("ge", "ze"), ("gi", "zi"),
    ("c", "k"), ("q", "k"), ("x", "ks"), ("w", "v"), ("j", "z"), ("y", "i"), ("h", "g"),
)  # fmt: skip


def names(sentence: str) -> list[str]:
    """The names of the sentence, in order: «Kassym-Jomart Tokayev», «Bank of England»."""
    found: list[str] = []
    end = -1
    for match in _WORD.finditer(sentence):
        if not _is_name(sentence, match):
            continue
        if end >= 0 and _JOINT.fullmatch(sentence, end, match.start()):
            found[-1] += sentence[end : match.end()]
        else:
            found.append(match[0])
        end = match.end()
    return found


def _is_name(sentence: str, word: re.Match[str]) -> bool:
    capitals = sum(sign.isupper() for sign in word[0])
    if capitals == 0 or word[0].casefold() in _SMALL or _ROMAN.fullmatch(word[0]):
        return False
    return capitals > 1 or not _OPENING.search(sentence, max(0, word.start() - 8), word.start())


def candidates(passage: str, cyrillic: bool) -> list[str]:
    """What in a passage may be a name in that script: its longer words, and two or three from a capital letter on."""
    words = list(_WORD.finditer(passage))
    found: dict[str, None] = {}
    for i, first in enumerate(words):
        if bool(_CYRILLIC.search(first[0])) is not cyrillic:
            continue
        if len(first[0]) > 3 or first[0][0].isupper():
            found[first[0]] = None
        for last in words[i + 1 : i + 3] if first[0][0].isupper() else ():
            if not re.search(r"[.!?;\n]", passage[first.end() : last.start()]):
                found[passage[first.start() : last.end()]] = None
    return list(found)


def is_cyrillic(name: str) -> bool:
    """Whether any of its letters is."""
    return _CYRILLIC.search(name) is not None


class Words:
    """The words of a passage, to look names up in."""

    def __init__(self, passage: str) -> None:
        self._known = {*tokens(passage), *stems(passage)}
        self._sounds = {
            script: {skeleton(word) for word in self._known if len(word) > 2 and is_cyrillic(word) is script}
            for script in (True, False)
        }

    def has(self, name: str) -> bool:
        """Whether the passage has the name, inflected or in the other script."""
        return all(self._has(word) for word in tokens(name) if word[0].isalpha() and word not in _SMALL)

    def _has(self, word: str) -> bool:
        forms = {word, *stems(word)}
        if forms & self._known or any(_alike(form, other) for form in forms for other in self._known):
            return True
        others = self._sounds[not is_cyrillic(word)]
        return any(
            Levenshtein.normalized_similarity(skeleton(form), each) >= ACROSS
            for form in forms
            for each in others
            if len(form) > 2
        )


def skeleton(word: str) -> str:
    """A word as it roughly sounds, in a few Latin letters: Khrushchev and Хрущёв are one."""
    word = normalize(word)
    if _CYRILLIC.search(word):
        word = "".join(_SOUNDS.get(sign, sign) for sign in word.replace("дж", "ж"))
    else:
        word = "".join(sign for sign in unicodedata.normalize("NFD", word) if not unicodedata.combining(sign))
        for spelling, sound in _SPELLINGS:
            word = word.replace(spelling, sound)
    return re.sub(r"(.)\1+", r"\1", word)


def _alike(word: str, other: str) -> bool:
    """Whether two words of one script are one name with other endings: Токаев and Токаевым."""
    differing = (i for i, (a, b) in enumerate(zip(word, other, strict=False)) if a != b)
    shared = next(differing, min(len(word), len(other)))
    return shared >= STEM and shared >= SHARED * max(len(word), len(other))
