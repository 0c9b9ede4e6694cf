"""A fixed mixture of stakes: the test of whole shots of several pairs, and limits that hold at any time (MODEL §4).

A bet with odds κ > 0 multiplies its stake by (1+κU)/(1+κm) at every trial. If U in [0, 1] has conditional mean at most
m, whatever the device remembers, the stake is a supermartingale, and so is a fixed mixture of stakes over several κ; by
Ville's inequality it ever reaches 1/α with probability at most α. Its value does not depend on the order of the trials
so far. For U that is 0 or 1 it is the likelihood ratio of odds 1+κ times larger; for other U it gains from a smaller
variance. It falls as m rises, so that inverting it gives limits.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

Floats = NDArray[np.float64]

_CHUNK = 512  # trials whose stakes are held at once: they stay in the processor's cache
_DISTINCT = 64  # values of U up to which the largest wealth is found by counting them
# The mixture serves any mean of U: even steps of ln ln(1+κ), thickest at ln(1+κ) = ¼, heavy tails on both sides.
_TILTS = 2.0 ** (np.arange(-30, 10) / 3)  # ln(1+κ) from 0.001 to 8, a third of an octave apart
_SHARES = 1 / (1 + (np.log2(_TILTS / 0.25) / 2.0) ** 2)  # half as thick two octaves from the middle
ODDS: Floats = np.expm1(_TILTS)  # κ of each bet, shape (k,)
LOG_SHARES: Floats = np.log(_SHARES / _SHARES.sum())  # ln of the share of the stake put on it


def growth(values: Floats) -> Floats:
    """ln(1+κU) of each bet at each value of U, shape (k, n)."""
    return np.asarray(np.log1p(np.outer(ODDS, values)))


def log_mixture(grown: Floats, trials: int, mean: float) -> float:
    """ln of the mixture after N trials if the mean of U is `mean`.

    Args:
        grown: Σ ln(1+κU_i) of each bet, shape (k,).
        trials: N.
        mean: m in [0, 1].
    """
    stakes = LOG_SHARES + grown - trials * np.log1p(ODDS * mean)
    top = float(stakes.max())
    return top + math.log(float(np.exp(stakes - top).sum()))


def lower_limit_at_any_time(grown: Floats, trials: int, log_significance: float) -> float:
    """The least mean of U whose mixture is below 1/α after N trials (arguments as in `log_mixture`)."""

    def excess(mean: float) -> float:
        return log_mixture(grown, trials, mean) + log_significance

    if excess(0.0) <= 0:
        return 0.0
    return max(0.0, float(brentq(excess, 0.0, 1.0, xtol=1e-13)) - 1e-12)


def log_wealth(scores: Floats, mean: ArrayLike, grown: Floats | None = None, trials: int = 0) -> Floats:
    """ln of the mixture after each trial, shape (N,).

    Args:
        scores: U_i in [0, 1], shape (N,).
        mean: m in [0, 1]: a constant, or the average of the conditional means up to each trial, shape (N,).
        grown: Σ ln(1+κU) of each bet over earlier trials, shape (k,); updated in place.
        trials: The number of earlier trials.
    """
    grown = np.zeros(len(ODDS)) if grown is None else grown
    means = np.atleast_1d(np.asarray(mean, dtype=float))
    wealth = np.empty(len(scores))
    for start in range(0, len(scores), _CHUNK):
        part = slice(start, min(start + _CHUNK, len(scores)))
        values, place = np.unique(scores[part], return_inverse=True)
        path = growth(values)[:, place]
        path[:, 0] += grown
        path = np.add.accumulate(path, axis=1)  # in order, so that it does not matter how the trials are cut
        grown[:] = path[:, -1]
        count = np.arange(trials + part.start + 1, trials + part.stop + 1)
        stakes = LOG_SHARES[:, None] + path - count * growth(means if means.size == 1 else means[part])
        wealth[part] = _mixture(stakes)
    return wealth


def largest_log_wealth(values: Floats, place: NDArray[np.integer], mean: float, lost: int = 0) -> float:
    """The largest `log_wealth` over all trials, found without going through them one by one.

    Where U takes few values, their counts up to the ends of short blocks give the wealth there and bound it inside: no
    stake rises above what it would be if of its block only those trials came that raise it. Only blocks whose bound
    exceeds the largest wealth known are gone through.

    Args:
        values: Values that U may take, in [0, 1], shape (m,).
        place: Index into `values` of each trial's U, in the order of execution, shape (N,), N ≥ 1.
        mean: m, constant.
        lost: Trials without an outcome; they are taken to come first.
    """
    values, merged = np.unique(values, return_inverse=True)
    place = merged.astype(np.min_scalar_type(len(values))).take(place)
    if len(values) > _DISTINCT:
        return float(log_wealth(values.take(place), mean, trials=lost).max())
    starts = np.arange(0, len(place), _CHUNK)
    within = np.stack([np.add.reduceat(place == index, starts, dtype=np.int64) for index in range(len(values))])
    after = np.cumsum(within, axis=1)
    before = after - within
    per_value, per_trial = growth(values), growth(np.array([mean]))
    stakes = LOG_SHARES[:, None] + per_value @ before - (lost + starts) * per_trial
    ends = stakes + per_value @ within - within.sum(axis=0) * per_trial
    bounds = _mixture(stakes + np.maximum(per_value - per_trial, 0.0) @ within)
    largest = float(_mixture(ends).max())
    for block in np.argsort(-bounds, kind="stable").tolist():
        if bounds[block] <= largest:
            break
        start = int(starts[block])
        inside = log_wealth(
            values.take(place[start : start + _CHUNK]), mean, per_value @ before[:, block], lost + start
        )
        largest = max(largest, float(inside.max()))
    return largest


def _mixture(stakes: Floats) -> Floats:
    """ln of the sum of stakes given by their logarithms, bet by bet; shapes (k, n) and (n,)."""
    top = stakes.max(axis=0)
    total = np.zeros_like(top)
    for stake in stakes:  # in order, so that it does not matter how many trials are summed at once
        total += np.exp(stake - top)
    return np.asarray(top + np.log(total))
