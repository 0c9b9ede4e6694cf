"""What the baseline task earns until the next arrival, in closed form from the slope of its reward.

With u the level of a server (its workload, or minus the time it has been idle) and t ~ Exp(λ) until the next pair, it
earns R(u) = ∫ e^(−λt) T′(t−u) [t > u] dt on average (every-classical §1).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..queueing.reward import PiecewiseLinearReward, PowerReward, Reward, WarmupReward
from ..queueing.workload import Workload

Floats = NDArray[np.float64]


def unbounded_slope(reward: Reward, load: float) -> str | None:
    """One sentence on why the reward admits no bound, or None if its slope is bounded."""
    if isinstance(reward, PiecewiseLinearReward | WarmupReward):
        return None
    if isinstance(reward, PowerReward) and reward.exponent > 1 and 2 * load < 1:
        return (
            "no such bound exists: one server can take every request while the other, never interrupted, earns a "
            f"power reward that grows without limit (load {load:.4g} is below 1/2)"
        )
    return "not computed: the slope of this baseline reward has no largest value"


def horizon(reward: Reward, pair_rate: float, kappa: float, tolerance: float) -> float:
    """A, the idle age (units of time) beyond which the slope of the reward is taken as constant.

    For a piecewise-linear reward it is constant beyond its last knot. A warm-up reward approaches slope 1; taking it
    as 1 beyond A earns at most θe^(−A/θ) more in each idle period, of which each server has at most λ per unit of time.

    Args:
        reward: A reward of bounded slope.
        pair_rate: λ.
        kappa: κ, what a unit of baseline throughput is worth.
        tolerance: What the simplification may cost, in units of W − κτ.
    """
    if isinstance(reward, PiecewiseLinearReward):
        return max(reward.knots, default=0.0)
    assert isinstance(reward, WarmupReward)  # no other has a bounded slope
    excess = 2 * kappa * min(1.0, pair_rate * reward.time)
    return reward.time * math.log(max(excess / tolerance, math.e))


def accrued(reward: Reward, pair_rate: float, level: Floats, age: float, low: bool = False) -> Floats:
    """λR(u): the mean reward of one server until the next arrival, times the rate of arrivals.

    Args:
        reward: A reward of bounded slope.
        pair_rate: λ.
        level: u, at least −`age`.
        age: The idle age beyond which a warm-up reward is given its limiting slope, to the rival's advantage.
        low: Whether to err on the low side instead, so that nothing is earned that the reward does not pay. Defaults to
            the high side.

    Returns:
        Same shape as `level`; it falls with u.
    """
    if isinstance(reward, PiecewiseLinearReward):
        # A table may be convex only up to rounding; raising its slopes, or lowering them, keeps what follows a bound.
        slopes = np.minimum.accumulate(reward.slopes[::-1])[::-1] if low else np.maximum.accumulate(reward.slopes)
        total = slopes[0] * np.exp(-pair_rate * np.maximum(level, 0.0))
        for knot, bend in zip(reward.knots, np.diff(slopes), strict=True):
            total = total + bend * np.exp(-pair_rate * np.maximum(level + knot, 0.0))
        return np.asarray(total)
    assert isinstance(reward, WarmupReward)  # no other has a bounded slope
    share = pair_rate * reward.time / (1 + pair_rate * reward.time)
    wait = np.exp(-pair_rate * np.maximum(level, 0.0))
    cold = share * wait * np.exp(np.minimum(level, 0.0) / reward.time)
    if low:
        return np.asarray(wait - cold)
    warm_at_last = share * np.exp(-pair_rate * (level + age)) * math.exp(-age / reward.time)
    return np.asarray(wait - cold + warm_at_last)


def throughput_slope(workload: Workload, splitting_probability: float) -> float:
    """τ′(p) = (1−ρ)·λ·d/dΛ (Λ·E[T(I)]) at Λ = λ(1+p)/2, from the closed form of the reward; never positive."""
    batch_rate = workload.pair_rate * (1.0 + splitting_probability) / 2
    return (1 - workload.load) * workload.pair_rate * float(workload.reward.rate_slope(np.array(batch_rate)))


def largest_kappa(workload: Workload) -> float:
    """The steepest trade-off of a memoryless strategy, max w/|τ′(1)|; infinite if τ does not fall with p."""
    slope = throughput_slope(workload, 1.0)
    return float(workload.weights.max()) / -slope if slope < 0 else math.inf
