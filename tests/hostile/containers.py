"""The smallest whole file of each format, and writers of zip archives and PDF that write what they are told to."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

TEXT = "{TEXT}"  # in the parts below: where the text stands
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
A = "http://schemas.openxmlformats.org/drawingml/2006/main"
P = "http://schemas.openxmlformats.org/presentationml/2006/main"
S = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
ODF = "urn:oasis:names:tc:opendocument:xmlns"
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
ODF_NAMES = (
    f'xmlns:office="{ODF}:office:1.0" xmlns:text="{ODF}:text:1.0" xmlns:table="{ODF}:table:1.0" office:version="1.2"'
)


def relations(*targets: tuple[str, str]) -> str:
    """A relationships part: the kind and the target of each, ``rId1`` first."""
    lines = "".join(
        f'<Relationship Id="rId{number}" Type="{R}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, start=1)
    )
    return (
        f'{DECLARATION}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{lines}'
        "</Relationships>"
    )


def content_types(*parts: tuple[str, str]) -> str:
    lines = "".join(
        f'<Override PartName="/{name}" ContentType="application/vnd.openxmlformats-officedocument.{kind}+xml"/>'
        for name, kind in parts
    )
    return (
        f'{DECLARATION}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default '
        'Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default '
        f'Extension="xml" ContentType="application/xml"/>{lines}</Types>'
    )


PARTS: dict[str, dict[str, str]] = {
    "docx": {
        "[Content_Types].xml": content_types(("word/document.xml", "wordprocessingml.document.main")),
        "_rels/.rels": relations(("officeDocument", "word/document.xml")),
        "word/document.xml": f'{DECLARATION}<w:document xmlns:w="{W}"><w:body><w:p><w:r><w:t>{TEXT}</w:t></w:r></w:p>'
        "</w:body></w:document>",
    },
    "odt": {
        "mimetype": "application/vnd.oasis.opendocument.text",
        "META-INF/manifest.xml": f'{DECLARATION}<manifest:manifest xmlns:manifest="{ODF}:manifest:1.0" '
        'manifest:version="1.2"><manifest:file-entry manifest:full-path="/" '
        'manifest:media-type="application/vnd.oasis.opendocument.text"/><manifest:file-entry '
        'manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>',
        "content.xml": f"{DECLARATION}<office:document-content {ODF_NAMES}><office:body><office:text>"
        f"<text:p>{TEXT}</text:p></office:text></office:body></office:document-content>",
    },
    "pptx": {
        "[Content_Types].xml": content_types(
            ("ppt/presentation.xml", "presentationml.presentation.main"),
            ("ppt/slides/slide1.xml", "presentationml.slide"),
        ),
        "_rels/.rels": relations(("officeDocument", "ppt/presentation.xml")),
        "ppt/_rels/presentation.xml.rels": relations(("slide", "slides/slide1.xml")),
        "ppt/presentation.xml": f'{DECLARATION}<p:presentation xmlns:p="{P}" xmlns:r="{R}"><p:sldIdLst>'
        '<p:sldId id="256" r:id="rId1"/></p:sldIdLst></p:presentation>',
        "ppt/slides/slide1.xml": f'{DECLARATION}<p:sld xmlns:p="{P}" xmlns:a="{A}"><p:cSld><p:spTree><p:sp><p:nvSpPr>'
        '<p:cNvPr id="2" name="1"/><p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr/><p:txBody><a:bodyPr/>'
        f"<a:p><a:r><a:t>{TEXT}</a:t></a:r></a:p></p:txBody></p:sp></p:spTree></p:cSld></p:sld>",
    },
    "xlsx": {
        "[Content_Types].xml": content_types(
            ("xl/workbook.xml", "spreadsheetml.sheet.main"), ("xl/worksheets/sheet1.xml", "spreadsheetml.worksheet")
        ),
        "_rels/.rels": relations(("officeDocument", "xl/workbook.xml")),
        "xl/_rels/workbook.xml.rels": relations(("worksheet", "worksheets/sheet1.xml")),
        "xl/workbook.xml": f'{DECLARATION}<workbook xmlns="{S}" xmlns:r="{R}"><sheets><sheet name="1" sheetId="1" '
        'r:id="rId1"/></sheets></workbook>',
        "xl/worksheets/sheet1.xml": f'{DECLARATION}<worksheet xmlns="{S}"><sheetData><row r="1"><c r="A1" '
        't="inlineStr"><is><t>Text</t></is></c></row><row r="2"><c r="A2" t="inlineStr"><is>'
        f"<t>{TEXT}</t></is></c></row></sheetData></worksheet>",
    },
    "epub": {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": f'{DECLARATION}<container version="1.0" '
        'xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="content.opf" '
        'media-type="application/oebps-package+xml"/></rootfiles></container>',
        "content.opf": f'{DECLARATION}<package xmlns="http://www.idpf.org/2007/opf" version="3.0" '
        'unique-identifier="id"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="id">1'
        "</dc:identifier><dc:title>Book</dc:title><dc:language>en</dc:language></metadata><manifest>"
        '<item id="c" href="chapter.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="c"/>'
        "</spine></package>",
        "chapter.xhtml": f'{DECLARATION}<html xmlns="http://www.w3.org/1999/xhtml"><head><title>1</title></head><body>'
        f"<p>{TEXT}</p></body></html>",
    },
}
# The part of each that holds the text.
MAIN = {
    "docx": "word/document.xml",
    "odt": "content.xml",
    "pptx": "ppt/slides/slide1.xml",
    "xlsx": "xl/worksheets/sheet1.xml",
    "epub": "chapter.xhtml",
}
PAGE = (
    f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Page</title></head><body><article>'
    f"<h1>Page</h1><p>{TEXT}</p></article></body></html>"
)
KINDS = (*PARTS, "pdf", "html", "md", "txt", "csv")


def whole(kind: str, text: str) -> bytes:
    """A whole file of the kind that holds the text; in PDF, of Latin letters only."""
    if kind in PARTS:
        return office(kind, {MAIN[kind]: PARTS[kind][MAIN[kind]].replace(TEXT, text)})
    if kind == "pdf":
        return pdf([text])
    form = {"html": PAGE, "md": f"# Page\n\n{TEXT}\n", "csv": f'Text\n"{TEXT}"\n'}
    return form.get(kind, TEXT).replace(TEXT, text).encode()


def office(kind: str, replaced: dict[str, str]) -> bytes:
    """A zip-based file of the kind with some of its parts replaced, or others added."""
    parts = PARTS[kind] | replaced
    return archive([Entry.of(name, text.replace(TEXT, "text").encode()) for name, text in parts.items()])


@dataclass(frozen=True)
class Entry:
    """An entry of a zip archive, with what its headers say of it, true or not."""

    name: str
    packed: bytes
    size: int
    crc: int
    method: int = 8
    flags: int = 0x800  # the name is UTF-8
    offset: int | None = None  # where the directory says that it lies, where that is not where it does

    @classmethod
    def of(cls, name: str, data: bytes) -> Entry:
        packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        return cls(name, packer.compress(data) + packer.flush(), len(data), zlib.crc32(data))

    def header(self, offset: int | None = None) -> bytes:
        """The local header, or, with its offset, the one in the directory; the name follows."""
        name = self.name.encode()
        common = struct.pack(
            "<HHHHHIIIHH", 20, self.flags, self.method, 0, 0x21, self.crc, len(self.packed), self.size, len(name), 0
        )
        if offset is None:
            return b"PK\x03\x04" + common + name
        return b"PK\x01\x02" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, offset) + name


def archive(entries: Iterable[Entry]) -> bytes:
    """A zip archive of the entries as they are."""
    body, directory, count = bytearray(), bytearray(), 0
    for entry in entries:
        directory += entry.header(len(body) if entry.offset is None else entry.offset)
        body += entry.header() + entry.packed
        count += 1
    number = min(count, 0xFFFF)
    end = struct.pack("<HHHHIIH", 0, 0, number, number, len(directory), len(body), 0)
    return bytes(body + directory) + b"PK\x05\x06" + end


def inflating(name: str, megabytes: int, said: int | None = None) -> Entry:
    """An entry of zeros that inflates to ``megabytes``; its headers say ``said`` bytes. Its checksum is wrong."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    once = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)  # a piece that stands for itself
    return Entry(name, once * megabytes + b"\x03\x00", (megabytes << 20) if said is None else said, 0)


def pdf(texts: Sequence[str], extra: Sequence[bytes] = (), page: str = "", trailer: str = "") -> bytes:
    """A PDF of one page for each text, in Helvetica. ``extra`` objects follow, the first of them known as ``/X`` to the
    pages; ``page`` stands in each page's object."""
    figure = f"/XObject << /X {4 + 2 * len(texts)} 0 R >>" if extra else ""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(texts)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {len(texts)} /Kids [{kids}] >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, text in enumerate(texts):
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {5 + 2 * number} 0 R "
            f"/Resources << /Font << /F 3 0 R >> {figure} >> {page} >>".encode()
        )
        objects.append(stream(f"BT /F 12 Tf 50 780 Td ({text}) Tj ET".encode()))
    return pdf_of([*objects, *extra], trailer)


def stream(data: bytes, entries: str = "") -> bytes:
    return f"<< /Length {len(data)} {entries} >>\nstream\n".encode() + data + b"\nendstream"


def pdf_of(objects: Sequence[bytes], trailer: str = "") -> bytes:
    """A PDF of these objects, from number 1, the first of which is the catalogue."""
    body, places = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), []
    for number, each in enumerate(objects, start=1):
        places.append(len(body))
        body += f"{number} 0 obj\n".encode() + each + b"\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    end = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R {trailer} >>\nstartxref\n{len(body)}\n%%EOF\n"
    return bytes(body) + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{end}".encode()
