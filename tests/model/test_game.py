"""Facts about the game and its frontiers, on random scenarios against brute force (DESIGN §2)."""

from __future__ import annotations

import numpy as np
import pytest
from bellqueue.model.frontier import QuantumFrontier, classical_frontier, communication_frontier, routing_game
from bellqueue.model.game import XorGame, classical_optimum, dual_bound, quantum_optimum
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scenarios import brute_force_hull, random_scenario, split_of

SEEDS = range(200)


def _multiplier(weights: np.ndarray, rng: np.random.Generator) -> float:
    return float(rng.uniform(weights.min(), weights.max()))


@pytest.mark.parametrize("seed", SEEDS)
def test_classical_frontier_equals_brute_force(seed: int) -> None:
    workload = random_scenario(np.random.default_rng(seed)).workload()
    frontier = classical_frontier(workload)
    hull = np.array(brute_force_hull(workload))
    expected = np.interp(frontier.splitting_probability, hull[:, 0], hull[:, 1])
    scale = workload.together_waiting_time
    np.testing.assert_allclose(frontier.waiting_time, expected, atol=1e-9 * scale, rtol=0)
    reached = frontier.waiting_time_at(hull[:, 0])
    np.testing.assert_allclose(reached, hull[:, 1], atol=1e-9 * scale, rtol=0)
    for point, correlators in zip(frontier.splitting_probability, frontier.correlators, strict=True):
        assert workload.splitting_probability(split_of(correlators)) == pytest.approx(point)


@pytest.mark.parametrize("seed", SEEDS)
def test_thresholds_and_planar_vectors_are_optimal_for_products(seed: int) -> None:
    rng = np.random.default_rng(1000 + seed)
    workload = random_scenario(rng, joint=False).workload()
    game = routing_game(workload, _multiplier(workload.weights, rng))
    assert game.rank_two is not None
    np.testing.assert_allclose(game.rank_two.left @ game.rank_two.core @ game.rank_two.right.T, game.matrix, atol=1e-12)
    plain = XorGame(game.matrix)  # without its factors: enumeration, and vectors of any dimension
    scale = np.abs(game.matrix).sum()
    by_threshold, by_enumeration = classical_optimum(game), classical_optimum(plain)
    assert (by_threshold.bound.method, by_enumeration.bound.method) == ("threshold", "enumeration")
    assert by_threshold.bound.low == pytest.approx(by_enumeration.bound.low, abs=1e-9 * scale)
    planar, free = quantum_optimum(game), quantum_optimum(plain)
    assert planar.u.shape[1] == 2
    assert planar.bound.low == pytest.approx(free.bound.low, abs=1e-7 * scale)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_dual_certificate_closes(seed: int) -> None:
    rng = np.random.default_rng(2000 + seed)
    workload = random_scenario(rng).workload()
    game = routing_game(workload, _multiplier(workload.weights, rng))
    bound = quantum_optimum(game).bound
    assert 0 <= bound.high - bound.low <= 1e-7 * bound.high
    assert bound.high >= classical_optimum(game).bound.low


def test_chsh_and_its_quantum_value() -> None:
    game = XorGame(np.array([[1.0, 1.0], [1.0, -1.0]]))
    classical, quantum = classical_optimum(game).bound, quantum_optimum(game).bound
    assert classical.low <= 2 <= classical.high
    assert quantum.low <= 2 * np.sqrt(2) <= quantum.high
    assert quantum.high - quantum.low < 1e-9


@given(
    st.integers(1, 6),
    st.integers(1, 6),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=150, deadline=None)
def test_no_vectors_beat_the_dual_bound_and_no_signs_the_classical(rows: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(rows, columns)) * (rng.random((rows, columns)) < 0.8)
    game = XorGame(matrix)
    optimum = quantum_optimum(game)
    for _ in range(20):
        u, v = (rng.normal(size=(count, 5)) for count in (rows, columns))
        u, v = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True) for vectors in (u, v))
        assert float(np.sum(u * (matrix @ v))) <= optimum.bound.high
        assert dual_bound(game, u, v) >= optimum.bound.low  # any vectors give a valid upper bound
        assert float(np.sign(u[:, 0]) @ matrix @ np.sign(v[:, 0])) <= classical_optimum(game).bound.high


@pytest.mark.parametrize("seed", range(40))
def test_frontiers_are_ordered_and_convex(seed: int) -> None:
    workload = random_scenario(np.random.default_rng(3000 + seed), most=4).workload()
    classical, communication = classical_frontier(workload), communication_frontier(workload)
    quantum = QuantumFrontier(workload)
    scale = workload.together_waiting_time
    assert np.all(np.diff(classical.multipliers) <= 1e-9 * scale)
    assert np.all(np.diff(communication.multipliers) <= 1e-9 * scale)
    for p in (0.15, 0.4, 0.5, 0.77):
        best = quantum.waiting_time_at(p)
        assert float(communication.waiting_time_at(p)) <= best + 1e-9 * scale
        assert best <= float(classical.waiting_time_at(p)) + 1e-9 * scale
        strategy = quantum.at_splitting_probability(p)
        assert workload.splitting_probability(strategy.split()) == pytest.approx(p, abs=1e-6)
        assert sum(strategy.mixture) == pytest.approx(1)


def test_communication_splits_the_heaviest_pairs_first() -> None:
    workload = random_scenario(np.random.default_rng(7), most=3).workload()
    order = np.argsort(-workload.weights, axis=None)
    frontier = communication_frontier(workload)
    np.testing.assert_allclose(frontier.splitting_probability[1:], np.cumsum(workload.joint.flat[order]))
