"""The classical frontier as far as it is proved: lines below it, strategies above it, and an honest gap between."""

from __future__ import annotations

import time

import numpy as np
import pytest
from bellqueue.model.games.chords import envelope
from bellqueue.model.games.classical_frontier import classical_frontier, interpolated_bound
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.routing_game import RoutingGame
from bellqueue.model.games.values import classical_value as classical_module
from bellqueue.model.games.values.classical_value import classical_optimum
from bellqueue.model.games.values.quantum_value import quantum_optimum
from bellqueue.model.games.values.xor_game import XorGame
from bellqueue.model.queueing.workload import Workload
from bellqueue.model.scenario.bounds import BoundsSpec
from bellqueue.model.scenario.file import Scenario
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.model.small_games import by_signs
from tests.scenarios import brute_force_hull, random_scenario

P = np.linspace(0, 1, 501)


@given(st.integers(1, 12), st.integers(0, 2**32 - 1))
@settings(max_examples=200)
def test_the_envelope_is_the_largest_of_the_lines(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    multipliers = rng.choice([0.0, 0.5, 1.0, *rng.uniform(0, 3, 4)], count)
    intercepts = rng.choice([1.0, 2.0, *rng.uniform(0, 3, 4)], count)
    p, waiting = envelope(multipliers, intercepts)
    assert p[0] == 0
    assert p[-1] == 1
    assert np.all(np.diff(p) > 0)
    expected = (intercepts - np.outer(P, multipliers)).max(axis=1)
    np.testing.assert_allclose(np.interp(P, p, waiting), expected, atol=1e-10)


def _joint_workload(seed: int, most: int = 7) -> Workload:
    return random_scenario(np.random.default_rng(seed), most=most, joint=True).workload()


@pytest.fixture
def no_enumeration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Games of any size go to branch and bound."""
    monkeypatch.setattr(classical_module, "MAX_STEPS", 0)


@pytest.mark.usefixtures("no_enumeration")
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("bounds", [BoundsSpec(time_limit=0.0), BoundsSpec(relative_gap=0.02), BoundsSpec()], ids=repr)
def test_the_true_frontier_lies_between_what_is_proved_and_what_is_achieved(bounds: BoundsSpec, seed: int) -> None:
    workload = _joint_workload(seed)
    frontier = classical_frontier(workload, bounds)
    hull = np.array(brute_force_hull(workload))
    exact = np.interp(P, hull[:, 0], hull[:, 1])
    slack = 1e-9 * workload.together_waiting_time
    assert np.all(frontier.waiting_time_at(P) <= exact + slack)
    assert np.all(exact <= frontier.achieved.waiting_time_at(P) + slack)
    difference = 1 - frontier.waiting_time_at(P) / frontier.achieved.waiting_time_at(P)
    assert difference.max() <= frontier.gap + 1e-9
    if bounds.time_limit:
        assert frontier.gap <= bounds.relative_gap
    for multiplier in (0.3, 0.9, 2.5):
        multiplier *= float(workload.weights.mean())
        bound = interpolated_bound(RoutingGame(workload, multiplier), frontier)
        assert bound.low <= by_signs(RoutingGame(workload, multiplier).matrix) <= bound.high


@pytest.mark.usefixtures("no_enumeration")
@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(each, marks=pytest.mark.slow) for each in range(2, 6))])
def test_an_open_bound_only_ever_weakens_the_claim(seed: int) -> None:
    workload = _joint_workload(100 + seed, most=6)
    open_, proved = Frontiers(workload, BoundsSpec(time_limit=0.0)), Frontiers(workload)
    assert proved.classical.exact
    assert not open_.classical.exact
    claimed, true = open_.advantage_ranges(), proved.advantage_ranges()
    for low, high in claimed:
        assert any(start - 1e-9 <= low and high <= end + 1e-9 for start, end in true)
    least, enough = proved.least_visibility(), open_.least_visibility()
    assert enough is None or (least is not None and least <= enough + 1e-9)


def test_a_scenario_says_how_far_to_prove() -> None:
    record = Scenario.default().record()
    assert "bounds" not in record
    asked = Scenario.parse({**record, "bounds": {"relative_gap": 0.01, "time_limit": 5}})
    assert Frontiers.of(asked).bounds == BoundsSpec(relative_gap=0.01, time_limit=5.0)
    assert asked.content_hash() != Scenario.default().content_hash()
    assert Frontiers.of(Scenario.default()).bounds == BoundsSpec()


def test_a_hundred_thousand_independent_types_a_router() -> None:
    """Equal means in each of ten groups: the game of the ten group totals has the very same values."""
    rng = np.random.default_rng(5)
    size, groups = 100_000, 10
    core = -np.array([[-0.8, 0.25], [0.25, 0.1]]) / 2
    sides, small = [], []
    for _ in range(2):
        means = np.exp(rng.normal(size=groups))
        member = rng.integers(groups, size=size)
        share = rng.dirichlet(np.ones(size))
        sides.append(np.column_stack([share, share * means[member]]))
        total = np.bincount(member, share, groups)
        small.append(np.column_stack([total, total * means]))
    large = XorGame.of_factors(sides[0], core, sides[1])
    dense = XorGame(small[0] @ core @ small[1].T)
    classical, quantum = classical_optimum(large).bound, quantum_optimum(large).bound
    exact, best = classical_optimum(dense).bound, quantum_optimum(dense).bound
    assert classical.low <= exact.high
    assert exact.low <= classical.high
    assert classical.high - classical.low <= 1e-7 * classical.high
    assert quantum.low <= best.high
    assert best.low <= quantum.high
    assert quantum.high - quantum.low <= 1e-7 * quantum.high


@pytest.mark.usefixtures("no_enumeration")
def test_the_time_limit_is_for_the_whole_frontier(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(10_000))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    frontier = classical_frontier(_joint_workload(3), BoundsSpec(time_limit=8.0))
    assert len(frontier.bounds) <= 8
    assert frontier.waiting_time_at(0.0) <= _joint_workload(3).together_waiting_time
