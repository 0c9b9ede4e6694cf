"""The analysis of one run: counts → estimates → comparison with the frontiers → certificate → verdict."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..model.errors import DataError
from ..model.games.frontiers import Frontiers
from ..model.games.operating_point import OperatingPoint
from ..model.scenario.file import Scenario
from ..model.trials import Trials
from . import against_frontiers
from .certificate.beyond_quantum import beyond_quantum_test, beyond_quantum_warning
from .certificate.certificate import CLASS_COMPARED, FOREIGN_LOOPHOLE, LOOPHOLE, USUAL_VISIBILITY, certify
from .certificate.diagnostics import chsh, marginals, no_signalling_test, no_signalling_warning, trust_settings
from .certificate.estimates import observed_visibility
from .certificate.region import ConfidenceRegion
from .certificate.samples import Sample
from .certificate.several_pairs import analyze_pairs, crosstalk_warning
from .labels import label_warning
from .records.analysis_record import (
    Analysis,
    CorrelatorTable,
    MeasuredCounts,
    Planned,
    Predicted,
    Provenance,
    Visibility,
)
from .records.bell_pairs import bell_pairs_at
from .records.context_record import Context, MeasurementBases
from .records.frontier_record import frontier_record
from .records.verdict import verdict

Floats = NDArray[np.float64]


def analyze(
    scenario: Scenario,
    sample: Sample,
    provenance: Provenance,
    *,
    point: OperatingPoint | None = None,
    predicted: Predicted | None = None,
    trials: Trials | None = None,
    frontiers: Frontiers | None = None,
) -> Analysis:
    """Analyze measured counts against a scenario.

    Args:
        scenario: Gives the workload and the significance.
        sample: Counts with the rule their settings followed.
        provenance: The origin of the counts.
        point: The operating point fixed before the data were taken; without it the multiplier is nobody's
            declaration, and a union bound is taken: over the classical edges against memoryless routers, and over
            three slopes of the frontier of every classical router against those.
        predicted: What was predicted of that point from the device's calibration, if anything.
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
    measured = MeasuredCounts.of(sample)
    sample, warnings = trust_settings(sample)

    significance = scenario.experiment.significance
    each_side = math.log(significance / 2 / sample.choices)
    declared = [point.certificate_multiplier] if point else None
    multipliers = declared or frontiers.classical.multipliers.tolist()
    games = [frontiers.game(multiplier) for multiplier in multipliers if multiplier > 0]
    expected = expected_correlators(point, predicted)
    certificate = certify(games, sample, significance, trials, expected=expected)
    wider = against_frontiers.every_classical(frontiers, declared, sample, significance, trials, expected)
    no_signalling = no_signalling_test(sample.counts)
    warnings += no_signalling_warning(no_signalling)
    chosen = {certificate.multiplier, wider.multiplier} if wider else {certificate.multiplier}
    tried = certificate.edges + (wider.edges if wider and declared is None else 0)
    beyond_quantum = beyond_quantum_test([frontiers.game(multiplier) for multiplier in sorted(chosen)], tried, sample)
    warnings += beyond_quantum_warning(beyond_quantum)
    if certificate.lost:
        warnings.append(f"{certificate.lost} of {certificate.trials} trials were lost and count as losses")

    ideal = point.strategy.correlators if point else None
    at_multiplier = each_side - math.log(certificate.edges)  # of several the data may have chosen this one
    visibility, relative_to = observed_visibility(frontiers.game(certificate.multiplier), sample, ideal, at_multiplier)
    warnings += label_warning(games, sample, certificate.excess, visibility, significance, planned=point is not None)
    parallel = None
    if sample.sampling.parallel > 1 and trials is not None:
        parallel = analyze_pairs(games, sample, trials, certificate, ideal, provenance.qubits)
        warnings += crosstalk_warning(parallel.crosstalk)

    region = ConfidenceRegion.of(frontiers, sample, certificate.multiplier, significance, certificate.edges)
    observed = against_frontiers.observed(region)
    advantage = against_frontiers.advantage(region)
    p = workload.splitting_probability(point.strategy.split()) if point else observed.splitting_probability.estimate
    locality = provenance.locality or (FOREIGN_LOOPHOLE if provenance.backend is None else LOOPHOLE)
    return Analysis(
        title=scenario.title,
        verdict=verdict(certificate, advantage, warnings, locality, wider, frontiers.reason_without_every_classical),
        class_compared=CLASS_COMPARED,
        locality=locality,
        warnings=warnings,
        observed=observed,
        classical=against_frontiers.against(region, frontiers.classical),
        quantum=against_frontiers.against(region, frontiers.quantum.curve, frontiers.quantum),
        advantage=advantage,
        certificate=certificate,
        no_signalling=no_signalling,
        marginals=marginals(sample.counts),
        chsh=chsh(sample, each_side, ideal),
        visibility=Visibility(**vars(visibility), relative_to=relative_to),
        correlators=CorrelatorTable.of(sample.counts, ideal),
        confidence_region=against_frontiers.corners(region),
        planned=Planned.of(point, predicted) if point else None,
        frontiers=frontier_record(scenario.title, frontiers),
        scenario=scenario.record(),
        provenance=provenance,
        parallel=parallel,
        break_even=against_frontiers.break_even(region, scenario.traffic.time_unit_seconds),
        bell_pairs=bell_pairs_at(frontiers, p),
        measured=measured,
        every_classical=wider,
        beyond_quantum=beyond_quantum,
        context=Context(bases=MeasurementBases.of(point.strategy) if point else []),
    )


def expected_correlators(point: OperatingPoint | None, predicted: Predicted | None) -> Floats | None:
    """What a plan and the device's calibration let one expect before the data, shape (n_A, n_B); None without a plan.

    The first bets are made for it, so that it must not come from the data.
    """
    if point is None:
        return None
    return (predicted.visibility if predicted else USUAL_VISIBILITY) * point.strategy.correlators
