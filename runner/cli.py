"""The command line `bellqueue`. Everything heavy is imported inside the commands, so that --help is instant."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from ..model.scenario import Scenario

app = typer.Typer(
    name="bellqueue",
    help="Does measuring a Bell pair route requests better than classical routers that cannot communicate? "
    "Run the experiment, certify the answer.",
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

DEFAULT_BACKEND = "fake:torino"
USER_MISTAKE, NO_ADVANTAGE, INTERRUPTED = 2, 3, 130

ScenarioArgument = Annotated[
    Path | None, typer.Argument(help="Scenario file (TOML). Without it: the embedded default scenario.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the record as JSON, and nothing else, on stdout.")]
RivalsOption = Annotated[
    bool, typer.Option("--rivals/--no-rivals", help="Search the wider classical rivals numerically (a few seconds).")
]
RequireOption = Annotated[
    bool, typer.Option("--require-advantage", help=f"Exit with {NO_ADVANTAGE} if the advantage is not certified.")
]
SeedOption = Annotated[
    int | None, typer.Option(min=0, max=2**63 - 1, help="Seed of settings and simulators. Without it: a fresh one.")
]


@app.command()
def run(
    scenario: ScenarioArgument = None,
    backend: Annotated[str, typer.Option(help="Where to measure; see `bellqueue backends`.")] = DEFAULT_BACKEND,
    shots: Annotated[int | None, typer.Option(min=1, help="Trials, instead of the scenario's.")] = None,
    seed: SeedOption = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the run; must not exist yet.")] = None,
    json: JsonOption = False,
    rivals: RivalsOption = True,
    require_advantage: RequireOption = False,
) -> None:
    """Run the experiment and certify whether the advantage was observed."""
    from .commands import run_command

    certified = run_command(_load(scenario), scenario, backend, shots, seed, out, json, rivals)
    _exit_for(certified, require_advantage)


@app.command()
def analyze(
    data: Annotated[Path, typer.Argument(metavar="COUNTS_OR_RUN", help="Counts JSON, trials CSV, or a run's folder.")],
    scenario: Annotated[Path | None, typer.Option(help="Scenario the data belong to (a run brings its own).")] = None,
    json: JsonOption = False,
    rivals: RivalsOption = True,
    report: Annotated[Path | None, typer.Option(help="Also write the HTML report to this file.")] = None,
    require_advantage: RequireOption = False,
) -> None:
    """Analyse counts taken elsewhere, or a run again."""
    from .commands import analyze_command

    certified = analyze_command(data, _load(scenario) if scenario else None, scenario, json, rivals, report)
    _exit_for(certified, require_advantage)


@app.command()
def frontier(
    scenario: ScenarioArgument = None,
    json: JsonOption = False,
    plot: Annotated[Path | None, typer.Option(help="Also draw the frontiers (.png, .svg or .pdf).")] = None,
    rivals: RivalsOption = False,
) -> None:
    """The three frontiers of a scenario: classical, quantum, with communication."""
    from .commands import frontier_command

    frontier_command(_load(scenario), json, plot, rivals)


@app.command()
def replay(
    run: Annotated[Path, typer.Argument(help="A run's folder.")],
    pairs: Annotated[
        int | None, typer.Option(min=100, max=10**9, help="Pairs to simulate; default: what the trials serve.")
    ] = None,
    seed: SeedOption = None,
    json: JsonOption = False,
) -> None:
    """Route simulated pairs by the recorded trials, in order, and measure how long they wait."""
    from .commands import replay_command

    replay_command(run, pairs, seed, json)


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="A run's folder.")],
    out: Annotated[Path | None, typer.Option(help="File to write; default: report.html in the folder.")] = None,
) -> None:
    """Write a run's HTML report again from its stored analysis."""
    from .commands import report_command

    report_command(run, out)


@app.command()
def backends(json: JsonOption = False) -> None:
    """The backends that can be named with --backend."""
    from .commands import backends_command

    backends_command(json)


def _version(wanted: bool) -> None:
    if wanted:
        from .provenance import bellqueue_version

        print(f"bellqueue {bellqueue_version()}")
        raise typer.Exit


@app.callback()
def _main(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Holds the options of `bellqueue` itself; alone it shows the help."""
    if context.invoked_subcommand is None:
        print(context.get_help())


def _load(path: Path | None) -> Scenario:
    from ..model.scenario import Scenario

    return Scenario.load(path) if path else Scenario.default()


def _exit_for(certified: bool, require_advantage: bool) -> None:
    if require_advantage and not certified:
        raise typer.Exit(NO_ADVANTAGE)


def _tolerate_any_terminal() -> None:
    """A terminal that cannot show Greek letters gets question marks, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _fail(message: str, code: int = USER_MISTAKE) -> NoReturn:
    print(f"bellqueue: {message}", file=sys.stderr)
    sys.exit(code)


def main() -> NoReturn:
    """Entry point: a user's mistake becomes one line on stderr and exit code 2."""
    from ..model.errors import BellqueueError

    _tolerate_any_terminal()
    try:
        code = app(standalone_mode=False)
        if sys.stdout is not None:  # None where the shell has closed it
            sys.stdout.flush()
    except typer.TyperException as mistake:
        _fail(f"{' '.join(mistake.format_message().split())} (see --help)")
    except BellqueueError as mistake:
        _fail(str(mistake))
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:  # the reader of stdout, `head` say, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    if code == INTERRUPTED:
        _fail("interrupted; no half-written folder was left", INTERRUPTED)
    sys.exit(code or 0)
