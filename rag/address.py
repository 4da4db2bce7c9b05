"""Addresses as a user writes them: of an index, in a folder or in Milvus, and of a server that speaks HTTP."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rag.certificates import trusted
from rag.errors import ConfigurationError

SCHEME = "milvus://"
FORM = f"{SCHEME}HOST:PORT/COLLECTION"
_ADDRESS = re.compile(
    r"milvus://(?P<host>[\w.-]+|\[[0-9a-fA-F:]+\]):(?P<port>\d+)/(?P<name>[A-Za-z_]\w{0,199})", re.ASCII
)
_ANY_SCHEME = re.compile(r"\s*(\w[\w+.-]+):(/*)")  # of two letters or more: C:/ is a folder; a Path has lost a slash
_HTTP_HOST = re.compile(r"[\w.-]+|[0-9a-fA-F:.]+(%\w+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """The server's host and port, and the collection's name, from which the names of all its parts are made."""

    host: str
    port: int
    name: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """Of ``milvus://HOST:PORT/COLLECTION``; raises ConfigurationError, which repeats nothing of it: it may hold a
        password."""
        found = _ADDRESS.fullmatch(text)
        if found is not None and not _is_port(found["port"]):
            raise ConfigurationError(f"the port in {FORM} is a number from 1 to 65535: correct it")
        if found is None:
            remedy = "name the collection with Latin letters, digits and _"
            if "@" in text:
                remedy = "set SNOSKA_MILVUS_USER and SNOSKA_MILVUS_PASSWORD for a user and a password"
            elif "?" in text or "#" in text:
                remedy = "set what else Milvus needs by SNOSKA_MILVUS_…"
            raise ConfigurationError(f"the address of an index in Milvus is {FORM}, with nothing more: {remedy}")
        return cls(found["host"], int(found["port"]), found["name"])

    @property
    def server(self) -> str:
        """The host and the port."""
        return f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{SCHEME}{self.server}/{self.name}"


Place = Path | Address  # where an index is kept


def place(index: str | Path | Address) -> Place:
    """A folder, or an index in Milvus; raises ConfigurationError where it is neither."""
    if isinstance(index, Address):
        return index
    text = str(index)
    if named := _ANY_SCHEME.match(text):
        if named[1].lower() == "milvus":
            return Address.parse(SCHEME + text[named.end() :])
        if named[2]:
            raise ConfigurationError(f"an index has no {named[1]:.20}:// address: name a folder, or {FORM}")
    if not text.strip():
        raise ConfigurationError("the folder of the index has no name: name it")
    return Path(index)


def check_http(variable: str, url: str, example: str, authority: Path | None = None) -> None:
    """Raises ConfigurationError, which repeats nothing of ``url``, where a setting is no ``http://HOST[:PORT][/PATH]``
    that a request could be sent to, or holds a key besides, or is to be known by an ``authority`` that is no file of
    certificates, or without being encrypted."""
    import httpx

    no_address = ConfigurationError(f"SNOSKA_{variable}_URL is no http address: write it as {example}")
    try:
        parsed, port = httpx.URL(url), urlsplit(url).port  # the two take different things for an address
        host = parsed.raw_host.decode("ascii")
        is_host = _HTTP_HOST.fullmatch(host) is not None and parsed.host.strip(".") != ""
        host.encode("idna")  # as the system's resolver is asked: no part of a name is empty or over 63 letters long
    except (httpx.InvalidURL, ValueError):  # a name's encodings raise UnicodeError, a ValueError
        raise no_address from None  # which would quote a part, and that may be a password
    if parsed.scheme not in ("http", "https") or not is_host or not (port is None or _is_port(str(port))):
        raise no_address
    if parsed.userinfo or parsed.query or parsed.fragment:
        raise ConfigurationError(
            f"SNOSKA_{variable}_URL holds more than an address: put a key into SNOSKA_{variable}_KEY"
        )
    if authority is None:
        return
    if parsed.scheme != "https":
        raise ConfigurationError(
            f"SNOSKA_{variable}_CA is set and SNOSKA_{variable}_URL is not encrypted: use https://"
        )
    trusted(variable, authority)


def _is_port(digits: str) -> bool:
    return len(digits) <= 5 and 0 < int(digits) < 65536
