"""Run folders as the pipeline writes them, with outcomes drawn by numpy from the planned correlators."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from bellqueue.analysis.certificate.stopping import measure_in_rounds
from bellqueue.analysis.menus.design import MenuDesign
from bellqueue.analysis.records.analysis_record import Analysis
from bellqueue.analysis.replay.context import with_context
from bellqueue.backends.protocol import Description
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Trials
from bellqueue.runner.experiment.folder import ANALYSIS, write_text, write_trials
from bellqueue.runner.experiment.pipeline import analyze_run, rounds_of, write_records
from bellqueue.runner.experiment.plan_record import PlanRecord
from bellqueue.runner.experiment.preparation import PreparedPoint, prepare_menu, prepare_point
from numpy.typing import NDArray

PAIRS = ((0, 1), (10, 11), (20, 21), (30, 31))


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
        seed: Of settings and outcomes.
        visibility: Of all pairs.
        parallel: Pairs in every shot.
        lost: Shots in the middle of the run that bring nothing.
        context: Whether the analysis has what a report shows beyond the certificate.
    """
    scenario = Scenario.parse(record)
    experiment = prepare_point(scenario, seed, parallel=parallel)
    several = parallel > 1
    pairs = PAIRS[:parallel] if several else ()
    device = Description(
        name="test:pairs",
        kind="hardware",
        device="pairs",
        qubits=40,
        pair=PAIRS[0],
        parallel=parallel,
        pairs=pairs,
    )
    plan = PlanRecord.of(
        experiment.point,
        experiment.schedule,
        scenario_hash=scenario.content_hash(),
        created="2026-01-01T00:00:00+00:00",
        significance=scenario.experiment.significance,
        seed=seed,
        description=device,
        stop=scenario.experiment.stop,
    )
    trials = _measured(experiment, visibility, seed)
    if plan.stop:
        plan = plan.ended(experiment.schedule.part(range(len(trials))))
    if lost:
        shot = np.arange(len(trials)) // parallel
        kept = (shot < 40) | (shot >= 40 + lost)
        columns = {name: getattr(trials, name)[kept] for name in "xyab"}
        trials = Trials(**columns, shape=trials.shape)
    folder.mkdir()
    write_records(folder, scenario, plan)
    write_trials(folder, trials)
    analysis = analyze_run(scenario, plan, trials)
    assert isinstance(analysis, Analysis)
    write_text(folder / ANALYSIS, (with_context(analysis) if context else analysis).to_json())


def write_menu_run(folder: Path, scenario: Scenario, design: MenuDesign, *, visibility: float, lost: int = 0) -> None:
    """A finished run of a menu on Werner pairs; arguments as in `write_run`."""
    experiment = prepare_menu(scenario, design, 1)
    plan = PlanRecord.of(
        design,
        experiment.schedule,
        scenario_hash=scenario.content_hash(),
        created="2026-01-01T00:00:00+00:00",
        significance=scenario.experiment.significance,
        seed=1,
        description=Description(
            name="test:pairs", kind="hardware", device="pairs", qubits=2, pair=PAIRS[0], parallel=1
        ),
    )
    rng, settings = np.random.default_rng(9), experiment.schedule.settings
    own = np.array([(each.x, each.y, each.alpha - each.beta) for each in settings])[experiment.schedule.order[lost:]]
    a = rng.integers(0, 2, len(own), dtype=np.uint8)
    differ = rng.random(len(own)) < (1 - visibility * np.cos(own[:, 2])) / 2
    x, y = own[:, :2].astype(np.int64).T
    trials = Trials(x, y, a, a ^ differ, experiment.schedule.shape)
    folder.mkdir()
    write_records(folder, scenario, plan)
    write_trials(folder, trials, plan.entries)
    write_text(folder / ANALYSIS, analyze_run(scenario, plan, trials).to_json())


def _measured(experiment: PreparedPoint, visibility: float, seed: int) -> Trials:
    order, settings = experiment.schedule.order, experiment.schedule.settings
    correlators = np.array([np.cos(setting.alpha - setting.beta) for setting in settings])

    def outcomes(places: NDArray[np.int64], rng: np.random.Generator) -> Trials:
        a = rng.integers(0, 2, len(places), dtype=np.uint8)
        differ = rng.random(len(places)) < (1 - visibility * correlators[places]) / 2
        x, y = (np.array([getattr(setting, name) for setting in settings])[places] for name in "xy")
        return Trials(x, y, a, a ^ differ, experiment.schedule.shape)

    if experiment.scenario.experiment.stop is None:
        return outcomes(order, np.random.default_rng([seed, 9]))
    return measure_in_rounds(
        rounds_of(experiment),
        len(order),
        seed,
        lambda part, own: outcomes(order[part.start : part.stop], np.random.default_rng(own)),
        lambda _: None,
    )


def edited(path: Path, *place: Any, value: Any) -> None:
    """Change one value of a JSON file; a function is applied to the old one."""
    record = json.loads(path.read_text())
    inner = record
    for part in place[:-1]:
        inner = inner[part]
    inner[place[-1]] = value(inner[place[-1]]) if callable(value) else value
    path.write_text(json.dumps(record, indent=2) + "\n")
