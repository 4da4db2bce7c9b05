"""The collection in headless Chromium: looking through it, uploading to it, removing from it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from rag.web import documents
from rag.web.collection import Collection
from rag.web.texts import EN, LANGUAGES, RU
from tests.browser_help import CONTRAST, MARKS, Visit, each_language, shoot
from tests.small_page import ChangingPage

pytestmark = MARKS

HOSTILE = '<img src=x onerror="window.hacked=1">\u202e.txt'
each_width = pytest.mark.parametrize("width", [375, 1280], ids=["phone", "desktop"])


@pytest.fixture(scope="module")
def site(serve_app: Callable[[Collection], str], tmp_path_factory: pytest.TempPathFactory) -> ChangingPage:
    """A page whose collection may be changed, of some documents and two files that cannot be read."""
    site = ChangingPage(tmp_path_factory.mktemp("site"), serve_app)
    for number in (2, 10):
        site.put(
            f"Приказы/приказ {number}.txt",
            f"Приказ № {number} от {number} ноября 2025 года\n\nО проверке.\n\nОб отпуске.",
        )
    site.put("report.md", "# Annual report\n\nThe report.\n\nIts second paragraph.")
    site.put(HOSTILE, "<script>window.hacked = 1</script> The hostile text.")
    site.put("пусто.txt", "")
    site.put("сломан.pdf", "это не PDF")
    site.wait(site.post("renew").json())
    return site


@pytest.fixture
def clean(site: ChangingPage) -> Iterator[ChangingPage]:
    yield site
    for name in site.uploaded():
        site.wait(site.post("remove", document=f"uploads/{name}").json())


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., list[Path]]:
    """Writes files and gives their places: ``files(name, text, name, text)``."""

    def write(*given: str) -> list[Path]:
        places = [tmp_path / name for name in given[::2]]
        for place, text in zip(places, given[1::2], strict=True):
            place.write_text(text, encoding="utf-8")
        return places

    return write


def opened(page: Page) -> Page:
    page.click("#open-documents")
    expect(page.locator("#documents tbody tr").first).to_be_visible()
    return page


def listed(page: Page) -> list[str]:
    return page.locator("#documents tbody .file").all_text_contents()


def row(page: Page, name: str) -> Any:
    return page.locator("#uploads li", has_text=name)


# --- looking through it ---


@each_language
def test_the_documents_are_listed_with_what_is_known_of_them(visit: Visit, site: ChangingPage, language: str) -> None:
    page = opened(visit(site.url, language))
    said = LANGUAGES[language]
    expect(page.get_by_role("dialog", name=said["documents"])).to_be_visible()
    expect(page.locator("#documents tbody tr")).to_have_count(5)
    order = page.locator("#documents tbody tr", has_text="приказ 2.txt")
    for shown in ("Приказ № 2 от 2 ноября 2025 года", "2025-11-02", said["language.ru"], "txt"):
        expect(order).to_contain_text(shown)
    expect(order.locator(".passages")).to_have_text("2")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", order.locator("time").get_attribute("datetime") or "")
    expect(page.locator("#skipped summary")).to_have_text(said["documents.skipped"].format(count=2))


def test_names_and_titles_are_shown_as_text(visit: Visit, site: ChangingPage) -> None:
    page = opened(visit(site.url))
    assert HOSTILE in listed(page)
    assert page.locator("#documents :is(img, script)").count() == 0
    assert page.evaluate("window.hacked") is None


def test_a_column_sorts_the_list_and_then_turns_it_round(visit: Visit, site: ChangingPage) -> None:
    page = opened(visit(site.url, "ru"))
    dates = page.locator("#documents tbody .date")
    page.click('th[data-name="date"] button')
    expect(page.locator('th[data-name="date"]')).to_have_attribute("aria-sort", "descending")
    assert dates.all_text_contents()[:2] == ["2025-11-10", "2025-11-02"]
    assert page.evaluate("document.activeElement.closest('th').dataset.name") == "date"
    page.keyboard.press("Enter")
    expect(page.locator('th[data-name="date"]')).to_have_attribute("aria-sort", "ascending")
    assert dates.all_text_contents()[:2] == ["2025-11-02", "2025-11-10"]
    assert dates.all_text_contents()[2:] == ["—"] * 3


def test_the_list_is_searched_as_one_types(visit: Visit, site: ChangingPage) -> None:
    page = opened(visit(site.url, "ru"))
    page.locator("#documents-search").press_sequentially("ПРИКАЗ 1")
    expect(page.locator("#documents tbody tr")).to_have_count(1)
    assert listed(page) == ["Приказы/приказ 10.txt"]
    page.fill("#documents-search", "нет такого")
    expect(page.locator("#documents .nothing")).to_have_text(RU["documents.none"])


def test_a_large_list_comes_page_by_page(visit: Visit, site: ChangingPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "AT_ONCE", 2)
    page = opened(visit(site.url))
    pages = page.locator("#documents .list .pages")
    expect(pages).to_contain_text("1–2 of 5")
    expect(pages.get_by_text(EN["documents.previous"])).to_be_disabled()
    seen = listed(page)
    for text in ("3–4 of 5", "5–5 of 5"):
        pages.get_by_text(EN["documents.next"]).click()
        expect(pages).to_contain_text(text)
        seen += listed(page)
    expect(pages.get_by_text(EN["documents.next"])).to_be_disabled()
    assert sorted(seen) == site.found()


@each_language
def test_what_was_skipped_is_listed_with_its_reason(visit: Visit, site: ChangingPage, language: str) -> None:
    page = opened(visit(site.url, language))
    page.click("#skipped summary")
    items = page.locator("#skipped li")
    expect(items).to_have_count(2)
    expect(items.first).to_contain_text("the file is empty")
    assert items.first.get_by_text(RU["reason.empty"]).count() == (language == "ru")


@each_language
def test_a_document_is_chosen_for_asking_or_opened(visit: Visit, site: ChangingPage, language: str) -> None:
    page = visit(site.url, language)
    page.evaluate("window.told = []")
    page.evaluate(
        """() => {
      const tell = EventTarget.prototype.dispatchEvent;
      EventTarget.prototype.dispatchEvent = function (event) {
        if (["filter", "source"].includes(event.type)) window.told.push([event.type, event.detail]);
        return tell.call(this, event);
      };
    }"""
    )
    opened(page)
    order = page.locator("#documents tbody tr", has_text="report.md")
    order.locator(".title .link").click()
    assert page.evaluate("window.told") == [["source", {"document": "report.md", "start": 0, "end": 0}]]
    expect(page.locator("#source-view .text")).to_be_visible()
    expect(page.locator("#source-passage")).to_be_hidden()  # nothing of it was cited
    page.evaluate("document.querySelectorAll('dialog[open]:not(#documents)').forEach((each) => each.close())")
    order.get_by_text(LANGUAGES[language]["documents.ask"]).click()
    assert page.evaluate("window.told[1]") == ["filter", {"document": "report.md"}]
    expect(page.locator("#documents")).to_be_hidden()


# --- uploading and removing ---


@each_language
def test_files_are_uploaded_and_each_is_told_what_became_of_it(
    visit: Visit, clean: ChangingPage, files: Callable[..., list[Path]], language: str
) -> None:
    said = LANGUAGES[language]
    page = opened(visit(clean.url, language))
    page.locator("#upload").set_input_files(
        files("Протокол.txt", "Протокол заседания.", "плохой.pdf", "не PDF", "a.exe", "MZ", "zero.txt", "")
    )
    expect(row(page, "Протокол.txt").locator(".state")).to_have_text(said["upload.read"])
    expect(row(page, "плохой.pdf").locator(".state")).to_have_text(said["upload.skipped"])
    expect(row(page, "плохой.pdf")).to_contain_text("the file is damaged or not what its name says")
    expect(row(page, "a.exe").locator(".state")).to_have_text(said["refused.type"])
    expect(row(page, "zero.txt").locator(".state")).to_have_text(said["refused.empty"])
    expect(page.locator("#upload-summary")).to_have_text(said["upload.summary"].format(done=1, total=4))
    expect(page.locator("#documents tbody", has_text="uploads/Протокол.txt")).to_be_visible()
    assert clean.uploaded() == ["Протокол.txt", "плохой.pdf"]
    shoot(page, f"documents-uploaded-{language}")
    page.select_option("#language", "en" if language == "ru" else "ru", force=True)
    other = LANGUAGES["en" if language == "ru" else "ru"]
    expect(row(page, "Протокол.txt").locator(".state")).to_have_text(other["upload.read"])


def test_files_may_be_dropped_anywhere_on_the_page(visit: Visit, clean: ChangingPage) -> None:
    page = visit(clean.url, "ru")
    page.evaluate(
        """() => {
      const data = new DataTransfer();
      data.items.add(new File(["Брошенный документ."], "Брошен.txt"));
      for (const type of ["dragover", "drop"]) {
        document.body.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: data }));
      }
    }"""
    )
    expect(page.locator("#documents")).to_be_visible()
    expect(row(page, "Брошен.txt").locator(".state")).to_have_text(RU["upload.read"])
    assert "uploads/Брошен.txt" in clean.found()


def test_how_far_a_file_is_sent_is_shown(visit: Visit, clean: ChangingPage, files: Callable[..., list[Path]]) -> None:
    page = opened(visit(clean.url))
    held: list[Route] = []
    page.route("**/snoska/upload*", lambda route: held.append(route))  # Playwright marks what it calls

    def request(number: int) -> Route:
        for _ in range(500):  # the page may show its bar before Playwright tells of the request
            if len(held) > number:
                break
            page.wait_for_timeout(20)
        return held[number]

    page.locator("#upload").set_input_files(files("a.txt", "Первый.", "b.txt", "Второй."))
    expect(row(page, "a.txt").get_by_role("progressbar")).to_be_visible()
    expect(row(page, "a.txt").locator(".state")).to_have_text(re.compile("sending: [0-9]+%"))
    expect(row(page, "b.txt").locator(".state")).to_have_text(EN["upload.queued"])
    request(0).continue_()
    expect(row(page, "b.txt").get_by_role("progressbar")).to_be_visible()
    request(1).abort()
    expect(row(page, "b.txt").locator(".state")).to_have_text(EN["upload.unreachable"])
    expect(row(page, "a.txt").locator(".state")).to_have_text(EN["upload.read"])
    visit.troubles.clear()  # the browser's own line about the request that was cut


def test_what_the_server_refuses_is_said(visit: Visit, clean: ChangingPage, files: Callable[..., list[Path]]) -> None:
    (clean.documents / "uploads").mkdir()
    try:
        page = opened(visit(clean.url, "ru"))
        page.locator("#upload").set_input_files(files("a.txt", "Первый."))
        expect(row(page, "a.txt").locator(".state")).to_have_text(RU["refused.clash"])
    finally:
        (clean.documents / "uploads").rmdir()
    visit.troubles.clear()  # the browser's own line about the status


@each_language
def test_an_uploaded_document_is_removed_when_that_is_meant(visit: Visit, clean: ChangingPage, language: str) -> None:
    said = LANGUAGES[language]
    clean.upload("лишний.txt", "Лишний документ.")
    page = opened(visit(clean.url, language))
    item = page.locator("#documents tbody tr", has_text="uploads/лишний.txt")
    assert page.locator("#documents tbody").get_by_text(said["documents.remove"], exact=True).count() == 1
    item.get_by_text(said["documents.remove"], exact=True).click()
    button = item.get_by_text(said["documents.remove.sure"])
    page.locator("#documents-search").focus()
    expect(button).to_have_count(0)  # who looks elsewhere has not meant it
    item.get_by_text(said["documents.remove"], exact=True).click()
    button.click()
    expect(item).to_have_count(0)
    expect(page.locator("#documents-message")).to_have_text(said["documents.renewed"])
    assert clean.uploaded() == []
    assert "uploads/лишний.txt" not in clean.found()


def test_a_list_that_changes_takes_nothing_from_under_the_fingers(visit: Visit, clean: ChangingPage) -> None:
    clean.upload("лишний.txt", "Лишний документ.")
    page = opened(visit(clean.url))
    status, rows = page.locator("#status"), page.locator("#documents tbody tr")
    item = rows.filter(has_text="uploads/лишний.txt")
    item.get_by_text(EN["documents.remove"], exact=True).click()
    before, count = status.inner_text(), rows.count()
    clean.upload("новый.txt", "Новый документ.")
    expect(status).not_to_have_text(before)
    assert rows.count() == count
    item.get_by_text(EN["documents.remove.sure"]).click()
    expect(item).to_have_count(0)
    expect(rows.filter(has_text="uploads/новый.txt")).to_have_count(1)


def test_the_collection_is_brought_up_to_date_and_rebuilt(visit: Visit, clean: ChangingPage) -> None:
    page = opened(visit(clean.url))
    page.click("#renew")
    expect(page.locator("#documents-message")).to_have_text(EN["documents.renewed"])
    before = clean.collection.index().store
    page.click("#rebuild")
    expect(page.locator("#documents-message")).to_have_text(EN["documents.rebuild.note"])
    expect(page.locator("#rebuild")).to_have_text(EN["documents.rebuild.sure"])
    page.click("#rebuild")
    expect(page.locator("#documents-message")).to_have_text(EN["documents.renewed"])
    assert clean.collection.index().store is not before
    expect(page.locator("#rebuild")).to_have_text(EN["documents.rebuild"])


@each_language
def test_a_collection_that_is_only_read_says_why(visit: Visit, server: str, language: str) -> None:
    page = opened(visit(server, language))
    expect(page.locator("#documents-closed")).to_have_text(LANGUAGES[language]["refused.closed"])
    expect(page.locator("#documents :is(#upload, #renew, #rebuild)").first).to_be_hidden()
    expect(page.locator("#upload input")).to_be_disabled()
    expect(page.locator("#documents .file")).to_have_text(["000_1c14ccf7fdd8eae7.txt"])


# --- form ---


def test_it_is_used_by_the_keyboard_alone(visit: Visit, site: ChangingPage) -> None:
    page = visit(site.url)
    page.locator("#open-documents").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#documents tbody tr")).to_have_count(5)
    reached = []
    for _ in range(7):
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
        page.keyboard.press("Tab")
    shown = [EN["documents.close"], "", "renew", "rebuild", EN["documents.skipped"].format(count=2)]
    assert reached == [*shown, "documents-search", EN["column.title"]]  # the second is the choice of files
    page.keyboard.press("Escape")
    expect(page.locator("#documents")).to_be_hidden()
    assert page.evaluate("document.activeElement.id") == "open-documents"


@each_language
@each_width
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_the_width_in_both_schemes(
    visit: Visit, site: ChangingPage, language: str, scheme: Any, width: int
) -> None:
    page = opened(visit(site.url, language, color_scheme=scheme, viewport={"width": width, "height": 850}))
    page.click("#skipped summary")
    expect(page.locator("#skipped li")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    panel = page.locator("#documents")
    assert panel.evaluate("(element) => element.scrollWidth - element.clientWidth") == 0
    assert page.evaluate(CONTRAST) == []
    shoot(page, f"documents-{language}-{scheme}-{width}")
