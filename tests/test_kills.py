"""A build that is killed, at any step and at any moment: the old generation answers or the new one, and the next build
leaves nothing over."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import rag
from rag.encoders import BundledEncoder
from tests.faults import CASES, FIRST, MORE, QUESTIONS, Case, left_over, make_case, put
from tests.killed import ROOT, Killed

pytestmark = [
    pytest.mark.usefixtures("small_parts"),
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here"),
]


@pytest.fixture(scope="module")
def killed() -> Iterator[Killed]:
    with Killed() as process:
        yield process


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return make_case(request.param, tmp_path_factory.mktemp(request.param))


def kill_at_steps(case: Case, killed: Killed, place: Path, count: int | None) -> int:
    """Kills at ``count`` of the build's steps, spread evenly, or at each; the last is beyond its end. Returns how
    many that were."""
    steps = [*case.steps(place / "counted"), "end"]
    places = range(len(steps)) if count is None else sorted({at * (len(steps) - 1) // count for at in range(count + 1)})
    found = []
    for at in places:
        index = case.copy(place / "killed")
        code = killed.build(case, index, at=at)
        assert code == (0 if at == len(steps) - 1 else -signal.SIGKILL), (at, steps[at])
        found.append(case.is_whole(index))
    assert found == sorted(found)  # old as far as the pointer, new from there on
    assert (found[0], found[-1]) == (False, True)
    return len(found)


def test_killed_at_a_step_the_old_or_the_new_generation_answers(case: Case, killed: Killed, tmp_path: Path) -> None:
    kill_at_steps(case, killed, tmp_path, 8)


@pytest.mark.soak
def test_killed_at_every_step_the_old_or_the_new_generation_answers(case: Case, killed: Killed, tmp_path: Path) -> None:
    kill_at_steps(case, killed, tmp_path, None)


class Moments:
    """Moments drawn evenly from the time that a build takes, until so many have killed one. A build that has ended by
    then is drawn again, and was faster than was thought; at most a fifth of all may do so, or five."""

    def __init__(self, seconds: float, count: int) -> None:
        self._drawn, self._seconds, self._count = random.Random(7), seconds, count
        self._killed, self._missed = 0, 0

    def __iter__(self) -> Iterator[float]:
        while self._killed < self._count:
            yield self._drawn.uniform(0, self._seconds)

    def ended(self, code: int, seconds: float) -> None:
        """How a build ended, and how long it took where it did so by itself."""
        assert code in (0, -signal.SIGKILL)
        if code:
            self._killed += 1
        else:
            self._missed += 1
            assert self._missed <= max(5, self._count // 4)
            self._seconds = min(self._seconds, seconds)


def kill_at_moments(case: Case, killed: Killed, place: Path, count: int) -> None:
    """Kills so many builds, with their true fsyncs."""

    def build(name: str, after: float) -> tuple[int, float]:
        index = case.copy(place / name)
        started = time.perf_counter()
        return killed.build(case, index, after=after), time.perf_counter() - started

    code, seconds = build("whole", 60)
    assert code == 0
    moments = Moments(seconds, count)
    for after in moments:
        moments.ended(*build("killed", after))
        case.is_whole(place / "killed")


def test_killed_at_any_moment_the_old_or_the_new_generation_answers(case: Case, killed: Killed, tmp_path: Path) -> None:
    kill_at_moments(case, killed, tmp_path, 4)  # of each of the five


@pytest.mark.soak
def test_killed_at_many_moments_the_old_or_the_new_generation_answers(
    case: Case, killed: Killed, tmp_path: Path
) -> None:
    kill_at_moments(case, killed, tmp_path, 60)  # of each of the five


BUILD = """
import sys, time, rag
from rag.encoders import BundledEncoder
from rag.settings import Settings
encoder = BundledEncoder.load(Settings.from_environment())
encoder.warm_up()
print("ready", flush=True)
started = time.perf_counter()
rag.build(sys.argv[1], sys.argv[2], encoder=encoder)
print(time.perf_counter() - started, flush=True)
"""


@pytest.mark.soak
@pytest.mark.model
def test_a_build_with_the_true_model_is_killed_at_any_moment(encoder: BundledEncoder, tmp_path: Path) -> None:
    documents, before, place = tmp_path / "documents", tmp_path / "before", tmp_path / "killed"
    put(documents, FIRST)
    rag.build(documents, before, encoder=encoder)
    put(documents, MORE)
    shutil.copytree(before, place)
    rag.build(documents, place, encoder=encoder)

    def told(index: Path) -> list[object]:
        opened = rag.open(index, encoder=encoder)
        return [[(c.document, c.start, c.end, c.quote) for c in opened.search(question, 20)] for question in QUESTIONS]

    old, new = told(before), told(place)
    assert old != new

    def build(after: float | None) -> tuple[int, float]:
        shutil.rmtree(place)
        shutil.copytree(before, place)
        with subprocess.Popen([sys.executable, "-c", BUILD, documents, place], cwd=ROOT, stdout=subprocess.PIPE) as run:
            assert run.stdout is not None
            assert run.stdout.readline() == b"ready\n"
            if after is not None:
                time.sleep(after)
                run.kill()
            line = run.stdout.readline()
        return run.returncode, float(line or 0)

    code, seconds = build(None)
    assert code == 0
    moments = Moments(seconds, 12)
    for after in moments:
        moments.ended(*build(after))
        assert told(place) in (old, new)
        rag.build(documents, place, encoder=encoder)
        assert told(place) == new
        assert left_over(place) == set()
