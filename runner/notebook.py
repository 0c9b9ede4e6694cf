"""The experiment in five lines of Python: load a scenario, look at its frontiers, run, analyze, plot.

>>> from bellqueue.runner import Scenario, frontiers, run, analyze, plot
>>> result = run("default", backend="aer:visibility=0.95", shots=5000, seed=1)
>>> result.certified
True
>>> plot(result)  # in a notebook this is the picture; plot(result).savefig("frontier.png") writes it
<ShownFigure size 460x760 with 2 Axes>
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..analysis.records.analysis_record import Analysis
from ..analysis.records.counts_file import SCHEMA, sample_of
from ..analysis.records.frontier_record import FrontierRecord, every_classical_record, frontier_record
from ..backends import RemoteBackend, open_backend
from ..model.errors import BackendError, DataError
from ..model.games.operating_point import Frontiers
from ..model.scenario.file import Scenario
from .commands.told_progress import Tell, shown_progress
from .experiment.execution import analyse_data, execute
from .experiment.pipeline import analyse_foreign
from .experiment.results import FrontierResult, Result
from .scenarios import named_scenario

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GIVEN = "counts given in Python"  # what a record says of counts that have no file


def frontiers(scenario: Scenario | str | Path, *, progress: bool | Tell = True) -> FrontierResult:
    """The frontiers of a scenario: classical, quantum, with communication, and the bound on every classical router.

    Args:
        scenario: A scenario, its file, or "default".
        progress: Whether to show how far it is, or a function that is told (what, done, total).

    Raises:
        ScenarioError: the scenario is wrong, or interruptions cost its baseline nothing.

    >>> light = frontiers("default")
    >>> light
    <Frontiers of 'Light traffic, costly interruptions': load 0.05,
     entanglement waits up to 15.0 % less, at splitting probability 0.6695>
    >>> [round(point.waiting_time, 4) for point in light.classical]
    [1.4368, 0.752, 0.1211]
    """
    asked = _scenario(scenario)
    with shown_progress(progress) as shown:
        shown.add_task("solving the game along the frontiers", total=None)
        solved = Frontiers.of(asked)
        shown.add_task("bounding every classical router", total=None)
        return FrontierResult.of(frontier_record(asked.title, solved, every_classical_record(solved.workload)))


def run(
    scenario: Scenario | str | Path,
    backend: str = "aer",
    shots: int | None = None,
    seed: int | None = None,
    out: str | Path | None = None,
    progress: bool | Tell = True,
) -> Result:
    """Run the experiment on a simulator in this process and certify whether the advantage was observed.

    Args:
        scenario: A scenario, its file, or "default".
        backend: Where to measure: "aer", "aer:visibility=0.95", "fake:torino", "braket-local", …
        shots: Trials, instead of the scenario's.
        seed: Of settings and simulator; without it a fresh one, which the result's provenance holds.
        out: Folder for the run, which must not exist yet; without it nothing is written.
        progress: Whether to show how far it is, or a function that is told (what, done, total).

    Raises:
        ScenarioError: the scenario, or the number of shots, is wrong.
        BackendError: the backend is unknown or wrong, or is hardware: `bellqueue submit` takes it there.
        OutputError: there is something at `out` already, or it cannot be written.

    >>> result = run("default", backend="aer:visibility=0.95", shots=5000, seed=1)
    >>> result.certified, result.provenance.seed, len(result.trials)
    (True, 1, 5000)
    >>> result.observed.waiting_time.estimate < result.classical.waiting_time_at_equal_throughput.estimate
    True
    >>> run("default", backend="ibm:fez")  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    BackendError: ibm:fez may cost money and its jobs outlive this process; use: bellqueue submit --backend ibm:fez
    """
    asked = _scenario(scenario).with_experiment(shots=shots)
    opened = open_backend(backend)
    if isinstance(opened, RemoteBackend):
        raise BackendError(
            f"{backend} may cost money and its jobs outlive this process; use: bellqueue submit --backend {backend}, "
            "and analyze the folder that `bellqueue fetch` writes"
        )
    source = None if isinstance(scenario, Scenario) else str(scenario)
    place = Path(out) if out is not None else None
    with shown_progress(progress) as shown:
        done = execute(asked, source, opened, _seed(seed), lambda _: place, shown)
    return Result.of(done.analysis, done.trials, done.folder)


def analyze(
    data: str | Path | Mapping[str, Any] | ArrayLike,
    scenario: Scenario | str | Path | None = None,
    *,
    progress: bool | Tell = True,
) -> Result:
    """Analyse counts or trials taken elsewhere, or a run again.

    Bare counts say nothing of a plan: their settings count as fixed, and the p-value pays for trying every multiplier
    (the union bound over the edges of the classical frontier).

    Args:
        data: Path of a counts JSON, a trials CSV or a run's folder; or counts[x][y][a][b], nested or as an array; or
            the content of a counts file as a dict, which may also declare types, settings and their distribution.
        scenario: What the data belong to: a scenario, its file, or "default". A run's folder brings its own.
        progress: Whether to show how far it is, or a function that is told (what, done, total).

    Raises:
        DataError: the data cannot be read as such, do not belong to the scenario, or none was named.

    Sixteen counts of a Bell test on qubits 19 and 20 of ibm_hanoi (published with arXiv:2503.18949):

    >>> counts = [[[[20166, 3666], [3609, 20159]], [[3294, 17323], [17337, 3246]]],
    ...           [[[3800, 20559], [20530, 3711]], [[3244, 18105], [18115, 3136]]]]
    >>> analyze(counts, "default")
    <Result CERTIFIED: waiting time 0.4978 against 0.5666 classical at equal throughput (-12.1 %),
     log10 p = -1100, 180000 trials>
    """
    asked = None if scenario is None else _scenario(scenario)
    path = Path(data) if isinstance(data, str | Path) else None
    if asked is None and (path is None or not path.is_dir()):
        raise DataError("name the scenario that the data belong to: analyze(data, scenario), or 'default'")
    with shown_progress(progress) as shown:
        if path is not None:
            return Result.of(analyse_data(path, asked, shown))
        assert asked is not None  # refused above
        workload = asked.workload()
        sample = sample_of(_content(data), workload)
        shown.add_task("analysing", total=None)
        return Result.of(analyse_foreign(GIVEN, sample, asked))


def plot(shown: Analysis | FrontierRecord) -> Figure:
    """The frontiers, and where something was observed the observed point with its confidence region.

    Args:
        shown: What `frontiers`, `run` or `analyze` returned.

    Raises:
        DataError: it is something else.

    >>> plot(frontiers("default"))
    <ShownFigure size 460x760 with 2 Axes>
    """
    from ..analysis.report.figures.frontiers import frontier_figure

    if isinstance(shown, Analysis):
        return frontier_figure(shown.frontiers, shown)
    if isinstance(shown, FrontierRecord):
        return frontier_figure(shown)
    raise DataError(f"plot shows what frontiers, run or analyze returned, and not a {type(shown).__name__}")


def _scenario(given: Scenario | str | Path) -> Scenario:
    return given if isinstance(given, Scenario) else named_scenario(given)


def _seed(given: int | None) -> int | None:
    if given is None:
        return None
    try:
        seed = index(given)
    except TypeError:
        seed = -1
    if not 0 <= seed < 2**63:
        raise DataError(f"seed is {given!r}; it must be a whole number from 0 to {2**63 - 1}")
    return seed


def _content(data: Any) -> dict[str, Any]:
    """The content of a counts file: the mapping itself, or with nothing declared but the counts."""
    if isinstance(data, Mapping):
        return {"schema": SCHEMA, **data}
    return {"schema": SCHEMA, "counts": data.tolist() if isinstance(data, np.ndarray) else data}
