"""Calls that name what is not there, or that make Gradio keep more and more: refused, and what is kept has an end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from rag.web import calls
from rag.web.collection import Collection
from rag.web.page import create_app
from tests.attacks.attack import COMPONENT, Attacker
from tests.slow_index import Slow, asked

CALL, JOIN, RUN, NAMED = (f"/gradio_api/{name}" for name in ("call/ask", "queue/join", "run/ask", "call/v2/ask"))
SEARCH = "/gradio_api/call/search"

# Gradio's queue sums up its own timings with an argument that pandas has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:The copy keyword is deprecated")


@pytest.mark.parametrize("number", [9999, -1, 2**70, "2", 2.5, [2], {}], ids=repr)
def test_a_component_that_is_not_there_is_told_as_such(attacker: Attacker, number: object) -> None:
    body = {**attacker.called("status", {}), "component_id": number}
    for path in (COMPONENT, f"{COMPONENT}/"):
        assert attacker.send("POST", path, body).status == 404


@pytest.mark.parametrize("number", [9999, -1, 2**70, "0x", 2.5, [0], {}], ids=repr)
@pytest.mark.parametrize("path", [JOIN, RUN])
def test_a_function_that_is_not_there_is_told_as_such(attacker: Attacker, path: str, number: object) -> None:
    reply = attacker.send("POST", path, {"data": ["Who?"], "session_hash": "x", "fn_index": number})
    assert (reply.status, reply.text) == (404, "no such function\n")


@pytest.mark.parametrize("body", [{}, {"k": 1}, {"data": ["Who?"]}, {"question": "Who?", "session_hash": "x"}], ids=str)
def test_arguments_by_other_names_are_told_as_such(attacker: Attacker, body: dict[str, Any]) -> None:
    reply = attacker.send("POST", NAMED, body)
    assert reply.status == 422
    assert reply.text.startswith("the arguments are question, language, ")


@pytest.mark.parametrize("path", [COMPONENT, CALL, JOIN, RUN])
def test_a_session_has_a_name_and_no_long_one(attacker: Attacker, path: str) -> None:
    whole = {**attacker.called("status", {}), "data": ["Who?"], "fn_index": 0}
    for length, is_taken in ((0, False), (calls.LONGEST, True), (calls.LONGEST + 1, False), (900_000, False)):
        status = attacker.send("POST", path, {**whole, "session_hash": "x" * length}).status
        assert (status != 400) is is_taken


class Kept:
    """A page whose index answers at once, and what Gradio keeps there."""

    def __init__(self, serve_app: Callable[..., str]) -> None:
        self.index = index = Slow()
        index.let_go.set()
        self._app = create_app(Collection(lambda _: index))  # type: ignore[arg-type, return-value]
        self.url = serve_app(Collection(lambda _: index), proxied=lambda _: self._app)
        (inner,) = [each.app for each in self._app.routes if hasattr(getattr(each, "app", None), "state_holder")]
        self.states, self.queue = inner.state_holder, inner.get_blocks()._queue

    def wait(self) -> None:
        """Until all is answered."""
        while self.queue.event_ids_to_events:
            time.sleep(0.01)


@pytest.fixture
def kept(serve_app: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> Kept:
    monkeypatch.setattr(calls, "SESSIONS", 5)
    monkeypatch.setattr(calls, "UNFETCHED", 4)
    return Kept(serve_app)


@pytest.fixture
def client(kept: Kept) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=kept.url, timeout=60) as client:
        yield client


def test_no_more_sessions_are_kept_than_may_be(kept: Kept, client: httpx.Client) -> None:
    body = asked(kept.url, "Who?")
    for number in range(20):
        assert client.post(COMPONENT, json={**body, "session_hash": f"s{number}"}).status_code == 200
    assert len(kept.states.session_data) == len(kept.states.time_last_used) == 5


def test_answers_that_nobody_fetches_are_forgotten(kept: Kept, client: httpx.Client) -> None:
    for _ in range(20):
        event = client.post(CALL, json={"data": ["Who?"]}).json()["event_id"]
        assert "it is over" in client.get(f"{CALL}/{event}").text  # one that is fetched is there
        client.post(CALL, json={"data": ["Who?"]})
    assert len(kept.queue.pending_messages_per_session) <= 5
    assert len(kept.queue.pending_event_ids_session) <= 5 + 1


def test_answers_that_wait_for_all_their_callers_have_a_bound_together(
    kept: Kept, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept.queue.pending_messages_per_session, "max_size", 500)
    for _ in range(40):
        mine = client.post(CALL, json={"data": ["Who?"]}).json()["event_id"]
        kept.wait()
    waiting = kept.queue.pending_messages_per_session
    assert len(waiting) == calls.UNFETCHED
    assert kept.queue.pending_event_ids_session.keys() == waiting.keys()
    assert "it is over" in client.get(f"{CALL}/{mine}").text  # the newest are kept


def test_a_session_that_fetches_nothing_is_told_to(kept: Kept, client: httpx.Client) -> None:
    def told(session: str) -> int:
        kept.wait()
        return client.post(CALL, json={"data": ["Who?"], "session_hash": session}).status_code

    assert [told("one") for _ in range(6)] == [200] * calls.UNFETCHED + [429] * 2
    assert told("other") == 200  # for which the answers that nobody wants are forgotten
    assert told("one") == 200


@pytest.fixture
def patient(serve_app: Callable[..., str]) -> Kept:
    """As large as it is served, and answering when it is let."""
    kept = Kept(serve_app)
    kept.index.let_go.clear()
    return kept


@pytest.mark.parametrize("session", [None, "one"], ids=["many sessions", "one session"])
def test_calls_that_wait_together_are_all_fetched_afterwards(patient: Kept, session: str | None) -> None:
    with httpx.Client(base_url=patient.url, timeout=60) as client:

        def call() -> str:
            reply = client.post(CALL, json={"data": ["Who?"], "session_hash": session})
            assert reply.status_code == 200
            event: str = reply.json()["event_id"]
            return event

        events = [call() for _ in range(40)]  # each of which is told how many wait before it, again and again
        patient.index.let_go.set()
        patient.wait()
        events.append(call())
        patient.wait()
        if session is None:
            assert all("it is over" in client.get(f"{CALL}/{event}").text for event in events)
        else:
            heard = client.get("/gradio_api/queue/data", params={"session_hash": session}).text
            ended = [json.loads(line[6:]) for line in heard.splitlines() if line.startswith("data: ")]
            assert {each["event_id"] for each in ended if each["msg"] == "process_completed"} == set(events)


def test_newer_sessions_do_not_push_out_one_that_is_still_to_be_answered(
    serve_app: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "SESSIONS", 8)
    kept = Kept(serve_app)
    kept.index.let_go.clear()
    with httpx.Client(base_url=kept.url, timeout=60) as client:

        def call(path: str, question: str) -> str:
            event: str = client.post(path, json={"data": [question]}).json()["event_id"]
            return event

        events = [call(CALL, "Who?") for _ in range(6)]  # of which four run
        for _ in range(12):
            event = call(SEARCH, "")
            assert "event: error" in client.get(f"{SEARCH}/{event}").text
            while event in kept.queue.event_ids_to_events:  # Gradio still does its sums
                time.sleep(0.01)
        kept.index.let_go.set()
        assert all("it is over" in client.get(f"{CALL}/{event}").text for event in events)
        assert not kept.queue.stopped
