"""The bundled model on a processor: questions by the light runtime, the many texts of a build by torch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np

from rag import universal
from rag.encoders.bert import torch_forward
from rag.encoders.device import best_device, best_precision
from rag.encoders.models import Prompts, bundled_centre, model_fingerprint, prompts_of
from rag.encoders.sentence import SentenceEncoder
from rag.encoders.texts import CHARACTERS_PER_TOKEN, clean, shorten, split_long, to_unit, token_batches
from rag.light import LightModel, Tokens, light_folder, light_network, second_folder
from rag.settings import Settings
from rag.types import Centre, Matrix, TokenStates, Vector
from rag.universal import UniversalEncoder
from rag.weights import DIMENSION, MODEL_NAME, PROMPTS, bundled_model_folder

BATCH_TOKENS = 1024  # padded; what is computed of them stays in the processor's cache

EncodeMany = Callable[[Sequence[str], Callable[[int], None] | None], Matrix]


class BundledEncoder:
    """An ``Encoder`` whose questions need no torch. Several threads may use one.

    Questions, and the states of one passage, go by ONNX Runtime one at a time, so that a vector depends on nothing but
    its text. Documents go by torch, which is loaded with the first of them: on a graphics card where there is one.
    """

    def __init__(self, light: LightModel, settings: Settings) -> None:
        self._light, self._settings = light, settings
        self._fingerprint = model_fingerprint(settings)
        self._prompts: Prompts = prompts_of(PROMPTS, settings)
        self._overhead = max(light.count([self._prompts.query, self._prompts.document])) + light.special
        self._lock = threading.RLock()
        self._many: EncodeMany | None = None
        self._second: UniversalEncoder | None = None

    @classmethod
    def load(cls, settings: Settings) -> BundledEncoder:
        """Half a second where the light files have been made. Raises ModelError where they cannot be."""
        return cls(LightModel.load(light_folder(settings)), settings)

    @property
    def name(self) -> str:
        return MODEL_NAME

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def dimension(self) -> int:
        return DIMENSION

    @property
    def second(self) -> UniversalEncoder | None:
        """The second encoder; questions by numpy, sentences by torch. Raises ModelError where it is missing."""
        with self._lock:
            if self._second is None and self._settings.second_encoder:
                folder = second_folder(self._settings)
                self._second = UniversalEncoder(folder, self._second_network, light_network(folder))
            return self._second

    @property
    def centre(self) -> Centre:
        """The mean question and the mean document."""
        return bundled_centre()

    @property
    def max_tokens(self) -> int:
        """The longest text, in tokens, that is read whole after the longer prompt and the special tokens."""
        return self._light.limit - self._overhead

    def warm_up(self) -> None:
        """The whole tokenizer, and the second encoder's first question."""
        self._light.load_tokenizer()
        if self.second is not None:
            self.second.encode_questions(["?"])

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """The length of each text in tokens, without the prompt and special tokens."""
        parts = [list(split_long(clean(text))) for text in texts]
        counts = iter(self._light.count([part for whole in parts for part in whole]))
        return [sum(next(counts) for _ in whole) for whole in parts]

    def encode_documents(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Matrix:
        """float32 (len(texts), dimension), rows of length 1; ``progress`` hears how many are done, batch by batch."""
        if not texts:
            return np.zeros((0, DIMENSION), np.float32)
        with self._lock:
            if self._many is None:
                self._many = self._load_many()
            return self._many(texts, progress)

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """float32 (len(texts), dimension), rows of length 1."""
        rows = [self._pass(self._prompts.query, text)[1].mean(axis=0) for text in texts]
        return to_unit(np.array(rows, dtype=np.float32).reshape(-1, DIMENSION))

    def encode_query(self, text: str) -> tuple[Vector, TokenStates]:
        """The question's vector, of length 1, and the states of its tokens, of one pass."""
        tokens, states = self._pass(self._prompts.query, text)
        return to_unit(states.mean(axis=0, keepdims=True))[0], _own(tokens, states)

    def document_states(self, text: str) -> TokenStates:
        """As the protocol says, of products in eight bits: they tell sentences apart, no more."""
        tokens = self._tokens(self._prompts.document, text)
        return _own(tokens, self._light.states(tokens.ids, fast=True))

    def _pass(self, prompt: str, text: str) -> tuple[Tokens, Matrix]:
        """The tokens of the text after its prompt and their states."""
        tokens = self._tokens(prompt, text)
        return tokens, self._light.states(tokens.ids)

    def _tokens(self, prompt: str, text: str) -> Tokens:
        whole = text.encode("utf-8", "replace").decode()  # a lone surrogate, which no tokenizer takes, is one «?»
        return self._light.tokens(prompt, shorten(whole, self._light.limit * CHARACTERS_PER_TOKEN))

    def _load_many(self) -> EncodeMany:
        import torch

        device = best_device(torch, self._settings)
        if device != "cpu":
            return SentenceEncoder.load(self._settings).encode_documents
        precision = self._settings.precision or best_precision(torch, device)
        forward = torch_forward(bundled_model_folder(self._settings) / "model.safetensors", precision)

        def encode(texts: Sequence[str], progress: Callable[[int], None] | None) -> Matrix:
            ids = [self._tokens(self._prompts.document, text).ids.tolist() for text in texts]
            rows, done = np.zeros((len(texts), DIMENSION), np.float32), 0
            for batch in token_batches([len(each) for each in ids], BATCH_TOKENS):
                rows[batch] = forward([ids[i] for i in batch])
                done += len(batch)
                if progress is not None:
                    progress(done)
            return to_unit(rows)

        return encode

    def _second_network(self) -> universal.Network:
        import torch

        device = best_device(torch, self._settings)
        precision = self._settings.precision or best_precision(torch, device)
        return universal.torch_network(universal.verified() / universal.WEIGHTS, precision, device)


def _own(tokens: Tokens, states: Matrix) -> TokenStates:
    """The states of the text's own tokens."""
    return TokenStates(np.ascontiguousarray(states[tokens.own]), tokens.starts[tokens.own])
