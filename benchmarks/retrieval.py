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
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import peers
import platformdirs
import xquad

import rag
from rag import fusion, measures
from rag.encoders import load_encoder
from rag.evaluate import Collection, measured
from rag.lexical import LexicalLeg
from rag.questions import Judged
from rag.retriever import rank
from rag.stores.local import LocalStore
from rag.text import tokens
from rag.types import Encoder, Vector

DEPTH = measures.DEPTH
DRAWS = {1: 120, 5: 24, 20: 6}  # of minorities of so many passages: each passage is drawn about once
SEED = 20_251_125


@dataclass(frozen=True)
class Parts:
    """All that is known of every passage for one question: arrays of shape (passages,)."""

    question_language: str
    languages: Sequence[str]
    paragraph: Vector
    sentence: Vector
    lexical: Vector
    unstemmed: Vector

    def standardised(self, vectors: Vector) -> Vector:
        """The vector scores as standard scores within each passage's language."""
        own = np.array(self.languages)
        samples = {language: vectors[own == language] for language in dict.fromkeys(self.languages)}
        sizes = {language: len(sample) for language, sample in samples.items()}
        known = fusion.statistics(samples, sizes, self.question_language)
        mean = np.array([known[language].mean for language in own], dtype=np.float32)
        deviation = np.array([known[language].deviation for language in own], dtype=np.float32)
        return fusion.standardise(vectors, mean, deviation)

    @property
    def same(self) -> np.ndarray:
        return np.array([language == self.question_language for language in self.languages])

    @property
    def both(self) -> Vector:
        return fusion.vector_score(self.paragraph, self.sentence)


def whole(parts: Parts, vectors: Vector, lexical: Vector) -> Vector:
    return fusion.hybrid(parts.standardised(vectors), lexical, parts.same)


def min_max(scores: Vector) -> Vector:
    low, high = scores.min(), scores.max()
    return (scores - low) / (high - low) if high > low else np.zeros_like(scores)


VARIANTS: dict[str, Callable[[Parts], Vector]] = {
    "BM25, words as they are": lambda p: p.unstemmed,
    "BM25, stems": lambda p: p.lexical,
    "dense, one vector a passage": lambda p: p.paragraph,
    "dense, its best sentence": lambda p: p.sentence,
    "rank fusion of dense and BM25": lambda p: fusion.reciprocal_ranks(p.paragraph, p.lexical),
    "min-max sum of dense and BM25": lambda p: (min_max(p.paragraph) + min_max(p.lexical)) / 2,
    "Snoska less sentence vectors": lambda p: whole(p, p.paragraph, p.lexical),
    "Snoska less passage vectors": lambda p: whole(p, p.sentence, p.lexical),
    "Snoska less BM25": lambda p: whole(p, p.both, np.zeros_like(p.lexical)),
    "Snoska less stems": lambda p: whole(p, p.both, p.unstemmed),
    "Snoska less standardisation": lambda p: p.both + fusion.LEXICAL_WEIGHT * p.lexical,
    "Snoska less the cross factor": lambda p: fusion.hybrid(p.standardised(p.both), p.lexical, p.same | True),
}
WORDS_ALONE = {"BM25, words as they are", "BM25, stems"}  # a passage without a word of the question is not found


class Bench:
    """An index with its questions: ranks them in every way and measures."""

    def __init__(self, index: rag.Index, questions: Sequence[Judged], encoder: Encoder) -> None:
        self.index, self.questions, self.encoder = index, questions, encoder
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
        question = xquad.question(judged, self.encoder)
        everything = np.arange(len(self.store.passages), dtype=np.int64)
        cosines = self.store.vector_scores(question.vector, everything)
        return Parts(
            question.language,
            [passage.language for passage in self.store.passages],
            cosines.paragraph,
            cosines.sentence,
            self.store.lexical_scores(question.stems, everything),
            self._unstemmed.scores(tokens(question.text)),
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
        bench = Bench(data.index([read], cache, encoder), data.questions[asked, read], encoder)
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
        bench = Bench(index, data.mixed(language), encoder)
        for name, values in {**bench.variants(), "Snoska": bench.facade()}.items():
            cells = [bench.cell(values, measure) for measure in ("all@10", "nDCG@10")]
            first = 2 * np.mean([each["R@1"] for each in values])  # one of two that are needed: .5
            rows.setdefault(name, []).extend([*cells, f"{first:.3f}"])
    columns = [f"{language}: {name}" for language in xquad.LANGUAGES for name in ("all@10", "nDCG@10", "first right")]
    show("Both languages in one collection, both copies needed", ["", *columns], rows)


def minorities(data: xquad.Data, cache: Path, encoder: Encoder) -> None:
    """Table 3: a few passages in one language beside those of the other."""
    store = data.index(xquad.LANGUAGES, cache, encoder).store
    rows = {}
    for minority in xquad.LANGUAGES:
        for count in (*DRAWS, 120):
            cells, beside = [], 0
            for asked in (xquad.LANGUAGES[minority == xquad.LANGUAGES[0]], minority):
                ranks, beside = answered(store, data, encoder, minority, asked, count)
                found = [np.mean([0 < each <= DEPTH for each in ranks]), np.mean([each == 1 for each in ranks])]
                cells += [f"{value:.3f}" for value in found]
            rows[f"{count} {minority} beside {beside}"] = [*cells, str(len(ranks))]
    head = ["", "other language asks: R@10", "R@1", "own language asks: R@10", "R@1", "questions"]
    show("A minority language; its passages have no copy in the other, but in the rows of 120", head, rows)


def answered(
    store: LocalStore, data: xquad.Data, encoder: Encoder, minority: str, asked: str, count: int
) -> tuple[list[int], int]:
    """The rank, 0 for none, of the answer to each question that only ``count`` drawn passages answer, over all draws,
    and how many passages of the other language stand beside them.
    """
    place = {(p.document, p.start): number for number, p in enumerate(store.passages)}
    answers: dict[int, list[Judged]] = {}
    others: dict[int, set[int]] = {}
    other = xquad.LANGUAGES[minority == xquad.LANGUAGES[0]]
    copies = {each.id: each for each in data.questions[asked, other]}
    holds = {}
    for each in [*data.questions[asked, minority], *copies.values()]:
        item = each.relevant[0]
        if item not in holds:
            holds[item] = next(
                number
                for (document, _), number in place.items()
                if document == item.document and item.quote in store.passages[number].text
            )
    for each in data.questions[asked, minority]:
        number = holds[each.relevant[0]]
        answers.setdefault(number, []).append(each)
        others.setdefault(number, set()).add(holds[copies[each.id].relevant[0]])
    majority = [number for number, passage in enumerate(store.passages) if passage.language == other]
    ranks, beside = [], 0
    for drawn in draws(sorted(answers), count):
        removed = set() if count > max(DRAWS) else {copy for number in drawn for copy in others[number]}
        numbers = [number for number in (*drawn, *majority) if number not in removed]
        beside = len(numbers) - len(drawn)
        small = xquad.part(store, numbers)
        for place_, number in enumerate(drawn):
            for each in answers[number]:
                found = rank(small, xquad.question(each, encoder)).passages[:DEPTH]
                at = np.flatnonzero(found == place_)
                ranks.append(int(at[0]) + 1 if len(at) else 0)
    return ranks, beside


def draws(numbers: Sequence[int], count: int) -> list[list[int]]:
    """Sets of ``count`` of the numbers, in rounds that each take every number once; all at once where none is left."""
    if count not in DRAWS:
        return [list(numbers)]
    random = np.random.default_rng(SEED)
    drawn: list[list[int]] = []
    while len(drawn) < DRAWS[count]:
        shuffled = [int(number) for number in random.permutation(numbers)]
        drawn += [shuffled[i : i + count] for i in range(0, len(shuffled) - count + 1, count)]
    return drawn[: DRAWS[count]]


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
    minorities(data, arguments.cache, encoder)
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
