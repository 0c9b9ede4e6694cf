"""Trials until certified: bets made for the prediction against the fixed mixture of stakes of before, and the plan."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from bellqueue.analysis.certificate.bets import Bet, RunningBets, local_bet, score_bet
from bellqueue.analysis.certificate.martingale import log_wealth
from bellqueue.analysis.certificate.scores import score_table, unit_weights
from bellqueue.analysis.design.information import best_local_settings
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Trials

from ._measure import Claim, Say, Section, Table
from ._trials import POWER, Floats, Plan, types_of

SIGNIFICANCE = 1e-3
MOST = 20_000  # trials of a run
SIZES = (1.0, 2.0, 3.0, 5.0, 8.0)
CASES = [("two types", each) for each in (1.0, 0.9, 0.85)] + [("five types", each) for each in (1.0, 0.95, 0.9)]


def scenarios() -> dict[str, Scenario]:
    """The default scenario at twice its traffic, and five exponential sizes."""
    record = Scenario.default().record()
    record["traffic"]["pair_rate"] = 0.02
    two = Scenario.parse(record)
    record["traffic"]["type"] = types_of(dict.fromkeys(SIZES, 0.2), "exponential")
    return {"two types": two, "five types": Scenario.parse(record)}


def played(correlators: Floats, r: Floats, rng: np.random.Generator) -> Trials:
    """A run with fresh settings and even marginals."""
    x, y = np.divmod(rng.choice(r.size, MOST, p=r.ravel()), r.shape[1])
    a = rng.integers(0, 2, MOST)
    return Trials(x, y, a, a ^ (rng.random(MOST) < (1 - correlators[x, y]) / 2), r.shape)


def run(full: bool, say: Say) -> Section:
    """Simulated runs with Werner states of a visibility that the calibration knew."""
    runs = 400 if full else 60
    rows, sooner = [], []
    frontiers = {name: Frontiers(scenario.workload()) for name, scenario in scenarios().items()}
    for name, visibility in CASES:
        say(f"{name}, visibility {visibility:g}")
        found = _case(frontiers[name], visibility, runs)
        told = [f"{np.median(each):.0f} / {np.quantile(each, POWER):.0f}" for each in found[1:]]
        rows.append((name, f"{visibility:g}", f"{found[0]}", *(each.replace(f"{MOST}", "more") for each in told)))
        sooner.append(float(np.median(found[3]) / np.median(found[1])))
    headings = ("types", "visibility", "fixed N", "before", "bets on the score", "local", "local, settings best for it")
    title = f"Trials to p ≤ {SIGNIFICANCE:g}: median / {POWER:.0%} of the runs (fixed N: {POWER:.0%})"
    claim = Claim(
        "prediction-based ratios refute local hidden variables in at most 0.8 of the trials that the score needed",
        f"median {min(sooner):.2f} to {max(sooner):.2f}",
        max(sooner) <= 0.8,
    )
    text = (
        "Before: the fixed mixture of stakes on the score. Bets on the score also say that it exceeds its bound; those "
        "on all local correlators only that no local hidden variables explain the data, which with many types they do "
        f"far sooner. {runs} runs of at most {MOST} trials, looked at after every one."
    )
    return Section("Trials to certify", text, [Table(title, headings, rows)], [claim], ("numpy",))


def _case(frontiers: Frontiers, visibility: float, runs: int) -> list[Floats]:
    """The plan's number, and the trials taken by each run: before, by score, by ratios, by ratios at best settings."""
    plan = Plan.best(frontiers, visibility, SIGNIFICANCE)
    game, r, q = plan.game, plan.distribution, plan.correlators
    inequality = game.matrix, game.bound("memoryless").high
    best, scale = best_local_settings(q, inequality), unit_weights(game.matrix, r)[1]
    mean = (inequality[1] + scale) / (2 * scale)

    def before(trials: Trials, drawn: Floats) -> Floats:
        values, place = score_table(game.matrix, drawn, trials)
        return log_wealth(values[place], mean)

    def bets(make: Callable[[Floats, Floats], Bet]) -> Callable[[Trials, Floats], Floats]:
        return lambda trials, drawn: RunningBets(make, q, drawn).update(trials)

    tests: list[tuple[Floats, Callable[[Trials, Floats], Floats]]] = [
        (r, before),
        (r, bets(lambda q, r: score_bet(*inequality, q, r))),
        (r, bets(lambda q, r: local_bet(q, r, inequality))),
        (best, bets(lambda q, r: local_bet(q, r, inequality))),
    ]
    rng = np.random.default_rng(1)
    taken = np.empty((len(tests), runs))
    for at in range(runs):
        for row, (drawn, test) in enumerate(tests):
            reached = test(played(q, drawn, rng), drawn) >= -math.log(SIGNIFICANCE)
            taken[row, at] = reached.argmax() + 1 if reached.any() else MOST
    return [np.array(plan.trials), *taken]
