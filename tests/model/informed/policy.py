"""Classical routers with a memory, to be simulated: the best past-informed ones found, and an explicit example.

The decisions come from the potential that value iteration leaves; the bound itself needs none of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from bellqueue.model.informed.bound import InformedBounds
from bellqueue.model.informed.grid import Grid
from bellqueue.model.informed.process import InformedProcess, _Costs
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Types = NDArray[np.int64]
Servers = NDArray[np.int64]
Words = NDArray[np.int64]

# (x, y, time since the pair before, levels of both servers (2, replicas)) → servers of A's and of B's requests
Decide = Callable[[Types, Types, Floats, Floats], tuple[Servers, Servers]]


class Router(Protocol):
    """Two routers that may remember and, if they are informed of it, know the servers' whole past."""

    def start(self, replicas: int) -> Decide:
        """Begin that many independent histories; the function decides the next pair of each."""
        ...


@dataclass(frozen=True, eq=False)
class Decisions:
    """The best local maps at each state (u₀, u₁) of the grid.

    Attributes:
        a: Bit x is the server to which router A sends a request of type x, shape (size, size).
        b: The same of router B.
    """

    a: Words
    b: Words


def best_decisions(process: InformedProcess, potential: Floats, kappa: float) -> Decisions:
    """The maps that reach `process.step(potential, kappa)` at each state."""
    costs = _Costs(process, process._before_drift(potential, kappa))
    first, second = np.zeros(potential.shape, dtype=np.int64), np.zeros(potential.shape, dtype=np.int64)
    for block in process._blocks():
        words, replies, values = [], [], []
        for word, sums in enumerate(costs.maps(block)):
            bits = 1 << np.arange(len(sums[0]), dtype=np.int64)
            words.append(np.full(sums.shape[2:], word, dtype=np.int64))
            replies.append(np.tensordot(bits, (sums[1] < sums[0]).astype(np.int64), axes=1))
            values.append(np.minimum(sums[0], sums[1]).sum(axis=0))
        best = np.argmin(values, axis=0)[None]
        first[block.rows, block.columns] = np.take_along_axis(np.array(words), best, axis=0)[0]
        second[block.rows, block.columns] = np.take_along_axis(np.array(replies), best, axis=0)[0]
    # In the mirrored state every request goes to the other server.
    first, second = (
        np.tril(words) + np.triu(2**count - 1 - words.T, 1)
        for words, count in zip((first, second), process._joint.shape, strict=True)
    )
    return Decisions(second, first) if process._swapped else Decisions(first, second)


def best_policy(bounds: InformedBounds, kappa: float) -> PastInformedPolicy:
    """The best decisions found for routers that know the whole past, at that κ."""
    bounds._solve(kappa, math.inf)
    assert bounds._levels is not None  # just solved
    fine = bounds._levels[1]
    return PastInformedPolicy(fine.process.grid, best_decisions(fine.process, fine.potential, kappa))


@dataclass(frozen=True, eq=False)
class PastInformedPolicy:
    """Maps from types to servers, chosen by both servers' levels: more than any routers without communication can know.

    Attributes:
        grid: The levels to which those of the servers are rounded down.
        decisions: The maps at each state of the grid.
    """

    grid: Grid
    decisions: Decisions

    def start(self, replicas: int) -> Decide:
        grid = self.grid

        def decide(x: Types, y: Types, gap: Floats, levels: Floats) -> tuple[Servers, Servers]:
            below = np.floor(levels / grid.step)
            first, second = np.clip(below, -grid.idle, grid.busy).astype(np.intp) + grid.idle
            return self.decisions.a[first, second] >> x & 1, self.decisions.b[first, second] >> y & 1

        return decide


@dataclass(frozen=True, eq=False)
class MemoryRouter:
    """Routers that remember one request of their own: A always uses server 1 and B server 0, but for one rule.

    A router whose previous request was of type z and went to the usual server, less than the threshold for z and the
    present type ago, uses the other server. Neither communicates, and they share nothing.

    Attributes:
        thresholds_a: Units of time, by the previous type (rows) and the present type at router A, shape (n_A, n_A).
        thresholds_b: The same of router B, shape (n_B, n_B).
    """

    thresholds_a: Floats
    thresholds_b: Floats

    @classmethod
    def after_long(cls, threshold: float) -> MemoryRouter:
        """The rule for two types in the order short, long, at both routers: only a long previous request counts."""
        table = np.array([[0.0, 0.0], [threshold, threshold]])
        return cls(table, table)

    def start(self, replicas: int) -> Decide:
        routers = _Memory(self.thresholds_a, 1, replicas), _Memory(self.thresholds_b, 0, replicas)

        def decide(x: Types, y: Types, gap: Floats, levels: Floats) -> tuple[Servers, Servers]:
            return routers[0].decide(x, gap), routers[1].decide(y, gap)

        return decide


class _Memory:
    """What one router remembers in each replica: the type of its previous request, and whether it went as usual."""

    def __init__(self, thresholds: Floats, usual: int, replicas: int) -> None:
        self._thresholds = thresholds
        self._server = usual
        self._type = np.zeros(replicas, dtype=np.int64)
        self._as_usual = np.zeros(replicas, dtype=bool)

    def decide(self, types: Types, gap: Floats) -> Servers:
        other = self._as_usual & (gap < self._thresholds[self._type, types])
        self._type, self._as_usual = types, ~other
        return other ^ np.int64(self._server)
