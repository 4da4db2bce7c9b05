"""What is in the collection, searched and sorted on the server: a page of it at a time goes to the browser."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rag.protocols import Store
from rag.text import normalize
from rag.types import Listed

NUMBERS = re.compile("([0-9]{1,18})")


def natural(text: str) -> list[str | int]:
    """A key by which «приказ 2» stands before «приказ 10»: words and numbers in turn."""
    return [int(part) if at % 2 else part for at, part in enumerate(NUMBERS.split(normalize(text)))]


SORTS: dict[str, Callable[[Listed], Any]] = {
    "title": lambda each: natural(each.title),
    "document": lambda each: natural(each.path),
    "date": lambda each: each.date or "",
    "language": lambda each: each.language,
    "type": lambda each: each.type,
    "passages": lambda each: each.passages,
    "read": lambda each: each.read,
}


@dataclass(frozen=True, slots=True)
class Listing:
    """The documents of one generation, of each what a search looks through, and their types."""

    store: Store
    documents: tuple[Listed, ...]
    searched: tuple[str, ...]
    types: tuple[str, ...]
    ranks: dict[str, list[int]] = field(default_factory=dict)  # each document's place in an order asked for

    @classmethod
    def of(cls, store: Store) -> Listing:
        """All documents, in the order of their paths."""
        documents = tuple(sorted(store.listed(), key=SORTS["document"]))
        searched = tuple(normalize(f"{each.title}\n{each.path}") for each in documents)
        return cls(store, documents, searched, tuple(sorted({each.type for each in documents})))

    def select(self, query: str, sort: str, reverse: bool) -> Sequence[Listed]:
        """The documents in whose title or path all of the query's words occur; those without a date always last."""
        words = normalize(query).split()
        order = sort if sort in SORTS else "title"
        found = [at for at, text in enumerate(self.searched) if all(word in text for word in words)]
        found.sort(key=self._rank(order).__getitem__, reverse=reverse)
        documents = [self.documents[at] for at in found]
        return sorted(documents, key=lambda each: not SORTS[order](each)) if order in ("date", "read") else documents

    def _rank(self, order: str) -> list[int]:
        if order not in self.ranks:
            rank = [0] * len(self.documents)
            ordered = sorted(range(len(rank)), key=lambda at: SORTS[order](self.documents[at]))
            for place, at in enumerate(ordered):
                rank[at] = place
            self.ranks[order] = rank
        return self.ranks[order]


class Listings:
    """The listing of the generation that was asked for last, kept, since making one looks at every document; several
    threads may ask."""

    def __init__(self) -> None:
        self._last: Listing | None = None
        self._lock = threading.Lock()

    def of(self, store: Store) -> Listing:
        """All documents of a generation."""
        with self._lock:
            if self._last is None or self._last.store is not store:
                self._last = Listing.of(store)
            return self._last
