"""Estimates of linear functionals Σ A(x,y) c(x,y) of the correlators, with limits that hold at every sample size."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ...model.errors import DataError
from ...model.estimate import Estimate
from ...model.games.routing_game import Against, BoundedGame
from ...model.queueing.workload import Workload
from . import stratified
from .martingale import growth, lower_limit_at_any_time
from .samples import Sample
from .scores import BoundedSum, unit_weights

Floats = NDArray[np.float64]


def estimate_functional(functional: Floats, constant: float, sample: Sample, log_significance: float) -> Estimate:
    """const + Σ A c: the plug-in estimate, and limits at significance α on either side, so 2α together.

    For a fixed number of trials the limits go setting by setting and hold for independent trials of one strategy. Where
    the number of trials could depend on the outcomes, they are those that hold at every moment. Lost trials are losses
    for the lower limit and wins for the upper one. Where a setting that could have been drawn never was, the mean of Z
    over all trials is the estimate instead; of one that could not, the limits allow any correlator.

    Args:
        functional: A, shape (n_A, n_B).
        constant: Added to all three numbers.
        sample: The data; all trials so far, where their number could depend on them.
        log_significance: ln α of each side.

    Raises:
        DataError: a run that could stop had no fresh settings.
    """
    total = BoundedSum.of(functional, sample)
    if not functional.any():
        return Estimate(constant, constant, constant)
    measured = functional != 0
    value = float((functional[measured] * sample.counts.correlators[measured]).sum())
    if math.isnan(value):  # a rare setting was never drawn, or all its trials were lost
        value = total.observed
    if sample.sampling.stopped:
        low, high = _limits_at_any_time(functional, sample, log_significance)
    elif sample.random and total.binary:  # fresh settings in proportion to |A|: one binomial variable
        low, high = total.limits(log_significance, sample.lost)
    else:
        low, high = stratified.limits(functional, sample, log_significance)
    reach = float(np.abs(functional).sum())  # no correlators give more
    low, high = max(low, -reach), min(high, reach)
    return Estimate(constant + value, constant + min(low, value), constant + max(high, value))


def _limits_at_any_time(functional: Floats, sample: Sample, log_significance: float) -> tuple[float, float]:
    """Limits of Σ A c that hold at every moment of a run at once, so that one may stop when one likes.

    The martingale is inverted: a mean m of U is refuted once the mixture of Π(1+κU_i)/(1+κm)^N reaches 1/α. By the
    inequality of the means Π(1+κm_i) ≤ (1+κm)^N where m is the average of the conditional means m_i, so that the limits
    hold for that average, over the trials so far, whatever the device remembers and however it drifts. The settings
    must be fresh (MODEL §4): they make the mean of U a linear functional of the correlators. Pairs measured in one shot
    count as so many trials, which assumes that they do not influence one another.

    The limits depend on the counts so far, not on their order, but the counts must be those of all trials up to a
    moment.
    """
    if not sample.random:
        raise DataError(
            "limits that hold at any time need settings drawn afresh for every trial from a declared distribution: "
            'use settings = "random" and block = 1, or the limits for a fixed number of trials'
        )
    unit, scale = unit_weights(functional, sample.distribution)
    together = sample.counts.together
    counts = np.concatenate([together.ravel(), (sample.counts.settings - together).ravel()])
    scores = np.concatenate([(1 + unit).ravel(), (1 - unit).ravel()]) / 2
    # Trials that are not counted had U = 0, which changes no growth.
    low, misses = (
        lower_limit_at_any_time(growth(values) @ counts, sample.trials, log_significance)
        for values in (scores, 1 - scores)
    )
    return scale * (2 * low - 1), scale * (1 - 2 * misses)


def score_excess(
    game: BoundedGame, sample: Sample, log_significance: float, against: Against = "memoryless"
) -> Estimate:
    """Δ = Σ G c − β of a class, in units of time, with limits at significance α on either side.

    The lower limit inverts the tail of the p-value where that has one: it is above 0 just where p ≤ α.
    """
    bound = game.bound(against).high
    found = estimate_functional(game.matrix, -bound, sample, log_significance)
    if sample.sampling.stopped or sample.random or not game.matrix.any():
        return found
    low = stratified.lower_limit(game.matrix, sample, log_significance) - bound
    return Estimate(found.estimate, min(low, found.estimate), found.high)


def observed_point(workload: Workload, sample: Sample, log_significance: float) -> tuple[Estimate, Estimate]:
    """Splitting probability and waiting time, each with limits at significance α on either side."""
    joint, weights = workload.joint, workload.weights
    splitting = estimate_functional(-joint / 2, 0.5, sample, log_significance)
    waiting = estimate_functional(joint * weights / 2, workload.uncorrelated_waiting_time, sample, log_significance)
    return splitting, waiting


def observed_visibility(
    game: BoundedGame, sample: Sample, ideal: Floats | None, log_significance: float
) -> tuple[Estimate, str]:
    """The share of the ideal score that was observed, and what it is relative to.

    Args:
        game: The game at the certificate's multiplier.
        sample: The data.
        ideal: Correlators planned, shape (n_A, n_B); None if nobody planned any.
        log_significance: ln α of each side.
    """
    if game.is_zero:
        return Estimate(0.0, -1.0, 1.0), "nothing: the game has no weight here"
    matrix = game.matrix
    if ideal is not None and float((matrix * ideal).sum()) > 0:
        best, relative_to = float((matrix * ideal).sum()), "the score of the planned measurements"
    else:
        best, relative_to = game.bound("quantum").high, "the quantum optimum of the game"
    return estimate_functional(matrix / best, 0.0, sample, log_significance), relative_to
