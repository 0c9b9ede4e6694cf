"""Sweeps: the grid that a file means, and what is said of each of its points."""

from __future__ import annotations

import itertools
import json
import math
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bellqueue.model.errors import ScenarioError, SweepError
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.routing_game import RoutingGame
from bellqueue.model.scenario.fields import scenario_with
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.sweep.grid import MAX_POINTS, Sweep
from bellqueue.model.sweep.point import Outcome, PointTask, outcome_of

from tests.scenarios import brute_force_hull, default_record, dense, edited, heavy_scenario, two_pairs_scenario

pytestmark = pytest.mark.usefixtures("solved_once")


def sweep(*axes: dict[str, Any], **content: Any) -> Sweep:
    return Sweep.parse({"axis": list(axes), **content})


def values(parsed: Sweep) -> list[tuple[Any, ...]]:
    return [point.values for point in parsed.points()]


def test_the_grid_is_full_and_its_last_axis_runs_fastest() -> None:
    parsed = sweep({"field": "load", "values": [0.1, 0.2]}, {"field": "visibility", "values": [1, 0.9, 0.8]})
    assert values(parsed) == list(itertools.product([0.1, 0.2], [1, 0.9, 0.8]))
    assert parsed.shape == (2, 3)
    assert parsed.size == 6


def test_axes_of_one_group_advance_together() -> None:
    parsed = sweep(
        {"field": "probability.long", "values": [0.1, 0.2], "group": "mix"},
        {"field": "load", "values": [0.5, 0.6, 0.7]},
        {"field": "traffic.type.long.service.mean", "values": [10, 5], "group": "mix"},
    )
    assert parsed.shape == (2, 3)
    assert values(parsed) == [(s, ρ, m) for s, m in ((0.1, 10), (0.2, 5)) for ρ in (0.5, 0.6, 0.7)]


def test_linear_and_logarithmic_grids() -> None:
    (linear,) = sweep({"field": "load", "from": 0.05, "to": 0.9, "count": 18}).axes
    assert linear.values == tuple(round(0.05 * k, 2) for k in range(1, 19))  # 0.15, not 0.15000000000000002
    (log,) = sweep({"field": "load", "from": 0.001, "to": 0.1, "count": 5, "scale": "log"}).axes
    assert log.values == pytest.approx([10 ** (-3 + k / 2) for k in range(5)])
    assert (log.values[0], log.values[-1]) == (0.001, 0.1)


def test_the_scenario_may_be_a_file_beside_the_sweep_a_table_or_left_out(tmp_path: Path) -> None:
    axis = '[[axis]]\nfield = "load"\nvalues = [0.1]\n'
    (tmp_path / "deep").mkdir()
    (tmp_path / "heavy.json").write_text(json.dumps(heavy_scenario().record()))
    (tmp_path / "deep" / "s.toml").write_text(f'scenario = "../heavy.json"\n{axis}')
    read = Sweep.load(tmp_path / "deep" / "s.toml")
    table = Sweep.parse({**tomllib.loads(axis), "scenario": heavy_scenario().record()})
    assert read.scenario == heavy_scenario() == table.scenario
    assert read.title == "Heavy traffic"
    (tmp_path / "s.toml").write_text(f'title = "Mine"\n{axis}')
    assert Sweep.load(tmp_path / "s.toml").scenario == Scenario.default()
    assert Sweep.load(tmp_path / "s.toml").title == "Mine"


LOAD = {"field": "load", "values": [0.1, 0.2]}
GROUPED = {**LOAD, "group": "g"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "axis: is missing"),
        ({"axis": []}, "axis"),
        ({"axis": [{**LOAD, "colour": 1}]}, "axis[0].colour: unknown key"),
        ({"axis": [{**LOAD, "from": 1}]}, "not both"),
        ({"axis": [{"field": "load"}]}, "from and to and count missing"),
        ({"axis": [{"field": "load", "from": 0.1, "to": 0.2, "count": 1}]}, "axis[0].count"),
        ({"axis": [{"field": "load", "from": 0.0, "to": 0.2, "count": 3, "scale": "log"}]}, "above 0, got 0 and 0.2"),
        ({"axis": [{"field": "load", "values": [math.nan]}]}, "finite"),
        ({"axis": [{"field": "load", "values": [{"a": math.inf}]}]}, "finite"),
        ({"axis": [{"field": "laod", "values": [1]}]}, "nearest: load"),
        ({"axis": [LOAD, LOAD]}, "'load' and 'load' set the same field"),
        ({"axis": [LOAD, {"field": "traffic.pair_rate", "values": [1]}]}, "set the same field"),
        ({"axis": [LOAD, {"field": "traffic", "values": [1]}]}, "set the same field"),
        ({"axis": [GROUPED, {"field": "visibility", "values": [1], "group": "g"}]}, "load 2, visibility 1"),
        ({"axis": [LOAD], "scenario": 3}, "scenario must be a table"),
        ({"axis": [LOAD], "scenario": "nowhere.toml"}, "nowhere.toml: no such file"),
        ({"axis": [LOAD], "scenario": {"title": "x"}}, "traffic: is missing"),
        ({"axis": [LOAD], "schema": "bellqueue.sweep/2"}, "schema is 'bellqueue.sweep/2'"),
        (
            {"axis": [{"field": field, "from": 0.1, "to": 0.9, "count": 400} for field in ("load", "visibility")]},
            f"400 × 400 points; at most {MAX_POINTS}",
        ),
    ],
)  # fmt: skip
def test_a_wrong_sweep_is_refused_in_one_line(content: dict[str, Any], words: str) -> None:
    with pytest.raises(SweepError) as refused:
        Sweep.parse(content, "s.toml")
    assert str(refused.value).startswith("s.toml: ")
    assert words in str(refused.value)


def test_values_outside_the_model_are_points_with_a_reason() -> None:
    points = list(sweep({"field": "load", "values": [0.5, 1.0, "high", -1]}).points())
    assert [point.task is None for point in points] == [False, True, True, True]
    assert [point.reason and "load is" in point.reason for point in points] == [None, True, True, True]


def test_a_point_has_the_hash_of_its_scenario() -> None:
    (point,) = sweep({"field": "traffic.pair_rate", "values": [0.013]}).points()
    meant = edited(default_record(), "traffic", "pair_rate", value=0.013)
    assert point.scenario_hash == Scenario.parse(meant).content_hash()


def test_equal_tasks_are_one_whatever_else_differs() -> None:
    mean = 0.7 * 1 + 0.3 * 6
    same = sweep({"field": "traffic.pair_rate", "values": [0.05 / mean, 0.02]})
    assert len({point.task.identity for point in same.points() if point.task}) == 1  # 0.05/2.5 = 0.02
    idle = sweep({"field": "experiment.shots", "values": [100, 200]}, {"field": "title", "values": ["a", "b"]})
    assert [axis.field for axis in idle.idle_axes] == ["experiment.shots", "title"]
    assert len({point.task.identity for point in idle.points() if point.task}) == 1
    assert len({point.scenario_hash for point in idle.points()}) == 4
    other = sweep({"field": "visibility", "values": [1.0, 0.9]})
    assert not other.idle_axes
    assert len({point.task.identity for point in other.points() if point.task}) == 2


def test_whatever_matters_to_an_outcome_is_in_the_task() -> None:
    base = two_pairs_scenario().record()
    for field, values in (
        ("experiment.bell_pairs", [1, 2]),
        ("traffic.within_pair_order", ["random", "shortest-first"]),
        ("bounds", [{"relative_gap": 0.01}, {"relative_gap": 0.02}]),
        ("baseline.reward.setup_time", [1, 2]),
    ):
        varied = sweep({"field": field, "values": values}, scenario=base)
        assert not varied.idle_axes
        tasks = [point.task for point in varied.points()]
        assert len({task.identity for task in tasks if task}) == 2, field
        for task, value in zip(tasks, values, strict=True):
            assert task
            asked = scenario_with(two_pairs_scenario(), {field: value})
            meant = task.scenario()
            assert (meant.traffic, meant.baseline, meant.bounds) == (asked.traffic, asked.baseline, asked.bounds)
            assert meant.experiment.bell_pairs == asked.experiment.bell_pairs


@pytest.mark.usefixtures("coarse_bounds")
def test_a_classical_frontier_without_a_proof_is_said_and_claims_nothing() -> None:
    record = two_pairs_scenario().record()
    found = outcome(Scenario.parse({**record, "bounds": {"relative_gap": 0.0, "time_limit": 1e6}}))
    assert found.classical_gap_relative == 0
    unproved = outcome(Scenario.parse({**record, "bounds": {"relative_gap": 0.5, "time_limit": 0}}))
    assert unproved.status == "computed"
    assert (unproved.waiting_time_classical or 0) <= (found.waiting_time_classical or 0) + 1e-9
    assert (unproved.least_visibility or 1) >= (found.least_visibility or 1) - 1e-9


def test_the_content_hash_holds_the_grid_and_not_how_it_is_written() -> None:
    plain = sweep({"field": "load", "values": [0.1, 0.2, 0.3]})
    grid = sweep({"field": "load", "from": 0.1, "to": 0.3, "count": 3})
    assert plain.content_hash() == grid.content_hash()
    other = sweep({"field": "load", "values": [0.1, 0.2, 0.31]})
    assert other.content_hash() != plain.content_hash()
    assert sweep(LOAD, scenario=heavy_scenario().record()).content_hash() != sweep(LOAD).content_hash()


def outcome(scenario: Scenario, visibility: float = 1.0) -> Outcome:
    return outcome_of(PointTask.of(scenario.with_experiment(assumed_visibility=visibility)))


def test_the_dense_scenario_as_in_the_reference() -> None:
    found = outcome(dense())
    assert found.status == "computed"
    assert found.load == pytest.approx(0.05)
    assert found.waiting_time_reduction_relative == pytest.approx(0.150, abs=5e-4)  # MODEL §5, README
    assert found.splitting_probability == pytest.approx(0.67, abs=5e-3)
    p, waits = found.splitting_probability or 0, found.waiting_time_classical or 0
    assert 1 - (found.waiting_time_quantum or 0) / waits == pytest.approx(found.waiting_time_reduction_relative)
    assert found.baseline_throughput == pytest.approx(1.9 * math.exp(-0.02 * (1 + p) / 2 * 5))  # MODEL §1
    hull = brute_force_hull(dense().workload())
    assert waits == pytest.approx(np.interp(p, *np.array(hull).T))
    as_fast = float(np.interp(-(found.waiting_time_quantum or 0), -np.array(hull)[:, 1], np.array(hull)[:, 0]))
    assert found.throughput_gain_relative == pytest.approx(math.exp(0.02 * (as_fast - p) / 2 * 5) - 1)  # MODEL §1


@pytest.mark.parametrize(
    "scenario", [Scenario.default(), pytest.param(heavy_scenario(), marks=pytest.mark.slow)], ids=["default", "heavy"]
)
def test_entanglement_helps_above_the_least_visibility_and_not_below(scenario: Scenario) -> None:
    """Against all planar measurements on a grid of angles, and the hull of all deterministic routers."""
    workload = scenario.workload()
    least = outcome(scenario).least_visibility or 0.0
    angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    alpha, beta0, beta1 = (each.ravel() for each in np.meshgrid(angles, angles, angles))
    correlators = np.cos(np.array([[-beta0, -beta1], [alpha - beta0, alpha - beta1]]))  # α₀ = 0
    corners = np.array(brute_force_hull(workload))
    for visibility, helps in ((least + 0.02, True), (least - 0.001, False)):
        split = (1 - visibility * correlators) / 2
        p = np.einsum("xy,xyk->k", workload.joint, split)
        waits = workload.together_waiting_time - np.einsum("xy,xyk->k", workload.joint * workload.weights, split)
        assert (waits < np.interp(p, *corners.T) - 1e-9).any() == helps
        found = outcome(scenario, visibility)
        assert found.entanglement_helps is helps
        assert (found.waiting_time_reduction_relative or 0) > 0 if helps else found.splitting_probability is None
        assert found.least_visibility == least


@pytest.mark.parametrize("scenario", [Scenario.default(), heavy_scenario()], ids=["default", "heavy"])
def test_the_bounds_hold_the_game_and_give_the_least_visibility(scenario: Scenario) -> None:
    found = outcome(scenario)
    low, high = found.classical_bound_low or 0, found.classical_bound_high or 0
    matrix = RoutingGame(scenario.workload(), found.multiplier or 0).matrix
    signs = list(itertools.product([-1, 1], repeat=2))
    assert low <= max(np.array(a) @ matrix @ np.array(b) for a in signs for b in signs) <= high
    assert found.least_visibility == pytest.approx(high / (found.quantum_bound_low or 0), rel=1e-12)
    assert high - low < 1e-9
    assert (found.quantum_bound_high or 0) - (found.quantum_bound_low or 0) < 1e-9


def test_one_type_alone_has_no_advantage() -> None:
    record = default_record()
    record["traffic"]["type"] = [{**record["traffic"]["type"][0], "probability": 1.0}]
    found = outcome(Scenario.parse(record))
    assert (found.status, found.entanglement_helps, found.least_visibility) == ("computed", False, None)
    assert (found.waiting_time_reduction_relative, found.advantage_ranges) == (0, 0)


def test_a_linear_reward_is_no_scenario_to_compute() -> None:
    linear = {"kind": "power", "exponent": 1.0}
    found = outcome(Scenario.parse(edited(default_record(), "baseline", "reward", value=linear)))
    assert found.status == "invalid"
    assert "no trade-off" in (found.reason or "")


@pytest.mark.parametrize("error", [ScenarioError("the bound is not proved"), ValueError("empty interval")])
def test_what_breaks_down_is_an_outcome_with_its_reason(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise error

    monkeypatch.setattr(Frontiers, "of", broken)
    found = outcome(Scenario.default())
    assert found.status == "failed"
    assert str(error) in (found.reason or "")


def test_a_scenario_is_no_sweep_and_is_told_apart() -> None:
    with pytest.raises(SweepError, match="is a scenario; a sweep file names one"):
        Sweep.parse(edited(default_record(), "schema", value=...), "s.toml")
