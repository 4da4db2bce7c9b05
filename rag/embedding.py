"""The vectors of a build: stored ones where the same text has one; the others are made, and kept as they are made."""

from __future__ import annotations

import bisect
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from rag.protocols import Encoder
from rag.stores.keys import text_key
from rag.types import Matrix, Passage, Progress, ProgressCallback, Vector

# Texts that are embedded and kept at a time: some 15 s on two cores, which is what an interrupted build loses. The
# encoders put texts of one length together, and runs of 1,024 cost them a tenth of their speed.
RUN = 4096


class Source(Protocol):
    """Where vectors of texts are kept."""

    @property
    def has_second(self) -> bool:
        """Whether a second encoder's are kept too."""

    def vectors_of(self, keys: Sequence[bytes], second: bool = False) -> dict[bytes, Vector]:
        """The vectors of the texts with these keys, of those that it has; ``second``: the second encoder's."""


class Kept(Protocol):
    """Where vectors wait that are made and not committed yet: :class:`rag.stores.pending.Pending`, of a folder."""

    def vectors(self, encoder: str) -> dict[bytes, Vector]: ...

    def add(self, encoder: str, keys: Sequence[bytes], vectors: Matrix) -> None: ...


@dataclass(frozen=True, slots=True)
class Embedded:
    """All vectors that a generation needs, by :func:`rag.stores.keys.text_key` of their texts.

    ``second`` is None where the model has no second encoder. ``texts`` counts those that the first encoder has
    embedded now, ``seconds`` is the time that both took.
    """

    first: dict[bytes, Vector]
    second: dict[bytes, Vector] | None
    texts: int
    seconds: float


def embed(
    passages: Sequence[Passage],
    previous: Source | None,
    pending: Kept,
    encoder: Callable[[], Encoder],
    progress: ProgressCallback,
) -> Embedded:
    """The vectors of the passages and of their sentences.

    The model is asked for only where a text has no vector yet, or where there is no generation to go on from.
    """
    first = _Leg("first", passages, _texts, previous, pending)
    second = None
    if previous.has_second if previous else encoder().second is not None:
        second = _Leg("second", passages, _sentences, previous, pending)
    legs = [first, second] if second else [first]
    todo = [passage for passage in passages if any(leg.lacks(passage) for leg in legs)]
    texts, started = len(first.missing), time.perf_counter()
    if todo:
        model = encoder()
        steps = _Steps(todo, progress)
        for run in _runs(todo, legs):
            own = len(first.run)
            steps.begin(run, own + (len(second.run) if second else 0))
            first.make(model.encode_documents, steps.after(0))
            if second and model.second:
                second.make(model.second.encode_sentences, steps.after(own))
            steps.end(run)
    seconds = time.perf_counter() - started if todo else 0.0
    return Embedded(first.known, second.known if second else None, texts, seconds)


class _Leg:
    """One encoder's vectors by their texts' keys: those ``known``, the texts ``missing`` one, and of these the ``run``
    that is embedded next."""

    def __init__(
        self,
        name: str,
        passages: Sequence[Passage],
        texts: Callable[[Passage], Sequence[str]],
        stored: Source | None,
        pending: Kept,
    ) -> None:
        self._name, self._texts, self._pending = name, texts, pending
        keys = {text_key(text): text for passage in passages for text in texts(passage)}
        self.known = stored.vectors_of(list(keys), second=name == "second") if stored else {}
        self.known |= {key: vector for key, vector in pending.vectors(name).items() if key in keys}
        self.missing = {key: text for key, text in keys.items() if key not in self.known}
        self.run: dict[bytes, str] = {}

    def lacks(self, passage: Passage) -> bool:
        """Whether a text of the passage has no vector yet."""
        return any(text_key(text) in self.missing for text in self._texts(passage))

    def take(self, passage: Passage) -> None:
        """Moves what the passage lacks to the run."""
        for key in map(text_key, self._texts(passage)):
            if key in self.missing:
                self.run[key] = self.missing.pop(key)

    def make(self, encode: Callable[..., Matrix], progress: Callable[[int], None]) -> None:
        """Embeds the run, and keeps its vectors where the next build finds them."""
        if self.run:
            vectors = encode(list(self.run.values()), progress)
            self._pending.add(self._name, list(self.run), vectors)
            self.known.update(zip(self.run, vectors, strict=True))
            self.run = {}


class _Steps:
    """The progress of embedding, told in passages and files."""

    def __init__(self, passages: Sequence[Passage], progress: ProgressCallback) -> None:
        self._ends = list(itertools.accumulate(Counter(passage.document for passage in passages).values()))
        self._total, self._progress = len(passages), progress
        self._before = self._run = self._texts = 0
        self._tell(0)

    def begin(self, run: Sequence[Passage], texts: int) -> None:
        """A run of passages begins, for which so many texts are to be embedded."""
        self._run, self._texts = len(run), texts

    def after(self, before: int) -> Callable[[int], None]:
        """What an encoder tells how many texts it has done, where so many of the run's were done before."""
        return lambda done: self._tell(self._before + self._run * (before + done) // self._texts)

    def end(self, run: Sequence[Passage]) -> None:
        """The run is done and kept."""
        self._before += len(run)
        self._tell(self._before)

    def _tell(self, passages: int) -> None:
        files = bisect.bisect_right(self._ends, passages)
        self._progress(Progress("embedding", passages, self._total, files, len(self._ends)))


def _runs(passages: Sequence[Passage], legs: Sequence[_Leg]) -> Iterator[list[Passage]]:
    """The passages in their order, as many at a time as lack ``RUN`` texts, which the legs then hold."""
    run: list[Passage] = []
    for passage in passages:
        run.append(passage)
        for leg in legs:
            leg.take(passage)
        if any(len(leg.run) >= RUN for leg in legs):
            yield run
            run = []
    if run:
        yield run


def _texts(passage: Passage) -> tuple[str, ...]:
    return (passage.text, *passage.sentence_texts)


def _sentences(passage: Passage) -> tuple[str, ...]:
    return passage.sentence_texts
