"""Pairs simulated per second: bellqueue's vectorised recursions against a SimPy model of the same system.

python benchmarks/bench_simulation.py --pairs 2000000 --simpy-pairs 50000 --repeats 5
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field

import numpy as np
import simpy
from bellqueue.model.routing import SplittingRouting
from bellqueue.model.scenario import Scenario
from bellqueue.model.service import Service
from bellqueue.model.simulation import Estimate, simulate
from bellqueue.model.workload import Workload
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BATCHES = 32
MEASURES = ("waiting_time", "splitting_probability", "baseline_throughput")


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


def simpy_run(workload: Workload, split: Floats, pairs: int, seed: int) -> dict[str, Estimate]:
    """The three measures, from batch means, of a SimPy simulation with a process for each request."""
    env = simpy.Environment()
    servers = [SimpyServer(env, workload) for _ in range(2)]
    batches = [SimpyBatch() for _ in range(BATCHES)]
    env.process(_source(env, workload, split, pairs, servers, batches, seed))
    env.run()
    return {
        "waiting_time": Estimate.of(np.array([batch.waited / (2 * batch.pairs) for batch in batches])),
        "splitting_probability": Estimate.of(np.array([batch.splits / batch.pairs for batch in batches])),
        "baseline_throughput": Estimate.of(np.array([batch.reward / batch.elapsed for batch in batches])),
    }


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


def bellqueue_run(workload: Workload, split: Floats, pairs: int, seed: int) -> dict[str, Estimate]:
    """The same three measures from `simulate`."""
    result = simulate(workload, SplittingRouting(split), pairs, np.random.default_rng(seed), batches=BATCHES)
    return {name: getattr(result, name) for name in MEASURES}


def measure(run: Callable[[int], dict[str, Estimate]], pairs: int, repeats: int) -> tuple[float, dict[str, Estimate]]:
    """Median pairs per second over repeats with seeds 1, 2, …, and the estimates of the last one."""
    rates = []
    estimates: dict[str, Estimate] = {}
    for seed in range(1, repeats + 1):
        begun = time.perf_counter()
        estimates = run(seed)
        rates.append(pairs / (time.perf_counter() - begun))
    return statistics.median(rates), estimates


def main() -> None:
    """Print pairs per second of both, their ratio, and whether their means agree."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pairs", type=int, default=2_000_000, help="pairs simulated by bellqueue")
    parser.add_argument("--simpy-pairs", type=int, default=50_000, help="pairs simulated by SimPy")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each; the median speed counts")
    options = parser.parse_args()
    workload = Scenario.default().workload()
    split = np.array([[0.2, 0.8], [0.8, 0.9]])

    ours, found = measure(
        lambda seed: bellqueue_run(workload, split, options.pairs, seed), options.pairs, options.repeats
    )
    theirs, expected = measure(
        lambda seed: simpy_run(workload, split, options.simpy_pairs, seed), options.simpy_pairs, options.repeats
    )
    print(f"{'':24}{'bellqueue':>14}{'SimPy':>14}")
    print(f"{'pairs per second':24}{ours:14,.0f}{theirs:14,.0f}   ratio {ours / theirs:.0f}")
    for name in MEASURES:
        mine, other = found[name], expected[name]
        error = float(np.hypot(mine.standard_error, other.standard_error))
        apart = abs(mine.estimate - other.estimate) / error
        verdict = "agree" if apart < 4 else "DISAGREE"
        print(f"{name:24}{mine.estimate:14.5f}{other.estimate:14.5f}   {apart:.1f} standard errors apart: {verdict}")


if __name__ == "__main__":
    main()
