"""Who gets in: the password, the login page, the sessions, the guesses, the hosts' names, other sites' pages."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import gradio_client
import httpx
import pytest

from rag.errors import ConfigurationError, IndexMissing, QuestionError
from rag.index import Index
from rag.settings import Settings
from rag.web.access import COOKIE, Rules
from rag.web.collection import Collection
from rag.web.password import Password
from rag.web.sessions import AGE, FIRST, FREE, LONGEST, MOST, Guesses, Sessions
from rag.web.texts import LANGUAGES

ROOT = Path(__file__).resolve().parent.parent
WORDS = "пароль от папки"
HASH = str(Password.of(WORDS))
# One that is checked in a moment: the cheapest that is taken.
PASSWORD = Password(2**14, 8, 1, b"salt", hashlib.scrypt(WORDS.encode(), salt=b"salt", n=2**14, r=8, p=1, dklen=32))
PROXY = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https"}

# Gradio's queue sums up its own timings with an argument that pandas has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:The copy keyword is deprecated")


class Clock:
    """Time that goes on when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


# --- the password ---


def test_a_hash_holds_no_password_and_knows_it_again() -> None:
    assert HASH.startswith("scrypt:32768:8:3:")
    assert str(Password.read(f" {HASH}\n", "a test")) == HASH != str(Password.of(WORDS))
    known = Password.read(HASH, "a test")
    assert (known.fits(WORDS), known.fits(WORDS + " "), known.fits("")) == (True, False, False)
    assert HASH.rpartition(":")[2] not in repr(known)


@pytest.mark.parametrize(
    "text",
    ["", "secret", HASH[:-9], HASH.replace("32768", "1024"), HASH.replace("32768", str(2**30)), HASH + ":x"],
    ids=["empty", "plain", "cut", "cheap", "dear", "longer"],
)
def test_what_is_no_hash_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^THERE is no hash of a password: let 'snoska password' make one$"):
        Password.read(text, "THERE")


def test_the_command_prints_a_hash_of_what_it_reads() -> None:
    code = "import sys; sys.argv[1:] = ['password']; from rag.cli import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", code], input=WORDS + "\n", capture_output=True, encoding="utf-8", check=True, cwd=ROOT
    )
    assert Password.read(ran.stdout, "the output").fits(WORDS)


def test_a_short_password_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="has 7 characters"):
        Password.of("7 signs")


# --- the rules ---


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "docs.example.org", ""])
def test_other_machines_are_not_served_without_a_password(host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"'snoska password' prints.*--no-auth or SNOSKA_AUTH=off"):
        Rules.configured(Settings(), host)
    assert Rules.configured(Settings(), host, no_auth=True).password is None
    assert Rules.configured(Settings(password_hash=str(PASSWORD)), host).password == PASSWORD


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.9.9.9"])
def test_this_machine_is_served_without_one(host: str) -> None:
    assert Rules.configured(Settings(), host) == Rules()


def test_a_password_and_its_opposite_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="take one of the two settings away"):
        Rules.configured(Settings(password_hash=HASH), "127.0.0.1", no_auth=True)


def test_the_password_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "hash").write_text(f"{PASSWORD}\n", "utf-8")
    assert Rules.configured(Settings(password_file=tmp_path / "hash"), "::").password == PASSWORD
    with pytest.raises(ConfigurationError, match=r"SNOSKA_PASSWORD_FILE=.*none cannot be read"):
        Rules.configured(Settings(password_file=tmp_path / "none"), "::")


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("SNOSKA_HOSTS", "docs.example.org, http://x", "holds 'http://x', no host's name"),
        ("SNOSKA_PROXIES", "10.0.0.1, everyone", "no list of addresses"),
        ("SNOSKA_ROOT_PATH", "/a b", "is no path"),
        ("SNOSKA_ROOT_PATH", "https://evil.example", "is no path"),
        ("SNOSKA_ROOT_PATH", "/a/../b", "is no path"),
        ("SNOSKA_ROOT_PATH", "/a/.", "is no path"),
        ("SNOSKA_AUTH", "no", "use one of on, off"),
    ],
)
def test_a_setting_that_cannot_be_used_is_told(variable: str, value: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Settings.from_environment({variable: value})


def test_the_settings_are_read() -> None:
    given = Settings.from_environment(
        {"SNOSKA_HOSTS": "Docs.Example.ORG,b", "SNOSKA_PROXIES": "10.0.0.0/8", "SNOSKA_ROOT_PATH": "/docs/"}
    )
    assert (given.hosts, given.proxies, given.root_path) == ({"docs.example.org", "b"}, ("10.0.0.0/8",), "/docs")
    assert HASH not in repr(Settings(password_hash=HASH))


NAMED = frozenset({"docs.example.org"})


@pytest.mark.parametrize(
    ("rules", "server", "known", "unknown"),
    [
        (Rules(), "127.0.0.1", "localhost:7860 127.0.0.1 [::1]:7860 LOCALHOST.",
         "evil.example localhost.evil.example [ 10.0.0.5 nip.io"),
        (Rules(hosts=NAMED), "127.0.0.1",
         "docs.example.org localhost DOCS.example.org:443", "evil.example docs.example.org.evil.example"),
        (Rules(), "10.0.0.5", "10.0.0.5:7860 localhost [fd00::5]", "evil.example server"),
        (Rules(PASSWORD), "10.0.0.5", "server evil.example 10.0.0.5", "["),
        (Rules(PASSWORD, NAMED), "10.0.0.5", "docs.example.org localhost", "evil.example 10.0.0.5"),
    ],
    ids=["here", "here behind a proxy", "open", "password", "password and names"],
)  # fmt: skip
def test_a_name_that_a_stranger_made_lead_here_is_refused(rules: Rules, server: str, known: str, unknown: str) -> None:
    assert [host for host in known.split() if not rules.knows(host, server)] == []
    assert [host for host in ["", *unknown.split()] if rules.knows(host, server)] == []


# --- sessions and guesses ---


def test_a_session_ends_by_itself_or_when_it_is_told_to() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    first, second = sessions.begin(), sessions.begin()
    sessions.end(first)
    assert [sessions.has(token) for token in (first, second, "", "x")] == [False, True, False, False]
    clock.now += AGE
    assert not sessions.has(second)


def test_sessions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.web.sessions.MOST", 3)
    sessions = Sessions()
    tokens = [sessions.begin() for _ in range(5)]
    assert [sessions.has(token) for token in tokens] == [False, False, True, True, True]


def test_wrong_guesses_cost_twice_as_long_each_time() -> None:
    clock = Clock()
    guesses = Guesses(clock)
    waits = []
    for _ in range(FREE + 12):
        clock.now += guesses.wait("198.51.100.7")
        guesses.add("198.51.100.7")
        waits.append(guesses.wait("198.51.100.7"))
    assert waits[: FREE + 3] == [0.0] * (FREE - 1) + [FIRST * 2**turn for turn in range(4)]
    assert waits[-1] == LONGEST
    assert guesses.wait("198.51.100.8") == 0
    guesses.forgive("198.51.100.7")
    assert guesses.wait("198.51.100.7") == 0


def test_all_addresses_of_one_customer_count_as_one() -> None:
    guesses = Guesses(Clock())
    for number in range(FREE):
        guesses.add(f"2001:db8:1:2::{number}")
    assert guesses.wait("2001:db8:1:2:ffff::1") == FIRST
    assert guesses.wait("2001:db8:1:3::1") == 0


def test_the_memory_of_guesses_is_bounded() -> None:
    guesses = Guesses(Clock())
    for number in range(MOST + 10):
        guesses.add(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(guesses._wrong) == MOST


# --- the server ---


class Ready:
    """Stands for an index where the test asks it nothing."""

    def warm_up(self) -> None: ...

    def info(self) -> dict[str, object]:
        return {"documents": 2, "passages": 7, "model": {"name": "a model"}}

    def document(self, path: str) -> None:
        raise QuestionError(path)


@pytest.fixture(scope="module")
def closed(serve_app: Callable[..., str]) -> str:
    """A page with a password, behind a proxy that is this machine; its URL."""
    rules = Rules(PASSWORD, frozenset({"docs.example.org"}))
    return serve_app(Collection(lambda _: Ready()), rules, ["127.0.0.1"])  # type: ignore[arg-type, return-value]


@pytest.fixture
def browser(closed: str) -> Iterator[httpx.Client]:
    """What a browser keeps between two requests: cookies."""
    with httpx.Client(base_url=closed, headers={"user-agent": "Mozilla/5.0"}, timeout=60) as client:
        yield client


def log_in(client: httpx.Client, password: str = WORDS, **fields: str) -> httpx.Response:
    return client.post("/snoska/login", data={"password": password, **fields})


@pytest.mark.parametrize(
    "path",
    [
        "/config", "/theme.css", "/assets/index.js", "/snoska/style.css", "/snoska/page.js", "/gradio_api/info",
        "/gradio_api/queue/join", "/gradio_api/call/ask", "/gradio_api/component_server", "/gradio_api/heartbeat/x",
        "/gradio_api/mcp", "/snoska/source/file?document=x", "/snoska/batch/1/xlsx", "/snoska/logout/../source/file",
        "/snoska/healthy", "/snoska/health/../batch/start", "//", "/snoska/login/", "/nothing",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS", "PUT"])
def test_nothing_is_given_without_the_password(closed: str, method: str, path: str) -> None:
    answer = httpx.request(method, closed + path, headers={"cookie": f"{COOKIE}=x"})
    assert (answer.status_code, answer.text) == (401, "" if method == "HEAD" else "log in first\n")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["www-authenticate"].startswith("Basic ")


def test_a_browser_is_led_to_the_form_and_back_to_what_it_asked(browser: httpx.Client) -> None:
    question = "/?q=%D0%A7%D1%82%D0%BE%3F&x=%22%0d%0aSet-Cookie:a=b"
    led = browser.get(question)
    assert led.status_code == 303
    form = browser.get("/snoska/" + led.headers["location"].removeprefix("./snoska/"))
    assert form.status_code == 200
    (after,) = re.findall(r'name="next" value="([^"]*)"', form.text)
    entered = log_in(browser, next=after.replace("&amp;", "&").replace("&quot;", '"'))
    assert (entered.status_code, entered.headers["location"]) == (303, f"..{question}".replace(":a=b", "%3Aa=b"))
    assert browser.get("/").status_code == 200
    assert browser.get("/config").status_code == 200


@pytest.mark.parametrize("after", ["//evil.example", "https://evil.example", "/\\evil.example", "\r\nX: y", "../.."])
def test_a_login_leads_to_no_other_site(browser: httpx.Client, after: str) -> None:
    location = log_in(browser, next=after).headers["location"]
    assert location.startswith("../?")
    assert not set(location) & set(":\\\r\n ")
    assert "//" not in location


def test_the_cookie_is_kept_from_scripts_and_other_sites(browser: httpx.Client) -> None:
    (cookie,) = log_in(browser).headers.get_list("set-cookie")
    token, *rest = cookie.split("; ")
    assert re.fullmatch(rf"{COOKIE}=[\w-]{{43}}", token)
    assert sorted(rest) == ["HttpOnly", f"Max-Age={AGE}", "Path=/", "SameSite=strict"]


def test_it_is_kept_to_encrypted_networks_where_it_came_by_one(browser: httpx.Client) -> None:
    answer = browser.post("/snoska/login", data={"password": WORDS}, headers={**PROXY, "host": "docs.example.org"})
    assert "; Secure" in answer.headers["set-cookie"]


def test_a_program_cannot_say_that_it_is_a_proxy(serve_app: Callable[..., str]) -> None:
    url = serve_app(Collection(lambda _: Ready()), Rules(PASSWORD))  # type: ignore[arg-type, return-value]
    answer = httpx.post(url + "/snoska/login", data={"password": WORDS}, headers=PROXY)
    assert "Secure" not in answer.headers["set-cookie"]
    guess = [httpx.post(url + "/snoska/login", data={"password": "wrong"}, headers=PROXY) for _ in range(FREE + 1)]
    assert [answer.status_code for answer in guess] == [403] * FREE + [429]
    others = httpx.post(url + "/snoska/login", data={"password": WORDS}, headers={"x-forwarded-for": "203.0.113.77"})
    assert others.status_code == 429


def test_logging_out_ends_the_session(browser: httpx.Client) -> None:
    log_in(browser)
    kept = dict(browser.cookies)
    assert browser.get("/snoska/logout").status_code == 405
    left = browser.post("/snoska/logout")
    assert (left.status_code, left.headers["location"]) == (303, "./login")
    assert "Max-Age=0" in left.headers["set-cookie"]
    assert browser.get("/config", headers={"cookie": f"{COOKIE}={kept[COOKIE]}"}).status_code == 401


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_form_is_in_the_readers_language_and_needs_no_script(browser: httpx.Client, language: str) -> None:
    said = LANGUAGES[language]
    form = browser.get("/snoska/login", headers={"accept-language": f"{language}-XX, de;q=0.5"})
    assert said["login.lead"] in form.text
    assert f'<html lang="{language}">' in form.text
    assert "<script" not in form.text
    assert "script" not in form.headers["content-security-policy"]
    assert form.headers["content-security-policy"].startswith("default-src 'none'; ")
    other = browser.get(f"/snoska/login?language={language}", headers={"accept-language": "de"})
    assert said["login.lead"] in other.text
    wrong = browser.post(f"/snoska/login?language={language}", data={"password": "<b>"}, headers=PROXY)
    assert (wrong.status_code, said["login.wrong"] in wrong.text, "<b>" in wrong.text) == (403, True, False)
    assert browser.get("/snoska/login.css").headers["content-type"].startswith("text/css")


@pytest.mark.parametrize("language", ["ru", "en"])
def test_who_guesses_on_is_told_to_wait_while_others_come_in(browser: httpx.Client, language: str) -> None:
    guesser = {**PROXY, "x-forwarded-for": f"198.51.100.{len(language)}{language == 'ru':d}"}
    told = [
        browser.post(f"/snoska/login?language={language}", data={"password": f"guess {number}"}, headers=guesser)
        for number in range(FREE + 1)
    ]
    assert [answer.status_code for answer in told] == [403] * FREE + [429]
    wait = told[-1].headers["retry-after"]
    assert LANGUAGES[language]["login.wait"].format(seconds=wait) in told[-1].text
    right = browser.post("/snoska/login", data={"password": WORDS}, headers=guesser)
    assert right.status_code == 429
    assert log_in(browser).status_code == 303


def test_hostile_text_in_the_address_is_text_in_the_form(browser: httpx.Client) -> None:
    form = browser.get("/snoska/login", params={"next": '"><script>alert(1)</script>', "language": '"><b>'})
    assert "<script>" not in form.text
    assert "<b>" not in form.text


@pytest.mark.parametrize(
    "body", ["password=" + "x" * 20_000, "password", "\0=\xff", ""], ids=["long", "bare", "odd", "empty"]
)
def test_what_is_no_login_is_refused(browser: httpx.Client, body: str) -> None:
    here = {**PROXY, "x-forwarded-for": f"192.0.2.{len(body) % 250}"}
    assert browser.post("/snoska/login", content=body, headers=here).status_code in (403, 413)


def test_a_program_sends_the_password_with_each_request(closed: str) -> None:
    client = httpx.Client(base_url=closed, auth=("anyone", WORDS), timeout=60)
    assert [client.get("/config").status_code for _ in range(3)] == [200] * 3
    here = {"x-forwarded-for": "203.0.113.50"}
    wrong = [httpx.get(closed + "/config", auth=("snoska", f"no {n}"), headers=here) for n in range(FREE + 1)]
    assert [answer.status_code for answer in wrong] == [401] * FREE + [429]
    for odd in ("Basic", "Basic !!!", "Bearer x", "Basic Og==", "Basic /////w=="):
        assert httpx.get(closed + "/config", headers={"authorization": odd}).status_code == 401


@pytest.mark.parametrize("path", ["/", "/config", "/snoska/login", "/gradio_api/info"])
def test_a_foreign_host_is_refused_before_all_else(closed: str, path: str) -> None:
    answer = httpx.get(closed + path, headers={"host": "evil.example"})
    assert answer.status_code == 421


def test_what_watches_over_the_server_needs_no_password(closed: str) -> None:
    foreign = {"host": "evil.example"}  # a probe calls it as it likes
    assert httpx.get(f"{closed}/snoska/health", headers=foreign).json() == {"status": "up"}
    assert httpx.get(f"{closed}/snoska/ready", headers=foreign).json() == {"status": "ready"}


def test_a_server_without_an_index_is_up_and_not_ready(serve_app: Callable[..., str]) -> None:
    def missing(_: object) -> Index:
        raise IndexMissing("a secret path")

    collection = Collection(missing)
    url = serve_app(collection)
    with pytest.raises(IndexMissing):
        collection.index()
    answer = httpx.get(f"{url}/snoska/ready")
    assert (answer.status_code, answer.json(), answer.headers["retry-after"]) == (503, {"status": "failed"}, "2")
    assert httpx.get(f"{url}/snoska/health").status_code == 200


FOREIGN = [
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:1"},
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
    {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=lambda headers: " ".join(headers.values()))
@pytest.mark.parametrize(
    "path",
    [
        "/snoska/login", "/snoska/logout", "/gradio_api/component_server", "/gradio_api/queue/join",
        "/gradio_api/call/ask", "/gradio_api/call/v2/ask", "/gradio_api/run/ask", "/gradio_api/cancel",
        "/gradio_api/reset", "/snoska/batch/start", "/snoska/takeaway/copy",
    ],
)  # fmt: skip
def test_another_sites_page_can_do_nothing(browser: httpx.Client, path: str, headers: dict[str, str]) -> None:
    log_in(browser)
    answer = browser.post(path, headers=headers, json={})
    assert (answer.status_code, answer.text) == (403, "asked by another site's page\n")
    assert "access-control-allow-origin" not in answer.headers


def test_another_sites_page_can_read_nothing_but_may_link_here(browser: httpx.Client) -> None:
    log_in(browser)
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert browser.get("/?q=x", headers=link).status_code == 200
    framed = browser.get("/config", headers={"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"})
    assert framed.status_code == 403
    preflight = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    assert browser.options("/gradio_api/call/ask", headers=preflight).status_code == 403


@pytest.mark.parametrize("headers", [{"x-forwarded-host": "evil.example"}, {"x-gradio-server": "http://evil.example"}])
def test_no_header_makes_the_page_name_another_host(browser: httpx.Client, headers: dict[str, str]) -> None:
    log_in(browser)
    assert "evil.example" not in browser.get("/", headers=headers).text
    assert "evil.example" not in browser.get("/config", headers=headers).text


def test_every_answer_carries_the_headers(browser: httpx.Client) -> None:
    log_in(browser)
    for path in ("/", "/config", "/snoska/style.css", "/snoska/login", "/none"):
        headers = browser.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "microphone=()" in headers["permissions-policy"]
        assert "server" not in headers


@pytest.mark.model
def test_the_api_answers_behind_the_password(seed_index: Index, serve_app: Callable[..., str]) -> None:
    collection = Collection(lambda _: seed_index)
    url = serve_app(collection, Rules(PASSWORD))
    collection.index()
    with pytest.raises(httpx.HTTPStatusError, match="401"):
        httpx.get(f"{url}/gradio_api/info").raise_for_status()
    token = base64.b64encode(f"snoska:{WORDS}".encode()).decode()
    client = gradio_client.Client(
        url, headers={"Authorization": f"Basic {token}"}, verbose=False, analytics_enabled=False
    )
    given = client.predict("экзафлопсная инфраструктура", k=1, api_name="/search")
    assert json.loads(json.dumps(given))["hits"][0]["rank"] == 1


@pytest.mark.parametrize("variables", [{}, {"SNOSKA_PASSWORD_HASH": HASH, "SNOSKA_AUTH": "off"}], ids=["none", "both"])
def test_app_refuses_to_start_open_to_others(variables: dict[str, str], tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, ROOT / "app.py"],
        env={"HOST": "0.0.0.0", "PORT": "0", "PATH": "", "INDEX": str(tmp_path), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)
    assert ran.stderr.startswith(
        "snoska: a password is set" if variables else "snoska: other machines can reach 0.0.0.0"
    )
