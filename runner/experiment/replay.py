"""The replay of a run's folder, and its figure."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from ...analysis.replay.replay import Replay, Watch, distribution_of, replay_trials
from ...analysis.report.figures.waiting import Kind, WaitingCurve, waiting_figure
from ...model.errors import DataError
from .folder import RunFolder

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def replay_run(folder: RunFolder, pairs: int | None, seed: int | None, watch: Watch) -> Replay:
    """Replay the trials of a run; arguments as in `replay_trials`, without a seed a fresh one.

    Raises:
        DataError: a pair of types has no recorded outcome, or the trials are not those of the plan.
    """
    scenario, plan = folder.scenario(), folder.plan()
    workload = scenario.workload()
    plan.check(scenario.content_hash(), workload.shape)
    trials = folder.trials(workload.shape)
    seed = secrets.randbits(63) if seed is None else seed
    try:
        return replay_trials(scenario.title, workload, trials, plan.sampling(trials), pairs, seed, watch)
    except DataError as error:
        raise DataError(f"{folder.path}: {error}") from None


def replay_figure(replay: Replay) -> Figure:
    """The distributions of waiting times under the three routings."""
    routings: tuple[tuple[Kind, str], ...] = (
        ("observed", "replayed trials"),
        ("classical", "best classical at equal throughput"),
        ("communication", "best with communication"),
    )
    curves = [
        WaitingCurve.simulated(*routing, result.waiting_time.estimate, distribution_of(result))
        for routing, result in zip(routings, replay.comparison.results, strict=True)
    ]
    return waiting_figure(curves, replay.title)
