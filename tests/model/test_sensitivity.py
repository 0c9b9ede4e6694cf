"""How the advantage changes with visibility and load, against the optimiser along the frontier and reference values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.sensitivity import is_quick_to_vary, reduction_by_load, reduction_by_visibility
from bellqueue.model.scenario.file import Scenario

from tests.scenarios import default_record, dense, heavy_scenario, random_scenario

pytestmark = pytest.mark.usefixtures("solved_once")

DEFAULT = Frontiers(Scenario.default().workload())


RANDOM = np.random.default_rng(8)


@pytest.mark.parametrize(
    ("scenario", "within"),
    [
        (Scenario.default(), 2e-5),
        (dense(), 2e-5),
        (heavy_scenario(), 2e-5),
        *((random_scenario(RANDOM, 6, joint=False), 1e-4) for _ in range(3)),
    ],
    ids=["default", "dense", "heavy", "random", "random", "random"],
)
@pytest.mark.parametrize("visibility", [0.9, 1.0])
def test_the_points_of_the_curve_miss_next_to_nothing_of_the_largest_reduction(
    scenario: Scenario, within: float, visibility: float
) -> None:
    """Against the optimiser along the frontier, whose value for dense traffic is published (MODEL §7)."""
    frontiers = Frontiers(scenario.workload())
    found = reduction_by_visibility(frontiers, [visibility])[0]
    # The reference solves the game at every p that its one-dimensional search asks for.
    exact = frontiers.largest_reduction(visibility).waiting_time_reduction_relative
    assert found == pytest.approx(exact, abs=within)


def test_the_advantage_begins_at_the_least_visibility_and_grows() -> None:
    least = DEFAULT.least_visibility()
    assert least is not None
    below, at, above = reduction_by_visibility(DEFAULT, [least - 0.02, least, least + 0.02])
    assert below < 0 < above
    assert at == pytest.approx(0, abs=1e-5)


def test_uncorrelated_outcomes_wait_as_long_as_the_middle_of_the_square() -> None:
    # MODEL §2: at visibility 0 every strategy is the coin, p = ½ and W = (W0 + W together)/2.
    workload = DEFAULT.workload
    middle = (workload.all_split_waiting_time + workload.together_waiting_time) / 2
    expected = 1 - middle / float(DEFAULT.classical.waiting_time_at(0.5))
    assert reduction_by_visibility(DEFAULT, [0.0])[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("load", [pytest.param(0.05, marks=pytest.mark.slow), 0.5, 0.9])
def test_other_loads_are_other_scenarios(load: float) -> None:
    workload = DEFAULT.workload
    other = Frontiers(replace(workload, pair_rate=workload.pair_rate * load / workload.load))
    assert other.workload.load == pytest.approx(load, rel=1e-12)
    found = reduction_by_load(DEFAULT, [load], [1.0, 0.95])[0]
    for value, visibility in zip(found, (1.0, 0.95), strict=True):
        exact = other.largest_advantage(visibility).waiting_time_reduction_relative
        assert value == pytest.approx(exact, abs=2e-5)


def test_what_takes_long_is_not_varied() -> None:
    assert is_quick_to_vary(DEFAULT.workload)
    record = default_record()
    record["traffic"] = {"pair_rate": 0.1, "sizes": {"distribution": "exponential", "mean": 1.0, "bins": 8}}
    assert not is_quick_to_vary(Scenario.parse(record).workload())


def test_where_all_pairs_weigh_the_same_there_is_nothing_to_win() -> None:
    record = default_record()
    for spec in record["traffic"]["type"]:
        spec["service"]["mean"] = 2.0
    frontiers = Frontiers(Scenario.parse(record).workload())
    assert reduction_by_visibility(frontiers, [1.0])[0] == pytest.approx(0, abs=1e-12)
    assert reduction_by_load(frontiers, [0.5], [1.0])[0, 0] == pytest.approx(0, abs=1e-12)


def _joint() -> Frontiers:
    """Correlated types: a frontier of few corners and long flat pieces."""
    record = default_record()
    record["traffic"]["joint"] = [[0.4, 0.1], [0.05, 0.45]]
    for spec in record["traffic"]["type"]:
        del spec["probability"]
    return Frontiers(Scenario.parse(record).workload())


def _alike() -> Frontiers:
    """Router B's requests are all alike, so that there is nothing to coordinate on."""
    record = default_record()
    anything = {"name": "any", "probability": 1.0, "service": {"distribution": "deterministic", "mean": 2.5}}
    record["traffic"]["type_b"] = [anything]
    return Frontiers(Scenario.parse(record).workload())


@pytest.mark.parametrize(
    "frontiers",
    [
        pytest.param(DEFAULT, id="default", marks=pytest.mark.slow),
        pytest.param(_joint(), id="joint"),
        pytest.param(_alike(), id="alike"),
    ],
)
@pytest.mark.parametrize("visibility", [0.93, pytest.param(1.0, marks=pytest.mark.slow)])
@pytest.mark.parametrize("load", [pytest.param(0.2, marks=pytest.mark.slow), 0.8])
def test_no_splitting_probability_saves_more_at_any_load(frontiers: Frontiers, load: float, visibility: float) -> None:
    workload, found = frontiers.workload, reduction_by_load(frontiers, [load], [visibility])[0, 0]
    there = Frontiers(replace(workload, pair_rate=workload.pair_rate * load / workload.load))
    tried = np.linspace(0.5 - visibility / 2, 0.5 + visibility / 2, 121)
    waits = np.array([there.waiting_time(p, visibility) for p in tried])
    most = float((1 - waits / there.classical.waiting_time_at(tried)).max())
    assert most - 1e-9 <= found <= most + 5e-4


def test_where_there_is_nothing_to_win_nothing_is_promised() -> None:
    assert reduction_by_visibility(_alike(), [1.0])[0] == 0
    assert reduction_by_visibility(_alike(), [0.9])[0] < 0
    assert np.all(reduction_by_load(_alike(), [0.05, 0.5], [1.0]) == 0)
