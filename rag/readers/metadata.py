"""A document's title and date where its format says neither.

The archive that the first collection comes from puts `` date 2025-11-25 `` before a document's first word: that is
metadata, not prose, and no passage holds it.
"""

from __future__ import annotations

import datetime
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from rag import text as words
from rag.errors import DocumentError
from rag.readers import dates
from rag.readers.source import Source, decode
from rag.sentences import sentences
from rag.types import Block, Document

DATE_LINE = re.compile(r"\s*date:?[ \t]+(\d{4}-\d{2}-\d{2})(?=\s|$)[^\S\n]*", re.IGNORECASE)
LANGUAGE_TAG = re.compile(r"([A-Za-z]{2})(?:[-_]\w++(?:-\w++)*+)?")
FIRST_LINES = 3  # among which the title is looked for where the first one is only the document's kind
# A first line that says of what kind the document is and not what it is about: the next line is the title.
LABEL = re.compile(
    r"\W*(?:пресс-?\s?релиз|приказ|постановление|распоряжение|указ|решение|протокол|отч[её]т|справка|доклад|новост[ьи]"
    r"|сообщение|проект|утвержд(?:аю|ено)|приложение|баспасөз хабарламасы|бұйрық|қаулы"
    r"|(?:press|news) release|order|decree|decision|minutes|report|news|draft|for immediate release|annex)\W*",
    re.IGNORECASE,
)
# Codes of countries and of old standards that people write for a language.
MISTAKEN_CODES = {"kz": "kk", "ua": "uk"}
TITLE_LENGTH = 90  # characters; one line of a citation card


@dataclass(frozen=True, slots=True)
class Overrides:
    """What a person says of a document beside it; None where nothing is said. ``date`` is ISO 8601."""

    title: str | None = None
    date: str | None = None
    language: str | None = None


def sidecar(data: bytes) -> Overrides:
    """What a ``NAME.meta.json`` says: an object with ``title``, ``date`` and ``language``, each optional.

    Other keys are left to whoever wrote them. Raises DocumentError where the file is not such an object.
    """
    try:
        fields = json.loads(decode(data))
    except (ValueError, RecursionError, DocumentError) as error:
        raise _invalid("it is not JSON") from error
    if not isinstance(fields, dict):
        raise _invalid("it is not a JSON object")
    date, language = _string(fields, "date"), _string(fields, "language")
    if date and not iso_date(date):
        raise _invalid(f"its date {date[:30]!r} is not written as 2025-11-25")
    if language and not language_code(language):
        raise _invalid(f"its language {language[:30]!r} is not a code such as ru or en")
    return Overrides(_string(fields, "title"), iso_date(date), language_code(language))


def overridden(document: Document, overrides: Overrides) -> Document:
    """The document with what the overrides say in place of what was read from it."""
    return replace(
        document,
        title=words.shorten(overrides.title or "", TITLE_LENGTH) or document.title,
        date=overrides.date or document.date,
        language=overrides.language or document.language,
    )


def _string(fields: dict[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return (value or "").strip() or None
    raise _invalid(f"its {name} is not text in quotes")


def _invalid(reason: str) -> DocumentError:
    return DocumentError(f"its sidecar .meta.json is not valid: {reason}; correct or remove it")


def without_date_line(source: Source) -> Source:
    """The source with a leading date line read as its date and taken out of its first block."""
    match = DATE_LINE.match(source.text)
    date = iso_date(match[1]) if match else None
    if match is None or date is None:
        return source
    blocks = tuple(_after(block, match.end(), source.text) for block in source.blocks)
    left = tuple(block for block in blocks if block.start < block.end)
    return replace(source, blocks=left, date=source.date or date)


def iso_date(value: str | None) -> str | None:
    """``value`` if it begins with a date that exists, as ``YYYY-MM-DD``; otherwise None."""
    try:
        return datetime.date.fromisoformat((value or "")[:10]).isoformat()
    except ValueError:
        return None


def language_code(value: str | None) -> str | None:
    """The ISO 639-1 code in ``ru``, ``RU`` or ``en-US``; None where ``value`` is written otherwise."""
    match = LANGUAGE_TAG.fullmatch(value or "")
    code = match[1].lower() if match else None
    return MISTAKEN_CODES.get(code, code) if code else None


def date(source: Source, path: str) -> str | None:
    """The source's own date, else one by rule: a date line at its head, its file's name, the opening of its text.

    Of a scan the rules come first: its file says when it was scanned.
    """
    own = dates.stated(source.date)
    if own and 1 not in source.scanned:
        return own
    return (
        dates.on_own_line(source.text, source.blocks)
        or dates.in_name(path)
        or dates.in_opening(source.text, source.blocks)
        or own
    )


def title(source: Source, path: str) -> str:
    """The source's own title, else its heading or first sentence, shortened; without any, its file's name.

    A scan's own title counts only if it has several words: scanners name their files «scan-0001».
    """
    is_meant = source.title is not None and (1 not in source.scanned or len(source.title.split()) > 1)
    if source.title and is_meant and (own := words.shorten(source.title, TITLE_LENGTH)):
        return own
    lines = list(itertools.islice(_lines(source), FIRST_LINES))
    chosen = next((line for line in lines if not LABEL.fullmatch(line)), lines[0] if lines else "")
    return words.shorten(chosen, TITLE_LENGTH) or path.rsplit("/", 1)[-1]


def _lines(source: Source) -> Iterator[str]:
    """What a title may be, the likeliest first: a heading before any paragraph, then the first sentences."""
    for block in itertools.takewhile(lambda block: block.kind == "heading" or _is_label(block, source), source.blocks):
        if block.kind == "heading" and not dates.is_date_line(line := source.text[block.start : block.end]):
            yield line
    for block in source.blocks:
        if block.kind == "row":  # the first row of a table names nothing
            continue
        for start, end in sentences(source.text[block.start : block.end], block.start):
            line = source.text[start:end].lstrip("-–—•* ")
            if words.shorten(line, TITLE_LENGTH) and not dates.is_date_line(line):
                yield line


def _is_label(block: Block, source: Source) -> bool:
    """Whether a block before the title is no text yet: a date line or the document's kind."""
    line = source.text[block.start : block.end]
    return dates.is_date_line(line) or LABEL.fullmatch(line) is not None


def _after(block: Block, start: int, text: str) -> Block:
    if block.start >= start:
        return block
    start = min(start, block.end)
    piece = text[start : block.end]
    return Block(start + len(piece) - len(piece.lstrip()), block.end, block.kind)
