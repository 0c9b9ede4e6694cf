"""Measuring in rounds, each decided upon after the last: how a run that may stop early goes on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...analysis.certificate.confidence_sequence import Reduction, reduction_limits
from ...analysis.certificate.martingale import RunningMartingale, trial_scores
from ...analysis.certificate.scores import BoundedSum, Sample
from ...analysis.certificate.stopping import Decision, FixedNumber, Progress, StoppingRule, WhenCertified, rounds
from ...model.games.operating_point import Frontiers
from ...model.trials import Sampling, Trials

Integers = NDArray[np.int64]

FIRST_ROUND = 200  # trials; fewer hardly ever certify anything
GROWTH = 1.5  # of a round over the last: the trials beyond the moment of certainty are at most a third of all
JOB_GROWTH = 2.0  # where a round is a job, queues cost more than trials
LEAST_PER_JOB = 1000  # trials of the first round where a round is a job, which costs by itself


@dataclass(frozen=True)
class Standing:
    """Where a run is between two rounds.

    Attributes:
        trials: N so far, lost ones included.
        budget: The most that may be taken.
        log10_p_value: Valid however often one looks.
        reduction: Waiting-time reduction so far, its limits valid at all times together.
        decision: What the rule says.
    """

    trials: int
    budget: int
    log10_p_value: float
    reduction: Reduction
    decision: Decision

    def line(self) -> str:
        """For people who watch."""
        relative = self.reduction.waiting_time_reduction_relative
        return (
            f"{self.trials} of at most {self.budget} trials: log10 p {self.log10_p_value:.2f}, waiting reduced by "
            f"{100 * relative.estimate:.1f} % ({100 * relative.low:.1f} … {100 * relative.high:.1f} %)"
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
        rule: StoppingRule,
    ) -> None:
        """Begin.

        Args:
            frontiers: The scenario's frontiers.
            sampling: Fresh settings with their declared distribution.
            multiplier: μ of the certificate.
            significance: α.
            budget: The most trials that may be taken.
            rule: Decides after every round.
        """
        assert sampling.distribution is not None  # fresh settings have one
        self._frontiers, self._sampling = frontiers, sampling
        self._multiplier, self._significance, self._budget, self._rule = multiplier, significance, budget, rule
        self._game = frontiers.game(multiplier)
        self._trials: Trials | None = None
        self._lost: Integers | None = None
        self._total = 0.0
        self._bound = 1.0
        self._martingale: RunningMartingale | None = None

    def add(self, trials: Trials, lost: Integers | None = None) -> Standing:
        """Take in the next round's trials, and decide.

        Args:
            trials: Those that brought outcomes.
            lost: Those that brought none, shape (n_A, n_B); they count as losses.
        """
        assert self._sampling.distribution is not None
        self._trials = trials if self._trials is None else self._trials + trials
        if lost is not None:
            self._lost = lost if self._lost is None else self._lost + lost
        sample = Sample(self._trials.counts(), replace(self._sampling, lost=self._lost))
        if self._martingale is None:
            bound = BoundedSum.of(self._game.matrix, sample).mean(self._game.bound("memoryless").high)
            self._bound = min(1.0, bound * (1 + 1e-13))
            self._martingale = RunningMartingale(self._bound)
        scores = trial_scores(self._game.matrix, self._sampling.distribution, trials)
        self._martingale.update(scores, 0 if lost is None else int(lost.sum()))
        self._total += float(scores.sum())
        reduction = reduction_limits(self._frontiers, sample, self._multiplier, self._significance)
        log_p = self._martingale.log_p_value
        # Whoever stops wants the lower limit above 0, too; it looks at the stakes now, p at their best moment.
        settled = log_p if reduction.excess.low > 0 else 0.0
        count = sample.trials
        relative = reduction.waiting_time_reduction_relative
        progress = Progress(count, self._budget, settled, self._total, self._bound, relative.high - relative.low)
        decision = self._rule.decide(progress)
        return Standing(count, self._budget, log_p / math.log(10), reduction, decision)

    @property
    def trials(self) -> Trials:
        """All so far."""
        assert self._trials is not None  # asked for after a round
        return self._trials


def rule_for(stop: str | None, significance: float) -> StoppingRule:
    """The rule that a scenario's `stop` names."""
    return WhenCertified(significance) if stop == "certified" else FixedNumber()


def job_rounds(budget: int, parallel: int) -> tuple[range, ...]:
    """Rounds where each is a job that waits in a queue: few, each twice the last, in whole shots of k trials."""
    shots = budget // parallel
    first = min(max(LEAST_PER_JOB // parallel, 1), shots)
    return tuple(range(each.start * parallel, each.stop * parallel) for each in rounds(shots, first, JOB_GROWTH))


def measure_in_rounds(
    state: Rounds, budget: int, seed: int, measure: Callable[[range, int], Trials], watch: Callable[[Standing], None]
) -> Trials:
    """Measure round after round on a backend in this process, until the rule says enough.

    Args:
        state: The test.
        budget: The most trials.
        seed: Of the simulator; each round gets one of its own.
        measure: Measures a range of the plan's trials with a seed.
        watch: Gets where things stand after every round.
    """
    for number, trials in enumerate(rounds(budget, min(FIRST_ROUND, budget), GROWTH)):
        standing = state.add(measure(trials, int(np.random.SeedSequence([seed, 2, number]).generate_state(1)[0])))
        watch(standing)
        if standing.decision.stop:
            break
    return state.trials
