"""Sentences to the questions that they answer, by rule: Russian and English, deterministic, few rather than odd.

A rule takes a sentence of a well-known form apart and puts its own words in another order; it adds question words and
inflects next to nothing. Where the first word of a sentence moves into another, it is written small only if it is known
to be no name; a sentence that leaves doubt gives nothing.
"""

from __future__ import annotations

import re

from rag.web.wording import english, russian
from rag.web.wording.parts import Wording

__all__ = ["Wording", "wordings"]

LENGTHS = {  # words, by rule: more are not read, and fewer could be asked of anything («Сколько семей насчитывалось?»)
    "asked": range(3, 15),
    "definition": range(3, 9),
    "event": range(4, 15),
    "amount": range(4, 15),
    "outcome": range(5, 15),
    "count": range(5, 15),
}
LONGEST = 600  # characters: a longer sentence is a table or a list, and no question of fifteen words
RULES = {"ru": russian.wordings, "en": english.wordings}

ASKED = re.compile(
    r"(?:кто|что|где|когда|как|какой|какая|какие|какое|сколько|почему|зачем|куда|откуда|чем|можно ли|нужно ли|надо ли"
    r"|who|what|where|when|how|which|why|can|may|do|does|is|are)\b[^?!.]+\?$",
    re.IGNORECASE,
)
POINTING = (
    r"это|этот|эта|эти|этого|этой|этом|этих|этим|этому|том|того|той|тех|он|она|оно|они|его|её|ее|их|него|неё|нее|них|ним"
    r"|ней|свой|своей|также|тогда|там|здесь|ранее|кроме"
    r"|it|its|this|that|these|those|he|she|they|his|her|their|him|them|then|also|such|we|our|you|your|former|latter"
)
ODD = re.compile(
    rf"[\"“”()\[\]{{}}<>|*_#=/\\;:]|https?|\?.|«[^»]*$|^[^«]*»|\b(?:{POINTING})\b", re.IGNORECASE
)  # signs of a phrase that was cut through, and words that point out of the question


def wordings(sentence: str, language: str, text: str) -> list[Wording]:
    """The questions that a sentence of ``text``, which is in ``language``, answers; also in the page's other language
    where they ask for a Latin name."""
    sentence = " ".join(sentence.replace("\u00ad", "").split()).strip(" -–—•*#")
    if language not in RULES or len(sentence) > LONGEST:
        return []
    if sentence.endswith("?"):
        made = [Wording(sentence, language, "asked")] if ASKED.match(sentence) else []
    else:
        made = list(RULES[language](sentence.rstrip(".!…"), text))
    return [each for each in made if len(each.text.split()) in LENGTHS[each.rule] and not ODD.search(each.text)]
