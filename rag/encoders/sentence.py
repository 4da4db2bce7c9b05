"""Texts to unit vectors by a sentence-transformers model: any that ``SNOSKA_MODEL`` names, and the bundled one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rag.encoders.device import best_device, best_precision
from rag.encoders.folders import configured_prompts, first_line, model_folder, quiet
from rag.encoders.models import Prompts, bundled_centre, model_fingerprint, prompts_of
from rag.encoders.states import read
from rag.encoders.texts import CHARACTERS_PER_TOKEN, clean, shorten, split_long, to_unit, token_batches
from rag.errors import ModelError
from rag.settings import Settings
from rag.types import Centre, Matrix, TokenStates, Vector
from rag.universal import UniversalEncoder
from rag.weights import MODEL_NAME, PROMPTS, bundled_model_folder

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

log = logging.getLogger(__name__)

BATCH_TOKENS = {"cpu": 2048, "mps": 16_384, "cuda": 131_072}  # padded; a processor gains nothing from more
UNLIMITED_TOKENS = 8192  # for models without a limit of their own, such as static embeddings


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
        return cls(_load(folder, name, settings), name, fingerprint, prompts_of(prompts, settings), has_second)

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
        return bundled_centre() if self._name == MODEL_NAME else None

    @property
    def max_tokens(self) -> int:
        """The longest text, in tokens, that is read whole after the longer prompt and the special tokens."""
        return self._limit - self._overhead

    def warm_up(self) -> None:
        """The model itself is there already."""
        if self.second is not None:
            self.second.encode_questions(["?"])

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """The length of each text in tokens, without the prompt and special tokens."""
        parts = [list(split_long(clean(text))) for text in texts]
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
        return to_unit(vector[None])[0], states

    def document_states(self, text: str) -> TokenStates | None:
        if self._name != MODEL_NAME:
            return None
        with self._lock:
            return read(self._model, self._prompts.document, text, self._limit)[1]

    def _encode(
        self, texts: Sequence[str], encode: Callable[..., Any], prompt: str, progress: Callable[[int], None] | None
    ) -> Matrix:
        texts = [shorten(clean(text), self._limit * CHARACTERS_PER_TOKEN) for text in texts]
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
        rows: Matrix = vectors.float().cpu().numpy()
        return to_unit(rows)  # bfloat16 has 8 bits: its "unit" rows are off by up to half a percent

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


def _load(folder: Path, name: str, settings: Settings) -> SentenceTransformer:
    with quiet():
        try:
            import torch
            from sentence_transformers import SentenceTransformer
            from transformers.utils import logging as transformers_logging

            _silence(transformers_logging)
            device = best_device(torch, settings)
            dtype = getattr(torch, settings.precision or best_precision(torch, device))
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


def _silence(transformers_logging: Any) -> None:
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
