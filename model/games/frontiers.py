"""The frontiers of one workload: where and how far entanglement helps, and the operating point to run."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from ..errors import ScenarioError
from ..queueing.workload import Workload
from ..scenario.bounds import BoundsSpec
from ..scenario.file import OperatingTarget, Scenario
from .binning import binning_error, widened
from .classical_frontier import ClassicalFrontier, classical_frontier, interpolated_bound
from .dimension import largest_dimension
from .exact_sizes import ContinuousGame
from .frontier import Frontier, QuantumFrontier, StrategyFrontier, communication_frontier
from .operating_point import OperatingPoint
from .routing_game import BoundedGame, Routers, RoutingGame, bound_over_types
from .strategy import Strategy, dimension_of
from .values.classical_value import is_quick
from .values.xor_game import Bound

Floats = NDArray[np.float64]
Number = TypeVar("Number", float, Floats)

_PLACES = 401  # of p beside the points known at which the largest reduction is looked for


class PointAdvantage(NamedTuple):
    """What points (p, W) have over the classical frontier; negative where they lie above it.

    Attributes:
        waiting_time_reduction: W_C(p) − W, at equal throughput.
        waiting_time_reduction_relative: The same over W_C(p).
        throughput_gain_relative: τ(p) over the largest τ of classical routers that wait as briefly, less 1.
    """

    waiting_time_reduction: Floats
    waiting_time_reduction_relative: Floats
    throughput_gain_relative: Floats


@dataclass(frozen=True)
class LargestReduction:
    """The p at which (W_C−W_Q)/W_C is largest, and that ratio: at most 0 where entanglement helps nowhere."""

    splitting_probability: float
    waiting_time_reduction_relative: float

    @property
    def helps(self) -> bool:
        """Whether it is more than rounding."""
        return self.waiting_time_reduction_relative > 1e-9


class Frontiers:
    """The frontiers of one workload and what follows from them, each computed once when first asked for.

    Args:
        workload: The queueing model.
        bounds: When to stop proving the classical frontier; it is then a lower bound, and what follows from it holds.
        bell_pairs: m, that the routers may use for each pair of requests.
    """

    def __init__(self, workload: Workload, bounds: BoundsSpec | None = None, bell_pairs: int = 1) -> None:
        self.workload = workload
        self.bounds = bounds or BoundsSpec()
        self.bell_pairs = bell_pairs
        self._games: dict[float, BoundedGame] = {}

    @classmethod
    def of(cls, scenario: Scenario) -> Frontiers:
        """Those of a scenario's workload, proved as far as it asks, with the Bell pairs it allows.

        Raises:
            NoTradeOffError: interruptions cost the baseline nothing.
        """
        return cls(scenario.workload(), scenario.bounds, scenario.experiment.bell_pairs)

    @cached_property
    def classical(self) -> ClassicalFrontier:
        """The classical frontier, or what is proved of it."""
        return classical_frontier(self.workload, self.bounds)

    @cached_property
    def communication(self) -> StrategyFrontier:
        """The frontier when both routers know both types."""
        return communication_frontier(self.workload)

    @cached_property
    def quantum(self) -> QuantumFrontier:
        """The quantum frontier, any number of Bell pairs."""
        return QuantumFrontier(self.workload)

    @cached_property
    def one_pair(self) -> QuantumFrontier:
        """What one Bell pair for each pair of requests reaches, measured in any bases."""
        return self._reached_by(1)

    @cached_property
    def in_use(self) -> QuantumFrontier:
        """What the routers' Bell pairs reach."""
        return self.one_pair if self.bell_pairs == 1 else self._reached_by(self.bell_pairs)

    def _reached_by(self, bell_pairs: int) -> QuantumFrontier:
        """All of `quantum` where G has rank 2, or the types are too few for any strategy to need more pairs."""
        dimension = dimension_of(bell_pairs)
        if self.workload.rank_two or largest_dimension(self.workload.shape) <= dimension:
            return self.quantum
        return QuantumFrontier(self.workload, dimension)

    def game(self, multiplier: float) -> BoundedGame:
        """The game at μ, with bounds over all strategies of what the routers know."""
        if multiplier not in self._games:
            self._games[multiplier] = BoundedGame(self.workload, multiplier, self._bound_for)
        return self._games[multiplier]

    def _bound_for(self, game: RoutingGame, routers: Routers) -> Bound:
        """The bound of a class of routers; a class that a further argument covers gets its branch here."""
        if routers == "memoryless":
            return self._classical_bound(game)
        if self._sizes:
            bound = game.quantum_optimum.bound
            high = max(bound.high, self._sizes.quantum_high(game.multiplier))
            return Bound(bound.low, high, f"{bound.method}, of bins from below and of the exact sizes from above")
        return self._of_sizes(bound_over_types(game, routers))

    def _classical_bound(self, game: RoutingGame) -> Bound:
        """No longer search is begun where the frontier has been searched already."""
        if game.multiplier in self.classical.bounds:
            return self.classical.bounds[game.multiplier]
        if self._sizes:
            return self._sizes.classical_bound(game.multiplier)
        if is_quick(game.xor):
            return self._of_sizes(bound_over_types(game, "memoryless"))
        return interpolated_bound(game, self.classical)

    @cached_property
    def _sizes(self) -> ContinuousGame | None:
        known = self.workload.knows_sizes and self.workload.rank_two
        return ContinuousGame(self.workload) if known else None

    def _of_sizes(self, bound: Bound) -> Bound:
        """A bound over strategies of types or bins as one over strategies of whatever the routers know."""
        return widened(bound, binning_error(self.workload)) if self.workload.knows_sizes else bound

    def advantage_ranges(self) -> list[tuple[float, float]]:
        """The open intervals of p on which W_Q(p) < W_C(p).

        On an edge of the classical frontier the advantage is everywhere or nowhere: W_Q is convex, never above W_C,
        and below the edge's line somewhere exactly if β_Q > β_C at the edge's multiplier. Where the classical frontier
        is only proved from below, the intervals are those on which W_Q is below that, found on a grid.
        """
        if not self.classical.exact:
            return self._proved_ranges()
        p = self.classical.splitting_probability
        ranges: list[tuple[float, float]] = []
        for left, right, helps in zip(p[:-1].tolist(), p[1:].tolist(), self._edge_helps, strict=True):
            if not helps:
                continue
            if ranges and ranges[-1][1] == left and self._helps_at_vertex(left):
                ranges[-1] = (ranges[-1][0], right)
            else:
                ranges.append((left, right))
        return ranges

    def _proved_ranges(self) -> list[tuple[float, float]]:
        curve = self.quantum.curve
        p = np.union1d(curve.splitting_probability, self.classical.splitting_probability)
        gap = self.classical.waiting_time_at(p) - curve.waiting_time_at(p)
        helps = np.concatenate([[False], gap > 1e-8 * self.workload.together_waiting_time, [False]])
        turns = np.diff(helps.astype(int))
        starts, ends = np.flatnonzero(turns == 1), np.flatnonzero(turns == -1) - 1
        ranges = zip(p[starts].tolist(), p[ends].tolist(), strict=True)
        return [(start, end) for start, end in ranges if start < end]

    def least_visibility(self) -> float | None:
        """The least Werner visibility that still beats the classical frontier somewhere; None if no state does.

        β_C is piecewise linear and β_Q convex in μ, so β_Q/β_C peaks where β_C has a kink: at an edge's multiplier.
        """
        if not any(self._edge_helps):
            return None
        ratios = (
            game.bound("memoryless").high / game.quantum_optimum.bound.low
            for game, helps in zip(self.edge_games, self._edge_helps, strict=True)
            if helps
        )
        return min(ratios)

    def waiting_time(self, splitting_probability: float, visibility: float = 1.0) -> float:
        """Least W of the Bell pairs in use at p, with correlators of that visibility; NaN where p is out of reach."""
        ideal = _ideal(splitting_probability, 0.5, visibility)
        if not 0 <= ideal <= 1:
            return float("nan")
        return _noisy(self.in_use.waiting_time_at(ideal), self.workload.uncorrelated_waiting_time, visibility)

    def advantage_at(self, splitting_probability: ArrayLike, waiting_time: ArrayLike) -> PointAdvantage:
        """What points have over the classical frontier, p and W of one shape."""
        throughput = self.workload.baseline_throughput
        classical = self.classical.waiting_time_at(splitting_probability)
        saved = np.asarray(classical - np.asarray(waiting_time))
        equal_wait = throughput(self.classical.splitting_probability_at(waiting_time))
        gain = np.asarray(throughput(splitting_probability) / equal_wait - 1)
        return PointAdvantage(saved, np.asarray(saved / classical), gain)

    def largest_advantage(self, visibility: float = 1.0) -> LargestReduction:
        """Where the relative reduction of waiting time is largest at that visibility.

        Raises:
            ScenarioError: there is no reduction anywhere.
        """
        best = self.largest_reduction(visibility)
        if not best.helps:
            needed = self.least_visibility()
            why = "at any visibility" if needed is None else f"below visibility {needed:.4f}"
            raise ScenarioError(
                f"experiment.operating_point: no advantage of entanglement in this scenario {why} "
                f"(assumed: {visibility:g}); change the traffic, or set the operating point by hand"
            )
        return best

    def largest_reduction(self, visibility: float = 1.0, points: Frontier | None = None) -> LargestReduction:
        """The same, negative where entanglement waits longer everywhere.

        Args:
            visibility: Of the Bell pairs, above 0.
            points: Where the search begins; few of them leave fewer games to be solved than the whole curve.
        """
        known = self.in_use.curve if points is None else points
        places = _noisy(known.splitting_probability, 0.5, visibility)
        inside = self.classical.splitting_probability
        inside = inside[(places[0] < inside) & (inside < places[-1])]
        p = np.union1d(np.linspace(places[0], places[-1], _PLACES), np.concatenate([places, inside]))
        ideal = np.clip(_ideal(p, 0.5, visibility), 0.0, 1.0)
        waiting = _noisy(known.waiting_time_at(ideal), self.workload.uncorrelated_waiting_time, visibility)
        reduction = 1 - waiting / self.classical.waiting_time_at(p)
        top = int(reduction.argmax())
        best = LargestReduction(float(p[top]), float(reduction[top]))
        first = max(int(np.searchsorted(places, p[top], side="left")) - 1, 0)
        last = min(int(np.searchsorted(places, p[top], side="right")), len(places) - 1)
        for low, high in self._pieces(float(places[first]), float(places[last])):
            found = minimize_scalar(
                lambda at: self.waiting_time(at, visibility) / float(self.classical.waiting_time_at(at)),
                bounds=(low, high),
                method="bounded",
                options={"xatol": 1e-7},
            )
            if 1 - found.fun > best.waiting_time_reduction_relative:
                best = LargestReduction(float(found.x), float(1 - found.fun))
        return best

    def operating_point(self, scenario: Scenario) -> OperatingPoint:
        """The operating point that the scenario's [experiment] asks for.

        Raises:
            ScenarioError: the target is out of reach, or no advantage exists to look for.
        """
        if scenario.experiment.bell_pairs != self.bell_pairs:
            return Frontiers(self.workload, self.bounds, scenario.experiment.bell_pairs).operating_point(scenario)
        target = scenario.experiment.operating_point
        visibility = scenario.experiment.assumed_visibility
        if isinstance(target, OperatingTarget):
            strategy = self._targeted(target, visibility)
        else:
            best = self.largest_advantage(visibility)
            strategy = self.in_use.at_splitting_probability(_ideal(best.splitting_probability, 0.5, visibility))
        split = strategy.split(visibility)
        p = self.workload.splitting_probability(split)
        ideal = self.workload.splitting_probability(strategy.split())
        multiplier = self.in_use.multiplier_at(ideal)
        return OperatingPoint(
            splitting_probability=p,
            waiting_time=self.workload.waiting_time(split),
            baseline_throughput=float(self.workload.baseline_throughput(p)),
            multiplier=multiplier,
            certificate_multiplier=self.classical_multiplier(p, multiplier),
            assumed_visibility=visibility,
            strategy=strategy,
        )

    def classical_multiplier(self, splitting_probability: float, preferred: float) -> float:
        """Slope of the classical edge at p; at a vertex the slope nearest to `preferred` among those it supports."""
        vertices, slopes = self.classical.splitting_probability, self.classical.multipliers
        left = int(np.searchsorted(vertices, splitting_probability - 1e-9))
        right = int(np.searchsorted(vertices, splitting_probability + 1e-9))
        steep = slopes[min(max(left - 1, 0), len(slopes) - 1)]
        flat = slopes[min(max(right - 1, 0), len(slopes) - 1)]
        return float(np.clip(preferred, flat, steep))

    def _targeted(self, target: OperatingTarget, visibility: float) -> Strategy:
        if target.multiplier is not None:
            return self.in_use.at_multiplier(target.multiplier)
        if target.splitting_probability is not None:
            ideal = _ideal(target.splitting_probability, 0.5, visibility)
            reach = (_noisy(0.0, 0.5, visibility), _noisy(1.0, 0.5, visibility))
            _within("splitting_probability", target.splitting_probability, reach, visibility)
            return self.in_use.at_splitting_probability(min(max(ideal, 0.0), 1.0))
        assert target.waiting_time is not None  # OperatingTarget holds exactly one
        middle = self.workload.uncorrelated_waiting_time
        ends = (self.workload.all_split_waiting_time, self.workload.together_waiting_time)
        reach = (_noisy(ends[0], middle, visibility), _noisy(ends[1], middle, visibility))
        _within("waiting_time", target.waiting_time, reach, visibility)
        return self.in_use.at_waiting_time(_ideal(target.waiting_time, middle, visibility))

    @property
    def edge_games(self) -> list[BoundedGame]:
        """The game at the multiplier of each edge of the classical frontier."""
        return [self.game(multiplier) for multiplier in self.classical.multipliers.tolist()]

    @cached_property
    def _edge_helps(self) -> list[bool]:
        return [game.quantum_optimum.bound.low > game.bound("memoryless").high * (1 + 1e-9) for game in self.edge_games]

    def _helps_at_vertex(self, splitting_probability: float) -> bool:
        gap = float(self.classical.waiting_time_at(splitting_probability)) - self.quantum.waiting_time_at(
            splitting_probability
        )
        return gap > 1e-8 * self.workload.together_waiting_time

    def _pieces(self, low: float, high: float) -> Iterator[tuple[float, float]]:
        """[low, high] cut at the classical vertices inside: on each piece W_Q/W_C is quasi-convex."""
        inside = [p for p in self.classical.splitting_probability.tolist() if low < p < high]
        edges = [low, *inside, high]
        yield from itertools.pairwise(edges)


def _noisy(value: Number, middle: float, visibility: float) -> Number:
    """What white noise of that visibility makes of a noiseless p or W: it pulls towards the middle."""
    return middle + visibility * (value - middle)


def _ideal(value: Number, middle: float, visibility: float) -> Number:
    """The noiseless p or W that white noise of that visibility brings to `value`."""
    return middle + (value - middle) / visibility


def _within(name: str, value: float, reach: tuple[float, float], visibility: float) -> None:
    low, high = reach
    slack = 1e-9 * (high - low)
    if not low - slack <= value <= high + slack:
        raise ScenarioError(
            f"experiment.operating_point.{name} = {value:g} is out of reach: at visibility {visibility:g} "
            f"it lies between {low:.6g} and {high:.6g}"
        )
