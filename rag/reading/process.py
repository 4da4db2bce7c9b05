"""A reading process, as its parent holds it: started at the first request, ended when it takes too long."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import BinaryIO

from rag.errors import DocumentError
from rag.reading.worker import receive, send
from rag.types import Json

WORKER = "rag.reading.worker"
ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",  # each of numpy's threads takes address space, of which there is a limit
    "MALLOC_ARENA_MAX": "2",  # so does each arena
    "PYTHONUTF8": "1",
}
PACKAGES = Path(__file__).resolve().parent.parent.parent


class Process:
    """One reading process, or none yet. Not for several threads at once; a context manager that ends it."""

    def __init__(self, seconds: int, megabytes: int, module: str = WORKER) -> None:
        self._seconds, self._megabytes, self._module = seconds, megabytes, module
        self._process: subprocess.Popen[bytes] | None = None
        self._killed = False

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def ask(self, request: Json) -> Json:
        """The answer to a request of :mod:`rag.reading.worker`; raises DocumentError with the reason."""
        is_fresh = self._process is None
        message = self._answer(self._process or self._start(), request)
        if message is None:
            status = self.end()
            if self._killed:
                raise DocumentError("reading was stopped")
            if not is_fresh:  # an earlier file may have damaged it
                return self.ask(request)
            if status == 1:  # Python's own: a worker answers every error of a reader
                raise RuntimeError(f"files cannot be read: 'python -m {self._module} 60 1024 </dev/null' says why")
            raise DocumentError(
                f"it ends the process that reads it ({_told(status)}): it is damaged,"
                f" or takes more than {self._megabytes} MB of memory"
            )
        if "last" in message:
            self.end()
        if "error" in message:
            raise DocumentError(message["error"])
        return message

    def _answer(self, process: subprocess.Popen[bytes], request: Json) -> Json | None:
        """What the process answers within its time; None where it ends instead."""
        late = threading.Event()

        def stop() -> None:
            late.set()
            _kill(process)

        timer = threading.Timer(self._seconds, stop)
        timer.start()
        try:
            send(_pipe(process.stdin), request)
            message = receive(_pipe(process.stdout))
        except BrokenPipeError:  # it ended before it was asked
            message = None
        finally:
            timer.cancel()
        if late.is_set():
            self.end()
            raise DocumentError(f"it takes more than {self._seconds} s to read: split it, or raise SNOSKA_READ_SECONDS")
        return message

    def fits(self, seconds: int, megabytes: int, module: str) -> bool:
        """Whether it has these limits and runs this module."""
        return (self._seconds, self._megabytes, self._module) == (seconds, megabytes, module)

    def kill(self) -> None:
        """Ends what is being asked, from any thread, and lets nothing more be asked."""
        self._killed = True
        process = self._process
        if process is not None:
            _kill(process)

    def end(self) -> int:
        """Ends the process, if there is one; its exit status."""
        process, self._process = self._process, None
        if process is None:
            return 0
        _kill(process)
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(BrokenPipeError):  # what was not sent yet needs no reader any more
                _pipe(pipe).close()
        return process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", self._module, str(self._seconds), str(self._megabytes)]
        path = os.pathsep.join([str(PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")])])
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **ENVIRONMENT, "PYTHONPATH": path},
            start_new_session=True,  # so that what it starts, as OCR does, ends with it
        )
        if self._killed:  # just now
            _kill(self._process)
        return self._process


def _pipe(stream: object) -> BinaryIO:
    if stream is None:
        raise RuntimeError("a reading process was started without its pipes")
    return stream  # type: ignore[return-value]


def _kill(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        process.kill()
        return
    with contextlib.suppress(ProcessLookupError):  # it has ended by itself
        os.killpg(process.pid, signal.SIGKILL)


def _told(status: int) -> str:
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
