"""Approximate nearest neighbours for millions of vectors: FAISS's inverted lists, one byte a number, on disk.

Vectors are put into lists by their nearest of some thousand centroids; a search looks into the lists of the centroids
nearest to the question (``IndexIVFScalarQuantizer``; Jégou, Douze and Schmid, "Product Quantization for Nearest
Neighbor Search", 2011, for the lists). What it finds is scored again by exact vectors, so that only what it misses is
lost. The lists lie in a mapped part whose bytes are verified before FAISS is let at them.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterable
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from rag.types import Ids, Matrix, Vector

PER_CENTROID = 40  # vectors of the sample for each centroid, as FAISS advises
ROUNDS = 10  # of k-means; more do not move the recall
CHUNK = 65_536  # vectors assigned at a time
PROBED = 128  # lists a search looks into; docs/scale.md has the curve
ID_BYTES = 8

AVAILABLE = hasattr(faiss, "OnDiskInvertedLists")  # FAISS has none on Windows; every vector is looked at there

Verify = Callable[[int, int], None]


def list_count(rows: int) -> int:
    """How many lists so many vectors are put into: a power of two near twice the square root."""
    return int(2 ** round(math.log2(2 * math.sqrt(rows))))


def train(sample: Matrix, lists: int) -> bytes:
    """Centroids and the range of each number, learnt from a sample: a serialised FAISS index without vectors."""
    index = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(sample.shape[1]),
        sample.shape[1],
        lists,
        faiss.ScalarQuantizer.QT_8bit,
        faiss.METRIC_INNER_PRODUCT,
    )
    index.own_fields = False
    index.cp.niter, index.cp.seed = ROUNDS, 1
    index.train(np.ascontiguousarray(sample, dtype=np.float32))
    return bytes(faiss.serialize_index(index))


class ListWriter:
    """Vectors to lists, as they lie on disk: each list's codes, then its vectors' numbers."""

    def __init__(self, trained: bytes) -> None:
        self._index = _opened(trained)

    def add(self, vectors: Matrix, numbers: Ids) -> None:
        """Puts vectors of shape (n, dimension) into their lists under these numbers."""
        self._index.add_with_ids(np.ascontiguousarray(vectors, dtype=np.float32), numbers)

    def lists(self) -> Iterable[tuple[int, bytes]]:
        """Each list's length and bytes, in order."""
        inverted = self._index.invlists
        for number in range(self._index.nlist):
            size = inverted.list_size(number)
            if size == 0:
                yield 0, b""
                continue
            codes = faiss.rev_swig_ptr(inverted.get_codes(number), size * inverted.code_size)
            ids = faiss.rev_swig_ptr(inverted.get_ids(number), size)
            yield size, codes.tobytes() + ids.astype("<i8").tobytes()


class InvertedIndex:
    """Lists on disk, opened. ``sizes`` (lists,) are their lengths, ``data`` (bytes,) their mapped bytes.

    ``verify`` is told which bytes are about to be read; ``probed`` is how many lists a search looks into.

    Several threads may search at once.
    """

    def __init__(
        self, trained: bytes, data: NDArray[np.uint8], sizes: NDArray[np.uint64], verify: Verify, probed: int = PROBED
    ) -> None:
        self._index = _opened(trained)
        self._sizes = np.ascontiguousarray(sizes, dtype=np.uint64)
        self._ends = np.cumsum(self._sizes).astype(np.int64) * (self._index.code_size + ID_BYTES)
        self._starts = np.concatenate([[0], self._ends[:-1]])
        self._verify = verify
        lists = faiss.OnDiskInvertedLists(self._index.nlist, self._index.code_size, "")
        lists.read_only, lists.totsize = True, len(data)
        lists.set_all_lists_sizes(faiss.swig_ptr(self._sizes))
        # FAISS maps no file of its own: the part may have been swept since it was opened, and the bytes are counted
        # once. Nor has it threads read ahead, 32 a search by default: what is verified is in memory.
        lists.ptr, lists.prefetch_nthread = faiss.swig_ptr(data), 0
        self._lists, self._data = lists, data  # FAISS does not keep them alive
        weakref.finalize(self, _let_go, lists)
        self._index.replace_invlists(lists, False)
        self._index.ntotal = int(self._sizes.sum())
        self.probed = probed

    @property
    def probed(self) -> int:
        """How many lists a search looks into; may be set between searches."""
        return int(self._index.nprobe)

    @probed.setter
    def probed(self, lists: int) -> None:
        self._index.nprobe = min(lists, self._index.nlist)

    def search(self, question: Vector, count: int, selector: faiss.IDSelector | None = None) -> tuple[Vector, Ids]:
        """About the ``count`` nearest vectors among those selected: approximate cosines and numbers, best first."""
        _, lists = self._index.quantizer.search(question[None, :], self.probed)
        for number in lists[0][lists[0] >= 0].tolist():
            self._verify(int(self._starts[number]), int(self._ends[number]))
        parameters = faiss.SearchParametersIVF(sel=selector, nprobe=self.probed) if selector else None  # type: ignore[call-arg]
        scores, numbers = self._index.search(question[None, :], count, params=parameters)
        there = numbers[0] >= 0
        return scores[0][there], numbers[0][there]


def _let_go(lists: Any) -> None:
    lists.ptr = None  # or FAISS would unmap what it has not mapped


def _opened(trained: bytes) -> Any:  # FAISS's types know an index's own kind only to FAISS
    return faiss.deserialize_index(np.frombuffer(trained, dtype=np.uint8))
