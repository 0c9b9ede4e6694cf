"""Entangled routers that know the past: the best they do, and what it costs (every-classical §6).

Both know the two servers' levels at each arrival, and so which game the present types play. At each state they take the
better of the best pair of local maps and the best measurements of their Bell pairs. All states' games are solved
together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..games.values.quantum_value import normalise
from ..games.values.quantum_values import best_vectors
from ..queueing.workload import Workload
from .bound import InformedBounds, Level, solve_in_turn
from .grid import Grid
from .policy import PastInformedPolicy, best_maps
from .process import Block, Costs, InformedProcess, mirrored
from .simulation import SimulatedRouter, simulate_router

Floats = NDArray[np.float64]

PAIRS = 2_000_000  # simulated for each policy
_REPLICAS = 4096

SECONDS = 2.0  # of value iteration at each κ
_PER_ENTRY = 1.5e-8  # seconds of a reply to a game for each pair of types and dimension, on a usual core
_SHAKEN = 0.1  # of a generic vector, added to what was found before: vectors on one line would never leave it
_STILL = 1e-6  # largest change of a vector's entry: the score then errs by its square
_SPAN_SHARE = 0.02  # of the tolerance, left to value iteration
_BETTER = 1e-12  # of a cost, by which a measurement must beat the maps to be chosen


class EntangledProcess(InformedProcess):
    """The process of routers that may also measure Bell pairs of a visibility, in bases chosen by the state.

    Args:
        workload: The queueing model.
        grid: The levels of each server.
        visibility: V, by which the correlators fall short of those of ideal Bell pairs.
        dimension: Dimension of the vectors whose products the ideal correlators are.
    """

    def __init__(self, workload: Workload, grid: Grid, visibility: float, dimension: int) -> None:
        super().__init__(workload, grid)
        self.visibility = visibility
        self.dimension = min(dimension, sum(workload.shape))
        self._shake = _SHAKEN * np.random.default_rng(0).normal(size=(self.joint.shape[1], self.dimension))
        self._found: dict[tuple[int, int], Floats] = {}  # v of each block's games in the iteration before

    @property
    def step_seconds(self) -> float:
        return super().step_seconds + _PER_ENTRY * self.grid.size**2 * self.joint.size * self.dimension

    def measured(self, costs: Costs, block: Block, least: Floats | None = None) -> tuple[Floats, Floats]:
        """Cost of the best measurements found at the block's states, and their ideal correlators.

        With T and S the mean costs of a pair sent together and split, both outcomes alike likely, measurements of
        correlators Vc cost Σ (T+S)/2 − V·ΣGc, G = (S−T)/2. The shares π are in T and S already.

        Args:
            costs: Cost of each pair of types for each pair of servers.
            block: The states.
            least: Cost of the best maps. Where no measurement can cost less, since ΣGc ≤ Σ|G|, the game is left
                unsolved and the cost is infinite; that is so at most states. Defaults to solving every game.

        Returns:
            Shapes (rows, columns) and (n_A, n_B, rows, columns), with the router of fewer types first.
        """
        middle, matrices = self.games(costs, block)
        states = middle.shape
        open_ = np.ones(len(matrices), dtype=bool)
        if least is not None:
            open_ = middle.ravel() - self.visibility * np.abs(matrices).sum(axis=(1, 2)) < np.ravel(least)
        matrices = matrices[open_]
        place = block.rows.start, block.columns.start
        found = self._found.setdefault(place, np.zeros((len(open_), *self._shake.shape)))
        start = normalise(found[open_] + self._shake)
        v = found[open_] = best_vectors(matrices, self.dimension, np.full(len(matrices), _STILL), start)
        cost, correlators = np.full(len(open_), np.inf), np.zeros((len(open_), *self.joint.shape))
        correlators[open_] = normalise(matrices @ v) @ v.swapaxes(1, 2)
        cost[open_] = middle.ravel()[open_] - self.visibility * (matrices * correlators[open_]).sum(axis=(1, 2))
        return cost.reshape(states), np.moveaxis(correlators, 0, -1).reshape(*self.joint.shape, *states)

    def games(self, costs: Costs, block: Block) -> tuple[Floats, Floats]:
        """Cost of uncorrelated outcomes at the block's states, shape (rows, columns), and G, shape (states, n_A, n_B).

        The router of fewer types comes first.
        """
        together, split = costs.flipped(block)
        matrices = np.moveaxis((split - together).reshape(*self.joint.shape, -1) / 2, -1, 0)
        return (together + split).sum(axis=(0, 1)) / 2, matrices

    def _least(self, costs: Costs, block: Block) -> Floats:
        least = super()._least(costs, block)
        return np.asarray(np.minimum(least, self.measured(costs, block, least)[0]))

    def policy(self, potential: Floats, kappa: float) -> PastInformedPolicy:
        """What reaches `step(potential, kappa)` at each state."""
        costs = self.costs(potential, kappa)
        split = np.empty((*self.joint.shape, *potential.shape))
        for block in self.blocks():
            least = super()._least(costs, block)
            cost, correlators = self.measured(costs, block, least)
            better = cost < least - _BETTER * np.abs(least)
            chosen = np.where(better, (1 - self.visibility * correlators) / 2, np.nan)
            split[:, :, block.rows, block.columns] = chosen
        split = mirrored(split)
        if self.swapped:
            split = split.swapaxes(0, 1)
        return PastInformedPolicy(self.grid, *best_maps(self, potential, kappa), split)


@dataclass(frozen=True)
class EntangledOptimum:
    """Both kinds of routers that know the past, at one κ, on one grid.

    Attributes:
        kappa: κ, waiting time paid per unit of baseline throughput.
        classical: V(κ), the least W − κτ of classical routers.
        entangled: W − κτ of the entangled routers found.
        policy: What these do.
        finished: Whether both values are as exact as the tolerance asks.
    """

    kappa: float
    classical: float
    entangled: float
    policy: PastInformedPolicy
    finished: bool


def simulate_policy(workload: Workload, policy: PastInformedPolicy, pairs: int = PAIRS) -> SimulatedRouter:
    """A policy on true workloads, event by event, with the same arrivals each time."""
    warm_up = int(min(max(50.0, 5 / (1 - workload.load) ** 2), 5000.0))
    return simulate_router(workload, policy, pairs, np.random.default_rng(0), replicas=_REPLICAS, warm_up=warm_up)


def entangled_optima(
    bounds: InformedBounds, kappas: list[float], visibility: float, dimension: int
) -> Iterator[EntangledOptimum]:
    """The best entangled routers that know the past, one κ after the other, on the grid that bounds the classical ones.

    Rounding down makes both kinds cheaper, so that the values compare. Each is known to 2 % of the tolerance of the
    bounds, or as well as 2 seconds of computing on each grid allow, counted by the work done. What is left open counts
    against entanglement.

    Args:
        bounds: V of the workload.
        kappas: Each κ.
        visibility: V of the Bell pairs.
        dimension: Dimension of the vectors whose products the ideal correlators are.
    """
    span = _SPAN_SHARE * bounds.tolerance
    levels: tuple[Level, Level] | None = None

    def started(known: Level) -> Level:
        level = Level(EntangledProcess(bounds.workload, known.process.grid, visibility, dimension))
        level.start_from(known)
        return level

    def solve(level: Level, kappa: float) -> None:
        level.solve(kappa, span, max(SECONDS / level.process.step_seconds, 1.0))

    for kappa in kappas:
        bound = bounds.at(kappa)  # which chooses the grids at the first κ
        if levels is None:
            coarse, fine = bounds.levels
            levels = started(coarse), started(fine)
        solve_in_turn(levels, kappa, solve)
        fine = levels[1]
        assert isinstance(fine.process, EntangledProcess)
        policy = fine.process.policy(fine.potential, kappa)
        entangled = min(fine.value + fine.gap, bound.value)
        finished = bound.finished and fine.gap <= bounds.tolerance
        yield EntangledOptimum(kappa, bound.value, entangled, policy, finished)
