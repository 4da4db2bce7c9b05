"""An index that need not fit into memory: segments on disk, searched together; :class:`rag.protocols.Store`.

A generation is a list of segments, each with the documents in it that are dead. A build writes what is new as one
segment more, and now and then makes one of several (:mod:`rag.stores.compaction`). Passages go by their number over
all segments, one after another.
"""

from __future__ import annotations

import copy
import functools
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rag import lexical, query
from rag.records import words_from_bytes
from rag.stores import compaction, files
from rag.stores.entry import Entry
from rag.stores.files import Part
from rag.stores.filtering import passes
from rag.stores.local import SAMPLE
from rag.stores.segment import Segment
from rag.stores.segment_vectors import Gathered, Mask
from rag.text import stems as stems_of
from rag.types import Centre, Document, Filters, Ids, Json, Listed, Passage, Vector, VectorScores, Word

Result = TypeVar("Result")
SELECTIONS = 8  # of filters, whose passages are remembered: one question asks for the same ones several times
UNDERSTOOD = files.understood("segments")  # what is read of a part is only seen to be none when it is needed
COMMON = 0.1  # a stem in more of the passages than this proposes none where a rarer one does; all are scored by it


class MappedStore:
    """A generation in segments, opened; several threads may ask it."""

    def __init__(self, folder: Path, part: Part | None, manifest: Json, segments: Sequence[Segment]) -> None:
        self.manifest, self.folder, self.segments = manifest, folder, list(segments)
        self._part = part
        self._bases = np.cumsum([0, *(segment.passages for segment in self.segments)])
        self._placed = list(zip(self.segments, self._bases.tolist(), strict=False))
        self._samples: dict[str, Ids] = {}
        self._selected: dict[Filters, Ids] = {}
        self._recent = threading.local()
        self._left_out, self._gone = 0, Counter[str]()
        self._masks: list[tuple[Ids, list[Mask | None]]] = []
        self._alive = [Mask(segment.alive) if segment.dead else None for segment in self.segments]
        self._sampled: dict[tuple[str, bool], list[tuple[Ids, Gathered]]] = {}

    @classmethod
    def load(cls, folder: Path, part: Part | None, manifest: Json) -> MappedStore:
        """The generation that the manifest names, which is kept in ``part``; raises IndexDamaged."""
        with files.understood("segments"):
            dimension, second = manifest["model"]["dimension"], manifest["model"]["second"]
            segments = [Segment(folder, value, dimension, second) for value in manifest["segments"]]
            opened = cls(folder, part, manifest, segments)
            if not all(isinstance(path, str) and type(count) is int for path, count in manifest["languages"].items()):
                raise TypeError("languages that are none")
        with files.understood("documents"):
            if len(opened.entries) > sum(len(segment.documents) for segment in segments):
                raise ValueError("more documents than there are")
        return opened

    @property
    def has_second(self) -> bool:
        """Whether a second encoder has made vectors of the sentences too."""
        return bool(self.manifest["model"]["second"])

    @property
    def place(self) -> Path:
        """The index's folder."""
        return self.folder

    @property
    def is_current(self) -> bool:
        """Whether this is the generation that the folder's pointer names."""
        return files.pointed(self.folder) == self._part

    def verify_all(self) -> None:
        """Reads every byte; raises IndexDamaged naming the part that is not as it was written."""
        for segment in self.segments:
            segment.verify_all()

    @property
    def disk_bytes(self) -> int:
        """How much the generation takes on disk."""
        return sum(part.size for segment in self.segments for part in segment.parts.values())

    @functools.cached_property
    def places(self) -> Mapping[str, tuple[int, int]]:
        """The segment and the number in it of each document, by its path."""
        return {
            value["entry"]["path"]: (at, number)
            for at, segment in enumerate(self.segments)
            for number, value in segment.living()
        }

    def listed(self) -> Iterator[Listed]:
        """What is known of each document; no part is read for it beside the list of documents, which is in memory."""
        for segment in self.segments:
            for number, value in segment.living():
                entry = value["entry"]
                yield Listed(
                    path=entry["path"],
                    title=value["title"],
                    language=value["language"],
                    type=value["type"],
                    date=value["date"],
                    passages=len(segment.passages_of(number)),
                    read=entry.get("read", ""),
                    missing=tuple(entry["missing"]),
                )

    @functools.cached_property
    def entries(self) -> Mapping[str, Entry]:
        """The documents' entries by their paths."""
        return {path: self.segments[at].entries[number] for path, (at, number) in sorted(self.places.items())}

    @UNDERSTOOD
    def words(self, path: str) -> tuple[Word, ...]:
        """Where the document's words stand on its pages, in order; none where its format has no pages."""
        at, number = self.places[path]
        return words_from_bytes(self.segments[at].words(number))

    @UNDERSTOOD
    def vectors_of(self, keys: Sequence[bytes], second: bool = False) -> dict[bytes, Vector]:
        """The stored vectors of the texts with these keys; ``second``: the second encoder's."""
        return compaction.stored(self.segments, keys, second)

    @UNDERSTOOD
    def without(self, passages: Collection[int]) -> MappedStore:
        """The index as if no passage had the words of these; their numbers stay, and are the caller's to leave out."""
        other = copy.copy(self)
        other.__dict__.pop("_size", None)
        other._left_out = len(passages)
        other._gone = Counter(stem for number in passages for stem in set(self._stems(number)))
        return other

    # -- rag.protocols.Store

    def languages(self) -> Mapping[str, int]:
        return dict(self.manifest["languages"])

    @UNDERSTOOD
    def everyone(self) -> Ids:
        own = [np.flatnonzero(segment.alive) + base for segment, base in self._placed]
        return np.concatenate([np.empty(0, dtype=np.int64), *own])

    @UNDERSTOOD
    def languages_of(self, passages: Ids) -> NDArray[np.str_]:
        parts = self._each(passages, lambda segment, own: segment.languages_of(own))
        found = _joined(passages, parts, object).astype(np.str_)
        if not set(found.tolist()) <= self.manifest["languages"].keys():
            raise ValueError("a language that the manifest does not name")
        return found

    @UNDERSTOOD
    def sample(self, language: str) -> Ids:
        if language not in self._samples:
            step = -(-self.languages()[language] // SAMPLE)
            own = [
                np.flatnonzero(segment.in_language(language) & segment.alive) + base for segment, base in self._placed
            ]
            sample = np.concatenate(own)[::step]
            if len(sample) == 0:
                raise ValueError("a language that no passage is in")
            self._samples[language] = sample
        return self._samples[language]

    @UNDERSTOOD
    def select(self, filters: Filters) -> Ids | None:
        if filters == Filters():
            return None
        found = self._selected.get(filters)
        if found is None:
            found = self._passing(filters)
            if len(self._selected) >= SELECTIONS:
                self._selected = {}
            self._selected[filters] = found
        return found

    def _passing(self, filters: Filters) -> Ids:
        chosen = [np.empty(0, dtype=np.int64)]
        for segment, base in self._placed:
            for number, value in segment.living():
                if passes(filters, value["entry"]["path"], value["language"], value["type"], value["date"]):
                    own = segment.passages_of(number)
                    chosen.append(np.arange(base + own.start, base + own.stop))
        return np.sort(np.concatenate(chosen))

    @UNDERSTOOD
    def dense_candidates(self, question: Vector, count: int, language: str, allowed: Ids | None) -> Ids:
        found = [
            segment.dense.nearest(question, count, language, mask)
            for segment, mask in zip(self.segments, self._allowed(allowed), strict=True)
        ]
        rows = np.sort(np.concatenate([rows for rows, _, _ in found]))[::-1]
        least = rows[:count].min(initial=np.inf)  # so many rows there are that are as near as this, or nearer
        near = [of[by >= least] + base for (_, base), (_, by, of) in zip(self._placed, found, strict=True)]
        return np.unique(np.concatenate(near)).astype(np.int64)

    @UNDERSTOOD
    def lexical_candidates(self, stems: Sequence[str], count: int, allowed: Ids | None) -> Ids:
        weights = self._weights(stems)
        proposing = {stem: weight for stem, weight in weights.items() if self._frequency(stem) <= COMMON * self._size}
        proposed = []
        for (segment, base), mask in zip(self._placed, self._allowed(allowed), strict=True):
            own = segment.lexical.scores(proposing or weights)
            if mask is not None:
                own[~mask.passages] = 0
            proposed.append(lexical.best(own, 4 * count) + base)
        ids = np.sort(np.concatenate([np.empty(0, dtype=np.int64), *proposed]))
        return ids[lexical.best(self.lexical_scores(stems, ids), count)]

    @UNDERSTOOD
    def vector_scores(self, question: Vector, passages: Ids) -> VectorScores:
        parts = [(at, gathered.scores(question)) for at, gathered in self._gathered(passages, second=False)]
        return VectorScores(
            _joined(passages, [(at, part.paragraph) for at, part in parts], np.float32),
            _joined(passages, [(at, part.sentence) for at, part in parts], np.float32),
        )

    @UNDERSTOOD
    def centred_scores(self, question: Vector, passages: Ids, centre: Centre) -> Vector:
        whole = self._covering(passages)
        gathered = self._gathered(whole, second=False)
        scores = _joined(whole, [(at, some.centred_scores(question, centre)) for at, some in gathered], np.float32)
        return scores if whole is passages else scores[np.searchsorted(whole, passages)]

    @UNDERSTOOD
    def second_scores(self, question: Vector, passages: Ids) -> Vector:
        parts = [(at, gathered.best_sentences(question)) for at, gathered in self._gathered(passages, second=True)]
        return _joined(passages, parts, np.float32)

    @UNDERSTOOD
    def sentence_scores(self, question: Vector, passage: int) -> Vector:
        segment, own = self._place(passage)
        return segment.dense.sentence_scores(question, own)

    @UNDERSTOOD
    def lexical_scores(self, stems: Sequence[str], passages: Ids) -> Vector:
        weights = self._weights(stems)
        bound = sum(weights.values())
        if not bound:
            return np.zeros(len(passages), dtype=np.float32)
        parts = self._each(passages, lambda segment, own: segment.lexical.scores_of(own, weights) / np.float32(bound))
        return _joined(passages, parts, np.float32)

    @UNDERSTOOD
    def coverage(self, query: Sequence[str], stems: Iterable[str]) -> float:
        return lexical.coverage(query, stems, self._weight)

    @UNDERSTOOD
    def knows(self, stem: str) -> bool:
        return self._frequency(stem) > 0

    @UNDERSTOOD
    def nearest(self, stem: str) -> str:
        return stem if self.knows(stem) else lexical.nearest(stem, self._correct_stems, self._weight)

    @UNDERSTOOD
    def holding(self, phrase: str) -> Ids:
        """As the protocol says, of passages that hold the phrase's words whole."""
        words = set(stems_of(phrase))
        found = [np.empty(0, dtype=np.int64)]
        for segment, base in self._placed:
            own = np.flatnonzero(segment.alive)
            for word in words:
                own = np.intersect1d(own, segment.lexical.column(word, 1.0)[0], assume_unique=True)
            held = [number for number in own.tolist() if query.holds(segment.passage(number).text, phrase)]
            found.append(np.array(held, dtype=np.int64) + base)
        return np.concatenate(found)

    @UNDERSTOOD
    def passage(self, number: int) -> Passage:
        segment, own = self._place(number)
        return segment.passage(own)

    @UNDERSTOOD
    def document(self, path: str) -> Document:
        at, number = self.places[path]
        return self.segments[at].document(number)

    # -- within

    @functools.cached_property
    def _size(self) -> int:
        return sum(self.languages().values()) - self._left_out

    @functools.cached_property
    def _correct_stems(self) -> list[str]:
        return lexical.correct(dict.fromkeys(word for segment in self.segments for word in segment.vocabulary))

    def _frequency(self, stem: str) -> int:
        """In how many passages the stem is, those of dead documents included until segments are merged."""
        held = sum(segment.lexical.frequency(stem) for segment in self.segments)
        return min(self._size, held - self._gone[stem])

    def _weights(self, stems: Sequence[str]) -> dict[str, float]:
        """The idf of each stem, as often as the query has it."""
        return {stem: times * self._weight(stem) for stem, times in Counter(stems).items()}

    def _weight(self, stem: str) -> float:
        return lexical.idf(self._size, self._frequency(stem))

    def _stems(self, number: int) -> list[str]:
        segment, own = self._place(number)
        return segment.stems(own)

    def _place(self, number: int) -> tuple[Segment, int]:
        at = int(np.searchsorted(self._bases, number, side="right")) - 1
        return self.segments[at], number - int(self._bases[at])

    def _each(self, passages: Ids, score: Callable[[Segment, Ids], Result]) -> list[tuple[Ids, Result]]:
        """What ``score`` says of the passages in each segment that has some, with their positions."""
        owners = np.searchsorted(self._bases, passages, side="right") - 1
        groups = ((at, np.flatnonzero(owners == at)) for at in np.unique(owners).tolist())
        return [(where, score(self.segments[at], passages[where] - self._bases[at])) for at, where in groups]

    def _gathered(self, passages: Ids, second: bool) -> list[tuple[Ids, Gathered]]:
        """The passages' vectors, segment by segment, with their positions.

        Those of a sample stay in memory, and in each thread those asked for last.
        """

        def gather(segment: Segment, own: Ids) -> Gathered:
            return segment.dense.gathered_second(own) if second else segment.dense.gathered(own)

        language = next((language for language, sample in list(self._samples.items()) if sample is passages), None)
        if language is None and second:
            return self._each(passages, gather)
        if language is None:
            if self._last()[0] is not passages:
                self._recent.gathered = passages, self._each(passages, gather)
            return self._last()[1]
        if (language, second) not in self._sampled:
            self._sampled[language, second] = self._each(passages, gather)
        return self._sampled[language, second]

    def _last(self) -> tuple[Ids, list[tuple[Ids, Gathered]]]:
        nothing: tuple[Ids, list[tuple[Ids, Gathered]]] = (np.empty(0, dtype=np.int64), [])
        return getattr(self._recent, "gathered", nothing)

    def _covering(self, passages: Ids) -> Ids:
        """The passages asked for last in this thread, where they are in order and hold these; else these."""
        last = self._last()[0]
        if len(passages) == 0 or len(last) == 0 or any(passages is sample for sample in list(self._samples.values())):
            return passages
        at = np.minimum(np.searchsorted(last, passages), len(last) - 1)
        return last if (last[at] == passages).all() and (np.diff(last) > 0).all() else passages

    def _allowed(self, allowed: Ids | None) -> list[Mask | None]:
        """What may be found in each segment; None where all may."""
        if allowed is None:
            return self._alive
        masks = next((masks for known, masks in list(self._masks) if known is allowed), None)
        if masks is None:
            masks = [self._mask(segment, base, allowed) for segment, base in self._placed]
            self._masks = [*self._masks[1 - SELECTIONS :], (allowed, masks)]
        return masks

    def _mask(self, segment: Segment, base: int, allowed: Ids) -> Mask:
        own = allowed[np.searchsorted(allowed, base) : np.searchsorted(allowed, base + segment.passages)] - base
        wanted = np.zeros(segment.passages, dtype=bool)
        wanted[own] = True
        return Mask(wanted & segment.alive)


def _joined(passages: Ids, parts: Sequence[tuple[Ids, NDArray[Any]]], kind: type) -> NDArray[Any]:
    whole: NDArray[Any] = np.empty(len(passages), dtype=kind)
    for at, values in parts:
        whole[at] = values
    return whole
