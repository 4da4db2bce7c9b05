"""Encrypted connections, tried: Milvus, a server of embeddings and a language model, each behind a forwarder that ends
TLS with a certificate that only the test's own authority has signed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymilvus import MilvusClient

import rag
from rag.encoders import server
from rag.encoders.server import EmbeddingsServer, Session
from rag.errors import ConfigurationError, GenerationError, IndexAway, IndexUnusable, ModelError
from rag.generation.endpoint import Endpoint
from rag.settings import Settings
from tests.certificates import Authority
from tests.embeddings_server import ServedModel, served_model
from tests.forwarder import forwarding
from tests.milvus_server import MilvusServer
from tests.scripted_model import ScriptedModel, scripted_model
from tests.small_encoder import SmallEncoder
from tests.small_mapped import some_texts

HOST = "127.0.0.1"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("stranger"))


def environment(**given: object) -> Settings:
    return Settings.from_environment({f"SNOSKA_{name}": str(value) for name, value in given.items()})


# -- Milvus


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documents")
    for path, text in some_texts(1, 4).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def encrypted(milvus: MilvusServer, authority: Authority) -> Iterator[int]:
    """The port of Milvus behind TLS."""
    with forwarding(milvus.port, authority.server(HOST)) as port:
        yield port


def open_index(port: int, **given: object) -> rag.Index:
    settings = environment(MILVUS_SECONDS=1, **given)
    return rag.open(f"milvus://{HOST}:{port}/encrypted", encoder=SmallEncoder(), settings=settings)


def test_an_index_is_built_and_asked_over_an_encrypted_connection(
    encrypted: int, authority: Authority, documents: Path, tmp_path: Path
) -> None:
    settings = environment(MILVUS_CA=authority.file, MILVUS_SECONDS=30)
    address, question = f"milvus://{HOST}:{encrypted}/encrypted", "What did the council decide about the bridge?"
    built = rag.build(documents, address, encoder=SmallEncoder(), settings=settings)
    local = rag.build(documents, tmp_path / "index", encoder=SmallEncoder())
    assert built.search(question) == local.search(question) != []


@pytest.mark.parametrize("given", ["no encryption", "no authority", "another authority"])
def test_a_server_that_cannot_be_known_is_told_in_a_sentence(
    encrypted: int, stranger: Authority, given: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings = {"no encryption": {}, "no authority": {"MILVUS_TLS": "on"}}.get(given, {"MILVUS_CA": stranger.file})
    with caplog.at_level(logging.DEBUG), pytest.raises(IndexUnusable) as told:
        open_index(encrypted, MILVUS_PASSWORD="s3cret", MILVUS_USER="anna", **settings)
    assert str(told.value).startswith(f"Milvus at {HOST}:{encrypted} does not answer: start it, or check the address")
    assert "\n" not in str(told.value)
    assert "s3cret" not in str(told.value) + caplog.text


def test_a_server_with_another_ones_certificate_is_refused(milvus: MilvusServer, authority: Authority) -> None:
    with forwarding(milvus.port, authority.server("other.example")) as port:
        told = rf"^Milvus at {HOST}:{port} shows the certificate of another name: correct the address, or the certific"
        with pytest.raises(IndexAway, match=told):
            open_index(port, MILVUS_CA=authority.file)


def test_an_authority_that_is_no_file_of_certificates_is_told_wherever_it_is_named(
    encrypted: int, tmp_path: Path
) -> None:
    settings = Settings(milvus_ca=tmp_path / "none.pem", milvus_seconds=1)
    with pytest.raises(ConfigurationError, match=r"^SNOSKA_MILVUS_CA='.*none\.pem' is no file of certificates"):
        rag.open(f"milvus://{HOST}:{encrypted}/encrypted", encoder=SmallEncoder(), settings=settings)


def test_a_plain_server_is_not_taken_for_an_encrypted_one(milvus: MilvusServer, authority: Authority) -> None:
    with pytest.raises(IndexUnusable, match=rf"^Milvus at {HOST}:{milvus.port} does not answer: start it, or check"):
        open_index(milvus.port, MILVUS_CA=authority.file)


class Seen(Exception):
    """What is looked for has been called."""


def test_database_user_and_authority_reach_the_client(monkeypatch: pytest.MonkeyPatch, authority: Authority) -> None:
    """milvus-lite has no users."""
    given: list[tuple[Any, ...]] = []

    def client(_: object, *values: Any, **named: Any) -> None:
        given.append((*values, named))
        raise Seen

    monkeypatch.setattr(MilvusClient, "__init__", client)
    with pytest.raises(Seen):
        open_index(1, MILVUS_DATABASE="press", MILVUS_USER="anna", MILVUS_PASSWORD="p", MILVUS_CA=authority.file)
    with pytest.raises(Seen):
        open_index(1, MILVUS_TOKEN="t0ken", MILVUS_TLS="on")
    usual = {"timeout": 1.0, "dedicated": True, "secure": True}
    who = {"token": "", "db_name": "press", "user": "anna", "password": "p", "server_pem_path": str(authority.file)}
    assert given == [
        (f"https://{HOST}:1", {**usual, **who}),
        (f"https://{HOST}:1", {**usual, "token": "t0ken", "db_name": ""}),
    ]


def test_an_index_of_one_database_is_not_there_in_another(milvus: MilvusServer, documents: Path) -> None:
    client = MilvusClient(f"http://{HOST}:{milvus.port}")
    client.create_database("press")
    settings = environment(MILVUS_DATABASE="press", MILVUS_SECONDS=30)
    rag.build(documents, milvus.url("in_press"), encoder=SmallEncoder(), settings=settings)
    assert [name for name in client.list_collections() if name.startswith("in_press")] == []
    client.use_database("press")
    assert "in_press_g1_passages" in client.list_collections()


def test_the_kind_of_vector_index_is_what_the_setting_says(milvus: MilvusServer, documents: Path) -> None:
    settings = environment(MILVUS_INDEX="HNSW", MILVUS_SECONDS=30)
    rag.build(documents, milvus.url("kind"), encoder=SmallEncoder(), settings=settings)
    client = MilvusClient(f"http://{HOST}:{milvus.port}")
    described = {kind: client.describe_index(f"kind_g1_{kind}", "vector") for kind in ("passages", "sentences")}
    assert {kind: (each["index_type"], each["metric_type"]) for kind, each in described.items()} == {
        "passages": ("HNSW", "IP"),
        "sentences": ("HNSW", "IP"),
    }


# -- a server of embeddings, and a language model


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[ServedModel]:
    monkeypatch.setattr(server, "BACK_OFF", (0.01, 0.02))
    with served_model(SmallEncoder().encode_queries) as served:
        yield served


def port_of(url: str) -> int:
    return int(url.partition("://")[2].partition("/")[0].rpartition(":")[2])


def embeds(port: int, **given: object) -> int:
    settings = environment(EMBEDDINGS_URL=f"https://{HOST}:{port}/v1", EMBEDDINGS_SECONDS=20, **given)
    with Session(EmbeddingsServer.configured(settings, "a-model", 64)) as session:
        return len(session.vectors(["one", "two"]))


def test_documents_are_embedded_over_a_connection_that_a_private_authority_vouches_for(
    model: ServedModel, authority: Authority
) -> None:
    with forwarding(port_of(model.url), authority.server(HOST)) as port:
        assert embeds(port, EMBEDDINGS_CA=authority.file) == 2
    assert model.texts == ["one", "two"]


@pytest.mark.parametrize(
    ("host", "given", "reason"),
    [
        (HOST, "none", "unable to get local issuer certificate"),
        (HOST, "another", "unable to get local issuer certificate|certificate signature failure"),
        ("other.example", "its own", f"IP address mismatch, certificate is not valid for '{HOST}'"),
    ],
    ids=["no authority", "another authority", "another name"],
)
def test_texts_are_not_sent_to_whom_nobody_vouches_for(
    model: ServedModel, authority: Authority, stranger: Authority, host: str, given: str, reason: str
) -> None:
    files = {"none": {}, "another": {"EMBEDDINGS_CA": stranger.file}, "its own": {"EMBEDDINGS_CA": authority.file}}
    with (
        forwarding(port_of(model.url), authority.server(host)) as port,
        pytest.raises(ModelError, match=rf"^the certificate of https://\S+ is not trusted \(({reason})\): name a file"),
    ):
        embeds(port, **files[given])
    assert model.asked == []


@pytest.fixture
def language_model() -> Iterator[ScriptedModel]:
    with scripted_model() as served:
        yield served


def writes(port: int, **given: object) -> str:
    settings = environment(GENERATE_URL=f"https://{HOST}:{port}/v1", GENERATE_MODEL="a-model", **given)
    endpoint = Endpoint.configured(settings)
    assert endpoint is not None

    async def read() -> str:
        return "".join([piece async for piece in endpoint.pieces([{"role": "user", "content": "?"}])])

    return asyncio.run(read())


def test_a_language_model_is_known_by_a_private_authority(language_model: ScriptedModel, authority: Authority) -> None:
    language_model.writes("Anna ", "won [1].")
    with forwarding(port_of(language_model.url), authority.server(HOST)) as port:
        assert writes(port, GENERATE_CA=authority.file) == "Anna won [1]."
        with pytest.raises(GenerationError, match=r"is not trusted \(unable to get local issuer certificate\): name a"):
            writes(port)
    assert len(language_model.asked) == 1


# -- settings


def named(settings: Settings, name: str) -> None:
    """Begins to use what a setting names."""
    if name == "MILVUS":
        rag.open(f"milvus://{HOST}:1/encrypted", encoder=SmallEncoder(), settings=settings)
    elif name == "EMBEDDINGS":
        EmbeddingsServer.configured(settings, "a", 64)
    else:
        Endpoint.configured(settings)


@pytest.mark.parametrize("name", ["MILVUS", "EMBEDDINGS", "GENERATE"])
@pytest.mark.parametrize("content", [None, "no certificate", ""], ids=["no file", "other text", "empty"])
def test_a_file_that_holds_no_certificate_is_named_where_it_is_needed(
    tmp_path: Path, name: str, content: str | None
) -> None:
    path = tmp_path / "authority.pem"
    if content is not None:
        path.write_text(content, "utf-8")
    url = {f"{name}_URL": f"https://{HOST}:1/v1", "GENERATE_MODEL": "a-model", "MILVUS_SECONDS": 1}
    settings = environment(**url, **{f"{name}_CA": path})  # which what needs no such server reads, too
    with pytest.raises(ConfigurationError) as told:
        named(settings, name)
    assert str(told.value) == f"SNOSKA_{name}_CA={str(path)!r} is no file of certificates: name one in the form PEM"


@pytest.mark.parametrize("name", ["EMBEDDINGS", "GENERATE"])
def test_an_authority_for_a_connection_that_is_not_encrypted_is_refused(authority: Authority, name: str) -> None:
    given = {f"{name}_URL": f"http://{HOST}:1/v1", f"{name}_CA": authority.file, "GENERATE_MODEL": "a-model"}
    settings = environment(**given)
    with pytest.raises(ConfigurationError, match=rf"^SNOSKA_{name}_CA is set and SNOSKA_{name}_URL is not encrypted"):
        named(settings, name)
