"""What each command does, on plain values: the pipeline with progress, and what is printed at its end."""

from __future__ import annotations

import json as json_module
import shlex
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from ...analysis.records.every_classical import every_classical_record
from ...analysis.records.frontier_record import frontier_record
from ...backends.protocol import LocalBackend
from ...model.games.frontiers import Frontiers
from ...model.scenario.file import Scenario
from ..experiment.execution import analyze_data, execute
from ..experiment.folder import REPORT, RUNS, RunFolder, check_writable_file, read_analysis
from ..experiment.pipeline import write_report
from ..experiment.plan_record import PlanRecord
from .screens.analysis import show_analysis
from .screens.jobs import backends_table, cloud_table
from .screens.sections import Fitting, frontier_table
from .terminal import progress_bar, say


def run_command(
    scenario: Scenario,
    source: Path | None,
    backend: LocalBackend,
    seed: int | None,
    out: Path | None,
    full: bool,
    json: bool,
) -> bool:
    """Run, analyze, store and show; returns whether the advantage was certified."""
    with progress_bar() as watch:
        done = execute(
            scenario, str(source or ""), backend, seed, lambda plan: out or _new_place(plan), watch, figures=not json
        )
    show_analysis(done.analysis, full, json, folder=done.folder)
    return done.analysis.certificate.certified


def analyze_command(
    data: Path, scenario: Scenario | None, source: Path | None, report: Path | None, full: bool, json: bool
) -> bool:
    """Analyze a counts file or a run's folder; returns whether the advantage was certified."""
    if report:
        check_writable_file(report)
    words = ["bellqueue", "analyze", str(data), *(["--scenario", str(source)] if source else [])]
    with progress_bar() as watch:
        analysis = analyze_data(data, scenario, watch, shlex.join(words))
    if report:
        write_report(report, analysis)
    show_analysis(analysis, full, json, report=report)
    return analysis.certificate.certified


def frontier_command(scenario: Scenario, plot: Path | None, json: bool) -> None:
    """Tabulate, and if asked draw, the frontiers."""
    from ...analysis.report.figures.drawing import save
    from ...analysis.report.figures.frontiers import frontier_figure

    with progress_bar() as watch:
        watch("solving the game along the frontiers", 0, None)
        frontiers = Frontiers.of(scenario)
        watch("bounding every classical router", 0, None)
        record = frontier_record(scenario.title, frontiers, every_classical_record(frontiers.workload))
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
    from ...analysis.report.figures.drawing import save
    from ...analysis.report.figures.waiting import replay_figure
    from ..experiment.replay import replay_run
    from .screens.replay import replay_table

    if plot:
        check_writable_file(plot)
    folder = RunFolder.open(path)
    with progress_bar() as watch:
        replayed = replay_run(folder, pairs, seed, watch)
    if plot:
        save(replay_figure(replayed), plot)
    if json:
        print(json_module.dumps(replayed.record(), indent=2))
        return
    Console().print(replay_table(replayed))
    if plot:
        print(f"figure: {plot}")


def report_command(path: Path, out: Path | None) -> None:
    """Write the report of a run again, or that of an analysis record alone, beside it."""
    if path.is_file():
        target, analysis = out or path.with_suffix(".html"), read_analysis(path)
    else:
        target, analysis = out or path / REPORT, RunFolder.open(path).analysis()
    write_report(target, analysis)
    print(f"report: {target}")


def backends_command(offline: bool, json: bool) -> None:
    """List what --backend takes: the cloud devices of the accounts at hand first, unless `offline`."""
    from ...backends import list_backends

    summaries = list_backends()
    if not offline:
        from ...backends.cloud_devices import cloud_devices

        with progress_bar() as watch:
            watch("asking the providers (--offline leaves them out)", 0, None)
            summaries = [*cloud_devices(say), *summaries]
    if json:
        print(json_module.dumps([asdict(summary) for summary in summaries], indent=2))
        return
    cloud = [summary for summary in summaries if summary.status]
    if cloud:
        Console().print(Fitting(cloud_table(cloud)), "")
    Console().print(Fitting(backends_table([summary for summary in summaries if not summary.status])))


def _new_place(plan: PlanRecord) -> Path:
    """A folder name under bellqueue-runs that nothing has yet."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    slug = "".join(letter if letter.isalnum() else "-" for letter in plan.backend.name)[:40].strip("-")
    name = f"{stamp}-{slug}-{plan.scenario_hash[:8]}"
    place, number = RUNS / name, 2
    while place.exists():
        place, number = RUNS / f"{name}-{number}", number + 1
    return place
