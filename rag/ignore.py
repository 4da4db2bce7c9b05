"""What a folder's ``.snoskaignore`` files leave out, and the files that are nobody's document.

The rules are git's: a file of rules in any folder, patterns relative to that folder, the last one that matches decides,
a deeper file before a higher one, and nothing below a folder that is left out is looked at.
"""

from __future__ import annotations

import re
import stat
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

from rag.errors import ConfigurationError, DocumentError
from rag.readers.source import decode

RULES = ".snoskaignore"
RULES_BYTES = 2**20  # a file of rules is a page; a larger one is something else
# Lock files of word processors, what is still being downloaded or copied, editors' backups.
TEMPORARY_PREFIXES = ("~$", "~")
TEMPORARY_SUFFIXES = ("~", ".tmp", ".part", ".crdownload", ".swp")
SYSTEM_NAMES = frozenset({"thumbs.db", "desktop.ini"})  # what Windows hides in a folder, without a dot


def is_hidden(name: str) -> bool:
    """Whether a file or a folder of this name is hidden."""
    return name.startswith(".") or name.lower() in SYSTEM_NAMES


def is_temporary(name: str) -> bool:
    """Whether a file of this name is a temporary one; folders never are."""
    return name.startswith(TEMPORARY_PREFIXES) or name.lower().endswith(TEMPORARY_SUFFIXES)


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules that hold in a folder: its own, then those above, each with the path of its folder (``a/b/``)."""

    levels: tuple[tuple[str, GitIgnoreSpec], ...] = ()

    def within(self, folder: Path, path: str) -> Rules:
        """The rules in ``folder``, whose path is ``path``: these, and those of its own file of rules.

        Raises ConfigurationError where that file cannot be read or holds what is no pattern.
        """
        spec = _spec(folder / RULES, path + RULES)
        return self if spec is None else Rules(((path, spec), *self.levels))

    def ignore(self, path: str) -> bool:
        """Whether the file or, with a final ``/``, the folder at this path is left out."""
        for base, spec in self.levels:
            verdict = spec.check_file(path.removeprefix(base)).include
            if verdict is not None:
                return verdict
        return False


def _spec(file: Path, shown: str) -> GitIgnoreSpec | None:
    try:
        about = file.stat()
        if not stat.S_ISREG(about.st_mode):
            return None
        if about.st_size > RULES_BYTES:
            raise ConfigurationError(f"{shown} is larger than {RULES_BYTES // 2**20} MB: these are no rules, remove it")
        text = decode(file.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(f"{shown} cannot be read ({error.strerror}): allow it, or remove it") from error
    except DocumentError as error:
        raise ConfigurationError(f"{shown} cannot be read: {error}") from error
    lines = unicodedata.normalize("NFC", text).splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            GitIgnoreSpec.from_lines([line])
        except (ValueError, re.error) as error:
            raise ConfigurationError(f"{shown}, line {number}: {line!r} is no pattern: correct or remove it") from error
    return GitIgnoreSpec.from_lines(lines)
