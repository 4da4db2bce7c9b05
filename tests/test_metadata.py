"""What is known about a document: from a sidecar, from its own head, from its file's name."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from rag import readers
from rag.errors import DocumentError
from rag.readers import dates, metadata
from rag.readers.metadata import Overrides, overridden, sidecar
from rag.readers.source import Source
from rag.types import Block

MONTHS_RU = [
    "января",
    "февраля",
    "марта",
    "апреля",
    "мая",
    "июня",
    "июля",
    "августа",
    "сентября",
    "октября",
    "ноября",
    "декабря",
]
MONTHS_EN = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
MONTHS_KK = [
    "қаңтар",
    "ақпан",
    "наурыз",
    "сәуір",
    "мамыр",
    "маусым",
    "шілде",
    "тамыз",
    "қыркүйек",
    "қазан",
    "қараша",
    "желтоқсан",
]

# -- sidecars


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(
            '{"title": " Отчёт ", "date": "2025-11-25", "language": "RU"}',
            Overrides("Отчёт", "2025-11-25", "ru"),
            id="ru",
        ),
        pytest.param('{"language": "kz"}', Overrides(language="kk"), id="kk-the_country's_code"),
        pytest.param('{"language": "en-GB", "author": [1]}', Overrides(language="en"), id="en-other_keys"),
        pytest.param('{"date": "2024-02-29T10:00:00Z"}', Overrides(date="2024-02-29"), id="en-time_of_day"),
        pytest.param('\ufeff{"title": null, "date": ""}', Overrides(), id="empty"),
        pytest.param('{"type": "pdf"}', Overrides(), id="type_is_never_overridden"),
    ],
)
def test_sidecar_says_title_date_and_language(data: str, expected: Overrides) -> None:
    assert sidecar(data.encode()) == expected


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "it is not JSON", id="empty"),
        pytest.param(b"{", "it is not JSON", id="torn"),
        pytest.param(b"\xff\xfe\x00", "it is not JSON", id="bytes"),
        pytest.param(b"[" * 200_000, "it is not JSON", id="deep"),
        pytest.param(b"[]", "it is not a JSON object", id="list"),
        pytest.param(b'{"title": 5}', "its title is not text in quotes", id="number"),
        pytest.param(b'{"language": ["ru"]}', "its language is not text in quotes", id="in_a_list"),
        pytest.param(
            '{"date": "25 ноября"}'.encode(), "its date '25 ноября' is not written as 2025-11-25", id="ru-words"
        ),
        pytest.param(b'{"date": "2025-02-30"}', "its date '2025-02-30' is not written as 2025-11-25", id="no_such_day"),
        pytest.param(
            b'{"language": "Russian"}', "its language 'Russian' is not a code such as ru or en", id="en-language_name"
        ),
    ],
)
def test_bad_sidecar_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(DocumentError) as raised:
        sidecar(data)
    assert str(raised.value) == f"its sidecar .meta.json is not valid: {reason}; correct or remove it"


def test_overrides_replace_only_what_they_say() -> None:
    document = readers.read("# Доклад\n\nТекст доклада.".encode(), "a.md").document
    assert overridden(document, Overrides()) == document
    changed = overridden(document, sidecar(json.dumps({"title": "Т" * 200, "date": "2025-11-25"}).encode()))
    assert (changed.title, changed.date, changed.language) == ("Т" * 89 + "…", "2025-11-25", "ru")
    assert (changed.text, changed.blocks, changed.type) == (document.text, document.blocks, "md")
    assert overridden(document, Overrides(language="kk")).language == "kk"


# -- dates as they are written


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("25 ноября 2025 года", id="ru"),
        pytest.param("25 ноября 2025 г.", id="ru-short"),
        pytest.param("«25» ноября 2025 г.", id="ru-form"),
        pytest.param("25-го ноября 2025", id="ru-ordinal"),
        pytest.param("25 НОЯБРЯ 2025 ГОДА", id="ru-capitals"),
        pytest.param("25 нояб. 2025", id="ru-abbreviated"),
        pytest.param("25.11.2025", id="digits"),
        pytest.param("25.11.2025 г.", id="ru-digits"),
        pytest.param("2025-11-25", id="iso"),
        pytest.param("November 25, 2025", id="en-month_first"),
        pytest.param("Nov. 25th, 2025", id="en-abbreviated"),
        pytest.param("25 November 2025", id="en-day_first"),
        pytest.param("25th of November, 2025", id="en-of"),
        pytest.param("2025 жылғы 25 қараша", id="kk"),
        pytest.param("2025 жылдың 25 қарашасында", id="kk-inflected"),
        pytest.param("25 қараша 2025 жыл", id="kk-day_first"),
    ],
)
def test_date_is_read_as_people_write_it(text: str) -> None:
    assert dates.stated(text) == "2025-11-25"
    (found,) = dates.written(f"Вот: {text}, да")
    assert found.date == "2025-11-25"


@pytest.mark.parametrize("month", range(1, 13))
def test_every_month_has_its_names(month: int) -> None:
    expected = f"2024-{month:02}-05"
    for name in (MONTHS_RU[month - 1], MONTHS_EN[month - 1], MONTHS_EN[month - 1][:3]):
        assert dates.stated(f"5 {name} 2024") == expected
    assert dates.stated(f"2024 жылғы 5 {MONTHS_KK[month - 1]}") == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("31 февраля 2025 года", id="ru-no_such_day"),
        pytest.param("25.13.2025", id="no_such_month"),
        pytest.param("5 мая 1850 года", id="ru-before_1900"),
        pytest.param("5 May 2150", id="en-after_2100"),
        pytest.param("24–25 ноября 2025 года", id="ru-span"),
        pytest.param("10.11.12.2025", id="version"),
        pytest.param("25 ноября 20251", id="ru-longer_number"),
        pytest.param("в 2025 году", id="ru-year_alone"),
        pytest.param("25 мартышек 2025", id="ru-another_word"),
        pytest.param("2025-11-25-7", id="serial"),
    ],
)
def test_what_only_looks_like_a_date_is_none(text: str) -> None:
    assert [each.date for each in dates.written(text)] == []


@pytest.mark.parametrize(
    ("name", "date"),
    [
        ("протоколы/2025-11-25 протокол.docx", "2025-11-25"),
        ("Отчёт 25.11.2025.pdf", "2025-11-25"),
        ("report_20251125_final.pdf", "2025-11-25"),
        ("report 25-11-2025.txt", "2025-11-25"),
        ("2025_11_25.txt", "2025-11-25"),
        ("2025-11-25/протокол.docx", None),
        ("20251399.txt", None),
        ("тел 87012025112.txt", None),
        ("000_1c14ccf7fdd8eae7.txt", None),
        ("a20251125b.txt", None),
    ],
)
def test_date_in_a_file_name(name: str, date: str | None) -> None:
    assert dates.in_name(name) == date


# -- which date is the document's own


@pytest.mark.parametrize(
    ("text", "date"),
    [
        pytest.param(
            "Итоги встречи\n\nАстана, 25 ноября 2025 года\n\nСтороны встретились.", "2025-11-25", id="ru-dateline"
        ),
        pytest.param("ПРОТОКОЛ\n\nг. Астана 25 ноября 2025 г.\n\nПрисутствовали все.", "2025-11-25", id="ru-town"),
        pytest.param("ПРИКАЗ\n\nот 25 ноября 2025 года № 123\n\nПриказываю.", "2025-11-25", id="ru-order"),
        pytest.param("Приказ министра от 25 ноября 2025 года № 5\n\nПриказываю.", "2025-11-25", id="ru-order_in_title"),
        pytest.param("ASTANA, November 25, 2025 — The commission met.", "2025-11-25", id="en-press"),
        pytest.param(
            "Press release\n\nPublished on November 25, 2025\n\nThe commission met.", "2025-11-25", id="en-label"
        ),
        pytest.param("Бұйрық\n\n2025 жылғы 25 қараша, Астана қаласы\n\nМәтін осында.", "2025-11-25", id="kk"),
        pytest.param("25 ноября 2025 года в Астане прошло заседание. Решено.", "2025-11-25", id="ru-opening"),
        pytest.param(
            "Встреча 1 марта 2025 года.\n\n25.11.2025\n\nТекст.",
            "2025-11-25",
            id="ru-own_line_before_an_earlier_mention",
        ),
        pytest.param("О внесении изменений в приказ от 5 мая 2001 года № 10\n\nТекст.", None, id="ru-another_document"),
        pytest.param("В срок до 1 мая 2026 года сдать отчёт.", None, id="ru-deadline"),
        pytest.param("Он родился 5 мая 1950 года в Алма-Ате.", None, id="ru-birth"),
        pytest.param("He was born 5 May 1950 in Rome.", None, id="en-birth"),
        pytest.param("1 марта 1979 года прошёл референдум.\n\nВторой — 11 сентября 1997 года.", None, id="ru-history"),
        pytest.param(
            "Начало.\n\n" + "Ещё строка текста.\n\n" * 40 + "25 ноября 2025 года", None, id="ru-deep_in_the_text"
        ),
        pytest.param("Слово. " * 80 + "25 ноября 2025 года.", None, id="ru-late_in_a_paragraph"),
        pytest.param("31 февраля 2025 года\n\nТекст.", None, id="ru-no_such_day"),
    ],
)
def test_date_at_the_head_of_the_text_is_the_documents_own(text: str, date: str | None) -> None:
    assert readers.read(text.encode(), "a.txt").document.date == date
    assert readers.read(text.encode(), "a.md").document.date == date


def test_stated_date_goes_first_then_a_line_then_the_name_then_the_opening() -> None:
    line, opening = "3.3.2023\n\nТекст.", "4 апреля 2024 года прошла встреча."
    assert readers.read(f"---\ndate: 2021-01-01\n---\n{line}".encode(), "2022-02-02.md").document.date == "2021-01-01"
    assert readers.read(line.encode(), "2022-02-02.md").document.date == "2023-03-03"
    assert readers.read(opening.encode(), "2022-02-02.md").document.date == "2022-02-02"
    assert readers.read(opening.encode(), "a.md").document.date == "2024-04-04"


def test_of_a_scan_what_its_page_says_goes_before_what_the_scanner_says() -> None:
    text = "Приказ\n\n25.11.2019\n\nО мерах поддержки"
    blocks = (Block(0, 6), Block(8, 18), Block(20, 37))
    typed = Source(text, blocks, pages=(0,), title="scan-0001", date="2026-01-01")
    scanned = replace(typed, scanned=(1,))
    assert (metadata.title(typed, "a.pdf"), metadata.date(typed, "a.pdf")) == ("scan-0001", "2026-01-01")
    assert (metadata.title(scanned, "a.pdf"), metadata.date(scanned, "a.pdf")) == ("О мерах поддержки", "2019-11-25")
    named = replace(scanned, title="Приказ о мерах", text=text.replace("25.11.2019", "№ 12/456-о"))
    assert (metadata.title(named, "a.pdf"), metadata.date(named, "a.pdf")) == ("Приказ о мерах", "2026-01-01")


def test_time_is_linear_in_a_text_of_half_dates() -> None:
    started = time.process_time()
    for text in ("25 " * 30_000, "25 ноября " * 20_000, "«" * 100_000, "2025 жыл " * 20_000, "9" * 100_000):
        assert list(dates.written(text)) == []
    assert time.process_time() - started < 5


# -- titles


def test_a_table_without_a_heading_is_called_by_its_files_name() -> None:
    assert readers.read("Город;Год\nАлматы;2024\n".encode(), "a/города.csv").document.title == "города.csv"


@pytest.mark.parametrize(
    ("text", "title"),
    [
        pytest.param(
            "ПРЕСС-РЕЛИЗ\n\nКомиссия подписала соглашения.\n\nТекст.", "Комиссия подписала соглашения.", id="ru"
        ),
        pytest.param("PRESS RELEASE\n\nThe commission met.\n\nText.", "The commission met.", id="en"),
        pytest.param("Приказ\n\nот 25.11.2025 № 5\n\nО мерах поддержки\n\nТекст.", "О мерах поддержки", id="ru-order"),
        pytest.param("25 ноября 2025 года\n\nИтоги недели\n\nТекст.", "Итоги недели", id="ru-date_first"),
        pytest.param("ПРОТОКОЛ", "ПРОТОКОЛ", id="ru-nothing_else"),
        pytest.param("Отчёт о работе\n\nТекст.", "Отчёт о работе", id="ru-more_than_a_label"),
    ],
)
def test_title_is_the_first_line_that_says_what_the_text_is_about(text: str, title: str) -> None:
    assert readers.read(text.encode(), "a.txt").document.title == title
