"""Bounds between the points of a grid, against integrals worked out elsewhere at random continuous levels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
import pytest
from bellqueue.model.informed.bound import InformedBounds, Level
from bellqueue.model.informed.grid import Grid
from bellqueue.model.informed.interpolated import InterpolatedJump, InterpolatedProcess
from bellqueue.model.informed.process import InformedProcess
from bellqueue.model.informed.simulation import simulate_router
from bellqueue.model.queueing.reward import PiecewiseLinearReward, Reward, WarmupReward
from bellqueue.model.queueing.service import Service
from bellqueue.model.queueing.workload import Workload
from scipy import integrate, stats

from tests.model.informed.policy import best_policy
from tests.model.informed.workloads import Floats, fixed, light, light_exponential, of_types

KAPPA = 19.166991
NODES, WEIGHTS = np.polynomial.legendre.leggauss(10)


class Upward(InterpolatedProcess):
    """The same, its errors on the other side."""

    upward = True


def costs_at_points(process: InformedProcess, potential: Floats, kappa: float) -> Floats:
    """Cost at each point for each server of the first router, its type, server of the second, and its type."""
    costs = process.costs(potential, kappa)
    size, types = process.grid.size, process.joint.shape
    found = np.empty((2, types[0], 2, types[1], size, size))
    for block in process.blocks():
        found[..., block.rows, block.columns] = costs.choices(block)
    above = ..., *np.triu_indices(size, 1)
    found[above] = found[::-1, :, ::-1].swapaxes(-1, -2)[above]  # the servers are alike
    return found


def bilinear(grid: Grid, values: Floats, u: Floats, v: Floats) -> Floats:
    """Values at the points, between them: levels below the lowest, or above the largest, count as these."""
    places = [np.clip(level / grid.step + grid.idle, 0, grid.size - 1) for level in (u, v)]
    (i, j) = (np.minimum(place.astype(int), grid.size - 2) for place in places)
    s, r = places[0] - i, places[1] - j
    near, far = values[i, j] * (1 - r) + values[i, j + 1] * r, values[i + 1, j] * (1 - r) + values[i + 1, j + 1] * r
    return np.asarray(near * (1 - s) + far * s)


def integral(of: Callable[[Floats], Floats], breaks: Iterable[float]) -> float:
    """Of a function that is smooth between the breaks."""
    edges = sorted(breaks)
    halves = np.diff(edges) / 2
    points = (np.array(edges[:-1]) + halves)[:, None] + halves[:, None] * NODES
    return float(halves @ (of(points.ravel()).reshape(points.shape) @ WEIGHTS))


def slope(reward: Reward, age: Floats, oldest: float, generous: bool) -> Floats:
    """T′; a warm-up reward's is 1 beyond the oldest age, if the rival is to gain."""
    if isinstance(reward, WarmupReward):
        warm = 1 - np.exp(-age / reward.time)
        return np.where(age > oldest, 1.0, warm) if generous else np.asarray(warm)
    assert isinstance(reward, PiecewiseLinearReward)
    return np.array(reward.slopes)[np.searchsorted(reward.knots, age)]


def after_jump(workload: Workload, grid: Grid, potential: Floats, kappa: float, u: float, v: float, up: bool) -> float:
    """What the levels after an arrival are worth: the potential at the next, less what is earned until then."""
    rate, lowest = workload.pair_rate, -grid.idle * grid.step
    u, v = (min(level, grid.busy * grid.step) for level in (u, v))
    end = max(u, v) - lowest  # then both are as low as can be
    kinks = [level - each for level in (u, v) for each in grid.levels if 0 < level - each < end]
    worth = integral(
        lambda t: rate * np.exp(-rate * t) * bilinear(grid, potential, u - t, v - t), [0.0, end, *kinks]
    ) + math.exp(-rate * end) * float(potential[0, 0])
    return worth - kappa * sum(earned(workload, level, -lowest, not up) for level in (u, v))


def earned(workload: Workload, level: float, oldest: float, generous: bool) -> float:
    """By one server until the next pair, times the rate of pairs."""
    rate, reward, start = workload.pair_rate, workload.reward, max(level, 0.0)
    ages = (*np.arange(1, 40) * reward.time, oldest) if isinstance(reward, WarmupReward) else _knots(reward)
    breaks = [start, *(level + age for age in ages if level + age > start)]
    found = integral(lambda t: rate * np.exp(-rate * t) * slope(reward, t - level, oldest, generous), breaks)
    return found + math.exp(-rate * max(breaks)) * float(slope(reward, np.array(1e9), oldest, generous))


def _knots(reward: Reward) -> tuple[float, ...]:
    assert isinstance(reward, PiecewiseLinearReward)
    return reward.knots


def drawn(rng: np.random.Generator, sizes: str) -> tuple[Workload, Grid]:
    """A workload of fixed sizes, with a coarse grid: whole steps, none, or some of either."""
    step = float(rng.choice([0.5, 1.0, 1.5]))
    grid = Grid(step, int(rng.integers(1, 5)), int(rng.integers(3, 9)))
    types = rng.integers(1, 4, size=2).tolist()
    whole = {"whole": 1.0, "mixed": 0.5, "between": 0.0}[sizes]

    def size() -> Service:
        return fixed(step * int(rng.integers(1, 4)) if rng.random() < whole else float(rng.uniform(0.2, 4.0)))

    age = grid.idle * step
    rewards: tuple[Reward, ...] = (
        PiecewiseLinearReward.setup(age * rng.uniform(0.3, 1.0)),
        PiecewiseLinearReward.through(((0, 0), (age / 2, age / 10), (age, age / 2), (2 * age, 1.5 * age))),
        WarmupReward(age / 2),
    )
    a, b = (tuple(size() for _ in range(count)) for count in types)
    joint = rng.dirichlet(np.ones(types[0] * types[1])).reshape(types)
    reward = rewards[rng.integers(3)]
    rate = float(np.exp(rng.uniform(-4, 1)))
    return of_types(rate, joint, a, b, reward), grid


def potential_of(rng: np.random.Generator, grid: Grid, rising: bool) -> Floats:
    """A symmetric potential: rough, smooth, one kink, or bent across the diagonal."""
    level = grid.levels
    kind = rng.integers(4)
    if kind == 0:
        found = rng.normal(size=(grid.size, grid.size))
    elif kind == 1:
        c = rng.normal(size=3)
        found = c[0] * np.maximum(level[:, None], level) ** 2 + c[1] * (level[:, None] + level) ** 2
        found = found + c[2] * np.abs(level[:, None] - level)
    elif kind == 2:
        found = np.where(np.arange(grid.size) == rng.integers(grid.size), rng.choice([-1.0, 1.0]), 0.0)
        found = np.broadcast_to(found, (grid.size, grid.size))
    else:
        found = rng.choice([-1.0, 1.0]) * np.maximum(level[:, None], level) ** 2
    found = found + found.T
    return np.maximum.accumulate(np.maximum.accumulate(found, 0), 1) if rising else found


@pytest.mark.parametrize("sizes", ["whole", "mixed", "between"])
@pytest.mark.parametrize("up", [False, True], ids=["lower", "upper"])
def test_what_a_decision_costs_between_the_points_is_limited_by_what_it_costs_there(up: bool, sizes: str) -> None:
    """At random levels of random workloads, grids and potentials. The upper limit asks of these that they rise."""
    for seed in range(30):
        rng = np.random.default_rng([seed, up])
        workload, grid = drawn(rng, sizes)
        process = (Upward if up else InterpolatedProcess)(workload, grid)
        kappa = float(rng.choice([0.0, 1.0, 10.0]))
        potential = potential_of(rng, grid, rising=up)
        costs = costs_at_points(process, potential, kappa)
        for _ in range(40):
            u, v = rng.uniform(-grid.idle, grid.busy, size=2) * grid.step
            a, b = rng.integers(2, size=2)
            x, y = (rng.integers(count) for count in process.joint.shape)
            levels = [u, v]
            cost = (max(levels[a], 0.0) + max(levels[b], 0.0)) / 2 + (a == b) * process._partner[x, y]
            levels[a] = max(levels[a], 0.0) + process._services[0][x].mean
            levels[b] = max(levels[b], 0.0) + process._services[1][y].mean
            cost += after_jump(workload, grid, potential, kappa, levels[0], levels[1], up)
            limit = float(bilinear(grid, costs[a, x, b, y], np.array(u), np.array(v))) / process.joint[x, y]
            slack = 1e-9 * (1 + abs(cost))
            assert limit >= cost - slack if up else limit <= cost + slack


@pytest.mark.parametrize("up", [False, True], ids=["lower", "upper"])
@pytest.mark.parametrize(
    ("service", "law"),
    [
        (Service("exponential", 2.0, 1.0), stats.expon(scale=2.0)),
        (Service("gamma", 1.5, 0.4), stats.gamma(2.5, scale=0.6)),
        (Service("gamma", 1.5, 4.0), stats.gamma(0.25, scale=6.0)),
    ],
    ids=["exponential", "gamma", "wild gamma"],
)
def test_a_jump_shares_each_service_time_between_the_levels_beside_it(
    service: Service, law: stats.rv_continuous, up: bool
) -> None:
    """Upward, those that end less than two steps below the largest workload become it."""
    grid = Grid(0.5, 2, 6)
    found = InterpolatedJump(service, grid, up)(np.eye(grid.busy + 1))
    last = grid.busy - (2 if up else 0)
    for start, end in np.ndindex(grid.busy + 1, grid.busy):

        def share(size: float, start: int = start, end: int = end) -> float:
            place = start + size / grid.step
            return 0.0 if place > last else max(1 - abs(place - end), 0.0) * float(law.pdf(size))

        steps = range(max(end - 1 - start, 0), max(end + 1 - start, 0))
        expected = sum(integrate.quad(share, k * grid.step, (k + 1) * grid.step)[0] for k in steps)
        assert found[start, end] == pytest.approx(expected, abs=1e-9)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-14)


def test_a_coarse_grid_comes_as_close_as_rounding_does_on_a_fine_one() -> None:
    """Rounding errs in proportion to the step: two steps extrapolate to what the interpolated bound must not pass."""
    bounds = [InformedBounds(light(), 1e-3, step=step, largest_workload=40.0) for step in (0.5, 0.25)]
    coarse, fine = (each.at(KAPPA).value for each in bounds)
    level = Level(InterpolatedProcess(light(), Grid.covering(0.5, 5.0, 40.0)))
    level.solve(KAPPA, 1e-5, 1000)
    assert fine < level.value < 2 * fine - coarse + (fine - coarse) / 10


def test_no_classical_router_that_is_simulated_costs_less() -> None:
    """Exponential services, between the points everywhere: rounding on the same grid proves much less."""
    workload = light_exponential()
    bounds = InformedBounds(workload, 1e-3, step=0.5, largest_workload=60.0)
    rounded = bounds.at(KAPPA).value
    level = Level(InterpolatedProcess(workload, bounds.levels[1].process.grid))
    level.solve(KAPPA, 1e-5, 1000)
    cost = simulate_router(workload, best_policy(bounds, KAPPA), 400_000, np.random.default_rng(3)).cost(KAPPA)
    assert rounded + 0.05 < level.value < cost.estimate + 4 * cost.standard_error
