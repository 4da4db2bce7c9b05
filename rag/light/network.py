"""The bundled transformer as an ONNX graph: word embeddings in, the states of the tokens out, all in float32.

ONNX Runtime's 8-bit products (``MatMulNBits``) take a third off a question and a sixth off a passage, with a cosine of
.9998. That passes for a vector, but it moves confidences by .03: of 120 questions across languages, 3 got another
verdict than by torch. ``docs/speed.md`` has the forms that were tried.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rag.light.graph import CONTRIB, Graph
from rag.weights.file import Weights

EPSILON = 1e-12


def network(weights: Weights) -> bytes:
    """An ONNX file. Inputs: ``embedded`` float32 (1, tokens, hidden). Output: ``states`` of the same shape."""
    tensors, shape = weights.tensors, weights.shape
    graph = Graph()

    def linear(x: str, name: str) -> str:
        return _linear(graph, x, tensors[f"{name}.weight"], tensors[f"{name}.bias"])

    def norm(name: str) -> list[str]:
        return [graph.array(tensors[f"{name}.{kind}"]) for kind in ("weight", "bias")]

    def added(x: str, y: str, name: str) -> str:
        return graph.node("SkipLayerNormalization", [x, y, *norm(name)], CONTRIB, epsilon=EPSILON)

    x = graph.node("LayerNormalization", ["embedded", *norm("embeddings.LayerNorm")], axis=-1, epsilon=EPSILON)
    for layer in range(shape.layers):
        at = f"encoder.layer.{layer}"
        seen = [linear(x, f"{at}.attention.self.{name}") for name in ("query", "key", "value")]
        attended = graph.node("MultiHeadAttention", seen, CONTRIB, num_heads=shape.heads)
        x = added(x, linear(attended, f"{at}.attention.output.dense"), f"{at}.attention.output.LayerNorm")
        inner = graph.node("Gelu", [linear(x, f"{at}.intermediate.dense")], CONTRIB)
        x = added(x, linear(inner, f"{at}.output.dense"), f"{at}.output.LayerNorm")
    graph.output("states", x)
    return graph.model({"embedded": ("float32", [1, "tokens", shape.hidden])}, ["states"])


def _linear(graph: Graph, x: str, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> str:
    return graph.node("Add", [graph.node("MatMul", [x, graph.array(weight.T)]), graph.array(bias)])
