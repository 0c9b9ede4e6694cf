"""The verification's own tails and martingale against exact fractions, scipy and their definitions."""

from __future__ import annotations

import itertools
import math
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from bellqueue.analysis.verification.tails import (
    LOG_SHARES,
    ODDS,
    kullback_leibler,
    log_binomial_tail,
    log_chernoff_tail,
    log_largest_wealth,
    log_mixture,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom


@settings(max_examples=40)
@given(st.integers(1, 60), st.data())
def test_the_binomial_tail_is_the_sum_of_its_fractions(trials: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(1, trials))
    probability = data.draw(st.floats(0.01, 0.99))
    omega = Fraction(probability)
    exact = sum(math.comb(trials, j) * omega**j * (1 - omega) ** (trials - j) for j in range(successes, trials + 1))
    with localcontext() as context:
        context.prec = 50
        logarithm = float((Decimal(exact.numerator) / Decimal(exact.denominator)).ln())
    assert log_binomial_tail(trials, successes, probability) == pytest.approx(logarithm, rel=1e-13, abs=1e-30)


@pytest.mark.parametrize(
    ("trials", "successes", "probability"),
    [(1999, 1500, 0.7), (2001, 1500, 0.7), (40_000, 33_000, 0.8), (10**6, 500_100, 0.5), (10**8, 50_020_000, 0.5)],
)
def test_large_binomial_tails_agree_with_scipy(trials: int, successes: int, probability: float) -> None:
    expected = binom.logsf(successes - 1, trials, probability)
    assert log_binomial_tail(trials, successes, probability) == pytest.approx(expected, rel=1e-10)


def test_tails_far_beyond_doubles_have_their_closed_form() -> None:
    assert log_binomial_tail(40_000, 40_000, 0.5) == pytest.approx(40_000 * math.log(0.5), rel=1e-14)
    assert log_binomial_tail(5, 0, 0.3) == 0.0
    assert log_binomial_tail(5, 6, 0.3) == -math.inf
    assert log_chernoff_tail(1000, 1000.0, 0.25) == pytest.approx(1000 * math.log(0.25), rel=1e-14)
    assert log_chernoff_tail(1000, 200.0, 0.25) == 0.0


@given(st.floats(0.001, 0.999), st.floats(0.001, 0.999))
def test_relative_entropy_is_positive_and_above_pinskers_bound(mean: float, probability: float) -> None:
    assert kullback_leibler(mean, probability) >= 2 * (mean - probability) ** 2 * (1 - 1e-12)


def test_the_mixture_is_a_fair_game_at_the_bound() -> None:
    """Over all outcomes of eight trials with U ∈ {0, 1} of mean ω, the mean of the mixture is 1."""
    omega, total = 0.7, 0.0
    for outcome in itertools.product((0, 1), repeat=8):
        chance = math.prod(omega if won else 1 - omega for won in outcome)
        total += chance * math.exp(log_mixture((0.0, 1.0), (8 - sum(outcome), sum(outcome)), 0, omega))
    assert total == pytest.approx(1.0, rel=1e-12)


def test_the_mixture_trial_by_trial_is_the_product_of_its_definition() -> None:
    scores, places, omega = (0.1, 0.6, 1.0), (2, 2, 1, 2, 0, 2, 2, 0, 0), 0.55
    paths = []
    for end in range(len(places) + 1):
        products = [
            math.exp(share) * math.prod((1 + odds * scores[place]) / (1 + odds * omega) for place in places[:end])
            for share, odds in zip(LOG_SHARES, ODDS, strict=True)
        ]
        paths.append(math.fsum(products))
    best, often = log_largest_wealth(scores, places, 0, omega), [places.count(place) for place in range(3)]
    last = log_mixture(scores, often, 0, omega)
    assert best == pytest.approx(math.log(max(paths)), rel=1e-12)
    assert last == pytest.approx(math.log(paths[-1]), rel=1e-12)
    assert best > last
    # Losses come first: each multiplies every stake by 1/(1+κω).
    lost = log_largest_wealth(scores, places, 3, omega)
    assert lost == pytest.approx(log_largest_wealth((*scores, 0.0), (3, 3, 3, *places), 0, omega), rel=1e-12)
    assert log_mixture(scores, often, 3, omega) == pytest.approx(
        log_mixture((*scores, 0.0), (*often, 3), 0, omega), rel=1e-12
    )
