"""A folder against what is indexed: what is new, changed, gone, renamed, the same or left out."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from pathlib import Path

import pytest

from rag.errors import ConfigurationError, NothingToIndex
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


@pytest.mark.parametrize("name", [".hidden.txt", ".a.txt.swp", "Thumbs.db", "desktop.ini"])
def test_hidden_files_and_folders_are_passed_over_in_silence(tmp_path: Path, name: str) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / name).write_text("x")
    (tmp_path / "inside" / name).mkdir()
    (tmp_path / "inside" / name / "a.txt").write_text("x")
    assert scan(tmp_path, LIMIT) == ([], [])


@pytest.mark.parametrize("name", ["~$отчёт.docx", "~lock.txt", "a.txt~", "a.TMP", "a.part", "a.crdownload"])
def test_temporary_files_are_passed_over_in_silence_and_folders_of_such_names_are_not(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / name).write_text("x")
    (tmp_path / "inside" / name).mkdir()
    (tmp_path / "inside" / name / "a.txt").write_text("x")
    assert scan(tmp_path, LIMIT) == ([File(f"inside/{name}/a.txt", sha("x"))], [])


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
            Skipped("broken.txt", "a link that leads nowhere"),
            Skipped("circle.txt", "a link that leads nowhere"),
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


def old_name(folder: Path, raw: bytes, text: str) -> str:
    """Writes a file whose name is these bytes; its name as the system gives it. Skips where it refuses."""
    name = os.fsdecode(raw)
    try:
        (folder / name).write_text(text)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    return name


@posix
@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r", "cp866"])
def test_name_that_is_not_utf8_is_shown_decoded_and_opened_by_its_bytes(tmp_path: Path, encoding: str) -> None:
    name = old_name(tmp_path, "Отчёт за первый квартал.txt".encode(encoding), "x")
    [file] = scan(tmp_path, LIMIT)[0]
    assert file == File("Отчёт за первый квартал.txt", sha("x"), name=name)
    assert (tmp_path / file.source).read_text() == "x"


@posix
def test_names_that_are_shown_alike_stay_apart(tmp_path: Path) -> None:
    names = [old_name(tmp_path, "Протокол.txt".encode(encoding), encoding) for encoding in ("cp1251", "cp866")]
    write(tmp_path, **{"Протокол_txt": "utf-8", "Протокол (2)_txt": "taken"})
    cp1251, cp866 = names
    assert [(file.path, file.name) for file in scan(tmp_path, LIMIT)[0]] == [
        ("Протокол (2).txt", ""),
        ("Протокол (3).txt", cp866),
        ("Протокол (4).txt", cp1251),
        ("Протокол.txt", ""),
    ]


@posix
def test_folder_whose_name_is_not_utf8_is_entered(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode("Приказы".encode("cp1251"))
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    write(folder, a_txt="x")
    (folder / "link").symlink_to(tmp_path)
    [file], skipped = scan(tmp_path, LIMIT)
    assert (file.path, (tmp_path / file.source).read_text()) == ("Приказы/a.txt", "x")
    assert skipped == [Skipped("Приказы/link/", "a link to a folder is not followed")]


def test_name_as_macos_writes_it_is_shown_composed(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "Йод и ёж.txt")
    (tmp_path / decomposed).write_text("x")
    [file] = scan(tmp_path, LIMIT)[0]
    assert file.path == unicodedata.normalize("NFC", decomposed) != decomposed
    assert (tmp_path / file.source).read_text() == "x"


# -- sidecars


def test_sidecar_belongs_to_the_file_it_names_and_else_to_those_of_its_stem(tmp_path: Path) -> None:
    write(tmp_path, a_pdf="1", a_txt="2", ab_txt="3")
    (tmp_path / "a.pdf.meta.json").write_text("{}")
    (tmp_path / "a.meta.json").write_text('{"title": "А"}')
    exact, stem = sha("{}"), sha('{"title": "А"}')
    assert scan(tmp_path, LIMIT) == (
        [
            File("a.pdf", sha("1"), sidecar="a.pdf.meta.json", sidecar_sha256=exact),
            File("a.txt", sha("2"), sidecar="a.meta.json", sidecar_sha256=stem),
            File("ab.txt", sha("3")),
        ],
        [],
    )


def test_sidecar_in_another_folder_is_not_the_documents(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    write(tmp_path, a_txt="1")
    (tmp_path / "b" / "a.txt.meta.json").write_text("{}")
    assert scan(tmp_path, LIMIT) == (
        [File("a.txt", sha("1"))],
        [Skipped("b/a.txt.meta.json", "it describes no document: none of its name lies beside it")],
    )


def test_sidecar_over_the_limit_is_skipped_and_its_document_taken(tmp_path: Path) -> None:
    write(tmp_path, a_txt="1")
    (tmp_path / "a.meta.json").write_text("x" * (LIMIT + 1))
    files, [skipped] = scan(tmp_path, LIMIT)
    assert (files, skipped.file) == ([File("a.txt", sha("1"))], "a.meta.json")


# -- rules


def ruled(folder: Path, rules: str, *names: str) -> list[str]:
    """The paths that are found where the files of these names lie under the rules."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    (folder / ".snoskaignore").write_text(rules, encoding="utf-8")
    return paths(folder)


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        pytest.param("", ["a.txt", "b/a.txt", "b/c/ё.md", "ё.md"], id="none"),
        pytest.param("*.md", ["a.txt", "b/a.txt"], id="ending"),
        pytest.param("/a.txt", ["b/a.txt", "b/c/ё.md", "ё.md"], id="anchored"),
        pytest.param("b/", ["a.txt", "ё.md"], id="folder"),
        pytest.param("c\n", ["a.txt", "b/a.txt", "ё.md"], id="folder_at_any_depth"),
        pytest.param("**/c/**", ["a.txt", "b/a.txt", "ё.md"], id="two_asterisks"),
        pytest.param("*.md\n!/ё.md", ["a.txt", "b/a.txt", "ё.md"], id="negated"),
        pytest.param("b\n!b/a.txt", ["a.txt", "ё.md"], id="nothing_below_an_ignored_folder_comes_back"),
        pytest.param("# a\n\nё.md  \n", ["a.txt", "b/a.txt"], id="comments_and_spaces"),
        pytest.param("\ufeffё.md", ["a.txt", "b/a.txt"], id="byte_order_mark"),
        pytest.param(unicodedata.normalize("NFD", "ё.md"), ["a.txt", "b/a.txt"], id="decomposed"),
    ],
)
def test_rules_leave_out_what_git_would(tmp_path: Path, rules: str, found: list[str]) -> None:
    assert ruled(tmp_path, rules, "a.txt", "ё.md", "b/a.txt", "b/c/ё.md") == found


def test_deeper_rules_go_before_those_above_and_hold_below_their_folder_only(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / ".snoskaignore").write_text("!a.txt\n/c.txt\n")
    found = ruled(tmp_path, "a.txt", "a.txt", "b/a.txt", "b/c.txt", "b/d/c.txt", "b/d/a.txt", "c.txt")
    assert found == ["b/a.txt", "b/d/a.txt", "b/d/c.txt", "c.txt"]


def test_ignored_sidecar_says_nothing(tmp_path: Path) -> None:
    assert ruled(tmp_path, "*.json", "a.txt", "a.meta.json") == ["a.txt"]
    assert scan(tmp_path, LIMIT) == ([File("a.txt", sha("x"))], [])


@pytest.mark.parametrize("pattern", ["!", "отчёты\\", "[я-а]"])
def test_what_is_no_pattern_is_told_with_its_file_and_line(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        ruled(tmp_path / "b", f"*.md\n{pattern}\n", "a.txt")
    assert str(raised.value) == f".snoskaignore, line 2: {pattern!r} is no pattern: correct or remove it"


def test_rules_that_are_not_text_are_told_with_their_file(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / ".snoskaignore").write_bytes(b"\xff\x00\xfe")
    with pytest.raises(ConfigurationError, match=r"^b/\.snoskaignore cannot be read: "):
        scan(tmp_path, LIMIT)


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
    files = [File(path, content) for path, content in here.items()]
    done = compare(files, {path: File(path, content).content for path, content in indexed.items()})
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
    assert compare([File("a.txt", "1"), File("b.txt", "2")], {"b.txt": ("3", "txt", "")}) == Plan(
        added=(File("a.txt", "1"),), changed=(File("b.txt", "2"),), removed=(), renamed={}, unchanged=()
    )
    assert compare([], {}) == NOTHING


def test_document_whose_sidecar_came_changed_or_went_is_changed() -> None:
    described = File("a.txt", "1", sidecar="a.meta.json", sidecar_sha256="2")
    for file, indexed in [
        (described, ("1", "txt", "")),
        (described, ("1", "txt", "3")),
        (File("a.txt", "1"), ("1", "txt", "2")),
    ]:
        assert compare([file], {"a.txt": indexed}) == Plan((), (file,), (), {}, ())
    assert compare([described], {"a.txt": ("1", "txt", "2")}) == Plan((), (), (), {}, (described,))


def test_document_moved_with_its_sidecar_is_renamed() -> None:
    moved = File("b.txt", "1", sidecar="b.meta.json", sidecar_sha256="2")
    assert compare([moved], {"a.txt": ("1", "txt", "2")}).renamed == {"b.txt": "a.txt"}
