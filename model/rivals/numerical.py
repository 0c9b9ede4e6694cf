"""The wider rivals of MODEL §1, found numerically: asymmetric memoryless routers, and routers with a shared clock.

They lie outside the class that a certificate speaks of, and carry no guarantee: a search may miss a better router.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..queueing.routing import ClockRouting, DeterministicRouting, Routing
from ..queueing.simulation import BATCHES, SimulatedEstimate, SimulationResult, compare, t_quantile
from ..queueing.workload import Workload
from .asymmetric import (
    MAX_EXHAUSTIVE,
    POLISHED,
    AsymmetricModel,
    RouterPair,
    descend,
    least_at_throughput,
    paired_starts,
    polish,
    router_pairs,
    starts,
)

Floats = NDArray[np.float64]

STARTS = 60
SLOPES = 32
CLOCK_PAIRS = 200_000
CLOCK_PERIODS = (0, 1, 2, 5, 10, 20, 50)

_SLOPES_AT_ONCE = 8
_MIXED = 960  # starts times router pairs, so that many types cost no more time than two


@dataclass(frozen=True)
class RivalPoint:
    """One rival router.

    Attributes:
        baseline_throughput: τ, both servers; an interval of width 0 where a formula gives it.
        waiting_time: Mean waiting time of a request.
        covariance: Of the two estimates.
        mixture: Probability of each router pair, by shared randomness fresh for each pair of requests.
        routers: The router pairs mixed.
        period: Pairs between two exchanges of the servers; None where there is no clock.
    """

    baseline_throughput: SimulatedEstimate
    waiting_time: SimulatedEstimate
    covariance: float
    mixture: tuple[float, ...]
    routers: tuple[RouterPair, ...]
    period: int | None = None

    def __str__(self) -> str:
        if self.period is not None:
            return f"{self.routers[0]}, period {self.period}"
        parts = zip(self.mixture, self.routers, strict=True)
        return " + ".join(f"{share:.4f}{routers}" for share, routers in parts)

    def score(self, kappa: float) -> tuple[float, float]:
        """W − κτ and its standard error."""
        errors = self.waiting_time.standard_error, self.baseline_throughput.standard_error
        variance = errors[0] ** 2 + (kappa * errors[1]) ** 2 - 2 * kappa * self.covariance
        value = self.waiting_time.estimate - kappa * self.baseline_throughput.estimate
        return value, float(np.sqrt(max(variance, 0.0)))


@dataclass(frozen=True, eq=False)
class RivalCurve:
    """Points found for one kind of rival, and what time-sharing between them reaches.

    Attributes:
        label: Which rival.
        method: How it was found, for the reader.
        points: At least one, in no particular order.
        freedom: Degrees of freedom of the points' intervals; 0 where formulas give them.
        unbounded: Whether the rival's τ has no bound, so that a vanishing share of its time buys any τ.
    """

    label: str
    method: str
    points: tuple[RivalPoint, ...]
    freedom: int = 0
    unbounded: bool = False

    @cached_property
    def hull(self) -> tuple[Floats, Floats]:
        """τ (rising) and W of the corners of the lower convex hull, from the least W on, shape (k,) each."""
        order = lower_hull([(p.baseline_throughput.estimate, p.waiting_time.estimate) for p in self.points])
        corners = [self.points[index] for index in order]
        return (
            np.array([point.baseline_throughput.estimate for point in corners]),
            np.array([point.waiting_time.estimate for point in corners]),
        )

    def waiting_time_at(self, baseline_throughput: ArrayLike) -> Floats:
        """The least W with at least that τ, time-sharing allowed, same shape; infinite beyond the largest τ."""
        throughput, waiting = self.hull
        wanted = np.asarray(baseline_throughput, dtype=float)
        if self.unbounded:
            return np.full(wanted.shape, waiting[0])
        return np.asarray(np.interp(wanted, throughput, waiting, right=np.inf))

    def least(self, kappa: float) -> SimulatedEstimate:
        """The least W − κτ among the points, κ ≥ 0; simulated, the interval of that point alone."""
        if self.unbounded and kappa > 0:
            return _exactly(-np.inf)
        value, error = min(point.score(kappa) for point in self.points)
        reach = t_quantile(self.freedom) * error if error else 0.0
        return SimulatedEstimate(value, value - reach, value + reach, error)


def lower_hull(points: Sequence[tuple[float, float]]) -> list[int]:
    """Indices of the corners of the lower convex hull of (τ, W), by rising τ, from the least W on."""
    kept: list[int] = []
    for index in sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1])):
        while kept and points[kept[-1]][1] >= points[index][1]:
            kept.pop()
        while len(kept) > 1 and not _turns_up(points[kept[-2]], points[kept[-1]], points[index]):
            kept.pop()
        kept.append(index)
    return kept


def asymmetric_curve(workload: Workload, *, slopes: int = SLOPES, seed: int = 0) -> RivalCurve:
    """Asymmetric memoryless classical routers, time-shared: the lower hull by at most `slopes` supporting lines.

    Each line minimises W − κτ from many starts, half of them random and half the best of all single router pairs
    and even mixtures of two; the next κ are the slopes of the hull's widest edges.
    """
    model = AsymmetricModel(workload, router_pairs(workload))
    count = _starts_for(model)
    search = _Search(model, starts(model, count // 2, np.random.default_rng(seed)), paired_starts(model))
    found = search.least([0.0]) if model.unbounded else _supporting_points(search, slopes, _steepest(workload))
    named = _named(model, len(model.pairs))
    lines = f"{len(found)} supporting line{'s' if len(found) > 1 else ''}"
    return RivalCurve(
        "asymmetric memoryless classical",
        f"found numerically, {count} starts for each of {lines}, mixtures of {named}"
        + ("; baseline throughput is unbounded: one server can serve every request" if model.unbounded else ""),
        tuple(_point(model, mixture) for mixture in found),
        unbounded=model.unbounded,
    )


def asymmetric_at_throughput(workload: Workload, throughput: float, *, seed: int = 0) -> RivalPoint | None:
    """The single mixture (no time-sharing) of least W found with at least that τ; None if none was found."""
    model = AsymmetricModel(workload, router_pairs(workload))
    count = _starts_for(model) // 2
    paired = paired_starts(model)
    waiting, reached = model.performance(paired)
    best = np.lexsort([waiting, reached < throughput])[:count]
    seeds = [*starts(model, count, np.random.default_rng(seed)), *paired[best]]
    tried = [least_at_throughput(model, throughput, start) for start in seeds]
    mixture, least = min(tried, key=lambda pair: pair[1])
    return _point(model, mixture) if np.isfinite(least) else None


def clock_curve(
    workload: Workload,
    *,
    periods: Sequence[int] = CLOCK_PERIODS,
    pairs: int = CLOCK_PAIRS,
    seed: int = 0,
) -> RivalCurve:
    """Deterministic routers with a shared pair counter that both exchange the servers every B pairs, simulated.

    All are simulated over the same arrivals. The same routers under the shared fair flip have known W and τ; what
    their simulation misses corrects the clock's (control variates).
    """
    chosen = router_pairs(workload, MAX_EXHAUSTIVE // 4, 1)
    model = AsymmetricModel(workload, _distinct(workload, chosen))
    exact = [_pure(model, index) for index in range(len(model.pairs)) if 0 in periods and _settles(model, index)]
    moving = [period for period in periods if period]
    routings = [routing for routers in model.pairs for routing in _clock_family(routers, moving)]
    results = compare(workload, routings, pairs, np.random.default_rng(seed)).results
    points = list(exact)
    for index, routers in enumerate(model.pairs):
        control, *clocks = results[index * (1 + len(moving)) : (index + 1) * (1 + len(moving))]
        points += [
            _controlled(workload, clock, control, routers, period) for clock, period in zip(clocks, moving, strict=True)
        ]
    return RivalCurve(
        "shared-clock classical",
        f"simulated, {pairs} pairs of requests for each of {len(points) - len(exact)} routers with a common clock, "
        f"exchange of servers every {', '.join(map(str, moving))} pairs; {len(exact)} without exchange by formula; "
        + _named(model, len(chosen)),
        tuple(points),
        freedom=BATCHES - 3,
        unbounded=model.unbounded,
    )


@dataclass(frozen=True, eq=False)
class _Search:
    """A global search for the least W − κτ.

    Attributes:
        model: The routers mixed.
        random: Starts for every κ, shape (S, K).
        paired: Candidates of which the best S are further starts for each κ, shape (…, K).
    """

    model: AsymmetricModel
    random: Floats
    paired: Floats

    def least(self, kappas: Sequence[float], neighbours: Sequence[Floats] = ()) -> list[Floats]:
        """For each κ the mixture of least W − κτ found; `neighbours` are further starts for all of them."""
        waiting, throughput = self.model.performance(self.paired)
        starts = []
        for kappa in kappas:
            best = np.argsort(waiting - kappa * throughput)[: len(self.random)]
            starts.append(np.vstack([self.random, self.paired[best], *neighbours]))
        counts = [len(some) for some in starts]
        inner = 0.999 * np.vstack(starts) + 0.001 / len(self.model.pairs)  # descents never leave a face of the simplex
        mixtures, scores = descend(self.model, np.repeat(kappas, counts), inner)
        ends = np.cumsum(counts)[:-1]
        found = []
        for kappa, some, score in zip(kappas, np.split(mixtures, ends), np.split(scores, ends), strict=True):
            polished = [polish(self.model, kappa, some[index]) for index in np.argsort(score)[:POLISHED]]
            found.append(min(polished, key=lambda pair: pair[1])[0])
        return found


def _supporting_points(search: _Search, slopes: int, steepest: float) -> list[Floats]:
    """Mixtures on the lower hull of (τ, W), one for each supporting line tried, with κ from 0 to `steepest`."""
    tried = [0.0, steepest]
    found = search.least(tried)
    while len(tried) < slopes:
        performance = np.array([search.model.performance(mixture) for mixture in found])[:, ::-1]
        order = lower_hull([(float(t), float(w)) for t, w in performance])
        chords = np.diff(performance[order], axis=0)
        width = np.abs(chords / np.maximum(np.ptp(performance[order], axis=0), np.finfo(float).tiny)).sum(axis=1)
        fresh: list[float] = []
        neighbours: list[Floats] = []
        for edge in np.argsort(-width):
            slope = float(chords[edge, 1] / chords[edge, 0])
            if slope < steepest and not np.isclose(slope, tried, rtol=1e-6, atol=0).any():
                fresh.append(slope)
                neighbours += [found[order[edge]], found[order[edge + 1]]]
        fresh = fresh[: min(_SLOPES_AT_ONCE, slopes - len(tried))]
        if not fresh:
            break
        tried += fresh
        found += search.least(fresh, neighbours[: 2 * len(fresh)])
    return found


def _starts_for(model: AsymmetricModel) -> int:
    """How many starts a search gets."""
    return max(24, min(STARTS, _MIXED // len(model.pairs)))


def _steepest(workload: Workload) -> float:
    """κ at which the curve ends: four times the steepest trade of waiting time for τ in the symmetric class."""
    throughput = workload.baseline_throughput(np.linspace(0, 1, 101))
    return float(4 * workload.weights.max() / (100 * np.abs(np.diff(throughput)).min()))


def _point(model: AsymmetricModel, mixture: Floats) -> RivalPoint:
    waiting, throughput = (float(value) for value in model.performance(mixture))
    used = np.flatnonzero(mixture > 1e-6)
    used = used[np.argsort(-mixture[used])]
    shares, routers = tuple(mixture[used].tolist()), tuple(model.pairs[index] for index in used)
    return RivalPoint(_exactly(throughput), _exactly(waiting), 0.0, shares, routers)


def _pure(model: AsymmetricModel, index: int) -> RivalPoint:
    """One router pair whose clock never moves."""
    return replace(_point(model, np.eye(len(model.pairs))[index]), period=0)


def _settles(model: AsymmetricModel, index: int) -> bool:
    """Whether a router pair without exchanges overloads no server and has a finite τ."""
    endless = model.unbounded and model.visits[index].min() == 0
    return bool(np.isfinite(model.performance(np.eye(len(model.pairs))[index])[0])) and not endless


def _clock_family(routers: RouterPair, periods: Sequence[int]) -> list[Routing]:
    """The control of a router pair, under the shared fair flip, and its clocks."""
    clocks: list[Routing] = [ClockRouting(routers.a_of_x, routers.b_of_y, period) for period in periods]
    return [DeterministicRouting(routers.a_of_x, routers.b_of_y, flip=True), *clocks]


def _controlled(
    workload: Workload, clock: SimulationResult, flipped: SimulationResult, routers: RouterPair, period: int
) -> RivalPoint:
    """A simulated clock, corrected by the regression of its batches on those of the same routers under the flip."""
    split = np.not_equal.outer(routers.a_of_x, routers.b_of_y).astype(float)
    throughput = float(workload.baseline_throughput(workload.splitting_probability(split)))
    known = np.array([workload.waiting_time(split), throughput])
    values = np.column_stack([clock.waiting_time_batches, clock.baseline_throughput_batches])
    controls = np.column_stack([flipped.waiting_time_batches, flipped.baseline_throughput_batches])
    varying = controls.std(axis=0) > 1e-9 * known  # in a short, light run nobody may have waited
    design = np.column_stack([np.ones(len(values)), (controls - known)[:, varying]])
    coefficients = np.linalg.lstsq(design, values, rcond=None)[0]
    residuals = values - design @ coefficients
    freedom = len(values) - design.shape[1]
    spread = np.linalg.pinv(design.T @ design)[0, 0] * (residuals.T @ residuals) / freedom
    estimates = []
    for mean, variance in zip(coefficients[0].tolist(), spread.diagonal().tolist(), strict=True):
        error = float(np.sqrt(variance))
        reach = t_quantile(freedom) * error
        estimates.append(SimulatedEstimate(mean, mean - reach, mean + reach, error))
    return RivalPoint(estimates[1], estimates[0], float(spread[0, 1]), (1.0,), (routers,), period)


def _distinct(workload: Workload, pairs: tuple[RouterPair, ...]) -> tuple[RouterPair, ...]:
    """One of each set of router pairs that differ by the servers' names, or by those of interchangeable routers."""
    alike = workload.services_a == workload.services_b and np.array_equal(workload.joint, workload.joint.T)
    kept: dict[frozenset[RouterPair], RouterPair] = {}
    for pair in pairs:
        family = {pair, _renamed(pair)}
        if alike:
            family |= {RouterPair(each.b_of_y, each.a_of_x) for each in family}
        kept.setdefault(frozenset(family), pair)
    return tuple(kept.values())


def _renamed(pair: RouterPair) -> RouterPair:
    """The same routers with the servers' names exchanged."""
    return RouterPair(tuple(1 - a for a in pair.a_of_x), tuple(1 - b for b in pair.b_of_y))


def _named(model: AsymmetricModel, chosen: int) -> str:
    """How the router pairs were chosen."""
    everything = chosen == 2 ** sum(model.workload.shape)
    return f"{len(model.pairs)} deterministic router pairs" + ("" if everything else " (thresholds on the mean)")


def _exactly(value: float) -> SimulatedEstimate:
    return SimulatedEstimate(value, value, value, 0.0)


def _turns_up(first: tuple[float, float], middle: tuple[float, float], last: tuple[float, float]) -> bool:
    """Whether the middle point lies strictly below the chord of the other two."""
    rise = (middle[1] - first[1]) * (last[0] - first[0])
    return rise < (last[1] - first[1]) * (middle[0] - first[0])
