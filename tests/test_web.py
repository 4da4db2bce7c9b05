"""The page's parts without a browser: cards, texts, the guard, the collection's states, the API over HTTP."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args
from urllib.parse import parse_qsl

import gradio_client
import httpx
import pytest
from gradio_client.exceptions import AppError

from rag.address import Address
from rag.errors import (
    ConfigurationError,
    Fault,
    IndexAway,
    IndexBusy,
    IndexDamaged,
    IndexMismatch,
    IndexMissing,
    ModelError,
    NothingToIndex,
    QuestionError,
)
from rag.export import answer_json
from rag.index import Index
from rag.query import MAX_QUESTION
from rag.types import Answer, Citation, Copy, Filters, Note, Progress, Scores, Verdict
from rag.web import asking, cards, collection, guard, page
from rag.web import server as web
from rag.web.collection import Collection, Status
from rag.web.texts import EN, ERRORS, LANGUAGES, RU, error_text

# Gradio's queue sums up its own timings with an argument that pandas has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:The copy keyword is deprecated")

ROOT = Path(__file__).resolve().parent.parent
RU_QUESTION = "Сколько компаний с эмиратским участием работает в Казахстане?"
EN_QUESTION = "How many companies with Emirati participation operate in Kazakhstan?"
HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "' autofocus onfocus='alert(1)",
    "</mark></blockquote><mark>",
    "[click](javascript:alert(1)) ![x](https://example.com/x.png)",
    "$$\\href{javascript:alert(1)}{x}$$ {{value}} ${alert(1)} `",
    "\u202egnp.exe\u2066 &lt;b&gt; &#60;",
)

CITATION = Citation(
    rank=1,
    document="press/отчёт 1.txt",
    title="Отчёт",
    date="2025-11-25",
    language="ru",
    page=3,
    paragraph=6,
    start=100,
    end=140,
    quote="Первое.  Второе —\nответ. Третье.",
    highlight=(9, 24),
    score=1.023,
    scores=Scores(paragraph=0.864, sentence=0.891, lexical=0.12),
    also_in=(Copy("copy.txt", 5, 45),),
)
ANSWER = Answer("Что?", "ru", "found", 0.934, "Второе —\nответ.", 1, (CITATION,))
NOT_FOUND = replace(ANSWER, verdict="not_found", confidence=0.08, text=None, citation=None)


class Tree(HTMLParser):
    """The elements of a piece of HTML with their attributes, and the text in each kind of element."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.classed: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(markup)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)
        self._class = dict(attrs).get("class") or ""
        self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        self._class = ""

    def handle_data(self, data: str) -> None:
        self.classed.append((self._class, data))
        for tag in set(self._open):
            self.texts[tag][-1] += data

    def by_id(self, name: str) -> dict[str, str | None]:
        (found,) = [attributes for _, attributes in self.elements if attributes.get("id") == name]
        return found

    def has_id(self, name: str) -> bool:
        return any(attributes.get("id") == name for _, attributes in self.elements)


# --- cards ---


def test_a_card_quotes_the_passage_verbatim_and_marks_the_answering_sentence() -> None:
    tree = Tree(cards.citation_html(CITATION, RU))
    assert tree.texts["blockquote"] == [CITATION.quote]
    assert tree.texts["mark"] == ["Второе —\nответ."]


@pytest.mark.parametrize(
    ("said", "facts"),
    [
        (RU, "25.11.2025 · стр.\u00a03 · абзац\u00a06 · русский"),
        (EN, "2025-11-25 · p.\u00a03 · paragraph\u00a06 · Russian"),
    ],
    ids=["ru", "en"],
)
def test_a_card_names_its_source_and_why_it_ranks_there(said: dict[str, str], facts: str) -> None:
    tree = Tree(cards.citation_html(CITATION, said))
    assert tree.texts["h3"] == ["Отчёт"]
    assert tree.texts["p"][:2] == ["press/отчёт 1.txt", facts]
    assert tree.texts["dd"] == [number.replace(".", said["decimal"]) for number in ("0.86", "0.89", "0.12", "1.02")]
    assert [each for each in tree.texts["bdi"] if "copy" in each] == ["copy.txt"]
    assert tree.by_id("citation-1")["class"] == "citation"


def test_a_card_leaves_out_what_is_not_known() -> None:
    bare = replace(CITATION, date=None, page=None, language="de", also_in=())
    tree = Tree(cards.citation_html(bare, EN))
    assert tree.texts["p"][:2] == ["press/отчёт 1.txt", "paragraph\u00a06 · de"]
    assert "time" not in tree.texts


def test_the_answer_is_told_with_its_confidence_and_a_footnote_to_its_card() -> None:
    tree = Tree(cards.answer_html(ANSWER, "Что?", RU))
    assert (tree.texts["strong"], tree.texts["summary"]) == (["Ответ найден"], ["уверенность 93\u00a0%"])
    assert tree.texts["p"] == [RU["confidence.note"].format(percent=93)]
    assert tree.texts["blockquote"] == ["Второе —\nответ.1"]
    assert [attributes["href"] for tag, attributes in tree.elements if tag == "a"] == ["#citation-1"]
    assert tree.by_id("answer")["data-question"] == "Что?"
    assert not tree.has_id("not-found")


@pytest.mark.parametrize(("said", "heading"), [(RU, "Ближайшие отрывки"), (EN, "Nearest passages")], ids=["ru", "en"])
def test_not_found_is_said_plainly_and_the_nearest_passages_listed(said: dict[str, str], heading: str) -> None:
    tree = Tree(cards.answer_html(NOT_FOUND, "Что?", said))
    assert tree.has_id("not-found")
    assert "blockquote" not in tree.texts
    assert Tree(cards.citations_html(NOT_FOUND, said)).texts["h2"] == [heading]


def test_unsure_says_that_it_is_and_still_gives_the_sentence() -> None:
    tree = Tree(cards.answer_html(replace(ANSWER, verdict="unsure", confidence=0.5), "Что?", EN))
    assert (tree.texts["strong"], tree.texts["summary"]) == (["The answer may be here"], ["confidence 50%"])
    assert tree.texts["p"][1:] == [EN["unsure.note"]]
    assert tree.texts["blockquote"] == ["Второе —\nответ.1"]


def test_without_a_passage_nothing_is_listed() -> None:
    empty = replace(NOT_FOUND, citations=())
    assert cards.citations_html(empty, EN) == ""
    assert Tree(cards.answer_html(empty, "?", EN)).texts["p"][1] == EN["not_found.nothing"]
    assert Tree(cards.answer_html(empty, "?", EN, filtered=True)).texts["p"][1] == EN["not_found.filtered"]


@pytest.mark.parametrize(
    ("note", "text", "has_way_back"),
    [
        (Note("layout", "rjvbccbz", "комиссия"), "Ответ на вопрос «комиссия».", True),
        (Note("spelling", "комисия", "комиссии"), "Слова «комисия» в документах нет; оно принято за «комиссии».", True),
        (Note("phrase", "Иван Петров", ""), "Фразы «Иван Петров» нет ни в одном отрывке", False),
    ],
    ids=["layout", "spelling", "phrase"],
)
def test_what_was_made_of_the_question_is_said_with_the_way_back(note: Note, text: str, has_way_back: bool) -> None:
    tree = Tree(cards.answer_html(replace(ANSWER, notes=(note,)), "?", RU))
    assert text in tree.texts["p"][0]
    assert (RU["literal"] in tree.texts.get("button", [])) is has_way_back


@pytest.mark.parametrize(
    ("question", "notes", "words"),
    [
        ("Что об ответе?", (), ["ответ"]),
        ("jndtn", (Note("layout", "jndtn", "ответ"),), ["ответ"]),
        ("отвеет?", (Note("spelling", "отвеет", "ответ"),), ["ответ"]),
        ("и на это", (), []),
    ],
    ids=["another form", "layout", "spelling", "function words"],
)
def test_the_words_of_the_question_are_set_off_and_the_quotation_stays_verbatim(
    question: str, notes: tuple[Note, ...], words: list[str]
) -> None:
    tree = Tree(cards.citations_html(replace(ANSWER, question=question, notes=notes), RU))
    assert [text for tag, text in tree.classed if tag == "word"] == words
    assert tree.texts["blockquote"] == [CITATION.quote]
    assert tree.texts["mark"] == ["Второе —\nответ."]


@pytest.mark.parametrize(
    ("said", "reference"),
    [
        (RU, "Отчёт, press/отчёт 1.txt, 25.11.2025, с.\u00a03, абз.\u00a06"),
        (EN, "Отчёт, press/отчёт 1.txt, 2025-11-25, p.\u00a03, para.\u00a06"),
    ],
    ids=["ru", "en"],
)
def test_a_card_carries_its_reference_and_the_address_of_its_passage(said: dict[str, str], reference: str) -> None:
    tree = Tree(cards.citation_html(CITATION, said))
    assert tree.by_id("citation-1")["data-reference"] == reference
    places = [attributes["href"] for tag, attributes in tree.elements if attributes.get("class") == "place"]
    assert [dict(parse_qsl((place or "")[1:])) for place in places] == [
        {"source": "press/отчёт 1.txt", "start": "100", "end": "140"},
        {"source": "copy.txt", "start": "5", "end": "45"},
    ]


def test_a_reference_leaves_out_what_is_not_known_and_says_nothing_twice() -> None:
    bare = replace(CITATION, title="a.txt", document="a.txt", date=None, page=None)
    assert cards.reference(bare, EN) == "a.txt, para.\u00a06"


def shape(tree: Tree) -> list[tuple[str, list[str]]]:
    """The elements with their attributes' names, the words of the question aside."""
    return [(tag, list(attributes)) for tag, attributes in tree.elements if attributes.get("class") != "word"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text_wherever_it_stands(text: str) -> None:
    hostile = replace(
        CITATION, document=text, title=text, date=text, language=text, quote=text, highlight=(0, len(text)),
        also_in=(Copy(text, 0, 1),),
    )  # fmt: skip
    answer = replace(ANSWER, question=text, text=text, citations=(hostile,))
    markup = cards.answer_html(answer, text, EN) + cards.citations_html(answer, EN) + cards.error_html(text, text)
    benign = replace(
        hostile,
        document="d",
        title="t",
        date="x",
        language="l",
        quote="q",
        highlight=(0, 1),
        also_in=(Copy("d", 0, 1),),
    )
    plain = replace(answer, question="q", text="q", citations=(benign,))
    expected = cards.answer_html(plain, "q", EN) + cards.citations_html(plain, EN) + cards.error_html("q", "q")
    tree = Tree(markup)
    assert shape(tree) == shape(Tree(expected))
    assert tree.texts["mark"] == [text]
    assert tree.by_id("answer")["data-question"] == text


def test_what_is_no_character_is_replaced() -> None:
    assert cards.escaped("a\ud800b\0c😀") == "a\ufffdb\ufffdc😀"


# --- texts ---


def test_both_languages_say_the_same_things() -> None:
    fields = {key: sorted(re.findall(r"{(\w+)}", text)) for key, text in RU.items()}
    assert {key: sorted(re.findall(r"{(\w+)}", text)) for key, text in EN.items()} == fields


def test_every_text_is_used() -> None:
    files = [path for path in (ROOT / "rag/web").rglob("*") if path.suffix in {".py", ".js", ".html"}]
    sources = "".join(
        path.read_text("utf-8") for path in files if path.parent.name != "texts" or path.stem == "__init__"
    )
    used = {*re.findall(r"""["']([\w.]+)["']""", sources), *get_args(Verdict)}
    begun = tuple(re.findall(r"""["'`]([\w.]+\.)\$?\{""", sources))  # «status.{stage}», «scheme.${name}»
    assert [key for key in RU if key not in used and not key.startswith(begun)] == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("error", "key"),
    [
        *((QuestionError("no", fault), f"error.{fault}") for fault in get_args(Fault)),
        (IndexMissing("no"), "error.missing"),
        (IndexDamaged("no"), "error.damaged"),
        (IndexMismatch("no"), "error.mismatch"),
        (IndexBusy("no"), "error.busy"),
        (IndexAway("no"), "error.away"),
        (ModelError("no"), "error.model"),
        (NothingToIndex("no"), "error.nothing"),
        (ConfigurationError("no"), "error.unexpected"),
        (ValueError("a secret"), "error.unexpected"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_error_is_one_sentence_in_the_pages_language(language: str, error: Exception, key: str) -> None:
    said = LANGUAGES[language]
    assert error_text(error, said) == said[key].format(limit=MAX_QUESTION)
    assert set(ERRORS.values()) < set(said)


# --- the markup ---


def test_no_two_parts_of_the_page_share_an_id() -> None:
    ids = re.findall(
        r'\bid="([^"]+)"', "".join(path.read_text("utf-8") for path in (ROOT / "rag/web/assets").glob("*.html"))
    )
    assert sorted({each for each in ids if ids.count(each) > 1}) == []


# --- the guard ---


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/config",
        "/snoska/style.css",
        "/assets/x.js",
        "/gradio_api/call/ask",
        "/gradio_api/queue/join",
        "/gradio_api/info/",
    ],
)
def test_what_the_page_needs_is_let_through(path: str) -> None:
    assert guard.allowed(path)


@pytest.mark.parametrize(
    "path",
    [
        "/docs", "/openapi.json", "/login", "/monitoring", "/gradio_api/upload", "/gradio_api/file=/etc/passwd",
        "/gradio_api/file/etc/passwd", "/gradio_api/proxy=http://example.com", "/gradio_api/vibe-code",
        "/gradio_api/run-history/connect", "/gradio_api/deep_link", "/gradio_api/stream/x", "/static/../../etc/passwd",
        "/gradio_api/process_recording", "/gradio_api/custom_component/x", "/index",
    ],
)  # fmt: skip
def test_what_it_does_not_need_is_not_there(path: str) -> None:
    assert not guard.allowed(path)


def test_the_page_names_no_other_host_and_its_scripts_carry_the_nonce(server: str) -> None:
    response = httpx.get(server + "/?q=%3Cscript%3E")
    assert set(re.findall(r"https?://[^/\"'\s<\\]+", response.text)) <= {server}
    nonce = re.search(r"'nonce-([\w-]+)'", response.headers["content-security-policy"])
    assert nonce
    assert response.text.count("<script") == response.text.count(f'<script nonce="{nonce[1]}"') > 3
    assert nonce[1] not in httpx.get(server).headers["content-security-policy"]


def test_all_scripts_are_fetched_side_by_side(server: str) -> None:
    links = re.findall(r'<link rel="modulepreload" href="\./([\w/.]+)">', httpx.get(server).text)
    assert {"snoska/page.js", "snoska/context.js", "snoska/asking.js"} <= set(links)
    for link in links:
        response = httpx.get(f"{server}/{link}")
        assert (response.status_code, response.headers["content-type"]) == (200, "text/javascript; charset=utf-8")


def test_addresses_outside_are_answered_with_404_and_the_headers_are_set(server: str) -> None:
    response = httpx.get(server + "/gradio_api/file=/etc/passwd")
    assert (response.status_code, response.text) == (404, "not found\n")
    assert httpx.post(server + "/gradio_api/upload", files={"files": b"x"}).status_code == 404
    assert httpx.get(server + "/snoska/style.css").headers["x-content-type-options"] == "nosniff"


# --- the collection ---


class Ready:
    """Stands for an index where the test is about the states before it."""

    def warm_up(self) -> None: ...

    def info(self) -> dict[str, Any]:
        return {"documents": 2, "passages": 7, "model": {"name": "a model"}}

    @property
    def store(self) -> Ready:
        return self

    entries: Mapping[str, object] = {}


@pytest.mark.parametrize(
    ("index", "embeddings", "hosts"),
    [
        (Path("index"), "", ()),
        (Path("index"), "http://127.0.0.1:8080/v1", ()),
        (Path("index"), "https://gpu.example:8080/v1", ("gpu.example",)),
        (Address("[::1]", 19530, "press"), "", ()),
        (Address("db.example", 19530, "press"), "http://gpu.example/v1", ("db.example", "gpu.example")),
        (Address("db.example", 19530, "press"), "http://db.example:8080/v1", ("db.example",)),
    ],
    ids=["none", "embedded here", "embedded elsewhere", "kept here", "both elsewhere", "both in one place"],
)
def test_the_page_names_the_other_machines_that_take_part(
    index: Path | Address, embeddings: str, hosts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.index.open", lambda _: Ready())
    monkeypatch.setenv("SNOSKA_EMBEDDINGS_URL", embeddings)
    made = Collection.at(index)
    made._adopt(made._prepare(lambda _: None))
    assert made.status().hosts == hosts
    told = asking.status_json(made.status(), "en")["model"]
    if hosts:
        assert told == f"Other machines take part: {', '.join(hosts)}. Model: a model."
    else:
        assert told == "Everything is computed on this machine; no question leaves it. Model: a model."


def test_a_collection_goes_from_building_to_ready_and_who_asks_early_waits() -> None:
    release, reported = threading.Event(), threading.Event()

    def prepare(progress: Callable[[Progress], None]) -> Any:
        progress(Progress("embedding", 3, 9))
        reported.set()
        assert release.wait(10)
        return Ready()

    slow = Collection(prepare)
    assert asking.status_json(slow.status(), "en") == {
        "state": "building",
        "text": EN["status.building"],
        "samples": [],
        "model": "",
    }
    slow.start()
    assert reported.wait(10)
    assert asking.status_json(slow.status(), "ru")["text"] == "Обрабатываются отрывки: 3 из 9"
    release.set()
    assert isinstance(slow.index(), Ready)
    assert replace(slow.status(), samples=None) == Status("ready", documents=2, passages=7, model="a model")


def test_a_failure_is_told_to_all_who_ask_and_tried_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts: list[int] = []

    def prepare(_: object) -> Any:
        attempts.append(1)
        if len(attempts) == 1:
            raise IndexMissing("there is none")
        return Ready()

    failing = Collection(prepare)
    failing.start()
    for _ in range(2):
        with pytest.raises(IndexMissing, match="there is none"):
            failing.index()
    assert asking.status_json(failing.status(), "en")["text"] == EN["error.missing"]
    assert len(attempts) == 1
    monkeypatch.setattr(collection, "RETRY_AFTER", -1.0)
    assert failing.status().state == "failed"
    assert isinstance(failing.index(), Ready)


def test_a_collection_waits_for_another_builder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    attempts: list[int] = []

    def build(*_: object, **__: object) -> Any:
        attempts.append(1)
        if len(attempts) < 3:
            raise IndexBusy("another process builds")
        return Ready()

    monkeypatch.setattr("rag.index.build", build)
    monkeypatch.setattr(collection, "BUSY_WAIT", 0.01)
    waiting = Collection.at(tmp_path / "index", tmp_path)
    waiting.start()
    assert isinstance(waiting.index(), Ready)
    assert len(attempts) == 3


def test_a_stopped_collection_gives_up_its_build() -> None:
    begun = threading.Event()

    def prepare(progress: Callable[[Progress], None]) -> Any:
        while True:
            progress(Progress("embedding", 1, 9))
            begun.set()

    endless = Collection(prepare)
    endless.start()
    assert begun.wait(10)
    assert endless.stop()


def test_a_missing_index_fails_with_the_reason(tmp_path: Path) -> None:
    missing = Collection.at(tmp_path / "none")
    missing.start()
    with pytest.raises(IndexMissing):
        missing.index()


# --- the API ---


@pytest.fixture(scope="module")
def client(server: str) -> gradio_client.Client:
    return gradio_client.Client(server, verbose=False, analytics_enabled=False)


def call(server: str, name: str, body: object) -> tuple[str, Any]:
    """A call by plain HTTP, as with curl: the event and its data."""
    event = httpx.post(f"{server}/gradio_api/call/{name}", json=body).json()["event_id"]
    lines = httpx.get(f"{server}/gradio_api/call/{name.removeprefix('v2/')}/{event}", timeout=60).text.splitlines()
    return lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))


@pytest.mark.model
@pytest.mark.parametrize("question", [RU_QUESTION, EN_QUESTION], ids=["ru", "en"])
def test_the_api_gives_the_same_object_as_python(
    client: gradio_client.Client, seed_index: Index, question: str
) -> None:
    given = client.predict(question, api_name="/ask")
    assert given == json.loads(json.dumps(answer_json(seed_index.ask(question))))
    assert "около 500 компаний" in given["answer"]["text"]


@pytest.mark.model
@pytest.mark.parametrize(
    ("name", "body"),
    [("ask", {"data": [RU_QUESTION]}), ("v2/ask", {"question": RU_QUESTION})],
    ids=["call", "call/v2"],
)
def test_plain_http_may_leave_out_what_has_a_default(server: str, seed_index: Index, name: str, body: object) -> None:
    event, data = call(server, name, body)
    assert event == "complete"
    assert data == [json.loads(json.dumps(answer_json(seed_index.ask(RU_QUESTION))))]


@pytest.mark.model
def test_filters_and_count_reach_the_index(client: gradio_client.Client, seed_index: Index) -> None:
    given = client.predict(RU_QUESTION, language="ru", type="txt", since="2025-11-25", k=2, api_name="/ask")
    filters = Filters(language="ru", type="txt", since="2025-11-25")
    assert given == json.loads(json.dumps(answer_json(seed_index.ask(RU_QUESTION, 2, filters=filters))))
    assert client.predict(RU_QUESTION, since="2026-01-01", api_name="/ask")["citations"] == []


@pytest.mark.model
def test_search_gives_the_ranked_passages(client: gradio_client.Client, seed_index: Index) -> None:
    given = client.predict("экзафлопсная инфраструктура", k=3, mode="lexical", api_name="/search")
    assert given["query"] == "экзафлопсная инфраструктура"
    expected = seed_index.search("экзафлопсная инфраструктура", 3, mode="lexical")
    assert [(hit["rank"], hit["quote"]) for hit in given["hits"]] == [(hit.rank, hit.quote) for hit in expected]


@pytest.mark.model
@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("ask", [" \n"], "the question is empty"),
        ("ask", ["\ud800\0"], "the question is empty"),
        ("ask", [], "the question is None"),
        ("ask", [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}], "an argument is a list or an object"),
        ("ask", ["x" * 100_000], "100,000 characters"),
        ("ask", ["x", "ru", None, None, "yesterday"], "since 'yesterday' is not a date"),
        ("ask", ["x", 5], "language is 5"),
        ("ask", ["x", None, None, None, None, None, 0], "k is 0"),
        ("ask", ["x", None, None, None, None, None, "5"], "k is '5'"),
        ("search", ["x", 5, "magic"], "mode is 'magic'"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_bad_call_is_told_what_is_wrong(server: str, name: str, data: list[Any], message: str) -> None:
    body = json.dumps({"data": data})  # as text: httpx would refuse the lone surrogate
    event = httpx.post(f"{server}/gradio_api/call/{name}", content=body, headers={"content-type": "application/json"})
    lines = httpx.get(f"{server}/gradio_api/call/{name}/{event.json()['event_id']}", timeout=60).text.splitlines()
    assert lines[0] == "event: error"
    assert message in json.loads(lines[1].removeprefix("data: "))["error"]


@pytest.mark.model
def test_only_ask_and_search_are_in_the_api(server: str) -> None:
    info = httpx.get(server + "/gradio_api/info").json()
    assert sorted(info["named_endpoints"]) == ["/ask", "/search"]
    assert info["unnamed_endpoints"] == {}


def test_the_client_gets_no_detail_of_an_unexpected_error(serve_app: Callable[[Collection], str]) -> None:
    def broken(_: object) -> Any:
        raise ValueError("a secret path")

    url = serve_app(Collection(broken))
    with pytest.raises(AppError) as caught:
        gradio_client.Client(url, verbose=False, analytics_enabled=False).predict("x", api_name="/ask")
    assert "secret" not in str(caught.value)


# --- the server ---


def test_a_taken_port_is_told_in_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            ConfigurationError, match=rf"^cannot listen on 127.0.0.1:{port} \(Address already in use\): "
        ):
            web.listen("127.0.0.1", port)


def test_by_default_only_this_machine_is_served() -> None:
    import inspect

    from rag.web import serve

    assert inspect.signature(serve).parameters["host"].default == "127.0.0.1"
    with web.listen("127.0.0.1", 0) as listener:
        assert web.address(listener).startswith("http://127.0.0.1:")


@pytest.mark.parametrize("port", ["http", "70000", "-1"])
def test_app_refuses_a_port_that_is_none(port: str) -> None:
    ran = subprocess.run(
        [sys.executable, ROOT / "app.py"], env={"PORT": port, "PATH": ""}, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == f"snoska: PORT={port!r} is not a port: give a number from 0 to 65535\n"


def test_a_stopped_server_does_not_wait_for_open_pages(capfd: pytest.CaptureFixture[str]) -> None:
    idle = Collection(lambda _: Ready())  # type: ignore[arg-type, return-value]
    listener = web.listen("127.0.0.1", 0)
    server = web.Server(page.create_app(idle))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    idle_url = web.address(listener)
    with httpx.stream("GET", f"{idle_url}/gradio_api/heartbeat/abc", timeout=30) as stream:
        assert stream.status_code == 200
        server.should_exit = True
        thread.join(timeout=web.GRACE - 1)
        assert not thread.is_alive()
    listener.close()
    assert capfd.readouterr().err == ""
