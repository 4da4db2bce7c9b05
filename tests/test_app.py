"""``python app.py`` as it is started: by hand, by make, in a container."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

import rag

ROOT = Path(__file__).resolve().parent.parent


def asked_at_the_end(process: subprocess.Popen[str], url: str) -> str:
    """What is answered to a question of which half has been sent when SIGTERM comes."""
    host, _, port = url.removeprefix("http://").partition(":")
    (box,) = [each["id"] for each in httpx.get(f"{url}/config").json()["components"] if each["type"] == "html"]
    data = {"question": "Когда основан город Тестовск?", "language": "ru"}
    body = json.dumps({"data": data, "component_id": box, "fn_name": "ask", "session_hash": "test"}).encode()
    head = f"POST /gradio_api/component_server HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {len(body)}\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(f"{head}Content-Type: application/json\r\nConnection: close\r\n\r\n".encode() + body[:9])
        httpx.get(f"{url}/snoska/health")  # it has read what came before
        process.send_signal(signal.SIGTERM)
        while is_open(host, int(port)):
            time.sleep(0.01)
        connection.sendall(body[9:])
        answer = b""
        while piece := connection.recv(2**16):
            answer += piece
    return answer.decode("utf-8")


def is_open(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=30).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.mark.model
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to send")
def test_the_environment_names_the_documents_and_the_index_and_sigterm_lets_it_finish(tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "город.txt").write_text("Город Тестовск основан в 1723 году.\n", "utf-8")
    places = {"DOCUMENTS": str(tmp_path / "documents"), "INDEX": str(tmp_path / "index")}
    environment = {**os.environ, **places, "HOST": "127.0.0.1", "PORT": "0"}
    command = [sys.executable, ROOT / "app.py"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        told, answers, url = [], [], ""
        for line in process.stderr or ():
            told.append(line)
            if "serving on " in line:
                url = line.split()[-1]
            if "ready: " in line:
                answers.append(asked_at_the_end(process, url))
        assert (process.wait(), told[-1]) == (
            -signal.SIGTERM,
            "INFO rag.web.collection: ready: 1 documents, 1 passages\n",
        )
    (answer,) = answers
    assert answer.startswith("HTTP/1.1 200 ")
    assert "Город Тестовск основан в 1723 году." in answer
    assert rag.open(tmp_path / "index").document("город.txt").text == "Город Тестовск основан в 1723 году.\n"
