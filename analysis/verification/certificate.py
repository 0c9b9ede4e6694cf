"""Bounds, p-values and everything else of the certificate against what other methods give."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .continuous import SizesGame
from .findings import RELATIVE, Findings
from .frontier import Hull
from .martingale import growth_of, log_best_wealth, log_wealth
from .model import Model
from .proof import proved_value
from .quantum import QuantumValue, quantum_value
from .record import Interval, StoredAnalysis
from .statistics import MARTINGALE, Evidence, Score

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Watch = Callable[[str], None]

_LOG10_P = 1e-6  # absolute tolerance of log₁₀ p, beside the relative one
_UPWARDS = 2e-14  # times N: what the record adds to log₁₀ p for rounding
_WIDTHS = {  # of the intervals of methods that say no gap, as a share of the size of the terms
    "threshold": RELATIVE,
    "enumeration": RELATIVE,
    "threshold on the exact size": 1e-5,
}
_BINS = ", and the error of the bins"
_GAP = re.compile(r"gap ([0-9.e+-]+) %")


@dataclass(frozen=True, eq=False)
class Game:
    """The routing game at the certificate's multiplier.

    Attributes:
        model: The scenario's model.
        multiplier: μ.
        matrix: G, shape (n_A, n_B).
        constant: Σ π(w−μ)/2.
        magnitude: Size of the terms that scores are differences of.
        bound: The recorded upper bound on β_C, without the constant: what p-value and Δ rest on.
    """

    model: Model
    multiplier: float
    matrix: Floats
    constant: float
    magnitude: float
    bound: float

    @classmethod
    def of(cls, model: Model, analysis: StoredAnalysis) -> Game:
        """The game that a record certifies at."""
        multiplier = analysis.certificate.multiplier
        exact, constant = model.game(multiplier)
        matrix = np.array([[float(entry) for entry in row] for row in exact])
        high = analysis.certificate.classical_bound.high
        return cls(model, multiplier, matrix, float(constant), model.magnitude(multiplier), high - float(constant))


def check_model(findings: Findings, model: Model, analysis: StoredAnalysis) -> None:
    """Load, waiting times and weights."""
    record = analysis.frontiers
    findings.number("frontiers.load", record.load, float(model.load), "λ(E[m]+E[n])/2 in rationals")
    method = "λ(E[m²]+E[n²])/(4(1−ρ)) in rationals"
    findings.number(
        "frontiers.unavoidable_waiting_time", record.unavoidable_waiting_time, float(model.unavoidable), method
    )
    weights = [[float(entry) for entry in row] for row in model.weights]
    findings.table("frontiers.weights", record.weights, weights, "λmn/(2(1−ρ)) + waiting for the partner, in rationals")


def check_classical_bound(findings: Findings, game: Game, recorded: Interval, seconds: float) -> None:
    """The interval that is said to hold β_C."""
    found = proved_value(game.model, game.multiplier, seconds)
    allowed = RELATIVE * game.magnitude + found.tolerance
    what, tolerance = "certificate.classical_bound", f"{allowed:.1e}"
    low, high = float(found.low) + game.constant, found.high + game.constant
    if recorded.low <= low + allowed:
        method = f"attained by a strategy; {found.method}"
        findings.claim(f"{what}.low", recorded.low, low, method, True, tolerance)
    elif recorded.low > high + allowed:
        findings.claim(f"{what}.low", recorded.low, high, f"no strategy reaches it; {found.method}", False, tolerance)
    else:
        findings.unchecked(f"{what}.low", recorded.low, f"no strategy found attains it; {found.method}", low)
    if recorded.high < low - allowed:
        method = f"a strategy scores more; {found.method}"
        findings.claim(f"{what}.high", recorded.high, low, method, False, tolerance)
    elif recorded.high >= high - allowed:
        findings.claim(f"{what}.high", recorded.high, high, f"no strategy scores more; {found.method}", True, tolerance)
    else:
        why = f"no strategy found scores more, but only this much is proved; {found.method}"
        findings.unchecked(f"{what}.high", recorded.high, why, high)
    _check_width(findings, what, recorded, low, game)


def _check_width(findings: Findings, what: str, recorded: Interval, low: float, game: Game) -> None:
    """The interval is as narrow as its method says."""
    gap = _GAP.search(recorded.method)
    share = 0.0 if gap is None else float(gap.group(1)) / 100 * 1.06  # the gap is said in two digits
    narrow = _WIDTHS.get(recorded.method.removesuffix(_BINS), RELATIVE)
    allowed = narrow * game.magnitude + share * abs(low - game.constant) + game.model.binning_error
    width = recorded.high - recorded.low
    if gap is None and recorded.method.removesuffix(_BINS) not in _WIDTHS:
        findings.unchecked(f"{what}: width", width, f"{recorded.method!r} does not say how wide it may be")
        return
    findings.claim(f"{what}: width", width, allowed, f"as narrow as {recorded.method!r} says", width <= allowed, "–")


def check_quantum_bound(findings: Findings, game: Game, recorded: Interval) -> None:
    """The interval that is said to hold β_Q."""
    found = _quantum(game)
    allowed = RELATIVE * game.magnitude
    what, tolerance = "certificate.quantum_bound", f"{allowed:.1e}"
    low, high = found.low + game.constant, found.high + game.constant
    for name, value, reached, proved, method in (
        ("low", recorded.low, recorded.low <= low + allowed, recorded.low > high + allowed, found.method_low),
        ("high", recorded.high, recorded.high >= high - allowed, recorded.high < low - allowed, found.method_high),
    ):
        shown = low if name == "low" else high
        if reached or proved:
            findings.claim(f"{what}.{name}", value, shown, method, reached, tolerance)
        else:
            findings.unchecked(f"{what}.{name}", value, f"neither proved nor refuted; {method}", shown)
    if recorded.high - recorded.low > 10 * allowed and not game.model.knows_sizes:
        why = f"wider than rounding, as a search that stalled leaves it; here {high - low:.1e}"
        findings.unchecked(f"{what}: width", recorded.high - recorded.low, why)


def _quantum(game: Game) -> QuantumValue:
    """β_Q from below over types or bins, from above over whatever the routers know."""
    found = quantum_value(game.model.game(game.multiplier)[0])
    if not game.model.knows_sizes:
        return found
    if not game.model.product:
        method = f"{found.method_high}, and the error of the bins"
        return replace(found, high=found.high + game.model.binning_error, method_high=method)
    high = SizesGame.of(game.model, game.multiplier).quantum()[1]
    return replace(found, high=high, method_high="dual densities over the exact sizes, by quadrature")


def check_p_value(
    findings: Findings,
    game: Game,
    evidence: Evidence,
    analysis: StoredAnalysis,
    hull: Hull | None,
    codes: Integers | None,
    watch: Watch,
) -> float | None:
    """log₁₀ p, fixed, at any time and for any crosstalk, and its method; returns log₁₀ p, None if not recomputed."""
    certificate = analysis.certificate
    score = Score(game.matrix, evidence)
    log10_p: float | None = None
    if not score.measurable:
        findings.claim("certificate.log10_p_value", certificate.log10_p_value, None, "settings never asked for", False)
        return None
    edges = _check_edges(findings, game, analysis, evidence, hull)
    log_p, method = score.log_tail(game.bound)
    if not evidence.stopped:
        log10_p = min(0.0, log_p + math.log(edges)) / math.log(10)
    anytime = _check_anytime(findings, game, score, analysis, codes, watch)
    if evidence.stopped:
        method, log10_p = MARTINGALE, anytime
    findings.same("certificate.method", certificate.method, method, "what settings and weights allow")
    how = f"{_told(method)}; at the recorded bound on β_C" + (f", times {edges} edges" if edges > 1 else "")
    if log10_p is None:
        why = "needs trials in their order; the last value of the martingale does not contradict it"
        findings.unchecked("certificate.log10_p_value", certificate.log10_p_value, why)
    else:
        _log10_p(findings, "certificate.log10_p_value", certificate.log10_p_value, log10_p, how, evidence)
    crosstalk = None
    if evidence.parallel > 1 and evidence.fresh:
        crosstalk = min(0.0, score.log_tail_of_shots(game.bound) + math.log(edges)) / math.log(10)
    recorded = certificate.log10_p_value_any_crosstalk
    method = "−N/k·KL of the mean over the pairs of each shot, 40 digits"
    _log10_p(findings, "certificate.log10_p_value_any_crosstalk", recorded, crosstalk, method, evidence)
    basis = "drawn afresh" if evidence.fresh else "Conditional"
    text = certificate.assumption
    findings.claim("certificate.assumption", text[:60], f"… {basis} …", "what the settings allow", basis in text)
    return log10_p


def check_certified(findings: Findings, analysis: StoredAnalysis, model: Model, log10_p: float | None) -> None:
    """α, and whether p is at most α."""
    certificate = analysis.certificate
    significance = model.experiment.significance
    findings.same("certificate.significance", certificate.significance, significance, "scenario, experiment")
    if log10_p is None:
        log10_p = certificate.log10_p_value
        how = "recorded log10 p ≤ log10 α"
    else:
        how = "recomputed log10 p ≤ log10 α"
    level = math.log10(significance)
    if abs(log10_p - level) <= _LOG10_P:
        findings.unchecked("certificate.certified", certificate.certified, "p equals the significance to six digits")
    else:
        findings.same("certificate.certified", certificate.certified, log10_p <= level, how)


def _check_edges(
    findings: Findings, game: Game, analysis: StoredAnalysis, evidence: Evidence, hull: Hull | None
) -> int:
    """The number of multipliers tried, and that the recorded one is the best of them; returns that number."""
    certificate = analysis.certificate
    if analysis.planned is not None:
        findings.same("certificate.edges", certificate.edges, 1, "one multiplier, declared before the data")
        return 1
    if hull is None:
        findings.unchecked("certificate.edges", certificate.edges, "the recorded frontier is none")
        return max(certificate.edges, 1)
    usable = [multiplier for multiplier in hull.multipliers if multiplier > 0]
    findings.same("certificate.edges", certificate.edges, len(usable), f"edges: {hull.method}")
    tested = []
    for multiplier in usable:
        exact, _ = game.model.game(multiplier)
        score = Score(np.array([[float(entry) for entry in row] for row in exact]), evidence)
        bound = _bound_at(hull, game.model, multiplier)
        tested.append((score.log_tail(bound)[0], bound - score.observed, multiplier))
    least = min(tested)
    best = min(tested, key=lambda each: abs(each[2] - certificate.multiplier))
    scale = max(abs(least[0]), 1.0)
    holds = abs(best[2] - certificate.multiplier) <= RELATIVE * best[2] and best[0] <= least[0] + 1e-6 * scale
    method = "the edge of the classical frontier with the smallest p-value"
    findings.claim("certificate.multiplier", certificate.multiplier, least[2], method, holds, f"{RELATIVE:g}")
    return len(usable) or 1


def _bound_at(hull: Hull, model: Model, multiplier: float) -> float:
    """β_C at an edge's multiplier from the frontier's vertices: the largest of W_together − const − W − μp."""
    return float(model.together - model.constant(multiplier)) - float((hull.waiting + multiplier * hull.p).min())


def _check_anytime(
    findings: Findings, game: Game, score: Score, analysis: StoredAnalysis, codes: Integers | None, watch: Watch
) -> float | None:
    """The test martingale; returns log₁₀ p at any time, None if it could not be recomputed."""
    recorded, evidence = analysis.certificate.log10_anytime_p_value, score.evidence
    what = "certificate.log10_anytime_p_value"
    if analysis.planned is None or not evidence.fresh or score.scale == 0:
        findings.same(what, recorded, None, "needs a declared multiplier and fresh settings in their order")
        return None
    omega = min(max(score.mean(game.bound), 0.0), 1.0)
    lost, values = int(evidence.lost.sum()), score.scores.ravel().tolist()
    if codes is None:
        last = log_wealth(growth_of(values, score.often.ravel().tolist()), evidence.trials, omega) / math.log(10)
        if recorded is not None and recorded > min(0.0, -last) + _LOG10_P:
            method = "the last value of the martingale alone, in any order, gives less"
            findings.claim(what, recorded, -last, method, False, f"{_LOG10_P:g}")
        else:
            why = f"needs trials in their order; its last value, in any order, gives at most {min(0.0, -last):.6g}"
            findings.unchecked(what, recorded, why)
        return None
    watch("the test martingale, trial after trial")
    # Even places of `values` belong to a = b, odd ones to a ≠ b.
    places = 2 * (codes // 4) + ((codes // 2 ^ codes) & 1)
    best = 0.0 if omega >= 1 else log_best_wealth(values, places.tolist(), lost, omega)[0]
    found = -best / math.log(10)
    _log10_p(findings, what, recorded, found, "stakes carried on trial by trial", evidence)
    return found


def _log10_p(
    findings: Findings, what: str, recorded: float | None, found: float | None, method: str, evidence: Evidence
) -> None:
    findings.number(what, recorded, found, method, absolute=_LOG10_P + _UPWARDS * evidence.trials)


def _told(method: str) -> str:
    return {
        "exact binomial": "binomial tail summed term by term in 40 digits",
        MARTINGALE: "stakes carried on trial by trial",
    }.get(method, "−N·KL in 40 digits")
