"""Normal forms, tokens, stems by script, language, clean lines: in both languages, and for any text at all."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text import clean, language, normalize, shorten, stems, tokens

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        pytest.param("Ёлка ЁЛКА", "елка елка", id="yo"),
        pytest.param("за́мок", "замок", id="stress"),
        pytest.param("и\u0306од", "йод", id="decomposed"),
        pytest.param("со\u00adюз\u200b \u202bОАЭ\u202c\ufeff", "союз оаэ", id="invisible"),
        pytest.param("«Да» “yes” ‘no’ it’s", '"да" "yes" \'no\' it\'s', id="quotes"),
        pytest.param("Kaz–UAE — 5−3", "kaz-uae - 5-3", id="dashes"),
        pytest.param("5\u00a0000\u202fтг", "5 000 тг", id="spaces"),
        pytest.param("№ 5, 6½, 10³", "# 5, 6 1⁄2, 10 3", id="signs"),
        pytest.param("Straße ﬁle", "strasse file", id="latin"),
        pytest.param("العَرَبِيَّة", "العربية", id="arabic_vowels"),
    ],
)
def test_normalize(written: str, plain: str) -> None:
    assert normalize(written) == plain


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("Сухейл Аль-Мазруи", ["сухейл", "аль", "мазруи"], id="ru-name"),
        pytest.param("юго-западный", ["юго", "западный"], id="ru-hyphen"),
        pytest.param("Kaz–UAE GovTech", ["kaz", "uae", "govtech"], id="en-dash"),
        pytest.param("Kaz-UAE-хаб web-сайт", ["kaz", "uae", "хаб", "web", "сайт"], id="mixed-scripts"),
        pytest.param("№ 123-ФЗ и 44-фз", ["123-фз", "123", "фз", "и", "44-фз", "44", "фз"], id="ru-law"),
        pytest.param("COVID-19", ["covid-19", "covid", "19"], id="en-reference"),
        pytest.param("1,3 млрд; 1 000 000; 1\u00a0000,5", ["1.3", "млрд", "1000000", "1000.5"], id="ru-numbers"),
        pytest.param("1.3 bn, 1,000,000, 12,345.67", ["1.3", "bn", "1000000", "12345.67"], id="en-numbers"),
        pytest.param("10-го 1990-х 5км 25.11.2025", ["10", "1990", "5", "км", "25.11.2025"], id="ru-endings"),
        pytest.param("10th 1990s 2021–2025", ["10", "1990", "2021", "2025"], id="en-endings"),
        pytest.param("6½ мешка", ["6", "1", "2", "мешка"], id="fraction"),
        pytest.param("Қазақстан әлемі", ["қазақстан", "әлемі"], id="kk"),
        pytest.param("من هو السفير؟", ["من", "هو", "السفير"], id="ar"),
        pytest.param("हिन्दी 中文 ქართული", ["हिन्दी", "中", "文", "ქართული"], id="others"),
        pytest.param("it’s O'Brien's café", ["it's", "o'brien's", "café"], id="en-apostrophe"),
        pytest.param("\ud800а\0б 😀 … !", ["аб"], id="rubbish"),
        pytest.param("", [], id="empty"),
    ],
)
def test_tokens(text: str, words: list[str]) -> None:
    assert tokens(text) == words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("Комиссия заседала", "комиссии заседали", id="ru"),
        pytest.param("companies operating", "company operates", id="en"),
        pytest.param("её ёлки", "ее Елки", id="ru-yo"),
        pytest.param("Beyoncé", "beyonce", id="accent"),
        pytest.param("1,3", "1.3", id="decimal"),
        pytest.param("10-го", "10", id="ordinal"),
    ],
)
def test_forms_of_one_word_have_one_stem(one: str, other: str) -> None:
    assert stems(one) == stems(other)


def test_each_token_is_stemmed_by_its_own_script() -> None:
    assert stems("Компании visited компанию: companies") == ["компан", "visit", "компан", "compani"]


def test_words_with_kazakh_letters_and_unknown_scripts_stay_whole() -> None:
    assert stems("Қазақстанның ұлты ქართული") == ["қазақстанның", "ұлты", "ქართული"]


def test_acronyms_stay_whole_and_are_found_in_small_letters() -> None:
    assert stems("МФЦА и ДЗЗ, IT, ОАЭ") == ["мфца", "и", "дзз", "it", "оаэ"]
    assert stems("НАТО") == stems("нато") == ["нат"]  # all capitals: nothing stands out
    assert stems("страны НАТО") == ["стран", "нато", "нат"]


LANGUAGES = {
    "ru": [
        "Кто?", "комиссия", "МФЦА", "Что такое Kaz–UAE GovTech Innovation Hub?", "ЧТО ТАКОЕ GOVTECH INNOVATION HUB?",
        "Kaz–UAE GovTech Hub — что это?", "Amazon Web Services кто основатель", 'Кто написал "The Catcher in the Rye"?',
        "Где находится Мәңгілік Ел?", "Кто такой Әлихан Бөкейхан?", "Что значит слово «қала»?", "товарооборот 2024",
        "Что делает IT хаб Kaz UAE?",
    ],
    "en": [
        "Who?", "Astana", "GovTech", "What does МФЦА mean?", "Who wrote «Война и мир»?", "Who wrote Война и мир?",
        "WHO IS THE AMBASSADOR", "Beyoncé", "La Liga", "Die Hard director", "When was José Martí born in El Paso?",
        "trade turnover", "1,3 bn",
    ],
    "kk": [
        "Бұл кім?", "Қазақстан қайда?", "Астана қаласы қай жылы салынды?", "GovTech деген не?",
        "ХАТТАМАҒА КІМ ҚОЛ ҚОЙДЫ?",
        "Қазақстан мен БАӘ арасында неше компания жұмыс істейді?", "Отырыс Астанада өтті",
    ],
    "ar": ["من؟", "من هو السفير؟", "ما هو GovTech؟"],
    "uk": ["Хто президент України?", "Де знаходиться Київ?", "Яка площа країни?"],
    "de": ["Wer ist das?", "Wo liegt die Hauptstadt von Kasachstan?"],
    "fr": ["Où est Paris?", "Quand la réunion a-t-elle eu lieu?"],
    "ja": ["日本の首都はどこですか"],
    "und": ["", "123", "?!", "😀😀", "\0\ud800"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("code", "text"),
    [pytest.param(code, text, id=f"{code}-{i}") for code, texts in LANGUAGES.items() for i, text in enumerate(texts)],
)
def test_language(code: str, text: str) -> None:
    assert language(text) == code


def test_clean_gives_one_line() -> None:
    assert clean(" Кто\0такой\n\tпосол\ud800\u202e?\u00a0 ") == "Кто такой посол?"
    assert clean(" \0\ud800\u200b ") == ""


@pytest.mark.parametrize(
    ("limit", "short"),
    [
        pytest.param(19, "Привет, большой мир", id="whole"),
        pytest.param(18, "Привет, большой…", id="between-words"),
        pytest.param(10, "Привет…", id="no-comma-before-the-sign"),
        pytest.param(4, "При…", id="inside-a-long-word"),
        pytest.param(1, "…", id="one"),
        pytest.param(0, "", id="none"),
    ],
)
def test_shorten(limit: int, short: str) -> None:
    assert shorten("Привет,\nбольшой мир", limit) == short


@given(ANY_TEXT, st.integers(0, 50))
def test_any_text_is_taken(text: str, limit: int) -> None:
    assert all(token and not token.isspace() for token in tokens(text))
    assert len(stems(text)) >= len(tokens(text))
    assert normalize(normalize(text)) == normalize(normalize(normalize(text)))
    assert language(text)
    assert clean(clean(text)) == clean(text)
    clean(text).encode()  # no lone surrogate is left
    assert len(shorten(text, limit)) <= limit


@given(st.text(st.characters(categories=["Lu", "Ll", "Lo", "Nd"]), min_size=1))
def test_no_letter_or_digit_of_any_script_is_dropped(text: str) -> None:
    endings = set("stndrh")  # of 10th, 1990s
    kept = {sign for sign in normalize(text) if sign.isalnum()}
    assert kept - endings <= set("".join(tokens(text)))


FUNCTIONS: dict[str, Callable[[str], object]] = {
    "stems": stems, "language": language, "clean": clean, "shorten": lambda text: shorten(text, 80),
}  # fmt: skip
HOSTILE = {
    "numbers": "111 ", "commas": "1,111", "references": "а-1-", "hyphens": "-", "apostrophes": "a'", "marks": "а\u0301",
    "guillemets": "«", "quotes": '"', "underscores": "_", "surrogates": "\ud800", "one_word": "а", "spaces": " ",
}  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_time_is_linear_on_hostile_text(function: Callable[[str], object], unit: str) -> None:
    def seconds(length: int) -> float:
        text = unit * (length // len(unit))
        best = float("inf")
        for _ in range(3):
            begun = time.thread_time()
            function(text)
            best = min(best, time.thread_time() - begun)
        return best

    # Quadratic time would take 64 times as long for eight times the text; a busy machine is allowed a factor of 3.
    assert seconds(160_000) < 24 * seconds(20_000) + 0.05
