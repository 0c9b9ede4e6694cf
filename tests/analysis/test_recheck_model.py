"""The verification's own model against reference values, closed forms and quadrature."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.verification.model import Model
from bellqueue.analysis.verification.sizes import SizeLaw
from bellqueue.model.errors import DataError
from scipy.integrate import quad
from scipy.stats import gamma, lognorm

from tests.scenarios import default_record, heavy_scenario


def test_the_default_scenario_in_exact_numbers() -> None:
    """MODEL §5: ρ = 1/20, W0 = 0.1210526, w = [[0.510526, 1.813158], [1.813158, 3.378947]]."""
    model = Model.of(default_record(), "s")
    assert model.load == Fraction(1, 20)
    assert model.unavoidable == Fraction(23, 190)
    assert model.weights == (
        (Fraction(97, 190), Fraction(689, 380)),
        (Fraction(689, 380), Fraction(321, 95)),
    )
    assert model.throughput(0.5) == pytest.approx(1.762713, abs=1e-6)


def test_the_heavy_scenario_in_exact_numbers() -> None:
    model = Model.of(heavy_scenario().record(), "s")
    assert (model.load, model.unavoidable) == (Fraction(9, 10), Fraction(65, 2))
    assert model.weights == ((Fraction(3, 2), Fraction(41, 4)), (Fraction(41, 4), Fraction(68)))
    assert model.throughput(0.3) == pytest.approx(3.07692, abs=1e-5)


def test_the_shorter_request_first_waits_for_half_of_the_shorter() -> None:
    """Of a pair together one request waits for the other: by a coin (m+n)/4 on average, shortest first min(m, n)/2."""
    record = default_record()
    record["traffic"]["within_pair_order"] = "shortest-first"
    shortest, by_coin = Model.of(record, "s"), Model.of(default_record(), "s")
    means = (Fraction(1), Fraction(6))
    for x, m in enumerate(means):
        for y, n in enumerate(means):
            assert by_coin.weights[x][y] - shortest.weights[x][y] == (m + n) / 4 - min(m, n) / 2
    assert not shortest.product
    assert shortest.load == by_coin.load


def test_a_joint_table_that_is_a_product_counts_as_one() -> None:
    record = default_record()
    record["traffic"]["joint"] = [[0.49, 0.21], [0.21, 0.09]]
    assert Model.of(record, "s").product
    record["traffic"]["joint"] = [[0.5, 0.2], [0.2, 0.1]]
    model = Model.of(record, "s")
    assert not model.product
    assert model.joint == ((Fraction(1, 2), Fraction(1, 5)), (Fraction(1, 5), Fraction(1, 10)))


@pytest.mark.parametrize(
    "reward",
    [
        {"kind": "power", "exponent": 2.5},
        {"kind": "setup", "setup_time": 5.0},
        {"kind": "warmup", "time": 3.0},
        {"kind": "table", "points": [[0, 0], [1, 0.2], [3, 2], [4, 9]]},
    ],
)
def test_the_throughput_is_the_mean_reward_of_exponential_periods(reward: dict[str, Any]) -> None:
    record = default_record()
    record["baseline"]["reward"] = reward
    model, rate = Model.of(record, "s"), 0.02 * 1.4 / 2

    def earned(period: float) -> float:
        if reward["kind"] == "power":
            return float(period ** reward["exponent"])
        if reward["kind"] == "setup":
            return float(max(period - reward["setup_time"], 0.0))
        if reward["kind"] == "warmup":
            return float(period - reward["time"] * (1 - math.exp(-period / reward["time"])))
        return float(np.interp(period, [0, 1, 3, 4], [0, 0.2, 2, 9]) + 7 * max(period - 4, 0.0))

    mean = quad(lambda t: earned(t) * rate * math.exp(-rate * t), 0, 3000, points=[1, 3, 4, 5], limit=500)[0]
    assert model.throughput(0.4) == pytest.approx(2 * 0.95 * rate * mean, rel=1e-9)


@pytest.mark.parametrize("bins", [1, 3, 64])
def test_bins_of_exponential_sizes_have_their_closed_form(bins: int) -> None:
    """∫ s e^−s ds = −(s+1) e^−s and ∫ s² e^−s ds = −(s²+2s+2) e^−s."""
    edges = [-math.log1p(-i / bins) for i in range(bins)]
    firsts = [(s + 1) * math.exp(-s) for s in edges] + [0.0]
    seconds = [(s * s + 2 * s + 2) * math.exp(-s) for s in edges] + [0.0]
    for place, (first, second) in enumerate(SizeLaw.of("exponential", 1.0, 1.0).bin_moments(bins)):
        assert first == pytest.approx(bins * (firsts[place] - firsts[place + 1]), rel=1e-11)
        assert second == pytest.approx(bins * (seconds[place] - seconds[place + 1]), rel=1e-11)


@pytest.mark.parametrize(("kind", "variation"), [("gamma", 3.0), ("gamma", 0.01), ("lognormal", 0.5)])
def test_bins_of_other_sizes_have_the_moments_that_scipy_integrates(kind: str, variation: float) -> None:
    if kind == "gamma":
        law = gamma(1 / variation, scale=2.0 * variation)
    else:
        deviation = math.sqrt(math.log1p(variation))
        law = lognorm(deviation, scale=2.0 / math.sqrt(1 + variation))
    found = SizeLaw.of(kind, 2.0, variation).bin_moments(5)
    assert np.mean(found, axis=0) == pytest.approx([2.0, 4.0 * (1 + variation)], rel=1e-10)
    low, high = law.ppf([0.4, 0.6])
    for order in (1, 2):
        exact = 5 * quad(lambda s, order=order: s**order * law.pdf(s), low, high, epsabs=1e-13)[0]
        assert found[2][order - 1] == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize(("kind", "variation"), [("gamma", 1e4), ("gamma", 1e-4), ("lognormal", 1e4)])
def test_extreme_sizes_keep_their_moments(kind: str, variation: float) -> None:
    for bins in (1, 7, 256):
        moments = np.mean(SizeLaw.of(kind, 1.0, variation).bin_moments(bins), axis=0)
        assert moments == pytest.approx([1.0, 1 + variation], rel=1e-9)


def test_a_scenario_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"s: scenario: traffic\.pair_rate"):
        Model.of({"title": "t", "traffic": {"pair_rate": -1}, "baseline": {"reward": {}}}, "s")
    record = default_record()
    record["traffic"]["pair_rate"] = 1.0
    with pytest.raises(DataError, match=r"the load is 2\.5"):
        Model.of(record, "s")
