"""Checks of a certificate: model, bounds on the score, observed point, p-values, and the verdict that follows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .betting import LOCAL, ON_SCORE, Part, Propose, carried_on
from .classical import Value, classical_value
from .evidence import Evidence, Score
from .findings import FRESH, RELATIVE, Findings, Json
from .game import Game
from .quantum import quantum_value
from .strata import LEAST_DIVERGENCE, Strata

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

PARTS: tuple[Part, ...] = "certificate", "every_classical"  # of the record, each against a class of classical routers
_STRONG, _WEAKER, _NONE = "CERTIFIED", "CERTIFIED against memoryless classical routers only", "NOT CERTIFIED"
ANSWERS = "nothing", _NONE, _WEAKER, _STRONG  # of a verdict, each of which claims more than the ones before
ROUNDED, WEIGHTS = "certificate.certified, by rounding", "frontiers.weights"
_LOG10_P = 1e-6  # absolute tolerance of log₁₀ p, beside the relative one
_UPWARDS = 2e-14  # times N: what the record adds to log₁₀ p for rounding


@dataclass(frozen=True, eq=False)
class Aim:
    """What a record claims against classical routers: a score beyond the bound that holds for all of them.

    Attributes:
        matrix: G at the declared multiplier, shape (n_A, n_B).
        constant: Σ π(w−μ)/2.
        allowed: Tolerance of a score, by the size of the terms that it is a difference of.
        bound: The recorded upper bound on Σ G c, on which the p-value rests.
    """

    matrix: Floats
    constant: float
    allowed: float
    bound: float

    @classmethod
    def of(cls, game: Game, certificate: Json) -> Aim:
        """The claim of a recorded certificate, or of the verdict against every classical router."""
        multiplier = Fraction(certificate["multiplier"])
        constant, size = float(game.saved - multiplier) / 2, float(game.saved + abs(multiplier)) / 2
        bound = certificate.get("score_bound")
        if bound is None:
            bound = certificate["classical_bound"]["high"] - constant
        return cls(_floats(game.at(certificate["multiplier"])), constant, RELATIVE * size, bound)


def check_model(findings: Findings, game: Game, frontiers: Json) -> None:
    """Load, unavoidable waiting time and weights."""
    findings.number("frontiers.load", frontiers["load"], float(game.load), "λ(E[m]+E[n])/2 in rationals")
    method, what = "λ(E[m²]+E[n²])/(4(1−ρ)) in rationals", "unavoidable_waiting_time"
    findings.number(f"frontiers.{what}", frontiers[what], float(game.unavoidable), method)
    if not game.knows_sizes:
        method, allowed = "λmn/(2(1−ρ)) + waiting for the partner, in rationals", RELATIVE * float(game.saved)
        findings.same(WEIGHTS, frontiers["weights"], _floats(game.weights).tolist(), method, allowed)


def check_bounds(findings: Findings, game: Game, certificate: Json, aim: Aim, seconds: float) -> Value:
    """The intervals that are said to hold the best classical and quantum score; returns the classical value found."""
    classical = classical_value(game, certificate["multiplier"], seconds)
    quantum = quantum_value(game.at(certificate["multiplier"]))
    _bracket(findings, "certificate.classical_bound", certificate["classical_bound"], classical, aim, game.knows_sizes)
    _bracket(findings, "certificate.quantum_bound", certificate["quantum_bound"], quantum, aim, game.knows_sizes)
    return classical


def _bracket(findings: Findings, name: str, recorded: Json, found: Value, aim: Aim, bins: bool) -> None:
    """A recorded interval against what strategies reach and what no strategy exceeds.

    A strategy that tells sizes of one bin apart may score more than those of the bins, so that only a recorded upper
    end below the value of the bins is wrong for certain.
    """
    low, high, allowed = float(found.low) + aim.constant, found.high + aim.constant, aim.allowed + found.tolerance
    none = "no strategy of the bins scores more; beyond the bins only compared" if bins else "no strategy scores more"
    upper = ("a strategy scores more", none, "no strategy found scores more, but only this much is proved")
    lower = ("no strategy reaches it", "reached by a strategy", "no strategy found reaches it")
    ends = [("high", 1, low, low if bins else high, upper), ("low", -1, high, low, lower)]
    for end, sign, limit, enough, (wrong, right, unsure) in ends[:1] if bins else ends:
        what, value = f"{name}.{end}", recorded[end]
        if sign * (value - limit) < -allowed:
            findings.claim(what, value, limit, f"{wrong}; {found.method}", False, f"{allowed:.1e}")
        elif sign * (value - enough) >= -allowed:
            findings.claim(what, value, enough, f"{right}; {found.method}", True, f"{allowed:.1e}")
        else:
            findings.unchecked(what, value, f"{unsure}; {found.method}", enough)


def check_observed(findings: Findings, game: Game, analysis: Json, aim: Aim, value: Callable[[Floats], float]) -> None:
    """Splitting probability, waiting time and score observed; `value` gives Σ A c for a table A."""
    joint, weights, observed = _floats(game.joint), _floats(game.weights), analysis["observed"]
    p, score = 0.5 + value(-joint / 2), aim.constant + value(aim.matrix)
    waiting = float(game.unavoidable + game.saved / 2) + value(joint * weights / 2)
    if math.isnan(p) or math.isnan(score):
        findings.unchecked("observed", None, "some settings brought no outcome, and the record holds no counts")
        return
    what, recorded = "observed.splitting_probability.estimate", observed["splitting_probability"]["estimate"]
    findings.number(what, recorded, p, "Σ π(1−c)/2", RELATIVE)
    what, recorded = "observed.waiting_time.estimate", observed["waiting_time"]["estimate"]
    findings.number(what, recorded, waiting, "W0 + Σ π w(1+c)/2", RELATIVE * float(game.together))
    findings.number("certificate.score", analysis["certificate"]["score"], score, "const + Σ G c", aim.allowed)


def check_p_values(
    findings: Findings,
    analysis: Json,
    aim: Aim,
    evidence: Evidence,
    codes: Integers | None,
    propose: Propose | None,
    part: Part,
) -> float | None:
    """The p-values; returns log₁₀ p, None if it could not be recomputed.

    Args:
        findings: Gets the rows.
        analysis: The record.
        aim: Its claim.
        evidence: The counts.
        codes: The trials in order, if at hand.
        propose: Makes the bets on a part, if the trials are at hand.
        part: The part of the record that has the claim.
    """
    certificate, planned, score = analysis[part], analysis["planned"], Score(aim.matrix, evidence)
    p_value, anytime_p_value = f"{part}.log10_p_value", f"{part}.log10_anytime_p_value"
    recorded, edges = certificate["log10_p_value"], 1 if planned else max(certificate["edges"], 1)
    if planned and codes is None:  # with a run's folder a fresh analysis takes it from the plan
        declared = planned["certificate_multiplier"]
        findings.same(f"{part}.multiplier", certificate["multiplier"], declared, "planned before the data")
    if not score.measurable:
        findings.claim(p_value, recorded, None, "settings that could not be drawn", False)
        return None
    inversions = 2 if analysis["provenance"].get("inverted") else 1
    allowed, tried = _LOG10_P + _UPWARDS * evidence.trials, math.log(edges * inversions)
    anytime, fresh = None, evidence.drawn is not None
    several = fresh and evidence.parallel > 1  # where the p-value is that of whole shots, but not in older records
    pooled = certificate.get("log10_p_value_pooled") if several else None
    betting, older = certificate.get("anytime_method"), certificate.get("excess_at_least") is None

    def by_bets(what: str, on_score: bool) -> float | None:
        """log₁₀ p of bets proposed again, none of which may gain on average under the null hypothesis."""
        if codes is None or propose is None:
            return None
        bets = propose(part, on_score)
        log_p, mean = carried_on(bets, evidence, codes, aim.matrix, aim.bound, local=not on_score)
        how = "largest mean of a factor " + ("where the score is allowed" if on_score else "over local strategies")
        findings.claim(f"{what}: bets", 1.0, mean, how, mean <= 1)
        return log_p / math.log(10)

    if planned and fresh and score.scale > 0 and pooled is None:
        claimed = certificate["log10_anytime_p_value"]
        if betting in (LOCAL, ON_SCORE):
            anytime = by_bets(anytime_p_value, betting == ON_SCORE)
            if anytime is None:
                findings.unchecked(anytime_p_value, claimed, "needs the trials in their order; give the run's folder")
        elif codes is not None:
            anytime = -score.log_wealth(aim.bound, codes) / math.log(10)
        elif claimed is not None and claimed > min(0.0, last := -score.log_mixture(aim.bound) / math.log(10)) + allowed:
            how = "the last value, in any order, gives less"
            findings.claim(anytime_p_value, claimed, last, how, False, f"{allowed:.1e}")
        if anytime is not None:
            findings.number(anytime_p_value, claimed, anytime, "stakes carried on trial by trial", allowed)
    if evidence.stopped:
        log10_p, how = anytime, "stakes carried on trial by trial"
    elif certificate["method"] == ON_SCORE and not score.binary:
        log10_p, how = by_bets(p_value, True), "stakes carried on trial by trial"
    else:
        if fresh or older:
            tail, how = score.log_tail(aim.bound)
        else:
            tail, how = Strata.of(aim.matrix, evidence).log_tail(aim.bound), LEAST_DIVERGENCE
        log10_p = min(0.0, tail + tried) / math.log(10)
        if pooled is not None:
            what = f"{part}.log10_p_value_pooled"
            findings.number(what, pooled, log10_p, f"{how}; all pairs as independent trials", allowed)
            log10_p, how = None, ""
            if codes is not None:
                wealth = 0.0 if score.mean(aim.bound) >= 1 else score.log_wealth_of_shots(aim.bound, codes)
                log10_p, how = min(0.0, tried - wealth) / math.log(10), "stakes carried on shot by shot"
    if log10_p is None:
        findings.unchecked(p_value, recorded, "needs the trials in their order; give the run's folder")
    else:
        how = f"{how}; at the recorded bound" + (f", times the {edges} multipliers tried" if edges > 1 else "")
        how += ", times 2 for the inversion chosen after the data" if inversions > 1 else ""
        findings.number(p_value, recorded, log10_p, how, allowed)
    if several and score.scale > 0 and pooled is None:
        crosstalk = min(0.0, score.log_tail_of_shots(aim.bound) + tried) / math.log(10)
        what, how = "log10_p_value_any_crosstalk", "−N/k·KL of the mean over the Bell pairs of each shot, 40 digits"
        findings.number(f"{part}.{what}", certificate.get(what), crosstalk, how, allowed)
    return log10_p


def check_verdict(findings: Findings, analysis: Json, significance: float, log10_p: Mapping[str, float | None]) -> None:
    """Whether p is at most the significance of the scenario, and the verdict's first line says so with every warning.

    Args:
        findings: Gets the rows.
        analysis: The record.
        significance: α of the scenario.
        log10_p: As recomputed for each part of the record. Where it is lacking, the recorded one counts if another row
            checked it.
    """
    certificate, first = analysis["certificate"], analysis["verdict"][0]
    findings.same("certificate.significance", certificate["significance"], significance, "scenario, experiment")
    level, every = math.log10(significance), analysis.get("every_classical")
    for part in PARTS:
        if (claim := analysis.get(part)) is None:
            continue
        found = log10_p.get(part)
        how, certified = "recomputed log10 p ≤ log10 α", claim["certified"]
        if found is None:
            found, how = claim["log10_p_value"], "recorded log10 p ≤ log10 α"
        if abs(found - level) <= _LOG10_P:
            findings.unchecked(f"{part}.certified", certified, "p equals the significance to six digits")
        elif certified == (found <= level) and f"{part}.log10_p_value" in findings.skipped:
            findings.unchecked(f"{part}.certified", certified, "its p-value was not checked")
        else:
            if claim["method"] == LOCAL:
                how += ", and the lower limit of Δ above 0"
            wanted = found <= level and (claim["method"] != LOCAL or (claim.get("excess_at_least") or 0) > 0)
            findings.same(f"{part}.certified", certified, wanted, how)
    strong, weak = bool(every and every["certified"]), certificate["certified"]
    answer = answer_of(first)
    expected = _STRONG if strong or (weak and every is None and _WEAKER not in first) else _WEAKER if weak else _NONE
    findings.same("verdict[0]", answer, expected, "what is certified")
    lacking = [warning for warning in analysis["warnings"] if warning not in first]
    findings.claim("verdict[0]: warnings", len(lacking), 0, "warnings that the first line does not carry", not lacking)


def answer_of(first: str) -> str:
    """What the first line of a verdict says is certified, one of `ANSWERS`."""
    return next((each for each in (_WEAKER, _NONE, _STRONG) if each in first), ANSWERS[0])


def check_complete(findings: Findings, analysis: Json) -> None:
    """What is certified must rest on a p-value and bounds that were checked, or on a fresh analysis."""
    if any(row.what == FRESH and row.status == "OK" for row in findings.rows):
        return
    for part in PARTS:
        if (analysis.get(part) or {}).get("certified"):
            rests_on = (f"{part}.{name}" for name in ("log10_p_value", "bound", "classical_bound.high"))
            findings.require([*rests_on, ROUNDED, WEIGHTS], "give the run's folder")


def _floats(table: Any) -> Floats:
    return np.array(table, dtype=float)
