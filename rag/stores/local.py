"""An index in a folder: FAISS and BM25 in memory, verified parts on disk.

A generation is a manifest, one part a document (its text and passages), and some for the whole collection: the vectors
(a serialised FAISS index, and another where there is a second encoder), the hashes of the texts behind them, the rows
that each passage uses, and the stems.
"""

from __future__ import annotations

import copy
import functools
import io
import itertools
import json
import math
import tokenize
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from rag import lexical, query
from rag.dense import DenseLeg, flat_index
from rag.errors import IndexDamaged
from rag.lexical import LexicalLeg
from rag.records import (
    document_from_json,
    document_json,
    passages_from_json,
    passages_json,
    words_from_bytes,
    words_to_bytes,
)
from rag.stores import files
from rag.stores.bounds import check_rising
from rag.stores.entry import Entry
from rag.stores.files import Part
from rag.stores.filtering import passes
from rag.stores.generations import publish
from rag.stores.keys import split_keys, text_key
from rag.types import (
    Centre,
    Document,
    Filters,
    Ids,
    Json,
    Listed,
    Matrix,
    Passage,
    Vector,
    VectorScores,
    Word,
)

ROLES = ("vectors", "texts", "rows", "bounds", "vocabulary", "stems")
SECOND = "second"  # the second encoder's vectors, where the model has one
SAMPLE = 512  # passages of a language; its mean is then known to a twentieth of a deviation


@dataclass(frozen=True, slots=True)
class Contents:
    """What goes into a generation, in the documents' order: ``passages`` and ``stems`` run in parallel."""

    entries: tuple[Entry, ...]
    passages: tuple[Passage, ...]
    stems: tuple[tuple[str, ...], ...]


class LocalStore:
    """A generation of an index in a folder, opened and verified; see :class:`rag.protocols.Store` for the methods."""

    def __init__(
        self,
        manifest: Json,
        documents: Sequence[Document],
        passages: Sequence[Passage],
        dense: DenseLeg,
        lexical_leg: LexicalLeg,
        texts: Mapping[bytes, int],
        folder: Path = Path(),
        part: Part | None = None,
        words: Mapping[str, bytes] = MappingProxyType({}),
    ) -> None:
        if not len(passages) == len(dense) == lexical_leg.size:
            raise ValueError(f"{len(passages)} passages, {len(dense)} in vectors, {lexical_leg.size} in stems")
        self.manifest = manifest
        self.documents: Mapping[str, Document] = {document.path: document for document in documents}
        self.passages = passages
        self.dense, self.lexical = dense, lexical_leg
        self.folder = folder
        self._part, self._texts, self._words = part, texts, words
        self._languages = np.array([passage.language for passage in passages], dtype=np.str_)
        self._by_language = _grouped(self._languages)

    # -- opening

    @classmethod
    def load(cls, folder: Path, part: Part, manifest: Json) -> LocalStore:
        """The generation that the manifest names, which is kept in ``part``, verified; raises IndexDamaged."""
        with files.understood("manifest"):
            roles = (*ROLES, SECOND) if SECOND in manifest["parts"] else ROLES
            parts = {role: Part.from_json(manifest["parts"][role]) for role in roles}
            entries = [Entry.from_json(value) for value in manifest["documents"]]
        data = {role: files.read_part(folder, part, role) for role, part in parts.items()}
        documents, passages = [], []
        words: dict[str, bytes] = {}
        for entry in entries:
            role = f"document {entry.path:.200}"
            if entry.part is None:
                raise IndexDamaged(f"{role}: it has no part: {files.REBUILD}")
            data_of = files.read_part(folder, entry.part, role)
            with files.understood(role):
                content = json.loads(data_of)
                documents.append(document_from_json(entry.path, content))
                passages += passages_from_json(documents[-1], content["passages"])
            if entry.words:
                words[entry.path] = files.read_part(folder, entry.words, f"words {entry.path}")
        with files.understood("rows and bounds"):
            dense = _dense(data, [len(passage.sentences) for passage in passages])
        with files.understood("vocabulary and stems"):
            leg = LexicalLeg.of(_stems(data))
        with files.understood("texts"):
            texts = {key: row for row, key in enumerate(split_keys(data["texts"]))}
        with files.understood("parts"):  # each sound by itself, and of one collection
            return cls(manifest, documents, passages, dense, leg, texts, folder, part, words)

    # -- writing

    @classmethod
    def write(
        cls,
        folder: Path,
        contents: Contents,
        vectors: Mapping[bytes, Vector],
        second: Mapping[bytes, Vector] | None,
        about: Json,
    ) -> None:
        """Writes a generation and makes it the current one.

        ``vectors`` maps :func:`text_key` of every passage's and sentence's text to its unit vector, ``second`` that
        of every sentence's text to the second encoder's; ``about`` holds what else the manifest says (the model, the
        analysis). The caller holds the builder's lock.
        """
        needed = [[text_key(text) for text in (passage.text, *passage.sentence_texts)] for passage in contents.passages]
        sentences = dict.fromkeys(key for keys in needed for key in keys[1:])  # their rows come first
        row_of = {key: row for row, key in enumerate({**sentences, **dict.fromkeys(keys[0] for keys in needed)})}
        word_of = {word: i for i, word in enumerate(dict.fromkeys(w for stems in contents.stems for w in stems))}
        sentence_bounds = np.cumsum([0, *(len(keys) - 1 for keys in needed)])
        stem_bounds = np.cumsum([0, *(len(stems) for stems in contents.stems)])
        rows = [row_of[keys[0]] for keys in needed] + [row_of[key] for keys in needed for key in keys[1:]]
        data = {
            "vectors": (_to_faiss(np.stack([vectors[key] for key in row_of])), "faiss"),
            "texts": (b"".join(row_of), "bin"),
            "rows": (_to_npy(np.array(rows, dtype=np.int32)), "npy"),
            "bounds": (_to_npy(np.stack([sentence_bounds, stem_bounds]).astype(np.int32)), "npy"),
            "vocabulary": (json.dumps(list(word_of), ensure_ascii=False).encode("utf-8"), "json"),
            "stems": (_to_npy(np.array([word_of[w] for s in contents.stems for w in s], dtype=np.int32)), "npy"),
        }
        if second is not None:
            data[SECOND] = (_to_faiss(np.stack([second[key] for key in sentences])), "faiss")
        parts = {role: files.write_part(folder, content, ending) for role, (content, ending) in data.items()}
        manifest = {
            **about,
            "format": files.FORMAT,
            "documents": [entry.to_json() for entry in contents.entries],
            "passages": len(contents.passages),
            "parts": {role: part.to_json() for role, part in parts.items()},
        }
        publish(folder, manifest)

    @staticmethod
    def write_document(
        folder: Path, document: Document, passages: Sequence[Passage], words: Sequence[Word]
    ) -> tuple[Part, Part | None]:
        """Stores a document's text and passages as a part of the index, and where its words stand as another."""
        content = {**document_json(document), "passages": passages_json(passages)}
        part = files.write_part(folder, files.to_bytes(content), "document.json")
        return part, files.write_part(folder, words_to_bytes(words), "words.bin") if words else None

    def vectors_of(self, keys: Sequence[bytes], second: bool = False) -> dict[bytes, Vector]:
        """The stored vectors of the texts with these keys; ``second``: the second encoder's, of sentences."""
        vectors = self.dense.second if second else self.dense.vectors
        rows = {key: row for key in keys if (row := self._texts.get(key)) is not None}
        return {
            key: np.asarray(vectors.reconstruct(row), dtype=np.float32)
            for key, row in rows.items()
            if vectors is not None and row < vectors.ntotal
        }

    def words(self, path: str) -> tuple[Word, ...]:
        """Where the document's words stand on its pages, in order; none where its format has no pages."""
        with files.understood(f"words {path:.200}"):
            return words_from_bytes(self._words.get(path, b""))

    @property
    def disk_bytes(self) -> int:
        """How much the generation takes on disk."""
        own = [part.size for entry in self.entries.values() for part in entry.parts]
        return sum(own) + sum(int(part["size"]) for part in self.manifest["parts"].values())

    def verify_all(self) -> None:
        """Nothing is left to verify: opening has read every byte."""

    def listed(self) -> Iterator[Listed]:
        """What is known of each document."""
        counts = Counter(passage.document for passage in self.passages)
        for path, entry in self.entries.items():
            about = self.documents[path]
            yield Listed(
                path, about.title, about.language, about.type, about.date, counts[path], entry.read, entry.missing
            )

    @functools.cached_property
    def entries(self) -> Mapping[str, Entry]:
        """The documents' entries by their paths, in order."""
        return {entry.path: entry for entry in map(Entry.from_json, self.manifest["documents"])}

    @property
    def has_second(self) -> bool:
        """Whether a second encoder has made vectors of the sentences too."""
        return SECOND in self.manifest["parts"]

    @property
    def second_dimension(self) -> int:
        """Of the second encoder's vectors; 0 where there are none."""
        return int(self.dense.second.d) if self.dense.second is not None else 0

    @property
    def place(self) -> Path:
        """The index's folder."""
        return self.folder

    @property
    def is_current(self) -> bool:
        """Whether this is the generation that the folder's pointer names; raises as :func:`open_store` does."""
        return files.pointed(self.folder) == self._part

    # -- rag.protocols.Store

    def languages(self) -> Mapping[str, int]:
        return {language: len(ids) for language, ids in self._by_language.items()}

    def without(self, passages: Collection[int]) -> LocalStore:
        """The index as if no passage had the words of these; their numbers stay, and are the caller's to leave out."""
        other = copy.copy(self)
        other.lexical = self.lexical.without(passages)
        return other

    def everyone(self) -> Ids:
        return np.arange(len(self.passages), dtype=np.int64)

    def languages_of(self, passages: Ids) -> NDArray[np.str_]:
        return self._languages[passages]

    def sample(self, language: str) -> Ids:
        ids = self._by_language[language]
        return ids[:: -(-len(ids) // SAMPLE)]

    def select(self, filters: Filters) -> Ids | None:
        if filters == Filters():
            return None
        wanted = {
            path
            for path, document in self.documents.items()
            if passes(filters, path, document.language, document.type, document.date)
        }
        return np.array([i for i, passage in enumerate(self.passages) if passage.document in wanted], dtype=np.int64)

    def dense_candidates(self, question: Vector, count: int, language: str, allowed: Ids | None) -> Ids:
        ids = self._by_language[language]
        if allowed is None and len(ids) == len(self.passages):
            return self.dense.candidates(question, count)
        return self.dense.candidates(question, count, ids if allowed is None else np.intersect1d(ids, allowed))

    def lexical_candidates(self, stems: Sequence[str], count: int, allowed: Ids | None) -> Ids:
        return lexical.best(self.lexical.scores(stems), count, allowed)

    def vector_scores(self, question: Vector, passages: Ids) -> VectorScores:
        return self.dense.scores(question, passages)

    def centred_scores(self, question: Vector, passages: Ids, centre: Centre) -> Vector:
        return self.dense.centred_scores(question, passages, centre)

    def second_scores(self, question: Vector, passages: Ids) -> Vector:
        return self.dense.second_scores(question, passages)

    def sentence_scores(self, question: Vector, passage: int) -> Vector:
        return self.dense.sentence_scores(question, passage)

    def lexical_scores(self, stems: Sequence[str], passages: Ids) -> Vector:
        return self.lexical.scores(stems)[passages]

    def coverage(self, query: Sequence[str], stems: Iterable[str]) -> float:
        return self.lexical.coverage(query, stems)

    def knows(self, stem: str) -> bool:
        return self.lexical.knows(stem)

    def nearest(self, stem: str) -> str:
        return self.lexical.nearest(stem)

    def holding(self, phrase: str) -> Ids:
        return np.array([i for i, p in enumerate(self.passages) if query.holds(p.text, phrase)], dtype=np.int64)

    def passage(self, number: int) -> Passage:
        return self.passages[number]

    def document(self, path: str) -> Document:
        return self.documents[path]


def _grouped(languages: NDArray[np.str_]) -> dict[str, Ids]:
    return {str(language): np.flatnonzero(languages == language).astype(np.int64) for language in np.unique(languages)}


def _to_faiss(vectors: Matrix) -> bytes:
    return bytes(faiss.serialize_index(flat_index(vectors)))


def _faiss(data: bytes) -> faiss.Index:
    return faiss.deserialize_index(np.frombuffer(data, dtype=np.uint8))


def _to_npy(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _array(data: bytes) -> NDArray[np.int32]:
    """Whole numbers. Raises ValueError where the data are none: their size is compared before an array is made."""
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    if version != (1, 0):
        raise ValueError(f"an array of version {version}")
    try:
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    except tokenize.TokenError as error:  # numpy looks for headers of Python 2 in what is none
        raise ValueError("an array with no header") from error
    if dtype != np.int32 or math.prod(shape) * dtype.itemsize != len(data) - stream.tell():
        raise ValueError(f"an array of {dtype} {shape} in {len(data)} bytes")
    stream.seek(0)
    return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))


def _dense(data: Mapping[str, bytes], sentences: Sequence[int]) -> DenseLeg:
    """``sentences``: how many each passage has."""
    rows, bounds = _array(data["rows"]), _array(data["bounds"])[0]
    if len(rows) and rows.min() < 0:
        raise ValueError("a row before the first")
    passages = len(sentences)
    check_rising(bounds, len(rows) - passages)
    if np.diff(bounds).tolist() != list(sentences) or 0 in sentences:
        raise ValueError("other sentences than the passages have")
    vectors = [_faiss(data[role]) for role in ("vectors", SECOND) if role in data]
    return DenseLeg(vectors[0], rows[:passages], rows[passages:], bounds, *vectors[1:])


def _stems(data: Mapping[str, bytes]) -> list[list[str]]:
    """Those of each passage."""
    vocabulary, stems, bounds = json.loads(data["vocabulary"]), _array(data["stems"]), _array(data["bounds"])[1]
    if not (isinstance(vocabulary, list) and all(isinstance(word, str) for word in vocabulary)):
        raise TypeError("the vocabulary is no list of words")
    if len(stems) and stems.min() < 0:
        raise ValueError("a stem before the first")
    check_rising(bounds, len(stems))
    return [[vocabulary[i] for i in stems[a:b]] for a, b in itertools.pairwise(bounds)]
