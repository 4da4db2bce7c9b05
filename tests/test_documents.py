"""The collection on the page: what is listed, what may be uploaded and by whom, and what becomes of it."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

import rag
from rag import durable
from rag.folder import UPLOADS
from rag.settings import Settings
from rag.stores.milvus.server import Server
from rag.types import Json, Listed
from rag.web import asking, documents, permission, uploads
from rag.web.collection import Collection
from rag.web.listing import Listing
from rag.web.texts import EN, LANGUAGES, RU
from rag.web.texts import documents as said
from rag.web.uploads import Refused, Uploads, kept_name
from tests.milvus_server import MilvusServer
from tests.small_encoder import SmallEncoder
from tests.small_page import ChangingPage

# Gradio's queue sums up its own timings with an argument that pandas has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:The copy keyword is deprecated")
LIMIT = 32 * 2**20


@pytest.fixture(scope="module")
def page(serve_app: Callable[[Collection], str], tmp_path_factory: pytest.TempPathFactory) -> ChangingPage:
    """A page that visitors of this machine may change; each test leaves it as it found it."""
    return ChangingPage(tmp_path_factory.mktemp("changing"), serve_app)


@pytest.fixture
def clean(page: ChangingPage) -> Iterator[ChangingPage]:
    yield page
    for name in page.uploaded():
        page.wait(page.post("remove", document=f"uploads/{name}").json())
    assert (page.uploaded(), page.found()) == ([], ["отчёт.txt"])


def call(page: ChangingPage, name: str, **values: Any) -> Json:
    """What the page's script gets from a function of this part."""
    desk = documents.Desk(page.collection)
    reply: Json = getattr(desk, name)({"language": "en", **values})
    return reply


# --- names ---


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Отчёт за 2025 год.pdf", "Отчёт за 2025 год.pdf"),
        ("и\u0306од.TXT", "йод.TXT"),
        ("../../etc/passwd.txt", "passwd.txt"),
        ("..\\..\\windows\\win.txt", "win.txt"),
        ("/абсолютный/путь.md", "путь.md"),
        ("C:evil.txt", "C_evil.txt"),
        ("a.txt:stream.txt", "a.txt_stream.txt"),
        (".hidden.txt", "hidden.txt"),
        ("~$lock.docx", "lock.docx"),
        ("...  ..a.txt", "a.txt"),
        ("a\x00b\nc\x7f.txt", "ab c.txt"),
        ("\u202etxt.exe\u2066.txt", "txt.exe.txt"),
        ('<b>"|?*.txt', "_b_____.txt"),
        ("CON.txt", "_CON.txt"),
        ("com1.tar.txt", "_com1.tar.txt"),
        ("nul .txt", "_nul.txt"),
        ("console.txt", "console.txt"),
        ("a .txt", "a.txt"),
        ("a.txt. ", "a.txt"),
        ("%2e%2e%2fa.txt", "%2e%2e%2fa.txt"),
        ("[a] $(rm -rf ~) `x`.txt", "[a] $(rm -rf ~) `x`.txt"),
        ("щ" * 300 + ".docx", "щ" * 97 + ".docx"),
        ("😀" * 100 + ".txt", "😀" * 49 + ".txt"),
    ],
)
def test_a_name_is_kept_readable_and_made_harmless(given: str, kept: str) -> None:
    assert kept_name(given) == kept
    assert kept_name(kept) == kept
    assert len(kept.encode()) <= 200


@pytest.mark.parametrize(
    "given",
    ["", ".", "..", "/", "a", ".txt", "a.exe", "a.txt.exe", "a.zip", "a.txt~", "a.tmp", ".snoskaignore",
     "report.pdf.meta.json", "thumbs.db", "desktop.ini", "a.txt/", "\u202e.txt"],
)  # fmt: skip
def test_a_name_that_no_reader_reads_is_refused(given: str) -> None:
    with pytest.raises(Refused, match="type"):
        kept_name(given)


# --- uploading over HTTP ---


def test_an_upload_is_kept_private_and_indexed(clean: ChangingPage) -> None:
    reply = clean.upload("Протокол заседания.txt", "Протокол заседания совета.")
    assert reply["document"] == "uploads/Протокол заседания.txt"
    assert clean.found() == ["uploads/Протокол заседания.txt", "отчёт.txt"]
    assert call(clean, "turn", turn=reply["turn"], documents=[reply["document"]]) == {
        "done": True,
        "error": "",
        "results": {reply["document"]: {"state": "read", "text": "", "kind": ""}},
    }
    if os.name == "posix":
        folder = clean.index / UPLOADS
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()] == [0o600]


def test_names_that_clash_get_a_number(clean: ChangingPage) -> None:
    names = [clean.post("upload", b"x", name=name).json()["document"] for name in ("A.txt", "A.txt", "a.TXT", "A.md")]
    assert names == ["uploads/A.txt", "uploads/A (2).txt", "uploads/a (3).TXT", "uploads/A.md"]


def test_a_name_that_would_lead_elsewhere_stays_in_the_folder(clean: ChangingPage) -> None:
    before = {path for path in clean.index.parent.rglob("*") if UPLOADS not in path.parts}
    assert clean.post("upload", b"x", name="../../documents/чужой.txt").json()["document"] == "uploads/чужой.txt"
    assert clean.uploaded() == ["чужой.txt"]
    assert {path.parent for path in clean.index.parent.rglob("чужой.txt")} == {clean.index / UPLOADS}
    assert {path for path in before if not path.exists()} <= set((clean.index / "parts").rglob("*")) | before
    assert sorted(path.name for path in clean.documents.iterdir()) == ["отчёт.txt"]


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize(
    ("name", "content", "status", "reason"),
    [("a.txt", b"", 422, "empty"), ("a.exe", b"MZ", 415, "type"), ("", b"x", 415, "type")],
    ids=["empty", "type", "no name"],
)
def test_what_cannot_be_indexed_is_refused_in_the_readers_language(
    clean: ChangingPage, language: str, name: str, content: bytes, status: int, reason: str
) -> None:
    response = clean.post("upload", content, name=name, language=language)
    assert response.status_code == status
    assert response.json() == {"error": reason, "text": LANGUAGES[language][f"refused.{reason}"]}
    assert clean.uploaded() == []


def pieces(size: int) -> Iterator[bytes]:
    for _ in range(size // 2**20):
        yield b"x" * 2**20


def test_a_file_that_turns_out_too_large_is_cut_off_and_nothing_of_it_is_left(clean: ChangingPage) -> None:
    response = clean.post("upload", pieces(LIMIT + 2**20), name="a.txt")
    assert (response.status_code, response.json()["error"]) == (413, "large")
    assert response.json()["text"] == "larger than 32\u00a0MB"
    assert clean.uploaded() == []


def test_a_file_that_says_that_it_is_too_large_is_not_read(clean: ChangingPage) -> None:
    connection = http.client.HTTPConnection(clean.url.removeprefix("http://"), timeout=60)
    with contextlib.closing(connection):
        connection.putrequest("POST", "/snoska/upload?name=a.txt")
        connection.putheader("Content-Length", str(LIMIT + 1))
        connection.endheaders()
        assert connection.getresponse().status == 413
    assert clean.uploaded() == []


def test_a_file_of_just_the_limit_is_taken(clean: ChangingPage) -> None:
    reply = clean.post("upload", pieces(LIMIT), name="a.pdf").json()
    assert (clean.index / reply["document"]).stat().st_size == LIMIT
    clean.wait(reply)


def test_an_upload_that_is_broken_off_leaves_nothing(clean: ChangingPage) -> None:
    def broken() -> Iterator[bytes]:
        yield b"x" * 2**21
        while not clean.uploaded():  # it has begun to be kept
            time.sleep(0.01)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        clean.post("upload", broken(), name="a.txt")
    for _ in range(200):
        if not clean.uploaded():
            break
        time.sleep(0.05)
    assert clean.uploaded() == []


def test_a_file_that_cannot_be_read_is_told_with_the_reason(clean: ChangingPage) -> None:
    reply = clean.upload("Сломан.pdf", "это не PDF")
    result = call(clean, "turn", turn=reply["turn"], documents=[reply["document"]], language="ru")["results"]
    assert result == {
        reply["document"]: {
            "state": "skipped",
            "text": clean.collection.index().store.manifest["skipped"][0]["reason"],
            "kind": RU["reason.damaged"],
        }
    }
    skipped = call(clean, "skipped", language="ru")
    assert [(each["file"], each["uploaded"]) for each in skipped["rows"]] == [("uploads/Сломан.pdf", True)]


# --- removing ---


def test_a_removed_upload_is_gone_from_the_disk_and_from_the_answers(clean: ChangingPage) -> None:
    document = clean.upload("a.txt", "Секретный протокол.")["document"]
    assert clean.wait(clean.post("remove", document=document).json())["document"] == document
    assert (clean.uploaded(), clean.found()) == ([], ["отчёт.txt"])
    assert not (clean.index / UPLOADS).exists()


@pytest.mark.parametrize(
    "document",
    ["отчёт.txt", "uploads/", "uploads/нет.txt", "uploads/../CURRENT", "uploads/../../documents/отчёт.txt",
     "../documents/отчёт.txt", "uploads", "", "uploads/.", "uploads//a.txt", "uploads\\a.txt"],
)  # fmt: skip
def test_only_what_was_uploaded_can_be_removed(clean: ChangingPage, document: str) -> None:
    clean.upload("a.txt", "Протокол.")
    response = clean.post("remove", document=document)
    assert (response.status_code, response.json()["error"]) == (404, "gone")
    assert (clean.documents / "отчёт.txt").exists()
    assert (clean.index / "CURRENT").exists()
    assert clean.uploaded() == ["a.txt"]


def test_a_link_among_the_uploads_is_not_removed(clean: ChangingPage) -> None:
    clean.upload("a.txt", "Протокол.")
    link = clean.index / UPLOADS / "link.txt"
    link.symlink_to(clean.documents / "отчёт.txt")
    assert clean.post("remove", document="uploads/link.txt").status_code == 404
    link.unlink()
    assert (clean.documents / "отчёт.txt").exists()


def test_the_last_document_is_not_removed(tmp_path: Path, serve_app: Callable[[Collection], str]) -> None:
    page = ChangingPage(tmp_path, serve_app)
    document = page.upload("a.txt", "Протокол.")["document"]
    (page.documents / "отчёт.txt").unlink()
    page.wait(page.post("renew").json())
    assert page.found() == [document]
    response = page.post("remove", document=document, language="ru")
    assert (response.status_code, response.json()["text"]) == (409, RU["refused.last"])
    assert page.uploaded() == ["a.txt"]


# --- bringing it up to date ---


def test_the_collection_is_brought_up_to_date_when_asked(clean: ChangingPage) -> None:
    clean.put("новый.txt", "Новый документ.")
    clean.wait(clean.post("renew").json())
    assert clean.found() == ["новый.txt", "отчёт.txt"]
    (clean.documents / "новый.txt").unlink()
    clean.wait(clean.post("renew").json())


def test_a_rebuild_starts_over_keeps_the_uploads_and_answers_meanwhile(
    tmp_path: Path, serve_app: Callable[[Collection], str]
) -> None:
    encoder = SmallEncoder()
    page = ChangingPage(tmp_path, serve_app, encoder=encoder)
    page.upload("a.txt", "Протокол.")
    before, generation = list(encoder.encoded), page.collection.index().store
    page.wait(page.post("renew", rebuild="1").json())
    assert sorted(encoder.encoded) == sorted(2 * before)
    assert page.collection.index().store is not generation
    assert generation.document("uploads/a.txt").text == "Протокол."  # who holds the old one may go on
    assert page.found() == ["uploads/a.txt", "отчёт.txt"]
    assert page.uploaded() == ["a.txt"]


def test_an_upload_mends_a_collection_that_had_nothing_to_index(
    tmp_path: Path, serve_app: Callable[[Collection], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    build = rag.index.build
    monkeypatch.setattr("rag.index.build", lambda *places, **more: build(*places, encoder=SmallEncoder(), **more))
    (tmp_path / "documents").mkdir()
    collection = Collection.at(tmp_path / "index", tmp_path / "documents", "on")
    url = serve_app(collection)
    with pytest.raises(rag.errors.NothingToIndex):
        collection.index()
    reply = httpx.post(f"{url}/snoska/upload", params={"name": "a.txt"}, content="Первый документ.".encode()).json()
    assert reply["document"] == "uploads/a.txt"
    assert sorted(collection.index().store.entries) == ["uploads/a.txt"]
    assert collection.stop()


def test_a_rebuild_mends_a_damaged_index(
    tmp_path: Path, serve_app: Callable[[Collection], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    build = rag.index.build
    monkeypatch.setattr("rag.index.build", lambda *places, **more: build(*places, encoder=SmallEncoder(), **more))
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "a.txt").write_text("Документ.", encoding="utf-8")
    rag.index.build(tmp_path / "documents", tmp_path / "index")
    (tmp_path / "index" / "CURRENT").write_bytes(b"damaged")
    collection = Collection.at(tmp_path / "index", tmp_path / "documents", "on")
    url = serve_app(collection)
    with pytest.raises(rag.errors.IndexDamaged):
        collection.index()
    assert httpx.post(f"{url}/snoska/renew", params={"rebuild": "1"}).status_code == 200
    assert sorted(collection.index().store.entries) == ["a.txt"]
    assert collection.stop()


def test_a_crash_between_keeping_a_file_and_building_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    store = Uploads(tmp_path / "index", tmp_path / "documents", LIMIT, LIMIT * 4)
    with store.receive("a.txt", None) as receiving:
        receiving.write("Протокол.".encode())
        assert receiving.finish() == "uploads/a.txt"
    with store.receive("b.txt", None) as receiving:  # and one that the crash has cut off
        receiving.write(b"x")
        left = tmp_path / "index" / UPLOADS / f"{durable.TEMPORARY}cut"
        left.write_bytes(b"half")
    index = rag.build(tmp_path / "documents", tmp_path / "index", encoder=SmallEncoder())
    assert list(index.store.entries) == ["uploads/a.txt"]
    os.utime(left, (0, 0))
    with store.receive("c.txt", None):
        assert not left.exists()  # the next upload clears away what was abandoned long ago


def test_so_many_files_are_kept_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_FILES", 1)
    store = Uploads(tmp_path / "index", tmp_path, LIMIT, LIMIT)
    with store.receive("a.txt", 1) as receiving:
        receiving.write(b"x")
        receiving.finish()
    with pytest.raises(Refused, match="number"):
        store.receive("b.txt", 1)
    monkeypatch.setattr(uploads, "MAX_FILES", 2)
    with store.receive("c.txt", 1), pytest.raises(Refused, match="number"):  # one that is on its way counts
        store.receive("d.txt", 1)
    store.receive("d.txt", 1).__exit__()


def test_so_many_bytes_are_kept_together_and_no_more(tmp_path: Path) -> None:
    store = Uploads(tmp_path / "index", tmp_path, 5, 12)
    with store.receive("a.txt", 4) as receiving:
        receiving.write(b"1234")
        receiving.finish()
    with store.receive("b.txt", None), store.receive("c.txt", 3) as third:  # five bytes are held free for the first
        with pytest.raises(Refused, match="room"):
            store.receive("d.txt", 1)
        with pytest.raises(Refused, match="large"):
            third.write(b"1234")
    for _ in range(2):  # what broke off holds nothing
        with store.receive("d.txt", None), pytest.raises(Refused, match="room"):
            store.receive("e.txt", 4)
    store.remove("uploads/a.txt")
    with store.receive("d.txt", 5), store.receive("e.txt", 5):
        pass


def test_a_file_that_breaks_off_does_not_wait_for_one_that_is_being_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's loop stands still meanwhile."""
    slow, begun, end = durable.NewFile.put, threading.Event(), threading.Event()

    def put(new: durable.NewFile, target: Path) -> None:
        begun.set()
        assert end.wait(60)
        slow(new, target)

    store = Uploads(tmp_path / "index", tmp_path, 5, 12)
    with ThreadPoolExecutor(2) as threads, store.receive("a.txt", 1) as first:
        second = store.receive("b.txt", 1)
        monkeypatch.setattr(durable.NewFile, "put", put)
        first.write(b"x")
        kept = threads.submit(first.finish)
        assert begun.wait(60)
        try:
            threads.submit(second.__exit__).result(timeout=20)
        finally:
            end.set()
        assert kept.result() == "uploads/a.txt"


def test_a_file_that_vanishes_while_the_others_are_looked_through_hides_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, scandir = Uploads(tmp_path / "index", tmp_path, LIMIT, LIMIT), os.scandir
    for name in ("a.txt", "b.txt", "c.txt"):
        with store.receive(name, 1) as receiving:
            receiving.write(b"x")
            receiving.finish()

    def vanishing(entries: Iterator[os.DirEntry[str]]) -> Iterator[os.DirEntry[str]]:
        for entry in entries:
            if entry.name == "b.txt":
                Path(entry.path).unlink()
            yield entry

    @contextlib.contextmanager
    def scanned(folder: Path) -> Iterator[Iterator[os.DirEntry[str]]]:
        with scandir(folder) as entries:
            yield vanishing(entries)

    monkeypatch.setattr(os, "scandir", scanned)
    assert store.names().keys() == {"a.txt", "c.txt"}


def test_a_page_says_how_much_may_be_uploaded_together(
    tmp_path: Path, serve_app: Callable[[Collection], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNOSKA_MAX_UPLOADS_MB", "1.5")
    page = ChangingPage(tmp_path, serve_app)
    response = page.post("upload", b"x" * (2**20 + 2**20), name="a.txt", language="ru")
    assert (response.status_code, response.json()["error"]) == (409, "room")
    assert response.json()["text"] == "вместе загруженные файлы заняли бы больше 1.5\u00a0МБ: удалите лишние"
    assert page.uploaded() == []
    assert page.upload("a.txt", "Протокол.")["document"] == "uploads/a.txt"


def test_files_of_one_name_that_come_at_once_are_all_kept(clean: ChangingPage, monkeypatch: pytest.MonkeyPatch) -> None:
    names = Uploads.names

    def slow(self: Uploads) -> dict[str, str]:
        found = names(self)
        time.sleep(0.05)  # for another one to look, too, before this one is kept
        return found

    monkeypatch.setattr(Uploads, "names", slow)
    with ThreadPoolExecutor(4) as visitors:
        replies = list(
            visitors.map(lambda number: clean.post("upload", number, name="a.txt"), [b"1", b"2", b"3", b"4"])
        )
    monkeypatch.undo()
    kept = {reply.json()["document"]: number for reply, number in zip(replies, (b"1", b"2", b"3", b"4"), strict=True)}
    assert sorted(kept) == ["uploads/a (2).txt", "uploads/a (3).txt", "uploads/a (4).txt", "uploads/a.txt"]
    assert {name: (clean.index / name).read_bytes() for name in kept} == kept


def test_nothing_is_uploaded_beside_a_folder_of_that_name(tmp_path: Path) -> None:
    (tmp_path / "documents" / UPLOADS).mkdir(parents=True)
    with pytest.raises(Refused, match="clash"):
        Uploads(tmp_path / "index", tmp_path / "documents", LIMIT, LIMIT * 4).receive("a.txt", 1)
    assert not (tmp_path / "index").exists()


# --- who may ---

CHANGES = (("upload", {"name": "a.txt"}), ("remove", {"document": "uploads/a.txt"}), ("renew", {}))
each_change = pytest.mark.parametrize(("route", "values"), CHANGES, ids=[name for name, _ in CHANGES])


@each_change
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1"},
        {"Sec-Fetch-Site": "none"},
    ],
    ids=lambda headers: " ".join(headers.values()),
)
def test_another_sites_page_changes_nothing(
    page: ChangingPage, route: str, values: dict[str, str], headers: dict[str, str]
) -> None:
    response = page.post(route, b"x", headers, **values)
    assert response.status_code == 403
    assert response.text == "asked by another site's page\n" or response.json()["error"] == "foreign"
    assert page.uploaded() == []


@each_change
@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Host": "10.0.0.1:7860"}, {"X-Forwarded-For": "10.0.0.1"}, {"Forwarded": "for=x"}],
    ids=lambda headers: " ".join(headers),
)
def test_a_name_that_was_made_to_lead_here_and_a_proxy_change_nothing(
    page: ChangingPage, route: str, values: dict[str, str], headers: dict[str, str]
) -> None:
    response = page.post(route, b"x", headers, **values)
    told = 421 if "Host" in headers else response.json()["error"]  # a foreign name does not come that far
    assert (response.status_code, told) == ((421, 421) if "Host" in headers else (403, "off"))
    assert page.uploaded() == []


@each_change
def test_a_proxy_that_adds_nothing_is_known_by_its_old_http(
    page: ChangingPage, route: str, values: dict[str, str]
) -> None:
    """As nginx passes a request on where only ``proxy_pass`` is set."""
    host, port = page.url.removeprefix("http://").split(":")
    bare = f"POST /snoska/{route}?{urlencode(values)} HTTP/1.0\r\nHost: {host}:{port}\r\nConnection: close\r\n"
    with socket.create_connection((host, int(port)), timeout=60) as proxy:
        proxy.sendall(f"{bare}Content-Length: 1\r\n\r\nx".encode())
        answer = b"".join(iter(lambda: proxy.recv(2**16), b""))
    assert answer.split()[1] == b"403"
    assert page.uploaded() == []


def test_the_pages_own_requests_may(clean: ChangingPage) -> None:
    assert clean.collection.is_open_to_changes
    for headers in ({"Origin": clean.url}, {"Sec-Fetch-Site": "same-origin", "Origin": clean.url}):
        assert clean.post("upload", b"x", headers, name="a.txt").status_code == 200


@each_change
def test_a_change_is_posted(page: ChangingPage, route: str, values: dict[str, str]) -> None:
    assert httpx.get(f"{page.url}/snoska/{route}", params=values).status_code == 404


@pytest.mark.parametrize(
    ("setting", "host", "rule"),
    [
        ("auto", "127.0.0.1", "here"),
        ("auto", "localhost", "here"),
        ("auto", "::1", "here"),
        ("auto", "0.0.0.0", "off"),
        ("auto", "", "off"),
        ("auto", "snoska.example", "off"),
        ("on", "0.0.0.0", "on"),
        ("off", "127.0.0.1", "off"),
    ],
)
def test_the_setting_and_the_address_say_who_may(setting: str, host: str, rule: str) -> None:
    assert permission.rule(Settings.from_environment({"SNOSKA_CHANGES": setting}).changes, host) == rule


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(rag.errors.ConfigurationError, match="SNOSKA_CHANGES='yes' is not known"):
        Settings.from_environment({"SNOSKA_CHANGES": "yes"})


@pytest.fixture(scope="module")
def closed(serve_app: Callable[[Collection], str], tmp_path_factory: pytest.TempPathFactory) -> ChangingPage:
    return ChangingPage(tmp_path_factory.mktemp("closed"), serve_app, "off")


@each_change
@pytest.mark.parametrize("language", ["ru", "en"])
def test_where_it_is_switched_off_nothing_is_changed_and_why_is_said(
    closed: ChangingPage, route: str, values: dict[str, str], language: str
) -> None:
    response = closed.post(route, b"x", language=language, **values)
    told = LANGUAGES[language]["refused.off"]
    assert (response.status_code, response.json()) == (403, {"error": "off", "text": told})
    assert not closed.collection.is_open_to_changes
    assert (closed.uploaded(), call(closed, "documents", language=language)["closed"]) == ([], told)


@each_change
def test_an_index_without_its_folder_of_documents_is_only_read(server: str, route: str, values: dict[str, str]) -> None:
    response = httpx.post(f"{server}/snoska/{route}", params=values, content=b"x")
    assert (response.status_code, response.json()) == (403, {"error": "closed", "text": EN["refused.closed"]})


# --- the list ---


class Shelf:
    """Enough of a store to be listed."""

    def __init__(self, *listed: Listed) -> None:
        self._listed = listed

    def listed(self) -> Iterator[Listed]:
        return iter(self._listed)


def shelf() -> Listing:
    return Listing.of(
        Shelf(  # type: ignore[arg-type]  # a list of documents is all that is asked of it
            Listed("b/Приказ.docx", "Приказ о подъёме", "ru", "docx", "2024-01-01", 7, "2026-01-02T00:00:00Z", ()),
            Listed("a.txt", "Ёлка", "ru", "txt", None, 30, "", ()),
            Listed("c.pdf", "Annual report", "en", "pdf", "2025-11-25", 100, "2026-01-01T00:00:00Z", ()),
        )
    )


@pytest.mark.parametrize(
    ("sort", "reverse", "found"),
    [
        ("title", False, ["c.pdf", "a.txt", "b/Приказ.docx"]),
        ("title", True, ["b/Приказ.docx", "a.txt", "c.pdf"]),
        ("date", False, ["b/Приказ.docx", "c.pdf", "a.txt"]),
        ("date", True, ["c.pdf", "b/Приказ.docx", "a.txt"]),
        ("passages", True, ["c.pdf", "a.txt", "b/Приказ.docx"]),
        ("language", False, ["c.pdf", "a.txt", "b/Приказ.docx"]),
        ("type", False, ["b/Приказ.docx", "c.pdf", "a.txt"]),
        ("read", True, ["b/Приказ.docx", "c.pdf", "a.txt"]),
        ("unknown", False, ["c.pdf", "a.txt", "b/Приказ.docx"]),
    ],
)
def test_the_list_is_sorted(sort: str, reverse: bool, found: list[str]) -> None:
    assert [each.path for each in shelf().select("", sort, reverse)] == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 3),
        ("елка", 1),
        ("ПОДЪЕМЕ приказ", 1),
        ("b/", 1),
        ("report annual", 1),
        (".pdf", 1),
        ("нет", 0),
        ("приказ report", 0),
    ],
)
def test_the_list_is_searched_by_title_and_path(query: str, found: int) -> None:
    assert len(shelf().select(query, "title", False)) == found


def test_where_to_look_is_asked_of_milvus_once_for_each_generation(
    milvus: MilvusServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(ocr=(), milvus_seconds=30)
    called: list[str] = []
    (tmp_path / "Приказ 10.md").write_text("# О подъёме\n\nМост через реку Велму открыли в 1954 году.", "utf-8")
    (tmp_path / "Приказ 2.txt").write_text("The lighthouse on Gull Point was lit in 1871.", "utf-8")
    build = partial(rag.build, tmp_path, milvus.url("where"), encoder=SmallEncoder(), settings=settings)
    given = [build()]
    collection = Collection(lambda _: given[0])
    places = next(each for each in asking.part(collection).functions if each.__name__ == "places")
    monkeypatch.setattr(Server, "_call", _noting(called))
    monkeypatch.setattr(collection, "opened", lambda: given[0])

    def found(wanted: str) -> list[str]:
        reply = places({"language": "ru", "document": wanted})
        assert reply["types"] == ["md", "txt"]
        assert [each["code"] for each in reply["languages"]] == ["en", "ru"]
        return [each["path"] for each in reply["documents"]]

    assert found("") == ["Приказ 2.txt", "Приказ 10.md"]
    assert called == ["query_iterator"]
    assert (found("подъеме"), found("приказ 2"), found("нет")) == (["Приказ 10.md"], ["Приказ 2.txt"], [])
    assert called == ["query_iterator"]
    (tmp_path / "Приказ 2.txt").unlink()
    (tmp_path / "Новый.txt").write_text("The fish market opens at five in the morning.", "utf-8")
    given[0] = build()
    called.clear()
    assert (found(""), found("новый")) == (["Новый.txt", "Приказ 10.md"], ["Новый.txt"])
    assert called == ["query_iterator"]


def _noting(called: list[str]) -> Callable[..., Any]:
    """What calls Milvus, and notes by which method."""
    call = Server._call

    def noted(self: Server, method: str, *given: Any, **named: Any) -> Any:
        called.append(method)
        return call(self, method, *given, **named)

    return noted


def test_a_page_of_the_list_is_sent_at_a_time(page: ChangingPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "AT_ONCE", 2)
    for number in range(4):
        page.put(f"{number}.txt", f"Документ {number}")
    page.wait(page.post("renew").json())
    for start, sent in (
        (0, ["0.txt", "1.txt"]),
        (3, ["2.txt", "3.txt"]),
        (99, ["отчёт.txt"]),
        (-5, ["0.txt", "1.txt"]),
    ):
        reply = call(page, "documents", sort="document", start=start)
        assert [row["document"] for row in reply["rows"]] == sent
        assert (reply["total"], reply["all"]) == (5, 5)
    reply = call(page, "documents", query="отчёт", start="x")
    assert [row["document"] for row in reply["rows"]] == ["отчёт.txt"]
    assert (reply["total"], reply["all"]) == (1, 5)
    for number in range(4):
        (page.documents / f"{number}.txt").unlink()
    page.wait(page.post("renew").json())


def test_a_row_says_what_is_known_of_the_document(page: ChangingPage) -> None:
    reply = call(page, "documents")
    [row] = reply["rows"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row.pop("read"))
    assert row == {
        "document": "отчёт.txt",
        "title": "Отчёт о работе комиссии за 2025 год.",
        "date": None,
        "language": "Russian",
        "type": "txt",
        "passages": 1,
        "missing": [],
        "uploaded": False,
    }
    assert (reply["closed"], reply["bytes"], reply["skipped"]) == ("", LIMIT, 0)
    assert {"pdf", "docx", "txt"} <= set(reply["endings"])


def test_when_a_document_was_read_is_kept_while_it_is_the_same(clean: ChangingPage) -> None:
    before = call(clean, "documents")["rows"][0]["read"]
    clean.upload("a.txt", "Протокол.")
    assert {row["document"]: row["read"] for row in call(clean, "documents")["rows"]}["отчёт.txt"] == before


@pytest.mark.parametrize("mapped_from", [10_000, 1], ids=["in memory", "mapped"])
def test_both_kinds_of_index_list_their_documents(tmp_path: Path, mapped_from: int) -> None:
    (tmp_path / "documents").mkdir()
    for name, text in (("a.txt", "Первый.\n\nВторой."), ("b.md", "# Report\n\nThe report."), ("c.txt", "Лишний.")):
        (tmp_path / "documents" / name).write_text(text, encoding="utf-8")
    settings = Settings(mapped_from=mapped_from)
    rag.build(tmp_path / "documents", tmp_path / "index", encoder=SmallEncoder(), settings=settings)
    (tmp_path / "documents" / "c.txt").unlink()
    index = rag.build(tmp_path / "documents", tmp_path / "index", encoder=SmallEncoder(), settings=settings)
    listed = sorted(index.store.listed(), key=lambda each: each.path)
    assert [(each.path, each.title, each.language, each.type, each.date, each.passages) for each in listed] == [
        ("a.txt", "Первый.", "ru", "txt", None, 2),
        ("b.md", "Report", "en", "md", None, 1),
    ]


def test_while_nothing_is_ready_the_list_is_empty(tmp_path: Path) -> None:
    desk = documents.Desk(Collection.at(tmp_path / "index", tmp_path))
    assert desk.documents(None)["rows"] == desk.skipped({"start": True})["rows"] == []


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("the file is empty", "empty"),
        ("no reader for .zip: unpack the archive", "type"),
        ("33.0 MB is over the limit of 32 MB: split it, or raise SNOSKA_MAX_FILE_MB", "large"),
        ("it takes more than 60 s to read: split it, or raise SNOSKA_READ_SECONDS", "slow"),
        ("the file is damaged or cut short: copy or save it again", "damaged"),
        ("a link that leads out of the folder", "link"),
        ("something else", ""),
    ],
)
def test_a_reason_of_a_frequent_kind_is_said_in_russian(reason: str, kind: str) -> None:
    assert documents._kind(reason, RU) == (RU[f"reason.{kind}"] if kind else "")
    assert documents._kind(reason, EN) == ""
    assert set(said.REASONS) == {key.removeprefix("reason.") for key in RU if key.startswith("reason.")}
