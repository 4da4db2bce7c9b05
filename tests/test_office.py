"""Office files to blocks: Word, OpenDocument, RTF, PowerPoint.

The files in ``tests/data/office`` were written with python-docx, python-pptx and openpyxl and saved by LibreOffice 7.4;
``secret.xlsx`` was encrypted with msoffcrypto-tool.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.errors import DocumentError
from rag.readers import doc, docx, odf, pptx, rtf
from rag.readers.source import Source
from tests.small_source import blocks, packed, texts

FILES = Path(__file__).resolve().parent / "data" / "office"
READERS = {"docx": docx, "odt": odf, "rtf": rtf, "pptx": pptx, "odp": odf, "doc": doc}
HARVEST = (
    "Намолочено 25,9 млн тонн зерна — на 3 % больше, чем годом ранее; «Казахстан-Темир-Жолы» вывез ещё не всё. "
    "Подробнее — в отчёте № 7."
)
REPORT = [
    ("heading", "Урожай 2025 года"),
    ("paragraph", HARVEST),
    ("heading", "Іс-шаралар"),
    ("paragraph", "Қазақстанда астық жинау науқаны аяқталды, ауа райы құрғақ болды."),
    ("paragraph", "Сеялки и комбайны"),
    ("paragraph", "отечественные: 120 единиц"),
    ("paragraph", "импортные: 45 единиц"),
    ("paragraph", "Удобрения"),
    ("row", "Область\t2024\t2025"),
    ("row", "Акмолинская\t5,1\t5,4"),
    ("row", "Костанайская\t4,8\t5,0"),
    ("row", "Всего\t10,4"),
    ("heading", "Outlook"),
    ("paragraph", "The ministry expects a better harvest next year."),
    ("paragraph", "Line one, line two; a tab; юго\u2011западный."),
]
DECK = [
    [("heading", "Цифровой Казахстан"), ("paragraph", "Астана, 2025")],
    [
        ("heading", "Экономика"),
        ("paragraph", "Рост ВВП — 6,2 %"),
        ("paragraph", "инфляция ниже"),
        ("paragraph", "Right column, read last."),
        ("paragraph", "Заметка докладчика: сказать о бюджете."),
    ],
    [
        ("heading", "Tables and boxes"),
        ("row", "Қала\tХалық"),
        ("row", "Алматы\t2 228 000"),
        ("paragraph", "Слева внизу."),
        ("paragraph", "Справа внизу."),
        ("paragraph", "В группе."),
    ],
    [("heading", "Скрытый слайд")],
]


def paged(source: Source) -> list[list[tuple[str, str]]]:
    ends = [*source.pages[1:], len(source.text) + 1]
    return [
        [(b.kind, source.text[b.start : b.end]) for b in source.blocks if start <= b.start < end]
        for start, end in zip(source.pages, ends, strict=True)
    ]


def relations(**targets: str) -> str:
    """Relations named rId1, rId2 … of the kinds that are the keywords."""
    each = (
        f'<Relationship Id="rId{number}" Type="http://schemas/relationships/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets.items(), start=1)
    )
    return f"<Relationships>{''.join(each)}</Relationships>"


def word(body: str, core: str = "", **parts: str) -> bytes:
    """A Word file with this body, and parts such as ``styles`` and ``footnotes``."""
    spaces = 'xmlns:w="http://w" xmlns:r="http://r" xmlns:mc="http://mc" xmlns:wps="http://wps" xmlns:v="http://v"'
    return packed(
        {
            "_rels/.rels": relations(officeDocument="word/document.xml", **{"core-properties": "docProps/core.xml"}),
            "word/_rels/document.xml.rels": relations(**{name: f"{name}.xml" for name in parts}),
            "word/document.xml": f"<w:document {spaces}><w:body>{body}</w:body></w:document>",
            "docProps/core.xml": f'<p xmlns:dc="http://dc" xmlns:dcterms="http://dcterms">{core}</p>',
            **{f"word/{name}.xml": f"<w:{name} {spaces}>{content}</w:{name}>" for name, content in parts.items()},
        }
    )


def p(text: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def odt(body: str, manifest: str = "<m/>", kind: str = "text") -> bytes:
    spaces = " ".join(f'xmlns:{name}="http://{name}"' for name in ("office", "text", "table", "draw", "presentation"))
    return packed(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "META-INF/manifest.xml": manifest,
            "content.xml": f"<office:document-content {spaces}><office:body><office:{kind}>{body}</office:{kind}>"
            "</office:body></office:document-content>",
        }
    )


def reason(kind: str, data: bytes) -> str:
    with pytest.raises(DocumentError) as raised:
        READERS[kind].read(data)
    return str(raised.value)


@pytest.mark.parametrize("kind", ["docx", "odt", "rtf"])
def test_a_report_gives_the_same_blocks_in_each_format(kind: str) -> None:
    source = READERS[kind].read((FILES / f"report.{kind}").read_bytes())
    assert blocks(source) == REPORT
    assert (source.title, source.date) == ("Сельское хозяйство области: отчёт за 2025 год", "2025-11-25")
    assert (source.pages, source.missing) == ((), ())


@pytest.mark.parametrize("kind", ["pptx", "odp"])
def test_a_slide_is_a_page_read_from_its_title_to_its_notes(kind: str) -> None:
    source = READERS[kind].read((FILES / f"deck.{kind}").read_bytes())
    assert paged(source) == DECK
    assert (source.title, source.date) == (None, "2025-10-02")


def test_an_old_binary_file_says_what_to_save_it_as() -> None:
    data = (FILES / "old.doc").read_bytes()
    assert reason("doc", data) == reason("docx", data) == "an old binary Word file: save it as .docx"


@pytest.mark.parametrize("kind", READERS)
def test_a_file_under_a_password_says_so(kind: str) -> None:
    data = (FILES / "secret.xlsx").read_bytes()
    assert reason(kind, data) == "the file is protected by a password: save it without one"


def test_a_doc_file_that_holds_another_format_is_read() -> None:
    assert blocks(doc.read((FILES / "report.rtf").read_bytes())) == REPORT
    assert blocks(doc.read((FILES / "report.docx").read_bytes())) == REPORT


@pytest.mark.parametrize(
    ("kind", "file", "expected"),
    [
        ("docx", "deck.pptx", "the file's name is wrong, it is a presentation: name it .pptx"),
        ("docx", "trade.xlsx", "the file's name is wrong, it is a spreadsheet: name it .xlsx"),
        ("pptx", "report.docx", "the file's name is wrong, it is a Word document: name it .docx"),
        ("docx", "report.odt", "the file's name is wrong, it is an OpenDocument or EPUB file: give it its own ending"),
        ("docx", "report.rtf", "the file's name is wrong, it is an RTF file: name it .rtf"),
        (
            "odt",
            "report.docx",
            "the file's name is wrong, it is a Microsoft Office file: name it .docx, .pptx or .xlsx",
        ),
        ("rtf", "report.docx", "the file's name is wrong, it is an office file: give it its own ending"),
    ],
)
def test_a_file_named_as_another_format_says_which_it_is(kind: str, file: str, expected: str) -> None:
    assert reason(kind, (FILES / file).read_bytes()) == expected


@pytest.mark.parametrize("kind", ["docx", "odt", "pptx", "odp"])
@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_file_cut_short_is_refused(kind: str, tenth: int) -> None:
    name = "deck" if kind in ("pptx", "odp") else "report"
    data = (FILES / f"{name}.{kind}").read_bytes()
    assert reason(kind, data[: len(data) * tenth // 10]) == "the file is damaged or cut short: copy or save it again"


@pytest.mark.parametrize(
    ("properties", "kind"),
    [
        ('<w:pStyle w:val="1"/>', "heading"),
        ('<w:pStyle w:val="a3"/>', "heading"),
        ('<w:pStyle w:val="Own"/>', "heading"),
        ('<w:pStyle w:val="Level"/>', "heading"),
        ('<w:outlineLvl w:val="2"/>', "heading"),
        ('<w:pStyle w:val="1"/><w:outlineLvl w:val="9"/>', "paragraph"),
        ('<w:pStyle w:val="Text"/>', "paragraph"),
        ('<w:pStyle w:val="unknown"/>', "paragraph"),
        ("", "paragraph"),
    ],
    ids=[
        "heading 1",
        "Заголовок 1",
        "based on it",
        "by level",
        "own level",
        "level taken away",
        "text",
        "unknown",
        "none",
    ],
)
def test_a_heading_is_known_by_its_style_or_level(properties: str, kind: str) -> None:
    styles = (
        '<w:style w:styleId="1"><w:name w:val="heading 1"/></w:style>'
        '<w:style w:styleId="a3"><w:name w:val="Заголовок 1"/></w:style>'
        '<w:style w:styleId="Own"><w:name w:val="Глава"/><w:basedOn w:val="1"/></w:style>'
        '<w:style w:styleId="Level"><w:name w:val="x"/><w:pPr><w:outlineLvl w:val="0"/></w:pPr></w:style>'
        '<w:style w:styleId="Text"><w:name w:val="Текст"/><w:basedOn w:val="Loop"/></w:style>'
        '<w:style w:styleId="Loop"><w:name w:val="y"/><w:basedOn w:val="Text"/></w:style>'
    )
    assert blocks(docx.read(word(p("Итоги", properties), styles=styles))) == [(kind, "Итоги")]


def test_notes_follow_their_paragraph_and_are_told_once() -> None:
    body = (
        '<w:p><w:r><w:t>Рост</w:t><w:footnoteReference w:id="2"/><w:t> есть</w:t></w:r>'
        '<w:r><w:endnoteReference w:id="2"/></w:r></w:p>' + p("Дальше")
    )
    note = '<w:p><w:r><w:footnoteRef/><w:t>По данным БНС.</w:t><w:footnoteReference w:id="2"/></w:r></w:p>'
    source = docx.read(
        word(
            body,
            footnotes=f'<w:footnote w:type="separator" w:id="0">{p("—")}</w:footnote>'
            f'<w:footnote w:id="2">{note}</w:footnote>',
            endnotes=f'<w:endnote w:id="2">{p("В конце.")}</w:endnote>',
        )
    )
    assert texts(source) == ["Рост есть", "По данным БНС.", "В конце.", "Дальше"]


def test_a_text_box_follows_its_paragraph_and_is_told_once() -> None:
    box = f"<w:txbxContent>{p('В рамке')}</w:txbxContent>"
    body = (
        "<w:p><w:r><w:t>До</w:t><mc:AlternateContent>"
        f"<mc:Choice><w:drawing><wps:txbx>{box}</wps:txbx></w:drawing></mc:Choice>"
        f"<mc:Fallback><w:pict><v:textbox>{box}</v:textbox></w:pict></mc:Fallback>"
        "</mc:AlternateContent><w:t> после</w:t></w:r></w:p>"
    )
    assert texts(docx.read(word(body))) == ["До после", "В рамке"]


def test_changes_on_record_are_read_as_accepted() -> None:
    body = (
        "<w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr><w:r><w:t>Начало </w:t></w:r></w:p>"
        "<w:p><w:moveFrom><w:r><w:t>там </w:t></w:r></w:moveFrom><w:ins><w:r><w:t>и </w:t></w:r></w:ins>"
        "<w:del><w:r><w:delText>не </w:delText></w:r></w:del><w:moveTo><w:r><w:t>конец</w:t></w:r></w:moveTo></w:p>"
        "<w:tbl><w:tr><w:trPr><w:del/></w:trPr><w:tc>" + p("нет") + "</w:tc><w:tc>" + p("нет") + "</w:tc></w:tr>"
        "<w:tr><w:tc>" + p("да") + "</w:tc><w:tc>" + p("да") + "</w:tc></w:tr></w:tbl>"
    )
    assert texts(docx.read(word(body))) == ["Начало и конец", "да\tда"]


def test_signs_are_written_out_and_hidden_text_left_out() -> None:
    body = (
        "<w:p><w:r><w:t>Санкт</w:t><w:noBreakHyphen/><w:t>Петер</w:t><w:softHyphen/><w:t>бург,</w:t><w:br/><w:t>ﬁ\xad</w:t>"
        '<w:tab/><w:sym w:font="Symbol" w:char="F061"/><w:sym w:font="Wingdings" w:char="F0FC"/></w:r>'
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>тайна</w:t></w:r>"
        '<w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t> видно</w:t></w:r>'
        "<w:r><w:instrText>PAGEREF</w:instrText></w:r></w:p>"
    )
    assert texts(docx.read(word(body))) == ["Санкт\u2011Петербург, fi α видно"]


def test_content_controls_give_their_text_but_no_prompt_and_no_table_of_contents() -> None:
    gallery = "<w:docPartObj><w:docPartGallery w:val='Table of Contents'/></w:docPartObj>"
    body = (
        f"<w:sdt><w:sdtPr>{gallery}</w:sdtPr><w:sdtContent>{p('Введение 3')}</w:sdtContent></w:sdt>"
        f"<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent>{p('Введите текст')}</w:sdtContent></w:sdt>"
        f"<w:sdt><w:sdtContent>{p('Блок')}</w:sdtContent></w:sdt>"
        "<w:p><w:sdt><w:sdtContent><w:r><w:t>Слово</w:t></w:r></w:sdtContent></w:sdt></w:p>"
        + p("Глава 1 5", '<w:pStyle w:val="11"/>')
    )
    styles = '<w:style w:styleId="11"><w:name w:val="toc 1"/></w:style>'
    assert texts(docx.read(word(body, styles=styles))) == ["Блок", "Слово"]


def test_tables_give_rows_and_frames_give_paragraphs() -> None:
    def table(*rows: tuple[str, ...]) -> str:
        cells = ("".join(f"<w:tc><w:tcPr/>{cell}</w:tc>" for cell in row) for row in rows)
        return "<w:tbl><w:tblPr/>" + "".join(f"<w:tr>{row}</w:tr>" for row in cells) + "</w:tbl>"

    inner = table((p("а"), p("б")))
    body = table((p("Город"), p("Алматы") + p("и область")), (p("Где"), p("") + inner), ("<w:p/>", p("хвост"))) + table(
        (p("Первый абзац.") + p("Второй абзац."),)
    )
    assert blocks(docx.read(word(body))) == [
        ("row", "Город\tАлматы и область"),
        ("row", "Где"),
        ("row", "а\tб"),
        ("row", "хвост"),
        ("paragraph", "Первый абзац."),
        ("paragraph", "Второй абзац."),
    ]


@pytest.mark.parametrize(
    ("core", "expected"),
    [
        (
            "<dc:title>Отчёт</dc:title><dcterms:created>2025-11-25T10:00:00Z</dcterms:created><dc:language>ru</dc:language>",
            ("Отчёт", "2025-11-25", "ru"),
        ),
        (
            "<dc:title>Microsoft Word - отчёт.doc</dc:title><dcterms:modified>2025-11-26T10:00:00Z</dcterms:modified>",
            (None, "2025-11-26", None),
        ),
        ("<dc:title> </dc:title><dcterms:created>1601-01-01T00:00:00Z</dcterms:created>", (None, None, None)),
        ("<dcterms:created>2013-12-23T23:15:00Z</dcterms:created>", (None, None, None)),
        ("<dc:title>Документ Microsoft Word</dc:title>", (None, None, None)),
        ("<dc:title>prikaz_17.docx</dc:title>", (None, None, None)),
    ],
    ids=["own", "printed", "empty", "template", "default", "file name"],
)
def test_metadata_that_a_program_made_up_is_not_taken(core: str, expected: tuple[str | None, ...]) -> None:
    source = docx.read(word(p("Текст"), core=core))
    assert (source.title, source.date, source.language) == expected


def test_the_paragraph_in_the_title_style_is_the_title_where_the_properties_name_none() -> None:
    styles = '<w:style w:styleId="a"><w:name w:val="Title"/></w:style>'
    source = docx.read(word(p("О мерах\u2028поддержки", '<w:pStyle w:val="a"/>') + p("Текст"), styles=styles))
    assert (source.title, blocks(source)[0]) == ("О мерах поддержки", ("heading", "О мерах поддержки"))


def test_nesting_up_to_the_parser_s_limit_is_read() -> None:
    depth = 240
    body = "<w:sdt><w:sdtContent>" * (depth // 2) + p("дно") + "</w:sdtContent></w:sdt>" * (depth // 2)
    assert texts(docx.read(word(body))) == ["дно"]
    runs = "<w:ins>" * depth + "<w:r><w:t>дно</w:t></w:r>" + "</w:ins>" * depth
    assert texts(docx.read(word(f"<w:p>{runs}</w:p>"))) == ["дно"]


def test_an_archive_without_the_parts_of_a_document_is_refused() -> None:
    assert reason("docx", packed({"a.txt": "а"})) == (
        "the file is not what its name says, or is incomplete: its main part is not named"
    )
    rels = {"_rels/.rels": relations(officeDocument="word/document.xml")}
    assert reason("docx", packed(rels)) == "the file is incomplete: it holds no word/document.xml"
    assert reason("docx", packed(rels | {"word/document.xml": "<html/>"})) == "word/document.xml is no document"
    assert docx.read(packed(rels | {"word/document.xml": "<document/>"})).blocks == ()
    assert reason("odt", packed({"a.txt": "а"})) == "the file is incomplete: it holds no content.xml"


def test_opendocument_leaves_out_what_is_deleted_noted_in_the_margin_or_listed_in_contents() -> None:
    body = (
        "<text:tracked-changes><text:changed-region><text:deletion><text:p>удалено</text:p></text:deletion>"
        "</text:changed-region></text:tracked-changes>"
        "<text:table-of-content><text:index-body><text:p>Глава 1 5</text:p></text:index-body></text:table-of-content>"
        "<text:h>Глава 1</text:h>"
        "<text:p>Два<text:s text:c='3'/>слова,<text:tab/><text:span>в<text:line-break/>строку"
        "<office:annotation><text:p>замечание</text:p></office:annotation></text:span>"
        "<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>Сноска.</text:p></text:note-body>"
        "</text:note> и\xad дальше."
        "<draw:frame><draw:text-box><text:p>В рамке</text:p></draw:text-box></draw:frame></text:p>"
        "<text:list><text:list-item><text:p>один</text:p><text:list><text:list-item><text:p>один-один</text:p>"
        "</text:list-item></text:list></text:list-item></text:list>"
    )
    assert blocks(odf.read(odt(body))) == [
        ("heading", "Глава 1"),
        ("paragraph", "Два слова, в строку и дальше."),
        ("paragraph", "Сноска."),
        ("paragraph", "В рамке"),
        ("paragraph", "один"),
        ("paragraph", "один-один"),
    ]


def test_an_encrypted_opendocument_file_says_so() -> None:
    assert reason("odt", odt("", "<m><encryption-data/></m>")) == (
        "the file is protected by a password: save it without one"
    )


def test_a_slide_that_cannot_be_read_is_missing_and_the_others_are_not() -> None:
    slide = "<p:sld xmlns:p='http://p' xmlns:a='http://a'><p:cSld><p:spTree>{}</p:spTree></p:cSld></p:sld>"
    number = "<a:br/><a:fld type='slidenum'><a:t>3</a:t></a:fld>"
    shape = f"<p:sp><p:txBody><a:p><a:r><a:t>Текст</a:t></a:r>{number}</a:p></p:txBody></p:sp>"
    data = packed(
        {
            "_rels/.rels": relations(officeDocument="ppt/presentation.xml"),
            "ppt/_rels/presentation.xml.rels": relations(slide="slides/slide1.xml", slide2="slides/slide2.xml"),
            "ppt/presentation.xml": "<p:presentation xmlns:p='http://p' xmlns:r='http://r'><p:sldIdLst>"
            "<p:sldId id='256' r:id='rId1'/><p:sldId id='257' r:id='rId2'/><p:sldId id='258' r:id='rId9'/>"
            "</p:sldIdLst></p:presentation>",
            "ppt/slides/slide1.xml": slide.format(shape)[:-9],
            "ppt/slides/slide2.xml": slide.format(shape),
        }
    )
    source = pptx.read(data)
    assert (source.pages, texts(source)) == ((0, 0, 5), ["Текст"])
    assert source.missing == (
        "slide 1: the file is damaged (ppt/slides/slide1.xml is not well-formed XML): save it again",
        "slide 3: the file holds no such slide",
    )


def test_a_damaged_part_that_the_text_does_not_need_costs_only_itself() -> None:
    note = '<w:p><w:r><w:t>Рост</w:t><w:footnoteReference w:id="2"/></w:r></w:p>'
    source = docx.read(word(note, core="<dc:title>", styles="<w:style>", footnotes="<w:footnote>"))
    assert (texts(source), source.title) == (["Рост"], None)
    assert source.missing == (
        "styles.xml: the file is damaged (word/styles.xml is not well-formed XML): save it again",
        "footnotes.xml: the file is damaged (word/footnotes.xml is not well-formed XML): save it again",
    )
