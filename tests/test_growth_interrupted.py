"""A build of a mapped index that does not end leaves the last generation, and the next one its work."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

import rag
from rag import embedding, growth
from rag.errors import IndexMissing
from rag.stores import files
from rag.stores.generations import names_of_current
from rag.types import Matrix
from tests.small_encoder import SmallEncoder, SmallSecond
from tests.small_folder import MAPPED, Folder

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Failing(SmallEncoder):
    """Fails when it is asked for a text that holds a word."""

    word: str = ""

    def encode_documents(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Matrix:
        if any(self.word in text for text in texts):
            raise MemoryError(self.word)
        return super().encode_documents(texts, progress)


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """Twelve documents of one sentence each, five to a segment, of which two are embedded at a time."""
    monkeypatch.setattr(embedding, "RUN", 2)
    monkeypatch.setattr(growth, "SEGMENT", 5)
    folder = Folder(tmp_path)
    for number in range(12):
        folder.put(f"{number:02}.txt", f"Документ под номером {number}.")
    return folder


def interrupted(folder: Folder, word: str) -> list[str]:
    """Builds until the encoder comes upon the word; what it has embedded."""
    encoder = Failing(word=word, second=SmallSecond())
    with pytest.raises(MemoryError):
        rag.build(folder.documents, folder.index, encoder=encoder, settings=MAPPED)
    return encoder.encoded


def is_swept(folder: Folder, last: set[str]) -> bool:
    """Whether there is nothing but what this generation and the last one name."""
    named = names_of_current(folder.index) | last
    return folder.parts() == named and {path.name for path in folder.index.iterdir()} == {"CURRENT", ".lock", "parts"}


def test_an_interrupted_build_goes_on_where_it_stopped(many: Folder) -> None:
    assert len(interrupted(many, "номером 8")) == 7  # five in a segment, and one run of two
    with pytest.raises(IndexMissing):
        many.open()
    assert many.build() == {"added": 12, "embedded_texts": 5}
    assert many.shape() == [(5, 0), (5, 0), (2, 0)]
    assert is_swept(many, set())
    assert many.build() == {"unchanged": 12}


def test_the_last_generation_answers_until_the_next_is_whole(many: Folder) -> None:
    many.build()
    before, names = many.open().search("документ под номером 3"), names_of_current(many.index)
    for number in range(20, 32):
        many.put(f"{number}.txt", f"Новый протокол под номером {number}.")
    assert len(interrupted(many, "номером 28")) == 7
    assert many.open().search("документ под номером 3") == before
    (many.documents / "20.txt").unlink()
    many.put("21.txt", "Переписанный протокол.")
    assert many.build() == {"added": 11, "unchanged": 12, "embedded_texts": 6}
    assert many.shape()[-1][1] == sum(dead for _, dead in many.shape()) == 0  # two of five dead: written again
    assert "Новый протокол под номером 21." not in many.texts()
    assert is_swept(many, names)


def test_a_killed_build_goes_on_where_it_stopped(many: Folder) -> None:
    script = f"""
import os, rag
from rag import embedding, growth, readers
from rag.settings import Settings
from tests.small_encoder import SmallEncoder, SmallSecond

class Killed(SmallEncoder):
    def encode_documents(self, texts, progress=None):
        if any("номером 8" in text for text in texts):
            os.kill(os.getpid(), 9)
        return super().encode_documents(texts, progress)

embedding.RUN, growth.SEGMENT = 2, 5
encoder = Killed(second=SmallSecond())
rag.build({str(many.documents)!r}, {str(many.index)!r}, encoder=encoder, settings=Settings(mapped_from=2, ocr=()))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, timeout=120, check=False)
    assert done.returncode == -9, done.stderr.decode()
    assert many.build() == {"added": 12, "embedded_texts": 5}
    assert is_swept(many, set())


def damage(folder: Folder, kind: str) -> None:
    path = folder.index / growth.UNFINISHED
    listed = folder.index / files.PARTS / json.loads(path.read_bytes())["file"]
    state = json.loads(listed.read_bytes())
    vectors = folder.index / files.PARTS / state["segments"][0]["parts"]["vectors"]["file"]
    match kind:
        case "no JSON" | "no part" | "nested" | "binary":
            wrong = {"no JSON": b"{", "no part": b'{"file": 1}', "nested": b"[" * 10**5, "binary": b"\xff\x00"}
            path.write_bytes(wrong[kind])
        case "its list is missing":
            listed.unlink()
        case "its list is damaged":
            listed.write_bytes(listed.read_bytes().replace(b'"passages":5', b'"passages":4'))
        case "a part is missing":
            vectors.unlink()


@pytest.mark.parametrize(
    "kind",
    ["no JSON", "no part", "nested", "binary", "its list is missing", "its list is damaged", "a part is missing"],
)
def test_what_is_left_damaged_is_made_again(many: Folder, kind: str) -> None:
    interrupted(many, "номером 8")
    damage(many, kind)
    assert many.build() == {"added": 12, "embedded_texts": 10}  # all but the pending run of two
    assert is_swept(many, set())


def test_what_another_model_left_is_not_used(many: Folder) -> None:
    interrupted(many, "номером 8")
    encoder = SmallEncoder(dimension=16)
    rag.build(many.documents, many.index, encoder=encoder, settings=MAPPED)
    assert len(encoder.encoded) == 12


def test_rebuild_starts_over(many: Folder) -> None:
    interrupted(many, "номером 8")
    assert many.build(rebuild=True) == {"added": 12, "embedded_texts": 12}
    assert many.build(rebuild=True) == {"added": 12, "embedded_texts": 12}
    (many.index / "CURRENT").write_bytes(b"damaged")
    assert many.build(rebuild=True) == {"added": 12, "embedded_texts": 12}
    assert is_swept(many, set())
