"""The two servers in a plain loop over pairs that numba compiles, with numba's own np.random: what a loop can reach.

Its arithmetic is spelled out here rather than taken from bellqueue, so that the means that agree say something.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from bellqueue.model.queueing.reward import PiecewiseLinearReward
from bellqueue.model.queueing.simulation import SimulatedEstimate
from bellqueue.model.queueing.workload import Workload

from ._measures import BATCHES, Floats, estimates


def _loop(
    gap_mean: float,
    shares: Floats,
    means_a: Floats,
    means_b: Floats,
    exponential: bool,
    split: Floats,
    setup: float,
    pairs: int,
    seed: int,
    sums: Floats,
) -> None:
    """Poisson pairs with types, the shared flip, two Lindley recursions, and the reward of each idle period that ends.

    Args:
        gap_mean: 1/λ.
        shares: Cumulated joint table of types, row after row.
        means_a, means_b: Mean service time of each type.
        exponential: Whether service times are exponential; else deterministic.
        split: s(x,y).
        setup: c of the reward max(t − c, 0).
        pairs: Number of pairs.
        seed: Seed of numba's generator.
        sums: Filled with (waited, splits, pairs, reward, elapsed) of each batch, shape (batches, 5).
    """
    np.random.seed(seed)
    columns = means_b.size
    work_0 = work_1 = idle_0 = idle_1 = 0.0
    for pair in range(pairs):
        gap = np.random.exponential(gap_mean)
        code = np.searchsorted(shares, np.random.random(), side="right")
        x, y = code // columns, code % columns
        service_a, service_b = means_a[x], means_b[y]
        if exponential:
            service_a = np.random.exponential(service_a)
            service_b = np.random.exponential(service_b)
        a = np.random.random() < 0.5
        splits = np.random.random() < split[x, y]
        b = a != splits
        a_first = np.random.random() < 0.5
        idle_0 += max(gap - work_0, 0.0)
        idle_1 += max(gap - work_1, 0.0)
        work_0 = max(work_0 - gap, 0.0)
        work_1 = max(work_1 - gap, 0.0)
        waited = (work_1 if a else work_0) + (work_1 if b else work_0)
        if not splits:
            waited += service_a if a_first else service_b
        reward = 0.0
        if not (a and b):
            reward += max(idle_0 - setup, 0.0)
            idle_0 = 0.0
        if a or b:
            reward += max(idle_1 - setup, 0.0)
            idle_1 = 0.0
        work_0 += (0.0 if a else service_a) + (0.0 if b else service_b)
        work_1 += (service_a if a else 0.0) + (service_b if b else 0.0)
        batch = sums[pair * len(sums) // pairs]
        batch[0] += waited
        batch[1] += splits
        batch[2] += 1
        batch[3] += reward
        batch[4] += gap


_compiled: Any = numba.njit(_loop)


def run(workload: Workload, split: Floats, pairs: int, seed: int) -> dict[str, SimulatedEstimate]:
    """The three measures, from batch means. Services are all deterministic or all exponential, the reward a set-up."""
    kinds = {service.kind for service in (*workload.services_a, *workload.services_b)}
    reward = workload.reward
    if len(kinds) > 1 or not kinds <= {"deterministic", "exponential"}:
        raise ValueError(f"the numba loop knows deterministic or exponential services, not {sorted(kinds)}")
    if not isinstance(reward, PiecewiseLinearReward) or reward.slopes != (0.0, 1.0):
        raise ValueError("the numba loop knows the reward of a set-up time only")
    shares = workload.joint.ravel().cumsum()
    shares[-1] = 1.0
    sums = np.zeros((BATCHES, 5))
    means = workload.mean_a, workload.mean_b
    _compiled(1 / workload.pair_rate, shares, *means, "exponential" in kinds, split, reward.knots[0], pairs, seed, sums)
    return estimates(*sums.T)
