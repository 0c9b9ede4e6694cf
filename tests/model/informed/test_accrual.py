"""What the baseline earns until the next arrival: the closed forms against integrals of the reward itself."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from bellqueue.model.informed.accrual import accrued, horizon, largest_kappa, throughput_slope, unbounded_slope
from bellqueue.model.queueing.reward import PiecewiseLinearReward, PowerReward, Reward, WarmupReward
from scipy.integrate import quad

from tests.model.informed.workloads import light, unequal

TABLE = PiecewiseLinearReward.through(((0.0, 0.0), (1.0, 0.2), (3.0, 2.2), (4.0, 5.2)))
AGE = 60.0


@pytest.mark.parametrize("reward", [PiecewiseLinearReward.setup(5.0), TABLE, WarmupReward(4.0)], ids=repr)
@pytest.mark.parametrize("level", [-40.0, -4.5, -0.7, 0.0, 0.3, 9.0])
def test_accrued_is_the_mean_reward_until_the_next_pair(reward: Reward, level: float) -> None:
    """The age grows from max(−u, 0) to max(t−u, 0) by the time t ~ Exp(λ): E[T(age after) − T(age before)]."""
    rate = 0.07

    def earned(time: float) -> float:
        ages = np.array([max(-level, 0.0), max(time - level, 0.0)])
        worth = reward(ages)
        return float(worth[1] - worth[0]) * rate * math.exp(-rate * time)

    bends = sorted({0.0, *(knot + level for knot in (0.0, 1.0, 3.0, 4.0, 5.0) if knot + level > 0), 40.0, 400.0})
    mean = sum(quad(earned, low, high, epsabs=1e-12)[0] for low, high in itertools.pairwise(bends))
    assert float(accrued(reward, rate, np.array(level), AGE)) == pytest.approx(rate * mean, abs=1e-5)


@pytest.mark.parametrize("reward", [PiecewiseLinearReward.setup(5.0), TABLE, WarmupReward(4.0)], ids=repr)
def test_a_lower_level_earns_more(reward: Reward) -> None:
    earned = accrued(reward, 0.05, np.linspace(-8.0, 30.0, 400), 8.0)
    assert np.all(np.diff(earned) <= 1e-15)


def test_a_warm_server_is_given_the_limiting_slope_and_never_less_than_it_earns() -> None:
    reward = WarmupReward(4.0)
    assert float(accrued(reward, 0.05, np.array(-12.0), 12.0)) == pytest.approx(1.0, rel=1e-12)
    levels = np.linspace(-12.0, 12.0, 50)
    assert np.all(accrued(reward, 0.05, levels, 12.0) >= accrued(reward, 0.05, levels, 1e4))


def test_a_table_that_is_convex_but_for_rounding_earns_no_less_in_a_lower_state() -> None:
    reward = PiecewiseLinearReward((0.5, 0.5 - 1e-9, 1.0), (1.0, 2.0))
    assert np.all(np.diff(accrued(reward, 0.05, np.linspace(-3.0, 3.0, 400), 3.0)) <= 0)


def test_the_horizon_of_a_warm_up_costs_no_more_than_the_tolerance() -> None:
    """What slope 1 earns beyond A: at most θe^(−A/θ) for each of λ idle periods at each of two servers."""
    reward, rate, kappa, tolerance = WarmupReward(4.0), 0.05, 18.0, 1e-4
    age = horizon(reward, rate, kappa, tolerance)
    assert 2 * kappa * rate * 4.0 * math.exp(-age / 4.0) == pytest.approx(tolerance)
    assert horizon(TABLE, rate, kappa, tolerance) == 3.0
    assert horizon(PiecewiseLinearReward.setup(0.0), rate, kappa, tolerance) == 0.0


@pytest.mark.parametrize("seed", range(6))
def test_the_slope_of_the_throughput_is_its_central_difference(seed: int) -> None:
    workload = unequal(seed)
    low, high = workload.baseline_throughput([0.4 - 1e-6, 0.4 + 1e-6]).tolist()
    assert throughput_slope(workload, 0.4) == pytest.approx((high - low) / 2e-6, rel=1e-4)
    assert throughput_slope(workload, 0.4) < 0


def test_the_largest_kappa_is_the_steepest_trade_off() -> None:
    workload = light()
    assert largest_kappa(workload) == pytest.approx(3.184615 / (0.01 * 5 * 0.975 * math.exp(-0.05)), rel=1e-6)
    assert largest_kappa(light(reward=PiecewiseLinearReward((1.0,), ()))) == math.inf


def test_a_power_reward_has_no_bound_and_the_reason_is_one_sentence() -> None:
    assert "grows without limit" in str(unbounded_slope(PowerReward(2.0), 0.3))
    assert str(unbounded_slope(PowerReward(2.0), 0.7)).startswith("not computed: ")
    assert unbounded_slope(WarmupReward(1.0), 0.3) is None
