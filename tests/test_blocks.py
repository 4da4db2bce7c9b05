"""Mapped parts: what is written is what is read, and a damaged block is found when it is touched, not before."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rag import durable
from rag.errors import IndexDamaged, IndexUnusable
from rag.stores import blocks as module
from rag.stores.blocks import BLOCK, DIGEST, Blocks, BlockWriter, Column
from rag.stores.files import PART_NAME, PARTS, Part

ROOT = Path(__file__).resolve().parent.parent
SIZES = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 3 * BLOCK + 7]


def content(size: int) -> bytes:
    """Bytes of which no two blocks are equal."""
    return np.random.default_rng(size).bytes(size)


def written(folder: Path, data: bytes, piece: int = 10_007) -> Part:
    """A part of these bytes, written a piece at a time."""
    with BlockWriter(folder, "text.bin") as writer:
        for start in range(0, len(data), piece):
            writer.write(data[start : start + piece])
    return writer.part


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


# -- what is written is what is read


@pytest.mark.parametrize("size", SIZES)
def test_a_part_is_read_as_it_was_written(tmp_path: Path, size: int) -> None:
    data = content(size)
    part = written(tmp_path, data)
    count = -(-size // BLOCK)
    assert part.size == size
    assert (tmp_path / PARTS / part.file).stat().st_size == size + count * DIGEST
    opened = Blocks(tmp_path, part, "text")
    opened.verify_all()
    assert opened.bytes() == data
    assert opened.array(np.uint8).tobytes() == data
    assert opened.bytes(size // 3, size // 2) == data[size // 3 : size // 2]


@pytest.mark.parametrize("piece", [1_000, BLOCK, 5 * BLOCK])
def test_a_part_is_named_by_its_content_however_it_was_written(tmp_path: Path, piece: int) -> None:
    data = content(2 * BLOCK + 5)
    assert written(tmp_path, data, piece) == written(tmp_path, data, 7_777)
    assert written(tmp_path, data[:-1], piece) != written(tmp_path, data, 7_777)
    assert all(PART_NAME.fullmatch(path.name) for path in (tmp_path / PARTS).iterdir())
    assert len(list((tmp_path / PARTS).iterdir())) == 2


def test_others_may_read_a_part(tmp_path: Path) -> None:
    part = written(tmp_path, b"text")
    assert (tmp_path / PARTS / part.file).stat().st_mode & 0o044


@pytest.mark.parametrize("resident", [0, 2**20], ids=["large", "small"])
@pytest.mark.parametrize(("kind", "width"), [(np.int32, 3), (np.float16, 384), ("S16", 0), (np.int64, 0)], ids=str)
def test_a_column_gives_the_rows_asked_for(
    tmp_path: Path, kind: type, width: int, resident: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.stores.blocks.RESIDENT", resident)
    rows: NDArray[Any] = np.frombuffer(content(np.dtype(kind).itemsize * max(1, width) * 500), kind)
    rows = rows.reshape(-1, width) if width else rows
    with BlockWriter(tmp_path, "rows.bin") as writer:
        writer.write_array(rows[:123])
        writer.write_array(rows[123:])
    column = Column(Blocks(tmp_path, writer.part, "rows"), kind, width)
    some = np.array([499, 0, 7, 7, 123])
    assert len(column) == 500
    assert column.take(some).tobytes() == rows[some].tobytes()
    assert column.take(np.empty(0, np.int64)).shape == rows[:0].shape
    assert column.slice(120, 130).tobytes() == rows[120:130].tobytes()
    assert column.all().tobytes() == rows.tobytes()


def test_an_array_is_written_lowest_byte_first_and_row_by_row(tmp_path: Path) -> None:
    with BlockWriter(tmp_path, "rows.bin") as writer:
        writer.write_array(np.array([[1, 2], [3, 4]], dtype=">i4").T)
    assert Blocks(tmp_path, writer.part, "rows").array("<i4").tolist() == [1, 3, 2, 4]


def test_a_column_of_no_rows_keeps_its_width(tmp_path: Path) -> None:
    column = Column(Blocks(tmp_path, written(tmp_path, b""), "vectors"), np.float16, 8)
    assert (len(column), column.all().shape) == (0, (0, 8))


def test_row_numbers_of_four_bytes_reach_every_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Blocks(tmp_path, written(tmp_path, content(2 * BLOCK)), "vectors")
    touched = list[int]()
    monkeypatch.setattr(opened, "_verify", lambda blocks: touched.extend(blocks.tolist()))
    opened.verify_rows(np.array([3_000_000], dtype=np.int32), 768)
    assert touched == [3_000_000 * 768 // BLOCK]


def test_a_row_wider_than_a_block_is_verified_whole(tmp_path: Path) -> None:
    width = 3 * BLOCK + 8
    part = written(tmp_path, content(2 * width))
    flip(tmp_path / PARTS / part.file, width + 2 * BLOCK)
    column = Column(Blocks(tmp_path, part, "wide"), np.uint8, width)
    column.take(np.array([0]))
    with pytest.raises(IndexDamaged, match="wide"):
        column.take(np.array([1]))


# -- damage


@pytest.mark.parametrize("block", [0, 1, 3])
@pytest.mark.parametrize("place", ["first", "last"])
def test_a_flipped_byte_is_found_when_its_block_is_touched_and_not_before(
    tmp_path: Path, block: int, place: str
) -> None:
    data = content(3 * BLOCK + 7)
    part = written(tmp_path, data)
    path = tmp_path / PARTS / part.file
    begins, ends = block * BLOCK, min((block + 1) * BLOCK, len(data))
    flip(path, begins if place == "first" else ends - 1)
    opened = Blocks(tmp_path, part, "text")
    assert opened.bytes(0, begins) == data[:begins]
    assert opened.bytes(ends) == data[ends:]
    for _ in range(2):  # and it stays found
        with pytest.raises(IndexDamaged, match=f"text: .*{part.file} differs from its checksum: run"):
            opened.bytes(begins, begins + 1)
    with pytest.raises(IndexDamaged, match=part.file):
        opened.verify_all()
    opened.verify(ends, ends)  # nothing is touched


def test_rows_across_a_block_s_end_touch_both_blocks(tmp_path: Path) -> None:
    part = written(tmp_path, content(2 * BLOCK + 1))  # rows of 3 bytes: one has its last 2 in the second block
    flip(tmp_path / PARTS / part.file, BLOCK + 1)
    column = Column(Blocks(tmp_path, part, "rows"), np.uint8, 3)
    across = BLOCK // 3
    column.take(np.array([across - 1]))
    with pytest.raises(IndexDamaged):
        column.take(np.array([across]))


@pytest.mark.parametrize("size", [1, BLOCK, BLOCK + 1])
def test_a_flipped_checksum_is_found_at_open(tmp_path: Path, size: int) -> None:
    part = written(tmp_path, content(size))
    for at in (size, size + DIGEST * -(-size // BLOCK) - 1):
        flip(tmp_path / PARTS / part.file, at)
        with pytest.raises(IndexDamaged, match=f"stems: .*{part.file} differs from its checksum"):
            Blocks(tmp_path, part, "stems")
        flip(tmp_path / PARTS / part.file, at)
    Blocks(tmp_path, part, "stems").verify_all()


@pytest.mark.parametrize("size", [0, 1, BLOCK + 1])
@pytest.mark.parametrize("cut", [-1, 1])
def test_another_size_is_found_at_open(tmp_path: Path, size: int, cut: int) -> None:
    part = written(tmp_path, content(size))
    path = tmp_path / PARTS / part.file
    whole = path.read_bytes()
    path.write_bytes(whole + b"!" if cut < 0 else whole[:-cut])
    if size or cut < 0:
        with pytest.raises(IndexDamaged, match=f"text: .*{part.file} has another size than was written: run"):
            Blocks(tmp_path, part, "text")


def test_a_missing_part_and_one_that_is_no_file_are_named_at_open(tmp_path: Path) -> None:
    part = written(tmp_path, content(10))
    (tmp_path / PARTS / part.file).unlink()
    with pytest.raises(IndexDamaged, match=f"words: .*{part.file} is missing: run 'snoska build --rebuild'"):
        Blocks(tmp_path, part, "words")
    (tmp_path / PARTS / part.file).mkdir()
    with pytest.raises(IndexDamaged, match=f"words: .*{part.file} cannot be read"):
        Blocks(tmp_path, part, "words")


def test_a_damaged_part_is_mended_by_writing_it_again(tmp_path: Path) -> None:
    data = content(BLOCK + 1)
    part = written(tmp_path, data)
    flip(tmp_path / PARTS / part.file, 5)
    written(tmp_path, data)
    assert Blocks(tmp_path, part, "text").bytes() == data


# -- writing that fails


def test_a_part_has_no_name_before_it_is_written(tmp_path: Path) -> None:
    with BlockWriter(tmp_path, "text.bin") as writer, pytest.raises(RuntimeError, match="before it is written"):
        _ = writer.part


@pytest.mark.parametrize("size", [10, 2 * BLOCK])
def test_an_error_in_the_block_leaves_nothing_behind(tmp_path: Path, size: int) -> None:
    def interrupted() -> None:
        with BlockWriter(tmp_path, "text.bin") as writer:
            writer.write(content(size))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list((tmp_path / PARTS).iterdir()) == []


@pytest.mark.parametrize("size", [10, 2 * BLOCK])
@pytest.mark.parametrize("step", ["write", "sync", "rename"])
@pytest.mark.parametrize(("number", "words"), [(errno.ENOSPC, "make room there"), (errno.EIO, "see to its disk")])
def test_a_failing_disk_is_told_in_a_sentence_and_leaves_nothing_behind(
    tmp_path: Path, size: int, step: str, number: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(durable.disk, step, refuse)
    with pytest.raises(IndexUnusable, match=rf"cannot be written \({os.strerror(number)}\): {words}"):
        written(tmp_path, content(size))
    assert list((tmp_path / PARTS).iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    named = "is not a folder: name the folder of an index"
    with pytest.raises(IndexUnusable, match=named), BlockWriter(tmp_path / "file", "a.b"):
        pass


def test_a_part_that_the_system_does_not_let_go_is_kept_where_it_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = written(tmp_path, content(10))

    def held(*_: object) -> None:  # as Windows does with a file that is mapped
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(durable.disk, "rename", held)
    assert written(tmp_path, content(10)) == part
    with pytest.raises(IndexUnusable):
        written(tmp_path, content(11))
    assert [path.name for path in (tmp_path / PARTS).iterdir()] == [part.file]


# -- open files


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit")
def test_more_parts_are_opened_than_the_system_allows_files_at_first(tmp_path: Path) -> None:
    small, large = written(tmp_path, content(BLOCK)), written(tmp_path, content(BLOCK + 1))
    script = f"""
import resource
from pathlib import Path
from typing import Any
resource.setrlimit(resource.RLIMIT_NOFILE, (64, {module.OPEN_FILES}))
from rag.stores.blocks import Blocks
from rag.stores.files import Part
folder = Path({str(tmp_path)!r})
opened = [Blocks(folder, {small!r}, "a") for _ in range(100)]
assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 64
opened += [Blocks(folder, {large!r}, "b") for _ in range(100)]
for each in opened:
    each.verify_all()
"""
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, timeout=60)
