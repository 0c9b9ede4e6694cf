"""What so many Bell pairs for each pair of requests reach: the example that needs two, and where one is enough."""

from __future__ import annotations

import numpy as np
import pytest
from bellqueue.model.games.frontier import QuantumFrontier
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.routing_game import RoutingGame
from bellqueue.model.scenario.file import Scenario

from tests.model.small_games import by_quasi_newton, by_signs
from tests.scenarios import dense, random_scenario, two_pairs_scenario

MULTIPLIER = 2.65
EXAMPLE = {pairs: Frontiers.of(two_pairs_scenario(bell_pairs=pairs)) for pairs in (1, 2, 3)}


def test_the_example_needs_two_bell_pairs_and_one_reaches_93_percent_of_its_advantage() -> None:
    """Values of the same game by another search; the classical one by listing all 2⁴ signs of router A."""
    matrix = RoutingGame(EXAMPLE[1].workload, MULTIPLIER).matrix
    classical = by_signs(matrix)
    plane, solid, best = (by_quasi_newton(matrix, dimension, 12) for dimension in (2, 3, 5))
    assert (solid - classical) / (best - classical) == pytest.approx(0.933, abs=5e-4)
    assert (plane - classical) / (best - classical) == pytest.approx(0.825, abs=5e-3)
    for frontiers, reached, dimension in ((EXAMPLE[1], solid, 3), (EXAMPLE[2], best, 4), (EXAMPLE[3], best, 4)):
        strategy = frontiers.in_use.at_multiplier(MULTIPLIER)
        assert float((matrix * strategy.correlators).sum()) == pytest.approx(reached, rel=1e-7)
        assert strategy.dimension == dimension
    assert EXAMPLE[2].in_use.at_multiplier(MULTIPLIER).bell_pairs == 2
    assert EXAMPLE[2].game(MULTIPLIER).bound("quantum").high == pytest.approx(best, rel=1e-8)


def test_more_bell_pairs_never_wait_longer() -> None:
    for p in (0.2, 0.4485, 0.6, 0.8):
        one, two, three = (EXAMPLE[pairs].in_use.waiting_time_at(p) for pairs in (1, 2, 3))
        best, classical = EXAMPLE[1].quantum.waiting_time_at(p), float(EXAMPLE[1].classical.waiting_time_at(p))
        assert classical + 1e-9 >= one >= two - 1e-9
        assert two == pytest.approx(three, abs=1e-9)
        assert three == pytest.approx(best, abs=1e-8)
    assert EXAMPLE[1].in_use.waiting_time_at(0.4485) > EXAMPLE[2].in_use.waiting_time_at(0.4485) + 9e-4


@pytest.mark.parametrize("against", ["memoryless", pytest.param("every-classical", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("made_for", "pairs", "dimension"),
    [(1, 2, 4), *(pytest.param(*case, marks=pytest.mark.slow) for case in ((1, 1, 3), (2, 1, 3), (2, 2, 4)))],
)
def test_the_operating_point_is_that_of_the_scenarios_bell_pairs(
    made_for: int, pairs: int, dimension: int, against: str
) -> None:
    """Whatever the frontiers were made for."""
    point = EXAMPLE[made_for].operating_point(two_pairs_scenario(bell_pairs=pairs, against=against))
    assert point.strategy.dimension == dimension
    assert point.waiting_time == pytest.approx(
        EXAMPLE[pairs].in_use.waiting_time_at(point.splitting_probability), abs=1e-9
    )


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(each, marks=pytest.mark.slow) for each in range(2, 6))])
def test_with_ten_types_at_both_routers_together_one_pair_is_enough(seed: int) -> None:
    """Against the ascent in five dimensions, which two pairs would allow."""
    workload = random_scenario(np.random.default_rng(7000 + seed), most=5, joint=True).workload()
    frontiers = Frontiers(workload)
    assert frontiers.one_pair is frontiers.quantum
    wide = QuantumFrontier(workload, 5)
    for p in (0.3, 0.5, 0.7):
        strategy = frontiers.one_pair.at_splitting_probability(p)
        assert strategy.bell_pairs == 1
        assert workload.waiting_time(strategy.split()) == pytest.approx(wide.waiting_time_at(p), rel=1e-8)


def test_independent_types_take_one_pair_in_a_plane_whatever_is_allowed() -> None:
    scenario = Scenario.default()
    points = [Frontiers.of(each).operating_point(each) for each in (scenario, scenario.with_experiment(bell_pairs=3))]
    assert points[1].strategy.dimension == 2
    np.testing.assert_array_equal(points[0].strategy.correlators, points[1].strategy.correlators)


def test_one_bell_pair_leaves_a_scenarios_hash_and_record_as_they_were() -> None:
    one, two = (dense(bell_pairs=pairs) for pairs in (1, 2))
    assert one.content_hash() == dense().content_hash() != two.content_hash()
    assert "bell_pairs" not in one.record()["experiment"]
    assert Scenario.parse(two.record()).experiment.bell_pairs == 2
