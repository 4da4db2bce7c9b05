"""Every file of an index, of both kinds, with a bit flipped in every block and cut at every tenth: named, and never
handed to FAISS or a parser before its checksum held."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

import rag
from rag.errors import IndexDamaged, IndexMismatch
from rag.index import check
from rag.stores import files, local, mapped
from tests.faults import Case, answers, make_case, named, small

BLOCK = 512  # bytes: these files are small

pytestmark = pytest.mark.usefixtures("small_parts")


@pytest.fixture(scope="module", params=["update", "growth"], ids=["in memory", "mapped"])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return make_case(request.param, tmp_path_factory.mktemp("damaged"))


class Parsers:
    """Remembers what FAISS and the parsers are given by the test; servers of other tests read on in their threads."""

    def __init__(self, patched: pytest.MonkeyPatch) -> None:
        self.given: list[bytes] = []
        self.used: set[str] = set()
        self._thread = threading.get_ident()
        self._watch(patched, json, "loads", lambda data: data if isinstance(data, bytes) else data.encode())
        self._watch(patched, faiss, "deserialize_index", lambda array: array.tobytes())
        for name in ("read_magic", "read_array_header_1_0", "read_array"):  # in this order, of the same stream
            self._watch(patched, np.lib.format, name, lambda stream: stream.getvalue())
        for module in (local, mapped):
            self._watch(patched, module, "words_from_bytes", bytes)

    def _watch(self, patched: pytest.MonkeyPatch, module: Any, name: str, to_bytes: Callable[[Any], bytes]) -> None:
        true = getattr(module, name)

        def watched(data: Any, *more: Any, **options: Any) -> Any:
            if threading.get_ident() == self._thread:
                self.given.append(to_bytes(data))
                self.used.add(name)
            return true(data, *more, **options)

        patched.setattr(module, name, watched)


def damaged(data: bytes) -> Iterator[bytes]:
    """The file's bytes with a bit flipped in each block, and without its end."""
    for start in range(0, len(data), BLOCK):
        at = min(len(data) - 1, start + len(data) % 7 * 64)
        yield data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
    yield from (data[: len(data) * tenth // 10] for tenth in range(10) if data)
    yield data + b"\0"


def told_of(index: Path) -> Any:
    """What the index answers, or the error's sentence."""
    try:
        return answers(index)
    except IndexDamaged as error:
        return str(error)


def test_a_damaged_file_is_named_and_nothing_parses_it(
    case: Case, monkeypatch: pytest.MonkeyPatch, record_testsuite_property: Callable[[str, object], None]
) -> None:
    index, tried = case.before, 0
    whole = answers(index)
    pointer = (index / files.POINTER).read_bytes()
    _, parts = named(index, json.loads(pointer)["manifest"]["file"], before=False)
    sound = {(index / path).read_bytes() for path in parts}
    parsers = Parsers(monkeypatch)
    assert answers(index) == whole
    arrays = {"read_magic", "read_array_header_1_0", "read_array"}
    assert parsers.used >= {
        "loads",
        "words_from_bytes",
        *({} if case.name == "growth" else arrays | {"deserialize_index"}),
    }
    sound |= set(parsers.given)  # a mapped part's content, without its checksums
    for path in sorted(parts):
        data = (index / path).read_bytes()
        for wrong in damaged(data):
            tried += 1
            parsers.given.clear()
            (index / path).with_suffix(".new").write_bytes(wrong)
            (index / path).with_suffix(".new").replace(index / path)  # the old one may be mapped
            with pytest.raises(IndexDamaged, match=f"{Path(path).name} differs|{Path(path).name} has another size"):
                check(index)
            told = told_of(index)
            assert told == whole or Path(path).name in told, path  # what a question does not touch may be damaged
            assert {given for given in parsers.given if given != pointer} <= sound, path
        (index / path).write_bytes(data)
    assert answers(index) == whole
    record_testsuite_property(f"damage to the files of {case.name}", tried)


def test_a_damaged_pointer_is_refused(case: Case) -> None:
    path, whole = case.before / files.POINTER, answers(case.before)
    data = path.read_bytes()
    try:
        for bit in range(8 * len(data)):
            at = bit // 8
            path.write_bytes(data[:at] + bytes([data[at] ^ 1 << bit % 8]) + data[at + 1 :])
            with pytest.raises((IndexDamaged, IndexMismatch), match=r"CURRENT is damaged|^manifest: |has format \d"):
                check(case.before)
        for length in range(len(data)):
            path.write_bytes(data[:length])
            with pytest.raises(IndexDamaged, match=r"CURRENT is damaged"):
                check(case.before)
    finally:
        path.write_bytes(data)
    assert answers(case.before) == whole


def test_a_damaged_index_is_mended_by_a_rebuild(case: Case) -> None:
    index = case.copy(case.before.parent / "mended")
    manifest, _ = named(index, json.loads((index / files.POINTER).read_bytes())["manifest"]["file"])
    parts = manifest["segments"][0]["parts"] if "segments" in manifest else manifest["parts"]
    part = index / files.PARTS / parts["vectors"]["file"]
    data = part.read_bytes()
    part.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    with pytest.raises(IndexDamaged, match=part.name):
        check(index)
    rag.build(case.documents, index, encoder=small(), settings=case.settings, rebuild=True)
    assert answers(index) == case.new
