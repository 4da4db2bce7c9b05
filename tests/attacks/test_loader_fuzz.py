"""Indexes that hold what none holds, behind right checksums: refused in one line that names the part, or used in peace.

A part is taken apart, something in it is changed, and all that names it is made to fit again: no checksum tells.
FAISS's own files are left alone: what they may do to FAISS is beyond Python.
"""

from __future__ import annotations

import copy
import hashlib
import json
import random
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

import rag
from rag.errors import IndexUnusable
from rag.index import check
from rag.stores import files
from rag.stores.blocks import BlockWriter
from tests.faults import QUESTIONS, Case, answers, make_case, small

pytestmark = [
    pytest.mark.usefixtures("small_parts"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # numpy's, of scores that are no numbers
]
BUDGET = settings(
    max_examples=60, deadline=None, derandomize=True, database=None, phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
SOAK = 1_000  # indexes of each kind in make soak
VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1, 2**31, 2**63, 2**200, 1.5, float("nan"), float("inf"), "", "x", "\ud800", "a" * 5_000, [],
    [[]], {}, [None], {"x": 1}, "../../../etc/passwd", [2**40, 2**41],
)  # fmt: skip


@pytest.fixture(scope="module", params=["update", "growth"], ids=["in memory", "mapped"])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return make_case(request.param, tmp_path_factory.mktemp("forged"))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths to everything in a JSON value."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def forged_json(value: Any, chance: random.Random) -> Any:
    """The value with one thing in it taken out, doubled, or of another kind or size."""
    value = copy.deepcopy(value)
    *way, last = chance.choice(list(places(value)))
    inner = value
    for key in way:
        inner = inner[key]
    kind = chance.randrange(4)
    if kind == 0:
        del inner[last]
    elif kind == 1 and isinstance(inner, list):
        inner.insert(last, copy.deepcopy(inner[last]))
    elif kind == 2 and isinstance(inner[last], int) and not isinstance(inner[last], bool):
        inner[last] += chance.choice((-1, 1, 7, 1000, -1000))
    else:
        inner[last] = chance.choice(VALUES)
    return value


def forged_bytes(data: bytes, chance: random.Random) -> bytes:
    made = bytearray(data)
    for _ in range(chance.choice((1, 3))):
        at = chance.randrange(len(made) + 1)
        put = chance.choice((b"\0", b"\xff" * 4, b"\0\0\0\x7f", b"\xff\xff\xff\x7f", b"1", b"(999999999, )"))
        made[at : at + chance.choice((0, len(put)))] = put
    return bytes(made) if chance.random() < 0.8 else bytes(made[: chance.randrange(len(made) + 1)])


class Forger:
    """Changes one part of an index, and every name that leads to it."""

    def __init__(self, index: Path, chance: random.Random) -> None:
        self.index, self.chance = index, chance
        pointer = json.loads((index / files.POINTER).read_bytes())
        self.manifest = json.loads((index / files.PARTS / pointer["manifest"]["file"]).read_bytes())

    def forge(self) -> None:
        named = [path for path in places(self.manifest) if path[-1] == "file" and path[0] != "previous"]
        path = self.chance.choice([(), (), *named])
        if not path:
            self.manifest = forged_json(self.manifest, self.chance)
        else:
            part = self.manifest
            for key in path[:-1]:
                part = part[key]
            if part["file"].endswith("faiss") or str(path[-2]).startswith(("trained-", "lists-", "sizes-")):
                return
            self._replace(part)
        manifest = files.write_part(self.index, json.dumps(self.manifest).encode("ascii"), "manifest.json")
        pointer = {"format": files.FORMAT, "manifest": manifest.to_json()}
        (self.index / files.POINTER).write_bytes(files.to_bytes(pointer))

    def _replace(self, part: dict[str, Any]) -> None:
        file = self.index / files.PARTS / part["file"]
        data = file.read_bytes()
        is_mapped = len(data) != part["size"] or hashlib.sha256(data).hexdigest() != part["sha256"]
        content = data[: part["size"]] if is_mapped else data
        ending = part["file"].partition(".")[2]
        made = self._content(content, ending)
        if is_mapped:
            with BlockWriter(self.index, ending) as writer:
                writer.write(made)
            part.update(writer.part.to_json())
        else:
            part.update(files.write_part(self.index, made, ending).to_json())

    def _content(self, content: bytes, ending: str) -> bytes:
        if ending.endswith("json"):
            return json.dumps(forged_json(json.loads(content), self.chance)).encode("utf-8", "surrogatepass")
        if ending == "words.bin" and content:
            return zlib.compress(forged_bytes(zlib.decompress(content), self.chance))
        return forged_bytes(content, self.chance)


def opened(index: Path) -> str:
    """What became of the index: ``whole``, or why it is refused."""
    try:
        check(index)
        answers(index)
        found = rag.open(index, encoder=small())
        for question in QUESTIONS:
            found.ask(question)
    except IndexUnusable as error:
        return str(error)
    return "whole"


def forged(case: Case, place: Path, seed: int) -> str:
    """What becomes of a copy of the case's index with one fault."""
    index = case.copy(place / "forged")
    try:
        Forger(index, random.Random(seed)).forge()
        return opened(index)
    finally:
        shutil.rmtree(index)


def test_a_forged_index_is_refused_or_as_good_as_whole(case: Case, tmp_path: Path) -> None:
    told = []

    @BUDGET
    @given(st.integers(0, 2**32))
    @example(28)  # 256 GiB were asked for
    @example(111_891)  # numpy took the header of an array for one of Python 2
    @example(1_000_310)  # a language that the manifest does not name
    def tried(seed: int) -> None:
        told.append(forged(case, tmp_path, seed))

    tried()
    assert all("\n" not in each and len(each) < 1_000 for each in told)
    assert sum(each != "whole" for each in told) > BUDGET.max_examples // 3


@pytest.mark.soak
def test_many_forged_indexes_are_refused_or_as_good_as_whole(case: Case, tmp_path: Path) -> None:
    for seed in range(10**6, 10**6 + SOAK):
        try:
            forged(case, tmp_path, seed)
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error
