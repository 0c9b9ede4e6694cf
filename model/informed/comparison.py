"""Classical and measured entangled routers, both knowing the past, bounded on one grid (every-classical §7)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..errors import NoBoundError
from ..queueing.reward import PiecewiseLinearReward
from ..queueing.workload import Workload
from .accrual import horizon
from .bound import Level, longest, reason_not_computed
from .decay import decay_rate, overshoot
from .grid import Grid
from .interpolated import InterpolatedProcess
from .measured import MAPS, Limits, MeasuredPolicy, MeasuredProcess, upper_bound
from .policy import best_maps, occupancy

Floats = NDArray[np.float64]

_BEYOND = 14.0  # e-foldings of the workloads' decay after arrivals to the largest of the grid
_IDLE_SHARE = 1e-4  # of the waiting time of pairs that stay together: what a limited idle age may cost
_BEND = 100.0  # as bad as so many service times that miss the levels
_ROUGH_SIZES = 4.0  # pairs of long requests that fit on a rough grid
_SPAN_SHARE = 1e-5  # of it, left to value iteration
_MOST_STEPS = 5000
_MOST_PAIRS = 1000
_FINER = 4.0  # at most, than asked for: where a service time is far shorter, the levels miss it


def comparison_grid(workload: Workload, kappa: float, levels: int, rough: bool = False) -> Grid:
    """A grid of about so many levels, on which fixed service times and the bends of the reward lie if they can.

    Args:
        workload: The queueing model.
        kappa: κ.
        levels: How many at most, about.
        rough: Whether it ends at a few service times, which is too early for an upper limit. Defaults to False.

    Raises:
        NoBoundError: there is no bound on such routers, or no decay of the workloads is known.
    """
    if reason := reason_not_computed(workload):
        raise NoBoundError(reason)
    age = horizon(workload.reward, workload.pair_rate, kappa, _IDLE_SHARE * workload.together_waiting_time)
    decay = decay_rate(workload)
    largest = (_BEYOND + math.log(overshoot(workload.pair_rate, decay))) / decay
    pairs = largest / (2 * workload.mean_service_time)
    if pairs > _MOST_PAIRS:
        raise NoBoundError(
            f"not computed: the work of {pairs:.2g} pairs of requests may wait at a server (load {workload.load:.4g}), "
            f"more than that of {_MOST_PAIRS}; lighten the traffic, or take service times that vary less"
        )
    if rough:
        largest = min(largest, _ROUGH_SIZES * sum(map(longest, (workload.services_a, workload.services_b))))
    coarsest = (age + largest) / levels
    knots = workload.reward.knots if isinstance(workload.reward, PiecewiseLinearReward) else ()
    sizes = {each.mean for each in (*workload.services_a, *workload.services_b) if each.kind == "deterministic"}
    marks = np.array([*knots, *sorted(sizes)])
    # A bend between two levels costs in proportion to the step, all else to its square.
    weights = np.array([_BEND] * len(knots) + [1.0] * len(sizes))
    steps = [coarsest]
    for mark in marks.tolist():
        least = math.ceil(mark / coarsest - 1e-9)
        steps += [mark / count for count in range(max(least, 1), 2 * max(least, 1))]

    def misfit(step: float) -> float:
        parts = marks / step % 1.0
        return round(float(weights @ (4 * parts * (1 - parts))), 6)

    finest = coarsest / _FINER
    step = min((each for each in steps if finest <= each <= coarsest), key=lambda each: (misfit(each), -each))
    return Grid.covering(step, age, largest)


@dataclass(eq=False)
class Comparison:
    """Upper limits of W − κτ of entangled routers beside V(κ), at one κ.

    Attributes:
        workload: The queueing model.
        kappa: κ.
        levels: About how many levels the grid has at most.
        coarser: The same on a coarser grid, from whose potentials these start. Defaults to none.
    """

    workload: Workload
    kappa: float
    levels: int
    coarser: Comparison | None = None
    _measured: Level | None = field(default=None, init=False)

    @cached_property
    def grid(self) -> Grid:
        """The levels of each server."""
        return comparison_grid(self.workload, self.kappa, self.levels)

    @property
    def classical(self) -> float:
        """V(κ): no classical router that does not communicate has a smaller W − κτ (units of time)."""
        return self._bounded.value

    @property
    def classical_policy(self) -> MeasuredPolicy:
        """The best classical routers that know the past, who come close to V(κ)."""
        a, b = best_maps(self._bounded.process, self._bounded.potential, self.kappa)
        return MeasuredPolicy(self.grid, a, b, np.full(a.shape, MAPS))

    @cached_property
    def _bounded(self) -> Level:
        level = Level(InterpolatedProcess(self.workload, self.grid))
        if self.coarser is not None:
            level.start_from(self.coarser._bounded)
        level.solve(self.kappa, self._span, _MOST_STEPS)
        return level

    def best_policy(self, limits: Limits) -> MeasuredPolicy:
        """The best policy found for the worst within limits; `cost` then follows it."""
        process = MeasuredProcess(self.workload, self.grid, limits)
        level = Level(process)
        known = self._measured or (self.coarser and self.coarser._measured)
        if known:
            level.start_from(known)
        level.solve(self.kappa, self._span, _MOST_STEPS)
        process.policy = process.best_policy(level.potential, self.kappa)
        self._measured = level
        return process.policy

    def cost(self, limits: Limits) -> float:
        """An upper limit of W − κτ of the policy chosen last, for the worst within limits (units of time).

        Raises:
            ValueError: no policy was chosen.
        """
        level, _ = self._chosen(limits)
        level.solve(self.kappa, self._span, _MOST_STEPS)
        return upper_bound(level, self.kappa)

    def waiting_time(self, limits: Limits) -> float:
        """An upper limit of W of the policy chosen last, for the worst within limits (units of time).

        Raises:
            ValueError: no policy was chosen.
        """
        level = Level(self._chosen(limits)[1])
        level.solve(0.0, self._span, _MOST_STEPS)
        return upper_bound(level, 0.0)

    def slopes(self, split: Floats) -> Floats:
        """dW/dP(a≠b | k,x,y) at constant τ, if the outcomes are as in `split` and the policy chosen last is kept.

        Args:
            split: P(a≠b | k,x,y), shape (K, n_A, n_B).

        Returns:
            Same shape.
        """
        exact = Limits.exact(split)
        self.cost(exact)
        level, process = self._chosen(exact)
        assert process.policy is not None  # best_policy() has chosen one
        occurs = occupancy(self.workload, process.policy.simulated(split))
        return process.slopes(level.potential, self.kappa, occurs)

    def _chosen(self, limits: Limits) -> tuple[Level, MeasuredProcess]:
        """The level of the policy chosen last and its process, for these limits."""
        if self._measured is None:
            raise ValueError("choose a policy first: best_policy(limits)")
        process = self._measured.process
        assert isinstance(process, MeasuredProcess)
        process.limit(limits)
        return self._measured, process

    @property
    def _span(self) -> float:
        return _SPAN_SHARE * self.workload.together_waiting_time
