"""Bets: no rival has a mean above 1, they grow as fast as anything can, and rounds and lost trials change nothing."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from bellqueue.analysis.certificate.bets import Bet, Bettor, RunningBets, local_bet, score_bet
from bellqueue.model.errors import DataError
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import LinearConstraint, linprog, minimize

from .devices import drawn_trials

Floats = NDArray[np.float64]

CHSH = np.array([[1.0, 1.0], [1.0, -1.0]])
EVEN = np.full((2, 2), 0.25)
TSIRELSON = CHSH / math.sqrt(2)
# Weights that no distribution in proportion to them is drawn from.
GAME = np.array([[1.0, 0.4, -0.3], [0.2, -1.0, 0.5]])


def _local(shape: tuple[int, int]) -> list[Floats]:
    """Correlators of every deterministic strategy, listed out."""
    sides = [list(itertools.product((1.0, -1.0), repeat=n)) for n in shape]
    return [np.outer(a, b) for a in sides[0] for b in sides[1]]


def _mean(bet: Bet, correlators: Floats) -> float:
    """Of the factor, by its definition."""
    together, split = (1 + correlators) / 2, (1 - correlators) / 2
    return float((bet.distribution * (together * bet.factors[..., 0] + split * bet.factors[..., 1])).sum())


def _largest_mean(bet: Bet, functional: Floats, bound: float) -> float:
    """Over all c in [−1, 1] with Σ H c ≤ h: a linear programme."""
    slope = bet.distribution * (bet.factors[..., 0] - bet.factors[..., 1]) / 2
    found = linprog(-slope.ravel(), functional.ravel()[None], [bound], bounds=(-1, 1))
    assert found.success
    return float((bet.distribution * bet.factors.sum(axis=2) / 2).sum()) - float(found.fun)


def _random(seed: int, shape: tuple[int, int]) -> tuple[Floats, float, Floats, Floats]:
    """A functional, a bound, correlators beyond it, and a distribution."""
    rng = np.random.default_rng(seed)
    functional, r = rng.normal(size=shape), rng.dirichlet(np.ones(shape[0] * shape[1])).reshape(shape)
    predicted = rng.uniform(0.2, 1.0) * np.sign(functional) * rng.uniform(0.5, 1.0, size=shape)
    value = float((functional * predicted).sum())
    return functional, value * float(rng.uniform(0.3, 0.99)), predicted, r


@given(st.integers(0, 10**6), st.sampled_from([(2, 2), (2, 3), (4, 4)]))
def test_no_score_within_the_bound_has_a_mean_above_1(seed: int, shape: tuple[int, int]) -> None:
    functional, bound, predicted, r = _random(seed, shape)
    bet = score_bet(functional, bound, predicted, r)
    assert bet.factors.min() > 0
    assert _largest_mean(bet, functional, bound) <= 1 + 1e-9
    assert bet.rate > 0


@given(st.integers(0, 10**6), st.sampled_from([(2, 2), (3, 2), (3, 4)]))
def test_no_local_strategy_has_a_mean_above_1(seed: int, shape: tuple[int, int]) -> None:
    functional, _, predicted, r = _random(seed, shape)
    bound = max(float((functional * each).sum()) for each in _local(shape))
    bet = local_bet(predicted, r, (functional, bound))
    assert bet.factors.min() > 0
    assert max(_mean(bet, each) for each in _local(shape)) <= 1 + 1e-9


def _least_divergence(q: Floats, r: Floats, corners: Floats | None, functional: Floats, bound: float) -> float:
    """min Σ r KL(q‖ω) over mixtures of the corners, or over Σ H ω ≤ h, by a general solver."""

    def divergence(omega: Floats) -> float:
        inside = np.clip(omega, -1 + 1e-9, 1 - 1e-9)
        parts = [(1 + s * q) / 2 * np.log((1 + s * q) / (1 + s * inside)) for s in (1, -1)]
        return float((r * sum(parts)).sum())

    if corners is None:
        limit = LinearConstraint(functional[None], -np.inf, bound)
        found = minimize(divergence, 0.5 * q, bounds=[(-0.9999, 0.9999)] * q.size, constraints=limit, method="SLSQP")
        return float(found.fun)
    count = len(corners)
    found = minimize(
        lambda shares: divergence(shares @ corners),
        np.full(count, 1 / count),
        bounds=[(0, 1)] * count,
        constraints={"type": "eq", "fun": lambda shares: shares.sum() - 1},
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-12},
    )
    return float(found.fun)


@pytest.mark.parametrize("visibility", [1.0, 0.9, 0.8])
def test_the_growth_rate_is_the_least_divergence_from_the_null(visibility: float) -> None:
    """No bet grows faster on average, since the null holds correlators that explain the rest."""
    r, q = np.array([[0.3, 0.2], [0.3, 0.2]]), visibility * TSIRELSON
    corners = np.array([each.ravel() for each in _local((2, 2))])
    expected = _least_divergence(q.ravel(), r.ravel(), corners, CHSH.ravel(), 2.0)
    assert local_bet(q, r, (CHSH, 2.0)).rate == pytest.approx(expected, rel=2e-3)
    expected = _least_divergence(q.ravel(), r.ravel(), None, CHSH.ravel(), 2.0)
    assert score_bet(CHSH, 2.0, q, r).rate == pytest.approx(expected, rel=1e-5)


def test_chsh_from_even_settings_grows_as_the_likelihood_of_winning() -> None:
    """q = (2+√2)/4 against 3/4: the score says no more; the local polytope does."""
    win = (2 + math.sqrt(2)) / 4
    divergence = win * math.log(win / 0.75) + (1 - win) * math.log((1 - win) / 0.25)
    assert score_bet(CHSH, 2.0, TSIRELSON, EVEN).rate == pytest.approx(divergence, rel=1e-6)
    assert local_bet(TSIRELSON, EVEN, (CHSH, 2.0)).rate == pytest.approx(divergence, rel=1e-4)


def test_five_types_hide_a_better_inequality_than_the_games() -> None:
    """The pair of types that violates CHSH most is found, though the game barely gains."""
    functional, q, r = np.zeros((4, 4)), np.zeros((4, 4)), np.full((4, 4), 1 / 16)
    functional[:2, :2], q[:2, :2] = CHSH, TSIRELSON
    weak = np.ones((4, 4))
    bound = max(float((weak * each).sum()) for each in _local((4, 4)))
    bet = local_bet(q, r, (weak, bound))
    chsh = score_bet(functional, 2.0, q, r)
    assert bet.rate == pytest.approx(chsh.rate, rel=1e-3)
    assert bet.rate > 0.005


def test_what_the_bound_allows_is_no_bet() -> None:
    bet = score_bet(CHSH, 2.0, 0.6 * TSIRELSON, EVEN)
    assert bet.factors == pytest.approx(np.ones((2, 2, 2)), abs=1e-8)
    assert local_bet(0.6 * TSIRELSON, EVEN, (CHSH, 2.0)).rate <= 0
    with pytest.raises(DataError, match="above 0"):
        score_bet(CHSH, 2.0, TSIRELSON, np.array([[0.5, 0.5], [0.0, 0.0]]))


def _chsh(q: Floats, r: Floats) -> Bet:
    return score_bet(CHSH, 2.0, q, r)


@given(st.lists(st.integers(1, 999), max_size=4))
def test_rounds_change_nothing(cuts: list[int]) -> None:
    trials = drawn_trials(0.9 * TSIRELSON, EVEN, 1000, 1)
    whole, parts = RunningBets(_chsh, TSIRELSON, EVEN), RunningBets(_chsh, TSIRELSON, EVEN)
    path = whole.update(trials)
    ends = [0, *sorted(set(cuts)), 1000]
    found = [parts.update(trials[start:stop]) for start, stop in itertools.pairwise(ends)]
    assert np.concatenate(found) == pytest.approx(path, abs=1e-9)
    assert parts.log_p_value == pytest.approx(whole.log_p_value, abs=1e-9)


def test_every_stake_is_the_product_of_bets_made_before() -> None:
    """The factors are those of bets that a bettor was asked for with nothing but the trials before them."""
    trials = drawn_trials(0.9 * TSIRELSON, EVEN, 700, 2)
    asked: list[Floats] = []

    def recorded(q: Floats, r: Floats) -> Bet:
        asked.append(q)
        return _chsh(q, r)

    path = RunningBets(recorded, 0.95 * TSIRELSON, EVEN).update(trials)
    part = RunningBets(recorded, 0.95 * TSIRELSON, EVEN)
    part.update(trials[:400])
    assert len(asked) > 6
    first = [each.tolist() for each in asked[: len(asked) // 2 + 1]]
    assert all(each.tolist() in first for each in asked)  # the rest of the run changed none of them
    wealth, bet = 0.0, _chsh(0.95 * TSIRELSON, EVEN)
    for at in range(100):  # until the prediction is first mended
        x, y, a, b = (int(column[at]) for column in (trials.x, trials.y, trials.a, trials.b))
        wealth += math.log(bet.factors[x, y, a ^ b])
        assert path[at] == pytest.approx(wealth, abs=1e-12)


def test_a_wrong_prediction_is_mended() -> None:
    """Predicted far too good, or for other bases: hardly less is won than by those who know the truth beforehand."""
    truth = 0.85 * TSIRELSON
    trials, best = drawn_trials(truth, EVEN, 30_000, 3), score_bet(CHSH, 2.0, truth, EVEN)
    knowing = float(np.log(best.factors[trials.x, trials.y, trials.a ^ trials.b]).sum())
    for predicted in (TSIRELSON, 0.75 * TSIRELSON, np.array([[0.9, 0.5], [0.5, -0.9]])):
        assert RunningBets(_chsh, predicted, EVEN).update(trials)[-1] > 0.9 * knowing > 100


@pytest.mark.parametrize("bettor", [_chsh, lambda q, r: local_bet(q, r, (CHSH, 2.0))], ids=["score", "local"])
def test_lost_trials_are_charged_wherever_they_lay(bettor: Bettor) -> None:
    """Never less is charged than if they had come with any outcome at any moment."""
    rng = np.random.default_rng(4)
    trials = drawn_trials(0.95 * TSIRELSON, EVEN, 900, 4)
    kept = np.sort(rng.choice(900, 895, replace=False))
    gone = np.setdiff1d(np.arange(900), kept)
    lost = np.zeros((2, 2), dtype=np.int64)
    np.add.at(lost, (trials.x[gone], trials.y[gone]), 1)
    some, without = RunningBets(bettor, TSIRELSON, EVEN), RunningBets(bettor, TSIRELSON, EVEN)
    some.update(trials[kept], lost)
    without.update(trials[kept])
    assert without.log_p_value < some.log_p_value < 0
    nothing = RunningBets(bettor, TSIRELSON, EVEN)
    nothing.update(None, lost)
    assert nothing.log_p_value == 0


def test_bets_know_the_settings_they_gain_from() -> None:
    """Where |H|/r is uneven, the bet grows faster than the best stake on the score alone."""
    q, r = np.sign(GAME) * 0.9, np.full((2, 3), 1 / 6)
    bound = max(float((GAME * each).sum()) for each in _local((2, 3)))
    scale = float(np.abs(GAME / r).max())
    mean, null = (float((GAME * q).sum()) / scale + 1) / 2, (bound / scale + 1) / 2
    chernoff = mean * math.log(mean / null) + (1 - mean) * math.log((1 - mean) / (1 - null))
    assert score_bet(GAME, bound, q, r).rate > 1.3 * chernoff
