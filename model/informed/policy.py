"""Classical routers with a memory, to be simulated: the best past-informed ones found, and an explicit example."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .grid import Grid
from .process import Decisions

Floats = NDArray[np.float64]
Types = NDArray[np.int64]
Servers = NDArray[np.int64]

# (x, y, time since the pair before, levels of both servers (2, replicas)) → servers of A's and of B's requests
Decide = Callable[[Types, Types, Floats, Floats], tuple[Servers, Servers]]


class Router(Protocol):
    """Two routers that may remember and, if they are informed of it, know the servers' whole past."""

    def start(self, replicas: int) -> Decide:
        """Begin that many independent histories; the function decides the next pair of each."""
        ...


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
        def decide(x: Types, y: Types, gap: Floats, levels: Floats) -> tuple[Servers, Servers]:
            first, second = self.grid.index(levels)
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
