"""Answers as files and JSON, for people and programs to take away.

``shapes.py`` holds the JSON that scripts rely on; ``markdown.py``, ``word.py``, ``sheet.py`` write files, ``rich.py``
writes for the clipboard. What they say of their own is in the question's language (``words.py``); text of documents
stays text (``sound.py``).
"""

from __future__ import annotations

from rag.export.shapes import answer_from_json, answer_json, citation_json, report_json, report_text, search_json

__all__ = ["answer_from_json", "answer_json", "citation_json", "report_json", "report_text", "search_json"]
