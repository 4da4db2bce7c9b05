"""Articles whose text is known, to make files of: Russian, English and Kazakh, with headings, lists, tables, footnotes.

Their paragraphs come from ``seeds/`` and XQuAD's articles; the rest is written here to be hard on readers: real hyphens
where a line may break, «», —, ё, №, fractions, and words long enough that a dictionary hyphenates them.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SEED = Path(__file__).resolve().parent.parent / "seeds" / "000_1c14ccf7fdd8eae7.txt"
EACH_HEADING = 3  # paragraphs under one heading

PartKind = Literal["title", "heading", "paragraph", "item", "row", "footnote"]


@dataclass(frozen=True)
class Part:
    """A title, heading, paragraph, list item, table row (its cells set apart by tabs) or footnote."""

    kind: PartKind
    text: str


@dataclass(frozen=True)
class Furniture:
    """What is written here, a language: the headings, the hard paragraph, a list, a table and a footnote."""

    title: str
    headings: tuple[str, ...]
    hyphens: str
    items: tuple[str, ...]
    rows: tuple[str, ...]
    footnote: str
    running: str  # stands at the head of each page, and is none of the article's text
    menu: tuple[str, ...]  # a web page's navigation, likewise


@dataclass(frozen=True)
class Article:
    """An article of ``parts`` in order; the footnote, where there is one, is the last and belongs to the last."""

    name: str
    language: str
    parts: tuple[Part, ...]
    running: str
    menu: tuple[str, ...]

    @property
    def title(self) -> str:
        return self.parts[0].text


RUSSIAN = Furniture(
    title="Социально-экономическое развитие юго-западных районов: отчёт № 7",
    headings=("Ход заседания", "Что решено на ближайший год", "Цифры и сроки", "Источники и примечания"),
    hyphens="""
Во-первых, юго-западный и северо-восточный районы объединены в экспериментально-производственный кластер;
во-вторых, научно-исследовательский институт в Санкт-Петербурге и премьер-министр из-за какого-нибудь
недоразумения всё-таки подписали 10-е соглашение о железнодорожно-автомобильных перевозках.
Сельскохозяйственно-перерабатывающие предприятия Ростова-на-Дону, Усть-Каменогорска и Алма-Аты получат 2,5–3
млрд рублей — на 15 % больше, чем в 1998–1999 годах, — а «Казахстан-Темир-Жолы» по-прежнему перевозит
контрольно-измерительные приборы кое-как.""",
    items=(
        "Подготовить технико-экономическое обоснование водохранилища до 1 марта 2026 года.",
        "Согласовать с министерством энергетики объём финансирования строительно-монтажных работ.",
        "Опубликовать отчёт о ходе исследований, утверждённый межправительственной комиссией.",
    ),
    rows=(
        "Область\tНаселение, тыс. чел.\tОтветственный орган",
        "Западно-Казахстанская\t688\tАкимат области",
        "Северо-Казахстанская\t530\tУправление энергетики",
        "Восточно-Казахстанская\t729\tДепартамент статистики",
        "Улытауская\t221\tМинистерство финансов",
    ),
    footnote="Данные Бюро национальной статистики за первое полугодие, ещё не уточнённые.",
    running="Вестник межправительственной комиссии",
    menu=("Главная страница", "Все новости портала", "Поиск по сайту", "Подписаться на рассылку", "Карта сайта"),
)
ENGLISH = Furniture(
    title="Socio-economic development of the south-western districts: report No. 7",
    headings=("The course of the meeting", "What was decided", "Figures and dates", "Sources and notes"),
    hyphens="""
First, the south-western and north-eastern districts were joined into a long-term, state-of-the-art cluster;
second, the well-known non-governmental institute and its vice-president re-signed a twenty-first agreement on
door-to-door transportation. Small- and medium-sized enterprises will officially receive a first-class,
five-year subsidy of $2.5–3 billion — 15% more than in 1998–1999 — and the affluent staff find it difficult,
inefficient and insufficiently self-explanatory, as a matter-of-fact commander-in-chief re-affirmed.""",
    items=(
        "Prepare the feasibility study of the reservoir before 1 March 2026.",
        "Agree the financing of construction with the Ministry of Energy.",
        "Publish the peer-reviewed report that the intergovernmental commission has approved.",
    ),
    rows=(
        "Region\tPopulation, thousand\tResponsible office",
        "West Kazakhstan\t688\tRegional administration",
        "North Kazakhstan\t530\tOffice of Energy",
        "East Kazakhstan\t729\tDepartment of Statistics",
        "Ulytau\t221\tMinistry of Finance",
    ),
    footnote="Figures of the Bureau of National Statistics for the first half-year, not yet final.",
    running="Bulletin of the intergovernmental commission",
    menu=("Front page", "All the portal's news", "Search this site", "Subscribe to our letter", "Site map"),
)
KAZAKH = Furniture(
    title="Оңтүстік-батыс аудандардың әлеуметтік-экономикалық дамуы: № 7 есеп",
    headings=("Отырыстың барысы", "Не шешілді", "Сандар мен мерзімдер", "Дереккөздер"),
    hyphens="""
Біріншіден, оңтүстік-батыс және солтүстік-шығыс аудандар ғылыми-өндірістік кластерге біріктірілді; екіншіден,
тәжірибелік-конструкторлық бюро мен премьер-министр жаңа-жаңа келісімдерге қол қойды. Ауыл-аймақтың жол-көлік
инфрақұрылымына 2,5–3 млрд теңге — 1998–1999 жылдардағыдан 15 % артық — бөлінеді, ал «Қазақстан темір жолы»
бақылау-өлшеу аспаптарын бұрынғыша тасымалдайды.""",
    items=(
        "Су қоймасының техникалық-экономикалық негіздемесін 2026 жылғы 1 наурызға дейін дайындау.",
        "Құрылыс-монтаж жұмыстарын қаржыландыру көлемін министрлікпен келісу.",
        "Үкіметаралық комиссия бекіткен зерттеулердің есебін жариялау.",
    ),
    rows=(
        "Облыс\tХалқы, мың адам\tЖауапты орган",
        "Батыс Қазақстан\t688\tОблыс әкімдігі",
        "Солтүстік Қазақстан\t530\tЭнергетика басқармасы",
        "Шығыс Қазақстан\t729\tСтатистика департаменті",
        "Ұлытау\t221\tҚаржы министрлігі",
    ),
    footnote="Ұлттық статистика бюросының бірінші жартыжылдықтағы, әлі нақтыланбаған деректері.",
    running="Үкіметаралық комиссияның хабаршысы",
    menu=("Басты бет", "Порталдың барлық жаңалықтары", "Сайттан іздеу", "Хабарламаға жазылу", "Сайт картасы"),
)
KAZAKH_PARAGRAPHS = """
Қазақстан Республикасы мен Біріккен Араб Әмірліктері арасындағы үкіметаралық комиссияның оныншы отырысы Астанада
өтті. Оған мемлекеттік органдардың, даму институттарының және технологиялық компаниялардың өкілдері қатысты.

Тараптар жасанды интеллект, ғарыш, энергетика және ғылыми зерттеулер саласындағы ынтымақтастықты талқылады.
Соңғы он жылда тікелей инвестициялардың көлемі 1,3 млрд доллардан асты, ал 2025 жылдың бірінші жартысында ол екі
есе өсті.

Бүгінде елімізде әмірліктік қатысуы бар 500-ге жуық компания жұмыс істейді, оның ішінде 49-ы «Астана»
халықаралық қаржы орталығында тіркелген. Өз кезегінде қазақстандық инвестициялар 2 млрд долларға жақындады.

Отырыста цифрлық күн тәртібіне ерекше назар аударылды. Қазақстан Орталық Азиядағы алғашқы экзафлопстық
инфрақұрылымды іске қосу нәтижелерін таныстырды және астананың цифрлық контурын құруға қосылған үлесті атап
өтті.

Медицина, білім беру және мәдениет те маңызды тақырыптарға айналды. Тараптар медициналық зерттеулерді дамытуға,
академиялық алмасуды кеңейтуге және бірлескен мәдени жобаларды жүзеге асыруға дайын екендіктерін растады.

Келесі, он бірінші отырыс 2026 жылы Әбу-Дабиде өтеді. Оның қарсаңында сарапшылар тобы су ресурстарын басқару,
көлік дәліздерін кеңейту және сауда-саттықты жеңілдету жөніндегі ұсыныстарын дайындайды.
"""


def articles(data: Path | None) -> list[Article]:
    """The articles to make files of; those from XQuAD only where its folder ``data`` is there."""
    seed = SEED.read_text("utf-8").replace("\N{BYTE ORDER MARK}", "")
    found = [
        _article("ru-seed", "ru", RUSSIAN, _paragraphs(re.sub(r"^\s*date \S+", "", seed))),
        _article("kk-own", "kk", KAZAKH, [" ".join(each.split()) for each in KAZAKH_PARAGRAPHS.split("\n\n")]),
    ]
    for language, furniture in (("ru", RUSSIAN), ("en", ENGLISH)):
        files = sorted((data / language).glob("*.txt"))[4:7] if data else []
        paragraphs = [paragraph for file in files for paragraph in _paragraphs(file.read_text("utf-8"))]
        if paragraphs:
            found.append(_article(f"{language}-xquad", language, furniture, paragraphs))
    return found


def _paragraphs(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.split("\n") if line.strip()]


def _article(name: str, language: str, furniture: Furniture, paragraphs: list[str]) -> Article:
    hyphens = " ".join(furniture.hyphens.split())
    parts = [Part("title", furniture.title), Part("paragraph", hyphens)]
    headings = itertools.cycle(furniture.headings[:-1])
    middle = len(paragraphs) // 2
    for number, paragraph in enumerate(paragraphs):
        if number % EACH_HEADING == 0:
            parts.append(Part("heading", next(headings)))
        parts.append(Part("paragraph", paragraph))
        if number == middle:
            parts += [Part("item", item) for item in furniture.items]
            parts += [Part("row", row) for row in furniture.rows]
    # The footnote belongs to the last paragraph, so that it comes last wherever a reader puts footnotes.
    parts += [Part("heading", furniture.headings[-1]), Part("paragraph", hyphens.split(". ")[-1])]
    return Article(name, language, (*parts, Part("footnote", furniture.footnote)), furniture.running, furniture.menu)
