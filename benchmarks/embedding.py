"""How fast texts become vectors: Snoska part by part, sentence-transformers, txtai and Haystack, in one run.

    python benchmarks/embedding.py --data ../shared/eval/xquad [--paragraphs 64] [--rounds 3] [--threads 2]

Real paragraphs, as many in Russian as in English, and their sentences, as a build takes them. All take turns within
each round, since other work on the machine slows whoever is at it: the ratios of one run tell more than its rates. A
core's seconds are what the process was given of the processor, so they hardly depend on the other work where
--threads is 1. txtai and Haystack build what their guides tell: hybrid search with BM25, the model in float32.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from rag.encoders import BundledEncoder, bundled_model_folder
from rag.passages import passages
from rag.settings import Settings
from rag.types import Block, Document

ROOT = Path(__file__).resolve().parent.parent
PEAK = (4096, 4096, 4096)  # a matrix product large enough to show what the processor can do
Rate = tuple[float, float]  # seconds on the clock, seconds of a core


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="XQuAD's folder")
    parser.add_argument("--paragraphs", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of torch")
    parser.add_argument("--without-peers", action="store_true", help="neither txtai nor Haystack")
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(arguments.threads)
    encoder = BundledEncoder.load(Settings.from_environment())
    found = list(read(arguments.data, arguments.paragraphs, encoder))
    paragraphs = [text for text, _ in found]
    sentences = list(dict.fromkeys(sentence for _, own in found for sentence in own))
    jobs = snoska(encoder, paragraphs, sentences)
    jobs = {"sentence-transformers, float32, paragraphs": plain(paragraphs), **jobs}
    if not arguments.without_peers:
        jobs |= {"txtai, float32, paragraphs and BM25": txtai(paragraphs)}
        jobs |= {"Haystack, float32, paragraphs and BM25": haystack(paragraphs)}
    print(f"{len(paragraphs)} paragraphs of {mean_tokens(encoder, paragraphs):.0f} tokens in the mean,")
    print(f"{len(sentences)} sentences of {mean_tokens(encoder, sentences):.0f}; threads {arguments.threads};", end=" ")
    print(f"load {os.getloadavg()[0]:.1f}; torch {torch.__version__}\n", flush=True)
    times = measure(jobs, arguments.rounds)
    table(times, len(paragraphs))
    limit(encoder, paragraphs, sentences, times)


def snoska(encoder: BundledEncoder, paragraphs: list[str], sentences: list[str]) -> dict[str, Callable[[], object]]:
    """A build's embedding, part by part; a sentence that is a paragraph is not embedded again."""
    first = list(dict.fromkeys([*paragraphs, *sentences]))
    second = encoder.second
    assert second is not None
    return {
        "Snoska, paragraphs": lambda: encoder.encode_documents(paragraphs),
        "Snoska, paragraphs and sentences": lambda: encoder.encode_documents(first),
        "Snoska, all of it: the second encoder too": lambda: (
            encoder.encode_documents(first),
            second.encode_sentences(sentences),
        ),
        "Snoska, the second encoder alone": lambda: second.encode_sentences(sentences),
    }


def plain(paragraphs: list[str]) -> Callable[[], object]:
    """sentence-transformers as its guide has it."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(bundled_model_folder()), device="cpu")
    return lambda: model.encode_document(paragraphs, show_progress_bar=False)


def txtai(paragraphs: list[str]) -> Callable[[], object]:
    """txtai's hybrid index."""
    from txtai import Embeddings

    told = {"query": "query: ", "data": "passage: "}
    index = Embeddings(path=str(bundled_model_folder()), hybrid=True, instructions=told, gpu=False)
    return lambda: index.index(list(enumerate(paragraphs)))


def haystack(paragraphs: list[str]) -> Callable[[], object]:
    """Haystack's store with BM25; its vectors come of sentence-transformers, as its own embedder's did."""
    os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
    from haystack import Document as Piece
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(bundled_model_folder()), device="cpu")

    def build() -> object:
        store = InMemoryDocumentStore(embedding_similarity_function="cosine")
        vectors = model.encode_document(paragraphs, show_progress_bar=False)
        pieces = zip(paragraphs, vectors, strict=True)
        return store.write_documents([Piece(content=text, embedding=vector.tolist()) for text, vector in pieces])

    return build


def read(folder: Path, count: int, encoder: BundledEncoder) -> list[tuple[str, tuple[str, ...]]]:
    """Paragraphs spread over the articles, half of them Russian, with their sentences."""
    found, told = [], (encoder.count_tokens, encoder.max_tokens)
    for language in ("ru", "en"):
        own = []
        for path in sorted((folder / language).glob("*.txt")):
            text = path.read_text("utf-8")
            document = Document(path.name, text, blocks(text), path.stem, language, "txt")
            own += [(each.text, each.sentence_texts) for each in passages(document, *told)]
        own = [each for each in own if len(each[1]) > 1]  # titles are none
        found += own[:: max(1, len(own) // (count // 2))][: count // 2]
    return found


def blocks(text: str) -> tuple[Block, ...]:
    """The paragraphs between empty lines."""
    found, start = [], 0
    for part in text.split("\n\n"):
        found.append(Block(start, start + len(part)))
        start += len(part) + 2
    return tuple(each for each in found if text[each.start : each.end].strip())


def measure(jobs: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[Rate]]:
    """Each job once a round, after one round that is not counted."""
    times: dict[str, list[Rate]] = {name: [] for name in jobs}
    for number in range(rounds + 1):
        for name, job in jobs.items():
            started, given = time.perf_counter(), time.process_time()
            job()
            taken = time.perf_counter() - started, time.process_time() - given
            if number:
                times[name].append(taken)
    return times


def table(times: dict[str, list[Rate]], count: int) -> None:
    """Passages a second by the clock and by the core, and the median over the rounds of the ratio to the first row."""
    base = np.array(next(iter(times.values())))
    print("| | passages/s | passages per core-second | times the first, by the clock | by the core |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, taken in times.items():
        rows = np.array(taken)
        clock, core = count / np.median(rows, axis=0)
        by = np.median(base / rows, axis=0)
        print(f"| {name} | {clock:.1f} | {core:.1f} | {by[0]:.2f} | {by[1]:.2f} |", flush=True)


def limit(
    encoder: BundledEncoder, paragraphs: Sequence[str], sentences: Sequence[str], times: dict[str, list[Rate]]
) -> None:
    """How far embedding is from what the processor's matrix products can do, in the same run."""
    import torch

    print("\n| precision | a large product, GFLOP per core-second |\n| --- | ---: |")
    peak = {}
    for dtype in (torch.float32, torch.bfloat16):
        a, b = torch.randn(PEAK[0], PEAK[2]).to(dtype), torch.randn(PEAK[2], PEAK[1]).to(dtype)
        taken = [core(lambda a=a, b=b: a @ b) for _ in range(4)]
        peak[dtype] = 2 * np.prod(PEAK, dtype=float) / min(taken) / 1e9
        print(f"| {str(dtype).removeprefix('torch.')} | {peak[dtype]:.0f} |")
    print("\n| | GFLOP a passage | GFLOP per core-second | of bfloat16's large product |\n| --- | ---: | ---: | ---: |")
    for name, texts in (
        ("Snoska, paragraphs", paragraphs),
        ("Snoska, paragraphs and sentences", [*paragraphs, *sentences]),
    ):
        work = sum(flop(tokens) for tokens in lengths(encoder, texts)) / 1e9
        rate = work / float(np.median(np.array(times[name])[:, 1]))
        print(f"| {name} | {work / len(paragraphs):.1f} | {rate:.0f} | {rate / peak[torch.bfloat16]:.0%} |")


def core(job: Callable[[], object]) -> float:
    started = time.process_time()
    job()
    return time.process_time() - started


def flop(tokens: int) -> float:
    """Of one text: two for each weight of the twelve layers and token, and attention's two products."""
    weights = 12 * (4 * 384 * 384 + 2 * 384 * 1536)
    return 2 * weights * tokens + 12 * 4 * tokens * tokens * 384


def lengths(encoder: BundledEncoder, texts: Sequence[str]) -> list[int]:
    return [count + 4 for count in encoder.count_tokens(texts)]  # two special tokens, and the prompt's two


def mean_tokens(encoder: BundledEncoder, texts: Sequence[str]) -> float:
    return float(np.mean(lengths(encoder, texts)))


if __name__ == "__main__":
    main()
