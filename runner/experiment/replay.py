"""The replay of a run's folder."""

from __future__ import annotations

import secrets

from ...analysis.replay.replay import Replay, replay_trials
from ...model.errors import DataError
from ...model.progress import Watch
from .folder import RunFolder


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
