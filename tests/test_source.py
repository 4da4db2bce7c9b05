"""The source view without a browser: what of a document is shown, what of its folder can be reached, how it is sent."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import re
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from PIL import Image

import rag
from rag.errors import DocumentError, IndexMissing
from rag.folder import UPLOADS
from rag.readers import showing
from rag.settings import Settings
from rag.stores.entry import Entry
from rag.types import Block, Document, Json, Span
from rag.web import download, originals, pictures, reading, source
from rag.web.collection import Collection
from rag.web.pictures import Page, Pictures
from rag.web.reading import Marked
from rag.web.texts import EN, LANGUAGES, RU
from tests.small_encoder import SmallEncoder
from tests.small_pdf import lines
from tests.small_pdf import pdf as small_pdf

SECRET = "The secret that no page may show."
SAID = "The commission has approved the plan."
NAME = "Отчёт о море.txt"
PAGES = ("First page of the report.", SAID, "Third page of the report.")
CROPPED = "/CropBox [40 400 500 800]"
LINK = pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")

each_language = pytest.mark.parametrize("language", ["ru", "en"])


class Place:
    """A folder of documents beside a secret, its index, and the part of the page that shows them."""

    def __init__(self, path: Path, with_documents: bool = True) -> None:
        self.documents, self.path = path / "documents", path
        (self.documents / "press").mkdir(parents=True)
        (path / "secret.txt").write_text(SECRET, "utf-8")
        (self.documents / "report.pdf").write_bytes(small_pdf([lines([page]) for page in PAGES]))
        (self.documents / NAME).write_text("Первый абзац о море.\n\nВторой абзац <b>о</b> порте.\n", "utf-8")
        (self.documents / "press" / "a.txt").write_text("Press release about the port.", "utf-8")
        self.index = rag.build(self.documents, path / "index", encoder=SmallEncoder())
        self.collection = Collection(lambda _: self.index, documents=self.documents if with_documents else None)
        self.part = source.part(self.collection)

    def call(self, name: str, **given: object) -> Json:
        """What the script gets; the collection is to be ready."""
        [function] = [each for each in self.part.functions if each.__name__ == name]
        given.setdefault("language", "en")
        answer: Any = function(given)
        return dict(asyncio.run(answer) if asyncio.iscoroutine(answer) else answer)

    def span(self, document: str, text: str) -> dict[str, object]:
        start = self.index.document(document).text.index(text)
        return {"document": document, "start": start, "end": start + len(text)}


def placed(path: Path, with_documents: bool = True) -> Place:
    place = Place(path, with_documents)
    place.collection.start()
    place.collection.index()
    return place


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """One that no test changes."""
    return placed(tmp_path_factory.mktemp("source"))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return placed(tmp_path)


@pytest.fixture(scope="module")
def url(shared: Place, serve_app: Callable[[Collection], str]) -> str:
    return serve_app(shared.collection)


class Text(HTMLParser):
    """The text of a piece of HTML, and that of its elements by their class."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.text, self.tags = "", set[str]()
        self.by_class: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(markup)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._open.append(dict(attrs).get("class") or "")
        self.by_class.setdefault(self._open[-1], []).append("")

    def handle_endtag(self, tag: str) -> None:
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self.text += data
        for each in self._open:
            self.by_class[each][-1] += data


# --- what is shown ---


def test_a_pdf_opens_at_its_page_with_the_places_of_passage_and_sentence(shared: Place) -> None:
    span = shared.span("report.pdf", SAID)
    start = shared.index.document("report.pdf").text.index("approved")
    shown = shared.call("source", **span, **{"from": start, "to": start + len("approved")})
    [passage, sentence] = shown["rectangles"]
    [expected] = shared.index.rectangles("report.pdf", span["start"], span["end"])  # type: ignore[arg-type]
    assert passage == [*expected, False]
    assert passage[1] < sentence[1] < sentence[3] < passage[3]
    assert (sentence[0], sentence[5]) == (2, True)
    assert {name: shown[name] for name in ("state", "notes", "file", "pages", "page", "title")} == {
        "state": "same", "notes": [], "file": True, "pages": 3, "page": 2, "title": PAGES[0],
    }  # fmt: skip


@pytest.mark.parametrize(
    "page", ["", "/Rotate 90", "/Rotate 180", "/Rotate 270", CROPPED, f"/Rotate 90 {CROPPED}"],
    ids=["plain", "turned", "upside-down", "turned-back", "cropped", "cropped-and-turned"],
)  # fmt: skip
def test_the_rectangles_lie_on_the_words_of_the_picture(page: str, tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    data = small_pdf([lines([SAID])], page=page)
    (tmp_path / "documents" / "a.pdf").write_bytes(data)
    index = rag.build(tmp_path / "documents", tmp_path / "index", encoder=SmallEncoder())
    places = index.rectangles("a.pdf", 0, len(SAID))
    lefts, tops, rights, bottoms = zip(*(each[1:] for each in places), strict=True)
    around = [min(lefts), min(tops), max(rights), max(bottoms)]
    shown = showing.show(data, 1, 1200)
    picture = Image.open(io.BytesIO(shown.picture)).convert("L")
    scale = picture.width / shown.width
    inked = picture.point(lambda value: 255 if value < 128 else 0).getbbox()
    assert inked is not None
    ink = [edge / scale for edge in inked]
    assert picture.height == pytest.approx(shown.height * scale, abs=1)
    slack = 4  # points: a word's place is as high as its font, its letters are lower
    assert ink == pytest.approx(around, abs=slack)


def test_a_picture_is_shown_in_its_colours_and_in_the_points_that_its_words_are_given_in() -> None:
    stream = io.BytesIO()
    Image.new("RGB", (1500, 750), (200, 40, 40)).save(stream, "PNG", dpi=(300, 300))
    shown = showing.show(stream.getvalue(), 1, 600)
    picture = Image.open(io.BytesIO(shown.picture)).convert("RGB")
    assert (shown.width, shown.height, picture.size) == (
        pytest.approx(360, abs=0.1),
        pytest.approx(180, abs=0.1),
        (600, 300),
    )
    red, green, _ = picture.getpixel((300, 150))  # type: ignore[misc]
    assert red > 180
    assert green < 60


@pytest.mark.parametrize("number", [0, 4, 10**9])
def test_a_page_that_is_not_there_is_told(number: int) -> None:
    with pytest.raises(DocumentError, match=f"there is no page {number}"):
        showing.show(small_pdf(["", "", ""]), number, 600)


def test_an_endless_page_is_shown_within_limits() -> None:
    data = small_pdf([""]).replace(b"[0 0 595 842]", b"[0 0 9 14000]")
    picture = Image.open(io.BytesIO(showing.show(data, 1, 2600).picture))
    assert picture.height <= showing.MAX_SIDE


@each_language
@pytest.mark.parametrize("document", ["report.pdf", NAME])
@pytest.mark.parametrize("state", ["changed", "gone", "away"])
def test_a_file_that_is_not_as_it_was_is_said_so_and_the_text_is_shown(
    state: str, document: str, language: str, tmp_path: Path
) -> None:
    place = placed(tmp_path, with_documents=state != "away")
    if state == "changed":
        with (place.documents / document).open("ab") as stream:
            stream.write(b"\nmore")
    elif state == "gone":
        (place.documents / document).unlink()
    given = {**place.span(document, SAID if document == "report.pdf" else "о порте"[2:]), "language": language}
    shown = place.call("source", **given)
    assert {name: shown[name] for name in ("state", "notes", "file", "pages", "rectangles")} == {
        "state": state,
        "notes": [LANGUAGES[language][f"source.{state}"]],
        "file": state == "changed",
        "pages": 0,
        "rectangles": [],
    }
    text = place.call("source_text", **given)
    cited = place.index.document(document).text[given["start"] : given["end"]]  # type: ignore[misc]
    assert Text(text["html"]).by_class["cited"] == [cited]
    picture = place.call("source_page", **given, page=1, pixels=600, sha256=shown["sha256"])
    assert document != "report.pdf" or picture["error"] == LANGUAGES[language]["source.no_picture"]


def test_a_touched_file_is_the_same(place: Place) -> None:
    os.utime(place.documents / NAME, (1, 1))
    assert place.call("source", document=NAME)["state"] == "same"


def test_a_page_is_not_shown_of_a_file_that_was_changed_since_the_view_was_opened(place: Place) -> None:
    sha256 = place.call("source", document="report.pdf")["sha256"]
    (place.documents / "report.pdf").write_bytes(small_pdf([lines([SECRET])]))
    page = place.call("source_page", document="report.pdf", page=1, pixels=600, sha256=sha256)
    assert page["error"] == EN["source.no_picture"]
    assert Text(page["html"]).text.strip() == PAGES[0]


def test_a_place_that_the_document_does_not_have_is_told(shared: Place) -> None:
    shown = shared.call("source", document=NAME, start=10**6, end=10**6 + 5)
    assert shown["notes"] == [EN["source.no_place"]]
    assert shared.call("source", document=NAME)["notes"] == []
    assert "cited" not in Text(shared.call("source_text", document=NAME, start=10**6, end=10**6 + 5)["html"]).by_class


@pytest.mark.parametrize(
    "given", [{}, {"document": None}, {"document": 5}, {"document": ["a"]}, {"document": "none.txt"}]
)
@pytest.mark.parametrize("name", ["source", "source_text", "source_page"])
def test_what_is_no_document_is_told(name: str, given: dict[str, object], shared: Place) -> None:
    assert shared.call(name, **given) == {"error": EN["source.unknown"]}


@pytest.mark.parametrize("junk", [None, "1", 1.5, True, -1, [], {}, 10**30])
def test_junk_in_the_place_of_numbers_is_no_place(junk: object, shared: Place) -> None:
    given = dict.fromkeys(("start", "end", "from", "to", "page", "pixels", "after", "before"), junk)
    assert shared.call("source", document="report.pdf", **given)["rectangles"] == []
    assert shared.call("source_text", document=NAME, **given)["length"] == len(shared.index.document(NAME).text)
    assert shared.call("source_page", document="report.pdf", **given)["error"] == EN["source.no_picture"]


def test_a_collection_that_failed_is_told() -> None:
    def fail(_: object) -> rag.Index:
        raise IndexMissing("there is no index")

    collection = Collection(fail)
    collection.start()
    [function] = [each for each in source.part(collection).functions if each.__name__ == "source"]
    assert function({"document": "a.txt", "language": "ru"}) == {"error": RU["error.missing"]}


def test_a_large_index_shows_its_documents_as_a_small_one_does(place: Place, shared: Place) -> None:
    place.index = rag.build(
        place.documents, place.path / "mapped", encoder=SmallEncoder(), settings=Settings(mapped_from=1)
    )
    mapped = Collection(lambda _: place.index, documents=place.documents)
    mapped.start()
    place.part = source.part(mapped)
    for name in ("source", "source_text"):
        given = shared.span("report.pdf", SAID)
        assert place.call(name, **given) == shared.call(name, **given)


def test_what_was_uploaded_is_at_hand_though_the_documents_are_not(tmp_path: Path) -> None:
    (tmp_path / "index" / UPLOADS).mkdir(parents=True)
    (tmp_path / "index" / UPLOADS / "up.txt").write_text("Uploaded text.", "utf-8")
    place = placed(tmp_path, with_documents=False)
    assert place.call("source", document="uploads/up.txt")["state"] == "same"
    assert place.call("source", document=NAME)["state"] == "away"


# --- what can be reached ---

OUTSIDE = (
    "../secret.txt", "press/../../secret.txt", "..\\secret.txt", "..%2fsecret.txt", "%2e%2e/secret.txt",
    "%252e%252e%252fsecret.txt", "....//secret.txt", "/etc/passwd", "//etc/passwd", "file:///etc/passwd",
    "~/.ssh/id_rsa", "C:\\Windows\\win.ini", "\\\\host\\share\\a", "\\\\?\\C:\\a", "report.pdf\0.txt",
    "report.pdf/", "./report.pdf",
    "report.pdf/../report.pdf", "\u2025/secret.txt", "\uff0e\uff0e\uff0fsecret.txt", "..\u2215secret.txt",
    "..\u2044secret.txt", "REPORT.PDF", "report.pdf ", "report.pdf::$DATA", "press", "", ".", "..", "\ud800",
    "a" * 5000,    "Отче\u0308т о море.txt",
)  # fmt: skip


@pytest.mark.parametrize("document", OUTSIDE)
def test_nothing_but_a_documents_own_path_opens_anything(document: str, shared: Place, url: str) -> None:
    sha256 = shared.index.store.entries["report.pdf"].sha256
    spelled = quote(document.encode("utf-8", "surrogatepass"), safe="%")
    for address in (
        f"source/file?document={spelled}",
        f"source/page?document={spelled}&sha256={sha256}&page=1&pixels=600",
    ):
        response = httpx.get(f"{url}/snoska/{address}")
        assert (response.status_code, response.text) == (404, "not found\n")
    for name in ("source", "source_text"):
        assert shared.call(name, document=document) == {"error": EN["source.unknown"]}


@pytest.mark.parametrize(
    "changed",
    [
        {"page": "../1"}, {"page": "0"}, {"page": "4"}, {"page": "-1"}, {"page": "1e3"}, {"page": "٣"},
        {"page": "9" * 400}, {"pixels": "601"}, {"pixels": "999999999"}, {"pixels": ""}, {"sha256": "0" * 64},
        {"sha256": "../../secret.txt"}, {"document": NAME}, {"sha256": ""},
    ],
    ids=str,
)  # fmt: skip
def test_no_other_picture_than_of_a_page_of_the_very_file(changed: dict[str, str], shared: Place, url: str) -> None:
    sha256 = shared.index.store.entries["report.pdf"].sha256
    right = {"document": "report.pdf", "sha256": sha256, "page": "1", "pixels": "600"}
    assert httpx.get(f"{url}/snoska/source/page", params=right).status_code == 200
    assert httpx.get(f"{url}/snoska/source/page", params={**right, **changed}).status_code == 404


@pytest.mark.parametrize(
    "path", ["/snoska/source/../../secret.txt", "/snoska/source/file/../../x", "/snoska/source/file/x"]
)
def test_nothing_lies_below_the_addresses(path: str, url: str) -> None:
    assert httpx.get(url + path).status_code == 404
    assert httpx.get(url + quote(path, safe="/").replace("..", "%2e%2e")).status_code == 404


def a_link_out(place: Place, file: Path) -> None:
    file.symlink_to(place.path / "secret.txt")


def a_linked_folder(place: Place, file: Path) -> None:
    file.parent.rename(place.path / "elsewhere")
    (place.path / "elsewhere" / file.name).write_text(SECRET, "utf-8")
    file.parent.symlink_to(place.path / "elsewhere")


def a_pipe(_: Place, file: Path) -> None:
    os.mkfifo(file)


def a_folder(_: Place, file: Path) -> None:
    file.mkdir()


def a_circle(_: Place, file: Path) -> None:
    file.symlink_to(file)


def a_device(_: Place, file: Path) -> None:
    file.symlink_to("/dev/zero")


@LINK
@pytest.mark.parametrize("put", [a_link_out, a_linked_folder, a_pipe, a_folder, a_circle, a_device])
def test_what_is_put_in_a_files_place_is_not_followed(put: Callable[[Place, Path], None], place: Place) -> None:
    file = place.documents / "press" / "a.txt"
    entry = place.index.store.entries["press/a.txt"]
    file.unlink()
    put(place, file)
    assert originals.opened(entry, place.collection.roots) is None
    assert place.call("source", document="press/a.txt")["state"] == "gone"


@LINK
def test_a_link_within_the_folder_is_followed_as_the_reader_follows_it(place: Place) -> None:
    file = place.documents / "press" / "a.txt"
    file.rename(place.documents / "b.txt")
    file.symlink_to(place.documents / "b.txt")
    assert place.call("source", document="press/a.txt")["state"] == "same"


@LINK
def test_a_folder_that_becomes_a_link_while_it_is_opened_is_not_followed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, opens = place.index.store.entries["press/a.txt"], originals._descriptor

    def swapped(root: Path, file: Path) -> int:
        a_linked_folder(place, file)
        return opens(root, file)

    monkeypatch.setattr(originals, "_descriptor", swapped)
    assert originals.opened(entry, place.collection.roots) is None


@pytest.mark.parametrize(
    "name", ["../secret.txt", "/etc/passwd", "a/../../secret.txt", "a//b", ".hidden", ".git/config", "a\0"]
)
def test_an_index_that_names_what_is_outside_opens_nothing(name: str, shared: Place) -> None:
    entry = Entry("a.txt", "0" * 64, None, name=name)
    assert originals.place(entry, shared.collection.roots) is None
    assert originals.opened(entry, shared.collection.roots) is None


def test_a_file_is_looked_for_in_the_folder_that_its_path_names() -> None:
    roots = {"": Path("/documents"), "uploads/": Path("/index/uploads")}
    assert originals.place(Entry("uploads/a.txt", "", None), roots) == (Path("/index/uploads"), "a.txt")
    assert originals.place(Entry("b/a.txt", "", None, name="b/\udce0.txt"), roots) == (
        Path("/documents"),
        "b/\udce0.txt",
    )
    assert originals.place(Entry("b/a.txt", "", None), {"uploads/": Path("/index/uploads")}) is None


# --- hostile pages ---


def heavy() -> bytes:
    """A page whose colour at each point takes a long program: nothing to read, hours to draw."""
    program = "{" + "sin cos exch " * 20_000 + "pop dup dup}"
    shading = "<< /ShadingType 1 /ColorSpace /DeviceRGB /Domain [0 595 0 842] /Function 6 0 R >>"
    function = "/FunctionType 4 /Domain [0 595 0 842] /Range [0 1 0 1 0 1]"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources 7 0 R >>",
        "<< /Length 5 >>\nstream\n/S sh\nendstream",
        shading,
        f"<< {function} /Length {len(program)} >>\nstream\n{program}\nendstream",
        "<< /Shading << /S 5 0 R >> >>",
    ]
    body = "".join(f"{number} 0 obj\n{each}\nendobj\n" for number, each in enumerate(objects, start=1))
    return f"%PDF-1.7\n{body}trailer\n<< /Root 1 0 R /Size 8 >>\n%%EOF".encode()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_page_that_takes_too_long_is_given_up_and_the_next_one_is_shown(tmp_path: Path) -> None:
    made = Pictures(1024, seconds=2)
    (tmp_path / "bad.pdf").write_bytes(bad := heavy())
    (tmp_path / "good.pdf").write_bytes(good := small_pdf([""]))

    async def both() -> showing.Shown:
        with pytest.raises(DocumentError, match="it takes more than 2 s"):
            await made.shown(Page(sha256(bad), 1, 600), tmp_path / "bad.pdf")
        return await made.shown(Page(sha256(good), 1, 600), tmp_path / "good.pdf")

    assert asyncio.run(both()).width == 595


def test_only_so_many_pages_wait(shared: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "WAITING", 0)
    with pytest.raises(DocumentError, match="too many pages"):
        asyncio.run(Pictures(1024).shown(Page("0" * 64, 1, 600), shared.documents / "report.pdf"))


def test_pictures_are_kept_while_there_is_room_and_the_oldest_goes_first(shared: Place) -> None:
    file = shared.documents / "report.pdf"
    pages = [Page(sha256(file.read_bytes()), number, 600) for number in (1, 2, 3)]

    async def looked_at(room: int) -> list[int]:
        made = Pictures(1024, kept=room)
        sizes = [len((await made.shown(page, file)).picture) for page in pages[:2]]
        await made.shown(pages[0], file)  # looked at again: the second is the oldest now
        await made.shown(pages[2], file)
        assert made._size == sum(len(shown.picture) for shown in made._kept.values()) <= room
        assert min(sizes) > 100
        return [page.number for page in made._kept]

    assert asyncio.run(looked_at(2**20)) == [2, 1, 3]
    one = asyncio.run(Pictures(1024).shown(pages[0], file))
    assert asyncio.run(looked_at(int(2.5 * len(one.picture)))) == [1, 3]


# --- the file to be kept ---


def test_a_file_is_sent_whole_under_its_name_and_never_shown(shared: Place, url: str) -> None:
    response = httpx.get(f"{url}/snoska/source/file", params={"document": NAME})
    assert response.content == (shared.documents / NAME).read_bytes()
    assert {name: response.headers[name] for name in ("content-type", "x-content-type-options", "cache-control")} == {
        "content-type": "application/octet-stream", "x-content-type-options": "nosniff", "cache-control": "no-store",
    }  # fmt: skip
    assert response.headers["content-disposition"] == (
        f"attachment; filename=\"_____ _ ____.txt\"; filename*=UTF-8''{quote(NAME, safe='')}"
    )
    assert "sandbox" in response.headers["content-security-policy"]
    assert response.headers["content-length"] == str(len(response.content))
    head = httpx.head(f"{url}/snoska/source/file", params={"document": NAME})
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(response.content)))


def test_a_changed_file_is_sent_as_it_is_now(place: Place, serve_app: Callable[[Collection], str]) -> None:
    url = serve_app(place.collection)
    (place.documents / NAME).write_text("Новое.", "utf-8")
    assert httpx.get(f"{url}/snoska/source/file", params={"document": NAME}).text == "Новое."
    (place.documents / NAME).unlink()
    assert httpx.get(f"{url}/snoska/source/file", params={"document": NAME}).status_code == 404


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/b/report.pdf", "report.pdf"),
        ('a"b\r\nSet-Cookie: x.txt', "a_b__Set-Cookie_ x.txt"),
        ("x\u202egnp.exe", "x_gnp.exe"),
        ("<img src=x>.html", "_img src=x_.html"),
        ("..", "document"),
        ("a;b=c'd%41.txt", "a;b=c'd%41.txt"),
        ("ы" * 300 + ".docx", "ы" * 115 + ".docx"),
        ("a." + "b" * 300, "a." + "b" * 118),
    ],
)
def test_a_files_name_is_one_that_every_system_keeps(path: str, name: str) -> None:
    assert download.safe_name(path) == name
    header = download.disposition(path)
    assert re.fullmatch(r"attachment; filename=\"[ -!#-~]+\"; filename\*=UTF-8''[\w.%~-]+", header, re.ASCII)


# --- the text ---

TABLE = Document(
    path="a.csv",
    text="Заголовок\n\nОдин <b>\tдва\nтри\tчетыре\n\nКонец & всё.",
    blocks=(Block(0, 9, "heading"), Block(11, 23, "row"), Block(24, 34, "row"), Block(36, 48)),
    title="",
    language="ru",
    type="csv",
    pages=(0, 24),
)


def test_blocks_become_headings_tables_and_paragraphs_with_the_passage_set_off() -> None:
    whole = Span(0, len(TABLE.text))
    html = reading.html(TABLE, whole, Marked(Span(16, 30), Span(20, 23)), RU)
    assert html == (
        '<p class="heading" role="heading" aria-level="3" dir="auto">Заголовок</p>'
        '<div class="table"><table><tr><td dir="auto">Один <span class="cited">&lt;b&gt;</span></td>'
        '<td dir="auto"><span class="cited said">два</span></td></tr>'
        '<tr><td dir="auto"><span class="turn" data-page="стр.\u00a02"></span><span class="cited">три</span></td>'
        '<td dir="auto"><span class="cited">че</span>тыре</td></tr></table></div>'
        '<p dir="auto">Конец &amp; всё.</p>'
    ).replace('dir="auto">Заголовок', 'dir="auto"><span class="turn" data-page="стр.\u00a01"></span>Заголовок')


def long_document() -> Document:
    """Short blocks, and one that is far longer than a window."""
    texts = [f"Абзац {number}. " + "слово " * (number % 40) for number in range(3000)]
    texts[1500] = "длинный " * 20_000
    blocks, start = [], 0
    for text in texts:
        blocks.append(Block(start, start + len(text)))
        start += len(text) + 2
    return Document("a.txt", "\n\n".join(texts), tuple(blocks), "", "ru", "txt")


@pytest.mark.parametrize("forward", [True, False], ids=["down", "up"])
def test_the_windows_of_a_long_text_join_to_the_whole(forward: bool) -> None:
    document = long_document()
    length, windows = len(document.text), []
    at = 0 if forward else length
    while at < length if forward else at > 0:
        window = reading.after(document, at) if forward else reading.before(document, at)
        assert 0 < window.end - window.start <= 2 * reading.WINDOW
        windows.append(window)
        at = window.end if forward else window.start
    ordered = windows if forward else windows[::-1]
    text = "".join(Text(reading.html(document, window, Marked(), EN)).text for window in ordered)
    assert text == "".join(document.text[block.start : block.end] for block in document.blocks)


@pytest.mark.parametrize("at", [0, 5_000, 120_000, 250_000])
def test_the_first_window_has_the_passage_within(at: int) -> None:
    document = long_document()
    span = Span(at, at + 500)
    window = reading.around(document, span)
    assert window.start <= span.start < span.end <= window.end
    assert window.end - window.start <= 4 * reading.WINDOW
    assert window.start == 0 or span.start - window.start >= reading.WINDOW // 2


def test_a_passage_of_any_length_gives_a_window_of_the_usual_one() -> None:
    document = long_document()
    window = reading.around(document, Span(10, len(document.text)))
    assert window.end <= 4 * reading.WINDOW
