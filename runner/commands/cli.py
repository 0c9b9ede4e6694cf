"""The command line `bellqueue`. Everything heavy is imported inside the commands, so that --help is instant."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from ..sweep.options import sweep
from .completion import join_at_colons
from .mistakes import Commands, one_line
from .options import (
    BROKEN,
    DEFAULT_BACKEND,
    INTERRUPTED,
    NO_ADVANTAGE,
    NOT_FINISHED,
    NOT_VERIFIED,
    USER_MISTAKE,
    AnyRunArgument,
    BackendOption,
    BoundSecondsOption,
    DataArgument,
    DeviceOption,
    FolderArgument,
    HardwareOption,
    HistoryArgument,
    JsonOption,
    LedgerOption,
    MaxCostOption,
    MaxSecondsOption,
    OutOption,
    PollOption,
    RecordArgument,
    RequireOption,
    ResumeOption,
    RunArgument,
    RunsArgument,
    ScenarioArgument,
    ScenarioOption,
    SeedOption,
    ShotsOption,
    UntilOption,
    VersionOption,
    YesOption,
)
from .streams import flush_streams, tolerate_streams

if TYPE_CHECKING:
    from ...model.scenario.file import Scenario

app = typer.Typer(
    name="bellqueue",
    cls=Commands,
    help="Does measuring a Bell pair route requests better than classical routers that cannot communicate? "
    "Run the experiment, certify the answer.",
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

# Small matrices everywhere: threads of the linear algebra only fight each other. Set before numpy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@app.command()
def run(
    scenario: ScenarioArgument = None,
    backend: BackendOption = DEFAULT_BACKEND,
    shots: ShotsOption = None,
    seed: SeedOption = None,
    out: OutOption = None,
    json: JsonOption = False,
    require_advantage: RequireOption = False,
    max_cost: MaxCostOption = None,
    max_qpu_seconds: MaxSecondsOption = None,
    yes: YesOption = False,
    until_certified: UntilOption = False,
    poll: PollOption = 30.0,
    ledger: LedgerOption = None,
) -> None:
    """Run the experiment and certify whether the advantage was observed; on hardware: submit, wait and fetch."""
    from ...backends import RemoteBackend, open_backend

    _guard_secrets()
    opened, content = open_backend(backend), _load(scenario)
    content = content.with_experiment(shots=shots, stop="certified" if until_certified else None)
    if isinstance(opened, RemoteBackend):
        from .hardware_commands import Approval, fetch_command, submit_command

        approval = Approval(max_cost, max_qpu_seconds, yes)
        name = submit_command(content, scenario, opened, seed, out, ledger, approval)
        complete, certified = fetch_command([name], ledger, True, poll, json, False, None, go_on=True)
        _exit_unless(complete)
    else:
        from .local_commands import run_command

        certified = run_command(content, scenario, opened, seed, out, json)
    _exit_for(certified, require_advantage)


@app.command()
def submit(
    scenario: ScenarioArgument = None,
    backend: HardwareOption = None,
    shots: ShotsOption = None,
    seed: SeedOption = None,
    out: OutOption = None,
    max_cost: MaxCostOption = None,
    max_qpu_seconds: MaxSecondsOption = None,
    yes: YesOption = False,
    until_certified: UntilOption = False,
    resume: ResumeOption = None,
    ledger: LedgerOption = None,
) -> None:
    """Submit a run to hardware and return at once; `fetch` brings it home, tomorrow if need be."""
    from .hardware_commands import Approval, open_remote, resume_command, submit_command

    _guard_secrets()
    approval = Approval(max_cost, max_qpu_seconds, yes)
    if resume is not None:
        if scenario or backend or shots or seed is not None or out or until_certified:
            _fail("--resume takes scenario, backend, shots, seed and folder from the ledger; give none of them")
        name = resume_command(resume, ledger, approval)
    else:
        if backend is None:
            _fail("submit needs --backend, ibm:fez or braket:garnet say; `bellqueue backends` lists them")
        opened = open_remote(backend)
        content = _load(scenario).with_experiment(shots=shots, stop="certified" if until_certified else None)
        name = submit_command(content, scenario, opened, seed, out, ledger, approval)
    print(f"{name}\nfetch it with: bellqueue fetch {name}")


@app.command()
def status(
    run: AnyRunArgument = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Keep the table up to date until all jobs have ended.")
    ] = False,
    poll: PollOption = 30.0,
    json: JsonOption = False,
    ledger: LedgerOption = None,
) -> None:
    """How far submitted jobs are."""
    from .hardware_commands import status_command

    _guard_secrets()
    status_command(run, ledger, watch, poll, json)


@app.command()
def fetch(
    runs: RunsArgument = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until the jobs have finished, for days if need be.")
    ] = False,
    poll: PollOption = 30.0,
    out: OutOption = None,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Analyse although jobs failed; their trials count as losses.")
    ] = False,
    json: JsonOption = False,
    require_advantage: RequireOption = False,
    ledger: LedgerOption = None,
) -> None:
    """Bring home the results of submitted runs, analyse them and write their folders."""
    from .hardware_commands import fetch_command

    _guard_secrets()
    complete, certified = fetch_command(runs or [], ledger, wait, poll, json, accept_loss, out)
    _exit_unless(complete)
    _exit_for(certified, require_advantage)


@app.command()
def cancel(run: RunArgument, ledger: LedgerOption = None) -> None:
    """Ask the provider to stop a run's jobs."""
    from .hardware_commands import cancel_command

    _guard_secrets()
    cancel_command(run, ledger)


@app.command()
def runs(
    run: HistoryArgument = None,
    json: JsonOption = False,
    ledger: LedgerOption = None,
) -> None:
    """Every submitted run: what it was to cost and did cost, and where its folder is."""
    from .hardware_commands import runs_command

    runs_command(run, ledger, json)


@app.command()
def analyze(
    data: DataArgument,
    scenario: ScenarioOption = None,
    json: JsonOption = False,
    report: Annotated[Path | None, typer.Option(help="Also write the HTML report to this file.")] = None,
    require_advantage: RequireOption = False,
) -> None:
    """Analyse counts taken elsewhere, or a run again."""
    from .local_commands import analyze_command

    certified = analyze_command(data, _load(scenario) if scenario else None, scenario, json, report)
    _exit_for(certified, require_advantage)


@app.command()
def verify(run: RecordArgument, seconds: BoundSecondsOption = 60.0, json: JsonOption = False) -> None:
    """Recheck a stored bound and p-value from the record alone, by other methods; exit code 5 if anything differs."""
    from .verify_command import verify_command

    _exit_unless(verify_command(run, seconds, json), NOT_VERIFIED)


@app.command()
def frontier(
    scenario: ScenarioArgument = None,
    json: JsonOption = False,
    plot: Annotated[Path | None, typer.Option(help="Also draw the frontiers (.png, .svg or .pdf).")] = None,
) -> None:
    """The frontiers of a scenario: classical, quantum, with communication, and the bound on every classical router."""
    from .local_commands import frontier_command

    frontier_command(_load(scenario), json, plot)


@app.command()
def plan(
    scenario: ScenarioArgument = None,
    backend: DeviceOption = None,
    visibility: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="A Bell pair of this visibility, instead of a device.")
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="Rank every backend at hand (half a minute).")] = False,
    power: Annotated[
        float, typer.Option(min=0.01, max=0.999999, help="Chance of certifying that the shots are to give.")
    ] = 0.95,
    json: JsonOption = False,
) -> None:
    """Before paying: will this device show the advantage, with how many shots, at what cost?"""
    from ..design.command import plan_command

    _guard_secrets()
    plan_command(
        _load(scenario), backend or (None if visibility or all else DEFAULT_BACKEND), visibility, power, all, json
    )


app.command()(sweep)


@app.command()
def replay(
    run: FolderArgument,
    pairs: Annotated[
        int | None, typer.Option(min=100, max=10**9, help="Pairs to simulate; default: what the trials serve.")
    ] = None,
    seed: SeedOption = None,
    plot: Annotated[
        Path | None, typer.Option(help="Also draw the distributions of waiting times (.png, .svg or .pdf).")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Route simulated pairs by the recorded trials, in order; how long they wait, and whether the device drifts."""
    from .local_commands import replay_command

    replay_command(run, pairs, seed, plot, json)


@app.command()
def report(
    run: RecordArgument,
    out: Annotated[Path | None, typer.Option(help="File to write; default: in the folder, beside the record.")] = None,
) -> None:
    """Write a run's HTML report again from its stored analysis."""
    from .local_commands import report_command

    report_command(run, out)


@app.command()
def backends(
    json: JsonOption = False,
    offline: Annotated[bool, typer.Option("--offline", help="Only what needs no provider's answer.")] = False,
) -> None:
    """The backends that can be named with --backend; of cloud devices status, queue, best pair and price."""
    from .local_commands import backends_command

    _guard_secrets()
    backends_command(json, offline)


@app.command()
def doctor(json: JsonOption = False) -> None:
    """Whether this installation works, and what to do where it does not; exit code 1 if something is broken."""
    from .doctor import doctor_command

    _guard_secrets()
    if not doctor_command(json):
        raise typer.Exit(BROKEN)


@app.callback()
def _main(context: typer.Context, version: VersionOption = False) -> None:
    """Holds the options of `bellqueue` itself; alone it shows the help."""
    if context.invoked_subcommand is None:
        print(context.get_help())


def _load(path: Path | None) -> Scenario:
    from ...model.scenario.file import Scenario
    from ..scenarios import named_scenario

    return named_scenario(path) if path else Scenario.default()


def _guard_secrets() -> None:
    """From here on no key reaches a stream, whoever prints it."""
    from ...backends.accounts import redaction

    redaction.install()


def _exit_unless(complete: bool, code: int = NOT_FINISHED) -> None:
    """Jobs that go on at the provider are no failure, but a script must be able to tell."""
    if not complete:
        raise typer.Exit(code)


def _exit_for(certified: bool, require_advantage: bool) -> None:
    if require_advantage and not certified:
        raise typer.Exit(NO_ADVANTAGE)


def _fail(message: str, code: int = USER_MISTAKE) -> NoReturn:
    print(f"bellqueue: {message}", file=sys.stderr)
    sys.exit(code)


def main() -> NoReturn:
    """Entry point: a user's mistake becomes one line on stderr and exit code 2."""
    from ...model.errors import BellqueueError

    tolerate_streams()
    if os.environ.get("_BELLQUEUE_COMPLETE") == "complete_bash":
        join_at_colons()
    try:
        code = app(standalone_mode=False)
        flush_streams()
    except typer.TyperException as mistake:
        _fail(one_line(mistake))
    except BellqueueError as mistake:
        _fail(str(mistake))
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    if code == INTERRUPTED:
        _fail("interrupted; no half-written folder was left", INTERRUPTED)
    sys.exit(code or 0)
