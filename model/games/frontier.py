"""Lower frontiers W(p), quantum and with communication (MODEL §2); the classical one is in `classical_frontier`."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..queueing.workload import Workload
from .dimension import optimum_within
from .routing_game import RoutingGame, optima
from .strategy import Measurements, Strategy
from .values.quantum_value import SAID_GAP, QuantumOptimum
from .values.xor_game import CLOSED_GAP, XorGame

Floats = NDArray[np.float64]

CURVE_POINTS = 257
_RESOLUTION = 1e-12  # relative width in μ below which a jump of p(μ) is a flat piece of the frontier


@dataclass(frozen=True, eq=False)
class Frontier:
    """A convex, piecewise-linear lower frontier W(p), or a curve given by points on it.

    Attributes:
        splitting_probability: p from 0 to 1, rising, shape (k,).
        waiting_time: W at each p, falling, shape (k,).
    """

    splitting_probability: Floats
    waiting_time: Floats

    def waiting_time_at(self, splitting_probability: ArrayLike) -> Floats:
        """W at any p in [0, 1], linear between the points (exact for a piecewise-linear frontier)."""
        wanted = np.asarray(splitting_probability, dtype=float)
        return np.asarray(np.interp(wanted, self.splitting_probability, self.waiting_time))

    def splitting_probability_at(self, waiting_time: ArrayLike) -> Floats:
        """The least p whose W is at most `waiting_time`; 1 below the frontier's end, 0 above its start."""
        wanted = np.asarray(waiting_time, dtype=float)
        return np.asarray(np.interp(wanted, self.waiting_time[::-1], self.splitting_probability[::-1]))

    def least(self, multiplier: float) -> float:
        """min over p of W + μp."""
        return float((self.waiting_time + multiplier * self.splitting_probability).min())

    @cached_property
    def multipliers(self) -> Floats:
        """−dW/dp of each edge, falling, shape (k−1,)."""
        return (0.0 - np.diff(self.waiting_time)) / np.diff(self.splitting_probability)

    @property
    def vertex_multipliers(self) -> Floats:
        """At each point the multiplier of the edge that leaves it towards larger p; 0 at the last."""
        return np.append(self.multipliers, 0.0)


@dataclass(frozen=True, eq=False)
class StrategyFrontier(Frontier):
    """A frontier whose points are reached by known strategies.

    Attributes:
        correlators: Makes the c(x,y) of the strategy at the point of an index, shape (n_A, n_B); all tables at once may
            not fit in memory.
    """

    correlators: Callable[[int], Floats]

    def correlators_at(self, splitting_probability: float) -> Floats:
        """Correlators of the mixture of the two points round p, shape (n_A, n_B)."""
        known = self.splitting_probability
        right = int(np.clip(np.searchsorted(known, splitting_probability), 1, known.size - 1))
        share = (splitting_probability - known[right - 1]) / (known[right] - known[right - 1])
        return np.asarray((1 - share) * self.correlators(right - 1) + share * self.correlators(right))


def communication_frontier(workload: Workload) -> StrategyFrontier:
    """Both types known to both routers: split the pairs of largest w first."""
    order = np.argsort(-workload.weights, axis=None, kind="stable")
    probability = np.append(0.0, np.cumsum(workload.joint.flat[order]))
    probability[-1] = 1.0
    saved = np.append(0.0, np.cumsum((workload.joint * workload.weights).flat[order]))
    rank = np.empty(order.size, dtype=int)
    rank[order] = np.arange(order.size)
    rank = rank.reshape(workload.shape)
    kept = np.flatnonzero(np.append(True, np.diff(probability) > 0))  # a joint table may hold pairs of probability 0
    return StrategyFrontier(
        probability[kept],
        workload.together_waiting_time - saved[kept],
        lambda point: 1.0 - 2.0 * (rank < kept[point]),
    )


@dataclass(frozen=True, eq=False)
class _Extreme:
    """The quantum optimum at one multiplier, and how far its line may lie below it, in units of time."""

    multiplier: float
    splitting_probability: float
    waiting_time: float
    measurements: Measurements
    gap: float = 0.0


class QuantumFrontier:
    """The quantum frontier of a workload, solved on demand and remembered by multiplier.

    Args:
        workload: The queueing model.
        dimension: k, the most dimensions of the vectors, 2m+1 for m Bell pairs; None allows any quantum strategy.
            If G has rank 2 it is 2, which loses nothing (MODEL §2, fact 1). If the optimum needs more than k,
            the points are the best found, and W may be lower than they say.
    """

    def __init__(self, workload: Workload, dimension: int | None = None) -> None:
        self.workload = workload
        self.dimension = 2 if workload.rank_two else dimension
        self._solved: dict[float, _Extreme] = {}
        self._halving: list[_Extreme] = []  # the optima between the ends that filled a gap, the widest first

    def at_multiplier(self, multiplier: float) -> Strategy:
        """The strategy that maximises Σ π s (w−μ)."""
        return Strategy((self._solve(multiplier).measurements,), (1.0,))

    def at_splitting_probability(self, splitting_probability: float) -> Strategy:
        """The strategy of least W at that p; on a flat piece the mixture of its two ends."""
        return self._at("splitting_probability", splitting_probability)

    def at_waiting_time(self, waiting_time: float) -> Strategy:
        """The strategy of least p whose W is at most `waiting_time` (at least W0)."""
        return self._at("waiting_time", waiting_time)

    def waiting_time_at(self, splitting_probability: float) -> float:
        """The least W at that p."""
        return self.workload.waiting_time(self.at_splitting_probability(splitting_probability).split())

    def splitting_probability_at(self, waiting_time: float) -> float:
        """The least p whose W is at most `waiting_time`; 1 below W0, 0 above the frontier's start."""
        first, last = self._ends
        if waiting_time >= first.waiting_time or waiting_time <= last.waiting_time:
            return 0.0 if waiting_time >= first.waiting_time else 1.0
        return self.workload.splitting_probability(self.at_waiting_time(waiting_time).split())

    def multiplier_at(self, splitting_probability: float) -> float:
        """The multiplier μ = −dW/dp of the frontier at that p."""
        left, right = self._bracket("splitting_probability", splitting_probability)
        return (left.multiplier + right.multiplier) / 2

    @cached_property
    def curve(self) -> Frontier:
        """About CURVE_POINTS points of the frontier from p = 0 to p = 1, the wider gaps in p filled first."""
        filled = self._fill_flat(_along(self._filled(CURVE_POINTS)))
        return Frontier(
            np.array([self.workload.splitting_probability(split) for split in filled]),
            np.array([self.workload.waiting_time(split) for split in filled]),
        )

    @property
    def gap(self) -> float:
        """How far the frontier may lie below the optima found so far, as a share of W; 0 where that is rounding.

        With a limit on the dimension it is how far that of all quantum strategies may lie below them.
        """
        gap = max((point.gap for point in self._solved.values()), default=0.0)
        share = float(gap / self.workload.all_split_waiting_time)
        return share if share > CLOSED_GAP else 0.0

    def sampled(self, count: int) -> Frontier:
        """About `count` optima of different multipliers, for which the game is solved and nothing between them."""
        return _frontier(_along(self._filled(count)))

    def points_at(self, multipliers: Sequence[float]) -> Frontier:
        """The optima at these multipliers, in their order."""
        self.solve(multipliers)
        return _frontier(self._solve(each) for each in multipliers)

    def _filled(self, count: int) -> list[_Extreme]:
        """The ends and optima between them, `count` where there are as many, the wider gaps in p filled first.

        The same ones whatever else has been solved.
        """
        between = count - len(self._ends)
        while (missing := between - len(self._halving)) > 0 and self._gaps:
            if _middle(*self._gaps[0][1:]) not in self._solved:
                # Most of the widest gaps will be halved, and many games at once take little longer than one.
                self.solve([_middle(left, right) for _, left, right in heapq.nsmallest(missing, self._gaps)])
            _, left, right = heapq.heappop(self._gaps)
            self._refine(left, right)
        return [*(self._solved[end.multiplier] for end in self._ends), *self._halving[:between]]

    def _fill_flat(self, points: list[_Extreme]) -> list[Floats]:
        """Splitting strategies along the curve, flat pieces filled with mixtures so that no gap is wider than 1/200."""
        splits = [(1 - point.measurements.correlators) / 2 for point in points]
        filled = [splits[0]]
        for left, right, before, after in zip(splits[:-1], splits[1:], points[:-1], points[1:], strict=True):
            pieces = int(np.ceil((after.splitting_probability - before.splitting_probability) * 200))
            filled += [left + (right - left) * step / pieces for step in range(1, pieces)]
            filled.append(right)
        return filled

    @cached_property
    def _ends(self) -> tuple[_Extreme, _Extreme]:
        """p = 1 at μ = min w, where all of G is ≤ 0, and p = 0 at μ = max w, where all of G is ≥ 0."""
        weights = self.workload.weights
        axis = np.eye(1, self.dimension or 2)
        ones_a, ones_b = axis.repeat(weights.shape[0], 0), axis.repeat(weights.shape[1], 0)
        last = _Extreme(float(weights.min()), 1.0, self.workload.all_split_waiting_time, Measurements(ones_a, -ones_b))
        first = _Extreme(float(weights.max()), 0.0, self.workload.together_waiting_time, Measurements(ones_a, ones_b))
        self._solved[last.multiplier] = last
        self._solved[first.multiplier] = first
        return first, last

    @cached_property
    def _gaps(self) -> list[tuple[float, float, float]]:
        """A heap of (−gap in p, multiplier at its left end, multiplier at its right end)."""
        first, last = self._ends
        return [(-1.0, first.multiplier, last.multiplier)]

    def _refine(self, left: float, right: float) -> None:
        """Solve between two multipliers and put the two halves of the gap back, unless they are flat pieces."""
        middle = self._solve(_middle(left, right))
        self._halving.append(middle)
        for high, low in ((left, middle.multiplier), (middle.multiplier, right)):
            gap = self._solved[low].splitting_probability - self._solved[high].splitting_probability
            if gap > 1e-9 and high - low > _RESOLUTION * self.workload.weights.max():
                heapq.heappush(self._gaps, (-gap, high, low))

    def solve(self, multipliers: Sequence[float]) -> None:
        """Solve the games at these multipliers, all together if they are small."""
        weights = self.workload.weights
        low, high = float(weights.min()), float(weights.max())
        wanted = [each for each in multipliers if each not in self._solved and low < each < high]
        games = [RoutingGame(self.workload, each) for each in wanted]
        for game, optimum in zip(games, optima(games), strict=True):
            self._solved[game.multiplier] = self._point(game, optimum)

    def _solve(self, multiplier: float) -> _Extreme:
        first, last = self._ends
        if multiplier >= first.multiplier:
            return first
        if multiplier <= last.multiplier:
            return last
        self.solve([multiplier])
        return self._solved[multiplier]

    def _point(self, game: RoutingGame, optimum: QuantumOptimum) -> _Extreme:
        if not self.workload.rank_two:
            optimum = self._in_its_dimensions(game.xor, optimum, game.multiplier)
        measurements = Measurements(optimum.u, optimum.v)
        split = (1 - measurements.correlators) / 2
        low, high = optimum.bound.low, optimum.bound.high
        said = high - low > SAID_GAP * abs(high) and high - low > SAID_GAP * float(game.xor.row_sums.sum())
        return _Extreme(
            game.multiplier,
            self.workload.splitting_probability(split),
            self.workload.waiting_time(split),
            measurements,
            high - low if said else 0.0,
        )

    def _in_its_dimensions(self, game: XorGame, optimum: QuantumOptimum, multiplier: float) -> QuantumOptimum:
        """Of limited dimension the ascent may stall, so that it also starts from the two nearest optima known."""
        if self.dimension is None:
            return optimum_within(game, best=optimum)
        known = heapq.nsmallest(2, self._solved.values(), key=lambda point: abs(point.multiplier - multiplier))
        return optimum_within(game, self.dimension, [point.measurements.v for point in known], optimum)

    def _bracket(self, name: str, target: float) -> tuple[_Extreme, _Extreme]:
        """Optima on either side of the target, their multipliers equal to within the resolution (or the target met)."""
        left, right = self._ends  # from large μ (p = 0) to small μ (p = 1)
        sign = 1.0 if name == "splitting_probability" else -1.0  # W falls along the frontier

        def excess(point: _Extreme) -> float:
            return sign * (float(getattr(point, name)) - target)

        for point in self._solved.values():
            if excess(left) < excess(point) <= 0:
                left = point
            if 0 <= excess(point) < excess(right):
                right = point
        halve = False
        while left.multiplier - right.multiplier > _RESOLUTION * self._ends[0].multiplier:
            low, high = excess(left), excess(right)
            if low >= 0:
                return left, left
            if high <= 0:
                return right, right
            # Regula falsi may creep along one end; halving every other time bounds the number of games.
            share = 0.5 if halve else min(max(low / (low - high), 0.01), 0.99)
            halve = not halve
            middle = self._solve(left.multiplier + share * (right.multiplier - left.multiplier))
            if abs(excess(middle)) < 1e-13:
                return middle, middle
            left, right = (middle, right) if excess(middle) < 0 else (left, middle)
        return left, right

    def _at(self, name: str, target: float) -> Strategy:
        left, right = self._bracket(name, target)
        low, high = float(getattr(left, name)), float(getattr(right, name))
        if abs(high - low) < 1e-7:
            return Strategy((left.measurements,), (1.0,))
        share = (target - low) / (high - low)
        return Strategy((left.measurements, right.measurements), (1 - share, share))


def _middle(left: float, right: float) -> float:
    """The multiplier that halves a gap."""
    return (left + right) / 2


def _frontier(points: Iterable[_Extreme]) -> Frontier:
    """Optima as a curve, in their order."""
    p, waiting = np.array([(point.splitting_probability, point.waiting_time) for point in points]).T
    return Frontier(p, waiting)


def _along(points: Iterable[_Extreme]) -> list[_Extreme]:
    """Optima in the order of rising p, those of one p as one."""
    rising = sorted(points, key=lambda point: (point.splitting_probability, point.multiplier))
    return [
        point
        for index, point in enumerate(rising)
        if index == 0 or point.splitting_probability > rising[index - 1].splitting_probability + 1e-9
    ]
