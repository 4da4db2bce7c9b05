"""Books: EPUB's chapters in their order and without the tables of contents, and FictionBook."""

from __future__ import annotations

import pytest

from rag import readers
from rag.errors import DocumentError
from rag.readers import epub, fb2
from tests.small_source import kinds, packed, texts

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/content.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)
FIRST = "<h1>Глава первая</h1><p>Сло<b>во</b> «ё» и&nbsp;№&#160;5.</p><p>Второй абзац.</p>"
SECOND = "<h1>Екінші тарау</h1><ul><li>бір</li><li>екі</li></ul>"


def page(body: str) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"'
        f' xmlns:epub="http://www.idpf.org/2007/ops"><head><title/></head><body>{body}</body></html>'
    )


def package(
    chapters: tuple[str, ...],
    metadata: str = "",
    extra: str = "",
    order: tuple[int, ...] | None = None,
    guide: str = "",
) -> str:
    items = "".join(
        f'<item id="c{n}" href="{href}" media-type="application/xhtml+xml"/>' for n, href in enumerate(chapters)
    )
    spine = "".join(f'<itemref idref="c{n}"/>' for n in (range(len(chapters)) if order is None else order))
    return (
        '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<metadata>{metadata}</metadata><manifest>{items}{extra}</manifest><spine>{spine}</spine>{guide}</package>"
    )


def book(files: dict[str, str | bytes]) -> bytes:
    return packed({"mimetype": "application/epub+zip", "META-INF/container.xml": CONTAINER, **files})


def test_chapters_come_out_in_the_order_of_the_spine() -> None:
    source = epub.read(
        book(
            {
                "OEBPS/content.opf": package(("b.xhtml", "text/a.xhtml"), order=(1, 0)),
                "OEBPS/b.xhtml": page(SECOND),
                "OEBPS/text/a.xhtml": page(FIRST),
            }
        )
    )
    assert kinds(source) == [
        ("Глава первая", "heading"),
        ("Слово «ё» и № 5.", "paragraph"),
        ("Второй абзац.", "paragraph"),
        ("Екінші тарау", "heading"),
        ("бір", "paragraph"),
        ("екі", "paragraph"),
    ]


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        pytest.param(
            "<dc:title> Книга о\nкниге </dc:title><dc:date>2021-10-24T10:51:26Z</dc:date><dc:language>ru</dc:language>",
            ("Книга о книге", "2021-10-24", "ru"),
            id="ru",
        ),
        pytest.param(
            "<dc:title>Кітап</dc:title><dc:language>kk-KZ</dc:language>"
            '<meta property="dcterms:modified">2025-11-25T10:00:00Z</meta>',
            ("Кітап", "2025-11-25", "kk"),
            id="kk-last_change",
        ),
        pytest.param(
            '<dc:date event="modification">2024-01-01</dc:date><dc:date event="publication">2020-02-02</dc:date>',
            ("Глава первая", "2020-02-02", "ru"),
            id="ru-publication_first",
        ),
        pytest.param("<dc:date>0101-01-01T00:00:00+00:00</dc:date>", ("Глава первая", None, "ru"), id="ru-no_date"),
    ],
)
def test_book_states_its_title_date_and_language(metadata: str, expected: tuple[str, str | None, str]) -> None:
    data = book({"OEBPS/content.opf": package(("a.xhtml",), metadata), "OEBPS/a.xhtml": page(FIRST)})
    document = readers.read(data, "a.epub").document
    assert (document.title, document.date, document.language) == expected


def test_tables_of_contents_are_left_out() -> None:
    links = "<ol><li><a href='a.xhtml'>Глава первая</a></li></ol>"
    source = epub.read(
        book(
            {
                "OEBPS/content.opf": package(
                    ("toc.xhtml", "index.xhtml", "a.xhtml"),
                    extra='<item id="nav" href="nav.xhtml" properties="nav"/>',
                    order=(0, 1, 2),
                    guide='<guide><reference type="toc" href="toc.xhtml"/>'
                    '<reference type="toc" href="index.xhtml"/></guide>',
                ).replace("<spine>", '<spine><itemref idref="nav"/>'),
                "OEBPS/nav.xhtml": page(f"<p>Навигация</p>{links}"),
                "OEBPS/toc.xhtml": page(f"<h2>Содержание</h2>{links * 9}"),
                "OEBPS/index.xhtml": page(f"<p>Книга о том, как читать книги.</p>{links}"),
                "OEBPS/a.xhtml": page(
                    f"<nav>{links}</nav><section epub:type='toc'>{links}</section>"
                    f"<div role='navigation'>{links}</div>{FIRST}"
                ),
            }
        )
    )
    assert texts(source) == [
        "Книга о том, как читать книги.",
        "Глава первая",
        "Глава первая",
        "Слово «ё» и № 5.",
        "Второй абзац.",
    ]


@pytest.mark.parametrize(
    "href", ["глава%201.xhtml", "%D0%B3%D0%BB%D0%B0%D0%B2%D0%B0%201.xhtml", "./x/../глава 1.xhtml#s2"]
)
def test_chapter_is_found_by_its_russian_name(href: str) -> None:
    data = book({"OEBPS/content.opf": package((href,)), "OEBPS/глава 1.xhtml": page(FIRST)})
    assert texts(epub.read(data))[0] == "Глава первая"


def test_chapter_is_found_by_a_name_in_an_old_encoding() -> None:
    data = book({"OEBPS/content.opf": package(("глава.xhtml",)), "OEBPS/XXXXX.xhtml": page(FIRST)})
    assert texts(epub.read(data.replace(b"XXXXX", "глава".encode("cp866"))))[0] == "Глава первая"


def test_sloppy_chapter_is_read_as_browsers_read_it() -> None:
    data = book({"OEBPS/content.opf": package(("a.html",)), "OEBPS/a.html": "<p>Раз<br>два<p>Три".encode("cp1251")})
    assert texts(epub.read(data)) == ["Раз два", "Три"]


def test_chapter_that_cannot_be_read_is_named_and_the_others_are_read() -> None:
    data = book({"OEBPS/content.opf": package(("a.xhtml", "gone.xhtml")), "OEBPS/a.xhtml": page(FIRST)})
    source = epub.read(data)
    assert len(source.blocks) == 3
    assert source.missing == ("OEBPS/gone.xhtml: the file is incomplete: it holds no OEBPS/gone.xhtml",)


def encryption(algorithm: str) -> str:
    return (
        '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><enc:EncryptedData'
        f' xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptionMethod Algorithm="{algorithm}"/>'
        "</enc:EncryptedData></encryption>"
    )


def test_book_with_only_its_fonts_encrypted_is_read() -> None:
    data = book(
        {
            "META-INF/encryption.xml": encryption("http://www.idpf.org/2008/embedding"),
            "OEBPS/content.opf": package(("a.xhtml",)),
            "OEBPS/a.xhtml": page(FIRST),
        }
    )
    assert len(epub.read(data).blocks) == 3


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"no zip", "the file is damaged or not what its name says", id="no_zip"),
        pytest.param(book({}), "the file is incomplete: it holds no OEBPS/content.opf", id="no_package"),
        pytest.param(
            book({"META-INF/container.xml": "<container/>"}),
            "the file is incomplete: it names no package document",
            id="container",
        ),
        pytest.param(
            book({"OEBPS/content.opf": package(())}),
            "the book has no chapters: copy or save it again",
            id="no_chapters",
        ),
        pytest.param(
            book({"OEBPS/content.opf": package(("a.xhtml",))}),
            "no chapter of the book can be read (OEBPS/a.xhtml: the file is incomplete: it holds no OEBPS/a.xhtml):"
            " copy or save it again",
            id="no_chapter_left",
        ),
        pytest.param(
            book({"META-INF/encryption.xml": encryption("http://www.w3.org/2001/04/xmlenc#aes256-cbc")}),
            "the book is protected against copying (DRM): get it without protection",
            id="protected",
        ),
    ],
)
def test_bad_book_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(DocumentError) as raised:
        epub.read(data)
    assert str(raised.value) == reason


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("part", range(10))
def test_torn_book_is_refused(part: int) -> None:
    data = book({"OEBPS/content.opf": package(("a.xhtml",)), "OEBPS/a.xhtml": page(FIRST)})
    with pytest.raises(DocumentError):
        epub.read(data[: len(data) * part // 10])


def test_chapter_listed_many_times_is_read_once() -> None:
    data = book({"OEBPS/content.opf": package(("a.xhtml",), order=(0,) * 1000), "OEBPS/a.xhtml": page(FIRST)})
    assert len(epub.read(data).blocks) == 3


FB2 = """<?xml version="1.0" encoding="windows-1251"?>
<FictionBook xmlns="http://www.gribuser.ru/xml/fictionbook/2.0"><description><title-info>
<book-title>Мёртвые души</book-title><date value="1942-05-21">1942</date><lang>ru</lang></title-info></description>
<body><title><p>Мёртвые души</p></title><section><title><p>Глава</p><p>первая</p></title>
<p>В ворота <emphasis>гостиницы</emphasis> въехала бричка.</p><empty-line/><p>Второй абзац.</p>
<poem><stanza><v>Строка раз,</v><v>строка два.</v></stanza></poem><subtitle>* * *</subtitle></section></body>
<body name="notes"><section><p>Примечание.</p></section></body><binary id="a">QUJD</binary></FictionBook>"""


def test_fictionbook_is_read() -> None:
    document = readers.read(FB2.encode("cp1251"), "a.fb2").document
    assert (document.title, document.date, document.language) == ("Мёртвые души", "1942-05-21", "ru")
    assert kinds(fb2.read(FB2.encode("cp1251"))) == [
        ("Мёртвые души", "heading"),
        ("Глава", "heading"),
        ("первая", "heading"),
        ("В ворота гостиницы въехала бричка.", "paragraph"),
        ("Второй абзац.", "paragraph"),
        ("Строка раз,", "paragraph"),
        ("строка два.", "paragraph"),
        ("* * *", "heading"),
        ("Примечание.", "paragraph"),
    ]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"<a/>", "the file is no FictionBook: name it by what it is", id="other"),
        pytest.param(b"<a", "the file is damaged (the book is not well-formed XML): save it again", id="torn"),
        pytest.param(
            b'<!DOCTYPE a [<!ENTITY b "c">]><FictionBook>&b;</FictionBook>',
            "the book defines XML entities, which are never resolved: save the file again",
            id="entities",
        ),
    ],
)
def test_bad_fictionbook_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(DocumentError) as raised:
        fb2.read(data)
    assert str(raised.value) == reason
