"""A large index beside its plain questions: what a filter costs and finds, and what rewriting a segment costs.

    python benchmarks/scale.py FOLDER... --sizes 1000000 --work DIR
    python benchmarks/mapped.py DIR/index-1000000 [--merge]

Filters by the documents' names leave from one document to a tenth of all. ``first``: the first question with a filter,
which looks it up in all documents; ``next``: those after it, the ranking alone. ``recall@10``: of the ten passages that
are best where every row that the filter leaves is looked at, the share among the first ten as it is. --merge writes the
index's segments as one, as growing does to eight of one size, to a temporary folder: no text is embedded.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import rag
from rag import retriever
from rag.retriever import Question
from rag.stores import compaction
from rag.stores.compaction import Model
from rag.stores.mapped import MappedStore
from rag.types import Filters, Ids, Vector

QUESTIONS = 20
ROWS_AT_ONCE = 100_000


class Exhaustive(MappedStore):
    """The same index, where every row that a filter leaves is looked at."""

    def dense_candidates(self, question: Vector, count: int, language: str, allowed: Ids | None) -> Ids:
        assert allowed is not None
        [segment] = self.segments
        own = allowed[segment.in_language(language)[allowed]]
        rows = segment.dense.rows_of(own)
        cosines = [
            segment.dense.vectors(rows[at : at + ROWS_AT_ONCE]) @ question for at in range(0, len(rows), ROWS_AT_ONCE)
        ]
        best = np.argsort(-np.concatenate([np.empty(0, np.float32), *cosines]), kind="stable")[:count]
        return np.intersect1d(segment.dense.owners(rows[best])[0], own)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("--merge", action="store_true", help="rewrite all segments as one, elsewhere")
    arguments = parser.parse_args()
    index = rag.open(arguments.index)
    if not isinstance(index.store, MappedStore) or not (arguments.index / "questions.json").is_file():
        sys.exit(f"{arguments.index} was not made by benchmarks/scale.py --work: make it first")
    filters(index, index.store, json.loads((arguments.index / "questions.json").read_text("utf-8"))[:QUESTIONS])
    if arguments.merge:
        merge(index.store)


def filters(index: rag.Index, store: MappedStore, texts: list[str]) -> None:
    index.warm_up()
    asked = [index.understand(text) for text in texts]
    exhaustive = Exhaustive(store.folder, None, store.manifest, store.segments)
    for question in asked:
        retriever.rank(store, question)
    print(f"{store.manifest['passages']:,} passages, {len(asked)} questions, load {os.getloadavg()[0]:.1f}\n")
    print("| documents | passages left | share | first ms | next ms p50 | recall@10 |\n|" + " ---: |" * 6)
    names = sorted(store.entries)
    width = len(names[0].partition(".")[0])
    for kept in range(width, 0, -1):
        chosen = Filters(document=f"{names[0][:kept]}*.txt")
        started = time.perf_counter()
        retriever.rank(store, asked[0], filters=chosen)
        first = 1000 * (time.perf_counter() - started)
        left = store.select(chosen)
        assert left is not None
        if len(left) > store.manifest["passages"] / 4:
            break
        taken, shares = [], []
        for question in asked[1:]:
            started = time.perf_counter()
            found = ten(store, question, chosen)
            taken.append(1000 * (time.perf_counter() - started))
            wanted = ten(exhaustive, question, chosen)
            shares.append(len(found & wanted) / max(1, len(wanted)))
        print(
            f"| {chosen.document} | {len(left):,} | {len(left) / store.manifest['passages']:.0e} | {first:.0f} |"
            f" {statistics.median(taken):.1f} | {statistics.mean(shares):.3f} |",
            flush=True,
        )


def ten(store: MappedStore, question: Question, chosen: Filters) -> set[int]:
    return set(retriever.rank(store, question, filters=chosen).passages[:10].tolist())


def merge(store: MappedStore) -> None:
    about = store.manifest["model"]
    with tempfile.TemporaryDirectory(dir=store.folder.parent) as folder:
        started, spent = time.perf_counter(), time.process_time()
        compaction.merged(Path(folder), store.segments, Model(about["dimension"], about["second"]))
        seconds, core = time.perf_counter() - started, time.process_time() - spent
    passages = store.manifest["passages"]
    print(
        f"\nrewriting {passages:,} passages: {seconds:.0f} s, {core:.0f} s of a core,"
        f" {1000 * seconds / passages:.2f} ms a passage; load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
