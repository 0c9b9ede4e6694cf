"""The fourth frontier W_E(τ) = max_κ V(κ) + κτ, a lower limit for every classical router (every-classical §4)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import NoBoundError
from ..queueing.workload import Workload
from .accrual import largest_kappa, throughput_slope
from .bound import InformedBound, InformedBounds

Floats = NDArray[np.float64]

LINES = 33  # κ at most
_GAIN_SHARE = 0.5  # of the bounds' tolerance: corners that no further line can raise by more are left
_LEAST_SHARE = 0.02  # of the way from one κ to the next


@dataclass(frozen=True)
class EveryClassicalPoint:
    """A point of the frontier, and the line that proves it.

    Attributes:
        kappa: κ.
        bound: V(κ), the least W − κτ (units of time).
        baseline_throughput: τ of the point, both servers together.
        waiting_time: V(κ) + κτ, the least W there.
    """

    kappa: float
    bound: float
    baseline_throughput: float
    waiting_time: float


@dataclass(frozen=True, eq=False)
class EveryClassicalFrontier:
    """The envelope of lines W = V(κ) + κτ, below which no classical router without communication can lie.

    Attributes:
        bounds: V at rising κ, from κ = 0.
        throughputs: Least and largest τ for which the lines were placed; the bound holds at any other, less tightly.
    """

    bounds: tuple[InformedBound, ...]
    throughputs: tuple[float, float]

    @property
    def step(self) -> float:
        """h of the finest grid (units of time)."""
        return min(bound.step for bound in self.bounds)

    @property
    def largest_workload(self) -> float:
        """The workload that stands for all larger ones on the finest grid (units of time)."""
        return min(self.bounds, key=lambda bound: bound.step).largest_workload

    @property
    def error_estimate(self) -> float:
        """By how much the envelope is estimated to lie too low at most because of the grid (units of W)."""
        used = {point.kappa for point in self.points}
        return max(bound.error_estimate for bound in self.bounds if bound.kappa in used)

    def waiting_time_at(self, baseline_throughput: ArrayLike) -> Floats:
        """W_E: at that τ, any shape, every classical router without communication waits at least this long."""
        return envelope(((bound.kappa, bound.value) for bound in self.bounds), baseline_throughput)

    def kappa_at(self, baseline_throughput: Floats) -> Floats:
        """κ of the line that bounds W at each τ, shape (n,): dW_E/dτ."""
        return np.array([bound.kappa for bound in self._bounds_at(baseline_throughput)])

    def errors_at(self, baseline_throughput: Floats) -> Floats:
        """The error estimate of the line that bounds W at each τ, shape (n,)."""
        return np.array([bound.error_estimate for bound in self._bounds_at(baseline_throughput)])

    def near(self, baseline_throughput: Floats, waiting_time: Floats) -> set[float]:
        """κ of the lines that points lie below once these are raised by twice their error, and of those beside them."""
        bounds = self._bounds_at(baseline_throughput)
        heights = self.waiting_time_at(baseline_throughput) + 2 * self.errors_at(baseline_throughput)
        found = {bound.kappa for bound, low in zip(bounds, waiting_time < heights, strict=True) if low}
        kappas = [bound.kappa for bound in self.supporting]
        places = [kappas.index(kappa) for kappa in found if kappa in kappas]
        return {kappas[at] for place in places for at in range(max(place - 1, 0), min(place + 2, len(kappas)))}

    def _bounds_at(self, baseline_throughput: Floats) -> list[InformedBound]:
        lines = np.array([[bound.kappa, bound.value] for bound in self.bounds])
        heights = lines[:, 1] + lines[:, 0] * baseline_throughput[:, None]
        return [self.bounds[index] for index in heights.argmax(axis=1)]

    @cached_property
    def points(self) -> tuple[EveryClassicalPoint, ...]:
        """A point on each line that is part of the envelope between the `throughputs`, in the order of rising τ."""
        low, high = self.throughputs
        found: list[EveryClassicalPoint] = []
        ends = [low, *np.clip(self.corners, low, high).tolist(), high]
        for bound, start, end in zip(self.supporting, ends[:-1], ends[1:], strict=True):
            if start < end:
                middle = (start + end) / 2
                found.append(EveryClassicalPoint(bound.kappa, bound.value, middle, bound.value + bound.kappa * middle))
        return tuple(found)

    @cached_property
    def supporting(self) -> tuple[InformedBound, ...]:
        """The lines of the envelope. V is concave, but its lower limits need not be, by a trifle."""
        kept: list[InformedBound] = []
        for bound in self.bounds:
            while len(kept) > 1 and _crossing(kept[-1], bound) <= _crossing(kept[-2], kept[-1]):
                kept.pop()
            kept.append(bound)
        return tuple(kept)

    @cached_property
    def corners(self) -> Floats:
        """τ at which one line of the envelope takes over from another, rising, shape (lines − 1,)."""
        return np.array([_crossing(left, right) for left, right in pairwise(self.supporting)])


def envelope(lines: Iterable[tuple[float, float]], baseline_throughput: ArrayLike) -> Floats:
    """The largest V(κ) + κτ of lines (κ, V) at each τ, same shape."""
    kappas, values = np.array(list(lines)).T
    return np.asarray((values + kappas * np.asarray(baseline_throughput, dtype=float)[..., None]).max(axis=-1))


def every_classical_frontier(
    bounds: InformedBounds,
    lines: int = LINES,
    seconds: float = math.inf,
    reached: tuple[Floats, Floats] | None = None,
    coarse: EveryClassicalFrontier | None = None,
) -> EveryClassicalFrontier:
    """W_E between the throughputs of memoryless routers that split every pair and that split none.

    V is concave, so between two κ it lies below the continued chords of the neighbours. A further κ is placed where two
    of these meet furthest above the envelope, until that is less than half of the bounds' tolerance.

    Args:
        bounds: V of a workload; V at every κ used is kept there.
        lines: How many κ to use at most. Defaults to 33.
        seconds: Limit on the computing time for all κ together, counted by the work done; beyond it fewer are used.
            Defaults to none.
        reached: τ, rising, and W of the routers that will be compared, straight between these points. The lines are
            left further apart where no further one can rise above them. Defaults to nowhere.
        coarse: The envelope by a coarser grid, whose lines are kept where these routers do not come near it. Defaults
            to none.

    Raises:
        ValueError: the throughput of memoryless routers does not fall strictly with the splitting probability.
        NoBoundError: time is over before the first κ are solved.
    """
    deadline = bounds.spent + seconds
    workload = bounds.workload
    low, high = (float(workload.baseline_throughput(p)) for p in (1.0, 0.0))
    near = None if coarse is None or reached is None else coarse.near(*reached)
    kept = [] if coarse is None or near is None else [bound for bound in coarse.bounds if bound.kappa not in near]
    kappas = sorted(near) if near else _first_kappas(workload)
    # A grid that is not chosen yet is chosen for the κ in the middle, which therefore comes first.
    for kappa in sorted(kappas, key=lambda each: abs(each - kappas[len(kappas) // 2])):
        bounds.at(kappa, deadline)
        if bounds.spent > deadline:
            raise NoBoundError(f"not computed: it takes more than the limit of {seconds:g} seconds")
    used = sorted([*kept, *(bounds.at(kappa) for kappa in kappas)], key=lambda bound: bound.kappa)
    while len(used) < lines:
        gain, kappa = max(_possible_gain(used, index, (low, high), reached) for index in range(len(used) - 1))
        if gain < _GAIN_SHARE * bounds.tolerance or bounds.spent > deadline:
            break
        used = sorted([*used, bounds.at(kappa, deadline)], key=lambda bound: bound.kappa)
    return EveryClassicalFrontier(tuple(used), (low, high))


def _possible_gain(
    used: list[InformedBound], index: int, ends: tuple[float, float], reached: tuple[Floats, Floats] | None
) -> tuple[float, float]:
    """By how much a line between two κ can raise the envelope at most where it counts, and the κ at which it can."""
    left, right = used[index], used[index + 1]
    low, high = ends
    corner = _crossing(left, right)
    if not low < corner < high:
        return 0.0, math.nan
    # −V′ is the throughput of the best routers and rises with κ. Beyond the ends nothing is known of it but a guess.
    before = _crossing(used[index - 1], left) if index > 0 else low - (high - low)
    after = _crossing(right, used[index + 2]) if index + 2 < len(used) else high + (high - low)
    if not before < corner < after:
        return 0.0, math.nan
    width = right.kappa - left.kappa
    share = min(max((after - corner) / (after - before), _LEAST_SHARE), 1 - _LEAST_SHARE)
    gain, kappa = (corner - before) * share * width, left.kappa + share * width
    if reached is not None:
        # The envelope is convex, so that the most it can rise to is straight between the neighbouring corners.
        inside = (before < reached[0]) & (reached[0] < after)
        throughput = np.append(reached[0][inside], corner)
        heights = [before, after], [bound.value + bound.kappa * at for bound, at in ((left, before), (right, after))]
        gain = min(gain, float((np.interp(throughput, *heights) - np.interp(throughput, *reached)).max()))
    return gain, kappa


def _first_kappas(workload: Workload) -> list[float]:
    """0, and κ between which the slopes dW/dτ of memoryless strategies lie, with room for better ones."""
    most = largest_kappa(workload)
    if not math.isfinite(most):
        raise ValueError("throughput does not fall with the splitting probability: there is no trade-off to bound")
    least = float(workload.weights[workload.joint > 0].min()) / -throughput_slope(workload, 0.0)
    return [0.0, *np.geomspace(least / 2, 2 * most, 5).tolist()]


def _crossing(left: InformedBound, right: InformedBound) -> float:
    """τ at which the lines of two κ meet."""
    return (left.value - right.value) / (right.kappa - left.kappa)
