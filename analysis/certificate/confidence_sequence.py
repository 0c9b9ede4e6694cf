"""Confidence limits that hold at every moment of a run at once, so that one may stop when one likes.

The martingale of `martingale` is inverted: a mean m of U is refuted once the mixture of Π(1+κU_i)/(1+κm)^N reaches 1/α.
By the inequality of the means Π(1+κm_i) ≤ (1+κm)^N where m is the average of the conditional means m_i, so that the
limits hold for that average, over the trials so far, whatever the device remembers and however it drifts. For
independent, identically distributed trials it is the mean itself. The settings must be fresh (MODEL §4): they make the
mean of U a linear functional of the correlators.

The limits depend on the counts so far, not on their order, but the counts must be those of all trials up to a moment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...model.errors import DataError
from ...model.games.operating_point import Frontiers
from .martingale import SPREAD, Bets
from .scores import BoundedSum, Estimate, Sample, unit_weights

Floats = NDArray[np.float64]

ASSUMPTION = (
    "Confidence limits hold at all times together, for the average of the trials so far, with memory and drift; "
    "for independent, identically distributed trials that average is the device's own."
)
_GRID = 513  # points over the range of p; between neighbours the frontier is all but linear


@dataclass(frozen=True)
class Reduction:
    """How much less waiting time than the best classical strategy of equal throughput, valid whenever one stops.

    Attributes:
        trials: N so far, lost ones included.
        splitting_probability: p.
        waiting_time: W.
        excess: Δ, score less classical bound at the certificate's μ, in units of time.
        waiting_time_reduction: W_C(p) − W; its lower limit is that of Δ at the whole significance.
        waiting_time_reduction_relative: The same over W_C(p).
    """

    trials: int
    splitting_probability: Estimate
    waiting_time: Estimate
    excess: Estimate
    waiting_time_reduction: Estimate
    waiting_time_reduction_relative: Estimate


def mean_limits(scores: Floats, log_significance: float, bets: Bets = SPREAD) -> Estimate:
    """The mean of U, with a one-sided limit at significance α on either side.

    Args:
        scores: U_i in [0, 1] of all trials so far, shape (N,).
        log_significance: ln α of each side; use ln(α/2) for both together.
        bets: Fixed before the data; the same for both sides.
    """
    values, counts = np.unique(scores, return_counts=True)
    low = _lower(values, counts, len(scores), log_significance, bets)
    high = 1 - _lower(1 - values, counts, len(scores), log_significance, bets)
    mean = float(scores.mean()) if len(scores) else 0.5
    return Estimate(mean, min(low, mean), max(high, mean))


def functional_limits(
    functional: Floats, constant: float, sample: Sample, log_significance: float, bets: Bets = SPREAD
) -> Estimate:
    """const + Σ A c, with a one-sided limit at significance α on either side: `estimate_functional` at any time.

    Lost trials are losses for the lower limit and wins for the upper one. Where a setting that could have been drawn
    never was, the mean of Z over all trials is the estimate. Pairs measured in one shot count as so many trials, which
    assumes that they do not influence one another (`shot_scores` with `mean_limits` does without that).

    Args:
        functional: A, shape (n_A, n_B).
        constant: Added to all three numbers.
        sample: All trials so far, with the distribution their settings were drawn from.
        log_significance: ln α of each side.
        bets: Fixed before the data; the same for both sides.

    Raises:
        DataError: settings that were not fresh for every trial.
    """
    if not sample.random:
        raise DataError(
            "limits that hold at any time need settings drawn afresh for every trial from a declared distribution: "
            'use settings = "random" and block = 1, or the limits for a fixed number of trials'
        )
    total = BoundedSum.of(functional, sample)
    if total.scale == 0:
        return Estimate(constant, constant, constant)
    measured = functional != 0
    value = float((functional[measured] * sample.counts.correlators[measured]).sum())
    if math.isnan(value):  # a rare setting was never drawn, or all its trials were lost
        value = total.observed
    unit, _ = unit_weights(functional, sample.distribution)
    together = sample.counts.together
    counts = np.concatenate([together.ravel(), (sample.counts.settings - together).ravel()])
    scores = np.concatenate([(1 + unit).ravel(), (1 - unit).ravel()]) / 2
    reach = float(np.abs(functional).sum())  # no correlators give more
    low = total.value(_lower(scores, counts, sample.trials, log_significance, bets))
    high = total.value(1 - _lower(1 - scores, counts, sample.trials, log_significance, bets))
    low, high = max(low, -reach), min(high, reach)
    return Estimate(constant + value, constant + min(low, value), constant + max(high, value))


def reduction_limits(
    frontiers: Frontiers, sample: Sample, multiplier: float, significance: float, bets: Bets = SPREAD
) -> Reduction:
    """The waiting-time reduction so far, with limits that hold at every time at once.

    As in the analysis of a finished run the six limits of p, W and Δ take a sixth of α each, so that all of them and
    the relative reduction hold together at α. Two limits use the whole of α each, one-sided: the lower one of Δ, which
    is above 0 exactly if the martingale stands above 1/α now, and that of the absolute reduction, which is the same.

    Args:
        frontiers: The scenario's frontiers.
        sample: All trials so far, with fresh settings.
        multiplier: μ > 0 of the certificate.
        significance: α.
        bets: Bets on Δ, fixed before the data; p and W are bet on at all scales.

    Raises:
        DataError: settings that were not fresh for every trial.
    """
    workload, sixth = frontiers.workload, math.log(significance / 6)
    game = frontiers.game(multiplier)
    bound = game.bound("memoryless").high
    middle = (workload.unavoidable_waiting_time + workload.together_waiting_time) / 2
    p = functional_limits(-workload.joint / 2, 0.5, sample, sixth)
    waiting = functional_limits(workload.joint * workload.weights / 2, middle, sample, sixth)
    excess = functional_limits(game.matrix, -bound, sample, sixth, bets)
    alone = functional_limits(game.matrix, -bound, sample, math.log(significance), bets)
    absolute, relative = equal_throughput(frontiers, multiplier, p, waiting.estimate, excess)
    absolute = Estimate(absolute.estimate, min(alone.low, absolute.estimate), absolute.high)
    return Reduction(sample.trials, p, waiting, Estimate(alone.estimate, alone.low, excess.high), absolute, relative)


def equal_throughput(
    frontiers: Frontiers, multiplier: float, p: Estimate, waiting_time: float, excess: Estimate
) -> tuple[Estimate, Estimate]:
    """W_C(p) − W and the same over W_C(p), over all (p, Δ) in their ranges.

    At p the waiting time is line(p) − Δ, where line is the supporting line of the classical frontier at μ; the frontier
    lies at or above it.

    Args:
        frontiers: The scenario's frontiers.
        multiplier: μ of Δ.
        p: Splitting probability with its range.
        waiting_time: W estimated.
        excess: Δ with its range, in units of time.
    """
    classical = frontiers.classical
    ends = max(p.low, 0.0), min(p.high, 1.0)
    vertices = classical.splitting_probability
    inside = vertices[(vertices > ends[0]) & (vertices < ends[1])]
    grid = np.unique(np.concatenate([np.linspace(*ends, _GRID), inside]))
    at_grid = classical.waiting_time_at(grid)
    game = frontiers.game(multiplier)
    line = game.line(game.bound("memoryless").high) - multiplier * grid
    low, high = excess.low + at_grid - line, excess.high + at_grid - line
    at_p = float(classical.waiting_time_at(p.estimate))
    gain = at_p - waiting_time
    return _enclose(gain, low, high), _enclose(gain / at_p, low / at_grid, high / at_grid)


def _enclose(estimate: float, lows: Floats, highs: Floats) -> Estimate:
    return Estimate(estimate, min(float(lows.min()), estimate), max(float(highs.max()), estimate))


def _lower(values: Floats, counts: NDArray[np.int64], trials: int, log_significance: float, bets: Bets) -> float:
    """Lower limit of the mean of U; trials that are not counted had U = 0, which changes no growth."""
    return bets.lower_limit(bets.growth(values) @ counts, trials, log_significance)
