"""Scenarios whose routers know the past: what goes with them, and that other scenarios stay what they were."""

from __future__ import annotations

from typing import Any

import pytest
from bellqueue.model.errors import ScenarioError
from bellqueue.model.scenario.fields import scenario_with
from bellqueue.model.scenario.file import Scenario

from tests.scenarios import default_record

# Of the default scenario before it could name its routers.
HASH = "8d0197add3ee32e6fb2aeb349e6b36afb82b0900dfcf366a16bd3c185de76474"


def scenario(**experiment: Any) -> Scenario:
    return Scenario.parse(default_record(**experiment))


def test_scenarios_without_the_new_fields_keep_their_hash() -> None:
    assert Scenario.default().content_hash() == HASH
    assert scenario(routers="memoryless").content_hash() == HASH
    assert "routers" not in Scenario.default().record()["experiment"]


def test_the_default_menu_is_left_out_and_read_again() -> None:
    informed = scenario(routers="past-informed")
    assert informed.experiment.menu == 8
    assert informed.record()["experiment"]["routers"] == "past-informed"
    assert "menu" not in informed.record()["experiment"]
    assert scenario(routers="past-informed", menu=8).content_hash() == informed.content_hash() != HASH
    smaller = scenario(routers="past-informed", menu=3)
    assert Scenario.parse(smaller.record()).content_hash() == smaller.content_hash() != informed.content_hash()


@pytest.mark.parametrize("changed", [{"shots": 5}, {"routers": "past-informed", "menu": 2}, {"significance": 0.01}])
def test_options_change_a_scenario_of_either_kind(changed: dict[str, Any]) -> None:
    """Neither kind is refused for a default that its record leaves out."""
    for start in (Scenario.default(), scenario(routers="past-informed")):
        experiment = start.with_experiment(**changed).experiment
        assert {name: getattr(experiment, name) for name in changed} == changed
        assert scenario_with(start, {"load": 0.1}).experiment.routers == start.experiment.routers


@pytest.mark.parametrize(
    ("experiment", "words"),
    [
        ({"menu": 8}, r'experiment: menu = 8 is for routers = "past-informed"; add that'),
        ({"routers": "past"}, "experiment.routers: unknown value 'past'; valid: memoryless, past-informed"),
        ({"routers": "past-informed", "menu": 0}, "experiment.menu is 0; it must be at least 1"),
        ({"routers": "past-informed", "menu": 9}, "experiment.menu is 9; it must be at most 8"),
        ({"routers": "past-informed", "menu": 2.5}, "experiment.menu is 2.5; it must be a whole number"),
        ({"routers": "past-informed", "against": "memoryless"}, 'experiment: against = "memoryless" is not for'),
        ({"routers": "past-informed", "stop": "certified"}, 'experiment: stop = "certified" is not for'),
        ({"routers": "past-informed", "bell_pairs": 2}, "experiment: bell_pairs = 2 is not for"),
        ({"routers": "past-informed", "operating_point": {"waiting_time": 0.5}}, "this operating_point is not for"),
        ({"routers": "past-informed", "operating_point": {"splitting_probability": 0.5}}, "theirs is a multiplier"),
    ],
)
def test_what_does_not_go_with_them_is_refused_in_a_line(experiment: dict[str, Any], words: str) -> None:
    with pytest.raises(ScenarioError, match=words) as refusal:
        scenario(**experiment)
    assert "\n" not in str(refusal.value)


def test_a_multiplier_goes_with_them() -> None:
    chosen = scenario(routers="past-informed", operating_point={"multiplier": 0.9}, settings="fixed").experiment
    assert chosen.past_informed
