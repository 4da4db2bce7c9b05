"""Installs Snoska from this folder, without a network: ``python3 install.py [FOLDER]``.

FOLDER gets a virtual environment (``venv`` beside this file where none is named); one that is there is brought up to
this version. Every file is checked against SHA256SUMS first, and nothing is installed where one differs, is missing or
is not listed. Needs Python with its module venv, of the version and on the kind of machine that the wheels are for.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SUMS = "SHA256SUMS"
BUILT = "built.json"  # what the wheels are for
PASSED_OVER = ("venv", "index", "__pycache__")  # what using the bundle makes in its folder


def main(arguments: list[str]) -> None:
    if len(arguments) > 1 or any(each.startswith("-") for each in arguments):
        sys.exit(__doc__)
    built = json.loads((HERE / BUILT).read_text("utf-8"))
    require(built)
    print("checking the files ...", flush=True)
    check(HERE)
    target = Path(arguments[0] if arguments else HERE / "venv").absolute()
    print(f"installing into {target} ...", flush=True)
    install(target, built["version"])
    snoska = programs(target) / "snoska"
    print(f"\nSnoska {built['version']} is installed: {snoska}\nTry it with the documents that came with it:")
    print(f'  {snoska} build "{HERE / "seeds"}" --index index')
    print(f'  {snoska} ask "How many companies with Emirati participation operate in Kazakhstan?" --index index')
    print(f"  {snoska} serve --index index")


def require(built: dict[str, object]) -> None:
    """Ends where the wheels are not for this Python or this machine."""
    wanted = ".".join(map(str, built["python"]))  # type: ignore[call-overload]
    if list(sys.version_info[:2]) != built["python"]:
        sys.exit(f"install: this bundle is for Python {wanted}, and this is {platform.python_version()}: run "
                 f"python{wanted} install.py, or make a bundle with this Python")  # fmt: skip
    here = [platform.system().lower(), platform.machine().lower()]
    if here != [built["system"], built["machine"]]:
        sys.exit(f"install: this bundle is for {built['system']} on {built['machine']}, and this is {here[0]} on "
                 f"{here[1]}: make a bundle on such a machine")  # fmt: skip


def check(folder: Path) -> None:
    """Ends where a file is not as SHA256SUMS has it, is missing, or is not in it."""
    sums = dict(reversed(line.split("  ", 1)) for line in (folder / SUMS).read_text("utf-8").splitlines())
    found = listed(folder)
    wrong = [f"{path} is missing" for path in sums if path not in found]
    wrong += [f"{path} is not listed" for path in found if path not in sums]
    wrong += [f"{path} is damaged" for path in found if path in sums and sha256(folder / path) != sums[path]]
    if wrong:
        sys.exit(f"install: {'; '.join(wrong)}: nothing was installed; unpack the archive again into a new folder")


def listed(folder: Path) -> list[str]:
    """The files that the sums are about, by their paths in the folder, in order."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir())
    return sorted(path.as_posix() for path in paths if str(path) != SUMS and path.parts[0] not in PASSED_OVER)


def sha256(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(2**20):
            found.update(piece)
    return found.hexdigest()


def install(target: Path, version: str) -> None:
    """Makes the environment, where there is none, and installs from the wheels alone."""
    python = programs(target) / "python"
    if not any(python.parent.glob("python*")) and subprocess.call([sys.executable, "-I", "-m", "venv", str(target)]):
        sys.exit("install: a virtual environment cannot be made (on Debian, the package python3-venv is needed)")
    pip = [
        str(python),
        "-I",
        "-m",
        "pip",
        "--isolated",
        "install",
        "--no-index",
        "--disable-pip-version-check",
        "--quiet",
    ]
    wheels = ["--find-links", str(HERE / "wheels"), "--constraint", str(HERE / "constraints.txt")]
    ours = f"snoska=={version}"
    for command in ([ours], ["--force-reinstall", "--no-deps", ours]):  # ours anew: its number may be the same
        if code := subprocess.call([*pip, *wheels, *command]):
            sys.exit(code)


def programs(environment: Path) -> Path:
    return environment / ("Scripts" if os.name == "nt" else "bin")


if __name__ == "__main__":
    main(sys.argv[1:])
