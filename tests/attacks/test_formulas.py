"""Nothing that is taken away becomes a formula where it is opened: workbooks, the clipboard."""

from __future__ import annotations

import datetime
import io
import re
import zipfile
from dataclasses import replace
from html import unescape
from typing import Any

import openpyxl
import pytest

from rag.export.rich import rich
from rag.export.sheet import sheet
from rag.export.sound import sound
from rag.export.word import table, word
from tests.attacks.attack import Attacker, payloads
from tests.test_export import answered, cited

TODAY = datetime.date(2026, 11, 23)
FORMULAS = payloads("formulas")
STARTS = re.compile(r"[\s\u200b\ufeff]*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")


def everywhere(text: str) -> Any:
    """An answer that says nothing else, its date, title, document and language's note too."""
    citation = replace(cited(text, (0, len(text)), title=text, document=text), date=text)
    return answered(text, citation)


@pytest.mark.parametrize("text", FORMULAS, ids=ascii)
def test_a_cell_of_a_workbook_is_a_text(text: str) -> None:
    data = sheet([(text, everywhere(text)), (text, text)], text, TODAY, "en")
    cells = [cell for page in openpyxl.load_workbook(io.BytesIO(data)) for row in page.iter_rows(2) for cell in row]
    texts = [cell for cell in cells if isinstance(cell.value, str)]
    assert {cell.data_type for cell in texts} == {"s"}
    assert sum(cell.value == sound(text).replace("\r", "\n") or cell.value == sound(text) for cell in texts) >= 8
    assert [cell.value for cell in texts if STARTS.match(cell.value) and not cell.quotePrefix] == []
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        parts = {name: file.read(name).decode("utf-8", "replace") for name in file.namelist()}
    assert {name for name in parts if "externalLink" in name or "connections" in name} == set()
    assert {name for name, part in parts.items() if "<f>" in part or "<f " in part or "<hyperlink" in part} == set()


@pytest.mark.parametrize("text", FORMULAS, ids=ascii)
def test_a_word_document_has_no_field_of_it(text: str) -> None:
    for data in (word(everywhere(text), text, TODAY), table([(text, everywhere(text))], text, TODAY, "en")):
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            parts = {name: file.read(name).decode("utf-8", "replace") for name in file.namelist()}
        fields = [each for part in parts.values() for each in re.findall(r'w:instr="([^"]*)"', part)]
        assert [each for each in fields if not re.fullmatch(r" NOTEREF _RefSnoska\d+ \\f \\h ", each)] == []
        assert "instrText" not in "".join(parts.values())
        assert 'TargetMode="External"' not in "".join(parts.values())


@pytest.mark.parametrize("text", FORMULAS, ids=ascii)
def test_no_line_on_the_clipboard_begins_as_a_formula(text: str) -> None:
    html, plain = rich(everywhere(text))
    assert [line for line in plain.split("\n") if STARTS.match(line)] == []
    cells = [re.sub(r"<[^>]*>", "", block) for block in re.split(r"</?(?:p|blockquote|br)\b[^>]*>", html)]
    assert [cell for cell in cells if STARTS.match(unescape(cell))] == []


def test_the_page_gives_such_a_workbook(attacker: Attacker) -> None:
    """The batch, from the list to the file."""
    started = attacker.send("POST", "/snoska/batch/start", {"text": "\n".join(FORMULAS), "language": "en"})
    number = started.json()["id"]
    while attacker.send("POST", "/snoska/batch/look", {"id": number}).json()["state"] in ("waiting", "running"):
        pass
    data = attacker.send("GET", f"/snoska/batch/{number}/xlsx").body
    cells = [cell for page in openpyxl.load_workbook(io.BytesIO(data)) for row in page.iter_rows(2) for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "n", "d"}
    questions = [cell.value for cell in cells if cell.column_letter == "B" and STARTS.match(str(cell.value))]
    assert len(questions) > 10
