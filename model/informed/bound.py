"""V(κ), a proved lower limit of W − κτ for every classical router without communication (every-classical §2).

The finite process has lower costs than the real one, and value iteration bounds its optimal average cost from below at
every step (MacQueen 1966): V ≥ min over states of (Th − h)(s) for any potential h, less rounding. So stopping early, a
coarse grid or a small largest workload cost tightness, never validity.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..errors import NoBoundError
from ..queueing.service import Service
from ..queueing.workload import Workload
from .accrual import horizon, largest_kappa, unbounded_slope
from .grid import Grid, nudged, well_placed
from .process import InformedProcess, numbers_kept

Floats = NDArray[np.float64]

MAX_TYPES = 10  # at the router with fewer types: every iteration tries 2^types maps
MAX_OTHER_TYPES = 24  # at the other one
MAX_NUMBERS = 60_000_000  # kept by one evaluation: half a gigabyte
MAX_ITERATIONS = 10_000
TOLERANCE = 1e-3  # units of W − κτ
SECONDS = 10.0

_FIRST_LEVELS = 160  # of the first grid: it takes milliseconds, and its error is already nearly linear in the step
_SPAN_SHARE = 0.02  # of the tolerance, left to value iteration
_EDGE_SHARE = 0.05  # of the tolerance, left to the largest workload and to the horizon
_LATER_SHARE = 0.7  # of the seconds, left for smaller steps once the largest workload is found
_REMEMBERED = 8  # potentials of each grid
_GROWTH = 1.5  # of the largest workload, until it no longer matters


@dataclass(frozen=True)
class InformedBound:
    """W − κτ ≥ `value` for every classical router without communication, and how it was computed.

    Attributes:
        kappa: κ, waiting time paid per unit of baseline throughput.
        value: V(κ), rounding included (units of time).
        error_estimate: Rise of the value to be expected from a vanishing step and no largest workload, extrapolated
            from two steps; an estimate, not a bound.
        step: h of the grid (units of time).
        largest_workload: The workload of a server that stands for all larger ones (units of time).
        tolerance: The error asked for, in units of W − κτ.
        finished: Whether the error estimate is within the tolerance.
    """

    kappa: float
    value: float
    error_estimate: float
    step: float
    largest_workload: float
    tolerance: float
    finished: bool


def reason_not_computed(workload: Workload) -> str | None:
    """One sentence on why there is no bound on every classical router for this workload, or None if there is one."""
    unbounded = unbounded_slope(workload.reward, workload.load)
    if unbounded:
        return unbounded
    if workload.knows_sizes:
        return "not computed: the routers know exact sizes, and a bound over bins would not hold for them"
    fewer, more = sorted(workload.shape)
    if fewer > MAX_TYPES:
        return f"not computed: {fewer} types at the router with fewer types; the bound takes at most {MAX_TYPES}"
    if more > MAX_OTHER_TYPES:
        return f"not computed: {more} types at one router; the bound takes at most {MAX_OTHER_TYPES}"
    return None


class InformedBounds:
    """V(κ) of one workload at any κ, each computed once; neighbouring κ start from each other's potentials.

    Args:
        workload: The queueing model.
        tolerance: The error that the grid may cost, in units of W − κτ. Defaults to 0.001.
        seconds: Limit on the computing time for the first κ, at which the grid is chosen; beyond it the grid stays
            coarser. Defaults to 10. Each further κ has the same limit. The time is that of a usual core, counted by
            the work done, so that results do not depend on the machine.
        step: h (units of time). Defaults to one chosen at the first κ asked for.
        largest_workload: Defaults to one chosen likewise.

    Raises:
        NoBoundError: there is no such bound, or it is beyond what is computed (`reason_not_computed`).
    """

    def __init__(
        self,
        workload: Workload,
        tolerance: float = TOLERANCE,
        seconds: float = SECONDS,
        *,
        step: float | None = None,
        largest_workload: float | None = None,
    ) -> None:
        reason = reason_not_computed(workload)
        if reason:
            raise NoBoundError(reason)
        if not tolerance > 0 or not seconds > 0:
            raise ValueError(f"tolerance {tolerance!r} and seconds {seconds!r} must be positive")
        self.workload = workload
        self.tolerance = tolerance
        self.seconds = seconds
        self._given_step, self._given_largest = step, largest_workload
        self._bounds: dict[float, InformedBound] = {}
        self._edge_error = 0.0
        self.spent = 0.0  # seconds so far, counted by the work done
        self._levels: tuple[Level, Level] | None = None  # grids of twice the step and of the step

    def at(self, kappa: float, deadline: float = math.inf) -> InformedBound:
        """V(κ).

        Args:
            kappa: κ.
            deadline: Value of `spent` at which to stop if `seconds` are not over before. Defaults to none.

        Raises:
            ValueError: κ is negative or not finite.
        """
        if not 0 <= kappa < math.inf:
            raise ValueError(f"kappa is {kappa!r}; it must be at least 0 and finite")
        if kappa not in self._bounds:
            self._bounds[kappa] = self._solve(kappa, deadline)
        return self._bounds[kappa]

    @property
    def levels(self) -> tuple[Level, Level]:
        """The grids of twice the step and of the step in use, with what was found there last.

        Raises:
            ValueError: no κ was solved yet.
        """
        if self._levels is None:
            raise ValueError("the grid is chosen at the first κ; ask for a bound first")
        return self._levels

    def _solve(self, kappa: float, deadline: float) -> InformedBound:
        deadline = min(deadline, self.spent + self.seconds)
        if self._levels is None:
            self._levels = self._chosen_levels(kappa, deadline)
        solve_in_turn(self._levels, kappa, partial(self._solve_on, deadline=deadline))
        coarse, fine = self._levels
        error = max(fine.value + fine.gap - coarse.value, 0.0) + self._edge_error
        grid = fine.process.grid
        return InformedBound(
            kappa,
            fine.value,
            error,
            grid.step,
            grid.busy * grid.step,
            self.tolerance,
            bool(error <= self.tolerance),
        )

    def _chosen_levels(self, kappa: float, deadline: float) -> tuple[Level, Level]:
        """Grids of two steps, the finer of which meets the tolerance if time and memory allow."""
        steepest = largest_kappa(self.workload)
        dearest = max(kappa, steepest if math.isfinite(steepest) else 0.0)  # the grid serves other κ as well
        age = horizon(self.workload.reward, self.workload.pair_rate, dearest, _EDGE_SHARE * self.tolerance)
        services = self.workload.services_a, self.workload.services_b
        largest = self._given_largest or sum(map(longest, services))
        step = self._given_step or self._first_step(age + largest)
        coarse = self._level(2 * step, age, largest)
        self._solve_on(coarse, kappa, deadline)
        if self._given_largest is None:
            coarse, largest = self._large_enough(coarse, age, largest, kappa, deadline - _LATER_SHARE * self.seconds)
        while True:
            began = self.spent
            fine = self._level(self._given_step or well_placed(step, *self._fixed_sizes), age, largest)
            # Twice the step rounds every level at least as far down, so that the difference is not too optimistic.
            twice = self._level(2 * fine.process.grid.step, age, largest)
            if twice.process.grid != coarse.process.grid:
                twice.start_from(coarse)
                self._solve_on(twice, kappa, deadline)
                coarse = twice
            fine.start_from(coarse)
            if self._given_step:
                return coarse, fine
            self._solve_on(fine, kappa, deadline)
            close = fine.value + fine.gap - coarse.value + self._edge_error <= self.tolerance
            # Half the step takes about six times as long.
            late = self.spent + 6 * (self.spent - began) > deadline
            finer = Grid.covering(fine.process.grid.step / 2, age, largest)
            if close or late or numbers_kept(self.workload.shape, finer) > MAX_NUMBERS:
                return coarse, fine
            coarse, step = fine, step / 2

    def _large_enough(
        self, coarse: Level, age: float, largest: float, kappa: float, deadline: float
    ) -> tuple[Level, float]:
        """The coarse grid extended until a larger workload no longer matters, and the largest workload."""
        while True:
            wider = self._level(coarse.process.grid.step, age, largest * _GROWTH)
            wider.start_from(coarse)
            self._solve_on(wider, kappa, deadline)
            self._edge_error = max(wider.value - coarse.value, 0.0)
            finer = Grid.covering(wider.process.grid.step / 2, age, largest * _GROWTH**2)
            if self._edge_error <= _EDGE_SHARE * self.tolerance:
                return coarse, largest
            coarse, largest = wider, largest * _GROWTH
            if numbers_kept(self.workload.shape, finer) > MAX_NUMBERS or self.spent > deadline:
                return coarse, largest

    def _solve_on(self, level: Level, kappa: float, deadline: float) -> None:
        """Iterate on a grid until the value is known well enough, or time is up."""
        most = int(min(max((deadline - self.spent) / level.process.step_seconds, 1.0), MAX_ITERATIONS))
        self.spent += level.process.step_seconds * level.solve(kappa, _SPAN_SHARE * self.tolerance, most)

    def _first_step(self, extent: float) -> float:
        """The smallest mean service time, halved or doubled until a grid of twice the step has few levels."""
        smallest = float(min(self.workload.mean_a.min(), self.workload.mean_b.min()))
        doublings = math.ceil(math.log2(extent / (smallest * _FIRST_LEVELS)))
        return smallest * 2.0 ** max(doublings, -6)

    @property
    def _fixed_sizes(self) -> tuple[Floats, Floats]:
        """Deterministic service times of both routers and how many of a pair's requests have each on average."""
        routers = (
            (self.workload.services_a, self.workload.marginal_a),
            (self.workload.services_b, self.workload.marginal_b),
        )
        fixed = [
            (service.mean, share)
            for services, shares in routers
            for service, share in zip(services, shares.tolist(), strict=True)
            if service.kind == "deterministic"
        ]
        return np.array([size for size, _ in fixed]), np.array([share for _, share in fixed])

    def _level(self, step: float, age: float, largest: float) -> Level:
        grid = Grid.covering(nudged(step, self._fixed_sizes[0]), age, largest)
        return Level(InformedProcess(self.workload, grid))


class Level:
    """One grid, and the latest potential, its value, and how far this may fall short of the optimum."""

    def __init__(self, process: InformedProcess) -> None:
        self.process = process
        self.potential = np.zeros((process.grid.size, process.grid.size))
        self.kappa = -1.0
        self.value, self.gap = -math.inf, math.inf
        self._solved: deque[tuple[float, Floats]] = deque(maxlen=_REMEMBERED)  # κ and the potential found there

    def start_from(self, other: Level) -> None:
        """Take over the potential of another level, interpolated if its grid is another."""
        same = self.process.grid == other.process.grid
        self.potential = other.potential if same else other.interpolated(other.potential, self)

    def guess(self, kappa: float) -> None:
        """Start from the line through the potentials at the two nearest κ, or from the nearest if the line is long.

        As long as the best decisions stay the same the potential is linear in κ.
        """
        near = sorted(self._solved, key=lambda each: abs(each[0] - kappa))[:2]
        if near:
            (first, self.potential), (second, other) = near[0], near[-1]
            if abs(kappa - first) < abs(second - first):
                self.potential = self.potential + (kappa - first) / (second - first) * (other - self.potential)

    def solve(self, kappa: float, span: float, most: float) -> int:
        """Iterate from the latest potential until the value is known to within `span`; the number of iterations."""
        if kappa != self.kappa:
            self.kappa, self.value = kappa, -math.inf
            self._solved.append((kappa, self.potential))
        done = 0
        while done < most:
            after = self.process.step(self.potential, kappa)
            gain = after - self.potential
            low, high = float(gain.min()), float(gain.max())  # of the optimal average cost (MacQueen 1966)
            self.value = max(self.value, low - self.process.rounding(self.potential, kappa))
            self.gap = high - self.value
            done += 1
            self.potential = after - after[0, 0]
            self._solved[-1] = kappa, self.potential
            if high - low <= span:
                break
        return done

    def interpolated(self, values: Floats, other: Level) -> Floats:
        """Values at this grid's states as values at another's, linear between the levels."""
        matrix = self.process.grid.interpolation(other.process.grid)
        return np.asarray(matrix @ values @ matrix.T)


def solve_in_turn(levels: tuple[Level, Level], kappa: float, solve: Callable[[Level, float], object]) -> None:
    """Solve a coarse level and then a fine one, each from what it guesses from other κ."""
    coarse, fine = levels
    for level in levels:
        level.guess(kappa)
    guessed = coarse.potential
    solve(coarse, kappa)
    # The change of the coarse potential, interpolated, is nearly that of the fine one.
    fine.potential = fine.potential + coarse.interpolated(coarse.potential - guessed, fine)
    solve(fine, kappa)


def longest(services: Iterable[Service]) -> float:
    """A service time (units of time) that few of a router's requests exceed."""
    return max(float(service.quantile(np.array(0.99))) for service in services)
