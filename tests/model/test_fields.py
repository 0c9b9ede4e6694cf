"""Fields of a scenario by name: what they reach, what the derived ones keep, and what those that are none get told."""

from __future__ import annotations

from typing import Any

import pytest
from bellqueue.model.errors import ScenarioError
from bellqueue.model.scenario.fields import field_names, places, scenario_with
from bellqueue.model.scenario.file import Scenario
from hypothesis import given
from hypothesis import strategies as st

from tests.scenarios import default_record


def scenario(types: list[tuple[str, float, float]], **traffic: Any) -> Scenario:
    """Exponential types (name, probability, mean)."""
    record = default_record()
    specs = [
        {"name": name, "probability": share, "service": {"distribution": "exponential", "mean": mean}}
        for name, share, mean in types
    ]
    record["traffic"] = {"pair_rate": 0.01, "type": specs, **traffic}
    return Scenario.parse(record)


THREE = [("short", 0.5, 1.0), ("long", 0.3, 4.0), ("v1.5 huge", 0.2, 10.0)]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("traffic.pair_rate", ("traffic", "pair_rate")),
        ("load", ("traffic", "pair_rate")),
        ("visibility", ("experiment", "assumed_visibility")),
        ("traffic.type.long.service.mean", ("traffic", "type", 1, "service", "mean")),
        ("traffic.type.1.service.mean", ("traffic", "type", 1, "service", "mean")),
        ("traffic.type.long.service.scv", ("traffic", "type", 1, "service", "scv")),  # not set, but could be
        ("traffic.type.v1.5 huge.service", ("traffic", "type", 2, "service")),  # a name with a dot in it
        ("probability.v1.5 huge", ("traffic", "type", 2, "probability")),
        ("baseline.reward", ("baseline", "reward")),
    ],
)
def test_where_a_field_is_kept(name: str, path: tuple[str | int, ...]) -> None:
    assert places(scenario(THREE), name) == (path,)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("laod", "load"),
        ("traffic.pair_rat", "traffic.pair_rate"),
        ("baseline.reward.exponent", "baseline.reward.setup_time"),  # the reward is one with a set-up time
        ("probability.lnog", "probability.long"),
        ("traffic.type.3.service.mean", "traffic.type.long.service.mean"),
        ("traffic.type.long.service.mean.", "traffic.type.long.service.mean"),
        ("experiment.operating_point.multiplier", "experiment.operating_point"),
    ],
)
def test_a_field_that_does_not_exist_is_answered_with_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(ScenarioError, match="has no such field") as refused:
        places(scenario(THREE), name)
    assert nearest in str(refused.value).partition("nearest: ")[2].split(", ")


def test_every_name_that_is_suggested_exists() -> None:
    for base in (Scenario.default(), scenario(THREE, type_b=default_record()["traffic"]["type"])):
        names = list(field_names(base))
        assert {"load", "visibility", "probability.long", "experiment.shots"} <= set(names)
        assert all(places(base, name) for name in names)


def test_the_load_sets_the_pair_rate() -> None:
    mean = 0.5 * 1 + 0.3 * 4 + 0.2 * 10
    varied = scenario_with(scenario(THREE), {"load": 0.37})
    assert varied.traffic.pair_rate == pytest.approx(0.37 / mean)  # MODEL §1: ρ = λ(E[m]+E[n])/2
    unequal = scenario(THREE, type_b=default_record()["traffic"]["type"])  # mean 0.7 + 0.3·6 = 2.5
    assert scenario_with(unequal, {"load": 0.37}).traffic.pair_rate == pytest.approx(0.37 / ((mean + 2.5) / 2))


def test_the_load_comes_after_all_else_whatever_the_order() -> None:
    changes = {"load": 0.2, "traffic.type.long.service.mean": 8.0, "probability.long": 0.5}
    mean = 0.5 * 8 + 0.5 * (0.5 * 1 + 0.2 * 10) / 0.7
    for order in (changes, dict(reversed(changes.items()))):
        varied = scenario_with(scenario(THREE), order)
        assert varied.traffic.pair_rate == pytest.approx(0.2 / mean)
        assert varied.workload().load == pytest.approx(0.2)


@given(st.floats(1e-6, 1 - 1e-6), st.sampled_from(["probability.long", "traffic.type.long.probability"]))
def test_the_other_types_keep_their_ratio(share: float, name: str) -> None:
    varied = scenario_with(scenario(THREE), {name: share})
    short, long, huge = varied.workload().marginal_a
    assert long == pytest.approx(share)
    assert short / huge == pytest.approx(0.5 / 0.2)
    assert short + long + huge == pytest.approx(1)


def test_several_shares_leave_the_rest_to_the_others() -> None:
    varied = scenario_with(scenario(THREE), {"probability.long": 0.1, "probability.short": 0.7})
    assert varied.workload().marginal_a == pytest.approx([0.7, 0.1, 0.2])
    whole = {"probability.long": 0.1, "probability.short": 0.7, "probability.v1.5 huge": 0.2}
    assert scenario_with(scenario(THREE), whole).workload().marginal_a == pytest.approx([0.7, 0.1, 0.2])
    with pytest.raises(ScenarioError, match=r"sum to 1\.1"):
        scenario_with(scenario(THREE), {**whole, "probability.short": 0.8})


def test_a_share_holds_at_both_routers_where_both_have_the_type() -> None:
    base = scenario(THREE, type_b=default_record()["traffic"]["type"])
    varied = scenario_with(base, {"probability.long": 0.6}).workload()
    assert varied.marginal_a == pytest.approx([0.4 * 0.5 / 0.7, 0.6, 0.4 * 0.2 / 0.7])
    assert varied.marginal_b == pytest.approx([0.4, 0.6])
    only_b = scenario_with(base, {"traffic.type_b.long.probability": 0.6}).workload()
    assert only_b.marginal_a == pytest.approx([0.5, 0.3, 0.2])
    assert only_b.marginal_b == pytest.approx([0.4, 0.6])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"load": 1.0}, "load is 1.0"),
        ({"load": 0}, "load is 0"),
        ({"load": "high"}, "load is 'high'"),
        ({"load": True}, "load is True"),
        ({"probability.long": 1.0}, "'long' is 1"),
        ({"probability.long": 0.7, "probability.short": 0.5}, "'long' and 'short' is 1.2"),
        ({"probability.long": [1]}, "must be a number"),
        ({"traffic.type.long.service.mean": -1}, "traffic.type[1].service.mean"),
        ({"load": 0.5, "traffic.type.long.service.mean": "x"}, "traffic.type[1].service.mean"),
        ({"visibility": 1.5}, "experiment.assumed_visibility"),
        ({"traffic.pair_rate": 10.0}, "load is"),
    ],
)
def test_what_the_model_does_not_allow_is_said_with_the_field(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        scenario_with(scenario(THREE), changes)
    assert words in str(refused.value)


def test_a_joint_table_fixes_the_shares() -> None:
    joint = [[0.5, 0.1], [0.1, 0.3]]
    base = scenario([("a", 0.6, 1.0), ("b", 0.4, 5.0)], joint=joint)
    with pytest.raises(ScenarioError, match=r"traffic\.joint fixes"):
        scenario_with(base, {"probability.a": 0.5})
    varied = scenario_with(base, {"load": 0.3})
    assert varied.traffic.pair_rate == pytest.approx(0.3 / (0.6 * 1 + 0.4 * 5))
    assert varied.traffic.joint == joint
