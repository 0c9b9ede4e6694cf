"""What was observed and how it compares with the classical frontier, against what the counts give."""

from __future__ import annotations

import math
import re

import numpy as np
from numpy.typing import NDArray

from .certificate import Game
from .findings import Findings
from .frontier import Hull
from .model import Model
from .record import StoredAnalysis
from .statistics import Evidence, Score, estimate, plug_in

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Triple = tuple[float, float, float]

_GRID = 1025  # values of p
_RECORDED_GRID = 512  # steps of the record's own grid: what its extremes may miss, as a share of their span
LIMITS = "tail inverted by bisection"
_NUMBERS = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
_ALARMS = ["SETTINGS ALARM", "NO-SIGNALLING ALARM", "CROSSTALK ALARM"]


def observed_limits(model: Model, evidence: Evidence, level: float) -> tuple[Triple, Triple]:
    """p and W with limits at significance e^level on either side."""
    joint = np.array([[float(entry) for entry in row] for row in model.joint])
    weighted = joint * np.array([[float(entry) for entry in row] for row in model.weights])
    middle = float(model.unavoidable + model.together) / 2
    return (
        estimate(Score(-joint / 2, evidence), 0.5, level),
        estimate(Score(weighted / 2, evidence), middle, level),
    )


def check_observed(findings: Findings, model: Model, analysis: StoredAnalysis, p: Triple, waiting: Triple) -> None:
    """p, W and τ of the observed correlators."""
    record, scale = analysis.observed, float(model.together)
    findings.limits("observed.splitting_probability", record.splitting_probability, p, f"Σ π(1−c)/2; {LIMITS}", scale=1)
    findings.limits("observed.waiting_time", record.waiting_time, waiting, f"W0 + Σ π w(1+c)/2; {LIMITS}", scale=scale)
    throughput = [model.throughput(at) for at in (p[0], min(p[2], 1.0), max(p[1], 0.0))]
    findings.limits("observed.baseline_throughput", record.baseline_throughput, throughput, "τ(p), closed form")


def check_estimates_alone(findings: Findings, game: Game, analysis: StoredAnalysis) -> None:
    """What the recorded correlators give where the record holds no counts."""
    model, correlators = game.model, np.array(analysis.correlators.measured)
    joint = np.array([[float(entry) for entry in row] for row in model.joint])
    weighted = joint * np.array([[float(entry) for entry in row] for row in model.weights])
    p = 0.5 + plug_in(-joint / 2, correlators)
    waiting = float(model.unavoidable + model.together) / 2 + plug_in(weighted / 2, correlators)
    observed, how = analysis.observed, "of the recorded correlators"
    if math.isnan(p):
        findings.unchecked("observed", None, "some settings brought no outcome, and the record holds no counts")
        return
    findings.number("observed.splitting_probability.estimate", observed.splitting_probability.estimate, p, how)
    findings.number("observed.waiting_time.estimate", observed.waiting_time.estimate, waiting, how)
    tau = model.throughput(p)
    findings.number("observed.baseline_throughput.estimate", observed.baseline_throughput.estimate, tau, how)
    excess = plug_in(game.matrix, correlators) - game.bound
    recorded = analysis.certificate.excess.estimate
    findings.number("certificate.excess.estimate", recorded, excess, how, scale=game.magnitude)


def check_excess(findings: Findings, game: Game, evidence: Evidence, analysis: StoredAnalysis) -> None:
    """The score and Δ with its limits."""
    certificate = analysis.certificate
    level = math.log(certificate.significance) - math.log(max(certificate.edges, 1))
    score = Score(game.matrix, evidence)
    found = estimate(score, -game.bound, level)
    scale = game.magnitude + score.scale
    findings.number(
        "certificate.score", certificate.score, found[0] + game.bound + game.constant, "const + Σ G c", scale=scale
    )
    findings.limits("certificate.excess", certificate.excess, found, f"Σ G c − β_C; {LIMITS}", scale=scale)


def check_advantage(
    findings: Findings,
    game: Game,
    evidence: Evidence,
    analysis: StoredAnalysis,
    hull: Hull,
    observed: tuple[Triple, Triple],
) -> None:
    """The comparison with the classical frontier over the confidence region, and the region itself."""
    model, certificate, (p, waiting) = game.model, analysis.certificate, observed
    level = math.log(certificate.significance / 6) - math.log(max(certificate.edges, 1))
    excess = estimate(Score(game.matrix, evidence), -game.bound, level)
    low, high = max(p[1], 0.0), min(p[2], 1.0)
    inside = [vertex for vertex in hull.p.tolist() if low < vertex < high]
    corners = np.array(sorted({low, *inside, high}))
    line = float(model.together) - certificate.classical_bound.high - certificate.multiplier * corners
    classical = np.array([hull.waiting_at(at) for at in corners.tolist()])
    above, scale = classical - line, float(model.together)
    at_p = hull.waiting_at(p[0])
    gain = at_p - waiting[0]
    most = np.minimum(excess[2] + above, classical - float(model.unavoidable))
    reduction = (gain, min(certificate.excess.low, gain), max(float(most.max()), gain))
    how = "extremes at the ends of p and the frontier's vertices between"
    findings.limits(
        "advantage.waiting_time_reduction", analysis.advantage.waiting_time_reduction, reduction, how, scale=scale
    )
    shares = (excess[1] + above) / classical, most / classical
    relative = (gain / at_p, min(gain / at_p, float(shares[0].min())), max(gain / at_p, float(shares[1].max())))
    record = analysis.advantage.waiting_time_reduction_relative
    findings.limits("advantage.waiting_time_reduction_relative", record, relative, how, scale=1)
    _check_gain(findings, game, analysis, hull, (p, waiting), (corners, excess))
    times = (at_p, hull.waiting_at(high), hull.waiting_at(low))
    times = (times[0], min(times), max(times))
    record = analysis.classical.waiting_time_at_equal_throughput
    findings.limits("classical.waiting_time_at_equal_throughput", record, times, "the frontier at p", scale=scale)
    # From W as recorded, checked above: where the frontier ends flat, the least p jumps with the last digit of W.
    recorded = analysis.observed.waiting_time
    rates = [model.throughput(hull.p_at(at)) for at in (recorded.estimate, recorded.low, recorded.high)]
    found = (rates[0], min(rates), max(rates))
    record = analysis.classical.baseline_throughput_at_equal_waiting_time
    findings.limits("classical.baseline_throughput_at_equal_waiting_time", record, found, "τ at the frontier's p of W")
    repeated = (
        ("splitting_probability", analysis.observed.splitting_probability),
        ("waiting_time", analysis.classical.waiting_time_at_equal_throughput),
        ("baseline_throughput", analysis.observed.baseline_throughput),
    )
    for name, wanted in repeated:
        own = getattr(analysis.classical, name).model_dump()
        findings.same(f"classical.{name}", own, wanted.model_dump(), "the same, elsewhere in the record")
    ends = [(0, excess[1]), (0, excess[2]), (-1, excess[2]), (-1, excess[1])]
    region = [
        [float(corners[end]), float(line[end]) - delta, model.throughput(float(corners[end]))] for end, delta in ends
    ]
    corners_recorded = [
        [point.splitting_probability, point.waiting_time, point.baseline_throughput]
        for point in analysis.confidence_region
    ]
    findings.table("confidence_region", corners_recorded, region, "ends of p, line − Δ", scale=scale)


def _check_gain(
    findings: Findings,
    game: Game,
    analysis: StoredAnalysis,
    hull: Hull,
    observed: tuple[Triple, Triple],
    region: tuple[Floats, Triple],
) -> None:
    """The throughput gained at equal waiting time; its limits over a grid of p."""
    model, ((p, *_), (waiting, *_)), (corners, excess) = game.model, observed, region
    low, high = float(corners[0]), float(corners[-1])
    top = float(model.together) - analysis.certificate.classical_bound.high

    def gain(at: float, wait: float) -> float:
        return model.throughput(at) / model.throughput(hull.p_at(wait)) - 1

    values = []
    for delta in excess[1:]:
        bends = [(top - delta - wait) / game.multiplier for wait in hull.waiting.tolist()]
        inside = [bend for bend in bends if low < bend < high]  # where the line's W passes a vertex
        grid = [*np.linspace(low, high, _GRID).tolist(), *corners.tolist(), *inside]
        values += [gain(at, top - game.multiplier * at - delta) for at in grid]
    estimated, record = gain(p, waiting), analysis.advantage.throughput_gain_relative
    what = "advantage.throughput_gain_relative"
    findings.number(f"{what}.estimate", record.estimate, estimated, "τ(p)/τ at the frontier's p of W − 1", scale=1)
    found = min(estimated, *values), max(estimated, *values)
    missed = (found[1] - found[0]) / _RECORDED_GRID
    for name, value in zip(("low", "high"), found, strict=True):
        method = f"extreme over {_GRID} values of p and all bends of the frontier"
        findings.number(f"{what}.{name}", getattr(record, name), value, method, scale=1, absolute=missed)


def check_words(findings: Findings, analysis: StoredAnalysis, alarms: list[str], lost: int) -> None:
    """The verdict's first line carries the answer, the alarms and the numbers of the record."""
    certificate, advantage = analysis.certificate, analysis.advantage
    first, second = analysis.verdict[:2]
    told = [name for name in _ALARMS if name in " ".join(analysis.warnings)]
    findings.same("warnings", ", ".join(told), ", ".join(sorted(alarms, key=_ALARMS.index)), "alarms that ring")
    lacking = [warning for warning in analysis.warnings if warning not in first]
    findings.claim("verdict[0]: warnings", len(lacking), 0, "warnings that the first line does not carry", not lacking)
    if lost:
        said = any(str(lost) in warning and "lost" in warning for warning in analysis.warnings)
        findings.claim("warnings: lost trials", said, True, "lost trials must be told", said)
    for text in (certificate.assumption, analysis.locality):
        findings.claim(
            "verdict", text[:60], text in analysis.verdict, "sentences of the record", text in analysis.verdict
        )
    told_class = analysis.class_compared in first
    findings.claim(
        "class_compared", analysis.class_compared, told_class, "named in the verdict's first line", told_class
    )
    answer = "NOT CERTIFIED" if "NOT CERTIFIED" in first else "CERTIFIED" if "CERTIFIED" in first else "nothing"
    wanted = "CERTIFIED" if certificate.certified else "NOT CERTIFIED"
    findings.same("verdict[0]", answer, wanted, "certificate.certified")
    lines = [("verdict[1]", second, [f"{certificate.log10_p_value:.4g}", f"{certificate.trials}"])]
    if certificate.certified:
        reduction, relative = advantage.waiting_time_reduction, advantage.waiting_time_reduction_relative
        sizes = [f"{reduction.estimate:.4g}", f"{100 * relative.estimate:.1f}", f"{reduction.low:.4g}"]
        lines.append(("verdict[0]: numbers", first, sizes))
    for what, line, expected in lines:
        missing = [number for number in expected if number not in _NUMBERS.findall(line)]
        findings.claim(what, line[:60], ", ".join(missing or expected), "numbers of the record in words", not missing)
