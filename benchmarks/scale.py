"""How cost grows with the collection: 1,000 to 1,000,000 passages.

    python benchmarks/scale.py FOLDER... [--sizes 1000 10000 …] [--embedded 2000] [--questions 60] [--work DIR]

FOLDER holds real documents, such as LibreOffice's help in two languages (Debian: libreoffice-help-ru and -en-us).
Their passages come first in each collection; beyond them passages are made up of their sentences, each with a few
words exchanged. The vectors of the first passages (--embedded of each language) are the model's; all others are made
up of those: a mixture of two of the same language, and noise. The columns say how many passages are real, and how many
vectors.

Every size is written by the product's own writer, then opened by a process of its own that asks real questions and
says how long it took and how much memory it has. ``recall@10``: of the ten passages that the hybrid ranks first where
every vector is looked at, the share that it ranks among the first ten as it is.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import rag
from rag import builder, retriever
from rag.encoders import SentenceEncoder
from rag.folder import scan
from rag.passages import passages as split
from rag.reading import read_all
from rag.retriever import Question
from rag.settings import Settings
from rag.stores import compaction
from rag.stores.entry import Entry
from rag.stores.keys import Keys, key_list, text_key
from rag.stores.mapped import MappedStore
from rag.stores.segment import Segment
from rag.stores.segment_writer import SegmentWriter
from rag.types import Block, Document, Ids, Matrix, Passage, Span, Vector

ROOT = Path(__file__).resolve().parent.parent
PASSAGES_A_DOCUMENT = 20
TOLD = {"mb": 0, "open": 0, "p50": 1, "p95": 1, "search": 1, "recall": 3, "rss": 0, "anonymous": 0}  # digits
COLUMNS = (
    *("passages", "real", "vectors", "write s", "MB on disk", "open ms", "ask ms p50", "p95", "search ms p50"),
    *("recall@10", "RSS MB", "anonymous MB"),
)
PROBED = (8, 16, 32, 64, 96, 128, 256, 512)  # lists, for the curve of recall against time
EXCHANGED = 2  # words of a made-up sentence
NOISE = 0.015  # a number's standard deviation; 384 of them move a unit vector by a third
LANGUAGES = ("ru", "en")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--sizes", nargs="+", type=int, default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--embedded", type=int, default=2_000)
    parser.add_argument("--questions", type=int, default=60)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--ask", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.ask:
        print(json.dumps(asked(arguments.ask)))
        return
    missing = [str(folder) for folder in arguments.folders if not folder.is_dir()]
    if missing or not arguments.folders:
        sys.exit(f"no folder {', '.join(missing)}" if missing else "name a folder of documents in each language")
    work = arguments.work or Path(tempfile.mkdtemp(prefix="snoska-scale-"))
    work.mkdir(parents=True, exist_ok=True)
    source = Source(arguments.folders, arguments.embedded, arguments.questions, work)
    load = f"load {os.getloadavg()[0]:.1f}"
    print(f"{source.real} real passages, {len(source.vectors)} texts with the model's vectors, {load}")
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + " ---: |" * len(COLUMNS), flush=True)
    curves: dict[int, list[tuple[int, float, float]]] = {}
    for size in arguments.sizes:
        index = work / f"index-{size}"
        shutil.rmtree(index, ignore_errors=True)
        seconds = written(source, size, index)
        (index / "questions.json").write_text(json.dumps(source.questions, ensure_ascii=False), "utf-8")
        command = [sys.executable, __file__, "--ask", str(index)]
        printed = subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        found = json.loads(printed.stdout.splitlines()[-1])
        told = [f"{found[name]:.{digits}f}" for name, digits in TOLD.items()]
        cells = [f"{size:,}", f"{min(size, source.real):,}", f"{found['rows']:,}", f"{seconds:.0f}", *told]
        print("| " + " | ".join(cells) + " |", flush=True)
        curves[size] = found["curve"]
        if not arguments.work:
            shutil.rmtree(index)
    for size, curve in curves.items():
        if curve:
            print(f"\n{size:,} passages: lists probed, recall@10, search ms p50")
            print("\n".join(f"{probed:5} {recall:.3f} {taken:.1f}" for probed, recall, taken in curve), flush=True)


class Source:
    """Real passages, made-up ones beyond them, and their vectors."""

    def __init__(self, folders: Sequence[Path], embedded: int, questions: int, work: Path) -> None:
        self.encoder = SentenceEncoder.load()
        self._by_language = {language: list(own) for language, own in _real(folders, self.encoder).items() if own}
        self.real = sum(len(own) for own in self._by_language.values())
        self._words = {language: _words(own) for language, own in self._by_language.items()}
        self.vectors, self.second, self._bases = self._embedded(embedded, work)
        picked = random.Random(1)
        own = [
            picked.choice(self._by_language[language]) for language in self._by_language for _ in range(questions // 2)
        ]
        texts = (picked.choice(passage.sentence_texts) for passage in own)
        self.questions = [" ".join(re.findall(r"\w+", text)[:10]) or text for text in texts]  # no quoted phrases

    def documents(self, size: int) -> Iterator[tuple[Document, list[Passage]]]:
        """``size`` passages, in documents."""
        made = random.Random(size)
        held: list[Passage] = []
        for number in range(size):
            language = LANGUAGES[number % len(self._by_language)]
            own = self._by_language[language]
            at = number // len(self._by_language)
            held.append(own[at] if at < len(own) else self._made(language, made))
            if len(held) == PASSAGES_A_DOCUMENT or number == size - 1:
                yield _document(f"{number // PASSAGES_A_DOCUMENT:07}.txt", held)
                held = []

    def _made(self, language: str, made: random.Random) -> Passage:
        own, words = self._by_language[language], self._words[language]
        pieces = []
        for _ in range(made.choice((3, 4, 5, 6, 7))):
            sentence = made.choice(made.choice(own).sentence_texts).split()
            for _ in range(EXCHANGED):
                sentence[made.randrange(len(sentence))] = made.choice(words)
            pieces.append(" ".join(sentence))
        text, spans = "", []
        for piece in pieces:
            start = len(text) + bool(text)
            text = f"{text} {piece}" if text else piece
            spans.append(Span(start, len(text)))
        return Passage("", 0, len(text), text, 1, None, language, tuple(spans))

    def _embedded(
        self, count: int, work: Path
    ) -> tuple[dict[bytes, Vector], dict[bytes, Vector], dict[str, tuple[Matrix, Matrix]]]:
        """The model's vectors of the first passages and their sentences, kept in the working folder."""
        first: dict[bytes, Vector] = {}
        second: dict[bytes, Vector] = {}
        bases = {}
        for language, own in self._by_language.items():
            texts = list(dict.fromkeys(t for p in own[:count] for t in (p.text, *p.sentence_texts)))
            cache = work / f"vectors-{language}-{text_key(chr(10).join(texts)).hex()}.npz"
            if not cache.exists():
                print(f"embedding {len(texts)} texts ({language})", file=sys.stderr, flush=True)
                other = self.encoder.second
                np.savez(
                    cache,
                    first=self.encoder.encode_documents(texts),
                    second=other.encode_sentences(texts) if other else np.zeros((len(texts), 1)),
                )
            with np.load(cache) as stored:
                bases[language] = (stored["first"], stored["second"])
            keys = [text_key(text) for text in texts]
            first.update(zip(keys, bases[language][0], strict=True))
            second.update(zip(keys, bases[language][1], strict=True))
        return first, second, bases

    def lookup(self, russian: Ids, second: bool) -> Lookup:
        """The vectors of texts by their keys; ``russian``: the sorted heads of the keys of Russian ones."""
        known = self.second if second else self.vectors
        return Lookup(known, {language: bases[second] for language, bases in self._bases.items()}, russian)


class Lookup:
    """Vectors by keys: the model's where there are some, made-up ones else."""

    def __init__(self, known: dict[bytes, Vector], bases: dict[str, Matrix], russian: Ids) -> None:
        self._known, self._bases, self._russian = known, bases, russian

    def __call__(self, keys: Keys) -> Matrix:
        heads = np.ascontiguousarray(keys).view(np.uint64).reshape(len(keys), -1)[:, 0]
        at = np.minimum(np.searchsorted(self._russian, heads), len(self._russian) - 1)
        is_russian = self._russian[at] == heads
        noise = np.random.default_rng(int(heads[0] % 2**32))
        dimension = next(iter(self._bases.values())).shape[1]
        made = noise.standard_normal((len(keys), dimension), dtype=np.float32) * np.float32(NOISE)
        for language, bases in self._bases.items():
            own = np.flatnonzero(is_russian == (language == "ru"))
            share = noise.uniform(0.5, 1, (len(own), 1)).astype(np.float32)
            one, other = (bases[noise.integers(0, len(bases), len(own))] for _ in range(2))
            made[own] += share * one + (1 - share) * other
        for number, key in enumerate(key_list(keys)):
            if (vector := self._known.get(key)) is not None:
                made[number] = vector
        return made / np.linalg.norm(made, axis=1, keepdims=True)


def written(source: Source, size: int, index: Path) -> float:
    """Writes an index of so many passages; the seconds that took, texts and vectors being there."""
    russian, spent = array("Q"), 0.0
    with SegmentWriter(index) as writer:
        for document, found in source.documents(size):
            for passage in found:
                if passage.language == "ru":
                    for text in (passage.text, *passage.sentence_texts):
                        russian.append(int.from_bytes(text_key(text)[:8], "little"))
            started = time.perf_counter()
            writer.add(Entry(document.path, "0" * 64, None), document, found)
            spent += time.perf_counter() - started
        heads = np.unique(np.frombuffer(russian, np.uint64))
        started = time.perf_counter()
        second = source.encoder.second
        value = writer.finish(source.lookup(heads, False), source.lookup(heads, True) if second else None)
    dimensions = source.encoder.dimension, second.dimension if second else 0
    about = {
        "generation": 1,
        "model": {
            "name": source.encoder.name,
            "fingerprint": source.encoder.fingerprint,
            "dimension": dimensions[0],
            "second": dimensions[1],
        },
        "analysis": builder.ANALYSIS,
        "built": "",
        "skipped": [],
    }
    compaction.commit(index, [Segment(index, value, *dimensions)], [value], about)
    return spent + time.perf_counter() - started


def asked(folder: Path) -> dict[str, Any]:
    """What a process that opens the index and asks the questions measures."""
    questions = json.loads((folder / "questions.json").read_text("utf-8"))
    started = time.perf_counter()
    index = rag.open(folder)
    opened = time.perf_counter() - started
    store = index.store
    assert isinstance(store, MappedStore)
    index.warm_up()
    for question in questions:
        index.ask(question)
    asks = _timed(index.ask, questions)
    understood = [index.understand(question) for question in questions]
    searches = _timed(lambda question: retriever.rank(store, question), understood)
    memory = _memory()
    exact = Exact(store, [question.vector for question in understood])
    wanted = [exact.first_ten(number, question) for number, question in enumerate(understood)]
    found = {
        "rows": sum(segment.rows for segment in store.segments),
        "mb": store.disk_bytes / 2**20,
        "open": 1000 * opened,
        "p50": statistics.median(asks),
        "p95": sorted(asks)[int(0.95 * len(asks))],
        "search": statistics.median(searches),
        "recall": _recall(store, understood, wanted),
        **memory,
    }
    lists = [each for segment in store.segments for each in segment.dense._lists.values()]
    curve = []
    for probed in PROBED if lists else ():
        for each in lists:
            each.probed = probed
        recall = _recall(store, understood, wanted)  # and the pages of these lists are in memory
        searches = _timed(lambda question: retriever.rank(store, question), understood)
        curve.append((probed, recall, statistics.median(searches)))
    return {**found, "curve": curve}


def _timed(ask: Callable[[Any], object], questions: Sequence[Any]) -> list[float]:
    """The milliseconds that each question takes."""
    taken = []
    for question in questions:
        started = time.perf_counter()
        ask(question)
        taken.append(1000 * (time.perf_counter() - started))
    return taken


def _recall(store: MappedStore, questions: Sequence[Question], wanted: Sequence[set[int]]) -> float:
    """The mean share of the wanted passages that are among the first ten."""
    ranked = [set(retriever.rank(store, question).passages[:10].tolist()) for question in questions]
    return statistics.mean(len(own & best) / max(1, len(best)) for own, best in zip(ranked, wanted, strict=True))


class Exact(MappedStore):
    """The same index, where every vector is looked at for every question, for all questions in one pass."""

    def __init__(self, store: MappedStore, vectors: Sequence[Vector]) -> None:
        super().__init__(store.folder, None, store.manifest, store.segments)
        self.current = 0
        self._asked = np.stack(vectors).T
        self._nearest: dict[str, list[Ids]] = {}

    def first_ten(self, number: int, question: Question) -> set[int]:
        """What is best for the question with this number."""
        self.current = number
        return set(retriever.rank(self, question).passages[:10].tolist())

    def dense_candidates(self, question: Vector, count: int, language: str, allowed: Ids | None) -> Ids:
        if language not in self._nearest:
            [segment] = self.segments
            spoken = segment.in_language(language)
            uses = segment.dense.rows_of(np.flatnonzero(spoken))
            best: list[tuple[Vector, Ids]] = [(np.empty(0, np.float32), np.empty(0, np.int64))] * self._asked.shape[1]
            for start in range(0, len(uses), 200_000):
                rows = uses[start : start + 200_000]
                cosines = segment.dense.vectors(rows) @ self._asked
                for number in range(cosines.shape[1]):
                    scores = np.concatenate([best[number][0], cosines[:, number]])
                    known = np.concatenate([best[number][1], rows])
                    order = np.argsort(-scores)[:count]
                    best[number] = scores[order], known[order]
            self._nearest[language] = [np.unique(segment.dense.owners(rows)[0]) for _, rows in best]
        found = self._nearest[language][self.current]
        return found[self.segments[0].in_language(language)[found]]


def _real(folders: Sequence[Path], encoder: SentenceEncoder) -> dict[str, list[Passage]]:
    found: dict[str, list[Passage]] = {language: [] for language in LANGUAGES}
    for folder in folders:
        files, _ = scan(folder, 2**25)
        readings, _ = read_all(
            [file for file in files if file.path.endswith((".html", ".txt"))], {"": folder}, Settings(ocr=())
        )
        for _, reading in readings:
            for passage in split(reading.document, encoder.count_tokens, encoder.max_tokens):
                if passage.language in found and len(passage.text) > 40:
                    found[passage.language].append(passage)
    for own in found.values():
        random.Random(0).shuffle(own)
    return {language: list({passage.text: passage for passage in own}.values()) for language, own in found.items()}


def _words(own: Sequence[Passage]) -> list[str]:
    return sorted({word for passage in own for word in passage.text.split()})


def _document(path: str, held: Sequence[Passage]) -> tuple[Document, list[Passage]]:
    text, blocks, found = "", [], []
    for number, passage in enumerate(held, start=1):
        start = len(text) + 2 * bool(text)
        text = f"{text}\n\n{passage.text}" if text else passage.text
        moved = start - passage.start
        spans = tuple(Span(a + moved, b + moved) for a, b in passage.sentences)
        blocks.append(Block(start, len(text)))
        found.append(
            replace(passage, document=path, start=start, end=len(text), paragraph=number, page=None, sentences=spans)
        )
    return Document(path, text, tuple(blocks), path, held[0].language, "txt"), found


def _memory() -> dict[str, float]:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {"rss": int(status["VmRSS"].split()[0]) / 1024, "anonymous": int(status["RssAnon"].split()[0]) / 1024}


if __name__ == "__main__":
    main()
