"""Which encoding a file's bytes, or a file's name, are written in.

Unicode tells itself apart: by its mark, by being valid UTF-8, by the zeros of UTF-16 and UTF-32. The eight-bit
encodings are told apart by what the bytes would spell: each candidate's text is scored by how usual its pairs of
neighbouring signs are in Russian, Kazakh, Ukrainian and Western text (``letters.json``, fitted by
``benchmarks/charsets.py``, which also compares the choice with other detectors).
"""

from __future__ import annotations

import codecs
import functools
import json
import re
from importlib import resources
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.errors import DocumentError

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins as UTF-16's mark does
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
WIDE = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
WESTERN = "windows-1252"
# Eight-bit encodings, with what a text must gain in bits to be taken for one rather than for the first.
CANDIDATES = {
    "windows-1251": 0.0,
    WESTERN: 1.0,
    "koi8-r": 3.0,
    "cp866": 3.0,
    "mac-cyrillic": 4.0,
    "iso8859-5": 5.0,
    "koi8-u": 5.0,
    "kz1048": 5.0,
}
LETTERS = "абвгдежзийклмнопрстуфхцчшщъыьэюяәғқңөұүһіїєґў"
OWN_CLASS = LETTERS + "«»„“”‘’—…№"
CLASSES = OWN_CLASS + "aà0 .─#"  # and Latin letters, accented ones, digits, space, other punctuation, boxes, the rest
PUNCTUATION = frozenset("§°©®™•·±×½¼¾²³€£¿¡")
DIGITS62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
STEP = 1 / 3  # bits; a pair's cost is kept as one of 62 steps
YO = 4.0  # bits for ё beside those for е: one word in a hundred has it, or none where its author leaves the dots out
INNER_CAPITAL = 8.0  # bits for a capital right after a small letter: one text in another encoding is full of them
TWO_CAPITALS = 0.5  # bits: words are mostly small, and «бюджет» in KOI8-R are the capitals «ВАДЦЕФ» elsewhere
BOX_RUN, BOX_EDGE, BOX_ELSEWHERE = 1.0, 13.0, 15.0  # bits: ═══, beside a space (there a dash is likelier), others
UNUSUAL = 18.0  # bits for a sign of no class: ≈, ђ, a control
UNDEFINED = 100.0  # bits for a byte that the encoding does not have
MOSTLY_LATIN = 4  # ASCII letters to a sign beyond ASCII, from which a lone sign is rather «è» than «и»:
LONE_ACCENT = 8.0  # bits for each run of such signs; any Cyrillic word of three letters outweighs that

# What a file may say of itself: not latin-1, which servers put on anything, nor Python's own utf-7 or punycode.
BELIEVED = ("cp", "iso8859-2", "iso8859-5", "koi8", "mac", "kz", "ptcp", "gb", "big5", "euc", "shift_jis", "tis")
CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
ASCII_LETTER = re.compile(rb"[A-Za-z]")
MOST_CONTROLS = 0.02  # of the bytes; text has next to none, random bytes a tenth
SAMPLE = 1 << 16  # bytes that are looked at for what holds all through a file
DAMAGED = "\ufffd"
MOST_DAMAGE = 0.02  # of the bytes beyond ASCII: UTF-8 with a few broken characters is still UTF-8
FEWEST_BEYOND = 8  # bytes beyond ASCII, for one to be broken: «тайм» in CP866 is a letter of UTF-8 and half another
WORST_DAMAGE = 0.1  # of the characters, in a file that a byte-order mark says is Unicode
WORST_TEXT = 7.0  # bits a pair: of 4,330 Russian and 1,226 Kazakh sentences the worst takes 6.4, of Chinese 11
FEWEST_CONTROLS = 4  # a stray one makes no binary of a short text
FEWEST_PAIRS = 40  # beyond ASCII, to be judged by that

Bits = NDArray[np.float32]


class Decoded(NamedTuple):
    """A file's text, the encoding that it was in, and how many of its characters are damaged (U+FFFD)."""

    text: str
    encoding: str
    damaged: int

    @property
    def missing(self) -> tuple[str, ...]:
        """The damage as a reader tells of it, see :class:`rag.readers.source.Source`."""
        return (f"characters that are not {self.encoding.upper()}: {self.damaged}",) if self.damaged else ()


def decode(data: bytes, declared: str | None = None) -> Decoded:
    """The text of a file, its byte-order mark aside; raises DocumentError where the bytes are not text.

    ``declared`` is the encoding that the file says it is in, which is believed where it can be true.
    """
    mark, encoding = next((each for each in BYTE_ORDER_MARKS if data.startswith(each[0])), (b"", ""))
    body = data[len(mark) :]
    encoding = encoding or _wide(body) or _narrow(body, declared)
    text = body.decode(encoding, errors="replace")
    damaged = text.count(DAMAGED) - (body.count(DAMAGED.encode(encoding)) if encoding.startswith("utf") else 0)
    if damaged > WORST_DAMAGE * len(text):
        raise DocumentError(f"not a text file: it is marked as {encoding.upper()}, and most of it is not")
    return Decoded(text, encoding, damaged)


def decode_name(raw: bytes) -> str:
    """A file's name as a person would read it; what no encoding gives becomes U+FFFD."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode(_spelled(raw)[0], errors="replace")


def _narrow(data: bytes, declared: str | None) -> str:
    """The encoding of bytes that are neither UTF-16 nor UTF-32."""
    head = data[:SAMPLE]
    if b"\0" in data:
        raise DocumentError("not a text file: it holds NUL bytes")
    if len(CONTROLS.findall(head)) > max(FEWEST_CONTROLS, MOST_CONTROLS * len(head)):
        raise DocumentError("not a text file: it holds control characters")
    if _is_utf8(data):
        return "utf-8"
    if declared and (known := _known(declared)) and _fits(data, known):
        return known
    encoding, bits = _spelled(data)
    if bits > WORST_TEXT and encoding != WESTERN:
        raise DocumentError("the encoding of its text is not recognised: save it as UTF-8")
    return encoding


def _is_utf8(data: bytes) -> bool:
    """Whether the bytes are UTF-8, a few broken characters aside."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        beyond = len(data) - len(data.decode("ascii", errors="ignore"))
        broken = data.decode("utf-8", errors="replace").count(DAMAGED) - data.count(DAMAGED.encode())
        return broken <= max(MOST_DAMAGE * beyond, beyond >= FEWEST_BEYOND)
    return True


def _wide(data: bytes) -> str | None:
    """UTF-16 or UTF-32 without its mark: what decodes to signs of everyday text."""
    head = data[:SAMPLE]
    if not CONTROLS.search(head):
        return None  # even Cyrillic letters have a byte 04 in both
    for encoding in WIDE:
        width = 4 if "32" in encoding else 2
        try:
            text = head[: len(head) // width * width].decode(encoding)
        except UnicodeDecodeError:
            continue
        usual = sum(1 for sign in text if class_of(sign) != "#")
        if text and usual >= 0.9 * len(text):
            return encoding
    return None


def _known(declared: str) -> str | None:
    """Python's name of a declared encoding; None where it is none, or says so little that the bytes tell more."""
    try:
        name = codecs.lookup(declared.strip()).name
    except (LookupError, ValueError):
        return None
    return name if name.startswith(BELIEVED) and name != "cp1252" else None


def _fits(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except (UnicodeError, ValueError, LookupError):
        return False
    return True


def _spelled(data: bytes) -> tuple[str, float]:
    """The likeliest eight-bit encoding, and what its text costs in bits a pair of signs beyond ASCII."""
    edged = np.frombuffer(b" " + data + b" ", np.uint8)
    beyond = edged >= 0x80
    pairs = (edged[:-1].astype(np.uint16) << 8 | edged[1:])[beyond[:-1] | beyond[1:]]
    numbers, counts = np.unique(pairs, return_counts=True)
    costs = _costs()[:, numbers] @ counts.astype(np.float32) + np.array(list(CANDIDATES.values()), np.float32)
    if len(ASCII_LETTER.findall(data)) > MOSTLY_LATIN * np.count_nonzero(beyond):
        runs = np.count_nonzero(beyond[1:] & ~beyond[:-1])
        costs[list(CANDIDATES).index(WESTERN)] -= LONE_ACCENT * runs
    best = int(np.argmin(costs))
    bits = float(costs[best]) / len(pairs) if len(pairs) >= FEWEST_PAIRS else 0.0
    return list(CANDIDATES)[best], bits


@functools.cache
def _costs() -> Bits:
    """float32 (candidates, 65536): what each pair of bytes costs in bits as each encoding reads it."""
    table = resources.files("rag.readers").joinpath("letters.json").read_text("utf-8")
    return np.stack([_pair_costs(encoding, pair_bits(json.loads(table))) for encoding in CANDIDATES])


def pair_bits(rows: list[str]) -> Bits:
    """float32 (classes, classes): what a sign of the second class costs after one of the first, in bits."""
    return np.array([[DIGITS62.index(sign) * STEP for sign in row] for row in rows], np.float32)


def _pair_costs(encoding: str, bits: Bits) -> Bits:
    signs = bytes(range(256)).decode(encoding, errors="replace")
    classes = np.array([CLASSES.index(class_of(sign)) for sign in signs])
    costs = bits[np.ix_(classes, classes)].copy()
    costs[:, [sign in "ёЁ" for sign in signs]] += YO
    small = np.array([sign.islower() for sign in signs])
    capital = np.array([sign.isupper() for sign in signs])
    costs[np.ix_(small, capital)] += INNER_CAPITAL
    costs[np.ix_(capital, capital)] += TWO_CAPITALS
    box = np.array([class_of(sign) == "─" for sign in signs])
    costs[box, :] = costs[:, box] = BOX_ELSEWHERE
    edge = np.array([class_of(sign) == " " for sign in signs])
    costs[np.ix_(box, edge)] = costs[np.ix_(edge, box)] = BOX_EDGE
    costs[box, box] = BOX_RUN  # the same byte twice
    unusual = np.array([class_of(sign) == "#" for sign in signs])
    costs[unusual, :] = costs[:, unusual] = UNUSUAL
    undefined = np.array([sign == "\ufffd" for sign in signs])
    costs[undefined, :] = costs[:, undefined] = UNDEFINED
    flat: Bits = costs.reshape(-1).astype(np.float32)
    return flat


def class_of(sign: str) -> str:
    """The class of signs, one of ``CLASSES``, that a character of any text counts as."""
    small = sign.lower().replace("ё", "е")
    if small in OWN_CLASS:
        return small
    if sign == "–":
        return "—"
    if sign.isspace() or sign == "\x1a":  # the end of a file, as CP/M and MS-DOS wrote it
        return " "
    if sign.isascii() and sign.isprintable():
        return "a" if sign.isalpha() else "0" if sign.isdigit() else "."
    if sign in PUNCTUATION:
        return "."
    if "─" <= sign <= "▟":
        return "─"
    return "à" if sign.isalpha() and "À" <= sign <= "ſ" else "#"
