"""A question's filters as an expression of Milvus."""

from __future__ import annotations

import unicodedata

from rag.stores.milvus.layout import quoted
from rag.types import Filters


def expression(filters: Filters) -> tuple[str, bool]:
    """What names the rows that pass, or more than those; and whether it names no more.

    A glob's ``*`` is a LIKE's ``%``; its other signs have none that means the same, so that more is named.
    """
    parts, exact = [], True
    if filters.language is not None:
        parts.append(f"document_language == {quoted(filters.language)}")
    if filters.type is not None:
        parts.append(f"type == {quoted(filters.type[:64])}")
    if filters.since is not None:
        parts.append(f"date >= {quoted(filters.since)}")  # no date is the empty text, before all
    if filters.until is not None:
        parts.append(f'date != "" and date <= {quoted(filters.until)}')
    if filters.document is not None:
        glob = unicodedata.normalize("NFC", filters.document)
        exact = not set(glob) & set('?[]\\%_"\n')
        if not exact:
            glob = glob.partition(next(sign for sign in glob if sign in '?[]\\%_"\n'))[0] + "*"
        if "*" not in glob:
            parts.append(f"path == {quoted(glob)}")
        elif glob.strip("*"):
            parts.append(f"path like {quoted(glob.replace('*', '%'))}")
    return " and ".join(parts), exact
