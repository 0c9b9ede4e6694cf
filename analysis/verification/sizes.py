"""Continuous laws of sizes by quadrature of their densities: partial moments, and the moments of bins.

The integrals are taken over t = ln s, where the logarithms of all integrands s^k f(s)·s are smooth and concave: each is
cut where it has fallen by e^80 from its largest value.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.stats import gamma, lognorm

from ...model.errors import DataError

Floats = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(40)
_FEW_NODES, _FEW_WEIGHTS = np.polynomial.legendre.leggauss(16)
_PANELS = 64  # pieces that the range of ln s of a bin is cut into
_CELLS = 512  # and that of the whole law
_LEFT_OUT = 80.0
_MASS_TOLERANCE = 1e-9
_SMALLEST = -700.0  # ln of the smallest size that a double holds to full precision


@dataclass(frozen=True, eq=False)
class SizeLaw:
    """A law of sizes by its density and its quantiles.

    Attributes:
        mean: E[S].
        log_density: ln(s f(s)) at t = ln s.
        mode: Where ln(s f(s)) + k t is largest, by k.
        log_quantile: ln of the size below which that share lies.
    """

    mean: float
    log_density: Callable[[Floats], Floats]
    mode: Callable[[int], float]
    log_quantile: Callable[[Floats], Floats]

    @classmethod
    def of(cls, kind: str, mean: float, variation: float) -> SizeLaw:
        """A lognormal, exponential or gamma law with that squared coefficient of variation."""
        if kind == "lognormal":
            deviation = math.sqrt(math.log1p(variation))
            centre = math.log(mean) - deviation**2 / 2
            constant = math.log(deviation) + math.log(2 * math.pi) / 2
            return cls(
                mean,
                lambda logs: -(((logs - centre) / deviation) ** 2) / 2 - constant,
                lambda order: centre + order * deviation**2,
                lambda shares: np.log(lognorm.ppf(shares, deviation, scale=math.exp(centre))),
            )
        shape, scale = 1 / variation, mean * variation
        constant = math.lgamma(shape) + shape * math.log(scale)
        return cls(
            mean,
            lambda logs: shape * logs - np.exp(logs) / scale - constant,
            lambda order: math.log(scale * (shape + order)),
            lambda shares: np.log(np.maximum(gamma.ppf(shares, shape, scale=scale), math.exp(_SMALLEST))),
        )

    def edges(self, bins: int) -> list[float]:
        """ln of the ends of bins of equal probability."""
        return [-math.inf, *self.log_quantile(np.arange(1, bins) / bins).tolist(), math.inf]

    def bin_moments(self, bins: int) -> list[tuple[float, float]]:
        """E[S | bin] and E[S² | bin] of each of `bins` bins of probability 1/bins.

        Raises:
            DataError: the quadrature does not find the bins' probability again.
        """
        found = []
        for low, high in itertools.pairwise(self.edges(bins)):
            if high <= _SMALLEST:  # all of the bin's sizes are as good as 0
                found.append((0.0, 0.0))
                continue
            mass, first, second = (self._between(order, low, high) for order in (0, 1, 2))
            if low not in (-math.inf, _SMALLEST) and abs(mass * bins - 1) > _MASS_TOLERANCE:
                raise DataError(f"sizes: a bin of probability {1 / bins:g} has {mass:.12g} by quadrature")
            found.append((first * bins, second * bins))
        return found

    def above(self, logs: Floats) -> Floats:
        """P(S > e^t) and E[S; S > e^t] of each t, shape (k,) → (2, k)."""
        edges, totals = self._grid
        wanted = np.clip(logs, edges[0], edges[-1])
        right = np.clip(np.searchsorted(edges, wanted, side="left"), 1, len(edges) - 1)
        half = (edges[right] - wanted)[:, None] / 2
        nodes = (edges[right] + wanted)[:, None] / 2 + half * _FEW_NODES
        weights = half * _FEW_WEIGHTS * np.exp(self.log_density(nodes))
        pieces = np.array([weights.sum(axis=1), (weights * np.exp(nodes)).sum(axis=1)])
        return np.asarray(totals[:, right] + pieces)

    def deviation(self, points: Floats) -> Floats:
        """E|S − r| of each r ≥ 0."""
        with np.errstate(divide="ignore"):
            beyond, work = self.above(np.log(points))
        return np.asarray(2 * (work - points * beyond) - (self.mean - points))

    @cached_property
    def nodes(self) -> tuple[Floats, Floats]:
        """Sizes and probabilities of a quadrature of the whole law, each shape (n,); what underflows is of size 0."""
        edges, _ = self._grid
        half = (edges[1:] - edges[:-1])[:, None] / 2
        logs = ((edges[1:] + edges[:-1])[:, None] / 2 + half * _FEW_NODES).ravel()
        weights = (half * _FEW_WEIGHTS).ravel() * np.exp(self.log_density(logs))
        return np.append(0.0, np.exp(logs)), np.append(max(1 - weights.sum(), 0.0), weights)

    @cached_property
    def _grid(self) -> tuple[Floats, Floats]:
        """ln of cells over the whole law, and P and E[S] above each of their ends, shape (2, cells + 1)."""
        starts, stops = zip(*(self._range(order, -math.inf, math.inf) for order in (0, 1)), strict=True)
        edges = np.linspace(max(min(starts), _SMALLEST), max(stops), _CELLS + 1)
        cells = [[self._between(order, low, high, 1) for low, high in itertools.pairwise(edges)] for order in (0, 1)]
        above = np.cumsum(np.array(cells)[:, ::-1], axis=1)[:, ::-1]
        return edges, np.hstack([above, np.zeros((2, 1))])

    def _between(self, order: int, low: float, high: float, panels: int = _PANELS) -> float:
        """∫ s^order f(s) ds between e^low and e^high, by composite Gauss–Legendre over ln s."""
        nodes, weights = self.panels(order, low, high, panels)
        return float((weights * np.exp(order * nodes)).sum())

    def panels(self, order: int, low: float, high: float, panels: int = _PANELS) -> tuple[Floats, Floats]:
        """ln of sizes between two, with their probabilities, for integrals that s^order f(s) dominates."""
        cuts = np.linspace(*self._range(order, low, high), panels + 1)
        half = (cuts[1:] - cuts[:-1])[:, None] / 2
        logs = ((cuts[1:] + cuts[:-1])[:, None] / 2 + half * _NODES).ravel()
        return logs, (half * _WEIGHTS).ravel() * np.exp(self.log_density(logs))

    def _range(self, order: int, low: float, high: float) -> tuple[float, float]:
        """The part of [low, high] where s^order f(s)·s is within e^−80 of its largest value there."""
        top = min(max(self.mode(order), low), high)
        floor = float(self.log_density(np.array(top))) + order * top - _LEFT_OUT
        return self._fallen(order, top, low, floor), self._fallen(order, top, high, floor)

    def _fallen(self, order: int, top: float, end: float, floor: float) -> float:
        """Where, on the way from `top` to `end`, the integrand's logarithm is at `floor`; `end` if it never is."""
        step, sign = 1e-3, 1.0 if end > top else -1.0
        while abs(end - top) > step:
            at = top + sign * step
            if float(self.log_density(np.array(at))) + order * at <= floor:
                break
            step *= 2
        return top + sign * min(step, abs(end - top))
