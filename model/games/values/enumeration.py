"""The best signs of one side of a small XOR game, by trying them all: Σ_y |Σ_x G a_x| over every a with a_0 = 1.

The rows are split in two halves. Every signing of a half has one vector of column sums; a signing of all rows scores
the L1 distance between the vector of one half and minus the vector of the other, so that compiled code for distances
does the 2^(n_A−1)·n_B steps.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_BLOCK = 2**17  # distances held at a time, 1 MB
_FEW = 2**12  # differences that numpy takes as quickly


def enumeration_steps(shape: tuple[int, int]) -> int:
    """Additions that `best_signs` takes for such a G, 2^(n_A−1)·n_B; about 3·10⁹ a second on a laptop of 2023."""
    return shape[1] << max(shape[0] - 1, 0)


def best_signs(matrix: Floats) -> Floats:
    """Row signs a, shape (n_A,), a_0 = 1, that maximise Σ_y |Σ_x G a_x|; the first such in a fixed order.

    Args:
        matrix: G, shape (n_A, n_B) with n_A at most 40 or so: see `enumeration_steps`.
    """
    half = (len(matrix) + 1) // 2
    first, second = _signings(half)[: 2 ** (half - 1)], _signings(len(matrix) - half)
    sums, minus_sums = first @ matrix[:half], -(second @ matrix[half:])
    best, found = -np.inf, (0, 0)
    rows = max(1, _BLOCK // len(sums))
    for start in range(0, len(minus_sums), rows):
        values = _distances(minus_sums[start : start + rows], sums)
        top = int(values.argmax())
        if values.flat[top] > best:
            best = float(values.flat[top])
            found = (top % len(sums), start + top // len(sums))
    return np.concatenate([first[found[0]], second[found[1]]])


def _distances(first: Floats, second: Floats) -> Floats:
    """L1 distance of every row of one table to every row of the other."""
    if len(first) * second.size <= _FEW:
        return np.asarray(np.abs(first[:, None] - second).sum(axis=2))
    from scipy.spatial.distance import cdist  # slow to import for a small game

    return np.asarray(cdist(first, second, "cityblock"))


def _signings(count: int) -> Floats:
    """All ±1 vectors of that length, shape (2^count, count); the first half of them have a leading 1."""
    codes = np.arange(2**count)[:, None] >> np.arange(count - 1, -1, -1)
    return np.asarray(1.0 - 2.0 * (codes & 1))
