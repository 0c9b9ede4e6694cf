"""Trials until certified: a run that stops when the test martingale says so, against the plan's fixed number."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from bellqueue.analysis.certificate.martingale import log_wealth
from bellqueue.analysis.certificate.stopping import FIRST_ROUND, job_rounds, rounds
from bellqueue.analysis.design.design import best_design
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.scenario.file import Scenario
from numpy.typing import NDArray

from ._measure import Claim, Say, Section, Table

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

POWER = 0.95
BUDGET = 5  # times the fixed number: enough that all but very few runs end certified
VISIBILITIES = (0.95, 0.90)
SIGNIFICANCES = (1e-3, 1e-6)
LOOKS = ("after every trial", "at the end of a round", "at the end of a job")


@dataclass(frozen=True)
class Task:
    """What is to be certified.

    Attributes:
        significance: α.
        fixed: N of the plan that certifies with probability POWER.
        score_rate: Mean of U on the noisy state; U is 0 or 1.
        bound: ω, its largest mean under the null.
    """

    significance: float
    fixed: int
    score_rate: float
    bound: float

    @classmethod
    def of(cls, frontiers: Frontiers, visibility: float, significance: float) -> Task:
        """The best design for a Werner state."""

        def predicted(multiplier: float) -> Floats:
            return np.asarray(visibility * frontiers.one_pair.at_multiplier(multiplier).correlators)

        design = best_design(frontiers, predicted, significance, POWER)
        if design.trials is None or design.method != "exact binomial":
            raise SystemExit(f"visibility {visibility}: no design whose scores are 0 or 1; choose another")
        game = frontiers.game(design.certificate_multiplier)
        bound = (1 + game.bound("memoryless").high / float(np.abs(game.matrix).sum())) / 2
        return cls(significance, design.trials, design.predicted_score_rate, bound)

    def stops(self, runs: int, rng: np.random.Generator) -> Integers:
        """Trials taken by each run, shape (len(LOOKS), runs); the budget where it was not certified."""
        budget = BUDGET * self.fixed
        ends = [
            np.arange(1, budget + 1),
            np.array([part.stop for part in rounds(budget, min(FIRST_ROUND, budget))]),
            np.array([part.stop for part in job_rounds(budget, 1)]),
        ]
        taken = np.empty((len(ends), runs), dtype=np.int64)
        for run in range(runs):
            scores = (rng.random(budget) < self.score_rate).astype(float)
            # Now, not ever: a run stops once its lower limit is above 0, which it is where the stake is.
            certain = log_wealth(scores, self.bound) >= -math.log(self.significance)
            for look, end in enumerate(ends):
                reached = certain[end - 1]
                taken[look, run] = end[reached.argmax()] if reached.any() else budget
        return taken


def run(full: bool, say: Say) -> Section:
    """Simulated runs of the default scenario with Werner states."""
    runs = 500 if full else 100
    frontiers = Frontiers(Scenario.default().workload())
    rows, medians = [], []
    for visibility in VISIBILITIES:
        for significance in SIGNIFICANCES:
            say(f"visibility {visibility:g}, α = {significance:g}")
            task = Task.of(frontiers, visibility, significance)
            taken = task.stops(runs, np.random.default_rng([1, task.fixed]))
            medians.append(float(np.median(taken[0]) / task.fixed))
            for look, stops in zip(LOOKS, taken, strict=True):
                found = np.median(stops), stops.mean(), np.quantile(stops, POWER)
                ratios = [f"{value / task.fixed:.2f}×" for value in found]
                sooner = f"{100 * np.mean(stops < task.fixed):.0f} %"
                rows.append((f"{visibility:g}", f"{significance:g}", str(task.fixed), look, *ratios, sooner))
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
