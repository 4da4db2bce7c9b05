"""No pattern, and no function over a user's text, takes longer than in line with the text's length.

``python benchmarks/patterns.py`` prints what was measured.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable

import pytest

from tests.attacks.functions import FUNCTIONS, UNITS
from tests.attacks.growth import LINEAR, grown, growth, seconds
from tests.attacks.patterns import BOUNDED, MADE, ROOT, Pattern, hostile, is_short, made, patterns

ENOUGH = 0.05  # seconds for a text that cannot be longer, on a slow machine; most take less than a millisecond
LONG = 20_000  # characters for a function that make soak tries; make test takes a fifth


@pytest.fixture(scope="module")
def found() -> list[Pattern]:
    return patterns()[0] + made()


def worst(pattern: Pattern) -> str:
    """What is wrong with the pattern, empty where nothing is."""
    if is_short(pattern):
        return ""
    for before, unit, after in hostile(pattern):
        told = f"{pattern.place} on {before!r} + n * {unit!r} + {after!r}"
        if (length := BOUNDED.get(pattern.place)) is not None:
            text = grown(before, unit, after, length)
            took = seconds(pattern.run, text)
            if took > ENOUGH and (took := min(took, seconds(pattern.run, text))) > ENOUGH:
                return f"{told}: {took:.3f} s for {length} characters"
        elif (times := growth(pattern.run, before, unit, after)) >= LINEAR:
            return f"{told}: {times:.1f} times as long for four times the text"
    return ""


def test_every_pattern_of_the_package_is_found() -> None:
    patterns_, unknown = patterns()
    assert {pattern.place for pattern in patterns_} > {
        "rag.text._TOKEN",
        "rag.sentences._CANDIDATE",
        "rag.query.PHRASE",
    }
    assert set(unknown) == set(MADE)  # one that is made while the program runs needs examples there
    assert set(BOUNDED) <= {pattern.place for pattern in patterns_}


def test_the_work_of_every_pattern_grows_with_the_text_and_no_faster(found: list[Pattern]) -> None:
    assert [told for pattern in found if (told := worst(pattern))] == []


@pytest.mark.parametrize("dear", [r"(\w|_)*!", r"\s*x", r"<[^>]*>"])
def test_a_dear_pattern_is_noticed(dear: str) -> None:
    regex = re.compile(dear)
    assert "times as long" in worst(Pattern("here", regex, frozenset({"sub"})))


def test_a_pattern_of_the_pages_scripts_is_no_dearer() -> None:
    literal = re.compile(r"(?<=[(= ])/((?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+)/[gimsuy]*(?=[.,)])")
    found = {
        match[1]
        for path in sorted((ROOT / "rag" / "web" / "assets").glob("*.js"))
        for match in literal.finditer(path.read_text("utf-8"))
    }
    assert len(found) >= 5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # «[[» is no set within a set in JavaScript
        compiled = [Pattern(text, re.compile(text), frozenset({"sub"})) for text in sorted(found)]
        assert [told for pattern in compiled if (told := worst(pattern))] == []


def dear(name: str, units: Iterable[str], length: int, ends: Iterable[str] = ("x",)) -> list[str]:
    """The units of which the function's work grows faster than the text."""
    function, found = FUNCTIONS[name], []
    for unit in units:
        for end in ends:
            times = growth(function, "", UNITS[unit], end, length)
            if times >= LINEAR:
                found.append(f"{unit}, ending in {end!r}: {times:.1f} times as long for four times the text")
    return found


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_work_of_a_function_over_text_grows_with_the_text_and_no_faster(name: str) -> None:
    assert dear(name, UNITS, LONG // 5) == []


@pytest.mark.soak
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_work_of_a_function_grows_no_faster_with_long_texts_either(name: str) -> None:
    assert dear(name, UNITS, LONG, ["", "x"]) == []


def test_a_dear_function_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        FUNCTIONS, "dear", lambda given: [sign for start in range(0, len(given), 9) for sign in given[start:]]
    )
    assert dear("dear", ["one word"], LONG // 5)
