"""Making a rename last: what the model's folder and the index's files share."""

from __future__ import annotations

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Makes the folder's entries durable, so that a rename in it survives a crash."""
    if os.name != "posix":  # Windows makes a rename durable by itself and cannot open a folder
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
