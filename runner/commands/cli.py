"""The command line `bellqueue`. Everything heavy is imported inside the commands, so that --help is instant."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import asdict
from functools import partial
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from ..defaults import DEFAULT_POWER, MOST_WORKERS, POLL_SECONDS, backend_for
from . import options
from .completion import join_at_colons
from .mistakes import Commands, one_line
from .streams import flush_streams, tolerate_streams

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ...model.scenario.file import Scenario

app = typer.Typer(
    name="bellqueue",
    cls=Commands,
    help="Route requests with Bell pairs, on quantum hardware or simulators, and certify whether that beats classical "
    "routers that cannot communicate.",
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

# Small matrices everywhere: threads of the linear algebra only fight each other. Set before numpy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

_EXPERIMENT, _HARDWARE, _DATA = "Plan and run", "Runs on hardware", "Your own data and stored runs"
_MODEL, _INSTALLATION = "Explore the model", "Backends and installation"
_REST = "all numbers: the same command with --full"
_UNDER_WAY = {"intended", "submitted"}  # states of a job that has not ended


@app.command(rich_help_panel=_EXPERIMENT)
def run(
    scenario: options.ScenarioArgument = None,
    backend: options.BackendOption = None,
    shots: options.ShotsOption = None,
    seed: options.SeedOption = None,
    out: options.OutOption = None,
    until_certified: options.UntilOption = False,
    max_cost: options.MaxCostOption = None,
    max_qpu_seconds: options.MaxSecondsOption = None,
    yes: options.YesOption = False,
    again: options.AgainOption = False,
    poll: options.PollOption = POLL_SECONDS,
    ledger: options.LedgerOption = None,
    require_advantage: options.RequireOption = False,
    full: options.FullOption = False,
    json: options.JsonOption = False,
) -> None:
    """Run the experiment and certify the answer.

    On hardware it submits the run, waits for the jobs and fetches their results.
    """
    from .terminal import progress_shown

    _guard_secrets()
    with progress_shown() as watch:
        from ...backends import RemoteBackend, open_backend

        content = _load(scenario)  # a wrong file is refused before a device is loaded
        content = content.with_experiment(shots=shots, stop="certified" if until_certified else None)
        opened = open_backend(backend_for(content, backend), content)
        if not isinstance(opened, RemoteBackend):
            from ..experiment.execution import execute, new_place

            done = execute(
                content, str(scenario or ""), opened, seed, lambda plan: out or new_place(plan), watch, not json
            )
    if not isinstance(opened, RemoteBackend):
        from .showing import show_analysis

        show_analysis(done.analysis, full, json, folder=done.folder)
        certified = done.analysis.certificate.certified
    else:
        from ..experiment.submission import submit_run
        from .hardware_commands import Approval, fetch_command, submit_command

        approval = Approval(max_cost, max_qpu_seconds, yes)
        submitting = partial(submit_run, content, str(scenario or ""), opened, seed, out, ledger, again=again)
        name = submit_command(submitting, approval)
        complete, certified = fetch_command([name], ledger, True, poll, None, False, full, json, go_on=True)
        _exit_unless(complete)
    _exit_for(certified, require_advantage)


@app.command(rich_help_panel=_EXPERIMENT)
def plan(
    scenario: options.ScenarioArgument = None,
    backend: options.DeviceOption = None,
    visibility: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Visibility of a Bell pair, instead of a device.")
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="Rank every backend at hand (half a minute).")] = False,
    power: Annotated[
        float, typer.Option(min=0.01, max=0.999999, help="Chance of certifying that the shots are to give.")
    ] = DEFAULT_POWER,
    require_go: Annotated[
        bool, typer.Option("--require-go", help=f"Exit with {options.NO_ADVANTAGE} unless a plan is a go.")
    ] = False,
    full: options.FullOption = False,
    json: options.JsonOption = False,
) -> None:
    """Predict result, shots and cost before you pay."""
    from .terminal import print_lines, print_record, print_whole, progress_shown, say

    _guard_secrets()
    with progress_shown() as watch:
        from ...analysis.design.records import RankingRecord
        from ...analysis.menus.forecast import MenuForecastRecord
        from ..design.planning import plan_scenario
        from .screens.first_screen import forecast_lines
        from .screens.menu import menu_forecast_lines
        from .screens.plan import forecast_table, ranking_table

        record = plan_scenario(_load(scenario), backend, visibility, all, power, watch, say)
    if json:
        print_record(record.model_dump_json(by_alias=True, indent=2))
    elif isinstance(record, RankingRecord):
        print_whole(ranking_table(record))
    elif isinstance(record, MenuForecastRecord):
        print_lines(*menu_forecast_lines(record, full, [_REST], str(scenario or "")))
    elif full:
        print_whole(forecast_table(record))
    else:
        print_lines(*forecast_lines(record, [_REST], str(scenario or "")))
    _exit_for(record.go, require_go)


@app.command(rich_help_panel=_HARDWARE)
def submit(
    scenario: options.ScenarioArgument = None,
    backend: options.HardwareOption = None,
    shots: options.ShotsOption = None,
    seed: options.SeedOption = None,
    out: options.OutOption = None,
    until_certified: options.UntilOption = False,
    max_cost: options.MaxCostOption = None,
    max_qpu_seconds: options.MaxSecondsOption = None,
    yes: options.YesOption = False,
    again: options.AgainOption = False,
    resume: options.ResumeOption = None,
    ledger: options.LedgerOption = None,
) -> None:
    """Submit a run to hardware and return at once."""
    from ..experiment.approval import refuse_beside_resume
    from ..experiment.submission import open_ledger, open_remote, resume_run, submit_run
    from .hardware_commands import Approval, submit_command
    from .terminal import print_lines

    _guard_secrets()
    approval = Approval(max_cost, max_qpu_seconds, yes)
    if resume is not None:
        refuse_beside_resume(scenario, backend, shots is not None, seed is not None, out, until_certified)
        name = submit_command(partial(resume_run, resume, ledger), approval)
    else:
        if backend is None:
            _fail("submit needs --backend, for example ibm:fez or braket:garnet; `bellqueue backends` lists them")
        content = _load(scenario).with_experiment(shots=shots, stop="certified" if until_certified else None)
        opened = open_remote(backend, content, str(scenario or ""))
        submitting = partial(submit_run, content, str(scenario or ""), opened, seed, out, ledger, again=again)
        name = submit_command(submitting, approval)
    with open_ledger(ledger) as book:
        print_lines(name, f"fetch it with: {book.command('fetch', name)}")


@app.command(rich_help_panel=_HARDWARE)
def status(
    run: options.AnyRunArgument = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Keep the table up to date until all jobs have ended.")
    ] = False,
    poll: options.PollOption = POLL_SECONDS,
    ledger: options.LedgerOption = None,
    json: options.JsonOption = False,
) -> None:
    """Show how far submitted jobs are."""
    from rich.live import Live

    from ..experiment.fetching import ask_quietly
    from ..experiment.submission import jobs_record, open_ledger
    from .screens.jobs import jobs_table
    from .terminal import Screen, print_lines, print_record, print_whole, say

    _guard_secrets()
    with open_ledger(ledger) as book:
        entries = [book.run(run)] if run else [entry for entry in book.runs() if entry.waiting]

        def refresh() -> bool:
            for entry in entries:
                if entry.waiting:
                    ask_quietly(book, entry, say)
            return any(job.state in _UNDER_WAY for entry in entries for job in book.jobs(entry.id))

        if json:
            refresh()
            print_record(dumps([jobs_record(book, entry) for entry in entries], indent=2))
            return
        if not entries:
            print_lines(f"no run in {book.path} is under way; `{book.command('runs')}` lists all")
            return
        running = refresh()
        if not watch:
            print_whole(jobs_table(book, entries))
        else:
            with Live(jobs_table(book, entries), console=Screen(), auto_refresh=False) as live:
                while running:
                    time.sleep(poll)
                    running = refresh()
                    live.update(jobs_table(book, entries), refresh=True)
        for entry in entries:
            states = {job.state for job in book.jobs(entry.id)}
            if entry.waiting and "stored" in states and not states & _UNDER_WAY:
                print_lines(f"finished at the provider: {book.command('fetch', entry.id)}")


@app.command(rich_help_panel=_HARDWARE)
def fetch(
    runs: options.RunsArgument = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until the jobs have finished, for days if need be.")
    ] = False,
    poll: options.PollOption = POLL_SECONDS,
    out: options.OutOption = None,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Analyze although jobs failed; their trials count as losses.")
    ] = False,
    ledger: options.LedgerOption = None,
    require_advantage: options.RequireOption = False,
    full: options.FullOption = False,
    json: options.JsonOption = False,
) -> None:
    """Download and analyze the results of submitted runs.

    Every run that is complete gets its folder.
    """
    from .hardware_commands import fetch_command

    _guard_secrets()
    complete, certified = fetch_command(runs or [], ledger, wait, poll, out, accept_loss, full, json)
    _exit_unless(complete)
    _exit_for(certified, require_advantage)


@app.command(rich_help_panel=_HARDWARE)
def cancel(run: options.RunArgument, ledger: options.LedgerOption = None) -> None:
    """Ask the provider to stop a run's jobs."""
    from ...backends.jobs.dispatch import Dispatch
    from ...model.errors import LedgerError
    from ..experiment.submission import open_ledger, open_recorded
    from .screens.jobs import jobs_table
    from .terminal import print_lines, print_whole, say

    _guard_secrets()
    with open_ledger(ledger) as book:
        entry = book.run(run)
        if entry.finished and not _UNDER_WAY & {job.state for job in book.jobs(entry.id)}:
            raise LedgerError(f"run {entry.id} has finished; its folder is {entry.folder}")
        Dispatch(book, entry, open_recorded(entry), say).cancel()
        print_whole(jobs_table(book, [entry]))
        states = {job.state for job in book.jobs(entry.id)}
        if not entry.finished and not states & _UNDER_WAY:
            book.close_run(entry.id, True)
            fetch = book.command("fetch", entry.id, "--accept-loss")
            resume = book.command("submit", "--resume", entry.id)
            kept = f"{fetch} analyzes what it has, " if "stored" in states else ""
            print_lines(f"run {entry.id} is closed; {kept}{resume} would take it up again")


@app.command(rich_help_panel=_HARDWARE)
def runs(
    run: options.HistoryArgument = None,
    ledger: options.LedgerOption = None,
    csv: options.CsvOption = False,
    json: options.JsonOption = False,
) -> None:
    """List submitted runs with their cost, and run folders."""
    from ..experiment.folder import RUNS
    from ..experiment.local_runs import local_runs
    from ..experiment.submission import jobs_record, open_ledger
    from .screens.jobs import history_table, local_runs_table, runs_csv, runs_table
    from .terminal import Screen, print_lines, print_record, print_unwrapped, print_whole

    if csv and json:
        _fail("--csv and --json print the same runs in two forms; give one of them")
    if run and Path(run).is_dir():
        if csv:
            _fail("--csv lists submitted runs and what they cost; leave out the folder")
        folders = local_runs(Path(run))
        if json:
            print_record(dumps([asdict(each) for each in folders], indent=2))
        elif folders:
            print_unwrapped(local_runs_table(folders))
        else:
            print_lines(f"no run folder in {run}")
        return
    with open_ledger(ledger) as book:
        entries = [book.run(run)] if run else book.runs()
        if json:
            places = ({"folder": each.folder, "finished": each.finished, "closed": each.closed} for each in entries)
            records = [jobs_record(book, each) | place for each, place in zip(entries, places, strict=True)]
            print_record(dumps(records, indent=2))
        elif csv:
            print_record(runs_csv(book, entries))
        elif run:
            Screen().print(history_table(book, entries[0]))
        else:
            if entries:
                print_whole(runs_table(book, entries))
            else:
                print_lines(f"no run in {book.path} yet; `bellqueue submit` begins one")
            if folders := local_runs(RUNS):
                print_lines("")
                print_unwrapped(local_runs_table(folders))


@app.command(rich_help_panel=_DATA)
def analyze(
    data: options.DataArgument,
    scenario: options.ScenarioOption = None,
    settings: options.SettingsOption = None,
    input_distribution: options.DistributionOption = None,
    lost: options.LostOption = None,
    invert: options.InvertOption = None,
    report: Annotated[Path | None, typer.Option(help="Also write the HTML report to this file.")] = None,
    require_advantage: options.RequireOption = False,
    full: options.FullOption = False,
    json: options.JsonOption = False,
) -> None:
    """Analyze counts taken elsewhere, or a run again."""
    from ...model.printable import command_line
    from .terminal import progress_shown, say

    given = {"scenario": scenario, "settings": settings, "input-distribution": input_distribution, "lost": lost}
    words = ["analyze", str(data)]
    words += [
        word for name, value in (given | {"invert": invert}).items() if value for word in (f"--{name}", str(value))
    ]
    with progress_shown() as watch:
        from ...analysis.records.counts_file import Declared
        from ...model.writing import check_writable_file
        from ..experiment.execution import analyze_data
        from ..experiment.pipeline import write_report
        from .showing import show_analysis

        content = _load(scenario) if scenario else None
        if report:
            check_writable_file(report)
        declared = Declared(settings, input_distribution, lost)
        analysis = analyze_data(data, content, watch, command_line(*words), invert, declared, say)
        if report:
            write_report(report, analysis, watch)
    show_analysis(analysis, full, json, report=report)
    _exit_for(analysis.certificate.certified, require_advantage)


@app.command(rich_help_panel=_DATA)
def compare(
    runs: options.ComparedArgument,
    scenario: options.ScenarioOption = None,
    out: Annotated[Path | None, typer.Option(help="Also draw what each run saves (.png, .svg or .pdf).")] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print the table as CSV, with every digit.")] = False,
    json: options.JsonOption = False,
) -> None:
    """Compare runs of several devices, days or options."""
    from ...analysis.report.figures.drawing import check_figure_file
    from ...analysis.report.tables.comparison import comparison_table
    from ..api import functions
    from .screens.sections import comparison_screen
    from .terminal import print_record, progress_shown

    if csv and json:
        _fail("--csv and --json are two forms of the same table; give one of them")
    if out:
        check_figure_file(out)
    with progress_shown() as watch:
        found = functions.compare(runs, _load(scenario) if scenario else None, progress=watch)
    if out:
        functions.plot(found, out)
    if csv:
        print_record(found.to_csv())
    else:
        _show(found.model_dump_json(by_alias=True, indent=2), comparison_screen(comparison_table(found)), out, json)


@app.command(rich_help_panel=_DATA)
def verify(
    run: options.RecordArgument,
    seconds: options.BoundSecondsOption = 60.0,
    full: options.FullOption = False,
    json: options.JsonOption = False,
) -> None:
    """Check a stored result by independent methods.

    It also compares the record with a fresh analysis; exit code 5 if anything differs or the certificate could not be
    checked.
    """
    from .terminal import progress_shown

    with progress_shown() as watch:
        from .verify_command import show_verification, verify_path

        found = verify_path(run, seconds, lambda what: watch(f"verifying: {what}", 0, None))
    show_verification(found, run, json, full)
    _exit_unless(found.verified, options.NOT_VERIFIED)


@app.command(rich_help_panel=_DATA)
def report(
    run: options.RecordArgument,
    out: Annotated[Path | None, typer.Option(help="File to write; default: in the folder, beside the record.")] = None,
) -> None:
    """Write the HTML report of a stored result again."""
    from .terminal import print_lines, progress_shown

    with progress_shown() as watch:
        from ..experiment.folder import REPORT, RunFolder, read_analysis
        from ..experiment.pipeline import write_report

        if run.is_file():
            target, analysis = out or run.with_suffix(".html"), read_analysis(run)
        else:
            target, analysis = out or run / REPORT, RunFolder.open(run).analysis()
        write_report(target, analysis, watch)
    print_lines(f"report: {target}")


@app.command(rich_help_panel=_DATA)
def replay(
    run: options.FolderArgument,
    pairs: Annotated[
        int | None, typer.Option(min=100, max=10**9, help="Pairs to simulate; default: what the trials serve.")
    ] = None,
    seed: options.SeedOption = None,
    plot: Annotated[
        Path | None, typer.Option(help="Also draw the distributions of waiting times (.png, .svg or .pdf).")
    ] = None,
    json: options.JsonOption = False,
) -> None:
    """Simulate the queues with a run's recorded trials.

    The trials route simulated pairs in their recorded order; the output shows how long requests wait, and whether the
    device drifts.
    """
    from .terminal import progress_shown

    with progress_shown() as watch:
        from ...analysis.report.figures.drawing import check_figure_file, save
        from ...analysis.report.figures.waiting import replay_figure
        from ..experiment.execution import replay_run
        from ..experiment.folder import RunFolder
        from .screens.replay import replay_table

        if plot:
            check_figure_file(plot)
        folder = RunFolder.open(run)
        replayed = replay_run(folder, pairs, seed, watch)
    if plot:
        save(replay_figure(replayed), plot)
    _show(dumps(replayed.record(), indent=2), replay_table(replayed), plot, json)


@app.command(rich_help_panel=_MODEL)
def frontier(
    scenario: options.ScenarioArgument = None,
    informed: Annotated[
        bool, typer.Option("--informed", help="Add entangled routers that know both servers' past.")
    ] = False,
    visibility: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Visibility of their Bell pairs (with --informed).")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Also draw the frontiers (.png, .svg or .pdf).")] = None,
    json: options.JsonOption = False,
) -> None:
    """Show how well each kind of router can do.

    The frontiers of a scenario: classical, quantum, with communication, and the bound on every classical router.
    """
    from .terminal import progress_shown

    with progress_shown() as watch:
        from ...analysis.report.figures.drawing import check_figure_file
        from ..api import functions
        from .screens.sections import frontier_table

        if plot:
            check_figure_file(plot)
        record = functions.frontiers(_load(scenario), informed=informed, visibility=visibility, progress=watch)
    if plot:
        functions.plot(record, plot)
    _show(record.model_dump_json(by_alias=True, indent=2), frontier_table(record), plot, json)


@app.command(rich_help_panel=_MODEL)
def link(
    scenario: options.ScenarioArgument = None,
    link: options.LinkOption = None,
    time_unit: options.TimeUnitOption = None,
    over: options.OverOption = "rate,fidelity",
    pairs: Annotated[
        int | None, typer.Option(min=10_000, max=10**9, help="Pairs of requests to simulate; default: two million.")
    ] = None,
    seed: options.SeedOption = None,
    out: Annotated[Path | None, typer.Option(help="Also draw the map (.png, .svg or .pdf).")] = None,
    list: Annotated[bool, typer.Option("--list", help="List the published links.")] = False,
    require_advantage: Annotated[
        bool, typer.Option("--require-advantage", help=f"Exit with {options.NO_ADVANTAGE} unless the link suffices.")
    ] = False,
    full: options.FullOption = False,
    json: options.JsonOption = False,
) -> None:
    """Find out whether a link between routers suffices.

    What it saves, what a deployment needs, and the least hardware that would do. Without a scenario or a link it lists
    the published links.
    """
    from ...analysis.report.figures.drawing import check_figure_file
    from ...model.link.published import published_links
    from .screens.link import link_lines, link_tables, published_lines
    from .terminal import Screen, print_lines, print_record, progress_shown

    if list or (scenario is None and link is None):
        links = published_links()
        if json:
            print_record(dumps([*links.values()], indent=2))
        else:
            print_lines(*published_lines(links))
        return
    if out:
        check_figure_file(out)
    with progress_shown() as watch:
        from ..api import linking

        found = linking.link(
            _load(scenario), link, time_unit=time_unit, over=over, pairs=pairs, seed=seed, progress=watch
        )
    if out:
        found.save(out)
    if json:
        print_record(found.model_dump_json(by_alias=True, indent=2))
    elif full:
        Screen().print(link_tables(found))
    else:
        more = f"seed {found.provenance.seed}; all tables: --full"
        print_lines(*link_lines(found, [more if out else f"{more}; a map: --out map.png"]))
    if out and not json:
        print_lines(f"map: {out}")
    _exit_for(found.suffices, require_advantage)


@app.command(rich_help_panel=_MODEL)
def sweep(
    source: Annotated[Path, typer.Argument(metavar="SWEEP", help="Sweep file (TOML): a scenario and [[axis]] tables.")],
    out: Annotated[
        Path | None, typer.Option(help="Its folder, to begin or to resume; default: one in bellqueue-sweeps/.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=MOST_WORKERS, help="Processes on this machine; default: one for each core.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Compute on a Dask cluster instead, for example tcp://127.0.0.1:8786."),
    ] = None,
    format: Annotated[
        Literal["csv", "parquet"], typer.Option(help="parquet: write the table in that form beside the CSV.")
    ] = "csv",
    json: options.JsonOption = False,
) -> None:
    """Map where entanglement helps as fields vary.

    Writes a table and a map; a sweep that was stopped resumes.
    """
    from .sweep_command import sweep_command

    sweep_command(source, out, workers, scheduler, format, json)


@app.command(rich_help_panel=_INSTALLATION)
def backends(
    offline: Annotated[bool, typer.Option("--offline", help="Only what needs no provider's answer.")] = False,
    json: options.JsonOption = False,
) -> None:
    """List backends, with queue and price of devices."""
    from ...backends import list_backends
    from .screens.jobs import backends_table
    from .terminal import progress_bar, say

    _guard_secrets()
    summaries = list_backends()
    if not offline:
        from ...backends.cloud_devices import cloud_devices

        with progress_bar() as watch:
            watch("asking the providers (--offline leaves them out)", 0, None)
            summaries = [*cloud_devices(say), *summaries]
    _show(dumps([asdict(summary) for summary in summaries], indent=2), backends_table(summaries), None, json)


@app.command(rich_help_panel=_INSTALLATION)
def doctor(
    online: Annotated[
        bool, typer.Option("--online", help="Also ask the providers whether they accept the keys.")
    ] = False,
    json: options.JsonOption = False,
) -> None:
    """Check this installation and say how to fix it.

    Exit code 1 if something is broken.
    """

    from .doctor import doctor_command

    _guard_secrets()
    _exit_unless(doctor_command(json, online), options.BROKEN)


@app.callback()
def _main(context: typer.Context, version: options.VersionOption = False) -> None:
    """Holds the options of `bellqueue` itself; alone it shows the help."""
    if context.invoked_subcommand is None:
        print(context.get_help())


def _load(path: Path | None) -> Scenario:
    from ...model.scenario.file import Scenario
    from ..scenarios import named_scenario

    return named_scenario(path) if path else Scenario.default()


def _show(record: str, table: RenderableType, plot: Path | None, json: bool) -> None:
    """The record, or the table and where the figure is."""
    from .terminal import Screen, print_lines, print_record

    if json:
        print_record(record)
        return
    Screen().print(table)
    if plot:
        print_lines(f"figure: {plot}")


def _guard_secrets() -> None:
    """Keep keys out of everything that is printed from here on."""
    from ...backends.accounts import redaction

    redaction.install()


def _exit_unless(complete: bool, code: int = options.NOT_FINISHED) -> None:
    """Jobs that continue at the provider are no failure, but a script must be able to tell."""
    if not complete:
        raise typer.Exit(code)


def _exit_for(certified: bool, require_advantage: bool) -> None:
    _exit_unless(certified or not require_advantage, options.NO_ADVANTAGE)


def _fail(message: str, code: int = options.USER_MISTAKE) -> NoReturn:
    from ...model.printable import printable

    print(f"bellqueue: {printable(message)}", file=sys.stderr)
    sys.exit(code)


def _end_tidily() -> None:
    """Let the requests of schedulers and closing terminals to end do what Ctrl-C does, unless they are ignored."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def main() -> NoReturn:
    """Entry point: a user's mistake becomes one line on stderr and exit code 2."""
    from ...model.errors import BellqueueError, UnreachableError

    tolerate_streams()
    _end_tidily()
    if os.environ.get("_BELLQUEUE_COMPLETE") == "complete_bash":
        join_at_colons()
    try:
        code = app(standalone_mode=False)
        flush_streams()
    except typer.TyperException as mistake:
        _fail(one_line(mistake))
    except UnreachableError as outage:
        _fail(str(outage), options.UNREACHABLE)
    except BellqueueError as mistake:
        _fail(str(mistake))
    except (KeyboardInterrupt, typer.Abort):
        code = options.INTERRUPTED
    except MemoryError as mistake:
        _fail(f"not enough memory ({mistake or 'no more is free'}); choose fewer types or a lighter load")
    except OSError as mistake:  # a name that no file can have, a folder that may not be read
        if mistake.filename is None:
            raise
        _fail(f"{mistake.filename!s}: {mistake.strerror}")
    if code == options.INTERRUPTED:
        _fail("interrupted; no half-written folder was left", options.INTERRUPTED)
    sys.exit(code or 0)
