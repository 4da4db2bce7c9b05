"""What a text's vector is kept under: a hash of the text."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

KEY_BYTES = 16  # of a text's BLAKE2b hash; two of 10^9 texts collide with probability 10^-21

Keys = NDArray[np.bytes_]  # (n,) of 16 bytes


def text_key(text: str) -> bytes:
    """The text's key."""
    return hashlib.blake2b(text.encode("utf-8"), digest_size=KEY_BYTES).digest()


def split_keys(data: bytes) -> list[bytes]:
    """The keys that lie one after another in ``data``."""
    return [data[start : start + KEY_BYTES] for start in range(0, len(data), KEY_BYTES)]


def key_array(keys: Sequence[bytes]) -> Keys:
    """Keys as an array (n,)."""
    return np.frombuffer(b"".join(keys), f"S{KEY_BYTES}")


def key_list(keys: Keys) -> list[bytes]:
    """An array's keys, whole: numpy takes zeros off their ends."""
    return split_keys(np.ascontiguousarray(keys).tobytes())
