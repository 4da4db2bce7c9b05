"""What an evaluation leaves behind: report.html, report.json, runs.trec and the table on the screen."""

from __future__ import annotations

import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import ir_measures
import pytest

import rag
from rag.errors import EvaluationError
from rag.evaluate import evaluate
from rag.questions import Judged, Relevant
from rag.report import Result, plots, run, table
from rag.report.html import reliability

SEED = "000_1c14ccf7fdd8eae7.txt"
EVIL = "<script>alert(1)</script>\"'&"
ROWS: list[dict[str, Any]] = [
    {
        "id": "right",
        "question": "Сколько компаний с эмиратским участием работает в Казахстане?",
        "relevant": [{"document": SEED, "quote": "около 500 компаний с эмиратским участием"}],
        "answer": "около 500",
    },
    {
        "id": "wrong one",
        "question": f"Who co-chaired {EVIL} the meeting?",
        "relevant": [{"document": f"{EVIL} doc.txt", "quote": f"{EVIL} quote"}],
        "answer": f"{EVIL} answer",
    },
    {"id": "none", "question": "What is the population of Abu Dhabi?", "relevant": []},
]


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("questions") / "<b>вопросы.jsonl"
    lines = [json.dumps(row, ensure_ascii=False) for row in ROWS]
    path.write_text("\n".join([*lines, "{broken"]), "utf-8")
    return path


@pytest.fixture(scope="module")
def reported(seed_index: rag.Index, questions: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    """An evaluation with everything switched on, compared with one that found the answer nowhere."""
    folder = tmp_path_factory.mktemp("report") / "new" / "folder"
    run(seed_index, questions, mode="lexical", report=folder)
    old = json.loads((folder / "report.json").read_text("utf-8"))
    for row in old["rows"]:
        row["values"] = dict.fromkeys(row["values"], 0.0)
    (folder / "old.json").write_text(json.dumps(old), "utf-8")
    result = run(seed_index, questions, baselines=True, report=folder, compare=folder / "old.json")
    return result, folder


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


pytestmark = pytest.mark.model


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing(reported: tuple[Result, Path]) -> None:
    page = Page((reported[1] / "report.html").read_text("utf-8"))
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "base", "form", "a", "b"}
    attributes = {name for _, given in page.tags for name in given}
    assert not {name for name in attributes if name.startswith("on") or name in {"src", "href", "style"}}
    policy = [given["content"] for tag, given in page.tags if given.get("http-equiv")]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]
    style = (reported[1] / "report.html").read_text("utf-8").partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_the_page_shows_every_miss_with_what_was_expected_and_what_came(reported: tuple[Result, Path]) -> None:
    page = Page((reported[1] / "report.html").read_text("utf-8"))
    text = " ".join(page.text.split())
    assert "The right passage does not come first: 1" in text
    assert f"Who co-chaired {EVIL} the meeting?" in text
    assert f"{EVIL} quote" in text
    assert f"{EVIL} answer" in text
    assert "The index does not hold what is expected." in text
    assert "1 of 2 questions have the right passage first" in text
    assert "<b>вопросы.jsonl:4: the line is not JSON" in text
    assert SEED in text
    assert [tag for tag, _ in page.tags].count("svg") == 3


def test_the_plots_are_whole_svg_with_a_name(reported: tuple[Result, Path]) -> None:
    text = (reported[1] / "report.html").read_text("utf-8")
    drawn = [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]
    assert [svg.get("aria-label") for svg in drawn] == [
        "nDCG@10 by language pair and mode",
        "answer is there by stated confidence",
        "share of questions by milliseconds",
    ]


def test_the_json_is_what_eval_prints_with_a_row_a_question(reported: tuple[Result, Path]) -> None:
    result, folder = reported
    value = json.loads((folder / "report.json").read_text("utf-8"))
    assert {key: value[key] for key in result.json} == result.json
    added = ["problems", "index", "rows", "comparison"]
    assert list(value) == ["questions", "mode", "groups", "overall", "baselines", *added]
    assert [row["id"] for row in value["rows"]] == ["right", "wrong one", "none"]
    right, wrong, none = value["rows"]
    assert (right["hits"], right["values"]["nDCG@10"], right["values"]["answer_sentence@1"]) == ([1], 1.0, 1.0)
    assert (wrong["hits"], wrong["values"]["nDCG@10"], wrong["masked_verdict"]) == ([], 0.0, None)
    assert list(none["values"]) == ["false_answer_rate"]
    assert [each["where"] for each in value["problems"]] == ["<b>вопросы.jsonl:4", "<b>вопросы.jsonl:2"]


def test_the_runs_are_what_trec_eval_reads(reported: tuple[Result, Path]) -> None:
    lines = (reported[1] / "runs.trec").read_text("utf-8").splitlines()
    fields = [line.split(" ") for line in lines]
    assert {len(each) for each in fields} == {6}
    assert {each[5] for each in fields} == {"snoska-hybrid", "snoska-dense", "snoska-lexical", "snoska-rrf"}
    assert {each[0] for each in fields} == {"right", "wrong%20one", "none"}
    hybrid = [line for line in lines if line.endswith(" snoska-hybrid")]
    read = list(ir_measures.read_trec_run("\n".join(hybrid)))
    best = max((each for each in read if each.query_id == "right"), key=lambda each: each.score)
    document, _, span = best.doc_id.rpartition(":")
    assert document == SEED
    assert span == "1742-1996"


def test_the_comparison_is_in_the_result_the_table_and_the_page(reported: tuple[Result, Path]) -> None:
    result, folder = reported
    found = result.json["comparison"]["overall"]["nDCG@10"]
    assert (found["count"], found["old"], found["new"], found["p"]) == (2, 0.0, 0.5, 1.0)
    assert result.json["comparison"]["old_mode"] == "lexical"
    assert re.search(r"overall nDCG@10 +0\.000 +0\.500 +\+0\.500", result.text)
    assert "Against the earlier report" in (folder / "report.html").read_text("utf-8")


def test_the_table_has_a_line_a_group_and_its_problems_beside_it(reported: tuple[Result, Path]) -> None:
    result, _ = reported
    first = [line.split()[0] for line in result.text.split("\n\n")[0].splitlines()]
    assert first == ["hybrid", "en->en", "en->none", "ru->ru", "overall", "found"]
    assert [block.split()[0] for block in result.text.split("\n\n")] == ["hybrid", "dense", "lexical", "rrf", "against"]
    assert [str(problem).partition(": ")[0] for problem in result.problems] == [
        "<b>вопросы.jsonl:4",
        "<b>вопросы.jsonl:2",
    ]


def test_a_table_shows_nothing_to_count_as_a_dash() -> None:
    values = dict.fromkeys(
        ("nDCG@10", "R@1", "R@5", "all@10", "RR@10", "answer_sentence@1", "abstention_auroc", "missed_answer_rate",
         "masked_false_answer_rate")
    )  # fmt: skip
    row = {"count": 1, **values, "latency_ms_p50": 12.4, "latency_ms_p95": 1234.5}
    value = {"mode": "dense", "groups": {"en->none": row}, "overall": {**row, "count": 0, "false_answer_rate": None}}
    assert table(value).splitlines()[1].split() == ["en->none", "1", *["–"] * 9, "12", "1234"]


def test_reliability_counts_each_question_asked_and_masked(
    seed_index: rag.Index,
) -> None:
    quote = Relevant(SEED, "около 500 компаний с эмиратским участием")
    questions = [
        Judged("1", "How many companies operate in Kazakhstan?", "en", (quote,), None, ""),
        Judged("2", "What is the population of Abu Dhabi?", "en", (), None, ""),
    ]
    there, nowhere = evaluate(seed_index, questions).runs["hybrid"]
    assert there.masked is not None
    given = {0.95: there.answer, 0.91: there.masked, 0.2: nowhere.answer}
    confidences = [dataclasses.replace(answer, confidence=value) for value, answer in given.items()]
    outcomes = [
        dataclasses.replace(there, answer=confidences[0], masked=confidences[1]),
        dataclasses.replace(nowhere, answer=confidences[2]),
    ]
    # Two of the three fall into the bin from .9; there the answer is in the collection once of twice.
    assert reliability(outcomes) == [(0.2, 0.0, 1), (pytest.approx(0.93), 0.5, 2)]
    assert reliability([]) == []


@pytest.mark.parametrize(
    "svg",
    [
        plots.bars([], {}, "x"),
        plots.bars(["<b>"], {"hybrid": [None], "<i>": [0.5]}, "a & b"),
        plots.reliability([], "x", "y"),
        plots.reliability([(0.5, 1.0, 1)], "x", "y"),
        plots.latency({}, "x", "y"),
        plots.latency({"hybrid": [0.0, 5.0], "rrf": []}, "x", "y"),
        plots.latency({"hybrid": [3.0]}, "x", "y"),
    ],
)
def test_a_plot_of_little_or_nothing_is_whole(svg: str) -> None:
    assert ElementTree.fromstring(svg).tag == "svg"
    assert "nan" not in svg


def test_a_bar_is_as_high_as_its_value() -> None:
    svg = ElementTree.fromstring(plots.bars(["ru->ru"], {"hybrid": [1.0], "rrf": [0.25]}, "nDCG@10"))
    whole, quarter = (float(each.attrib["height"]) for each in svg.findall("rect") if each.find("title") is not None)
    assert quarter == pytest.approx(whole / 4, abs=0.1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file"),
        (b"{", "is not a report.json"),
        (b"\xff\xfe\xfd", "is not a report.json"),
        (b"[]", "is not a report.json"),
        (b'{"rows": [1]}', "is not a report.json"),
    ],
)
def test_a_bad_old_report_is_refused_before_anything_is_asked(
    seed_index: rag.Index, questions: Path, tmp_path: Path, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "old.json").write_bytes(content)
    with pytest.raises(EvaluationError, match=message):
        run(seed_index, questions, compare=tmp_path / "old.json", progress=lambda step: pytest.fail(str(step)))


def test_a_report_folder_that_cannot_be_made_is_refused(seed_index: rag.Index, questions: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(EvaluationError, match="cannot be made"):
        run(seed_index, questions, report=tmp_path / "file")
