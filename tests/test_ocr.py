"""Scans: what Tesseract sees becomes paragraphs, in one script a word, without its noise."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from rag.errors import DocumentError
from rag.readers import image, ocr, pdf
from rag.readers.pages.lookalikes import in_one_script
from rag.readers.pages.scanned import ScannedPage, ScannedWord, as_page
from tests.small_pdf import pdf as small_pdf

DATA = Path(__file__).resolve().parent / "data" / "pdf"
TEXT = (
    "Отчёт о водохранилище\n\n"
    "Водохранилище снабжает водой юго-западные районы области. ВСЕ НОВОСТИ о нём публикуются раз в месяц."
)
needs_tesseract = pytest.mark.skipif(ocr.available() is not None, reason=ocr.available() or "")


def page(*lines: str, confidence: float = 95.0) -> ScannedPage:
    """Lines of words of one height, as OCR gives them; the words as wide as their letters are many."""
    words = []
    for number, line in enumerate(lines):
        left = 72.0
        for text in line.split():
            top = 72.0 + 14 * number
            words.append(ScannedWord(text, left, top, left + 6 * len(text), top + 10, confidence, number))
            left += 6 * len(text) + 3
    return ScannedPage(595, 842, tuple(words))


def with_confidence(scanned: ScannedPage, confidence: dict[str, float]) -> ScannedPage:
    words = (word._replace(confidence=confidence.get(word.text, word.confidence)) for word in scanned.words)
    return ScannedPage(scanned.width, scanned.height, tuple(words))


def text_of(scanned: ScannedPage) -> str:
    return " ".join(line.text for frame in as_page(1, scanned).frames for line in frame.lines)


# -- scripts


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("Сегодня BCE HOBOCTN газеты", "Сегодня ВСЕ НОВОСТИ газеты", id="ru-capitals"),
        pytest.param("Вода c гор", "Вода с гор", id="ru-preposition"),
        pytest.param("Кoмиссия заседала", "Комиссия заседала", id="ru-one_letter_in_a_word"),
        pytest.param("Mинистерcтвo энергетики", "Министерство энергетики", id="ru-several_letters"),
        pytest.param("Қазақcтан Pecпубликасы", "Қазақстан Республикасы", id="kk"),
        pytest.param("жҮзеге асыру жӘне өлшеу", "жүзеге асыру және өлшеу", id="kk-capitals_inside"),
        pytest.param("Компания OPEC и её CEO решили", "Компания OPEC и её CEO решили", id="ru-latin_abbreviations"),
        pytest.param("События XX века", "События XX века", id="ru-roman_number"),
        pytest.param("Журнал Open Access вышел", "Журнал Open Access вышел", id="ru-latin_words"),
        pytest.param("платформа e-Gov и IT-компания", "платформа e-Gov и IT-компания", id="ru-latin_parts"),
        pytest.param("The сompany was founded", "The company was founded", id="en-one_letter_in_a_word"),
        pytest.param("This is а report оn water", "This is a report on water", id="en-whole_words"),
        pytest.param("The word мир means peace", "The word мир means peace", id="en-russian_word"),
        pytest.param("1998 2025 —", "1998 2025 —", id="no_letters"),
    ],
)
def test_each_word_is_in_one_script(line: str, expected: str) -> None:
    assert " ".join(in_one_script(line.split())) == expected


def test_letters_are_put_into_one_script_when_a_page_is_read() -> None:
    assert text_of(page("Сегодня BCE HOBOCTN газеты")) == "Сегодня ВСЕ НОВОСТИ газеты"


# -- noise


def test_short_words_of_no_confidence_are_dropped_and_long_ones_kept() -> None:
    scanned = with_confidence(page("Вода ~ ij чистая и прозрачная"), {"~": 20.0, "ij": 0.0, "прозрачная": 0.0})
    assert text_of(scanned) == "Вода чистая и прозрачная"


def test_a_page_of_noise_alone_is_empty() -> None:
    assert as_page(1, page("~ | ij", confidence=0.0)).frames == []


def test_what_a_bullet_is_taken_for_is_a_bullet() -> None:
    assert text_of(page("° Вода чистая")) == "• Вода чистая"


# -- pages into a source

SCANNED = page("Водохранилище снабжает водой все юго-западные", "районы, и вода в нём чис-", "тая.")


def test_scanned_lines_become_paragraphs_with_their_places() -> None:
    source = pdf.read((DATA / "scan-ru.pdf").read_bytes(), {1: SCANNED})
    assert source.text == "Водохранилище снабжает водой все юго-западные районы, и вода в нём чистая."
    assert (source.scanned, source.scans, source.pages) == ((1,), (), (0,))
    assert (source.words[0].start, source.words[0].end, source.words[0].left) == (0, 13, 72.0)
    assert [source.text[word.start : word.end] for word in source.words[-2:]] == ["чис", "тая."]


def test_a_scan_of_a_page_that_is_not_there_is_no_page() -> None:
    source = pdf.read((DATA / "scan-ru.pdf").read_bytes(), {1: SCANNED, 7: SCANNED})
    assert source.scanned == (1,)


def test_a_picture_lists_its_frames_and_takes_their_text() -> None:
    frames = [Image.new("1", (300, 200), 1) for _ in range(3)]
    out = io.BytesIO()
    frames[0].save(out, "TIFF", save_all=True, append_images=frames[1:])
    assert image.read(out.getvalue()).scans == (1, 2, 3)
    source = image.read(out.getvalue(), {2: SCANNED})
    assert (source.scanned, source.scans, source.pages) == ((2,), (1, 3), (0, 0, len(source.text)))
    assert source.text.startswith("Водохранилище снабжает")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "not a PNG, JPEG or TIFF picture", id="nothing"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "not a PNG, JPEG or TIFF picture", id="a_head_alone"),
        pytest.param(b"GIF89a" + b"\0" * 40, "not a PNG, JPEG or TIFF picture", id="another_format"),
    ],
)
def test_a_damaged_picture_is_told_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(DocumentError, match=reason):
        image.read(data)


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded() -> None:
    out = io.BytesIO()
    Image.new("1", (12_000, 10_001), 1).save(out, "PNG", optimize=True)
    with pytest.raises(DocumentError, match="12000 x 10001 pixels, more than 120,000,000"):
        image.read(out.getvalue())


def test_a_bomb_of_pixels_is_refused_before_it_is_decoded() -> None:
    head = struct.pack(">4sIIBBBBB", b"IHDR", 100_000, 100_000, 1, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">II4s", zlib.crc32(head), 0, b"IDAT")
    with pytest.raises(DocumentError, match=r"^more than 120,000,000 pixels: scan it with fewer$"):
        image.read(data)


@pytest.mark.parametrize(
    ("size", "shown"), [((100_000, 100_000), (200, 200)), ((90_000, 1), (500, 1))], ids=["square", "strip"]
)
def test_a_page_of_any_size_is_shown_within_limits(
    size: tuple[int, int], shown: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ocr, "MAX_PIXELS", 200 * 200)
    monkeypatch.setattr(ocr, "MAX_SIDE", 500)
    data = small_pdf([""]).replace(b"[0 0 595 842]", b"[0 0 %d %d]" % size)
    picture, dpi = ocr._page(data, 1)
    assert (picture.size, round(dpi, 3)) == (shown, round(72 * shown[0] / size[0], 3))


def test_a_cut_off_picture_is_told_when_it_is_shown() -> None:
    data = (DATA / "scan-ru.png").read_bytes()
    with pytest.raises(DocumentError, match="a damaged one"):
        image.frame(data[: len(data) // 2], 1)


def test_a_frame_is_grey_upright_and_knows_its_size() -> None:
    out = io.BytesIO()
    turned = Image.Exif()
    turned[0x0112] = 6  # Orientation: to be turned a quarter
    Image.new("RGB", (300, 200), "white").save(out, "JPEG", dpi=(150, 150), exif=turned)
    picture, dpi = image.frame(out.getvalue(), 1)
    assert (picture.size, picture.mode, dpi) == ((200, 300), "L", 150.0)


def test_what_is_transparent_is_white() -> None:
    out = io.BytesIO()
    picture = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    picture.putpixel((5, 5), (0, 0, 0, 255))
    picture.putpixel((6, 6), (0, 0, 0, 55))
    picture.save(out, "PNG")
    grey = image.frame(out.getvalue(), 1)[0]
    assert [grey.getpixel(place) for place in ((0, 0), (5, 5), (6, 6))] == [255, 0, 200]


# -- the cache's form


def test_a_scanned_page_comes_back_from_its_json_as_it_was() -> None:
    assert ScannedPage.from_json(SCANNED.to_json()) == SCANNED


@pytest.mark.parametrize(
    "text",
    [
        *("", "{}", "[]", "null", '{"width": 1, "height": 2, "words": [["a", 1]]}', "{"),
        '{"width": 1e999, "height": 2, "words": []}',
        '{"width": 1, "height": NaN, "words": []}',
        '{"width": 1, "height": 2, "words": [["a", 1, 1, 1, 1, 1, 1e999]]}',
        pytest.param("[" * 100_000, id="deep"),
        pytest.param('{"width": 1' + "0" * 400 + "}", id="long"),
    ],
)
def test_anything_else_is_no_scanned_page(text: str) -> None:
    with pytest.raises(ValueError):
        ScannedPage.from_json(text)


# -- Tesseract


def test_what_is_missing_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    reason = ocr.available() or ""
    assert "missing" in reason
    assert "install tesseract-ocr with rus, kaz and eng" in reason


@pytest.mark.skipif(os.name != "posix", reason="a program made of a shell script")
def test_why_tesseract_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "tesseract"
    program.write_text(
        "#!/bin/sh\n[ $1 = --list-langs ] && echo rus && exit\necho 'no such' >&2\necho data >&2\nexit 1\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ocr.available() is None
    with pytest.raises(DocumentError, match=r"^Tesseract failed: no such data$"):
        ocr.recognise((DATA / "scan-ru.png").read_bytes(), 1)
    program.write_text("#!/bin/sh\nexit 1\n")
    assert ocr.available() == "Tesseract failed: status 1: install tesseract-ocr with rus, kaz and eng"


@needs_tesseract
@pytest.mark.parametrize("name", ["scan-ru.pdf", "scan-ru.png"])
def test_a_scan_is_read(name: str) -> None:
    data = (DATA / name).read_bytes()
    reader = pdf if name.endswith("pdf") else image
    source = reader.read(data, {1: ocr.recognise(data, 1)})
    assert source.text == TEXT
    assert [block.kind for block in source.blocks] == ["heading", "paragraph"]


@needs_tesseract
def test_words_are_found_where_they_stand() -> None:
    scanned = ocr.recognise((DATA / "scan-ru.pdf").read_bytes(), 1)
    first = scanned.words[0]
    assert (first.text, round(scanned.width), round(scanned.height)) == ("Отчёт", 446, 252)
    assert first[1:5] == pytest.approx((36.9, 37.4, 95.8, 52.3), abs=1.5)


@needs_tesseract
def test_an_empty_page_has_no_words() -> None:
    out = io.BytesIO()
    Image.new("L", (600, 400), 255).save(out, "PNG", dpi=(200, 200))
    assert ocr.recognise(out.getvalue(), 1).words == ()


@needs_tesseract
def test_a_language_that_is_not_installed_is_told() -> None:
    with pytest.raises(DocumentError, match="Tesseract has none of tlh"):
        ocr.recognise((DATA / "scan-ru.png").read_bytes(), 1, ["tlh"])
