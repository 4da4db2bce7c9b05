"""What a call to Gradio may name, and how much Gradio keeps of its callers: both have an end here, and none there.

Gradio makes a state for each session that a call names, keeps all that was answered until it is fetched, and meets a
component, a function or an argument that it does not have with an error of the server's.
"""

from __future__ import annotations

import inspect
from typing import Any

import gradio as gr
from gradio.server_messages import ProcessCompletedMessage

COMPONENT = "/gradio_api/component_server"  # what the page's script calls our functions by
NAMED = "/gradio_api/call/v2/"  # takes the arguments by their names
QUEUED = ("/gradio_api/call/", "/gradio_api/queue/join")  # answered by messages that the caller fetches later
LONGEST = 64  # characters of a session's name: the page's has some 11, that of Gradio's client 36
SESSIONS = 500  # that are kept, the oldest forgotten first: each has 20 KB
UNFETCHED = 100  # answers that wait for their callers: with a thousand passages one takes some MB

Refusal = tuple[int, str]  # status and reason


class Calls:
    """The calls that an app's blocks can answer."""

    def __init__(self, blocks: gr.Blocks) -> None:
        self._blocks, self._queue = blocks, blocks._queue
        blocks.state_session_capacity = SESSIONS
        self._queue.pending_messages_per_session.max_size = SESSIONS
        self._parameters = {each.api_name: _parameters(each.fn) for each in blocks.fns.values()}

    def refusal(self, path: str, value: Any) -> Refusal | None:
        """Why a call to this path with this JSON is not passed on; None where it is."""
        path = path.removesuffix("/")
        if not isinstance(value, dict):
            return None  # Gradio says itself what is missing
        session = value.get("session_hash")
        if isinstance(session, str) and not 0 < len(session) <= LONGEST:  # an empty one stops Gradio's queue
            return 400, f"a session's name has 1 to {LONGEST} characters"
        if path == COMPONENT and not _is_one_of(value.get("component_id"), self._blocks.blocks):
            return 404, "no such component"
        if value.get("fn_index") is not None and not _is_one_of(value["fn_index"], self._blocks.fns):
            return 404, "no such function"
        if path.startswith(NAMED) and (parameters := self._parameters.get(path.removeprefix(NAMED))) is not None:
            missing = [name for name, is_needed in parameters.items() if is_needed and name not in value]
            if missing or value.keys() - parameters:
                return 422, f"the arguments are {', '.join(parameters)}, the first of which is needed"
        if path.startswith(QUEUED):
            messages = self._queue.pending_messages_per_session
            if isinstance(session, str) and session in messages and _answers(messages[session]) >= UNFETCHED:
                return 429, "fetch what was answered before asking for more"
            self._forget()
            self._keep(session)
        return None

    def _forget(self) -> None:
        """Drops the oldest sessions' answers, if too many wait to be fetched, and what else Gradio knows of them."""
        queue = self._queue
        messages, calls = queue.pending_messages_per_session, queue.pending_event_ids_session
        waiting = {name: count for name, theirs in messages.items() if (count := _answers(theirs))}
        left = sum(waiting.values())
        asking = self._asking()
        for name, count in waiting.items():
            if left < UNFETCHED:
                break
            if name not in asking:
                left -= count
                del messages[name]
        for name in [name for name in calls if name not in messages]:
            del calls[name]

    def _keep(self, session: object) -> None:
        """Lets the sessions that ask now count as the newest: Gradio drops the one that began first for one more, and
        where that is still to be answered, its queue stops for good."""
        messages = self._queue.pending_messages_per_session
        for name in [*self._asking(), session]:
            if isinstance(name, str) and name in messages:
                messages.move_to_end(name)

    def _asking(self) -> list[str]:
        """The sessions of the calls that wait or run, in the order in which they came."""
        return [each.session_hash for each in self._queue.event_ids_to_events.values()]


def _answers(messages: Any) -> int:
    """How many answers are among what waits for a session; the rest tells it how long the queue is."""
    return sum(isinstance(each, ProcessCompletedMessage) for each in messages._queue)


def _parameters(function: Any) -> dict[str, bool]:
    """A function's parameters in their order, each with whether it has to be given."""
    found = inspect.signature(function).parameters.values()
    return {each.name: each.default is inspect.Parameter.empty for each in found}


def _is_one_of(number: object, known: Any) -> bool:
    return isinstance(number, int) and number in known
