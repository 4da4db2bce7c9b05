"""What the checks of a written answer let through, and what they strike wrongly: rag/generation/support.py on XQuAD.

    python benchmarks/support.py --data ../shared/eval/xquad

XQuAD has the same paragraphs in Russian and English, translated by people. A sentence is checked against the paragraph
in the other language that says the same (it should pass), against another paragraph of the same article and against
one of another article (it should be struck, unless they happen to say it too). Within a language, where a sentence
would find itself, a question with its answer stands for a sentence in other words. Each check is counted alone, then
all together.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from xquad import Remembering

from rag.encoders import BundledEncoder
from rag.generation import support
from rag.generation.facts import facts
from rag.generation.names import names
from rag.protocols import Encoder
from rag.sentences import sentences
from rag.settings import Settings

LANGUAGES = ("en", "ru")
KINDS = ("own", "article", "far")
SEED = 20_251_125
SHORT = 30  # characters; a shorter sentence is a heading or a fragment
THRESHOLDS = (0.30, 0.35, 0.40, 0.45, 0.50)
NAME_THRESHOLDS = (0.40, 0.44, 0.48)

Articles = list[list[str]]  # paragraphs of each


@dataclass(frozen=True)
class Claim:
    """A sentence, and the paragraphs that it is checked against, by kind."""

    text: str
    against: dict[str, tuple[str, int, int]]  # (language, article, paragraph)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--data", type=Path, default=Path("../shared/eval/xquad"))
    data: Path = options.parse_args().data
    articles = {language: read(data / language) for language in LANGUAGES}
    encoder = Remembering(BundledEncoder.load(Settings.from_environment()))
    passages = {
        (language, a, i): support._Passage(paragraph, encoder)
        for language in LANGUAGES
        for a, paragraphs in enumerate(articles[language])
        for i, paragraph in enumerate(paragraphs)
    }
    chance = random.Random(SEED)
    groups = {
        **{f"sentence {a}->{b}": list(translated(articles, a, b, chance)) for a, b in (("en", "ru"), ("ru", "en"))},
        **{
            f"question and answer {a}->{b}": list(asked(data, articles, a, b, chance))
            for a in LANGUAGES
            for b in LANGUAGES
        },
    }
    print("The meaning: share of claims at or above each cosine\n")
    print(f"{'':28} {'':8} {'count':>5} " + " ".join(f"{each:>6}" for each in THRESHOLDS))
    for group, claims in groups.items():
        for kind in KINDS:
            cosines = [cosine(encoder, passages[claim.against[kind]], claim.text) for claim in claims]
            row = " ".join(f"{np.mean(np.array(cosines) >= each):6.3f}" for each in THRESHOLDS)
            print(f"{group if kind == KINDS[0] else '':28} {kind:8} {len(claims):5} {row}")
    print("\nNumbers, names and all checks: share of sentences that pass (numbers, names: of those that have some)\n")
    print(f"{'':28} {'':8} {'numbers':>8} " + " ".join(f"names {each:.2f}" for each in NAME_THRESHOLDS) + "    all")
    for group, claims in list(groups.items())[:2]:
        for kind in KINDS:
            row = [f"{share(numbers(passages, claims, kind)):8.3f}"]
            for support.NAME in NAME_THRESHOLDS:
                row.append(f"{share(named(passages, claims, kind)):10.3f}")
            support.NAME = NAME
            row.append(f"{share(checked(passages, claims, kind)):6.3f}")
            print(f"{group if kind == KINDS[0] else '':28} {kind:8} " + " ".join(row))


NAME = support.NAME


def read(folder: Path) -> Articles:
    """The paragraphs of each article."""
    texts = [path.read_text("utf-8") for path in sorted(folder.glob("*.txt"))]
    return [[paragraph for paragraph in text.split("\n\n") if paragraph.strip()] for text in texts]


def translated(articles: dict[str, Articles], source: str, target: str, chance: random.Random) -> Iterator[Claim]:
    for a, paragraphs in enumerate(articles[source]):
        for i, paragraph in enumerate(paragraphs):
            for start, end in sentences(paragraph):
                if end - start > SHORT:
                    yield Claim(paragraph[start:end], places(articles, target, a, i, chance))


def asked(
    data: Path, articles: dict[str, Articles], source: str, target: str, chance: random.Random
) -> Iterator[Claim]:
    names_of = [path.name for path in sorted((data / target).glob("*.txt"))]
    for line in (data / f"{source}-questions.{target}-documents.jsonl").read_text("utf-8").splitlines()[::2]:
        row = json.loads(line)
        [relevant] = row["relevant"]
        a = names_of.index(relevant["document"])
        found = [i for i, paragraph in enumerate(articles[target][a]) if relevant["quote"] in paragraph]
        if found:
            yield Claim(f"{row['question'].rstrip('?')} {row['answer']}", places(articles, target, a, found[0], chance))


def places(
    articles: dict[str, Articles], language: str, a: int, i: int, chance: random.Random
) -> dict[str, tuple[str, int, int]]:
    all_of = articles[language]
    other = chance.choice([j for j in range(len(all_of[a])) if j != i])
    b = chance.choice([b for b in range(len(all_of)) if b != a])
    return {
        "own": (language, a, i),
        "article": (language, a, other),
        "far": (language, b, chance.randrange(len(all_of[b]))),
    }


def cosine(encoder: Encoder, passage: support._Passage, text: str) -> float:
    rows, [claim] = passage._meanings, support.centred(encoder, [text])
    return float((rows @ claim).max())


Passages = dict[tuple[str, int, int], support._Passage]


def numbers(passages: Passages, claims: Sequence[Claim], kind: str) -> list[bool]:
    found = [(facts(claim.text), passages[claim.against[kind]].values) for claim in claims]
    return [all(fact.readings & stated for fact in stating) for stating, stated in found if stating]


def named(passages: Passages, claims: Sequence[Claim], kind: str) -> list[bool]:
    found = [(names(claim.text), passages[claim.against[kind]]) for claim in claims]
    return [all(passage.has(name) for name in naming) for naming, passage in found if naming]


def checked(passages: Passages, claims: Sequence[Claim], kind: str) -> list[bool]:
    checker = support.Support((), None)
    return [
        checker._trouble(support.Drafted(claim.text, (1,)), [passages[claim.against[kind]]])[0] is None
        for claim in claims
    ]


def share(passed: Sequence[bool]) -> float:
    return float(np.mean(passed))


if __name__ == "__main__":
    main()
