"""Event-driven simulation of routers with a memory on true workloads: independent of any grid (every-classical §3).

Many independent histories advance together, pair by pair, with workloads that are never rounded. The baseline task is
paid as it runs, T(age) as the idle age grows, so that a server that no request ever visits earns as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..queueing.arrivals import Arrivals, Traffic
from ..queueing.reward import Reward
from ..queueing.simulation import SimulatedEstimate
from ..queueing.workload import Workload

Floats = NDArray[np.float64]
Types = NDArray[np.int64]
Servers = NDArray[np.int64]

# (x, y, time since the pair before, levels of both servers (2, replicas)) → servers of A's and of B's requests
Decide = Callable[[Types, Types, Floats, Floats], tuple[Servers, Servers]]

REPLICAS = 4096
_BLOCK_PAIRS = 2**18  # drawn at once, over all replicas


class Router(Protocol):
    """Two routers that may remember and, if they are informed of it, know the servers' whole past."""

    def start(self, replicas: int) -> Decide:
        """Begin that many independent histories; the function decides the next pair of each."""
        ...


@dataclass(frozen=True, eq=False)
class SimulatedRouter:
    """What simulated routers reach, from independent replicas with control variates of known mean.

    Attributes:
        pairs: Pairs measured, over all replicas.
        waiting_times: Mean W of a request in each replica, less the controls, shape (replicas,).
        baseline_throughputs: τ of each, both servers together, likewise.
        splitting_probabilities: Share of pairs sent to different servers in each, likewise.
    """

    pairs: int
    waiting_times: Floats
    baseline_throughputs: Floats
    splitting_probabilities: Floats

    @property
    def waiting_time(self) -> SimulatedEstimate:
        """W."""
        return SimulatedEstimate.of(self.waiting_times)

    @property
    def baseline_throughput(self) -> SimulatedEstimate:
        """τ."""
        return SimulatedEstimate.of(self.baseline_throughputs)

    @property
    def splitting_probability(self) -> SimulatedEstimate:
        """p."""
        return SimulatedEstimate.of(self.splitting_probabilities)

    def cost(self, kappa: float) -> SimulatedEstimate:
        """W − κτ, with the error of the difference."""
        return SimulatedEstimate.of(self.waiting_times - kappa * self.baseline_throughputs)


def simulate_router(
    workload: Workload,
    router: Router,
    pairs: int,
    rng: np.random.Generator,
    *,
    replicas: int = REPLICAS,
    warm_up: int | None = None,
) -> SimulatedRouter:
    """Simulate routers with a memory on both servers, empty at first, event by event.

    Args:
        workload: The queueing model; its reward must pay for unfinished periods, as rewards of bounded slope may.
        router: The two routers.
        pairs: Pairs to measure in all; rounded up to a multiple of `replicas`.
        rng: Gives the seed of the traffic.
        replicas: Independent histories. Defaults to 4096; more than a few hundred, for the controls are fitted to them.
        warm_up: Pairs served first in each history and not measured. Defaults to a tenth of each, at least 20.

    Raises:
        ValueError: there are too few replicas to fit the controls.
    """
    controls = workload.joint.size + 2
    if replicas < 10 * controls:
        raise ValueError(f"{replicas} replicas are too few for {controls} control variates; take {10 * controls}")
    length = -(-pairs // replicas)
    first = max(length // 10, 20) if warm_up is None else warm_up
    traffic = Traffic(workload, int(rng.integers(2**63)))
    run = _Replicas(workload, router.start(replicas), replicas)
    at_once = max(_BLOCK_PAIRS // replicas, 1)
    for begin, end, measured in ((0, first, False), (first, first + length, True)):
        for start in range(begin, end, at_once):
            run.serve(traffic.draw(min(at_once, end - start) * replicas), measured)
    return run.result(length)


class _Replicas:
    """Both servers of every replica, and the sums measured in each."""

    def __init__(self, workload: Workload, decide: Decide, replicas: int) -> None:
        self._workload = workload
        self._decide = decide
        self._levels = np.zeros((2, replicas))  # a workload, or minus the time without one
        self._gap = np.full(replicas, np.inf)
        self._waited, self._earned, self._apart = np.zeros((3, replicas))
        self._controls = np.zeros((workload.joint.size + 2, replicas))

    def serve(self, arrivals: Arrivals, measured: bool) -> None:
        """Route and serve the next pairs of each replica, and then let time pass until the one after."""
        replicas = self._gap.size
        gaps, size_a, size_b = (
            values.reshape(-1, replicas) for values in (arrivals.gaps, arrivals.service_a, arrivals.service_b)
        )
        x, y = arrivals.x.reshape(-1, replicas), arrivals.y.reshape(-1, replicas)
        a_first = arrivals.a_first.reshape(-1, replicas)
        everyone = np.arange(replicas)
        reward, levels = self._workload.reward, self._levels
        for pair in range(len(gaps)):
            a, b = self._decide(x[pair], y[pair], self._gap, levels)
            found = np.maximum(levels, 0.0)
            waited = found[a, everyone] + found[b, everyone]
            waited += (a == b) * np.where(a_first[pair], size_a[pair], size_b[pair])
            # First A's request joins, then B's; the order within a pair is already in the waiting time.
            levels[a, everyone] = found[a, everyone] + size_a[pair]
            levels[b, everyone] = np.maximum(levels[b, everyone], 0.0) + size_b[pair]
            before = _idle_age(levels)
            levels -= gaps[pair]
            self._gap = gaps[pair]
            if measured:
                self._waited += waited
                self._apart += a != b
                self._earned += _earned(reward, before, _idle_age(levels))
        if measured:
            self._add_controls(gaps, x, y, size_a + size_b)

    def _add_controls(self, gaps: Floats, x: Types, y: Types, work: Floats) -> None:
        """Sums whose means are known: the pairs of each two types, the time between pairs, and the work they bring."""
        workload = self._workload
        cell = x * workload.shape[1] + y
        replicas, cells = self._gap.size, workload.joint.size
        counts = np.bincount((cell * replicas + np.arange(replicas)).ravel(), minlength=cells * replicas)
        self._controls[:cells] += counts.reshape(cells, replicas) - len(gaps) * workload.joint.reshape(-1, 1)
        self._controls[cells] += gaps.sum(axis=0) * workload.pair_rate - len(gaps)
        mean = 2 * workload.mean_service_time
        self._controls[cells + 1] += work.sum(axis=0) - len(gaps) * mean

    def result(self, length: int) -> SimulatedRouter:
        # Earned per pair, times the pairs per unit of time, which is known.
        measured = np.stack([self._waited / 2, self._earned * self._workload.pair_rate, self._apart]) / length
        controls = self._controls / length
        varying = controls - controls.mean(axis=1, keepdims=True)
        fit = np.linalg.lstsq(varying.T, measured.T, rcond=None)[0]
        adjusted = measured - fit.T @ controls
        return SimulatedRouter(length * self._gap.size, *adjusted)


def _idle_age(levels: Floats) -> Floats:
    return np.maximum(-levels, 0.0)


def _earned(reward: Reward, before: Floats, after: Floats) -> Floats:
    """What both servers earn while their idle ages grow, shape (replicas,)."""
    return np.asarray((reward(after) - reward(before)).sum(axis=0))
