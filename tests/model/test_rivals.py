"""The wider rivals: formulas against simulation, searches against brute force and against MODEL §5's figures."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from bellqueue.model.games.classical_frontier import classical_frontier
from bellqueue.model.queueing.pair_order import WithinPairOrder
from bellqueue.model.queueing.reward import PiecewiseLinearReward, PowerReward, Reward
from bellqueue.model.queueing.routing import Bits, ClockRouting, Decide, Integers
from bellqueue.model.queueing.service import Service
from bellqueue.model.queueing.simulation import SimulatedEstimate, simulate
from bellqueue.model.queueing.workload import Workload
from bellqueue.model.rivals.asymmetric import AsymmetricModel, RouterPair, router_pairs, starts
from bellqueue.model.rivals.numerical import (
    RivalCurve,
    asymmetric_at_throughput,
    asymmetric_curve,
    clock_curve,
    lower_hull,
)
from bellqueue.model.scenario.file import Scenario
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

QUANTUM_LEAST = -18.5041  # MODEL §5: least W−10.779τ with entanglement, default scenario
KAPPA = 10.779


def two_sizes(rate: float, small: float, large: float, reward: Reward) -> Workload:
    services = (Service("deterministic", small), Service("deterministic", large))
    return Workload(rate, np.full((2, 2), 0.25), services, services, ("s", "l"), ("s", "l"), reward, True)


@pytest.fixture(scope="module")
def default() -> Workload:
    return Scenario.default().workload()


@pytest.fixture(scope="module")
def heavy() -> Workload:
    """MODEL §5's heavy scenario."""
    return two_sizes(0.2, 1.0, 8.0, PowerReward(2.0))


@pytest.fixture(scope="module")
def default_asymmetric(default: Workload) -> RivalCurve:
    return asymmetric_curve(default)


@pytest.fixture(scope="module")
def default_clock(default: Workload) -> RivalCurve:
    return clock_curve(default)


@dataclass(frozen=True)
class MixedRouting:
    """Deterministic router pairs drawn afresh for every pair of requests: what asymmetric.py's formulas describe."""

    pairs: tuple[RouterPair, ...]
    mixture: tuple[float, ...]
    capacity: ClassVar[None] = None

    def start(self, rng: np.random.Generator) -> Decide:
        servers_a = np.array([pair.a_of_x for pair in self.pairs], dtype=bool)
        servers_b = np.array([pair.b_of_y for pair in self.pairs], dtype=bool)

        def decide(x: Integers, y: Integers) -> tuple[Bits, Bits]:
            chosen = rng.choice(len(self.pairs), x.size, p=self.mixture)
            return servers_a[chosen, x], servers_b[chosen, y]

        return decide


def mixed_workload(seed: int, order: WithinPairOrder = "random") -> Workload:
    """Unequal routers, correlated types, random service times, load 0.3 to 0.7; of B's short requests known sizes."""
    rng = np.random.default_rng([seed, 77])
    services_a = (Service("gamma", 1.0, 1.5), Service("deterministic", float(rng.uniform(1, 4))))
    services_b = (
        Service("exponential", 0.5, 1.0, size_known=True),
        Service("lognormal", float(rng.uniform(1, 3)), 0.7),
    )
    joint = rng.dirichlet(np.ones(4)).reshape(2, 2)
    reward: Reward = PowerReward(2.0) if seed % 2 else PiecewiseLinearReward.setup(2.0)
    unit = Workload(1.0, joint, services_a, services_b, ("s", "l"), ("s", "l"), reward, False, order)
    return replace(unit, pair_rate=(0.3 + 0.1 * seed) / unit.load)


@pytest.mark.parametrize("order", ["random", "shortest-first"])
@pytest.mark.parametrize("seed", range(5))
def test_asymmetric_formulas_agree_with_simulation(seed: int, order: WithinPairOrder) -> None:
    workload = mixed_workload(seed, order)
    model = AsymmetricModel(workload, router_pairs(workload))
    mixture = starts(model, 1, np.random.default_rng(seed))[0]
    waiting, throughput = model.performance(mixture)
    routing = MixedRouting(model.pairs, tuple(mixture.tolist()))
    result = simulate(workload, routing, 400_000, np.random.default_rng(seed), batches=64)
    assert abs(result.waiting_time.estimate - waiting) < 4 * result.waiting_time.standard_error
    assert abs(result.baseline_throughput.estimate - throughput) < 4 * result.baseline_throughput.standard_error
    for server in (0, 1):
        load = workload.pair_rate * float(mixture @ model.work[:, server])
        assert abs(result.load[server].estimate - load) < 4 * result.load[server].standard_error


@pytest.mark.parametrize("seed", range(4))
def test_a_fair_mixture_with_the_servers_exchanged_is_the_symmetric_strategy(seed: int) -> None:
    workload = mixed_workload(seed, "shortest-first" if seed % 2 else "random")
    model = AsymmetricModel(workload, router_pairs(workload))
    for index, pair in enumerate(model.pairs):
        mirror = RouterPair(tuple(1 - a for a in pair.a_of_x), tuple(1 - b for b in pair.b_of_y))
        mixture = np.zeros(len(model.pairs))
        mixture[[index, model.pairs.index(mirror)]] = 0.5
        split = np.not_equal.outer(pair.a_of_x, pair.b_of_y)
        waiting, throughput = model.performance(mixture)
        assert waiting == pytest.approx(workload.waiting_time(split))
        expected = workload.baseline_throughput(workload.splitting_probability(split))
        assert throughput == pytest.approx(float(expected))


@pytest.mark.parametrize("kappa", [0.0, 3.0, 40.0])
def test_the_gradient_is_that_of_the_score(heavy: Workload, kappa: float) -> None:
    model = AsymmetricModel(heavy, router_pairs(heavy))
    point = starts(model, 1, np.random.default_rng(5))[0]
    _, slope = model.score(point, np.array(kappa))
    for direction in range(len(point)):
        step = 1e-6 * np.eye(len(point))[direction]
        above, below = (float(model.score(point + sign * step, np.array(kappa))[0]) for sign in (1, -1))
        assert slope[direction] == pytest.approx((above - below) / 2e-6, rel=1e-4, abs=1e-4)


def test_an_overloaded_server_waits_for_ever(heavy: Workload) -> None:
    model = AsymmetricModel(heavy, (RouterPair((0, 0), (0, 0)),))
    assert model.performance([1.0])[0] == np.inf


def test_the_designs_asymmetric_figures(default: Workload, default_asymmetric: RivalCurve, heavy: Workload) -> None:
    single = asymmetric_at_throughput(default, 1.76222)
    assert single is not None
    assert single.waiting_time.estimate == pytest.approx(0.557, abs=5e-4)
    assert single.baseline_throughput.estimate == pytest.approx(1.76222, abs=1e-6)
    assert default_asymmetric.least(KAPPA).estimate == pytest.approx(-18.4557, abs=1e-4)
    crowded = asymmetric_at_throughput(heavy, 3.07692)
    assert crowded is not None
    assert crowded.waiting_time.estimate == pytest.approx(39.30, abs=5e-3)


def test_time_sharing_never_loses(heavy: Workload, default: Workload, default_asymmetric: RivalCurve) -> None:
    for workload, curve, throughput in (
        (default, default_asymmetric, 1.76222),
        (heavy, asymmetric_curve(heavy), 3.077),
    ):
        single = asymmetric_at_throughput(workload, throughput)
        assert single is not None
        assert curve.waiting_time_at(throughput) <= single.waiting_time.estimate + 1e-9


def test_brute_force_finds_no_better_asymmetric_router(default: Workload, default_asymmetric: RivalCurve) -> None:
    # Every mixture of at most three router pairs, in steps of a twentieth.
    model = AsymmetricModel(default, router_pairs(default))
    shares = np.array([(i, j, 20 - i - j) for i in range(21) for j in range(21 - i)]) / 20
    best = np.inf
    for three in itertools.combinations(range(len(model.pairs)), 3):
        mixtures = np.zeros((len(shares), len(model.pairs)))
        mixtures[:, three] = shares
        waiting, throughput = model.performance(mixtures)
        best = min(best, float((waiting - KAPPA * throughput).min()))
        assert np.all(waiting > default_asymmetric.waiting_time_at(throughput) - 2e-4)
    least = default_asymmetric.least(KAPPA).estimate
    assert least <= best + 1e-9
    assert best < least + 1e-4


def test_asymmetric_routers_include_the_symmetric_class(heavy: Workload) -> None:
    curve = asymmetric_curve(heavy)
    frontier = classical_frontier(heavy)
    throughput = heavy.baseline_throughput(frontier.splitting_probability)
    assert np.all(curve.waiting_time_at(throughput - 1e-9) <= frontier.waiting_time + 1e-6)


def test_the_default_advantage_stands_against_every_rival(
    default_asymmetric: RivalCurve, default_clock: RivalCurve
) -> None:
    assert default_asymmetric.least(KAPPA).estimate > QUANTUM_LEAST
    assert default_clock.least(KAPPA).low > QUANTUM_LEAST
    assert all(value > QUANTUM_LEAST + 5 * error for value, error in (p.score(KAPPA) for p in default_clock.points))


def test_the_designs_shared_clock_figure(default_clock: RivalCurve) -> None:
    # Moving clocks reach −18.444 by simulation; without exchanges (B = 0) the formula gives −18.4485 (MODEL §5).
    assert default_clock.least(KAPPA).estimate == pytest.approx(-18.444, abs=6e-3)
    assert "simulated" in default_clock.method


def test_clocks_corrected_by_controls_agree_with_plain_runs(heavy: Workload) -> None:
    curve = clock_curve(heavy, periods=(5, 20), pairs=100_000)
    for point in curve.points:
        routers = point.routers[0]
        assert point.period is not None
        routing = ClockRouting(routers.a_of_x, routers.b_of_y, point.period)
        plain = simulate(heavy, routing, 400_000, np.random.default_rng(99))
        for ours, theirs in (
            (point.waiting_time, plain.waiting_time),
            (point.baseline_throughput, plain.baseline_throughput),
        ):
            error = np.hypot(ours.standard_error, theirs.standard_error)
            assert abs(ours.estimate - theirs.estimate) < 4 * error, point


def test_a_shared_clock_is_far_ahead_in_heavy_traffic(heavy: Workload) -> None:
    # MODEL §5: quantum 40.53 at τ = 3.077, asymmetric memoryless 39.30.
    curve = clock_curve(heavy, periods=(1, 2, 5, 10), pairs=100_000)
    assert curve.waiting_time_at(3.07692) < 36


def test_the_servers_names_do_not_count_as_different_routers(default: Workload) -> None:
    alike = clock_curve(default, periods=(1,), pairs=1_000)
    services = (Service("deterministic", 1.0), Service("deterministic", 5.0))
    unlike = Workload(
        default.pair_rate, default.joint, default.services_a, services, ("s", "l"), ("s", "l"), default.reward, True
    )
    assert len(alike.points) == 6  # 16 router pairs, halved by the servers' names, two of them mirrored A to B
    assert len(clock_curve(unlike, periods=(1,), pairs=1_000).points) == 8


def test_throughput_without_bound_is_said_to_be_so() -> None:
    # In light traffic one server can serve everybody, and t² makes the other's endless period priceless.
    light = two_sizes(0.02, 1.0, 6.0, PowerReward(2.0))
    for curve in (asymmetric_curve(light), clock_curve(light, pairs=50_000)):
        assert curve.unbounded
        assert curve.waiting_time_at(1e6) == pytest.approx(light.unavoidable_waiting_time, rel=0.1)
        assert curve.least(1e-3).estimate == -np.inf
    model = AsymmetricModel(light, (RouterPair((0, 0), (0, 0)), RouterPair((1, 1), (1, 1))))
    assert model.performance([1 - 1e-4, 1e-4])[1] > 1e5  # 2/Λ with Λ = 2e-6


def test_size_based_routing_is_found_where_it_waits_least() -> None:
    # With such unequal sizes, short requests at one server and long ones at the other wait less than split pairs.
    services = (Service("deterministic", 0.5), Service("deterministic", 10.0))
    joint = np.outer([0.9, 0.1], [0.9, 0.1])
    workload = Workload(0.4, joint, services, services, ("s", "l"), ("s", "l"), PowerReward(2.0), True)
    # Two M/G/1 queues of batches: a pair brings 0, 1 or 2 requests to a server (binomial), all of its one size.
    separate = 0.0
    for size, share in ((0.5, 0.9), (10.0, 0.1)):
        level = 0.4 * (2 * share * size**2 + 2 * share**2 * size**2) / (2 * (1 - 0.4 * 2 * share * size))
        separate += (2 * share * level + share**2 * size) / 2
    assert separate < 0.6 * workload.unavoidable_waiting_time
    assert asymmetric_curve(workload, slopes=2).hull[1][0] <= separate


def test_a_short_run_in_which_nobody_waits_still_gives_points() -> None:
    curve = clock_curve(two_sizes(1e-6, 1.0, 6.0, PiecewiseLinearReward.setup(5.0)), periods=(0, 3), pairs=200)
    assert all(np.isfinite(point.score(1.0)).all() for point in curve.points)


def test_many_types_are_routed_by_thresholds() -> None:
    services = tuple(Service("deterministic", mean) for mean in (3.0, 1.0, 2.0, 4.0, 5.0))
    names = tuple("abcde")
    workload = Workload(0.02, np.full((5, 5), 0.04), services, services, names, names, PowerReward(2.0), True)
    pairs = router_pairs(workload)
    means = np.array([3.0, 1.0, 2.0, 4.0, 5.0])
    assert len(pairs) == 100
    for pair in pairs:
        for rule in (pair.a_of_x, pair.b_of_y):
            ordered = np.array(rule)[np.argsort(means)]
            assert np.count_nonzero(np.diff(ordered)) <= 1
    assert "thresholds" in asymmetric_curve(workload, slopes=2).method


def test_the_same_seed_gives_the_same_curve(default: Workload, default_asymmetric: RivalCurve) -> None:
    again = asymmetric_curve(default)
    assert np.array_equal(again.hull[1], default_asymmetric.hull[1])


def test_beyond_the_largest_throughput_there_is_no_router(default_asymmetric: RivalCurve) -> None:
    throughput, waiting = default_asymmetric.hull
    assert default_asymmetric.waiting_time_at(throughput[-1] + 1e-6) == np.inf
    assert default_asymmetric.waiting_time_at(0.0) == waiting[0]
    # All requests at one server: load 0.1 there, an M/G/1 queue of batches by hand; the other earns all its time.
    assert throughput[-1] == pytest.approx(0.9 * np.exp(-0.02 * 5) + 1)
    together = 0.02 * (2 * 11.5 + 2 * 2.5**2) / (2 * 0.9) + 2.5 / 2
    assert waiting[-1] == pytest.approx(together)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=4, max_size=30, unique=True))
def test_the_lower_hull_is_the_rising_part_of_the_convex_hull(points: list[tuple[int, int]]) -> None:
    hull = [points[index] for index in lower_hull(points)]
    array = np.array(points, dtype=float)
    if np.linalg.matrix_rank(array - array[0]) == 2:
        corners = {points[index] for index in ConvexHull(array).vertices}
        assert set(hull) <= corners
    for kappa in (0.0, 0.3, 1.0, 5.0):
        least = min(w - kappa * t for t, w in points)
        assert min(w - kappa * t for t, w in hull) == pytest.approx(least)
    assert hull == sorted(hull)
    assert all(first[1] < second[1] for first, second in itertools.pairwise(hull))


def test_an_exact_point_has_an_interval_of_width_zero(default_asymmetric: RivalCurve) -> None:
    estimate: SimulatedEstimate = default_asymmetric.least(KAPPA)
    assert estimate.low == estimate.estimate == estimate.high
