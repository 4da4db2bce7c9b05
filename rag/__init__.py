"""Snoska: answers over a folder of documents, in Russian and English, quoted verbatim with their source.

>>> import rag
>>> index = rag.build("seeds", "index")
>>> answer = index.ask("How many companies with Emirati participation operate in Kazakhstan?")
>>> answer.citations[0].quote
"""

import os

# Read when torch and FAISS load libgomp: how long a waiting thread spins before it sleeps. Its own default stalls
# single questions for a second where other processes want the cores; sleeping at once takes twice as long where none
# does.
os.environ.setdefault("GOMP_SPINCOUNT", "3000")
# Read when numpy is imported. Its products here are of thousands of rows by one vector: a second thread gains little
# on them, and loses four times as much where other processes want the cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rag import encoders
    from rag.errors import RagError
    from rag.index import Index, build, open  # rag.open opens an index
    from rag.settings import Settings
    from rag.types import Answer, BuildReport, Citation, Filters

__all__ = [
    "Answer",
    "BuildReport",
    "Citation",
    "Filters",
    "Index",
    "RagError",
    "Settings",
    "build",
    "encoders",
    "open",
]

# Where the public names live: imported at their first use, since `snoska info` needs no FAISS, and a process that
# reads documents neither.
_HOMES = {
    "Answer": "rag.types",
    "BuildReport": "rag.types",
    "Citation": "rag.types",
    "Filters": "rag.types",
    "Index": "rag.index",
    "RagError": "rag.errors",
    "Settings": "rag.settings",
    "build": "rag.index",
    "open": "rag.index",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "encoders":
        return import_module("rag.encoders")
    if name not in _HOMES:
        raise AttributeError(f"module 'rag' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
