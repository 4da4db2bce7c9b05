"""A build into Milvus that ends at any of its calls: the old generation answers or the new one, and the next build
makes the index whole and leaves nothing over."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pymilvus import MilvusClient

import rag
from rag.address import Address
from rag.index import check
from rag.settings import Settings
from rag.stores.milvus.draft import current_manifest
from rag.stores.milvus.layout import DATA, Names
from rag.stores.milvus.notes import read_manifest
from rag.stores.milvus.server import Server
from tests.milvus_server import MilvusServer
from tests.small_encoder import SmallEncoder, SmallSecond
from tests.small_mapped import some_texts

SETTINGS = Settings(ocr=(), milvus_seconds=30)
QUESTIONS = ("заседание комиссии о бюджете города", "What did the council decide about the bridge?", "106 школа")
TRIED = 6  # calls of each case, the long form tries all
names = (f"broken_{number}" for number in itertools.count())


class Died(BaseException):
    """The builder's process is gone: nothing that it would do at its end reaches Milvus."""


@contextmanager
def calls(monkeypatch: pytest.MonkeyPatch, last: int | None = None) -> Iterator[list[str]]:
    """The calls to Milvus, of which no more than the first ``last`` are made."""
    made: list[str] = []
    call = Server._call

    def counted(self: Server, method: str, *given: object, **named: object) -> object:
        if last is not None and len(made) >= last:
            raise Died
        made.append(method)
        return call(self, method, *given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(Server, "_call", counted)
        yield made


def put(documents: Path, texts: dict[str, str]) -> None:
    shutil.rmtree(documents, ignore_errors=True)
    for path, text in texts.items():
        (documents / path).parent.mkdir(parents=True, exist_ok=True)
        (documents / path).write_text(text, encoding="utf-8")


def build(documents: Path, index: str, rebuild: bool) -> rag.Index:
    encoder = SmallEncoder(second=SmallSecond())
    return rag.build(documents, index, encoder=encoder, settings=SETTINGS, rebuild=rebuild)


def answers(index: str) -> list[object]:
    opened = rag.open(index, encoder=SmallEncoder(second=SmallSecond()), settings=SETTINGS)
    return [(opened.ask(question), opened.search(question)) for question in QUESTIONS]


class Case:
    """An index that is changed: by what is new, by all anew."""

    def __init__(self, kind: str, milvus: MilvusServer, place: Path) -> None:
        self.milvus, self.rebuild, self.documents = milvus, kind == "rebuild", place / "documents"
        first = some_texts(1, 3)
        self.first = {} if kind == "start" else first
        self.more = first if kind == "start" else {**dict(list(first.items())[1:]), **some_texts(2, 1)}
        self.old = self._told(place / "old", self.first) if self.first else None
        self.new = self._told(place / "new", self.more)

    def _told(self, index: Path, texts: dict[str, str]) -> list[object]:
        put(self.documents, texts)
        build(self.documents, str(index), rebuild=False)
        return answers(str(index))

    def begin(self) -> str:
        """A new index in Milvus, as it is before the build that breaks off."""
        name = next(names)
        if self.first:
            put(self.documents, self.first)
            build(self.documents, self.milvus.url(name), rebuild=False)
        put(self.documents, self.more)
        return name

    def collections(self, name: str) -> set[str]:
        client = MilvusClient(f"http://127.0.0.1:{self.milvus.port}")
        return {each.removeprefix(f"{name}_") for each in client.list_collections() if each.startswith(f"{name}_")}

    def wanted(self, name: str) -> set[str]:
        """The collections of the current generation and of the one before it."""
        server, own = Server(Address("127.0.0.1", self.milvus.port, name), SETTINGS), Names(name)
        current = current_manifest(server, own)
        assert current is not None
        numbers = [current["generation"], current["generation"] - 1]
        manifests = [
            read_manifest(server, own.manifest(number)) for number in numbers if server.exists(own.manifest(number))
        ]
        sets = {manifest["set"] for manifest in manifests}
        kept = {f"g{made}_{kind}" for made in sets for kind in DATA}
        return {"state", *(f"m{manifest['generation']}" for manifest in manifests), *kept}


@pytest.fixture(scope="module", params=["start", "update", "rebuild"])
def case(request: pytest.FixtureRequest, milvus: MilvusServer, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(request.param, milvus, tmp_path_factory.mktemp(request.param))


def break_off(case: Case, monkeypatch: pytest.MonkeyPatch, tried: int | None) -> None:
    whole = case.milvus.url(case.begin())
    with calls(monkeypatch) as made:
        build(case.documents, whole, case.rebuild)
    swap = max(at for at, method in enumerate(made, 1) if method in ("create_alias", "alter_alias"))
    some = [*range(1, swap, swap // (tried - 3)), swap - 1, swap, swap + 2] if tried else range(1, len(made))
    for number in some:
        name = case.begin()
        index, told = case.milvus.url(name), f"after {number} calls, the last {made[number - 1]}"
        with calls(monkeypatch, number), pytest.raises(Died):
            build(case.documents, index, case.rebuild)
        if number >= swap or case.old:
            assert answers(index) == (case.new if number >= swap else case.old), told
        build(case.documents, index, rebuild=False)
        assert answers(index) == case.new, told
        assert check(index)["documents"] == len(case.more), told
        assert case.collections(name) == case.wanted(name), told


def test_broken_off_at_a_call_the_old_or_the_new_generation_answers(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_off(case, monkeypatch, TRIED)


@pytest.mark.soak
def test_broken_off_at_every_call_the_old_or_the_new_generation_answers(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_off(case, monkeypatch, None)
