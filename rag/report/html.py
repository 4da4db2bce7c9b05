"""report.html: one file that opens offline and that someone who does not program can read.

The words are in ``report.html`` beside this file, a Jinja template that escapes all that is put into it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from rag.evaluate import Evaluation, Outcome, fold
from rag.report import plots
from rag.text import clean, shorten
from rag.types import Citation, Json

BINS = 10  # of confidence, equally wide
LIST = 5  # passages shown of those that came instead
QUOTE = 400  # characters of a passage that are shown


@dataclass(frozen=True, slots=True)
class Measure:
    """A column of the table: its key in the JSON, its heading and what it means in words."""

    key: str
    name: str
    meaning: str


MEASURES = (
    Measure("nDCG@10", "nDCG@10", "how high up the right passages stand in the first ten; 1 is perfect"),
    Measure("R@1", "R@1", "share of the right passages that come first"),
    Measure("R@5", "R@5", "share of the right passages that are in the first five"),
    Measure("all@10", "all@10", "share of questions with every right passage in the first ten"),
    Measure("RR@10", "RR@10", "one divided by the rank of the first right passage, on average"),
    Measure("answer_sentence@1", "right sentence", "the marked sentence of the first passage is the one that answers"),
    Measure("abstention_auroc", "AUROC", "how far confidence tells questions with an answer from others: .5 is chance"),
    Measure("missed_answer_rate", "missed", "said to be not found although the answer is there"),
    Measure("masked_false_answer_rate", "masked, found", "said to be found with the right passages taken away"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Miss:
    """A question that went wrong, what was expected, and what came instead."""

    outcome: Outcome
    instead: Sequence[Citation]
    confidence: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """The misses of one kind; ``open`` ones are shown unfolded."""

    title: str
    meaning: str
    misses: Sequence[Miss]
    open: bool = True


def html(evaluation: Evaluation, value: Json, title: str) -> str:
    """The page as text; ``value`` is the evaluation's report.json, ``title`` names the questions file."""
    import jinja2  # lazily: only a report needs it
    from markupsafe import Markup

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(share=_share, number=_number, excerpt=_excerpt, clean=clean)
    template = environment.from_string(
        resources.files("rag.report").joinpath("report.html").read_text(encoding="utf-8")
    )
    outcomes = evaluation.runs[evaluation.mode]
    answerable = [outcome for outcome in outcomes if outcome.question.relevant]
    return template.render(
        title=title,
        value=value,
        tables=[(evaluation.mode, value), *value.get("baselines", {}).items()],
        measures=MEASURES,
        first=sum(0 in outcome.hits for outcome in answerable),
        answerable=len(answerable),
        wrong=sum(outcome.answer.verdict == "found" for outcome in outcomes if not outcome.question.relevant),
        unanswerable=len(outcomes) - len(answerable),
        sections=sections(outcomes),
        plots=[
            (heading, words, Markup(svg)) for heading, words, svg in _plots(evaluation, value)
        ],  # escaped where it is drawn
    )


def sections(outcomes: Sequence[Outcome]) -> list[Section]:
    """Every miss, by kind; a question may be in more than one."""
    answerable = [outcome for outcome in outcomes if outcome.question.relevant]
    return [
        Section(
            "The right passage does not come first",
            "Another passage stands above it, or it is not in the first ten.",
            [_miss(outcome, _rank(outcome)) for outcome in answerable if 0 not in outcome.hits],
        ),
        Section(
            "Said to be not found, although the answer is there",
            "The confidence was too low.",
            [
                _miss(outcome, _rank(outcome))
                for outcome in answerable
                if outcome.held and outcome.answer.verdict == "not_found"
            ],
        ),
        Section(
            "Answered, although the collection holds no answer",
            "Nothing was expected.",
            [
                _miss(outcome)
                for outcome in outcomes
                if not outcome.question.relevant and outcome.answer.verdict == "found"
            ],
        ),
        Section(
            "The right passage, but another sentence is marked",
            "The passage comes first; the sentence marked in it is not the one expected.",
            [_miss(outcome) for outcome in answerable if 0 in outcome.hits and not outcome.sentence],
            open=False,
        ),
        Section(
            "Answered, although the right passages were taken away",
            "A test of caution: the question was asked again without its right passages, and was answered with others.",
            [
                Miss(outcome, outcome.masked.citations[:LIST], outcome.masked.confidence)
                for outcome in answerable
                if outcome.masked and outcome.masked.verdict == "found"
            ],
            open=False,
        ),
    ]


def _miss(outcome: Outcome, note: str = "") -> Miss:
    return Miss(outcome, outcome.answer.citations[:LIST], outcome.answer.confidence, note)


def _rank(outcome: Outcome) -> str:
    if not outcome.held:
        return "The index does not hold what is expected."
    return f"What is expected stands at rank {outcome.hits[0] + 1}." if outcome.hits else "It is not in the first ten."


def _plots(evaluation: Evaluation, value: Json) -> list[tuple[str, str, str]]:
    modes = {evaluation.mode: value, **value.get("baselines", {})}
    groups = [name for name, each in value["groups"].items() if each["nDCG@10"] is not None]
    scores = {mode: [each["groups"][group]["nDCG@10"] for group in groups] for mode, each in modes.items()}
    times: dict[str, list[float]] = {
        mode: [outcome.milliseconds for outcome in outcomes] for mode, outcomes in evaluation.runs.items()
    }
    return [
        (
            "Right passages high up",
            "nDCG@10 by language pair, question → documents. Higher is better; 1 is perfect.",
            plots.bars(groups, scores, "nDCG@10"),
        ),
        (
            "Confidence that can be believed",
            "How often was the answer there, by confidence? On the line it keeps its word, below it promises too much.",
            plots.reliability(reliability(evaluation.runs[evaluation.mode]), "answer is there", "stated confidence"),
        ),
        (
            "Time to an answer",
            "The share of questions answered within so many milliseconds, on the computer that ran this.",
            plots.latency(times, "share of questions", "milliseconds"),
        ),
    ]


def reliability(outcomes: Sequence[Outcome]) -> list[tuple[float, float, int]]:
    """(mean confidence, share with the answer there, count) of each bin of confidence that is not empty.

    Every question counts as it is asked, and once more with its relevant passages masked: then no answer is there.
    """
    asked = [(outcome.answer.confidence, outcome.held) for outcome in outcomes]
    asked += [(outcome.masked.confidence, False) for outcome in outcomes if outcome.masked]
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for confidence, there in asked:
        bins[min(int(confidence * BINS), BINS - 1)].append((confidence, there))
    return [
        (sum(c for c, _ in each) / len(each), sum(t for _, t in each) / len(each), len(each)) for each in bins if each
    ]


def _excerpt(citation: Citation) -> tuple[str, str, str]:
    """The passage's text before, in and after its marked sentence, long ones shortened around it."""
    start, end = citation.highlight
    before, marked, after = fold(citation.quote[:start]), fold(citation.quote[start:end]), fold(citation.quote[end:])
    marked = shorten(marked, QUOTE)
    room = max(QUOTE - len(marked), 0) // 2
    before = before if len(before) <= room else "…" + before[len(before) - room :] if room else "…"
    return before, marked, shorten(after, room) or ("…" if after else "")


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"
