"""An index in Milvus, opened: :class:`rag.protocols.Store`.

Milvus proposes candidates, by its own approximate search and its own BM25; what it proposes is fetched, kept, and
scored here by the exact vectors and by the bounded BM25 of :mod:`rag.lexical`, so that scores are those of an index in
a folder.
"""

from __future__ import annotations

import copy
import functools
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag import lexical, query
from rag.address import Address
from rag.errors import IndexDamaged, IndexMissing
from rag.lexical import K1, B
from rag.settings import Settings
from rag.stores.entry import Entry
from rag.stores.files import REBUILD
from rag.stores.filtering import passes
from rag.stores.local import SAMPLE
from rag.stores.milvus import filtering
from rag.stores.milvus.gathered import Gathered
from rag.stores.milvus.layout import (
    DATA,
    DOCUMENTS,
    LOTS,
    PASSAGE_BITS,
    PASSAGES,
    SENTENCE_BITS,
    SENTENCES,
    Names,
    listed,
    require,
    token,
)
from rag.stores.milvus.notes import read_manifest
from rag.stores.milvus.reading import Reading, Row
from rag.stores.milvus.rows import HEAD
from rag.stores.milvus.server import MANY, PAGE, Server
from rag.text import stems as stems_of
from rag.types import Centre, Document, Filters, Ids, Json, Listed, Passage, Vector, VectorScores, Word

SELECTIONS = 8  # of filters, whose passages are remembered: one question asks for the same ones several times
NEAR = 1.25  # times as many are asked of Milvus's BM25, whose idf is a segment's own and counts dead rows
LEAN = 1.3  # times the sample's size is asked for by lots, so that chance leaves enough


class MilvusStore:
    """A generation, opened; several threads may ask it."""

    def __init__(self, server: Server, manifest: Json, collection: str) -> None:
        self.server, self.manifest, self._collection = server, manifest, collection
        self.reading = Reading(server, Names(server.address.name), manifest)
        self._samples: dict[str, Ids] = {}
        self._selected: dict[Filters, tuple[Ids, str]] = {}
        self._gathered: list[tuple[Ids, bool, Gathered]] = []
        self._gone, self._left_out, self._left_out_length = Counter[str](), 0, 0

    @classmethod
    def open(cls, address: Address, settings: Settings) -> MilvusStore:
        """The current generation; raises IndexMissing, IndexMismatch, IndexDamaged or IndexUnusable."""
        server, names = Server(address, settings), Names(address.name)
        collection = server.behind(address.name)
        if collection is None:
            if server.exists(address.name):
                require(server, address.name)
            raise IndexMissing(f"there is no index in {address}: run 'snoska build' first")
        require(server, collection)
        store = cls(server, read_manifest(server, collection), collection)
        for kind in DATA:  # from here on this client sees what the builder has written, however little it asks for
            server.query(
                names.data(store.manifest["set"], kind), filter=_ANY[kind], limit=1, consistency_level="Strong"
            )
        return store

    @property
    def place(self) -> Address:
        """The index's address."""
        return self.server.address

    @property
    def is_current(self) -> bool:
        """Whether the alias leads to this generation."""
        return self.server.behind(self.place.name) == self._collection

    @property
    def has_second(self) -> bool:
        """Whether a second encoder has made vectors of the sentences too."""
        return bool(self.manifest["model"]["second"])

    @property
    def disk_bytes(self) -> int:
        """About what the rows hold; Milvus does not say what it makes of that on its disks."""
        return int(self.manifest["bytes"])

    def listed(self) -> Iterator[Listed]:
        """What is known of each document."""
        return self.reading.listed()

    def verify_all(self) -> None:
        """Counts all rows, and reads all documents; raises IndexDamaged naming what is missing."""
        expected = {PASSAGES: self.manifest["passages"], SENTENCES: self.manifest["sentences"]}
        for kind, count in expected.items():
            found = self.server.count(self.reading.collection(kind), self.reading.seen)
            if found != count:
                raise IndexDamaged(f"{self.reading.collection(kind)} has {found} rows of {count}: {REBUILD}")
        heads = list(self.reading.heads())
        if len(heads) != self.manifest["documents"]:
            whole = self.manifest["documents"]
            raise IndexDamaged(f"{self.reading.collection(DOCUMENTS)} has {len(heads)} documents of {whole}: {REBUILD}")
        for head in heads:
            if len(self.reading.stored(head).passages) != head.passages:
                raise IndexDamaged(f"document {head.entry.path} is not whole in {self.place}: {REBUILD}")

    @functools.cached_property
    def entries(self) -> Mapping[str, Entry]:
        """The documents' entries by their paths, fetched as they are asked for."""
        return _Entries(self.reading, self.manifest["documents"])

    def without(self, passages: Collection[int]) -> MilvusStore:
        """The index as if no passage had the words of these; their numbers stay, and are the caller's to leave out."""
        other = copy.copy(self)
        rows = self.reading.rows([int(number) for number in passages]).values()
        other._gone = Counter(stem for row in rows for stem in row.tokens)
        other._left_out, other._left_out_length = len(passages), sum(row.length for row in rows)
        return other

    # -- rag.protocols.Store

    def everyone(self) -> Ids:
        return self._all

    def languages(self) -> Mapping[str, int]:
        return dict(self.manifest["languages"])

    def languages_of(self, passages: Ids) -> NDArray[np.str_]:
        return np.array([row.language for row in self._rows(passages)], dtype=np.str_)

    def sample(self, language: str) -> Ids:
        if language not in self._samples:
            share = LEAN * SAMPLE / self.languages()[language]
            some = f" and lot < {int(share * LOTS)}" if share < 1 else ""
            where = f'{self.reading.seen} and language == "{language}"{some}'
            found = self.server.rows(self.reading.collection(PASSAGES), where, ["number", "lot"])
            lots = sorted((row["lot"], row["number"]) for row in found)
            least = lots if len(lots) <= SAMPLE else lots[:SAMPLE]
            self._samples[language] = np.sort(np.array([number for _, number in least], dtype=np.int64))
        return self._samples[language]

    def select(self, filters: Filters) -> Ids | None:
        if filters == Filters():
            return None
        if filters not in self._selected:
            if len(self._selected) >= SELECTIONS:
                self._selected = {}
            self._selected[filters] = self._passing(filters)
        return self._selected[filters][0]

    def dense_candidates(self, question: Vector, count: int, language: str, allowed: Ids | None) -> Ids:
        hits = [
            (hit["distance"], hit["entity"]["key"], int(hit["id"]) >> bits)
            for kind, bits in ((PASSAGES, 0), (SENTENCES, SENTENCE_BITS))
            if (among := self._restricted(allowed, kind))
            for hit in self._search(
                kind, "vector", question.tolist(), "IP", count, f'language == "{language}" and {among}', ["key"]
            )
        ]
        hits.sort(key=lambda hit: -hit[0])
        nearest = set(list(dict.fromkeys(key for _, key, _ in hits))[:count])  # equal texts count once, as in a folder
        return self._among({number for _, key, number in hits if key in nearest}, allowed)

    def lexical_candidates(self, stems: Sequence[str], count: int, allowed: Ids | None) -> Ids:
        restricted = self._restricted(allowed, PASSAGES)
        self.reading.counts(stems)  # all in one call
        if restricted is None or not any(map(self.knows, stems)):
            return np.empty(0, dtype=np.int64)
        asked = " ".join(map(token, stems))
        hits = self._search(PASSAGES, "bm25", asked, "BM25", int(NEAR * count), restricted, [])
        ids = self._among({int(hit["id"]) for hit in hits if hit["distance"]}, allowed)
        return ids[lexical.best(self.lexical_scores(stems, ids), count)]

    def vector_scores(self, question: Vector, passages: Ids) -> VectorScores:
        gathered = self._gather(passages, second=False)
        return VectorScores(gathered.paragraphs @ question, gathered.best(gathered.sentences @ question))

    def centred_scores(self, question: Vector, passages: Ids, centre: Centre) -> Vector:
        gathered = self._gather(passages, second=False)
        best = gathered.best(centre.cosines(gathered.sentences, question))
        return np.asarray((centre.cosines(gathered.paragraphs, question) + best) / 2, dtype=np.float32)

    def second_scores(self, question: Vector, passages: Ids) -> Vector:
        gathered = self._gather(passages, second=True)
        return gathered.best(gathered.sentences @ question)

    def sentence_scores(self, question: Vector, passage: int) -> Vector:
        (row,) = self._rows([passage])
        scores: Vector = row.sentences @ question
        return scores

    def lexical_scores(self, stems: Sequence[str], passages: Ids) -> Vector:
        weights = self._weights(stems)
        bound = sum(weights[stem] for stem in stems) * (K1 + 1)
        if len(passages) == 0 or not bound:
            return np.zeros(len(passages), dtype=np.float32)
        rows = self._rows(passages)
        lengths = np.array([row.length for row in rows], dtype=np.float64)
        usual = K1 * (1 - B + B * lengths / self._mean_length)
        total = np.zeros(len(rows))
        for stem in stems:
            if self._frequency(stem):
                held = np.array([row.tokens.get(token(stem), 0) for row in rows], dtype=np.float64)
                total += weights[stem] * (held * (K1 + 1) / (held + usual))
        return np.asarray(total / bound, dtype=np.float32)

    def coverage(self, query: Sequence[str], stems: Iterable[str]) -> float:
        weights = self._weights(query)
        return lexical.coverage(query, stems, weights.__getitem__)

    def knows(self, stem: str) -> bool:
        return self._frequency(stem) > 0

    def nearest(self, stem: str) -> str:
        if self.knows(stem):
            return stem
        known = [other for other in self.reading.like(stem) if self.knows(other)]
        return lexical.nearest(stem, known, self._weight)

    def holding(self, phrase: str) -> Ids:
        """As the protocol says, of passages that hold the phrase's words whole; Milvus finds those by its BM25."""
        words = dict.fromkeys(stems_of(phrase))
        self.reading.counts(words)  # all in one call
        if not all(map(self.knows, words)):
            return np.empty(0, dtype=np.int64)
        rarest = min(words, key=self._frequency)  # all that hold the phrase hold it
        # Milvus gives no more hits than a page: of words that so many hold, those passages that hold most of them
        asked = token(rarest) if self._frequency(rarest) <= PAGE else " ".join(map(token, words))
        hits = self._search(PASSAGES, "bm25", asked, "BM25", PAGE, self.reading.seen, [])
        ids = sorted(int(hit["id"]) for hit in hits if hit["distance"])
        wanted = set(map(token, words))
        held = [number for number, text, own in self.reading.texts(ids) if wanted <= own and query.holds(text, phrase)]
        return np.array(held, dtype=np.int64)

    def passage(self, number: int) -> Passage:
        return self.reading.passage(int(number))

    def document(self, path: str) -> Document:
        return self.reading.stored(self.reading.known_head(path)).document

    def words(self, path: str) -> tuple[Word, ...]:
        return self.reading.stored(self.reading.known_head(path)).words

    # -- within

    @functools.cached_property
    def _all(self) -> Ids:
        return _numbers((head.number, head.passages) for head in self.reading.heads())

    @property
    def _size(self) -> int:
        return int(self.manifest["passages"]) - self._left_out

    @property
    def _mean_length(self) -> float:
        return (int(self.manifest["stems"]) - self._left_out_length) / max(self._size, 1)

    def _rows(self, passages: Iterable[int]) -> list[Row]:
        numbers = [int(number) for number in passages]
        found = self.reading.rows(numbers)
        return [found[number] for number in numbers]

    def _frequency(self, stem: str) -> int:
        return self.reading.counts([stem])[stem] - self._gone[token(stem)]

    def _weight(self, stem: str) -> float:
        return lexical.idf(self._size, self._frequency(stem))

    def _weights(self, stems: Sequence[str]) -> dict[str, float]:
        counts = self.reading.counts(stems)
        return {stem: lexical.idf(self._size, count - self._gone[token(stem)]) for stem, count in counts.items()}

    def _search(
        self, kind: str, field: str, asked: Any, metric: str, count: int, where: str, fields: list[str]
    ) -> list[dict[str, Any]]:
        found = self.server.search(
            self.reading.collection(kind),
            data=[asked],
            anns_field=field,
            limit=min(count, PAGE),
            filter=where,
            output_fields=fields,
            search_params={"metric_type": metric},
        )
        return [{**hit, "id": hit.get("id", hit.get("number"))} for hit in found[0]]

    def _passing(self, filters: Filters) -> tuple[Ids, str]:
        """The passages that pass, and the expression that names them."""
        wanted, exact = filtering.expression(filters)
        where = " and ".join(filter(None, (self.reading.seen, wanted)))
        fields = ["document", "passages", "path", "document_language", "type", "date"]
        chosen = [
            (row["document"], row["passages"])
            for row in self.server.rows(self.reading.collection(DOCUMENTS), f'part == "{HEAD}" and {where}', fields)
            if passes(filters, row["path"], row["document_language"], row["type"], row["date"] or None)
        ]
        named = where if exact else f"document in {listed(number for number, _ in chosen)}"
        return _numbers(chosen), named

    def _restricted(self, allowed: Ids | None, kind: str) -> str | None:
        """The expression for the rows among which a search is made; None where there are none.

        What a filter has selected is named as the filter does; other passages by their numbers, or by those that are
        left out, whichever are fewer.
        """
        if allowed is None:
            return self.reading.seen
        if len(allowed) == 0:
            return None
        for selected, where in list(self._selected.values()):
            if selected is allowed:
                return where
        owner = "number" if kind == PASSAGES else "passage"
        if len(allowed) <= MANY:
            return f"{owner} in {listed(allowed.tolist())}"
        left = np.setdiff1d(self.everyone(), allowed)
        return f"{self.reading.seen} and {owner} not in {listed(left.tolist())}" if len(left) else self.reading.seen

    def _among(self, found: Collection[int], allowed: Ids | None) -> Ids:
        ids = np.sort(np.fromiter(found, dtype=np.int64, count=len(found)))
        return ids if allowed is None else np.intersect1d(ids, allowed)

    def _gather(self, passages: Ids, second: bool) -> Gathered:
        """The passages' vectors one after another; those of a sample stay, and those asked for last."""
        kept = list(self._gathered)
        for known, kind, gathered in kept:
            if known is passages and kind == second:
                return gathered
        rows = self._rows(passages)
        own = [row.sentences for row in rows]
        if second:
            others = self.reading.seconds([int(number) for number in passages])
            own = [others[int(number)] for number in passages]
        dimension = self.manifest["model"]["second" if second else "dimension"]
        gathered = Gathered.of([] if second else [row.vector for row in rows], own, dimension)
        samples = list(self._samples.values())
        lasting = [each for each in kept if any(each[0] is sample for sample in samples)]
        self._gathered = [*lasting, (passages, second, gathered)]
        return gathered


class _Entries(Mapping[str, Entry]):
    """Entries that are fetched as they are asked for: a large collection's do not fit into memory."""

    def __init__(self, reading: Reading, count: int) -> None:
        self._reading, self._count = reading, count

    def __getitem__(self, path: str) -> Entry:
        head = self._reading.head(path)
        if head is None:
            raise KeyError(path)
        return head.entry

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(head.entry.path for head in self._reading.heads()))

    def __len__(self) -> int:
        return self._count


_ANY = {kind: "run >= 0" if kind == "terms" else "version >= 0" for kind in DATA}


def _numbers(documents: Iterable[tuple[int, int]]) -> Ids:
    """The numbers of all passages of documents given as (number, how many passages), in order."""
    own = [np.arange(count, dtype=np.int64) + (number << PASSAGE_BITS) for number, count in documents]
    return np.sort(np.concatenate([np.empty(0, dtype=np.int64), *own]))
