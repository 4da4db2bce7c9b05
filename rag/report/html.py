"""report.html: one file that opens offline."""

from __future__ import annotations

from rag.evaluate import Evaluation
from rag.types import Json


def html(evaluation: Evaluation, value: Json, title: str) -> str:
    """The page as text."""
    return ""
