"""A process whose children build an index and are killed: ``python -m tests.killed``.

It imports the program once and forks for each build. A request is a line of JSON: ``{"documents", "index",
"mapped_from", "rebuild"}`` with ``at``, the step to be killed at, or ``after``, the seconds to be killed after. Its
answer is a line: the signal that ended the child, negative, or 0 where the build ended before.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rag.durable import Disk
from rag.settings import Settings
from rag.types import Json
from tests.faults import Case, Killing, make_small

LONGEST = 60  # seconds that a child may take: some hundredths, on any machine
ROOT = Path(__file__).resolve().parent.parent


class Killed:
    """Starts the process, and asks it; a context manager."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.killed"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def __enter__(self) -> Killed:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=60)

    def build(self, case: Case, index: Path, **when: float) -> int:
        """Builds in a child; the signal that ended it, negative, or 0."""
        request = {
            "documents": str(case.documents),
            "index": str(index),
            "mapped_from": case.settings.mapped_from,
            "rebuild": case.rebuild,
            **when,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def ended(request: Json) -> int:
    """How the child that builds has ended."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            settings = Settings(mapped_from=request["mapped_from"], ocr=())
            case = Case("", Path(request["documents"]), Path(), settings, request["rebuild"])
            case.build(Path(request["index"]), Killing(request["at"]) if "at" in request else Disk())
            code = 0
        finally:
            os._exit(code)
    until = time.monotonic() + request.get("after", LONGEST)
    while (found := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
            until += LONGEST
        time.sleep(0.001)
    return os.waitstatus_to_exitcode(found[1])


def main() -> None:
    make_small()
    for line in sys.stdin:
        request: Any = json.loads(line)
        sys.stdout.write(f"{ended(request)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
