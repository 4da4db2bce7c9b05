"""The answering sentence: its features by hand, its tokens by their offsets, and what `ask` makes of it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

import rag
from rag.answer import (
    FEATURES,
    USUAL_MATCH,
    AnswerSentence,
    Means,
    Reading,
    features,
    sentence_of,
    with_context,
    within,
)
from rag.encoders import SentenceEncoder
from rag.index import Index, build
from rag.retriever import Question
from rag.sentences import sentences
from rag.types import Block, Matrix, Span, TokenStates, Vector
from tests.small_encoder import SmallEncoder
from tests.small_store import small_store

TEXTS = pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "Закон принят 5 мая. Он вступит в силу позже! Что дальше?",
            [{"Закон", "принят", "мая"}, {"Он", "силу", "позже"}, {"Что", "дальше"}],
        ),
        (
            "The law was passed in May. It will come later! What next?",
            [{"The", "law", "passed", "May"}, {"It", "come", "later"}, {"What", "next"}],
        ),
    ],
    ids=["ru", "en"],
)


def matrix(*rows: tuple[float, ...]) -> Matrix:
    return np.array(rows, dtype=np.float32)


def states(vectors: Matrix, *starts: int) -> TokenStates:
    return TokenStates(vectors, np.array(starts, dtype=np.int64))


NOTHING = Means(np.zeros(2, dtype=np.float32), np.zeros(2, dtype=np.float32))
THREE = [Span(0, 10), Span(11, 111), Span(112, 120)]  # 10, 100 and 8 characters
ANSWER = AnswerSentence(dict.fromkeys(FEATURES, 0.0) | {"wins": 1.0}, NOTHING)


# -- the features


def test_features_are_those_computed_by_hand() -> None:
    """Two question tokens, along x and y; x lies in sentence 0, y in 1, and between them, in 1 too, (3, 4) / 5."""
    question = states(matrix((2, 0), (0, 3)), 0, 4)
    passage = states(matrix((5, 0), (0, 7), (3, 4)), 0, 11, 20)
    first, second, third = features([0.5, 0.75, 0.25], THREE, question, passage, NOTHING)
    # best: x -> 1, .6, absent -.2; y -> 0, 1, -.2. Above the median: 1 - .6 and 1 - 0.
    tokens = [(0.4 * 1 + 1 * 0) / 1.4, (0.4 * 0.6 + 1 * 1) / 1.4]
    # sentence 1's tokens (0, 1) and (.6, .8) point along (.3, .9); the question's along (1, 1)
    pool = [1 / math.sqrt(2), (0.3 + 0.9) / math.sqrt(0.9) / math.sqrt(2)]
    assert first == pytest.approx(
        {
            "cosine_gap": -10,
            "before": 0,
            "after": 10,
            "best_cosine": 0,
            "length": math.log(1.1),
            "opening": 1,
            "token_gap": 10 * (tokens[0] - tokens[1]),
            "pool_gap": 10 * (pool[0] - pool[1]),
            "wins": 0.5,
        },
        abs=1e-5,
    )
    assert second == pytest.approx(
        {
            "cosine_gap": 0,
            "before": -10,
            "after": -20,
            "best_cosine": 1,
            "length": math.log(2),
            "opening": 0,
            "token_gap": 0,
            "pool_gap": 0,
            "wins": 0.5,
        },
        abs=1e-5,
    )
    assert (third["cosine_gap"], third["before"], third["after"], third["wins"]) == (-20, 20, 0, 0)
    assert third["token_gap"] == pytest.approx(10 * (-0.2 - tokens[1]), abs=1e-5)
    assert third["pool_gap"] == pytest.approx(-10 * pool[1], abs=1e-5)


def test_means_are_taken_off_before_states_are_compared() -> None:
    means = Means(np.array([10, 0], dtype=np.float32), np.array([20, 0], dtype=np.float32))
    question = states(matrix((11, 0)), 0)  # (1, 0) beside passages, (-9, 0) beside questions
    passage = states(matrix((12, 0), (10, 5)), 0, 11)
    first, second = features([0.5, 0.5], THREE[:2], question, passage, means)
    assert (first["wins"], second["wins"]) == (1, 0)
    assert (first["pool_gap"], second["pool_gap"]) == pytest.approx((-10, 0))


def test_weights_choose_and_the_first_of_equals_stands() -> None:
    question = states(matrix((0, 1)), 0)
    passage = states(matrix((1, 0), (0, 1), (0, 1)), 0, 11, 112)
    assert [ANSWER.choose([0.9, 0.5, 0.5], THREE, question, passage) for _ in range(3)] == [1, 1, 1]


def test_bundled_weights_are_for_the_features_and_the_model(encoder: SentenceEncoder) -> None:
    answer = AnswerSentence.bundled()
    assert set(answer.weights) == set(FEATURES)
    assert answer.means.passage.shape == answer.means.question.shape == (encoder.dimension,)
    value = json.loads(resources.files("rag").joinpath("answer.json").read_text("utf-8"))
    with pytest.raises(ValueError, match="not for the features cosine_gap, before"):
        AnswerSentence.from_json(value | {"weights": {"lengths": 1}})


# -- the tokens


def test_a_token_is_of_the_last_sentence_that_begins_at_or_before_it() -> None:
    assert sentence_of(np.array([0, 10, 11, 111, 112, 500]), THREE).tolist() == [0, 0, 1, 1, 2, 2]


@TEXTS
def test_each_token_falls_into_its_sentence(encoder: SentenceEncoder, text: str, words: list[set[str]]) -> None:
    spans = sentences(text)
    read = encoder.document_states(text)
    assert read is not None
    assert read.vectors.shape == (len(read.starts), encoder.dimension) == (encoder.count_tokens([text])[0], 384)
    owner = sentence_of(read.starts, spans)
    assert np.diff(read.starts).min() >= 0
    for number, (start, end) in enumerate(spans):
        own = read.starts[owner == number]
        assert start == own[0]
        assert own[-1] < end
        assert {w for w in words[number] if start + text[start:end].index(w) in own} == words[number]


@TEXTS
def test_states_are_those_that_the_vector_is_the_mean_of(
    encoder: SentenceEncoder, text: str, words: list[set[str]]
) -> None:
    """But for the prompt and the special tokens, which the mean has too."""
    read, (_, asked) = encoder.document_states(text), encoder.encode_query(text)
    assert read is not None
    assert asked is not None
    mean = read.vectors.mean(axis=0)
    assert mean @ encoder.encode_documents([text])[0] / np.linalg.norm(mean) > 0.99
    assert asked.starts.tolist() == read.starts.tolist()
    assert not np.allclose(asked.vectors, read.vectors)


def test_a_text_beyond_the_limit_is_cut_and_an_odd_one_is_read(encoder: SentenceEncoder) -> None:
    read = encoder.document_states("слово " * 1000)
    assert read is not None
    assert len(read.starts) - encoder.max_tokens in (0, 1)  # a prompt's last space is a token where no word follows
    for text, starts in (("\ud800 дом", [0, 2]), ("", []), ("   ", [])):
        odd = encoder.document_states(text)
        assert odd is not None
        assert odd.starts.tolist() == starts


def test_another_model_gives_no_states() -> None:
    other = SentenceEncoder.__new__(SentenceEncoder)
    SentenceEncoder.__init__(other, _Nameless(), "another", "", rag.encoders.Prompts("", ""))  # type: ignore[arg-type]
    assert other.document_states("дом") is None


class _Nameless:
    max_seq_length = 8

    def get_embedding_dimension(self) -> int:
        return 2

    def tokenizer(self, texts: list[str], **_: object) -> dict[str, list[list[int]]]:
        return {"input_ids": [[1] for _ in texts]}


# -- the sentence before


@pytest.mark.parametrize(
    ("text", "chosen", "marked"),
    [
        ("Дом построен давно. Он стоит у реки.", 1, "Дом построен давно. Он стоит у реки."),
        ("Дом построен давно. «Это наш дом».", 1, "Дом построен давно. «Это наш дом»."),
        ("Дом построен давно. Кроме того, он велик.", 1, "Кроме того, он велик."),
        ("The house is old. It stands by the river.", 1, "The house is old. It stands by the river."),
        ("Дом построен давно. Онкология лечится.", 1, "Онкология лечится."),
        ("The house is old. Items are sold.", 1, "Items are sold."),
        ("Он стоит у реки. Дом построен давно.", 0, "Он стоит у реки."),
        (f"{'Дом ' * 100}построен. Он стоит.", 1, "Он стоит."),
    ],
)
def test_a_sentence_that_speaks_of_the_one_before_it_has_that_too(text: str, chosen: int, marked: str) -> None:
    assert text[slice(*with_context(text, sentences(text), chosen))] == marked


# -- the passage


@dataclass(frozen=True)
class Telling(SmallEncoder):
    """Gives as states, of each word, 1 where the question and it are numbers; ``read`` holds the passages read."""

    read: list[str] = field(default_factory=list, compare=False)

    def encode_query(self, text: str) -> tuple[Vector, TokenStates | None]:
        return super().encode_query(text)[0], states(matrix((0, 1)), 0)

    def document_states(self, text: str) -> TokenStates | None:
        self.read.append(text)
        words = [(i, w) for i, w in enumerate(text.split(" "))]
        starts = [len(" ".join(text.split(" ")[:i])) + (i > 0) for i, _ in words]
        rows = [(0.0, 1.0) if any(c.isdigit() for c in word) else (1.0, 0.0) for _, word in words]
        return states(matrix(*rows), *starts)


TWO = "Компаний стало больше. Всего открыто 500 филиалов."


def look(encoder: SmallEncoder, text: str) -> tuple[str, Reading]:
    store = small_store([("ru", text)], encoder)
    vector, asked = encoder.encode_query("компаний больше")
    reading = ANSWER.read(store, encoder, Question("q", "ru", vector, (), states=asked), 0)
    return text[slice(*reading.answer)], reading


def test_the_states_choose_the_sentence_and_tell_how_well_it_fits() -> None:
    encoder = Telling()
    answer, reading = look(encoder, TWO)
    assert answer == "Всего открыто 500 филиалов."
    assert encoder.read == [TWO]
    assert reading.match == pytest.approx(1)  # the question's one token is met wholly by «500»


def test_a_question_that_no_sentence_meets_has_a_low_match() -> None:
    answer, reading = look(Telling(), "Компаний стало больше.")
    assert answer == "Компаний стало больше."
    assert reading.match == pytest.approx(0)


def test_an_encoder_without_states_leaves_the_best_cosine_and_what_is_usual() -> None:
    answer, reading = look(SmallEncoder(), TWO)
    assert answer == "Компаний стало больше."
    assert reading.match == USUAL_MATCH


@pytest.mark.parametrize(
    ("first", "answer"),
    [("heading", "Открыто 500 филиалов"), ("paragraph", "Закрыто мало.")],
    ids=["headings-are-marked", "nothing-is-marked"],
)
def test_a_line_without_a_full_stop_may_answer_where_the_format_tells_headings(
    first: Literal["heading", "paragraph"], answer: str
) -> None:
    text, encoder = "Итоги 2024, 2025 и 2026\n\nОткрыто 500 филиалов\n\nЗакрыто мало.", Telling()
    store = small_store([("ru", text)], encoder)
    blocks = (Block(0, 23, first), Block(25, 45), Block(47, 60))
    store.documents["0.txt"] = replace(store.documents["0.txt"], blocks=blocks)
    store.passages[0] = replace(store.passages[0], sentences=tuple(Span(b.start, b.end) for b in blocks))
    vector, asked = encoder.encode_query("филиалов")
    question = Question("q", "ru", vector, (), states=asked)
    assert text[slice(*ANSWER.read(store, encoder, question, 0).answer)] == answer


def test_sentences_are_counted_within_their_passage() -> None:
    passage = replace(small_store([("ru", TWO)]).passage(0), start=100, sentences=(Span(100, 122), Span(123, 150)))
    assert within(passage) == [Span(0, 22), Span(23, 50)]


# -- with the real model


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (
            "Сколько компаний с эмиратским участием работает в Казахстане?",
            "Сегодня в Казахстане работает около 500 компаний с эмиратским участием, в том числе 49 в юрисдикции МФЦА.",
        ),
        (
            "How many companies with Emirati participation operate in Kazakhstan?",
            "Сегодня в Казахстане работает около 500 компаний с эмиратским участием, в том числе 49 в юрисдикции МФЦА.",
        ),
    ],
    ids=["ru", "en"],
)
def test_the_answer_is_the_sentence_that_answers(seed_index: Index, question: str, answer: str) -> None:
    answers = [seed_index.ask(question) for _ in range(3)]
    assert [each.text for each in answers] == [answer] * 3
    assert answers[0] == answers[1] == answers[2]


def test_only_the_first_citation_of_an_answer_differs_from_a_search(tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "a.txt").write_text("Дом построен в 1950 году. Он стоит у реки.\n\nДом продан. Река глубока.", "utf-8")
    index = build(documents, tmp_path / "index", encoder=SmallEncoder())
    found, answer = index.search("стоит у реки"), index.ask("стоит у реки")
    first = answer.citations[0]
    assert found[0].quote[slice(*found[0].highlight)] == "Он стоит у реки."
    assert first.quote[slice(*first.highlight)] == "Дом построен в 1950 году. Он стоит у реки."
    assert replace(first, highlight=found[0].highlight) == found[0]
    assert list(answer.citations[1:]) == found[1:]
