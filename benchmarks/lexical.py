"""BM25 by rank-bm25, in memory, and by bm25s's columns, on disk: where the one should give way to the other.

    python benchmarks/lexical.py FOLDER... [--sizes 1000 3000 10000 30000 100000] [--questions 100]

FOLDER holds real documents, whose passages are taken again where there are too few. Prints, for each size, what
opening a leg takes, what a question takes, and the largest difference of a bounded score between the two.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from rag.folder import scan
from rag.lexical import LexicalLeg
from rag.lexical_mapped import MappedLeg, columns
from rag.passages import passages
from rag.reading import read_all
from rag.settings import Settings
from rag.stores.blocks import Blocks, BlockWriter, Column
from rag.text import stems
from rag.types import Vector


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--sizes", nargs="+", type=int, default=[1_000, 3_000, 10_000, 30_000, 100_000])
    parser.add_argument("--questions", type=int, default=100)
    arguments = parser.parse_args()
    missing = [str(folder) for folder in arguments.folders if not folder.is_dir()]
    if missing:
        sys.exit(f"no folder {', '.join(missing)}")
    real = [own for folder in arguments.folders for own in _stems(folder)]
    picked = random.Random(1)
    picked.shuffle(real)
    questions = [
        picked.sample(sorted(set(own)), min(6, len(set(own)))) for own in picked.choices(real, k=arguments.questions)
    ]
    print(f"{len(real)} real passages; questions of up to 6 stems; load {os.getloadavg()[0]:.1f}")
    print("| passages | rank-bm25 open ms | question ms | bm25s open ms | question ms | largest difference |")
    print("|" + " ---: |" * 6)
    for size in arguments.sizes:
        own = (real * (size // len(real) + 1))[:size]
        started = time.perf_counter()
        memory = LexicalLeg.of(own)
        opened = 1000 * (time.perf_counter() - started)
        mapped, mapped_opened = _mapped(own)
        ranked = _timed(questions, memory.scores)
        weights = [{stem: memory.weight(stem) for stem in question} for question in questions]
        served = _timed(weights, mapped.scores)
        difference = max(
            float(np.abs(memory.scores(q) - mapped.scores(w) / np.float32(sum(w.values()))).max())
            for q, w in zip(questions[:20], weights[:20], strict=True)
        )
        print(
            f"| {size:,} | {opened:.0f} | {ranked:.2f} | {mapped_opened:.0f} | {served:.2f} | {difference:.1e} |",
            flush=True,
        )


def _stems(folder: Path) -> list[list[str]]:
    files, _ = scan(folder, 2**25)
    readings, _ = read_all(files, {"": folder}, Settings(ocr=()))
    found = (
        p for _, each in readings for p in passages(each.document, lambda texts: [len(t) // 4 for t in texts], 480)
    )
    return [own for passage in found if (own := stems(passage.text))]


def _mapped(own: Sequence[Sequence[str]]) -> tuple[MappedLeg, float]:
    """The leg from parts on disk, and the milliseconds that opening it takes."""
    words: dict[str, int] = {}
    numbers = np.array([words.setdefault(stem, len(words)) for each in own for stem in each], np.int32)
    bounds = np.cumsum([0, *(len(each) for each in own)])
    folder = Path(tempfile.mkdtemp(prefix="snoska-lexical-"))
    parts = []
    for array in columns(numbers, bounds, len(words)):
        with BlockWriter(folder, "bin") as writer:
            writer.write_array(array)
        parts.append(writer.part)
    started = time.perf_counter()
    scores, held, starts = (
        Column(Blocks(folder, part, "lexical"), kind)
        for part, kind in zip(parts, (np.float32, np.int32, np.int64), strict=True)
    )
    leg = MappedLeg(words, scores, held, starts.all(), len(own))
    return leg, 1000 * (time.perf_counter() - started)


def _timed(questions: Sequence[object], score: Callable[..., Vector]) -> float:
    """The median milliseconds of a question, after one round that is not counted."""
    taken = []
    for number in range(2):
        for question in questions:
            started = time.perf_counter()
            score(question)
            if number:
                taken.append(1000 * (time.perf_counter() - started))
    return statistics.median(taken)


if __name__ == "__main__":
    main()
