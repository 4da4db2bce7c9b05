"""Which documents pass a question's filters."""

from __future__ import annotations

import fnmatch
import unicodedata

from rag.types import Filters


def passes(filters: Filters, path: str, language: str, kind: str, date: str | None) -> bool:
    """Whether a document with this path, language, type and ISO 8601 date does; one without a date passes no dates."""
    glob = filters.document and unicodedata.normalize("NFC", filters.document)
    return (
        (filters.language is None or language == filters.language)
        and (glob is None or fnmatch.fnmatchcase(path, glob))
        and (filters.type is None or kind == filters.type)
        and (filters.since is None or (date is not None and date >= filters.since))
        and (filters.until is None or (date is not None and date <= filters.until))
    )
