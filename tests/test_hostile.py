"""Some 600 damaged and hostile files in one folder cost themselves and nothing else; ``hostile/make.py`` makes them."""

from __future__ import annotations

import os
import socket
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest
from hostile.containers import KINDS
from hostile.make import make, sentence

import rag
from rag.index import Index
from rag.settings import Settings
from rag.stores.local import LocalStore
from rag.stores.opening import open_store
from tests.small_encoder import SmallEncoder

LIMITS = Settings(max_file_bytes=4 << 20, read_seconds=5, read_megabytes=512, ocr=())  # lower, to be met sooner
pytestmark = pytest.mark.slow
SECRET = "the-secret-that-nothing-may-include"
SIDECAR = ".meta.json"


@dataclass(frozen=True)
class Built:
    """The folder, its index, and why files or parts of them were left out."""

    folder: Path
    index: Index
    store: LocalStore
    reasons: dict[str, list[str]]
    asked: bool  # whether anything asked for the page that nothing may ask for

    @property
    def indexed(self) -> set[str]:
        return set(self.store.documents)

    def files(self, place: str) -> set[str]:
        return {f"{place}/{path.name}" for path in (self.folder / place).iterdir() if not path.is_dir()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    work = tmp_path_factory.mktemp("hostile")
    secret = work / "secret.txt"
    secret.write_text(SECRET, "utf-8")
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.setblocking(False)
        make(work / "folder", f"http://127.0.0.1:{canary.getsockname()[1]}/canary", secret)
        index = rag.build(work / "folder", work / "index", settings=LIMITS, encoder=SmallEncoder())
        try:
            canary.accept()[0].close()
            asked = True
        except BlockingIOError:
            asked = False
    assert index.report is not None
    reasons: dict[str, list[str]] = defaultdict(list)
    for each in index.report.skipped:
        reasons[each.file].append(each.reason)
    return Built(work / "folder", index, open_store(work / "index"), reasons, asked)


@pytest.mark.parametrize("kind", KINDS)
def test_good_file_beside_hostile_ones_is_found(built: Built, kind: str) -> None:
    name = f"good/{kind}.{kind}"
    hits = [hit for hit in built.index.search(sentence(kind), k=50) if hit.document == name]
    assert [sentence(kind) in hit.quote for hit in hits] == [True]
    assert name not in built.reasons


def test_there_are_hundreds_of_them(built: Built) -> None:
    assert len(built.files("refused") | built.files("any")) > 500


def test_what_nobody_can_read_is_named_and_not_indexed(built: Built) -> None:
    assert built.files("refused") & built.indexed == set()
    assert built.files("refused") - set(built.reasons) == set()


def test_every_other_file_is_indexed_or_named(built: Built) -> None:
    documents = {name for name in built.files("any") if not name.endswith(SIDECAR)}
    assert documents - built.indexed - set(built.reasons) == set()


def test_folders_and_links_are_named(built: Built) -> None:
    assert "refused/above/" in built.reasons or os.name != "posix"
    assert not any(name.startswith("refused/above/") for name in built.indexed)


def test_reasons_are_one_plain_line_and_no_fault_of_a_reader(built: Built) -> None:
    odd = {
        (name, reason)
        for name, reasons in built.reasons.items()
        for reason in reasons
        if "report it" in reason or "Traceback" in reason or "\n" in reason or not 5 < len(reason) < 400
    }
    assert odd == set()


def test_password_is_told_as_the_reason(built: Built) -> None:
    locked = {name: built.reasons[name] for name in built.files("refused") if "/password" in name}
    assert len(locked) == 10
    assert {name for name, reasons in locked.items() if "password" not in reasons[0]} == set()


def test_damaged_sidecar_costs_what_it_says_and_not_its_document(built: Built) -> None:
    documents = {name for name in built.files("any") if f"{name}{SIDECAR}" in built.files("any")}
    assert len(documents) == 13
    assert documents - built.indexed == set()


def test_nothing_outside_a_file_is_included_or_fetched(built: Built) -> None:
    assert not built.asked
    assert {name for name in built.indexed if SECRET in built.store.document(name).text} == set()
