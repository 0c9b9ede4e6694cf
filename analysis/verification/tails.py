"""Tails in decimal arithmetic of 40 digits, and the test martingale from its definition.

All are natural logarithms: p-values of 1e-1000 occur. The test martingale is a mixture of stakes: the bet with odds κ_j
begins with the share w_j and is multiplied by (1+κ_j U)/(1+κ_j ω) at every trial. Fixed before any data are
κ_j = exp(2^(j/3)) − 1 for j = −30…9, and w_j ∝ 1/(1 + (log₂(4 ln(1+κ_j))/2)²).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal, localcontext
from functools import lru_cache

DIGITS = 40
_NEGLIGIBLE = Decimal(10) ** -30  # of the sum so far: what is left out at the end of a series
_PI = Decimal("3.14159265358979323846264338327950288419716939937510")
# Coefficients B_2k/(2k(2k−1)) of Stirling's series, as numerators and denominators.
_STIRLING = ((1, 12), (-1, 360), (1, 1260), (-1, 1680), (1, 1188), (-691, 360360), (1, 156), (-3617, 122400))
_STIRLING_FROM = 2000  # n from which the terms above give 40 digits
_TILTS = tuple(2.0 ** (j / 3) for j in range(-30, 10))
ODDS = tuple(math.expm1(tilt) for tilt in _TILTS)
_RAW = tuple(1 / (1 + (math.log2(4 * tilt) / 2) ** 2) for tilt in _TILTS)
LOG_SHARES = tuple(math.log(raw / math.fsum(_RAW)) for raw in _RAW)


def log_binomial_tail(trials: int, successes: int, probability: float) -> float:
    """ln P[Bin(N, ω) ≥ k], summed term by term.

    Args:
        trials: N.
        successes: k.
        probability: ω.
    """
    if successes <= 0 or probability >= 1:
        return 0.0
    if successes > trials or probability <= 0:
        return -math.inf
    with localcontext() as context:
        context.prec = DIGITS
        omega = Decimal(probability)
        if successes > trials * probability:
            return float(_log_upper(trials, successes, omega))
        below = _log_upper(trials, trials - successes + 1, 1 - omega)  # P[fewer than k]
        return float((1 - below.exp()).ln())


def _log_upper(trials: int, first: int, omega: Decimal) -> Decimal:
    """ln Σ_{j≥k} of the law's terms, k above its mean, where each term is smaller than the one before."""
    log_first = _log_factorial(trials) - _log_factorial(first) - _log_factorial(trials - first)
    log_first += first * omega.ln() + (trials - first) * (1 - omega).ln()
    odds = omega / (1 - omega)
    total = term = Decimal(1)
    for j in range(first, trials):
        ratio = odds * (trials - j) / (j + 1)
        term *= ratio
        total += term
        if term <= _NEGLIGIBLE * total * (1 - ratio):
            break
    return log_first + total.ln()


@lru_cache(maxsize=256)
def _log_factorial(n: int) -> Decimal:
    """ln n! to DIGITS digits, by the product itself or by Stirling's series."""
    if n < _STIRLING_FROM:
        return Decimal(math.factorial(n)).ln()
    exact = Decimal(n)
    total = exact * exact.ln() - exact + (2 * _PI * exact).ln() / 2
    for power, (numerator, denominator) in enumerate(_STIRLING):
        total += Decimal(numerator) / (denominator * exact ** (2 * power + 1))
    return total


def kullback_leibler(mean: float, probability: float) -> float:
    """KL(u‖ω) = u ln(u/ω) + (1−u) ln((1−u)/(1−ω)), the differences being taken before any rounding."""
    with localcontext() as context:
        context.prec = DIGITS
        u, omega = Decimal(mean), Decimal(probability)
        total = Decimal(0)
        if u > 0:
            total += u * (u / omega).ln()
        if u < 1:
            total += (1 - u) * ((1 - u) / (1 - omega)).ln()
        return float(total)


def log_chernoff_tail(trials: int, total: float, probability: float) -> float:
    """−N·KL(ΣU/N‖ω), or 0 where the mean of U does not exceed ω."""
    mean = min(total / trials, 1.0) if trials else 0.0
    if mean <= probability:
        return 0.0
    return -math.inf if probability <= 0 else -trials * kullback_leibler(mean, probability)


def log_largest_wealth(scores: Sequence[float], places: Iterable[int], lost: int, bound: float) -> float:
    """ln of the largest value of the mixture, which begins at 1; lost trials, of U = 0, come first.

    Args:
        scores: The values that U takes.
        places: Which of them each trial has, in the order of execution.
        lost: Trials without an outcome.
        bound: ω.
    """
    losses = [-math.log1p(odds * bound) for odds in ODDS]
    steps = [[math.log1p(odds * score) + loss for odds, loss in zip(ODDS, losses, strict=True)] for score in scores]
    stakes = [share + lost * loss for share, loss in zip(LOG_SHARES, losses, strict=True)]
    best = 0.0
    exp, log = math.exp, math.log
    for place in places:
        stakes = [stake + step for stake, step in zip(stakes, steps[place], strict=True)]
        top = max(stakes)
        last = top + log(sum([exp(stake - top) for stake in stakes]))
        if last > best:
            best = last
    return best


def log_mixture(scores: Sequence[float], often: Sequence[int], lost: int, bound: float) -> float:
    """ln of the mixture after all trials, which their order does not change; `often` counts the values of U."""
    trials = lost + sum(often)
    grown = [
        math.fsum(count * math.log1p(odds * score) for score, count in zip(scores, often, strict=True)) for odds in ODDS
    ]
    each = zip(LOG_SHARES, grown, ODDS, strict=True)
    return _log_sum([share + gain - trials * math.log1p(odds * bound) for share, gain, odds in each])


def _log_sum(logarithms: Sequence[float]) -> float:
    top = max(logarithms)
    return top + math.log(math.fsum(math.exp(each - top) for each in logarithms))
