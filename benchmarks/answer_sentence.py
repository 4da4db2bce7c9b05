"""Which sentence of the first passage answers? Fits ``rag/answer.json`` and prints how well it does.

    python benchmarks/answer_sentence.py --data ../shared/eval/xquad [--write]

answer_sentence@1, by the best cosine and by the regression of ``rag/answer.py``: the share of all questions whose
first passage has its chosen sentence overlap the gold quote. Coefficients and token means are cross-validated over
articles in six folds: no question is judged by one that saw its article. The gain stands with its 95 % interval, by
bootstrap over articles. ``--write`` fits all of it and writes the package's file.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xquad
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp

import rag
from rag.answer import FEATURES, AnswerSentence, Means, answering, features, with_context, within
from rag.encoders import SentenceEncoder
from rag.evaluate import points_at
from rag.types import Span, TokenStates, Vector

FOLDS, DRAWS, SEED = 6, 4_000, 20_251_125
PENALTY = 10.0  # of the squared standardised coefficients, beside the sum of the questions' log-likelihoods

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A question with its first passage. ``right`` (sentences,): which overlap the gold; ``both``: whether the
    sentence does, together with the one before it where it speaks of that one."""

    pair: tuple[str, str]
    article: str
    held: str  # the article of the passage
    text: str
    sentences: tuple[Span, ...]
    able: Sequence[int]  # which of them may answer: no headings
    cosines: tuple[float, ...]
    question: TokenStates
    passage: TokenStates
    right: NDArray[np.bool_]
    both: NDArray[np.bool_]

    @property
    def telling(self) -> bool:
        """Whether there is anything to learn: some sentences are right and some are not."""
        return bool(self.right.any() and not self.right.all())

    def values(self, means: Means) -> Floats:
        rows = features(self.cosines, self.sentences, self.question, self.passage, means)
        return np.array([[row[name] for name in FEATURES] for row in rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of XQuAD: ru/, en/ and the questions")
    parser.add_argument("--write", action="store_true", help="fit all of it and write rag/answer.json")
    arguments = parser.parse_args()
    data = xquad.Data.read(arguments.data)
    encoder = xquad.Remembering(SentenceEncoder.load(rag.Settings.from_environment()))
    data.ask_once(encoder)
    with tempfile.TemporaryDirectory() as folder:
        indexes = {language: data.index([language], Path(folder), encoder) for language in xquad.LANGUAGES}
    passages = [
        (_name(passage.document), _given(encoder.document_states(passage.text)).vectors.mean(axis=0))
        for index in indexes.values()
        for passage in index.store.passages
    ]
    asked = [each for pair in xquad.PAIRS for each in _ask(indexes[pair[1]], data, pair, encoder)]
    print(f"{len(asked)} questions asked", file=sys.stderr)
    _report(asked, passages)
    if arguments.write:
        _write(asked, passages)


def _ask(index: rag.Index, data: xquad.Data, pair: tuple[str, str], encoder: xquad.Remembering) -> Iterator[Asked]:
    for judged in data.questions[pair]:
        typed = index.understand(judged.question)
        first = index.search(judged.question, 1)[0]
        number = next(
            i
            for i, passage in enumerate(index.store.passages)
            if (passage.document, passage.start) == (first.document, first.start)
        )
        passage = index.store.passages[number]
        sentences = tuple(within(passage))
        marked = {
            span: points_at(dataclasses.replace(first, highlight=tuple(span)), judged.relevant)
            for i, sentence in enumerate(sentences)
            for span in (sentence, with_context(passage.text, sentences, i))
        }
        yield Asked(
            pair=pair,
            article=xquad.article(judged),
            held=_name(passage.document),
            text=passage.text,
            sentences=sentences,
            able=answering(index.store.document(passage.document), passage),
            cosines=tuple(index.store.sentence_scores(typed.vector, number).tolist()),
            question=_given(typed.states),
            passage=_given(encoder.document_states(passage.text)),
            right=np.array([marked[span] for span in sentences]),
            both=np.array([marked[with_context(passage.text, sentences, i)] for i in range(len(sentences))]),
        )


def _given(states: TokenStates | None) -> TokenStates:
    return states or xquad.leave("the model gives no token states: unset SNOSKA_MODEL")


def _name(document: str) -> str:
    return document.partition(".")[0]


def _means(asked: Sequence[Asked], passages: Sequence[tuple[str, Vector]], wanted: Callable[[str], bool]) -> Means:
    """The means, over passages and over questions, of each one's mean token state."""
    questions = {id(each.question): each.question.vectors.mean(axis=0) for each in asked if wanted(each.article)}
    return Means(
        np.mean([mean for article, mean in passages if wanted(article)], axis=0).astype(np.float32),
        np.mean(list(questions.values()), axis=0).astype(np.float32),
    )


def _fit(values: Sequence[Floats], right: Sequence[NDArray[np.bool_]]) -> Floats:
    """Weights for the features as they are: McFadden's conditional logit, several right sentences counting as one."""
    deviation = np.concatenate(list(values)).std(axis=0) + 1e-9
    rows = [each / deviation for each in values]

    def loss(weights: Floats) -> tuple[float, Floats]:
        total, slope = PENALTY * float(weights @ weights), 2 * PENALTY * weights
        for each, good in zip(rows, right, strict=True):
            score = each @ weights
            every, some = logsumexp(score), logsumexp(score[good])
            total += float(every - some)
            slope = slope + np.exp(score - every) @ each - np.exp(score[good] - some) @ each[good]
        return total, slope

    found = minimize(loss, np.zeros(len(FEATURES)), jac=True, method="L-BFGS-B", options={"maxiter": 300})
    return np.asarray(found.x / deviation, dtype=np.float64)


def _cross_validated(asked: Sequence[Asked], passages: Sequence[tuple[str, Vector]]) -> NDArray[np.int64]:
    """The sentence that each question gets from what the other folds taught."""
    articles = sorted({each.article for each in asked})
    fold = {article: number % FOLDS for number, article in enumerate(articles)}
    chosen = np.zeros(len(asked), dtype=np.int64)
    for held_out in range(FOLDS):
        means = _means(asked, passages, lambda article, out=held_out: fold[article] != out)
        train = [each for each in asked if fold[each.article] != held_out and each.telling]
        weights = _fit([each.values(means) for each in train], [each.right for each in train])
        for row, each in enumerate(asked):
            if fold[each.article] == held_out:
                chosen[row] = max(each.able, key=(each.values(means) @ weights).__getitem__)
    return chosen


def _report(asked: Sequence[Asked], passages: Sequence[tuple[str, Vector]]) -> None:
    chosen = _cross_validated(asked, passages)
    cosine = np.array([each.right[max(each.able, key=each.cosines.__getitem__)] for each in asked], dtype=float)
    alone = np.array([each.right[i] for each, i in zip(asked, chosen, strict=True)], dtype=float)
    both = np.array([each.both[i] for each, i in zip(asked, chosen, strict=True)], dtype=float)
    wide = np.array(
        [
            with_context(each.text, each.sentences, int(i)) != each.sentences[i]
            for each, i in zip(asked, chosen, strict=True)
        ]
    )
    before = np.array([i > 0 and each.right[i - 1] for each, i in zip(asked, chosen, strict=True)])
    wrong = (alone == 0) & (chosen > 0) & np.array([bool(each.right.any()) for each in asked])
    names = sorted({each.article for each in asked})
    article = np.array([names.index(each.article) for each in asked])
    pairs = np.array([xquad.PAIRS.index(each.pair) for each in asked])
    within_language = np.array([question == document for question, document in xquad.PAIRS])[pairs]
    print(f"answer_sentence@1; coefficients and token means cross-validated over articles in {FOLDS} folds\n")
    print("| questions | best cosine | regression | gain | two sentences | answered by two | best possible |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    parts = [(f"{a}->{b}", pairs == i) for i, (a, b) in enumerate(xquad.PAIRS)]
    possible = np.array([each.right.any() for each in asked])
    for name, here in [*parts, ("within a language", within_language), ("across", ~within_language)]:
        low, high = _interval(alone[here] - cosine[here], article[here], len(names))
        print(
            f"| {name} | {cosine[here].mean():.4f} | {alone[here].mean():.4f} |"
            f" {(alone - cosine)[here].mean():+.4f} [{low:+.4f}, {high:+.4f}] |"
            f" {both[here].mean():.4f} | {wide[here].mean():.4f} | {possible[here].mean():.4f} |"
        )
    print(
        "\nregression: the chosen sentence alone; two sentences: with the one before it where it speaks of that one,"
        f" as `ask` marks it. Of the {int(wide.sum())} so widened {int(alone[wide].sum())} were right alone and"
        f" {int(both[wide].sum())} are with both. Any longer span finds more, so beside it: where the sentence is wrong"
        f" and another stands before it, that one is right in {_share(before[wide & wrong])} of those that speak of it"
        f" and in {_share(before[~wide & wrong])} of the others."
    )


def _share(true: NDArray[np.bool_]) -> str:
    return f"{int(true.sum())} of {len(true)}"


def _interval(gain: Floats, article: NDArray[np.int64], articles: int) -> tuple[float, float]:
    total = np.bincount(article, gain, minlength=articles)
    count = np.bincount(article, minlength=articles)
    draws = np.random.default_rng(SEED).integers(0, articles, (DRAWS, articles))
    means = total[draws].sum(axis=1) / count[draws].sum(axis=1)
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def _write(asked: Sequence[Asked], passages: Sequence[tuple[str, Vector]]) -> None:
    means = _means(asked, passages, lambda _: True)
    telling = [each for each in asked if each.telling]
    weights = _fit([each.values(means) for each in telling], [each.right for each in telling])
    value = {
        "about": "which sentence of the first passage answers: rag/answer.py",
        "how": "python benchmarks/answer_sentence.py --data XQUAD --write: conditional logistic regression on the"
        " development half of XQuAD, both languages' questions on both languages' documents",
        "fitted": datetime.date.today().isoformat(),
        "questions": len(telling),
        "weights": {name: round(float(weight), 4) for name, weight in zip(FEATURES, weights, strict=True)},
        "means": {name: [round(float(each), 4) for each in getattr(means, name)] for name in ("passage", "question")},
    }
    target = Path(rag.__file__).parent / "answer.json"
    target.write_text(json.dumps(value, ensure_ascii=False) + "\n", encoding="utf-8")
    AnswerSentence.from_json(value)
    print(f"\nwrote {target.name}: {value['weights']}", file=sys.stderr)


if __name__ == "__main__":
    main()
