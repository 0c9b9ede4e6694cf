"""What becomes of certified routers if news of the servers is late, by an event simulation of its own."""

from __future__ import annotations

import numpy as np
import pytest
from bellqueue.model.informed.comparison import Comparison
from bellqueue.model.informed.measured import Limits, MeasuredPolicy
from numpy.typing import NDArray

from tests.model.informed.workloads import light

Floats = NDArray[np.float64]

RATE, SETUP, SIZES, SHARES = 0.04, 5.0, np.array([1.0, 6.0]), np.array([0.7, 0.3])
KAPPA, VISIBILITY = 4.538, 0.95
REPLICAS, PAIRS, WARM = 4000, 1500, 150
# V(κ) − (W − κτ) by the same kind of simulation in another program, 20000 replicas of 2500 pairs.
MARGINS = {0.0: 0.0187, 0.2: 0.0120, 0.5: 0.0024, 1.0: -0.0130}


def cost(policy: MeasuredPolicy, split: Floats, delay: float, rng: np.random.Generator) -> tuple[float, float]:
    """W − κτ and its standard error if a pair within `delay` of the last one is routed by the state before that."""
    grid, each = policy.grid, np.arange(REPLICAS)
    level, before, gap = np.full((2, REPLICAS), -100.0), np.full((2, REPLICAS), -100.0), np.full(REPLICAS, np.inf)
    paid, brought = np.zeros(REPLICAS), np.zeros(REPLICAS)
    for pair in range(WARM + PAIRS):
        x, y = (rng.choice(2, REPLICAS, p=SHARES) for _ in range(2))
        known = np.where(gap < delay, before, level)
        at = np.clip(np.ceil(known / grid.step).astype(int), -grid.idle, grid.busy) + grid.idle
        entry = policy.entries[at[0], at[1]]
        a, b = policy.a[at[0], at[1]] >> x & 1, policy.b[at[0], at[1]] >> y & 1
        bit, apart = rng.integers(2, size=REPLICAS), rng.random(REPLICAS) < split[np.maximum(entry, 0), x, y]
        a, b = np.where(entry < 0, a, bit), np.where(entry < 0, b, bit ^ apart)
        swap = (at[0] == at[1]) & (rng.random(REPLICAS) < 0.5)
        a, b = a ^ swap, b ^ swap
        work = np.maximum(level, 0)
        waited = (work[a, each] + work[b, each]) / 2 + np.where(a == b, (SIZES[x] + SIZES[y]) / 4, 0.0)
        after = level.copy()
        after[a, each] = work[a, each] + SIZES[x]
        after[b, each] = np.maximum(after[b, each], 0) + SIZES[y]
        if pair >= WARM:
            earned = np.exp(-RATE * np.maximum(after + SETUP, 0)).sum(axis=0)  # until the next pair, in the mean
            paid += waited - KAPPA * earned
            brought += SIZES[x] + SIZES[y]
        gap = rng.exponential(1 / RATE, REPLICAS)
        before, level = level - gap, after - gap
    # The work brought explains much of the noise, and its mean is known.
    paid, brought = paid / PAIRS, brought / PAIRS - 2 * SHARES @ SIZES
    slope = np.cov(paid, brought)[0, 1] / brought.var(ddof=1)
    left = paid - slope * brought
    return float(left.mean()), float(left.std() / np.sqrt(REPLICAS))


@pytest.mark.slow
@pytest.mark.parametrize("delay", MARGINS)
def test_news_that_takes_as_long_as_a_short_request_costs_more_than_entanglement_saves(delay: float) -> None:
    best = np.array([[[np.sin(np.pi / 8) ** 2, np.cos(np.pi / 8) ** 2], [np.cos(np.pi / 8) ** 2] * 2]])
    split = 0.5 + VISIBILITY * (best - 0.5)
    comparison = Comparison(light(RATE), KAPPA, 300)
    policy = comparison.best_policy(Limits.exact(split))
    found, error = cost(policy, split, delay, np.random.default_rng(5))
    assert error < 1.5e-3
    assert abs(comparison.classical - found - MARGINS[delay]) < 4 * error + 3e-4
