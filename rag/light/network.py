"""The bundled transformer as an ONNX graph: word embeddings in, the states of the tokens out.

Twice: in float32 for questions, whose vectors are compared with the index's and must be theirs; and with products in
eight bits, in half the time, for the passage that is read to find its answering sentence. ``docs/speed.md`` has the
forms that were tried.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rag.light.graph import CONTRIB, FLOAT32, UINT8, Graph
from rag.weights.file import Weights

EPSILON = 1e-12
LEVELS = 127  # on each side of zero: what eight bits tell apart
MIDDLE = 128  # an unsigned byte's zero: ONNX Runtime's fast product takes such states by signed weights

Linear = Callable[[Graph, str, NDArray[np.float32], NDArray[np.float32]], str]


def exact_network(weights: Weights) -> bytes:
    """An ONNX file. Inputs: ``embedded`` float32 (1, tokens, hidden). Output: ``states`` of the same shape."""
    return _network(weights, _exact)


def fast_network(weights: Weights) -> bytes:
    """As :func:`exact_network`; the mean of a text's states has a cosine of .999 with what that one gives."""
    return _network(weights, _EightBits())


def _network(weights: Weights, product: Linear) -> bytes:
    tensors, shape = weights.tensors, weights.shape
    graph = Graph()

    def linear(x: str, name: str) -> str:
        return product(graph, x, tensors[f"{name}.weight"], tensors[f"{name}.bias"])

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


def _exact(graph: Graph, x: str, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> str:
    return graph.node("Add", [graph.node("MatMul", [x, graph.array(weight.T)]), graph.array(bias)])


class _EightBits:
    """Products of whole numbers, each token's state and each output's weights with a scale of their own: one scale for
    all tokens is set by a few of them that are fifty times as large as the others."""

    def __init__(self) -> None:
        self._rounded: dict[str, tuple[str, str]] = {}

    def __call__(self, graph: Graph, x: str, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> str:
        states, state_scale = self._of_states(graph, x)
        scale = np.abs(weight).max(axis=1) / np.float32(LEVELS)
        whole = np.round(weight / scale[:, None]).astype(np.int8).T
        zero = graph.array(np.array(MIDDLE, np.uint8))
        found = graph.node("MatMulInteger", [states, graph.array(whole), zero])
        found = graph.node("Mul", [graph.node("Cast", [found], to=FLOAT32), state_scale])
        return graph.node("Add", [graph.node("Mul", [found, graph.array(scale)]), graph.array(bias)])

    def _of_states(self, graph: Graph, x: str) -> tuple[str, str]:
        """The states as bytes, and what one step of each token's is worth."""
        if x not in self._rounded:
            largest = graph.node("ReduceMax", [graph.node("Abs", [x])], axes=[-1])
            scale = graph.node("Mul", [largest, graph.array(np.array([1 / LEVELS], np.float32))])
            steps = graph.node("Round", [graph.node("Div", [x, scale])])
            shifted = graph.node("Add", [steps, graph.array(np.array([MIDDLE], np.float32))])
            self._rounded[x] = graph.node("Cast", [shifted], to=UINT8), scale
        return self._rounded[x]
