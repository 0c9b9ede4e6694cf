"""The Markov decision process of routers that know the whole past, on a grid (every-classical §1 and §2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, product
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..queueing.service import Service
from ..queueing.workload import Workload
from .accrual import accrued
from .grid import Grid, Jump

Floats = NDArray[np.float64]
Number = TypeVar("Number", np.float64, np.intp)

_BLOCK_ELEMENTS = 2**16  # numbers in one block's arrays, so that they stay in the processor's second-level cache
# Seconds of one evaluation on a usual core: at all, for each cost of a map, cost before maps, product of a matrix.
_EVALUATION, _PER_MAP, _PER_COST, _PER_PRODUCT = 3e-4, 1.3e-9, 1e-8, 7e-11
_ROUNDING = 8 * float(np.finfo(float).eps)  # slack per summed term


@dataclass(frozen=True)
class Block:
    """States handled at once: rows and columns, and the workloads that requests find there."""

    rows: slice
    columns: slice
    row_work: slice
    column_work: slice


class InformedProcess:
    """Routers that know both servers' levels at each arrival, but not the type of each other's present request.

    A state is the pair of levels just before an arrival. The two servers are alike, so values are symmetric in them and
    only u₀ ≥ u₁ is computed. Costs are per pair: mean waiting time less κ times the mean reward until the next pair.

    Args:
        workload: The queueing model; its reward must have a bounded slope.
        grid: The levels of each server.

    Attributes:
        upward: Whether errors are made so that costs rise, not fall; only processes whose jumps and drift do so may.
    """

    upward = False

    def __init__(self, workload: Workload, grid: Grid) -> None:
        self.workload = workload
        self.grid = grid
        # All maps of the router with fewer types are tried; for each the other's best reply is found type by type.
        self.swapped = workload.shape[0] > workload.shape[1]
        services = workload.services_a, workload.services_b
        partner = workload.partner_waiting_time / 2
        self.joint, self._partner = workload.joint, partner
        if self.swapped:
            services = services[::-1]
            self.joint, self._partner = workload.joint.T, partner.T
        self._jumps = {service: self._jump(service) for service in {*services[0], *services[1]}}
        self._services = services
        age = grid.idle * grid.step
        self.rewards = accrued(workload.reward, workload.pair_rate, grid.levels, age, low=self.upward)
        # P(k steps until the next pair) = q(1−q)^(k−1): a time, rounded up to the grid, lowers the level by that much.
        self._step_probability = -float(np.expm1(-workload.pair_rate * grid.step))

    def _jump(self, service: Service) -> Jump:
        return Jump(service, self.grid)

    @property
    def step_seconds(self) -> float:
        """About how long `step` computes (seconds), by a count of its work and not by a clock.

        Whatever is stopped by it gives the same result on every machine, however busy.
        """
        fewer, more = sorted(self.joint.shape)
        busy, size = self.grid.busy + 1, self.grid.size
        costs = self.joint.size * busy * (size + busy)
        products = 0 if all(service.kind == "deterministic" for service in self._jumps) else costs * busy
        return float(_EVALUATION + _PER_MAP * 2**fewer * more * size**2 + _PER_COST * costs + _PER_PRODUCT * products)

    def step(self, potential: Floats, kappa: float) -> Floats:
        """The least expected cost of a pair and of the potential after it, shape (size, size).

        Args:
            potential: What each state (u₀, u₁) just before an arrival is worth, symmetric, shape (size, size).
            kappa: κ.
        """
        costs = self.costs(potential, kappa)
        after = np.empty_like(potential)
        for block in self.blocks():
            after[block.rows, block.columns] = self._least(costs, block)
        return mirrored(after)

    def costs(self, potential: Floats, kappa: float) -> Costs:
        """What each pair of types costs for each pair of servers, the potential after it included."""
        return Costs(self, self.before_drift(potential, kappa))

    def _least(self, costs: Costs, block: Block) -> Floats:
        """The least cost at the block's states, or an array that broadcasts to it."""
        return costs.least(block)

    def rounding(self, potential: Floats, kappa: float) -> float:
        """A bound on the floating-point error of `step` at any state, and on that of `potential` subtracted from it.

        A value is a chain of weighted sums of at most `size` terms each, over the drift, the two jumps and the types.
        """
        largest = float(np.abs(potential).max()) + 4 * kappa * float(self.rewards.max())
        largest += 4 * self.grid.busy * self.grid.step + float(self._partner.max())
        terms = 4 * self.grid.size + self.joint.size + 32
        return _ROUNDING * terms * largest

    def before_drift(self, potential: Floats, kappa: float) -> Floats:
        """What the levels just after an arrival are worth: the reward until the next pair, and the potential then.

        One step down is certain, and then the next pair is there or the drift continues.
        """
        met = self._step_probability * potential[:-1, :-1]
        drifted = self._drifted(float(potential[0, 0]), self._step_probability * potential[0, :-1], met)
        return np.asarray(drifted - kappa * (self.rewards[:, None] + self.rewards))

    def _drifted(self, lowest: float, edge: Floats, met: Floats) -> Floats:
        """The potential at the next pair, from its parts in the first step down, by a recursion along diagonals.

        Args:
            lowest: Where both servers are at the lowest level, and stay there.
            edge: What a pair within the step meets if one of them is there already, shape (size − 1,).
            met: What it meets if neither is, shape (size − 1, size − 1).
        """
        later = 1.0 - self._step_probability
        size = len(met) + 1
        drifted = np.empty((size, size))
        # At the lowest level a server stays where it is, so that the edge is a recursion of its own.
        drifted[0] = list(accumulate(edge.tolist(), lambda last, part: part + later * last, initial=lowest))
        drifted[:, 0] = drifted[0]
        for row in range(1, size):
            here = drifted[row, 1:]
            np.multiply(drifted[row - 1, :-1], later, out=here)
            here += met[row - 1]
        return drifted

    def blocks(self) -> Iterator[Block]:
        """Rectangles that cover the states with u₀ ≥ u₁; in each the sign of either level is the same."""
        idle, size = self.grid.idle, self.grid.size
        height = max(1, _BLOCK_ELEMENTS // (2 * self.joint.shape[1] * size))
        for start, stop in _pieces(0, idle, height) + _pieces(idle, size, height):
            for first, last in ((0, min(idle, stop)), (idle, stop)):
                if first < last:
                    row_work, column_work = self._work(start, stop), self._work(first, last)
                    yield Block(slice(start, stop), slice(first, last), row_work, column_work)

    def _work(self, start: int, stop: int) -> slice:
        """The workloads found at levels of one sign: an idle server has none."""
        idle = self.grid.idle
        return slice(0, 1) if stop <= idle else slice(start - idle, stop - idle)


class Costs:
    """Expected cost of each pair of types for each pair of servers, given what the levels after it are worth."""

    def __init__(self, process: InformedProcess, after: Floats) -> None:
        grid, joint, jumps = process.grid, process.joint, process._jumps
        services_a, services_b = process._services
        work = grid.workloads
        busy = after[grid.idle :]
        moved = {service: jump(busy) for service, jump in jumps.items()}
        count, size = grid.busy + 1, grid.size
        self._together = np.empty((*joint.shape, count, size))
        self._split = np.empty((*joint.shape, count, count))
        for x, y in np.ndindex(*joint.shape):
            share, first, second = joint[x, y], services_a[x], services_b[y]
            both = jumps[first](moved[second])
            both += (work + process._partner[x, y])[:, None]
            np.multiply(both, share, out=self._together[x, y])
            apart = jumps[second](moved[first][:, grid.idle :].T).T + (work[:, None] + work) / 2
            np.multiply(apart, share, out=self._split[x, y])

    def least(self, block: Block) -> Floats:
        """The least cost at the block's states, or an array that broadcasts to it."""
        best: Floats | None = None
        for sums in self.maps(block):
            cost = np.minimum(sums[0], sums[1]).sum(axis=0)
            best = cost if best is None else np.minimum(best, cost, out=best)
        assert best is not None  # there is at least one map
        return best

    def maps(self, block: Block) -> Iterator[Floats]:
        """For each map of the first router, the cost of either server for each type of the second.

        Each has shape (2, types, rows, columns). Map number k sends type x to the server that bit x of k names. Half of
        the types at a time are summed beforehand, so that a map takes one addition.
        """
        choice = self.choices(block)
        half = choice.shape[1] // 2
        low, high = _sums(choice[:, :half]), _sums(choice[:, half:])
        for second, first in product(high, low):
            yield first + second

    def flipped(self, block: Block) -> tuple[Floats, Floats]:
        """What pairs sent together and split cost if a shared fair bit flips both decisions.

        Returns:
            Each of shape (n_A, n_B, rows, columns), with the router of fewer types first. The shares π are in them.
        """
        choice = self.choices(block)
        return (choice[0, :, 0] + choice[1, :, 1]) / 2, (choice[0, :, 1] + choice[1, :, 0]) / 2

    def choices(self, block: Block) -> Floats:
        """Cost for each server of the first router, its type, server of the second, its type, and state."""
        rows, columns, p, r = block.rows, block.columns, block.row_work, block.column_work
        parts = (
            (self._together[:, :, p, columns], self._split[:, :, p, r]),
            (self._split[:, :, r, p].swapaxes(-1, -2), self._together[:, :, r, rows].swapaxes(-1, -2)),
        )
        types = self._together.shape[:2]
        shape = rows.stop - rows.start, columns.stop - columns.start
        choice = np.empty((2, types[0], 2, types[1], *shape))
        for a, b in np.ndindex(2, 2):
            choice[a, :, b] = parts[a][b]
        return choice


def mirrored(values: NDArray[Number]) -> NDArray[Number]:
    """What holds at the states with u₀ ≥ u₁, shape (…, size, size), at those with the servers exchanged as well."""
    lower = np.tril(values)
    return np.asarray(lower + np.tril(lower, -1).swapaxes(-1, -2))


def numbers_kept(shape: tuple[int, int], grid: Grid) -> int:
    """How many numbers one evaluation keeps at once."""
    return (shape[0] * shape[1] * 2 + sum(shape) + 4) * (grid.busy + 1) * grid.size


def _sums(choice: Floats) -> list[Floats]:
    """Σ_x choice[a(x), x] for every map a in the order of its number, shape (2, types, rows, columns) each."""
    sums = [np.zeros(choice.shape[2:])]
    for x in range(choice.shape[1]):
        sums = [total + choice[server, x] for server in (0, 1) for total in sums]
    return sums


def _pieces(start: int, stop: int, length: int) -> list[tuple[int, int]]:
    return [(first, min(first + length, stop)) for first in range(start, stop, length)]
