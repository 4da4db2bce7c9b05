"""Serving the page: one process, one address, stopped by Ctrl+C or SIGTERM."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Sequence
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from rag.address import place
from rag.errors import ConfigurationError
from rag.settings import Settings
from rag.web import logs
from rag.web.access import Rules
from rag.web.collection import Collection
from rag.web.page import create_app
from rag.web.permission import rule
from rag.web.protocol import Patient

log = logging.getLogger(__name__)

CONNECTIONS = 2_000  # open side by side; each page keeps one or two
GRACE = 5  # seconds that running answers have to finish when the server is stopped


def serve(
    index: str | Path,
    host: str = "127.0.0.1",
    port: int = 7860,
    documents: str | Path | None = None,
    no_auth: bool = False,
) -> None:
    """Serves the page over an index until it is stopped; built from ``documents`` in the background, where given.

    Raises ConfigurationError where the address cannot be listened on, a setting cannot be used, or other machines could
    come in without a password though ``no_auth`` is not set.
    """
    settings = Settings.from_environment()
    if not host.strip():
        raise ConfigurationError("the host to listen on has no name: give 127.0.0.1, or 0.0.0.0 for all addresses")
    rules = Rules.configured(settings, host, no_auth or not settings.auth)
    handler = logging.StreamHandler()
    handler.setFormatter(logs.Lines("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for chatty in ("httpx", "sentence_transformers"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logs.follow(settings)
    listener = listen(host, port)
    who = rule(settings.changes, host)
    collection = Collection.at(place(index), Path(documents) if documents is not None else None, who)
    log.info("serving on %s", address(listener))
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl+C is how it is meant to be stopped
        Server(create_app(collection, rules), settings.proxies).run(sockets=[listener])
    if not collection.stop():
        os._exit(0)  # Python would tear the model's libraries down under the thread that loads it, and crash


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises ConfigurationError where it cannot be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=128)
        # What it accepts inherits this. Without it, the body of an answer waits 40 ms for word that its head has come.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except (OSError, OverflowError, UnicodeError) as error:
        number = error.errno if isinstance(error, OSError) else None
        reason = os.strerror(number) if number is not None and number > 0 else str(error)
        raise ConfigurationError(
            f"cannot listen on {host}:{port} ({reason}): take another host or port, or stop what listens there"
        ) from error


def address(listener: socket.socket) -> str:
    """The URL that a listening socket is reached by."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """Ends the open pages' endless streams when it stops, so that only answers are waited for.

    What ``proxies`` say of a request, its client's address and whether it came encrypted, is believed.
    """

    def __init__(self, app: FastAPI, proxies: Sequence[str] = ()) -> None:
        config = uvicorn.Config(
            app,
            log_config=None,  # its messages go where ours do
            log_level="warning",
            access_log=False,
            http=Patient,
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=GRACE,
            server_header=False,
            proxy_headers=bool(proxies),  # by default uvicorn would believe any program on this machine
            forwarded_allow_ips=list(proxies),
        )
        super().__init__(config)
        self._closing = app.state.closing

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._closing.set()
        await super().shutdown(sockets)
