"""An index that answers when a test lets it, and what the page posts to ask."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import httpx

from rag.errors import IndexMissing, QuestionError


class Slow:
    """Stands for an index whose answers take until they are let go."""

    def __init__(self) -> None:
        self.store = SimpleNamespace(entries={})
        self.asked, self.let_go = threading.Semaphore(0), threading.Event()
        self.questions: list[str] = []

    def warm_up(self) -> None: ...

    def info(self) -> dict[str, Any]:
        return {"documents": 1, "passages": 1, "model": {"name": "a model"}}

    def document(self, path: str) -> None:
        raise QuestionError(path)

    def ask(self, question: str, *_: object, **__: object) -> None:
        self.questions.append(question)
        self.asked.release()
        assert self.let_go.wait(20)
        raise IndexMissing("it is over")


def asked(url: str, question: str, language: str = "en") -> dict[str, Any]:
    """What the page's script posts to ask."""
    config = httpx.get(f"{url}/config").json()
    (box,) = [each["id"] for each in config["components"] if each["props"].get("elem_id") == "snoska"]
    data = {"question": question, "language": language}
    return {"data": data, "component_id": box, "fn_name": "ask", "session_hash": "test"}
