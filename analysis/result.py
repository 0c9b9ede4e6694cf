"""Counts → correlators → observed operating point → frontier comparison → certificate: the analysis of one run."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..model.errors import DataError
from ..model.games.frontier import Frontier, QuantumFrontier
from ..model.games.latency import break_even_latency, fibre_distance_km
from ..model.games.operating_point import Frontiers, OperatingPoint
from ..model.scenario.file import Scenario
from ..model.trials import Trials
from .certificate.certificate import CLASS_COMPARED, FOREIGN_LOOPHOLE, LOOPHOLE, Certificate, certify, score_excess
from .certificate.diagnostics import chsh, log10_settings_p_value, marginals, no_signalling_test
from .certificate.scores import Estimate, Sample, observed_point, observed_visibility
from .certificate.several_pairs import analyse_pairs, crosstalk_warning
from .records.analysis_record import (
    Advantage,
    Analysis,
    BreakEven,
    Correlators,
    FrontierComparison,
    Measured,
    Planned,
    PointEstimate,
    Predicted,
    Provenance,
    Visibility,
)
from .records.bell_pairs import bell_pairs_at
from .records.frontier_record import Point, frontier_record
from .records.verdict import verdict

Floats = NDArray[np.float64]

SETTINGS_ALARM = -6.0  # log₁₀ p below which settings cannot have been drawn as declared
_GRID = 513  # points over the range of p; between neighbours the frontiers are all but linear


def analyse(
    scenario: Scenario,
    sample: Sample,
    provenance: Provenance,
    *,
    plan: OperatingPoint | None = None,
    predicted: Predicted | None = None,
    trials: Trials | None = None,
    frontiers: Frontiers | None = None,
) -> Analysis:
    """Analyse measured counts against a scenario.

    Args:
        scenario: Gives the workload and the significance.
        sample: Counts with the rule their settings followed.
        provenance: Where the counts come from.
        plan: The operating point fixed before the data were taken; without it the multiplier is nobody's
            declaration, and the union bound over the classical edges is taken.
        predicted: What the device's calibration promised of that plan, where it promised anything.
        trials: The same data in the order of execution, where known.
        frontiers: The scenario's frontiers, if already at hand.

    Raises:
        DataError: the counts do not fit the scenario, or a pair of types was never measured.
    """
    frontiers = frontiers or Frontiers.of(scenario)
    workload = frontiers.workload
    if sample.counts.shape != workload.shape:
        told = f"counts are for {sample.counts.shape[0]}×{sample.counts.shape[1]} types"
        raise DataError(f"{told}; the scenario has {workload.shape[0]}×{workload.shape[1]}")
    measured = Measured.of(sample)
    sample, warnings = _trust_settings(sample)
    significance = scenario.experiment.significance
    edges = [plan.certificate_multiplier] if plan else frontiers.classical.multipliers.tolist()
    certificate = certify(frontiers, sample, edges, significance, trials)
    no_signalling = no_signalling_test(sample.counts)
    if no_signalling.alarm:
        warnings.append(
            "NO-SIGNALLING ALARM: one router's outcomes depend on the other's request "
            f"(log10 p = {no_signalling.log10_p_value:.1f}), which no Bell pair allows"
        )
    if certificate.lost:
        warnings.append(f"{certificate.lost} of {certificate.trials} trials were lost and count as losses")
    comparison = _Comparison.of(frontiers, sample, certificate)
    ideal = plan.strategy.correlators if plan else None
    parallel = None
    if sample.sampling.parallel > 1 and trials is not None:
        parallel = analyse_pairs(frontiers, sample, trials, certificate, edges, ideal, provenance.qubits)
        warnings += crosstalk_warning(parallel.crosstalk)
    advantage = comparison.advantage()
    p = comparison.observed.splitting_probability.estimate
    p = workload.splitting_probability(plan.strategy.split()) if plan else p
    locality = FOREIGN_LOOPHOLE if provenance.backend is None else LOOPHOLE
    return Analysis(
        title=scenario.title,
        verdict=verdict(certificate, advantage, warnings, locality),
        class_compared=CLASS_COMPARED,
        locality=locality,
        warnings=warnings,
        observed=comparison.observed,
        classical=comparison.with_frontier(frontiers.classical),
        quantum=comparison.with_frontier(frontiers.quantum.curve, frontiers.quantum),
        advantage=advantage,
        certificate=certificate,
        no_signalling=no_signalling,
        marginals=marginals(sample.counts),
        chsh=chsh(sample, math.log(significance)),
        visibility=_visibility(frontiers, sample, certificate, ideal),
        correlators=_correlators(sample, ideal),
        confidence_region=comparison.region(),
        planned=Planned.of(plan, predicted) if plan else None,
        frontiers=frontier_record(scenario.title, frontiers),
        scenario=scenario.record(),
        provenance=provenance,
        parallel=parallel,
        break_even=comparison.break_even(scenario.traffic.time_unit_seconds),
        bell_pairs=bell_pairs_at(frontiers, p),
        measured=measured,
    )


def _trust_settings(sample: Sample) -> tuple[Sample, list[str]]:
    """Settings that do not look like their declared distribution lose the assumption that rests on it."""
    log10_p = log10_settings_p_value(sample)
    if log10_p >= SETTINGS_ALARM:
        return sample, []
    if sample.sampling.stopped:
        raise DataError(
            f"the settings were not drawn as declared (log10 p = {log10_p:.1f}), and of a run that could stop early "
            "nothing valid can be said without them"
        )
    return Sample(sample.counts, replace(sample.sampling, settings="fixed", distribution=None, block=1)), [
        f"SETTINGS ALARM: the settings were not drawn as declared (log10 p = {log10_p:.1f}); analysed as fixed"
    ]


@dataclass(frozen=True, eq=False)
class _Comparison:
    """The observed point against the frontiers, over the confidence region (p in a range, Δ in a range).

    At a splitting probability p the waiting time is line(p) − Δ, where line is the classical supporting line at the
    certificate's μ; the classical frontier lies at or above the line. The six limits of p, W and Δ hold at a sixth
    of the significance each, so that all of them together hold at the whole.

    Attributes:
        p: A grid over the range of p, with the classical vertices inside it.
        line: The supporting line at each p.
        excess: Δ with its range.
    """

    frontiers: Frontiers
    observed: PointEstimate
    certificate: Certificate
    p: Floats
    line: Floats
    excess: Estimate

    @classmethod
    def of(cls, frontiers: Frontiers, sample: Sample, certificate: Certificate) -> _Comparison:
        sixth = math.log(certificate.significance / 6)
        observed = _observed(frontiers, sample, sixth)
        span = observed.splitting_probability
        grid = np.linspace(max(span.low, 0.0), min(span.high, 1.0), _GRID)
        vertices = frontiers.classical.splitting_probability
        inside = vertices[(vertices > grid[0]) & (vertices < grid[-1])]
        p = np.unique(np.concatenate([grid, inside]))
        top = frontiers.workload.together_waiting_time - certificate.classical_bound.high
        excess = score_excess(frontiers, sample, certificate.multiplier, sixth - math.log(certificate.edges))
        return cls(frontiers, observed, certificate, p, top - certificate.multiplier * p, excess)

    def advantage(self) -> Advantage:
        """The comparison with the classical frontier; its first lower limit is the certificate's own Δ."""
        classical = self.frontiers.classical.waiting_time_at(self.p)
        above = classical - self.line
        most = classical - self.frontiers.workload.unavoidable_waiting_time  # nobody waits less than W0
        low, high = self.excess.low + above, np.minimum(self.excess.high + above, most)
        p, waiting = self.observed.splitting_probability.estimate, self.observed.waiting_time.estimate
        at_p = float(self.frontiers.classical.waiting_time_at(p))
        gain = float(self._gain(np.float64(p), np.float64(waiting)))
        gains = self._gains(self.excess.low), self._gains(self.excess.high)
        certified = np.array([self.certificate.excess.low])
        return Advantage(
            waiting_time_reduction=_enclose(at_p - waiting, certified, high),
            waiting_time_reduction_relative=_enclose((at_p - waiting) / at_p, low / classical, high / classical),
            throughput_gain_relative=_enclose(gain, *gains),
        )

    def break_even(self, time_unit_seconds: float | None) -> BreakEven:
        """How long a message between the routers may take before entanglement, ideal or observed, waits less."""
        p, waiting = self.observed.splitting_probability.estimate, self.observed.waiting_time.estimate
        talking = self.frontiers.communication.waiting_time_at(self.p)
        waits = [self.line - excess - talking for excess in (self.excess.high, self.excess.low)]
        estimate = break_even_latency(self.frontiers, min(max(p, 0.0), 1.0), waiting)
        observed = _enclose(estimate, np.maximum(waits[0], 0.0), np.maximum(waits[1], 0.0))
        ideal = break_even_latency(self.frontiers, min(max(p, 0.0), 1.0), self.frontiers.quantum.waiting_time_at(p))
        distances = {}
        if time_unit_seconds is not None:
            distances["ideal_distance_km"] = fibre_distance_km(ideal, time_unit_seconds)
            distances["observed_distance_km"] = fibre_distance_km(estimate, time_unit_seconds)
        return BreakEven(ideal=ideal, observed=observed, **distances)

    def with_frontier(self, frontier: Frontier, exact: QuantumFrontier | None = None) -> FrontierComparison:
        """A frontier's own point at the observed throughput, and its throughput at the observed waiting time.

        Where `frontier` only tabulates a curve, `exact` is solved for the estimates.
        """
        waiting, p = self.observed.waiting_time, self.observed.splitting_probability.estimate
        at_p = frontier.waiting_time_at(self.p)
        at_estimate = exact.waiting_time_at(p) if exact else float(frontier.waiting_time_at(p))
        splitting = frontier.splitting_probability_at([waiting.estimate, waiting.low, waiting.high])
        if exact:
            splitting[0] = exact.splitting_probability_at(waiting.estimate)
        throughput = self.frontiers.workload.baseline_throughput(splitting)
        equal_throughput = _enclose(at_estimate, at_p, at_p)
        return FrontierComparison(
            splitting_probability=self.observed.splitting_probability,
            waiting_time=equal_throughput,
            baseline_throughput=self.observed.baseline_throughput,
            waiting_time_at_equal_throughput=equal_throughput,
            baseline_throughput_at_equal_waiting_time=_enclose(float(throughput[0]), throughput, throughput),
        )

    def region(self) -> list[Point]:
        """Corners of the confidence region, round its border."""
        ends = [(0, self.excess.low), (0, self.excess.high), (-1, self.excess.high), (-1, self.excess.low)]
        throughput = self.frontiers.workload.baseline_throughput(self.p)
        return [
            Point(
                splitting_probability=float(self.p[end]),
                waiting_time=float(self.line[end]) - excess,
                baseline_throughput=float(throughput[end]),
            )
            for end, excess in ends
        ]

    def _gains(self, excess: float) -> Floats:
        """The gain over the range of p at one Δ; also where W passes a classical vertex, and the gain bends."""
        multiplier = self.certificate.multiplier
        top = float(self.line[0]) + multiplier * float(self.p[0])
        bends = (top - excess - self.frontiers.classical.waiting_time) / multiplier
        p = np.concatenate([self.p, bends[(bends > self.p[0]) & (bends < self.p[-1])]])
        return self._gain(p, top - multiplier * p - excess)

    def _gain(self, p: Floats | np.float64, waiting: Floats | np.float64) -> Floats:
        throughput = self.frontiers.workload.baseline_throughput
        return throughput(p) / throughput(self.frontiers.classical.splitting_probability_at(waiting)) - 1


def _observed(frontiers: Frontiers, sample: Sample, log_significance: float) -> PointEstimate:
    p, waiting = observed_point(frontiers, sample, log_significance)
    throughput = frontiers.workload.baseline_throughput([p.estimate, min(p.high, 1.0), max(p.low, 0.0)]).tolist()
    return PointEstimate(splitting_probability=p, waiting_time=waiting, baseline_throughput=Estimate(*throughput))


def _enclose(estimate: float, lows: Floats, highs: Floats) -> Estimate:
    return Estimate(estimate, min(float(np.min(lows)), estimate), max(float(np.max(highs)), estimate))


def _visibility(frontiers: Frontiers, sample: Sample, certificate: Certificate, ideal: Floats | None) -> Visibility:
    """The share of the ideal score at the certificate's μ that was observed."""
    value, relative_to = observed_visibility(
        frontiers, sample, certificate.multiplier, ideal, math.log(certificate.significance)
    )
    return Visibility(estimate=value.estimate, low=value.low, high=value.high, relative_to=relative_to)


def _correlators(sample: Sample, ideal: Floats | None) -> Correlators:
    measured, trials = sample.counts.correlators, sample.counts.settings
    error = np.sqrt((1 - measured**2) / np.maximum(trials, 1))
    return Correlators(
        measured=measured.tolist(),
        standard_error=error.tolist(),
        ideal=None if ideal is None else ideal.tolist(),
        trials=trials.tolist(),
    )
