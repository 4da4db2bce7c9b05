"""What only an index in Milvus does: a server that is killed and comes back, shards, versions, credentials."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from itertools import count
from pathlib import Path
from typing import Any

import grpc
import pytest
from pymilvus import MilvusClient, MilvusException

import rag
from rag import export, remote
from rag.address import Address, place
from rag.errors import (
    ConfigurationError,
    IndexAway,
    IndexBusy,
    IndexDamaged,
    IndexMismatch,
    IndexMissing,
    IndexUnusable,
)
from rag.index import build_share, check
from rag.settings import Settings
from rag.stores.milvus import publishing, state
from rag.stores.milvus import server as milvus_server
from rag.stores.milvus.layout import Names
from rag.stores.milvus.notes import Notes
from rag.stores.milvus.server import Server
from rag.stores.milvus.state import Share
from rag.types import BuildReport, Filters, Matrix
from tests.milvus_server import MilvusServer, running
from tests.small_encoder import SmallEncoder, SmallSecond
from tests.small_mapped import some_texts

SETTINGS = Settings(ocr=(), milvus_seconds=30)
QUESTIONS = ("заседание комиссии о бюджете города", "What did the council decide about the bridge?", "106 школа")
names = (f"milvus_{number}" for number in count())


class Hooked(SmallEncoder):
    """Calls something before it embeds documents for the ``at``-th time."""

    def __init__(self, hook: Callable[[], object], at: int = 3) -> None:
        super().__init__(second=SmallSecond())
        object.__setattr__(self, "calls", [hook, at])

    def encode_documents(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Matrix:
        calls = self.__dict__["calls"]
        calls[1] -= 1
        if calls[1] == 0:
            calls[0]()
        return super().encode_documents(texts, progress)


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    for path, text in some_texts(1, 12).items():
        (tmp_path / "documents" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "documents" / path).write_text(text, encoding="utf-8")
    return tmp_path / "documents"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[MilvusServer]:
    """A server of the test's own."""
    with running(tmp_path / "milvus") as server:
        yield server


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "BATCH", 8)  # passages: two documents


def small() -> SmallEncoder:
    return SmallEncoder(second=SmallSecond())


def build(documents: Path, index: str, encoder: SmallEncoder | None = None, **options: bool) -> rag.Index:
    return rag.build(documents, index, encoder=encoder or small(), settings=SETTINGS, **options)


def answers(index: rag.Index) -> list[object]:
    return [(index.ask(question), index.search(question)) for question in QUESTIONS]


def right(documents: Path) -> list[object]:
    return answers(build(documents, str(documents.parent / "right")))


def collections(server: MilvusServer, name: str) -> list[str]:
    client = MilvusClient(f"http://127.0.0.1:{server.port}")
    return sorted(each.removeprefix(name) for each in client.list_collections() if each.startswith(f"{name}_"))


# -- a server that goes away


def test_what_a_build_wrote_is_sealed_before_it_is_shown_and_a_small_change_is_not(
    milvus: MilvusServer, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, str]] = []

    def recorded(name: str) -> Callable[..., Any]:
        call = getattr(MilvusClient, name)

        def record(self: object, collection: str, *given: Any, **named: Any) -> Any:
            calls.append((name, collection.removeprefix("sealed_")))
            return call(self, collection, *given, **named)

        return record

    for name in ("flush", "create_alias", "alter_alias"):
        monkeypatch.setattr(MilvusClient, name, recorded(name))
    monkeypatch.setattr(publishing, "SEALED", 5)
    build(documents, milvus.url("sealed"))
    kinds = ("passages", "sentences", "documents", "terms")
    assert calls == [*(("flush", f"g1_{kind}") for kind in kinds), ("create_alias", "m1")]
    calls.clear()
    (documents / "new.txt").write_text("Одно новое предложение.\n", "utf-8")
    assert answers(build(documents, milvus.url("sealed"))) == right(documents)
    assert calls == [("alter_alias", "m2")]


@pytest.mark.usefixtures("small_batches")
def test_a_build_goes_on_where_the_server_is_killed_and_comes_back(own: MilvusServer, documents: Path) -> None:
    def crash() -> None:
        own.kill()
        threading.Timer(0.3, own.start).start()

    built = build(documents, own.url("one"), Hooked(crash))
    assert built.report is not None
    assert built.report.added == 12
    assert answers(built) == right(documents)
    assert check(own.url("one"))["passages"] == 48


@pytest.mark.usefixtures("small_batches")
def test_a_build_whose_server_stays_away_is_gone_on_with_later(own: MilvusServer, documents: Path) -> None:
    impatient = Settings(ocr=(), milvus_seconds=0.5)
    with pytest.raises(IndexAway, match=r"^Milvus at 127\.0\.0\.1:\d+ does not answer: start it"):
        rag.build(documents, own.url("one"), encoder=Hooked(own.kill), settings=impatient)
    own.start()
    with pytest.raises(IndexMissing):
        check(own.url("one"))
    encoder = small()
    built = build(documents, own.url("one"), encoder)
    assert built.report is not None
    assert built.report.added == 12
    assert len(encoder.encoded) == 160  # of 240: two batches of the broken build were written
    assert answers(built) == right(documents)


@pytest.mark.usefixtures("small_batches")
def test_a_killed_builder_is_taken_over_at_once(own: MilvusServer, documents: Path) -> None:
    code = (
        "import os, sys, rag; from rag import remote; from tests.test_milvus import Hooked, SETTINGS; remote.BATCH = 8;"
        " rag.build(sys.argv[1], sys.argv[2], encoder=Hooked(lambda: os._exit(9)), settings=SETTINGS)"
    )
    root = Path(__file__).resolve().parent.parent
    died = subprocess.run([sys.executable, "-c", code, str(documents), own.url("one")], cwd=root, check=False)
    assert died.returncode == 9
    encoder = small()
    assert answers(build(documents, own.url("one"), encoder)) == right(documents)
    assert len(encoder.encoded) == 160


@pytest.mark.usefixtures("small_batches")
def test_what_a_broken_build_has_written_of_a_document_that_has_changed_since_is_not_kept(
    own: MilvusServer, documents: Path
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(documents, own.url("one"), Hooked(interrupt))
    (documents / "1" / "00.md").write_text("Новый текст о заводе.", encoding="utf-8")
    (documents / "1" / "01.txt").unlink()
    assert answers(build(documents, own.url("one"))) == right(documents)
    assert check(own.url("one"))["documents"] == 11


def test_a_question_waits_for_a_server_that_is_killed_and_comes_back(own: MilvusServer, documents: Path) -> None:
    built = build(documents, own.url("one"))
    before = answers(built)
    own.kill()
    back = threading.Timer(0.3, own.start)
    back.start()
    fresh = answers(built)  # the first words are known, the rest is asked
    back.join()
    assert fresh == before == answers(rag.open(own.url("one"), encoder=small(), settings=SETTINGS))
    own.kill()
    own.start()
    assert answers(rag.open(own.url("one"), encoder=small(), settings=SETTINGS)) == before


def test_rows_are_read_on_where_the_server_has_let_the_collection_go_between_two_pages(
    milvus: MilvusServer, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(milvus_server, "PAGE", 64)  # four pages of 16 rows
    name = next(names)
    build(documents, milvus.url(name))
    client = MilvusClient(f"http://127.0.0.1:{milvus.port}")
    rows = Server(Address("127.0.0.1", milvus.port, name), SETTINGS).rows(f"{name}_g1_passages", "number >= 0", ["key"])
    read = [next(rows) for _ in range(16)]
    client.release_collection(f"{name}_g1_passages")
    assert len({row["number"] for row in [*read, *rows]}) == 48


def test_what_keeps_a_collection_from_being_loaded_again_is_told(
    milvus: MilvusServer, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = next(names)
    opened = build(documents, milvus.url(name))
    monkeypatch.setattr(opened.store.server, "_wait", 0.5)
    MilvusClient(f"http://127.0.0.1:{milvus.port}").release_collection(f"{name}_g1_passages")

    def fail(*_: object, **__: object) -> None:
        raise MilvusException(1, "No data left in file")

    monkeypatch.setattr(MilvusClient, "load_collection", fail)
    with pytest.raises(IndexUnusable, match=r"answers with an error: No data left in file"):
        opened.search("мост через реку")


def test_a_server_that_is_not_there_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    port = MilvusServer(tmp_path).port
    settings = Settings(milvus_seconds=0.5, milvus_user="anna", milvus_password="s3cret", milvus_token="t0ken")
    with caplog.at_level(logging.DEBUG), pytest.raises(IndexUnusable) as told:
        rag.open(f"milvus://127.0.0.1:{port}/one", encoder=small(), settings=settings)
    expected = f"Milvus at 127.0.0.1:{port} does not answer: start it, or check the address, SNOSKA_MILVUS_TLS and _CA"
    assert str(told.value) == expected
    assert told.value.__cause__ is None
    assert not any(secret in caplog.text + repr(settings) for secret in ("s3cret", "t0ken"))


# -- versions and credentials


class Refusing(grpc.GenericRpcHandler):
    """A server that refuses every call and repeats what it was told."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        told = dict(handler_call_details.invocation_metadata)

        def refuse(_: bytes, context: grpc.ServicerContext) -> bytes:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, f"auth check failure: {told}, s3cret, t0ken")
            return b""

        return grpc.unary_unary_rpc_method_handler(refuse)


class Slow(grpc.RpcError):
    """What gRPC raises, and pymilvus passes on as it is, where a server that took a call does not answer it."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.DEADLINE_EXCEEDED

    def details(self) -> str:
        return "Deadline Exceeded, asked with s3cret"


class Full(Slow):
    """As a proxy in between answers that has too much to do."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    ("failure", "kind", "words"),
    [
        (Slow(), IndexAway, "does not answer: start it, or check the address, SNOSKA_MILVUS_TLS and _CA"),
        (Full(), IndexUnusable, r"answers with an error: Deadline Exceeded, asked with \*\*\*"),
    ],
)
def test_an_error_of_the_network_itself_is_told_in_a_sentence(
    milvus: MilvusServer, documents: Path, monkeypatch: pytest.MonkeyPatch, failure: Slow, kind: type, words: str
) -> None:
    name = next(names)
    build(documents, milvus.url(name))
    settings = Settings(milvus_seconds=1, milvus_token="s3cret")
    opened = rag.open(milvus.url(name), encoder=small(), settings=settings)

    def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(MilvusClient, "search", fail)
    with pytest.raises(kind, match=rf"^Milvus at 127\.0\.0\.1:\d+ {words}$"):
        opened.search(QUESTIONS[0])


@pytest.mark.parametrize("given", [{"milvus_user": "anna", "milvus_password": "s3cret"}, {"milvus_token": "t0ken"}])
def test_refused_credentials_are_not_repeated(given: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    server = grpc.server(futures.ThreadPoolExecutor(2), handlers=(Refusing(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    settings = Settings(milvus_seconds=1, **given)  # type: ignore[arg-type]
    with caplog.at_level(logging.DEBUG), pytest.raises(IndexUnusable) as told:
        rag.open(f"milvus://127.0.0.1:{port}/one", encoder=small(), settings=settings)
    server.stop(None).wait()
    assert str(told.value) == (
        f"Milvus at 127.0.0.1:{port} refuses these credentials: set SNOSKA_MILVUS_USER and SNOSKA_MILVUS_PASSWORD,"
        " or SNOSKA_MILVUS_TOKEN"
    )
    assert not any(secret in caplog.text for secret in ("s3cret", "t0ken"))


def test_an_older_server_is_refused(milvus: MilvusServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MilvusClient, "get_server_version", lambda *_, **__: "v2.3.21")
    with pytest.raises(ConfigurationError, match=r"is v2\.3\.21, Snoska needs 2\.5 or newer: update it"):
        check(milvus.url("one"))


def test_shards_and_replicas_are_those_of_the_settings(
    milvus: MilvusServer, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, object]] = []
    create, load = MilvusClient.create_collection, MilvusClient.load_collection

    def creating(self: MilvusClient, name: str, **given: Any) -> Any:
        told.append((name.partition("_")[2], given["num_shards"]))
        return create(self, name, **given)

    def loading(self: MilvusClient, name: str, **given: Any) -> Any:
        told.append((name.partition("_")[2], f"{given.pop('replica_number')} replicas"))
        return load(self, name, **given)  # the one server of the tests has room for one

    monkeypatch.setattr(MilvusClient, "create_collection", creating)
    monkeypatch.setattr(MilvusClient, "load_collection", loading)
    settings = Settings.from_environment({"SNOSKA_MILVUS_SHARDS": "4", "SNOSKA_MILVUS_REPLICAS": "3"})
    rag.build(documents, milvus.url("spread"), encoder=small(), settings=settings)
    data = ("passages", "sentences", "documents", "terms")
    assert {name: number for name, number in told if isinstance(number, int)} == {
        **dict.fromkeys((f"g1_{kind}" for kind in data), 4),
        "state": 1,
        "m1": 1,
    }
    assert {number for _, number in told if isinstance(number, str)} == {"3 replicas"}


@pytest.mark.parametrize("value", ["0", "17", "-1", "1.5", "two", "４", "9" * 5000])
def test_a_number_of_shards_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(ConfigurationError, match=r"is not a whole number from 1 to 16$"):
        Settings.from_environment({"SNOSKA_MILVUS_SHARDS": value})


def test_a_missing_client_is_named(milvus: MilvusServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'snoska\[milvus\]'"):
        check(milvus.url("one"))


@pytest.mark.parametrize(
    ("version", "words"), [("99", "use a newer Snoska"), ("0", "build it anew under another name"), ("x", "is not")]
)
def test_another_schema_is_refused(milvus: MilvusServer, documents: Path, version: str, words: str) -> None:
    name = next(names)
    build(documents, milvus.url(name))
    client = MilvusClient(f"http://127.0.0.1:{milvus.port}")
    client.alter_collection_properties(f"{name}_m1", {"snoska.schema": version})
    for use in (check, lambda index: build(documents, index)):
        with pytest.raises(IndexMismatch, match=words):
            use(milvus.url(name))


def test_a_collection_of_others_is_left_alone(milvus: MilvusServer, documents: Path) -> None:
    name = next(names)
    client = MilvusClient(f"http://127.0.0.1:{milvus.port}")
    client.create_collection(name, dimension=4)
    for use in (check, lambda index: build(documents, index)):
        with pytest.raises(IndexMismatch, match=f"{name} is not Snoska's: name another --index"):
            use(milvus.url(name))


@pytest.mark.parametrize(
    "address",
    [
        *(
            "milvus://host/one",
            "milvus://host:19530",
            "milvus://host:0/one",
            "milvus://host:1/о",
            "milvus://host:1/a-b",
        ),
        *("MILVUS://host:1/a-b", "http://host:19530/one", "milvuss://host:1/one", " ftp://host", "milvus:one"),
    ],
)
def test_an_address_that_is_none_is_told(address: str) -> None:
    with pytest.raises(ConfigurationError, match=r"milvus://HOST:PORT/COLLECTION"):
        place(address)


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(ConfigurationError, match="SNOSKA_MILVUS_PASSWORD") as told:
        place("milvus://anna:s3cret@host:19530/one")
    assert "s3cret" not in str(told.value)
    for more in ("milvus://h:1/x?p=s3cret", "milvus://h:1/x#s3cret", "milvus://h:1/x;s3cret", "http://u:s3cret@h:1/x"):
        with pytest.raises(ConfigurationError, match=r"milvus://HOST:PORT/COLLECTION") as told:
            place(more)
        assert "s3cret" not in str(told.value)


def test_addresses_are_read() -> None:
    assert place("milvus://db.example:19530/press") == Address("db.example", 19530, "press")
    assert place(Path("milvus://[::1]:1/a")) == Address("[::1]", 1, "a")
    assert place("Milvus://db.example:19530/press") == Address("db.example", 19530, "press")
    for folder in ("milvus", r"C:\x", "C:/x", "c://x", "a/b://c", "/a:/b", "notes:2025/a"):
        assert place(folder) == Path(folder)


@pytest.mark.parametrize("port", ["0", "65536", "99999", pytest.param("1" * 5000, id="long")])
def test_a_port_that_is_none_is_told(port: str) -> None:
    with pytest.raises(ConfigurationError, match=r"the port in .* is a number from 1 to 65535"):
        place(f"milvus://host:{port}/one")


# -- what is kept and what is swept


def test_a_builder_that_was_silent_while_it_sealed_shows_nothing(
    milvus: MilvusServer, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def long(*_: object) -> None:
        monkeypatch.setattr(state, "LEASE", 0.0)  # as if so much time had gone by

    name = next(names)
    with monkeypatch.context() as patched:
        patched.setattr(publishing, "_seal", long)
        with pytest.raises(IndexBusy, match=r"^this build could not reach "):
            build(documents, milvus.url(name))
    monkeypatch.setattr(state, "LEASE", 120.0)
    with pytest.raises(IndexMissing):
        check(milvus.url(name))
    assert answers(build(documents, milvus.url(name))) == right(documents)


def test_rows_that_are_missing_are_told(milvus: MilvusServer, documents: Path) -> None:
    name = next(names)
    build(documents, milvus.url(name))
    client = MilvusClient(f"http://127.0.0.1:{milvus.port}")
    client.delete(f"{name}_g1_passages", filter="document == 3")
    with pytest.raises(IndexDamaged, match=f"{name}_g1_passages has 44 rows of 48: run 'snoska build --rebuild'"):
        check(milvus.url(name))
    build(documents, milvus.url(name), rebuild=True)
    assert check(milvus.url(name))["passages"] == 48


def test_two_generations_are_kept(milvus: MilvusServer, documents: Path) -> None:
    name = next(names)
    data = ["documents", "passages", "sentences", "terms"]
    for number in (1, 2, 3):
        (documents / "1" / "00.md").write_text(f"Текст под номером {number}.", encoding="utf-8")
        opened = build(documents, milvus.url(name))
    assert collections(milvus, name) == [*(f"_g1_{kind}" for kind in data), "_m2", "_m3", "_state"]
    server = Server(Address("127.0.0.1", milvus.port, name), SETTINGS)
    assert server.count(f"{name}_g1_documents", 'part == "head"') == 13  # the last generation's one is dead, not gone
    assert answers(opened) == right(documents)
    build(documents, milvus.url(name), rebuild=True)
    (documents / "1" / "00.md").write_text("Текст под номером 5.", encoding="utf-8")
    build(documents, milvus.url(name))
    assert collections(milvus, name) == [*(f"_g4_{kind}" for kind in data), "_m4", "_m5", "_state"]


def test_the_vocabulary_of_many_builds_is_made_one(
    milvus: MilvusServer, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "RUNS", 2)
    name = next(names)
    counted = []
    for number in range(5):
        (documents / "1" / "00.md").write_text(f"Слово{number} завод.", encoding="utf-8")
        opened = build(documents, milvus.url(name))
        counted.append(len(opened.store.manifest["runs"]))
    assert counted == [1, 2, 2, 2, 2]
    assert [opened.store.knows(f"слово{number}") for number in range(5)] == [False] * 4 + [True]
    assert answers(opened) == right(documents)


def test_a_second_builder_is_told_to_wait(milvus: MilvusServer, documents: Path) -> None:
    name = next(names)
    server = Server(Address("127.0.0.1", milvus.port, name), SETTINGS)
    held = state.State(server, Names(name))
    with held.held(Share(1, 3), "kind"):
        with pytest.raises(IndexBusy, match=r"is building milvus://.*: wait until it has finished"):
            build(documents, milvus.url(name))
        with pytest.raises(IndexBusy):
            shard(documents, milvus.url(name), "1/3")
        with pytest.raises(IndexBusy, match="with another model, version or --rebuild: give all parts the same"):
            shard(documents, milvus.url(name), "2/3")
    build(documents, milvus.url(name))


def holder(notes: Notes) -> dict[str, object]:
    """The one note that says who is building."""
    (own,) = [value for name, value in notes.read().items() if name.startswith("busy/")]
    return dict(own)


def until(happens: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not happens():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.02)


def test_a_builder_says_that_it_is_alive_whatever_it_is_at(
    milvus: MilvusServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "RENEW", 0.02)
    held = state.State(Server(Address("127.0.0.1", milvus.port, next(names)), SETTINGS), Names(f"busy_{next(names)}"))
    with held.held(Share(), "kind"):
        first = holder(held.notes)["at"]
        until(lambda: holder(held.notes)["at"] != first)
        held.require(Share())
    assert held.notes.read() == {}


@pytest.mark.parametrize("renew", [0.02, 100.0], ids=["awake again", "still asleep"])
def test_a_builder_that_was_silent_for_too_long_writes_no_more(
    milvus: MilvusServer, monkeypatch: pytest.MonkeyPatch, renew: float
) -> None:
    monkeypatch.setattr(state, "RENEW", renew)
    name = next(names)
    server = Server(Address("127.0.0.1", milvus.port, name), SETTINGS)
    slept, other = state.State(server, Names(name)), state.State(server, Names(name))
    with slept.held(Share(), "kind"):
        monkeypatch.setattr(state, "LEASE", 0.0)  # as if so much time had gone by
        with other.held(Share(), "kind"):
            until(lambda: slept._lapsed or renew > 1)
            with pytest.raises(IndexBusy, match=f"^this build could not reach {server.address} for 0 seconds, and "):
                slept.require(Share())
        monkeypatch.setattr(state, "LEASE", 120.0)
        if renew < 1:  # what it has missed meanwhile it cannot know
            with pytest.raises(IndexBusy):
                slept.require(Share())


def test_a_lease_is_renewed_after_any_failure(milvus: MilvusServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "RENEW", 0.02)
    name = next(names)
    held = state.State(Server(Address("127.0.0.1", milvus.port, name), SETTINGS), Names(name))
    upsert, failures = MilvusClient.upsert, [Slow(), MilvusException(100, "gone")]
    waits: list[float] = []

    def failing(self: MilvusClient, *given: Any, **named: Any) -> Any:
        waits.append(named["timeout"])
        if failures:
            raise failures.pop()
        return upsert(self, *given, **named)

    with held.held(Share(), "kind"):
        monkeypatch.setattr(MilvusClient, "upsert", failing)
        first = holder(held.notes)["at"]
        until(lambda: not failures and holder(held.notes)["at"] != first)
    assert set(waits) == {state.AGAIN}  # the server may be away for longer than the lease lasts


def test_builders_read_all_that_was_written_and_questions_do_not_wait_for_it(
    milvus: MilvusServer, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    levels: list[tuple[str, str]] = []
    client = MilvusClient(f"http://127.0.0.1:{milvus.port}")
    for method in ("create_collection", "query", "search", "query_iterator"):
        call = getattr(MilvusClient, method)

        def noted(self: MilvusClient, *given: Any, call: Any = call, method: str = method, **named: Any) -> Any:
            levels.append((method, named.get("consistency_level", "its collection's")))
            return call(self, *given, **named)

        monkeypatch.setattr(MilvusClient, method, noted)
    name = next(names)
    opened = build(documents, milvus.url(name))
    assert {level for method, level in levels if method == "create_collection"} == {"Strong"}
    assert {level for method, level in levels if method == "query_iterator"} == {"its collection's"}
    assert {client.describe_collection(f"{name}_{kind}")["consistency_level"] for kind in ("state", "m1")} == {0}
    levels.clear()
    opened.search("мост через реку")
    assert {level for method, level in levels if method != "query_iterator"} == {"Bounded"}


@pytest.mark.parametrize(
    ("place", "pid", "is_alive"),
    [
        ("another machine, or another container of this one", 1, True),
        (state._place(), os.getpid(), False),  # this process holds nothing
        (state._place(), 2**22 + 1, False),  # no process has so high a number
        (state._place(), os.getppid(), True),
    ],
    ids=["elsewhere", "this process", "a dead one", "a living one"],
)
def test_a_process_is_known_by_its_number_only_where_that_is_its_own(place: str, pid: int, is_alive: bool) -> None:
    holder = {"host": "node", "place": place, "pid": pid, "token": "a", "at": time.time()}
    assert state._alive("busy/0/1", holder) is is_alive
    assert not state._alive("busy/0/1", {**holder, "at": time.time() - 121})


def test_any_file_name_is_found_and_filtered_by(milvus: MilvusServer, tmp_path: Path) -> None:
    paths = ["it's.txt", 'a "quoted".txt', "back\\slash.txt", "new\nline.txt", "ctl\x01.txt", "100%_[x].txt", "🙂.txt"]
    (tmp_path / "documents").mkdir()
    for number, path in enumerate(paths):
        (tmp_path / "documents" / path).write_text(f"Мост номер {number}.", encoding="utf-8")
    opened, local = (build(tmp_path / "documents", index) for index in (milvus.url(next(names)), str(tmp_path / "i")))
    for path in paths:
        assert opened.document(path).text == local.document(path).text
        for glob in (path, f"{path[:3]}*", f"*{path[3:]}", f"?{path[1:]}"):
            found = opened.search("мост", filters=Filters(document=glob))
            assert found == local.search("мост", filters=Filters(document=glob))
    assert opened.search("мост", filters=Filters(document="\ud800*")) == []
    assert opened.search("мост", filters=Filters(language='ru" or version > 0 or "')) == []


@pytest.mark.usefixtures("small_batches")
def test_a_first_build_asks_milvus_for_no_text_but_repeated_ones(
    milvus: MilvusServer, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    call = Server._call

    def noted(self: Server, method: str, *given: object, **named: object) -> object:
        where = str(named.get("filter"))
        asked.extend(re.findall('"([0-9a-f]+)"', where) if where.startswith("key in [") else ())
        return call(self, method, *given, **named)

    monkeypatch.setattr(Server, "_call", noted)
    build(documents, milvus.url(next(names)))
    assert asked == []
    for path in documents.rglob("*.txt"):
        path.write_text(f"{path.read_text('utf-8')}\n\nЭта строка стоит везде.\n", "utf-8")
    encoder = small()
    build(documents, milvus.url(next(names)), encoder)
    assert len(set(asked)) == 1
    assert encoder.encoded.count("Эта строка стоит везде.") == 1


@pytest.mark.usefixtures("small_batches")
def test_a_text_that_all_documents_repeat_is_not_fetched_from_all(
    milvus: MilvusServer, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in sorted(documents.rglob("*.*")):
        path.write_text(f"{path.read_text('utf-8')}\n\nВсе права защищены.", "utf-8")
    monkeypatch.setattr(remote, "ROWS", 3)
    fetched: list[int] = []
    call = Server._call

    def counted(self: Server, method: str, *args: object, **kwargs: object) -> object:
        found = call(self, method, *args, **kwargs)
        if "key in [" in str(kwargs.get("filter")):
            fetched.append(len(found))
        return found

    monkeypatch.setattr(Server, "_call", counted)
    assert answers(build(documents, milvus.url(next(names)))) == right(documents)
    assert max(fetched) == 3


def test_a_phrase_that_many_hold_is_found_by_few_calls(
    milvus: MilvusServer, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = build(documents, milvus.url(next(names))).store
    called: list[str] = []
    call = Server._call

    def counted(self: Server, method: str, *args: object, **kwargs: object) -> object:
        called.append(method)
        return call(self, method, *args, **kwargs)

    monkeypatch.setattr(Server, "_call", counted)
    assert len(store.holding("пункт под номером")) == 32
    assert called == ["query", "search", "query"]  # the words' frequencies, the passages, their texts


# -- shards


def shard(documents: Path, index: str, part: str, encoder: SmallEncoder | None = None, **options: bool) -> BuildReport:
    return build_share(documents, index, Share.parse(part), encoder=encoder or small(), settings=SETTINGS, **options)


def test_shards_are_seen_when_all_are_finished_and_answer_as_a_whole_build(
    milvus: MilvusServer, documents: Path
) -> None:
    index = milvus.url(next(names))
    reports = [shard(documents, index, part) for part in ("1/3", "3/3")]
    assert all(0 < report.added == report.documents < 12 and not report.is_shown for report in reports)
    assert export.report_text(reports[0]).endswith(" s; shown when the other parts are finished")
    with pytest.raises(IndexMissing):
        check(index)
    again = small()
    assert shard(documents, index, "0/3", again).added == reports[1].added  # 0 and 3 are one part
    assert again.encoded == []
    last = shard(documents, index, "2/3")
    assert (last.documents, last.passages, last.is_shown) == (12, 48, True)
    assert sum(report.added for report in (*reports, last)) == 12
    assert answers(rag.open(index, encoder=small(), settings=SETTINGS)) == right(documents)
    assert check(index)["languages"] == {"en": 16, "ru": 32}


def test_a_part_that_is_built_again_is_awaited_again(milvus: MilvusServer, documents: Path) -> None:
    """What it had finished was of documents that have changed since."""
    index = milvus.url(next(names))
    shard(documents, index, "1/2")
    for path in sorted(documents.rglob("*.*")):
        path.write_text(f"{path.read_text('utf-8')}\n\nНовый пункт под номером {path.stem}.", "utf-8")

    def follow() -> None:
        shard(documents, index, "2/2")
        with pytest.raises(IndexMissing):
            check(index)

    assert shard(documents, index, "1/2", Hooked(follow, 1)).documents == 12
    assert answers(rag.open(index, encoder=small(), settings=SETTINGS)) == right(documents)


def test_a_part_that_another_has_published_meanwhile_is_done(
    milvus: MilvusServer, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = milvus.url(next(names))
    shard(documents, index, "1/2")
    publish, others = publishing.publish, [lambda: shard(documents, index, "1/2")]

    def late(*given: Any) -> Any:
        if others:
            others.pop()()
        return publish(*given)

    monkeypatch.setattr(publishing, "publish", late)
    monkeypatch.setattr(state.State, "alone", contextlib.nullcontext)  # which holds the other back, but for this moment
    shard(documents, index, "2/2")
    assert answers(rag.open(index, encoder=small(), settings=SETTINGS)) == right(documents)


def test_shards_that_begin_in_the_same_moment_share_what_the_first_has_made(
    milvus: MilvusServer, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each finds no collection and no index, and is then the second to make one."""
    index = milvus.url("race")
    shard(documents, index, "1/2")
    for method, nothing in (("exists", False), ("list_indexes", [])):
        looked: set[str] = set()
        there = getattr(Server, method, None)

        def look(self: Server, name: str, there: Any = there, looked: set[str] = looked, nothing: Any = nothing) -> Any:
            first = name not in looked
            looked.add(name)
            return nothing if first else there(self, name) if there else self._call("list_indexes", name)

        monkeypatch.setattr(Server, method, look, raising=False)
    shard(documents, index, "2/2")
    assert answers(rag.open(index, encoder=small(), settings=SETTINGS)) == right(documents)


def test_shards_bring_an_index_up_to_date(milvus: MilvusServer, documents: Path) -> None:
    index = milvus.url(next(names))
    build(documents, index)
    old = rag.open(index, encoder=small(), settings=SETTINGS)
    (documents / "1" / "02.txt").write_text("Новый текст о заводе.", encoding="utf-8")
    (documents / "1" / "03.txt").unlink()
    with futures.ThreadPoolExecutor(3) as pool:
        parts = [pool.submit(shard, documents, index, f"{number}/3") for number in range(3)]
        reports = [part.result() for part in parts]
    counted = {name: sum(getattr(report, name) for report in reports) for name in ("changed", "removed", "unchanged")}
    assert counted == {"changed": 1, "removed": 1, "unchanged": 10}
    assert sum(report.embedded_texts for report in reports) == 1
    assert old.latest().info()["generation"] == 2
    assert answers(old.latest()) == right(documents)
    for number in range(3):
        assert shard(documents, index, f"{number}/3").embedded_texts == 0
    assert old.latest().info()["generation"] == 2  # nothing has changed


def test_shards_of_another_number_start_anew(milvus: MilvusServer, documents: Path) -> None:
    index = milvus.url(next(names))
    shard(documents, index, "1/3")
    encoder = small()
    build(documents, index, encoder)
    assert len(encoder.encoded) == 240
    assert answers(rag.open(index, encoder=small(), settings=SETTINGS)) == right(documents)


@pytest.mark.parametrize(
    "part", ["", "1", "3/2", "1/0", "a/b", "-1/2", "1/99999", pytest.param(f"{'1' * 5000}/9", id="long"), "１/４"]
)
def test_a_part_that_is_none_is_told(part: str) -> None:
    with pytest.raises(ConfigurationError, match="write it as 1/4"):
        Share.parse(part)


def test_an_index_in_a_folder_has_no_shards(documents: Path) -> None:
    with pytest.raises(ConfigurationError, match="--shard is for an index in Milvus"):
        shard(documents, str(documents.parent / "index"), "1/2")
