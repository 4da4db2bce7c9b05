"""What the browser tests share: a visit that notices what no page may do, asking, pictures of the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

SCREENSHOTS = Path(__file__).resolve().parent.parent / "build" / "screenshots"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
    "--disable-smooth-scrolling",  # a key pressed into a scroll that is under way would be lost
)  # fmt: skip
QUESTIONS = {
    "ru": "Сколько компаний с эмиратским участием работает в Казахстане?",
    "en": "How many companies with Emirati participation operate in Kazakhstan?",
}
LOCAL = ("data", "blob")  # addresses that lead to no host
LOCALES = {"ru": "ru-RU", "en": "en-GB"}
SENTENCE = "Сегодня в Казахстане работает около 500 компаний с эмиратским участием, в том числе 49 в юрисдикции МФЦА."
UNANSWERABLE = "???"  # a question without a word is answered by nothing, whatever the calibration

MARKS = [
    pytest.mark.browser,
    pytest.mark.model,
    # Gradio's queue sums up its own timings with an argument that pandas has deprecated.
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),
]  # of each module that drives the page

# Run in the page: what text it shows with too little contrast.
CONTRAST = """() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const part = (c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const color = channels(getComputedStyle(e).backgroundColor);
      if (color.length === 3) return color;
    }
    return [255, 255, 255];
  };
  const low = [];
  for (const e of document.querySelectorAll("#snoska *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || !e.checkVisibility() || e.closest("[aria-busy=true]")) continue;
    const [a, b] = [light(channels(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) low.push(`${e.tagName} ${e.className} ${(a + 0.05) / (b + 0.05)}`);
  }
  return low;
}"""

each_language = pytest.mark.parametrize("language", ["ru", "en"])


class Visit:
    """Opens pages, and keeps what they did that no page may: requests elsewhere, errors, dialogs."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.requested: list[str] = []
        self.troubles: list[str] = []

    def __call__(self, url: str, language: str = "en", **options: Any) -> Page:
        context = self._browser.new_context(locale=LOCALES.get(language, language), **options)
        self._contexts.append(context)
        context.on("request", lambda request: self.requested.append(request.url))
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("websocket", lambda socket: self.requested.append(socket.url))
        page.on("pageerror", lambda error: self.troubles.append(f"error {error}"))
        page.on("dialog", lambda dialog: (self.troubles.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("console", lambda line: line.type == "error" and self.troubles.append(f"console {line.text}"))
        page.goto(url)
        page.wait_for_selector("#question textarea")
        return page

    def close(self) -> None:
        for context in self._contexts:
            context.close()

    def check(self) -> None:
        """Fails where a page asked another host for something, or something went wrong in it."""
        hosts = [(urlsplit(url), url) for url in self.requested]
        assert [url for parts, url in hosts if parts.hostname != "127.0.0.1" and parts.scheme not in LOCAL] == []
        assert self.troubles == []


def ask(page: Page, question: str) -> None:
    page.fill("#question textarea", question)
    page.press("#question textarea", "Enter")
    page.wait_for_selector(f"#answer[data-question={json.dumps(question, ensure_ascii=False)}]")


def shoot(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")
