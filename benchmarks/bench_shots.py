"""Trials until certified: the designed experiment against even settings with Hoeffding's bound."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from bellqueue.analysis.certificate.scores import unit_weights
from bellqueue.analysis.certificate.tails import log_binomial_tail, log_chernoff_tail
from bellqueue.analysis.design.design import Design, best_design, evaluate_design
from bellqueue.analysis.design.power import ScoreLaw
from bellqueue.model.errors import ScenarioError
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.scenario.file import Scenario
from numpy.typing import NDArray

from ._measure import Claim, DisagreementError, Say, Section, Table

Floats = NDArray[np.float64]

POWER, SIGNIFICANCE = 0.95, 1e-3
VISIBILITIES = (1.0, 0.95, 0.9, 0.87)
APART = 5.0  # standard errors within which a simulated power is the one computed
SLACK = 0.01  # of the normal approximation to the power of the Hoeffding bound


def scenarios() -> dict[str, Frontiers]:
    """Light traffic, heavy traffic, and routers that see the size in one of eight classes."""
    light = Scenario.default().record()
    heavy, sizes = Scenario.default().record(), Scenario.default().record()
    heavy["traffic"] = {
        "pair_rate": 0.2,
        "type": [
            {"name": name, "probability": 0.5, "service": {"distribution": "deterministic", "mean": mean}}
            for name, mean in (("short", 1.0), ("long", 8.0))
        ],
    }
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
        game: G, shape (n_A, n_B).
        distribution: r.
        correlators: Of the noisy device.
        log_p_value: From N, ΣU and ω.
        null_mean: ω.
        power: Computed.
    """

    trials: int
    game: Floats
    distribution: Floats
    correlators: Floats
    log_p_value: Callable[[int, float, float], float]
    null_mean: float
    power: float

    def simulated_power(self, runs: int, rng: np.random.Generator) -> float:
        """The share of runs that certify, their trials drawn.

        Raises:
            DisagreementError: it is not the power computed.
        """
        unit, _ = unit_weights(self.game, self.distribution)
        asked = rng.multinomial(self.trials, self.distribution.ravel(), size=runs)
        equal = rng.binomial(asked, (1 + self.correlators.ravel()) / 2)
        totals = (equal * (1 + unit.ravel()) + (asked - equal) * (1 - unit.ravel())).sum(axis=1) / 2
        certified = [
            self.log_p_value(self.trials, total, self.null_mean) <= math.log(SIGNIFICANCE) for total in totals.tolist()
        ]
        share = float(np.mean(certified))
        error = math.sqrt(self.power * (1 - self.power) / runs)
        if abs(share - self.power) > APART * error + SLACK:
            raise DisagreementError(f"power {share:.3f} simulated, {self.power:.3f} computed, of {self.trials} trials")
        return share


def hoeffding(trials: int, total: float, null_mean: float) -> float:
    """ln p = −2N(ΣU/N − ω)², the bound that most people reach for."""
    return -2 * trials * max(total / trials - null_mean, 0.0) ** 2


def binomial(trials: int, total: float, null_mean: float) -> float:
    """ln P[Bin(N, ω) ≥ ΣU]."""
    return log_binomial_tail(trials, round(total), null_mean)


def designed(frontiers: Frontiers, visibility: float) -> tuple[Design, Experiment]:
    """The design that certifies soonest, and the experiment it makes."""
    design = best_design(frontiers, noisy(frontiers, visibility), SIGNIFICANCE, POWER)
    assert design.trials is not None  # best_design raises where there is none
    assert design.predicted_power is not None
    tail = binomial if design.method == "exact binomial" else log_chernoff_tail
    return design, _experiment(frontiers, design, visibility, design.trials, tail, design.predicted_power)


def even(frontiers: Frontiers, visibility: float) -> tuple[Design, Experiment | None]:
    """Even settings at the noiseless optimum's multiplier; the experiment by Hoeffding's bound, None if it never will.

    N solves (q−ω)·√N = √(ln(1/α)/2) + z·σ, z the normal quantile of the power.
    """
    p = frontiers.largest_advantage().splitting_probability
    multiplier = frontiers.one_pair.multiplier_at(p)
    correlators = noisy(frontiers, visibility)(multiplier)
    occurring = frontiers.workload.joint > 0
    edge = frontiers.game(frontiers.classical_multiplier(p, multiplier))
    design = evaluate_design(edge, correlators, occurring / occurring.sum(), SIGNIFICANCE, POWER, multiplier)
    game, r = frontiers.game(design.certificate_multiplier), np.array(design.input_distribution)
    law = ScoreLaw.at(game, r, correlators)
    gap = law.mean - law.null_mean
    if gap <= 0:
        return design, None
    reach = math.sqrt(-math.log(SIGNIFICANCE) / 2) + NormalDist().inv_cdf(POWER) * law.standard_deviation
    return design, _experiment(frontiers, design, visibility, math.ceil((reach / gap) ** 2), hoeffding, POWER)


def noisy(frontiers: Frontiers, visibility: float) -> Callable[[float], Floats]:
    """Correlators of a Werner state of that visibility, for the strategy at each multiplier."""
    return lambda at: np.asarray(visibility * frontiers.one_pair.at_multiplier(at).correlators)


def _experiment(
    frontiers: Frontiers,
    design: Design,
    visibility: float,
    trials: int,
    log_p_value: Callable[[int, float, float], float],
    power: float,
) -> Experiment:
    assert design.strategy_multiplier is not None  # the prediction was a function
    return Experiment(
        trials,
        frontiers.game(design.certificate_multiplier).matrix,
        np.array(design.input_distribution),
        noisy(frontiers, visibility)(design.strategy_multiplier),
        log_p_value,
        design.classical_score_rate,
        power,
    )


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
        "even settings, Chernoff–KL",
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
        "noiseless optimum, with the tail that fits or with Hoeffding's bound, and the information limit ln(1/α)/KL. "
        "Werner states."
    )
    return Section("Shots to certify", text, [Table(title, headings, [row for row, _, _ in found])], claims, ("scipy",))
