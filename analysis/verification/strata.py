"""Σ A c setting by setting: the least divergence from a null hypothesis, and limits, at which an e-value has its level.

The trials of each setting with A·(+1 if a=b else −1) > 0 are wins; lost trials are not. A limit from above is one from
below of −A. In both n(x,y) is given, and trials are independent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from .evidence import Evidence, Score
from .findings import RELATIVE, Findings, Json
from .game import Game
from .tails import kullback_leibler

Floats = NDArray[np.float64]

LEAST_DIVERGENCE = "least Σ n KL of what was observed from the bound, by bisection"
_LEVEL = 1e-4  # of ln α, to which a limit has its level
_HALVINGS = 60
_FAR = 60.0  # ln s between which to search, s in units of 1/Σ|A|


@dataclass(frozen=True, eq=False)
class Strata:
    """The settings that A weighs and that were asked for.

    Attributes:
        weights: |A|, shape (k,).
        asked: n, lost trials included.
        wins: Trials that add to Σ A c.
        unknown: Σ|A| of what was never asked for.
    """

    weights: Floats
    asked: Floats
    wins: Floats
    unknown: float

    @classmethod
    def of(cls, table: Floats, evidence: Evidence) -> Strata:
        """Of A, shape (n_A, n_B)."""
        asked = evidence.measured + evidence.lost
        same = evidence.counts[:, :, 0, 0] + evidence.counts[:, :, 1, 1]
        wins = np.where(table > 0, same, evidence.measured - same)
        kept = (table != 0) & (asked > 0)
        unknown = float(np.abs(table[asked == 0]).sum())
        return cls(np.abs(table[kept]), asked[kept].astype(float), wins[kept].astype(float), unknown)

    @cached_property
    def observed(self) -> float:
        """Σ A c with lost trials as losses."""
        return math.fsum((self.weights * (2 * self.wins / self.asked - 1)).tolist())

    def log_tail(self, bound: float) -> float:
        """−min Σ n KL(c′‖c) over Σ A c′ ≥ observed and Σ A c ≤ bound, in 40 digits at the minimum found.

        There c′ = tanh(artanh c + u) with u = sA/n, and c = nd/A − coth u + 1/u with d = 1/ν − 1/s, cut off at ±1: the
        multipliers s and ν belong to the two conditions. For each s the d that makes Σ A c the bound is found, and by
        bisection the s that makes Σ A c′ what was observed. What was never asked for may take `unknown` of the bound.
        """
        reach, bound = float(self.weights.sum()), bound + self.unknown
        if self.observed <= bound or bound >= reach:
            return 0.0
        if bound <= -reach:
            return -math.inf
        ratios = self.weights / reach / self.asked

        def pair(log_s: float) -> tuple[Floats, Floats]:
            u = math.exp(log_s) * ratios
            offset = np.where(u < 1e-3, u / 3, 1 / np.tanh(u) - 1 / u)  # to 1e-10 of a small number

            def null(d: float) -> Floats:
                return np.clip(d / ratios - offset, -1.0, 1.0)

            ends = -float(ratios.max()), 2 * float(ratios.max())
            c = null(brentq(lambda d: float(self.weights @ null(d)) - bound, *ends, xtol=1e-300, rtol=1e-15))
            return c, (c + np.tanh(u)) / np.maximum(1 + c * np.tanh(u), 1e-300)

        low, high = -_FAR, _FAR
        for _ in range(_HALVINGS):
            log_s = (low + high) / 2
            low, high = (log_s, high) if float(self.weights @ pair(log_s)[1]) < self.observed else (low, log_s)
        null, shifted = ((1 + each) / 2 for each in pair(high))
        return -math.fsum(
            n * kullback_leibler(min(u, 1.0), omega)
            for n, u, omega in zip(self.asked.tolist(), shifted.tolist(), null.tolist(), strict=True)
            if 0 < omega < 1
        )

    def log_e_value(self, limit: float, level: float) -> float:
        """ln of Π exp(λ(X−μ) − v) over all trials at Σ A c = limit, whose mean is at most 1.

        λ = 2s|A|/n in each setting, and v is ψ(λ)(X−m)² with ψ(λ) = −ln(1−λ)−λ and m = (½ + wins before)/t in the mean
        over all orders, or Hoeffding's λ²/8. Of 40 values from 0.1 to 1.5 of what a normal law asks for, s is the one
        that makes the limit at ln 1/α = `level` best where the variance of X is ⅛.
        """

        normal = math.sqrt(2 * level / float((self.weights**2 / self.asked / 2).sum()))
        best = (math.inf, 0.0, self.weights, self.weights)
        for step in range(40):
            s = normal * 0.1 * 15 ** (step / 39)
            tilt = s * 2 * self.weights / self.asked
            variance = np.where(tilt <= 0.95, _psi(tilt) * self.asked / 8, np.inf)
            width = (level + float(np.minimum(variance, tilt**2 / 8 * self.asked).sum())) / s
            best = min(best, (width, s, tilt, variance), key=lambda each: each[0])
        _, s, tilt, variance = best
        hoeffding = tilt**2 / 8 * self.asked
        scattered = np.array([scatter(int(k), int(n)) for k, n in zip(self.wins, self.asked, strict=True)])
        spread = np.where(variance < hoeffding, _psi(tilt) * scattered, hoeffding)
        return s * (self.observed - self.unknown - limit) - math.fsum(spread.tolist())


def _psi(tilt: Floats) -> Floats:
    inside = np.minimum(tilt, 0.95)
    return np.asarray(-np.log1p(-inside) - inside)


def scatter(wins: int, trials: int) -> float:
    """E Σ_t (X_t − (½ + X_1 + … + X_{t−1})/t)² over all orders, by the hypergeometric moments of each term."""
    t = np.arange(1.0, trials + 1)
    one = wins / trials
    two = wins * (wins - 1) / max(trials * (trials - 1), 1)  # of two given places both are wins
    cross = (one / 2 + (t - 1) * two) / t
    squares = (0.25 + 2 * (t - 1) * one + (t - 1) * (t - 2) * two) / t**2
    return float((one - 2 * cross + squares).sum())


def check_observed_limits(
    findings: Findings, game: Game, observed: Json, evidence: Evidence, significance: float
) -> None:
    """Limits of the splitting probability and of the waiting time observed, each at a sixth of α."""
    joint, weights = (np.array(table, dtype=float) for table in (game.joint, game.weights))
    unavoidable = float(game.unavoidable + game.saved / 2)
    tables = {"splitting_probability": (-joint / 2, 0.5), "waiting_time": (joint * weights / 2, unavoidable)}
    for name, (table, constant) in tables.items():
        for sign, end in ((1, "low"), (-1, "high")):
            score, level = Score(sign * table, evidence), math.log(significance / 6)
            _check(findings, f"observed.{name}.{end}", score, observed[name], observed[name][end], constant, level)


def check_excess_limits(
    findings: Findings, part: str, claim: Json, matrix: Floats, bound: float, evidence: Evidence, significance: float
) -> None:
    """Limits of Δ, each at half of α, and the lower one alone at α; those with a tail of their own invert it.

    Args:
        findings: Gets the rows.
        part: Name of the part of the record.
        claim: That part.
        matrix: G.
        bound: The recorded bound on Σ G c.
        evidence: The counts.
        significance: α, divided by the multipliers and the inversions tried.
    """
    excess, whole = claim["excess"], math.log(significance)
    low, high = (Score(sign * matrix, evidence) for sign in (1, -1))
    half = whole - math.log(2)
    _check(findings, f"{part}.excess.low", low, excess, excess["low"], -bound, half, inverted=True)
    _check(findings, f"{part}.excess.high", high, excess, excess["high"], -bound, half)
    _check(findings, f"{part}.excess_at_least", low, excess, claim["excess_at_least"], -bound, whole, inverted=True)


def _check(
    findings: Findings,
    what: str,
    score: Score,
    around: Json,
    recorded: float,
    constant: float,
    level: float,
    inverted: bool = False,
) -> None:
    """One limit: below it (above it, of a functional turned round) everything is refuted at the level, at it just so.

    `inverted` says that with realised settings it inverts the tail of the p-value.
    """
    if score.scale == 0:
        return
    upper = what.endswith("high")
    limit, reach = (constant - recorded) if upper else (recorded - constant), float(np.abs(score.game).sum())
    if limit <= -reach * (1 - RELATIVE):
        findings.claim(what, recorded, None, "no correlators lie beyond it", True)
        return
    if score.evidence.stopped:
        log_p, how = -score.log_mixture(limit), "1/mixture of stakes"
    elif score.evidence.drawn is not None and score.binary:
        log_p, how = score.log_tail(limit)
    elif score.evidence.drawn is None and inverted:
        log_p, how = Strata.of(score.game, score.evidence).log_tail(limit), LEAST_DIVERGENCE
    else:
        log_p, how = -Strata.of(score.game, score.evidence).log_e_value(limit, -level), "empirical-Bernstein e-value"
    allowed = _LEVEL * -level
    # A limit that the estimate itself had to move outwards may be further out than its level.
    holds = log_p <= level + allowed and (log_p >= level - allowed or recorded == around["estimate"])
    how = f"{how}; there ln p = {log_p:.6g}, at the level {level:.6g}"
    findings.claim(what, recorded, None, how, holds, f"{allowed:.1e} of ln p")
