"""What the second encoder and the centred vectors are worth across languages; writes the means that centre both.

    python benchmarks/second_encoder.py --data ../shared/eval/xquad [--write]

nDCG@10 of questions in one language on documents in the other: by the plain vectors, with the second encoder, with the
centred vectors, and with both. The means are those of the *other* articles (six folds), so that no question is judged
by a mean that saw its article. Each gain stands with its 95 % interval, by bootstrap over articles. ``--write`` writes
the means of all articles.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xquad
from numpy.typing import NDArray

import rag
from rag.dense import DenseLeg, flat_index
from rag.encoders import SentenceEncoder
from rag.evaluate import Collection
from rag.measures import DEPTH
from rag.retriever import Question, rank
from rag.stores.local import LocalStore
from rag.text import clean
from rag.types import Centre, Matrix, Vector
from rag.universal import DIMENSION, UniversalEncoder

FOLDS, DRAWS, SEED = 6, 4_000, 20_251_125
CROSS = (("ru", "en"), ("en", "ru"))
WAYS = ("plain vectors", "with the second encoder", "with the centred vectors", "with both")


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


@dataclass(frozen=True, slots=True, eq=False)
class Means:
    """The means of some articles' vectors: the model's, and its second encoder's."""

    first: Centre
    second: Centre


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
    asked = {each.question: clean(each.question) for judged in data.questions.values() for each in judged}
    first = {text: encoder.encode_query(meant)[0] for text, meant in asked.items()}
    second = {text: encoder.second.encode_questions([meant])[0] for text, meant in asked.items()}
    articles = sorted({name(path) for index in indexes.values() for path in index.store.documents})
    fold_of = {article: number % FOLDS for number, article in enumerate(articles)}
    means = {
        fold: means_of(data, indexes, first, second, lambda article, fold=fold: fold_of[article] != fold)
        for fold in range(FOLDS)
    }
    report(data, indexes, first, second, means, fold_of)
    everything = means_of(data, indexes, first, second, lambda _: True)
    priors(data, indexes, first, second, everything)
    if arguments.write:
        write("centre", "document", "of the bundled model: rag/encoders.py", everything.first)
        write("universal", "sentence", "of the second encoder: rag/universal.py", everything.second)


def name(document: str) -> str:
    return document.partition(".")[0]


def means_of(
    data: xquad.Data,
    indexes: Mapping[str, rag.Index],
    first: Mapping[str, Vector],
    second: Mapping[str, Vector],
    wanted: Callable[[str], bool],
) -> Means:
    """The means over the articles that are wanted. A document's is that of the mean paragraph and the mean sentence,
    since a passage's score is the mean of both."""
    chosen = sorted(
        {each.question for judged in data.questions.values() for each in judged if wanted(xquad.article(each))}
    )
    paragraphs, sentences, others = [], [], []
    for index in indexes.values():
        leg = index.store.dense
        for i, passage in enumerate(index.store.passages):
            if wanted(name(passage.document)):
                rows = leg.sentence_rows[leg.bounds[i] : leg.bounds[i + 1]].astype(np.int64)
                paragraphs.append(leg.vectors.reconstruct(int(leg.paragraph_rows[i])))
                sentences.append(leg.rows(rows))
                others.append(leg.second.reconstruct_batch(rows))
    document = (np.mean(paragraphs, axis=0) + np.concatenate(sentences).mean(axis=0)) / 2
    return Means(
        Centre(np.mean([first[text] for text in chosen], axis=0), document),
        Centre(np.mean([second[text] for text in chosen], axis=0), np.concatenate(others).mean(axis=0)),
    )


def report(
    data: xquad.Data,
    indexes: Mapping[str, rag.Index],
    first: Mapping[str, Vector],
    second: Mapping[str, Vector],
    means: Mapping[int, Means],
    fold_of: Mapping[str, int],
) -> None:
    print(f"nDCG@10, the means cross-validated over articles in {FOLDS} folds; the gain is over the plain vectors\n")
    print("| pair | " + " | ".join(WAYS) + " | gain of both [95 %] | of both over the second encoder [95 %] |")
    print("| --- |" + " --- |" * (len(WAYS) + 2))
    for pair in CROSS:
        index = indexes[pair[1]]
        stores = {fold: centred(index.store, each.second.document) for fold, each in means.items()}
        collection = Collection(index)
        articles, values = [], []
        for judged in data.questions[pair]:
            relevant = {number for target in collection.targets(judged) for number in target.passages}
            fold = fold_of[xquad.article(judged)]
            question = dataclasses.replace(
                index.understand(judged.question),
                centre=means[fold].first,
                second=unit(second[judged.question] - means[fold].second.question),
            )
            ways = (
                dataclasses.replace(question, second=None, centre=None),
                dataclasses.replace(question, centre=None),
                dataclasses.replace(question, second=None),
                question,
            )
            articles.append(xquad.article(judged))
            values.append([ndcg(stores[fold], way, relevant) for way in ways])
        of = np.array(values)
        print(
            f"| {pair[0]}->{pair[1]} | {' | '.join(f'{each:.4f}' for each in of.mean(axis=0))} |"
            f" {gain(of[:, 3] - of[:, 0], articles)} | {gain(of[:, 3] - of[:, 1], articles)} |"
        )


def priors(
    data: xquad.Data,
    indexes: Mapping[str, rag.Index],
    first: Mapping[str, Vector],
    second: Mapping[str, Vector],
    means: Means,
) -> None:
    print("\nthe scores of all passages, which the priors in rag/fusion.py stand for:")
    for pair in xquad.PAIRS:
        store = centred(indexes[pair[1]].store, means.second.document)
        everyone = np.arange(len(store.passages))
        texts = [each.question for each in data.questions[pair][::6]]
        vectors = [store.centred_scores(first[text], everyone, means.first) for text in texts]
        others = [store.second_scores(unit(second[text] - means.second.question), everyone) for text in texts]
        print(f"  {pair[0]}->{pair[1]}: centred vectors {spread(vectors)}; second encoder {spread(others)}")


def spread(scores: list[Vector]) -> str:
    of = np.stack(scores)
    return f"mean {of.mean():.4f}, deviation within a question {of.std(axis=1).mean():.4f}"


def centred(store: LocalStore, mean: Vector) -> LocalStore:
    """The store with its second vectors centred by the mean."""
    leg = store.dense
    moved: Matrix = unit(leg.second.reconstruct_n(0, leg.second.ntotal) - mean)
    dense = DenseLeg(leg.vectors, leg.paragraph_rows, leg.sentence_rows, leg.bounds, flat_index(moved))
    return LocalStore(store.manifest, list(store.documents.values()), store.passages, dense, store.lexical, {})


def unit(rows: Matrix) -> Matrix:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), dtype=np.float32)


def ndcg(store: LocalStore, question: Question, relevant: set[int]) -> float:
    """nDCG@10 with one relevant passage, the best ranked where it was split."""
    places = [place for place, number in enumerate(rank(store, question).passages[:DEPTH]) if int(number) in relevant]
    return 1 / math.log2(2 + places[0]) if places else 0.0


def gain(by: NDArray[np.float64], articles: list[str]) -> str:
    """The mean and its 95 % interval, by bootstrap over articles."""
    groups = [by[np.array(articles) == article] for article in sorted(set(articles))]
    draws = np.random.default_rng(SEED)
    means = [
        np.concatenate([groups[i] for i in draws.integers(0, len(groups), len(groups))]).mean() for _ in range(DRAWS)
    ]
    return f"{by.mean():+.4f} [{np.quantile(means, 0.025):+.4f}, {np.quantile(means, 0.975):+.4f}]"


def write(target: str, document: str, whose: str, centre: Centre) -> None:
    value = {
        "about": f"the mean question and the mean {document} {whose}",
        "how": "python benchmarks/second_encoder.py --data XQUAD --write: the development half, both languages",
        "question": [round(float(each), 5) for each in centre.question],
        document: [round(float(each), 5) for each in centre.document],
    }
    path = Path(rag.__file__).parent / f"{target}.json"
    path.write_text(json.dumps(value, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
