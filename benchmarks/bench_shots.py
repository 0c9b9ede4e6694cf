"""Trials until certified: the designed experiment against even settings with Hoeffding's bound."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from bellqueue.analysis.certificate.bets import score_bet
from bellqueue.analysis.certificate.scores import unit_weights
from bellqueue.analysis.certificate.tails import log_binomial_tail
from bellqueue.analysis.design.design import Design, evaluate_design
from bellqueue.model.errors import ScenarioError
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.scenario.file import Scenario

from ._measure import Claim, DisagreementError, Say, Section, Table
from ._trials import POWER, Floats, Plan, types_of, werner

SIGNIFICANCE = 1e-3
VISIBILITIES = (1.0, 0.95, 0.9, 0.87)
APART = 5.0  # standard errors within which a simulated power is the one computed
SLACK = 0.01  # of the normal approximation to the power of the Hoeffding bound


def scenarios() -> dict[str, Frontiers]:
    """Light traffic, heavy traffic, and routers that see the size in one of eight classes."""
    light = Scenario.default().record()
    heavy, sizes = Scenario.default().record(), Scenario.default().record()
    heavy["traffic"] = {"pair_rate": 0.2, "type": types_of({1.0: 0.5, 8.0: 0.5})}
    heavy["baseline"] = {"reward": {"kind": "power", "exponent": 2.0}}
    sizes["traffic"] = {
        "pair_rate": 0.02,
        "sizes": {"distribution": "lognormal", "mean": 2.5, "scv": 2.0, "bins": 8},
    }
    records = {"default": light, "heavy traffic": heavy, "8 size classes": sizes}
    return {name: Frontiers(Scenario.parse(record).workload()) for name, record in records.items()}


@dataclass(frozen=True, eq=False)
class Experiment:
    """An experiment whose chance to certify can be drawn.

    Attributes:
        trials: N.
        distribution: r, shape (n_A, n_B).
        correlators: Correlators of the noisy device, same shape.
        gains: What a trial adds to the sum tested where a=b, and where a≠b, shape (n_A, n_B, 2).
        log_p_value: ln p from the sum over all trials.
        power: The chance to certify, as computed.
    """

    trials: int
    distribution: Floats
    correlators: Floats
    gains: Floats
    log_p_value: Callable[[float], float]
    power: float

    def simulated_power(self, runs: int, rng: np.random.Generator) -> float:
        """The share of runs that certify, their trials drawn.

        Raises:
            DisagreementError: it is not the power computed.
        """
        asked = rng.multinomial(self.trials, self.distribution.ravel(), size=runs)
        equal = rng.binomial(asked, (1 + self.correlators.ravel()) / 2)
        totals = equal @ self.gains[..., 0].ravel() + (asked - equal) @ self.gains[..., 1].ravel()
        certified = [self.log_p_value(total) <= math.log(SIGNIFICANCE) for total in totals.tolist()]
        share = float(np.mean(certified))
        error = math.sqrt(self.power * (1 - self.power) / runs)
        if abs(share - self.power) > APART * error + SLACK:
            raise DisagreementError(f"power {share:.3f} simulated, {self.power:.3f} computed, of {self.trials} trials")
        return share


def hoeffding(trials: int, total: float, null_mean: float) -> float:
    """ln p = −2N(ΣU/N − ω)², the bound that most people reach for."""
    return -2 * trials * max(total / trials - null_mean, 0.0) ** 2


def designed(frontiers: Frontiers, visibility: float) -> tuple[Design, Experiment]:
    """The design that certifies soonest, and the experiment it makes."""
    plan = Plan.best(frontiers, visibility, SIGNIFICANCE)
    design, game, r, correlators = plan.design, plan.game, plan.distribution, plan.correlators
    assert design.predicted_power is not None  # it certifies
    if design.method == "exact binomial":
        gains = scores(game.matrix, r)

        def log_p_value(total: float) -> float:
            return log_binomial_tail(plan.trials, round(total), design.classical_score_rate)
    else:
        gains = np.log(score_bet(game.matrix, game.bound("memoryless").high, correlators, r).factors)

        def log_p_value(total: float) -> float:
            return -total

    return design, Experiment(plan.trials, r, correlators, gains, log_p_value, design.predicted_power)


def even(frontiers: Frontiers, visibility: float) -> tuple[Design, Experiment | None]:
    """Even settings at the noiseless optimum's multiplier; the experiment by Hoeffding's bound, None if it never will.

    N solves (q−ω)·√N = √(ln(1/α)/2) + z·σ, z the normal quantile of the power.
    """
    p = frontiers.largest_advantage().splitting_probability
    multiplier = frontiers.one_pair.multiplier_at(p)
    correlators = werner(frontiers, visibility)(multiplier)
    occurring = frontiers.workload.joint > 0
    edge = frontiers.game(frontiers.classical_multiplier(p, multiplier))
    design = evaluate_design(edge, correlators, occurring / occurring.sum(), SIGNIFICANCE, POWER, multiplier)
    game, r = frontiers.game(design.certificate_multiplier), np.array(design.input_distribution)
    gains, null_mean = scores(game.matrix, r), design.classical_score_rate
    chances = r[..., None] * np.stack([1 + correlators, 1 - correlators], axis=2) / 2
    mean = float((chances * gains).sum())
    if mean <= null_mean:
        return design, None
    deviation = math.sqrt(float((chances * (gains - mean) ** 2).sum()))
    reach = math.sqrt(-math.log(SIGNIFICANCE) / 2) + NormalDist().inv_cdf(POWER) * deviation
    trials = math.ceil((reach / (mean - null_mean)) ** 2)
    return design, Experiment(trials, r, correlators, gains, lambda total: hoeffding(trials, total, null_mean), POWER)


def scores(game: Floats, distribution: Floats) -> Floats:
    """U of a trial where a=b, and where a≠b, shape (n_A, n_B, 2)."""
    unit, _ = unit_weights(game, distribution)
    return np.stack([1 + unit, 1 - unit], axis=2) / 2


def compare(name: str, frontiers: Frontiers, runs: int, say: Say) -> Iterator[tuple[tuple[str, ...], float, float]]:
    """For each visibility a row, ours over the information limit, and Hoeffding's trials over ours."""
    for visibility in VISIBILITIES:
        say(f"{name}, visibility {visibility:g}")
        rng = np.random.default_rng([len(name), round(1000 * visibility)])
        try:
            design, ours = designed(frontiers, visibility)
        except ScenarioError:
            yield (name, f"{visibility:g}", "none", "–", "–", "–", "–"), math.nan, math.nan
            continue
        assert design.information_limit_trials is not None  # it certifies
        limit = ours.trials / design.information_limit_trials
        power = ours.simulated_power(runs, rng)
        plain, other = even(frontiers, visibility)
        ratio = other.trials / ours.trials if other else math.inf
        if other:
            other.simulated_power(runs, rng)
        yield (
            (
                name,
                f"{visibility:g}",
                str(ours.trials),
                f"{limit:.2f}×",
                f"{plain.trials / ours.trials:.1f}×" if plain.trials else "never",
                f"{ratio:.1f}×" if other else "never",
                f"{100 * power:.1f} %",
            ),
            limit,
            ratio,
        )


def run(full: bool, say: Say) -> Section:
    """Every scenario at every visibility; nothing here is a time."""
    found = [
        row for name, frontiers in scenarios().items() for row in compare(name, frontiers, 4000 if full else 1000, say)
    ]
    headings = (
        "scenario",
        "visibility",
        "bellqueue's trials",
        "over ln(1/α)/KL",
        "even settings, betting",
        "even settings, Hoeffding",
        "power in simulated runs",
    )
    title = f"Trials for a power of {POWER:g} at α = {SIGNIFICANCE:g}, and how many times as many others need"
    limits = [limit for _, limit, _ in found if not math.isnan(limit)]
    ratios = [ratio for _, _, ratio in found if not math.isnan(ratio)]
    finite = [ratio for ratio in ratios if math.isfinite(ratio)]
    claims = [
        Claim(
            "fewer trials than even settings with Hoeffding's bound, wherever anything certifies",
            f"{min(finite):.1f} to {max(finite):.1f} times fewer where Hoeffding's bound ever certifies "
            f"({len(finite)} of {len(ratios)} cases)",
            min(ratios) > 1,
        ),
        Claim(
            f"at most 2.5 times ln(1/α)/KL for a power of {POWER:g}",
            f"{min(limits):.2f} to {max(limits):.2f} times",
            max(limits) <= 2.5,
        ),
    ]
    text = (
        "`best_design` chooses multiplier, strategy and settings for the noise predicted, and with them the exact "
        "binomial tail where it holds. Beside it stand the design of somebody who draws all settings evenly at the "
        "noiseless optimum, by betting or with Hoeffding's bound, and the information limit ln(1/α)/KL. "
        "Werner states."
    )
    return Section("Shots to certify", text, [Table(title, headings, [row for row, _, _ in found])], claims, ("scipy",))
