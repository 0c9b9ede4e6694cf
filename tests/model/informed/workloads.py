"""Workloads that several tests of the bound share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from bellqueue.model.queueing.pair_order import WithinPairOrder
from bellqueue.model.queueing.reward import PiecewiseLinearReward, Reward, WarmupReward
from bellqueue.model.queueing.service import Service
from bellqueue.model.queueing.workload import Workload

Floats = np.ndarray[Any, np.dtype[np.float64]]


def fixed(size: float) -> Service:
    return Service("deterministic", size)


def exponential(mean: float) -> Service:
    return Service("exponential", mean, 1.0)


def light(pair_rate: float = 0.01, reward: Reward | None = None) -> Workload:
    """Sizes 1 and 6 with probabilities 0.7 and 0.3, and a set-up time of 5."""
    services = (fixed(1.0), fixed(6.0))
    shares = np.array([0.7, 0.3])
    names = ("short", "long")
    reward = reward or PiecewiseLinearReward.setup(5.0)
    return Workload(pair_rate, np.outer(shares, shares), services, services, names, names, reward, True)


def light_exponential(pair_rate: float = 0.01) -> Workload:
    """The same means, exponential."""
    services = (exponential(1.0), exponential(6.0))
    return replace(light(pair_rate), services_a=services, services_b=services)


def single(service: Service, pair_rate: float, reward: Reward) -> Workload:
    """One type at either router: nothing is hidden from anybody."""
    return Workload(pair_rate, np.ones((1, 1)), (service,), (service,), ("only",), ("only",), reward, True)


def unequal(seed: int, pair_rate: float | None = None) -> Workload:
    """Random types, 1 to 3 at either router, a joint table, any law of services, and a reward of bounded slope."""
    rng = np.random.default_rng([seed, 12])
    counts = rng.integers(1, 4, size=2).tolist()
    joint = rng.dirichlet(np.ones(counts[0] * counts[1])).reshape(counts)
    routers = [tuple(_service(rng) for _ in range(count)) for count in counts]
    scale = float(rng.uniform(2.0, 8.0))
    table = ((0.0, 0.0), (scale / 2, 0.1 * scale), (scale, 0.5 * scale), (2 * scale, 1.5 * scale))
    rewards: tuple[Reward, ...] = (
        PiecewiseLinearReward.setup(scale),
        PiecewiseLinearReward.through(table),
        WarmupReward(scale / 2),
    )
    a, b = (tuple(f"{router}{kind}" for kind in range(count)) for router, count in zip("ab", counts, strict=True))
    order: WithinPairOrder = "shortest-first" if rng.random() < 0.3 else "random"
    workload = Workload(1.0, joint, routers[0], routers[1], a, b, rewards[seed % 3], False, order)
    load = float(np.exp(rng.uniform(np.log(0.003), np.log(0.1))))
    return replace(workload, pair_rate=pair_rate or load / workload.mean_service_time)


def _service(rng: np.random.Generator) -> Service:
    kind = str(rng.choice(["deterministic", "exponential", "gamma", "lognormal"], p=[0.55, 0.15, 0.15, 0.15]))
    mean = float(np.exp(rng.normal(0.5, 0.8)))
    scv = {"deterministic": 0.0, "exponential": 1.0}.get(kind, float(rng.uniform(0.2, 1.5)))
    return Service(kind, mean, scv)  # type: ignore[arg-type]
