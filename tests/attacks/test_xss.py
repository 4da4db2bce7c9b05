"""Nothing that stands in a document, a name, a question or an address becomes an element of a page: it stays a text."""

from __future__ import annotations

import csv
import datetime
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlencode

import docx
import pytest
from hostile.containers import pdf
from playwright.sync_api import Browser, Page, expect

from rag.export.rich import rich
from rag.export.sound import closed, sound
from rag.export.word import word
from rag.report import run
from rag.web import asking, documents
from rag.web.collection import Collection
from tests.attacks.attack import payloads
from tests.browser_help import MARKS, Visit, ask, shoot
from tests.small_page import ChangingPage
from tests.test_export import answered, cited

pytestmark = MARKS

TRIED = payloads("xss")
WORDS = "reservoir", "harbour"  # one in every document, one in the questions too
QUESTION = "Which harbour has a reservoir?"
FORBIDDEN = re.compile(r"[/\x00-\x1f]")  # in a file's name here
# Elements that a payload makes; how many of each there are must not change. The page has some of its own.
TAGS = [
    "script", "iframe", "object", "embed", "video", "audio", "source", "track", "math", "mglyph", "marquee", "base",
    "meta", "link", "style", "template", "noscript", "svg", "animate", "use", "image", "img", "isindex", "h1", "font",
    "applet", "frame", "frameset", "xmp", "plaintext",
]  # fmt: skip

COUNT = "(tags) => Object.fromEntries(tags.map((tag) => [tag, document.querySelectorAll(tag).length]))"
# Attributes that run or lead elsewhere, wherever they are; what a payload's own attributes would be called.
ODD = r"""() => {
  const odd = [];
  for (const each of document.querySelectorAll("*")) {
    for (const { name, value } of each.attributes) {
      const address = value.replace(/[\x00-\x20]/g, "").toLowerCase();
      const leads = /^(href|src|action|formaction|data|srcdoc|background|poster|xlink:href|srcset|ping)$/.test(name);
      const isOurs = each.namespaceURI.endsWith("/svg"); // of a plot, or of a sign on the page
      if (name.startsWith("on") || (name === "x" && !isOurs)) odd.push(`${each.tagName} ${name}`);
      if (leads && /^(javascript|vbscript|data:text)/.test(address)) odd.push(`${each.tagName} ${value}`);
      if (leads && /^(https?:)?\/\/(?!127\.0\.0\.1)/.test(address)) odd.push(`${each.tagName} ${value}`);
    }
  }
  if (window.hacked !== undefined) odd.push("it ran");
  if (Object.prototype.hacked !== undefined) odd.push("the prototype");
  return odd;
}"""


@dataclass(frozen=True)
class Attacked:
    """A page over documents made of payloads, in a browser; how many elements of each kind it has."""

    site: ChangingPage
    page: Page
    visit: Visit
    before: dict[str, int]

    def check(self) -> None:
        """Fails where a payload has become anything."""
        assert self.page.evaluate(ODD) == []
        assert self.page.evaluate(COUNT, TAGS) == self.before
        assert self.page.url.startswith(self.site.url)
        self.visit.check()


def name_of(number: int, payload: str) -> str:
    return f"{number:03} {FORBIDDEN.sub('_', payload)[:60]}"


def unlike(number: int) -> str:
    """Words of its own, so that no document is a copy of another one."""
    return " ".join(f"w{number}{letter}" for letter in "abcdefghijklmnop")


def write(site: ChangingPage) -> None:
    """A document of each payload, named and titled by it; all of them in a table, a page and a paper; some broken."""
    for number, payload in enumerate(TRIED):
        name = f"{name_of(number, payload)}.txt"
        site.put(name, f"The {WORDS[0]} of {payload} is there. {unlike(number)}")
        site.put(f"{name}.meta.json", json.dumps({"title": payload, "date": "2025-01-01", "language": "en"}))
        if number % 8 == 0:
            site.put(f"{name_of(number, payload)}.pdf", "no paper")
    rows = io.StringIO()
    csv.writer(rows).writerows([["Payload", "Number"], *([payload, number] for number, payload in enumerate(TRIED))])
    site.put("all.csv", rows.getvalue())
    site.put("all.txt", "\n\n".join(TRIED))
    ascii_title = TRIED[13].replace("(", "\\(").replace(")", "\\)")
    paper = pdf(
        ["A paper about nothing."], trailer="/Info << /Title (" + ascii_title + ") /Author (<svg onload=alert(1)>) >>"
    )
    (site.documents / "paper.pdf").write_bytes(paper)


@pytest.fixture(scope="module")
def attacked(
    browser: Browser, serve_app: Callable[[Collection], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Attacked]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(asking, "SHOWN", 3 * len(TRIED))  # all on one page
        patched.setattr(documents, "AT_ONCE", 2 * len(TRIED))
        site = ChangingPage(tmp_path_factory.mktemp("xss"), serve_app)
        write(site)
        site.wait(site.post("renew").json())
        visit = Visit(browser)
        page = visit(site.url, viewport={"width": 1280, "height": 900})
        expect(page.locator("#status")).to_contain_text("Documents")
        ask(page, "отчёт комиссии")
        yield Attacked(site, page, visit, page.evaluate(COUNT, TAGS))
        visit.close()


def test_documents_texts_titles_and_names_stay_texts(attacked: Attacked) -> None:
    page, index = attacked.page, attacked.site.collection.index()
    ask(page, QUESTION)
    answer = index.ask(QUESTION, asking.SHOWN)
    shown = page.locator(".citation")
    assert page.locator(".quote").all_text_contents() == [each.quote for each in answer.citations]
    assert page.locator("h3").all_text_contents() == [each.title for each in answer.citations]
    assert page.locator("p.file").all_text_contents() == [each.document for each in answer.citations]
    titles = {each.title for each in answer.citations}
    print(f"{len(TRIED)} payloads, {shown.count()} passages of them on show")
    assert len(titles & set(TRIED)) > 0.9 * len(TRIED)
    shoot(page, "attacks-xss")
    attacked.check()


def test_questions_stay_texts(attacked: Attacked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "SHOWN", 5)
    page = attacked.page
    for payload in TRIED[::4]:
        question = " ".join(f"{payload} {WORDS[1]}".split())
        page.fill("#question textarea", question)
        page.press("#question textarea", "Enter")
        page.wait_for_function(
            "(asked) => document.querySelector('#answer, #error')?.dataset.question === asked", arg=question
        )
    page.locator("#recent summary").click()
    assert page.locator("#recent li").count() == 8
    attacked.check()
    page.locator("#recent summary").click()
    page.fill("#question textarea", "<img src=x onerror=window.hacked=1>" * 200)  # too long: an error
    page.press("#question textarea", "Enter")
    expect(page.locator("#error")).to_be_visible()
    attacked.check()


def test_what_an_address_holds_stays_text(attacked: Attacked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "SHOWN", 5)
    page, url = attacked.page, attacked.site.url
    go = "(address) => { history.pushState({}, '', address); dispatchEvent(new PopStateEvent('popstate')) }"
    for payload in TRIED:
        page.evaluate(
            go, f"{url}/?" + urlencode(dict.fromkeys(("document", "language", "type", "since", "until"), payload))
        )
        assert payload.strip() in " ".join(page.locator("#filters li").all_text_contents())
    attacked.check()
    for payload in TRIED[::6]:
        page.evaluate(
            go, f"{url}/?" + urlencode({"source": payload, "start": payload, "end": payload, "from": payload})
        )
        expect(page.locator("#source-view")).to_contain_text("no such document")
    attacked.check()
    page.goto(
        f"{url}/?"
        + urlencode({"q": TRIED[13], "document": TRIED[4], "source": TRIED[20], "view": TRIED[0], "__theme": TRIED[5]})
    )
    page.wait_for_selector("#answer, #error")
    page.goto(url)
    page.wait_for_selector("#question textarea")
    expect(page.locator("#status")).to_contain_text("Documents")
    attacked.check()


def test_an_opened_document_stays_text(attacked: Attacked) -> None:
    page, index = attacked.page, attacked.site.collection.index()
    for path in ("all.txt", "all.csv", "paper.pdf", f"{name_of(13, TRIED[13])}.txt"):
        document = index.document(path)
        page.goto(
            f"{attacked.site.url}/?" + urlencode({"source": path, "start": 0, "end": min(40, len(document.text))})
        )
        expect(page.locator("#source-document")).to_have_text(path)
        expect(page.locator("#source-title")).to_have_text(document.title)
        if path == "paper.pdf":
            continue  # its picture is an image of ours
        expect(page.locator("#source-view .text")).to_be_visible()
        shown = page.locator("#source-view .text").first.inner_text()
        assert all(
            " ".join(payload.split()) in " ".join(shown.split()) for payload in TRIED[:20] if path.startswith("all")
        )
        attacked.check()
    page.goto(attacked.site.url)
    page.wait_for_selector("#question textarea")


def test_the_list_of_documents_and_of_uploads_stays_text(attacked: Attacked) -> None:
    page = attacked.page
    page.click("#open-documents")
    expect(page.locator("#documents tbody tr").first).to_be_visible()
    names = page.locator("#documents tbody .file").all_text_contents()
    assert set(names) == set(attacked.site.found())
    page.locator("#skipped summary").click()
    expect(page.locator("#skipped li").first).to_be_visible()
    assert page.locator("#skipped li").count() == len(TRIED[::8])
    files = [{"name": f"{payload}.exe", "mimeType": "text/html", "buffer": b"x"} for payload in TRIED]
    page.locator("#upload input").set_input_files(files)  # refused in the page itself
    expect(page.locator("#uploads li")).to_have_count(len(TRIED))
    attacked.check()
    page.fill("#documents-search", TRIED[13])
    expect(page.locator("#documents tbody tr")).not_to_have_count(len(names))
    attacked.check()
    shoot(page, "attacks-xss-documents")
    page.click("#documents .close")


def test_a_list_of_questions_stays_text(attacked: Attacked) -> None:
    page = attacked.page
    page.click("#open-batch")
    asked = [" ".join(payload.split()) for payload in TRIED]
    page.fill("#batch-text", "\n".join(f"{WORDS[1]} {payload}" for payload in asked))
    page.click("#batch-start")
    expect(page.locator("#batch-answers tr")).to_have_count(len(TRIED), timeout=60_000)
    shown = page.locator("#batch-answers .question").all_text_contents()
    assert sum(payload in " ".join(shown) for payload in asked) > 0.9 * len(TRIED)
    attacked.check()
    page.click("#batch-again")
    name = "<img src=x onerror=window.hacked=1>.pdf"
    page.set_input_files("#batch-file", [{"name": name, "mimeType": "", "buffer": b"x"}])
    expect(page.locator("#batch-error")).not_to_be_empty()
    attacked.check()
    page.click("#batch-close")


def test_a_report_stays_text(attacked: Attacked, browser: Browser, tmp_path: Path) -> None:
    questions = tmp_path / "<img src=x onerror=window.hacked=1>.jsonl"
    lines = [
        {"id": payload or "x", "question": f"{WORDS[0]} {payload}", "answer": payload,
         "relevant": [{"document": f"{name_of(number, payload)}.txt", "quote": payload}]}
        for number, payload in enumerate(TRIED)
    ]  # fmt: skip
    questions.write_text("\n".join(json.dumps(line) for line in lines), "utf-8")
    run(attacked.site.collection.index(), questions, report=tmp_path / "report")
    page, troubles = browser.new_page(), []
    page.on("dialog", lambda dialog: (troubles.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: troubles.append(request.url) if request.url.startswith("http") else None)
    page.goto((tmp_path / "report" / "report.html").as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
    counted = page.evaluate(COUNT, TAGS)
    own = {"meta", "style", "svg", "h1"}
    assert {tag: count for tag, count in counted.items() if count and tag not in own} == {}
    assert (page.evaluate(ODD), troubles) == ([], [])
    assert "onerror=window.hacked=1" in page.inner_text("body")
    page.close()


def test_a_word_document_and_the_clipboard_hold_texts(attacked: Attacked) -> None:
    citations = [
        replace(cited(payload, (0, len(payload)), rank, title=payload, document=payload))
        for rank, payload in enumerate(TRIED, start=1)
    ]
    answer = answered(TRIED[0], *citations)
    data = word(answer, TRIED[13], datetime.date(2026, 11, 23))
    paragraphs = {paragraph.text for paragraph in docx.Document(io.BytesIO(data)).paragraphs}
    assert [payload for payload in TRIED if closed(sound(payload)).replace("\x0b", "\ufffd") not in paragraphs] == []
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        parts = "".join(file.read(name).decode("utf-8", "replace") for name in file.namelist())
    assert re.findall(r'TargetMode="External"|<w:instrText|<w:hyperlink|altChunk|<w:pict|<w:object', parts) == []
    html, _ = rich(replace(answer, verdict="not_found"))
    assert set(re.findall(r"<(/?[^\s>]*)", html)) <= {
        *["p", "b", "i", "sup", "br", "blockquote"],
        "/p",
        "/b",
        "/i",
        "/sup",
        "/blockquote",
    }


@pytest.mark.parametrize(
    "markup", ["<img>", "<b onclick=1>", "<a href='java\tscript:1'>", "<a href='//evil.invalid'>", "<h1>", "<i x=1>"]
)
def test_an_element_would_be_noticed(attacked: Attacked, markup: str) -> None:
    put = "(markup) => { document.querySelector('#sources').insertAdjacentHTML('beforeend', markup) }"
    attacked.page.evaluate(put, markup)
    with pytest.raises(AssertionError):
        attacked.check()
    attacked.page.evaluate("document.querySelector('#sources').lastElementChild.remove()")
    attacked.visit.troubles.clear()  # the policy has said that it stopped a handler
    attacked.check()
