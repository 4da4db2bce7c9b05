"""A folder against what is indexed: what is new, changed, gone, renamed, the same or left out."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

import pytest

from rag.errors import NothingToIndex
from rag.folder import File, Plan, compare, scan
from rag.types import Skipped

LIMIT = 1000  # bytes
posix = pytest.mark.skipif(os.name != "posix", reason="links, pipes and modes as POSIX has them")


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def write(folder: Path, **files: str) -> None:
    """``a_txt="x"`` writes ``a.txt``."""
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")


def paths(folder: Path, leave_out: Path | None = None) -> list[str]:
    return [file.path for file in scan(folder, LIMIT, leave_out)[0]]


# -- scanning


def test_files_are_found_in_order_with_the_hash_of_their_bytes(tmp_path: Path) -> None:
    (tmp_path / "Отчёты за год").mkdir()
    write(tmp_path, b_md="two", z_txt="")
    write(tmp_path / "Отчёты за год", ОАЭ_txt="привет")
    assert scan(tmp_path, LIMIT) == (
        [File("b.md", sha("two")), File("z.txt", sha("")), File("Отчёты за год/ОАЭ.txt", sha("привет"))],
        [],
    )


def test_files_of_folders_stand_in_order_of_their_whole_paths(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    write(tmp_path, a_txt="", c_txt="")
    write(tmp_path / "b", d_txt="")
    assert paths(tmp_path) == ["a.txt", "b/d.txt", "c.txt"]


@pytest.mark.parametrize(
    "name", [".hidden.txt", "~$отчёт.docx", "~lock.txt", "a.txt~", "a.TMP", "a.part", "a.crdownload", ".a.txt.swp"]
)
def test_hidden_and_temporary_files_and_folders_are_passed_over_in_silence(tmp_path: Path, name: str) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / name).write_text("x")
    (tmp_path / "inside" / name).mkdir()
    (tmp_path / "inside" / name / "a.txt").write_text("x")
    assert scan(tmp_path, LIMIT) == ([], [])


def test_index_inside_the_documents_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("index", "other/index"):
        (tmp_path / name).mkdir(parents=True)
        write(tmp_path / name, a_txt="x")
    monkeypatch.chdir(tmp_path)
    assert paths(tmp_path, leave_out=Path("index")) == ["other/index/a.txt"]
    assert paths(Path(), leave_out=tmp_path / "other") == ["index/a.txt"]


@pytest.mark.parametrize(("size", "reasons"), [(LIMIT, []), (LIMIT + 1, ["big.txt"])], ids=["at_limit", "over"])
def test_file_over_the_limit_is_skipped(tmp_path: Path, size: int, reasons: list[str]) -> None:
    write(tmp_path, big_txt="x" * size)
    assert [each.file for each in scan(tmp_path, LIMIT)[1]] == reasons


def test_reason_for_a_file_over_the_limit_names_both_and_the_remedy(tmp_path: Path) -> None:
    with (tmp_path / "big.txt").open("wb") as stream:
        stream.truncate(50 * 2**20)
    files, [skipped] = scan(tmp_path, 32 * 2**20)
    assert (files, skipped.file) == ([], "big.txt")
    assert re.fullmatch(
        r"50(\.0)? MB is over the limit of 32 MB: split it, or raise SNOSKA_MAX_FILE_MB", skipped.reason
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("нет", "there is no folder {}: name the folder that holds the documents", id="missing"),
        pytest.param("a.txt", "{} is a file: name the folder that holds it", id="file"),
    ],
)
def test_what_is_no_folder_is_refused_with_the_remedy(tmp_path: Path, name: str, message: str) -> None:
    write(tmp_path, a_txt="x")
    with pytest.raises(NothingToIndex) as raised:
        scan(tmp_path / name, LIMIT)
    assert str(raised.value) == message.format(tmp_path / name)


@posix
def test_links_are_read_inside_the_folder_and_skipped_where_they_lead_out(tmp_path: Path) -> None:
    folder, outside = tmp_path / "documents", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    write(folder, a_txt="x")
    write(outside, secret_txt="s")
    (folder / "inside.txt").symlink_to("a.txt")
    (folder / "out.txt").symlink_to(outside / "secret.txt")
    (folder / "broken.txt").symlink_to("nowhere.txt")
    (folder / "circle.txt").symlink_to("circle.txt")
    (folder / "tree").symlink_to(outside, target_is_directory=True)
    assert scan(folder, LIMIT) == (
        [File("a.txt", sha("x")), File("inside.txt", sha("x"))],
        [
            Skipped("tree/", "a link to a folder is not followed"),
            Skipped("broken.txt", "not a regular file"),
            Skipped("circle.txt", "not a regular file"),
            Skipped("out.txt", "a link that leads out of the folder"),
        ],
    )


@posix
def test_folder_reached_through_a_link_is_the_same_folder(tmp_path: Path) -> None:
    (tmp_path / "real" / "index").mkdir(parents=True)
    write(tmp_path / "real", a_txt="x")
    write(tmp_path / "real" / "index", b_txt="x")
    (tmp_path / "link").symlink_to("real")
    assert paths(tmp_path / "link", leave_out=tmp_path / "link" / "index") == ["a.txt"]


@posix
def test_pipe_is_skipped_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    assert scan(tmp_path, LIMIT) == ([], [Skipped("pipe.txt", "not a regular file")])


@posix
def test_name_that_is_not_utf8_is_skipped_with_a_name_that_can_be_printed(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"\xcf\xf0.txt")).touch()
        (tmp_path / os.fsdecode(b"\xff")).mkdir()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    (tmp_path / os.fsdecode(b"\xff") / "link").symlink_to(tmp_path)
    files, skipped = scan(tmp_path, LIMIT)
    assert files == []
    assert set(skipped) == {
        Skipped("??.txt", "the file's name is not valid UTF-8: rename it"),
        Skipped("?/link/", "a link to a folder is not followed"),
    }


@posix
def test_what_cannot_be_read_is_skipped_with_the_reason(tmp_path: Path) -> None:
    write(tmp_path, a_txt="x")
    (tmp_path / "closed").mkdir()
    (tmp_path / "a.txt").chmod(0)
    (tmp_path / "closed").chmod(0)
    if os.access(tmp_path / "a.txt", os.R_OK):
        pytest.skip("root may read everything")
    try:
        assert scan(tmp_path, LIMIT) == (
            [],
            [
                Skipped("a.txt", "cannot be read: Permission denied"),
                Skipped("closed/", "cannot be listed: Permission denied"),
            ],
        )
        with pytest.raises(NothingToIndex, match="cannot be listed"):
            scan(tmp_path / "closed", LIMIT)
    finally:
        (tmp_path / "closed").chmod(0o700)


# -- comparing

NOTHING = Plan((), (), (), {}, ())


def plan(here: dict[str, str], indexed: dict[str, str]) -> dict[str, object]:
    """What there is to do, by the files' names; contents stand for hashes."""
    done = compare([File(path, content) for path, content in here.items()], indexed)
    named = {
        "added": [file.path for file in done.added],
        "changed": [file.path for file in done.changed],
        "removed": list(done.removed),
        "renamed": dict(done.renamed),
        "unchanged": [file.path for file in done.unchanged],
    }
    return {what: which for what, which in named.items() if which}


@pytest.mark.parametrize(
    ("here", "indexed", "todo"),
    [
        pytest.param({}, {}, {}, id="nothing"),
        pytest.param({"a.txt": "1"}, {}, {"added": ["a.txt"]}, id="added"),
        pytest.param({}, {"b.txt": "2", "a.txt": "1"}, {"removed": ["a.txt", "b.txt"]}, id="removed"),
        pytest.param({"a.txt": "2"}, {"a.txt": "1"}, {"changed": ["a.txt"]}, id="changed"),
        pytest.param({"a.txt": "1"}, {"a.txt": "1"}, {"unchanged": ["a.txt"]}, id="unchanged"),
        pytest.param({"ё/б.txt": "1"}, {"а.txt": "1"}, {"renamed": {"ё/б.txt": "а.txt"}}, id="renamed"),
        pytest.param(
            {"c.txt": "1", "d.txt": "1"},
            {"b.txt": "1", "a.txt": "1"},
            {"renamed": {"c.txt": "a.txt", "d.txt": "b.txt"}},
            id="two_equal_files_renamed",
        ),
        pytest.param(
            {"c.txt": "1"},
            {"a.txt": "1", "b.txt": "1"},
            {"removed": ["b.txt"], "renamed": {"c.txt": "a.txt"}},
            id="one_of_two_equal_files_renamed_and_one_removed",
        ),
        pytest.param(
            {"b.txt": "1", "c.txt": "1"},
            {"a.txt": "1"},
            {"added": ["c.txt"], "renamed": {"b.txt": "a.txt"}},
            id="renamed_and_copied",
        ),
        pytest.param(
            {"a.txt": "1", "b.txt": "1"}, {"a.txt": "1"}, {"added": ["b.txt"], "unchanged": ["a.txt"]}, id="copied"
        ),
        pytest.param(
            {"a.txt": "2", "b.txt": "1"},
            {"a.txt": "1", "b.txt": "2"},
            {"changed": ["a.txt", "b.txt"]},
            id="names_swapped",
        ),
        pytest.param(
            {"b.txt": "1"}, {"a.txt": "1", "b.txt": "2"}, {"changed": ["b.txt"], "removed": ["a.txt"]}, id="moved_over"
        ),
        pytest.param(
            {"a.txt": "2", "b.txt": "1"},
            {"a.txt": "1"},
            {"added": ["b.txt"], "changed": ["a.txt"]},
            id="moved_and_replaced",
        ),
        pytest.param(
            {"a.md": "1"}, {"a.txt": "1"}, {"added": ["a.md"], "removed": ["a.txt"]}, id="another_type_is_read_anew"
        ),
        pytest.param({"a.TXT": "1"}, {"a.txt": "1"}, {"renamed": {"a.TXT": "a.txt"}}, id="same_type_in_capitals"),
    ],
)
def test_plan(here: dict[str, str], indexed: dict[str, str], todo: dict[str, object]) -> None:
    assert plan(here, indexed) == todo


def test_plan_holds_the_hashes_of_what_is_to_be_read() -> None:
    assert compare([File("a.txt", "1"), File("b.txt", "2")], {"b.txt": "3"}) == Plan(
        added=(File("a.txt", "1"),), changed=(File("b.txt", "2"),), removed=(), renamed={}, unchanged=()
    )
    assert compare([], {}) == NOTHING
