"""No address is ever asked for: not one that a document names, nor one that a request does. A server counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import quote

import httpx
import pytest
from hostile.containers import DECLARATION, MAIN, ODF_NAMES, PARTS, TEXT, office, pdf, stream

from rag.export import answer_json
from rag.types import Json
from rag.web.collection import Collection
from tests.attacks.attack import COMPONENT, PAYLOADS, Attacker, Canary
from tests.small_page import ChangingPage

# Gradio's queue sums up its own timings with an argument that pandas has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:The copy keyword is deprecated")

SAID = "The paper about the port."
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
KIND = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def documents(canary: str) -> dict[str, bytes]:
    """A file of every format that asks for the address in all the ways that the format knows."""
    texts: dict[str, str] = json.loads((PAYLOADS / "ssrf.json").read_text("utf-8"))
    made = {name: text.replace("{canary}", canary).encode() for name, text in texts.items()}
    parts: dict[str, dict[str, str | list[list[str]]]] = json.loads((PAYLOADS / "ssrf_parts.json").read_text("utf-8"))
    for name, replaced in parts.items():
        kind = name.rpartition(".")[2]
        made[name] = office(kind, {part: part_of(kind, part, held, canary) for part, held in replaced.items()})
    for kind, main in MAIN.items():
        for name, types in doctypes(canary).items():
            text = PARTS[kind][main].replace(DECLARATION, DECLARATION + types).replace(TEXT, f"{SAID} &x;")
            made[f"{name}.{kind}"] = office(kind, {main: text})
    linked = (
        f'<draw:frame><draw:image xlink:href="{canary}" xlink:actuate="onLoad"/></draw:frame>'
        f'<text:a xlink:href="{canary}">a</text:a><draw:object xlink:href="{canary}"/>'
        f'<text:section><text:section-source xlink:href="{canary}"/></text:section>'
    )
    spaces = f'{ODF_NAMES} xmlns:draw="x:draw" xmlns:xlink="http://www.w3.org/1999/xlink"'
    content = (
        PARTS["odt"]["content.xml"].replace(ODF_NAMES, spaces).replace(f"<text:p>{TEXT}", f"<text:p>{SAID}{linked}")
    )
    made["linked.odt"] = office("odt", {"content.xml": content})
    book = PARTS["epub"]["content.opf"]
    made["remote.epub"] = office("epub", {"content.opf": book.replace('href="chapter.xhtml"', f'href="{canary}"')})
    made["remote-package.epub"] = office(
        "epub", {"META-INF/container.xml": PARTS["epub"]["META-INF/container.xml"].replace("content.opf", canary)}
    )
    chapter = PARTS["epub"]["chapter.xhtml"].replace(
        TEXT, f'{SAID}<img src="{canary}"/><iframe src="{canary}"></iframe>'
    )
    made["pictures.epub"] = office("epub", {"chapter.xhtml": chapter})
    return made | papers(canary)


def doctypes(canary: str) -> dict[str, str]:
    return {
        "entity": f'<!DOCTYPE r [<!ENTITY x SYSTEM "{canary}">]>',
        "types": f'<!DOCTYPE r SYSTEM "{canary}"><?xml-stylesheet href="{canary}"?>',
        "public": f'<!DOCTYPE r PUBLIC "-//W3C//DTD XHTML//EN" "{canary}" [<!ENTITY % p SYSTEM "{canary}"> %p;]>',
    }


def part_of(kind: str, part: str, held: str | list[list[str]], canary: str) -> str:
    """A part as given, or one of relationships to the address beside those that the file needs."""
    if isinstance(held, str):
        return held.replace("{canary}", canary)
    before = PARTS[kind].get(part, f'{DECLARATION}<Relationships xmlns="{PACKAGE}"></Relationships>')
    lines = "".join(
        f'<Relationship Id="evil{number}" Type="{KIND}/{each}" Target="{canary}" '
        + (f'TargetMode="{mode}"/>' if mode else "/>")
        for number, (each, mode) in enumerate(held)
    )
    return before.replace("</Relationships>", f"{lines}</Relationships>")


def papers(canary: str) -> dict[str, bytes]:
    """PDFs that act when they are opened, and that hold what lies elsewhere."""
    acts = {
        "uri": f"/S /URI /URI ({canary})",
        "launch": f"/S /Launch /F ({canary})",
        "remote": f"/S /GoToR /F << /FS /URL /F ({canary}) >> /D [0 /Fit]",
        "embedded": f"/S /GoToE /F ({canary}) /D [0 /Fit]",
        "submit": f"/S /SubmitForm /F << /FS /URL /F ({canary}) >>",
        "import": f"/S /ImportData /F ({canary})",
        "script": f"/S /JavaScript /JS (app.launchURL\\('{canary}'\\); this.getURL\\('{canary}'\\))",
        "sound": f"/S /Rendition /OP 0 /R << /S /MR /C << /S /MCD /D << /FS /URL /F ({canary}) >> >> >>",
    }
    made = {}
    for name, act in acts.items():
        page = (
            f"/AA << /O << {act} >> >> /Annots [<< /Type /Annot /Subtype /Link /Rect [0 0 595 842] /A << {act} >> >>]"
        )
        made[f"{name}.pdf"] = pdf([SAID], page=page).replace(b"/Catalog", f"/Catalog /OpenAction << {act} >>".encode())
    figure = stream(
        b"", f"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Ref << /F << /FS /URL /F ({canary}) >> /Page 0 >>"
    )
    made["figure.pdf"] = pdf([") Tj ET /X Do BT (x"], [figure])
    outside = stream(b"", f"/Type /XObject /Subtype /Image /Width 9 /Height 9 /F << /FS /URL /F ({canary}) >>")
    made["outside.pdf"] = pdf([") Tj ET /X Do BT (x"], [outside])
    return made


@pytest.fixture(scope="module")
def canary() -> Canary:
    return Canary()


@pytest.fixture(scope="module")
def fetching(
    canary: Canary, serve_app: Callable[[Collection], str], tmp_path_factory: pytest.TempPathFactory
) -> ChangingPage:
    """A page over such documents, some of them uploaded."""
    page = ChangingPage(tmp_path_factory.mktemp("fetching"), serve_app)
    made = documents(canary.url)
    for number, (name, data) in enumerate(made.items()):
        if number % 3 or name.endswith(".json"):
            (page.documents / name).write_bytes(data)
        else:
            assert page.post("upload", data, name=name).status_code == 200
    page.wait(page.post("renew").json())
    return page


def test_a_document_of_every_format_is_read_and_asks_for_nothing(fetching: ChangingPage, canary: Canary) -> None:
    found = fetching.found()
    kinds = {name.rpartition(".")[2] for name in documents(canary.url)}
    print(f"{len(documents(canary.url))} documents of {len(kinds)} formats, {len(found)} read")
    assert canary.asked == 0
    assert kinds >= {"html", "xhtml", "md", "rtf", "csv", "txt", "fb2", "docx", "pptx", "xlsx", "odt", "epub", "pdf"}
    read = {name.rpartition(".")[2] for name in found}
    assert read >= kinds - {"json"}


def test_showing_and_taking_away_such_a_document_asks_for_nothing(fetching: ChangingPage, canary: Canary) -> None:
    attacker, index = Attacker(fetching.url), fetching.collection.index()
    for path, entry in index.store.entries.items():
        name, text = quote(path, safe=""), index.document(path).text
        place = {"document": path, "start": 0, "end": len(text), "page": 1, "pixels": 600, "sha256": entry.sha256}
        for function in ("source", "source_text"):
            assert "error" not in attacker.call(function, place)
        assert attacker.send("GET", f"/snoska/source/file?document={name}").status == 200
    for path in ("uri.pdf", "outside.pdf", "figure.pdf"):
        path = path if path in index.store.entries else f"uploads/{path}"
        sha256 = index.store.entries[path].sha256
        picture = f"/snoska/source/page?document={quote(path)}&sha256={sha256}&page=1&pixels=600"
        assert attacker.send("GET", picture).status == 200
    answer = answer_json(index.ask("What does the paper say about the port?"))
    for route in ("copy", "md", "docx"):
        assert attacker.send("POST", f"/snoska/takeaway/{route}", {"result": answer}).status == 200
    attacker.close()
    assert canary.asked == 0


def test_a_request_that_names_an_address_makes_nobody_ask_for_it(
    attacker: Attacker, canary: Canary, no_network: list[str]
) -> None:
    for url in (canary.url, "http://evil.invalid/x"):  # Gradio would ask for none on this machine, but look others up
        ask_for(url, attacker)
    assert canary.asked == 0
    assert no_network == []


def ask_for(url: str, attacker: Attacker) -> None:
    """Sends an address wherever a request can hold one."""
    file: Json = {"path": url, "url": url, "orig_name": "x", "is_stream": False, "meta": {"_type": "gradio.FileData"}}
    values = [
        url,
        file,
        [file],
        {"value": file},
        {"video": file},
        {"path": url},
        {"url": url},
        {"$ref": url},
        f"![x]({url})",
    ]
    for value in values:
        for name in attacker.functions():
            given = dict.fromkeys(("question", "document", "documents", "query", "sort", "sha256", "id"), value)
            attacker.send("POST", COMPONENT, attacker.called(name, {**given, "filters": given}))
        for path in ("call/ask", "call/search", "run/ask", "call/v2/ask"):
            body = {"question": value} if "v2" in path else {"data": [value]}
            reply = attacker.send("POST", f"/gradio_api/{path}", body)
            if reply.status == 200 and "event_id" in reply.text:
                attacker.read_stream(
                    f"/gradio_api/call/{path[-3:].replace('rch', 'search')}/{reply.json()['event_id']}"
                )
        for route in ("batch/start", "feedback/say", "takeaway/md", "takeaway/copy"):
            attacker.send("POST", f"/snoska/{route}", {"text": value, "result": value, "content": value, "name": value})
    for header in (
        "x-direct-url",
        "x-forwarded-host",
        "x-gradio-server",
        "referer",
        "origin",
        "forwarded",
        "x-ip-token",
    ):
        attacker.send("GET", "/config", headers={header: url})
    for path in (
        "/",
        f"/?q={quote(url)}&document={quote(url)}&source={quote(url)}",
        f"/snoska/source/file?document={quote(url)}",
    ):
        attacker.send("GET", path)
    assert attacker.send("POST", f"/snoska/upload?name={quote(url)}", b"x").status == 415


def test_the_server_that_counts_does_count(canary: Canary) -> None:
    """Last: what is said above would be nothing otherwise."""
    with pytest.raises(httpx.HTTPError):
        httpx.get(canary.url, timeout=0.2)
    assert canary.asked == 1
