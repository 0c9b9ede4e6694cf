"""Visibility, no-signalling, CHSH and the pairs of one shot, against what the counts give."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .certificate import Game
from .comparison import LIMITS, Triple, observed_limits
from .findings import Findings
from .record import Limits, Pair, StoredAnalysis
from .statistics import ALARM, SETTINGS_ALARM, Evidence, Score, crosstalk, estimate, no_signalling

Integers = NDArray[np.int64]

_ASYMPTOTIC = -300.0  # log₁₀ p below which the record's χ² tails are their leading term


def settings_alarm(evidence: Evidence) -> list[str]:
    """Whether the settings do not look as they were declared; then nothing rests on the declaration."""
    return ["SETTINGS ALARM"] if evidence.log10_settings_p_value() < SETTINGS_ALARM else []


def check_visibility(findings: Findings, game: Game, evidence: Evidence, analysis: StoredAnalysis) -> None:
    """The share of the ideal score, relative to what the record says it is."""
    _visibility(findings, "visibility", analysis.visibility, game, evidence, analysis)


def check_diagnostics(findings: Findings, evidence: Evidence, analysis: StoredAnalysis) -> list[str]:
    """No-signalling and CHSH; returns the alarms that must be told."""
    record = analysis.no_signalling
    names = ("log10_p_value_a", "log10_p_value_b", "log10_p_value")
    found = no_signalling(evidence.counts)
    for name, value in zip(names, found, strict=True):
        _chi2(findings, f"no_signalling.{name}", getattr(record, name), value)
    findings.number("no_signalling.p_value", record.p_value, 10.0 ** found[2], "10^(log10 p)", relative=1e-5)
    findings.same("no_signalling.alarm", record.alarm, found[2] < ALARM, "log10 p < −3")
    _chsh(findings, "chsh", analysis.chsh, evidence, math.log(analysis.certificate.significance))
    return ["NO-SIGNALLING ALARM"] if found[2] < ALARM else []


def check_pairs(
    findings: Findings,
    game: Game,
    evidence: Evidence,
    analysis: StoredAnalysis,
    codes: Integers | None,
    asked_by_pair: Sequence[Integers],
) -> list[str]:
    """Each pair of a run that measured several in every shot; returns the alarms that must be told.

    Args:
        findings: Gets the rows.
        game: At the certificate's multiplier.
        evidence: Of all pairs.
        analysis: The record.
        codes: Of the trials in order, if at hand.
        asked_by_pair: Trials of each pair with each setting.
    """
    record, parallel = analysis.parallel, evidence.parallel
    if parallel == 1 or codes is None:
        if record is None:
            return []
        findings.unchecked("parallel", record.shots, "needs the trials in order; give the run's folder")
        return ["CROSSTALK ALARM"] if record.crosstalk.alarm else []
    whole = len(codes) % parallel == 0 and len(asked_by_pair) == parallel
    if record is None or not whole or len(record.pairs) != parallel:
        findings.claim("parallel", None, f"{parallel} pairs", "each pair by itself, from whole shots", False)
        return []
    shape = (evidence.counts.shape[0], evidence.counts.shape[1])
    findings.same("parallel.shots", record.shots, evidence.trials // parallel, "trials over pairs")
    qubits = analysis.provenance.qubits or []
    best = 0.0
    for number, pair in enumerate(record.pairs):
        counts = np.bincount(codes[number::parallel], minlength=math.prod(shape) * 4).reshape(*shape, 2, 2)
        own = evidence.of_pair(counts, asked_by_pair[number])
        best = min(best, _check_pair(findings, f"parallel.pairs[{number}]", pair, game, own, analysis))
        named = qubits[2 * number : 2 * number + 2] or None
        findings.same(f"parallel.pairs[{number}].qubits", pair.qubits, named, "provenance.qubits")
    best = min(0.0, best + math.log10(parallel))
    what = "parallel.log10_p_value_best_pair"
    findings.number(what, record.log10_p_value_best_pair, best, "least of the pairs, times their number", absolute=1e-6)
    log10_p, source, target = crosstalk(codes, shape, parallel)
    _chi2(findings, "parallel.crosstalk.log10_p_value", record.crosstalk.log10_p_value, log10_p)
    worst = [record.crosstalk.source, record.crosstalk.target]
    findings.same("parallel.crosstalk: source, target", worst, [source, target], "the couple of the least p")
    findings.same("parallel.crosstalk.alarm", record.crosstalk.alarm, log10_p < ALARM, "log10 p < −3")
    return ["CROSSTALK ALARM"] if log10_p < ALARM else []


def _check_pair(
    findings: Findings, what: str, pair: Pair, game: Game, own: Evidence, analysis: StoredAnalysis
) -> float:
    """One pair by itself; returns its log₁₀ p."""
    level, scale = math.log(analysis.certificate.significance), float(game.model.together)
    findings.same(f"{what}.trials", pair.trials, own.trials, "asked of plan.json")
    findings.same(f"{what}.lost", pair.lost, int(own.lost.sum()), "asked less counted")
    log10_p = min(0.0, Score(game.matrix, own).log_tail(game.bound)[0]) / math.log(10)
    findings.number(f"{what}.log10_p_value", pair.log10_p_value, log10_p, "as of all pairs", absolute=1e-6)
    p, waiting = observed_limits(game.model, own, level)
    findings.limits(f"{what}.splitting_probability", pair.splitting_probability, p, LIMITS, scale=1)
    findings.limits(f"{what}.waiting_time", pair.waiting_time, waiting, LIMITS, scale=scale)
    _visibility(findings, f"{what}.visibility", pair.visibility, game, own, analysis)
    _chsh(findings, f"{what}.chsh", pair.chsh, own, level)
    return log10_p


def _visibility(
    findings: Findings, what: str, recorded: Limits, game: Game, evidence: Evidence, analysis: StoredAnalysis
) -> None:
    ideal = analysis.correlators.ideal
    if analysis.visibility.relative_to.startswith("nothing"):
        findings.unchecked(what, recorded.estimate, "the game has no weight here")
        return
    fits = ideal is not None and [len(row) for row in ideal] == [len(game.matrix[0])] * len(game.matrix)
    best = float((game.matrix * np.array(ideal)).sum()) if fits else 0.0
    if best <= 0:
        best = analysis.certificate.quantum_bound.high - game.constant
    score = Score(game.matrix / best, evidence)
    found = estimate(score, 0.0, math.log(analysis.certificate.significance))
    findings.limits(what, recorded, found, f"Σ G c over the ideal; {LIMITS}", scale=score.scale)


def _chsh(findings: Findings, what: str, recorded: Limits | None, evidence: Evidence, level: float) -> None:
    """The largest of the eight CHSH sums, where 2×2 settings were measured."""
    if evidence.counts.shape[:2] != (2, 2) or not evidence.measured.all():
        findings.same(what, None if recorded is None else recorded.estimate, None, "needs 2×2 types, all measured")
        return
    signs = [np.where(np.arange(4).reshape(2, 2) == odd, -sign, sign) for odd in range(4) for sign in (1.0, -1.0)]
    score = Score(max(signs, key=lambda each: float((each * evidence.correlators).sum())), evidence)
    found: Triple = estimate(score, 0.0, level)
    if recorded is None:
        findings.claim(what, None, found[0], "largest of the eight CHSH sums", False)
    else:
        findings.limits(what, recorded, found, f"largest of the eight CHSH sums; {LIMITS}", scale=score.scale)


def _chi2(findings: Findings, what: str, recorded: float, found: float) -> None:
    relative = 1e-3 if found < _ASYMPTOTIC else 1e-6
    method = "Pearson's χ², tail in closed form"
    findings.number(what, recorded, found, method, relative=relative, absolute=1e-9)
