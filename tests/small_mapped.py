"""The same documents in both kinds of store: a small one in memory, and a mapped one in some segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rag.records import words_to_bytes
from rag.stores.keys import Keys, key_list
from rag.stores.local import LocalStore
from rag.stores.mapped import MappedStore
from rag.stores.segment import Segment
from rag.stores.segment_writer import SegmentWriter
from rag.types import Ids, Json, Matrix, Vector, Word

RUSSIAN = """комиссия протокол заседание бюджет закон совет проект договор отчёт министр школа завод мост река
город дорога поезд письмо участник решение"""
ENGLISH = """commission protocol meeting budget statute council project contract report minister school plant bridge
river city road train letter member decision"""
WORDS = {"ru": RUSSIAN.split(), "en": ENGLISH.split()}


def some_texts(seed: int, count: int) -> dict[str, str]:
    """``count`` documents of four paragraphs, by their paths; one in three is English."""
    made = np.random.default_rng(seed)
    return {
        f"{seed}/{number:02}.{'md' if number % 5 == 0 else 'txt'}": "\n\n".join(
            _paragraph(made, "en" if number % 3 == 0 else "ru", f"{seed}{number:02}{at}") for at in range(4)
        )
        for number in range(count)
    }


def _paragraph(made: np.random.Generator, language: str, name: str) -> str:
    about = "Пункт под номером" if language == "ru" else "This is the item number"
    lines = [" ".join(made.choice(WORDS[language], made.integers(3, 8))).capitalize() for _ in range(3)]
    return f"{about} {name}. " + ". ".join(lines) + "."


@dataclass(frozen=True)
class Twins:
    """The two stores; ``local_of`` (mapped numbers,) are the numbers in the small one, -1 where a document is dead."""

    local: LocalStore
    mapped: MappedStore
    local_of: Ids

    def to_local(self, numbers: Ids | None) -> list[int] | None:
        """The local numbers of mapped ones, in the same order."""
        return None if numbers is None else list(map(int, self.local_of[numbers]))


def twins(
    folder: Path,
    store: LocalStore,
    segments: int = 1,
    dead: LocalStore | None = None,
    words: Mapping[str, Sequence[Word]] | None = None,
) -> Twins:
    """The store and a mapped one of its documents in so many segments, in which ``dead``'s stand too, dead."""
    values: list[Json] = []
    for at in range(segments):
        gone = list(dead.documents)[at::segments] if dead else []
        living = list(store.documents)[at::segments]
        order = [*((path, dead) for path in gone), *((path, store) for path in living)]
        order.sort(key=lambda each: each[0].partition("/")[2])  # dead and living ones by turns
        value = _segment(folder, [(path, each) for path, each in order if each], words or {})
        values.append({**value, "dead": [number for number, (_, each) in enumerate(order) if each is dead]})
    model = {"dimension": store.dense.vectors.d, "second": store.second_dimension}
    opened = [Segment(folder, value, model["dimension"], model["second"]) for value in values]
    about = {"model": model, "languages": dict(store.languages()), "passages": len(store.passages)}
    numbers = {(passage.document, passage.start): number for number, passage in enumerate(store.passages)}
    found = [segment.passage(at) for segment in opened for at in range(segment.passages)]
    local_of = np.array([numbers.get((passage.document, passage.start), -1) for passage in found], dtype=np.int64)
    return Twins(store, MappedStore(folder, None, {**about, "segments": values}, opened), local_of)


def _segment(folder: Path, documents: Sequence[tuple[str, LocalStore]], words: Mapping[str, Sequence[Word]]) -> Json:
    stores = {id(store): store for _, store in documents}.values()

    def vectors(keys: Keys, second: bool) -> Matrix:
        known: dict[bytes, Vector] = {}
        for store in stores:
            known |= store.vectors_of(key_list(keys), second)
        return np.stack([known[key] for key in key_list(keys)])

    with SegmentWriter(folder) as writer:
        for path, store in documents:
            own = [passage for passage in store.passages if passage.document == path]
            packed = words_to_bytes(words[path]) if path in words else b""
            writer.add(store.entries[path], store.document(path), own, packed)
        has_second = all(store.has_second for store in stores)
        return writer.finish(
            lambda keys: vectors(keys, False), (lambda keys: vectors(keys, True)) if has_second else None
        )
