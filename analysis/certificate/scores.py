"""The score U of a trial in a game of weights A(x,y), its sum over a sample, and the tails of that sum (MODEL §4)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...model.errors import DataError
from ...model.trials import Trials
from .samples import Sample
from .tails import log_binomial_tail, log_chernoff_tail, lower_limit

Floats = NDArray[np.float64]
Method = Literal["exact binomial", "Chernoff–KL", "stratified Chernoff", "betting", "prediction-based ratios"]


@dataclass(frozen=True, eq=False)
class BoundedSum:
    """ΣU of N variables U in [0, 1], where U = (Z+z)/(2z) and Z = (A/r)·(+1 if a=b else −1) (MODEL §4).

    Its tails hold for settings drawn afresh from r for every trial, whatever the device remembers.

    Attributes:
        trials: N.
        total: ΣU; lost trials add 0.
        scale: z = max|A/r|; the functional is z(2·mean U − 1).
        binary: Whether |A/r| is the same for every setting, so that U is 0 or 1.
    """

    trials: int
    total: float
    scale: float
    binary: bool

    @classmethod
    def of(cls, functional: Floats, sample: Sample) -> BoundedSum:
        """The sum for the functional A, shape (n_A, n_B); settings never asked for are left out of both.

        Raises:
            DataError: a setting that A weighs could not be drawn from the declared distribution.
        """
        r = sample.distribution
        if sample.random and np.any((r <= 0) & (functional != 0)):
            x, y = (int(index) + 1 for index in np.argwhere((r <= 0) & (functional != 0))[0])
            raise DataError(
                f"input_distribution gives types ({x}, {y}) probability 0; every pair of types that occurs needs some"
            )
        unit, scale = unit_weights(functional, r)
        if scale == 0:
            return cls(sample.trials, 0.0, 0.0, False)
        binary = bool(np.all(np.abs(unit[r > 0]) == 1))
        together = sample.counts.together
        split = sample.counts.settings - together
        total = float((together * (1 + unit) + split * (1 - unit)).sum() / 2)
        return cls(sample.trials, total, scale, binary)

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

    def null_mean(self, bound: float) -> float:
        """ω: the largest mean of U where the functional is at most `bound`, rounded up; above 1 nothing is refuted."""
        return min(max(self.mean(bound), 0.0), 1.0) * (1 + 1e-13)

    def log_tail(self, bound: float) -> tuple[float, Method]:
        """ln of the p-value of ΣU when the functional is at most `bound`, and the tail it comes from.

        The binomial tail holds by Elkouss & Wehner, arXiv:1510.07233.
        """
        if self.scale == 0:
            return 0.0, "Chernoff–KL"
        probability = self.null_mean(bound)
        if self.binary:
            return log_binomial_tail(self.trials, math.floor(self.total + 1e-9), probability), "exact binomial"
        return log_chernoff_tail(self.trials, self.total, probability), "Chernoff–KL"

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
        return log_chernoff_tail(-(-self.trials // parallel), self.total / parallel, self.null_mean(bound))

    def limits(self, log_significance: float, lost: int) -> tuple[float, float]:
        """Lower and upper limit of the functional where U is 0 or 1, each at one-sided significance α.

        For the upper one lost trials count as wins, whatever they would have been.
        """
        wins = round(self.total)
        low, misses = (lower_limit(self.trials, k, log_significance) for k in (wins, self.trials - wins - lost))
        return self.value(low), self.value(1.0 - misses)


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


def score_table(functional: Floats, distribution: Floats, trials: Trials) -> tuple[Floats, NDArray[np.integer]]:
    """The values that U_i = (Z_i+z)/(2z) takes, shape (4·n_A·n_B,), and which of them each trial has, shape (N,).

    Args:
        functional: A, shape (n_A, n_B), the game at its multiplier; Z = (A/r)·(+1 if a=b else −1).
        distribution: r(x,y) that every trial's setting was drawn from, same shape.
        trials: Trials in the order of execution.
    """
    unit, _ = unit_weights(functional, distribution)
    together = np.array([[1.0, -1.0], [-1.0, 1.0]])
    return np.asarray((1 + unit[:, :, None, None] * together) / 2).ravel(), trials.codes()
