"""Shortest first within a pair: closed forms, the simulation and a plain queue, and a game that is not of rank 2."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bellqueue.model.games.classical_frontier import classical_frontier
from bellqueue.model.games.frontier import communication_frontier
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.routing_game import RoutingGame
from bellqueue.model.games.values.classical_value import classical_optimum
from bellqueue.model.games.values.quantum_value import quantum_optimum
from bellqueue.model.queueing.pair_order import mean_of_the_smaller
from bellqueue.model.queueing.routing import SplittingRouting
from bellqueue.model.queueing.service import Service
from bellqueue.model.queueing.simulation import simulate
from bellqueue.model.queueing.workload import Workload
from bellqueue.model.scenario.bounds import BoundsSpec
from bellqueue.model.scenario.file import Scenario
from scipy import stats
from scipy.integrate import dblquad
from scipy.special import erfc

from tests.model.small_games import by_angles, by_signs
from tests.scenarios import brute_force_hull, default_record, dense, heavy_scenario, random_scenario


def shortest_first(scenario: Scenario) -> Scenario:
    record = scenario.record()
    record["traffic"]["within_pair_order"] = "shortest-first"
    return Scenario.parse(record)


def sizes_scenario(seed: int, load: float) -> Scenario:
    """Known sizes at router A; at router B sizes of another law, the same sizes, or types by turns."""
    rng = np.random.default_rng([seed, 1954])
    laws: list[dict[str, Any]] = [
        {"distribution": "exponential", "mean": 1.0, "bins": int(rng.integers(1, 5))},
        {"distribution": "gamma", "mean": 0.8, "scv": float(rng.uniform(0.3, 3)), "bins": int(rng.integers(1, 5))},
        {"distribution": "lognormal", "mean": 1.3, "scv": float(rng.uniform(0.3, 3)), "bins": int(rng.integers(1, 5))},
    ]
    first, second = rng.permutation(3)[:2].tolist()
    traffic: dict[str, Any] = {"pair_rate": 1e-6, "sizes": laws[first], "within_pair_order": "shortest-first"}
    if seed % 3 == 0:
        traffic["sizes_b"] = laws[second]
    elif seed % 3 == 1:
        services = ({"distribution": "exponential", "mean": 0.4}, {"distribution": "deterministic", "mean": 2.0})
        traffic["type_b"] = [
            {"name": name, "probability": 0.5, "service": each} for name, each in zip("sl", services, strict=True)
        ]
    record = {**default_record(), "traffic": traffic, "baseline": {"reward": {"kind": "power", "exponent": 2.0}}}
    traffic["pair_rate"] = load * 1e-6 / Scenario.parse(record).workload().load
    return Scenario.parse(record)


# What two requests wait for each other.


def test_types_are_ordered_by_their_means() -> None:
    # By hand: λ/(2(1−ρ)) = 0.02/1.9, then half of the smaller of 1 and 6.
    weights = shortest_first(dense()).workload().weights
    np.testing.assert_allclose(weights, np.array([[0.02, 0.12], [0.12, 0.72]]) / 1.9 + [[0.5, 0.5], [0.5, 3]])
    heavy = shortest_first(heavy_scenario()).workload().weights  # λ/(2(1−ρ)) = 1
    np.testing.assert_allclose(heavy, [[1.5, 8.5], [8.5, 68.0]])


def test_the_law_within_a_type_does_not_matter() -> None:
    record = shortest_first(Scenario.default()).record()
    for spec in record["traffic"]["type"]:
        spec["service"] = {"distribution": "exponential", "mean": spec["service"]["mean"]}
    assert np.array_equal(
        Scenario.parse(record).workload().partner_waiting_time, np.minimum.outer([1.0, 6.0], [1.0, 6.0])
    )


def test_two_requests_of_one_exponential_bin() -> None:
    bins = Service("exponential", 2.0, 1.0).bins(64)
    for index, each in enumerate(bins):
        low, high = -np.log1p(-index / 64), -np.log1p(-(index + 1) / 64) if index < 63 else np.inf
        e_low, e_high = (64 - index) / 64, (63 - index) / 64  # survival at the ends: their difference is 1/64
        tail = e_high**2 * (high - low) if index < 63 else 0.0
        square = (e_low**2 - e_high**2) / 2 - 2 * e_high / 64 + tail  # ∫ (e^−t − e_high)² dt
        assert mean_of_the_smaller(each, each) == pytest.approx(2 * (low + 64**2 * square), rel=1e-12)


@pytest.mark.parametrize("scv", [1e-6, 0.3, 1.0, 4.0, 1e3])
def test_a_gamma_size_beside_an_exponential_one(scv: float) -> None:
    # E[min(S, T)] = (1 − E[e^(−S/n)]) n for T exponential of mean n.
    gamma, exponential = (Service("gamma", 1.5, scv), Service("exponential", 0.7, 1.0))
    expected = -0.7 * np.expm1(-np.log1p(1.5 * scv / 0.7) / scv)
    found = mean_of_the_smaller(gamma.bins(1)[0], exponential.bins(1)[0])
    assert found == pytest.approx(expected, rel=1e-11 if scv < 1e-3 else 1e-13)


@pytest.mark.parametrize("scv", [1e-4, 0.5, 3.0, 1e4])
def test_bins_of_known_size_together_are_the_whole_law(scv: float) -> None:
    # Two lognormal requests of variance parameter σ²: E[min] = m·erfc(σ/2).
    record = default_record()
    sizes = {"distribution": "lognormal", "mean": 3.0, "scv": scv, "bins": 24}
    record["traffic"] = {"pair_rate": 1e-9, "sizes": sizes, "within_pair_order": "shortest-first"}
    record["baseline"] = {"reward": {"kind": "setup", "setup_time": 1e7}}
    workload = Scenario.parse(record).workload()
    average = float((workload.joint * workload.partner_waiting_time).sum())
    assert average == pytest.approx(3 * erfc(np.sqrt(np.log1p(scv)) / 2), rel=1e-12)
    whole = mean_of_the_smaller(*2 * Service("lognormal", 3.0, scv).bins(1))
    assert whole == pytest.approx(average, rel=1e-12)


def test_overlapping_bins_of_two_laws_by_double_integration() -> None:
    gamma, normal = Service("gamma", 1.0, 0.5).bins(4)[2], Service("lognormal", 1.2, 0.8).bins(3)[1]
    sd, ends_s = np.sqrt(np.log(1.8)), stats.gamma(2, scale=0.5).ppf([0.5, 0.75])
    log_mean = np.log(1.2) - sd**2 / 2
    ends_t = np.exp(log_mean + sd * stats.norm.ppf([1 / 3, 2 / 3]))

    def smaller_by_density(t: float, s: float) -> float:
        normal_density = math.exp(-(((math.log(t) - log_mean) / sd) ** 2) / 2) / (t * sd * math.sqrt(2 * math.pi))
        return float(min(s, t) * 4 * s * math.exp(-2 * s) * normal_density)

    def cut(s: float) -> float:
        return float(np.clip(s, *ends_t))

    total = (
        dblquad(smaller_by_density, *ends_s, ends_t[0], cut)[0]
        + dblquad(smaller_by_density, *ends_s, cut, ends_t[1])[0]
    )
    assert mean_of_the_smaller(gamma, normal) == pytest.approx(12 * total, rel=1e-9)


def test_a_size_beside_a_type_is_compared_with_the_mean_of_the_type() -> None:
    scenario = shortest_first(sizes_scenario(1, 0.5))
    record = scenario.record()
    record["traffic"]["sizes"] = {"distribution": "exponential", "mean": 1.0, "bins": 1}
    # E[min(S, n)] = 1 − e^(−n) for S exponential of mean 1.
    expected = [[-np.expm1(-0.4), -np.expm1(-2.0)]]
    np.testing.assert_allclose(Scenario.parse(record).workload().partner_waiting_time, expected, rtol=1e-13)


def test_disjoint_bins_wait_for_the_shorter() -> None:
    record = sizes_scenario(2, 0.5).record()
    record["traffic"]["sizes"]["bins"] = 9
    workload = Scenario.parse(record).workload()
    apart = ~np.eye(9, dtype=bool)
    smaller = np.minimum.outer(workload.mean_a, workload.mean_b)
    assert np.array_equal(workload.partner_waiting_time[apart], smaller[apart])
    assert np.all(workload.partner_waiting_time.diagonal() < smaller.diagonal())


# Against the simulation, and against a queue of the test's own.


def assert_simulation_agrees(workload: Workload, seed: int) -> None:
    split = np.random.default_rng([seed, 4588]).uniform(size=workload.shape)
    result = simulate(workload, SplittingRouting(split), 250_000, np.random.default_rng(seed), batches=64)
    p = workload.splitting_probability(split)
    for estimate, expected in (
        (result.waiting_time, workload.waiting_time(split)),
        (result.splitting_probability, p),
        (result.baseline_throughput, float(workload.baseline_throughput(p))),
    ):
        assert abs(estimate.estimate - expected) <= 4 * estimate.standard_error


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(each, marks=pytest.mark.slow) for each in range(3, 6))])
def test_types_simulated(seed: int) -> None:
    assert_simulation_agrees(
        shortest_first(random_scenario(np.random.default_rng([seed, 63]), most=3)).workload(), seed
    )


@pytest.mark.parametrize(
    ("seed", "load"),
    [
        pytest.param(seed, load, marks=() if seed in (1, 7) else pytest.mark.slow)
        for seed, load in enumerate(np.linspace(0.1, 0.9, 9).tolist())
    ],
)
def test_known_sizes_simulated(seed: int, load: float) -> None:
    assert_simulation_agrees(sizes_scenario(seed, load).workload(), seed)


@pytest.mark.parametrize("seed", [0, *(pytest.param(each, marks=pytest.mark.slow) for each in range(1, 4))])
def test_the_order_changes_nothing_but_the_wait_for_the_partner(seed: int) -> None:
    """Work is conserved path by path: over the same arrivals idle periods, loads and splits are the very same."""
    workload = sizes_scenario(seed, 0.2 + 0.2 * seed).workload()
    drawn = replace(workload, within_pair_order="random")
    split = np.random.default_rng(seed).uniform(size=workload.shape)
    results = [
        simulate(each, SplittingRouting(split), 150_000, np.random.default_rng(seed)) for each in (workload, drawn)
    ]
    assert np.array_equal(results[0].baseline_throughput_batches, results[1].baseline_throughput_batches)
    assert results[0].load == results[1].load
    assert results[0].splitting_probability == results[1].splitting_probability
    saved = results[1].waiting_time_batches - results[0].waiting_time_batches
    error = saved.std(ddof=1) / np.sqrt(saved.size)
    assert abs(saved.mean() - (drawn.waiting_time(split) - workload.waiting_time(split))) <= 4 * error
    assert saved.mean() > 0


def plain_queue(rng: np.random.Generator, rate: float, pairs: int, sizes: bool) -> tuple[np.ndarray, np.ndarray]:
    """Mean wait of every pair in two FCFS queues, one event after the other, and whether it was split.

    Requests are short, exponential of mean 1, or long, exponential of mean 4, evenly. All pairs of two short requests
    are split, the others evenly. Together, the request of the smaller size joins first, or that of the smaller mean.
    """
    free_at = [0.0, 0.0]
    clock = 0.0
    waits, apart = np.zeros(pairs), np.zeros(pairs, dtype=bool)
    for number in range(pairs):
        clock += rng.exponential(1 / rate)
        means = [1.0 if rng.random() < 0.5 else 4.0 for _ in range(2)]
        times = [rng.exponential(mean) for mean in means]
        apart[number] = means == [1.0, 1.0] or rng.random() < 0.5
        server = int(rng.random() < 0.5)
        servers = [server, 1 - server if apart[number] else server]
        told = times if sizes else means
        order = [0, 1] if told[0] < told[1] or (told[0] == told[1] and rng.random() < 0.5) else [1, 0]
        for request in order:
            start = max(free_at[servers[request]], clock)
            waits[number] += (start - clock) / 2
            free_at[servers[request]] = start + times[request]
    return waits, apart


def test_a_plain_queue_that_orders_by_mean() -> None:
    waits, apart = plain_queue(np.random.default_rng(12), 0.2, 40_000, sizes=False)
    types = [
        {"name": name, "probability": 0.5, "service": {"distribution": "exponential", "mean": mean}}
        for name, mean in (("short", 1.0), ("long", 4.0))
    ]
    record = {**default_record(), "traffic": {"pair_rate": 0.2, "type": types, "within_pair_order": "shortest-first"}}
    workload = Scenario.parse(record).workload()
    split = [[1.0, 0.5], [0.5, 0.5]]
    batches = waits.reshape(50, -1).mean(axis=1)
    assert abs(batches.mean() - workload.waiting_time(split)) <= 4 * batches.std(ddof=1) / np.sqrt(50)
    assert apart.mean() == pytest.approx(0.625, abs=0.01)


def test_a_plain_queue_that_orders_by_size() -> None:
    # A mixture of two exponentials is no size law of a scenario: its types here stand for themselves, sizes known.
    waits, _ = plain_queue(np.random.default_rng(13), 0.2, 40_000, sizes=True)
    services = tuple(Service("exponential", mean, 1.0, size_known=True) for mean in (1.0, 4.0))
    unit = shortest_first(Scenario.default()).workload()
    workload = replace(unit, pair_rate=0.2, joint=np.full((2, 2), 0.25), services_a=services, services_b=services)
    # E[min] of exponentials: 1/(1/m + 1/n).
    np.testing.assert_allclose(workload.partner_waiting_time, [[0.5, 0.8], [0.8, 2.0]], rtol=1e-13)
    batches = waits.reshape(50, -1).mean(axis=1)
    expected = workload.waiting_time([[1.0, 0.5], [0.5, 0.5]])
    assert abs(batches.mean() - expected) <= 4 * batches.std(ddof=1) / np.sqrt(50)


# The game and its frontiers.


def test_the_game_is_no_longer_of_rank_two() -> None:
    scenario = random_scenario(np.random.default_rng(5), most=6, joint=False)
    drawn, ordered = scenario.workload(), shortest_first(scenario).workload()
    ranks = [np.linalg.matrix_rank(RoutingGame(each, 1.0).matrix) for each in (drawn, ordered)]
    assert min(drawn.shape) > 2
    assert ranks[0] == 2 < ranks[1]
    assert RoutingGame(drawn, 1.0).xor.rank_two is not None
    assert RoutingGame(ordered, 1.0).xor.rank_two is None


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(each, marks=pytest.mark.slow) for each in range(3, 60))])
def test_frontiers_of_small_games(seed: int) -> None:
    rng = np.random.default_rng([seed, 8])
    scenario = random_scenario(rng, most=5) if seed % 3 else sizes_scenario(seed, float(rng.uniform(0.05, 0.9)))
    drawn = replace(scenario.workload(), within_pair_order="random")
    workload = replace(drawn, within_pair_order="shortest-first")
    scale = workload.together_waiting_time
    frontiers = Frontiers(workload)
    classical = frontiers.classical.strategies  # of types or bins; where sizes are known more is possible
    hull = np.array(brute_force_hull(workload))
    reached = classical.waiting_time_at(hull[:, 0])
    np.testing.assert_allclose(reached, hull[:, 1], atol=1e-9 * scale, rtol=0)
    expected = np.interp(classical.splitting_probability, hull[:, 0], hull[:, 1])
    np.testing.assert_allclose(classical.waiting_time, expected, atol=1e-9 * scale, rtol=0)
    for multiplier in classical.multipliers.tolist():
        game = RoutingGame(workload, multiplier).xor
        bound = quantum_optimum(game).bound
        assert bound.high - bound.low <= 1e-7 * bound.high + 4 * game.slack
        assert bound.high >= classical_optimum(game).bound.low
    split = rng.uniform(size=workload.shape)
    assert workload.waiting_time(split) <= drawn.waiting_time(split)
    communication, before = communication_frontier(workload), classical_frontier(drawn).strategies
    slack = 1e-7 * float(workload.weights.max())  # quantum strategies meet p to within 1e-7
    for p in (0.15, 0.5, 0.77):
        best = frontiers.quantum.waiting_time_at(p)
        assert float(communication.waiting_time_at(p)) <= best + slack
        assert best <= frontiers.waiting_time(p) + slack  # of one Bell pair measured in a plane
        assert frontiers.waiting_time(p) <= float(classical.waiting_time_at(p)) + slack
        assert float(classical.waiting_time_at(p)) <= float(before.waiting_time_at(p)) + 1e-9 * scale


@pytest.mark.parametrize(
    ("scenario", "edges", "visibility", "p", "reduction"),
    [
        (dense(), (1.4078947, 0.5263158), 0.8441, 0.1923, 0.0869),
        (heavy_scenario(), (38.25, 5.0), 0.7434, 0.3386, 0.0690),
    ],
    ids=["dense", "heavy"],
)
def test_reference_values(
    scenario: Scenario, edges: tuple[float, float], visibility: float, p: float, reduction: float
) -> None:
    """MODEL §5, from the weights by hand: the dual of each frontier is a maximum over the multiplier."""
    workload = shortest_first(scenario).workload()
    frontiers = Frontiers(workload)
    joint, weights = workload.joint, workload.weights

    def values(multiplier: float) -> tuple[float, float]:
        game = -joint * (weights - multiplier) / 2
        return by_signs(game), by_angles(game)

    np.testing.assert_allclose(frontiers.classical.multipliers, edges, rtol=1e-6)
    assert min(np.divide(*values(edge)) for edge in edges) == pytest.approx(visibility, abs=5e-5)
    assert frontiers.least_visibility() == pytest.approx(visibility, abs=5e-5)
    grid = np.linspace(weights.min(), weights.max(), 801)
    fixed = (
        workload.together_waiting_time - p * grid - np.array([(joint * (weights - each)).sum() / 2 for each in grid])
    )
    classical, quantum = (float((fixed - each).max()) for each in np.array([values(each) for each in grid]).T)
    assert 1 - quantum / classical == pytest.approx(reduction, abs=2e-4)
    best = frontiers.largest_advantage()
    assert best.splitting_probability == pytest.approx(p, abs=5e-5)
    assert best.waiting_time_reduction_relative == pytest.approx(reduction, abs=5e-5)


def test_many_ordered_types_are_bounded_without_a_search() -> None:
    record = sizes_scenario(2, 0.5).record()
    record["traffic"]["sizes"]["bins"] = 40
    workload = Scenario.parse(record).workload()
    open_ = classical_frontier(workload, BoundsSpec(time_limit=0.0))
    assert open_.gap > 0
    assert open_.method == "its ends alone over bins, and their error"


# The scenario and its record.


def test_scenarios_without_an_order_keep_their_record_and_hash() -> None:
    """Hashes taken before the order could be chosen: runs stored since then must still be recognised."""
    before = "cb531901bad0e1c3f76adeb1830c038e05bb693f5c0e599f6533484a5cac3010"
    assert dense().content_hash() == before
    assert heavy_scenario().content_hash() == "0038c53f53dcca2e5eb1381c19d68fc7a8ff6373ff7adb555023232ca74da43e"
    record = dense().record()
    record["traffic"]["within_pair_order"] = "random"
    assert Scenario.parse(record).content_hash() == before
    assert "within_pair_order" not in dense().record()["traffic"]


def test_the_order_is_part_of_the_record_where_it_is_chosen() -> None:
    scenario = shortest_first(Scenario.default())
    assert scenario.content_hash() != Scenario.default().content_hash()
    again = Scenario.parse(json.loads(json.dumps(scenario.record())))
    assert again.content_hash() == scenario.content_hash()
    assert again.with_experiment(shots=7).workload().within_pair_order == "shortest-first"
