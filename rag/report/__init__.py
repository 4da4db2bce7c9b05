"""An evaluation as files and as a table: report.html for people, report.json for --compare, runs.trec for trec_eval."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from rag import compare as comparing
from rag.errors import EvaluationError
from rag.evaluate import Evaluation, Outcome, evaluate, to_json
from rag.index import Index
from rag.questions import Problem, load
from rag.report.html import html
from rag.types import Citation, Json, Mode, ProgressCallback

TABLE = (
    ("count", "questions"),
    ("nDCG@10", "nDCG@10"),
    ("R@1", "R@1"),
    ("R@5", "R@5"),
    ("all@10", "all@10"),
    ("RR@10", "RR@10"),
    ("answer_sentence@1", "sentence"),
    ("abstention_auroc", "AUROC"),
    ("missed_answer_rate", "missed"),
    ("masked_false_answer_rate", "masked found"),
    ("latency_ms_p50", "p50 ms"),
    ("latency_ms_p95", "p95 ms"),
)


@dataclass(frozen=True, slots=True)
class Result:
    """What the command shows: the JSON object, the same as a plain table, and what was wrong with the questions."""

    json: Json
    text: str
    problems: tuple[Problem, ...]


def run(
    index: Index,
    questions: str | Path,
    *,
    mode: Mode = "hybrid",
    baselines: bool = False,
    report: str | Path | None = None,
    compare: str | Path | None = None,
    progress: ProgressCallback = lambda _: None,
) -> Result:
    """The whole of ``snoska eval``. Raises EvaluationError, before anything is asked where a file is no good.

    With ``compare`` the JSON has ``comparison`` added, as :func:`rag.compare.compare` gives it.
    """
    judged, unread = load(questions)
    old = comparing.read_report(compare) if compare is not None else None
    if report is not None:
        _folder(Path(report))
    evaluation = evaluate(index, judged, mode, baselines, progress)
    evaluation = Evaluation(mode, evaluation.runs, (*unread, *evaluation.problems), evaluation.info)
    comparison = comparing.compare(evaluation, old) if old is not None else None
    if report is not None:
        write_report(evaluation, Path(report), Path(questions).name, comparison)
    value = to_json(evaluation)
    if comparison is not None:
        value["comparison"] = comparison
    return Result(value, table(value), evaluation.problems)


def write_report(evaluation: Evaluation, folder: Path, title: str, comparison: Json | None = None) -> None:
    """Writes report.html, report.json and runs.trec into ``folder``. Raises EvaluationError where it cannot."""
    _folder(folder)
    value = report_json(evaluation, comparison)
    files = {
        "report.html": html(evaluation, value, title),
        "report.json": json.dumps(value, ensure_ascii=False, indent=1) + "\n",
        "runs.trec": "".join(trec(evaluation)),
    }
    for name, text in files.items():
        try:
            (folder / name).write_text(text, encoding="utf-8", errors="replace")
        except OSError as error:
            raise EvaluationError(f"{folder / name} cannot be written: {error.strerror}") from error


def _folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EvaluationError(f"the folder {folder} cannot be made: {error.strerror}") from error


def report_json(evaluation: Evaluation, comparison: Json | None = None) -> Json:
    """What ``eval --json`` prints, and what it comes from: ``problems``, ``index`` and one of ``rows`` a question."""
    value = {
        **to_json(evaluation),
        "problems": [{"where": each.where, "message": each.message} for each in evaluation.problems],
        "index": evaluation.info,
        "rows": [_row(outcome) for outcome in evaluation.runs[evaluation.mode]],
    }
    return value if comparison is None else {**value, "comparison": comparison}


def _row(outcome: Outcome) -> Json:
    masked = outcome.masked
    return {
        "id": outcome.question.id,
        "group": outcome.group,
        "asked": comparing.asked(outcome),
        "verdict": outcome.answer.verdict,
        "confidence": outcome.answer.confidence,
        "masked_verdict": masked.verdict if masked else None,
        "masked_confidence": masked.confidence if masked else None,
        "hits": [position + 1 for position in outcome.hits],
        "latency_ms": round(outcome.milliseconds, 1),
        "values": {name: round(value, 6) for name, value in comparing.rates(outcome).items()},
        "citations": [[each.document, each.start, each.end, each.score] for each in outcome.answer.citations],
    }


def trec(evaluation: Evaluation) -> Iterator[str]:
    """The lines of a trec_eval run file, one run a mode; a passage is ``document:start-end``, percent-encoded."""
    for mode, outcomes in evaluation.runs.items():
        for outcome in outcomes:
            name = _word(outcome.question.id)
            for citation in outcome.answer.citations:
                # The rank is the order; scores of equal passages would be put in another order by trec_eval.
                score = f"{1 / citation.rank:.6f}"
                yield f"{name} Q0 {_passage(citation)} {citation.rank} {score} snoska-{mode}\n"


def _passage(citation: Citation) -> str:
    return f"{_word(citation.document)}:{citation.start}-{citation.end}"


def _word(text: str) -> str:
    """The text without white space, which separates the columns; letters of any script stay readable."""
    return "".join(quote(sign) if sign.isspace() or sign == "%" else sign for sign in text)


def table(value: Json) -> str:
    """The JSON of an evaluation as a plain table, baselines and comparison below it."""
    blocks = [_block(value["mode"], value)]
    blocks += [_block(mode, each) for mode, each in value.get("baselines", {}).items()]
    if "comparison" in value:
        blocks.append(_comparison(value["comparison"]))
    return "\n\n".join(blocks)


def _block(mode: str, value: Json) -> str:
    rows = [[mode, *(title for _, title in TABLE)]]
    for name, values in [*value["groups"].items(), ("overall", value["overall"])]:
        rows.append([name, *(_number(values[key]) for key, _ in TABLE)])
    false = value["overall"]["false_answer_rate"]
    told = f"\nfound though the collection has no answer: {_number(false)}" if false is not None else ""
    return _aligned(rows) + told


def _comparison(value: Json) -> str:
    rows = [[f"against the old report ({value['questions']} questions)", "old", "new", "difference", "95 %", "p"]]
    for group, differences in [*value["groups"].items(), (comparing.OVERALL, value["overall"])]:
        for name, each in differences.items():
            if group != comparing.OVERALL and each["low"] == each["high"] == 0:
                continue  # nothing differs: report.html and the JSON have it
            interval = f"{each['low']:+.3f} to {each['high']:+.3f}"
            numbers = [f"{each['old']:.3f}", f"{each['new']:.3f}", f"{each['difference']:+.3f}"]
            rows.append([f"{group} {name}", *numbers, interval, f"{each['p']:.4f}"])
    return _aligned(rows)


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return str(value) if isinstance(value, int) else f"{value:.3f}" if value <= 1 else f"{value:.0f}"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)
