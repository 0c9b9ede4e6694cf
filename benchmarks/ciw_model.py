"""The two servers in Ciw: pairs arrive as batches of two at a node without delay, whose routing sends them on."""

from __future__ import annotations

from typing import Any

import ciw
import numpy as np
from bellqueue.model.queueing.service import Service
from bellqueue.model.queueing.simulation import SimulatedEstimate
from bellqueue.model.queueing.workload import Workload

from ._measures import BATCHES, Floats, estimates

_ROUTERS, _SERVERS = 1, (2, 3)  # Ciw numbers nodes from 1


class _PairRouting(ciw.routing.NodeRouting):  # type: ignore[misc]  # Ciw has no types
    """Draws types and servers when the first request of a pair asks; the other one asks at the same moment."""

    def __init__(self, workload: Workload, split: Floats, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.workload, self.split = workload, split
        self.shares = workload.joint.ravel().cumsum()
        self.other: tuple[int, Service] | None = None
        self.splits: list[bool] = []

    def next_node(self, ind: Any) -> Any:
        if self.other is None:
            draw, split, flip, first = self.rng.random(4).tolist()
            code = min(int(np.searchsorted(self.shares, draw, side="right")), self.shares.size - 1)
            x, y = divmod(code, self.workload.shape[1])
            a = int(flip < 0.5)
            b = a ^ int(split < self.split[x, y])
            requests = [(a, self.workload.services_a[x]), (b, self.workload.services_b[y])]
            if first < 0.5:
                requests.reverse()
            mine, self.other = requests
            self.splits.append(a != b)
        else:
            mine, self.other = self.other, None
        server, ind.service = mine
        return self.simulation.nodes[_SERVERS[server]]


class _Sampled(ciw.dists.Distribution):  # type: ignore[misc]
    """The service time of a request's own type."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng([seed, 1])

    def sample(self, t: float | None = None, ind: Any = None) -> float:
        service: Service = ind.service
        return service.mean if service.kind == "deterministic" else float(service.sample(self.rng, 1)[0])


def run(workload: Workload, split: Floats, pairs: int, seed: int) -> dict[str, SimulatedEstimate]:
    """The three measures, from batch means, of about that many pairs."""
    ciw.seed(seed)
    routing, service = _PairRouting(workload, split, seed), _Sampled(seed)
    leave = ciw.routing.Leave()
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(workload.pair_rate), None, None],
        batching_distributions=[ciw.dists.Deterministic(2)] * 3,
        service_distributions=[ciw.dists.Deterministic(0.0), service, service],
        number_of_servers=[float("inf"), 1, 1],
        routing=ciw.routing.NetworkRouting(routers=[routing, leave, leave]),
    )
    simulation = ciw.Simulation(network)
    horizon = pairs / workload.pair_rate
    simulation.simulate_until_max_time(horizon)
    return _measured(simulation.get_all_records(), routing.splits, workload, horizon)


def _measured(
    records: list[Any], splits: list[bool], workload: Workload, horizon: float
) -> dict[str, SimulatedEstimate]:
    """Waits and idle periods read off the records of both servers, in batches of equal time."""
    batch = horizon / BATCHES
    waited, reward, pairs, split = (np.zeros(BATCHES) for _ in range(4))
    arrivals = np.unique([record.arrival_date for record in records if record.node == _ROUTERS])
    place = (arrivals / batch).astype(int)
    pairs += np.bincount(place, minlength=BATCHES)
    split += np.bincount(place, np.array(splits[: arrivals.size], dtype=float), minlength=BATCHES)
    for server in _SERVERS:
        served = [record for record in records if record.node == server]
        table = np.array([(r.arrival_date, r.service_start_date, r.service_end_date) for r in served])
        arrival, start, end = table[np.argsort(table[:, 1], kind="stable")].T
        waited += np.bincount((arrival / batch).astype(int), start - arrival, minlength=BATCHES)
        idle = np.maximum(start - np.concatenate([[0.0], end[:-1]]), 0.0)
        reward += np.bincount((start / batch).astype(int), workload.reward(idle), minlength=BATCHES)[:BATCHES]
    return estimates(waited, split, pairs, reward, np.full(BATCHES, batch))
