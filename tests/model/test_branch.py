"""Facts about the classical value of large XOR games: enumeration, branch and bound, brute force (MODEL §2)."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from bellqueue.model.games.classical_frontier import classical_frontier
from bellqueue.model.games.values.branch import Search, branch_and_bound
from bellqueue.model.games.values.classical_value import classical_optimum
from bellqueue.model.games.values.enumeration import best_signs, enumeration_steps
from bellqueue.model.games.values.xor_game import XorGame
from bellqueue.model.queueing.reward import PowerReward
from bellqueue.model.queueing.workload import Workload

from tests.model.informed.workloads import fixed, of_types
from tests.model.small_games import by_signs


def _score(matrix: np.ndarray, a: np.ndarray) -> float:
    return float(np.abs(a @ matrix).sum())


def _searched(matrix: np.ndarray, **limits: float) -> Search:
    game = XorGame(matrix)
    allowed = {"gap": 1e-9, "seconds": 600.0, **limits}
    return branch_and_bound(matrix, tolerance=game.slack, **allowed)


def _random_game(rng: np.random.Generator) -> np.ndarray:
    """Any shape up to 10×10: Gaussian, of small integers (ties), with zeros, repeated, of low rank or of wide range."""
    rows, columns = rng.integers(1, 11, size=2).tolist()
    matrix = rng.normal(size=(rows, columns))
    kind = rng.integers(6)
    if kind == 1:
        matrix = rng.integers(-2, 3, size=(rows, columns)).astype(float)
    if kind == 2:
        matrix *= rng.random((rows, columns)) < 0.3
    if kind == 3:
        matrix = matrix[rng.integers(rows, size=rows)] * rng.choice([-2.0, 1.0], size=(rows, 1))
    if kind == 4:
        matrix = np.outer(rng.normal(size=rows), rng.normal(size=columns)) * 1e-9
    if kind == 5:
        matrix *= np.exp(6 * rng.normal(size=(rows, columns)))
    return matrix


def _correlated(rows: int, columns: int, width: float, nearest: float, seed: int) -> Workload:
    """Types ordered by size, a smooth joint table π ∝ exp(−(i−j)²/width²) · marginals."""
    rng = np.random.default_rng(seed)
    means = [np.sort(np.exp(rng.normal(size=count))) for count in (rows, columns)]
    near = np.exp(-(np.subtract.outer(np.arange(rows), np.arange(columns)) ** 2) / width**2)
    joint = near * np.outer(rng.dirichlet(np.full(rows, 2.0)), rng.dirichlet(np.full(columns, 2.0)))
    a, b = (tuple(map(fixed, side.tolist())) for side in means)
    rate = nearest / float((joint.sum(axis=1) @ means[0] + joint.sum(axis=0) @ means[1]) / joint.sum())
    joint /= joint.sum()
    return of_types(rate, joint, a, b, PowerReward(2.0))


def _within_pair(workload: Workload, share: float) -> np.ndarray:
    """G where a pair together costs mostly what its shorter request makes the other wait, min(m, n)."""
    weights = 0.1 * workload.weights + np.minimum.outer(workload.mean_a, workload.mean_b)
    order = np.argsort(weights, axis=None)
    multiplier = weights.flat[order[np.searchsorted(workload.joint.flat[order].cumsum(), share)]]
    return np.asarray(-workload.joint * (weights - multiplier) / 2)


@pytest.mark.parametrize("shape", list(itertools.product((1, 2, 3, 7, 12), repeat=2)))
def test_enumeration_equals_brute_force(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(shape)
    for matrix in (rng.normal(size=shape), rng.integers(-1, 2, size=shape).astype(float)):
        a = best_signs(matrix)
        assert a[0] == 1
        assert set(a) <= {-1.0, 1.0}
        assert _score(matrix, a) == pytest.approx(by_signs(matrix), rel=1e-13)


def test_enumeration_crosses_its_blocks() -> None:
    rng = np.random.default_rng(3)
    hidden = rng.choice([-1.0, 1.0], size=20)
    matrix = 3 * np.outer(hidden, rng.normal(size=20)) + 0.1 * rng.normal(size=(20, 20))  # the best signs are known
    np.testing.assert_array_equal(best_signs(matrix), hidden * hidden[0])
    assert enumeration_steps(matrix.shape) == 2**19 * 20


@pytest.mark.parametrize("part", [0, 1, *(pytest.param(each, marks=pytest.mark.slow) for each in range(2, 10))])
def test_every_interval_holds_the_true_value(part: int) -> None:
    rng = np.random.default_rng(100 + part)
    for _ in range(50):
        matrix = _random_game(rng)
        game, exact = XorGame(matrix), by_signs(matrix)
        optimum = classical_optimum(game)
        assert optimum.bound.low <= exact <= optimum.bound.high
        assert float((matrix * optimum.correlators).sum()) >= exact - game.slack
        if not matrix.any():
            continue
        found, hasty = _searched(matrix), _searched(matrix, seconds=0.0)
        assert hasty.low - game.slack <= exact <= hasty.high + game.slack
        assert found.low - game.slack <= exact <= found.high + game.slack
        assert found.finished
        assert found.low == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        (18, 18),
        pytest.param(21, 19, marks=pytest.mark.slow),
        (19, 21),
        pytest.param(22, 20, marks=pytest.mark.slow),
        pytest.param(22, 22, marks=pytest.mark.slow),
    ],
)
def test_branch_and_bound_equals_enumeration(rows: int, columns: int) -> None:
    rng = np.random.default_rng((rows, columns))
    for matrix in (rng.normal(size=(rows, columns)), rng.choice([-1.0, 1.0], size=(rows, columns))):
        found = _searched(matrix)
        a = best_signs(matrix if rows <= columns else matrix.T)
        exact = _score(matrix if rows <= columns else matrix.T, a)
        assert found.finished
        assert found.low == pytest.approx(exact, rel=1e-12)
        assert found.low <= found.high <= exact * (1 + 1e-9)
        assert float(found.signs[:rows] @ matrix @ found.signs[rows:]) == pytest.approx(found.low, rel=1e-12)


def test_a_search_without_time_still_bounds_the_game_and_says_how_badly() -> None:
    matrix = np.random.default_rng(1).normal(size=(25, 26))
    optimum = classical_optimum(XorGame(matrix), seconds=0.0)
    exact = _score(matrix, best_signs(matrix))
    assert not optimum.finished
    assert optimum.bound.low <= exact <= optimum.bound.high
    assert optimum.bound.high > 1.01 * optimum.bound.low
    assert optimum.bound.method.startswith("branch and bound, gap ")
    assert optimum.bound.method.endswith(" %, stopped after 0 s")


def test_a_wide_gap_ends_the_search_early_and_shows_in_the_interval() -> None:
    matrix = np.random.default_rng(0).normal(size=(20, 20))
    early, late = _searched(matrix, gap=0.1), _searched(matrix)
    assert early.finished
    assert early.nodes < late.nodes
    assert 1.001 * early.low < early.high <= 1.1 * early.low
    assert early.low <= late.low * (1 + 1e-12)
    assert late.high <= early.high


def test_a_search_repeated_gives_the_same() -> None:
    matrix = np.random.default_rng(5).normal(size=(17, 19))
    first, second = _searched(matrix), _searched(matrix)
    np.testing.assert_array_equal(first.signs, second.signs)
    assert (first.low, first.high, first.nodes) == (second.low, second.high, second.nodes)


def test_a_scaled_game_has_the_scaled_value() -> None:
    matrix = np.random.default_rng(6).normal(size=(12, 12))
    for scale in (2.0**-600, 2.0**500):
        assert _searched(matrix * scale).low == _searched(matrix).low * scale


@pytest.mark.parametrize("width", [1.5, 4.0, 12.0])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
def test_correlated_tables_are_proved_at_once(width: float, share: float) -> None:
    workload = _correlated(32, 32, width, 0.5, seed=1)
    matrix = _within_pair(workload, share)
    found = _searched(matrix)
    assert found.finished
    assert found.nodes <= 20
    b = np.where(found.signs[:32] @ matrix >= 0, 1.0, -1.0)
    np.testing.assert_array_equal(np.where(matrix @ b >= 0, 1.0, -1.0), found.signs[:32])  # neither side can improve


def test_a_frontier_too_large_to_enumerate_is_convex_and_its_edges_are_proved() -> None:
    workload = _correlated(27, 30, 1.5, 0.5, seed=2)
    frontier = classical_frontier(workload)
    assert np.all(np.diff(frontier.multipliers) < 1e-9)
    assert len(frontier.splitting_probability) > 10


@pytest.mark.slow
@pytest.mark.parametrize("size", [32, 40])
def test_random_games_of_forty_types_are_proved(size: int) -> None:
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(size, size))
    optimum = classical_optimum(XorGame(matrix), seconds=600.0)
    assert optimum.finished
    for _ in range(200):  # no local search finds better
        b = rng.choice([-1.0, 1.0], size=size)
        for _ in range(50):
            b = np.where(np.where(matrix @ b >= 0, 1.0, -1.0) @ matrix >= 0, 1.0, -1.0)
        assert _score(matrix.T, b) <= optimum.bound.high
