"""An embeddings server in the local model's place: over HTTP, with our own model behind it, and with every fault."""

from __future__ import annotations

import email.utils
import json
import logging
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import rag
from rag.encoders import BundledEncoder, Prompts, ServedEncoder, load_encoder, model_fingerprint, server
from rag.encoders.served import PROBES
from rag.encoders.server import EmbeddingsServer, Session
from rag.errors import ConfigurationError, ModelError
from rag.index import Index, build_share
from rag.settings import Settings
from rag.stores.milvus.state import Share
from rag.types import Json, Matrix
from tests.embeddings_server import Reply, ServedModel, coded, refusal, served_model
from tests.milvus_server import MilvusServer
from tests.small_encoder import SmallEncoder
from tests.small_mapped import some_texts

ROOT = Path(__file__).resolve().parent.parent
KEY = "sk-very-secret"
TEXTS = [f"text {number} " + "more " * (number % 7) for number in range(70)]
NO_PROMPTS = Prompts("", "")
QUESTIONS = {
    "ru": "Сколько компаний с эмиратским участием работает в Казахстане?",
    "en": "How many companies with Emirati participation operate in Kazakhstan?",
}


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "BACK_OFF", (0.01, 0.02))


@pytest.fixture
def model() -> Iterator[ServedModel]:
    """A server of the small model."""
    with served_model(SmallEncoder().encode_queries) as served:
        yield served


@pytest.fixture(scope="module")
def bundled() -> Iterator[ServedModel]:
    """A server of the bundled model, which gets its prompts with the texts."""
    bare = BundledEncoder.load(Settings(query_prompt="", document_prompt=""))
    with served_model(bare.encode_documents) as served:
        yield served


def at(model: ServedModel, seconds: float = 20, key: str | None = None) -> EmbeddingsServer:
    return EmbeddingsServer(model.url, "a-model", SmallEncoder().dimension, key, seconds)


def vectors(model: ServedModel, texts: list[str], seconds: float = 20, key: str | None = None) -> Matrix:
    with Session(at(model, seconds, key)) as session:
        return session.vectors(texts)


def failure(model: ServedModel, texts: list[str], seconds: float = 20, key: str | None = None) -> str:
    """The error, in a line, without the server's address."""
    with pytest.raises(ModelError) as error:
        vectors(model, texts, seconds, key)
    message = str(error.value)
    assert "\n" not in message
    assert KEY not in message
    return message.replace(model.url, "URL")


def right(texts: list[str]) -> Matrix:
    return SmallEncoder().encode_queries(texts)


# -- one request


@pytest.mark.parametrize("as_numbers", [True, False], ids=["numbers", "base64"])
def test_vectors_are_read_in_either_form(model: ServedModel, as_numbers: bool) -> None:
    model.as_numbers = as_numbers
    made = vectors(model, TEXTS[:5], key=KEY)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, right(TEXTS[:5]), atol=1e-6)
    assert model.asked == [
        {"path": "/v1/embeddings", "model": "a-model", "input": TEXTS[:5], "encoding_format": "base64"}
    ]
    assert model.headers[0]["authorization"] == f"Bearer {KEY}"


def test_no_key_is_sent_where_none_is_set(model: ServedModel) -> None:
    vectors(model, TEXTS[:1])
    assert "authorization" not in model.headers[0]


def test_vectors_are_put_into_the_order_of_the_texts(model: ServedModel) -> None:
    model.changed = lambda answer: {**answer, "data": answer["data"][::-1]}
    np.testing.assert_allclose(vectors(model, TEXTS[:5]), right(TEXTS[:5]), atol=1e-6)


def test_lengths_that_are_off_by_rounding_are_brought_to_1(model: ServedModel) -> None:
    model.embed = lambda texts: np.float32(1.01) * right(texts)
    np.testing.assert_allclose(np.linalg.norm(vectors(model, TEXTS[:5]), axis=1), 1, atol=1e-6)


def test_no_proxy_of_the_environment_is_used(model: ServedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert vectors(model, TEXTS[:1]).shape == (1, SmallEncoder().dimension)


# -- faults that pass


@pytest.mark.parametrize(
    "faults",
    [
        [refusal(429, "Model is overloaded", Retry_After="0")],
        [Reply(503, b"<html>loading</html>"), Reply(500), Reply(424)],
        [Reply(closes=True), Reply(closes=True)],
    ],
    ids=["too busy", "failing", "closed connections"],
)
def test_what_passes_is_tried_again(model: ServedModel, faults: list[Reply]) -> None:
    model.replies = list(faults)
    np.testing.assert_allclose(vectors(model, TEXTS[:3]), right(TEXTS[:3]), atol=1e-6)
    assert [asked["input"] for asked in model.asked] == [TEXTS[:3]] * (len(faults) + 1)


def test_a_server_that_goes_on_failing_is_given_up(model: ServedModel) -> None:
    model.always = Reply(500, b'{"error": "CUDA error"}')
    assert (
        failure(model, TEXTS[:1], seconds=0.2) == "URL answers with status 500 (CUDA error): look at the server's log"
    )
    assert len(model.asked) > 2


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_pause_that_is_too_long_to_wait_for_is_not_waited_for(model: ServedModel, form: str) -> None:
    long = "3600" if form == "seconds" else email.utils.formatdate(time.time() + 3600, usegmt=True)
    model.always = refusal(429, "slow down", Retry_After=long)
    assert failure(model, TEXTS[:1]) == "URL answers with status 429 (slow down): look at the server's log"
    assert len(model.asked) == 1


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("7", 7.0), ("", 0.0), ("soon", 0.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)],
    ids=["seconds", "nothing", "no date", "past"],
)
def test_a_wish_to_be_asked_later_is_read(said: str, seconds: float) -> None:
    assert server._seconds(said) == seconds


def test_a_server_that_is_not_there_is_told(model: ServedModel) -> None:
    gone = EmbeddingsServer("http://127.0.0.1:9/v1", "a-model", 4, seconds=0.1)
    with Session(gone) as session, pytest.raises(ModelError) as error:
        session.vectors(TEXTS[:1])
    assert str(error.value) == (
        "http://127.0.0.1:9/v1 does not answer: start the embeddings server, or correct SNOSKA_EMBEDDINGS_URL"
    )


@pytest.mark.parametrize(
    "slow", [Reply(waits=True), Reply(body=b" " * 2000, trickles=True)], ids=["is silent", "trickles"]
)
def test_a_server_that_is_too_slow_is_given_up(model: ServedModel, slow: Reply) -> None:
    model.always = slow
    assert failure(model, TEXTS[:1], seconds=0.15) == (
        "URL takes longer than SNOSKA_EMBEDDINGS_SECONDS (0.15): see to it, or raise the limit"
    )


# -- too much at once


def test_a_server_that_takes_fewer_texts_gets_fewer(model: ServedModel) -> None:
    model.most = 5
    with Session(at(model)) as session:
        np.testing.assert_allclose(session.vectors(TEXTS[:32]), right(TEXTS[:32]), atol=1e-6)
        assert [len(asked["input"]) for asked in model.asked] == [32, 16, 8, *[4] * 8]
        session.vectors(TEXTS[:6])
    assert [len(asked["input"]) for asked in model.asked][-2:] == [4, 2]  # it is remembered


def test_a_text_that_the_server_never_takes_is_told(model: ServedModel) -> None:
    model.always = refusal(422, "inputs must have less than 512 tokens")
    assert failure(model, ["word " * 600, "b"]) == (
        "URL answers with status 422 (inputs must have less than 512 tokens), of one text of 3,000 characters:"
        " look at the server's log"
    )


# -- faults that do not pass


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (
            refusal(401, f"Incorrect API key provided: {KEY}"),
            (
                "URL answers with status 401 (Incorrect API key provided: ***): set SNOSKA_EMBEDDINGS_KEY to a key that"
                " it takes"
            ),
        ),
        (
            refusal(404, "The model `a-model` does not exist."),
            (
                "URL answers with status 404 (The model `a-model` does not exist.): correct SNOSKA_EMBEDDINGS_URL, as"
                " http://HOST:PORT/v1, or _MODEL"
            ),
        ),
        (refusal(400, "bad"), "URL answers with status 400 (bad): look at the server's log"),
        (
            Reply(200, b"<html>Welcome to nginx</html>"),
            "URL answers with what is no JSON: is SNOSKA_EMBEDDINGS_URL an API's address, as http://HOST:PORT/v1?",
        ),
        (
            Reply(200, b'{"choices": []}'),
            "URL answers with no list of vectors: is SNOSKA_EMBEDDINGS_URL an API's address, as http://HOST:PORT/v1?",
        ),
        (
            Reply(200, b" " * (3 << 20)),
            (
                "URL answers with more than 2 vectors can take: is SNOSKA_EMBEDDINGS_URL an API's address, as"
                " http://HOST:PORT/v1?"
            ),
        ),
    ],
    ids=["wrong key", "no such model", "bad request", "a page", "another API", "far too much"],
)
def test_what_does_not_pass_is_told_at_once(model: ServedModel, reply: Reply, message: str) -> None:
    model.always = reply
    assert failure(model, TEXTS[:2], key=KEY) == message
    assert len(model.asked) == 1


def test_a_redirect_is_not_followed(model: ServedModel) -> None:
    with served_model(right) as elsewhere:
        model.always = Reply(307, headers={"Location": f"{elsewhere.url}/embeddings"})
        assert failure(model, TEXTS[:1]) == (
            "URL answers with status 307, which leads elsewhere and is not followed: correct SNOSKA_EMBEDDINGS_URL"
        )
        assert elsewhere.asked == []


def _with(at: int, **changes: object) -> Callable[[Json], Json]:
    """An answer with one of its vectors changed."""

    def changed(answer: Json) -> Json:
        answer["data"][at].update(changes)
        return answer

    return changed


UNIT = [1.0, *[0.0] * 63]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (lambda answer: {**answer, "data": answer["data"][:2]}, "gave 2 vectors for 3 texts: look at the server's log"),
        (_with(1, index=0), "does not number its 3 vectors from 0: look at the server's log"),
        (_with(1, index=None), "does not number its 3 vectors from 0: look at the server's log"),
        (_with(0, index=False), "does not number its 3 vectors from 0: look at the server's log"),
        (
            _with(1, embedding=[1.0]),
            "gives vectors of 1 numbers, the model here has 64: serve the same model",
        ),
        (_with(1, embedding=[math.nan, *UNIT[1:]]), "gave a vector with a number that is not finite: look at"),
        (_with(1, embedding=[1e300, *UNIT[1:]]), "gave a vector of length inf, not 1: make the server normalise"),
        (_with(1, embedding=[math.inf, *UNIT[1:]]), "gave a vector with a number that is not finite: look at"),
        (_with(1, embedding=coded(np.full(64, np.nan))), "gave a vector with a number that is not finite: look at"),
        (_with(1, embedding=[0.0] * 64), "gave a vector of length 0, not 1: make the server normalise, or look at"),
        (_with(2, embedding=[3.0, *UNIT[1:]]), "gave a vector of length 3, not 1: make the server normalise, or look"),
        (_with(1, embedding=[None] * 64), "gave a vector with a number that is not finite: look at the server's log"),
        (_with(1, embedding="no base64!"), "gave a vector that cannot be read: look at the server's log"),
        (_with(1, embedding="AAAA"), "gave a vector that cannot be read: look at the server's log"),
        (_with(1, embedding={"values": UNIT}), "gave a vector that cannot be read: look at the server's log"),
        (_with(1, embedding=[UNIT, [1.0]]), "gave a vector that cannot be read: look at the server's log"),
        (_with(1, embedding=[UNIT]), "gives vectors of 64 numbers, the model here has 64: serve the same model"),
    ],
    ids=[
        "too few", "twice", "not numbered", "numbered by false", "dimension", "nan", "huge", "infinite", "nan in bytes",
        "zero", "long", "null", "no base64", "half a number", "an object", "ragged", "nested",
    ],
)  # fmt: skip
def test_an_answer_is_checked(model: ServedModel, changed: Callable[[Json], Json], message: str) -> None:
    model.changed = changed
    assert failure(model, TEXTS[:3]).startswith(f"URL {message}")
    assert len(model.asked) == 1


# -- settings


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("file:///etc/passwd", "SNOSKA_EMBEDDINGS_URL is no http address: write it as http://127.0.0.1:8080/v1"),
        ("localhost:8080", "SNOSKA_EMBEDDINGS_URL is no http address: write it as http://127.0.0.1:8080/v1"),
        ("http://", "SNOSKA_EMBEDDINGS_URL is no http address: write it as http://127.0.0.1:8080/v1"),
        (f"http://me:{KEY}/v1", "SNOSKA_EMBEDDINGS_URL is no http address: write it as http://127.0.0.1:8080/v1"),
        (f"http://me:{KEY}@host/v1", "SNOSKA_EMBEDDINGS_URL holds more than an address: put a key into"),
        (f"http://host/v1?key={KEY}", "SNOSKA_EMBEDDINGS_URL holds more than an address: put a key into"),
    ],
    ids=["a file", "no scheme", "no host", "no port", "a password", "a query"],
)
def test_an_address_that_cannot_be_used_is_refused(url: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        load_encoder(Settings.from_environment({"SNOSKA_EMBEDDINGS_URL": url}))
    assert str(error.value).startswith(message)
    assert KEY not in str(error.value)


NO_HOSTS = [
    *("http://[::1", "http://..../v1", "http://.", "http://a..b/v1", "http://xn--/v1", "http://exa mple/v1"),
    *("http://exa%20mple/v1", f"http://{'a' * 64}/v1", "http://127.0.0.1:99999/v1", "http://127.0.0.1:0/v1"),
    *(f"http://h:{'1' * 5000}/v1", "http://\ud800/v1"),
]


@pytest.mark.parametrize("url", NO_HOSTS, ids=range(len(NO_HOSTS)))
def test_what_no_request_can_be_sent_to_is_refused_by_whatever_reads_it(url: str) -> None:
    message = r"^SNOSKA_EMBEDDINGS_URL is no http address: write it as http://127.0.0.1:8080/v1$"
    with pytest.raises(ConfigurationError, match=message):
        Settings.from_environment({"SNOSKA_EMBEDDINGS_URL": url})
    with pytest.raises(ConfigurationError, match=message):
        EmbeddingsServer.configured(Settings(embeddings_url=url), "a-model", 384)


@pytest.mark.parametrize("host", ["a_b", "пример.рф", "host.", "[::1]", "[fe80::1%eth0]", "10.0.0.1:65535"])
def test_what_may_be_a_server_is_taken(host: str) -> None:
    assert Settings.from_environment({"SNOSKA_EMBEDDINGS_URL": f"http://{host}/v1"}).embeddings_url is not None


def test_settings_and_server_do_not_show_the_key() -> None:
    given = {"SNOSKA_EMBEDDINGS_URL": "https://host/v1/", "SNOSKA_EMBEDDINGS_KEY": KEY}
    settings = Settings.from_environment(given)
    configured = EmbeddingsServer.configured(settings, "a-model", 384)
    assert configured == EmbeddingsServer("https://host/v1", "a-model", 384, KEY, 60)
    assert KEY not in f"{settings!r} {configured!r}"
    with pytest.raises(ConfigurationError, match=r"^SNOSKA_EMBEDDINGS_KEY holds a character that no key has"):
        EmbeddingsServer.configured(replace(settings, embeddings_key=f"{KEY}\n"), "a-model", 384)


# -- the encoder


def small(model: ServedModel, prompts: Prompts = NO_PROMPTS) -> ServedEncoder:
    return ServedEncoder(SmallEncoder(), at(model), prompts)


def test_texts_come_back_in_their_order_from_many_requests(model: ServedModel) -> None:
    told: list[int] = []
    made = small(model).encode_documents(TEXTS, told.append)
    np.testing.assert_allclose(made, right(TEXTS), atol=1e-6)
    assert sorted(told) == told
    assert told[-1] == len(TEXTS)
    assert sorted(set(model.texts) - set(PROBES)) == sorted(TEXTS)
    assert max(len(asked["input"]) for asked in model.asked) == 32


def test_each_request_holds_a_probe(model: ServedModel) -> None:
    encoder = small(model)
    encoder.encode_documents(TEXTS)
    assert model.asked[0]["input"] == list(PROBES)
    assert all(asked["input"][-1] in PROBES[:-1] for asked in model.asked[1:])
    encoder.encode_documents(TEXTS[:1])
    assert len(model.asked[-1]["input"]) == 2


def test_the_documents_prompt_is_sent_by_us(model: ServedModel) -> None:
    small(model, Prompts("query: ", "passage: ")).encode_queries(["a"])
    assert model.asked == []  # questions stay here
    encoder = ServedEncoder(_Prompted(), at(model), Prompts("query: ", "passage: "))
    encoder.encode_documents(["a town"])
    assert [asked["input"] for asked in model.asked] == [
        [f"query: {probe}" for probe in PROBES],
        ["passage: a town", f"query: {PROBES[0]}"],
    ]


class _Prompted(SmallEncoder):
    def encode_queries(self, texts: object) -> Matrix:
        return right([f"query: {text}" for text in texts])  # type: ignore[attr-defined]


def test_nothing_is_asked_where_nothing_is_to_be_embedded(model: ServedModel) -> None:
    assert small(model).encode_documents([]).shape == (0, 64)
    assert model.asked == []


def test_another_model_is_refused_before_a_document_is_sent(model: ServedModel) -> None:
    model.embed = lambda texts: right([f"{text} indeed" for text in texts])
    with pytest.raises(ModelError, match=r"^http://127.* serves another model than small-64, or changes what it is se"):
        small(model).encode_documents(["a secret"])
    assert model.texts == list(PROBES)


def test_a_server_whose_model_is_changed_meanwhile_is_refused(model: ServedModel) -> None:
    encoder = small(model)
    encoder.encode_documents(TEXTS)
    model.embed = lambda texts: right([f"{text} indeed" for text in texts])
    with pytest.raises(ModelError, match="serves another model than small-64"):
        encoder.encode_documents(TEXTS[:3])


def test_a_failure_ends_the_other_requests(model: ServedModel) -> None:
    encoder = small(model)
    encoder.encode_documents(TEXTS[:1])
    model.always = refusal(401, "no")
    with pytest.raises(ModelError, match="answers with status 401"):
        encoder.encode_documents(TEXTS * 20)
    assert len(model.asked) < 20  # of 46


def test_where_texts_go_is_said_once(model: ServedModel, caplog: pytest.LogCaptureFixture) -> None:
    encoder = ServedEncoder(SmallEncoder(), at(model, key=KEY), NO_PROMPTS)
    with caplog.at_level(logging.DEBUG):
        encoder.encode_documents(TEXTS[:2])
        encoder.encode_documents(TEXTS[:2])
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert said == [f"documents are embedded by {model.url} (SNOSKA_EMBEDDINGS_URL): their text is sent there"]
    assert KEY not in caplog.text


# -- indexes


def served(model: ServedModel) -> Settings:
    return Settings(embeddings_url=model.url, embeddings_key=KEY)


def test_an_index_built_through_the_server_is_the_local_ones_equal(
    bundled: ServedModel, seed_index: Index, encoder: BundledEncoder, tmp_path: Path
) -> None:
    settings = served(bundled)
    built = rag.build(ROOT / "seeds", tmp_path / "index", settings=settings)
    assert built.report is not None
    assert seed_index.report is not None
    assert built.report.embedded_texts == seed_index.report.embedded_texts > 30
    assert built.store.manifest["model"] == seed_index.store.manifest["model"]
    assert model_fingerprint(settings) == encoder.fingerprint
    sent = set(bundled.texts) - {f"query: {probe}" for probe in PROBES}
    assert len(sent) == built.report.embedded_texts
    assert all(text.startswith("passage: ") for text in sent)
    asked = len(bundled.asked)
    here = rag.open(tmp_path / "index", encoder=encoder)  # as on a machine that knows no server
    for question in QUESTIONS.values():
        expected = seed_index.ask(question)
        for answer in (built.ask(question), here.ask(question)):
            assert (answer.verdict, answer.text) == (expected.verdict, expected.text)
            assert [cited.quote for cited in answer.citations] == [cited.quote for cited in expected.citations]
            assert answer.confidence == pytest.approx(expected.confidence, abs=0.005)
            assert answer.citations[0].highlight == expected.citations[0].highlight
    assert len(bundled.asked) == asked  # no question was sent


def test_an_index_built_here_grows_by_the_server(bundled: ServedModel, encoder: BundledEncoder, tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "one.txt").write_text("Мост через реку открыт в 1931 году.", "utf-8")
    rag.build(documents, tmp_path / "index", encoder=encoder)
    (documents / "two.txt").write_text("The bridge was closed in 1998.", "utf-8")
    built = rag.build(documents, tmp_path / "index", settings=served(bundled))
    assert built.report is not None
    assert (built.report.added, built.report.unchanged) == (1, 1)
    assert built.ask("When was the bridge closed?").text == "The bridge was closed in 1998."


def test_a_broken_build_goes_on_where_the_server_comes_back(model: ServedModel, tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "one.txt").write_text("Anna won 1,700 points.", "utf-8")
    model.always = refusal(401, "no")
    with pytest.raises(ModelError, match="answers with status 401"):
        rag.build(documents, tmp_path / "index", encoder=small(model))
    model.always = None
    built = rag.build(documents, tmp_path / "index", encoder=small(model))
    assert built.search("points")[0].quote == "Anna won 1,700 points."


def test_shards_of_an_index_in_milvus_are_built_through_the_server(
    model: ServedModel, milvus: MilvusServer, tmp_path: Path
) -> None:
    for path, text in some_texts(1, 6).items():
        (tmp_path / "documents" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "documents" / path).write_text(text, encoding="utf-8")
    address, settings = milvus.url("embedded"), Settings(ocr=(), milvus_seconds=30)
    for part in (0, 1):
        build_share(tmp_path / "documents", address, Share(part, 2), encoder=small(model), settings=settings)
    local = rag.build(tmp_path / "documents", tmp_path / "index", encoder=SmallEncoder(), settings=settings)
    shared = rag.open(address, encoder=SmallEncoder(), settings=settings)
    for question in ("заседание комиссии о бюджете города", "What did the council decide about the bridge?"):
        assert [hit.quote for hit in shared.search(question)] == [hit.quote for hit in local.search(question)]


def test_the_command_line_says_where_texts_go_and_needs_no_torch(bundled: ServedModel, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "SNOSKA_EMBEDDINGS_URL": bundled.url,
        "SNOSKA_EMBEDDINGS_KEY": KEY,
        "SNOSKA_SECOND_ENCODER": "off",
    }
    code = "import sys; from rag.cli import main\ntry: main()\nfinally: assert 'torch' not in sys.modules"
    command = [sys.executable, "-c", code, "build", str(ROOT / "seeds"), "--index", str(tmp_path / "index"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stderr
    line = f"documents are embedded by {bundled.url} (SNOSKA_EMBEDDINGS_URL): their text is sent there"
    assert done.stderr.splitlines().count(line) == 1
    assert KEY not in done.stdout + done.stderr
    assert json.loads(done.stdout)["documents"] == 1
