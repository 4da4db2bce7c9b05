"""RTF as different programs write it: code pages, Unicode, tables, notes; what is damaged and what is hostile."""

from __future__ import annotations

import pytest

from rag.errors import DocumentError
from rag.readers import rtf
from tests import small_source


def blocks(body: str, header: str = r"\ansi\ansicpg1251\deff0") -> list[tuple[str, str]]:
    return small_source.blocks(rtf.read(rf"{{\rtf1{header} {body}}}".encode("latin-1")))


def paragraphs(body: str, header: str = r"\ansi\ansicpg1251\deff0") -> list[str]:
    return [text for _, text in blocks(body, header)]


def hexadecimal(text: str, encoding: str = "cp1251") -> str:
    return "".join(rf"\'{byte:02x}" for byte in text.encode(encoding))


def test_bytes_are_read_in_the_document_s_code_page() -> None:
    assert paragraphs(hexadecimal("Ещё «ёлка» № 5") + r"\par Next") == ["Ещё «ёлка» № 5", "Next"]


def test_raw_bytes_beyond_ascii_are_read_in_the_document_s_code_page() -> None:
    source = rtf.read(b"{\\rtf1\\ansi\\ansicpg1251 " + "Привет".encode("cp1251") + b"}")
    assert source.text == "Привет"


def test_a_font_s_own_code_page_goes_before_the_document_s_until_its_group_ends() -> None:
    fonts = r"\ansi\ansicpg1252\deff0{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 Arial Cyr;}{\f2\fcharset238 X;}}"
    body = r"caf\'e9 {\f1 " + hexadecimal("да") + r"} \'e9 \f2\'f8 \plain\'e9"
    assert paragraphs(body, fonts) == ["café да é ř é"]


def test_a_double_byte_font_is_read_across_its_escapes() -> None:
    fonts = r"\ansi\ansicpg1252{\fonttbl{\f0\fcharset134 SimSun;}}"
    assert paragraphs(r"\f0 " + hexadecimal("中文", "gbk"), fonts) == ["中文"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (r"\u1050?\u1072?\u1079?", "Каз"),
        (r"\uc2\u1178\'3f\'3f\u1179??z", "Ққz"),
        (r"{\uc0\u1050\u1072}\u1079?", "Каз"),
        (r"\u-10179?\u-8704?!", "😀!"),
        (r"\u55357?x", "x"),
    ],
    ids=["one stand-in", "two", "none", "a pair of surrogates", "half a pair"],
)
def test_unicode_is_read_and_its_stand_ins_are_not(body: str, expected: str) -> None:
    assert paragraphs(body) == [expected]


def test_signs_and_escapes_are_written_out() -> None:
    assert paragraphs(r"\ldblquote a\rdblquote\emdash b\~c\-d\_e \{x\} \\ y\tab z\line w") == [
        "“a”—b cd\u2011e {x} \\ y z w"
    ]


def test_headings_are_known_by_style_name_style_level_and_own_level() -> None:
    styles = (
        r"{\stylesheet{\s0 Normal;}{\s1 " + hexadecimal("Заголовок 1") + r";}{\s2\outlinelevel1 Chapter;}{\s11 toc 1;}}"
    )
    body = r"\pard\s1 One\par\pard\s2 Two\par\pard\outlinelevel0 Three\par\pard\s11 One 1\par\pard\s0 Four\par"
    assert blocks(styles + body) == [
        ("heading", "One"),
        ("heading", "Two"),
        ("heading", "Three"),
        ("paragraph", "Four"),
    ]


def test_a_table_gives_rows_and_a_frame_of_one_cell_gives_paragraphs() -> None:
    body = (
        r"\trowd\cellx1\cellx2\pard\intbl a\par b\cell\pard\intbl c\cell\row"
        r"\trowd\cellx1\cellx2\pard\intbl \cell\pard\intbl d\cell\row"
        r"\trowd\cellx1\pard\intbl One.\par Two.\cell\row\pard After"
    )
    assert blocks(body) == [
        ("row", "a b\tc"),
        ("row", "d"),
        ("paragraph", "One."),
        ("paragraph", "Two."),
        ("paragraph", "After"),
    ]


def test_notes_and_text_boxes_follow_their_paragraph() -> None:
    body = (
        r"Text{\footnote\pard\plain Note one.\par Note two.}"
        r"{\shp{\*\shpinst{\sp{\sn a}{\sv b}}{\shptxt\pard In a box\par}}{\shprslt In a box}} goes on.\par Next"
    )
    assert paragraphs(body) == ["Text goes on.", "Note one.", "Note two.", "In a box", "Next"]


def test_what_is_hidden_deleted_or_no_text_is_left_out() -> None:
    body = (
        r"{\header head}{\footer foot}{\*\generator Word}{\pict\wmetafile8 0100}{\v hidden}{\deleted gone}"
        r"{\field{\*\fldinst HYPERLINK x}{\fldrslt shown}}{\*\annotation remark}{\listtext 1.\tab}\bin3 }{\ text"
    )
    assert paragraphs(body) == ["shown text"]


def test_the_title_is_read_from_its_unicode_form_and_the_date_from_the_day_it_was_made() -> None:
    title = r"{\upr{\title ??}{\*\ud{\title \u1044?\u1072?}}}{\author A}"
    times = r"{\creatim\yr2025\mo11\dy5\hr9}{\revtim\yr2026\mo1\dy1}"
    source = rtf.read(rf"{{\rtf1\ansi{{\info{title}{times}}} text}}".encode())
    assert (source.title, source.date, source.text) == ("Да", "2025-11-05", "text")


def test_a_file_cut_short_gives_what_it_holds_and_says_so() -> None:
    source = rtf.read(rb"{\rtf1\ansi One.\par {\b Two")
    assert (source.text, source.missing) == ("One.\n\nTwo", ("the end of the document: the file is cut short",))


def test_what_follows_the_document_s_last_brace_is_not_read() -> None:
    assert rtf.read(rb"{\rtf1 One.}}} {\b Two}").text == "One."


def test_groups_nested_without_end_are_refused() -> None:
    with pytest.raises(DocumentError, match=r"^groups nest more than 500 deep: save the file again$"):
        rtf.read(rb"{\rtf1" + b"{" * 100_000)


@pytest.mark.parametrize(
    "body",
    [
        r"\cell\row\cell",
        r"{\footnote{\footnote a}}",
        r"\u99999999?",
        r"\bin999999999 x",
        r"\ansicpg77777 a",
        "\\",
        r"\'zz",
    ],
)
def test_odd_tokens_break_nothing(body: str) -> None:
    assert rtf.read(rf"{{\rtf1 start {body}}}".encode()).text.startswith("start")
