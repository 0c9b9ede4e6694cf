"""The observed operating point against the four frontiers, over its confidence region."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..model.estimate import Estimate
from ..model.games.frontier import Frontier, QuantumFrontier
from ..model.games.frontiers import Frontiers
from ..model.games.latency import break_even_latency, fibre_distance_km
from ..model.trials import Trials
from .certificate.certificate import certify
from .certificate.region import ConfidenceRegion
from .certificate.samples import Sample
from .records.analysis_record import Advantage, BreakEven, FrontierComparison, PointEstimate
from .records.every_classical import AgainstEveryClassical
from .records.frontier_record import FrontierPoint

Floats = NDArray[np.float64]

UNDECLARED = (0.25, 0.5, 0.75)  # p at whose slopes counts are tested for which nobody declared a multiplier


def observed(region: ConfidenceRegion) -> PointEstimate:
    """The observed point with its baseline throughput, which falls as p rises."""
    p = region.splitting_probability
    ends = [p.estimate, min(p.high, 1.0), max(p.low, 0.0)]
    throughput = region.frontiers.workload.baseline_throughput(ends).tolist()
    return PointEstimate(
        splitting_probability=p, waiting_time=region.waiting_time, baseline_throughput=Estimate(*throughput)
    )


def advantage(region: ConfidenceRegion) -> Advantage:
    """The comparison with the frontier of the region's class."""
    reduction, relative = region.reduction()
    return Advantage(
        waiting_time_reduction=reduction,
        waiting_time_reduction_relative=relative,
        throughput_gain_relative=region.throughput_gain(),
    )


def against(region: ConfidenceRegion, frontier: Frontier, exact: QuantumFrontier | None = None) -> FrontierComparison:
    """A frontier's own point at the observed throughput, and its throughput at the observed waiting time.

    Args:
        region: Confidence region of the observed point.
        frontier: The frontier to compare with.
        exact: Solved for the estimates, where `frontier` only tabulates its curve.
    """
    waiting, p = region.waiting_time, region.splitting_probability.estimate
    at_p = frontier.waiting_time_at(region.p)
    at_estimate = exact.waiting_time_at(p) if exact else float(frontier.waiting_time_at(p))
    splitting = frontier.splitting_probability_at([waiting.estimate, waiting.low, waiting.high])
    if exact:
        splitting[0] = exact.splitting_probability_at(waiting.estimate)
    throughput = region.frontiers.workload.baseline_throughput(splitting)
    equal_throughput = Estimate.enclosing(at_estimate, at_p, at_p)
    return FrontierComparison(
        splitting_probability=region.splitting_probability,
        waiting_time=equal_throughput,
        baseline_throughput=observed(region).baseline_throughput,
        waiting_time_at_equal_throughput=equal_throughput,
        baseline_throughput_at_equal_waiting_time=Estimate.enclosing(float(throughput[0]), throughput, throughput),
    )


def every_classical(
    frontiers: Frontiers,
    multipliers: Sequence[float] | None,
    sample: Sample,
    significance: float,
    trials: Trials | None,
    expected: Floats | None = None,
) -> AgainstEveryClassical | None:
    """The verdict against every classical router without communication; None where there is no bound on them.

    Args:
        frontiers: The scenario's.
        multipliers: Declared before the data; None: nobody's declaration, and three slopes of the frontier are tried.
        sample: The data.
        significance: α.
        trials: The same data in the order of execution, where known.
        expected: Correlators expected before the data; as in `certify`.
    """
    if frontiers.reason_without_every_classical is not None:
        return None
    curve = frontiers.every_classical
    if multipliers is None:
        multipliers = sorted({frontiers.classical_multiplier(p, 0.0, "every-classical") for p in UNDECLARED})
    games = [frontiers.game(multiplier) for multiplier in multipliers if multiplier > 0]
    if not games:  # the bound is flat: it says that waiting is positive, and no more
        return None
    certificate = certify(games, sample, significance, trials, "every-classical", expected)
    multiplier, edges = certificate.multiplier, certificate.edges
    region = ConfidenceRegion.of(frontiers, sample, multiplier, significance, edges, "every-classical")
    line = curve.score_bound(frontiers.game(multiplier))
    at_equal_throughput = curve.waiting_time_at(region.p)
    estimate = float(curve.waiting_time_at(region.splitting_probability.estimate))
    return AgainstEveryClassical(
        waiting_time_at_equal_throughput=Estimate.enclosing(estimate, at_equal_throughput, at_equal_throughput),
        **vars(advantage(region)),
        multiplier=multiplier,
        edges=edges,
        splitting_probability=line.splitting_probability,
        kappa=line.kappa,
        bound=line.bound,
        score_bound=frontiers.game(multiplier).bound("every-classical").high,
        excess=certificate.excess,
        log10_p_value=certificate.log10_p_value,
        log10_anytime_p_value=certificate.log10_anytime_p_value,
        log10_p_value_pooled=certificate.log10_p_value_pooled,
        method=certificate.method,
        certified=certificate.certified,
        excess_at_least=certificate.excess_at_least,
        anytime_method=certificate.anytime_method,
    )


def break_even(region: ConfidenceRegion, time_unit_seconds: float | None) -> BreakEven:
    """How long a message between the routers may take before entanglement, ideal or observed, waits less."""
    frontiers = region.frontiers
    p, waiting = region.splitting_probability.estimate, region.waiting_time.estimate
    inside = min(max(p, 0.0), 1.0)
    talking = frontiers.communication.waiting_time_at(region.p)
    least, most = (
        np.maximum(region.line - excess - talking, 0.0) for excess in (region.excess.high, region.excess.low)
    )
    estimate = break_even_latency(frontiers, inside, waiting)
    ideal = break_even_latency(frontiers, inside, frontiers.quantum.waiting_time_at(p))
    distances = {}
    if time_unit_seconds is not None:
        distances["ideal_distance_km"] = fibre_distance_km(ideal, time_unit_seconds)
        distances["observed_distance_km"] = fibre_distance_km(estimate, time_unit_seconds)
    return BreakEven(ideal=ideal, observed=Estimate.enclosing(estimate, least, most), **distances)


def corners(region: ConfidenceRegion) -> list[FrontierPoint]:
    """Corners of the confidence region, round its border."""
    ends = [(0, region.excess.low), (0, region.excess.high), (-1, region.excess.high), (-1, region.excess.low)]
    throughput = region.frontiers.workload.baseline_throughput(region.p)
    return [
        FrontierPoint(
            splitting_probability=float(region.p[end]),
            waiting_time=float(region.line[end]) - excess,
            baseline_throughput=float(throughput[end]),
        )
        for end, excess in ends
    ]
