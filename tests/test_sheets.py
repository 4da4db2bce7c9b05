"""Sheets and tables as text: each row with the names of its columns."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from rag.errors import DocumentError
from rag.readers import csv, odf, sheets, xls, xlsx
from rag.readers.source import Draft
from tests.small_source import blocks, packed

FILES = Path(__file__).resolve().parent / "data" / "office"
READERS = {"xlsx": xlsx, "ods": odf, "xls": xls, "csv": csv}
TRADE = [
    ("heading", "Экспорт"),
    ("paragraph", "Экспорт зерна, 2025 год"),
    ("row", "Страна: Узбекистан; Объём тонн: 1350000; Объём тыс. $: 270000.50; Доля: 45.6%; Дата: 2025-11-25"),
    ("row", "Страна: Таджикистан; Объём тонн: 1200000; Объём тыс. $: 240000.00; Доля: 30.0%; Дата: 2025-11-26"),
    ("row", "Страна: Таджикистан; Объём тонн: 5"),
    ("row", "Страна: Итого; Объём тонн: 2550000; Объём тыс. $: 0.33; Доля: 100.0%"),
    ("heading", "Контакты"),
    ("row", "БИН: 040740001234; Organisation: Ministry of Energy; Қала: Астана"),
    ("row", "БИН: +7 7172 55-55-55; Organisation: Line break; semicolon"),
    ("heading", "Скрытый"),
    ("row", "1\t2.5"),
    ("row", "3\tTRUE"),
]


def texts(text: str) -> list[str]:
    return [each for _, each in blocks(csv.read(text.encode()))]


def workbook(rows: str, strings: str = "") -> bytes:
    def relation(number: int, kind: str, target: str) -> str:
        return f'<Relationship Id="rId{number}" Type="http://schemas/relationships/{kind}" Target="{target}"/>'

    related = relation(1, "worksheet", "sheet1.xml") + relation(2, "sharedStrings", "strings.xml")
    return packed(
        {
            "_rels/.rels": f"<Relationships>{relation(1, 'officeDocument', 'xl/workbook.xml')}</Relationships>",
            "xl/_rels/workbook.xml.rels": f"<Relationships>{related}</Relationships>",
            "xl/workbook.xml": '<workbook xmlns:r="http://r"><sheets><sheet name="Лист1" r:id="rId1"/></sheets>'
            "</workbook>",
            "xl/sheet1.xml": f"<worksheet><sheetData>{rows}</sheetData></worksheet>",
            "xl/strings.xml": f"<sst>{strings}</sst>",
        }
    )


def sheet(text: str) -> sheets.Sheet:
    """A sheet with the cells of ``text``, ``|`` between them; what is written in digits is no words."""
    made = sheets.Sheet("")
    for number, line in enumerate(text.splitlines()):
        cells = enumerate(cell.strip() for cell in line.split("|"))
        row = {column: sheets.Cell(cell, not cell[0].isdecimal()) for column, cell in cells if cell}
        if row:
            made.rows[number] = row
    return made


def written(made: sheets.Sheet) -> list[str]:
    draft = Draft()
    sheets.write(draft, made)
    return [text for _, text in blocks(draft.source())]


@pytest.mark.parametrize("kind", ["xlsx", "ods", "xls"])
def test_a_workbook_gives_the_same_rows_in_each_format(kind: str) -> None:
    assert blocks(READERS[kind].read((FILES / f"trade.{kind}").read_bytes())) == TRADE


@pytest.mark.parametrize("kind", ["xlsx", "ods"])
def test_a_workbook_s_title_and_date_are_its_own(kind: str) -> None:
    source = READERS[kind].read((FILES / f"trade.{kind}").read_bytes())
    assert (source.title, source.date, source.pages) == ("Экспорт по странам", "2025-09-01", ())


def test_a_newer_workbook_named_xls_is_read() -> None:
    assert blocks(xls.read((FILES / "trade.xlsx").read_bytes())) == TRADE


@pytest.mark.parametrize("kind", ["xlsx", "xls", "ods"])
def test_a_workbook_under_a_password_says_so(kind: str) -> None:
    with pytest.raises(DocumentError, match=r"^the file is protected by a password: save it without one$"):
        READERS[kind].read((FILES / "secret.xlsx").read_bytes())


@pytest.mark.parametrize("tenth", range(1, 10))
@pytest.mark.parametrize("kind", ["xlsx", "xls", "ods"])
def test_a_workbook_cut_short_is_refused(kind: str, tenth: int) -> None:
    data = (FILES / f"trade.{kind}").read_bytes()
    with pytest.raises(DocumentError, match=r"^(the file is damaged|an old binary office file)"):
        READERS[kind].read(data[: len(data) * tenth // 10])


def test_cells_of_every_kind_are_read() -> None:
    strings = (
        "<si><t>Имя</t></si>"
        "<si><r><t>Нур</t></r><r><t xml:space='preserve'>лан_x000D_ </t></r><rPh><t>нет</t></rPh></si>"
    )
    rows = (
        '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" t="inlineStr"><is><t>Да?</t></is></c>'
        '<c r="D1" t="str"><v>=</v></c></row>'
        '<row r="3"><c r="A3" t="s"><v>1</v></c><c r="B3"><v>0.1</v></c><c r="C3" t="b"><v>0</v></c>'
        '<c t="e"><v>#N/A</v></c></row>'
        '<row><c t="s"><v>99</v></c><c t="n"><v>1.5E3</v></c><c t="d"><v>2025-11-25T00:00:00</v></c>'
        "<c><f>A1</f></c></row>"
    )
    assert blocks(xlsx.read(workbook(rows, strings))) == [
        ("heading", "Лист1"),
        ("row", "Имя: Нурлан; 0.1; Да?: FALSE"),
        ("row", "1500; Да?: 2025-11-25"),
    ]


def test_a_damaged_sheet_is_missing_and_alone_it_is_the_reason() -> None:
    data = workbook('<row><c t="inlineStr"><is><t>Да</t></is></c></row></sheetData><sheetData')
    damage = "the file is damaged (xl/sheet1.xml is not well-formed XML): save it again"
    with pytest.raises(DocumentError) as raised:
        xlsx.read(data)
    assert str(raised.value) == f"sheet Лист1: {damage}"
    whole = workbook('<row><c t="inlineStr"><is><t>Да</t></is></c></row>')
    with zipfile.ZipFile(io.BytesIO(whole)) as file:
        parts = {name: file.read(name).decode() for name in file.namelist()}
    parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace("<sheets>", '<sheets><sheet name="Нет" r:id="rId9"/>')
    source = xlsx.read(packed(parts))
    assert blocks(source) == [("heading", "Лист1"), ("paragraph", "Да")]
    assert source.missing == ("sheet Нет: the file is incomplete: it holds no such sheet",)


@pytest.mark.parametrize(
    ("code", "value", "expected"),
    [
        ("General", "1350000", "1350000"),
        ("General", "1350000.0", "1350000"),
        ("General", "0.30000000000000004", "0.3"),
        ("General", "1E+30", "1E+30"),
        ("General", "-0.5", "-0.5"),
        ("0", "12.6", "13"),
        ("#,##0.00", "1350000.5", "1350000.50"),
        ("# ##0.0##", "2.5", "2.5"),
        ("0.##", "2", "2"),
        ("0.0%", "0.456", "45.6%"),
        ("0%", "1", "100%"),
        ('#,##0.00\\ "₸";[Red]-#,##0.00', "12.345", "12.35"),
        ("[$₽-419]#,##0", "99.9", "100"),
        ("0000", "17", "0017"),
        ("0.00E+00", "12345", "12345"),
        ("#,##0,", "1500000", "1500000"),
        ("@", "5", "5"),
        ("DD.MM.YYYY", "45986", "2025-11-25"),
        ('d mmmm yyyy "г."', "45986.5", "2025-11-25 12:00:00"),
        ("h:mm", "0.5", "12:00:00"),
        ("DD.MM.YYYY", "1e300", "1e300"),
        ("General", "nonsense", "nonsense"),
    ],
)
def test_a_number_is_written_as_it_is_shown_but_in_plain_digits(code: str, value: str, expected: str) -> None:
    assert xlsx.shown(value, xlsx.number_format(code)) == expected


@pytest.mark.parametrize(
    ("value", "shown", "expected"),
    [
        ("1350000.5", "1 350 000,50 ₸", "1350000.50"),
        ("0.333333333333333", "0,33", "0.33"),
        ("-1234", "-1,234", "-1234"),
        ("40740001234", "040740001234", "040740001234"),
        ("1500000", "1,5 млн", "1500000"),
        ("1", "ИСТИНА", "ИСТИНА"),
        ("12.50", "", "12.5"),
    ],
)
def test_an_opendocument_number_keeps_the_decimals_that_it_is_shown_with(value: str, shown: str, expected: str) -> None:
    assert sheets.number_as_shown(value, shown) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Город | Год\nАлматы | 2025", ["Город: Алматы; Год: 2025"]),
        ("Показатель | 2023 | 2024\nВВП | 5 | 6", ["Показатель: ВВП; 2023: 5; 2024: 6"]),
        ("Алматы | 5\nАстана | 6", ["Алматы\t5", "Астана\t6"]),
        ("Алматы | 2025 | 7 | 8\nАстана | 2026 | 7 | 8", ["Алматы\t2025\t7\t8", "Астана\t2026\t7\t8"]),
        ("Отчёт\n\nГород | Год\nАлматы | 1", ["Отчёт", "Город: Алматы; Год: 1"]),
        ("Город | Год", ["Город\tГод"]),
        ("Один\nДва", ["Один", "Два"]),
        ("А: | Б\n1 | 2 | 3", ["А: 1; Б: 2; 3"]),
        ("А | Б\n | 2\n1", ["Б: 2", "А: 1"]),
        ("", []),
    ],
    ids=["plain", "years", "numbers", "a year alone", "title", "only a header", "one column", "more", "gaps", "empty"],
)
def test_the_header_is_the_first_wide_row_of_words(text: str, expected: list[str]) -> None:
    assert written(sheet(text)) == expected


def test_merged_names_stand_over_each_of_their_columns_and_merged_values_beside_each_row() -> None:
    made = sheet("Город | Экспорт | |\n | 2024 | 2025\nАлматы | 1 | 2\n | 3 | 4\nИтоги года | |")
    made.merges = [
        sheets.Merge(0, 0, 1, 0),
        sheets.Merge(0, 1, 0, 2),
        sheets.Merge(2, 0, 3, 0),
        sheets.Merge(4, 0, 4, 2),
    ]
    assert written(made) == [
        "Город: Алматы; Экспорт 2024: 1; Экспорт 2025: 2",
        "Город: Алматы; Экспорт 2024: 3; Экспорт 2025: 4",
        "Итоги года",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Город,Год\nАлматы,2025\n", ["Город: Алматы; Год: 2025"]),
        ("Город;Рост, %\nАлматы;6,2\n", ["Город: Алматы; Рост, %: 6,2"]),
        ("Город\tДень\nАлматы\t25.11.2025\n", ["Город: Алматы; День: 25.11.2025"]),
        ('Город,"Имя ""нового"""\n"Алматы,\nюг",x\n', ['Город: Алматы, юг; Имя "нового": x']),
        ("sep=|\nГород|Год\nАлматы|5", ["Город: Алматы; Год: 5"]),
        ("\ufeffCity,Year\r\nAstana,2025\r\n\r\n", ["City: Astana; Year: 2025"]),
        ("Город;Год\nАлматы;\n;5", ["Город: Алматы", "Год: 5"]),
        ("Просто строка.\nДругая.", ["Просто строка.", "Другая."]),
    ],
    ids=["comma", "semicolon", "tab", "quotes", "hint", "mark", "gaps", "one column"],
)
def test_a_table_as_text_is_cut_at_its_own_delimiter(text: str, expected: list[str]) -> None:
    assert texts(text) == expected


def test_a_table_in_an_older_encoding_is_read() -> None:
    table = (
        "Область;Население\nЗападно-Казахстанская область;688 тысяч человек\nУлытауская область;221 тысяча человек\n"
    )
    assert [text for _, text in blocks(csv.read(table.encode("cp1251")))] == [
        "Область: Западно-Казахстанская область; Население: 688 тысяч человек",
        "Область: Улытауская область; Население: 221 тысяча человек",
    ]


def test_a_quotation_mark_that_is_never_closed_is_read_as_it_stands() -> None:
    lines = ["Фирма;Город", '"Рассвет;Алматы', *(f"ТОО {number};Астана" for number in range(20_000))]
    rows = texts("\n".join(lines))
    assert (rows[0], rows[-1], len(rows)) == (
        'Фирма: "Рассвет; Город: Алматы',
        "Фирма: ТОО 19999; Город: Астана",
        20_001,
    )


def test_a_sheet_of_a_million_equal_cells_is_refused_before_it_fills_the_memory() -> None:
    rows = '<table:table-row table:number-rows-repeated="1048576"><table:table-cell office:value-type="string">'
    content = (
        '<o xmlns:table="http://t" xmlns:office="http://o" xmlns:text="http://x"><office:body><office:spreadsheet>'
        f"<table:table>{rows}<text:p>а</text:p></table:table-cell></table:table-row></table:table>"
        "</office:spreadsheet></office:body></o>"
    )
    with pytest.raises(DocumentError, match=r"^more than 300,000 rows or 1,000,000 cells: split the table$"):
        odf.read(packed({"content.xml": content}))
    wide = content.replace("<table:table-cell ", '<table:table-cell table:number-columns-repeated="999999999" ')
    with pytest.raises(DocumentError, match=r"^more than 300,000 rows or 1,000,000 cells: split the table$"):
        odf.read(packed({"content.xml": wide}))


def test_the_cells_of_all_sheets_are_counted_together() -> None:
    counter = sheets.Counter()
    counter.add(999_999)
    counter.add(1)
    with pytest.raises(DocumentError, match=r"^more than 300,000 rows or 1,000,000 cells: split the table$"):
        counter.add(1)


def test_one_long_text_in_many_cells_is_refused() -> None:
    long = f"<si><t>{'слово ' * 5000}</t></si>"
    rows = "".join(f'<row r="{number}"><c t="s"><v>0</v></c></row>' for number in range(1, 2001))
    with pytest.raises(DocumentError, match=r"^sheet Лист1: more than 30,000,000 characters: split the table$"):
        xlsx.read(workbook(rows, long))
    with pytest.raises(DocumentError, match=r"^more than 30,000,000 characters: split the table$"):
        sheets.write(Draft(), sheets.Sheet("", {n: {0: sheets.Cell("а" * 30_000, True)} for n in range(1001)}))


def test_damage_in_a_table_as_text_is_told() -> None:
    source = csv.read("Область;Орган\nУлытауская;Министерство финансов\n".encode().replace("ф".encode(), b"\xd1"))
    assert blocks(source) == [("row", "Область: Улытауская; Орган: Министерство \ufffdинансов")]
    assert source.missing == ("characters that are not UTF-8: 1",)
