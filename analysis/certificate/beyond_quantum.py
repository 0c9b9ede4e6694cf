"""The alarm of correlators that nothing quantum gives: a score beyond β_Q, or CHSH S beyond 2√2 (MODEL §4)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ...model.estimate import Estimate, above
from ...model.games.routing_game import BoundedGame
from .diagnostics import ALARM_P_VALUE, chsh
from .estimates import estimate_functional
from .samples import Sample

TSIRELSON = 2 * math.sqrt(2)


@dataclass(frozen=True)
class BeyondQuantum:
    """Are the correlations stronger than entanglement can make them?

    Attributes:
        multiplier: μ of the game in which they look strongest.
        score_share: Σ G c there over the upper end of β_Q; above 1 nothing quantum scores.
        chsh: CHSH S; None unless 2×2 settings were measured.
        significance: Level of each one-sided limit: ALARM_P_VALUE over the number of tests that the data chose from.
        alarm: Whether a lower limit lies beyond what is quantum.
    """

    multiplier: float
    score_share: Estimate
    chsh: Estimate | None
    significance: float
    alarm: bool


def beyond_quantum_test(games: Sequence[BoundedGame], tried: int, sample: Sample) -> BeyondQuantum | None:
    """Compare the lower limits of the scores and of S with the quantum bounds.

    A device on the quantum bound rings with probability at most ALARM_P_VALUE, if its trials are independent: the
    limits hold at every sample size, and their level is split over all tests that could have been made.

    Args:
        games: The games at the multipliers of the certificates.
        tried: Multipliers that these were chosen from.
        sample: The data.

    Returns:
        The outcome; None if no game has a weight.

    Raises:
        DataError: a setting that a game weighs was never asked for, or a run that could stop had no fresh settings.
    """
    weighing = [game for game in games if not game.is_zero]
    if not weighing:
        return None
    significance = ALARM_P_VALUE / (tried * sample.choices + (sample.counts.shape == (2, 2)))
    level = math.log(significance)
    shares = [
        (estimate_functional(game.matrix / float(game.bound("quantum").high), 0.0, sample, level), game.multiplier)
        for game in weighing
    ]
    share, multiplier = max(shares, key=lambda found: found[0].low)
    s = chsh(sample, level)
    return BeyondQuantum(multiplier, share, s, significance, share.low > 1 or (s is not None and s.low > TSIRELSON))


def beyond_quantum_warning(test: BeyondQuantum | None) -> list[str]:
    """The alarm in words, if it rings."""
    if test is None or not test.alarm:
        return []
    found = []
    if test.score_share.low > 1:
        found.append(times_the_limit(test.score_share))
    if test.chsh and test.chsh.low > TSIRELSON:
        found.append(
            f"CHSH S at least {above(test.chsh.low, TSIRELSON, 3)}, where the quantum limit is {TSIRELSON:.3f}"
        )
    return [too_strong("; ".join(found))]


def times_the_limit(share: Estimate) -> str:
    """How far a score lies beyond the quantum bound at least, in words."""
    return f"at least {above(share.low, 1.0, 3)} times the quantum limit"


def too_strong(how: str) -> str:
    """The warning of correlations that nothing quantum gives."""
    return (
        f"BEYOND-QUANTUM ALARM: the correlations are too strong ({how}), which means mislabeled types or outcomes, a "
        "signal between the routers, or a mistake; nothing quantum gives that"
    )
