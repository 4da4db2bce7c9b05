"""The second encoder for questions, in numpy: one text at a time, out of arrays that the system maps into memory."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.types import Matrix, Vector
from rag.universal import BRANCH, CHUNKS, EPSILON, ORDERS, PIECES, WEIGHTS, Network, unpacked


def write_parts(package: Path, folder: Path) -> None:
    """Fills ``folder`` with the package's pieces and the network's arrays, one file each."""
    shutil.copyfile(package / PIECES, folder / PIECES)
    for name, value in unpacked(package / WEIGHTS).items():
        np.save(folder / f"{name}.npy", value)


def light_network(folder: Path) -> Network:
    """The network of :func:`rag.universal.torch_network`, from the files of :func:`write_parts`."""
    parts = {path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in sorted(folder.glob("*.npy"))}

    def forward(texts: Sequence[Sequence[int]]) -> Matrix:
        return np.stack([_vector(parts, np.array(text, dtype=np.int64)) for text in texts])

    return forward


def _vector(parts: dict[str, NDArray[Any]], ids: NDArray[np.int64]) -> Vector:
    chunk = (ids % CHUNKS)[:, None]
    embedded = parts["table"][ids] * parts["scale"][chunk] + parts["lo"][chunk]
    x = embedded @ parts["project"].T + parts["project_bias"]
    x = _norm(x, parts["branch_gain"], parts["branch_shift"])  # one norm over the three branches together
    branches = [_branch(parts, n, left, x[:, i * BRANCH : (i + 1) * BRANCH]) for i, (n, left) in enumerate(ORDERS)]
    x = _norm(np.concatenate([embedded, *branches], axis=1), parts["ln_g"], parts["ln_b"])
    count = np.float32(len(ids))
    return _head(parts, (x.sum(axis=0) @ parts["pool"].T + count * parts["cnn_b"]) / np.sqrt(count))


def _branch(parts: dict[str, NDArray[Any]], n: int, left: int, h: Matrix) -> Matrix:
    """Two residual convolutions over ``n`` tokens."""
    for layer in (1, 2):
        padded = np.pad(h, ((left, n - 1 - left), (0, 0)))
        windows = np.concatenate([padded[i : i + len(h)] for i in range(n)], axis=1)
        h = np.maximum(windows @ parts[f"w{layer}_{n}"].T + parts[f"b{layer}_{n}"], 0) + h
    return h


def _head(parts: dict[str, NDArray[Any]], x: Vector) -> Vector:
    """Two residual dense layers, to length 1."""

    def dense(x: Vector, *names: str) -> Vector:
        for name in names[:-1]:
            x = np.maximum(parts[name] @ x, 0)
        return np.asarray(parts[names[-1]] @ x, dtype=np.float32)

    x1 = np.maximum(dense(x, "p1") + dense(x, "d0", "d1"), 0)
    found = np.tanh(dense(x1, "p3") + dense(x1, "d2", "d3"))
    return np.asarray(found / max(float(np.linalg.norm(found)), EPSILON), dtype=np.float32)


def _norm(x: Matrix, gain: Vector, shift: Vector) -> Matrix:
    x = x - x.mean(axis=1, keepdims=True)
    return np.asarray(x / np.sqrt((x * x).mean(axis=1, keepdims=True) + EPSILON) * gain + shift, dtype=np.float32)
