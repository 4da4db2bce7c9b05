"""Calls to Milvus: repeated while the server is away, their errors told in a sentence without a secret."""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

from rag.address import Address
from rag.certificates import trusted
from rag.errors import ConfigurationError, IndexAway, IndexMissing, IndexUnusable
from rag.settings import Settings

OLDEST = (2, 5)  # the first Milvus with BM25
FIRST_CONTACT = 10.0  # seconds: an address that is wrong is told soon; a server that has answered is waited for longer
BACK_OFF = (0.1, 3.0)  # seconds before the first repetition, doubled up to the last
STRANGER = "Hostname Verification Check failed"  # gRPC's words, with the code of refused credentials
REFUSED = ("UNAUTHENTICATED", "PERMISSION_DENIED", "auth check failure", "privilege not permitted")
CONNECT_FAILED = 2  # pymilvus's own code at the first contact
NOT_FOUND = 100  # Milvus's codes (merr): there is no such collection
NO_ALIAS = 1600
NOT_LOADED = 101
MADE = "already exist"  # what another builder has made in the same moment will not be made by trying again
# The server, or the nodes that hold the collection, are coming back, or have too much to do at the moment.
RECOVERING = {1, 2, 4, 8, 12, 103, 106, 401, 503, 901, 902}
SEALING = 600.0  # seconds that are waited for it: what is written by then is whole, and would be written again
PAGE = 16_384  # rows: the most that Milvus gives at once
MANY = 8_000  # numbers named in one expression


class Gone(IndexMissing):
    """A collection that was there is no longer."""


class Server:
    """A connection; several threads may call. ``server.query("name", filter="…")`` is the client's method.

    Raises ConfigurationError where pymilvus is missing or the server too old, IndexAway where it does not answer.
    """

    def __init__(self, address: Address, settings: Settings) -> None:
        try:
            import grpc
            import pymilvus
        except ImportError as error:
            raise ConfigurationError("an index in Milvus needs pymilvus: pip install 'snoska[milvus]'") from error
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # it logs every error with a traceback; we raise it
        self.address, self._wait = address, settings.milvus_seconds
        self.vector_index, self.shards = settings.milvus_index, settings.milvus_shards
        self._replicas = settings.milvus_replicas
        self._secrets = tuple(filter(None, (settings.milvus_password, settings.milvus_token)))
        self._failures = (pymilvus.MilvusException, grpc.RpcError)  # some of gRPC's pymilvus passes on as they are
        options: dict[str, Any] = {"token": settings.milvus_token or "", "db_name": settings.milvus_database or ""}
        if settings.milvus_user:
            options |= {"user": settings.milvus_user, "password": settings.milvus_password or ""}
        if settings.milvus_tls:
            options |= {"secure": True}
        if settings.milvus_ca:
            trusted("MILVUS", settings.milvus_ca)
            options |= {"secure": True, "server_pem_path": str(settings.milvus_ca)}
        secure = "https" if options.get("secure") else "http"
        uri, first = f"{secure}://{address.server}", min(FIRST_CONTACT, self._wait)
        with self._told():
            self._client = self._again(
                lambda: pymilvus.MilvusClient(uri, timeout=first, dedicated=True, **options), first, (CONNECT_FAILED,)
            )
            version = str(self._client.get_server_version(timeout=first))
        numbers = re.search(r"(\d{1,9})\.(\d{1,9})", version)
        if numbers and (int(numbers[1]), int(numbers[2])) < OLDEST:
            raise ConfigurationError(
                f"Milvus at {address.server} is {version:.40}, Snoska needs {OLDEST[0]}.{OLDEST[1]} or newer: update it"
            )

    def __getattr__(self, method: str) -> Any:
        if method.startswith("_"):
            raise AttributeError(method)

        def call(*args: Any, **kwargs: Any) -> Any:
            return self._call(method, *args, **kwargs)

        return call

    def query(self, collection: str, **kwargs: Any) -> Any:
        """The client's method, for a generation's rows: those are read as they were some seconds ago."""
        return self._call("query", collection, **{"consistency_level": "Bounded", **kwargs})

    def search(self, collection: str, **kwargs: Any) -> Any:
        """As :meth:`query`."""
        return self._call("search", collection, consistency_level="Bounded", **kwargs)

    def flush(self, collection: str) -> None:
        """Seals what was written; waits for as long as that may take."""
        self._call("flush", collection, seconds=max(self._wait, SEALING))

    def rows(self, collection: str, where: str, fields: list[str]) -> Iterator[dict[str, Any]]:
        """All rows that an expression names, all that was written before this call among them, in pages by their
        primary keys: an iterator reads at its collection's own level, Strong, whatever it is asked for."""
        pages = self._call("query_iterator", collection, batch_size=PAGE // 4, filter=where, output_fields=fields)

        def following() -> Any:  # a page that has failed is asked for again
            try:
                return pages.next()
            except self._failures as error:
                self._load_again(error, collection)
                raise

        try:
            while True:
                with self._told():
                    page = self._again(following, self._wait, (*RECOVERING, NOT_LOADED))
                if not page:
                    return
                yield from page
        finally:
            pages.close()

    def load(self, collection: str) -> None:
        """Lets the server hold the collection in memory, in as many replicas as the settings say."""
        self._call("load_collection", collection, replica_number=self._replicas)

    def exists(self, collection: str) -> bool:
        return bool(self.has_collection(collection))

    def count(self, collection: str, where: str) -> int:
        """How many rows an expression names, all that was written before this call counted."""
        found = self.query(collection, filter=where, output_fields=["count(*)"], consistency_level="Strong")
        return int(found[0]["count(*)"])

    def behind(self, alias: str) -> str | None:
        """The collection that an alias leads to; None where there is no such alias."""
        try:
            return str(self.describe_alias(alias)["collection_name"])
        except Gone:
            return None

    def _call(self, method: str, *args: Any, seconds: float = 0, **kwargs: Any) -> Any:
        """The client's method, repeated with back-off; pymilvus itself repeats what the network has lost."""
        wait = seconds or self._wait

        def call() -> Any:
            try:
                return getattr(self._client, method)(*args, **kwargs, timeout=wait)
            except self._failures as error:
                if args:
                    self._load_again(error, args[0])
                raise

        with self._told():
            return self._again(call, wait, (*RECOVERING, NOT_LOADED))

    def _load_again(self, error: Exception, collection: str) -> None:
        """Where the server has come back and does not hold the collection yet. Raises what keeps it from that."""
        if getattr(error, "code", None) == NOT_LOADED:
            self._client.load_collection(collection, timeout=self._wait, replica_number=self._replicas)

    def _again(self, call: Callable[[], Any], seconds: float, codes: tuple[int, ...]) -> Any:
        """What the call gives, which is repeated for so long while it fails with one of these codes."""
        until, pause = time.monotonic() + seconds, BACK_OFF[0]
        while True:
            try:
                return call()
            except self._failures as error:
                is_final = any(sign in str(cause) for cause in (error, *_causes(error)) for sign in (*REFUSED, MADE))
                if getattr(error, "code", None) not in codes or is_final or time.monotonic() + pause > until:
                    raise
            time.sleep(pause)
            pause = min(2 * pause, BACK_OFF[1])

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (*self._failures, OSError, ValueError) as error:
            raise self._sentence(error) from None  # the chain would show what the client was called with

    def _sentence(self, error: Exception) -> Exception:
        """The error as Snoska tells it."""
        code, text, server = *_said(error), f"Milvus at {self.address.server}"
        for cause in _causes(error):  # where it was refused at the first contact, only the cause says so
            text += f" {cause}"
        for secret in self._secrets:
            text = text.replace(secret, "***")
        if code in (str(NOT_FOUND), str(NO_ALIAS)):
            return Gone(f"{self.address} is not there any more, or not yet: open it again, or run 'snoska build'")
        if STRANGER in text:
            return IndexAway(f"{server} shows the certificate of another name: correct the address, or the certificate")
        if any(sign in code + text for sign in REFUSED):
            return IndexUnusable(
                f"{server} refuses these credentials: set SNOSKA_MILVUS_USER and SNOSKA_MILVUS_PASSWORD,"
                " or SNOSKA_MILVUS_TOKEN"
            )
        away = ("Fail connecting", "UNAVAILABLE", "DEADLINE_EXCEEDED", "Retry timeout", "Retry run out", "not ready")
        if any(sign in code + text for sign in away):
            return IndexAway(f"{server} does not answer: start it, or check the address, SNOSKA_MILVUS_TLS and _CA")
        return IndexUnusable(f"{server} answers with an error: {' '.join(text.split())[:300]}")


def _said(error: Exception) -> tuple[str, str]:
    """The code and the words of an error of pymilvus's, or of gRPC's, whose are methods."""
    if callable(code := getattr(error, "code", "")):
        return str(code()), str(getattr(error, "details", str)() or error)
    return str(code), str(getattr(error, "message", error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What led to the error, and to that; pymilvus raises errors from themselves."""
    seen = [error]
    while (cause := seen[-1].__cause__ or seen[-1].__context__) is not None and cause not in seen:
        seen.append(cause)
        yield cause
