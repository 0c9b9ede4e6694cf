"""Weighted XOR games: the exact classical value, and the quantum value with a dual certificate (MODEL §2).

A game is a matrix G; a correlator c(x,y) scores Σ G c. Local hidden variables reach β_C = max Σ G a_x b_y over
signs, quantum measurements β_Q = max Σ G ⟨u_x, v_y⟩ over unit vectors (Tsirelson 1980).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...scenario.limits import SEARCH_SECONDS
from .anderson import fixed_point
from .branch import branch_and_bound
from .enumeration import best_signs, enumeration_steps
from .rank_two import RankTwo

Floats = NDArray[np.float64]

MAX_STEPS = 2**28  # additions of an enumeration, a tenth of a second: 24 types on either side
MAX_STARTS = 6  # fresh starts of the ascent while its dual gap stays open
MAX_COMPARED = 10  # types up to which a stalled ascent is compared with the classical strategies
CLOSED_GAP = 1e-9  # relative gap at which a value counts as closed
MAX_REPLIES = 100  # best replies in turn after the cut found from the factors
MAX_SHIFTED = 1024  # types at both routers up to which an open dual bound is tried by an eigenvalue as well
_LEAST_SHARE = 1e-12  # of a row's sum: the least that its λ is raised to
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


class XorGame:
    """A weighted XOR game: G, shape (n_A, n_B), as a table or by its factors, of which no table need ever be made.

    Args:
        matrix: G; None where the factors stand for it.
        rank_two: Its factors where the types are independent (MODEL §2, fact 1), else None.
        magnitude: Sum of the absolute values that G was computed from; above Σ|G| where they cancel.
    """

    def __init__(self, matrix: Floats | None, rank_two: RankTwo | None = None, magnitude: float = 0.0) -> None:
        if matrix is None and rank_two is None:
            raise ValueError("a game needs its matrix or its factors")
        self._matrix = matrix
        self.rank_two = rank_two
        self._magnitude = magnitude

    @classmethod
    def of_factors(cls, left: Floats, core: Floats, right: Floats) -> XorGame:
        """G = left · core · rightᵀ, with left = D_A [1 m], shape (n_A, 2), core (2, 2) and right = D_B [1 n] (n_B, 2).

        Raises:
            ValueError: a first column that is not positive, or shapes that do not fit.
        """
        return cls(None, RankTwo(*(np.asarray(factor, dtype=float) for factor in (left, core, right))))

    @property
    def shape(self) -> tuple[int, int]:
        """(n_A, n_B)."""
        if self._matrix is None:
            assert self.rank_two is not None  # one of the two is given
            return self.rank_two.shape
        return self._matrix.shape[0], self._matrix.shape[1]

    @property
    def matrix(self) -> Floats:
        """G as a table; for a game given by its factors it is made when asked for."""
        if self._matrix is None:
            assert self.rank_two is not None  # one of the two is given
            self._matrix = self.rank_two.left @ self.rank_two.core @ self.rank_two.right.T
        return self._matrix

    def times(self, v: Floats) -> Floats:
        """G v, for v of shape (n_B,) or (n_B, k)."""
        return np.asarray(self.matrix @ v if self.rank_two is None else self.rank_two.times(v))

    def transposed_times(self, u: Floats) -> Floats:
        """Gᵀ u, for u of shape (n_A,) or (n_A, k)."""
        return np.asarray(self.matrix.T @ u if self.rank_two is None else self.rank_two.transposed.times(u))

    @cached_property
    def row_sums(self) -> Floats:
        """Σ_y |G(x,y)|, shape (n_A,)."""
        return np.abs(self.matrix).sum(axis=1) if self.rank_two is None else self.rank_two.row_sums

    @cached_property
    def column_sums(self) -> Floats:
        """Σ_x |G(x,y)|, shape (n_B,)."""
        return np.abs(self.matrix).sum(axis=0) if self.rank_two is None else self.rank_two.transposed.row_sums

    @cached_property
    def slack(self) -> float:
        """A bound on the rounding error of any signed sum of G, and of the terms that G was computed from.

        A sum over rows of sums over columns errs by at most (n_A + n_B) roundings of the terms it adds.
        """
        magnitude = max(self._magnitude, float(self.row_sums.sum()))
        if self.rank_two is not None:
            magnitude = max(magnitude, self.rank_two.magnitude)
        return float(_ROUNDING * sum(self.shape) * magnitude)

    @property
    def is_zero(self) -> bool:
        """Whether G is nothing but rounding error."""
        return float(self.row_sums.sum()) <= self.slack


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
    high, finished = -np.inf, True
    if game.rank_two is not None:
        a, method = game.rank_two.best_threshold(), "threshold"
    else:
        a, method, high, finished = _searched(game, gap, seconds, seed)
    b = _signs(game.transposed_times(a))
    for _ in range(MAX_REPLIES):  # where terms cancel, a neighbour may be better than the cut found from the factors
        better = _signs(game.times(b))
        if np.array_equal(better, a):
            break
        a, b = better, _signs(game.transposed_times(better))
    value = float(a @ game.times(b))
    return ClassicalOptimum(Bound(value - game.slack, max(value, high) + game.slack, method), a, b, finished)


def is_quick(game: XorGame) -> bool:
    """Whether `classical_optimum` needs no branch and bound, and so no time to speak of."""
    steps = (enumeration_steps(shape) for shape in (game.shape, game.shape[::-1]))
    return game.rank_two is not None or min(steps) <= MAX_STEPS


def _searched(game: XorGame, gap: float, seconds: float, seed: int) -> tuple[Floats, str, float, bool]:
    """Row signs of a best strategy, how they were found, an upper bound where one was proved, and whether it closed."""
    matrix = game.matrix
    steps, other = enumeration_steps(game.shape), enumeration_steps(game.shape[::-1])
    if steps <= min(MAX_STEPS, other):
        return best_signs(matrix), "enumeration", -np.inf, True
    if other <= MAX_STEPS:
        return _signs(matrix @ best_signs(matrix.T)), "enumeration", -np.inf, True
    if game.is_zero:
        return np.ones(len(matrix)), "zero game", -np.inf, True
    found = branch_and_bound(matrix, tolerance=2 * game.slack, gap=gap, seconds=seconds, seed=seed)
    return found.signs[: len(matrix)], found.method, found.high, found.finished


def quantum_optimum(game: XorGame, dimension: int | None = None, start: Floats | None = None) -> QuantumOptimum:
    """β_Q by low-rank ascent u ← normalise(G v), v ← normalise(Gᵀ u), certified by its dual (MODEL §2, fact 2).

    Args:
        game: The game.
        dimension: k, the dimension of the vectors; by default 2 for rank-2 games, else enough for any optimum.
            A smaller k restricts the strategies (k = 2: one Bell pair measured in a plane); `bound.high` still
            bounds the unrestricted β_Q.
        start: v to start from, shape (n_B, k); a fixed generic start without it.
    """
    if dimension is None:
        dimension = 2 if game.rank_two is not None else int(np.ceil(np.sqrt(2 * sum(game.shape)))) + 1
    if game.is_zero:
        u, v = (np.eye(1, dimension).repeat(count, 0) for count in game.shape)
        return QuantumOptimum(Bound(-2 * game.slack, 2 * game.slack, "zero game"), u, v)
    generic = np.random.default_rng(0)
    best: QuantumOptimum | None = None
    for attempt in range(MAX_STARTS):
        warm = start is not None and attempt == 0
        first = start if warm else generic.normal(size=(game.shape[1], dimension))
        u, v = _ascended(game, _normalise(np.asarray(first)))
        value = float(np.sum(u * game.times(v)))
        high = max(dual_bound(game, u, v), value)
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


def _ascended(game: XorGame, start: Floats) -> tuple[Floats, Floats]:
    """u and v where the ascent from v = `start` ends, shapes (n_A, k) and (n_B, k); O(n k) a step with the factors."""

    def ascend(v: Floats) -> Floats:
        return _normalise(game.transposed_times(_normalise(game.times(v))))

    v = fixed_point(ascend, start, _normalise)
    return _normalise(game.times(v)), v


def _at_least_classical(game: XorGame, found: QuantumOptimum) -> QuantumOptimum:
    """A stalled ascent must not fall behind the classical strategies, which are vectors along one line."""
    if game.rank_two is None and min(game.shape) > MAX_COMPARED:
        return found
    classical = classical_optimum(game)
    if classical.bound.low <= found.bound.low:
        return found
    axis = np.eye(1, found.u.shape[1])
    bound = replace(found.bound, low=min(classical.bound.low, found.bound.high))
    return QuantumOptimum(bound, classical.a[:, None] * axis, classical.b[:, None] * axis)


def dual_bound(game: XorGame, u: Floats, v: Floats) -> float:
    """An upper bound on β_Q from (nearly) optimal vectors, rounding included: MODEL §2, fact 2, by θ.

    It holds for any positive λ and κ, so that those of poor vectors are raised to be positive. Where it stays open and
    the game is small, the shift δ is tried as well.
    """
    lam, kap = np.sum(u * game.times(v), axis=1), np.sum(v * game.transposed_times(u), axis=1)
    rows, columns = game.row_sums > 0, game.column_sums > 0
    if not rows.any():
        return game.slack
    least = _LEAST_SHARE * game.row_sums, _LEAST_SHARE * game.column_sums
    raised = np.maximum(lam, least[0])[rows], np.maximum(kap, least[1])[columns]
    if game.rank_two is not None:
        norm, terms = game.rank_two.scaled_norm(rows, columns, *raised)
    else:
        scaled = game.matrix[np.ix_(rows, columns)] / np.sqrt(np.outer(*raised))
        norm = float(np.linalg.norm(scaled, 2))
        terms = norm * sum(game.shape)
    norm += _ROUNDING * terms
    bound = max(1.0, norm) * float(raised[0].sum() + raised[1].sum()) / 2
    half = float(lam.sum() + kap.sum()) / 2
    if bound - half > CLOSED_GAP * abs(half) and sum(game.shape) <= MAX_SHIFTED:
        block = np.block([[np.diag(lam), -game.matrix], [-game.matrix.T, np.diag(kap)]])
        shift = max(0.0, -float(np.linalg.eigvalsh(block)[0])) + game.slack
        bound = min(bound, half + shift * len(block) / 2)
    return bound + game.slack


def _signs(values: Floats) -> Floats:
    return np.where(values >= 0, 1.0, -1.0)


def _normalise(vectors: Floats) -> Floats:
    """Rows scaled to length 1; a zero row, whose direction is free, becomes the first axis."""
    lengths = np.linalg.norm(vectors, axis=1)
    if lengths.all():
        return np.asarray(vectors / lengths[:, None])
    axis = np.eye(1, vectors.shape[1])
    return np.where(lengths[:, None] > 0, vectors / np.where(lengths == 0, 1.0, lengths)[:, None], axis)
