"""The certificate: is the observed score beyond every classical strategy's, and by how much (MODEL §4)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...model.errors import DataError
from ...model.estimate import Estimate
from ...model.games.routing_game import Against, BoundedGame
from ...model.games.values.xor_game import Bound
from ...model.trials import Trials
from . import stratified
from .bets import Bettor, RunningBets, bettor_against, bettor_on_score
from .estimates import score_excess
from .martingale import largest_log_wealth
from .samples import Sample
from .scores import BoundedSum, Method, score_table

Floats = NDArray[np.float64]

USUAL_VISIBILITY = 0.95
OF_SHOTS = "test martingale over shots"
CLASS_COMPARED = "every memoryless, label-symmetric classical strategy"
EVERY_CLASSICAL = "every classical strategy without communication"
FOREIGN_LOOPHOLE = (
    "How far apart the two measurements were is not on record, so the locality loophole counts as open: "
    "the outcomes are not protected against a signal passing between them."
)
LOOPHOLE = (
    "Both qubits sit on one device, so the locality loophole stays open: "
    "the outcomes are not protected against a signal passing between them."
)
FRESH = (
    "Settings were drawn afresh from the declared distribution for every trial and executed in that order; "
    "valid against devices with memory and drift."
)
CONDITIONAL = (
    "Conditional on the settings realised: valid only if trials are independent and the device follows one strategy "
    "throughout (a device that knows the schedule could cheat)."
)
SEVERAL_FRESH = (
    "{parallel} pairs were measured in every shot, each with settings of its own. The p-value tests the mean over the "
    "pairs of each shot, so that it holds whatever passes between them; were all pairs independent trials, it would "
    "be log10 p = {pooled:.4g}."
)
SEVERAL_CONDITIONAL = "The {parallel} pairs measured in every shot count as independent trials of one strategy."
CONFIDENCE_SEVERAL = "Confidence limits hold for the average over the {parallel} pairs, all trials being independent."
LOCAL = "It refutes all local correlators at once; that the score exceeds the bound is the lower limit's to say."
STOPPED = (
    "The run could stop early, on what it saw: the p-value and the limits are those of test martingales, which hold "
    "however often one looks and whenever one stops."
)
UNKNOWN = "No trial was asked for of {pairs}: their correlators are unknown, and the p-value and the limits allow any."
CONFIDENCE_STOPPED = "Confidence limits hold at all times together, for the average of the trials so far."
CONFIDENCE_INDEPENDENT = "Confidence limits hold for independent trials of one strategy."
INVERTED = (
    "The outcomes of router {router} were inverted after the data were taken; p-values are multiplied by 2, and the "
    "levels of limits divided by 2, for that choice."
)


@dataclass(frozen=True)
class Certificate:
    """A test of the null hypothesis that the score is one that a class of classical routers reaches, at one multiplier.

    Attributes:
        multiplier: μ, waiting time paid per unit of splitting probability.
        multiplier_origin: Where μ came from, which decides whether a union bound was taken.
        score: Σ π s (w−μ) observed, in units of time.
        classical_bound: The interval holding the best score of the class; against every classical router its upper end
            is β_E, above which no classical score lies.
        quantum_bound: The interval holding the best quantum score.
        excess: Δ = score − classical bound, with limits that hold together at the significance (half of it each); in
            records without `excess_at_least` each of them at the whole.
        log10_p_value: log₁₀ of the p-value, union bound included.
        log10_anytime_p_value: The same by a test martingale, valid however often one looked; None without fresh
            settings in their order.
        method: The tail that the p-value comes from.
        assumption: What the p-value rests on.
        confidence: What the confidence limits rest on.
        trials: N, lost ones included.
        lost: Trials without an outcome, counted as losses.
        edges: Multipliers tried; the p-value is multiplied by their number.
        significance: α, fixed before the data.
        certified: Whether p ≤ α; by prediction-based ratios, the lower limit of Δ must be above 0 as well.
        parallel: k, pairs measured in every shot.
        log10_p_value_any_crosstalk: In records of before `log10_p_value_pooled`: a p-value from the mean over the pairs
            of each shot; there `log10_p_value` is that of all pairs pooled. Else None.
        log10_p_value_pooled: Of all pairs as so many independent trials, for comparison: where several pairs are
            measured in every shot with fresh settings, `log10_p_value` is that of the mean over each shot's pairs,
            valid also where the outcomes of one pair depend on the settings of the others (but not A's on B's of the
            same pair). None otherwise.
        excess_at_least: The lower limit of Δ alone, one-sided at the significance; None in older records.
        anytime_method: How the bets of `log10_anytime_p_value` are made; None without it, and in older records, whose
            stakes were a fixed mixture.
    """

    multiplier: float
    multiplier_origin: str
    score: float
    classical_bound: Bound
    quantum_bound: Bound
    excess: Estimate
    log10_p_value: float
    log10_anytime_p_value: float | None
    method: str
    assumption: str
    confidence: str
    trials: int
    lost: int
    edges: int
    significance: float
    certified: bool
    parallel: int = 1
    log10_p_value_any_crosstalk: float | None = None
    log10_p_value_pooled: float | None = None
    excess_at_least: float | None = None
    anytime_method: str | None = None

    @property
    def p_value(self) -> float:
        """The p-value, union bound included; 0.0 where it is too small for a float, see `log10_p_value`."""
        return float(10.0**self.log10_p_value)


def certify(
    games: Sequence[BoundedGame],
    sample: Sample,
    significance: float,
    trials: Trials | None = None,
    against: Against = "memoryless",
    expected: Floats | None = None,
) -> Certificate:
    """Test at the declared multiplier, or at several with a union bound (for counts whose μ nobody declared).

    Args:
        games: The routing game at the one multiplier declared, or at all edges of the classical frontier; μ > 0.
        sample: The data.
        significance: α.
        trials: The same data in the order of execution, for the anytime-valid p-value.
        against: The class of classical routers.
        expected: Correlators expected before the data, shape (n_A, n_B), which the first bets are made for; None: those
            of the game's own optimum at a visibility of 0.95.

    Raises:
        DataError: there is no game, or a run that could stop early lacks what its test needs.
        NoBoundError: there is no bound on every classical router.
    """
    if not games:
        raise DataError("the multiplier is 0, where there is nothing to certify; choose another operating point")
    log_anytime, betting = _log_anytime(games, sample, trials, against, expected)
    if sample.sampling.stopped:
        if log_anytime is None:
            raise DataError(
                "a run that could stop early is only valid with its one multiplier, fresh settings, in order"
            )
        game, log_p, method = games[0], log_anytime, betting
    else:
        game, log_p, method = smallest_log_p_value(games, sample, against)
        if log_anytime is not None and method == "Chernoff–KL":  # by the settings drawn from, whatever came of them
            log_p, method = log_anytime, "betting"
            if betting != method:  # of the local polytope; a certificate is about the score
                log_p = _log_p_by_bets(bettor_on_score(game, against), game, sample, trials, expected)
    pooled = None
    if sample.sampling.parallel > 1 and sample.random:
        pooled = log_p
        game, log_p, method = _smallest_of_shots(games, sample, trials, against)
        if method == OF_SHOTS and len(games) == 1:
            log_anytime, betting = log_p, OF_SHOTS
    classical, quantum = game.bound(against), game.bound("quantum")
    level = math.log(significance) - math.log(len(games) * sample.choices)
    parallel = sample.sampling.parallel
    log10_pooled = None if pooled is None else min(pooled, 0.0) / math.log(10)
    assumption, confidence = _assumptions(sample.random, parallel, log10_pooled)
    if sample.sampling.stopped:
        assumption, confidence = f"{assumption} {STOPPED}", CONFIDENCE_STOPPED
    if method == "prediction-based ratios":
        assumption = f"{assumption} {LOCAL}"
    if lacking := np.argwhere((sample.distribution <= 0) & (game.matrix != 0)).tolist():
        pairs = ", ".join(f"types ({x + 1}, {y + 1})" for x, y in lacking)
        assumption = f"{assumption} {UNKNOWN.format(pairs=pairs)}"
    excess = score_excess(game, sample, level - math.log(2), against)
    at_least = score_excess(game, sample, level, against).low
    origin = "declared before the data were taken"
    if len(games) > 1:
        origin = f"union bound over {len(games)} edges of the frontier"
    if sample.inverted:
        origin += f", times {sample.choices} for the inversion chosen after the data"
        assumption = f"{assumption} {INVERTED.format(router=sample.inverted.upper())}"
    return Certificate(
        multiplier=game.multiplier,
        multiplier_origin=origin,
        score=game.constant + classical.high + excess.estimate,
        classical_bound=_shifted(classical, game.constant),
        quantum_bound=_shifted(quantum, game.constant),
        excess=excess,
        log10_p_value=_log10(log_p),
        log10_anytime_p_value=None if log_anytime is None else _log10(log_anytime),
        method=str(method),
        assumption=assumption,
        confidence=confidence,
        trials=sample.trials,
        lost=sample.lost,
        edges=len(games),
        significance=significance,
        certified=log_p <= math.log(significance) and (method != "prediction-based ratios" or at_least > 0),
        parallel=parallel,
        log10_p_value_pooled=log10_pooled,
        excess_at_least=at_least,
        anytime_method=None if log_anytime is None else betting,
    )


def smallest_log_p_value(
    games: Sequence[BoundedGame], sample: Sample, against: Against = "memoryless"
) -> tuple[BoundedGame, float, Method]:
    """The game with the smallest p-value (then the largest excess), ln p by the union bound, and its tail."""
    tested = []
    for place, game in enumerate(games):
        bound = game.bound(against).high
        total = BoundedSum.of(game.matrix, sample)
        if sample.random or total.scale == 0:
            log_p, method = total.log_tail(bound)
        else:
            log_p, method = stratified.log_tail(game.matrix, sample, bound), "stratified Chernoff"
        tested.append((log_p, bound - total.observed, place, method))
    log_p, _, place, method = min(tested)
    return games[place], min(0.0, log_p + math.log(len(tested) * sample.choices)), method


def _smallest_of_shots(
    games: Sequence[BoundedGame], sample: Sample, trials: Trials | None, against: Against
) -> tuple[BoundedGame, float, str]:
    """The game with the smallest p-value of the shots' means, ln p by the union bound over the games, and its method.

    Each pair has fresh settings of its own, so that given the other pairs' settings and all that went before its U
    still has mean at most ω; so has the mean over the shot. Its variance is the smaller the more pairs it holds, which
    the test martingale gains from and the Chernoff bound would not. Without the order of the trials the latter serves.
    """
    parallel = sample.sampling.parallel
    if trials is None or len(trials) == 0 or len(trials) % parallel:
        method = "Chernoff–KL"
        tails = [
            BoundedSum.of(game.matrix, sample).log_tail_of_shots(game.bound(against).high, parallel) for game in games
        ]
    else:
        method = OF_SHOTS
        tails = [_log_p_of_shots(game, sample, trials, against) for game in games]
    log_p, place = min(zip(tails, range(len(games)), strict=True))
    return games[place], min(0.0, log_p + math.log(len(games) * sample.choices)), method


def _log_anytime(
    games: Sequence[BoundedGame],
    sample: Sample,
    trials: Trials | None,
    against: Against,
    expected: Floats | None,
) -> tuple[float | None, str]:
    """ln p by betting, and how the bets are made: for one declared multiplier, one pair to a shot, fresh settings."""
    if trials is None or not sample.random or len(games) > 1 or sample.sampling.parallel > 1 or games[0].is_zero:
        return None, ""
    bettor, name = bettor_against(games[0], against)
    return _log_p_by_bets(bettor, games[0], sample, trials, expected), name


def _log_p_by_bets(
    bettor: Bettor, game: BoundedGame, sample: Sample, trials: Trials | None, expected: Floats | None
) -> float:
    """ln p of bets carried on over all trials, lost ones charged."""
    running = RunningBets(bettor, first_guess(game, expected), sample.distribution)
    running.update(trials, sample.sampling.lost)
    return min(0.0, running.log_p_value + math.log(sample.choices))


def first_guess(game: BoundedGame, expected: Floats | None) -> Floats:
    """The correlators that the first bets are made for, shape (n_A, n_B)."""
    return USUAL_VISIBILITY * game.quantum_optimum.correlators if expected is None else expected


def _log_p_of_shots(game: BoundedGame, sample: Sample, trials: Trials, against: Against) -> float:
    """ln p of the test martingale that stakes on the mean over the k pairs of every shot; lost shots come first."""
    total, parallel = BoundedSum.of(game.matrix, sample), sample.sampling.parallel
    bound = total.null_mean(game.bound(against).high) if total.scale else 1.0
    if bound >= 1:
        return 0.0  # nothing can be refuted, not even by rounding
    values, place = score_table(game.matrix, sample.distribution, trials)
    values, place = np.unique(values.take(place).reshape(-1, parallel).mean(axis=1), return_inverse=True)
    return min(0.0, -largest_log_wealth(values, place, bound, -(-sample.lost // parallel)))


def _log10(log_p: float) -> float:
    return log_p / math.log(10) if log_p < -1e-12 else 0.0


def _assumptions(fresh: bool, parallel: int, log10_pooled: float | None) -> tuple[str, str]:
    """What the p-value and what the confidence limits rest on."""
    assumption, confidence = FRESH if fresh else CONDITIONAL, CONFIDENCE_INDEPENDENT
    if parallel == 1:
        return assumption, confidence
    several = SEVERAL_CONDITIONAL if log10_pooled is None else SEVERAL_FRESH
    told = several.format(parallel=parallel, pooled=log10_pooled)
    return f"{assumption} {told}", CONFIDENCE_SEVERAL.format(parallel=parallel)


def _shifted(bound: Bound, constant: float) -> Bound:
    return Bound(bound.low + constant, bound.high + constant, bound.method)
