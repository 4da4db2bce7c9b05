"""Batch evaluation: judged questions asked of an index, and how well it did, by language pair.

The whole command is :func:`rag.report.run`::

    from rag import report
    result = report.run(index, "questions.jsonl", mode="hybrid", baselines=False,
                        report=None, compare=None, progress=lambda step: None)
    result.problems   # tuple[Problem, ...]: str(problem) is one line, "questions.jsonl:3: ..."; for stderr
    result.json       # the object that `eval --json` prints
    result.text       # the same as a plain table, for stdout

``report`` is a folder that gets report.html, report.json and runs.trec, ``compare`` an old report.json. It raises
RagError. ``progress`` hears ``Progress("asking", done, total)``. In parts: :func:`rag.questions.load`,
:func:`evaluate` and :func:`to_json` here, :func:`rag.compare.compare`, :func:`rag.report.write_report`.

How it counts:

- A *target* is an item of ``relevant``; items that the same passages hold are one target. Each target is needed on
  its own: a question with its answer in two languages has two. The first passage in the ranking that holds a target
  meets it; a later one that holds only what is met already keeps its rank and is no hit. A passage in which
  near-copies are folded meets the targets of all of them, and these then count as one.
- A target that the index does not hold is named as a problem and counts as missed. A question with no target in the
  index stays out of what is measured by masking, and of ``missed_answer_rate``: there is no answer there to miss.
- Masked, a question is asked as if the collection did not hold the passages of its targets, nor their near-copies.
- A question that cannot be asked (too long) is named as a problem and left out.
"""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from rag import measures
from rag.errors import EvaluationError, QuestionError
from rag.index import Index
from rag.measures import DEPTH, RANKED
from rag.questions import Judged, Problem, Relevant
from rag.text import language, shorten
from rag.types import Answer, Citation, Json, Mode, Progress, ProgressCallback

BASELINES: tuple[Mode, ...] = ("dense", "lexical", "rrf")
NO_ANSWER = "none"  # in a group's name, for questions that the collection does not answer

Place = tuple[str, int, int]  # document, start, end


@dataclass(frozen=True, slots=True)
class Target:
    """A needed passage: the items of ``relevant`` that ask for it, and the passages of the index that would do."""

    items: tuple[Relevant, ...]
    passages: frozenset[int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A question as it was asked in one mode. ``hits`` are the positions of citations that met a target.

    ``masked`` is its answer with the relevant passages masked, None where there are none to mask.
    """

    question: Judged
    group: str
    held: bool
    answer: Answer
    milliseconds: float
    hits: tuple[int, ...]
    ranked: Mapping[str, float]  # by RANKED; empty for a question without an answer
    sentence: bool
    masked: Answer | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The outcomes of every question in each mode asked, ``mode`` first, and what was wrong with the questions."""

    mode: Mode
    runs: Mapping[Mode, Sequence[Outcome]]
    problems: tuple[Problem, ...] = ()
    info: Json = field(default_factory=dict)


def evaluate(
    index: Index,
    questions: Sequence[Judged],
    mode: Mode = "hybrid",
    baselines: bool = False,
    progress: ProgressCallback = lambda _: None,
) -> Evaluation:
    """Asks every question, in ``BASELINES`` too where wanted. Raises EvaluationError where none can be asked."""
    modes = dict.fromkeys([mode, *(BASELINES if baselines else ())])
    collection = Collection(index)
    problems = [problem for question in questions for problem in collection.missing(question)]
    runs: dict[Mode, list[Outcome]] = {each: [] for each in modes}
    index.warm_up()
    total = len(questions)
    for done, question in enumerate(questions):
        progress(Progress("asking", done, total))
        try:
            for each in modes:
                runs[each].append(_asked(index, collection, question, each))
        except QuestionError as error:
            problems.append(Problem(question.where, f"left out: {error}"))
    progress(Progress("asking", total, total))
    if not runs[mode]:
        raise EvaluationError(f"none of the {total} questions can be asked: {problems[-1] if problems else 'none'}")
    return Evaluation(mode, runs, tuple(problems), index.info())


def _asked(index: Index, collection: Collection, question: Judged, mode: Mode) -> Outcome:
    targets = collection.targets(question)
    started = time.perf_counter()
    answer = index.ask(question.question, DEPTH, mode=mode)
    milliseconds = 1000 * (time.perf_counter() - started)
    matches = [collection.matches(citation, targets) for citation in answer.citations]
    masks = {number for target in targets for number in target.passages}
    for citation, matched in zip(answer.citations, matches, strict=True):
        if matched:
            masks |= collection.numbers(citation)
    return Outcome(
        question=question,
        group=collection.group(question),
        held=bool(masks),
        answer=answer,
        milliseconds=milliseconds,
        hits=tuple(position for position, matched in enumerate(matches) if matched),
        ranked=measured(matches, len(targets)),
        sentence=bool(answer.citations) and points_at(answer.citations[0], question.relevant),
        masked=index.without(masks).ask(question.question, DEPTH, mode=mode) if masks else None,
    )


def measured(matches: Sequence[frozenset[int]], targets: int) -> Mapping[str, float]:
    """The ranked measures of one question; ``matches`` holds the targets that each citation holds, best first."""
    if not targets:
        return {}
    unmet = set(range(targets))
    found, needed = [], []
    for position, matched in enumerate(matches):
        name = f"passage {position}"
        found.append(name)
        if matched & unmet:
            needed.append(name)
            unmet -= matched
    return measures.ranked(found, [*needed, *(f"target {number}" for number in unmet)])


class Collection:
    """What the judgements look up in an index, each thing once."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._numbers: dict[Place, int] = {}
        self._by_document: dict[str, list[int]] = {}
        for number in index.store.everyone().tolist():
            passage = index.store.passage(number)
            self._numbers[passage.document, passage.start, passage.end] = number
            self._by_document.setdefault(passage.document, []).append(number)
        self._found: dict[Relevant, frozenset[int]] = {}

    def passages(self, item: Relevant) -> frozenset[int]:
        """The passages of the item's document that contain its quote."""
        if item not in self._found:
            quote, store = fold(item.quote), self._index.store
            numbers = self._by_document.get(item.document, ())
            self._found[item] = frozenset(number for number in numbers if quote in fold(store.passage(number).text))
        return self._found[item]

    def targets(self, question: Judged) -> list[Target]:
        """What is needed, in the question's order; items that the same passages hold are one target."""
        together: dict[object, list[Relevant]] = {}
        for item in question.relevant:
            together.setdefault(self.passages(item) or item, []).append(item)
        return [Target(tuple(items), self.passages(items[0])) for items in together.values()]

    def group(self, question: Judged) -> str:
        """``en->en+ru``: the question's language and those of its relevant documents; a quote's where the index does
        not hold its document."""
        languages = {self._language(item) for item in question.relevant}
        return f"{question.language}->{'+'.join(sorted(languages)) or NO_ANSWER}"

    def _language(self, item: Relevant) -> str:
        if item.document not in self._by_document:
            return language(item.quote)
        return self._index.document(item.document).language

    def missing(self, question: Judged) -> Iterator[Problem]:
        """The question's items that the index does not hold; they count as missed."""
        for item in question.relevant:
            if self.passages(item):
                continue
            if item.document not in self._by_document:
                why = f"the index holds no document {item.document!r}"
            elif fold(item.quote) in fold(self._index.document(item.document).text):
                why = f"the quote runs over more than one passage of {item.document}: quote from one"
            else:
                why = f"{item.document} does not contain the quote {shorten(item.quote, 60)!r}"
            yield Problem(question.where, f"{why}; it counts as missed")

    def matches(self, citation: Citation, targets: Sequence[Target]) -> frozenset[int]:
        """The targets, by their places in ``targets``, that a citation or one of its near-copies holds."""
        numbers = self.numbers(citation)
        return frozenset(place for place, target in enumerate(targets) if numbers & target.passages)

    def numbers(self, citation: Citation) -> set[int]:
        """The passages that a citation stands for: its own and its near-copies."""
        return {self._numbers[place] for place in places(citation)}


def places(citation: Citation) -> list[Place]:
    """Where a citation's passage stands, and where its near-copies do."""
    copies = [(copy.document, copy.start, copy.end) for copy in citation.also_in]
    return [(citation.document, citation.start, citation.end), *copies]


@lru_cache(maxsize=1 << 16)
def fold(text: str) -> str:
    """NFC, with white space folded: the form in which a quote is looked for."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def points_at(citation: Citation, relevant: Sequence[Relevant]) -> bool:
    """Whether the citation's highlighted sentence overlaps a quote from its document or from one of its copies'."""
    documents = {document for document, _, _ in places(citation)}
    text = fold(citation.quote)
    before, marked = (fold(citation.quote[a:b]) for a, b in ((0, citation.highlight[0]), citation.highlight))
    start = len(before) + (text[len(before) :].startswith(" ") if before else 0)
    end = start + len(marked)
    for item in relevant:
        quote = fold(item.quote)
        at = text.find(quote) if item.document in documents else -1
        while at >= 0:
            if at < end and start < at + len(quote):
                return True
            at = text.find(quote, at + 1)
    return False


def to_json(evaluation: Evaluation) -> Json:
    """The object that ``eval --json`` prints."""
    main = evaluation.runs[evaluation.mode]
    value: Json = {"questions": len(main), "mode": evaluation.mode, **_summary(main)}
    others = {mode: _summary(outcomes) for mode, outcomes in evaluation.runs.items() if mode != evaluation.mode}
    return {**value, "baselines": others} if others else value


def by_group(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """The outcomes of each group, the groups in the order of their names."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.group, []).append(outcome)
    return dict(sorted(groups.items()))


def _summary(outcomes: Sequence[Outcome]) -> Json:
    unanswerable = [outcome for outcome in outcomes if not outcome.question.relevant]
    groups = {}
    for name, members in by_group(outcomes).items():
        spoken = members[0].question.language
        groups[name] = _values(members, [each for each in unanswerable if each.question.language == spoken])
    overall = _values([outcome for outcome in outcomes if outcome.question.relevant], unanswerable)
    overall["false_answer_rate"] = _rounded(measures.mean([each.answer.verdict == "found" for each in unanswerable]))
    return {"groups": groups, "overall": overall}


def _values(outcomes: Sequence[Outcome], unanswerable: Sequence[Outcome]) -> Json:
    """One group's measures; ``unanswerable`` join the questions that abstention is told from."""
    judged = [outcome for outcome in outcomes if outcome.question.relevant]
    held = [outcome for outcome in judged if outcome.held]
    masked = [outcome.masked for outcome in held if outcome.masked]
    without = [answer.confidence for answer in masked] + [each.answer.confidence for each in unanswerable]
    times = [outcome.milliseconds for outcome in outcomes]
    values: dict[str, float | None] = {
        **{name: measures.mean([outcome.ranked[name] for outcome in judged]) for name in RANKED},
        "answer_sentence@1": measures.mean([outcome.sentence for outcome in judged]),
        "abstention_auroc": measures.auroc([outcome.answer.confidence for outcome in held], without),
        "missed_answer_rate": measures.mean([outcome.answer.verdict == "not_found" for outcome in held]),
        "masked_false_answer_rate": measures.mean([answer.verdict == "found" for answer in masked]),
    }
    return {
        "count": len(outcomes),
        **{name: _rounded(value) for name, value in values.items()},
        "latency_ms_p50": _rounded(measures.percentile(times, 50), 1),
        "latency_ms_p95": _rounded(measures.percentile(times, 95), 1),
    }


def _rounded(value: float | None, digits: int = 4) -> float | None:
    return None if value is None else round(value, digits)
