"""A finished draft becomes the index: its manifest, the alias, and the sweeping of what no reader needs any more."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rag.errors import IndexBusy, IndexDamaged, IndexUnusable, NothingToIndex
from rag.stores.files import REBUILD
from rag.stores.milvus import writing
from rag.stores.milvus.layout import DATA, PASSAGES, SENTENCES, TERMS, Names, create_notes, listed
from rag.stores.milvus.notes import Notes
from rag.stores.milvus.reading import seen
from rag.stores.milvus.server import Server
from rag.types import Json

COUNTED = ("documents", "passages", "sentences", "stems", "bytes")
RUNS = 8  # of the vocabulary, which a question sums up; more are made one
SEALED = 500  # passages that a build has written, from which on it asks for their segments to be sealed
LAST_RUN = 2**16 - 1  # the number, within a generation, of the run that others were made one of


def publish(
    server: Server,
    names: Names,
    notes: Notes,
    note: Json,
    base: Json | None,
    model: Json,
    about: Json,
    require: Callable[[], None],
) -> Json | None:
    """The new manifest, published, where all shares are finished; see :meth:`rag.stores.milvus.draft.Draft.finish`.

    ``require`` raises IndexBusy where the builder may no longer write. Raises that too where another build has begun
    anew in this one's place, IndexDamaged where rows are missing, NothingToIndex where no share has found a document.
    """
    require()
    generation = note["generation"]
    values = notes.read()
    if values.get("draft", note) != note:
        raise IndexBusy(f"another build of {server.address} has taken the place of this one: build again")
    done = [values.get(f"done/{generation}/{number}") for number in range(note["of"])]
    if "draft" not in values or not all(done):  # another part's builder has published it, or is awaited
        return None
    shares = [each for each in done if each is not None]
    skipped = [each for share in shares for each in share["skipped"]]
    changed = any(share["dead"] or share["tally"]["documents"] or share["runs"] for share in shares)
    if base is not None and not changed and base["skipped"] == skipped:
        forget(notes, values)
        sweep(server, names, base)
        return base
    manifest = _manifest(note, base, model, about, shares, skipped)
    if not manifest["documents"]:
        forget(notes, values)
        raise NothingToIndex("no share of the documents holds one that can be read: see what was skipped")
    if base is not None:  # what was to be deleted after the last commit is, should that have been broken off
        old = [int(number) for number, died in base["dead"].items() if died < base["generation"]]
        writing.delete(server, names, note["set"], old)
    _merge(server, names, manifest)
    for kind, name in ((PASSAGES, "passages"), (SENTENCES, "sentences")):
        found = server.count(names.data(note["set"], kind), seen(manifest))
        if found != manifest[name]:
            raise IndexDamaged(f"{server.address} has {found} {name} of {manifest[name]}: {REBUILD}")
    _seal(server, names, manifest)
    require()  # counting and sealing may have taken long
    _swap(server, names, manifest)
    forget(notes, values)
    sweep(server, names, manifest)
    return manifest


def forget(notes: Notes, values: Iterable[str]) -> None:
    """Drops what these notes say of a generation: what the parts have done first, which goes with its draft."""
    notes.forget([*(name for name in values if name.startswith("done/")), "draft"])


def _manifest(
    note: Json, base: Json | None, model: Json, about: Json, shares: Sequence[Json], skipped: Sequence[Json]
) -> Json:
    generation = note["generation"]
    before: Json = base or {**dict.fromkeys(COUNTED, 0), "languages": {}, "runs": [], "dead": {}, "gone": {}}
    languages: Counter[str] = Counter(before["languages"])
    for share in shares:
        languages.update(share["tally"]["languages"])
    last = base["generation"] if base else 0
    dead = {number: died for number, died in before["dead"].items() if died >= last}
    dead |= {str(number): generation for share in shares for number in share["dead"]}
    return {
        **about,
        **{name: before[name] + sum(share["tally"][name] for share in shares) for name in COUNTED},
        "generation": generation,
        "set": note["set"],
        "made": note["made"],
        "model": {**about["model"], **model},
        "languages": {language: count for language, count in sorted(languages.items()) if count},
        "runs": [*before["runs"], *(run for share in shares for run in share["runs"])],
        "gone": {run: died for run, died in before["gone"].items() if died >= last},
        "dead": dead,
        "next": max(share["next"] for share in shares),
        "skipped": list(skipped),
    }


def _merge(server: Server, names: Names, manifest: Json) -> None:
    """Makes one of the vocabulary's runs where there are many: of all but the largest, or of all."""
    runs = manifest["runs"]
    if len(runs) <= RUNS:
        return
    collection = names.data(manifest["set"], TERMS)
    sizes = {run: server.count(collection, f"run == {run}") for run in runs}
    largest = max(runs, key=sizes.__getitem__)
    rest = [run for run in runs if run != largest]
    merged = rest if sum(sizes[run] for run in rest) < sizes[largest] else list(runs)
    counts: Counter[tuple[str, str]] = Counter()
    for row in server.rows(collection, f"run in {listed(merged)}", ["stem", "token", "count"]):
        counts[row["token"], row["stem"]] += row["count"]
    own = manifest["generation"] << 16 | LAST_RUN
    server.delete(collection, filter=f"run == {own}")
    writing.upsert(server, collection, writing.term_rows(own, {word: n for word, n in counts.items() if n}))
    manifest["runs"] = [*(run for run in runs if run not in merged), own]
    manifest["gone"] |= {str(run): manifest["generation"] for run in merged}


def _seal(server: Server, names: Names, manifest: Json) -> None:
    """Lets Milvus index what was written: a segment that may still grow is searched row by row. A small change is left
    to Milvus's own time, since each sealing makes a segment and is allowed once in ten seconds."""
    passages = names.data(manifest["set"], PASSAGES)
    if server.count(passages, f"version == {manifest['generation']}") >= SEALED:
        for kind in DATA:
            server.flush(names.data(manifest["set"], kind))


def _swap(server: Server, names: Names, manifest: Json) -> None:
    """Lets the alias lead to the manifest: from then on every index that is opened is the new generation."""
    collection = names.manifest(manifest["generation"])
    if server.exists(collection):
        server.drop_collection(collection)  # of a build that broke off here
    create_notes(server, collection)
    Notes(server, collection).write("manifest", manifest)
    try:
        if server.behind(names.name) is None:
            server.create_alias(collection, names.name)
        else:
            server.alter_alias(collection, names.name)
    except IndexUnusable:  # it may be done, and only its answer lost
        if server.behind(names.name) != collection:
            raise


def sweep(server: Server, names: Names, manifest: Json) -> None:
    """Deletes what neither the generation nor the one before it names, of builds that broke off too."""
    last = manifest["generation"] - 1
    kept = {names.manifest(last), names.manifest(last + 1)}
    previous: Any = Notes(server, names.manifest(last)).read() if server.exists(names.manifest(last)) else {}
    sets = {manifest["set"], previous.get("manifest", manifest)["set"]}
    kept |= {names.data(made, kind) for made in sets for kind in DATA}
    ours = re.compile(rf"{re.escape(names.name)}_(m\d+|g\d+_({'|'.join(DATA)}))")
    for collection in server.list_collections():
        if ours.fullmatch(collection) and collection not in kept:
            server.drop_collection(collection)
    writing.delete(
        server, names, manifest["set"], [int(number) for number, died in manifest["dead"].items() if died <= last]
    )
    gone = [int(run) for run, died in manifest["gone"].items() if died <= last]
    if gone:
        server.delete(names.data(manifest["set"], TERMS), filter=f"run in {listed(gone)}")
