"""Bytes to text: every encoding that Russian text is found in, on a headline as on a paragraph."""

from __future__ import annotations

import random

import pytest

from rag import readers
from rag.errors import DocumentError
from rag.readers import html, markdown, plain
from rag.readers.encodings import CANDIDATES, CLASSES, decode, decode_name

CYRILLIC = ("windows-1251", "koi8-r", "cp866", "mac-cyrillic", "iso8859-5")
UNICODE = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
PARAGRAPH = (
    "Заседание прошло под сопредседательством заместителя премьер-министра. Стороны обсудили совместные проекты в "
    "энергетике, логистике и цифровых технологиях; подписано 15 соглашений на 5,7 млрд долларов США."
)
HEADLINES = {
    "mixed": "Правительство утвердило бюджет на 2026 год",
    "capitals": "ЗАСЕДАНИЕ МЕЖПРАВИТЕЛЬСТВЕННОЙ КОМИССИИ",
    "latin": "Компания Microsoft открыла офис в Astana Hub",
    "short": "Новости региона",
    "digits": "25.11.2025 Приказ 123-ФЗ от 5 мая",
    "small": "повестка дня, проект",
    "yo": "Ёлка, подъём и ещё счёт",
}
SIGNS = "«Отчёт» № 15 — итоги"  # not in KOI8-R, and in part not in CP866


@pytest.mark.parametrize("encoding", [*UNICODE, *CYRILLIC])
@pytest.mark.parametrize(
    "text", [PARAGRAPH, PARAGRAPH.upper(), *HEADLINES.values()], ids=["paragraph", "PARAGRAPH", *HEADLINES]
)
def test_russian_text_is_read_in_whatever_encoding_it_is(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)).text == text


@pytest.mark.parametrize("encoding", [*UNICODE, "windows-1251", "mac-cyrillic"])
def test_guillemets_dashes_and_number_signs_are_read(encoding: str) -> None:
    assert decode(SIGNS.encode(encoding)).text == SIGNS


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        pytest.param("Қазақстан Республикасының Үкіметі әлеуметтік көмек көрсетеді", "kz1048", id="kk"),
        pytest.param("Їжак узяв зелену ґрушку, єдину в лісі", "koi8-u", id="uk-koi8"),
        pytest.param("Правила внутрішнього розпорядку", "windows-1251", id="uk"),
        pytest.param("The café’s “résumé” — £5 a copy", "windows-1252", id="en"),
        pytest.param("A plain line with one dash — and no more", "windows-1252", id="en-dash"),
        pytest.param("Die größte Übung für Müller", "windows-1252", id="de"),
        pytest.param("La città è bella, perché no?", "windows-1252", id="it"),
        pytest.param("The word мир means both peace and world", "windows-1251", id="en-one_russian_word"),
        pytest.param(
            "╔═══════╦══════╗\r\n║ Товар ║ Цена ║\r\n╠═══════╬══════╣\r\n║ Хлеб  ║ 25   ║\r\n", "cp866", id="ru-boxes"
        ),
    ],
)
def test_other_text_is_read_too(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)).text == text


def test_declared_encoding_is_believed_where_it_can_be_true() -> None:
    assert decode("Ελλάδα".encode("cp1253"), "windows-1253") == ("Ελλάδα", "cp1253", 0)
    assert decode("中文".encode("gb18030"), " GB2312 ")[0] == "中文"
    assert decode("Привет, мир".encode(), "windows-1251") == ("Привет, мир", "utf-8", 0)
    assert decode("Привет, мир".encode("cp1251"), "utf-8")[0] == "Привет, мир"
    assert decode("Привет, мир".encode("cp1251"), "iso-8859-1")[0] == "Привет, мир"
    assert decode("Привет, мир".encode("cp1251"), "unicode_escape")[0] == "Привет, мир"
    assert decode("Привет, мир".encode("cp1251"), "no\0such")[0] == "Привет, мир"


@pytest.mark.parametrize(
    ("data", "text", "damaged"),
    [
        pytest.param(PARAGRAPH[:-1].encode()[:-1], PARAGRAPH[:-2] + "\ufffd", 1, id="torn"),
        pytest.param(
            PARAGRAPH.encode().replace(b",", b"\xff"),
            PARAGRAPH.replace(",", "\ufffd"),
            PARAGRAPH.count(","),
            id="broken",
        ),
        pytest.param("Привет, мир".encode()[:-1], "Привет, ми\ufffd", 1, id="torn_headline"),
        pytest.param("a\ufffdb".encode(), "a\ufffdb", 0, id="sign_itself"),
        pytest.param(PARAGRAPH.encode("utf-16")[:-1], PARAGRAPH[:-1] + "\ufffd", 1, id="utf16"),
    ],
)
def test_few_broken_characters_do_not_lose_the_file(data: bytes, text: str, damaged: int) -> None:
    decoded = decode(data)
    assert (decoded.text, decoded.damaged) == (text, damaged)


@pytest.mark.parametrize("reader", [plain, markdown, html], ids=["txt", "md", "html"])
def test_reader_says_how_many_characters_are_broken(reader: readers.Reader) -> None:
    source = reader.read(PARAGRAPH.encode().replace(b"15", b"\xff\xfe"))
    assert source.missing == ("characters that are not UTF-8: 2",)
    assert source.text == PARAGRAPH.replace("15", "\ufffd\ufffd")


def noise(low: int, count: int = 4000) -> bytes:
    source = random.Random(low)
    return bytes(source.randrange(low, 256) for _ in range(count))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"%PDF-1.4\n\0\0\1\2 binary", "it holds NUL bytes", id="nul"),
        pytest.param(noise(1), "it holds control characters", id="random"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + noise(1), "it holds control characters", id="png"),
    ],
)
def test_binary_file_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(DocumentError) as raised:
        decode(data)
    assert str(raised.value) == f"not a text file: {reason}"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(noise(128), id="noise"),
        pytest.param("中华人民共和国国务院总理今天在北京会见了来访的总理，双方就合作交换意见。".encode("gbk"), id="zh"),
        pytest.param(
            "جمهورية كازاخستان هي دولة في آسيا الوسطى عاصمتها أستانا وأكبر مدنها ألماتي".encode("cp1256"), id="ar"
        ),
    ],
)
def test_text_in_no_known_encoding_is_refused_rather_than_read_wrongly(data: bytes) -> None:
    with pytest.raises(DocumentError, match=r"^the encoding of its text is not recognised: save it as UTF-8$"):
        decode(data)


@pytest.mark.parametrize("encoding", ["utf-8", *CYRILLIC])
@pytest.mark.parametrize(
    "name", ["отчёт за ноябрь.docx", "ПРИКАЗ 15.TXT", "Смета (копия).xls", "фото.jpg", "plain.txt"]
)
def test_file_name_is_shown_as_it_was_meant(name: str, encoding: str) -> None:
    assert decode_name(name.encode(encoding)) == name


def test_any_bytes_give_a_name() -> None:
    assert decode_name(b"") == ""
    for seed in range(1, 60):
        decode_name(noise(seed, 20)).encode("utf-8")


def test_table_has_a_cost_for_each_pair_of_classes() -> None:
    from rag.readers.encodings import _costs

    assert _costs().shape == (len(CANDIDATES), 65536)
    assert len(set(CLASSES)) == len(CLASSES)
