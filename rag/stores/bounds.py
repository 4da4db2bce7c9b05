"""Bounds of pieces that lie one after another in one array: piece i is ``[bounds[i], bounds[i + 1])``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def check_rising(bounds: NDArray[Any], last: int) -> None:
    """Raises ValueError where the bounds are not those of pieces of ``last`` things, one after another."""
    if bounds[0] != 0 or bounds[-1] != last or (np.diff(bounds) < 0).any():
        raise ValueError("bounds that do not rise from the first to the last")
