"""Facts about the game and its frontiers, on random scenarios against brute force (MODEL §2)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from bellqueue.model.games.classical_frontier import classical_frontier
from bellqueue.model.games.frontier import QuantumFrontier, communication_frontier
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.routing_game import Routers, RoutingGame
from bellqueue.model.games.values import quantum_value
from bellqueue.model.games.values.anderson import Floats, fixed_point
from bellqueue.model.games.values.classical_value import classical_optimum
from bellqueue.model.games.values.quantum_value import dual_bound, quantum_optimum
from bellqueue.model.games.values.xor_game import XorGame
from bellqueue.model.queueing.reward import PowerReward
from bellqueue.model.queueing.service import Service
from bellqueue.model.queueing.workload import Workload
from bellqueue.model.scenario.file import Scenario
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.model.informed.workloads import of_types
from tests.scenarios import brute_force_hull, random_scenario, split_of

SEEDS = [*range(50), *(pytest.param(each, marks=pytest.mark.slow) for each in range(50, 200))]


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
    for point, p in enumerate(frontier.splitting_probability):
        correlators = frontier.strategies.correlators(point)
        assert workload.splitting_probability(split_of(correlators)) == pytest.approx(p)


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
@settings(max_examples=150)
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


@pytest.mark.parametrize("seed", [*range(10), *(pytest.param(each, marks=pytest.mark.slow) for each in range(10, 40))])
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


def _equal_means(rng: np.random.Generator, spread: float) -> Workload:
    """Types that differ in variance only, or hardly in their means: G all but cancels at the edges' multipliers."""
    shape = rng.integers(1, 5, size=2).tolist()
    a, b = (
        tuple(Service("gamma", 1.0 + spread * float(rng.random()), float(rng.uniform(0.1, 3))) for _ in range(count))
        for count in shape
    )
    marginals = [np.round(rng.dirichlet(np.ones(count)), 2) + 0.01 for count in shape]
    joint = np.outer(*(marginal / marginal.sum() for marginal in marginals))
    return of_types(0.3, joint, a, b, PowerReward(2.0), product=True)


def _score(game: list[list[Fraction]], a: tuple[int, ...], b: tuple[int, ...]) -> Fraction:
    rows = (sum((sign * g for sign, g in zip(b, row, strict=True)), Fraction(0)) for row in game)
    return sum((sign * row for sign, row in zip(a, rows, strict=True)), Fraction(0))


@pytest.mark.parametrize("spread", [0.0, 1e-16, 1e-14, 1e-12, 1e-10, 1e-8, 1e-6, 1e-3])
def test_the_classical_bound_holds_where_the_game_cancels(spread: float) -> None:
    rng = np.random.default_rng(17)
    for _ in range(25):
        workload = _equal_means(rng, spread)
        frontiers = Frontiers(workload)
        for multiplier in frontiers.classical.multipliers.tolist():
            game = frontiers.game(multiplier)
            bound = game.bound("memoryless")
            # In exact rational arithmetic, from the very numbers that G is made of.
            weights = [[Fraction(w) for w in row] for row in workload.weights.tolist()]
            joint = [[Fraction(share) for share in row] for row in workload.joint.tolist()]
            exact = [
                [-share * (w - Fraction(multiplier)) / 2 for share, w in zip(*rows, strict=True)]
                for rows in zip(joint, weights, strict=True)
            ]
            signs = (itertools.product((1, -1), repeat=count) for count in workload.shape)
            best = max(_score(exact, a, b) for a, b in itertools.product(*signs))
            assert Fraction(bound.low) <= best <= Fraction(bound.high)
            assert game.xor.slack < 1e-10
        least = frontiers.least_visibility()
        assert least is None or least >= 0.7


@pytest.mark.parametrize("spread", [1e-10, 1e-6, 1e-3])
def test_one_ascent_closes_the_quantum_value_where_the_game_cancels(
    spread: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left between the bounds is rounding, which no further ascent would lessen."""
    steps: list[int] = []

    def counted(step: Callable[[Floats], Floats], *rest: Any, **settings: Any) -> Floats:
        counting = Mock(side_effect=step)
        found = fixed_point(counting, *rest, **settings)
        steps.append(counting.call_count)
        return found

    monkeypatch.setattr(quantum_value, "fixed_point", counted)
    rng = np.random.default_rng(17)
    games = [game for _ in range(25) for game in Frontiers(_equal_means(rng, spread)).edge_games]
    for game in games:
        bound = game.quantum_optimum.bound
        assert bound.high - bound.low <= 1e-9 * bound.high + (3 + sum(game.xor.shape) / 2) * game.xor.slack
    assert 0 < len(steps) <= len(games)  # those of two types on both sides close in a form of their own
    assert max(steps) < 200


def test_a_game_and_its_bounds_are_made_once() -> None:
    frontiers = Frontiers.of(Scenario.default())
    game = frontiers.game(0.9)
    assert frontiers.game(0.9) is game
    classes: tuple[Routers, ...] = ("memoryless", "quantum")
    assert all(game.bound(routers) is game.bound(routers) for routers in classes)


@pytest.mark.parametrize("seed", range(5))
def test_a_score_is_the_waiting_time_saved_less_the_price_of_splitting(seed: int) -> None:
    """Both sides from the definitions of p and W: constant + Σ G c = (W_together − W) − μp, and `line`."""
    rng = np.random.default_rng(seed)
    workload = random_scenario(rng).workload()
    split, multiplier = rng.random(workload.shape), _multiplier(workload.weights, rng)
    p, waiting = workload.splitting_probability(split), workload.waiting_time(split)
    game = RoutingGame(workload, multiplier)
    np.testing.assert_allclose(game.xor.matrix, game.matrix, atol=1e-12)  # of its factors too, if the types have some
    score = float((game.matrix * (1 - 2 * split)).sum())
    assert game.constant + score == pytest.approx(workload.together_waiting_time - waiting - multiplier * p)
    assert game.line(score) - multiplier * p == pytest.approx(waiting)


def test_a_hard_game_of_high_rank_never_falls_behind_the_classical_strategies() -> None:
    rng = np.random.default_rng(2)
    for _ in range(30):
        joint = rng.dirichlet(np.full(36, 0.15)).reshape(6, 6) + 1e-12
        means = np.exp(3 * rng.normal(size=(2, 6)))
        matrix = -joint * (np.outer(*means) - np.median(np.outer(*means)))
        game = XorGame(matrix)
        quantum, classical = quantum_optimum(game), classical_optimum(game)
        assert quantum.bound.low >= classical.bound.low - 2 * game.slack
        assert float((matrix * quantum.correlators).sum()) >= classical.bound.low - 2 * game.slack
