"""Documents and passages as rows of Milvus, and rows as documents and passages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rag.errors import RagError
from rag.records import (
    document_from_json,
    document_json,
    passages_from_json,
    passages_json,
    words_from_bytes,
    words_to_bytes,
)
from rag.stores.entry import Entry
from rag.stores.files import to_bytes
from rag.stores.keys import text_key
from rag.stores.milvus.layout import LOTS, PASSAGE_BITS, SENTENCE_BITS, TEXT, token
from rag.stores.milvus.notes import NOWHERE, pack
from rag.text import stems
from rag.types import Document, Json, Passage, Span, Vector, Word

HEAD, BODY, WORDS = "head", "text", "words"  # parts of a document: its entry, its text with passages, its words


@dataclass(frozen=True, slots=True)
class Stored:
    """A document as it is stored, with its passages and where its words stand."""

    entry: Entry
    document: Document
    passages: tuple[Passage, ...]
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a stored document without its text. ``whole``: all of its rows were written."""

    number: int
    version: int
    entry: Entry
    passages: int
    whole: bool
    title: str


def document_rows(number: int, version: int, stored: Stored) -> tuple[Json, list[Json]]:
    """The document's head, which says that it is not whole yet, and its other rows."""
    document, count = stored.document, len(stored.passages)
    if count >> PASSAGE_BITS:
        raise RagError(f"{document.path} has {count:,} passages, more than {1 << PASSAGE_BITS:,}: split the file")
    shared = {"document": number, "version": version, **_about(document), "passages": count, "place": NOWHERE}

    def row(part: str, piece: int, data: str) -> Json:
        return {**shared, "key": f"{number}/{part}/{piece}", "part": part, "piece": piece, "whole": 0, "data": data}

    content = to_bytes({**document_json(document), "passages": passages_json(stored.passages)})
    words = words_to_bytes(stored.words)
    rows = [row(BODY, at, piece) for at, piece in enumerate(pack(content))]
    rows += [row(WORDS, at, piece) for at, piece in enumerate(pack(words))] if words else []
    head = {"entry": stored.entry.to_json(), "title": document.title}
    return row(HEAD, 0, "".join(pack(to_bytes(head)))), rows


def passage_rows(
    number: int,
    version: int,
    stored: Stored,
    first: Mapping[bytes, Vector],
    second: Mapping[bytes, Vector] | None,
) -> Iterator[tuple[Json, list[Json], list[str]]]:
    """Each passage's row, its sentences' rows, and its stems."""
    about = {"document": number, "version": version, **_about(stored.document)}
    for at, passage in enumerate(stored.passages):
        own = number << PASSAGE_BITS | at
        key, words = text_key(passage.text), stems(passage.text)
        shared = {**about, "language": passage.language}
        row = {
            **shared,
            "number": own,
            "key": key.hex(),
            "vector": first[key],
            "start": passage.start,
            "end": passage.end,
            "paragraph": passage.paragraph,
            "page": passage.page or 0,
            "lot": int.from_bytes(key[:4], "big") % LOTS,
            "length": len(words),
            "spans": _fitting(json.dumps(passage.sentences, separators=(",", ":"))),
            "text": _fitting(passage.text),
            "stems": " ".join(map(token, words))[:TEXT],
        }
        yield row, list(_sentences(own, shared, passage, first, second)), words


def _sentences(
    own: int,
    shared: Json,
    passage: Passage,
    first: Mapping[bytes, Vector],
    second: Mapping[bytes, Vector] | None,
) -> Iterator[Json]:
    for place, text in enumerate(passage.sentence_texts):
        key = text_key(text)
        row = {**shared, "number": own << SENTENCE_BITS | place, "passage": own, "key": key.hex(), "vector": first[key]}
        yield {**row, "second": second[key]} if second is not None else row


def passage_from(row: Mapping[str, Any]) -> Passage | None:
    """The passage of a row; None where its text does not fit into one, and the document has it."""
    if not row["text"] or not row["spans"]:
        return None
    return Passage(
        document=row["path"],
        start=row["start"],
        end=row["end"],
        text=row["text"],
        paragraph=row["paragraph"],
        page=row["page"] or None,
        language=row["language"],
        sentences=tuple(Span(*span) for span in json.loads(row["spans"])),
    )


def stored_from(entry: Entry, body: bytes, words: bytes) -> Stored:
    """The document of an entry, by the bytes of its parts."""
    content = json.loads(body)
    document = document_from_json(entry.path, content)
    own = tuple(passages_from_json(document, content["passages"]))
    return Stored(entry, document, own, words_from_bytes(words))


def _about(document: Document) -> Json:
    """What filters ask about."""
    kept = {"document_language": document.language, "type": document.type[:64], "date": document.date or ""}
    return {**kept, "path": document.path}


def _fitting(text: str) -> str:
    return text if len(text.encode("utf-8", "surrogatepass")) <= TEXT else ""


def sentence_numbers(passages: Sequence[tuple[int, int]]) -> list[int]:
    """The sentences' numbers of passages given as (number, how many sentences)."""
    return [number << SENTENCE_BITS | place for number, count in passages for place in range(count)]
