"""Checks of the test by betting: bets asked for before their trials are seen, their means, and the stake.

How a bet was found does not matter for what it proves. The program proposes the bets again; whatever it proposes counts
if no mean of its factor under the null hypothesis is above 1. Σ r Σ_t P(t) e(x,y,t) = S + Σ M c at correlators c, with
S = Σ r (e₊+e₋)/2 and M = r (e₊−e₋)/2, where + is a=b and − is a≠b.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .classical import best_of_signings
from .evidence import Evidence, places_of

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Part = Literal["certificate", "every_classical"]

LOCAL = "prediction-based ratios"
ON_SCORE = "betting"
_MOST_SUMS = 2**20  # signings of the smaller side times types of the other, up to which all strategies are listed
_EPS = float(np.finfo(float).eps)

# Yields each bet, e(x,y,t) of shape (n_A, n_B, 2), with the number of trials up to which it is kept, and is then sent
# the trials it was kept for, as `codes_of` gives them: all that the next bet may depend on.
Bets = Generator[tuple[Floats, int], Integers, None]
Propose = Callable[[Part, bool], Bets]  # the part of the record, and whether to bet on its score


def carried_on(
    bets: Bets, evidence: Evidence, codes: Integers, score: Floats, bound: float, local: bool
) -> tuple[float, float]:
    """ln p, and the largest mean of any bet under the null hypothesis, rounded up.

    Lost trials are charged the worst factor of their setting in any bet, before all gains.

    Args:
        bets: Not asked for any bet yet.
        evidence: The counts, settings fresh.
        codes: The trials in order.
        score: G, shape (n_A, n_B).
        bound: The largest Σ G c under the null hypothesis.
        local: Whether the null hypothesis also makes all correlators local.
    """
    assert evidence.drawn is not None  # fresh settings have a distribution
    places = places_of(codes).tolist()
    worst, mean, wealth, largest, start = np.ones(score.shape), 0.0, 0.0, 0.0, 0
    factors, stop = next(bets)
    while True:
        mean = max(mean, largest_mean(factors, evidence.drawn, score, bound, local))
        worst = np.minimum(worst, factors.min(axis=2))
        if start >= len(places) or not worst.min() > 0:
            break
        gains = np.log(factors).ravel().tolist()
        for place in places[start:stop]:
            wealth += gains[place]
            if wealth > largest:
                largest = wealth
        told = codes[start:stop]
        start = stop
        factors, stop = bets.send(told)
    charged = float((evidence.lost * np.log(worst)).sum()) if worst.min() > 0 else -math.inf
    return min(0.0, -largest - charged), mean


def largest_mean(factors: Floats, drawn: Floats, score: Floats, bound: float, local: bool) -> float:
    """An upper bound on S + Σ M c over all c with Σ G c ≤ bound and |c| ≤ 1; of local ones, by listing all strategies.

    By duality Σ M c ≤ ν·bound + Σ|M − νG| for any ν ≥ 0, which is least at one of the ν where a term vanishes.
    """
    constant, table = (drawn * (factors[:, :, 0] + sign * factors[:, :, 1]) / 2 for sign in (1, -1))
    total, size = math.fsum(constant.ravel().tolist()), float(np.abs(table).sum())
    rows = table if len(table) <= len(table[0]) else table.T
    if local and max(table.shape) << (min(table.shape) - 1) <= _MOST_SUMS:
        return total + best_of_signings(rows) + 8 * _EPS * (total + size)
    at, weights = np.where(score != 0, table / np.where(score != 0, score, 1.0), 0.0).ravel(), np.abs(score).ravel()
    order = np.argsort(at)
    slopes = bound - weights.sum() + 2 * np.cumsum(weights[order])  # beyond each of the ν in turn
    nu = max(float(at[order][min(int(np.argmax(slopes >= 0)), at.size - 1)]), 0.0)
    value = nu * bound + math.fsum(np.abs(table - nu * score).ravel().tolist())
    return total + value + 8 * _EPS * (total + size + nu * float(weights.sum()))
