"""The page in headless Chromium: what a person does, with a mouse and without, in both languages."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Route, expect

from rag.encoders import SentenceEncoder
from rag.errors import IndexMissing
from rag.index import Index, build
from rag.types import Progress
from rag.web.collection import Collection
from rag.web.texts import EN, LANGUAGES, RU
from tests.browser_help import (
    CONTRAST,
    MARKS,
    QUESTIONS,
    SENTENCE,
    UNANSWERABLE,
    Visit,
    ask,
    each_language,
    shoot,
)

pytestmark = MARKS


# --- asking and the answer ---


@each_language
def test_a_question_gets_its_sentence_and_cited_passages(
    visit: Visit, server: str, seed_index: Index, language: str
) -> None:
    page = visit(server, language)
    page.fill("#question textarea", QUESTIONS[language])
    page.click("#ask")
    expect(page.locator("#answer")).to_have_attribute("data-question", QUESTIONS[language])
    expect(page.locator("#answer")).to_contain_text(SENTENCE)
    expect(page.locator("#not-found")).to_have_count(0)
    answer = seed_index.ask(QUESTIONS[language])
    cards = page.locator("#citations .citation")
    assert cards.count() == len(answer.citations) == 5
    for card, citation in zip(cards.all(), answer.citations, strict=True):
        assert card.locator(".quote").text_content() == citation.quote
        assert card.locator("mark").all_text_contents() == [citation.quote[slice(*citation.highlight)]]
        assert card.locator(".quote").get_attribute("lang") == "ru"
        score = f"{citation.scores.sentence:.2f}"
        date, score = ("25.11.2025", score.replace(".", ",")) if language == "ru" else ("2025-11-25", score)
        for shown in (citation.title, citation.document, date, score):
            expect(card).to_contain_text(shown)
    assert page.locator("mark").count() == 5
    assert page.locator(".citation mark").first.text_content() == SENTENCE
    shoot(page, f"answer-{language}")


@each_language
def test_a_sample_question_is_asked_by_a_click(visit: Visit, server: str, language: str) -> None:
    page = visit(server, language)
    samples = page.locator("#samples button")
    expect(samples).to_have_count(3)
    for number in range(3):
        page.click(".wordmark")
        expect(page.locator("#answer")).to_have_count(0)
        samples.nth(number).click()
        question = samples.nth(number).text_content() or ""
        page.wait_for_selector(f"#answer[data-question={json.dumps(question, ensure_ascii=False)}]")
        assert page.input_value("#question textarea") == question
        expect(page.locator("#not-found")).to_have_count(0)


def test_a_link_asks_its_question_and_the_back_button_returns_to_it(visit: Visit, server: str) -> None:
    page = visit(f"{server}/?q={quote(QUESTIONS['ru'])}", "ru")
    expect(page.locator("#answer")).to_contain_text(SENTENCE)
    assert page.input_value("#question textarea") == QUESTIONS["ru"]
    ask(page, QUESTIONS["en"])
    assert quote(QUESTIONS["en"], safe="") in page.url.replace("+", "%20")
    page.go_back()
    expect(page.locator("#answer")).to_have_attribute("data-question", QUESTIONS["ru"])
    assert page.title() == f"{QUESTIONS['ru']} — Сноска"


def test_the_footnote_leads_to_its_card_and_back(visit: Visit, server: str) -> None:
    page = visit(server)
    ask(page, QUESTIONS["en"])
    url = page.url
    page.click("#answer .footnote")
    assert page.evaluate("document.activeElement.id") == "citation-1"
    page.click("#citation-1 .rank")
    assert page.evaluate("document.activeElement.id") == "answer"
    assert page.url == url


def test_everything_is_reached_by_the_keyboard_alone(visit: Visit, server: str) -> None:
    page = visit(server)
    expect(page.locator("#samples button")).to_have_count(3)
    assert page.evaluate("document.activeElement.id") == "question-text"
    page.keyboard.type(QUESTIONS["en"])
    page.keyboard.press("Enter")
    expect(page.locator("#answer")).to_contain_text(SENTENCE)
    assert page.input_value("#question textarea") == QUESTIONS["en"]
    reached = []
    name = (
        "[document.activeElement].map((e) => e.id || e.className || e.parentElement.id || e.parentElement.className)[0]"
    )
    for _ in range(5):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(name))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert reached == ["ask", "where", "recent", "confidence", "footnote"]
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "citation-1"


def test_a_late_answer_does_not_replace_a_newer_one(visit: Visit, server: str) -> None:
    page = visit(server)
    expect(page.locator("#status")).to_have_attribute("data-state", "ready")
    held: list[Route] = []

    def hold(route: Route) -> None:
        if "slow" in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    page.route("**/component_server/", hold)
    page.fill("#question textarea", "slow one")
    page.press("#question textarea", "Enter")
    expect(page.locator("#outcome .working")).to_have_text(EN["working"])
    ask(page, QUESTIONS["en"])
    with page.expect_response("**/component_server/"):
        held[0].continue_()
    page.wait_for_timeout(200)
    expect(page.locator("#answer")).to_have_attribute("data-question", QUESTIONS["en"])
    expect(page.locator("#outcome [aria-busy], #sources[aria-busy=true]")).to_have_count(0)


# --- the other outcomes ---


@each_language
def test_not_found_is_said_and_the_nearest_passages_stand_below(visit: Visit, server: str, language: str) -> None:
    page = visit(server, language)
    ask(page, UNANSWERABLE)
    said = LANGUAGES[language]
    expect(page.locator("#not-found")).to_be_visible()
    expect(page.locator("#answer")).to_contain_text(said["not_found"])
    expect(page.locator("#answer .sentence")).to_have_count(0)
    expect(page.locator("#sources h2")).to_have_text(said["nearest"])
    assert page.locator("#citations .citation").count() == 5
    shoot(page, f"not-found-{language}")


@each_language
@pytest.mark.parametrize(
    ("question", "key"), [("  ", "error.empty"), ("\u200b", "error.empty"), ("ы" * 100_000, "error.too_long")]
)
def test_a_question_that_cannot_be_asked_is_told_why(
    visit: Visit, server: str, language: str, question: str, key: str
) -> None:
    page = visit(server, language)
    page.fill("#question textarea", question)
    page.click("#ask")
    expect(page.get_by_role("alert")).to_have_text(LANGUAGES[language][key].format(limit=4000))
    expect(page.locator("#answer")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_server_that_is_gone_is_told(visit: Visit, server: str) -> None:
    page = visit(server, "ru")
    ask(page, QUESTIONS["ru"])
    page.route("**/component_server/", lambda route: route.abort())
    page.fill("#question textarea", "ещё")
    page.press("#question textarea", "Enter")
    expect(page.locator("#error")).to_have_text(RU["unreachable"])
    expect(page.locator(".citation")).to_have_count(0)
    visit.troubles.clear()  # the browser's own line about the request that was cut


@pytest.fixture(scope="module")
def slow(seed_index: Index, serve_app: Callable[[Collection], str]) -> Iterator[tuple[str, threading.Event]]:
    release = threading.Event()

    def prepare(progress: Callable[[Progress], None]) -> Index:
        progress(Progress("embedding", 3, 9))
        release.wait(60)
        return seed_index

    yield serve_app(Collection(prepare)), release
    release.set()


def test_the_page_is_up_while_the_collection_is_made_and_answers_what_was_asked_meanwhile(
    visit: Visit, slow: tuple[str, threading.Event]
) -> None:
    url, release = slow
    page = visit(url)
    expect(page.locator("#status")).to_have_text("Processing passages: 3 of 9")
    page.fill("#question textarea", QUESTIONS["en"])
    page.press("#question textarea", "Enter")
    expect(page.locator("#outcome .working")).to_have_text(EN["waiting"])
    shoot(page, "building-en")
    release.set()
    expect(page.locator("#answer")).to_contain_text(SENTENCE)
    expect(page.locator("#status")).to_have_text("Documents: 1 · passages: 13")


@each_language
def test_a_missing_index_is_told_in_the_pages_language(
    visit: Visit, serve_app: Callable[[Collection], str], language: str
) -> None:
    def prepare(_: object) -> Index:
        raise IndexMissing("there is no index")

    page = visit(serve_app(Collection(prepare)), language)
    said = LANGUAGES[language]["error.missing"]
    expect(page.locator("#status")).to_have_text(said)
    page.fill("#question textarea", "?!")
    page.press("#question textarea", "Enter")
    expect(page.locator("#error")).to_have_text(said)
    shoot(page, f"missing-{language}")


# --- form ---


def test_the_language_is_the_browsers_then_the_readers(visit: Visit, server: str) -> None:
    page = visit(server, "ru")
    assert page.evaluate("document.documentElement.lang") == "ru"
    expect(page.locator("#ask")).to_have_text(RU["ask"])
    ask(page, QUESTIONS["ru"])
    page.select_option("#language", "en")
    expect(page.locator("#ask")).to_have_text(EN["ask"])
    expect(page.locator("#answer")).to_contain_text(EN["found"])
    expect(page.locator("#status")).to_have_text("Documents: 1 · passages: 13")
    expect(page.locator("#samples p")).to_have_text(EN["samples"])
    assert page.get_attribute("#question textarea", "placeholder") == EN["hint"]
    page.reload()
    expect(page.locator("#ask")).to_have_text(EN["ask"])
    expect(page.locator("#language")).to_have_value("en")
    assert page.evaluate("document.documentElement.lang") == "en"


def test_a_browser_in_neither_language_gets_the_english_page(visit: Visit, server: str) -> None:
    expect(visit(server, "de-DE").locator("#ask")).to_have_text(EN["ask"])


@each_language
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280], ids=["phone", "desktop"])
def test_it_fits_the_width_in_both_schemes(visit: Visit, server: str, language: str, scheme: Any, width: int) -> None:
    page = visit(server, language, color_scheme=scheme, viewport={"width": width, "height": 850})
    expect(page.locator("#status")).to_have_attribute("data-state", "ready")
    shoot(page, f"start-{language}-{scheme}-{width}")
    ask(page, QUESTIONS[language])
    assert page.evaluate("document.documentElement.scrollWidth") == width
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(251, 250, 246)", "dark": "rgb(22, 23, 26)"}[scheme]
    shoot(page, f"answer-{language}-{scheme}-{width}")
    page.locator("#citation-2").scroll_into_view_if_needed()
    shoot(page, f"cards-{language}-{scheme}-{width}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_enough_contrast(visit: Visit, server: str, scheme: Any) -> None:
    page = visit(server, color_scheme=scheme)
    ask(page, QUESTIONS["en"])
    page.wait_for_timeout(300)
    assert page.evaluate(CONTRAST) == []


def test_a_screen_reader_is_told_what_is_what(visit: Visit, server: str) -> None:
    page = visit(server)
    ask(page, QUESTIONS["en"])
    expect(page.get_by_role("textbox", name=EN["question"])).to_be_visible()
    expect(page.get_by_role("combobox", name=EN["language"])).to_be_visible()
    expect(page.get_by_role("link", name="To source 1")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text(EN["lead"])
    assert page.get_attribute("#outcome", "aria-live") == "polite"
    assert page.get_attribute("#status", "role") == "status"


# --- hostile documents ---

PAYLOADS = (
    "<script>window.hacked = 1</script> <img src=x onerror='window.hacked = 1'> in the text of the report.",
    'See [the link](javascript:window.hacked=1) and <a href="javascript:window.hacked=1">this</a> of the report.',
    "Formula $$\\href{javascript:window.hacked=1}{x}$$ and {{constructor}} and ${window.hacked = 1} of the report.",
    "Turned \u202earound\u2066 the report, </mark></blockquote><svg onload=window.hacked=1> &lt;b&gt; &amp;amp;.",
)


@pytest.fixture(scope="module")
def hostile(
    encoder: SentenceEncoder, serve_app: Callable[[Collection], str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Index]:
    folder = tmp_path_factory.mktemp("hostile")
    name = '<img src=x onerror="window.hacked=1">\u202e&amp;.txt'
    (folder / name).write_text("\n\n".join(PAYLOADS), "utf-8")
    markdown = "# <img src=x onerror=window.hacked=1> title\n\nThe report is about **nothing** at all, `x`.\n"
    (folder / "title.md").write_text(markdown, "utf-8")
    index = build(folder, tmp_path_factory.mktemp("hostile-index") / "index", encoder=encoder)
    return serve_app(Collection(lambda _: index)), index


def test_hostile_documents_are_shown_as_text_and_nothing_runs(visit: Visit, hostile: tuple[str, Index]) -> None:
    url, index = hostile
    question = "<img src=x onerror=window.hacked=1> What does the report say? \"'`${window.hacked=1}{{x}}"
    page = visit(f"{url}/?q={quote(question)}")
    page.wait_for_selector("#answer")
    assert page.get_attribute("#answer", "data-question") == question
    answer = index.ask(question)
    assert page.locator(".quote").all_text_contents() == [citation.quote for citation in answer.citations]
    assert page.locator("h3").all_text_contents() == [citation.title for citation in answer.citations]
    assert page.locator("p.file").all_text_contents() == [citation.document for citation in answer.citations]
    assert {payload for payload in PAYLOADS if any(payload in c.quote for c in answer.citations)} == set(PAYLOADS)
    inside = "#outcome :is(script, img, svg, iframe, b), #sources :is(script, img, svg, iframe, b)"
    assert page.locator(inside).count() == 0
    links = page.locator("#outcome a, #sources a")
    assert all(
        re.fullmatch(r"#(answer|citation-\d+)|\?source=[\w%.+-]+&start=\d+&end=\d+", link.get_attribute("href") or "")
        for link in links.all()
    )
    page.wait_for_timeout(300)
    assert page.evaluate("window.hacked") is None
    shoot(page, "hostile")


def test_the_content_policy_stops_what_would_slip_through(visit: Visit, server: str) -> None:
    page = visit(server)
    page.evaluate(
        """() => { document.querySelector("#sources").innerHTML = "<img src=x: onerror='window.hacked = 1'>" }"""
    )
    page.wait_for_timeout(300)
    assert page.evaluate("window.hacked") is None
    assert [line for line in visit.troubles if "Content Security Policy" in line]
    visit.troubles.clear()
    visit.requested.clear()


@each_language
def test_a_question_on_the_wrong_layout_is_answered_and_said(visit: Visit, server: str, language: str) -> None:
    page = visit(f"{server}/?q=rjvbccbz", language)
    expect(page.locator(".correction")).to_contain_text("комиссия")
    expect(page.locator(".citation mark").first).to_contain_text("комиссии")


@each_language
def test_the_page_says_which_model_and_that_its_weights_are_of_4_bits(visit: Visit, server: str, language: str) -> None:
    expect(visit(server, language).locator("#about")).to_contain_text("4-bit weights")
