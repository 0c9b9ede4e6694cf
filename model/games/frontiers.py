"""The frontiers of one workload: where and how far entanglement helps, and the operating point to run."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from ..errors import NoBoundError, ScenarioError
from ..queueing.workload import Workload
from ..scenario.bounds import BoundsSpec
from ..scenario.file import OperatingTarget, Scenario
from .binning import binning_error, widened
from .classical_frontier import ClassicalFrontier, classical_frontier, interpolated_bound
from .dimension import largest_dimension
from .every_classical import EveryClassicalCurve, every_classical_curve
from .exact_sizes import ContinuousGame
from .frontier import Frontier, QuantumFrontier, StrategyFrontier, communication_frontier
from .operating_point import OperatingPoint
from .routing_game import Against, BoundedGame, Routers, RoutingGame, solve_together
from .strategy import Strategy, dimension_of
from .values.classical_value import classical_optimum, is_quick
from .values.xor_game import Bound

Floats = NDArray[np.float64]
Number = TypeVar("Number", float, Floats)

_FEW_POINTS = 33  # of the quantum frontier, by which the size of its advantage is judged
_LEAST_WAIT = 1e-3  # of W0, which W_E may fall below: less is no waiting time to take a share of
_MARGIN = 2.0  # times the trials below which no test certifies; the certificate's own take 1.5 to 2 times as many
_BEYOND = 1e-6  # of a multiplier
_EACH_SIDE, _ROUNDS = 9, 6  # games solved at once on either side, and how often, until p is known to about 1e-7
_PLACES = 401  # of p beside the points known at which the largest reduction is looked for


class PointAdvantage(NamedTuple):
    """What points (p, W) have over the frontier of a class of classical routers; negative where they lie above it.

    Attributes:
        waiting_time_reduction: W of the frontier at p, and so at equal throughput, less their own.
        waiting_time_reduction_relative: The same over W of the frontier.
        throughput_gain_relative: τ(p) over the largest τ of classical routers that wait as briefly, less 1.
    """

    waiting_time_reduction: Floats
    waiting_time_reduction_relative: Floats
    throughput_gain_relative: Floats


@dataclass(frozen=True)
class LargestReduction:
    """The p at which entanglement waits a larger share less than a class than at any other, and that share.

    At most 0 where entanglement helps nowhere.
    """

    splitting_probability: float
    waiting_time_reduction_relative: float

    @property
    def helps(self) -> bool:
        """Whether it is more than rounding."""
        return self.waiting_time_reduction_relative > 1e-9


def share_saved(workload: Workload, waiting_time: ArrayLike, saved: ArrayLike) -> Floats:
    """`saved` over the `waiting_time` of classical routers, same shape; W_E may be no time to take a share of."""
    return np.asarray(np.asarray(saved) / wait_to_share(workload, waiting_time))


def wait_to_share(workload: Workload, waiting_time: ArrayLike) -> Floats:
    """The waiting times that shares are taken of, same shape: those given, but no less than a thousandth of W0."""
    return np.asarray(np.maximum(waiting_time, _LEAST_WAIT * workload.all_split_waiting_time))


class Frontiers:
    """The frontiers of one workload and what follows from them, each computed once when first asked for.

    Args:
        workload: The queueing model.
        bounds: When to stop proving the classical frontier; it is then a lower bound, and what follows from it holds.
        bell_pairs: m, the Bell pairs that the routers may use for each pair of requests. Defaults to 1.
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

    @property
    def every_classical(self) -> EveryClassicalCurve:
        """The frontier that no classical router without communication passes, whatever it remembers.

        Raises:
            NoBoundError: there is no such bound, or it is beyond what is computed.
        """
        if isinstance(self._every_classical, str):
            raise NoBoundError(self._every_classical)
        return self._every_classical

    @property
    def reason_without_every_classical(self) -> str | None:
        """One sentence on why there is no bound on every classical router, or None if there is one."""
        return self._every_classical if isinstance(self._every_classical, str) else None

    @cached_property
    def _every_classical(self) -> EveryClassicalCurve | str:
        """The frontier, or why there is none."""
        curve = self.in_use.sampled(_FEW_POINTS)
        saved = self.classical.waiting_time_at(curve.splitting_probability) - curve.waiting_time
        try:
            return every_classical_curve(self.workload, curve, float(saved.max()))
        except NoBoundError as reason:
            return str(reason)

    def aim(self, wanted: Against) -> Against:
        """The class that a certificate can aim at: the one wanted, or memoryless routers where there is no bound."""
        return "memoryless" if wanted == "memoryless" or self.reason_without_every_classical else "every-classical"

    def rival(self, against: Against) -> Frontier:
        """The frontier of a class of classical routers.

        Raises:
            NoBoundError: there is no bound on every classical router.
        """
        return self.classical if against == "memoryless" else self.every_classical

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
        if routers == "every-classical":
            memoryless = self._classical_bound(game)
            high = max(self.every_classical.score_bound(game).value, memoryless.high)
            return Bound(memoryless.low, high, "routers that know the whole past")
        bound = game.quantum_optimum.bound
        if self._sizes:
            high = max(bound.high, self._sizes.quantum_high(game.multiplier))
            return Bound(bound.low, high, f"{bound.method}, of bins from below and of the exact sizes from above")
        return self._of_sizes(bound)

    def _classical_bound(self, game: RoutingGame) -> Bound:
        """From the frontier if the game needs branch and bound, on which the frontier has spent its time already."""
        if game.multiplier in self.classical.bounds:
            return self.classical.bounds[game.multiplier]
        if self._sizes:
            return self._sizes.classical_bound(game.multiplier)
        if is_quick(game.xor):
            return self._of_sizes(classical_optimum(game.xor).bound)
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

    def least_visibility(self, against: Against = "memoryless") -> float | None:
        """The least Werner visibility that still beats the frontier of a class somewhere; None if no state does.

        β_C is piecewise linear and β_Q convex in μ, so β_Q/β_C peaks where β_C has a kink: at an edge's multiplier.
        β_E has no kinks; there the least ratio is searched, and a smaller visibility may do that was not found.
        """
        if against == "every-classical":
            return self._searched_visibility()
        if not any(self._edge_helps):
            return None
        ratios = (
            game.bound("memoryless").high / game.quantum_optimum.bound.low
            for game, helps in zip(self.edge_games, self._edge_helps, strict=True)
            if helps
        )
        return min(ratios)

    def _searched_visibility(self) -> float | None:
        def ratio(multiplier: float) -> float:
            game = self.game(multiplier)
            best = game.quantum_optimum.bound.low
            least = min(self.every_classical.least(multiplier), self.classical.least(multiplier))
            return game.line(least) / best if best > 0 else math.inf

        slopes, weights = self.every_classical.multipliers, self.workload.weights[self.workload.joint > 0]
        low, high = max(slopes.min(), weights.min()), min(slopes.max(), weights.max())
        if not low < high:  # outside the weights there is nothing that entanglement could add
            return None
        tried = np.linspace(low, high, _FEW_POINTS).tolist()
        solve_together([self.game(multiplier) for multiplier in tried])
        ratios = [ratio(multiplier) for multiplier in tried]
        best = int(np.argmin(ratios))
        around = tried[max(best - 1, 0)], tried[min(best + 1, len(tried) - 1)]
        found = minimize_scalar(ratio, bounds=around, method="bounded", options={"xatol": 1e-4 * around[1]})
        least = min(float(found.fun), ratios[best])
        return least if least < 1 - 1e-9 else None

    def waiting_time(self, splitting_probability: float, visibility: float = 1.0) -> float:
        """Least W of the Bell pairs in use at p, with correlators of that visibility; NaN where p is out of reach."""
        ideal = _ideal(splitting_probability, 0.5, visibility)
        if not 0 <= ideal <= 1:
            return float("nan")
        return _noisy(self.in_use.waiting_time_at(ideal), self.workload.uncorrelated_waiting_time, visibility)

    def advantage_at(
        self, splitting_probability: ArrayLike, waiting_time: ArrayLike, against: Against = "memoryless"
    ) -> PointAdvantage:
        """What points have over the frontier of a class, p and W of one shape."""
        throughput, rival = self.workload.baseline_throughput, self.rival(against)
        classical = rival.waiting_time_at(splitting_probability)
        saved = np.asarray(classical - np.asarray(waiting_time))
        equal_wait = throughput(rival.splitting_probability_at(waiting_time))
        gain = np.asarray(throughput(splitting_probability) / equal_wait - 1)
        return PointAdvantage(saved, share_saved(self.workload, classical, saved), gain)

    def largest_advantage(self, visibility: float = 1.0, information: float = 0.0) -> LargestReduction:
        """Where the relative reduction of waiting time against memoryless routers is largest at that visibility.

        Raises:
            ScenarioError: there is no reduction anywhere.
        """
        best = self.largest_reduction(visibility, information=information)
        if not best.helps:
            needed = self.least_visibility()
            why = "at any visibility" if needed is None else f"below visibility {needed:.4f}"
            raise ScenarioError(
                f"experiment.operating_point: no advantage of entanglement in this scenario {why} "
                f"(assumed: {visibility:g}); change the traffic, or set the operating point by hand"
            )
        return best

    def largest_reduction(
        self,
        visibility: float = 1.0,
        points: Frontier | None = None,
        against: Against = "memoryless",
        information: float = 0.0,
    ) -> LargestReduction:
        """The same against a class, negative if entanglement waits longer everywhere.

        Args:
            visibility: Visibility of the Bell pairs, above 0. Defaults to 1.
            points: Where the search begins; with few of them fewer games are solved than with the whole curve, the
                default.
            against: The class. Defaults to memoryless routers.
            information: Nats per trial: p at which a trial yields fewer are left out if it yields as many at another.
                Defaults to 0.
        """
        rival = self.rival(against)
        known = self.in_use.curve if points is None else points
        places = _noisy(known.splitting_probability, 0.5, visibility)
        inside = self.classical.splitting_probability
        inside = inside[(places[0] < inside) & (inside < places[-1])]
        p = np.union1d(np.linspace(places[0], places[-1], _PLACES), np.concatenate([places, inside]))
        ideal = np.clip(_ideal(p, 0.5, visibility), 0.0, 1.0)
        waiting = _noisy(known.waiting_time_at(ideal), self.workload.uncorrelated_waiting_time, visibility)
        reduction = self.advantage_at(p, waiting, against).waiting_time_reduction_relative
        if information > 0 and np.any(enough := self._information(p, waiting, rival) >= information):
            reduction = np.where(enough, reduction, -np.inf)
        top = int(reduction.argmax())
        best = LargestReduction(float(p[top]), float(reduction[top]))
        if not np.isfinite(reduction[max(top - 1, 0) : top + 2]).all():
            return best
        first = max(int(np.searchsorted(places, p[top], side="left")) - 1, 0)
        last = min(int(np.searchsorted(places, p[top], side="right")), len(places) - 1)
        for low, high in self._pieces(float(places[first]), float(places[last])):
            found = self._sharpened(low, high, visibility, against)
            if found.waiting_time_reduction_relative > best.waiting_time_reduction_relative:
                best = found
        return best

    def _sharpened(self, low: float, high: float, visibility: float, against: Against) -> LargestReduction:
        """The largest reduction between two p, from games at multipliers that lie ever closer around the best."""
        best = LargestReduction(low, -math.inf)
        steep, flat = (
            self.in_use.multiplier_at(float(np.clip(_ideal(p, 0.5, visibility), 0.0, 1.0))) for p in (low, high)
        )
        # Slightly further, so that both ends of a straight piece are among them.
        multipliers = np.linspace(steep + _BEYOND * abs(steep), flat - _BEYOND * abs(flat), 2 * _EACH_SIDE)
        for _ in range(_ROUNDS):
            points = self.in_use.points_at(multipliers.tolist())
            p = _noisy(points.splitting_probability, 0.5, visibility)
            waiting = _noisy(points.waiting_time, self.workload.uncorrelated_waiting_time, visibility)
            reduction = self.advantage_at(p, waiting, against).waiting_time_reduction_relative
            top = int(reduction.argmax())
            if reduction[top] > best.waiting_time_reduction_relative:
                best = LargestReduction(float(p[top]), float(reduction[top]))
            # If several multipliers share one p, the frontier has a corner there, and the best may lie on either side.
            corner = np.flatnonzero(p == p[top])
            sides = (corner[0] - 1, corner[0]), (corner[-1], corner[-1] + 1)
            inside = [(left, right) for left, right in sides if left >= 0 and right < len(p)]
            if not inside:
                break
            closer = [np.linspace(multipliers[left], multipliers[right], _EACH_SIDE) for left, right in inside]
            multipliers = np.concatenate(closer)
        return best

    def _information(self, splitting_probability: Floats, waiting_time: Floats, rival: Frontier) -> Floats:
        """Nats per trial, KL(q‖ω), that a certificate gains at points (p, W) with the frontier's multiplier there."""
        edge = np.searchsorted(rival.splitting_probability, splitting_probability, side="right") - 1
        multiplier = rival.multipliers[np.clip(edge, 0, len(rival.multipliers) - 1)]
        joint, weights = self.workload.joint, self.workload.weights
        scale = np.abs(weights - multiplier[:, None, None])
        total = np.maximum(np.einsum("xy,nxy->n", joint, scale) / 2, np.finfo(float).tiny)  # 0 where all weights are μ
        middle = self.workload.uncorrelated_waiting_time + multiplier / 2  # W + μp of outcomes that are not correlated
        line, own = (
            waiting + multiplier * splitting_probability
            for waiting in (rival.waiting_time_at(splitting_probability), waiting_time)
        )
        null, mean = (np.clip((1 + (middle - level) / total) / 2, 1e-12, 1 - 1e-12) for level in (line, own))
        divergence = mean * np.log(mean / null) + (1 - mean) * np.log((1 - mean) / (1 - null))
        return np.where(mean > null, divergence, 0.0)

    def operating_point(self, scenario: Scenario) -> OperatingPoint:
        """The operating point that the scenario's [experiment] asks for.

        Raises:
            ScenarioError: the target is out of reach, or no advantage exists to look for.
        """
        if scenario.experiment.bell_pairs != self.bell_pairs:
            return Frontiers(self.workload, self.bounds, scenario.experiment.bell_pairs).operating_point(scenario)
        target = scenario.experiment.operating_point
        visibility = scenario.experiment.assumed_visibility
        against = self.aim(scenario.experiment.against)
        if isinstance(target, OperatingTarget):
            strategy = self._targeted(target, visibility)
        else:
            needed = -_MARGIN * math.log(scenario.experiment.significance) / scenario.experiment.shots
            best = self.largest_reduction(visibility, against=against, information=needed)
            if not best.helps:
                against, best = "memoryless", self.largest_advantage(visibility, needed)
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
            certificate_multiplier=self.classical_multiplier(p, multiplier, against),
            against=against,
            assumed_visibility=visibility,
            strategy=strategy,
        )

    def classical_multiplier(
        self, splitting_probability: float, preferred: float, against: Against = "memoryless"
    ) -> float:
        """Slope of the rival's edge at p; at a vertex the slope nearest to `preferred` among those it supports."""
        rival = self.rival(against)
        vertices, slopes = rival.splitting_probability, rival.multipliers
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

    @cached_property
    def edge_games(self) -> list[BoundedGame]:
        """The game at the multiplier of each edge of the classical frontier."""
        games = [self.game(multiplier) for multiplier in self.classical.multipliers.tolist()]
        solve_together(games)
        return games

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
        yield from itertools.pairwise([low, *inside, high])


def _noisy(value: Number, middle: float, visibility: float) -> Number:
    """What white noise of that visibility makes of a noiseless p or W: it pulls towards the middle."""
    return middle + visibility * (value - middle)


def _ideal(value: Number, middle: float, visibility: float) -> Number:
    """The noiseless p or W of which white noise of that visibility makes `value`."""
    return middle + (value - middle) / visibility


def _within(name: str, value: float, reach: tuple[float, float], visibility: float) -> None:
    low, high = reach
    slack = 1e-9 * (high - low)
    if not low - slack <= value <= high + slack:
        raise ScenarioError(
            f"experiment.operating_point.{name} = {value:g} is out of reach: at visibility {visibility:g} "
            f"it lies between {low:.6g} and {high:.6g}"
        )
