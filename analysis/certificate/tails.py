"""Logarithmic tail bounds for sums of bounded variables, and the limit that inverts the binomial one.

Everything is in natural logarithms: p-values of 1e-1000 occur. Rounding always moves a tail upwards.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtrc, gammaln

_EPS = float(np.finfo(float).eps)
_CHUNK = 4096


def log_binomial_tail(trials: int, successes: int, probability: float) -> float:
    """ln P[Bin(N, ω) ≥ k], exact to rounding.

    Args:
        trials: N ≥ 0.
        successes: k, any integer.
        probability: ω in [0, 1].
    """
    if successes <= 0 or probability >= 1:
        return 0.0
    if successes > trials or probability <= 0:
        return -math.inf
    if successes > trials * probability:
        tail, rounding = _upper_series(trials, successes, probability)
        return min(0.0, tail + rounding)
    below, rounding = _upper_series(trials, trials - successes + 1, 1.0 - probability)
    return math.log1p(-math.exp(min(below - 2 * rounding, -rounding)))


def _upper_series(trials: int, first: int, probability: float) -> tuple[float, float]:
    """ln Σ_{j≥k} of the binomial law above its mean: first term times falling ratios; and its rounding error."""
    log_odds = math.log(probability) - math.log1p(-probability)
    factorials = gammaln(trials + 1), gammaln(first + 1), gammaln(trials - first + 1)
    log_first = float(factorials[0] - factorials[1] - factorials[2])
    log_first += first * math.log(probability) + (trials - first) * math.log1p(-probability)
    rounding = 8 * _EPS * (float(factorials[0]) + abs(first * math.log(probability)) + trials)
    total, log_term, start = 1.0, 0.0, first
    while start < trials:
        at = np.arange(start, min(start + _CHUNK, trials))
        terms = np.exp(log_term + np.cumsum(np.log((trials - at) / (at + 1.0)) + log_odds))
        total += float(terms.sum())
        start += len(at)
        last = float(terms[-1])
        if last == 0.0:
            break
        log_term = math.log(last)
        ratio = (trials - start) / (start + 1.0) * math.exp(log_odds)
        if ratio < 1 and last * ratio / (1 - ratio) < _EPS * total:
            total += last * ratio / (1 - ratio)
            break
    return log_first + math.log(total), rounding


def kullback_leibler(mean: float, probability: float) -> float:
    """KL(u‖ω) between Bernoulli laws, in nats."""
    if mean == probability:
        return 0.0
    if probability <= 0 or probability >= 1:
        return math.inf
    first = mean * math.log(mean / probability) if mean > 0 else 0.0
    second = (1 - mean) * (math.log1p(-mean) - math.log1p(-probability)) if mean < 1 else 0.0
    return max(0.0, first + second)


def log_chernoff_tail(trials: int, total: float, probability: float) -> float:
    """ln of the bound exp(−N·KL(ΣU/N‖ω)) on P[ΣU' ≥ ΣU], for U in [0, 1] of (conditional) mean at most ω.

    Holds for independent variables whose means average to at most ω (Hoeffding 1963) and for martingale differences.
    """
    mean = min(total / trials, 1.0) if trials else 0.0
    return 0.0 if mean <= probability else -trials * kullback_leibler(mean, probability) * (1 - 16 * _EPS)


def lower_limit(trials: int, successes: int, log_significance: float) -> float:
    """The least ω at which k successes of N are not refuted at α, in [0, 1] (Clopper and Pearson)."""
    if successes <= 0:
        return 0.0

    def excess(probability: float) -> float:
        return max(log_binomial_tail(trials, successes, probability), -1e300) - log_significance

    mean = successes / trials
    if excess(mean) <= 0:
        return mean
    lowest = 1e-300
    if excess(lowest) >= 0:
        return 0.0
    found = brentq(excess, lowest, mean, xtol=1e-15, rtol=8 * _EPS)
    return max(0.0, float(found) - 1e-12)


def log10_chi2_tail(statistic: float, freedom: int) -> float:
    """log₁₀ P[χ² ≥ statistic]; by its asymptotic leading term where the tail underflows; 0 without freedom."""
    if not freedom:
        return 0.0
    tail = float(chdtrc(freedom, statistic))
    if tail > 0:
        return min(0.0, math.log10(tail))
    half = statistic / 2
    return ((freedom / 2 - 1) * math.log(half) - half - math.lgamma(freedom / 2)) / math.log(10)
