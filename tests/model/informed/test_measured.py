"""Upper limits of W − κτ of routers that measure: against linear programs, closed forms, and simulated adversaries."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from bellqueue.model.errors import NoBoundError
from bellqueue.model.informed.bound import Level
from bellqueue.model.informed.comparison import Comparison, comparison_grid
from bellqueue.model.informed.grid import Grid
from bellqueue.model.informed.measured import MAPS, Limits, MeasuredPolicy, MeasuredProcess, upper_bound
from bellqueue.model.informed.simulation import simulate_router
from bellqueue.model.queueing.reward import PiecewiseLinearReward, Reward, WarmupReward
from bellqueue.model.queueing.service import Service
from bellqueue.model.queueing.workload import Workload
from scipy.optimize import linprog

from tests.model.informed.test_interpolated import costs_at_points, potential_of
from tests.model.informed.workloads import cost_of, light, light_exponential, tame


def memoryless(workload: Workload, grid: Grid, limits: Limits) -> MeasuredProcess:
    """Routers that measure in the first bases of the menu whatever the state."""
    process = MeasuredProcess(workload, grid, limits)
    never = np.zeros((grid.size, grid.size), dtype=np.int64)
    process.policy = MeasuredPolicy(grid, never, never, never.astype(np.intp))
    return process


def proved(process: MeasuredProcess, kappa: float) -> float:
    level = Level(process)
    level.solve(kappa, 1e-6, 3000)
    return upper_bound(level, kappa)


def test_the_largest_cost_within_box_and_plane_is_that_of_a_linear_program() -> None:
    rng = np.random.default_rng(0)
    for _ in range(150):
        shape = tuple(rng.integers(1, 4, size=2))
        low, high = np.sort(rng.random((2, 1, *shape)), axis=0)
        normal = rng.normal(size=(1, *shape)) * rng.choice([0.0, 1.0, 1e-2], size=shape, p=[0.2, 0.5, 0.3])
        inside = (normal * rng.uniform(low, high)).sum()
        limits = Limits(low, high, normal, np.array([inside]))
        slopes = rng.normal(size=(low.size, 3))
        found = limits.largest(0, slopes)
        for state in range(3):
            best = linprog(
                -slopes[:, state], normal.ravel()[None], [inside], bounds=list(zip(low.flat, high.flat, strict=True))
            )
            assert found[state] == pytest.approx(-best.fun, abs=1e-9)


def test_limits_that_contradict_each_other_leave_the_box() -> None:
    low, high = np.full((1, 1, 2), 0.4), np.full((1, 1, 2), 0.6)
    limits = Limits(low, high, np.ones((1, 1, 2)), np.array([0.1]))
    assert limits.largest(0, np.array([[1.0], [2.0]])) >= 3 * 0.4 - 1e-12


def test_rounding_never_lowers_what_a_nearly_level_plane_allows() -> None:
    """Σ normal·P ≤ bound leaves P = (½, least) and no more, so that the largest cost is 3/2 + 2·least."""
    for least in np.random.default_rng(4).random(50):
        low, high = np.array([[[0.0, least]]]), np.ones((1, 1, 2))
        limits = Limits(low, high, np.array([[[1e-12, 1.0]]]), np.array([0.5e-12 + least]))
        assert limits.largest(0, np.array([[3.0], [2.0]])) > 1.5 + 2 * least - 1e-8


CASES = [
    (light(0.04), 8.0),
    (replace(light(0.1), within_pair_order="shortest-first"), 3.0),
    (light_exponential(0.02), 10.0),
    *((tame(seed), 6.0) for seed in (2, 3, 4, 6, 7, 8)),
]


@pytest.mark.parametrize(("workload", "kappa"), CASES)
def test_memoryless_routers_cost_less_than_is_proved_and_hardly_less(workload: Workload, kappa: float) -> None:
    """Their W and τ have closed forms. The error falls as the square of the step."""
    split = np.random.default_rng(1).random((1, *workload.shape))
    exact = cost_of(workload, split[0], kappa)
    excess = []
    for levels in (30, 60):
        grid = comparison_grid(workload, kappa, levels)
        excess.append((proved(memoryless(workload, grid, Limits.exact(split)), kappa) - exact, grid.step))
    (coarse, wide), (fine, narrow) = excess
    assert fine > 0
    assert 0 < coarse < 0.03 * workload.together_waiting_time
    assert fine < 1.5 * coarse * (narrow / wide) ** 2 + 2e-4 * workload.together_waiting_time


@pytest.mark.parametrize("busy", [1, 2, 3, 5])
@pytest.mark.parametrize("workload", [light(0.04), light_exponential(0.02), tame(3)])
def test_what_lies_beyond_the_largest_workload_is_counted(workload: Workload, busy: int) -> None:
    """Grids that end below the longest service time, and pairs that always stay together."""
    split = np.full((1, *workload.shape), 0.05)
    grid = replace(comparison_grid(workload, 8.0, 30), busy=busy)
    assert proved(memoryless(workload, grid, Limits.exact(split)), 8.0) > cost_of(workload, split[0], 8.0)


def odd(short: float = 1.0, scv: float = 0.0, reward: Reward | None = None, pair_rate: float = 0.01) -> Workload:
    """Short requests of some length, long ones of a mean of 6."""
    light_one = light(pair_rate, reward)
    long = Service("gamma", 6.0, scv) if scv else light_one.services_a[1]
    services = (replace(light_one.services_a[0], mean=short), long)
    return replace(light_one, services_a=services, services_b=services)


@pytest.mark.parametrize(
    "workload",
    [
        odd(1e-6),
        odd(0.01),
        odd(reward=PiecewiseLinearReward.setup(1e-3)),
        odd(reward=WarmupReward(5000.0)),
        odd(scv=20),
    ],
    ids=["no length", "hardly any length", "no set-up time", "long warm-up", "wild sizes"],
)
def test_a_grid_stays_small_however_far_apart_times_are_and_its_limit_holds(workload: Workload) -> None:
    for levels in (150, 600):
        assert comparison_grid(workload, 8.0, levels).size < 5 * levels
    split = np.full((1, *workload.shape), 0.3)
    grid = comparison_grid(workload, 8.0, 40)
    assert proved(memoryless(workload, grid, Limits.exact(split)), 8.0) > cost_of(workload, split[0], 8.0)


@pytest.mark.parametrize("workload", [odd(pair_rate=0.1996), odd(scv=1e4)], ids=["load near one half", "wildest sizes"])
def test_queues_that_may_grow_too_long_to_be_worked_out_are_refused(workload: Workload) -> None:
    with pytest.raises(NoBoundError, match=r"not computed: the work of .* pairs of requests may wait at a server"):
        comparison_grid(workload, 8.0, 150)


def test_every_corner_of_the_limits_costs_less() -> None:
    workload, kappa = light(0.04), 8.0
    middle = np.random.default_rng(2).uniform(0.2, 0.8, (1, 2, 2))
    low, high = middle - 0.1, middle + 0.1
    slopes = [cost_of(workload, high[0] * one + low[0] * (1 - one), kappa) for one in np.eye(4).reshape(4, 2, 2)]
    normal = np.reshape(slopes, (1, 2, 2)) - cost_of(workload, low[0], kappa)
    limits = Limits(low, high, normal, (normal * middle).sum(axis=(1, 2)))
    limit = proved(memoryless(workload, comparison_grid(workload, kappa, 60), limits), kappa)
    corners = [np.where(np.reshape(side, (2, 2)), low[0], high[0]) for side in product([0, 1], repeat=4)]
    within = [cost_of(workload, each, kappa) for each in corners if (normal[0] * each).sum() <= limits.bound[0]]
    assert within
    assert limit > max(within)
    box = Limits(low, high, np.zeros_like(normal), np.zeros(1))
    assert limit < proved(memoryless(workload, comparison_grid(workload, kappa, 60), box), kappa) - 0.01


@pytest.mark.parametrize("seed", range(8))
def test_a_step_is_the_largest_cost_at_the_corners_of_the_four_cells_round_each_point(seed: int) -> None:
    """Random policies: in each cell one decision, which on the diagonal a coin takes either way round."""
    rng = np.random.default_rng([seed, 7])
    workload, grid = tame(seed), Grid(1.0, 2, 4)
    split = rng.random((2, *workload.shape))
    process = MeasuredProcess(workload, grid, Limits.exact(split))
    size = grid.size
    last_a, last_b = (2**count - 1 for count in workload.shape)
    a, b = (np.tril(rng.integers(last + 1, size=(size, size))) for last in (last_a, last_b))
    a, b = (np.tril(word) + np.triu(last - word.T, 1) for word, last in ((a, last_a), (b, last_b)))
    entries = np.tril(rng.integers(-1, 2, size=(size, size)))
    entries = entries + np.tril(entries, -1).T
    policy = process.policy = MeasuredPolicy(grid, a, b, entries)
    potential = potential_of(rng, grid, rising=True)
    costs = costs_at_points(process, potential, 2.0)
    if process.swapped:  # the router of fewer types comes first: here A does
        costs = costs.transpose(2, 3, 0, 1, 4, 5)
    expected = np.full((size, size), -np.inf)
    for i, j in np.ndindex(size, size):
        for row, column in product({i, max(i - 1, 0)}, {j, max(j - 1, 0)}):
            cost = 0.0
            for x, y in np.ndindex(workload.shape):
                to_a, to_b = int(policy.a[i, j]) >> x & 1, int(policy.b[i, j]) >> y & 1
                apart = split[entries[i, j], x, y] if entries[i, j] != MAPS else float(to_a != to_b)
                for server, other in np.ndindex(2, 2):
                    chance = (apart if server != other else 1 - apart) / 2
                    if entries[i, j] == MAPS and i != j:
                        chance = float((server, other) == (to_a, to_b))
                    cost += chance * costs[server, x, other, y, row, column]
            expected[row, column] = max(expected[row, column], cost)
    found = process.step(potential, 2.0)
    inner = np.s_[:-1, :-1]  # beyond the largest workload cells repeat those that end there
    np.testing.assert_allclose(found[inner], expected[inner], atol=1e-9)
    assert (found >= expected - 1e-9).all()


@pytest.mark.parametrize(("workload", "kappa", "levels"), [(light(0.04), 8.0, 40), (light_exponential(0.02), 10.0, 80)])
def test_no_device_within_its_limits_makes_the_best_policy_cost_more(
    workload: Workload, kappa: float, levels: int
) -> None:
    """Simulated event by event: at every state the outcomes are the worst for what follows, or the best.

    Nor do requests wait longer than is proved, if fewer pairs are split than at best.
    """
    middle = np.array([[[0.15, 0.85], [0.85, 0.85]], [[0.85, 0.3], [0.3, 0.85]]])
    limits = Limits(middle - 0.05, middle + 0.05, np.zeros_like(middle), np.zeros(2))
    comparison = Comparison(workload, kappa, levels)
    policy = comparison.best_policy(limits)
    limit = comparison.cost(limits)
    assert comparison._measured is not None
    process, potential = comparison._measured.process, comparison._measured.potential
    costs = costs_at_points(process, potential, kappa)
    dearer = costs[0, :, 1] + costs[1, :, 0] > costs[0, :, 0] + costs[1, :, 1]  # apart than together
    entry = np.maximum(policy.entries, 0)
    low, high = (np.moveaxis(side, 0, -1)[:, :, entry] for side in (limits.low, limits.high))
    honest = policy.simulated(middle)
    assert honest.split is not None
    assert (policy.entries != MAPS).any()
    waiting = comparison.waiting_time(limits)
    found = []
    for split in (np.where(dearer, high, low), np.where(dearer, low, high), low):
        router = replace(honest, split=np.where(policy.entries == MAPS, honest.split, split))
        simulated = simulate_router(workload, router, 300_000, np.random.default_rng(6))
        cost, waited = simulated.cost(kappa), simulated.waiting_time
        assert cost.estimate - 4 * cost.standard_error < limit
        assert waited.estimate - 4 * waited.standard_error < waiting
        found.append(waited.estimate)
    assert waiting < 2 * max(found)  # where decisions change W jumps, so that its error falls as the step only


def test_a_policy_must_be_chosen_before_its_cost_is_asked_for() -> None:
    with pytest.raises(ValueError, match="best_policy"):
        Comparison(light(), 8.0, 40).cost(Limits.exact(np.full((1, 2, 2), 0.5)))
    with pytest.raises(ValueError, match="best_policy"):
        Comparison(light(), 8.0, 40).waiting_time(Limits.exact(np.full((1, 2, 2), 0.5)))
