"""A disk that is full, that fails, or that may not be written: one clear line, and the old generation as it was."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.errors import IndexUnusable
from rag.stores import files
from tests.faults import CASES, ERRORS, Case, Refusing, Short, answers, left_over, make_case, users_own
from tests.killed import ROOT

EVERYTHING = ("make_folder", "create", "write", "sync", "rename", "remove", "remove_folder", "sync_folder")
REMEDIES = {"full": "make room there", "failing": "see to its disk, which fails", "read-only": "allow it"}

pytestmark = pytest.mark.usefixtures("small_parts")


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return make_case(request.param, tmp_path_factory.mktemp(request.param))


def fail_at_steps(case: Case, place: Path, kind: str, stride: int) -> int:
    """Fails at every ``stride``-th step of the build: a full disk at what takes room, a failing one once, a read-only
    one at everything from there on. Returns at how many."""
    steps = case.steps(place / "counted")
    kinds = ("make_folder", "create", "write") if kind == "full" else EVERYTHING
    tried = [at for at in range(len(steps)) if steps[at] in kinds][::stride]
    told = []
    for at in tried:
        index = case.copy(place / "failed")
        disk = Refusing(at, ERRORS[kind], kind != "failing", kinds)
        try:
            case.build(index, disk)
        except IndexUnusable as error:
            told.append(str(error))
            assert users_own(index) == users_own(case.before)
        else:  # what was to be removed is left to the next build
            assert steps[at] in ("remove", "remove_folder"), (at, steps[at])
            assert answers(index) == case.new
        case.is_whole(index)
    line = rf"[^\n]+ \({re.escape(os.strerror(ERRORS[kind]))}\): {REMEDIES[kind]}, or name another --index"
    assert [each for each in told if not re.fullmatch(line, each)] == []
    assert told
    return len(tried)


@pytest.mark.parametrize("kind", ERRORS)
def test_a_disk_that_fails_at_a_step_is_told_in_a_line_and_the_index_stays_whole(
    case: Case, tmp_path: Path, kind: str
) -> None:
    fail_at_steps(case, tmp_path, kind, 29)


@pytest.mark.soak
@pytest.mark.parametrize("kind", ERRORS)
def test_a_disk_that_fails_at_any_step_is_told_in_a_line_and_the_index_stays_whole(
    case: Case, tmp_path: Path, kind: str, record_testsuite_property: Callable[[str, object], None]
) -> None:
    record_testsuite_property(f"{kind} disk at steps of {case.name}", fail_at_steps(case, tmp_path, kind, 1))


def test_a_system_that_takes_few_bytes_at_a_time_gets_them_all(case: Case, tmp_path: Path) -> None:
    index = case.copy(tmp_path / "index")
    disk = Short()
    case.build(index, disk)
    assert len(disk.steps) > len(case.steps(tmp_path / "counted"))
    assert (answers(index), left_over(index)) == (case.new, set())


@pytest.mark.skipif(sys.platform == "win32", reason="a folder is not made read-only so on Windows")
def test_a_folder_that_may_not_be_written_is_opened_and_not_built(tmp_path: Path) -> None:
    case = make_case("update", tmp_path)
    script = f"""
import os, sys
os.chdir("/")
from pathlib import Path
import rag
from tests.faults import answers, small, make_small
from rag.errors import IndexUnusable
make_small()
answers(Path({str(case.before)!r}))  # all that is imported late, too
if os.getuid() == 0:
    os.setuid(65534)  # to whom permissions apply
try:
    rag.build({str(case.documents)!r}, {str(case.before)!r}, encoder=small())
except IndexUnusable as error:
    print(error)
print(len(answers(Path({str(case.before)!r}))[0]))
"""
    for folder in (tmp_path, *tmp_path.parents[:3]):  # pytest's own are for this user only
        if not folder.stat().st_mode & 0o001:
            folder.chmod(0o755)
    for path in (case.before, case.before / files.PARTS):
        path.chmod(0o555)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    try:
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
        )
    finally:
        for path in (case.before, case.before / files.PARTS):
            path.chmod(0o755)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        f"{case.before} cannot be written (Permission denied): allow it, or name another --index",
        "4",
    ]
