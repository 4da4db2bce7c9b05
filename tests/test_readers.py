"""Bytes to documents: paragraphs, titles and dates of plain text and Markdown, in both languages."""

from __future__ import annotations

import codecs
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag import readers
from rag.errors import DocumentError
from rag.types import Document
from tests.small_source import kinds, texts

SEED = Path(__file__).resolve().parent.parent / "seeds" / "000_1c14ccf7fdd8eae7.txt"


def read(text: str, path: str = "a.txt") -> Document:
    return readers.read(text.encode(), path).document


# -- plain text


def test_seed_gives_its_date_and_thirteen_paragraphs_without_it() -> None:
    document = readers.read(SEED.read_bytes(), SEED.name).document
    assert (document.date, document.language, document.type) == ("2025-11-25", "ru", "txt")
    assert document.title == "Заседание прошло под сопредседательством Заместителя Премьер-министра — министра…"
    assert len(document.blocks) == 13
    assert document.text == SEED.read_text(encoding="utf-8")
    assert document.blocks[0].start == len(" date 2025-11-25 ")
    assert (document.blocks[5].start, document.blocks[5].end) == (1742, 1996)


@pytest.mark.parametrize(
    ("text", "paragraphs"),
    [
        pytest.param("Первый.\n\nВторой.\n \t\n\n\nТретий.\n", ["Первый.", "Второй.", "Третий."], id="ru-blank_lines"),
        pytest.param("One.\r\n\r\nTwo.\r\n", ["One.", "Two."], id="en-crlf"),
        pytest.param("Первое дело.\nВторое дело.", ["Первое дело.", "Второе дело."], id="ru-a_line_each"),
        pytest.param("The town of\nAstana is the\ncapital.", ["The town of\nAstana is the\ncapital."], id="en-wrapped"),
        pytest.param("Город\nАстана —\nстолица.\n\nДа.", ["Город\nАстана —\nстолица.", "Да."], id="ru-wrapped"),
        pytest.param("x" * 101 + "\nyes", ["x" * 101, "yes"], id="en-wide_lines_are_whole"),
        pytest.param("\u2003 Раз\u00a0\u200b\n\n\u3000\n\nДва \x1c", ["Раз", "Два"], id="ru-odd_spaces"),
        pytest.param("\n\n\n One. \n", ["One."], id="en-space_around"),
        pytest.param("старый\rМак", ["старый\rМак"], id="ru-lone_returns"),
    ],
)
def test_plain_paragraphs(text: str, paragraphs: list[str]) -> None:
    document = read(text)
    assert texts(document) == paragraphs
    assert document.text == text


@pytest.mark.parametrize(
    ("text", "date", "first"),
    [
        pytest.param(" date 2025-11-25 Заседание.", "2025-11-25", "Заседание.", id="ru"),
        pytest.param("Date: 2024-02-29\nIt rained.", "2024-02-29", "It rained.", id="en-line"),
        pytest.param("date 2025-11-25\n\nТекст.", "2025-11-25", "Текст.", id="ru-paragraph"),
        pytest.param("\ufeff date 2025-11-25 Text.", "2025-11-25", "Text.", id="en-byte_order_mark"),
        pytest.param("date 2025-02-30 Text.", None, "date 2025-02-30 Text.", id="en-no_such_day"),
        pytest.param("date 2025-11-251 Text.", None, "date 2025-11-251 Text.", id="en-no_date"),
        pytest.param("Начало. date 2025-11-25 Конец.", "2025-11-25", "Начало. date 2025-11-25 Конец.", id="ru-later"),
    ],
)
def test_leading_date_is_metadata_and_no_prose(text: str, date: str | None, first: str) -> None:
    document = read(text)
    assert (document.date, texts(document)[0]) == (date, first)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        pytest.param("Короткое начало. Дальше.", "Короткое начало.", id="ru-first_sentence"),
        pytest.param("— Да, — сказал он.", "Да, — сказал он.", id="ru-speech"),
        pytest.param("word " * 30, "word " * 17 + "word…", id="en-shortened"),
        pytest.param("* * *\n\nAfter the stars.", "After the stars.", id="en-only_signs_first"),
        pytest.param("***", "a.txt", id="only_signs"),
    ],
)
def test_title_is_the_first_sentence_that_says_something(text: str, title: str) -> None:
    assert read(text).title == title


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_is_decoded_with_or_without_its_mark(encoding: str) -> None:
    document = readers.read("Привет, world.".encode(encoding), "a.TXT").document
    assert (document.text, document.type) == ("Привет, world.", "txt")


@pytest.mark.parametrize(
    ("data", "path", "reason"),
    [
        pytest.param(b"", "a.txt", "the file is empty", id="empty"),
        pytest.param(b"\0" * 1000, "a.txt", "not a text file: it holds NUL bytes", id="zeros"),
        pytest.param(b" \r\n\t\n", "a.txt", "the file holds no text", id="white_space"),
        pytest.param("\u2003\u00a0\x1c\u200b".encode(), "a.txt", "the file holds no text", id="odd_spaces"),
        pytest.param(codecs.BOM_UTF8, "a.md", "the file holds no text", id="only_a_mark"),
        pytest.param(codecs.BOM_UTF16_BE + bytes(8), "a.txt", "the file holds no text", id="utf16_zeros"),
        pytest.param(b" date 2025-11-25 ", "a.txt", "the file holds no text", id="only_a_date"),
        pytest.param(b"---\ntitle: T\n---\n", "a.md", "the file holds no text", id="only_front_matter"),
        pytest.param(
            codecs.BOM_UTF16_LE + b"a",
            "a.txt",
            "not a text file: it is marked as UTF-16-LE, and most of it is not",
            id="torn",
        ),
    ],
)
def test_bad_file_is_refused_with_the_reason(data: bytes, path: str, reason: str) -> None:
    with pytest.raises(DocumentError) as raised:
        readers.read(data, path)
    assert str(raised.value) == reason


@pytest.mark.parametrize(
    ("path", "kind"),
    [("a/b.TXT", "txt"), ("отчёт за год.Md", "md"), ("a.b/c", ""), (".hidden", ""), ("a.tar.gz", "gz"), ("a.", "")],
)
def test_type_is_the_ending_of_the_name(path: str, kind: str) -> None:
    assert readers.file_type(path) == kind


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("a.xyz", "no reader for .xyz: save it in a format that is read, such as .pdf, .docx or .txt"),
        ("архив.ZIP", "no reader for .zip: unpack the archive"),
        ("README", "no reader for files without an ending: give it that of its format"),
    ],
)
def test_unknown_type_is_refused_with_what_to_do(path: str, reason: str) -> None:
    with pytest.raises(DocumentError) as raised:
        readers.read(b"text", path)
    assert str(raised.value) == reason


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"PK\x03\x04" + bytes(100), "the file's name is wrong, it is an office file: give it its own ending"),
        (b"<html><body>Text.</body></html>", "the file's name is wrong, it is an HTML page: name it .html"),
        (b"%PDF-1.4 and no more", "not a PDF, or a damaged one: open it in a PDF viewer and save it anew"),
    ],
    ids=["office", "html", "damaged"],
)
def test_what_is_no_pdf_is_named_by_what_it_is(data: bytes, reason: str) -> None:
    with pytest.raises(DocumentError) as raised:
        readers.read(data, "a.pdf")
    assert str(raised.value) == reason


@pytest.mark.parametrize("path", ["a.txt", "a.md"])
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a" + " " * 300_000 + "b", id="spaces"),
        pytest.param("# a" + " \t" * 150_000 + "b", id="heading"),
        pytest.param("\n" * 300_000 + "a", id="lines"),
        pytest.param("[" * 300_000, id="brackets"),
        pytest.param("---\ntitle:" + " " * 300_000 + "x\n", id="front_matter"),
        pytest.param("ы" * 300_000, id="no_spaces"),
    ],
)
def test_time_is_linear_in_the_text(text: str, path: str) -> None:
    started = time.process_time()
    assert len(read(text, path).blocks) in (1, 2)
    assert time.process_time() - started < 3


# -- Markdown

FRONT = "---\ntitle: «Отчёт»\ndate: 2025-11-25\nlang: ru\n---\n"


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize(
    ("front", "title", "date", "language"),
    [
        pytest.param('title: "Отчёт"\ndate: 2025-11-25\nlang: ru', "Отчёт", "2025-11-25", "ru", id="ru"),
        pytest.param("Title: 'A report'\nDATE: '2024-01-02T10:00'\n", "A report", "2024-01-02", "en", id="en-quoted"),
        pytest.param("language: en-US\ntitle:\ndate: soon", "Heading", None, "en", id="en-region"),
        pytest.param('lang: RU\ntitle: ""', "Heading", None, "ru", id="ru-capitals"),
        pytest.param("language: Russian\nauthor: B", "Heading", None, "en", id="en-no_code"),
    ],
)
def test_front_matter_is_metadata(front: str, title: str, date: str | None, language: str, newline: str) -> None:
    document = read(f"---\n{front}\n---\n\n# Heading\n\nThe text.\n".replace("\n", newline), "a.md")
    assert (document.title, document.date, document.language) == (title, date, language)
    assert kinds(document) == [("# Heading", "heading"), ("The text.", "paragraph")]


@pytest.mark.parametrize("text", ["---\n\nOne.\n\n---\n\nTwo.", "One.\n\n---\n\nTwo.\n\n---\n", "---\nOne.\n\nTwo."])
def test_rule_across_the_page_is_no_front_matter(text: str) -> None:
    assert texts(read(text, "a.md")) == ["One.", "Two."]


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_markdown_blocks_are_told_apart_and_kept_verbatim(newline: str) -> None:
    text = (
        "Доклад\n======\n\nПервый абзац\nв две строки.\n\n## Part #\n- один\n  - two\n\n  ещё\n1. three\n\n"
        "| имя | n |\n|---|---|\n| ОАЭ | 500 |\n\n```py\nx = 1\n\ny = 2\n```\n\n> цитата\n\n"
        "[ref]: https://example.org\n\n    code\n\n<b>\nhtml\n</b>\n"
    ).replace("\n", newline)
    document = read(text, "a.md")
    assert document.text == text
    assert document.title == "Доклад"
    assert [(block.replace(newline, "\n"), kind) for block, kind in kinds(document)] == [
        ("Доклад\n======", "heading"),
        ("Первый абзац\nв две строки.", "paragraph"),
        ("## Part #", "heading"),
        ("- один", "paragraph"),
        ("- two", "paragraph"),
        ("ещё", "paragraph"),
        ("1. three", "paragraph"),
        ("| имя | n |", "row"),
        ("| ОАЭ | 500 |", "row"),
        ("```py\nx = 1\n\ny = 2\n```", "paragraph"),
        ("> цитата", "paragraph"),
        ("code", "paragraph"),
        ("<b>\nhtml\n</b>", "paragraph"),
    ]


def test_markdown_title_is_the_heading_without_its_marks() -> None:
    assert read("Before.\n\n## The **report**  ##\n\nText.", "a.md").title == "The **report**"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(">" * 30 + " глубоко\n\nпосле", id="ru-quotes"),
        pytest.param("\n".join("  " * depth + f"- deep{depth}" for depth in range(15)), id="en-lists"),
    ],
)
def test_nesting_too_deep_for_the_parser_is_read_all_the_same(text: str) -> None:
    held = "\n".join(texts(read(text, "a.md")))
    assert [word for word in text.split() if word.isalnum() and word not in held] == []


@settings(deadline=None)  # the machine may be busy
@given(st.text("abя1 #>-*`|.=\n\t\r\\<", min_size=1))
def test_no_letter_of_a_markdown_file_is_lost(text: str) -> None:
    if not any(sign.isalpha() for sign in text):
        return
    document = read("x\n\n" + text, "a.md")
    covered = "".join(texts(document))
    assert sorted(filter(str.isalpha, covered)) == sorted(filter(str.isalpha, "x" + text))
