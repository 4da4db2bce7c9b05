"""What the second encoder is worth across languages; writes the two means that its vectors are centred by.

    python benchmarks/second_encoder.py --data ../shared/eval/xquad [--write]

nDCG@10 of questions in one language on documents in the other: without it, with it as it is, and with its vectors
centred by means of the *other* articles (six folds), so that no question is judged by a mean that saw its article. The
gain stands with its 95 % interval, by bootstrap over articles. ``--write`` writes the means of all articles.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import xquad
from numpy.typing import NDArray

import rag
from rag.dense import DenseLeg, flat_index
from rag.encoders import SentenceEncoder
from rag.evaluate import Collection
from rag.retriever import Question, rank
from rag.stores.local import LocalStore
from rag.text import clean
from rag.types import Matrix, Vector
from rag.universal import DIMENSION, UniversalEncoder

FOLDS, DRAWS, SEED = 6, 4_000, 20_251_125
CROSS = (("ru", "en"), ("en", "ru"))
DEPTH = 10


class Raw(xquad.Remembering):
    """The bundled model, its second encoder without any means."""

    def __init__(self, encoder: SentenceEncoder) -> None:
        super().__init__(encoder)
        second = encoder.second
        if not isinstance(second, UniversalEncoder):
            xquad.leave("the second encoder is off: unset SNOSKA_SECOND_ENCODER")
        zero = np.zeros(DIMENSION, dtype=np.float32)
        self.second = xquad.RememberingSecond(UniversalEncoder(second._network, second._pieces, zero, zero))
        self.fingerprint = "raw"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    data = xquad.Data.read(arguments.data)
    encoder = Raw(SentenceEncoder.load(rag.Settings.from_environment()))
    data.ask_once(encoder)
    with tempfile.TemporaryDirectory() as folder:
        indexes = {language: data.index([language], Path(folder), encoder) for language in xquad.LANGUAGES}
    typed = {each.question for judged in data.questions.values() for each in judged}
    vectors = dict(zip(sorted(typed), encoder.second.encode_questions(list(map(clean, sorted(typed)))), strict=True))
    folds = {name: number % FOLDS for number, name in enumerate(sorted({name(d) for d in documents(indexes)}))}
    report(data, indexes, encoder, vectors, folds)
    if arguments.write:
        write(question_mean(data, vectors, lambda _: True), sentence_mean(indexes, lambda _: True))


def documents(indexes: dict[str, rag.Index]) -> list[str]:
    return [path for index in indexes.values() for path in index.store.documents]


def name(document: str) -> str:
    return document.partition(".")[0]


def question_mean(data: xquad.Data, vectors: dict[str, Vector], wanted: Callable[[str], bool]) -> Vector:
    chosen = {each.question for judged in data.questions.values() for each in judged if wanted(xquad.article(each))}
    return np.mean([vectors[each] for each in sorted(chosen)], axis=0).astype(np.float32)


def sentence_mean(indexes: dict[str, rag.Index], wanted: Callable[[str], bool]) -> Vector:
    rows = []
    for index in indexes.values():
        leg = index.store.dense
        used = [
            leg.sentence_rows[leg.bounds[i] : leg.bounds[i + 1]]
            for i, passage in enumerate(index.store.passages)
            if wanted(name(passage.document))
        ]
        rows.append(leg.second.reconstruct_batch(np.unique(np.concatenate(used)).astype(np.int64)))
    return np.concatenate(rows).mean(axis=0).astype(np.float32)


def report(
    data: xquad.Data,
    indexes: dict[str, rag.Index],
    encoder: Raw,
    vectors: dict[str, Vector],
    folds: dict[str, int],
) -> None:
    zero = np.zeros(DIMENSION, dtype=np.float32)
    means = {
        fold: (
            question_mean(data, vectors, lambda article, fold=fold: folds[article] != fold),
            sentence_mean(indexes, lambda article, fold=fold: folds[article] != fold),
        )
        for fold in range(FOLDS)
    }
    print("| pair | without | as it is | centred, cross-validated | gain of the last [95 %] |")
    print("| --- | --- | --- | --- | --- |")
    for pair in CROSS:
        index = indexes[pair[1]]
        stores = {fold: centred(index.store, mean) for fold, (_, mean) in means.items()}
        collection = Collection(index)
        gains: dict[str, list[NDArray[np.float64]]] = {}
        totals = []
        for judged in data.questions[pair]:
            relevant = {number for target in collection.targets(judged) for number in target.passages}
            question = dataclasses.replace(index.understand(judged.question), second=None)
            fold = folds[xquad.article(judged)]
            vector = vectors[judged.question]
            values = np.array(
                [
                    ndcg(index.store, question, relevant),
                    ndcg(index.store, with_second(question, vector, zero), relevant),
                    ndcg(stores[fold], with_second(question, vector, means[fold][0]), relevant),
                ]
            )
            gains.setdefault(xquad.article(judged), []).append(values)
            totals.append(values)
        mean = np.mean(totals, axis=0)
        low, high = interval([np.array(each)[:, 2] - np.array(each)[:, 0] for each in gains.values()])
        print(
            f"| {pair[0]}->{pair[1]} | {mean[0]:.4f} | {mean[1]:.4f} | {mean[2]:.4f} |"
            f" {mean[2] - mean[0]:+.4f} [{low:+.4f}, {high:+.4f}] |"
        )
    print("\nthe centred scores (best sentence) of all passages, which fusion.SECOND_PRIOR stands for:")
    for asked, held in xquad.PAIRS:
        store = centred(indexes[held].store, sentence_mean(indexes, lambda _: True))
        shift = question_mean(data, vectors, lambda _: True)
        everyone = np.arange(len(store.passages))
        scores = np.stack(
            [
                store.second_scores(unit(vectors[each.question] - shift), everyone)
                for each in data.questions[asked, held][::6]
            ]
        )
        print(
            f"  {asked}->{held}: mean {scores.mean():.4f}, deviation within a question {scores.std(axis=1).mean():.4f}"
        )


def centred(store: LocalStore, mean: Vector) -> LocalStore:
    """The store with its second vectors centred by the mean."""
    leg = store.dense
    moved: Matrix = leg.second.reconstruct_n(0, leg.second.ntotal) - mean
    moved /= np.linalg.norm(moved, axis=1, keepdims=True)
    dense = DenseLeg(leg.vectors, leg.paragraph_rows, leg.sentence_rows, leg.bounds, flat_index(moved))
    return LocalStore(store.manifest, list(store.documents.values()), store.passages, dense, store.lexical, {})


def with_second(question: Question, vector: Vector, mean: Vector) -> Question:
    return dataclasses.replace(question, second=unit(vector - mean))


def unit(vector: Vector) -> Vector:
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def ndcg(store: LocalStore, question: Question, relevant: set[int]) -> float:
    """nDCG@10 with one relevant passage, the best ranked where it was split."""
    places = [place for place, number in enumerate(rank(store, question).passages[:DEPTH]) if int(number) in relevant]
    return 1 / math.log2(2 + places[0]) if places else 0.0


def interval(articles: list[NDArray[np.float64]]) -> tuple[float, float]:
    draws = np.random.default_rng(SEED)
    means = [
        np.concatenate([articles[i] for i in draws.integers(0, len(articles), len(articles))]).mean()
        for _ in range(DRAWS)
    ]
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def write(question: Vector, sentence: Vector) -> None:
    value = {
        "about": "the mean question and the mean sentence of the second encoder: rag/universal.py",
        "how": "python benchmarks/second_encoder.py --data XQUAD --write: the development half, both languages",
        "question": [round(float(each), 5) for each in question],
        "sentence": [round(float(each), 5) for each in sentence],
    }
    target = Path(rag.__file__).parent / "universal.json"
    target.write_text(json.dumps(value, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"wrote {target.name}")


if __name__ == "__main__":
    main()
