"""How often each detector reads a text of some letters in the encoding that it was written in.

    python benchmarks/charsets.py PARAGRAPHS.txt...         Russian paragraphs, one a line, in UTF-8
    python benchmarks/charsets.py --fit TEXT.txt... > rag/readers/letters.json

The table was fitted on Debian's manpages-ru, 600 pages of libreoffice-help-ru, and the messages of GTK, GLib, Nautilus,
Evolution, Epiphany, Thunar, gedit and GNOME's settings in ru, kk, uk, be, de, fr, es, pl, pt_BR, it, tr and en_GB.

A reading counts as right where it gives the text itself: an encoding that spells the same bytes the same is as good.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from rag.errors import DocumentError
from rag.readers.encodings import CLASSES, DIGITS62, STEP, class_of, decode

ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "windows-1251", "koi8-r", "cp866", "mac-cyrillic", "iso8859-5")
LENGTHS = (15, 30, 60, 120, 300, None)
SMOOTHING = 0.5
SIGNS_OF = {"a": 4.7, "à": 5.0, "0": 3.3, ".": 4.0, "#": 7.0}  # bits to tell a sign from the others of its class
UPWEIGHT = {"kk": 5}  # files named kk.txt: there is less Kazakh text than Russian

Detector = Callable[[bytes], str]


def ours(data: bytes) -> str:
    try:
        return decode(data).text
    except DocumentError:
        return ""


def detectors() -> dict[str, Detector]:
    found: dict[str, Detector] = {"snoska": ours}
    try:
        import chardet

        def by_chardet(data: bytes) -> str:
            name = chardet.detect(data)["encoding"]
            return data.decode(name or "utf-8", errors="replace").removeprefix("\ufeff")

        found[f"chardet {chardet.__version__}"] = by_chardet
    except ImportError:
        pass
    try:
        import charset_normalizer

        def by_normalizer(data: bytes) -> str:
            best = charset_normalizer.from_bytes(data).best()
            return str(best) if best else ""

        found[f"charset-normalizer {charset_normalizer.__version__}"] = by_normalizer
    except ImportError:
        pass
    return found


def cut(text: str, length: int | None) -> str:
    if length is None or len(text) <= length:
        return text
    return text[: text.rfind(" ", 0, length + 1)] if " " in text[:length] else text[:length]


def encodable(text: str, encoding: str) -> str:
    """The text without the signs that the encoding does not have."""
    plain = text.translate(str.maketrans("«»—–“”„’…", '""--""' + "\"'.")) if encoding in ("cp866", "koi8-r") else text
    return plain.encode(encoding, errors="ignore").decode(encoding)


def compare(texts: list[str], shape: Callable[[str], str]) -> None:
    table = detectors()
    print("| detector | encoding | " + " | ".join(str(length or "all") for length in LENGTHS) + " |")
    print("|---|---|" + "---:|" * len(LENGTHS))
    for name, detector in table.items():
        took, size = 0.0, 0
        for encoding in ENCODINGS:
            shares = []
            for length in LENGTHS:
                right = 0
                for text in texts:
                    written = encodable(shape(cut(text, length)), encoding)
                    data = written.encode(encoding)
                    started = time.perf_counter()
                    read = detector(data)
                    took, size = took + time.perf_counter() - started, size + 1
                    right += read == written
                shares.append(100 * right / len(texts))
            print(f"| {name} | {encoding} | " + " | ".join(f"{share:.1f}" for share in shares) + " |")
        print(f"| {name} | *ms a text* | {1000 * took / size:.2f} |")


def fit(files: list[Path]) -> list[str]:
    """For each class the costs of the classes after it, each as one of 62 steps."""
    counts = np.full((len(CLASSES), len(CLASSES)), SMOOTHING)
    for file in files:
        text = file.read_text("utf-8")
        for (first, second), count in Counter(itertools.pairwise(text)).items():
            counts[CLASSES.index(class_of(first)), CLASSES.index(class_of(second))] += count * UPWEIGHT.get(
                file.stem, 1
            )
    bits = -np.log2(counts / counts.sum(axis=1, keepdims=True)) + np.array([SIGNS_OF.get(sign, 0) for sign in CLASSES])
    steps = np.minimum(np.rint(bits / STEP), len(DIGITS62) - 1).astype(int)
    return ["".join(DIGITS62[step] for step in row) for row in steps]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--sample", type=int, default=240, help="so many paragraphs")
    given = parser.parse_args()
    if given.fit:
        print(json.dumps(fit(given.files), indent=0))
        return
    texts = [line for file in given.files for line in file.read_text("utf-8").splitlines() if len(line) > 100]
    random.Random(0).shuffle(texts)
    texts = texts[: given.sample]
    print(f"{len(texts)} paragraphs\n\nAs they are:\n")
    compare(texts, str)
    print("\nIn capitals:\n")
    compare(texts, str.upper)


if __name__ == "__main__":
    main()
