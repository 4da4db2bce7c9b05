"""Text of documents and questions, made fit for a file of another format, and names for such files."""

from __future__ import annotations

import re

from rag.text import clean

# How a cell begins that spreadsheets take for a formula; some pass over what is unseen, some know the wide signs too.
FORMULA = re.compile("\\A(?:[\\t\\r]|[\\s\u200b\ufeff\ufffd]*[=+@\uff1d\uff0b\uff0d\uff20-])")
MAX_NAME = 60  # characters of a file's name before its ending: Cyrillic takes two bytes each, systems allow 255

_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # by XML 1.0
_OPENERS = {"\u202a": "\u202c", "\u202b": "\u202c", "\u202d": "\u202c", "\u202e": "\u202c"} | {
    "\u2066": "\u2069", "\u2067": "\u2069", "\u2068": "\u2069",
}  # fmt: skip
_FORBIDDEN = re.compile(r'[\\/:*?"<>|«»“”„#%{}]+')  # in names by some system, or in addresses
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)  # files of these names are Windows's own


def sound(text: str) -> str:
    """The text without what XML refuses, control characters and lone surrogates, each of which becomes «\ufffd»."""
    return _REFUSED.sub("\ufffd", text.replace("\r\n", "\n"))


def closed(text: str) -> str:
    """The text with every bidirectional override and isolate that it opens closed at its end, so that what stands
    behind it on the line keeps its direction."""
    waiting: list[str] = []
    for character in text:
        if character in _OPENERS:
            waiting.append(_OPENERS[character])
        elif waiting and character == waiting[-1]:
            waiting.pop()
    return text + "".join(reversed(waiting))


def file_name(question: str, ending: str) -> str:
    """A name for the file of an answer that every system takes: the question's first words."""
    words = " ".join(_FORBIDDEN.sub(" ", clean(question)).split())
    if len(words) > MAX_NAME:
        cut = words[:MAX_NAME]
        words = cut.rpartition(" ")[0] or cut
    stem = words.strip(" .,;-–—'") or "Snoska"
    return f"{'_' if _DEVICES.match(stem) else ''}{stem}.{ending}"
