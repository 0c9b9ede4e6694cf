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

from ..queueing.workload import Workload
from .bound import Level
from .decay import decay_rate, overshoot
from .grid import Grid
from .interpolated import InterpolatedProcess
from .policy import PastInformedPolicy, best_maps, folded
from .process import Block, Costs, mirrored

Floats = NDArray[np.float64]
Entries = NDArray[np.intp]
Words = NDArray[np.int64]

_SLIGHT = 1e-4  # of a plane's largest slope
_LAST = 4  # steps below the largest workload within which levels between the points may count as it

MAPS = -1  # in place of an entry of the menu: the routers follow classical maps


@dataclass(frozen=True, eq=False)
class Limits:
    """Where the probabilities P(a≠b | k,x,y) of a menu's entries lie: in a box, and on one side of a plane each.

    A shared fair bit flips both outcomes, so that nothing else about them matters.

    Attributes:
        low, high: Ends of the interval of each probability, shape (K, n_A, n_B).
        normal: Normals of the planes, shape (K, n_A, n_B): Σ normal·P ≤ bound, over the types of each entry.
        bound: Right-hand sides of the planes, shape (K,).
    """

    low: Floats
    high: Floats
    normal: Floats
    bound: Floats

    @classmethod
    def exact(cls, split: Floats) -> Limits:
        """Probabilities that are known, shape (K, n_A, n_B)."""
        return cls(split, split, np.zeros_like(split), np.zeros(len(split)))

    def largest(self, entry: int, slopes: Floats) -> Floats:
        """The largest Σ slopes·P within the limits of an entry.

        The plane is paid for by a multiplier; any is valid, and one at which a slope vanishes is best (duality).

        Args:
            entry: Number of the entry.
            slopes: Slope for each two types in order, shape (n_A·n_B, states).

        Returns:
            Shape (states,).
        """
        low, high, normal = (each[entry].ravel()[:, None] for each in (self.low, self.high, self.normal))
        best = np.maximum(slopes * low, slopes * high).sum(axis=0)
        # Where box and plane have nothing in common, which happens with the error's probability, the box decides.
        bound = max(float(self.bound[entry]), float(np.minimum(normal * low, normal * high).sum()))
        # Multipliers of hardly any slope are large and round badly; without them the result is larger, if at all.
        for at in np.flatnonzero(np.abs(normal) > _SLIGHT * np.abs(normal).max()):
            multiplier = np.maximum(slopes[at] / normal[at], 0.0)
            rest = slopes - multiplier * normal
            best = np.minimum(best, multiplier * bound + np.maximum(rest * low, rest * high).sum(axis=0))
        return np.asarray(best)

    @property
    def transposed(self) -> Limits:
        """The same with the routers exchanged."""
        return Limits(self.low.swapaxes(1, 2), self.high.swapaxes(1, 2), self.normal.swapaxes(1, 2), self.bound)


class MeasuredProcess(InterpolatedProcess):
    """The process of routers that may measure Bell pairs in bases of a menu, all errors counted against them.

    Args:
        workload: The queueing model.
        grid: The levels of each server.
        limits: Limits of the outcomes' probabilities.

    Attributes:
        policy: What the routers do in each cell of the grid. If None, they do what is best at each point, which bounds
            nothing between the points but finds a policy.
    """

    upward = True

    def __init__(self, workload: Workload, grid: Grid, limits: Limits) -> None:
        super().__init__(workload, grid)
        self.policy: MeasuredPolicy | None = None
        self.limit(limits)

    def limit(self, limits: Limits) -> None:
        """Replace the limits."""
        self._limits = limits.transposed if self.swapped else limits

    def differences(self, costs: Costs, block: Block) -> tuple[Floats, Floats]:
        """What pairs sent together cost, and how much more split ones, both outcomes alike likely.

        Returns:
            The sum over types, shape (rows, columns), and S − T of each two types, shape (n_A·n_B, rows, columns), with
            the router of fewer types first. The shares π are in them already.
        """
        together, split = costs.flipped(block)
        difference = (split - together).reshape(-1, *together.shape[2:])
        return together.sum(axis=(0, 1)), difference

    def measured(self, costs: Costs, block: Block) -> Floats:
        """The largest cost of each entry within its limits at the block's states, shape (K, rows, columns)."""
        base, difference = self.differences(costs, block)
        flat = difference.reshape(len(difference), -1)
        worst = [self._limits.largest(entry, flat) for entry in range(len(self._limits.low))]
        return np.asarray(base + np.reshape(worst, (len(worst), *base.shape)))

    def slopes(self, potential: Floats, kappa: float, occurs: Floats) -> Floats:
        """dW/dP(a≠b | k,x,y) at constant τ, where the policy is kept, shape (K, n_A, n_B).

        Args:
            potential: Potential of the policy, shape (size, size).
            kappa: κ.
            occurs: How often each state occurs under it, shape (size, size).
        """
        assert self.policy is not None
        costs = self.costs(potential, kappa)
        total = np.zeros((len(self._limits.low), self.joint.size))
        weights = folded(occurs)
        for block in self.blocks():
            difference = self.differences(costs, block)[1]
            entries, weight = self.policy.entries[block.rows, block.columns], weights[block.rows, block.columns]
            for entry in range(len(total)):
                total[entry] += (difference * np.where(entries == entry, weight, 0.0)).sum(axis=(1, 2))
        found = total.reshape(-1, *self.joint.shape)
        return found.swapaxes(1, 2) if self.swapped else found

    def best_policy(self, potential: Floats, kappa: float) -> MeasuredPolicy:
        """What reaches the least of `step(potential, kappa)` at each point, all maps and entries being tried."""
        costs = self.costs(potential, kappa)
        chosen: Entries = np.empty(potential.shape, dtype=np.intp)
        for block in self.blocks():
            measured = self.measured(costs, block)
            better = measured.min(axis=0) < costs.least(block)
            chosen[block.rows, block.columns] = np.where(better, measured.argmin(axis=0), MAPS)
        return MeasuredPolicy(self.grid, *best_maps(self, potential, kappa), mirrored(chosen))

    def _least(self, costs: Costs, block: Block) -> Floats:
        if self.policy is None:
            return np.asarray(np.minimum(super()._least(costs, block), self.measured(costs, block).min(axis=0)))
        choice, measured = costs.choices(block), self.measured(costs, block)
        found = [self._cost(self.policy.beside(block, *shift), choice, measured) for shift in np.ndindex(2, 2)]
        # Cells on the diagonal have a corner above it. The one below counts for both, since the coin is fair there.
        last = min(block.rows.stop, block.columns.stop + 1)
        on = np.arange(max(block.rows.start, block.columns.start + 1), last)
        if len(on):
            below = ..., on - block.rows.start, on - 1 - block.columns.start
            all_a, all_b = (2**count - 1 for count in self.workload.shape)
            exchanged = all_a - self.policy.a[on, on], all_b - self.policy.b[on, on], self.policy.entries[on, on]
            found[1][below] += self._cost(exchanged, choice[below], measured[below])
            found[1][below] /= 2
        return np.asarray(np.maximum.reduce(found))

    def _cost(self, decisions: tuple[Words, Words, Entries], choice: Floats, measured: Floats) -> Floats:
        """What decisions cost at each state, the last axes of all arrays."""
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

    Where both are rounded to the same level a shared fair coin decides which server is which.

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

    def entry_shares(self, occurs: Floats, entries: int) -> Floats:
        """Share of the pairs that each entry of the menu routes, the rest following maps, shape (entries,).

        Args:
            occurs: How often each state occurs, shape (size, size), sum 1.
            entries: K.
        """
        counted = np.bincount(self.entries.ravel() - MAPS, occurs.ravel(), entries - MAPS)
        return np.asarray(counted[-MAPS:], dtype=float)

    def simulated(self, split: Floats) -> PastInformedPolicy:
        """The policy with outcomes of known P(a≠b | k,x,y), shape (K, n_A, n_B), in a form that can be simulated."""
        found = np.moveaxis(split, 0, -1)[:, :, np.maximum(self.entries, 0)]
        split = np.where(self.entries == MAPS, np.nan, found)
        on = np.flatnonzero(np.diag(self.entries) == MAPS)
        for x, y in np.ndindex(*split.shape[:2]):
            split[x, y, on, on] = (self.a[on, on] >> x ^ self.b[on, on] >> y) & 1
        return PastInformedPolicy(self.grid, self.a, self.b, split, up=True)


def upper_bound(level: Level, kappa: float) -> float:
    """An upper limit of W − κτ (units of time) of routers that follow the policy of a level's `MeasuredProcess`.

    It holds whatever the menu's outcomes do within their limits, all roundings included: W − κτ ≤ max(Th − h), h being
    the level's potential and T one step. Above the largest workload the routers act as there, and h is continued as
    constant; `_beyond` is what that adds (every-classical §7).

    Raises:
        NoBoundError: no decay of the workloads is known.
    """
    process, potential = level.process, level.potential
    assert isinstance(process, InterpolatedProcess)
    rest = _beyond(process, kappa, float(potential.max() - potential.min()))
    gain = process.step(potential, kappa) - potential
    return float(gain.max()) + process.rounding(potential, kappa) + rest


def _beyond(process: InterpolatedProcess, kappa: float, span: float) -> float:
    """What workloads beyond the largest of the grid, L, add at most, if the potential spans `span`.

    Before a pair, the pair waits for the excess. After it, the workload falls from there and not from L: the server
    earns less, in proportion to the excess, and all later costs may be others. The same holds for one that lands a few
    steps below, if service times lead between the levels and these count as the last.
    """
    grid, decay, rate = process.grid, decay_rate(process.workload), process.workload.pair_rate
    rare, nearly = (
        math.exp(-decay * max(grid.busy - steps, 0) * grid.step) for steps in (0, _LAST if process.off_grid else 0)
    )
    earned = kappa * float(process.rewards[-1])
    return rare / decay + nearly * overshoot(rate, decay) * (span + earned * rate / decay)
