"""A text to the states of its tokens, on the processor, by ONNX Runtime."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rag.light.pieces import Pieces
from rag.types import Ids, Matrix
from rag.weights.file import dequantise

ENOUGH = 6_000  # characters, more than one question and its passage have: those that come pay for the whole tokenizer


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """A text taken apart: the ``ids`` of its tokens, where each begins in the text, and which are the text's own."""

    ids: Ids
    starts: Ids
    own: Any  # bool (tokens,): not special, and not of the prompt


class LightModel:
    """The bundled transformer. Several threads may use one at once."""

    def __init__(self, exact: Any, fast: Any, folder: Path) -> None:
        self._exact, self._fast, self._folder = exact, fast, folder
        self._pieces = Pieces(folder)
        self._words = np.load(folder / "words.npy", mmap_mode="r", allow_pickle=False)
        self._positions: Matrix = np.load(folder / "positions.npy", allow_pickle=False)
        self._whole: Any = None
        self._seen = 0
        self._lock = threading.Lock()

    @classmethod
    def load(cls, folder: Path) -> LightModel:
        """From :func:`rag.light.folder.light_folder`; a tenth of a second."""
        # Its official builds send word of every session to Microsoft, and keep an identifier in the home folder, unless
        # this is set before it begins; who sets it themselves is left their choice.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # written as it runs best
        options.intra_op_num_threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
        # Threads that spin while they wait hold the cores that FAISS's want: a question to 10,000 passages took 89 ms
        # with them, and 40 ms without.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")

        def session(name: str) -> Any:
            return onnxruntime.InferenceSession(str(folder / name), options, providers=["CPUExecutionProvider"])

        return cls(session("exact.onnx"), session("fast.onnx"), folder)

    @property
    def limit(self) -> int:
        """The most tokens that a text may have, the prompt's and the special ones included."""
        return len(self._positions)

    @property
    def dimension(self) -> int:
        return int(self._positions.shape[1])

    @property
    def special(self) -> int:
        """The special tokens that are put around a text."""
        return len(self._pieces.encode([""])[0][1])

    def load_tokenizer(self) -> None:
        """Loads the whole tokenizer, seven tenths of a second, which each text is then the quicker for."""
        self._tokenizer(ENOUGH + 1)

    def count(self, texts: Sequence[str]) -> list[int]:
        """The tokens of each text, without special ones."""
        if (whole := self._tokenizer(sum(map(len, texts)))) is None:
            return [len(ids) - self.special for _, ids in self._pieces.encode(texts)]
        return [len(each.ids) for each in whole.encode_batch_fast(list(texts), add_special_tokens=False)]

    def tokens(self, prompt: str, text: str) -> Tokens:
        """The text's tokens after the prompt's; what lies beyond the limit is cut."""
        read = prompt + text
        if (whole := self._tokenizer(len(read))) is None:
            [(marked, ids)] = self._pieces.encode([read])
        else:
            marked = whole.encode(read)
            ids = np.array(marked.ids, dtype=np.int64)
        keep = [*range(len(ids))]
        keep = keep if len(keep) <= self.limit else [*keep[: self.limit - 1], keep[-1]]  # the last one ends the text
        offsets = [marked.offsets[i] for i in keep]
        # a token begins with the space before its word, which is not the word's
        starts = np.array([end - len(read[start:end].lstrip()) for start, end in offsets], np.int64) - len(prompt)
        special = np.array([marked.special_tokens_mask[i] for i in keep], dtype=bool)
        return Tokens(ids[keep], starts, (starts >= 0) & ~special)

    def _tokenizer(self, characters: int) -> Any:
        """The whole tokenizer, where it has been loaded or so many characters more pay for it; else None."""
        with self._lock:
            self._seen += characters
            if self._whole is None and self._seen > ENOUGH:
                from tokenizers import Tokenizer

                self._whole = Tokenizer.from_file(str(self._folder / "tokenizer.json"))
            return self._whole

    def states(self, ids: Ids, fast: bool = False) -> Matrix:
        """float32 (tokens, dimension): the last hidden states; ``fast``: by eight bits, in half the time."""
        words = dequantise(np.asarray(self._words[ids])).reshape(len(ids), -1)
        embedded = (words + self._positions[: len(ids)])[None]
        session = self._fast if fast else self._exact
        states: Matrix = session.run(["states"], {"embedded": embedded})[0][0]
        return states
