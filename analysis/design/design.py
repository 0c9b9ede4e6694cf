"""Designing an experiment before any data: which multiplier, which settings and how many trials certify soonest.

With r ∝ |G| the certificate gains KL(q‖ω) nats per trial. Two facts carry the search:

- At any multiplier no other r gains more by ΣU. The mean of U depends on r through z = max|G|/r ≥ Σ|G| alone; a larger
  z draws q and ω towards ½ as a binary symmetric channel would, and KL falls (data processing). The variance of Z,
  Σ G²/r − (Σ G c)², is least there as well.
- For fixed correlators the best multiplier is an edge of the classical frontier, a weight w(x,y), or a point where the
  floor of r begins to lift a setting. Between these Σ G c, β_C and z are linear in μ, and z·KL(q‖ω), jointly convex in
  the three, is convex in μ; divided by z > 0 it is quasi-convex, so largest at an end.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from ...model.errors import DataError, ScenarioError
from ...model.games.frontiers import Frontiers
from ...model.games.routing_game import Against, BoundedGame
from ..certificate.scores import Method
from .power import MOST_TRIALS, FixedLaw, ScoreLaw, answers

Floats = NDArray[np.float64]
Prediction = Callable[[float], Floats]

DEFAULT_POWER = 0.95
_INNER = 3  # multipliers tried inside each piece, to find where the floor begins
_WEIGHTS = 64  # weights tried where there are more, evenly by rank; then no multipliers inside the pieces either
_SLOPES = 33  # multipliers tried along a frontier without kinks
_STRATEGIES = 33  # strategy multipliers tried before the best of them are refined
_FINALISTS = 4  # designs whose number of trials is computed exactly


@dataclass(frozen=True)
class Design:
    """An experiment with fresh random settings, and what the prediction says it needs. All fields survive JSON.

    Attributes:
        certificate_multiplier: μ of the certificate.
        against: The class of classical routers that the certificate compares with.
        strategy_multiplier: μ of the strategy to be measured; None where the prediction was for one strategy only.
        input_distribution: r(x,y), rows router A.
        significance: α.
        power: The least probability of certifying asked for.
        method: The tail that the certificate will use.
        predicted_score_rate: q, the mean of U predicted.
        classical_score_rate: ω, the largest mean of U under the null.
        information_rate: KL(q‖ω), nats per trial.
        information_limit_trials: ln(1/α)/KL(q‖ω); None if the prediction does not beat the classical bound.
        trials: The least N from which on the experiment certifies with that power; None if none does.
        predicted_power: The probability that N trials certify, never below `power`; None without trials.
    """

    certificate_multiplier: float
    against: Against
    strategy_multiplier: float | None
    input_distribution: tuple[tuple[float, ...], ...]
    significance: float
    power: float
    method: Method
    predicted_score_rate: float
    classical_score_rate: float
    information_rate: float
    information_limit_trials: float | None
    trials: int | None
    predicted_power: float | None


def evaluate_design(
    game: BoundedGame,
    predicted: Floats,
    distribution: Floats,
    significance: float,
    power: float = DEFAULT_POWER,
    strategy_multiplier: float | None = None,
    against: Against = "memoryless",
    fresh: bool = True,
) -> Design:
    """What a given design needs.

    Args:
        game: The game at the certificate's μ > 0.
        predicted: Correlators c(x,y), shape (n_A, n_B), or P(a,b|x,y), shape (n_A, n_B, 2, 2), at the device's noise;
            what P(a,b|x,y) lacks of 1 is lost trials, which count as losses.
        distribution: r(x,y), shape (n_A, n_B), that every trial's settings are drawn from.
        against: The class of classical routers to be certified against.
        fresh: Whether every trial has settings of its own; otherwise trials are counted with the tail that certifies
            without. Defaults to True.

    Raises:
        DataError: the prediction is none, or μ ≤ 0.
        NoBoundError: there is no bound on every classical router.
    """
    if not game.multiplier > 0:
        raise DataError(f"multiplier = {game.multiplier:g}; it must be above 0 to certify")
    score = ScoreLaw.at(game, distribution, predicted, against)
    law = score if fresh else FixedLaw.at(game, distribution, predicted, against)
    trials = law.required_trials(significance, power)
    return Design(
        certificate_multiplier=game.multiplier,
        against=against,
        strategy_multiplier=strategy_multiplier,
        input_distribution=tuple(tuple(row) for row in distribution.tolist()),
        significance=significance,
        power=power,
        method=law.method,
        predicted_score_rate=score.mean,
        classical_score_rate=score.null_mean,
        information_rate=law.information_rate,
        information_limit_trials=-math.log(significance) / law.information_rate if law.information_rate > 0 else None,
        trials=trials,
        predicted_power=None if trials is None else law.power(trials, significance),
    )


def best_design(
    frontiers: Frontiers,
    predicted: Floats | Prediction,
    significance: float,
    power: float = DEFAULT_POWER,
    against: Against = "memoryless",
) -> Design:
    """The multiplier and settings that certify in the fewest trials at that noise, and the strategy's own multiplier.

    The certificate holds at any μ fixed before the data, so the one best at the noise predicted is free to be chosen.

    Args:
        predicted: As in `evaluate_design` for one strategy; or a function that gives it for the strategy at a
            multiplier (`frontiers.in_use.at_multiplier`), which is then chosen as well.
        against: The class of classical routers to be certified against.

    Raises:
        ScenarioError: no design beats the classical bound at that noise.
        DataError: as in `evaluate_design`.
    """
    search = _DesignSearch(frontiers, predicted, significance, power, against)
    designs = [search.refined(multiplier) for multiplier in search.finalists()]
    found = [design for design in designs if design.trials is not None]
    if not found:
        needed = frontiers.least_visibility(against)
        why = "at any visibility" if needed is None else f"below visibility {needed:.4f}"
        remedy = "choose a better pair of qubits, " + ("" if callable(predicted) else "another strategy, ")
        raise ScenarioError(
            f"the correlators predicted beat no classical bound of this scenario in up to {MOST_TRIALS:.0e} trials "
            f"(no state does {why}): {remedy}or change the traffic"
        )
    return min(found, key=lambda design: design.trials or 0)


class _DesignSearch:
    """Candidate multipliers of one scenario, ranked by the normal approximation to their number of trials."""

    def __init__(
        self,
        frontiers: Frontiers,
        predicted: Floats | Prediction,
        significance: float,
        power: float,
        against: Against,
    ) -> None:
        self.against, self.rival = against, frontiers.rival(against)
        self.frontiers, self.workload = frontiers, frontiers.workload
        self.predicted, self.significance, self.power = predicted, significance, power
        weights = self.workload.weights[self.workload.joint > 0]
        steps = np.unique(weights)
        self.inner = _INNER
        if len(steps) > _WEIGHTS:  # the certificate holds at any multiplier: fewer cost trials at most
            steps, self.inner = steps[np.linspace(0, len(steps) - 1, _WEIGHTS).astype(int)], 0
        edges = self.rival.multipliers
        if against == "every-classical":  # a smooth curve: its slopes, of which a few are tried
            edges = edges[np.linspace(0, len(edges) - 1, _SLOPES).astype(int)]  # evenly along it, not by slope
        self.kinks = np.unique(np.concatenate([edges, steps]))
        weighty = [at > 0 and not frontiers.game(at).is_zero for at in self.kinks.tolist()]
        self.kinks = self.kinks[weighty]
        self.strategies: list[float] = []
        if callable(predicted):
            spread = np.linspace(float(weights.min()), float(weights.max()), _STRATEGIES)
            self.strategies = np.unique(np.concatenate([spread, frontiers.classical.multipliers])).tolist()
        tables = [predicted(multiplier) for multiplier in self.strategies] if callable(predicted) else [predicted]
        self.tables = [np.asarray(table, dtype=float) for table in tables]
        pairs = [answers(table, self.workload.shape) for table in self.tables]
        self.together, self.split = (np.array(side) for side in zip(*pairs, strict=True))

    def finalists(self) -> list[float]:
        """The most promising multipliers: kinks, points between, and where the floor of r begins."""
        tried = [self.kinks[-1:]]
        tried += [np.linspace(*piece, self.inner + 2)[:-1] for piece in itertools.pairwise(self.kinks.tolist())]
        order = np.sort(np.concatenate(tried)).tolist()
        laws = {multiplier: self._law(multiplier) for multiplier in order}
        for left, right in itertools.pairwise(list(laws)):
            if laws[left].binary != laws[right].binary:
                border = self._floor(left, right, laws[left].binary)
                laws[border] = self._law(border)
        return sorted(laws, key=lambda multiplier: self._approximate_trials(laws[multiplier]))[:_FINALISTS]

    def refined(self, multiplier: float) -> Design:
        """The design at μ, with the best strategy for it."""
        game = self.frontiers.game(multiplier)
        distribution = game.input_distribution
        levels = self.significance, self.power
        if not callable(self.predicted):
            return evaluate_design(game, self.tables[0], distribution, *levels, against=self.against)
        predicted = self.predicted

        def loss(strategy: float) -> float:
            return -ScoreLaw.at(game, distribution, predicted(strategy), self.against).mean

        at = self._best_strategy(multiplier)
        ends = self.strategies[max(at - 1, 0)], self.strategies[min(at + 1, len(self.strategies) - 1)]
        width = {"xatol": 1e-6 * (ends[1] - ends[0])}
        between = float(minimize_scalar(loss, bounds=ends, method="bounded", options=width).x)
        best = min((self.strategies[at], between), key=loss)
        if loss(multiplier) <= loss(best) + 1e-12:  # under white noise the game's own optimum is the best strategy
            best = multiplier
        return evaluate_design(game, predicted(best), distribution, *levels, best, self.against)

    def _law(self, multiplier: float) -> ScoreLaw:
        """At the best strategy tried; β from the vertices of the class's frontier, exact but for rounding."""
        game = self.frontiers.game(multiplier)
        bound = game.line(self.rival.least(multiplier))
        table = self.tables[self._best_strategy(multiplier)]
        return ScoreLaw.of(game.matrix, game.input_distribution, table, bound)

    def _best_strategy(self, multiplier: float) -> int:
        """Index of the strategy tried with the largest q at μ."""
        game = self.frontiers.game(multiplier)
        distribution = game.input_distribution
        drawn = distribution > 0
        scale = float(np.max(np.abs(game.matrix[drawn]) / distribution[drawn]))
        lost = 1 - self.together - self.split
        score = np.tensordot(self.together - self.split, game.matrix) - scale * np.tensordot(lost, distribution)
        return int(score.argmax())

    def _approximate_trials(self, law: ScoreLaw) -> float:
        gap = law.mean - law.null_mean
        if gap <= 0:
            return math.inf
        normal = NormalDist()
        margin = normal.inv_cdf(self.power) * law.standard_deviation
        if law.binary:
            spread = math.sqrt(law.null_mean * (1 - law.null_mean))
            return ((margin - normal.inv_cdf(self.significance) * spread) / gap) ** 2
        if law.information_rate == 0:
            return math.inf
        needed = -math.log(self.significance)  # N·rate − margin·√N
        return ((margin + math.sqrt(margin**2 + 4 * law.information_rate * needed)) / (2 * law.information_rate)) ** 2

    def _floor(self, left: float, right: float, binary_left: bool) -> float:
        """The multiplier nearest the border between a binary and a non-binary U at which U is binary."""
        inside, outside = (left, right) if binary_left else (right, left)
        for _ in range(60):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if self._law(middle).binary else (inside, middle)
        return inside
