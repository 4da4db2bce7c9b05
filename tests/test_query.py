"""Questions as people type them: the wrong layout, capitals, misspellings, phrases, two scripts at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import rag
from rag import query
from rag.lexical import LexicalLeg
from rag.text import stems

XQUAD = Path(__file__).resolve().parents[2] / "shared" / "eval" / "xquad"
COMPANIES = 6  # the paragraph of the seed that says how many companies there are


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("rjvbccbz", "комиссия"),
        ("Crjkmrj rjvgfybq hf,jnftn d Rfpf[cnfyt?", "Сколько компаний работает в Казахстане?"),
        ("Рщц ьфтн сщьзфтшуы цщкл шт Лфяфлрыефт?", "How many companies work in Kazakhstan?"),
        ("сщььшыышщт", "commission"),
        ("Что такое ыгзукcomputer и ыгзуксщьзгеук?", "Что такое ыгзукcomputer и supercomputer?"),
    ],
    ids=["ru word", "ru", "en", "en word", "one word"],
)
def test_the_wrong_layout_is_recognised_and_said(seed_index: rag.Index, typed: str, meant: str) -> None:
    notes = seed_index.ask(typed).notes
    assert [(note.kind, note.typed, note.meant) for note in notes] == [("layout", typed, meant)]


@pytest.mark.parametrize(
    "typed",
    ["МФЦА", "ДЗЗ", "GovTech", "6G", "Kaz–UAE", "Сенегал", "Мазруи", "2026", "??", "Kazakhstan", "год", "TRIPS и ВТО?"],
)
def test_what_is_typed_right_is_left_alone(seed_index: rag.Index, typed: str) -> None:
    assert seed_index.ask(typed).notes == ()


@pytest.mark.skipif(not XQUAD.is_dir(), reason="the judged questions (../shared/eval/xquad) are not here")
@pytest.mark.parametrize("language", ["ru", "en"])
def test_no_judged_question_is_taken_for_the_wrong_layout_and_each_is_when_it_is(
    encoder: rag.encoders.SentenceEncoder, language: str
) -> None:
    lines = (XQUAD / f"{language}-questions.{language}-documents.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [" ".join(json.loads(line)["question"].split()) for line in lines[::4]]

    def meant(typed: str) -> str:
        return query.understand(typed, encoder.count_tokens, lambda _stem: False).text

    assert [typed for typed in questions if meant(typed) != query._calm(typed)] == []
    wrong = [" ".join(query._with_edges(word, query.swapped) for word in typed.split()) for typed in questions]
    kept = [typed for typed in wrong if meant(typed) == query._calm(typed)]
    assert kept == []


@pytest.mark.parametrize(
    "question",
    [
        "СКОЛЬКО КОМПАНИЙ С ЭМИРАТСКИМ УЧАСТИЕМ РАБОТАЕТ В КАЗАХСТАНЕ?",
        "HOW MANY COMPANIES WITH EMIRATI PARTICIPATION OPERATE IN KAZAKHSTAN?",
        "сколко кампаний с имиратским участием работает в Казакстане",
        "how meny companis with emirati participtaion operate in kazakstan",
        "Сколько companies с эмиратским participation работает в Kazakhstan?",
        "МФЦА",
        "49",
        "Біріккен Араб Әмірліктері компаниялары саны қанша?",
        "كم عدد الشركات الإماراتية في كازاخستان؟",
    ],
    ids=["capitals ru", "capitals en", "typos ru", "typos en", "two scripts", "acronym", "number", "kk", "ar"],
)
def test_a_question_is_answered_however_it_is_typed(seed_index: rag.Index, question: str) -> None:
    assert seed_index.ask(question).citations[0].paragraph == COMPANIES


@pytest.mark.parametrize("typed", ["все договоренности", "все договорённости"], ids=["e", "yo"])
def test_a_missing_yo_changes_nothing(seed_index: rag.Index, typed: str) -> None:
    assert seed_index.search(typed)[0].scores.lexical == seed_index.search("все договорённости")[0].scores.lexical


@pytest.mark.parametrize("quoted", ['"ДОГОВОРЕННОСТИ  по"', "“договорённости по”"], ids=["plain", "typographic"])
def test_a_quoted_phrase_must_stand_in_the_passage(seed_index: rag.Index, quoted: str) -> None:
    answer = seed_index.ask(f"Что сказано про {quoted}?")
    assert [citation.paragraph for citation in answer.citations] == [12]
    assert answer.notes == ()


def test_a_name_in_guillemets_is_no_demand(seed_index: rag.Index) -> None:
    answer = seed_index.ask("Что сказано про «Договорённости по»?")
    assert len(answer.citations) == 5
    assert answer.notes == ()


def test_a_phrase_that_no_passage_holds_is_said_and_not_demanded(seed_index: rag.Index) -> None:
    answer = seed_index.ask('Кто такой "Иван Петров"?')
    assert [(note.kind, note.typed) for note in answer.notes] == [("phrase", "Иван Петров")]
    assert len(answer.citations) == 5


@pytest.mark.parametrize(
    ("typed", "asked"),
    [("инфраструтктруа", "инфраструктура"), ("цифровизацыя", "цифровизация"), ("практические", "практические")],
    ids=["two letters", "one letter", "a word that is right"],
)
def test_a_misspelt_word_is_taken_for_the_collections_own_and_a_right_one_left(
    seed_index: rag.Index, typed: str, asked: str
) -> None:
    assert seed_index.understand(typed).stems == seed_index.understand(asked).stems


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("Что с цифровизацыей?", "цифровизация"), ("инфраструтктруа", "инфраструктуры")],
    ids=["in a question", "alone"],
)
def test_what_a_misspelt_word_was_taken_for_is_said_in_a_word_that_is_cited(
    seed_index: rag.Index, typed: str, meant: str
) -> None:
    answer = seed_index.ask(typed)
    assert [(note.kind, note.meant) for note in answer.notes] == [("spelling", meant)]
    assert any(meant in citation.quote.lower() for citation in answer.citations)


@pytest.mark.parametrize("typed", ["Сенегал", "Сенегала", "Сенегалу"])
def test_another_form_of_a_word_is_no_misspelling(seed_index: rag.Index, typed: str) -> None:
    assert seed_index.ask(f"Кто президент {typed}?").notes == ()


@pytest.mark.parametrize("typed", ["rjvbccbz", "инфраструтктруа", "Что с цифровизацыей?"], ids=["layout", "word", "ru"])
def test_a_literal_question_is_asked_as_it_is_typed(seed_index: rag.Index, typed: str) -> None:
    asked = seed_index.understand(typed, literal=True)
    assert (asked.stems, asked.notes) == (tuple(stems(typed)), ())
    assert seed_index.ask(typed, literal=True).notes == ()
    assert [hit.scores.lexical for hit in seed_index.search("rjvbccbz", 1, literal=True)] == [0.0]


@pytest.mark.parametrize(
    ("typed", "known"),
    [("казахстн", "казахстан"), ("комисия", "комиссия"), ("инфраструтктруа", "инфраструктура"), ("год", "год")],
)
def test_an_unknown_stem_is_taken_for_the_nearest_known_one(typed: str, known: str) -> None:
    leg = LexicalLeg.of([["казахстан", "комиссия"], ["инфраструктура"]])
    assert leg.nearest(typed) == known
