"""ONNX graphs, written without the package onnx: the few messages of its protobuf format that a network needs.

Field numbers are those of ``onnx.proto`` (ONNX 1.x, IR version 8). A message is bytes; what repeats is written
one after another.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

IR_VERSION, OPSET, CONTRIB = 8, 17, "com.microsoft"  # ONNX Runtime's own operators
FLOAT32, UINT8 = 1, 2  # as the attributes of an operator name them
_TYPES = {"float32": FLOAT32, "uint8": UINT8, "int8": 3, "int32": 6, "int64": 7}
_BYTES, _FIXED32 = 2, 5  # wire types; a whole number is 0


@dataclass(slots=True)
class Graph:
    """A network under construction: nodes in the order of their work, and the arrays they hold."""

    nodes: list[bytes] = field(default_factory=list)
    arrays: list[bytes] = field(default_factory=list)
    _names: int = 0

    def array(self, value: NDArray[Any]) -> str:
        """Holds an array; its name."""
        name = self._name("array")
        dims = b"".join(_number(1, size) for size in value.shape)
        kind = _number(2, _TYPES[value.dtype.name])
        self.arrays.append(_message(5, dims + kind + _text(8, name) + _message(9, np.ascontiguousarray(value).data)))
        return name

    def node(self, kind: str, inputs: Sequence[str], domain: str = "", **attributes: float | Sequence[int]) -> str:
        """Adds a node of one output, an absent input being ""; the output's name."""
        output = self._name(kind)
        names = b"".join(_text(1, each) for each in inputs) + _text(2, output)
        told = b"".join(_attribute(name, value) for name, value in attributes.items())
        self.nodes.append(_message(1, names + _text(4, kind) + told + _text(7, domain)))
        return output

    def output(self, name: str, source: str) -> None:
        """Names a result of the whole network."""
        self.nodes.append(_message(1, _text(1, source) + _text(2, name) + _text(4, "Identity")))

    def model(self, inputs: Mapping[str, tuple[str, Sequence[str | int]]], outputs: Sequence[str]) -> bytes:
        """The network as a file's bytes. ``inputs`` have a type and a shape, whose free sizes are names."""
        graph = b"".join([*self.nodes, _text(2, "snoska"), *self.arrays])
        graph += b"".join(_message(11, _value(name, *form)) for name, form in inputs.items())
        graph += b"".join(_message(12, _value(name, "float32", None)) for name in outputs)
        versions = _message(8, _text(1, "") + _number(2, OPSET)) + _message(8, _text(1, CONTRIB) + _number(2, 1))
        return _number(1, IR_VERSION) + _text(2, "snoska") + versions + _message(7, graph)

    def _name(self, kind: str) -> str:
        self._names += 1
        return f"{kind}_{self._names}"


def _attribute(name: str, value: float | Sequence[int]) -> bytes:
    if isinstance(value, Sequence):
        return _message(5, _text(1, name) + b"".join(_number(8, each) for each in value) + _number(20, 7))
    if isinstance(value, int):
        return _message(5, _text(1, name) + _number(3, value) + _number(20, 2))
    return _message(5, _text(1, name) + _varint(2 << 3 | _FIXED32) + struct.pack("<f", value) + _number(20, 1))


def _value(name: str, kind: str, shape: Sequence[str | int] | None) -> bytes:
    tensor = _number(1, _TYPES[kind])
    if shape is not None:
        sizes = [_number(1, size) if isinstance(size, int) else _text(2, size) for size in shape]
        tensor += _message(2, b"".join(_message(1, size) for size in sizes))
    return _text(1, name) + _message(2, _message(1, tensor))


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _text(number: int, value: str) -> bytes:
    return _message(number, value.encode())


def _message(number: int, content: bytes | memoryview) -> bytes:
    size = content.nbytes if isinstance(content, memoryview) else len(content)
    return b"".join([_varint(number << 3 | _BYTES), _varint(size), content])


def _varint(value: int) -> bytes:
    found = bytearray()
    value &= 2**64 - 1  # below 0: the two's complement
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])
