"""Words as the lexical leg and the page need them: normal forms, tokens, stems by script, language, shortening.

All functions are pure and take any ``str``, lone surrogates and NULs included.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from threading import Lock

import snowballstemmer

from rag.sentences import sentences

__all__ = ["clean", "language", "normalize", "sentences", "shorten", "stems", "tokens"]

_FOLDS = str.maketrans(
    {
        **dict.fromkeys("’‘‛ʼʻ′`´＇", "'"),
        **dict.fromkeys("«»„“”‟″‹›＂", '"'),
        **dict.fromkeys("‐‑‒–—―−﹘﹣－", "-"),
        **{sign: f" {digit}" for sign, digit in zip("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789", strict=True)},  # «10³» is not 103
        "№": "#",  # NFKC would make it «No»
        "™": " ",
        "ё": "е",
        "Ё": "Е",
    }
)
_BMP = [chr(code) for code in range(0x80, 0xFFF0)]
_MARKS = "".join(sign for sign in _BMP if unicodedata.category(sign).startswith("M"))
# Format signs (soft hyphen, zero width, direction), lone surrogates, Arabic vowel signs and stretching, emoji's forms.
_INVISIBLE = dict.fromkeys(
    ord(sign)
    for sign in (*_BMP, "\0")
    if sign == "\0"
    or unicodedata.category(sign) in ("Cf", "Cs")
    or sign in "\u0640\u0670\ufe0e\ufe0f"
    or "\u064b" <= sign <= "\u065f"
)
_STRESS = re.compile("(?<=[\u0400-\u04ff])[\u0300\u0301]")


def _fold(text: str) -> str:
    """Compatibility forms, one sign for each punctuation mark, no invisible signs; the case is kept."""
    if text.isascii():
        return text.replace("\0", "").replace("`", "'")
    folded = unicodedata.normalize("NFKC", text.translate(_FOLDS)).translate(_FOLDS)
    return _STRESS.sub("", folded.translate(_INVISIBLE))


def normalize(text: str) -> str:
    """The form in which two spellings of one text are equal: NFKC, case folded, ё→е, plain quotes and dashes.

    Soft hyphens, zero-width and direction marks, Russian stress marks and Arabic vowel signs are dropped.
    """
    return _fold(text).casefold()


_LATIN = "A-Za-zªºÀ-ÖØ-öø-ʯḀ-ỿﬀ-ﬆ"
_CYRILLIC = "\u0400-\u0482\u048a-\u052f\u1c80-\u1c8f\ua640-\ua66e\ua680-\ua69d"
_HAN = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_TOKEN = re.compile(
    r"(?<!\w)\d{1,3}(?:[ ,]\d{3})++(?!\w|[.,]\d)"
    r"|\d++(?:[.,]\d++)*+(?:-(?:й|го|му|м|е|я|ю|х|ый|ой|ая|ое|ые|ых|ого|ому|ым|ми)(?!\w))?+(?:(?:st|nd|rd|th)(?!\w))?+"
    rf"|[{_HAN}]"
    rf"|[{_CYRILLIC}][{_CYRILLIC}{_MARKS}\d]*+"
    rf"|[{_LATIN}][{_LATIN}{_MARKS}\d]*+(?:'[{_LATIN}]++)?+"
    rf"|(?:[^\W\d_](?<![{_LATIN}{_CYRILLIC}{_HAN}]))(?:[\w{_MARKS}](?<![_{_LATIN}{_CYRILLIC}{_HAN}]))*+"
)


def tokens(text: str) -> list[str]:
    """The words and numbers of a text, normalised, in order."""
    return [token.casefold() for token in _TOKEN.findall(_fold(text))]


_KAZAKH = frozenset("әғқңөұүһі")
_STEMMERS = {name: snowballstemmer.stemmer(name) for name in ("russian", "english", "arabic")}
_LOCK = Lock()  # a Snowball stemmer keeps the word it works on


@lru_cache(maxsize=1 << 16)
def _stem(token: str) -> str:
    first = token[0]
    if "а" <= first <= "я":
        name = "" if _KAZAKH.intersection(token) else "russian"
    elif "a" <= first <= "z":
        name = "english"
    else:
        name = "arabic" if "\u0600" <= first <= "\u06ff" else ""
    if not name or any(sign.isdigit() for sign in token):
        return token
    with _LOCK:
        stem: str = _STEMMERS[name].stemWord(token)
    return stem


def stems(text: str) -> list[str]:
    """The terms of a text for BM25: its tokens, each stemmed by its own script."""
    return [_stem(token) for token in tokens(text)]


def language(text: str) -> str:
    """ISO 639-1 code of the text's language, or ``und`` where it has no letters."""
    cyrillic = len(re.findall(rf"[{_CYRILLIC}]++", text))
    latin = len(re.findall(r"\b[a-z][a-z]*+", text))
    if cyrillic and cyrillic >= latin:
        return "kk" if re.search(r"[әғқңөұүһ]", text.lower()) else "ru"
    if re.search("[\u0620-\u06ff]", text):
        return "ar"
    return "en" if any(map(str.isalpha, text)) else "und"


_CONTROL = re.compile(r"[\s\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


def clean(text: str) -> str:
    """A question as one line: no control characters or lone surrogates, single spaces, none at the ends."""
    return _CONTROL.sub(" ", text).strip()


def shorten(text: str, limit: int) -> str:
    """At most ``limit`` characters of a text on one line, cut between words, with «…» where something is left out."""
    line = clean(text)
    if len(line) <= limit:
        return line
    cut = line[: max(limit - 1, 0)]
    if not line[len(cut)].isspace() and " " in cut:
        cut = cut.rpartition(" ")[0]
    return cut.rstrip(' ,;:-–—(«"') + "…"
