"""Link and queues event by event: pairs heralded, kept, aged, used or discarded, and what the requests then wait.

Seen from a request backwards, pairs were heralded Exp(R) ago, Exp(R) more, and so on: only the freshest B of a gap can
matter, so that a gap takes at most B draws however many pairs were heralded in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..queueing.arrivals import Arrivals, Bits, Integers
from ..queueing.routing import Decide, flipped
from ..queueing.simulation import SimulatedEstimate, SimulationResult, compare, ratio_batches
from ..queueing.workload import Workload
from .operation import LinkPoint

Floats = NDArray[np.float64]

PAIRS = 2_000_000  # of requests: less than a second with a buffer of 1


@dataclass(frozen=True, eq=False)
class SimulatedLink:
    """What one simulated run over a link measured.

    Attributes:
        availability: Share of request pairs that used a Bell pair.
        mean_visibility_when_used: Mean visibility of these Bell pairs; None if none was used.
        queues: What happened to the requests.
        without_pairs: The same for classical routers that split as often at the same times, over the same arrivals.
    """

    availability: SimulatedEstimate
    mean_visibility_when_used: SimulatedEstimate | None
    queues: SimulationResult
    without_pairs: SimulationResult


@dataclass(frozen=True, eq=False)
class LinkTrials:
    """Trials taken at the times at which request pairs come, each with the pair that was there or none.

    Attributes:
        age: Age of the Bell pair used, in units of time; NaN if both routers fell back, shape (N,).
        a, b: Outcome bits before the shared flip, shape (N,).
    """

    age: Floats
    a: Bits
    b: Bits


def simulate_link(
    workload: Workload,
    point: LinkPoint,
    without_pairs: LinkPoint,
    rng: np.random.Generator,
    pairs: int = PAIRS,
    progress: Callable[[int], None] | None = None,
) -> SimulatedLink:
    """Simulate a link and the queues behind it, all empty at first.

    Args:
        workload: The queueing model.
        point: The link, and how routers use it.
        without_pairs: Their classical counterpart (`LinkOperation.without_pairs`).
        rng: Random generator.
        pairs: Pairs of requests to measure.
        progress: Called now and then with the pairs served so far.
    """
    routing = _LinkRouting(point)
    counterpart = _LinkRouting(without_pairs, routing)
    warm_up = pairs // 20
    both = compare(workload, [routing, counterpart], pairs, rng, warm_up=warm_up, progress=progress)
    blocks = np.array(routing.blocks)
    asked, used, visibility = blocks[np.cumsum(blocks[:, 0]) > warm_up].T
    met = used.sum() > 0
    return SimulatedLink(
        SimulatedEstimate.of(ratio_batches(used, asked)),
        SimulatedEstimate.of(ratio_batches(visibility, used)) if met else None,
        *both.results,
    )


def sample_trials(
    point: LinkPoint, correlators: Floats, x: Integers, y: Integers, pair_rate: float, rng: np.random.Generator
) -> LinkTrials:
    """What the two routers would have measured, trial by trial.

    Args:
        point: The link, and how routers use it.
        correlators: c of each trial's measurements on an ideal pair, shape (N,).
        x, y: Types of each trial, shape (N,).
        pair_rate: λ: trials follow each other like pairs of requests.
        rng: Random generator.
    """
    memory = Memory(point, rng)
    since = memory.serve(rng.standard_exponential(x.size) / pair_rate)
    a, b = _outcomes(point, correlators, since, x, y, rng)
    return LinkTrials(since + point.link.delay, a, b)


class _LinkRouting:
    """The routing of a link, which goes by the times at which pairs of requests come.

    Args:
        point: How the routers use it.
        leader: A routing that serves the same blocks just before, and whose moments this one takes as its own.

    Attributes:
        since: Time since the pairs used in the latest block were heralded.
        blocks: (pairs, pairs that used a Bell pair, sum of their visibilities) of each block.
    """

    capacity: ClassVar[None] = None

    def __init__(self, point: LinkPoint, leader: _LinkRouting | None = None) -> None:
        self._point, self._leader = point, leader
        self.since: Floats = np.empty(0)
        self.blocks: list[tuple[float, float, float]] = []

    def start(self, rng: np.random.Generator) -> Decide:
        memory, point, leader = Memory(self._point, rng), self._point, self._leader

        def decide(arrivals: Arrivals) -> tuple[Bits, Bits]:
            x, y = arrivals.x, arrivals.y
            self.since = since = memory.serve(arrivals.gaps) if leader is None else leader.since
            used = since[~np.isnan(since)]
            self.blocks.append((x.size, used.size, float(point.link.visibilities_at(used).sum())))
            return flipped(*_outcomes(point, point.correlators[x, y], since, x, y, rng), rng)

        return decide


class Memory:
    """The pairs that the routers of a point keep at a moment."""

    def __init__(self, point: LinkPoint, rng: np.random.Generator) -> None:
        self._rate, self._places, self._window = point.link.rate, point.link.buffer, point.window
        self._rng = rng
        self._ages: list[float] = []  # times since heralded at the last request, the oldest first

    def serve(self, gaps: Floats) -> Floats:
        """Time since the pair that each request takes was heralded, NaN without one, shape (k,).

        Args:
            gaps: Time since the request before, shape (k,).
        """
        fresh = self._heralded(np.minimum(gaps, self._window))
        if self._places == 1:  # an older pair was taken or discarded at the request before
            return fresh[:, 0]
        return self._stacked(gaps, fresh)

    def _heralded(self, limit: Floats) -> Floats:
        """Ages of the freshest pairs heralded in each gap, NaN where there are no more, shape (k, at most B)."""
        columns: list[Floats] = []
        age, open_ = np.zeros(limit.size), np.arange(limit.size)
        while not columns or (open_.size and len(columns) < self._places):
            age[open_] += self._rng.standard_exponential(open_.size) / self._rate
            open_ = open_[age[open_] < limit[open_]]
            column = np.full(limit.size, np.nan)
            column[open_] = age[open_]
            columns.append(column)
        return np.column_stack(columns)

    def _stacked(self, gaps: Floats, fresh: Floats) -> Floats:
        """The same with the pairs of earlier gaps beneath the fresh ones."""
        taken = np.full(gaps.size, np.nan)
        ends = np.cumsum(gaps)
        oldest_first = fresh[:, ::-1]
        here = ~np.isnan(oldest_first)
        counts = here.sum(axis=1)
        heralded = (np.repeat(ends, counts) - oldest_first[here]).tolist()
        stack = [-age for age in self._ages]  # moments of heralding
        window, places, first = self._window, self._places, 0
        for index, (moment, count) in enumerate(zip(ends.tolist(), counts.tolist(), strict=True)):
            if count:
                stack += heralded[first : first + count]
                first += count
                del stack[:-places]
            if stack:
                age = moment - stack.pop()
                if age < window:
                    taken[index] = age
                else:  # too old, and so are all older ones
                    stack.clear()
        self._ages = [float(ends[-1]) - moment for moment in stack]
        return taken


def _outcomes(
    point: LinkPoint, correlators: Floats, since: Floats, x: Integers, y: Integers, rng: np.random.Generator
) -> tuple[Bits, Bits]:
    """Outcome bits of request pairs, each from its Bell pair where its router detects it, else from the fallback."""
    link, size = point.link, since.size
    used = ~np.isnan(since)
    a, b = _fallen_back(point, x, y, rng)
    visibility = np.where(used, link.visibilities_at(np.where(used, since, 0.0)), 0.0)
    # Each outcome is flipped with probability 1 − f: the correlator is left times (2f−1)².
    wrong = (2 * link.measurement_fidelity - 1) ** 2
    measured_a = rng.random(size) < 0.5
    measured_b = measured_a ^ (rng.random(size) < (1 - wrong * visibility * correlators) / 2)
    efficiency = link.detection_efficiency
    if efficiency == 1:
        return np.where(used, measured_a, a), np.where(used, measured_b, b)
    detected_a, detected_b = used & (rng.random(size) < efficiency), used & (rng.random(size) < efficiency)
    return np.where(detected_a, measured_a, a), np.where(detected_b, measured_b, b)


def _fallen_back(point: LinkPoint, x: Integers, y: Integers, rng: np.random.Generator) -> tuple[Bits, Bits]:
    """Bits of the classical fallback: the sign −1 is the bit 1."""
    first, *others = point.fallback
    a, b = (first.a < 0)[x], (first.b < 0)[y]
    for other in others:
        drawn = rng.random(x.size) < other.probability
        a, b = np.where(drawn, (other.a < 0)[x], a), np.where(drawn, (other.b < 0)[y], b)
    return a, b
