"""Policies of routers that know the whole past, found by value iteration, in a form that can be simulated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..queueing.workload import Workload
from .grid import Grid
from .process import InformedProcess
from .simulation import Decide, Servers, Types, simulate_router

Floats = NDArray[np.float64]
Words = NDArray[np.int64]

_PAIRS = 200_000  # simulated to see how often each state occurs
_REPLICAS = 1024


def best_maps(process: InformedProcess, potential: Floats, kappa: float) -> tuple[Words, Words]:
    """The maps of A and of B that reach `process.step(potential, kappa)` at each state, as in `PastInformedPolicy`."""
    costs = process.costs(potential, kappa)
    first, second = np.zeros(potential.shape, dtype=np.int64), np.zeros(potential.shape, dtype=np.int64)
    for block in process.blocks():
        replies, values = [], []
        for sums in costs.maps(block):
            bits = 1 << np.arange(len(sums[0]), dtype=np.int64)
            replies.append(np.tensordot(bits, (sums[1] < sums[0]).astype(np.int64), axes=1))
            values.append(np.minimum(sums[0], sums[1]).sum(axis=0))
        best = np.argmin(values, axis=0)  # the number of a map is its word
        first[block.rows, block.columns] = best
        second[block.rows, block.columns] = np.take_along_axis(np.array(replies), best[None], axis=0)[0]
    # In the mirrored state every request goes to the other server.
    first, second = (
        np.tril(words) + np.triu(2**count - 1 - words.T, 1)
        for words, count in zip((first, second), process.joint.shape, strict=True)
    )
    return (second, first) if process.swapped else (first, second)


@dataclass(frozen=True, eq=False)
class PastInformedPolicy:
    """What to do by both servers' levels: more than any routers without communication can know.

    Attributes:
        grid: The levels to which those of the servers are rounded down. Beyond the largest workload, where any more
            costs nothing on the grid, routers who would measure split every pair instead.
        a: Bit x is the server to which router A sends a request of type x, shape (size, size): one word for each state
            (u₀, u₁) of the grid.
        b: The same of router B.
        split: P(a≠b | x,y) where they measure a Bell pair instead, and flip both outcomes by a shared fair bit; NaN
            where they follow the maps. Shape (n_A, n_B, size, size). Defaults to maps everywhere.
        up: Whether the levels are rounded up, and beyond the largest workload the routers act as there. Defaults to
            False.
    """

    grid: Grid
    a: Words
    b: Words
    split: Floats | None = None
    up: bool = False

    def place(self, levels: Floats) -> NDArray[np.intp]:
        """Index of the state of the grid that the levels of both servers are rounded to, shape (2, replicas)."""
        grid = self.grid
        level = np.ceil(levels / grid.step) if self.up else np.floor(levels / grid.step)
        return np.clip(level, -grid.idle, grid.busy).astype(np.intp) + grid.idle

    def start(self, replicas: int) -> Decide:
        rng = np.random.default_rng(0)  # of shared fair bits and outcomes of measurements

        def decide(x: Types, y: Types, gap: Floats, levels: Floats) -> tuple[Servers, Servers]:
            first, second = self.place(levels)
            a, b = self.a[first, second] >> x & 1, self.b[first, second] >> y & 1
            if self.split is None:
                return a, b
            split = self.split[x, y, first, second]
            if not self.up:
                split = np.where((levels >= (self.grid.busy + 1) * self.grid.step).any(axis=0), 1.0, split)
            measured = ~np.isnan(split)
            outcome = rng.integers(2, size=replicas)
            other = outcome ^ (rng.random(replicas) < split)
            return np.where(measured, outcome, a), np.where(measured, other, b)

        return decide


def occupancy(workload: Workload, policy: PastInformedPolicy) -> Floats:
    """How often each state of the grid is met under a policy, simulated, shape (size, size), sum 1."""
    counted = _Counted(policy)
    simulate_router(workload, counted, _PAIRS, np.random.default_rng(0), replicas=_REPLICAS)
    return np.asarray(counted.visits / counted.visits.sum())


def folded(occurs: Floats) -> Floats:
    """How often each state with u₀ ≥ u₁ or the one with the servers exchanged is met, 0 at all others."""
    found = np.tril(occurs + occurs.T)
    found[np.diag_indices_from(found)] /= 2
    return found


class _Counted:
    """A policy that counts how often each state of its grid is met."""

    def __init__(self, policy: PastInformedPolicy) -> None:
        self._policy = policy
        self.visits = np.zeros((policy.grid.size, policy.grid.size))

    def start(self, replicas: int) -> Decide:
        decide = self._policy.start(replicas)

        def counted(x: Types, y: Types, gap: Floats, levels: Floats) -> tuple[Servers, Servers]:
            np.add.at(self.visits, tuple(self._policy.place(levels)), 1.0)
            return decide(x, y, gap, levels)

        return counted
