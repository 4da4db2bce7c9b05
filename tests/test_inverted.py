"""Inverted lists on disk: found as by looking at every vector, verified list by list, and let go without harm."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import faiss
import numpy as np
import pytest

from rag.errors import IndexDamaged
from rag.inverted import InvertedIndex, ListWriter, list_count, train
from rag.stores.blocks import Blocks, BlockWriter
from rag.stores.files import PARTS, Part
from rag.types import Matrix

ROWS, DIMENSION = 4_000, 64
LISTS = list_count(ROWS)


@pytest.fixture(scope="module")
def vectors() -> Matrix:
    made = np.random.default_rng(1).standard_normal((ROWS, DIMENSION), dtype=np.float32)
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True))


@pytest.fixture(scope="module")
def trained(vectors: Matrix) -> bytes:
    return train(vectors, LISTS)


@pytest.fixture
def written(tmp_path: Path, vectors: Matrix, trained: bytes) -> tuple[Part, list[int]]:
    """The lists of the vectors, numbered by tens, as a mapped part, and their lengths."""
    writer = ListWriter(trained)
    writer.add(vectors, 10 * np.arange(ROWS))
    with BlockWriter(tmp_path, "lists.bin") as out:
        sizes = []
        for size, data in writer.lists():
            sizes.append(size)
            out.write(data)
    return out.part, sizes


def opened(folder: Path, trained: bytes, written: tuple[Part, list[int]], probed: int = LISTS) -> InvertedIndex:
    blocks = Blocks(folder, written[0], "lists")
    return InvertedIndex(trained, blocks.array(np.uint8), np.array(written[1], np.uint64), blocks.verify, probed)


@pytest.mark.parametrize(("rows", "lists"), [(100_000, 512), (1_000_000, 2048), (6_000_000, 4096)])
def test_lists_grow_as_the_root_of_the_vectors(rows: int, lists: int) -> None:
    assert list_count(rows) == lists


def test_training_is_the_same_each_time(vectors: Matrix, trained: bytes) -> None:
    assert train(vectors, LISTS) == trained


def test_every_list_looked_into_finds_what_is_nearest(
    tmp_path: Path, vectors: Matrix, trained: bytes, written: tuple[Part, list[int]]
) -> None:
    index = opened(tmp_path, trained, written)
    for number in range(0, ROWS, 400):
        scores, found = index.search(vectors[number], 10)
        exact = vectors @ vectors[number]
        assert found[0] == 10 * number
        assert scores == pytest.approx(exact[found // 10], abs=0.02)  # a byte a number
        assert exact[found // 10].min() >= np.sort(exact)[-10] - 0.02


def test_only_what_is_selected_is_found(
    tmp_path: Path, vectors: Matrix, trained: bytes, written: tuple[Part, list[int]]
) -> None:
    index, allowed = opened(tmp_path, trained, written), np.array([30, 777, 12_340])
    _, found = index.search(vectors[5], 10, faiss.IDSelectorBatch(allowed))
    assert sorted(found.tolist()) == [30, 12_340]  # no vector has the number 777


def test_a_damaged_list_is_found_when_it_is_looked_into_and_not_before(
    tmp_path: Path, vectors: Matrix, trained: bytes, written: tuple[Part, list[int]]
) -> None:
    path = tmp_path / PARTS / written[0].file
    data = bytearray(path.read_bytes())
    data[written[0].size - 1] ^= 1  # in the last list
    path.write_bytes(data)
    index = opened(tmp_path, trained, written, probed=1)
    outcomes = set()
    for vector in vectors[:500]:
        try:
            index.search(vector, 1)
            outcomes.add("found")
        except IndexDamaged as error:
            outcomes.add(str(error).partition(":")[0])
    assert outcomes == {"found", "lists"}


def test_threads_search_at_once_and_what_is_let_go_harms_nobody(
    tmp_path: Path, vectors: Matrix, trained: bytes, written: tuple[Part, list[int]]
) -> None:
    blocks = Blocks(tmp_path, written[0], "lists")
    sizes = np.array(written[1], np.uint64)
    (tmp_path / PARTS / written[0].file).unlink()  # swept, while it is open
    expected = [10 * number for number in range(0, ROWS, 40)]
    for _ in range(3):
        index = InvertedIndex(trained, blocks.array(np.uint8), sizes, blocks.verify)
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda number, index=index: index.search(vectors[number // 10], 1)[1][0], expected))
        assert found == expected
        del index
        gc.collect()
        blocks.verify_all()
        assert len(blocks.bytes()) == written[0].size  # it is mapped as before
