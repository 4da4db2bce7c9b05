"""No name within an archive, and no reference to one, leads outside it."""

from __future__ import annotations

import sys
import threading
from importlib import import_module
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hostile.containers import MAIN, PARTS, TEXT, Entry, archive, office, relations

from rag.errors import DocumentError
from rag.readers import READERS
from tests.attacks.attack import SECRET, SECRET_FILE, Opened, payloads


def outside(kind: str, payload: str) -> list[bytes]:
    """Files of a kind with an entry of this name, and with a reference to it where another part should be."""
    parts = [Entry.of(name, text.replace(TEXT, "A whole text.").encode()) for name, text in PARTS[kind].items()]
    files = [archive([*parts, Entry.of(payload, b"evil")])]
    named = escape(payload, {'"': "&quot;"})
    if kind == "epub":
        files.append(office(kind, {"content.opf": PARTS[kind]["content.opf"].replace("chapter.xhtml", named)}))
        container = PARTS[kind]["META-INF/container.xml"].replace("content.opf", named)
        files.append(office(kind, {"META-INF/container.xml": container}))
    elif "_rels/.rels" in PARTS[kind]:
        files.append(office(kind, {"_rels/.rels": relations(("officeDocument", named))}))
        linked = relations(*((each, named) for each in ("footnotes", "styles", "slide", "worksheet", "sharedStrings")))
        folder, _, name = next(
            part for part in PARTS[kind] if part.count("/") == 1 and part != "_rels/.rels"
        ).partition("/")
        files.append(office(kind, {f"{folder}/_rels/{name}.rels": linked}))
    return files


@pytest.mark.parametrize("kind", MAIN)
def test_an_archives_entries_lead_nowhere(kind: str, opened: Opened, tmp_path: Path) -> None:
    secret = tmp_path / SECRET_FILE
    secret.write_text(SECRET, "utf-8")
    tried = [each for each in payloads("traversal", secret=secret) if "\0" not in each and "\ud83d" not in each]
    read, refused = 0, 0
    read_file = import_module(f"rag.readers.{READERS[kind]}").read
    made = [data for payload in tried for data in outside(kind, payload)]
    read_file(made[0])  # what it imports is no matter
    with opened.watched(threading.get_ident()) as files:
        for data in made:
            try:
                assert SECRET not in read_file(data).text
                read += 1
            except DocumentError:
                refused += 1
    print(f"{len(tried)} names, {len(made)} files of {kind}: {read} read, {refused} refused")
    assert {path for path in files if str(secret.parent) in path or path.startswith(("/etc/", "/proc/"))} == set()
    assert files - {path for path in files if path.startswith((sys.prefix, sys.base_prefix))} == set()
    assert read >= len(tried)
