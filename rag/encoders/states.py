"""A text's vector and the states of its tokens, by one forward pass: torch, imported lazily."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rag.types import TokenStates, Vector

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def read(model: SentenceTransformer, prompt: str, text: str, limit: int) -> tuple[Vector, TokenStates]:
    """The text's vector, as ``model.encode`` gives it, and the last hidden states of its tokens, read after the prompt;
    what lies beyond ``limit`` tokens is cut.

    The model's first module must be a transformer with a fast tokenizer.
    """
    import torch

    whole = prompt + text.encode("utf-8", "replace").decode()  # a lone surrogate, which no tokenizer takes, is one «?»
    marked = model.tokenizer(
        whole,
        truncation=True,
        max_length=limit,
        return_offsets_mapping=True,
        return_special_tokens_mask=True,
        return_tensors="pt",
    )
    with torch.inference_mode():
        inputs = {name: marked[name].to(model.device) for name in ("input_ids", "attention_mask")}
        made = model(inputs)
    vector, vectors = (made[name][0].float().cpu().numpy() for name in ("sentence_embedding", "token_embeddings"))
    ends = marked["offset_mapping"][0].numpy()
    starts = np.array([_past_space(whole, *each) for each in ends.tolist()], dtype=np.int64) - len(prompt)
    own = (starts >= 0) & (marked["special_tokens_mask"][0].numpy() == 0)
    return vector, TokenStates(np.ascontiguousarray(vectors[own]), starts[own])


def _past_space(text: str, start: int, end: int) -> int:
    """A token begins with the space before its word: it belongs to the word."""
    return end - len(text[start:end].lstrip())
