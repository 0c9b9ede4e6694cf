"""What the report says beyond the certificate: a short simulation of the queues, and how the advantage would change.

Everything here follows from the scenario and the counts, so that the same data give the same record again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...model.games.frontiers import Frontiers
from ...model.games.sensitivity import is_quick_to_vary, reduction_by_load, reduction_by_visibility
from ...model.hashing import content_hash
from ...model.queueing.routing import SplittingRouting
from ...model.queueing.simulation import SimulationResult, compare
from ...model.queueing.waiting import WaitingDistribution
from ...model.scenario.file import Scenario
from ..records.analysis_record import Analysis
from ..records.context_record import (
    Context,
    LoadSensitivity,
    RoutingName,
    SimulatedWaiting,
    VisibilitySensitivity,
    WaitingPercentile,
    WaitingTimes,
)
from .replay import distribution_of, percentile

Floats = NDArray[np.float64]

PAIRS = 200_000  # simulated up to load 0.9: some hundredths of a second for each routing
MOST_PAIRS = 4_000_000  # beyond load 0.97 even so many pairs say too little of how long the queues may grow
PERCENTS = (50, 90, 95, 99)
VISIBILITIES = 41
LOADS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_LEAST_WAITS = 20  # a tail that fewer waits reach is noise, and not kept
_STEPS = 120  # of probability at which a distribution is kept, and as many again for its tail


def with_context(analysis: Analysis, frontiers: Frontiers | None = None) -> Analysis:
    """The analysis with all of its context, which takes about a second; itself where it has that already.

    Args:
        analysis: As the data gave it.
        frontiers: Of its scenario, if already at hand.
    """
    context = analysis.context or Context()
    if context.by_visibility:
        return analysis
    frontiers = frontiers or Frontiers.of(Scenario.parse(analysis.scenario, analysis.title))
    found = {
        "waiting_times": _waiting_times(analysis, frontiers),
        "by_visibility": _by_visibility(analysis, frontiers),
        "by_load": _by_load(analysis, frontiers),
    }
    return analysis.model_copy(update={"context": context.model_copy(update=found)})


def _waiting_times(analysis: Analysis, frontiers: Frontiers) -> WaitingTimes | None:
    """Waits when pairs are split as often as was measured, and by the best strategies that split as often."""
    workload = frontiers.workload
    pairs = wanted_pairs(workload.load)
    measured = (1 - np.array(analysis.correlators.measured, dtype=float)) / 2
    observed = np.where(workload.joint > 0, measured, 0.0)
    if np.isnan(observed).any() or pairs > MOST_PAIRS:
        return None
    p = workload.splitting_probability(observed)
    classical = (1 - frontiers.classical.strategies.correlators_at(p)) / 2
    quantum = frontiers.in_use.at_splitting_probability(p).split()
    splits: dict[RoutingName, Floats] = {"observed": observed, "classical": classical, "quantum": quantum}
    counts = analysis.measured.model_dump_json() if analysis.measured else ""
    seed = int(content_hash(analysis.provenance.scenario_hash, counts)[:12], 16)
    results = compare(
        workload,
        [SplittingRouting(np.clip(split, 0.0, 1.0)) for split in splits.values()],
        pairs,
        np.random.default_rng(seed),
        distribution=True,
    ).results
    return WaitingTimes(
        pairs=pairs,
        seed=seed,
        routings=[
            simulated_waiting(name, workload.splitting_probability(split), workload.waiting_time(split), result)
            for (name, split), result in zip(splits.items(), results, strict=True)
        ],
    )


def wanted_pairs(load: float) -> int:
    """Waits stay alike for about 1/(1 − ρ)² pairs: as many more it takes for the intervals to hold."""
    return int(PAIRS * max(1.0, (0.1 / (1 - load)) ** 2))


def simulated_waiting(
    name: RoutingName, splitting_probability: float, formula: float | None, result: SimulationResult
) -> SimulatedWaiting:
    """The waiting times of one routing, as records keep them.

    Args:
        name: The routing.
        splitting_probability: p.
        formula: W by the queueing formulas; None if there are none.
        result: Of the simulation, with its distribution.
    """
    distribution = distribution_of(result)
    times, cumulative = _kept(distribution)
    return SimulatedWaiting(
        routing=name,
        splitting_probability=splitting_probability,
        waiting_time_formula=formula,
        waiting_time=result.waiting_time,
        percentiles=[
            WaitingPercentile(probability=percent / 100, waiting_time=percentile(distribution, percent / 100))
            for percent in PERCENTS
        ],
        times=times,
        cumulative=cumulative,
    )


def _kept(distribution: WaitingDistribution) -> tuple[list[float], list[float]]:
    """t and P(wait ≤ t) where the distribution passes evenly spaced levels, and levels of its tail on a log scale."""
    total = int(distribution.counts.sum())
    tail = 1 - np.geomspace(0.5, _LEAST_WAITS / total, _STEPS)
    levels = np.union1d(np.linspace(float(distribution.cumulative[0]), tail[-1], _STEPS), tail)
    times = np.unique(np.append(0.0, distribution.quantile(levels)))
    return _rounded(times), _rounded(distribution.probability_at_most(times), 9)


def _by_visibility(analysis: Analysis, frontiers: Frontiers) -> VisibilitySensitivity:
    """From what is needed, or observed, with as much again on its far side from 1, up to a perfect pair."""
    marked = [analysis.visibility.low, frontiers.least_visibility() or 1.0, 0.95]
    start = max(1 - 1.6 * (1 - min(max(each, 0.0) for each in marked)), 0.0)
    visibility = np.linspace(start, 1.0, VISIBILITIES)
    reduction = reduction_by_visibility(frontiers, visibility.tolist())
    wider = None
    if frontiers.reason_without_every_classical is None:
        wider = _rounded(reduction_by_visibility(frontiers, visibility.tolist(), "every-classical"))
    return VisibilitySensitivity(
        visibility=_rounded(visibility), reduction_relative=_rounded(reduction), every_classical=wider
    )


def _by_load(analysis: Analysis, frontiers: Frontiers) -> LoadSensitivity | None:
    workload = frontiers.workload
    if not is_quick_to_vary(workload):
        return None
    visibility = min(max(analysis.visibility.estimate, 0.0), 1.0)
    both = (1.0, visibility)
    others = [load for load in LOADS if abs(load - workload.load) > 1e-9]
    loads = np.array([workload.load, *others])
    rows = np.vstack([reduction_by_visibility(frontiers, both), reduction_by_load(frontiers, others, both)])
    order = np.argsort(loads)
    ideal, noisy = rows[order].T
    return LoadSensitivity(
        load=_rounded(loads[order]), ideal=_rounded(ideal), noisy=_rounded(noisy), visibility=visibility
    )


def _rounded(values: object, digits: int = 7) -> list[float]:
    """To so many significant digits: a plot and its table need no more, and the record is kept small."""
    return [float(f"{value:.{digits}g}") for value in np.asarray(values, dtype=float).tolist()]
