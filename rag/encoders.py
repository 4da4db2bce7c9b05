"""Texts to unit vectors by a sentence-transformers model: the only place that imports torch, and lazily.

``SentenceEncoder.load()`` takes the bundled model, or any other by folder or hub name (``SNOSKA_MODEL``).
``model_fingerprint()`` names what an index was built with and needs no torch, so that opening one is quick.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rag import universal
from rag.errors import ModelError
from rag.models import configured_prompts, content_hash, first_line, model_folder, quiet
from rag.protocols import Encoder
from rag.settings import Settings
from rag.states import read
from rag.types import Centre, Matrix, TokenStates, Vector
from rag.universal import UniversalEncoder
from rag.weights import DIMENSION, MODEL_NAME, PROMPTS, RECIPE, WEIGHTS_SHA256, bundled_model_folder

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

__all__ = ["SentenceEncoder", "bundled_model_folder", "load_encoder", "model_fingerprint"]

log = logging.getLogger(__name__)

BATCH_TOKENS = {"cpu": 2048, "mps": 16_384, "cuda": 131_072}  # padded; a processor gains nothing from more
UNLIMITED_TOKENS = 8192  # for models without a limit of their own, such as static embeddings
CHARACTERS_PER_TOKEN = 64  # far above any piece of a vocabulary: what lies beyond is cut off anyway
COUNT_AT_ONCE = 100_000  # characters; a tokenizer keeps about 200 bytes for each token


@dataclass(frozen=True, slots=True)
class Prompts:
    """What is put before each text; models such as E5 tell questions from documents by it."""

    query: str
    document: str


def model_fingerprint(settings: Settings | None = None) -> str:
    """The fingerprint that ``SentenceEncoder.load(settings)`` would have, without loading the model.

    32 hexadecimal digits over the weights and the prompts. Milliseconds for the bundled model, which need not even
    have been made; for another model its folder is read, and a hub model not yet in the cache is downloaded.

    Raises ModelError where another model cannot be found.
    """
    settings = settings or Settings.from_environment()
    if settings.model is None:
        second = f"/{universal.fingerprint()}" if settings.second_encoder else ""
        return _fingerprint(f"{WEIGHTS_SHA256}/{RECIPE}/{DIMENSION}{second}", _prompts(PROMPTS, settings))
    folder = model_folder(settings.model)
    return _fingerprint(content_hash(folder), _prompts(configured_prompts(folder), settings))


class SentenceEncoder:
    """A sentence-transformers model as an ``Encoder``. Several threads may use one; they take turns by the batch.

    The bundled model has a second encoder, loaded when it is first asked for.
    """

    def __init__(
        self, model: SentenceTransformer, name: str, fingerprint: str, prompts: Prompts, has_second: bool = False
    ) -> None:
        dimension = model.get_embedding_dimension()
        if dimension is None:
            raise ModelError(f"the model {name} does not tell its dimension: use another sentence-transformers model")
        self._model = model
        self._name = name
        self._fingerprint = fingerprint
        self._prompts = prompts
        self._dimension = int(dimension)
        self._has_second = has_second
        self._second: UniversalEncoder | None = None
        self._lock = threading.RLock()  # a Rust tokenizer refuses two threads ("Already borrowed")
        self._limit = min(int(min(model.max_seq_length or UNLIMITED_TOKENS, UNLIMITED_TOKENS)), UNLIMITED_TOKENS)
        self._overhead = self._count_overhead()

    @classmethod
    def load(cls, settings: Settings | None = None) -> SentenceEncoder:
        """Loads the model that the settings name; seconds, and quiet.

        Raises ModelError where it cannot be found, made or loaded, or the device is not there.
        """
        settings = settings or Settings.from_environment()
        fingerprint = model_fingerprint(settings)
        if settings.model is None:
            folder, prompts = bundled_model_folder(settings), PROMPTS
        else:
            folder = model_folder(settings.model)
            prompts = configured_prompts(folder)
        name = settings.model or MODEL_NAME
        has_second = settings.model is None and settings.second_encoder
        return cls(_load(folder, name, settings), name, fingerprint, _prompts(prompts, settings), has_second)

    @property
    def name(self) -> str:
        return self._name

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def second(self) -> UniversalEncoder | None:
        """The second encoder, in this one's precision and on its device; raises ModelError where it is missing."""
        with self._lock:
            if self._has_second and self._second is None:
                precision = str(self._model.dtype).removeprefix("torch.")
                self._second = UniversalEncoder.load(precision, str(self._model.device))
            return self._second

    @property
    def centre(self) -> Centre | None:
        """The bundled model's alone."""
        return _bundled_centre() if self._name == MODEL_NAME else None

    @property
    def max_tokens(self) -> int:
        """The longest text, in tokens, that is read whole after the longer prompt and the special tokens."""
        return self._limit - self._overhead

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """The length of each text in tokens, without the prompt and special tokens."""
        parts = [list(_split_long(_clean(text))) for text in texts]
        flat = iter(self._tokenize([part for whole in parts for part in whole]))
        return [sum(len(next(flat)) for _ in whole) for whole in parts]

    def encode_documents(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Matrix:
        """float32 (len(texts), dimension), rows of length 1; ``progress`` hears how many are done, batch by batch."""
        return self._encode(texts, self._model.encode_document, self._prompts.document, progress)

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """float32 (len(texts), dimension), rows of length 1."""
        return self._encode(texts, self._model.encode_query, self._prompts.query, None)

    def encode_query(self, text: str) -> tuple[Vector, TokenStates | None]:
        if self._name != MODEL_NAME:  # what reads the states was fitted for the bundled model's
            return self.encode_queries([text])[0], None
        with self._lock:
            vector, states = read(self._model, self._prompts.query, text, self._limit)
        return _unit(vector), states

    def document_states(self, text: str) -> TokenStates | None:
        if self._name != MODEL_NAME:
            return None
        with self._lock:
            return read(self._model, self._prompts.document, text, self._limit)[1]

    def _encode(
        self, texts: Sequence[str], encode: Callable[..., Any], prompt: str, progress: Callable[[int], None] | None
    ) -> Matrix:
        texts = [_shorten(_clean(text), self._limit * CHARACTERS_PER_TOKEN) for text in texts]
        rows = np.zeros((len(texts), self._dimension), np.float32)
        done = 0
        for batch in self._batches(texts):
            rows[batch] = self._encode_batch([texts[i] for i in batch], encode, prompt)
            done += len(batch)
            if progress is not None:
                progress(done)
        return rows

    def _batches(self, texts: Sequence[str]) -> Iterator[list[int]]:
        if len(texts) <= 1:  # a lone question needs no count
            return iter([[i] for i in range(len(texts))])
        lengths = [min(n + self._overhead, self._limit) for n in self.count_tokens(texts)]
        return token_batches(lengths, BATCH_TOKENS.get(self._model.device.type, BATCH_TOKENS["cpu"]))

    def _encode_batch(self, texts: list[str], encode: Callable[..., Any], prompt: str) -> Matrix:
        with self._lock:
            vectors = encode(
                texts, prompt=prompt, batch_size=len(texts), show_progress_bar=False, convert_to_tensor=True
            )
        return _unit(vectors.float().cpu().numpy())

    def _tokenize(self, texts: list[str]) -> list[Sequence[int]]:
        if not texts:
            return []
        tokenizer = self._model.tokenizer
        with self._lock:
            if hasattr(tokenizer, "encode_batch_fast"):  # a bare `tokenizers` one, in static embeddings
                return [e.ids for e in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
            plain = {"add_special_tokens": False, "truncation": False, "padding": False, "verbose": False}
            ids: list[Sequence[int]] = tokenizer(texts, return_attention_mask=False, **plain)["input_ids"]
            return ids

    def _count_overhead(self) -> int:
        prompts = self.count_tokens([self._prompts.query, self._prompts.document])
        special = getattr(self._model.tokenizer, "num_special_tokens_to_add", None)
        return max(prompts) + (special() if special else 0)


def load_encoder(settings: Settings | None = None) -> Encoder:
    """The encoder that the settings name, as the facade takes it; raises ModelError as ``SentenceEncoder.load``."""
    return SentenceEncoder.load(settings)


def token_batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Texts' numbers, longest first, in batches that hold at most ``budget`` tokens when padded (or one text)."""
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if batch and lengths[batch[0]] * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def _unit(rows: Matrix) -> Matrix:
    """bfloat16 has 8 bits: its "unit" rows are off by up to half a percent."""
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-12), dtype=np.float32)


def _clean(text: str) -> str:
    """Lone surrogates, which no tokenizer takes, become U+FFFD."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def _shorten(text: str, characters: int) -> str:
    """Cuts a text that is beyond any limit of tokens, after folding the white space that makes no token."""
    return text if len(text) <= characters else " ".join(text.split())[:characters]


def _split_long(text: str) -> Iterator[str]:
    """Parts to count one by one, cut at spaces, where tokens end too: the counts add up."""
    start = 0
    while len(text) - start > COUNT_AT_ONCE:
        space = text.rfind(" ", start + 1, start + COUNT_AT_ONCE)
        end = space if space > 0 else start + COUNT_AT_ONCE
        yield text[start:end]
        start = end
    yield text[start:]


@functools.cache
def _bundled_centre() -> Centre:
    value = json.loads(resources.files("rag").joinpath("centre.json").read_text("utf-8"))
    return Centre(*(np.array(value[name], dtype=np.float32) for name in ("question", "document")))


def _prompts(configured: dict[str, str], settings: Settings) -> Prompts:
    """The settings' prompts, else the model's own; documents' go by the three names sentence-transformers knows."""
    document = next((p for name in ("document", "passage", "corpus") if (p := configured.get(name))), "")
    return Prompts(
        query=configured.get("query") or "" if settings.query_prompt is None else settings.query_prompt,
        document=document if settings.document_prompt is None else settings.document_prompt,
    )


def _fingerprint(content: str, prompts: Prompts) -> str:
    return hashlib.sha256(json.dumps([content, prompts.query, prompts.document]).encode()).hexdigest()[:32]


def _load(folder: Path, name: str, settings: Settings) -> SentenceTransformer:
    with quiet():
        try:
            import torch
            from sentence_transformers import SentenceTransformer
            from transformers.utils import logging as transformers_logging

            _silence(transformers_logging)
            device = _device(torch, settings)
            dtype = getattr(torch, settings.precision or _best_precision(torch, device))
            model = SentenceTransformer(
                str(folder), device=device, local_files_only=True, model_kwargs={"dtype": dtype}
            )
        except ModelError:
            raise
        except Exception as error:
            raise ModelError(
                f"the model {name} in {folder} cannot be loaded ({first_line(error)}): "
                "correct SNOSKA_MODEL, or unset it for the bundled model"
            ) from error
    log.info("loaded %s on %s in %s", name, device, dtype)
    return model.eval()


def _device(torch: Any, settings: Settings) -> str:
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    device = settings.device or next(name for name, is_there in there.items() if is_there)
    if not there.get(device.split(":")[0]):
        raise ModelError(f"the device {device} is not there: unset SNOSKA_DEVICE, or set it to cpu")
    return device


def _best_precision(torch: Any, device: str) -> str:
    """bfloat16 where the hardware multiplies it; emulated, it would be slower than float32."""
    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}  # torch >= 2.11
    native = any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return "bfloat16" if device == "cpu" and native else "float32"


def _silence(transformers_logging: Any) -> None:
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
