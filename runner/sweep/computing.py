"""Every point of a grid of scenarios, here or on a cluster, into one table and a map; resumable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

from ...model.errors import SweepError
from ...model.progress import Watch, unwatched
from ...model.sweep.grid import GridPoint, Sweep
from ...model.sweep.point import Outcome, PointTask, outcome_of
from ...model.validation import is_number, shorten
from ..defaults import MOST_WORKERS
from .executors import available_cores, check_address, compute_all, dask_cluster, local_pool
from .folder import SweepFolder, open_sweep_folder
from .table import Row, csv_text, parquet_bytes, require_parquet

SWEEPS = Path("bellqueue-sweeps")
ROWS, MAP = "rows", "map"
FIGURES = (".png", ".svg")

Format = Literal["csv", "parquet"]


@dataclass(frozen=True, eq=False)
class SweepResult:
    """A sweep that has been computed.

    Attributes:
        sweep: What was asked.
        folder: Folder of table, map and record.
        record: What its sweep.json holds, `bellqueue.sweep-record/1`.
        rows: Every point of the grid in order, with its outcome.
        computed: How many outcomes were computed now; the others were in the folder.
    """

    sweep: Sweep
    folder: Path
    record: dict[str, Any]
    rows: Sequence[Row]
    computed: int

    @property
    def summary(self) -> dict[str, Any]:
        """How many points are what, and where the advantage is largest."""
        found: dict[str, Any] = self.record["summary"]
        return found

    def __repr__(self) -> str:
        helps = self.summary["entanglement_helps"]
        return f"<Sweep {self.sweep.title!r}: entanglement helps at {helps} of {len(self.rows)} points; {self.folder}>"


def place_for(sweep: Sweep, name: str) -> Path:
    """The folder in `bellqueue-sweeps/` that a sweep of this name and content has if none is given."""
    return SWEEPS / f"{name}-{sweep.content_hash()[:8]}"


def run_sweep(
    sweep: Sweep,
    target: Path,
    workers: int | None,
    scheduler: str | None,
    format: Format,
    watch: Watch,
    say: Callable[[str], None],
) -> SweepResult:
    """Compute what is missing of a sweep, and write its table and map.

    Args:
        workers: Processes on this machine; None: one for each core.
        scheduler: Address of a Dask scheduler to compute on instead.
        format: parquet writes the table in that form as well.

    Raises:
        BellqueueError: the sweep cannot be computed or written.
    """
    if not (workers is None or (is_number(workers) and 1 <= workers <= MOST_WORKERS and workers == int(workers))):
        raise SweepError(f"--workers is {shorten(workers)}; it must be a whole number from 1 to {MOST_WORKERS}")
    if format not in get_args(Format):
        raise SweepError(f"--format is {shorten(format)}; it must be {' or '.join(get_args(Format))}")
    if scheduler is not None:
        check_address(scheduler)
        if workers is not None:
            raise SweepError("--workers are processes on this machine; leave it out with --scheduler")
    if format == "parquet":
        require_parquet()
    for axis in sweep.idle_axes:
        say(f"axis {axis.field}: nothing that is computed depends on it")
    with open_sweep_folder(target, sweep) as folder:
        points, computed = compute_sweep(sweep, folder, workers, scheduler, outcome_of, watch, say)
        rows = [(point, _outcome(point, folder)) for point in points]
        watch("writing the table and the map", 0, None)
        _write_results(sweep, folder, rows, format, bool(computed))
    return SweepResult(sweep, target, folder.record, rows, computed)


def compute_sweep(
    sweep: Sweep,
    folder: SweepFolder,
    workers: int | None = None,
    scheduler: str | None = None,
    function: Callable[[PointTask], Outcome] = outcome_of,
    watch: Watch = unwatched,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[list[GridPoint], int]:
    """Compute what a sweep's folder still lacks.

    Returns:
        The points of the grid in order, and how many outcomes were computed now.
    """
    points: list[GridPoint] = []
    for point in sweep.points():
        watch("laying out the grid", len(points), sweep.size)
        points.append(point)
    tasks = {task.identity: task for task in (point.task for point in points) if task}
    missing = {identity: task for identity, task in tasks.items() if identity not in folder.outcomes}
    if not missing:
        return points, 0
    folder.check_versions()

    def collect(identity: str, outcome: Outcome) -> None:
        folder.add(identity, outcome)
        watch("computing the points", len(folder.outcomes), len(tasks))

    if scheduler is None:
        executor = partial(local_pool, min(int(workers or available_cores()), len(missing)))
    else:
        executor = partial(dask_cluster, scheduler, say)
    watch("computing the points", len(tasks) - len(missing), len(tasks))
    compute_all(missing, function, executor, collect, say)
    return points, len(missing)


def _outcome(point: GridPoint, folder: SweepFolder) -> Outcome:
    if point.task is None:
        return Outcome(status="invalid", reason=point.reason)
    return folder.outcomes[point.task.identity]


def _write_results(sweep: Sweep, folder: SweepFolder, rows: Sequence[Row], format: Format, changed: bool) -> None:
    """The table and, for up to three dimensions, the map; what is there already stays as it is."""
    folder.write(f"{ROWS}.csv", csv_text(sweep, rows).encode())
    if format == "parquet":
        folder.write(f"{ROWS}.parquet", parquet_bytes(sweep, rows))
    names = [f"{MAP}{suffix}" for suffix in FIGURES]
    if changed or not all((folder.path / name).is_file() for name in names):
        from ...analysis.report.figures.drawing import figure_bytes
        from ...analysis.report.figures.sweep import sweep_figure

        figure = sweep_figure(sweep, [outcome for _, outcome in rows])
        if figure:
            for suffix, name in zip(FIGURES, names, strict=True):
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
