"""What the report says beyond the certificate: a short simulation of the queues, and how the advantage would change.

Everything here follows from the scenario and the counts, so that the same data give the same record again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ...model.games.frontiers import Frontiers
from ...model.games.sensitivity import is_quick_to_vary, reduction_by_load, reduction_by_visibility
from ...model.hashing import content_hash
from ...model.queueing.routing import Routing, SplittingRouting
from ...model.queueing.simulation import compare
from ...model.queueing.waiting import WaitingDistribution
from ...model.queueing.workload import Workload
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
        frontiers: The frontiers of its scenario, if already at hand.
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
    routings = {name: SplittingRouting(np.clip(split, 0.0, 1.0)) for name, split in splits.items()}
    data = analysis.provenance.scenario_hash, analysis.measured.model_dump_json() if analysis.measured else ""
    return waiting_times(workload, routings, pairs, data, splits)


def wanted_pairs(load: float) -> int:
    """Waits stay alike for about 1/(1 − ρ)² pairs: as many more it takes for the intervals to hold."""
    return int(PAIRS * max(1.0, (0.1 / (1 - load)) ** 2))


def waiting_times(
    workload: Workload,
    routings: Mapping[RoutingName, Routing],
    pairs: int,
    data: Sequence[str],
    splits: Mapping[RoutingName, Floats] | None = None,
) -> WaitingTimes:
    """The waiting times of several routings on the same arrivals, as records keep them.

    Args:
        workload: The queueing model.
        routings: What to simulate.
        pairs: Pairs to measure.
        data: Texts that the seed follows from.
        splits: s(x,y) of each routing, shape (n_A, n_B), if the queueing formulas give its p and W. None: they do not.
    """
    seed = int(content_hash(*data)[:12], 16)
    results = compare(workload, list(routings.values()), pairs, np.random.default_rng(seed), distribution=True).results
    found = []
    for name, result in zip(routings, results, strict=True):
        p, formula = result.splitting_probability.estimate, None
        if splits is not None:
            p, formula = workload.splitting_probability(splits[name]), workload.waiting_time(splits[name])
        distribution = distribution_of(result)
        times, cumulative = _kept(distribution)
        percentiles = [
            WaitingPercentile(probability=percent / 100, waiting_time=percentile(distribution, percent / 100))
            for percent in PERCENTS
        ]
        found.append(
            SimulatedWaiting(
                routing=name,
                splitting_probability=p,
                waiting_time_formula=formula,
                waiting_time=result.waiting_time,
                percentiles=percentiles,
                times=times,
                cumulative=cumulative,
            )
        )
    return WaitingTimes(pairs=pairs, seed=seed, routings=found)


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
