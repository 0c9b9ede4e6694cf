"""Replay: recorded trials route the pairs of the discrete-event simulation, beside other routings of the same pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...model.errors import DataError
from ...model.games.classical_frontier import classical_frontier
from ...model.games.frontier import communication_frontier
from ...model.progress import Watch, unwatched
from ...model.queueing.arrivals import Arrivals, Bits, Integers
from ...model.queueing.routing import Decide, ReplayRouting, SplittingRouting
from ...model.queueing.simulation import (
    CommonArrivals,
    SimulatedEstimate,
    SimulationResult,
    compare,
    simulate,
    t_quantile,
)
from ...model.queueing.waiting import RELATIVE_ERROR, WaitingDistribution
from ...model.queueing.workload import Workload
from ...model.trials import Counts, Sampling, Trials
from .drift import DriftTest, MemoryTest, drift_test, memory_test, order_remark, shuffled

LEAST_PAIRS = 100  # below it the batches of the intervals are empty
SHUFFLES = 20
PERCENTS = (50, 95, 99)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Formula:
    """What the queueing formulas give for correlators (MODEL §1); both servers are alike.

    Attributes:
        load: Load of each server.
        server_baseline_throughput: Background work done by each server, half of τ.
    """

    splitting_probability: float
    waiting_time: float
    baseline_throughput: float
    load: float
    server_baseline_throughput: float

    @classmethod
    def of(cls, workload: Workload, split: Floats) -> Formula:
        """What they give for the strategy s(x,y), shape (n_A, n_B)."""
        p = workload.splitting_probability(split)
        throughput = float(workload.baseline_throughput(p))
        return cls(p, workload.waiting_time(split), throughput, workload.load, throughput / 2)


@dataclass(frozen=True)
class OrderEffect:
    """What the order of the trials does to waiting, against the same outcomes shuffled within each setting.

    Attributes:
        waiting_time: Mean waiting time in the order recorded less the mean over the shuffles, on the same arrivals. Its
            95 % interval is that of one more shuffle: it holds 0 unless drift or memory matter to the queue.
        pairs: Pairs simulated; every outcome is used at most once.
        shuffles: Number of shuffles.
    """

    waiting_time: SimulatedEstimate
    pairs: int
    shuffles: int


@dataclass(frozen=True, eq=False)
class ReplayedRun:
    """Recorded trials in the queueing system, beside other routings on the same arrivals.

    Attributes:
        title: Title of the scenario.
        comparison: The recorded trials first, then the other routings.
        drift, memory: Tests of the trials' order; None if they are too few to tell.
        remark: What the order of the trials cannot tell; None if nothing.
        lost: Trials without an outcome, which route no pair.
        cycled: Whether recorded outcomes were used more than once.
        seed: Seed of the simulation.
    """

    title: str
    comparison: CommonArrivals
    drift: DriftTest | None
    memory: MemoryTest | None
    remark: str | None
    lost: int
    cycled: bool
    seed: int

    def head(self, schema: str) -> dict[str, Any]:
        """How its record begins, JSON-ready."""
        first = self.comparison.results[0]
        return {
            "schema": schema,
            "pairs": first.pairs,
            "warm_up": first.warm_up,
            "lost": self.lost,
            "cycled": self.cycled,
            "seed": self.seed,
        }

    def results(self, names: Sequence[str]) -> dict[str, Any]:
        """What was measured of each routing, under these names, JSON-ready."""
        return {name: result_record(result) for name, result in zip(names, self.comparison.results, strict=True)}

    def order(self, effect: Mapping[str, Any] | None) -> dict[str, Any]:
        """What the order of the trials tells, with its effect on waiting, JSON-ready."""
        return {
            "remark": self.remark,
            "drift": self.drift and asdict(self.drift),
            "memory": self.memory and asdict(self.memory),
            "effect": effect,
        }


@dataclass(frozen=True, eq=False)
class Replay(ReplayedRun):
    """Recorded trials beside the best classical strategy at equal throughput and the best with communication.

    Attributes:
        formulas: What the formulas give for the correlators measured and for the two strategies, in the same order.
        order_effect: None if the trials serve too few pairs.
    """

    formulas: tuple[Formula, ...]
    order_effect: OrderEffect | None

    @property
    def classical(self) -> SimulationResult:
        """The best classical strategy at the splitting probability observed."""
        return self.comparison.results[1]

    def record(self) -> dict[str, Any]:
        """JSON-ready."""
        names = ("formula", "classical_formula", "communication_formula")
        return {
            **self.head("bellqueue.replay/1"),
            **self.results(("replayed", "classical", "communication")),
            **{name: asdict(formula) for name, formula in zip(names, self.formulas, strict=True)},
            **advantage_record(self.comparison),
            "order": self.order(asdict(self.order_effect) if self.order_effect else None),
        }


def replay_trials(
    title: str,
    workload: Workload,
    trials: Trials,
    sampling: Sampling,
    pairs: int | None,
    seed: int,
    watch: Watch = unwatched,
) -> Replay:
    """Simulate recorded trials and the best strategies without and with communication over the same arrivals.

    Args:
        title: Title of the scenario.
        workload: The queueing model.
        trials: Trials in the order of execution.
        sampling: How their settings came about.
        pairs: Pairs to measure; None: as many as the trials serve once. More than that reuses recorded outcomes.
        seed: Seed of the simulation.
        watch: Gets how far it is, in pairs times routings.

    Raises:
        DataError: a pair of types has no recorded outcome, or there are too few trials.
    """
    counts, joint = trials.counts(), workload.joint
    split = np.where(joint > 0, (1 - counts.correlators) / 2, 0.0)
    if np.isnan(split).any():
        raise DataError("some pair of types was never measured; record more trials to replay them")
    served, wanted, cycled = supply(counts, joint, pairs)
    p = workload.splitting_probability(split)
    frontiers = classical_frontier(workload).strategies, communication_frontier(workload)
    others = [(1 - frontier.correlators_at(p)) / 2 for frontier in frontiers]
    total = with_warm_up(wanted)
    used = trials if cycled else spread(trials, joint, min(total, served))
    ordered = served >= LEAST_PAIRS
    effort = Effort(watch, (1 + len(others)) * total + ordered * (1 + SHUFFLES) * with_warm_up(served))
    comparison = compare(
        workload,
        [ReplayRouting(used, cycled), *map(SplittingRouting, others)],
        wanted,
        np.random.default_rng(seed),
        distribution=True,
        progress=effort.step(1 + len(others), wanted),
    )
    return Replay(
        title,
        comparison,
        drift_test(trials, sampling.parallel, seed),
        memory_test(trials, sampling.parallel),
        order_remark(sampling),
        lost_trials(sampling),
        cycled,
        seed,
        tuple(Formula.of(workload, each) for each in (split, *others)),
        order_effect(workload, spread(trials, joint, served), served, seed, effort) if ordered else None,
    )


def lost_trials(sampling: Sampling) -> int:
    """How many trials brought no outcome."""
    return 0 if sampling.lost is None else int(sampling.lost.sum())


def supply(counts: Counts, usage: Floats, pairs: int | None) -> tuple[int, int, bool]:
    """The pairs that recorded trials serve once, those to measure, and whether outcomes are then used more than once.

    Args:
        counts: What was recorded.
        usage: Share of the pairs that take an outcome of each setting, shape (n_A, n_B), not all 0.
        pairs: Pairs to measure; None: as many as the trials serve once.

    Raises:
        DataError: the trials are too few.
    """
    served = int(np.min(counts.settings[usage > 0] / usage[usage > 0]))
    wanted = served if pairs is None else pairs
    if wanted < LEAST_PAIRS:
        raise DataError(f"the trials serve {wanted} pairs; give --pairs {LEAST_PAIRS} or more")
    return served, wanted, pairs is not None and pairs > served * 0.9


def with_warm_up(pairs: int) -> int:
    """The pairs that a simulation serves to measure so many."""
    return pairs + pairs // 20


def spread(trials: Trials, joint: Floats, pairs: int) -> Trials:
    """The trials that traffic of so many pairs needs, those of each setting taken evenly over the whole run.

    All settings then last equally long: a pair in the middle of the simulation is routed by trials from the middle of
    the run, whatever its types, and the beginning of the run is not all that is seen of any setting.

    Args:
        trials: Trials in the order of execution.
        joint: π(x,y) of the traffic, shape (n_A, n_B).
        pairs: Pairs expected to be served.
    """
    places = trials.by_setting()
    mean = pairs * joint.ravel()
    reserve = np.where(mean > 0, 4 * np.sqrt(mean) + 4, 0)  # of four standard deviations: traffic is random
    needed = np.minimum(np.ceil(mean + reserve), [own.size for own in places]).astype(np.int64)
    kept = [own[np.arange(keep) * own.size // keep] for own, keep in zip(places, needed.tolist(), strict=True) if keep]
    return trials[np.sort(np.concatenate(kept))]


def order_effect(workload: Workload, trials: Trials, pairs: int, seed: int, effort: Effort) -> OrderEffect:
    """The mean waiting time in the order recorded against shuffles of just the outcomes that were used.

    Args:
        workload: The queueing model.
        trials: Trials in the order of execution.
        pairs: Pairs to measure, fewer if the trials end before; at least LEAST_PAIRS.
        seed: Seed of arrivals and shuffles.
        effort: Gets every pair served.
    """
    recorded = _Tally(ReplayRouting(trials))
    ordered = simulate(workload, recorded, pairs, np.random.default_rng(seed), progress=effort.step(1, pairs))
    used = recorded.used()
    rng = np.random.default_rng([seed, SHUFFLES])
    routings = [ReplayRouting(shuffled(used, rng)) for _ in range(SHUFFLES)]
    progress = effort.step(SHUFFLES, pairs)
    results = compare(workload, routings, pairs, np.random.default_rng(seed), progress=progress).results
    means = np.array([result.waiting_time.estimate for result in results])
    difference = ordered.waiting_time.estimate - float(means.mean())
    error = float(means.std(ddof=1) * np.sqrt(1 + 1 / SHUFFLES))
    return OrderEffect(SimulatedEstimate.around(difference, error, SHUFFLES - 1), ordered.pairs, SHUFFLES)


def percentile(distribution: WaitingDistribution, probability: float) -> SimulatedEstimate:
    """The wait that a share of requests does not exceed; its interval inverts that of P(wait ≤ t) (Woodruff 1952).

    The interval also allows for the rounding of the waits.
    """
    middle = float(distribution.quantile(probability))
    place = int(np.searchsorted(distribution.waiting_time, middle))
    reach = t_quantile(len(distribution.counts) - 1) * float(distribution.standard_error[place])
    low, high = distribution.quantile(np.clip([probability - reach, probability + reach], 0.0, 1.0)).tolist()
    low, high = low * (1 - RELATIVE_ERROR), high * (1 + RELATIVE_ERROR)
    return SimulatedEstimate(middle, low, high, (high - low) / (2 * t_quantile(len(distribution.counts) - 1)))


def percentile_difference(
    first: WaitingDistribution, second: WaitingDistribution, probability: float
) -> SimulatedEstimate:
    """A percentile of `first` minus that of `second`; its error from both in each batch, as they share arrivals."""
    batches = _batch_percentiles(first, probability) - _batch_percentiles(second, probability)
    ends = float(first.quantile(probability)), float(second.quantile(probability))
    error = float(batches.std(ddof=1) / np.sqrt(batches.size))
    return SimulatedEstimate.around(ends[0] - ends[1], error, batches.size - 1, RELATIVE_ERROR * sum(ends))


class Effort:
    """Progress over several simulations, in pairs times routings."""

    def __init__(self, watch: Watch, total: int) -> None:
        self._watch, self._total, self._before = watch, total, 0

    def step(self, routings: int, pairs: int) -> Callable[[int], None]:
        """The progress of the next simulation, of so many pairs measured; it may end before."""
        start = self._before
        self._before += routings * with_warm_up(pairs)
        return lambda done: self._watch("replaying the trials", start + routings * done, self._total)


class _Tally:
    """A replay without cycling that can tell which trials it used."""

    def __init__(self, routing: ReplayRouting) -> None:
        self._routing = routing
        self._asked: Integers = np.zeros(0, dtype=np.int64)

    @property
    def capacity(self) -> int | None:
        return self._routing.capacity

    def start(self, rng: np.random.Generator) -> Decide:
        shape = self._routing.trials.shape
        decide = self._routing.start(rng)
        self._asked = np.zeros(shape[0] * shape[1], dtype=np.int64)

        def tallied(arrivals: Arrivals) -> tuple[Bits, Bits]:
            a, b = decide(arrivals)
            asked = (arrivals.x * shape[1] + arrivals.y)[: a.size]
            self._asked += np.bincount(asked, minlength=self._asked.size)
            return a, b

        return tallied

    def used(self) -> Trials:
        """The trials that the latest run used, in the order of execution."""
        trials = self._routing.trials
        used = [own[:asked] for own, asked in zip(trials.by_setting(), self._asked.tolist(), strict=True)]
        return trials[np.sort(np.concatenate(used))]


def distribution_of(result: SimulationResult) -> WaitingDistribution:
    """The distribution of a simulation that kept it."""
    assert result.waiting_time_distribution is not None
    return result.waiting_time_distribution


def _batch_percentiles(distribution: WaitingDistribution, probability: float) -> Floats:
    """The percentile of each batch by itself, shape (batches,)."""
    cumulative = np.cumsum(distribution.counts, axis=1)
    place = (cumulative < probability * cumulative[:, -1:]).sum(axis=1)
    return np.asarray(distribution.waiting_time[place])


def advantage_record(comparison: CommonArrivals) -> dict[str, Any]:
    """By how much the first routing is better than the second, JSON-ready."""
    first, second = (distribution_of(result) for result in comparison.results[:2])
    percentiles = {
        f"waiting_time_p{percent}_reduction": asdict(percentile_difference(second, first, percent / 100))
        for percent in PERCENTS
    }
    return {
        "waiting_time_reduction": asdict(comparison.waiting_time_difference(1, 0)),
        **percentiles,
        "baseline_throughput_gain": asdict(comparison.baseline_throughput_difference(0, 1)),
        "waiting_time_relative_error": RELATIVE_ERROR,
    }


def result_record(result: SimulationResult) -> dict[str, Any]:
    """What a simulation measured, JSON-ready."""
    distribution = distribution_of(result)
    record: dict[str, Any] = {
        name: asdict(getattr(result, name)) for name in ("splitting_probability", "waiting_time", "baseline_throughput")
    }
    record |= {f"waiting_time_p{percent}": asdict(percentile(distribution, percent / 100)) for percent in PERCENTS}
    for name in ("load", "server_baseline_throughput"):
        record[name] = [asdict(server) for server in getattr(result, name)]
    columns = ("waiting_time", "probability", "standard_error")
    points = distribution.points()
    record["waiting_time_distribution"] = {name: column.tolist() for name, column in zip(columns, points, strict=True)}
    return record
