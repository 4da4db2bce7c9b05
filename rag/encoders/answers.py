"""What an embeddings server answers: JSON to unit vectors, and nothing believed unchecked."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

import numpy as np

from rag.errors import ModelError
from rag.types import Matrix, Vector

UNIT = 0.02  # how far from 1 a length may be: numbers of 16 bits are off by less
LOG = "look at the server's log"
API = "is SNOSKA_EMBEDDINGS_URL an API's address, as http://HOST:PORT/v1?"


def read_vectors(body: bytes, count: int, dimension: int, url: str) -> Matrix:
    """float32 (count, dimension), rows of length 1, in the order of the texts, whatever order they came in.

    Lengths that are off by rounding are brought to 1; any other is a fault, as is a number that is not finite. Raises
    ModelError, which names the server by its ``url``.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{url} answers with what is no JSON: {API}") from error
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, list) or not all(isinstance(each, dict) for each in data):
        raise ModelError(f"{url} answers with no list of vectors: {API}")
    if len(data) != count:
        raise ModelError(f"{url} gave {len(data)} vectors for {count} texts: {LOG}")
    places = [each.get("index") for each in data]
    if {place for place in places if type(place) is int} != set(range(count)):
        raise ModelError(f"{url} does not number its {count} vectors from 0: {LOG}")
    rows = np.empty((count, dimension), np.float64)
    for place, each in zip(places, data, strict=True):
        row = _numbers(each.get("embedding"))
        if row is None:
            raise ModelError(f"{url} gave a vector that cannot be read: {LOG}")
        if row.shape != (dimension,):
            raise ModelError(
                f"{url} gives vectors of {row.size} numbers, the model here has {dimension}: serve the same model"
            )
        rows[place] = row
    if not np.isfinite(rows).all():
        raise ModelError(f"{url} gave a vector with a number that is not finite: {LOG}")
    with np.errstate(over="ignore"):  # the square of a huge number is infinite, and no length of 1 either
        lengths = np.linalg.norm(rows, axis=1)
    worst = float(lengths[np.argmax(np.abs(lengths - 1))])
    if abs(worst - 1) > UNIT:
        raise ModelError(f"{url} gave a vector of length {worst:.3g}, not 1: make the server normalise, or {LOG}")
    return np.asarray(rows / lengths[:, None], dtype=np.float32)


def _numbers(embedding: Any) -> Vector | None:
    """A vector as a list of numbers, or as base64 of float32, lowest byte first; None where it is neither."""
    try:
        if isinstance(embedding, str):
            return np.frombuffer(base64.b64decode(embedding, validate=True), dtype="<f4")
        return np.array(embedding, dtype=np.float64) if isinstance(embedding, list) else None
    except (binascii.Error, ValueError, TypeError, OverflowError):
        return None
