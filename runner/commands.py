"""What each command does, on plain values: the pipeline with progress, and what is printed at its end."""

from __future__ import annotations

import json as json_module
import shlex
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from ..analysis.counts_file import read_counts
from ..analysis.record import frontier_record
from ..backends.prediction import predictor
from ..backends.protocol import LocalBackend
from ..model.errors import BellqueueError, DataError
from ..model.operating import Frontiers
from ..model.scenario import Scenario
from .folder import REPORT, RunFolder, check_writable_file, new_run_folder, write_trials
from .pipeline import (
    analyse_folder,
    analyse_foreign,
    analyse_run,
    measure,
    plan_record,
    prepare,
    write_records,
    write_results,
)
from .plan_record import PlanRecord
from .tables import backends_table, cloud_table
from .terminal import progress_bars, say, search_rivals, show_analysis, write_report

RUNS = Path("bellqueue-runs")


def run_command(
    scenario: Scenario,
    source: Path | None,
    backend: LocalBackend,
    seed: int | None,
    out: Path | None,
    json: bool,
    rivals: bool,
) -> bool:
    """Run, analyse, store and show; returns whether the advantage was certified."""
    failure: BellqueueError | None = None
    with progress_bars() as progress:
        step = progress.add_task("preparing", total=None)
        experiment = prepare(scenario, seed, predictor(backend))
        plan = plan_record(experiment, backend)
        target = out or _new_place(plan.backend.name, plan.scenario_hash)
        with new_run_folder(target) as folder:
            write_records(folder, scenario, plan)
            progress.update(step, description=f"measuring on {plan.backend.name}", total=plan.shots, completed=0)
            trials = measure(
                experiment,
                backend,
                lambda status: progress.update(step, completed=status.done),
                lambda standing: progress.update(step, description=standing.line()),
            )
            write_trials(folder, trials)
            if plan.stop:
                plan = plan.ended(experiment.plan.part(range(len(trials))))
                write_records(folder, scenario, plan)
            try:
                curves = search_rivals(experiment.frontiers.workload, progress) if rivals else ()
                progress.update(step, description="analysing and writing", total=None)
                analysis = analyse_run(
                    scenario,
                    plan,
                    trials,
                    frontiers=experiment.frontiers,
                    wider_rivals=curves,
                    command=_reproduce(source, plan),
                )
                write_results(folder, analysis)
            except BellqueueError as error:  # the trials are worth keeping whatever became of their analysis
                failure = error
    if failure:
        raise DataError(f"{failure}; the trials are kept in {target}")
    show_analysis(analysis, json)
    if not json:
        print(f"\nrun folder: {target}\nreport:     {target / REPORT}")
    return analysis.certificate.certified


def analyze_command(
    data: Path, scenario: Scenario | None, source: Path | None, json: bool, rivals: bool, report: Path | None
) -> bool:
    """Analyse a counts file or a run's folder; returns whether the advantage was certified."""
    if report:
        check_writable_file(report)
    if not data.exists():
        raise DataError(f"{data}: no such file; give a counts JSON, a trials CSV or a run's folder")
    folder = RunFolder.open(data) if data.is_dir() else None
    wanted = scenario or (folder.scenario() if folder else None)
    if wanted is None:
        raise DataError(f"{data}: name the scenario these counts belong to with --scenario FILE")
    workload = wanted.workload()
    sample = None if folder else read_counts(data, workload)  # a wrong file is refused before any search begins
    words = ["bellqueue", "analyze", str(data), *(["--scenario", str(source)] if source else [])]
    with progress_bars() as progress:
        curves = search_rivals(workload, progress) if rivals else ()
        progress.add_task("analysing", total=None)
        command = shlex.join(words)
        if folder:
            analysis = analyse_folder(folder, scenario, wider_rivals=curves, command=command)
        else:
            assert sample is not None  # read above
            analysis = analyse_foreign(data.name, sample, wanted, wider_rivals=curves, command=command)
    if report:
        write_report(report, analysis)
    show_analysis(analysis, json)
    if report and not json:
        print(f"\nreport: {report}")
    return analysis.certificate.certified


def frontier_command(scenario: Scenario, json: bool, plot: Path | None, rivals: bool) -> None:
    """Tabulate, and if asked draw, the frontiers."""
    from ..analysis.figures import frontier_figure, save
    from ..analysis.table import frontier_table

    with progress_bars() as progress:
        progress.add_task("solving the game along the frontiers", total=None)
        workload = scenario.workload()
        curves = search_rivals(workload, progress) if rivals else ()
        record = frontier_record(scenario.title, Frontiers.of(scenario), curves)
    if plot:
        save(frontier_figure(record), plot)
    if json:
        print(record.model_dump_json(by_alias=True, indent=2))
        return
    Console().print(frontier_table(record))
    if plot:
        print(f"figure: {plot}")


def replay_command(path: Path, pairs: int | None, seed: int | None, plot: Path | None, json: bool) -> None:
    """Route simulated pairs by a run's trials; draw their waiting times if asked."""
    from ..analysis.drawing import save
    from .replay import replay_figure, replay_run
    from .replay_table import replay_table

    if plot:
        check_writable_file(plot)
    folder = RunFolder.open(path)
    with progress_bars() as progress:
        step = progress.add_task("replaying the trials", total=None)
        replayed = replay_run(
            folder, pairs, seed, lambda total, done: progress.update(step, total=total, completed=done)
        )
    if plot:
        save(replay_figure(replayed), plot)
    if json:
        print(json_module.dumps(replayed.record(), indent=2))
        return
    Console().print(replay_table(replayed))
    if plot:
        print(f"figure: {plot}")


def report_command(path: Path, out: Path | None) -> None:
    """Write the report of a run again."""
    target = out or path / REPORT
    write_report(target, RunFolder.open(path).analysis())
    print(f"report: {target}")


def backends_command(json: bool, offline: bool) -> None:
    """List what --backend takes: the cloud devices of the accounts at hand first, unless `offline`."""
    from ..backends import list_backends

    summaries = list_backends()
    if not offline:
        from ..backends.reachable import reachable

        with progress_bars() as progress:
            progress.add_task("asking the providers (--offline leaves them out)", total=None)
            summaries = [*reachable(say), *summaries]
    if json:
        print(json_module.dumps([asdict(summary) for summary in summaries], indent=2))
        return
    cloud = [summary for summary in summaries if summary.status]
    if cloud:
        Console().print(cloud_table(cloud), "")
    Console().print(backends_table([summary for summary in summaries if not summary.status]))


def _new_place(backend: str, scenario_hash: str) -> Path:
    """A folder name under bellqueue-runs that nothing has yet."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    slug = "".join(letter if letter.isalnum() else "-" for letter in backend)[:40].strip("-")
    place = RUNS / f"{stamp}-{slug}-{scenario_hash[:8]}"
    number = 2
    while place.exists():
        place = RUNS / f"{stamp}-{slug}-{scenario_hash[:8]}-{number}"
        number += 1
    return place


def _reproduce(source: Path | None, plan: PlanRecord) -> str:
    words = ["bellqueue", "run", *([str(source)] if source else []), "--backend", plan.backend.name]
    words += ["--shots", str(plan.budget or plan.shots), *(["--until-certified"] if plan.stop else [])]
    return shlex.join([*words, "--seed", str(plan.seed)])
