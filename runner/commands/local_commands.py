"""What each command does, on plain values: the pipeline with progress, and what is printed at its end."""

from __future__ import annotations

import json as json_module
import shlex
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from ...analysis.records.frontier_record import every_classical_record, frontier_record
from ...backends.protocol import LocalBackend
from ...model.games.operating_point import Frontiers
from ...model.scenario.file import Scenario
from ..experiment.execution import analyse_data, execute
from ..experiment.folder import REPORT, RunFolder, check_writable_file, read_analysis
from ..experiment.plan_record import PlanRecord
from .completion import RUNS
from .sections import Fitting, frontier_table
from .tables import backends_table, cloud_table
from .terminal import progress_bars, say, show_analysis, write_report


def run_command(
    scenario: Scenario,
    source: Path | None,
    backend: LocalBackend,
    seed: int | None,
    out: Path | None,
    json: bool,
) -> bool:
    """Run, analyse, store and show; returns whether the advantage was certified."""
    with progress_bars() as progress:
        typed = str(source or "")
        done = execute(scenario, typed, backend, seed, lambda plan: out or _new_place(plan), progress)
    assert done.folder is not None  # one was named
    show_analysis(done.analysis, json)
    if not json:
        print(f"\nrun folder: {done.folder}\nreport:     {done.folder / REPORT}")
    return done.analysis.certificate.certified


def analyze_command(
    data: Path, scenario: Scenario | None, source: Path | None, json: bool, report: Path | None
) -> bool:
    """Analyse a counts file or a run's folder; returns whether the advantage was certified."""
    if report:
        check_writable_file(report)
    words = ["bellqueue", "analyze", str(data), *(["--scenario", str(source)] if source else [])]
    with progress_bars() as progress:
        analysis = analyse_data(data, scenario, progress, shlex.join(words))
    if report:
        write_report(report, analysis)
    show_analysis(analysis, json)
    if report and not json:
        print(f"\nreport: {report}")
    return analysis.certificate.certified


def frontier_command(scenario: Scenario, json: bool, plot: Path | None) -> None:
    """Tabulate, and if asked draw, the frontiers."""
    from ...analysis.report.figures.drawing import save
    from ...analysis.report.figures.frontiers import frontier_figure

    with progress_bars() as progress:
        progress.add_task("solving the game along the frontiers", total=None)
        frontiers = Frontiers.of(scenario)
        progress.add_task("bounding every classical router", total=None)
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
    from ..experiment.replay import replay_figure, replay_run
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
    """Write the report of a run again, or that of an analysis record alone, beside it."""
    if path.is_file():
        target, analysis = out or path.with_suffix(".html"), read_analysis(path)
    else:
        target, analysis = out or path / REPORT, RunFolder.open(path).analysis()
    write_report(target, analysis)
    print(f"report: {target}")


def backends_command(json: bool, offline: bool) -> None:
    """List what --backend takes: the cloud devices of the accounts at hand first, unless `offline`."""
    from ...backends import list_backends

    summaries = list_backends()
    if not offline:
        from ...backends.cloud_devices import reachable

        with progress_bars() as progress:
            progress.add_task("asking the providers (--offline leaves them out)", total=None)
            summaries = [*reachable(say), *summaries]
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
