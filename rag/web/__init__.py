"""The web box: a page and an API over one collection. Gradio is imported only when it is served."""

from __future__ import annotations

from pathlib import Path


def serve(
    index: str | Path,
    host: str = "127.0.0.1",
    port: int = 7860,
    documents: str | Path | None = None,
    no_auth: bool = False,
) -> None:
    """Serves the page over an index until it is stopped; see :func:`rag.web.server.serve`."""
    from rag.web import server

    server.serve(index, host, port, documents, no_auth)
