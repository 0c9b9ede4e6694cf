"""The simulation of link and queues against the formulas, a slow simulation and what cannot be."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
import pytest
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.link.link import Link
from bellqueue.model.link.operation import LinkOperation, LinkPoint
from bellqueue.model.link.simulation import Memory, SimulatedLink, sample_trials, simulate_link
from bellqueue.model.queueing.simulation import SimulatedEstimate
from numpy.typing import NDArray

from tests.model.link.links import PERFECT, batched, heavy_with_link, operation, with_link

Settings = tuple[NDArray[np.int64], NDArray[np.int64]]

LINKS = {
    "buffer of 1": Link(0.05, 0.97, 500.0, delay=1.0),
    "buffer of 2": Link(0.02, 0.99, 900.0, 2, delay=0.5),
    "buffer of 8": Link(0.012, 0.99, 2000.0, 8),
    "losses": Link(0.1, 0.98, 800.0, measurement_fidelity=0.97, detection_efficiency=0.98),
    "cutoff": Link(0.1, 0.98, 800.0, 2, cutoff=20.0),
}


def _simulated(link: Link, seed: int = 1, pairs: int = 150_000) -> SimulatedLink:
    point = operation().best(link, "memoryless")
    rng = np.random.default_rng(seed)
    return simulate_link(operation().workload, point, operation().without_pairs(point), rng, pairs)


def _close(found: SimulatedEstimate | None, expected: float) -> None:
    assert found is not None
    assert abs(found.estimate - expected) <= 4 * found.standard_error + 1e-12


@pytest.mark.parametrize("name", LINKS)
def test_what_is_exact_by_formula_is_simulated(name: str) -> None:
    point, found = operation().best(LINKS[name], "memoryless"), _simulated(LINKS[name])
    _close(found.availability, point.availability)
    _close(found.mean_visibility_when_used, point.mean_visibility_when_used)
    _close(found.queues.splitting_probability, point.splitting_probability)


def test_a_fallback_of_two_maps_is_drawn_for_each_pair() -> None:
    scenario = with_link().with_experiment(operating_point={"splitting_probability": 0.4})
    point = operation().point(Link(0.005, 0.97, 500.0), scenario)
    assert len(point.fallback) == 2
    control, rng = operation().without_pairs(point), np.random.default_rng(1)
    found = simulate_link(operation().workload, point, control, rng, 150_000)
    _close(found.queues.splitting_probability, 0.4)
    _close(found.without_pairs.splitting_probability, 0.4)


def test_pairs_without_end_leave_nothing_to_the_clock() -> None:
    """Then the routers are memoryless, and the formulas for W and τ are exact."""
    link = Link(1e9, 0.97, 1e12)
    point, found = operation().best(link, "memoryless"), _simulated(link)
    _close(found.queues.waiting_time, point.waiting_time)
    _close(found.queues.baseline_throughput, point.baseline_throughput)


def test_pairs_are_kept_from_block_to_block() -> None:
    """Eight are left after a long gap, of which the request takes one; the next requests come at once."""
    link = Link(1.0, 1.0, math.inf, 8)
    memory = Memory(operation().best(link, "memoryless"), np.random.default_rng(9))
    first, then = memory.serve(np.array([1e3])), memory.serve(np.full(10, 1e-9))
    assert np.all(np.diff([*first, *then[:7]]) > 0)  # the freshest first
    assert np.isnan(then[7:]).all()


def test_link_and_queues_meet_a_simulation_event_by_event() -> None:
    heavy = LinkOperation(Frontiers.of(heavy_with_link()))
    point = heavy.best(Link(0.1, 0.98, 200.0, delay=0.5), "memoryless")
    found = simulate_link(heavy.workload, point, heavy.without_pairs(point), np.random.default_rng(3), 300_000)
    waiting, throughput = _slow_system(point, 0.1, 40_000, random.Random(8))
    for simulated, (mean, error) in (
        (found.queues.waiting_time, waiting),
        (found.queues.baseline_throughput, throughput),
    ):
        assert abs(simulated.estimate - mean) <= 4 * np.hypot(simulated.standard_error, error)
    # What the clock adds is far beyond the errors.
    assert throughput[0] - point.baseline_throughput > 5 * throughput[1]


def _slow_system(
    point: LinkPoint, pair_rate: float, pairs: int, rng: random.Random
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Mean waiting time and work done with T(t) = t², with their standard errors: one pair after the other, B = 1.

    Sizes are 1 and 6 with probabilities 0.7 and 0.3, and the fallback is one pair of maps.
    """
    link, (maps,) = point.link, point.fallback
    free, heralded = [0.0, 0.0], rng.expovariate(link.rate)
    newest: float | None = None
    now, waits, rewards, gaps = 0.0, [], [], []
    for _ in range(pairs):
        gap = rng.expovariate(pair_rate)
        now += gap
        while heralded < now:
            newest, heralded = heralded, heralded + rng.expovariate(link.rate)
        types = [int(rng.random() < 0.3) for _ in range(2)]
        age = math.inf if newest is None else now - newest
        newest = None
        if age < point.window:
            visibility = link.visibility * math.exp(-(age + link.delay) / link.memory_time)
            split = rng.random() < (1 - visibility * point.correlators[types[0], types[1]]) / 2
        else:
            split = maps.a[types[0]] != maps.b[types[1]]
        first = rng.randrange(2)
        jobs = [(first, types[0]), (first ^ int(split), types[1])]
        rng.shuffle(jobs)
        waited = reward = 0.0
        for server, kind in jobs:
            reward += max(now - free[server], 0.0) ** 2
            waited += max(free[server] - now, 0.0) / 2
            free[server] = max(free[server], now) + (1.0, 6.0)[kind]
        waits.append(waited)
        rewards.append(reward)
        gaps.append(gap)
    paid, elapsed = np.array(rewards), np.array(gaps)
    rate = paid.sum() / elapsed.sum()
    error = batched(paid - rate * elapsed)[1] / elapsed.mean()
    return batched(np.array(waits)), (float(rate), float(error))


def test_routers_without_pairs_split_as_often_and_wait_longer() -> None:
    link = LINKS["buffer of 1"]
    point = operation().best(link, "memoryless")
    classical, found = operation().without_pairs(point), _simulated(link)
    assert classical.splitting_probability == pytest.approx(point.splitting_probability)
    assert classical.waiting_time > point.waiting_time
    _close(found.without_pairs.splitting_probability, point.splitting_probability)
    _close(found.without_pairs.waiting_time, classical.waiting_time)
    # No classical router passes this frontier, whatever clock it has.
    rival = operation().frontiers.every_classical.proved
    throughput = found.without_pairs.baseline_throughput
    least = float(rival.waiting_time_at(throughput.low))
    assert found.without_pairs.waiting_time.low > least


def test_no_pair_that_is_worse_than_the_fallback_is_used() -> None:
    link = Link(0.1, 0.5, 800.0)
    assert _simulated(link, pairs=5_000).availability.estimate == 0.0
    assert _simulated(link, pairs=5_000).mean_visibility_when_used is None


@pytest.fixture(scope="module")
def settings() -> Settings:
    rng = np.random.default_rng(11)
    return rng.integers(2, size=100_000), rng.integers(2, size=100_000)


@pytest.mark.parametrize("name", ["buffer of 1", "buffer of 8", "losses"])
def test_trials_have_the_correlators_of_their_ages(name: str, settings: Settings) -> None:
    x, y = settings
    link = LINKS[name]
    point = operation().best(link, "memoryless")
    ideal = point.correlators[x, y]
    trials = sample_trials(point, ideal, x, y, 0.01, np.random.default_rng(4))
    signs = np.where(trials.a == trials.b, 1.0, -1.0)
    there = ~np.isnan(trials.age)
    assert abs(there.mean() - point.availability) < 4 * batched(there.astype(float))[1]
    assert trials.age[there].min() >= link.delay
    fallback = point.fallback_correlators
    assert np.array_equal(signs[~there], fallback[x, y][~there])  # one map, and nothing random
    wrong = (2 * link.measurement_fidelity - 1) ** 2
    expected = link.detection_efficiency**2 * wrong * link.visibility * np.exp(-trials.age / link.memory_time) * ideal
    expected = expected + (1 - link.detection_efficiency) ** 2 * fallback[x, y]
    for setting in range(4):
        here = there & (2 * x + y == setting)
        excess = (signs - expected)[here]
        assert abs(excess.mean()) < 4 * excess.std() / np.sqrt(excess.size)


def test_trials_signal_nothing(settings: Settings) -> None:
    """A's outcomes do not depend on B's setting, though each router falls back on its own."""
    x, y = settings
    point = operation().best(replace(LINKS["losses"], detection_efficiency=0.95), "memoryless")
    trials = sample_trials(point, point.correlators[x, y], x, y, 0.01, np.random.default_rng(5))
    for outcome, own, other in ((trials.a, x, y), (trials.b, y, x)):
        for kind in (0, 1):
            shares = [outcome[(own == kind) & (other == each)] for each in (0, 1)]
            error = np.sqrt(sum(share.var() / share.size for share in shares))
            assert abs(shares[0].mean() - shares[1].mean()) < 4 * error


def test_perfect_pairs_are_always_there() -> None:
    x = y = np.zeros(1000, dtype=np.int64)
    point = operation().best(PERFECT, "memoryless")
    trials = sample_trials(point, np.ones(1000), x, y, 0.01, np.random.default_rng(6))
    assert np.array_equal(trials.a, trials.b)
    assert not trials.age.any()
