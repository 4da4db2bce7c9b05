"""Is the first hit the same on every run, and on other processors and precisions?

    python benchmarks/determinism.py --data ../shared/eval/xquad

Builds and asks the development questions in bfloat16 twice, in float32, with an index built in the one and asked in the
other, and with the light runtime's questions; prints the share of questions whose first passage, and whose ten passages
in order, are the same.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import tempfile
from pathlib import Path

import xquad

import rag
from rag.encoders import BundledEncoder, SentenceEncoder
from rag.protocols import Encoder

Hits = list[list[tuple[str, int]]]


class Crossed(xquad.Remembering):
    """Documents embedded by one encoder, questions by another, as on two machines."""

    def __init__(self, documents: Encoder, queries: Encoder) -> None:
        super().__init__(documents)
        self.encode_query = functools.cache(queries.encode_query)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    data = xquad.Data.read(parser.parse_args().data)
    settings = rag.Settings.from_environment()
    models = {
        precision: xquad.Remembering(SentenceEncoder.load(dataclasses.replace(settings, precision=precision)))
        for precision in ("bfloat16", "float32")
    }
    again = xquad.Remembering(SentenceEncoder.load(dataclasses.replace(settings, precision="bfloat16")))
    runs: dict[str, Encoder] = {
        "bfloat16": models["bfloat16"],
        "bfloat16 again": Crossed(models["bfloat16"], again),
        "float32": models["float32"],
        "index bfloat16, questions float32": Crossed(models["bfloat16"], models["float32"]),
        "index float32, questions bfloat16": Crossed(models["float32"], models["bfloat16"]),
        "index bfloat16, questions by the light runtime": Crossed(models["bfloat16"], BundledEncoder.load(settings)),
    }
    for encoder in models.values():
        data.ask_once(encoder)
    pairs = {name: {pair: hits(data, pair, encoder) for pair in xquad.PAIRS} for name, encoder in runs.items()}
    reference = pairs["bfloat16"]
    print("| against bfloat16 | pair | questions | same first passage | same ten in order |")
    print("| --- | --- | --- | --- | --- |")
    for name in list(pairs)[1:]:
        for pair, found in pairs[name].items():
            both = list(zip(reference[pair], found, strict=True))
            first = sum(a[0] == b[0] for a, b in both) / len(both)
            ten = sum(a == b for a, b in both) / len(both)
            print(f"| {name} | {pair[0]}->{pair[1]} | {len(both)} | {first:.4f} | {ten:.4f} |")


def hits(data: xquad.Data, pair: tuple[str, str], encoder: Encoder) -> Hits:
    """The first ten passages of every question, by document and offset."""
    with tempfile.TemporaryDirectory() as folder:
        index = data.index([pair[1]], Path(folder), encoder)
    return [[(hit.document, hit.start) for hit in index.search(judged.question, 10)] for judged in data.questions[pair]]


if __name__ == "__main__":
    main()
