"""Bringing an index up to date with a folder: only what is new is read and embedded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from rag import folder as folders
from rag import readers, reading
from rag.errors import ConfigurationError, IndexMissing, NothingToIndex
from rag.folder import File, Plan
from rag.passages import passages
from rag.readers import Reading
from rag.settings import Settings
from rag.stores import files
from rag.stores.local import Contents, Entry, LocalStore, text_key
from rag.text import stems
from rag.types import BuildReport, Document, Encoder, Json, Matrix, Passage, Progress, ProgressCallback, Skipped, Vector

ANALYSIS = 1  # raised when passages or stems are made otherwise, so that an index made the old way is made anew
REASONS_SHOWN = 3  # in the error where nothing could be indexed; --json lists all


@dataclass(frozen=True, slots=True)
class _Read:
    """A document of the new generation."""

    entry: Entry
    document: Document
    passages: tuple[Passage, ...]


def build(
    documents: Path,
    index: Path,
    encoder: Callable[[], Encoder],
    fingerprint: str,
    settings: Settings,
    rebuild: bool = False,
    progress: ProgressCallback = lambda _: None,
) -> BuildReport:
    """Brings the index in ``index`` up to date with the folder ``documents``.

    ``encoder`` gives the model, asked for only where something is to be embedded; ``fingerprint`` is the model's.
    Raises ConfigurationError, NothingToIndex, IndexBusy, and, not with ``rebuild``, IndexDamaged or IndexMismatch.
    """
    if documents.resolve() == index.resolve():
        raise ConfigurationError(f"{documents} cannot hold both the documents and the index: name another --index")
    started = time.perf_counter()
    found, skipped = folders.scan(documents, settings.max_file_bytes, leave_out=index)
    if not found:  # before the lock, which makes the index's folder
        raise NothingToIndex(_nothing(documents, skipped))
    with files.builder_lock(index):
        previous = None if rebuild else _previous(index, fingerprint)
        plan = folders.compare(found, _indexed(previous))
        kept = _kept(previous, plan)
        new, failed = _read_all((*plan.added, *plan.changed), documents, index, encoder, settings, progress)
        skipped += failed
        everything = sorted([*kept, *new], key=lambda read: read.document.path)
        if not everything:
            raise NothingToIndex(_nothing(documents, skipped))
        embedding_started = time.perf_counter()
        vectors, second = _embedded(everything, previous, encoder, progress)
        embed_seconds = time.perf_counter() - embedding_started if vectors.missing else 0.0
        if previous is None or new or plan.removed or plan.renamed or plan.changed or _skips(previous) != skipped:
            progress(Progress("writing", 0, 1))
            about = _about(previous, encoder, fingerprint, skipped)
            LocalStore.write(index, _contents(everything), vectors.known, second.known if second else None, about)
            progress(Progress("writing", 1, 1))
    read = {each.document.path for each in new}
    return BuildReport(
        documents=len(everything),
        passages=sum(len(each.passages) for each in everything),
        added=sum(file.path in read for file in plan.added),
        changed=sum(file.path in read for file in plan.changed),
        removed=len(plan.removed) + sum(file.path not in read for file in plan.changed),
        renamed=len(plan.renamed),
        unchanged=len(plan.unchanged),
        seconds=round(time.perf_counter() - started, 3),
        embed_seconds=round(embed_seconds, 3),
        embedded_texts=len(vectors.missing),
        skipped=tuple(skipped),
    )


class _Vectors:
    """The vectors of texts by their keys: those stored already, and those made in this build."""

    def __init__(self, texts: Iterable[str], stored: Callable[[bytes], Vector | None]) -> None:
        keys = {text_key(text): text for text in texts}
        self.known = {key: vector for key in keys if (vector := stored(key)) is not None}
        self.missing = {key: text for key, text in keys.items() if key not in self.known}

    def make(self, encode: Callable[..., Matrix], progress: Callable[[int], None]) -> None:
        """Embeds what is missing; ``progress`` hears how many texts are done."""
        if self.missing:
            vectors = encode(list(self.missing.values()), progress)
            self.known.update(zip(self.missing, vectors, strict=True))


def _embedded(
    documents: list[_Read], previous: LocalStore | None, encoder: Callable[[], Encoder], progress: ProgressCallback
) -> tuple[_Vectors, _Vectors | None]:
    """The vectors of all texts, and the second encoder's of all sentences where there is one.

    The model is asked for only where a text has no vector yet.
    """
    first = _Vectors(
        (text for read in documents for text in _texts(read)), previous.vector_of if previous else lambda _: None
    )
    sentences = [text for read in documents for passage in read.passages for text in passage.sentence_texts]
    second = _Vectors(sentences, previous.second_of if previous else lambda _: None)
    if not first.missing and (previous is None or previous.dense.second is None or not second.missing):
        return first, second if previous is not None and previous.dense.second is not None else None
    other = encoder().second
    total = len(first.missing) + (len(second.missing) if other else 0)
    progress(Progress("embedding", 0, total))
    first.make(encoder().encode_documents, lambda done: progress(Progress("embedding", done, total)))
    if other is None:
        return first, None
    before = len(first.missing)
    second.make(other.encode_sentences, lambda done: progress(Progress("embedding", before + done, total)))
    return first, second


def _previous(index: Path, fingerprint: str) -> LocalStore | None:
    """The generation to go on from; None where there is none, or another model or analysis made it."""
    try:
        store = LocalStore.open(index)
    except IndexMissing:
        return None
    same = store.manifest["model"]["fingerprint"] == fingerprint and store.manifest["analysis"] == ANALYSIS
    return store if same else None


def _indexed(previous: LocalStore | None) -> dict[str, str]:
    return {entry["path"]: entry["sha256"] for entry in previous.manifest["documents"]} if previous else {}


def _skips(previous: LocalStore) -> list[Skipped]:
    return [Skipped(each["file"], each["reason"]) for each in previous.manifest["skipped"]]


def _kept(previous: LocalStore | None, plan: Plan) -> list[_Read]:
    """What is taken over from the last generation as it is, renamed files under their new names."""
    if previous is None:
        return []
    entries = {entry.path: entry for entry in map(Entry.from_json, previous.manifest["documents"])}
    own: dict[str, list[Passage]] = {path: [] for path in previous.documents}
    for passage in previous.passages:
        own[passage.document].append(passage)
    sources = {file.path: file.path for file in plan.unchanged} | dict(plan.renamed)
    return [
        _Read(
            replace(entries[old], path=path),
            replace(previous.documents[old], path=path),
            tuple(replace(passage, document=path) for passage in own[old]),
        )
        for path, old in sources.items()
    ]


def _read_all(
    wanted: tuple[File, ...],
    documents: Path,
    index: Path,
    encoder: Callable[[], Encoder],
    settings: Settings,
    progress: ProgressCallback,
) -> tuple[list[_Read], list[Skipped]]:
    """What the wanted files hold, and what of them could not be read: whole files, or pages of those that could."""
    if not wanted:
        return [], []
    readings, skipped = reading.read_all(
        wanted, documents, settings, lambda done: progress(Progress("reading", done, len(wanted)))
    )
    skipped += [Skipped(file.path, reason) for file, each in readings for reason in each.missing]
    return [_read(index, file, each, encoder()) for file, each in readings], skipped


def _read(index: Path, file: File, each: Reading, model: Encoder) -> _Read:
    found = passages(each.document, model.count_tokens, model.max_tokens)
    part, words = LocalStore.write_document(index, each.document, found, each.words)
    return _Read(Entry(file.path, file.sha256, part, words), each.document, found)


def _contents(everything: list[_Read]) -> Contents:
    found = tuple(passage for read in everything for passage in read.passages)
    return Contents(
        entries=tuple(read.entry for read in everything),
        documents=tuple(read.document for read in everything),
        passages=found,
        stems=tuple(tuple(stems(passage.text)) for passage in found),
    )


def _texts(read: _Read) -> Iterable[str]:
    for passage in read.passages:
        yield passage.text
        yield from passage.sentence_texts


def _about(
    previous: LocalStore | None, encoder: Callable[[], Encoder], fingerprint: str, skipped: list[Skipped]
) -> Json:
    model = previous.manifest["model"] if previous else {"name": encoder().name, "dimension": encoder().dimension}
    return {
        "generation": previous.manifest["generation"] + 1 if previous else 1,
        "model": {**model, "fingerprint": fingerprint},
        "analysis": ANALYSIS,
        "built": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "skipped": [{"file": each.file, "reason": each.reason} for each in skipped],
    }


def _nothing(documents: Path, skipped: list[Skipped]) -> str:
    if not skipped:
        return f"no document in {documents}: {readers.supported()}"
    reasons = "; ".join(f"{each.file}: {each.reason}" for each in skipped[:REASONS_SHOWN])
    more = f"; and {len(skipped) - REASONS_SHOWN} more" if len(skipped) > REASONS_SHOWN else ""
    return f"no document in {documents} can be read ({reasons}{more})"
