"""Routers that know the past and measure Bell pairs of known limits: what they reach at most (every-classical §7).

A *menu* holds sets of measurement bases, one of which both routers choose by the common state. What its outcomes do is
known only within limits: P(a≠b | k,x,y) of entry k lies between `low` and `high`. At every state the worst within the
limits is assumed, and every rounding raises costs, so that the value found is an upper limit of W − κτ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from ..errors import NoBoundError
from ..queueing.service import Service
from ..queueing.workload import Workload
from .bound import Level
from .grid import Grid
from .interpolated import InterpolatedProcess
from .policy import Decisions, PastInformedPolicy, best_decisions
from .process import Block, Costs

Floats = NDArray[np.float64]
Entries = NDArray[np.intp]
Words = NDArray[np.int64]

MAPS = -1  # in place of an entry of the menu: the routers follow classical maps
_SAFE = 1 - 1e-9  # of a decay rate found numerically


class MeasuredProcess(InterpolatedProcess):
    """The process of routers that may measure Bell pairs in bases of a menu, all roundings against them.

    Args:
        workload: The queueing model.
        grid: The levels of each server.
        low, high: Limits of P(a≠b | k,x,y), shape (K, n_A, n_B). A shared fair bit flips both outcomes, so that nothing
            else about them matters.
    """

    upward = True

    def __init__(self, workload: Workload, grid: Grid, low: Floats, high: Floats) -> None:
        super().__init__(workload, grid)
        self.policy: MeasuredPolicy | None = None
        self.limit(low, high)

    def limit(self, low: Floats, high: Floats) -> None:
        """Replace the limits of P(a≠b | k,x,y)."""
        if self.swapped:
            low, high = low.swapaxes(1, 2), high.swapaxes(1, 2)
        self._limits = low.reshape(len(low), -1), high.reshape(len(high), -1)

    def differences(self, costs: Costs, block: Block) -> tuple[Floats, Floats]:
        """What pairs sent together cost, and how much more split ones, both outcomes alike likely.

        Returns:
            The sum over types, shape (rows, columns), and S − T of each two types, shape (n_A·n_B, rows, columns), with
            the router of fewer types first. The shares π are in them already.
        """
        choice = costs.choices(block)
        together = (choice[0, :, 0] + choice[1, :, 1]) / 2
        split = (choice[0, :, 1] + choice[1, :, 0]) / 2
        difference = (split - together).reshape(-1, *together.shape[2:])
        return together.sum(axis=(0, 1)), difference

    def measured(self, costs: Costs, block: Block) -> Floats:
        """The largest cost of each entry within its limits at the block's states, shape (K, rows, columns)."""
        base, difference = self.differences(costs, block)
        low, high = self._limits
        flat = difference.reshape(len(difference), -1)
        worst = high @ np.maximum(flat, 0.0) + low @ np.minimum(flat, 0.0)
        return np.asarray(base + worst.reshape(len(low), *base.shape))

    def best_policy(self, potential: Floats, kappa: float) -> MeasuredPolicy:
        """What reaches the least of `step(potential, kappa)` at each point, all maps and entries being tried."""
        maps = best_decisions(self, potential, kappa)
        costs = Costs(self, self.before_drift(potential, kappa))
        chosen = np.empty(potential.shape, dtype=np.intp)
        for block in self.blocks():
            measured = self.measured(costs, block)
            better = measured.min(axis=0) < costs.least(block)
            chosen[block.rows, block.columns] = np.where(better, measured.argmin(axis=0), MAPS)
        lower = np.tril(chosen)
        return MeasuredPolicy(self.grid, maps.a, maps.b, lower + np.tril(chosen, -1).T)

    def _least(self, costs: Costs, block: Block) -> Floats:
        if self.policy is None:
            return np.asarray(np.minimum(super()._least(costs, block), self.measured(costs, block).min(axis=0)))
        choice, measured = costs.choices(block), self.measured(costs, block)
        found = [self._cost(self.policy.beside(block, *shift), choice, measured) for shift in np.ndindex(2, 2)]
        return np.asarray(np.maximum.reduce(found))

    def _cost(self, decisions: tuple[Words, Words, Entries], choice: Floats, measured: Floats) -> Floats:
        """What decisions cost at each state of a block, all arrays (…, rows, columns)."""
        a, b, entry = decisions
        first, second = (b, a) if self.swapped else (a, b)
        total = np.zeros(choice.shape[4:])
        for x, y in np.ndindex(*self.joint.shape):
            at_a, at_b = first >> x & 1, second >> y & 1
            by_b = [np.where(at_b, choice[server, x, 1, y], choice[server, x, 0, y]) for server in (0, 1)]
            total += np.where(at_a, by_b[1], by_b[0])
        entered = np.take_along_axis(measured, np.maximum(entry, 0)[None], axis=0)[0]
        return np.where(entry == MAPS, total, entered)


@dataclass(frozen=True, eq=False)
class MeasuredPolicy:
    """What routers that know the past do with a menu, by both levels rounded up to a grid.

    Attributes:
        grid: The levels; beyond the largest the routers act as there.
        a: Bit x is the server to which router A sends a request of type x, where they do not measure. Shape
            (size, size).
        b: The same of router B.
        entries: The entry of the menu whose bases they measure in, or MAPS, shape (size, size).
    """

    grid: Grid
    a: Words
    b: Words
    entries: Entries

    def beside(self, block: Block, down: int, right: int) -> tuple[Words, Words, Entries]:
        """What is done in the cells of the block's points that end 0 or 1 levels further along each of the two."""
        last = self.grid.size - 1
        rows = np.minimum(np.arange(block.rows.start, block.rows.stop) + down, last)
        columns = np.minimum(np.arange(block.columns.start, block.columns.stop) + right, last)
        place = np.ix_(rows, columns)
        return self.a[place], self.b[place], self.entries[place]

    def simulated(self, split: Floats, seed: int = 0) -> PastInformedPolicy:
        """The policy with outcomes of known P(a≠b | k,x,y), shape (K, n_A, n_B), in a form that can be simulated."""
        found = np.moveaxis(split, 0, -1)[:, :, np.maximum(self.entries, 0)]
        decisions = Decisions(self.a, self.b, np.where(self.entries == MAPS, np.nan, found))
        return PastInformedPolicy(self.grid, decisions, seed, up=True)


@dataclass(frozen=True)
class MeasuredBound:
    """W − κτ ≤ `value` for routers that follow a policy, whatever the menu's outcomes do within their limits.

    Attributes:
        kappa: κ.
        value: The upper limit, all roundings included (units of time).
        gap: By how much the value would fall at most if value iteration went on.
        beyond: What workloads beyond the largest of the grid add to it at most, contained in it (units of time).
        step: h of the grid (units of time).
        largest_workload: Of the grid (units of time).
    """

    kappa: float
    value: float
    gap: float
    beyond: float
    step: float
    largest_workload: float


def decay_rate(workload: Workload) -> float:
    """θ > 0 with P(workload > x) ≤ e^(−θx) for either server just before an arrival, whatever the routers do.

    A server has never more work than one that gets both requests of every pair: a random walk with steps of the work of
    a pair less the time between pairs, so that Lundberg's inequality holds for any θ with E e^(θ·step) ≤ 1.

    Raises:
        NoBoundError: one server could not take all requests, or the service times have no exponential moments.
    """
    if 2 * workload.load >= 1:
        raise NoBoundError(
            f"not computed: the load is {workload.load:.4g}; an upper limit for routers that know the past is worked "
            "out below one half, where one server could take all requests"
        )
    ceiling = math.inf
    for service in {*workload.services_a, *workload.services_b}:
        if service.kind == "lognormal" or service.size_known:
            raise NoBoundError(
                f"not computed: an upper limit for routers that know the past needs service times with exponential "
                f"moments, which {service.kind} ones lack"
            )
        if service.kind != "deterministic":
            ceiling = min(ceiling, _shape(service) / service.mean)

    def excess(theta: float) -> float:
        """ln E e^(θ·step): convex, 0 at 0, falling there."""
        a = np.array([_log_mgf(service, theta) for service in workload.services_a])
        b = np.array([_log_mgf(service, theta) for service in workload.services_b])
        terms = a[:, None] + b
        most = float(terms.max())
        mean = most + math.log(float((workload.joint * np.exp(terms - most)).sum()))
        return mean - math.log1p(theta / workload.pair_rate)

    low = 1e-9 / workload.mean_service_time
    high = low
    while high < ceiling / 2 and excess(high) < 0:
        low, high = high, 2 * high
    while math.isfinite(ceiling) and excess(high) < 0:
        low, high = high, (high + ceiling) / 2
    return float(brentq(excess, low, high)) * _SAFE


def _shape(service: Service) -> float:
    return 1.0 if service.kind == "exponential" else 1.0 / service.scv


def _log_mgf(service: Service, theta: float) -> float:
    """ln E e^(θS)."""
    if service.kind == "deterministic":
        return theta * service.mean
    shape = _shape(service)
    return -shape * math.log1p(-theta * service.mean / shape)


def upper_bound(level: Level, kappa: float, decay: float) -> MeasuredBound:
    """The upper limit that the potential of a level of a `MeasuredProcess` proves.

    With T one step and h monotone, W − κτ ≤ max(Th − h) on the grid; above its largest workload L the routers act as at
    L and h is continued as constant there, which adds at most P(workload > L)·(2κλR(L) + max h − min h) and the mean
    of what exceeds L (every-classical §7).
    """
    process = level.process
    grid = process.grid
    potential = np.maximum.accumulate(np.maximum.accumulate(level.potential, axis=0), axis=1)
    gain = process.step(potential, kappa) - potential
    largest = grid.busy * grid.step
    span = float(potential.max() - potential.min())
    edge = 2 * kappa * float(process.rewards[-1])
    beyond = math.exp(-decay * largest) * (1 / decay + edge + span)
    value = float(gain.max()) + process.rounding(potential, kappa) + beyond
    return MeasuredBound(kappa, value, float(gain.max() - gain.min()), beyond, grid.step, largest)
