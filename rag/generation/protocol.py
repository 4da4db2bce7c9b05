"""The stream of an OpenAI-compatible endpoint: bytes, cut anywhere, to pieces of text.

Server-sent events by the letter: lines end with CR, LF or both and with nothing else (a text may hold U+2028), data
lines of one event belong together, comments are skipped, a character may be cut in two.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any

from rag.errors import GenerationError
from rag.text import shorten

DONE = "[DONE]"
MAX_EVENT = 1 << 20  # characters; a piece of text is a few words
_LINE = re.compile(r"\r\n|\n|\r(?!\Z)")  # a CR at the end may be half of a CRLF


class Events:
    """Takes bytes, gives the data of each event that is whole."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> Iterator[str]:
        """Raises GenerationError where an event is far too long."""
        *lines, self._rest = _LINE.split(self._rest + self._decoder.decode(chunk))
        for line in lines:
            if line:
                self._take(line)
            elif self._data:
                yield "\n".join(self._data)
                self._data = []
        if len(self._rest) + sum(map(len, self._data)) > MAX_EVENT:
            raise GenerationError("broken", "the endpoint sent an event of more than 1 MB: is it one that writes text?")

    def _take(self, line: str) -> None:
        name, _, value = line.partition(":")
        if name == "data":
            self._data.append(value.removeprefix(" "))


class Pieces:
    """Takes the data of events, gives the pieces of text; ``ended`` once the model has said that it is done."""

    def __init__(self) -> None:
        self.ended = False
        self._thoughts = _Thoughts()

    def take(self, data: str) -> str:
        """The event's text, empty where it brings none. Raises GenerationError."""
        if data == DONE:
            self.ended = True
            return ""
        return self._thoughts.without(self._text(_object(data)))

    def whole(self, body: str) -> str:
        """The text of an answer in one piece, which some endpoints send instead. Raises GenerationError."""
        self.ended = True
        return self._thoughts.without(self._text(_object(body)))

    def _text(self, event: dict[str, Any]) -> str:
        if event.get("error"):
            raise refused(event, "an error")
        choices = event.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict):
            return ""  # the counts of tokens, at the end
        self.ended = self.ended or choice.get("finish_reason") is not None
        said = choice.get("delta") or choice.get("message")
        text = said.get("content") if isinstance(said, dict) else None  # what is thought comes under other names
        return text if isinstance(text, str) else ""


class _Thoughts:
    """Leaves out the thoughts that some models write before their answer: ``<think>…</think>``."""

    OPEN, CLOSE = "<think>", "</think>"

    def __init__(self) -> None:
        self._held = ""
        self._over = False

    def without(self, text: str) -> str:
        if self._over:
            return text
        self._held += text
        begun = self._held.lstrip()
        if begun.startswith(self.OPEN):
            _, closed, rest = begun.partition(self.CLOSE)
            self._held = begun if not closed else ""
            self._over = bool(closed)
            return rest
        if self.OPEN.startswith(begun):
            return ""  # too little to tell
        self._over = True
        return self._held


def refused(event: object, status: str) -> GenerationError:
    """The error that an endpoint tells of, in a few of its own words."""
    error = event.get("error", event) if isinstance(event, dict) else event
    words = error.get("message") if isinstance(error, dict) else error
    told = f": {shorten(words, 200)}" if isinstance(words, str) and words.strip() else ""
    return GenerationError("refused", f"the endpoint answered with {status}{told}")


def _object(data: str) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise GenerationError("broken", f"the endpoint sent what is no JSON: {shorten(data, 60)}") from error
    if not isinstance(value, dict):
        raise GenerationError("broken", f"the endpoint sent {shorten(data, 60)}, which is no completion")
    return value
