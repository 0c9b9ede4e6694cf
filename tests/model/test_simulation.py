"""The simulation agrees with the queueing formulas, with a plain event loop, and with its own contract."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from bellqueue.model.errors import DataError
from bellqueue.model.queueing.arrivals import Arrivals, Traffic
from bellqueue.model.queueing.reward import PiecewiseLinearReward, PowerReward, Reward
from bellqueue.model.queueing.routing import ReplayRouting, Routing, SplittingRouting
from bellqueue.model.queueing.service import Service
from bellqueue.model.queueing.simulation import SimulatedEstimate, SimulationResult, compare, simulate
from bellqueue.model.queueing.waiting import RELATIVE_ERROR
from bellqueue.model.queueing.workload import Workload
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Trials
from numpy.typing import NDArray
from scipy import stats

from tests.model.event_loop import Recorder, event_loop
from tests.scenarios import dense, random_scenario

LOADS = np.linspace(0.1, 0.9, 20)
SPLIT = np.array([[0.2, 0.8], [0.7, 1.0]])
REWARDS: tuple[Reward, ...] = (
    PowerReward(2.0),
    PowerReward(1.5),
    PiecewiseLinearReward.setup(1.5),
    PiecewiseLinearReward.through(((0.0, 0.0), (1.0, 0.5), (3.0, 3.0), (6.0, 9.0))),
)


def random_workload(seed: int) -> Workload:
    """Two or three types a side with mixed service times; seed n has load LOADS[n]."""
    workload = random_scenario(np.random.default_rng([seed, 2602]), 3, joint=seed % 2 == 1).workload()
    rate = float(LOADS[seed]) / workload.mean_service_time
    return replace(workload, pair_rate=rate, reward=REWARDS[seed % 4])


def assert_within(estimate: SimulatedEstimate, expected: float, errors: float = 4.0) -> None:
    assert abs(estimate.estimate - expected) <= errors * estimate.standard_error, (estimate, expected)


@pytest.mark.parametrize("seed", range(20))
def test_every_mean_agrees_with_its_formula(seed: int) -> None:
    workload = random_workload(seed)
    split = np.random.default_rng([seed, 4588]).uniform(size=workload.shape)
    result = simulate(workload, SplittingRouting(split), 400_000, np.random.default_rng(seed), batches=64)
    probability = workload.splitting_probability(split)
    assert_within(result.waiting_time, workload.waiting_time(split))
    assert_within(result.splitting_probability, probability)
    assert_within(result.load[0], float(LOADS[seed]))
    assert_within(result.load[1], float(LOADS[seed]))
    assert_within(result.baseline_throughput, float(workload.baseline_throughput(probability)))


@pytest.mark.parametrize(
    ("scenario", "unavoidable", "weights", "throughput"),
    [
        (Scenario.default(), 0.0589744, [[0.505128, 1.780769], [1.780769, 3.184615]], 1.878229),
        (dense(), 0.1210526, [[0.510526, 1.813158], [1.813158, 3.378947]], 1.762713),
    ],
    ids=["default", "dense"],
)
def test_a_fair_coin_for_every_pair_at_reference_values(
    scenario: Scenario, unavoidable: float, weights: list[list[float]], throughput: float
) -> None:
    # MODEL §5: W0 + E[w]/2, and τ at p = ½.
    coin = SplittingRouting(np.full((2, 2), 0.5))
    result = simulate(scenario.workload(), coin, 1_000_000, np.random.default_rng(7))
    probability = np.outer([0.7, 0.3], [0.7, 0.3])
    assert_within(result.waiting_time, unavoidable + float((np.array(weights) * probability).sum()) / 2)
    assert_within(result.baseline_throughput, throughput)


@pytest.mark.parametrize("seed", [2, 9, 17])
@pytest.mark.parametrize("order", ["random", "by mean", "by size"])
def test_the_recursion_is_the_event_loop(seed: int, order: str) -> None:
    workload = random_workload(seed)
    if order != "random":
        known = [
            tuple(replace(service, size_known=order == "by size") for service in services)
            for services in (workload.services_a, workload.services_b)
        ]
        workload = replace(workload, services_a=known[0], services_b=known[1], within_pair_order="shortest-first")
    recorder = Recorder(SplittingRouting(np.random.default_rng(seed).uniform(size=workload.shape)))
    rng = np.random.default_rng(seed)
    result = simulate(workload, recorder, 600, rng, batches=2, warm_up=0, block=37, distribution=True)
    told = {
        "random": None,
        "by mean": (workload.mean_a[recorder.column("x")].tolist(), workload.mean_b[recorder.column("y")].tolist()),
        "by size": (recorder.column("service_a"), recorder.column("service_b")),
    }[order]
    seen = event_loop(recorder.blocks, recorder.a, recorder.b, told)
    assert result.waiting_time.estimate == pytest.approx(np.mean(seen.waits), rel=1e-9)
    assert result.baseline_throughput.estimate == pytest.approx(seen.throughput(workload), rel=1e-9)
    for load, idle in zip(result.load, seen.idle, strict=True):
        assert load.estimate == pytest.approx(1 - idle / seen.elapsed, rel=1e-9)
    split = np.mean(np.not_equal(recorder.a, recorder.b))
    assert result.splitting_probability.estimate == pytest.approx(split, rel=1e-12)
    assert result.waiting_time_distribution is not None
    for probability in (0.5, 0.95):
        exact = np.quantile(seen.waits, probability, method="inverted_cdf")
        found = result.waiting_time_distribution.quantile(probability)
        assert found == pytest.approx(exact, rel=RELATIVE_ERROR)


def same(first: SimulationResult, second: SimulationResult) -> bool:
    names = ("waiting_time", "splitting_probability", "baseline_throughput")
    pairs = [(getattr(first, name), getattr(second, name)) for name in names]
    pairs += list(zip(first.load, second.load, strict=True))
    return all(
        one.estimate == pytest.approx(two.estimate, rel=1e-9, abs=1e-9)
        and one.standard_error == pytest.approx(two.standard_error, rel=1e-6, abs=1e-9)
        for one, two in pairs
    )


def test_the_block_size_changes_nothing() -> None:
    service = (Service("gamma", 1.0, 0.5), Service("lognormal", 3.0, 1.5))
    workload = Workload(0.2, np.full((2, 2), 0.25), service, service, ("s", "l"), ("s", "l"), PowerReward(2.0), True)
    small, large = (
        simulate(workload, SplittingRouting(SPLIT), 20_000, np.random.default_rng(4), block=block)
        for block in (61, 8192)
    )
    assert same(small, large)


def test_the_same_seed_gives_the_same_result_and_another_seed_another() -> None:
    workload = Scenario.default().workload()
    first, again, other = (
        simulate(workload, SplittingRouting(SPLIT), 10_000, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert first.waiting_time == again.waiting_time
    assert first.waiting_time != other.waiting_time


def test_progress_counts_every_pair_and_memory_is_bounded() -> None:
    workload = Scenario.default().workload()
    seen: list[int] = []
    pairs = 3_000_000  # their waiting times alone would fill 48 MB
    tracemalloc.start()
    try:
        simulate(workload, SplittingRouting(SPLIT), pairs, np.random.default_rng(1), warm_up=500, progress=seen.append)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert seen == sorted(seen)
    assert seen[-1] == pairs + 500
    assert peak < 16e6


def test_estimates_are_student_intervals() -> None:
    values = np.array([1.0, 2.0, 4.0, 4.5, 3.0])
    low, high = stats.t.interval(0.95, 4, loc=values.mean(), scale=stats.sem(values))
    estimate = SimulatedEstimate.of(values)
    assert (estimate.low, estimate.high) == pytest.approx((low, high))
    assert estimate.standard_error == pytest.approx(stats.sem(values))


def test_comparison_uses_common_random_numbers() -> None:
    workload = dense().workload()
    beside, again = (Recorder(SplittingRouting(np.ones((2, 2)))) for _ in range(2))
    routings: list[Routing] = [SplittingRouting(SPLIT), SplittingRouting(SPLIT), beside]
    comparison = compare(workload, routings, 200_000, np.random.default_rng(5))
    assert comparison.waiting_time_difference(0, 1).estimate == 0
    assert comparison.baseline_throughput_difference(0, 1).standard_error == 0
    alone = simulate(workload, again, 200_000, np.random.default_rng(5))
    for name in ("gaps", "service_b"):
        assert beside.column(name) == again.column(name)
    assert alone.waiting_time == comparison.results[2].waiting_time
    difference = comparison.waiting_time_difference(0, 2)
    weights = np.array([[0.510526, 1.813158], [1.813158, 3.378947]])  # MODEL §5
    expected = float((np.outer([0.7, 0.3], [0.7, 0.3]) * (1 - SPLIT) * weights).sum())
    assert_within(difference, expected)
    errors = [comparison.results[index].baseline_throughput.standard_error for index in (0, 2)]
    assert comparison.baseline_throughput_difference(0, 2).standard_error < 0.7 * np.hypot(errors[0], errors[1])


@pytest.mark.parametrize(
    "joint",
    [
        np.array([[0.0999, 0.0001, 0.25], [0.05, 0.4, 0.2], [0.0, 0.0, 0.0]]),  # a share below a slot of the guide
        np.random.default_rng(8).dirichlet(np.ones(64 * 64)).reshape(64, 64),
    ],
    ids=["3 types", "64 types"],
)
def test_types_follow_the_joint_table_and_the_coin_is_fair(joint: NDArray[np.float64]) -> None:
    types = len(joint)
    service, names = (Service("deterministic", 1.0),) * types, tuple(map(str, range(types)))
    workload = Workload(0.1, joint, service, service, names, names, PowerReward(2.0), False)
    block = Traffic(workload, 3).draw(1_000_000)
    counts = np.bincount((block.x * types + block.y) * 2 + block.a_first, minlength=2 * joint.size)
    expected = 1_000_000 * np.repeat(joint.ravel() / 2, 2)
    assert counts[expected == 0].sum() == 0
    rank = np.where(expected > 5, 1 + np.arange(expected.size), 0)[expected > 0]  # rare cells are counted as one
    observed, meant = (np.bincount(rank, each[expected > 0]) for each in (counts, expected))
    assert stats.chisquare(observed[meant > 0], meant[meant > 0]).pvalue > 1e-3


def pairs_of(x: Sequence[int], y: Sequence[int]) -> Arrivals:
    """Pairs of which a replay sees the types alone."""
    nothing = np.empty(0)
    return Arrivals(nothing, np.array(x), np.array(y), nothing, nothing, nothing.astype(bool))


def recorded_trials(count: int, seed: int) -> Trials:
    rng = np.random.default_rng(seed)
    x, y = rng.choice(2, count, p=[0.7, 0.3]), rng.choice(2, count, p=[0.7, 0.3])
    a = rng.integers(2, size=count)
    return Trials(x, y, a, a ^ (rng.random(count) < SPLIT[x, y]), (2, 2))


def test_replay_takes_each_settings_outcomes_in_their_order() -> None:
    trials = recorded_trials(60, 1)
    decide = ReplayRouting(trials).start(np.random.default_rng(0))
    queues = {
        (x, y): [(a, b) for i, j, a, b in zip(trials.x, trials.y, trials.a, trials.b, strict=True) if (i, j) == (x, y)]
        for x in (0, 1)
        for y in (0, 1)
    }
    asked = list(zip(trials.x[::-1].tolist(), trials.y[::-1].tolist(), strict=True))
    flips = set()
    for part in (asked[:20], asked[20:]):
        a, b = decide(pairs_of(*zip(*part, strict=True)))
        for setting, decided_a, decided_b in zip(part, a.tolist(), b.tolist(), strict=True):
            outcome_a, outcome_b = queues[setting].pop(0)
            assert decided_a ^ outcome_a == decided_b ^ outcome_b
            flips.add(decided_a ^ outcome_a)
    assert flips == {0, 1}


def test_replay_ends_where_a_setting_is_used_up() -> None:
    trials = recorded_trials(2_000, 2)
    routing = ReplayRouting(trials)
    workload = Scenario.default().workload()
    result = simulate(workload, routing, 10_000, np.random.default_rng(6), batches=4, warm_up=100, block=128)
    unlimited = Recorder(SplittingRouting(SPLIT))
    assert simulate(workload, unlimited, 10_000, np.random.default_rng(6), warm_up=100).pairs == 10_000
    left = trials.counts().settings.tolist()
    served = 0
    for x, y in zip(unlimited.column("x"), unlimited.column("y"), strict=True):
        left[x][y] -= 1
        if left[x][y] < 0:
            break
        served += 1
    assert (result.pairs, result.warm_up) == (served - 100, 100)
    assert routing.capacity == len(trials) >= served


def test_replay_waits_as_long_as_the_recorded_correlations_say() -> None:
    trials = recorded_trials(300_000, 3)
    workload = Scenario.default().workload()
    result = simulate(workload, ReplayRouting(trials), 10**9, np.random.default_rng(6))
    assert 250_000 < result.pairs + result.warm_up <= 300_000
    assert_within(result.waiting_time, workload.waiting_time((1 - trials.counts().correlators) / 2))


def test_a_cycling_replay_begins_again() -> None:
    nought = np.zeros(3, dtype=np.int64)
    trials = Trials(nought, nought, np.array([0, 1, 0]), nought, (1, 1))
    routing = ReplayRouting(trials, cycle=True)
    a, b = routing.start(np.random.default_rng(0))(pairs_of([0] * 7, [0] * 7))
    assert (a ^ b).astype(int).tolist() == [0, 1, 0, 0, 1, 0, 0]
    assert routing.capacity is None


def test_a_replay_that_lacks_a_setting_says_so() -> None:
    bits = np.array([0, 1])
    trials = Trials(bits, bits, bits, bits, (2, 2))
    workload = Scenario.default().workload()
    with pytest.raises(DataError, match="never measured"):
        simulate(workload, ReplayRouting(trials, cycle=True), 1_000, np.random.default_rng(0))
    with pytest.raises(DataError, match="serve only"):
        simulate(workload, ReplayRouting(trials), 1_000, np.random.default_rng(0))


def test_what_no_routing_can_mean_is_refused() -> None:
    with pytest.raises(ValueError, match=r"lie in \[0, 1\]"):
        SplittingRouting(np.array([[1.5]]))
    with pytest.raises(ValueError, match="batches"):
        simulate(Scenario.default().workload(), SplittingRouting(SPLIT), 10, np.random.default_rng(0))
