"""A reading process with readers that behave as the worst libraries do; each is chosen by the file's ending."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from types import ModuleType

from rag import readers
from rag.readers.source import Source
from rag.reading import worker
from rag.types import Block


def read(data: bytes) -> Source:
    what = data.decode()
    if what == "hangs":
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        while True:
            time.sleep(1)
    if what == "grows":
        return Source("x" * 2**31, (Block(0, 2**31),))
    if what == "dies":
        os.abort()
    if what == "exits":
        os._exit(0)
    if what == "nests":
        return read(data)
    if what == "fails":
        raise KeyError("a fault of the reader")
    sys.stdout.write("what a library prints")
    return Source(f"{what} {os.getpid()}", (Block(0, len(what)),))


bad = ModuleType("rag.readers.bad")
bad.read = read  # type: ignore[attr-defined]
sys.modules[bad.__name__] = bad
readers.READERS["bad"] = "bad"

if __name__ == "__main__":
    worker.main()
