"""How long a person waits: `snoska ask` in a fresh process, and a question in a process that is warm.

    python benchmarks/latency.py [--documents seeds] [--processes 5] [--rounds 10] [--limits]

The first process is shown apart: it finds the disk as it is. --limits leaves with status 1 where the median cold
answer takes 12 s or more, or the median warm one 60 ms or more.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import rag

ROOT = Path(__file__).resolve().parent.parent
QUESTIONS = (
    "Сколько компаний с эмиратским участием работает в Казахстане?",
    "How many companies with Emirati participation operate in Kazakhstan?",
    "Когда и где пройдет следующее заседание комиссии?",
    "Which country is organising the UN Water Conference together with the UAE?",
    "Какова цена барреля нефти по соглашению?",
    "Who is the president of Senegal?",
)
COLD_SECONDS, WARM_MILLISECONDS = 12.0, 60.0


def cold(index: Path, processes: int) -> list[float]:
    """The seconds that each of some fresh processes takes to answer."""
    taken = []
    for number in range(processes):
        question = QUESTIONS[number % len(QUESTIONS)]
        command = [Path(sys.executable).with_name("snoska"), "ask", question, "--index", index]
        started = time.perf_counter()
        subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - started)
    return taken


def warm(index: rag.Index, rounds: int) -> list[float]:
    """The milliseconds that each question takes in this process, after one round that is not counted."""
    taken = []
    for number in range(rounds + 1):
        for question in QUESTIONS:
            started = time.perf_counter()
            index.ask(question)
            if number:
                taken.append(1000 * (time.perf_counter() - started))
    return taken


def machine() -> str:
    """The processor, its cores and the versions that matter."""
    import torch

    from rag.encoders import load_encoder

    told = Path("/proc/cpuinfo").read_text("utf-8") if Path("/proc/cpuinfo").exists() else ""
    names = [line.partition(":")[2].strip() for line in told.splitlines() if line.startswith("model name")]
    processor = names[0] if names else platform.processor() or platform.machine()
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    model = load_encoder().name
    return (
        f"{processor}, {os.cpu_count()} cores{load}; {platform.system()}, Python {platform.python_version()},"
        f" torch {torch.__version__}; {model}"
    )


def row(name: str, values: Sequence[float], unit: str) -> str:
    """A line of the table: the median, the 95th percentile and the extremes."""
    p50, p95 = np.percentile(values, [50, 95])
    return f"| {name} | {len(values)} | {p50:.1f} | {p95:.1f} | {min(values):.1f} | {max(values):.1f} | {unit} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=Path, default=ROOT / "seeds", help="the collection that is asked")
    parser.add_argument("--processes", type=int, default=5, help="fresh processes")
    parser.add_argument("--rounds", type=int, default=10, help=f"times that {len(QUESTIONS)} questions are asked warm")
    parser.add_argument("--limits", action="store_true", help="status 1 where a median is over its limit")
    arguments = parser.parse_args()
    if arguments.processes < 1 or arguments.rounds < 1:
        parser.error("--processes and --rounds are numbers from 1")
    with tempfile.TemporaryDirectory() as folder:
        index = rag.build(arguments.documents, folder)
        passages = index.info()["passages"]
        seconds = cold(Path(folder), arguments.processes + 1)
        milliseconds = warm(index, arguments.rounds)
    print(f"{machine()}; {passages} passages\n")
    print("|  | times | median | 95 % | least | most | unit |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | --- |")
    print(row("snoska ask, first process", seconds[:1], "s"))
    print(row("snoska ask, fresh process", seconds[1:], "s"))
    print(row("ask in a warm process", milliseconds, "ms"))
    over = np.median(seconds[1:]) >= COLD_SECONDS or np.median(milliseconds) >= WARM_MILLISECONDS
    return int(arguments.limits and bool(over))


if __name__ == "__main__":
    sys.exit(main())
