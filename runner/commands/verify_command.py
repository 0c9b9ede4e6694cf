"""`bellqueue verify`: a stored analysis rechecked from its files alone, and what came of it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Column, Table
from rich.text import Text

from ...analysis.records.counts_file import MAX_BYTES
from ...analysis.verification.findings import EXACTLY, Row, Shown
from ...analysis.verification.record import RunFiles
from ...analysis.verification.verify import verify
from ...model.errors import DataError
from ...model.validation import read_text
from ..experiment.folder import ANALYSIS, CALIBRATION, PLAN, RECORD_BYTES, SCENARIO, TRIALS
from .terminal import progress_bars

_STYLES = {"OK": "green", "DIFFERS": "bold red", "not checked": "yellow"}
_LIMITS = ("estimate", "low", "high")
_SIDES = ("recorded", "recomputed")
_WIDTH = 15  # of a number with eight digits and an exponent


def verify_command(run: Path, seconds: float, json: bool) -> bool:
    """Recheck and show; returns whether all that was checked agrees.

    Args:
        run: A run's folder, or an analysis record.
        seconds: Longest time for the bound of a large game.
        json: Print the record `bellqueue.verification/1` instead of the table.

    Raises:
        DataError: a file is missing or cannot be read as what it is.
    """
    folder = run.is_dir()
    analysis = _text(run / ANALYSIS if folder else run, RECORD_BYTES)
    files = read_run(run) if folder else None
    with progress_bars() as progress:
        step = progress.add_task("verifying", total=None)
        try:
            found = verify(
                analysis, str(run), files, seconds, lambda what: progress.update(step, description=f"verifying: {what}")
            )
        except DataError as error:
            raise DataError(f"{run}: {error}") from None
    if json:
        print(found.model_dump_json(by_alias=True, indent=2))
    else:
        summary = Text(found.summary, style="bold")
        Console().print(summary, "", verification_table(found.rows), "", summary, sep="\n")
    return found.verified


def verification_table(rows: Sequence[Row]) -> Group:
    """What was looked at, what differs first; an estimate with its limits in one place, the method below it."""
    parts: list[RenderableType] = [_line("what", "recorded", "recomputed", Text("")), Rule(style="dim")]
    ordered = sorted(rows, key=lambda row: row.status != "DIFFERS")
    for name, group in itertools.groupby(ordered, key=lambda row: (_stem(row.what), row.method, row.status)):
        together = list(group)
        first = together[0]
        recorded, recomputed = ("\n".join(_number(getattr(row, side)) for row in together) for side in _SIDES)
        what = first.what if len(together) == 1 else name[0]
        parts.append(_line(what, recorded, recomputed, Text(first.status, style=_STYLES[first.status])))
        told = first.status == "not checked" or first.tolerance == EXACTLY
        how = first.method if told else f"{first.method}, ±{first.tolerance}"
        parts.append(Padding(Text(how, style="dim"), (0, 0, 0, 4)))
    return Group(*parts)


def _line(what: str, recorded: str, recomputed: str, status: Text) -> Table:
    """One row; the numbers of all stand below each other."""
    grid = Table.grid(Column(ratio=1, overflow="fold"), padding=(0, 2, 0, 0), expand=True)
    for width in (_WIDTH, _WIDTH, len("not checked")):
        grid.add_column(width=width, overflow="crop", no_wrap=True)
    grid.add_row(Text(what), recorded, recomputed, status)
    return grid


def _stem(what: str) -> str:
    """The name that an estimate shares with its limits."""
    stem, _, last = what.rpartition(".")
    return stem if last in _LIMITS else what


def _number(value: Shown) -> str:
    if value is None:
        return "–"
    return f"{value:.8g}" if isinstance(value, float) else str(value)[:_WIDTH]


def read_run(folder: Path) -> RunFiles:
    """The files of a run's folder beside its analysis.

    Raises:
        DataError: one of them is missing or cannot be read.
    """
    scenario, plan, trials = (_text(folder / name, MAX_BYTES) for name in (SCENARIO, PLAN, TRIALS))
    calibration = folder / CALIBRATION
    return RunFiles(scenario, plan, trials, _text(calibration, RECORD_BYTES) if calibration.exists() else None)


def _text(path: Path, most: int) -> str:
    return read_text(path, DataError, most, "a run's folder, or an analysis record")
