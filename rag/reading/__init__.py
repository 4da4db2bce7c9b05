"""Files to documents, each read in a process that can be killed, several at once.

Equal files are read once. Pages that are scans go through OCR, page by page, and the file is then read again with
what stands on them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from rag.errors import DocumentError
from rag.folder import File
from rag.readers import Reading, file_type
from rag.reading.pool import Pool
from rag.records import document_from_json
from rag.settings import Settings
from rag.types import Json, Skipped, Word

Key = tuple[str, str]  # a file's SHA-256 and ending: what its text and metadata follow from


def read_all(
    files: Sequence[File], folder: Path, settings: Settings, progress: Callable[[int], None] = lambda _: None
) -> tuple[list[tuple[File, Reading]], list[Skipped]]:
    """The files of ``folder`` as read, and those that cannot be read, each with the reason; both in their order.

    A file that was changed meanwhile comes back with the hash of what was read.
    ``progress`` hears how many files are done.
    """
    equal: dict[Key, File] = {}
    for file in files:
        equal.setdefault(_key(file), file)
    answers: dict[Key, Json | DocumentError] = {}
    with Pool(len(equal), settings.read_seconds, settings.read_megabytes) as pool:
        requests = [{"file": str(folder / file.source), "path": file.path} for file in equal.values()]
        for done, (key, answer) in enumerate(zip(equal, pool.run(requests), strict=True)):
            progress(done)
            answers[key] = answer
    progress(len(files))
    read: list[tuple[File, Reading]] = []
    skipped: list[Skipped] = []
    for file in files:
        answer = answers[_key(file)]
        if isinstance(answer, DocumentError):
            skipped.append(Skipped(file.path, str(answer)))
        else:
            read.append((replace(file, sha256=answer["sha256"]), _reading(file, answer)))
    return read, skipped


def _key(file: File) -> Key:
    return file.sha256, file_type(file.path)


def _reading(file: File, answer: Json) -> Reading:
    return Reading(
        document_from_json(file.path, answer["document"]),
        tuple(Word(*word) for word in answer["words"]),
        missing=tuple(answer["missing"]),
    )
