"""What a deployed link must pass before entangled routers pay, each criterion with its margin.

The criteria follow Li et al., arXiv:2604.07451: decisions before a message could arrive, pairs as fast and as good as
requests need, and trials enough to certify while the surroundings stay the same. `trials_required` gives their numbers
of CHSH trials: 34 and 143 for ideal pairs at α = 0.05 and 0.001, 65 and 238 at a depolarising infidelity of 0.061.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc

from ..games.frontiers import Frontiers
from ..games.latency import break_even_latency
from ..games.routing_game import Against
from .link import fidelity_of
from .operation import LinkOperation, LinkPoint

Floats = NDArray[np.float64]

LIGHT_IN_VACUUM = 299_792.458  # km/s
_CHUNK = 1 << 14  # numbers of trials tried at once
_MANY = 1 << 16  # trials beyond which rounding to whole wins moves the number by less than a hundredth


@dataclass(frozen=True)
class Criterion:
    """One thing that a deployment needs.

    Attributes:
        name: What it is.
        value: What the link has; None if that is not known.
        needed: The limit; None if it is not known, or nothing would do.
        passed: Whether the value is on the right side of it; None if that is not known.
        margin: How far on the right side, in the unit of the value; negative if it fails.
    """

    name: str
    value: float | None
    needed: float | None
    passed: bool | None
    margin: float | None

    @classmethod
    def of(cls, name: str, value: float | None, needed: float | None, *, at_most: bool = False) -> Criterion:
        """The value must be above what is needed, with `at_most` below it; infinity is out of reach."""
        reachable = needed is None or math.isfinite(needed)
        if value is None or needed is None or not reachable:
            return cls(name, value, needed if reachable else None, None if reachable else False, None)
        margin = needed - value if at_most else value - needed
        return cls(name, value, needed, margin > 0, margin if math.isfinite(margin) else None)


def criteria(
    operation: LinkOperation, point: LinkPoint, against: Against, significance: float, time_unit_seconds: float | None
) -> tuple[Criterion, ...]:
    """All criteria at an operating point.

    Args:
        operation: What links reach for the workload.
        point: The operating point of the link.
        against: The class of classical routers to beat.
        significance: α of the certificate.
        time_unit_seconds: The unit of time in seconds, if it is known.

    Raises:
        NoBoundError: there is no bound on every classical router.
    """
    link, rate = point.link, operation.workload.pair_rate
    message = None if link.distance_km is None else link.delay
    light = None
    if link.distance_km is not None and time_unit_seconds is not None:
        light = link.distance_km / LIGHT_IN_VACUUM / time_unit_seconds
    break_even = break_even_latency(operation.frontiers, point.splitting_probability, point.waiting_time)
    least = operation.least_heralded_visibility(link, against)
    used = None if math.isnan(point.mean_visibility_when_used) else point.mean_visibility_when_used
    visibility_needed, trials_needed = _at_edge(operation.frontiers, point, against, significance)
    trials = None if link.stationary_time is None else rate * link.stationary_time
    return (
        Criterion.of("decision before light could bring a message", link.decision_time, light, at_most=True),
        Criterion.of("a message takes longer than break-even", message, break_even),
        Criterion.of("pairs faster than requests", link.rate if math.isfinite(link.rate) else None, rate),
        Criterion.of(
            "fidelity when heralded",
            fidelity_of(link.heralded_visibility),
            fidelity_of(least) if least <= 1 else math.inf,
        ),
        Criterion.of("mean visibility when used", used, visibility_needed),
        Criterion.of("trials while the surroundings stay the same", trials, trials_needed),
    )


def trials_required(null: float, mean: float, significance: float) -> int | None:
    """The least n for which ⌈n·mean⌉ wins have at most probability α under the null: P[Bin(n, ω) ≥ ⌈n q⌉] ≤ α.

    A run that wins as often as expected certifies with so many trials; one in two wins less often.

    Args:
        null: ω, the largest chance of a classical win.
        mean: q, the chance expected.
        significance: α.

    Returns:
        n, or None if q is no larger than ω.
    """
    if not mean > null + 1e-12:
        return None
    if null <= 0:
        return 1
    first = 1
    while first < _MANY:
        trials = np.arange(first, first + _CHUNK)
        # Products like 20·0.85 must not be lifted to the next whole number by rounding.
        wins = np.ceil(trials * mean * (1 - 1e-14))
        enough = np.flatnonzero(_tail(wins, trials, null) <= significance)
        if enough.size:
            return int(trials[enough[0]])
        first += _CHUNK
    low, high = first, 2 * first
    while _tail(math.ceil(high * mean), high, null) > significance:
        low, high = high, 2 * high
        if high > 1e15:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if _tail(math.ceil(middle * mean), middle, null) <= significance:
            high = middle
        else:
            low = middle
    return high


def _tail(wins: ArrayLike, trials: ArrayLike, chance: float) -> Floats:
    """P[Bin(n, ω) ≥ k] for k ≥ 1, by the incomplete beta function."""
    least = np.asarray(wins, dtype=float)
    return np.asarray(betainc(least, np.asarray(trials) - least + 1, chance))


def _at_edge(frontiers: Frontiers, point: LinkPoint, against: Against, significance: float) -> tuple[float, float]:
    """The mean visibility of the pairs used from which a point beats a class, and the trials that certify its score.

    The game is that at the multiplier of the class's frontier at the point's p: who scores more than its bound β lies
    below the frontier. Settings are drawn in proportion to |G|.
    """
    p, link = point.splitting_probability, point.link
    multiplier = frontiers.classical_multiplier(p, point.multiplier, against)
    game = frontiers.game(multiplier)
    bound = game.line(frontiers.rival(against).least(multiplier))
    fallback = sum(each.probability * float(each.a @ game.matrix @ each.b) for each in point.fallback)
    fallen_back = 1 - point.availability * (1 - link.neither_detects)
    gain = point.availability * link.read_out * float((game.matrix * point.correlators).sum())
    visibility = (bound - fallen_back * fallback) / gain if gain > 0 else math.inf
    largest = float(np.abs(game.matrix).sum())
    if largest == 0:
        return math.inf, math.inf
    score = frontiers.workload.uncorrelated_waiting_time - point.waiting_time + multiplier * (0.5 - p)
    null, mean = ((1 + each / largest) / 2 for each in (bound, score))
    trials = trials_required(null, mean, significance)
    return visibility if visibility <= 1 else math.inf, math.inf if trials is None else trials
