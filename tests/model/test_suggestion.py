"""A mistyped name gets the nearest valid one, wherever in a file it stands."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import pytest
from bellqueue.model.errors import ScenarioError
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.suggestion import nearest, suggestion
from bellqueue.model.validation import nearest_beside
from hypothesis import given
from hypothesis import strategies as st

from tests.scenarios import default_record, edited

NAMES = ("aer", "braket", "braket-local", "fake", "ibm")


@given(st.sampled_from(NAMES[1:3]), st.data())
def test_one_wrong_letter_is_forgiven(name: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(name) - 1))
    letter = data.draw(st.sampled_from(string.ascii_lowercase))
    assert nearest(name[:at] + letter + name[at + 1 :], NAMES) == name
    assert nearest(name[:at] + name[at + 1 :], NAMES) == name
    assert nearest(name.upper(), NAMES) == name


def test_what_is_like_nothing_is_told_the_list_only() -> None:
    assert suggestion("zzz", NAMES) == "; valid: aer, braket, braket-local, fake, ibm"
    assert suggestion("areo", NAMES) == "; did you mean aer? (valid: aer, braket, braket-local, fake, ibm)"
    many = [f"device-{number}" for number in range(40)]
    assert suggestion("zzz", many) == ""
    assert suggestion("device-77", many, listing="bellqueue backends").endswith("(`bellqueue backends` lists all 40)")
    assert suggestion("Short", ["short"], also=["shot"]) == "; did you mean short? (valid: short)"
    assert suggestion("x", []) == ""


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("traffic",), "trafic"),
        (("traffic", "pair_rate"), "pair_rat"),
        (("traffic", "type", 1, "probability"), "probabilty"),
        (("traffic", "type", 0, "service", "mean"), "maen"),
        (("baseline", "reward", "setup_time"), "setuptime"),
        (("experiment", "significance"), "signifcance"),
        (("experiment", "shots"), "shot"),
    ],
)
def test_a_mistyped_key_of_a_scenario(path: tuple[Any, ...], wrong: str) -> None:
    *outer, right = path
    record = edited(edited(default_record(), *path, value=...), *outer, wrong, value=1)
    with pytest.raises(ScenarioError, match=rf"{wrong}: unknown key; did you mean {right}\?"):
        Scenario.parse(record)


@pytest.mark.parametrize(
    ("path", "wrong", "told"),
    [
        (
            ("traffic", "type", 0, "service", "distribution"),
            "determinstic",
            "traffic.type[0].service.distribution: unknown value 'determinstic'; did you mean deterministic?",
        ),
        (("baseline", "reward", "kind"), "setip", "baseline.reward.kind: unknown value 'setip'; did you mean setup?"),
        (("experiment", "operating_point"), "largest", "did you mean largest-advantage?"),
        (("experiment", "operating_point"), {"waitingtime": 0.5}, "did you mean waiting_time?"),
        (("experiment", "settings"), "radnom", "did you mean random? (valid: random, fixed)"),
    ],
)
def test_a_mistyped_value_of_a_scenario(path: tuple[Any, ...], wrong: Any, told: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        Scenario.parse(edited(default_record(), *path, value=wrong))
    assert told in str(refused.value)


def test_a_key_of_another_reward_is_not_proposed() -> None:
    reward = {"kind": "power", "exponent": 2, "setup_time": 5}
    with pytest.raises(ScenarioError, match=r"baseline.reward.setup_time: unknown key; valid: kind, exponent$"):
        Scenario.parse(edited(default_record(), "baseline", "reward", value=reward))


def test_an_ending_in_common_makes_no_two_files_alike(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "scenario.toml", "readme.txt"):
        (tmp_path / name).touch()
    assert nearest_beside(tmp_path / "nosuch.toml", [".toml"]) == ""
    assert nearest_beside(tmp_path / "senario.toml", [".toml"]).endswith("scenario.toml?")
    assert nearest_beside(tmp_path / "scenario.tml", [".toml"]).endswith("scenario.toml?")
