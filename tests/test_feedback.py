"""Judgements of answers: a questions file that measures what users know, and nothing that they did not say."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import rag
from rag import feedback
from rag.encoders import SentenceEncoder
from rag.errors import EvaluationError, IndexUnusable, QuestionError
from rag.evaluate import evaluate, to_json
from rag.export import answer_json
from rag.feedback import KNOWN, MAX_LINE, OPEN, Feedback
from rag.index import Index, build
from rag.query import MAX_QUESTION
from rag.questions import load
from rag.types import Answer, Citation, Scores
from rag.web.collection import Collection
from rag.web.permission import Rule
from tests.browser_help import QUESTIONS, SENTENCE
from tests.small_encoder import SmallEncoder


def cited(rank: int, quote: str, highlight: tuple[int, int]) -> Citation:
    return Citation(
        rank=rank, document=f"{rank}.txt", title="t", date=None, language="ru", page=None, paragraph=1, start=0,
        end=len(quote), quote=quote, highlight=highlight, score=1.0, scores=Scores(1, 1, 1),
    )  # fmt: skip


FIRST, SECOND = cited(1, "До. Сносок семь. После.", (4, 16)), cited(2, "Сносок восемь.\nЕщё.", (0, 14))
FOUND = Answer("Сколько сносок?", "ru", "found", 0.9, "Сносок семь.", 1, (FIRST, SECOND))
MISSING = Answer("Сколько сносок?", "ru", "not_found", 0.1, None, None, (FIRST, SECOND))


def lines(folder: Path, name: str) -> list[Any]:
    path = folder / name
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


@pytest.mark.parametrize(
    ("answer", "judgement", "passage", "relevant", "told"),
    [
        (FOUND, "right", None, [{"document": "1.txt", "quote": "Сносок семь."}], "Сносок семь."),
        (FOUND, "passage", 2, [{"document": "2.txt", "quote": "Сносок восемь.\nЕщё."}], None),
        (FOUND, "none", None, [], None),
        (MISSING, "right", None, [], None),
        (MISSING, "passage", 1, [{"document": "1.txt", "quote": FIRST.quote}], None),
    ],
    ids=["right", "another-passage", "nothing-answers", "rightly-not-found", "found-after-all"],
)
def test_a_judgement_is_a_question_with_what_answers_it(
    tmp_path: Path, answer: Answer, judgement: Any, passage: int | None, relevant: Any, told: str | None
) -> None:
    assert Feedback(tmp_path).judge(answer, judgement, passage) == "known"
    (line,) = lines(tmp_path, KNOWN)
    assert (line["question"], line["language"], line["relevant"]) == ("Сколько сносок?", "ru", relevant)
    assert line.get("answer") == told
    (judged,), problems = load(tmp_path / KNOWN)
    assert problems == []
    assert [(each.document, each.quote) for each in judged.relevant] == [tuple(each.values()) for each in relevant]
    assert lines(tmp_path, OPEN) == []


@pytest.mark.parametrize(
    ("judgement", "filtered"), [("wrong", False), ("none", True)], ids=["wrong", "nothing-in-some-documents"]
)
def test_what_nobody_knows_is_measured_by_nothing(tmp_path: Path, judgement: Any, filtered: bool) -> None:
    assert Feedback(tmp_path).judge(FOUND, judgement, filtered=filtered) == "open"
    (line,) = lines(tmp_path, OPEN)
    assert line["question"] == "Сколько сносок?"
    assert "relevant" not in line
    assert lines(tmp_path, KNOWN) == []
    assert Feedback(tmp_path).said_of(FOUND.question) == (judgement, None)


def test_the_last_judgement_of_a_question_counts(tmp_path: Path) -> None:
    kept = Feedback(tmp_path)
    kept.judge(FOUND, "right")
    kept.judge(dataclasses.replace(FOUND, question="Другой?"), "none")
    kept.judge(dataclasses.replace(FOUND, question="  СКОЛЬКО   сносок? "), "wrong")
    assert [line["question"] for line in lines(tmp_path, KNOWN)] == ["Другой?"]
    assert len(lines(tmp_path, OPEN)) == 1
    kept.judge(FOUND, "passage", 2)
    assert kept.said_of("сколько сносок?") == ("passage", 2)
    assert lines(tmp_path, OPEN) == []
    kept.withdraw(FOUND.question)
    assert kept.said_of(FOUND.question) is None
    assert [line["question"] for line in lines(tmp_path, KNOWN)] == ["Другой?"]


def test_lines_of_others_stay_as_they_are(tmp_path: Path) -> None:
    own = '{"id":"mine",  "question": "Кто?", "relevant": []}\nнет\n'
    (tmp_path / KNOWN).write_text(own, "utf-8")
    Feedback(tmp_path).judge(FOUND, "right")
    Feedback(tmp_path).withdraw(FOUND.question)
    assert (tmp_path / KNOWN).read_text("utf-8") == own


@pytest.mark.parametrize(
    "changes",
    [
        {"question": "?" * (MAX_QUESTION + 1)},
        {"citations": (dataclasses.replace(FIRST, quote="я" * MAX_LINE, highlight=(0, MAX_LINE)), SECOND)},
        {"citations": (dataclasses.replace(FIRST, document="d" * MAX_LINE), SECOND)},
        {"text": "t" * MAX_LINE},
    ],
    ids=["question", "quote", "document", "text"],
)
def test_what_no_answer_holds_is_not_kept(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(QuestionError, match="longer than any that was asked or shown"):
        Feedback(tmp_path).judge(dataclasses.replace(FOUND, **changes), "right")
    assert lines(tmp_path, KNOWN) == []


def test_a_file_takes_no_more_bytes_than_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Feedback(tmp_path)
    kept.judge(FOUND, "right")
    monkeypatch.setattr(feedback, "MAX_BYTES", 3 * (tmp_path / KNOWN).stat().st_size)
    told = []
    for number in range(5):
        try:
            told.append(kept.judge(dataclasses.replace(FOUND, question=f"Вопрос {number}?"), "right"))
        except EvaluationError as error:
            told.append(str(error).rpartition(": ")[2])
    assert told == ["known"] * 2 + ["move it elsewhere"] * 3
    assert (tmp_path / KNOWN).stat().st_size <= feedback.MAX_BYTES + 3
    kept.judge(FOUND, "wrong")  # what was said before of a question makes room
    kept.withdraw("Вопрос 0?")
    assert [line["question"] for line in lines(tmp_path, KNOWN)] == ["Вопрос 1?"]


@pytest.mark.skipif(sys.platform == "win32", reason="files have no such permissions there")
def test_judgements_are_their_owners_only(tmp_path: Path) -> None:
    Feedback(tmp_path).judge(FOUND, "right")
    assert (tmp_path / KNOWN).stat().st_mode & 0o777 == 0o600


def test_judgements_that_come_at_once_are_all_kept(tmp_path: Path) -> None:
    def judge(number: int) -> None:
        Feedback(tmp_path).judge(dataclasses.replace(FOUND, question=f"Вопрос {number}?"), "right")

    threads = [threading.Thread(target=judge, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(line["question"] for line in lines(tmp_path, KNOWN)) == sorted(f"Вопрос {n}?" for n in range(12))
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(feedback.TEMPORARY)] == []


def test_a_judgement_that_cannot_be_kept_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(QuestionError, match="no passage 9"):
        Feedback(tmp_path).judge(FOUND, "passage", 9)
    (tmp_path / "file").touch()
    with pytest.raises(IndexUnusable, match="cannot be written"):
        Feedback(tmp_path / "file" / "within").judge(FOUND, "right")
    monkeypatch.setattr(feedback, "MAX_LINES", 0)
    with pytest.raises(EvaluationError, match="move it elsewhere"):
        Feedback(tmp_path).judge(FOUND, "right")


def test_a_build_and_a_rebuild_leave_the_judgements_alone(tmp_path: Path) -> None:
    documents, folder = tmp_path / "documents", tmp_path / "index"
    documents.mkdir()
    (documents / "a.txt").write_text("Сносок семь.", "utf-8")
    build(documents, folder, encoder=SmallEncoder())
    Feedback(folder).judge(FOUND, "right")
    Feedback(folder).judge(dataclasses.replace(FOUND, question="?"), "wrong")
    before = [(folder / name).read_bytes() for name in (KNOWN, OPEN)]
    (documents / "b.txt").write_text("Сносок восемь.", "utf-8")
    build(documents, folder, encoder=SmallEncoder())
    build(documents, folder, encoder=SmallEncoder(), rebuild=True)
    assert [(folder / name).read_bytes() for name in (KNOWN, OPEN)] == before


@pytest.mark.model
def test_snoska_eval_measures_by_the_judgements(tmp_path: Path, seed_index: Index) -> None:
    kept = Feedback(tmp_path)
    for question in QUESTIONS.values():
        answer = seed_index.ask(question)
        assert answer.text == SENTENCE
        kept.judge(answer, "right")
    kept.judge(seed_index.ask("???"), "right")
    questions, problems = load(tmp_path / KNOWN)
    assert problems == []
    measured = to_json(evaluate(seed_index, questions))
    assert measured["questions"] == 3
    assert measured["overall"]["count"] == 2
    assert measured["overall"]["nDCG@10"] == measured["overall"]["answer_sentence@1"] == 1.0


# --- on the server ---


@pytest.fixture
def judged(
    tmp_path: Path, seed_index: Index, encoder: SentenceEncoder, serve_app: Callable[[Collection], str]
) -> Callable[[Rule], str]:
    """Serves a copy of the seeds' index, of which judgements may be kept by that rule; its folder is ``index``."""

    def serve(rule: Rule) -> str:
        shutil.copytree(seed_index.store.folder, tmp_path / "index")
        collection = Collection(lambda _: rag.index.open(tmp_path / "index", encoder=encoder), rule=rule)
        url = serve_app(collection)
        collection.index()
        return url

    return serve


def post(url: str, name: str, **body: Any) -> httpx.Response:
    return httpx.post(f"{url}/snoska/feedback/{name}", json=body, timeout=60)


@pytest.mark.model
def test_the_page_keeps_a_judgement_and_takes_it_back(
    judged: Callable[[Rule], str], tmp_path: Path, seed_index: Index
) -> None:
    url, question = judged("here"), QUESTIONS["ru"]
    result = answer_json(seed_index.ask(question))
    assert post(url, "look", question=question).json() == {"welcome": True, "judgement": None, "rank": None}
    assert post(url, "say", result=result, judgement="right", filtered=False).json() == {"kept": "known"}
    assert lines(tmp_path / "index", KNOWN)[0]["relevant"][0]["quote"] == SENTENCE
    said = {"judgement": "passage", "rank": 3}
    assert post(url, "say", result=result, filtered=False, **said).json() == {"kept": "known"}
    assert post(url, "look", question=question).json() == {"welcome": True, **said}
    assert post(url, "say", result=result, judgement=None).json() == {"kept": None}
    assert lines(tmp_path / "index", KNOWN) == []
    assert post(url, "say", result=result, judgement="none").json() == {"kept": "open"}  # unless all were asked
    for wrong in ({"judgement": "maybe"}, {"judgement": "passage", "rank": 9}, {"judgement": "right", "result": {}}):
        assert post(url, "say", **{"result": result, **wrong}).status_code == 400


@pytest.mark.model
def test_nothing_is_kept_of_what_strangers_say(
    judged: Callable[[Rule], str], tmp_path: Path, seed_index: Index
) -> None:
    url = judged("off")
    assert post(url, "look", question="?").json() == {"welcome": False}
    reply = post(url, "say", result=answer_json(seed_index.ask(QUESTIONS["ru"])), judgement="right")
    assert reply.status_code == 403
    assert not (tmp_path / "index" / KNOWN).exists()


@pytest.mark.model
@pytest.mark.parametrize(("setting", "rule", "welcome"), [("on", "off", True), ("off", "on", False)])
def test_the_setting_decides_before_the_rule(
    judged: Callable[[Rule], str], monkeypatch: pytest.MonkeyPatch, setting: str, rule: Rule, welcome: bool
) -> None:
    monkeypatch.setenv("SNOSKA_FEEDBACK", setting)
    assert post(judged(rule), "look", question="?").json()["welcome"] is welcome
