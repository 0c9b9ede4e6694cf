"""How verify judges bets and limits: against strategies listed out, linear programmes, and the program itself."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from bellqueue.analysis.certificate import stratified
from bellqueue.analysis.certificate.bets import RunningBets, score_bet
from bellqueue.analysis.certificate.samples import Sample
from bellqueue.analysis.verification.betting import Bets, carried_on, largest_mean
from bellqueue.analysis.verification.evidence import Evidence
from bellqueue.analysis.verification.strata import Strata, scatter
from bellqueue.model.trials import Counts, Sampling, Trials
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linprog

Floats = NDArray[np.float64]

CHSH = np.array([[1.0, 1.0], [1.0, -1.0]])
EVEN = np.full((2, 2), 0.25)


@given(st.integers(0, 10**6), st.sampled_from([(2, 2), (2, 3), (3, 3)]))
def test_the_largest_mean_is_that_of_all_strategies_and_of_a_linear_programme(
    seed: int, shape: tuple[int, int]
) -> None:
    rng = np.random.default_rng(seed)
    factors, r = rng.uniform(0, 2, size=(*shape, 2)), rng.dirichlet(np.ones(shape[0] * shape[1])).reshape(shape)
    score = rng.normal(size=shape)
    slope, constant = r * (factors[..., 0] - factors[..., 1]) / 2, float((r * factors.sum(axis=2)).sum()) / 2
    sides = [list(itertools.product((1, -1), repeat=n)) for n in shape]
    best = max(float((slope * np.outer(a, b)).sum()) for a in sides[0] for b in sides[1])
    assert largest_mean(factors, r, score, math.inf, local=True) == pytest.approx(constant + best, rel=1e-12)
    bound = float(rng.uniform(-0.9, 0.9) * np.abs(score).sum())
    found = linprog(-slope.ravel(), score.ravel()[None], [bound], bounds=(-1, 1))
    assert largest_mean(factors, r, score, bound, local=False) == pytest.approx(constant - found.fun, rel=1e-7)


def proposed(running: RunningBets, factor: float = 1.0) -> Bets:
    """The program's bets, or others, on the trials to come."""
    while True:
        codes = yield factor * running.bet.factors, running.until
        x, y, a, b = np.unravel_index(codes, (2, 2, 2, 2))
        running.update(Trials(x, y, a, b, (2, 2)))


def test_stakes_are_carried_on_as_the_program_does_and_unfair_bets_are_found() -> None:
    rng = np.random.default_rng(1)
    x, y, a = rng.integers(0, 2, size=(3, 1000))
    b = a ^ (rng.random(1000) > (1 + 0.7 * CHSH[x, y]) / 2)
    trials, codes = Trials(x, y, a, b, (2, 2)), ((x * 2 + y) * 2 + a) * 2 + b
    lost = np.array([[1, 0], [0, 2]])
    evidence = Evidence(trials.counts().table, lost, EVEN, True, 1)

    def running() -> RunningBets:
        return RunningBets(lambda q, r: score_bet(CHSH, 2.0, q, r), 0.65 * CHSH, EVEN)

    own = running()
    own.update(trials, lost)
    log_p, mean = carried_on(proposed(running()), evidence, codes, CHSH, 2.0, local=False)
    assert log_p == pytest.approx(own.log_p_value, abs=1e-9)
    assert log_p < -5
    assert mean <= 1
    assert carried_on(proposed(running()), evidence, codes, CHSH, 2.0, local=True)[1] <= 1
    assert carried_on(proposed(running(), 1.001), evidence, codes, CHSH, 2.0, local=True)[1] > 1


@given(st.integers(0, 10**6))
def test_both_ways_to_the_least_divergence_agree(seed: int) -> None:
    """Dual in the program, primal by bisection here; and at its limits the e-value has its level."""
    rng = np.random.default_rng(seed)
    asked = rng.integers(20, 3000, size=(2, 2))
    same = rng.binomial(asked, (1 + rng.uniform(0.5, 0.99) * CHSH) / 2)
    table = np.stack([np.stack([same, asked - same], -1), np.zeros((2, 2, 2), dtype=np.int64)], -2)
    evidence = Evidence(table, np.zeros((2, 2), dtype=np.int64), None, False, 1)
    sample, strata = Sample(Counts(table), Sampling("fixed")), Strata.of(CHSH, evidence)
    for bound in (0.5, 2.0):
        own = stratified.log_tail(CHSH, sample, bound)
        assert own == pytest.approx(strata.log_tail(bound), rel=1e-6, abs=1e-6)
    low, high = stratified.limits(CHSH, sample, math.log(1e-3))
    assert strata.log_e_value(low, math.log(1e3)) == pytest.approx(math.log(1e3), rel=1e-6)
    assert Strata.of(-CHSH, evidence).log_e_value(-high, math.log(1e3)) == pytest.approx(math.log(1e3), rel=1e-6)


@pytest.mark.parametrize(("wins", "trials"), [(0, 1), (3, 4), (5, 12)])
def test_the_scatter_by_moments_is_that_of_the_program(wins: int, trials: int) -> None:
    expected = stratified._scatter(np.array([float(wins)]), np.array([float(trials)]))[0]
    assert scatter(wins, trials) == pytest.approx(expected, rel=1e-12)
