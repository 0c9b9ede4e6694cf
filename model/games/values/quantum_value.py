"""The quantum value of an XOR game, with a dual certificate: β_Q = max Σ G ⟨u_x, v_y⟩ over unit vectors (MODEL §2).

Source: Tsirelson, Lett. Math. Phys. 4, 93 (1980).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .anderson import fixed_point
from .classical_value import classical_optimum
from .interior_point import central_point
from .xor_game import CLOSED_GAP, ROUNDING, Bound, XorGame

Floats = NDArray[np.float64]

MAX_STARTS = 6  # fresh starts of the ascent while its dual gap stays open
MAX_INTERIOR = 256  # types at both routers up to which an interior point closes the gap instead, in seconds at most
MAX_QUICK = 64  # types at both routers up to which that takes no longer than some hundreds of steps of the ascent
SAID_GAP = 1e-7  # of Σ|G|: a wider interval says so in its method
MAX_COMPARED = 10  # types up to which a stalled ascent is compared with the classical strategies
MAX_SHIFTED = 1024  # types at both routers up to which an open dual bound is tried by an eigenvalue as well
_STEPS, _QUICK_STEPS = 2000, 200  # of one ascent at most, the second up to MAX_QUICK types
STILL = 1e-13  # change of the vectors in one step below which the ascent has come to rest
LEAST_SHARE = 1e-12  # of a row's sum: the least that its λ is raised to


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


def quantum_optimum(game: XorGame) -> QuantumOptimum:
    """β_Q by low-rank ascent u ← normalise(G v), v ← normalise(Gᵀ u), certified by its dual (MODEL §2, fact 2).

    A best reply never lowers the score and never leaves the span of the vectors it replies to. The dimension never
    rises, so the ascent may come to rest at a saddle of few dimensions, or crawl past one. If that leaves the interval
    open, small games are solved by an interior-point method. An interval wider than SAID_GAP says so in its method.
    """
    dimension = vector_dimension(game.shape, game.rank_two is not None)
    if game.is_zero:
        u, v = (np.eye(1, dimension).repeat(count, 0) for count in game.shape)
        return QuantumOptimum(Bound(-2 * game.slack, 2 * game.slack, "zero game"), u, v)
    generic = np.random.default_rng(0)
    best: QuantumOptimum | None = None
    for _ in range(MAX_STARTS):
        u, v = _ascended(game, normalise(generic.normal(size=(game.shape[1], dimension))))
        best = _better(game, best, u, v, dual_bound(game, u, v), "low-rank ascent")
        if _is_closed(game, best.bound):
            break
        if sum(game.shape) <= MAX_INTERIOR:
            best = _on_central_path(game, best)
            break
    assert best is not None  # MAX_STARTS ≥ 1
    return _said(game, best if _is_closed(game, best.bound) else _at_least_classical(game, best))


def vector_dimension(shape: tuple[int, int], rank_two: bool) -> int:
    """Dimension of vectors in which the ascent of such games finds their optimum."""
    return 2 if rank_two else int(np.ceil(np.sqrt(2 * sum(shape)))) + 1


def _better(
    game: XorGame, best: QuantumOptimum | None, u: Floats, v: Floats, high: float, method: str
) -> QuantumOptimum:
    """The better of two strategies, below the lower of their upper bounds."""
    value = float(np.sum(u * game.times(v)))
    if best is not None:
        high = min(high, best.bound.high)
    if best is not None and value <= best.bound.low + game.slack:
        return replace(best, bound=replace(best.bound, low=min(best.bound.low, high), high=high))
    return QuantumOptimum(Bound(min(value - game.slack, high), high, f"{method} with dual certificate"), u, v)


def _is_closed(game: XorGame, bound: Bound) -> bool:
    """Whether what is left of the interval is no more than rounding, or not worth an effort."""
    rounding = 4 * game.slack  # the slack at both ends, which may exceed a G that cancels
    return bound.high - bound.low <= CLOSED_GAP * abs(bound.high) + rounding


def _said(game: XorGame, found: QuantumOptimum) -> QuantumOptimum:
    """The same, its method saying what stays open."""
    gap = (found.bound.high - found.bound.low) / float(game.row_sums.sum())
    if gap <= SAID_GAP:
        return found
    return replace(found, bound=replace(found.bound, method=f"{found.bound.method}, {100 * gap:.2g} % of Σ|G| open"))


def _on_central_path(game: XorGame, found: QuantumOptimum) -> QuantumOptimum:
    """The optimum of a game on which the ascent stalled."""
    dimension = 2 if game.rank_two is not None else min(game.shape)  # best replies span no more
    rows, columns = (np.any(game.matrix != 0, axis=axis) for axis in (1, 0))
    matrix = game.matrix[np.ix_(rows, columns)]
    vectors, multipliers = central_point(matrix, CLOSED_GAP / 1000 * float(game.row_sums.sum()))
    lam, kap = np.split(multipliers, [len(matrix)])
    # Only the span of G v counts, and each row should add as much to it as another.
    image = matrix @ vectors[len(matrix) :] / np.abs(matrix).sum(axis=1, keepdims=True)
    axes = np.linalg.svd(image, full_matrices=False)[2][:dimension]
    v = np.zeros((game.shape[1], dimension))
    v[columns, : len(axes)] = vectors[len(matrix) :] @ axes.T
    u = normalise(game.times(v))
    high = _theta_bound(lam, kap, *_scaled_norm(matrix, lam, kap)) + game.slack
    return _better(game, found, u, normalise(game.transposed_times(u)), high, "interior-point method")


def _ascended(game: XorGame, start: Floats) -> tuple[Floats, Floats]:
    """u and v where the ascent from v = `start` ends, shapes (n_A, k) and (n_B, k); O(n k) a step with the factors."""

    # A column that is nothing but rounding would turn its vector for ever. Each is judged by its own terms, since all
    # the rare types together are worth more than rounding.
    terms = 0.0 if game.rank_two is None else game.rank_two.transposed.row_magnitudes
    idle = (game.column_sums <= ROUNDING * sum(game.shape) * terms)[:, None]

    def reply(v: Floats) -> Floats:
        return normalise(game.transposed_times(normalise(game.times(v))))

    # If terms of G cancel, rounding keeps turning the vectors by its share of G: the ascent never comes to rest nearer,
    # and the score, flat at its top, would not gain.
    noise = game.slack / float(game.row_sums.sum())
    steps = _QUICK_STEPS if sum(game.shape) <= MAX_QUICK else _STEPS
    v = fixed_point(
        lambda v: np.where(idle, v, reply(v)), start, normalise, tolerance=max(STILL, noise), max_steps=steps
    )
    v = np.where(idle, reply(v), v)
    return normalise(game.times(v)), v


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

    It holds for any positive λ and κ, so that those of poor vectors are raised to be positive. If it stays open and
    the game is small, the shift δ is tried as well.
    """
    lam, kap = np.sum(u * game.times(v), axis=1), np.sum(v * game.transposed_times(u), axis=1)
    rows, columns = game.row_sums > 0, game.column_sums > 0
    if not rows.any():
        return game.slack
    least = LEAST_SHARE * game.row_sums, LEAST_SHARE * game.column_sums
    raised = np.maximum(lam, least[0])[rows], np.maximum(kap, least[1])[columns]
    if game.rank_two is not None:
        bound = _theta_bound(*raised, *game.rank_two.scaled_norm(rows, columns, *raised))
    else:
        bound = _theta_bound(*raised, *_scaled_norm(game.matrix[np.ix_(rows, columns)], *raised))
    half = float(lam.sum() + kap.sum()) / 2
    if bound - half > CLOSED_GAP * abs(half) and sum(game.shape) <= MAX_SHIFTED:
        block = np.block([[np.diag(lam), -game.matrix], [-game.matrix.T, np.diag(kap)]])
        rounding = ROUNDING * len(block) * float(game.row_sums.max() + game.column_sums.max())
        shift = max(0.0, -float(np.linalg.eigvalsh(block)[0])) + rounding
        bound = min(bound, half + shift * len(block) / 2)
    return bound + game.slack


def _theta_bound(lam: Floats, kap: Floats, norm: float, terms: float) -> float:
    """θ·√(Σλ Σκ) of any positive λ and κ, from θ and the terms that it is made of times the roundings of each."""
    return (norm + ROUNDING * terms) * float(np.sqrt(lam.sum()) * np.sqrt(kap.sum()))


def _scaled_norm(matrix: Floats, lam: Floats, kap: Floats) -> tuple[float, float]:
    """θ = ‖Λ^−½ G K^−½‖ from the table, and its terms times their roundings, as `RankTwo.scaled_norm`."""
    norm = float(np.linalg.norm(matrix / np.outer(np.sqrt(lam), np.sqrt(kap)), 2))
    return norm, norm * sum(matrix.shape)


def normalise(vectors: Floats) -> Floats:
    """Rows (the last axis) scaled to length 1; a zero row, whose direction is free, becomes the first axis."""
    lengths = np.sqrt(np.einsum("...i,...i->...", vectors, vectors))[..., None]
    if lengths.all():
        return np.asarray(vectors / lengths)
    axis = np.eye(1, vectors.shape[-1])[0]
    return np.where(lengths > 0, vectors / np.where(lengths == 0, 1.0, lengths), axis)
