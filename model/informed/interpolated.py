"""The process between the points of its grid: bounds whose error falls as the square of the step (every-classical §7).

Potentials are bilinear between grid points and the drift over them is integrated exactly, so that nothing is rounded.
What a decision costs is then also bilinear between grid points, up to an error that its second derivatives limit. So
T h − h, known at the points alone, is limited everywhere.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import toeplitz

from ..queueing.reward import PiecewiseLinearReward, WarmupReward
from ..queueing.service import Service
from ..queueing.workload import Workload
from .grid import Grid, Jump
from .process import InformedProcess

Floats = NDArray[np.float64]

_NODES = 24  # of the quadrature over one step: exact to rounding
_ROUNDED = 1e-12  # of a step, by which a whole number of them may be missed in floating point


class InterpolatedProcess(InformedProcess):
    """Routers that know both servers' levels, and a potential that is bilinear between the levels of a grid.

    Args:
        workload: The queueing model.
        grid: The points; the lowest level stands for all longer idle ages, the highest for all larger workloads.

    Attributes:
        off_grid: How far service times lead between the points, from 0 for whole steps to 1 for half ones.
    """

    def __init__(self, workload: Workload, grid: Grid) -> None:
        services = {*workload.services_a, *workload.services_b}
        self.off_grid = max(_off_grid(service, grid.step) for service in services)
        super().__init__(workload, grid)
        nodes, weights = np.polynomial.legendre.leggauss(_NODES)
        share = (nodes + 1) / 2
        density = weights / 2 * workload.pair_rate * grid.step * np.exp(-workload.pair_rate * grid.step * share)
        # Of the next pair within the step, and of a potential at its upper end, half-way mixtures, and the lower end.
        self._along = tuple(float(density @ each) for each in ((1 - share) ** 2, share * (1 - share), share**2))
        self._beside = float(density @ (1 - share)), float(density @ share)

    def _jump(self, service: Service) -> Jump:
        return InterpolatedJump(service, self.grid, self.upward and self.off_grid > 0)

    def before_drift(self, potential: Floats, kappa: float) -> Floats:
        """The mean over Exp(λ) of the interpolated potential after that time, less what the baseline task earns."""
        upper, between, lower = self._along
        edge = self._beside[0] * potential[0, 1:] + self._beside[1] * potential[0, :-1]
        met = upper * potential[1:, 1:] + lower * potential[:-1, :-1]
        met += between * (potential[1:, :-1] + potential[:-1, 1:])
        drifted = self._drifted(float(potential[0, 0]), edge, met)
        error = self._error(potential, kappa)
        drifted -= kappa * (self.rewards[:, None] + self.rewards)
        if self.off_grid and not self.upward:
            # What lands beside the largest workload is interpolated with it, so that more work must not cost less.
            drifted = np.minimum.accumulate(np.minimum.accumulate(drifted[::-1, ::-1], axis=0), axis=1)[::-1, ::-1]
        return drifted + error if self.upward else drifted - error

    def _error(self, potential: Floats, kappa: float) -> Floats:
        """By how much the drifted potential passes what is interpolated in the cells round each point, at most.

        Interpolation in a cell errs by at most h²/8 of the second derivative along either level. That of the drifted
        potential is λ times the kinks that the drift passes, discounted by the time in between. A service time that
        leads between the points adds as much along the level that it raises; both of a pair may raise the same.
        """
        bend = self.workload.pair_rate * self._kinks_passed(-potential if self.upward else potential)
        bend += kappa * self._reward_bend()
        either = bend + bend.T + 2 * self.off_grid * np.maximum(bend, bend.T)
        return np.asarray(self.grid.step**2 / 8 * either + self.grid.step / 2 * kappa * self._reward_kinks())

    def _kinks_passed(self, potential: Floats) -> Floats:
        """The discounted sum of convex kinks along the first level below any place in the cells round each point."""
        from scipy.ndimage import maximum_filter1d  # slow to import

        kinks = np.zeros_like(potential)
        slopes = np.diff(potential, axis=0, prepend=potential[:1]) / self.grid.step
        np.maximum(np.diff(slopes, axis=0), 0.0, out=kinks[:-1])
        reach = 1 if self.off_grid == 0 else 3  # two services that lead between the points reach further
        kinks = maximum_filter1d(kinks, 2 * reach + 3, axis=1, mode="nearest")
        later = 1.0 - self._step_probability
        for row in range(1, len(kinks)):
            kinks[row, 1:] += later * kinks[row - 1, :-1]
            kinks[row, 0] += later * kinks[row - 1, 0]
        return np.asarray(maximum_filter1d(kinks, 2 * reach + 1, axis=0, mode="nearest"))

    def _reward_bend(self) -> float:
        """The largest second derivative of a server's reward, of the sign that counts, but for kinks."""
        reward, rate = self.workload.reward, self.workload.pair_rate
        if self.upward:
            slope = reward.slopes[-1] if isinstance(reward, PiecewiseLinearReward) else 1.0
            return rate**2 * slope
        if isinstance(reward, WarmupReward):
            return rate / reward.time
        return 0.0

    def _reward_kinks(self) -> float:
        """By how much the slope of a server's reward changes inside of cells, where that counts."""
        reward, rate, step = self.workload.reward, self.workload.pair_rate, self.grid.step
        if self.upward or not isinstance(reward, PiecewiseLinearReward):
            return 0.0
        between = np.array([abs(knot / step - round(knot / step)) > 1e-9 for knot in reward.knots], dtype=float)
        return rate * float(between @ np.maximum(np.diff(reward.slopes), 0.0))


class InterpolatedJump(Jump):
    """What a service time adds to a workload, shared between the levels beside it.

    Workloads beyond the largest become it. If `up`, those less than two steps below it do as well: two services of a
    pair that lead past it from anywhere between two levels then do so from both.
    """

    def __init__(self, service: Service, grid: Grid, up: bool = False) -> None:
        self._share = 0.0
        count = grid.busy + 1
        points: Floats = np.arange(count + 1, dtype=float) * grid.step
        beyond, excess = _tails(service, points)
        falls = -np.diff(excess) / grid.step
        above = np.maximum(beyond[:-1] - falls, 0.0)  # from the step above a level, to the level
        below = np.maximum(np.insert(falls[:-1] - beyond[1:-1], 0, 0.0), 0.0)  # from the step below it
        self._target = self._next = None
        if service.kind == "deterministic":
            whole = _off_grid(service, grid.step) == 0
            steps = round(service.mean / grid.step) if whole else int(service.mean / grid.step)
            target, last = np.arange(count) + steps, grid.busy - (2 if up else 0)
            self._target = np.where(target > last if whole else target >= last, grid.busy, target)
            if not whole:
                self._next = np.minimum(self._target + 1, grid.busy)
                self._share = service.mean / grid.step - steps
            return
        self._matrix = np.triu(toeplitz(above + below))
        if up:
            self._matrix[:, -2:] = 0.0
            self._matrix[: count - 2, -3:-2] = below[: count - 2, None][::-1]
        self._matrix[:, -1] = np.maximum(1.0 - self._matrix[:, :-1].sum(axis=1), 0.0)

    def __call__(self, values: Floats) -> Floats:
        if self._next is None:
            return super().__call__(values)
        assert self._target is not None
        return np.asarray((1 - self._share) * values[self._target] + self._share * values[self._next])


def _tails(service: Service, points: Floats) -> tuple[Floats, Floats]:
    """P(S > t) and E max(S − t, 0), shape of `points`."""
    if service.kind == "deterministic":
        return np.asarray(service.mean > points, dtype=float), np.maximum(service.mean - points, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        beyond = service.survival(points)
    beyond[0] = 1.0
    below = service.partial_moment(1, points)
    return beyond, np.maximum(service.mean - below - points * beyond, 0.0)


def _off_grid(service: Service, step: float) -> float:
    """0 for a service time that leads from level to level, 1 for one that leads half-way between two or varies."""
    if service.kind != "deterministic":
        return 1.0
    part = math.fmod(service.mean / step, 1.0)
    return 0.0 if min(part, 1 - part) < _ROUNDED else 4 * part * (1 - part)
