"""How often an experiment of N trials certifies, and how many trials it takes: the certificate's own tails (MODEL §4).

A plan fixes the game, its classical bound and the distribution of fresh settings; a prediction of the device then fixes
the law of U, the score of one trial, and ΣU of N independent trials decides. All of it is for fresh `random` settings.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import betainc, ndtr

from ...model.errors import DataError
from ...model.games.routing_game import Against, BoundedGame
from ..certificate.bets import score_bet
from ..certificate.scores import BoundedSum, Method, unit_weights
from ..certificate.stratified import Strata
from ..certificate.tails import kullback_leibler

Floats = NDArray[np.float64]

MOST_TRIALS = 10**15  # beyond it neighbouring numbers of trials are no longer told apart reliably
_CHUNK = 64  # numbers of trials at once, several teeth of the saw: more would seldom be needed
_NEAR_MEAN = 1e-4  # tilts, in standard deviations, below which the saddlepoint is expanded


@dataclass(frozen=True, eq=False)
class ScoreLaw:
    """The law of what one trial adds to the test, under a prediction.

    If |G|/r is constant, that is U = (Z+z)/(2z), which is 0 or 1, and the exact binomial tail of ΣU certifies. Else
    it is ln e of the bet made for the prediction, and Σ ln e ≥ ln(1/α) certifies; that the bet is mended on the way,
    and that the largest stake counts instead of the last, is left out.

    Attributes:
        values: U, or ln e, shape (k,).
        probabilities: Their probabilities, same shape.
        mean: q, the mean of U predicted.
        null_mean: ω, its largest mean under the null, rounding included; at least 1 where nothing can be refuted.
        binary: Whether |G|/r is constant.
        information_rate: KL(q‖null) in nats per trial, the rate at which −ln p grows; 0 where q is within the bound.
    """

    values: Floats
    probabilities: Floats
    mean: float
    null_mean: float
    binary: bool
    information_rate: float

    @classmethod
    def of(cls, functional: Floats, distribution: Floats, predicted: ArrayLike, bound: float) -> ScoreLaw:
        """The law of one trial.

        Args:
            functional: G, shape (n_A, n_B), not all 0.
            distribution: r(x,y), same shape, above 0 where G is not 0, sum 1.
            predicted: Correlators or behaviour, as `answers` takes them.
            bound: β_C, the largest Σ G c under the null.

        Raises:
            DataError: the prediction is none, or G is 0 everywhere.
        """
        together, split = answers(predicted, functional.shape)
        unit, scale = unit_weights(functional, distribution)
        if scale == 0:
            raise DataError("the game has no weight at this multiplier; choose another")
        lost = 1 - together - split
        probabilities = distribution * np.stack([together, split, np.where(lost > 1e-12, lost, 0.0)])
        scores = np.stack([1 + unit, 1 - unit, np.zeros_like(unit)]) / 2  # a lost trial scores 0
        drawn = BoundedSum(1, 0.0, scale, bool(np.all(np.abs(unit[distribution > 0]) == 1)))
        shares = probabilities / probabilities.sum()  # the sum of r is 1 but for rounding
        mean, null_mean = float((scores * shares).sum()), drawn.null_mean(bound)
        if drawn.binary:
            rate = kullback_leibler(mean, null_mean) if null_mean < mean else 0.0
            return cls(np.array([0.0, 1.0]), np.array([1 - mean, mean]), mean, null_mean, True, rate)
        correlators = conditional_correlators(predicted, functional.shape)
        factors = np.log(score_bet(functional, bound, correlators, distribution).factors)
        gains = np.stack([factors[..., 0], factors[..., 1], np.minimum(factors.min(axis=2), 0.0)])
        merged, place = np.unique(gains[probabilities > 0], return_inverse=True)
        merged_shares: Floats = np.bincount(place, shares[probabilities > 0]).astype(np.float64)
        rate = max(float(merged @ merged_shares), 0.0)
        return cls(merged, merged_shares, mean, null_mean, False, rate)

    @classmethod
    def at(
        cls, game: BoundedGame, distribution: Floats, predicted: ArrayLike, against: Against = "memoryless"
    ) -> ScoreLaw:
        """The law of one trial of a routing game, against its bound on a class of classical routers."""
        return cls.of(game.matrix, distribution, predicted, game.bound(against).high)

    @property
    def method(self) -> Method:
        """The test that the certificate will use."""
        return "exact binomial" if self.binary else "betting"

    @property
    def standard_deviation(self) -> float:
        """The standard deviation of U, or of ln e."""
        mean = float(self.values @ self.probabilities)
        return math.sqrt(max(float((self.values - mean) ** 2 @ self.probabilities), 0.0))

    def power(self, trials: int, significance: float) -> float:
        """P[p-value of N trials is at most α]: exact if binary, else to about 0.003 (`_saddlepoint`)."""
        if self.null_mean >= 1:
            return 0.0
        if self.binary:
            return float(self._binomial_power(np.array([float(trials)]), significance)[0])
        return self._saddlepoint(trials, -math.log(significance) / trials) if self.information_rate else 0.0

    def required_trials(self, significance: float, power: float) -> int | None:
        """The least N from which on the experiment certifies with probability at least `power`; None if none does.

        For a binary U the power is a saw-tooth in N (whole successes only). Let k(N) be the real number at which the
        binomial tail, continued by the incomplete beta function, is α. Between the power at k and the power at k+1,
        both of which rise with N, lies the power at the whole number next above k: where the lower curve reaches what
        is asked it holds for good, and the last tooth below is found by going back from there. Otherwise the power
        is taken to rise with N.
        """
        if self.information_rate == 0:
            return None

        def enough(trials: int) -> bool:
            if not self.binary:
                return self.power(trials, significance) >= power
            return bool(self._binomial_power(np.array([float(trials)]), significance, continued=1.0)[0] >= power)

        first = _least(enough)
        if first is None or not self.binary:
            return first
        for last in range(first - 1, 0, -_CHUNK):
            trials = np.arange(max(last - _CHUNK + 1, 1), last + 1, dtype=float)
            failing = np.flatnonzero(self._binomial_power(trials, significance) < power)
            if failing.size:
                return int(trials[failing[-1]]) + 1
        return 1

    def _binomial_power(self, trials: Floats, significance: float, continued: float | None = None) -> Floats:
        """P[Bin(N, q) ≥ threshold], shape (n,): the certificate's whole threshold, or the real one plus `continued`."""
        threshold = _binomial_threshold(trials, self.null_mean, significance)
        threshold = np.ceil(threshold) if continued is None else threshold + continued
        within = threshold <= trials  # also leaves out the infinite ones
        needed = np.where(within, threshold, 1.0)
        return np.where(within, betainc(needed, trials - needed + 1, self.mean), 0.0)

    def _saddlepoint(self, trials: int, mean: float) -> float:
        """P[Σ ln e/N ≥ mean] by Lugannani and Rice, Adv. Appl. Probab. 12 (1980).

        Its relative error is of order 1/N; where the values lie on a lattice of step d, P may also be off by half
        a lattice point, about d·φ(Φ⁻¹(P))/(2σ√N).
        """
        if mean <= self.values[0] or mean >= self.values[-1]:
            return float(mean <= self.values[0])
        tilt = float(brentq(lambda s: self._tilted(s)[1] - mean, *self._bracket(mean), xtol=1e-13))
        cumulant, _, variance, third = self._tilted(tilt)
        slope = tilt * math.sqrt(trials * variance)
        if abs(tilt) * math.sqrt(variance) < _NEAR_MEAN:  # the exponent would be lost in rounding, however many trials
            root = slope * math.sqrt(1 - tilt * third / (3 * variance))
            correction = -third / (6 * variance**1.5 * math.sqrt(trials))
        else:
            root = math.copysign(math.sqrt(2 * trials * max(tilt * mean - cumulant, 0.0)), tilt)
            correction = 1 / slope - 1 / root
        tail = float(ndtr(-root)) + math.exp(-(root**2) / 2) / math.sqrt(2 * math.pi) * correction
        return float(np.clip(tail, 0.0, 1.0))

    def _tilted(self, tilt: float) -> tuple[float, float, float, float]:
        """ln E[exp(s ln e)] and its first three derivatives at s."""
        exponents = tilt * self.values
        top = float(exponents.max())
        shares = self.probabilities * np.exp(exponents - top)
        total = float(shares.sum())
        shares /= total
        mean = float(self.values @ shares)
        apart = self.values - mean
        return top + math.log(total), mean, float(apart**2 @ shares), float(apart**3 @ shares)

    def _bracket(self, mean: float) -> tuple[float, float]:
        """Two tilts whose means lie on either side."""
        reach = 1.0
        while not self._tilted(-reach)[1] < mean < self._tilted(reach)[1]:
            reach *= 2
        return -reach, reach


@dataclass(frozen=True, eq=False)
class FixedLaw:
    """The law of T = Σ G ĉ where settings are conditioned on, and its largest mean under the null.

    Attributes:
        functional: G, shape (n_A, n_B).
        distribution: Share of the trials that each setting has, same shape.
        wins: Probability that a trial adds to Σ G c, same shape; lost trials do not.
        bound: The largest Σ G c under the null.
    """

    functional: Floats
    distribution: Floats
    wins: Floats
    bound: float
    method: ClassVar[Method] = "stratified Chernoff"

    @classmethod
    def at(cls, game: BoundedGame, distribution: Floats, predicted: ArrayLike, against: Against) -> FixedLaw:
        """The law at a prediction as `answers` takes it; errors as there."""
        together, split = answers(predicted, game.matrix.shape)
        return cls(game.matrix, distribution, np.where(game.matrix > 0, together, split), game.bound(against).high)

    @property
    def information_rate(self) -> float:
        """min Σ r KL(c′‖c) in nats per trial, the rate at which −ln p grows."""
        return -self._strata.log_tail(self.bound)

    def power(self, trials: int, significance: float) -> float:
        """P[p-value of N trials is at most α], T being taken as normal."""
        strata, needed = self._strata, math.log(significance) / trials
        mean, most = strata.total, float(strata.weights.sum())

        def excess(total: float) -> float:
            strata.total, strata.short = total, most - total
            return strata.log_tail(self.bound) - needed

        least = self.bound / strata.reach
        if least >= most or excess(most * (1 - 1e-12)) > 0:
            return 0.0
        threshold = float(brentq(excess, least, most * (1 - 1e-12), xtol=1e-12))
        chances = self.wins[self.functional != 0]
        variance = float((4 * strata.weights**2 * chances * (1 - chances) / strata.trials).sum()) / trials
        return float(ndtr((mean - threshold) / math.sqrt(max(variance, 1e-300))))

    def required_trials(self, significance: float, power: float) -> int | None:
        """The least N that certifies with probability at least `power`; None if none does."""
        if self.information_rate <= 0:
            return None
        return _least(lambda trials: self.power(trials, significance) >= power)

    @property
    def _strata(self) -> Strata:
        return Strata(self.functional, self.distribution, self.distribution * self.wins)


def answers(predicted: ArrayLike, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    """P(a=b|x,y) and P(a≠b|x,y), each of shape (n_A, n_B); what they lack of 1 is lost trials.

    Args:
        predicted: Correlators c(x,y), shape (n_A, n_B), or P(a,b|x,y), shape (n_A, n_B, 2, 2), at the device's noise.
        shape: (n_A, n_B).

    Raises:
        DataError: it has another shape, or holds what cannot be a correlator or a probability.
    """
    table = np.asarray(predicted, dtype=float)
    if table.shape not in (shape, (*shape, 2, 2)):
        raise DataError(f"predicted has shape {table.shape}; correlators must be {shape}, P(a,b|x,y) {(*shape, 2, 2)}")
    if table.ndim == 2:
        together, split = (1 + table) / 2, (1 - table) / 2
    else:
        together, split = table[..., 0, 0] + table[..., 1, 1], table[..., 0, 1] + table[..., 1, 0]
    least = min(float(table.min()) if table.ndim == 4 else 0.0, float(together.min()), float(split.min()))
    if not (least >= -1e-9 and float((together + split).max()) <= 1 + 1e-9):
        raise DataError(
            f"predicted ranges from {table.min():g} to {table.max():g}; correlators must lie in −1…1, and P(a,b|x,y) "
            "must be at least 0 and sum to at most 1 over a, b"
        )
    return np.clip(together, 0.0, 1.0), np.clip(split, 0.0, 1.0 - np.clip(together, 0.0, 1.0))


def conditional_correlators(predicted: ArrayLike, shape: tuple[int, ...]) -> Floats:
    """c(x,y) of the trials that have an outcome, as the analysis estimates them, from what `answers` takes."""
    together, split = answers(predicted, shape)
    return np.asarray((together - split) / np.maximum(together + split, np.finfo(float).tiny))


def _least(enough: Callable[[int], bool]) -> int | None:
    """The least N in 1…MOST_TRIALS that is enough, by doubling and bisection."""
    high = 1
    while not enough(high):
        high *= 2
        if high > MOST_TRIALS:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _binomial_threshold(trials: Floats, probability: float, significance: float) -> Floats:
    """The real k in (0, N] with I_ω(k, N−k+1) = α, by bisection, rounded up; infinite where ω^N > α; shape (n,)."""
    low, high = np.zeros_like(trials), trials.copy()
    for _ in range(64):
        middle = (low + high) / 2
        inside = betainc(middle, trials - middle + 1, probability) <= significance
        low, high = np.where(inside, low, middle), np.where(inside, middle, high)
    return np.where(betainc(trials, 1.0, probability) <= significance, high, np.inf)
