"""The vertices of the classical frontier once more, in exact rational numbers (MODEL §2)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from .classical import Rationals, answers, by_means, classical_value, cut_sums, enumeration_steps
from .model import Matrix, Model

Floats = NDArray[np.float64]
Vertex = tuple[Fraction, Fraction]
Number = TypeVar("Number", float, Fraction)

MAX_STEPS = 2**21  # of each enumeration, dozens of which it takes where the types are correlated
MAX_CUTS = 2**17  # pairs of cuts where the types are independent
_NEAR = 1e-9  # of the largest waiting time: what rounding may hide of a vertex before exact numbers decide
_ROUNDING = Fraction(1, 10**12)  # of the largest waiting time: a vertex that stands out by less is none


@dataclass(frozen=True, eq=False)
class Hull:
    """A convex, falling, piecewise-linear frontier W(p).

    Attributes:
        p, waiting: Of its vertices, p rising from 0 to 1.
        method: How they were found, in words.
    """

    p: Floats
    waiting: Floats
    method: str

    @property
    def multipliers(self) -> list[float]:
        """−dW/dp of each edge."""
        return [float(slope) for slope in -np.diff(self.waiting) / np.diff(self.p)]

    def waiting_at(self, p: float) -> float:
        """W at p, for p within [0, 1]."""
        return float(np.interp(p, self.p, self.waiting))

    def p_at(self, waiting: float) -> float:
        """The least p whose W is at most that; 1 where none is."""
        return float(np.interp(waiting, self.waiting[::-1], self.p[::-1]))


def classical_hull(model: Model) -> Hull | None:
    """The classical frontier; None where routers know sizes, or there are too many types for these methods."""
    if model.knows_sizes:
        return None
    if model.product and (model.shape[0] + 1) * (model.shape[1] + 1) <= MAX_CUTS:
        vertices, method = _of_cuts(model), "lower hull of all pairs of cuts, in exact rationals"
    elif enumeration_steps(model.shape) <= MAX_STEPS:
        vertices, method = _of_chords(model), "best of all signings at the slope of each chord, in exact rationals"
    else:
        return None
    p, waiting = (np.array([float(vertex[axis]) for vertex in vertices]) for axis in (0, 1))
    return Hull(p, waiting, method)


def _point(model: Model, correlators: Matrix) -> Vertex:
    """p and W of deterministic correlators ±1."""
    rows, columns = model.shape
    split = [(x, y) for x in range(rows) for y in range(columns) if correlators[x][y] < 0]
    p = sum((model.joint[x][y] for x, y in split), Fraction(0))
    return p, model.together - sum((model.joint[x][y] * model.weights[x][y] for x, y in split), Fraction(0))


def _of_cuts(model: Model) -> list[Vertex]:
    """Lower hull of the points of all pairs of cuts, with either sign."""
    weighted = tuple(
        tuple(p * w for p, w in zip(shares, weights, strict=True))
        for shares, weights in zip(model.joint, model.weights, strict=True)
    )
    shares, saved = (cut_sums(by_means(matrix, model)).ravel() for matrix in (model.joint, weighted))
    middle = np.array((model.unavoidable + model.together) / 2, dtype=object)
    p = np.concatenate([(1 - shares) / 2, (1 + shares) / 2])
    waiting = np.concatenate([middle + saved / 2, middle - saved / 2])
    return _lower_hull(_promising(p, waiting), _ROUNDING * model.together)


def _promising(p: Rationals, waiting: Rationals) -> list[Vertex]:
    """The points that rounding cannot tell from the lower hull, each once."""
    rounded, height = p.astype(float), waiting.astype(float)
    order = np.lexsort((height, rounded))
    hull: list[tuple[float, float]] = []
    for point in zip(rounded[order].tolist(), height[order].tolist(), strict=True):
        if hull and hull[-1][0] == point[0]:
            continue
        while len(hull) > 1 and _turn(hull[-2], hull[-1], point) <= 0:
            hull.pop()
        hull.append(point)
    corners = np.array(hull)
    below = height <= np.interp(rounded, corners[:, 0], corners[:, 1]) + _NEAR * height.max()
    return sorted({(p[place], waiting[place]) for place in np.flatnonzero(below)})


def _lower_hull(points: list[Vertex], least: Fraction) -> list[Vertex]:
    """Lower hull of sorted points, without vertices that stand out of the chord of their neighbours by at most that."""
    hull: list[Vertex] = []
    for point in points:
        if hull and hull[-1][0] == point[0]:
            continue
        while len(hull) > 1 and _turn(hull[-2], hull[-1], point) <= least * (point[0] - hull[-2][0]):
            hull.pop()
        hull.append(point)
    return hull


def _turn(first: tuple[Number, Number], middle: tuple[Number, Number], last: tuple[Number, Number]) -> Number:
    """How far `middle` lies below the chord from first to last, times the chord's width."""
    width, height = last[0] - first[0], last[1] - first[1]
    return (middle[0] - first[0]) * height - (middle[1] - first[1]) * width


def _of_chords(model: Model) -> list[Vertex]:
    """Between two known vertices the game at the slope of their chord says whether a strategy lies below it."""
    known = {Fraction(0): model.together, Fraction(1): model.unavoidable}
    chords = [(Fraction(0), Fraction(1))]
    while chords:
        first, last = chords.pop()
        slope = (known[first] - known[last]) / (last - first)
        game, _ = model.game(slope)
        a = classical_value(model, slope, 0.0).signs
        b = answers(game, a)
        p, waiting = _point(model, tuple(tuple(Fraction(s * t) for t in b) for s in a))
        if known[first] - slope * (p - first) - waiting > _ROUNDING * model.together and first < p < last:
            known[p] = waiting
            chords += [(first, p), (p, last)]
    return sorted(known.items())
