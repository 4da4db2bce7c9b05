"""Hostile zip-based documents: bombs, entities, repetition that multiplies, passwords."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from hostile.containers import (
    DECLARATION,
    MAIN,
    ODF_NAMES,
    PARTS,
    TEXT,
    A,
    Entry,
    P,
    R,
    S,
    W,
    archive,
    inflating,
    office,
    relations,
)

File = tuple[str, bytes]
BOMB = 2048  # megabytes that a bomb's entry inflates to
DEPTH = 20_000  # of nesting; Python's stack holds a thousand calls, and C's some hundred thousand
TIMES = 20_000  # that one thing of 100 KB is said to be repeated: 2 GB
LONG = "Водохранилище вмещает 240 кубических километров воды. " * 1000
MANY_ENTRIES = 30_000

LAUGHS = (
    '<!DOCTYPE r [<!ENTITY l0 "ha">' + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 11)) + "]>"
)
QUADRATIC = f'<!DOCTYPE r [<!ENTITY l10 "{"ha" * 50_000}">]>'


def bombs() -> Iterator[File]:
    """Archives that inflate to gigabytes, or whose directory lies."""
    for kind, main in MAIN.items():
        others = [Entry.of(name, text.encode()) for name, text in PARTS[kind].items() if name != main]
        text = Entry.of(main, PARTS[kind][main].replace(TEXT, "text").encode())
        bomb = inflating(main, BOMB)
        yield f"refused/bomb.{kind}", archive([*others, bomb])
        yield f"refused/bomb-said-small.{kind}", archive([*others, inflating(main, BOMB, said=1000)])
        yield f"refused/overlapping.{kind}", archive([*others, text, *_overlapping(others)])
        yield f"refused/entries.{kind}", archive([*others, text, *_many()])
        yield f"refused/method.{kind}", archive([*others, replace(text, method=99)])
        yield f"refused/checksum.{kind}", archive([*others, replace(text, crc=text.crc ^ 1)])
        yield f"any/said-larger.{kind}", archive([*others, replace(text, size=text.size + 9)])
        yield f"refused/without-main.{kind}", archive(others)
        yield f"any/bomb-of-a-picture.{kind}", archive([*others, text, inflating("media/image1.png", BOMB)])
        yield f"any/nested.{kind}", archive([*others, text, Entry.of("nested.zip", archive([bomb]))])
        yield f"any/twice.{kind}", archive([*others, text, text])
        yield f"any/outside.{kind}", archive([*others, text, Entry.of("../../../../tmp/evil.txt", b"evil")])


def _overlapping(others: list[Entry]) -> Iterator[Entry]:
    """Entries that say they lie where the first one does."""
    for number in range(1000):
        yield replace(others[0], name=f"{number}.xml", offset=0)


def _many() -> Iterator[Entry]:
    for number in range(MANY_ENTRIES):
        yield Entry(f"{number:x}", b"", 0, 0, method=0)


def entities(canary: str, secret: Path) -> Iterator[File]:
    """XML that multiplies, includes what lies outside, or nests too deeply."""
    doctypes = {
        "laughs": LAUGHS,
        "quadratic": QUADRATIC,
        "included-file": f'<!DOCTYPE r [<!ENTITY l10 SYSTEM "{secret.as_uri()}">]>',
        "included-page": f'<!DOCTYPE r [<!ENTITY l10 SYSTEM "{canary}">]>',
        "parameters": f'<!DOCTYPE r [<!ENTITY % p SYSTEM "{canary}"> %p; <!ENTITY l10 "x">]>',
    }
    for kind, main in MAIN.items():
        xml = PARTS[kind][main]
        strict = "any" if kind == "epub" else "refused"  # a book's chapters may be read as HTML, which has no entities
        outside = "any" if kind == "xlsx" else strict  # a sheet's are left out, unread
        for name, doctype in doctypes.items():
            text = "&l10;" * (500 if name == "quadratic" else 1)
            hostile = xml.replace(DECLARATION, DECLARATION + doctype).replace(TEXT, "text " + text)
            place = strict if name in ("laughs", "quadratic") else outside
            yield f"{place}/{name}.{kind}", office(kind, {main: hostile})
        types = xml.replace(DECLARATION, f'{DECLARATION}<!DOCTYPE r SYSTEM "{canary}">')
        yield f"any/outside-types.{kind}", office(kind, {main: types})
        deep = xml.replace(TEXT, "<x>" * DEPTH + "text" + "</x>" * DEPTH)
        yield f"{strict}/deep.{kind}", office(kind, {main: deep})
        yield f"refused/not-xml.{kind}", office(kind, {main: "\0\1\2 text"}) if kind != "epub" else b"PK\3\4"
        first = (
            "META-INF/container.xml" if kind == "epub" else next(n for n in PARTS[kind] if n.endswith((".rels", "l")))
        )
        laughing = PARTS[kind][first].replace(DECLARATION, DECLARATION + LAUGHS).replace("</", "&l10;</", 1)
        yield f"any/laughs-aside.{kind}", office(kind, {first: laughing})
        yield f"any/utf-7.{kind}", office(kind, {main: xml.replace("UTF-8", "UTF-7").replace(TEXT, "+ADw-b+AD4-")})


def repeated() -> Iterator[File]:
    """Small files that say of themselves that they are large, or that bite their own tails."""
    yield "any/spaces.odt", _odt('<text:p>a<text:s text:c="2000000000"/>b</text:p>')
    cell = f"<table:table-cell{{}}><text:p>{LONG}</text:p></table:table-cell>"
    wide = cell.format(' table:number-columns-repeated="1000000000"')
    yield "any/columns.odt", _odt(f"<table:table><table:table-row>{wide}</table:table-row></table:table>")
    row = f'<table:table-row table:number-rows-repeated="1000000000">{cell.format("")}</table:table-row>'
    yield "any/rows.odt", _odt(f"<table:table>{row}</table:table>")
    opened, closed = (
        "<table:table><table:table-row><table:table-cell>",
        "</table:table-cell></table:table-row></table:table>",
    )
    yield "any/tables.odt", _odt(opened * 60 + "<text:p>a</text:p>" + closed * 60)

    tables = "<w:tbl><w:tr><w:tc>" * 60 + "<w:p><w:r><w:t>a</w:t></w:r></w:p>" + "</w:tc></w:tr></w:tbl>" * 60
    yield "any/tables.docx", _docx(tables)
    note = f'<w:footnote w:id="1"><w:p><w:r><w:t>{LONG}</w:t></w:r></w:p></w:footnote>'
    yield (
        "any/notes.docx",
        _docx(
            '<w:p><w:r><w:t>a</w:t><w:footnoteReference w:id="1"/></w:r></w:p>' * TIMES,
            {"word/footnotes.xml": f'<w:footnotes xmlns:w="{W}">{note}</w:footnotes>'},
            ("footnotes", "footnotes.xml"),
        ),
    )
    yield (
        "any/notes-of-notes.docx",
        _docx(
            '<w:p><w:r><w:t>a</w:t><w:footnoteReference w:id="1"/></w:r></w:p>',
            {
                "word/footnotes.xml": f'<w:footnotes xmlns:w="{W}"><w:footnote w:id="1"><w:p><w:r>'
                '<w:footnoteReference w:id="1"/><w:footnoteReference w:id="1"/></w:r></w:p></w:footnote></w:footnotes>'
            },
            ("footnotes", "footnotes.xml"),
        ),
    )
    styles = (
        '<w:style w:styleId="A"><w:basedOn w:val="B"/></w:style><w:style w:styleId="B"><w:basedOn w:val="A"/></w:style>'
    )
    yield (
        "any/styles.docx",
        _docx(
            '<w:p><w:pPr><w:pStyle w:val="A"/></w:pPr><w:r><w:t>a</w:t></w:r></w:p>',
            {"word/styles.xml": f'<w:styles xmlns:w="{W}">{styles}</w:styles>'},
            ("styles", "styles.xml"),
        ),
    )
    yield "any/self.docx", office("docx", {"_rels/.rels": relations(("officeDocument", "_rels/.rels"))})

    strings = f'<sst xmlns="{S}"><si><t>{LONG}</t></si></sst>'
    sheet = PARTS["xlsx"][MAIN["xlsx"]]
    data = sheet[: sheet.index("<row")] + "{}</sheetData></worksheet>"
    linked = {
        "xl/_rels/workbook.xml.rels": relations(
            ("worksheet", "worksheets/sheet1.xml"), ("sharedStrings", "sharedStrings.xml")
        ),
        "xl/sharedStrings.xml": strings,
    }
    same = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, TIMES))
    yield "any/strings.xlsx", office("xlsx", linked | {MAIN["xlsx"]: data.format(same)})
    for name, index in (("missing", "7"), ("negative", "-1"), ("endless", "9" * 30), ("lettered", "x")):
        one = f'<row r="1"><c r="A1" t="s"><v>{index}</v></c></row>'
        yield f"any/string-{name}.xlsx", office("xlsx", linked | {MAIN["xlsx"]: data.format(one)})
    for name, place in (("last", "XFD1048576"), ("beyond", "ZZZZZZ99999999999"), ("nowhere", "0"), ("odd", "A-1")):
        one = f'<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row><row><c r="{place}"><v>1</v></c></row>'
        yield f"any/cell-{name}.xlsx", office("xlsx", {MAIN["xlsx"]: data.format(one)})
    for name, value in (("1e308", "1e308"), ("1e999", "1e999"), ("nan", "NaN"), ("days", "9" * 20), ("none", "")):
        one = f'<row r="1"><c r="A1" s="1"><v>{value}</v></c><c r="B1" t="d"><v>{value}</v></c></row>'
        yield f"any/value-{name}.xlsx", office("xlsx", {MAIN["xlsx"]: data.format(one)})

    slides = "".join(f'<p:sldId id="{256 + n}" r:id="rId1"/>' for n in range(TIMES))
    deck = (
        f'{DECLARATION}<p:presentation xmlns:p="{P}" xmlns:r="{R}"><p:sldIdLst>{slides}</p:sldIdLst></p:presentation>'
    )
    long_slide = PARTS["pptx"][MAIN["pptx"]].replace(TEXT, LONG)
    yield "any/slides.pptx", office("pptx", {"ppt/presentation.xml": deck, MAIN["pptx"]: long_slide})
    group = "<p:grpSp><p:nvGrpSpPr/><p:grpSpPr/>" * 60 + "</p:grpSp>" * 60
    slide = f'{DECLARATION}<p:sld xmlns:p="{P}" xmlns:a="{A}"><p:cSld><p:spTree>{group}</p:spTree></p:cSld></p:sld>'
    yield "any/groups.pptx", office("pptx", {MAIN["pptx"]: slide})

    book = PARTS["epub"]["content.opf"]
    again = book.replace('<itemref idref="c"/>', '<itemref idref="c"/>' * TIMES)
    long_chapter = PARTS["epub"][MAIN["epub"]].replace(TEXT, LONG)
    yield "any/chapters.epub", office("epub", {"content.opf": again, MAIN["epub"]: long_chapter})
    for name, href in (
        ("above", "../../../../etc/passwd"),
        ("absolute", "/etc/passwd"),
        ("file", "file:///etc/passwd"),
        ("itself", "content.opf"),
        ("archive", ""),
        ("encoded", "%2e%2e%2f%00chapter.xhtml"),
    ):
        yield f"any/chapter-{name}.epub", office("epub", {"content.opf": book.replace("chapter.xhtml", href)})


def locked() -> Iterator[File]:
    """Files that a password protects."""
    for kind in ("docx", "xlsx", "pptx"):
        yield f"refused/password.{kind}", encrypted_package()
    locks = (
        'manifest:size="9000"><manifest:encryption-data manifest:checksum-type="SHA1/1K" manifest:checksum="AAAA">'
        '<manifest:algorithm manifest:algorithm-name="Blowfish CFB" manifest:initialisation-vector="AAAA"/>'
        "</manifest:encryption-data></manifest:file-entry>"
    )
    plain = '"content.xml" manifest:media-type="text/xml"'
    manifest = PARTS["odt"]["META-INF/manifest.xml"].replace(f"{plain}/>", f"{plain} {locks}")
    assert locks in manifest
    noise = Entry("content.xml", zlib.compress(b"noise" * 999), 4996, 7, method=0)
    noise = replace(noise, size=len(noise.packed), crc=zlib.crc32(noise.packed))
    parts = PARTS["odt"] | {"META-INF/manifest.xml": manifest}
    others = [Entry.of(name, text.encode()) for name, text in parts.items() if name != "content.xml"]
    yield "refused/password.odt", archive([*others, noise])
    for kind, main in MAIN.items():
        entries = [Entry.of(name, text.encode()) for name, text in PARTS[kind].items()]
        yield f"refused/password-of-zip.{kind}", archive(replace(e, flags=e.flags | (e.name == main)) for e in entries)
    rights = (
        '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><EncryptedData '
        'xmlns="http://www.w3.org/2001/04/xmlenc#"><EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"'
        '/><CipherData><CipherReference URI="chapter.xhtml"/></CipherData></EncryptedData></encryption>'
    )
    yield "any/rights.epub", office("epub", {"META-INF/encryption.xml": rights, MAIN["epub"]: "\x8f\x03\x17" * 300})


def encrypted_package() -> bytes:
    """What Office makes of a document with a password: a compound file that holds an ``EncryptedPackage``."""
    free, end, table = b"\xff\xff\xff\xff", b"\xfe\xff\xff\xff", b"\xfd\xff\xff\xff"
    header = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + bytes(16)
        + b"\x3e\0\x03\0\xfe\xff\x09\0\x06\0"
        + bytes(6)
        + b"\0\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\0\x10\0\0"
        + end
        + bytes(4)
        + end
        + bytes(4)
        + bytes(4)
        + free * 108
    )
    names = ("Root Entry", "EncryptionInfo", "EncryptedPackage", "")
    directory = b"".join(_directory_entry(name, 5 if name == "Root Entry" else 2 * bool(name)) for name in names)
    return header[:512].ljust(512, b"\xff") + (table + end + free * 126) + directory + bytes(4096)


def _directory_entry(name: str, kind: int) -> bytes:
    text = (name + "\0").encode("utf-16-le") if name else b""
    links = b"\xff\xff\xff\xff" * 3
    return text.ljust(64, b"\0") + bytes([len(text), 0, kind, 1]) + links + bytes(36) + b"\xfe\xff\xff\xff" + bytes(8)


def _odt(body: str) -> bytes:
    content = f"{DECLARATION}<office:document-content {ODF_NAMES}><office:body><office:text>{body}</office:text>"
    return office("odt", {"content.xml": content + "</office:body></office:document-content>"})


def _docx(body: str, parts: dict[str, str] | None = None, *links: tuple[str, str]) -> bytes:
    document = f'{DECLARATION}<w:document xmlns:w="{W}"><w:body>{body}</w:body></w:document>'
    related = {"word/_rels/document.xml.rels": relations(*links)} if links else {}
    return office("docx", {"word/document.xml": document} | related | (parts or {}))
