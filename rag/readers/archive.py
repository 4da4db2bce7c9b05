"""What the zip-based formats share: a container read within limits, and XML parsed without entities or network.

No entry is ever written to disk, and an archive within an archive is never opened.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from lxml import etree

from rag.errors import DocumentError

MAX_ENTRIES = 20_000  # the largest honest ones are presentations and books with some thousand pictures
MAX_ENTRY = 40 << 20  # bytes; XML parsed whole takes up to 25 times as much memory, mostly ten, and a reader has 1 GB
MAX_INFLATED = 256 << 20  # bytes read from one archive in all, pictures and films aside, which no reader asks for
MAX_RATIO = 400  # inflated to packed; sheets of equal cells reach some 100, a bomb 1,000
SMALL_ENTRY = 4 << 20  # bytes; below it the ratio says nothing and harms nothing
# Those that the formats allow; of others zipfile unpacks at once whatever is packed, however much was asked for.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

DIRECTORY_ENTRY = b"PK\x01\x02"
LOCAL_HEADER = 30  # bytes that stand before an entry's name and its packed data
ENCRYPTED = 0x1  # of a zip entry's flags
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
PASSWORD = "the file is protected by a password: save it without one"

# What an OLE file holds, by a name in its directory, first match first.
OLE_KINDS = (
    ("EncryptedPackage", PASSWORD),
    ("WordDocument", "an old binary Word file: save it as .docx"),
    ("PowerPoint Document", "an old binary PowerPoint file: save it as .pptx"),
    ("Workbook", "an old binary Excel file: save it as .xlsx"),
    ("Book", "an old binary Excel file: save it as .xlsx"),
)
# How other formats begin, for the reason why a file is not what its name says.
MAGIC = (
    (b"%PDF-", "a PDF file: name it .pdf"),
    (b"PK\x03\x04", "an office file: give it its own ending"),
    (b"{\\rtf", "an RTF file: name it .rtf"),
    (b"\x89PNG", "a picture, no document"),
    (b"\xff\xd8\xff", "a picture, no document"),
    (b"<!doctype html", "an HTML page: name it .html"),
    (b"<html", "an HTML page: name it .html"),
    (b"<?xml", "an XML file, not an archive of them: save it again in the format that its name says"),
)
# How XML is parsed: no entity is resolved, no file or address opened.
SAFE = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}
# libxml2's own limits: nesting and single texts; entities that multiply.
LIMITS = (etree.ErrorTypes.ERR_RESOURCE_LIMIT, etree.ErrorTypes.ERR_ENTITY_LOOP)
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
    OverflowError,
)


class Entries:
    """The entries of an open archive, read within the limits."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file
        self._left = MAX_INFLATED
        self.names = tuple(file.namelist())
        _check(file.infolist())

    def __contains__(self, name: str) -> bool:
        return name in self._file.NameToInfo

    def read(self, name: str) -> bytes:
        """The entry's bytes; raises DocumentError where it is missing, damaged or too large."""
        entry = self._allowed(name, MAX_ENTRY)
        try:
            with self._file.open(entry) as file:
                return file.read(entry.file_size + 1)  # stops there, whatever else the packed data would give
        except DAMAGE as error:
            raise DocumentError(_damaged(name)) from error

    def stream(self, name: str, *tags: str) -> Iterator[etree._Element]:
        """The elements of these local names in an XML entry, each forgotten after its turn; as :func:`xml`."""
        entry = self._allowed(name, MAX_INFLATED)
        try:
            with self._file.open(entry) as file:
                for _, element in etree.iterparse(file, tag=[f"{{*}}{tag}" for tag in tags], **SAFE):
                    yield element
                    element.clear()
                    while element.getprevious() is not None:
                        del element.getparent()[0]
        except etree.XMLSyntaxError as error:
            raise _xml_error(error, name) from error
        except DAMAGE as error:
            raise DocumentError(_damaged(name)) from error

    def _allowed(self, name: str, limit: int) -> zipfile.ZipInfo:
        """The entry, if it may be read: it counts against what may be inflated in all."""
        if name not in self:
            raise DocumentError(f"the file is incomplete: it holds no {name}")
        entry = self._file.NameToInfo[name]
        if entry.compress_type not in METHODS:
            raise DocumentError(f"{name} is packed in a way that such files are not: save it again")
        if entry.file_size > max(SMALL_ENTRY, MAX_RATIO * entry.compress_size):
            raise DocumentError(f"{name} inflates to more than {MAX_RATIO} times its size, as a zip bomb does")
        if entry.file_size > limit:
            raise DocumentError(f"{name} inflates to more than {limit >> 20} MB: split the document")
        if entry.file_size > self._left:
            raise DocumentError(f"the file inflates to more than {MAX_INFLATED >> 20} MB: split the document")
        self._left -= entry.file_size
        return entry


@contextmanager
def open(data: bytes) -> Iterator[Entries]:
    """The archive's entries; raises DocumentError with the reason where it is none, is damaged or breaks a limit."""
    if not data.startswith(b"PK"):
        raise DocumentError(other_kind(data))
    if data.count(DIRECTORY_ENTRY) > MAX_ENTRIES:  # asked before the directory is loaded
        raise DocumentError(f"the file holds more than {MAX_ENTRIES} entries: split the document")
    try:
        file = zipfile.ZipFile(io.BytesIO(data))
    except DAMAGE as error:
        raise DocumentError("the file is damaged or cut short: copy or save it again") from error
    with file:
        yield Entries(file)


def xml(data: bytes, name: str) -> etree._Element:
    """The root of an XML entry, comments left out; ``name`` says in errors which it is. Raises DocumentError.

    Entities are never defined, resolved or fetched; nesting and single texts stay within libxml2's own limits
    (256 levels, 10 MB).
    """
    try:
        root = etree.fromstring(data, etree.XMLParser(**SAFE))
    except etree.XMLSyntaxError as error:
        raise _xml_error(error, name) from error
    types = root.getroottree().docinfo.internalDTD
    if types is not None and types.entities():
        raise DocumentError(f"{name} defines XML entities, which are never resolved: save the file again")
    return root


def _damaged(name: str) -> str:
    return f"the file is damaged ({name} cannot be unpacked): save it again"


def _xml_error(error: etree.XMLSyntaxError, name: str) -> DocumentError:
    if error.code in LIMITS:
        return DocumentError(f"{name} nests too deeply, holds too long a text or grows by entities")
    return DocumentError(f"the file is damaged ({name} is not well-formed XML): save it again")


def _check(entries: list[zipfile.ZipInfo]) -> None:
    """Raises DocumentError where entries are encrypted, share a name or lie over one another."""
    if any(entry.flag_bits & ENCRYPTED for entry in entries):
        raise DocumentError(PASSWORD)
    if len({entry.filename for entry in entries}) < len(entries):
        raise DocumentError("the file holds two entries of one name: save it again")
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            raise DocumentError("the file's entries lie over one another, as in a zip bomb: save it again")
        end = entry.header_offset + LOCAL_HEADER + entry.compress_size


def other_kind(data: bytes) -> str:
    """Why this is no zip archive, by how it begins."""
    if data.startswith(OLE):
        held = (reason for name, reason in OLE_KINDS if f"{name}\0".encode("utf-16-le") in data)
        return next(held, "an old binary office file: save it in a newer format")
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    kind = next((kind for magic, kind in MAGIC if start.startswith(magic.lower())), None)
    return f"the file's name is wrong, it is {kind}" if kind else "the file is damaged or not what its name says"
