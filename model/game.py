"""Weighted XOR games: the exact classical value, and the quantum value with a dual certificate (MODEL §2).

A game is a matrix G; a correlator c(x,y) scores Σ G c. Local hidden variables reach β_C = max Σ G a_x b_y over
signs, quantum measurements β_Q = max Σ G ⟨u_x, v_y⟩ over unit vectors (Tsirelson 1980).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .anderson import fixed_point
from .branch import branch_and_bound
from .enumeration import best_signs, enumeration_steps

Floats = NDArray[np.float64]

MAX_STEPS = 2**28  # additions of an enumeration, a tenth of a second: 24 types on either side
SEARCH_SECONDS = 60.0  # of branch and bound, for one game
MAX_STARTS = 6  # fresh starts of the ascent while its dual gap stays open
MAX_COMPARED = 10  # types up to which a stalled ascent is compared with the classical strategies
CLOSED_GAP = 1e-9  # relative gap at which a value counts as closed
_ROUNDING = 16 * np.finfo(float).eps  # slack per summed term, for bounds that must survive rounding


@dataclass(frozen=True)
class Bound:
    """A number known to lie in [low, high], and how that is known."""

    low: float
    high: float
    method: str

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ValueError(f"empty interval: low {self.low!r} > high {self.high!r}")


@dataclass(frozen=True, eq=False)
class RankTwo:
    """The factors of G = left · core · rightᵀ, with left = D_A [1 m] and right = D_B [1 n].

    Attributes:
        left: shape (n_A, 2), first column > 0.
        core: shape (2, 2).
        right: shape (n_B, 2), first column > 0.
    """

    left: Floats
    core: Floats
    right: Floats


@dataclass(frozen=True, eq=False)
class XorGame:
    """A weighted XOR game.

    Attributes:
        matrix: G, shape (n_A, n_B).
        rank_two: Its factors where the types are independent (MODEL §2, fact 1), else None.
        magnitude: Sum of the absolute values that G was computed from; above Σ|G| where they cancel.
    """

    matrix: Floats
    rank_two: RankTwo | None = None
    magnitude: float = 0.0

    @property
    def slack(self) -> float:
        """A bound on the rounding error of any signed sum of G, and of the terms that G was computed from."""
        return float(_ROUNDING * self.matrix.size * max(self.magnitude, np.abs(self.matrix).sum()))

    @property
    def is_zero(self) -> bool:
        """Whether G is nothing but rounding error."""
        return bool(np.abs(self.matrix).sum() <= self.slack)


@dataclass(frozen=True, eq=False)
class ClassicalOptimum:
    """The best deterministic strategy found, and the interval holding β_C.

    Attributes:
        bound: The interval.
        a: Signs of A, shape (n_A,).
        b: Signs of B, shape (n_B,).
        finished: Whether the interval is as narrow as was asked; False where the search ran out of time.
    """

    bound: Bound
    a: Floats
    b: Floats
    finished: bool = True

    @property
    def correlators(self) -> Floats:
        """a_x b_y, shape (n_A, n_B)."""
        return np.asarray(np.outer(self.a, self.b))


@dataclass(frozen=True, eq=False)
class QuantumOptimum:
    """Best vectors found: u, shape (n_A, k), v, shape (n_B, k), and the interval holding β_Q."""

    bound: Bound
    u: Floats
    v: Floats

    @property
    def correlators(self) -> Floats:
        """⟨u_x, v_y⟩, shape (n_A, n_B)."""
        return np.clip(self.u @ self.v.T, -1.0, 1.0)


def classical_optimum(
    game: XorGame, *, gap: float = CLOSED_GAP, seconds: float = SEARCH_SECONDS, seed: int = 0
) -> ClassicalOptimum:
    """β_C: by thresholds where G has its rank-2 factors, else by enumerating the smaller side, else branch and bound.

    The interval has the width of rounding unless branch and bound was told to stop earlier, or had to; `method` then
    says how wide it is and why.

    Args:
        game: The game.
        gap: Relative gap at which branch and bound may stop.
        seconds: Time after which it stops and the interval shows what is unproved; 0 bounds the game without a search.
        seed: Of its search for strategies; the result is a function of it, unless time runs out.
    """
    matrix, high, finished = game.matrix, -np.inf, True
    if game.rank_two is not None:
        a, method = _best_threshold(game.rank_two), "threshold"
    elif enumeration_steps(matrix) <= min(MAX_STEPS, enumeration_steps(matrix.T)):
        a, method = best_signs(matrix), "enumeration"
    elif enumeration_steps(matrix.T) <= MAX_STEPS:
        a, method = _signs(matrix @ best_signs(matrix.T)), "enumeration"
    elif game.is_zero:
        a, method = np.ones(len(matrix)), "zero game"
    else:
        found = branch_and_bound(matrix, tolerance=2 * game.slack, gap=gap, seconds=seconds, seed=seed)
        a, high, method, finished = found.signs[: len(matrix)], found.high, found.method, found.finished
    b = _signs(a @ matrix)
    for _ in range(len(a)):  # where terms cancel, a neighbour may be better than the cut found from the factors
        better = _signs(matrix @ b)
        if np.array_equal(better, a):
            break
        a, b = better, _signs(better @ matrix)
    value = float(a @ matrix @ b)
    return ClassicalOptimum(Bound(value - game.slack, max(value, high) + game.slack, method), a, b, finished)


def quantum_optimum(game: XorGame, dimension: int | None = None, start: Floats | None = None) -> QuantumOptimum:
    """β_Q by low-rank ascent u ← normalise(G v), v ← normalise(Gᵀ u), certified by its dual (MODEL §2, fact 2).

    Args:
        game: The game.
        dimension: k, the dimension of the vectors; by default 2 for rank-2 games, else enough for any optimum.
            A smaller k restricts the strategies (k = 2: one Bell pair measured in a plane); `bound.high` still
            bounds the unrestricted β_Q.
        start: v to start from, shape (n_B, k); a fixed generic start without it.
    """
    matrix = game.matrix
    if dimension is None:
        dimension = 2 if game.rank_two is not None else int(np.ceil(np.sqrt(2 * sum(matrix.shape)))) + 1
    if game.is_zero:
        u, v = np.eye(1, dimension).repeat(matrix.shape[0], 0), np.eye(1, dimension).repeat(matrix.shape[1], 0)
        return QuantumOptimum(Bound(-2 * game.slack, 2 * game.slack, "zero game"), u, v)

    def ascend(v: Floats) -> Floats:
        return _normalise(matrix.T @ _normalise(matrix @ v))

    generic = np.random.default_rng(0)
    best: QuantumOptimum | None = None
    for attempt in range(MAX_STARTS):
        warm = start is not None and attempt == 0
        first = start if warm else generic.normal(size=(matrix.shape[1], dimension))
        v = fixed_point(ascend, _normalise(np.asarray(first)), _normalise)
        u = _normalise(matrix @ v)
        value = float(np.sum(u * (matrix @ v)))
        high = dual_bound(game, u, v)
        if best is not None:
            high = min(high, best.bound.high)
        if best is None or value > best.bound.low + game.slack:
            bound = Bound(min(value - game.slack, high), high, "low-rank ascent with dual certificate")
            best = QuantumOptimum(bound, u, v)
        else:
            best = replace(best, bound=replace(best.bound, high=high))
        if high - value <= CLOSED_GAP * abs(value) + 2 * game.slack:
            break
    assert best is not None  # MAX_STARTS ≥ 1
    if best.bound.high - best.bound.low > CLOSED_GAP * best.bound.high + 4 * game.slack:
        return _at_least_classical(game, best)
    return best


def _at_least_classical(game: XorGame, found: QuantumOptimum) -> QuantumOptimum:
    """A stalled ascent must not fall behind the classical strategies, which are vectors along one line."""
    if game.rank_two is None and min(game.matrix.shape) > MAX_COMPARED:
        return found
    classical = classical_optimum(game)
    if classical.bound.low <= found.bound.low:
        return found
    axis = np.eye(1, found.u.shape[1])
    bound = replace(found.bound, low=min(classical.bound.low, found.bound.high))
    return QuantumOptimum(bound, classical.a[:, None] * axis, classical.b[:, None] * axis)


def dual_bound(game: XorGame, u: Floats, v: Floats) -> float:
    """An upper bound on β_Q from (nearly) optimal vectors, rounding included: MODEL §2, fact 2, by θ where it holds."""
    matrix = game.matrix
    lam = np.sum(u * (matrix @ v), axis=1)
    kap = np.sum(v * (matrix.T @ u), axis=1)
    half = float(lam.sum() + kap.sum()) / 2
    rows, columns = np.any(matrix != 0, axis=1), np.any(matrix != 0, axis=0)
    bounds = []
    if np.all(lam[rows] > 0) and np.all(kap[columns] > 0):
        if game.rank_two is not None and rows.all() and columns.all():
            norm = _norm_of_factors(game.rank_two, lam, kap)
        else:
            scaled = matrix[np.ix_(rows, columns)] / np.sqrt(np.outer(lam[rows], kap[columns]))
            norm = float(np.linalg.norm(scaled, 2))
        norm *= 1 + _ROUNDING * matrix.size
        bounds.append(max(1.0, norm) * float(lam[rows].sum() + kap[columns].sum()) / 2)
    if not bounds or bounds[0] - half > CLOSED_GAP * abs(half):
        block = np.block([[np.diag(lam), -matrix], [-matrix.T, np.diag(kap)]])
        shift = max(0.0, -float(np.linalg.eigvalsh(block)[0])) + game.slack
        bounds.append(half + shift * len(block) / 2)
    return float(min(bounds)) + game.slack


def _norm_of_factors(factors: RankTwo, lam: Floats, kap: Floats) -> float:
    """θ = ‖Λ^−½ G K^−½‖ for G = L C Rᵀ: the root of the largest eigenvalue of a 2×2 matrix."""
    inner_a = factors.left.T @ (factors.left / lam[:, None])
    inner_b = factors.core @ (factors.right.T @ (factors.right / kap[:, None])) @ factors.core.T
    return float(np.sqrt(np.abs(np.linalg.eigvals(inner_a @ inner_b)).max()))


def _signs(values: Floats) -> Floats:
    return np.where(values >= 0, 1.0, -1.0)


def _normalise(vectors: Floats) -> Floats:
    """Rows scaled to length 1; a zero row, whose direction is free, becomes the first axis."""
    lengths = np.linalg.norm(vectors, axis=1)
    if lengths.all():
        return np.asarray(vectors / lengths[:, None])
    axis = np.eye(1, vectors.shape[1])
    return np.where(lengths[:, None] > 0, vectors / np.where(lengths == 0, 1.0, lengths)[:, None], axis)


def _best_threshold(factors: RankTwo) -> Floats:
    """Signs a of a best cut on A's mean service time, in O(n log n): for each cut the sum over B is a prefix sum."""
    left, right = factors.left, factors.right
    order_a = np.argsort(left[:, 1] / left[:, 0], kind="stable")
    prefix = np.vstack([np.zeros(2), np.cumsum(left[order_a], axis=0)])
    normals = (prefix[-1] - 2 * prefix) @ factors.core  # one per cut k: the first k types get −1
    ratio = right[:, 1] / right[:, 0]
    order_b = np.argsort(ratio, kind="stable")
    sums = np.vstack([np.zeros(2), np.cumsum(right[order_b], axis=0)])
    with np.errstate(divide="ignore", invalid="ignore"):
        root = np.nan_to_num(-normals[:, 0] / normals[:, 1], nan=0.0)
    crossing = np.searchsorted(ratio[order_b], root)
    values = np.abs(np.sum((sums[-1] - 2 * sums[crossing]) * normals, axis=1))
    a = np.empty(len(left))
    a[order_a] = np.where(np.arange(len(left)) < int(values.argmax()), -1.0, 1.0)
    return a
