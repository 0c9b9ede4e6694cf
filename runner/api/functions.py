"""The functions of `import bellqueue as bq` that work in this process; each but `plot` does what its command does.

What is heavy is imported inside the functions, so that `bq.run` can be looked at without waiting.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from ...model.errors import BackendError, DataError, OutputError, SweepError
from ...model.progress import Watch
from ..defaults import DEFAULT_POWER, backend_for
from ..scenarios import named_scenario
from .showing import shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

    from ...analysis.design.records import ForecastRecord, RankingRecord
    from ...analysis.menus.forecast import MenuForecastRecord
    from ...analysis.menus.records import MenuAnalysis
    from ...analysis.records.analysis_record import Analysis
    from ...analysis.records.comparison import Comparison
    from ...analysis.records.frontier_record import FrontierRecord
    from ...model.scenario.file import Scenario
    from ...model.sweep.grid import Sweep
    from ...model.trials import Router
    from ..sweep.computing import SweepResult
    from .results import ComparisonResult, FrontierResult, LinkResult, Result

log = logging.getLogger("bellqueue")
GIVEN = "counts given in Python"  # what a record says of counts that have no file


def frontiers(
    scenario: Scenario | str | Path = "default",
    *,
    informed: bool = False,
    visibility: float | None = None,
    progress: bool | Watch = True,
) -> FrontierResult:
    """The frontiers of a scenario: classical, quantum, with communication, and the bound on every classical router.

    Args:
        scenario: A scenario, its file, or "default".
        informed: Whether to add routers that know both servers' past, classical and entangled. Defaults to False.
        visibility: Visibility of their Bell pairs. Defaults to the one that the scenario assumes.
        progress: Whether to show how far it is, or a callback `watch(what, done, total)`. Defaults to True.

    Raises:
        ScenarioError: the scenario is wrong, or interruptions cost its background work nothing.
        BackendError: the visibility is out of range, or `informed` is not set.
        NoBoundError: classical routers that know the past cannot be bounded here.

    Examples:
        >>> import bellqueue as bq
        >>> light = bq.frontiers("default")
        >>> light
        <Frontiers of 'Light traffic, costly interruptions': load 0.025,
         entanglement waits up to 17.9 % less than memoryless, at splitting probability 0.7236,
         and 10.0 % less than every classical router, at 0.6542>
        >>> [round(point.waiting_time, 4) for point in light.classical]
        [1.341, 0.6804, 0.059]
    """
    from ...analysis.informed import informed_record
    from ...analysis.records.frontier_record import frontier_record
    from ...model.games.frontiers import Frontiers
    from ..design.planning import check_visibility
    from .results import FrontierResult

    asked = named_scenario(scenario)
    if visibility is not None:
        check_visibility(visibility)
        if not informed:
            raise BackendError("--visibility is that of entangled routers that know the past; add --informed")
    with shown(progress) as watch:
        watch("solving the game along the frontiers", 0, None)
        solved = Frontiers.of(asked)
        watch("bounding every classical router", 0, None)
        record = frontier_record(asked.title, solved)
        if informed:
            assumed = asked.experiment.assumed_visibility if visibility is None else float(visibility)
            record = record.model_copy(update={"informed": informed_record(solved, assumed, watch)})
        return FrontierResult.of(record)


@overload
def plan(
    scenario: Scenario | str | Path = "default",
    backend: str | None = None,
    *,
    visibility: float | None = None,
    all: Literal[False] = False,
    power: float = DEFAULT_POWER,
    progress: bool | Watch = True,
) -> ForecastRecord | Any: ...


@overload
def plan(
    scenario: Scenario | str | Path = "default",
    *,
    all: Literal[True],
    power: float = DEFAULT_POWER,
    progress: bool | Watch = True,
) -> RankingRecord: ...


def plan(
    scenario: Scenario | str | Path = "default",
    backend: str | None = None,
    *,
    visibility: float | None = None,
    all: bool = False,
    power: float = DEFAULT_POWER,
    progress: bool | Watch = True,
) -> ForecastRecord | MenuForecastRecord | RankingRecord:
    """Predict what a run will show, how likely it is to certify the advantage, and what it will cost, before you pay.

    Args:
        scenario: A scenario, its file, or "default".
        backend: Device whose calibration predicts the answers. Defaults to "fake:torino".
        visibility: Visibility of a Bell pair, instead of a device.
        all: Whether to rank every backend at hand instead (half a minute). Defaults to False.
        power: Chance of certifying that the shots are to give. Defaults to 0.95.
        progress: Whether to show how far it is, or a callback `watch(what, done, total)`. Defaults to True.

    Returns:
        The forecast, whose `verdict` says go or no-go; with `all`, the ranking. Of routers that know the past a
        `MenuForecastRecord`.

    Raises:
        ScenarioError: the scenario is wrong or has no operating point.
        BackendError: the backend is unknown or has no calibration, or the arguments do not go together.

    Examples:
        >>> import bellqueue as bq
        >>> forecast = bq.plan("default", "fake:torino")
        >>> forecast.forecast.go
        True
        >>> bq.plan("default", visibility=0.7).verdict[:5]
        'NO-GO'
    """
    from ..design.planning import plan_scenario

    with shown(progress) as watch:
        return plan_scenario(named_scenario(scenario), backend, visibility, all, power, watch, log.warning)


def run(
    scenario: Scenario | str | Path = "default",
    backend: str | None = None,
    shots: int | None = None,
    seed: int | None = None,
    out: str | Path | None = None,
    *,
    until_certified: bool = False,
    progress: bool | Watch = True,
) -> Result | Any:
    """Run the experiment on a simulator in this process and certify whether the advantage was observed.

    Args:
        scenario: A scenario, its file, or "default".
        backend: Where to measure: "fake:torino", "aer", "aer:visibility=0.95", "braket-local", … Defaults to
            the scenario's link if it has one, else to "fake:torino".
        shots: Trials. Defaults to the scenario's.
        seed: Random seed for settings and simulator. Defaults to a fresh one, which the result's provenance holds.
        out: Folder for the run, which must not exist yet. Without it nothing is written.
        until_certified: Whether to stop as soon as the advantage is certified. Defaults to False.
        progress: Whether to show how far it is, or a callback `watch(what, done, total)`. Defaults to True.

    Returns:
        The result; of a scenario whose routers know the past a `MenuResult`.

    Raises:
        ScenarioError: the scenario, or the number of shots, is wrong.
        BackendError: the backend is unknown or wrong, or is hardware: `bq.submit` takes it there.
        OutputError: there is something at `out` already, or it cannot be written.

    Examples:
        >>> import bellqueue as bq
        >>> result = bq.run("default", backend="aer:visibility=0.95", shots=5000, seed=1)
        >>> result.certified, result.provenance.seed, len(result.trials)
        (True, 1, 5000)
        >>> result.observed.waiting_time.estimate < result.classical.waiting_time_at_equal_throughput.estimate
        True
        >>> bq.run("default", backend="ibm:fez")  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        BackendError: ibm:fez may cost money and its jobs outlive this process; submit the run
    """
    from ...backends import RemoteBackend, open_backend
    from ...model.validation import as_path
    from ..experiment.execution import execute
    from ..experiment.submission import runs_with
    from .results import result_of

    asked = named_scenario(scenario).with_experiment(shots=shots, stop="certified" if until_certified else None)
    opened = open_backend(backend := backend_for(asked, backend), asked)
    if isinstance(opened, RemoteBackend):
        raise BackendError(
            f"{backend} may cost money and its jobs outlive this process; submit the run with "
            + " or ".join(dict.fromkeys(["bq.submit", runs_with("submit", typed(scenario), backend)]))
        )
    place = None if out is None else as_path(out, "out", OutputError)
    with shown(progress) as watch:
        done = execute(asked, typed(scenario), opened, whole_seed(seed), lambda _: place, watch)
    return result_of(done.analysis, done.trials, done.folder)


def analyze(
    data: str | Path | Mapping[str, Any] | ArrayLike,
    scenario: Scenario | str | Path | None = None,
    *,
    settings: Literal["random", "fixed"] | None = None,
    input_distribution: Literal["uniform"] | str | Path | ArrayLike | None = None,
    lost: int | str | Path | ArrayLike | None = None,
    invert: Router | None = None,
    progress: bool | Watch = True,
) -> Result | Any:
    """Analyze counts or trials taken elsewhere, or a run again.

    Bare counts come without a plan: their settings count as fixed, and the p-value pays for trying every multiplier
    (the union bound over the edges of the classical frontier).

    Args:
        data: Path of a counts JSON, a trials CSV or a run's folder, "-" for standard input; or counts[x][y][a][b],
            nested, as an array, or as dicts by type and bit string; or trials: a data frame or a dict with the columns
            x, y, a, b, or rows of these four; or the content of a counts file as a dict.
        scenario: The scenario that the data belong to, its file, or "default". A run's folder holds its own.
        settings: How the settings came about, "random" or "fixed". Defaults to what the data say, else to "fixed".
        input_distribution: Probabilities of the pairs of types with random settings: "uniform", a table, or its file.
        lost: Trials without an outcome: a number for every pair of types, a table by types, or its file.
        invert: Router in whose outcomes to swap 0 and 1, "a" or "b"; not for a run with a plan of its own. Chosen after
            the data, it doubles the p-values. Defaults to neither.
        progress: Whether to show how far it is, or a callback `watch(what, done, total)`. Defaults to True.

    Raises:
        DataError: the data cannot be read as such, do not belong to the scenario, or none was named; or `invert` is
            neither router, or is used on a run whose plan fixed what its outcomes mean.

    Examples:
        Sixteen counts of a Bell test on qubits 19 and 20 of ibm_hanoi (published with arXiv:2503.18949):

        >>> import bellqueue as bq
        >>> counts = [[[[20166, 3666], [3609, 20159]], [[3294, 17323], [17337, 3246]]],
        ...           [[[3800, 20559], [20530, 3711]], [[3244, 18105], [18115, 3136]]]]
        >>> bq.analyze(counts, "default")
        <Result CERTIFIED: waiting time 0.4287 against 0.4611 every classical at equal throughput,
         at least 6.3 % less, estimate 7.0 %,
         log10 p = −450, 180000 trials>
    """
    from ...analysis.records.counts_file import Declared, sample_of
    from ..experiment.execution import analyze_data
    from ..experiment.pipeline import analyze_foreign
    from .results import result_of

    if invert not in (None, "a", "b"):
        raise DataError(f'invert is {invert!r}; it must be "a" or "b", the router whose outcomes to invert')
    asked = None if scenario is None else named_scenario(scenario)
    declared = Declared(settings, input_distribution, lost)
    with shown(progress) as watch:
        if isinstance(data, str | Path):
            return result_of(analyze_data(Path(data), asked, watch, None, invert, declared, log.warning))
        if asked is None:
            raise DataError("name the scenario that the data belong to: analyze(data, scenario), or 'default'")
        sample = sample_of(data, asked.workload(), declared, log.warning).invert(invert)
        watch("analyzing", 0, None)
        return result_of(analyze_foreign(GIVEN, sample, asked))


def compare(
    runs: Sequence[Analysis | MenuAnalysis | str | Path],
    scenario: Scenario | str | Path | None = None,
    *,
    progress: bool | Watch = True,
) -> ComparisonResult:
    """Put runs of several devices, days or options beside each other.

    Args:
        runs: What `run`, `analyze` or `fetch` returned, folders of runs, analysis records, or counts taken elsewhere.
        scenario: The scenario that such counts belong to, its file, or "default".
        progress: Whether to show how far it is, or a callback `watch(what, done, total)`. Defaults to True.

    Raises:
        DataError: there are fewer than two, or one cannot be opened.

    Examples:
        >>> import bellqueue as bq
        >>> noisy, clear = (bq.run(backend=f"aer:visibility={v}", shots=3000, seed=1) for v in (0.6, 0.98))
        >>> [run.verdict for run in bq.compare([noisy, clear]).runs]
        ['not certified', 'certified']
    """
    from ...analysis.records.record import Record
    from ..experiment.comparing import compare_runs
    from .results import ComparisonResult

    if isinstance(runs, str | Path | Record):
        raise DataError("compare needs a list of two or more results, folders or files, and not a single one")
    asked = None if scenario is None else named_scenario(scenario)
    with shown(progress) as watch:
        sources = [Path(run) if isinstance(run, str | Path) else _named_result(run) for run in runs]
        return ComparisonResult.model_construct(runs=compare_runs(sources, asked, watch).runs)


def plot(
    shown: Analysis | MenuAnalysis | FrontierRecord | Comparison | LinkResult | Sequence[Analysis | MenuAnalysis],
    path: str | Path | None = None,
) -> Figure:
    """The frontiers as a figure, with the observed point and its confidence region if something was observed.

    Of several results, or of what `compare` returned, the figure shows what each saves; of a link it is its map; of
    `frontiers(…, informed=True)` it shows the routers that know the past, and what they save at each load, and of a run
    of theirs where its certificate stands.

    Args:
        shown: What `frontiers`, `run`, `analyze`, `fetch`, `link` or `compare` returned, or a list of results.
        path: File to draw into as well: .png, .svg or .pdf.

    Raises:
        DataError: `shown` is something else.
        OutputError: the file cannot be written.

    Examples:
        >>> import bellqueue as bq
        >>> bq.plot(bq.frontiers("default"))
        <ShownFigure size 460x760 with 2 Axes>
    """
    from ...analysis.menus.records import MenuAnalysis
    from ...analysis.records.analysis_record import Analysis
    from ...analysis.records.comparison import Comparison
    from ...analysis.records.frontier_record import FrontierRecord
    from ...analysis.report.figures.comparison import comparison_figure
    from ...analysis.report.figures.drawing import save
    from ...analysis.report.figures.frontiers import frontier_figure
    from ...analysis.report.figures.informed import informed_figure
    from ...analysis.report.figures.menu import menu_certificate_figure
    from ...model.validation import as_path
    from .results import LinkResult

    if isinstance(shown, list | tuple) and shown and all(isinstance(each, Analysis | MenuAnalysis) for each in shown):
        shown = Comparison.of([_named_result(each) for each in shown])
    if isinstance(shown, Comparison):
        figure = comparison_figure(shown)
    elif isinstance(shown, Analysis):
        figure = frontier_figure(shown.frontiers, shown)
    elif isinstance(shown, FrontierRecord):
        figure = informed_figure(shown, shown.informed) if shown.informed else frontier_figure(shown)
    elif isinstance(shown, LinkResult):
        figure = shown.map()
    elif isinstance(shown, MenuAnalysis):
        figure = menu_certificate_figure(shown)
    else:
        raise DataError(
            f"plot shows what frontiers, run, analyze, link or compare returned, or a list of results, and not a "
            f"{type(shown).__name__}"
        )
    if path is not None:
        save(figure, as_path(path, "path", OutputError))
    return figure


def sweep(
    source: Sweep | str | Path,
    out: str | Path | None = None,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    format: Literal["csv", "parquet"] = "csv",
    progress: bool | Watch = True,
) -> SweepResult:
    """Where entanglement helps as fields of a scenario vary: a table and a map in a folder, resumed if it was stopped.

    The points are computed in fresh processes: in a script, call it under `if __name__ == "__main__":`.

    Args:
        source: The sweep, or its file.
        out: Its folder, to begin or to resume. Defaults to one in bellqueue-sweeps/.
        workers: Processes on this machine. Defaults to one for each core.
        scheduler: Address of a Dask scheduler to compute on instead.
        format: "parquet" writes the table in that form beside the CSV. Defaults to "csv".
        progress: Whether to show how far it is, or a callback `watch(what, done, total)`. Defaults to True.

    Raises:
        SweepError: the sweep is wrong, its folder is another's, or there is nothing left to compute on.
        OutputError: the folder cannot be written.

    Examples:
        >>> import bellqueue as bq
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     file = Path(folder, "loads.toml")
        ...     _ = file.write_text('[[axis]]\\nfield = "load"\\nvalues = [0.05, 0.5]')
        ...     found = bq.sweep(file, Path(folder, "loads"), workers=1)
        >>> found.summary["computed"], found.summary["entanglement_helps"]
        (2, 2)
    """
    from ...model.sweep.grid import Sweep
    from ...model.validation import as_path
    from ..sweep.computing import place_for, run_sweep

    if not isinstance(source, Sweep | str | Path):
        raise SweepError(
            f"source is a {type(source).__name__}; give a sweep file, or a sweep (Sweep.parse reads a dict)"
        )
    asked = source if isinstance(source, Sweep) else Sweep.load(source)
    name = "sweep" if isinstance(source, Sweep) else Path(source).stem
    place = place_for(asked, name) if out is None else as_path(out, "out", OutputError)
    with shown(progress) as watch:
        return run_sweep(asked, place, workers, scheduler, format, watch, log.warning)


def _named_result(run: Analysis | MenuAnalysis) -> tuple[str, Analysis | MenuAnalysis]:
    """A result with the name of its folder or source.

    Raises:
        DataError: it is none.
    """
    from ...analysis.menus.records import MenuAnalysis
    from ...analysis.records.analysis_record import Analysis

    if not isinstance(run, Analysis | MenuAnalysis):
        raise DataError(f"compare takes results and paths, and not a {type(run).__name__}")
    folder = getattr(run, "folder", None)
    return (folder.name if folder else run.provenance.source), run


def typed(scenario: Scenario | str | Path) -> str | None:
    """What to type for it on the command line; None for a scenario made in Python."""
    return str(scenario) if isinstance(scenario, str | Path) else None


def whole_seed(given: int | None) -> int | None:
    """The seed as Python's own integer.

    Raises:
        DataError: it is no whole number, negative or too large.
    """
    if given is None:
        return None
    try:
        seed = -1 if isinstance(given, bool) else index(given)
    except TypeError:
        seed = -1
    if not 0 <= seed < 2**63:
        from ...model.validation import shorten

        raise DataError(f"seed is {shorten(given)}; it must be a whole number from 0 to {2**63 - 1}")
    return seed
