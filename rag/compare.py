"""Whether an evaluation differs from an earlier one, question by question, beyond chance."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rag import measures
from rag.errors import EvaluationError
from rag.evaluate import Evaluation, Outcome, by_group
from rag.measures import RANKED
from rag.types import Json

MEASURES = (*RANKED, "answer_sentence@1", "missed_answer_rate", "masked_false_answer_rate", "false_answer_rate")
OVERALL = "overall"


def rates(outcome: Outcome) -> dict[str, float]:
    """A question's own value of every measure in ``MEASURES`` that it counts for."""
    values = dict(outcome.ranked)
    verdict = outcome.answer.verdict
    if outcome.question.relevant:
        values["answer_sentence@1"] = float(outcome.sentence)
    else:
        values["false_answer_rate"] = float(verdict == "found")
    if outcome.masked:
        values["missed_answer_rate"] = float(verdict == "not_found")
        values["masked_false_answer_rate"] = float(outcome.masked.verdict == "found")
    return values


def read_report(path: str | Path) -> Json:
    """An earlier evaluation's report.json. Raises EvaluationError."""
    try:
        value = json.loads(Path(path).read_bytes())
        _rows(value)
    except OSError as error:
        raise EvaluationError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise EvaluationError(f"{path} is not a report.json that 'snoska eval --report' wrote: name one") from error
    return dict(value)


def compare(evaluation: Evaluation, old: Json) -> Json:
    """The differences from an old report, for the questions that both hold with the same text and judgements.

    ``{"questions", "left_out", "old_mode", "groups": {group: {measure: {"count", "old", "new", "difference", "low",
    "high", "p"}}}, "overall": …}``: low and high bound the difference new - old, at 95 %; p is two-sided. Raises
    EvaluationError where the two share no question.
    """
    before = _rows(old)
    now = evaluation.runs[evaluation.mode]
    both = [outcome for outcome in now if before.get(outcome.question.id, {}).get("asked") == asked(outcome)]
    if not both:
        raise EvaluationError("the two reports share no question: compare runs of the same questions file")
    return {
        "questions": len(both),
        "left_out": len(now) - len(both),
        "old_mode": old.get("mode"),
        "groups": {group: _differences(members, before) for group, members in by_group(both).items()},
        OVERALL: _differences(both, before),
    }


def asked(outcome: Outcome) -> list[Any]:
    """What must be the same for two outcomes to be of the same question."""
    return [outcome.question.question, [[item.document, item.quote] for item in outcome.question.relevant]]


def _rows(old: Json) -> dict[str, Json]:
    return {str(row["id"]): {"asked": row["asked"], "values": dict(row["values"])} for row in old["rows"]}


def _differences(outcomes: Sequence[Outcome], before: Mapping[str, Json]) -> dict[str, Json]:
    found = {}
    for name in MEASURES:
        pairs = []
        for outcome in outcomes:
            old, new = before[outcome.question.id]["values"].get(name), rates(outcome).get(name)
            if isinstance(old, int | float) and new is not None:
                pairs.append((float(old), new))
        if pairs:
            found[name] = _json(measures.difference(*zip(*pairs, strict=True)))
    return found


def _json(difference: measures.Difference) -> Json:
    values = {name: round(value, 4) for name, value in dataclasses.asdict(difference).items()}
    return {**values, "difference": round(difference.new - difference.old, 4)}
