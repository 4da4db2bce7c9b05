"""A list of questions that is made to fill the server: read in a process of its own, within limits, one at a time."""

from __future__ import annotations

import base64
import errno
import io
import os
import subprocess
import sys
import zipfile
from typing import Any
from unittest.mock import Mock

import anyio
import openpyxl
import pytest

from rag.batch import MAX_PASSED, read
from rag.errors import DocumentError, EvaluationError
from rag.web import lists
from rag.web.lists import Lists
from rag.web.texts import EN, texts
from tests.attacks.attack import Attacker

MAIN = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
PARTS = {  # of a workbook: what is repeated in it, and what stands around that
    "xl/sharedStrings.xml": (b"<si/>", b"<sst %s>" % MAIN, b"</sst>"),
    "xl/styles.xml": (b"<xf/>", b"<styleSheet %s><cellXfs>" % MAIN, b"</cellXfs></styleSheet>"),
    "xl/worksheets/sheet1.xml": (b"<c/>", b"<worksheet %s><sheetData><row>" % MAIN, b"</row></sheetData></worksheet>"),
}
STRINGS = (
    b'<Override PartName="/xl/sharedStrings.xml" ContentType='
    b'"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/></Types>'
)


def swollen(name: str, size: int) -> bytes:
    """A workbook with one question, of which a part takes ``size`` bytes unpacked."""
    book, plain, packed = openpyxl.Workbook(), io.BytesIO(), io.BytesIO()
    book.active["A1"] = "Who?"
    book.save(plain)
    again, before, after = PARTS[name]
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in dict.fromkeys([*old.namelist(), name]):
            data = b"" if entry == name else old.read(entry)
            if entry == "[Content_Types].xml" and b"sharedStrings" not in data:
                data = data.replace(b"</Types>", STRINGS)
            new.writestr(entry, before + again * (size // len(again)) + after if entry == name else data)
    return packed.getvalue()


def sent(data: bytes, name: str = "a.xlsx") -> dict[str, Any]:
    return {"name": name, "content": base64.b64encode(data).decode(), "language": "en"}


@pytest.mark.parametrize("name", PARTS)
def test_a_workbook_that_swells_is_refused_before_it_is_parsed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openpyxl, "load_workbook", lambda *_, **__: pytest.fail("it was parsed"))
    data = swollen(name, 24 << 20)
    assert len(data) < 2**17
    with pytest.raises(EvaluationError, match=f"{name} inflates to more than 400 times its size"):
        read(data, "a.xlsx")


def test_a_workbook_is_never_parsed_where_the_page_is_served(
    attacker: Attacker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openpyxl, "load_workbook", lambda *_, **__: pytest.fail("it was parsed here"))
    told = attacker.send("POST", "/snoska/batch/start", sent(swollen("xl/sharedStrings.xml", 2**16))).json()
    assert list(told) == ["id"]


@pytest.mark.skipif(sys.platform == "win32", reason="memory is not limited there")
def test_a_list_that_takes_too_much_memory_costs_itself_only() -> None:
    few = Lists(megabytes=180)  # of which the process that reads takes 135 by itself
    with pytest.raises(DocumentError, match="takes more than 180 MB of memory"):
        anyio.run(few.read, {"text": "?\n" * 2_000_000}, 1)
    listed = anyio.run(few.read, {"text": "Кто?\nWho?"}, 1)
    assert (listed.count, [each.question for each in listed.asked]) == (2, ["Кто?"])


def test_lists_wait_for_each_other_and_no_more_than_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "WAITING", 2)
    one, running = Lists(1024), []
    told: list[object] = []

    def listed(request: Any) -> lists.Listed:
        running.append(request)
        assert len(running) == 1
        running.clear()
        return lists.Listed(0, (), ())

    monkeypatch.setattr(one, "_listed", listed)

    async def bring() -> None:
        try:
            told.append(await one.read({"text": "Who?"}, 1))
        except lists.Busy:
            told.append("busy")

    async def scene() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(bring)

    anyio.run(scene)
    assert told == ["busy", "busy", lists.Listed(0, (), ()), lists.Listed(0, (), ())]


def test_one_list_too_many_is_told_so_on_the_page(attacker: Attacker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "WAITING", 0)
    assert attacker.send("POST", "/snoska/batch/start", sent(b"Who?", "a.txt")).json() == {"error": EN["batch.busy"]}


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("failure", ["ends at once", "does not start"])
def test_a_process_that_cannot_read_is_told_on_the_page_and_in_the_log(
    attacker: Attacker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, failure: str, language: str
) -> None:
    monkeypatch.setattr(lists, "WORKER", "rag.no_such_worker")  # so that none that runs already is taken
    if failure == "does not start":
        full = OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        monkeypatch.setattr(subprocess, "Popen", Mock(side_effect=full))
    body = {**sent(b"Who?", "a.txt"), "language": language}
    assert attacker.send("POST", "/snoska/batch/start", body).json() == {"error": texts(language)["batch.unread"]}
    assert [record.getMessage() for record in caplog.records if record.exc_info] == ["a list of questions is not read"]


@pytest.mark.parametrize(
    ("name", "data"), [("a.csv", b"question\n" + b",x\n" * (MAX_PASSED + 2)), ("a.jsonl", b"{}\n" * (MAX_PASSED + 2))]
)
def test_a_file_of_lines_without_questions_is_no_list(name: str, data: bytes) -> None:
    with pytest.raises(EvaluationError, match="more than 10,000 lines without a question"):
        read(data, name)
