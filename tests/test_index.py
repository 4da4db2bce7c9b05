"""The facade on the seed, with the real model: ask in Russian and English, get the passage, verbatim."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import rag
from rag.errors import QuestionError

SEED = "000_1c14ccf7fdd8eae7.txt"
TEXT = (Path(__file__).parent.parent / "seeds" / SEED).read_text(encoding="utf-8")
COMPANIES = "Сегодня в Казахстане работает около 500 компаний с эмиратским участием, в том числе 49 в юрисдикции МФЦА."
QUESTIONS_FILE = Path(__file__).parent / "data" / "seed_questions.jsonl"
OWN = [json.loads(line) for line in QUESTIONS_FILE.read_text(encoding="utf-8").splitlines()]

QUESTIONS = pytest.mark.parametrize(
    "question",
    [
        "Сколько компаний с эмиратским участием работает в Казахстане?",
        "How many companies with Emirati participation operate in Kazakhstan?",
    ],
    ids=["ru", "en"],
)


@QUESTIONS
def test_the_answer_is_the_sentence_and_its_passage_is_cited_verbatim(seed_index: rag.Index, question: str) -> None:
    answer = seed_index.ask(question)
    assert (answer.text, answer.citation, answer.found) == (COMPANIES, 1, True)
    first = answer.citations[0]
    assert (first.document, first.date, first.paragraph, first.page) == (SEED, "2025-11-25", 6, None)
    assert (first.start, first.end, first.language) == (1742, 1996, "ru")
    assert first.quote == TEXT[first.start : first.end]
    assert first.highlight == (0, len(COMPANIES))


@pytest.mark.parametrize("row", OWN, ids=[row["id"] for row in OWN])
def test_each_question_of_our_own_has_its_passage_first(seed_index: rag.Index, row: dict[str, object]) -> None:
    first = seed_index.ask(str(row["question"])).citations[0]
    assert row["relevant"][0]["quote"] in first.quote  # type: ignore[index]


@QUESTIONS
def test_every_citation_is_a_slice_of_the_document(seed_index: rag.Index, question: str) -> None:
    citations = seed_index.ask(question, k=13).citations
    assert [citation.rank for citation in citations] == list(range(1, 14))
    assert all(citation.quote == TEXT[citation.start : citation.end] for citation in citations)
    assert all("date 2025-11-25" not in citation.quote for citation in citations)
    assert [c.score for c in citations] == sorted((c.score for c in citations), reverse=True)


def test_a_keyword_search_finds_its_word(seed_index: rag.Index) -> None:
    hits = seed_index.search("экзафлопсная инфраструктура", k=10)
    assert "экзафлопсной инфраструктуры" in hits[0].quote
    assert len(hits) == 10


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical", "rrf"])
def test_every_mode_finds_the_passage(seed_index: rag.Index, mode: rag.types.Mode) -> None:
    assert seed_index.search("Сколько компаний работает в Казахстане?", 1, mode=mode)[0].paragraph == 6


def test_lexical_mode_lists_only_what_matches(seed_index: rag.Index) -> None:
    assert [hit.paragraph for hit in seed_index.search("Кибербезопасность", mode="lexical")] == [8]
    assert seed_index.search("Cybersecurity", mode="lexical") == []


def test_masked_passages_are_out_of_the_answer(seed_index: rag.Index) -> None:
    numbers = {passage.paragraph: i for i, passage in enumerate(seed_index.store.passages)}
    answer = seed_index.without([numbers[6]]).ask("Сколько компаний с эмиратским участием работает в Казахстане?")
    assert 6 not in [citation.paragraph for citation in answer.citations]
    whole = seed_index.ask("Сколько компаний с эмиратским участием работает в Казахстане?")
    assert answer.confidence < whole.confidence


def test_a_phrase_that_only_a_masked_passage_holds_is_not_asked_for(seed_index: rag.Index) -> None:
    numbers = {passage.paragraph: i for i, passage in enumerate(seed_index.store.passages)}
    asked = 'Сколько работает «"компаний с эмиратским участием"»?'
    assert [hit.paragraph for hit in seed_index.search(asked)] == [6]
    masked = seed_index.without([numbers[6]]).ask(asked)
    assert [note.kind for note in masked.notes] == ["phrase"]
    assert len(masked.citations) > 1


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        (rag.Filters(language="ru"), 5),
        (rag.Filters(language="RU", type=".TXT", document=""), 5),
        (rag.Filters(language="kk"), 0),
        (rag.Filters(document="000_*"), 5),
        (rag.Filters(document="press/*"), 0),
        (rag.Filters(type="md"), 0),
        (rag.Filters(since="2025-11-25", until="2025-11-25"), 5),
        (rag.Filters(since="2025-11-26"), 0),
    ],
)
def test_filters_are_about_the_documents(seed_index: rag.Index, filters: rag.Filters, count: int) -> None:
    answer = seed_index.ask("Где пройдет следующее заседание?", filters=filters)
    assert len(answer.citations) == count
    assert (answer.verdict == "not_found") == (count == 0)


def test_a_question_without_a_word_is_not_found(seed_index: rag.Index) -> None:
    answer = seed_index.ask("😀 ?!")
    assert (answer.verdict, answer.confidence, answer.text) == ("not_found", 0.0, None)
    assert len(answer.citations) == 5


@pytest.mark.parametrize(
    ("question", "words"),
    [("", "empty"), (" \t\n ", "empty"), ("\0\x1b", "empty"), ("\udce2", "empty"), ("я" * 100_000, "100,000")],
    ids=["empty", "spaces", "control", "lone surrogate", "far too long"],
)
def test_a_question_that_is_none_says_what_to_do(seed_index: rag.Index, question: str, words: str) -> None:
    with pytest.raises(QuestionError, match=words):
        seed_index.ask(question)


def test_strange_characters_in_a_question_do_no_harm(seed_index: rag.Index) -> None:
    assert seed_index.ask("Сколько компаний\0 работает\udce2 в Казахстане?").citations[0].paragraph == 6


@pytest.mark.parametrize("k", [0, -1, 1001])
def test_a_count_out_of_range_is_refused(seed_index: rag.Index, k: int) -> None:
    with pytest.raises(QuestionError, match="from 1 to 1,000"):
        seed_index.search("вопрос", k)


@pytest.mark.parametrize("date", ["yesterday", "2025-13-01", "20251125", "25.11.2025"])
def test_a_date_that_is_none_is_refused(seed_index: rag.Index, date: str) -> None:
    with pytest.raises(QuestionError, match="write it as 2025-11-25"):
        seed_index.search("вопрос", filters=rag.Filters(since=date))


def test_the_same_question_has_the_same_answer(seed_index: rag.Index) -> None:
    answers = [seed_index.ask("Who co-chaired the meeting on the Emirati side?") for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]


def test_a_collection_of_one_sentence_answers(encoder: rag.encoders.SentenceEncoder, tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "Указ № 5 от 1 мая.txt").write_text("Столицей назначен город Астана.", encoding="utf-8")
    index = rag.build(documents, tmp_path / "index", encoder=encoder)
    answer = index.ask("Какой город назначен столицей?")
    assert [(c.document, c.quote) for c in answer.citations] == [
        ("Указ № 5 от 1 мая.txt", "Столицей назначен город Астана.")
    ]


def test_a_republished_paragraph_is_one_citation(encoder: rag.encoders.SentenceEncoder, tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    text = "По итогам заседания был подписан Протокол 10-го заседания, который закрепил договорённости сторон."
    for name, paragraph in {
        "a.txt": text,
        "b.txt": text.replace("ё", "е"),
        "c.txt": text.replace("10-го", "11-го"),
    }.items():
        (documents / name).write_text(paragraph, encoding="utf-8")
    hits = rag.build(documents, tmp_path / "index", encoder=encoder).search("Что подписано на 10-м заседании?")
    assert [(hit.document, [copy.document for copy in hit.also_in]) for hit in hits] == [
        ("a.txt", ["b.txt"]),
        ("c.txt", []),
    ]


def test_a_copy_of_the_answer_is_no_rival_to_it(
    encoder: rag.encoders.SentenceEncoder, seed_index: rag.Index, tmp_path: Path
) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    for path, document in seed_index.store.documents.items():
        (documents / path).write_text(document.text, encoding="utf-8")
        (documents / f"again-{path}").write_text(document.text, encoding="utf-8")
    question = "Сколько компаний с эмиратским участием работает в Казахстане?"
    once, twice = (each.ask(question) for each in (seed_index, rag.build(documents, tmp_path / "i", encoder=encoder)))
    assert len(twice.citations[0].also_in) == 1
    assert twice.verdict == once.verdict == "found"
    assert abs(twice.confidence - once.confidence) < 0.1


@pytest.mark.parametrize(
    "arguments",
    [{"k": 2.5}, {"k": "5"}, {"mode": "psychic"}, {"filters": rag.Filters(since="2025-02-01", until="2025-01-01")}],
    ids=["half", "text", "mode", "no day"],
)
def test_arguments_that_mean_nothing_are_refused(seed_index: rag.Index, arguments: dict[str, object]) -> None:
    with pytest.raises(QuestionError):
        seed_index.search("вопрос", **arguments)  # type: ignore[arg-type]


def test_phrases_that_no_passage_holds_together_are_sought_apart(seed_index: rag.Index) -> None:
    answer = seed_index.ask('Что общего у "Сенегалом" и "спутников ДЗЗ"?')
    assert sorted(citation.paragraph for citation in answer.citations) == [9, 10]
    assert answer.notes == ()


def test_a_heading_is_not_the_answer(encoder: rag.encoders.SentenceEncoder, tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    text = "# UN Water Conference\n\nThe conference will be co-hosted by the United Arab Emirates and Senegal."
    (documents / "water.md").write_text(text, encoding="utf-8")
    answer = rag.build(documents, tmp_path / "index", encoder=encoder).ask("Кто проводит конференцию ООН по воде?")
    first = answer.citations[0]
    assert first.quote[slice(*first.highlight)] == text.split("\n\n")[1]
