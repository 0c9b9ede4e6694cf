"""Measuring in rounds, each decided upon after the last: how a run that may stop early goes on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...analysis.certificate.stopping import Rounds, Standing, rounds
from ...model.trials import Trials

FIRST_ROUND = 200  # trials; fewer hardly ever certify anything
JOB_GROWTH = 2.0  # of a round over the last where each is a job: queues cost more than trials
LEAST_PER_JOB = 1000  # trials of the first round where a round is a job, which costs by itself


def job_rounds(budget: int, parallel: int) -> tuple[range, ...]:
    """Rounds where each is a job that waits in a queue: few, each twice the last, in whole shots of k trials."""
    shots = budget // parallel
    first = min(max(LEAST_PER_JOB // parallel, 1), shots)
    return tuple(range(each.start * parallel, each.stop * parallel) for each in rounds(shots, first, JOB_GROWTH))


def measure_in_rounds(
    state: Rounds, budget: int, seed: int, measure: Callable[[range, int], Trials], watch: Callable[[Standing], None]
) -> Trials:
    """Measure round after round on a backend in this process, until a round is certified or the budget used.

    Args:
        state: The test.
        budget: The most trials.
        seed: Of the simulator; each round gets one of its own.
        measure: Measures a range of the plan's trials with a seed.
        watch: Gets where things stand after every round.
    """
    for number, trials in enumerate(rounds(budget, min(FIRST_ROUND, budget))):
        standing = state.add(measure(trials, int(np.random.SeedSequence([seed, 2, number]).generate_state(1)[0])))
        watch(standing)
        if standing.stop:
            break
    return state.trials
