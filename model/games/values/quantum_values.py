"""The quantum values of many XOR games of one size at once: the ascent of `quantum_value`, in one call for all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .anderson import fixed_points
from .quantum_value import LEAST_SHARE, STILL, QuantumOptimum, normalise
from .xor_game import CLOSED_GAP, ROUNDING, Bound

Floats = NDArray[np.float64]

MAX_TABLE = 4096  # pairs of types of one game, up to which tables are quicker than factors
_NUMBERS = 2**21  # in the tables of all games that are solved at once
_STEPS = 60  # of the ascent: what is open then is better solved alone


def quantum_optima(matrices: Floats, magnitudes: Floats, dimension: int) -> list[QuantumOptimum | None]:
    """The quantum optimum of each game whose interval closes, None for a game to be solved alone.

    The bounds are proved as those of `quantum_optimum` are, by θ of MODEL §2, fact 2.

    Args:
        matrices: G of each game, shape (k, n_A, n_B).
        magnitudes: Sum of the absolute values that each G was computed from, shape (k,).
        dimension: Dimension of the vectors: 2 if every G has rank 2, else enough for any optimum.
    """
    shape = matrices.shape[1:]
    slack = ROUNDING * sum(shape) * np.maximum(magnitudes, np.abs(matrices).sum(axis=(1, 2)))
    found: list[QuantumOptimum | None] = []
    at_once = max(1, _NUMBERS // (shape[0] * shape[1]))
    for start in range(0, len(matrices), at_once):
        part = slice(start, start + at_once)
        found += _solved(matrices[part], slack[part], dimension)
    return found


def _solved(matrices: Floats, slack: Floats, dimension: int) -> list[QuantumOptimum | None]:
    """The same of games whose tables fit in memory, given the slack for rounding of each, shape (k,)."""
    found: list[QuantumOptimum | None] = [None] * len(matrices)
    sizes = np.abs(matrices)
    row_sums, column_sums, total = sizes.sum(axis=2), sizes.sum(axis=1), sizes.sum(axis=(1, 2))
    # Types that never occur, or whose pairs all weigh nothing, need the care of the single game.
    usable = (row_sums.min(axis=1) > slack) & (column_sums.min(axis=1) > slack)
    chosen = np.flatnonzero(usable)
    if not len(chosen):
        return found
    matrices, slack, row_sums, column_sums, total = (
        each[chosen] for each in (matrices, slack, row_sums, column_sums, total)
    )
    v = best_vectors(matrices, dimension, np.maximum(STILL, slack / total))
    image = matrices @ v
    u = normalise(image)
    back = matrices.swapaxes(1, 2) @ u
    value = (u * image).sum(axis=(1, 2))
    lam = np.maximum((u * image).sum(axis=2), LEAST_SHARE * row_sums)
    kap = np.maximum((v * back).sum(axis=2), LEAST_SHARE * column_sums)
    scaled = matrices / np.sqrt(lam[:, :, None] * kap[:, None, :])
    theta = np.linalg.norm(scaled, 2, axis=(1, 2)) * (1 + ROUNDING * sum(matrices.shape[1:]))
    high = theta * np.sqrt(lam.sum(axis=1) * kap.sum(axis=1)) + slack
    low = np.minimum(value - slack, high)
    closed = high - low <= CLOSED_GAP * np.abs(high) + 4 * slack
    for place in np.flatnonzero(closed):
        bound = Bound(low[place], high[place], "low-rank ascent with dual certificate")
        found[chosen[place]] = QuantumOptimum(bound, u[place], v[place])
    return found


def best_vectors(matrices: Floats, dimension: int, tolerance: Floats, start: Floats | None = None) -> Floats:
    """v of the best strategy found for each game, the best replies to it being u = Gv, normalised.

    Args:
        matrices: G of each game, shape (k, n_A, n_B).
        dimension: Dimension of the vectors.
        tolerance: Change of an entry of v below which the ascent ends, shape (k,).
        start: v to begin with, shape (k, n_B, dimension). Defaults to generic ones. 2×2 games need none: they have
            a closed form.
    """
    transposed = matrices.swapaxes(1, 2)
    if matrices.shape[1:] == (2, 2):
        start = _plane_of_four(matrices, dimension)
    elif start is None:
        generic = normalise(np.random.default_rng(0).normal(size=(matrices.shape[2], dimension)))
        start = np.broadcast_to(generic, (len(matrices), *generic.shape))

    def reply(v: Floats, at: NDArray[np.int64]) -> Floats:
        return normalise(transposed[at] @ normalise(matrices[at] @ v))

    return fixed_points(reply, start, normalise, tolerance, _STEPS)


def _plane_of_four(matrices: Floats, dimension: int) -> Floats:
    """The best v of 2×2 games in closed form, shape (k, 2, dimension).

    With c = u₀·u₁ the score of the best replies is Σ_y √(s_y + 2 a_y c), s_y = G₀y² + G₁y², a_y = G₀y G₁y: concave in
    c, so that it is largest where its derivative vanishes, or at an end of [−1, 1].
    """
    s, a = (matrices**2).sum(axis=1), matrices.prod(axis=1)
    (s0, s1), (a0, a1) = s.T, a.T
    rising = np.sign(a0 + a1)
    crossing = a0 * a1 < 0
    denominator = np.where(crossing, 2 * a0 * a1 * (a1 - a0), 1.0)
    c = np.where(crossing, np.clip((a0**2 * s1 - a1**2 * s0) / denominator, -1.0, 1.0), rising)
    u = np.zeros((len(matrices), 2, dimension))
    u[:, 0, 0] = 1.0
    u[:, 1, 0], u[:, 1, 1] = c, np.sqrt(np.maximum(1 - c**2, 0.0))
    return normalise(matrices.swapaxes(1, 2) @ u)
