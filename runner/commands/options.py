"""The options that commands share, and their exit codes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ..defaults import DEFAULT_BACKEND, LEAST_POLL_SECONDS
from .completion import backend_names, data_to_analyze, hardware_names, ledger_runs, link_names, run_folders

BROKEN = 1
USER_MISTAKE, NO_ADVANTAGE, NOT_FINISHED, NOT_VERIFIED, UNREACHABLE, INTERRUPTED = 2, 3, 4, 5, 6, 130


def _version(wanted: bool) -> None:
    if wanted:
        from ..experiment.provenance import bellqueue_version

        print(f"bellqueue {bellqueue_version()}")
        raise typer.Exit


VersionOption = Annotated[
    bool, typer.Option("--version", callback=_version, is_eager=True, help="Show version and exit.")
]
ScenarioArgument = Annotated[
    Path | None, typer.Argument(help="Scenario file (TOML). Default: `default`, the embedded one.")
]
ScenarioOption = Annotated[
    Path | None,
    typer.Option(help="Scenario the data belong to; `default` is the embedded one. A run has its own."),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print the record as JSON, and nothing else, on stdout; nothing is drawn.")
]
CsvOption = Annotated[
    bool, typer.Option("--csv", help="Print a table for accounting (CSV): a line for each submitted run.")
]
FullOption = Annotated[bool, typer.Option("--full", help="Show every table instead of the first screen.")]
RequireOption = Annotated[
    bool, typer.Option("--require-advantage", help=f"Exit with {NO_ADVANTAGE} if the advantage is not certified.")
]
SeedOption = Annotated[
    int | None, typer.Option(min=0, max=2**63 - 1, help="Random seed for settings and simulator. Default: a fresh one.")
]
BackendOption = Annotated[
    str | None,
    typer.Option(
        help=f"Where to measure; see `bellqueue backends`. Default: {DEFAULT_BACKEND}, or the scenario's [link].",
        autocompletion=backend_names,
    ),
]
HardwareOption = Annotated[
    str | None, typer.Option(help="Where to measure: hardware or a cloud simulator.", autocompletion=hardware_names)
]
DeviceOption = Annotated[
    str | None,
    typer.Option(
        help=f"Device whose calibration predicts the answers; default: {DEFAULT_BACKEND}, or the scenario's [link].",
        autocompletion=backend_names,
    ),
]
ShotsOption = Annotated[int | None, typer.Option(min=1, help="Number of trials. Default: the scenario's.")]
OutOption = Annotated[Path | None, typer.Option(help="Folder for the run; must not exist yet.")]
LedgerOption = Annotated[
    Path | None,
    typer.Option(help="Ledger of submitted runs; default: ledger.db in your data folder, or BELLQUEUE_LEDGER."),
]
MaxCostOption = Annotated[str | None, typer.Option(metavar="USD", help="Refuse to submit beyond this many US dollars.")]
MaxSecondsOption = Annotated[
    float | None, typer.Option(min=0, metavar="SECONDS", help="Refuse to submit beyond this time on the device.")
]
UntilOption = Annotated[
    bool, typer.Option("--until-certified", help="Stop as soon as it is certified, after --shots trials at most.")
]
AgainOption = Annotated[
    bool, typer.Option("--again", help="Submit although an unfinished run asks the same of the same device.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Submit without asking.")]
PollOption = Annotated[
    float, typer.Option(min=LEAST_POLL_SECONDS, metavar="SECONDS", help="Maximum time between status polls.")
]
RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's id, or its beginning.", autocompletion=ledger_runs)
]
AnyRunArgument = Annotated[
    str | None,
    typer.Argument(metavar="RUN", help="A run; default: all that are under way.", autocompletion=ledger_runs),
]
RunsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[RUN]...", help="Runs; default: all that are under way.", autocompletion=ledger_runs),
]
HistoryArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN",
        help="A run whose history to show, or a folder whose run folders to list.",
        autocompletion=ledger_runs,
    ),
]
ResumeOption = Annotated[
    str | None,
    typer.Option(
        metavar="RUN", help="Submit the missing parts of this run instead of a new run.", autocompletion=ledger_runs
    ),
]
DataArgument = Annotated[
    Path,
    typer.Argument(
        metavar="COUNTS_OR_RUN",
        help="Counts JSON, trials CSV (`-`: standard input), or a run's folder.",
        autocompletion=data_to_analyze,
    ),
]
SettingsOption = Annotated[
    Literal["random", "fixed"] | None,
    typer.Option(help="How the settings came about, if the data do not say so. Default: fixed."),
]
DistributionOption = Annotated[
    str | None,
    typer.Option(
        metavar="uniform|FILE", help="Probabilities of the pairs of types with random settings; rows router A."
    ),
]
LostOption = Annotated[
    str | None,
    typer.Option(metavar="N|FILE", help="Trials without an outcome: N for every pair of types, or a table of them."),
]
ComparedArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="RUN RUN [RUN]...",
        help="Folders of runs, analysis records, or counts with --scenario.",
        autocompletion=data_to_analyze,
    ),
]
InvertOption = Annotated[
    Literal["a", "b"] | None,
    typer.Option(help="Swap 0 and 1 in this router's outcomes. Chosen after the data, it doubles the p-values."),
]
FolderArgument = Annotated[Path, typer.Argument(help="A run's folder.", autocompletion=run_folders)]
RecordArgument = Annotated[
    Path,
    typer.Argument(
        metavar="RUN",
        help="A run's folder, or a bare analysis.json (the output of --json).",
        autocompletion=run_folders,
    ),
]
BoundSecondsOption = Annotated[
    float, typer.Option("--seconds", min=0, help="Longest search for the classical bound of a large game.")
]
LinkOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE|FIELDS",
        help="Link instead of the scenario's: a published one or a TOML file, each with `,field=value` after it if you "
        "like, or such fields alone.",
        autocompletion=link_names,
    ),
]
TimeUnitOption = Annotated[
    float | None, typer.Option(metavar="SECONDS", help="Seconds in a unit of time. Default: the scenario's.")
]
OverOption = Annotated[str, typer.Option(metavar="X,Y", help="The two figures of the map.")]
