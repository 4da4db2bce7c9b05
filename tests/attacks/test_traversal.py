"""No name that comes in by a request, a file or an archive leads outside the folder of documents."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest

from rag.address import Address
from rag.errors import ConfigurationError
from rag.folder import UPLOADS
from rag.index import Index
from rag.types import Filters
from rag.web import guard, page
from rag.web.collection import Collection
from tests.attacks.attack import COMPONENT, SECRET, Attacker, Opened, Reply, parameters, payloads, routes, strangers
from tests.small_page import ChangingPage

# Gradio's queue sums up its own timings with an argument that pandas has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:The copy keyword is deprecated")

PLACE = re.compile(r"\{[^}]+\}")
ENDLESS = "/gradio_api/heartbeat/"  # a stream
FIXED = re.compile(r"/snoska/[\w.]+\.(js|css)|/snoska/fonts/.*")  # each served from memory


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
    """Or the one of Gradio's that looks at its query; of the page's the guard leaves none."""
    return path.startswith("/snoska/") or path == "/gradio_api/queue/data"


@pytest.fixture(scope="module")
def served() -> tuple[list[str], list[str]]:
    """The paths that are served, by us and by Gradio, and the names of all parameters."""
    app = page.create_app(Collection(lambda _: None))  # type: ignore[arg-type, return-value]
    paths = {path for path, _ in routes(app) if guard.allowed(PLACE.sub("x", path)) and not path.startswith(ENDLESS)}
    return sorted({path.rstrip("/") or "/" for path in paths if not FIXED.fullmatch(path)}), parameters(app)


def test_what_is_attacked_is_found_in_the_app_itself(served: tuple[list[str], list[str]]) -> None:
    paths, names = served
    assert {"/snoska/source/file", "/static/{path:path}", "/snoska/batch/{id}/{kind}", "/gradio_api/queue/data"} <= {
        *paths
    }
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


def replaced(value: Any, payload: str) -> Any:
    """A value of JSON, every text in it but those that choose a kind being the payload."""
    if isinstance(value, dict):
        value = {**value, "highlight": [0, 1]} if "highlight" in value else value
        return {key: each if key in ("verdict", "language") else replaced(each, payload) for key, each in value.items()}
    if isinstance(value, list):
        return [replaced(each, payload) for each in value]
    return payload if isinstance(value, str) else value


def saved_as(reply: Reply) -> str:
    """The name that a browser would keep a file under."""
    return unquote(reply.header("content-disposition").rpartition("filename*=UTF-8''")[2])


def test_nothing_that_is_posted_leads_outside(
    site: ChangingPage, attacker: Attacker, secret: Path, opened: Opened, served: tuple[list[str], list[str]]
) -> None:
    paths, names = served
    tried, before, sent, told = payloads("traversal", secret=secret), fingerprint(site.documents.parent), 0, []
    functions = attacker.functions()
    answer = attacker.call("ask", {"question": "What does the report say?"})["result"]
    posts = [path for path in paths if path.startswith("/snoska/") and path not in ("/snoska/upload", "/snoska/renew")]
    kept = set()
    with opened.watched() as files:
        for number, payload in enumerate(tried):
            given = dict.fromkeys(names, payload) | {"filters": dict.fromkeys(names, payload)}
            quoted = {**replaced(answer, payload), "citation": 1}
            bodies = [given | {"result": quoted, "judgement": "right", "documents": [payload]}]
            bodies += [{"document": payload, "start": 0, "end": 9, "page": 1, "pixels": 600, "sha256": "0" * 64}]
            asks = [(name, bodies[name.startswith("source")]) for name in functions]
            replies = {name: attacker.send("POST", COMPONENT, attacker.called(name, body)) for name, body in asks}
            for path in posts:
                target = path.replace("{id}", quote(payload, safe="", errors="replace"))
                target = target.replace("{kind}", "docx" if number % 4 == 0 else "md")
                replies[path] = attacker.send("POST", target, bodies[0])
                kept.add(saved_as(replies[path]))
            sent += len(replies)
            odd = [each for each, reply in replies.items() if SECRET in reply.text or reply.status >= 500]
            told += [(payload, each, replies[each].status) for each in odd]
    print(f"{len(tried)} names, {sent} requests to {len(functions)} functions and {len(posts)} routes")
    assert told == []
    assert strangers(files, site) == []
    after = fingerprint(site.documents.parent)
    assert {path for path in before if before[path] != after.get(path) and "/index/" not in path} == set()
    assert {path for path in after.keys() - before.keys() if "/index/" not in path} == set()
    assert {name for name in kept if re.search(r'[\\/:*?"<>|\x00-\x1f]|^\.|[. ]$', name)} == set()
    assert len(kept) > 50


def test_an_uploaded_file_stays_where_it_is_put(site: ChangingPage, attacker: Attacker, secret: Path) -> None:
    tried, before = payloads("traversal", secret=secret), fingerprint(site.documents)
    folder, kept, refused = site.index / UPLOADS, [], 0
    for payload in tried:
        for name in (payload, f"{payload}.txt"):
            reply = attacker.send("POST", f"/snoska/upload?name={quote(name, safe='', errors='replace')}", b"x")
            refused += reply.status == 415
            if reply.status == 200:
                kept.append(json.loads(reply.body)["document"])
            else:
                assert reply.status == 415
    print(f"{2 * len(tried)} names: {len(kept)} files kept, {refused} refused")
    assert sorted(path.name for path in folder.iterdir()) == sorted(name.removeprefix(f"{UPLOADS}/") for name in kept)
    assert all(path.is_file() and not path.is_symlink() for path in folder.iterdir())
    assert {name for name in kept if re.search(r'[\\:*?"<>|\x00-\x1f]|/\.|//', name) or name.count("/") != 1} == set()
    for payload in tried:
        for document in {payload, f"{UPLOADS}/{payload}", f"{UPLOADS}/../{payload}"} - {*kept}:
            address = f"/snoska/remove?document={quote(document, safe='', errors='replace')}"
            assert attacker.send("POST", address).status == 404
    assert len(list(folder.iterdir())) == len(kept)
    assert fingerprint(site.documents) == before
    assert secret.read_text("utf-8") == SECRET
    for name in kept[1:]:
        assert attacker.send("POST", f"/snoska/remove?document={quote(name, safe='')}").status == 200
    site.wait(site.post("remove", document=kept[0]).json())
    assert site.uploaded() == []


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_among_documents_and_uploads_is_not_followed_outside(
    site: ChangingPage, attacker: Attacker, secret: Path
) -> None:
    site.upload("whole.txt", "The uploaded text.")
    links = {site.documents / "link.txt": secret, site.documents / "above": secret.parent}
    links |= {site.index / UPLOADS / "link.txt": secret, site.index / UPLOADS / "above": secret.parent}
    links |= {
        site.documents / "press" / "loop.txt": Path("loop.txt"),
        site.documents / "passwd.txt": Path("/etc/passwd"),
    }
    for link, target in links.items():
        link.symlink_to(target)
    try:
        site.wait(site.post("renew").json())
        assert site.found() == ["press/release.txt", "report.txt", f"{UPLOADS}/whole.txt", "отчёт.txt"]
        for path in (
            "link.txt",
            "above/secret.txt",
            "passwd.txt",
            f"{UPLOADS}/link.txt",
            f"{UPLOADS}/above/secret.txt",
        ):
            assert attacker.send("GET", f"/snoska/source/file?document={quote(path, safe='')}").status == 404
            assert attacker.send("POST", f"/snoska/remove?document={quote(path, safe='')}").status == 404
        assert secret.read_text("utf-8") == SECRET
    finally:
        for link in links:
            link.unlink()
        site.wait(site.post("remove", document=f"{UPLOADS}/whole.txt").json())


def test_a_glob_matches_documents_paths_and_nothing_on_the_disk(
    site: ChangingPage, opened: Opened, secret: Path
) -> None:
    index, tried = site.collection.index(), payloads("traversal", secret=secret)
    with opened.watched() as files:
        found = {payload: {hit.document for hit in filtered(index, payload)} for payload in tried}
    assert {payload: each for payload, each in found.items() if each} == {}
    assert strangers(files, site) == []
    assert {hit.document for hit in filtered(index, "press/*")} == {"press/release.txt"}


def filtered(index: Index, glob: str) -> Any:
    return index.search("report of the port", filters=Filters(document=glob))


def test_an_index_in_milvus_has_no_other_address(secret: Path) -> None:
    for payload in payloads("traversal", secret=secret):
        for text in (f"milvus://{payload}", f"milvus://127.0.0.1:1/../{payload}", f"milvus://127.0.0.1:1/a/{payload}"):
            with pytest.raises(ConfigurationError):
                Address.parse(text)
