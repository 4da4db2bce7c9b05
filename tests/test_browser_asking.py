"""Asking in headless Chromium: where to look, what was asked before, what was corrected, what cards give, the form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route, expect

from rag.encoders import SentenceEncoder
from rag.index import Index, build
from rag.web.collection import Collection
from rag.web.texts import EN, LANGUAGES, RU
from tests.browser_help import MARKS, QUESTIONS, SENTENCE, UNANSWERABLE, Visit, ask, each_language, shoot

pytestmark = MARKS

LONG = " ".join(f"Предложение номер {number} рассказывает о порядке хранения дел в архиве." for number in range(1, 16))
HIDDEN = "Пропуск в архив выдаёт дежурный охранник на первом этаже."
BRACKETS = "приказы [2025]/о пропусках.txt"


@pytest.fixture(scope="module")
def library(
    encoder: SentenceEncoder, serve_app: Callable[[Collection], str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Index]:
    """Three documents that a filter can tell apart: two languages, two types, two dates."""
    folder = tmp_path_factory.mktemp("library")
    (folder / "leave.md").write_text("---\ndate: 2024-03-01\n---\n# Leave\n\nLeave lasts 28 calendar days.\n", "utf-8")
    (folder / "отпуск.txt").write_text("25 ноября 2025 года\n\nОтпуск длится 28 календарных дней.\n", "utf-8")
    path = folder / BRACKETS
    path.parent.mkdir()
    path.write_text(f"25 ноября 2025 года\n\n{LONG} {HIDDEN} {LONG}\n", "utf-8")
    index = build(folder, tmp_path_factory.mktemp("library-index") / "index", encoder=encoder)
    collection = Collection(lambda _: index)
    url = serve_app(collection)
    collection.index()
    return url, index


def documents(page: Page) -> set[str | None]:
    """The documents that are cited."""
    return {card.get_attribute("data-document") for card in page.locator(".citation").all()}


def asked(page: Page) -> dict[str, str]:
    """What the address holds."""
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


# --- where to look ---


@each_language
def test_conditions_are_set_in_the_form_said_beside_it_and_kept_in_the_address(
    visit: Visit, library: tuple[str, Index], language: str
) -> None:
    page, said = visit(library[0], language), LANGUAGES[language]
    ask(page, "Сколько длится отпуск?")
    assert len(documents(page)) == 3
    page.click("#where summary")
    page.select_option("#where [name=language]", "ru")
    expect(page.locator("#filters li")).to_have_text(
        said["where.chip.language"].format(value=said["language.ru"]) + "×"
    )
    page.wait_for_function("() => document.querySelectorAll('.citation').length === 2")
    page.fill("#where [name=since]", "2025-11-25")
    page.locator("#where [name=since]").blur()
    expect(page.locator("#filters li")).to_have_count(2)
    assert asked(page) == {"q": "Сколько длится отпуск?", "language": "ru", "since": "2025-11-25"}
    shoot(page, f"filters-{language}")
    page.reload()
    expect(page.locator("#filters li")).to_have_count(2)
    expect(page.locator(".citation")).to_have_count(2)
    page.go_back()
    expect(page.locator("#filters li")).to_have_count(1)
    page.click("#filters .drop >> nth=0")
    expect(page.locator("#filters")).to_be_hidden()
    expect(page.locator(".citation")).to_have_count(3)
    assert asked(page) == {"q": "Сколько длится отпуск?"}


def test_what_is_being_typed_is_left_alone_when_the_list_to_choose_from_comes(
    visit: Visit, library: tuple[str, Index]
) -> None:
    page = visit(library[0])
    expect(page.locator("#where [name=language] option")).to_have_count(3)
    held: list[Route] = []

    def hold(route: Route) -> None:
        if '"places"' in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    page.route("**/component_server/", hold)
    with page.expect_request(lambda request: '"places"' in (request.post_data or "")):
        page.click("#where summary")
    page.locator("#where [name=document]").press_sequentially("leave")
    with page.expect_response(lambda response: response.request == held[0].request):
        held[0].continue_()
    page.evaluate("() => new Promise((resolve) => setTimeout(resolve, 50))")  # the script has taken the list in
    page.locator("#where [name=document]").press_sequentially(".md")
    page.press("#where [name=document]", "Enter")
    expect(page.locator("#filters li")).to_have_text(EN["where.chip.document"].format(value="leave.md") + "×")
    assert asked(page) == {"document": "leave.md"}


@pytest.mark.parametrize(
    ("condition", "cited"),
    [
        ("type=md", {"leave.md"}),
        ("document=*.txt", {"отпуск.txt", BRACKETS}),
        ("until=2024-12-31", {"leave.md"}),
        ("language=kk", set()),
    ],
)
def test_a_link_with_a_condition_is_answered_by_what_meets_it(
    visit: Visit, library: tuple[str, Index], condition: str, cited: set[str]
) -> None:
    page = visit(f"{library[0]}/?q=leave&{condition}")
    page.wait_for_selector("#answer")
    assert documents(page) == cited
    expect(page.locator("#filters li")).to_have_count(1)
    if not cited:
        expect(page.locator("#not-found")).to_have_text(EN["not_found.filtered"])
    page.click("#filters-clear")
    expect(page.locator(".citation")).to_have_count(3)


@each_language
@pytest.mark.parametrize(
    ("condition", "key"),
    [("since=yesterday", "error.date"), ("since=2026-01-01&until=2025-01-01", "error.days")],
    ids=["no date", "no day"],
)
def test_a_condition_that_means_nothing_is_told_in_the_pages_language(
    visit: Visit, library: tuple[str, Index], language: str, condition: str, key: str
) -> None:
    page = visit(f"{library[0]}/?q=leave&{condition}", language)
    expect(page.get_by_role("alert")).to_have_text(LANGUAGES[language][key])


def test_a_document_is_found_by_its_title_and_taken_as_it_is_named(visit: Visit, library: tuple[str, Index]) -> None:
    page = visit(library[0], "ru")
    page.click("#where summary")
    page.fill("#where [name=document]", "2025]")
    options = page.locator("#where-documents option")
    expect(options).to_have_count(1)
    page.fill("#where [name=document]", options.get_attribute("value") or "")
    page.press("#where [name=document]", "Enter")
    expect(page.locator("#filters bdi")).to_have_text(BRACKETS)
    ask(page, "Сколько длится отпуск?")
    assert documents(page) == {BRACKETS}


def test_another_part_sets_the_document_and_the_question_on_show_is_asked_of_it(
    visit: Visit, library: tuple[str, Index]
) -> None:
    page = visit(library[0])
    ask(page, "leave")
    page.click("#open-documents")
    page.get_by_title(EN["documents.ask.note"].format(title="Leave")).click()
    expect(page.locator("#filters bdi")).to_have_text("leave.md")
    expect(page.locator(".citation")).to_have_count(1)


# --- what was asked before, and what was corrected ---


@each_language
def test_the_questions_of_this_visit_are_listed_until_they_are_cleared(
    visit: Visit, library: tuple[str, Index], language: str
) -> None:
    page = visit(library[0], language)
    expect(page.locator("#recent")).to_be_hidden()
    page.goto(f"{library[0]}/?type=md")
    ask(page, "first")
    page.click("#filters-clear")
    ask(page, "second")
    page.click("#recent summary")
    listed = page.locator("#recent .sample")
    expect(listed).to_have_text(["second", "first"])
    shoot(page, f"recent-{language}")
    page.keyboard.press("Escape")
    expect(listed.first).to_be_hidden()
    page.reload()
    page.click("#recent summary")
    expect(listed).to_have_text(["second", "first"])
    listed.nth(1).click()
    expect(page.locator("#answer")).to_have_attribute("data-question", "first")
    page.click("#recent summary")
    page.click("#recent-clear")
    expect(page.locator("#recent")).to_be_hidden()


@each_language
def test_what_was_corrected_can_be_asked_as_it_was_typed(visit: Visit, server: str, language: str) -> None:
    page = visit(f"{server}/?q=rjvbccbz", language)
    expect(page.locator(".correction")).to_contain_text("комиссия")
    expect(page.locator(".citation .word").first).to_have_text("комиссии")
    page.get_by_role("button", name=LANGUAGES[language]["literal"]).click()
    expect(page.locator("#answer")).to_have_attribute("data-verdict", "not_found")
    expect(page.locator(".correction")).to_have_count(0)
    assert asked(page) == {"q": "rjvbccbz", "literal": "1"}
    page.go_back()
    expect(page.locator(".correction")).to_have_count(1)


def test_a_misspelt_word_is_said_to_have_been_taken_for_another(visit: Visit, server: str) -> None:
    page = visit(f"{server}/?q={quote('инфраструтктруа')}", "ru")
    said = RU["note.spelling"].format(typed="инфраструтктруа", meant="инфраструктуры")
    expect(page.locator(".correction p")).to_have_text(said)


@each_language
def test_how_sure_it_is_is_explained(visit: Visit, server: str, language: str) -> None:
    page = visit(f"{server}/?q={quote(QUESTIONS[language])}", language)
    told = page.locator(".confidence p")
    expect(told).to_be_hidden()
    page.click(".confidence summary")
    expect(told).to_have_text(LANGUAGES[language]["confidence.note"].format(percent=99))


# --- cards ---


def test_a_long_passage_is_folded_around_its_marked_sentence(visit: Visit, library: tuple[str, Index]) -> None:
    url, index = library
    page = visit(f"{url}/?q={quote('Кто выдаёт пропуск в архив?')}&document={quote('приказы*')}", "ru")
    quotation, button = page.locator(".quote").first, page.locator(".unfold").first
    expect(button).to_have_text(RU["unfold"])
    answer = index.ask("Кто выдаёт пропуск в архив?")
    assert answer.text == HIDDEN
    assert quotation.text_content() == answer.citations[0].quote
    page.evaluate("document.fonts.ready")
    inside = """() => {
      const [mark, quote] = ["mark", ".quote"].map((each) => document.querySelector(each).getBoundingClientRect());
      return mark.top >= quote.top && mark.bottom <= quote.bottom;
    }"""
    assert page.evaluate(inside)
    folded = quotation.bounding_box() or {}
    shoot(page, "folded-ru")
    button.click()
    expect(button).to_have_text(RU["fold"])
    assert (quotation.bounding_box() or {})["height"] > 2 * folded["height"]
    button.click()
    assert (quotation.bounding_box() or {})["height"] == folded["height"]
    assert page.evaluate(inside)


@pytest.mark.parametrize(
    ("language", "copied"),
    [
        ("ru", "«{quote}»\u00a0— {title}, {document}, 25.11.2025, абз.\u00a06"),
        ("en", "“{quote}” — {title}, {document}, 2025-11-25, para.\u00a06"),
    ],
)
def test_a_card_is_copied_as_a_quotation_with_its_reference(
    visit: Visit, server: str, seed_index: Index, language: str, copied: str
) -> None:
    page = visit(server, language, permissions=["clipboard-read", "clipboard-write"])
    ask(page, QUESTIONS[language])
    first = seed_index.ask(QUESTIONS[language]).citations[0]
    page.locator("[data-do=quote]").first.click()
    expect(page.locator(".done").first).to_have_text(LANGUAGES[language]["done.quote"])
    text = page.evaluate("navigator.clipboard.readText()")
    assert text == copied.format(quote=first.quote, title=first.title, document=first.document)


def test_a_passages_link_opens_its_document_at_the_place(visit: Visit, server: str) -> None:
    page = visit(server, permissions=["clipboard-read", "clipboard-write"])
    ask(page, QUESTIONS["en"])
    page.locator("[data-do=link]").first.click()
    expect(page.locator(".done").first).to_have_text(EN["done.link"])
    page.goto(page.evaluate("navigator.clipboard.readText()"))
    expect(page.locator("#source")).to_be_visible()
    expect(page.locator("#source .cited").first).to_be_visible()


# --- form ---


@each_language
def test_the_colours_are_the_systems_then_the_readers(visit: Visit, server: str, language: str) -> None:
    page, said = visit(server, language, color_scheme="dark"), LANGUAGES[language]
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(22, 23, 26)"
    page.get_by_role("button", name=said["scheme.auto"]).click()
    page.get_by_role("button", name=said["scheme.light"]).hover()
    assert page.evaluate(ground) == "rgb(251, 250, 246)"
    page.reload()
    page.wait_for_selector("#scheme[data-scheme=light]")
    assert page.evaluate(ground) == "rgb(251, 250, 246)"
    page.click("#scheme")
    page.get_by_role("button", name=said["scheme.dark"]).click()
    expect(page.get_by_role("button", name=said["scheme.auto"])).to_be_visible()


@each_language
def test_the_help_is_there_at_first_and_comes_back_when_asked_for(visit: Visit, server: str, language: str) -> None:
    page, said = visit(server, language), LANGUAGES[language]
    expect(page.locator("#help")).to_contain_text(said["help.check.more"])
    page.get_by_role("button", name=said["help.close"]).click()
    expect(page.locator("#help")).to_be_hidden()
    page.reload()
    page.wait_for_selector("#ask")
    expect(page.locator("#help")).to_be_hidden()
    page.get_by_role("button", name=said["help"], exact=True).click()
    expect(page.locator("#help")).to_be_visible()
    assert page.evaluate("document.activeElement.id") == "help"
    ask(page, QUESTIONS[language])
    expect(page.locator("#help")).to_be_hidden()


def test_who_comes_by_a_link_gets_the_answer_and_no_help(visit: Visit, server: str) -> None:
    page = visit(f"{server}/?q={quote(QUESTIONS['en'])}")
    expect(page.locator("#answer")).to_contain_text(SENTENCE)
    expect(page.locator("#help")).to_be_hidden()


def test_the_faces_come_with_the_page(visit: Visit, server: str) -> None:
    page = visit(f"{server}/?q={quote(QUESTIONS['ru'])}", "ru")
    page.wait_for_selector("#answer")
    faces = page.evaluate(
        "document.fonts.ready.then((all) => [...all].filter((f) => f.status === 'loaded').map((f) => f.family))"
    )
    assert {face.strip('"') for face in faces} == {"Golos Text", "PT Serif"}


@each_language
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280], ids=["phone", "desktop"])
@pytest.mark.parametrize("question", ["", "answer", "not found"], ids=["start", "answer", "not-found"])
def test_axe_finds_nothing_serious(
    visit: Visit, server: str, language: str, scheme: Any, width: int, question: str
) -> None:
    asks = {"": "", "answer": QUESTIONS[language], "not found": UNANSWERABLE}[question]
    options = {"color_scheme": scheme, "viewport": {"width": width, "height": 850}, "reduced_motion": "reduce"}
    page = visit(f"{server}/?q={quote(asks)}", language, **options)
    page.wait_for_selector("#answer" if asks else "#samples button")
    page.click("#where summary")
    if asks:
        page.click(".confidence summary")
    page.wait_for_timeout(200)  # a fade-in would be measured half-way
    found = Axe().run(page, {"include": [["#snoska"]]}).response["violations"]
    serious = [each for each in found if each["impact"] in ("serious", "critical")]
    assert {each["id"]: [node["html"][:200] for node in each["nodes"]] for each in serious} == {}
