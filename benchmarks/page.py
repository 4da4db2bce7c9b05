"""How long a person waits on the page: from pressing Enter to the answer shown, in a real browser, warm.

    python benchmarks/page.py --documents FOLDER… [--index DIR] [--passages 3000] [--questions 60] [--limits]

FOLDER holds real documents in two languages, such as LibreOffice's help (Debian: libreoffice-help-ru and -en-us),
unpacked; as many of them are indexed as make the passages. --index keeps that index; one that is there is taken as it
is. The questions are sentences of the collection, a third in each language, and questions that nothing in it answers
(the seed's); each is asked once only, so that nothing can be remembered.

Three take turns at each question, each in a process of its own: the index without a page (`Index.ask`); the page,
which is `snoska serve`; and the least that Gradio needs to ask the same index, a Textbox and an HTML component. Shown
is when the browser has painted the answer. HTTP is the page's call as the browser sees it, from sending to the last
byte; the rest is the browser's. --limits leaves with status 1 where the median of the page is 300 ms or more.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import html
import itertools
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO, cast

import latency
import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

import rag
from rag.encoders import load_encoder
from rag.folder import scan
from rag.passages import passages as split
from rag.reading import read_all
from rag.settings import Settings

LIMIT = 300.0  # milliseconds at the median
LANGUAGES = ("ru", "en")
WORDS = 10  # of a sentence, as a question
WARM = 6  # questions before those that count
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
SNOSKA = (sys.executable, "-c", "from rag.cli import main; main()")
BOX = {"page": "#question textarea", "plain": "textarea"}

# Enter's own time stamp; then the first paint after the answer to this question stands in the document. A frame's
# callback runs before its paint, a message posted there after it.
WATCH = """
(question) => {
  const wanted = `[data-question="${CSS.escape(question)}"]`;
  performance.clearResourceTimings();
  window.shown = new Promise((resolve) => {
    let pressed;
    addEventListener("keydown", (event) => { pressed = event.timeStamp; }, { capture: true, once: true });
    const looked = () => {
      if (pressed === undefined || !document.querySelector(wanted)) return;
      observer.disconnect();
      const inserted = performance.now() - pressed;
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => {
          const calls = performance.getEntriesByType("resource").filter((each) => each.startTime >= pressed - 1);
          const call = calls.find((each) => each.name.includes("component_server"));
          const http = call ? call.responseEnd - call.startTime : null;
          resolve({ shown: performance.now() - pressed, inserted, http });
        };
        port2.postMessage(null);
      });
    };
    const observer = new MutationObserver(looked);
    observer.observe(document.body, { childList: true, subtree: true, attributes: true });
  });
}
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", nargs="+", type=Path, default=[], help="folders of documents in two languages")
    parser.add_argument("--index", type=Path, help="where the index is kept")
    parser.add_argument("--passages", type=int, default=3_000)
    parser.add_argument("--questions", type=int, default=60, help="of the collection, half of them in each language")
    parser.add_argument("--limits", action="store_true", help=f"status 1 where the median is {LIMIT:.0f} ms or more")
    parser.add_argument("--bare", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--plain", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.bare:
        without_page(arguments.bare)
        return 0
    if arguments.plain:
        plain(arguments.plain)
        return 0
    with tempfile.TemporaryDirectory() as work:
        folder = (arguments.index or Path(work) / "index").resolve()
        if not folder.is_dir():
            if not arguments.documents:
                parser.error("name folders with --documents, or an index that is there with --index")
            chosen = Path(work) / "documents"
            choose(arguments.documents, arguments.passages, chosen)
            command = [*SNOSKA, "build", str(chosen), "--index", str(folder)]
            subprocess.run(command, check=True, cwd=latency.ROOT, stdout=sys.stderr)
        index = rag.open(folder)
        asked = questions(index, arguments.questions)
        taken = measured(folder, asked)
        print(f"{latency.machine()}; {index.info()['passages']} passages\n")
    tell(taken)
    return int(arguments.limits and np.median([each["page"]["shown"] for each in taken]) >= LIMIT)


# --- the collection and its questions ---


def choose(folders: Sequence[Path], wanted: int, target: Path) -> None:
    """Copies documents, one of each language in turn and drawn by chance, until they hold as many passages."""
    encoder = load_encoder()
    read: dict[str, list[tuple[Path, int]]] = {language: [] for language in LANGUAGES}
    for folder in folders:
        files = list(scan(folder, Settings.from_environment().max_file_bytes)[0])
        random.Random(0).shuffle(files)
        for file, reading in read_all(files[: wanted // 4], folder, Settings(ocr=()))[0]:
            own = split(reading.document, encoder.count_tokens, encoder.max_tokens)
            if own and own[0].language in read:
                read[own[0].language].append((folder / file.source, len(own)))
    target.mkdir()
    held = 0
    for number, pair in enumerate(itertools.zip_longest(*read.values())):
        for path, count in filter(None, pair):
            shutil.copy(path, target / f"{number:04}-{path.name}")
            held += count
            if held >= wanted:
                return
    sys.exit(f"page: the folders hold {held} passages in Russian and English, not {wanted}: name more of them")


def questions(index: rag.Index, count: int) -> list[tuple[str, str]]:
    """Kind and question, in an order drawn by chance; the first WARM ones are not counted."""
    chance = random.Random(1)
    texts: dict[str, set[str]] = {language: set() for language in LANGUAGES}
    for number in index.store.everyone():
        passage = index.store.passage(number)
        if passage.language in texts:
            texts[passage.language].update(
                " ".join(words[:WORDS])
                for sentence in passage.sentence_texts
                if len(words := re.findall(r"\w+", sentence)) >= WORDS // 2
            )
    asked = [
        (f"{language}, a sentence of the collection", question)
        for language, own in texts.items()
        for question in chance.sample(sorted(own), (count + WARM) // 2)
    ]
    warm, counted = asked[: WARM // 2] + asked[-WARM // 2 :], asked[WARM // 2 : -WARM // 2]
    counted += [("nothing in it answers", question) for question in latency.QUESTIONS]
    chance.shuffle(counted)
    return [*(("", question) for _, question in warm), *counted]


# --- the three that are asked ---


def measured(folder: Path, asked: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """For each question that counts: its kind, the milliseconds of the bare index, and those of both pages."""
    commands = {
        "page": [*SNOSKA, "serve", "--index", str(folder), "--port", "0"],
        "plain": [sys.executable, __file__, "--plain", str(folder)],
    }
    with contextlib.ExitStack() as stack:
        addresses = {name: stack.enter_context(served(command)) for name, command in commands.items()}
        browser = stack.enter_context(chromium())
        pages = {name: opened(browser, address, BOX[name]) for name, address in addresses.items()}
        ways: dict[str, Callable[[str], Any]] = {"bare": stack.enter_context(bare(folder))}
        ways |= {name: functools.partial(shown, page, BOX[name]) for name, page in pages.items()}
        found = []
        for number, (kind, question) in enumerate(asked):
            turns = [*ways.items()][number % len(ways) :] + [*ways.items()][: number % len(ways)]
            found.append({"kind": kind, **{name: way(question) for name, way in turns}})
        return [each for each in found if each["kind"]]


@contextlib.contextmanager
def bare(folder: Path) -> Iterator[Callable[[str], float]]:
    """The milliseconds of the index without a page, in a process of its own: this one drives the browser."""
    command = [sys.executable, __file__, "--bare", str(folder)]
    with subprocess.Popen(command, cwd=latency.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        asked, told = cast(TextIO, other.stdin), cast(TextIO, other.stdout)

        def ask(question: str) -> float:
            asked.write(f"{question}\n")
            asked.flush()
            return float(told.readline())

        yield ask
        asked.close()


def without_page(folder: Path) -> None:
    """Answers each line of the standard input, and prints the milliseconds that it took."""
    index = rag.open(folder)
    index.warm_up()
    for line in sys.stdin:
        started = time.perf_counter()
        index.ask(line.strip())
        print(1000 * (time.perf_counter() - started), flush=True)


@contextlib.contextmanager
def served(command: Sequence[str]) -> Iterator[str]:
    """The address that a server tells on its standard error; the server is stopped at the end."""
    with subprocess.Popen(command, cwd=latency.ROOT, stderr=subprocess.PIPE, text=True) as process:
        told = []
        try:
            for line in process.stderr or ():
                told.append(line)
                if where := re.search(r"serving on (\S+)", line):
                    yield where[1]
                    return
            sys.exit("page: the server did not start:\n" + "".join(told))
        finally:
            process.terminate()


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        sys.exit("page: no Chromium: 'make test' installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


def opened(browser: Browser, address: str, box: str) -> Page:
    page = browser.new_page(viewport={"width": 1280, "height": 900}, locale="en-GB")
    page.set_default_timeout(120_000)  # the server may still be loading the model
    page.goto(address)
    page.wait_for_selector(box)
    return page


def shown(page: Page, box: str, question: str) -> dict[str, float | None]:
    """Milliseconds from Enter to the painted answer, to its place in the document, and of the HTTP call."""
    page.fill(box, question)
    page.evaluate(WATCH, question)
    page.press(box, "Enter")
    return dict(page.evaluate("window.shown"))


def plain(folder: Path) -> None:
    """A Textbox and an HTML component over the index: what Gradio costs by itself."""
    import gradio as gr
    import uvicorn
    from fastapi import FastAPI

    from rag.web.server import address, listen

    index = rag.open(folder)
    index.warm_up()

    def ask(question: str) -> str:
        answer = index.ask(question)
        cards = "".join(f"<li>{html.escape(each.quote)}</li>" for each in answer.citations)
        return f'<p data-question="{html.escape(question)}">{html.escape(answer.text or "")}</p><ol>{cards}</ol>'

    with gr.Blocks(analytics_enabled=False) as blocks:
        box, shown_in = gr.Textbox(), gr.HTML()
        box.submit(ask, box, shown_in)
    listener = listen("127.0.0.1", 0)
    print(f"serving on {address(listener)}", file=sys.stderr, flush=True)
    app = gr.mount_gradio_app(FastAPI(), blocks, path="/", ssr_mode=False)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


# --- the table ---


def tell(taken: Sequence[dict[str, Any]]) -> None:
    print("| | times | median | 95 % | least | most | unit |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | --- |")

    def row(name: str, values: Iterable[float]) -> None:
        print(latency.row(name, list(values), "ms"))

    row("the index without a page", (each["bare"] for each in taken))
    row("**the page, Enter to the answer shown**", (each["page"]["shown"] for each in taken))
    row("– its HTTP call", (each["page"]["http"] for each in taken))
    row("– of that, beyond the index", (each["page"]["http"] - each["bare"] for each in taken))
    row("– the browser", (each["page"]["shown"] - each["page"]["http"] for each in taken))
    row("a plain Gradio page", (each["plain"]["shown"] for each in taken))
    for kind in sorted({each["kind"] for each in taken}):
        row(f"the page: {kind}", (each["page"]["shown"] for each in taken if each["kind"] == kind))


if __name__ == "__main__":
    sys.exit(main())
