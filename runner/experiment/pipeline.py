"""Scenario → operating point → schedule → backend → trials → analysis → run folder."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...analysis.analyze import analyze, expected_correlators
from ...analysis.certificate.samples import Sample
from ...analysis.certificate.stopping import Rounds, Standing, measure_in_rounds
from ...analysis.design.forecast import foresee, plan_design
from ...analysis.records.analysis_record import Analysis, Predicted, Provenance
from ...analysis.records.counts_file import format_trials
from ...analysis.replay.context import with_context
from ...backends.calibration.prediction import Predict, predicted_behaviour
from ...backends.protocol import Backend, LocalBackend, PlansItself, description_for
from ...circuits.schedule import Schedule, draw_schedule
from ...model.errors import DataError, ScenarioError
from ...model.games.frontiers import Frontiers
from ...model.games.operating_point import OperatingPoint
from ...model.hashing import content_hash
from ...model.progress import Watch, unwatched
from ...model.scenario.file import Scenario
from ...model.trials import Counts, Router, Sampling, Trials, match_types
from .folder import ANALYSIS, CALIBRATION, PLAN, REPORT, SCENARIO, RunFolder, write_text
from .plan_record import PlanRecord
from .provenance import bellqueue_version, library_versions, now

FRESH_SEEDS = 100  # tried until one measures every pair of types


@dataclass(frozen=True, eq=False)
class PreparedRun:
    """A scenario with the operating point and the settings drawn for it, ready for a backend.

    Attributes:
        seed: Reproduces the settings' order and a simulator's outcomes.
        predicted: What the device's calibration promises of it, where it promises anything.
    """

    scenario: Scenario
    frontiers: Frontiers
    point: OperatingPoint
    schedule: Schedule
    seed: int
    predicted: Predicted | None = None


def prepare(
    scenario: Scenario,
    seed: int | None = None,
    predict: Predict | None = None,
    parallel: int = 1,
    backend: Backend | None = None,
) -> PreparedRun:
    """Find the operating point and draw the settings; without a seed a fresh one is taken from the system.

    What conditions on the settings realised (`fixed`, blocks) holds for any settings chosen without the outcomes, so a
    fresh seed is one that measures every pair of types. Settings drawn for each trial are left as they came: to choose
    among them would change the law they must have, and if one is lacking the certificate allows for it.

    Args:
        scenario: What is asked.
        seed: Of the settings' order.
        predict: P(a, b) of settings by the device's calibration. With it the certificate's multiplier and fresh
            settings are those that certify soonest at that noise; the strategy stays the scenario's.
        parallel: Pairs the backend measures in every shot (`Description.parallel`).
        backend: Where to measure, if it may plan itself.

    Raises:
        ScenarioError: the scenario has no such operating point, or its shots or the seed leave a pair of types without
            any trial.
        BackendError, DataError: the backend has no circuit for it, or what `predict` gives are no probabilities.
    """
    frontiers = Frontiers.of(scenario)
    point = operating_point(scenario, frontiers, backend)
    asked = scenario.experiment
    distribution = frontiers.game(point.certificate_multiplier).input_distribution
    predicted = None
    if predict is not None:
        behaviour = predicted_behaviour(predict, point.strategy)
        design = plan_design(asked, frontiers, point, behaviour)
        predicted = foresee(asked, frontiers, point, behaviour, design)
        if design is not None:
            chosen = {"certificate_multiplier": design.certificate_multiplier, "against": design.against}
            point = point.model_copy(update=chosen)
            distribution = np.array(design.input_distribution)
    sampling = Sampling(asked.settings, distribution, asked.block, parallel=parallel)
    for _ in range(FRESH_SEEDS if seed is None and asked.settings == "random" else 1):
        own = secrets.randbits(63) if seed is None else seed
        rng = np.random.default_rng([own, 1])
        schedule = draw_schedule(point.strategy, sampling, distribution, asked.shots, rng)
        if sampling.fresh or not schedule.unmeasured:
            return PreparedRun(scenario, frontiers, point, schedule, own, predicted)
    raise ScenarioError(_lacking(scenario, frontiers, schedule, seed))


def operating_point(scenario: Scenario, frontiers: Frontiers, backend: Backend | None) -> OperatingPoint:
    """The scenario's operating point, or that of a backend which plans itself.

    Raises:
        ScenarioError: there is no such point.
    """
    return backend.operating_point() if isinstance(backend, PlansItself) else frontiers.operating_point(scenario)


def about_link(scenario: Scenario, backend: Backend | None) -> tuple[str, ...]:
    """What to know of the link that the backend simulates, or of the scenario's if it does not; nothing without one."""
    if isinstance(backend, PlansItself):
        return (backend.describe().locality,)
    if scenario.link is None:
        return ()
    return ("The scenario's [link] plays no part here: every request gets a fresh Bell pair.",)


def _lacking(scenario: Scenario, frontiers: Frontiers, schedule: Schedule, seed: int | None) -> str:
    """Why a schedule is refused that leaves pairs of types without any trial."""
    asked, workload = scenario.experiment, frontiers.workload
    x, y = schedule.unmeasured[0]
    types = f"types ({workload.names_a[x]}, {workload.names_b[y]})"
    if asked.settings == "fixed":
        return f"{scenario.title}: experiment.shots = {asked.shots} gives no trial to {types}; ask for more shots"
    draws, by = -(-asked.shots // (asked.block * schedule.sampling.parallel)), ""
    if seed is not None:
        by = f" with seed {seed}"
    return (
        f"{scenario.title}: experiment.shots = {asked.shots} in blocks of {asked.block} are {draws} draws of settings, "
        f"and{by} none is of {types}; {'leave out the seed or give another, ' if by else ''}"
        "ask for more shots or a smaller block"
    )


def measure(experiment: PreparedRun, backend: LocalBackend, watch: Watch) -> Trials:
    """Measure the schedule on a backend; if the scenario says so, stop as soon as it is certified.

    Args:
        experiment: What to measure.
        backend: Where to measure.
        watch: Gets how far it is.

    Raises:
        BackendError: the backend has no circuit for it, or fails.
    """
    description_for(backend, experiment.schedule.dimension)  # refuses what the backend has no circuit for
    if experiment.scenario.experiment.stop is None:
        return backend.measure(experiment.schedule, experiment.seed, watch)
    budget = len(experiment.schedule.order)

    def measured(trials: range, seed: int) -> Trials:
        part = experiment.schedule.part(trials)
        return backend.measure(part, seed, lambda what, done, _: watch(what, trials.start + done, budget))

    def stand(standing: Standing) -> None:
        watch(standing.line(), standing.trials, budget)

    return measure_in_rounds(rounds_of(experiment), budget, experiment.seed, measured, stand)


def rounds_of(experiment: PreparedRun) -> Rounds:
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
    return PlanRecord.of(
        experiment.point,
        experiment.schedule,
        scenario_hash=experiment.scenario.content_hash(),
        created=now(),
        significance=experiment.scenario.experiment.significance,
        seed=experiment.seed,
        description=description_for(backend, experiment.schedule.dimension),
        predicted=experiment.predicted,
        stop=experiment.scenario.experiment.stop,
    )


def analyze_run(
    scenario: Scenario,
    plan: PlanRecord,
    trials: Trials,
    *,
    frontiers: Frontiers | None = None,
    command: str | None = None,
) -> Analysis:
    """The analysis of one's own run: its plan was declared before the data.

    Args:
        scenario: Of the run.
        plan: What was fixed before the data.
        trials: What was measured.
        frontiers: Of the scenario, where they are at hand.
        command: What makes the same run again.
    """
    counts = trials.counts()
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
        content_hash=content_hash(scenario.content_hash(), plan.model_dump_json(by_alias=True), format_trials(trials)),
    )
    sample = Sample(counts, plan.sampling(trials))
    return analyze(
        scenario,
        sample,
        provenance,
        point=plan.operating_point(),
        predicted=plan.planned.predicted,
        trials=trials,
        frontiers=frontiers,
    )


def analyze_folder(
    run: RunFolder, scenario: Scenario | None, *, command: str | None = None, invert: Router | None = None
) -> Analysis:
    """A run's analysis again; against another scenario its plan does not hold, and the run counts as foreign data.

    Its lost trials are losses there, too, and its types are matched by name. Only there can outcomes be inverted.

    Raises:
        DataError: the folder is damaged, its types are not the scenario's, or outcomes that its plan fixed are to be
            inverted.
    """
    own, plan = run.scenario(), run.plan()
    workload = own.workload()
    trials = run.trials(workload.shape)
    same = scenario is None or scenario.content_hash() == own.content_hash()
    if same and invert:
        raise DataError(
            f"{run.path}: invert is for counts taken elsewhere; the plan of this run fixed before the data what its "
            "outcomes mean. If the device swaps 0 and 1, correct that and run again"
        )
    if same:
        plan.check(own.content_hash(), workload.shape)
        return analyze_run(own, plan, trials, command=command)
    assert scenario is not None  # `same` has seen to it
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
    """The analysis of counts or trials taken elsewhere: nothing was declared, so the union bound is taken."""
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
    analysis: Analysis,
    frontiers: Frontiers | None = None,
    figures: bool = True,
    watch: Watch = unwatched,
) -> Analysis:
    """Write analysis, figures and report, and return the analysis with the context that they show.

    Args:
        folder: Of the run.
        analysis: Of its trials.
        frontiers: Of its scenario, if already at hand.
        figures: Whether to draw; otherwise the analysis is all that is written. Defaults to true.
        watch: Gets how far it is.
    """
    from ...analysis.report.figures.drawing import save, svg_file, svg_text
    from ...analysis.report.page import FIGURES, report_html

    watch("simulating the queues, and how the advantage depends on the noise and the load", 0, None)
    analysis = with_context(analysis, frontiers)
    write_text(folder / ANALYSIS, analysis.to_json())
    if not figures:
        return analysis
    watch("drawing the report", 0, None)
    drawn = {}
    for name, draw in FIGURES.items():
        figure = draw(analysis)
        drawn[name] = svg_text(figure)
        write_text(folder / f"{name}.svg", svg_file(drawn[name]))
        save(figure, folder / f"{name}.png")
    write_text(folder / REPORT, report_html(analysis, drawn))
    return analysis


def write_report(target: Path, analysis: Analysis, watch: Watch = unwatched) -> None:
    """Write the HTML report of an analysis, with the context that it shows.

    Raises:
        OutputError: it cannot be written there.
    """
    watch("simulating the queues, and how the advantage depends on the noise and the load", 0, None)
    analysis = with_context(analysis)
    watch("drawing the report", 0, None)
    from ...analysis.report.page import report_html

    write_text(target, report_html(analysis))
