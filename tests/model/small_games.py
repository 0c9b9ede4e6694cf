"""The values of small games by means of the tests' own: all signs, all angles, and quasi-Newton from many starts."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize

Floats = np.ndarray[Any, np.dtype[np.float64]]


def all_signs(count: int) -> Floats:
    """Every vector of ±1, shape (2^count, count)."""
    return np.asarray(1 - 2.0 * (np.arange(2**count)[:, None] >> np.arange(count) & 1))


def by_signs(matrix: Floats) -> float:
    """max Σ G a_x b_y: every a of the smaller side, and the b that answers it best."""
    small = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    return float(np.abs(all_signs(len(small)) @ small).sum(axis=1).max())


def by_angles(matrix: Floats) -> float:
    """max Σ G c if a router has two types: the best replies to 20001 angles between its vectors, all in one plane."""
    two = matrix if len(matrix) == 2 else matrix.T
    angles = np.exp(1j * np.linspace(0, np.pi, 20001))
    return float(np.abs(two[0] + angles[:, None] * two[1]).sum(axis=1).max())


def by_quasi_newton(matrix: Floats, dimension: int, starts: int) -> float:
    """The largest Σ G ⟨u,v⟩ found by BFGS over unnormalised vectors, each start drawn afresh."""
    rows, columns = matrix.shape
    rng = np.random.default_rng(8)

    def fall(flat: Floats) -> tuple[float, Floats]:
        vectors = flat.reshape(rows + columns, dimension)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit = vectors / lengths
        u, v = unit[:rows], unit[rows:]
        slope = np.vstack([matrix @ v, matrix.T @ u])
        slope -= unit * (slope * unit).sum(axis=1, keepdims=True)
        return -float(np.sum(u * (matrix @ v))), -(slope / lengths).ravel()

    best = 0.0
    for _ in range(starts):
        first = rng.normal(size=(rows + columns) * dimension)
        best = min(best, float(minimize(fall, first, jac=True, method="BFGS", options={"gtol": 1e-9}).fun))
    return -best
