"""Entangled routers that know the past: published values, each state's best alone, and the policy simulated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bellqueue.model.informed.accrual import throughput_slope
from bellqueue.model.informed.bound import InformedBounds
from bellqueue.model.informed.entangled import EntangledOptimum, EntangledProcess, entangled_optima, simulate_policy
from bellqueue.model.queueing.reward import PiecewiseLinearReward
from bellqueue.model.queueing.workload import Workload

from tests.model.informed.test_process import GRID, all_costs, brute_force
from tests.model.informed.workloads import Floats, fixed, light, unequal
from tests.model.small_games import by_angles

MUCH = 8.0  # κ at which some states' games are worth an entangled pair


def optimum(workload: Workload, kappa: float, visibility: float = 1.0, **grid: float) -> EntangledOptimum:
    (found,) = entangled_optima(InformedBounds(workload, 1e-3, **grid), [kappa], visibility, 3)
    return found


# Load, set-up time, μ, largest workload; classical and entangled W − κτ by another program, κ from μ at p = ½.
PUBLISHED = [
    (0.025, 5.0, 0.9, 24.0, -35.5506, -35.6112),
    (0.05, 5.0, 0.9, 24.0, -17.5316, -17.5838),
    (0.1, 5.0, 0.9, 24.0, -8.4867, -8.5249),
    (0.2, 5.0, 0.9, 36.0, -3.8659, -3.8847),
    (0.4, 5.0, 0.9, 60.0, -1.2251, -1.2271),
    (0.125, 20.0, 0.6, 24.0, -0.7230, -0.7467),
]


@pytest.mark.parametrize(("load", "setup", "multiplier", "largest", "classical", "entangled"), PUBLISHED)
def test_the_published_values_of_sizes_1_and_6(
    load: float, setup: float, multiplier: float, largest: float, classical: float, entangled: float
) -> None:
    workload = light(load / 2.5, PiecewiseLinearReward.setup(setup))
    kappa = multiplier / -throughput_slope(workload, 0.5)
    found = optimum(workload, kappa, step=0.5, largest_workload=largest)
    assert (found.classical, found.entangled) == pytest.approx((classical, entangled), abs=1e-4)


@pytest.mark.parametrize(
    ("load", "setup", "kappa", "classical", "entangled"),
    [(0.1, 30.0, 2.179987, -1.4577, -1.5105), (0.2, 5.0, 4.905263, -5.3471, -5.4127)],
)
def test_the_published_values_of_sizes_1_and_10(
    load: float, setup: float, kappa: float, classical: float, entangled: float
) -> None:
    sizes = (fixed(1.0), fixed(10.0))
    workload = light(load / 3.7, PiecewiseLinearReward.setup(setup))
    workload = replace(workload, services_a=sizes, services_b=sizes)
    found = optimum(workload, kappa, step=0.5, largest_workload=50.0)
    assert (found.classical, found.entangled) == pytest.approx((classical, entangled), abs=1e-4)


def frustrated() -> list[Workload]:
    """Two types at either router, or three at one of them: short and long requests, of which two long ones differ."""
    like = light(0.15, PiecewiseLinearReward.setup(2.0))
    three = (fixed(1.0), fixed(4.0), fixed(6.0))
    shares = np.outer([0.7, 0.3], [0.7, 0.2, 0.1])
    more = replace(like, joint=shares, services_b=three, names_b=("short", "middle", "long"))
    other = replace(like, joint=shares.T, services_a=three, names_a=("short", "middle", "long"))
    return [like, more, other]


def potential_like(workload: Workload, seed: int) -> Floats:
    """Near to what value iteration finds, so that entanglement helps at some states, and different at each."""
    noise = np.random.default_rng(seed).normal(size=(10, 10)) / 20
    noise += noise.T
    potential, process = noise, EntangledProcess(workload, GRID, 1.0, 3)
    for _ in range(4):
        potential = process.step(potential, MUCH)
    return np.asarray(potential - potential[0, 0] + noise)


@pytest.mark.parametrize("seed", [1, *(pytest.param(each, marks=pytest.mark.slow) for each in (2, 3))])
@pytest.mark.parametrize("workload", frustrated(), ids=["2 and 2", "2 and 3", "3 and 2"])
def test_the_optimum_at_each_of_100_states_is_that_of_its_game_alone(workload: Workload, seed: int) -> None:
    potential, visibility = potential_like(workload, seed), 0.97
    process = EntangledProcess(workload, GRID, visibility, 3)
    step, costs = process.step(potential, MUCH), all_costs(workload, potential, MUCH)
    measured = np.full((10, 10), np.nan)
    for block in process.blocks():
        parts = process.costs(potential, MUCH)
        measured[block.rows, block.columns] = process.measured(parts, block)[0]
    classical, gained = brute_force(workload, potential, MUCH), 0
    for place in np.ndindex(10, 10):
        cost = costs[place]
        together, split = (cost[..., 0, 0] + cost[..., 1, 1]) / 2, (cost[..., 0, 1] + cost[..., 1, 0]) / 2
        middle, game = float((split + together).sum()) / 2, (split - together) / 2
        alone = middle - visibility * by_angles(game)
        if place[0] >= place[1]:  # the two servers are alike
            assert measured[place] == pytest.approx(alone, abs=1e-7)
        assert step[place] == pytest.approx(min(alone, float(classical[place])), abs=1e-7)
        gained += int(alone < float(classical[place]) - 1e-4)
    assert gained > 0


@pytest.mark.parametrize("workload", frustrated(), ids=["2 and 2", "2 and 3", "3 and 2"])
def test_the_policy_reaches_the_least_cost(workload: Workload) -> None:
    """Summed over types and outcomes: the maps, or two fair outcomes that differ with the probability named."""
    potential = potential_like(workload, 1)
    process = EntangledProcess(workload, GRID, 0.97, 3)
    least, policy = process.step(potential, MUCH), process.policy(potential, MUCH)
    assert policy.split is not None
    costs = all_costs(workload, potential, MUCH)
    for place in np.ndindex(10, 10):
        total = 0.0
        for x, y in np.ndindex(*workload.shape):
            cost, split = costs[(*place, x, y)], policy.split[(x, y, *place)]
            if np.isnan(split):
                total += cost[int(policy.a[place]) >> x & 1, int(policy.b[place]) >> y & 1]
            else:
                total += (1 - split) * (cost[0, 0] + cost[1, 1]) / 2 + split * (cost[0, 1] + cost[1, 0]) / 2
        assert total == pytest.approx(least[place], abs=1e-9)
    assert 0 < np.isnan(policy.split).mean() < 1


@pytest.mark.parametrize("workload", frustrated()[1:], ids=["2 and 3", "3 and 2"])
def test_what_was_found_before_traps_no_game(workload: Workload) -> None:
    """With costs that no entanglement lowers the best vectors lie on one line, from which an ascent never departs."""
    potential = potential_like(workload, 1)
    process = EntangledProcess(workload, GRID, 0.97, 3)
    for _ in range(3):
        process.step(potential, 0.0)
    fresh = EntangledProcess(workload, GRID, 0.97, 3).step(potential, MUCH)
    np.testing.assert_allclose(process.step(potential, MUCH), fresh, atol=1e-8)


@pytest.mark.parametrize("seed", [0, 1, 3, *(pytest.param(each, marks=pytest.mark.slow) for each in (2, 4, 5))])
def test_entangled_routers_never_cost_more_than_classical_ones(seed: int) -> None:
    workload = unequal(seed)
    kappa = 0.7 * float(workload.weights.mean()) / (workload.pair_rate * 5)
    bounds = InformedBounds(workload, 3e-2, 0.2)
    dull, clear = (next(entangled_optima(bounds, [kappa], visibility, 3)) for visibility in (0.9, 1.0))
    assert clear.entangled <= dull.entangled + 1e-3
    assert dull.entangled <= dull.classical


def test_at_a_visibility_at_which_correlators_are_local_both_cost_the_same() -> None:
    """Up to 1/√2 the correlators of two bases at either side are mixtures of local maps."""
    found = optimum(light(0.02), 10.2, 0.7071, step=0.5)
    assert found.entangled == found.classical
    assert found.policy.split is not None
    assert np.isnan(found.policy.split).all()


@pytest.mark.parametrize("visibility", [1.0, 0.9])
def test_the_simulated_policy_lies_just_above_the_value_on_the_grid_and_below_classical_routers(
    visibility: float,
) -> None:
    """The grid rounds down, which costs nothing; workloads simulated are true."""
    workload, kappa = light(0.02), 10.2115
    bounds = InformedBounds(workload, 1e-3, step=0.125, largest_workload=18.0)
    (found,) = entangled_optima(bounds, [kappa], visibility, 3)
    simulated = simulate_policy(workload, found.policy)
    cost = simulated.cost(kappa)
    assert found.entangled < cost.estimate + 4 * cost.standard_error
    assert cost.estimate < found.entangled + 2 * bounds.at(kappa).error_estimate + 4 * cost.standard_error
    assert cost.high < found.classical
    assert 0 < simulated.splitting_probability.low < simulated.splitting_probability.high < 1
