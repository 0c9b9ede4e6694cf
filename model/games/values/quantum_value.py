"""The quantum value of an XOR game, with a dual certificate: β_Q = max Σ G ⟨u_x, v_y⟩ over unit vectors (MODEL §2).

Source: Tsirelson, Lett. Math. Phys. 4, 93 (1980).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .anderson import fixed_point
from .classical_value import classical_optimum
from .xor_game import CLOSED_GAP, ROUNDING, Bound, XorGame

Floats = NDArray[np.float64]

MAX_STARTS = 6  # fresh starts of the ascent while its dual gap stays open
MAX_COMPARED = 10  # types up to which a stalled ascent is compared with the classical strategies
MAX_SHIFTED = 1024  # types at both routers up to which an open dual bound is tried by an eigenvalue as well
_STILL = 1e-13  # change of the vectors in one step below which the ascent has come to rest
_LEAST_SHARE = 1e-12  # of a row's sum: the least that its λ is raised to


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
        if high - value <= CLOSED_GAP * abs(value) + _rounding(game):
            break
    assert best is not None  # MAX_STARTS ≥ 1
    if best.bound.high - best.bound.low > CLOSED_GAP * best.bound.high + _rounding(game) + 2 * game.slack:
        return _at_least_classical(game, best)
    return best


def _ascended(game: XorGame, start: Floats) -> tuple[Floats, Floats]:
    """u and v where the ascent from v = `start` ends, shapes (n_A, k) and (n_B, k); O(n k) a step with the factors."""

    idle = game.column_sums[:, None] <= game.slack  # nothing but rounding, which would turn such a vector for ever

    def reply(v: Floats) -> Floats:
        return _normalise(game.transposed_times(_normalise(game.times(v))))

    # Where G cancels, rounding turns the vectors by as much as it is of G: nearer the ascent never comes to rest, and
    # the score, flat at its top, would not gain.
    noise = game.slack / float(game.row_sums.sum())
    v = fixed_point(lambda v: np.where(idle, v, reply(v)), start, _normalise, tolerance=max(_STILL, noise))
    v = np.where(idle, reply(v), v)
    return _normalise(game.times(v)), v


def _rounding(game: XorGame) -> float:
    """What a dual bound exceeds the value by, even at the optimum: its own slack, which may exceed a G that cancels."""
    types = sum(game.shape)
    return game.slack * (2 + (types / 2 if types <= MAX_SHIFTED else 0))


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
    norm += ROUNDING * terms
    bound = max(1.0, norm) * float(raised[0].sum() + raised[1].sum()) / 2
    half = float(lam.sum() + kap.sum()) / 2
    if bound - half > CLOSED_GAP * abs(half) and sum(game.shape) <= MAX_SHIFTED:
        block = np.block([[np.diag(lam), -game.matrix], [-game.matrix.T, np.diag(kap)]])
        shift = max(0.0, -float(np.linalg.eigvalsh(block)[0])) + game.slack
        bound = min(bound, half + shift * len(block) / 2)
    return bound + game.slack


def _normalise(vectors: Floats) -> Floats:
    """Rows scaled to length 1; a zero row, whose direction is free, becomes the first axis."""
    lengths = np.linalg.norm(vectors, axis=1)
    if lengths.all():
        return np.asarray(vectors / lengths[:, None])
    axis = np.eye(1, vectors.shape[1])
    return np.where(lengths[:, None] > 0, vectors / np.where(lengths == 0, 1.0, lengths)[:, None], axis)
