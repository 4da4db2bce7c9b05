"""What an embeddings server costs and brings: texts a second here, over HTTP, and of the protocol alone, in one run.

    python benchmarks/embedding_server.py --data ../shared/eval/xquad [--paragraphs 64] [--rounds 3]

The server is a process of its own on this machine with the bundled model in it, so the same processor does the same
arithmetic in both rows; what the second has less is what HTTP takes. "The protocol alone" is that server with vectors
that it knows already: as fast as one builder can be, however fast the server. The second encoder embeds sentences
on the building machine in any case.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock

import numpy as np
from embedding import read

from rag.encoders import BundledEncoder, load_encoder
from rag.settings import Settings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="XQuAD's folder")
    parser.add_argument("--paragraphs", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", choices=("model", "memory"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(from_memory=arguments.serve == "memory")
        return
    settings = Settings.from_environment()
    encoder = BundledEncoder.load(settings)
    found = read(arguments.data, arguments.paragraphs, encoder)
    texts = list(dict.fromkeys(text for paragraph, own in found for text in (paragraph, *own)))
    sentences = list(dict.fromkeys(sentence for _, own in found for sentence in own))
    second = encoder.second
    assert second is not None
    with served("model") as url, served("memory") as memory:
        there, remembered = (load_encoder(replace(settings, embeddings_url=each)) for each in (url, memory))
        jobs: dict[str, tuple[int, Callable[[], object]]] = {
            "here": (len(texts), lambda: encoder.encode_documents(texts)),
            "over HTTP": (len(texts), lambda: there.encode_documents(texts)),
            "the protocol alone": (len(texts), lambda: remembered.encode_documents(texts)),
            "the second encoder, here": (len(sentences), lambda: second.encode_sentences(sentences)),
        }
        print(f"{len(found)} paragraphs and their sentences, {len(texts)} texts; load {os.getloadavg()[0]:.1f}\n")
        table(jobs, arguments.rounds)
        agreement = np.sum(encoder.encode_documents(texts) * there.encode_documents(texts), axis=1)
        print(f"\nleast cosine of a vector over HTTP with the one made here: {agreement.min():.5f}")


def table(jobs: dict[str, tuple[int, Callable[[], object]]], rounds: int) -> None:
    """The medians over the rounds, after one that is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in jobs}
    for number in range(rounds + 1):
        for name, (_, job) in jobs.items():
            started = time.perf_counter()
            job()
            if number:
                taken[name].append(time.perf_counter() - started)
    print("| | texts/s |\n| --- | ---: |")
    for name, (count, _) in jobs.items():
        print(f"| {name} | {count / float(np.median(taken[name])):.0f} |")


@contextmanager
def served(kind: str) -> Iterator[str]:
    """The address of a server that lasts as long as this does."""
    command = [sys.executable, __file__, "--serve", kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def serve(from_memory: bool) -> None:
    """Serves the bundled model, to texts that have their prompts; ``from_memory``: each text is embedded once."""
    model = BundledEncoder.load(Settings(query_prompt="", document_prompt=""))
    lock, known = Lock(), dict[str, str]()

    def coded(texts: list[str]) -> list[str]:
        with lock:
            missing = [text for text in texts if text not in known]
            rows = model.encode_documents(missing) if missing else []
            made = known | {
                text: base64.b64encode(row.tobytes()).decode() for text, row in zip(missing, rows, strict=True)
            }
            if from_memory:
                known.update(made)
        return [made[text] for text in texts]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            data = [{"index": i, "embedding": each} for i, each in enumerate(coded(asked["input"]))]
            body = json.dumps({"data": data}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_address[1]}/v1", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
