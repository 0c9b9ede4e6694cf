"""A run in this process, and the analysis of data at hand, for the command line and for Python alike."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ...analysis.menus.replay import MenuReplay, replay_menu
from ...analysis.records.counts_file import NOTHING, STANDARD_INPUT, Declared, Say, read_counts
from ...analysis.replay.replay import Replay, replay_trials
from ...backends.calibration.prediction import predictor
from ...backends.protocol import LocalBackend
from ...model.errors import BellqueueError, DataError
from ...model.printable import command_line
from ...model.progress import Watch
from ...model.scenario.file import Scenario
from ...model.trials import Router, Trials
from ...model.validation import absent
from ...model.writing import refused_as
from .folder import RUNS, AnyAnalysis, RunFolder, free_place, naming, new_run_folder, slug, write_trials
from .pipeline import (
    analyze_folder,
    analyze_foreign,
    analyze_run,
    measure,
    plan_record,
    write_records,
    write_results,
)
from .plan_record import PlanRecord
from .preparation import PreparedPoint, prepare


@dataclass(frozen=True, eq=False)
class Executed:
    """A run that has been measured and analyzed; `folder` is None if it is not kept."""

    trials: Trials
    analysis: AnyAnalysis
    folder: Path | None


def execute(
    scenario: Scenario,
    typed: str | None,
    backend: LocalBackend,
    seed: int | None,
    place: Callable[[PlanRecord], Path | None],
    watch: Watch,
    figures: bool = True,
) -> Executed:
    """Plan, measure, analyze and, if a folder is wanted, store.

    Args:
        typed: The scenario's file or name as typed in the command that makes the run again; "" leaves it out, for the
            default scenario, and None is a scenario made in Python, which no command makes again.
        seed: Random seed for settings and simulator; None: a fresh one.
        place: Names the run's folder once it is planned; None keeps nothing.
        figures: Whether the folder gets figures and a report beside the records. Defaults to true.

    Raises:
        BellqueueError: something cannot be planned, measured, analyzed or written; trials that were measured into a
            folder are kept.
    """
    failure: BellqueueError | None = None
    watch("preparing", 0, None)
    experiment = prepare(scenario, seed, predictor(backend), backend=backend, watch=watch)
    frontiers = experiment.frontiers if isinstance(experiment, PreparedPoint) else None
    plan = plan_record(experiment, backend)
    folder = place(plan)

    def elsewhere() -> Path | None:
        """Another place, if another run took the first one meanwhile."""
        nonlocal folder
        folder = place(plan)
        return folder

    with new_run_folder(folder, elsewhere) if folder else nullcontext() as draft:
        if draft:
            write_records(draft, scenario, plan)
        trials = measure(experiment, backend, watch)
        if draft:
            watch("writing the trials", 0, None)
            write_trials(draft, trials, plan.entries)
        if plan.stop:
            plan = plan.ended(experiment.schedule.part(range(len(trials))))
            if draft:
                write_records(draft, scenario, plan)
        try:
            watch("analyzing", 0, None)
            analysis = analyze_run(
                scenario,
                plan,
                trials,
                frontiers=frontiers,
                command=None if typed is None else _again(typed, plan),
                watch=watch,
            )
            if draft:
                analysis = write_results(draft, analysis, frontiers, figures, watch)
        except BellqueueError as error:  # the trials are worth keeping whatever became of their analysis
            failure = error
    if failure:
        raise DataError(f"{failure}; the trials are kept in {folder}") if folder else failure
    return Executed(trials, analysis, folder)


def analyze_data(
    data: Path,
    scenario: Scenario | None,
    watch: Watch,
    command: str | None = None,
    invert: Router | None = None,
    declared: Declared = NOTHING,
    say: Say | None = None,
) -> AnyAnalysis:
    """Analyze a counts file, a trials CSV or a run's folder; only a run has its own scenario.

    Args:
        data: Path of the data; `-` is standard input.
        scenario: The scenario that the data belong to.
        command: Command that makes the same analysis again.
        invert: The router whose outcomes to invert, a choice made after the data.
        declared: How the settings came about and what was lost, if the data do not say so themselves.
        say: Gets a line if something in the data is ignored.

    Raises:
        DataError: there is no such thing, no scenario was named, the data do not belong to it, or outcomes are to be
            inverted that a run's plan fixed.
    """
    piped = data == STANDARD_INPUT
    with refused_as(DataError, data):
        if not piped and not data.exists():
            raise DataError(absent(data, "give a counts JSON, a trials CSV or a run's folder", folders=True))
    folder = RunFolder.open(data) if data.is_dir() else None
    wanted = scenario or (folder.scenario() if folder else None)
    if wanted is None:
        raise DataError(f"{data}: name the scenario they belong to with --scenario FILE, or --scenario default")
    watch("analyzing", 0, None)
    if folder:
        if declared != NOTHING:
            raise DataError(f"{data}: a run says itself how its settings came about and what was lost; declare nothing")
        try:
            return analyze_folder(folder, scenario, command=command, invert=invert, watch=watch)
        except DataError as error:
            raise naming(data, error) from None
    sample = read_counts(data, wanted.workload(), declared, say).invert(invert)
    return analyze_foreign("standard input" if piped else data.name, sample, wanted, command=command)


def replay_run(folder: RunFolder, pairs: int | None, seed: int | None, watch: Watch) -> Replay | MenuReplay:
    """Replay the trials of a run; arguments as in `replay_trials` or `replay_menu`, without a seed a fresh one.

    Raises:
        DataError: a pair of types has no recorded outcome, or the trials are not those of the plan.
    """
    scenario, plan = folder.scenario(), folder.plan()
    workload = scenario.workload()
    plan.check(scenario.content_hash(), workload.shape)
    trials = folder.trials(workload.shape, plan.entries)
    seed = secrets.randbits(63) if seed is None else seed
    try:
        sampling = plan.sampling(trials)
        if plan.menu is not None:
            return replay_menu(scenario, plan.menu, trials, sampling, pairs, seed, watch)
        return replay_trials(scenario.title, workload, trials, sampling, pairs, seed, watch)
    except DataError as error:
        raise naming(folder.path, error) from None


def new_place(plan: PlanRecord) -> Path:
    """A folder name under bellqueue-runs that nothing has yet."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    backend = slug(plan.backend.name)[:40].strip("-")
    return free_place(RUNS / f"{stamp}-{backend}-{plan.scenario_hash[:8]}")


def _again(typed: str, plan: PlanRecord) -> str:
    """The command that makes the same run."""
    words = ["run", *([typed] if typed else []), "--backend", plan.backend.name]
    words += ["--shots", str(plan.budget or plan.shots), *(["--until-certified"] if plan.stop else [])]
    return command_line(*words, "--seed", plan.seed)
