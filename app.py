"""The web box over a folder of documents: ``python app.py``.

HOST and PORT change where it listens, DOCUMENTS the folder (seeds/ beside this file) and INDEX where its index is kept
(index/ beside this file). Where other machines can reach the address, a password must be set, or SNOSKA_AUTH=off.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from rag.errors import RagError
from rag.web import serve

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Serves the page; brings the index up to date meanwhile."""
    host, port = os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "7860"
    if not (port.isascii() and port.isdigit() and len(port) < 6 and int(port) < 2**16):
        sys.exit(f"snoska: PORT={port!r:.40} is not a port: give a number from 0 to 65535")
    documents, index = (os.environ.get(name) for name in ("DOCUMENTS", "INDEX"))
    try:
        serve(index or HERE / "index", host, int(port), documents=documents or HERE / "seeds")
    except RagError as error:
        sys.exit(f"snoska: {error}")


if __name__ == "__main__":
    main()
