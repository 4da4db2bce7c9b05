"""Bringing an index up to date with a folder: only what is new is read and embedded.

A small index is written anew as a whole, which takes less than a second; one of more than ``settings.mapped_from``
passages grows by segments (:mod:`rag.growth`), and stays so.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rag import folder as folders
from rag import growth as growing
from rag import readers
from rag.address import Address, Place
from rag.embedding import embed
from rag.errors import ConfigurationError, IndexMissing, NothingToIndex
from rag.folder import File
from rag.growth import Growth
from rag.intake import Taken, take_in
from rag.protocols import Encoder
from rag.remote import RemoteGrowth
from rag.settings import Settings
from rag.stores import files, generations
from rag.stores.entry import Entry
from rag.stores.local import Contents, LocalStore
from rag.stores.mapped import MappedStore
from rag.stores.milvus.draft import Draft, current_manifest
from rag.stores.milvus.layout import Names
from rag.stores.milvus.server import Server
from rag.stores.milvus.state import Share, State
from rag.stores.opening import open_store
from rag.stores.pending import Pending
from rag.text import stems
from rag.types import BuildReport, Json, Passage, Progress, ProgressCallback, Skipped

ANALYSIS = 1  # raised when passages or stems are made otherwise, so that an index made the old way is made anew
WHOLE = Share()
REASONS_SHOWN = 3  # in the error where nothing could be indexed; --json lists all


@dataclass(frozen=True, slots=True)
class _Done:
    """What the new generation holds, and what embedding it took."""

    entries: Mapping[str, Entry]
    passages: int
    texts: int
    seconds: float


def build(
    documents: Path,
    index: Place,
    encoder: Callable[[], Encoder],
    fingerprint: str,
    settings: Settings,
    rebuild: bool = False,
    progress: ProgressCallback = lambda _: None,
) -> BuildReport:
    """Brings the index in ``index`` up to date with the folder ``documents`` and with what was uploaded to a folder.

    ``encoder`` gives the model, asked for only where something is to be embedded; ``fingerprint`` is the model's.
    Raises ConfigurationError, NothingToIndex, IndexBusy, and, not with ``rebuild``, IndexDamaged or IndexMismatch.
    """
    if not isinstance(index, Path):
        return build_remote(documents, index, encoder, fingerprint, settings, rebuild, progress)
    if documents.resolve() in (index.resolve(), index.resolve() / folders.UPLOADS):
        raise ConfigurationError(f"{documents} cannot hold both the documents and the index: name another --index")
    started = time.perf_counter()
    roots = folders.roots(documents, index)
    found, skipped = folders.scan_all(roots, settings.max_file_bytes, leave_out=index)
    if not found:  # before the lock, which makes the index's folder
        raise NothingToIndex(_nothing(documents, skipped))
    with files.builder_lock(index):
        pending = Pending(index, fingerprint)
        if rebuild:
            pending.clear()
            growing.forget(index)
        previous = None if rebuild else _previous(index, fingerprint)
        old = previous.entries if previous else {}
        plan = folders.compare(found, {path: entry.content for path, entry in old.items()})
        made = f"{fingerprint} {ANALYSIS}"
        left = growing.unfinished(index, made)

        def grow() -> Growth:
            return Growth(index, made, previous, left, pending, encoder, progress)

        growth = grow() if isinstance(previous, MappedStore) or left else None
        held, damaged, wanted = _known(growth.keep(found) if growth else found, previous)
        indexed = growth.damaged if growth else damaged.get
        taking = take_in(wanted, roots, settings, encoder, indexed, progress)
        for taken, failed in itertools.chain([([], [])], taking):
            skipped += failed
            held += taken
            if growth is None and sum(len(each.passages) for each in held) > settings.mapped_from:
                growth = grow()
            if growth is not None:
                growth.add_all(held)
                held = []
        entries = growth.entries if growth else {each.entry.path: each.entry for each in held}
        if not entries:
            raise NothingToIndex(_nothing(documents, skipped))
        skipped += [Skipped(path, reason) for path, entry in sorted(entries.items()) for reason in entry.missing]
        if growth is None:
            done = _rewritten(index, previous, fingerprint, held, skipped, pending, encoder, progress)
        else:
            growth.finish(_about(previous, encoder, fingerprint, skipped))
            done = _Done(growth.entries, growth.passages(), growth.texts, growth.seconds)
        pending.clear()
        growing.forget(index)
        generations.tidy(index)
    return _report(plan, skipped, done, started)


def build_remote(
    documents: Path,
    address: Address,
    encoder: Callable[[], Encoder],
    fingerprint: str,
    settings: Settings,
    rebuild: bool = False,
    progress: ProgressCallback = lambda _: None,
    share: Share = WHOLE,
) -> BuildReport:
    """Brings an index in Milvus up to date with the folder ``documents``, or with a share of it.

    Raises as :func:`build` does, and IndexUnusable where Milvus does not answer.
    """
    started = time.perf_counter()
    roots = {"": documents}
    found, skipped = folders.scan_all(roots, settings.max_file_bytes)
    if not found:
        raise NothingToIndex(_nothing(documents, skipped))
    server, names = Server(address, settings), Names(address.name)
    state = State(server, names)
    made = f"{fingerprint} {ANALYSIS}"
    with state.held(share, f"{made}{' rebuild' if rebuild else ''}"):
        current = None if rebuild else current_manifest(server, names)
        previous = current if current and current["made"] == made else None
        model = previous["model"] if previous else _model(encoder, fingerprint)
        draft = Draft.begin(server, names, state, share, made, model, rebuild)
        growth = RemoteGrowth(draft, encoder, progress)
        own = [file for file in found if draft.in_share(file.path)]
        skipped = [each for each in skipped if draft.in_share(each.file)]
        plan = folders.compare(own, {path: entry.content for path, entry in growth.old_entries.items()})
        for taken, failed in take_in(growth.keep(own), roots, settings, encoder, growth.damaged, progress):
            skipped += failed
            growth.add_all(taken)
        if not growth.entries and share.of == 1:
            raise NothingToIndex(_nothing(documents, skipped))
        entries = sorted(growth.entries.items())
        skipped += [Skipped(path, reason) for path, entry in entries for reason in entry.missing]
        manifest = growth.finish(skipped, {"model": model, "analysis": ANALYSIS, "built": _now()})
    own_passages = draft.tally.passages + (previous["passages"] if previous and share.of == 1 else 0)
    passages = manifest["passages"] if manifest else own_passages
    report = _report(plan, skipped, _Done(growth.entries, passages, growth.texts, growth.seconds), started)
    return replace(report, documents=manifest["documents"]) if manifest else replace(report, is_shown=False)


def _model(encoder: Callable[[], Encoder], fingerprint: str) -> Json:
    model = encoder()
    second = model.second.dimension if model.second else 0
    return {"name": model.name, "dimension": model.dimension, "second": second, "fingerprint": fingerprint}


def _report(plan: folders.Plan, skipped: Sequence[Skipped], done: _Done, started: float) -> BuildReport:
    return BuildReport(
        documents=len(done.entries),
        passages=done.passages,
        added=sum(file.path in done.entries for file in plan.added),
        changed=sum(file.path in done.entries for file in plan.changed),
        removed=len(plan.removed) + sum(file.path not in done.entries for file in plan.changed),
        renamed=len(plan.renamed),
        unchanged=len(plan.unchanged),
        seconds=round(time.perf_counter() - started, 3),
        embed_seconds=round(done.seconds, 3),
        embedded_texts=done.texts,
        skipped=tuple(skipped),
    )


def _previous(index: Path, fingerprint: str) -> LocalStore | MappedStore | None:
    """The generation to go on from; None where there is none, or another model, format or analysis made it."""
    if files.is_outdated(index):
        return None
    try:
        store = open_store(index)
    except IndexMissing:
        return None
    same = store.manifest["model"]["fingerprint"] == fingerprint and store.manifest["analysis"] == ANALYSIS
    return store if same else None


def _known(
    found: Sequence[File], previous: LocalStore | MappedStore | None
) -> tuple[list[Taken], dict[str, Taken], list[File]]:
    """What is taken over from the last generation as it is, under the files' names now, and the files to be read.

    What a file holds decides: a renamed one, or a copy of one that is indexed, is not read. One of which something
    could not be read is tried again: what was missing, such as OCR, may be there now. Those come, by their paths, as
    they are indexed, so that one of which no more is read costs nothing else.
    """
    if not isinstance(previous, LocalStore):
        return [], {}, list(found)
    own: dict[str, list[Passage]] = {path: [] for path in previous.documents}
    for passage in previous.passages:
        own[passage.document].append(passage)
    by_content = {entry.content: entry for entry in previous.entries.values() if not entry.missing}

    def taken(entry: Entry) -> Taken:
        return Taken(entry, previous.document(entry.path), tuple(own[entry.path]), previous.words(entry.path))

    damaged = {path: taken(entry) for path, entry in previous.entries.items() if entry.missing}
    known = [taken(entry).under(file) for file in found if (entry := by_content.get(file.content))]
    return known, damaged, [file for file in found if file.content not in by_content]


def _rewritten(
    index: Path,
    previous: LocalStore | MappedStore | None,
    fingerprint: str,
    held: Sequence[Taken],
    skipped: Sequence[Skipped],
    pending: Pending,
    encoder: Callable[[], Encoder],
    progress: ProgressCallback,
) -> _Done:
    """A small generation, written anew unless it is the last one again."""
    everything = sorted(held, key=lambda taken: taken.entry.path)
    found = tuple(passage for taken in everything for passage in taken.passages)
    embedded = embed(found, previous, pending, encoder, progress)
    entries = [_stored(index, taken) for taken in everything]
    if previous is None or list(previous.entries.values()) != entries or _skips(previous) != skipped:
        progress(Progress("writing", 0, 1))
        contents = Contents(tuple(entries), found, tuple(tuple(stems(passage.text)) for passage in found))
        about = _about(previous, encoder, fingerprint, skipped)
        LocalStore.write(index, contents, embedded.first, embedded.second, about)
        progress(Progress("writing", 1, 1))
    return _Done({entry.path: entry for entry in entries}, len(found), embedded.texts, embedded.seconds)


def _stored(index: Path, taken: Taken) -> Entry:
    """The document's entry, with the parts that hold it, written where it is new."""
    if taken.entry.part:
        return taken.entry
    part, words = LocalStore.write_document(index, taken.document, taken.passages, taken.words)
    return replace(taken.entry, part=part, words=words)


def _skips(previous: LocalStore | MappedStore) -> list[Skipped]:
    return [Skipped(each["file"], each["reason"]) for each in previous.manifest["skipped"]]


def _about(
    previous: LocalStore | MappedStore | None,
    encoder: Callable[[], Encoder],
    fingerprint: str,
    skipped: Sequence[Skipped],
) -> Json:
    model = previous.manifest["model"] if previous else {"name": encoder().name, "dimension": encoder().dimension}
    return {
        "generation": previous.manifest["generation"] + 1 if previous else 1,
        "model": {**model, "fingerprint": fingerprint},
        "analysis": ANALYSIS,
        "built": _now(),
        "skipped": [{"file": each.file, "reason": each.reason} for each in skipped],
    }


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _nothing(documents: Path, skipped: Sequence[Skipped]) -> str:
    if not skipped:
        return f"no document in {documents}: {readers.supported()}"
    reasons = "; ".join(f"{each.file}: {each.reason}" for each in skipped[:REASONS_SHOWN])
    more = f"; and {len(skipped) - REASONS_SHOWN} more" if len(skipped) > REASONS_SHOWN else ""
    return f"no document in {documents} can be read ({reasons}{more})"
