"""Replay: recorded trials route the pairs of the discrete-event simulation, beside other routings of the same pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...model.errors import DataError
from ...model.games.classical_frontier import classical_frontier
from ...model.games.frontier import communication_frontier
from ...model.progress import Watch, unwatched
from ...model.queueing.routing import Bits, Decide, Integers, ReplayRouting, SplittingRouting
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
from ...model.trials import Sampling, Trials
from .drift import DriftTest, MemoryTest, drift_test, memory_test, order_remark, shuffled

SCHEMA = "bellqueue.replay/1"
LEAST_PAIRS = 100  # below it the batches of the intervals are empty
SHUFFLES = 20
PERCENTS = (50, 95, 99)
ROUTINGS = ("replayed", "classical", "communication")
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Formula:
    """What the queueing formulas give for correlators (MODEL §1); both servers are alike.

    Attributes:
        load: Of each server.
        server_baseline_throughput: Of each server, half of τ.
    """

    splitting_probability: float
    waiting_time: float
    baseline_throughput: float
    load: float
    server_baseline_throughput: float

    @classmethod
    def of(cls, workload: Workload, split: Floats) -> Formula:
        """Of the strategy s(x,y), shape (n_A, n_B)."""
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
        shuffles: How many.
    """

    waiting_time: SimulatedEstimate
    pairs: int
    shuffles: int


@dataclass(frozen=True, eq=False)
class Replay:
    """Recorded trials in the queueing system, beside the formulas and other routings on the same arrivals.

    Attributes:
        title: Of the scenario.
        comparison: The replay, the best classical strategy at equal throughput, and the best with communication.
        formulas: Of the measured correlators and of the two strategies, in the same order.
        drift, memory: Of the trials; None where there are too few to tell.
        remark: What the order of the trials cannot tell; None if nothing.
        order_effect: None where the trials serve too few pairs.
        cycled: Whether recorded outcomes were used more than once.
        seed: Of the simulation.
    """

    title: str
    comparison: CommonArrivals
    formulas: tuple[Formula, ...]
    drift: DriftTest | None
    memory: MemoryTest | None
    remark: str | None
    order_effect: OrderEffect | None
    cycled: bool
    seed: int

    @property
    def replayed(self) -> SimulationResult:
        """The recorded trials."""
        return self.comparison.results[0]

    @property
    def classical(self) -> SimulationResult:
        """The best classical strategy at the splitting probability observed."""
        return self.comparison.results[1]

    def record(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "schema": SCHEMA,
            "pairs": self.replayed.pairs,
            "warm_up": self.replayed.warm_up,
            "cycled": self.cycled,
            "seed": self.seed,
            **{name: result_record(result) for name, result in zip(ROUTINGS, self.comparison.results, strict=True)},
            "formula": asdict(self.formulas[0]),
            "classical_formula": asdict(self.formulas[1]),
            "communication_formula": asdict(self.formulas[2]),
            **advantage_record(self.comparison),
            "order": {
                **order_record(self.remark, self.drift, self.memory),
                "effect": self.order_effect and asdict(self.order_effect),
            },
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
        title: Of the scenario.
        workload: The queueing model.
        trials: In the order of execution.
        sampling: How their settings came about.
        pairs: Pairs to measure; None: as many as the trials serve once. More than that reuses recorded outcomes.
        seed: Of the simulation.
        watch: Gets how far it is, in pairs times routings.

    Raises:
        DataError: a pair of types has no recorded outcome, or there are too few trials.
    """
    counts = trials.counts()
    split = np.where(workload.joint > 0, (1 - counts.correlators) / 2, 0.0)
    if np.isnan(split).any():
        raise DataError("some pair of types was never measured; record more trials to replay them")
    served = int(np.min(counts.settings[workload.joint > 0] / workload.joint[workload.joint > 0]))
    wanted = served if pairs is None else pairs
    if wanted < LEAST_PAIRS:
        raise DataError(f"the trials serve {wanted} pairs; give --pairs {LEAST_PAIRS} or more")
    p = workload.splitting_probability(split)
    frontiers = classical_frontier(workload).strategies, communication_frontier(workload)
    others = [(1 - frontier.correlators_at(p)) / 2 for frontier in frontiers]
    total = wanted + wanted // 20
    cycle = pairs is not None and pairs > served * 0.9
    routing = ReplayRouting(trials if cycle else spread(trials, workload.joint, min(total, served)), cycle)
    ordered = served >= LEAST_PAIRS
    effort = Effort(watch, len(ROUTINGS) * total + ordered * (1 + SHUFFLES) * (served + served // 20))
    comparison = compare(
        workload,
        [routing, *map(SplittingRouting, others)],
        wanted,
        np.random.default_rng(seed),
        distribution=True,
        progress=effort.step(len(ROUTINGS), total),
    )
    return Replay(
        title,
        comparison,
        tuple(Formula.of(workload, each) for each in (split, *others)),
        drift_test(trials, sampling.parallel, seed),
        memory_test(trials, sampling.parallel),
        order_remark(sampling),
        order_effect(workload, spread(trials, workload.joint, served), served, seed, effort) if ordered else None,
        cycle,
        seed,
    )


def spread(trials: Trials, joint: Floats, pairs: int) -> Trials:
    """The trials that traffic of so many pairs needs, those of each setting taken evenly over the whole run.

    All settings then last equally long: a pair in the middle of the simulation is routed by trials from the middle of
    the run, whatever its types, and no setting stands for the beginning of the run alone.

    Args:
        trials: In the order of execution.
        joint: π(x,y) of the traffic, shape (n_A, n_B).
        pairs: Expected to be served.
    """
    setting = trials.x.astype(np.int64) * trials.shape[1] + trials.y
    order = np.argsort(setting, kind="stable")
    count = np.bincount(setting, minlength=joint.size)
    mean = pairs * joint.ravel()
    reserve = np.where(mean > 0, 4 * np.sqrt(mean) + 4, 0)  # of four standard deviations: traffic is random
    needed = np.minimum(np.ceil(mean + reserve).astype(np.int64), count)
    starts = np.cumsum(count) - count
    chosen = [
        order[start + np.arange(keep) * size // keep]
        for start, size, keep in zip(starts.tolist(), count.tolist(), needed.tolist(), strict=True)
        if keep
    ]
    return trials[np.sort(np.concatenate(chosen))]


def order_effect(workload: Workload, trials: Trials, pairs: int, seed: int, effort: Effort) -> OrderEffect:
    """The mean waiting time in the order recorded against shuffles of just the outcomes that were used.

    Args:
        workload: The queueing model.
        trials: In the order of execution.
        pairs: To measure, fewer where the trials end before; at least LEAST_PAIRS.
        seed: Of arrivals and shuffles.
        effort: Told of every pair.
    """
    total = pairs + pairs // 20
    recorded = _Tally(ReplayRouting(trials))
    ordered = simulate(workload, recorded, pairs, np.random.default_rng(seed), progress=effort.step(1, total))
    used = recorded.used()
    rng = np.random.default_rng([seed, SHUFFLES])
    routings = [ReplayRouting(shuffled(used, rng)) for _ in range(SHUFFLES)]
    results = compare(
        workload, routings, pairs, np.random.default_rng(seed), progress=effort.step(SHUFFLES, total)
    ).results
    means = np.array([result.waiting_time.estimate for result in results])
    difference = ordered.waiting_time.estimate - float(means.mean())
    error = float(means.std(ddof=1) * np.sqrt(1 + 1 / SHUFFLES))
    return OrderEffect(SimulatedEstimate.around(difference, error, SHUFFLES - 1), ordered.pairs, SHUFFLES)


def percentile(distribution: WaitingDistribution, probability: float) -> SimulatedEstimate:
    """The wait that a share of requests does not exceed; its interval inverts that of P(wait ≤ t) (Woodruff 1952).

    The interval allows for the rounding of the waits, too.
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
        """The progress of the next simulation, which may end before it has served all its pairs."""
        start = self._before
        self._before += routings * pairs
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

        def tallied(x: Integers, y: Integers) -> tuple[Bits, Bits]:
            a, b = decide(x, y)
            asked = (x * shape[1] + y)[: a.size]
            self._asked += np.bincount(asked, minlength=self._asked.size)
            return a, b

        return tallied

    def used(self) -> Trials:
        """The trials that the latest run used, in the order of execution."""
        trials = self._routing.trials
        setting = trials.x.astype(np.int64) * trials.shape[1] + trials.y
        order = np.argsort(setting, kind="stable")
        count = np.bincount(setting, minlength=self._asked.size)
        rank = np.arange(len(trials)) - np.repeat(np.cumsum(count) - count, count)
        return trials[np.sort(order[rank < np.repeat(self._asked, count)])]


def distribution_of(result: SimulationResult) -> WaitingDistribution:
    """Of a simulation of this module."""
    assert result.waiting_time_distribution is not None  # replay_run asks for it
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


def order_record(remark: str | None, drift: DriftTest | None, memory: MemoryTest | None) -> dict[str, Any]:
    """What the order of the trials tells, JSON-ready."""
    return {"remark": remark, "drift": drift and asdict(drift), "memory": memory and asdict(memory)}


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
