"""Limits and tails setting by setting: the sums behind them, their coverage, and their width."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.certificate import stratified
from bellqueue.analysis.certificate.samples import Sample
from bellqueue.model.trials import Sampling
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binom, norm

from .devices import counts_of

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CHSH = np.array([[1.0, 1.0], [1.0, -1.0]])


def sample_of(together: Any, asked: Any, lost: Any = None) -> Sample:
    """Fixed settings: trials with a=b of each setting, among those that brought an outcome."""
    return Sample(counts_of(together, asked), Sampling("fixed", lost=None if lost is None else np.asarray(lost)))


@pytest.mark.parametrize(("wins", "trials"), [(0, 1), (1, 1), (2, 3), (3, 7), (8, 8)])
def test_the_scatter_is_its_mean_over_all_orders(wins: int, trials: int) -> None:
    """Every order listed out, each outcome compared with the mean of those before it, ½ counting as one of them."""
    orders = set(itertools.permutations([1.0] * wins + [0.0] * (trials - wins)))
    total = 0.0
    for order in orders:
        for at, value in enumerate(order):
            total += (value - (0.5 + sum(order[:at])) / (at + 1)) ** 2
    found = stratified._scatter(np.array([float(wins)]), np.array([float(trials)]))
    assert found[0] == pytest.approx(total / len(orders), rel=1e-12)


@given(st.floats(0.001, 0.95), st.floats(0, 1), st.floats(0, 1))
def test_the_factor_of_one_trial_has_no_mean_above_1(tilt: float, mean: float, before: float) -> None:
    """exp(λ(X−μ) − ψ(λ)(X−m)²) for a coin of mean μ and any m."""
    psi = -math.log1p(-tilt) - tilt
    factors = [math.exp(tilt * (x - mean) - psi * (x - before) ** 2) for x in (0, 1)]
    assert (1 - mean) * factors[0] + mean * factors[1] <= 1 + 1e-12


@pytest.mark.parametrize("functional", [CHSH, -np.array([[0.49, 0.21], [0.21, 0.09]]) / 2], ids=["chsh", "splitting"])
@pytest.mark.parametrize("trials", [5, 60])
def test_both_limits_miss_at_most_as_often_as_they_say(functional: Floats, trials: int) -> None:
    """4000 experiments of uneven settings, at one in twenty a side."""
    rng = np.random.default_rng(trials)
    asked = trials * np.array([[4, 1], [2, 3]])
    correlators = 0.95 * np.array([[0.7, 0.7], [0.7, -0.7]])
    truth = float((functional * correlators).sum())
    drawn = rng.binomial(asked, (1 + correlators) / 2, size=(4000, 2, 2))
    found = np.array([stratified.limits(functional, sample_of(each, asked), math.log(0.05)) for each in drawn])
    allowed = binom.ppf(0.9999, 4000, 0.05)
    assert (found[:, 0] > truth).sum() <= allowed
    assert (found[:, 1] < truth).sum() <= allowed


def test_limits_are_nearly_as_narrow_as_normal_ones() -> None:
    """At 1e-3 a side and many trials: √(2 ln 1/α) standard errors instead of z_α, and a few per cent."""
    asked = np.array([[40_000, 10_000], [20_000, 30_000]])
    together = np.round(asked * (1 + 0.7 * CHSH) / 2).astype(int)
    c = 2 * together / asked - 1
    error = math.sqrt(float((CHSH**2 * (1 - c**2) / asked).sum()))
    low, high = stratified.limits(CHSH, sample_of(together, asked), math.log(1e-3))
    assert high - low < 1.05 * 2 * math.sqrt(2 * math.log(1e3)) * error
    assert high - low > 2 * float(norm.isf(1e-3)) * error


@pytest.mark.parametrize("absent", [(0, 0), (1, 2)])
def test_with_a_setting_never_measured_a_true_bound_is_refuted_as_rarely_as_stated(
    absent: tuple[int, int],
) -> None:
    """The setting left out has the correlator that makes Σ A c least; 400 experiments at one in twenty."""
    functional = np.array([[1.0, -1.0, 0.5], [1.0, 1.0, -1.0], [0.3, 1.0, 1.0]])
    asked = np.full((3, 3), 40)
    asked[absent] = 0
    correlators = 0.6 * np.sign(functional)
    correlators[absent] = -np.sign(functional[absent])
    truth = float((functional * correlators).sum())
    drawn = np.random.default_rng(5).binomial(asked, (1 + correlators) / 2, size=(400, 3, 3))
    samples = [sample_of(each, asked) for each in drawn]
    refuted = sum(stratified.log_tail(functional, sample, truth) <= math.log(0.05) for sample in samples)
    assert refuted <= binom.ppf(0.9999, 400, 0.05)
    limits = [stratified.lower_limit(functional, sample, math.log(0.05)) for sample in samples[:40]]
    assert sum(limit > truth for limit in limits) <= binom.ppf(0.9999, 40, 0.05)
    assert max(limits) > truth - 3  # it is a limit, not the least there is


def test_without_any_trial_that_is_weighed_nothing_is_known() -> None:
    nothing = sample_of([[0, 0], [0, 9]], [[0, 0], [0, 10]])
    functional = np.array([[1.0, 1.0], [1.0, 0.0]])
    assert stratified.log_tail(functional, nothing, -2.5) == 0.0
    assert stratified.lower_limit(functional, nothing, math.log(0.05)) == -3.0


def test_a_setting_never_measured_may_have_any_correlator() -> None:
    asked = np.array([[100, 100], [100, 0]])
    together = np.array([[85, 85], [85, 0]])
    low, high = stratified.limits(CHSH, sample_of(together, asked), math.log(1e-3))
    known = CHSH.copy()
    known[1, 1] = 0
    inner = stratified.limits(known, sample_of(together, asked), math.log(1e-3))
    assert (low, high) == pytest.approx((inner[0] - 1, inner[1] + 1))


def test_lost_trials_widen_both_sides() -> None:
    asked, lost = np.full((2, 2), 300), np.full((2, 2), 10)
    together = np.round(asked * (1 + 0.7 * CHSH) / 2).astype(int)
    before = stratified.limits(CHSH, sample_of(together, asked), math.log(1e-3))
    after = stratified.limits(CHSH, sample_of(together, asked, lost), math.log(1e-3))
    assert after[0] < before[0] < before[1] < after[1]


def test_one_setting_is_chernoffs_bound() -> None:
    """n KL(p̂‖p): with one stratum nothing is left to choose."""
    for wins, trials, c in ((80, 100, 0.3), (990, 1000, 0.9), (5, 5, 0.0)):
        found = stratified.log_tail(np.array([[1.0]]), sample_of([[wins]], [[trials]]), c)
        mean, null = wins / trials, (1 + c) / 2
        parts = [p * math.log(p / q) for p, q in ((mean, null), (1 - mean, 1 - null)) if p > 0]
        assert found == pytest.approx(-trials * sum(parts), rel=1e-6)


@given(st.integers(0, 10**6))
def test_the_tail_is_no_smaller_than_any_null_explains(seed: int) -> None:
    """Chernoff's bound at random correlators within the bound, optimized over s by a grid: never larger."""
    rng = np.random.default_rng(seed)
    asked = rng.integers(5, 200, size=(2, 2))
    together = rng.binomial(asked, (1 + 0.8 * CHSH) / 2)
    sample = sample_of(together, asked)
    found = stratified.log_tail(CHSH, sample, 1.0)
    total = float((CHSH * (2 * together / asked - 1)).sum())
    for _ in range(20):
        c = rng.uniform(-1, 1, size=(2, 2))
        if float((CHSH * c).sum()) > 1.0:
            continue
        s = np.geomspace(0.1, 1000, 300)[:, None, None]
        u = s * CHSH / asked
        logs = (asked * np.logaddexp(np.log((1 + c) / 2) + u, np.log((1 - c) / 2) - u)).sum(axis=(1, 2))
        assert float((logs - s[:, 0, 0] * total).min()) <= found + 1e-9


def test_the_limit_is_where_the_tail_turns() -> None:
    asked = np.array([[500, 300], [200, 400]])
    together = np.round(asked * (1 + 0.65 * CHSH) / 2).astype(int)
    sample, level = sample_of(together, asked), math.log(1e-3)
    low = stratified.lower_limit(CHSH, sample, level)
    assert stratified.log_tail(CHSH, sample, low) <= level < stratified.log_tail(CHSH, sample, low + 1e-6)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_devices_on_the_bound_are_certified_at_most_as_often_as_said(seed: int) -> None:
    """2000 experiments with Σ G c at the bound exactly, spread evenly or unevenly over the settings."""
    rng = np.random.default_rng(seed)
    asked = np.array([[120, 40], [60, 90]])
    for c in (0.5 * CHSH, np.array([[1.0, 1.0], [0.6, 0.6]])):
        assert float((CHSH * c).sum()) == pytest.approx(2.0)
        drawn = rng.binomial(asked, (1 + c) / 2, size=(2000, 2, 2))
        certified = sum(stratified.log_tail(CHSH, sample_of(each, asked), 2.0) <= math.log(0.05) for each in drawn)
        assert certified <= binom.ppf(0.9999, 2000, 0.05)
