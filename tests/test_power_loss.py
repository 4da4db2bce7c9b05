"""The machine loses its power at any moment of a build, and with it what was not made to last, in any order: the index
opens as the old generation or the new one; once the build has returned, as the new one."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from rag.errors import IndexDamaged
from rag.stores import files
from tests.crash_model import FOLDER, NEVER, Crashes, Entry, Files, Killed, Log
from tests.faults import CASES, Case, answers, make_case

SAMPLES = 2  # at random, of each moment; beside all lost, none lost, and each change lost or kept alone

pytestmark = pytest.mark.usefixtures("small_parts")


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return make_case(request.param, tmp_path_factory.mktemp(request.param))


def files_in(folder: Path) -> Files:
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != files.LOCK)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def digest(state: Files) -> str:
    """Of what opening may read: what lies under temporary names is read by nothing."""
    known = hashlib.sha256()
    for path, data in sorted(state.items()):
        if "/.new-" not in path:
            known.update(f"{path} {len(data)} ".encode() + data)
    return known.hexdigest()


def lay(folder: Path, there: Files, wanted: Files) -> Files:
    """Lays the files into a folder, which holds those that are there."""
    for path in there.keys() - wanted.keys():
        (folder / path).unlink()
    for path, data in wanted.items():
        if there.get(path) != data:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
    return wanted


def lose_power(case: Case, place: Path, log: Log, samples: int = 0, full: bool = False) -> tuple[int, int]:
    """Builds, as if killed where the log says so, and then to the end; all ways to come up again after a loss of power
    during the last build. Returns how many, and how many of them differ. ``full``: the first hundred that differ and
    then each twentieth are built upon once more."""
    root = place / "disk"
    for folder in (root, place / "state"):
        shutil.rmtree(folder, ignore_errors=True)
    root.mkdir(parents=True)
    index = case.copy(root / "index")
    before, first = files_in(root), 0
    try:
        case.build(index, log)
    except Killed:
        first, log.stop = log.stop, NEVER
        case.build(index, log, rebuild=False)
    found: dict[str, Any] = {}
    there: Files = {}
    count = 0
    for number, state in Crashes(root, before, log, seed=first).states(samples):
        if number < first:
            continue
        count += 1
        name = digest(state)
        if name not in found:
            there = lay(place / "state", there, state)
            found[name] = answers(place / "state" / "index")
            if full and (len(found) < 100 or len(found) % 20 == 0):
                case.is_whole(place / "state" / "index")
                shutil.rmtree(place / "state")
                there = {}
        assert found[name] in (case.old, case.new), (number, log.operations[number - 1])
        if number == len(log.operations):
            assert found[name] == case.new
    assert len(found) > 1
    return count, len(found)


@pytest.mark.parametrize("name", ["first", "update"])  # the others in test_what_a_loss_of_power_leaves_is_built_upon
def test_what_a_loss_of_power_leaves_opens_as_the_old_or_the_new_generation(name: str, tmp_path: Path) -> None:
    case = make_case(name, tmp_path / "made")
    lose_power(case, tmp_path, Log())


@pytest.mark.soak
def test_what_a_loss_of_power_leaves_is_built_upon(
    case: Case, tmp_path: Path, record_testsuite_property: Callable[[str, object], None]
) -> None:
    count, different = lose_power(case, tmp_path, Log(), SAMPLES, full=True)
    record_testsuite_property(f"losses of power during {case.name}", f"{count}, {different} different")


def named_last(log: Log) -> list[int]:
    """The moments at which a folder was made or the pointer renamed, and nothing was done yet to make that last."""
    entries = ((number, what) for number, (_, what) in enumerate(log.operations, start=1) if isinstance(what, Entry))
    return [number for number, entry in entries if entry.file == FOLDER or entry.name == files.POINTER]


def lose_power_after_kills(name: str, place: Path, stops: Callable[[Log], Iterable[int]]) -> str:
    """Builds that are killed at these stops, each followed by one that is not, and then by a loss of power."""
    case, log = make_case(name, place / "made"), Log()
    case.build(case.copy(place / "counted"), log)
    return str([lose_power(case, place, Log(stop)) for stop in stops(log)])


@pytest.mark.parametrize("name", ["first", "update", "start"])
def test_what_a_killed_build_has_named_lasts_once_another_one_has_returned(name: str, tmp_path: Path) -> None:
    lose_power_after_kills(name, tmp_path, named_last)


@pytest.mark.soak
@pytest.mark.parametrize(("name", "stride"), [("first", 1), ("update", 1), ("rebuild", 1), ("start", 8)])
def test_a_loss_of_power_after_a_killed_build_and_another_one(
    name: str, stride: int, tmp_path: Path, record_testsuite_property: Callable[[str, object], None]
) -> None:
    def stops(log: Log) -> Iterable[int]:
        return sorted({*range(0, len(log.operations), stride), *named_last(log)})

    tried = lose_power_after_kills(name, tmp_path, stops)
    record_testsuite_property(f"losses of power after a kill of {name}", tried)


@pytest.mark.parametrize("step", ["sync", "sync_folder"])
def test_the_model_finds_what_a_missing_fsync_loses(tmp_path: Path, step: str) -> None:
    class Careless(Log):
        """Leaves one kind of fsync out."""

        def _note(self, kind: Any, what: object) -> None:
            if kind != step:
                super()._note(kind, what)

    with pytest.raises((AssertionError, IndexDamaged)):
        lose_power(make_case("update", tmp_path / "made"), tmp_path, Careless(), 1)
