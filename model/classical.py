"""The classical frontier W(p): strategies that reach it from above, supporting lines that prove it from below.

Every game solved at a multiplier μ proves a line, W ≥ W0 + E[w] − const − β − μp with β an upper bound on β_C; the
upper envelope of the lines is the *proved* frontier. Where all bounds are as narrow as rounding it meets the strategies
found, and the frontier is exact; where branch and bound had to stop earlier, it is what a certificate may rely on.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .frontier import Correlators, Frontier, StrategyFrontier, routing_constant, routing_game
from .game import CLOSED_GAP, Bound, ClassicalOptimum, classical_optimum, is_quick
from .limits import Limits
from .workload import Workload

Floats = NDArray[np.float64]

_SAME = 1e-12  # relative difference in W or p below which two points of the frontier count as one
_ROUNDING = 16 * np.finfo(float).eps  # slack per summed term
_ATTEMPTS = 4  # games of one frontier that share the time that is left


@dataclass(frozen=True, eq=False)
class ClassicalFrontier(Frontier):
    """A proved lower bound on every classical strategy's W(p); exact where `gap` is 0.

    Attributes:
        achieved: What the strategies found reach; the frontier itself where it is exact.
        floor: The envelope of all lines proved, rounding included: at most the frontier itself.
        bounds: The interval holding β_C at each multiplier solved.
        gap: The largest difference between `achieved` and the frontier, as a share of W; 0 where it is exact.
        method: How the bounds were proved.
    """

    achieved: StrategyFrontier
    floor: Frontier
    bounds: Mapping[float, Bound]
    gap: float
    method: str

    @property
    def exact(self) -> bool:
        """Whether the strategies found are proved optimal, up to rounding."""
        return self.gap == 0


def classical_frontier(workload: Workload, limits: Limits | None = None) -> ClassicalFrontier:
    """The frontier by solving the game at the multipliers of its chords.

    Between two known vertices the game is solved at the multiplier of their chord; where a strategy beats the chord
    it is a further vertex, else the chord is an edge. The chord above the widest unproved gap comes first.
    """
    search = _Search(workload, limits or Limits())
    search.run()
    return search.result()


def interpolated_bound(workload: Workload, frontier: ClassicalFrontier, multiplier: float) -> Bound:
    """The interval holding β_C at a multiplier that was not solved, from the strategies and lines around it."""
    top = workload.together_waiting_time - routing_constant(workload, multiplier)
    low, high = top - frontier.achieved.least(multiplier), top - frontier.floor.least(multiplier)
    rounding = _ROUNDING * sum(workload.shape) * (abs(top) + workload.together_waiting_time)
    return Bound(min(low, high) - rounding, high + rounding, f"between solved multipliers; {frontier.method}")


def envelope(multipliers: Floats, intercepts: Floats) -> Frontier:
    """The upper envelope over p in [0, 1] of the lines W = intercept − μp.

    Args:
        multipliers: μ of each line, shape (k,), k ≥ 1.
        intercepts: Its W at p = 0, shape (k,).
    """
    order = np.lexsort((intercepts, -multipliers))
    kept: list[tuple[float, float]] = []
    starts: list[float] = []  # where each kept line rises above the one before it
    for slope, top in zip(multipliers[order].tolist(), intercepts[order].tolist(), strict=True):
        while kept:
            steeper, other = kept[-1]
            crossing = (other - top) / (steeper - slope) if steeper > slope else -np.inf if top >= other else np.inf
            if crossing > starts[-1]:
                break
            kept.pop()
            starts.pop()
        else:
            crossing = 0.0
        if crossing < 1:
            kept.append((slope, top))
            starts.append(max(crossing, 0.0))
    p = np.array([*starts, 1.0])
    waiting = np.array([top - slope * at for (slope, top), at in zip([*kept, kept[-1]], p.tolist(), strict=True)])
    distinct = np.append(np.diff(p) > _SAME, True)
    distinct[0] = True
    return Frontier(p[distinct], waiting[distinct])


@dataclass(frozen=True, eq=False)
class _Vertex:
    """A strategy found, and the line proved where it was found."""

    splitting_probability: float
    waiting_time: float
    a: Floats
    b: Floats
    multiplier: float
    intercept: float


class _Search:
    """Vertices and lines known so far, and the chords whose game is not solved yet, the widest gap first."""

    def __init__(self, workload: Workload, limits: Limits) -> None:
        self.workload = workload
        # Where a game takes no time to solve, nothing is left unproved.
        self.relative_gap = 0.0 if is_quick(routing_game(workload, 0.0)) else limits.relative_gap
        self.scale = workload.together_waiting_time
        self.bounds: dict[float, Bound] = {}
        self.methods: dict[str, None] = {}
        self.unproved = False
        self.deadline = time.monotonic() + limits.seconds
        weights = workload.weights[workload.joint > 0]
        ones = [np.ones(count) for count in workload.shape]
        # With μ ≥ every w all of G is ≥ 0 and keeping every pair together is best; with μ ≤ every w, splitting it.
        steep, flat = float(weights.max()), float(weights.min())
        least = workload.unavoidable_waiting_time
        self.vertices = [_Vertex(0.0, self.scale, ones[0], ones[1], steep, self.scale)]
        self.vertices.append(_Vertex(1.0, least, ones[0], -ones[1], flat, least + flat))
        self.lines = {vertex.multiplier: vertex.intercept for vertex in self.vertices}
        self._chords: list[tuple[float, int, _Vertex, _Vertex]] = []
        self._serial = 0
        self._push(*self.vertices)

    def run(self) -> None:
        """Solve chords until all are edges, the gap is small enough, or time is up."""
        while self._chords:
            gap, _, left, right = heapq.heappop(self._chords)
            remaining = self.deadline - time.monotonic()
            if -gap <= max(self.relative_gap, _SAME) or remaining <= 0:
                self.unproved |= -gap > _SAME
                break
            self._solve(left, right, max(remaining / _ATTEMPTS, min(remaining, 1.0)))

    def _solve(self, left: _Vertex, right: _Vertex, seconds: float) -> None:
        workload = self.workload
        fall, run = left.waiting_time - right.waiting_time, right.splitting_probability - left.splitting_probability
        multiplier = fall / run
        game = routing_game(workload, multiplier)
        # At most half the gap that W may have, β_C being at most Σ|G|.
        gap = max(CLOSED_GAP, self.relative_gap * right.waiting_time / (2 * float(game.row_sums.sum())))
        best = classical_optimum(game, gap=gap, seconds=seconds)
        self.bounds[multiplier] = best.bound
        self.methods[best.bound.method.split(",")[0]] = None
        intercept = self.scale - routing_constant(workload, multiplier) - best.bound.high
        self.lines[multiplier] = intercept
        width = best.bound.high - best.bound.low
        self.unproved |= width > 4 * CLOSED_GAP * abs(best.bound.high) + _SAME * self.scale
        found = self._vertex(best, multiplier, intercept)
        below = left.waiting_time - multiplier * (found.splitting_probability - left.splitting_probability)
        inside = found.splitting_probability > left.splitting_probability + _SAME
        inside &= found.splitting_probability < right.splitting_probability - _SAME
        if inside and below - found.waiting_time > _SAME * self.scale:
            self.vertices.append(found)
            self._push(left, found)
            self._push(found, right)

    def _vertex(self, best: ClassicalOptimum, multiplier: float, intercept: float) -> _Vertex:
        split = (1 - best.correlators) / 2
        p, waiting = self.workload.splitting_probability(split), self.workload.waiting_time(split)
        return _Vertex(p, waiting, best.a, best.b, multiplier, intercept)

    def _push(self, left: _Vertex, right: _Vertex) -> None:
        """A chord, by the largest share of W that lies between it and the two lines of its ends."""
        slopes = left.multiplier, right.multiplier
        crossing = right.splitting_probability
        if slopes[0] > slopes[1]:
            crossing = (left.intercept - right.intercept) / (slopes[0] - slopes[1])
        ends = left.splitting_probability, right.splitting_probability
        crossing = min(max(crossing, ends[0]), ends[1])
        share = (crossing - ends[0]) / (ends[1] - ends[0])
        chord = left.waiting_time + share * (right.waiting_time - left.waiting_time)
        proved = max(left.intercept - slopes[0] * crossing, right.intercept - slopes[1] * crossing)
        self._serial += 1
        heapq.heappush(self._chords, (-(chord - proved) / chord, self._serial, left, right))

    def result(self) -> ClassicalFrontier:
        vertices = _lower_hull(self.vertices)
        p = np.array([vertex.splitting_probability for vertex in vertices])
        waiting = np.array([vertex.waiting_time for vertex in vertices])
        tables = Correlators(len(vertices), lambda point: np.outer(vertices[point].a, vertices[point].b))
        achieved = StrategyFrontier(p, waiting, tables)
        floor = envelope(np.array(list(self.lines)), np.array(list(self.lines.values())))
        shown: Frontier = floor if self.unproved else achieved
        both = np.union1d(shown.splitting_probability, p)
        gap = float((1 - shown.waiting_time_at(both) / achieved.waiting_time_at(both)).max()) if self.unproved else 0.0
        method = " and ".join(self.methods) or "every strategy is on one line"
        return ClassicalFrontier(
            shown.splitting_probability, shown.waiting_time, achieved, floor, self.bounds, max(gap, 0.0), method
        )


def _lower_hull(vertices: list[_Vertex]) -> list[_Vertex]:
    """The vertices on the lower convex hull, p rising; all of them where every game was solved exactly."""
    hull: list[_Vertex] = []
    for vertex in sorted(vertices, key=lambda each: (each.splitting_probability, each.waiting_time)):
        while len(hull) > 1 and _above(hull[-2], hull[-1], vertex):
            hull.pop()
        hull.append(vertex)
    return hull


def _above(left: _Vertex, middle: _Vertex, right: _Vertex) -> bool:
    """Whether the middle vertex lies above the chord of the other two."""
    width = right.splitting_probability - left.splitting_probability
    share = (middle.splitting_probability - left.splitting_probability) / width
    return middle.waiting_time > left.waiting_time + share * (right.waiting_time - left.waiting_time)
