"""Whether the hyphen at a line's end belongs to the word or only to the line.

First what the document itself shows: the word written whole, or with its hyphen, elsewhere; then the rules of
Russian and English spelling; a hyphen that nothing speaks for belongs to the line.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

HYPHENS = "-\u2010\u00ad"
SOFT_HYPHEN = "\u00ad"
WORD = re.compile(r"[^\W_]+(?:[-\u2010][^\W_]+)*")
ASKING = "кто|что|чт[оеёу]\\w*|чем\\w*|чего|чему|ког[ои]|кому?|кем|как\\w*|где|когда|куда|откуда|отчего|почему|зачем"
ASKING += "|чей|чь\\w+|сколько|скольк\\w+|котор\\w+"
WITH_PARTICLE = re.compile(rf"(?:{ASKING})-(?:то|либо|нибудь)")
WITH_KA = re.compile(
    r"(?:дай(?:те)?|ну|смотри(?:те)?|посмотри(?:те)?|скажи(?:те)?|давай(?:те)?|на|всё|вс[её])-(?:ка|таки)"
)
KEPT_AFTER = re.compile(
    r"(?:кое|кой|северо|юго|южно|вице|унтер|обер|штабс?|лейб|пресс|бизнес|топ|веб|интернет|онлайн|офлайн|мини|макси"
    r"|социально|научно|учебно|торгово|финансово|культурно|историко|литературно|технико|опытно|аграрно|промышленно"
    r"|материально|нормативно|хозяйственно|жилищно|санитарно|следственно|транспортно|контрольно|политико|медико"
    r"|экспортно|импортно|российско|казахстанско|казахско|русско|англо|американо|китайско|азиатско|афро"
    r"|премьер|генерал|контр|капитан|блок|штаб|инженер|летчик|ракета|страна|компания|план|пол|во|в|self|well|vice"
    r"|әлеуметтік|ғылыми|техникалық|оңтүстік|солтүстік|батыс|шығыс|тәжірибелік|экономикалық|мәдени|бақылау|сауда)"
)
LONG_ADVERB = re.compile(r"\w{4,}(?:енно|ально|онно|ично|ческо|ельно|йно|рно|тно)")
ADJECTIVE = re.compile(r"\w{3,}(?:[ыи][йехм]|[оиы]й|[ая]я|[ое]е|[ое]го|[ое]му|[ую]ю|[ыи]ми|[ое]м)")
NOT_AFTER = {"пол": re.compile(r"[лаеёиоуыэюя]"), "контр": re.compile("адмирал"), "план": re.compile("график|карт")}
NOT_AFTER |= {
    "в": re.compile("трет|четв|пят|шест|седьм"),
    "во": re.compile("первых|вторых"),
    "штаб": re.compile("квартир"),
    "блок": re.compile("схем|пост"),
    "топ": re.compile("менедж|модел|лист"),
    "мини": re.compile("юбк|футбол|отел|групп"),
    "макси": re.compile("юбк"),
    "юго": re.compile("запад|восто"),
    "южно": re.compile("африк|америк|кита|казах|кавказ|сахал|урал|русск|корей"),
    "русско": re.compile("англ|турец|япон|казах|тат|нем|франц|кит|поль|язы(?!чн)"),
    "капитан": re.compile("лейт"),
    "генерал": re.compile("лейт|майор|полк|губерн|адъют|прок"),
    "пресс": re.compile("сл|секр|конф|рел|цен|под|пап"),
    "инженер": re.compile("констр|пол|мех|тех|стр|эк|пр"),
}
# After prefixes that mostly belong to one word with what follows: «pro-gramme», «re-port».
KEPT_TOGETHER = re.compile(
    r"pro-(?:reform|government|democracy|independence|russian|western|european|american|choice|life|war|slavery)\w*"
    r"|(?:re|pre)-e\w+"  # re-elect
)
BEFORE_A_WORD = {"экс", "ex", "non", "anti", "semi", "mid"}
KEPT_BEFORE = re.compile("(?:related|based|driven|oriented)")
KEPT_BETWEEN = re.compile(
    "(?:led|term|wide|free|scale|time|known|year|old|owned|funded|backed|sized|effective"
    "|specific|friendly|class|century|minded|called|run|made|aged|speed|quality)"
)
ADVERB = re.compile(
    r"по-(?:\w+(?:ски|цки|чьи|жьи)|нов\w+му|прежнему|другому|разному|своему|моему|твоему|вашему|нашему)"
)
WHOLE_WORD = 4  # letters: two words that also stand alone are two words; shorter ones may be syllables


class Joiner:
    """Decides from a document's own words; ``words`` are those that no line's end cuts."""

    def __init__(self, words: Iterable[str]) -> None:
        self._seen: Counter[str] = Counter()
        for word in words:
            self._seen.update(_folded(found) for found in WORD.findall(word))

    def keeps(self, first: str, rest: str) -> bool:
        """Whether ``first``, which ends in a hyphen, and ``rest`` in the next line are one word with that hyphen."""
        if first.endswith(SOFT_HYPHEN):
            return False
        head, tail = _last(first[:-1]), _first(rest)
        if not head or not tail or head[-1].isdigit() or tail[0].isdigit():
            return True
        if tail[0].isupper() and not head.isupper():
            return True
        if _is_latin(head) != _is_latin(tail):
            return True  # IT-компания
        left, right = _folded(head), _folded(tail)
        joined, hyphened = self._seen[left + right], self._seen[f"{left}-{right}"]
        if joined or hyphened:
            return hyphened > joined
        return self._is_spelt_so(left, right)

    def _is_spelt_so(self, left: str, right: str) -> bool:
        both = f"{left}-{right}"
        if (
            KEPT_TOGETHER.fullmatch(both)
            or WITH_PARTICLE.fullmatch(both)
            or WITH_KA.fullmatch(both)
            or ADVERB.fullmatch(both)
        ):
            return True
        if len(left) == 1 or ("-" in left and _is_latin(left)):
            return True  # U-boat: no syllable is so short; state-of-the-art
        after = KEPT_AFTER.fullmatch(left.rsplit("-", 1)[-1])
        if after and (left not in NOT_AFTER or NOT_AFTER[left].match(right)):
            return True
        if LONG_ADVERB.fullmatch(left) and ADJECTIVE.fullmatch(right):
            return True  # производственно-технический; a joined compound's first part is rarely so long
        if left == "non" and len(right) > WHOLE_WORD + 1:
            return True
        if left == right or (KEPT_BEFORE.fullmatch(right) and len(left) >= WHOLE_WORD):
            return True  # еле-еле, performance-related
        if left in BEFORE_A_WORD or KEPT_BETWEEN.fullmatch(right):
            return self._seen[right if left in BEFORE_A_WORD else left] > 0
        return min(len(left), len(right)) >= WHOLE_WORD and self._seen[left] > 0 and self._seen[right] > 0


def _folded(word: str) -> str:
    return word.lower().replace("ё", "е").replace("\u2010", "-")


def _last(text: str) -> str:
    found = WORD.findall(text)
    return found[-1] if found and text.endswith(found[-1]) else ""


def _first(text: str) -> str:
    match = WORD.match(text)
    return match[0] if match else ""


def _is_latin(word: str) -> bool:
    return bool(re.match("[A-Za-z]", word))
