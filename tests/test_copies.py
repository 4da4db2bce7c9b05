"""Near-copies are folded into the best of them; a report of another year is none."""

from __future__ import annotations

import numpy as np
import pytest

from rag.copies import Group, fold
from rag.types import Copy
from tests.small_store import small_store

RUSSIAN = ["астана", "берег", "ветер", "город", "дождь", "ехать", "жизнь", "завод", "игла", "камень", "лес", "море"]
ENGLISH = ["apple", "bird", "cloud", "dust", "earth", "flame", "grass", "hand", "iron", "jump", "knot", "lamp"]
LANGUAGES = pytest.mark.parametrize("words", [RUSSIAN, ENGLISH], ids=["ru", "en"])


def folded(texts: list[str], count: int = 10) -> list[tuple[int, list[str]]]:
    """The positions kept of texts that are ranked as they stand, and the documents folded into each."""
    store = small_store([("ru", text) for text in texts])
    groups = fold(store, np.arange(len(texts), dtype=np.int64), count)
    return [(group.position, [copy.document for copy in group.copies]) for group in groups]


@LANGUAGES
def test_same_text_elsewhere_is_listed_under_the_first(words: list[str]) -> None:
    text = " ".join(words) + "."
    assert folded([text, "2025", text.upper(), " ".join(reversed(words)), text]) == [
        (0, ["2.txt", "4.txt"]),
        (1, []),
        (3, []),
    ]


def test_copy_tells_where_it_stands() -> None:
    text = " ".join(ENGLISH)
    store = small_store([("en", text), ("en", "Another."), ("en", text)])
    groups = fold(store, np.array([2, 1, 0], dtype=np.int64), 5)
    assert groups == [Group(0, (Copy("0.txt", 0, len(text)),), (2,)), Group(1, ())]


@LANGUAGES
@pytest.mark.parametrize(("kept", "is_copy"), [(10, True), (9, False)], ids=["8_of_10_shingles", "7_of_10_shingles"])
def test_four_fifths_of_the_shingles_make_a_copy(words: list[str], kept: int, is_copy: bool) -> None:
    found = folded([" ".join(words), " ".join(words[:kept])])  # 12 words are 10 shingles, their first 10 words 8
    assert found == ([(0, ["1.txt"])] if is_copy else [(0, []), (1, [])])


@LANGUAGES
def test_inflection_and_punctuation_do_not_tell_copies_apart(words: list[str]) -> None:
    ending = "ом" if words is RUSSIAN else "s"
    changed = [word + ending if word in ("город", "завод", "bird", "hand") else word for word in words]
    assert folded([" ".join(words), "«" + ", ".join(changed) + "!»"]) == [(0, ["1.txt"])]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("Рост за {} год составил 5 %.", ("2024", "2025"), id="ru-year"),
        pytest.param("The plan of {} holds in all of its parts.", ("2024", "2025"), id="en-year"),
        pytest.param("Выплачено {} из 7 млрд.", ("3 из 5", "5 из 3"), id="ru-order"),
    ],
)
def test_other_numbers_make_another_report(one: str, other: tuple[str, str]) -> None:
    padding = " " + " ".join(RUSSIAN + ENGLISH)
    texts = [one.format(number) + padding for number in other]
    assert folded(texts) == [(0, []), (1, [])]
    assert folded([texts[0], texts[0]]) == [(0, ["1.txt"])]


@pytest.mark.parametrize("texts", [["—", "***"], ["Да.", "Нет."], ["Yes", "No"]], ids=["no_words", "ru", "en"])
def test_short_passages_are_copies_only_where_their_words_are_equal(texts: list[str]) -> None:
    assert folded(texts) == [(0, []), (1, [])]


def test_count_is_of_passages_that_are_no_copies_and_their_copies_are_still_found_behind_it() -> None:
    one, two, three = " ".join(ENGLISH), " ".join(RUSSIAN), "Something else."
    assert folded([one, one, two, three, two, one], count=2) == [(0, ["1.txt", "5.txt"]), (2, ["4.txt"])]


def test_copies_are_looked_for_only_so_far_behind() -> None:
    one = " ".join(ENGLISH)
    others = [f"Passage {number}." for number in range(11)]
    assert folded([one, *others[:9], one], count=1) == [(0, ["10.txt"])]
    assert folded([one, *others[:10], one], count=1) == [(0, [])]


def test_nothing_ranked_gives_nothing() -> None:
    assert folded([]) == []
