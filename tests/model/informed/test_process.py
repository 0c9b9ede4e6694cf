"""The Markov decision process on tiny grids, against every pair of maps tried one by one at every state."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from bellqueue.model.informed.grid import Grid
from bellqueue.model.informed.policy import best_maps
from bellqueue.model.informed.process import InformedProcess
from bellqueue.model.queueing.pair_order import WithinPairOrder
from bellqueue.model.queueing.reward import PiecewiseLinearReward
from bellqueue.model.queueing.service import Service
from bellqueue.model.queueing.workload import Workload
from scipy import stats

from tests.model.informed.workloads import Floats, exponential, fixed, light, of_types

GRID = Grid(1.0, 3, 6)
KAPPA = 2.5


@cache
def masses(service: Service) -> dict[int, float]:
    """P(⌊S⌋ = k) on a grid of step 1; 6 and more reach the largest workload from anywhere."""
    if service.kind == "deterministic":
        return {math.floor(service.mean): 1.0}
    law = {
        "exponential": stats.expon(scale=service.mean),
        "gamma": stats.gamma(1 / service.scv, scale=service.mean * service.scv) if service.scv else None,
    }[service.kind]
    return {**{k: float(law.cdf(k + 1) - law.cdf(k)) for k in range(6)}, 6: float(law.sf(6))}


def after(workload: Workload, potential: Floats, levels: tuple[int, int], kappa: float) -> float:
    """Set-up time 2: minus κλR at both servers, and the potential when the next pair comes after k whole steps."""
    rate = workload.pair_rate
    value = -kappa * sum(math.exp(-rate * max(level + 2.0, 0.0)) for level in levels)
    for k in range(1, 40):
        chance = math.exp(-rate * (k - 1)) - (math.exp(-rate * k) if k < 39 else 0.0)
        value += chance * potential[tuple(max(level - k, -3) + 3 for level in levels)]
    return value


def all_costs(workload: Workload, potential: Floats, kappa: float) -> Floats:
    """π times the cost of each pair of types for each pair of servers at each state, (10, 10, n_A, n_B, 2, 2)."""
    capped = {
        levels: after(workload, potential, levels, kappa) for levels in itertools.product(range(-3, 7), range(-3, 7))
    }
    costs = np.zeros((10, 10, *workload.shape, 2, 2))
    for levels in itertools.product(range(-3, 7), range(-3, 7)):
        cost = costs[levels[0] + 3, levels[1] + 3]
        for x, y, a, b in np.ndindex(*cost.shape):
            found = [max(level, 0) for level in levels]
            cost[x, y, a, b] = (found[a] + found[b]) / 2
            if a == b:
                cost[x, y, a, b] += workload.partner_waiting_time[x, y] / 2
            outcomes = itertools.product(masses(workload.services_a[x]).items(), masses(workload.services_b[y]).items())
            for (first, p), (second, q) in outcomes:
                then = list(levels)
                then[a] = min(max(then[a], 0) + first, 6)
                then[b] = min(max(then[b], 0) + second, 6)
                cost[x, y, a, b] += p * q * capped[then[0], then[1]]
    return costs * workload.joint[:, :, None, None]


def brute_force(workload: Workload, potential: Floats, kappa: float) -> Floats:
    """The least cost of a pair at each state, by trying all maps of both routers."""
    costs, least = all_costs(workload, potential, kappa), np.full((10, 10), np.inf)
    for place in np.ndindex(10, 10):
        for a in itertools.product((0, 1), repeat=workload.shape[0]):
            for b in itertools.product((0, 1), repeat=workload.shape[1]):
                value = sum(costs[(*place, x, y, a[x], b[y])] for x, y in np.ndindex(*workload.shape))
                least[place] = min(least[place], value)
    return least


def cases() -> list[Workload]:
    like = light(0.15, PiecewiseLinearReward.setup(2.0))
    few = (fixed(1.0), exponential(1.7))
    three = (fixed(0.5), fixed(2.0), fixed(3.7))
    gamma = (Service("gamma", 1.2, 0.5),)
    rng = np.random.default_rng(3)

    def workload(a: tuple[Service, ...], b: tuple[Service, ...], order: WithinPairOrder = "random") -> Workload:
        joint = rng.dirichlet(np.ones(len(a) * len(b))).reshape(len(a), len(b))
        return of_types(like.pair_rate, joint, a, b, like.reward, order=order)

    return [
        like,
        workload(few, three),
        workload(three, few),
        workload(few, few, "shortest-first"),
        workload(gamma, three),
    ]


@pytest.mark.parametrize("workload", cases(), ids=["light", "2 and 3", "3 and 2", "shortest first", "1 and 3"])
def test_a_step_is_the_least_cost_over_all_pairs_of_maps(workload: Workload) -> None:
    potential = np.random.default_rng(1).normal(size=(10, 10))
    potential += potential.T  # the two servers are alike
    process = InformedProcess(workload, GRID)
    found = process.step(potential, KAPPA)
    np.testing.assert_allclose(found, brute_force(workload, potential, KAPPA), atol=1e-11)
    np.testing.assert_array_equal(found, found.T)


@pytest.mark.parametrize("workload", cases()[1:3], ids=["2 and 3", "3 and 2"])
def test_the_decisions_reach_the_least_cost(workload: Workload) -> None:
    """The cost of the maps that they name, by the costs of all pairs of types and servers."""
    potential = np.random.default_rng(2).normal(size=(10, 10))
    potential += potential.T
    process, costs = InformedProcess(workload, GRID), all_costs(workload, potential, KAPPA)
    (maps_a, maps_b), least = best_maps(process, potential, KAPPA), process.step(potential, KAPPA)
    for state in np.ndindex(10, 10):
        total = 0.0
        for x, y in np.ndindex(*workload.shape):
            total += costs[(*state, x, y, maps_a[state] >> x & 1, maps_b[state] >> y & 1)]
        assert total == pytest.approx(least[state], abs=1e-11)


def test_rounding_slack_covers_the_difference_between_two_orders_of_summation() -> None:
    """Exchanging the routers transposes every table and changes nothing but the order of the sums."""
    workload = cases()[1]
    mirrored = replace(
        workload,
        joint=workload.joint.T,
        services_a=workload.services_b,
        services_b=workload.services_a,
        names_a=workload.names_b,
        names_b=workload.names_a,
    )
    grid = Grid(0.25, 8, 60)
    potential = np.random.default_rng(1).normal(size=(grid.size, grid.size)) * 30
    potential += potential.T
    one, other = InformedProcess(workload, grid), InformedProcess(mirrored, grid)
    difference = np.abs(one.step(potential, KAPPA) - other.step(potential, KAPPA)).max()
    assert difference <= one.rounding(potential, KAPPA) < 1e-8
