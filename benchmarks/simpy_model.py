"""The two servers in SimPy: a process for each request, a resource for each server."""

from __future__ import annotations

import random
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

import numpy as np
import simpy
from bellqueue.model.queueing.service import Service
from bellqueue.model.queueing.simulation import SimulatedEstimate
from bellqueue.model.queueing.workload import Workload

from ._measures import BATCHES, Floats, estimates


@dataclass
class SimpyServer:
    """A FCFS server whose baseline task runs whenever nobody is here."""

    env: simpy.Environment
    workload: Workload
    resource: simpy.Resource = field(init=False)
    present: int = 0
    idle_since: float = 0.0
    reward: float = 0.0

    def __post_init__(self) -> None:
        self.resource = simpy.Resource(self.env, capacity=1)

    def join(self) -> None:
        if not self.present:
            self.reward += float(self.workload.reward(np.array(self.env.now - self.idle_since)))
        self.present += 1

    def leave(self) -> None:
        self.present -= 1
        if not self.present:
            self.idle_since = self.env.now


@dataclass
class SimpyBatch:
    """Sums over one batch of pairs."""

    waited: float = 0.0
    splits: int = 0
    pairs: int = 0
    elapsed: float = 0.0
    reward: float = 0.0


def run(workload: Workload, split: Floats, pairs: int, seed: int) -> dict[str, SimulatedEstimate]:
    """The three measures, from batch means, of a SimPy simulation with a process for each request."""
    env = simpy.Environment()
    servers = [SimpyServer(env, workload) for _ in range(2)]
    batches = [SimpyBatch() for _ in range(BATCHES)]
    env.process(_source(env, workload, split, pairs, servers, batches, seed))
    env.run()
    names = ("waited", "splits", "pairs", "reward", "elapsed")
    return estimates(*(np.array([getattr(batch, name) for batch in batches], dtype=float) for name in names))


def _source(
    env: simpy.Environment,
    workload: Workload,
    split: Floats,
    pairs: int,
    servers: list[SimpyServer],
    batches: list[SimpyBatch],
    seed: int,
) -> Generator[simpy.Event, None, None]:
    """Poisson pairs, each routed and sent to its servers."""
    rng = random.Random(seed)
    types = list(np.ndindex(workload.shape))
    shares = workload.joint.ravel().cumsum().tolist()
    draws = np.random.default_rng(seed)
    services_a = [_draws(service, draws) for service in workload.services_a]
    services_b = [_draws(service, draws) for service in workload.services_b]
    for number in range(pairs):
        batch = batches[number * BATCHES // pairs]
        before = env.now, sum(server.reward for server in servers)
        yield env.timeout(rng.expovariate(workload.pair_rate))
        ((x, y),) = rng.choices(types, cum_weights=shares)
        a = rng.randrange(2)
        b = a ^ (rng.random() < split[x, y])
        requests = [(servers[a], next(services_a[x])), (servers[b], next(services_b[y]))]
        if rng.random() < 0.5:
            requests.reverse()
        for server, service in requests:
            server.join()
            env.process(_request(env, server, service, batch))
        batch.pairs += 1
        batch.splits += a != b
        batch.elapsed += env.now - before[0]
        batch.reward += sum(server.reward for server in servers) - before[1]


def _request(
    env: simpy.Environment, server: SimpyServer, service: float, batch: SimpyBatch
) -> Generator[simpy.Event, None, None]:
    arrived = env.now
    with server.resource.request() as turn:
        yield turn
        batch.waited += env.now - arrived
        yield env.timeout(service)
    server.leave()


def _draws(service: Service, rng: np.random.Generator) -> Iterator[float]:
    """Service times one by one, sampled a thousand at a time so that SimPy does not pay for numpy's calls."""
    while True:
        yield from service.sample(rng, 1000).tolist()
