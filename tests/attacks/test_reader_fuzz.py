"""Every reader on damaged files: a document whose parts fit together, or a reason in one line, and nothing else."""

from __future__ import annotations

import io
import json
import random
import re
import zipfile
from functools import cache
from pathlib import Path

import pytest
from hostile.containers import whole
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from rag import readers
from rag.errors import DocumentError
from rag.passages import passages
from rag.readers import metadata
from rag.reading.process import Process
from rag.records import document_from_json, document_json
from rag.types import Document
from tests.small_encoder import SmallEncoder

DATA = Path(__file__).resolve().parent.parent / "data"
SENTENCE = "Комиссия собралась 25 ноября 2025 года. Two people came: Анна and 1,700 others."
PAGE = (
    f'<!doctype html><html lang="ru"><head><meta charset="utf-8"><title>Отчёт | Сайт</title>'
    f'<meta property="article:published_time" content="2025-11-25"></head><body><nav>Меню</nav><article><h1>Отчёт</h1>'
    f"<p>{SENTENCE}</p><table><tr><th>a<td>b</table><ul><li>x</ul><pre>p</pre></article></body></html>"
)
SAMPLES = {
    "txt": SENTENCE.encode() + b"\n\n" + SENTENCE.encode("utf-8"),
    "md": f"---\ntitle: A\ndate: 2025-11-25\n---\n# A\n\n{SENTENCE}\n\n- a\n  - b\n\n> q\n\n|a|b|\n|-|-|\n|1|2|\n\n"
    "```\nx\n```\n[l]: http://x\n".encode(),
    "html": PAGE.encode(),
    "csv": f'name;date;sum\n"А";25.11.2025;1 700,5\n"{SENTENCE}";;\n'.encode(),
    "fb2": (
        '<?xml version="1.0"?><FictionBook><description><title-info><book-title>A</book-title><lang>ru</lang>'
        f"<date value='2025-11-25'/></title-info></description><body><section><title><p>T</p></title><p>{SENTENCE}</p>"
        "<poem><stanza><v>v</v></stanza></poem><table><tr><td>1</td></tr></table></section></body></FictionBook>"
    ).encode(),
    "rtf": rb"{\rtf1\ansi\ansicpg1251{\fonttbl{\f0 A;}}{\info{\title A}}{\stylesheet{\s1 heading 1;}}\pard\s1 "
    rb"A\par\pard \u1050?\'ea\bin3 abc{\field{\*\fldinst X}{\fldrslt y}}\trowd\cell a\cell\row\par}",
}
FILES = {
    "docx": "office/report.docx", "odt": "office/report.odt", "pptx": "office/deck.pptx", "odp": "office/deck.odp",
    "xlsx": "office/trade.xlsx", "ods": "office/trade.ods", "xls": "office/trade.xls", "doc": "office/old.doc",
    "pdf": "pdf/columns-ru.pdf", "png": "pdf/scan-ru.png",
}  # fmt: skip
KINDS = (*SAMPLES, *FILES, "epub")
# What a mutation puts in: what formats give a meaning to.
TOKENS = (
    b"\0", b"\xff\xff\xff\xff", b"\x80\0\0\0", b"-1", b"99999999999999999999", b"1e999", b"NaN", b"<", b"</p>", b"<p>",
    b"&#x10ffff;", b"&amp;", b"<![CDATA[", b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b'"', b"'", b"\n", b"\r", b"\\", b"{",
    b"}", b"%PDF-", b"endobj", b"stream", b"<<", b">>", b"/Length 0", b"\\bin99999999 ", b"\\u-70000 ", b"\\'zz",
    b"---\n", b"```", b"|", b"\t", b";", b"PK\3\4", b"../../etc/passwd", b"\xd8\0", b"\xed\xa0\x80", b"\xef\xbf\xbf",
    "ё".encode(), "\u202e".encode(), b"A" * 300, b" " * 300,
)  # fmt: skip
BUDGET = settings(
    max_examples=25, deadline=None, derandomize=True, database=None, phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
SOAK = 30  # times as many files in make soak


@cache
def sample(kind: str) -> bytes:
    if kind in SAMPLES:
        return SAMPLES[kind]
    return whole("epub", SENTENCE) if kind == "epub" else (DATA / FILES[kind]).read_bytes()


def mutated(data: bytes, chance: random.Random, other: bytes = b"") -> bytes:
    """The bytes with a few faults: bits flipped, pieces taken out, doubled, swapped or put in from elsewhere."""
    made = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        if not made:
            break
        at, length = chance.randrange(len(made)), chance.choice((1, 1, 2, 4, 16, 64, 512))
        kind = chance.randrange(8)
        if kind == 0:
            made[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            made[at] = chance.choice((0, 0x7F, 0x80, 0xFF, 0x20, 0x3C))
        elif kind == 2:
            del made[at : at + length]
        elif kind == 3:
            made[at:at] = made[at : at + length] * chance.choice((1, 2, 50))
        elif kind == 4:
            made[at:at] = chance.choice(TOKENS)
        elif kind == 5:
            made[at : at + length] = chance.choice(TOKENS)
        elif kind == 6:
            start = chance.randrange(len(other or data))
            made[at : at + length] = (other or data)[start : start + length]
        else:
            del made[at:]
    return bytes(made)


def tampered(data: bytes, chance: random.Random) -> bytes:
    """A zip with its entries changed behind right checksums: their content, their names, which there are."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        entries = {name: file.read(name) for name in file.namelist()}
    names = [name for name in entries if name.endswith((".xml", ".rels", ".opf", ".xhtml", "mimetype"))] or [*entries]
    for _ in range(chance.choice((1, 1, 2, 3))):
        name = chance.choice(names)
        if name not in entries:
            continue
        kind = chance.randrange(8)
        if kind == 0:
            del entries[name]
        elif kind == 1:
            entries[name] = entries.get(chance.choice(names), b"")
        elif kind == 2:
            entries[name] = mutated(entries[name], chance)
        elif kind == 3:
            entries[name + chance.choice(("", "/", "x", "\\..\\a"))] = entries.pop(name)
        else:
            entries[name] = _xml_tampered(entries[name], chance)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return buffer.getvalue()


def _xml_tampered(data: bytes, chance: random.Random) -> bytes:
    """XML that stays well-formed most often: attributes' values and texts replaced, elements taken out or doubled."""
    found = list(re.finditer(rb'="([^"]*)"|>([^<>]+)<|<([\w:]+)[^<>]*/>', data))
    if not found:
        return mutated(data, chance)
    for match in sorted(
        chance.sample(found, min(len(found), chance.choice((1, 1, 3)))), key=lambda each: -each.start()
    ):
        values = (
            b"",
            b"-1",
            b"0",
            b"99999999999",
            b"1e999",
            b"NaN",
            b"x",
            b"../x",
            b"true",
            b"A1048577:XFE9",
            b"\xd0\x96",
        )
        if match[3]:
            put = match[0] * chance.choice((0, 2, 100))
        elif match[1] is not None:
            put = b'="' + chance.choice(values) + b'"'
        else:
            put = b">" + chance.choice(values) + b"<"
        data = data[: match.start()] + put + data[match.end() :]
    return data


def faulty(kind: str, seed: int) -> bytes:
    chance = random.Random(seed)
    data = sample(kind)
    if data.startswith(b"PK") and chance.random() < 0.7:
        return tampered(data, chance)
    return mutated(data, chance, sample(chance.choice(KINDS)) if chance.random() < 0.2 else b"")


def check(document: Document) -> None:
    """What every document keeps, whatever it was read from."""
    at = 0
    for block in document.blocks:
        assert at <= block.start < block.end <= len(document.text)
        assert block.kind in ("paragraph", "heading", "row")
        at = block.end
    assert list(document.pages) == sorted(document.pages)
    assert all(0 <= page <= len(document.text) for page in document.pages)
    assert document.title
    assert len(document.title) <= metadata.TITLE_LENGTH
    assert "\n" not in document.title
    assert re.fullmatch(r"[a-z]{2,3}", document.language)
    assert document.date is None or re.fullmatch(r"\d{4}-\d\d-\d\d", document.date)
    assert document_from_json(document.path, json.loads(json.dumps(document_json(document)))) == document
    at = 0
    for passage in passages(document, SmallEncoder().count_tokens, 60):
        assert at <= passage.start < passage.end <= len(document.text)
        assert passage.text == document.text[passage.start : passage.end]
        for start, end in passage.sentences:
            assert passage.start <= start < end <= passage.end
        at = passage.end


def read(data: bytes, kind: str) -> None:
    try:
        document = readers.read(data, f"папка/a.{kind}").document
    except DocumentError as error:
        refused(str(error))
    else:
        check(document)


def refused(reason: str) -> None:
    assert reason
    assert "\n" not in reason
    assert "please report it" not in reason


@pytest.mark.parametrize("kind", KINDS)
def test_the_whole_file_is_read(kind: str) -> None:
    if kind == "doc":
        with pytest.raises(DocumentError):
            readers.read(sample(kind), "a.doc")
    elif kind == "png":
        assert readers.read(sample(kind), "a.png").scans
    else:
        check(readers.read(sample(kind), f"a.{kind}").document)


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_read_or_refused(kind: str) -> None:
    @BUDGET
    @given(st.integers(0, 2**32))
    def tried(seed: int) -> None:
        read(faulty(kind, seed), kind)

    tried()


def test_the_process_that_reads_for_the_builder_says_the_same(tmp_path: Path) -> None:
    file = tmp_path / "file"
    with Process(seconds=20, megabytes=512) as process:
        for kind in KINDS:
            for seed in range(3):
                file.write_bytes(faulty(kind, seed))
                path = f"a.{kind}"
                try:
                    answer = process.ask({"file": str(file), "path": path})
                except DocumentError as error:
                    refused(str(error))
                else:
                    check(document_from_json(path, answer["document"]))


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_many_damaged_files_are_read_or_refused(kind: str) -> None:
    files = SOAK * BUDGET.max_examples // (3 if kind == "pdf" else 1)  # a tenth of a second each
    for seed in range(10**6, 10**6 + files):
        try:
            read(faulty(kind, seed), kind)
        except Exception as error:
            raise AssertionError(f"seed {seed} of {kind}") from error
