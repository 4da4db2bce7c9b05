"""No name that comes in by a request, a file or an archive leads outside the folder of documents."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio
import pytest
from hostile.containers import MAIN, PARTS, TEXT, Entry, archive, office, relations

import rag
from rag.address import Address
from rag.errors import ConfigurationError
from rag.folder import UPLOADS
from rag.index import Index
from rag.types import Filters
from rag.web import guard, page
from rag.web.collection import Collection
from tests.attacks.attack import SECRET, WEB, Attacker, parameters, payloads, routes
from tests.small_encoder import SmallEncoder
from tests.small_page import ChangingPage

# Gradio's queue sums up its own timings with an argument that pandas has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:The copy keyword is deprecated")

PLACE = re.compile(r"\{[^}]+\}")
ENDLESS = "/gradio_api/heartbeat/"  # a stream
FIXED = re.compile(r"/snoska/[\w.]+\.(js|css)|/snoska/fonts/.*")  # each served from memory


class Opened:
    """The files that this process opens while it watches; Python lets no audit hook be taken out again."""

    def __init__(self) -> None:
        self._paths: set[str] | None = None
        sys.addaudithook(self._hear)

    def _hear(self, event: str, given: tuple[Any, ...]) -> None:
        paths = self._paths
        if event == "open" and paths is not None and isinstance(given[0], str | bytes):
            paths.add(os.fsdecode(given[0]))

    @contextmanager
    def watched(self) -> Iterator[set[str]]:
        self._paths = paths = set()
        try:
            yield paths
        finally:
            self._paths = None


@pytest.fixture(scope="module")
def opened() -> Opened:
    return Opened()


def strangers(paths: set[str], site: ChangingPage) -> list[str]:
    """The files that are none of the documents, of the index, of the programs."""
    programs = [sys.prefix, sys.base_prefix, Path(gradio.__file__).parent, WEB.parent, "/etc/mime.types", "/dev/null"]
    known = [Path(each).resolve() for each in (site.documents, site.index, *programs)]
    # What has no folder in it was opened within one that was opened before, following no link: see originals.py.
    outside = [path for path in paths if "/" in path and not any(Path(path).resolve().is_relative_to(e) for e in known)]
    return [path for path in outside if not path.startswith(("/usr/lib/python3", "/usr/local/lib/python3"))]


def spelled(payload: str) -> set[str]:
    """The payload in an address: as it stands, as far as that can be sent, and encoded whole."""
    data = payload.encode("utf-8", "surrogatepass")
    return {quote(data, safe="/%\\:;,*~$@!'()[]{}=."), quote(data, safe="")}


def asked(payload: str) -> set[str]:
    """The same as a parameter, where encoding changes nothing but what is encoded already."""
    return spelled(payload) if "%" in payload else {quote(payload.encode("utf-8", "surrogatepass"), safe="")}


def fingerprint(folder: Path) -> dict[str, bytes]:
    """What lies in a folder."""
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def is_ours(path: str) -> bool:
    """Or one of Gradio's that looks at its query, for a file by some names."""
    return path.startswith("/snoska/") or path in ("/", "/config", "/gradio_api/queue/data")


@pytest.fixture(scope="module")
def served() -> tuple[list[str], list[str]]:
    """The paths that are served, by us and by Gradio, and the names of all parameters."""
    app = page.create_app(Collection(lambda _: None))  # type: ignore[arg-type, return-value]
    paths = {path for path, _ in routes(app) if guard.allowed(PLACE.sub("x", path)) and not path.startswith(ENDLESS)}
    return sorted({path.rstrip("/") or "/" for path in paths if not FIXED.fullmatch(path)}), parameters(app)


def test_what_is_attacked_is_found_in_the_app_itself(served: tuple[list[str], list[str]]) -> None:
    paths, names = served
    assert {"/snoska/source/file", "/static/{path:path}", "/snoska/batch/{id}/{kind}", "/gradio_api/queue/data"} <= {*paths}
    assert {"document", "name", "sha256", "next", "from", "to", "content", "deep_link", "session_hash"} <= {*names}


def test_no_address_leads_outside(
    site: ChangingPage, attacker: Attacker, secret: Path, opened: Opened, served: tuple[list[str], list[str]]
) -> None:
    paths, names = served
    tried, before, sent, told = payloads("traversal", secret=secret), fingerprint(site.documents.parent), 0, []
    with opened.watched() as files:
        for payload in tried:
            queries = ["&".join(f"{name}={each}" for name in names) for each in asked(payload)]
            for path in paths:
                targets = [PLACE.sub(lambda _, each=each: each, path) for each in spelled(payload) if "{" in path]
                targets += [f"{path}/{quote(payload.encode('utf-8', 'surrogatepass'), safe='')}"] * is_ours(path)
                targets += [f"{PLACE.sub('1', path)}?{query}" for query in queries if is_ours(path) or "{" in path]
                for target in targets:
                    reply = attacker.send("GET", target)
                    sent += 1
                    if SECRET in reply.text or reply.status >= 500:
                        told.append((target, reply.status, reply.text[:80]))
    print(f"{len(tried)} names, {sent} requests to {len(paths)} routes")
    assert told == []
    assert strangers(files, site) == []
    assert fingerprint(site.documents.parent) == before
