"""The anytime-valid test: a martingale that bets on the game, for settings drawn afresh for every trial (MODEL §4).

A bet with odds κ > 0 multiplies its stake by (1+κU)/(1+κm) at every trial. If U in [0, 1] has conditional mean at most
m, whatever the device remembers, the stake is a supermartingale, and so is a fixed mixture of stakes over several κ; by
Ville's inequality it ever reaches 1/α with probability at most α. Its value does not depend on the order of the trials
so far. For U that is 0 or 1 it is the likelihood ratio of odds 1+κ times larger; for other U it gains from a smaller
variance. It falls as m rises, so that inverting it gives limits (`confidence_sequence`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from ...model.errors import DataError
from ...model.trials import Trials
from .scores import unit_weights

Floats = NDArray[np.float64]

_CHUNK = 512  # trials whose stakes are held at once: they stay in the processor's cache
_DISTINCT = 64  # values of U up to which the largest wealth is found by counting them
_TILTS = 2.0 ** (np.arange(-30, 10) / 3)  # ln(1+κ) from 0.001 to 8, a third of an octave apart
_CENTRE, _OCTAVES = 0.25, 2.0  # where the spread bets are thickest, and how many octaves from there they halve
_AIM = 0.4  # standard deviation of ln ln(1+κ) of aimed bets


@dataclass(frozen=True, eq=False)
class Bets:
    """A mixture of bets, fixed before the data.

    Attributes:
        odds: κ > 0, shape (k,).
        log_weights: ln of the share of the stake put on each, same shape; the shares sum to 1.
    """

    odds: Floats
    log_weights: Floats

    @classmethod
    def spread(cls) -> Bets:
        """Bets for any mean of U: even steps of ln ln(1+κ), thickest at ln(1+κ) = ¼, heavy tails on both sides."""
        weights = 1 / (1 + (np.log2(_TILTS / _CENTRE) / _OCTAVES) ** 2)
        return cls(np.expm1(_TILTS), np.log(weights / weights.sum()))

    @classmethod
    def predicted(cls, mean: float, bound: float, weight: float = 0.8) -> Bets:
        """Spread bets, and a share of the stake aimed at a mean of U predicted before the data.

        A wrong prediction costs trials, never validity, and at most ln(1/(1−weight)) nats against spread bets alone.
        A prediction that does not exceed the bound leaves nothing to aim at, and all bets are spread.

        Args:
            mean: Predicted mean of U.
            bound: ω, its largest mean under the null, in (0, 1).
            weight: Share of the stake that is aimed, in [0, 1).

        Raises:
            DataError: a weight outside [0, 1).
        """
        if not 0 <= weight < 1:
            raise DataError(f"weight = {weight:g}; the share of the stake that is aimed must lie in [0, 1)")
        everywhere = cls.spread()
        if weight == 0 or not 0 < bound < mean:
            return everywhere
        odds_ratio = mean * (1 - bound) / (bound * max(1 - mean, 1e-6))
        deviations = np.linspace(-2, 2, 9)
        tilts = np.minimum(math.log(odds_ratio) * np.exp(_AIM * deviations), _TILTS[-1])
        aimed = np.exp(-(deviations**2) / 2)
        return cls(
            np.concatenate([everywhere.odds, np.expm1(tilts)]),
            np.concatenate([everywhere.log_weights + math.log1p(-weight), np.log(weight * aimed / aimed.sum())]),
        )

    def growth(self, values: Floats) -> Floats:
        """ln(1+κU) of each bet at each value of U, shape (k, n)."""
        return np.asarray(np.log1p(np.outer(self.odds, values)))

    def log_wealth(self, growth: Floats, trials: int, mean: float) -> float:
        """ln of the mixture after N trials if the mean of U is `mean`.

        Args:
            growth: Σ ln(1+κU_i) of each bet, shape (k,).
            trials: N.
            mean: m in [0, 1].
        """
        stakes = self.log_weights + growth - trials * np.log1p(self.odds * mean)
        top = float(stakes.max())
        return top + math.log(float(np.exp(stakes - top).sum()))

    def lower_limit(self, growth: Floats, trials: int, log_significance: float) -> float:
        """The least mean of U whose mixture is below 1/α after N trials (arguments as in `log_wealth`)."""

        def excess(mean: float) -> float:
            return self.log_wealth(growth, trials, mean) + log_significance

        if excess(0.0) <= 0:
            return 0.0
        return max(0.0, float(brentq(excess, 0.0, 1.0, xtol=1e-13)) - 1e-12)


SPREAD = Bets.spread()


class RunningMartingale:
    """The test that is carried on with every new round of trials; the same numbers however the trials are cut.

    Args:
        bound: ω, the largest mean of U under the null, in (0, 1].
        bets: Fixed before the data.

    Attributes:
        trials: Seen so far, lost ones included.
        log_p_value: ln p now, never rising.
    """

    def __init__(self, bound: float, bets: Bets = SPREAD) -> None:
        self.trials = 0
        self.log_p_value = 0.0
        self._bound, self._bets = bound, bets
        self._growth: Floats = np.zeros(len(bets.odds))

    def update(self, scores: Floats, lost: int = 0) -> Floats:
        """Add a round, and give ln p after each of its trials, shape (N,).

        Args:
            scores: U_i in [0, 1] in the order of execution, shape (N,).
            lost: Trials of this round without an outcome, counted as losses. Where they lay in the round need not be
                known: they are taken to come first, which never lowers a p-value.
        """
        self.trials += lost  # U = 0 leaves every growth as it is
        wealth = log_wealth(scores, self._bound, self._bets, self._growth, self.trials)
        if self._bound >= 1:
            wealth[:] = 0.0  # nothing can be refuted, not even by rounding
        log_p = -np.maximum(np.maximum.accumulate(wealth), -self.log_p_value)
        self.trials += len(scores)
        if len(scores):
            self.log_p_value = float(log_p[-1])
        return np.asarray(log_p)

    def lower_limit(self, log_significance: float) -> float:
        """Lower confidence limit, at any time, of the mean of U averaged over the trials so far."""
        return self._bets.lower_limit(self._growth, self.trials, log_significance)


def log_wealth(
    scores: Floats, mean: ArrayLike, bets: Bets = SPREAD, growth: Floats | None = None, trials: int = 0
) -> Floats:
    """ln of the mixture after each trial, shape (N,).

    Args:
        scores: U_i in [0, 1], shape (N,).
        mean: m in [0, 1]: a constant, or the average of the conditional means up to each trial, shape (N,).
        bets: Fixed before the data.
        growth: Σ ln(1+κU) of each bet over earlier trials, shape (k,); updated in place.
        trials: The number of earlier trials.
    """
    growth = np.zeros(len(bets.odds)) if growth is None else growth
    means = np.atleast_1d(np.asarray(mean, dtype=float))
    wealth = np.empty(len(scores))
    for start in range(0, len(scores), _CHUNK):
        part = slice(start, min(start + _CHUNK, len(scores)))
        values, place = np.unique(scores[part], return_inverse=True)
        path = bets.growth(values)[:, place]
        path[:, 0] += growth
        path = np.add.accumulate(path, axis=1)  # in order, so that it does not matter how the trials are cut
        growth[:] = path[:, -1]
        count = np.arange(trials + part.start + 1, trials + part.stop + 1)
        stakes = bets.log_weights[:, None] + path - count * bets.growth(means if means.size == 1 else means[part])
        wealth[part] = _mixture(stakes)
    return wealth


def largest_log_wealth(
    values: Floats, place: NDArray[np.integer], mean: float, lost: int = 0, bets: Bets = SPREAD
) -> float:
    """The largest `log_wealth` over all trials, found without going through them one by one.

    Where U takes few values, their counts up to the ends of short blocks give the wealth there and bound it inside: no
    stake rises above what it would be if of its block only those trials came that raise it. Only blocks whose bound
    exceeds the largest wealth known are gone through.

    Args:
        values: Values that U may take, in [0, 1], shape (m,).
        place: Index into `values` of each trial's U, in the order of execution, shape (N,), N ≥ 1.
        mean: m, constant.
        lost: Trials without an outcome; they are taken to come first.
        bets: Fixed before the data.
    """
    values, merged = np.unique(values, return_inverse=True)
    place = merged.astype(np.min_scalar_type(len(values))).take(place)
    if len(values) > _DISTINCT:
        return float(log_wealth(values.take(place), mean, bets, trials=lost).max())
    starts = np.arange(0, len(place), _CHUNK)
    within = np.stack([np.add.reduceat(place == index, starts, dtype=np.int64) for index in range(len(values))])
    after = np.cumsum(within, axis=1)
    before = after - within
    per_value, per_trial = bets.growth(values), bets.growth(np.array([mean]))
    stakes = bets.log_weights[:, None] + per_value @ before - (lost + starts) * per_trial
    ends = stakes + per_value @ within - within.sum(axis=0) * per_trial
    bounds = _mixture(stakes + np.maximum(per_value - per_trial, 0.0) @ within)
    largest = float(_mixture(ends).max())
    for block in np.argsort(-bounds, kind="stable").tolist():
        if bounds[block] <= largest:
            break
        start = int(starts[block])
        growth = per_value @ before[:, block]
        inside = log_wealth(values.take(place[start : start + _CHUNK]), mean, bets, growth, lost + start)
        largest = max(largest, float(inside.max()))
    return largest


def _mixture(stakes: Floats) -> Floats:
    """ln of the sum of stakes given by their logarithms, bet by bet; shapes (k, n) and (n,)."""
    top = stakes.max(axis=0)
    total = np.zeros_like(top)
    for stake in stakes:  # in order, so that it does not matter how many trials are summed at once
        total += np.exp(stake - top)
    return np.asarray(top + np.log(total))


def log_anytime_p_values(scores: Floats, bound: float, bets: Bets = SPREAD) -> Floats:
    """ln of a p-value that may be looked at after every trial: min(1, 1/max of the martingale so far).

    Args:
        scores: U_i in [0, 1] in the order of execution, shape (N,).
        bound: ω, the largest mean of U under the null, in (0, 1].
        bets: Fixed before the data.

    Returns:
        ln p after each trial, shape (N,), never rising.
    """
    return RunningMartingale(bound, bets).update(scores)


def trial_scores(functional: Floats, distribution: Floats, trials: Trials) -> Floats:
    """U_i = (Z_i+z)/(2z) of each trial, Z = (A/r)·(+1 if a=b else −1), shape (N,).

    Args:
        functional: A, shape (n_A, n_B), the game at its multiplier.
        distribution: r(x,y) that every trial's setting was drawn from, same shape.
        trials: In the order of execution.
    """
    values, place = score_table(functional, distribution, trials)
    return values.take(place)


def score_table(functional: Floats, distribution: Floats, trials: Trials) -> tuple[Floats, NDArray[np.integer]]:
    """The values that U takes, shape (4·n_A·n_B,), and which of them each trial has, shape (N,); as `trial_scores`."""
    unit, _ = unit_weights(functional, distribution)
    together = np.array([[1.0, -1.0], [-1.0, 1.0]])
    return np.asarray((1 + unit[:, :, None, None] * together) / 2).ravel(), trials.codes()


def shot_scores(scores: Floats, parallel: int) -> Floats:
    """Mean U of each shot, shape (N/k,), for a test that holds whatever passes between the k pairs of one shot.

    Given all earlier shots it has mean at most ω, as each of its pairs has; pair by pair within a shot that is true
    only if the pairs do not influence one another.

    Args:
        scores: U_i of whole shots, shape (N,); trial i belongs to shot i // k.
        parallel: k.

    Raises:
        DataError: the trials do not fill whole shots.
    """
    if len(scores) % parallel:
        raise DataError(f"{len(scores)} trials do not fill shots of {parallel} pairs; give all trials of each shot")
    return np.asarray(scores.reshape(-1, parallel).mean(axis=1))
