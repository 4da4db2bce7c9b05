"""Sample questions: the rules by which a sentence becomes its question, and those that a collection offers."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from rag.encoders import SentenceEncoder
from rag.index import Index, build
from rag.web.collection import Collection
from rag.web.samples import Sample, samples
from rag.web.wording import Wording, wordings


@pytest.mark.parametrize(
    ("sentence", "question"),
    [
        ("Как оформить пропуск?", "Как оформить пропуск?"),
        ("МФЦА — это финансовый центр в Астане.", "Что такое МФЦА?"),
        ("Ежегодный отпуск составляет 28 календарных дней.", "Сколько календарных дней составляет ежегодный отпуск?"),
        (
            "Сегодня в Казахстане работает около 500 компаний с участием ОАЭ, в том числе 49 в МФЦА.",
            "Сколько компаний с участием ОАЭ работает в Казахстане?",
        ),
        ("Около 1 500 человек приняли участие в форуме.", "Сколько человек приняли участие в форуме?"),
        ("Общий бюджет проекта составил 1,3 млрд рублей.", "Сколько составил общий бюджет проекта?"),
        ("В 2019 году была основана компания «Рога».", "Когда была основана компания «Рога»?"),
        (
            "Следующее заседание комиссии пройдет в 2026 году в Абу-Даби.",
            "Где и когда пройдёт следующее заседание комиссии?",
        ),
        ("По итогам заседания был подписан Протокол.", "Что было подписано по итогам заседания?"),
    ],
)
def test_a_russian_sentence_becomes_its_question(sentence: str, question: str) -> None:
    assert [each.text for each in wordings(sentence, "ru", sentence)] == [question]


@pytest.mark.parametrize(
    ("sentence", "question"),
    [
        ("Who may use the archive?", "Who may use the archive?"),
        ("The notice period is a term of two weeks.", "What is the notice period?"),
        ("Nikola Tesla was a Serbian engineer and inventor.", "Who was Nikola Tesla?"),
        ("The University of Warsaw was established in 1816.", "When was the University of Warsaw established?"),
        ("There are 12 meeting rooms in the new office.", "How many meeting rooms are there in the new office?"),
        ("The library has 40,000 books and a garden.", "How many books does the library have?"),
        ("About 500 companies work in Kazakhstan, 49 in the AIFC.", "How many companies work in Kazakhstan?"),
    ],
)
def test_an_english_sentence_becomes_its_question(sentence: str, question: str) -> None:
    assert [each.text for each in wordings(sentence, "en", sentence)] == [question]


@pytest.mark.parametrize(
    ("sentence", "language"),
    [("Создан Kaz–UAE GovTech Hub — площадка двух стран.", "ru"), ("Kaz–UAE GovTech Hub is a platform.", "en")],
    ids=["ru", "en"],
)
def test_a_latin_name_is_asked_for_in_both_languages(sentence: str, language: str) -> None:
    assert wordings(sentence, language, sentence) == [
        Wording("Что такое Kaz–UAE GovTech Hub?", "ru", "definition"),
        Wording("What is Kaz–UAE GovTech Hub?", "en", "definition"),
    ]


@pytest.mark.parametrize(
    ("sentence", "language"),
    [
        ("Он работает в 15 компаниях.", "ru"),  # after whom?
        ("Завод выпустил 22 станка.", "ru"),  # «станка» would have to be inflected
        ("Роза была основана в 1990 году.", "ru"),  # a flower or a name
        ("Приказ от 25 ноября 2025 года.", "ru"),
        ("Цена выросла на 15 процентов.", "ru"),
        ("В этом году был построен мост.", "ru"),
        ("Через Тайн был построен мост в 1849 году.", "ru"),
        ("It was founded in 1816.", "en"),
        ("A bridge was built in 1849.", "en"),
        ("Brian Johnson was a friend.", "en"),
        ("The price rose by 15 per cent.", "en"),
        ("Комиссия 2019 жылы құрылды.", "kk"),
        ("", "ru"),
    ],
)
def test_a_sentence_that_leaves_doubt_gives_nothing(sentence: str, language: str) -> None:
    assert wordings(sentence, language, sentence) == []


@pytest.mark.model
def test_the_seed_offers_questions_that_it_answers_in_the_pages_language_first(seed_index: Index) -> None:
    offered = samples(seed_index)
    assert offered == {
        "ru": [
            Sample("Сколько компаний с эмиратским участием работает в Казахстане?", "ru"),
            Sample("Что такое Kaz–UAE GovTech Innovation Hub?", "ru"),
            Sample("Что было подписано по итогам заседания?", "ru"),
        ],
        "en": [
            Sample("What is Kaz–UAE GovTech Innovation Hub?", "en"),
            Sample("Сколько компаний с эмиратским участием работает в Казахстане?", "ru"),
            Sample("Что было подписано по итогам заседания?", "ru"),
        ],
    }
    assert all(seed_index.ask(each.text).verdict == "found" for each in offered["ru"])


@pytest.mark.model
def test_nothing_is_offered_where_nothing_good_comes(encoder: SentenceEncoder, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Смотри выше.\n\nSee above.\n", "utf-8")
    index = build(tmp_path, tmp_path / "index", encoder=encoder)
    assert samples(index) == {"ru": [], "en": []}


@pytest.mark.model
def test_the_collection_answers_before_its_samples_are_made(seed_index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    release, made = threading.Event(), threading.Event()

    def slow(index: Index, is_over: object) -> dict[str, list[Sample]]:
        assert release.wait(10)
        made.set()
        return {"ru": [Sample("Что?", "ru")], "en": []}

    monkeypatch.setattr("rag.web.collection.samples", slow)
    collection = Collection(lambda _: seed_index)
    collection.start()
    assert collection.index() is seed_index
    assert (collection.status().state, collection.status().samples) == ("ready", None)
    release.set()
    assert made.wait(10)
    assert collection.stop()
    assert collection.status().samples == {"ru": [Sample("Что?", "ru")], "en": []}


@pytest.mark.model
def test_a_collection_without_samples_is_none_the_worse(
    seed_index: Index, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(index: Index, is_over: object) -> None:
        raise ValueError("a slip")

    monkeypatch.setattr("rag.web.collection.samples", broken)
    collection = Collection(lambda _: seed_index)
    collection.start()
    collection.index()
    assert collection.stop()
    assert (collection.status().state, collection.status().error) == ("ready", None)
    assert "no sample questions could be made" in caplog.text
