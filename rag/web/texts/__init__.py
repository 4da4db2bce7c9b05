"""What the page says, in its two languages; every key is in both.

Each of this package's modules holds the strings of one part of the page, as ``RU`` and ``EN``.
"""

from __future__ import annotations

from collections.abc import Mapping

from rag.errors import (
    IndexAway,
    IndexBusy,
    IndexDamaged,
    IndexMismatch,
    IndexMissing,
    ModelError,
    NothingToIndex,
    QuestionError,
    RagError,
)
from rag.query import MAX_QUESTION
from rag.web.texts import asking, batch, documents, feedback, generation, login, source, takeaway

Texts = Mapping[str, str]

PARTS = (asking, batch, documents, feedback, generation, login, source, takeaway)
RU: Texts = {key: text for part in PARTS for key, text in part.RU.items()}
EN: Texts = {key: text for part in PARTS for key, text in part.EN.items()}

LANGUAGES: Mapping[str, Texts] = {"ru": RU, "en": EN}
ERRORS: Mapping[type[RagError], str] = {
    IndexMissing: "error.missing",
    IndexDamaged: "error.damaged",
    IndexMismatch: "error.mismatch",
    IndexBusy: "error.busy",
    IndexAway: "error.away",
    ModelError: "error.model",
    NothingToIndex: "error.nothing",
}


def texts(language: object) -> Texts:
    """The texts in a language; in English where the page does not speak it."""
    return LANGUAGES.get(language, EN) if isinstance(language, str) else EN


def error_text(error: Exception, said: Texts) -> str:
    """One sentence for the page's reader: what is wrong and what to do, in the page's language."""
    if isinstance(error, QuestionError):
        return said[f"error.{error.fault}"].format(limit=MAX_QUESTION)
    return (
        said[ERRORS.get(type(error), "error.unexpected")] if isinstance(error, RagError) else said["error.unexpected"]
    )
