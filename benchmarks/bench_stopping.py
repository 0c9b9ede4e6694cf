"""Trials until certified: a run that stops when its bets say so, against the plan's fixed number."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from bellqueue.analysis.certificate.bets import RunningBets, bettor_against
from bellqueue.analysis.certificate.martingale import log_wealth
from bellqueue.analysis.certificate.stopping import FIRST_ROUND, job_rounds, rounds
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Trials
from numpy.typing import NDArray

from ._measure import Claim, Say, Section, Table
from ._trials import POWER, Plan

Integers = NDArray[np.int64]

BUDGET = 5  # times the fixed number: enough that all but very few runs end certified
VISIBILITIES = (0.95, 0.90)
SIGNIFICANCES = (1e-3, 1e-6)
LOOKS = ("after every trial", "at the end of a round", "at the end of a job")


@dataclass(frozen=True)
class Task:
    """What is to be certified.

    Attributes:
        significance: α.
        plan: The best plan for a Werner state, whose U is 0 or 1; its N is the fixed number.
    """

    significance: float
    plan: Plan

    @classmethod
    def of(cls, frontiers: Frontiers, visibility: float, significance: float) -> Task:
        """The task at a visibility."""
        plan = Plan.best(frontiers, visibility, significance)
        if plan.design.method != "exact binomial":
            raise SystemExit(f"visibility {visibility}: no design whose scores are 0 or 1; choose another")
        return cls(significance, plan)

    def stops(self, runs: int, rng: np.random.Generator) -> Integers:
        """Trials taken by each run, shape (len(LOOKS), runs); the budget where it was not certified."""
        budget = BUDGET * self.plan.trials
        ends = [
            np.arange(1, budget + 1),
            np.array([part.stop for part in rounds(budget, min(FIRST_ROUND, budget))]),
            np.array([part.stop for part in job_rounds(budget, 1)]),
        ]
        taken = np.empty((len(ends), runs), dtype=np.int64)
        for run in range(runs):
            certain = self._certain(budget, rng)
            for look, end in enumerate(ends):
                reached = certain[end - 1]
                taken[look, run] = end[reached.argmax()] if reached.any() else budget
        return taken

    def _certain(self, trials: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        """After which of so many simulated trials a run would stop, shape (trials,)."""
        game, correlators = self.plan.game, self.plan.correlators
        distribution = game.input_distribution
        x, y = np.divmod(rng.choice(distribution.size, trials, p=distribution.ravel()), distribution.shape[1])
        split = (rng.random(trials) < (1 - correlators[x, y]) / 2).astype(np.int64)
        bets = RunningBets(bettor_against(game, "memoryless")[0], correlators, distribution)
        path = bets.update(Trials(x, y, np.zeros_like(split), split, distribution.shape))
        won = (game.matrix[x, y] > 0) == (split == 0)
        bound = (1 + game.bound("memoryless").high / float(np.abs(game.matrix).sum())) / 2
        # The bets count at their best moment; the lower limit is above 0 where its stakes are as high now.
        stakes = np.minimum(np.maximum.accumulate(path), log_wealth(won.astype(float), bound))
        return np.asarray(stakes >= -math.log(self.significance))


def run(full: bool, say: Say) -> Section:
    """Simulated runs of the default scenario with Werner states."""
    runs = 500 if full else 100
    frontiers = Frontiers(Scenario.default().workload())
    rows, medians = [], []
    for visibility in VISIBILITIES:
        for significance in SIGNIFICANCES:
            say(f"visibility {visibility:g}, α = {significance:g}")
            task = Task.of(frontiers, visibility, significance)
            fixed = task.plan.trials
            taken = task.stops(runs, np.random.default_rng([1, fixed]))
            medians.append(float(np.median(taken[0]) / fixed))
            for look, stops in zip(LOOKS, taken, strict=True):
                found = np.median(stops), stops.mean(), np.quantile(stops, POWER)
                ratios = [f"{value / fixed:.2f}×" for value in found]
                sooner = f"{100 * np.mean(stops < fixed):.0f} %"
                rows.append((f"{visibility:g}", f"{significance:g}", str(fixed), look, *ratios, sooner))
    title = (
        f"Trials at the stop over the fixed N that certifies with probability {POWER:g} at a visibility known exactly"
    )
    headings = ("visibility", "α", "fixed N", "looked at", "median", "mean", f"{100 * POWER:g} %", "below N")
    claim = Claim(
        "looked at after every trial, half of the runs stop at four fifths of the fixed number or sooner",
        f"median {min(medians):.2f} to {max(medians):.2f} of it",
        max(medians) <= 0.8,
    )
    text = (
        "`--until-certified` against a plan that knows the device. It does not beat such a plan: it saves where nobody "
        f"knows the visibility and the budget is generous. {runs} simulated runs of the default scenario each."
    )
    return Section("Stopping early", text, [Table(title, headings, rows)], [claim], ("numpy",))
