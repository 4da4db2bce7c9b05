"""What a build takes in: files, read and described, as documents with their passages."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from rag import reading
from rag.errors import DocumentError
from rag.folder import File, Roots, place
from rag.passages import passages
from rag.protocols import Encoder
from rag.readers import Reading, metadata
from rag.settings import Settings
from rag.stores.entry import Entry
from rag.types import Document, Passage, Progress, ProgressCallback, Skipped, Word

FILES = 500  # read at a time, so that a large collection never is in memory as a whole


@dataclass(frozen=True, slots=True)
class Taken:
    """A document of the generation that is being built; ``words`` say where its words stand on its pages."""

    entry: Entry
    document: Document
    passages: tuple[Passage, ...]
    words: tuple[Word, ...] = ()

    def under(self, file: File) -> Taken:
        """The same document as this file's, which has the same content."""
        return Taken(
            replace(self.entry, path=file.path, name=file.name),
            replace(self.document, path=file.path),
            tuple(replace(passage, document=file.path) for passage in self.passages),
            self.words,
        )


def take_in(
    wanted: Sequence[File],
    roots: Roots,
    settings: Settings,
    encoder: Callable[[], Encoder],
    indexed: Callable[[str], Taken | None],
    progress: ProgressCallback,
) -> Iterator[tuple[list[Taken], list[Skipped]]]:
    """What the wanted files hold and those that cannot be read, some hundred files at a time.

    ``indexed`` is what the last generation has under a path: a file that says the same again is taken from there,
    without asking the model for anything.
    """
    for start in range(0, len(wanted), FILES):
        some = wanted[start : start + FILES]

        def tell(step: Progress, before: int = start) -> None:
            is_reading = step.stage == "reading"
            progress(replace(step, done=before + step.done, total=len(wanted)) if is_reading else step)

        readings, skipped = reading.read_all(some, roots, settings, tell)
        yield [_taken(roots, file, each, indexed(file.path), encoder) for file, each in readings], skipped


def _taken(roots: Roots, file: File, each: Reading, indexed: Taken | None, encoder: Callable[[], Encoder]) -> Taken:
    document, problems = _described(each.document, roots, file)
    missing = (*each.missing, *problems)
    if indexed is not None and indexed.document == document and indexed.entry.sha256 == file.sha256:
        entry = replace(indexed.entry, name=file.name, sidecar=file.sidecar_sha256, missing=missing)
        return replace(indexed, entry=entry)
    model = encoder()
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    entry = Entry(file.path, file.sha256, None, None, file.name, file.sidecar_sha256, missing, now)
    return Taken(entry, document, passages(document, model.count_tokens, model.max_tokens), each.words)


def _described(document: Document, roots: Roots, file: File) -> tuple[Document, tuple[str, ...]]:
    """The document as its sidecar describes it, and what is wrong with the sidecar, where something is."""
    if not file.sidecar:
        return document, ()
    try:
        return metadata.overridden(document, metadata.sidecar(place(roots, file.sidecar).read_bytes())), ()
    except DocumentError as error:
        return document, (str(error),)
    except OSError as error:
        return document, (f"its sidecar cannot be read: {error.strerror}",)
