"""Where an index in Milvus is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from rag.errors import ConfigurationError

SCHEME = "milvus://"
_ADDRESS = re.compile(
    r"milvus://(?P<host>[\w.-]+|\[[0-9a-fA-F:]+\]):(?P<port>\d{1,5})/(?P<name>[A-Za-z_]\w{0,199})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Address:
    """The server's host and port, and the collection's name, from which the names of all its parts are made."""

    host: str
    port: int
    name: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """Of ``milvus://HOST:PORT/COLLECTION``; raises ConfigurationError, which repeats no password."""
        found = _ADDRESS.fullmatch(text)
        if found is None or not 0 < int(found["port"]) < 65536:
            what = "a user or a password does not belong there: set SNOSKA_MILVUS_USER and SNOSKA_MILVUS_PASSWORD"
            raise ConfigurationError(
                "the address of an index in Milvus is milvus://HOST:PORT/COLLECTION, the collection's name of Latin"
                f" letters, digits and _{'; ' + what if '@' in text else f', not {text!r:.100}'}"
            )
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
    if str(index).startswith("milvus:"):
        text = str(index)  # a Path has lost a slash
        return Address.parse(text if text.startswith(SCHEME) else text.replace("milvus:/", SCHEME, 1))
    if not str(index).strip():
        raise ConfigurationError("the folder of the index has no name: name it")
    return Path(index)
