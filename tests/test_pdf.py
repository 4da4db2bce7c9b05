"""PDF to paragraphs: reading order, hyphens, running heads, tables, places of words, and files that cannot be read."""

from __future__ import annotations

import io
from itertools import pairwise
from pathlib import Path

import pypdfium2 as pdfium
import pytest
from PIL import Image

from rag.errors import DocumentError
from rag.readers import pdf as reader
from rag.readers.pages.hyphens import Joiner
from rag.readers.source import Source
from tests.small_pdf import LINE, lines, pdf, wrapped
from tests.small_source import blocks, texts

DATA = Path(__file__).resolve().parent / "data" / "pdf"
PROSE = wrapped(
    "The reservoir supplies the western districts of the region with water, and the ministry publishes a report about"
    " its state in each of the four seasons of the year."
)
MORE = wrapped(
    "Engineers look after the dam and measure how high the water stands on every morning of the year, and what they"
    " have read is kept for half a century."
)


TALE = " ".join([*PROSE, *MORE, "The dam was built in the years of the great drought;", *PROSE, *MORE])


def read(*contents: str, page: str = "", info: str = "", catalog: str = "") -> Source:
    return reader.read(pdf(contents, page, info, catalog))


# -- whole documents, made by LibreOffice from known text


@pytest.mark.parametrize("name", ["columns-ru", "heads-en", "letters-kk"])
def test_a_document_gives_its_blocks_whole_and_in_order(name: str) -> None:
    """Two columns with hyphens; running heads and a table over a page's end; letters that the font lacks."""
    source = reader.read((DATA / f"{name}.pdf").read_bytes())
    expected = (DATA / f"{name}.txt").read_text("utf-8").splitlines()
    assert [f"{kind}: {text}" for kind, text in blocks(source)] == expected
    assert source.missing == source.scans == source.scanned == ()


@pytest.mark.parametrize(
    ("name", "pages", "language"), [("columns-ru", 5, "ru-RU"), ("heads-en", 4, "en-US"), ("letters-kk", 1, "kk-KZ")]
)
def test_every_letter_has_its_place_on_its_page(name: str, pages: int, language: str) -> None:
    source = reader.read((DATA / f"{name}.pdf").read_bytes())
    assert (len(source.pages), source.language) == (pages, language)
    assert list(source.pages) == sorted(source.pages)
    assert "".join(source.text[word.start : word.end] for word in source.words) == "".join(source.text.split())
    assert [pair for pair in pairwise(source.words) if pair[0].end > pair[1].start] == []
    for number, start in enumerate(source.pages, start=1):
        assert min(word.start for word in source.words if word.page == number) == start
    assert all(0 <= w.left < w.right <= 596 and 0 <= w.top < w.bottom <= 843 for w in source.words)


# -- paragraphs


def test_lines_become_paragraphs_by_space_and_by_short_last_lines() -> None:
    source = read(lines([*PROSE, "", *MORE, "Next year it is to be measured again."]))
    assert texts(source) == [" ".join(PROSE), " ".join(MORE), "Next year it is to be measured again."]


def test_an_indent_begins_a_paragraph() -> None:
    full = "The dam is as old as the town that lies below it."  # the line before is full, and ends a sentence
    first, *rest = wrapped(" ".join(MORE), 295)
    page = lines([*PROSE[:3], full]) + lines([first], left=92, top=72 + 4 * LINE) + lines(rest, top=72 + 5 * LINE)
    assert texts(read(page)) == [" ".join([*PROSE[:3], full]), " ".join([first, *rest])]


def test_a_hanging_item_is_one_paragraph() -> None:
    page = lines(["1)", "", "2)"]) + lines([*PROSE[:2], *MORE[:2]], left=92)
    assert texts(read(page)) == ["1) " + " ".join(PROSE[:2]), "2) " + " ".join(MORE[:2])]


def test_headings_are_larger_or_bold_and_short() -> None:
    page = lines(["The reservoir"], size=18) + lines(["What was measured"], top=100, font="F2") + lines(PROSE, top=130)
    assert [kind for kind, _ in blocks(read(page))] == ["heading", "heading", "paragraph"]


def test_a_bold_paragraph_is_no_heading() -> None:
    page = lines(PROSE, font="F2") + lines(MORE, top=130)
    assert [kind for kind, _ in blocks(read(page))] == ["paragraph", "paragraph"]


def test_a_paragraph_goes_on_over_the_end_of_a_page() -> None:
    source = read(lines(PROSE[:2]), lines([PROSE[2], "", *MORE]))
    assert texts(source) == [" ".join(PROSE), " ".join(MORE)]
    assert source.pages == (0, source.text.index(PROSE[2]))


def test_a_note_at_the_foot_stands_before_the_paragraph_that_goes_on() -> None:
    note = lines(["1 Measured at noon."], top=700, size=8)
    assert texts(read(lines(PROSE[:2]) + note, lines([PROSE[2]]))) == ["1 Measured at noon.", " ".join(PROSE)]


def test_a_raised_number_is_raised_in_the_text() -> None:
    page = "BT /F1 12 Tf 72 700 Td (It covers 40 km) Tj /F1 7 Tf 4 Ts (2) Tj /F1 12 Tf 0 Ts ( of land.) Tj ET"
    assert texts(read(page)) == ["It covers 40 km² of land."]


# -- columns and tables


@pytest.mark.parametrize("by_line", [False, True], ids=["drawn_by_column", "drawn_by_line"])
def test_two_columns_are_read_one_after_the_other(by_line: bool) -> None:
    left, right = wrapped(TALE, 230, 10), wrapped(TALE.replace("dam", "canal"), 230, 10)
    right = right[: len(left)]
    head = lines(["What the engineers of the dam have measured and what they wrote"], size=16, left=40)
    columns = [
        lines([text], left=place, top=110 + LINE * number, size=10)
        for place, side in ((40, left), (310, right))
        for number, text in enumerate(side)
    ]
    if by_line:
        columns = [column for pair in zip(columns[: len(left)], columns[len(left) :], strict=True) for column in pair]
    assert " ".join(texts(read(head + "".join(columns)))[1:]) == " ".join([*left, *right])


def test_a_table_keeps_its_rows_and_cells() -> None:
    cells = [("District", "Population", "Office"), ("Western", "688", "Statistics"), ("Northern", "530", "Energy")]
    page = lines(PROSE)
    for number, row in enumerate(cells):
        for place, cell in zip((72, 220, 330), row, strict=True):
            page += lines([cell], left=place, top=140 + 20 * number)
    page += lines(MORE, top=230)
    assert blocks(read(page)) == [
        ("paragraph", " ".join(PROSE)),
        *(("row", "\t".join(row)) for row in cells),
        ("paragraph", " ".join(MORE)),
    ]


def test_a_cell_of_two_lines_stays_whole() -> None:
    rows = [
        ("Western", ["Department of", "statistics"]),
        ("Northern", ["Department of", "energy"]),
        ("Eastern", ["None"]),
    ]
    page, top = "", 72.0
    for name, office in rows:
        page += lines([name], top=top) + lines(["688"], left=200, top=top) + lines(office, left=300, top=top)
        top += 14 * len(office) + 6
    assert texts(read(page)) == [f"{name}\t688\t{' '.join(office)}" for name, office in rows]


def test_a_hyphen_at_a_line_end_in_a_cell_is_joined_within_the_cell() -> None:
    page = ""
    for number, (name, office) in enumerate([("Western", "Admi-"), ("Northern", "Sta-"), ("Eastern", "Inspec-")]):
        top = 72.0 + 34 * number
        rest = {"Admi-": "nistration", "Sta-": "tistics", "Inspec-": "tion"}[office]
        page += lines([name], top=top) + lines(["688"], left=200, top=top) + lines([office, rest], left=300, top=top)
    offices = ("Western\t688\tAdministration", "Northern\t688\tStatistics", "Eastern\t688\tInspection")
    assert texts(read(page)) == list(offices)


def test_a_line_drawn_out_in_a_cell_is_no_cell_of_its_own() -> None:
    page = ""
    for number, name in enumerate(("Western", "Northern", "Eastern")):
        top = 72.0 + 34 * number
        page += lines([name], top=top) + lines(["688"], left=200, top=top)
        page += lines(["Department of the sea"], left=300, top=top) + lines(["and rivers"], left=300, top=top + LINE)
    drawn_out = 300 + 118.73 - 19.34  # points: how wide "Department of the sea" is, and "sea"
    top = 72.0 + 34 * 3
    page += lines(["Southern"], top=top) + lines(["221"], left=200, top=top)
    page += lines(["Office"], left=300, top=top) + lines(["sea"], left=drawn_out, top=top)
    page += lines(["and lakes"], left=300, top=top + LINE)
    assert texts(read(page)) == [
        *(f"{name}\t688\tDepartment of the sea and rivers" for name in ("Western", "Northern", "Eastern")),
        "Southern\t221\tOffice sea and lakes",
    ]


def test_words_of_cells_that_touch_are_two_words() -> None:
    letter_by_letter = "BT /F1 12 Tf 72 700 Td " + "".join(f"({letter}) Tj " for letter in "The BSkyB.") + "ET"
    assert texts(read(lines(["Area"]) + lines(["Office"], left=97.34))) == ["Area Office"]
    assert texts(read(letter_by_letter)) == ["The BSkyB."]


def test_a_row_goes_on_over_the_end_of_a_page() -> None:
    def table(rows: list[tuple[str, str, str]]) -> str:
        page = ""
        for number, row in enumerate(rows):
            for place, cell in zip((72, 172, 272), row, strict=True):
                page += lines([cell], left=place, top=72 + 24 * number) if cell else ""
        return page

    first = [
        ("District", "People", "Office"),
        ("Western", "688", "Statistics"),
        ("Northwestern", "530", "Energy"),
    ]
    cut = [*first[:2], ("Upper North-", "530", "Electricity and")]
    more = [("Southern", "221", "Finance"), ("Eastern", "729", "Revenue")]
    rows = ["\t".join(row) for row in (*first[:2], ("Upper Northwestern", "530", "Electricity and heat supply"), *more)]
    assert texts(read(table(cut), table([("western", "", "heat supply"), *more]))) == rows
    whole = ["\t".join(row) for row in (*first, ("Total", "", "2168"), *more)]
    assert texts(read(table(first), table([("Total", "", "2168"), *more]))) == [
        text.replace("\t\t", "\t") for text in whole
    ]


def test_prose_with_wide_spaces_is_no_table() -> None:
    page = ""
    for number, text in enumerate(PROSE + MORE):
        words = text.split()
        step = 430 / (len(words) - 1)
        page += "".join(lines([word], left=40 + step * place, top=72 + 14 * number) for place, word in enumerate(words))
    assert {kind for kind, _ in blocks(read(page))} == {"paragraph"}


# -- running heads and page numbers


def test_running_heads_and_page_numbers_are_left_out() -> None:
    pages = [
        lines(["Reservoirs of the region"], top=30)
        + lines([f"{name} {text}" for text in PROSE], top=80)
        + lines([f"Page {number} of 4"], top=800)
        for number, name in enumerate(["First", "Second", "Third", "Fourth"], start=1)
    ]
    text = read(*pages).text
    assert "Reservoirs" not in text
    assert "Page" not in text
    assert text.count("seasons of the year.") == 4


def test_chapters_that_are_numbered_are_no_running_heads() -> None:
    pages = [lines([f"Chapter {number}"], size=18) + lines(PROSE, top=110) for number in (1, 2, 3, 4)]
    pages = [pages[0], lines(MORE), pages[1], lines(MORE), lines(MORE), pages[2], pages[3]]
    assert [text for kind, text in blocks(read(*pages)) if kind == "heading"] == [f"Chapter {n}" for n in (1, 2, 3, 4)]


def test_a_page_alone_loses_nothing() -> None:
    page = lines(["Reservoirs of the region"], top=30) + lines(PROSE, top=80)
    assert texts(read(page)) == ["Reservoirs of the region", " ".join(PROSE)]


def test_two_copies_of_a_form_lose_nothing() -> None:
    form = lines(["Request for water", "", "Name of the village", "", "Number of houses"])
    assert read(form, form).text.count("Request for water") == 2


def test_what_a_tagged_file_calls_no_text_is_left_out_at_the_edge_alone() -> None:
    head = "/Artifact <</Type /Pagination>> BDC\n" + lines(["Bulletin"], top=30) + "EMC\n"
    inner = "/Artifact <</Type /Layout>> BDC\n" + lines(["Stays"], top=400) + "EMC\n"
    assert texts(read(head + lines(PROSE, top=80) + inner)) == [" ".join(PROSE), "Stays"]


# -- hyphens


@pytest.mark.parametrize(
    ("first", "rest", "kept"),
    [
        pytest.param("ис-", "пользованы", False, id="ru-syllable"),
        pytest.param("юго-", "западный", True, id="ru-compass"),
        pytest.param("кое-", "как", True, id="ru-kое"),
        pytest.param("что-", "нибудь", True, id="ru-particle"),
        pytest.param("по-", "русски", True, id="ru-adverb"),
        pytest.param("по-", "строить", False, id="ru-prefix"),
        pytest.param("Усть-", "Каменогорска", True, id="ru-capital"),
        pytest.param("КАЗАХ-", "СТАН", False, id="ru-capitals"),
        pytest.param("11-", "е", True, id="ru-number"),
        pytest.param("IT-", "компания", True, id="ru-two_scripts"),
        pytest.param("премьер-", "министр", True, id="ru-office"),
        pytest.param("пол-", "литра", True, id="ru-half"),
        pytest.param("пол-", "номочия", False, id="ru-not_half"),
        pytest.param("социально-", "экономический", True, id="ru-two_adjectives"),
        pytest.param("производственно-", "технический", True, id="ru-long_adverb"),
        pytest.param("правительственно-", "го", False, id="ru-ending"),
        pytest.param("кадрово-", "го", False, id="ru-short_ending"),
        pytest.param("еле-", "еле", True, id="ru-twice"),
        pytest.param("водо\u00ad", "хранилище", False, id="ru-soft"),
        pytest.param("govern-", "ment", False, id="en-syllable"),
        pytest.param("state-of-the-", "art", True, id="en-long"),
        pytest.param("performance-", "related", True, id="en-related"),
        pytest.param("un-", "like", False, id="en-prefix"),
        pytest.param("лётчик-", "истребитель", True, id="ru-two_nouns"),
        pytest.param("U-", "boat", True, id="en-letter"),
        pytest.param("pro-", "reform", True, id="en-for"),
        pytest.param("pro-", "gramme", False, id="en-no_prefix"),
        pytest.param("re-", "elected", True, id="en-again"),
        pytest.param("re-", "port", False, id="en-not_again"),
    ],
)
def test_a_hyphen_stays_where_the_word_has_one(first: str, rest: str, kept: bool) -> None:
    assert Joiner([]).keeps(first, rest) is kept


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        pytest.param(["северовосточный"], False, id="written_whole"),
        pytest.param(
            ["Северо-восточный", "северо-восточный,", "северовосточный"], True, id="written_with_it_more_often"
        ),
    ],
)
def test_the_document_itself_decides_first(words: list[str], kept: bool) -> None:
    assert Joiner(words).keeps("северо-", "восточный") is kept


def test_two_words_that_also_stand_alone_keep_their_hyphen() -> None:
    assert Joiner(["отчёт", "справка"]).keeps("отчёт-", "справка")
    assert not Joiner(["отчёт"]).keeps("отчёт-", "справка")


def test_a_cut_word_is_joined_and_both_parts_have_their_places() -> None:
    source = read(lines([PROSE[0] + " govern-", "ment of the region."]))
    assert source.text == PROSE[0] + " government of the region."
    start = source.text.index("government")
    parts = [(word.start, word.end) for word in source.words if start <= word.start < start + len("government")]
    assert parts == [(start, start + 6), (start + 6, start + 10)]


def test_a_range_of_numbers_and_an_address_are_cut_without_a_space() -> None:
    source = read(
        lines(
            [
                "It grew by half in the years of plenty of 1998–",
                "1999, as https://example.org/dams/of/the/west/",
                "shows.",
            ]
        )
    )
    assert "1998–1999" in source.text
    assert "the Kaz–UAE hub" in read(lines(["They opened in the year that followed the Kaz–", "UAE hub."])).text
    assert "https://example.org/dams/of/the/west/shows" in source.text


# -- turned and cropped pages


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_words_stand_where_the_turned_page_shows_them(degrees: int) -> None:
    source = read(lines(PROSE), page=f"/Rotate {degrees}")
    first = source.words[0]
    width, height = (842.0, 595.0) if degrees % 180 else (595.0, 842.0)
    left, top, right, bottom = 72.0, 72.66, 92.68, 86.69
    expected = {
        0: (left, top, right, bottom),
        90: (width - bottom, left, width - top, right),
        180: (width - right, height - bottom, width - left, height - top),
        270: (top, height - right, bottom, height - left),
    }[degrees]
    assert texts(source) == [" ".join(PROSE)]
    assert first[3:] == pytest.approx(expected, abs=0.1)


def test_places_count_from_the_cropped_page_and_what_is_cut_off_is_left_out() -> None:
    source = read(lines(PROSE) + lines(["Cut off"], top=700), page="/CropBox [50 200 500 800]")
    assert texts(source) == [" ".join(PROSE)]
    assert source.words[0][3:5] == pytest.approx((22.0, 30.66), abs=0.1)


def test_text_that_stands_turned_is_read_too() -> None:
    turned = "BT /F1 12 Tf 0 1 -1 0 560 200 Tm (Turned by a quarter) Tj ET"
    assert texts(read(lines(PROSE) + turned)) == [" ".join(PROSE), "Turned by a quarter"]


# -- metadata


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Water in 2025", "Water in 2025"),
        ("Microsoft Word - report.docx", None),
        ("report_final.doc", None),
        ("Untitled-1", None),
        ("", None),
    ],
)
def test_only_a_title_that_names_the_document_counts(title: str, expected: str | None) -> None:
    assert read(lines(PROSE), info=f"/Title ({title})").title == expected


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("D:20251125093000+05'00'", "2025-11-25"),
        ("D:2024", "2024-01-01"),
        ("D:20250231", None),
        ("D:19700101000000", None),
        ("yesterday", None),
    ],
)
def test_the_date_of_creation(date: str, expected: str | None) -> None:
    assert read(lines(PROSE), info=f"/CreationDate ({date})").date == expected


def test_the_language_that_the_file_says() -> None:
    assert read(lines(PROSE), catalog="/Lang (de-DE)").language == "de-DE"
    assert read(lines(PROSE)).language is None


def test_english_is_not_believed_of_a_russian_text() -> None:
    data = (DATA / "columns-ru.pdf").read_bytes()
    assert b"/Lang(ru-RU)" in data
    assert reader.read(data.replace(b"/Lang(ru-RU)", b"/Lang(en-US)")).language is None


# -- pages and files that cannot be read


def test_a_page_that_is_a_picture_is_listed_as_a_scan() -> None:
    source = reader.read((DATA / "scan-ru.pdf").read_bytes())
    assert (source.text, source.blocks, source.scans, source.pages) == ("", (), (1,), (0,))


def test_a_page_of_little_text_over_a_picture_is_a_scan_and_one_with_a_logo_is_not() -> None:
    document = pdfium.PdfDocument(pdf([lines(["Scanned by the office"]), lines(PROSE)]))
    for index, width in ((0, 595), (1, 40)):
        picture = io.BytesIO()
        Image.new("L", (60, 60), 128).save(picture, "JPEG")
        image = pdfium.PdfImage.new(document)
        image.load_jpeg(picture, inline=True)
        image.set_matrix(pdfium.PdfMatrix().scale(width, width))
        page = document[index]
        page.insert_obj(image)
        page.gen_content()
    out = io.BytesIO()
    document.save(out)
    assert reader.read(out.getvalue()).scans == (1,)


def test_letters_of_a_font_with_the_wrong_names_are_put_right() -> None:
    text = "Вода чистая".encode("cp1251").decode("cp1252")
    assert texts(read(lines([text]))) == ["Вода чистая"]


def test_a_page_that_is_missing_costs_only_itself() -> None:
    source = reader.read(pdf([lines(PROSE), lines(MORE), lines(MORE)]).replace(b"6 0 R 8 0 R", b"6 0 R 1 0 R"))
    assert texts(source) == [" ".join(PROSE), " ".join(MORE)]
    assert source.missing == ("page 2: its content is damaged",)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "not what its name says", id="nothing"),
        pytest.param(b"a letter", "not what its name says", id="text"),
        pytest.param(b"%PDF-1.7\n" + b"\0" * 500, "not a PDF", id="a_head_alone"),
        pytest.param((DATA / "protected.pdf").read_bytes(), "protected by a password", id="protected"),
        pytest.param(pdf([lines(["x"])] * 5001), "5,001 pages, more than 5,000", id="endless"),
        pytest.param(pdf([]), "without pages|not a PDF", id="no_pages"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(DocumentError, match=reason):
        reader.read(data)


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_file_cut_off_is_read_in_part_or_told_to_be_damaged(tenth: int) -> None:
    data = (DATA / "columns-ru.pdf").read_bytes()
    cut = data[: len(data) * tenth // 10]
    try:
        outcome = "" if set(reader.read(cut).text) <= set(reader.read(data).text) else "letters from nowhere"
    except DocumentError as error:
        outcome = str(error).replace(reader.REASONS[3], "").replace(reader.NO_PAGES, "")
    assert outcome == ""


def test_a_page_with_more_than_it_can_show_is_named() -> None:
    flood = "BT /F1 1 Tf 1 0 0 1 10 10 Tm " + f"({'w' * 30_000}) Tj " * 7 + "ET"
    source = read(flood, lines(PROSE))
    assert source.missing == ("page 1: more than 200,000 characters",)
    assert texts(source) == [" ".join(PROSE)]
