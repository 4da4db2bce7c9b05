"""The one address that is asked for an answer, and no other: no redirect is followed, no proxy is used."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from rag.address import check_http
from rag.certificates import distrust, trusted
from rag.errors import ConfigurationError, GenerationError
from rag.generation.protocol import MAX_EVENT, Events, Pieces, refused
from rag.settings import Settings
from rag.types import Json

CONNECT = 5.0  # seconds to a server that is there
LONGEST = 600.0  # seconds for one answer, whatever comes
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
MAX_TOKENS = 2_048  # of the answer, which is short, and of the thoughts before it


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An OpenAI-compatible endpoint, ``url`` with its ``/v1``, and a model of it; ``seconds`` is how long it may be
    silent, ``authority`` a file of the certificates by which alone it is known, None where the usual ones do."""

    url: str
    model: str
    key: str | None = field(default=None, repr=False)
    seconds: float = 120
    authority: Path | None = None

    @classmethod
    def configured(cls, settings: Settings) -> Endpoint | None:
        """The one that the settings name, if any. Raises ConfigurationError where it cannot be used."""
        if settings.generate_url is None:
            return None
        if settings.generate_model is None:
            raise ConfigurationError("SNOSKA_GENERATE_URL is set, SNOSKA_GENERATE_MODEL is not: name the model too")
        _check(settings.generate_url, settings.generate_key, settings.generate_ca)
        url, key = settings.generate_url.rstrip("/"), settings.generate_key
        return cls(url, settings.generate_model, key, settings.generate_seconds, settings.generate_ca)

    @property
    def elsewhere(self) -> str:
        """The host that gets the question and the passages; empty where it is this machine."""
        host = httpx.URL(self.url).host
        return "" if host in THIS_MACHINE else host

    async def pieces(self, messages: Sequence[Json]) -> AsyncGenerator[str]:
        """The model's text as it comes. Closing it ends the request. Raises GenerationError."""
        deadline = time.monotonic() + LONGEST  # a silence has a limit of its own
        try:
            async with self._client() as client, aclosing(self._read(client, messages)) as read:
                async for piece in read:
                    yield piece
                    if time.monotonic() > deadline:
                        raise self._too_slow()
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            told = f"{self.url} cannot be reached: start it, or correct the URL"
            if wrong := distrust(error):
                told = (
                    f"the certificate of {self.url} is not trusted ({wrong}): name a file with its authority's in"
                    " SNOSKA_GENERATE_CA, or correct the URL"
                )
            raise GenerationError("unreachable", told) from error
        except httpx.TimeoutException as error:
            raise self._too_slow() from error
        except httpx.HTTPError as error:
            raise GenerationError("broken", f"the answer of {self.url} broke off") from error

    def _client(self) -> httpx.AsyncClient:
        timeout = httpx.Timeout(self.seconds, connect=CONNECT)
        verify = trusted("GENERATE", self.authority) if self.authority else True
        return httpx.AsyncClient(verify=verify, trust_env=False, follow_redirects=False, timeout=timeout)

    async def _read(self, client: httpx.AsyncClient, messages: Sequence[Json]) -> AsyncGenerator[str]:
        asked = {
            "model": self.model,
            "messages": list(messages),
            "stream": True,
            "temperature": 0,
            "max_tokens": MAX_TOKENS,
        }
        headers = {"Accept": "text/event-stream", **({"Authorization": f"Bearer {self.key}"} if self.key else {})}
        async with client.stream("POST", f"{self.url}/chat/completions", json=asked, headers=headers) as response:
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if response.status_code != 200:
                raise refused(_json(await _body(response)), f"status {response.status_code}")
            pieces = Pieces()
            if kind == "text/event-stream":
                async for piece in _streamed(response, pieces):
                    yield piece
            elif kind == "application/json":
                yield pieces.whole((await _body(response)).decode("utf-8", "replace"))
            else:
                raise GenerationError(
                    "broken", f"{self.url} answers with {kind[:60] or 'no type'}: is it an API's URL?"
                )
            if not pieces.ended:
                raise GenerationError("broken", f"the answer of {self.url} broke off")

    def _too_slow(self) -> GenerationError:
        return GenerationError(
            "slow", f"{self.url} takes too long: ask again, or raise SNOSKA_GENERATE_SECONDS ({self.seconds:g})"
        )


async def _streamed(response: httpx.Response, pieces: Pieces) -> AsyncGenerator[str]:
    events = Events()
    async for chunk in response.aiter_bytes():
        for data in events.feed(chunk):
            if piece := pieces.take(data):
                yield piece
            if data.strip() == "[DONE]":
                return


async def _body(response: httpx.Response) -> bytes:
    """The beginning of an answer in one piece: what is longer is no completion."""
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_EVENT:
            break
    return body


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")


def _check(url: str, key: str | None, authority: Path | None) -> None:
    check_http("GENERATE", url, "http://127.0.0.1:11434/v1", authority)
    if key is not None and not (key.isascii() and key.isprintable()):
        raise ConfigurationError("SNOSKA_GENERATE_KEY holds a character that no key has: copy it again")
