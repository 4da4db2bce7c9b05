"""How sure is it, and can that be believed? Fits ``rag/calibration.json`` and prints how well it does.

    python benchmarks/calibration.py --data ../shared/eval/xquad [--write]

Near-miss protocol: each question is asked twice, as it is and with the passages that answer it left out, as if the
collection did not hold them. Collections are built from the data's articles: 13 passages (three articles) and 120
(all) of one language, and 240 (all, in both languages). Every number is cross-validated over articles: no question
is judged by coefficients or thresholds that saw its article. ``--write`` fits all of it and writes the package's file.
"""

from __future__ import annotations

import argparse
import datetime
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xquad
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import rag
from rag import calibration
from rag.answer import AnswerSentence
from rag.encoders import SentenceEncoder
from rag.evaluate import Collection
from rag.protocols import Encoder
from rag.questions import Judged
from rag.retriever import rank

FOLDS = 6
SMALL_ARTICLES, SMALL_LAST = 3, 3  # three articles of five passages, the last cut to three: 13 passages
FOUND_WRONG = {True: 0.05, False: 0.10}  # the most of the masked that may be `found`: within a language, across
MISSED = 0.05  # the most of the answerable that may be `not_found`
# Thresholds are set on these shares of what is allowed: new questions do a little worse, new collections more so.
FOUND_MARGIN, MISSED_MARGIN = 0.6, 0.8


@dataclass(frozen=True, slots=True)
class Asked:
    """One question asked of one collection: its features, whether the answer was there, and where it belongs."""

    size: str
    group: str
    article: str
    answerable: bool
    same: bool
    values: tuple[float, ...]


def main() -> None:
    arguments = _arguments()
    data = xquad.Data.read(arguments.data)
    encoder = xquad.Remembering(SentenceEncoder.load(rag.Settings.from_environment()))
    data.ask_once(encoder)
    with tempfile.TemporaryDirectory() as folder:
        asked = list(_ask_everything(data, Path(folder), encoder))
    probabilities, verdicts = _cross_validated(asked)
    _print_tables(asked, probabilities, verdicts)
    if arguments.write:
        _write(asked)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of XQuAD: ru/, en/ and the questions")
    parser.add_argument("--write", action="store_true", help="fit all of it and write rag/calibration.json")
    return parser.parse_args()


def _ask_everything(data: xquad.Data, folder: Path, encoder: Encoder) -> Iterator[Asked]:
    articles = {language: sorted((data.folder / language).glob("*.txt")) for language in xquad.LANGUAGES}
    for held in xquad.LANGUAGES:
        groups = [articles[held][i : i + SMALL_ARTICLES] for i in range(0, len(articles[held]), SMALL_ARTICLES)]
        collections = [("13", group, SMALL_LAST) for group in groups] + [("120", articles[held], None)]
        for size, files, last in collections:
            index = _collection(folder, files, encoder, last)
            for asked in xquad.LANGUAGES:
                yield from _ask(index, data.questions[asked, held], encoder, size, f"{asked}->{held}")
    index = _collection(folder, articles["ru"] + articles["en"], encoder)
    for asked in xquad.LANGUAGES:
        yield from _ask(index, data.mixed(asked), encoder, "240", f"{asked}->en+ru")


def _collection(folder: Path, files: Sequence[Path], encoder: Encoder, last: int | None = None) -> rag.Index:
    documents = Path(tempfile.mkdtemp(dir=folder))
    for file in files:
        shutil.copy(file, documents)
    if last is not None:
        target = documents / files[-1].name
        target.write_text("\n\n".join(target.read_text("utf-8").split("\n\n")[:last]), "utf-8")
    return rag.build(documents, documents / "index", encoder=encoder)


def _ask(index: rag.Index, judged: Sequence[Judged], encoder: Encoder, size: str, group: str) -> Iterator[Asked]:
    collection = Collection(index)
    for question in judged:
        if not {item.document for item in question.relevant} <= set(index.store.documents):
            continue
        masked = {number for target in collection.targets(question) for number in target.passages}
        if not masked:
            continue  # in the part of the last article that this collection leaves out
        for asked in (index, index.without(masked)):
            typed = asked.understand(question.question)
            ranking = rank(asked.store, typed, without=asked.masked)
            reading = AnswerSentence.bundled().read(asked.store, encoder, typed, int(ranking.passages[0]))
            values = calibration.features(asked.store, typed, ranking, reading)
            yield Asked(
                size=size,
                group=group,
                article=xquad.article(question),
                answerable=not asked.masked,
                same=bool(values["same_language"]),
                values=tuple(values[name] for name in calibration.FEATURES),
            )


def _columns(asked: Sequence[Asked]) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    """Features (rows, features), whether the answer was there (rows,), and weights that make cells count alike."""
    cells = [(each.size, each.group) for each in asked]
    counts = {cell: cells.count(cell) for cell in set(cells)}
    return (
        np.array([each.values for each in asked]),
        np.array([each.answerable for each in asked]),
        np.array([1000 / counts[cell] for cell in cells]),
    )


def _fit(asked: Sequence[Asked]) -> tuple[float, NDArray[np.float64]]:
    """Intercept and weights for the features as they are, the standardisation folded in."""
    values, answerable, weights = _columns(asked)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    model.fit(values, answerable, logisticregression__sample_weight=weights)
    scaler, regression = model[0], model[1]
    coefficients = regression.coef_[0] / scaler.scale_
    return float(regression.intercept_[0] - coefficients @ scaler.mean_), coefficients


def _probabilities(asked: Sequence[Asked], intercept: float, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    values = np.array([each.values for each in asked])
    return np.asarray(1 / (1 + np.exp(-(intercept + values @ weights))), dtype=np.float64)


def _thresholds(asked: Sequence[Asked], probabilities: NDArray[np.float64], same: bool) -> tuple[float, float]:
    """The lowest `found` and the highest `not_found` that keep the promises in every cell."""
    found, not_found = 0.5, 0.5
    for cell in sorted({(each.size, each.group) for each in asked}):
        here = np.array([(each.size, each.group) == cell and each.same == same for each in asked])
        everyone = np.array([(each.size, each.group) == cell for each in asked])
        answerable = np.array([each.answerable for each in asked])
        masked, present = here & ~answerable, here & answerable
        if not masked.any() or not present.any():
            continue
        # the rates are of all questions of the cell, as `snoska eval` counts them
        wrong = int(FOUND_MARGIN * FOUND_WRONG[same] * (everyone & ~answerable).sum())
        missed = int(MISSED_MARGIN * MISSED * (everyone & answerable).sum())
        highest = np.sort(probabilities[masked])[::-1]
        lowest = np.sort(probabilities[present])
        found = max(found, float(highest[wrong]) if wrong < len(highest) else 0.0)
        not_found = min(not_found, float(lowest[missed]) if missed < len(lowest) else 1.0)
    return float(np.ceil(found * 100) / 100), float(np.floor(not_found * 100) / 100)


def _cross_validated(asked: Sequence[Asked]) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    articles = sorted({each.article for each in asked})
    fold = np.array([articles.index(each.article) % FOLDS for each in asked])
    probabilities = np.zeros(len(asked))
    verdicts = np.empty(len(asked), dtype="<U9")
    for held_out in range(FOLDS):
        train = [each for each, number in zip(asked, fold, strict=True) if number != held_out]
        intercept, weights = _fit(train)
        seen = _probabilities(train, intercept, weights)
        limits = {same: _thresholds(train, seen, same) for same in (True, False)}
        for row in np.flatnonzero(fold == held_out):
            value = _probabilities([asked[row]], intercept, weights)[0]
            found, not_found = limits[asked[row].same]
            probabilities[row] = value
            verdicts[row] = "found" if value >= found else "unsure" if value >= not_found else "not_found"
    return probabilities, verdicts


def _print_tables(asked: Sequence[Asked], probabilities: NDArray[np.float64], verdicts: NDArray[np.str_]) -> None:
    answerable = np.array([each.answerable for each in asked])
    print(f"cross-validated over articles in {FOLDS} folds; masked passages are out of all statistics\n")
    print("| passages | pair | questions | AUROC | answerable: found / not_found | masked: found / not_found |")
    print("| --- | --- | --- | --- | --- | --- |")
    for size, group in sorted({(each.size, each.group) for each in asked}, key=lambda c: (int(c[0]), c[1])):
        here = np.array([(each.size, each.group) == (size, group) for each in asked])
        auroc = roc_auc_score(answerable[here], probabilities[here])
        rates = [
            f"{np.mean(verdicts[here & side] == 'found'):.3f} / {np.mean(verdicts[here & side] == 'not_found'):.3f}"
            for side in (answerable, ~answerable)
        ]
        print(f"| {size} | {group} | {(here & answerable).sum()} | {auroc:.3f} | {rates[0]} | {rates[1]} |")
    usual = np.mean([each.values[calibration.FEATURES.index("token_match")] for each in asked])
    print(f"\ntoken_match of the usual first passage: {usual:.2f}")
    print("\n| stated confidence | questions | mean stated | answer there |\n| --- | --- | --- | --- |")
    for low, high in ((0, 0.1), (0.1, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 1.01)):
        here = (probabilities >= low) & (probabilities < high)
        if here.any():
            stated, there = probabilities[here].mean(), answerable[here].mean()
            print(f"| {low:.1f}-{min(high, 1):.1f} | {here.sum()} | {stated:.3f} | {there:.3f} |")


def _write(asked: Sequence[Asked]) -> None:
    intercept, weights = _fit(asked)
    probabilities = _probabilities(asked, intercept, weights)
    limits = {name: _thresholds(asked, probabilities, same) for name, same in (("same", True), ("cross", False))}
    value = {
        "about": "the probability that a ranking answers its question: rag/calibration.py",
        "how": "python benchmarks/calibration.py --data XQUAD --write: logistic regression, scikit-learn, on the"
        " development half of XQuAD at 13, 120 and 240 passages, each question as it is and masked",
        "fitted": datetime.date.today().isoformat(),
        "rows": len(asked),
        "intercept": round(intercept, 4),
        "weights": {name: round(float(weight), 4) for name, weight in zip(calibration.FEATURES, weights, strict=True)},
        "thresholds": {name: {"found": found, "not_found": low} for name, (found, low) in limits.items()},
    }
    target = Path(rag.__file__).parent / "calibration.json"
    target.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    print(f"\nwrote {target.name}: {value['thresholds']}", file=sys.stderr)


if __name__ == "__main__":
    main()
