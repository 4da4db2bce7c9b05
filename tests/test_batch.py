"""Many questions at once: lists as people write them, answers in their order, one list at a time."""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Callable, Iterator
from typing import Any, cast

import httpx
import openpyxl
import pytest

from rag.batch import Asked, Passed, answer_all, read
from rag.errors import EvaluationError, IndexDamaged, QuestionError
from rag.index import Index
from rag.types import Answer, Json
from rag.web.collection import Collection
from rag.web.jobs import KEPT, MAX_JOBS, MAX_QUESTIONS, Job, Jobs
from tests.browser_help import QUESTIONS, SENTENCE

PATIENCE = 60  # seconds until what must come counts as missing


def workbook(*rows: list[Any]) -> bytes:
    book, data = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(data)
    return data.getvalue()


# --- lists ---


@pytest.mark.parametrize(
    ("name", "data", "asked"),
    [
        ("a.txt", "Кто?\n\n  Когда, где и зачем?\r\n".encode(), [(1, "Кто?"), (3, "Когда, где и зачем?")]),
        ("a.txt", "Кто?\nКогда?".encode("cp1251"), [(1, "Кто?"), (2, "Когда?")]),
        ("a.TXT", "1. Кто?\n2) Когда?\n- Где?\n2025 год?".encode(),
         [(1, "Кто?"), (2, "Когда?"), (3, "Где?"), (4, "2025 год?")]),
        ("a.csv", '№;Вопрос\n1;Кто?\n2;"Когда\nи где?"\n3;Зачем?'.encode(),
         [(2, "Кто?"), (3, "Когда и где?"), (5, "Зачем?")]),
        ("a.csv", "Кто, когда и где?\nЗачем?".encode(), [(1, "Кто, когда и где?"), (2, "Зачем?")]),
        ("a.xlsx", workbook(["id", "question"], [1, "Who?"], [2, "When?"]), [(2, "Who?"), (3, "When?")]),
        ("a.xlsx", workbook(["Who?"], [], [None, "When?"]), [(1, "Who?"), (3, "When?")]),
        ("a.jsonl", b'{"question": "Who?", "relevant": []}\n\n{"question": "When?"}', [(1, "Who?"), (3, "When?")]),
    ],
    ids=["text", "cp1251", "numbered", "csv", "csv-without-heading", "xlsx", "xlsx-without-heading", "jsonl"],
)  # fmt: skip
def test_a_list_is_read_as_people_write_it(name: str, data: bytes, asked: list[tuple[int, str]]) -> None:
    assert read(data, name) == ([Asked(text, line) for line, text in asked], [])


@pytest.mark.parametrize(
    ("name", "data", "passed"),
    [
        ("a.jsonl", b'{"question": "Who?"}\nno\n{"question": ""}\n{}\n{"question": [1]}',
         [(2, "unreadable"), (3, "empty"), (4, "empty"), (5, "unreadable")]),
        ("a.csv", b"question,id\nWho?,1\n,2\n", [(3, "empty")]),
        ("a.txt", b"Who?\n" + b"y" * 5000, [(2, "too_long")]),
    ],
    ids=["jsonl", "csv", "text"],
)  # fmt: skip
def test_a_bad_row_is_named_by_its_line_and_the_rest_goes_on(name: str, data: bytes, passed: list[Any]) -> None:
    assert read(data, name) == ([Asked("Who?", 2 if name == "a.csv" else 1)], [Passed(*each) for each in passed])


def bomb() -> bytes:
    import zipfile

    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
        for number in range(9):
            file.writestr(f"{number}.xml", b" " * (4 << 20))
    return data.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.pdf", b"", "the ending '.pdf'"),
        ("a.xlsx", b"PK\3\4", "damaged"),
        ("a.xlsx", b"no", "damaged or not what"),
        ("a.xlsx", bomb(), "unpacks to more than 32 MB"),
    ],
    ids=["pdf", "cut", "text", "bomb"],
)
def test_a_file_that_is_no_list_is_refused(name: str, data: bytes, message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        read(data, name)


# --- answers ---


class Scripted:
    """An index that answers when it is let: each question waits for its turn of ``gate``."""

    def __init__(self, gate: threading.Semaphore | None = None) -> None:
        self.gate = gate
        self.asked: list[str] = []

    def ask(self, question: str, k: int = 5) -> Answer:
        self.asked.append(question)
        if self.gate is not None:
            assert self.gate.acquire(timeout=PATIENCE)
        if question == "bad":
            raise QuestionError("the question is bad")
        if question == "broken":
            raise IndexDamaged("the index is damaged")
        return Answer(question, "en", "not_found", 0.1, None, None, ())


def test_answers_come_in_the_questions_order_and_a_bad_one_stops_none() -> None:
    told: list[tuple[int, int]] = []
    answers = answer_all(cast(Index, Scripted()), ["a", "bad", "b"], lambda *step: told.append(step))
    assert [answer.question if isinstance(answer, Answer) else str(answer) for answer in answers] == [
        "a", "the question is bad", "b",
    ]  # fmt: skip
    assert told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.model
@pytest.mark.parametrize("language", ["ru", "en"])
def test_a_list_gets_the_answers_that_its_questions_get_alone(seed_index: Index, language: str) -> None:
    questions = [QUESTIONS[language], "???"]
    assert answer_all(seed_index, questions) == [seed_index.ask(question) for question in questions]


# --- lists on the server ---


class Shop:
    """Lists over a scripted index; ``gate`` lets one question be answered at each release."""

    def __init__(self) -> None:
        self.gate, self.now = threading.Semaphore(0), 0.0
        self.index = Scripted(self.gate)
        self.collection = Collection(lambda _: cast(Index, self.index))
        self.collection.index = lambda: cast(Index, self.index)  # type: ignore[method-assign]
        self.jobs = Jobs(self.collection, lambda: self.now)

    def add(self, *questions: str) -> Job:
        job = self.jobs.add([Asked(question, line) for line, question in enumerate(questions, start=1)], [])
        assert job is not None
        return job

    def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(PATIENCE * 200):
            if condition():
                return
            threading.Event().wait(0.005)
        raise AssertionError("it did not come to that")


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()
    yield shop
    shop.gate.release(1000)
    shop.jobs.stop()


def test_one_list_is_answered_at_a_time_and_the_next_knows_its_place(shop: Shop) -> None:
    first, second, third = shop.add("a"), shop.add("b"), shop.add("c")
    shop.until(lambda: shop.index.asked == ["a"])
    assert [shop.jobs.before(job) for job in (second, third)] == [1, 2]
    assert (first.state, second.state) == ("running", "waiting")
    shop.gate.release(3)
    shop.until(lambda: third.is_over)
    assert [job.state for job in (first, second, third)] == ["done"] * 3
    assert shop.index.asked == ["a", "b", "c"]


def test_a_cancelled_list_keeps_its_answers_and_lets_the_next_begin(shop: Shop) -> None:
    first, second, third = shop.add("a", "b", "c"), shop.add("d"), shop.add("e")
    shop.gate.release()
    shop.until(lambda: shop.index.asked == ["a", "b"])
    shop.jobs.cancel(first)
    shop.jobs.cancel(second)
    assert second.state == "cancelled"
    shop.gate.release(2)
    shop.until(lambda: third.is_over)
    assert (first.state, len(first.answers)) == ("cancelled", 2)
    assert shop.index.asked == ["a", "b", "e"]


def test_a_list_that_cannot_go_on_says_why_and_the_next_is_answered(shop: Shop) -> None:
    first, second = shop.add("broken"), shop.add("a")
    shop.gate.release(2)
    shop.until(lambda: second.is_over)
    assert (first.state, str(first.error), second.state) == ("failed", "the index is damaged", "done")


def test_a_list_is_forgotten_an_hour_after_its_end(shop: Shop) -> None:
    job = shop.add("a")
    shop.gate.release()
    shop.until(lambda: job.is_over)
    shop.now = KEPT
    assert shop.jobs.get(job.id) is job
    shop.now = KEPT + 1
    assert shop.jobs.get(job.id) is None


def test_lists_are_bounded_and_the_oldest_that_is_over_goes_first(shop: Shop) -> None:
    first = shop.add("a")
    shop.gate.release()
    shop.until(lambda: first.is_over)
    waiting = [shop.add("b") for _ in range(MAX_JOBS)]
    assert shop.jobs.get(first.id) is None
    assert shop.jobs.add([Asked("c", 1)], []) is None
    assert len({job.id for job in waiting}) == MAX_JOBS


def test_the_time_left_follows_the_pace(shop: Shop) -> None:
    job = shop.add("a", "b", "c")
    shop.until(lambda: shop.index.asked == ["a"])
    assert job.seconds_left(shop.now) is None
    shop.now = 4.0
    shop.gate.release()
    shop.until(lambda: shop.index.asked == ["a", "b"])
    assert job.seconds_left(4.0) == 8.0


def test_a_list_waits_while_a_person_does(shop: Shop) -> None:
    with shop.collection.turns:
        job = shop.add("a")
        shop.until(lambda: job.state == "running")
        assert shop.index.asked == []
    shop.gate.release()
    shop.until(lambda: job.is_over)
    assert shop.index.asked == ["a"]


# --- addresses ---


def post(url: str, name: str, body: Json) -> Json:
    return cast(Json, httpx.post(f"{url}/snoska/batch/{name}", json=body, timeout=PATIENCE).json())


@pytest.mark.model
@pytest.mark.parametrize("language", ["ru", "en"])
def test_a_list_goes_in_and_its_table_comes_out(server: str, language: str) -> None:
    content = base64.b64encode(f"question\n{QUESTIONS[language]}\n???\n".encode()).decode()
    job = post(server, "start", {"name": "list.csv", "content": content, "language": language})
    state = {"state": "running"}
    for _ in range(PATIENCE * 10):
        state = post(server, "look", {**job, "since": 0, "language": language})
        if state["state"] == "done":
            break
        threading.Event().wait(0.1)
    assert [row["text"] for row in cast(Any, state)["rows"]] == [SENTENCE, None]
    reply = httpx.get(f"{server}/snoska/batch/{job['id']}/xlsx?language={language}")
    assert "filename*=UTF-8''" in reply.headers["content-disposition"]
    rows = list(openpyxl.load_workbook(io.BytesIO(reply.content)).worksheets[0].iter_rows(min_row=2, values_only=True))
    assert [row[4] for row in rows] == [SENTENCE, None]
    assert httpx.get(f"{server}/snoska/batch/{job['id']}/exe").status_code == 404
    assert httpx.get(f"{server}/snoska/batch/guessed/xlsx").status_code == 404


@pytest.mark.model
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"text": " \n"}, "В списке нет"),
        ({"text": "да?\n" * (MAX_QUESTIONS + 1)}, "слишком много: 1001"),
        ({"name": "a.pdf", "content": ""}, "не читается"),
        ({"name": "a.txt", "content": "no base64!"}, "не читается"),
        ({}, "не читается"),
    ],
    ids=["empty", "too-many", "pdf", "damaged", "nothing"],
)
def test_a_list_that_cannot_be_taken_is_told_in_the_pages_language(server: str, body: Json, words: str) -> None:
    assert words in post(server, "start", {**body, "language": "ru"})["error"]
