"""A store in memory, made of a few texts: one document a passage, by the same code that opens an index."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rag.dense import DenseLeg, flat_index
from rag.lexical import LexicalLeg
from rag.protocols import Encoder
from rag.sentences import sentences
from rag.stores.local import LocalStore
from rag.text import stems
from rag.types import Block, Document, Matrix, Passage
from tests.small_encoder import SmallEncoder


def small_store(
    texts: Sequence[tuple[str, str]], encoder: Encoder | None = None, vectors: Matrix | None = None
) -> LocalStore:
    """The store of these (language, text) pairs; passage ``i`` is document ``i.txt``.

    ``vectors``, float32 (texts, dimension), takes the place of the encoder: each text is then one sentence.
    """
    encoder = encoder or SmallEncoder()
    passages = [_passage(number, language, text, vectors is None) for number, (language, text) in enumerate(texts)]
    owned = [[p.text, *(p.text[a:b] for a, b in p.sentences)] for p in passages]
    if vectors is None:
        row_of = {text: row for row, text in enumerate(dict.fromkeys(text for each in owned for text in each))}
        matrix = encoder.encode_documents(list(row_of))
        rows = [[row_of[text] for text in each] for each in owned]
    else:
        matrix, rows = vectors, [[number, number] for number in range(len(passages))]
    dense = DenseLeg(
        flat_index(matrix),
        np.array([row[0] for row in rows], dtype=np.int32),
        np.array([row for each in rows for row in each[1:]], dtype=np.int32),
        np.cumsum([0, *(len(each) - 1 for each in rows)]).astype(np.int32),
    )
    documents = [
        Document(
            p.document, p.text, (Block(0, p.end),), p.text, p.language, "txt", date=f"2025-01-{number % 28 + 1:02}"
        )
        for number, p in enumerate(passages)
    ]
    return LocalStore({}, documents, passages, dense, LexicalLeg.of([stems(p.text) for p in passages]), {})


def _passage(number: int, language: str, text: str, split: bool) -> Passage:
    spans = sentences(text) if split else sentences(text)[:1]
    return Passage(f"{number}.txt", 0, len(text), text, 1, None, language, spans)
