"""The test that may be looked at at any time once more, from its definition (MODEL §4), trial after trial.

A mixture of stakes: the bet with odds κ_j begins with the share w_j and is multiplied by (1+κ_j U)/(1+κ_j ω) at every
trial. Fixed before any data are κ_j = exp(2^(j/3)) − 1 for j = −30…9, and w_j ∝ 1/(1 + (log₂(4 ln(1+κ_j))/2)²).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

TILTS = tuple(2.0 ** (j / 3) for j in range(-30, 10))
ODDS = tuple(math.expm1(tilt) for tilt in TILTS)
_RAW = tuple(1 / (1 + (math.log2(4 * tilt) / 2) ** 2) for tilt in TILTS)
LOG_SHARES = tuple(math.log(raw / math.fsum(_RAW)) for raw in _RAW)


def log_best_wealth(scores: Sequence[float], places: Iterable[int], lost: int, bound: float) -> tuple[float, float]:
    """ln of the largest value of the mixture, which begins at 1, and of the last; lost trials, of U = 0, come first.

    Args:
        scores: The values that U takes.
        places: Which of them each trial has, in the order of execution.
        lost: Trials without an outcome.
        bound: ω.
    """
    losses = [-math.log1p(odds * bound) for odds in ODDS]
    steps = [[math.log1p(odds * score) + loss for odds, loss in zip(ODDS, losses, strict=True)] for score in scores]
    stakes = [share + lost * loss for share, loss in zip(LOG_SHARES, losses, strict=True)]
    best, last = 0.0, _log_sum(stakes)
    exp, log = math.exp, math.log
    for place in places:
        stakes = [stake + step for stake, step in zip(stakes, steps[place], strict=True)]
        top = max(stakes)
        last = top + log(sum([exp(stake - top) for stake in stakes]))
        if last > best:
            best = last
    return best, last


def log_wealth(growth: Sequence[float], trials: int, mean: float) -> float:
    """ln of the mixture after N trials against a mean m of U.

    Args:
        growth: Σ ln(1+κ_j U) of each bet.
        trials: N.
        mean: m.
    """
    terms = zip(LOG_SHARES, growth, ODDS, strict=True)
    return _log_sum([share + grown - trials * math.log1p(odds * mean) for share, grown, odds in terms])


def growth_of(scores: Sequence[float], counts: Sequence[int]) -> list[float]:
    """Σ ln(1+κ_j U) of each bet, from how often each value of U came."""
    return [
        math.fsum(count * math.log1p(odds * score) for score, count in zip(scores, counts, strict=True) if count)
        for odds in ODDS
    ]


def _log_sum(logarithms: Sequence[float]) -> float:
    top = max(logarithms)
    return top + math.log(math.fsum(math.exp(each - top) for each in logarithms))
