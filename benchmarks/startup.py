"""How long a person waits for the first answer: of a command, and of a page that is just being started.

    python benchmarks/startup.py [--documents seeds] [--processes 5]

`snoska ask` in fresh processes on a built index, by the light runtime and by torch (SNOSKA_RUNTIME), in turns; what the
imports take of it; and the page from its start to its first byte and to its first answer. The first process is shown
apart: it finds the disk as it is.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import rag

ROOT = Path(__file__).resolve().parent.parent
QUESTION = "How many companies with Emirati participation operate in Kazakhstan?"
RUNTIMES = ("light", "torch")
COMMAND = (sys.executable, "-c", "from rag.cli import main; main()")
STEPS = {
    "Python alone": "pass",
    "import rag.cli": "import rag.cli",
    "import rag.index": "import rag.index",
    "import rag.index, open": "import rag, sys; rag.open(sys.argv[1])",
    "all of it, and answer": f"import rag, sys; rag.open(sys.argv[1]).ask({QUESTION!r})",
}
PATIENCE = 120.0  # seconds for the page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=Path, default=ROOT / "seeds", help="the collection that is asked")
    parser.add_argument("--processes", type=int, default=5, help="fresh processes of each kind")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rag.build(arguments.documents, folder)
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
        print("| | times | median, s | least | most | of a core, s |\n| --- | ---: | ---: | ---: | ---: | ---: |")
        asked = {runtime: [] for runtime in RUNTIMES}
        for _ in range(arguments.processes + 1):
            for runtime, taken in asked.items():
                taken.append(run([*COMMAND, "ask", QUESTION, "--index", folder], runtime))
        for runtime, taken in asked.items():
            row(f"snoska ask, {runtime}, first process", taken[:1])
            row(f"snoska ask, {runtime}", taken[1:])
        for name, code in STEPS.items():
            row(name, [run([sys.executable, "-c", code, folder], "light") for _ in range(arguments.processes)])
        pages = {runtime: [] for runtime in RUNTIMES}
        for _ in range(max(1, arguments.processes // 2)):
            for runtime, taken in pages.items():
                taken.append(page(folder, runtime))
        for runtime, taken in pages.items():
            for number, what in enumerate(("up", "answering")):
                row(f"the page {what}, {runtime}", [(each[number], float("nan")) for each in taken])
        print(f"\nload {os.getloadavg()[0]:.1f}")


def run(command: Sequence[str], runtime: str) -> tuple[float, float]:
    """Seconds of a process, by the clock and of a core."""
    before, started = os.times(), time.perf_counter()
    subprocess.run(command, check=True, cwd=ROOT, env=environment(runtime), stdout=subprocess.DEVNULL)
    taken, after = time.perf_counter() - started, os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return taken, spent


def page(index: str, runtime: str) -> tuple[float, float]:
    """Seconds until the page is served, and until it has answered a question."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    started = time.perf_counter()
    command = [*COMMAND, "serve", "--index", index, "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, env=environment(runtime), stderr=subprocess.DEVNULL) as process:
        try:
            fetch(f"http://127.0.0.1:{port}/", None)
            up = time.perf_counter() - started
            call = f"http://127.0.0.1:{port}/gradio_api/call/ask"
            event = json.loads(fetch(call, json.dumps({"data": [QUESTION]}).encode()))["event_id"]
            told = fetch(f"{call}/{event}", None).decode()
            if "event: complete" not in told:
                raise RuntimeError(f"the page gave no answer: {told:.200}")
            return up, time.perf_counter() - started
        finally:
            process.terminate()


def fetch(url: str, data: bytes | None) -> bytes:
    """What the address gives, as soon as somebody listens there."""
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    ends = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                return bytes(response.read())
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > ends:
                raise
            time.sleep(0.02)


def environment(runtime: str) -> dict[str, str]:
    return {**os.environ, "SNOSKA_RUNTIME": runtime}


def row(name: str, taken: Sequence[tuple[float, float]]) -> None:
    clock, core = np.array(taken).T
    told = "" if np.isnan(core).any() else f"{np.median(core):.2f}"
    print(
        f"| {name} | {len(taken)} | {np.median(clock):.2f} | {clock.min():.2f} | {clock.max():.2f} | {told} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
