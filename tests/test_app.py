"""``python app.py`` as it is started: by hand, by make, in a container."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import rag

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.model
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to send")
def test_the_environment_names_the_documents_and_the_index_and_sigterm_ends_it(tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "город.txt").write_text("Город Тестовск основан в 1723 году.\n", "utf-8")
    places = {"DOCUMENTS": str(tmp_path / "documents"), "INDEX": str(tmp_path / "index")}
    environment = {**os.environ, **places, "HOST": "127.0.0.1", "PORT": "0"}
    command = [sys.executable, ROOT / "app.py"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        told = []
        for line in process.stderr or ():
            told.append(line)
            if "ready: " in line:
                process.send_signal(signal.SIGTERM)
        assert (process.wait(), told[-1]) == (
            -signal.SIGTERM,
            "INFO rag.web.collection: ready: 1 documents, 1 passages\n",
        )
    assert rag.open(tmp_path / "index").document("город.txt").text == "Город Тестовск основан в 1723 году.\n"
