"""A process that reads lists of questions for another one, within limits of time and memory.

Run as ``python -m rag.batch_worker SECONDS MEGABYTES``, and spoken to as :mod:`rag.reading.worker` is. A request is
``{"name", "content", "most"}``: the file's name, its bytes in base64, and how many questions are wanted at most. Its
answer is ``{"count", "asked", "passed"}``: how many questions there are, the first of them as ``[question, line]``, and
the lines passed over as ``[line, reason]``; or ``{"error"}``.
"""

from __future__ import annotations

import base64
import binascii

from rag.batch import read
from rag.errors import EvaluationError
from rag.reading import worker
from rag.types import Json


def listed(request: Json) -> Json:
    """The list's questions; raises EvaluationError where it cannot be read."""
    try:
        data = base64.b64decode(request["content"], validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise EvaluationError("the file did not arrive whole: send it again") from error
    asked, passed = read(data, request["name"])
    return {
        "count": len(asked),
        "asked": [[each.question, each.line] for each in asked[: request["most"]]],
        "passed": [[each.line, each.reason] for each in passed],
    }


if __name__ == "__main__":
    worker.main(listed)
