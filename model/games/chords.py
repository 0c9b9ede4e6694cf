"""A convex frontier W(p) between points that are reached and lines that are proved, by solving at the slopes of chords.

Between two points known the problem is solved at the multiplier of their chord: the answer is a supporting line and a
point on it (or near it). A point below the chord is a further vertex; without one the chord is an edge. The chord that
lies farthest above what is proved comes first, so that the search may stop at any time with the gap it has.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Kind = TypeVar("Kind")

SAME = 1e-12  # relative difference in W or p below which two points count as one


@dataclass(frozen=True, eq=False)
class Vertex(Generic[Kind]):
    """A point (p, W) reached by a strategy, and the line W ≥ intercept − μp proved where it was found."""

    splitting_probability: float
    waiting_time: float
    multiplier: float
    intercept: float
    strategy: Kind

    @property
    def point(self) -> tuple[float, float]:
        """(p, W)."""
        return self.splitting_probability, self.waiting_time


class ChordSearch(Generic[Kind]):
    """Vertices and lines known so far, and the chords that are not solved yet, the widest gap first.

    Args:
        first, last: Vertices at p = 0 and p = 1.
        solve: From a multiplier and the W at the chord's right end to a vertex.
        resolution: The share of W by which a point must lie below a chord to count as a vertex.
    """

    def __init__(
        self,
        first: Vertex[Kind],
        last: Vertex[Kind],
        solve: Callable[[float, float], Vertex[Kind]],
        resolution: float = SAME,
    ) -> None:
        self.vertices = [first, last]
        self.lines = {vertex.multiplier: vertex.intercept for vertex in self.vertices}
        self._solve = solve
        self._least = resolution * first.waiting_time
        self._serial = itertools.count()
        self._chords: list[tuple[float, int, Vertex[Kind], Vertex[Kind]]] = []
        self._push(first, last)

    @property
    def gap(self) -> float:
        """The largest share of W between a chord that is not solved and the lines of its ends; 0 if all are."""
        return -self._chords[0][0] if self._chords else 0.0

    def advance(self) -> None:
        """Solve the chord of the widest gap."""
        _, _, left, right = heapq.heappop(self._chords)
        fall, run = left.waiting_time - right.waiting_time, right.splitting_probability - left.splitting_probability
        found = self._solve(fall / run, right.waiting_time)
        self.lines[found.multiplier] = found.intercept
        below = left.waiting_time - found.multiplier * (found.splitting_probability - left.splitting_probability)
        inside = found.splitting_probability > left.splitting_probability + SAME
        inside &= found.splitting_probability < right.splitting_probability - SAME
        if inside and below - found.waiting_time > self._least:
            self.vertices.append(found)
            self._push(left, found)
            self._push(found, right)

    def hull(self) -> list[Vertex[Kind]]:
        """The vertices on their lower convex hull, p rising."""
        kept: list[Vertex[Kind]] = []
        for vertex in sorted(self.vertices, key=lambda each: each.point):
            while len(kept) > 1 and _above(kept[-2].point, kept[-1].point, vertex.point):
                kept.pop()
            kept.append(vertex)
        return kept

    def _push(self, left: Vertex[Kind], right: Vertex[Kind]) -> None:
        """A chord, by the largest share of W that lies between it and the two lines of its ends."""
        # The chord lies farthest above the two lines where these cross.
        slopes = left.multiplier, right.multiplier
        crossing = right.splitting_probability
        if slopes[0] > slopes[1]:
            crossing = (left.intercept - right.intercept) / (slopes[0] - slopes[1])
        ends = left.splitting_probability, right.splitting_probability
        crossing = min(max(crossing, ends[0]), ends[1])
        share = (crossing - ends[0]) / (ends[1] - ends[0])
        chord = left.waiting_time + share * (right.waiting_time - left.waiting_time)
        proved = max(left.intercept - slopes[0] * crossing, right.intercept - slopes[1] * crossing)
        heapq.heappush(self._chords, (-(chord - proved) / chord, next(self._serial), left, right))


def envelope(multipliers: Floats, intercepts: Floats) -> tuple[Floats, Floats]:
    """The upper envelope over p in [0, 1] of the lines W = intercept − μp: p and W of its corners, both ends included.

    Args:
        multipliers: μ of each line, shape (k,), k ≥ 1.
        intercepts: Its W at p = 0, shape (k,).
    """
    order = np.lexsort((intercepts, -multipliers))  # steepest first: a later line takes over further right
    kept: list[tuple[float, float]] = []
    starts: list[float] = []  # where each kept line rises above the one before it
    for slope, top in zip(multipliers[order].tolist(), intercepts[order].tolist(), strict=True):
        crossing = 0.0
        while kept:
            steeper, other = kept[-1]
            crossing = (other - top) / (steeper - slope) if steeper > slope else 0.0
            if crossing > starts[-1]:
                break
            kept.pop()
            starts.pop()
            crossing = 0.0
        if crossing < 1:
            kept.append((slope, top))
            starts.append(crossing)
    p = np.array([*starts, 1.0])
    waiting = np.array([top - slope * at for (slope, top), at in zip([*kept, kept[-1]], p.tolist(), strict=True)])
    distinct = np.append(True, np.diff(p) > SAME)
    distinct[-1] = True
    distinct[-2] &= p[-1] - p[-2] > SAME
    return p[distinct], waiting[distinct]


def _above(left: tuple[float, float], middle: tuple[float, float], right: tuple[float, float]) -> bool:
    """Whether the middle point lies above the chord of the other two."""
    share = (middle[0] - left[0]) / (right[0] - left[0])
    return middle[1] > left[1] + share * (right[1] - left[1])
