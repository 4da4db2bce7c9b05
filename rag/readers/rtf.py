"""Rich Text Format (.rtf): paragraphs, headings and table rows, in the code page of each font.

Notes and text boxes follow the paragraph that they belong to. Hidden and deleted text, comments, headers, footers,
tables of contents and pictures are left out.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field, replace

from rag.errors import DocumentError
from rag.readers import archive, office
from rag.readers.source import CELL_GAP, Draft, Source

START = b"{\\rtf"
MAX_DEPTH = 500  # of groups; Word itself stays below a hundred
# A control word with its number, a byte in hexadecimal, a control sign, a brace, or text.
TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,9})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|([^\\{}\r\n]+)|.", re.DOTALL
)
CHARSETS = {
    77: "mac_roman", 89: "mac_cyrillic", 128: "cp932", 129: "cp949", 134: "gbk", 136: "big5", 161: "cp1253",
    162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874",
    238: "cp1250", 255: "cp437",
}  # fmt: skip
SIGNS = {
    "tab": " ", "line": " ", "page": " ", "column": " ", "nestcell": " ", "nestrow": " ", "emspace": " ",
    "enspace": " ", "emdash": "—", "endash": "–", "bullet": "•", "lquote": "‘", "rquote": "’", "ldblquote": "“",
    "rdblquote": "”", "~": "\xa0", "_": "\u2011", "{": "{", "}": "}", "\\": "\\",
}  # fmt: skip
PARAGRAPH_ENDS = {"par", "sect", "\n", "\r"}
FLOWS = {"footnote", "shptxt"}  # text of its own, told after the paragraph
# Destinations without text of the document. Others that a reader need not know are marked in the file, by \*.
GONE = {
    "colortbl", "pict", "object", "header", "headerl", "headerr", "headerf", "footer", "footerl", "footerr", "footerf",
    "fldinst", "listtext", "pntext", "annotation", "xe", "tc", "ftnsep", "ftnsepc", "ftncn", "aftnsep", "aftnsepc",
    "aftncn", "sn", "sv", "shprslt", "nonshppict", "filetbl", "nonesttables",
}  # fmt: skip
READ = {"shpinst", "shptxt", "nesttableprops"}  # marked so, and read all the same
HEADING = re.compile(r"(heading|заголовок|тақырып|title|subtitle|название|подзаголовок)\b", re.IGNORECASE)
CONTENTS = re.compile(r"(toc|оглавление|contents) ?\d", re.IGNORECASE)
BODY_LEVEL = 9  # the outline level of what is no heading
CUT_SHORT = "the end of the document: the file is cut short"


@dataclass(slots=True)
class _Group:
    """What holds up to the brace that closes it."""

    target: str = "text"  # where its text goes: text, gone, info, title, time, fonts or styles
    encoding: str | None = None  # None: the document's
    skip: int = 1  # characters after \\u that stand in for it
    hidden: bool = False
    deleted: bool = False
    in_table: bool = False
    style: int = 0
    level: int = BODY_LEVEL
    opens_flow: bool = False
    in_unicode: str | None = None  # the target of text that is told twice, in a code page and again in Unicode


@dataclass(slots=True)
class _Flow:
    """The text itself, or a note's or text box's: what its paragraph, cell and row hold so far."""

    pieces: list[str] = field(default_factory=list)
    cell: list[str] = field(default_factory=list)  # its paragraphs
    row: list[list[str]] = field(default_factory=list)
    after: list[str] = field(default_factory=list)  # paragraphs of notes, for when the paragraph ends
    done: list[str] = field(default_factory=list)  # a note's paragraphs


def read(data: bytes) -> Source:
    """The document's text; raises DocumentError with the reason where it cannot be read."""
    if not data[:64].lstrip(b"\xef\xbb\xbf \r\n\t").startswith(START):
        raise DocumentError(archive.other_kind(data))
    reader = _Reader()
    whole = reader.run(data)
    title = office.own_title(_joined(reader.title))
    return reader.draft.source(title, reader.date(), missing=() if whole else (CUT_SHORT,))


class _Reader:
    """Runs through a file's tokens and writes its paragraphs into a draft."""

    def __init__(self) -> None:
        self.draft = Draft()
        self.title: list[str] = []
        self._time: dict[str, int] = {}
        self._stack: list[_Group] = []
        self._group = _Group()
        self._starred = False
        self._encoding = "cp1252"
        self._default_font = self._font = 0
        self._fonts: dict[int, str] = {}  # those that have a code page of their own
        self._style_names: dict[int, list[str]] = {}
        self._style_levels: dict[int, int] = {}
        self._bytes = bytearray()  # not yet decoded: a character may have several
        self._stand_ins = 0  # characters still to be skipped after \u
        self._flows = [_Flow()]

    def run(self, data: bytes) -> bool:
        """Reads the document; whether it ends as it should."""
        position = data.index(b"{")
        while position < len(data):
            match = TOKEN.match(data, position)
            if match is None:  # never: the last alternative takes any byte
                break
            position = match.end()
            word, number, code, sign, brace, text = match.groups()
            if text is not None:
                self._take_bytes(text)
            elif code is not None:
                self._take_bytes(bytes([int(code, 16)]))
            elif brace is not None:
                self._brace(brace)
                if not self._stack:
                    self._end_paragraph()
                    return True
            elif word == b"bin" and number:
                position += max(0, int(number))
            elif word is not None:
                self._word(word.decode("ascii"), int(number) if number else None)
            elif sign is not None:
                self._sign(sign.decode("latin-1"))
        self._end_paragraph()
        return False

    def date(self) -> str | None:
        """The day on which the document was made."""
        year, month, day = (self._time.get(name, 0) for name in ("yr", "mo", "dy"))
        return office.date(f"{year:04}-{month:02}-{day:02}")

    def _brace(self, brace: bytes) -> None:
        self._flush()
        self._stand_ins = 0
        self._starred = False
        if brace == b"{":
            if len(self._stack) >= MAX_DEPTH:
                raise DocumentError(f"groups nest more than {MAX_DEPTH} deep: save the file again")
            self._stack.append(self._group)
            self._group = replace(self._group, opens_flow=False)
            return
        if self._group.opens_flow and len(self._flows) > 1:
            self._end_paragraph()
            flow = self._flows.pop()
            self._flows[-1].after.extend(flow.done)
        self._group = self._stack.pop()

    def _sign(self, sign: str) -> None:
        if sign == "*":
            self._starred = True
        elif sign in PARAGRAPH_ENDS:
            self._word("par", None)
        elif sign in SIGNS:
            self._take(SIGNS[sign])

    def _word(self, word: str, number: int | None) -> None:
        self._flush()
        starred, self._starred = self._starred, False
        group = self._group
        if starred and word == "ud" and group.in_unicode:
            group.target = group.in_unicode
            return
        if group.target == "gone":
            return
        if word == "upr":
            group.in_unicode, group.target = group.target, "gone"
        elif word in SIGNS:
            self._take(SIGNS[word])
        elif word == "u" and number is not None:
            self._take(chr(number % 0x10000))
            self._stand_ins = group.skip
        elif word in PARAGRAPH_ENDS or word in ("cell", "row"):
            self._break(word)
        elif word in FLOWS:
            self._flows.append(_Flow())
            self._group = replace(group, opens_flow=True, in_table=False, style=0, level=BODY_LEVEL)
        elif word in ("info", "fonttbl", "stylesheet"):
            group.target = word
        elif group.target == "info":
            group.target = {"title": "title", "creatim": "time"}.get(word, "gone")
        elif word in GONE or (starred and word not in READ):
            group.target = "gone"
        else:
            self._property(word, number, group)

    def _property(self, word: str, number: int | None, group: _Group) -> None:
        """What a control word changes for the text that follows it."""
        value = 0 if number is None else number
        if word == "ansicpg":
            self._encoding = _codec(f"cp{value}") or self._encoding
        elif word in ("mac", "pc"):
            self._encoding = {"mac": "mac_roman", "pc": "cp437"}[word]
        elif word == "deff":
            self._default_font = value
        elif word == "f":
            self._font = value
            group.encoding = self._fonts.get(value)
        elif word in ("fcharset", "cpg") and group.target == "fonttbl":
            codec = CHARSETS.get(value) if word == "fcharset" else _codec(f"cp{value}")
            if codec:
                self._fonts[self._font] = codec
        elif word == "uc":
            group.skip = max(0, value)
        elif word == "v":
            group.hidden = number != 0
        elif word == "deleted":
            group.deleted = number != 0
        elif word == "plain":
            group.hidden = group.deleted = False
            group.encoding = self._fonts.get(self._default_font)
        elif word == "pard":
            group.in_table, group.style, group.level = False, 0, BODY_LEVEL
        elif word == "intbl":
            group.in_table = True
        elif word == "s":
            group.style = value
        elif word == "outlinelevel":
            group.level = value
            if group.target == "stylesheet":
                self._style_levels[group.style] = value
        elif group.target == "time":
            self._time[word] = value

    def _take_bytes(self, data: bytes) -> None:
        skipped = min(self._stand_ins, len(data))
        self._stand_ins -= skipped
        self._bytes += data[skipped:]

    def _flush(self) -> None:
        if self._bytes:
            encoding = self._group.encoding or self._encoding
            text = self._bytes.decode(encoding, "replace").replace("\ufffd", "")
            self._bytes.clear()
            self._take(text)

    def _take(self, text: str) -> None:
        self._flush()
        group = self._group
        if group.target == "text" and not group.hidden and not group.deleted:
            self._flows[-1].pieces.append(text)
        elif group.target == "title":
            self.title.append(text)
        elif group.target == "stylesheet":
            self._style_names.setdefault(group.style, []).append(text)

    def _break(self, word: str) -> None:
        flow, group = self._flows[-1], self._group
        if group.target != "text" or group.deleted:
            return
        if word == "cell":
            flow.row.append([*flow.cell, _joined(flow.pieces)])
            flow.pieces, flow.cell = [], []
        elif word == "row":
            self._end_row(flow)
        elif group.in_table:
            flow.cell.append(_joined(flow.pieces))
            flow.pieces = []
        else:
            self._end_paragraph()

    def _end_row(self, flow: _Flow) -> None:
        if len(flow.row) == 1:  # a frame around text, not a table
            for paragraph in flow.row[0]:
                self._add(flow, paragraph)
        else:
            self._add(flow, CELL_GAP.join(" ".join(" ".join(cell).split()) for cell in flow.row), is_row=True)
        flow.row = []
        self._tell_notes(flow)

    def _end_paragraph(self) -> None:
        self._flush()
        flow = self._flows[-1]
        self._add(flow, " ".join([*flow.cell, _joined(flow.pieces)]))
        flow.pieces, flow.cell = [], []
        self._tell_notes(flow)

    def _tell_notes(self, flow: _Flow) -> None:
        for text in flow.after:
            self._add(flow, text, plain=True)
        flow.after = []

    def _add(self, flow: _Flow, text: str, is_row: bool = False, plain: bool = False) -> None:
        if len(self._flows) > 1:
            flow.done.append(text)
        elif is_row:
            self.draft.add(text, "row")
        else:
            name = "" if plain else "".join(self._style_names.get(self._group.style, ()))
            level = (
                BODY_LEVEL if plain else min(self._group.level, self._style_levels.get(self._group.style, BODY_LEVEL))
            )
            if not CONTENTS.match(name):
                self.draft.add(text, "heading" if level < BODY_LEVEL or HEADING.match(name) else "paragraph")


def _codec(name: str) -> str | None:
    """The codec of that name, if Python has it; code page 65001 is UTF-8."""
    try:
        return codecs.lookup("utf-8" if name == "cp65001" else name).name
    except LookupError:
        return None


def _joined(pieces: list[str]) -> str:
    """The pieces as one text, surrogates that \\u wrote one at a time put together."""
    text = office.cleaned("".join(pieces))
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
