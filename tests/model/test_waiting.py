"""The distribution of waiting times against closed forms of queueing theory, and its own contract."""

from __future__ import annotations

import math

import numpy as np
import pytest
from bellqueue.model.queueing.reward import PiecewiseLinearReward, PowerReward
from bellqueue.model.queueing.routing import Decide, SplittingRouting
from bellqueue.model.queueing.simulation import SimulationResult, simulate
from bellqueue.model.queueing.waiting import RELATIVE_ERROR, WaitingDistribution, WaitingHistogram
from bellqueue.model.queueing.workload import Workload
from bellqueue.model.scenario.file import Scenario
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.linalg import expm

from tests.model.informed.workloads import exponential, fixed, single

Floats = NDArray[np.float64]

REWARD = PowerReward(2.0)
SPLIT = np.array([[0.2, 0.8], [0.7, 1.0]])
waits_of_every_size = st.lists(
    st.one_of(st.just(0.0), st.floats(1e-6, 1e6), st.integers(1, 256).map(float)), min_size=1, max_size=60
)


def distribution_of(result: SimulationResult) -> WaitingDistribution:
    assert result.waiting_time_distribution is not None
    return result.waiting_time_distribution


def simulated(workload: Workload, split: float, seed: int) -> WaitingDistribution:
    routing = SplittingRouting(np.full((1, 1), split))
    return distribution_of(simulate(workload, routing, 600_000, np.random.default_rng(seed), distribution=True))


def counted(*batches: list[float], scale: float = 1.0) -> WaitingDistribution:
    histogram = WaitingHistogram(scale, len(batches))
    for batch, waits in enumerate(batches):
        histogram.add(batch, np.array(waits))
    return histogram.distribution()


def place_of(distribution: WaitingDistribution, times: Floats) -> NDArray[np.intp]:
    return np.searchsorted(distribution.waiting_time, times * (1 + RELATIVE_ERROR), side="right") - 1


def bin_end(distribution: WaitingDistribution, times: Floats) -> Floats:
    """Where the bins of these times end: there the histogram loses nothing. Bins are 2^-7 of their octave wide."""
    filed = distribution.waiting_time[place_of(distribution, times)]
    return np.asarray(filed + 2.0 ** (np.floor(np.log2(filed)) - 8))


def assert_agrees(distribution: WaitingDistribution, times: Floats, exact: Floats) -> None:
    """Within four standard errors of the simulation, and those are small."""
    error = distribution.standard_error[place_of(distribution, times)]
    np.testing.assert_array_less(np.abs(distribution.probability_at_most(times) - exact), 4 * error + 1e-5)
    assert error.max() < 0.01


def test_always_split_with_exponential_service_is_m_m_1() -> None:
    load = 0.6
    distribution = simulated(single(exponential(1.0), load, REWARD), split=1.0, seed=1)
    times = np.array([0.01, 0.1, 0.3, 1.0, 2.0, 4.0, 8.0, 12.0])
    assert_agrees(distribution, times, 1 - load * np.exp(-(1 - load) * bin_end(distribution, times)))
    assert distribution.cumulative[0] == pytest.approx(1 - load, abs=4 * distribution.standard_error[0])


def test_always_split_with_fixed_service_is_m_d_1() -> None:
    # Erlang (1909): P(wait ≤ t) = (1−ρ) Σ_k (λ(k−t))^k/k! e^(−λ(k−t)), k from 0 to ⌊t⌋, for unit service.
    load = 0.7

    def exact(t: float) -> float:
        terms = ((load * (k - t)) ** k / math.factorial(k) * math.exp(-load * (k - t)) for k in range(int(t) + 1))
        return (1 - load) * math.fsum(terms)

    distribution = simulated(single(fixed(1.0), load, REWARD), split=1.0, seed=2)
    times = np.array([0.25, 0.5, 0.75, 1.0, 1.5, 2.5, 4.0, 6.0])
    assert_agrees(distribution, times, np.array([exact(t) for t in bin_end(distribution, times).tolist()]))


@pytest.mark.parametrize("split", [0.0, 0.4])
def test_batches_with_exponential_service_are_a_phase_type_queue(split: float) -> None:
    # A batch is one exponential request, or two of them one after the other: an M/PH/1 queue, in which a batch waits
    # a phase-type time with generator S + s·(ρη) and start ρη, η the phase of the residual batch (Neuts 1981).
    rate = 0.5
    batch_rate, both = rate * (1 + split) / 2, (1 - split) / (1 + split)
    start = np.array([both, 1 - both])
    generator = np.array([[-1.0, 1.0], [0.0, -1.0]])
    ends = -generator.sum(axis=1)
    residual = batch_rate * start @ np.linalg.inv(-generator)
    assert residual.sum() == pytest.approx(rate)
    waiting = generator + np.outer(ends, residual)
    # The second of a batch waits one more exponential: a third phase after the other two.
    longer = np.zeros((3, 3))
    longer[:2, :2] = waiting
    longer[:2, 2] = -waiting.sum(axis=1)
    longer[2, 2] = -1.0
    second = (1 - split) / 2  # the share of requests that are second in a batch

    def exact(t: float) -> float:
        first_tail = residual @ expm(waiting * t) @ np.ones(2)
        second_tail = np.append(residual, 1 - residual.sum()) @ expm(longer * t) @ np.ones(3)
        return float(1 - (1 - second) * first_tail - second * second_tail)

    distribution = simulated(single(exponential(1.0), rate, REWARD), split, seed=3)
    times = np.array([0.125, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0])
    assert_agrees(distribution, times, np.array([exact(t) for t in bin_end(distribution, times).tolist()]))
    assert distribution.cumulative[0] == pytest.approx(exact(0.0), abs=4 * distribution.standard_error[0])


def test_the_distribution_counts_every_wait_and_has_the_runs_mean() -> None:
    workload = Scenario.default().workload()
    run = simulate(workload, SplittingRouting(SPLIT), 100_000, np.random.default_rng(7), batches=8, distribution=True)
    distribution = distribution_of(run)
    assert distribution.counts.sum() == 200_000
    assert distribution.counts.shape[0] == 8
    mean = float(distribution.counts.sum(axis=0) @ distribution.waiting_time) / 200_000
    assert mean == pytest.approx(run.waiting_time.estimate, rel=RELATIVE_ERROR)
    # Two short requests at one server: the second waits exactly 1, two long ones exactly 6.
    atoms = distribution.counts.sum(axis=0)[np.isin(distribution.waiting_time, [1.0, 6.0])]
    assert atoms.min() > 0.02 * 200_000
    assert (
        simulate(workload, SplittingRouting(SPLIT), 1_000, np.random.default_rng(7)).waiting_time_distribution is None
    )


@given(waits_of_every_size)
def test_no_wait_is_misplaced_by_more_than_the_error_stated(waits: list[float]) -> None:
    distribution = counted(waits)
    total = len(waits)
    assert distribution.counts.sum() == total
    assert distribution.counts[0, 0] == waits.count(0.0)
    rounded = np.repeat(distribution.waiting_time, distribution.counts[0])
    np.testing.assert_allclose(rounded, np.sort(waits), rtol=RELATIVE_ERROR, atol=0)
    for wait in waits:
        share = float(distribution.probability_at_most(wait))
        assert share >= sum(other <= wait for other in waits) / total - 1e-12
        assert share <= sum(other <= wait * (1 + 4 * RELATIVE_ERROR) for other in waits) / total + 1e-12
    for probability in (0.01, 0.5, 0.9, 1.0):
        exact = np.sort(waits)[max(math.ceil(probability * total - 1e-9), 1) - 1]
        assert float(distribution.quantile(probability)) == pytest.approx(exact, rel=RELATIVE_ERROR, abs=0)


@given(st.lists(st.integers(1, 256), min_size=1, max_size=20))
def test_whole_numbers_up_to_256_are_kept_exactly(waits: list[int]) -> None:
    assert counted([float(wait) for wait in waits]).waiting_time[1:].tolist() == sorted(set(waits))


def test_waits_beyond_the_range_end_up_at_its_ends() -> None:
    distribution = counted([1e-30, 0.0, 1e30, 1.0], scale=1.0)
    assert distribution.counts[0].tolist() == [2, 1, 1]
    assert 2.0**32 <= distribution.waiting_time[-1] <= 2.0**33
    for scale in (5e-324, 1e308):  # no scale is too strange for a histogram
        assert counted([0.0, 1.0], scale=scale).counts.sum() == 2


def test_the_standard_error_is_that_of_batch_means() -> None:
    distribution = counted([0.0, 0.0, 1.0, 2.0], [0.0, 1.0, 1.0, 2.0], [0.0, 0.0, 0.0, 4.0])
    shares = np.array([0.5, 0.25, 0.75])
    assert distribution.cumulative[0] == pytest.approx(shares.mean())
    assert distribution.standard_error[0] == pytest.approx(shares.std(ddof=1) / math.sqrt(3))
    assert distribution.standard_error[-1] == 0


def test_points_for_a_plot_begin_at_no_wait_and_end_at_certainty() -> None:
    distribution = simulated(single(exponential(1.0), 0.6, REWARD), split=0.5, seed=4)
    times, probabilities, errors = distribution.points()
    assert times.size == 400
    assert times[0] == 0
    assert probabilities[-1] == 1
    assert np.all(np.diff(times) > 0)
    assert np.all(np.diff(probabilities) >= 0)
    assert np.all(errors >= 0)
    few = counted([0.0, 2.0, 5.0], [0.0, 0.0, 5.0])
    assert few.points()[0].tolist() == [0.0, 2.0, 5.0]


class Apart:
    """A's requests to server 0, B's to server 1."""

    capacity = None

    def start(self, rng: np.random.Generator) -> Decide:
        return lambda arrivals: (np.zeros(arrivals.x.size, dtype=bool), np.ones(arrivals.y.size, dtype=bool))


def test_each_servers_throughput_and_load_agree_with_their_own_queue() -> None:
    # Without the shared flip A's requests all come to server 0 and B's to server 1: two M/D/1 queues of loads 0.2
    # and 0.4 with interruptions at rate λ, each worth (1−ρ)·e^(−λc) with set-up time c.
    rate, setup = 0.2, 1.5
    services = fixed(1.0), fixed(2.0)
    reward = PiecewiseLinearReward.setup(setup)
    workload = Workload(rate, np.ones((1, 1)), services[:1], services[1:], ("a",), ("b",), reward, True)
    result = simulate(workload, Apart(), 400_000, np.random.default_rng(9))
    for server, load in ((0, 0.2), (1, 0.4)):
        busy, throughput = result.load[server], result.server_baseline_throughput[server]
        assert abs(busy.estimate - load) < 4 * busy.standard_error
        expected = (1 - load) * math.exp(-rate * setup)
        assert abs(throughput.estimate - expected) < 4 * throughput.standard_error
    both = sum(part.estimate for part in result.server_baseline_throughput)
    assert both == pytest.approx(result.baseline_throughput.estimate, rel=1e-12)
