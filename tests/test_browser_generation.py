"""The written answer on the page, in headless Chromium: streamed, stopped, struck, failed; in both languages."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Page, expect

from rag.index import Index
from rag.web.collection import Collection
from rag.web.generation import MAX_BODY, passages
from rag.web.texts import EN, LANGUAGES
from tests.browser_help import MARKS, QUESTIONS, SENTENCE, UNANSWERABLE, Visit, ask, each_language, shoot
from tests.scripted_model import Script, ScriptedModel, events, scripted_model

pytestmark = MARKS

WRITTEN = {
    "en": ("About 500 companies with Emirati participation operate in Kazakhstan", "About 700 of them are in Astana"),
    "ru": ("Сегодня в Казахстане около 500 компаний с эмиратским участием", "Из них 700 находятся в Астане"),
}


@pytest.fixture(scope="module")
def served(seed_index: Index, serve_app: Callable[[Collection], str]) -> Iterator[tuple[str, ScriptedModel]]:
    with scripted_model() as model:
        collection = Collection(lambda _: seed_index)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SNOSKA_GENERATE_URL", model.url)
            patch.setenv("SNOSKA_GENERATE_MODEL", "a-model")
            url = serve_app(collection)
        collection.index()
        yield url, model


@pytest.fixture
def model(served: tuple[str, ScriptedModel]) -> ScriptedModel:
    served[1].gone.clear()
    served[1].asked.clear()
    return served[1]


@pytest.fixture
def url(served: tuple[str, ScriptedModel]) -> str:
    return served[0]


def asked(visit: Visit, url: str, language: str, **options: Any) -> Page:
    """The page with its answer to the question."""
    page = visit(url, language, **options)
    ask(page, QUESTIONS[language])
    return page


@each_language
def test_sentences_come_one_by_one_and_the_cited_answer_stays(
    visit: Visit, url: str, model: ScriptedModel, language: str
) -> None:
    true, false = WRITTEN[language]
    more = threading.Event()
    model.script = Script([*events(f"{true} [1]. {false}", ended=False), more, *events(" [1][2].")])
    page, said = asked(visit, url, language), LANGUAGES[language]
    expect(page.locator("#written-note")).to_contain_text("a-model")
    page.click("#write")
    expect(page.locator("#written .kept .words")).to_have_text(f"{true}.")
    expect(page.locator("#written .tail")).to_contain_text(false.rpartition(" ")[0])
    expect(page.locator("#write-stop")).to_be_focused()
    expect(page.locator("#written s")).to_have_count(0)
    shoot(page, f"written-streams-{language}")
    more.set()
    expect(page.locator("#written .struck s")).to_have_text(f"{false}.")
    expect(page.locator("#written .struck .why")).to_have_text(f"({said['struck.number'].format(detail='700')})")
    expect(page.locator("#written .tail, #write-stop:visible")).to_have_count(0)
    expect(page.locator("#write")).to_have_text(said["write.again"])
    assert [link.get_attribute("href") for link in page.locator("#written .footnote").all()] == [
        "#citation-1", "#citation-1", "#citation-2",
    ]  # fmt: skip
    expect(page.locator("#answer .sentence")).to_contain_text(SENTENCE)
    assert page.locator(".citation mark").count() == page.locator("mark").count() == 5
    shoot(page, f"written-{language}")
    page.locator("#written .footnote").last.click()
    assert page.evaluate("document.activeElement.id") == "citation-2"


@each_language
def test_it_can_be_stopped_and_then_the_model_is_left_alone(
    visit: Visit, url: str, model: ScriptedModel, language: str
) -> None:
    model.script = Script([*events(f"{WRITTEN[language][0]} [1]. And", " more", ended=False), threading.Event()])
    page = asked(visit, url, language)
    page.click("#write")
    expect(page.locator("#written .kept")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("#written-state")).to_have_text(LANGUAGES[language]["write.stopped"])
    assert model.gone.wait(10), "the request to the model goes on"
    expect(page.locator("#written .kept")).to_have_count(1)
    expect(page.locator("#written .tail")).to_have_count(0)
    expect(page.locator("#write")).to_be_focused()


def test_another_question_ends_it(visit: Visit, url: str, model: ScriptedModel) -> None:
    model.script = Script([*events("Something ", "more", ended=False), threading.Event()])
    page = asked(visit, url, "en")
    page.click("#write")
    expect(page.locator("#written .tail")).to_have_text("Something more")
    ask(page, "Where is Kazakhstan's supercomputer?")
    assert model.gone.wait(10)
    expect(page.locator("#written-text")).to_be_empty()
    expect(page.locator("#write-stop")).to_be_hidden()


def test_leaving_the_page_ends_it(visit: Visit, url: str, model: ScriptedModel) -> None:
    model.script = Script([*events("Something ", "more", ended=False), threading.Event()])
    page = asked(visit, url, "en")
    page.click("#write")
    expect(page.locator("#written .tail")).to_have_text("Something more")
    page.close()
    assert model.gone.wait(10)


@each_language
@pytest.mark.parametrize(
    ("script", "key"),
    [
        (Script([b'{"error": {"message": "<b>secret</b>"}}'], status=500), "write.refused"),
        (Script([], dies=True), "write.broken"),
        (Script(events()), "write.empty"),
        (Script(events("NONE")), "write.nothing"),
    ],
    ids=["refused", "broken", "empty", "nothing"],
)
def test_a_failure_is_one_line_and_the_passages_stay(
    visit: Visit, url: str, model: ScriptedModel, language: str, script: Script, key: str
) -> None:
    model.script = script
    page = asked(visit, url, language)
    before = page.inner_html("#sources")
    page.click("#write")
    expect(page.locator("#written-state")).to_have_text(LANGUAGES[language][key])
    expect(page.locator("#write")).to_be_visible()
    expect(page.locator("#answer .sentence")).to_contain_text(SENTENCE)
    assert page.inner_html("#sources") == before
    assert "secret" not in page.inner_text("#written")
    if key == "write.refused":
        shoot(page, f"written-failed-{language}")


def test_it_is_written_with_every_answer_once_the_reader_wants_it_so(
    visit: Visit, url: str, model: ScriptedModel
) -> None:
    model.writes(f"{WRITTEN['en'][0]} [1].")
    page = asked(visit, url, "en")
    expect(page.locator("#written-text")).to_be_empty()
    assert model.asked == []
    page.check("#write-always")
    expect(page.locator("#written .kept")).to_have_count(1)
    page.reload()
    expect(page.locator("#written .kept")).to_have_count(1)
    assert len(model.asked) == 2
    ask(page, UNANSWERABLE)
    expect(page.locator("#written-state")).to_have_text(EN["write.not_found"])
    expect(page.locator("#write")).to_be_hidden()
    assert len(model.asked) == 2


def test_where_none_is_configured_or_found_nothing_is_offered(visit: Visit, server: str, url: str) -> None:
    page = asked(visit, server, "en")
    expect(page.locator("#written")).to_be_hidden()
    page = visit(url)
    expect(page.locator("#written")).to_be_hidden()
    ask(page, UNANSWERABLE)
    expect(page.locator("#written")).to_be_hidden()


@each_language
def test_a_model_elsewhere_is_said_to_get_the_question(
    visit: Visit,
    seed_index: Index,
    serve_app: Callable[[Collection], str],
    monkeypatch: pytest.MonkeyPatch,
    language: str,
) -> None:
    monkeypatch.setenv("SNOSKA_GENERATE_URL", "https://model.example/v1")
    monkeypatch.setenv("SNOSKA_GENERATE_MODEL", "a-model")
    page = visit(serve_app(Collection(lambda _: seed_index)), language)
    expect(page.locator("#about")).to_have_text(LANGUAGES[language]["written.sent"].format(host="model.example"))
    expect(page.locator("#status")).to_have_attribute("data-state", "ready")
    expect(page.locator("#about")).to_have_text(LANGUAGES[language]["written.sent"].format(host="model.example"))


def test_what_the_model_writes_is_text(visit: Visit, url: str, model: ScriptedModel) -> None:
    hostile = (
        "<img src=x onerror='window.hacked=1'> [x](javascript:window.hacked=1) \u202ehttp://evil.example\u2066 [1]."
    )
    model.writes(hostile)
    page = asked(visit, url, "en")
    page.click("#write")
    expect(page.locator("#written .struck")).to_have_count(1)
    assert page.locator("#written s").text_content() == (
        "<img src=x onerror='window.hacked=1'> [x](javascript:window.hacked=1) http://evil.example."
    )
    assert page.locator("#written :is(img, a:not(.footnote))").count() == 0
    page.wait_for_timeout(200)
    assert page.evaluate("window.hacked") is None


@each_language
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280], ids=["phone", "desktop"])
def test_it_fits_the_width_in_both_schemes(
    visit: Visit, url: str, model: ScriptedModel, language: str, scheme: Any, width: int
) -> None:
    true, false = WRITTEN[language]
    model.writes(f"{true} [1]. {false} [1].")
    page = asked(visit, url, language, color_scheme=scheme, viewport={"width": width, "height": 850})
    page.click("#write")
    expect(page.locator("#written .struck")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.locator("#written").scroll_into_view_if_needed()
    shoot(page, f"written-{language}-{scheme}-{width}")


# --- the address ---


def post(url: str, body: object, **headers: str) -> httpx.Response:
    return httpx.post(f"{url}/snoska/write", json=body, headers=headers, timeout=30)


def test_only_the_page_itself_may_ask_for_it(url: str, model: ScriptedModel) -> None:
    body = {"question": QUESTIONS["en"], "passages": []}
    assert post(url, body, origin="https://example.com").status_code == 403
    assert httpx.post(f"{url}/snoska/write", data={"question": "x"}).status_code == 415
    assert post(url, ["x"]).status_code == post(url, {"question": 1}).status_code == 400
    assert post(url, {"question": "x" * MAX_BODY}).status_code == 413
    assert httpx.get(f"{url}/snoska/write").status_code == 404
    assert model.asked == []


def test_what_cannot_be_asked_is_not_logged(url: str, caplog: pytest.LogCaptureFixture) -> None:
    for wrong in ({"filters": {"since": "zqx"}}, {"question": "zqx" * 2_000}):
        body = {"question": QUESTIONS["en"], "passages": [], **wrong}
        assert post(url, body).text == '{"failed": "unexpected"}\n'
    assert "zqx" not in caplog.text


def test_footnotes_lead_to_the_cards_on_show_or_nothing_is_written(
    url: str, model: ScriptedModel, seed_index: Index
) -> None:
    shown = passages(seed_index.ask(QUESTIONS["en"]))
    model.writes("So [1].")
    assert post(url, {"question": QUESTIONS["en"], "passages": shown[1:]}).text == '{"failed": "changed"}\n'
    assert model.asked == []
    assert post(url, {"question": QUESTIONS["en"], "passages": shown}, origin=url).text.endswith('{"done": true}\n')


def test_the_filters_of_the_answer_on_show_hold_for_what_is_written(
    visit: Visit, url: str, model: ScriptedModel, seed_index: Index
) -> None:
    shown = passages(seed_index.ask(QUESTIONS["en"]))
    elsewhere = {"question": QUESTIONS["en"], "passages": shown, "filters": {"type": "pdf"}}
    assert post(url, elsewhere).text == '{"failed": "changed"}\n'
    model.writes("About 500 companies [1].")
    page = visit(f"{url}/?q={quote(QUESTIONS['en'])}&language=ru")
    with page.expect_request("**/snoska/write") as sent:
        page.click("#write")
    assert sent.value.post_data_json["filters"]["language"] == "ru"
    expect(page.locator("#written .kept")).to_have_count(1)


def test_a_question_that_cannot_be_asked_is_told(url: str) -> None:
    assert post(url, {"question": " ", "passages": []}).text == '{"failed": "unexpected"}\n'


def test_without_an_endpoint_the_address_is_not_there(server: str) -> None:
    assert post(server, {"question": "x"}).status_code == 404
