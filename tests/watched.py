"""A hook that tells what a process changes below some folders, and a reading process under it: ``python -m
tests.watched SECONDS MEGABYTES``, which writes a line for each change below ``WATCHED`` to the file ``WATCHED_LOG``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from rag.reading.worker import main

CHANGING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
EVENTS = {
    "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown",
    "os.utime", "os.setxattr", "os.removexattr",
}  # fmt: skip
PROBE = "probe"  # is made beside the folder of documents by each reading process, for the hook to prove itself


def watch(folders: tuple[str, ...], tell: Callable[[str], object]) -> None:
    """Tells of each file below the folders that this process opens for writing, and of what else it does to one."""

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            paths = (path,) if isinstance(flags, int) and flags & CHANGING else ()
        else:
            paths = arguments[:2] if event in EVENTS else ()
        for each in paths:
            if isinstance(each, str | bytes | os.PathLike) and os.fsdecode(each).startswith(folders):
                tell(f"{event} {os.fsdecode(each)}")

    sys.addaudithook(hook)


if __name__ == "__main__":
    log = os.open(os.environ["WATCHED_LOG"], os.O_WRONLY | os.O_APPEND)
    place = Path(os.environ["WATCHED"])
    watch((str(place),), lambda line: os.write(log, f"{line}\n".encode("utf-8", "surrogateescape")))
    (place / PROBE).write_bytes(b"")
    main()
