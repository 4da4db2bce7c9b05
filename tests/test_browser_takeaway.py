"""Taking answers away, in headless Chromium: files, the clipboard, many questions at once, judgements."""

from __future__ import annotations

import io
from pathlib import Path

import docx
import pytest
from playwright.sync_api import Page, expect

from rag.web.texts import LANGUAGES
from tests.browser_help import MARKS, QUESTIONS, SENTENCE, UNANSWERABLE, Visit, ask, each_language, shoot

pytestmark = MARKS

NAMES = {
    "ru": "Сколько компаний с эмиратским участием работает в Казахстане.docx",
    "en": "How many companies with Emirati participation operate in.docx",
}


def download(page: Page, selector: str) -> tuple[str, bytes]:
    with page.expect_download() as waiting:
        page.click(selector)
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


# --- one answer ---


@each_language
def test_an_answer_is_taken_away_as_word_and_as_markdown(visit: Visit, server: str, language: str) -> None:
    page = visit(server, language)
    expect(page.locator("#takeaway")).to_be_hidden()
    ask(page, QUESTIONS[language])
    name, data = download(page, "#takeaway [data-kind=docx]")
    assert name == NAMES[language]
    written = [paragraph.text for paragraph in docx.Document(io.BytesIO(data)).paragraphs]
    assert written[0] == QUESTIONS[language]
    assert written[2] == SENTENCE
    said = LANGUAGES[language]
    expect(page.locator("#takeaway .told")).to_have_text(said["takeaway.saved"].format(name=name))
    name, data = download(page, "#takeaway [data-kind=md]")
    assert name.endswith(".md")
    assert f"> {SENTENCE}[^1]\n" in data.decode()
    shoot(page, f"takeaway-{language}")


def test_what_is_not_found_is_taken_away_as_such(visit: Visit, server: str) -> None:
    page = visit(server, "ru")
    ask(page, UNANSWERABLE)
    _, data = download(page, "#takeaway [data-kind=md]")
    assert "## Ближайшие отрывки\n" in data.decode()
    assert "**В этих документах ответа нет**" in data.decode()


@each_language
def test_an_answer_is_copied_with_its_source_in_both_forms(visit: Visit, server: str, language: str) -> None:
    page = visit(server, language, permissions=["clipboard-read", "clipboard-write"])
    ask(page, QUESTIONS[language])
    page.click("#takeaway [data-kind=copy]")
    expect(page.locator("#takeaway .told")).to_have_text(LANGUAGES[language]["takeaway.copied"])
    forms = page.evaluate(
        """async () => {
          const [item] = await navigator.clipboard.read();
          const read = async (type) => (await item.getType(type)).text();
          return { plain: await read("text/plain"), html: await read("text/html") };
        }"""
    )
    assert forms["plain"].startswith(f"{QUESTIONS[language]}\n{LANGUAGES[language]['found']}")
    assert f"\n{SENTENCE} [1]\n" in forms["plain"]
    assert f"{SENTENCE}<sup" in forms["html"]


def test_where_the_page_may_not_write_to_the_clipboard_the_older_way_does(visit: Visit, server: str) -> None:
    page = visit(server)
    page.evaluate("delete Navigator.prototype.clipboard")
    ask(page, QUESTIONS["en"])
    page.click("#takeaway [data-kind=copy]")
    expect(page.locator("#takeaway .told")).to_have_text(LANGUAGES["en"]["takeaway.copied"])
    page.fill("#question textarea", "")
    page.press("#question textarea", "Control+V")
    assert f"\n{SENTENCE} [1]\n" in page.input_value("#question textarea")


def test_the_line_under_the_answer_goes_with_the_answer(visit: Visit, server: str) -> None:
    page = visit(server)
    ask(page, QUESTIONS["en"])
    expect(page.locator("#takeaway")).to_be_visible()
    page.fill("#question textarea", " ")
    page.click("#ask")
    expect(page.locator("#error")).to_be_visible()
    expect(page.locator("#takeaway")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280], ids=["phone", "desktop"])
def test_the_line_fits_the_width(visit: Visit, server: str, scheme: str, width: int) -> None:
    page = visit(server, "ru", color_scheme=scheme, viewport={"width": width, "height": 850})
    ask(page, QUESTIONS["ru"])
    assert page.evaluate("document.documentElement.scrollWidth") == width
    shoot(page, f"takeaway-{scheme}-{width}")
