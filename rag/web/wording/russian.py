"""The rules for Russian sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from rag.web.wording.parts import Wording, asked, inner, names

ABOUT = r"(?:около|более|свыше|почти|примерно|порядка|менее|не менее|не более|всего|уже|до)"
MONTH = r"(?:январ|феврал|март|апрел|ма[ейя]|июн|июл|август|сентябр|октябр|ноябр|декабр)"
MEETING = r"(?:встрече|заседании|совещании|конференции|форуме|собрании|съезде|саммите|переговорах)"
WHEN = rf"(?:(?:в|во|с) (?:\d{{4}} году|{MONTH}\w*(?: \d{{4}} года)?)|(?:с )?\d{{1,2}} {MONTH}\w+)"
EVENT = (
    r"(?P<be>(?:был[аои]?|будет|будут) )?(?P<verb>пройд[её]т|прош(?:[её]л|л[аои])|состо(?:ит|ят)ся"
    r"|состоял(?:ся|ась|ось|ись)|откро(?:ет|ют)ся|открыл(?:ся|ась|ось|ись)|начн[её]тся|начал(?:ся|ась|ось|ись)"
    r"|заверши(?:тся|лся|лась|лось|лись)|вступ(?:ит|ил|ила|ило|или) в силу|родил(?:ся|ась)"
    r"|(?:основан|создан|построен|принят|подписан|учрежд[её]н|утвержд[её]н|введ[её]н)[аоы]?)"
)

LATIN_NAME = re.compile(r"\b([A-Z][\w–-]*(?: [A-Z][\w–-]*){1,5}) (?=[—–(])")
IS = re.compile(r"(?P<what>[^,;:()—–]{2,60}?) [—–-] это\b")
HAPPENS = re.compile(rf"(?P<who>[^,;:()]{{4,110}}?) {EVENT} (?P<rest>.+)$")
WHEN_FIRST = re.compile(rf"{WHEN}(?: \d{{4}} года)? {EVENT} (?P<who>[^,;:()]{{4,110}})$", re.IGNORECASE)
PLACE = re.compile(rf"\b(?:в|во|на) (?!{MONTH})[А-ЯЁ]")
LED = re.compile(r"(?:в|во|на|по|при|из|с|со|у|о|об|к|от|до|для|за|после|перед|через) ", re.IGNORECASE)  # no subject
OUTCOME = re.compile(
    rf"(?P<when>(?:По итогам|По результатам|В ходе|В рамках|В конце|После|На {MEETING}) [^,;:()«»]{{3,70}}?)"
    r" был[аои]? (?P<part>\w+(?:ан|ян|ен|ён|ят|ыт|ут))[аоы]? [«А-ЯЁа-яёA-Z]"
)
AMOUNT = re.compile(rf"(?P<what>[^,;:()\d]{{4,90}}?) (?P<verb>состав(?:ил[аои]?|ляет|ляют|ит|ят)) (?:{ABOUT} )*+\d")
COUNT = re.compile(
    rf"(?P<before>[^,;:()«»\d]*?)\s?\b(?:{ABOUT}\s+)*+(?P<number>\d{{1,3}}(?: \d{{3}})*)\s"
    r"(?P<what>[а-яё][^,;:()\d]*?)(?=,|;|:|\s\(|\s[—–-]\s|\sи\s|$)",
    re.IGNORECASE,
)
OPENING = re.compile(r"(?:сегодня|сейчас|всего|теперь|также|кроме того,|при этом|так,|в целом)\s+", re.IGNORECASE)
VERB = re.compile(r"\w+(?:[еёи]т|[юуая]т|[еёи]тся|[юуая]тся|л[аио]?|л[аио]сь|лся|ен[аоы]|ан[аоы]|ят[аоы])$")
NO_THINGS = re.compile(
    rf"(?:{MONTH}|год|лет\b|процент|руб|долл|тенге|евро|юан|минут|км|м\b|кг|г\b|т\b|га\b|квт|час|страниц|пункт|стать"
    r"|млн|млрд|тыс|трлн|миллион|миллиард)"
)
HANGING = re.compile(r"\b(?:в|на|за|с|со|до|по|через|к|из|от|для|при|и|или|№|п|ст|гл|на уровне)$")


def wordings(sentence: str, text: str) -> Iterator[Wording]:
    """The questions that the sentence, without its full stop, answers."""
    for name in LATIN_NAME.findall(sentence):
        yield from names(name)
    made = [each for form, rule in FORMS if (found := form.match(sentence)) for each in rule(found, text)]
    is_counted = any(each.rule == "count" for each in made)  # «Сколько дней составляет…» is better than «Сколько…»
    yield from (each for each in made if not (is_counted and each.rule == "amount"))


def _definition(found: re.Match[str], text: str) -> Iterator[Wording]:
    yield from asked("Что такое {}", "ru", "definition", inner(found["what"], text))


def _event(found: re.Match[str], text: str) -> Iterator[Wording]:
    if LED.match(found["who"]):
        return
    when, where = re.search(WHEN, found["rest"]), PLACE.search(found["rest"])
    word = "Где и когда" if when and where else "Когда" if when else None
    verb = (found["be"] or "") + found["verb"].replace("пройдет", "пройдёт")
    yield from asked("{} {} {}", "ru", "event", word, verb, inner(found["who"], text))


def _dated(found: re.Match[str], text: str) -> Iterator[Wording]:
    if not LED.match(found["who"]):
        yield from asked("Когда {} {}", "ru", "event", (found["be"] or "") + found["verb"], found["who"])


def _outcome(found: re.Match[str], text: str) -> Iterator[Wording]:
    yield from asked("Что было {} {}", "ru", "outcome", found["part"] + "о", inner(found["when"], text))


def _count(found: re.Match[str], text: str) -> Iterator[Wording]:
    number = int(found["number"].replace(" ", ""))
    plural = number % 10 not in (1, 2, 3, 4) or number % 100 in (11, 12, 13, 14)  # then what follows is in the genitive
    before, what = OPENING.sub("", found["before"]).strip(), found["what"].strip()
    if not plural or NO_THINGS.match(what.lower()) or HANGING.search(before.lower()):
        return
    start, _, verb = before.rpartition(" ")
    if not before:
        has_verb = any(map(VERB.match, what.split()[1:]))
        yield from asked("Сколько {}", "ru", "count", what if has_verb else None)
    elif VERB.match(verb) and start:
        yield from asked("Сколько {} {} {}", "ru", "count", what, verb, inner(start, text))
    elif VERB.match(verb):
        yield from asked("Сколько {} {}", "ru", "count", what, verb.lower())


def _amount(found: re.Match[str], text: str) -> Iterator[Wording]:
    if not LED.match(found["what"]):
        yield from asked("Сколько {} {}", "ru", "amount", found["verb"], inner(found["what"], text))


Rule = Callable[[re.Match[str], str], Iterator[Wording]]
FORMS: tuple[tuple[re.Pattern[str], Rule], ...] = (
    (IS, _definition),
    (HAPPENS, _event),
    (WHEN_FIRST, _dated),
    (OUTCOME, _outcome),
    (COUNT, _count),
    (AMOUNT, _amount),
)
