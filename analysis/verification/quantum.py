"""The quantum value of a routing game, β_Q = max Σ G ⟨u_x, v_y⟩ over unit vectors, from both sides.

From below by quasi-Newton ascent from random vectors. From above by weak duality: for every ±-vectors,
2 Σ G ⟨u_x, v_y⟩ ≤ Σ λ + Σ κ wherever M = [[diag λ, −G], [−Gᵀ, diag κ]] is positive semidefinite, which is decided in
exact integers for games that are not too large: by Sylvester's criterion, all leading minors being computed by
fraction-free elimination (Bareiss).
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from .classical import Value
from .game import Matrix

Floats = NDArray[np.float64]

MAX_EXACT = 48  # n_A + n_B up to which the dual is proved in exact integers, within a second or so
_GRID = 2**64  # its entries are multiples of 1/_GRID of Σ|G|
_STARTS = 4
_POLISH = 4000  # steps u ← Gv/|Gv|, v ← Gᵀu/|Gᵀu| at most, after the quasi-Newton steps
_LOOK = 50  # of them between two looks at the dual
_CLOSED = 1e-11  # of Σ|G|
_EPS = float(np.finfo(float).eps)


def quantum_value(exact: Matrix, seed: int = 0) -> Value:
    """β_Q from both sides.

    Args:
        exact: G.
        seed: Seed of the random starts. Defaults to 0.
    """
    matrix = np.array(exact, dtype=float)
    total = float(np.abs(matrix).sum())
    if total == 0:
        return Value(0.0, 0.0, "the game is zero", True)
    game = matrix / total
    rng = np.random.default_rng(seed)
    dimension = min(math.isqrt(2 * sum(game.shape)) + 2, sum(game.shape))
    low, high, best = -np.inf, np.inf, (np.zeros(game.shape[0]), np.zeros(game.shape[1]))
    for start in range(_STARTS):
        u, v = _ascended(game, dimension if start % 2 else min(3, dimension), rng)
        for _ in range(_POLISH // _LOOK):
            value = float((u * (game @ v)).sum())
            multipliers = np.linalg.norm(game @ v, axis=1), np.linalg.norm(game.T @ u, axis=1)
            bound = _bound(game, *multipliers)
            low = max(low, value)
            if bound < high:
                high, best = bound, multipliers
            if high - low <= _CLOSED:
                break
            for _ in range(_LOOK):
                u = _unit(game @ v)
                v = _unit(game.T @ u)
        if high - low <= _CLOSED:
            break
    high, method = _proved(exact, total, game, *best)
    method = f"unit vectors in {dimension} dimensions, quasi-Newton ascent from random starts (seed {seed}); {method}"
    return Value(low * total, high, method, False)


def _ascended(game: Floats, dimension: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Unit vectors at a stationary point of Σ G ⟨u_x, v_y⟩."""
    rows, count = len(game), sum(game.shape)

    def descent(point: Floats) -> tuple[float, Floats]:
        vectors = point.reshape(count, dimension)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit = vectors / lengths
        pull = np.vstack([game @ unit[rows:], game.T @ unit[:rows]])
        slope = (pull - unit * (unit * pull).sum(axis=1, keepdims=True)) / lengths
        return -float((unit[:rows] * pull[:rows]).sum()), -slope.ravel()

    options = {"maxiter": 5000, "maxfun": 50_000, "ftol": 0.0, "gtol": 1e-13, "maxcor": 20}
    found = minimize(descent, rng.normal(size=count * dimension), jac=True, method="L-BFGS-B", options=options)
    unit = _unit(found.x.reshape(count, dimension))
    return unit[:rows], unit[rows:]


def _unit(vectors: Floats) -> Floats:
    """Rows of length 1; what is 0 has no direction and gets the first."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    axis = np.eye(1, vectors.shape[1])
    return np.asarray(np.where(lengths > 0, vectors / np.where(lengths > 0, lengths, 1.0), axis))


def _block(game: NDArray[Any], lam: NDArray[Any], kap: NDArray[Any]) -> NDArray[Any]:
    """M."""
    return np.block([[np.diag(lam), -game], [-game.T, np.diag(kap)]])


def _bound(game: Floats, lam: Floats, kap: Floats) -> float:
    """½(Σλ+Σκ) once all of them are raised by what M lacks of being positive semidefinite."""
    return float(lam.sum() + kap.sum() + _lack(game, lam, kap) * sum(game.shape)) / 2


def _lack(game: Floats, lam: Floats, kap: Floats) -> float:
    """How much M lacks on its diagonal to be positive semidefinite."""
    return max(0.0, -float(np.linalg.eigvalsh(_block(game, lam, kap))[0]))


def _proved(exact: Matrix, total: float, game: Floats, lam: Floats, kap: Floats) -> tuple[float, str]:
    """A dual point rounded up, the proof that it is feasible, and its bound in the units of the game."""
    count = sum(game.shape)
    lack = _lack(game, lam, kap)
    if count > MAX_EXACT:
        margin = 4 * count * _EPS  # of ‖M‖ ≤ 2, for the rounding of the eigenvalues and of M
        bound = (lam.sum() + kap.sum() + (lack + margin) * count) / 2
        return float(bound) * total * (1 + 4 * _EPS), f"dual point, least eigenvalue to within {margin:.1e} of Σ|G|"
    scale = Fraction(total)
    cells = np.array([[round(entry / scale * _GRID) for entry in row] for row in exact], dtype=object)
    raised = lack + 4 * count * _EPS
    while True:
        diagonal = [math.ceil((value + raised) * _GRID) + count for value in np.concatenate([lam, kap]).tolist()]
        # Each entry of G was rounded by at most ½ of the grid; a diagonal that is higher by n_A + n_B makes up for it.
        lower = np.array(diagonal, dtype=object) - count
        if positive_definite(_block(cells, lower[: len(cells)], lower[len(cells) :]).tolist()):
            bound = scale * sum(diagonal) / (2 * _GRID)
            return math.nextafter(float(bound), math.inf), "rational dual point, proved feasible in exact integers"
        raised = 2 * raised


def positive_definite(matrix: list[list[int]]) -> bool:
    """Whether a symmetric matrix of integers is positive definite: every leading minor is positive.

    Fraction-free elimination (Bareiss, Math. Comput. 22, 1968) leaves the leading minors on the diagonal.
    """
    rows = [list(row) for row in matrix]
    before = 1
    for step in range(len(rows)):
        pivot = rows[step][step]
        if pivot <= 0:
            return False
        for i in range(step + 1, len(rows)):
            for j in range(i, len(rows)):
                rows[i][j] = (rows[i][j] * pivot - rows[step][i] * rows[step][j]) // before
        before = pivot
    return True
