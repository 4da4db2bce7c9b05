"""An HTTP server of the standard library's in a thread, while a test needs it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer


@contextmanager
def serving(server: ThreadingHTTPServer, before_end: Callable[[], None] = lambda: None) -> Iterator[str]:
    """Serves on the port that the server has taken; gives its URL. ``before_end`` lets handlers go that wait."""
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        before_end()
        server.shutdown()
        server.server_close()
        thread.join()
