"""Discrete-event simulation of both servers: vectorized Lindley recursions over blocks of pairs, in bounded memory.

With U the work a pair brings to a server and A the time since the pair before, the work a pair finds there obeys
V ← max(V + U − A, 0) (Lindley 1952). Over a block that is C − min(0, running minimum of C), C the running sum of
U − A, and minus the running minimum is the time the server has been idle: the baseline task's time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from ..errors import DataError
from ..estimate import Estimate
from .arrivals import Arrivals, Bits, Traffic
from .reward import Reward
from .routing import Routing
from .waiting import WaitingDistribution, WaitingHistogram
from .workload import Workload

Floats = NDArray[np.float64]
Progress = Callable[[int], None]

CONFIDENCE = 0.95
BATCHES = 32
BLOCK = 8192  # pairs handled at once: their arrays stay in the processor's second-level cache


@dataclass(frozen=True)
class SimulatedEstimate(Estimate):
    """An estimate with its 95 % confidence interval by Student's t over batches, and its standard error."""

    standard_error: float

    @property
    def plain(self) -> Estimate:
        """The same without the standard error, as records keep it."""
        return Estimate(self.estimate, self.low, self.high)

    @classmethod
    def of(cls, values: Floats) -> SimulatedEstimate:
        """The mean of independent batch values, shape (batches,), at least two."""
        return cls.around(float(values.mean()), float(values.std(ddof=1) / np.sqrt(values.size)), values.size - 1)

    @classmethod
    def around(cls, estimate: float, error: float, freedom: int, slack: float = 0.0) -> SimulatedEstimate:
        """An estimate of known standard error, from so many degrees of freedom; `slack` widens its interval."""
        reach = t_quantile(freedom) * error + slack
        return cls(estimate, estimate - reach, estimate + reach, error)


@dataclass(frozen=True, eq=False)
class SimulationResult:
    """What one simulated run measured.

    Attributes:
        pairs: Pairs measured, after the warm-up; fewer than asked for if the routing was exhausted.
        warm_up: Pairs served before the measurement began.
        waiting_time: Mean over both requests of each pair (units of time).
        splitting_probability: Share of pairs with a ≠ b.
        load: Share of time each server is busy, server 0 then 1.
        baseline_throughput: τ, both servers together.
        server_baseline_throughput: What each server contributes, server 0 then 1.
        waiting_time_batches, baseline_throughput_batches: Batch values whose means are the estimates, shape
            (batches,); those of two runs over the same arrivals may be subtracted.
        waiting_time_distribution: Distribution of the waits of all requests measured; None unless asked for.
    """

    pairs: int
    warm_up: int
    waiting_time: SimulatedEstimate
    splitting_probability: SimulatedEstimate
    load: tuple[SimulatedEstimate, SimulatedEstimate]
    baseline_throughput: SimulatedEstimate
    server_baseline_throughput: tuple[SimulatedEstimate, SimulatedEstimate]
    waiting_time_batches: Floats
    baseline_throughput_batches: Floats
    waiting_time_distribution: WaitingDistribution | None


@dataclass(frozen=True, eq=False)
class CommonArrivals:
    """Several routings over the very same arrivals, types and service times (common random numbers).

    Attributes:
        results: One for each routing, in the order given.
    """

    results: tuple[SimulationResult, ...]

    def waiting_time_difference(self, first: int, second: int) -> SimulatedEstimate:
        """Mean waiting time of routing `first` minus that of `second`."""
        return self.cost_difference(first, second, 0.0)

    def baseline_throughput_difference(self, first: int, second: int) -> SimulatedEstimate:
        """Baseline throughput of routing `first` minus that of `second`."""
        pair = self.results[first].baseline_throughput_batches, self.results[second].baseline_throughput_batches
        return SimulatedEstimate.of(pair[0] - pair[1])

    def cost_difference(self, first: int, second: int, kappa: float) -> SimulatedEstimate:
        """W − κτ of routing `first` minus that of `second`."""
        costs = [
            result.waiting_time_batches - kappa * result.baseline_throughput_batches
            for result in (self.results[first], self.results[second])
        ]
        return SimulatedEstimate.of(costs[0] - costs[1])


def simulate(
    workload: Workload,
    routing: Routing,
    pairs: int,
    rng: np.random.Generator,
    *,
    batches: int = BATCHES,
    warm_up: int | None = None,
    block: int = BLOCK,
    distribution: bool = False,
    progress: Progress | None = None,
) -> SimulationResult:
    """Simulate both servers, empty at first, and measure `pairs` pairs after the warm-up.

    The baseline task is paid for completed periods only: a server that no request ever visits earns nothing.

    Args:
        workload: The queueing model.
        routing: Where each pair goes.
        pairs: Pairs to measure, at least two for each batch.
        rng: Gives the seeds of the streams: arrivals, types and service times have their own, apart from the routing's.
        batches: Batches of equal length for the confidence intervals.
        warm_up: Pairs served first and not measured; None: a twentieth of `pairs`.
        block: Pairs handled at once; it changes speed and memory, and results by rounding only.
        distribution: Whether to keep the distribution of all waiting times, which costs 2 MB and a tenth more time.
        progress: Called after every block with the pairs served so far, warm-up included.

    Raises:
        DataError: the routing is exhausted before every batch holds two pairs.
    """
    return compare(
        workload,
        [routing],
        pairs,
        rng,
        batches=batches,
        warm_up=warm_up,
        block=block,
        distribution=distribution,
        progress=progress,
    ).results[0]


def compare(
    workload: Workload,
    routings: Sequence[Routing],
    pairs: int,
    rng: np.random.Generator,
    *,
    batches: int = BATCHES,
    warm_up: int | None = None,
    block: int = BLOCK,
    distribution: bool = False,
    progress: Progress | None = None,
) -> CommonArrivals:
    """Simulate several routings over the very same arrivals; each result is what `simulate` gives for its routing.

    All end where the first of them is exhausted. Arguments and errors are those of `simulate`.
    """
    if batches < 2 or pairs < 2 * batches or block < 1 or (warm_up is not None and warm_up < 0):
        raise ValueError(f"cannot measure {pairs} pairs in {batches} batches after {warm_up} in blocks of {block}")
    traffic_seed, routing_seed = rng.integers(2**63, size=2).tolist()
    asked = (pairs // 20 if warm_up is None else warm_up) + pairs
    served = min(_pairs_served(workload, routing, asked, traffic_seed, routing_seed, block) for routing in routings)
    measured = _measured(served, asked, pairs, warm_up)
    if measured < 2 * batches:
        raise DataError(
            f"trials: they serve only {served} pairs of this traffic, and {batches} batches after the warm-up need "
            f"more: record more trials of every setting, or let the replay cycle"
        )
    runs = [_Run(workload, routing, np.random.default_rng(routing_seed), batches, distribution) for routing in routings]
    traffic = Traffic(workload, traffic_seed)
    done = 0
    for batch, size in _batch_sizes(served - measured, measured, batches):
        for position in range(0, size, block):
            arrivals = traffic.draw(min(block, size - position))
            for run in runs:
                run.serve(arrivals, batch)
            done += arrivals.gaps.size
            if progress is not None:
                progress(done)
    return CommonArrivals(tuple(run.result(measured, served - measured) for run in runs))


class _Server:
    """One FCFS queue and the baseline task behind it."""

    def __init__(self, reward: Reward) -> None:
        self._reward = reward
        self._backlog = 0.0  # work left just after the latest pair
        self._idle = 0.0  # time without work since a request last came here

    def serve(self, gaps: Floats, work: Floats, joins: Bits) -> tuple[Floats, float, float]:
        """Advance over a block of pairs.

        Args:
            gaps: Time since the pair before, shape (k,).
            work: Work each pair brings to this server, shape (k,).
            joins: Whether a request of the pair comes here, shape (k,).

        Returns:
            The work each pair finds here, shape (k,), the time idle, and the reward of the periods completed.
        """
        path = np.empty_like(gaps)
        path[0] = self._backlog - gaps[0]
        np.subtract(work[:-1], gaps[1:], out=path[1:])
        np.cumsum(path, out=path)
        floor = np.minimum.accumulate(path)
        np.minimum(floor, 0.0, out=floor)
        path -= floor
        self._backlog = float(path[-1] + work[-1])
        idle = -float(floor[-1])
        # Coin flips as a mask: `compress` has no branch for the processor to mispredict, unlike `floor[joins]`.
        reward = self._periods(floor.compress(joins), idle)
        return path, idle, reward

    def _periods(self, floor: Floats, idle: float) -> float:
        """Reward of the idle periods that requests ended, given minus the idle time before each of these requests."""
        if not floor.size:
            self._idle += idle
            return 0.0
        periods = np.empty_like(floor)
        periods[0] = self._idle - floor[0]
        np.subtract(floor[:-1], floor[1:], out=periods[1:])
        self._idle = float(floor[-1]) + idle
        return float(self._reward(periods).sum())


class _Run:
    """One routing: its two servers, and the sums of each batch."""

    def __init__(
        self,
        workload: Workload,
        routing: Routing,
        rng: np.random.Generator,
        batches: int,
        distribution: bool,
    ) -> None:
        self._decide = routing.start(rng)
        self._servers = (_Server(workload.reward), _Server(workload.reward))
        # One row for each batch, the last one for the warm-up, which is dropped.
        self._pairs = np.zeros(batches + 1)
        self._waited = np.zeros(batches + 1)
        self._split = np.zeros(batches + 1)
        self._elapsed = np.zeros(batches + 1)
        self._idle = np.zeros((2, batches + 1))
        self._reward = np.zeros((2, batches + 1))
        mean_service = workload.load / workload.pair_rate
        self._histogram = WaitingHistogram(mean_service, batches) if distribution else None

    def serve(self, arrivals: Arrivals, batch: int) -> None:
        """Route and serve a block of pairs of a batch."""
        a, b = self._decide(arrivals)
        split = a ^ b
        found = self._advance(arrivals, a, b, split, batch)
        # By products, since `np.where` would branch on coin flips; exact, for all that is added to a wait is 0.
        waits_a, waits_b = found[0] * ~a + found[1] * a, found[0] * ~b + found[1] * b
        together = ~split
        waits_a += arrivals.service_b * (together & ~arrivals.a_first)
        waits_b += arrivals.service_a * (together & arrivals.a_first)
        self._pairs[batch] += split.size
        self._split[batch] += np.count_nonzero(split)
        self._waited[batch] += waits_a.sum() + waits_b.sum()
        self._elapsed[batch] += arrivals.gaps.sum()
        if self._histogram is not None and batch >= 0:
            self._histogram.add(batch, waits_a, waits_b)

    def _advance(self, arrivals: Arrivals, a: Bits, b: Bits, split: Bits, batch: int) -> tuple[Floats, Floats]:
        """The work each pair finds at server 0 and at server 1."""
        one_a, one_b = arrivals.service_a * a, arrivals.service_b * b
        work = (arrivals.service_a - one_a) + (arrivals.service_b - one_b), one_a + one_b
        joins = split | ~a, split | a
        found: list[Floats] = []
        for server in (0, 1):
            level, idle, reward = self._servers[server].serve(arrivals.gaps, work[server], joins[server])
            found.append(level)
            self._idle[server, batch] += idle
            self._reward[server, batch] += reward
        return found[0], found[1]

    def result(self, pairs: int, warm_up: int) -> SimulationResult:
        waiting = ratio_batches(self._waited[:-1], 2 * self._pairs[:-1])
        elapsed = self._elapsed[:-1]
        earned = [ratio_batches(reward, elapsed) for reward in self._reward[:, :-1]]
        busy = [ratio_batches(elapsed - idle, elapsed) for idle in self._idle[:, :-1]]
        throughput = earned[0] + earned[1]
        return SimulationResult(
            pairs=pairs,
            warm_up=warm_up,
            waiting_time=SimulatedEstimate.of(waiting),
            splitting_probability=SimulatedEstimate.of(ratio_batches(self._split[:-1], self._pairs[:-1])),
            load=(SimulatedEstimate.of(busy[0]), SimulatedEstimate.of(busy[1])),
            baseline_throughput=SimulatedEstimate.of(throughput),
            server_baseline_throughput=(SimulatedEstimate.of(earned[0]), SimulatedEstimate.of(earned[1])),
            waiting_time_batches=waiting,
            baseline_throughput_batches=throughput,
            waiting_time_distribution=self._histogram.distribution() if self._histogram is not None else None,
        )


def t_quantile(freedom: int) -> float:
    """How many standard errors the 95 % confidence interval reaches, for so many degrees of freedom."""
    return float(stdtrit(freedom, (1 + CONFIDENCE) / 2))


def ratio_batches(numerators: Floats, denominators: Floats) -> Floats:
    """Batch values of a ratio of sums: their mean is the ratio, their spread its error to first order."""
    ratio = numerators.sum() / denominators.sum()
    return np.asarray(ratio + (numerators - ratio * denominators) / denominators.mean())


def _measured(served: int, asked: int, pairs: int, warm_up: int | None) -> int:
    """Pairs left to measure after the warm-up, which shrinks with the run unless it was asked for."""
    if served == asked:
        return pairs
    return served - (served // 21 if warm_up is None else warm_up)


def _batch_sizes(warm_up: int, measured: int, batches: int) -> Iterator[tuple[int, int]]:
    """(batch, pairs): first the warm-up as batch −1, where there is one, then batches that differ by at most a pair."""
    if warm_up:
        yield -1, warm_up
    for batch in range(batches):
        yield batch, (measured + batch) // batches


def _pairs_served(
    workload: Workload, routing: Routing, asked: int, traffic_seed: int, routing_seed: int, block: int
) -> int:
    """How many of the pairs asked for the routing can serve, found by asking it where each of them goes."""
    if routing.capacity is None:
        return asked
    traffic, decide = Traffic(workload, traffic_seed), routing.start(np.random.default_rng(routing_seed))
    served = 0
    while served < asked:
        size = min(block, asked - served)
        answered = decide(traffic.draw(size))[0].size
        served += answered
        if answered < size:
            break
    return served
