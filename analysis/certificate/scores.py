"""Estimates of linear functionals Σ A(x,y) c(x,y) of the correlators, with tails that hold at every sample size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...model.errors import DataError
from ...model.games.operating_point import Frontiers
from ...model.trials import Counts, Sampling
from .tails import log_binomial_tail, log_chernoff_tail, lower_limit

Floats = NDArray[np.float64]
Method = Literal["exact binomial", "Chernoff–KL"]


@dataclass(frozen=True)
class Estimate:
    """An estimate with confidence limits."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Sample:
    """Counts with the rule their settings followed: all that the statistics need.

    Attributes:
        counts: What was measured.
        sampling: How the settings came about.
    """

    counts: Counts
    sampling: Sampling

    def __post_init__(self) -> None:
        declared = self.sampling.distribution
        if declared is not None and declared.shape != self.counts.shape:
            raise DataError(f"input_distribution has shape {declared.shape}; the counts have {self.counts.shape} types")
        if self.random and declared is not None and np.any((declared <= 0) & (self.asked > 0)):
            x, y = (int(index) + 1 for index in np.argwhere((declared <= 0) & (self.asked > 0))[0])
            raise DataError(f"input_distribution gives types ({x}, {y}) probability 0, yet they were measured")

    @property
    def random(self) -> bool:
        """Whether settings were fresh for every trial; otherwise statistics condition on those realised."""
        return self.sampling.fresh

    @property
    def asked(self) -> NDArray[np.int64]:
        """Trials asked for with each setting, lost ones included, shape (n_A, n_B)."""
        lost = self.sampling.lost
        return self.counts.settings if lost is None else self.counts.settings + lost

    @property
    def trials(self) -> int:
        """N, lost trials included."""
        return int(self.asked.sum())

    @property
    def distribution(self) -> Floats:
        """r(x,y): the declared distribution, or the frequencies realised, shape (n_A, n_B)."""
        if self.random and self.sampling.distribution is not None:
            return self.sampling.distribution
        return np.asarray(self.asked / self.trials)


@dataclass(frozen=True, eq=False)
class BoundedSum:
    """ΣU of N variables U in [0, 1], where U = (Z+z)/(2z) and Z = (A/r)·(+1 if a=b else −1) (MODEL §4).

    Attributes:
        trials: N.
        total: ΣU; lost trials add 0.
        scale: z = max|A/r|; the functional is z(2·mean U − 1).
        binary: Whether |A/r| is the same for every setting, so that U is 0 or 1.
        fresh: Whether the settings were fresh.
    """

    trials: int
    total: float
    scale: float
    binary: bool
    fresh: bool

    @classmethod
    def of(cls, functional: Floats, sample: Sample) -> BoundedSum:
        """The sum for the functional A, shape (n_A, n_B).

        Raises:
            DataError: a setting that A weighs was never asked for.
        """
        r = sample.distribution
        if np.any((r <= 0) & (functional != 0)):
            x, y = (int(index) + 1 for index in np.argwhere((r <= 0) & (functional != 0))[0])
            raise DataError(f"no trial for the pair of types ({x}, {y}); every pair that occurs must be measured")
        unit, scale = unit_weights(functional, r)
        if scale == 0:
            return cls(sample.trials, 0.0, 0.0, False, sample.random)
        binary = bool(np.all(np.abs(unit[r > 0]) == 1))
        together = sample.counts.together
        split = sample.counts.settings - together
        total = float((together * (1 + unit) + split * (1 - unit)).sum() / 2)
        return cls(sample.trials, total, scale, binary, sample.random)

    @property
    def observed(self) -> float:
        """The functional at the mean of U observed, lost trials as losses."""
        return self.value(self.total / self.trials)

    def mean(self, value: float) -> float:
        """The mean of U at which the functional has that value."""
        return (value + self.scale) / (2 * self.scale)

    def value(self, mean: float) -> float:
        """The functional at that mean of U."""
        return self.scale * (2 * mean - 1)

    def log_tail(self, bound: float) -> tuple[float, Method]:
        """ln of the p-value of ΣU when the functional is at most `bound`, and the tail it comes from.

        The binomial tail holds for fresh settings by Elkouss & Wehner, arXiv:1510.07233; for independent trials with
        realised settings by Hoeffding, Ann. Math. Stat. 27 (1956), if ΣU ≥ Nω+1.
        """
        if self.scale == 0:
            return 0.0, "Chernoff–KL"
        probability = min(max(self.mean(bound), 0.0), 1.0) * (1 + 1e-13)
        if probability >= 1:
            return 0.0, "exact binomial" if self.binary else "Chernoff–KL"
        return self._tail(self.total, probability)

    def log_tail_of_shots(self, bound: float, parallel: int) -> float:
        """ln of a p-value like `log_tail`'s that holds whatever passes between the k pairs of one shot.

        The mean of U over the pairs of a shot lies in [0, 1]. Each pair has fresh settings of its own, so that given
        the other pairs' settings and all that went before its U still has mean at most ω; so has the mean over the
        shot, in the order of the shots, and N/k of these obey the Chernoff bound.

        Args:
            bound: Largest value of the functional under the null.
            parallel: k.
        """
        if self.scale == 0:
            return 0.0
        probability = min(max(self.mean(bound), 0.0), 1.0) * (1 + 1e-13)
        return log_chernoff_tail(-(-self.trials // parallel), self.total / parallel, probability)

    def lower(self, log_significance: float) -> float:
        """Lower confidence limit of the functional at one-sided significance α."""
        if self.scale == 0:
            return 0.0
        return self.value(lower_limit(self._log_tail, self.trials, self.total, log_significance))

    def upper(self, log_significance: float, lost: int) -> float:
        """Upper confidence limit; here lost trials count as wins, whatever they would have been."""
        if self.scale == 0:
            return 0.0
        misses = self.trials - self.total - lost
        return self.value(1.0 - lower_limit(self._log_tail, self.trials, misses, log_significance))

    def _tail(self, total: float, probability: float) -> tuple[float, Method]:
        if self.binary and (self.fresh or total >= self.trials * probability + 1):
            return log_binomial_tail(self.trials, math.floor(total + 1e-9), probability), "exact binomial"
        return log_chernoff_tail(self.trials, total, probability), "Chernoff–KL"

    def _log_tail(self, trials: int, total: float, probability: float) -> float:
        """The form that `lower_limit` inverts."""
        return self._tail(total, probability)[0]


def unit_weights(functional: Floats, distribution: Floats) -> tuple[Floats, float]:
    """(A/r)/z and z = max|A/r|; 0 where r = 0, and exact signs where |A/r| is constant up to rounding.

    Args:
        functional: A, shape (n_A, n_B).
        distribution: r(x,y), same shape.
    """
    weights = np.where(distribution > 0, functional / np.where(distribution > 0, distribution, 1.0), 0.0)
    scale = float(np.abs(weights).max())
    if scale == 0:
        return weights, 0.0
    unit = weights / scale
    constant = np.all(np.abs(np.abs(unit[distribution > 0]) - 1) <= 1e-12)
    return np.sign(weights) if constant else unit, scale


def estimate_functional(functional: Floats, constant: float, sample: Sample, log_significance: float) -> Estimate:
    """const + Σ A c: the plug-in estimate, and one-sided limits at significance α on either side.

    Where the number of trials could depend on the outcomes, the limits are those that hold at every moment. Where a
    setting that could have been drawn never was, the mean of Z over all trials is the estimate instead.

    Args:
        functional: A, shape (n_A, n_B).
        constant: Added to all three numbers.
        sample: The data.
        log_significance: ln α of each side.
    """
    if sample.sampling.stopped:
        from .confidence_sequence import functional_limits  # which builds on this module

        return functional_limits(functional, constant, sample, log_significance)
    measured = functional != 0
    value = float((functional[measured] * sample.counts.correlators[measured]).sum())
    bounded = BoundedSum.of(functional, sample)  # refuses settings that were never asked for
    if math.isnan(value):  # a rare setting was never drawn, or all its trials were lost
        value = bounded.observed
    lost = sample.trials - sample.counts.total
    reach = float(np.abs(functional).sum())  # no correlators give more
    low, high = max(bounded.lower(log_significance), -reach), min(bounded.upper(log_significance, lost), reach)
    return Estimate(constant + value, constant + min(low, value), constant + max(high, value))


def observed_point(frontiers: Frontiers, sample: Sample, log_significance: float) -> tuple[Estimate, Estimate]:
    """Splitting probability and waiting time, each with one-sided limits at significance α on either side."""
    workload = frontiers.workload
    joint, weights = workload.joint, workload.weights
    splitting = estimate_functional(-joint / 2, 0.5, sample, log_significance)
    middle = (workload.unavoidable_waiting_time + workload.together_waiting_time) / 2
    return splitting, estimate_functional(joint * weights / 2, middle, sample, log_significance)


def observed_visibility(
    frontiers: Frontiers, sample: Sample, multiplier: float, ideal: Floats | None, log_significance: float
) -> tuple[Estimate, str]:
    """The share of the ideal score at the multiplier that was observed, and what it is relative to.

    Args:
        frontiers: The scenario's frontiers.
        sample: The data.
        multiplier: The certificate's μ.
        ideal: Correlators planned, shape (n_A, n_B); None if nobody planned any.
        log_significance: ln α of each side.
    """
    game = frontiers.game(multiplier)
    if game.is_zero:
        return Estimate(0.0, -1.0, 1.0), "nothing: the game has no weight here"
    matrix = game.matrix
    if ideal is not None and float((matrix * ideal).sum()) > 0:
        best, relative_to = float((matrix * ideal).sum()), "the score of the planned measurements"
    else:
        best, relative_to = game.bound("quantum").high, "the quantum optimum of the game"
    return estimate_functional(matrix / best, 0.0, sample, log_significance), relative_to
