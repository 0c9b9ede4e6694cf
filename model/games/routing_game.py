"""The routing game of a workload at one multiplier: an XOR game in units of waiting time, and its bounds (MODEL §2).

A strategy with correlators c scores constant + Σ G c = Σ π s (w−μ): the waiting time that it saves against keeping all
pairs together, less μ per unit of splitting probability. G = −π(w−μ)/2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..queueing.workload import Workload
from .values.quantum_value import QuantumOptimum, quantum_optimum, vector_dimension
from .values.quantum_values import MAX_TABLE, quantum_optima
from .values.xor_game import Bound, XorGame

Floats = NDArray[np.float64]

Against = Literal["every-classical", "memoryless"]  # classes of classical routers that a certificate may compare with
Routers = Against | Literal["quantum"]  # classes of routers that a game has a bound for
_LEAST_SHARE = 0.1  # of an even distribution: every setting is measured at least so often


class RoutingGame:
    """The game at one multiplier; each of its parts is computed once, when first asked for.

    It knows types alone; a `BoundedGame` has bounds that hold for all that the routers know.

    Args:
        workload: The queueing model.
        multiplier: μ, waiting time paid per unit of splitting probability.
    """

    def __init__(self, workload: Workload, multiplier: float) -> None:
        self.workload = workload
        self.multiplier = multiplier

    @cached_property
    def matrix(self) -> Floats:
        """G, shape (n_A, n_B)."""
        return -self.workload.joint * (self.workload.weights - self.multiplier) / 2

    @cached_property
    def magnitude(self) -> float:
        """Sum of the absolute values that G is computed from."""
        return float((self.workload.joint * (self.workload.weights + abs(self.multiplier))).sum()) / 2

    @cached_property
    def xor(self) -> XorGame:
        """The XOR game, by its factors if it has rank 2: with many types its table need not be kept."""
        workload, magnitude = self.workload, self.magnitude
        if not workload.rank_two:
            return XorGame(self.matrix, magnitude=magnitude)
        left = workload.marginal_a[:, None] * np.column_stack([np.ones(workload.shape[0]), workload.mean_a])
        right = workload.marginal_b[:, None] * np.column_stack([np.ones(workload.shape[1]), workload.mean_b])
        return XorGame.of_factors(left, routing_core(workload, self.multiplier), right, magnitude)

    @cached_property
    def constant(self) -> float:
        """Σ π(w−μ)/2: what a strategy with all correlators 0 scores."""
        return float((self.workload.joint * (self.workload.weights - self.multiplier)).sum()) / 2

    @property
    def is_zero(self) -> bool:
        """Whether G is nothing but rounding error, so that nothing can be certified."""
        return self.xor.is_zero

    def line(self, score: float) -> float:
        """W at p = 0 of the line W = W₀ + E[w] − constant − score − μp, on which all strategies with that Σ G c lie."""
        return self.workload.together_waiting_time - self.constant - score

    @cached_property
    def quantum_optimum(self) -> QuantumOptimum:
        """The best measurements found for types (or bins), and the interval that holds their best Σ G c."""
        return optima([self])[0]

    @cached_property
    def input_distribution(self) -> Floats:
        """r(x,y) ∝ |G|, shape (n_A, n_B), with every setting that occurs measured at least a tenth of evenly.

        If it is proportional to |G|, every trial weighs the same and the exact binomial tail certifies (MODEL §4). If
        the floor lifts a setting, it is not, and the certificate bets on the score instead.
        """
        shares = np.abs(self.matrix)
        occurring = self.workload.joint > 0
        shares = shares / shares.sum() if shares.any() else occurring / occurring.sum()
        lifted = np.where(occurring, np.maximum(shares, _LEAST_SHARE / occurring.sum()), 0.0)
        return np.asarray(lifted / lifted.sum())


def optima(games: Sequence[RoutingGame]) -> list[QuantumOptimum]:
    """The quantum optimum of each game of one workload; many small ones are solved as one batch."""
    if not games:
        return []
    shape = games[0].workload.shape
    found: list[QuantumOptimum | None] = [None] * len(games)
    if shape == (2, 2) or (len(games) > 1 and math.prod(shape) <= MAX_TABLE):
        dimension = vector_dimension(shape, games[0].workload.rank_two)
        matrices = np.array([game.matrix for game in games])
        found = quantum_optima(matrices, np.array([game.magnitude for game in games]), dimension)
    return [each or quantum_optimum(game.xor) for game, each in zip(games, found, strict=True)]


def solve_together(games: Sequence[RoutingGame]) -> None:
    """Find the quantum optima of games of one workload, which they then know."""
    for game, found in zip(games, optima(games), strict=True):
        game.quantum_optimum = found


class BoundedGame(RoutingGame):
    """A game with the bounds proved over all strategies of what the routers know; `Frontiers.game` makes it.

    Args:
        workload: The queueing model.
        multiplier: μ.
        prove: Gives the interval that holds the best Σ G c of a class of routers.
    """

    def __init__(self, workload: Workload, multiplier: float, prove: Callable[[RoutingGame, Routers], Bound]) -> None:
        super().__init__(workload, multiplier)
        self._prove = prove
        self._bounds: dict[Routers, Bound] = {}

    def bound(self, routers: Routers) -> Bound:
        """The interval that holds the best Σ G c of a class: β_C of "memoryless" routers, β_Q of "quantum" ones.

        Of "every-classical" ones its upper end is β_E: a larger score is better than every classical router.

        Raises:
            NoBoundError: there is no bound on every classical router.
        """
        if routers not in self._bounds:
            self._bounds[routers] = self._prove(self, routers)
        return self._bounds[routers]


def routing_core(workload: Workload, multiplier: float) -> Floats:
    """−M/2 at μ, shape (2, 2): the form in (1, m_x) and (1, n_y) that the game is (MODEL §2, fact 1)."""
    return -np.array([[-multiplier, 0.25], [0.25, workload.crossing]]) / 2
