"""Files to documents, each read in a process that can be killed, several at once.

Equal files are read once. Pages that are scans go through OCR, page by page, and the file is then read again with
what stands on them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from rag.errors import DocumentError
from rag.folder import File, Roots, place
from rag.readers import Reading, file_type
from rag.reading.pool import Pool
from rag.reading.scans import Scan, recognised, unread
from rag.records import document_from_json
from rag.settings import Settings
from rag.types import Json, Progress, ProgressCallback, Skipped, Word

Key = tuple[str, str]  # a file's SHA-256 and ending: what its text and metadata follow from
Answers = dict[Key, Json | DocumentError]


def read_all(
    files: Sequence[File], roots: Roots, settings: Settings, progress: ProgressCallback = lambda _: None
) -> tuple[list[tuple[File, Reading]], list[Skipped]]:
    """The files of these folders as read, and those that cannot be read, each with the reason; both in their order.

    A file that was changed meanwhile comes back with the hash of what was read. ``progress`` hears of files read
    (``reading``) and of scanned pages recognised (``recognising``).
    """
    requests: dict[Key, Json] = {}
    for file in files:
        requests.setdefault(_key(file), {"file": str(place(roots, file.source)), "path": file.path})
    with Pool(len(requests), settings.read_seconds, settings.read_megabytes) as pool:
        answers = _read(pool, requests, lambda done: progress(Progress("reading", done, len(requests))))
        scans = [
            Scan(requests[key]["file"], requests[key]["path"], answer["sha256"], page)
            for key, answer in answers.items()
            if not isinstance(answer, DocumentError)
            for page in answer["scans"]
        ]
        if scans:
            pages = recognised(scans, pool, settings, lambda done: progress(Progress("recognising", done, len(scans))))
            answers |= _with_pages(pool, requests, answers, pages)
    read: list[tuple[File, Reading]] = []
    skipped: list[Skipped] = []
    for file in files:
        answer = answers[_key(file)]
        if isinstance(answer, DocumentError):
            skipped.append(Skipped(file.path, str(answer)))
        else:
            read.append((replace(file, sha256=answer["sha256"]), _reading(file, answer)))
    return read, skipped


def _read(pool: Pool, requests: Mapping[Key, Json], progress: Callable[[int], None]) -> Answers:
    answers: Answers = {}
    progress(0)
    for key, answer in zip(requests, pool.run(requests.values()), strict=True):
        answers[key] = answer
        progress(len(answers))
    return answers


def _with_pages(
    pool: Pool, requests: Mapping[Key, Json], answers: Answers, pages: Mapping[Scan, str | DocumentError]
) -> Answers:
    """The answers of the files that have scans, with the text of those that OCR has read."""
    by_file: dict[str, dict[int, str | DocumentError]] = {}
    for scan, page in pages.items():
        by_file.setdefault(scan.file, {})[scan.page] = page
    own = {key: by_file[request["file"]] for key, request in requests.items() if request["file"] in by_file}
    again = {
        key: {**requests[key], "scans": {number: page for number, page in of_it.items() if isinstance(page, str)}}
        for key, of_it in own.items()
    }
    known = {key: request for key, request in again.items() if request["scans"]}
    new = {**{key: answers[key] for key in own}, **_read(pool, known, lambda _: None)}
    for key, of_it in own.items():
        answer = new[key]
        if isinstance(answer, DocumentError):
            continue
        reasons = {number: str(page) for number, page in of_it.items() if isinstance(page, DocumentError)}
        answer["missing"] = [*answer["missing"], *unread(reasons)]
        if not answer["document"]["blocks"]:
            new[key] = DocumentError("; ".join(answer["missing"]) or "the file holds no text")
    return new


def _key(file: File) -> Key:
    return file.sha256, file_type(file.path)


def _reading(file: File, answer: Json) -> Reading:
    return Reading(
        document_from_json(file.path, answer["document"]),
        tuple(Word(*word) for word in answer["words"]),
        missing=tuple(answer["missing"]),
    )
