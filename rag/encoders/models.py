"""What the settings' model is known by: its prompts, its fingerprint and its means, all without torch."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass
from importlib import resources

import numpy as np

from rag import universal
from rag.encoders.folders import configured_prompts, content_hash, model_folder
from rag.settings import Settings
from rag.types import Centre
from rag.weights import DIMENSION, PROMPTS, VECTORS, WEIGHTS_SHA256


@dataclass(frozen=True, slots=True)
class Prompts:
    """What is put before each text; models such as E5 tell questions from documents by it."""

    query: str
    document: str


def model_fingerprint(settings: Settings | None = None) -> str:
    """The fingerprint that ``load_encoder(settings)`` would have, without loading the model.

    32 hexadecimal digits over the weights and the prompts. Milliseconds for the bundled model, which need not even
    have been made; for another model its folder is read, and a hub model not yet in the cache is downloaded.

    Raises ModelError where another model cannot be found.
    """
    settings = settings or Settings.from_environment()
    if settings.model is None:
        second = f"/{universal.fingerprint()}" if settings.second_encoder else ""
        return _fingerprint(f"{WEIGHTS_SHA256}/{VECTORS}/{DIMENSION}{second}", model_prompts(settings))
    return _fingerprint(content_hash(model_folder(settings.model)), model_prompts(settings))


def model_prompts(settings: Settings) -> Prompts:
    """The prompts of the model that the settings name; raises ModelError where it cannot be found."""
    configured = PROMPTS if settings.model is None else configured_prompts(model_folder(settings.model))
    return prompts_of(configured, settings)


def prompts_of(configured: dict[str, str], settings: Settings) -> Prompts:
    """The settings' prompts, else the model's own; documents' go by the three names sentence-transformers knows."""
    document = next((p for name in ("document", "passage", "corpus") if (p := configured.get(name))), "")
    return Prompts(
        query=configured.get("query") or "" if settings.query_prompt is None else settings.query_prompt,
        document=document if settings.document_prompt is None else settings.document_prompt,
    )


@functools.cache
def bundled_centre() -> Centre:
    """The bundled model's mean question and mean document."""
    value = json.loads(resources.files("rag").joinpath("centre.json").read_text("utf-8"))
    return Centre(*(np.array(value[name], dtype=np.float32) for name in ("question", "document")))


def _fingerprint(content: str, prompts: Prompts) -> str:
    return hashlib.sha256(json.dumps([content, prompts.query, prompts.document]).encode()).hexdigest()[:32]
