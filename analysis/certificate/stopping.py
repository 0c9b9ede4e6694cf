"""A run that may stop early: its rounds, and where it stands after each of them.

One may look as often as one likes, because what is looked at holds at every moment at once: the p-value of the test
martingale and the limits that invert it. The p-value for a fixed number of trials holds only if that number was fixed:
after an early stop it must not be quoted.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...model.estimate import Estimate, rounded
from ...model.games.frontiers import Frontiers
from ...model.games.routing_game import Against
from ...model.trials import Sampling, Trials
from .bets import RunningBets, bettor_against
from .certificate import first_guess
from .estimates import score_excess
from .region import ConfidenceRegion
from .samples import Sample

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FIRST_ROUND = 200  # trials; fewer hardly ever certify anything
JOB_GROWTH = 2.0  # of a round over the last where each is a job: queues cost more than trials
LEAST_PER_JOB = 1000  # trials of the first round where a round is a job, which costs by itself


@dataclass(frozen=True)
class Standing:
    """Where a run is between two rounds.

    Attributes:
        trials: N so far, lost ones included.
        budget: The most that may be taken.
        log10_p_value: Valid however often one looks.
        waiting_time_reduction, waiting_time_reduction_relative: So far, their limits valid at all times together.
        certified: Whether p is at most α, and the one-sided lower limit of Δ above 0.
    """

    trials: int
    budget: int
    log10_p_value: float
    waiting_time_reduction: Estimate
    waiting_time_reduction_relative: Estimate
    certified: bool

    @property
    def stop(self) -> bool:
        """Whether to take no further trials: it is certified, or the budget is used."""
        return self.certified or self.trials >= self.budget

    @property
    def reason(self) -> str:
        """Why to stop, in a few words."""
        return "certified" if self.certified else f"the budget of {self.budget} trials is used"

    def line(self) -> str:
        """For people who watch."""
        relative = self.waiting_time_reduction_relative
        return (
            f"{self.trials} of at most {self.budget} trials: log10 p {self.log10_p_value:.2f}, waiting reduced by "
            f"{rounded(relative.estimate, 1, percent=True)} % ({rounded(relative.low, 1, 'down', percent=True)} … "
            f"{rounded(relative.high, 1, 'up', percent=True)} %)"
        )


class Rounds:
    """The test carried on from round to round; what it says depends on nothing but the trials so far and the plan."""

    def __init__(
        self,
        frontiers: Frontiers,
        sampling: Sampling,
        multiplier: float,
        significance: float,
        budget: int,
        against: Against = "memoryless",
        expected: Floats | None = None,
    ) -> None:
        """Begin.

        Args:
            frontiers: The scenario's frontiers.
            sampling: Fresh settings with their declared distribution.
            multiplier: μ of the certificate.
            significance: α.
            budget: The most trials that may be taken.
            against: The class of classical routers to be certified against.
            expected: Correlators expected before the data, shape (n_A, n_B); as in `certify`.
        """
        self._against = against
        self._frontiers, self._sampling = frontiers, replace(sampling, stopped=True)
        self._multiplier, self._significance, self._budget = multiplier, significance, budget
        self._trials: Trials | None = None
        self._lost: Integers | None = None
        game = frontiers.game(multiplier)
        assert sampling.distribution is not None  # fresh settings have one
        bettor = bettor_against(game, against)[0]
        self._bets = RunningBets(bettor, first_guess(game, expected), sampling.distribution)

    def add(self, trials: Trials, lost: Integers | None = None) -> Standing:
        """Take in the next round's trials.

        Args:
            trials: Trials with an outcome.
            lost: Numbers of trials without one, shape (n_A, n_B); they count as losses.
        """
        self._trials = trials if self._trials is None else self._trials + trials
        if lost is not None:
            self._lost = lost if self._lost is None else self._lost + lost
        sample = Sample(self._trials.counts(), replace(self._sampling, lost=self._lost))
        game = self._frontiers.game(self._multiplier)
        self._bets.update(trials, lost)
        log_p = self._bets.log_p_value
        region = ConfidenceRegion.of(
            self._frontiers, sample, self._multiplier, self._significance, against=self._against
        )
        reduction, relative = region.reduction()
        certain = score_excess(game, sample, math.log(self._significance), self._against).low
        return Standing(
            sample.trials,
            self._budget,
            log_p / math.log(10),
            reduction,
            relative,
            # Stopping also asks for a lower limit above 0: it looks at the stakes now, p at their best moment.
            certified=log_p <= math.log(self._significance) and certain > 0,
        )

    @property
    def trials(self) -> Trials:
        """All so far."""
        assert self._trials is not None  # asked for after a round
        return self._trials


def rounds(budget: int, first: int, growth: float = 1.5) -> tuple[range, ...]:
    """Consecutive ranges of trials, each `growth` times longer than the one before; the last ends at the budget.

    Geometric rounds need few jobs, and a run that could have stopped inside a round takes at most about growth−1 times
    as many trials too many. What is left at the end joins the last round if it is less than half as long as that.

    Args:
        budget: All trials, ≥ 1.
        first: Trials of the first round, ≥ 1.
        growth: Growth of a round over the last, at least 1, which makes even rounds.
    """
    found: list[range] = []
    start, length = 0, float(first)
    while start < budget:
        stop = min(start + round(length), budget)
        if budget - stop < (stop - start) / 2:
            stop = budget
        found.append(range(start, stop))
        start, length = stop, min(length * growth, float(budget))
    return tuple(found)


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
        seed: Seed of the simulator; each round gets one of its own.
        measure: Measures a range of the plan's trials with a seed.
        watch: Gets where things stand after every round.
    """
    for number, trials in enumerate(rounds(budget, min(FIRST_ROUND, budget))):
        standing = state.add(measure(trials, int(np.random.SeedSequence([seed, 2, number]).generate_state(1)[0])))
        watch(standing)
        if standing.stop:
            break
    return state.trials
