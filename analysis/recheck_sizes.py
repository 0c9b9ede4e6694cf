"""Moments of continuous sizes cut into bins of equal probability, by quadrature of their densities.

The integrals are taken over t = ln s, where the logarithms of all integrands s^k f(s)·s are smooth and concave: each is
cut where it has fallen by e^80 from its largest value in the bin.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import gamma, lognorm

from ..model.errors import DataError

Floats = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(40)
_PANELS = 64  # pieces that each range of ln s is cut into
_LEFT_OUT = 80.0
_MASS_TOLERANCE = 1e-9
_SMALLEST = -700.0  # ln of the smallest size that a double holds to full precision


@dataclass(frozen=True, eq=False)
class _Sizes:
    """A distribution by its density and its quantiles.

    Attributes:
        log_density: ln(s f(s)) at t = ln s.
        mode: Where ln(s f(s)) + k t is largest, by k.
        quantile: ln of the size below which that share lies.
    """

    log_density: Callable[[Floats], Floats]
    mode: Callable[[int], float]
    quantile: Callable[[Floats], Floats]


def bin_moments(kind: str, mean: float, variation: float, bins: int) -> list[tuple[float, float]]:
    """E[S | bin] and E[S² | bin] of each of `bins` bins of probability 1/bins.

    Args:
        kind: exponential, gamma or lognormal.
        mean: Of the whole distribution.
        variation: Its squared coefficient of variation.
        bins: How many.

    Raises:
        DataError: the quadrature does not find the bins' probability again.
    """
    sizes = _lognormal(mean, variation) if kind == "lognormal" else _gamma(mean, variation)
    edges = [-math.inf, *sizes.quantile(np.arange(1, bins) / bins).tolist(), math.inf]
    found = []
    for low, high in itertools.pairwise(edges):
        if high <= _SMALLEST:  # all of the bin's sizes are as good as 0
            found.append((0.0, 0.0))
            continue
        mass, first, second = (_integral(sizes, order, low, high) for order in (0, 1, 2))
        if low not in (-math.inf, _SMALLEST) and abs(mass * bins - 1) > _MASS_TOLERANCE:
            raise DataError(f"sizes: a bin of probability {1 / bins:g} has {mass:.12g} by quadrature")
        found.append((first * bins, second * bins))
    return found


def _lognormal(mean: float, variation: float) -> _Sizes:
    deviation = math.sqrt(math.log1p(variation))
    centre = math.log(mean) - deviation**2 / 2
    constant = math.log(deviation) + math.log(2 * math.pi) / 2
    return _Sizes(
        lambda logs: -(((logs - centre) / deviation) ** 2) / 2 - constant,
        lambda order: centre + order * deviation**2,
        lambda shares: np.log(lognorm.ppf(shares, deviation, scale=math.exp(centre))),
    )


def _gamma(mean: float, variation: float) -> _Sizes:
    shape, scale = 1 / variation, mean * variation
    constant = math.lgamma(shape) + shape * math.log(scale)
    return _Sizes(
        lambda logs: shape * logs - np.exp(logs) / scale - constant,
        lambda order: math.log(scale * (shape + order)),
        lambda shares: np.log(np.maximum(gamma.ppf(shares, shape, scale=scale), math.exp(_SMALLEST))),
    )


def _integral(sizes: _Sizes, order: int, low: float, high: float) -> float:
    """∫ s^order f(s) ds between e^low and e^high, by composite Gauss–Legendre over ln s."""

    def integrand(logs: Floats) -> Floats:
        return sizes.log_density(logs) + order * logs

    top = min(max(sizes.mode(order), low), high)
    floor = float(integrand(np.array(top))) - _LEFT_OUT
    start, stop = (_cut(integrand, top, end, floor) for end in (low, high))
    cuts = np.linspace(start, stop, _PANELS + 1)
    half = (cuts[1:] - cuts[:-1])[:, None] / 2
    logs = (cuts[1:] + cuts[:-1])[:, None] / 2 + half * _NODES
    return float((half * _WEIGHTS * np.exp(integrand(logs))).sum())


def _cut(integrand: Callable[[Floats], Floats], top: float, end: float, floor: float) -> float:
    """Where, on the way from `top` to `end`, the integrand's logarithm falls to `floor`; `end` if it never does."""
    step, sign = 1e-3, 1.0 if end > top else -1.0
    while abs(end - top) > step and float(integrand(np.array(top + sign * step))) > floor:
        step *= 2
    return top + sign * min(step, abs(end - top))
