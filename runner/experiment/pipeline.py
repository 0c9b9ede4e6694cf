"""The steps of a run, each by itself: plan, measure, analyze (also other people's counts), write folder and report."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...analysis.analyze import analyze, expected_correlators
from ...analysis.certificate.samples import Sample
from ...analysis.certificate.stopping import Rounds, Standing, measure_in_rounds
from ...analysis.menus.analyze import analyze_menu
from ...analysis.menus.records import MenuAnalysis
from ...analysis.menus.replay import with_waiting_times
from ...analysis.records.analysis_record import Analysis, Provenance
from ...analysis.records.counts_file import format_trials
from ...analysis.replay.context import with_context
from ...backends.protocol import Backend, LocalBackend, description_for
from ...model.errors import DataError
from ...model.games.frontiers import Frontiers
from ...model.hashing import content_hash
from ...model.progress import Watch, unwatched
from ...model.scenario.file import Scenario
from ...model.trials import Counts, Router, Sampling, Trials, match_types
from ...model.writing import write_text
from .folder import ANALYSIS, CALIBRATION, PLAN, REPORT, SCENARIO, AnyAnalysis, RunFolder
from .plan_record import PlanRecord
from .preparation import PreparedPoint, PreparedRun
from .provenance import bellqueue_version, library_versions, now

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def measure(experiment: PreparedRun, backend: LocalBackend, watch: Watch) -> Trials:
    """Measure the schedule on a backend; if the scenario says so, stop as soon as it is certified.

    Raises:
        BackendError: the backend has no circuit for it, or fails.
    """
    description_for(backend, experiment.schedule.dimension)  # refuses what the backend has no circuit for
    if not isinstance(experiment, PreparedPoint) or experiment.scenario.experiment.stop is None:
        return backend.measure(experiment.schedule, experiment.seed, watch)
    budget = len(experiment.schedule.order)

    def measured(trials: range, seed: int) -> Trials:
        part = experiment.schedule.part(trials)
        return backend.measure(part, seed, lambda what, done, _: watch(what, trials.start + done, budget))

    def stand(standing: Standing) -> None:
        watch(standing.line(), standing.trials, budget)

    return measure_in_rounds(rounds_of(experiment), budget, experiment.seed, measured, stand)


def rounds_of(experiment: PreparedPoint) -> Rounds:
    """The test that decides after each round of an experiment that may stop early."""
    return Rounds(
        experiment.frontiers,
        experiment.schedule.sampling,
        experiment.point.certificate_multiplier,
        experiment.scenario.experiment.significance,
        len(experiment.schedule.order),
        experiment.point.against,
        expected_correlators(experiment.point, experiment.predicted),
    )


def plan_record(experiment: PreparedRun, backend: Backend) -> PlanRecord:
    """What is fixed before the data, the device's calibration included.

    Raises:
        BackendError: the backend has no circuit for the strategy.
    """
    return PlanRecord.of(experiment, description_for(backend, experiment.schedule.dimension))


def analyze_run(
    scenario: Scenario,
    plan: PlanRecord,
    trials: Trials,
    *,
    frontiers: Frontiers | None = None,
    command: str | None = None,
    watch: Watch = unwatched,
) -> AnyAnalysis:
    """The analysis of one's own run: its plan was declared before the data.

    Args:
        frontiers: Frontiers of the scenario, if they are at hand.
        command: Command that makes the same run again.
    """
    backend = plan.backend
    provenance = Provenance(
        bellqueue_version=bellqueue_version(),
        libraries=library_versions(),
        created=plan.created,
        source=f"run on {backend.name}",
        command=command,
        backend=backend.name,
        device=backend.device,
        qubits=[qubit for pair in backend.pairs or [backend.pair] for qubit in pair] if backend.pair else None,
        predicted_visibility=backend.predicted_visibility,
        locality=backend.locality or None,
        seed=plan.seed,
        calibration=backend.calibration,
        scenario_hash=scenario.content_hash(),
        content_hash=content_hash(
            scenario.content_hash(), plan.model_dump_json(by_alias=True), format_trials(trials, plan.entries)
        ),
    )
    sample = Sample(trials.counts(), plan.sampling(trials))
    if plan.menu is not None:
        return analyze_menu(scenario, plan.bases(), plan.menu, sample, provenance, watch)
    return analyze(
        scenario,
        sample,
        provenance,
        point=plan.operating_point(),
        predicted=plan.planned_point().predicted,
        trials=trials,
        frontiers=frontiers,
    )


def analyze_folder(
    run: RunFolder,
    scenario: Scenario | None,
    *,
    command: str | None = None,
    invert: Router | None = None,
    watch: Watch = unwatched,
) -> AnyAnalysis:
    """A run's analysis again; against another scenario its plan does not hold, and the run counts as foreign data.

    Its lost trials are losses there as well, and its types are matched by name. Only there can outcomes be inverted.

    Raises:
        DataError: the folder is damaged, its types are not the scenario's, outcomes that its plan fixed are to be
            inverted, or routers that know the past are to be analyzed with another scenario.
    """
    own, plan = run.scenario(), run.plan()
    workload = own.workload()
    trials = run.trials(workload.shape, plan.entries)
    if scenario is None or scenario.content_hash() == own.content_hash():
        if invert:
            raise DataError(
                f"{run.path}: invert is for counts taken elsewhere; the plan of this run fixed before the data what "
                "its outcomes mean. If the device swaps 0 and 1, correct that and run again"
            )
        plan.check(own.content_hash(), workload.shape)
        return analyze_run(own, plan, trials, command=command, watch=watch)
    if plan.menu is not None:
        raise DataError(
            f"{run.path}: the bases of this run were chosen for its own scenario; leave out the other one, or run that"
        )
    if plan.stop:
        raise DataError(
            f"{run.path}: the run stopped as soon as its own scenario was certified, so its trials say nothing valid "
            "about another; measure a run without stop for that"
        )
    frontiers = Frontiers.of(scenario)
    plan.check(plan.scenario_hash, workload.shape)
    rows = match_types(workload.names_a, frontiers.workload.names_a, "A")
    columns = match_types(workload.names_b, frontiers.workload.names_b, "B")
    counts = trials.counts()
    lost = plan.sampling(trials).lost
    places = np.ix_(rows, columns)
    sampling = Sampling("fixed", lost=None if lost is None else lost[places])
    sample = Sample(Counts(counts.table[places]), sampling).invert(invert)
    return analyze_foreign(run.path.name, sample, scenario, frontiers=frontiers, command=command)


def analyze_foreign(
    source: str,
    sample: Sample,
    scenario: Scenario,
    *,
    frontiers: Frontiers | None = None,
    command: str | None = None,
) -> Analysis:
    """The analysis of counts or trials taken elsewhere: nothing was declared, so the union bound is taken.

    Raises:
        DataError: the scenario's routers know the past.
    """
    if scenario.experiment.past_informed:
        raise DataError(
            f"{source}: counts without the plan of a run cannot be analyzed for routers that know the past; leave "
            "routers out of [experiment]"
        )
    provenance = Provenance(
        bellqueue_version=bellqueue_version(),
        libraries=library_versions(),
        created=now(),
        source=source,
        command=command,
        scenario_hash=scenario.content_hash(),
        content_hash=content_hash(scenario.content_hash(), json.dumps(sample.as_taken.table.tolist())),
        inverted=sample.inverted,
        types_assumed=sample.types_assumed,
        described=sample.source,
    )
    frontiers = frontiers or Frontiers.of(scenario)
    return analyze(scenario, sample, provenance, frontiers=frontiers)


def write_records(folder: Path, scenario: Scenario, plan: PlanRecord) -> None:
    """What is fixed before the data, on disk before the first trial."""
    write_text(folder / SCENARIO, json.dumps(scenario.record(), indent=2) + "\n")
    write_text(folder / PLAN, plan.model_dump_json(by_alias=True, indent=2) + "\n")
    write_text(folder / CALIBRATION, plan.backend.model_dump_json(indent=2) + "\n")


def write_results(
    folder: Path,
    analysis: AnyAnalysis,
    frontiers: Frontiers | None = None,
    figures: bool = True,
    watch: Watch = unwatched,
) -> AnyAnalysis:
    """Write analysis, figures and report, and return the analysis with the context that they show.

    Args:
        frontiers: Frontiers of the scenario, if they are at hand.
        figures: Whether to draw; otherwise only the analysis is written. Defaults to true.
    """
    from ...analysis.report.figures.drawing import save, svg_file, svg_text

    analysis = _with_context(analysis, frontiers, watch)
    write_text(folder / ANALYSIS, analysis.to_json())
    if not figures:
        return analysis
    watch("drawing the report", 0, None)
    every, html = _drawing(analysis)
    drawn = {}
    for name, draw in every.items():
        figure = draw(analysis)
        drawn[name] = svg_text(figure)
        write_text(folder / f"{name}.svg", svg_file(drawn[name]))
        save(figure, folder / f"{name}.png")
    write_text(folder / REPORT, html(analysis, drawn))
    return analysis


def write_report(target: Path, analysis: AnyAnalysis, watch: Watch = unwatched) -> None:
    """Write the HTML report of an analysis, with the context that it shows.

    Raises:
        OutputError: it cannot be written there.
    """
    analysis = _with_context(analysis, None, watch)
    watch("drawing the report", 0, None)
    write_text(target, _drawing(analysis)[1](analysis))


def _with_context(analysis: AnyAnalysis, frontiers: Frontiers | None, watch: Watch) -> AnyAnalysis:
    """The analysis with all that a report shows."""
    if isinstance(analysis, MenuAnalysis):
        watch("simulating how long requests wait", 0, None)
        return with_waiting_times(analysis)
    watch("simulating the queues, and how the advantage depends on the noise and the load", 0, None)
    return with_context(analysis, frontiers)


def _drawing(analysis: AnyAnalysis) -> tuple[Mapping[str, Callable[[Any], Figure]], Callable[..., str]]:
    """The figures that a run's folder holds, and the report, which takes them if they are drawn already."""
    if isinstance(analysis, MenuAnalysis):
        from ...analysis.report.menu_page import MENU_FIGURES, menu_report_html

        return MENU_FIGURES, menu_report_html
    from ...analysis.report.page import FIGURES, report_html

    return FIGURES, report_html
