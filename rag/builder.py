"""Bringing an index up to date with a folder: only what is new is read and embedded."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rag import folder as folders
from rag import readers, reading
from rag.embedding import embed
from rag.errors import ConfigurationError, DocumentError, IndexMissing, NothingToIndex
from rag.folder import File
from rag.passages import passages
from rag.readers import Reading, metadata
from rag.settings import Settings
from rag.stores import files
from rag.stores.entry import Entry
from rag.stores.local import Contents, LocalStore
from rag.stores.pending import Pending
from rag.text import stems
from rag.types import BuildReport, Document, Encoder, Json, Passage, Progress, ProgressCallback, Skipped

ANALYSIS = 1  # raised when passages or stems are made otherwise, so that an index made the old way is made anew
REASONS_SHOWN = 3  # in the error where nothing could be indexed; --json lists all


@dataclass(frozen=True, slots=True)
class _Read:
    """A document of the new generation."""

    entry: Entry
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
        pending = Pending(index, fingerprint)
        if rebuild:
            pending.clear()
        previous = None if rebuild else _previous(index, fingerprint)
        entries = previous.entries if previous else {}
        plan = folders.compare(found, {path: entry.content for path, entry in entries.items()})
        known, damaged, wanted = _known(found, previous)
        new, failed = _read_all(wanted, damaged, documents, index, encoder, settings, progress)
        everything = sorted([*known, *new], key=lambda read: read.entry.path)
        skipped += failed
        if not everything:
            raise NothingToIndex(_nothing(documents, skipped))
        skipped += [Skipped(read.entry.path, reason) for read in everything for reason in read.entry.missing]
        contents = _contents(everything)
        embedded = embed(contents.passages, previous, pending, encoder, progress)
        if previous is None or list(entries.values()) != list(contents.entries) or _skips(previous) != skipped:
            progress(Progress("writing", 0, 1))
            about = _about(previous, encoder, fingerprint, skipped)
            LocalStore.write(index, contents, embedded.first, embedded.second, about)
            progress(Progress("writing", 1, 1))
        pending.clear()
    here = {read.entry.path for read in everything}
    return BuildReport(
        documents=len(everything),
        passages=len(contents.passages),
        added=sum(file.path in here for file in plan.added),
        changed=sum(file.path in here for file in plan.changed),
        removed=len(plan.removed) + sum(file.path not in here for file in plan.changed),
        renamed=len(plan.renamed),
        unchanged=len(plan.unchanged),
        seconds=round(time.perf_counter() - started, 3),
        embed_seconds=round(embedded.seconds, 3),
        embedded_texts=embedded.texts,
        skipped=tuple(skipped),
    )


def _previous(index: Path, fingerprint: str) -> LocalStore | None:
    """The generation to go on from; None where there is none, or another model, format or analysis made it."""
    if files.is_outdated(index):
        return None
    try:
        store = LocalStore.open(index)
    except IndexMissing:
        return None
    same = store.manifest["model"]["fingerprint"] == fingerprint and store.manifest["analysis"] == ANALYSIS
    return store if same else None


def _skips(previous: LocalStore) -> list[Skipped]:
    return [Skipped(each["file"], each["reason"]) for each in previous.manifest["skipped"]]


def _known(
    found: Sequence[File], previous: LocalStore | None
) -> tuple[list[_Read], dict[str, tuple[Document, _Read]], list[File]]:
    """What is taken over from the last generation as it is, under the files' names now, and the files to be read.

    What a file holds decides: a renamed one, or a copy of one that is indexed, is not read. One of which something
    could not be read is tried again: what was missing, such as OCR, may be there now. Those come, by their paths, as
    they are indexed, so that one of which no more is read costs nothing else.
    """
    if previous is None:
        return [], {}, list(found)
    own: dict[str, list[Passage]] = {path: [] for path in previous.documents}
    for passage in previous.passages:
        own[passage.document].append(passage)
    by_content = {entry.content: entry for entry in previous.entries.values() if not entry.missing}
    damaged = {
        path: (previous.document(path), _Read(entry, tuple(own[path])))
        for path, entry in previous.entries.items()
        if entry.missing
    }
    known = [
        _Read(
            replace(entry, path=file.path, name=file.name),
            tuple(replace(passage, document=file.path) for passage in own[entry.path]),
        )
        for file in found
        if (entry := by_content.get(file.content))
    ]
    return known, damaged, [file for file in found if file.content not in by_content]


def _read_all(
    wanted: Sequence[File],
    damaged: Mapping[str, tuple[Document, _Read]],
    documents: Path,
    index: Path,
    encoder: Callable[[], Encoder],
    settings: Settings,
    progress: ProgressCallback,
) -> tuple[list[_Read], list[Skipped]]:
    """What the wanted files hold, and those that cannot be read."""
    if not wanted:
        return [], []
    readings, skipped = reading.read_all(wanted, documents, settings, progress)
    return [_read(index, documents, file, each, damaged.get(file.path), encoder) for file, each in readings], skipped


def _read(
    index: Path,
    documents: Path,
    file: File,
    each: Reading,
    indexed: tuple[Document, _Read] | None,
    encoder: Callable[[], Encoder],
) -> _Read:
    """The file as read; as it is ``indexed``, without asking the model for anything, where it says the same."""
    document, problems = _described(each.document, documents, file)
    missing = (*each.missing, *problems)
    if indexed is not None and indexed[0] == document and indexed[1].entry.sha256 == file.sha256:
        old = indexed[1]
        return replace(old, entry=replace(old.entry, name=file.name, sidecar=file.sidecar_sha256, missing=missing))
    model = encoder()
    found = passages(document, model.count_tokens, model.max_tokens)
    part, words = LocalStore.write_document(index, document, found, each.words)
    entry = Entry(file.path, file.sha256, part, words, file.name, file.sidecar_sha256, missing)
    return _Read(entry, found)


def _described(document: Document, documents: Path, file: File) -> tuple[Document, tuple[str, ...]]:
    """The document as its sidecar describes it, and what is wrong with the sidecar, where something is."""
    if not file.sidecar:
        return document, ()
    try:
        return metadata.overridden(document, metadata.sidecar((documents / file.sidecar).read_bytes())), ()
    except DocumentError as error:
        return document, (str(error),)
    except OSError as error:
        return document, (f"its sidecar cannot be read: {error.strerror}",)


def _contents(everything: list[_Read]) -> Contents:
    found = tuple(passage for read in everything for passage in read.passages)
    return Contents(
        entries=tuple(read.entry for read in everything),
        passages=found,
        stems=tuple(tuple(stems(passage.text)) for passage in found),
    )


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
