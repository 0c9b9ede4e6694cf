"""Whatever is wrong with a file, a record or an object, we complain in one line and in none of pydantic's words."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.records.analysis_record import Analysis
from bellqueue.analysis.records.counts_file import sample_of
from bellqueue.model.errors import BellqueueError, DataError
from bellqueue.model.scenario.file import ExperimentSpec, Scenario
from bellqueue.model.sweep.grid import Sweep
from bellqueue.model.validation import first_complaint, validated
from bellqueue.runner.experiment.plan_record import PlanRecord
from pydantic import ValidationError
from pydantic_core._pydantic_core import list_all_errors

import bellqueue as bq
from tests.model.link.links import with_link
from tests.runner.recorded_runs import write_run
from tests.scenarios import IBM_HANOI, default_record, edited

PHRASES = ("input should", "field required", "extra inputs", "type=", "pydantic", "validation error", "value error")
UNTRANSLATED = "nothing of that kind"
NASTY: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1.5,
    10**400,
    float("nan"),
    math.inf,
    "",
    "x",
    "x" * 300,
    [],
    {},
    [[]],
    [None],
    object(),
)


def _check(text: str, *, known: bool = True) -> None:
    assert "\n" not in text
    assert not [phrase for phrase in PHRASES if phrase in text.lower()], text
    assert not (known and UNTRANSLATED in text), text


@pytest.mark.parametrize("kind", list_all_errors(), ids=lambda kind: kind["type"])
def test_no_kind_of_error_speaks_as_pydantic_does(kind: Any) -> None:
    context = kind.get("example_context") or {}
    if kind["type"] in ("value_error", "assertion_error"):
        context = {"error": ValueError("of ours")}
    details: Any = {"type": kind["type"], "loc": ("field",), "input": 1, "ctx": context}
    _check(first_complaint(ValidationError.from_exception_data("Scenario", [details]), Scenario), known=False)


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a record; of long lists the first element."""
    if place:
        yield place
    items = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, item in items:
        yield from _places(item, (*place, key))


def _spoiled(record: Any) -> Iterator[Any]:
    """The record with one thing wrong: each place missing, misspelled or holding something nasty."""
    for place in _places(record):
        for wrong in (..., *NASTY):
            yield edited(record, *place, value=wrong)
        *outer, key = place
        if isinstance(key, str):
            yield edited(edited(record, *place, value=...), *outer, f"{key}s", value="misspelled")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("complaints") / "run"
    write_run(folder, default_record(shots=100))
    return folder


SIZES = {"pair_rate": 0.1, "sizes": {"distribution": "gamma", "mean": 1, "scv": 2.0, "bins": 4}, "joint": [[1.0]]}
TABLE = {"reward": {"kind": "table", "points": [[0, 0], [1, 0.2], [3, 2]]}}
WORKLOAD = Scenario.default().workload()
READERS: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "scenario": (lambda: default_record(operating_point={"multiplier": 1.0}, stop="certified"), Scenario.parse),
    "sizes": (lambda: {"title": "x", "traffic": SIZES, "baseline": TABLE, "bounds": {"time_limit": 1}}, Scenario.parse),
    "link": (lambda: with_link({"name": "x", "visibility": 0.9, "buffer": 2}).record(), Scenario.parse),
    "sweep": (
        lambda: {"title": "x", "axis": [{"field": "load", "from": 0.1, "to": 0.5, "count": 3, "scale": "log"}]},
        Sweep.parse,
    ),
    "counts": (
        lambda: {
            "schema": "bellqueue.counts/1",
            "types": ["short", "long"],
            "settings": "random",
            "input_distribution": [[0.25, 0.25], [0.25, 0.25]],
            "lost": [[0, 0], [0, 0]],
            "counts": IBM_HANOI,
        },
        lambda data: sample_of(data, WORKLOAD),
    ),
}


@pytest.mark.parametrize("name", READERS)
def test_wrong_content_is_complained_of_in_our_words(name: str) -> None:
    make, read = READERS[name]
    refused = 0
    for spoiled in _spoiled(make()):
        try:
            read(spoiled)
        except BellqueueError as error:
            refused += 1
            _check(str(error))
    assert refused > 50


@pytest.mark.parametrize(("file", "kind"), [("plan.json", PlanRecord), ("analysis.json", Analysis)])
def test_damaged_records_are_complained_of_in_our_words(file: str, kind: Any, run: Path) -> None:
    record = json.loads((run / file).read_text())
    kinds = NASTY[:-1]
    for index, place in enumerate(_places(record)):  # each place once, each kind of damage often
        spoiled = edited(record, *place, value=kinds[index % len(kinds)])
        try:
            validated(kind, json.dumps(spoiled), file, DataError)
        except BellqueueError as error:
            _check(str(error))
    with pytest.raises(DataError, match="not valid JSON") as caught:
        validated(kind, "{", file, DataError)
    _check(str(caught.value))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: bq.Scenario(), "Scenario: traffic: is missing"),  # type: ignore[call-arg]
        (lambda: ExperimentSpec(shots="5"), "ExperimentSpec: shots is '5'; it must be a whole number"),  # type: ignore[arg-type]
        (lambda: ExperimentSpec(shotz=5), "shotz: unknown key; did you mean shots?"),  # type: ignore[call-arg]
        (lambda: setattr(Scenario.default(), "title", "x"), "Scenario.title cannot be changed"),
        (lambda: Scenario.parse([1]), "must be a table of sections"),  # type: ignore[arg-type]
        (lambda: bq.frontiers({"traffic": 1}), "scenario is a dict"),  # type: ignore[arg-type]
        (lambda: bq.plan(np.eye(2)), "scenario is a ndarray"),  # type: ignore[call-overload]
    ],
)
def test_python_objects_complain_likewise(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(BellqueueError) as caught:
        make()
    assert words in str(caught.value)
    _check(str(caught.value))


SHOTS, RATE, UNIT = ("experiment", "shots"), ("traffic", "pair_rate"), ("traffic", "time_unit_seconds")
REWARD = ("baseline", "reward")


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (SHOTS, True, "experiment.shots is True; it must be a whole number"),
        (SHOTS, "5", "experiment.shots is '5'; it must be a whole number"),
        (SHOTS, 1.5, "experiment.shots is 1.5; it must be a whole number"),
        (SHOTS, 0, "experiment.shots is 0; it must be at least 1"),
        (SHOTS, 10**9, "experiment.shots is 1000000000; it must be at most 100000000"),
        (("experiment", "significance"), 0.5, "experiment.significance is 0.5; it must be below 0.5"),
        (RATE, "0.05", "traffic.pair_rate is '0.05'; it must be a number"),
        (RATE, True, "traffic.pair_rate is True; it must be a number"),
        (RATE, -0.2, "traffic.pair_rate is -0.2; it must be positive"),
        (RATE, math.inf, "traffic.pair_rate is inf; it must be a finite number"),
        (("traffic", "type"), {}, "traffic.type is {}; it must be a list"),
        (("baseline",), 3, "baseline is 3; it must be a table"),
        (("title",), "", "title is ''; it must not be empty"),
        (REWARD, {"kind": "warmup", "time": 0.0}, "baseline.reward.time is 0.0; it must be positive"),
        (UNIT, 0.0, "traffic.time_unit_seconds is 0.0; it must be positive"),
        (UNIT, -1.0, "traffic.time_unit_seconds is -1.0; it must be positive"),
        (UNIT, math.nan, "traffic.time_unit_seconds is nan; it must be a finite number"),
        (UNIT, "soon", "traffic.time_unit_seconds is 'soon'; it must be a number"),
    ],
)
def test_scenarios_are_strict(place: tuple[str, ...], value: Any, words: str) -> None:
    with pytest.raises(BellqueueError) as caught:
        Scenario.parse(edited(default_record(), *place, value=value), "s.toml")
    assert str(caught.value) == f"s.toml: {words}"


@pytest.mark.parametrize("shots", [40000.0, np.int32(40000), np.float64(40000)])
def test_whole_numbers_are_whole_numbers(shots: Any) -> None:
    assert Scenario.parse(default_record(shots=shots)).content_hash() == Scenario.default().content_hash()


def test_a_scenario_without_a_title_has_the_name_of_its_file(tmp_path: Path) -> None:
    record = edited(default_record(), "title", value=...)
    (tmp_path / "evening rush.json").write_text(json.dumps(record))
    assert Scenario.load(tmp_path / "evening rush.json").title == "evening rush"
    assert Scenario.parse(record).title == "Untitled"
