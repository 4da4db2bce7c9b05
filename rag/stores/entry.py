"""A document's entry in the manifest of a generation."""

from __future__ import annotations

import os
from dataclasses import dataclass

from rag.folder import Content
from rag.readers import file_type
from rag.stores.files import Part
from rag.types import Json


@dataclass(frozen=True, slots=True)
class Entry:
    """A document in the manifest: its file's hash, the part that holds its text and passages, and the part that says
    where its words stand, where the format has pages. In a segment, which holds all three, it has no parts of its own.

    ``name`` is what the system calls the file, in surrogate escapes, where that is not its path; ``sidecar`` the hash
    of the file that describes it, empty where there is none; ``missing`` what of it could not be read, and why;
    ``read`` when it was read, in UTC, as ``2025-11-25T09:30:00Z``, empty where that was not noted.
    """

    path: str
    sha256: str
    part: Part | None
    words: Part | None = None
    name: str = ""
    sidecar: str = ""
    missing: tuple[str, ...] = ()
    read: str = ""

    @classmethod
    def from_json(cls, value: Json) -> Entry:
        """Raises IndexDamaged where the value names no part; TypeError, ValueError or KeyError where it is no entry."""
        texts = [
            value["path"],
            value["sha256"],
            value["name"],
            value["sidecar"],
            value.get("read", ""),
            *value["missing"],
        ]
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("an entry holds what is no text")
        return cls(
            value["path"],
            value["sha256"],
            Part.from_json(value["part"]) if value["part"] else None,
            Part.from_json(value["words"]) if value["words"] else None,
            os.fsdecode(bytes.fromhex(value["name"])),
            value["sidecar"],
            tuple(value["missing"]),
            value.get("read", ""),
        )

    def to_json(self) -> Json:
        return {
            "path": self.path,
            "sha256": self.sha256,
            "part": self.part.to_json() if self.part else None,
            "words": self.words.to_json() if self.words else None,
            "name": os.fsencode(self.name).hex(),  # it need not be Unicode
            "sidecar": self.sidecar,
            "missing": list(self.missing),
            "read": self.read,
        }

    @property
    def source(self) -> str:
        """What to open, relative to the folder of documents."""
        return self.name or self.path

    @property
    def content(self) -> Content:
        """What the document follows from, as :attr:`rag.folder.File.content` tells it."""
        return self.sha256, file_type(self.path), self.sidecar

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(part for part in (self.part, self.words) if part)
