"""Run folders as the pipeline writes them, with outcomes drawn by numpy from the planned correlators."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from bellqueue.analysis.certificate.stopping import measure_in_rounds
from bellqueue.analysis.menus.design import MenuDesign
from bellqueue.analysis.records.analysis_record import Analysis
from bellqueue.analysis.replay.context import with_context
from bellqueue.backends.protocol import Description
from bellqueue.circuits.schedule import Schedule
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Trials
from bellqueue.model.writing import write_text
from bellqueue.runner.experiment.folder import ANALYSIS, TRIALS, write_trials
from bellqueue.runner.experiment.pipeline import analyze_run, plan_record, rounds_of, write_records
from bellqueue.runner.experiment.plan_record import PlanRecord
from bellqueue.runner.experiment.preparation import PreparedPoint, prepare_menu, prepare_point
from numpy.typing import NDArray

Change = Callable[[Path], Any]
"""Changes something in a run's folder."""

PAIRS = ((0, 1), (10, 11), (20, 21), (30, 31))


class Device:
    """A backend of which nothing is known but how it describes itself."""

    def __init__(self, description: Description) -> None:
        self.description = description

    def describe(self, dimension: int = 2) -> Description:
        return self.description


def write_run(
    folder: Path,
    record: dict[str, Any],
    seed: int = 1,
    *,
    visibility: float = 0.95,
    parallel: int = 1,
    lost: int = 0,
    context: bool = False,
) -> None:
    """A finished run of a scenario's record.

    Args:
        folder: To be made.
        record: The scenario.
        seed: Seed of settings and outcomes.
        visibility: Visibility of all pairs.
        parallel: Pairs in every shot.
        lost: Shots in the middle of the run that bring nothing.
        context: Whether the analysis has what a report shows beyond the certificate.
    """
    scenario = Scenario.parse(record)
    experiment = prepare_point(scenario, seed, parallel=parallel)
    pairs = PAIRS[:parallel] if parallel > 1 else ()
    plan = plan_record(experiment, _device(qubits=40, parallel=parallel, pairs=pairs))
    trials = _measured(experiment, visibility, seed)
    if plan.stop:
        plan = plan.ended(experiment.schedule.part(range(len(trials))))
    if lost:
        shot = np.arange(len(trials)) // parallel
        kept = (shot < 40) | (shot >= 40 + lost)
        columns = {name: getattr(trials, name)[kept] for name in "xyab"}
        trials = Trials(**columns, shape=trials.shape)
    write_folder(folder, scenario, plan, trials, context)


def write_menu_run(folder: Path, scenario: Scenario, design: MenuDesign, *, visibility: float, lost: int = 0) -> None:
    """A finished run of a menu on Werner pairs; arguments as in `write_run`."""
    experiment = prepare_menu(scenario, design, 1)
    schedule = experiment.schedule
    trials = _outcomes(schedule, schedule.order[lost:], visibility, np.random.default_rng(9))
    write_folder(folder, scenario, plan_record(experiment, _device(qubits=2)), trials)


def write_folder(folder: Path, scenario: Scenario, plan: PlanRecord, trials: Trials, context: bool = False) -> None:
    """What was planned and measured, and its analysis."""
    folder.mkdir()
    write_records(folder, scenario, plan)
    write_trials(folder, trials, plan.entries)
    analysis = analyze_run(scenario, plan, trials)
    if context:
        assert isinstance(analysis, Analysis)
        analysis = with_context(analysis)
    write_text(folder / ANALYSIS, analysis.to_json())


def _device(**fields: Any) -> Device:
    return Device(Description(name="test:pairs", kind="hardware", device="pairs", pair=PAIRS[0], **fields))


def _outcomes(schedule: Schedule, places: NDArray[np.int64], visibility: float, rng: np.random.Generator) -> Trials:
    """Trials of some settings of a schedule, on Werner pairs."""
    correlators = np.array([np.cos(setting.alpha - setting.beta) for setting in schedule.settings])[places]
    x, y = (np.array([getattr(setting, name) for setting in schedule.settings])[places] for name in "xy")
    a = rng.integers(0, 2, len(places), dtype=np.uint8)
    differ = rng.random(len(places)) < (1 - visibility * correlators) / 2
    return Trials(x, y, a, a ^ differ, schedule.shape)


def _measured(experiment: PreparedPoint, visibility: float, seed: int) -> Trials:
    schedule = experiment.schedule
    if experiment.scenario.experiment.stop is None:
        return _outcomes(schedule, schedule.order, visibility, np.random.default_rng([seed, 9]))

    def measure(part: range, own: int) -> Trials:
        return _outcomes(schedule, schedule.order[part.start : part.stop], visibility, np.random.default_rng(own))

    return measure_in_rounds(rounds_of(experiment), len(schedule.order), seed, measure, lambda _: None)


def edited(path: Path, place: str, value: Any) -> None:
    """Change one value of a JSON file, at `entries[0].cost.high` for example; a function is applied to the old one."""
    record = json.loads(path.read_text())
    *outer, last = (int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", place))
    inner = record
    for part in outer:
        inner = inner[part]
    inner[last] = value(inner[last]) if callable(value) else value
    path.write_text(json.dumps(record, indent=2) + "\n")


def in_file(name: str, place: str, value: Any) -> Change:
    """The same of a file in a run's folder."""
    return lambda folder: edited(folder / name, place, value)


def in_analysis(place: str, value: Any) -> Change:
    """The same of its analysis.json."""
    return in_file(ANALYSIS, place, value)


def in_trials(change: Callable[[list[str]], list[str]]) -> Change:
    """Its trials.csv, with other lines."""

    def changed(folder: Path) -> None:
        lines = (folder / TRIALS).read_text().splitlines()
        (folder / TRIALS).write_text("\n".join(change(lines)) + "\n")

    return changed
