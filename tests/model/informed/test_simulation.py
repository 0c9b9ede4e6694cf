"""Routers with a memory, simulated event by event, against closed forms and the bound that they cannot pass."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from bellqueue.model.informed.bound import InformedBound, InformedBounds
from bellqueue.model.informed.grid import Grid
from bellqueue.model.informed.policy import PastInformedPolicy
from bellqueue.model.informed.simulation import Decide, Router, simulate_router
from bellqueue.model.queueing.reward import WarmupReward
from bellqueue.model.queueing.simulation import SimulatedEstimate
from bellqueue.model.queueing.workload import Workload

from tests.model.informed.policy import MemoryRouter, best_policy
from tests.model.informed.workloads import light, light_exponential, unequal

KAPPA = 18.1203


def best_and_simulated(
    bounds: InformedBounds, kappa: float, pairs: int, seed: int
) -> tuple[InformedBound, SimulatedEstimate]:
    """V(κ), and the W − κτ that the decisions found by value iteration reach: the least lies between the two."""
    simulated = simulate_router(bounds.workload, best_policy(bounds, kappa), pairs, np.random.default_rng(seed))
    return bounds.at(kappa), simulated.cost(kappa)


class SymmetricMaps:
    """Memoryless routers: local maps a(x), b(y), and a shared fair bit for each pair that flips both."""

    def __init__(self, a: list[int], b: list[int], seed: int) -> None:
        self._maps = np.array(a), np.array(b)
        self._rng = np.random.default_rng(seed)

    def start(self, replicas: int) -> Decide:
        def decide(x: np.ndarray, y: np.ndarray, gap: np.ndarray, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            flip = self._rng.integers(2, size=replicas)
            return self._maps[0][x] ^ flip, self._maps[1][y] ^ flip

        return decide


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(each, marks=pytest.mark.slow) for each in range(2, 6))])
def test_memoryless_routers_have_the_waiting_time_and_throughput_of_the_formulas(seed: int) -> None:
    workload = unequal(seed)
    rng = np.random.default_rng([seed, 4])
    a, b = (rng.integers(2, size=count).tolist() for count in workload.shape)
    split = np.not_equal.outer(a, b).astype(float)
    found = simulate_router(workload, SymmetricMaps(a, b, seed), 400_000, rng)
    expected = workload.waiting_time(split)
    assert abs(found.waiting_time.estimate - expected) < 5 * found.waiting_time.standard_error + 1e-12
    throughput = float(workload.baseline_throughput(workload.splitting_probability(split)))
    error = found.baseline_throughput.standard_error
    assert abs(found.baseline_throughput.estimate - throughput) < 5 * error + 1e-12


@pytest.mark.parametrize("pairs", [4_000_000, pytest.param(20_000_000, marks=pytest.mark.slow)])
def test_routers_that_remember_one_request_wait_less_than_the_least_without_memory(pairs: int) -> None:
    """Published: W = 0.0974 at τ = 1.7192, where all pairs split wait W0 = 0.1210526."""
    workload = light(0.02)
    found = simulate_router(workload, MemoryRouter.after_long(3.0), pairs, np.random.default_rng(1))
    assert found.waiting_time.estimate == pytest.approx(0.0974, abs=3e-4 if pairs > 10_000_000 else 8e-4)
    assert found.baseline_throughput.estimate == pytest.approx(1.7192, abs=2e-4)
    plain = simulate_router(workload, MemoryRouter.after_long(0.0), pairs // 4, np.random.default_rng(1))
    assert plain.waiting_time.estimate == pytest.approx(0.1210526, abs=4 * plain.waiting_time.standard_error)
    assert found.waiting_time.high < plain.waiting_time.low


@pytest.mark.parametrize(
    ("tolerance", "seconds", "pairs", "largest_error"),
    [(1e-3, 10.0, 10_000_000, 3e-4), pytest.param(2e-4, 60.0, 100_000_000, 1e-4, marks=pytest.mark.slow)],
)
def test_the_simulated_policy_lies_just_above_the_bound(
    tolerance: float, seconds: float, pairs: int, largest_error: float
) -> None:
    """Published: −33.5679 ± 0.0002."""
    low, high = best_and_simulated(InformedBounds(light(), tolerance, seconds), KAPPA, pairs, 2)
    assert high.estimate == pytest.approx(-33.5679, abs=2e-4 + 3 * high.standard_error)
    assert high.standard_error < largest_error
    assert low.value < high.high
    assert high.low < low.value + 2 * low.error_estimate


@pytest.mark.parametrize(
    ("tolerance", "pairs"), [(3e-2, 300_000), pytest.param(5e-3, 2_000_000, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(
    "workload",
    [
        pytest.param(light_exponential(), marks=pytest.mark.slow),
        light(reward=WarmupReward(5.0)),
        unequal(3),
        unequal(4),
    ],
    ids=lambda _: "",
)
def test_simulated_policies_of_other_workloads_lie_above_the_bound_and_near(
    workload: Workload, tolerance: float, pairs: int
) -> None:
    kappa = 0.7 * float(workload.weights.mean()) / (workload.pair_rate * 5)
    low, high = best_and_simulated(InformedBounds(workload, tolerance, 3.0), kappa, pairs, 3)
    assert low.value < high.estimate + 4 * high.standard_error
    reach = 3 * low.error_estimate + 4 * high.standard_error
    assert high.estimate < low.value + reach


def random_policy(bounds: InformedBounds, rng: np.random.Generator) -> Router:
    """The best decisions, changed at random states of the grid, or decisions that are all random."""
    best = best_policy(bounds, KAPPA)
    share = float(rng.choice([0.001, 0.01, 0.1, 1.0]))
    a, b = (
        np.where(rng.random(word.shape) < share, rng.integers(4, size=word.shape), word) for word in (best.a, best.b)
    )
    return PastInformedPolicy(best.grid, a, b)


@pytest.mark.parametrize("count", [10, pytest.param(200, marks=pytest.mark.slow)])
def test_random_policies_of_routers_that_know_the_past_lie_above_the_bound(count: int) -> None:
    workload, rng = light(), np.random.default_rng(7)
    bounds = InformedBounds(workload, 1e-3, step=0.25)
    least = bounds.at(KAPPA).value
    for _ in range(count):
        cost = simulate_router(workload, random_policy(bounds, rng), 300_000, rng, replicas=1024).cost(KAPPA)
        assert least < cost.estimate + 4 * cost.standard_error


def test_memory_routers_found_by_coordinate_descent_lie_above_the_bound() -> None:
    """At load 0.05 memory helps most; each threshold by turns takes the best of a few values, on the same arrivals."""
    workload = light(0.02)
    kappa = 9.0
    least = InformedBounds(workload, 2e-3).at(kappa).value
    thresholds = np.zeros((2, 2, 2))

    def cost(trial: np.ndarray) -> float:
        router = MemoryRouter(trial[0], trial[1])
        return simulate_router(workload, router, 200_000, np.random.default_rng(9), replicas=1024).cost(kappa).estimate

    best = cost(thresholds)
    first = best
    for place in itertools.product((0, 1), repeat=3):
        for value in (2.0, 4.0, 8.0):
            trial = thresholds.copy()
            trial[place] = value
            if cost(trial) < best:
                thresholds, best = trial, cost(trial)
    assert best < first
    found = simulate_router(workload, MemoryRouter(*thresholds), 2_000_000, np.random.default_rng(10)).cost(kappa)
    assert least < found.estimate + 4 * found.standard_error


def test_a_memory_router_follows_its_rule() -> None:
    """Types, gaps and decisions of one replica, worked out by hand: A usually uses server 1, B server 0."""
    decide = MemoryRouter.after_long(3.0).start(1)
    history = [  # type, time since the pair before, whether the usual server is used
        (1, np.inf, True),
        (0, 2.0, False),  # the long one went as usual, 2 ago
        (0, 1.0, True),  # the previous one did not
        (1, 1.0, True),  # the previous one was short
        (1, 4.0, True),  # too long ago
        (1, 2.9, False),
        (1, 2.9, True),
    ]
    for kind, gap, usual in history:
        types = np.array([kind])
        a, b = decide(types, types, np.array([gap]), np.zeros((2, 1)))
        assert (a.tolist(), b.tolist()) == ([1 if usual else 0], [0 if usual else 1])


def always_together() -> PastInformedPolicy:
    """Every request goes to server 0."""
    return PastInformedPolicy(Grid(1.0, 1, 1), *np.zeros((2, 3, 3), dtype=np.int64))


def test_a_seed_gives_the_same_simulation_and_replicas_are_checked() -> None:
    workload, policy = light(), always_together()
    one, other = (simulate_router(workload, policy, 20_000, np.random.default_rng(3), replicas=100) for _ in range(2))
    assert one.waiting_time == other.waiting_time
    assert one.pairs == 20_000
    with pytest.raises(ValueError, match="replicas"):
        simulate_router(workload, policy, 20_000, np.random.default_rng(3), replicas=10)


def test_pairs_that_all_share_one_server_leave_the_other_to_the_baseline() -> None:
    """A single queue of all pairs, and a server that is never interrupted and earns 1 per unit of time."""
    workload, policy = light(), always_together()
    found = simulate_router(workload, policy, 2_000_000, np.random.default_rng(3), replicas=1024, warm_up=100)
    rate, load = workload.pair_rate, 2 * workload.load
    second = 2 * (0.7 + 0.3 * 36) + 2 * 2.5**2  # E[(S+T)²]
    waiting = rate * second / (2 * (1 - load)) + 2.5 / 2
    assert abs(found.waiting_time.estimate - waiting) < 5 * found.waiting_time.standard_error
    throughput = 1 + (1 - load) * np.exp(-rate * 5.0)
    assert found.baseline_throughput.estimate == pytest.approx(throughput, abs=2e-3)
