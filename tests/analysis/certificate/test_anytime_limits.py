"""Limits that hold at all times together: coverage at the worst moment, duality with the test, and tightness."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.analyze import analyze
from bellqueue.analysis.certificate.estimates import estimate_functional
from bellqueue.analysis.certificate.martingale import (
    LOG_SHARES,
    ODDS,
    growth,
    largest_log_wealth,
    log_wealth,
    lower_limit_at_any_time,
)
from bellqueue.analysis.certificate.region import ConfidenceRegion
from bellqueue.analysis.certificate.samples import Sample
from bellqueue.analysis.certificate.scores import score_table
from bellqueue.model.errors import DataError
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.routing_game import RoutingGame
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Sampling, Trials
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binom

from tests.analysis.conftest import provenance

from .devices import drawn_counts, drawn_trials

Array = NDArray[Any]

RUNS, ALPHA = 2000, 0.05
ALLOWED = int(binom.ppf(0.9999, RUNS, ALPHA))
FRONTIERS = Frontiers(Scenario.default().workload())
WORKLOAD = FRONTIERS.workload
MULTIPLIER = float(FRONTIERS.classical.multipliers[-1])
GAME = RoutingGame(WORKLOAD, MULTIPLIER).matrix
PROPORTIONAL = RoutingGame(WORKLOAD, MULTIPLIER).input_distribution
ANY = np.array([[0.4, 0.1], [0.3, 0.2]])
TRUTH = 0.95 * FRONTIERS.quantum.at_multiplier(MULTIPLIER).correlators

scores_in_order = st.lists(st.sampled_from([0.0, 0.2, 0.5, 0.75, 1.0]), min_size=1, max_size=60).map(np.array)


def _missed(scores: Array, means: Array) -> tuple[int, int]:
    """Runs whose lower, and whose upper, limit was beyond the average conditional mean at any moment."""
    threshold = -math.log(ALPHA)
    low = sum(bool(log_wealth(run, mean).max() >= threshold) for run, mean in zip(scores, means, strict=True))
    high = sum(bool(log_wealth(1 - run, 1 - mean).max() >= threshold) for run, mean in zip(scores, means, strict=True))
    return low, high


def _sample(rng: np.random.Generator, r: Array, trials: int) -> Sample:
    return Sample(drawn_counts(rng, TRUTH, r, trials), Sampling("random", r))


def _any_time(sample: Sample) -> Sample:
    """The same of a run that could stop at any moment."""
    return Sample(sample.counts, replace(sample.sampling, stopped=True))


def _limits(scores: Array, significance: float) -> tuple[float, float]:
    """Of the mean of U at any time, from the scores one by one."""
    level = math.log(significance)
    low, misses = (
        lower_limit_at_any_time(growth(each).sum(axis=1), len(scores), level) for each in (scores, 1 - scores)
    )
    return low, 1 - misses


@pytest.mark.slow
def test_wins_and_losses_with_one_chance() -> None:
    rng = np.random.default_rng(1)
    low, high = _missed((rng.random((RUNS, 1000)) < 0.8).astype(float), np.full((RUNS, 1), 0.8))
    assert max(low, high) <= ALLOWED
    assert min(low, high) > 0  # the limits are not idle


def test_scores_of_any_size() -> None:
    rng = np.random.default_rng(2)
    values, chances = np.array([0.0, 0.1, 0.45, 0.8, 1.0]), np.array([0.1, 0.3, 0.2, 0.3, 0.1])
    scores = rng.choice(values, size=(RUNS, 400), p=chances)
    assert max(_missed(scores, np.full((RUNS, 1), values @ chances))) <= ALLOWED


def test_a_device_that_remembers_and_steers_against_the_limits() -> None:
    """The chance jumps between 0.95 and 0.5: high after bad luck, low after good, and alternating in longer spells."""
    rng = np.random.default_rng(3)
    trials = 400
    means, scores = np.empty((RUNS, trials)), np.empty((RUNS, trials))
    luck = np.zeros(RUNS)
    for at in range(trials):
        spell = (at // 50) % 2 == 0
        means[:, at] = np.where((luck < 0) == spell, 0.95, 0.5)
        scores[:, at] = rng.random(RUNS) < means[:, at]
        luck += scores[:, at] - means[:, at]
    average = np.cumsum(means, axis=1) / np.arange(1, trials + 1)
    assert max(_missed(scores, average)) <= ALLOWED


def test_limits_for_a_fixed_number_miss_far_too_often_when_looked_at_again_and_again() -> None:
    rng = np.random.default_rng(4)
    wins = np.cumsum(rng.random((RUNS, 400)) < 0.8, axis=1)
    looked = binom.sf(wins - 1, np.arange(1, 401), 0.8).min(axis=1) <= ALPHA
    assert looked.sum() > 2 * ALLOWED


@pytest.mark.parametrize("runs", [50, pytest.param(200, marks=pytest.mark.slow)])
def test_the_reduction_is_covered_at_every_look(runs: int) -> None:
    """All limits together, at six looks, at α = 5 %."""
    rng = np.random.default_rng(5)
    split = (1 - TRUTH) / 2
    p, waiting = WORKLOAD.splitting_probability(split), WORKLOAD.waiting_time(split)
    classical = float(FRONTIERS.classical.waiting_time_at(p))
    excess = float((GAME * TRUTH).sum()) - FRONTIERS.game(MULTIPLIER).bound("memoryless").high
    missed = 0
    for _ in range(runs):
        counts, outside = None, False
        for trials in (50, 50, 100, 200, 400, 800):
            more = drawn_counts(rng, TRUTH, ANY, trials)
            counts = more if counts is None else counts + more
            sample = Sample(counts, Sampling("random", ANY, stopped=True))
            found = ConfidenceRegion.of(FRONTIERS, sample, MULTIPLIER, ALPHA)
            absolute, relative = found.reduction()
            for limits, true in (
                (found.splitting_probability, p),
                (found.waiting_time, waiting),
                (found.excess, excess),
                (absolute, classical - waiting),
                (relative, 1 - waiting / classical),
            ):
                outside |= not limits.low - 1e-9 <= true <= limits.high + 1e-9
        missed += outside
    assert missed <= binom.ppf(0.9999, runs, ALPHA)


@pytest.mark.parametrize("mean", [0.60, 0.66, 0.68, 0.75, 1.0])
@pytest.mark.parametrize("kind", ["wins and losses", "few values", "many values"])
def test_the_largest_wealth_is_the_largest_along_the_path(mean: float, kind: str) -> None:
    """Whether it lies at the end, at the start or in the middle, and however many values U takes."""
    rng = np.random.default_rng(17)
    count = {"wins and losses": 2, "few values": 6, "many values": 90}[kind]
    values = np.concatenate([[1.0, 0.0], rng.uniform(0.1, 1, size=count - 2)])
    shares = np.concatenate([[0.6], np.full(count - 1, 0.4 / (count - 1))])
    place = rng.choice(count, size=5000, p=shares)
    place[:1500] = rng.choice(count, size=1500, p=shares[::-1] if mean == 0.75 else shares)
    for lost in (0, 3):
        along = log_wealth(values[place], mean, trials=lost)
        assert largest_log_wealth(values, place, mean, lost) == pytest.approx(along.max(), rel=1e-10, abs=1e-10)
    assert largest_log_wealth(values, place[:1], mean) == pytest.approx(log_wealth(values[place[:1]], mean)[0])


def test_scores_come_from_their_table() -> None:
    """U = (1 ± (A/r)/z)/2, + where the bits agree."""
    rng = np.random.default_rng(18)
    functional, r = rng.normal(size=(3, 2)), rng.dirichlet(np.ones(6)).reshape(3, 2)
    columns = {name: rng.integers(size, size=200) for name, size in zip("xyab", (3, 2, 2, 2), strict=True)}
    unit = functional / r / np.abs(functional / r).max()
    rows = zip(*columns.values(), strict=True)
    expected = [(1 + unit[x, y] * (1 if a == b else -1)) / 2 for x, y, a, b in rows]
    values, place = score_table(functional, r, Trials(**columns, shape=(3, 2)))
    assert values[place] == pytest.approx(expected, rel=1e-14)


@given(scores_in_order)
def test_the_lower_limit_is_where_the_test_turns(scores: Array) -> None:
    low = _limits(scores, ALPHA)[0]
    if low > 1e-6:
        assert log_wealth(scores, low - 1e-7)[-1] > -math.log(ALPHA) > log_wealth(scores, low + 1e-7)[-1]


def test_the_mixture_is_the_plain_product_of_its_bets() -> None:
    scores, mean = np.array([1.0, 0.0, 0.25, 1.0, 1.0]), 0.6
    expected = [
        sum(
            math.exp(log_weight) * math.prod((1 + odds * u) / (1 + odds * mean) for u in scores[:n].tolist())
            for odds, log_weight in zip(ODDS.tolist(), LOG_SHARES.tolist(), strict=True)
        )
        for n in range(1, 6)
    ]
    assert np.exp(log_wealth(scores, mean)) == pytest.approx(expected, rel=1e-12)


@given(scores_in_order, st.integers(0, 59), st.integers(0, 20))
def test_limits_move_the_right_way(scores: Array, at: int, lost: int) -> None:
    low, high = _limits(scores, 0.05)
    assert 0 <= low <= scores.mean() <= high <= 1
    surer = _limits(scores, 0.001)
    assert surer[0] <= low
    assert surer[1] >= high
    better = scores.copy()
    better[at % len(scores)] = 1.0
    assert _limits(better, 0.05)[0] >= low - 1e-12
    assert _limits(np.append(scores, np.zeros(lost)), 0.05)[0] <= low + 1e-12


@pytest.mark.parametrize("r", [PROPORTIONAL, ANY], ids=["in proportion", "any"])
def test_counts_and_order_give_the_same_limits(r: Array) -> None:
    trials = drawn_trials(TRUTH, r, 3000, 8)
    sample = Sample(trials.counts(), Sampling("random", r, stopped=True))
    by_counts = estimate_functional(GAME, 0.0, sample, math.log(ALPHA))
    values, place = score_table(GAME, r, trials)
    by_order = _limits(values[place], ALPHA)
    scale = float(np.abs(GAME / r).max())
    low, high = (scale * (2 * end - 1) for end in by_order)
    assert (by_counts.low, by_counts.high) == pytest.approx((low, high), abs=1e-9)


@pytest.mark.parametrize("trials", [1000, 10_000, 100_000])
def test_wins_and_losses_cost_less_than_twice_the_width_for_a_fixed_number(trials: int) -> None:
    """The interval has the same estimate, holds the exact binomial one, and is less than twice as wide."""
    sample = _sample(np.random.default_rng(9), PROPORTIONAL, trials)
    for significance in (0.05, 1e-3, 1e-6):
        fixed = estimate_functional(GAME, 1.0, sample, math.log(significance / 2))
        always = estimate_functional(GAME, 1.0, _any_time(sample), math.log(significance / 2))
        assert always.estimate == fixed.estimate
        assert always.low < fixed.low < fixed.high < always.high
        assert always.high - always.low < 2 * (fixed.high - fixed.low)


def test_limits_combine_as_in_the_analysis_of_a_finished_run() -> None:
    # μ of a memoryless edge, for which the settings were drawn: the fixed number's limits are Chernoff's at any other.
    scenario = Scenario.default().with_experiment(against="memoryless")
    sample = _sample(np.random.default_rng(11), PROPORTIONAL, 20_000)
    plan = FRONTIERS.operating_point(scenario)
    finished = analyze(scenario, sample, provenance(), point=plan, frontiers=FRONTIERS)
    certificate, advantage = finished.certificate, finished.advantage
    found = ConfidenceRegion.of(FRONTIERS, _any_time(sample), certificate.multiplier, certificate.significance)
    absolute, relative = found.reduction()
    for wide, narrow in (
        (absolute, advantage.waiting_time_reduction),
        (relative, advantage.waiting_time_reduction_relative),
    ):
        assert wide.estimate == pytest.approx(narrow.estimate, abs=1e-12)
        assert wide.low < narrow.low < narrow.high < wide.high
    assert certificate.excess_at_least is not None
    assert certificate.excess.low < certificate.excess_at_least


def test_lost_trials_widen_both_sides() -> None:
    whole = _any_time(_sample(np.random.default_rng(12), PROPORTIONAL, 4000))
    part = Sample(whole.counts, replace(whole.sampling, lost=np.full((2, 2), 25)))
    for functional in (GAME, -WORKLOAD.joint / 2):
        before, after = (estimate_functional(functional, 0.0, each, math.log(ALPHA)) for each in (whole, part))
        assert after.low < before.low
        assert after.high > before.high


def test_shares_of_the_stake_sum_to_one() -> None:
    assert np.exp(LOG_SHARES).sum() == pytest.approx(1, abs=1e-12)
    assert np.all(ODDS > 0)


def test_settings_that_are_not_fresh_are_refused() -> None:
    counts = _sample(np.random.default_rng(14), PROPORTIONAL, 100).counts
    for sampling in (Sampling("fixed"), Sampling("random", PROPORTIONAL, block=4), Sampling("random")):
        with pytest.raises(DataError, match="drawn afresh"):
            estimate_functional(GAME, 0.0, _any_time(Sample(counts, sampling)), math.log(ALPHA))
