"""A span of the text to the rectangles that are drawn over its pages."""

from __future__ import annotations

import pytest

from rag.layout import Rectangle, rectangles
from rag.types import Word

# «Вода чистая. | Она | важна» on two lines of page 1 and one of page 2.
WORDS = (
    Word(0, 4, 1, 72, 100, 110, 112),
    Word(5, 12, 1, 114, 101, 170, 112),
    Word(14, 17, 1, 72, 120, 95, 132),
    Word(18, 23, 2, 72, 50, 110, 62),
)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        pytest.param(0, 12, [Rectangle(1, 72, 100, 170, 112)], id="one_line"),
        pytest.param(0, 4, [Rectangle(1, 72, 100, 110, 112)], id="one_word"),
        pytest.param(2, 6, [Rectangle(1, 72, 100, 170, 112)], id="touched_words_count_whole"),
        pytest.param(5, 17, [Rectangle(1, 114, 101, 170, 112), Rectangle(1, 72, 120, 95, 132)], id="two_lines"),
        pytest.param(14, 23, [Rectangle(1, 72, 120, 95, 132), Rectangle(2, 72, 50, 110, 62)], id="over_a_page"),
        pytest.param(4, 5, [], id="a_space_alone"),
        pytest.param(12, 14, [], id="between_paragraphs"),
        pytest.param(7, 7, [], id="nothing"),
        pytest.param(90, 99, [], id="past_the_end"),
    ],
)
def test_a_span_becomes_one_rectangle_a_line(start: int, end: int, expected: list[Rectangle]) -> None:
    assert list(rectangles(WORDS, start, end)) == expected


def test_columns_side_by_side_stay_apart() -> None:
    words = (Word(0, 5, 1, 72, 100, 120, 112), Word(6, 9, 1, 320, 100, 350, 112))
    assert rectangles(words, 0, 9) == (Rectangle(1, 72, 100, 120, 112), Rectangle(1, 320, 100, 350, 112))


def test_a_raised_note_number_is_in_its_line() -> None:
    words = (Word(0, 5, 1, 72, 100, 120, 112), Word(5, 6, 1, 120, 98, 124, 106))
    assert rectangles(words, 0, 6) == (Rectangle(1, 72, 98, 124, 112),)


def test_no_words_give_no_rectangles() -> None:
    assert rectangles((), 0, 10) == ()
