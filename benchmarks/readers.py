"""How exactly is each format read, and how fast is a folder of 2,500 pages?

    python benchmarks/readers.py --data ../shared/eval/xquad [--made FOLDER] [--help-pages FOLDER] [--real FILE …]

Makes files of every format from articles whose text is known (``made.py`` says how, and what that needs), or takes
those that ``--made`` holds already, reads them as ``snoska build`` does, and counts:

- *error rate*: Levenshtein distance of what was read to the article's text, over its length, white space folded and
  marks of list items and footnotes aside; the target is under 0.5 %, under 2 % for scans.
- *whole*: the share of the article's paragraphs, headings, items and rows that came out as one block, letter by letter.
- *offsets*: passages whose text is the document's slice; *at page*: sentences found on the page that their passage
  names, nine letters in ten, in that page's own text as PDFium gives it (a slide's as it was written).
- *unwanted*: running heads, menus and the like that stand in the file and came out as text.

``--help-pages`` names the HTML pages of Debian's ``libreoffice-help-ru`` (``dpkg -x`` unpacks it; no installation
needed): they are read, and compared with what stands in each page's own article and in its navigation.
``--real`` names files whose text is not known: they are read, and their sentences looked for at their pages.
What is absent is named; the exit status is 0 all the same.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import shutil
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lxml import html
from made import letters, make, pages_of, source_of
from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from rag import folder as folders
from rag.passages import passages
from rag.reading import read_all
from rag.settings import Settings
from rag.types import Document, Passage, Skipped

TARGETS = {False: 0.5, True: 2.0}  # percent of characters read wrong, by whether the file is a scan
LIKENESS = 90  # of 100: a sentence is found on its page in spite of letters that OCR, or PDFium's order, got wrong
MAX_TOKENS = 200  # words a passage: about what the bundled model reads
MARKS = re.compile(r"(?:^|(?<=\s))[•●▪◦]\s*|[⁰¹²³⁴-⁹]")  # of list items, and of footnotes
ARTICLE, NAVIGATION = "//*[@id='DisplayArea']", "//header | //aside | //footer | //nav"


@dataclass
class Count:
    """What was counted over some files."""

    files: int = 0
    characters: int = 0
    errors: int = 0
    worst: float = 0.0
    parts: int = 0
    whole: int = 0
    passages: int = 0
    exact: int = 0
    sentences: int = 0
    at_page: int = 0
    unwanted: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        return 100 * self.errors / max(self.characters, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="XQuAD's folder, with ru/ and en/")
    parser.add_argument("--made", type=Path, help="a folder of made files, to make none")
    parser.add_argument("--help-pages", type=Path, help="a folder of LibreOffice's help pages")
    parser.add_argument("--real", type=Path, nargs="*", default=[], help="files whose text is not known")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        made = options.made or Path(work)
        for reason in [] if options.made else make(made, options.data):
            print(f"absent: {reason}")
        made_files(made)
    if shutil.which("tesseract") is None:
        print("absent: scans were not read, Tesseract is not installed")
    if options.help_pages is None:
        print("absent: help pages, --help-pages names no folder")
    else:
        help_pages(options.help_pages)
    real_files(options.real)


def made_files(folder: Path) -> None:
    """Prints the table of the made files, a line for each kind."""
    groups: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for path in sorted(folder.glob("*.source.json")):
        file = path.with_name(path.name.removesuffix(".source.json"))
        groups[file.suffix[1:], file.name.partition("-")[0]].append(file)
    print("\n| made | files | characters | errors, % | worst | target | whole, % | offsets | at page | unwanted | s |")
    print("| --- " * 11 + "|")
    skipped: list[Skipped] = []
    for (kind, layout), files in sorted(groups.items()):
        count, failed, is_scan = measured(files)
        skipped += failed
        if not count.files:
            continue
        target = TARGETS[is_scan]
        verdict = "" if count.worst < target else ", MISSED"
        print(
            f"| {kind} {layout} | {count.files} | {count.characters} | {count.rate:.3f} | {count.worst:.3f} "
            f"| < {target}{verdict} | {100 * count.whole / count.parts:.1f} | {count.exact}/{count.passages} "
            f"| {f'{count.at_page}/{count.sentences}' if count.sentences else '–'} "
            f"| {sum(count.unwanted.values()) or '–'} | {count.seconds:.1f} |"
        )
        for text, times in count.unwanted.most_common(3):
            print(f"  unwanted, {times} times: {text}")
    for reason, names in by_reason(skipped).items():
        print(f"not read, {len(names)} files, {names[0]} first: {reason}")


def by_reason(skipped: Iterable[Skipped]) -> dict[str, list[str]]:
    """The files that were skipped, by the reason."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for each in skipped:
        reasons[each.reason].append(each.file)
    return reasons


def measured(files: list[Path]) -> tuple[Count, list[Skipped], bool]:
    """The counts over some files of one kind, those not read, and whether they are scans."""
    count, is_scan = Count(), False
    documents, skipped, count.seconds = read(files)
    for path, document in documents:
        about = json.loads(source_of(path).read_text("utf-8"))
        is_scan = about["scan"]
        wanted = [folded(part["text"]) for part in about["parts"]]
        blocks = [folded(document.text[block.start : block.end]) for block in document.blocks]
        text, whole = " ".join(wanted), set(blocks)
        errors = Levenshtein.distance(text, " ".join(blocks))
        count.files += 1
        count.characters += len(text)
        count.errors += errors
        count.worst = max(count.worst, 100 * errors / len(text))
        count.parts += len(wanted)
        count.whole += sum(part in whole for part in wanted)
        count.unwanted.update(
            {each: more for each in about["unwanted"] if (more := document.text.count(each) - text.count(each)) > 0}
        )
        _count_passages(count, document, about["pages"])
    return count, skipped, is_scan


def _count_passages(count: Count, document: Document, pages: Sequence[str] | None) -> None:
    found = cut(document)
    count.passages += len(found)
    count.exact += sum(document.text[each.start : each.end] == each.text for each in found)
    if pages:
        checks = list(at_page(document, found, [letters(page) for page in pages]))
        count.sentences += len(checks)
        count.at_page += sum(checks)


def read(files: list[Path]) -> tuple[list[tuple[Path, Document]], list[Skipped], float]:
    """The files, all of one folder, as the product reads them; those not read; and the seconds it took."""
    folder = files[0].parent
    started = time.perf_counter()
    names = {path.name for path in files}
    found, _ = folders.scan(folder, Settings().max_file_bytes)
    read, skipped = read_all([file for file in found if file.path in names], {"": folder}, Settings.from_environment())
    seconds = time.perf_counter() - started
    return [(folder / file.path, reading.document) for file, reading in read], skipped, seconds


def cut(document: Document) -> tuple[Passage, ...]:
    """The document's passages, a word counted as a token."""
    return passages(document, lambda texts: [len(text.split()) for text in texts], MAX_TOKENS)


def at_page(document: Document, found: Iterable[Passage], pages: Sequence[str]) -> Iterator[bool]:
    """For each sentence of each passage: whether each page holds what the document says stands on it."""
    starts = [*document.pages, len(document.text)]
    for passage in found:
        for start, end in passage.sentences:
            on_pages = [
                (number, letters(document.text[max(start, a) : min(end, b)]))
                for number, (a, b) in enumerate(itertools.pairwise(starts))
                if max(start, a) < min(end, b)
            ]
            yield bool(on_pages) and all(
                number < len(pages) and holds(pages[number], text) for number, text in on_pages
            )


def holds(page: str, text: str) -> bool:
    return text in page or fuzz.partial_ratio(text, page) >= LIKENESS


def folded(text: str) -> str:
    return " ".join(MARKS.sub("", text).split())


def help_pages(folder: Path) -> None:
    """Prints what became of a folder of help pages."""
    if not folder.is_dir():
        print(f"absent: help pages, there is no folder {folder}")
        return
    started = time.perf_counter()
    found, skipped = folders.scan(folder, Settings().max_file_bytes)
    found = [file for file in found if file.path.endswith(".html")]
    read, failed = read_all(found, {"": folder}, Settings.from_environment())
    seconds = time.perf_counter() - started
    total, characters, errors, leaks = 0, 0, 0, Counter[str]()
    far: list[tuple[float, str]] = []
    for file, reading in read:
        article, navigation = _page(folder / file.path)
        document = reading.document
        total += len(cut(document))
        own, text = letters(article), letters(document.text)
        distance = Levenshtein.distance(own, text)
        characters += len(own)
        errors += distance
        far.append((100 * distance / max(len(own), 1), file.path))
        blocks = Counter(folded(document.text[block.start : block.end]) for block in document.blocks)
        leaks.update({line: blocks[line] for line in navigation if blocks[line] and line not in article})
    print("\n| help pages | read | not read | passages | letters differing, % | navigation lines | s | target |")
    print("| --- " * 8 + "|")
    print(
        f"| {len(found)} | {len(read)} | {len(failed)} | {total} | {100 * errors / max(characters, 1):.3f} "
        f"| {sum(leaks.values())} | {seconds:.1f} | < 60 s |"
    )
    print("farthest from their articles: " + ", ".join(f"{path} {rate:.1f} %" for rate, path in sorted(far)[:-4:-1]))
    for line, times in leaks.most_common(5):
        print(f"navigation among the text, {times} times: {line}")
    for reason, names in by_reason([*skipped, *failed]).items():
        print(f"not read, {len(names)} files, {names[0]} first: {reason}")


def _page(path: Path) -> tuple[str, set[str]]:
    """A help page's own article, and the lines of its navigation."""
    tree = html.fromstring(path.read_bytes(), parser=html.HTMLParser(encoding="utf-8"))
    article = " ".join(" ".join(each.itertext("*")) for each in tree.xpath(ARTICLE))
    navigation = {folded(line) for each in tree.xpath(NAVIGATION) for line in each.itertext("*")}
    return folded(article), navigation - {""}


def real_files(files: list[Path]) -> None:
    """Prints what became of files whose text is not known."""
    if not files:
        return
    print("\n| file | pages | passages | at page | words | s |\n" + "| --- " * 6 + "|")
    for path in files:
        if not path.is_file():
            print(f"absent: there is no file {path}")
            continue
        documents, skipped, seconds = read([path])
        for each in skipped:
            print(f"not read: {each.file}: {each.reason}")
        for _, document in documents:
            count = Count()
            _count_passages(count, document, pages_of(path) if path.suffix == ".pdf" else None)
            print(
                f"| {path.name} | {len(document.pages) or '–'} | {count.passages} "
                f"| {f'{count.at_page}/{count.sentences}' if count.sentences else '–'} "
                f"| {len(document.text.split())} | {seconds:.1f} |"
            )


if __name__ == "__main__":
    main()
