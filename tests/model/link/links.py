"""Links to test with, scenarios that have one, and a simulation of the memory that shares no code with ours."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.link.link import Link
from bellqueue.model.link.operation import LinkOperation
from bellqueue.model.scenario.file import Scenario
from numpy.typing import NDArray

from tests.scenarios import edited

LINK: dict[str, Any] = {"rate": 0.1, "fidelity": 0.96, "memory_time": 1000.0}
PERFECT = Link(math.inf, 1.0, math.inf)


def with_link(link: dict[str, Any] | None = None, **traffic: Any) -> Scenario:
    """The default scenario with a link."""
    record = Scenario.default().record()
    record["traffic"] |= traffic
    return Scenario.parse({**record, "link": LINK if link is None else link})


def heavy_with_link() -> Scenario:
    """Ten times the traffic and a reward of t²: there it matters that a pair is there more often after a long gap."""
    reward = {"kind": "power", "exponent": 2.0}
    return Scenario.parse(edited(with_link(pair_rate=0.1).record(), "baseline", "reward", value=reward))


@cache
def operation(pair_rate: float = 0.01) -> LinkOperation:
    """What links reach in the default scenario at a rate of request pairs."""
    return LinkOperation(Frontiers.of(with_link(pair_rate=pair_rate)))


def random_link(rng: np.random.Generator, buffer: int = 1) -> Link:
    """One whose pairs sometimes come too late or get too old."""
    return Link(
        rate=float(rng.uniform(0.2, 5.0)),
        visibility=float(rng.uniform(0.8, 1.0)),
        memory_time=float(rng.uniform(1.0, 20.0)),
        buffer=buffer,
        delay=float(rng.uniform(0.0, 0.1)),
    )


def slow_memory(
    link: Link, pair_rate: float, least: float, requests: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """The visibility that each request uses, 0 if it falls back: one event after the other, shape (requests,)."""
    memory: list[float] = []  # moments of creation, the oldest first
    created = -math.log(rng.random()) / link.rate
    used = np.zeros(requests)
    now = link.delay
    for request in range(requests):
        now -= math.log(rng.random()) / pair_rate
        while created + link.delay < now:
            memory.append(created)
            if len(memory) > link.buffer:
                memory.pop(0)
            created -= math.log(rng.random()) / link.rate
        if memory:
            visibility = link.visibility * math.exp(-(now - memory.pop()) / link.memory_time)
            used[request] = visibility if visibility >= least else 0.0
    return used


def batched(values: NDArray[np.float64], batches: int = 40) -> tuple[float, float]:
    """Mean of correlated values and its standard error."""
    means = values[: values.size // batches * batches].reshape(batches, -1).mean(axis=1)
    return float(means.mean()), float(means.std(ddof=1) / math.sqrt(batches))
