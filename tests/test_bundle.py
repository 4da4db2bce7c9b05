"""The bundle for a machine without a network: what is packed, what its installer refuses, and one real installation."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"
QUESTION = "How many companies with Emirati participation operate in Kazakhstan?"
PROGRAM = "import sys\n\ndef main():\n    print('installed', *sys.argv[1:])\n"


def wheel(folder: Path, name: str, module: str, needs: str = "") -> None:
    """A wheel of one module, with the command of its name."""
    folder.mkdir(exist_ok=True)
    about = f"{name}-{VERSION}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {VERSION}\n{needs and f'Requires-Dist: {needs}'}\n"
    with zipfile.ZipFile(folder / f"{name}-{VERSION}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}.py", module)
        archive.writestr(f"{about}/METADATA", metadata)
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/entry_points.txt", f"[console_scripts]\n{name} = {name}:main\n")
        archive.writestr(f"{about}/RECORD", "")


def packed(wheels: Path, target: Path, python: tuple[int, int] = sys.version_info[:2]) -> Path:
    code = "import sys; from pathlib import Path; import pack; print(pack.pack(*map(Path, sys.argv[1:3]), %r))"
    command = [sys.executable, "-c", code % (list(python),), wheels, target]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "bundle")}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return Path(done.stdout.strip())


def unpacked(archive: Path, target: Path) -> Path:
    with tarfile.open(archive) as opened:
        opened.extractall(target, filter="data")
    return target / archive.name.removesuffix(".tar.gz")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle of two small wheels, unpacked."""
    wheel(tmp_path / "wheels", "snoska", PROGRAM, needs="snoskas_need")
    wheel(tmp_path / "wheels", "snoskas_need", PROGRAM)
    return unpacked(packed(tmp_path / "wheels", tmp_path), tmp_path)


def install(bundle: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, bundle / "install.py", *arguments], capture_output=True, text=True)


def refused(bundle: Path) -> str:
    done = install(bundle)
    assert (done.returncode, (bundle / "venv").exists()) == (1, False)
    return done.stderr


def test_the_archive_names_what_it_is_for_and_lists_all_that_it_holds(bundle: Path) -> None:
    kind = f"{platform.system().lower()}-{platform.machine().lower()}"
    assert bundle.name == f"snoska-{VERSION}-{kind}-py{sys.version_info[0]}{sys.version_info[1]}"
    lines = (bundle / "SHA256SUMS").read_text("utf-8").splitlines()
    sums = {path: value for value, _, path in (line.partition("  ") for line in lines)}
    seeds = [f"seeds/{path.name}" for path in (ROOT / "seeds").iterdir()]
    given = ["LICENSE", "NOTICE", "README.md", "README.ru.md", "built.json", "constraints.txt", "install.py"]
    wheels = [f"wheels/{name}-{VERSION}-py3-none-any.whl" for name in ("snoska", "snoskas_need")]
    assert sorted(sums) == sorted([*given, *seeds, *wheels])
    assert all(hashlib.sha256((bundle / path).read_bytes()).hexdigest() == value for path, value in sums.items())
    assert (bundle / "README.md").read_text("utf-8") == (ROOT / "bundle" / "README.md").read_text("utf-8")


def test_what_is_not_as_it_was_packed_is_named_and_nothing_is_installed(bundle: Path) -> None:
    (bundle / "wheels" / f"snoska-{VERSION}-py3-none-any.whl").write_bytes(b"another")
    (bundle / "wheels" / "snoskas_need-9-py3-none-any.whl").write_bytes(b"newer")
    (bundle / "constraints.txt").unlink()
    assert refused(bundle) == (
        "install: constraints.txt is missing; wheels/snoskas_need-9-py3-none-any.whl is not listed; "
        f"wheels/snoska-{VERSION}-py3-none-any.whl is damaged: nothing was installed; unpack the archive again into a "
        "new folder\n"
    )


def test_another_python_is_told_which_one_is_needed(tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "snoska", PROGRAM)
    bundle = unpacked(packed(tmp_path / "wheels", tmp_path, (3, 99)), tmp_path)
    assert refused(bundle) == (
        f"install: this bundle is for Python 3.99, and this is {platform.python_version()}: run python3.99 install.py, "
        "or make a bundle with this Python\n"
    )


@pytest.mark.slow
def test_it_installs_from_its_wheels_alone_and_brings_an_environment_up_to_date(bundle: Path, tmp_path: Path) -> None:
    done = install(bundle, str(tmp_path / "place"))
    assert (done.returncode, done.stderr) == (0, "")
    programs = tmp_path / "place" / ("Scripts" if os.name == "nt" else "bin")
    assert str(programs / "snoska") in done.stdout
    for name in ("snoska", "snoskas_need"):
        assert subprocess.run([programs / name, "x"], capture_output=True, text=True).stdout == "installed x\n"
    wheel(tmp_path / "wheels", "snoska", PROGRAM.replace("installed", "anew"), needs="snoskas_need")
    newer = unpacked(packed(tmp_path / "wheels", tmp_path), tmp_path / "newer")
    assert install(newer, str(tmp_path / "place")).returncode == 0
    assert subprocess.run([programs / "snoska"], capture_output=True, text=True).stdout == "anew\n"


@pytest.mark.soak
@pytest.mark.model
@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="cutting the network off needs root and Linux")
def test_the_whole_bundle_answers_without_a_network(tmp_path: Path) -> None:
    """Downloads some 500 MB from the package index, or some GB where that has torch with CUDA only."""
    subprocess.run([sys.executable, ROOT / "bundle" / "pack.py", "--target", tmp_path], check=True)
    [archive] = tmp_path.glob("snoska-*.tar.gz")
    bundle = unpacked(archive, tmp_path)
    home = tmp_path / "home"
    home.mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}

    def offline(*command: str | Path) -> str:
        cut = ["unshare", "--net", "--", *command]
        return subprocess.run(cut, check=True, capture_output=True, text=True, cwd=bundle, env=environment).stdout

    offline(sys.executable, "install.py")
    offline("venv/bin/snoska", "build", "seeds", "--index", "index")
    assert "около 500 компаний" in offline("venv/bin/snoska", "ask", QUESTION, "--index", "index")
    assert [path.name for path in (home / ".cache").iterdir()] == ["snoska"]
