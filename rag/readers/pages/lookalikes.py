"""Letters that look alike in Latin and Cyrillic, put back into one script: OCR that knows both mixes them up.

A word that holds letters of both goes to the script of its letters that only one has, else to its line's. A word all
of whose letters exist in both, «BCE» for «ВСЕ», goes to its line's script.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

LATIN = "ABCEHKMOPTXYIaceopxyihsj"
CYRILLIC = "АВСЕНКМОРТХУІасеорхуіһѕј"
TO_CYRILLIC = str.maketrans(LATIN, CYRILLIC)
TO_LATIN = str.maketrans(CYRILLIC, LATIN)
# Not the same shapes, but what OCR makes of Cyrillic capitals and small letters in the midst of Cyrillic ones.
MISREAD = str.maketrans("NRWUnmukrtbgdV", "ИЯШЦпмикгтьдду")
CAPITALS_MISREAD = str.maketrans("NRWU", "ИЯШЦ")
ALIKE = re.compile("[ABCEHKMOPTXYaceopxy]+")
ALIKE_OR_MISREAD = re.compile("[ABCEHKMOPTXYNRWU]{5,}")
CYRILLIC_ALIKE = re.compile("[АВСЕНКМОРТХУасеорху]+")
# Kazakh letters whose capitals have the shapes of the small ones: OCR takes one for the other inside words.
CAPITAL_INSIDE = re.compile("(?<=[а-яёәғқңөұүһі])[ӘҒҚҢӨҰҮҺ](?=[а-яёәғқңөұүһі])")
PART = re.compile(r"[^\W\d_]+")
# Latin words of such letters only, and Roman numbers, that Russian texts use as they are.
KEPT = re.compile(
    r"[XCM]{2,}|X|CEO|CTO|COO|CMO|OPEC|APEC|CAPEX|OPEX|HPC|PC|HP|HTTP|TCP|PHP|MAC|BTC|ETH|ETC|PhP|CO|CH|OTC|ATM|TOEX"
)
MOSTLY = 0.7  # of a line's letters that only one script has, for words of both to go to it


def in_one_script(words: Sequence[str]) -> list[str]:
    """The words of a line, each in one script as far as its letters can tell."""
    cyrillic = sum(_only(word, "CYRILLIC", CYRILLIC) for word in words)
    latin = sum(_only(word, "LATIN", LATIN) for word in words)
    total = max(1, cyrillic + latin)
    line = "CYRILLIC" if cyrillic > MOSTLY * total else "LATIN" if latin > MOSTLY * total else ""
    return [_word(word, line, _near(words, number)) for number, word in enumerate(words)]


def _word(word: str, line: str, near: str) -> str:
    whole = PART.sub(lambda part: _part(part[0], line, near), word)
    return CAPITAL_INSIDE.sub(lambda letter: letter[0].lower(), whole)


def _part(part: str, line: str, near: str) -> str:
    cyrillic = sum(map(_is_cyrillic, part))
    if 0 < cyrillic < len(part):
        return _unmixed(part, line)
    if cyrillic == 0 and line == near == "CYRILLIC" and not KEPT.fullmatch(part):
        if ALIKE.fullmatch(part):
            return part.translate(TO_CYRILLIC)
        if ALIKE_OR_MISREAD.fullmatch(part):
            return part.translate(TO_CYRILLIC).translate(CAPITALS_MISREAD)
    if cyrillic and line == near == "LATIN" and CYRILLIC_ALIKE.fullmatch(part):
        return part.translate(TO_LATIN)
    return part


def _unmixed(part: str, line: str) -> str:
    cyrillic, latin = _only(part, "CYRILLIC", CYRILLIC), _only(part, "LATIN", LATIN)
    if cyrillic > latin or (cyrillic == latin and line != "LATIN"):
        return part.translate(TO_CYRILLIC).translate(MISREAD)
    return part.translate(TO_LATIN)


def _near(words: Sequence[str], number: int) -> str:
    """The one script of the words beside this one, and of its own parts, told by letters that only it has."""
    beside = [word for word in words[max(0, number - 1) : number + 2] if not ALIKE_OR_MISREAD.fullmatch(word)]
    latin = any(_only(word, "LATIN", LATIN) > 0 for word in beside)
    cyrillic = any(_only(word, "CYRILLIC", CYRILLIC) > 0 for word in beside)
    return "CYRILLIC" if cyrillic and not latin else "LATIN" if latin and not cyrillic else ""


def _only(word: str, script: str, shared: str) -> int:
    """How many of the word's letters are of the script, and not of those that look alike in both."""
    return sum(1 for c in word if c not in shared and c.isalpha() and unicodedata.name(c, "").startswith(script))


def _is_cyrillic(character: str) -> bool:
    return "\u0400" <= character <= "\u04ff"
