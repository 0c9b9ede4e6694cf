"""The options that commands share, and their exit codes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_BACKEND = "fake:torino"
USER_MISTAKE, NO_ADVANTAGE, NOT_FINISHED, NOT_VERIFIED, INTERRUPTED = 2, 3, 4, 5, 130

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
BackendOption = Annotated[str, typer.Option(help="Where to measure; see `bellqueue backends`.")]
ShotsOption = Annotated[int | None, typer.Option(min=1, help="Trials, instead of the scenario's.")]
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
    bool, typer.Option("--until-certified", help="Stop as soon as it is certified; --shots is then the most to take.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Submit without being asked.")]
PollOption = Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="Longest pause between two questions.")]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or its beginning.")]
RecordArgument = Annotated[
    Path, typer.Argument(metavar="RUN", help="A run's folder, or a bare analysis.json (the output of --json).")
]
BoundSecondsOption = Annotated[
    float, typer.Option("--seconds", min=0, help="Longest search for the classical bound of a large game.")
]
