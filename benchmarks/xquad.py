"""XQuAD as the benchmarks use it: its questions, an index of each collection, and smaller collections cut from one."""

from __future__ import annotations

import functools
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import numpy as np

import rag
from rag.dense import DenseLeg, flat_index
from rag.lexical import LexicalLeg
from rag.protocols import Encoder, SecondEncoder
from rag.questions import Judged, load
from rag.stores.local import LocalStore
from rag.text import clean, stems
from rag.types import Matrix, Progress, Vector

LANGUAGES = ("ru", "en")
PAIRS = tuple((question, document) for question in LANGUAGES for document in LANGUAGES)


class Remembering:
    """An encoder that embeds each text once in a process; see :class:`rag.protocols.Encoder`."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.name, self.fingerprint, self.dimension = encoder.name, encoder.fingerprint, encoder.dimension
        self.max_tokens, self.count_tokens, self.warm_up = encoder.max_tokens, encoder.count_tokens, encoder.warm_up
        self.second = None if encoder.second is None else RememberingSecond(encoder.second)
        self._documents: dict[str, Vector] = {}
        self._queries: dict[str, Vector] = {}
        self.centre, self.encode_query = encoder.centre, functools.cache(encoder.encode_query)
        self.document_states = functools.cache(encoder.document_states)

    def encode_documents(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Matrix:
        return _remembered(self._documents, texts, lambda new: self._encoder.encode_documents(new, progress))

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        return _remembered(self._queries, texts, self._encoder.encode_queries)


class RememberingSecond:
    """A second encoder that embeds each text once in a process; see :class:`rag.protocols.SecondEncoder`."""

    def __init__(self, encoder: SecondEncoder) -> None:
        self._encoder, self.dimension = encoder, encoder.dimension
        self._sentences: dict[str, Vector] = {}
        self._questions: dict[str, Vector] = {}

    def encode_sentences(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Matrix:
        return _remembered(self._sentences, texts, lambda new: self._encoder.encode_sentences(new, progress))

    def encode_questions(self, texts: Sequence[str]) -> Matrix:
        return _remembered(self._questions, texts, self._encoder.encode_questions)


def _remembered(known: dict[str, Vector], texts: Sequence[str], encode: Callable[[list[str]], Matrix]) -> Matrix:
    new = [text for text in dict.fromkeys(texts) if text not in known]
    if new:
        known.update(zip(new, encode(new), strict=True))
    return np.stack([known[text] for text in texts])


@dataclass(frozen=True)
class Data:
    """The folder of judged questions and documents, read; ``questions`` go by (question, document) language."""

    folder: Path
    questions: dict[tuple[str, str], list[Judged]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Data:
        """Leaves with status 2 where the folder does not hold XQuAD as ../shared/eval/xquad does."""
        data = cls(folder)
        for question, document in PAIRS:
            path = folder / f"{question}-questions.{document}-documents.jsonl"
            if not path.is_file() or not (folder / document).is_dir():
                leave(f"{path} or {folder / document} is missing: name the folder with --data ../shared/eval/xquad")
            data.questions[question, document] = load(path)[0]
        return data

    def mixed(self, language: str) -> list[Judged]:
        """The language's questions with the passages of both languages as relevant."""
        others = {each.id: each for each in self.questions[language, LANGUAGES[language == LANGUAGES[0]]]}
        return [
            Judged(each.id, each.question, each.language, each.relevant + others[each.id].relevant, None, each.where)
            for each in self.questions[language, language]
        ]

    def index(self, languages: Iterable[str], cache: Path, encoder: Encoder) -> rag.Index:
        """The index of the documents of these languages; what the cache holds already is not embedded again."""
        wanted = sorted(languages)
        name = "-".join(wanted)
        documents = cache / name / "documents"
        documents.mkdir(parents=True, exist_ok=True)
        for language in wanted:
            for path in sorted((self.folder / language).glob("*.txt")):
                shutil.copyfile(path, documents / path.name)
        return rag.build(documents, cache / name / "index", encoder=encoder, progress=_tell(name))

    def ask_once(self, encoder: Encoder) -> None:
        """Asks the second encoder for every question, in batches."""
        texts = {clean(each.question) for questions in self.questions.values() for each in questions}
        if encoder.second is not None:
            encoder.second.encode_questions(sorted(texts))


def article(judged: Judged) -> str:
    """What the bootstrap draws: the article, whatever its language."""
    return judged.relevant[0].document.partition(".")[0]


def part(index: rag.Index, numbers: Sequence[int]) -> rag.Index:
    """A collection of these passages only, with statistics of its own; passage ``i`` is ``numbers[i]`` of the old."""
    store, dense = index.store, index.store.dense
    pieces = [dense.sentence_rows[dense.bounds[n] : dense.bounds[n + 1]] for n in numbers]
    sentences, paragraphs = np.concatenate(pieces), dense.paragraph_rows[list(numbers)]
    kept = np.array(list(dict.fromkeys([*sentences.tolist(), *paragraphs.tolist()])), dtype=np.int64)
    row_of = {int(row): new for new, row in enumerate(kept)}  # the rows of sentences still come first
    spoken = kept[: len(np.unique(sentences))]
    passages = [store.passages[number] for number in numbers]
    small = LocalStore(
        store.manifest,
        [store.documents[path] for path in dict.fromkeys(passage.document for passage in passages)],
        passages,
        DenseLeg(
            flat_index(dense.rows(kept)),
            np.array([row_of[int(row)] for row in paragraphs], dtype=np.int32),
            np.array([row_of[int(row)] for row in sentences], dtype=np.int32),
            np.cumsum([0, *(len(piece) for piece in pieces)]).astype(np.int32),
            None if dense.second is None else flat_index(dense.second.reconstruct_batch(spoken)),
        ),
        LexicalLeg.of([stems(passage.text) for passage in passages]),
        {},
    )
    return rag.Index(small, index._model, index._calibration)


def leave(message: str) -> NoReturn:
    """Ends a benchmark that was called wrongly."""
    print(f"{Path(sys.argv[0]).name}: {message}", file=sys.stderr)
    raise SystemExit(2)


def _tell(name: str) -> Callable[[Progress], None]:
    last = [-1]

    def tell(step: Progress) -> None:
        tenth = 10 * step.done // max(step.total, 1)
        if step.stage == "embedding" and tenth != last[0]:
            last[0] = tenth
            print(f"{name}: {step.done} of {step.total} texts embedded", file=sys.stderr)

    return tell
