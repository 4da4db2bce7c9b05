"""What is written to a terminal, which takes some characters for orders: to paint, to rename itself, to fill the
clipboard. A document, or a file's name, may hold them."""

from __future__ import annotations

import json
import re

from rag.types import Json

_C1 = re.compile("[\x7f-\x9f]")  # JSON allows them as they are; terminals read these as orders too
_BREAKS = re.compile("[\n\r\v\f\x85\u2028\u2029]+")
_ORDERS = re.compile("(?!\x1b\\[[019]m)[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # bold, struck and plain are ours


def shown(text: str) -> str:
    """The text, every such character being «\ufffd»; line breaks, tabs, and what makes it bold or struck stay."""
    return _ORDERS.sub("\ufffd", text)


def line(text: str) -> str:
    """The text as one line: a file's name may hold line breaks."""
    return _BREAKS.sub(" ", text)


def json_line(value: Json) -> str:
    """The value as JSON in UTF-8, such characters escaped."""
    return _C1.sub(lambda sign: f"\\u{ord(sign[0]):04x}", json.dumps(value, ensure_ascii=False))
