"""The certificate of a menu: how sure is it that routers that know the past beat every classical router with it?

At any significance the outcome probabilities lie within limits, the worst of which a value iteration assumes at every
state. The p-value is the smallest significance at which the upper limit of W − κτ still lies below V(κ).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...model.informed.comparison import Comparison
from ...model.informed.measured import Limits, MeasuredPolicy
from ...model.progress import Watch, unwatched
from ...model.queueing.workload import Workload

Floats = NDArray[np.float64]

LEVELS = (150, 300, 600)  # of the grid, tried in turn until finer ones would hardly matter
_CLOSE = 0.05  # of the margin, that a finer grid may still add
_HOPE = 4.0  # times what finer grids may add is too little: no grid brings a margin
_STEPS = 12  # of the search for the p-value
_NEAR = 0.01  # of ln 1/p
MOST = 700.0  # ln 1/p at which the search ends: e^−700 is still a number


@dataclass(frozen=True)
class MenuTest:
    """What a menu's outcomes prove at one κ.

    Attributes:
        estimate: The upper limit of W − κτ if the probabilities were those estimated.
        limit: The same at the significance.
        log_p_value: ln of the smallest significance at which the limit lies below V(κ); 0 if none does.
    """

    estimate: float
    limit: float
    log_p_value: float


def fine_comparison(
    workload: Workload, kappa: float, split: Floats, watch: Watch = unwatched
) -> tuple[Comparison, MeasuredPolicy]:
    """V(κ) beside the cost of the best policy for known probabilities, on a grid fine enough, and that policy.

    Args:
        workload: The queueing model.
        kappa: κ.
        split: P(a≠b | k,x,y), shape (K, n_A, n_B).
        watch: Gets how far it is.

    Raises:
        NoBoundError: there is no bound on such routers.
    """
    known, before = Limits.exact(split), None
    for done, levels in enumerate(LEVELS):
        what, steps = "bounding classical and entangled routers that know the past", 3 * len(LEVELS)
        watch(what, 3 * done, steps)
        comparison = Comparison(workload, kappa, levels, before[0] if before else None)
        comparison.best_policy(known)
        watch(what, 3 * done + 1, steps)
        cost = comparison.cost(known)
        watch(what, 3 * done + 2, steps)
        margin = comparison.classical - cost
        if before:
            more = (margin - before[1]) / 3  # what finer grids may still add: the error falls as the step's square
            if abs(more) <= _CLOSE * abs(margin) or margin + _HOPE * more < 0:
                break
        before = comparison, margin
    # The cost has brought the potential of that policy, from which a better one may follow.
    return comparison, comparison.best_policy(known)


def policies(workload: Workload, kappa: float, split: Floats) -> tuple[MeasuredPolicy, MeasuredPolicy]:
    """The best routers that know the past: entangled ones with outcomes of these probabilities, and classical ones.

    Raises:
        NoBoundError: there is no bound on such routers.
    """
    comparison, policy = fine_comparison(workload, kappa, split)
    return policy, comparison.classical_policy


def menu_test(
    comparison: Comparison,
    split: Floats,
    limits: Callable[[float], Limits],
    log_significance: float,
    watch: Watch = unwatched,
) -> MenuTest:
    """Test a menu's outcomes.

    Args:
        comparison: A comparison on a grid that is fine enough. Its policy is the best by estimate: by the worst within
            limits, measuring is hardly worth it where it is hardly certified.
        split: P(a≠b | k,x,y) as estimated, shape (K, n_A, n_B).
        limits: The limits at a given ln of the significance.
        log_significance: ln α, for the limit that is reported.
        watch: Gets how far it is.
    """
    estimate = comparison.cost(Limits.exact(split))

    def margin(x: float) -> float:
        """By how far the limit at significance e^(−x) lies below V(κ)."""
        return comparison.classical - comparison.cost(limits(-x))

    limit = comparison.cost(limits(log_significance))
    known = -log_significance, comparison.classical - limit
    x = _largest(margin, known, comparison.classical - estimate, watch)
    return MenuTest(estimate, limit, 0.0 - x)


def _largest(margin: Callable[[float], float], known: tuple[float, float], most: float, watch: Watch) -> float:
    """The largest x found with margin(x) > 0, by secants: it falls about linearly. 0 if there is none.

    Args:
        margin: The margin at x = ln 1/p.
        known: An x, and the margin there.
        most: The margin without any noise; where it is not above 0, none is.
    """
    if most <= 0:
        return 0.0
    low, high = (known[0], MOST) if known[1] > 0 else (0.0, known[0])
    points = [known, (min(4 * known[0], MOST) if known[1] > 0 else known[0] / 2, math.nan)]
    x = points.pop()[0]
    for step in range(_STEPS):
        watch("searching the p-value", step, _STEPS)
        points.append((x, margin(x)))
        low, high = (x, high) if points[-1][1] > 0 else (low, x)
        if high - low <= _NEAR * high:
            break
        (before, was), (last, value) = sorted(points, key=lambda each: abs(each[1]))[:2]
        zero = last - value * (last - before) / (value - was) if value != was else 4 * last
        # A trifle beside it, on the side that is still open, so that the interval closes.
        beside = -1.0 if low < zero * (1 - _NEAR / 2) else 1.0
        x = min(
            max(zero * (1 + beside * _NEAR / 3), low + (high - low) / 20), high - (high - low) / 20, 8 * max(x, 1.0)
        )
    return low
