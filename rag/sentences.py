"""Sentences with exact offsets, in Russian, English and Kazakh, and by punctuation alone in other languages.

One pass over the text finds the places where a sentence might end; each is judged by a window of fixed length
to its left and by the next word, so the time is linear in the text whatever the text is. The lists of abbreviations
are short, since one that stands before a small letter needs no list: they say what a capital after it means.

The kinds of rules are those of razdel's ``sentenize`` (A. Kukushkin, MIT licence), which was tried first. Written
before the rules were tuned, the cases of ``tests/test_sentences.py`` came out right 118 of 126 times here and 89
there (in English 47 and 31 of 50); 24 more, seen only after the tuning, at first 20 and 16 times.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from rag.types import Span


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CLOSERS = "\"'»”’›)\\]}"
_OPENERS = "\"'«„“‘‹([{"
_DASHES = r"\-–—―−"
_UNSPACED = "。！？"  # enders of scripts that put no space after them
_ENDERS = f".!?…؟۔।։።{_UNSPACED}"
_INITIALS = "A-HJ-ZА-ЯЁӘҒҚҢӨҰҮҺ"  # not «I», which may end a sentence

# Where a sentence might end: a run of enders with the quotes, brackets and footnote marks that close it, or the
# end of a line. Every quantifier is possessive and every alternative consumes what it looks at: no backtracking.
_CANDIDATE = re.compile(
    rf"(?P<run>[{_ENDERS}][{_ENDERS}{_CLOSERS}]*+(?:\[\d{{1,3}}\])*+(?:[ \u00a0\u202f][»)\]}}]++)?+)"
    r"|(?P<line>[\n\r\v\f\x85\u2028\u2029]\s*+)"
    rf"|(?:(?<!\w)[{_INITIALS}]\.[ \u00a0\u202f]?+(?=[{_INITIALS}]\.))++"  # «А. Б. В.»: none ends before the last
)
_NEXT = re.compile(rf"(?P<space>\s*+)(?P<lead>[{_OPENERS}{_DASHES}\s]*+)(?P<word>[^\W\d_]*+)(?P<rest>.?)", re.DOTALL)
_MARKER = re.compile(
    r"(?:[•◦▪●‣·∙■□*+-]\s|[–—](?=\s)|\(?\d{1,3}[.)](?:\d{1,3}[.)]?)*+\s|\(?[a-zа-яәғқңөұүһі]\)\s)", re.IGNORECASE
)
_ENUMERATOR = re.compile(r"\W{0,2}(?:\d{1,3}(?:\.\d{1,3}){0,3}|[IVXLCivx]{1,5}|[^\W\d_])\Z")
_LEFT = re.compile(r"(?:(?<!\w)(?:[^\W\d_]{1,3}\.[ \u00a0\u202f]?){1,3})?[^\W_][\w’'-]*\Z")
_BEFORE = re.compile(r"([\w%]+)[\s.%]{0,3}\Z")
_WINDOW = 32  # characters to the left that are looked at: the longest chain of abbreviations is shorter
_ITEM = 16  # characters that the number of a list's item may have: «1.2.3.4»
_STUB = 24  # characters: with a preposition or a number first, too little to be a sentence: «В 2025 г. Астана...»
_ADVERBIAL = re.compile(r"(?:[а-я]{1,2}|\d{1,4})\s", re.IGNORECASE)

# Followed by a name: they join what follows, unless that opens a sentence as only a function word does.
_BEFORE_NAME = _words(
    "г гор пос дер с д ул пр просп пр-т пр-кт пер пл бул б-р наб ш р о оз мкр корп кв оф стр каб х ст ж/д "
    "им дж вс св проф акад доц инж тов гр г-н г-жа гг-н зам зав нач ген полк подп кап лейт чл чл.-корр корр ред сост "
    "т.е т.к т.н т.ч т.о и.о в.о т.наз см ср напр в.т.ч п пп ч гл т лит англ нем фр лат греч исп каз араб "
    "dr mr mrs ms messrs prof rev hon gen col lt capt cmdr sgt maj gov sen rep pres st mt ft vs cf e.g i.e viz "
    "supt insp v z z.b d.h "
    "inc ltd co corp llc plc jr sr bros dept univ assn ave blvd rd gmbh"  # «Acme Inc. Chairman», «U.S. Army»
)
# Followed by a number: anything else after them starts a sentence («No. It is not.», «ели рис. Потом»).
_BEFORE_NUMBER = _words(
    "no nos n c est fig figs eq sec sect ch chap vol vols pp p art para par ca approx app tab ver "
    "jan feb mar apr jun jul aug sep sept oct nov dec "
    "рис табл илл прил разд подп абз вып ок тел факс ном прим изд сб ум род"
)
# May end a sentence, or go on before a small letter, a number or a sign.
_AFTER_THING = _words(
    "г гг в вв тыс млн млрд трлн руб долл коп тг тенге р др пр т.д т.п н.э у.е с.г т.г л.с с.ш в.д мин сек час ч га "
    "км м см мм кг т л кв куб экз чел проц барр ж жж ғ ғғ қ т.б т.с.с ш.а etc al a.m p.m ph.d m.d b.a m.a b.c a.d "
    "стр с п эл обл р-н шт"
)
_ABBREVIATIONS = _BEFORE_NAME | _BEFORE_NUMBER | _AFTER_THING
# A capital here opens a sentence: no name begins so.
_STARTERS = _words(
    "в во на с со к ко о об от до по за из у и но а да или если как что кто где когда куда откуда почему зачем "
    "он она оно они мы вы я ты это этот эта эти тот та те того так там тогда также затем потом после перед при для "
    "однако поэтому кроме между тем его её ее их не ни нет без под над через все всё весь вся ранее сейчас теперь "
    "the a an it he she they we you i this that these those there in on at by for from with to of as and but or if "
    "when while where who what why how his her its their our my your after before since during however although "
    "then so no not some many most all each both also such is are was were "
    "бұл ол олар біз сіз мен осы сол бірақ және сондай-ақ сонымен содан"
)


class _Right(NamedTuple):
    """What follows a candidate."""

    newline: bool
    lead: str
    word: str
    rest: str

    @property
    def lower(self) -> bool:
        return self.word[:1].islower() and not self.word[1:2].isupper()  # «iPhone» opens a sentence

    @property
    def starter(self) -> bool:
        return self.rest != "." and self.word.casefold() in _STARTERS

    @property
    def number(self) -> bool:
        if self.word:
            return len(self.word) > 1 and set(self.word) <= set("IVXLC")
        return bool(self.rest) and (self.rest.isdigit() or self.rest in "№#$€₸")


def sentences(text: str, offset: int = 0) -> tuple[Span, ...]:
    """The sentences of ``text`` in order, as spans counted from ``offset``.

    They do not overlap, none is empty, none begins or ends in white space, and together they hold every character
    that is not white space.
    """
    spans: list[Span] = []
    start = 0
    for end in (*_breaks(text), len(text)):
        piece = text[start:end]
        body = piece.strip()
        if body:
            first = start + len(piece) - len(piece.lstrip())
            spans.append(Span(offset + first, offset + first + len(body)))
        start = end
    return tuple(spans)


def _breaks(text: str) -> Iterator[int]:
    """Where one sentence ends and the next begins, white space between them not yet taken off."""
    start = 0
    for match in _CANDIDATE.finditer(text):
        kind = match.lastgroup
        if (kind == "run" and _run_ends(text, start, match)) or (kind == "line" and _line_ends(text, match)):
            start = match.end()
            yield start


def _line_ends(text: str, match: re.Match[str]) -> bool:
    """A line's end is a sentence's end before an empty line or an item of a list."""
    gap = match["line"]
    if gap.count("\n") > 1 or gap.count("\r") > 1 or "\f" in gap or "\u2029" in gap:
        return True
    if not (marker := _MARKER.match(text, match.end())):
        return False
    if text[match.end()] not in "–—":
        return True
    following = text[marker.end() : marker.end() + 2].strip()
    before = text[max(0, match.start() - 4) : match.start()].rstrip()
    return before.endswith((";", ":")) or not following[:1].islower()  # else «..., \n— сказал он»


def _run_ends(text: str, start: int, match: re.Match[str]) -> bool:
    run = match["run"]
    if match.end() == len(text):
        return True
    if not text[match.end()].isspace():
        return any(ender in run for ender in _UNSPACED)
    if match.start() and text[match.start() - 1] in "([" and run[-1] in ")]":
        return False  # «[...]», «(?)»
    right = _right(text, match.end())
    if right.rest and not right.word and right.rest in ".!?…,;:)]}»”%/|\\":
        return False
    if any(dash in right.lead for dash in "-–—―−") and (right.lower or run[-1] in _CLOSERS):
        return False  # «Куда?» — спросил он
    if run == ".":
        return _dot_ends(text, start, match.start(), right)
    return not right.lower or (right.newline and not right.lead and "…" not in run and ".." not in run)


def _right(text: str, position: int) -> _Right:
    match = _NEXT.match(text, position)
    if match is None:  # never: every part may be empty
        return _Right(False, "", "", "")
    newline = any(sign in match["space"] for sign in "\n\r\x85\u2028\u2029")
    return _Right(newline, match["lead"].strip(), match["word"], match["rest"])


def _dot_ends(text: str, start: int, dot: int, right: _Right) -> bool:
    """Whether a single full stop ends a sentence, or an abbreviation, an initial or an item's number."""
    if right.lower and (right.lead or not right.newline):
        return False
    if dot - start <= _ITEM and _ENUMERATOR.match(text[start:dot].lstrip()):
        return False
    window = text[max(start, dot - _WINDOW) : dot]
    match = _LEFT.search(window)
    if not match:
        return not right.lower
    before = _BEFORE.search(window[: match.start()])
    kind = _kind(re.sub(r"\s", "", match[0]), before[1] if before else "")
    if right.lower:
        return kind == "word"
    if kind == "thing" and dot - start <= _STUB and _ADVERBIAL.match(text[start:dot].lstrip()):
        kind = "name"
    return _ENDS_BEFORE_CAPITAL[kind](right)


_ENDS_BEFORE_CAPITAL: dict[str, Callable[[_Right], bool]] = {
    "name": lambda right: right.starter,
    "number": lambda right: not right.number,
    "thing": lambda right: not (right.number or right.lead[:1] in ("(", "[")),
    "currency": lambda right: not (right.number or right.word == "США"),
    "word": lambda right: True,
}


def _kind(left: str, before: str) -> str:
    """What the word before a full stop is, by what may follow it; ``before`` is the word before that one."""
    key = left.casefold().replace("ё", "е")
    last = key.rpartition(".")[2]
    if key not in _ABBREVIATIONS and last in _ABBREVIATIONS:
        key = last  # «см. табл» is «табл»
    if len(key) == 1 and left[-1].isupper():
        return "word" if left == "I" and before.islower() else "name"  # an initial
    if key in _BEFORE_NUMBER:
        return "number"
    if key in ("долл", "дол"):
        return "currency"
    counted = before[-1:].isdigit() or (bool(before) and set(before) <= set("IVXLC"))
    if key in _AFTER_THING and (counted or key not in _BEFORE_NAME or before == "и"):
        return "thing"
    if key in _BEFORE_NAME:
        return "name"
    return "name" if "." in key and len(last) == 1 and last.isalpha() else "word"  # «U.S.», «А.С.»
