"""The zip container that the office formats and EPUB share, and its XML: what is read, what is refused and why."""

from __future__ import annotations

import io
import struct
import tracemalloc
import warnings
import zipfile

import pytest

from rag.errors import DocumentError
from rag.readers import archive
from tests.small_source import packed

LAUGHS = '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><l>&b;</l>'


def reason(data: bytes, name: str = "a.xml") -> str:
    with pytest.raises(DocumentError) as raised, archive.open(data) as entries:
        entries.read(name)
    return str(raised.value)


def test_entries_are_named_and_read() -> None:
    with archive.open(packed({"a.xml": b"<a/>", "папка/б.xml": "привет".encode()})) as entries:
        assert entries.names == ("a.xml", "папка/б.xml")
        assert entries.read("папка/б.xml").decode() == "привет"
        assert ("a.xml" in entries, "c.xml" in entries) == (True, False)


def test_a_missing_entry_is_named() -> None:
    assert reason(packed({"a.xml": b"<a/>"}), "word/document.xml") == (
        "the file is incomplete: it holds no word/document.xml"
    )


def test_an_archive_within_an_archive_stays_bytes() -> None:
    inner = packed({"b.xml": b"<b/>"})
    with archive.open(packed({"inner.zip": inner}, zipfile.ZIP_STORED)) as entries:
        assert entries.names == ("inner.zip",)
        assert entries.read("inner.zip") == inner


def test_an_entry_that_inflates_as_a_bomb_does_is_refused() -> None:
    bomb = packed({"a.xml": bytes(8 << 20)})
    assert len(bomb) < 20_000
    assert reason(bomb) == "a.xml inflates to more than 400 times its size, as a zip bomb does"


def test_a_small_entry_may_be_packed_as_tightly_as_it_likes() -> None:
    with archive.open(packed({"a.xml": bytes(1 << 20)})) as entries:
        assert len(entries.read("a.xml")) == 1 << 20


def test_an_entry_too_large_to_parse_is_refused() -> None:
    large = packed({"a.xml": bytes(range(256)) * (40 << 12) + b"more"})
    assert reason(large) == "a.xml inflates to more than 40 MB: split the document"


def test_the_sum_of_what_is_read_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_INFLATED", 10)
    with archive.open(packed({"a": b"123456", "b": b"123456", "film": bytes(100)})) as entries:
        assert entries.read("a") == b"123456"
        with pytest.raises(DocumentError, match="inflates to more than 0 MB: split the document"):
            entries.read("b")


def test_an_entry_gives_no_more_than_it_declares() -> None:
    data = packed({"a.xml": b"x" * 1000})
    lying = data.replace(struct.pack("<L", 1000), struct.pack("<L", 10))
    assert reason(lying) == "the file is damaged (a.xml cannot be unpacked): save it again"


def test_a_bomb_that_lies_about_its_size_takes_no_memory() -> None:
    inside = 64 << 20
    data = packed({"a.xml": bytes(inside)}).replace(struct.pack("<L", inside), struct.pack("<L", 10))
    tracemalloc.start()
    try:
        assert reason(data) == "the file is damaged (a.xml cannot be unpacked): save it again"
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=["bzip2", "lzma"])
def test_an_entry_packed_in_another_way_is_refused(compression: int) -> None:
    expected = "a.xml is packed in a way that such files are not: save it again"
    assert reason(packed({"a.xml": b"<a/>"}, compression)) == expected


def test_the_number_of_entries_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_ENTRIES", 3)
    assert reason(packed({str(number): b"" for number in range(4)})) == (
        "the file holds more than 3 entries: split the document"
    )


def test_two_entries_of_one_name_are_refused() -> None:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # zipfile warns of the very thing that is made here
        file.writestr("a.xml", "<a/>")
        file.writestr("a.xml", "<b/>")
    assert reason(memory.getvalue()) == "the file holds two entries of one name: save it again"


def test_entries_that_share_their_packed_data_are_refused() -> None:
    data = packed({"a.xml": b"<a/>", "b.xml": b"<b/>"})
    start = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1) + 42  # where the second entry says it begins
    assert reason(data[:start] + struct.pack("<L", 0) + data[start + 4 :]) == (
        "the file's entries lie over one another, as in a zip bomb: save it again"
    )


def test_an_encrypted_entry_is_told() -> None:
    data = bytearray(packed({"a.xml": b"<a/>"}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert reason(bytes(data)) == "the file is protected by a password: save it without one"


@pytest.mark.parametrize("tenth", range(1, 10))
def test_an_archive_cut_short_is_told(tenth: int) -> None:
    data = packed({"a.xml": b"<a/>" * 50, "b.xml": b"<b/>"})
    assert reason(data[: len(data) * tenth // 10]) == "the file is damaged or cut short: copy or save it again"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"%PDF-1.7 ...", "the file's name is wrong, it is a PDF file: name it .pdf"),
        (b"{\\rtf1\\ansi", "the file's name is wrong, it is an RTF file: name it .rtf"),
        (b"\xef\xbb\xbf\r\n<!DOCTYPE HTML>", "the file's name is wrong, it is an HTML page: name it .html"),
        (b"\x89PNG\r\n", "the file's name is wrong, it is a picture, no document"),
        (archive.OLE + "EncryptedPackage\0".encode("utf-16-le"), archive.PASSWORD),
        (archive.OLE + "WordDocument\0".encode("utf-16-le"), "an old binary Word file: save it as .docx"),
        (archive.OLE + "PowerPoint Document\0".encode("utf-16-le"), "an old binary PowerPoint file: save it as .pptx"),
        (archive.OLE + "Workbook\0".encode("utf-16-le"), "an old binary Excel file: save it as .xlsx"),
        (archive.OLE, "an old binary office file: save it in a newer format"),
        (b"nonsense", "the file is damaged or not what its name says"),
    ],
    ids=["pdf", "rtf", "html", "png", "password", "doc", "ppt", "xls", "ole", "nonsense"],
)
def test_another_kind_of_file_is_told(data: bytes, expected: str) -> None:
    assert reason(data) == expected


def test_xml_is_parsed_with_its_comments_left_out() -> None:
    root = archive.xml("<?xml version='1.0'?><a><!-- нет --><б>да</б></a>".encode(), "a.xml")
    assert [(each.tag, each.text) for each in root.iter()] == [("a", None), ("б", "да")]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (LAUGHS, "a.xml defines XML entities, which are never resolved: save the file again"),
        (
            '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
            "a.xml defines XML entities, which are never resolved: save the file again",
        ),
        ("<a>" * 300 + "</a>" * 300, "a.xml nests too deeply, holds too long a text or grows by entities"),
        ("<a>" + "x" * 10_000_001 + "</a>", "a.xml nests too deeply, holds too long a text or grows by entities"),
        ("<a><b></a>", "the file is damaged (a.xml is not well-formed XML): save it again"),
        ("", "the file is damaged (a.xml is not well-formed XML): save it again"),
        (
            "<?xml version='1.0' encoding='nonsense'?><a/>",
            "the file is damaged (a.xml is not well-formed XML): save it again",
        ),
    ],
    ids=["laughs", "external", "deep", "long", "unclosed", "empty", "encoding"],
)
def test_hostile_or_damaged_xml_is_refused(content: str, expected: str) -> None:
    with pytest.raises(DocumentError) as raised:
        archive.xml(content.encode(), "a.xml")
    assert str(raised.value) == expected


def test_xml_can_be_streamed_past_what_may_be_parsed_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_ENTRY", 10)
    with archive.open(packed({"a.xml": b"<a><b>1</b><c/><b>2</b></a>"})) as entries:
        assert [element.text for element in entries.stream("a.xml", "b")] == ["1", "2"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("<a><b/></c>", "the file is damaged (a.xml is not well-formed XML): save it again"),
        ("<b>" * 300, "a.xml nests too deeply, holds too long a text or grows by entities"),
    ],
    ids=["unclosed", "deep"],
)
def test_hostile_or_damaged_xml_is_refused_in_a_stream_too(content: str, expected: str) -> None:
    with archive.open(packed({"a.xml": content.encode()})) as entries, pytest.raises(DocumentError) as raised:
        list(entries.stream("a.xml", "b"))
    assert str(raised.value) == expected


def test_entities_in_a_stream_are_not_resolved() -> None:
    entity = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY y "ha">]><a><b>&x;&y;</b></a>'
    with archive.open(packed({"a.xml": entity})) as entries:
        assert [element.text for element in entries.stream("a.xml", "b")] == [None]


def test_a_declared_document_type_is_not_fetched() -> None:
    root = archive.xml(b'<!DOCTYPE html SYSTEM "file:///etc/passwd"><html>&passwd;</html>', "a.xml")
    assert root.text is None
