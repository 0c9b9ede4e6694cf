"""Two FCFS queues one request after the other, without any code of the simulation's, and a routing that keeps a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from bellqueue.model.queueing.arrivals import Arrivals, Bits
from bellqueue.model.queueing.routing import Decide, Routing
from bellqueue.model.queueing.workload import Workload


@dataclass
class Recorder:
    """A routing that keeps the pairs of its latest run and the decisions that another takes about them."""

    routing: Routing
    capacity: ClassVar[None] = None
    blocks: list[Arrivals] = field(default_factory=list)
    a: list[int] = field(default_factory=list)
    b: list[int] = field(default_factory=list)

    def start(self, rng: np.random.Generator) -> Decide:
        decide = self.routing.start(rng)
        self.blocks, self.a, self.b = [], [], []

        def recorded(arrivals: Arrivals) -> tuple[Bits, Bits]:
            a, b = decide(arrivals)
            self.blocks.append(arrivals)
            self.a += a.astype(int).tolist()
            self.b += b.astype(int).tolist()
            return a, b

        return recorded

    def column(self, name: str) -> list[Any]:
        """One field of all pairs."""
        return _column(self.blocks, name)


@dataclass
class Seen:
    """What the event loop saw.

    Attributes:
        waits: Time from a request's arrival to its service, A's and then B's of each pair.
        periods: Idle periods that a request ended.
        idle: Time that each server was idle, also in a period under way at the last pair.
        elapsed: Time up to the last pair.
    """

    waits: list[float] = field(default_factory=list)
    periods: list[float] = field(default_factory=list)
    idle: list[float] = field(default_factory=lambda: [0.0, 0.0])
    elapsed: float = 0.0

    def throughput(self, workload: Workload) -> float:
        """The reward of the periods per unit of time."""
        return float(workload.reward(np.array(self.periods)).sum()) / self.elapsed


def event_loop(
    blocks: list[Arrivals],
    a: list[int],
    b: list[int],
    told: tuple[list[float], list[float]] | None = None,
    latency: float = 0.0,
) -> Seen:
    """Serve pairs that were sent to servers a and b.

    Args:
        blocks: The pairs.
        a, b: Servers of A's and B's requests.
        told: Of a pair sent together the request with the smaller number joins first; if there is none, the coin says.
        latency: Time for which both requests are held before they join their queues.
    """
    gaps, service_a, service_b, a_first = (
        _column(blocks, name) for name in ("gaps", "service_a", "service_b", "a_first")
    )
    seen, clock, free_at = Seen(), 0.0, [0.0, 0.0]
    for number, gap in enumerate(gaps):
        clock += gap
        joined = clock + latency
        requests = [("A", a[number], service_a[number]), ("B", b[number], service_b[number])]
        told_a, told_b = (told[0][number], told[1][number]) if told else (0.0, 0.0)
        in_order = a_first[number] if told_a == told_b else told_a < told_b
        waited = {}
        for name, server, service in requests if in_order else requests[::-1]:
            if free_at[server] < joined:
                seen.periods.append(joined - free_at[server])
                seen.idle[server] += seen.periods[-1]
                free_at[server] = joined
            waited[name] = free_at[server] - clock
            free_at[server] += service
        seen.waits += [waited["A"], waited["B"]]
    for server in (0, 1):  # an idle period under way at the last pair is not completed, but idle it is
        seen.idle[server] += max(clock - free_at[server], 0.0)
    seen.elapsed = clock
    return seen


def _column(blocks: list[Arrivals], name: str) -> list[Any]:
    return [value for block in blocks for value in getattr(block, name).tolist()]
