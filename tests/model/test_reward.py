"""The closed forms of the baseline rewards: their slopes in the rate of interruptions, and the warm-up reward."""

from __future__ import annotations

import math

import numpy as np
import pytest
from bellqueue.model.queueing.reward import PiecewiseLinearReward, PowerReward, Reward, WarmupReward
from bellqueue.model.scenario.file import Scenario
from hypothesis import given
from hypothesis import strategies as st

from tests.scenarios import default_record, edited

REWARDS = [
    PowerReward(1.0),
    PowerReward(1.5),
    PowerReward(3.0),
    PiecewiseLinearReward.setup(5.0),
    PiecewiseLinearReward.setup(0.0),
    PiecewiseLinearReward.through(((0.0, 0.0), (1.0, 0.5), (3.0, 2.5), (4.0, 6.0))),
    WarmupReward(5.0),
]


@pytest.mark.parametrize("reward", REWARDS, ids=repr)
@given(rate=st.floats(1e-3, 10.0))
def test_the_slope_of_the_rate_is_its_central_difference(reward: Reward, rate: float) -> None:
    width = 1e-5 * rate
    low, high = reward.rate(np.array([rate - width, rate + width])).tolist()
    expected = (high - low) / (2 * width)
    assert float(reward.rate_slope(np.array(rate))) == pytest.approx(expected, rel=1e-6, abs=1e-9 * high / rate)


@given(time=st.floats(0.1, 50.0), first=st.floats(0.0, 100.0), width=st.floats(0.01, 10.0))
def test_a_warm_up_reward_is_convex_and_starts_like_a_parabola(time: float, first: float, width: float) -> None:
    reward = WarmupReward(time)
    low, middle, high = reward(np.array([first, first + width, first + 2 * width])).tolist()
    assert low + high - 2 * middle >= -1e-12 * max(high, time)
    early = 1e-4 * time
    assert float(reward(np.array(early))) == pytest.approx(early**2 / (2 * time), rel=1e-3)


def test_a_scenario_with_a_warm_up_reward_has_its_throughput() -> None:
    """τ = 2(1−ρ)/(1+Λθ), Λ = λ(1+p)/2."""
    scenario = Scenario.parse(edited(default_record(), "baseline", "reward", value={"kind": "warmup", "time": 4.0}))
    assert Scenario.parse(scenario.record()) == scenario
    workload = scenario.workload()
    rate = workload.pair_rate * 1.3 / 2
    expected = 2 * (1 - workload.load) / (1 + 4.0 * rate)
    assert float(workload.baseline_throughput(0.3)) == pytest.approx(expected, rel=1e-12)
    assert math.isclose(float(workload.reward(np.array(4.0))), 4.0 / math.e)
