"""The light runtime: the vectors and states of torch, without torch; its files made once and never trusted unseen."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

import rag
from rag.encoders import BundledEncoder, SentenceEncoder, load_encoder
from rag.errors import ModelError
from rag.light import LIGHT_NAME, SECOND_NAME, light_folder, second_folder
from rag.light.graph import Graph
from rag.light.pieces import Pieces
from rag.settings import Settings
from rag.universal import UniversalEncoder
from rag.weights import weights_path

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = Settings.from_environment({})
QUESTIONS = [
    "Сколько компаний с эмиратским участием работает в Казахстане?",
    "How many companies with Emirati participation operate in Kazakhstan?",
    "Қазақстанда қанша компания жұмыс істейді?",
    "ООН",
    "",
    "what " * 600,
]
HEAVY = ("torch", "transformers", "sentence_transformers", "gradio", "huggingface_hub", "ir_measures")

model = pytest.mark.model


@pytest.fixture(scope="module")
def torch_encoder() -> SentenceEncoder:
    return SentenceEncoder.load(dataclasses.replace(SETTINGS, precision="float32"))


@model
def test_questions_have_the_vectors_of_torch(encoder: BundledEncoder, torch_encoder: SentenceEncoder) -> None:
    cosines = np.sum(encoder.encode_queries(QUESTIONS) * torch_encoder.encode_queries(QUESTIONS), axis=1)
    assert cosines.min() >= 0.999


@model
def test_documents_have_the_vectors_of_torch(encoder: BundledEncoder, torch_encoder: SentenceEncoder) -> None:
    cosines = np.sum(encoder.encode_documents(QUESTIONS) * torch_encoder.encode_documents(QUESTIONS), axis=1)
    assert cosines.min() >= 0.999


@model
@pytest.mark.parametrize("text", ["«Ёлка»,  No. 5:\u00a0ООН", *QUESTIONS], ids=range(1 + len(QUESTIONS)))
def test_tokens_have_the_places_and_states_of_torch(
    encoder: BundledEncoder, torch_encoder: SentenceEncoder, text: str
) -> None:
    for ours, theirs, alike in (
        (encoder.encode_query(text)[1], torch_encoder.encode_query(text)[1], 0.999),
        (encoder.document_states(text), torch_encoder.document_states(text), 0.99),  # of products in eight bits
    ):
        assert theirs is not None
        assert ours.starts.tolist() == theirs.starts.tolist()
        if len(ours.starts):
            flat = (ours.vectors * theirs.vectors).sum()
            assert flat / np.linalg.norm(ours.vectors) / np.linalg.norm(theirs.vectors) >= alike


@model
def test_both_runtimes_tell_the_same_of_themselves(encoder: BundledEncoder, torch_encoder: SentenceEncoder) -> None:
    told = [(e.name, e.fingerprint, e.dimension, e.max_tokens) for e in (encoder, torch_encoder)]
    assert told[0] == told[1]
    texts = ["Hello world", "", "Привет, мир! " * 9_000]
    assert encoder.count_tokens(texts) == torch_encoder.count_tokens(texts)


@model
def test_a_text_of_few_pieces_is_taken_apart_as_by_the_whole_tokenizer(encoder: BundledEncoder) -> None:
    folder = light_folder(SETTINGS)
    few, whole = Pieces(folder), Tokenizer.from_file(str(folder / "tokenizer.json"))
    strange = ["ⵣ ﬁne Ｈｅｌｌｏ", "<s>word a <mask>b</s> c<unk>", "👩\u200d🚀 日本語", "а" * 2000, "\x00\u0301", " "]
    texts = [*QUESTIONS, *strange, *(path.read_text("utf-8") for path in sorted((ROOT / "seeds").glob("*.txt")))]
    for found in (few.encode(texts), [few.encode([text])[0] for text in texts]):
        assert [ids.tolist() for _, ids in found] == [whole.encode(text).ids for text in texts]
        assert [marked.offsets for marked, _ in found] == [whole.encode(text).offsets for text in texts]


@model
def test_a_question_and_its_states_are_one_pass(encoder: BundledEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []
    states = encoder._light.states
    monkeypatch.setattr(encoder._light, "states", lambda ids: passes.append(len(ids)) or states(ids))
    vector, _ = encoder.encode_query("Где пройдёт встреча в четверг?")
    assert len(passes) == 1
    assert vector.tolist() == encoder.encode_queries(["Где пройдёт встреча в четверг?"])[0].tolist()


@model
def test_the_second_encoder_gives_questions_the_vectors_of_torch(encoder: BundledEncoder) -> None:
    second = encoder.second
    assert second is not None
    cosines = np.sum(second.encode_questions(QUESTIONS) * UniversalEncoder.load().encode_questions(QUESTIONS), axis=1)
    assert cosines.min() >= 0.999
    assert second.encode_questions([]).shape == (0, second.dimension)


@model
@pytest.mark.parametrize("asked", ["ask", "search"])
def test_a_question_loads_neither_torch_nor_anything_else_that_it_does_not_need(
    seed_index: rag.Index, asked: str
) -> None:
    code = (
        f"import sys, rag; rag.open(sys.argv[1]).{asked}({QUESTIONS[1]!r});"
        f"print(*(name for name in {HEAVY!r} if name in sys.modules))"
    )
    command = [sys.executable, "-c", code, str(seed_index.store.folder)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SNOSKA_")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("\n", "", 0)


@pytest.mark.parametrize("change", [{"runtime": "torch"}, {"device": "cuda"}, {"model": "elsewhere"}])
def test_another_runtime_device_or_model_goes_by_sentence_transformers(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, str]
) -> None:
    monkeypatch.setattr(SentenceEncoder, "load", lambda settings: settings)
    settings = dataclasses.replace(SETTINGS, **change)
    assert load_encoder(settings) is settings


# The files


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A cache of its own with the light files in it."""
    settings = dataclasses.replace(SETTINGS, cache=tmp_path_factory.mktemp("cache"))
    light_folder(settings)
    second_folder(settings)
    return settings


def test_files_are_the_same_wherever_they_are_made(made: Settings) -> None:
    for folder, again in ((light_folder(made), light_folder(SETTINGS)), (second_folder(made), second_folder(SETTINGS))):
        stamps = [json.loads((each / "snoska.json").read_bytes())["files"] for each in (folder, again)]
        assert {n: s["sha256"] for n, s in stamps[0].items()} == {n: s["sha256"] for n, s in stamps[1].items()}


@pytest.mark.parametrize("name", [f"{LIGHT_NAME}/exact.onnx", f"{LIGHT_NAME}/words.npy", f"{SECOND_NAME}/table.npy"])
def test_a_damaged_file_is_made_again(made: Settings, name: str) -> None:
    file = made.cache / name
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 255]))
    light_folder(made)
    second_folder(made)
    assert file.read_bytes() == whole


def test_asking_needs_no_folder_of_the_whole_model(made: Settings) -> None:
    BundledEncoder.load(made).encode_queries(["Где?"])
    assert sorted(path.name for path in made.cache.iterdir() if path.is_dir()) == sorted([LIGHT_NAME, SECOND_NAME])


def test_weights_of_another_kind_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "weights.bin"
    shutil.copyfile(weights_path(SETTINGS), file)
    os.truncate(file, 1000)
    with pytest.raises(ModelError, match="damaged or of another version"):
        light_folder(dataclasses.replace(SETTINGS, weights=file, cache=tmp_path))


def test_a_written_graph_computes_what_it_says() -> None:
    import onnxruntime

    graph = Graph()
    moved = graph.node("Add", ["x", graph.array(np.array([1, 2, 300], dtype=np.float32))])
    graph.output("y", graph.node("LeakyRelu", [moved], alpha=0.5))
    summed = graph.node("ReduceSum", ["x", graph.array(np.array([-1], dtype=np.int64))], keepdims=0)
    graph.output("sum", summed)
    session = onnxruntime.InferenceSession(graph.model({"x": ("float32", ["rows", 3])}, ["y", "sum"]))
    y, total = session.run(None, {"x": np.array([[-3, 0, 1]], dtype=np.float32)})
    assert y.tolist() == [[-1, 2, 301]]
    assert total.tolist() == [-2]


@model
def test_the_runtime_keeps_no_identifier_and_tells_nobody(encoder: BundledEncoder, tmp_path: Path) -> None:
    """ONNX Runtime writes one as it begins to send word of its sessions to its makers."""
    code = "import sys, pathlib, rag.light.model as light; light.LightModel.load(pathlib.Path(sys.argv[1]))"
    folder = light_folder(Settings.from_environment())
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "USERPROFILE": str(tmp_path),
        "SNOSKA_CACHE": str(folder.parent),
    }
    for name in ("XDG_CACHE_HOME", "CI", "ORT_DISABLE_TELEMETRY"):  # where CI is set it is silent by itself
        environment.pop(name, None)
    subprocess.run([sys.executable, "-c", code, folder], check=True, cwd=ROOT, env=environment)
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == []


@model
def test_a_warm_encoder_has_the_whole_tokenizer_before_it_is_asked() -> None:
    cold = BundledEncoder.load(SETTINGS)
    assert cold._light._whole is None
    cold.warm_up()
    assert cold._light._whole is not None
    assert cold.count_tokens(QUESTIONS) == BundledEncoder.load(SETTINGS).count_tokens(QUESTIONS)
