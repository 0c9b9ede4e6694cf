"""The anytime-valid test: a martingale that bets on the game, for settings drawn afresh for every trial (MODEL §4)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..model.trials import Trials
from .functional import unit_weights

Floats = NDArray[np.float64]

_CAUTION = 0.999  # share of the largest bet 1/ω allowed, so that no single loss ruins the martingale
_PRIOR = 0.5  # wins and losses counted before the first trial (Krichevsky–Trofimov)


def log_anytime_p_values(scores: Floats, bound: float) -> Floats:
    """ln of a p-value that may be looked at after every trial: min(1, 1/max of the martingale so far).

    The martingale is Π(1 + η_i(U_i − ω)), η_i ∈ [0, 1/ω) chosen from the trials before i. Under the null every U_i has
    conditional mean at most ω, whatever the device remembers, so the product is a supermartingale and by Ville's
    inequality P[p ≤ α at any time] ≤ α. The bet is Kelly's for the mean of U seen so far.

    Args:
        scores: U_i in [0, 1] in the order of execution, shape (N,).
        bound: ω, the largest mean of U under the null, in (0, 1].

    Returns:
        ln p after each trial, shape (N,), never rising.
    """
    if bound >= 1:
        return np.zeros(len(scores))
    before = np.cumsum(scores) - scores
    mean = (before + _PRIOR) / (np.arange(len(scores)) + 2 * _PRIOR)
    bet = np.clip((mean - bound) / (bound * (1 - bound)), 0.0, _CAUTION / bound)
    wealth = np.cumsum(np.log1p(bet * (scores - bound)))
    return np.asarray(-np.maximum(np.maximum.accumulate(wealth), 0.0))


def trial_scores(functional: Floats, distribution: Floats, trials: Trials) -> Floats:
    """U_i = (Z_i+z)/(2z) of each trial, Z = (A/r)·(+1 if a=b else −1), shape (N,).

    Args:
        functional: A, shape (n_A, n_B), the game at its multiplier.
        distribution: r(x,y) that every trial's setting was drawn from, same shape.
        trials: In the order of execution.
    """
    unit, _ = unit_weights(functional, distribution)
    return np.asarray((1 + unit[trials.x, trials.y] * np.where(trials.a == trials.b, 1.0, -1.0)) / 2)
