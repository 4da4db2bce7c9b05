"""What users say of answers, kept as a questions file that ``snoska eval`` reads: their own test set, grown by use.

Two files lie in a folder, both JSON Lines and readable by their owner only:

- ``feedback.jsonl``: questions whose answer is known. "Right" names the answering sentence; a passage that was pointed
  out is named whole, since nobody said which of its sentences answers; "not in these documents" names none.
- ``feedback-open.jsonl``: questions of which it is only known that the answer was wrong. They have no ``relevant``, so
  that nothing is measured by them until a person has found the passage.

A question stands in one of them, once: the last judgement counts. Lines that others wrote are kept as they are.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, cast

from filelock import FileLock

from rag import durable
from rag.durable import PRIVATE, NewFile
from rag.errors import EvaluationError, IndexUnusable, QuestionError
from rag.query import MAX_QUESTION
from rag.stores.files import remedy
from rag.text import clean
from rag.types import Answer, Citation, Json

KNOWN, OPEN = "feedback.jsonl", "feedback-open.jsonl"
LOCK, TEMPORARY = ".feedback.lock", ".feedback-"
MAX_LINES = 10_000  # of a file, which is written anew at each judgement: some megabytes
MAX_LINE = 2**16  # bytes of a judgement: of most, the question and one passage, it is a thirtieth
MAX_BYTES = 2**24  # of a file: ten thousand answering sentences take half of that

Judgement = Literal["right", "passage", "wrong", "none"]


class Feedback:
    """The judgements in a folder; several processes may write."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def judge(
        self, answer: Answer, judgement: Judgement, passage: int | None = None, *, filtered: bool = False
    ) -> Literal["known", "open"]:
        """Keeps what was said of an answer, in place of what was said of its question before; tells in which file.

        ``right``: the answer answers, or rightly says that nothing does; ``passage``: the shown passage of that rank
        does; ``wrong``: none of those shown does; ``none``: nothing in the collection does. ``filtered`` says that only
        some documents were asked: that these do not answer says nothing of the others. Raises QuestionError where the
        answer holds no such passage or is longer than any that was given, EvaluationError where the file is full,
        IndexUnusable where it cannot be written.
        """
        line = _line(answer, judgement, passage)
        if filtered and line["relevant"] == []:
            line["relevant"] = None
        is_known = line["relevant"] is not None
        kept = _written({name: value for name, value in line.items() if value is not None})
        if len(answer.question) > MAX_QUESTION or len(kept) > MAX_LINE:
            raise QuestionError("the question or the passage is longer than any that was asked or shown: ask again")
        with self._writing():
            self._replace(KNOWN, line["id"], kept if is_known else None)
            self._replace(OPEN, line["id"], None if is_known else kept)
        return "known" if is_known else "open"

    def withdraw(self, question: str) -> None:
        """Takes back what was said of a question. Raises IndexUnusable where the file cannot be written."""
        with self._writing():
            for name in (KNOWN, OPEN):
                self._replace(name, _id(question), None)

    def said_of(self, question: str) -> tuple[Judgement, int | None] | None:
        """What was said of a question last, and the passage's rank, if one was pointed out."""
        id = _id(question)
        for name in (KNOWN, OPEN):
            for line in self._lines(name):
                value = _value(line) if _is_of(line, id) else {}
                if value.get("judgement") in ("right", "passage", "wrong", "none"):
                    rank = value.get("rank")
                    return cast(Judgement, value["judgement"]), rank if isinstance(rank, int) else None
        return None

    def _lines(self, name: str) -> list[bytes]:
        try:
            return [line for line in (self._folder / name).read_bytes().split(b"\n") if line.strip()]
        except FileNotFoundError:
            return []

    def _replace(self, name: str, id: str, written: bytes | None) -> None:
        """Writes a file anew with this as the id's only line, or without any."""
        before = self._lines(name)
        lines = [line for line in before if not _is_of(line, id)]
        if written is not None:
            lines.append(written)
            if len(lines) > MAX_LINES or sum(map(len, lines)) > MAX_BYTES:
                full = f"{MAX_LINES:,} judgements or {MAX_BYTES >> 20} MB"
                raise EvaluationError(f"{self._folder / name} is full ({full}): move it elsewhere")
        if lines != before:
            self._write(name, lines)

    def _write(self, name: str, lines: Sequence[bytes]) -> None:
        with NewFile(self._folder, TEMPORARY, PRIVATE) as new:
            new.write(b"".join(line + b"\n" for line in lines))
            new.put(self._folder / name)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with FileLock(self._folder / LOCK, fallback_to_soft=False):
                for left in self._folder.glob(f"{TEMPORARY}*"):  # by a crash: nobody else writes now
                    durable.disk.remove(left)
                yield
        except OSError as error:
            raise IndexUnusable(f"{self._folder} cannot be written ({error.strerror}): {remedy(error)}") from error


def _line(answer: Answer, judgement: Judgement, passage: int | None) -> Json:
    """The line of a questions file; ``relevant`` is None where it is not known what answers."""
    relevant, text = None, None
    if judgement == "none" or (judgement == "right" and answer.citation is None):
        relevant = []
    elif judgement == "right":
        cited = _cited(answer, answer.citation)
        sentence = cited.quote[slice(*cited.highlight)].strip()
        relevant, text = [_place(cited, sentence or cited.quote)], answer.text
    elif judgement == "passage":
        cited = _cited(answer, passage)
        relevant = [_place(cited, cited.quote)]
    return {
        "id": _id(answer.question),
        "question": answer.question,
        "language": answer.language,
        "relevant": relevant,
        "answer": text,
        "judgement": judgement,
        "rank": passage if judgement == "passage" else None,
        "verdict": answer.verdict,
        "judged": datetime.datetime.now().astimezone().date().isoformat(),
    }


def _cited(answer: Answer, rank: int | None) -> Citation:
    found = next((each for each in answer.citations if each.rank == rank), None)
    if found is None:
        raise QuestionError(f"the answer has no passage {rank}: give the rank of one that is shown")
    return found


def _place(citation: Citation, quote: str) -> Json:
    return {"document": citation.document, "quote": quote}


def _id(question: str) -> str:
    """One for a question however it is capitalised and spaced."""
    return f"f-{hashlib.sha256(clean(question).casefold().encode()).hexdigest()[:16]}"


def _written(value: Json) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _is_of(line: bytes, id: str) -> bool:
    """Whether a line has this id; only one that holds it somewhere is parsed."""
    return id.encode() in line and _value(line).get("id") == id


def _value(line: bytes) -> Json:
    """A line's object; an empty one where it is none."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
