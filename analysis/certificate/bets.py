"""The anytime-valid test by betting: every trial multiplies a stake by a factor that no rival has a mean above 1 of.

The settings are drawn afresh for every trial from r, so that a factor e(x,y,t), t being a=b or a≠b, has the mean
Σ r(x,y) Σ_t P(t|x,y) e(x,y,t) whatever the device remembers. If that is at most 1 for all correlators that the null
hypothesis allows, the product over the trials is a supermartingale, which ever reaches 1/α with probability at most α
(Ville). Each trial's factor may be chosen by all earlier ones.

A bet on a functional H, whose values under the null are at most h, is e = 1 + λ[(H/r)(t − ω) + Σ H ω − h] with t = ±1:
its mean at correlators c is 1 + λ(Σ H c − h), for any λ ≥ 0 and ω that leave it non-negative. At the correlators q
predicted it grows fastest with ω the point of {Σ H ω ≤ h} next to q, min Σ r KL(q‖ω), where e is the likelihood ratio
of q over ω.

Two null hypotheses: the score is at most a bound (H = G); or the correlators are local, where H is the inequality that
parts q from the local polytope best: the prediction-based ratio of Zhang, Glancy and Knill, Phys. Rev. A 84, 062118
(2011). The latter refutes local hidden variables sooner, but only the former says that the score is beyond the bound.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from ...model.errors import DataError
from ...model.games.routing_game import Against, BoundedGame
from ...model.games.values.classical_value import classical_optimum
from ...model.games.values.xor_game import XorGame
from ...model.trials import Trials
from .scores import Method

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MOST_STRATEGIES = 2**13  # deterministic strategies up to which the nearest local correlators are found
_CERTAIN = 1 - 1e-6  # no correlator is predicted to be nearer ±1, lest one outcome should end the game
_KEPT = 1e-9  # share of the stake that is never bet, more than rounding takes
_STEPS = 500  # of the search for the nearest local correlators
_CLOSE = 1e-6  # largest mean above 1 at which it ends
_FIRST, _EVERY = 100, 1.5  # trials after which the prediction is first mended, and growth until the next time
_TRUST = 2000.0  # trials that the prediction of each setting's correlator weighs as many as, in all
_TRUST_IN_SCALE = 200.0  # the same for the visibility, which all of them share


@dataclass(frozen=True, eq=False)
class Bet:
    """What one trial multiplies the stake by.

    Attributes:
        factors: e(x,y,t), shape (n_A, n_B, 2): for a=b, and for a≠b; all above 0.
        predicted: The correlators it was made for, shape (n_A, n_B).
        distribution: r(x,y), same shape.
    """

    factors: Floats
    predicted: Floats
    distribution: Floats

    @property
    def chances(self) -> Floats:
        """P(x,y,t) predicted, shape (n_A, n_B, 2)."""
        sides = np.stack([1 + self.predicted, 1 - self.predicted], axis=2) / 2
        return np.asarray(self.distribution[:, :, None] * sides)

    @property
    def rate(self) -> float:
        """The mean of ln e as predicted, in nats per trial: at most KL(q‖null), which no test exceeds for long."""
        return float((self.chances * np.log(self.factors)).sum())


Bettor = Callable[[Floats, Floats], Bet]  # (q, r) → the bet


def score_bet(functional: Floats, bound: float, predicted: Floats, distribution: Floats) -> Bet:
    """The bet that grows fastest at q among those against Σ H c ≤ h.

    Args:
        functional: H, shape (n_A, n_B).
        bound: h.
        predicted: q, same shape; where it does not exceed the bound there is no bet, and all factors are 1.
        distribution: r, same shape.

    Raises:
        DataError: a setting that H weighs is never drawn.
    """
    if np.any((distribution <= 0) & (functional != 0)):
        raise DataError("every pair of types that the game weighs must be drawn with a probability above 0")
    q = np.clip(predicted, -_CERTAIN, _CERTAIN)
    per_trial = np.where(distribution > 0, functional / np.where(distribution > 0, distribution, 1.0), 0.0)

    def nearest(stake: float) -> Floats:
        """ω with r(q−ω) = λH(1−ω²): where Σ r KL(q‖ω) + λ Σ H ω is least."""
        slope = stake * per_trial
        return np.asarray(2 * (q - slope) / (1 + np.sqrt((1 - 2 * slope) ** 2 + 4 * slope * (1 - q))))

    def above(stake: float) -> float:
        return float((functional * nearest(stake)).sum()) - bound

    factors = np.ones((*q.shape, 2))
    reach = float(np.abs(functional).sum())
    if above(0.0) > 1e-12 * reach and bound > -reach * _CERTAIN:
        most = 1 / max(float(np.abs(per_trial).max()), 1e-300)
        while above(most) > 0:
            most *= 2
        stake = float(brentq(above, 0.0, most, xtol=1e-15 * most))
        omega = nearest(stake)
        rest = 1 + stake * (float((functional * omega).sum()) - bound)
        gains = [stake * per_trial * (sign - omega) for sign in (1, -1)]
        factors = np.stack([rest + gain for gain in gains], axis=2)
    return _safe(factors, q, distribution)


def local_bet(predicted: Floats, distribution: Floats, fallback: tuple[Floats, float]) -> Bet:
    """The bet that grows fastest at q among those against all local correlators: the prediction-based ratio.

    Args:
        predicted: q, shape (n_A, n_B).
        distribution: r, same shape; settings with r = 0 are left out of the inequality.
        fallback: An inequality H and its bound for q that the search finds nothing better for, or where there are too
            many types to search.
    """
    q = np.clip(predicted, -_CERTAIN, _CERTAIN)
    found = score_bet(*fallback, q, distribution)
    omega = _nearest_local(q, distribution)
    if omega is None:
        return found
    functional = np.where(distribution > 0, distribution * (q - omega) / (1 - omega**2), 0.0)
    if np.abs(functional).max() < 1e-9:
        return found
    bound = classical_optimum(XorGame(functional)).bound.high  # a proof, however near the search came
    better = score_bet(functional, bound, q, distribution)
    return better if better.rate > found.rate else found


def bettor_against(game: BoundedGame, against: Against) -> tuple[Bettor, Method]:
    """The maker of bets against a class of classical routers, and the name of its method.

    Against memoryless routers the null hypothesis is that the correlators are local, where the types are all that they
    know; against every classical router, or routers that know the exact sizes, that the score is within their bound.
    """
    functional, bound = game.matrix, game.bound(against).high
    if against == "memoryless":
        types_alone = classical_optimum(game.xor).bound.high
        if bound <= types_alone + 1e-9 * float(np.abs(functional).sum()):
            return lambda q, r: local_bet(q, r, (functional, bound)), "prediction-based ratios"
    return bettor_on_score(game, against), "betting"


def bettor_on_score(game: BoundedGame, against: Against) -> Bettor:
    """Bets that the score of the game exceeds the bound of a class of classical routers."""
    functional, bound = game.matrix, game.bound(against).high
    return lambda q, r: score_bet(functional, bound, q, r)


def _safe(factors: Floats, predicted: Floats, distribution: Floats) -> Bet:
    """Keep a billionth back: no factor is 0, and rounding lifts no mean above 1."""
    return Bet(np.maximum(_KEPT + (1 - 2 * _KEPT) * factors, _KEPT / 2), predicted, distribution)


@lru_cache(maxsize=8)
def _strategies(shape: tuple[int, int]) -> Floats | None:
    """Correlators of all deterministic strategies, shape (k, n_A·n_B); None where they are too many."""
    n_a, n_b = shape
    if 2 ** (n_a + n_b - 1) > MOST_STRATEGIES:
        return None
    a, b = (1 - 2.0 * (np.arange(2**n)[:, None] >> np.arange(n) & 1) for n in shape)
    return np.asarray(np.einsum("ix,jy->ijxy", a[: 2 ** (n_a - 1)], b).reshape(-1, n_a * n_b))


def _nearest_local(q: Floats, distribution: Floats) -> Floats | None:
    """The local correlators ω next to q, min Σ r KL(q‖ω), over mixtures of deterministic strategies.

    None where strategies are too many. Expectation maximization multiplies each strategy's share by the mean of q/ω
    under it; where no mean is above 1 the mixture is the best one. Powers of the means go faster, as long as the
    divergence falls.
    """
    strategies = _strategies(q.shape)
    if strategies is None:
        return None
    drawn = distribution.ravel() > 0
    r, target, signs = distribution.ravel()[drawn], q.ravel()[drawn], strategies[:, drawn]

    def mixed(shares: Floats) -> tuple[Floats, float]:
        omega = np.clip(shares @ signs, -_CERTAIN, _CERTAIN)
        return omega, -float((r * ((1 + target) * np.log1p(omega) + (1 - target) * np.log1p(-omega))).sum())

    shares, power = np.full(len(signs), 1 / len(signs)), 1.0
    omega, divergence = mixed(shares)
    for step in range(_STEPS):
        # Σ r [(1+s)/2·(1+q)/(1+ω) + (1−s)/2·(1−q)/(1−ω)] under the signs s of a strategy
        up, down = r * (1 + target) / (1 + omega) / 2, r * (1 - target) / (1 - omega) / 2
        means = (up + down).sum() + signs @ (up - down)
        if means.max() <= 1 + _CLOSE:
            break
        moved = shares * means**power
        moved /= moved.sum()
        further = mixed(moved)
        if further[1] > divergence + 1e-15 and power > 1:
            power = max(1.0, power / 4)
            continue
        shares, (omega, divergence), power = moved, further, power * 1.3
        if step % 50 == 49:  # strategies that died out cost time only
            kept = shares > 1e-12 * shares.max()
            shares, signs = shares[kept] / shares[kept].sum(), signs[kept]
    found = np.zeros(q.size)
    found[drawn] = omega
    return found.reshape(q.shape)


class RunningBets:
    """The test carried on with every new round of trials; the same numbers, but for rounding, however they are cut.

    The prediction is mended by the trials so far, at moments fixed beforehand: their visibility, which they soon show,
    and each setting's own correlator, where the prediction weighs as many trials as it takes to overrule it.

    Lost trials are charged the worst factor of their setting in any bet so far, wherever they lay, before all gains.

    Attributes:
        predicted: q before the first trial, shape (n_A, n_B).
        distribution: r, same shape.
        trials: Number of trials with an outcome so far.
        bet: The bet on the next trial.
        until: The number of trials after which the next bet is made.
    """

    def __init__(self, bettor: Bettor, predicted: Floats, distribution: Floats) -> None:
        self._bettor, self.predicted, self.distribution = bettor, predicted, distribution
        self.trials, self.until = 0, _FIRST
        self._counts = np.zeros((*predicted.shape, 2), dtype=np.int64)  # with a=b, and with a≠b
        self._lost = np.zeros(predicted.shape, dtype=np.int64)
        self.bet = bettor(predicted, distribution)
        self._worst = np.minimum(self.bet.factors.min(axis=2), 1.0)  # ever, a factor that was never bet being 1
        self._wealth = self._largest = 0.0

    @property
    def log_p_value(self) -> float:
        """ln p now: valid however often one looks, and whenever one stops."""
        charged = float((self._lost * np.log(self._worst)).sum())
        return -max(self._largest + charged, 0.0)

    def update(self, trials: Trials | None, lost: Integers | None = None) -> Floats:
        """Take in a round, and give ln of the stake after each of its trials, lost ones aside, shape (N,).

        Args:
            trials: Trials with an outcome, in the order of execution.
            lost: Numbers of trials without one, shape (n_A, n_B).
        """
        if lost is not None:
            self._lost = self._lost + lost
        if trials is None:
            return np.zeros(0)
        codes = trials.codes().astype(np.int64)
        place = (codes >> 2) * 2 + ((codes >> 1 ^ codes) & 1)  # (x·n_B + y)·2 + (a≠b)
        path, start = np.empty(len(place)), 0
        while start < len(place):
            stop = min(len(place), start + self.until - self.trials)
            part = place[start:stop]
            path[start:stop] = self._wealth + np.cumsum(np.log(self.bet.factors).ravel()[part])
            self._wealth = float(path[stop - 1])
            self._counts += np.bincount(part, minlength=self._counts.size).reshape(self._counts.shape)
            self.trials += stop - start
            start = stop
            if self.trials == self.until:
                self.until = math.ceil(self.until * _EVERY)
                self.bet = self._bettor(self._mended(), self.distribution)
                self._worst = np.minimum(self._worst, self.bet.factors.min(axis=2))
        self._largest = max(self._largest, float(path.max()))
        return path

    def _mended(self) -> Floats:
        """The prediction after the trials so far."""
        q, settings = self.predicted, self._counts.sum(axis=2)
        sums = (self._counts[:, :, 0] - self._counts[:, :, 1]).astype(float)
        weighed = _TRUST_IN_SCALE * float((self.distribution * q**2).sum())
        scale = (weighed + float((q * sums).sum())) / max(weighed + float((q**2 * settings).sum()), 1e-300)
        scaled = np.clip(scale * q, -1.0, 1.0)
        prior = _TRUST * self.distribution
        return np.asarray((prior * scaled + sums) / np.maximum(prior + settings, 1e-300))
