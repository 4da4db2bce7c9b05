"""The facade: build an index, open it, search it, ask it."""

from __future__ import annotations

import dataclasses
import functools
import threading
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import get_args

import numpy as np

from rag import builder, copies, query
from rag.address import Address, Place, place
from rag.answer import AnswerSentence, answering, within
from rag.calibration import Calibration
from rag.encoders import load_encoder, model_fingerprint
from rag.errors import ConfigurationError, IndexMismatch, QuestionError
from rag.layout import Rectangle, rectangles
from rag.protocols import Encoder, Store
from rag.query import MAX_QUESTION, checked
from rag.retriever import EVERYTHING, Question, Ranking, rank
from rag.settings import Settings
from rag.stores.milvus.state import Share
from rag.stores.opening import open_place
from rag.text import clean, language, stems, tokens
from rag.types import Answer, BuildReport, Citation, Document, Filters, Ids, Json, Mode, Note, ProgressCallback, Scores

MAX_RESULTS = 1_000


class Index:
    """An opened index: one generation, whole and verified. Safe to ask from several threads.

    ``report`` is what the build did, where :func:`build` gave the index; ``masked`` are the passages that
    :meth:`without` leaves out.
    """

    def __init__(
        self,
        store: Store,
        model: _Model,
        calibration: Calibration,
        report: BuildReport | None = None,
        masked: frozenset[int] = frozenset(),
    ) -> None:
        self.store, self.report, self.masked = store, report, masked
        self._model, self._calibration = model, calibration

    def without(self, passages: Collection[int]) -> Index:
        """The index as if the collection did not hold these passages, by their numbers: neither their vectors nor
        their words are known, so that nothing tells that they were there."""
        return Index(self.store.without(passages), self._model, self._calibration, self.report, frozenset(passages))

    def search(
        self,
        query: str,
        k: int = 10,
        *,
        mode: Mode = "hybrid",
        filters: Filters = EVERYTHING,
        literal: bool = False,
    ) -> list[Citation]:
        """The ``k`` best passages for the query, near-copies folded into one.

        A ``literal`` query is taken as typed: neither its keyboard layout nor its spelling is corrected. Raises
        QuestionError.
        """
        _check(k, mode)
        filters = checked(filters)
        asked = self.understand(query, filters, literal)
        ranking = rank(self.store, asked, mode, filters, self.masked)
        return self._citations(asked, ranking, copies.fold(self.store, ranking.passages, k))

    def ask(
        self,
        question: str,
        k: int = 5,
        *,
        mode: Mode = "hybrid",
        filters: Filters = EVERYTHING,
        literal: bool = False,
    ) -> Answer:
        """The answer: a verdict, how sure it is, the answering sentence and the ``k`` best passages.

        A ``literal`` question is taken as typed, as by :meth:`search`. Raises QuestionError.
        """
        _check(k, mode)
        filters = checked(filters)
        asked = self.understand(question, filters, literal)
        ranking = rank(self.store, asked, mode, filters, self.masked)
        groups = copies.fold(self.store, ranking.passages, k)
        citations = self._citations(asked, ranking, groups)
        reading = None
        if citations:
            reading = AnswerSentence.bundled().read(self.store, self._model.encoder, asked, int(ranking.passages[0]))
            citations[0] = dataclasses.replace(citations[0], highlight=reading.answer)
            ranking = ranking.take(np.setdiff1d(np.arange(len(ranking)), groups[0].folded))  # no rivals of the first
        confidence = self._calibration.judge(self.store, asked, ranking, reading)
        answering = citations[0] if confidence.verdict != "not_found" else None
        return Answer(
            question=asked.typed,
            language=asked.language,
            verdict=confidence.verdict,
            confidence=round(confidence.probability, 4),
            text=answering.quote[slice(*answering.highlight)] if answering else None,
            citation=answering.rank if answering else None,
            citations=tuple(citations),
            notes=(*asked.notes, *query.respelt(asked.respelt, [citation.quote for citation in citations])),
        )

    def warm_up(self) -> None:
        """Loads all of the model, so that no question waits for a part of it."""
        self.understand("?")
        self._model.encoder.warm_up()

    def updated(
        self, documents: str | Path, *, rebuild: bool = False, progress: ProgressCallback = lambda _: None
    ) -> Index:
        """The index brought up to date with a folder of documents, on the model of this one, which stays as it is.

        Raises as :func:`build` does.
        """
        return _built(documents, self.store.place, self._model, rebuild, progress, self.store)

    def latest(self) -> Index:
        """The newest generation of the index, on the model of this one; this one itself where it is the newest.

        Raises as :func:`open` does.
        """
        return self if self.store.is_current else _opened(self.store.place, self._model)

    @property
    def encoder(self) -> Encoder:
        """The model that questions are asked with; loaded at its first use."""
        return self._model.encoder

    def document(self, path: str) -> Document:
        """The document with this path, as it was read; raises QuestionError where the index holds none."""
        self._require(path)
        return self.store.document(path)

    def rectangles(self, path: str, start: int, end: int) -> tuple[Rectangle, ...]:
        """Where ``[start, end)`` of the document's text stands on its pages, line by line; nothing where it has none.

        Raises QuestionError where the index holds no such document, IndexDamaged where the places are damaged.
        """
        self._require(path)
        return rectangles(self.store.words(path), start, end)

    def info(self) -> Json:
        """Documents, passages, languages, model, sizes and generation, as ``snoska info --json`` prints them."""
        return _info(self.store)

    def understand(self, text: str, filters: Filters = EVERYTHING, literal: bool = False) -> Question:
        """The question as it is asked of the store: as it was meant, with its language, vector and stems.

        A quoted phrase is demanded of the passages where any that passes the filters holds it, and noted otherwise.
        Raises QuestionError where it is empty or far too long.
        """
        asked = clean(text)
        if not asked:
            raise QuestionError("the question is empty: type a few words", "empty")
        if len(asked) > MAX_QUESTION:
            raise QuestionError(
                f"the question has {len(asked):,} characters, more than {MAX_QUESTION:,}: shorten it", "too_long"
            )
        encoder, store = self._model.encoder, self.store
        meaning = query.understand(asked, encoder.count_tokens, store.knows, literal)
        own = language(meaning.text)
        has_others = any(other != own for other in store.languages())
        second = encoder.second if has_others and store.has_second else None
        among, missing = _holding(store, meaning.phrases, filters, self.masked)
        vector, states = encoder.encode_query(meaning.text)
        correct = {stem: store.nearest(stem) for stem in meaning.strange}
        return Question(
            typed=asked,
            language=own,
            vector=vector,
            stems=tuple(correct.get(stem, stem) for stem in stems(meaning.text)),
            second=second.encode_questions([meaning.text])[0] if second else None,
            centre=encoder.centre,
            states=states,
            among=among,
            notes=(*meaning.notes, *(Note("phrase", phrase, "") for phrase in missing)),
            respelt={
                word: correct[stem]
                for word in tokens(meaning.text)
                for stem in stems(word)
                if correct.get(stem, stem) != stem
            },
        )

    def _require(self, path: str) -> None:
        if path not in self.store.entries:
            raise QuestionError(
                f"the index holds no document {path!r}: its paths are relative to the folder", "document"
            )

    def _citations(self, question: Question, ranking: Ranking, groups: Sequence[copies.Group]) -> list[Citation]:
        return [self._citation(question, ranking, rank, group) for rank, group in enumerate(groups, start=1)]

    def _citation(self, question: Question, ranking: Ranking, rank: int, group: copies.Group) -> Citation:
        at = group.position
        number = int(ranking.passages[at])
        passage = self.store.passage(number)
        document = self.store.document(passage.document)
        cosines = self.store.sentence_scores(question.vector, number).tolist()
        best = max(answering(document, passage), key=cosines.__getitem__)
        return Citation(
            rank=rank,
            document=passage.document,
            title=document.title,
            date=document.date,
            language=passage.language,
            page=passage.page,
            paragraph=passage.paragraph,
            start=passage.start,
            end=passage.end,
            quote=passage.text,
            highlight=within(passage)[best],
            score=round(float(ranking.score[at]), 6),
            scores=Scores(
                paragraph=round(float(ranking.paragraph[at]), 6),
                sentence=round(float(ranking.sentence[at]), 6),
                lexical=round(float(ranking.lexical[at]), 6),
            ),
            also_in=group.copies,
            ocr=passage.page in document.scanned,
        )


class _Model:
    """The embedding model, loaded at its first use, once for all threads."""

    def __init__(self, settings: Settings, encoder: Encoder | None) -> None:
        self.settings, self._encoder = settings, encoder
        self._lock = threading.Lock()

    @property
    def encoder(self) -> Encoder:
        with self._lock:
            if self._encoder is None:
                self._encoder = load_encoder(self.settings)
            return self._encoder

    @property
    def fingerprint(self) -> str:
        return self._encoder.fingerprint if self._encoder else model_fingerprint(self.settings)


def build(
    documents: str | Path = "seeds",
    index: str | Path | Address = "index",
    *,
    rebuild: bool = False,
    settings: Settings | None = None,
    encoder: Encoder | None = None,
    progress: ProgressCallback = lambda _: None,
) -> Index:
    """Brings the index up to date with a folder of documents and opens it; its ``report`` says what was done.

    ``encoder`` takes the place of the model that the settings name. Raises NothingToIndex, IndexBusy,
    IndexDamaged, IndexMismatch or ModelError.
    """
    model = _Model(settings or Settings.from_environment(), encoder)
    return _built(documents, place(index), model, rebuild, progress)


def build_share(
    documents: str | Path,
    index: str | Path,
    share: Share,
    *,
    rebuild: bool = False,
    settings: Settings | None = None,
    encoder: Encoder | None = None,
    progress: ProgressCallback = lambda _: None,
) -> BuildReport:
    """Builds one share of an index in Milvus; the last of the shares makes all of them visible at once.

    The report counts what the index holds where this was the last share, else what this share holds. Raises as
    :func:`build` does, and ConfigurationError where the index is in a folder.
    """
    model = _Model(settings or Settings.from_environment(), encoder)
    kept = place(index)
    if isinstance(kept, Path):
        raise ConfigurationError(f"--shard is for an index in Milvus, not for the folder {kept}: name milvus://…")
    return builder.build_remote(
        _named(documents), kept, lambda: model.encoder, model.fingerprint, model.settings, rebuild, progress, share
    )


def open(  # the public name is rag.open
    index: str | Path | Address = "index", *, settings: Settings | None = None, encoder: Encoder | None = None
) -> Index:
    """Opens an index, verified. Raises IndexMissing, IndexDamaged or IndexMismatch."""
    return _opened(place(index), _Model(settings or Settings.from_environment(), encoder))


def info(index: str | Path = "index") -> Json:
    """What :meth:`Index.info` says, of an index of any model. Raises as :func:`check` does."""
    return _info(open_place(place(index), Settings.from_environment()))


def check(index: str | Path = "index") -> Json:
    """Verifies every part of the index; returns what :func:`info` does. Raises as :func:`open`, the model aside."""
    store = open_place(place(index), Settings.from_environment())
    store.verify_all()
    return _info(store)


def _built(
    documents: str | Path,
    kept: Place,
    model: _Model,
    rebuild: bool,
    progress: ProgressCallback,
    opened: Store | None = None,
) -> Index:
    """The index brought up to date; its store is ``opened`` where nothing has changed since that was."""
    report = builder.build(
        _named(documents), kept, lambda: model.encoder, model.fingerprint, model.settings, rebuild, progress
    )
    store = opened if opened is not None and opened.is_current else open_place(kept, model.settings)
    return Index(store, model, Calibration.bundled(), report)


def _named(documents: str | Path) -> Path:
    if not str(documents).strip():
        raise ConfigurationError("the folder of documents has no name: name it, or '.' for this one")
    return Path(documents)


def _opened(kept: Place, model: _Model) -> Index:
    store = open_place(kept, model.settings)
    built = store.manifest["model"]
    if built["fingerprint"] != model.fingerprint:
        raise IndexMismatch(
            f"the index in {kept} was built with another model or other settings of it ({built['name']},"
            f" {built['dimension']} dimensions): run 'snoska build', or set the model's settings as they were"
        )
    if store.manifest["analysis"] != builder.ANALYSIS:
        raise IndexMismatch(f"the index in {kept} was built by another version of Snoska: run 'snoska build'")
    return Index(store, model, Calibration.bundled())


def _info(store: Store) -> Json:
    manifest = store.manifest
    return {
        "documents": len(store.entries),
        "passages": manifest["passages"],
        "languages": dict(store.languages()),
        "model": manifest["model"],
        "generation": manifest["generation"],
        "built": manifest["built"],
        "bytes": store.disk_bytes,
        "skipped": manifest["skipped"],
    }


def _holding(
    store: Store, phrases: Sequence[str], filters: Filters, masked: Collection[int]
) -> tuple[Ids | None, list[str]]:
    """The passages that hold the phrases, and the phrases that none holds; all the phrases where there are such
    passages, else any of them; None where no phrase is left."""
    allowed = store.select(filters)
    held = {phrase: np.setdiff1d(store.holding(phrase), list(masked)) for phrase in phrases}
    if allowed is not None:
        held = {phrase: np.intersect1d(ids, allowed) for phrase, ids in held.items()}
    found = [ids for ids in held.values() if len(ids)]
    missing = [phrase for phrase, ids in held.items() if len(ids) == 0]
    if not found:
        return None, missing
    all_of_them = functools.reduce(np.intersect1d, found)
    return all_of_them if len(all_of_them) else functools.reduce(np.union1d, found), missing


def _check(k: object, mode: str) -> None:
    if not (isinstance(k, int) and 1 <= k <= MAX_RESULTS):
        raise QuestionError(f"k is {k}: give a number from 1 to {MAX_RESULTS:,}")
    if mode not in get_args(Mode):
        raise QuestionError(f"mode {mode!r} is not known: use {', '.join(get_args(Mode))}")
