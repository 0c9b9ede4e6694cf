"""The classical value of an XOR game: local hidden variables reach β_C = max Σ G a_x b_y over signs (MODEL §2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...scenario.bounds import SEARCH_SECONDS
from .branch import branch_and_bound
from .enumeration import best_signs, enumeration_steps
from .xor_game import CLOSED_GAP, Bound, XorGame

Floats = NDArray[np.float64]

MAX_STEPS = 2**28  # additions of an enumeration, a tenth of a second: 24 types on either side
MAX_REPLIES = 100  # best replies in turn after the cut found from the factors


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


def classical_optimum(game: XorGame, *, gap: float = CLOSED_GAP, seconds: float = SEARCH_SECONDS) -> ClassicalOptimum:
    """β_C: by thresholds where G has its rank-2 factors, else by enumerating the smaller side, else branch and bound.

    The interval has the width of rounding unless branch and bound stopped earlier; `method` then says how wide it is
    and why.

    Args:
        game: The game.
        gap: Relative gap at which branch and bound may stop.
        seconds: Time after which it stops and the interval shows what is unproved; 0 bounds the game without a search.
    """
    high, finished = -np.inf, True
    if game.rank_two is not None:
        a, method = game.rank_two.best_threshold(), "threshold"
    else:
        a, method, high, finished = _searched(game, gap, seconds)
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


def _searched(game: XorGame, gap: float, seconds: float) -> tuple[Floats, str, float, bool]:
    """Row signs of a best strategy, how they were found, an upper bound where one was proved, and whether it closed."""
    matrix = game.matrix
    steps, other = enumeration_steps(game.shape), enumeration_steps(game.shape[::-1])
    if steps <= min(MAX_STEPS, other):
        return best_signs(matrix), "enumeration", -np.inf, True
    if other <= MAX_STEPS:
        return _signs(matrix @ best_signs(matrix.T)), "enumeration", -np.inf, True
    if game.is_zero:
        return np.ones(len(matrix)), "zero game", -np.inf, True
    found = branch_and_bound(matrix, tolerance=2 * game.slack, gap=gap, seconds=seconds)
    return found.signs[: len(matrix)], found.method, found.high, found.finished


def _signs(values: Floats) -> Floats:
    return np.where(values >= 0, 1.0, -1.0)
