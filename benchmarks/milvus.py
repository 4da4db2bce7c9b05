"""An index in Milvus beside the same one in a folder: whether it answers the same, how fast it is built and asked.

    python benchmarks/milvus.py [--data ../shared/eval/xquad] [--cache DIR] [--every 1] [--sizes 1000 10000 100000]
                                [--server milvus://HOST:PORT]

Without --server a milvus-lite server is started on a free port: one Python process, which says nothing of how fast
Milvus itself is. ``agreement`` asks XQuAD's development questions (every --every'th) of one collection in both
languages with the bundled model. ``build`` and ``ask`` use made-up documents and made-up vectors, of the bundled
model's 384 numbers: their answers mean nothing, their sizes and times do. Everything is measured in one run, one after
another; the load of the machine is printed.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import math
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

import rag
from rag.address import Address
from rag.encoders import load_encoder
from rag.index import build_share
from rag.questions import Judged
from rag.settings import Settings
from rag.stores.milvus.server import Server
from rag.stores.milvus.state import Share
from rag.types import Citation, Matrix, TokenStates, Vector

DIMENSION = 384
WORDS = 20_000  # of the made-up language, as frequent as words are: the n-th a n-th as often as the first
SENTENCE, SENTENCES, PARAGRAPHS = 12, 4, 20  # words, sentences of a passage, passages of a document
CONCEPTS = 200  # directions that made-up vectors lie about
ASKED = 30  # questions whose time is taken
DEPTH = 10


class MadeUp:
    """Vectors that follow from a text's hash alone; see :class:`rag.protocols.Encoder`."""

    name, fingerprint, dimension, second, centre, max_tokens = "made up", "made up", DIMENSION, None, None, 512

    def __init__(self) -> None:
        made = np.random.default_rng(1).standard_normal((CONCEPTS, DIMENSION)).astype(np.float32)
        self._concepts = made / np.linalg.norm(made, axis=1, keepdims=True)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def encode_documents(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Matrix:
        seeds = [int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") for text in texts]
        noise = np.stack([np.random.default_rng(s).standard_normal(DIMENSION, dtype=np.float32) for s in seeds])
        rows = self._concepts[[seed % CONCEPTS for seed in seeds]] + 0.05 * noise
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        return self.encode_documents(texts)

    def encode_query(self, text: str) -> tuple[Vector, TokenStates | None]:
        return self.encode_documents([text])[0], None

    def document_states(self, text: str) -> TokenStates | None:
        return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/eval/xquad"))
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--sizes", nargs="*", type=int, default=[1_000, 10_000, 100_000])
    parser.add_argument("--builders", nargs="*", type=int, default=[1, 2, 4])
    parser.add_argument("--build-size", type=int, default=2_000)
    parser.add_argument("--server")
    parser.add_argument("--share", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    settings = Settings.from_environment()
    if arguments.share:
        documents, index, part = arguments.share
        build_share(documents, index, Share.parse(part), encoder=MadeUp(), settings=settings)
        return
    with tempfile.TemporaryDirectory() as name, _server(arguments.server, Path(name)) as url:
        print(f"server {url}, load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores", flush=True)
        if arguments.every:
            agreement(arguments.data, arguments.cache or Path(name) / "cache", url, arguments.every, settings)
        if arguments.builders:
            builders(Path(name) / "made", url, arguments.build_size, arguments.builders, settings)
        if arguments.sizes:
            latency(Path(name) / "asked", url, arguments.sizes, settings)


def agreement(data: Path, cache: Path, url: str, every: int, settings: Settings) -> None:
    from xquad import LANGUAGES, Data, Remembering

    encoder, questions = Remembering(load_encoder(settings)), Data.read(data)
    local = questions.index(LANGUAGES, cache, encoder)
    started = time.perf_counter()
    remote = rag.build(cache / "en-ru" / "documents", f"{url}/xquad", encoder=encoder, settings=settings)
    size = remote.info()["passages"]
    print(f"\nagreement: {size} passages in ru and en, written in {time.perf_counter() - started:.1f} s")
    print(f"bytes of a passage's rows: {remote.info()['bytes'] / size:,.0f} (the second encoder's vectors too)")
    print("| questions | asked | same first ten | same first | same answer | nDCG@10 folder | Milvus |")
    print("| --- " + "| ---: " * 6 + "|")
    for language in LANGUAGES:
        asked = questions.mixed(language)[::every]
        pairs = [(local.search(each.question, DEPTH), remote.search(each.question, DEPTH)) for each in asked]
        answers = [local.ask(each.question) == remote.ask(each.question) for each in asked[::10]]
        same = [places(one) == places(other) for one, other in pairs]
        first = [places(one)[:1] == places(other)[:1] for one, other in pairs]
        gains = [
            statistics.mean(gain(each, pair[at]) for each, pair in zip(asked, pairs, strict=True)) for at in (0, 1)
        ]
        shares = " | ".join(f"{statistics.mean(each):.3f}" for each in (same, first, answers))
        print(f"| {language} | {len(asked)} | {shares} | {gains[0]:.4f} | {gains[1]:.4f} |", flush=True)


def places(hits: Sequence[Citation]) -> list[tuple[str, int]]:
    return [(hit.document, hit.start) for hit in hits]


def gain(judged: Judged, hits: Sequence[Citation]) -> float:
    """nDCG@10, each relevant passage worth the same."""
    found = [any(hit.document == each.document and each.quote in hit.quote for each in judged.relevant) for hit in hits]
    best = sum(1 / math.log2(rank + 2) for rank in range(min(len(judged.relevant), DEPTH)))
    return sum(1 / math.log2(rank + 2) for rank, is_relevant in enumerate(found) if is_relevant) / best


def builders(work: Path, url: str, size: int, numbers: Sequence[int], settings: Settings) -> None:
    documents = written(work, size)
    print(f"\nbuild: {size:,} made-up passages, made-up vectors, a builder a process; its start is counted")
    print("| builders | seconds | passages a second |")
    print("| ---: " * 3 + "|")
    for number in numbers:
        index = f"{url}/build_{number}"
        started = time.perf_counter()
        command = [sys.executable, __file__, "--share", str(documents), index]
        running = [subprocess.Popen([*command, f"{part}/{number}"]) for part in range(number)]
        if any(each.wait() for each in running):
            raise SystemExit("a builder has failed")
        seconds = time.perf_counter() - started
        built = rag.open(index, encoder=MadeUp(), settings=settings).info()["passages"]
        print(f"| {number} | {seconds:.1f} | {built / seconds:.0f} |", flush=True)
        drop(index, settings)


def latency(work: Path, url: str, sizes: Sequence[int], settings: Settings) -> None:
    print("\nask, five citations, the question's vector made up; milliseconds")
    print("| passages | build s folder | Milvus | bytes a passage, Milvus | p50 folder | p95 | p50 Milvus | p95 |")
    print("| ---: " * 8 + "|")
    for size in sizes:
        documents = written(work / str(size), size)
        cells, times = [], []
        for index in (str(work / f"index-{size}"), f"{url}/ask_{size}"):
            started = time.perf_counter()
            built = rag.build(documents, index, encoder=MadeUp(), settings=settings)
            cells.append(f"{time.perf_counter() - started:.1f}")
            questions = [sentence(np.random.default_rng(10**6 + n), 6) for n in range(ASKED + 3)]
            taken = sorted([timed(built, question) for question in questions][-ASKED:])  # the first few warm it up
            times += [f"{statistics.median(taken):.0f}", f"{taken[int(0.95 * len(taken))]:.0f}"]
        cells.append(f"{built.info()['bytes'] / built.info()['passages']:,.0f}")
        print(f"| {size:,} | " + " | ".join([*cells, *times]) + " |", flush=True)
        drop(f"{url}/ask_{size}", settings)


def timed(index: rag.Index, question: str) -> float:
    started = time.perf_counter()
    index.ask(question)
    return 1000 * (time.perf_counter() - started)


def written(folder: Path, size: int) -> Path:
    """A folder of made-up documents with so many passages."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(math.ceil(size / PARAGRAPHS)):
        made = np.random.default_rng(number)
        passages = (". ".join(sentence(made, SENTENCE) for _ in range(SENTENCES)) for _ in range(PARAGRAPHS))
        (folder / f"{number:06}.txt").write_text("\n\n".join(f"{each}." for each in passages), "utf-8")
    return folder


def sentence(made: np.random.Generator, words: int) -> str:
    ranks = np.exp(made.random(words) * math.log(WORDS)).astype(int)
    return " ".join(_word(int(rank)) for rank in ranks).capitalize()


def _word(rank: int) -> str:
    syllables = [a + b for a in "бвгдзклмнпрст" for b in "аеиоу"]
    word = ""
    for _ in range(3):
        rank, rest = divmod(rank * 7 + 3, len(syllables))
        word += syllables[rest]
    return word


def drop(index: str, settings: Settings) -> None:
    address = Address.parse(index)
    server = Server(address, settings)
    server.drop_alias(address.name)
    for collection in server.list_collections():
        if collection.startswith(f"{address.name}_"):
            server.drop_collection(collection)


@contextlib.contextmanager
def _server(given: str | None, folder: Path) -> Iterator[str]:
    if given:
        yield given.rstrip("/")
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from milvus_lite.cmdline import main; main()", "server", "--host", "127.0.0.1"]
    with (folder / "milvus.log").open("ab") as log:
        running = subprocess.Popen(
            [*command, "--data-dir", str(folder / "data"), "--port", str(port)], stdout=log, stderr=log
        )
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            break
        time.sleep(0.1)
    try:
        yield f"milvus://127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    main()
