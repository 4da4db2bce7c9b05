"""What the tests share: the real model, loaded once a process, and a wall before the network."""

from __future__ import annotations

import ipaddress
import shutil
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rag.encoders import BundledEncoder
from rag.index import Index, build
from rag.settings import Settings
from rag.web.collection import Collection

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from rag.web.access import Rules
    from tests.browser_help import Visit
    from tests.milvus_server import MilvusServer


def pytest_configure() -> None:
    """A script that starts the tests in the background lets them ignore Ctrl-C, and with them what they start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def encoder() -> BundledEncoder:
    """The bundled model, as a user's first run would load it; shared, so tests must not change it."""
    return BundledEncoder.load(Settings.from_environment())


@pytest.fixture(scope="session")
def seed_index(encoder: BundledEncoder, tmp_path_factory: pytest.TempPathFactory) -> Index:
    """The index of seeds/, built once with the real model; shared, so tests must not change it."""
    seeds = Path(__file__).resolve().parent.parent / "seeds"
    return build(seeds, tmp_path_factory.mktemp("seed") / "index", encoder=encoder)


@pytest.fixture(scope="session")
def serve_app() -> Iterator[Callable[..., str]]:
    """Serves a collection on a free port, in a thread, as the product does; gives its URL."""
    from rag.web.page import create_app
    from rag.web.server import Server, address, listen

    running = []

    def start(
        collection: Collection,
        rules: Rules | None = None,
        proxies: Sequence[str] = (),
        proxied: Callable[[Any], Any] = lambda app: app,
    ) -> str:
        listener = listen("127.0.0.1", 0)
        server = Server(proxied(create_app(collection, rules)), proxies)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        running.append((server, thread, listener))
        return address(listener)

    yield start
    for server, _, _ in running:
        server.should_exit = True
    for _, thread, listener in running:
        thread.join(timeout=20)
        listener.close()
    assert not any(thread.is_alive() for _, thread, _ in running), "a server goes on after it was told to stop"


@pytest.fixture(scope="session")
def server(seed_index: Index, serve_app: Callable[[Collection], str]) -> str:
    """The page over seeds/, ready; its URL."""
    collection = Collection(lambda _: seed_index)
    url = serve_app(collection)
    collection.index()
    return url


@pytest.fixture(scope="session")
def milvus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusServer]:
    """A Milvus server, started once; tests that kill one start their own."""
    from tests.milvus_server import running

    with running(tmp_path_factory.mktemp("milvus")) as server:
        yield server


@pytest.fixture(scope="module")
def small_parts() -> Iterator[None]:
    """Runs and segments so small that a small build takes every way; see :func:`tests.faults.make_small`."""
    from tests.faults import make_small

    with pytest.MonkeyPatch.context() as patched:
        make_small(patched.setattr)
        yield


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium, started once a module: while Playwright runs, its thread can run no other event loop."""
    from playwright.sync_api import sync_playwright

    from tests.browser_help import FLAGS

    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for path in map(shutil.which, names) if path), None)
    assert found, "the tests need Chromium: 'make test' installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Opens pages; the test fails where one asked another host for something, or something went wrong in it."""
    from tests.browser_help import Visit

    visit = Visit(browser)
    yield visit
    visit.close()
    visit.check()


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Refuses every look-up and connection but to this machine; the list holds what was tried."""
    tried: list[str] = []
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def check(host: Any) -> None:
        if not _is_this_machine(host):
            tried.append(str(host))
            raise OSError(f"the test blocks the network: {host}")

    def guarded(method: Any) -> Any:
        def call(self: socket.socket, address: Any) -> Any:
            if self.family != getattr(socket, "AF_UNIX", None):
                check(address[0])
            return method(self, address)

        return call

    def look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        check(host)
        return getaddrinfo(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded(connect))
    monkeypatch.setattr(socket.socket, "connect_ex", guarded(connect_ex))
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return tried


def _is_this_machine(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
