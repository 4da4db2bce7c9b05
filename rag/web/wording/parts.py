"""What the rules of both languages are made with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wording:
    """A question in a language of the page, and the rule that made it."""

    text: str
    language: str
    rule: str


FIRST = re.compile(r"[^\W_]+")
SECOND = re.compile(r"[^\W_]+[ –-][A-Z]")  # a capital where no sentence begins
NO_NAME = re.compile(
    r"(?:в|во|на|по|при|из|с|со|у|о|об|к|от|до|для|за|после|перед|через|все|всё|весь|вся"
    r"|the|an?|all|every|each|our|most|in|on|at|by|for|of|from|to|with|after|before|during"
    r"|(?:следующ|очередн|последн|перв|втор|трет|нов|ежегодн|ежемесячн|кажд|наш|общ|основн|максимальн|минимальн)\w+)$",
    re.IGNORECASE,
)


def inner(phrase: str, text: str) -> str | None:
    """A sentence's beginning as it stands within another; None where its first word may be a name and may not."""
    first = FIRST.match(phrase)
    if not first:
        return None
    word, small = first[0], first[0].lower()
    if NO_NAME.match(word) or (word.istitle() and re.search(rf"\b{small}\b", text)):
        return small + phrase[len(word) :]
    is_name = not word.istitle() or SECOND.match(phrase) or re.search(rf"[\w,»] {word}\b", text)
    return phrase if is_name else None


def asked(question: str, language: str, rule: str, *parts: str | None) -> Iterator[Wording]:
    """The question filled with its parts, unless one is not known."""
    if None not in parts:
        yield Wording(f"{question.format(*parts)}?", language, rule)


def names(name: str) -> Iterator[Wording]:
    """What a Latin name stands for can be asked in either language."""
    yield Wording(f"Что такое {name}?", "ru", "definition")
    yield Wording(f"What is {name}?", "en", "definition")
