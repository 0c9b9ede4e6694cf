"""β_E: a score above it means less waiting than every classical router, and no classical strategy is above it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from bellqueue.model.games.frontier import QuantumFrontier
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.routing_game import RoutingGame
from bellqueue.model.informed.bound import InformedBounds
from bellqueue.model.queueing.reward import PiecewiseLinearReward

from tests.model.informed.score_bound import ScoreBound, kappa_of, score_bound
from tests.model.informed.workloads import light, unequal


def at(bounds: InformedBounds, p: float, multiplier: float) -> ScoreBound:
    return score_bound(bounds, Frontiers(bounds.workload).game(multiplier), p)


def test_kappa_is_the_multiplier_over_the_slope_of_the_throughput() -> None:
    """|τ′| = (1−ρ)λc·e^(−Λc) with λ = 0.01, c = 5, ρ = 0.025 and Λ = 0.0075 at p = ½."""
    slope = 0.975 * 0.01 * 5 * math.exp(-0.0375)
    assert kappa_of(light(), 0.5, 0.85) == pytest.approx(0.85 / slope, rel=1e-12)


@pytest.mark.parametrize("seed", range(12))
def test_a_score_above_it_means_a_lower_cost_than_the_bound(seed: int) -> None:
    """For random strategies s(x, y), classical or not, by the closed formulas of W and τ."""
    rng = np.random.default_rng([seed, 3])
    workload = light() if seed == 0 else unequal(seed)
    multiplier = float(workload.weights.mean()) * rng.uniform(0.5, 1.2)
    bounds = InformedBounds(workload, 5e-3, 0.3)
    bound = at(bounds, float(rng.uniform(0.2, 0.8)), multiplier)
    game = RoutingGame(workload, multiplier)
    for _ in range(300):
        split = rng.uniform(0, 1, workload.shape) ** rng.uniform(0.1, 3)
        score = float((game.matrix * (1 - 2 * split)).sum())
        saved = float((workload.joint * split * (workload.weights - multiplier)).sum())
        assert score + game.constant == pytest.approx(saved, abs=1e-9)
        p = workload.splitting_probability(split)
        cost = workload.waiting_time(split) - bound.kappa * float(workload.baseline_throughput(p))
        assert cost - bound.informed.value <= bound.value - score + 1e-9 * abs(bound.informed.value)


def test_equality_at_the_point_where_the_lines_touch() -> None:
    """At p = p₀ the score is short of β_E by exactly as much as W − κτ exceeds V(κ)."""
    workload = light()
    bounds = InformedBounds(workload, 1e-3)
    strategy = QuantumFrontier(workload).at_splitting_probability(0.5)
    bound = at(bounds, 0.5, 0.85)
    split = strategy.split()
    score = float((RoutingGame(workload, 0.85).matrix * (1 - 2 * split)).sum())
    cost = workload.waiting_time(split) - bound.kappa * float(workload.baseline_throughput(0.5))
    assert bound.value - score == pytest.approx(cost - bound.informed.value, abs=1e-9)
    assert score > bound.value > bound.memoryless  # entanglement beats every classical router here


def test_it_is_never_below_the_memoryless_value() -> None:
    """In heavier traffic V is far below; a memoryless value of the caller's own that is larger is taken as it is."""
    for workload in (light(), light(0.05)):
        bound = at(InformedBounds(workload, 5e-3), 0.5, 0.88)
        assert bound.value >= bound.memoryless
        assert bound.multiplier == 0.88
        assert bound.splitting_probability == 0.5


def test_where_nothing_is_traded_there_is_no_kappa() -> None:
    with pytest.raises(ValueError, match="does not fall"):
        kappa_of(light(reward=PiecewiseLinearReward((1.0,), ())), 0.5, 0.9)
    with pytest.raises(ValueError, match="multiplier"):
        kappa_of(light(), 0.5, -0.1)
