"""The price of talking: the shift by the latency, the break-even, and the unit of time in the scenario."""

from __future__ import annotations

import numpy as np
import pytest
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.latency import break_even_latency, fibre_distance_km
from bellqueue.model.queueing.arrivals import Traffic
from bellqueue.model.queueing.workload import Workload
from bellqueue.model.scenario.file import Scenario
from numpy.typing import NDArray

from tests.model.event_loop import Seen, event_loop
from tests.scenarios import dense, edited, heavy_scenario, random_scenario, split_of

pytestmark = pytest.mark.usefixtures("solved_once")

# SHA-256 of the embedded default scenario's record as it was before the unit of time could be given.
DENSE_HASH = "cb531901bad0e1c3f76adeb1830c038e05bb693f5c0e599f6533484a5cac3010"


def held_and_routed(workload: Workload, split: NDArray[np.float64], latency: float, pairs: int, seed: int) -> Seen:
    """Both requests of each pair are held for the latency, then join their queues; waits count from the arrival."""
    arrivals, rng = Traffic(workload, seed).draw(pairs), np.random.default_rng(seed)
    a = rng.random(pairs) < 0.5
    b = a ^ (rng.random(pairs) < split[arrivals.x, arrivals.y])
    return event_loop([arrivals], a.astype(int).tolist(), b.astype(int).tolist(), latency=latency)


def batch_error(values: list[float], batches: int = 40) -> float:
    means = [part.mean() for part in np.array_split(np.array(values), batches)]
    return float(np.std(means, ddof=1) / np.sqrt(batches))


@pytest.mark.parametrize(
    "latency", [pytest.param(0.0, marks=pytest.mark.slow), 0.4, 30.0]
)  # 30: many pairs are on their way at once
def test_held_requests_wait_the_latency_longer_and_interrupt_no_more(latency: float) -> None:
    workload = Scenario.default().workload()
    frontiers = Frontiers(workload)
    corner = int(np.argmin(np.abs(frontiers.communication.splitting_probability - 0.5)))
    p = float(frontiers.communication.splitting_probability[corner])
    assert 0.2 < p < 0.8
    split = split_of(frontiers.communication.correlators(corner))
    seen = held_and_routed(workload, split, latency, 100_000, seed=4)
    expected = float(frontiers.communication.waiting_time_at(p)) + latency
    assert abs(np.mean(seen.waits) - expected) < 4 * batch_error(seen.waits)
    throughput = seen.throughput(workload)
    rewards = workload.reward(np.array(seen.periods))
    error = batch_error(rewards.tolist()) * len(rewards) / seen.elapsed
    assert abs(throughput - float(workload.baseline_throughput(p))) < 4 * error
    assert error < 0.01 * throughput


@pytest.mark.parametrize(
    ("scenario", "corner"),
    [
        pytest.param(Scenario.default(), 2, id="default"),
        pytest.param(heavy_scenario(), 0, id="heavy", marks=pytest.mark.slow),
        pytest.param(
            random_scenario(np.random.default_rng(207), 4), 2, id="exponential and gamma", marks=pytest.mark.slow
        ),
    ],
)
def test_held_for_the_break_even_simulated_routers_wait_as_long_as_entangled_ones(
    scenario: Scenario, corner: int
) -> None:
    """Both event loops see the same requests, so that the difference of their means is known much better than each."""
    workload = scenario.workload()
    frontiers = Frontiers(workload)
    p = float(frontiers.communication.splitting_probability[1 + corner])
    talking = split_of(frontiers.communication.correlators(1 + corner))
    entangled = split_of(frontiers.quantum.at_splitting_probability(p).correlators)
    latency = break_even_latency(frontiers, p, float(frontiers.quantum.waiting_time_at(p)))
    held = held_and_routed(workload, talking, latency, 200_000, seed=9)
    at_once = held_and_routed(workload, entangled, 0.0, 200_000, seed=9)
    difference = (np.array(held.waits) - np.array(at_once.waits)).tolist()
    error = batch_error(difference)
    assert abs(np.mean(difference)) < 4 * error
    assert error < latency / 8  # so that half the latency, or twice, would be told apart
    assert held.throughput(workload) == pytest.approx(at_once.throughput(workload), rel=0.01)


def test_at_the_break_even_both_wait_equally_long() -> None:
    # The communication frontier by hand at p = 0.51: split every pair with a long request, w of two short ones left.
    frontiers = Frontiers(dense().workload())
    together = 0.1210526 + 0.49 * 0.510526
    quantum = frontiers.quantum.waiting_time_at(0.51)
    latency = break_even_latency(frontiers, 0.51, quantum)
    assert together + latency == pytest.approx(quantum, abs=1e-6)
    assert 0 < latency < break_even_latency(frontiers, 0.51, float(frontiers.classical.waiting_time_at(0.51)))


def test_the_reference_tables_give_the_break_even() -> None:
    # W_Q, W0 and w of MODEL §5. Pair rate 0.02, p = 0.4: split are the long pairs (0.09) and 0.31 of 0.42 mixed.
    frontiers = Frontiers(dense().workload())
    communicating = 0.1210526 + 0.49 * 0.510526 + 0.11 * 1.813158
    assert break_even_latency(frontiers, 0.4, 0.60046) == pytest.approx(0.60046 - communicating, abs=1e-5)
    # The default, in the same way.
    frontiers = Frontiers(Scenario.default().workload())
    communicating = 0.0589744 + 0.49 * 0.505128 + 0.11 * 1.780769
    assert break_even_latency(frontiers, 0.4, 0.530448) == pytest.approx(0.530448 - communicating, abs=1e-5)
    # Heavy, p = 0.2: 0.2 of the 0.25 long pairs are split.
    heavy = Frontiers(heavy_scenario().workload())
    communicating = 32.5 + 0.25 * 1.5 + 0.5 * 10.25 + 0.05 * 68
    assert break_even_latency(heavy, 0.2, 44.93644) == pytest.approx(44.93644 - communicating, abs=1e-5)


def test_with_every_pair_split_or_none_there_is_nothing_to_say() -> None:
    frontiers = Frontiers(Scenario.default().workload())
    for p in (0.0, 1.0):
        assert break_even_latency(frontiers, p, frontiers.quantum.waiting_time_at(p)) == pytest.approx(0, abs=1e-9)


def test_an_estimate_below_the_communication_frontier_breaks_even_at_once() -> None:
    assert break_even_latency(Frontiers(Scenario.default().workload()), 0.5, 0.1) == 0
    with pytest.raises(ValueError, match=r"splitting probability is 1\.2"):
        break_even_latency(Frontiers(Scenario.default().workload()), 1.2, 0.5)


def test_a_millisecond_of_fibre_is_two_hundred_kilometres() -> None:
    assert fibre_distance_km(1.0, 1e-3) == pytest.approx(200)
    assert fibre_distance_km(0.05, 2e-6) == pytest.approx(0.02)


def test_the_unit_of_time_is_optional_and_leaves_other_scenarios_as_they_were() -> None:
    plain = dense()
    assert plain.traffic.time_unit_seconds is None
    assert "time_unit_seconds" not in plain.record()["traffic"]
    assert plain.content_hash() == DENSE_HASH
    timed = Scenario.parse(edited(plain.record(), "traffic", "time_unit_seconds", value=1e-3))
    assert timed.traffic.time_unit_seconds == 1e-3
    assert Scenario.parse(timed.record()) == timed
    assert timed.content_hash() != DENSE_HASH
