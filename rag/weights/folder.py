"""The folder of the bundled model in the user's cache: made once, atomically, and checked at each start."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from pathlib import Path
from typing import Any

from rag.durable import sync_folder
from rag.errors import ModelError
from rag.settings import Settings
from rag.weights.contents import write_contents, write_json
from rag.weights.file import WEIGHTS_SHA256, Weights, checked_bytes, read_weights, weights_path

log = logging.getLogger(__name__)

FOLDER_NAME = f"multilingual-e5-small-q4-0.3.0-{WEIGHTS_SHA256[:12]}"
RECIPE = 1  # raised when the same weights would give other files, so that a folder of the old recipe is remade
MANIFEST = "snoska.json"  # written last: a folder without it is half made
PATIENCE_S = 300.0  # making takes seconds; only a hung process holds the lock for longer


def bundled_model_folder(settings: Settings | None = None) -> Path:
    """The bundled model as a sentence-transformers folder under ``settings.cache``, made where needed.

    Making takes about 5 s and 490 MB of disk. Two processes may call this at once: one makes, the other waits.
    A half-made or damaged folder is made again. A weights file that the settings name is checked even when the
    folder is there already: a wrong setting is told, not passed over.

    Raises ModelError where the weights are missing or damaged, or the cache cannot be written.
    """
    settings = settings or Settings.from_environment()
    target = settings.cache / FOLDER_NAME
    if settings.weights is not None:
        checked_bytes(settings.weights)
    if _is_intact(target):
        return target
    try:
        _make_once(target, settings)
    except OSError as error:
        raise ModelError(
            f"cannot make the bundled model in {settings.cache} ({error}): "
            "set SNOSKA_CACHE to a folder that can be written and has 600 MB free"
        ) from error
    return target


def _make_once(target: Path, settings: Settings) -> None:
    from filelock import FileLock, Timeout

    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(target.with_name(f"{FOLDER_NAME}.lock"), timeout=PATIENCE_S):
            if not _is_intact(target):  # another process may have made it while this one waited
                _make(target, read_weights(weights_path(settings)))
    except Timeout as error:
        raise ModelError(f"another process has been making {target} for {PATIENCE_S:.0f} s: end it, or wait") from error


def _make(target: Path, weights: Weights) -> None:
    """Writes beside ``target`` and renames, so that a folder of that name is always whole. Call under the lock."""
    log.info("making the bundled model in %s", target)
    for left_over in target.parent.glob(f"{target.name}.*.tmp"):
        shutil.rmtree(left_over)
    new = target.with_name(f"{target.name}.new.tmp")
    try:
        _write_whole(new, weights)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)  # on a full disk, 490 MB matter
        raise
    if target.exists():
        log.info("the model folder %s is damaged or of an older recipe: it is replaced", target)
        old = target.with_name(f"{target.name}.old.tmp")
        target.rename(old)
        new.rename(target)
        shutil.rmtree(old)
    else:
        new.rename(target)
    sync_folder(target.parent)


def _write_whole(folder: Path, weights: Weights) -> None:
    folder.mkdir()
    write_contents(folder, weights)
    write_json(folder / MANIFEST, {"recipe": RECIPE, "weights": WEIGHTS_SHA256, "files": _stamps(folder)})
    for file in _files(folder):
        _sync(file)


def _is_intact(folder: Path) -> bool:
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        if manifest["recipe"] != RECIPE or manifest["weights"] != WEIGHTS_SHA256:
            return False
        return all(_is_same(folder / name, stamp) for name, stamp in manifest["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.debug("%s is not an intact model folder: %r", folder, error)
        return False


def _is_same(file: Path, stamp: dict[str, Any]) -> bool:
    """By size and time, as make and git do; by content where only the time differs, as in a copied cache."""
    found = file.stat()
    if found.st_size != stamp["size"]:
        return False
    return bool(found.st_mtime_ns == stamp["mtime_ns"]) or _sha256(file) == stamp["sha256"]


def _stamps(folder: Path) -> dict[str, dict[str, Any]]:
    return {file.relative_to(folder).as_posix(): _stamp(file) for file in _files(folder)}


def _stamp(file: Path) -> dict[str, Any]:
    found = file.stat()
    return {"size": found.st_size, "mtime_ns": found.st_mtime_ns, "sha256": _sha256(file)}


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sync(file: Path) -> None:
    with file.open("rb+") as stream:
        os.fsync(stream.fileno())
