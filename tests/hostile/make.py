"""Makes some 300 damaged and hostile files, the same ones every time, and a few good ones beside them.

    PYTHONPATH=tests python -m hostile.make FOLDER

``good/`` holds whole files that must be indexed; ``refused/`` those that no reader may take; ``any/`` those that may be
read for what is legible in them, or refused, but cost nothing else.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

from hostile import documents, papers, texts
from hostile.containers import KINDS, PARTS, Entry, archive, whole

File = tuple[str, bytes]
CANARY = "http://127.0.0.1:9/canary"  # a page that nothing may ask for
SECRET = Path("/etc/passwd")  # a file that nothing may include
FLIPS = 4  # damaged copies of each file
FLIPPED = 12  # bits in each
TEXTS = {"pdf": "The reservoir of the pdf file holds 240 cubic kilometres of water. " * 8}
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + random.Random(0).randbytes(2000)
OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


def make(folder: Path, canary: str = CANARY, secret: Path = SECRET) -> None:
    """Writes the files below ``folder``; some of them try to fetch ``canary`` and to include ``secret``."""
    for path, data in files(canary, secret):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            raise FileExistsError(f"two files are named {path}")
        target.write_bytes(data)
    if os.name == "posix":
        _odd_files(folder / "refused")


def files(canary: str = CANARY, secret: Path = SECRET) -> Iterator[File]:
    """The path of each file below the folder, and what it holds."""
    for kind in KINDS:
        yield f"good/{kind}.{kind}", good(kind)
        yield f"refused/empty.{kind}", b""
        yield f"refused/nul.{kind}", bytes(5000)
        yield from _cut(kind)
        yield from _flipped(kind)
    yield from _misnamed()
    yield from (
        *documents.bombs(),
        *documents.entities(canary, secret),
        *documents.repeated(),
        *documents.locked(),
        *papers.papers(canary),
        *texts.texts(canary),
    )


def good(kind: str) -> bytes:
    """The good file of a kind; :func:`sentence` gives what it says."""
    return whole(kind, sentence(kind))


def sentence(kind: str) -> str:
    """What the good file of a kind says."""
    return f"The reservoir of the {kind} file holds 240 cubic kilometres of water."


def _cut(kind: str) -> Iterator[File]:
    """A file cut at every tenth of its length: an archive has lost its directory, other files may still be read."""
    data = whole(kind, TEXTS.get(kind, "Водохранилище вмещает 240 кубических километров воды. " * 8))
    place = "refused" if kind in PARTS else "any"
    for tenth in range(1, 10):
        yield f"{place}/cut-{tenth}.{kind}", data[: len(data) * tenth // 10]


def _flipped(kind: str) -> Iterator[File]:
    for seed in range(FLIPS):
        chance, data = random.Random(seed), bytearray(whole(kind, TEXTS.get(kind, "Водохранилище полно. " * 20)))
        for _ in range(FLIPPED):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        yield f"any/flipped-{seed}.{kind}", bytes(data)


def _misnamed() -> Iterator[File]:
    """Files that are not what their names say."""
    for kind in PARTS:
        for name in ("pdf", "txt", "md", "csv", "html", *(other for other in PARTS if other != kind)):
            yield f"refused/{kind}-named.{name}", good(kind)
    for name in (*PARTS, "pdf", "txt", "md", "csv", "html"):
        yield f"refused/picture-named.{name}", PNG
        yield f"refused/old-office-named.{name}", OLD_OFFICE
    for name in (*PARTS, "pdf"):
        yield f"refused/text-named.{name}", good("txt")
        yield f"refused/page-named.{name}", good("html")
        yield f"refused/plain-archive-named.{name}", archive([Entry.of("a.txt", b"text")])
    for name in PARTS:
        yield f"refused/paper-named.{name}", good("pdf")
    yield "refused/of-unknown.kind", good("txt")
    yield "refused/without-ending", good("txt")


def _odd_files(folder: Path) -> None:
    """What stands in a folder and is no regular file."""
    os.mkfifo(folder / "pipe.txt")  # reading it waits for ever
    (folder / "circle.txt").symlink_to("circle.txt")
    (folder / "endless.txt").symlink_to("/dev/zero")
    (folder / "nowhere.txt").symlink_to("nothing.txt")
    (folder / "outside.txt").symlink_to("/etc/passwd")
    (folder / "above").symlink_to("..")
    (folder / "folder.pdf").mkdir()


if __name__ == "__main__":
    make(Path(sys.argv[1]))
