"""A mapped index grows: what is new becomes a segment, what is gone is marked dead, and now and then several segments
are made one.

Segments of about one size are merged when there are ``FACTOR`` of them (Lucene's log-structured merging; O'Neil and
others, "The Log-Structured Merge-Tree", 1996), so that a passage is rewritten once for each eightfold growth of the
collection; a segment of which much is dead is rewritten alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rag.stores import files
from rag.stores.generations import publish
from rag.stores.keys import Keys, key_array
from rag.stores.segment import Segment
from rag.stores.segment_writer import SegmentWriter
from rag.types import Json, Matrix, Vector

FACTOR = 8  # segments of one size; a question looks into each
SMALLEST = 1_000  # passages: smaller segments count as one size
DEAD = 0.3  # of a segment's passages, from which on rewriting it pays


@dataclass(frozen=True, slots=True)
class Model:
    """What the manifest says of the model that a store must know: dimensions, the second 0 where there is none."""

    dimension: int
    second: int


def tiers(sizes: Sequence[int], alive: Sequence[int]) -> list[list[int]]:
    """Which segments to make one of, by their numbers; ``sizes`` and ``alive`` count their passages."""
    groups: dict[int, list[int]] = {}
    for number, (size, living) in enumerate(zip(sizes, alive, strict=True)):
        if living < (1 - DEAD) * size:
            groups.setdefault(-1 - number, []).append(number)  # rewritten alone
        else:
            groups.setdefault(int(math.log(max(living, SMALLEST) / SMALLEST, FACTOR)), []).append(number)
    return [numbers for tier, numbers in groups.items() if tier < 0 or len(numbers) >= FACTOR]


def merged(folder: Path, segments: Sequence[Segment], model: Model) -> Json:
    """One segment of the documents that are alive in several, as the manifest has it."""
    writer = SegmentWriter(folder)
    with writer:
        living = [(value["entry"]["path"], at, number) for at, s in enumerate(segments) for number, value in s.living()]
        for _, at, number in sorted(living):
            segment = segments[at]
            own = segment.passages_of(number)
            writer.add(
                segment.entries[number],
                segment.document(number),
                [segment.passage(each) for each in own],
                segment.words(number),
                [segment.stems(each) for each in own],
            )
        return writer.finish(
            lambda keys: _gathered(segments, keys, model.dimension, False),
            (lambda keys: _gathered(segments, keys, model.second, True)) if model.second else None,
        )


def stored(segments: Iterable[Segment], keys: Sequence[bytes], second: bool) -> dict[bytes, Vector]:
    """The vectors of these texts that the segments have; ``second``: the second encoder's."""
    found: dict[bytes, Vector] = {}
    for segment in segments:
        wanted = [key for key in keys if key not in found]
        if not wanted:
            break
        rows = segment.dense.rows_of_texts(key_array(wanted))
        there = np.flatnonzero(segment.dense.has_second_of(rows) if second else rows >= 0)
        vectors = segment.dense.second_vectors(rows[there]) if second else segment.dense.vectors(rows[there])
        found |= {wanted[at]: vector for at, vector in zip(there.tolist(), vectors, strict=True)}
    return found


def commit(folder: Path, segments: Sequence[Segment], values: Sequence[Json], about: Json) -> None:
    """Makes these segments the current generation.

    ``values`` is what the manifest says of ``segments``, which are opened; ``about`` what else it says.
    """
    languages: dict[str, int] = {}
    for segment in segments:
        for language in segment.languages:
            own = int((segment.in_language(language) & segment.alive).sum())
            languages[language] = languages.get(language, 0) + own
    manifest = {
        **about,
        "format": files.FORMAT,
        "languages": {language: count for language, count in sorted(languages.items()) if count},
        "passages": sum(languages.values()),
        "segments": list(values),
    }
    publish(folder, manifest)


def _gathered(segments: Sequence[Segment], keys: Keys, dimension: int, second: bool) -> Matrix:
    """float32 (len(keys), dimension): the vectors of texts that one of the segments must have."""
    whole = np.zeros((len(keys), dimension), dtype=np.float32)
    missing = np.ones(len(keys), dtype=bool)
    for segment in segments:
        rows = segment.dense.rows_of_texts(keys)
        there = np.flatnonzero(missing & (segment.dense.has_second_of(rows) if second else rows >= 0))
        whole[there] = segment.dense.second_vectors(rows[there]) if second else segment.dense.vectors(rows[there])
        missing[there] = False
    if missing.any():
        raise ValueError(f"{int(missing.sum())} texts have no vector")
    return whole
