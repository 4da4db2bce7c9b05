"""The source view in headless Chromium: pages and texts at the place, the address, the keyboard, a phone."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

import rag
from rag.encoders import SentenceEncoder
from rag.index import Index
from rag.web.collection import Collection
from rag.web.texts import EN, LANGUAGES, RU
from tests.browser_help import MARKS, QUESTIONS, Visit, ask, each_language, shoot
from tests.small_encoder import SmallEncoder
from tests.small_pdf import lines
from tests.small_pdf import pdf as small_pdf
from tests.test_browser import CONTRAST

pytestmark = MARKS

DATA = Path(__file__).parent / "data"
REPORT = "columns-ru.pdf"  # five pages in two columns
SAID = "Палеоклиматологи измеряют соотношение кислорода-18 и кислорода-16"
HOSTILE = '<img src=x onerror="window.hacked=1">\u202e&amp;.txt'
ATTACKS = "<script>window.hacked = 1</script> <img src=x onerror='window.hacked = 1'> [a](javascript:window.hacked=1)"
LONG = "Длинный.txt"
TALL = "Абзац {} длинного документа о портах и водохранилищах, который не помещается на экране целиком."
Served = tuple[str, Index, Path]


@pytest.fixture(scope="module")
def served(
    encoder: SentenceEncoder, serve_app: Callable[[Collection], str], tmp_path_factory: pytest.TempPathFactory
) -> Served:
    """Documents of several formats; their folder is at hand."""
    folder = tmp_path_factory.mktemp("source")
    for name in (REPORT, "heads-en.pdf"):
        shutil.copy(DATA / "pdf" / name, folder)
    shutil.copy(DATA / "office" / "trade.xlsx", folder)
    (folder / HOSTILE).write_text(f"{ATTACKS}\n\n\u202eвнутри</span></p></dialog>\n", "utf-8")
    (folder / "gone.txt").write_text("This file will be gone.", "utf-8")
    (folder / "new.pdf").write_bytes(small_pdf([lines(["This file will be another one."])]))
    index = rag.build(folder, tmp_path_factory.mktemp("source-index") / "index", encoder=encoder)
    (folder / "gone.txt").unlink()
    (folder / "new.pdf").write_bytes(small_pdf([lines(["Another one."])]))
    collection = Collection(lambda _: index, documents=folder)
    url = serve_app(collection)
    collection.index()
    return url, index, folder


@pytest.fixture(scope="module")
def long_text(serve_app: Callable[[Collection], str], tmp_path_factory: pytest.TempPathFactory) -> Served:
    """A document of 3,000 paragraphs, in a collection of its own: it is read and not asked, so no model embeds it."""
    folder = tmp_path_factory.mktemp("long")
    (folder / LONG).write_text("\n\n".join(TALL.format(number) for number in range(1, 3001)), "utf-8")
    index = rag.build(folder, tmp_path_factory.mktemp("long-index") / "index", encoder=SmallEncoder())
    collection = Collection(lambda _: index, documents=folder)
    url = serve_app(collection)
    collection.index()
    return url, index, folder


def address(served: Served, document: str, text: str, **more: str) -> str:
    """A link to the place where the document has the text."""
    url, index, _ = served
    start = index.document(document).text.index(text)
    rest = "".join(f"&{name}={quote(value)}" for name, value in more.items())
    return f"{url}/?source={quote(document)}&start={start}&end={start + len(text)}{rest}"


def shown_page(page: Page, number: int) -> None:
    expect(page.locator("#source-page")).to_have_value(str(number))
    expect(page.locator("#source-view")).not_to_have_attribute("aria-busy", "true")
    page.wait_for_function("() => document.querySelector('#source figure img')?.complete")


def is_in_view(page: Page, selector: str) -> bool:
    """Whether the first such element lies within what the view shows."""
    return bool(
        page.evaluate(
            """(selector) => {
              const box = (each) => document.querySelector(each).getBoundingClientRect();
              const [at, view] = [box(selector), box("#source-view")];
              return at.top >= view.top && at.bottom <= view.bottom && at.left >= view.left && at.right <= view.right;
            }""",
            selector,
        )
    )


# --- pages ---

INKED = """async () => {
  const image = document.querySelector("#source figure img");
  await image.decode();
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  const drawn = canvas.getContext("2d");
  drawn.drawImage(image, 0, 0);
  const ground = image.getBoundingClientRect();
  const scale = image.naturalWidth / ground.width;
  return [...document.querySelectorAll("#source .place")].map((place) => {
    const at = place.getBoundingClientRect();
    const [x, y] = [(at.left - ground.left) * scale, (at.top - ground.top) * scale];
    const [width, height] = [at.width * scale, at.height * scale];
    const { data } = drawn.getImageData(x, y, width, height);
    let dark = 0;
    for (let i = 0; i < data.length; i += 4) dark += data[i] < 128;
    return [at.width, dark / (data.length / 4)];
  });
}"""


@each_language
@pytest.mark.parametrize("width", [375, 1280], ids=["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_pdf_opens_at_the_passage_with_its_words_covered(
    visit: Visit, served: Served, language: str, width: int, scheme: Any
) -> None:
    _, index, _ = served
    page = visit(address(served, REPORT, SAID), language, viewport={"width": width, "height": 800}, color_scheme=scheme)
    start = index.document(REPORT).text.index(SAID)
    places = index.rectangles(REPORT, start, start + len(SAID))
    number = places[0].page
    shown_page(page, number)
    on_page = [place for place in places if place.page == number]
    marks = page.evaluate(INKED)
    assert len(marks) == len(on_page)
    size = page.evaluate("document.querySelector('#source figure').getBoundingClientRect().width")
    for (wide, dark), place in zip(marks, on_page, strict=True):
        assert dark > 0.05  # letters; between the lines there is none
        assert wide == pytest.approx(size * (place.right - place.left) / 595.3, abs=8)
    assert is_in_view(page, "#source .place")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    image = page.locator("#source figure img")
    expect(image).to_have_attribute("alt", LANGUAGES[language]["source.page_of"].format(page=number, pages=5))
    assert SAID in (page.locator("#source .spoken").first.text_content() or "")
    shoot(page, f"source-pdf-{language}-{scheme}-{width}")


def test_the_pages_are_turned_by_buttons_keys_and_number(visit: Visit, served: Served) -> None:
    page = visit(f"{served[0]}/?source={REPORT}")
    shown_page(page, 1)
    expect(page.locator("#source-previous")).to_have_attribute("aria-disabled", "true")
    page.click("#source-next")
    shown_page(page, 2)
    page.focus("#source-view")
    page.keyboard.press("ArrowRight")
    shown_page(page, 3)
    page.keyboard.press("ArrowLeft")
    shown_page(page, 2)
    page.fill("#source-page", "5")
    page.keyboard.press("Enter")
    shown_page(page, 5)
    expect(page.locator("#source-next")).to_have_attribute("aria-disabled", "true")
    page.click("#source-next", force=True)
    shown_page(page, 5)
    for given, number in (("99", 5), ("0", 1), ("x", 1), ("-3", 1)):
        page.fill("#source-page", given)
        page.keyboard.press("Enter")
        shown_page(page, number)
    expect(page.locator("#source-said")).to_have_text("page 1 of 5")
    expect(page.locator("#source .place")).to_have_count(0)


def test_one_returns_to_the_passage_and_sees_it_larger(visit: Visit, served: Served) -> None:
    page = visit(address(served, REPORT, SAID))
    page.wait_for_selector("#source .place", state="attached")
    number = int(page.input_value("#source-page"))
    page.click("#source-next" if number < 5 else "#source-previous")
    expect(page.locator("#source .place")).to_have_count(0)
    page.click("#source-passage")
    shown_page(page, number)
    assert is_in_view(page, "#source .place")
    before = page.evaluate("document.querySelector('#source figure').clientWidth")
    page.click("#source-larger")
    page.click("#source-larger")
    page.wait_for_function(f"() => document.querySelector('#source figure')?.clientWidth > {1.9 * before}")
    shown_page(page, number)
    assert is_in_view(page, "#source .place")
    page.evaluate("document.querySelector('#source figure img').decode()")
    assert page.evaluate("document.querySelector('#source figure img').naturalWidth") > before
    shoot(page, "source-larger")


def test_the_text_of_pages_can_be_read_too(visit: Visit, served: Served) -> None:
    page = visit(address(served, REPORT, SAID))
    page.wait_for_selector("#source .place", state="attached")
    page.click("#source-as-text")
    expect(page.locator("#source-as-text")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#source .text .cited").first).to_be_visible()
    assert "".join(page.locator("#source .cited").all_text_contents()) == SAID
    assert is_in_view(page, "#source .cited")
    expect(page.locator(".turning")).to_be_hidden()
    shoot(page, "source-as-text")
    page.click("#source-as-text")
    page.wait_for_selector("#source .place", state="attached")


# --- text ---


@each_language
@pytest.mark.parametrize(("width", "scheme"), [(375, "dark"), (1280, "light")], ids=["phone", "desktop"])
def test_a_long_text_opens_at_the_passage_and_more_of_it_comes(
    visit: Visit, long_text: Served, language: str, width: int, scheme: Any
) -> None:
    said = TALL.format(1500)
    link = address(long_text, LONG, said)
    page = visit(link, language, viewport={"width": width, "height": 800}, color_scheme=scheme)
    expect(page.locator("#source .cited")).to_have_text(said)
    assert is_in_view(page, "#source .cited")
    shoot(page, f"source-text-{language}-{width}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    view = page.locator("#source-view")
    first = page.locator("#source .text p").first.text_content()
    page.focus("#source-view")
    page.keyboard.press("Home")
    expect(page.locator("#source .text p").first).not_to_have_text(first or "")
    for _ in range(12):
        before = page.locator("#source .text p").last.text_content() or ""
        page.keyboard.press("End")
        expect(page.locator("#source .text p").last).not_to_have_text(before)
    assert page.locator("#source .text").count() <= 6
    text = view.inner_text()
    numbers = [int(word) for word in text.split() if word.isdigit()]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    page.click("#source-passage")
    expect(page.locator("#source .cited")).to_have_text(said)
    assert is_in_view(page, "#source .cited")


def test_the_text_does_not_move_under_the_reader_when_more_comes_above(visit: Visit, long_text: Served) -> None:
    page = visit(address(long_text, LONG, TALL.format(1500)))
    expect(page.locator("#source .cited")).to_have_count(1)
    first = page.locator("#source .text p").first
    words = first.text_content() or ""
    page.evaluate("document.querySelector('#source-view').scrollTop = 300")
    expect(first).not_to_have_text(words)
    top = page.evaluate(
        """(words) => [...document.querySelectorAll("#source .text p")].find((p) => p.textContent === words)
          .getBoundingClientRect().top - document.querySelector("#source-view").getBoundingClientRect().top""",
        words,
    )
    assert -300 <= top <= 20


def test_rows_stand_in_a_table(visit: Visit, served: Served) -> None:
    _, index, _ = served
    document = index.document("trade.xlsx")
    row = next(block for block in document.blocks[3:] if block.kind == "row")
    text = document.text[row.start : row.end]
    page = visit(address(served, "trade.xlsx", text))
    cited = page.locator("#source tr:has(.cited) td")
    cited.first.wait_for()
    assert cited.all_text_contents() == text.split("\t")
    shoot(page, "source-table")


# --- files that are not as they were, and what is not there ---


@each_language
@pytest.mark.parametrize(
    ("document", "text", "state"),
    [("gone.txt", "will be gone", "gone"), ("new.pdf", "will be another", "changed")],
    ids=["gone", "changed"],
)
def test_a_file_that_is_not_as_it_was_is_said_so(
    visit: Visit, served: Served, document: str, text: str, state: str, language: str
) -> None:
    page = visit(address(served, document, text), language)
    expect(page.locator("#source .notes")).to_have_text(LANGUAGES[language][f"source.{state}"])
    expect(page.locator("#source .cited")).to_have_text(text)
    expect(page.locator("#source-file")).to_be_visible(visible=state == "changed")
    expect(page.locator("#source-as-text")).to_be_hidden()
    shoot(page, f"source-{state}-{language}")


@each_language
def test_an_index_without_its_documents_says_so(visit: Visit, server: str, seed_index: Index, language: str) -> None:
    [document] = seed_index.store.entries
    page = visit(f"{server}/?source={document}&start=0&end=50", language)
    expect(page.locator("#source .notes")).to_have_text(LANGUAGES[language]["source.away"])
    expect(page.locator("#source-file")).to_be_hidden()
    expect(page.locator("#source .cited").first).to_be_visible()


@pytest.mark.parametrize("query", ["source=../../etc/passwd&start=0&end=5", "source=", "source=%00", "source=gone.TXT"])
def test_what_is_not_in_the_collection_is_told(visit: Visit, served: Served, query: str) -> None:
    page = visit(f"{served[0]}/?{query}")
    expect(page.locator("#source-view")).to_have_text(EN["source.unknown"])
    page.keyboard.press("Escape")
    expect(page.locator("#source")).to_be_hidden()
    expect(page).to_have_url(f"{served[0]}/")


def test_hostile_names_and_texts_are_shown_as_text(visit: Visit, served: Served) -> None:
    page = visit(address(served, HOSTILE, ATTACKS))
    expect(page.locator("#source .cited")).to_have_text(ATTACKS)
    expect(page.locator("#source-document")).to_have_text(HOSTILE)
    expect(page.locator("#source-view")).to_contain_text("внутри</span></p></dialog>")
    assert page.locator("#source :is(script, img, svg, iframe, b)").count() == 0
    page.wait_for_timeout(300)
    assert page.evaluate("window.hacked") is None
    shoot(page, "source-hostile")
    with page.expect_download() as download:
        page.click("#source-file")
    assert download.value.suggested_filename == "_img src=x onerror=_window.hacked=1___&amp;.txt"


# --- the address, the keyboard ---


def test_a_card_opens_its_source_with_the_sentence_and_back_returns_to_the_answer(visit: Visit, served: Served) -> None:
    page = visit(served[0], "ru")
    ask(page, "Что измеряют палеоклиматологи?")
    page.evaluate("document.querySelector('#answer').dataset.kept = 'yes'")
    asked = page.url
    card = page.locator(f'.citation[data-document="{REPORT}"]').first
    sentence = card.locator("mark").text_content() or ""
    data = card.evaluate("card => ({...card.dataset})")
    card.locator("h3").click()
    page.wait_for_selector("#source .place.said", state="attached")
    assert f"source={REPORT}&start={data['start']}&end={data['end']}" in page.url
    assert "q=" in page.url
    said = page.locator("#source .spoken .cited.said").all_text_contents()
    assert "".join(said) == sentence
    shoot(page, "source-sentence")
    page.go_back()
    expect(page.locator("#source")).to_be_hidden()
    assert page.url == asked
    assert page.get_attribute("#answer", "data-kept") == "yes"  # it was not asked anew
    page.go_forward()
    page.wait_for_selector("#source .place.said", state="attached")
    page.keyboard.press("Escape")
    expect(page.locator("#source")).to_be_hidden()
    expect(page.locator("#answer")).to_have_attribute("data-kept", "yes")
    page.wait_for_url(asked)


def test_a_shared_link_opens_both_the_answer_and_the_source_and_knows_the_sentence(
    visit: Visit, served: Served
) -> None:
    url, index, _ = served
    question = "Что измеряют палеоклиматологи?"
    found = next(c for c in index.ask(question).citations if c.document == REPORT)
    page = visit(f"{url}/?q={quote(question)}&source={REPORT}&start={found.start}&end={found.end}", "ru")
    expect(page.locator("#answer")).to_have_attribute("data-question", question)
    page.wait_for_selector("#source .place.said", state="attached")
    page.click("#source-close")
    expect(page.locator("#source")).to_be_hidden()
    expect(page).to_have_url(re.compile(r"/\?q=[^&]+$"))
    expect(page.locator("#answer")).to_have_attribute("data-question", question)


WITHIN = """() => {
  const at = document.activeElement;
  return at === document.body || document.querySelector("#source").contains(at);
}"""  # the body stands for the browser's own bars


def test_the_keyboard_stays_within_and_returns(visit: Visit, served: Served) -> None:
    page = visit(served[0], "ru")
    ask(page, QUESTIONS["ru"])
    page.locator(".citation").first.get_by_role("button", name=RU["do.open"]).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.locator("#source-file")).to_be_visible()
    for _ in range(14):
        page.keyboard.press("Tab")
        assert page.evaluate(WITHIN)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.evaluate("document.activeElement.dataset.do") == "open"


def test_a_screen_reader_is_told_what_is_what_in_the_source(visit: Visit, served: Served) -> None:
    page = visit(address(served, REPORT, SAID), "ru")
    page.wait_for_selector("#source .place", state="attached")
    expect(page.get_by_role("dialog", name=served[1].document(REPORT).title)).to_be_visible()
    for role, key in (("button", "close"), ("button", "previous"), ("button", "next"), ("button", "larger"),
                      ("button", "smaller"), ("textbox", "page"), ("link", "file"), ("region", "view")):  # fmt: skip
        expect(page.get_by_role(role, name=RU[f"source.{key}"], exact=True)).to_be_visible()  # type: ignore[arg-type]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("document", "text"), [("new.pdf", "will be another"), (REPORT, SAID)], ids=["text", "pages"])
def test_all_text_of_the_source_has_enough_contrast(
    visit: Visit, served: Served, document: str, text: str, scheme: Any
) -> None:
    page = visit(address(served, document, text), color_scheme=scheme)
    page.wait_for_selector("#source :is(.place, .cited)", state="attached")
    assert page.evaluate(CONTRAST) == []
