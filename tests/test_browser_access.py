"""Logging in and out in a real browser: in both languages, on a phone, without scripts, below a path of a proxy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page

from rag.index import Index
from rag.web.access import Rules
from rag.web.collection import Collection
from rag.web.texts import LANGUAGES
from tests.browser_help import LOCALES, MARKS, Visit, ask, each_language, shoot
from tests.browser_help import QUESTIONS as ASKED
from tests.test_access import PASSWORD, WORDS

pytestmark = MARKS
PHONE = {"viewport": {"width": 375, "height": 667}}
DESK = {"viewport": {"width": 1280, "height": 800}}


@pytest.fixture(scope="module")
def closed(seed_index: Index, serve_app: Callable[..., str]) -> str:
    """The page over seeds/ behind a password; its URL."""
    collection = Collection(lambda _: seed_index)
    url = serve_app(collection, Rules(PASSWORD))
    collection.index()
    return url


@each_language
@pytest.mark.parametrize(("size", "scheme"), [(PHONE, "light"), (DESK, "dark")], ids=["phone", "desk"])
def test_a_reader_logs_in_is_answered_and_logs_out(
    closed: str, browser: Browser, language: str, size: dict[str, Any], scheme: str
) -> None:
    said = LANGUAGES[language]
    context = browser.new_context(locale=LOCALES[language], color_scheme=scheme, **size)  # type: ignore[arg-type]
    page = context.new_page()
    troubles: list[str] = []
    page.on("console", lambda line: line.type == "error" and troubles.append(line.text))
    page.goto(f"{closed}/?q={ASKED[language]}")
    assert page.inner_text("h1") == said["login.lead"]
    assert page.evaluate("document.activeElement.id") == "password"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    name = f"login-{language}-{'phone' if size is PHONE else 'desk'}"
    shoot(page, name)
    page.fill("#password", "nothing")
    page.keyboard.press("Enter")
    assert page.inner_text("#wrong") == said["login.wrong"]
    shoot(page, f"{name}-wrong")
    troubles.clear()  # the browser reports the status 403
    page.fill("#password", WORDS)
    page.click("button")
    page.wait_for_selector("#answer")
    assert page.get_attribute("#answer", "data-question") == ASKED[language]
    page.wait_for_selector("#logout:not([hidden])")
    page.locator("#logout").scroll_into_view_if_needed()
    shoot(page, f"{name}-in")
    page.click("#logout")
    page.wait_for_selector("#password")
    assert troubles == []
    page.go_back()
    page.wait_for_selector("#password")
    context.close()


def test_the_form_works_without_scripts_and_in_the_other_language(closed: str, browser: Browser) -> None:
    context = browser.new_context(locale="ru-RU", java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{closed}/?q=x")
    page.click("text=English")
    assert page.inner_text("h1") == LANGUAGES["en"]["login.lead"]
    page.fill("#password", WORDS)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{closed}/?q=x")
    context.close()


def test_a_page_whose_session_has_ended_leads_to_the_form(closed: str, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    log_in(page, closed)
    token = next(cookie["value"] for cookie in context.cookies() if cookie["name"] == "snoska")
    httpx.post(f"{closed}/snoska/logout", headers={"cookie": f"snoska={token}"})
    page.click("#language")
    page.select_option("#language", "ru")  # the page asks the server for something
    page.wait_for_selector("#password", timeout=15_000)
    context.close()


def test_the_open_page_offers_nothing_to_log_out_of(server: str, visit: Visit) -> None:
    page = visit(server)
    ask(page, ASKED["en"])
    assert page.is_hidden("#logout")


def log_in(page: Page, url: str) -> None:
    page.goto(url)
    page.fill("#password", WORDS)
    page.keyboard.press("Enter")
    page.wait_for_selector("#logout:not([hidden])")


class Below:
    """Stands for a proxy that puts the page under a path, which it takes off."""

    def __init__(self, app: Any, prefix: str) -> None:
        self._app, self._prefix, self.state = app, prefix, app.state

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            assert scope["path"].startswith(f"{self._prefix}/"), scope["path"]
            path = scope["path"].removeprefix(self._prefix)
            scope = {**scope, "path": path, "raw_path": path.encode()}
        await self._app(scope, receive, send)


def test_the_page_lives_below_a_path_of_a_proxy(
    seed_index: Index, serve_app: Callable[..., str], browser: Browser
) -> None:
    collection = Collection(lambda _: seed_index)
    url = serve_app(collection, Rules(PASSWORD, prefix="/team/docs"), proxied=lambda app: Below(app, "/team/docs"))
    collection.index()
    context = browser.new_context()
    page = context.new_page()
    log_in(page, f"{url}/team/docs/")
    assert page.url == f"{url}/team/docs/"
    ask(page, ASKED["en"])
    assert [cookie["path"] for cookie in context.cookies()] == ["/team/docs/"]
    page.click("#logout")
    page.wait_for_selector("#password")
    assert page.url == f"{url}/team/docs/snoska/login"
    context.close()
