"""The map of where the advantage stands: the reference scenarios, lines of MODEL §5 as bounds, and its contract."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bellqueue.model.errors import NoTradeOffError, ScenarioError
from bellqueue.model.games.operating_point import Frontiers
from bellqueue.model.rivals.numerical import asymmetric_at_throughput, clock_curve
from bellqueue.model.rivals.standing import (
    CLOCK_PAIRS,
    CLOSER,
    Cell,
    Margin,
    Standing,
    scenario_at,
    standing_map,
    verdict,
)
from bellqueue.model.scenario.file import Scenario

from tests.scenarios import default_record, heavy_scenario


def one_cell(scenario: Scenario, load: float, share: float, **options: Any) -> Cell:
    options = {"visibility": 0.95, "seed": 0, **options}
    return next(standing_map(scenario, [load], [share], **options))


def present(standing: Standing | None) -> Standing:
    assert standing is not None
    return standing


@pytest.fixture(scope="module")
def default() -> Cell:
    return one_cell(Scenario.default(), 0.05, 0.3)


@pytest.fixture(scope="module")
def heavy() -> Cell:
    return one_cell(heavy_scenario(), 0.9, 0.5)


def test_the_default_scenario_stands_against_all(default: Cell) -> None:
    assert default.pair_rate == pytest.approx(0.02)
    assert verdict(default.ideal) == verdict(default.noisy) == "against all"
    ideal = present(default.ideal)
    # MODEL §5 and tests of the operating point: 15.0 % near p = 0.67.
    assert ideal.splitting_probability == pytest.approx(0.67, abs=5e-3)
    assert ideal.certified.relative == pytest.approx(0.150, abs=5e-4)
    assert present(default.noisy).certified.relative < ideal.certified.relative


def test_the_heavy_scenario_stands_within_the_class_only(heavy: Cell) -> None:
    assert heavy.pair_rate == pytest.approx(0.2)
    assert verdict(heavy.ideal) == verdict(heavy.noisy) == "within the class only"
    ideal = present(heavy.ideal)
    assert ideal.certified.relative > 0.06  # MODEL §5: 40.53 of 43.26 at p = 0.3
    assert ideal.asymmetric.high < 0
    assert ideal.shared_clock.high < 0
    assert not ideal.asymmetric.unbounded  # at load 0.9 no server can take every request


def test_the_rivals_lie_between_the_lines_of_the_reference_and_a_router_of_their_kind(default: Cell) -> None:
    workload = Scenario.default().workload()
    for standing in (present(default.ideal), present(default.noisy)):
        throughput = standing.baseline_throughput
        single = asymmetric_at_throughput(workload, throughput)
        assert single is not None
        line = 10.779 * throughput  # MODEL §5: least W − 10.779τ of either kind
        assert -18.4557 - 1e-4 + line <= standing.asymmetric.waiting_time <= single.waiting_time.estimate + 1e-9
        assert -18.4485 - 1e-3 + line <= standing.shared_clock.waiting_time
        assert standing.waiting_time == pytest.approx(
            Frontiers(workload).waiting_time(standing.splitting_probability, standing.visibility), rel=1e-9
        )
        for margin in (standing.certified, standing.asymmetric, standing.shared_clock):
            assert margin.relative == pytest.approx(1 - standing.waiting_time / margin.waiting_time)


def test_the_simulated_margin_holds_a_longer_simulation(default: Cell, heavy: Cell) -> None:
    for cell, scenario in ((default, Scenario.default()), (heavy, heavy_scenario())):
        ideal = present(cell.ideal)
        longer = clock_curve(scenario.workload(), pairs=10 * CLOCK_PAIRS, seed=5)
        expected = 1 - ideal.waiting_time / float(longer.waiting_time_at(ideal.baseline_throughput))
        clock = ideal.shared_clock
        assert clock.low < clock.relative < clock.high
        width = clock.high - clock.low
        assert clock.low - width < expected < clock.high + width
        assert ideal.asymmetric.low == ideal.asymmetric.relative == ideal.asymmetric.high
        assert "simulated" in clock.method
        assert "numerically" in ideal.asymmetric.method
        assert ideal.certified.method == "exact"


def test_unbounded_rivals_are_flagged_and_win() -> None:
    # One server can serve everybody, and t² makes the other's endless period priceless.
    cell = one_cell(heavy_scenario(), 0.1, 0.5, clock_pairs=5_000)
    ideal = present(cell.ideal)
    assert verdict(ideal) == "within the class only"
    assert ideal.asymmetric.unbounded
    assert ideal.shared_clock.unbounded
    assert ideal.asymmetric.waiting_time <= Frontiers(scenario_at(heavy_scenario(), 0.1, 0.5).workload()).waiting_time(
        1.0
    )


def test_a_visibility_that_cannot_violate_a_bell_inequality_leaves_no_advantage() -> None:
    cell = one_cell(Scenario.default(), 0.05, 0.3, visibility=0.7, slopes=2, clock_pairs=2_000)
    assert cell.noisy is None
    assert verdict(cell.noisy) == "none"
    assert cell.ideal is not None
    assert cell.least_visibility is not None
    assert 0.7 < cell.least_visibility < 0.95


def test_an_open_verdict_is_simulated_more_closely() -> None:
    # Few pairs cannot tell at share 0.75, and the asymmetric rival waits clearly longer.
    cell = one_cell(Scenario.default(), 0.05, 0.75, visibility=1.0, slopes=4, clock_pairs=20_000)
    ideal = present(cell.ideal)
    assert f"{CLOSER * 20_000} pairs" in ideal.shared_clock.method
    assert ideal.asymmetric.stands
    assert cell.noisy == ideal  # at visibility 1 they are the same


def test_the_cells_come_one_by_one_and_the_seed_fixes_them() -> None:
    loads, shares = [0.05, 0.5], [0.2, 0.4]
    options: dict[str, Any] = {"visibility": 0.9, "seed": 3, "slopes": 2, "clock_pairs": 1_000}
    cells = standing_map(Scenario.default(), loads, shares, **options)
    first = next(cells)
    assert first == one_cell(Scenario.default(), 0.05, 0.2, **options)
    order = [(cell.load, cell.long_share) for cell in itertools.chain([first], cells)]
    assert order == [(0.05, 0.2), (0.05, 0.4), (0.5, 0.2), (0.5, 0.4)]


def test_the_verdict_needs_every_rival_beyond_its_error(default: Cell) -> None:
    standing = present(default.ideal)
    ahead, behind, unclear = (
        Margin("by hand", 1.0, relative, relative - 0.02, relative + 0.02) for relative in (0.1, -0.1, 0.01)
    )
    every = replace(standing, certified=ahead, asymmetric=ahead, shared_clock=ahead)
    assert verdict(every) == "against all"
    for margin in (behind, unclear):
        assert verdict(replace(every, asymmetric=margin)) == "within the class only"
        assert verdict(replace(every, shared_clock=margin)) == "within the class only"
    assert verdict(replace(every, certified=behind)) == "none"
    assert unclear.undecided
    assert not ahead.undecided
    assert not behind.undecided


@pytest.mark.parametrize(("load", "share"), [(0.05, 0.3), (0.4, 0.05), (0.95, 0.9)])
def test_the_scenario_of_a_cell_has_its_load_and_share_and_all_else_as_it_was(load: float, share: float) -> None:
    base = Scenario.default()
    varied = scenario_at(base, load, share)
    workload = varied.workload()
    assert workload.load == pytest.approx(load)
    np.testing.assert_allclose(workload.marginal_a, [1 - share, share])
    np.testing.assert_allclose(workload.mean_b, [1.0, 6.0])
    assert varied.baseline == base.baseline
    assert varied.experiment == base.experiment
    assert varied.title == base.title


def traffic(**changes: Any) -> Scenario:
    record = default_record()
    record["traffic"].update(changes)
    return Scenario.parse({**record, "traffic": {k: v for k, v in record["traffic"].items() if v is not None}})


def three_types() -> list[dict[str, Any]]:
    service = {"distribution": "exponential", "mean": 1.0}
    return [
        {"name": name, "probability": share, "service": service} for name, share in (("a", 0.2), ("b", 0.3), ("c", 0.5))
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"type": three_types()},
        {"type_b": three_types()},
        {"joint": [[0.5, 0.2], [0.2, 0.1]]},
        {"type": None, "sizes": {"distribution": "exponential", "mean": 1.0, "bins": 2}},
    ],
)
def test_traffic_that_is_not_of_two_types_has_no_such_map(changes: dict[str, Any]) -> None:
    with pytest.raises(ScenarioError, match="exactly two types"):
        one_cell(traffic(**changes), 0.1, 0.3)


def test_axes_outside_the_model_are_refused() -> None:
    for load, share, field in ((1.0, 0.3, "load is 1"), (0.0, 0.3, "load is 0"), (0.5, 1.0, "long requests is 1")):
        with pytest.raises(ScenarioError, match=field):
            one_cell(Scenario.default(), load, share)
    for visibility in (0.0, 1.1):
        with pytest.raises(ScenarioError, match="visibility"):
            one_cell(Scenario.default(), 0.1, 0.3, visibility=visibility)
    linear = Scenario.parse({**default_record(), "baseline": {"reward": {"kind": "power", "exponent": 1.0}}})
    with pytest.raises(NoTradeOffError):
        one_cell(linear, 0.1, 0.3)
