"""A closed-form lower limit of V(κ), tight as traffic becomes light: the memoryless game again (every-classical §5)."""

from __future__ import annotations

import numpy as np
from bellqueue.model.errors import NoBoundError
from bellqueue.model.games.values.classical_value import classical_optimum
from bellqueue.model.games.values.xor_game import XorGame
from bellqueue.model.informed.accrual import unbounded_slope
from bellqueue.model.queueing.reward import PiecewiseLinearReward
from bellqueue.model.queueing.workload import Workload
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_ROUNDING = 64 * float(np.finfo(float).eps)


def light_traffic_bound(workload: Workload, kappa: float) -> float:
    """W − κτ ≥ −2κσ(1−ρ) + (1−2ρ)·min Σ π c, over local maps, for every classical router without communication.

    σ is the largest slope of the reward, and c the cost of a pair that finds both servers idle: d/2 + mφψ if it stays
    together, m(φ+ψ) if it is split, with m = κ(σ − λE[T(I)]), I ~ Exp(λ), φ = e^(−λm_x) and ψ = e^(−λn_y). It takes any
    number of types, and says less than `InformedBounds` where both can be computed.

    Raises:
        NoBoundError: the slope of the reward is unbounded, the routers know exact sizes, or κ is negative.
    """
    reason = unbounded_slope(workload.reward, workload.load)
    if reason is None and workload.knows_sizes:
        reason = "not computed: the routers know exact sizes, and a bound over types would not hold for them"
    if reason:
        raise NoBoundError(reason)
    if not kappa >= 0:
        raise ValueError(f"kappa is {kappa!r}; it must be at least 0")
    steepest = _largest_slope(workload)
    lost = kappa * (steepest - float(workload.reward.rate(np.array(workload.pair_rate))))
    left_a, left_b = np.exp(-workload.pair_rate * workload.mean_a), np.exp(-workload.pair_rate * workload.mean_b)
    together = workload.partner_waiting_time / 2 + lost * np.outer(left_a, left_b)
    split = lost * np.add.outer(left_a, left_b)
    magnitude = float((workload.joint * (together + split)).sum()) / 2
    game = XorGame(workload.joint * (split - together) / 2, magnitude=magnitude)
    least = magnitude - classical_optimum(game).bound.high
    ceiling = 2 * kappa * steepest * (1 - workload.load)
    return max(1 - 2 * workload.load, 0.0) * max(least, 0.0) - ceiling - _ROUNDING * (ceiling + magnitude)


def _largest_slope(workload: Workload) -> float:
    reward = workload.reward
    return reward.slopes[-1] if isinstance(reward, PiecewiseLinearReward) else 1.0
