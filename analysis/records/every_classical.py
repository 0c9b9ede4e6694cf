"""The record of the bound on every classical router that does not communicate, part of that of the frontiers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from ...model.errors import NoBoundError
from ...model.informed.bound import SECONDS, TOLERANCE, InformedBounds
from ...model.informed.frontier import EveryClassicalPoint, envelope, every_classical_frontier
from ...model.queueing.workload import Workload
from .record import Record

Floats = NDArray[np.float64]


class EveryClassical(Record):
    """What no classical router without communication passes, whatever it remembers.

    Attributes:
        status: One sentence: how tight the bound is, or why there is none.
        step: Of the grid on which it was computed; None where there is none.
        largest_workload: Of a server, on that grid; None where there is none.
        points: In the order of rising throughput; empty where there is none.
    """

    status: str
    step: float | None = None
    largest_workload: float | None = None
    points: list[EveryClassicalPoint] = Field(default_factory=list)

    def waiting_time_at(self, baseline_throughput: ArrayLike) -> Floats:
        """The least W of every classical router at each τ, same shape; −∞ where there is no bound."""
        lines = [(point.kappa, point.bound) for point in self.points] or [(0.0, -np.inf)]
        return envelope(lines, baseline_throughput)


def every_classical_record(workload: Workload) -> EveryClassical:
    """The bound on every classical router without communication, to 0.001 of waiting time if 10 seconds are enough."""
    try:
        # Each further κ takes about a quarter of the time in which the grid is chosen, and there are about twenty.
        bounds = InformedBounds(workload, TOLERANCE, SECONDS / 8)
        found = every_classical_frontier(bounds, seconds=SECONDS)
    except NoBoundError as reason:
        return EveryClassical(status=str(reason))
    return EveryClassical(
        status=f"proved; a finer grid would raise the bound by at most about {found.error_estimate:.1g} "
        f"(tolerance {TOLERANCE:g}, limit {SECONDS:g} seconds)",
        step=found.step,
        largest_workload=found.largest_workload,
        points=list(found.points),
    )
