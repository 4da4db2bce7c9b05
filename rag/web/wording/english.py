"""The rules for English sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from rag.web.wording.parts import Wording, asked, inner, names

SUBJECT = (  # what a subject is not: pronouns, clauses, places and times, things not told which
    r"(?!(?:an?|when|while|although|though|after|before|as|if|since|with|in|on|at|by|for|of|from|to|it|this|that|there"
    r"|these|those|he|she|they|we|you|i|what|here|one|such|his|her|their|its|my|our)\b)"
)
MORE = r"(?:(?:about|some|more than|over|nearly|almost|around|approximately|at least|fewer than|up to|a total of)\s+)?"
NUMBER = r"\d{1,3}(?:,\d{3})*"
DONE = r"(?:\w+ed|held|built|made|born|begun|written|won|sold|cut|taken|given|shown|set up|laid)"
MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
DATE = rf"(?:in (?:the year )?\d{{4}}|on (?:\d{{1,2}} )?{MONTH})"

IS = re.compile(
    rf"{SUBJECT}(?P<what>[^,;:()\d]{{2,60}}?) (?P<be>is|are|was|were) (?P<is>(?:an?|the|one of the) .+)$",
    re.IGNORECASE,
)
WHEN = re.compile(
    rf"{SUBJECT}(?P<who>[^,;:()]{{3,70}}?) (?P<be>was|were|will be) (?P<verb>{DONE})\b[^;:()]*?\b{DATE}\b",
    re.IGNORECASE,
)
THERE = re.compile(
    rf"there (?P<be>are|were) {MORE}{NUMBER} (?P<what>[a-z][^,;:()\d]*?)"
    r"(?P<place> (?:in|on|at|within|across) [^,;:()\d]+)$",
    re.IGNORECASE,
)
HAS = re.compile(
    rf"{SUBJECT}(?P<who>[^,;:()\d]{{3,60}}?) (?P<has>has|have|had) {MORE}{NUMBER} "
    r"(?P<what>[a-z][^,;:()\d]*?)(?=,|;|\s\(|\sand\s|$)",
    re.IGNORECASE,
)
COUNT = re.compile(rf"{MORE}{NUMBER} (?P<what>[a-z][^,;:()\d]*?)(?=,|;|\s\(|$)", re.IGNORECASE)

VERB = re.compile(r"(?:are|were|was|have|had|will|can|work|live|\w+ed)$")
CLAUSE = re.compile(r"\b(?:which|who|that|when|where|and|or|but)\b")
NAME = re.compile(r"[A-Z][\w–-]*(?: [A-Z][\w–-]*)+")
PERSON = re.compile(
    r"(?:an?|the) (?:[\w-]+ ){0,4}(?:president|minister|director|engineer|scientist|writer|artist|architect|king|queen"
    r"|physicist|mathematician|inventor|player|leader|head|professor|composer|singer|actor|author|chair\w*)\b",
    re.IGNORECASE,
)
THING = re.compile(
    r"(?:an?|the) (?:[\w-]+ ){0,4}(?:platform|company|organi[sz]ation|project|programme?|system|service|university|city"
    r"|river|software|cent(?:re|er)|agency|law|standard|language|network|fund|bank|award|conference|technology|method"
    r"|museum|bridge|station|hub|initiative|institute)\b",
    re.IGNORECASE,
)


def wordings(sentence: str, text: str) -> Iterator[Wording]:
    """The questions that the sentence, without its full stop, answers."""
    for form, rule in FORMS:
        if found := form.match(sentence):
            yield from rule(found, text)


def _definition(found: re.Match[str], text: str) -> Iterator[Wording]:
    what, be = found["what"], found["be"].lower()
    if CLAUSE.search(what):
        return
    if not NAME.fullmatch(what):
        yield from asked("What {} {}", "en", "definition", be if be in ("is", "are") else None, inner(what, text))
    elif PERSON.match(found["is"]):
        yield from asked("Who {} {}", "en", "definition", be, what)
    elif THING.match(found["is"]):
        yield from names(what)


def _event(found: re.Match[str], text: str) -> Iterator[Wording]:
    be, _, rest = found["be"].lower().partition(" ")
    if not CLAUSE.search(found["who"]):
        done = f"{rest} {found['verb']}".strip()
        yield from asked("When {} {} {}", "en", "event", be, inner(found["who"], text), done)


def _there(found: re.Match[str], text: str) -> Iterator[Wording]:
    yield from asked("How many {} {} there{}", "en", "count", found["what"], found["be"].lower(), found["place"])


def _has(found: re.Match[str], text: str) -> Iterator[Wording]:
    do = {"has": "does", "have": "do", "had": "did"}[found["has"].lower()]
    yield from asked("How many {} {} {} have", "en", "count", found["what"], do, inner(found["who"], text))


def _count(found: re.Match[str], text: str) -> Iterator[Wording]:
    if any(map(VERB.match, found["what"].split()[1:])):
        yield from asked("How many {}", "en", "count", found["what"])


Rule = Callable[[re.Match[str], str], Iterator[Wording]]
FORMS: tuple[tuple[re.Pattern[str], Rule], ...] = (
    (IS, _definition),
    (WHEN, _event),
    (THERE, _there),
    (HAS, _has),
    (COUNT, _count),
)
