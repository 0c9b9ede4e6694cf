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


def of_types(
    pair_rate: float,
    joint: Floats,
    a: tuple[Service, ...],
    b: tuple[Service, ...],
    reward: Reward,
    *,
    product: bool = False,
    order: WithinPairOrder = "random",
) -> Workload:
    """Types named by their numbers."""
    names = [tuple(map(str, range(len(each)))) for each in (a, b)]
    return Workload(pair_rate, joint, a, b, names[0], names[1], reward, product, order)


def light(pair_rate: float = 0.01, reward: Reward | None = None) -> Workload:
    """Sizes 1 and 6 with probabilities 0.7 and 0.3, and a set-up time of 5."""
    services = (fixed(1.0), fixed(6.0))
    shares = np.array([0.7, 0.3])
    reward = reward or PiecewiseLinearReward.setup(5.0)
    workload = of_types(pair_rate, np.outer(shares, shares), services, services, reward, product=True)
    return replace(workload, names_a=("short", "long"), names_b=("short", "long"))


def light_exponential(pair_rate: float = 0.01) -> Workload:
    """The same means, exponential."""
    services = (exponential(1.0), exponential(6.0))
    return replace(light(pair_rate), services_a=services, services_b=services)


def single(service: Service, pair_rate: float, reward: Reward) -> Workload:
    """One type at either router: nothing is hidden from anybody."""
    return of_types(pair_rate, np.ones((1, 1)), (service,), (service,), reward, product=True)


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
    order: WithinPairOrder = "shortest-first" if rng.random() < 0.3 else "random"
    workload = of_types(1.0, joint, routers[0], routers[1], rewards[seed % 3], order=order)
    load = float(np.exp(rng.uniform(np.log(0.003), np.log(0.1))))
    return replace(workload, pair_rate=pair_rate or load / workload.mean_service_time)


def tame(seed: int) -> Workload:
    """Random types whose service times have exponential moments."""
    workload = unequal(seed)
    a, b = (
        tuple(Service("gamma", each.mean, each.scv) if each.kind == "lognormal" else each for each in services)
        for services in (workload.services_a, workload.services_b)
    )
    return replace(workload, services_a=a, services_b=b)


def cost_of(workload: Workload, split: Floats, kappa: float) -> float:
    """W − κτ of routers that send a pair to different servers with these probabilities, by the closed formulas."""
    tau = workload.baseline_throughput(workload.splitting_probability(split))
    return workload.waiting_time(split) - kappa * float(tau)


def _service(rng: np.random.Generator) -> Service:
    kind = str(rng.choice(["deterministic", "exponential", "gamma", "lognormal"], p=[0.55, 0.15, 0.15, 0.15]))
    mean = float(np.exp(rng.normal(0.5, 0.8)))
    scv = {"deterministic": 0.0, "exponential": 1.0}.get(kind, float(rng.uniform(0.2, 1.5)))
    return Service(kind, mean, scv)  # type: ignore[arg-type]
