"""The one address that embeds texts: OpenAI's ``/v1/embeddings``, as Text Embeddings Inference and vLLM serve it.

No redirect is followed and no proxy is used, so that texts go nowhere else. What may pass is tried again, with pauses
that double; what a server answers is believed only as far as it is checked.
"""

from __future__ import annotations

import email.utils
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rag.address import check_http
from rag.certificates import distrust, trusted
from rag.encoders.answers import API, LOG, read_vectors
from rag.errors import ConfigurationError, ModelError
from rag.settings import EMBEDDINGS_EXAMPLE, Settings
from rag.text import shorten
from rag.types import Matrix

if TYPE_CHECKING:
    import httpx

BATCH = 32  # texts in a request: the most that Text Embeddings Inference takes unless it is told otherwise
CONNECT = 5.0  # seconds to a server that is there
FIRST_CONTACT = 10.0  # seconds: an address that is wrong is told soon; a server that has answered is waited for longer
BACK_OFF = (0.25, 15.0)  # seconds before the first repetition, doubled up to the last
BUSY = {408, 424, 425, 429, 500, 502, 503, 504}  # 424 is a failure of the model behind Text Embeddings Inference
TOO_MUCH = {413, 422}  # by the number of texts or by their size
NUMBER_BYTES = 40  # of one number in an answer, at most: as JSON it has some 25 characters
WORDS = 200  # characters of the server's own words in an error


@dataclass(frozen=True, slots=True)
class EmbeddingsServer:
    """An address, ``url`` with its ``/v1``, and a model of it, whose vectors have ``dimension`` numbers.

    ``seconds`` is how long one request may take, and how long a server that is away or busy is waited for;
    ``authority`` a file of the certificates by which alone it is known, None where the usual ones do.
    """

    url: str
    model: str
    dimension: int
    key: str | None = field(default=None, repr=False)
    seconds: float = 60
    authority: Path | None = None

    @classmethod
    def configured(cls, settings: Settings, model: str, dimension: int) -> EmbeddingsServer:
        """The one that the settings name. Raises ConfigurationError where it cannot be used."""
        url, key = settings.embeddings_url or "", settings.embeddings_key
        check_http("EMBEDDINGS", url, EMBEDDINGS_EXAMPLE, settings.embeddings_ca)
        if key is not None and not (key.isascii() and key.isprintable()):
            raise ConfigurationError("SNOSKA_EMBEDDINGS_KEY holds a character that no key has: copy it again")
        name = settings.embeddings_model or model
        return cls(url.rstrip("/"), name, dimension, key, settings.embeddings_seconds, settings.embeddings_ca)


class Passing(Exception):
    """What may pass: worth another try after ``pause`` seconds at least. ``reached``: something has answered."""

    def __init__(self, message: str, reached: bool = True, pause: float = 0.0) -> None:
        super().__init__(message)
        self.reached, self.pause = reached, pause


class TooMuch(Exception):
    """The server takes fewer texts at a time, or shorter ones."""


class Session:
    """Connections to a server, kept while this lasts; several threads may ask at once. A context manager.

    ``most`` is how many texts it takes at a time, as far as is known.
    """

    def __init__(self, server: EmbeddingsServer) -> None:
        import httpx

        self.server, self.most = server, BATCH
        timeout = httpx.Timeout(server.seconds, connect=CONNECT)
        verify = trusted("EMBEDDINGS", server.authority) if server.authority else True
        self._client = httpx.Client(verify=verify, trust_env=False, follow_redirects=False, timeout=timeout)
        self._reached = False
        self._over = threading.Event()
        self._failure: ModelError | None = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._client.close()

    def stop(self, failure: ModelError | None = None) -> None:
        """Ends all waiting, for threads whose texts nobody wants. After a ``failure`` nothing more is asked."""
        self._failure = self._failure or failure
        self._over.set()

    def vectors(self, texts: Sequence[str]) -> Matrix:
        """float32 (len(texts), dimension), rows of length 1. Raises ModelError."""
        if self._failure is not None:
            raise ModelError(str(self._failure)) from self._failure
        if len(texts) > (most := self.most):  # which may fall meanwhile
            return np.concatenate([self.vectors(texts[:most]), self.vectors(texts[most:])])
        try:
            return self._again(texts)
        except TooMuch as error:
            if len(texts) == 1:
                raise ModelError(f"{error}, of one text of {len(texts[0]):,} characters: {LOG}") from error
            self.most = min(self.most, len(texts) // 2)
        return self.vectors(texts)

    def _again(self, texts: Sequence[str]) -> Matrix:
        """What a request gives, which is repeated while what fails may pass."""
        pause, failed = BACK_OFF[0], 0.0
        while True:
            try:
                rows = self._ask(texts)
            except Passing as error:
                now = time.monotonic()
                self._reached = self._reached or error.reached
                limit = self.server.seconds if self._reached else min(FIRST_CONTACT, self.server.seconds)
                failed, wait = failed or now, max(pause, error.pause)
                if now + wait > failed + limit or self._over.wait(wait):
                    raise ModelError(str(error)) from error
                pause = min(2 * pause, BACK_OFF[1])
            else:
                self._reached = True
                return rows

    def _ask(self, texts: Sequence[str]) -> Matrix:
        """Raises Passing, TooMuch and ModelError."""
        import httpx

        url, seconds = self.server.url, self.server.seconds
        asked = {"model": self.server.model, "input": list(texts), "encoding_format": "base64"}  # a third of the bytes
        headers = {"Authorization": f"Bearer {self.server.key}"} if self.server.key else {}
        slow = f"{url} takes longer than SNOSKA_EMBEDDINGS_SECONDS ({seconds:g}): see to it, or raise the limit"
        try:
            with self._client.stream("POST", f"{url}/embeddings", json=asked, headers=headers) as response:
                body = self._body(response, len(texts), slow)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            if wrong := distrust(error):
                raise ModelError(
                    f"the certificate of {url} is not trusted ({wrong}): name a file with its authority's in"
                    " SNOSKA_EMBEDDINGS_CA, or correct the address"
                ) from error
            away = f"{url} does not answer: start the embeddings server, or correct SNOSKA_EMBEDDINGS_URL"
            raise Passing(away, reached=False) from error
        except httpx.TimeoutException as error:
            raise Passing(slow) from error
        except httpx.HTTPError as error:
            raise Passing(f"the answer of {url} broke off: {LOG}") from error
        if response.status_code != 200:
            raise self._refused(response, body)
        return read_vectors(body, len(texts), self.server.dimension, url)

    def _body(self, response: httpx.Response, texts: int, slow: str) -> bytes:
        """The answer, which may neither be far longer than it can be nor trickle in for ever."""
        most, until = (1 << 20) + NUMBER_BYTES * self.server.dimension * texts, time.monotonic() + self.server.seconds
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > most:
                raise ModelError(f"{self.server.url} answers with more than {texts} vectors can take: {API}")
            if time.monotonic() > until:
                raise Passing(slow)
        return bytes(body)

    def _refused(self, response: httpx.Response, body: bytes) -> Exception:
        status, words = response.status_code, self._words(body)
        told = f"{self.server.url} answers with status {status}{words}"
        if status in TOO_MUCH:
            return TooMuch(told)
        if status in BUSY:
            return Passing(f"{told}: {LOG}", pause=_seconds(response.headers.get("retry-after", "")))
        if status in (401, 403):
            return ModelError(f"{told}: set SNOSKA_EMBEDDINGS_KEY to a key that it takes")
        if response.is_redirect:
            return ModelError(f"{told}, which leads elsewhere and is not followed: correct SNOSKA_EMBEDDINGS_URL")
        if status == 404:
            return ModelError(f"{told}: correct SNOSKA_EMBEDDINGS_URL, as http://HOST:PORT/v1, or _MODEL")
        return ModelError(f"{told}: {LOG}")

    def _words(self, body: bytes) -> str:
        """What the server says of it, in a few of its own words and without the key."""
        try:
            said = json.loads(body)
        except (ValueError, RecursionError):
            return ""
        for name in ("error", "message", "detail"):  # {"error": {"message": …}} and {"error": …} are both in use
            said = said.get(name, said) if isinstance(said, dict) else said
        if not isinstance(said, str) or not said.strip():
            return ""
        return f" ({shorten(said.replace(self.server.key, '***') if self.server.key else said, WORDS)})"


def _seconds(retry_after: str) -> float:
    """What a Retry-After header asks for: seconds, or a date; 0 where it says neither."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        return max(email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError):
        return 0.0
