"""Documents to passages: what is cited stands in the text exactly, whatever the text is."""

from __future__ import annotations

import codecs
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag import readers
from rag.errors import DocumentError
from rag.passages import passages
from rag.readers import plain
from rag.types import Block, Document, Passage
from tests.small_encoder import SmallEncoder

SEED = Path(__file__).resolve().parent.parent / "seeds" / "000_1c14ccf7fdd8eae7.txt"
WORDS = SmallEncoder().count_tokens
PIECES = ["\r\n", "\n\n", "\0", "\ud800", "\u2003", "\u200b", "\x1c", "\x85", "\u2028", "\ufeff", "#", "- ", "|", "> "]
PIECES += [
    "```",
    "---\n",
    "[a]: b ",
    "г. ",
    "Dr. ",
    "«Да». ",
    "date 2025-11-25 ",
    "слово ",
    "word. ",
    "1,3 ",
    "длина" * 9,
]
ANY_TEXT = st.one_of(
    st.text(st.characters(codec=None, exclude_categories=())),
    st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
)


def letters(texts: Sequence[str]) -> list[int]:
    """Every sign that is not white space, counted as a token: one long word is many tokens."""
    return [len("".join(text.split())) for text in texts]


def cut(text: str, path: str = "a.txt", max_tokens: int = 512) -> tuple[Passage, ...]:
    return passages(readers.read(text.encode(), path).document, WORDS, max_tokens)


def spoken(text: str, passage: Passage) -> list[str]:
    return [text[start:end] for start, end in passage.sentences]


# -- any text at all


def check(document: Document, max_tokens: int, count: str) -> None:
    counter = {"words": WORDS, "letters": letters}[count]
    found = passages(document, counter, max_tokens)
    reached, text = 0, document.text
    for passage in found:
        assert text[passage.start : passage.end] == passage.text
        assert passage.start >= reached
        assert counter([passage.text])[0] <= max_tokens
        reached = passage.start
        assert passage.sentences
        for start, end in passage.sentences:
            assert reached <= start < end <= passage.end
            reached = end
        block = document.blocks[passage.paragraph - 1]
        assert block.start <= passage.start < block.end
        assert passage.document == document.path
    held = "".join(text[start:end] for passage in found for start, end in passage.sentences)
    assert "".join(held.split()) == "".join("".join(text[b.start : b.end] for b in document.blocks).split())


@settings(deadline=None)  # the machine may be busy
@given(
    ANY_TEXT, st.sampled_from([1, 3, 20, 512]), st.sampled_from(["words", "letters"]), st.sampled_from(["txt", "md"])
)
def test_passages_of_any_file_stand_in_its_text(text: str, max_tokens: int, count: str, ending: str) -> None:
    try:
        data = codecs.BOM_UTF16_LE + text.encode("utf-16-le", "surrogatepass")
        document = readers.read(data, f"a.{ending}").document
    except DocumentError:
        return
    check(document, max_tokens, count)


@settings(deadline=None)  # the machine may be busy
@given(ANY_TEXT, st.sampled_from([1, 3, 20, 512]), st.sampled_from(["words", "letters"]))
def test_passages_of_text_that_no_file_can_hold_stand_in_it_too(text: str, max_tokens: int, count: str) -> None:
    check(Document("a.txt", text, tuple(plain.paragraphs(text)), "", "ru", "txt"), max_tokens, count)


# -- the seed


def test_seed_gives_a_passage_a_paragraph() -> None:
    document = readers.read(SEED.read_bytes(), SEED.name).document
    found = passages(document, WORDS, 512)
    assert [passage.paragraph for passage in found] == list(range(1, 14))
    assert {passage.language for passage in found} == {"ru"}
    assert {passage.page for passage in found} == {None}
    sixth = found[5]
    assert (sixth.start, sixth.end) == (1742, 1996)
    first, second = spoken(document.text, sixth)
    assert first.startswith("Сегодня в Казахстане работает около 500 компаний")
    assert first.endswith("в юрисдикции МФЦА.")
    assert second.startswith("В свою очередь, казахстанские инвестиции")
    assert second.endswith("к 2 млрд долларов, что отражает взаимное доверие и долгосрочность партнерства.")
    assert not any("2025-11-25" in passage.text for passage in found)


# -- what goes with what follows


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Итоги года\n\nРост составил 5 %.", [(1, "Итоги года\n\nРост составил 5 %.")], id="ru-stub"),
        pytest.param("Results:\n\nGrowth was 5%.", [(1, "Results:\n\nGrowth was 5%.")], id="en-label"),
        pytest.param("Конец близок!\n\nДа.", [(1, "Конец близок!"), (2, "Да.")], id="ru-sentence"),
        pytest.param("He said “No.”\n\nYes.", [(1, "He said “No.”"), (2, "Yes.")], id="en-quoted_sentence"),
        pytest.param("А\n\nБ\n\nВсё.\n\nКонец", [(1, "А\n\nБ\n\nВсё."), (4, "Конец")], id="ru-stubs_and_a_last_one"),
        pytest.param("w" * 79 + "\n\nYes.", [(1, "w" * 79 + "\n\nYes.")], id="en-79_signs"),
        pytest.param("w" * 80 + "\n\nYes.", [(1, "w" * 80), (2, "Yes.")], id="en-80_signs"),
    ],
)
def test_stub_goes_with_what_follows(text: str, expected: list[tuple[int, str]]) -> None:
    assert [(passage.paragraph, passage.text) for passage in cut(text)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("# Итоги!\n\n## Рост.\n\nПять.", [(1, "# Итоги!\n\n## Рост.\n\nПять.")], id="ru-headings"),
        pytest.param("Five.\n\n# The end", [(1, "Five."), (2, "# The end")], id="en-last_heading"),
        pytest.param(
            "# Страны\n\n| Страна | Год |\n|---|---|\n| ОАЭ | 2025 |\n\n- раз.\n- два.",
            [(1, "# Страны\n\n| Страна | Год |"), (3, "| ОАЭ | 2025 |"), (4, "- раз."), (5, "- два.")],
            id="ru-rows_and_items",
        ),
        pytest.param("Run it:\n\n```\na = 1.\n```", [(1, "Run it:\n\n```\na = 1.\n```")], id="en-code"),
    ],
)
def test_heading_goes_with_what_follows(text: str, expected: list[tuple[int, str]]) -> None:
    assert [(passage.paragraph, passage.text) for passage in cut(text, "a.md")] == expected


def test_heading_that_does_not_fit_with_its_paragraph_stands_alone_so_that_the_paragraph_is_whole() -> None:
    found = cut("# Two words\n\nOne two three. Four five six.", "a.md", max_tokens=7)
    assert [passage.text for passage in found] == ["# Two words", "One two three. Four five six."]


def test_heading_goes_with_the_first_piece_of_an_overlong_paragraph() -> None:
    found = cut("# Two words\n\nOne two three. Four five six. Seven eight.", "a.md", max_tokens=6)
    assert [(passage.paragraph, passage.text) for passage in found] == [
        (1, "# Two words\n\nOne two three."),
        (2, "Four five six. Seven eight."),
    ]


def test_what_stands_between_blocks_counts_toward_a_passages_length() -> None:
    links = "".join(f"[link{number}]: https://example.org\n" for number in range(10))
    found = cut(f"# Heading\n\n{links}\nOne two three four. Five six. Seven eight nine.", "a.md", max_tokens=8)
    assert [passage.text for passage in found] == ["# Heading", "One two three four. Five six.", "Seven eight nine."]


# -- what is too long


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "Раз два три. Четыре пять. Шесть семь восемь девять.",
            ["Раз два три. Четыре пять.", "Шесть семь восемь девять."],
            id="ru",
        ),
        pytest.param("One two. Dr. A. B. Smith came. Six.", ["One two.", "Dr. A. B. Smith came.", "Six."], id="en"),
        pytest.param("One. Ten b c d e f g h. Two.", ["One.", "Ten b c d e", "f g h. Two."], id="en-overlong_sentence"),
    ],
)
def test_overlong_paragraph_is_split_at_sentence_ends(text: str, expected: list[str]) -> None:
    found = cut(text, max_tokens=5)
    assert [passage.text for passage in found] == expected
    assert {passage.paragraph for passage in found} == {1}


@pytest.mark.parametrize("sign", ["ы", "a"], ids=["ru", "en"])
def test_line_of_200_000_signs_without_a_space_is_cut_to_what_the_model_reads(sign: str) -> None:
    document = readers.read((sign * 200_000).encode(), "a.txt").document
    started = time.process_time()
    found = passages(document, letters, 512)
    assert time.process_time() - started < 2
    assert [(passage.start, passage.end) for passage in found] == [
        (start, min(start + 512, 200_000)) for start in range(0, 200_000, 512)
    ]


def test_ten_thousand_stubs_are_packed_in_linear_time() -> None:
    document = readers.read("\n\n".join(["слово"] * 10_000).encode(), "a.txt").document
    started = time.process_time()
    found = passages(document, WORDS, 500)
    assert time.process_time() - started < 2
    assert [passage.paragraph for passage in found] == list(range(1, 10_000, 500))


# -- language and page

RUSSIAN = "Стороны подписали протокол заседания в Астане."
ENGLISH = "The parties signed the protocol of the meeting."


@pytest.mark.parametrize(
    ("document_language", "text", "language"),
    [
        pytest.param("en", RUSSIAN, "ru", id="ru-own"),
        pytest.param("ru", ENGLISH, "en", id="en-own"),
        pytest.param("ru", "OK, Google.", "ru", id="ru-short_as_the_document"),
        pytest.param("en", "Да, Google.", "en", id="en-short_as_the_document"),
        pytest.param("ru", "| 2024 | 1,3 | 5 % | 17 000 | 2025 | 2,1 | 7 % |", "ru", id="ru-numbers_as_the_document"),
    ],
)
def test_passage_has_its_own_language_where_it_is_long_enough(document_language: str, text: str, language: str) -> None:
    document = Document("a.txt", text, (Block(0, len(text)),), "", document_language, "txt")
    assert [passage.language for passage in passages(document, WORDS, 512)] == [language]


def test_page_is_the_one_in_which_the_passage_starts() -> None:
    text = "Раз. Два.\n\nTwo. Three.\n\nFour."
    blocks = (Block(0, 9), Block(11, 22), Block(24, 29))
    document = Document("a.pdf", text, blocks, "", "ru", "pdf", pages=(0, 11, 16))
    assert [passage.page for passage in passages(document, WORDS, 512)] == [1, 2, 3]


def test_stub_at_the_end_of_a_page_does_not_lead_into_the_next_one() -> None:
    text = "Доклад\n\nАстана, 2025\n\nИтоги\n\nРост — 6,2 %\n\nПланы на год."
    blocks = (Block(0, 6, "heading"), Block(8, 20), Block(22, 27, "heading"), Block(29, 41), Block(43, 56))
    document = Document("a.pptx", text, blocks, "", "ru", "pptx", pages=(0, 22, 43))
    found = [(passage.page, passage.paragraph, passage.text) for passage in passages(document, WORDS, 512)]
    assert found == [
        (1, 1, "Доклад\n\nАстана, 2025"),
        (2, 3, "Итоги\n\nРост — 6,2 %"),
        (3, 5, "Планы на год."),
    ]
