"""The certificate: from the bounds on the score to the tails of the counts, and what follows from them.

Everything after the bounds takes the bound as an argument, so that each class of classical routers is checked alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .classical import Value, classical_value
from .evidence import MARTINGALE, Evidence, Score
from .findings import P_VALUE, RELATIVE, Findings
from .game import Game
from .quantum import quantum_value
from .record import Interval, StoredAnalysis
from .tails import log_best_wealth

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Watch = Callable[[str], None]

_LOG10_P = 1e-6  # absolute tolerance of log₁₀ p, beside the relative one
_UPWARDS = 2e-14  # times N: what the record adds to log₁₀ p for rounding
_HOW = {
    "exact binomial": "binomial tail summed term by term in 40 digits",
    "Chernoff–KL": "−N·KL in 40 digits",
    MARTINGALE: "stakes carried on trial by trial",
}


@dataclass(frozen=True, eq=False)
class Aim:
    """What a record claims against one class of classical routers: a score beyond the bound that holds for all of them.

    Attributes:
        matrix: G at the declared multiplier, shape (n_A, n_B).
        constant: Σ π(w−μ)/2.
        magnitude: Size of the terms that scores are differences of.
        bound: The recorded upper bound on Σ G c over the class: what p-value and Δ rest on.
    """

    matrix: Floats
    constant: float
    magnitude: float
    bound: float

    @classmethod
    def of(cls, game: Game, multiplier: float, bound: Interval) -> Aim:
        """The claim that rests on that bound."""
        constant = game.constant(multiplier)
        matrix = np.array([[float(entry) for entry in row] for row in game.at(multiplier)])
        return cls(matrix, constant, game.magnitude(multiplier), bound.high - constant)


def check_model(findings: Findings, game: Game, stored: StoredAnalysis) -> None:
    """Load, unavoidable waiting time and weights."""
    record = stored.frontiers
    findings.number("frontiers.load", record.load, float(game.load), "λ(E[m]+E[n])/2 in rationals")
    method = "λ(E[m²]+E[n²])/(4(1−ρ)) in rationals"
    waiting = record.unavoidable_waiting_time
    findings.number("frontiers.unavoidable_waiting_time", waiting, float(game.unavoidable), method)
    if not game.knows_sizes:
        weights = [[float(entry) for entry in row] for row in game.weights]
        method, allowed = "λmn/(2(1−ρ)) + waiting for the partner, in rationals", RELATIVE * float(game.together)
        findings.same("frontiers.weights", record.weights, weights, method, absolute=allowed)


def check_classical_bound(findings: Findings, game: Game, stored: StoredAnalysis, aim: Aim, seconds: float) -> Value:
    """The interval that is said to hold the best classical score; returns what was found here."""
    certificate = stored.certificate
    found = classical_value(game, certificate.multiplier, seconds)
    low, high = float(found.low) + aim.constant, found.high + aim.constant
    allowed = RELATIVE * aim.magnitude + found.tolerance
    _bracket(
        findings, "certificate.classical_bound", certificate.classical_bound, (low, high), allowed, found.method, game
    )
    return found


def check_quantum_bound(findings: Findings, game: Game, stored: StoredAnalysis, aim: Aim) -> None:
    """The interval that is said to hold the best quantum score."""
    found = quantum_value(game.at(stored.certificate.multiplier))
    ends = found.low + aim.constant, found.high + aim.constant
    recorded, method = stored.certificate.quantum_bound, f"{found.method_low}; {found.method_high}"
    _bracket(findings, "certificate.quantum_bound", recorded, ends, RELATIVE * aim.magnitude, method, game)


def _bracket(
    findings: Findings,
    what: str,
    recorded: Interval,
    found: tuple[float, float],
    allowed: float,
    method: str,
    game: Game,
) -> None:
    """A recorded interval against what strategies reach (`low`) and what no strategy exceeds (`high`)."""
    (low, high), tolerance = found, f"{allowed:.1e}"
    if recorded.high < low - allowed:
        findings.claim(f"{what}.high", recorded.high, low, f"a strategy scores more; {method}", False, tolerance)
    elif game.knows_sizes:
        why = f"no strategy of the bins scores more; beyond the bins only compared; {method}"
        findings.claim(f"{what}.high", recorded.high, low, why, True, tolerance)
        return  # the lower end may be reached by a strategy that tells sizes of one bin apart
    elif recorded.high >= high - allowed:
        findings.claim(f"{what}.high", recorded.high, high, f"no strategy scores more; {method}", True, tolerance)
    else:
        why = f"no strategy found scores more, but only this much is proved; {method}"
        findings.unchecked(f"{what}.high", recorded.high, why, high)
    if recorded.low <= low + allowed:
        findings.claim(f"{what}.low", recorded.low, low, f"reached by a strategy; {method}", True, tolerance)
    elif recorded.low > high + allowed:
        findings.claim(f"{what}.low", recorded.low, high, f"no strategy reaches it; {method}", False, tolerance)
    else:
        findings.unchecked(f"{what}.low", recorded.low, f"no strategy found reaches it; {method}", low)


def check_estimates(
    findings: Findings, game: Game, stored: StoredAnalysis, aim: Aim, value: Callable[[Floats], float]
) -> None:
    """Splitting probability, waiting time and score that were observed; `value` gives Σ A c for a table A."""
    joint, weights = (np.array(table, dtype=float) for table in (game.joint, game.weights))
    p = 0.5 + value(-joint / 2)
    waiting = float(game.unavoidable + game.together) / 2 + value(joint * weights / 2)
    score = aim.constant + value(aim.matrix)
    if math.isnan(p) or math.isnan(score):
        findings.unchecked("observed", None, "some settings brought no outcome, and the record holds no counts")
        return
    observed, certificate, scale = stored.observed, stored.certificate, float(game.together)
    excess = score - aim.constant - aim.bound
    for what, recorded, found, how, size in (
        ("observed.splitting_probability", observed.splitting_probability.estimate, p, "Σ π(1−c)/2", 1.0),
        ("observed.waiting_time", observed.waiting_time.estimate, waiting, "W0 + Σ π w(1+c)/2", scale),
        ("certificate.excess", certificate.excess.estimate, excess, "Σ G c − bound", aim.magnitude),
    ):
        findings.number(f"{what}.estimate", recorded, found, how, scale=size)
    findings.number("certificate.score", certificate.score, score, "const + Σ G c", scale=aim.magnitude)


def check_tails(
    findings: Findings, aim: Aim, evidence: Evidence, stored: StoredAnalysis, codes: Integers | None, watch: Watch
) -> float | None:
    """p-values and the certified excess over the bound; returns log₁₀ p, None if it could not be recomputed.

    Args:
        findings: Gets the rows.
        aim: The class of classical routers with its bound.
        evidence: The counts.
        stored: The record.
        codes: The trials in order, if at hand.
        watch: Gets what is being done.
    """
    certificate, score = stored.certificate, Score(aim.matrix, evidence)
    if not score.measurable:
        findings.claim(P_VALUE, certificate.log10_p_value, None, "settings never asked for", False)
        return None
    edges = certificate.edges
    if stored.planned is not None:
        edges = 1
        findings.same("certificate.edges", certificate.edges, 1, "one multiplier, declared before the data")
    log_p, method = score.log_tail(aim.bound)
    anytime = _check_anytime(findings, aim, score, stored, codes, watch)
    if evidence.stopped:
        method, log10_p = MARTINGALE, anytime
    else:
        log10_p = min(0.0, log_p + math.log(edges)) / math.log(10)
    findings.same("certificate.method", certificate.method, method, "what settings and weights allow")
    how = f"{_HOW[method]}; at the recorded bound" + (f", times the {edges} multipliers tried" if edges > 1 else "")
    allowed = _LOG10_P + _UPWARDS * evidence.trials
    if log10_p is None:
        why = "needs trials in their order; the last value of the martingale does not contradict it"
        findings.unchecked(P_VALUE, certificate.log10_p_value, why)
    else:
        findings.number(P_VALUE, certificate.log10_p_value, log10_p, how, absolute=allowed)
    if evidence.parallel > 1:
        crosstalk = None
        if evidence.fresh:
            crosstalk = min(0.0, score.log_tail_of_shots(aim.bound) + math.log(edges)) / math.log(10)
        recorded = certificate.log10_p_value_any_crosstalk
        how = "−N/k·KL of the mean over the Bell pairs of each shot, 40 digits"
        findings.number("certificate.log10_p_value_any_crosstalk", recorded, crosstalk, how, absolute=allowed)
    basis = "drawn afresh" if evidence.fresh else "Conditional"
    text = certificate.assumption
    findings.claim("certificate.assumption", text[:60], f"… {basis} …", "what the settings allow", basis in text)
    low = score.low(math.log(certificate.significance) - math.log(edges)) - aim.bound
    how = "the tail inverted by bisection, less the bound"
    findings.number("certificate.excess.low", certificate.excess.low, low, how, scale=aim.magnitude + score.scale)
    return log10_p


def _check_anytime(
    findings: Findings, aim: Aim, score: Score, stored: StoredAnalysis, codes: Integers | None, watch: Watch
) -> float | None:
    """The test martingale; returns log₁₀ p at any time, None if it could not be recomputed."""
    recorded, evidence = stored.certificate.log10_anytime_p_value, score.evidence
    what = "certificate.log10_anytime_p_value"
    if stored.planned is None or not evidence.fresh or score.scale == 0:
        findings.same(what, recorded, None, "needs a declared multiplier and fresh settings in their order")
        return None
    omega = score.mean(aim.bound)
    if codes is None:
        last = min(0.0, -score.log_last_wealth(omega) / math.log(10))
        if recorded is not None and recorded > last + _LOG10_P:
            method = "the last value of the martingale alone, in any order, gives less"
            findings.claim(what, recorded, last, method, False, f"{_LOG10_P:g}")
        else:
            why = f"needs trials in their order; its last value, in any order, gives at most {last:.6g}"
            findings.unchecked(what, recorded, why)
        return None
    watch("the test martingale, trial after trial")
    # Even places of `values` belong to a = b, odd ones to a ≠ b.
    places = 2 * (codes // 4) + ((codes // 2 ^ codes) & 1)
    best = 0.0
    if omega < 1:
        best = log_best_wealth(score.values, places.tolist(), int(evidence.lost.sum()), omega)[0]
    allowed = _LOG10_P + _UPWARDS * evidence.trials
    findings.number(what, recorded, -best / math.log(10), _HOW[MARTINGALE], absolute=allowed)
    return -best / math.log(10)


def check_verdict(findings: Findings, stored: StoredAnalysis, significance: float, log10_p: float | None) -> None:
    """Whether p is at most the significance of the scenario, and the verdict's first line says so with every warning.

    Args:
        findings: Gets the rows.
        stored: The record.
        significance: α of the scenario.
        log10_p: As recomputed; None: as recorded.
    """
    certificate, first = stored.certificate, stored.verdict[0]
    findings.same("certificate.significance", certificate.significance, significance, "scenario, experiment")
    how = "recomputed log10 p ≤ log10 α"
    if log10_p is None:
        log10_p, how = certificate.log10_p_value, "recorded log10 p ≤ log10 α"
    level = math.log10(significance)
    if abs(log10_p - level) <= _LOG10_P:
        findings.unchecked("certificate.certified", certificate.certified, "p equals the significance to six digits")
    else:
        findings.same("certificate.certified", certificate.certified, log10_p <= level, how)
    answer = "NOT CERTIFIED" if "NOT CERTIFIED" in first else "CERTIFIED" if "CERTIFIED" in first else "nothing"
    wanted = "CERTIFIED" if certificate.certified else "NOT CERTIFIED"
    findings.same("verdict[0]", answer, wanted, "certificate.certified")
    lacking = [warning for warning in stored.warnings if warning not in first]
    findings.claim("verdict[0]: warnings", len(lacking), 0, "warnings that the first line does not carry", not lacking)
