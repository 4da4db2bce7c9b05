"""Measures against values computed by hand; how questions are grouped, masked and counted; the contract's JSON."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import permutation_test
from sklearn.metrics import roc_auc_score

import rag
from rag import measures
from rag.compare import compare
from rag.errors import EvaluationError
from rag.evaluate import Collection, Evaluation, evaluate, fold, measured, points_at, to_json
from rag.questions import Judged, Relevant, load
from rag.report import report_json
from rag.types import Citation, Copy, Progress, Scores

SEED = "000_1c14ccf7fdd8eae7.txt"
SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "eval"
KEYS = [
    "count", "nDCG@10", "R@1", "R@5", "all@10", "RR@10", "answer_sentence@1", "abstention_auroc",
    "missed_answer_rate", "masked_false_answer_rate", "latency_ms_p50", "latency_ms_p95",
]  # fmt: skip


def judged(question: str, *relevant: tuple[str, str], id: str = "q", language: str = "en") -> Judged:
    return Judged(id, question, language, tuple(Relevant(*each) for each in relevant), None, f"q.jsonl:{id}")


def hits(*targets: Sequence[int]) -> list[frozenset[int]]:
    """Which targets each citation of a ranking holds."""
    return [frozenset(each) for each in targets]


# -- measures


@pytest.mark.parametrize(
    ("matches", "targets", "expected"),
    [
        (hits([0], [], []), 1, {"nDCG@10": 1, "R@1": 1, "R@5": 1, "all@10": 1, "RR@10": 1}),
        (hits([], [], [0]), 1, {"nDCG@10": 1 / 2, "R@1": 0, "R@5": 1, "all@10": 1, "RR@10": 1 / 3}),
        (hits(*[[]] * 10, [0]), 1, {"nDCG@10": 0, "R@1": 0, "R@5": 0, "all@10": 0, "RR@10": 0}),
        (hits(), 1, {"nDCG@10": 0, "R@1": 0, "R@5": 0, "all@10": 0, "RR@10": 0}),
        # Two are needed, at ranks 1 and 6: (1 + 1/log2(7)) / (1 + 1/log2(3)).
        (
            hits([1], [], [], [], [], [0]),
            2,
            {
                "nDCG@10": (1 + 1 / math.log2(7)) / (1 + 1 / math.log2(3)),
                "R@1": 0.5,
                "R@5": 0.5,
                "all@10": 1,
                "RR@10": 1,
            },
        ),
        # The second passage holds what the first did already: it keeps its rank and is no hit.
        (
            hits([0], [0], [1]),
            2,
            {"nDCG@10": 1.5 / (1 + 1 / math.log2(3)), "R@1": 0.5, "R@5": 1, "all@10": 1, "RR@10": 1},
        ),
        # Near-copies folded into one citation meet both targets at once.
        (hits([], [0, 1]), 2, {"nDCG@10": 1 / math.log2(3), "R@1": 0, "R@5": 1, "all@10": 1, "RR@10": 0.5}),
        (hits([0]), 2, {"nDCG@10": 1 / (1 + 1 / math.log2(3)), "R@1": 0.5, "R@5": 0.5, "all@10": 0, "RR@10": 1}),
    ],
    ids=["first", "third", "eleventh", "nothing found", "two", "the same twice", "folded", "one of two"],
)
def test_ranked_measures_are_those_computed_by_hand(
    matches: list[frozenset[int]], targets: int, expected: dict[str, float]
) -> None:
    assert measured(matches, targets) == pytest.approx(expected)


def test_a_question_without_an_answer_has_no_ranked_measures() -> None:
    assert measured(hits([], []), 0) == {}


@pytest.mark.parametrize(
    ("positive", "negative", "expected"),
    [
        ([0.9, 0.8], [0.1, 0.2], 1.0),
        ([0.1], [0.9], 0.0),
        ([0.5, 0.5], [0.5], 0.5),
        ([0.9, 0.4], [0.4, 0.6], (1 + 1 + 0.5 + 0) / 4),
        ([], [0.1], None),
        ([0.1], [], None),
    ],
)
def test_auroc_counts_pairs(positive: list[float], negative: list[float], expected: float | None) -> None:
    assert measures.auroc(positive, negative) == expected


def test_auroc_agrees_with_scikit_learn() -> None:
    random = np.random.default_rng(1)
    positive, negative = random.normal(1, 1, 60).round(1), random.normal(0, 1, 40).round(1)
    expected = roc_auc_score([1] * 60 + [0] * 40, np.concatenate([positive, negative]))
    assert measures.auroc(list(positive), list(negative)) == pytest.approx(expected)


def test_sign_flips_are_counted_exactly_for_few_questions() -> None:
    # Of the eight ways to sign 1, 2 and 3, only +++ and --- sum to 6; the question without a difference is left out.
    assert measures.sign_flip_p(np.array([1.0, 2.0, 3.0, 0.0])) == 2 / 8
    # 1 + 2 - 1 = 2: the sums of the eight ways are 4, 2, 0, -2, 2, 0, -2, -4; six are as large.
    assert measures.sign_flip_p(np.array([1.0, 2.0, -1.0])) == 6 / 8
    assert measures.sign_flip_p(np.zeros(5)) == 1.0


def test_sign_flips_agree_with_scipy_for_many_questions() -> None:
    by = np.random.default_rng(2).normal(0.1, 0.5, 100)
    expected = permutation_test(
        (by, np.zeros(100)), lambda a, b, axis: np.mean(a - b, axis=axis), permutation_type="samples", n_resamples=9999,
        vectorized=True, rng=3,
    ).pvalue  # fmt: skip
    assert measures.sign_flip_p(by) == pytest.approx(expected, abs=0.02)


def test_a_difference_has_its_means_its_interval_and_is_the_same_every_time() -> None:
    old, new = [0.0] * 50 + [1.0] * 50, [1.0] * 20 + [0.0] * 30 + [1.0] * 50
    found = measures.difference(old, new)
    assert (found.count, found.old, found.new) == (100, 0.5, 0.7)
    assert 0.1 <= found.low < 0.2 < found.high <= 0.3
    assert found.p < 0.001
    assert measures.difference(old, new) == found


def test_values_that_are_no_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="2 old values and 1 new"):
        measures.difference([1.0, 0.0], [1.0])


def test_the_bootstrap_draws_whole_groups() -> None:
    values = np.array([1.0] * 10 + [0.0] * 10)
    assert measures.bootstrap(values, ["a"] * 10 + ["b"] * 10) == (0.0, 1.0)
    low, high = measures.bootstrap(values)
    assert 0.2 < low < 0.4 < 0.6 < high < 0.8
    assert measures.bootstrap(np.ones(5)) == (1.0, 1.0)


# -- judging


def citation(quote: str, marked: str, document: str = "a.txt", also_in: tuple[Copy, ...] = ()) -> Citation:
    start = quote.index(marked)
    highlight = (start, start + len(marked))
    scores = Scores(0.9, 0.9, 0.1)
    return Citation(1, document, "", None, "en", None, 1, 0, len(quote), quote, highlight, 1.0, scores, also_in)


@pytest.mark.parametrize(
    ("quote", "expected"),
    [
        ("It opens at nine.", True),
        ("It\u00a0opens   at\nnine.", True),
        ("opens", True),
        ("The museum is new. It", True),
        ("The museum is new.", False),
        ("is new. ", False),
        ("It closes at five.", False),
        ("elsewhere", False),
    ],
)
def test_the_marked_sentence_overlaps_the_quote_or_not(quote: str, expected: bool) -> None:
    text = "The museum is new.\n It opens  at nine. It closes at five."
    assert points_at(citation(text, "It opens  at nine."), [Relevant("a.txt", quote)]) is expected


def test_a_quote_counts_wherever_it_stands_in_the_passage() -> None:
    text = "Café one. Two. Cafe\u0301 one."
    assert points_at(citation(text, "Cafe\u0301 one."), [Relevant("a.txt", "Café one.")])
    assert not points_at(citation(text, "Two."), [Relevant("a.txt", "Café one.")])


def test_a_quote_from_another_document_counts_only_through_a_copy() -> None:
    relevant = [Relevant("b.txt", "One.")]
    assert not points_at(citation("One. Two.", "One."), relevant)
    assert points_at(citation("One. Two.", "One.", also_in=(Copy("b.txt", 5, 14),)), relevant)


def test_folding_is_nfc_with_single_spaces() -> None:
    assert fold(" й\u00a0 и\u0306\n") == "й й"


# -- with the real model


@pytest.mark.model
def test_groups_go_by_the_languages_of_question_and_documents(seed_index: rag.Index) -> None:
    collection = Collection(seed_index)
    quote = "около 500 компаний с эмиратским участием"
    assert collection.group(judged("Who?", (SEED, quote))) == "en->ru"
    assert collection.group(judged("Кто?", (SEED, quote), language="ru")) == "ru->ru"
    assert collection.group(judged("Who?", (SEED, quote), ("gone.txt", "It was signed."))) == "en->en+ru"
    assert collection.group(judged("Кто?", language="ru")) == "ru->none"


@pytest.mark.model
def test_items_that_one_passage_holds_are_one_target(seed_index: rag.Index) -> None:
    collection = Collection(seed_index)
    first, same, other = (
        "около 500 компаний",
        "с эмиратским участием",
        "которую страна организует совместно с Сенегалом",
    )
    targets = collection.targets(judged("?", (SEED, first), (SEED, same), (SEED, other), ("gone.txt", "x")))
    assert [[item.quote for item in each.items] for each in targets] == [[first, same], [other], ["x"]]
    assert [len(each.passages) for each in targets] == [1, 1, 0]


@pytest.mark.model
def test_what_the_index_does_not_hold_is_named_and_counts_as_missed(seed_index: rag.Index) -> None:
    text = seed_index.document(SEED).text
    first, second = (passage.text for passage in seed_index.store.passages[2:4])
    across = fold(text)[fold(text).index(fold(first)[-20:]) : fold(text).index(fold(second)[:20]) + 20]
    questions = [
        judged("Who signed it?", ("gone.txt", "signed"), id="1"),
        judged("Who signed it?", (SEED, "подписал Наполеон"), id="2"),
        judged("Who signed it?", (SEED, across), id="3"),
    ]
    evaluation = evaluate(seed_index, questions)
    assert [str(problem) for problem in evaluation.problems] == [
        "q.jsonl:1: the index holds no document 'gone.txt'; it counts as missed",
        f"q.jsonl:2: {SEED} does not contain the quote 'подписал Наполеон'; it counts as missed",
        f"q.jsonl:3: the quote runs over more than one passage of {SEED}: quote from one; it counts as missed",
    ]
    overall = to_json(evaluation)["overall"]
    assert (overall["count"], overall["nDCG@10"], overall["all@10"]) == (3, 0.0, 0.0)
    assert overall["abstention_auroc"] is overall["missed_answer_rate"] is overall["masked_false_answer_rate"] is None


@pytest.mark.model
def test_a_question_is_asked_again_without_its_passages(seed_index: rag.Index) -> None:
    quote = "около 500 компаний с эмиратским участием"
    question = "How many companies with Emirati participation operate in Kazakhstan?"
    (outcome,) = evaluate(seed_index, [judged(question, (SEED, quote))]).runs["hybrid"]
    assert quote in outcome.answer.citations[0].quote
    assert outcome.hits == (0,)
    assert outcome.sentence
    assert outcome.masked is not None
    assert [quote in each.quote for each in outcome.masked.citations] == [False] * 10
    assert outcome.masked.confidence < outcome.answer.confidence


@pytest.mark.model
def test_near_copies_are_masked_with_the_passage(encoder: rag.protocols.Encoder, tmp_path: Path) -> None:
    said = "The museum of glass in Murano opens at nine in the morning on every working day of the year."
    other = "The harbour is closed in winter because of the ice and the wind."
    for name, text in (("a", said), ("b", said), ("c", other)):
        (tmp_path / f"{name}.txt").write_text(text + "\n", "utf-8")
    index = rag.build(tmp_path, tmp_path / "index", encoder=encoder)
    (outcome,) = evaluate(index, [judged("When does the museum open?", ("b.txt", "opens at nine"))]).runs["hybrid"]
    assert outcome.ranked == dict.fromkeys(measures.RANKED, 1.0)
    assert outcome.masked is not None
    assert [each.document for each in outcome.masked.citations] == ["c.txt"]


@pytest.mark.model
def test_a_collection_of_one_passage_can_be_masked(encoder: rag.protocols.Encoder, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The museum opens at nine.\n", "utf-8")
    index = rag.build(tmp_path, tmp_path / "index", encoder=encoder)
    (outcome,) = evaluate(index, [judged("When does it open?", ("a.txt", "opens at nine"))]).runs["hybrid"]
    assert outcome.masked is not None
    assert (outcome.masked.verdict, outcome.masked.citations) == ("not_found", ())


@pytest.mark.model
def test_the_json_has_the_keys_of_the_contract(seed_index: rag.Index) -> None:
    questions = [
        judged("Сколько компаний работает в Казахстане?", (SEED, "около 500 компаний"), id="1", language="ru"),
        judged("What is the population of Abu Dhabi?", id="2"),
    ]
    steps: list[Progress] = []
    value = to_json(evaluate(seed_index, questions, baselines=True, progress=steps.append))
    assert steps == [Progress("asking", done, 2) for done in range(3)]
    assert list(value) == ["questions", "mode", "groups", "overall", "baselines"]
    assert (value["questions"], value["mode"]) == (2, "hybrid")
    assert list(value["baselines"]) == ["dense", "lexical", "rrf"]
    for each in [value, *value["baselines"].values()]:
        assert list(each["groups"]) == ["en->none", "ru->ru"]
        assert [list(group) for group in each["groups"].values()] == [KEYS, KEYS]
        assert list(each["overall"]) == [*KEYS, "false_answer_rate"]
        nothing = {key: value for key, value in each["groups"]["en->none"].items() if value is None}
        assert list(nothing) == KEYS[1:10]
        assert each["overall"]["count"] == 1
        # No unanswerable question is in Russian, so only the masked one stands on the second side of ru->ru.
        assert each["groups"]["ru->ru"]["abstention_auroc"] in (0.0, 0.5, 1.0)
        assert each["overall"]["false_answer_rate"] in (0.0, 1.0)
    assert json.loads(json.dumps(value)) == value


@pytest.mark.model
def test_unanswerable_questions_join_the_second_side_of_their_languages_groups(seed_index: rag.Index) -> None:
    quote = (SEED, "около 500 компаний")
    questions = [
        judged("How many companies operate in Kazakhstan?", quote, id="1"),
        judged("Сколько компаний работает в Казахстане?", quote, id="2", language="ru"),
        judged("What is the population of Abu Dhabi?", id="3"),
    ]
    evaluation = evaluate(seed_index, questions)
    english, russian, none = evaluation.runs["hybrid"]
    assert english.masked is not None
    assert russian.masked is not None
    value = to_json(evaluation)
    expected = {
        "en->ru": ([english], [english.masked, none.answer]),
        "ru->ru": ([russian], [russian.masked]),
        "overall": ([english, russian], [english.masked, russian.masked, none.answer]),
    }
    for group, (asked, without) in expected.items():
        pairs = itertools.product([each.answer.confidence for each in asked], [each.confidence for each in without])
        by_hand = np.mean([(a > b) + (a == b) / 2 for a, b in pairs])
        found = value["overall"] if group == "overall" else value["groups"][group]
        assert found["abstention_auroc"] == pytest.approx(by_hand, abs=1e-4)


@pytest.mark.model
def test_a_question_that_cannot_be_asked_is_named_and_left_out(seed_index: rag.Index) -> None:
    questions = [judged("x" * 100_000, id="1"), judged("Who?", id="2")]
    evaluation = evaluate(seed_index, questions)
    assert [outcome.question.id for outcome in evaluation.runs["hybrid"]] == ["2"]
    (problem,) = evaluation.problems
    assert str(problem).startswith("q.jsonl:1: left out: the question has 100,000 characters")
    with pytest.raises(EvaluationError, match="none of the 1 questions can be asked"):
        evaluate(seed_index, questions[:1])


@pytest.mark.model
def test_a_report_compared_with_itself_differs_in_nothing(seed_index: rag.Index) -> None:
    evaluation = evaluate(
        seed_index,
        [judged("How many companies operate in Kazakhstan?", (SEED, "около 500 компаний")), judged("Who?", id="none")],
    )
    value = compare(evaluation, json.loads(json.dumps(report_json(evaluation))))
    assert (value["questions"], value["left_out"], value["old_mode"]) == (2, 0, "hybrid")
    assert list(value["groups"]) == ["en->none", "en->ru"]
    assert value["overall"]["nDCG@10"] == {
        "count": 1, "old": 1.0, "new": 1.0, "low": 0.0, "high": 0.0, "p": 1.0, "difference": 0.0,
    }  # fmt: skip
    assert {each["difference"] for group in value["groups"].values() for each in group.values()} == {0.0}


@pytest.mark.model
def test_a_comparison_pairs_questions_and_leaves_out_changed_ones(seed_index: rag.Index) -> None:
    quote = (SEED, "около 500 компаний")
    asked = "How many companies operate in Kazakhstan?"
    evaluation = evaluate(seed_index, [judged(asked, quote, id=str(number)) for number in range(4)])
    old = report_json(evaluation)
    old["rows"][0]["values"]["nDCG@10"] = old["rows"][1]["values"]["nDCG@10"] = 0.0
    old["rows"][3]["asked"] = ["another question", []]
    value = compare(evaluation, old)
    assert (value["questions"], value["left_out"]) == (3, 1)
    found = value["overall"]["nDCG@10"]
    assert (found["count"], found["old"], found["new"], found["difference"]) == (3, 0.3333, 1.0, 0.6667)
    assert (found["low"], found["high"], found["p"]) == (0.0, 1.0, 0.5)
    with pytest.raises(EvaluationError, match="share no question"):
        compare(Evaluation("hybrid", {"hybrid": evaluation.runs["hybrid"][3:]}), old)


@pytest.mark.model
@pytest.mark.skipif(not (SHARED / "seeds").is_dir(), reason=f"the judged questions in {SHARED} are not here")
def test_the_shared_questions_find_their_passages(seed_index: rag.Index) -> None:
    questions, problems = load(SHARED / "seeds" / "questions.jsonl")
    evaluation = evaluate(seed_index, questions)
    value = to_json(evaluation)
    assert (problems, evaluation.problems) == ([], ())
    assert {name: group["count"] for name, group in value["groups"].items()} == {
        "en->none": 3, "en->ru": 7, "ru->none": 3, "ru->ru": 7,
    }  # fmt: skip
    assert value["overall"]["R@1"] * 14 >= 13 - 1e-3
