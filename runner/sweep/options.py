"""The options of `bellqueue sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ..commands.options import JsonOption


def sweep(
    source: Annotated[Path, typer.Argument(metavar="SWEEP", help="Sweep file (TOML): a scenario and [[axis]] tables.")],
    out: Annotated[
        Path | None, typer.Option(help="Its folder, to begin or to go on with; default: one in bellqueue-sweeps/.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=1024, help="Processes on this machine; default: one for each core.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Compute on a Dask cluster instead: tcp://127.0.0.1:8786, say."),
    ] = None,
    format: Annotated[
        Literal["csv", "parquet"], typer.Option(help="parquet: the table in that form beside the CSV.")
    ] = "csv",
    json: JsonOption = False,
) -> None:
    """Where entanglement helps as fields of a scenario vary: a table and a map; goes on where it was stopped."""
    from .command import sweep_command

    sweep_command(source, out, workers, scheduler, format, json)
