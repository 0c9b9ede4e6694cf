"""The classical frontier W(p): strategies that reach it from above, supporting lines that prove it from below.

Every game solved at a multiplier μ proves a line, W ≥ W0 + E[w] − const − β − μp with β an upper bound on β_C; the
upper envelope of the lines is the *proved* frontier. If all bounds are as narrow as rounding, it meets the strategies
found, and the frontier is exact; if branch and bound had to stop earlier, it is what a certificate may rely on.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..queueing.workload import Workload
from ..scenario.bounds import BoundsSpec
from .binning import binning_error, widened
from .chords import SAME, ChordSearch, Vertex, envelope
from .exact_sizes import ContinuousGame
from .frontier import Frontier, StrategyFrontier
from .routing_game import RoutingGame
from .values.classical_value import classical_optimum, is_quick
from .values.xor_game import CLOSED_GAP, ROUNDING, Bound

Floats = NDArray[np.float64]

_SHARE = 0.25  # of the time that is left, for one game of branch and bound
_SIZES_GAP = 1e-5  # share of W at which a frontier over continuous sizes is fine enough
_SIZES_LINES = 256  # and the lines that it may take
_STEEPER = 16.0  # times the largest bin's weight: the multiplier of the first line where sizes have no bound


@dataclass(frozen=True, eq=False)
class ClassicalFrontier(Frontier):
    """A proved lower bound on every classical strategy's W(p); exact where `gap` is 0.

    Attributes:
        achieved: What the strategies found reach; the frontier itself where it is exact.
        strategies: Those of them that are tables over types, or over bins of sizes if a router knows these.
        floor: The envelope of all lines proved, rounding included: at most the frontier itself.
        bounds: The interval holding β_C at each multiplier solved.
        gap: The largest difference between `achieved` and the frontier, as a share of W; 0 where it is exact.
        method: How the bounds were proved.
    """

    achieved: Frontier
    strategies: StrategyFrontier
    floor: Frontier
    bounds: Mapping[float, Bound]
    gap: float
    method: str

    @property
    def exact(self) -> bool:
        """Whether the strategies found are proved optimal, up to rounding."""
        return self.gap == 0


def classical_frontier(workload: Workload, bounds: BoundsSpec | None = None) -> ClassicalFrontier:
    """The frontier of all memoryless, label-symmetric classical strategies, as far as it can be proved.

    Args:
        workload: The queueing model.
        bounds: When to stop where the proof takes branch and bound.
    """
    tables = _TypesSearch(workload, bounds or BoundsSpec()).frontier()
    if not workload.knows_sizes:
        return tables
    return _over_sizes(workload, tables) if workload.rank_two else _around_bins(workload, tables)


def interpolated_bound(game: RoutingGame, frontier: ClassicalFrontier) -> Bound:
    """The interval holding β_C at a multiplier that was not solved, from the strategies and lines around it."""
    top, multiplier = game.line(0.0), game.multiplier
    low, high = top - frontier.achieved.least(multiplier), top - frontier.floor.least(multiplier)
    rounding = ROUNDING * sum(game.workload.shape) * (abs(top) + game.workload.together_waiting_time)
    return Bound(min(low, high) - rounding, high + rounding, f"between solved multipliers; {frontier.method}")


class _TypesSearch:
    """The search over tables a(x), b(y)."""

    def __init__(self, workload: Workload, bounds: BoundsSpec) -> None:
        self._workload = workload
        # If a game takes no time to solve, nothing is left unproved.
        self._relative_gap = 0.0 if is_quick(RoutingGame(workload, 0.0).xor) else bounds.relative_gap
        self._deadline = time.monotonic() + bounds.time_limit
        self._bounds: dict[float, Bound] = {}
        self._closed = True

    def frontier(self) -> ClassicalFrontier:
        """Solve chords until all are edges, the gap is small enough, or time is up."""
        workload = self._workload
        weights = workload.weights[workload.joint > 0]
        together, split = workload.together_waiting_time, workload.all_split_waiting_time
        ones = [np.ones(count) for count in workload.shape]
        # With μ ≥ every w all of G is ≥ 0 and keeping every pair together is best; with μ ≤ every w, splitting it.
        steep, flat = float(weights.max()), float(weights.min())
        first = Vertex(0.0, together, steep, together, (ones[0], ones[1]))
        last = Vertex(1.0, split, flat, split + flat, (ones[0], -ones[1]))
        search = ChordSearch(first, last, self._solve)
        while search.gap > max(self._relative_gap, SAME) and time.monotonic() < self._deadline:
            search.advance()
        closed = self._closed and search.gap <= SAME
        vertices = search.hull()
        p, waiting = np.array([vertex.point for vertex in vertices]).T
        achieved = StrategyFrontier(p, waiting, lambda point: np.outer(*vertices[point].strategy))
        floor = _envelope(search.lines)
        proved: Frontier = achieved if closed else floor
        methods = dict.fromkeys(bound.method.split(",")[0] for bound in self._bounds.values())
        return ClassicalFrontier(
            proved.splitting_probability,
            proved.waiting_time,
            achieved=achieved,
            strategies=achieved,
            floor=floor,
            bounds=self._bounds,
            gap=0.0 if closed else _gap(floor, achieved),
            method=" and ".join(methods) or "its ends alone",
        )

    def _solve(self, multiplier: float, waiting_time: float) -> Vertex[tuple[Floats, Floats]]:
        workload = self._workload
        game = RoutingGame(workload, multiplier)
        # At most half the gap that W may have, β_C being at most Σ|G|.
        gap = max(CLOSED_GAP, self._relative_gap * waiting_time / (2 * float(game.xor.row_sums.sum())))
        remaining = self._deadline - time.monotonic()
        best = classical_optimum(game.xor, gap=gap, seconds=max(_SHARE * remaining, min(remaining, 1.0), 0.0))
        self._bounds[multiplier] = best.bound
        scale = workload.together_waiting_time
        width = best.bound.high - best.bound.low
        self._closed &= width <= 4 * CLOSED_GAP * abs(best.bound.high) + SAME * scale
        split = (1 - best.correlators) / 2
        point = workload.splitting_probability(split), workload.waiting_time(split)
        return Vertex(*point, multiplier, game.line(best.bound.high), (best.a, best.b))


def _over_sizes(workload: Workload, tables: ClassicalFrontier) -> ClassicalFrontier:
    """The frontier of routers that know the sizes themselves; `tables` knows only their bins."""
    sizes = ContinuousGame(workload)
    bounds: dict[float, Bound] = {}
    together, split = workload.together_waiting_time, workload.all_split_waiting_time

    def intercept(multiplier: float) -> float:
        bounds[multiplier] = sizes.classical_bound(multiplier)
        return RoutingGame(workload, multiplier).line(bounds[multiplier].high)

    def solve(multiplier: float, _: float) -> Vertex[None]:
        p, product = sizes.best_threshold(multiplier)
        return Vertex(p, (split + together + product) / 2, multiplier, intercept(multiplier), None)

    steep, flat = _STEEPER * float(workload.weights.max()), 0.0
    first = Vertex(0.0, together, steep, intercept(steep), None)
    search = ChordSearch(first, Vertex(1.0, split, flat, split, None), solve, _SIZES_GAP / 10)
    while search.gap > _SIZES_GAP and len(search.lines) < _SIZES_LINES:
        search.advance()
    achieved = Frontier(*np.array([vertex.point for vertex in search.hull()]).T)
    return _from_below(tables, _envelope(search.lines), achieved, bounds, "threshold on the exact size")


def _around_bins(workload: Workload, tables: ClassicalFrontier) -> ClassicalFrontier:
    """The frontier of routers that know the sizes themselves, from that of their bins and the error of these.

    No memoryless routers wait less than W0, which is all that bins prove if they are too coarse.
    """
    error, split = binning_error(workload), workload.all_split_waiting_time
    floor = _at_least(tables.floor.splitting_probability, tables.floor.waiting_time - error, split)

    def widest(multiplier: float, bound: Bound) -> Bound:
        most = RoutingGame(workload, multiplier).line(split)
        wide = widened(bound, error)
        return replace(wide, high=max(min(wide.high, most * (1 + ROUNDING)), wide.low))

    bounds = {multiplier: widest(multiplier, bound) for multiplier, bound in tables.bounds.items()}
    return _from_below(tables, floor, tables.achieved, bounds, f"{tables.method} over bins, and their error")


def _from_below(
    tables: ClassicalFrontier, floor: Frontier, achieved: Frontier, bounds: Mapping[float, Bound], method: str
) -> ClassicalFrontier:
    """The frontier of routers that know sizes, of which the lines proved are all that is certain."""
    return replace(
        tables,
        splitting_probability=floor.splitting_probability,
        waiting_time=floor.waiting_time,
        achieved=achieved,
        floor=floor,
        bounds=bounds,
        gap=_gap(floor, achieved),
        method=method,
    )


def _envelope(lines: Mapping[float, float]) -> Frontier:
    return Frontier(*envelope(np.array(list(lines)), np.array(list(lines.values()))))


def _at_least(splitting_probability: Floats, waiting_time: Floats, least: float) -> Frontier:
    """A falling convex frontier nowhere below a level."""
    under = np.flatnonzero(waiting_time < least)
    if under.size == 0:
        return Frontier(splitting_probability, waiting_time)
    first = int(under[0])
    if first == 0:
        return Frontier(np.array([0.0, 1.0]), np.full(2, least))
    (p0, p1), (w0, w1) = splitting_probability[first - 1 : first + 1], waiting_time[first - 1 : first + 1]
    crossing = p0 + (p1 - p0) * (w0 - least) / (w0 - w1)
    return Frontier(
        np.concatenate([splitting_probability[:first], [crossing], [1.0] if crossing < 1 else []]),
        np.concatenate([waiting_time[:first], [least], [least] if crossing < 1 else []]),
    )


def _gap(proved: Frontier, achieved: Frontier) -> float:
    """The largest difference between the two, as a share of W; both are linear between their points."""
    p = np.union1d(proved.splitting_probability, achieved.splitting_probability)
    return max(float((1 - proved.waiting_time_at(p) / achieved.waiting_time_at(p)).max()), 0.0)
