"""What every reader gives, and the draft of a text that is put together block by block."""

from __future__ import annotations

from dataclasses import dataclass

from rag.readers import encodings
from rag.types import Block, BlockKind, Word

PARAGRAPH_GAP = "\n\n"
ROW_GAP = "\n"  # between two rows of a table
CELL_GAP = "\t"  # between the cells of a row


@dataclass(frozen=True, slots=True)
class Source:
    """A file's extracted text, its blocks in order, and what its own metadata says (None where it says nothing).

    ``pages`` holds the offset at which each page starts. ``words`` says where the text's words stand on the pages, in
    order. ``scanned`` are the pages, from 1, whose text comes from OCR; ``scans`` those that hold a picture and no
    text, and that OCR has not read. ``missing`` names the parts of the file that could not be read, each with the
    reason, as in ``page 7: its content is damaged``.
    """

    text: str
    blocks: tuple[Block, ...]
    pages: tuple[int, ...] = ()
    title: str | None = None
    date: str | None = None
    language: str | None = None
    words: tuple[Word, ...] = ()
    scanned: tuple[int, ...] = ()
    scans: tuple[int, ...] = ()
    missing: tuple[str, ...] = ()


class Draft:
    """An extracted text as it grows, block by block, for formats whose files are not text."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._blocks: list[Block] = []
        self._pages: list[int] = []
        self._length = 0

    def add(self, text: str, kind: BlockKind = "paragraph") -> int | None:
        """Appends a block, its white space folded (a row's cells stay set apart by ``CELL_GAP``); returns its offset.

        A text of white space alone is left out, and None returned.
        """
        folded = CELL_GAP.join(" ".join(cell.split()) for cell in text.split(CELL_GAP)) if kind == "row" else text
        folded = folded.strip() if kind == "row" else " ".join(folded.split())
        if not folded:
            return None
        self._begin(kind)
        start = self._length
        self._append(folded)
        self._blocks.append(Block(start, self._length, kind))
        return start

    def add_lines(self, text: str) -> None:
        """Appends a block whose line breaks and indents mean something, such as code, as it is written."""
        lines = text.expandtabs().splitlines()
        kept = "\n".join(line.rstrip() for line in lines).strip("\n")
        if kept.strip():
            indent = len(kept) - len(kept.lstrip(" "))
            self._begin("paragraph")
            start = self._length
            self._append(kept)
            self._blocks.append(Block(start + indent, self._length))

    @property
    def length(self) -> int:
        """How many characters the text has so far."""
        return self._length

    def page(self) -> None:
        """Starts a new page: what is added from now on stands on it."""
        gap = len(PARAGRAPH_GAP) if self._blocks else 0
        self._pages.append(self._length + gap)

    def source(
        self,
        title: str | None = None,
        date: str | None = None,
        language: str | None = None,
        missing: tuple[str, ...] = (),
    ) -> Source:
        """The text as it is now, with what the file's own metadata says."""
        text = "".join(self._pieces)
        pages = tuple(min(page, len(text)) for page in self._pages)
        return Source(text, tuple(self._blocks), pages, title, date, language, missing=missing)

    def _begin(self, kind: BlockKind) -> None:
        if self._blocks:
            self._append(ROW_GAP if kind == self._blocks[-1].kind == "row" else PARAGRAPH_GAP)

    def _append(self, text: str) -> None:
        self._pieces.append(text)
        self._length += len(text)


def decode(data: bytes) -> str:
    """A file's bytes to text, whatever encoding they are in; raises DocumentError where they are not text."""
    return encodings.decode(data).text
