"""Tail probabilities once more, in decimal arithmetic of 40 digits or in closed form; their inversion by bisection.

All are natural logarithms: p-values of 1e-1000 occur.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from decimal import Decimal, localcontext
from functools import lru_cache

DIGITS = 40
_NEGLIGIBLE = Decimal(10) ** -30  # of the sum so far: what is left out at the end of a series
_STEPS = 46  # bisections of an interval of length 1: to 1.4e-14
# Coefficients B_2k/(2k(2k−1)) of Stirling's series, as numerators and denominators.
_STIRLING = ((1, 12), (-1, 360), (1, 1260), (-1, 1680), (1, 1188), (-691, 360360), (1, 156), (-3617, 122400))
_STIRLING_FROM = 2000  # n from which the terms above give 40 digits


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
    total = exact * exact.ln() - exact + (2 * _pi() * exact).ln() / 2
    for power, (numerator, denominator) in enumerate(_STIRLING):
        total += Decimal(numerator) / (denominator * exact ** (2 * power + 1))
    return total


def _pi() -> Decimal:
    """π by Machin's formula, 16 arctan(1/5) − 4 arctan(1/239)."""

    def arctan_of_inverse(n: int) -> Decimal:
        return sum((Decimal((-1) ** k) / ((2 * k + 1) * Decimal(n) ** (2 * k + 1)) for k in range(32)), Decimal(0))

    return 16 * arctan_of_inverse(5) - 4 * arctan_of_inverse(239)


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


def least_not_rejected(rejects: Callable[[float], bool], mean: float) -> float:
    """The least ω in [0, mean] that is not rejected, by bisection; what is below a rejected one is rejected, too."""
    if rejects(mean):
        return mean
    low, high = 0.0, mean
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if rejects(middle):
            low = middle
        else:
            high = middle
    return high


def log10_chi2_tail(statistic: float, freedom: int) -> float:
    """log₁₀ P[χ²_f ≥ x] in closed form: a finite sum over powers of x/2, and for odd f the error function."""
    if not freedom or statistic <= 0:
        return 0.0
    half = statistic / 2
    terms = [power * math.log(half) - half - math.lgamma(power + 1) for power in _powers(freedom)]
    if freedom % 2:
        terms.append(_log_erfc(math.sqrt(half)))
    return min(0.0, _log_sum(terms) / math.log(10)) if terms else 0.0


def _powers(freedom: int) -> list[float]:
    start = 0.5 if freedom % 2 else 0.0
    return [start + j for j in range(freedom // 2)]


def _log_erfc(x: float) -> float:
    """ln erfc(x), beyond the range of doubles by its asymptotic series."""
    if x < 20:
        return math.log(math.erfc(x))
    series, term = 1.0, 1.0
    for k in range(1, 12):
        term *= -(2 * k - 1) / (2 * x * x)
        series += term
    return -x * x - math.log(x * math.sqrt(math.pi)) + math.log(series)


def _log_sum(logarithms: Iterable[float]) -> float:
    values = list(logarithms)
    top = max(values)
    return top + math.log(math.fsum(math.exp(value - top) for value in values))
