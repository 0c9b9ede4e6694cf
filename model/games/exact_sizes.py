"""The routing game of routers that know exact sizes: bounds over all their strategies, not only those of bins.

For independent requests G = −½π(w−μ) has rank two also where sizes are continuous (MODEL §2, fact 1), with the pairs
(1, s) in place of the rows of `left` and `right`:

- Classical. The vectors ∫a(s)(1, s)dF, |a| ≤ 1, form a zonoid Z whose boundary are the thresholds. β_C is
  the largest value of the convex function h_A(core·z) over z ∈ Z_B, h_A(c) = ∫|c₀ + c₁s|dF the support function of Z_A.
  A polygon round Z_B, made of tangents at many thresholds, bounds it from above at its corners, thresholds from below.
- Quantum. Any positive λ(s), κ(t) give β_Q ≤ max(1, θ)·½(∫λ + ∫κ) (fact 2). Here λ is piecewise linear above |A + sB|,
  the optimum of a fine cut, and 1/λ, convex on each piece, is bounded by its chord: all integrals are partial moments.

Both bounds hold up to the rounding of these closed forms, which is added.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..queueing.service import Service
from ..queueing.workload import Workload
from .routing_game import routing_core
from .values.quantum_value import quantum_optimum
from .values.xor_game import Bound, XorGame

Floats = NDArray[np.float64]

# Cells of equal probability; in the upper tail sixty-four more for every halving of what is left.
_LEVELS = np.union1d(np.arange(1024) / 1024, 1 - 0.5 ** (np.arange(1, 2561) / 64))
_LEAST_CELL = 1e-7  # of the mean: nearer thresholds would lose their tangents' crossing to rounding
_ROUNDING = 1e-13  # relative, of the special functions and of the sums over cells
_LEAST_LENGTH = 1e-9  # of the largest λ's scale: keeps λ positive


@dataclass(frozen=True, eq=False)
class _Types:
    """A router that knows the type of its request: probabilities and mean service times, each shape (n,)."""

    probability: Floats
    means: Floats

    @property
    def mean(self) -> float:
        """E[s]."""
        return float(self.probability @ self.means)

    def support(self, normals: Floats) -> Floats:
        """h(c) = E|c₀ + c₁s| of each c, shape (k, 2) → (k,)."""
        return np.asarray(np.abs(normals[:, :1] + normals[:, 1:] * self.means) @ self.probability)

    def extreme(self, normal: Floats) -> Floats:
        """The point of Z farthest along a normal, shape (2,)."""
        signs = np.where(normal[0] + normal[1] * self.means >= 0, 1.0, -1.0)
        return np.asarray(signs @ self.cut())

    def corners(self) -> tuple[Floats, Floats, Floats]:
        """Half of the boundary of Z: points on it, corners of a polygon round it, (k, 2) each, and their rounding."""
        order = np.argsort(self.means, kind="stable")
        prefix = np.vstack([np.zeros(2), np.cumsum(self.cut()[order], axis=0)])
        points = prefix[-1] - 2 * prefix
        return points, points, np.zeros_like(points)

    def dominated(self, vectors: Floats) -> tuple[float, Floats]:
        """∫λ of a λ(s) ≥ |A + sB|, and a matrix above ∫(1, s)ᵀ(1, s)/λ, for vectors [A; B], shape (2, k)."""
        rows = np.column_stack([np.ones_like(self.means), self.means])
        length = _lengths(rows @ vectors, vectors, self.mean)
        return float(self.probability @ length), np.asarray(rows.T @ (rows * (self.probability / length)[:, None]))

    def cut(self) -> Floats:
        """(P(cell), E[s; cell]) of a fine cut, shape (k, 2); of types each is a cell."""
        return np.stack([self.probability, self.probability * self.means], axis=1)


class _Sizes:
    """A router that knows the size of its request: a continuous law, cut into cells at its quantiles."""

    def __init__(self, service: Service) -> None:
        self._service = service
        edges = np.unique(service.quantile(_LEVELS))
        kept = [float(edges[0])]
        for edge in edges[1:].tolist():
            if edge - kept[-1] > _LEAST_CELL * service.mean:
                kept.append(edge)
        self._edges = np.array(kept)
        ends = np.append(self._edges, np.inf)
        below = np.array([service.partial_moment(order, ends) for order in range(4)])
        below[:, 0] = 0.0
        self._moments = np.diff(below)  # of each cell, orders 0 to 3, shape (4, k)

    @property
    def mean(self) -> float:
        return self._service.mean

    def support(self, normals: Floats) -> Floats:
        constant, slope = normals.T
        with np.errstate(divide="ignore", invalid="ignore"):
            root = np.nan_to_num(-constant / slope, nan=0.0, posinf=0.0, neginf=0.0)
        inside = root > 0
        bent = np.abs(slope) * self._deviation(np.where(inside, root, 0.0))
        return np.asarray(np.where(inside, bent, np.abs(constant + slope * self.mean)))

    def extreme(self, normal: Floats) -> Floats:
        root = -normal[0] / normal[1] if normal[1] else 0.0
        below, work = (self._service.partial_moment(order, np.array(max(root, 0.0))) for order in (0, 1))
        sign = 1.0 if normal[1] > 0 or (normal[1] == 0 and normal[0] > 0) else -1.0
        return np.asarray(sign * np.array([1 - 2 * below, self.mean - 2 * work]))

    def _deviation(self, point: Floats) -> Floats:
        """E|s − point|."""
        below, work = (self._service.partial_moment(order, point) for order in (0, 1))
        return np.asarray(self.mean - 2 * work - point * (1 - 2 * below))

    def corners(self) -> tuple[Floats, Floats, Floats]:
        edges = self._edges
        below, work = (self._service.partial_moment(order, edges) for order in (0, 1))
        inner = np.column_stack([1 - 2 * below, self.mean - 2 * work])
        # The tangent at threshold t is y − t·x = E|s − t|; neighbours cross at x = −ΔE|s − t|/Δt.
        height = self._deviation(edges)
        width = np.diff(edges)
        x = -np.diff(height) / width
        crossings = np.column_stack([x, height[:-1] + edges[:-1] * x])
        first, last = np.array([[1.0, self.mean]]), np.array([[-1.0, height[-1] - edges[-1]], [-1.0, -self.mean]])
        error = _ROUNDING * (height[1:] + edges[1:]) / width
        errors = np.zeros((len(crossings) + 3, 2))
        errors[1:-2] = np.column_stack([error, edges[1:] * error])
        return np.vstack([first, inner, last[1:]]), np.vstack([first, crossings, last]), errors

    def dominated(self, vectors: Floats) -> tuple[float, Floats]:
        rows = np.column_stack([np.ones_like(self._edges), self._edges])
        length = _lengths(rows @ vectors, vectors, self.mean)
        width = np.diff(self._edges)
        # On a cell λ is the chord of its ends; past the last edge it grows as fast as |A + sB| can.
        slope = np.append(np.diff(length) / width, float(np.linalg.norm(vectors[1])))
        total = float((length - slope * self._edges) @ self._moments[0] + slope @ self._moments[1])
        falling = np.append(np.diff(1 / length) / width, 0.0)
        constant = 1 / length - falling * self._edges
        zeroth, first, second = (constant @ self._moments[n] + falling @ self._moments[n + 1] for n in range(3))
        return total, np.array([[zeroth, first], [first, second]])

    def cut(self) -> Floats:
        held = self._moments[0] > 0
        return np.asarray(self._moments[:2, held].T)


class ContinuousGame:
    """The games of a workload with known sizes at one router or both.

    Args:
        workload: The queueing model: independent requests, and at least one router that knows sizes.
    """

    def __init__(self, workload: Workload) -> None:
        self._workload = workload
        self._a = _law(workload.sizes_a, workload.marginal_a, workload.mean_a)
        self._b = _law(workload.sizes_b, workload.marginal_b, workload.mean_b)
        self._inner, self._outer, self._errors = self._b.corners()

    def classical_bound(self, multiplier: float) -> Bound:
        """The interval holding β_C at μ over all strategies that know the sizes."""
        core = self._core(multiplier)
        low = float(self._a.support(self._inner @ core.T).max())
        reach = np.abs(core[0]) + np.abs(core[1]) * self._a.mean  # how much h_A can change with z
        high = float((self._a.support(self._outer @ core.T) + self._errors @ reach).max())
        slack = _ROUNDING * self._magnitude(core)
        return Bound(low - slack, max(low, high) + slack, "threshold on the exact size")

    def best_threshold(self, multiplier: float) -> tuple[float, float]:
        """p and E[w c] of the best pair of thresholds found at μ: W = (W0 + W_together + E[w c]) / 2."""
        core = self._core(multiplier)
        normals = self._inner @ core.T
        at = int(self._a.support(normals).argmax())
        a, b = self._a.extreme(normals[at]), self._inner[at]
        return float(1 - a[0] * b[0]) / 2, float(-2 * a @ self._core(0.0) @ b)

    def quantum_high(self, multiplier: float) -> float:
        """An upper bound on β_Q at μ over all strategies that know the sizes."""
        core = self._core(multiplier)
        left, right = self._a.cut(), self._b.cut()
        best = quantum_optimum(XorGame.of_factors(left, core, right))
        total_a, inner_a = self._a.dominated(core @ (right.T @ best.v))
        total_b, inner_b = self._b.dominated(core.T @ (left.T @ best.u))
        root_a, root_b = _root(inner_a), _root(inner_b)
        theta = float(np.linalg.norm(root_a.T @ core @ root_b, 2))
        theta += _ROUNDING * float(np.linalg.norm(root_a) * np.linalg.norm(core) * np.linalg.norm(root_b))
        bound = max(1.0, theta) * (total_a + total_b) / 2 + _ROUNDING * self._magnitude(core)
        return max(bound, best.bound.low)

    def _core(self, multiplier: float) -> Floats:
        return routing_core(self._workload, multiplier)

    def _magnitude(self, core: Floats) -> float:
        return float(np.array([1.0, self._a.mean]) @ np.abs(core) @ np.array([1.0, self._b.mean])) * 100


def _law(sizes: Service | None, probability: Floats, means: Floats) -> _Types | _Sizes:
    return _Types(probability, means) if sizes is None else _Sizes(sizes)


def _root(inner: Floats) -> Floats:
    """L of a matrix L Lᵀ that is no smaller than the one given, rounding included, shape (2, 2)."""
    return np.asarray(np.linalg.cholesky(inner + _ROUNDING * float(np.trace(inner)) * np.eye(2)))


def _lengths(rows: Floats, vectors: Floats, mean: float) -> Floats:
    """|A + sB| of each row, raised where it vanishes: any positive λ will do."""
    scale = float(np.linalg.norm(vectors[0]) + mean * np.linalg.norm(vectors[1]))
    return np.asarray(np.maximum(np.linalg.norm(rows, axis=1), _LEAST_LENGTH * scale))
