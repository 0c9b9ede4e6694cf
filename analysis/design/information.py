"""The most that any test can gain from a trial, in nats: against a bound on the score, and against local models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...model.games.routing_game import Against, BoundedGame
from ..certificate.bets import local_bet, score_bet

Floats = NDArray[np.float64]

_MOST_TYPES = 10  # at both routers together
_STEPS = 40  # towards the settings that refute local correlators soonest
_LEAST = 1e-4  # share of each setting there, of an even one
_CALM = 0.5  # of the largest step of ln r


@dataclass(frozen=True)
class Information:
    """Growth rates of −ln p in nats per trial; no test of the same null hypothesis has a larger one for long.

    Attributes:
        score: min Σ r KL(q‖ω) over all correlators ω whose score is within the bound; 0 where q's is.
        local: The same over local correlators; None where types are too many for it to be found.
        local_at_best_settings: The same with the settings for which it is largest, found by ascent; None likewise.
    """

    score: float
    local: float | None
    local_at_best_settings: float | None


def information(game: BoundedGame, predicted: Floats, distribution: Floats, against: Against) -> Information:
    """What a trial is worth at correlators q, shape (n_A, n_B), and settings drawn from r, same shape."""
    functional, bound = game.matrix, game.bound(against).high
    score = max(score_bet(functional, bound, predicted, distribution).rate, 0.0)
    if sum(distribution.shape) > _MOST_TYPES:
        return Information(score, None, None)
    classical = functional, game.bound("memoryless").high
    at_these, at_best = (
        max(local_bet(predicted, r, classical).rate, 0.0)
        for r in (distribution, best_local_settings(predicted, classical))
    )
    return Information(score, at_these, max(at_best, at_these))


def best_local_settings(predicted: Floats, inequality: tuple[Floats, float]) -> Floats:
    """r, shape (n_A, n_B), from which local correlators are refuted soonest at q, by ascent from an even one.

    min over ω of Σ r KL(q‖ω) is concave in r, and its slope in r(x,y) is KL(q‖ω) there at the ω that is nearest.

    Args:
        predicted: q, shape (n_A, n_B).
        inequality: One to fall back on; as in `local_bet`.
    """
    r = np.full(predicted.shape, 1 / predicted.size)
    best, largest = r, -np.inf
    for step in range(_STEPS):
        bet = local_bet(predicted, r, inequality)
        if bet.rate > largest:
            best, largest = r, bet.rate
        slope = (bet.chances * np.log(bet.factors)).sum(axis=2) / r
        moved = slope - float((r * slope).sum())
        r = r * np.exp(_CALM * moved / max(float(np.abs(moved).max()), 1e-300) / (1 + step / 10))
        r = np.maximum(r / r.sum(), _LEAST / r.size)
        r = r / r.sum()
    return best
