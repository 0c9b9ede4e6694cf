"""Limits and tails of Σ A(x,y) c(x,y) setting by setting, for independent trials of one strategy (MODEL §4).

Given how many trials n(x,y) each setting had, its trials with a=b are a binomial variable of its own. No weight A/r
then blows up the range of a trial, and a setting whose outcomes hardly vary hardly widens the limits. The number of
trials must not depend on outcomes: fixed blocks, or settings drawn from any distribution.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import digamma, polygamma

from .samples import Sample

Floats = NDArray[np.float64]

_GUESS = 0.125  # variance of a=b at c² = ½, for which the limits are made tightest; they hold whatever it is
_STEPS: Floats = np.geomspace(0.1, 1.5, 40)  # of s tried, by what a normal law would ask for
_PLACE = 1e-8  # of ln s: the bound is flat where it is least
_FAR = 40.0  # of s|A|/n, where the other outcome has long ceased to count
_MOST_TILT = 0.95  # of a trial, beyond which the empirical variance says nothing


def limits(functional: Floats, sample: Sample, log_significance: float) -> tuple[float, float]:
    """Lower and upper limit of Σ A c, each at significance α, by an empirical Bernstein bound.

    For X in {0, 1} of mean μ, exp(λ(X−μ) − ψ(λ)(X−m)²) with ψ(λ) = −ln(1−λ)−λ has a mean of at most 1 for any m known
    before X and 0 ≤ λ < 1 (Fan, Grama and Liu, Electron. J. Probab. 20 (2015); Waudby-Smith and Ramdas, J. R. Stat.
    Soc. B 86 (2024)). With λ = s·2|A|/n in each setting the product over all trials is exp(s(T − Σ A c) − Σ ψ(λ) D),
    where T is the estimate and D the sum of the squared distances of each outcome from the mean of those before it. D
    depends on the order within a setting, which carries no information; its mean over all orders takes its place
    (Jensen). Where λ is too large for that to pay, Hoeffding's λ²/8 per trial does.

    s, and which bound serves which setting, follow from n alone. A setting that was never measured may have any
    correlator. Lost trials count as those that would move the limit outwards.

    Args:
        functional: A, shape (n_A, n_B).
        sample: The data.
        log_significance: ln α of each side.
    """
    weighed = functional != 0
    unknown = float(np.abs(functional[weighed & (sample.asked == 0)]).sum())
    weighed &= sample.asked > 0
    weights, asked = np.abs(functional[weighed]), sample.asked[weighed].astype(float)
    measured, together = sample.counts.settings[weighed], sample.counts.together[weighed]
    wins = np.where(functional[weighed] > 0, together, measured - together)  # trials that add to Σ A c
    if not len(asked):
        return -unknown, unknown
    tilt, empirical = _tilts(weights, asked, -log_significance)
    found = []
    for successes in (wins, wins + asked - measured):
        spread = np.where(empirical, _psi(tilt * empirical) * _scatter(successes, asked), tilt**2 / 8 * asked)
        total = float((weights * (2 * successes / asked - 1)).sum())
        found.append((total, (float(spread.sum()) - log_significance) / float(tilt[0] * asked[0] / (2 * weights[0]))))
    (low, below), (high, above) = found
    return low - below - unknown, high + above + unknown


def _tilts(weights: Floats, asked: Floats, level: float) -> tuple[Floats, NDArray[np.bool_]]:
    """λ of each setting, and whether the empirical variance serves it, shape (k,); best for the variance guessed."""
    normal = math.sqrt(2 * level / float((4 * weights**2 / asked * _GUESS).sum()))
    s = normal * _STEPS[:, None]
    tilts = s * 2 * weights / asked
    variance = np.where(tilts <= _MOST_TILT, _psi(np.minimum(tilts, _MOST_TILT)) * _GUESS * asked, np.inf)
    hoeffding = tilts**2 / 8 * asked
    best = int(np.argmin((level + np.minimum(variance, hoeffding).sum(axis=1)) / s[:, 0]))
    return tilts[best], variance[best] < hoeffding[best]


def _psi(tilt: Floats) -> Floats:
    return np.asarray(-np.log1p(-tilt) - tilt)


def _scatter(wins: Floats, asked: Floats) -> Floats:
    """D = E Σ_t (X_t − m_t)², m_t = (½ + Σ_{i<t} X_i)/t, over all orders of n trials of which k are 1; shape (k,).

    With v = k(n−k)/(n(n−1)) each term is v(1 + 1/t − 2/t²) + 1/(4t²).
    """
    variance = wins * (asked - wins) / np.maximum(asked * (asked - 1), 1)
    harmonic, squares = digamma(asked + 1) + np.euler_gamma, math.pi**2 / 6 - polygamma(1, asked + 1)
    return np.asarray(variance * (asked + harmonic - 2 * squares) + squares / 4)


def log_tail(functional: Floats, sample: Sample, bound: float) -> float:
    """ln of a bound on P[T ≥ observed], T = Σ A ĉ, over all correlators with Σ A c ≤ `bound`; lost trials as losses.

    Chernoff's bound with the least favourable correlators: exp(−min Σ n KL(c′‖c)), over c′ with Σ A c′ ≥ T and c with
    Σ A c ≤ bound. By duality any s, ν ≥ 0 give a bound,

        −sT + ν·bound + Σ max over c in [−1, 1] of [n ln(cosh u + c sinh u) − ν|A|c],  u = s|A|/n,

    convex in both, so that stopping early never makes it too small.

    Args:
        functional: A, shape (n_A, n_B).
        sample: The data. A setting that was never asked for may have any correlator under the null.
        bound: The largest Σ A c under the null.
    """
    measured, unknown = _asked(functional, sample)
    return Strata.of(measured, sample).log_tail(bound + unknown) if measured.any() else 0.0


def lower_limit(functional: Floats, sample: Sample, log_significance: float) -> float:
    """The least Σ A c that `log_tail` does not reject at α."""
    functional, unknown = _asked(functional, sample)
    if not functional.any():
        return -unknown
    strata = Strata.of(functional, sample)
    lowest, highest = -strata.reach * (1 - 1e-9), strata.observed

    def excess(bound: float) -> float:
        return strata.log_tail(bound) - log_significance

    if highest <= lowest or excess(lowest) >= 0:
        return -strata.reach - unknown
    return float(brentq(excess, lowest, highest, xtol=1e-10 * strata.reach)) - 1e-9 * strata.reach - unknown


def _asked(functional: Floats, sample: Sample) -> tuple[Floats, float]:
    """A over the settings that were asked for, 0 elsewhere, and Σ|A| over the others."""
    asked = sample.asked > 0
    return np.where(asked, functional, 0.0), float(np.abs(functional[~asked]).sum())


class Strata:
    """The settings that a functional A weighs, in units of Σ|A|.

    Args:
        functional: A, shape (n_A, n_B), not all 0.
        trials: n(x,y), same shape, whole or not; above 0 where A is not 0.
        wins: Those that add to Σ A c, same shape.
    """

    def __init__(self, functional: Floats, trials: Floats, wins: Floats) -> None:
        weighed = functional != 0
        self.reach = float(np.abs(functional).sum())
        self.weights, self.trials = np.abs(functional[weighed]) / self.reach, trials[weighed]
        self.total = float((self.weights * (2 * wins[weighed] / self.trials - 1)).sum())
        self.short = float((self.weights * 2 * (1 - wins[weighed] / self.trials)).sum())  # of Σ|A|, without rounding

    @classmethod
    def of(cls, functional: Floats, sample: Sample) -> Strata:
        """What was measured; lost trials as losses."""
        together = sample.counts.together
        wins = np.where(functional > 0, together, sample.counts.settings - together)
        return cls(functional, sample.asked.astype(float), wins)

    @property
    def observed(self) -> float:
        """T = Σ A ĉ."""
        return self.reach * self.total

    def log_tail(self, bound: float) -> float:
        """ln of the bound on P[T ≥ observed] over all correlators with Σ A c ≤ `bound`."""
        null, most = bound / self.reach, float(self.weights.sum())
        if self.total <= null or null >= most:
            return 0.0
        if null <= -most:
            return -math.inf
        found = [0.0]

        def slope(logarithm: float) -> float:
            value, rising = self._at(math.exp(logarithm), null)
            found.append(value)
            return rising

        low, high = np.log(np.array([1e-12, _FAR]) * (self.trials / self.weights).max()).tolist()
        if slope(low) < 0 < slope(high):  # the value is convex in s
            brentq(slope, low, high, xtol=_PLACE)
        return min(found) * (1 - 1e-12)

    def _at(self, s: float, null: float) -> tuple[float, float]:
        """The bound at s and the best ν for it, and its derivative in s."""
        u = s * self.weights / self.trials
        steps, coth = self.trials / self.weights, 1 / np.tanh(u)
        # c = n/(ν|A|) − coth u, cut off at ±1: Σ|A|c is piecewise linear in 1/ν, with a corner where a term is cut off
        corners = np.sort(np.concatenate([(coth - 1) / steps, (coth + 1) / steps]))
        heights = np.clip(corners[:, None] * steps - coth, -1.0, 1.0) @ self.weights
        inverse = float(np.interp(null, heights, corners))
        c = np.clip(inverse * steps - coth, -1.0, 1.0)
        with np.errstate(divide="ignore"):  # ln(cosh u + c sinh u) less u, which is taken together with sT
            logs = np.logaddexp(np.log((1 + c) / 2), np.log((1 - c) / 2) - 2 * u)
        mean = (c + np.tanh(u)) / np.maximum(1 + c * np.tanh(u), 1e-300)
        value = s * self.short + float((self.trials * logs).sum())
        if inverse > 0:  # what rounding leaves between Σ|A|c and the bound
            value += (null - float((self.weights * c).sum())) / inverse
        return value, self.short - float((self.weights * (1 - mean)).sum())
