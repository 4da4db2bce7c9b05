"""Hostile PDF: circles, lies, bombs, absurd sizes, a password."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from hostile.containers import pdf, pdf_of, stream

File = tuple[str, bytes]
SENTENCE = "The reservoir holds water."
PAGES = 10_000
DEPTH = 100_000
BOMB = 1 << 30  # bytes


def papers(canary: str) -> Iterator[File]:
    """PDF files that may be read for what is legible in them, and some that nobody can read."""
    root = b"<< /Type /Catalog /Pages 2 0 R >>"
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R >>"
    yield "any/pages.pdf", pdf([f"Page {number} of the reservoir." for number in range(PAGES)])
    yield "refused/header.pdf", b"%PDF-1.7\n"
    yield "refused/header-and-end.pdf", b"%PDF-1.7\n%%EOF\n"
    yield "refused/password.pdf", _locked("/Standard")
    yield "refused/rights.pdf", _locked("/Adobe.APS")
    yield "refused/no-pages.pdf", pdf_of([root, b"<< /Type /Pages /Count 0 /Kids [] >>"])
    yield "any/tree-circle.pdf", pdf_of([root, b"<< /Type /Pages /Count 9 /Kids [2 0 R 3 0 R] >>", page, stream(b"")])
    yield "any/tree-of-pages.pdf", pdf_of([root, b"<< /Type /Pages /Count 1000000 /Kids [3 0 R 3 0 R] >>", page])
    many = b"<< /Type /Pages /Count 2147483647 /Kids [3 0 R] >>"
    yield "any/count.pdf", pdf_of([root, many, page, stream(b"")])
    yield "any/count-negative.pdf", pdf_of([root, b"<< /Type /Pages /Count -5 /Kids [3 0 R] >>", page, stream(b"")])
    doubling = [b"<< /Type /Pages /Count 1073741824 /Kids [%d 0 R %d 0 R] >>" % (n + 1, n + 1) for n in range(2, 32)]
    yield "any/tree-doubling.pdf", pdf_of([root, *doubling, page])
    yield "any/root-circle.pdf", pdf_of([b"1 0 R", b"1 0 R"])
    yield "any/size.pdf", pdf([SENTENCE]).replace(b"/Size 6", b"/Size 2147483647")
    yield "any/previous-circle.pdf", _previous_circle()
    yield "any/start-at-end.pdf", pdf([SENTENCE]).replace(b"startxref\n", b"startxref\n9999999")
    yield "any/length.pdf", pdf([SENTENCE]).replace(b"/Length ", b"/Length 99999")
    yield "any/length-circle.pdf", pdf_of([root, many, page, b"<< /Length 4 0 R >>\nstream\nBT ET\nendstream"])
    yield "any/arrays.pdf", pdf([SENTENCE], page="/A " + "[" * DEPTH + "]" * DEPTH)
    yield "any/dictionaries.pdf", pdf([SENTENCE], page="/A " + "<</A " * DEPTH + ">>" * DEPTH)
    yield "any/marked-deep.pdf", pdf([f") Tj {'q ' * DEPTH} (x"])
    yield "any/text-arrays.pdf", pdf([f") Tj {'[' * DEPTH} (x"])
    yield "any/content-bomb.pdf", _content(zlib.compress(bytes(BOMB), 9), "/Filter /FlateDecode")
    text = zlib.compress(b"BT /F 12 Tf (water) Tj ET\n" * 5_000_000, 9)
    yield "any/text-bomb.pdf", _content(text, "/Filter /FlateDecode")
    yield "any/filters.pdf", _content(text, f"/Filter [{'/FlateDecode ' * 500}]")
    yield "any/filter-unknown.pdf", _content(b"text", "/Filter /Unknown")
    yield "any/forms-circle.pdf", pdf([") Tj ET /X Do BT (x"], [_form("/X Do", 6)])
    yield "any/forms-doubling.pdf", pdf([") Tj ET /X Do BT (x"], [_form("/X Do " * 10, 7 + n) for n in range(12)])
    for name, box in (
        ("huge", "0 0 14400 14400"),
        ("endless", "0 0 1e30 1e30"),
        ("empty", "0 0 0 0"),
        ("negative", "595 842 0 0"),
        ("not-numbers", "a b c d"),
        ("short", "0 0"),
    ):
        data = pdf([SENTENCE]).replace(b"0 0 595 842", box.encode())
        yield f"any/box-{name}.pdf", data
        yield f"any/picture-{name}.pdf", _picture(100, 100).replace(b"0 0 595 842", box.encode())
    for side in (20_000, 100_000, 2_000_000_000):
        yield f"any/picture-of-{side}.pdf", _picture(side, side)
    yield "any/picture-jbig2.pdf", _picture(60_000, 60_000, "/Filter /JBIG2Decode", bytes(100))
    yield "any/picture-jpx.pdf", _picture(60_000, 60_000, "/Filter /JPXDecode", b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(99))
    for name, operators in (
        ("far", "1 0 0 1 1e30 -1e30 cm"),
        ("flat", "0 0 0 0 0 0 cm"),
        ("small", "1e-30 0 0 1e-30 0 0 cm"),
        ("turned", "0 1 -1 0 300 300 cm"),
        ("unbalanced", "Q Q Q Q ET ET BT BT"),
    ):
        yield f"any/text-{name}.pdf", pdf([f") Tj ET {operators} BT /F 12 Tf (water"])
    yield "any/text-of-size-0.pdf", pdf([") Tj /F 0 Tf (water"])
    yield "any/text-on-one-place.pdf", pdf(["x) Tj (" + "x) Tj 0 0 Td (" * 100_000])
    action = f"/AA << /O << /S /URI /URI ({canary}) >> >> /Annots [<< /Type /Annot /Subtype /Link /A << /S /Launch /F "
    yield "any/actions.pdf", pdf([SENTENCE], page=action + f"({canary}) >> /Rect [0 0 9 9] >>]")
    yield "any/outside-stream.pdf", _content(b"", f"/F << /FS /URL /F ({canary}) >>")
    yield "any/garbage-before.pdf", b"\0garbage\n" * 50 + pdf([SENTENCE])
    yield "any/garbage-between.pdf", pdf([SENTENCE]).replace(b"endobj", b"\xff\xfe garbage")
    yield "any/object-stream.pdf", _object_stream()


def _content(data: bytes, entries: str) -> bytes:
    return pdf_of(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources 6 0 R >>",
            stream(data, entries),
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            b"<< /Font << /F 5 0 R >> >>",
        ]
    )


def _picture(width: int, height: int, entries: str = "/Filter /FlateDecode", data: bytes = b"") -> bytes:
    """A page that is a picture, as scans are."""
    body = stream(
        data or zlib.compress(bytes(50_000), 9),
        f"/Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceGray /BitsPerComponent 1 "
        + entries,
    )
    return pdf([") Tj ET q 595 0 0 842 0 0 cm /X Do Q BT ("], [body])


def _form(operators: str, inner: int) -> bytes:
    """A figure that draws another one."""
    resources = f"/Resources << /XObject << /X {inner} 0 R >> >>"
    return stream(operators.encode(), f"/Type /XObject /Subtype /Form /BBox [0 0 595 842] {resources}")


def _previous_circle() -> bytes:
    """A cross-reference table whose predecessor is itself."""
    data = pdf([SENTENCE])
    place = data.rindex(b"startxref\n") + len(b"startxref\n")
    start = data[place : data.index(b"\n", place)]
    return data.replace(b"/Root 1 0 R", b"/Root 1 0 R /Prev " + start)


def _object_stream() -> bytes:
    """An object stream that says that it holds itself."""
    inner = stream(b"4 0 4 0 << /Type /ObjStm >>", "/Type /ObjStm /N 2 /First 8 /Extends 4 0 R")
    pages = b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>"
    return pdf_of([b"<< /Type /Catalog /Pages 2 0 R >>", pages, b"4 0 R", inner])


def _locked(handler: str) -> bytes:
    """A PDF whose password nobody knows: the hashes in it are made up."""
    made_up = "<" + "5a" * 32 + ">"
    locks = f"/Filter {handler} /V 2 /R 3 /Length 128 /P -44 /O {made_up} /U {made_up}"
    return pdf([SENTENCE], trailer=f"/Encrypt << {locks} >> /ID [<aa> <aa>]")
