"""requirements.lock holds the hashes of exactly what constraints.txt pins."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def pins(name: str) -> dict[str, tuple[str, list[str]]]:
    """Each package of a file with its version and marker, and its hashes."""
    text = "\n".join(line for line in (ROOT / name).read_text("utf-8").splitlines() if not line.startswith("#"))
    found: dict[str, tuple[str, list[str]]] = {}
    for line in text.replace("\\\n", " ").splitlines():
        requirement, *hashes = re.split(r"\s+--hash=", line.strip())
        package, version = requirement.split("==", 1)
        assert package not in found
        found[package] = (version.replace(" ;", ";"), hashes)
    return found


def test_the_lock_holds_what_the_constraints_pin_but_torch() -> None:
    pinned, locked = pins("constraints.txt"), pins("requirements.lock")
    assert {name: version for name, (version, _) in pinned.items() if name != "torch"} == {
        name: version for name, (version, _) in locked.items()
    }, "run make lock"


def test_every_locked_package_has_hashes_of_full_length() -> None:
    hashes = {name: hashes for name, (_, hashes) in pins("requirements.lock").items()}
    assert [name for name, given in hashes.items() if not given] == []
    every = [each for given in hashes.values() for each in given]
    assert [each for each in every if not re.fullmatch("sha256:[0-9a-f]{64}", each)] == []


def test_the_lock_names_no_place_to_fetch_from() -> None:
    assert re.findall(r"://|--(?!hash)\S+|@", (ROOT / "requirements.lock").read_text("utf-8")) == []


def test_all_that_snoska_asks_for_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = [*project["dependencies"], *(each for extra in project["optional-dependencies"].values() for each in extra)]
    names = {re.split(r"[\[<>=;~! ]", each)[0].lower().replace("_", "-") for each in asked}
    assert sorted(names - set(pins("constraints.txt"))) == []
