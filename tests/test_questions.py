"""Judged questions from JSON Lines, CSV and XLSX; rows that cannot be used."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from rag.errors import EvaluationError
from rag.questions import Judged, Problem, Relevant, load

ROWS: list[dict[str, Any]] = [
    {
        "id": "1",
        "question": "Сколько компаний, «по-вашему»; работает?",
        "language": "ru",
        "relevant": [{"document": "а б.txt", "quote": 'Работает "около" 500,\nа то и больше'}],
        "answer": "около 500",
    },
    {
        "id": "два",
        "question": "Who signed?",
        "language": "en",
        "relevant": [{"document": "a.txt", "quote": "signed"}, {"document": "b.txt", "quote": "подписал"}],
        "answer": "",
    },
    {"id": "3", "question": "Is it there?", "language": "en", "relevant": [], "answer": ""},
]
EXPECTED = [
    (
        "1",
        "Сколько компаний, «по-вашему»; работает?",
        "ru",
        (Relevant("а б.txt", 'Работает "около" 500,\nа то и больше'),),
        "около 500",
    ),
    ("два", "Who signed?", "en", (Relevant("a.txt", "signed"), Relevant("b.txt", "подписал")), None),
    ("3", "Is it there?", "en", (), None),
]


def cells(row: dict[str, Any]) -> list[str]:
    relevant = json.dumps(row["relevant"], ensure_ascii=False) if row["relevant"] else ""
    return [row["id"], row["question"], row["language"], relevant, row["answer"]]


def as_jsonl(path: Path) -> None:
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS), "utf-8")


def as_csv(path: Path, delimiter: str = ",", encoding: str = "utf-8") -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(ROWS[0])
    writer.writerows(cells(row) for row in ROWS)
    path.write_bytes(text.getvalue().encode(encoding))


def as_xlsx(path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(list(ROWS[0]))
    for row in ROWS:
        sheet.append([int(cell) if cell.isdigit() else cell or None for cell in cells(row)])
    book.save(path)


def parts(questions: list[Judged]) -> list[tuple[Any, ...]]:
    return [(each.id, each.question, each.language, each.relevant, each.answer) for each in questions]


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("q.jsonl", as_jsonl),
        ("q.csv", as_csv),
        ("q.tsv", lambda path: as_csv(path, "\t")),
        ("excel.csv", lambda path: as_csv(path, ";", "cp1251")),
        ("bom.csv", lambda path: as_csv(path, ";", "utf-8-sig")),
        ("wide.csv", lambda path: as_csv(path, "\t", "utf-16")),
        ("q.xlsx", as_xlsx),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_format_gives_the_same_questions(tmp_path: Path, name: str, write: Any) -> None:
    write(tmp_path / name)
    questions, problems = load(tmp_path / name)
    assert parts(questions) == EXPECTED
    assert problems == []


def test_rows_know_their_lines_where_a_cell_runs_over_two(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text('question,relevant\n"Who\nwas it?",\nWhere?\n\nWhen?,[]\n', "utf-8")
    questions, problems = load(tmp_path / "q.csv")
    assert [(each.where, each.question) for each in questions] == [
        ("q.csv:2", "Who\nwas it?"),
        ("q.csv:4", "Where?"),
        ("q.csv:6", "When?"),
    ]
    assert problems == []


@pytest.mark.parametrize("name", ["q.csv", "q.xlsx"])
def test_a_table_may_have_document_and_quote_columns(tmp_path: Path, name: str) -> None:
    rows = [["Question", "document", "quote"], ["Who?", "a.txt", "Anna"], ["Где?", "", ""]]
    if name == "q.csv":
        (tmp_path / name).write_text("\n".join(",".join(row) for row in rows), "utf-8")
    else:
        book = openpyxl.Workbook()
        for row in rows:
            book.worksheets[0].append(row)
        book.save(tmp_path / name)
    questions, problems = load(tmp_path / name)
    assert parts(questions) == [
        ("2", "Who?", "en", (Relevant("a.txt", "Anna"),), None),
        ("3", "Где?", "ru", (), None),
    ]
    assert problems == []


GOOD = '{"id": "good", "question": "Кто?", "relevant": []}'


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{broken", "the line is not JSON (Expecting property name enclosed in double quotes)"),
        (b"[1, 2]", "the line is not a JSON object"),
        ("{}".encode("utf-16"), "the line is not UTF-8 (byte 1)"),
        (b"[" * 100_000, "the line is not JSON (RecursionError)"),
        (b'{"relevant": []}', "'question' is empty"),
        (b'{"question": " \\u200b ", "relevant": []}', "'question' is empty"),
        (b'{"question": ["Who?"], "relevant": []}', "'question' is [\"Who?\"], not a text"),
        (b'{"question": "Who?"}', "'relevant' is missing: write [] where the collection does not hold the answer"),
        (b'{"question": "Who?", "relevant": 3}', "'relevant' is no list"),
        (b'{"question": "Who?", "relevant": ["a"]}', "'relevant' 1 is not an object with 'document' and 'quote'"),
        (b'{"question": "Who?", "relevant": [{"document": "a.txt", "quote": " "}]}', "'relevant' 1 has no quote"),
        (b'{"question": "Who?", "relevant": [{"quote": "b"}]}', "'relevant' 1 has no document"),
        (
            b'{"question": "Who?", "relevant": [], "language": "English!"}',
            "'language' is 'English!': write a code such as en or ru, or leave it out",
        ),
        (
            b'{"id": "good", "question": "Who?", "relevant": []}',
            "the id 'good' is taken by q.jsonl:1: give it another",
        ),
    ],
)
def test_a_row_that_cannot_be_used_is_named_and_the_rest_goes_on(tmp_path: Path, line: bytes, message: str) -> None:
    after = b'{"id": "after", "question": "Where?", "relevant": null}'
    (tmp_path / "q.jsonl").write_bytes(b"\n".join([GOOD.encode(), b"", line, after]))
    questions, problems = load(tmp_path / "q.jsonl")
    assert [each.id for each in questions] == ["good", "after"]
    assert problems == [Problem("q.jsonl:3", message)]


def test_a_broken_cell_is_named_by_its_row(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text("question,relevant\nКто?,[{]\nWhere?,[]\n", "utf-8")
    questions, problems = load(tmp_path / "q.csv")
    assert [each.question for each in questions] == ["Where?"]
    assert [str(each) for each in problems] == [
        "q.csv:2: 'relevant' is not JSON (Expecting property name enclosed in double quotes)"
    ]


def test_a_lone_surrogate_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text('{"id": "\\ud800", "question": "Who \\ud800?", "relevant": []}', "utf-8")
    (question,), _ = load(tmp_path / "q.jsonl")
    assert (question.id, question.question) == ("?", "Who ??")


def test_the_language_is_told_from_the_question_where_none_is_given(tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text(GOOD + '\n{"question": "Who?", "relevant": [], "language": "DE"}', "utf-8")
    assert [each.language for each in load(tmp_path / "q.jsonl")[0]] == ["ru", "de"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("q.txt", b"", "has the ending '.txt': give one of .jsonl"),
        ("q.jsonl", b"", "can be used: it has no rows"),
        ("q.jsonl", b"{\n[]\n", "can be used: q.jsonl:1: the line is not JSON"),
        ("q.csv", b"a,b\n1,2\n", "q.csv has no columns 'question' and 'relevant'"),
        ("q.csv", b"question\nWho?\n", "q.csv has no columns 'question' and 'relevant'"),
        ("q.xlsx", b"no workbook", "q.xlsx is not a readable XLSX workbook"),
        ("q.xlsx", b"PK\x05\x06" + bytes(18), "q.xlsx is not a readable XLSX workbook"),
    ],
)
def test_a_file_without_a_usable_row_is_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(EvaluationError) as error:
        load(tmp_path / name)
    assert message in str(error.value)


@pytest.mark.parametrize(("name", "reason"), [("none.jsonl", "No such file"), (".jsonl", "Is a directory")])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    path = tmp_path / "folder.jsonl" if name == ".jsonl" else tmp_path / name
    if name == ".jsonl":
        path.mkdir()
    with pytest.raises(EvaluationError, match=reason):
        load(path)
