"""The grid of a server's workload and idle age, and service times rounded down to it (every-classical §2)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import toeplitz

from ..queueing.service import Service

Floats = NDArray[np.float64]

_PLACES = 64  # steps tried at most for each fixed size
_NUDGE = 1 - 2.0**-40  # of a step of which a size is a multiple but for rounding


@dataclass(frozen=True)
class Grid:
    """Levels −idle·h, …, −h, 0, h, …, busy·h of one server: its workload, or minus the time it has been idle.

    Attributes:
        step: h, the distance between two levels (units of time).
        idle: How many levels lie below 0; the lowest stands for every longer idle age.
        busy: How many levels lie above 0; the highest stands for every larger workload.
    """

    step: float
    idle: int
    busy: int

    @classmethod
    def covering(cls, step: float, horizon: float, largest_workload: float) -> Grid:
        """The grid of that step down to an idle age of at least `horizon` and up to at least `largest_workload`."""
        return cls(step, math.ceil(horizon / step - 1e-9), max(math.ceil(largest_workload / step - 1e-9), 1))

    @property
    def size(self) -> int:
        """How many levels there are."""
        return self.idle + 1 + self.busy

    @cached_property
    def levels(self) -> Floats:
        """All levels, rising, shape (size,)."""
        return np.asarray(np.arange(-self.idle, self.busy + 1) * self.step, dtype=float)

    @cached_property
    def workloads(self) -> Floats:
        """The levels from 0 up, shape (busy + 1,)."""
        return np.asarray(np.arange(self.busy + 1) * self.step, dtype=float)

    def interpolation(self, finer: Grid) -> Floats:
        """Matrix that takes values at these levels to the levels of another grid, shape (finer.size, size)."""
        place = np.clip(finer.levels / self.step + self.idle, 0.0, self.size - 1)
        left = np.minimum(place.astype(np.intp), max(self.size - 2, 0))
        matrix = np.zeros((finer.size, self.size))
        rows = np.arange(finer.size)
        matrix[rows, left] = 1.0 - (place - left)
        matrix[rows, np.minimum(left + 1, self.size - 1)] += place - left
        return matrix


class Jump:
    """What a service time, rounded down to the grid, adds to a workload; workloads beyond the largest become it."""

    def __init__(self, service: Service, grid: Grid) -> None:
        count = grid.busy + 1
        self._target: NDArray[np.intp] | None = None
        if service.kind == "deterministic":
            self._target = np.minimum(np.arange(count) + whole_steps(service.mean, grid.step), grid.busy)
            return
        survival = service.survival(grid.workloads)
        survival[0] = 1.0
        masses = np.maximum(survival[:-1] - survival[1:], 0.0)  # of 0, …, busy − 1 whole steps
        self._matrix = np.triu(toeplitz(np.append(masses, 0.0)))
        self._matrix[:, -1] = survival[::-1]

    def __call__(self, values: Floats) -> Floats:
        """Mean of `values`, shape (busy + 1, k), at the workload after the jump, for each workload before it."""
        if self._target is not None:
            return values[self._target]
        return np.asarray(self._matrix @ values)


def whole_steps(size: float, step: float) -> int:
    """The largest k with k·step ≤ size in floating-point numbers."""
    count = math.floor(size / step)
    while count * step > size:
        count -= 1
    while (count + 1) * step <= size:
        count += 1
    return count


def nudged(step: float, sizes: Floats) -> float:
    """The step, or a trifle less if one of the sizes, a multiple of it, would be rounded down for rounding alone."""
    missed = (size / step - whole_steps(size, step) > 1 - 1e-9 for size in sizes.tolist())
    return step * _NUDGE if any(missed) else step


def well_placed(step: float, sizes: Floats, shares: Floats) -> float:
    """A step at most that large, and more than half of it, with whose grid fixed sizes agree best.

    Args:
        step: The largest step.
        sizes: Fixed service times, shape (k,).
        shares: How many of a pair's requests have each on average, shape (k,).
    """
    candidates = [step]
    for size in sizes.tolist():
        least = math.ceil(size / step * _NUDGE)
        candidates += (size / np.arange(least, max(2 * least, 1))[:_PLACES]).tolist()

    def lost(each: float) -> float:
        """How far a pair's sizes are rounded down, in steps, on this grid and on that of twice the step."""
        places = sizes[:, None] / (np.array([each, 2 * each]) * _NUDGE)
        return float((shares @ (places - np.floor(places))) @ [1.0, 2.0])

    return min((each for each in candidates if step / 2 < each <= step), key=lambda each: round(lost(each), 6))
