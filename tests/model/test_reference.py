"""The published reference tables of the two scenarios, and the model's closed forms."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from bellqueue.model.errors import NoTradeOffError, ScenarioError
from bellqueue.model.games.classical_frontier import classical_frontier
from bellqueue.model.games.frontier import QuantumFrontier, communication_frontier
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.queueing.reward import PiecewiseLinearReward, PowerReward, WarmupReward
from bellqueue.model.queueing.service import Service
from bellqueue.model.scenario.file import Scenario
from scipy.integrate import quad

from tests.scenarios import default_record, dense, heavy_scenario

DEFAULT = [
    (0.4, 0.591667, 0.530448, 1.882931),
    (0.5, 0.502885, 0.427857, 1.878229),
    (0.6, 0.414103, 0.343725, 1.873539),
]
DENSE = [(0.4, 0.66184, 0.60046, 1.771548), (0.5, 0.57171, 0.49650, 1.762713), (0.6, 0.48158, 0.41085, 1.753921)]
HEAVY = [(0.2, 47.17500, 44.93644, 3.33333), (0.3, 43.26250, 40.53399, 3.07692), (0.4, 39.35000, 37.08972, 2.85714)]


@pytest.mark.parametrize(
    ("scenario", "table", "within"),
    [(Scenario.default(), DEFAULT, 1e-6), (dense(), DENSE, 1e-5), (heavy_scenario(), HEAVY, 1e-5)],
    ids=["default", "dense", "heavy"],
)
def test_frontiers_of_the_reference_tables(scenario: Scenario, table: list[tuple[float, ...]], within: float) -> None:
    workload = scenario.workload()
    classical, quantum = classical_frontier(workload), QuantumFrontier(workload)
    for p, waiting_classical, waiting_quantum, throughput in table:
        assert float(classical.waiting_time_at(p)) == pytest.approx(waiting_classical, abs=within)
        assert quantum.waiting_time_at(p) == pytest.approx(waiting_quantum, abs=within)
        assert float(workload.baseline_throughput(p)) == pytest.approx(throughput, abs=within)


def test_parameters_of_the_reference_scenarios() -> None:
    default, twice, heavy = (each.workload() for each in (Scenario.default(), dense(), heavy_scenario()))
    assert default.load == pytest.approx(0.025)
    assert default.all_split_waiting_time == pytest.approx(0.0589744, abs=1e-7)
    np.testing.assert_allclose(default.weights, [[0.505128, 1.780769], [1.780769, 3.184615]], atol=1e-6)
    assert twice.load == pytest.approx(0.05)
    assert twice.all_split_waiting_time == pytest.approx(0.1210526, abs=1e-7)
    np.testing.assert_allclose(twice.weights, [[0.510526, 1.813158], [1.813158, 3.378947]], atol=1e-6)
    assert heavy.load == pytest.approx(0.9)
    assert heavy.all_split_waiting_time == pytest.approx(32.5)
    np.testing.assert_allclose(heavy.weights, [[1.5, 10.25], [10.25, 68]], rtol=1e-12)


def test_largest_reduction_at_pair_rate_002_is_fifteen_per_cent_near_two_thirds() -> None:
    best = Frontiers(dense().workload()).largest_advantage()
    assert best.waiting_time_reduction_relative == pytest.approx(0.150, abs=5e-4)
    assert best.splitting_probability == pytest.approx(0.67, abs=5e-3)


def test_the_three_frontiers_share_their_ends() -> None:
    workload = Scenario.default().workload()
    curve = QuantumFrontier(workload).curve
    for frontier in (classical_frontier(workload), communication_frontier(workload), curve):
        assert frontier.splitting_probability[[0, -1]] == pytest.approx([0, 1])
        assert frontier.waiting_time[0] == pytest.approx(workload.together_waiting_time)
        assert frontier.waiting_time[-1] == pytest.approx(workload.all_split_waiting_time)
    assert len(curve.splitting_probability) >= 200
    assert np.diff(curve.splitting_probability).max() <= 1 / 150


def test_optima_sampled_are_the_same_whatever_else_was_solved() -> None:
    """And with them what rests on them: how fine the bound on every classical router is."""
    workload = Scenario.default().workload()
    first, used = QuantumFrontier(workload), QuantumFrontier(workload)
    used.at_splitting_probability(0.437)
    assert len(used.curve.splitting_probability) > 200
    for _ in range(2):
        assert np.array_equal(used.sampled(33).splitting_probability, first.sampled(33).splitting_probability)
        assert np.array_equal(used.sampled(33).waiting_time, first.sampled(33).waiting_time)


@pytest.mark.parametrize("rate", [0.01, 0.4, 3.0])
@pytest.mark.parametrize(
    "reward",
    [
        PowerReward(2.0),
        PowerReward(1.5),
        PiecewiseLinearReward.setup(5.0),
        WarmupReward(3.0),
        PiecewiseLinearReward.through(((0.0, 0.0), (1.0, 0.5), (3.0, 2.5), (4.0, 6.0))),
    ],
)
def test_reward_rate_is_the_mean_over_exponential_periods(reward: PowerReward, rate: float) -> None:
    def integrand(period: float) -> float:
        return rate * float(reward(np.array(period))) * rate * math.exp(-rate * period)

    ends = [0.0, 1.0, 3.0, 5.0, 10.0, 30.0 + 10 / rate, 60.0 + 60 / rate]
    expected = sum(quad(integrand, low, high)[0] for low, high in itertools.pairwise(ends))
    assert float(reward.rate(np.array(rate))) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    "service",
    [Service("exponential", 2.0, 1.0), Service("gamma", 0.7, 2.5), Service("lognormal", 3.0, 1.7)],
)
def test_bins_hold_the_exact_conditional_moments(service: Service) -> None:
    bins = service.bins(5)
    for order in (1, 2):
        assert np.mean([part.moment(order) for part in bins]) == pytest.approx(service.moment(order), rel=1e-12)
    part = bins[3]
    expected = quad(lambda u: float(service.quantile(np.array(u))) ** 2, part.lower, part.upper)[0] * 5
    assert part.moment(2) == pytest.approx(expected, rel=1e-8)


def test_sampled_services_have_their_moments() -> None:
    rng = np.random.default_rng(4)
    for whole in (Service("gamma", 0.7, 2.5), Service("lognormal", 3.0, 0.8), Service("exponential", 1.0, 1.0)):
        for service in (whole, whole.bins(3)[1]):
            draws = service.sample(rng, 200_000)
            error = draws.std() / math.sqrt(draws.size)
            assert abs(draws.mean() - service.moment(1)) < 5 * error


@pytest.mark.parametrize(
    "reward",
    [
        {"kind": "power", "exponent": 1.0},
        {"kind": "setup", "setup_time": 0.0},
        {"kind": "table", "points": [[0, 0], [1, 2], [2, 4]]},
    ],
)
def test_a_linear_reward_offers_no_trade_off(reward: dict[str, object]) -> None:
    scenario = Scenario.parse({**default_record(), "baseline": {"reward": reward}})
    with pytest.raises(NoTradeOffError, match="no trade-off"):
        scenario.workload()


def test_operating_points_meet_their_targets() -> None:
    for visibility in (1.0, 0.9):
        for name, value in (("splitting_probability", 0.6), ("waiting_time", 0.55)):
            scenario = Scenario.parse(default_record(operating_point={name: value}, assumed_visibility=visibility))
            point = Frontiers(scenario.workload()).operating_point(scenario)
            assert getattr(point, name) == pytest.approx(value, abs=1e-7)
            workload = scenario.workload()
            split = point.strategy.split(visibility)
            assert workload.waiting_time(split) == pytest.approx(point.waiting_time)


def test_a_target_out_of_reach_is_refused_with_its_range() -> None:
    scenario = Scenario.parse(default_record(operating_point={"waiting_time": 0.05}))
    # W0, and W0 + E[w] = 0.0589744 + 0.49·0.505128 + 0.42·1.780769 + 0.09·3.184615
    with pytest.raises(ScenarioError, match=r"between 0\.0589744 and 1\.34103"):
        Frontiers(scenario.workload()).operating_point(scenario)


def test_noise_moves_the_largest_advantage_and_ends_it() -> None:
    frontiers = Frontiers(Scenario.default().workload())
    least = frontiers.least_visibility()
    assert least is not None
    assert 1 / math.sqrt(2) - 1e-9 <= least < 1  # no two-qubit game does better than CHSH
    assert frontiers.largest_advantage(least + 0.002).waiting_time_reduction_relative > 0
    with pytest.raises(ScenarioError, match="no advantage"):
        frontiers.largest_advantage(least - 0.002)


@pytest.mark.parametrize(
    "scenario", [Scenario.default(), pytest.param(heavy_scenario(), marks=pytest.mark.slow)], ids=["default", "heavy"]
)
def test_advantage_ranges_agree_with_the_frontiers_themselves(scenario: Scenario) -> None:
    frontiers = Frontiers(scenario.workload())
    ranges = frontiers.advantage_ranges()
    for p in np.linspace(0.004, 0.996, 125).tolist():
        inside = any(low < p < high for low, high in ranges)
        gap = float(frontiers.classical.waiting_time_at(p)) - frontiers.quantum.waiting_time_at(p)
        assert (gap > 1e-9) == inside
