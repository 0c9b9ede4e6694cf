"""`bellqueue sweep`: every point of a grid of scenarios, here or on a cluster, into one table and a map; resumable."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from ...model.errors import SweepError
from ...model.sweep.grid import GridPoint, Sweep, value_text
from ...model.sweep.point import Outcome, PointTask, outcome_of
from ..commands.options import INTERRUPTED
from ..commands.terminal import progress_bars, say
from .executors import OpenExecutor, available_cores, check_address, compute_all, dask_cluster, local_pool
from .folder import SweepFolder, open_sweep_folder, record_json
from .table import Row, csv_text, parquet_bytes, require_parquet

SWEEPS = Path("bellqueue-sweeps")
ROWS, MAP = "rows", "map"
_FIGURES = (".png", ".svg")

Format = Literal["csv", "parquet"]


def sweep_command(
    source: Path, out: Path | None, workers: int | None, scheduler: str | None, format: Format, json: bool
) -> None:
    """Compute what is missing of a sweep, write its table and map, and say what they show.

    Args:
        source: The sweep file.
        out: The folder; None: one in `bellqueue-sweeps/` named after the file and its content.
        workers: Processes on this machine; None: one for each core.
        scheduler: Address of a Dask scheduler to compute on instead.
        format: parquet writes the table in that form, too.
        json: Print the record instead of sentences.

    Raises:
        BellqueueError: whatever keeps the sweep from being computed or written.
    """
    if scheduler is not None:
        check_address(scheduler)
        if workers is not None:
            raise SweepError("--workers are processes on this machine; leave it out with --scheduler")
    if format == "parquet":
        require_parquet()
    sweep = Sweep.load(source)
    for axis in sweep.idle_axes:
        say(f"axis {axis.field}: nothing that is computed depends on it")
    target = out or SWEEPS / f"{source.stem}-{sweep.content_hash()[:8]}"
    try:
        with open_sweep_folder(target, sweep) as folder:
            points, computed = compute_sweep(sweep, folder, workers, scheduler, outcome_of)
            rows = [(point, _outcome(point, folder)) for point in points]
            _write_results(sweep, folder, rows, format, bool(computed))
    except KeyboardInterrupt:
        say(f"interrupted; what is finished is kept in {target}, go on with: {_command(source, out, scheduler)}")
        raise SystemExit(INTERRUPTED) from None
    if json:
        print(record_json(folder.record), end="")
    else:
        _tell(sweep, folder, rows, computed)


def compute_sweep(
    sweep: Sweep,
    folder: SweepFolder,
    workers: int | None = None,
    scheduler: str | None = None,
    function: Callable[[PointTask], Outcome] = outcome_of,
    watch: Callable[[], None] = lambda: None,
) -> tuple[list[GridPoint], int]:
    """Compute what a sweep's folder still lacks.

    Args:
        sweep: The sweep.
        folder: Takes every outcome as soon as it is there.
        workers: Processes on this machine; None: one for each core.
        scheduler: Address of a Dask scheduler to compute on instead.
        function: Computes a point.
        watch: Called after each.

    Returns:
        The points of the grid in order, and how many outcomes were computed now.
    """
    with progress_bars() as progress:
        step = progress.add_task("laying out the grid", total=sweep.size)
        points = []
        for point in sweep.points():
            points.append(point)
            progress.advance(step)
        tasks = {task.identity: task for task in (point.task for point in points) if task}
        missing = {identity: task for identity, task in tasks.items() if identity not in folder.outcomes}
        if not missing:
            return points, 0
        folder.check_versions()
        done = len(tasks) - len(missing)
        progress.update(step, description="computing the points", total=len(tasks), completed=done)

        def collect(identity: str, outcome: Outcome) -> None:
            folder.add(identity, outcome)
            progress.advance(step)
            watch()

        compute_all(missing, function, _executor(workers, scheduler, len(missing)), collect, say)
    return points, len(missing)


def _executor(workers: int | None, scheduler: str | None, most: int) -> OpenExecutor:
    if scheduler:
        return lambda: dask_cluster(scheduler, say)
    return lambda: local_pool(min(workers or available_cores(), most))


def _outcome(point: GridPoint, folder: SweepFolder) -> Outcome:
    if point.task is None:
        return Outcome(status="invalid", reason=point.reason)
    return folder.outcomes[point.task.identity]


def _write_results(sweep: Sweep, folder: SweepFolder, rows: Sequence[Row], format: Format, changed: bool) -> None:
    """The table and, for up to three dimensions, the map; what is there already stays as it is."""
    folder.write(f"{ROWS}.csv", csv_text(sweep, rows).encode())
    if format == "parquet":
        folder.write(f"{ROWS}.parquet", parquet_bytes(sweep, rows))
    names = [f"{MAP}{suffix}" for suffix in _FIGURES]
    if changed or not all((folder.path / name).is_file() for name in names):
        from ...analysis.report.figures.drawing import figure_bytes
        from ...analysis.report.figures.sweep import sweep_figure

        figure = sweep_figure(sweep, [outcome for _, outcome in rows])
        if figure:
            for suffix, name in zip(_FIGURES, names, strict=True):
                folder.write(name, figure_bytes(figure, suffix))
    folder.finish(_summary(sweep, rows))


def _summary(sweep: Sweep, rows: Sequence[Row]) -> dict[str, Any]:
    """How many points are what, and where the advantage is largest."""
    counts = Counter(outcome.status for _, outcome in rows)
    best = max(rows, key=lambda row: row[1].waiting_time_reduction_relative or 0.0)
    saved = best[1].waiting_time_reduction_relative
    return {
        **{status: counts[status] for status in ("computed", "invalid", "failed")},
        "entanglement_helps": sum(outcome.entanglement_helps is True for _, outcome in rows),
        "largest": {
            "waiting_time_reduction_relative": saved,
            "at": {axis.field: value for axis, value in zip(sweep.axes, best[0].values, strict=True)},
        }
        if saved
        else None,
    }


def _tell(sweep: Sweep, folder: SweepFolder, rows: Sequence[Row], computed: int) -> None:
    summary = folder.record["summary"]
    helps = summary["entanglement_helps"]
    print(f"{sweep.title}: {len(rows)} points ({computed} computed now); entanglement helps at {helps}")
    best = summary["largest"]
    if best:
        at = ", ".join(f"{field} = {value_text(value)}" for field, value in best["at"].items())
        print(f"largest advantage: {100 * best['waiting_time_reduction_relative']:.1f} % less waiting, at {at}")
    for status in ("invalid", "failed"):
        reasons = [outcome.reason for _, outcome in rows if outcome.status == status]
        if reasons:
            print(f"{status}: {len(reasons)} of the points, the first because {reasons[0]}")
    for name in (f"{ROWS}.csv", f"{ROWS}.parquet", *(f"{MAP}{suffix}" for suffix in _FIGURES)):
        if (folder.path / name).is_file():
            print(f"{'table' if name.startswith(ROWS) else 'map'}: {folder.path / name}")


def _command(source: Path, out: Path | None, scheduler: str | None) -> str:
    options = [*(["--out", str(out)] if out else []), *(["--scheduler", scheduler] if scheduler else [])]
    return shlex.join(["bellqueue", "sweep", str(source), *options])
