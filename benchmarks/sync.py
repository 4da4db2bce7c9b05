"""What does one changed document among 500 cost?

    python benchmarks/sync.py --help-pages FOLDER
    python benchmarks/sync.py --data ../shared/eval/xquad

The documents are 500 of LibreOffice's help pages (Debian's ``libreoffice-help-ru``, unpacked), or, of XQuAD's
paragraphs, three to a text. They are indexed with the real model; then a sentence is added to one of them, one is
renamed, nothing is done, and each time the index is built again. At last all is built anew, and both indexes are asked
the same questions. The model is loaded beforehand, and timed by itself.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import rag
from rag.encoders import SentenceEncoder
from rag.index import Index
from rag.settings import Settings

PARAGRAPHS = 3  # of XQuAD in one text
SMALLEST = 5000  # bytes; a help page below it is a menu and a line
QUESTIONS = 25
TARGET = 5.0  # seconds for one changed document
ADDED = "Водохранилище у села Тестовое вмещает двести сорок кубических километров воды."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="XQuAD's folder, with ru/ and en/")
    parser.add_argument("--help-pages", type=Path, help="a folder of LibreOffice's help pages")
    parser.add_argument("--documents", type=int, default=500)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder, index, anew = (Path(work) / name for name in ("documents", "index", "anew"))
        folder.mkdir()
        if options.help_pages and options.help_pages.is_dir():
            _pages(options.help_pages, folder, options.documents)
        elif options.data and options.data.is_dir():
            _texts(options.data, folder, options.documents)
        else:
            sys.exit("absent: name a folder of documents with --help-pages or --data")
        started = time.perf_counter()
        encoder = SentenceEncoder.load(Settings.from_environment())
        encoder.encode_documents(["The first text takes longer."])
        print(f"documents: {len(list(folder.iterdir()))}; the model is loaded in {time.perf_counter() - started:.1f} s")
        print("| build | seconds | of them embedding | texts embedded | passages | added, changed, removed, renamed |")
        print("| --- " * 6 + "|")

        def build(name: str, place: Path) -> Index:
            built = rag.build(folder, place, encoder=encoder)
            _tell(name, built)
            return built

        build("the first", index)
        build("nothing changed", index)
        changed = sorted(folder.iterdir())[options.documents // 2]
        text = changed.read_text("utf-8")
        before, heading, after = text.partition("</h1>")  # a text has none, and is added to at its end
        added = f"<p>{ADDED}</p>" if heading else f"\n\n{ADDED}\n"
        changed.write_text(before + heading + added + after, "utf-8")
        one = build("one document changed", index)
        changed.rename(changed.with_stem("renamed"))
        updated = build("one document renamed", index)
        whole = build("all anew, to compare", anew)
        found = updated.search(ADDED, k=1)[0]
        print(f"the added sentence is found: {ADDED in found.quote}")
        print(f"same hits as all anew, of {QUESTIONS} questions: {_same(updated, whole)}")
        seconds = one.report.seconds if one.report else 0.0
        print(
            f"one changed document: {seconds:.1f} s, {'under' if seconds < TARGET else 'MISSED, not under'} {TARGET} s"
        )


def _pages(source: Path, folder: Path, count: int) -> None:
    """The smallest help pages that say something, each under a name of its own."""
    pages = sorted((path for path in source.rglob("*.html") if path.stat().st_size >= SMALLEST), key=_size)
    for path in pages[:count]:
        shutil.copy(path, folder / "-".join(path.relative_to(source).parts))


def _size(path: Path) -> tuple[int, str]:
    return path.stat().st_size, str(path)


def _texts(source: Path, folder: Path, count: int) -> None:
    """Texts of paragraphs drawn by chance, the same ones every time; most paragraphs stand in several."""
    paragraphs = [
        line for path in sorted(source.glob("*/*.txt")) for line in path.read_text("utf-8").split("\n") if line
    ]
    chance = random.Random(0)
    for number in range(count):
        drawn = chance.sample(paragraphs, PARAGRAPHS)
        sentences = [f"{piece} № {number}." for each in drawn for piece in each.split(". ")[:2]]
        (folder / f"{number:03}.txt").write_text("\n\n".join(sentences), "utf-8")


def _tell(name: str, built: Index) -> None:
    report = built.report
    if report is None:
        sys.exit("the build gave no report")
    print(
        f"| {name} | {report.seconds:.1f} | {report.embed_seconds:.1f} | {report.embedded_texts} | {report.passages} "
        f"| {report.added}, {report.changed}, {report.removed}, {report.renamed} |",
        flush=True,
    )


def _same(one: Index, other: Index) -> int:
    """Of some passages' first words as questions, how many give the same ten hits in their order in both indexes."""
    hits = one.search("документ", k=QUESTIONS)
    questions = [" ".join(hit.quote.split()[:8]) for hit in hits]
    return sum(_hits(one, question) == _hits(other, question) for question in questions)


def _hits(index: Index, question: str) -> list[tuple[str, int]]:
    return [(hit.document, hit.start) for hit in index.search(question, k=10)]


if __name__ == "__main__":
    main()
