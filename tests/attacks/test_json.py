"""JSON that is far too deep, too wide, of numbers without end or of what is no value: refused, and the server lives on.

The same is put wherever JSON is read: requests, lists of questions, sidecars, judgements, an index's pointer and
manifest, and what a model's server answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from rag import batch, questions
from rag.errors import DocumentError, EvaluationError, GenerationError, IndexUnusable
from rag.feedback import KNOWN, Feedback
from rag.generation.endpoint import Endpoint
from rag.generation.writer import written
from rag.index import check
from rag.readers import metadata
from rag.stores import files
from rag.web.bounds import SMALL
from tests.attacks.functions import cited
from tests.scripted_model import Script, ScriptedModel, scripted_model
from tests.small_encoder import SmallEncoder
from tests.small_page import ChangingPage

DEPTH = 100_000
VALUES = {
    "lists in lists": b"[" * DEPTH + b"]" * DEPTH,
    "lists without end": b"[" * DEPTH,
    "objects in objects": b'{"a":' * DEPTH + b"1" + b"}" * DEPTH,
    "a million digits": b"1" * 10**6,
    "a negative exponent": b"1e-999999999",
    "a large exponent": b"1e999999999",
    "NaN": b"NaN",
    "Infinity": b"-Infinity",
    "half a pair": rb'"\ud800"',
    "half a pair as bytes": b'"\xed\xa0\x80"',
    "NUL": rb'"\u0000"',
    "no UTF-8": b'"\xff\xfe"',
    "many keys": b"{" + b",".join(b'"%x":0' % n for n in range(80_000)) + b"}",
    "one key, many times": b"{" + b",".join([b'"question":0'] * 60_000) + b"}",
    "many values": b"[" + b",".join([b"0"] * 500_000) + b"]",
    "nothing": b"",
    "null": b"null",
}
WIDE = b"{" + b",".join(b'"%d":0' % n for n in range(10**6)) + b"}"  # 12 MB: more than any address takes
AROUND = {  # what stands around the value where a script or a program sends it
    "alone": b"%s",
    "as the question": b'{"question": %s, "text": %s, "result": %s, "language": %s, "id": %s}',
    "as the data": b'{"data": [%s], "fn_name": "ask", "component_id": 2, "session_hash": "x", "fn_index": 0}',
}
ADDRESSES = (
    "gradio_api/call/ask", "gradio_api/call/search", "gradio_api/run/ask", "gradio_api/component_server",
    "gradio_api/queue/join", "gradio_api/cancel", "gradio_api/reset", "snoska/feedback/look", "snoska/feedback/say",
    "snoska/batch/start", "snoska/batch/look", "snoska/batch/cancel", "snoska/takeaway/copy", "snoska/takeaway/docx",
)  # fmt: skip
pytestmark = pytest.mark.filterwarnings("ignore:The copy keyword")  # pandas's, of Gradio's, where a question is refused
each_value = pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())


def around(form: bytes, value: bytes) -> bytes:
    return form.replace(b"%s", value)


@pytest.fixture(scope="module")
def client(site: ChangingPage) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.url, timeout=60) as client:
        yield client


def status(client: httpx.Client, address: str, body: bytes) -> int:
    """The answer's status; 413 too where the connection of a body that is too large is closed while it is sent, and 400
    where Gradio tells in one line, under its own 500, what our function says of the question."""
    try:
        reply = client.post(f"/{address}", content=body, headers={"Content-Type": "application/json"})
        is_told = (
            address == "gradio_api/run/ask" and reply.status_code == 500 and isinstance(reply.json()["error"], str)
        )
        return 400 if is_told else reply.status_code
    except httpx.TransportError:
        assert len(body) > SMALL
        return 413


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_json_ends_the_server(client: httpx.Client, address: str) -> None:
    told = {
        (name, way): status(client, address, around(form, value))
        for name, value in VALUES.items()
        for way, form in AROUND.items()
    }
    assert {key: code for key, code in told.items() if code >= 500} == {}
    assert status(client, address, WIDE) == 413
    assert client.get("/snoska/ready").status_code == 200


def test_what_is_no_json_is_told_as_the_callers_fault(client: httpx.Client) -> None:
    for name in (
        "lists without end",
        "a million digits",
        "a large exponent",
        "NaN",
        "Infinity",
        "no UTF-8",
        "half a pair as bytes",
    ):
        body = around(AROUND["as the data"], VALUES[name])
        reply = client.post("/gradio_api/call/ask", content=body, headers={"Content-Type": "application/json"})
        assert (name, reply.status_code) == (name, 400)
        assert reply.text == "no JSON\n"


@pytest.mark.parametrize("path", ["call/ask", "run/ask", "queue/join", "component_server"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
def test_json_is_utf_8_and_nothing_else(client: httpx.Client, path: str, encoding: str) -> None:
    body = '{"data": ["\ud800"], "fn_index": 0}'.encode(encoding, "surrogatepass")
    reply = client.post(f"/gradio_api/{path}", content=body, headers={"Content-Type": "application/json"})
    assert (reply.status_code, reply.text) == (400, "no JSON\n")


def test_a_sound_question_still_comes_through(client: httpx.Client) -> None:
    event = client.post("/gradio_api/call/ask", json={"data": ["Отчёт о работе комиссии?", None]}).json()["event_id"]
    told = client.get(f"/gradio_api/call/ask/{event}").text
    assert "event: complete" in told
    assert json.loads(told.partition("data: ")[2].splitlines()[0])[0]["question"] == "Отчёт о работе комиссии?"


# --- files ---


@each_value
def test_a_sidecar_of_such_json_is_refused_in_one_line(value: bytes) -> None:
    for form in (b"%s", b'{"title": %s}', b'{"date": %s, "language": %s}'):
        try:
            metadata.sidecar(around(form, value))
        except DocumentError as error:
            assert len(str(error).splitlines()) == 1  # noqa: PT017


@each_value
def test_a_list_of_such_lines_is_read_past_them(tmp_path: Path, value: bytes) -> None:
    good = b'{"id": "good", "question": "Who?", "relevant": []}'
    lines = [value, around(b'{"question": %s, "relevant": %s}', value), good]
    file = tmp_path / "list.jsonl"
    file.write_bytes(b"\n".join(lines))
    judged, problems = questions.load(file)
    assert judged[-1].id == "good"
    assert all(len(str(problem)) < 300 for problem in problems)
    asked, _ = batch.read(file.read_bytes(), file.name)
    assert asked[-1].question == "Who?"
    file.write_bytes(b"\n".join(lines[:2]))
    try:
        questions.load(file)
    except EvaluationError as error:
        assert len(str(error).replace(str(tmp_path), "").splitlines()) == 1  # noqa: PT017


@each_value
def test_judgements_beside_such_lines_are_found(tmp_path: Path, value: bytes) -> None:
    kept, answer = Feedback(tmp_path), cited("Комиссия подписала протокол.")
    (tmp_path / KNOWN).write_bytes(value + b"\n" + around(b'{"id": %s, "judgement": %s}', value) + b"\n")
    kept.judge(answer, "right")
    assert kept.said_of(answer.question) == ("right", None)


@each_value
def test_an_index_with_such_a_pointer_or_manifest_is_refused_in_one_line(tmp_path: Path, value: bytes) -> None:
    manifest = files.write_part(tmp_path, value, "manifest.json").to_json()
    whole = json.dumps({"format": files.FORMAT, "manifest": manifest}).encode()
    for pointer in (value, around(b'{"format": %s, "manifest": %s}', value), whole):
        (tmp_path / files.POINTER).write_bytes(pointer)
        with pytest.raises(IndexUnusable) as caught:
            check(tmp_path)
        assert len(str(caught.value).splitlines()) == 1
        assert len(str(caught.value)) < 500


# --- a model's server ---


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedModel]:
    with scripted_model() as served:
        yield served


@each_value
@pytest.mark.parametrize("kind", ["text/event-stream", "application/json", "an error"])
def test_a_models_server_that_answers_so_is_told_of_in_one_line(model: ScriptedModel, value: bytes, kind: str) -> None:
    form = b'{"choices": [{"delta": {"content": %s}, "message": {"content": %s}, "finish_reason": %s}], "error": null}'
    for body in (value, around(form, value), around(b'{"error": {"message": %s}}', value)):
        data = b"data: " + body + b"\n\n" if kind == "text/event-stream" else body
        type_ = "application/json" if kind == "an error" else kind
        steps = [data] if data else []
        model.script = Script(steps, status=500 if kind == "an error" else 200, headers={"Content-Type": type_})
        endpoint = Endpoint(model.url, "a-model", seconds=20)
        given = written(cited("Комиссия подписала протокол."), SmallEncoder(), endpoint, lambda _: None)
        assert given.error is None or (isinstance(given.error, GenerationError) and "\n" not in str(given.error))
        json.dumps(given.json(), allow_nan=False).encode("ascii")
