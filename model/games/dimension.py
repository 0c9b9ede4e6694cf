"""Quantum strategies of few dimensions: as few as an optimum needs, and the best found in fewer (MODEL §2, fact 3)."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from .strategy import Measurements
from .values.anderson import fixed_point
from .values.quantum_value import QuantumOptimum, normalise, quantum_optimum
from .values.xor_game import Bound, XorGame

Floats = NDArray[np.float64]

STARTS = 24  # of the ascent in few dimensions, which may stall in local optima
STEPS = 150  # of all of them; then the best continue until they come to rest
FINISHED = 3
_DEPENDENT = 1e-8  # relative singular value below which quadratic forms count as dependent


def largest_dimension(shape: tuple[int, int]) -> int:
    """The most dimensions a best strategy for n_A×n_B types ever needs: k ≤ n_A, k ≤ n_B, k(k+1)/2 ≤ n_A + n_B − 1.

    Source: Tsirelson, J. Soviet Math. 36, 557 (1987); `in_few_dimensions` walks down to it.
    """
    return min(*shape, (isqrt(8 * (sum(shape) - 1) + 1) - 1) // 2)


def optimum_within(
    game: XorGame, dimension: int | None = None, starts: Sequence[Floats] = (), best: QuantumOptimum | None = None
) -> QuantumOptimum:
    """The best strategy whose vectors have at most k dimensions, in as few as it needs.

    Where the optimum of all quantum strategies needs no more than k, it is that, with its certificate. Otherwise it is
    the best found from several starts, and nothing proves that there is no better one: `bound.high` still bounds all
    quantum strategies.

    Args:
        game: The game.
        dimension: k; None allows any quantum strategy.
        starts: v to start from as well, each of shape (n_B, any).
        best: The optimum of all quantum strategies, if it is known.
    """
    best = best or quantum_optimum(game)
    few = in_few_dimensions(game, Measurements(best.u, best.v))
    if dimension is None or few.dimension <= dimension or game.is_zero:
        return QuantumOptimum(best.bound, few.u, few.v)
    u, v = _ascend(game.matrix, dimension, [few.v, *starts])
    found = in_few_dimensions(game, Measurements(u, v))
    low = min(_score(game, found) - game.slack, best.bound.high)
    method = f"low-rank ascent in {dimension} dimensions from {STARTS} starts: found, not proved"
    return QuantumOptimum(Bound(low, best.bound.high, method), found.u, found.v)


def in_few_dimensions(game: XorGame, found: Measurements) -> Measurements:
    """A strategy of at least the same score in as few dimensions as can be reached without losing any.

    As long as a symmetric Δ ≠ 0 has r·Δr = 0 for all vectors r of both routers, they may become (1 + tΔ)^½ r, whose
    lengths stay 1 while the score is linear in t, up to where 1 + tΔ loses a dimension (Pataki, Math. Oper. Res. 23,
    339, 1998).
    """
    rows, columns = (np.any(game.matrix != 0, axis=axis) for axis in (1, 0))
    if not rows.any():
        return Measurements(np.ones((len(rows), 1)), np.ones((len(columns), 1)))
    # A vector on which the score does not depend must not take a dimension of its own.
    found = Measurements(
        np.where(rows[:, None], found.u, found.u[rows.argmax()]),
        np.where(columns[:, None], found.v, found.v[columns.argmax()]),
    )
    while True:
        found = found.reduced()
        if found.dimension == 1:
            return found
        form = _free_form(np.vstack([found.u, found.v]))
        if form is None:
            return found
        values, axes = np.linalg.eigh(form)
        ends = []
        for value in (values[0], values[-1]):
            if abs(value) > _DEPENDENT:
                root = axes * np.sqrt(np.maximum(1 - values / value, 0.0)) @ axes.T
                ends.append(Measurements(found.u @ root, found.v @ root).reduced())
        ends = [end for end in ends if end.dimension < found.dimension]
        best = max(ends, key=lambda end: _score(game, end), default=None)
        if best is None or _score(game, best) < _score(game, found) - game.slack - 1e-13 * abs(_score(game, found)):
            return found
        found = best


def _score(game: XorGame, strategy: Measurements) -> float:
    return float((game.matrix * strategy.correlators).sum())


def _free_form(vectors: Floats) -> Floats | None:
    """A symmetric matrix Δ of norm about 1 with r·Δr = 0 for every row r, shape (k, k); None if there is none."""
    rows, columns = np.triu_indices(vectors.shape[1])
    forms = vectors[:, rows] * vectors[:, columns] * np.where(rows == columns, 1.0, 2.0)
    singular, basis = np.linalg.svd(forms)[1:]
    if len(singular) == len(rows) and singular[-1] > _DEPENDENT * singular[0]:
        return None
    form = np.zeros((vectors.shape[1], vectors.shape[1]))
    form[rows, columns] = form[columns, rows] = basis[-1]
    return form


def _ascend(matrix: Floats, dimension: int, starts: Sequence[Floats]) -> tuple[Floats, Floats]:
    """The best u, v in k dimensions by u ← normalise(G v), v ← normalise(Gᵀ u) from random and given starts."""
    drawn = np.random.default_rng(0).normal(size=(STARTS, matrix.shape[1], dimension))
    given = [_fitted(start, dimension) for start in starts]
    v = normalise(np.concatenate([drawn, np.array(given).reshape(-1, *drawn.shape[1:])]))

    def step(v: Floats) -> Floats:
        return normalise(matrix.T @ normalise(matrix @ v))

    for _ in range(STEPS):
        v = step(v)
    order = np.argsort(-np.linalg.norm(matrix @ v, axis=2).sum(axis=1), kind="stable")
    ends = [fixed_point(step, v[index], normalise) for index in order[:FINISHED]]
    best = max(ends, key=lambda end: float(np.linalg.norm(matrix @ end, axis=1).sum()))
    return normalise(matrix @ best), best


def _fitted(vectors: Floats, dimension: int) -> Floats:
    """The first k coordinates, shape (n, k); zeros where there are fewer."""
    kept = vectors[:, :dimension]
    return np.pad(kept, ((0, 0), (0, dimension - kept.shape[1])))
