"""Small PDFs written by hand: Latin text in Helvetica at given places, and what else a test asks for."""

from __future__ import annotations

from collections.abc import Sequence

LINE = 14.0  # points from one line to the next
LEFT, TOP = 72.0, 72.0


def lines(texts: Sequence[str], left: float = LEFT, top: float = TOP, size: float = 12, font: str = "F1") -> str:
    """Content that shows the texts one below the other, ``top`` points below the page's upper edge (of 842)."""
    return "".join(
        f"BT /{font} {size} Tf 1 0 0 1 {left} {842 - top - LINE * number - size} Tm ({_escaped(text)}) Tj ET\n"
        for number, text in enumerate(texts)
        if text
    )


def pdf(contents: Sequence[str], page: str = "", info: str = "", catalog: str = "") -> bytes:
    """A PDF with a page for each content; ``page``, ``info`` and ``catalog`` are put into their dictionaries."""
    kids = " ".join(f"{6 + 2 * number} 0 R" for number in range(len(contents)))
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R {catalog} >>",
        f"<< /Type /Pages /Count {len(contents)} /Kids [{kids}] >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>",
        f"<< {info} >>",
    ]
    for number, content in enumerate(contents):
        fonts = "/Resources << /Font << /F1 3 0 R /F2 4 0 R >> >>"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] {fonts} {page} /Contents {7 + 2 * number} 0 R >>"
        )
        objects.append(f"<< /Length {len(content.encode('cp1252'))} >>\nstream\n{content}\nendstream")
    data = b"%PDF-1.7\n"
    places = []
    for number, text in enumerate(objects, start=1):
        places.append(len(data))
        data += f"{number} 0 obj\n{text}\nendobj\n".encode("cp1252")
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n"
    return data + f"{end}<< /Size {len(objects) + 1} /Root 1 0 R /Info 5 0 R >>\nstartxref\n{len(data)}\n%%EOF".encode()


def wrapped(text: str, width: float = 300, size: float = 12) -> list[str]:
    """The text in lines of Helvetica, each as full as ``width`` points let it be."""
    found = [""]
    for word in text.split():
        longer = f"{found[-1]} {word}".strip()
        if _width(longer) * size <= width:
            found[-1] = longer
        else:
            found.append(word)
    return found


def _width(text: str) -> float:
    """In parts of the font's size, as Helvetica's metrics have it for small letters."""
    narrow = sum(map(text.count, "fijlt.,;:-() ")) * 0.27
    wide = sum(map(text.count, "mw")) * 0.77
    return narrow + wide + (len(text) - sum(map(text.count, "fijlt.,;:-() mw"))) * 0.54


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
