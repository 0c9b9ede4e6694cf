"""`bellqueue sweep`: a table and a map of where entanglement helps."""

from __future__ import annotations

from pathlib import Path

from ...analysis.records.percent import percent_text
from ...model.printable import command_line
from ...model.sweep.grid import Sweep, value_text
from ..sweep.computing import FIGURES, MAP, ROWS, Format, SweepResult, place_for, run_sweep
from ..sweep.folder import record_json
from .options import INTERRUPTED
from .terminal import print_lines, print_record, progress_shown, say


def sweep_command(
    source: Path, out: Path | None, workers: int | None, scheduler: str | None, format: Format, json: bool
) -> None:
    """Compute what is missing of a sweep, and say what it shows."""
    sweep = Sweep.load(source)
    target = out or place_for(sweep, source.stem)
    try:
        with progress_shown() as watch:
            found = run_sweep(sweep, target, workers, scheduler, format, watch, say)
    except KeyboardInterrupt:
        options = [*(["--out", str(out)] if out else []), *(["--scheduler", scheduler] if scheduler else [])]
        again = command_line("sweep", source, *options)
        say(f"interrupted; what is finished is kept in {target}, resume with: {again}")
        raise SystemExit(INTERRUPTED) from None
    if json:
        print_record(record_json(found.record))
    else:
        _show(found)


def _show(found: SweepResult) -> None:
    helps, best = found.summary["entanglement_helps"], found.summary["largest"]
    points = f"{len(found.rows)} points ({found.computed} computed now)"
    print_lines(f"{found.sweep.title}: {points}; entanglement helps at {helps}")
    if best:
        at = ", ".join(f"{field} = {value_text(value)}" for field, value in best["at"].items())
        print_lines(f"largest advantage: {percent_text(best['waiting_time_reduction_relative'])} less waiting, at {at}")
    for status in ("invalid", "failed"):
        reasons = [outcome.reason for _, outcome in found.rows if outcome.status == status]
        if reasons:
            print_lines(f"{status}: {len(reasons)} of the points, the first because {reasons[0]}")
    for name in (f"{ROWS}.csv", f"{ROWS}.parquet", *(f"{MAP}{suffix}" for suffix in FIGURES)):
        if (found.folder / name).is_file():
            print_lines(f"{'table' if name.startswith(ROWS) else 'map'}: {found.folder / name}")
