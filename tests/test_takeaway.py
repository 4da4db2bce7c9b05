"""The addresses that give an answer as a file: what they send, and whom they refuse."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from rag.export import answer_json
from rag.index import Index
from rag.web.takeaway import MAX_BYTES
from tests.browser_help import QUESTIONS, SENTENCE

pytestmark = pytest.mark.model


def post(url: str, kind: str, body: Any, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.post(
        f"{url}/snoska/takeaway/{kind}", content=content, headers={"Content-Type": "application/json"} | headers
    )


@pytest.mark.parametrize("language", ["ru", "en"])
def test_a_file_is_sent_to_be_saved_under_the_questions_name(server: str, seed_index: Index, language: str) -> None:
    result = answer_json(seed_index.ask(QUESTIONS[language]))
    reply = post(server, "md", {"result": result, "language": "en"})
    assert reply.status_code == 200
    kept, _, encoded = reply.headers["content-disposition"].partition("; filename*=UTF-8''")
    assert kept == 'attachment; filename="snoska.md"'
    assert unquote(encoded) == {
        "ru": "Сколько компаний с эмиратским участием работает в Казахстане.md",
        "en": "How many companies with Emirati participation operate in.md",
    }[language]  # fmt: skip
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["content-type"] == "text/markdown; charset=utf-8"
    assert f"> {SENTENCE}[^1]" in reply.text


@pytest.mark.parametrize(
    ("kind", "body", "headers", "status"),
    [
        ("docx", {"result": {}}, {}, 400),
        ("docx", b"[]", {}, 400),
        ("docx", b"{", {}, 400),
        ("docx", b"[" * 100_000, {}, 400),
        ("docx", b" " * (MAX_BYTES + 1), {}, 413),
        ("docx", {}, {"Content-Type": "text/plain"}, 415),
        ("docx", {}, {"Origin": "http://elsewhere.example"}, 403),
        ("exe", {}, {}, 404),
    ],
    ids=["no-answer", "no-object", "no-json", "deep", "long", "not-called-json", "another-site", "no-such-kind"],
)
def test_what_is_no_answer_of_this_page_is_refused(
    server: str, kind: str, body: Any, headers: dict[str, str], status: int
) -> None:
    assert post(server, kind, body, **headers).status_code == status


def test_an_answer_is_not_to_be_had_by_a_link(server: str) -> None:
    assert httpx.get(f"{server}/snoska/takeaway/docx").status_code == 404
