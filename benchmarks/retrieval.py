"""How good the ranking is on XQuAD, and what each of its parts is worth: the tables of docs/evaluation.md.

    python benchmarks/retrieval.py --data ../shared/eval/xquad [--peers] [--cache FOLDER]

1. Each language pair alone: nDCG@10 and R@1 of the whole, and with each part switched off or alone. Behind each
   number stands its 95 % interval, by bootstrap over articles.
2. Both languages in one collection, every passage in it twice: is each copy in the first ten?
3. A language of 1, 5, 20 or 120 passages beside the other: are questions answered that only it answers?

The row "Snoska" is asked through the facade, as a user does; the others rank all passages by other sums of the same
scores. --peers puts txtai and Haystack beside them (the extra `bench`).
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import minorities
import numpy as np
import peers
import platformdirs
import xquad
from numpy.typing import NDArray

import rag
from rag import fusion, measures
from rag.encoders import load_encoder
from rag.evaluate import Collection, measured
from rag.lexical import LexicalLeg
from rag.protocols import Encoder
from rag.questions import Judged
from rag.text import tokens
from rag.types import Vector

DEPTH = measures.DEPTH


@dataclass(frozen=True)
class Others:
    """The scores that are asked of passages in another language than the question's: (passages,), None where the model
    gives none."""

    centred: Vector | None
    second: Vector | None


@dataclass(frozen=True)
class Parts:
    """All that is known of every passage for one question: arrays of shape (passages,)."""

    question_language: str
    languages: Sequence[str]
    paragraph: Vector
    sentence: Vector
    lexical: Vector
    unstemmed: Vector
    others: Others

    def standardised(self, vectors: Vector, prior: fusion.Prior = fusion.VECTOR_PRIOR) -> Vector:
        """The scores as standard scores within each passage's language."""
        own = np.array(self.languages)
        samples = {language: vectors[own == language] for language in dict.fromkeys(self.languages)}
        sizes = {language: len(sample) for language, sample in samples.items()}
        known = fusion.statistics(samples, sizes, self.question_language, prior)
        mean = np.array([known[language].mean for language in own], dtype=np.float32)
        deviation = np.array([known[language].deviation for language in own], dtype=np.float32)
        return fusion.standardise(vectors, mean, deviation)

    @property
    def same(self) -> NDArray[np.bool_]:
        return np.array([language == self.question_language for language in self.languages])

    @property
    def both(self) -> Vector:
        return fusion.vector_score(self.paragraph, self.sentence)


def whole(
    parts: Parts, vectors: Vector, lexical: Vector, others: Others, same: NDArray[np.bool_] | None = None
) -> Vector:
    """Snoska's score from these parts; ``same`` says which passages are in the question's language."""
    score = parts.standardised(vectors)
    given = ((others.centred, fusion.CENTRED_PRIOR), (others.second, fusion.SECOND_PRIOR))
    standard = [None if scores is None else parts.standardised(scores, prior) for scores, prior in given]
    score = np.where(parts.same, score, fusion.across(score, *standard))
    return fusion.hybrid(score, lexical, parts.same if same is None else same)


def min_max(scores: Vector) -> Vector:
    low, high = scores.min(), scores.max()
    return np.asarray((scores - low) / (high - low) if high > low else 0 * scores, dtype=np.float32)


VARIANTS: dict[str, Callable[[Parts], Vector]] = {
    "BM25, words as they are": lambda p: p.unstemmed,
    "BM25, stems": lambda p: p.lexical,
    "dense, one vector a passage": lambda p: p.paragraph,
    "dense, its best sentence": lambda p: p.sentence,
    "rank fusion of dense and BM25": lambda p: fusion.reciprocal_ranks(p.paragraph, p.lexical),
    "min-max sum of dense and BM25": lambda p: fusion.vector_score(min_max(p.paragraph), min_max(p.lexical)),
    "Snoska less sentence vectors": lambda p: whole(p, p.paragraph, p.lexical, p.others),
    "Snoska less passage vectors": lambda p: whole(p, p.sentence, p.lexical, p.others),
    "Snoska less the second encoder": lambda p: whole(p, p.both, p.lexical, replace(p.others, second=None)),
    "Snoska less the centred vectors": lambda p: whole(p, p.both, p.lexical, replace(p.others, centred=None)),
    "Snoska less both of these": lambda p: whole(p, p.both, p.lexical, Others(None, None)),
    "Snoska less BM25": lambda p: whole(p, p.both, np.zeros_like(p.lexical), p.others),
    "Snoska less stems": lambda p: whole(p, p.both, p.unstemmed, p.others),
    "Snoska less the cross factor": lambda p: whole(p, p.both, p.lexical, p.others, p.same | True),
    "Snoska less the quoted-phrase filter": lambda p: whole(p, p.both, p.lexical, p.others),
    "Snoska less standardisation and both of these": lambda p: p.both + fusion.LEXICAL_WEIGHT * p.lexical,
}
WORDS_ALONE = {"BM25, words as they are", "BM25, stems"}  # a passage without a word of the question is not found


class Bench:
    """An index with its questions: ranks them in every way and measures."""

    def __init__(self, index: rag.Index, questions: Sequence[Judged]) -> None:
        self.index, self.questions = index, questions
        self.store = index.store
        self.collection = Collection(index)
        self.articles = [xquad.article(each) for each in questions]
        self._unstemmed = LexicalLeg.of([tokens(passage.text) for passage in self.store.passages])

    def facade(self) -> list[dict[str, float]]:
        """The measures of each question, asked as a user does."""
        return [
            self._measured(each, (self.collection.numbers(hit) for hit in self.index.search(each.question, DEPTH)))
            for each in self.questions
        ]

    def variants(self) -> dict[str, list[dict[str, float]]]:
        """The measures of each question for each of ``VARIANTS``."""
        found: dict[str, list[dict[str, float]]] = {name: [] for name in VARIANTS}
        for each in self.questions:
            parts = self._parts(each)
            for name, score in VARIANTS.items():
                scores = score(parts)
                numbers = fusion.order(scores, np.arange(len(scores)))[:DEPTH]
                kept = [n for n in numbers if scores[n] > 0] if name in WORDS_ALONE else list(numbers)
                found[name].append(self._measured(each, ({int(n)} for n in kept)))
        return found

    def peer(self, search: peers.Search) -> list[dict[str, float]]:
        """The measures of each question, asked of another's search."""
        return [self._measured(each, ({n} for n in search(each.question))) for each in self.questions]

    def _parts(self, judged: Judged) -> Parts:
        question = self.index.understand(judged.question)
        everything = np.arange(len(self.store.passages), dtype=np.int64)
        cosines = self.store.vector_scores(question.vector, everything)
        return Parts(
            question.language,
            [passage.language for passage in self.store.passages],
            cosines.paragraph,
            cosines.sentence,
            self.store.lexical_scores(question.stems, everything),
            self._unstemmed.scores(tokens(question.typed)),
            Others(
                None
                if question.centre is None
                else self.store.centred_scores(question.vector, everything, question.centre),
                None if question.second is None else self.store.second_scores(question.second, everything),
            ),
        )

    def _measured(self, judged: Judged, found: Iterable[set[int]]) -> dict[str, float]:
        targets = self.collection.targets(judged)
        matches = [frozenset(i for i, target in enumerate(targets) if numbers & target.passages) for numbers in found]
        return dict(measured(matches, len(targets)))

    def cell(self, values: Sequence[dict[str, float]], name: str) -> str:
        """The mean of a measure and its interval."""
        of = np.array([each[name] for each in values])
        low, high = measures.bootstrap(of, self.articles)
        return f"{of.mean():.3f} ({low:.3f}–{high:.3f})"

    def gain(self, new: Sequence[dict[str, float]], old: Sequence[dict[str, float]], name: str) -> str:
        """The mean of a measure's paired differences and its interval."""
        by = np.array([after[name] - before[name] for after, before in zip(new, old, strict=True)])
        low, high = measures.bootstrap(by, self.articles)
        return f"{by.mean():+.3f} ({low:+.3f} to {high:+.3f})"


def alone(data: xquad.Data, cache: Path, encoder: Encoder, with_peers: Sequence[str]) -> None:
    """Table 1: each language pair on its own."""
    ndcg: dict[str, list[str]] = {}
    first: dict[str, list[str]] = {}
    worth: dict[str, list[str]] = {}
    for asked, read in xquad.PAIRS:
        bench = Bench(data.index([read], cache, encoder), data.questions[asked, read])
        rows = bench.variants()
        rows["Snoska"] = bench.facade()
        texts = [passage.text for passage in bench.store.passages]
        for name in with_peers:
            rows[name] = bench.peer(peers.PEERS[name](texts, encoder))
        for name, values in rows.items():
            ndcg.setdefault(name, []).append(bench.cell(values, "nDCG@10"))
            first.setdefault(name, []).append(bench.cell(values, "R@1"))
            if name != "Snoska":
                worth.setdefault(f"over: {name}", []).append(bench.gain(rows["Snoska"], values, "nDCG@10"))
    pairs = [f"{asked}→{read}" for asked, read in xquad.PAIRS]
    show("nDCG@10, each language pair alone", ["", *pairs], ndcg)
    show("R@1, each language pair alone", ["", *pairs], first)
    show("What Snoska gains in nDCG@10, question by question", ["", *pairs], worth)


def mixed(data: xquad.Data, cache: Path, encoder: Encoder) -> None:
    """Table 2: both languages in one collection."""
    index = data.index(xquad.LANGUAGES, cache, encoder)
    rows: dict[str, list[str]] = {}
    for language in xquad.LANGUAGES:
        bench = Bench(index, data.mixed(language))
        for name, values in {**bench.variants(), "Snoska": bench.facade()}.items():
            cells = [bench.cell(values, measure) for measure in ("all@10", "nDCG@10")]
            first = 2 * np.mean([each["R@1"] for each in values])  # one of two that are needed: .5
            rows.setdefault(name, []).extend([*cells, f"{first:.3f}"])
    columns = [f"{language}: {name}" for language in xquad.LANGUAGES for name in ("all@10", "nDCG@10", "first right")]
    show("Both languages in one collection, both copies needed", ["", *columns], rows)


def show(title: str, head: Sequence[str], rows: dict[str, list[str]]) -> None:
    """A Markdown table."""
    print(f"\n### {title}\n")
    print("| " + " | ".join(head) + " |")
    print("| --- |" + " --- |" * (len(head) - 1))
    for name, cells in rows.items():
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of XQuAD: ../shared/eval/xquad")
    parser.add_argument("--peers", action="store_true", help="txtai and Haystack beside it")
    parser.add_argument("--cache", type=Path, default=platformdirs.user_cache_path("snoska") / "benchmarks")
    arguments = parser.parse_args()
    started = time.perf_counter()
    data = xquad.Data.read(arguments.data)
    present = [name for name in peers.PEERS if arguments.peers and importlib.util.find_spec(name)]
    for name in set(peers.PEERS) - set(present) if arguments.peers else ():
        print(f"{name} is not installed and left out: pip install -c constraints.txt -e '.[bench]'", file=sys.stderr)
    encoder = xquad.Remembering(load_encoder())
    data.ask_once(encoder)
    counts = ", ".join(f"{len(each)} {'→'.join(pair)}" for pair, each in data.questions.items())
    print(f"questions: {counts}; {encoder.name}; {platform.machine()}, {os.cpu_count()} cores")
    alone(data, arguments.cache, encoder, present)
    mixed(data, arguments.cache, encoder)
    rows = minorities.table(data, data.index(xquad.LANGUAGES, arguments.cache, encoder))
    show("A minority language, its passages without a copy in the other but where there are 120", minorities.HEAD, rows)
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
