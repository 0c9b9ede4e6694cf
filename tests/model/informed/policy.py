"""Classical routers with a memory, to be simulated: the best past-informed ones found, and an explicit example.

The decisions come from the potential that value iteration leaves; the bound itself needs none of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from bellqueue.model.informed.bound import InformedBounds
from bellqueue.model.informed.policy import PastInformedPolicy, best_maps
from bellqueue.model.informed.simulation import Decide, Servers, Types

Floats = np.ndarray[Any, np.dtype[np.float64]]


def best_policy(bounds: InformedBounds, kappa: float) -> PastInformedPolicy:
    """The best decisions found for routers that know the whole past, at that κ."""
    bounds._solve(kappa, math.inf)
    fine = bounds.levels[1]
    return PastInformedPolicy(fine.process.grid, *best_maps(fine.process, fine.potential, kappa))


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
