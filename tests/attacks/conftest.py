"""What the attack tests attack: a page over a small folder, which may be changed, and a secret beside that folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag.web.collection import Collection
from tests.attacks.attack import SECRET, SECRET_FILE, Attacker, Canary, Opened
from tests.small_page import ChangingPage


@pytest.fixture(scope="session")
def site(serve_app: Callable[[Collection], str], tmp_path_factory: pytest.TempPathFactory) -> ChangingPage:
    """A page over two documents; the secret lies beside them, in the index's folder and in the folder above."""
    place = tmp_path_factory.mktemp("attacked") / "site"
    place.mkdir()
    site = ChangingPage(place, serve_app)
    site.put("report.txt", "The report about the port and its reservoir.")
    site.put("press/release.txt", "The press release about the port.")
    for folder in (place, place.parent, site.index):
        (folder / SECRET_FILE).write_text(SECRET, "utf-8")
    site.wait(site.post("renew").json())
    attacker = Attacker(site.url)  # a first call, at which Gradio loads what it needs
    event = json.loads(attacker.send("POST", "/gradio_api/call/ask", {"data": ["What does the report say?"]}).body)
    attacker.read_stream(f"/gradio_api/call/ask/{event['event_id']}")
    attacker.close()
    return site


@pytest.fixture
def secret(site: ChangingPage) -> Path:
    """The secret's place."""
    return site.documents.parent / SECRET_FILE


@pytest.fixture
def attacker(site: ChangingPage) -> Iterator[Attacker]:
    attacker = Attacker(site.url)
    yield attacker
    attacker.close()


@pytest.fixture(scope="session")
def opened() -> Opened:
    return Opened()


@pytest.fixture
def canary() -> Iterator[Canary]:
    canary = Canary()
    yield canary
    canary.close()
