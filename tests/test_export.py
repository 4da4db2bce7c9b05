"""Answers as files: what was shown stands in them word for word, and text of documents stays text."""

from __future__ import annotations

import dataclasses
import datetime
import io
import json
import re
import zipfile
from typing import Any
from xml.etree import ElementTree

import docx
import openpyxl
import pytest
from markdown_it import MarkdownIt

from rag.errors import QuestionError
from rag.export import answer_from_json, answer_json
from rag.export.markdown import escaped, markdown
from rag.export.rich import rich
from rag.export.sheet import MAX_CELL, sheet
from rag.export.sound import closed, file_name, sound
from rag.export.word import table, word
from rag.readers import docx as reader
from rag.types import Answer, Citation, Copy, Note, Scores

TODAY = datetime.date(2026, 11, 23)
DAY = "23\u00a0ноября 2026\u00a0г."
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
HOSTILE = [
    "<script>alert(1)</script> & <img src=x onerror=alert(1)> &amp; &#60;",
    "**bold** _it_ `code` [link](javascript:alert(1)) ![x](http://e.example/x) ~~no~~ $x$ ==mark== %%gone%%",
    "https://evil.example/ www.evil.example <https://e.example> @name #1 {{x}}",
    "# heading\n## two\n- list\n1. one\n2) two\n> quote\n---\n===\n    code\n\ttab\n+ plus\n: term",
    "| a | b |\n|---|---|\n[^1]: note\n[x]: http://e.example",
    "back\\slash \\* end\\",
    "\u202eoverride\u202c and \u2067isolate",
    "=cmd|' /C calc'!A0",
    "ё\u0301 Қазақ العربية 漢字 😀 «ёлочки»",
]
LINKS = MarkdownIt("gfm-like", {"html": True, "linkify": False}).enable("table")


def cited(quote: str, highlight: tuple[int, int], rank: int = 1, **others: Any) -> Citation:
    values = {
        "document": "Приказы/№ 7.pdf", "title": "Приказ о сносках", "date": "2025-11-25", "language": "ru", "page": 3,
        "paragraph": 6, "start": 10, "end": 10 + len(quote), "also_in": (), "score": 1.0,
        "scores": Scores(0.5, 0.25, 0.0),
    }  # fmt: skip
    return Citation(rank=rank, quote=quote, highlight=highlight, **{**values, **others})


def answered(question: str, *citations: Citation, verdict: Any = "found", language: str = "ru") -> Answer:
    found = verdict != "not_found"
    text = citations[0].quote[slice(*citations[0].highlight)] if found else None
    return Answer(question, language, verdict, 0.934, text, 1 if found else None, citations)


FIRST = cited("До того. Сносок семь.\nПосле.", (9, 21))
SECOND = cited("There are eight.", (0, 16), 2, language="en", page=None, date=None, also_in=(Copy("копия.txt", 1, 2),))
ANSWERS = {
    "ru": answered("Сколько сносок?", FIRST, SECOND),
    "en": answered("How many notes?", FIRST, SECOND, language="en"),
}
each_language = pytest.mark.parametrize("language", ["ru", "en"])


def paragraphs(data: bytes) -> list[str]:
    return [paragraph.text for paragraph in docx.Document(io.BytesIO(data)).paragraphs]


def xml(data: bytes, name: str) -> ElementTree.Element:
    return ElementTree.fromstring(zipfile.ZipFile(io.BytesIO(data)).read(name))


def notes(data: bytes) -> dict[str, str]:
    """The footnotes' texts by their ids, the separators aside."""
    return {
        note.get(f"{W}id", ""): "".join(text.text or "" for text in note.iter(f"{W}t")).strip()
        for note in xml(data, "word/footnotes.xml")
        if note.get(f"{W}type") is None
    }


def references(data: bytes) -> list[str]:
    return [mark.get(f"{W}id", "") for mark in xml(data, "word/document.xml").iter(f"{W}footnoteReference")]


# --- what was shown is what is written ---


@each_language
def test_a_word_document_holds_the_answer_its_footnotes_and_the_passages(language: str) -> None:
    data = word(ANSWERS[language], "Приказы", TODAY)
    told = {
        "ru": [
            "Сколько сносок?", "Ответ найден · уверенность 93\u00a0%", "Сносок семь.", "Источники",
            "1. Приказ о сносках.",
            FIRST.quote, "2. Приказ о сносках.", SECOND.quote,
            f"Составлено программой «Сноска» {DAY} по собранию «Приказы». Отрывки приведены дословно.",
        ],
        "en": [
            "How many notes?", "Answer found · confidence 93%", "Сносок семь.", "Sources", "1. Приказ о сносках.",
            FIRST.quote, "2. Приказ о сносках.", SECOND.quote,
            "Made with Snoska on 23\u00a0November 2026 from the collection “Приказы”. Passages are quoted verbatim.",
        ],
    }  # fmt: skip
    assert paragraphs(data) == told[language]
    assert references(data) == ["1", "2"]
    assert (
        notes(data)
        == {
            "ru": {
                "1": "Приказ о сносках. Приказы/№ 7.pdf, 25\u00a0ноября 2025\u00a0г., стр.\u00a03, абзац\u00a06.",
                "2": "Приказ о сносках. Приказы/№ 7.pdf, абзац\u00a06, то же: копия.txt.",
            },
            "en": {
                "1": "Приказ о сносках. Приказы/№ 7.pdf, 25\u00a0November 2025, p.\u00a03, paragraph\u00a06.",
                "2": "Приказ о сносках. Приказы/№ 7.pdf, paragraph\u00a06, also in: копия.txt.",
            },
        }[language]
    )


def test_the_passage_that_answers_refers_to_the_answers_own_footnote() -> None:
    body = xml(word(ANSWERS["ru"], "", TODAY), "word/document.xml")
    (field,) = body.iter(f"{W}fldSimple")
    bookmarks = {mark.get(f"{W}name") for mark in body.iter(f"{W}bookmarkStart")}
    name = (field.get(f"{W}instr") or "").split()[1]
    assert name in bookmarks
    assert "".join(text.text or "" for text in field.iter(f"{W}t")) == "1"


def test_a_word_document_reads_back_with_our_own_reader() -> None:
    source = reader.read(word(ANSWERS["ru"], "Приказы", TODAY))
    assert source.title == "Сколько сносок?"
    blocks = [source.text[block.start : block.end] for block in source.blocks]
    assert blocks[2] == "Сносок семь."
    assert blocks[3] == "Приказ о сносках. Приказы/№ 7.pdf, 25 ноября 2025 г., стр. 3, абзац 6."  # spaces are folded
    assert "До того. Сносок семь. После.1" in blocks


def test_the_parts_of_a_word_document_agree() -> None:
    archive = zipfile.ZipFile(io.BytesIO(word(ANSWERS["ru"], "", TODAY)))
    types, relations = (
        archive.read("[Content_Types].xml").decode(),
        archive.read("word/_rels/document.xml.rels").decode(),
    )
    assert 'PartName="/word/footnotes.xml"' in types
    assert re.search(r'Type="[^"]*/footnotes" Target="footnotes.xml"', relations)
    settings = xml(word(ANSWERS["ru"], "", TODAY), "word/settings.xml")
    names = [child.tag for child in settings]
    assert names.index(f"{W}footnotePr") == names.index(f"{W}compat") - 1  # where the schema wants it
    styles = {style.get(f"{W}styleId") for style in xml(word(ANSWERS["ru"], "", TODAY), "word/styles.xml")}
    used = re.findall(r'<w:[pr]Style w:val="([^"]+)"', archive.read("word/document.xml").decode())
    assert set(used) <= styles
    assert not [name for name in archive.namelist() if "thumbnail" in name]


def test_each_run_of_a_word_document_says_its_language() -> None:
    body = xml(word(ANSWERS["en"], "", TODAY), "word/document.xml")
    spoken = {
        "".join(text.text or "" for text in run.iter(f"{W}t")): [each.get(f"{W}val") for each in run.iter(f"{W}lang")]
        for run in body.iter(f"{W}r")
    }
    assert spoken["How many notes?"] == ["en-GB"]
    assert spoken["Сносок семь."] == ["ru-RU"]
    assert spoken["There are eight."] == ["en-GB"]


@each_language
def test_markdown_has_the_answer_its_footnotes_and_the_passages(language: str) -> None:
    told = {
        "ru": (
            "# Сколько сносок?\n\n**Ответ найден** · уверенность 93\u00a0%\n\n> Сносок семь.[^1]\n\n## Источники\n\n"
            "**1.** Приказ о сносках.\n\n> До того. **Сносок семь.**\\\n> После.[^1]\n\n"
            "**2.** Приказ о сносках.\n\n> **There are eight.**[^2]\n\n"
            f"Составлено программой «Сноска» {DAY} по собранию «Приказы». Отрывки приведены дословно."
            "\n\n[^1]: Приказ о сносках. Приказы/№ 7.pdf, 25\u00a0ноября 2025\u00a0г., стр.\u00a03, абзац\u00a06.\n\n"
            "[^2]: Приказ о сносках. Приказы/№ 7.pdf, абзац\u00a06, то же: копия.txt.\n"
        ),
        "en": (
            "# How many notes?\n\n**Answer found** · confidence 93%\n\n> Сносок семь.[^1]\n\n## Sources\n\n"
            "**1.** Приказ о сносках.\n\n> До того. **Сносок семь.**\\\n> После.[^1]\n\n"
            "**2.** Приказ о сносках.\n\n> **There are eight.**[^2]\n\n"
            "Made with Snoska on 23\u00a0November 2026 from the collection “Приказы”. Passages are quoted verbatim."
            "\n\n[^1]: Приказ о сносках. Приказы/№ 7.pdf, 25\u00a0November 2025, p.\u00a03, paragraph\u00a06.\n\n"
            "[^2]: Приказ о сносках. Приказы/№ 7.pdf, paragraph\u00a06, also in: копия.txt.\n"
        ),
    }  # fmt: skip
    assert markdown(ANSWERS[language], "Приказы", TODAY) == told[language]


@each_language
def test_the_clipboard_gets_the_answer_with_its_source(language: str) -> None:
    html, text = rich(ANSWERS[language])
    assert text.splitlines()[0] == ANSWERS[language].question
    assert "Сносок семь. [1]\n\n[1] Приказ о сносках. Приказы/№ 7.pdf, " in text
    assert 'dir="auto">Сносок семь.<sup>1</sup></blockquote>' in html
    assert "eight" not in html + text


@each_language
def test_nothing_found_is_said_and_the_nearest_stand_under_their_heading(language: str) -> None:
    answer = answered(
        "Где море?" if language == "ru" else "Where is the sea?", FIRST, verdict="not_found", language=language
    )
    heading = {"ru": "Ближайшие отрывки", "en": "Nearest passages"}[language]
    verdict = {"ru": "В этих документах ответа нет", "en": "The answer is not in these documents"}[language]
    written = paragraphs(word(answer, "", TODAY))
    assert written[1].startswith(verdict)
    assert written[3:6] == [heading, "1. Приказ о сносках.", FIRST.quote]
    assert f"## {heading}\n" in markdown(answer, "", TODAY)
    assert f"{heading}\n\nСносок семь. [1]" in rich(answer)[1]


@each_language
def test_an_uncertain_answer_says_so_and_how_the_question_was_taken(language: str) -> None:
    answer = dataclasses.replace(
        answered("rjvbccbz", FIRST, verdict="unsure", language=language),
        notes=(Note("layout", "rjvbccbz", "комиссия"),),
    )
    written = paragraphs(word(answer, "", TODAY))
    assert "комиссия" in written[3]
    assert written[4].startswith({"ru": "Уверенности мало", "en": "This is uncertain"}[language])


def test_a_question_in_no_language_of_ours_gets_the_pages_words() -> None:
    answer = answered("???", FIRST, language="und")
    assert "## Источники" in markdown(answer, "", TODAY, "ru")
    assert "## Sources" in markdown(answer, "", TODAY, "xx")


# --- text stays text ---


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text_in_a_word_document(text: str) -> None:
    data = word(answered(text, cited(text, (0, len(text)), title=text, document=text)), text, TODAY)
    body = paragraphs(data)
    assert body[0] == text.replace("\t", "\t")
    assert closed(text) in body
    assert references(data) == ["1"]
    assert closed(text).replace("\n", "").replace("\t", "") in notes(data)["1"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text_in_markdown(text: str) -> None:
    tokens = LINKS.parse(escaped(text))
    assert {token.type for token in tokens} <= {"paragraph_open", "inline", "paragraph_close"}
    inside = [child for token in tokens for child in token.children or ()]
    assert {child.type for child in inside} <= {"text", "text_special", "hardbreak"}
    shown = "".join("\n" if child.type == "hardbreak" else child.content for child in inside)
    assert shown == text.expandtabs(4)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text_on_the_clipboard(text: str) -> None:
    html, _ = rich(answered(text, cited(text, (0, len(text)), title=text, document=text)))
    tags = set(re.findall(r"<(/?\w+)", html))
    assert tags <= {"p", "/p", "b", "/b", "i", "/i", "blockquote", "/blockquote", "sup", "/sup", "br"}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_becomes_a_formula(start: str) -> None:
    text = f"{start}HYPERLINK(1)"
    answer = answered(text, cited(text, (0, len(text)), title=text, document=text))
    data = sheet([(text, answer), (text, text)], text, TODAY, "en")
    for page in openpyxl.load_workbook(io.BytesIO(data)).worksheets:
        cells = [cell for row in page.iter_rows(min_row=2) for cell in row if isinstance(cell.value, str)]
        assert {cell.data_type for cell in cells} == {"s"}
        risky = [cell for cell in cells if "HYPERLINK" in cell.value]
        assert risky
        assert all(cell.quotePrefix for cell in risky)
    assert "<f>" not in zipfile.ZipFile(io.BytesIO(data)).read("xl/worksheets/sheet1.xml").decode()


def test_what_xml_refuses_is_replaced() -> None:
    assert sound("a\0b\x0bc\ud800d\ufffee\tf\r\ng") == "a\ufffdb\ufffdc\ufffdd\ufffde\tf\ng"
    answer = answered("q", cited("a\0b\ud800", (0, 4), title="\x01"))
    assert "a\ufffdb\ufffd" in paragraphs(word(answer, "\x02", TODAY))
    assert "a\ufffdb\ufffd" in markdown(answer, "", TODAY)
    assert openpyxl.load_workbook(io.BytesIO(sheet([("q", answer)], "", TODAY, "ru"))).worksheets[0]["E2"].value == (
        "a\ufffdb\ufffd"
    )


def test_overrides_of_direction_end_with_their_text() -> None:
    assert closed("a\u202eb\u2067c") == "a\u202eb\u2067c\u2069\u202c"
    assert closed("a\u202eb\u202c") == "a\u202eb\u202c"


def test_a_cell_ends_where_the_format_does() -> None:
    long = "ы" * (MAX_CELL + 5)
    data = sheet([("q", answered("q", cited(long, (0, len(long)))))], "", TODAY, "ru")
    value = openpyxl.load_workbook(io.BytesIO(data)).worksheets[0]["E2"].value
    assert value == "ы" * (MAX_CELL - 1) + "…"
    assert long in paragraphs(word(answered("q", cited(long, (0, len(long)))), "", TODAY))


# --- tables of answers ---


@each_language
def test_a_workbook_holds_a_row_a_question_and_a_row_a_passage(language: str) -> None:
    missing = answered("Где море?", FIRST, verdict="not_found")
    data = sheet([("Сколько?", ANSWERS["ru"]), ("Где море?", missing), ("", "пусто")], "Приказы", TODAY, language)
    answers, passages = openpyxl.load_workbook(io.BytesIO(data)).worksheets
    assert answers.title == {"ru": "Ответы", "en": "Answers"}[language]
    rows = list(answers.iter_rows(min_row=2, values_only=True))
    day = datetime.datetime(2025, 11, 25)
    found = {"ru": "Ответ найден", "en": "Answer found"}[language]
    gone = {"ru": "В этих документах ответа нет", "en": "The answer is not in these documents"}[language]
    place = ("Приказ о сносках", "Приказы/№ 7.pdf", day, 3, 6)
    assert rows == [
        (1, "Сколько?", found, 0.934, "Сносок семь.", *place, FIRST.quote),
        (2, "Где море?", gone, 0.934, *[None] * 7),
        (3, None, None, None, "пусто", *[None] * 6),
    ]
    assert list(passages.iter_rows(min_row=2, values_only=True)) == [
        (1, "Сколько?", 1, "Сносок семь.", *place, "ru", FIRST.quote, None),
        (1, "Сколько?", 2, "There are eight.", *place[:2], None, None, 6, "en", SECOND.quote, "копия.txt"),
        (2, "Где море?", 1, "Сносок семь.", *place, "ru", FIRST.quote, None),
    ]


def test_a_table_in_word_has_a_row_a_question_with_its_footnote() -> None:
    missing = answered("Где море?", verdict="not_found")
    data = table([("Сколько?", ANSWERS["ru"]), ("Где море?", missing), ("?", "слишком длинно")], "", TODAY, "ru")
    (grid,) = docx.Document(io.BytesIO(data)).tables
    assert [[cell.text for cell in row.cells] for row in grid.rows] == [
        ["№", "Вопрос", "Ответ"],
        ["1", "Сколько?", "Сносок семь.\nОтвет найден · уверенность 93\u00a0%"],
        ["2", "Где море?", "В этих документах ответа нет · вероятность, что он всё же есть: 93\u00a0%"],
        ["3", "?", "слишком длинно"],
    ]
    assert references(data) == ["1"] == list(notes(data))


# --- JSON back, and names ---


@pytest.mark.parametrize("answer", [*ANSWERS.values(), answered("?", verdict="not_found")])
def test_an_answer_comes_back_from_its_json(answer: Answer) -> None:
    assert answer_from_json(json.loads(json.dumps(answer_json(answer)))) == answer


def broken(*path: Any, value: Any) -> Any:
    whole: Any = json.loads(json.dumps(answer_json(ANSWERS["ru"])))
    place = whole
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return whole


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        broken("question", value=1),
        broken("answer", "verdict", value="sure"),
        broken("answer", "citation", value=9),
        broken("answer", "citation", value=True),
        broken("citations", value=[1]),
        broken("citations", 0, "highlight", value=[0, 10**6]),
        broken("citations", 0, "highlight", value=[0]),
        broken("citations", 0, "scores", value={}),
    ],
)
def test_what_is_no_answer_is_refused(value: object) -> None:
    with pytest.raises(QuestionError, match="this is no answer"):
        answer_from_json(value)


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("Сколько компаний?", "Сколько компаний.docx"),
        ("../../etc/passwd\0", "etc passwd.docx"),
        ('a<b>:"c"|d?*\\e', "a b c d e.docx"),
        ("CON", "_CON.docx"),
        ("\u202egnp.exe", "gnp.exe.docx"),
        ("???", "Snoska.docx"),
        ("слово " * 40, "слово слово слово слово слово слово слово слово слово слово.docx"),
        ("ы" * 200, "ы" * 60 + ".docx"),
    ],
)
def test_a_file_is_named_by_its_question_as_any_system_allows(question: str, name: str) -> None:
    assert file_name(question, "docx") == name
