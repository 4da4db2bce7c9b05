"""A process that reads files for another one: what hangs, grows or crashes here costs one file and nothing else.

Run as ``python -m rag.reading.worker SECONDS MEGABYTES``. Requests come on standard input and answers go to standard
output, each a JSON object behind its length (:func:`send`, :func:`receive`): nothing that came out of a file is ever
unpickled. A request is ``{"file", "path"}``, with ``scans`` (page -> what OCR made of it) where there are some; its
answer is ``{"sha256", "document", "words", "scans", "missing"}`` or ``{"error"}``, with ``last`` where the process
ends after it. A request to put one page through OCR has ``page`` and ``languages``; its answer is ``{"page"}``. A
request for one page's picture has ``page``, ``pixels`` (its width) and the file's ``sha256``, without which nothing of
it is shown; its answer is ``{"picture", "width", "height"}``: WebP in base64, and the page's size in points.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from rag import readers
from rag.errors import DocumentError, RagError
from rag.records import document_json
from rag.types import Json

Read = Callable[[Json], Json]

LENGTH = struct.Struct("<Q")
SWOLLEN = 400  # megabytes: a process that has needed more, which few files do, gives them back by ending
GRACE = 5  # seconds after which a process whose parent has gone, and with it the limit, ends itself


def send(stream: BinaryIO, message: Json) -> None:
    """Writes one message. Lone surrogates, as in names of files that are not UTF-8, go through."""
    data = json.dumps(message).encode("ascii")
    stream.write(LENGTH.pack(len(data)) + data)
    stream.flush()


def receive(stream: BinaryIO) -> Json | None:
    """The next message; None where the other side has gone."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    data = stream.read(length)
    if len(data) < length:
        return None
    message: Json = json.loads(data)
    return message


def read(request: Json) -> Json:
    """What the request asks for; raises DocumentError where the file cannot be read."""
    data = Path(request["file"]).read_bytes()
    if "pixels" in request:
        return _picture(data, request)
    if "page" in request:
        from rag.readers import ocr

        return {"page": ocr.recognise(data, request["page"], request["languages"]).to_json()}
    reading = readers.read(data, request["path"], request.get("scans"))
    return {
        "sha256": hashlib.sha256(data).hexdigest(),
        "document": document_json(reading.document),
        "words": reading.words,
        "scans": reading.scans,
        "missing": reading.missing,
    }


def answer(request: Json, read: Read = read) -> Json:
    """What ``read`` makes of the request; an error's message under ``error``."""
    try:
        return read(request)
    except RagError as error:
        return {"error": str(error)}
    except OSError as error:
        return {"error": f"cannot be read: {error.strerror}"}
    except RecursionError:
        return {"error": "it is nested too deeply to be read"}
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  # a fault of a reader costs this file, and is told as one
        return {"error": f"its reader failed ({type(error).__name__}: {error}): please report it"}


def _picture(data: bytes, request: Json) -> Json:
    from rag.readers import showing

    if hashlib.sha256(data).hexdigest() != request["sha256"]:
        raise DocumentError("it is another file by now")
    shown = showing.show(data, request["page"], request["pixels"])
    return {"picture": base64.b64encode(shown.picture).decode(), "width": shown.width, "height": shown.height}


def main(read: Read = read) -> None:
    """Answers requests by ``read`` until standard input ends, or until one needs more memory than is allowed."""
    seconds, megabytes = int(sys.argv[1]), int(sys.argv[2])
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    sys.setrecursionlimit(1_000)
    _limit_memory(megabytes)
    while (request := receive(requests)) is not None:
        _limit_time(seconds)
        try:
            message = answer(request, read)
            is_swollen = _peak_megabytes() > SWOLLEN
            send(answers, {**message, "last": True} if is_swollen else message)
        except MemoryError:
            send(answers, {"error": f"it takes more than {megabytes} MB of memory to read: split it", "last": True})
            return  # what is left of the heap is not to be trusted with the next file
        _limit_time(0)
        if is_swollen:
            return


def _peak_megabytes() -> float:
    """The most memory that this process has had; 0 where the system does not tell.

    Not by getrusage: a forked process begins with its parent's peak there.
    """
    try:
        status = Path("/proc/self/status").read_text("ascii")
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 2**10 for line in status.splitlines() if line.startswith("VmHWM")), 0.0)


def _limit_memory(megabytes: int) -> None:
    if sys.platform == "win32":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _limit_time(seconds: int) -> None:
    """The parent ends a process that takes too long; this is for the case that there is no parent any more."""
    if sys.platform == "win32":
        return
    import signal

    signal.alarm(seconds + GRACE if seconds else 0)  # its default action ends the process, whatever it is doing


if __name__ == "__main__":
    main()
