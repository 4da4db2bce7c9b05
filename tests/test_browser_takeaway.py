"""Taking answers away, in headless Chromium: files, the clipboard, many questions at once, judgements."""

from __future__ import annotations

import io
import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import docx
import openpyxl
import pytest
from playwright.sync_api import Page, expect

from rag.encoders import SentenceEncoder
from rag.index import Index
from rag.index import open as open_index
from rag.web.collection import Collection
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


# --- many questions ---


@each_language
def test_a_list_is_answered_with_progress_and_taken_away(visit: Visit, server: str, language: str) -> None:
    page, said = visit(server, language), LANGUAGES[language]
    page.click("#open-batch")
    page.fill("#batch-text", f"1. {QUESTIONS[language]}\n\n{UNANSWERABLE}\n" + "ы" * 4001)
    shoot(page, f"batch-list-{language}")
    page.click("#batch-start")
    expect(page.locator("#batch-state")).to_have_text(said["batch.done"].format(done=2, total=2))
    rows = page.locator("#batch-answers tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0).locator(".text")).to_have_text(SENTENCE)
    expect(rows.nth(1).locator(".verdict")).to_have_text(said["not_found"])
    expect(page.locator("#batch-passed summary")).to_have_text(said["batch.passed"].format(count=1))
    shoot(page, f"batch-done-{language}")
    name, data = download(page, "#batch [data-kind=docx]")
    assert name.startswith(said["batch.file"])
    (table,) = docx.Document(io.BytesIO(data)).tables
    assert table.rows[1].cells[2].text.startswith(SENTENCE)
    name, data = download(page, "#batch [data-kind=xlsx]")
    assert openpyxl.load_workbook(io.BytesIO(data)).worksheets[0]["E2"].value == SENTENCE
    page.click("#batch-answers .question")
    expect(page.locator("#answer")).to_have_attribute("data-question", QUESTIONS[language])


def test_a_list_goes_on_when_the_page_is_reloaded_and_can_be_stopped(
    visit: Visit, serve_app: Callable[[Collection], str], seed_index: Index
) -> None:
    release = threading.Semaphore(3)

    class Slow:
        def __getattr__(self, name: str) -> Any:
            return getattr(seed_index, name)

        def ask(self, question: str, *given: Any, **options: Any) -> Any:
            if question.startswith("Question "):  # not the page's own samples
                release.acquire(timeout=30)
            return seed_index.ask(question, *given, **options)

    page = visit(serve_app(Collection(lambda _: cast(Index, Slow()))), "en")
    page.click("#open-batch")
    page.fill("#batch-text", "\n".join(f"Question {number}?" for number in range(40)))
    page.click("#batch-start")
    expect(page.locator("#batch-state")).to_contain_text("Answered: 3 of 40 · about")
    shoot(page, "batch-running-en")
    page.reload()
    expect(page.locator("#open-batch")).to_have_text("Many questions · 3/40")
    page.click("#open-batch")
    expect(page.locator("#batch-answers tr")).to_have_count(3)
    page.click("#batch-cancel")
    release.release(2)
    expect(page.locator("#batch-state")).to_contain_text("Stopped: 4 of 40")
    page.click("#batch-again")
    expect(page.locator("#batch-text")).to_be_focused()
    release.release(100)


def test_a_file_is_dropped_and_one_that_is_no_list_is_told(visit: Visit, server: str, tmp_path: Path) -> None:
    page = visit(server, "ru", viewport={"width": 375, "height": 800}, color_scheme="dark")
    page.click("#open-batch")
    (tmp_path / "x.pdf").write_bytes(b"%PDF-1.4")
    (tmp_path / "вопросы.csv").write_bytes(f"№;Вопрос\n1;{QUESTIONS['ru']}\n2;\n".encode("cp1251"))
    page.set_input_files("#batch-file", tmp_path / "x.pdf")
    expect(page.locator("#batch-error")).to_contain_text("Файл не читается")
    page.set_input_files("#batch-file", tmp_path / "вопросы.csv")
    expect(page.locator("#batch-answers .text")).to_have_text(SENTENCE)
    expect(page.locator("#batch-passed summary")).to_have_text("Пропущено строк: 1")
    page.click("#batch-passed summary")
    expect(page.locator("#batch-passed li")).to_have_text("Строка 3: вопроса нет.")
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    shoot(page, "batch-phone-dark-ru")


# --- judging ---


@pytest.fixture(scope="module")
def judged(
    tmp_path_factory: pytest.TempPathFactory,
    seed_index: Index,
    encoder: SentenceEncoder,
    serve_app: Callable[[Collection], str],
) -> tuple[str, Path]:
    """A page over a copy of the seeds' index, whose answers may be judged; and the index's folder."""
    folder = tmp_path_factory.mktemp("judged") / "index"
    shutil.copytree(seed_index.store.folder, folder)
    collection = Collection(lambda _: open_index(folder, encoder=encoder), rule="here")
    return serve_app(collection), folder


def kept(folder: Path) -> list[Any]:
    path = folder / "feedback.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


@each_language
def test_an_answer_is_judged_the_judgement_is_shown_again_and_taken_back(
    visit: Visit, judged: tuple[str, Path], language: str
) -> None:
    (url, folder), said = judged, LANGUAGES[language]
    page = visit(url, language)
    ask(page, QUESTIONS[language])
    right = page.locator("#feedback [data-judgement=right]")
    right.click()
    expect(page.locator("#feedback .told")).to_have_text(said["feedback.known"])
    (line,) = kept(folder)
    assert (line["question"], line["relevant"][0]["quote"]) == (QUESTIONS[language], SENTENCE)
    shoot(page, f"feedback-right-{language}")
    ask(page, UNANSWERABLE)
    expect(page.locator("#feedback [data-judgement=right]")).to_have_text(said["feedback.right.not_found"])
    expect(page.locator("#feedback [data-judgement=none]")).to_be_hidden()
    ask(page, QUESTIONS[language])
    expect(right).to_have_attribute("aria-pressed", "true")
    right.click()
    expect(page.locator("#feedback .told")).to_have_text(said["feedback.withdrawn"])
    expect(right).to_have_attribute("aria-pressed", "false")
    assert kept(folder) == []


def test_the_right_passage_is_pointed_out_by_the_keyboard(visit: Visit, judged: tuple[str, Path]) -> None:
    url, folder = judged
    page = visit(url, "en", viewport={"width": 375, "height": 850}, color_scheme="dark")
    ask(page, QUESTIONS["en"])
    expect(page.locator("#feedback")).to_be_visible()
    page.focus("#feedback [data-judgement=wrong]")
    page.keyboard.press("Enter")
    expect(page.locator("#feedback-which button")).to_have_text(
        [*(f"Passage {n}" for n in range(2, 6)), "None of these"]
    )
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    shoot(page, "feedback-which-dark-375")
    page.keyboard.press("Enter")
    expect(page.locator("#feedback .told")).to_have_text(LANGUAGES["en"]["feedback.known"])
    (line,) = kept(folder)
    third = page.locator("#citation-3")
    assert line["relevant"] == [
        {"document": third.get_attribute("data-document"), "quote": third.locator(".quote").text_content()}
    ]
    page.get_by_role("button", name="None of these").click()
    expect(page.locator("#feedback .told")).to_have_text(LANGUAGES["en"]["feedback.open"])
    assert kept(folder) == []
    page.click("#feedback [data-judgement=wrong]")
    expect(page.locator("#feedback .told")).to_have_text(LANGUAGES["en"]["feedback.withdrawn"])
    assert (folder / "feedback-open.jsonl").read_text("utf-8") == ""
    assert page.evaluate("document.documentElement.scrollWidth") == 375


def test_what_some_documents_do_not_say_is_no_judgement_of_all(visit: Visit, judged: tuple[str, Path]) -> None:
    url, folder = judged
    page = visit(f"{url}/?q={quote(QUESTIONS['en'])}&language=ru", "en")
    page.click("#feedback [data-judgement=none]")
    expect(page.locator("#feedback .told")).to_have_text(LANGUAGES["en"]["feedback.open"])
    assert kept(folder) == []
    page.click("#feedback [data-judgement=none]")
    expect(page.locator("#feedback .told")).to_have_text(LANGUAGES["en"]["feedback.withdrawn"])


def test_strangers_are_not_asked_what_they_think(visit: Visit, server: str) -> None:
    page = visit(server)
    with page.expect_response("**/snoska/feedback/look"):
        ask(page, QUESTIONS["en"])
    expect(page.locator("#takeaway")).to_be_visible()
    expect(page.locator("#feedback")).to_be_hidden()
