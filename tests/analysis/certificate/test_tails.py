"""Tails against exact rational sums and closed forms."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from bellqueue.analysis.certificate.tails import kullback_leibler, log_binomial_tail, log_chernoff_tail, lower_limit
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binom


def _log(value: Fraction) -> float:
    """ln of a positive fraction far below the smallest float."""
    shift = value.denominator.bit_length() - value.numerator.bit_length()
    return math.log(value * 2**shift) - shift * math.log(2)


def _exact_tail(trials: int, successes: int, probability: Fraction) -> Fraction:
    terms = (
        math.comb(trials, k) * probability**k * (1 - probability) ** (trials - k) for k in range(successes, trials + 1)
    )
    return sum(terms, Fraction(0))


@given(st.integers(1, 120), st.integers(0, 121), st.integers(1, 63))
@settings(max_examples=200)
def test_binomial_tail_is_exact(trials: int, successes: int, sixty_fourths: int) -> None:
    probability = Fraction(sixty_fourths, 64)
    found = log_binomial_tail(trials, successes, float(probability))
    if successes > trials:
        assert found == -math.inf
    else:
        expected = _log(_exact_tail(trials, successes, probability))
        assert found == pytest.approx(expected, rel=1e-10, abs=1e-11)


def test_binomial_tail_where_floats_underflow() -> None:
    probability = Fraction(3, 4)
    expected = _log(_exact_tail(20_000, 19_900, probability))
    assert expected < -4000
    found = log_binomial_tail(20_000, 19_900, 0.75)
    assert found == pytest.approx(expected, rel=1e-12)
    assert found >= expected - 1e-9  # rounding moves it upwards


@pytest.mark.parametrize("successes", [700_100, 700_500, 701_500, 699_000])
def test_binomial_tail_of_a_million_trials(successes: int) -> None:
    expected = float(binom.logsf(successes - 1, 1_000_000, 0.7))
    assert log_binomial_tail(1_000_000, successes, 0.7) == pytest.approx(expected, rel=1e-7)


@given(st.integers(1, 300), st.floats(0, 1), st.floats(0.001, 0.999))
@settings(max_examples=200)
def test_chernoff_bounds_the_binomial_tail(trials: int, share: float, probability: float) -> None:
    successes = round(share * trials)
    exact = log_binomial_tail(trials, successes, probability)
    assert exact <= log_chernoff_tail(trials, successes, probability) + 1e-9


def test_kullback_leibler_closed_forms() -> None:
    assert kullback_leibler(1.0, 0.25) == pytest.approx(math.log(4))
    assert kullback_leibler(0.0, 0.25) == pytest.approx(-math.log(0.75))
    assert kullback_leibler(0.5, 0.5) == 0
    assert kullback_leibler(0.5, 0.0) == math.inf


@pytest.mark.parametrize(("trials", "successes"), [(50, 40), (1000, 3), (40_000, 34_321), (10, 10)])
@pytest.mark.parametrize("significance", [0.05, 1e-3, 1e-9])
def test_lower_limit_is_clopper_pearson(trials: int, successes: int, significance: float) -> None:
    expected = float(beta.ppf(significance, successes, trials - successes + 1))
    assert lower_limit(trials, successes, math.log(significance)) == pytest.approx(expected, rel=1e-6)


def test_lower_limit_of_nothing_is_nothing() -> None:
    assert lower_limit(100, 0, math.log(0.05)) == 0.0
