"""Which model: its folder, the prompts that its configuration names, and a hash of what decides its vectors."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

from rag.errors import ModelError

log = logging.getLogger(__name__)

# What decides a model's vectors; the same whether the folder was downloaded in part or in full.
_MODEL_FILES = (".safetensors", ".bin", ".json", ".txt", ".model")
_OTHER_RUNTIMES = ["onnx/*", "openvino/*", "*.onnx", "*.h5", "*.msgpack", "*.ot", "*.gguf", "coreml/*"]
_SAMPLES, _SAMPLE_BYTES = 64, 2**20  # of a large weights file: training moves every block, so samples tell


def model_folder(model: str) -> Path:
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_absolute() or model.startswith((".", "~")) or model.count("/") > 1 or "\\" in model:
        raise ModelError(f"there is no folder {model}: correct SNOSKA_MODEL, or unset it for the bundled model")
    return _hub_folder(model if "/" in model else f"sentence-transformers/{model}")


def _hub_folder(name: str) -> Path:
    """The snapshot of a hub model in Hugging Face's cache; downloaded where it is not there yet."""
    with quiet():
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError

        try:
            folder = Path(snapshot_download(name, local_files_only=True))
            if _has_weights(folder):
                return folder
        except LocalEntryNotFoundError:
            log.info("the model %s is not in the cache: it is downloaded", name)
        except ValueError as error:
            raise ModelError(f"{name!r} is neither a folder nor a model's name: correct SNOSKA_MODEL") from error
        return _download(name)


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(name, ignore_patterns=[*_OTHER_RUNTIMES, "pytorch_model*.bin"]))
        if not _has_weights(folder):  # an older model, without safetensors
            folder = Path(snapshot_download(name, ignore_patterns=_OTHER_RUNTIMES))
    except Exception as error:
        raise ModelError(
            f"the model {name} is neither a folder nor in the cache, and cannot be downloaded ({first_line(error)}): "
            "correct SNOSKA_MODEL, copy the model here, or unset it for the bundled model"
        ) from error
    return folder


def _has_weights(folder: Path) -> bool:
    return any(file.suffix in (".safetensors", ".bin") for file in folder.rglob("*"))


def configured_prompts(folder: Path) -> dict[str, str]:
    """The prompts that the model's own configuration names, by name."""
    try:
        configuration = json.loads((folder / "config_sentence_transformers.json").read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ModelError(f"the model's {folder / 'config_sentence_transformers.json'} is not JSON: mend it") from error
    return configuration.get("prompts") or {}


def content_hash(folder: Path) -> str:
    """SHA-256 over names, sizes and contents, of large files 64 MiB spread evenly; weights, tables and settings."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        parts = file.relative_to(folder)
        if file.suffix not in _MODEL_FILES or parts.parts[0] in ("onnx", "openvino") or not file.is_file():
            continue
        size = file.stat().st_size
        digest.update(f"{parts.as_posix()} {size}\n".encode())
        with file.open("rb") as stream:
            for block in range(_SAMPLES):
                stream.seek(max(0, size - _SAMPLE_BYTES) * block // (_SAMPLES - 1))
                digest.update(stream.read(_SAMPLE_BYTES))
                if size <= _SAMPLE_BYTES:
                    break
    return digest.hexdigest()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps the libraries' bars, advice and telemetry off the user's terminal while a model loads."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")  # said aloud, it spares a warning at each fork
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from huggingface_hub.utils.tqdm import disable_progress_bars

        disable_progress_bars()
        yield


def first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
