"""A Milvus server of the tests' own: milvus-lite over the network, on a free port, its data in a folder."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

STARTED = 60.0  # seconds: the machine may be busy

COMMAND = "from milvus_lite.cmdline import main; main()"


class MilvusServer:
    """Runs until it is stopped; :meth:`kill` ends it at once, and :meth:`start` starts it again on its data.

    :meth:`freeze` stops it where it is: the system goes on taking what is sent to it, and nothing is answered.
    """

    def __init__(self, data: Path) -> None:
        self._data = data
        self._process: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]

    def url(self, name: str) -> str:
        return f"milvus://127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        """Starts it and waits until it listens."""
        self._data.mkdir(parents=True, exist_ok=True)
        with (self._data.parent / "milvus.log").open("ab") as log:
            arguments = ["server", "--host", "127.0.0.1", "--data-dir", str(self._data), "--port", str(self.port)]
            self._process = subprocess.Popen([sys.executable, "-c", COMMAND, *arguments], stdout=log, stderr=log)
        self._wait(self._listens)

    def freeze(self) -> None:
        """Stops it as a machine that hangs would; only :meth:`kill` ends that."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        os.waitpid(self._process.pid, os.WUNTRACED)  # until all of its threads have stopped

    def kill(self) -> None:
        """Ends it as a crash would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._data.parent / "milvus.log").read_text("utf-8")[-2000:]
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def _wait(self, ready: Callable[[], bool]) -> None:
        until = time.monotonic() + STARTED
        while not ready():
            assert time.monotonic() < until, "milvus-lite does not listen"
            time.sleep(0.05)


@contextlib.contextmanager
def running(folder: Path) -> Iterator[MilvusServer]:
    server = MilvusServer(folder / "data")
    server.start()
    try:
        yield server
    finally:
        server.kill()
