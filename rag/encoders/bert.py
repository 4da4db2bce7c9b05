"""The bundled transformer in torch, for the many texts of a build on a processor: torch is imported lazily.

It is BERT as written, in the order that the processor likes best. The linear layers, which hold 93 % of the
arithmetic, run in one matrix product each over all tokens of a batch. Attention, which torch's own kernel for
processors spends 40 % of the time on, is two batched products with the exponential between them: the softmax's
denominator comes out of the second product, as the sum that a column of ones collects, and the zeros in the
place of padding leave it out of both without a mask.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rag.types import Matrix

HEADS, EPSILON, PADDING = 12, 1e-12, 1
# Attention's logits are exponentiated as they are, without their highest taken off first. On XQuAD a token's highest
# lies between -43 and 67; beyond 78 the sum over 512 tokens, times a value, could leave the range of float32.
CEILING = 78.0

Forward = Callable[[Sequence[Sequence[int]]], Matrix]


def torch_forward(weights: Path, precision: str) -> Forward:
    """Texts as numbers of tokens -> float32 (texts, hidden), the means of their states.

    ``weights`` is the bundled model's safetensors file; half a second, and 1.5 for torch itself.
    """
    import torch
    from safetensors.torch import load_file
    from torch.nn import functional

    dtype = getattr(torch, precision)
    stored = load_file(weights)
    words, positions, types = (stored.pop(f"embeddings.{name}_embeddings.weight") for name in _TABLES)
    positions = positions + types[0]  # all tokens are of the first type
    layers, hidden = 1 + max(int(name.split(".")[2]) for name in stored if name.startswith("encoder.")), words.shape[1]
    own = {name: value.to(dtype) for name, value in stored.items()}
    joined = [_joined(torch, stored, f"encoder.layer.{i}.attention.self", dtype) for i in range(layers)]
    width = hidden // HEADS

    def norm(x: Any, name: str) -> Any:
        return functional.layer_norm(x, (hidden,), own[f"{name}.weight"], own[f"{name}.bias"], EPSILON)

    def linear(x: Any, name: str) -> Any:
        return functional.linear(x, own[f"{name}.weight"], own[f"{name}.bias"])

    def attention(x: Any, layer: int, present: Any) -> Any:
        texts, tokens = len(present), present.shape[1]
        seen = functional.linear(x, *joined[layer]).view(texts, tokens, 3, HEADS, width)
        query, key, value = seen.permute(2, 0, 3, 1, 4).reshape(3, texts * HEADS, tokens, width)
        weight = torch.bmm(query, key.transpose(1, 2)).clamp_(-CEILING, CEILING).exp_()
        count = present.repeat_interleave(HEADS, 0)
        found = torch.bmm(weight, torch.cat([value * count, count], -1))
        found = (found[..., :-1] / found[..., -1:]).view(texts, HEADS, tokens, width)
        return found.transpose(1, 2).reshape(texts * tokens, hidden)

    def forward(texts: Sequence[Sequence[int]]) -> Matrix:
        ids, present = _padded(torch, texts)
        x = functional.embedding(ids, words) + positions[: ids.shape[1]]
        x = norm(x.view(-1, hidden).to(dtype), "embeddings.LayerNorm")
        mask = present.to(dtype)
        for layer in range(layers):
            at = f"encoder.layer.{layer}"
            attended = linear(attention(x, layer, mask), f"{at}.attention.output.dense")
            x = norm(attended.add_(x), f"{at}.attention.output.LayerNorm")
            inner = functional.gelu(linear(x, f"{at}.intermediate.dense"))
            x = norm(linear(inner, f"{at}.output.dense").add_(x), f"{at}.output.LayerNorm")
        states = x.view(*ids.shape, -1).float() * present
        return np.asarray((states.sum(1) / present.sum(1)).numpy(), dtype=np.float32)

    return torch.inference_mode()(forward)


_TABLES = ("word", "position", "token_type")


def _joined(torch: Any, stored: dict[str, Any], at: str, dtype: Any) -> tuple[Any, Any]:
    """Query, key and value as one layer, with the logits' scale in the query."""
    scale = math.sqrt(HEADS / stored[f"{at}.query.weight"].shape[0])
    parts = [(1.0 if name != "query" else scale, f"{at}.{name}") for name in ("query", "key", "value")]
    weight = torch.cat([factor * stored[f"{name}.weight"] for factor, name in parts])
    return weight.to(dtype), torch.cat([factor * stored[f"{name}.bias"] for factor, name in parts]).to(dtype)


def _padded(torch: Any, texts: Sequence[Sequence[int]]) -> tuple[Any, Any]:
    """Token numbers (texts, tokens) and 1 where there is a token (texts, tokens, 1)."""
    longest = max(map(len, texts))
    ids = torch.tensor([[*text, *[PADDING] * (longest - len(text))] for text in texts])
    lengths = torch.tensor([len(text) for text in texts])
    return ids, (torch.arange(longest) < lengths[:, None]).float().unsqueeze(-1)
