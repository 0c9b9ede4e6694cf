"""The classical side of a record against what other methods prove: the value at a multiplier, and the frontier."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction

import numpy as np

from .classical import Value, classical_value
from .continuous import SizesGame
from .findings import RELATIVE, Findings
from .frontier import Hull, classical_hull
from .model import Model
from .record import StoredAnalysis, Vertex

PRECISION = 1e-8  # of the size of the terms: how closely thresholds on exact sizes are searched at the multiplier
_LINE_PRECISION = 1e-6  # and for each edge of a frontier


def proved_value(model: Model, multiplier: float, seconds: float, precision: float = PRECISION) -> Value:
    """β_C at that multiplier over all strategies of whatever the routers know, types or sizes.

    Args:
        model: Gives the game.
        multiplier: μ.
        seconds: Longest time for a mixed-integer programme, where it comes to that.
        precision: Share of the size of the terms up to which thresholds on exact sizes are searched.
    """
    if model.product and model.knows_sizes:
        precision *= model.magnitude(multiplier)
        low, high = SizesGame.of(model, multiplier).classical(precision)
        method = "thresholds on the exact size, searched by halving"
        return Value(Fraction(low), high, method, True, (), precision)
    found = classical_value(model, multiplier, seconds)
    if model.knows_sizes:
        method = f"{found.method}, and the error of the bins"
        return replace(found, high=found.high + model.binning_error, method=method)
    return found


def check_frontier(findings: Findings, model: Model, analysis: StoredAnalysis, seconds: float) -> Hull | None:
    """The classical frontier: its vertices where it is exact, else each edge as a line that must be proved.

    Args:
        findings: Gets the rows.
        model: Gives the games.
        analysis: The record.
        seconds: Longest time for the mixed-integer programmes of all edges, where it comes to that.

    Returns:
        It, to compare with: found again if it is exact, else as it was recorded; None where that is no frontier.
    """
    record = analysis.frontiers
    order = model.within_pair_order
    findings.same("frontiers.within_pair_order", record.within_pair_order, order, "scenario")
    proof = record.classical_proof
    exact = proof is None or proof.gap_relative == 0
    found = classical_hull(model) if exact else None
    if found is not None:
        _check_vertices(findings, found, record.classical)
    _check_columns(findings, model, record.classical)
    recorded = _as_recorded(record.classical)
    if recorded is None:
        findings.claim("frontiers.classical", len(record.classical), None, "p must rise from 0 to 1, W fall", False)
        return found
    if proof is not None:
        achieved = _as_recorded(proof.achieved) if proof.achieved else recorded
        gap = 0.0 if exact or achieved is None else _gap(recorded, achieved)
        method = "largest 1 − proved/achieved"
        findings.number("frontiers.classical_proof.gap_relative", proof.gap_relative, gap, method, scale=1e-3)
    if found is not None:
        return found
    _check_lines(findings, model, recorded, seconds)
    return recorded


def _check_vertices(findings: Findings, found: Hull, record: list[Vertex]) -> None:
    what, how = "frontiers.classical", found.method
    findings.table(f"{what}: p", [point.splitting_probability for point in record], found.p.tolist(), how, scale=1)
    findings.table(f"{what}: W", [point.waiting_time for point in record], found.waiting.tolist(), how)


def _check_columns(findings: Findings, model: Model, record: list[Vertex]) -> None:
    """Slopes and throughputs of the recorded points."""
    what = "frontiers.classical"
    pairs = list(itertools.pairwise(record))
    runs = [right.splitting_probability - left.splitting_probability for left, right in pairs]
    falls = [left.waiting_time - right.waiting_time for left, right in pairs]
    slopes = [fall / run if run else np.inf for fall, run in zip(falls, runs, strict=True)]
    scale = max(slopes, default=0.0)
    findings.table(f"{what}: μ", [point.multiplier for point in record], [*slopes, 0.0], "slopes", scale=scale)
    throughput = [model.throughput(point.splitting_probability) for point in record]
    findings.table(f"{what}: τ", [point.baseline_throughput for point in record], throughput, "τ(p), closed form")


def _as_recorded(points: list[Vertex]) -> Hull | None:
    p = np.array([point.splitting_probability for point in points])
    waiting = np.array([point.waiting_time for point in points])
    rising = len(p) > 1 and p[0] == 0 and p[-1] == 1 and bool(np.all(np.diff(p) > 0) and np.all(np.diff(waiting) <= 0))
    return Hull(p, waiting, "edges as recorded") if rising else None


def _gap(proved: Hull, achieved: Hull) -> float:
    shares = [1 - proved.waiting_at(p) / achieved.waiting_at(p) for p in {*proved.p.tolist(), *achieved.p.tolist()}]
    return max(0.0, *shares)


def _check_lines(findings: Findings, model: Model, recorded: Hull, seconds: float) -> None:
    """Every edge, extended, must lie below every classical strategy: W + μp ≥ W_together − const − β_C."""
    what, how = "frontiers.classical: least W + μp", "every edge, extended, below every strategy"
    lines = []
    for multiplier in recorded.multipliers:
        value = proved_value(model, multiplier, seconds / len(recorded.multipliers), _LINE_PRECISION)
        top = float(model.together - model.constant(multiplier))
        claimed = float((recorded.waiting + multiplier * recorded.p).min())
        allowed = RELATIVE * model.magnitude(multiplier) + value.tolerance
        lines.append((top - value.high + allowed - claimed, claimed, top - float(value.low), allowed, value.method))
    room, claimed, reached, allowed, method = min(lines)
    if room >= 0:
        findings.claim(what, claimed, claimed + room - allowed, f"{how}; {method}", True, f"{allowed:.1e}")
        return
    room, claimed, reached, allowed, method = min(lines, key=lambda line: line[2] + line[3] - line[1])
    if claimed > reached + allowed:
        findings.claim(what, claimed, reached, f"a strategy lies below an edge; {method}", False, f"{allowed:.1e}")
    else:
        findings.unchecked(
            what, claimed, f"no strategy found lies below an edge, but not all is proved; {method}", reached
        )
