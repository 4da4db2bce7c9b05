"""What a passage's rows in Milvus hold, field by field: what docs/milvus.md's sizing is reckoned from.

    python benchmarks/milvus_rows.py [DOCUMENTS, ../shared/eval/xquad]

Needs neither Milvus nor the model: the rows are made as a build makes them, with vectors of the bundled models' sizes,
and counted as they are sent. What Milvus adds of its own is not in it.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from milvus import MadeUp

import rag
from rag.stores.milvus.layout import token
from rag.stores.milvus.rows import Stored, document_rows, passage_rows
from rag.stores.milvus.writing import _size, term_rows
from rag.types import Passage

SECOND = 512  # numbers of the second encoder's vectors


def main() -> None:
    documents = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/eval/xquad")
    with tempfile.TemporaryDirectory() as folder:
        index = rag.build(documents, Path(folder) / "index", encoder=MadeUp())
        first = defaultdict(lambda: np.zeros(MadeUp.dimension, dtype=np.float32))
        second = defaultdict(lambda: np.zeros(SECOND, dtype=np.float32))
        held: dict[str, Counter[str]] = defaultdict(Counter)
        counted: Counter[str] = Counter()
        holders: Counter[tuple[str, str]] = Counter()

        def count(kind: str, row: dict[str, object]) -> None:
            counted[kind] += 1
            held[kind].update({field: _size(value) for field, value in row.items()})

        of: dict[str, list[Passage]] = defaultdict(list)
        for number in index.store.everyone():
            passage = index.store.passage(int(number))
            of[passage.document].append(passage)
        for number, (path, entry) in enumerate(index.store.entries.items()):
            stored = Stored(entry, index.store.document(path), tuple(of[path]), index.store.words(path))
            head, body = document_rows(number, 1, stored)
            for row in (head, *body):
                count("documents", row)
            for row, own, words in passage_rows(number, 1, stored, first, second):
                count("passages", row)
                holders.update({(token(word), word) for word in words})
                for sentence in own:
                    count("sentences", sentence)
        for row in term_rows(1, holders):
            count("terms", row)
    passages = counted["passages"]
    print(f"{len(of)} documents, {passages} passages, {counted['sentences'] / passages:.2f} sentences a passage\n")
    print("| collection | rows a passage | bytes a passage | of them, by field |\n| --- | ---: | ---: | --- |")
    for kind, fields in held.items():
        large = ", ".join(f"{name} {size / passages:,.0f}" for name, size in fields.most_common(8))
        print(f"| {kind} | {counted[kind] / passages:.2f} | {fields.total() / passages:,.0f} | {large} |")


if __name__ == "__main__":
    main()
